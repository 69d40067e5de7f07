"""Which segments are phrases for the cache, and how long speech waits to hear whether it has one."""

from __future__ import annotations

import time
from collections.abc import Callable

from telephony.cache.cache import PhraseCache
from telephony.cache.in_flight import PhraseReader
from telephony.cache.key import PhraseKey, code_revision, normalised
from telephony.speech import Segment
from telephony.telemetry.cache_figures import CacheFigures
from telephony.voices import ResolvedVoice

MAX_CHARS = 500
"""Of a segment that is kept: longer ones are hardly ever said twice."""

PATIENCE_S = 0.1
"""How long a listener waits for a lookup. Files take a millisecond or two; a Redis that fails, 50 ms, once."""

# After a lookup that took longer the cache is left alone: a disk that hangs must not delay every text.
_PAUSE_S = 5.0


class Phrases:
    """The phrase cache as the core sees it. Any thread; nothing here waits.

    Args:
        clock: seconds, monotonic; tests replace it.
    """

    def __init__(self, cache: PhraseCache, figures: CacheFigures, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache = cache
        self._figures = figures
        self._clock = clock
        self._code = code_revision()
        self._paused_until = 0.0

    def open(
        self,
        segment: Segment,
        voice: ResolvedVoice,
        *,
        exact: bool,
        keep: bool = False,
        on_change: Callable[[], None],
    ) -> PhraseReader | None:
        """A listener's place in the phrase that a segment is; None where it is to be spoken without the cache.

        Args:
            voice: who is to say it, and how. Its volume makes no other phrase.
            keep: whether it is kept with the prerendered ones.
            on_change: see `PhraseReader`.
        """
        if segment.pause_s or len(segment.text) > MAX_CHARS or self._clock() < self._paused_until:
            return None
        key = PhraseKey(
            text=normalised(segment.text),
            engine=voice.engine.name,
            revision=f"{voice.engine.revision(voice.voice)}-{self._code}",
            voice=voice.voice,
            speed=float(voice.speed),
            language=voice.language or "",
            intonation=voice.intonation,
            form="exact" if exact else "streamed",
            sample_rate=voice.engine.sample_rate,
        )
        return self._cache.open(key, on_change, keep=keep)

    def overdue(self) -> None:
        """A lookup took longer than `PATIENCE_S`: for some seconds nobody else waits for one."""
        self._figures.overdue.inc()
        self._paused_until = self._clock() + _PAUSE_S
