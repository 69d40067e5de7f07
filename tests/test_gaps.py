"""Work in the gaps of speech, with a clock that only moves where somebody works or sleeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from telephony.engines.kokoro.gaps import QUIET_S, SHARE_OF_SPEECH, Gaps


class Day:
    """Time passes in steps of work, and in sleeps, in which `meanwhile` happens."""

    def __init__(self, meanwhile: Callable[[Gaps], None]) -> None:
        self.now = 100.0
        self.began: list[float] = []
        self.gaps = Gaps(lambda: self.now, self._sleep)
        self._meanwhile = meanwhile

    def steps(self, work_s: float) -> Iterator[None]:
        for _ in range(3):
            self.began.append(round(self.now - 100.0, 3))
            self.now += work_s
            yield

    def _sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += min(seconds, 0.1)
        self._meanwhile(self.gaps)


def test_where_nobody_speaks_the_steps_follow_each_other() -> None:
    day = Day(lambda gaps: None)
    day.gaps.run(day.steps(1.0))
    assert day.began == [0.0, 1.0, 2.0]


def test_after_speech_the_next_step_waits_for_the_quiet() -> None:
    day = Day(lambda gaps: None)
    day.gaps.rendered()
    day.gaps.run(day.steps(0.2))
    assert day.began == [0.0, QUIET_S, QUIET_S + 0.2]


def test_where_speech_never_ends_it_has_most_of_the_time() -> None:
    day = Day(Gaps.rendered)
    day.gaps.rendered()
    day.gaps.run(day.steps(0.4))
    pace_s = 0.4 * (1 + SHARE_OF_SPEECH)
    assert day.began == pytest.approx([0.0, pace_s, 2 * pace_s], abs=0.01)


def test_what_a_step_raises_ends_the_work() -> None:
    def broken() -> Iterator[None]:
        yield
        raise OSError

    with pytest.raises(OSError):
        Gaps().run(broken())
