"""The core with a phrase cache: what is heard is the same, made once, and nobody waits for anybody else.

Requests are queued before the threads start, or from inside the engine, so that every order is the only one possible.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from telephony.cache.cache import PhraseCache
from telephony.cache.files import FileStore
from telephony.engines.base import Engine, SynthesisError
from telephony.engines.tone import SECONDS_PER_CHARACTER, ToneEngine
from telephony.scheduling import phrases
from telephony.scheduling.failover import Failover
from telephony.scheduling.phrases import MAX_CHARS, Phrases
from telephony.scheduling.queues import ListenerQueue, Request, Window
from telephony.scheduling.scheduler import Scheduler
from telephony.speech import Samples, Segment, Word
from telephony.telemetry.cache_figures import CacheFigures
from telephony.telemetry.metrics import Metrics
from tests.clients import EventLog, Throttle, tone

LONG_S = 20.0
"""Until a test that hangs fails."""
HELLO = "Hello, please hold the line."
"""Seven windows."""


class Ear:
    """A listener that keeps what it hears, and takes as many windows as it has room for."""

    def __init__(self, room: int | None = None) -> None:
        self.windows: list[Window] = []
        self.room = room
        self._changed = threading.Condition()

    def has_room(self) -> bool:
        return self.room is None or len(self.windows) < self.room

    def deliver(self, window: Window) -> None:
        with self._changed:
            self.windows.append(window)
            self._changed.notify_all()

    def wait(self, reached: Callable[[Ear], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: reached(self), LONG_S)

    @property
    def ends(self) -> int:
        return sum(window.end_of_text for window in self.windows)

    @property
    def heard(self) -> Samples:
        return np.concatenate([window.samples for window in self.windows])

    @property
    def words(self) -> list[Word]:
        return [word for window in self.windows for word in window.words]


class Slow(FileStore):
    """A disk that takes as long as a test wants."""

    def __init__(self, directory: Path, figures: CacheFigures, go_on: threading.Event) -> None:
        super().__init__(directory, 2**26, figures)
        self._go_on = go_on

    def get(self, name: str) -> bytes | None:
        assert self._go_on.wait(LONG_S)
        return super().get(name)


class Room:
    """A scheduler with a phrase cache in a directory."""

    def __init__(self, directory: Path) -> None:
        self.metrics = Metrics()
        self.prepared: list[str] = []
        self.disk = threading.Event()
        self.disk.set()
        figures = CacheFigures(self.metrics.registry)
        self.cache = PhraseCache([Slow(directory, figures, self.disk)], figures)
        self.phrases = Phrases(self.cache, figures)
        self.done: list[Request] = []
        self.engines: list[Engine] = []
        """Who speaks where another engine fails."""
        failover = Failover(self.metrics, lambda: self.engines)
        self.scheduler = Scheduler(self.metrics, phrases=self.phrases, on_done=self._note, failover=failover)

    def _note(self, door: str, request: Request, dropped: bool) -> None:
        self.done.append(request)

    def engine(self, on_render: Callable[[str], object] = lambda text: None) -> ToneEngine:
        return ToneEngine(max_batch=2, on_prepare=self.prepared.append, on_render=on_render)

    def say(
        self,
        ear: Ear,
        engine: Engine,
        *segments: str,
        epoch: int = 0,
        queue: ListenerQueue | None = None,
        exact: bool = False,
    ) -> ListenerQueue:
        queue = queue or self.queue(ear)
        queue.put(Request(map(Segment, segments), engine, "tone", 1.0, epoch, 1, exact=exact))
        return queue

    def queue(self, ear: Ear, background: bool = False) -> ListenerQueue:
        return self.scheduler.open_queue(ear, 1_000_000, "telephone", background)

    def run(self) -> None:
        """Starts the threads and waits until everything is said."""
        self.scheduler.start()
        self.drain()

    def drain(self) -> None:
        assert self.scheduler.drain(LONG_S)

    def figure(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def close(self) -> None:
        self.disk.set()
        self.scheduler.stop()
        self.cache.close()


@pytest.fixture
def make_room(tmp_path: Path) -> Iterator[Callable[[], Room]]:
    """Makes rooms that share a directory."""
    rooms: list[Room] = []

    def make() -> Room:
        rooms.append(Room(tmp_path / "phrases"))
        return rooms[-1]

    yield make
    for each in rooms:
        each.close()


@pytest.fixture
def room(make_room: Callable[[], Room]) -> Room:
    return make_room()


def keep(make_room: Callable[[], Room], *texts: str) -> None:
    """Has phrases said, and kept."""
    room = make_room()
    for text in texts:
        room.say(Ear(), room.engine(), text)
    room.run()
    room.close()


# What is heard


def test_a_phrase_that_was_said_is_heard_again_to_the_last_bit_and_costs_no_engine(room: Room) -> None:
    ears = [Ear(), Ear()]
    room.scheduler.start()
    for ear in ears:
        room.say(ear, room.engine(), HELLO, "And a second one.")
        room.drain()
    assert room.prepared == [HELLO, "And a second one."]
    made, kept = ears
    np.testing.assert_array_equal(made.heard, np.concatenate([tone(HELLO), tone("And a second one.")]))
    assert [len(window.samples) for window in kept.windows] == [len(window.samples) for window in made.windows]
    np.testing.assert_array_equal(kept.heard, made.heard)
    assert [window.end_of_text for window in kept.windows] == [window.end_of_text for window in made.windows]
    assert kept.words == made.words
    assert kept.words[-1].start_s == pytest.approx(SECONDS_PER_CHARACTER * (len(HELLO) + len("And a second ")))
    assert [request.measured.cached for request in room.done] == [False, True]
    assert room.done[1].measured.audio_s == room.done[0].measured.audio_s
    assert room.done[1].measured.engine_s == 0.0
    assert room.done[1].measured.first_audio_s is not None


def test_hits_and_misses_of_a_lane_come_in_the_order_of_the_text(make_room: Callable[[], Room]) -> None:
    keep(make_room, "known one", "known two")
    room, ear = make_room(), Ear()
    texts = ["new one", "known one", "new two", "known two", "known one", "new three"]
    queue = room.say(ear, room.engine(), *texts[:3])
    for epoch, text in enumerate(texts[3:], 1):
        room.say(ear, room.engine(), text, epoch=epoch, queue=queue)
    room.run()
    np.testing.assert_array_equal(ear.heard, np.concatenate([tone(text) for text in texts]))
    assert room.prepared == ["new one", "new two", "new three"]
    assert [key for key, _ in itertools.groupby(window.epoch for window in ear.windows)] == [0, 1, 2, 3]


@pytest.mark.parametrize("text", ["x" * (MAX_CHARS + 1), HELLO])
def test_what_is_too_long_or_read_otherwise_is_made_anew(room: Room, text: str) -> None:
    room.scheduler.start()
    for exact in (False, True):
        room.say(Ear(), room.engine(), text, exact=exact)
        room.drain()
    assert room.prepared == [text, text]


def test_white_space_makes_no_other_phrase(room: Room) -> None:
    room.scheduler.start()
    for text in ("Hello there.", " Hello \t there."):
        room.say(Ear(), room.engine(), text)
        room.drain()
    assert room.prepared == ["Hello there."]


def test_another_revision_is_another_phrase(room: Room) -> None:
    room.scheduler.start()
    for amplitude in (0.5, 0.25):
        room.say(Ear(), ToneEngine(amplitude=amplitude, on_prepare=room.prepared.append), HELLO)
        room.drain()
    assert room.prepared == [HELLO, HELLO]


# Made once


def test_many_who_ask_at_once_hear_what_is_made_once(room: Room) -> None:
    ears = [Ear() for _ in range(8)]
    for ear in ears:
        room.say(ear, room.engine(), HELLO)
    room.run()
    assert room.prepared == [HELLO]
    for ear in ears:
        np.testing.assert_array_equal(ear.heard, tone(HELLO))
        assert ear.ends == 1
    assert room.figure("tts_audio_seconds_total", engine="tone") == pytest.approx(len(tone(HELLO)) / 24_000)
    assert room.figure("tts_segments_total", engine="tone") == 8
    assert room.figure("tts_cache_joined_total") == 7


def test_who_asks_while_a_phrase_is_made_hears_it_from_its_beginning(room: Room) -> None:
    throttle, ear, late = Throttle(allowed=3), Ear(), Ear()
    room.say(ear, room.engine(throttle), HELLO)
    room.scheduler.start()
    throttle.wait_asked(4)
    room.say(late, room.engine(throttle), HELLO)
    late.wait(lambda each: len(each.windows) == 3)
    throttle.open()
    room.drain()
    np.testing.assert_array_equal(late.heard, tone(HELLO))
    np.testing.assert_array_equal(ear.heard, tone(HELLO))
    assert room.prepared == [HELLO]


def test_when_the_first_to_ask_is_cancelled_the_others_hear_it_to_the_end(room: Room) -> None:
    throttle, first, second = Throttle(allowed=2), Ear(), Ear()
    queue = room.say(first, room.engine(throttle), HELLO)
    room.scheduler.start()
    throttle.wait_asked(3)
    room.say(second, room.engine(throttle), HELLO)
    second.wait(lambda each: len(each.windows) == 2)
    queue.clear()
    throttle.open()
    room.drain()
    assert first.ends == 0
    np.testing.assert_array_equal(second.heard, tone(HELLO))
    room.say(third := Ear(), room.engine(throttle), HELLO)
    room.drain()
    np.testing.assert_array_equal(third.heard, tone(HELLO))
    assert room.prepared == [HELLO]


def test_nobody_waits_for_a_listener_who_takes_nothing(room: Room) -> None:
    stalled, other = Ear(room=1), Ear()
    room.say(stalled, room.engine(), HELLO)
    room.scheduler.start()
    stalled.wait(lambda each: len(each.windows) == 1)
    room.say(other, room.engine(), HELLO)
    other.wait(lambda each: each.ends == 1)
    np.testing.assert_array_equal(other.heard, tone(HELLO))
    stalled.room = None
    room.scheduler.wake()
    room.drain()
    np.testing.assert_array_equal(stalled.heard, tone(HELLO))
    assert room.prepared == [HELLO]


def test_what_nobody_hears_to_its_end_is_not_kept(room: Room) -> None:
    throttle = Throttle(allowed=2)
    queue = room.say(Ear(), room.engine(throttle), HELLO)
    room.scheduler.start()
    throttle.wait_asked(3)
    queue.clear()
    throttle.open()
    room.say(again := Ear(), room.engine(throttle), "Something else.")
    room.drain()
    room.say(again, room.engine(throttle), HELLO)
    room.drain()
    np.testing.assert_array_equal(again.heard, np.concatenate([tone("Something else."), tone(HELLO)]))
    assert room.prepared == [HELLO, "Something else.", HELLO]
    room.cache.close()
    assert room.cache._in_flight == {}


def test_a_failure_ends_a_phrase_for_all_who_hear_it_and_is_not_kept(room: Room, events: EventLog) -> None:
    throttle = Throttle(allowed=2)

    def fail_once(text: str) -> None:
        throttle(text)
        if len(throttle.asked) == 3:
            raise SynthesisError("the device is gone")

    ears = [Ear(), Ear()]
    for ear in ears:
        room.say(ear, room.engine(fail_once), HELLO)
    room.scheduler.start()
    for ear in ears:
        ear.wait(lambda each: len(each.windows) == 2)
    throttle.open()
    room.drain()
    for ear in ears:
        np.testing.assert_array_equal(ear.heard, tone(HELLO)[: 2 * 4800])
        assert ear.ends == 1
    assert sorted(str(request.measured.failure) for request in room.done) == [
        "the device is gone",
        "the engine failed while it spoke for another listener",
    ]
    assert room.figure("tts_segments_failed_total", engine="tone") == len(events.found("segment_failed")) == 2
    room.say(again := Ear(), room.engine(fail_once), HELLO)
    room.drain()
    np.testing.assert_array_equal(again.heard, tone(HELLO))
    assert room.prepared == [HELLO, HELLO]


def test_what_another_engine_says_for_one_that_fails_is_not_kept_as_its_phrase(make_room: Callable[[], Room]) -> None:
    def refuse(text: str) -> None:
        if text == HELLO:
            raise ValueError("no")

    room, ears = make_room(), [Ear(), Ear()]
    second = ToneEngine(name="second", sample_rate=12_000, on_prepare=room.prepared.append)
    room.engines.append(second)
    for ear in ears:
        room.say(ear, room.engine(refuse), HELLO, "Goodbye.")
    room.run()
    for ear in ears:
        assert {window.sample_rate for window in ear.windows} == {24_000}
        assert len(ear.heard) == pytest.approx(len(tone(HELLO)) + len(tone("Goodbye.")), abs=2)
    assert [request.current.failed_engine for request in room.done] == ["tone", "tone"]
    # Each in its own place: no phrase of either engine. What follows is a phrase like any other, the second engine's.
    assert sorted(room.prepared) == ["Goodbye.", HELLO, HELLO, HELLO, HELLO]
    room.close()

    again = make_room()
    for engine in (again.engine(), dataclasses.replace(second, on_prepare=again.prepared.append)):
        for text in (HELLO, "Goodbye."):
            again.say(Ear(), engine, text)
    again.run()
    assert sorted(again.prepared) == ["Goodbye.", HELLO, HELLO]


def test_a_text_that_cannot_be_prepared_fails_for_each_who_asks(room: Room, events: EventLog) -> None:
    def refuse(text: str) -> None:
        room.prepared.append(text)
        raise SynthesisError("no phonemes")

    ears = [Ear(), Ear()]
    for ear in ears:
        room.say(ear, ToneEngine(on_prepare=refuse), HELLO)
    room.run()
    assert [ear.ends for ear in ears] == [1, 1]
    assert [request.measured.failure for request in room.done] == ["no phonemes"] * 2
    assert room.prepared == [HELLO, HELLO]


def test_a_defect_of_an_engine_ends_the_text_and_the_next_is_made(room: Room, events: EventLog) -> None:
    class Broken(ToneEngine):
        def render(self, batch: object) -> list[Samples]:
            return [None]  # type: ignore[list-item]

    room.say(ear := Ear(), Broken(), HELLO)
    room.run()
    assert ear.ends == 1
    assert room.done[0].measured.failure == "the service failed"
    room.say(ear, room.engine(), HELLO)
    room.drain()
    np.testing.assert_array_equal(ear.heard, tone(HELLO))


# Nobody waits


def test_a_phrase_that_is_there_waits_for_no_engine(make_room: Callable[[], Room]) -> None:
    keep(make_room, HELLO)
    room, throttle, ear = make_room(), Throttle(), Ear()
    busy = room.say(Ear(), room.engine(throttle), "The engine is busy with this.")
    room.scheduler.start()
    throttle.wait_asked(1)
    room.say(ear, room.engine(throttle), HELLO)
    ear.wait(lambda each: each.ends == 1)
    np.testing.assert_array_equal(ear.heard, tone(HELLO))
    assert len(throttle.asked) == 1
    busy.clear()  # and so it is for who has just interrupted a text whose window is still in the device
    room.say(ear, room.engine(throttle), HELLO, queue=busy)
    throttle.open()
    room.drain()


def test_after_a_barge_in_a_phrase_does_not_wait_for_the_window_in_the_device(make_room: Callable[[], Room]) -> None:
    keep(make_room, HELLO)
    room, throttle, ear = make_room(), Throttle(allowed=1), Ear()
    queue = room.say(ear, room.engine(throttle), "This will be interrupted.")
    room.scheduler.start()
    throttle.wait_asked(2)
    queue.clear()
    room.say(ear, room.engine(throttle), HELLO, epoch=1, queue=queue)
    ear.wait(lambda each: each.ends == 1)
    throttle.open()
    room.drain()
    np.testing.assert_array_equal(
        np.concatenate([window.samples for window in ear.windows if window.epoch == 1]), tone(HELLO)
    )
    assert sum(window.epoch == 0 for window in ear.windows) == 1


def test_a_barge_in_ends_a_phrase_out_of_the_cache(make_room: Callable[[], Room]) -> None:
    keep(make_room, HELLO)
    room, ear = make_room(), Ear(room=2)
    queue = room.say(ear, room.engine(), HELLO)
    room.scheduler.start()
    ear.wait(lambda each: len(each.windows) == 2)
    queue.clear()
    ear.room = None
    room.say(ear, room.engine(), "Yes?", epoch=1, queue=queue)
    room.drain()
    assert [window.epoch for window in ear.windows[2:]] == [1] * len(ear.windows[2:])
    np.testing.assert_array_equal(np.concatenate([window.samples for window in ear.windows[2:]]), tone("Yes?"))
    room.cache.close()
    assert room.cache._in_flight == {}


def test_a_text_dropped_while_it_is_looked_for_leaves_nothing(room: Room) -> None:
    room.disk.clear()
    ear = Ear()
    queue = room.queue(ear)
    request = Request(iter([Segment(HELLO)]), room.engine(), "tone", 1.0, 0, 1)
    room.scheduler.start()
    queue.put(request)
    queue.drop(request)
    room.drain()
    room.disk.set()
    room.close()
    assert room.cache._in_flight == {}
    assert ear.windows == []


def test_a_disk_that_hangs_delays_one_text_by_a_moment(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrases, "_PAUSE_S", LONG_S)
    room.disk.clear()
    ears = [Ear(), Ear()]
    room.scheduler.start()
    for ear, text in zip(ears, (HELLO, "Another one."), strict=True):
        room.say(ear, room.engine(), text)
        room.drain()
        np.testing.assert_array_equal(ear.heard, tone(text))
    assert room.figure("tts_cache_overdue_total") == 1


def test_a_background_lane_makes_what_others_then_find(room: Room) -> None:
    room.say(ear := Ear(), room.engine(), HELLO, queue=(queue := room.queue(Ear(), background=True)))
    room.scheduler.start()
    assert queue.wait_idle(LONG_S)
    room.say(ear, room.engine(), HELLO)
    room.drain()
    assert room.prepared == [HELLO]


def test_a_phrase_made_in_the_background_is_hurried_for_a_caller(room: Room) -> None:
    throttle = Throttle(allowed=1)
    queue = room.queue(Ear(), background=True)
    room.say(Ear(), room.engine(throttle), HELLO, queue=queue)
    room.scheduler.start()
    throttle.wait_asked(2)
    room.say(ear := Ear(), room.engine(throttle), HELLO)
    throttle.open()
    room.drain()
    np.testing.assert_array_equal(ear.heard, tone(HELLO))
    assert room.prepared == [HELLO]
    queue.close()


# What is measured


def test_figures_tell_hits_from_what_was_made(room: Room) -> None:
    room.scheduler.start()
    for _ in range(3):
        room.say(Ear(), room.engine(), HELLO)
        room.drain()
    assert room.figure("tts_cache_misses_total") == 1
    assert room.figure("tts_cache_hits_total", store="files") + room.figure("tts_cache_joined_total") == 2
    labels = {"engine": "tone", "door": "telephone"}
    assert room.figure("tts_time_to_first_audio_seconds_count", **labels) == 3
    assert room.figure("tts_realtime_factor_count", **labels) == 1
    assert room.figure("tts_segments_total", engine="tone") == 3
    assert room.figure("tts_queue_depth") == 0
