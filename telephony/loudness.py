"""Every voice at the same level, without pumping: one gain for a whole text, and peaks that round off.

A voice's level hardly changes, so it is measured while it speaks and then known for good. A text has one gain from its
first sample to its last: what is soft in a sentence stays soft. Used by the tasks of one event loop.
"""

from __future__ import annotations

import math

import numpy as np

from telephony.engines.base import Samples

CEILING = 10 ** (-1 / 20)
"""No sample that leaves here is larger: 1 dB under full scale, so that a resampler's overshoot has room too."""

_KNEE = CEILING / 2
_BLOCK_S = 0.02
# Pauses are no speech: what is under the floor (-50 dB), or 20 dB under the speech so far, does not count.
_FLOOR = 1e-5
_GATE = 0.01
# So much speech gives a first idea of a level (a window has more), and so much settles it.
_FIRST_BLOCKS = 5
_SETTLED_BLOCKS = 1000
# What is further off is no voice that wants another gain.
_MAX_GAIN_DB = 15.0


class Loudness:
    """The levels of all voices that have spoken.

    Args:
        level_db: what speech is brought to: RMS without its pauses, in dB under full scale, such as -20.
    """

    def __init__(self, level_db: float) -> None:
        self._level_db = level_db
        self._voices: dict[tuple[str, str], _Level] = {}

    def leveller(self, engine: str, voice: str) -> Leveller:
        """For one text, spoken by that voice."""
        return Leveller(self._voices.setdefault((engine, voice), _Level()), self._level_db)


class Leveller:
    """Brings one text to a level. Made by `Loudness.leveller`."""

    def __init__(self, level: _Level, level_db: float) -> None:
        self._level = level
        self._level_db = level_db
        self._gain = self._known_gain()

    def apply(self, samples: Samples, sample_rate: int) -> Samples:
        """The next window, float32 [n] at `sample_rate` Hz, at its level; no sample is larger than CEILING.

        Nothing is held back: of a voice that was never heard, the first window with speech decides for all of its text.
        """
        self._level.measure(samples, sample_rate)
        if self._gain is None:
            self._gain = self._known_gain()
        return limited(samples if self._gain is None else samples * np.float32(self._gain))

    def _known_gain(self) -> float | None:
        level_db = self._level.db
        if level_db is None:
            return None
        return float(10 ** (np.clip(self._level_db - level_db, -_MAX_GAIN_DB, _MAX_GAIN_DB) / 20))


class _Level:
    """The level of one voice: mean power of its blocks that are speech."""

    def __init__(self) -> None:
        self._power = 0.0
        self._blocks = 0

    @property
    def db(self) -> float | None:
        """In dB under full scale; None while too little was heard."""
        return 10 * math.log10(self._power / self._blocks) if self._blocks >= _FIRST_BLOCKS else None

    def measure(self, samples: Samples, sample_rate: int) -> None:
        """Takes more of the voice, until its level is settled."""
        size = round(_BLOCK_S * sample_rate)
        if self._blocks >= _SETTLED_BLOCKS or len(samples) < size:
            return
        blocks = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
        powers = np.mean(blocks**2, axis=1)
        powers = powers[powers > _FLOOR]
        if len(powers):
            mean = (self._power + powers.sum()) / (self._blocks + len(powers))
            speech = powers[powers > _GATE * mean]
            self._power += float(speech.sum())
            self._blocks += len(speech)


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
