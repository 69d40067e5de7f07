"""`python -m bench.quality`: what streaming costs in sound.

Each sentence is decoded by the kokoro package's own model, and by the engine in windows with fixed statistics, both
with the same noise. Measured are how far the two are apart (and, for scale, the engine's exact decode, and the package
with another noise), whether the windows' joins can be heard as clicks, and how many words a recogniser (Whisper base)
gets wrong in either; of Hindi, Japanese and Mandarin words are not counted. With `--all-voices` every voice of the
weights speaks, and ten blends; who cannot be used is told. A blend's reference has the mean of its voices' styles. The
service's environment variables apply. No figure in here is a time.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import cast, report, texts
from bench.product import settings_from_environment
from bench.recogniser import SAMPLE_RATE_HZ, Recognise, counts_words, load_recogniser, normalise, word_errors
from telephony.audio.samples import log_spectral_distance_db
from telephony.engines import catalog, recipes
from telephony.engines.base import UnknownVoiceError, UnusableVoiceError
from telephony.settings import Settings
from telephony.speech import Samples
from telephony.telemetry import logs

if TYPE_CHECKING:
    from kokoro import KModel

    from telephony.engines.kokoro.acoustic import Acoustic
    from telephony.engines.kokoro.utterance import KokoroUtterance

VOICES = ("af_sky", "am_michael", "bf_emma", "bm_george", "pf_dora", "ef_dora")
_BY_DEFAULT = {"a": 20, "b": 20}
_OTHERS_BY_DEFAULT = 10
_OF_ALL_VOICES = 4

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
    parser = report.command_line("bench.quality", __doc__)
    parser.add_argument(
        "--voices", nargs="+", default=list(VOICES), metavar="NAME", help=f"default: {' '.join(VOICES)}"
    )
    parser.add_argument("--all-voices", action="store_true", help="every voice, and blends, in place of --voices")
    parser.add_argument(
        "--sentences",
        type=int,
        metavar="N",
        help=f"for each voice (default: 20 English, 10 of others; {_OF_ALL_VOICES} with --all-voices)",
    )
    parser.add_argument("--transcribed", type=int, metavar="N", help="how many of these to recognise (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="of the noise (default 1)")
    options = parser.parse_args(arguments)
    if options.sentences is not None and options.sentences < 1:
        parser.error("--sentences must be 1 or more")
    if options.transcribed is not None and options.transcribed < 0:
        parser.error("--transcribed must be 0 or more")
    try:
        # A recipe in its canonical form begins with the voice that gives it its language.
        asked_for = [str(recipes.parse(voice)) for voice in options.voices]
    except UnusableVoiceError as error:
        parser.error(str(error))
    for voice in asked_for:
        if voice[0] not in texts.SENTENCES:
            letters = " ".join(texts.SENTENCES)
            parser.error(f"no sentences for voice {voice!r}: its name has to begin with one of {letters}")
    settings = settings_from_environment()
    logs.configure("warning", settings.log_format)
    # What it needs is missing before minutes have passed, or not at all.
    recognise = None if options.transcribed == 0 else load_recogniser(settings.cache_dir / "whisper-base")
    bench = _Bench(settings, options.seed)
    count = options.sentences
    if options.all_voices:
        asked_for, count = bench.all_voices(), count or _OF_ALL_VOICES
    voices, left_out = bench.usable(asked_for)
    findings = bench.listen(choose(voices, count), recognise, options.transcribed)
    document = assemble(settings, bench.precision, options.seed, findings, left_out)
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
    lines = corpus.read_text(encoding="utf-8").splitlines() if corpus.is_file() else ()
    measured = {normalise(line) for line in lines}
    return tuple(text for text in texts.SENTENCES[language] if normalise(text) not in measured)


class _Bench:
    """Both sides on one device, their noise drawn from one seed."""

    def __init__(self, settings: Settings, seed: int) -> None:
        from bench.reference import load_model
        from telephony.engines.kokoro.model import KokoroEngine, choose_device, find_kernels
        from telephony.engines.kokoro.parameters import load_parameters
        from telephony.engines.kokoro.weights import ensure_weights

        engine = catalog.load_main(dataclasses.replace(settings, engine="kokoro"))
        assert isinstance(engine, KokoroEngine)
        device = choose_device(settings.device)
        self._engine = engine
        self._weights = ensure_weights(settings.cache_dir, settings.weights_dir)
        self._reference: KModel = load_model(self._weights, device)
        parameters = load_parameters(self._weights.folded_path, device)
        self._source = find_kernels(device, settings.cache_dir).source(parameters.under("decoder.generator"))
        self._seed = seed
        self.precision = engine.precision

    def all_voices(self) -> list[str]:
        """Every voice of the weights, and the blends."""
        return [*self._weights.voice_names(), *cast.BLENDS]

    def usable(self, voices: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """The engine's own names of those that can speak, and why the others cannot."""
        names, left_out = [], {}
        for voice in voices:
            try:
                names.append(self._engine.find_voice(voice).name)
            except UnknownVoiceError as error:
                print(f"left out: {error}", file=sys.stderr)
                left_out[voice] = str(error)
        return names, left_out

    def listen(
        self, chosen: Mapping[str, Sequence[str]], recognise: Recognise | None, transcribed: int | None
    ) -> Findings:
        """Has each voice say its sentences, of which the recogniser hears the first `transcribed`; None: all."""
        findings = Findings([], [], [], [])
        for voice, sentences in chosen.items():
            print(f"{voice}: {len(sentences)} sentences", file=sys.stderr)
            counted = len(sentences) if transcribed is None else transcribed
            for index, text in enumerate(sentences):
                heard = index < counted and counts_words(texts.WRITTEN_IN[voice[0]])
                self.measure(voice, text, recognise if heard else None, findings)
        return findings

    def measure(self, voice: str, text: str, recognise: Recognise | None, findings: Findings) -> None:
        """Says one sentence in all ways and adds what is found."""
        import torch

        from telephony.engines.kokoro.harmonic_source import FRAME_SAMPLES
        from telephony.engines.kokoro.utterance import KokoroUtterance

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
        windows = self._engine.vocoder.windows(0, acoustic.frames, acoustic.frames)
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
                log_spectral_distance_db(reference, streamed),
                log_spectral_distance_db(reference[first], streamed[first]),
                log_spectral_distance_db(reference, exact),
                log_spectral_distance_db(reference, other),
                log_spectral_distance_db(reference[first], other[first]),
                join_steps(streamed, joins),
                join_steps(reference, joins),
            )
        )

    def _speak_reference(self, phonemes: str, voice: str, seed: int) -> Samples:
        """As kokoro.KPipeline.infer."""
        import torch

        from bench.reference import style

        vector = torch.from_numpy(style(self._weights, voice))[len(phonemes) - 1]
        with torch.inference_mode():
            torch.manual_seed(seed)
            audio: Samples = self._reference(phonemes, vector, 1.0).numpy()
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


