"""What a first caller waits for, and what a service takes of a machine: measured on sines, and reckoned on figures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench import cast, cold, footprint, processes
from bench.cold import Wait
from bench.footprint import Footprint, Memory, Start
from telephony.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def tone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Services that are started play sines, and load no other engine behind their start."""
    monkeypatch.setenv("KOKORO_ENGINE", "tone")
    monkeypatch.setenv("KOKORO_PIPER", "external")


def test_a_plan_has_each_voice_once_and_languages_in_turn() -> None:
    known = [f"{letter}f_{number}" for letter in "abef" for number in range(10)]
    blended = {name for blend in cast.BLENDS for name in blend.replace("*0.6", "").split("+")}
    planned = cold.plan([*known, *(name.partition("*")[0] for name in blended)], "af_sky")
    assert [len(planned.voices), len(planned.blends), len(planned.at_once)] == [20, 5, 6]
    everybody = [*planned.voices, *planned.blends, *planned.at_once]
    assert len(set(everybody)) == len(everybody)
    assert "af_sky" not in everybody
    assert {cast.language_of(voice) for voice in planned.voices[:4]} == set("abef")
    assert sum("+" in voice for voice in planned.at_once) == 2


def test_a_service_with_few_voices_has_a_short_plan() -> None:
    assert cold.plan(["af_sky", "am_michael"], "af_sky") == cold.Plan(["am_michael"], [], [])


def test_figures_are_ratios_to_the_warm_voice_and_errors_are_counted() -> None:
    found = {
        "first text": [Wait("af_sky", 0.3)],
        "warm": [Wait("af_sky", seconds) for seconds in (0.1, 0.2, 0.3)],
        "voices": [Wait("am_adam", 0.2), Wait("am_puck", 0.4)],
        "blends": [Wait("am_adam+am_puck", 0.6)],
        "at once": [Wait("bf_emma", None, "busy"), Wait("bf_lily", None, "busy")],
    }
    document = cold.assemble(Settings(), 8.0, found)
    assert document["steps"]["one by one"]["first_audio"] == {
        "median": {"seconds": 0.4, "ratio": pytest.approx(2.0)},
        "p95": {"seconds": pytest.approx(0.58), "ratio": pytest.approx(2.9)},
        "worst": {"seconds": 0.6, "ratio": pytest.approx(3.0)},
    }
    assert document["steps"]["at once"] == {"texts": 2, "first_audio": {}, "errors": {"busy": 2}}
    assert json.loads(json.dumps(document))["waits"] == document["waits"]
    assert "busy 2" in cold.render(document)


def test_first_callers_of_a_service_are_heard(
    tmp_path: Path, tone: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cast, "BLENDS", ("af_sky+am_michael", "af_sky*2+am_michael", "af_sky*3+tone"))
    monkeypatch.setattr(cold, "VOICES", 1)
    monkeypatch.setattr(cold, "BLENDS", 1)
    path = tmp_path / "cold.json"
    assert cold.main(["--python", "--rounds", "2", "--json", str(path)]) == 0
    document = json.loads(path.read_text(encoding="utf-8"))
    assert {name: step["texts"] for name, step in document["steps"].items()} == {
        "first text": 1,
        "warm": 4,
        "voices": 1,
        "blends": 1,
        "at once": 3,
        "warm at once": 3,
        "one by one": 2,
    }
    assert not any(step["errors"] for step in document["steps"].values())
    shown = capsys.readouterr().out
    assert "ready after" in shown
    assert "at once, p95, over the default voice's: " in shown


def test_a_cache_directory_has_nothing_but_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(cache_dir=tmp_path / "old")
    with pytest.raises(FileNotFoundError, match="start the service once"):
        cold.prepare_cache(tmp_path, settings)
    with pytest.raises(SystemExit):
        monkeypatch.setenv("KOKORO_CACHE_DIR", str(settings.cache_dir))
        cold.main(["--python"])


def test_a_script_mixes_doors_voices_and_lengths_and_is_the_same_for_a_seed() -> None:
    said = list(footprint.script(400, 1, ["bf_emma", "hf_alpha"], "af_sky"))
    assert said == list(footprint.script(400, 1, ["bf_emma", "hf_alpha"], "af_sky"))
    assert Counter(utterance.voice for utterance in said) == {None: 200, "bf_emma": 100, "hf_alpha": 100}
    lengths = [len(utterance.text.split()) for utterance in said]
    assert min(lengths) == 1
    assert 45 < max(lengths) <= footprint.MAX_WORDS
    assert any("है" in utterance.text for utterance in said if utterance.voice == "hf_alpha")


def test_memory_and_starts_of_a_service_are_measured(
    tmp_path: Path, tone: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(footprint, "STARTS", 1)
    path = tmp_path / "footprint.json"
    assert footprint.main(["--python", "--utterances", "4", "--first-start", "--json", str(path)]) == 0
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["ready_s"] > 0
    assert document["launcher"] is False
    if processes.tells_memory():
        assert document["spoken"]["peak"] >= document["starts"][0]["memory"]["resident"] > 2**20
    assert "resident after 4 utterances" in capsys.readouterr().out


def test_memory_that_the_system_does_not_tell_is_shown_as_such() -> None:
    untold = Memory(None, None)
    starts = [Start(seconds, untold) for seconds in (9.0, 7.0, 8.0)]
    document = footprint.assemble(Settings(), True, Footprint(starts, 300, untold, Start(79.0, untold)))
    assert document["ready_s"] == 8.0
    shown = footprint.render(document)
    assert "first start to ready" in shown
    assert "not told by this system" in shown


@pytest.mark.parametrize(
    ("main", "arguments"), [(cold.main, ["--rounds", "0"]), (footprint.main, ["--utterances", "1"])]
)
def test_bad_arguments_are_refused(main: Callable[[Sequence[str]], int], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
