"""The LiveKit plugin, with the real package, against the running service."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from telephony.engines.base import Engine, SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from tests.clients import EventLog, Throttle, free_port, tone, wait_figure
from tests.conftest import StartService

pytest.importorskip("livekit.agents", reason="livekit-agents is installed for Python 3.11 and newer")

from livekit import rtc
from livekit.agents import Agent, AgentSession, APIConnectionError, APIStatusError, APITimeoutError, tts
from livekit.agents.metrics import TTSMetrics
from livekit.agents.types import APIConnectOptions
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities
from livekit.plugins.kokoro_telephony import KokoroTTS, SupertonicTTS

from tests.livekit_speech import ONE_TRY, RETRIES, assert_marked, assert_said, run, samples, say, times, words


def url(door: Service) -> str:
    return f"ws://127.0.0.1:{door.http_port}/ws/tts"


@asynccontextmanager
async def plugin(door: Service, **options: Any) -> AsyncIterator[KokoroTTS]:
    speech = KokoroTTS(service_url=url(door), **options)
    try:
        yield speech
    finally:
        await speech.aclose()


def test_a_text_is_spoken_at_24_khz_and_as_long_as_it_is(service: StartService) -> None:
    door = service(http_port=0)

    async def main() -> rtc.AudioFrame:
        async with plugin(door) as speech:
            return await speech.synthesize("Hello there, caller.", conn_options=ONE_TRY).collect()

    frame = run(main())
    assert (frame.sample_rate, frame.num_channels) == (24_000, 1)
    heard = np.frombuffer(frame.data, "<i2").astype(np.float32)
    assert_marked(heard, len(tone("Hello there, caller.")))


def test_tokens_are_spoken_as_sentences_and_each_word_is_timed_within_the_reply(service: StartService) -> None:
    door = service(http_port=0, debounce_ms=600_000)

    async def main() -> list[tts.SynthesizedAudio]:
        async with plugin(door) as speech:
            return await say(speech, "Hel", "lo the", "re. ", "How", "  are", " you?")

    audio = run(main())
    assert_said(audio, "Hello there.", "How are you?")
    assert audio[-1].is_final
    assert "".join(words(audio)) == "Hello there. How  are you?"
    second_s = len(tone("Hello there.")) / 24_000
    assert times(audio) == pytest.approx(
        [0, 0.25, 0.3, 0.6, second_s, second_s + 0.15, second_s + 0.2, second_s + 0.35, second_s + 0.4, second_s + 0.6]
    )


def test_the_beginning_is_heard_while_the_text_is_still_coming(service: StartService) -> None:
    door = service(http_port=0)

    async def main() -> list[tts.SynthesizedAudio]:
        async with plugin(door) as speech, speech.stream(conn_options=ONE_TRY) as stream:
            stream.push_text("The first sentence. ")
            audio = [await anext(stream)]
            stream.push_text("The second.")
            stream.end_input()
            return audio + [event async for event in stream]

    assert_said(run(main()), "The first sentence.", "The second.")


def test_replies_one_after_the_other_share_a_connection(service: StartService, events: EventLog) -> None:
    door = service(http_port=0)

    async def main() -> None:
        async with plugin(door) as speech:
            for text in ("One.", "Two."):
                assert_said(await say(speech, text), text)

    run(main())
    assert len(events.found("connected", door="livekit")) == 1


def test_replies_at_once_have_a_connection_each_and_never_hear_each_other(
    service: StartService, events: EventLog
) -> None:
    door = service(http_port=0)
    texts = ["This is what the first one says.", "And this is what the second one has to say."]

    async def main() -> list[list[tts.SynthesizedAudio]]:
        async with plugin(door) as speech:
            return await asyncio.gather(*(say(speech, text) for text in texts))

    for audio, text in zip(run(main()), texts, strict=True):
        assert_said(audio, text)
    assert len(events.found("connected", door="livekit")) == 2


def test_after_an_interruption_no_old_audio_comes_and_the_connection_speaks_the_next_reply(
    service: StartService, events: EventLog
) -> None:
    throttle = Throttle(allowed=1)
    door = service(ToneEngine(on_render=throttle), http_port=0)

    async def main() -> list[tts.SynthesizedAudio]:
        async with plugin(door) as speech:
            stream = speech.stream(conn_options=ONE_TRY)
            stream.push_text("This is a long story that nobody wants to hear to its end. " * 3)
            await anext(stream)
            await stream.aclose()
            assert not [event async for event in stream]
            throttle.open()
            return await say(speech, "The next reply.")

    assert_said(run(main()), "The next reply.")
    assert len(events.found("connected", door="livekit")) == 1
    assert [event["segments"] for event in events.found("session_ended")] == [0, 1]


def test_a_reply_that_is_interrupted_before_its_text_costs_nothing(service: StartService, events: EventLog) -> None:
    door = service(http_port=0)

    async def main() -> None:
        async with plugin(door) as speech:
            stream = speech.stream(conn_options=ONE_TRY)
            await asyncio.to_thread(events.wait, "connected", door="livekit")
            await stream.aclose()
            assert_said(await say(speech, "Now."), "Now.")
            assert not await say(speech)

    run(main())
    assert len(events.found("session_started")) == 1


def test_a_reply_interrupted_when_all_is_sent_leaves_the_connection_in_order(
    service: StartService, events: EventLog
) -> None:
    door = service(http_port=0)

    async def main() -> None:
        async with plugin(door) as speech:
            for _ in range(20):
                stream = speech.stream(conn_options=ONE_TRY)
                stream.push_text("Over.")
                stream.end_input()
                await anext(stream)
                await stream.aclose()  # just when the session ends, or just before or after
            assert_said(await say(speech, "In order."), "In order.")

    run(main())
    assert len(events.found("connected", door="livekit")) == 1


class Speaker(AudioOutput):
    """What an agent's listener hears, as fast as it comes."""

    def __init__(self) -> None:
        super().__init__(label="speaker", capabilities=AudioOutputCapabilities(pause=False))
        self.frames: list[rtc.AudioFrame] = []
        self.heard = asyncio.Event()
        self._segment_s = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._segment_s:
            self.on_playback_started(created_at=time.time())
        self._segment_s += frame.duration
        self.frames.append(frame)
        self.heard.set()

    def flush(self) -> None:
        super().flush()
        self._finish(interrupted=False)

    def clear_buffer(self) -> None:
        self._finish(interrupted=True)

    def _finish(self, interrupted: bool) -> None:
        if self._segment_s:
            played_s, self._segment_s = self._segment_s, 0.0
            self.on_playback_finished(playback_position=played_s, interrupted=interrupted)


