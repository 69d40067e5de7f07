"""The policy with thousands of calls in virtual time: what the design promises, without threads or an engine.

People call again and again, hear some texts, interrupt them at times, and hang up when all is heard. The demand is how
many they are, as a share of what the machine carries. What windows cost is as in test_gaps.py.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import pytest

from bench.virtual import Clock, Costs, Engine, Machine, Text
from telephony.scheduling.admission import AHEAD_S, FULL, Admission
from telephony.scheduling.policy import Decision, Policy
from tests.scheduling.test_gaps import SINK_S, SLOWNESS, WINDOWS_S

CARRIED = FULL / 0.067
"""Listeners whom the machine carries, by the realtime factor that is measured of these texts."""
MAX_WAIT_S = 4.0
LONGEST_S = 11.0
"""The longest text."""
WARM_UP_S = 20.0
"""Until as many people call as there are, after one alone: what speech costs is known by then."""
COSTS = Costs(WINDOWS_S, 0.030 * SLOWNESS, 0.0165 * SLOWNESS, 0.008 * SLOWNESS, 0.024 * SLOWNESS)
SERVICE_S = (1 + COSTS.spread) * (COSTS.opening(LONGEST_S) + COSTS.window(WINDOWS_S[0]))
"""The costliest first window."""


@dataclass(eq=False)
class Caller:
    """A listener with texts, of whom the policy knows no more than of a real one's queue.

    Plays what comes from the first window on; `wait_s` until then, since the first text or the last interruption.
    """

    crowd: Crowd
    yields: bool = False
    calls_again: bool = False
    gone: bool = False
    playback_deadline: float = 0.0
    texts: deque[Text] = field(default_factory=deque)
    waits_since: float | None = None
    waits: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    heard_s: float = 0.0

    @property
    def arrived_at(self) -> float:
        return self.texts[0].arrived_at

    @property
    def opens(self) -> bool:
        return not self.texts[0].made_s

    @property
    def working(self) -> bool:
        return bool(self.texts) and self.has_room()

    @property
    def room_at(self) -> float:
        return self.playback_deadline - SINK_S

    def has_room(self) -> bool:
        return self.playback_deadline - self.crowd.now < SINK_S

    def left_s(self, seconds_per_byte: float) -> float:
        return sum(max(0.0, seconds_per_byte * text.size_bytes - text.made_s) for text in self.texts)

    def next_window(self) -> Text | None:
        return self.texts[0] if self.crowd.now >= self.texts[0].ready_at else None

    def hear(self, window_s: float) -> None:
        now = self.crowd.now
        if self.waits_since is not None:
            self.waits.append(now - self.waits_since)
            self.waits_since = None
        elif now > self.playback_deadline + 1e-6:
            self.gaps.append(now - self.playback_deadline)
        self.playback_deadline = max(now, self.playback_deadline) + window_s
        self.heard_s += window_s


class Crowd:
    """People who call, the policy that serves them, and the machine that it has.

    Args:
        people: how many call at once, each again within a second when he has hung up.
        calls: how many calls there are in all.
        texts: how many a call may have.
        engines: each call has one of them.
        interruptions: the share of the calls in which the caller interrupts once, and has one more text to hear.
        seed: of everything that is left to chance.
    """

    def __init__(
        self,
        people: int,
        calls: int,
        texts: Sequence[int] = (1, 2, 3, 5, 8),
        *,
        engines: Sequence[Engine] = (Engine(COSTS),),
        max_wait_s: float = MAX_WAIT_S,
        interruptions: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.clock = Clock(1000.0)
        self.callers: list[Caller] = []
        self.policy = Policy(Admission(max_wait_s))
        self.chance = random.Random(seed)
        self.machine: Machine[Caller] = Machine(self.clock, self.policy, self.chance, self._made, self._check)
        self._calls = self._left = calls
        self._texts = texts
        self._engines = engines
        self._interruptions = interruptions
        self.clock.at(self.now, self._call)
        for _ in range(people - 1):
            self.clock.at(self.now + self.chance.uniform(10.0, WARM_UP_S), self._call)

    @property
    def now(self) -> float:
        return self.clock.now

    @property
    def waits_s(self) -> list[float]:
        """How long the calls waited for their first windows, and for the first one after an interruption."""
        return [wait_s for caller in self.callers for wait_s in caller.waits]

    @property
    def gaps_s(self) -> list[float]:
        """All gaps in all calls."""
        return [gap_s for caller in self.callers for gap_s in caller.gaps]

    def run(self) -> None:
        """Until everybody has heard everything."""
        while self._left or any(not caller.yields for caller in self.machine.active):
            assert self.clock.step(), "somebody waits, and nothing happens"

    def join(self, caller: Caller, texts: int) -> None:
        """A caller has so many texts to hear."""
        caller.waits_since = self.now
        engine = self.chance.choice(self._engines)
        for _ in range(texts):
            short = self.chance.random() < 0.8
            duration_s = self.chance.uniform(1.5, 4.5) if short else self.chance.uniform(8.0, LONGEST_S)
            size_bytes = round(16 * duration_s * self.chance.uniform(0.8, 1.25))
            ready_at = self.now + self.chance.uniform(0.002, 0.01)
            caller.texts.append(Text(engine, self.now, duration_s, size_bytes, ready_at))
        self.machine.join(caller, caller.texts[0].ready_at)

    def _call(self) -> None:
        if len(self.callers) == self._calls:
            return
        caller = Caller(self, calls_again=True)
        self.callers.append(caller)
        self.join(caller, self.chance.choice(self._texts))
        if self.chance.random() < self._interruptions:
            self.clock.at(self.now + self.chance.uniform(0.0, 10.0), lambda: self._interrupt(caller))

    def _interrupt(self, caller: Caller) -> None:
        if caller.gone:
            return
        caller.texts.clear()
        caller.playback_deadline = 0.0
        self.machine.silence(caller)
        self.join(caller, 1)

    def _hang_up(self, caller: Caller) -> None:
        if caller.gone or caller in self.machine.active or self.now < caller.playback_deadline:
            return  # was interrupted, and has or had something else to hear
        caller.gone = True
        self.policy.silenced(caller)
        if caller.calls_again:
            self._left -= 1
            self.clock.at(self.now + self.chance.uniform(0.0, 1.0), self._call)

    def _made(self, caller: Caller, text: Text, window_s: float, spent_s: float) -> None:
        if not caller.texts or caller.texts[0] is not text:
            return  # interrupted
        if caller.waits_since is not None:
            self.policy.admission.began(spent_s)
        text.made_s += window_s
        caller.hear(window_s)
        if text.complete:
            self._spoken(caller, caller.texts.popleft())

    def _spoken(self, caller: Caller, text: Text) -> None:
        self.policy.admission.spoken(text.size_bytes, text.duration_s)
        if not caller.texts:
            del self.machine.active[caller]
            self.clock.at(caller.playback_deadline, lambda: self._hang_up(caller))

    def _check(self, decision: Decision[Caller], active: Collection[Caller]) -> None:
        check(decision, active, self.now)


def check(decision: Decision[Caller], active: Collection[Caller], now: float) -> None:
    """What is true of every decision."""
    batch = decision.batch
    if not batch:
        return
    ready = {caller for caller in active if caller.has_room() and caller.next_window() is not None}
    engine = batch[0].texts[0].engine
    assert len(set(batch)) == len(batch) <= engine.max_batch
    assert {id(caller.texts[0].engine) for caller in batch} == {id(engine)}
    assert set(batch) <= ready
    if any(caller.yields for caller in batch):
        assert all(caller.yields or not caller.has_room() for caller in active)
        return
    # Of those who hear something, the first to run dry.
    left_out = {caller for caller in ready.difference(batch) if not caller.yields and caller.texts[0].engine is engine}
    served_s = max((caller.playback_deadline for caller in batch if caller.playback_deadline > now), default=-math.inf)
    assert served_s <= min(
        (each.playback_deadline for each in left_out if each.playback_deadline > now), default=math.inf
    )


def people(demand: float) -> int:
    return round(demand * CARRIED)


@pytest.mark.slow
@pytest.mark.parametrize("interruptions", [0.0, 0.3])
@pytest.mark.parametrize("demand", [0.5, 0.8])
def test_below_the_capacity_nobody_has_a_gap_and_nobody_waits_for_long(demand: float, interruptions: float) -> None:
    crowd = Crowd(people(demand), 1000, interruptions=interruptions)
    crowd.run()
    assert crowd.gaps_s == []
    assert max(crowd.waits_s) < 1.0
    assert len(crowd.waits_s) >= 1000


@pytest.mark.slow
@pytest.mark.parametrize("interruptions", [0.0, 0.3])
@pytest.mark.parametrize("demand", [1.2, 1.5, 2.0])
def test_above_the_capacity_nobody_waits_beyond_the_bound_and_gaps_are_short(
    demand: float, interruptions: float
) -> None:
    crowd = Crowd(people(demand), 500, interruptions=interruptions)
    crowd.run()
    assert max(crowd.waits_s) <= MAX_WAIT_S + SERVICE_S
    # Of the longest window's time what the machine lacks for it, and who begins comes first.
    assert 0.0 < max(crowd.gaps_s) <= WINDOWS_S[-1] * (demand - 1.0) + 2 * SERVICE_S


@pytest.mark.slow
def test_at_twice_the_capacity_nobody_has_much_more_silence_than_others() -> None:
    crowd = Crowd(people(2.0), 500, [8])
    crowd.run()
    silence = [sum(caller.gaps) / caller.heard_s for caller in crowd.callers]
    assert max(silence) < 2 * sum(silence) / len(silence)


def test_who_may_wait_for_ever_has_hardly_a_gap_at_any_demand() -> None:
    crowd = Crowd(people(1.5), 500, max_wait_s=math.inf)
    crowd.run()
    assert sum(crowd.gaps_s) < 0.005 * sum(caller.heard_s for caller in crowd.callers)
    assert max(crowd.waits_s) > MAX_WAIT_S


def test_who_has_audio_ahead_takes_no_time_from_those_who_are_about_to_run_dry() -> None:
    crowd = Crowd(people(0.6), 300)
    buffered = [Caller(crowd, playback_deadline=crowd.now + SINK_S - AHEAD_S) for _ in range(10)]
    for caller in buffered:
        crowd.join(caller, 5)
        caller.waits_since = None
    crowd.run()
    assert crowd.gaps_s == []
    assert max(crowd.waits_s) < 1.0
    assert [caller.gaps for caller in buffered] == [[]] * 10


def test_the_background_has_what_others_leave_and_takes_nothing_from_them() -> None:
    crowd = Crowd(people(0.8), 300)
    background = Caller(crowd, yields=True)
    crowd.join(background, 1000)
    crowd.run()
    assert crowd.gaps_s == []
    assert max(crowd.waits_s) < 1.0 + SERVICE_S
    assert background.heard_s > 100.0


@pytest.mark.parametrize("demand", [2.0, 4.0])
def test_engines_that_make_windows_together_carry_more(demand: float) -> None:
    crowd = Crowd(people(demand), 500, engines=[Engine(COSTS, 4), Engine(COSTS, 4)])
    crowd.run()
    assert max(crowd.waits_s) <= MAX_WAIT_S + 2 * SERVICE_S  # four windows at half their price
    if demand < 3.0:
        assert sum(crowd.gaps_s) < 0.001 * sum(caller.heard_s for caller in crowd.callers)
