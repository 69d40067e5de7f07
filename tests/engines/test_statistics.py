"""The norm statistics: what is fitted, what is shipped, and what is spoken without."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from telephony.audio.samples import log_spectral_distance_db
from telephony.engines.base import Engine
from telephony.engines.kokoro import fit as fitting
from telephony.engines.kokoro.fit import Sample, fit, held_out, training_sentences
from telephony.engines.kokoro.model import KokoroEngine
from telephony.engines.kokoro.statistics import GROUPS, SHIPPED, NormStatistics, VoiceFigures, closeness
from telephony.engines.kokoro.utterance import KokoroUtterance
from telephony.engines.kokoro.weights import KokoroWeights
from tests.clients import EventLog

CPU = torch.device("cpu")
FIGURES, NORMS = sum(GROUPS), 40
SENTENCE = "Please hold the line while I look up the order that you placed last week."


def samples(count: int, noise: float = 0.0) -> list[Sample]:
    """Sentences whose statistics follow from what is known, in few dimensions."""
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(count, 5, generator=draw)
    known = hidden @ torch.randn(5, FIGURES, generator=draw)
    targets = hidden @ torch.randn(5, 2 * NORMS, generator=draw) + noise * torch.randn(count, 2 * NORMS, generator=draw)
    return [
        Sample("af_sky", known[row], targets[row, :NORMS], targets[row, NORMS:].exp(), 100 + row, -24.0)
        for row in range(count)
    ]


def predicted(tensors: dict[str, torch.Tensor], known: torch.Tensor) -> torch.Tensor:
    standardised = (known - tensors["centre"]) / tensors["width"]
    close = closeness((standardised @ tensors["projection"])[None], tensors["anchors"])[0]
    components = standardised @ tensors["reduction"] + close @ tensors["closeness"]
    return tensors["mean"] + components @ tensors["basis"] * tensors["scale"]


def test_a_fit_says_what_it_was_not_shown() -> None:
    shown, other = samples(60)[:50], samples(60)[50:]
    tensors = fit(shown, rank=8)
    for sample in other:
        expected = torch.cat([sample.means, (sample.variances + 1e-6).log()])
        assert float((predicted(tensors, sample.known) - expected).std()) < 0.05 * float(expected.std())


def test_rank_is_bounded_by_what_there_is() -> None:
    assert fit(samples(4), rank=64)["basis"].shape == (4, 2 * NORMS)


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    tensors = fit(samples(30), rank=8)
    voices = {"af_sky": VoiceFigures("digest", -24.5)}
    NormStatistics(tensors, voices, ["revision"]).save(tmp_path / SHIPPED)
    kept = NormStatistics.load(tmp_path / SHIPPED, CPU)
    assert (kept.voices, kept.revisions) == (voices, ("revision",))
    assert kept.digest
    assert kept.know({"af_sky": "digest"})
    assert not kept.know({"af_sky": "another"})
    assert not kept.know({"af_sky": "digest", "am_michael": "digest"})
    assert kept.level_db([("af_sky", 1.0)]) == -24.5
    written, read = (predicted(each, samples(30)[7].known) for each in (tensors, kept._tensors))
    assert float((read - written).abs().mean()) < 0.02 * float(written.abs().mean())


def test_what_is_not_such_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("nothing")
    with pytest.raises(ValueError, match="pickle"):
        NormStatistics.load(tmp_path / "text.npz", CPU)


def test_nothing_that_is_held_out_is_measured() -> None:
    voices = ["af_sky", "bf_emma", "jf_alpha", "zf_xiaobei"]
    kept = {sentence.text for sentence in held_out(voices)}
    measured = training_sentences(voices, sentences=20)
    assert len(kept) >= 9
    assert not any(text in sentence.text for sentence in measured for text in kept)
    assert {sentence.voice for sentence in measured} >= set(voices)
    assert any("+" in sentence.voice for sentence in measured)


@pytest.mark.model
def test_every_voice_of_the_weights_is_shipped(kokoro_weights: KokoroWeights) -> None:
    shipped = NormStatistics.shipped(CPU)
    assert kokoro_weights.revision in shipped.revisions
    assert shipped.know({name: kokoro_weights.voice_digest(name) for name in kokoro_weights.voice_names()})
    assert all(-40 < voice.level_db < -10 for voice in shipped.voices.values())


@pytest.mark.model
@pytest.mark.parametrize("voice", ["am_puck", "bf_lily", "pm_alex", "am_puck+bf_lily"])
def test_a_voice_that_never_spoke_streams_and_sounds_as_its_exact_decode(kokoro: Engine, voice: str) -> None:
    assert isinstance(kokoro, KokoroEngine)
    with torch.inference_mode():
        acoustic = kokoro.listen(SENTENCE, voice)
        exact = kokoro.vocoder.exact(acoustic).numpy()
        NormStatistics.shipped(CPU).apply(acoustic, kokoro.vocoder.source_moments(acoustic))
        fixed = kokoro.vocoder.fixed(acoustic).numpy()
    assert log_spectral_distance_db(exact, fixed) < 3.5
    utterance = kokoro.prepare(SENTENCE, voice, 1.0, False)
    assert isinstance(utterance, KokoroUtterance)
    kokoro.begin([utterance])
    assert len(utterance.windows) > 2


@pytest.fixture
def with_own_voice(kokoro_weights: KokoroWeights, tmp_path: Path) -> KokoroWeights:
    """The weights with one more voice, which nobody has measured."""
    root = tmp_path / "weights"
    (root / "voices").mkdir(parents=True)
    for name in ("config.json", "kokoro-v1_0.pth", "folded.safetensors"):
        (root / name).symlink_to(kokoro_weights.model_path.parent / name)
    for name in ("af_sky", "am_michael"):
        (root / "voices" / f"{name}.bin").write_bytes((kokoro_weights.voices_dir / f"{name}.bin").read_bytes())
    mixed = 0.5 * (kokoro_weights.load_voice("af_bella") + kokoro_weights.load_voice("am_michael"))
    (root / "voices" / "af_mine.bin").write_bytes(mixed.astype("<f4").tobytes())
    from telephony.engines.kokoro.weights import _write_manifest

    _write_manifest(root, kokoro_weights.source, kokoro_weights.revision)
    return dataclasses.replace(
        kokoro_weights,
        model_path=root / "kokoro-v1_0.pth",
        folded_path=root / "folded.safetensors",
        config_path=root / "config.json",
        voices_dir=root / "voices",
    )


@pytest.mark.model
def test_a_voice_of_one_s_own_is_spoken_whole_until_it_is_fitted(
    with_own_voice: KokoroWeights, tmp_path: Path, events: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def windows(engine: KokoroEngine, voice: str) -> int:
        utterance = engine.prepare(SENTENCE, voice, 1.0, False)
        assert isinstance(utterance, KokoroUtterance)
        engine.begin([utterance])
        return len(utterance.windows)

    shipped = NormStatistics.shipped(CPU)
    engine = KokoroEngine(with_own_voice, CPU, "af_sky", [shipped])
    assert events.wait("voices_not_streamed")["voices"] == ["af_mine"]
    assert windows(engine, "af_mine") == windows(engine, "af_mine+af_sky") == 1
    assert engine.level_db("af_mine") is None
    assert windows(engine, "af_sky") > 2

    monkeypatch.setattr(fitting, "ensure_weights", lambda *_: with_own_voice)
    out = tmp_path / SHIPPED
    assert fitting.main(["--cache-dir", str(tmp_path), "--sentences", "4"]) == 0
    assert "| af_mine |" in out.with_suffix(".md").read_text(encoding="utf-8")
    own = NormStatistics.load(out, CPU)
    engine = KokoroEngine(with_own_voice, CPU, "af_sky", [shipped, own])
    assert engine.voices_without_statistics() == []
    assert windows(engine, "af_mine") > 2
    assert -40 < (engine.level_db("af_mine") or 0) < -10
    assert windows(engine, "af_mine+af_sky") == 1  # no statistics know both


@pytest.mark.model
def test_statistics_of_other_weights_are_not_used(with_own_voice: KokoroWeights) -> None:
    other = dataclasses.replace(with_own_voice, revision="another")
    engine = KokoroEngine(other, CPU, "af_sky", [NormStatistics.shipped(CPU)])
    assert set(engine.voices_without_statistics()) == set(other.voice_names())


def test_the_distance_of_a_sound_to_itself_is_none() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 24_000).astype(np.float32)
    assert log_spectral_distance_db(sound, sound) == 0
    assert log_spectral_distance_db(sound, 2 * sound) == pytest.approx(6.02, abs=0.01)
