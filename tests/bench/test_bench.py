"""The benchmarks' arithmetic, their report and, with the real model, one short run. No test here asserts a time."""

from __future__ import annotations

import itertools
import json
import math
import platform
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import __main__ as latency
from bench import calls, report, texts
from bench.calls import Capacity, Outcome, Playback, ReferenceServer, largest
from bench.measure import Figures, Timing, medians, take_turns
from bench.product import Product
from bench.telephone import Arrival
from telephony.engines.tone import SECONDS_PER_CHARACTER, ToneEngine
from telephony.settings import Settings

pytestmark = pytest.mark.slow


def test_the_real_time_factor_is_waiting_by_audio() -> None:
    assert Timing(first_audio_s=0.5, total_s=1.0, audio_s=4.0).real_time_factor == 0.25


def test_medians_are_taken_of_each_figure_by_itself() -> None:
    timings = [Timing(0.1, 3.0, 1.0), Timing(0.3, 1.0, 1.0), Timing(0.2, 2.0, 1.0)]
    assert medians(timings) == Figures(0.2, 2.0, 1.0)
    assert medians(timings[:2]).first_audio_s == pytest.approx(0.2)


def test_speakers_alternate_and_the_first_round_does_not_count() -> None:
    spoken: list[str] = []

    def speaker(name: str) -> Iterator[Timing]:
        for count in itertools.count(1):
            spoken.append(name)
            yield Timing(count, count, 1.0)

    first, second = speaker("a"), speaker("b")
    timings = take_turns({"a": lambda text: next(first), "b": lambda text: next(second)}, "Hello.", 2)
    assert spoken == ["a", "b"] * 3
    assert [timing.total_s for timing in timings["a"]] == [2, 3]
    assert len(timings["b"]) == 2


def test_something_may_be_done_before_each_turn() -> None:
    done: list[str] = []

    def speak(text: str) -> Timing:
        done.append(text)
        return Timing(1.0, 1.0, 1.0)

    take_turns({"a": speak, "b": speak}, "Hello.", 1, lambda: done.append("before"))
    assert done == ["before", "Hello."] * 4


def test_a_table_is_aligned() -> None:
    rows = [("a", "1.5 s", ""), ("longer", "12.5 s", "0.50")]
    assert report.table(("name", "time", "ratio"), rows).splitlines() == [
        "name      time  ratio",
        "------  ------  -----",
        "a        1.5 s",
        "longer  12.5 s   0.50",
    ]


def test_the_latency_document_has_a_ratio_for_all_but_the_reference() -> None:
    results = {"word": {"reference": Figures(0.4, 0.3, 1.0), "reply": Figures(0.2, 0.15, 1.0)}}
    document = latency.assemble(Settings(), 5, results, {"reference": 100 * 2**20, "product": 50 * 2**20})
    word = document["texts"]["word"]
    assert word["reference"] == {"first_audio_s": 0.4, "real_time_factor": 0.3, "audio_s": 1.0}
    assert word["reply"]["first_audio_ratio"] == pytest.approx(0.5)
    assert word["reply"]["real_time_factor_ratio"] == pytest.approx(0.5)
    assert document["memory"] == {
        "reference": {"peak_bytes": 104857600},
        "product": {"peak_bytes": 52428800, "ratio": 0.5},
    }
    assert json.loads(json.dumps(document)) == document
    shown = latency.render(document)
    assert "0.400 s" in shown
    assert "100 MiB" in shown
    assert "does not tell" in latency.render({**document, "memory": {}})


def test_a_report_names_neither_the_machine_nor_its_paths(tmp_path: Path) -> None:
    facts = report.machine()
    assert facts["cores"] >= 1
    assert facts["torch_threads"] >= 1
    assert not any("/" in str(value) or str(value) == platform.node() for value in facts.values())
    target = report.save({"machine": facts}, tmp_path / "new" / "report.json", "latency")
    assert json.loads(target.read_text())["machine"] == facts


def test_a_report_without_a_file_goes_to_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS_DIR", tmp_path)
    target = report.save({}, None, "calls")
    assert target.parent == tmp_path
    assert target.name.startswith("calls-")


def test_the_texts_are_sentences_and_none_comes_twice() -> None:
    assert len(texts.ENGLISH) >= 60
    for sentences in (texts.ENGLISH, texts.PORTUGUESE, texts.SPANISH):
        assert len(set(sentences)) == len(sentences)
        assert all(sentence[-1] in ".?" for sentence in sentences)
    assert "." not in texts.LATENCY["long sentence"][:-1]


@pytest.mark.parametrize("most", range(10))
def test_the_largest_number_that_fits_is_found(most: int) -> None:
    tried: list[int] = []

    def fits(number: int) -> bool:
        tried.append(number)
        return number <= most

    assert largest(fits, 8) == min(most, 8)
    assert len(set(tried)) == len(tried)
    assert max(tried) <= 8


