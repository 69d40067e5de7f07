"""Custom speech by scripts that follow jambonz' reference: no jambonz is here to run."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from telephony.audio.samples import to_pcm16
from telephony.engines.base import Engine, SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from tests.clients import (
    TIMEOUT_S,
    EventLog,
    ForeignEngine,
    Throttle,
    figure,
    heard_by_a_hundred,
    tone,
    tone_samples,
    wait_figure,
)
from tests.conftest import StartService
from tests.decoders import duration_s

NEVER_MS = 600_000
"""A debounce that no test waits for."""

KEY = "correct horse"
DOOR = "custom_speech"
RATE_HZ = "24000"

Message = dict[str, Any]


def pcm(*segments: str) -> bytes:
    """What the tone engine says for segments."""
    return b"".join(to_pcm16(tone(segment)) for segment in segments)


@pytest.fixture
def open_door(service: StartService) -> StartService:
    def start(engine: Engine | None = None, second: Engine | None = None, **settings: Any) -> Service:
        return service(engine, second, **{"http_port": 0, "max_first_audio_s": 0.0, **settings})

    return start


def address(door: Service, scheme: str = "http", **query: str) -> str:
    return f"{scheme}://127.0.0.1:{door.http_port}/jambonz?{httpx.QueryParams(query)}"


class ScriptedClient:
    """A connection as jambonz makes it. `with` closes it. `audio` is what came so far, `told` the messages."""

    def __init__(self, door: Service, key: str = "any", **query: str) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self.socket = connect(address(door, "ws", **query), additional_headers=headers, compression=None)
        self.connected = json.loads(self.socket.recv(TIMEOUT_S))
        self.audio = b""
        self.told: list[Message] = []

    def __enter__(self) -> ScriptedClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *kinds: str) -> None:
        for kind in kinds:
            self.socket.send(json.dumps({"type": kind}))

    def say(self, *texts: str) -> None:
        for text in texts:
            self.socket.send(json.dumps({"type": "stream", "text": text}))

    def read(self) -> None:
        received = self.socket.recv(TIMEOUT_S)
        if isinstance(received, bytes):
            self.audio += received
        else:
            self.told.append(json.loads(received))

    def hear(self, *segments: str) -> None:
        """Reads as much audio as segments last, which must be they."""
        expected = pcm(*segments)
        while len(self.audio) < len(expected):
            self.read()
        assert self.audio == expected
        self.audio = b""

    def read_error(self) -> Message:
        while not self.told:
            self.read()
        return self.told.pop()

    def wait_closed(self) -> int:
        """Reads to the end of the connection; returns the close code."""
        with pytest.raises(ConnectionClosed):
            while True:
                self.read()
        assert self.socket.close_code is not None
        return self.socket.close_code


# What is heard


def test_the_service_speaks_first_and_then_says_each_reply_as_raw_audio(open_door: StartService) -> None:
    with ScriptedClient(
        open_door(debounce_ms=NEVER_MS), voice="af_sky", language="en-US", sampleRate=RATE_HZ
    ) as client:
        assert client.connected == {"type": "connect", "data": {"sample_rate": 24_000, "base64_encoding": False}}
        client.say("Hello there,", "caller.", "How are you", " today?")
        client.send("flush")
        client.hear("Hello there, caller.", "How are you today?")
        client.send("keepalive", "flush")
        client.say("And more")
        client.send("flush")
        client.hear("And more")
        assert client.told == []


@pytest.mark.parametrize("rate", ["8000", "16000", "48000", None])
def test_audio_has_the_rate_that_was_asked_for_or_the_telephones(open_door: StartService, rate: str | None) -> None:
    rate_hz = int(rate or 8000)
    with ScriptedClient(open_door(), **({} if rate is None else {"sampleRate": rate})) as client:
        assert client.connected["data"]["sample_rate"] == rate_hz
        client.say("A sentence of some length.")
        client.send("flush")
        while len(client.audio) < round(2 * 1.3 * rate_hz):
            client.read()
    assert duration_s(client.audio, "pcm", rate_hz) == pytest.approx(1.3, abs=0.01)


def test_after_a_clear_nothing_of_before_is_heard(open_door: StartService) -> None:
    throttle = Throttle(allowed=2)
    with ScriptedClient(open_door(ToneEngine(on_render=throttle), debounce_ms=NEVER_MS), sampleRate=RATE_HZ) as client:
        client.say("This is a long story that nobody wants to hear to its end. And it goes on. And")
        client.send("flush")
        while not client.audio:
            client.read()
        client.send("clear")
        client.say("The next one.")
        client.send("flush")
        throttle.open()
        expected = pcm("The next one.")
        while not client.audio.endswith(expected):
            client.read()
    story = pcm("This is a long story that nobody wants to hear to its end.")
    before = client.audio.removesuffix(expected)
    assert story.startswith(before)
    assert len(before) < len(story) / 2


def test_stop_ends_speech_and_connection_at_once(open_door: StartService) -> None:
    throttle = Throttle(allowed=1)
    door = open_door(ToneEngine(on_render=throttle))
    with ScriptedClient(door) as client:
        client.say("This is a long story that nobody wants to hear to its end.")
        while not client.audio:
            client.read()
        client.send("stop")
        assert client.wait_closed() == 1000
    wait_figure(door, "tts_active_sessions", lambda count: count == 0, door=DOOR)
    assert duration_s(client.audio, "pcm", 8000) < 1.0


def test_between_replies_a_client_holds_no_place(open_door: StartService) -> None:
    door = open_door(max_sessions=1)
    with ScriptedClient(door, sampleRate=RATE_HZ) as first, ScriptedClient(door, sampleRate=RATE_HZ) as second:
        for client in (first, second, first):
            client.say("My turn.")
            client.send("flush")
            client.hear("My turn.")
            wait_figure(door, "tts_active_sessions", lambda count: count == 0, door=DOOR)


def test_a_hundred_connections_never_hear_each_other(open_door: StartService) -> None:
    door = open_door(max_sessions=200)

    async def talk(number: int) -> bytes:
        heard = b""
        async with connect_async(address(door, "ws", sampleRate=RATE_HZ), compression=None) as socket:
            for message in ({"type": "stream", "text": f"Caller {number} speaks."}, {"type": "flush"}):
                await socket.send(json.dumps(message))
            while len(heard) < 2 * tone_samples(f"Caller {number} speaks."):
                received = await socket.recv()
                heard += received if isinstance(received, bytes) else b""
        return heard

    for number, heard in enumerate(heard_by_a_hundred(talk)):
        assert heard == pcm(f"Caller {number} speaks.")


@pytest.mark.parametrize(
    ("accept", "content_type", "format_name", "rate_hz"),
    [
        (None, "audio/mpeg", "mp3", 24_000),
        ("audio/mpeg", "audio/mpeg", "mp3", 24_000),
        ("text/plain", "audio/mpeg", "mp3", 24_000),
        ("audio/wav", "audio/wav", "wav", 24_000),
        ("audio/l16;rate=8000", "audio/l16;rate=8000", "pcm", 8000),
        ("application/json, audio/L16; rate=16000", "audio/l16;rate=16000", "pcm", 16_000),
    ],
)
def test_a_request_is_answered_in_the_format_that_it_accepts(
    open_door: StartService, accept: str | None, content_type: str, format_name: str, rate_hz: int
) -> None:
    body = {"language": "en-US", "voice": "af_sky", "type": "text", "text": "A sentence of some length."}
    with httpx.Client(headers={} if accept is None else {"Accept": accept}) as client:
        answer = client.post(address(open_door()), json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
    assert duration_s(answer.content, format_name, rate_hz) == pytest.approx(1.3, abs=0.1)


def test_ssml_is_obeyed_over_http(open_door: StartService) -> None:
    body = {"type": "ssml", "text": "<speak>One.<break time='500ms'/>Two.</speak>"}
    answer = httpx.post(address(open_door()), json=body, headers={"Accept": "audio/l16;rate=24000"})
    assert len(answer.content) == len(pcm("One.", "Two.")) + 24_000


# What goes wrong


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
def test_garbage_is_an_error_and_harms_nothing(
    open_door: StartService, events: EventLog, sent: str | bytes, code: str
) -> None:
    with ScriptedClient(open_door(debounce_ms=NEVER_MS, max_text_chars=100), sampleRate=RATE_HZ) as client:
        client.say("Half a")
        client.socket.send(sent)
        error = client.read_error()
        assert (error["type"], error["code"]) == ("error", code)
        assert isinstance(error["error"], str)
        client.say("sentence.")
        client.send("flush")
        client.hear("Half a sentence.")
    assert events.wait("refused", door=DOOR)["code"] == code


@pytest.mark.parametrize("texts", [("",), (" ",), ("...",), ("", "-", " ")])
def test_what_has_nothing_to_say_is_passed_over(open_door: StartService, texts: tuple[str, ...]) -> None:
    with ScriptedClient(open_door(), sampleRate=RATE_HZ) as client:
        client.say(*texts)
        client.send("flush")
        client.say("Something.")
        client.send("flush")
        client.hear("Something.")


@pytest.mark.parametrize("query", [{"voice": "nobody"}, {"language": "tlh"}, {"sampleRate": "7"}, {"sampleRate": "x"}])
def test_what_cannot_be_spoken_is_refused_before_the_connection_is(
    open_door: StartService, query: dict[str, str]
) -> None:
    with pytest.raises(InvalidStatus) as failed:
        connect(address(open_door(), "ws", **query))
    assert failed.value.response.status_code == 400
    assert json.loads(failed.value.response.body or b"").keys() == {"error"}


@pytest.mark.parametrize(
    ("body", "accept", "status"),
    [
        ({"text": ""}, "audio/mpeg", 400),
        ({"text": "..."}, "audio/mpeg", 400),
        ({"text": "Hello.", "type": "song"}, "audio/mpeg", 400),
        ({"text": "Hello.", "voice": "nobody"}, "audio/mpeg", 400),
        ({"text": "Hello."}, "audio/l16;rate=7", 400),
        ({"text": "Hello."}, "audio/l16;rate=x", 400),
        ({"text": "<speak>Hello.</speak", "type": "ssml"}, "audio/mpeg", 400),
        ({}, "audio/mpeg", 400),
        ({"text": "x" * 101}, "audio/mpeg", 413),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(
    open_door: StartService, body: dict[str, str], accept: str, status: int
) -> None:
    answer = httpx.post(address(open_door(max_text_chars=100)), json=body, headers={"Accept": accept})
    assert answer.status_code == status
    assert answer.json().keys() == {"error"}
    assert "xxx" not in answer.text


def test_a_wrong_key_is_refused_with_a_reason(open_door: StartService) -> None:
    door = open_door(api_key=KEY)
    answer = httpx.post(address(door), json={"text": "Hello."}, headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.json()) == (401, {"error": "a valid API key is needed"})
    with pytest.raises(InvalidStatus) as failed:
        ScriptedClient(door, "wrong")
    assert failed.value.response.status_code == 401
    assert json.loads(failed.value.response.body or b"") == answer.json()
    right = {"Authorization": f"Bearer {KEY}"}
    assert httpx.post(address(door), json={"text": "Hello."}, headers=right).status_code == 200
    with ScriptedClient(door, KEY) as client:
        assert client.connected["type"] == "connect"


def test_a_web_page_and_too_many_requests_are_refused(open_door: StartService) -> None:
    door = open_door(requests_per_minute=1)
    page = httpx.post(address(door), json={"text": "Hello."}, headers={"Origin": "https://elsewhere.example"})
    assert (page.status_code, page.json().keys()) == (403, {"error"})
    assert httpx.post(address(door), json={"text": "Hello."}).status_code == 200
    busy = httpx.post(address(door), json={"text": "Hello."})
    assert (busy.status_code, busy.json().keys()) == (429, {"error"})
    assert "retry-after" in busy.headers
    with pytest.raises(InvalidStatus) as failed:
        ScriptedClient(door)
    assert failed.value.response.status_code == 429


def test_a_text_that_finds_no_place_is_told_so_and_its_connection_stays(open_door: StartService) -> None:
    door = open_door(max_sessions=1, debounce_ms=NEVER_MS)
    with ScriptedClient(door) as first, ScriptedClient(door, sampleRate=RATE_HZ) as second:
        first.say("I am here")
        wait_figure(door, "tts_active_sessions", lambda count: count == 1, door=DOOR)
        second.say("And I?")
        assert second.read_error()["code"] == "busy"
        assert httpx.post(address(door), json={"text": "And I?"}).status_code == 429
        first.send("clear")
        wait_figure(door, "tts_active_sessions", lambda count: count == 0, door=DOOR)
        second.say("Now.")
        second.send("flush")
        second.hear("Now.")


def test_who_says_nothing_is_closed_in_time(open_door: StartService) -> None:
    door = open_door(idle_timeout_s=0.3)
    with ScriptedClient(door) as mute:
        assert mute.wait_closed() == 1001
    assert figure(door, "tts_idle_clients_closed_total", door=DOOR, why="time") == 1


def test_a_message_over_the_limit_ends_its_connection(open_door: StartService) -> None:
    with ScriptedClient(open_door(max_message_bytes=1000)) as client:
        client.say("x" * 1000)
        assert client.wait_closed() == 1009


def test_a_sentence_that_fails_is_an_error_and_the_next_one_is_spoken(open_door: StartService) -> None:
    def fail(text: str) -> None:
        if text == "Bad.":
            raise SynthesisError("scripted")

    silent = ForeignEngine(name="piper", sample_rate=22_050, voice_names=("joe",))
    with ScriptedClient(open_door(ToneEngine(on_prepare=fail), silent), sampleRate=RATE_HZ) as client:
        client.say("Good. Bad. Good again.")
        client.send("flush")
        client.hear("Good.", "Good again.")
        assert client.read_error()["code"] == "synthesis_failed"


@pytest.mark.model
def test_the_real_model_speaks_on_a_stream(open_door: StartService, kokoro: Engine) -> None:
    with ScriptedClient(open_door(kokoro), voice="af_sky", language="en-US") as client:
        client.say(*"Hello, and thank you for calling.".split())
        client.send("flush")
        while len(client.audio) < 2 * 8000:
            client.read()
