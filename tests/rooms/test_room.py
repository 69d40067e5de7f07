"""A room by itself: what it says of itself, and what comes of a segment. No Ray."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from telephony.audio.samples import to_pcm16
from telephony.engines.base import SynthesisError, UnspeakableError
from telephony.engines.cluster.messages import Accepted, Failed, Message, Sound, Speak
from telephony.engines.tone import ToneEngine
from telephony.rooms.room import AHEAD_S, Room
from tests.clients import Throttle, tone, until

TEXT = "This is a sentence of a few windows."


def speak(text: str = TEXT, heard_samples: int = 0, ahead_s: float = 0.0) -> Speak:
    return Speak(text, "tone", 1.0, False, None, ahead_s, heard_samples)


class Unresumable:
    """A tone engine that begins every segment at its beginning."""

    def __init__(self) -> None:
        self._engine = ToneEngine()

    def __getattr__(self, name: str) -> Any:
        if name == "skip":
            raise AttributeError(name)
        return getattr(self._engine, name)


async def hear(room: Room, wanted: Speak) -> list[Message]:
    async with aclosing(room.speak(wanted)) as messages:
        return [message async for message in messages]


def audio(messages: list[Message]) -> bytes:
    return b"".join(message.pcm for message in messages if isinstance(message, Sound))


@pytest.fixture
def rooms() -> Iterator[list[Room]]:
    started: list[Room] = []
    yield started
    for room in started:
        room.close()


def start(rooms: list[Room], engine: Any) -> Room:
    room = Room("one", engine, max_wait_s=4.0)
    rooms.append(room)
    room.start()
    return room


def test_a_segment_is_accepted_and_heard_to_its_last_sample(rooms: list[Room]) -> None:
    messages = asyncio.run(hear(start(rooms, ToneEngine()), speak()))
    assert isinstance(messages[0], Accepted)
    assert messages[0].room == "one"
    assert audio(messages) == to_pcm16(tone(TEXT))
    assert [message.last for message in messages if isinstance(message, Sound)].count(True) == 1


def test_its_words_come_with_their_times(rooms: list[Room]) -> None:
    messages = asyncio.run(hear(start(rooms, ToneEngine()), speak()))
    words = [word for message in messages if isinstance(message, Sound) for word in message.words]
    assert [word.text for word in words] == TEXT.split()


@pytest.mark.parametrize("heard_samples", [1, 4_800, 4_801, 20_000])
@pytest.mark.parametrize("resumable", [True, False])
def test_what_a_door_has_heard_is_left_out(rooms: list[Room], heard_samples: int, resumable: bool) -> None:
    room = start(rooms, ToneEngine() if resumable else Unresumable())
    whole = audio(asyncio.run(hear(room, speak())))
    assert audio(asyncio.run(hear(room, speak(heard_samples=heard_samples)))) == whole[2 * heard_samples :]


@pytest.mark.parametrize(
    ("error", "unspeakable"), [(UnspeakableError("nothing"), True), (SynthesisError("broken"), False)]
)
def test_what_cannot_be_spoken_is_told(rooms: list[Room], error: Exception, unspeakable: bool) -> None:
    def fail(text: str) -> None:
        raise error

    messages = asyncio.run(hear(start(rooms, ToneEngine(on_prepare=fail)), speak()))
    assert messages[1:] == [Failed(str(error), unspeakable)]


def test_who_stops_to_listen_stops_the_work(rooms: list[Room]) -> None:
    throttle = Throttle(2)
    room = start(rooms, ToneEngine(on_render=throttle))

    async def hear_some() -> None:
        async with aclosing(room.speak(speak())) as messages:
            async for message in messages:
                if isinstance(message, Sound):
                    return

    asyncio.run(hear_some())
    throttle.open()
    until(lambda: room.metrics.registry.get_sample_value("tts_queue_depth") == 0)


def test_a_room_works_a_bounded_time_ahead(rooms: list[Room]) -> None:
    room = start(rooms, ToneEngine(window_s=1.0))
    text = "x" * 600  # half a minute

    async def seconds_at_once() -> int:
        count = 0
        async with aclosing(room.speak(speak(text))) as messages:
            try:
                async for message in _within(messages, 0.3):
                    count += isinstance(message, Sound)
            except TimeoutError:
                return count
        return count

    assert asyncio.run(seconds_at_once()) in (10, 11)


@pytest.mark.slow
def test_who_has_much_to_hear_yet_is_served_when_that_is_less(rooms: list[Room]) -> None:
    room = start(rooms, ToneEngine())
    messages = asyncio.run(asyncio.wait_for(hear(room, speak(ahead_s=AHEAD_S + 0.2)), 5.0))
    assert audio(messages) == to_pcm16(tone(TEXT))


async def _within(messages: AsyncIterator[Message], quiet_s: float) -> AsyncIterator[Message]:
    """Messages until none comes for so long."""
    while True:
        try:
            message = await asyncio.wait_for(anext(messages), quiet_s)
        except StopAsyncIteration:
            return
        except asyncio.TimeoutError:
            raise TimeoutError from None
        yield message


def test_it_says_what_a_door_has_to_know(rooms: list[Room]) -> None:
    engine = ToneEngine()
    described = start(rooms, engine).describe()
    assert described.voices == tuple(engine.voices())
    assert (described.name, described.sample_rate) == ("tone", 24_000)
    assert described.revisions == {voice.name: engine.revision(voice.name) for voice in engine.voices()}


def test_it_says_how_busy_it_is(rooms: list[Room]) -> None:
    room = start(rooms, ToneEngine())
    asyncio.run(hear(room, speak()))
    load = room.load()
    assert load.free_places >= 1
    assert load.first_audio_s >= 0
    assert np.isfinite(load.first_audio_s)
