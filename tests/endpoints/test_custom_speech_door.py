"""jambonz' custom speech by scripts written from its reference, not by jambonz."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from telephony.engines.base import SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.text import markup
from tests.agents import KEY, NEVER_MS, SENTENCES, TOKENS, TypedSocket, pcm
from tests.clients import TIMEOUT_S, Throttle, figure, wait_figure
from tests.conftest import StartService
from tests.decoders import duration_s

TEXT = "A sentence of some length."
TEXT_S = 1.3


def address(door: Service, scheme: str = "http", **query: str) -> str:
    return f"{scheme}://127.0.0.1:{door.http_port}/jambonz?{httpx.QueryParams(query)}"


class Client(TypedSocket):
    """A streaming connection, as jambonz' reference has it. `with` closes it."""

    def __init__(self, door: Service, **query: str) -> None:
        super().__init__(address(door, "ws", **{"sampleRate": "24000", **query}), text="stream")
        self.connected = json.loads(self.socket.recv(TIMEOUT_S))

    def hear(self, size: int) -> bytes:
        """So many bytes of audio."""
        heard = b""
        while len(heard) < size:
            received = self.socket.recv(TIMEOUT_S)
            assert isinstance(received, bytes), received
            heard += received
        return heard

    def read_error(self) -> dict[str, Any]:
        while isinstance(received := self.socket.recv(TIMEOUT_S), bytes):
            pass
        error: dict[str, Any] = json.loads(received)
        assert error["type"] == "error"
        return error


def test_a_script_of_the_reference_hears_what_it_streams(open_door: StartService) -> None:
    with Client(open_door(debounce_ms=NEVER_MS)) as client:
        assert client.connected == {"type": "connect", "data": {"sample_rate": 24_000, "base64_encoding": False}}
        for _ in range(2):
            client.send("keepalive")
            client.say("Hello there,", "caller. How are", "you today?")
            client.send("flush")
            assert client.hear(len(pcm(*SENTENCES))) == pcm(*SENTENCES)


def test_a_script_of_the_reference_hears_the_usual_rate(open_door: StartService) -> None:
    with connect(address(open_door(), "ws")) as socket:
        assert json.loads(socket.recv(TIMEOUT_S))["data"]["sample_rate"] == 8000


@pytest.mark.parametrize("kind", ["clear", "stop"])
def test_a_script_of_the_reference_that_barges_in_hears_nothing_of_before(open_door: StartService, kind: str) -> None:
    throttle = Throttle(allowed=2)
    door = open_door(ToneEngine(on_render=throttle), debounce_ms=NEVER_MS)
    with Client(door) as client:
        client.say("This is a long story that nobody wants to hear to its end. And it goes on.")
        client.send("flush")
        client.hear(2)
        client.send(kind)
        if kind == "clear":
            client.say("The next one.")
            client.send("flush")
            until_next = pcm("The next one.")
        else:
            until_next = b""
        wait_figure(door, "tts_interruptions_total", lambda count: count == 1)
        throttle.open()
        heard = b""
        if kind == "stop":
            with pytest.raises(ConnectionClosed):
                while True:
                    heard += client.socket.recv(TIMEOUT_S)  # type: ignore[operator]
            assert client.socket.close_code == 1000
        else:
            while not heard.endswith(until_next):
                heard += client.hear(2)
        # What was on its way when the caller spoke.
        assert len(heard) - len(until_next) <= 2 * 4800 * 2


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("no JSON", "bad_json"),
        (b"\0\1", "unexpected_binary"),
        ('{"text": "Hello."}', "unknown_type"),
        ('{"type": "stream", "text": 7}', "bad_message"),
        (json.dumps({"type": "stream", "text": "x" * 101}), "text_too_long"),
    ],
)
def test_garbage_is_an_error_and_harms_nothing(open_door: StartService, sent: str | bytes, code: str) -> None:
    with Client(open_door(debounce_ms=NEVER_MS, max_text_chars=100)) as client:
        client.say("Half a")
        client.socket.send(sent)
        error = client.read_error()
        assert error["code"] == code
        assert error["error"]
        client.say("sentence.")
        client.send("flush")
        assert client.hear(len(pcm("Half a sentence."))) == pcm("Half a sentence.")


@pytest.mark.parametrize("query", [{"sampleRate": "7"}, {"sampleRate": "x"}, {"voice": "nobody"}])
def test_what_cannot_be_spoken_is_refused_before_the_connection_is(
    open_door: StartService, query: dict[str, str]
) -> None:
    with pytest.raises(InvalidStatus) as failed:
        connect(address(open_door(), "ws", **query))
    assert failed.value.response.status_code == 400
    assert json.loads(failed.value.response.body or b"").keys() == {"error"}


def test_a_sentence_that_fails_is_an_error_and_the_next_one_is_spoken(open_door: StartService) -> None:
    def fail(text: str) -> None:
        if text == "Bad.":
            raise SynthesisError("scripted")

    with Client(open_door(ToneEngine(on_prepare=fail))) as client:
        client.say("Bad. Good again.")
        client.send("flush")
        assert client.read_error()["code"] == "synthesis_failed"
        assert client.hear(len(pcm("Good again."))) == pcm("Good again.")


