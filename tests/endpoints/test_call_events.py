"""What subscribers and a webhook are told of calls, over real sockets."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.server
import json
import queue
import socket
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from telephony.endpoints import call_events, webhook
from telephony.engines.base import SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.protocols.call_events import Speaking
from telephony.service import Service
from tests.clients import TIMEOUT_S, AudioProcessor, EventLog, TextHost, Throttle, figure, register, wait_figure
from tests.conftest import StartService
from tests.endpoints.test_pbx import Pbx, ask, message, say

CALL = uuid.UUID("40325ec2-5efd-4bd3-805f-53576e581d13")
LONG = "hello " * 100


@contextlib.contextmanager
def subscribed(door: Service, query: str = "") -> Iterator[ClientConnection]:
    address = f"ws://127.0.0.1:{door.http_port}/calls/events{query}"
    with connect(address, open_timeout=TIMEOUT_S, compression=None, proxy=None) as connection:
        yield connection


def told(connection: ClientConnection) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(connection.recv(TIMEOUT_S))
    return event


def told_until(connection: ClientConnection, kind: str) -> list[dict[str, Any]]:
    events = [told(connection)]
    while events[-1]["type"] != kind:
        events.append(told(connection))
    return events


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def test_a_call_of_the_telephone_is_told_from_its_begin_to_its_end(service: StartService) -> None:
    door = service(http_port=0)
    with subscribed(door) as subscriber, TextHost(door.tcp_port, "7") as host:
        host.say("Hello.")
        host.bye()
        host.read_to_end()
        events = told_until(subscriber, "hung_up")
    assert kinds(events) == ["connected", "speaking", "spoken", "hung_up"]
    assert {(event["call_id"], event["door"]) for event in events} == {("7", "telephone")}
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    assert (events[1]["text"], events[2]["text"]) == ("Hello.", "Hello.")
    assert "error" not in events[2]


def test_texts_are_spoken_when_they_were_heard_and_not_when_they_were_sent(service: StartService) -> None:
    door = service(http_port=0)
    with subscribed(door) as subscriber, TextHost(door.tcp_port, "7") as host:
        host.say("One two three.")
        host.say("Four.")
        host.read_frames(2)  # both have left, and the first one plays
        first, second = told(subscriber), told(subscriber)
        assert (first["type"], second["type"]) == ("connected", "speaking")
        assert kinds(told_until(subscriber, "spoken")) == ["spoken"]
        assert (told(subscriber)["text"], told(subscriber)["text"]) == ("Four.", "Four.")


def test_a_barge_in_divides_what_was_not_told_yet(service: StartService) -> None:
    door = service(ToneEngine(on_render=Throttle(3)), http_port=0)
    with (
        AudioProcessor() as processor,
        subscribed(door) as subscriber,
        TextHost(door.tcp_port, processor.call_id) as host,
    ):
        register(door, processor.call_id)
        host.say("Hi.")
        host.say(LONG)
        events = told_until(subscriber, "spoken")
        events += told_until(subscriber, "speaking")
        wait_figure(door, "tts_queue_depth", lambda depth: depth == 1)
        assert ask_operator(door, processor.call_id, "interrupt") == 202
        events.append(told(subscriber))
        ask_operator(door, processor.call_id, "hangup")
        events.append(told(subscriber))
    assert kinds(events) == ["connected", "speaking", "spoken", "speaking", "interrupted", "hung_up"]
    assert events[2]["text"] == "Hi."
    interrupted = events[4]
    assert f"{interrupted['text_spoken']} {interrupted['text_remaining']}".split() == LONG.split()


def ask_operator(door: Service, call_id: str, what: str) -> int:
    return httpx.post(f"http://127.0.0.1:{door.http_port}/v1/calls/{call_id}/{what}", timeout=TIMEOUT_S).status_code


def test_the_next_call_of_an_open_connection_is_connected_again(service: StartService) -> None:
    door = service(http_port=0)
    with subscribed(door) as subscriber, TextHost(door.tcp_port, "7") as host:
        host.say(LONG)
        host.read_frame()
        before = told_until(subscriber, "speaking")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"BYE:7", ("127.0.0.1", door.udp_port))
        before += told_until(subscriber, "hung_up")
        host.say("Again.")
        host.read_frame()
        assert kinds(told_until(subscriber, "speaking")) == ["connected", "speaking"]
    assert kinds(before) == ["connected", "speaking", "interrupted", "hung_up"]


def test_a_host_that_goes_has_hung_up(service: StartService) -> None:
    door = service(http_port=0)
    with subscribed(door) as subscriber:
        with TextHost(door.tcp_port, "7"):
            assert told(subscriber)["type"] == "connected"
        assert told(subscriber)["type"] == "hung_up"


def test_a_text_that_fails_is_told_with_the_reason(service: StartService) -> None:
    def refuse(text: str) -> None:
        raise SynthesisError("scripted")

    door = service(ToneEngine(on_render=refuse), http_port=0)
    with subscribed(door) as subscriber, TextHost(door.tcp_port, "7") as host:
        host.say("Hello.")
        assert told(subscriber)["type"] == "connected"
        failed = told(subscriber)
    assert (failed["type"], failed["text"], failed["error"]) == ("spoken", "", "scripted")


def test_a_call_of_a_pbx_is_told_with_its_keys_and_request_ids(service: StartService) -> None:
    door = service(http_port=0, audiosocket_port=0)
    with subscribed(door) as subscriber, Pbx(door) as pbx:
        assert told(subscriber)["type"] == "connected"
        request_id = say(door, "Hello.")["request_id"]
        pbx.hear_seconds(0.2)
        pbx.send(message(0x03, b"5"))
        events = [told(subscriber) for _ in range(3)]
        assert sorted(kinds(events)) == ["dtmf", "speaking", "spoken"]
        assert {event["request_id"] for event in events if event["type"] != "dtmf"} == {request_id}
        assert [event["digit"] for event in events if event["type"] == "dtmf"] == ["5"]
        say(door, LONG)
        pbx.hear_seconds(0.2)
        status, answer = ask(door, "/interrupt")
        assert status == 200
        interrupted = told_until(subscriber, "interrupted")[-1]
        # The answer goes back to the caller's last silence, the event to what was spoken already.
        assert f"{interrupted['text_spoken']} {interrupted['text_remaining']}".split() == LONG.split()
        assert interrupted["text_remaining"] == answer["text_remaining"]
        ask(door, "/hangup")
        assert told(subscriber) | {"time": ""} == {
            "type": "hung_up",
            "call_id": str(CALL),
            "door": "audiosocket",
            "time": "",
        }


def test_whoever_asks_for_a_call_is_told_of_that_one_only(service: StartService) -> None:
    door = service(http_port=0)
    with subscribed(door, "?call_id=7&call_id=8") as subscriber:
        for call_id in ("6", "7", "8"):
            with TextHost(door.tcp_port, call_id) as host:
                host.bye()
                host.read_to_end()
        assert [told(subscriber)["call_id"] for _ in range(4)] == ["7", "7", "8", "8"]


def test_what_a_subscriber_says_means_nothing(service: StartService) -> None:
    door = service(http_port=0)
    with subscribed(door) as subscriber:
        for each in ("{", "", b"\0\xff", json.dumps({"type": "hung_up", "call_id": "7"})):
            subscriber.send(each)
        with TextHost(door.tcp_port, "7"):
            assert told(subscriber)["type"] == "connected"


def test_subscribers_need_a_key_and_are_bounded_in_number(
    service: StartService, monkeypatch: pytest.MonkeyPatch, events: EventLog
) -> None:
    monkeypatch.setattr(call_events, "MAX_SUBSCRIBERS", 1)
    door = service(http_port=0, api_key="k")
    with subscribed(door) as stranger, pytest.raises(ConnectionClosed) as closed:
        stranger.recv(TIMEOUT_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    with subscribed(door, "?api_key=k"):
        with subscribed(door, "?api_key=k") as second:
            assert told(second)["code"] == "busy"
        assert events.wait("refused", code="busy")["door"] == "call_events"
    wait_figure(door, "tts_websockets_open", lambda count: count == 0, door="call_events")
    with subscribed(door, "?api_key=k"):
        pass


@contextlib.contextmanager
def slow_subscriber(door: Service) -> Iterator[socket.socket]:
    """One that has room for little, and reads when it is told to."""
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(TIMEOUT_S)
        raw.connect(("127.0.0.1", door.http_port or 0))
        raw.sendall(
            b"GET /calls/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert b"101" in raw.recv(12)
        yield raw


def publish_large(door: Service) -> None:
    told_all = threading.Event()
    event = Speaking(call_id="7", door="telephone", time="", text="x" * 10_000)
    door._events.publish(event, 0.0, told_all.set)
    assert told_all.wait(TIMEOUT_S)


def stalled(door: Service) -> float:
    return figure(door, "tts_clients_stalled_total", door="call_events")


def test_a_subscriber_that_takes_nothing_is_dropped_and_the_calls_go_on(
    service: StartService, events: EventLog
) -> None:
    door = service(http_port=0, send_timeout_s=0.2)
    with slow_subscriber(door), subscribed(door, "?call_id=end") as other:
        while not stalled(door):
            publish_large(door)
        assert "took nothing" in events.wait("client_stalled", door="call_events")["error"]
        with TextHost(door.tcp_port, "end"):
            assert told(other)["type"] == "connected"


def test_a_subscriber_that_takes_too_little_is_dropped(
    service: StartService, monkeypatch: pytest.MonkeyPatch, events: EventLog
) -> None:
    monkeypatch.setattr(call_events, "MAX_WAITING", 2)
    door = service(http_port=0)
    with slow_subscriber(door) as subscriber:
        for _ in range(200):  # more than the buffers of two sockets hold
            publish_large(door)
        while not stalled(door):
            subscriber.recv(65_536)
    assert events.wait("client_stalled", door="call_events")["error"] == "2 events wait for it"


# The webhook


class Hook:
    """A URL that takes events."""

    def __init__(self) -> None:
        self.status = 200
        self.taken: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.held: threading.Event | None = None
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.taken.put((self.headers.get("X-Signature", ""), body))
                if hook.held is not None:
                    hook.held.wait(TIMEOUT_S)
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/events?token=hidden"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self) -> Hook:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.held is not None:
            self.held.set()
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    """Asked for in front of the service, which then ends first."""
    with Hook() as each:
        yield each


def test_a_webhook_gets_each_event_signed(hook: Hook, service: StartService) -> None:
    door = service(http_port=None, events_url=hook.url, events_secret="ours")
    with TextHost(door.tcp_port, "7") as host:
        host.say("Hello.")
        host.bye()
        host.read_to_end()
    taken = [hook.taken.get(timeout=TIMEOUT_S) for _ in range(4)]
    assert kinds([json.loads(body) for _, body in taken]) == ["connected", "speaking", "spoken", "hung_up"]
    for header, body in taken:
        assert header == "sha256=" + hmac.new(b"ours", body, hashlib.sha256).hexdigest()


def test_a_webhook_that_refuses_is_counted_and_said_once(hook: Hook, service: StartService, events: EventLog) -> None:
    hook.status = 500
    door = service(http_port=None, events_url=hook.url)
    for _ in range(2):
        with TextHost(door.tcp_port, "7") as host:
            host.bye()
            host.read_to_end()
    wait_figure(door, "tts_call_events_lost_total", lambda count: count == 4, why="failed")
    hook.status = 204
    with TextHost(door.tcp_port, "7"):
        events.wait("call_events_taken")
    (lost,) = events.found("call_events_lost")
    assert lost["error"] == "status 500"
    assert hook.taken.get()[0] == ""


def test_a_webhook_that_hangs_holds_up_no_call(
    hook: Hook, service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "MAX_WAITING", 3)
    hook.held = threading.Event()
    door = service(http_port=None, events_url=hook.url)
    for number in range(6):
        with TextHost(door.tcp_port, str(number)) as host:
            host.say("Hello.")
            assert len(host.read_frame().samples)
            host.bye()
            host.read_to_end()
    # Of 24, one is being sent at most, and three wait.
    wait_figure(door, "tts_call_events_lost_total", lambda count: count >= 20, why="waiting")
    hook.held.set()
