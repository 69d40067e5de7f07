"""Home Assistant's door: the package's own client against the running service; and what it never sends, by hand."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("wyoming", reason="requirements-wyoming.txt is not installed")

from wyoming.audio import AudioChunk, AudioStart
from wyoming.client import AsyncTcpClient
from wyoming.event import Event, Eventable
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice

from telephony.engines.base import Engine, SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.service import Service, StartError
from telephony.settings.parsing import SettingsError, parse
from tests.agents import NEVER_MS, SENTENCES, TOKENS, pcm
from tests.clients import TIMEOUT_S, EventLog, ForeignEngine, Throttle, crowd, figure, free_port, wait_figure
from tests.conftest import StartService

STREAMED = [SynthesizeStart(), *map(SynthesizeChunk, TOKENS), Synthesize("".join(TOKENS)), SynthesizeStop()]
"""As Home Assistant sends a text that still comes: behind it the whole of it, for older services."""


@pytest.fixture
def open_door(service: StartService) -> StartService:
    def start(engine: Engine | None = None, second: Engine | None = None, **settings: Any) -> Service:
        return service(engine, second, **{"http_port": 0, "wyoming_port": 0, "max_first_audio_s": 0.0, **settings})

    return start


class Client:
    """A connection of the package's client, and what came on it; audio that came together is one."""

    def __init__(self, client: AsyncTcpClient) -> None:
        self.heard: list[bytes | str] = []
        self._client = client

    async def send(self, *messages: Eventable) -> None:
        for message in messages:
            await self._client.write_event(message.event())

    async def read(self) -> Event | None:
        event = await asyncio.wait_for(self._client.read_event(), TIMEOUT_S)
        if event is None:
            return None
        if not AudioChunk.is_type(event.type):
            self.heard.append(event.type)
            return event
        chunk = AudioChunk.from_event(event)
        assert (chunk.rate, chunk.width, chunk.channels) == (24_000, 2, 1)
        if isinstance(self.heard[-1], bytes):
            self.heard[-1] += chunk.audio
        else:
            self.heard.append(chunk.audio)
        return event

    async def read_to(self, kind: str) -> Event:
        while (event := await self.read()) is None or event.type != kind:
            assert event is not None, f"closed after {self.heard[-1]!r}"
        return event


@asynccontextmanager
async def connected(door: Service | int | None) -> AsyncIterator[Client]:
    port = door.wyoming_port if isinstance(door, Service) else door
    async with AsyncTcpClient("127.0.0.1", port or 0) as client:
        yield Client(client)


def converse(door: Service, until: str, *messages: Eventable) -> list[bytes | str]:
    """What is heard after these messages, up to an event of that type."""

    async def main() -> list[bytes | str]:
        async with connected(door) as client:
            await client.send(*messages)
            await client.read_to(until)
            return client.heard

    return asyncio.run(main())


def refusal(door: Service, *messages: Eventable) -> dict[str, Any]:
    """The error that these messages end the connection with."""

    async def main() -> dict[str, Any]:
        async with connected(door) as client:
            await client.send(*messages)
            error = await client.read_to("error")
            assert await client.read() is None
            return error.data

    return asyncio.run(main())


# What it says


def test_whoever_asks_is_told_of_every_voice_and_that_text_may_come_in_pieces(open_door: StartService) -> None:
    door = open_door(ToneEngine(voice_names=("af_sky", "am_adam")), voice="am_adam")

    async def main() -> Info:
        async with connected(door) as client:
            await client.send(Describe())
            return Info.from_event(await client.read_to("info"))

    info = asyncio.run(main())
    (program,) = info.tts
    assert program.supports_synthesize_streaming
    assert [(voice.name, voice.languages, voice.installed) for voice in program.voices] == [
        ("am_adam", ["en-US"], True),
        ("af_sky", ["en-US"], True),
        ("joe", ["es-ES"], True),
    ]
    assert not (info.asr or info.wake or info.handle)


def test_a_text_is_spoken(open_door: StartService) -> None:
    heard = converse(open_door(), "audio-stop", Synthesize(" ".join(SENTENCES)))
    assert heard == ["audio-start", pcm(*SENTENCES), "audio-stop"]


def test_a_text_that_comes_in_tokens_is_spoken_once(open_door: StartService) -> None:
    heard = converse(open_door(debounce_ms=NEVER_MS), "synthesize-stopped", *STREAMED)
    assert heard == ["audio-start", pcm(*SENTENCES), "audio-stop", "synthesize-stopped"]


