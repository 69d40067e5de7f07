"""The benchmarks of a service in use, run on the tone engine: they measure what they say. No test asserts a time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench import busy, doors, growth, plot
from bench.product import Product
from telephony.engines.tone import ToneEngine
from telephony.settings import Settings

pytestmark = pytest.mark.slow


def test_first_audio_is_measured_idle_and_busy_in_turn() -> None:
    with Product(Settings(), ToneEngine(), stream=True) as product:
        found = busy.first_audio(product, others=2, rounds=3)
    assert [len(found[name]) for name in ("idle", "busy")] == [3, 3]
    assert all(value > 0 for values in found.values() for value in values)


def test_the_others_are_in_mid_speech_from_entry_to_exit() -> None:
    spoken: list[str] = []
    with Product(Settings(), ToneEngine(on_prepare=spoken.append), stream=True) as product:
        with busy.speaking(product, calls=3):
            assert len({text[:10] for text in spoken}) >= 3
        product.time("The next one.")


def test_a_barge_in_is_timed_to_the_last_byte_of_the_old_speech() -> None:
    found = busy.cancel_to_silence(Settings(), ToneEngine(window_s=0.05), rounds=2)
    assert len(found) == 2
    assert all(value >= 0 for value in found)


def test_figures_of_a_busy_service_are_medians_and_their_ratio() -> None:
    document = busy.assemble(Settings(), 4, {"idle": [0.1, 0.2, 9.0], "busy": [0.3, 0.3, 0.3]}, [0.0, 0.02, 0.01])
    assert document["first_audio_s"]["ratio"] == pytest.approx(1.5)
    assert document["cancel_to_silence_s"]["max"] == 0.02
    assert "4 others" in busy.render(document)


def test_random_utterances_have_random_lengths_and_are_the_same_for_a_seed() -> None:
    texts = list(growth.utterances(300, seed=7))
    assert texts == list(growth.utterances(300, seed=7))
    lengths = [len(text.split()) for text in texts]
    assert min(lengths) == 1
    assert max(lengths) > 25
    assert len(set(lengths)) > 15


@pytest.mark.parametrize(("resident", "expected"), [([500, 100] + [100] * 18, 0.0), ([100] * 18 + [150, 150], 0.5)])
def test_growth_counts_after_the_warm_up(resident: list[int], expected: float) -> None:
    assert growth.growth(resident) == pytest.approx(expected)


def test_memory_is_read_while_a_service_speaks() -> None:
    resident = growth.measure(Settings(engine="tone"), count=6, every=2, seed=1)
    assert len(resident) == 3
    assert all(value > 2**20 for value in resident)


def test_every_door_is_timed_fresh_and_out_of_the_cache() -> None:
    settings = Settings(engine="tone")
    found = doors.measure(settings, "Hello there.", rounds=2)
    stores = {"files", "redis"} if shutil.which("redis-server") else {"files"}
    assert set(found) == {"fresh", *stores}
    assert set(found["fresh"]) > {doors.ENGINE, "telephone", "session WebSocket", "sentence WebSocket", "gateway"}
    for timings in found.values():
        assert all(len(values) == 2 and min(values) > 0 for values in timings.values())
        assert set(timings) >= found["fresh"].keys() - {doors.ENGINE}
    shown = doors.render(doors.assemble(settings, "Hello there.", found))
    assert "from files, worst" in shown
    assert "required are 10 ms" in shown


def test_results_become_pictures(tmp_path: Path) -> None:
    speakers = {
        side: {"audio_s": 2.0, "first_audio_s": first}
        for side, first in (("reference", 1.0), ("reply", 0.4), ("stream", 0.1))
    }
    for name, document in {
        "latency": {"benchmark": "latency", "texts": {"word": speakers}},
        "growth": {"benchmark": "growth", "every": 20, "resident_bytes": [2**30, 2**30 + 1]},
    }.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        assert plot.main([str(path), "--out", str(tmp_path)]) == 0
        assert (tmp_path / f"{name}.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_what_has_no_picture_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "calls.json"
    path.write_text('{"benchmark": "calls"}', encoding="utf-8")
    with pytest.raises(SystemExit):
        plot.main([str(path)])
    assert "no picture of 'calls'" in capsys.readouterr().err
