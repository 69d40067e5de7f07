"""Work in the background, one step at a time, in the gaps of speech."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable

QUIET_S = 0.5
"""Without a window for so long nobody speaks."""
SHARE_OF_SPEECH = 3.0
"""Of a service that never falls silent: so many times what a step has taken is left to speech, then comes the next."""


class Gaps:
    """Finds the gaps: the thread that renders says `rendered`, another one has its work run by `run`.

    Args:
        clock, sleep: in seconds; tests replace them.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._rendered_at = -math.inf

    def rendered(self) -> None:
        """A window has been made."""
        self._rendered_at = self._clock()

    def run(self, steps: Iterable[object]) -> None:
        """Takes all steps in the thread that calls. Returns after the last one."""
        began_at = self._clock()
        for _ in steps:
            now = self._clock()
            resume_at = now + SHARE_OF_SPEECH * (now - began_at)
            while (now := self._clock()) < (until := min(resume_at, self._rendered_at + QUIET_S)):
                self._sleep(until - now)
            began_at = now
