"""Who is told what happens in calls. Whoever has something to tell goes on at once: a thread of its own tells it."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable

import structlog

from telephony.protocols.call_events import CallEvent
from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()

MAX_SCHEDULED = 100_000
"""Events that are still to come, of all calls; further ones are dropped and counted."""

Tell = Callable[[CallEvent], None]
"""Takes an event, in the thread `call-events`; must return at once."""


class Scheduled:
    """An event that is to be told at its time. Made by `CallEvents.publish`."""

    def __init__(self, events: CallEvents, event: CallEvent, on_told: Callable[[], None]) -> None:
        self.event = event
        self.on_told = on_told
        self.pending = True
        self._events = events

    def withdraw(self) -> bool:
        """Nobody is told any more; False if that is too late. Any thread."""
        return self._events.withdraw(self)


class CallEvents:
    """Tells subscribers of all calls. `start` once, `close` once; all else from any thread.

    Its lock is the innermost of all.

    Args:
        clock: seconds, monotonic; tests replace it.
        unix_clock: seconds since 1970; likewise.
    """

    def __init__(
        self,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        unix_clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self.unix_clock = unix_clock
        self._metrics = metrics
        self._changed = threading.Condition()
        self._scheduled: list[tuple[float, int, Scheduled]] = []
        self._numbers = itertools.count()
        self._subscribers: dict[object, Tell] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="call-events")

    def start(self) -> None:
        """Begins to tell."""
        self._thread.start()

    def close(self) -> None:
        """Tells what is due, and ends the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def subscribe(self, tell: Tell) -> Callable[[], None]:
        """Tells `tell` of every event from now on, until what is returned is called."""
        token = object()
        with self._changed:
            self._subscribers[token] = tell

        def unsubscribe() -> None:
            with self._changed:
                self._subscribers.pop(token, None)

        return unsubscribe

    def publish(self, event: CallEvent, at: float, on_told: Callable[[], None] = lambda: None) -> Scheduled:
        """Tells of an event at its time, on the clock.

        Args:
            on_told: called behind it, in the thread `call-events`; not if it is withdrawn or dropped.
        """
        scheduled = Scheduled(self, event, on_told)
        with self._changed:
            if len(self._scheduled) < MAX_SCHEDULED:
                heapq.heappush(self._scheduled, (at, next(self._numbers), scheduled))
                self._changed.notify_all()
                return scheduled
            scheduled.pending = False
        self._metrics.call_events_lost.labels("scheduled").inc()
        return scheduled

    def withdraw(self, scheduled: Scheduled) -> bool:
        """See `Scheduled.withdraw`."""
        with self._changed:
            was_pending, scheduled.pending = scheduled.pending, False
            return was_pending

    def _run(self) -> None:
        while (scheduled := self._next()) is not None:
            with self._changed:
                subscribers = list(self._subscribers.items())
            for token, tell in subscribers:
                try:
                    tell(scheduled.event)
                except Exception:  # a subscriber with a defect is told nothing more; the others are
                    log.exception("call_event_failed")
                    with self._changed:
                        self._subscribers.pop(token, None)
            scheduled.on_told()

    def _next(self) -> Scheduled | None:
        """Waits for the next event that is due; None once closed and none is."""
        with self._changed:
            while True:
                while self._scheduled and not self._scheduled[0][2].pending:
                    heapq.heappop(self._scheduled)
                wait_s = self._scheduled[0][0] - self.clock() if self._scheduled else None
                if wait_s is not None and wait_s <= 0:
                    _, _, scheduled = heapq.heappop(self._scheduled)
                    scheduled.pending = False
                    return scheduled
                if self._closed:
                    return None
                self._changed.wait(wait_s)