def assemble(
    settings: Settings, precision: str, seed: int, findings: Findings, left_out: Mapping[str, str]
) -> dict[str, Any]:
    """The JSON document: every sentence's figures, their summaries by voice and over `all`, and the worst voices.

    `left_out`: voices that could not be used, and why.
    """
    sounds, hearings = findings.sounds, findings.hearings
    named = (sound.voice for sound in sounds), (hearing.voice for hearing in hearings)
    summaries = {
        voice: _summary([s for s in sounds if s.voice == voice], [h for h in hearings if h.voice == voice])
        for voice in dict.fromkeys(itertools.chain(*named))
    }
    return {
        "benchmark": "quality",
        "device": settings.device,
        "precision": precision,
        "seed": seed,
        "machine": report.machine(),
        "voices": {**summaries, "all": _summary(sounds, hearings)},
        "worst": {key: _worst(summaries, key) for key in ("streamed_db", "streamed_first_db")},
        "left_out": dict(left_out),
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
    worst = document["worst"]
    for name, key in (("all of it", "streamed_db"), ("the first second", "streamed_first_db")):
        if worst[key] is not None:
            parts.append(f"worst voice, {name}: {worst[key]['voice']}, {worst[key]['mean']:.2f} dB on average")
    parts += [f"left out: {why}" for why in document["left_out"].values()]
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


def _worst(summaries: Mapping[str, Mapping[str, Any]], key: str) -> dict[str, Any] | None:
    """The voice that is farthest from the reference on average."""
    means = {voice: summary[key]["mean"] for voice, summary in summaries.items() if summary[key] is not None}
    if not means:
        return None
    voice = max(means, key=means.__getitem__)
    return {"voice": voice, "mean": means[voice]}


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


if __name__ == "__main__":
    sys.exit(main())
