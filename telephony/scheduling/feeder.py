"""Everything that comes before an engine's windows: segments are begun, looked up, prepared.

The *segments* thread takes a segment from its text, looks it up in the phrase cache, and delivers what needs no engine,
which is what was found and pauses. What was not found it has prepared by another thread of the engine's (see
preparation.py), for which nobody waits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING, Protocol

import structlog

from telephony.engines.base import UnspeakableError, Utterance
from telephony.engines.thread import Call, StalledError
from telephony.scheduling import queues
from telephony.scheduling.admission import Admission
from telephony.scheduling.delivery import Delivery
from telephony.scheduling.failover import Failover
from telephony.scheduling.policy import urgency
from telephony.scheduling.preparation import Preparation
from telephony.scheduling.progress import SegmentInWork, TracedSegment
from telephony.scheduling.queues import ListenerQueue, Request
from telephony.scheduling.sources import Sources

if TYPE_CHECKING:  # it imports the packages for it
    from telephony.telemetry.tracing import Tracing

log = structlog.get_logger()

_Step = Callable[[ListenerQueue, Request], None]


class Core(queues.Core, Protocol):
    """The scheduler, as its feeder knows it."""

    def release(self, requests: Iterable[Request]) -> None:
        """These requests are in service no more."""
        ...

    def wake(self) -> None:
        """Something has changed. Any thread."""
        ...


class Feeder:
    """Takes segments to their engines. `run` is the work of one thread.

    Args:
        core: whose `changed` guards the requests, and tells of new ones.
        active: the queues with work. Read with `changed` held.
        admission: is told what preparation costs.
        tracing: is told of every segment; None where texts are not traced.
    """

    def __init__(
        self,
        core: Core,
        active: Collection[ListenerQueue],
        sources: Sources,
        delivery: Delivery,
        *,
        failover: Failover,
        admission: Admission,
        tracing: Tracing | None,
    ) -> None:
        self._core = core
        self._active = active
        self._sources = sources
        self._delivery = delivery
        self._failover = failover
        self._admission = admission
        self._tracing = tracing
        self._preparation = Preparation(failover, core.now, core.wake)
        self._stopping = False

    def stop(self) -> None:
        """Ends `run` after the step that is being done."""
        with self._core.changed:
            self._stopping = True
            self._core.changed.notify_all()

    def run(self) -> None:
        """Until `stop`."""
        while (step := self._next_step()) is not None:
            queue, request, do = step
            try:
                do(queue, request)
            except Exception:  # a defect of ours: this text ends here, other texts and other calls go on
                log.exception("segment_step_failed")
                self._delivery.abandon(queue, request)
            if not self._preparation.has(request):
                self._core.release([request])
            del step, queue, request, do  # a listener that is gone must not stay in memory while the thread waits

    def _next_step(self) -> tuple[ListenerQueue, Request, _Step] | None:
        """Waits for something to do that needs no engine, or only to be prepared; None once stopping."""
        with self._core.changed:
            while not self._stopping:
                step, pause_s = self._first_step_locked()
                if step is not None:
                    return step
                self._core.changed.wait(pause_s)
            return None

    def _first_step_locked(self) -> tuple[tuple[ListenerQueue, Request, _Step] | None, float | None]:
        """What is to be done now, if anything is, else how long to wait for it, in seconds.

        Apart from the wait, so that nothing of a queue outlives it.
        """
        if (over := self._preparation.take_over()) is not None:
            return (over.queue, over.request, partial(self._prepared, over.call)), None
        now = self._core.now()
        able = [queue for queue in self._active if not queue.requests[0].progress.in_service and queue.has_room()]
        able.sort(key=lambda queue: urgency(queue, now))
        step: tuple[ListenerQueue, Request, _Step] | None = None
        for queue in able:
            request = queue.requests[0]
            segment = request.progress.current
            if segment is not None and segment.source.unprepared_locked():
                if self._preparation.idle(request.current.engine):
                    step = queue, request, self._prepare
                    break  # while that is made, there is time for everything else
            elif step is None and _needs_no_engine(request, now):
                step = queue, request, self._go_on
        if step is None:
            return None, self._pause_s(able, now)
        step[1].progress.in_service = True
        return step, None

    def _pause_s(self, able: Collection[ListenerQueue], now: float) -> float | None:
        """How long to wait if nothing happens, in seconds: until a lookup or a preparation has taken too long."""
        segments = [segment for queue in able if (segment := queue.requests[0].progress.current) is not None]
        waits = [until - now for segment in segments if (until := segment.source.sought_until) is not None]
        overdue_s = self._preparation.next_overdue_s()
        return min(waits if overdue_s is None else [*waits, overdue_s], default=None)

    def _go_on(self, queue: ListenerQueue, request: Request) -> None:
        segment = request.progress.current
        if segment is None:
            self._begin(queue, request)
        elif segment.source.sought_until is not None:
            segment.source.stop_seeking()
        else:
            self._delivery.deliver_next(queue, request)

    def _begin(self, queue: ListenerQueue, request: Request) -> None:
        """Takes the next segment in work, or ends a text of which it has turned out that there is none."""
        progress, measured = request.progress, request.measured
        if progress.exhausted:
            if not measured.audio_s and measured.failure is None:
                self._core.metrics.texts_silent.inc()
            self._delivery.end_text(queue, request)
            return
        segment = progress.take_segment()
        voice = request.current.resolved.saying(segment)
        source = self._sources.open(segment, voice, exact=request.exact, keep=request.keep)
        if self._tracing is None:
            current = SegmentInWork(segment, source, measured)
        else:
            trace = self._tracing.begin_segment(request, str(queue.receiver), segment.text)
            current = TracedSegment(segment, source, measured, trace)
        with self._core.changed:
            progress.current = current
            if not queue.is_next(request):
                progress.cancel()
        if segment.pause_s:
            self._delivery.deliver_next(queue, request)

    def _prepare(self, queue: ListenerQueue, request: Request) -> None:
        """Has the phonemes of the segment in work made."""
        engine, segment = request.current.engine, request.progress.current
        # Where another engine takes over, it is the next step to ask that one.
        if segment is None or (not self._failover.usable(engine) and self._delivery.substitute(request, "paused")):
            return
        with self._core.changed:
            segment.source.begin_locked(engine)
        try:
            self._preparation.start(queue, request, segment)
        except StalledError as error:
            self._failover.failed(engine, error)
            self._delivery.engine_failed(queue, request, error)

    def _prepared(self, call: Call[tuple[Utterance, float]], queue: ListenerQueue, request: Request) -> None:
        """The phonemes of the segment in work are there, or cannot be had."""
        try:
            utterance, spent_s = call.outcome()
        except Exception as error:  # noqa: BLE001 - whatever the engine raises ends this segment and nothing else
            self._failover.failed(request.current.engine, error)
            self._delivery.engine_failed(queue, request, error)
            return
        if utterance.finished:
            nothing = UnspeakableError("the engine has nothing to say for a text")
            self._delivery.engine_failed(queue, request, nothing)
            return
        segment = request.progress.current
        if segment is None:
            return
        segment.prepared(spent_s)
        with self._core.changed:
            self._admission.prepared(spent_s)
            segment.source.prepared_locked(utterance)


def _needs_no_engine(request: Request, now: float) -> bool:
    """Whether it can go on without: it can begin, its next window is there, or the phrase cache took too long."""
    segment = request.progress.current
    return not request.progress.unread if segment is None else segment.source.goes_on(now)
