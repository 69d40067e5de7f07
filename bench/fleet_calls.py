"""Calls to many rooms: when they come, what is said in them, and what is heard. The same for a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import mean

from bench.virtual import Costs

_SAMPLE = 5_000


@dataclass(frozen=True)
class Script:
    """What is said in a call: the lengths of each turn's segments, and how long the caller talks after each."""

    turns: Sequence[tuple[Sequence[float], float]]

    @staticmethod
    def draw(chance: random.Random) -> Script:
        """One, by chance: see `python -m bench.fleet --help`."""

        def turns() -> Iterator[tuple[Sequence[float], float]]:
            while True:
                segments = [chance.uniform(1.5, 4.5) for _ in range(chance.choice((1, 1, 2, 3)))]
                yield segments, 0.5 + chance.expovariate(1 / 3.5)
                if chance.random() < 0.5:
                    return

        return Script(list(turns()))

    @property
    def segments(self) -> list[float]:
        """The lengths of all of them."""
        return [length for segments, _ in self.turns for length in segments]


def calls_per_s(load: float, costs: Costs) -> float:
    """How many calls come in a second that need that share of one engine's time, on average."""
    scripts = (Script.draw(random.Random(number)) for number in range(_SAMPLE))
    return load / mean(sum(map(costs.segment, script.segments)) for script in scripts)


def arrivals(rate: float, count: int, seed: int) -> Iterator[tuple[float, Script]]:
    """When so many calls come, `rate` in a second, each at random; and what is said in them."""
    chance, at_s = random.Random(f"calls {seed}"), 0.0
    for _ in range(count):
        at_s += chance.expovariate(rate)
        yield at_s, Script.draw(chance)


@dataclass
class Figures:
    """What was heard. `waits` and `gaps`: when, and for how long, in seconds."""

    waits: list[tuple[float, float]] = field(default_factory=list)
    gaps: list[tuple[float, float]] = field(default_factory=list)
    speech_s: float = 0.0
    in_calls_s: float = 0.0
    sessions: int = 0
    refused: int = 0
    given_up: int = 0

    def between(self, begins_at: float, ends_at: float) -> Figures:
        """Its waits and gaps of that time."""

        def within(values: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
            return [value for value in values if begins_at <= value[0] < ends_at]

        return Figures(within(self.waits), within(self.gaps))


class Hearing:
    """What one caller hears, who plays what comes from the first window on."""

    def __init__(self, figures: Figures) -> None:
        self.dry_at = 0.0
        """When all that has come will have been heard."""
        self._figures = figures
        self._asked_at: float | None = None

    def ask(self, now: float) -> None:
        """A turn begins."""
        self._asked_at = now

    def hear(self, now: float, length_s: float) -> None:
        """Some audio has come."""
        if self._asked_at is not None:
            self._figures.waits.append((self._asked_at, now - self._asked_at))
            self._asked_at = None
        elif now > self.dry_at + 1e-6:
            self._figures.gaps.append((now, now - self.dry_at))
        self.dry_at = max(now, self.dry_at) + length_s
        self._figures.speech_s += length_s
