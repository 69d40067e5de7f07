"""Audio as numbers: pure functions and small states, no I/O."""

from __future__ import annotations

import numpy as np

from telephony.engines.base import Samples

_LOUD = 0.01  # full scale is 1: about -40 dB, under the quietest consonant and over a vocoder's noise
_LEAD_S = 0.02
_TAIL_S = 0.06


class SilenceTrimmer:
    """Removes silence at both ends of a piece of speech, window by window, and keeps what lies inside.

    Silence that may turn out to be the end is held back until speech follows. `finish` drops it and leaves a pause of a
    chosen length. One piece, one trimmer.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._begun = False
        self._held = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> Samples:
        """Takes the next samples [n]; returns those that are certain to be heard (perhaps none)."""
        pending = np.concatenate([self._held, samples])
        loud = np.flatnonzero(np.abs(pending) > _LOUD)
        if len(loud) == 0:
            # Before speech only the lead-in has to be kept.
            self._held = pending if self._begun else pending[len(pending) - self._count(_LEAD_S) :]
            return np.zeros(0, np.float32)
        start = 0 if self._begun else max(0, int(loud[0]) - self._count(_LEAD_S))
        end = int(loud[-1]) + 1
        self._begun = True
        self._held = pending[end:]
        return pending[start:end]

    def finish(self, pause_s: float) -> Samples:
        """The end of the piece: a short tail, which fades, and silence up to `pause_s` seconds after the last sound."""
        tail = self._held[: self._count(_TAIL_S)] if self._begun else np.zeros(0, np.float32)
        self._held = np.zeros(0, np.float32)
        faded = tail * np.linspace(1.0, 0.0, len(tail), dtype=np.float32)
        pause = np.zeros(max(0, self._count(pause_s) - len(tail)), np.float32)
        return np.concatenate([faded, pause])

    def _count(self, seconds: float) -> int:
        return round(seconds * self._sample_rate)
