"""What an operator does to the calls of this moment, and the last lines of the log."""

from __future__ import annotations

import contextlib
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog

from telephony.engines.tone import ToneEngine
from telephony.protocols import audiosocket
from telephony.service import Service
from telephony.telemetry import log_tail, logs
from telephony.telemetry.log_tail import LogTail
from tests.clients import TIMEOUT_S, AudioProcessor, EventLog, TextHost, Throttle, register, until, wait_figure
from tests.conftest import StartService

LONG = "hello " * 100
PBX_CALL = uuid.UUID("40325ec2-5efd-4bd3-805f-53576e581d13")


def ask(door: Service, method: str, path: str) -> httpx.Response:
    return httpx.request(method, f"http://127.0.0.1:{door.http_port}/v1{path}", timeout=TIMEOUT_S)


def calls(door: Service) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(door, "GET", "/calls").json()["calls"]
    return found


def test_calls_are_listed_interrupted_and_hung_up(service: StartService) -> None:
    door = service(ToneEngine(on_render=Throttle(2)), http_port=0)
    assert calls(door) == []
    with TextHost(door.tcp_port, "7") as host:
        until(lambda: len(calls(door)) == 1)
        (call,) = calls(door)
        assert call["connected_s"] >= 0
        said = {"call_id": "7", "door": "telephone", "peers": ["text host"], "speaking": False}
        assert {key: call[key] for key in said} == said
        host.say(LONG)
        until(lambda: calls(door)[0]["speaking"])
        assert ask(door, "POST", "/calls/7/interrupt").status_code == 202
        until(lambda: not calls(door)[0]["speaking"])
        wait_figure(door, "tts_interruptions_total", lambda count: count == 1)
        assert ask(door, "POST", "/calls/7/hangup").status_code == 202
        assert host.read_to_end() == []
    until(lambda: calls(door) == [])
    for path in ("/calls/7/interrupt", "/calls/7/hangup", f"/calls/{PBX_CALL}/hangup"):
        assert ask(door, "POST", path).status_code == 404


def test_a_call_of_a_pbx_is_listed_interrupted_and_hung_up(service: StartService) -> None:
    door = service(http_port=0, audiosocket_port=0)
    with socket.create_connection(("127.0.0.1", door.audiosocket_port or 0), TIMEOUT_S) as pbx:
        pbx.sendall(b"\x01\x00\x10" + PBX_CALL.bytes)
        until(lambda: len(calls(door)) == 1)
        (call,) = calls(door)
        assert (call["call_id"], call["door"], call["peers"]) == (str(PBX_CALL), "audiosocket", ["PBX"])
        assert ask(door, "POST", f"/calls/{PBX_CALL}/interrupt").status_code == 202
        assert ask(door, "POST", f"/calls/{PBX_CALL}/hangup").status_code == 202
        assert pbx.recv(3) == audiosocket.encode_hangup()
    until(lambda: calls(door) == [])


def test_a_hang_up_ends_the_audio_of_the_processor(service: StartService) -> None:
    door = service(ToneEngine(on_render=Throttle(2)), http_port=0)
    with AudioProcessor() as processor:
        register(door, processor.call_id)
        until(lambda: [call["peers"] for call in calls(door)] == [["audio processor"]])
        assert ask(door, "POST", f"/calls/{processor.call_id}/hangup").status_code == 202
        processor.wait(lambda heard: bool(heard.receptions) and heard.receptions[0].ended)


@pytest.mark.parametrize("path", ["/calls", "/log"])
def test_who_has_no_key_sees_and_does_nothing(service: StartService, path: str) -> None:
    door = service(http_port=0, api_key="k")
    assert ask(door, "GET", path).status_code == 401
    assert ask(door, "POST", "/calls/7/hangup").status_code == 401


@contextlib.contextmanager
def debug_log(events: EventLog) -> Iterator[None]:
    """The service's own log at level debug, on standard error, which is closed before the service is stopped."""
    logs.configure("debug", "json")
    try:
        yield
    finally:
        structlog.configure(processors=[events.record])


def test_the_log_is_shown_from_info_on_without_a_callers_text(
    service: StartService, events: EventLog, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(text: str) -> None:
        raise KeyError(text)

    door = service(ToneEngine(on_render=fail), http_port=0)
    with debug_log(events), TextHost(door.tcp_port, "7") as host:
        last = max((line.number for line in logs.tail.since(0)), default=0)
        host.say("My card number is 4929.")
        until(lambda: any("event=failover" in each or "event=segment_failed" in each for each in shown(door, last)))
        host.close()
        until(lambda: any("event=disconnected" in each for each in shown(door, last)))
        assert "4929" in capsys.readouterr().err  # at debug it is in the log itself
    assert not any("4929" in each for each in shown(door, last))
    assert any("level=info event=connected" in each for each in shown(door, last))
    newest = ask(door, "GET", f"/log?after={last}").json()["lines"][-1]["number"]
    assert not any(line["number"] <= newest for line in ask(door, "GET", f"/log?after={newest}").json()["lines"])


def shown(door: Service, after: int) -> list[str]:
    return [line["text"] for line in ask(door, "GET", f"/log?after={after}").json()["lines"]]


def test_the_tail_of_the_log_is_bounded_in_lines_and_in_their_length() -> None:
    tail = LogTail()
    structlog.configure(
        processors=[tail, structlog.processors.JSONRenderer()], logger_factory=structlog.ReturnLoggerFactory()
    )
    structlog.get_logger().info("digit", digit="5")
    for number in range(log_tail.MAX_LINES + 5):
        structlog.get_logger().info("tick", number=number, padding="x" * 10_000)
    lines = tail.since(0)
    assert [line.number for line in lines] == list(range(6, log_tail.MAX_LINES + 6))
    assert max(len(line.text) for line in lines) <= 500
    assert [line.number for line in tail.since(log_tail.MAX_LINES + 4)] == [log_tail.MAX_LINES + 5]
