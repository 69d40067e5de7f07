"""The list of doors: each is tried here as the page tries it."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from bench.crowd import CALLERS
from telephony.endpoints import doors
from telephony.endpoints.doors import DOORS, Door, NoTest, RequestTest, SocketTest
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from tests.clients import TIMEOUT_S, Throttle, wait_figure
from tests.conftest import StartService

SILENT = ("registration", "call_events")
"""Doors that say nothing."""


def listed(door: Service) -> dict[str, dict[str, Any]]:
    found = httpx.get(f"http://127.0.0.1:{door.http_port}/v1/doors").json()["doors"]
    return {each["name"]: each for each in found}


def filled(value: Any) -> Any:
    return json.loads(json.dumps(value).replace("{voice}", "tone"))


@pytest.mark.parametrize(
    "door", [each for each in DOORS if isinstance(each.test, RequestTest)], ids=lambda each: each.name
)
def test_a_request_of_the_table_is_answered_with_audio(service: StartService, door: Door) -> None:
    assert isinstance(door.test, RequestTest)
    url = f"http://127.0.0.1:{service(http_port=0).http_port}/{filled(door.test.path)}"
    answer = httpx.request("GET" if door.test.body is None else "POST", url, json=filled(door.test.body))
    assert (answer.status_code, len(answer.content) > 1000) == (200, True), answer.text


@pytest.mark.parametrize(
    "door", [each for each in DOORS if isinstance(each.test, SocketTest)], ids=lambda each: each.name
)
def test_the_messages_of_the_table_are_answered_with_audio(service: StartService, door: Door) -> None:
    assert isinstance(door.test, SocketTest)
    with connect(f"ws://127.0.0.1:{service(http_port=0).http_port}/{filled(door.test.path)}") as socket:
        for message in filled(door.test.messages):
            socket.send(json.dumps(message))
        while isinstance(received := socket.recv(TIMEOUT_S), str) and not json.loads(received).get("audio"):
            assert "error" not in received.lower(), received


def test_the_service_asks_its_own_telephone_and_leaves_nothing(service: StartService) -> None:
    door = service(http_port=0)
    url = f"http://127.0.0.1:{door.http_port}/v1/doors"
    tested = httpx.post(f"{url}/telephone/test", timeout=TIMEOUT_S).json()
    assert tested["message"] == "audio came"
    assert 0 < tested["first_audio_ms"] < 1000 * TIMEOUT_S
    wait_figure(door, "tts_active_calls", lambda calls: calls == 0)
    assert httpx.post(f"{url}/registration/test").status_code == 404
    assert httpx.post(f"{url}/nothing/test").status_code == 404


def test_a_door_that_says_nothing_is_told_in_time(service: StartService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "TEST_TIMEOUT_S", 0.2)
    silent = service(ToneEngine(on_render=Throttle()), http_port=0)
    elsewhere = service(http_port=0, audio_route="processor")
    for door, why in ((silent, "no audio within 0.2 s"), (elsewhere, "not asked: audio goes to processors only")):
        tested = httpx.post(f"http://127.0.0.1:{door.http_port}/v1/doors/telephone/test").json()
        assert tested == {"first_audio_ms": None, "message": why}


def test_ports_are_those_in_use_and_a_closed_door_is_shown(service: StartService) -> None:
    door = service(http_port=0)
    found = listed(door)
    assert found["telephone"]["address"] == f"{{host}}:{door.tcp_port}"
    assert str(door.tcp_port) in found["telephone"]["snippet"]
    assert found["registration"]["address"] == f"{{host}}:{door.udp_port}"
    assert [name for name, each in found.items() if not each["open"]] == ["audiosocket", "wyoming"]
    assert listed(service(http_port=0, audiosocket_port=0))["audiosocket"]["open"]


def test_the_key_is_asked_for_and_never_told(service: StartService) -> None:
    url = f"http://127.0.0.1:{service(http_port=0, api_key='correct horse').http_port}/v1/doors"
    assert [httpx.get(url).status_code, httpx.post(f"{url}/telephone/test").status_code] == [401, 401]
    answer = httpx.get(url, headers={"Authorization": "Bearer correct horse"})
    assert answer.status_code == 200
    assert "horse" not in answer.text


def test_every_door_has_a_caller_in_the_load_test_and_a_snippet() -> None:
    assert {door.name for door in DOORS} - {*SILENT} == {*CALLERS}
    for door in DOORS:
        places = {*re.findall(r"(?<!\$)\{(\w+)\}", door.address + door.snippet)}
        assert places <= {"http", "ws", "host", "port", "key", "voice"}
        assert door.snippet
        assert not isinstance(door.test, NoTest) or door.test.why
