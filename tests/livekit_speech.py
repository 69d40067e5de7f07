"""LiveKit's speech plugins as tests use them. Needs the framework."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar, cast

import numpy as np
from livekit.agents import tts
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, APIConnectOptions, TimedString

from telephony.speech import Samples
from tests.clients import TIMEOUT_S, tone

ONE_TRY = APIConnectOptions(max_retry=0, timeout=TIMEOUT_S)
RETRIES = APIConnectOptions(max_retry=3, retry_interval=0.05, timeout=TIMEOUT_S)

Result = TypeVar("Result")


def run(main: Awaitable[Result]) -> Result:
    """Runs what a test does, for so long at the most."""

    async def bounded() -> Result:
        return await asyncio.wait_for(main, 3 * TIMEOUT_S)

    return asyncio.run(bounded())


def samples(audio: list[tts.SynthesizedAudio]) -> Samples:
    """What was heard."""
    data = b"".join(event.frame.data.tobytes() for event in audio)
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32767)


def words(audio: list[tts.SynthesizedAudio]) -> list[TimedString]:
    """The words with their times."""
    return [word for event in audio for word in event.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])]


def times(audio: list[tts.SynthesizedAudio]) -> list[float]:
    """When each word begins and ends, in seconds."""
    found = [time for word in words(audio) for time in (word.start_time, word.end_time)]
    assert all(isinstance(time, float) for time in found)
    return cast("list[float]", found)


async def say(speech: tts.TTS[Any], *tokens: str, options: APIConnectOptions = ONE_TRY) -> list[tts.SynthesizedAudio]:
    """Says a reply that comes in tokens; returns what is heard."""
    async with speech.stream(conn_options=options) as stream:
        for token in tokens:
            stream.push_text(token)
        stream.end_input()
        return [event async for event in stream]


def assert_said(audio: list[tts.SynthesizedAudio], *segments: str) -> None:
    """That these were heard, sample by sample."""
    wanted = np.concatenate([tone(segment) for segment in segments])
    heard = samples(audio)
    assert np.abs(heard[: len(wanted)] - wanted).max() < 0.001
    assert_marked(heard, len(wanted))


def assert_marked(heard: Samples, count: int) -> None:
    """So many samples, and nothing more than the 10 ms of silence in which the framework may mark the end."""
    assert len(heard) in (count, count + 240)
    assert not heard[count:].any()
