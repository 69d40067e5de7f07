"""A trace of every text, sent to an OpenTelemetry collector. Imported only where there is one.

    speak (in a room: room)    arrived -> last audio handed over
    |- queue                   arrived -> its first turn
    `- segment                 taken -> its last window; parent of what a room makes of it
       |- prosody              preparation
       |- first window         prepared (or taken) -> handed over
       `- last window          from there -> handed over

The threads that serve a text only note moments; spans are made of them where its next segment begins and at its end.
The SDK's own thread sends them. What it cannot get rid of is dropped and counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from telephony import __version__
from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()

MAX_WAITING = 2048
"""Spans that wait for the collector; about two megabytes."""
_BATCH = 512
# What is left when the service stops is sent in milliseconds, or the collector is gone.
_LAST_SPANS_S = 1.0
# A client chooses it.
_MAX_ID_CHARS = 200

_W3C = TraceContextTextMapPropagator()


class _Engine(Protocol):
    @property
    def name(self) -> str: ...


class _Resolved(Protocol):
    @property
    def read_in(self) -> str: ...


class _Voice(Protocol):
    @property
    def engine(self) -> _Engine: ...
    @property
    def voice(self) -> str: ...
    @property
    def resolved(self) -> _Resolved: ...


class _Measurements(Protocol):
    audio_s: float
    first_audio_s: float | None
    cached: bool
    failure: str | None
    trace: TextTrace | None


class Traced(Protocol):
    """What a trace tells of a request; `Request` of the scheduler is one."""

    @property
    def request_id(self) -> str:
        """As its client has named it; empty for none."""
        ...

    @property
    def traceparent(self) -> str:
        """Of its client's span; empty for none."""
        ...

    @property
    def current(self) -> _Voice:
        """Who speaks it."""
        ...

    @property
    def measured(self) -> _Measurements:
        """Of what was spoken until now, and its trace."""
        ...

    @property
    def arrived_at(self) -> float:
        """In seconds, on the monotonic clock."""
        ...


