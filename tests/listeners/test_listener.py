"""The state that calls and sessions share: order, epochs, bounds. No door, no socket."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.engines.tone import ToneEngine
from telephony.listeners.listener import Listener
from telephony.scheduling.queues import QueueClosedError, Request, Window
from telephony.scheduling.scheduler import Scheduler
from telephony.telemetry.metrics import Metrics
from telephony.text.script import Script
from telephony.voices import ResolvedVoice
from tests.clients import TIMEOUT_S, until


class Room:
    """A listener whose scheduler has not begun, so that what is said stays queued until `hear`."""

    def __init__(self, max_queued_bytes: int | None = None) -> None:
        self.metrics = Metrics()
        self.windows: list[Window] = []
        self._selection = ResolvedVoice(ToneEngine(), "tone", 1.0, None)
        self._scheduler = Scheduler(self.metrics)
        self.listener = Listener(self, self._scheduler, self.metrics, "test", max_queued_bytes=max_queued_bytes)

    def has_room(self) -> bool:
        return True

    def deliver(self, window: Window) -> None:
        self.windows.append(window)

    def count(self, name: str) -> float:
        return self.metrics.registry.get_sample_value(name) or 0.0

    def request(self, text: str = "Hello.") -> Request:
        return self.listener.request(Script.parse(text), self._selection, self.listener.begin_epoch())

    def say(self, text: str = "Hello.") -> Request:
        request = self.request(text)
        assert self.listener.say(request)
        return request

    def hear(self) -> list[int]:
        """The epochs of the texts that are heard, in order."""
        self._scheduler.start()
        assert self.listener.wait_idle(TIMEOUT_S)
        self._scheduler.stop()
        return [epoch for epoch, _ in itertools.groupby(window.epoch for window in self.windows)]


Waiting = Callable[[Room, Request], Callable[[], object]]


def epochs(*requests: Request) -> list[int]:
    return [request.epoch for request in requests]


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    """Says a text in another thread, which has to wait; gives what becomes of it."""
    threads: list[threading.Thread] = []

    def start(room: Room, request: Request) -> Callable[[], object]:
        outcome: list[object] = []

        def say() -> None:
            try:
                outcome.append(room.listener.say(request))
            except QueueClosedError as error:
                outcome.append(error)

        thread = threading.Thread(target=say)
        threads.append(thread)
        thread.start()
        until(lambda: room.count("tts_texts_held_up_total") == 1)

        def outcome_of() -> object:
            thread.join(TIMEOUT_S)
            return outcome[0]

        return outcome_of

    yield start
    for thread in threads:
        thread.join(TIMEOUT_S)


def test_what_was_interrupted_is_not_heard_and_what_comes_after_is() -> None:
    room = Room()
    before = [room.say(), room.say()]
    room.listener.interrupt()
    after = [room.say(), room.say()]
    assert [room.listener.is_current(epoch) for epoch in epochs(*before, *after)] == [False, False, True, True]
    assert room.hear() == epochs(*after)


def test_a_text_that_came_before_an_interruption_is_not_queued_after_it() -> None:
    room = Room()
    late = room.request()
    room.listener.interrupt()
    assert not room.listener.say(late)
    assert room.hear() == []


def test_one_text_is_cancelled_and_the_others_are_heard() -> None:
    room = Room()
    first, second, third = room.say(), room.say(), room.say()
    room.listener.cancel(second)
    room.listener.cancel(second)
    assert room.hear() == epochs(first, third)


def test_what_nobody_wants_any_more_is_not_queued() -> None:
    room = Room()
    assert not room.listener.say(room.request(), lambda: False)
    assert room.hear() == []


@pytest.mark.parametrize("text", ["", " \n", "***"])
def test_nothing_to_say_is_counted_and_queues_nothing(text: str) -> None:
    room = Room()
    assert not room.listener.say(room.request(text))
    assert (room.count("tts_texts_silent_total"), room.count("tts_texts_total")) == (1, 0)
    assert room.listener.silent


def test_who_waits_for_room_is_let_in_when_a_text_has_been_said(waiting: Waiting) -> None:
    room = Room(max_queued_bytes=8)
    first, second = room.say("Hello."), room.request("Hello again.")
    outcome = waiting(room, second)
    assert room.hear()[:1] == epochs(first)  # the other may be queued when that has been said, or with it
    assert outcome() is True


def test_who_waits_for_room_is_sent_away_by_an_interruption(waiting: Waiting) -> None:
    room = Room(max_queued_bytes=8)
    room.say("Hello.")
    outcome = waiting(room, room.request("Hello again."))
    room.listener.interrupt()
    assert outcome() is False
    assert room.hear() == []


def test_who_waits_for_room_is_told_that_the_listener_is_gone(waiting: Waiting) -> None:
    room = Room(max_queued_bytes=8)
    room.say("Hello.")
    outcome = waiting(room, room.request("Hello again."))
    room.listener.close()
    assert isinstance(outcome(), QueueClosedError)
    with pytest.raises(QueueClosedError):
        room.say()


@given(steps=st.lists(st.sampled_from(["say", "interrupt", "cancel first", "cancel last"]), max_size=12))
def test_what_is_heard_is_what_was_said_since_the_last_interruption_and_not_cancelled(steps: list[str]) -> None:
    room = Room()
    expected: list[Request] = []
    for step in steps:
        if step == "say":
            expected.append(room.say())
        elif step == "interrupt":
            room.listener.interrupt()
            expected.clear()
        elif expected:
            room.listener.cancel(expected.pop(0 if step == "cancel first" else -1))
    assert room.listener.silent == (not expected)
    assert room.hear() == epochs(*expected)
