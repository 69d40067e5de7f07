"""Long texts are read in slices, beside the threads that serve everybody."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from telephony.engines.tone import ToneEngine
from telephony.scheduling.queues import Request
from telephony.speech import Segment
from tests.scheduling.test_scheduler import LONG_S, Ear, Room, duration_s, request


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    yield room
    room.scheduler.stop()


def text(*slices: str | None) -> Iterator[Segment | None]:
    """A text with these segments, and what it takes to find them."""
    return (None if each is None else Segment(each) for each in slices)


def reading(segments: Iterator[Segment | None]) -> Request:
    return Request(segments, ToneEngine(), "tone", 1.0, 0, 1)


def test_a_text_that_takes_long_to_read_is_heard_whole_and_ends_once(room: Room) -> None:
    ear = Ear()
    room.queue(ear).put(reading(text(None, None, "one", None, "two", "three", None, None, None)))
    room.run()
    assert ear.heard_s == pytest.approx(sum(map(duration_s, ("one", "two", "three"))), abs=0.001)
    assert [window.end_of_text for window in ear.windows][-1:] == [True]
    assert ear.ends == 1
    assert room.spoken == 3


def test_a_text_that_turns_out_to_say_nothing_is_an_empty_end_and_is_counted(room: Room) -> None:
    ear = Ear()
    room.queue(ear).put(reading(text(*[None] * 10)))
    room.run()
    assert [(len(window.samples), window.end_of_text) for window in ear.windows] == [(0, True)]
    assert room.figure("tts_texts_silent_total") == 1


def test_a_text_without_an_end_holds_up_nobody_and_ends_with_its_listener(room: Room) -> None:
    over = threading.Event()

    def endless() -> Iterator[Segment | None]:
        try:
            yield Segment("heard")
            while True:
                yield None
        finally:
            over.set()

    first, other = Ear(), Ear()
    queue = room.queue(first)
    queue.put(reading(endless()))
    room.scheduler.start()
    following = room.queue(other)
    following.put(request("other", engine=ToneEngine()))
    assert following.wait_idle(LONG_S)
    assert other.heard_s == pytest.approx(duration_s("other"), abs=0.001)
    assert not queue.wait_idle(0)
    queue.clear()
    assert over.wait(LONG_S)  # nobody reads on, or keeps it


def test_the_text_of_which_least_was_read_is_next(room: Room) -> None:
    hog, short = room.queue(), room.queue()
    hog.put(reading(text(*[None] * 1_000, "at last")))
    short.put(reading(text(None, None, None, "soon")))
    room.scheduler.start()
    assert short.wait_idle(LONG_S)
    assert not hog.wait_idle(0)


def test_a_text_that_cannot_be_read_on_ends_alone_behind_what_it_said(room: Room) -> None:
    def broken() -> Iterator[Segment | None]:
        yield None
        yield Segment("a")
        yield None
        raise ValueError("a defect of ours")

    ear, other = Ear(), Ear()
    room.queue(ear).put(reading(broken()))
    room.queue(other).put(request("other", engine=ToneEngine()))
    room.run()
    assert ear.heard_s == pytest.approx(duration_s("a"), abs=0.001)
    assert (ear.ends, other.ends) == (1, 1)


def test_a_text_that_cannot_be_read_at_all_is_no_error_at_its_door() -> None:
    def broken() -> Iterator[Segment | None]:
        raise ValueError("a defect of ours")
        yield None

    given = reading(broken())
    assert not given.progress.exhausted
    with pytest.raises(ValueError, match="a defect"):
        given.progress.take_segment()
