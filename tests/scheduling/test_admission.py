"""Who may begin to speak: the reckoning itself, then calls at twice the capacity in a scheduler with made-up time."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from telephony.engines.base import Engine
from telephony.engines.tone import SECONDS_PER_CHARACTER, ToneEngine
from telephony.scheduling.admission import AHEAD_S, PLACE_KEPT_S, Admission
from telephony.scheduling.queues import Request, Window
from telephony.speech import Segment
from telephony.telemetry.metrics import Metrics
from tests.scheduling.test_scheduler import PatientScheduler

LONG_S = 20.0
"""Until a test that hangs fails."""


@dataclass(eq=False)
class Caller:
    """A speaker with `waiting_s` seconds of audio still to be made."""

    playback_deadline: float = 0.0
    waiting_s: float = 0.0
    opens: bool = False

    @property
    def working(self) -> bool:
        return self.waiting_s > 0

    def left_s(self, seconds_per_byte: float) -> float:
        return self.waiting_s


def measured(realtime_factor: float, *speakers: Caller, max_wait_s: float = math.inf) -> Admission:
    """In windows of a second."""
    admission = Admission(max_wait_s)
    admission.began(realtime_factor)
    for opening in (True, False):
        admission.rendered(realtime_factor, 1.0, opening)
    for speaker in speakers:
        admission.enter(speaker)
    return admission


def test_everybody_may_begin_until_anything_was_measured() -> None:
    admission = Admission()
    admission.enter(Caller(waiting_s=1.0))
    assert admission.free_places(0.0) == math.inf
    assert admission.predict_first_audio_s(0.0, 5, 5) == 0.0


def test_there_are_as_many_places_as_the_engine_can_serve_in_real_time() -> None:
    assert measured(0.1).free_places(0.0) == 9
    assert measured(0.1, *(Caller(waiting_s=1.0) for _ in range(8))).free_places(0.0) == 1
    assert measured(0.1, *(Caller(waiting_s=1.0) for _ in range(9))).free_places(0.0) == 0


def test_an_engine_that_is_too_slow_for_anybody_serves_one_after_the_other() -> None:
    assert measured(3.0).free_places(0.0) == 1
    assert measured(3.0, Caller(waiting_s=1.0)).free_places(0.0) == 0


def test_who_has_audio_ahead_takes_less_of_a_place() -> None:
    half = [Caller(playback_deadline=AHEAD_S / 2, waiting_s=1.0) for _ in range(8)]
    assert measured(0.1, *half).free_places(0.0) == 9 - 4
    assert measured(0.1, *(Caller(playback_deadline=2 * AHEAD_S) for _ in range(50))).free_places(0.0) == 9


def test_a_place_is_kept_for_a_moment_after_the_last_audio_unless_the_speaker_was_silenced() -> None:
    speaker = Caller(playback_deadline=5.0)
    admission = measured(0.5, speaker)
    assert admission.next_change_in_s(2.0, [], 1) == 3.0 + PLACE_KEPT_S
    assert admission.free_places(5.0 + PLACE_KEPT_S / 2) == 0
    assert admission.holds(speaker)
    assert admission.free_places(5.0 + PLACE_KEPT_S) == 1
    assert not admission.holds(speaker)
    admission.enter(speaker)
    admission.leave(speaker)
    assert not admission.holds(speaker)


def test_no_place_is_expected_of_those_who_have_more_to_say() -> None:
    assert measured(0.5, Caller(playback_deadline=5.0, waiting_s=1.0)).next_change_in_s(2.0, [], 1) is None


def test_who_has_waited_for_long_must_begin_in_time_for_the_bound() -> None:
    admission = measured(0.5, max_wait_s=4.0)  # a first window, and any other, takes half a second
    first, second = Caller(waiting_s=1.0), Caller(waiting_s=1.0)
    admission.wait(10.0, first)
    admission.wait(10.2, second)
    admission.wait(12.0, first)  # has begun to wait already
    assert admission.next_change_in_s(10.5, [first], 1) == pytest.approx(2.5)
    assert admission.overdue(12.9, [first], 1) == 0
    assert admission.overdue(13.0, [first], 1) == 1
    # The second would be too late behind the first, unless an engine takes both at once.
    assert admission.overdue(12.7, [first, second], 1) == 2
    assert admission.overdue(12.7, [first, second], 2) == 0


def test_a_wait_ends_with_the_first_window_and_where_nothing_is_taken() -> None:
    admission = measured(0.5, max_wait_s=4.0)
    served, silenced, full = Caller(waiting_s=1.0), Caller(waiting_s=1.0), Caller(waiting_s=1.0)
    for caller in (served, silenced, full):
        admission.wait(10.0, caller)
    admission.enter(served)
    admission.leave(silenced)
    full.waiting_s = 0.0
    admission.free_places(11.0)
    assert admission.overdue(20.0, [served, silenced, full], 1) == 0


def test_the_cost_is_that_of_late_and_one_call_that_hangs_does_not_close_the_door() -> None:
    admission = measured(0.1)
    admission.rendered(60.0, 1.0, opening=False)
    assert admission.realtime_factor < 0.3
    for _ in range(100):
        admission.rendered(0.4, 1.0, opening=False)
    assert admission.realtime_factor == pytest.approx(0.4, rel=0.05)


def test_preparing_a_segment_costs_the_engine_nothing_and_a_newcomer_a_wait() -> None:
    admission = measured(0.5)
    admission.prepared(0.2)
    assert admission.realtime_factor == 0.5
    assert admission.predict_first_audio_s(0.0, 0, 0) == pytest.approx(0.2 + 2 * 0.5)
    # The next ones are prepared while the first windows of others are made.
    assert admission.predict_first_audio_s(0.0, 3, 0) == pytest.approx(0.2 + 5 * 0.5)


def test_where_preparing_takes_longer_than_a_first_window_it_sets_the_pace() -> None:
    admission = measured(0.1)
    admission.prepared(0.4)
    assert admission.predict_first_audio_s(0.0, 3, 0) == pytest.approx(4 * 0.4 + 2 * 0.1)


def test_a_model_that_is_loaded_at_first_use_does_not_make_everybody_wait_for_long() -> None:
    admission = measured(0.1)
    admission.prepared(0.01)
    admission.prepared(3.0)
    assert admission.predict_first_audio_s(0.0, 0, 0) < 0.3


def test_a_first_window_leaves_time_where_nobody_runs_dry_by_it() -> None:
    admission = measured(0.5)  # a first window, and any other, takes half a second
    two = [Caller(playback_deadline=11.0), Caller(playback_deadline=11.5)]
    assert admission.leaves_time(10.0, two, batch=1)
    assert not admission.leaves_time(10.1, two, batch=1)
    assert not admission.leaves_time(10.0, [*two, Caller(playback_deadline=11.9)], batch=1)
    assert admission.leaves_time(10.0, [*two, Caller(playback_deadline=11.9)], batch=2)


def test_where_a_segment_begins_more_time_is_needed_and_the_worst_of_late_is_reckoned_with() -> None:
    admission = Admission()
    for opening_s, following_s in ((0.2, 0.1), (0.4, 0.1)):
        admission.rendered(opening_s, 1.0, opening=True)
        admission.rendered(following_s, 1.0, opening=False)
    assert admission.leaves_time(10.0, [Caller(playback_deadline=10.51)], batch=1)
    assert not admission.leaves_time(10.0, [Caller(playback_deadline=10.79, opens=True)], batch=1)
    assert admission.leaves_time(10.0, [Caller(playback_deadline=10.81, opens=True)], batch=1)
    # Of two one is at its worst: the mean is 0.22 s.
    two = [Caller(playback_deadline=10.81, opens=True), Caller(playback_deadline=11.03, opens=True)]
    assert admission.leaves_time(10.0, two, batch=1)
    for _ in range(200):
        admission.rendered(0.2, 1.0, opening=True)
    assert admission.leaves_time(10.0, [Caller(playback_deadline=10.41, opens=True)], batch=1)


def test_whoever_has_much_more_to_say_than_is_ahead_takes_nearly_a_place() -> None:
    assert measured(0.1, *(Caller(playback_deadline=5.0, waiting_s=45.0) for _ in range(8))).free_places(0.0) == 1
    assert measured(0.1, *(Caller(playback_deadline=5.0, waiting_s=5.0) for _ in range(8))).free_places(0.0) == 9 - 4


def test_a_moment_in_which_speech_was_cheap_lets_nobody_in() -> None:
    admission = measured(0.1)
    for _ in range(200):
        admission.rendered(0.1, 1.0, opening=False)
    for _ in range(20):
        admission.rendered(0.05, 1.0, opening=False)
    assert admission.realtime_factor > 0.09
    for _ in range(600):
        admission.rendered(0.05, 1.0, opening=False)
    assert admission.realtime_factor == pytest.approx(0.05, rel=0.1)


def test_the_predicted_wait_is_that_for_a_place_and_for_those_who_are_served_before() -> None:
    ends_s = [4.0 + PLACE_KEPT_S, 7.0 + PLACE_KEPT_S]
    admission = measured(0.8, Caller(playback_deadline=7.0), Caller(playback_deadline=1.0, waiting_s=3.0))
    assert admission.free_places(0.0) == 0
    window_s = 0.8  # also a first one
    assert admission.predict_first_audio_s(0.0, 0, 0) == pytest.approx(2 * window_s + ends_s[0])
    assert admission.predict_first_audio_s(0.0, 1, 1) == pytest.approx(3 * window_s + ends_s[1])
    assert admission.predict_first_audio_s(0.0, 2, 2) == pytest.approx(4 * window_s + ends_s[1] + ends_s[0])
    # Who has a place already is served before, and takes none of those that come.
    assert admission.predict_first_audio_s(0.0, 2, 0) == pytest.approx(4 * window_s + ends_s[0])


# In the scheduler


class Time(threading.Condition):
    """A clock, and a condition whose waits with a timeout pass by themselves for the scheduler."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is None or threading.current_thread().name != "scheduler":
            return super().wait(timeout)
        self.now += timeout
        return True


