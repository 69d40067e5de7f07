"""ElevenLabs' clients, unchanged, against the running service; and what they never send, by hand."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from telephony.endpoints import contexts
from telephony.engines.base import Engine, SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from tests.agents import KEY, NEVER_MS, SENTENCES, TOKENS, pcm
from tests.clients import (
    TIMEOUT_S,
    Throttle,
    crowd,
    figure,
    free_port,
    session_words,
    tone_samples,
    wait_figure,
)
from tests.conftest import StartService
from tests.decoders import duration_s

pytest.importorskip("pipecat", reason="the frameworks are installed for Python 3.11 and newer")

import aiohttp
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import VoiceSettings
from livekit.agents import APIStatusError
from livekit.plugins import elevenlabs as livekit_elevenlabs
from pipecat.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat.services.elevenlabs.tts import ElevenLabsHttpTTSService, ElevenLabsTTSService
from pipecat.services.tts_service import TextAggregationMode

from tests import livekit_speech, pipecat_pipelines
from tests.livekit_speech import ONE_TRY, RETRIES, run
from tests.pipecat_pipelines import Bot, pipeline_of

Message = dict[str, Any]


def close_to(reference: Sequence[tuple[str, float, float]]) -> Any:
    return pytest.approx([start_s for _, start_s, _ in reference], abs=0.05)


# By hand


class Client:
    """A connection of the protocol. `with` closes it."""

    def __init__(self, door: Service, voice: str = "tone", *, path: str = "multi-stream-input", **query: str) -> None:
        wanted = httpx.QueryParams({"output_format": "pcm_24000", **query})
        self.socket = connect(f"ws://127.0.0.1:{door.http_port}/v1/text-to-speech/{voice}/{path}?{wanted}")
        self.audio: dict[str | None, bytes] = defaultdict(bytes)
        self.alignments: list[Message] = []

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def say(self, context_id: str, *texts: str, close: bool = False) -> None:
        for text in texts:
            self.send(text=text, context_id=context_id)
        if close:
            self.send(context_id=context_id, flush=True)
            self.send(context_id=context_id, close_context=True)

    def read(self) -> Message:
        """The next message that is no audio; audio is kept in `audio`, by its context."""
        while True:
            message: Message = json.loads(self.socket.recv(TIMEOUT_S))
            if message.get("audio") is None and not message.get("alignment"):
                return message
            if message["audio"]:
                self.audio[message.get("contextId")] += base64.b64decode(message["audio"])
            if message["alignment"]:
                self.alignments.append(message["alignment"])

    def hear(self, *context_ids: str) -> None:
        """Reads on until these contexts have ended."""
        left = set(context_ids)
        while left:
            message = self.read()
            assert message["isFinal"], message
            left.remove(message["contextId"])

    def wait_closed(self) -> int:
        """Reads to the end of the connection; returns the close code."""
        with pytest.raises(ConnectionClosed):
            while True:
                self.read()
        assert self.socket.close_code is not None
        return self.socket.close_code


def test_contexts_at_once_have_each_their_own_audio(open_door: StartService) -> None:
    texts = {f"context {number}": f"This is what context {number} says. And more." for number in range(8)}
    with Client(open_door()) as client:
        for context_id in texts:
            client.send(text=" ", context_id=context_id, voice_settings={"stability": 0.5})
        for context_id, text in texts.items():
            client.say(context_id, text, close=True)
        client.hear(*texts)
    for number, context_id in enumerate(texts):
        assert client.audio[context_id] == pcm(f"This is what context {number} says.", "And more.")


def test_a_context_that_is_closed_without_a_flush_says_no_more_than_was_flushed(open_door: StartService) -> None:
    with Client(open_door(debounce_ms=NEVER_MS)) as client:
        client.say("a", "This was flushed", "")
        client.send(context_id="a", flush=True)
        client.say("a", " and this will not be heard")
        client.send(context_id="a", close_context=True)
        client.say("b", "The next one.", close=True)
        client.hear("a", "b")
    assert client.audio == {"a": pcm("This was flushed"), "b": pcm("The next one.")}


def test_a_name_is_free_again_after_its_context_has_ended(open_door: StartService) -> None:
    with Client(open_door(max_sessions=1)) as client:
        for number in range(5):
            client.audio.clear()
            client.say("a", f"Number {number}.", close=True)
            client.hear("a")
            assert client.audio["a"] == pcm(f"Number {number}.")


def test_times_count_from_the_alignment_before_or_from_the_beginning(open_door: StartService) -> None:
    door = open_door()
    reference = session_words(door, " ".join(SENTENCES))
    for synchronous in (False, True):
        with Client(door, sync_alignment=str(synchronous).lower()) as client:
            client.say("a", " ".join(SENTENCES), close=True)
            client.hear("a")
        starts_s: list[float] = []
        base_ms = 0
        for alignment in client.alignments:
            spelled = "".join(alignment["chars"])
            at = 0
            for word in spelled.split():
                at = spelled.index(word, at)
                starts_s.append((base_ms + alignment["charStartTimesMs"][at]) / 1000)
                at += len(word)
            if not synchronous:
                base_ms += alignment["charStartTimesMs"][-1] + alignment["charDurationsMs"][-1]
        assert starts_s == close_to(reference)


def test_a_connection_with_one_context_ends_with_an_empty_text(open_door: StartService) -> None:
    with Client(open_door(), path="stream-input") as client:
        client.send(text=" ", voice_settings={"speed": 2.0})
        client.send(text="Twice as fast. ", try_trigger_generation=True)
        client.send(text="")
        assert client.read() == {"audio": None, "isFinal": True}
        assert client.wait_closed() == 1000
    assert len(client.audio[None]) == len(pcm("Twice as fast.")) // 2


def test_in_auto_mode_each_text_is_a_phrase(open_door: StartService) -> None:
    with Client(open_door(debounce_ms=NEVER_MS), auto_mode="true") as client:
        client.say("a", "Spoken at once")
        while "a" not in client.audio:
            client.socket.send('{"flush": 7}')  # an error, between whose answers there is audio
            assert client.read()["error"] == "bad_message"
        client.say("a", "and this apart.", close=True)
        while client.read().get("isFinal") is None:
            pass
    assert client.audio == {"a": pcm("Spoken at once", "and this apart.")}


def test_closing_the_socket_ends_all_contexts(open_door: StartService) -> None:
    with Client(open_door()) as client:
        client.say("a", "The first one.")
        client.say("b", "The other one")
        client.send(close_socket=True)
        assert client.wait_closed() == 1000
    assert client.audio == {"a": pcm("The first one."), "b": pcm("The other one")}


def test_a_client_that_goes_after_its_end_is_noticed(open_door: StartService) -> None:
    door = open_door(ToneEngine(on_render=Throttle()))
    with Client(door) as client:
        client.say("a", "Nobody will hear this.")
        client.send(close_socket=True)
        wait_figure(door, "tts_active_sessions", lambda count: count == 1, door="contexts")
    wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="contexts")


@pytest.mark.parametrize(
    ("name", "format_name", "sample_rate"),
    [
        ("pcm_8000", "pcm", 8000),
        ("pcm_16000", "pcm", 16_000),
        ("pcm_22050", "pcm", 22_050),
        ("pcm_32000", "pcm", 32_000),
        ("pcm_44100", "pcm", 44_100),
        ("pcm_48000", "pcm", 48_000),
        ("ulaw_8000", "mulaw", 8000),
        ("alaw_8000", "alaw", 8000),
        ("mp3_22050_32", "mp3", 22_050),
        ("mp3_44100_128", "mp3", 44_100),
        ("opus_48000_64", "opus", 48_000),
    ],
)
def test_every_format_lasts_as_long_as_the_speech(
    open_door: StartService, name: str, format_name: str, sample_rate: int
) -> None:
    door = open_door()
    with Client(door, output_format=name) as client:
        client.say("a", "A sentence of some length.", close=True)
        client.hear("a")
    answer = httpx.post(f"{base(door)}/tone?output_format={name}", json={"text": "A sentence of some length."})
    for data in (client.audio["a"], answer.content):
        assert duration_s(data, format_name, sample_rate) == pytest.approx(1.3, abs=0.1)


def test_markup_is_obeyed_where_that_is_asked_for(open_door: StartService) -> None:
    door = open_door()
    text = 'Wait <break time="1.5s" /> for it.'
    with Client(door, enable_ssml_parsing="true") as client:
        client.say("a", *text.split("1"), close=True)
        client.say("b", 'Wait <break time="', '1.5s" /> for it.', close=True)
        client.say("c", "It & is <break/ wrong.", close=True)
        client.hear("a", "b", "c")
    heard = np.frombuffer(client.audio["b"], "<i2")
    assert len(heard) == tone_samples("Wait") + 36_000 + tone_samples("for it.")
    assert not heard[tone_samples("Wait") : tone_samples("Wait") + 36_000].any()
    assert client.audio["c"]
    answer = httpx.post(f"{base(door)}/tone?output_format=pcm_24000", json={"text": text})
    assert answer.content == client.audio["b"]
    wrong = httpx.post(f"{base(door)}/tone", json={"text": "It & is <break/> wrong."})
    assert (wrong.status_code, wrong.json()["detail"]["status"]) == (400, "invalid_request")


# What goes wrong


def base(door: Service) -> str:
    return f"http://127.0.0.1:{door.http_port}/v1/text-to-speech"


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ("no JSON", "bad_json"),
        (b"\0\1", "unexpected_binary"),
        ('{"text": 7, "context_id": "x"}', "bad_message"),
        ('{"text": "Hello."}', "missing_context_id"),
    ],
)
def test_garbage_is_an_error_and_harms_no_context(open_door: StartService, sent: str | bytes, error: str) -> None:
    with Client(open_door(debounce_ms=NEVER_MS)) as client:
        client.say("a", "Half a sen")
        client.socket.send(sent)
        answer = client.read()
        assert answer["error"] == error
        assert answer["message"]
        client.send(context_id="nobody", close_context=True)
        client.send(context_id="nobody", flush=True)
        client.send(text="")
        client.say("a", "tence.", close=True)
        client.hear("a")
    assert client.audio == {"a": pcm("Half a sentence.")}


def test_text_behind_the_end_of_its_context_is_an_error(open_door: StartService) -> None:
    throttle = Throttle()
    with Client(open_door(ToneEngine(on_render=throttle))) as client:
        client.say("a", "In time.", close=True)
        client.say("a", "Too late.")
        answer = client.read()
        assert (answer["error"], answer["contextId"]) == ("context_closed", "a")
        throttle.open()
        client.hear("a")
    assert client.audio["a"] == pcm("In time.")


def test_one_context_too_many_is_an_error_and_an_ended_one_makes_room(open_door: StartService) -> None:
    names = [str(number) for number in range(contexts.MAX_CONTEXTS)]
    with Client(open_door(debounce_ms=NEVER_MS)) as client:
        for name in names:
            client.say(name, "Open ")
        client.say("late", "Too many. ")
        answer = client.read()
        assert (answer["error"], answer["contextId"]) == ("too_many_contexts", "late")
        client.send(context_id="0", close_context=True)
        client.hear("0")
        client.say("late", "Now.", close=True)
        client.hear("late")
    assert client.audio == {"late": pcm("Now.")}


def test_a_text_that_is_too_long_is_an_error_and_the_next_one_is_spoken(open_door: StartService) -> None:
    door = open_door(max_text_chars=100)
    with Client(door) as client:
        client.say("a", "x" * 101)
        answer = client.read()
        assert (answer["error"], answer["contextId"]) == ("text_too_long", "a")
        client.say("a", "Short enough.", close=True)
        client.hear("a")
    assert client.audio["a"] == pcm("Short enough.")
    refused = httpx.post(f"{base(door)}/tone", json={"text": "x" * 101})
    assert (refused.status_code, refused.json()["detail"]["status"]) == (413, "text_too_long")


def test_who_says_nothing_is_closed_in_time_and_frees_his_place(open_door: StartService) -> None:
    door = open_door(idle_timeout_s=0.3, debounce_ms=NEVER_MS)
    with Client(door) as mute, Client(door) as hesitant:
        hesitant.say("a", " ")
        assert mute.wait_closed() == 1001
        assert hesitant.wait_closed() == 1001
    wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="contexts")
    assert figure(door, "tts_idle_clients_closed_total", door="contexts", why="time") == 2


def test_a_context_that_finds_no_place_is_told_so(open_door: StartService) -> None:
    door = open_door(max_sessions=1, debounce_ms=NEVER_MS)
    with Client(door) as first, Client(door) as second:
        first.say("a", "I am here")
        first.send(context_id="a")
        wait_figure(door, "tts_active_sessions", lambda count: count == 1, door="contexts")
        second.say("b", "And I?")
        answer = second.read()
        assert (answer["error"], answer["contextId"]) == ("busy", "b")
        first.send(context_id="a", close_context=True)
        first.hear("a")
        second.say("b", "Now.", close=True)
        second.hear("b")
    assert second.audio == {"b": pcm("Now.")}


def test_a_sentence_that_fails_is_an_error_of_its_context(open_door: StartService) -> None:
    def fail(text: str) -> None:
        if text == "Bad.":
            raise SynthesisError("scripted")

    with Client(open_door(ToneEngine(on_prepare=fail))) as client:
        client.say("a", "Good. Bad. Good again.", close=True)
        answer = client.read()
        assert (answer["error"], answer["contextId"]) == ("synthesis_failed", "a")
        client.hear("a")
    assert client.audio["a"] == pcm("Good.", "Good again.")


def test_a_wrong_key_an_unknown_voice_and_an_unknown_format_are_told_as_these_clients_read_them(
    open_door: StartService,
) -> None:
    door = open_door(api_key=KEY)
    right = {"xi-api-key": KEY}
    for voice, headers, output_format, name, status in (
        ("tone", {}, "pcm_24000", "invalid_api_key", 401),
        ("tone", {"xi-api-key": "wrong"}, "pcm_24000", "invalid_api_key", 401),
        ("nobody", right, "pcm_24000", "voice_not_found", 404),
        ("tone", right, "pcm_7", "invalid_request", 400),
    ):
        with pytest.raises(InvalidStatus) as failed:
            connect(
                f"{base(door).replace('http', 'ws')}/{voice}/multi-stream-input?output_format={output_format}",
                additional_headers=headers,
            )
        answer = httpx.post(
            f"{base(door)}/{voice}?output_format={output_format}", json={"text": "Hello."}, headers=headers
        )
        assert answer.status_code == failed.value.response.status_code == status
        told = json.loads(failed.value.response.body or b"")
        assert told["detail"]["message"]
        assert told["detail"]["status"] == name
        assert answer.json() == told


@pytest.mark.slow
def test_a_hundred_connections_never_hear_each_other(open_door: StartService) -> None:
    door = open_door(max_sessions=200)

    async def talk(number: int) -> dict[str, bytes]:
        heard: dict[str, bytes] = defaultdict(bytes)
        address = f"{base(door).replace('http', 'ws')}/tone/multi-stream-input?output_format=pcm_24000"
        async with connect_async(address, compression=None) as socket:
            for name in "ab":
                for message in (
                    {"text": f"Caller {number} says {name}.", "context_id": name},
                    {"context_id": name, "flush": True},
                    {"context_id": name, "close_context": True},
                ):
                    await socket.send(json.dumps(message))
            ended = 0
            while ended < 2:
                message = json.loads(await socket.recv())
                ended += message["isFinal"] is True
                heard[message["contextId"]] += base64.b64decode(message["audio"] or "")
        return heard

    for number, heard in enumerate(crowd(talk)):
        assert heard == {name: pcm(f"Caller {number} says {name}.") for name in "ab"}


# The SDK


@contextmanager
def sdk(door: Service, key: str = "any") -> Iterator[ElevenLabs]:
    with httpx.Client(timeout=TIMEOUT_S) as http:
        client = ElevenLabs(base_url=f"http://127.0.0.1:{door.http_port}", api_key=key, httpx_client=http)
        # It always asks for TLS on a WebSocket, which is a proxy's work.
        client.text_to_speech._ws_base_url = f"ws://127.0.0.1:{door.http_port}"
        yield client


def test_the_sdk_converts_and_streams(open_door: StartService) -> None:
    text = " ".join(SENTENCES)
    with sdk(open_door()) as client:
        speech = client.text_to_speech
        for convert in (speech.convert, speech.stream):
            assert b"".join(convert("tone", text=text, output_format="pcm_24000")) == pcm(*SENTENCES)
        fast = speech.convert("tone", text=text, output_format="pcm_24000", voice_settings=VoiceSettings(speed=2.0))
        assert len(b"".join(fast)) == len(pcm(*SENTENCES)) // 2
        assert duration_s(b"".join(speech.convert("tone", text=text)), "mp3") == pytest.approx(2.0, abs=0.1)


def test_the_sdk_gets_the_times_of_characters(open_door: StartService) -> None:
    door = open_door()
    text = " ".join(SENTENCES)
    audio, chars = b"", ""
    starts_s: list[float] = []
    with sdk(door) as client:
        for chunk in client.text_to_speech.stream_with_timestamps("tone", text=text, output_format="pcm_24000"):
            audio += base64.b64decode(chunk.audio_base_64)
            if chunk.alignment is not None:
                chars += "".join(chunk.alignment.characters)
                starts_s += chunk.alignment.character_start_times_seconds
    assert audio == pcm(*SENTENCES)
    assert chars == text + " "
    found = [starts_s[at] for at in range(len(chars)) if at == 0 or chars[at - 1] == " "]
    assert found == close_to(session_words(door, text))


def test_the_sdk_speaks_a_text_that_still_comes(open_door: StartService) -> None:
    with sdk(open_door()) as client:
        heard = client.text_to_speech.convert_realtime("tone", text=iter(TOKENS), output_format="pcm_24000")
        assert b"".join(heard) == pcm(*SENTENCES)


def test_the_sdk_lists_voices_and_models(open_door: StartService) -> None:
    with sdk(open_door()) as client:
        assert {voice.voice_id for voice in client.voices.get_all().voices} >= {"tone", "af_sky", "joe"}
        assert "kokoro" in [model.model_id for model in client.models.list()]


@pytest.mark.parametrize(
    ("key", "voice", "status", "name"),
    [(KEY, "nobody", 404, "voice_not_found"), ("wrong", "tone", 401, "invalid_api_key")],
)
def test_the_sdk_reads_what_is_wrong(open_door: StartService, key: str, voice: str, status: int, name: str) -> None:
    with sdk(open_door(api_key=KEY), key) as client:
        with pytest.raises(ApiError) as error:
            list(client.text_to_speech.convert(voice, text="Hello."))
        assert error.value.status_code == status
        assert error.value.body["detail"]["status"] == name
        with pytest.raises(InvalidStatus) as failed:
            list(client.text_to_speech.convert_realtime(voice, text=iter(["Hello. "])))
        assert failed.value.response.status_code == status


# LiveKit's plugin


@asynccontextmanager
async def plugin(
    door: Service | int, *, voice: str = "tone", key: str = "any", **options: Any
) -> AsyncIterator[livekit_elevenlabs.TTS]:
    port = door if isinstance(door, int) else door.http_port
    async with aiohttp.ClientSession() as http:
        speech = livekit_elevenlabs.TTS(
            base_url=f"http://127.0.0.1:{port}/v1",
            api_key=key,
            voice_id=voice,
            encoding="pcm_24000",
            http_session=http,
            **options,
        )
        try:
            yield speech
        finally:
            await speech.aclose()


def test_livekit_speaks_tokens_with_the_times_of_words(open_door: StartService) -> None:
    door = open_door()

    async def main() -> None:
        async with plugin(door) as speech:
            audio = await livekit_speech.say(speech, *TOKENS)
            livekit_speech.assert_said(audio, *SENTENCES)
            words = livekit_speech.words(audio)
            assert "".join(words).split() == " ".join(SENTENCES).split()
            assert [word.start_time for word in words] == close_to(session_words(door, " ".join(SENTENCES)))
            frame = await speech.synthesize("Hello there.", conn_options=ONE_TRY).collect()
            assert bytes(frame.data)[: len(pcm("Hello there."))] == pcm("Hello there.")
            assert {voice.id for voice in await speech.list_voices()} >= {"tone", "af_sky"}

    run(main())


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
            await livekit_speech.say(speech, "The connection is there.")
            heard = await asyncio.gather(*(livekit_speech.say(speech, text) for text in texts))
            for audio, text in zip(heard, texts, strict=True):
                livekit_speech.assert_said(audio, text)

    run(main())
    assert figure(door, "tts_websocket_connections_total", door="contexts") == 1


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


@pytest.mark.parametrize(("voice", "key"), [("tone", "wrong"), ("nobody", KEY)])
def test_livekit_reads_what_is_wrong(open_door: StartService, voice: str, key: str) -> None:
    door = open_door(api_key=KEY)

    async def main() -> None:
        async with plugin(door, voice=voice, key=key) as speech:
            for spoken in (
                livekit_speech.say(speech, "Hello."),
                speech.synthesize("Hello.", conn_options=ONE_TRY).collect(),
            ):
                with pytest.raises(APIStatusError) as error:
                    await spoken
                assert error.value.status_code == (404 if key == KEY else 401)

    run(main())


# Pipecat's services


@asynccontextmanager
async def pipeline(door: Service, *, voice: str = "tone", key: str = "any", **options: Any) -> AsyncIterator[Bot]:
    speech = ElevenLabsTTSService(
        api_key=key,
        url=f"ws://127.0.0.1:{door.http_port}",
        settings=ElevenLabsTTSService.Settings(voice=voice),
        **options,
    )
    async with pipeline_of(speech) as bot:
        yield bot


@asynccontextmanager
async def http_pipeline(door: Service, *, voice: str = "tone", key: str = "any") -> AsyncIterator[Bot]:
    async with aiohttp.ClientSession() as http:
        speech = ElevenLabsHttpTTSService(
            api_key=key,
            base_url=f"http://127.0.0.1:{door.http_port}",
            aiohttp_session=http,
            settings=ElevenLabsHttpTTSService.Settings(voice=voice),
        )
        async with pipeline_of(speech) as bot:
            yield bot


def assert_words(bot: Bot, reference: list[tuple[str, float, float]]) -> None:
    assert bot.ear.words == [word for word, _, _ in reference]
    first_s = reference[0][1]
    assert bot.ear.word_times == pytest.approx([start_s - first_s for _, start_s, _ in reference], abs=0.05)


@pytest.mark.parametrize("mode", [TextAggregationMode.TOKEN, TextAggregationMode.SENTENCE])
def test_pipecat_speaks_tokens_with_the_times_of_words(open_door: StartService, mode: TextAggregationMode) -> None:
    door = open_door()

    async def main() -> None:
        async with pipeline(door, text_aggregation_mode=mode) as bot:
            await bot.reply(*TOKENS)
            pipecat_pipelines.assert_said(bot.ear, *SENTENCES)
            assert_words(bot, session_words(door, " ".join(SENTENCES)))
            await bot.say("And another one.")
            pipecat_pipelines.assert_said(bot.ear, "And another one.")
            assert not bot.errors.found(ErrorFrame)

    run(main())


def test_pipecat_hears_nothing_of_before_an_interruption(open_door: StartService) -> None:
    throttle = Throttle(allowed=1)
    door = open_door(ToneEngine(on_render=throttle), debounce_ms=NEVER_MS)

    async def main() -> None:
        async with pipeline(door) as bot:
            story = "This is a long story that nobody wants to hear to its end. "
            await bot.send(LLMFullResponseStartFrame(), LLMTextFrame(story), LLMTextFrame("And ano"))
            await bot.ear.wait(TTSAudioRawFrame)
            await bot.send(InterruptionFrame())
            await bot.ear.wait(InterruptionFrame)
            throttle.open()
            await bot.say("The next one.")
            pipecat_pipelines.assert_said(bot.ear, "The next one.")
            assert bot.ear.words == ["The", "next", "one."]
            assert not bot.errors.found(ErrorFrame)

    run(main())


def test_pipecat_comes_back_after_its_connection_broke(open_door: StartService) -> None:
    door = open_door()

    async def main() -> None:
        async with pipeline(door) as bot:
            await bot.say("Before.")
            bot.speech._websocket.transport.abort()
            await asyncio.to_thread(
                wait_figure, door, "tts_websocket_connections_total", lambda count: count == 2, door="contexts"
            )
            await bot.say("After.")
            pipecat_pipelines.assert_said(bot.ear, "After.")

    run(main())


@pytest.mark.slow
def test_pipecat_reads_what_is_wrong(open_door: StartService) -> None:
    door = open_door(api_key=KEY)

    async def main() -> None:
        for voice, key in (("tone", "wrong"), ("nobody", KEY)):
            async with pipeline(door, voice=voice, key=key) as bot:
                await bot.errors.wait(ErrorFrame)
            async with http_pipeline(door, voice=voice, key=key) as bot:
                await bot.send(TTSSpeakFrame("Hello."))
                error = await bot.errors.wait(ErrorFrame)
                assert ("invalid_api_key" if key == "wrong" else "voice_not_found") in error.error
                await bot.worker.cancel()

    run(main())


def test_pipecats_http_service_speaks_with_the_times_of_words(open_door: StartService) -> None:
    door = open_door()

    async def main() -> None:
        async with http_pipeline(door) as bot:
            await bot.reply(*TOKENS)
            pipecat_pipelines.assert_said(bot.ear, *SENTENCES)
            assert_words(bot, session_words(door, " ".join(SENTENCES)))
            assert not bot.errors.found(ErrorFrame)

    run(main())


# The real model


@pytest.mark.model
def test_the_real_model_speaks_to_agents(open_door: StartService, kokoro: Engine) -> None:
    door = open_door(kokoro)
    text = "Hello, and thank you for calling. How can I help you today?"
    reference = session_words(door, text)

    async def main() -> None:
        async with plugin(door, voice="af_sky") as speech:
            audio = await livekit_speech.say(speech, *(token + " " for token in text.split()))
            heard = livekit_speech.samples(audio)
            assert 2.0 < len(heard) / 24_000 < 8.0
            assert np.sqrt(np.mean(heard**2)) > 0.01
            words = livekit_speech.words(audio)
            assert "".join(words).split() == text.split()
            assert [word.start_time for word in words] == close_to(reference)
        async with pipeline(door, voice="af_sky") as bot:
            await bot.reply(*(token + " " for token in text.split()))
            assert_words(bot, reference)

    run(main())
