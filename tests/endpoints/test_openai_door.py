"""OpenAI's speech API with OpenAI's own client, whole and streamed; its errors; what stops it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

import httpx
import numpy as np
import openai
import pytest

from telephony.endpoints.openai import MODELS, VOICES
from telephony.engines.base import Engine, SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from tests.clients import TIMEOUT_S, EventLog, Throttle, tone, tone_samples, wait_figure
from tests.conftest import StartService
from tests.decoders import decoded, duration_s

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
FORMATS: tuple[Format, ...] = ("mp3", "opus", "aac", "flac", "wav", "pcm")
Connect = Callable[[Service], openai.OpenAI]
LONG = "x" * 200
"""A segment of ten seconds, 50 windows."""


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes clients of a service."""
    clients: list[openai.OpenAI] = []

    def make(service: Service) -> openai.OpenAI:
        url = f"http://127.0.0.1:{service.http_port}/v1"
        clients.append(openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=TIMEOUT_S))
        return clients[-1]

    yield make
    for each in clients:
        each.close()


def wait_idle(service: Service) -> None:
    """Waits until no request is open and nothing is to be said."""
    wait_figure(service, "tts_active_sessions", lambda count: count == 0, door="openai")
    wait_figure(service, "tts_queue_depth", lambda depth: depth == 0)


def pcm(data: bytes) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (np.frombuffer(data, "<i2") / 32_767).astype(np.float32)