@dataclass(eq=False)
class Ear:
    """Plays what it hears from the first window on; `gaps` in seconds.

    It takes so many windows and no more; `done` when it has them, or its text has come to an end.
    """

    time: Time
    name: str
    log: list[str]
    asked_at: float = 0.0
    first_audio_s: float | None = None
    playback_deadline: float = math.inf
    gaps: list[float] = field(default_factory=list)

    takes: float = math.inf
    loses_what_it_is_given: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    def has_room(self) -> bool:
        return self.takes > 0

    def takes_audio(self) -> bool:
        return not self.loses_what_it_is_given

    def deliver(self, window: Window) -> None:
        if self.first_audio_s is None:
            self.first_audio_s = self.time.now - self.asked_at
            self.playback_deadline = self.time.now
            self.log.append(self.name)
        if self.time.now > self.playback_deadline + 1e-9:
            self.gaps.append(self.time.now - self.playback_deadline)
        self.playback_deadline = max(self.time.now, self.playback_deadline) + window.duration_s
        self.takes -= 1
        if window.end_of_text or not self.has_room():
            self.done.set()


class Room:
    """A scheduler in made-up time, with an engine that needs `realtime_factor` seconds for a second of speech.

    Callers come, each at its time, and say `sentences` sentences of `sentence_s` seconds.
    """

    def __init__(self, realtime_factor: float, sentence_s: float, sentences: int, max_wait_s: float = math.inf) -> None:
        self.time = Time()
        self.metrics = Metrics()
        self.most_waiting = 0.0
        self.scheduler = PatientScheduler(self.metrics, self.time, max_wait_s=max_wait_s)
        self.scheduler.changed = self.time
        self.engine: Engine = ToneEngine(max_batch=1, window_s=0.4, on_render=self._work)
        self.ears: list[Ear] = []
        self.began: list[str] = []
        self._work_s = realtime_factor * 0.4
        self._sentence = "x" * round(sentence_s / SECONDS_PER_CHARACTER)
        self._sentences = sentences
        self._coming: list[float] = []

    def talk(self, arrivals: Sequence[float]) -> list[Ear]:
        """Callers who come at these times, heard to the end."""
        began_at = self.time.now
        self._coming = sorted(began_at + arrival for arrival in arrivals)
        first = len(self.ears)
        self._let_in()
        assert self.scheduler.drain(LONG_S)
        assert not self._coming, "everybody had spoken before the last one came"
        return self.ears[first:]

    def _work(self, text: str) -> None:
        self.time.now += self._work_s
        waiting = self.metrics.registry.get_sample_value("tts_newcomers_waiting") or 0.0
        self.most_waiting = max(self.most_waiting, waiting)
        self._let_in()

    def _let_in(self) -> None:
        while self._coming and self._coming[0] <= self.time.now:
            self.call(self._coming.pop(0))

    def call(self, at: float, takes: float = math.inf, texts: int = 1) -> Ear:
        """A caller who has come at that time, with so many texts of which each has all the sentences."""
        ear = Ear(self.time, str(len(self.ears)), self.began, at, takes=takes)
        self.ears.append(ear)
        queue = self.scheduler.open_queue(ear, 1_000_000, "telephone", takes_audio=ear.takes_audio)
        for _ in range(texts):
            segments = (Segment(self._sentence) for _ in range(self._sentences))
            queue.put(Request(segments, self.engine, "tone", 1.0, 0, 100, arrived_at=at))
        return ear

    def figure(self, name: str) -> float:
        """A figure of the telephone's."""
        return self.metrics.registry.get_sample_value(name, {"door": "telephone"}) or 0.0


