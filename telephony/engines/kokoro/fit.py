"""Fits the norm statistics of voices, and says how far windows are from the exact decode with them.

    python -m telephony.engines.kokoro.fit [--voices NAME...] [--out FILE]

Without `--out`, voices that the shipped statistics do not know are fitted, and the file goes to the cache directory,
where the service finds it at its next start. The shipped file is made by the same command (statistics.md). Each
sentence takes a second or two.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import structlog
import torch
from torch import Tensor

from telephony.audio.samples import SpeechLevel, log_spectral_distance_db
from telephony.engines import recipes
from telephony.engines.base import SynthesisError
from telephony.engines.kokoro.languages import LANGUAGES
from telephony.engines.kokoro.model import KokoroEngine, find_kernels
from telephony.engines.kokoro.sources import same_model
from telephony.engines.kokoro.statistics import GROUPS, SHIPPED, NormStatistics, VoiceFigures, closeness, known
from telephony.engines.kokoro.utterance import SAMPLE_RATE_HZ
from telephony.engines.kokoro.weights import ensure_weights
from telephony.settings import Settings
from telephony.telemetry import logs

RANK = 128
_RIDGE = 0.1
_WEIGHTS = (1.0, 1.0, 1.0, 2.0)  # of the groups of known figures: the style weighs more
_PROJECTED = 32
_CLOSENESS_WEIGHT = 4.0
_HELD_OUT = 3
# A blend lies between its voices: some that are measured keep the regression straight there.
_BLENDS_PER_VOICE = 1.5
_SENTENCES_PER_BLEND = 3
_PAIRS = 0.3
_SPOKEN_FAST_OR_SLOW = 0.25
_REPORT_EVERY = 50

log = structlog.get_logger()


@dataclass(frozen=True)
class Sample:
    """One sentence: what was known beforehand [F], the norms' true means and variances [S], its frames, its level."""

    voice: str
    known: Tensor
    means: Tensor
    variances: Tensor
    frames: int
    level_db: float | None


def fit(samples: Sequence[Sample], rank: int = RANK) -> dict[str, Tensor]:
    """A kernel ridge regression of all samples, reduced in rank: the tensors of `NormStatistics`, float32.

    The kernel is linear, plus a Gaussian of the leading principal components, which lets the same style act differently
    on different sentences. Longer sentences weigh more. The targets, scaled by their deviations, are projected on the
    leading right singular vectors of the fitted values (reduced-rank regression: Izenman 1975); truncating the
    coefficients would ruin it.
    """
    inputs = torch.stack([sample.known for sample in samples]).double()
    centre, width = inputs.mean(0), inputs.std(0) + 1e-6
    # The groups of inputs weigh the same, however many figures they have, but for their own weights.
    widths = zip(torch.split(width, list(GROUPS)), GROUPS, _WEIGHTS, strict=True)
    width = torch.cat([group * size**0.5 / weight for group, size, weight in widths])
    rows = (inputs - centre) / width
    targets = torch.stack([torch.cat([sample.means, (sample.variances + 1e-6).log()]) for sample in samples]).double()
    frames = torch.tensor([float(sample.frames) for sample in samples], dtype=torch.float64)
    weights = frames / frames.mean()
    mean = (targets * weights[:, None]).sum(0) / weights.sum()
    scale = targets.std(0) + 1e-6
    scaled = (targets - mean) / scale
    projection = torch.linalg.svd(rows, full_matrices=False).Vh[:_PROJECTED].T
    anchors = rows @ projection
    close = _CLOSENESS_WEIGHT * closeness(anchors, anchors)
    gram = rows @ rows.T + close
    dual = torch.linalg.solve(gram + _RIDGE * torch.diag(1 / weights), scaled)
    fitted = gram @ dual
    values, vectors = torch.linalg.eigh(fitted @ fitted.T)
    # Right singular vectors of the fitted values, the largest ones first.
    rank = min(rank, len(samples))
    leading = (vectors.T[-rank:].flip(0) @ fitted) / values[-rank:].flip(0).clamp_min(1e-12).sqrt()[:, None]
    reduced = dual @ leading.T
    tensors = {
        "centre": centre,
        "width": width,
        "projection": projection,
        "anchors": anchors,
        "closeness": _CLOSENESS_WEIGHT * reduced,
        "reduction": rows.T @ reduced,
        "basis": leading,
        "scale": scale,
        "mean": mean,
    }
    return {name: tensor.float() for name, tensor in tensors.items()}


