"""The arithmetic of bench/words.py, and its command line with engines that only beep. Nothing here loads a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench import product, texts, words
from bench.understanding import VOICES, Heard
from bench.words import Sentence
from telephony.engines.base import SynthesisError
from telephony.engines.kokoro.languages import LANGUAGES
from telephony.engines.tone import SECONDS_PER_CHARACTER, ToneEngine
from telephony.speech import Samples


def _say(text: str, voice: str) -> Samples:
    return np.zeros(len(text), np.float32)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Both sides say a sample for each character, and the recogniser writes one word, in whatever language."""
    asked: list[str] = []

    def recognise(samples: Samples, language: str) -> str:
        asked.append(language)
        return "Certainly."

    monkeypatch.setattr(words, "load_recogniser", lambda directory: recognise)
    monkeypatch.setattr(words, "load_sides", lambda settings, seed: (_say, _say))
    return asked


def test_both_sides_are_heard_and_counted() -> None:
    heard = {3: "one, two!", 4: "1 2 3"}
    sentences = words.listen(
        "af_sky",
        ["One two."],
        lambda text, voice: np.zeros(3, np.float32),
        lambda text, voice: np.zeros(4, np.float32),
        lambda samples, language: heard[len(samples)],
    )
    assert sentences == [Sentence("One two.", 2, Heard("one, two!", 0), Heard("1 2 3", 1))]


def test_rates_are_over_all_words_of_a_language_and_of_all_languages() -> None:
    first = Sentence("One two three.", 3, Heard("one two three", 0), Heard("one two", 1))
    second = Sentence("Yes.", 1, Heard("yeah", 1), Heard("yes", 0))
    english = {"voice": "af_sky", **words.summary([first, second])}
    assert english["words"] == 4
    assert english["reference"] == {"errors": 1, "percent": 25.0}
    assert english["difference_points"] == 0
    portuguese = {"voice": "pf_dora", **words.summary([first])}
    assert portuguese["difference_points"] == pytest.approx(100 / 3)
    shown = words.render({"languages": {"en-US": english, "pt-BR": portuguese}})
    assert shown.splitlines()[-1].split() == ["all", "3", "7", "1", "(14.3", "%)", "2", "(28.6", "%)", "+14.3"]


def test_a_run_is_taken_up_again_with_the_languages_that_it_lacks(
    tmp_path: Path, stand_ins: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "words.json"
    for language in ("pt-BR", "en-US"):
        assert words.main(["--languages", language, "--sentences", "2", "--json", str(path)]) == 0
    document = json.loads(path.read_text(encoding="utf-8"))
    assert list(document["languages"]) == ["pt-BR", "en-US"]
    assert [len(entry["sentences"]) for entry in document["languages"].values()] == [2, 2]
    assert stand_ins == ["pt-BR"] * 4 + ["en-GB"] * 4
    assert "+0.0" in capsys.readouterr().out


def test_a_language_says_the_same_sentences_whatever_else_is_asked_for(tmp_path: Path, stand_ins: list[str]) -> None:
    paths = [tmp_path / "both.json", tmp_path / "one.json"]
    for path, languages in zip(paths, (["en-US", "en-GB"], ["en-GB"]), strict=True):
        words.main(["--languages", *languages, "--sentences", "3", "--json", str(path)])
    both, one = (json.loads(path.read_text(encoding="utf-8"))["languages"] for path in paths)
    assert both["en-GB"] == one["en-GB"]
    assert both["en-US"]["sentences"] != both["en-GB"]["sentences"]


@pytest.mark.parametrize("content", ['{"benchmark": "quality"}', "[]", "no JSON", '{"benchmark": "words", "seed": 2}'])
def test_a_file_of_something_else_is_not_added_to(tmp_path: Path, stand_ins: list[str], content: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SystemExit) as refused:
        words.main(["--json", str(path)])
    assert refused.value.code == 2
    assert path.read_text(encoding="utf-8") == content


@pytest.mark.parametrize("arguments", [["--sentences", "0"], ["--languages", "ja-JP"]])
def test_bad_arguments_are_refused_before_anything_is_loaded(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        words.main(arguments)
    assert refused.value.code == 2


def test_a_text_is_heard_as_its_segments_with_their_rates_and_pauses() -> None:
    engine = ToneEngine()
    slow = product.speak(
        engine, '<speak>One. <break time="700ms"/><prosody rate="50%">Two.</prosody></speak>', "af_sky"
    )
    expected_s = SECONDS_PER_CHARACTER * (len("One.") + 2 * len("Two.")) + 0.7
    assert len(slow) == pytest.approx(expected_s * engine.sample_rate, abs=2)
    assert len(product.speak(engine, "…", "af_sky")) == 0
    with pytest.raises(SynthesisError):
        product.speak(engine, "One.", "nobody")


def test_every_voice_speaks_its_language_and_has_sentences_in_it() -> None:
    for language, voice in VOICES.items():
        assert LANGUAGES[voice[0]] == language
        assert voice[0] in texts.SENTENCES
        assert texts.WRITTEN_IN[voice[0]].partition("-")[0] == language.partition("-")[0]