@pytest.fixture
def room() -> Iterator[Room]:
    """Whose engine carries four listeners."""
    room = Room(realtime_factor=0.22, sentence_s=2.0, sentences=4)
    room.scheduler.start()
    room.talk([0.0])  # what speech costs is known
    room.time.now += 60.0
    room.began.clear()
    yield room
    room.scheduler.stop()


@pytest.mark.parametrize("spread_s", [0.0, 0.1, 0.6])
def test_at_twice_the_capacity_nobody_who_speaks_runs_dry_and_the_rest_wait_in_order(
    room: Room, spread_s: float
) -> None:
    callers = room.talk([number * spread_s for number in range(8)])
    assert [ear.gaps for ear in callers] == [[]] * 8
    assert room.began == sorted(room.began, key=int)
    waits_s = [ear.first_audio_s or 0.0 for ear in callers]
    assert max(waits_s[:3]) < 0.5
    assert max(waits_s) > 1.0
    assert room.most_waiting >= 3


def test_after_an_overload_the_next_caller_is_served_at_once(room: Room) -> None:
    room.talk([0.0] * 8)
    room.time.now += 60.0
    assert room.scheduler.begins_at_once
    [late] = room.talk([0.0])
    assert late.first_audio_s == pytest.approx(0.22 * 0.4)


