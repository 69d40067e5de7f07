"""`python -m bench.words`: how many words a recogniser (Whisper base) gets wrong, by language.

Each sentence is said by the plain implementation (bench/reference.py: the `kokoro` package with its own phonemes) and
by the product's engine in windows, as callers hear it. Numbers that the recogniser writes as figures are put into words
before they are compared. Results are kept after every language: a file given with `--json` that is there already is
added to, so that a run can be taken up again with the languages that it lacks. The service's environment variables
apply. No figure in here is a time.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import report, texts
from bench.product import settings_from_environment, speak
from bench.quality import choose
from bench.recogniser import Recognise, load_recogniser, word_errors
from bench.understanding import VOICES, Comparison, Heard, begin
from telephony.engines import catalog
from telephony.settings import Settings
from telephony.speech import Samples
from telephony.telemetry import logs

COMPARISON = Comparison(
    ("reference", "product"),
    "reference",
    lambda errors, words: 100 * errors / words,
    lambda side: f"{side['errors']} ({side['percent']:.1f} %)",
    ("word errors", "reference", "product"),
)
summary, render = COMPARISON.summary, COMPARISON.render

Say = Callable[[str, str], Samples]
"""A text in a voice: float32 [samples] at 24 kHz."""


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
        document = begin(options.json, options.seed, "words")
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


if __name__ == "__main__":
    sys.exit(main())
