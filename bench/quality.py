"""`python -m bench.quality`: what streaming costs in sound.

Each sentence is decoded by the kokoro package's own model, and by the engine in windows with fixed statistics, both
with the same noise. Measured are how far the two are apart (and, for scale, the engine's exact decode, and the package
with another noise), whether the windows' joins can be heard as clicks, and how many words a recogniser (Whisper base)
gets wrong in either. A voice that was not measured yet is measured first. The service's environment variables apply.
No figure in here is a time.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench import report, texts
from bench.product import settings_from_environment
from bench.recogniser import SAMPLE_RATE_HZ, Recognise, load_recogniser, normalise, word_errors
from telephony import logs
from telephony.engines.base import Samples
from telephony.settings import Settings

if TYPE_CHECKING:
    from kokoro import KModel

    from telephony.engines.kokoro.acoustic import Acoustic, HarmonicSource
    from telephony.engines.kokoro.utterance import KokoroUtterance

VOICES = ("af_sky", "am_michael", "bf_emma", "bm_george", "pf_dora", "ef_dora")
_BY_DEFAULT = {"a": 20, "b": 20}
_OTHERS_BY_DEFAULT = 10

_FFT_SAMPLES, _HOP_SAMPLES = 1024, 256
_FLOOR = 1e-5  # of the reference's largest magnitude: 100 dB under it
_LOUD = 0.01  # speech begins at the first sample over this, as for the engine's trimmer
_STEP_QUANTILE = 0.999
_NEARBY_SAMPLES = SAMPLE_RATE_HZ // 200
_TINY = 1e-30  # nothing is divided by zero in perfect silence


@dataclass(frozen=True)
class Steps:
    """Steps between neighbouring samples where windows join.

    Attributes:
        ratios: each join's step by the 99.9th percentile of all steps of the sentence; over 1 may be a click.
        nearby: each join's step by the largest one within 5 ms; over 1 may be a click, in a quiet place too.
    """

    ratios: list[float]
    nearby: list[float]


@dataclass(frozen=True)
class Sound:
    """One sentence against the reference: log-spectral distances in dB, of all and of the first second of speech.

    Attributes:
        streamed, streamed_first: the engine's windows.
        exact: the engine's own decode with the norms of the sentence.
        seeds, seeds_first: the reference with another noise.
        joins: of the windows; `control`: the same places in the reference, where nothing joins.
    """

    voice: str
    text: str
    streamed: float
    streamed_first: float
    exact: float
    seeds: float
    seeds_first: float
    joins: Steps
    control: Steps


@dataclass(frozen=True)
class Hearing:
    """What the recogniser heard of one sentence, said by the reference and by the product."""

    voice: str
    text: str
    reference: str
    product: str


@dataclass
class Findings:
    """Everything measured, and the sentences (voice, text) left out of the distances.

    Attributes:
        short: too short for the engine to stream them; they are exact.
        unequal: the two sides chose durations that differ by a rounding, so that nothing can be compared.
    """

    sounds: list[Sound]
    hearings: list[Hearing]
    short: list[tuple[str, str]]
    unequal: list[tuple[str, str]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--voices", nargs="+", default=list(VOICES), metavar="NAME", help=f"default: {' '.join(VOICES)}"
    )
    parser.add_argument("--sentences", type=int, metavar="N", help="for each voice (default: 20 English, 10 of others)")
    parser.add_argument("--transcribed", type=int, metavar="N", help="how many of these to recognise (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="of the noise (default 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go (default: bench/results/)")
    options = parser.parse_args(arguments)
    if options.sentences is not None and options.sentences < 1:
        parser.error("--sentences must be 1 or more")
    if options.transcribed is not None and options.transcribed < 0:
        parser.error("--transcribed must be 0 or more")
    for voice in options.voices:
        if voice[:1] not in texts.SENTENCES:
            letters = " ".join(texts.SENTENCES)
            parser.error(f"no sentences for voice {voice!r}: its name has to begin with one of {letters}")
    settings = dataclasses.replace(settings_from_environment(), voice=options.voices[0])
    logs.configure("warning", settings.log_format)
    document = run(settings, choose(options.voices, options.sentences), options.transcribed, options.seed)
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'quality')}")
    return 0


def choose(voices: Sequence[str], count: int | None) -> dict[str, list[str]]:
    """The sentences of each voice; voices of one language say different ones for as long as there are any left.

    Args:
        voices: names.
        count: sentences for each, at most as many as there are; None for the language's default.
    """
    turns: dict[tuple[str, ...], int] = {}
    chosen = {}
    for voice in voices:
        known = held_out(voice[0])
        start, wanted = turns.get(known, 0), min(count or _BY_DEFAULT.get(voice[0], _OTHERS_BY_DEFAULT), len(known))
        chosen[voice] = list(itertools.islice(itertools.cycle(known), start, start + wanted))
        turns[known] = (start + wanted) % len(known)
    return chosen


def held_out(language: str) -> tuple[str, ...]:
    """A language's sentences, without those that voices are calibrated on."""
    corpus = (
        resources.files("telephony.engines.kokoro") / "corpus" / f"{texts.WRITTEN_IN[language].partition('-')[0]}.txt"
    )
    measured = {normalise(line) for line in corpus.read_text(encoding="utf-8").splitlines()}
    return tuple(text for text in texts.SENTENCES[language] if normalise(text) not in measured)