def events_of(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The events of a stream, which has nothing else."""
    for line in lines:
        if line:
            assert line.startswith("data: ")
            yield json.loads(line.removeprefix("data: "))


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_decodes_to_the_right_duration(
    service: StartService, connect: Connect, format_name: Format
) -> None:
    door = service(http_port=0)
    speech = connect(door).audio.speech
    whole = speech.create(model="tts-1", input=LONG, voice="af_sky", response_format=format_name).content
    assert duration_s(whole, format_name) == pytest.approx(10.0, abs=0.1)
    with speech.with_streaming_response.create(
        model="tts-1", input=LONG, voice="af_sky", response_format=format_name
    ) as response:
        streamed = b"".join(response.iter_bytes())
    assert duration_s(streamed, format_name) == pytest.approx(10.0, abs=0.1)
    wait_idle(door)


def test_the_answer_is_mp3_of_24_khz_unless_asked_otherwise(service: StartService, connect: Connect) -> None:
    response = connect(service(http_port=0)).audio.speech.create(model="tts-1", input=LONG, voice="af_sky")
    assert response.response.headers["Content-Type"] == "audio/mpeg"
    _, sample_rate = decoded(response.content, "mp3", 0)
    assert sample_rate == 24_000


def test_audio_leaves_while_the_rest_is_not_spoken_yet(service: StartService, connect: Connect) -> None:
    throttle = Throttle(allowed=1)
    door = service(ToneEngine(on_render=throttle), http_port=0)
    with connect(door).audio.speech.with_streaming_response.create(
        model="tts-1", input=LONG, voice="af_sky", response_format="pcm"
    ) as response:
        pieces = response.iter_bytes()
        first = next(pieces)
        throttle.wait_asked(2)  # the second window is not rendered yet
        throttle.open()
        heard = first + b"".join(pieces)
    assert len(first) <= 2 * 4800
    np.testing.assert_allclose(pcm(heard), tone(LONG), atol=1e-4)


def test_events_carry_the_audio_while_it_is_spoken(service: StartService, connect: Connect) -> None:
    throttle = Throttle(allowed=1)
    door = service(ToneEngine(on_render=throttle), http_port=0)
    with connect(door).audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts",
        input=LONG,
        voice="af_sky",
        response_format="pcm",
        stream_format="sse",
        instructions="Speak like a pirate.",
    ) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        events = events_of(response.iter_lines())
        first = next(events)
        throttle.wait_asked(2)
        throttle.open()
        *deltas, done = [first, *events]
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    assert len(deltas) == 50
    heard = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
    np.testing.assert_allclose(pcm(heard), tone(LONG), atol=1e-4)
    usage = {"input_tokens": len(LONG), "output_tokens": 500, "total_tokens": len(LONG) + 500}
    assert done == {"type": "speech.audio.done", "usage": usage}


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_audio_of_events_is_one_stream(service: StartService, connect: Connect, format_name: Format) -> None:
    with connect(service(http_port=0)).audio.speech.with_streaming_response.create(
        model="tts-1", input=LONG, voice="af_sky", response_format=format_name, stream_format="sse"
    ) as response:
        *deltas, _ = events_of(response.iter_lines())
    heard = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
    assert duration_s(heard, format_name) == pytest.approx(10.0, abs=0.1)


def test_speed_and_a_voice_as_an_object_are_as_asked_for(service: StartService, connect: Connect) -> None:
    audio = connect(service(http_port=0)).audio.speech.create(
        model="anything", input=LONG, voice={"id": "male"}, speed=2.0, response_format="pcm"
    )
    assert len(audio.content) == 2 * tone_samples(LONG) / 2


@pytest.mark.parametrize("name", VOICES)
def test_openais_own_voices_have_somebody_who_speaks_for_them(
    service: StartService, connect: Connect, name: str
) -> None:
    door = service(ToneEngine(voice_names=("af_sky", VOICES[name])), http_port=0)
    audio = connect(door).audio.speech.create(model="tts-1", input="Hello.", voice=name, response_format="pcm")
    assert len(audio.content) == 2 * tone_samples("Hello.")


@pytest.mark.parametrize(("wanted", "spoken"), [(0.25, "0.5"), (1.25, "1.25"), (4.0, "2")])
def test_a_rate_beyond_the_voice_is_the_nearest_that_it_can(
    service: StartService, connect: Connect, wanted: float, spoken: str
) -> None:
    speech = connect(service(http_port=0)).audio.speech
    answer = speech.with_raw_response.create(
        model="tts-1", input=LONG, voice="af_sky", speed=wanted, response_format="pcm"
    )
    assert answer.headers["X-Speed"] == spoken
    assert len(answer.content) // 2 == pytest.approx(tone_samples(LONG) / float(spoken), rel=0.05)


def test_an_engine_that_is_not_loaded_is_unavailable(service: StartService, connect: Connect) -> None:
    with pytest.raises(openai.APIStatusError, match="Supertonic is not loaded") as refused:
        connect(service(http_port=0)).audio.speech.create(model="supertonic-2", input="Hello.", voice="alloy")
    assert (refused.value.status_code, refused.value.code) == (503, "voice_unavailable")
    assert refused.value.param == "model"


def test_models_are_listed_and_found(service: StartService, connect: Connect) -> None:
    client = connect(service(http_port=0))
    assert [model.id for model in client.models.list()] == list(MODELS)
    assert client.models.retrieve("tts-1").id == "tts-1"
    with pytest.raises(openai.NotFoundError, match="'gpt-4o'") as refused:
        client.models.retrieve("gpt-4o")
    assert refused.value.code == "model_not_found"


def test_voices_are_listed_with_their_other_names(service: StartService) -> None:
    door = service(ToneEngine(voice_names=("af_sky", "am_michael")), http_port=0)
    listed = httpx.get(f"http://127.0.0.1:{door.http_port}/v1/voices").json()
    nothing_known = {"gender": None, "description": None, "grade": None}
    tone = {"object": "voice", "language": "en-US", "engine": "tone", **nothing_known}
    assert [voice for voice in listed["data"] if voice["engine"] == "tone"] == [
        {**tone, "name": "af_sky", "aliases": []},
        {**tone, "name": "am_michael", "aliases": ["ash", "male"]},
    ]


@pytest.mark.parametrize(
    ("wanted", "param"),
    [
        ({"input": " ... "}, "input"),
        ({"input": None}, "input"),
        ({"input": "x" * 101}, "input"),
        ({"voice": "nobody"}, "voice"),
        ({"voice": "marin"}, "voice"),  # the tone engine has nobody who speaks for her
        ({"voice": {"name": "af_sky"}}, "voice"),
        ({"model": 1}, "model"),
        ({"speed": 0.2}, "speed"),
        ({"speed": 4.1}, "speed"),
        ({"response_format": "f32"}, "response_format"),
        ({"stream_format": "websocket"}, "stream_format"),
    ],
)
def test_what_cannot_be_is_refused_with_its_parameter(
    service: StartService, connect: Connect, wanted: dict[str, Any], param: str
) -> None:
    door = service(http_port=0, max_text_chars=100)
    with pytest.raises(openai.APIStatusError) as refused:
        connect(door).audio.speech.create(**{"model": "tts-1", "input": "Hello.", "voice": "af_sky", **wanted})
    assert refused.value.status_code == (413 if wanted == {"input": "x" * 101} else 400)
    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"
    wait_idle(door)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model": "m", "voice": "af_sky", "input": "\\ud800"}'])
def test_garbage_is_refused_in_openais_form(service: StartService, body: bytes) -> None:
    url = f"http://127.0.0.1:{service(http_port=0).http_port}/v1/audio/speech"
    refused = httpx.post(url, content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"


def test_a_request_over_the_bound_is_told_when_to_come_back(service: StartService, connect: Connect) -> None:
    throttle = Throttle(allowed=1)
    door = service(ToneEngine(on_render=throttle), http_port=0, max_sessions=1)
    speech = connect(door).audio.speech
    with speech.with_streaming_response.create(model="tts-1", input=LONG, voice="af_sky"):
        with pytest.raises(openai.RateLimitError) as refused:
            speech.create(model="tts-1", input="Hello.", voice="af_sky")
        assert int(refused.value.response.headers["Retry-After"]) >= 1
        assert refused.value.type == "rate_limit_error"
        throttle.open()
    wait_idle(door)
    speech.create(model="tts-1", input="Hello.", voice="af_sky")


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_a_failure_before_any_audio_is_an_error(
    service: StartService, connect: Connect, stream_format: Literal["audio", "sse"]
) -> None:
    def refuse(text: str) -> None:
        raise SynthesisError("scripted")

    door = service(ToneEngine(on_render=refuse), http_port=0)
    with pytest.raises(openai.InternalServerError, match="scripted") as failed:
        connect(door).audio.speech.create(model="tts-1", input="Hello.", voice="af_sky", stream_format=stream_format)
    assert failed.value.type == "server_error"
    wait_idle(door)


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_a_failure_after_audio_breaks_the_answer_off(
    service: StartService, connect: Connect, events: EventLog, stream_format: Literal["audio", "sse"]
) -> None:
    throttle = Throttle(allowed=1)

    def refuse_second(text: str) -> None:
        throttle(text)
        if len(throttle.asked) == 2:
            raise SynthesisError("scripted")

    door = service(ToneEngine(on_render=refuse_second), http_port=0)
    heard = b""
    with (
        pytest.raises(Exception, match="incomplete chunked read"),
        connect(door).audio.speech.with_streaming_response.create(
            model="tts-1", input=LONG, voice="af_sky", response_format="pcm", stream_format=stream_format
        ) as response,
    ):
        for piece in response.iter_bytes():
            heard += piece
            throttle.open()
    assert heard
    assert b"speech.audio.done" not in heard
    events.wait("answer_broken_off", error="scripted")
    wait_idle(door)


def test_a_client_that_goes_stops_the_work(service: StartService, connect: Connect) -> None:
    throttle = Throttle(allowed=1)
    door = service(ToneEngine(on_render=throttle), http_port=0)
    speech = connect(door).audio.speech
    with speech.with_streaming_response.create(
        model="tts-1", input=LONG, voice="af_sky", response_format="pcm"
    ) as response:
        next(response.iter_bytes())
        throttle.wait_asked(2)
    wait_idle(door)
    throttle.open()
    speech.create(model="tts-1", input="Next.", voice="af_sky")
    assert throttle.asked.count(LONG) == 2


@pytest.mark.model
def test_kokoro_speaks_in_every_format(service: StartService, connect: Connect, kokoro: Engine) -> None:
    client = connect(service(kokoro, http_port=0))
    text = "Good morning, how can I help you?"
    spoken = client.audio.speech.create(model="tts-1", input=text, voice="alloy", response_format="pcm").content
    assert 0.01 < float(np.sqrt(np.mean(pcm(spoken) ** 2))) < 0.5
    expected_s = len(spoken) / 2 / 24_000
    assert 1.0 < expected_s < 4.0
    for format_name in FORMATS:
        with client.audio.speech.with_streaming_response.create(
            model="tts-1", input=text, voice="alloy", response_format=format_name
        ) as response:
            heard = b"".join(response.iter_bytes())
        assert duration_s(heard, format_name) == pytest.approx(expected_s, abs=0.1)


@pytest.mark.model
def test_kokoro_has_everybody_who_speaks_for_openais_voices(kokoro: Engine) -> None:
    assert set(VOICES.values()) <= {voice.name for voice in kokoro.voices()}


def speech(door: Service, **wanted: Any) -> httpx.Response:
    body = {"model": "tts-1", "input": "Good morning to you.", "voice": "af_sky", **wanted}
    return httpx.post(f"http://127.0.0.1:{door.http_port}/v1/audio/speech", json=body, timeout=TIMEOUT_S)


def test_a_language_is_that_of_the_voice(service: StartService) -> None:
    door = service(http_port=0)
    assert speech(door, lang_code="a").status_code == 200
    refused = speech(door, lang_code="ja")
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "voice"


def test_events_have_the_times_of_words_if_asked(service: StartService) -> None:
    door = service(http_port=0)
    for timestamps in (False, True):
        answer = speech(door, response_format="pcm", stream_format="sse", timestamps=timestamps)
        *deltas, _ = events_of(answer.iter_lines())
        words = [word for delta in deltas for word in delta.get("words", [])]
        assert [word["word"] for word in words] == ("Good morning to you.".split() if timestamps else [])
    assert words[1]["start_s"] == pytest.approx(0.25)
    assert len(b"".join(base64.b64decode(delta["audio"]) for delta in deltas)) == 2 * tone_samples("x" * 20)
    refused = speech(door, timestamps=True).json()["error"]
    assert refused["param"] == "timestamps"
