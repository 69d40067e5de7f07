"""The engine that speaks through rooms, and what it does when they hang, die, or are another kind. The rooms are real,
and in this process; tests/rooms/test_cluster.py has them in processes of Ray."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

import numpy as np
import pytest

from telephony.audio.samples import to_pcm16
from telephony.engines.base import SynthesisError, UnspeakableError
from telephony.engines.cluster import streams
from telephony.engines.cluster.engine import ClusterEngine
from telephony.engines.cluster.messages import Accepted, Description, Load, Message, Sound, Speak
from telephony.engines.cluster.utterance import ClusterUtterance
from telephony.engines.tone import ToneEngine, pitch_hz
from telephony.rooms.room import Room
from telephony.scheduling.failover import Failover
from telephony.scheduling.queues import Request, Window
from telephony.scheduling.scheduler import Scheduler
from telephony.speech import Intonation, Segment
from telephony.telemetry.metrics import Metrics
from tests.clients import TIMEOUT_S, Throttle, dominant_hz, tone, until

TEXT = "This is a sentence of a few windows, which somebody hears to its very end."


class House:
    """Rooms that take segments in turn. What a room does wrong is said in `hooks`, by its number."""

    def __init__(self, *engines: ToneEngine) -> None:
        self.rooms = [Room(str(number), engine, max_wait_s=4.0) for number, engine in enumerate(engines)]
        self.hooks: dict[int, Callable[[Message], object]] = {}
        self.asked: list[tuple[int, Speak]] = []
        self.left = 0
        for room in self.rooms:
            room.start()

    async def describe(self) -> Description:
        return self.rooms[0].describe()

    async def speak(self, wanted: Speak) -> AsyncGenerator[Message, None]:
        number = len(self.asked) % len(self.rooms)
        self.asked.append((number, wanted))
        try:
            async with aclosing(self.rooms[number].speak(wanted)) as messages:
                async for message in messages:
                    hook = self.hooks.get(number)
                    if hook is not None and hook(message) == "hang":
                        await asyncio.Event().wait()
                    yield message
        finally:
            self.left += 1

    def close(self) -> None:
        for room in self.rooms:
            room.close()


class Door:
    """A scheduler whose engine speaks through rooms, and a listener who hears all of it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.engine = ClusterEngine(house)
        self.metrics = Metrics()
        self.heard: list[Window] = []
        self.gaps = 0
        self.scheduler = Scheduler(self.metrics, failover=Failover(self.metrics, lambda: [self.engine]))
        self.scheduler.start()
        self.queue = self.scheduler.open_queue(self, None, "telephone")

    def has_room(self) -> bool:
        return True

    def deliver(self, window: Window) -> None:
        self.heard.append(window)

    def put(self, *texts: str) -> Request:
        request = Request(map(Segment, texts), self.engine, "tone", 1.0, 0, 1)
        self.queue.put(request)
        return request

    def say(self, *texts: str) -> bytes:
        self.put(*texts)
        assert self.queue.wait_idle(TIMEOUT_S)
        return to_pcm16(np.concatenate([window.samples for window in self.heard]))

    def close(self) -> None:
        self.scheduler.stop()
        self.engine.close()


@pytest.fixture
def doors() -> Iterator[Callable[..., Door]]:
    opened: list[Door] = []
    throttles: list[Throttle] = []

    def open_door(*engines: ToneEngine) -> Door:
        throttles.extend(each.on_render for each in engines if isinstance(each.on_render, Throttle))
        opened.append(Door(House(*engines)))
        return opened[-1]

    yield open_door
    for throttle in throttles:
        throttle.open()
    for door in opened:
        door.close()


OpenDoor = Callable[..., Door]


