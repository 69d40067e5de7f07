"""The request log: one JSON line a request, rotated, and a disk that fails or hangs holds up nobody."""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from telephony.engines.base import SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.scheduling.queues import Request
from telephony.telemetry import request_log
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.request_log import RequestLog
from tests.clients import TIMEOUT_S, EventLog, TextHost, Throttle, cancel, figure, tone_samples, wait_figure
from tests.conftest import StartService

FIELDS = [
    "ts",
    "request_id",
    "door",
    "call",
    "engine",
    "ttfb_ms",
    "wall_s",
    "audio_s",
    "rtf",
    "xrt",
    "kbps",
    "canceled",
    "error",
]


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def request(request_id: str = "r1", arrived_at: float = 0.0, **measured: float) -> Request:
    """A request that has been spoken."""
    made = Request(iter(()), ToneEngine(), "tone", 1.0, 0, 0, request_id=request_id, arrived_at=arrived_at)
    for name, value in measured.items():
        setattr(made.measured, name, value)
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "metrics.log"


def dropped(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("tts_request_log_dropped_total")


def test_a_spoken_text_is_one_line(service: StartService, path: Path) -> None:
    door = service(request_log=path)
    with TextHost(door.tcp_port, "1") as host:
        host.say("A secret of the caller.")
        host.read_frame()
    wait_figure(door, "tts_queue_depth", lambda depth: depth == 0)
    door.stop()
    (entry,) = entries(path)
    assert list(entry) == FIELDS
    assert (entry["door"], entry["engine"], entry["canceled"], entry["error"]) == ("telephone", "tone", False, None)
    assert entry["call"] == "1"
    assert entry["audio_s"] == pytest.approx(tone_samples("A secret of the caller.") / 24_000, abs=0.001)
    assert 0 <= entry["ttfb_ms"] <= 1000 * entry["wall_s"] + 1
    assert entry["rtf"] > 0
    assert entry["ts"].endswith("+00:00")
    assert "secret" not in path.read_text()


def test_what_was_measured_is_written(path: Path) -> None:
    log = RequestLog(path, Metrics())
    log.start()
    arrived_at = time.monotonic() - 2.0
    log.note("gateway", request(engine_s=0.5, audio_s=4.0, first_audio_s=0.0625, arrived_at=arrived_at), False)
    log.close()
    (entry,) = entries(path)
    assert (entry["request_id"], entry["door"], entry["ttfb_ms"]) == ("r1", "gateway", 62.5)
    assert (entry["rtf"], entry["xrt"], entry["audio_s"]) == (0.125, 8.0, 4.0)
    assert entry["wall_s"] >= 2.0
    # 16 bits, 24,000 times a second, for 4 s of audio; over the wall time.
    assert entry["kbps"] == pytest.approx(16 * 24 * 4.0 / entry["wall_s"], rel=0.01)


def test_what_was_never_heard_has_no_figures(path: Path) -> None:
    log = RequestLog(path, Metrics())
    log.start()
    log.note("gateway", request(request_id=""), True)
    log.close()
    (entry,) = entries(path)
    assert [entry[name] for name in ("request_id", "ttfb_ms", "rtf", "xrt")] == [None] * 4
    assert entry["audio_s"] == 0
    assert entry["canceled"] is True


def test_a_line_names_the_call_or_the_session_at_every_endpoint(service: StartService, path: Path) -> None:
    door = service(http_port=0, audiosocket_port=0, request_log=path)
    call = uuid.uuid4()
    http, ws = f"http://127.0.0.1:{door.http_port}", f"ws://127.0.0.1:{door.http_port}"
    with httpx.Client(base_url=http, headers={"X-Request-ID": "r-1"}, timeout=TIMEOUT_S) as client:
        client.post("/synthesize", json={"text": "Hello."})
        client.post("/v1/audio/speech", json={"model": "tts-1", "voice": "af_sky", "input": "Hello."})
    with socket.create_connection(("127.0.0.1", door.audiosocket_port or 0), timeout=TIMEOUT_S) as pbx:
        pbx.sendall(b"\x01\x00\x10" + call.bytes)
        httpx.post(f"{http}/calls/{call}/say", json={"text": "Hello."}, timeout=TIMEOUT_S)
        assert pbx.recv(1)
    for address, messages, last in (
        (
            "/ws/tts",
            [
                {"type": "start_session", "session_id": "s-1"},
                {"type": "send_text", "text": "Hello."},
                {"type": "end_session"},
            ],
            '"session_ended"',
        ),
        ("/v1/audio/speech/stream/ws", [{"type": "speak", "text": "Hello."}], '"done"'),
    ):
        with connect(f"{ws}{address}", additional_headers={"X-Request-ID": "r-2"}) as agent:
            for message in messages:
                agent.send(json.dumps(message))
            while last not in str(agent.recv(TIMEOUT_S)):
                pass
    door.stop()
    assert {(entry["door"], entry["call"]) for entry in entries(path)} == {
        ("gateway", "r-1"),
        ("openai", "r-1"),
        ("audiosocket", str(call)),
        ("livekit", "s-1"),
        ("pipecat", "r-2"),
    }


def test_a_barge_in_is_written_with_what_was_made_until_then(service: StartService, path: Path) -> None:
    throttle = Throttle(allowed=2)
    door = service(ToneEngine(on_render=throttle), request_log=path, stream=True)
    with TextHost(door.tcp_port, "1") as host:
        host.say("x" * 40)
        host.read_samples(2 * 4800)
        throttle.wait_asked(3)
        cancel(door, "1")
        wait_figure(door, "tts_interruptions_total", lambda count: count == 1)
    throttle.open()
    door.stop()
    (entry,) = entries(path)
    assert (entry["canceled"], entry["error"], entry["audio_s"]) == (True, None, 0.4)
    assert entry["rtf"] > 0


def test_a_failure_is_written_without_what_was_said(service: StartService, path: Path) -> None:
    def fail(text: str) -> None:
        raise SynthesisError("no phonemes")

    def quote(text: str) -> None:
        raise KeyError(text)

    for step in (fail, quote):
        door = service(ToneEngine(on_prepare=step), request_log=path)
        with TextHost(door.tcp_port, "1") as host:
            host.say("secret")
            wait_figure(door, "tts_segments_failed_total", lambda count: count == 1, engine="tone")
            wait_figure(door, "tts_queue_depth", lambda depth: depth == 0)
        door.stop()
    assert [entry["error"] for entry in entries(path)] == ["no phonemes", "the engine failed"]
    assert not any(entry["canceled"] for entry in entries(path))


def test_an_id_is_bounded_and_begins_no_line(path: Path) -> None:
    log = RequestLog(path, Metrics())
    log.start()
    log.note("gateway", request("a\n" + "b" * 10_000), False)
    log.close()
    (entry,) = entries(path)
    assert entry["request_id"] == "a\n" + "b" * 198


def test_the_file_is_rotated_by_size_and_no_line_is_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "MAX_FILE_BYTES", 2000)
    log = RequestLog(path, Metrics())
    log.start()
    for number in range(30):
        log.note("gateway", request(f"{number}"), False)
    log.close()
    files = sorted(path.parent.iterdir(), key=lambda file: file.name, reverse=True)
    assert 2 <= len(files) <= request_log.KEPT_FILES + 1
    assert [entry["request_id"] for file in files for entry in entries(file)] == [f"{number}" for number in range(30)]
    assert all(file.stat().st_size <= 2000 for file in files)