def test_speech_begins_while_its_text_still_comes(open_door: StartService) -> None:
    async def main() -> None:
        async with connected(open_door(debounce_ms=NEVER_MS)) as client:
            await client.send(SynthesizeStart(), SynthesizeChunk("The first one. The se"))
            await client.read_to("audio-chunk")
            await client.send(SynthesizeChunk("cond one"), SynthesizeStop())
            await client.read_to("synthesize-stopped")
            assert client.heard[1] == pcm("The first one.", "The second one")

    asyncio.run(main())


def test_texts_of_one_connection_are_spoken_one_after_the_other(open_door: StartService) -> None:
    door = open_door(max_sessions=1)

    async def main() -> None:
        async with connected(door) as client:
            await client.send(Synthesize("One."), *STREAMED, Synthesize("Three."), Ping("still there"))
            await client.read_to("synthesize-stopped")
            pong = Pong.from_event(await client.read_to("pong"))
            assert pong.text == "still there"
            await client.read_to("audio-stop")
            assert [each for each in client.heard if isinstance(each, bytes)] == [
                pcm("One."),
                pcm(*SENTENCES),
                pcm("Three."),
            ]

    asyncio.run(main())
    wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="wyoming")


@pytest.mark.parametrize("text", ["", "... ", "<speak></speak>"])
def test_who_has_nothing_to_say_hears_the_end(open_door: StartService, text: str) -> None:
    assert converse(open_door(), "audio-stop", Synthesize(text)) == ["audio-start", "audio-stop"]


def test_a_document_is_spoken_as_it_says(open_door: StartService) -> None:
    text = '<speak>Hello <sub alias="World Wide Web">WWW</sub></speak>'
    assert converse(open_door(), "audio-stop", Synthesize(text))[1] == pcm("Hello World Wide Web")


def test_a_voice_is_chosen_by_name_or_by_language(open_door: StartService) -> None:
    spanish = ForeignEngine(name="piper", sample_rate=22_050, voice_names=("sol",))
    door = open_door(second=spanish)
    for number, voice in enumerate((SynthesizeVoice(name="sol"), SynthesizeVoice(language="es_ES")), start=1):
        converse(door, "audio-stop", Synthesize("Hola.", voice=voice))
        assert figure(door, "tts_segments_total", engine="piper") == number


# Interruptions


def test_a_client_that_goes_in_mid_sentence_silences_it(open_door: StartService) -> None:
    throttle = Throttle(allowed=1)
    door = open_door(ToneEngine(on_render=throttle))

    async def main() -> None:
        async with connected(door) as client:
            await client.send(Synthesize("A story of many seconds that nobody wants to hear to its end. And on."))
            await client.read_to("audio-chunk")

    asyncio.run(main())
    wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="wyoming")
    throttle.open()
    assert converse(door, "audio-stop", Synthesize("The next one."))[1] == pcm("The next one.")
    # One window was in work; none was begun behind it.
    assert throttle.asked.count("The next one.") + 2 >= len(throttle.asked)


def test_a_client_comes_back_after_a_restart(open_door: StartService) -> None:
    port = free_port()
    door = open_door(wyoming_port=port)
    assert converse(door, "audio-stop", Synthesize("Before."))[1] == pcm("Before.")
    door.stop()
    again = open_door(wyoming_port=port)
    assert converse(again, "audio-stop", Synthesize("After."))[1] == pcm("After.")


def test_a_hundred_clients_never_hear_each_other(open_door: StartService) -> None:
    door = open_door(max_sessions=200, debounce_ms=NEVER_MS)

    async def talk(number: int) -> list[bytes | str]:
        async with connected(door) as client:
            tokens = (SynthesizeChunk(f"{word} ") for word in f"Caller {number} speaks. And more.".split())
            await client.send(SynthesizeStart(), *tokens, SynthesizeStop())
            await client.read_to("synthesize-stopped")
            return client.heard

    for number, heard in enumerate(crowd(talk)):
        assert heard[1] == pcm(f"Caller {number} speaks.", "And more."), number


# What goes wrong


def test_an_unknown_voice_is_an_error_and_ends_the_connection(open_door: StartService, events: EventLog) -> None:
    door = open_door()
    nobody = SynthesizeVoice(name="nobody")
    for asked in (Synthesize("Hello.", voice=nobody), SynthesizeStart(voice=nobody)):
        assert refusal(door, asked)["code"] == "bad_voice"
    assert refusal(door, Synthesize("Hello.", voice=SynthesizeVoice(language="xx")))["code"] == "bad_voice"
    assert events.wait("refused", door="wyoming", code="bad_voice")["peer"].startswith("127.0.0.1:")
    assert figure(door, "tts_refusals_total", door="wyoming", code="bad_voice") == 3


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([SynthesizeChunk("Hello.")], "unexpected"),
        ([SynthesizeStop()], "unexpected"),
        ([SynthesizeStart(), SynthesizeStart()], "unexpected"),
        ([Synthesize("x" * 101)], "text_too_long"),
        ([SynthesizeStart(), SynthesizeChunk("x" * 101)], "text_too_long"),
        ([Synthesize("<speak><p>Hello</speak>")], "bad_message"),
    ],
    ids=["chunk first", "stop first", "two starts", "long text", "long chunk", "broken document"],
)
def test_what_cannot_be_is_an_error(open_door: StartService, messages: Sequence[Eventable], code: str) -> None:
    told = refusal(open_door(max_text_chars=100), *messages)
    assert told["code"] == code
    assert "xxx" not in told["text"]


