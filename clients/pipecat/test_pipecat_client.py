"""The Pipecat service, with the real package, against the running service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from telephony.engines.base import Engine, SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from tests.clients import Throttle, free_port, tone_samples, wait_figure
from tests.conftest import StartService

pytest.importorskip("pipecat", reason="pipecat-ai is installed for Python 3.11 and newer")

from pipecat.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    MetricsFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.metrics.metrics import TTFBMetricsData, TTSUsageMetricsData
from pipecat.utils.errors import ErrorCategory
from pipecat_kokoro_telephony import KokoroWebsocketTTSService

from tests.pipecat_pipelines import Bot, assert_said, pipeline_of, run

Settings = KokoroWebsocketTTSService.Settings


@asynccontextmanager
async def pipeline(door: Service | int, sample_rate: int = 24_000, **options: Any) -> AsyncIterator[Bot]:
    port = door if isinstance(door, int) else door.http_port
    speech = KokoroWebsocketTTSService(url=f"ws://127.0.0.1:{port}/v1/audio/speech/stream/ws", **options)
    async with pipeline_of(speech, sample_rate) as bot:
        yield bot


def test_a_text_is_spoken_and_each_word_comes_in_time(service: StartService) -> None:
    door = service(http_port=0)

    async def main() -> None:
        async with pipeline(door) as bot:
            await bot.say("Hello there, caller.")
            assert_said(bot.ear, "Hello there, caller.")
            assert {frame.sample_rate for frame in bot.ear.found(TTSAudioRawFrame)} == {24_000}
            assert bot.ear.words == ["Hello", "there,", "caller."]
            assert bot.ear.word_times == pytest.approx([0, 0.3, 0.65])
            kinds = [
                frame
                for frame in bot.ear.frames
                if isinstance(frame, (TTSStartedFrame, TTSAudioRawFrame, TTSStoppedFrame))
            ]
            assert isinstance(kinds[0], TTSStartedFrame)
            assert isinstance(kinds[-1], TTSStoppedFrame)
            assert len({frame.context_id for frame in kinds}) == 1
            assert not bot.errors.found(ErrorFrame)

    run(main())


def test_the_sentences_of_a_reply_are_one_turn(service: StartService) -> None:
    door = service(http_port=0)

    async def main() -> None:
        async with pipeline(door) as bot:
            tokens = ["One sent", "ence. ", "And", " another ", "one."]
            await bot.send(LLMFullResponseStartFrame(), *map(LLMTextFrame, tokens), LLMFullResponseEndFrame())
            await bot.ear.wait(LLMFullResponseEndFrame)
            assert_said(bot.ear, "One sentence.", "And another one.")
            assert len(bot.ear.found(TTSStartedFrame)) == len(bot.ear.found(TTSStoppedFrame)) == 1
            assert bot.ear.words == ["One", "sentence.", "And", "another", "one."]
            second_s = tone_samples("One sentence.") / 24_000
            assert bot.ear.word_times == pytest.approx([0, 0.2, second_s, second_s + 0.2, second_s + 0.6])

    run(main())


def test_what_is_heard_and_said_is_measured(service: StartService) -> None:
    door = service(http_port=0)

    async def main() -> None:
        async with pipeline(door) as bot:
            await bot.say("How long did it take?")
            measured = [data for frame in bot.ear.found(MetricsFrame) for data in frame.data]
            assert [data.value for data in measured if isinstance(data, TTSUsageMetricsData)] == [21]
            (first,) = [data for data in measured if isinstance(data, TTFBMetricsData)]
            assert first.value > 0

    run(main())


def test_after_an_interruption_the_service_is_silent_and_the_next_text_is_spoken(service: StartService) -> None:
    throttle = Throttle(allowed=1)
    door = service(ToneEngine(on_render=throttle), http_port=0)
    story = "This is a long story that nobody wants to hear to its end. "

    async def main() -> None:
        async with pipeline(door) as bot:
            await bot.send(TTSSpeakFrame(story * 3), TTSSpeakFrame("And another one."))
            await bot.ear.wait(TTSAudioRawFrame)
            await asyncio.to_thread(throttle.wait_asked, 2)
            await bot.send(InterruptionFrame())
            await bot.ear.wait(InterruptionFrame)
            bot.ear.forget()
            await bot.send(TTSSpeakFrame("The next one."))
            # It arrives behind what cancels the others.
            await asyncio.to_thread(wait_figure, door, "tts_texts_total", lambda count: count == 3)
            throttle.open()
            await bot.ear.wait(TTSStoppedFrame)
            assert_said(bot.ear, "The next one.")
            assert bot.ear.words == ["The", "next", "one."]
            assert not bot.errors.found(ErrorFrame)

    run(main())
    assert throttle.asked[2:] == ["The next one."] * 4


def test_a_reply_can_be_interrupted_while_its_text_is_still_coming(service: StartService) -> None:
    door = service(http_port=0)

    async def main() -> None:
        async with pipeline(door) as bot:
            await bot.send(LLMFullResponseStartFrame(), LLMTextFrame("One sentence. "), LLMTextFrame("And ano"))
            await bot.ear.wait(TTSTextFrame, count=2)
            await bot.send(InterruptionFrame())
            await bot.ear.wait(InterruptionFrame)
            await bot.say("The next one.")
            assert_said(bot.ear, "The next one.")
            assert not bot.errors.found(ErrorFrame)

    run(main())


def test_the_next_text_finds_a_service_that_was_started_again(service: StartService) -> None:
    port = free_port()
    door = service(http_port=port)

    async def main() -> None:
        async with pipeline(port) as bot:
            await bot.say("Before.")
            assert_said(bot.ear, "Before.")
            await asyncio.to_thread(door.stop)
            await bot.errors.wait(ErrorFrame)
            await asyncio.to_thread(service, http_port=port)
            await bot.say("After.")
            assert_said(bot.ear, "After.")
            assert bot.speech.is_usable

    run(main())


def test_a_text_that_a_restart_cuts_off_ends_and_the_next_one_is_spoken(service: StartService) -> None:
    port = free_port()
    throttle = Throttle(allowed=1)
    door = service(ToneEngine(on_render=throttle), http_port=port, drain_timeout_s=0.05)

    async def main() -> None:
        async with pipeline(port) as bot:
            await bot.send(TTSSpeakFrame("This is a long story that nobody wants to hear to its end."))
            await bot.ear.wait(TTSAudioRawFrame)
            stopping = asyncio.create_task(asyncio.to_thread(door.stop))
            await bot.ear.wait(TTSStoppedFrame)
            assert len(bot.ear.samples) < tone_samples("This is a long story that nobody wants to hear to its end.")
            throttle.open()
            await stopping
            await asyncio.to_thread(service, http_port=port)
            await bot.say("After.")
            assert_said(bot.ear, "After.")

    run(main())


def test_a_service_that_is_down_is_an_error_and_is_asked_again(service: StartService) -> None:
    port = free_port()

    async def main() -> None:
        async with pipeline(port) as bot:
            for count in (1, 2, 3, 4):
                await bot.say("Nobody there.")
                error = await bot.errors.wait(ErrorFrame, count)
                assert bot.speech.is_usable, error
            await asyncio.to_thread(service, http_port=port)
            await bot.say("Hello.")
            assert_said(bot.ear, "Hello.")
            assert {error.category for error in bot.errors.found(ErrorFrame)} >= {ErrorCategory.CONNECTIVITY}

    run(main())


def test_settings_hold_from_the_next_text_on(service: StartService) -> None:
    door = service(http_port=0)

    async def main() -> None:
        async with pipeline(door, settings=Settings(voice="af_sky")) as bot:
            await bot.say("As before.")
            assert_said(bot.ear, "As before.")
            await bot.send(TTSUpdateSettingsFrame(delta=Settings(speed=2.0)))
            await bot.say("Twice as fast.")
            assert len(bot.ear.samples) == tone_samples("Twice as fast.") // 2
            await bot.send(TTSUpdateSettingsFrame(delta=Settings(voice="nobody")))
            await bot.say("Hello.")
            assert "nobody" in (await bot.errors.wait(ErrorFrame)).error
            await bot.send(TTSUpdateSettingsFrame(delta=Settings(voice="am_michael", speed=None)))
            await bot.say("Hello.")
            assert_said(bot.ear, "Hello.")

    run(main())


@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_wrong_key_is_said_to_be_wrong_and_no_more_is_asked(service: StartService, key: str | None) -> None:
    door = service(http_port=0, api_key="right")

    async def main() -> None:
        async with pipeline(door, api_key=key) as bot:
            error = await bot.errors.wait(ErrorFrame)
            assert "API key" in error.error
            assert error.category is ErrorCategory.AUTHENTICATION
            assert not bot.speech.is_usable

    run(main())
    wait_figure(door, "tts_requests_refused_total", lambda count: count == 1, why="key")


def test_the_right_key_opens_the_door(service: StartService) -> None:
    door = service(http_port=0, api_key="right")

    async def main() -> None:
        async with pipeline(door, api_key="right") as bot:
            await bot.say("Hello.")
            assert_said(bot.ear, "Hello.")

    run(main())


def test_pipelines_at_once_never_hear_each_other(service: StartService) -> None:
    door = service(http_port=0)
    texts = ["This is what the first one says.", "And this is what the second one has to say."]

    async def main() -> None:
        async with pipeline(door) as first, pipeline(door) as second:
            await asyncio.gather(*(bot.say(text) for bot, text in zip((first, second), texts, strict=True)))
            for bot, text in zip((first, second), texts, strict=True):
                assert_said(bot.ear, text)

    run(main())


@pytest.mark.parametrize(("wanted", "spoken"), [(8_000, 8_000), (16_000, 16_000), (44_100, 24_000)])
def test_a_pipeline_gets_its_sample_rate_or_24_khz(service: StartService, wanted: int, spoken: int) -> None:
    door = service(http_port=0)

    async def main() -> None:
        async with pipeline(door, sample_rate=wanted) as bot:
            await bot.say("Hello there.")
            assert {frame.sample_rate for frame in bot.ear.found(TTSAudioRawFrame)} == {spoken}
            assert len(bot.ear.samples) / spoken == pytest.approx(0.6, abs=0.01)

    run(main())


def test_a_text_with_nothing_to_say_is_a_moment_of_silence(service: StartService) -> None:
    door = service(http_port=0)

    async def main() -> None:
        async with pipeline(door) as bot:
            for _ in range(4):
                await bot.say("…")
                assert 0 < len(bot.ear.samples) < 2400
                assert not bot.ear.samples.any()
            assert not bot.errors.found(ErrorFrame)
            assert bot.speech.is_usable

    run(main())


def test_a_sentence_that_fails_is_an_error_and_the_next_one_is_spoken(service: StartService) -> None:
    def fails(text: str) -> None:
        if "fails" in text:
            raise SynthesisError("scripted")

    door = service(ToneEngine(on_prepare=fails), http_port=0)

    async def main() -> None:
        async with pipeline(door) as bot:
            tokens = ["This one fails. ", "This one does not."]
            await bot.send(LLMFullResponseStartFrame(), *map(LLMTextFrame, tokens), LLMFullResponseEndFrame())
            await bot.ear.wait(LLMFullResponseEndFrame)
            assert_said(bot.ear, "This one does not.")
            (error,) = bot.errors.found(ErrorFrame)
            assert "scripted" in error.error
            assert error.category is ErrorCategory.SERVER

    run(main())


@pytest.mark.model
def test_the_real_model_speaks_in_a_pipeline(service: StartService, kokoro: Engine) -> None:
    door = service(kokoro, http_port=0)
    text = "Hello, and thank you for calling. How can I help you today?"

    async def main() -> None:
        async with pipeline(door, settings=Settings(voice="af_sky")) as bot:
            tokens = [token + " " for token in text.split()]
            await bot.send(LLMFullResponseStartFrame(), *map(LLMTextFrame, tokens), LLMFullResponseEndFrame())
            await bot.ear.wait(LLMFullResponseEndFrame)
            assert bot.ear.words == text.split()
            assert all(before <= after for before, after in pairwise(bot.ear.word_times))
            duration_s = len(bot.ear.samples) / 24_000
            assert 2.0 < duration_s < 8.0
            assert bot.ear.word_times[-1] < duration_s
            assert np.sqrt(np.mean(bot.ear.samples**2)) > 0.01

    run(main())
