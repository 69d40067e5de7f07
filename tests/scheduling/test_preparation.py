"""Phonemes are made beside the engines: whoever waits for them holds up nobody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from telephony.engines.base import SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.scheduling.queues import ListenerQueue, Request, Window
from telephony.scheduling.scheduler import Scheduler
from telephony.speech import Segment
from tests.clients import tone, until
from tests.scheduling.test_phrases import HELLO
from tests.scheduling.test_phrases import Ear as PhraseEar
from tests.scheduling.test_phrases import Room as PhraseRoom
from tests.scheduling.test_scheduler import LONG_S, Ear, Room, failing, long, request


class Gate:
    """A script for `on_prepare` that holds the texts in `held` until it is opened, and notes all of them."""

    def __init__(self, *held: str) -> None:
        self.held = held
        self.texts: list[str] = []
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, text: str) -> None:
        self.texts.append(text)
        if text in self.held:
            self.entered.set()
            assert self.opened.wait(LONG_S)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate("held")
    yield gate
    gate.opened.set()


@pytest.fixture
def room(gate: Gate) -> Iterator[Room]:
    room = Room()
    room.scheduler = Scheduler(room.metrics, room.clock)
    yield room
    gate.opened.set()
    room.scheduler.stop()


def hold(room: Room, gate: Gate, engine: ToneEngine) -> tuple[Ear, ListenerQueue]:
    """A listener whose text is being prepared."""
    ear = Ear()
    queue = room.queue(ear)
    room.scheduler.start()
    queue.put(request("held", engine=engine))
    assert gate.entered.wait(LONG_S)
    return ear, queue


# Nobody waits


@pytest.mark.parametrize("others", ["tone", "other"])
def test_who_is_being_prepared_holds_up_nobody(room: Room, gate: Gate, others: str) -> None:
    """Not the windows of the same engine, nor another engine's texts."""
    rendering, go_on = threading.Event(), threading.Event()

    def wait_once(text: str) -> None:
        rendering.set()
        assert go_on.wait(LONG_S)

    speaks = ToneEngine(name=others, on_render=wait_once)
    ear = Ear()
    speaker = room.queue(ear)
    speaker.put(request(long("A", 5), engine=speaks))
    room.scheduler.start()
    assert rendering.wait(LONG_S)
    waiting = Ear()
    held = room.queue(waiting)
    held.put(request("held", engine=ToneEngine(on_prepare=gate)))
    assert gate.entered.wait(LONG_S)  # although a window is in the device
    go_on.set()
    assert speaker.wait_idle(LONG_S)
    assert ear.ends == 1
    assert waiting.windows == []
    gate.opened.set()
    assert held.wait_idle(LONG_S)
    assert waiting.ends == 1


def test_an_engine_whose_model_is_loaded_does_not_delay_the_texts_of_another(room: Room, gate: Gate) -> None:
    hold(room, gate, ToneEngine(name="piper", on_prepare=gate))
    ear = Ear()
    queue = room.queue(ear)
    queue.put(request(long("A", 2), "b", engine=ToneEngine()))
    assert queue.wait_idle(LONG_S)
    assert ear.ends == 1


def test_a_pause_waits_for_no_engine(room: Room, gate: Gate) -> None:
    engine = ToneEngine(on_prepare=gate)
    hold(room, gate, engine)
    ear, heard = Ear(), threading.Event()
    deliver = ear.deliver

    def note(window: Window) -> None:
        deliver(window)
        heard.set()

    ear.deliver = note  # type: ignore[method-assign]
    segments = iter([Segment("", pause_s=0.5), Segment("a")])
    room.queue(ear).put(Request(segments, engine, "tone", 1.0, 0, 1))
    assert heard.wait(LONG_S)
    assert ear.heard_s == 0.5


# Who is prepared next


def test_newcomers_are_prepared_in_order_of_arrival_one_at_a_time_and_the_background_last(
    room: Room, gate: Gate
) -> None:
    engine = ToneEngine(on_prepare=gate)
    hold(room, gate, engine)
    waiting = [request("background", engine=engine, arrived_at=-1.0)]
    room.queue(background=True).put(waiting[0])
    for name, arrived_at in (("second", 2.0), ("first", 1.0), ("third", 3.0)):
        waiting.append(request(name, engine=engine, arrived_at=arrived_at))
        room.queue().put(waiting[-1])
    until(lambda: all(each.progress.current is not None for each in waiting))  # only what has begun is prepared
    assert gate.texts == ["held"]
    gate.opened.set()
    room.drain()
    for queue in list(room.scheduler._active):
        assert queue.wait_idle(LONG_S)
    assert gate.texts == ["held", "first", "second", "third", "background"]


def test_of_those_who_hear_something_the_first_to_run_dry_is_prepared_first(room: Room, gate: Gate) -> None:
    gate.held = ()
    engine = ToneEngine(on_prepare=gate)
    queues = {text: room.queue() for text in ("late.......", "soon")}
    room.scheduler.start()
    for text, queue in queues.items():
        queue.put(request(text, engine=engine))
        assert queue.wait_idle(LONG_S)
    gate.held = ("held",)
    room.queue().put(request("held", engine=engine))
    assert gate.entered.wait(LONG_S)
    for text, queue in queues.items():
        queue.put(request(text, engine=engine))
    gate.opened.set()
    room.drain()
    assert gate.texts[3:] == ["soon", "late......."]


