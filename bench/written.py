"""`python -m bench.written`: whether figures and codes are understood as well as sentences written out by hand.

bench/sentences/ has sentences full of numbers, addresses and codes, each with what it means in words, as a native
speaker wrote it. The product says both; Whisper base writes down what it hears, and the words of that which are not
those that were meant are counted. Where a sentence can be read in several ways (third column and on), the nearest
counts, for both sides. Results are kept after every language, and a file given with `--json` is added to, as in
bench.words. The service's environment variables apply. No figure in here is a time.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import report
from bench.product import settings_from_environment, speak
from bench.recogniser import Recognise, load_recogniser, word_errors
from bench.understanding import VOICES, Comparison, Heard, begin
from telephony.engines import catalog
from telephony.speech import Samples
from telephony.telemetry import logs
from telephony.text.normalization import normalize

DIRECTORY = Path(__file__).parent / "sentences"
COMPARISON = Comparison(
    ("written", "by_hand"),
    "by_hand",
    lambda errors, words: 100 - 100 * errors / words,
    lambda side: f"{side['percent']:.1f} %",
    ("words that agree", "as written", "by hand"),
)
summary, render = COMPARISON.summary, COMPARISON.render


@dataclass(frozen=True)
class Meant:
    """A sentence as it is written, and what it means in words: what is spoken by hand comes first."""

    written: str
    readings: tuple[str, ...]


@dataclass(frozen=True)
class Compared:
    """A sentence, the number of its words, and what was heard of it as it is written and as it is written out."""

    text: str
    words: int
    written: Heard
    by_hand: Heard


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.written", __doc__)
    parser.add_argument("--languages", nargs="+", choices=list(VOICES), default=list(VOICES), metavar="TAG")
    parser.add_argument("--sentences", type=int, default=60, metavar="N", help="in each language (default 60)")
    parser.add_argument("--seed", type=int, default=1, help="of the noise (default 1)")
    options = parser.parse_args(arguments)
    if options.sentences < 1:
        parser.error("--sentences must be 1 or more")
    try:
        document = begin(options.json, options.seed, "written")
    except ValueError as error:
        parser.error(f"--json {options.json}: {error}")
    settings = dataclasses.replace(settings_from_environment(), engine="kokoro", voice=VOICES[options.languages[0]])
    logs.configure("warning", settings.log_format)
    path = options.json
    recognise = load_recogniser(settings.cache_dir / "whisper-base")
    engine = catalog.load_main(settings)
    for language in options.languages:
        voice = VOICES[language]

        def say(text: str, voice: str = voice) -> Samples:
            import torch

            torch.manual_seed(options.seed)
            return speak(engine, text, voice)

        compared = compare(sentences(language)[: options.sentences], language, say, recognise)
        document["languages"][language] = {"voice": voice, **summary(compared)}
        path = report.save(document, path, "written")
    print(render(document))
    print(f"\nwritten to {path}")
    return 0


def sentences(language: str) -> list[Meant]:
    """A language's sentences, by its tag."""
    lines = (DIRECTORY / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    return [Meant(written, tuple(readings)) for written, *readings in (line.split("\t") for line in lines)]


def compare(
    meant: Sequence[Meant], language: str, say: Callable[[str], Samples], recognise: Recognise
) -> list[Compared]:
    """Has each sentence said as it is written and as it is written out, and tells what was heard."""
    results = []
    for index, sentence in enumerate(meant, 1):
        print(f"{language}: {index} of {len(meant)}", file=sys.stderr)
        heard: dict[str, str] = {}
        for text in (sentence.written, sentence.readings[0]):
            # What is the same in words is the same sound.
            words = normalize(text, language)
            if words not in heard:
                heard[words] = recognise(say(text), language)
        sides = []
        counts = []
        for text in (sentence.written, sentence.readings[0]):
            written = heard[normalize(text, language)]
            errors, count = min(word_errors(reading, written, language) for reading in sentence.readings)
            sides.append(Heard(written, errors))
            counts.append(count)
        results.append(Compared(sentence.written, counts[1], *sides))
    return results


if __name__ == "__main__":
    sys.exit(main())
