"""The arithmetic of bench/quality.py on sounds and texts made for it. Nothing here loads a model."""

from __future__ import annotations

import json
import typing
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from bench import cast, quality, recogniser, texts
from bench.quality import Findings, Hearing, Sound, Steps
from telephony.audio.samples import log_spectral_distance_db
from telephony.engines import recipes
from telephony.engines.kokoro.weights import KokoroWeights
from telephony.settings import Settings
from telephony.speech import Samples

_RATE = recogniser.SAMPLE_RATE_HZ


def _tone(hertz: float, seconds: float = 1.0, rate: int = _RATE) -> Samples:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def _noise(seconds: float = 1.0) -> Samples:
    return np.random.default_rng(1).normal(0, 0.1, int(seconds * _RATE)).astype(np.float32)


def test_a_sound_has_no_distance_from_itself() -> None:
    assert log_spectral_distance_db(_noise(), _noise()) == 0


@pytest.mark.parametrize("gain_db", [-6.0, 3.0])
def test_a_gain_is_a_distance_of_as_many_decibels(gain_db: float) -> None:
    louder = _noise() * np.float32(10 ** (gain_db / 20))
    assert log_spectral_distance_db(_noise(), louder) == pytest.approx(abs(gain_db), abs=1e-3)


def test_what_is_far_under_the_peak_has_no_distance() -> None:
    sound = np.concatenate([_noise(), np.zeros(_RATE, np.float32)])
    hiss = np.concatenate([np.zeros(_RATE, np.float32), _noise() * np.float32(1e-7)])
    assert log_spectral_distance_db(sound, sound + hiss) < 0.01


def test_short_and_silent_sounds_have_a_distance_too() -> None:
    assert log_spectral_distance_db(_noise(0.01), _noise(0.01)) == 0
    assert log_spectral_distance_db(np.zeros(2000, np.float32), np.zeros(2000, np.float32)) == 0


def test_the_first_second_begins_with_speech() -> None:
    sound = np.concatenate([np.full(500, 0.005, np.float32), _tone(1000, 2)])
    first = quality.first_second(sound)
    assert 500 < first.start < 505
    assert len(sound[first]) == _RATE
    assert quality.first_second(np.zeros(10, np.float32)) == slice(None)


def test_a_smooth_join_is_no_click() -> None:
    steps = quality.join_steps(_tone(200), [9600, 12000])
    assert len(steps.ratios) == len(steps.nearby) == 2
    assert max(*steps.ratios, *steps.nearby) <= 1.001


def test_a_jump_at_a_join_is_a_click_and_elsewhere_is_none() -> None:
    sound = _tone(200)
    sound[9600:] += np.float32(0.2)
    at_join, elsewhere = (quality.join_steps(sound, [join]) for join in (9600, 9601))
    assert at_join.ratios[0] > 5
    assert at_join.nearby[0] > 5
    assert elsewhere.ratios[0] < 1.1


def test_a_small_jump_in_a_quiet_place_counts_by_what_is_near() -> None:
    quiet = _tone(200) * np.float32(0.001)
    quiet[1200:] += np.float32(0.0005)
    steps = quality.join_steps(np.concatenate([quiet, _noise()]), [1200])
    assert steps.ratios[0] < 1 < steps.nearby[0]


def test_texts_are_compared_without_case_and_punctuation() -> None:
    assert (
        recogniser.normalise("  It's TEN o’clock — ¿Qué?  Ninety-five, 2:30.") == "its ten oclock qué ninety five 2 30"
    )


def test_word_errors_are_wrong_missing_and_added_words() -> None:
    assert recogniser.word_errors("One two, three.", "one two three", "en-GB") == (0, 3)
    assert recogniser.word_errors("One two three.", "one too", "en-GB") == (2, 3)
    assert recogniser.word_errors("Four five.", "four five six", "en-GB") == (1, 2)
    assert recogniser.word_errors("Four five.", "", "en-GB") == (2, 2)


@pytest.mark.parametrize(
    ("said", "heard", "language"),
    [
        ("It is one hundred and forty-two dollars and sixty cents.", "It is $142.60.", "en-GB"),
        ("Espere dez segundos, são duas horas.", "Espere 10 segundos, são 2 horas.", "pt-BR"),
        ("Cela fait vingt et un euros.", "Cela fait 21 €.", "fr-FR"),
    ],
)
def test_figures_are_no_word_errors(said: str, heard: str, language: str) -> None:
    assert recogniser.word_errors(said, heard, language)[0] == 0


def test_voices_of_one_language_say_different_sentences() -> None:
    chosen = quality.choose(quality.VOICES, None)
    assert sum(map(len, chosen.values())) == 100
    assert not set(chosen["af_sky"]) & set(chosen["bf_emma"])
    assert len({text for sentences in chosen.values() for text in sentences}) >= 60
    assert chosen["ef_dora"] == list(texts.SPANISH[:10])


def test_no_more_sentences_than_there_are() -> None:
    chosen = quality.choose(["pf_dora", "pm_alex"], 100)
    assert [sorted(said) for said in chosen.values()] == [sorted(quality.held_out("p"))] * 2
    assert quality.choose(["af_sky", "am_adam"], 2) == {
        "af_sky": list(texts.ENGLISH[:2]),
        "am_adam": list(texts.ENGLISH[2:4]),
    }