def test_audio_that_comes_in_time_is_no_underrun() -> None:
    playback = Playback(began_at_s=9.0)
    playback.hear(Arrival(10.0, 1.0))
    playback.hear(Arrival(10.5, 1.0))
    playback.hear(Arrival(12.0, 1.0))
    playback.end(12.5)
    assert (playback.underruns, playback.silence_s) == (0, 0.0)
    assert playback.first_at_s == 10.0


def test_late_audio_is_an_underrun_and_what_follows_plays_on() -> None:
    playback = Playback(began_at_s=9.0)
    playback.hear(Arrival(10.0, 1.0))
    playback.hear(Arrival(11.5, 1.0))
    playback.hear(Arrival(12.0, 1.0))
    playback.end(13.0)
    assert (playback.underruns, playback.silence_s) == (1, 0.5)


@pytest.mark.parametrize("heard", [[], [Arrival(10.0, 1.0)]])
def test_a_listener_left_without_audio_at_the_end_is_an_underrun(heard: list[Arrival]) -> None:
    playback = Playback(began_at_s=9.0)
    for arrival in heard:
        playback.hear(arrival)
    playback.end(20.0)
    assert playback.underruns == 1


def test_a_listener_who_is_kept_waiting_for_the_first_audio_is_not_served() -> None:
    playback = Playback(began_at_s=9.0)
    playback.hear(Arrival(9.1 + calls.MAX_FIRST_AUDIO_S, 60.0))
    playback.end(40.0)
    assert (playback.underruns, playback.silence_s) == (1, 0.0)


def test_the_calls_document_compares_the_two() -> None:
    found = {
        "reference": Capacity(2, [Outcome(2, 0, 0.0, 0.5), Outcome(4, 1, 0.1, None)]),
        "product": Capacity(8, [Outcome(8, 0, 0.0, 0.25)]),
    }
    document = calls.assemble(Settings(), 20.0, 8, found)
    assert document["ratio"] == 4.0
    assert json.loads(json.dumps(document)) == document
    assert "8  or more      0.250 s   4.00" in calls.render(document)


def test_no_ratio_to_a_reference_that_serves_nobody() -> None:
    silent = Capacity(0, [Outcome(1, 1, 0.1, None)])
    document = calls.assemble(Settings(), 20.0, 8, {"reference": silent, "product": Capacity(1, [])})
    assert document["ratio"] is None
    assert calls.render(document)


def test_the_product_is_heard_over_its_text_door() -> None:
    text = "Hello there, caller."
    for stream in (False, True):
        with Product(Settings(voice="tone"), ToneEngine(), stream=stream) as product:
            timing = product.time(text)
        assert timing.audio_s == pytest.approx(SECONDS_PER_CHARACTER * len(text))
        assert 0 < timing.first_audio_s <= timing.total_s


def test_every_listener_of_a_run_is_heard() -> None:
    durations_s = dict.fromkeys(["Good morning.", "Goodbye."], 0.4)
    with Product(Settings(voice="tone"), ToneEngine(), stream=True) as product:
        outcome = calls.listen(product.call, durations_s, 1.0, 3)
    assert outcome.calls == 3
    assert outcome.first_audio_s is not None


def test_listeners_of_an_engine_that_is_too_slow_run_dry() -> None:
    # The sleep is the slow device itself; nothing waits on it to be in step with something else.
    engine = ToneEngine(on_render=lambda text: time.sleep(0.3))
    text = "Good morning."
    with Product(Settings(voice="tone"), engine, stream=True) as product:
        found = calls.search("tone", product.call, {text: 0.65}, 5.0, 4)
    assert found.calls == 0
    assert all(run.underruns and run.calls == 1 for run in found.runs)


def test_the_reference_serves_in_order_of_arrival_and_skips_who_has_hung_up() -> None:
    spoken: list[str] = []

    class Plain:
        def speak(self, text: str, voice: str, on_audio: Callable[[float], object]) -> None:
            spoken.append(text)
            on_audio(0.5)

    server = ReferenceServer(Plain(), "af_sky")
    release = threading.Event()
    server.worker.submit(release.wait)
    lines = [server.connect() for _ in range(3)]
    for line, text in zip(lines, ("one", "two", "three"), strict=True):
        line.say(text)
    lines[1].close()
    release.set()
    server.worker.shutdown()
    assert spoken == ["one", "three"]
    arrivals = [line.receive(0) for line in lines]
    assert [arrival.duration_s if arrival else None for arrival in arrivals] == [0.5, None, 0.5]


@pytest.mark.model
@pytest.mark.timeout(1200)  # on a fresh machine the weights are fetched first
def test_a_short_run_gives_finite_figures(tmp_path: Path, kokoro_weights: object) -> None:
    target = tmp_path / "latency.json"
    assert latency.main(["--python", "--rounds", "1", "--texts", "word", "--json", str(target)]) == 0
    document = json.loads(target.read_text())
    assert document["texts"]["word"].keys() == {"reference", "reply", "stream"}
    figures = [*document["texts"]["word"].values(), *document["memory"].values()]
    numbers = [number for entry in figures for number in entry.values()]
    assert len(numbers) == 3 + 5 + 5 + 1 + 2
    assert all(math.isfinite(number) and number > 0 for number in numbers)
