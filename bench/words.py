"""`python -m bench.words`: how many words a recogniser (Whisper base) gets wrong, by language.

Each sentence is said by the plain implementation (bench/reference.py: the `kokoro` package with its own phonemes) and
by the product's engine in windows, as callers hear it. Numbers that the recogniser writes as figures are put into words
before they are compared. Results are kept after every language: a file given with `--json` that is there already is
added to, so that a run can be taken up again with the languages that it lacks. The service's environment variables
apply. No figure in here is a time.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import report, texts
from bench.product import settings_from_environment, speak
from bench.quality import choose
from bench.recogniser import Recognise, load_recogniser, word_errors
from telephony.engines import catalog
from telephony.settings import Settings
from telephony.speech import Samples
from telephony.telemetry import logs

VOICES = {
    "en-US": "af_sky",
    "en-GB": "bf_emma",
    "pt-BR": "pf_dora",
    "es-ES": "ef_dora",
    "fr-FR": "ff_siwis",
    "it-IT": "if_sara",
}
"""Who speaks each language."""
SIDES = ("reference", "product")

Say = Callable[[str, str], Samples]
"""A text in a voice: float32 [samples] at 24 kHz."""


@dataclass(frozen=True)
class Heard:
    """What the recogniser wrote down of one sentence in one voice, and how many words of it are wrong."""

    text: str
    errors: int


@dataclass(frozen=True)
class Sentence:
    """A sentence, the number of its words, and what was heard of it on either side."""

    text: str
    words: int
    reference: Heard
    product: Heard


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.words", __doc__)
    parser.add_argument("--languages", nargs="+", choices=list(VOICES), default=list(VOICES), metavar="TAG")
    parser.add_argument("--sentences", type=int, default=30, metavar="N", help="in each language (default 30)")
    parser.add_argument("--seed", type=int, default=1, help="of the noise (default 1)")
    options = parser.parse_args(arguments)
    if options.sentences < 1:
        parser.error("--sentences must be 1 or more")
    try:
        document = begin(options.json, options.seed)
    except ValueError as error:
        parser.error(f"--json {options.json}: {error}")
    settings = dataclasses.replace(settings_from_environment(), engine="kokoro", voice=VOICES[options.languages[0]])
    logs.configure("warning", settings.log_format)
    chosen = choose(list(VOICES.values()), options.sentences)
    path = options.json
    # What it needs is missing before minutes have passed, or not at all.
    recognise = load_recogniser(settings.cache_dir / "whisper-base")
    reference, product = load_sides(settings, options.seed)
    for language in options.languages:
        voice = VOICES[language]
        document["languages"][language] = {
            "voice": voice,
            **summary(listen(voice, chosen[voice], reference, product, recognise)),
        }
        path = report.save(document, path, "words")
    print(render(document))
    print(f"\nwritten to {path}")
    return 0


def begin(path: Path | None, seed: int, benchmark: str = "words") -> dict[str, Any]:
    """The document that a run adds to: the one at `path`, or an empty one where there is none.

    Raises:
        ValueError: the file is something else, or its noise is not that of `seed`.
    """
    if path is None or not path.exists():
        return {"benchmark": benchmark, "seed": seed, "machine": report.machine(), "languages": {}}
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or document.get("benchmark") != benchmark:
        raise ValueError("is no result of this benchmark: give another file")
    if document["seed"] != seed:
        raise ValueError(f"was begun with --seed {document['seed']}: give that, or another file")
    return document


def load_sides(settings: Settings, seed: int) -> tuple[Say, Say]:
    """How the reference speaks, and the product.

    Raises:
        WeightsError, EngineUnavailableError: it cannot be loaded.
    """
    import numpy as np
    import torch

    from bench import reference

    plain = reference.load(settings)
    engine = catalog.load_main(settings)

    def say_plainly(text: str, voice: str) -> Samples:
        torch.manual_seed(seed)
        return np.concatenate(list(plain.speak(text, voice)))

    def say_in_windows(text: str, voice: str) -> Samples:
        torch.manual_seed(seed)
        return speak(engine, text, voice)

    return say_plainly, say_in_windows


def listen(voice: str, sentences: Sequence[str], reference: Say, product: Say, recognise: Recognise) -> list[Sentence]:
    """Has both sides say the sentences, and tells what was heard."""
    language = texts.WRITTEN_IN[voice[0]]
    results = []
    for index, text in enumerate(sentences, 1):
        print(f"{voice}: {index} of {len(sentences)}", file=sys.stderr)
        heard = []
        for say in (reference, product):
            written = recognise(say(text, voice), language)
            errors, words = word_errors(text, written, language)
            heard.append(Heard(written, errors))
        results.append(Sentence(text, words, *heard))
    return results


def summary(sentences: Sequence[Sentence]) -> dict[str, Any]:
    """A language's part of the document, rates in percent and their difference in points."""
    words = sum(sentence.words for sentence in sentences)
    errors = {side: sum(getattr(sentence, side).errors for sentence in sentences) for side in SIDES}
    return {**_rates(words, errors), "sentences": [asdict(sentence) for sentence in sentences]}


def render(document: Mapping[str, Any]) -> str:
    """The document as a table for people."""
    languages = document["languages"]
    words = sum(entry["words"] for entry in languages.values())
    errors = {side: sum(entry[side]["errors"] for entry in languages.values()) for side in SIDES}
    count = sum(len(entry["sentences"]) for entry in languages.values())
    rows = [_row(tag, entry["voice"], len(entry["sentences"]), entry) for tag, entry in languages.items()]
    header = ("word errors", "voice", "sentences", "words", *SIDES, "difference, points")
    return report.table(header, [*rows, _row("all", "", count, _rates(words, errors))])


def _rates(words: int, errors: Mapping[str, int]) -> dict[str, Any]:
    sides = {side: {"errors": errors[side], "percent": 100 * errors[side] / words} for side in SIDES}
    difference = sides["product"]["percent"] - sides["reference"]["percent"]
    return {"words": words, **sides, "difference_points": difference}


def _row(name: str, voice: str, sentences: int, entry: Mapping[str, Any]) -> tuple[str, ...]:
    rates = (f"{entry[side]['errors']} ({entry[side]['percent']:.1f} %)" for side in SIDES)
    return (name, voice, str(sentences), str(entry["words"]), *rates, f"{entry['difference_points']:+.1f}")


if __name__ == "__main__":
    sys.exit(main())