def test_a_client_that_takes_nothing_keeps_no_place_from_others(room: Room) -> None:
    for _ in range(4):
        stalled = room.call(room.time.now, takes=2)
        assert stalled.done.wait(LONG_S)
    room.time.now += 60.0
    late = room.call(room.time.now)
    assert late.done.wait(LONG_S)
    assert late.first_audio_s == pytest.approx(0.22 * 0.4)
    assert not late.gaps


MAX_WAIT_S = 4.0


@pytest.fixture
def start() -> Iterator[Callable[..., Room]]:
    """Starts rooms in which nobody waits for longer than MAX_WAIT_S; what speech costs is known."""
    rooms: list[Room] = []

    def start(realtime_factor: float, sentences: int, max_wait_s: float = MAX_WAIT_S) -> Room:
        room = Room(realtime_factor, sentence_s=2.0, sentences=sentences, max_wait_s=max_wait_s)
        rooms.append(room)
        room.scheduler.start()
        room.talk([0.0])
        room.time.now += 60.0
        return room

    yield start
    for room in rooms:
        room.scheduler.stop()


@pytest.mark.slow
@pytest.mark.parametrize("demand", [1.2, 1.5, 2.0])
@pytest.mark.parametrize("spread_s", [0.0, 0.3])
def test_over_the_capacity_nobody_waits_longer_than_the_bound_and_gaps_are_shared(
    start: Callable[..., Room], demand: float, spread_s: float
) -> None:
    room = start(realtime_factor=0.1, sentences=10)
    window_s = 0.4 * 0.1
    callers = room.talk([number * spread_s for number in range(round(demand / 0.1))])
    assert max(ear.first_audio_s or math.inf for ear in callers) <= MAX_WAIT_S + window_s
    gaps = [gap_s for ear in callers for gap_s in ear.gaps]
    assert room.figure("tts_gap_seconds_count") == len(gaps)
    assert room.figure("tts_gap_seconds_sum") == pytest.approx(sum(gaps))
    # Small: of each window's time, what the engine lacks for it.
    assert max(gaps) <= 0.4 * (demand - 1.0) + window_s
    silence_s = [sum(ear.gaps) for ear in callers]
    assert max(silence_s) < 1.3 * min(silence_s)
    assert room.figure("tts_newcomers_overdue_total") >= 1


