"""`python -m bench.fleet --rooms 10 100 1000`: what many rooms do for many calls, in virtual time.

The rooms' policy and admission are the real ones, and so are the moments at which a door asks another room; the rest is
in `bench/fleet_rooms.py`. Windows cost what they do on two cores of a Xeon, or what `--costs FILE` says, which
`python -m bench.costs` writes.

Calls come at random, independently of each other. A call has some turns (geometric, two on average). In a turn the
agent says one to three segments of 1.5 to 4.5 s, each asked for when the one before has come, and when all is heard the
caller talks for half a second to four seconds and more (exponential beyond the half). `--load` is the share of the
rooms' time that all of this needs. Half of the calls are agents' sessions, which a door may refuse.

In the middle of a run a tenth of the rooms dies at once: their processes, whose connections break, or (`--silent`)
their machines, which Serve goes on listing for half a minute. Nothing replaces them. What is reported of the time
before is without the first half minute.
"""

from __future__ import annotations

import json
import math
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench import report
from bench.fleet_calls import Figures, Hearing, Script, arrivals, calls_per_s
from bench.fleet_rooms import Door, Room, SpokenSegment
from bench.virtual import Clock, Costs, Engine
from telephony.settings import Settings

COSTS = Costs((0.4, 0.8, 1.6), 0.030, 0.0165, 0.008, 0.024)
"""Kokoro's, to about a tenth: docs/performance.md has 18 ms for a window of 0.4 s, and 255 ms before those of 12 s."""
CALLS_PER_ROOM = 500
ROOMS_PER_DOOR = 10
WARM_UP_S = 30.0
AGENTS = 0.5
"""The share of the calls that are agents' sessions, where nobody says otherwise."""
LISTED_FOR_S = {False: 1.0, True: 30.0}
"""So long Serve lists rooms that have died, by whether they did so silently."""
BUCKET_S = 5.0
"""First audio after the death is looked at in steps of that."""
FIRST_AUDIO = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
"""What is told of it."""
NORMAL = 1.25
"""First audio is normal where its 95th percentile is at most so many times that of before."""


class Call:
    """One caller, from the first turn until he hangs up."""

    def __init__(self, door: Door, script: Script, figures: Figures) -> None:
        self._door = door
        self._figures = figures
        self._hearing = Hearing(figures)
        self._turns = iter(script.turns)
        self._segments: Iterator[float] = iter(())
        self._began_at = door.clock.now
        self._talks_s = 0.0
        self._turn()

    def _turn(self) -> None:
        turn = next(self._turns, None)
        now = self._door.clock.now
        if turn is None:
            self._figures.in_calls_s += now - self._began_at
            return
        segments, self._talks_s = turn
        self._segments = iter(segments)
        self._hearing.ask(now)
        self._say()

    def _say(self) -> None:
        length_s = next(self._segments, None)
        if length_s is not None:
            SpokenSegment(self._door, length_s, self._hearing.dry_at, self._hear, self._over)
            return
        silent_at = max(self._door.clock.now, self._hearing.dry_at)
        self._door.clock.at(silent_at + self._talks_s, self._turn)

    def _hear(self, length_s: float) -> None:
        self._hearing.hear(self._door.clock.now, length_s)

    def _over(self, spoken: bool) -> None:
        self._figures.given_up += not spoken
        self._say()