def run(settings: Settings, chosen: Mapping[str, Sequence[str]], transcribed: int | None, seed: int) -> dict[str, Any]:
    """Measures everything and returns the JSON document.

    Args:
        settings: voice, device, threads and weights.
        chosen: sentences by voice.
        transcribed: how many of each voice's sentences the recogniser hears; None for all.
        seed: of the noise.
    """
    # What it needs is missing before minutes have passed, or not at all.
    recognise = None if transcribed == 0 else load_recogniser(settings.cache_dir / "whisper-base")
    bench = _Bench(settings, seed)
    findings = Findings([], [], [], [])
    for voice, sentences in chosen.items():
        print(f"{voice}: {len(sentences)} sentences", file=sys.stderr)
        bench.calibrate(voice, sentences[0])
        for index, text in enumerate(sentences):
            heard_by = None if transcribed is not None and index >= transcribed else recognise
            bench.measure(voice, text, heard_by, findings)
    return assemble(settings, str(bench.dtype).removeprefix("torch."), seed, findings)


class _Bench:
    """Both sides on one device, their noise drawn from one seed."""

    def __init__(self, settings: Settings, seed: int) -> None:
        from telephony.engines.kokoro.acoustic import HarmonicSource
        from telephony.engines.kokoro.model import KokoroEngine, choose_device, load_reference, use_threads
        from telephony.engines.kokoro.weights import ensure_weights

        use_threads(settings.threads)
        device = choose_device(settings.device)
        self._weights = ensure_weights(settings.cache_dir, settings.weights_dir)
        self._reference: KModel = load_reference(self._weights, device)
        self._source: HarmonicSource = HarmonicSource(self._reference.decoder.generator).to(device)
        # Not warmed up: compiling its kernels takes minutes and makes them faster, not other ones.
        self._engine = KokoroEngine(self._weights, device, settings.voice, settings.cache_dir / "statistics")
        self._seed = seed
        self.dtype = self._engine.dtype

    def calibrate(self, voice: str, text: str) -> None:
        """Measures what a voice needs for streaming, if it has not been yet."""
        from telephony.engines.kokoro.utterance import KokoroUtterance

        utterance = self._engine.prepare(text, voice, 1.0, False)
        assert isinstance(utterance, KokoroUtterance)
        self._engine.begin([utterance])
        while self._engine.spare_time():
            pass

    def measure(self, voice: str, text: str, recognise: Recognise | None, findings: Findings) -> None:
        """Says one sentence in all ways and adds what is found."""
        import torch

        from telephony.engines.kokoro.acoustic import FRAME_SAMPLES
        from telephony.engines.kokoro.utterance import KokoroUtterance
        from telephony.engines.kokoro.vocoder import schedule

        torch.manual_seed(self._seed)
        utterance = self._engine.prepare(text, voice, 1.0, False)
        assert isinstance(utterance, KokoroUtterance)
        self._engine.begin([utterance])
        acoustic, piece = utterance.acoustic, utterance.piece
        assert acoustic is not None
        assert piece is not None
        assert not utterance.pieces, "a benchmark's sentence fits into one pass"
        phonemes = piece.phonemes
        reference = self._speak_reference(phonemes, voice, self._seed)
        if recognise is not None:
            language = texts.WRITTEN_IN[voice[0]]
            product = self._rest_of(utterance)
            hearing = Hearing(voice, text, recognise(reference, language), recognise(product, language))
            findings.hearings.append(hearing)
        if acoustic.scale is None:
            findings.short.append((voice, text))
            return
        with torch.inference_mode():
            torch.manual_seed(self._seed)
            same_noise = dataclasses.replace(acoustic, har=self._source(acoustic.f0, reference_noise=True))
        windows = schedule(0, acoustic.frames, acoustic.frames)
        streamed = self._decode(same_noise, windows)
        if len(streamed) != len(reference):
            findings.unequal.append((voice, text))
            return
        exact = self._decode(dataclasses.replace(same_noise, scale=None, shift=None), [(0, acoustic.frames)])
        other = self._speak_reference(phonemes, voice, self._seed + 1)
        first = first_second(reference)
        joins = [FRAME_SAMPLES * start for start, _ in windows[1:]]
        findings.sounds.append(
            Sound(
                voice,
                text,
                distance_db(reference, streamed),
                distance_db(reference[first], streamed[first]),
                distance_db(reference, exact),
                distance_db(reference, other),
                distance_db(reference[first], other[first]),
                join_steps(streamed, joins),
                join_steps(reference, joins),
            )
        )

    def _speak_reference(self, phonemes: str, voice: str, seed: int) -> Samples:
        """As kokoro.KPipeline.infer."""
        import torch

        style = torch.from_numpy(self._weights.load_voice(voice))[len(phonemes) - 1]
        with torch.inference_mode():
            torch.manual_seed(seed)
            audio: Samples = self._reference(phonemes, style, 1.0).numpy()
        return audio

    def _decode(self, acoustic: Acoustic, windows: Sequence[tuple[int, int]]) -> Samples:
        """An utterance in these windows by the engine, untrimmed."""
        from telephony.engines.kokoro.utterance import KokoroUtterance
        from telephony.engines.kokoro.words import Piece

        # Exact as far as trimming goes; whether it streams is a matter of its statistics.
        utterance = KokoroUtterance((), "", 1.0, exact=True)
        utterance.begin(Piece(""), acoustic, windows, ())
        return self._rest_of(utterance)

    def _rest_of(self, utterance: KokoroUtterance) -> Samples:
        rendered = []
        while not utterance.finished:
            rendered += self._engine.render([utterance])
        return np.concatenate(rendered)


