"""Every voice at the same level, without pumping: one gain for a whole text, and peaks that round off.

A voice's level hardly changes: engines that speak in windows have measured it beforehand, of the others it is measured
while they speak and then known for good. A text has one gain from its first sample to its last: what is soft in a
sentence stays soft. Used by the tasks of one event loop.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from telephony.audio.samples import SpeechLevel
from telephony.speech import Samples

CEILING = 10 ** (-1 / 20)
"""No sample that leaves here is larger: 1 dB under full scale, so that a resampler's overshoot has room too."""

_KNEE = CEILING / 2
# So much speech settles a level.
_SETTLED_S = 20.0
# What is further off is no voice that wants another gain.
_MAX_GAIN_DB = 15.0


class Loudness:
    """The levels of all voices that have spoken.

    Args:
        level_db: what speech is brought to: RMS without its pauses, in dB under full scale, such as -20.
        measured_db: the level of an engine's voice where it was measured beforehand (see `Engine.level_db`).
    """

    def __init__(self, level_db: float, measured_db: Callable[[str, str], float | None]) -> None:
        self._level_db = level_db
        self._measured_db = measured_db
        self._voices: dict[tuple[str, str], SpeechLevel] = {}

    def leveller(self, engine: str, voice: str) -> Leveller:
        """For one text, spoken by that voice."""
        heard = self._voices.setdefault((engine, voice), SpeechLevel())
        return Leveller(heard, self._measured_db(engine, voice), self._level_db)


class Leveller:
    """Brings one text to a level. Made by `Loudness.leveller`."""

    def __init__(self, heard: SpeechLevel, measured_db: float | None, level_db: float) -> None:
        self._heard = heard
        self._level_db = level_db
        self._gain = self._gain_for(heard.db if measured_db is None else measured_db)

    def apply(self, samples: Samples, sample_rate: int, volume: float = 1.0) -> Samples:
        """The next window, float32 [n] at `sample_rate` Hz, at its level; no sample is larger than CEILING.

        `volume` is a factor on top, which is none of the voice's level.

        Nothing is held back: of a voice that was never heard, the first window with speech decides for all of its text.
        """
        if self._heard.speech_s < _SETTLED_S:
            self._heard.measure(samples, sample_rate)
        if self._gain is None:
            self._gain = self._gain_for(self._heard.db)
        gain = volume if self._gain is None else volume * self._gain
        return limited(samples if gain == 1 else samples * np.float32(gain))

    def _gain_for(self, level_db: float | None) -> float | None:
        if level_db is None:
            return None
        return float(10 ** (np.clip(self._level_db - level_db, -_MAX_GAIN_DB, _MAX_GAIN_DB) / 20))


def amplified(samples: Samples, volume: float) -> Samples:
    """`samples` at a volume, a factor, without clipping; where that is 1, as they are."""
    return samples if volume == 1 else limited(samples * np.float32(volume))


def limited(samples: Samples) -> Samples:
    """`samples` with their peaks rounded off under CEILING; what is under half of it passes as it is.

    Without state, so that no peak ducks what is around it; without a corner, so that none clicks.
    """
    size = np.abs(samples)
    if not len(samples) or size.max() <= _KNEE:
        return samples
    room = CEILING - _KNEE
    rounded = np.minimum(_KNEE + room * np.tanh((size - _KNEE) / room), np.float32(CEILING))
    return np.where(size <= _KNEE, samples, np.copysign(rounded, samples)).astype(np.float32)
