"""Custom voices by scripts that follow Vapi's reference: its platform calls from outside only."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from telephony.audio.samples import to_pcm16
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from tests.agents import KEY
from tests.clients import ForeignEngine, Throttle, figure, tone, wait_figure
from tests.conftest import StartService

DOOR = "custom_voice"


@pytest.fixture
def door(service: StartService) -> Service:
    spanish = ForeignEngine(name="piper", sample_rate=22_050, voice_names=("sol",))
    return service(second=spanish, http_port=0, api_key=KEY, max_text_chars=100, max_sessions=1)


def message(text: str = "Hello, caller.", **fields: Any) -> dict[str, Any]:
    """What the platform sends, with some of what it tells of a call besides."""
    told = {
        "type": "voice-request",
        "text": text,
        "sampleRate": 24_000,
        "timestamp": 1677123456789,
        "call": {"id": "a"},
    }
    return {"message": {**told, **fields}}


def scripted_request(door: Service, body: Any, key: str = KEY, **query: str) -> httpx.Response:
    url = f"http://127.0.0.1:{door.http_port}/vapi?{httpx.QueryParams(query)}"
    return httpx.post(url, json=body, headers={"X-Vapi-Secret": key})


def test_a_request_is_answered_with_raw_samples_and_nothing_else(door: Service) -> None:
    answer = scripted_request(door, message())
    assert answer.status_code == 200
    assert answer.content == to_pcm16(tone("Hello, caller."))
    assert "content-length" not in answer.headers  # it is streamed


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 44_100])
def test_samples_have_the_rate_that_was_asked_for(door: Service, rate_hz: int) -> None:
    answer = scripted_request(door, message("A sentence of some length.", sampleRate=rate_hz))
    assert len(answer.content) / 2 / rate_hz == pytest.approx(1.3, abs=0.01)


def test_the_address_says_who_speaks(door: Service) -> None:
    for query in ({"voice": "sol"}, {"language": "es"}):
        before = figure(door, "tts_segments_total", engine="piper")
        assert scripted_request(door, message(), **query).status_code == 200
        assert figure(door, "tts_segments_total", engine="piper") == before + 1


@pytest.mark.parametrize(
    ("body", "query", "status"),
    [
        (message(""), {}, 400),
        (message("..."), {}, 400),
        (message("x" * 101), {}, 413),
        (message(sampleRate=7), {}, 400),
        (message(sampleRate="fast"), {}, 400),
        (message(type="end-of-call-report"), {}, 400),
        ({"message": None}, {}, 400),
        ([], {}, 400),
        (message(), {"voice": "nobody"}, 400),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(door: Service, body: Any, query: dict[str, str], status: int) -> None:
    answer = scripted_request(door, body, **query)
    assert answer.status_code == status
    assert answer.json().keys() == {"error"}
    assert "xxx" not in answer.text


def test_the_secret_is_a_key_of_the_service(door: Service) -> None:
    answer = scripted_request(door, message(), key="wrong")
    assert (answer.status_code, answer.json()) == (401, {"error": "a valid API key is needed"})
    assert figure(door, "tts_refusals_total", door=DOOR, code="401") == 1


def test_who_finds_no_place_is_told_when_to_try_again(service: StartService) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), http_port=0, max_sessions=1)
    with httpx.Client() as client:
        request = client.build_request("POST", f"http://127.0.0.1:{door.http_port}/vapi", json=message())
        throttle.allow(1)
        first = client.send(request, stream=True)
        wait_figure(door, "tts_active_sessions", lambda count: count == 1, door=DOOR)
        busy = scripted_request(door, message())
        assert (busy.status_code, busy.json().keys()) == (429, {"error"})
        assert int(busy.headers["retry-after"]) >= 1
        first.close()  # the caller interrupts: the platform hangs up on the request
        wait_figure(door, "tts_active_sessions", lambda count: count == 0, door=DOOR)