def test_below_the_capacity_nobody_is_overdue(start: Callable[..., Room]) -> None:
    room = start(realtime_factor=0.1, sentences=10)
    callers = room.talk([number * 0.3 for number in range(8)])
    assert [ear.gaps for ear in callers] == [[]] * 8
    assert room.figure("tts_newcomers_overdue_total") == 0
    assert room.figure("tts_gap_seconds_count") == 0


def test_a_newcomer_begins_beside_one_who_takes_more_than_half_of_the_engine(start: Callable[..., Room]) -> None:
    room = start(realtime_factor=0.95, sentences=2)
    room.time.now = 1000.0
    talker = room.call(1000.0, texts=96)
    room._coming = [1010.0]
    assert room.scheduler.drain(LONG_S)
    newcomer = room.ears[-1]
    assert newcomer is not talker
    assert newcomer.first_audio_s == pytest.approx(MAX_WAIT_S, abs=2 * 0.95 * 0.4)


def test_who_loses_what_it_is_given_holds_no_place_and_comes_after_all_others(start: Callable[..., Room]) -> None:
    room = start(realtime_factor=0.6, sentences=2, max_wait_s=math.inf)
    room.time.now = 1000.0
    stalled = room.call(1000.0, texts=96)
    stalled.loses_what_it_is_given = True
    room._coming = [1010.0, 1010.1]
    assert room.scheduler.drain(LONG_S)
    first, second = room.ears[-2:]
    window_s = 0.6 * 0.4
    assert first.first_audio_s == pytest.approx(2 * window_s, abs=window_s)
    assert not first.gaps
    assert second.first_audio_s == pytest.approx(4.0 + PLACE_KEPT_S, abs=4 * window_s)
    assert not second.gaps


def test_a_speaker_who_would_run_dry_by_it_is_served_before_a_newcomer(room: Room) -> None:
    speaker = room.call(room.time.now, takes=1)
    assert speaker.done.wait(LONG_S)
    room.time.now = speaker.playback_deadline - 0.1  # time for one window, not for two
    speaker.takes = math.inf
    speaker.done.clear()
    newcomer = room.call(room.time.now)
    assert speaker.done.wait(LONG_S)
    assert newcomer.done.wait(LONG_S)
    assert not speaker.gaps
    assert newcomer.first_audio_s == pytest.approx(2 * 0.22 * 0.4)


def test_below_the_capacity_nobody_waits(room: Room) -> None:
    callers = room.talk([0.0, 0.5, 1.0])
    assert [ear.gaps for ear in callers] == [[]] * 3
    assert max(ear.first_audio_s or 0.0 for ear in callers) < 0.3
    assert room.most_waiting <= 1


def test_the_predicted_wait_is_about_what_a_newcomer_then_waits(room: Room) -> None:
    predicted: list[float] = []
    let_in = room._let_in

    def ask() -> None:
        coming = len(room._coming)
        if coming == 1 and room._coming[0] <= room.time.now:
            predicted.append(room.scheduler.predict_first_audio_s())
        let_in()

    room._let_in = ask  # type: ignore[method-assign]
    callers = room.talk([0.0, 0.1, 0.2, 0.3, 1.0])
    assert predicted
    assert callers[-1].first_audio_s == pytest.approx(predicted[0], rel=0.4)
