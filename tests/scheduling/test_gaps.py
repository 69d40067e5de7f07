"""Callers on a machine that carries about twelve, in made-up time: who was admitted has no gap.

What windows cost is as it was measured with Kokoro: the first one of a sentence costs the prosody of all of it, later
ones are longer, and each takes up to a third more or less than on average.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from telephony.engines.base import Utterance
from telephony.engines.tone import SECONDS_PER_CHARACTER, ToneEngine, ToneUtterance
from telephony.scheduling.queues import ListenerQueue, Request, Window
from telephony.speech import Samples, Segment
from telephony.telemetry.metrics import Metrics
from tests.scheduling.test_scheduler import PatientScheduler

LONG_S = 60.0
"""Until a test that hangs fails."""
CALLS_S = 100.0
"""So long somebody may call."""
WINDOWS_S = (0.8, 1.6, 3.2)
"""The first, the second and any later window of a sentence."""
SLOWNESS = 1.35
"""Makes the realtime factor 0.076, of which the machine carries 0.9 / 0.076 = 11.8."""
SINK_S = 60.0
WARM_UP_S = 10.0
BEGINS_AT = 1000.0


class Time(threading.Condition):
    """A clock, and a condition in which the scheduler waits until the next call comes, without waiting."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self.now = BEGINS_AT
        self._crowd = crowd

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        wakes_at = self.now + (math.inf if timeout is None else timeout)
        wakes_at = min(wakes_at, self._crowd.next_call_at)
        if threading.current_thread().name != "scheduler" or self._crowd.prepares or wakes_at == math.inf:
            return super().wait(timeout)
        self.now = max(self.now, wakes_at)
        self._crowd.let_in()
        return True


@dataclass(frozen=True)
class CostlyEngine(ToneEngine):
    """Silence, in windows that take their time."""

    max_batch: int = 1
    crowd: Crowd = field(kw_only=True)

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        (utterance,) = batch
        assert isinstance(utterance, ToneUtterance)
        count = self.crowd.spend(utterance)
        utterance.position += count
        utterance.samples_left -= count
        return [np.zeros(count, np.float32)]


class Ear:
    """One call's listener, who plays what comes from the first window on, and calls again when he has heard all."""

    def __init__(self, crowd: Crowd, asked_at: float, texts: int) -> None:
        self.first_audio_s = math.inf
        self.gaps: list[float] = []
        self._crowd = crowd
        self._asked_at = asked_at
        self._texts = texts
        self._runs_dry_at = 0.0

    def has_room(self) -> bool:
        return self._runs_dry_at - self._crowd.time.now < SINK_S

    def deliver(self, window: Window) -> None:
        now = self._crowd.time.now
        if self.first_audio_s == math.inf:
            self.first_audio_s = now - self._asked_at
        elif now > self._runs_dry_at + 1e-6:
            self.gaps.append(now - self._runs_dry_at)
        self._runs_dry_at = max(now, self._runs_dry_at) + window.duration_s
        self._texts -= window.end_of_text
        if not self._texts:
            self._crowd.hung_up(self._runs_dry_at)


class Crowd:
    """So many people who call again and again, and hear `texts` sentences in each call."""

    def __init__(self, people: int, texts: Sequence[int], seed: int) -> None:
        self.time = Time(self)
        self.ears: list[Ear] = []
        self.busy_s = 0.0
        self._chance = random.Random(seed)
        self._texts = texts
        self._scheduler = PatientScheduler(Metrics(), self.time)
        self._scheduler.changed = self.time
        self._engine = CostlyEngine(crowd=self)
        self._ends_at = self.time.now + CALLS_S
        # One alone, so that it is known what speech costs.
        at_once = (self.time.now + WARM_UP_S + self._chance.uniform(0.0, 4.0) for _ in range(people - 1))
        self._coming = [self.time.now, *at_once]
        heapq.heapify(self._coming)
        self._calling = people
        self._over = threading.Event()

    def run(self) -> None:
        """From the first call to the last."""
        self._scheduler.start()
        try:
            assert self._over.wait(LONG_S)
        finally:
            self._scheduler.stop()

    @property
    def next_call_at(self) -> float:
        return self._coming[0] if self._coming else math.inf

    @property
    def prepares(self) -> bool:
        """Whether a segment is on its way to the engine."""
        return any(map(self._scheduler._is_coming, self._scheduler._active))

    def let_in(self) -> None:
        """Those whose time has come call."""
        while self.next_call_at <= self.time.now:
            self._call(heapq.heappop(self._coming))

    def spend(self, utterance: ToneUtterance) -> int:
        """The time of an utterance's next window passes; how many samples that has."""
        whole_s = (utterance.position + utterance.samples_left) / self._engine.sample_rate
        ends = itertools.accumulate(itertools.chain(WINDOWS_S, itertools.repeat(WINDOWS_S[-1])))
        at_s = utterance.position / self._engine.sample_rate
        end_s = next(end for end in ends if end > at_s + 1e-6)
        prosody_s = 0.030 + 0.0165 * whole_s if utterance.position == 0 else 0.0
        spent_s = (prosody_s + 0.008 + 0.024 * (end_s - at_s)) * SLOWNESS * self._chance.uniform(0.7, 1.3)
        self.time.now += spent_s
        self.busy_s += spent_s
        self.let_in()
        return min(utterance.samples_left, round((end_s - at_s) * self._engine.sample_rate))

    def hung_up(self, at: float) -> None:
        """A caller has heard all by then."""
        calls_at = at + self._chance.uniform(0.0, 1.0)
        if calls_at < self._ends_at:
            heapq.heappush(self._coming, calls_at)
        else:
            self._calling -= 1
            if not self._calling:
                self._over.set()

    def _call(self, at: float) -> None:
        texts = self._chance.choice(self._texts)
        ear = Ear(self, at, texts)
        self.ears.append(ear)
        queue: ListenerQueue = self._scheduler.open_queue(ear, 1_000_000, "telephone")
        for _ in range(texts):
            length_s = (
                self._chance.uniform(1.5, 4.5) if self._chance.random() < 0.8 else self._chance.uniform(8.0, 11.0)
            )
            text = "x" * round(length_s / SECONDS_PER_CHARACTER)
            queue.put(Request(iter([Segment(text)]), self._engine, "tone", 1.0, 0, len(text), arrived_at=at))


@pytest.mark.slow
@pytest.mark.parametrize(("people", "texts"), [(10, (1, 2, 3)), (14, (1, 2, 3)), (14, (3, 5, 8)), (20, (3, 5, 8))])
def test_who_was_admitted_has_no_gap(people: int, texts: Sequence[int]) -> None:
    crowd = Crowd(people, texts, seed=people)
    crowd.run()
    assert [ear.gaps for ear in crowd.ears] == [[]] * len(crowd.ears)
    assert len(crowd.ears) > 50
    if people > 10:
        assert crowd.busy_s > 0.85 * (crowd.time.now - BEGINS_AT), "places were left empty"