def test_an_agent_speaks_and_is_interrupted_and_speaks_again(service: StartService, events: EventLog) -> None:
    throttle = Throttle(allowed=2)
    door = service(ToneEngine(on_render=throttle), http_port=0)

    async def main() -> bytes:
        async with plugin(door) as speech, AgentSession[None](use_tts_aligned_transcript=True) as session:
            speaker = Speaker()
            session.output.audio = speaker
            await session.start(Agent(instructions="", tts=speech))
            story = session.say("This is a long story that nobody wants to hear to its end. " * 3)
            await speaker.heard.wait()
            await session.interrupt()
            assert story.interrupted
            throttle.open()
            speaker.frames.clear()
            reply = session.say("Of course.")
            await reply.wait_for_playout()
            assert not reply.interrupted
            assert [item.text_content for item in session.history.messages()][-1] == "Of course."
            return b"".join(frame.data.tobytes() for frame in speaker.frames)

    heard = np.frombuffer(run(main()), "<i2").astype(np.float32) / np.float32(32767)
    assert np.abs(heard - tone("Of course.")).max() < 0.001
    assert len(events.found("connected", door="livekit")) == 1


def test_the_next_reply_finds_a_service_that_was_started_again(service: StartService) -> None:
    port = free_port()
    door = service(http_port=port)

    async def main() -> None:
        async with plugin(door) as speech:
            assert_said(await say(speech, "Before."), "Before.")
            await asyncio.to_thread(door.stop)
            await asyncio.to_thread(service, http_port=port)
            assert_said(await say(speech, "After.", options=RETRIES), "After.")

    run(main())


def test_a_reply_that_was_not_heard_yet_is_said_again_by_the_service_that_was_started_again(
    service: StartService,
) -> None:
    port = free_port()
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), http_port=port, drain_timeout_s=0.05)

    async def main() -> list[tts.SynthesizedAudio]:
        async with plugin(door) as speech:
            reply = asyncio.create_task(say(speech, "Say it again.", options=RETRIES))
            await asyncio.to_thread(throttle.wait_asked, 1)
            stopping = asyncio.create_task(asyncio.to_thread(door.stop))
            throttle.open()
            await stopping
            await asyncio.to_thread(service, http_port=port)
            return await reply

    assert_said(run(main()), "Say it again.")


def fails_in_the_second_sentence(text: str) -> None:
    if "second" in text:
        raise SynthesisError("scripted")


