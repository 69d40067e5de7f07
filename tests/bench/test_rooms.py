"""The benchmark of rooms, and the tone engine that takes its time for it."""

from __future__ import annotations

import time

import pytest

from bench import rooms
from telephony.engines import catalog
from telephony.settings import parse


def test_a_paced_tone_engine_sleeps_for_what_it_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    engine = catalog.load_main(parse(["--engine=tone", "--tone-realtime-factor=0.5"], {}).settings)
    utterance = engine.prepare("x" * 40, "tone", 1.0, False)
    while not utterance.finished:
        engine.render([utterance])
    assert slept == pytest.approx([0.4, 0.4, 0.2])


@pytest.mark.parametrize(
    ("cores", "ways"),
    [
        (1, [(0, 1), (1, 1)]),
        (2, [(0, 2), (1, 2), (2, 1)]),
        (6, [(0, 6), (1, 4), (3, 2), (6, 1)]),
    ],
)
def test_the_grid_has_every_way_to_fill_the_cores(cores: int, ways: list[tuple[int, int]]) -> None:
    assert rooms.grid(cores) == ways


def test_paced_rooms_are_compared_with_as_many_times_one() -> None:
    eight = {"speech_per_second": 30.4, "ratio": 0.95, "cores_used": 1.5}
    assert rooms.render_paced({"rooms": {"8": eight}}).splitlines()[-1].split() == ["8", "30.40", "0.950", "1.50"]
