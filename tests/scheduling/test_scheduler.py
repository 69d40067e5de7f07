"""The core's one queue: who is served next, and what a failure or a cancel costs.

Requests are queued before the threads start, or from inside the engine, and the engine waits until they are prepared,
so that every order is the only one possible.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from telephony.engines.base import Engine, SynthesisError, Utterance
from telephony.engines.tone import SECONDS_PER_CHARACTER, ToneEngine, ToneUtterance
from telephony.scheduling.policy import Decision
from telephony.scheduling.queues import MAX_QUEUED_TEXTS, ListenerQueue, QueueClosedError, Request, Window
from telephony.scheduling.scheduler import Rendering, Scheduler
from telephony.speech import Samples, Segment, Word
from telephony.telemetry.metrics import Metrics

LONG_S = 10.0
"""Until a test that hangs fails."""
WINDOW_S = 0.2
CHARACTERS_PER_WINDOW = round(WINDOW_S / SECONDS_PER_CHARACTER)


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Ear:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.room = True
        self.windows: list[Window] = []

    def has_room(self) -> bool:
        return self.room

    def deliver(self, window: Window) -> None:
        self.windows.append(window)

    @property
    def ends(self) -> int:
        return sum(window.end_of_text for window in self.windows)

    @property
    def heard_s(self) -> float:
        return sum(window.duration_s for window in self.windows)


@dataclass(frozen=True)
class PhraseWriter(ToneEngine):
    """Keeps which texts were rendered together, in `batches`, which several engines may share."""

    max_batch: int = 1
    window_s: float = WINDOW_S
    batches: list[list[str]] = field(default_factory=list)

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        self.batches.append([utterance.text for utterance in batch if isinstance(utterance, ToneUtterance)])
        return super().render(batch)

    @property
    def order(self) -> list[str]:
        return [text for batch in self.batches for text in batch]


class Mute(PhraseWriter):
    """Has no sound for the text `mute`."""

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        rendered = super().render(batch)
        silent = [isinstance(utterance, ToneUtterance) and utterance.text == "mute" for utterance in batch]
        return [samples[:0] if mute else samples for samples, mute in zip(rendered, silent, strict=True)]


class WatchedCondition(threading.Condition):
    """Says when somebody begins to wait, and when something has changed."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()
        self.told = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.waiting.set()
        return super().wait(timeout)

    def notify_all(self) -> None:
        super().notify_all()
        self.told.set()


class PatientScheduler(Scheduler):
    """Takes nothing to an engine while a segment is still on its way there, so that every order is the only one."""

    def _next_work(self) -> tuple[Decision[ListenerQueue], Sequence[Rendering]] | None:
        with self.changed:
            self.changed.wait_for(lambda: self._stopping or not any(map(self._is_coming, self._active)))
            return super()._next_work()

    def _is_coming(self, queue: ListenerQueue) -> bool:
        progress = queue.requests[0].progress
        if progress.unread:
            return False  # which may go on for ever
        synthesis = None if progress.current is None else progress.current.source._synthesis_locked()
        return queue.has_room() and (synthesis is None or synthesis.utterance is None)