@dataclass(frozen=True)
class Sentence:
    """A sentence to measure."""

    voice: str
    text: str
    speed: float = 1.0


def training_sentences(voices: Sequence[str], sentences: int, seed: int = 0) -> list[Sentence]:
    """What is measured: sentences and pairs of them by every voice, and by blends of two or three; in any order.

    The last sentences of every corpus are left out: see `held_out`.
    """
    draw = random.Random(seed)
    found: list[Sentence] = []

    def add(voice: str, count: int) -> None:
        corpus = _corpus(voice)[:-_HELD_OUT]
        pairs = round(_PAIRS * count)
        texts = draw.sample(corpus, min(len(corpus), count - pairs))
        texts += [" ".join(draw.sample(corpus, 2)) for _ in range(count - len(texts))]
        speeds = (draw.uniform(0.75, 1.3) if draw.random() < _SPOKEN_FAST_OR_SLOW else 1.0 for _ in texts)
        found.extend(Sentence(voice, text, speed) for text, speed in zip(texts, speeds, strict=True))

    for voice in voices:
        add(voice, sentences)
    for _ in range(round(_BLENDS_PER_VOICE * len(voices)) if len(voices) > 1 else 0):
        # Mostly of one language, as people blend them.
        leader = draw.choice(voices)
        alike = [voice for voice in voices if voice[0] == leader[0] or {voice[0], leader[0]} == {"a", "b"}]
        others = alike if len(alike) > 1 and draw.random() < 0.75 else voices
        parts = draw.sample(others, min(len(others), draw.choice((2, 2, 3))))
        recipe = "+".join(f"{part}*{draw.randint(1, 9)}" for part in parts)
        add(str(recipes.parse(recipe)), _SENTENCES_PER_BLEND)
    draw.shuffle(found)
    return found


def held_out(voices: Sequence[str]) -> Iterator[Sentence]:
    """The sentences of every voice that are never fitted on."""
    return (Sentence(voice, text) for voice in voices for text in _corpus(voice)[-_HELD_OUT:])


def _corpus(voice: str) -> list[str]:
    language = LANGUAGES[voice[0]].partition("-")[0]
    file = resources.files("telephony.engines.kokoro") / "corpus" / f"{language}.txt"
    return file.read_text(encoding="utf-8").splitlines()


def measure(engine: KokoroEngine, sentence: Sentence) -> Sample:
    """Has a sentence spoken as a whole.

    Raises:
        SynthesisError: it cannot be spoken.
    """
    acoustic = engine.listen(sentence.text, sentence.voice, sentence.speed)
    means, variances, audio = engine.vocoder.measure(acoustic)
    level = SpeechLevel()
    level.measure(audio.cpu().numpy(), SAMPLE_RATE_HZ)
    figures = known(acoustic, engine.vocoder.source_moments(acoustic))
    return Sample(sentence.voice, figures, means, variances, acoustic.frames, level.db)


def distance_db(engine: KokoroEngine, statistics: NormStatistics, sentence: Sentence) -> float:
    """How far a sentence in windows is from its exact decode, as `audio.log_spectral_distance_db` has it."""
    acoustic = engine.listen(sentence.text, sentence.voice, sentence.speed)
    exact = engine.vocoder.exact(acoustic)
    statistics.apply(acoustic, engine.vocoder.source_moments(acoustic))
    return log_spectral_distance_db(exact.cpu().numpy(), engine.vocoder.fixed(acoustic).cpu().numpy())


def levels(samples: Sequence[Sample]) -> dict[str, float]:
    """The level of every voice in dB: the mean of its sentences' powers. Where nothing was heard, there is none."""
    heard: dict[str, list[float]] = {}
    for sample in samples:
        if sample.level_db is not None and not recipes.is_recipe(sample.voice):
            heard.setdefault(sample.voice, []).append(10 ** (sample.level_db / 10))
    return {voice: float(10 * np.log10(np.mean(powers))) for voice, powers in heard.items()}