@pytest.mark.parametrize("whole", [True, False])
def test_a_reply_of_which_something_was_heard_is_not_said_again(service: StartService, whole: bool) -> None:
    prepared: list[str] = []

    def on_prepare(text: str) -> None:
        prepared.append(text)
        fails_in_the_second_sentence(text)

    door = service(ToneEngine(on_prepare=on_prepare), http_port=0)
    text = "The first sentence. The second."

    async def main() -> None:
        async with plugin(door) as speech:
            with pytest.raises(APIStatusError, match="scripted") as failure:
                if whole:
                    await speech.synthesize(text, conn_options=RETRIES).collect()
                else:
                    await say(speech, text, options=RETRIES)
            assert failure.value.status_code == 500
            assert not failure.value.retryable

    run(main())
    assert prepared == ["The first sentence.", "The second."]


def test_a_reply_that_failed_before_anything_was_heard_is_said_again(service: StartService) -> None:
    attempts: list[str] = []

    def on_prepare(text: str) -> None:
        attempts.append(text)
        if len(attempts) == 1:
            raise SynthesisError("scripted")

    door = service(ToneEngine(on_prepare=on_prepare), http_port=0)

    async def main() -> list[tts.SynthesizedAudio]:
        async with plugin(door) as speech:
            return await say(speech, "Once", " more.", options=RETRIES)

    assert_said(run(main()), "Once more.")
    assert attempts == ["Once more."] * 2


