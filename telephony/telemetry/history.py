"""What the counters did in the last minutes, for whoever looks at this service alone, without Prometheus.

Everything here belongs to the event loop of the doors.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import anyio

from telephony.telemetry.metrics import Metrics

STEP_S = 2.0
SPAN_S = 300.0


@dataclass(frozen=True)
class Bucket:
    """How many first audios took up to `up_to_s` seconds, and longer than the bucket before; None is without end."""

    up_to_s: float | None
    count: int


@dataclass(frozen=True)
class _Point:
    """The counters at a moment: `at_s` on the clock, `audio_s` made so far, first audios so far by bound in seconds."""

    at_s: float
    audio_s: float
    first_audios: dict[float, int]


class History:
    """Figures of the last `SPAN_S` seconds, one every `STEP_S`.

    Args:
        clock: seconds, monotonic; tests replace it.
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._points: deque[_Point] = deque([self._read()], maxlen=round(SPAN_S / STEP_S) + 1)

    async def record(self) -> None:
        """Samples for ever."""
        while True:
            await anyio.sleep(STEP_S)
            self.sample()

    def sample(self) -> None:
        """Notes how the counters stand now."""
        self._points.append(self._read())

    def throughput(self) -> list[float]:
        """Seconds of audio made in each second of a step, the oldest step first."""
        return [
            (now.audio_s - before.audio_s) / max(now.at_s - before.at_s, 1e-3)
            for before, now in itertools.pairwise(self._points)
        ]

    def first_audio(self) -> list[Bucket]:
        """How long the first audios of these minutes took, up to this moment; the shortest times first."""
        before, now = self._points[0].first_audios, self._read().first_audios
        buckets = []
        below = 0
        for bound, total in sorted(now.items()):
            up_to_here = total - before.get(bound, 0)
            buckets.append(Bucket(None if math.isinf(bound) else bound, up_to_here - below))
            below = up_to_here
        return buckets

    def _read(self) -> _Point:
        first_audios: dict[float, int] = {}
        for family in self._metrics.time_to_first_audio_s.collect():
            for sample in family.samples:
                if sample.name.endswith("_bucket"):
                    bound = float(sample.labels["le"])
                    first_audios[bound] = first_audios.get(bound, 0) + round(sample.value)
        audio_s = sum(
            sample.value
            for family in self._metrics.audio_s.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        )
        return _Point(self._clock(), audio_s, first_audios)