def provenance(revision: str, samples: Sequence[Sample], distances: Mapping[str, Sequence[float]], rank: int) -> str:
    """Where a file of statistics comes from, and how good it is, as Markdown."""
    blends = {sample.voice for sample in samples if recipes.is_recipe(sample.voice)}
    everything = [distance for each in distances.values() for distance in each]
    rows = "\n".join(
        f"| {name} | {np.mean(each):.2f} | {np.max(each):.2f} |" for name, each in sorted(distances.items())
    )
    return f"""# Where the norm statistics come from

`python -m telephony.engines.kokoro.fit` has made the file beside this one from Kokoro-82M's weights (Apache 2.0;
revision `{revision[:16]}`) and the sentences in `corpus/`; it holds no recording of anybody.
{len(samples)} sentences of {len(distances)} voices and {len(blends)} blends were fitted, in rank {rank}.

Log-spectral distance of windows to the exact decode, in dB, over {_HELD_OUT} sentences a voice that were not fitted:
mean {np.mean(everything):.2f}, worst voice {max(np.mean(each) for each in distances.values()):.2f}.

| Voice | Mean | Worst sentence |
|---|---|---|
{rows}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m telephony.engines.kokoro.fit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cache-dir", type=Path, default=Settings().cache_dir, help="where the weights are")
    parser.add_argument("--weights-dir", type=Path, help="weights of one's own, as for the service")
    parser.add_argument("--kokoro-voices", type=Path, metavar="DIR", help="voices of one's own, as for the service")
    parser.add_argument("--voices", nargs="+", metavar="NAME", help="default: those that no statistics know yet")
    parser.add_argument("--sentences", type=int, default=20, help="measured of each voice (default 20)")
    parser.add_argument("--samples", type=Path, metavar="FILE", help="keeps what was measured; goes on where it ended")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="where the statistics go, and beside them how good they are"
    )
    options = parser.parse_args(arguments)
    logs.configure("info", "logfmt")
    weights = ensure_weights(options.cache_dir, options.weights_dir).with_own(options.kokoro_voices)
    device = torch.device("cpu")
    shipped = NormStatistics.shipped(device)
    kernels = find_kernels(device, options.cache_dir)
    engine = KokoroEngine(weights, device, weights.voice_names()[0], [shipped], kernels=kernels)
    voices = options.voices or engine.voices_without_statistics()
    if not voices:
        print("every voice has statistics already; --voices NAME... fits them again")
        return 0
    with torch.inference_mode():
        samples = _measure_all(engine, training_sentences(voices, options.sentences), options.samples)
        loud = levels(samples)
        tensors = fit(samples)
        figures = {voice: VoiceFigures(weights.voice_digest(voice), loud[voice]) for voice in voices if voice in loud}
        statistics = NormStatistics(tensors, figures, same_model(weights.revision))
        distances: dict[str, list[float]] = {}
        for sentence in held_out(voices):
            distances.setdefault(sentence.voice, []).append(distance_db(engine, statistics, sentence))
    out: Path = options.out or options.cache_dir / SHIPPED
    statistics.save(out)
    text = provenance(weights.revision, samples, distances, RANK)
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)
    print(f"written to {out}")
    return 0


def _measure_all(engine: KokoroEngine, wanted: Sequence[Sentence], kept: Path | None) -> list[Sample]:
    """Every sentence that can be spoken; from `kept` as far as they are there, and in order."""
    samples = _read(kept) if kept is not None and kept.exists() else []
    for number, sentence in enumerate(wanted[len(samples) :], len(samples) + 1):
        try:
            samples.append(measure(engine, sentence))
        except SynthesisError as error:
            log.warning("sentence_failed", voice=sentence.voice, error=str(error))
        if number % _REPORT_EVERY == 0 or number == len(wanted):
            log.info("measured", sentences=number, of=len(wanted))
            if kept is not None:
                _write(kept, samples)
    return samples


def _write(path: Path, samples: Sequence[Sample]) -> None:
    columns = {
        "voice": np.array([sample.voice for sample in samples]),
        "frames": np.array([sample.frames for sample in samples]),
        "level_db": np.array([np.nan if sample.level_db is None else sample.level_db for sample in samples]),
    }
    for name in ("known", "means", "variances"):
        columns[name] = torch.stack([getattr(sample, name) for sample in samples]).cpu().numpy()
    staging = path.with_suffix(".staging")
    with staging.open("wb") as file:
        np.savez(file, allow_pickle=False, **columns)
    staging.replace(path)


def _read(path: Path) -> list[Sample]:
    with np.load(path) as file:
        columns = dict(file)
    rows = (columns[name] for name in ("voice", "known", "means", "variances", "frames", "level_db"))
    return [
        Sample(
            str(voice),
            torch.from_numpy(known_),
            torch.from_numpy(means),
            torch.from_numpy(variances),
            int(frames),
            None if np.isnan(level_db) else float(level_db),
        )
        for voice, known_, means, variances, frames, level_db in zip(*rows, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main())