class SegmentTrace:
    """The moments of a segment, noted by the thread that serves its request. Made by `Tracing.begin_segment`."""

    def __init__(self, span: Span, begun_at: float, clock: Callable[[], float]) -> None:
        self.span = span
        self.begun_at = begun_at
        self.preparation: tuple[float, float] | None = None
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.audio_s = 0.0
        self.cached = False
        self._clock = clock

    @property
    def traceparent(self) -> str:
        """For whoever makes it elsewhere."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(self.span))
        return carrier.get("traceparent", "")

    def prepared(self, spent_s: float) -> None:
        """Its preparation has come to its end, after so many seconds."""
        now = self._clock()
        self.preparation = now - spent_s, now

    def delivered(self, audio_s: float, *, cached: bool) -> None:
        """A window of so many seconds is handed over; `cached` if no engine has worked for it so far."""
        self.last_at = self._clock()
        if self.first_at is None:
            self.first_at = self.last_at
        self.audio_s += audio_s
        self.cached = cached


class TextTrace:
    """The trace of a text that has had its first turn.

    Attributes:
        root: its span.
        segment: the one that is traced now.
        segments, characters: of those that were begun.
    """

    def __init__(self, root: Span) -> None:
        self.root = root
        self.segment: SegmentTrace | None = None
        self.segments = 0
        self.characters = 0


class Tracing:
    """The traces of all texts. Any thread; `close` it once.

    Args:
        url: the collector's, for OTLP over HTTP: http://HOST:4318. Headers, sampler, timeout and names are as the
            OTEL_* variables say.
        metrics: where it counts what is lost.
        room: the name of the room that this is; empty in a door.
        clock: seconds, monotonic: that of the scheduler.
    """

    def __init__(self, url: str, metrics: Metrics, room: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._room = room
        self._clock = clock
        self._zero_ns = time.time_ns() - round(clock() * 1e9)
        self._lock = threading.Lock()
        self._spans = _Spans(url, metrics)
        named = {"service.name": "kokoro-telephony", "service.version": __version__}
        resource = Resource.create(named | dict(OTELResourceDetector().detect().attributes))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(self._spans)
        self._tracer = self._provider.get_tracer("telephony", __version__)

    def begin_segment(self, request: Traced, call: str, text: str) -> SegmentTrace:
        """A request's next segment is taken.

        Args:
            call: names the listener, as in logs.
            text: is counted, and goes no further.
        """
        now = self._clock()
        with self._lock:
            known = request.measured.trace
            if known is None:
                known = request.measured.trace = TextTrace(self._begin_text(request))
                known.root.set_attribute("tts.call", call[:_MAX_ID_CHARS])
                self._add(known.root, "queue", request.arrived_at, now)
            else:
                self._end_segment(known, now)
            known.segments += 1
            known.characters += len(text)
            span = self._start(known.root, "segment", now)
            span.set_attributes({"tts.segment": known.segments, "tts.characters": len(text)})
            known.segment = SegmentTrace(span, now, self._clock)
            return known.segment

    def end_text(self, door: str, request: Traced, dropped: bool) -> None:
        """A request has been spoken, or was dropped."""
        now = self._clock()
        measured, current = request.measured, request.current
        with self._lock:
            known = measured.trace
            if known is None:  # dropped before its first turn
                known = TextTrace(self._begin_text(request))
                self._add(known.root, "queue", request.arrived_at, now)
            else:
                self._end_segment(known, now)
        if not known.root.is_recording():
            return
        known.root.set_attributes(
            {
                "tts.door": door,
                "tts.engine": current.engine.name,
                "tts.voice": current.voice,
                "tts.language": current.resolved.read_in,
                "tts.segments": known.segments,
                "tts.characters": known.characters,
                "tts.audio_s": round(measured.audio_s, 3),
                "tts.from_cache": measured.cached,
                "tts.canceled": dropped and measured.failure is None,
            }
        )
        for name, value in (("tts.request_id", request.request_id[:_MAX_ID_CHARS]), ("tts.room", self._room)):
            if value:
                known.root.set_attribute(name, value)
        if measured.first_audio_s is not None:
            known.root.set_attribute("tts.first_audio_s", round(measured.first_audio_s, 4))
        if measured.failure is not None:
            known.root.set_status(StatusCode.ERROR, measured.failure)
        known.root.end(self._at(now))

    def close(self) -> None:
        """Sends what is left, if the collector takes it within a second."""
        # A daemon: a collector that hangs must not hold up the end of the process.
        last = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        last.start()
        last.join(_LAST_SPANS_S)
        self._spans.give_up()

    def _begin_text(self, request: Traced) -> Span:
        parent = _W3C.extract({"traceparent": request.traceparent}, Context())
        name = "room" if self._room else "speak"
        return self._tracer.start_span(name, parent, SpanKind.SERVER, start_time=self._at(request.arrived_at))

    def _end_segment(self, text: TextTrace, now: float) -> None:
        """Makes the spans of the segment that is traced, which is over by `now`."""
        segment, text.segment = text.segment, None
        if segment is None or not segment.span.is_recording():
            return
        waited_from = segment.begun_at
        if segment.preparation is not None:
            self._add(segment.span, "prosody", *segment.preparation)
            waited_from = segment.preparation[1]
        if segment.first_at is not None and segment.last_at is not None:
            self._add(segment.span, "first window", waited_from, segment.first_at)
            if segment.last_at > segment.first_at:
                self._add(segment.span, "last window", segment.first_at, segment.last_at)
        segment.span.set_attributes({"tts.audio_s": round(segment.audio_s, 3), "tts.from_cache": segment.cached})
        segment.span.end(self._at(now if segment.last_at is None else segment.last_at))

    def _start(self, parent: Span, name: str, begun_at: float) -> Span:
        return self._tracer.start_span(
            name, trace.set_span_in_context(parent, Context()), start_time=self._at(begun_at)
        )

    def _add(self, parent: Span, name: str, begun_at: float, ended_at: float) -> None:
        self._start(parent, name, begun_at).end(self._at(max(begun_at, ended_at)))

    def _at(self, moment: float) -> int:
        """The wall clock at a moment of the monotonic one, in nanoseconds."""
        return self._zero_ns + round(moment * 1e9)


class _Spans(BatchSpanProcessor):
    """Spans that wait for the collector. Those for which there is no place, and those it does not take, are counted."""

    def __init__(self, url: str, metrics: Metrics) -> None:
        self._metrics = metrics
        self._waiting = 0
        self._guard = threading.Lock()
        self._collector = _Collector(url, self._sent)
        # One place more than are given: none is taken from another span.
        super().__init__(self._collector, MAX_WAITING + 1, max_export_batch_size=_BATCH)

    def on_end(self, span: ReadableSpan) -> None:
        """Any thread."""
        with self._guard:
            full = self._waiting >= MAX_WAITING
            self._waiting += not full
        if full:
            self._metrics.spans_lost.inc()
        else:
            super().on_end(span)

    def give_up(self) -> None:
        """What waits still is lost; nothing is tried again."""
        self._collector.shutdown()  # type: ignore[no-untyped-call]
        with self._guard:
            left, self._waiting = self._waiting, 0
        self._metrics.spans_lost.inc(left)

    def _sent(self, count: int, *, taken: bool) -> None:
        with self._guard:
            count = min(count, self._waiting)  # the rest was given up
            self._waiting -= count
        if not taken:
            self._metrics.spans_lost.inc(count)


class _Collector(OTLPSpanExporter):
    """The SDK's exporter. Says once that the collector does not take spans, not for each batch.

    Args:
        sent: told how many spans were sent, and whether they were taken.
    """

    def __init__(self, url: str, sent: Callable[..., None]) -> None:
        self._url = f"{url.rstrip('/')}/v1/traces"
        super().__init__(self._url)
        self._sent = sent
        self._failing = False
        self._library = logging.getLogger("opentelemetry")
        self._library.setLevel(logging.ERROR)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """By one thread."""
        result = super().export(spans)
        taken = result is SpanExportResult.SUCCESS
        if taken is self._failing:
            self._failing = not taken
            # The SDK has said why. From now on it says so for every batch.
            self._library.setLevel(logging.CRITICAL if self._failing else logging.ERROR)
            if self._failing:
                log.warning("spans_lost", url=self._url)
            else:
                log.info("spans_taken", url=self._url)
        self._sent(len(spans), taken=taken)
        return result
