"""`python -m bench.cold`: how long a first caller waits, of a service that has never spoken, in voices never used.

The service is started as an operator starts it, on an empty cache directory but for the weights, and keeps no phrases.
The default voice says a sentence of four seconds some times, then twenty voices that were never used and five blends
say one in their language, one after the other, then six others all at once, then the default voice again, alone and six
times at once. What each waited for its first audio is compared with the median of the default voice, warm; for those at
once, also the 95th percentile with that of as many of the default voice. Texts that were refused or failed are counted.
The service's environment variables apply.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench import cast, report, texts
from bench.processes import wait_idle
from bench.product import settings_from_environment
from bench.service import NoSpeechError, ServiceProcess, add_start_option
from telephony.settings import Settings

VOICES, BLENDS = 20, 5
"""How many say a sentence one after the other."""
VOICES_AT_ONCE, BLENDS_AT_ONCE = 4, 2

_CONNECT_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Wait:
    """Seconds that a text in a voice waited for its first audio, or why it was not spoken (an error's code)."""

    voice: str
    first_audio_s: float | None
    error: str | None = None


@dataclass(frozen=True)
class Plan:
    """Voices that no two steps share: those of a kind one after the other, and those that speak at once."""

    voices: list[str]
    blends: list[str]
    at_once: list[str]


def plan(offered: Sequence[str], default: str) -> Plan:
    """Who speaks, of the voices that the service offers: languages in turn, and fewer where there are not so many."""
    voices = [voice for voice in cast.in_turn(offered) if voice != default]
    blends = [blend for blend in cast.blends_of(offered) if blend != default]
    return Plan(
        voices[:VOICES],
        blends[:BLENDS],
        voices[VOICES:][:VOICES_AT_ONCE] + blends[BLENDS:][:BLENDS_AT_ONCE],
    )


def measure(service: ServiceProcess, settings: Settings, rounds: int) -> dict[str, list[Wait]]:
    """What was waited for, by step: `first text`, `warm`, `voices`, `blends`, `at once`, `warm at once`, in that order.

    `warm` is the default voice, `rounds` times before the others and as often behind them.
    """
    planned = plan(service.voices(settings.engine), settings.voice)
    default = [settings.voice] * rounds
    first = one_by_one(service, [settings.voice])
    wait_idle([service.pid])  # another engine may still be loading, which would be in the way of the warm voice
    before = one_by_one(service, default)
    found = {"voices": one_by_one(service, planned.voices), "blends": one_by_one(service, planned.blends)}
    together = at_once(service, planned.at_once)
    after = one_by_one(service, default)
    warm_together = at_once(service, [settings.voice] * len(planned.at_once))
    return {"first text": first, "warm": before + after, **found, "at once": together, "warm at once": warm_together}


def one_by_one(service: ServiceProcess, voices: Sequence[str]) -> list[Wait]:
    """Each says its sentence once the one before has ended."""
    return [_wait(service, voice) for voice in voices]


def at_once(service: ServiceProcess, voices: Sequence[str]) -> list[Wait]:
    """All begin at the same moment, on connections that are open already."""
    if not voices:
        return []
    begun = threading.Barrier(len(voices), timeout=_CONNECT_TIMEOUT_S)
    with ThreadPoolExecutor(len(voices)) as callers:
        return list(callers.map(lambda voice: _wait(service, voice, begun.wait), voices))


def _wait(service: ServiceProcess, voice: str, connected: Callable[[], object] = lambda: None) -> Wait:
    print(voice, file=sys.stderr)
    text = texts.FIRST_SENTENCES.get(cast.language_of(voice), texts.LATENCY["sentence"])
    try:
        return Wait(voice, service.say(text, voice, connected).first_audio_s)
    except NoSpeechError as error:
        return Wait(voice, None, error.code)


def prepare_cache(directory: Path, settings: Settings) -> None:
    """Links the weights of the service's cache directory into an empty one.

    Raises:
        FileNotFoundError: there are none yet.
    """
    if settings.engine == "tone":
        return
    from telephony.engines.kokoro.weights import find_weights

    weights = find_weights(settings.cache_dir, settings.weights_dir)
    if weights is None:
        raise FileNotFoundError(f"no weights in {settings.cache_dir}: start the service once, which fetches them")
    source = weights.model_path.parent
    (directory / source.name).symlink_to(source.resolve())


def assemble(settings: Settings, ready_s: float, found: Mapping[str, Sequence[Wait]]) -> dict[str, Any]:
    """The JSON document: figures of each step, with their ratios to the warm median, and every single wait."""
    warm_s = median(_heard(found["warm"]))
    steps = {**found, "one by one": [*found["voices"], *found["blends"]]}
    return {
        "benchmark": "cold",
        "voice": settings.voice,
        "device": settings.device,
        "machine": report.machine(settings.threads),
        "ready_s": ready_s,
        "warm_s": warm_s,
        "steps": {name: _figures(waits, warm_s) for name, waits in steps.items() if waits},
        "waits": {name: [vars(wait) for wait in waits] for name, waits in found.items()},
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as a table for people."""
    rows = []
    for name, step in document["steps"].items():
        cells = [name, str(step["texts"])]
        for key in ("median", "p95", "worst"):
            figure = step["first_audio"].get(key)
            cells += ["", ""] if figure is None else [f"{figure['seconds']:.3f} s", f"{figure['ratio']:.2f}"]
        errors = ", ".join(f"{code} {count}" for code, count in step["errors"].items())
        rows.append((*cells, errors))
    header = ("first audio", "texts", "median", "ratio", "p95", "ratio", "worst", "ratio", "errors")
    lines = [f"ready after {document['ready_s']:.1f} s", "", report.table(header, rows)]
    new, known = (document["steps"].get(name, {}).get("first_audio") for name in ("at once", "warm at once"))
    if new and known:
        lines += ["", f"at once, p95, over the default voice's: {new['p95']['seconds'] / known['p95']['seconds']:.2f}"]
    return "\n".join(lines)


def _heard(waits: Sequence[Wait]) -> list[float]:
    return [wait.first_audio_s for wait in waits if wait.first_audio_s is not None]


def _figures(waits: Sequence[Wait], warm_s: float) -> dict[str, Any]:
    heard = _heard(waits)
    seconds = {}
    if heard:
        p95 = quantiles(heard, n=20, method="inclusive")[-1] if len(heard) > 1 else heard[0]
        seconds = {"median": median(heard), "p95": p95, "worst": max(heard)}
    return {
        "texts": len(waits),
        "first_audio": {name: {"seconds": value, "ratio": value / warm_s} for name, value in seconds.items()},
        "errors": dict(Counter(wait.error for wait in waits if wait.error is not None)),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.cold", __doc__)
    parser.add_argument("--rounds", type=int, default=5, help="texts of the default voice, warm, each time (default 5)")
    add_start_option(parser)
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    settings = settings_from_environment()
    with tempfile.TemporaryDirectory() as directory:
        try:
            prepare_cache(Path(directory), settings)
        except FileNotFoundError as error:
            parser.error(str(error))
        with ServiceProcess("--cache-dir", directory, launcher=options.launcher) as service:
            found = measure(service, settings, options.rounds)
    document = assemble(settings, service.ready_s, found)
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'cold')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
