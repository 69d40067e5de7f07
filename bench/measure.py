"""What is measured, and how several ways of speaking take turns at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Timing:
    """One text, spoken once: seconds from its sending to the first and to the last audio, and seconds of audio."""

    first_audio_s: float
    total_s: float
    audio_s: float

    @property
    def real_time_factor(self) -> float:
        """Seconds of waiting for each second of audio; under 1 is faster than speech."""
        return self.total_s / self.audio_s


Speaker = Callable[[str], Timing]
"""Speaks one text from beginning to end, measuring it."""


@dataclass(frozen=True)
class Figures:
    """Medians over the rounds: seconds to the first audio, real-time factor (no unit), seconds of audio."""

    first_audio_s: float
    real_time_factor: float
    audio_s: float


def take_turns(
    speakers: Mapping[str, Speaker], text: str, rounds: int, before: Callable[[], object] = lambda: None
) -> dict[str, list[Timing]]:
    """Each speaker's timings of a text, `rounds` of them, after one round that does not count.

    The speakers alternate (A B A B), so that a machine that slows down for a while slows down all of them. `before` is
    called before each of them speaks.
    """
    timings: dict[str, list[Timing]] = {name: [] for name in speakers}
    for counted in (False, *(True,) * rounds):
        for name, speak in speakers.items():
            before()
            timing = speak(text)
            if counted:
                timings[name].append(timing)
    return timings


def medians(timings: Sequence[Timing]) -> Figures:
    """The median of each figure over at least one timing."""
    return Figures(
        median(timing.first_audio_s for timing in timings),
        median(timing.real_time_factor for timing in timings),
        median(timing.audio_s for timing in timings),
    )
