"""Many rooms in virtual time: the same for a seed, and what is known of queues comes out of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from bench import costs as measured_costs
from bench import fleet, plot
from bench.costs import Window
from bench.fleet_calls import Script, arrivals, calls_per_s
from bench.virtual import Clock, Costs, Engine, Text
from telephony.engines.cluster.streams import ACCEPTED_WITHIN_S

ONE_WINDOW = Costs((10.0,), 0.0, 0.0, 0.0, 0.1, spread=0.0)
"""A segment is one window, which takes a tenth of its length."""


def test_events_happen_in_the_order_of_their_times() -> None:
    clock, happened = Clock(1.0), []
    for time_s, name in ((3.0, "c"), (2.0, "a"), (2.0, "b"), (0.5, "at once")):
        clock.at(time_s, lambda name=name: happened.append((clock.now, name)))  # type: ignore[misc]
    while clock.step():
        pass
    assert happened == [(1.0, "at once"), (2.0, "a"), (2.0, "b"), (3.0, "c")]


def test_what_is_skipped_of_a_text_is_not_made_and_its_prosody_is() -> None:
    costs = Costs((0.4, 0.8), 0.5, 0.1, 0.0, 1.0)
    text = Text(Engine(costs), 0.0, 3.0, 48, 0.0, skipped_s=2.0)
    assert [text.next_window_s, text.next_cost_s] == pytest.approx([0.4, 0.5 + 0.3 + 0.4])
    text.made_s = 0.4
    assert [text.next_window_s, text.next_cost_s] == pytest.approx([0.6, 0.6])
    text.made_s = 1.0
    assert text.complete
    assert costs.segment(2.0) == pytest.approx(0.5 + 0.2 + 2.0)


def test_costs_are_what_explains_the_windows() -> None:
    known = Costs((0.4, 0.8, 1.6), 0.03, 0.02, 0.01, 0.05, spread=0.0)

    def windows(segment_s: float) -> list[Window]:
        made_s, found = 0.0, []
        while made_s < segment_s - 1e-6:
            length_s = known.next_length_s(made_s, segment_s)
            opening_s = 0.0 if made_s else known.opening(segment_s)
            found.append(Window(length_s, made_s, opening_s + known.window(length_s)))
            made_s += length_s
        return found

    fitted = measured_costs.fit([windows(segment_s) for segment_s in (1.0, 3.1, 4.0, 7.0)])
    assert fitted.windows_s == known.windows_s
    assert dataclasses.astuple(fitted)[1:] == pytest.approx(dataclasses.astuple(known)[1:], abs=1e-6)


def test_of_windows_that_were_made_several_times_the_median_counts() -> None:
    rounds = [[Window(0.4, 0.0, spent_s), Window(0.8, 0.4, 0.1)] for spent_s in (0.3, 9.0, 0.2)]
    assert measured_costs.typical(rounds) == [Window(0.4, 0.0, 0.3), Window(0.8, 0.4, 0.1)]


def test_calls_need_the_share_of_an_engine_that_was_asked_for() -> None:
    rate = calls_per_s(0.6, ONE_WINDOW)
    calls = list(arrivals(rate, 4000, seed=1))
    assert calls == list(arrivals(rate, 4000, seed=1)) != list(arrivals(rate, 4000, seed=2))
    needed_s = sum(ONE_WINDOW.segment(segment_s) for _, script in calls for segment_s in script.segments)
    assert needed_s / calls[-1][0] == pytest.approx(0.6, rel=0.05)


def simulate(load: float, calls: int = 300, seed: int = 0) -> dict[str, Any]:
    run = fleet.simulate(2, load, calls, fleet.COSTS, dying=0.0, silently=False, seed=seed)
    del run["processor_s"]
    return run


def test_rooms_that_have_time_are_early_and_have_no_gaps_and_refuse_nobody() -> None:
    run = simulate(0.5)
    assert run["utilisation"] == pytest.approx(0.5, abs=0.15)
    assert run["first_audio_s"]["p50"] < run["first_audio_s"]["p95"] < 0.5
    assert (run["gaps_per_hour"], run["refused"], run["given_up"]) == (0.0, 0, 0)
    assert run == simulate(0.5) != simulate(0.5, seed=1)


def test_rooms_that_have_no_time_keep_newcomers_waiting_and_refuse_sessions() -> None:
    run = simulate(1.5, calls=500)
    assert run["utilisation"] > 0.9
    assert run["first_audio_s"]["p95"] > 2.0
    assert run["refused"] > 0.1 * run["sessions"]


@pytest.mark.parametrize("silently", [False, True])
def test_whoever_a_dead_room_spoke_to_hears_all_of_it_from_another(silently: bool) -> None:
    found = fleet.Fleet(4, 0.4, 200, fleet.COSTS, dying=0.25, silently=silently, seed=0)
    found.run()
    said_s = sum(sum(script.segments) for _, script in arrivals(calls_per_s(4 * 0.4, fleet.COSTS), 200, 0))
    assert found.figures.given_up == found.figures.refused == 0
    assert found.figures.speech_s == pytest.approx(said_s)
    (dead,) = [room for room in found.rooms if not room.alive]
    assert dead.machine.busy_s < 0.8 * mean(room.machine.busy_s for room in found.rooms if room is not dead)


def test_a_room_that_dies_silently_is_noticed_by_the_silence() -> None:
    late = {}
    for silently in (False, True):
        found = fleet.Fleet(4, 0.4, 200, fleet.COSTS, dying=0.25, silently=silently, seed=0)
        found.run()
        late[silently] = max(wait_s for _, wait_s in found.figures.between(found.dies_at, found.dies_at + 30).waits)
    assert late[True] > late[False] + ACCEPTED_WITHIN_S / 2


def test_results_become_tables_and_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "fleet.json"
    arguments = ["--rooms", "1", "2", "--load", "0.4", "--calls-per-room", "80", "--json", str(path)]
    assert fleet.main(arguments) == 0
    document = json.loads(path.read_text(encoding="utf-8"))
    assert [(run["rooms"], run["load"]) for run in document["runs"]] == [(1, 0.4), (2, 0.4)]
    assert "A tenth dies" in fleet.render(document)
    assert plot.main([str(path), "--out", str(tmp_path)]) == 0
    assert (tmp_path / "fleet.svg").exists()


def test_a_call_has_turns_of_segments_and_pauses() -> None:
    scripts = [script for _, script in arrivals(1.0, 2000, seed=0)]
    assert mean(len(script.turns) for script in scripts) == pytest.approx(2.0, rel=0.1)
    assert {len(segments) for script in scripts for segments, _ in script.turns} == {1, 2, 3}
    assert all(talks_s >= 0.5 for script in scripts for _, talks_s in script.turns)
    assert isinstance(scripts[0], Script)