def after(count: int, outcome: object) -> Callable[[Message], object]:
    """Once so many windows have come from a room, in all."""
    seen = [0]

    def hook(message: Message) -> object:
        if isinstance(message, Sound):
            seen[0] += 1
        if seen[0] > count or (count < 0 and isinstance(message, Accepted)):
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        return None

    return hook


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No room is late, however busy this machine is."""
    for name in ("ACCEPTED_WITHIN_S", "QUIET_S"):
        monkeypatch.setattr(streams, name, TIMEOUT_S)


@pytest.mark.usefixtures("patient")
def test_a_text_is_heard_as_its_room_says_it(doors: OpenDoor) -> None:
    door = doors(ToneEngine())
    assert door.say(TEXT, "And more.") == to_pcm16(np.concatenate([tone(TEXT), tone("And more.")]))
    assert len(door.house.asked) == 2


def test_a_room_says_a_segment_with_its_intonation(doors: OpenDoor) -> None:
    door = doors(ToneEngine())
    request = Request(
        iter([Segment("One", intonation=Intonation(2.0))]), door.engine, "tone", 1.0, 0, 1, intonation=Intonation(0.75)
    )
    door.queue.put(request)
    assert door.queue.wait_idle(TIMEOUT_S)
    samples = np.concatenate([window.samples for window in door.heard])
    assert dominant_hz(samples, 24_000) == pytest.approx(1.5 * pitch_hz("One"), abs=10)


def test_words_come_once_and_with_their_times(doors: OpenDoor) -> None:
    door = doors(ToneEngine(), ToneEngine())
    door.house.hooks[0] = after(3, ConnectionError("killed"))
    door.say(TEXT)
    words = [word for window in door.heard for word in window.words]
    assert [word.text for word in words] == TEXT.split()
    assert [word.start_s for word in words] == sorted(word.start_s for word in words)


@pytest.mark.parametrize("windows", [-1, 0, 1, 2, 5])
@pytest.mark.parametrize("outcome", [ConnectionError("killed"), "hang"], ids=["dies", "hangs"])
def test_a_room_that_is_lost_costs_no_sample(doors: OpenDoor, windows: int, outcome: object) -> None:
    door = doors(ToneEngine(), ToneEngine())
    door.house.hooks[0] = after(windows, outcome)
    assert door.say(TEXT) == to_pcm16(tone(TEXT))
    assert [number for number, _ in door.house.asked] == [0, 1]
    assert door.house.asked[1][1].heard_samples == max(0, windows) * 4_800


def test_who_has_much_to_hear_yet_does_not_cause_a_second_stream(doors: OpenDoor) -> None:
    throttle = Throttle(5)
    door = doors(ToneEngine(on_render=throttle, window_s=1.0), ToneEngine(window_s=1.0))
    door.put("x" * 200)
    until(lambda: len(door.heard) == 5)
    throttle.open()
    assert door.queue.wait_idle(TIMEOUT_S)
    assert len(door.house.asked) == 1


def test_the_first_to_deliver_wins_and_the_other_is_cancelled(doors: OpenDoor) -> None:
    throttle = Throttle(1)
    door = doors(ToneEngine(on_render=throttle), ToneEngine())
    assert door.say(TEXT) == to_pcm16(tone(TEXT))  # the first room is stuck behind its first window
    until(lambda: door.house.left == 2)
    throttle.open()
    assert [number for number, _ in door.house.asked] == [0, 1]
    assert throttle.asked.count(TEXT) == 2


def test_a_listener_who_interrupts_stops_the_room(doors: OpenDoor) -> None:
    throttle = Throttle(2)
    door = doors(ToneEngine(on_render=throttle))
    door.put(TEXT)
    throttle.wait_asked(3)
    door.queue.clear()
    until(lambda: door.house.left == 1)
    throttle.open()
    assert throttle.asked == [TEXT] * 3


def test_a_text_without_sound_is_no_room_s_failure(doors: OpenDoor) -> None:
    def fail(text: str) -> None:
        raise UnspeakableError("nothing to say")

    door = doors(ToneEngine(on_prepare=fail), ToneEngine(on_prepare=fail))
    request = door.put("mute")
    assert door.queue.wait_idle(TIMEOUT_S)
    assert request.measured.failure == "nothing to say"
    assert len(door.house.asked) == 1


def test_a_text_that_every_room_fails_at_ends_there(doors: OpenDoor) -> None:
    def fail(text: str) -> None:
        if text == "bad":
            raise SynthesisError("broken")

    door = doors(ToneEngine(on_prepare=fail))
    assert door.say("bad", "good") == to_pcm16(tone("good"))
    assert len(door.house.asked) == 2 + 1


def test_a_room_with_another_model_does_not_go_on_with_a_segment(doors: OpenDoor) -> None:
    door = doors(ToneEngine(), ToneEngine(amplitude=0.25), ToneEngine())
    door.house.hooks[0] = after(2, ConnectionError("killed"))
    assert door.say(TEXT) == to_pcm16(tone(TEXT))
    assert [number for number, _ in door.house.asked] == [0, 1, 2]


def test_what_counts_is_the_model_that_was_heard_and_not_another_that_was_asked(doors: OpenDoor) -> None:
    heard, only_asked = Throttle(), Throttle()
    door = doors(
        ToneEngine(on_render=heard),
        ToneEngine(on_render=only_asked, amplitude=0.25),
        ToneEngine(amplitude=0.25),
        ToneEngine(),
    )
    door.house.hooks[0] = after(2, ConnectionError("killed"))
    door.put(TEXT)
    only_asked.wait_asked(1)
    heard.open()
    assert door.queue.wait_idle(TIMEOUT_S)
    assert to_pcm16(np.concatenate([window.samples for window in door.heard])) == to_pcm16(tone(TEXT))
    assert [number for number, _ in door.house.asked] == [0, 1, 2, 3]


def test_without_rooms_nothing_is_opened() -> None:
    class Empty(House):
        async def describe(self) -> Description:
            raise SynthesisError("no room answers")

    before = threading.active_count()
    with pytest.raises(SynthesisError, match="no room"):
        ClusterEngine(Empty())
    assert threading.active_count() == before


def test_a_hundred_texts_at_once_are_each_their_own(doors: OpenDoor) -> None:
    door = doors(ToneEngine(), ToneEngine())
    texts = [f"Text number {number}, to its end." for number in range(100)]
    ready = threading.Condition()

    def on_ready() -> None:
        with ready:
            ready.notify_all()

    utterances = [door.engine.open(text, "tone", 1.0, False, None, ahead_s=1.0, on_ready=on_ready) for text in texts]
    heard = [_all_of(door.engine, utterance, ready) for utterance in utterances]
    assert heard == [to_pcm16(tone(text)) for text in texts]


def _all_of(engine: ClusterEngine, utterance: ClusterUtterance, ready: threading.Condition) -> bytes:
    parts = []
    deadline = time.monotonic() + TIMEOUT_S
    while not utterance.finished:
        with ready:
            assert ready.wait_for(lambda: utterance.ready, deadline - time.monotonic())
        parts += engine.render([utterance])
    return to_pcm16(np.concatenate(parts))


def test_a_message_is_the_same_when_it_arrives() -> None:
    door = Sound.of(np.array([0.5, -1.5, 0.0], np.float32), (), load=None, last=True)  # type: ignore[arg-type]
    assert to_pcm16(door.samples()) == door.pcm
    assert dataclasses.replace(door) == door


def test_a_segment_that_began_late_is_handed_on_all_the_same(doors: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rooms were asked before its first sound: one that hangs afterwards costs nothing."""
    monkeypatch.setattr(streams, "ACCEPTED_WITHIN_S", 0.01)
    door = doors(ToneEngine())
    spoken = door.house.speak
    door.house.hooks[0] = after(2, "hang")

    async def late(wanted: Speak) -> AsyncGenerator[Message, None]:
        if len(door.house.asked) < streams.MOST_STREAMS - 1:
            door.house.asked.append((0, wanted))
            await asyncio.Event().wait()
        if len(door.house.asked) == streams.MOST_STREAMS:
            door.house.hooks.clear()
        async with aclosing(spoken(wanted)) as messages:
            async for message in messages:
                yield message

    monkeypatch.setattr(door.house, "speak", late)
    assert door.say(TEXT) == to_pcm16(tone(TEXT))
    assert len(door.house.asked) == streams.MOST_STREAMS + 1
    assert [wanted.avoid for _, wanted in door.house.asked[-2:]] == [frozenset(), {"0"}]


def test_a_text_that_kills_its_rooms_ends_there(doors: OpenDoor) -> None:
    door = doors(ToneEngine())
    door.house.hooks[0] = after(-1, ConnectionError("killed"))
    request = door.put(TEXT)
    assert door.queue.wait_idle(TIMEOUT_S)
    assert request.measured.failure == "too many rooms were lost"
    assert len(door.house.asked) == streams.MOST_LOST


def test_rooms_that_never_answer_are_given_up(doors: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "UNANSWERED_S", 0.5)
    monkeypatch.setattr(streams, "ACCEPTED_WITHIN_S", 0.01)
    door = doors(ToneEngine())

    async def silence(wanted: Speak) -> AsyncGenerator[Message, None]:
        door.house.asked.append((0, wanted))
        await asyncio.Event().wait()
        yield Accepted("never", "", Load(1, 0.0))

    monkeypatch.setattr(door.house, "speak", silence)
    request = door.put(TEXT)
    assert door.queue.wait_idle(TIMEOUT_S)
    assert request.measured.failure == "no room answers"
    assert len(door.house.asked) == 6
