"""Traces: the spans of a text as a collector gets them, and a collector that takes none."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import httpx
import pytest
from websockets.sync.client import connect

from telephony.engines.base import SynthesisError
from telephony.engines.cluster.engine import ClusterEngine
from telephony.engines.cluster.messages import Description, Message, Speak
from telephony.engines.tone import ToneEngine
from telephony.rooms.room import Room
from telephony.scheduling.queues import Request
from telephony.settings import SettingsError, parse, values
from telephony.speech import Segment
from telephony.telemetry.metrics import Metrics
from tests.clients import ROOT, TIMEOUT_S, Daemon, EventLog, TextHost, Throttle, cancel, figure, wait_figure
from tests.conftest import StartService
from tests.endpoints.test_pbx import CALL, Pbx

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="requirements-tracing.txt is not installed")

from telephony.telemetry import tracing
from telephony.telemetry.tracing import Tracing
from tests.collector import Collector, Span

TEXT = "A secret of the caller, which takes a few windows."
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE, CLIENT = PARENT.split("-")[1:3]
SERVER = 2
"""A span's kind."""
SAMPLED = 1
"""A flag of a `traceparent`."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as started:
        yield started
    assert b"secret" not in started.raw


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a collector that takes connections and never answers."""
    monkeypatch.setattr(tracing, "_LAST_SPANS_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def names(spans: list[Span]) -> list[str]:
    return [span.name for span in spans]


def request(text: str = TEXT, engine: ToneEngine | None = None) -> Request:
    return Request(iter((Segment(text),)), engine or ToneEngine(), "tone", 1.0, 0, len(text))


def test_a_text_of_the_telephone_is_a_tree_of_spans(service: StartService, collector: Collector) -> None:
    before = time.time_ns()
    door = service(traces_url=collector.url, stream=True)
    with TextHost(door.tcp_port, "17") as host:
        host.say(f"{TEXT} {TEXT}")
        host.bye()
        heard_s = sum(len(frame.samples) for frame in host.read_to_end()) / 24_000
    door.stop()
    (root,) = collector.named("speak")
    queue, *segments = collector.below(root)
    assert (root.parent, root.kind, root.failed) == ("", SERVER, False)
    assert [queue.name, *names(segments)] == ["queue", "segment", "segment"]
    for segment in segments:
        prosody, first, last = collector.below(segment)
        assert names([prosody, first, last]) == ["prosody", "first window", "last window"]
        assert segment.begun <= prosody.begun <= prosody.ended == first.begun
        assert first.ended == last.begun < last.ended == segment.ended
    assert before < root.begun == queue.begun < queue.ended == segments[0].begun
    assert segments[-1].ended <= root.ended < time.time_ns()
    assert {span.trace for span in collector.spans} == {root.trace}
    assert root.attributes == {
        "tts.door": "telephone",
        "tts.call": "17",
        "tts.engine": "tone",
        "tts.voice": "af_sky",
        "tts.language": "en-US",
        "tts.segments": 2,
        "tts.characters": 2 * len(TEXT),
        "tts.audio_s": pytest.approx(heard_s, abs=0.001),
        "tts.first_audio_s": pytest.approx((collector.below(segments[0])[1].ended - root.begun) / 1e9, abs=0.001),
        "tts.from_cache": False,
        "tts.canceled": False,
    }
    assert [span.attributes["tts.segment"] for span in segments] == [1, 2]
    assert segments[0].attributes["tts.characters"] == len(TEXT)
    assert figure(door, "tts_spans_lost_total") == 0


def test_a_session_goes_on_with_the_trace_of_its_agent(service: StartService, collector: Collector) -> None:
    door = service(traces_url=collector.url, http_port=0, debounce_ms=0)
    url = f"ws://127.0.0.1:{door.http_port}/ws/tts"
    with connect(url, additional_headers={"traceparent": PARENT}) as agent:
        for kind, fields in (("start_session", {}), ("send_text", {"text": TEXT}), ("end_session", {})):
            agent.send(json.dumps({"type": kind, **fields}))
        messages: list[dict[str, object]] = []
        while not messages or messages[-1]["type"] != "session_ended":
            received = agent.recv(TIMEOUT_S)
            if isinstance(received, str):
                messages.append(json.loads(received))
    door.stop()
    (root,) = collector.named("speak")
    assert (root.trace, root.parent) == (TRACE, CLIENT)
    assert names(collector.below(root)) == ["queue", "segment"]
    (told,) = [message for message in messages if message["type"] == "segment_done"]
    assert (root.attributes["tts.door"], root.attributes["tts.request_id"]) == ("livekit", told["request_id"])
    assert {span.trace for span in collector.spans} == {TRACE}


def test_a_request_goes_on_with_the_trace_of_its_client_and_the_next_one_does_not(
    service: StartService, collector: Collector
) -> None:
    door = service(traces_url=collector.url, http_port=0, phrase_memory_mb=8)
    with httpx.Client(base_url=f"http://127.0.0.1:{door.http_port}") as client:
        for headers in ({"traceparent": PARENT}, {}, {"traceparent": "00-no-trace"}):
            assert client.post("/synthesize", json={"text": TEXT}, headers=headers).status_code == 200
            wait_figure(door, "tts_cache_memory_bytes", lambda size: size > 0)
    door.stop()
    first, *others = collector.named("speak")
    assert (first.trace, first.parent) == (TRACE, CLIENT)
    assert [other.parent for other in others] == ["", ""]
    assert len({first.trace, *(other.trace for other in others)}) == 3
    # What was said before comes from the cache, without a preparation.
    assert [span.attributes["tts.from_cache"] for span in collector.named("segment")] == [False, True, True]
    assert len(collector.named("prosody")) == 1


def test_a_text_that_waits_for_its_call_stays_in_the_trace_of_its_client(
    service: StartService, collector: Collector
) -> None:
    door = service(traces_url=collector.url, http_port=0, audiosocket_port=0)
    url = f"http://127.0.0.1:{door.http_port}/calls/{CALL}/say"
    said = httpx.post(url, json={"text": TEXT}, headers={"traceparent": PARENT})
    assert said.json()["state"] == "waiting"
    with Pbx(door) as pbx:
        pbx.hear_seconds(0.1)
    door.stop()
    (root,) = collector.named("speak")
    assert (root.trace, root.parent) == (TRACE, CLIENT)


def test_an_interrupted_text_and_one_that_never_had_its_turn_say_so(
    service: StartService, collector: Collector
) -> None:
    throttle = Throttle(allowed=2)
    door = service(ToneEngine(on_render=throttle), traces_url=collector.url, stream=True)
    with TextHost(door.tcp_port, "1") as host:
        host.say(TEXT)
        host.say(TEXT)
        throttle.wait_asked(3)
        wait_figure(door, "tts_queue_depth", lambda depth: depth == 2)
        cancel(door, "1")
        wait_figure(door, "tts_interruptions_total", lambda count: count == 1)
    throttle.open()
    door.stop()
    begun, waiting = collector.named("speak")
    assert (begun.attributes["tts.canceled"], waiting.attributes["tts.canceled"]) == (True, True)
    assert begun.attributes["tts.audio_s"] == 0.4
    assert names(collector.below(begun)) == ["queue", "segment"]
    assert names(collector.below(waiting)) == ["queue"]
    assert collector.below(waiting)[0].ended == waiting.ended


def test_a_failed_text_is_marked(service: StartService, collector: Collector) -> None:
    def fail(text: str) -> None:
        raise SynthesisError("no phonemes")

    door = service(ToneEngine(on_prepare=fail), traces_url=collector.url)
    with TextHost(door.tcp_port, "1") as host:
        host.say(TEXT)
        wait_figure(door, "tts_segments_failed_total", lambda count: count == 1, engine="tone")
        wait_figure(door, "tts_queue_depth", lambda depth: depth == 0)
    door.stop()
    (root,) = collector.named("speak")
    assert (root.failed, root.attributes["tts.canceled"], root.attributes["tts.audio_s"]) == (True, False, 0)


class OneRoom:
    """The way to a room in this process."""

    def __init__(self, room: Room) -> None:
        self._room = room
        room.start()

    async def describe(self) -> Description:
        return self._room.describe()

    async def speak(self, wanted: Speak) -> AsyncGenerator[Message, None]:
        async with aclosing(self._room.speak(wanted)) as messages:
            async for message in messages:
                yield message

    def close(self) -> None:
        self._room.close()


def test_what_a_room_does_is_below_the_doors_segment(service: StartService, collector: Collector) -> None:
    room = Room("room-1", ToneEngine(), max_wait_s=4.0, traces_url=collector.url)
    door = service(ClusterEngine(OneRoom(room)), traces_url=collector.url)
    with TextHost(door.tcp_port, "1") as host:
        host.say(TEXT)
        host.read_frame()
    door.stop()  # and the room with it
    (root,), (made,) = collector.named("speak"), collector.named("room")
    theirs, ours = collector.named("segment"), collector.below(made)
    assert (made.parent, made.trace) == (theirs[0].id, root.trace)
    assert names(ours) == ["queue", "segment"]
    assert names(collector.below(ours[1])) == ["prosody", "first window", "last window"]
    assert (made.attributes["tts.door"], made.attributes["tts.room"]) == ("room", "room-1")
    assert "tts.room" not in root.attributes
    assert root.begun <= theirs[0].begun <= made.begun <= made.ended


def test_the_variables_of_opentelemetry_are_heeded(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "speech")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=ours")
    traces = Tracing(collector.url, Metrics())
    traces.end_text("telephone", request(), True)
    traces.close()
    assert collector.resource["service.name"] == "speech"
    assert collector.headers["x-tenant"] == "ours"


def test_who_is_not_sampled_here_is_not_in_a_room_either(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    traces = Tracing(collector.url, Metrics())
    text = request()
    flags = traces.begin_segment(text, "1", TEXT).traceparent.rpartition("-")[2]
    assert not int(flags, 16) & SAMPLED
    traces.end_text("telephone", text, False)
    traces.close()
    assert collector.spans == []


def test_spans_that_a_collector_refuses_are_counted_and_said_once(collector: Collector, events: EventLog) -> None:
    metrics = Metrics()
    traces = Tracing(collector.url, metrics)

    def send(status: int) -> None:
        collector.status = status
        traces.end_text("telephone", request(), True)
        traces._provider.force_flush()

    for status in (400, 400, 200, 200):
        send(status)
    traces.close()
    assert metrics.registry.get_sample_value("tts_spans_lost_total") == 4  # `speak` and `queue`, twice
    assert (len(events.found("spans_lost")), len(events.found("spans_taken"))) == (1, 1)
    assert len(collector.named("speak")) == 2


def test_what_waits_for_a_collector_is_bounded(hanging: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "MAX_WAITING", 6)
    monkeypatch.setattr(tracing, "_BATCH", 6)
    metrics = Metrics()
    traces = Tracing(hanging, metrics)
    for _ in range(5):
        traces.end_text("telephone", request(), True)
    assert metrics.registry.get_sample_value("tts_spans_lost_total") == 4
    traces.close()
    assert metrics.registry.get_sample_value("tts_spans_lost_total") == 10


def test_a_collector_that_hangs_delays_neither_audio_nor_the_end(service: StartService, hanging: str) -> None:
    door = service(traces_url=hanging)
    with TextHost(door.tcp_port, "1") as host:
        host.say(TEXT)
        assert len(host.read_frame().samples)
    begun = time.monotonic()
    door.stop()
    assert time.monotonic() - begun < 5  # the collector would be given ten
    assert figure(door, "tts_spans_lost_total") == 6


@pytest.mark.slow
def test_without_the_setting_nothing_is_imported_for_it() -> None:
    program = """
import sys
import kokoro_service, telephony.rooms.room
kokoro_service.logs.configure("error", "logfmt")
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.settings import Settings
from telephony.voices.selector import Loaders
from tests.clients import TextHost
door = Service(
    Settings(tcp_port=0, udp_port=0, http_port=0, request_log=None, piper="external"), Loaders(ToneEngine, ToneEngine)
)
door.start()
with TextHost(door.tcp_port, "1") as host:
    host.say("a text")
    assert len(host.read_frame().samples)
door.stop()
packages = "opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.proto", "telephony.telemetry.tracing"
print([name for name in sys.modules if name.startswith(packages)])
"""
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert ended.stdout == "[]\n", ended.stderr


def test_a_missing_package_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_EXPORTER", "opentelemetry.of_nobody")
    with pytest.raises(SettingsError, match=r"package opentelemetry\.of_nobody is missing.*requirements-tracing\.txt"):
        parse(["--traces-url", "http://127.0.0.1:4318"], {})


@pytest.mark.slow
def test_a_signal_does_not_wait_for_a_collector_that_hangs(hanging: str) -> None:
    arguments = ("--engine", "tone", "--tcp-port", "0", "--udp-port", "0", "--http-port", "0", "--request-log", "none")
    with Daemon(*arguments, "--piper", "external", "--traces-url", hanging) as daemon:
        with TextHost(daemon.wait_ready(), "1") as host:
            host.say(TEXT)
            host.read_frame()
        daemon.terminate()
        assert daemon.wait_exit() == 0
    assert not any("Traceback" in line for line in daemon.stderr)
