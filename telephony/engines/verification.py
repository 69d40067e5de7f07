"""Whether the files of the engine that speaks are what they should be, found out while it speaks."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger()

_LOWEST_PRIORITY = 19


class Verification:
    """Reads the engine's files once, in a thread that gives way to speech. Nothing waits for it.

    Args:
        find_damage: says what is wrong and what to do, or None. None in its place: there is nothing to verify.
    """

    def __init__(self, find_damage: Callable[[], str | None] | None) -> None:
        self._find_damage = find_damage
        self.damage: str | None = None
        """What is wrong; None as long as nothing was found."""

    def start(self) -> None:
        """Begins. Once."""
        if self._find_damage is not None:
            # A daemon: the end of the process must not wait for a slow disk.
            threading.Thread(target=self._run, args=(self._find_damage,), name="verify", daemon=True).start()

    def _run(self, find_damage: Callable[[], str | None]) -> None:
        if sys.platform == "linux":  # where every thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
        self.damage = find_damage()
        if self.damage is not None:
            log.error("weights_damaged", error=self.damage, effect="calls go on, readiness is refused")