def distance_db(reference: Samples, other: Samples) -> float:
    """Log-spectral distance of two sounds of one length: the mean over frames of the root mean square over bins, in dB.

    Whatever is 100 dB or more under the reference's peak counts as silence.
    """
    plain, changed = _magnitudes(reference), _magnitudes(other)
    floor = max(_FLOOR * float(plain.max()), _TINY)
    difference = 20 * np.log10(np.maximum(plain, floor) / np.maximum(changed, floor))
    return float(np.sqrt((difference**2).mean(1)).mean())


def first_second(samples: Samples) -> slice:
    """Where the first second of speech is; all of a sound in which there is none."""
    loud = np.flatnonzero(np.abs(samples) > _LOUD)
    return slice(int(loud[0]), int(loud[0]) + SAMPLE_RATE_HZ) if len(loud) else slice(None)


def join_steps(samples: Samples, joins: Sequence[int]) -> Steps:
    """The steps at joins, each given by the index of the sample behind it."""
    steps = np.abs(np.diff(samples.astype(np.float64)))
    usual = max(float(np.quantile(steps, _STEP_QUANTILE)), _TINY)
    ratios, nearby = [], []
    for join in joins:
        at = join - 1
        around = np.concatenate([steps[max(0, at - _NEARBY_SAMPLES) : at], steps[at + 1 : at + 1 + _NEARBY_SAMPLES]])
        ratios.append(float(steps[at]) / usual)
        nearby.append(float(steps[at]) / max(float(around.max()), _TINY))
    return Steps(ratios, nearby)


