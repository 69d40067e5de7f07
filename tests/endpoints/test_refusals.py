"""Every refusal is one line in the log, at every endpoint: door, code, peer and why; and no caller's text."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from telephony.service import Service
from tests.clients import TIMEOUT_S, EventLog, TextHost, figure
from tests.conftest import StartService

KEY = "a-key"
SECRET = "A secret of the caller."
SESSION, SENTENCE = "/ws/tts", "/v1/audio/speech/stream/ws"
AS_FOREIGN_PAGE = {"Origin": "https://elsewhere.example"}
HTTP_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def door(service: StartService) -> Service:
    return service(http_port=0, audiosocket_port=0, api_key=KEY, max_text_chars=100, requests_per_minute=0)


def request(path: str, body: Any = None, *, key: str = KEY, method: str = "POST", **headers: str) -> Callable[..., str]:
    def send(door: Service) -> str:
        named = {"X-API-Key": key, "Content-Type": "application/json", **headers}
        with httpx.Client(headers=named, timeout=TIMEOUT_S) as client:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            url = f"http://127.0.0.1:{door.http_port}{path}"
            with client.stream(method, url, content=content) as answer:
                return peer(answer.extensions["network_stream"].get_extra_info("socket"))

    return send


def message(path: str, *messages: Any, key: str = KEY, headers: Any = None) -> Callable[[Service], str]:
    def send(door: Service) -> str:
        url = f"ws://127.0.0.1:{door.http_port}{path}"
        own = socket.create_connection(("127.0.0.1", door.http_port), timeout=TIMEOUT_S)
        name = peer(own)
        with connect(url, sock=own, additional_headers={"X-API-Key": key, **(headers or {})}) as client:
            try:
                for each in messages:
                    client.send(each if isinstance(each, (str, bytes)) else json.dumps(each))
                while json.loads(client.recv(TIMEOUT_S))["type"] != "error":
                    pass
            except ConnectionClosed:
                pass
            return name

    return send


def data(port: Callable[[Service], int | None], sent: bytes) -> Callable[[Service], str]:
    def send(door: Service) -> str:
        with socket.create_connection(("127.0.0.1", port(door) or 0), timeout=TIMEOUT_S) as client:
            client.sendall(sent)
            while client.recv(1000):
                pass
            return peer(client)

    return send


def peer(client: socket.socket) -> str:
    """What the service calls the other end."""
    host, port = client.getsockname()
    return f"{host}:{port}"


def text_port(door: Service) -> int:
    return door.tcp_port


def pbx_port(door: Service) -> int | None:
    return door.audiosocket_port


def http_port(door: Service) -> int | None:
    return door.http_port


REFUSALS = {
    "a wrong key": (request("/synthesize", {"text": SECRET}, key="x"), "gateway", "401", "API key"),
    "a wrong field": (request("/synthesize", {"text": SECRET, "speed": 9}), "gateway", "422", "body.speed: "),
    "a page": (request("/synthesize", {"text": SECRET}, **AS_FOREIGN_PAGE), "gateway", "403", "origin refused"),
    "too long": (request("/synthesize", {"text": SECRET * 9}), "gateway", "413", "100 characters"),
    "no JSON": (request("/v1/audio/speech", b"{"), "openai", "400", "JSON"),
    "no voice": (
        request("/v1/audio/speech", {"model": "tts-1", "voice": "x", "input": SECRET}),
        "openai",
        "voice_not_found",
        "unknown voice 'x'",
    ),
    "no engine": (
        request("/v1/audio/speech", {"model": "supertonic-2", "voice": "alloy", "input": SECRET}),
        "openai",
        "voice_unavailable",
        "Supertonic is not loaded",
    ),
    "no path": (request("/nowhere"), "none", "404", "Not Found"),
    "no call": (request(f"/calls/{uuid.uuid4()}", method="GET"), "calls", "unknown_call", "is connected"),
    "no HTTP": (data(http_port, b"This is no HTTP.\r\n\r\n"), "http", "protocol_error", "Invalid HTTP request"),
    "WebSocket: a wrong key": (message(SESSION, key="x"), "livekit", "1008", "API key"),
    "WebSocket: a page": (message(SENTENCE, headers=AS_FOREIGN_PAGE), "pipecat", "1008", "origin refused"),
    "session: no JSON": (message(SESSION, SECRET), "livekit", "bad_json", "not JSON"),
    "session: no voice": (
        message(SESSION, {"type": "start_session", "config": {"voice": "x"}}),
        "livekit",
        "bad_voice",
        "unknown voice 'x'",
    ),
    "session: no session": (
        message(SESSION, {"type": "send_text", "text": SECRET}),
        "livekit",
        "no_session",
        "send start_session first",
    ),
    "sentence: no voice": (
        message(SENTENCE, {"type": "speak", "text": SECRET, "voice": "x"}),
        "pipecat",
        "bad_voice",
        "unknown voice 'x'",
    ),
    "sentence: no engine": (
        message(SENTENCE, {"type": "start", "engine": "supertonic"}),
        "pipecat",
        "voice_unavailable",
        "not loaded",
    ),
    "sentence: broken": (
        message(SENTENCE, b"x" * (1 << 20) + b"x"),
        "http",
        "protocol_error",
        "1048577",
    ),
    "telephone: a length of zero": (data(text_port, bytes(4)), "text", "protocol_error", "0 bytes"),
    "telephone: HTTP": (data(text_port, HTTP_REQUEST), "text", "protocol_error", "this looks like an HTTP request"),
    "telephone: TLS": (data(text_port, b"\x16\x03\x01\x02\x00"), "text", "protocol_error", "TLS"),
    "PBX: HTTP": (data(pbx_port, HTTP_REQUEST), "audiosocket", "protocol_error", "this looks like an HTTP request"),
    "PBX: no UUID": (data(pbx_port, b"\x10\x00\x02ab"), "audiosocket", "protocol_error", "before the call's UUID"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_every_refusal_is_one_line(door: Service, events: EventLog, name: str) -> None:
    send, endpoint, code, why = REFUSALS[name]
    refused = send(door)
    line = events.wait("refused", level="warning", door=endpoint, code=code)
    assert why in line["why"]
    assert line["peer"] == refused
    assert len(events.found("refused")) == 1
    assert figure(door, "tts_refusals_total", door=endpoint, code=code) == 1
    assert SECRET not in str([each for each in events.all() if each["level"] != "debug"])


def test_who_speaks_http_to_the_telephone_is_told_the_port(service: StartService, events: EventLog) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    door = service(http_port=port)
    data(text_port, HTTP_REQUEST)(door)
    why = events.wait("refused", door="text", code="protocol_error")["why"]
    assert why == f"this looks like an HTTP request: the HTTP port is {port}"


def test_an_unknown_websocket_path_is_404(door: Service, events: EventLog) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{door.http_port}/nowhere", additional_headers={"X-API-Key": KEY})
    assert refused.value.response.status_code == 404
    assert refused.value.response.headers["X-Request-ID"]
    assert refused.value.response.headers["X-Content-Type-Options"] == "nosniff"
    line = events.wait("refused", door="none", code="404", path="/nowhere")
    assert line["why"] == "there is no WebSocket at this path"
    door.stop()
    assert [event for event in events.all() if event["level"] == "error"] == []


def test_who_came_by_a_proxy_is_named_by_its_address(door: Service, events: EventLog) -> None:
    request("/nowhere", **{"X-Forwarded-For": "192.0.2.7"})(door)
    assert events.wait("refused", code="404")["peer"] == "192.0.2.7"


def test_a_refused_request_is_named_by_its_path(door: Service, events: EventLog) -> None:
    request("/v1/voices?voice=x", key="a-wrong-one", method="GET")(door)
    events.wait("refused", door="openai", code="401", path="/v1/voices")
    request("/" + "long" * 1000)(door)
    assert len(events.wait("refused", door="none", code="404")["path"]) == 200


def test_what_comes_behind_a_refused_session_is_refused_with_it(door: Service, events: EventLog) -> None:
    url = f"ws://127.0.0.1:{door.http_port}{SESSION}"
    with connect(url, additional_headers={"X-API-Key": KEY}) as client:
        client.send(json.dumps({"type": "start_session", "config": {"voice": "x"}}))
        for following in ({"type": "send_text", "text": SECRET}, {"type": "flush"}, {"type": "end_session"}):
            client.send(json.dumps(following))
        answers = [json.loads(client.recv(TIMEOUT_S))["code"] for _ in range(4)]
    assert answers == ["bad_voice", "no_session", "no_session", "no_session"]
    assert [line["code"] for line in events.found("refused")] == ["bad_voice"]


def test_health_refuses_nobody(service: StartService, events: EventLog) -> None:
    door = service(http_port=0)
    door.sessions.refuse()
    door._status = "stopping"
    assert httpx.get(f"http://127.0.0.1:{door.http_port}/readyz").status_code == 503
    assert events.found("refused") == []


def test_what_is_said_of_a_connection_names_it(service: StartService, events: EventLog) -> None:
    door = service(http_port=0)
    with TextHost(door.tcp_port, "7") as host:
        events.wait("connected", door="text", call="7", peer=peer(host.socket))
    events.wait("disconnected", door="text", call="7")
    url = f"ws://127.0.0.1:{door.http_port}"
    with connect(f"{url}{SESSION}", additional_headers={"X-Request-ID": "r-1"}) as client:
        client.send(json.dumps({"type": "start_session", "session_id": "call-17"}))
        events.wait("session_started", door="livekit", session="call-17")
        events.wait("connected", door="livekit", request_id="r-1", peer=peer(client.socket))
    events.wait("disconnected", door="livekit", request_id="r-1", session="call-17")
    with connect(f"{url}{SENTENCE}", additional_headers={"X-Request-ID": "r-2"}):
        events.wait("connected", door="pipecat", session="r-2")
    events.wait("disconnected", door="pipecat", session="r-2")
