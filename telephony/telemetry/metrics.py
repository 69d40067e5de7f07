"""Counters and histograms of one service, in one place.

Every instance has its own registry, so that two services in one process (tests) never share a figure. Labels hold
names out of fixed sets only: no call ids, no text.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from telephony import __version__

# When each counter was made: as many series again, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

_SPEECH_BUCKETS_S = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_RTF_BUCKETS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0)


class Metrics:
    """All figures of a service. prometheus-client's metrics are thread-safe."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._count_clients()
        self._count_texts()
        self._count_speech()
        self._count_service()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str, buckets: Sequence[float] = _SPEECH_BUCKETS_S) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

    def _count_clients(self) -> None:
        """Who connects, and who is refused."""
        counter = self._counter
        self.connections = counter("tts_connections_total", "Connections accepted at the telephone's text port")
        self.connections_refused = counter(
            "tts_connections_refused_total", "Connections at the telephone's text port beyond --max-connections"
        )
        self.calls_refused = counter("tts_calls_refused_total", "Telephone calls beyond --max-calls")
        self.hellos_overdue = counter(
            "tts_hellos_overdue_total", "Connections at the telephone's text port cut because no HELLO came in time"
        )
        self.wire_errors = counter(
            "tts_wire_errors_total", "Connections at the telephone's text port cut because of a broken or late frame"
        )
        self.datagrams_ignored = counter(
            "tts_datagrams_ignored_total", "UDP datagrams that are neither REGISTER nor BYE nor CANCEL"
        )
        self.sessions_refused = counter(
            "tts_sessions_refused_total", "Sessions, requests and texts of agents and PBXs that were told busy"
        )
        self.http_requests = counter(
            "tts_http_requests_total", "HTTP requests answered; status none: the client was gone", "door", "status"
        )
        self.websocket_connections = counter(
            "tts_websocket_connections_total", "WebSockets that an endpoint has accepted", "door"
        )
        self.websockets_open = self._gauge("tts_websockets_open", "WebSockets open now", "door")
        self.clients_stalled = counter(
            "tts_clients_stalled_total", "Clients disconnected because they took nothing, or too little", "door"
        )
        self.idle_clients_closed = counter(
            "tts_idle_clients_closed_total",
            "WebSockets closed because nothing was said on them: for too long (time), or to make room (number)",
            "door",
            "why",
        )
        self.refusals = counter(
            "tts_refusals_total", "Refusals at every endpoint, each with the log line `refused`", "door", "code"
        )
        self.requests_refused = counter(
            "tts_requests_refused_total",
            "HTTP requests and WebSockets refused before they were read: host, origin, connections, rate, key, size, "
            "time",
            "why",
        )
        self.audiosocket_refused = counter(
            "tts_audiosocket_refused_total",
            "AudioSocket connections refused or broken off: connections, overdue, broken, busy",
            "why",
        )
        self.audiosocket_ignored = counter(
            "tts_audiosocket_messages_ignored_total", "AudioSocket messages of an unknown kind"
        )
        self.audio_ignored_s = counter(
            "tts_audio_ignored_seconds_total", "Callers' audio that a PBX sent, in seconds; nobody listens to it"
        )
        self.call_events_lost = counter(
            "tts_call_events_lost_total",
            "Events of calls that somebody was not told: failed (the webhook), waiting (too many for it), scheduled "
            "(too many to come)",
            "why",
        )
        self.digits = counter("tts_digits_total", "Keys that callers of a PBX have pressed")
        self.active_calls = self._gauge("tts_active_calls", "Telephone calls known now, silent ones too")
        self.active_sessions = self._gauge(
            "tts_active_sessions",
            "Sessions and requests of agents and PBXs that hold a place of --max-sessions",
            "door",
        )

    def _count_texts(self) -> None:
        """What is to be said."""
        counter = self._counter
        self.texts = counter("tts_texts_total", "Texts that came with something to say, at all endpoints")
        self.texts_unreadable = counter(
            "tts_texts_unreadable_total", "Texts refused because no voice that may speak them reads their letters"
        )
        self.texts_silent = counter("tts_texts_silent_total", "Texts that came with white space or symbols only")
        self.texts_held_up = counter(
            "tts_texts_held_up_total", "Texts of the telephone that had to wait for room in their call's queue"
        )
        self.texts_refused = counter(
            "tts_texts_refused_total", "Texts of the telephone refused because the service was stopping"
        )
        self.texts_expired = counter(
            "tts_texts_expired_total", "Texts dropped because their PBX did not connect within --audiosocket-wait-s"
        )
        self.documents_invalid = counter(
            "tts_documents_invalid_total", "Texts of the telephone that are invalid SSML; spoken without their tags"
        )
        self.interruptions = counter("tts_interruptions_total", "Barge-ins: a caller interrupted the speech")
        self.queue_depth = self._gauge("tts_queue_depth", "Texts waiting or being synthesised now")
        self.newcomers_waiting = self._gauge(
            "tts_newcomers_waiting", "Calls and sessions that wait for their first audio because others are served"
        )
        self.newcomers_overdue = counter(
            "tts_newcomers_overdue_total",
            "Calls and sessions that began though there was no time for them, after --max-wait-s: gaps may follow",
            "door",
        )
        self.request_log_dropped = counter(
            "tts_request_log_dropped_total", "Requests missing in the request log: its disk is slow, full or broken"
        )
        self.spans_lost = counter("tts_spans_lost_total", "Spans of traces that no collector has taken")

    def _count_speech(self) -> None:
        """What is made of it, and how soon it is heard."""
        counter = self._counter
        self.segments = counter("tts_segments_total", "Segments (sentences) spoken", "engine")
        self.segments_failed = counter("tts_segments_failed_total", "Segments that yielded no audio", "engine")
        self.failovers = counter(
            "tts_failovers_total", "Texts that another engine continued because this one failed", "engine", "why"
        )
        self.engine_failures = counter("tts_engine_failures_total", "Calls into an engine that failed", "engine", "why")
        self.engine_paused = self._gauge(
            "tts_engine_paused", "1 while an engine is not used because it has failed, else 0", "engine"
        )
        self.audio_s = counter("tts_audio_seconds_total", "Audio synthesised, in seconds", "engine")
        self.busy_s = counter("tts_engine_busy_seconds_total", "Time that an engine has computed, in seconds", "engine")
        self.dropped_s = counter(
            "tts_audio_dropped_seconds_total",
            "Audio that was made and reached nobody, in seconds: cancelled, stalled (a reader), closed, no route",
            "why",
        )
        self.underruns = counter(
            "tts_underruns_total", "Pauses in the speech to a PBX because audio came too late", "door"
        )
        self.gap_s = self._histogram(
            "tts_gap_seconds", "Pauses in speech because audio was made too late, in seconds", "door"
        )
        self.predicted_first_audio_s = self._gauge(
            "tts_predicted_first_audio_seconds",
            "How long a call that speaks now would wait for its first audio, in seconds, by prediction",
        )
        self.time_to_first_audio_s = self._histogram(
            "tts_time_to_first_audio_seconds",
            "From the arrival of a text at a silent call or session to its first audio, in seconds",
            "engine",
            "door",
        )
        self.realtime_factor = self._histogram(
            "tts_realtime_factor",
            "Time to synthesise a segment over the length of its audio; below 1 is faster than speech",
            "engine",
            "door",
            buckets=_RTF_BUCKETS,
        )

    def _count_service(self) -> None:
        """What surrounds them."""
        self.build = Info(
            "tts_build", "The versions of this service and of its Python, as labels; always 1", registry=self.registry
        )
        self.build.info({"version": __version__, "python": platform.python_version()})
        self.processor_connects = self._counter(
            "tts_processor_connects_total", "Connections made to the audio processors of calls"
        )
        self.processor_failures = self._counter(
            "tts_processor_failures_total", "Audio processors given up: they could not be connected to"
        )
        self.processors_crowded_out = self._counter(
            "tts_processors_crowded_out_total",
            "Audio processors given up early, or refused, because too many had never been connected",
        )
        self.store_errors = self._counter(
            "tts_store_errors_total", "Failed accesses to the host's database; the last good settings hold"
        )
        self.switches = self._counter(
            "tts_switches_total", "Changes of the telephone's engine or voice, by the engine that speaks then", "engine"
        )
        self.gpu_utilization_percent = self._gauge(
            "tts_gpu_utilization_percent",
            "How busy the CUDA device is, in percent; 0 without one, not a number if it cannot be asked",
        )

    def watch_log(self, lines_lost: Callable[[], int]) -> None:
        """Adds a counter of the log lines of this process that were lost, asked for whenever the figures are read."""
        self.registry.register(_LogCollector(lines_lost))

    def watch_status(self, statuses: Sequence[str], status: Callable[[], str]) -> None:
        """Adds a gauge for each status, 1 for the one that the service has, asked for whenever the figures are read."""
        self.registry.register(_StatusCollector(statuses, status))

    def watch_process(self) -> None:
        """Adds memory, processor time and descriptors of this process, under Prometheus' usual names. Linux only."""
        ProcessCollector(registry=self.registry)

    def watch_gpu(self, utilization_percent: Callable[[], float]) -> None:
        """Adds a gauge of how busy the GPU is, asked for whenever the figures are read; always there, see gpu.py."""
        self.gpu_utilization_percent.set_function(utilization_percent)


_LINES_LOST = "Lines missing in the log: standard error did not take them, or there were too many of an event"


class _LogCollector(Collector):
    def __init__(self, lines_lost: Callable[[], int]) -> None:
        self._lines_lost = lines_lost

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily("tts_log_lines_lost", _LINES_LOST, value=self._lines_lost())


class _StatusCollector(Collector):
    def __init__(self, statuses: Sequence[str], status: Callable[[], str]) -> None:
        self._statuses = statuses
        self._status = status

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "tts_status", "1 for the status that /readyz gives, 0 for the others", labels=("status",)
        )
        status = self._status()
        for each in self._statuses:
            family.add_metric((each,), each == status)
        yield family