def assemble(settings: Settings, dtype: str, seed: int, findings: Findings) -> dict[str, Any]:
    """The JSON document: every sentence's figures, and their summaries by voice and over `all`."""
    sounds, hearings = findings.sounds, findings.hearings
    named = (sound.voice for sound in sounds), (hearing.voice for hearing in hearings)
    summaries = {
        voice: _summary([s for s in sounds if s.voice == voice], [h for h in hearings if h.voice == voice])
        for voice in dict.fromkeys(itertools.chain(*named))
    }
    return {
        "benchmark": "quality",
        "device": settings.device,
        "dtype": dtype,
        "seed": seed,
        "machine": report.machine(),
        "voices": {**summaries, "all": _summary(sounds, hearings)},
        **asdict(findings),
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as tables for people."""
    sounds = [
        (
            voice,
            str(entry["streamed_sentences"]),
            *(
                _mean_and_max(entry[key])
                for key in ("streamed_db", "seeds_db", "exact_db", "streamed_first_db", "seeds_first_db")
            ),
        )
        for voice, entry in document["voices"].items()
    ]
    header = ("LSD dB, mean / max", "sentences", "streamed", "two seeds", "exact", "streamed 1st s", "two seeds 1st s")
    joins = [
        (
            voice,
            *(
                text
                for side in ("joins", "control")
                for text in (
                    _figure(entry[side]["largest"], ""),
                    f"{entry[side]['above']} of {entry[side]['count']}",
                    f"{entry[side]['above_nearby']} of {entry[side]['count']}",
                )
            ),
        )
        for voice, entry in document["voices"].items()
    ]
    join_header = ("joins", "largest", "above 1", "above nearby", "reference's", "above 1", "above nearby")
    parts = [report.table(header, sounds), report.table(join_header, joins)]
    heard = [
        (
            voice,
            str(entry["words"]["sentences"]),
            str(entry["words"]["said"]),
            *(
                f"{entry['words'][side]} ({100 * entry['words'][side] / entry['words']['said']:.1f} %)"
                for side in ("reference_errors", "product_errors")
            ),
        )
        for voice, entry in document["voices"].items()
        if entry["words"]["said"]
    ]
    if heard:
        parts.append(report.table(("word errors", "sentences", "words", "reference", "product"), heard))
    parts.append(
        f"left out of distances and joins: {len(document['short'])} too short to be streamed, "
        f"{len(document['unequal'])} of unequal length"
    )
    return "\n\n".join(parts)


def _summary(sounds: Sequence[Sound], hearings: Sequence[Hearing]) -> dict[str, Any]:
    wrong, count = {"reference": 0, "product": 0}, 0
    for hearing in hearings:
        for side in wrong:
            errors, words = word_errors(hearing.text, getattr(hearing, side), texts.WRITTEN_IN[hearing.voice[0]])
            wrong[side] += errors
        count += words
    return {
        "streamed_sentences": len(sounds),
        **{
            f"{key}_db": _spread([getattr(sound, key) for sound in sounds])
            for key in ("streamed", "streamed_first", "exact", "seeds", "seeds_first")
        },
        "joins": _joins([sound.joins for sound in sounds]),
        "control": _joins([sound.control for sound in sounds]),
        "words": {
            "sentences": len(hearings),
            "said": count,
            "reference_errors": wrong["reference"],
            "product_errors": wrong["product"],
        },
    }


def _spread(figures: Sequence[float]) -> dict[str, float] | None:
    return {"mean": sum(figures) / len(figures), "max": max(figures)} if figures else None


def _joins(steps: Sequence[Steps]) -> dict[str, Any]:
    ratios = [ratio for step in steps for ratio in step.ratios]
    nearby = [ratio for step in steps for ratio in step.nearby]
    return {
        "count": len(ratios),
        "largest": max(ratios, default=None),
        "above": sum(ratio > 1 for ratio in ratios),
        "above_nearby": sum(ratio > 1 for ratio in nearby),
    }


def _mean_and_max(spread: Mapping[str, float] | None) -> str:
    return "-" if spread is None else f"{spread['mean']:.2f} / {spread['max']:.2f}"


def _figure(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.2f}{unit}"


def _magnitudes(samples: Samples) -> NDArray[np.float64]:
    """Magnitudes [frames, 513] through a Hann window; what is shorter than one is filled up with silence."""
    padded = np.pad(samples.astype(np.float64), (0, max(0, _FFT_SAMPLES - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT_SAMPLES)[::_HOP_SAMPLES]
    return np.abs(np.fft.rfft(frames * np.hanning(_FFT_SAMPLES + 1)[:-1]))


if __name__ == "__main__":
    sys.exit(main())
