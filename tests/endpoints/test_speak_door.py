"""Deepgram's clients, unchanged, against the running service; and what they never send, by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from telephony.engines.base import Engine, SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from tests.agents import KEY, NEVER_MS, SENTENCES, TOKENS, TypedSocket, pcm
from tests.clients import TIMEOUT_S, ForeignEngine, Throttle, crowd, figure, free_port, wait_figure
from tests.conftest import StartService
from tests.decoders import duration_s

pytest.importorskip("pipecat", reason="the frameworks are installed for Python 3.11 and newer")

import aiohttp
from deepgram import DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from deepgram.speak.v1.types.speak_v1text import SpeakV1Text
from livekit.agents import APIStatusError
from livekit.plugins import deepgram as livekit_deepgram
from pipecat.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat.services.deepgram.tts import (
    DeepgramHttpTTSService,
    DeepgramTTSService,
    format_deepgram_pronunciation,
)

from tests import livekit_speech, pipecat_pipelines
from tests.livekit_speech import ONE_TRY, RETRIES, run
from tests.pipecat_pipelines import Bot, pipeline_of

Message = dict[str, Any]


def address(door: Service, scheme: str = "http", **query: str) -> str:
    return f"{scheme}://127.0.0.1:{door.http_port}/v1/speak?{httpx.QueryParams(query)}"


# By hand


class Client(TypedSocket):
    """A connection of the protocol. `with` closes it.

    `heard` is what came, in order: audio that came together is one.
    """

    def __init__(self, door: Service, **query: str) -> None:
        super().__init__(address(door, "ws", **query), text="Speak")
        self.metadata = json.loads(self.socket.recv(TIMEOUT_S))
        self.heard: list[bytes | Message] = []

    def read(self) -> bytes | Message:
        received = self.socket.recv(TIMEOUT_S)
        if isinstance(received, str):
            message: Message = json.loads(received)
            self.heard.append(message)
            return message
        if self.heard and isinstance(self.heard[-1], bytes):
            self.heard[-1] += received
        else:
            self.heard.append(received)
        return received

    def read_to(self, kind: str) -> Message:
        """Reads on until a message of that type."""
        while isinstance(message := self.read(), bytes) or message["type"] != kind:
            pass
        return message

    def wait_closed(self) -> int:
        """Reads to the end of the connection; returns the close code."""
        with pytest.raises(ConnectionClosed):
            while True:
                self.read()
        assert self.socket.close_code is not None
        return self.socket.close_code


def flushed(number: int) -> Message:
    return {"type": "Flushed", "sequence_id": number}


def test_flushed_comes_behind_all_audio_of_before_and_before_any_of_later(open_door: StartService) -> None:
    with Client(open_door(debounce_ms=NEVER_MS), model="af_sky") as client:
        assert (client.metadata["type"], client.metadata["model_name"]) == ("Metadata", "af_sky")
        client.say("The first one. The", " second one")
        client.send("Flush")
        client.say("The third one. And the end")
        client.send("Flush")
        client.send("Flush")
        client.say("... ")
        client.send("Flush")
        client.read_to("Flushed")
        while client.heard[-1] != flushed(3):
            client.read()
    assert client.heard == [
        pcm("The first one.", "The second one"),
        flushed(0),
        pcm("The third one.", "And the end"),
        flushed(1),
        flushed(2),
        flushed(3),
    ]


def test_a_flush_with_nothing_to_say_is_answered_at_once(open_door: StartService) -> None:
    with Client(open_door()) as client:
        client.send("Flush")
        client.send("Clear")
        assert [client.read(), client.read()] == [flushed(0), {"type": "Cleared", "sequence_id": 1}]


def test_after_a_clear_nothing_of_before_is_heard(open_door: StartService) -> None:
    throttle = Throttle(allowed=2)
    with Client(open_door(ToneEngine(on_render=throttle), debounce_ms=NEVER_MS)) as client:
        client.say("This is a long story that nobody wants to hear to its end. And it goes on. And")
        client.send("Flush")
        client.read()
        client.send("Clear")
        client.read_to("Cleared")
        client.heard.clear()
        client.say("The next one.")
        client.send("Flush")
        throttle.open()
        client.read_to("Flushed")
    assert client.heard == [pcm("The next one."), flushed(1)]


def test_close_speaks_what_is_there_and_ends_the_connection(open_door: StartService) -> None:
    with Client(open_door(debounce_ms=NEVER_MS)) as client:
        client.say("The first one. And an open end")
        client.send("Close")
        assert client.wait_closed() == 1000
    assert client.heard == [pcm("The first one.", "And an open end")]


def test_a_client_that_goes_after_its_end_is_noticed(open_door: StartService) -> None:
    door = open_door(ToneEngine(on_render=Throttle()))
    with Client(door) as client:
        client.say("Nobody will hear this.")
        client.send("Close")
        wait_figure(door, "tts_active_sessions", lambda count: count == 1, door="speak")
    wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="speak")


def test_between_replies_a_client_holds_no_place(open_door: StartService) -> None:
    door = open_door(max_sessions=1)
    with Client(door) as first, Client(door) as second:
        for client in (first, second, first):
            client.heard.clear()
            client.say("My turn.")
            client.send("Flush")
            client.read_to("Flushed")
            wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="speak")
            assert client.heard[0] == pcm("My turn.")


@pytest.mark.parametrize(
    ("encoding", "sample_rate", "format_name"),
    [
        ("linear16", "8000", "pcm"),
        ("linear16", "16000", "pcm"),
        ("linear16", "32000", "pcm"),
        ("linear16", "48000", "pcm"),
        ("mulaw", "8000", "mulaw"),
        ("alaw", "8000", "alaw"),
    ],
)
def test_every_encoding_lasts_as_long_as_the_speech(
    open_door: StartService, encoding: str, sample_rate: str, format_name: str
) -> None:
    door = open_door()
    with Client(door, encoding=encoding, sample_rate=sample_rate) as client:
        client.say("A sentence of some length.")
        client.send("Flush")
        client.read_to("Flushed")
    audio = client.heard[0]
    assert isinstance(audio, bytes)
    assert duration_s(audio, format_name, int(sample_rate)) == pytest.approx(1.3, abs=0.01)


@pytest.mark.parametrize(
    ("query", "content_type", "format_name"),
    [
        ({}, "audio/mpeg", "mp3"),
        ({"encoding": "mp3", "sample_rate": "22050", "bit_rate": "48000"}, "audio/mpeg", "mp3"),
        ({"encoding": "linear16"}, "audio/wav", "wav"),
        ({"encoding": "linear16", "container": "wav", "sample_rate": "8000"}, "audio/wav", "wav"),
        ({"encoding": "linear16", "container": "none"}, "audio/pcm;rate=24000;channels=1", "pcm"),
        ({"encoding": "mulaw", "container": "none"}, "audio/PCMU;rate=8000", "mulaw"),
        ({"encoding": "alaw"}, "audio/PCMA;rate=8000", "alaw"),
        ({"encoding": "opus", "container": "ogg"}, "audio/ogg", "opus"),
        ({"encoding": "flac"}, "audio/flac", "flac"),
        ({"encoding": "aac"}, "audio/aac", "aac"),
    ],
)
def test_a_request_is_answered_in_its_encoding(
    open_door: StartService, query: dict[str, str], content_type: str, format_name: str
) -> None:
    answer = httpx.post(address(open_door(), **query), json={"text": "A sentence of some length."})
    assert answer.headers["content-type"].replace(" ", "") == content_type
    rate = 8000 if format_name in ("mulaw", "alaw") else 24_000
    assert duration_s(answer.content, format_name, rate) == pytest.approx(1.3, abs=0.1)


def test_a_model_is_a_voice_of_ours_or_stands_for_anybody_of_its_language(open_door: StartService) -> None:
    spanish = ForeignEngine(name="piper", sample_rate=22_050, voice_names=("sol",))
    door = open_door(second=spanish)
    for model, status, engine in (
        ("af_sky", 200, "tone"),
        ("sol", 200, "piper"),
        ("aura-asteria-en", 200, "tone"),
        ("aura-2-thalia-en", 200, "tone"),
        ("aura-2-sirio-es", 200, "piper"),
        ("aura-2-izanami-ja", 400, ""),
        ("nobody", 400, ""),
    ):
        before = figure(door, "tts_segments_total", engine=engine)
        answer = httpx.post(address(door, model=model), json={"text": "Hello."})
        assert answer.status_code == status, model
        if status == 200:
            assert figure(door, "tts_segments_total", engine=engine) == before + 1, model
        else:
            assert answer.json().keys() == {"err_code", "err_msg", "request_id"}
            with pytest.raises(InvalidStatus) as failed:
                connect(address(door, "ws", model=model))
            assert failed.value.response.status_code == 400
            assert json.loads(failed.value.response.body or b"")["err_msg"] == answer.json()["err_msg"]


def test_the_rate_is_the_one_asked_for(open_door: StartService) -> None:
    door = open_door()
    with Client(door, speed="2") as client:
        client.say("Twice as fast.")
        client.send("Flush")
        client.read_to("Flushed")
    query = {"encoding": "linear16", "container": "none", "speed": "2"}
    answer = httpx.post(address(door, **query), json={"text": "Twice as fast."})
    assert client.heard[0] == answer.content
    assert len(answer.content) == len(pcm("Twice as fast.")) // 2


def test_a_word_is_said_as_its_text_says(open_door: StartService) -> None:
    asked: list[str] = []
    inline = format_deepgram_pronunciation("dupilumab", "duːˈpɪljuːmæb")
    text = f"Take {inline} & rest."
    door = open_door(ToneEngine(on_prepare=asked.append), debounce_ms=NEVER_MS)
    with Client(door) as client:
        client.say(*(token + " " for token in text.split()))
        client.send("Flush")
        client.read_to("Flushed")
    assert httpx.post(address(door), json={"text": text}).status_code == 200
    assert asked == 2 * ["Take [dupilumab](/duːpˈɪljuːmæb/) & rest."]


# What goes wrong


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("no JSON", "bad_json"),
        (b"\0\1", "unexpected_binary"),
        ('{"text": "Hello."}', "unknown_type"),
        ('{"type": "Speak", "text": 7}', "bad_message"),
        (json.dumps({"type": "Speak", "text": "x" * 101}), "text_too_long"),
    ],
)
def test_garbage_is_an_error_and_harms_nothing(open_door: StartService, sent: str | bytes, code: str) -> None:
    with Client(open_door(debounce_ms=NEVER_MS, max_text_chars=100)) as client:
        client.say("Half a sen")
        client.socket.send(sent)
        error = client.read_to("Error")
        assert error["code"] == code
        assert error["description"] == error["err_msg"]
        client.say("tence.")
        client.send("Flush")
        client.read_to("Flushed")
    assert client.heard[1:] == [pcm("Half a sentence."), flushed(0)]


@pytest.mark.parametrize(
    "query",
    [
        {"encoding": "mp3"},
        {"sample_rate": "7"},
        {"sample_rate": "x"},
        {"speed": "fast"},
        {"encoding": "mulaw", "sample_rate": "16000"},
    ],
)
def test_what_cannot_be_sent_is_refused_before_the_connection_is(
    open_door: StartService, query: dict[str, str]
) -> None:
    with pytest.raises(InvalidStatus) as failed:
        connect(address(open_door(), "ws", **query))
    assert failed.value.response.status_code == 400
    assert json.loads(failed.value.response.body or b"").keys() == {"err_code", "err_msg", "request_id"}


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        ({"encoding": "g722"}, {"text": "Hello."}, 400),
        ({"encoding": "mulaw", "container": "wav"}, {"text": "Hello."}, 400),
        ({"sample_rate": "7"}, {"text": "Hello."}, 400),
        ({}, {"text": ""}, 400),
        ({}, {"text": "..."}, 400),
        ({}, {}, 400),
        ({}, {"text": "x" * 101}, 413),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(
    open_door: StartService, query: dict[str, str], body: dict[str, str], status: int
) -> None:
    answer = httpx.post(address(open_door(max_text_chars=100), **query), json=body)
    assert answer.status_code == status
    assert answer.json().keys() == {"err_code", "err_msg", "request_id"}
    assert "xxx" not in answer.text


def test_a_wrong_key_is_told_as_these_clients_read_it(open_door: StartService) -> None:
    door = open_door(api_key=KEY)
    for headers in ({}, {"Authorization": "Token wrong"}):
        answer = httpx.post(address(door), json={"text": "Hello."}, headers=headers)
        assert (answer.status_code, answer.json()["err_code"]) == (401, "INVALID_AUTH")
        with pytest.raises(InvalidStatus) as failed:
            connect(address(door, "ws"), additional_headers=headers)
        assert failed.value.response.status_code == 401
        assert json.loads(failed.value.response.body or b"")["err_code"] == "INVALID_AUTH"
    for kind in ("Token", "token", "Bearer"):
        right = {"Authorization": f"{kind} {KEY}"}
        assert httpx.post(address(door), json={"text": "Hello."}, headers=right).status_code == 200
        with connect(address(door, "ws"), additional_headers=right) as socket:
            assert json.loads(socket.recv(TIMEOUT_S))["type"] == "Metadata"


def test_a_text_that_finds_no_place_is_told_so_and_a_service_that_stops_takes_nobody(open_door: StartService) -> None:
    door = open_door(max_sessions=1, debounce_ms=NEVER_MS)
    with Client(door) as first, Client(door) as second:
        first.say("I am here")
        wait_figure(door, "tts_active_sessions", lambda count: count == 1, door="speak")
        second.say("And I?")
        assert second.read_to("Error")["code"] == "busy"
        first.send("Clear")
        first.read_to("Cleared")
        wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="speak")
        second.heard.clear()
        second.say("Now.")
        second.send("Flush")
        second.read_to("Flushed")
        assert second.heard[0] == pcm("Now.")


def test_who_says_nothing_is_closed_in_time_and_frees_his_place(open_door: StartService) -> None:
    door = open_door(idle_timeout_s=0.3)
    with Client(door) as mute, Client(door) as hesitant:
        hesitant.say("And then. ")
        assert mute.wait_closed() == 1001
        assert hesitant.wait_closed() == 1001
        assert hesitant.heard == [pcm("And then.")]
    wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="speak")
    assert figure(door, "tts_idle_clients_closed_total", door="speak", why="time") == 2


def test_a_sentence_that_fails_is_a_warning_and_the_next_one_is_spoken(open_door: StartService) -> None:
    def fail(text: str) -> None:
        if text == "Bad.":
            raise SynthesisError("scripted")

    with Client(open_door(ToneEngine(on_prepare=fail))) as client:
        client.say("Good. Bad. Good again.")
        client.send("Flush")
        client.read_to("Flushed")
    first, warning, second, _ = client.heard
    assert (first, second) == (pcm("Good."), pcm("Good again."))
    assert isinstance(warning, dict)
    assert (warning["type"], warning["code"]) == ("Warning", "synthesis_failed")


@pytest.mark.slow
def test_a_hundred_connections_never_hear_each_other(open_door: StartService) -> None:
    door = open_door(max_sessions=200)

    async def talk(number: int) -> bytes:
        heard = b""
        async with connect_async(address(door, "ws"), compression=None) as socket:
            for message in ({"type": "Speak", "text": f"Caller {number} speaks. And more."}, {"type": "Flush"}):
                await socket.send(json.dumps(message))
            while isinstance(received := await socket.recv(), bytes) or json.loads(received)["type"] != "Flushed":
                heard += received if isinstance(received, bytes) else b""
        return heard

    for number, heard in enumerate(crowd(talk)):
        assert heard == pcm(f"Caller {number} speaks.", "And more.")


# The SDK


@contextmanager
def sdk(door: Service, key: str = "any") -> Iterator[DeepgramClient]:
    http, ws = f"http://127.0.0.1:{door.http_port}", f"ws://127.0.0.1:{door.http_port}"
    environment = DeepgramClientEnvironment(base=http, production=ws, agent=ws, agent_rest=http)
    with httpx.Client(timeout=TIMEOUT_S) as client:
        yield DeepgramClient(api_key=key, environment=environment, httpx_client=client)


def test_the_sdk_generates_a_text(open_door: StartService) -> None:
    with sdk(open_door()) as client:
        audio = client.speak.v1.audio.generate(
            text=" ".join(SENTENCES), model="aura-2-thalia-en", encoding="linear16", container="none", sample_rate=24000
        )
        assert b"".join(audio) == pcm(*SENTENCES)


def test_the_sdk_speaks_a_text_that_still_comes_and_clears(open_door: StartService) -> None:
    throttle = Throttle()
    with (
        sdk(open_door(ToneEngine(on_render=throttle))) as client,
        client.speak.v1.connect(model="aura-2-thalia-en", encoding="linear16", sample_rate=24_000) as socket,
    ):
        assert socket.recv().type == "Metadata"
        socket.send_text(SpeakV1Text(text="Nobody wants to hear this. "))
        socket.send_clear()
        cleared = socket.recv()
        assert (cleared.type, cleared.sequence_id) == ("Cleared", 0)
        throttle.open()
        for token in TOKENS:
            socket.send_text(SpeakV1Text(text=token))
        socket.send_flush()
        heard = b""
        while isinstance(message := socket.recv(), bytes):
            heard += message
        assert (message.type, message.sequence_id) == ("Flushed", 1)
        assert heard == pcm(*SENTENCES)
        socket.send_close()


def test_the_sdk_reads_what_is_wrong(open_door: StartService) -> None:
    with sdk(open_door(api_key=KEY), "wrong") as client:
        with pytest.raises(ApiError) as error:
            list(client.speak.v1.audio.generate(text="Hello."))
        assert error.value.status_code == 401
        assert error.value.body["err_code"] == "INVALID_AUTH"
        with pytest.raises(InvalidStatus) as failed, client.speak.v1.connect(model="aura-2-thalia-en"):
            pass
        assert failed.value.response.status_code == 401


# LiveKit's plugin


@asynccontextmanager
async def plugin(
    door: Service | int, *, model: str = "aura-2-andromeda-en", key: str = "any"
) -> AsyncIterator[livekit_deepgram.TTS]:
    port = door if isinstance(door, int) else door.http_port
    async with aiohttp.ClientSession() as http:
        speech = livekit_deepgram.TTS(
            base_url=f"http://127.0.0.1:{port}/v1/speak", api_key=key, model=model, http_session=http
        )
        try:
            yield speech
        finally:
            await speech.aclose()


def test_livekit_speaks_tokens_and_whole_texts(open_door: StartService) -> None:
    door = open_door()

    async def main() -> None:
        async with plugin(door) as speech:
            for _ in range(2):
                livekit_speech.assert_said(await livekit_speech.say(speech, *TOKENS), *SENTENCES)
            frame = await speech.synthesize("Hello there.", conn_options=ONE_TRY).collect()
            assert bytes(frame.data)[: len(pcm("Hello there."))] == pcm("Hello there.")

    run(main())
    assert figure(door, "tts_websocket_connections_total", door="speak") == 1


def test_livekit_hears_nothing_of_before_an_interruption(open_door: StartService) -> None:
    throttle = Throttle(allowed=1)
    door = open_door(ToneEngine(on_render=throttle))

    async def main() -> None:
        async with plugin(door) as speech:
            stream = speech.stream(conn_options=ONE_TRY)
            stream.push_text("This is a long story that nobody wants to hear to its end. And it goes on. And on. ")
            await anext(stream)
            await stream.aclose()
            throttle.open()
            livekit_speech.assert_said(await livekit_speech.say(speech, "The next one."), "The next one.")

    run(main())


def test_livekits_streams_at_once_have_each_their_own_audio(open_door: StartService) -> None:
    door = open_door()
    texts = [f"This is what stream {number} says." for number in range(8)]

    async def main() -> None:
        async with plugin(door) as speech:
            heard = await asyncio.gather(*(livekit_speech.say(speech, text) for text in texts))
            for audio, text in zip(heard, texts, strict=True):
                livekit_speech.assert_said(audio, text)

    run(main())


def test_livekit_comes_back_after_a_restart(open_door: StartService) -> None:
    port = free_port()
    door = open_door(http_port=port)

    async def main() -> None:
        async with plugin(port) as speech:
            livekit_speech.assert_said(await livekit_speech.say(speech, "Before."), "Before.")
            await asyncio.to_thread(door.stop)
            await asyncio.to_thread(open_door, http_port=port)
            audio = await livekit_speech.say(speech, "After.", options=RETRIES)
            livekit_speech.assert_said(audio, "After.")

    run(main())


@pytest.mark.parametrize(("model", "key"), [("af_sky", "wrong"), ("nobody", KEY)])
def test_livekit_reads_what_is_wrong(open_door: StartService, model: str, key: str) -> None:
    door = open_door(api_key=KEY)

    async def main() -> None:
        async with plugin(door, model=model, key=key) as speech:
            for spoken in (
                livekit_speech.say(speech, "Hello."),
                speech.synthesize("Hello.", conn_options=ONE_TRY).collect(),
            ):
                with pytest.raises(APIStatusError) as error:
                    await spoken
                assert error.value.status_code == (400 if key == KEY else 401)

    run(main())


# Pipecat's services


@asynccontextmanager
async def pipeline(door: Service, *, voice: str = "aura-2-helena-en", key: str = "any") -> AsyncIterator[Bot]:
    speech = DeepgramTTSService(
        api_key=key,
        base_url=f"ws://127.0.0.1:{door.http_port}",
        settings=DeepgramTTSService.Settings(voice=voice),
    )
    async with pipeline_of(speech) as bot:
        yield bot


@asynccontextmanager
async def http_pipeline(door: Service, *, voice: str = "aura-2-helena-en", key: str = "any") -> AsyncIterator[Bot]:
    async with aiohttp.ClientSession() as http:
        speech = DeepgramHttpTTSService(
            api_key=key,
            base_url=f"http://127.0.0.1:{door.http_port}",
            aiohttp_session=http,
            settings=DeepgramHttpTTSService.Settings(voice=voice),
        )
        async with pipeline_of(speech) as bot:
            yield bot


def test_pipecat_speaks_tokens_and_whole_texts(open_door: StartService) -> None:
    door = open_door()

    async def main() -> None:
        for opened in (pipeline(door), http_pipeline(door)):
            async with opened as bot:
                await bot.reply(*TOKENS)
                pipecat_pipelines.assert_said(bot.ear, *SENTENCES)
                await bot.say("And another one.")
                pipecat_pipelines.assert_said(bot.ear, "And another one.")
                assert not bot.errors.found(ErrorFrame)

    run(main())


def test_pipecat_hears_nothing_of_before_an_interruption(open_door: StartService) -> None:
    throttle = Throttle(allowed=1)
    door = open_door(ToneEngine(on_render=throttle))

    async def main() -> None:
        async with pipeline(door) as bot:
            story = "This is a long story that nobody wants to hear to its end. "
            await bot.send(LLMFullResponseStartFrame(), LLMTextFrame(story), LLMTextFrame("And ano"))
            await bot.ear.wait(TTSAudioRawFrame)
            await bot.send(InterruptionFrame())
            await bot.ear.wait(InterruptionFrame)
            # Until then the service may go on.
            await asyncio.to_thread(wait_figure, door, "tts_interruptions_total", lambda count: count == 1)
            throttle.open()
            await bot.say("The next one.")
            pipecat_pipelines.assert_said(bot.ear, "The next one.")
            assert not bot.errors.found(ErrorFrame)

    run(main())


def test_pipecat_comes_back_after_its_connection_broke(open_door: StartService) -> None:
    door = open_door()

    async def main() -> None:
        async with pipeline(door) as bot:
            await bot.say("Before.")
            bot.speech._websocket.transport.abort()
            await asyncio.to_thread(
                wait_figure, door, "tts_websocket_connections_total", lambda count: count == 2, door="speak"
            )
            await bot.say("After.")
            pipecat_pipelines.assert_said(bot.ear, "After.")

    run(main())


@pytest.mark.parametrize(("voice", "key"), [("af_sky", "wrong"), ("nobody", KEY)])
def test_pipecat_reads_what_is_wrong(open_door: StartService, voice: str, key: str) -> None:
    door = open_door(api_key=KEY)

    async def main() -> None:
        async with pipeline(door, voice=voice, key=key) as bot:
            assert str(400 if key == KEY else 401) in (await bot.errors.wait(ErrorFrame)).error
        async with http_pipeline(door, voice=voice, key=key) as bot:
            await bot.send(TTSSpeakFrame("Hello."))
            assert "err_msg" in (await bot.errors.wait(ErrorFrame)).error
            await bot.worker.cancel()

    run(main())


@pytest.mark.model
def test_the_real_model_speaks_to_agents(open_door: StartService, kokoro: Engine) -> None:
    door = open_door(kokoro)
    text = "Hello, and thank you for calling. How can I help you today?"

    async def main() -> None:
        async with plugin(door) as speech:
            audio = await livekit_speech.say(speech, *(token + " " for token in text.split()))
            assert 2.0 < len(livekit_speech.samples(audio)) / 24_000 < 8.0

    run(main())