def test_only_so_many_rotated_files_are_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "MAX_FILE_BYTES", 1)
    log = RequestLog(path, Metrics())
    log.start()
    for number in range(20):
        log.note("gateway", request(f"{number}"), False)
    log.close()
    assert len(list(path.parent.iterdir())) == request_log.KEPT_FILES + 1


def test_a_restart_appends(path: Path) -> None:
    for number in range(2):
        log = RequestLog(path, Metrics())
        log.start()
        log.note("gateway", request(f"{number}"), False)
        log.close()
    assert [entry["request_id"] for entry in entries(path)] == ["0", "1"]


def test_a_disk_that_is_full_is_told_once_and_its_lines_are_counted(events: EventLog) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    metrics = Metrics()
    log = RequestLog(full, metrics)
    log.start()
    for _ in range(5):
        log.note("gateway", request(), False)
    log.close()
    assert dropped(metrics) == 5
    (event,) = events.found("request_log_failed")
    assert "space" in event["error"]


def test_a_place_that_cannot_be_written_does_not_silence_the_service(
    service: StartService, events: EventLog, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    door = service(request_log=tmp_path / "file" / "metrics.log")
    with TextHost(door.tcp_port, "1") as host:
        host.say("Hello.")
        assert len(host.read_frame().samples) == tone_samples("Hello.")
    events.wait("request_log_failed")
    wait_figure(door, "tts_request_log_dropped_total", lambda count: count == 1)


def test_a_disk_that_hangs_holds_up_nobody(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "_MAX_WAITING", 3)
    monkeypatch.setattr(request_log, "_LAST_LINES_S", 0.05)
    path.parent.mkdir()
    os.mkfifo(path)  # opening it hangs until somebody reads
    metrics = Metrics()
    log = RequestLog(path, metrics)
    log.start()
    for number in range(10):
        log.note("gateway", request(f"{number}"), False)
    assert (dropped(metrics) or 0) >= 6  # three wait, one may be at the door
    log.close()
    with path.open(encoding="utf-8") as reader:  # lets the thread end
        log.close()
        assert len(reader.read().splitlines()) == 10 - (dropped(metrics) or 0)


def test_without_a_file_nothing_is_written(service: StartService, tmp_path: Path) -> None:
    door = service(request_log=None)
    with TextHost(door.tcp_port, "1") as host:
        host.say("Hello.")
        host.read_frame()
    door.stop()
    assert figure(door, "tts_request_log_dropped_total") == 0