class Fleet:
    """Rooms, doors and callers.

    Args:
        rooms: how many.
        load: the share of the rooms' time that the callers need.
        calls: how many there are in all.
        dying: the share of the rooms that dies in the middle.
        silently: see `Room.die`.
        seed: of everything that is left to chance.
        agents: the share of the calls that are agents' sessions.
    """

    def __init__(
        self,
        rooms: int,
        load: float,
        calls: int,
        costs: Costs,
        *,
        dying: float,
        silently: bool,
        seed: int,
        agents: float = AGENTS,
    ) -> None:
        self.clock = Clock()
        self.figures = Figures()
        self.chance = random.Random(seed)
        engine = Engine(costs)
        self.rooms = [Room(self.clock, engine, self.chance, Settings.max_wait_s) for _ in range(rooms)]
        self._listed = list(self.rooms)
        doors = math.ceil(rooms / ROOMS_PER_DOOR)
        self._doors = [Door(self.clock, self._listed, self.chance) for _ in range(doors)]
        rate = calls_per_s(load * rooms, costs)
        self._arrivals = arrivals(rate, calls, seed)
        self.ends_at = calls / rate
        self.dies_at = self.ends_at / 2
        self.before: tuple[float, float] = (0.0, 0.0)
        """Between the warm-up and the death: how long engines worked, and how much speech was heard, in seconds."""
        self._agents = agents
        self._dying = round(dying * rooms)
        self._silently = silently
        self._next_call()
        self.clock.at(WARM_UP_S, self._warm)
        self.clock.at(self.dies_at, self._die)

    def run(self) -> None:
        """Until the last call is over."""
        while self.clock.step():
            pass

    def _done(self) -> tuple[float, float]:
        """How long engines have worked so far, and how much speech was heard, in seconds."""
        return sum(room.machine.busy_s for room in self.rooms), self.figures.speech_s

    def _next_call(self) -> None:
        if (call := next(self._arrivals, None)) is not None:
            at_s, script = call
            self.clock.at(at_s, partial(self._call, script))

    def _call(self, script: Script) -> None:
        self._next_call()
        door = self.chance.choice(self._doors)
        if self.chance.random() < self._agents:
            self.figures.sessions += 1
            if door.predicted_s() > Settings.max_first_audio_s:
                self.figures.refused += 1
                return
        Call(door, script, self.figures)

    def _warm(self) -> None:
        self.before = self._done()

    def _die(self) -> None:
        busy_s, speech_s = self._done()
        self.before = busy_s - self.before[0], speech_s - self.before[1]
        dead = self.chance.sample(self.rooms, self._dying)
        for room in dead:
            room.die(silently=self._silently)
        self.clock.at(self.clock.now + LISTED_FOR_S[self._silently], partial(self._unlist, dead))

    def _unlist(self, dead: Sequence[Room]) -> None:
        self._listed[:] = [room for room in self._listed if room not in dead]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies; not a number of none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else math.nan


def simulate(
    rooms: int, load: float, calls: int, costs: Costs, *, dying: float, silently: bool, seed: int
) -> dict[str, Any]:
    """One run, as a part of the JSON document."""
    fleet = Fleet(rooms, load, calls, costs, dying=dying, silently=silently, seed=seed)
    if fleet.dies_at <= WARM_UP_S:
        raise ValueError("so few calls are over before the warm-up ends")
    began_s = time.process_time()
    fleet.run()
    spent_s = time.process_time() - began_s
    figures, dies_at = fleet.figures, fleet.dies_at
    before = figures.between(WARM_UP_S, dies_at)
    waits_s = [wait_s for _, wait_s in before.waits]
    gaps_s = [gap_s for _, gap_s in before.gaps]
    busy_s, speech_s = fleet.before
    hours = speech_s / 3600
    return {
        "rooms": rooms,
        "load": load,
        "calls": calls,
        "virtual_s": fleet.ends_at,
        "processor_s": spent_s,
        "calls_per_room": figures.in_calls_s / fleet.ends_at / rooms,
        "utilisation": busy_s / rooms / (dies_at - WARM_UP_S),
        "sessions": figures.sessions,
        "refused": figures.refused,
        "given_up": figures.given_up,
        "first_audio_s": {name: percentile(waits_s, share) for name, share in FIRST_AUDIO.items()},
        "gaps_per_hour": len(gaps_s) / hours,
        "gap_s_per_hour": sum(gaps_s) / hours,
        "death": _death(figures, fleet, percentile(waits_s, 0.95), len(gaps_s) / (dies_at - WARM_UP_S)),
    }