def test_options_hold_from_the_next_reply_on(service: StartService, events: EventLog) -> None:
    door = service(http_port=0)

    async def main() -> None:
        async with plugin(door, voice="af_sky", lang_code="a") as speech:
            before = speech.stream(conn_options=ONE_TRY)
            speech.update_options(voice="am_michael", speed=2.0)
            before.push_text("As before.")
            before.end_input()
            assert_said([event async for event in before], "As before.")
            await before.aclose()
            fast = await say(speech, "Twice as fast.")
            assert_marked(samples(fast), len(tone("Twice as fast.")) // 2)

    run(main())
    assert [event["voice"] for event in events.found("session_started")] == ["af_sky", "am_michael"]


def test_an_unknown_voice_is_a_bad_request_and_not_tried_again(service: StartService, events: EventLog) -> None:
    door = service(http_port=0)

    async def main() -> None:
        async with plugin(door, voice="nobody") as speech:
            with pytest.raises(APIStatusError, match="nobody") as failure:
                await say(speech, "Hello.", options=RETRIES)
            assert failure.value.status_code == 400
            speech.update_options(voice=None)
            assert_said(await say(speech, "Hello."), "Hello.")

    run(main())
    assert len(events.found("connected", door="livekit")) == 2


@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_wrong_key_is_said_to_be_wrong_and_not_tried_again(service: StartService, key: str | None) -> None:
    door = service(http_port=0, api_key="right")

    async def main() -> None:
        async with plugin(door, api_key=key) as speech:
            with pytest.raises(APIStatusError, match="API key") as failure:
                await say(speech, "Hello.", options=RETRIES)
            assert (failure.value.status_code, failure.value.retryable) == (401, False)

    run(main())
    wait_figure(door, "tts_requests_refused_total", lambda count: count == 1, why="key")


def test_the_right_key_opens_the_door(service: StartService) -> None:
    door = service(http_port=0, api_key="right")

    async def main() -> None:
        async with plugin(door, api_key="right") as speech:
            assert_said(await say(speech, "Hello."), "Hello.")

    run(main())


def test_a_service_without_a_place_is_busy_and_tried_again(service: StartService) -> None:
    door = service(http_port=0, max_sessions=1)

    async def main() -> None:
        async with plugin(door) as first, plugin(door) as second:
            talking = first.stream(conn_options=ONE_TRY)
            talking.push_text("One sentence. ")
            await anext(talking)
            with pytest.raises(APIStatusError) as failure:
                await say(second, "Hello.")
            assert (failure.value.status_code, failure.value.retryable) == (503, True)
            await talking.aclose()
            assert_said(await say(second, "Hello.", options=RETRIES), "Hello.")

    run(main())


def test_no_service_is_a_connection_error(service: StartService) -> None:
    async def main() -> None:
        speech = KokoroTTS(service_url=f"ws://127.0.0.1:{free_port()}/ws/tts")
        with pytest.raises(APIConnectionError, match="cannot connect"):
            await say(speech, "Hello.")
        await speech.aclose()

    run(main())


def test_a_wrong_address_is_a_status_error_and_not_tried_again(service: StartService) -> None:
    door = service(http_port=0)

    async def main() -> None:
        speech = KokoroTTS(service_url=f"ws://127.0.0.1:{door.http_port}/nowhere")
        with pytest.raises(APIStatusError) as failure:
            await say(speech, "Hello.", options=RETRIES)
        assert failure.value.status_code in (403, 404)
        await speech.aclose()

    run(main())


@asynccontextmanager
async def scripted(answer: Callable[[ServerConnection, str], Awaitable[None]]) -> AsyncIterator[str]:
    """The address of a service that answers each type of message as a test says."""

    async def converse(connection: ServerConnection) -> None:
        async for message in connection:
            await answer(connection, json.loads(message)["type"])

    async with serve(converse, "127.0.0.1", 0, close_timeout=0.1) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/tts"


def test_a_service_that_hangs_is_a_timeout() -> None:
    async def nothing(connection: ServerConnection, kind: str) -> None:
        pass

    async def main() -> None:
        async with scripted(nothing) as address:
            speech = KokoroTTS(service_url=address)
            with pytest.raises(APITimeoutError, match="silent for"):
                await say(speech, "Hello.", options=APIConnectOptions(max_retry=0, timeout=0.1))
            await speech.aclose()

    run(main())


def test_a_connection_on_which_a_cancel_is_not_answered_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livekit.plugins.kokoro_telephony.tts._CANCEL_TIMEOUT_S", 0.05)
    heard: list[tuple[int, str]] = []

    async def endless(connection: ServerConnection, kind: str) -> None:
        heard.append((id(connection), kind))
        if kind == "send_text":
            await connection.send(bytes(9600))

    async def main() -> None:
        async with scripted(endless) as address:
            speech = KokoroTTS(service_url=address)
            for _ in range(2):
                stream = speech.stream(conn_options=ONE_TRY)
                stream.push_text("Hello.")
                await anext(stream)
                await stream.aclose()
            await speech.aclose()

    run(main())
    assert len({connection for connection, _ in heard}) == 2
    assert [kind for _, kind in heard].count("cancel") == 2


def test_a_connection_is_there_before_the_first_reply(service: StartService, events: EventLog) -> None:
    door = service(http_port=0)

    async def main() -> None:
        async with plugin(door) as speech:
            speech.prewarm()
            await asyncio.to_thread(events.wait, "connected", door="livekit")
            measured: list[TTSMetrics] = []
            speech.on("metrics_collected", measured.append)
            assert_said(await say(speech, "Quick."), "Quick.")
            (metrics,) = measured
            assert metrics.connection_reused
            assert metrics.characters_count == len("Quick.")
            assert metrics.audio_duration == pytest.approx(len(tone("Quick.")) / 24_000)
            assert metrics.ttfb > 0
            assert metrics.metadata is not None
            assert metrics.metadata.model_name == "kokoro-82m"

    run(main())
    assert len(events.found("connected", door="livekit")) == 1


def test_a_reply_with_nothing_to_say_is_a_moment_of_silence(service: StartService) -> None:
    door = service(http_port=0)

    async def main() -> list[tts.SynthesizedAudio]:
        async with plugin(door) as speech:
            return await say(speech, "…", options=RETRIES)

    heard = samples(run(main()))
    assert 0 < len(heard) < 2400
    assert not heard.any()


def test_supertonic_speaks_with_its_own_voices_only(service: StartService, events: EventLog) -> None:
    door = service(ToneEngine(voice_names=("af_sky", "F1", "M5")), http_port=0)

    async def main() -> None:
        speech = SupertonicTTS(service_url=url(door))
        assert_said(await say(speech, "Hello."), "Hello.")
        speech.update_options(voice="M5")
        with pytest.raises(ValueError, match="not 'af_sky'"):
            speech.update_options(voice="af_sky")
        assert_said(await say(speech, "Hello."), "Hello.")
        assert speech.model == "supertonic-2"
        await speech.aclose()

    run(main())
    assert [event["voice"] for event in events.found("session_started")] == ["F1", "M5"]
    with pytest.raises(ValueError, match="not 'F6'"):
        SupertonicTTS(voice="F6")


@pytest.mark.model
def test_the_real_model_speaks_to_an_agent(service: StartService, kokoro: Engine) -> None:
    door = service(kokoro, http_port=0)
    text = "Hello, and thank you for calling. How can I help you today?"

    async def main() -> list[tts.SynthesizedAudio]:
        async with plugin(door, voice="af_sky", lang_code="a") as speech:
            return await say(speech, *(token + " " for token in text.split()))

    audio = run(main())
    heard = samples(audio)
    duration_s = len(heard) / 24_000
    assert 2.0 < duration_s < 8.0
    assert np.sqrt(np.mean(heard**2)) > 0.01
    assert "".join(words(audio)) == text
    assert times(audio) == sorted(times(audio))
    assert times(audio)[0] >= 0
    assert times(audio)[-1] <= duration_s