class Room:
    """A scheduler and what it needs."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.clock = Clock()
        self.scheduler: Scheduler = PatientScheduler(self.metrics, self.clock)

    def queue(self, ear: Ear | None = None, bound: int = 1_000_000, background: bool = False) -> ListenerQueue:
        return self.scheduler.open_queue(ear or Ear(), bound, "telephone", background)

    def run(self) -> None:
        """Starts the thread and waits until everything is said."""
        self.scheduler.start()
        self.drain()

    def drain(self) -> None:
        assert self.scheduler.drain(LONG_S)

    def figure(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    @property
    def spoken(self) -> float:
        return self.figure("tts_segments_total", engine="tone")

    @property
    def failed(self) -> float:
        return self.figure("tts_segments_failed_total", engine="tone")


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    yield room
    room.scheduler.stop()


def request(*segments: str, engine: Engine, arrived_at: float = 0.0, epoch: int = 0, size_bytes: int = 1) -> Request:
    return Request(map(Segment, segments), engine, "tone", 1.0, epoch, size_bytes, arrived_at=arrived_at)


def long(name: str, windows: int) -> str:
    """A text that begins with `name` and lasts that many windows, the last one not quite full."""
    return name.ljust(windows * CHARACTERS_PER_WINDOW - 1, ".")


def duration_s(text: str) -> float:
    return SECONDS_PER_CHARACTER * len(text)


def once(text: str, action: Callable[[], object]) -> Callable[[str], None]:
    """A script that acts when `text` comes to the engine for the first time."""
    done = threading.Event()

    def script(now: str) -> None:
        if now == text and not done.is_set():
            done.set()
            action()

    return script


def failing(text: str, error: Exception, times_before: int = 0) -> Callable[[str], None]:
    """A script that raises for `text`, after it went well `times_before` times."""
    went_well: list[str] = []

    def script(now: str) -> None:
        if now == text:
            if len(went_well) == times_before:
                raise error
            went_well.append(now)

    return script


# What a listener hears


def test_a_text_comes_whole_and_in_order_and_its_last_window_says_so(room: Room) -> None:
    ear, engine = Ear(), ToneEngine(window_s=WINDOW_S)
    text = long("hello", 4)
    room.queue(ear).put(request(text, engine=engine, epoch=5))
    room.run()
    (whole,) = ToneEngine(window_s=100).render([engine.prepare(text, "tone", 1.0, exact=False)])
    np.testing.assert_array_equal(np.concatenate([window.samples for window in ear.windows]), whole)
    assert [window.end_of_text for window in ear.windows] == [False, False, False, True]
    assert {(window.epoch, window.sample_rate) for window in ear.windows} == {(5, 24_000)}


def test_segments_and_texts_of_a_lane_come_in_order(room: Room) -> None:
    ear, engine = Ear(), PhraseWriter()
    queue = room.queue(ear)
    queue.put(request("a", "b", engine=engine))
    queue.put(request("c", engine=engine))
    room.run()
    assert engine.order == ["a", "b", "c"]
    assert [window.end_of_text for window in ear.windows] == [False, True, True]
    assert room.spoken == 3


def test_a_text_is_taken_segment_by_segment(room: Room) -> None:
    taken: list[str] = []
    taken_at_first_render: list[int] = []

    def segments() -> Iterator[Segment]:
        for text in "abcdef":
            taken.append(text)
            yield Segment(text)

    engine = ToneEngine(on_render=once("a", lambda: taken_at_first_render.append(len(taken))))
    room.queue().put(Request(segments(), engine, "tone", 1.0, 0, 1))
    room.run()
    assert taken_at_first_render == [2]  # one in work, one to know whether it is the last
    assert taken == list("abcdef")


def test_a_request_gives_no_segment_beyond_its_last() -> None:
    given = request("a", engine=ToneEngine())
    assert given.progress.take_segment().text == "a"
    assert given.progress.exhausted
    with pytest.raises(ValueError, match="no segment"):
        given.progress.take_segment()


def test_a_text_queued_while_the_scheduler_waits_is_spoken(room: Room) -> None:
    ear = Ear()
    room.run()
    room.queue(ear).put(request("late", engine=ToneEngine()))
    room.drain()
    assert ear.ends == 1


# Who is next


def test_listeners_who_hear_nothing_are_served_in_order_of_arrival(room: Room) -> None:
    engine = PhraseWriter()
    for name, arrived_at in (("second", 2.0), ("first", 1.0), ("third", 3.0)):
        room.queue().put(request(name[:3], engine=engine, arrived_at=arrived_at))
    room.run()
    assert engine.order == ["fir", "sec", "thi"]


def test_of_those_who_hear_something_the_first_to_run_dry_is_next(room: Room) -> None:
    fine = PhraseWriter()
    coarse = PhraseWriter(window_s=0.7, batches=fine.batches)
    room.queue().put(request(long("A", 20), engine=coarse, arrived_at=1.0))
    room.queue().put(request(long("B", 20), engine=fine, arrived_at=2.0))
    room.run()
    assert "".join(text[0] for text in fine.order)[:8] == "ABBBBABB"


def test_a_listener_who_hears_nothing_comes_before_all_others(room: Room) -> None:
    newcomer = room.queue()
    engine = PhraseWriter(on_render=once(long("A", 3), lambda: newcomer.put(request("new", engine=engine))))
    room.queue().put(request(long("A", 3), engine=engine))
    room.queue().put(request(long("B", 3), engine=engine))
    room.clock.now = 1.0
    room.run()
    assert [text[0] for text in engine.order][:4] == ["A", "B", "n", "A"]


def test_a_short_text_does_not_wait_behind_a_long_one(room: Room) -> None:
    short = room.queue()
    text = long("A", 50)
    engine = PhraseWriter(on_render=once(text, lambda: short.put(request("hi", engine=engine, arrived_at=1.0))))
    room.queue().put(request(text, engine=engine))
    room.run()
    assert engine.order[:3] == [text, "hi", text]


def test_the_windows_of_two_long_texts_alternate(room: Room) -> None:
    engine = PhraseWriter()
    for name in "AB":
        room.queue().put(request(long(name, 4), engine=engine))
    room.run()
    assert "".join(text[0] for text in engine.order) == "ABABABAB"


# In the background


def test_a_lane_in_the_background_is_served_when_no_other_is_ready(room: Room) -> None:
    background, ear = room.queue(background=True), Ear()
    engine = PhraseWriter(
        max_batch=8, on_render=once(long("p", 4), lambda: room.queue(ear).put(request(long("A", 2), engine=engine)))
    )
    background.put(request(long("p", 4), engine=engine, arrived_at=-1.0))
    room.scheduler.start()
    assert background.wait_idle(LONG_S)
    assert "".join(text[0] for text in engine.order) == "pAAppp"
    assert ear.ends == 1


def test_work_in_the_background_is_no_wait_for_anybody(room: Room) -> None:
    rendering, go_on = threading.Event(), threading.Event()

    def pause() -> None:
        rendering.set()
        assert go_on.wait(LONG_S)

    engine = PhraseWriter(on_render=once(long("p", 4), pause))
    background = room.queue(background=True)
    background.put(request(long("p", 4), engine=engine))
    room.scheduler.start()
    assert rendering.wait(LONG_S)
    assert not room.scheduler.busy
    assert room.scheduler.drain(0.0)
    go_on.set()
    assert background.wait_idle(LONG_S)
    assert room.figure("tts_time_to_first_audio_seconds_count", engine="tone", door="telephone") == 0


# Batches


def test_a_batch_takes_one_window_of_each_of_several_lanes(room: Room) -> None:
    engine = PhraseWriter(max_batch=8)
    for name in "ABC":
        room.queue().put(request(long(name, 3), engine=engine))
    room.run()
    assert max(map(len, engine.batches)) == 3
    assert all(len(set(batch)) == len(batch) for batch in engine.batches)
    assert sorted(engine.order) == sorted(long(name, 3) for name in "ABC" * 3)


def test_a_batch_never_exceeds_what_the_engine_takes(room: Room) -> None:
    engine = PhraseWriter(max_batch=2)
    ears = [Ear() for _ in range(5)]
    for number, ear in enumerate(ears):
        room.queue(ear).put(request(long(str(number), 4), engine=engine))
    room.run()
    assert max(map(len, engine.batches)) == 2
    assert [ear.ends for ear in ears] == [1] * 5


def test_a_batch_never_mixes_engines(room: Room) -> None:
    engines = {"x": PhraseWriter(max_batch=8), "y": PhraseWriter(max_batch=8)}
    for name in ("x1", "y1", "x2", "y2", "x3"):
        room.queue().put(request(long(name, 4), engine=engines[name[0]]))
    room.run()
    for kind, engine in engines.items():
        assert {text[0] for text in engine.order} == {kind}
        assert max(map(len, engine.batches)) >= 2


def test_texts_of_one_lane_are_never_in_one_batch(room: Room) -> None:
    engine = PhraseWriter(max_batch=8)
    queue = room.queue()
    for text in ("a", "b", "c"):
        queue.put(request(text, engine=engine))
    room.run()
    assert engine.batches == [["a"], ["b"], ["c"]]


def test_a_text_finishes_on_the_engine_that_began_it(room: Room) -> None:
    old, new, ear = PhraseWriter(), PhraseWriter(name="new", sample_rate=8_000), Ear()
    queue = room.queue(ear)
    queue.put(request(long("a", 3), "b", engine=old))
    queue.put(request("c", engine=new))
    room.run()
    assert old.order == [long("a", 3)] * 3 + ["b"]
    assert new.order == ["c"]
    assert [window.sample_rate for window in ear.windows] == [24_000] * 4 + [8_000]


# Cancel


def test_a_cancel_takes_effect_within_a_window(room: Room) -> None:
    ear = Ear()
    queue = room.queue(ear)
    text = long("A", 50)

    def cancel_at_the_third(now: str) -> None:
        if engine.order.count(now) == 3:
            queue.clear()

    engine = PhraseWriter(on_render=cancel_at_the_third)
    queue.put(request(text, "more", engine=engine))
    queue.put(request("still more", engine=engine))
    room.run()
    assert engine.order == [text] * 3
    assert len(ear.windows) == 2  # the third was in the device


def test_a_cancel_while_a_segment_is_prepared_delivers_nothing_of_it(room: Room) -> None:
    ear = Ear()
    queue = room.queue(ear)
    engine = PhraseWriter(on_prepare=once("A", queue.clear))
    queue.put(request("A", "B", engine=engine))
    room.run()
    assert ear.windows == []
    assert "B" not in engine.order


def test_a_lane_speaks_again_after_a_cancel(room: Room) -> None:
    ear = Ear()
    queue = room.queue(ear)

    def barge_in() -> None:
        queue.clear()
        queue.put(request("new", engine=engine, epoch=1))

    engine = PhraseWriter(on_render=once("old", barge_in))
    queue.put(request("old", engine=engine))
    room.run()
    assert [(window.epoch, window.end_of_text) for window in ear.windows] == [(1, True)]


def test_a_cancel_of_one_lane_leaves_the_others(room: Room) -> None:
    ear, cancelled = Ear(), room.queue()
    engine = ToneEngine(window_s=WINDOW_S, on_render=once(long("A", 5), cancelled.clear))
    cancelled.put(request(long("A", 5), engine=engine))
    room.queue(ear).put(request(long("B", 5), engine=engine))
    room.run()
    assert ear.heard_s == pytest.approx(duration_s(long("B", 5)))


# Backpressure


class Putter:
    """Puts a request from a thread of its own, and has begun to wait when made."""

    def __init__(self, room: Room, queue: ListenerQueue, item: Request) -> None:
        self.outcome = "waits"
        condition = WatchedCondition()
        room.scheduler.changed = condition
        self._queue, self._item = queue, item
        self._thread = threading.Thread(target=self._put)
        self._thread.start()
        assert condition.waiting.wait(LONG_S)

    def _put(self) -> None:
        try:
            self._queue.put(self._item)
            self.outcome = "returned"
        except QueueClosedError:
            self.outcome = "closed"

    def end(self) -> str:
        self._thread.join(LONG_S)
        assert not self._thread.is_alive()
        return self.outcome


def test_a_request_of_any_size_fits_into_an_empty_lane(room: Room) -> None:
    ear = Ear()
    room.queue(ear, bound=1).put(request("a", engine=ToneEngine(), size_bytes=1_000))
    room.run()
    assert ear.ends == 1


def test_requests_are_taken_until_the_bound_and_the_next_waits_for_room(room: Room) -> None:
    ear, engine = Ear(), PhraseWriter()
    queue = room.queue(ear, bound=10)
    queue.put(request("a", engine=engine, size_bytes=5))
    queue.put(request("b", engine=engine, size_bytes=5))
    putter = Putter(room, queue, request("c", engine=engine, size_bytes=1))
    assert putter.outcome == "waits"
    room.scheduler.start()
    assert putter.end() == "returned"
    room.drain()
    assert engine.order == ["a", "b", "c"]


def test_texts_are_bounded_in_number_too(room: Room) -> None:
    ear, engine = Ear(), PhraseWriter()
    queue = room.queue(ear)
    for _ in range(MAX_QUEUED_TEXTS):
        queue.put(request("a", engine=engine))
    putter = Putter(room, queue, request("b", engine=engine))
    assert putter.outcome == "waits"
    queue.drop(queue.requests[-1])
    assert putter.end() == "returned"
    assert (len(queue.requests), room.figure("tts_texts_held_up_total")) == (MAX_QUEUED_TEXTS, 1)


def test_what_is_queued_is_not_counted_anew_for_each_text(room: Room) -> None:
    looked_at: list[int] = []

    class Watched(Request):
        def __getattribute__(self, name: str) -> Any:
            if name == "size_bytes":
                looked_at.append(1)
            return super().__getattribute__(name)

    queue = room.queue(Ear(), bound=10**9)
    for _ in range(500):
        queue.put(Watched(iter([Segment("a")]), ToneEngine(), "tone", 1.0, 0, 1))
    assert len(looked_at) <= 3 * 500


def test_room_is_reckoned_rightly_whichever_way_a_text_leaves(room: Room) -> None:
    queue = room.queue(Ear(), bound=10)
    queue.put(request("cleared", engine=ToneEngine(), size_bytes=6))
    queue.clear()
    for text in ("spoken", "dropped"):
        queue.put(request(text, engine=ToneEngine(), size_bytes=4))
    queue.drop(queue.requests[-1])
    room.run()
    for _ in range(2):
        queue.put(request("a", engine=ToneEngine(), size_bytes=5))  # which would wait for ever
    assert room.figure("tts_texts_held_up_total") == 0
    room.drain()


def test_a_close_releases_who_waits_for_room(room: Room) -> None:
    queue = room.queue(bound=1)
    queue.put(request("a", engine=ToneEngine()))
    putter = Putter(room, queue, request("b", engine=ToneEngine()))
    queue.close()
    assert putter.end() == "closed"


def test_a_cancel_drops_what_waits_for_room(room: Room) -> None:
    ear, engine = Ear(), PhraseWriter()
    queue = room.queue(ear, bound=1)
    queue.put(request("a", engine=engine))
    putter = Putter(room, queue, request("b", engine=engine))
    queue.clear()
    assert putter.end() == "returned"
    queue.put(request("c", engine=engine))
    room.run()
    assert engine.order == ["c"]


def test_a_closed_lane_takes_nothing(room: Room) -> None:
    queue = room.queue()
    queue.close()
    with pytest.raises(QueueClosedError):
        queue.put(request("a", engine=ToneEngine()))


# Room in the sink


def test_a_lane_whose_sink_is_full_pauses_and_goes_on_at_a_wake(room: Room) -> None:
    full, other = Ear(), Ear()
    full.room = False
    engine = PhraseWriter()
    paused = room.queue(full)
    paused.put(request("A", engine=engine))
    queue = room.queue(other)
    queue.put(request("B", engine=engine, arrived_at=1.0))
    room.scheduler.start()
    assert queue.wait_idle(LONG_S)
    assert engine.order == ["B"]
    full.room = True
    room.scheduler.wake()
    assert paused.wait_idle(LONG_S)
    assert full.ends == 1


def test_a_sink_that_fills_up_in_the_middle_of_a_text_loses_nothing(room: Room) -> None:
    ear, filled = Ear(), threading.Event()

    def fill() -> None:
        ear.room = False
        filled.set()

    text = long("A", 5)
    queue = room.queue(ear)
    queue.put(request(text, engine=ToneEngine(window_s=WINDOW_S, on_render=once(text, fill))))
    room.scheduler.start()
    assert filled.wait(LONG_S)
    assert not queue.wait_idle(0.01)
    ear.room = True
    room.scheduler.wake()
    assert queue.wait_idle(LONG_S)
    assert ear.heard_s == pytest.approx(duration_s(text))


# Failures


@pytest.mark.parametrize("step", ["prepare", "render"])
@pytest.mark.parametrize("error", [SynthesisError("no"), ValueError("no"), MemoryError()], ids=repr)
@pytest.mark.parametrize("segments", [("bad", "b", "c"), ("a", "bad", "c"), ("a", "b", "bad")], ids="-".join)
def test_a_segment_that_fails_ends_only_itself(
    room: Room, step: str, error: Exception, segments: tuple[str, ...]
) -> None:
    ear, other = Ear(), Ear()
    script = failing("bad", error)
    engine = (
        ToneEngine(max_batch=1, on_prepare=script) if step == "prepare" else ToneEngine(max_batch=1, on_render=script)
    )
    room.queue(ear).put(request(*segments, engine=engine))
    room.queue(other).put(request("other", engine=engine))
    with capture_logs() as logs:
        room.run()
    assert [window.end_of_text for window in ear.windows if window.end_of_text] == [True]
    assert ear.windows[-1].end_of_text
    assert ear.heard_s == pytest.approx(2 * SECONDS_PER_CHARACTER)
    assert (other.ends, room.spoken, room.failed) == (1, 3, 1)
    assert [entry["event"] for entry in logs] == ["segment_failed"]


def test_a_text_of_which_everything_fails_ends_too(room: Room) -> None:
    ear = Ear()
    queue = room.queue(ear)
    queue.put(request("bad", "bad", engine=ToneEngine(on_prepare=failing("bad", SynthesisError("no")))))
    queue.put(request("next", engine=ToneEngine()))
    room.run()
    assert [window.end_of_text for window in ear.windows] == [True, True]
    assert len(ear.windows[0].samples) == 0
    assert room.failed == 2


def test_a_segment_that_fails_in_its_middle_keeps_what_was_heard(room: Room) -> None:
    ear, text = Ear(), long("A", 5)
    engine = ToneEngine(window_s=WINDOW_S, on_render=failing(text, SynthesisError("no"), times_before=2))
    room.queue(ear).put(request(text, "b", engine=engine))
    room.run()
    assert ear.heard_s == pytest.approx(2 * WINDOW_S + SECONDS_PER_CHARACTER)
    assert (ear.ends, room.spoken, room.failed) == (1, 1, 1)


@pytest.mark.parametrize("segments", [("mute",), ("mute", "b"), ("a", "mute")], ids="-".join)
def test_a_segment_without_sound_counts_as_failed(room: Room, segments: tuple[str, ...]) -> None:
    ear = Ear()
    room.queue(ear).put(request(*segments, engine=Mute()))
    with capture_logs() as logs:
        room.run()
    assert (ear.ends, room.spoken, room.failed) == (1, len(segments) - 1, 1)
    assert [entry["event"] for entry in logs] == ["segment_failed"]


def test_a_segment_without_sound_counts_as_failed_after_one_that_failed_in_its_middle(room: Room) -> None:
    ear, text = Ear(), long("A", 5)
    engine = Mute(on_render=failing(text, SynthesisError("no"), times_before=1))
    room.queue(ear).put(request(text, "mute", engine=engine))
    room.run()
    assert (ear.ends, room.spoken, room.failed) == (1, 0, 2)


class Empty(ToneEngine):
    """Prepares the text `empty` to an utterance that has ended before it began."""

    def prepare(self, text: str, *rest: Any, **options: Any) -> Utterance:
        return ToneUtterance(text, 200.0, 0) if text == "empty" else super().prepare(text, *rest, **options)


@pytest.mark.parametrize("segments", [("empty",), ("empty", "b"), ("a", "empty")], ids="-".join)
def test_a_segment_that_ended_before_it_began_counts_as_failed(room: Room, segments: tuple[str, ...]) -> None:
    ear = Ear()
    room.queue(ear).put(request(*segments, engine=Empty()))
    room.run()
    assert (ear.ends, room.spoken, room.failed) == (1, len(segments) - 1, 1)


class TooFew(PhraseWriter):
    """Returns one window less than it was asked for."""

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        return super().render(batch)[1:]


def test_an_engine_that_returns_too_few_windows_fails_like_one_that_raises(room: Room) -> None:
    ear = Ear()
    room.queue(ear).put(request("a", engine=TooFew()))
    room.run()
    assert (ear.ends, room.failed) == (1, 1)


class BrokenWords(ToneUtterance):
    """A defect of ours behind the engine: the words of the text `bad` cannot be told."""

    def take_words(self) -> Sequence[Word]:
        if self.text == "bad":
            raise RuntimeError("a defect of ours")
        return super().take_words()


class Broken(PhraseWriter):
    def prepare(self, text: str, *rest: Any, **options: Any) -> Utterance:
        prepared = super().prepare(text, *rest, **options)
        assert isinstance(prepared, ToneUtterance)
        return BrokenWords(*vars(prepared).values())


def test_a_defect_in_one_text_of_a_batch_ends_that_text_alone(room: Room) -> None:
    bad, others, engine = Ear(), [Ear() for _ in range(6)], Broken(max_batch=8)
    for ear in [*others[:3], bad, *others[3:]]:
        room.queue(ear).put(request("bad" if ear is bad else long("A", 3), engine=engine))
    with capture_logs() as logs:
        room.run()
    assert max(map(len, engine.batches)) == 7
    assert [entry["event"] for entry in logs] == ["text_failed"]
    assert (bad.ends, bad.heard_s) == (1, 0.0)
    assert [ear.ends for ear in others] == [1] * 6
    assert [ear.heard_s for ear in others] == pytest.approx([SECONDS_PER_CHARACTER * len(long("A", 3))] * 6, abs=0.001)


def test_a_text_whose_segments_raise_ends_alone(room: Room) -> None:
    def segments() -> Iterator[Segment]:
        yield Segment("a")
        yield Segment("b")
        raise OverflowError("a defect of ours")

    bad, other, engine = Ear(), Ear(), PhraseWriter(max_batch=8)
    spoken = request("c", "d", "e", engine=engine)
    room.queue(bad).put(Request(segments(), engine, "tone", 1.0, 0, 3))
    room.queue(other).put(spoken)
    with capture_logs() as logs:
        room.run()
    assert [entry["event"] for entry in logs] == ["segment_step_failed"]
    assert bad.ends == other.ends == 1
    assert other.heard_s == pytest.approx(3 * SECONDS_PER_CHARACTER)


class Deaf(Ear):
    def deliver(self, window: Window) -> None:
        raise RuntimeError("a defect of ours")


def test_a_listener_that_raises_loses_its_speech_and_nobody_elses(room: Room) -> None:
    ear, engine = Ear(), ToneEngine(max_batch=1, window_s=WINDOW_S)
    room.queue(Deaf()).put(request(long("A", 5), engine=engine))
    room.queue(ear).put(request(long("B", 5), engine=engine))
    with capture_logs() as logs:
        room.run()
    assert [entry["event"] for entry in logs] == ["delivery_failed"]
    assert ear.ends == 1


def test_the_callers_text_is_not_logged_when_a_segment_fails(room: Room) -> None:
    secret = "my card number"
    room.queue().put(request(secret, engine=ToneEngine(on_render=failing(secret, SynthesisError("no")))))
    with capture_logs() as logs:
        room.run()
    assert logs
    assert secret not in str(logs)


# Figures


def test_first_audio_is_timed_for_a_silent_listener_only(room: Room) -> None:
    engine = ToneEngine()
    queue = room.queue()
    queue.put(request("a", "b", engine=engine))
    queue.put(request("c", engine=engine))
    room.clock.now = 3.0
    room.run()
    assert room.figure("tts_time_to_first_audio_seconds_count", engine="tone", door="telephone") == 1
    assert room.figure("tts_time_to_first_audio_seconds_sum", engine="tone", door="telephone") == 3.0
    room.clock.now = 60.0
    queue.put(request("d", engine=engine, arrived_at=59.0))
    room.drain()
    assert room.figure("tts_time_to_first_audio_seconds_count", engine="tone", door="telephone") == 2
    assert room.figure("tts_time_to_first_audio_seconds_sum", engine="tone", door="telephone") == 4.0


def test_the_real_time_factor_is_engine_time_over_audio_time(room: Room) -> None:
    def take_time(text: str) -> None:
        room.clock.now += 0.025

    engine = ToneEngine(window_s=WINDOW_S, on_prepare=take_time, on_render=take_time)
    room.queue().put(request("four", engine=engine))
    room.run()
    assert room.figure("tts_realtime_factor_sum", engine="tone", door="telephone") == pytest.approx(0.25)
    assert room.figure("tts_engine_busy_seconds_total", engine="tone") == pytest.approx(0.025)
    assert room.figure("tts_audio_seconds_total", engine="tone") == pytest.approx(0.2)


def test_the_depth_of_the_queue_is_shown(room: Room) -> None:
    first, second = room.queue(), room.queue()
    for queue in (first, first, second):
        queue.put(request("a", engine=ToneEngine()))
    assert room.figure("tts_queue_depth") == 3
    first.clear()
    assert room.figure("tts_queue_depth") == 1
    room.run()
    assert room.figure("tts_queue_depth") == 0


# The end


@pytest.mark.parametrize(("step", "rendered"), [("on_prepare", 0), ("on_render", 1)])
def test_stop_drops_what_is_queued_and_leaves_no_thread(room: Room, step: str, rendered: int) -> None:
    before = threading.active_count()
    condition = room.scheduler.changed = WatchedCondition()
    entered, release = threading.Event(), threading.Event()

    def hold(text: str) -> None:
        entered.set()
        assert release.wait(LONG_S)

    scripts: dict[str, Any] = {step: hold}
    engine = PhraseWriter(**scripts)
    room.queue().put(request(long("A", 50), engine=engine))
    room.scheduler.start()
    assert entered.wait(LONG_S)
    condition.told.clear()
    stopper = threading.Thread(target=room.scheduler.stop)
    stopper.start()
    assert condition.told.wait(LONG_S)
    release.set()
    stopper.join(LONG_S)
    assert not stopper.is_alive()
    assert threading.active_count() == before
    assert len(engine.order) == rendered  # the window in work


def test_stop_ends_a_scheduler_that_waits(room: Room) -> None:
    before = threading.active_count()
    room.run()
    room.scheduler.stop()
    assert threading.active_count() == before


def test_stop_before_start_and_stop_twice_are_harmless() -> None:
    room = Room()
    room.scheduler.stop()
    room = Room()
    room.run()
    room.scheduler.stop()
    room.scheduler.stop()


def test_drain_and_wait_idle_give_up_at_their_timeout(room: Room) -> None:
    queue = room.queue()
    assert queue.wait_idle(0.0)
    assert room.scheduler.drain(0.0)
    queue.put(request("a", engine=ToneEngine()))
    assert not queue.wait_idle(0.0)
    assert not room.scheduler.drain(0.0)


def test_the_predicted_wait_is_measured_and_grows_with_those_who_wait(room: Room) -> None:
    def take_a_second(text: str) -> None:
        room.clock.now += 1.0

    engine = ToneEngine(on_prepare=take_a_second, on_render=take_a_second)
    assert room.scheduler.predict_first_audio_s() == 0.0
    room.queue().put(request("hi", engine=engine))
    room.run()
    room.clock.now += 100.0
    assert room.scheduler.predict_first_audio_s() == 2.0 + 1.0

    class Deaf(Ear):
        def has_room(self) -> bool:
            return False

    for _ in range(3):
        room.queue(Deaf()).put(request("wait", engine=engine))
    # Each is prepared while the one before it has its first window made.
    assert room.scheduler.predict_first_audio_s() == 1.0 + 4 * 1.0 + 1.0
    for queue in list(room.scheduler._active):
        queue.clear()


def test_a_lane_is_silent_before_and_after_it_is_heard(room: Room) -> None:
    queue = room.queue()
    assert queue.silent
    queue.put(request("hello", engine=ToneEngine()))
    assert not queue.silent
    room.run()
    assert not queue.silent  # it is still being listened to
    room.clock.now += duration_s("hello")
    assert queue.silent
