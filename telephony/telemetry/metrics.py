"""Counters and histograms of one service, in one place.

Every instance has its own registry, so that two services in one process (tests) never share a figure. Labels hold
names out of fixed sets only: no call ids, no text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

_SPEECH_BUCKETS_S = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_RTF_BUCKETS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0)


class Metrics:
    """All figures of a service. prometheus-client's metrics are thread-safe."""

    def __init__(self) -> None:  # noqa: PLR0915 - one statement for each figure
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=self.registry)

        self.connections = counter("tts_connections_total", "Text connections accepted")
        self.connections_refused = counter("tts_connections_refused_total", "Text connections over the bound")
        self.calls_refused = counter("tts_calls_refused_total", "Calls for which there was no place")
        self.hellos_overdue = counter("tts_hellos_overdue_total", "Connections that did not say HELLO in time")
        self.texts_held_up = counter("tts_texts_held_up_total", "Text frames that had to wait for their call's queue")
        self.wire_errors = counter("tts_wire_errors_total", "Connections ended by a broken frame")
        self.datagrams_ignored = counter("tts_datagrams_ignored_total", "UDP datagrams that say nothing")
        self.texts = counter("tts_texts_total", "Text frames with something to say")
        self.texts_silent = counter("tts_texts_silent_total", "Text frames of white space or symbols only")
        self.documents_invalid = counter("tts_documents_invalid_total", "Text frames of SSML that is not valid")
        self.texts_refused = counter("tts_texts_refused_total", "Text frames that came while the service was stopping")
        self.texts_unreadable = counter("tts_texts_unreadable_total", "Texts that no voice which may speak them reads")
        self.sessions_refused = counter("tts_sessions_refused_total", "Sessions for which there was no place")
        self.http_requests = counter("tts_http_requests_total", "HTTP requests answered", "door", "status")
        self.websocket_connections = counter("tts_websocket_connections_total", "WebSockets accepted", "door")
        self.clients_stalled = counter("tts_clients_stalled_total", "Clients cut because they took no audio", "door")
        self.idle_clients_closed = counter(
            "tts_idle_clients_closed_total", "WebSockets closed because nothing was said on them", "door", "why"
        )
        self.requests_refused = counter("tts_requests_refused_total", "HTTP requests and WebSockets refused", "why")
        self.audiosocket_refused = counter(
            "tts_audiosocket_refused_total", "AudioSocket connections refused or broken off", "why"
        )
        self.audiosocket_ignored = counter(
            "tts_audiosocket_messages_ignored_total", "AudioSocket messages of an unknown kind"
        )
        self.audio_ignored_s = counter("tts_audio_ignored_seconds_total", "Callers' audio that came in, in seconds")
        self.digits = counter("tts_digits_total", "Keys that callers have pressed")
        self.texts_expired = counter("tts_texts_expired_total", "Texts whose call did not connect in time")
        self.underruns = counter("tts_underruns_total", "Times that speech came too late to be heard on", "door")
        self.request_log_dropped = counter("tts_request_log_dropped_total", "Requests that the request log lacks")
        self.spans_lost = counter("tts_spans_lost_total", "Spans of traces that no collector has taken")
        self.segments = counter("tts_segments_total", "Segments spoken", "engine")
        self.segments_failed = counter("tts_segments_failed_total", "Segments that yielded no audio", "engine")
        self.failovers = counter("tts_failovers_total", "Texts that another engine had to go on with", "engine", "why")
        self.engine_failures = counter("tts_engine_failures_total", "Calls into an engine that failed", "engine", "why")
        self.audio_s = counter("tts_audio_seconds_total", "Audio synthesised, in seconds", "engine")
        self.busy_s = counter("tts_engine_busy_seconds_total", "Time spent in the engine, in seconds", "engine")
        self.dropped_s = counter("tts_audio_dropped_seconds_total", "Audio that reached nobody, in seconds", "why")
        self.interruptions = counter("tts_interruptions_total", "Barge-ins")
        self.processor_connects = counter("tts_processor_connects_total", "Connections made to audio processors")
        self.processor_failures = counter("tts_processor_failures_total", "Audio processors given up")
        self.processors_crowded_out = counter(
            "tts_processors_crowded_out_total", "Audio processors given up or refused for the sake of others"
        )
        self.store_errors = counter("tts_store_errors_total", "Failed accesses to the database")
        self.switches = counter("tts_switches_total", "Changes of engine or voice", "engine")
        self.active_calls = Gauge("tts_active_calls", "Calls known", registry=self.registry)
        self.active_sessions = Gauge(
            "tts_active_sessions", "Sessions that hold a place", ("door",), registry=self.registry
        )
        self.websockets_open = Gauge("tts_websockets_open", "WebSockets open", ("door",), registry=self.registry)
        self.queue_depth = Gauge("tts_queue_depth", "Text requests waiting or in work", registry=self.registry)
        self.engine_paused = Gauge(
            "tts_engine_paused",
            "1 while an engine is left alone because it failed",
            ("engine",),
            registry=self.registry,
        )
        self.gpu_utilization_percent = Gauge(
            "tts_gpu_utilization_percent",
            "How busy the GPU is, in percent; 0 without one, not a number where it cannot be asked",
            registry=self.registry,
        )
        self.newcomers_waiting = Gauge(
            "tts_newcomers_waiting",
            "Listeners with something to hear who have no place to begin yet",
            registry=self.registry,
        )
        self.newcomers_overdue = counter(
            "tts_newcomers_overdue_total", "Listeners who waited for so long that they began without a place", "door"
        )
        self.gap_s = Histogram(
            "tts_gap_seconds",
            "Silence of a listener who speaks, because a window came too late, in seconds",
            ("door",),
            buckets=_SPEECH_BUCKETS_S,
            registry=self.registry,
        )
        self.predicted_first_audio_s = Gauge(
            "tts_predicted_first_audio_seconds",
            "What a call that speaks now would wait for its first audio, in seconds",
            registry=self.registry,
        )
        self.time_to_first_audio_s = Histogram(
            "tts_time_to_first_audio_seconds",
            "From a text's arrival at a silent call to its first window, in seconds",
            ("engine", "door"),
            buckets=_SPEECH_BUCKETS_S,
            registry=self.registry,
        )
        self.realtime_factor = Histogram(
            "tts_realtime_factor",
            "Engine time over audio time of a segment",
            ("engine", "door"),
            buckets=_RTF_BUCKETS,
            registry=self.registry,
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


class _LogCollector(Collector):
    def __init__(self, lines_lost: Callable[[], int]) -> None:
        self._lines_lost = lines_lost

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily("tts_log_lines_lost", "Log lines that were not written", value=self._lines_lost())


class _StatusCollector(Collector):
    def __init__(self, statuses: Sequence[str], status: Callable[[], str]) -> None:
        self._statuses = statuses
        self._status = status

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("tts_status", "1 for the status that the service has", labels=("status",))
        status = self._status()
        for each in self._statuses:
            family.add_metric((each,), each == status)
        yield family