def _death(figures: Figures, fleet: Fleet, p95_s: float, gaps_per_s: float) -> dict[str, Any]:
    """What was heard of it: in steps of `BUCKET_S`, and in the half minute after it."""
    dies_at, ends_at = fleet.dies_at, fleet.ends_at
    steps = [
        percentile([wait_s for _, wait_s in figures.between(at, at + BUCKET_S).waits], 0.95)
        for at in (dies_at + number * BUCKET_S for number in range(int((ends_at - dies_at) / BUCKET_S)))
    ]
    normal = [each <= NORMAL * p95_s for each in steps]
    recovered = next((number for number in range(len(steps)) if all(normal[number : number + 3])), None)
    soon = [gap_s for _, gap_s in figures.between(dies_at, dies_at + 30).gaps]
    late = [wait_s for _, wait_s in figures.between((dies_at + ends_at) / 2, ends_at).waits]
    return {
        "normal_after_s": None if recovered is None else recovered * BUCKET_S,
        "p95_s": steps,
        "worst_p95_s": max(steps),
        "gaps_in_30_s": len(soon),
        "gaps_expected": gaps_per_s * 30,
        "gap_s_in_30_s": sum(soon),
        "longest_gap_s": max(soon, default=0.0),
        "p95_late_s": percentile(late, 0.95),
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as tables for people."""
    rows, deaths = [], []
    for run in document["runs"]:
        name = (str(run["rooms"]), f"{run['load']:.2f}", f"{run['calls_per_room']:.1f}")
        first, death = run["first_audio_s"], run["death"]
        normal = death["normal_after_s"]
        rows.append(
            (
                *name,
                f"{run['utilisation']:.2f}",
                *(f"{first[share]:.3f} s" for share in FIRST_AUDIO),
                f"{run['gaps_per_hour']:.2f}",
                f"{run['gap_s_per_hour']:.2f} s",
                f"{run['refused']} of {run['sessions']}",
                f"{run['processor_s']:.0f} s",
            )
        )
        deaths.append(
            (
                *name,
                "never" if normal is None else f"{normal:.0f} s",
                f"{death['worst_p95_s']:.3f} s",
                f"{death['p95_late_s']:.3f} s",
                f"{death['gaps_in_30_s']} ({death['gaps_expected']:.0f})",
                f"{death['longest_gap_s']:.2f} s",
                str(run["given_up"]),
            )
        )
    common = ("rooms", "load", "calls a room")
    before = report.table((*common, "busy", *FIRST_AUDIO, "gaps an hour", "in all", "refused", "computed in"), rows)
    after = report.table(
        (*common, "normal after", "worst p95", "p95 late", "gaps in 30 s (before)", "longest", "given up"), deaths
    )
    return f"{before}\n\nA tenth dies:\n\n{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.fleet", __doc__)
    parser.add_argument("--rooms", type=int, nargs="+", default=[10, 100], help="of each run (default 10 100)")
    parser.add_argument("--load", type=float, nargs="+", default=[0.7], help="of each run (default 0.7)")
    parser.add_argument("--calls-per-room", type=int, default=CALLS_PER_ROOM, help=f"in all (default {CALLS_PER_ROOM})")
    parser.add_argument("--dying", type=float, default=0.1, help="share of the rooms (default 0.1)")
    parser.add_argument("--silent", action="store_true", help="machines die, not processes")
    parser.add_argument("--costs", type=Path, metavar="FILE", help="what bench.costs has written")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    costs = COSTS
    if options.costs is not None:
        measured = json.loads(options.costs.read_text(encoding="utf-8"))["costs"]
        costs = Costs(**{**measured, "windows_s": tuple(measured["windows_s"])})
    runs = []
    for rooms in options.rooms:
        for load in options.load:
            calls = rooms * options.calls_per_room
            runs.append(
                simulate(rooms, load, calls, costs, dying=options.dying, silently=options.silent, seed=options.seed)
            )
            print(f"{rooms} rooms, load {load}: {runs[-1]['processor_s']:.0f} s", file=sys.stderr)
    document = {"benchmark": "fleet", "seed": options.seed, "silent": options.silent, "dying": options.dying}
    document["runs"] = runs
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'fleet')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
