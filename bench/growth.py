"""`python -m bench.growth`: memory of the service while it speaks thousands of utterances of random length.

Kernel caches that grow with the variety of lengths, or whatever else is never given back, show as a slope. Growth is
from the mean of the first tenth after the warm-up to the mean of the last tenth. The allocator is tuned as the service
tunes it; to measure under jemalloc, preload it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from statistics import mean
from typing import Any

from bench import report, texts
from bench.processes import resident_bytes
from bench.product import Product, settings_from_environment
from telephony.engines import catalog
from telephony.settings import Settings
from telephony.system import allocator
from telephony.telemetry import logs

# Of the utterances: lazy loading, allocator pools and every shape once, before growth counts.
_WARM_UP = 0.1
_MAX_WORDS = 32


def utterances(
    count: int, seed: int, sentences: Sequence[str] = texts.ENGLISH, longest: int = _MAX_WORDS
) -> Iterator[str]:
    """Sentences of 1 to `longest` words, short ones as frequent as in talk (the logarithm is uniform).

    `sentences`: where the words are from, in a language that divides them by spaces.
    """
    dice = random.Random(seed)
    words = [word.strip(".?।¿") for word in " ".join(sentences).split()]
    for _ in range(count):
        length = round(longest ** dice.random())
        start = dice.randrange(len(words) - length)
        yield " ".join(words[start : start + length]) + "."


def measure(settings: Settings, count: int, every: int, seed: int) -> list[int]:
    """Resident memory in bytes after each `every` of `count` utterances, streamed over the text door."""
    resident = []
    with Product(settings, catalog.load_main(settings), stream=True) as product:
        for number, text in enumerate(utterances(count, seed), 1):
            product.time(text)
            if number % every == 0:
                resident.append(resident_bytes())
                print(f"{number} of {count}: {resident[-1] / 2**20:.0f} MiB", file=sys.stderr)
    return resident


def steady_ends(values: Sequence[float]) -> tuple[float, float]:
    """The mean of the first tenth after the warm-up, and of the last tenth."""
    steady = values[int(_WARM_UP * len(values)) :]
    tenth = max(1, len(steady) // 10)
    return mean(steady[:tenth]), mean(steady[-tenth:])


def growth(resident: Sequence[int]) -> float:
    """Growth as a fraction, from the first tenth after the warm-up to the last tenth."""
    first, last = steady_ends(resident)
    return last / first - 1


def assemble(settings: Settings, count: int, every: int, resident: Sequence[int]) -> dict[str, Any]:
    """The JSON document."""
    return {
        "benchmark": "growth",
        "voice": settings.voice,
        "device": settings.device,
        "machine": report.machine(),
        "utterances": count,
        "every": every,
        "resident_bytes": list(resident),
        "growth": growth(resident),
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as a table for people."""
    resident = document["resident_bytes"]
    rows = [
        ("lowest", f"{min(resident) / 2**20:.0f} MiB"),
        ("highest", f"{max(resident) / 2**20:.0f} MiB"),
        ("last", f"{resident[-1] / 2**20:.0f} MiB"),
        ("growth after the warm-up", f"{100 * document['growth']:+.2f} %"),
    ]
    return report.table((f"{document['utterances']} utterances", "memory"), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.growth", __doc__)
    parser.add_argument("--utterances", type=int, default=3000, help="how many are spoken (default 3000)")
    parser.add_argument("--every", type=int, default=20, help="memory is read after so many (default 20)")
    parser.add_argument("--seed", type=int, default=1, help="of the lengths and words (default 1)")
    options = parser.parse_args(arguments)
    if options.every < 1 or options.utterances < 2 * options.every:
        parser.error("--every must be 1 or more, and --utterances at least twice as many")
    settings = settings_from_environment()
    logs.configure("warning", settings.log_format)
    allocator.tune()
    resident = measure(settings, options.utterances, options.every, options.seed)
    document = assemble(settings, options.utterances, options.every, resident)
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'growth')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