def test_no_sentence_is_one_that_voices_are_calibrated_on(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = resources.files("telephony.engines.kokoro") / "corpus" / "pt.txt"
    measured = corpus.read_text(encoding="utf-8").splitlines()[0]
    monkeypatch.setitem(texts.SENTENCES, "p", (measured.upper(), "Outra frase."))
    assert quality.held_out("p") == ("Outra frase.",)


@pytest.mark.parametrize("language", texts.SENTENCES)
def test_every_language_has_twenty_sentences_without_figures(language: str) -> None:
    known = quality.held_out(language)
    assert len(set(known)) == len(known) >= 20
    assert not any(character.isdigit() for text in known for character in text)


def test_a_language_without_a_corpus_keeps_all_its_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(texts.WRITTEN_IN, "p", "eo")
    assert quality.held_out("p") == texts.PORTUGUESE


def test_words_are_counted_where_spaces_divide_them() -> None:
    assert recogniser.counts_words("pt-BR")
    assert not recogniser.counts_words("ja-JP")


def test_blends_of_a_benchmark_are_of_different_voices_and_have_sentences() -> None:
    assert len({str(recipes.parse(blend)) for blend in cast.BLENDS}) == 10
    for blend in cast.BLENDS:
        assert 2 <= len(recipes.parse(blend).parts) <= 3
        assert cast.language_of(blend) in texts.FIRST_SENTENCES
    assert cast.blends_of(["bf_emma", "bm_george", "af_sky"]) == ["bf_emma+bm_george"]


def test_voices_take_turns_by_language() -> None:
    assert cast.in_turn(["bf_b", "af_a", "af_c", "ef_e", "af_b"]) == ["af_a", "bf_b", "ef_e", "af_b", "af_c"]


@pytest.mark.slow
def test_a_blend_has_the_mean_style_of_its_voices() -> None:
    class Weights:
        def load_voice(self, name: str) -> Samples:
            return np.full((510, 1, 256), {"af_sky": 1.0, "af_bella": 4.0}[name], np.float32)

    from bench.reference import style

    weights = typing.cast(KokoroWeights, Weights())
    assert style(weights, "af_sky*2+af_bella") == pytest.approx(np.full((510, 1, 256), 2.0))
    assert (style(weights, "af_sky") == 1).all()
    assert style(weights, "af_sky").dtype == np.float32


def test_the_recogniser_gets_the_same_sound_at_its_own_rate() -> None:
    heard = recogniser.for_recogniser(_tone(1000))
    assert heard.dtype == np.float32
    assert heard == pytest.approx(_tone(1000, rate=16_000), abs=1e-3)
    assert len(recogniser.for_recogniser(_noise(0.01)[:-1])) == 160


def test_whisper_is_joined_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    (first / "model.bin.part1").write_bytes(b"ab")
    (second / "model.bin.part2").write_bytes(b"cd")
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        (second / name).write_text("{}")
    packages = dict(zip(recogniser._WHISPER_PACKAGES, (first, second), strict=True))
    monkeypatch.setattr(recogniser, "_data_of", packages.__getitem__)
    target = tmp_path / "cache" / "whisper"
    recogniser.join_whisper(target)
    assert (target / "model.bin").read_bytes() == b"abcd"
    assert len(list(target.iterdir())) == 4
    assert [path.name for path in target.parent.iterdir()] == ["whisper"]
    monkeypatch.setattr(recogniser, "_WHISPER_PACKAGES", ("no_such_package",))
    recogniser.join_whisper(target)


def test_a_missing_package_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        recogniser._data_of("no_such_package")


def _sound(voice: str, streamed: float) -> Sound:
    return Sound(
        voice, "Hello.", streamed, 1.5, 1.0, 2.0, 2.5, Steps([0.5, 1.5], [0.2, 0.3]), Steps([0.4], [1.2]), 3.4, 3.5
    )


def test_the_document_has_means_and_largest_by_voice_and_over_all() -> None:
    hearing = Hearing("af_sky", "Hello there.", "hello there", "hello bear")
    findings = Findings([_sound("af_sky", 2.0), _sound("bf_emma", 4.0)], [hearing], [("bf_emma", "Yes.")], [])
    document = quality.assemble(Settings(), "float32", 1, findings, {"jf_alpha": "voice jf_alpha: not installed"})
    assert list(document["voices"]) == ["af_sky", "bf_emma", "all"]
    overall = document["voices"]["all"]
    assert overall["streamed_db"] == {"mean": 3.0, "max": 4.0}
    assert overall["joins"] == {"count": 4, "largest": 1.5, "above": 2, "above_nearby": 0}
    assert overall["control"] == {"count": 2, "largest": 0.4, "above": 0, "above_nearby": 2}
    assert overall["words"] == {"sentences": 1, "said": 2, "reference_errors": 0, "product_errors": 1}
    assert document["voices"]["bf_emma"]["words"]["said"] == 0
    assert json.loads(json.dumps(document))["voices"] == document["voices"]
    shown = quality.render(document)
    assert "3.00 / 4.00" in shown
    assert "1 (50.0 %)" in shown
    assert "1 too short" in shown
    assert "worst voice, all of it: bf_emma, 4.00 dB" in shown
    assert "left out: voice jf_alpha: not installed" in shown


def test_nothing_measured_is_shown_as_such() -> None:
    document = quality.assemble(Settings(), "float32", 1, Findings([], [], [("af_sky", "Yes.")], []), {})
    assert document["voices"]["all"]["streamed_db"] is None
    assert "word errors" not in quality.render(document)


@pytest.mark.parametrize(
    "arguments", [["--sentences", "0"], ["--transcribed", "-1"], ["--voices", "xf_nobody"], ["--voices", "af_sky*"]]
)
def test_bad_arguments_are_refused_before_anything_is_loaded(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        quality.main(arguments)
    assert refused.value.code == 2
