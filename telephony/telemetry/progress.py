"""How far something is that takes seconds, for whoever watches the log."""

from __future__ import annotations

import time

import structlog

log = structlog.get_logger()


class Progress:
    """Logs each step as it begins. Any one thread at a time.

    Args:
        steps: how many there are.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._begun = 0
        self._started_at = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first step began, to a hundredth."""
        return round(time.monotonic() - self._started_at, 2)

    def step(self, what: str) -> None:
        """The next step begins."""
        self._begun += 1
        log.info("loading", what=what, step=f"{self._begun}/{self._steps}", elapsed_s=self.elapsed_s)
