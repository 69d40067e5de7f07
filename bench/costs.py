"""`python -m bench.costs`: what windows cost of the engine's time, as `bench.fleet` wants to know it.

Sentences of some lengths are said by the main engine alone, in this process, some times over: the median counts. A
straight line is laid through what windows took over their length, and another one through what the first window of a
segment took beyond that, over the length of the segment. `spread` is twice the mean deviation from them, so that in an
even distribution none is further away.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import linear_regression, mean, median
from typing import Any

from bench import report, texts
from bench.product import settings_from_environment
from bench.virtual import Costs
from telephony.engines import catalog
from telephony.engines.base import Engine
from telephony.settings import Settings
from telephony.telemetry import logs

_SENTENCES = 12


@dataclass(frozen=True)
class Window:
    """One window: its length, how much was made of its segment before, and what it took. In seconds."""

    length_s: float
    made_s: float
    spent_s: float


def say(engine: Engine, text: str, voice: str) -> list[Window]:
    """The windows of a text."""
    windows: list[Window] = []
    utterance, made_s = engine.prepare(text, voice, 1.0, False), 0.0
    while not utterance.finished:
        began_s = time.perf_counter()
        (samples,) = engine.render([utterance])
        length_s = len(samples) / engine.sample_rate
        windows.append(Window(length_s, made_s, time.perf_counter() - began_s))
        made_s += length_s
    return windows


def typical(rounds: Sequence[Sequence[Window]]) -> list[Window]:
    """The windows of one text that was said several times, with the medians of what they took."""
    return [replace(each[0], spent_s=median(window.spent_s for window in each)) for each in zip(*rounds, strict=True)]


def fit(segments: Sequence[Sequence[Window]]) -> Costs:
    """The costs that explain the windows of some segments best."""
    following = [window for segment in segments for window in segment[1:]]
    per_s, fixed_s = linear_regression([each.length_s for each in following], [each.spent_s for each in following])
    lengths_s = [sum(window.length_s for window in segment) for segment in segments]
    openings_s = [first.spent_s - fixed_s - per_s * first.length_s for first, *_ in segments]
    opening_per_s, opening_s = linear_regression(lengths_s, openings_s)
    whole = [[window.length_s for window in segment[:-1]] for segment in segments]  # the last one is shorter
    lengths = itertools.zip_longest(*whole)
    windows_s = [mean(each for each in nth if each is not None) for nth in lengths]
    costs = Costs(tuple(round(each, 2) for each in windows_s[:3]), opening_s, opening_per_s, fixed_s, per_s)
    deviations = [
        abs(window.spent_s / expected_s - 1)
        for segment, segment_s in zip(segments, lengths_s, strict=True)
        for window in segment
        if (expected_s := costs.window(window.length_s) + (0.0 if window.made_s else costs.opening(segment_s)))
    ]
    return Costs(**{**asdict(costs), "spread": min(0.9, 2 * mean(deviations))})


def measure(settings: Settings, rounds: int) -> dict[str, Any]:
    """The JSON document."""
    engine = catalog.load_main(settings)
    said = [*texts.LATENCY.values(), *texts.ENGLISH[:_SENTENCES]]
    for text in said:  # no cold shapes are timed
        say(engine, text, settings.voice)
    segments = [typical([say(engine, text, settings.voice) for _ in range(rounds)]) for text in said]
    spent_s = sum(window.spent_s for segment in segments for window in segment)
    made_s = sum(window.length_s for segment in segments for window in segment)
    return {
        "benchmark": "costs",
        "engine": engine.name,
        "machine": report.machine(settings.threads),
        "realtime_factor": spent_s / made_s,
        "costs": asdict(fit(segments)),
        "segments": [[asdict(window) for window in segment] for segment in segments],
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as a table for people."""
    costs = document["costs"]
    rows = [(name, str(value) if name == "windows_s" else f"{value:.4f}") for name, value in costs.items()]
    return report.table(("", "seconds"), [*rows, ("realtime factor", f"{document['realtime_factor']:.4f}")])


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.costs", __doc__)
    parser.add_argument("--rounds", type=int, default=5, help="times that each sentence is said (default 5)")
    options = parser.parse_args(arguments)
    settings = settings_from_environment()
    logs.configure("warning", settings.log_format)
    document = measure(settings, options.rounds)
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'costs')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