def test_a_text_that_finds_no_place_is_told_so(open_door: StartService) -> None:
    door = open_door(max_sessions=1, debounce_ms=NEVER_MS)
    with Client(door) as first, Client(door) as second:
        first.say("I am here")
        wait_figure(door, "tts_active_sessions", lambda count: count == 1, door="custom_speech")
        second.say("And I?")
        assert second.read_error()["code"] == "busy"


def test_who_says_nothing_is_closed_in_time(open_door: StartService) -> None:
    door = open_door(idle_timeout_s=0.3)
    with Client(door) as mute, pytest.raises(ConnectionClosed):
        mute.socket.recv(TIMEOUT_S)
    assert mute.socket.close_code == 1001
    assert figure(door, "tts_idle_clients_closed_total", door="custom_speech", why="time") == 1


@pytest.mark.slow
def test_a_hundred_connections_never_hear_each_other(open_door: StartService) -> None:
    door = open_door(max_sessions=200)

    async def talk(number: int) -> bytes:
        expected = pcm(f"Caller {number} speaks.", "And more.")
        heard = b""
        async with connect_async(address(door, "ws", sampleRate="24000"), compression=None) as socket:
            await socket.recv()
            for message in ({"type": "stream", "text": f"Caller {number} speaks. And more."}, {"type": "flush"}):
                await socket.send(json.dumps(message))
            while len(heard) < len(expected) and isinstance(received := await socket.recv(), bytes):
                heard += received
        return heard

    async def everybody() -> list[bytes]:
        return await asyncio.wait_for(asyncio.gather(*map(talk, range(100))), 3 * TIMEOUT_S)

    for number, heard in enumerate(asyncio.run(everybody())):
        assert heard == pcm(f"Caller {number} speaks.", "And more.")


# jambonz' requests


@pytest.mark.parametrize(
    ("accept", "content_type", "format_name", "rate_hz"),
    [
        ("*/*", "audio/mpeg", "mp3", 24_000),
        ("audio/mpeg", "audio/mpeg", "mp3", 24_000),
        ("audio/wav", "audio/wav", "wav", 24_000),
        ("audio/l16;rate=8000", "audio/l16;rate=8000", "pcm", 8000),
    ],
)
def test_a_request_of_the_reference_is_answered_as_it_accepts(
    open_door: StartService, accept: str, content_type: str, format_name: str, rate_hz: int
) -> None:
    asked = {"language": "en-US", "voice": "af_sky", "type": "text", "text": TEXT}
    answer = httpx.post(address(open_door()), json=asked, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
    assert duration_s(answer.content, format_name, rate_hz) == pytest.approx(TEXT_S, abs=0.1)


def test_an_ssml_document_is_obeyed(open_door: StartService) -> None:
    asked: list[str] = []
    ssml = '<speak>Hello <sub alias="caller">c.</sub></speak>'
    answer = httpx.post(address(open_door(ToneEngine(on_prepare=asked.append))), json={"type": "ssml", "text": ssml})
    assert answer.status_code == 200
    (said,) = asked
    assert markup.plain(said) == "Hello c."
    assert "caller" in said


def test_a_bad_request_is_told_what_is_wrong(open_door: StartService) -> None:
    door = open_door(max_text_chars=100)
    for fields, status in (({}, 400), ({"text": ""}, 400), ({"text": "..."}, 400), ({"text": "x" * 101}, 413)):
        answer = httpx.post(address(door), json=fields)
        assert (answer.status_code, list(answer.json())) == (status, ["error"]), fields
        assert "xxx" not in answer.text
    for garbage in (b"no JSON", b"[]", b'{"message": 7}'):
        assert httpx.post(address(door), content=garbage).status_code == 400


def test_a_wrong_key_is_refused_and_a_right_one_is_read(open_door: StartService) -> None:
    door = open_door(api_key=KEY)
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = httpx.post(address(door), json={"text": TEXT}, headers=headers)
        assert (answer.status_code, list(answer.json())) == (401, ["error"])
        with pytest.raises(InvalidStatus) as failed:
            connect(address(door, "ws"), additional_headers=headers)
        assert failed.value.response.status_code == 401
    bearer = {"Authorization": f"Bearer {KEY}"}
    assert httpx.post(address(door), json={"text": TEXT}, headers=bearer).status_code == 200
    with connect(address(door, "ws"), additional_headers=bearer) as socket:
        assert json.loads(socket.recv(TIMEOUT_S))["type"] == "connect"


def test_tokens_come_as_they_are_with_a_space_behind_each_piece(open_door: StartService) -> None:
    """The reference sends whole words; pieces of words would be parted."""
    asked: list[str] = []
    with Client(open_door(ToneEngine(on_prepare=asked.append), debounce_ms=NEVER_MS)) as client:
        client.say(*"Hello there, caller. How are you today?".split())
        client.send("flush")
        client.hear(len(pcm(*SENTENCES)))
    assert asked == list(SENTENCES)
    assert "".join(TOKENS) == " ".join(SENTENCES)
