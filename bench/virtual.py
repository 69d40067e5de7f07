"""Virtual time: an engine that is served by the real policy and admission, without threads and without making sound.

What windows cost is given as `Costs`. Everything happens in one thread, in the order of a `Clock`.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from telephony.scheduling.policy import Candidate, Decision, Policy

_A_MOMENT_S = 1e-6


class Clock:
    """What happens when, in seconds. Events of the same time happen in the order in which they were made."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, time_s: float, event: Callable[[], None]) -> None:
        """Something happens at that time, or now if that is over."""
        heapq.heappush(self._events, (time_s, next(self._numbers), event))

    def step(self) -> bool:
        """Lets the next event happen; False if there is none."""
        if not self._events:
            return False
        time_s, _, event = heapq.heappop(self._events)
        self.now = max(self.now, time_s)
        event()
        return True


@dataclass(frozen=True)
class Costs:
    """What the windows of an engine cost on average, in seconds of its time.

    Attributes:
        windows_s: the lengths of the first, the second and so on; all later ones are as long as the last.
        opening_s, opening_per_s: what a segment's first window costs beyond its sound; and for each second of it.
        window_s, window_per_s: what any window costs, and for each second of it.
        spread: so far from the mean, as a share of it, costs are at most.
    """

    windows_s: tuple[float, ...]
    opening_s: float
    opening_per_s: float
    window_s: float
    window_per_s: float
    spread: float = 0.3

    def opening(self, segment_s: float) -> float:
        """What the first window of a segment of that length costs beyond its sound."""
        return self.opening_s + self.opening_per_s * segment_s

    def window(self, length_s: float) -> float:
        """What a window of that length costs."""
        return self.window_s + self.window_per_s * length_s

    def segment(self, segment_s: float) -> float:
        """What all windows of a segment cost."""
        spent_s, made_s = self.opening(segment_s), 0.0
        while made_s < segment_s - _A_MOMENT_S:
            length_s = self.next_length_s(made_s, segment_s)
            spent_s += self.window(length_s)
            made_s += length_s
        return spent_s

    def next_length_s(self, made_s: float, segment_s: float) -> float:
        """How long the window is that comes after so much of a segment."""
        end_s = 0.0
        for length_s in itertools.chain(self.windows_s, itertools.repeat(self.windows_s[-1])):
            end_s += length_s
            if end_s > made_s + _A_MOMENT_S:
                break
        return min(end_s, segment_s) - made_s


@dataclass(frozen=True)
class Engine:
    """Makes windows together at half their price, where it makes several in one call."""

    costs: Costs
    max_batch: int = 1


@dataclass(eq=False)
class Text:
    """A text of one segment, `duration_s` long; what an engine makes of it is prepared by `ready_at`.

    `skipped_s`: at its beginning, which costs its share of the first window and is not made.
    """

    engine: Engine
    arrived_at: float
    duration_s: float
    size_bytes: int
    ready_at: float
    skipped_s: float = 0.0
    made_s: float = 0.0

    @property
    def next_window_s(self) -> float:
        """The length of its next window."""
        return self.engine.costs.next_length_s(self.made_s, self.duration_s - self.skipped_s)

    @property
    def next_cost_s(self) -> float:
        """What that costs on average."""
        costs = self.engine.costs
        opening_s = 0.0 if self.made_s else costs.opening(self.duration_s)
        return opening_s + costs.window(self.next_window_s)

    @property
    def complete(self) -> bool:
        """Whether all of it is made."""
        return self.made_s > self.duration_s - self.skipped_s - _A_MOMENT_S


class Listener(Candidate, Protocol):
    """Whose windows are made: a queue, as the policy knows it."""

    @property
    def room_at(self) -> float:
        """When its sink can take a window again."""
        ...

    def next_window(self) -> Text | None:
        """Of which text the next window is made; None while it is not prepared."""
        ...


_L = TypeVar("_L", bound=Listener)


class Machine(Generic[_L]):
    """One engine's time, which the policy gives to listeners.

    Args:
        clock: what happens when.
        policy: who is next.
        chance: of what windows cost.
        made: told of each window that is made: whose, of which text, its length, and its share of the engine's time.
        decided: told of each decision and of those it was made about.
    """

    def __init__(
        self,
        clock: Clock,
        policy: Policy,
        chance: random.Random,
        made: Callable[[_L, Text, float, float], None],
        decided: Callable[[Decision[_L], Collection[_L]], None] = lambda decision, active: None,
    ) -> None:
        self.active: dict[_L, None] = {}
        self.busy_s = 0.0
        self.stopped = False
        """It makes nothing more."""
        self._clock = clock
        self._policy = policy
        self._chance = chance
        self._made = made
        self._decided = decided
        self._rendering = False
        self._wake = 0

    def join(self, listener: _L, ready_at: float) -> None:
        """A listener has something to hear, which is prepared by then."""
        self.active[listener] = None
        if not listener.yields:
            self._policy.arrived(listener, self._clock.now)
        self._clock.at(ready_at, self.look)

    def silence(self, listener: _L) -> None:
        """A listener has nothing to hear any more, and hears nothing."""
        self.active.pop(listener, None)
        self._policy.silenced(listener)

    def look(self) -> None:
        """Has the next windows made, unless others are in work."""
        if self._rendering or self.stopped:
            return
        now = self._clock.now
        decision = self._policy.schedule(self.active, now)
        self._decided(decision, self.active)
        self._wake += 1
        if decision.batch:
            self._render(decision)
            return
        until = [listener.room_at + _A_MOMENT_S for listener in self.active if not listener.has_room()]
        if decision.wait_s is not None:
            until.append(now + decision.wait_s + _A_MOMENT_S)
        if until:
            number = self._wake
            self._clock.at(min(until), lambda: self.look() if number == self._wake else None)

    def _render(self, decision: Decision[_L]) -> None:
        work = [(each, text, text.next_window_s) for each in decision.batch if (text := each.next_window()) is not None]
        spread = work[0][1].engine.costs.spread
        costs_s = [text.next_cost_s * self._chance.uniform(1 - spread, 1 + spread) for _, text, _ in work]
        spent_s = max(*costs_s, sum(costs_s) / 2) if len(costs_s) > 1 else costs_s[0]
        self._rendering = True

        def end() -> None:
            self._rendering = False
            if self.stopped:
                return
            self.busy_s += spent_s
            self._policy.account(decision, spent_s, sum(length_s for _, _, length_s in work))
            for listener, text, length_s in work:
                self._made(listener, text, length_s, spent_s / len(work))
            self.look()

        self._clock.at(self._clock.now + spent_s, end)
