"""Long texts, read on in slices beside the threads that serve everybody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from telephony.scheduling.queues import Request


class Core(Protocol):
    """The scheduler, as its reader knows it."""

    changed: threading.Condition


class Reading:
    """Finds the next segment of every text that has become `unread`, a slice of each in turn.

    `run` is the work of one thread, which is the only one that touches such a text's segments. Behind each slice that
    found nothing it rests for as long as that took: Python runs one thread at a time, and this one has the least
    urgent work.

    Args:
        core: whose `changed` guards the requests, and tells of new ones.
        requests: those that are next in their queues; called with `changed` held.
    """

    def __init__(self, core: Core, requests: Callable[[], Iterable[Request]]) -> None:
        self._core = core
        self._requests = requests
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ends `run` after the slice that is being read."""
        self._stopping.set()
        with self._core.changed:
            self._core.changed.notify_all()

    def run(self) -> None:
        """Until `stop`."""
        while (request := self._next()) is not None:
            started = time.monotonic()
            request.progress.read_on()
            if request.progress.unread:
                self._stopping.wait(time.monotonic() - started)
            else:
                with self._core.changed:
                    self._core.changed.notify_all()
            del request  # who is gone must not stay in memory while the thread waits

    def _next(self) -> Request | None:
        """Waits for a text to read on: the one of which least was read. None once stopping."""
        with self._core.changed:
            while not self._stopping.is_set():
                unread = [request for request in self._requests() if request.progress.unread]
                if unread:
                    return min(unread, key=lambda request: request.progress.slices_read)
                self._core.changed.wait()
            return None