def test_each_engine_has_a_thread_for_it(room: Room) -> None:
    met = threading.Barrier(2)
    names: list[str] = []

    def meet(text: str) -> None:
        met.wait(LONG_S)
        names.append(threading.current_thread().name)

    for name in ("one", "two"):
        room.queue().put(request("a", engine=ToneEngine(name=name, on_prepare=meet)))
    room.run()
    assert sorted(names) == ["prepare-one", "prepare-two"]


# What is dropped


def test_a_text_that_is_cancelled_while_it_is_prepared_is_never_rendered(room: Room, gate: Gate) -> None:
    rendered: list[str] = []
    engine = ToneEngine(on_prepare=gate, on_render=rendered.append)
    ear, queue = hold(room, gate, engine)
    queue.clear()
    queue.put(request("next", engine=engine, epoch=1))
    gate.opened.set()
    assert queue.wait_idle(LONG_S)
    assert rendered == ["next"]
    np.testing.assert_array_equal(np.concatenate([window.samples for window in ear.windows]), tone("next"))
    assert {window.epoch for window in ear.windows} == {1}


def test_a_text_that_is_cancelled_and_then_cannot_be_prepared_is_no_failed_segment(room: Room) -> None:
    queue = room.queue()

    def refuse(text: str) -> None:
        if text == "bad":
            queue.clear()
            raise SynthesisError("no")

    engine = ToneEngine(on_prepare=refuse)
    queue.put(request("bad", engine=engine))
    room.scheduler.start()
    assert queue.wait_idle(LONG_S)
    queue.put(request("good", engine=engine))
    room.drain()
    assert (room.spoken, room.failed) == (1, 0)
    assert room.figure("tts_engine_failures_total", engine="tone", why="raised") == 1


def test_a_text_that_cannot_be_read_ends_alone(room: Room) -> None:
    def segments() -> Iterator[Segment]:
        yield Segment("a")
        yield Segment("b")
        raise ValueError("a defect of ours")

    ear, other = Ear(), Ear()
    queue = room.queue(ear)
    queue.put(Request(segments(), ToneEngine(), "tone", 1.0, 0, 1))
    room.queue(other).put(request("other", engine=ToneEngine()))
    room.run()
    assert (ear.ends, other.ends) == (1, 1)


def test_an_engine_is_told_of_one_failure_for_each_text_that_it_cannot_prepare(room: Room) -> None:
    engine = ToneEngine(on_prepare=failing("bad", SynthesisError("no")))
    for _ in range(2):
        room.queue().put(request("bad", "good", engine=engine))
    room.run()
    assert (room.spoken, room.failed) == (2, 2)
    assert room.figure("tts_engine_failures_total", engine="tone", why="raised") == 2


# With a phrase cache


@pytest.fixture
def phrases(tmp_path: Path) -> Iterator[PhraseRoom]:
    room = PhraseRoom(tmp_path / "phrases")
    yield room
    room.close()


def test_a_phrase_is_prepared_once_and_whoever_asked_first_may_leave_meanwhile(phrases: PhraseRoom) -> None:
    gate = Gate(HELLO)
    engine = ToneEngine(on_prepare=gate)
    ear = PhraseEar()
    first = phrases.say(PhraseEar(), engine, HELLO)
    phrases.scheduler.start()
    assert gate.entered.wait(LONG_S)
    phrases.say(ear, engine, HELLO)
    until(lambda: phrases.figure("tts_cache_joined_total") == 1)
    first.clear()
    gate.opened.set()
    phrases.drain()
    np.testing.assert_array_equal(ear.heard, tone(HELLO))
    assert gate.texts == [HELLO]


def test_a_phrase_that_everybody_leaves_while_it_is_prepared_is_dropped(phrases: PhraseRoom) -> None:
    gate = Gate(HELLO)
    rendered: list[str] = []
    engine = ToneEngine(on_prepare=gate, on_render=rendered.append)
    queue = phrases.say(PhraseEar(), engine, HELLO)
    phrases.scheduler.start()
    assert gate.entered.wait(LONG_S)
    queue.clear()
    gate.opened.set()
    phrases.say(PhraseEar(), engine, "next")
    phrases.drain()
    assert rendered == ["next"]
    phrases.cache.close()
    assert phrases.cache._in_flight == {}


def test_what_is_there_is_not_prepared_while_the_engine_is_busy_with_it(phrases: PhraseRoom) -> None:
    gate = Gate("held")
    engine = ToneEngine(on_prepare=gate)
    phrases.scheduler.start()
    phrases.say(PhraseEar(), engine, HELLO)
    phrases.drain()
    phrases.say(PhraseEar(), engine, "held")
    assert gate.entered.wait(LONG_S)
    phrases.say(ear := PhraseEar(), engine, HELLO)
    ear.wait(lambda each: each.ends == 1)
    np.testing.assert_array_equal(ear.heard, tone(HELLO))
    gate.opened.set()
    phrases.drain()
    assert gate.texts == [HELLO, "held"]