def send_raw(door: Service, data: bytes) -> list[dict[str, Any]]:
    """What the service says to bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", door.wyoming_port or 0), TIMEOUT_S) as client:
        client.sendall(data)
        received = b""
        while data := client.recv(4096):
            received += data
    return [json.loads(line) for line in received.splitlines() if line]


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


GARBAGE = {
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00",
    "no json": b"hello\n",
    "a list": b"[]\n",
    "deep": b"[" * 900 + b"\n",
    "no type": line(data={}),
    "data is a list": line(type="describe", data=[]),
    "a length is text": line(type="describe", data_length="5"),
    "a length below zero": line(type="describe", data_length=-1),
    "a length is true": line(type="describe", payload_length=True),
    "data is no json": line(type="describe", data_length=2) + b"xx",
    "a long line": b"x" * 1001,
    "much data": line(type="describe", data_length=1001),
    "much payload": line(type="describe", payload_length=2**60),
    "a text is a number": line(type="synthesize", data={"text": 7}),
    "a voice is a word": line(type="synthesize", data={"text": "Hello.", "voice": "af_sky"}),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_an_error_and_ends_the_connection(open_door: StartService, name: str) -> None:
    door = open_door(max_message_bytes=1000)
    told, about = send_raw(door, GARBAGE[name])[:2]
    assert told["type"] == "error"
    assert about["code"] == ("bad_message" if name in ("a text is a number", "a voice is a word") else "protocol_error")
    assert converse(door, "audio-stop", Synthesize("Hello."))[1] == pcm("Hello.")


def test_events_that_nobody_knows_are_ignored(open_door: StartService) -> None:
    door = open_door()

    async def main() -> None:
        async with connected(door) as client:
            for kind in ("select-program", "transcribe", "x" * 1000):
                await client._client.write_event(Event(kind, {"name": "kokoro"}, b"payload"))
            await client.send(Synthesize("Hello."))
            await client.read_to("audio-stop")
            assert client.heard[1] == pcm("Hello.")

    asyncio.run(main())


def test_half_a_character_is_left_out(open_door: StartService) -> None:
    door = open_door()
    with socket.create_connection(("127.0.0.1", door.wyoming_port or 0), TIMEOUT_S) as client:
        client.sendall(b'{"type": "ping", "data": {"text": "a\\ud800b"}}\n')
        client.sendall(b'{"type": "synthesize", "data": {"text": "Hello\\ud800."}}\n')
        received = b""
        while b"audio-stop" not in received:
            received += client.recv(65_536)
    assert b'"a?b"' in received
    assert pcm("Hello.")[:960] in received


def test_who_says_nothing_or_half_an_event_is_cut(open_door: StartService, events: EventLog) -> None:
    door = open_door(hello_timeout_s=0.05)
    for said in (b"", b'{"type"', line(type="describe", data_length=5) + b"{"):
        told, about = send_raw(door, said)[:2]
        assert (told["type"], about["code"]) == ("error", "hello_overdue")
    events.wait("refused", 3, door="wyoming", code="hello_overdue")


def test_the_idle_go_after_a_while_and_make_room(open_door: StartService) -> None:
    door = open_door(idle_timeout_s=0.05)
    with socket.create_connection(("127.0.0.1", door.wyoming_port or 0), TIMEOUT_S) as client:
        assert client.recv(4096) == b""
    assert figure(door, "tts_idle_clients_closed_total", door="wyoming", why="time") == 1
    door = open_door(max_connections=4)
    with (
        socket.create_connection(("127.0.0.1", door.wyoming_port or 0), TIMEOUT_S) as first,
        socket.create_connection(("127.0.0.1", door.wyoming_port or 0), TIMEOUT_S),
    ):
        assert b"busy" in first.recv(4096)
    assert figure(door, "tts_idle_clients_closed_total", door="wyoming", why="number") == 1


def test_connections_are_bounded(open_door: StartService) -> None:
    throttle = Throttle()
    door = open_door(ToneEngine(on_render=throttle), max_connections=1)

    async def main() -> None:
        async with connected(door) as client, connected(door) as second:
            await client.send(Synthesize("Hello."))
            assert await second.read() is None
            throttle.open()
            await client.read_to("audio-stop")

    asyncio.run(main())
    assert figure(door, "tts_refusals_total", door="wyoming", code="connection_refused") == 1


def test_without_a_place_a_text_is_refused(open_door: StartService) -> None:
    throttle = Throttle()
    door = open_door(ToneEngine(on_render=throttle), max_sessions=1)

    async def main() -> None:
        async with connected(door) as client:
            await client.send(Synthesize("Hello."))
            throttle.wait_asked(1)
            told = await asyncio.to_thread(refusal, door, Synthesize("Hello."))
            assert told["code"] == "busy"
            throttle.open()
            await client.read_to("audio-stop")

    asyncio.run(main())


def test_a_client_that_takes_nothing_is_cut(open_door: StartService) -> None:
    door = open_door(send_timeout_s=0.1)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", door.wyoming_port or 0))
        client.sendall(line(type="synthesize", data={"text": "A sentence of some length. " * 100}))
        wait_figure(door, "tts_clients_stalled_total", lambda count: count == 1, door="wyoming")
    wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="wyoming")


def test_a_sentence_that_fails_is_an_error_and_the_next_one_is_spoken(open_door: StartService) -> None:
    def fail(text: str) -> None:
        if text == "Bad.":
            raise SynthesisError("scripted")

    door = open_door(ToneEngine(on_prepare=fail))
    messages = (SynthesizeStart(), SynthesizeChunk("Good. Bad. Good again."), SynthesizeStop())
    heard = converse(door, "synthesize-stopped", *messages)
    assert heard == ["audio-start", pcm("Good."), "error", pcm("Good again."), "audio-stop", "synthesize-stopped"]


# The announcement


def test_home_assistant_finds_the_door_in_its_network(open_door: StartService, events: EventLog) -> None:
    zeroconf = pytest.importorskip("zeroconf")
    door = open_door(wyoming_announce=True)
    announced = events.wait("announced")
    assert announced["port"] == door.wyoming_port
    network = zeroconf.Zeroconf(interfaces=["127.0.0.1"])
    try:
        found = network.get_service_info("_wyoming._tcp.local.", announced["name"], timeout=round(1000 * TIMEOUT_S))
    finally:
        network.close()
    assert found is not None
    assert (found.port, found.parsed_addresses()) == (door.wyoming_port, ["127.0.0.1"])


def test_a_door_that_cannot_be_announced_is_there_all_the_same(open_door: StartService, events: EventLog) -> None:
    pytest.importorskip("zeroconf")
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr("telephony.endpoints.announcement.AsyncZeroconf", _no_network)
        door = open_door(wyoming_announce=True)
        events.wait("announcement_failed", error="no network")
        assert converse(door, "audio-stop", Synthesize("Hello."))[1] == pcm("Hello.")


def _no_network(**_: object) -> None:
    raise OSError("no network")


# Settings


def test_the_door_needs_that_of_http(service: StartService) -> None:
    with pytest.raises(StartError, match="--wyoming-port needs the HTTP door"):
        service(http_port=None, wyoming_port=0)


def test_a_taken_port_is_told(open_door: StartService) -> None:
    door = open_door()
    with pytest.raises(StartError, match=r"\(Wyoming\).*--wyoming-port"):
        open_door(wyoming_port=door.wyoming_port)


@pytest.mark.parametrize(
    ("flags", "package"), [(("--wyoming-port", "10200"), "wyoming"), (("--wyoming-announce",), "zeroconf")]
)
def test_a_missing_package_is_told_at_the_start(
    monkeypatch: pytest.MonkeyPatch, flags: Sequence[str], package: str
) -> None:
    monkeypatch.setattr("telephony.settings.values.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=rf"package {package} is missing.*requirements-wyoming\.txt"):
        parse(flags, {})
    assert parse(("--wyoming-port", "0"), {}).settings.wyoming_port is None


def test_other_machines_are_warned_of(service: StartService, events: EventLog) -> None:
    service(http_port=0, wyoming_port=0, wyoming_host="0.0.0.0")
    events.wait("doors_without_key", doors="Wyoming", host="0.0.0.0")


def test_audio_start_says_what_follows(open_door: StartService) -> None:
    async def main() -> AudioStart:
        async with connected(open_door()) as client:
            await client.send(Synthesize("Hello."))
            return AudioStart.from_event(await client.read_to("audio-start"))

    assert asyncio.run(main()) == AudioStart(24_000, 2, 1)


@pytest.mark.model
def test_the_real_model_speaks_to_home_assistant(open_door: StartService, kokoro: Engine) -> None:
    heard = converse(open_door(kokoro), "synthesize-stopped", *STREAMED)
    assert isinstance(heard[1], bytes)
    assert 1.5 < len(heard[1]) / 48_000 < 6.0
