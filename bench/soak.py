"""`python -m bench.soak`: minutes or hours of mixed traffic at 80 % of what the service can do. All must stay flat.

With `--share 2` at twice as much as it can do: then calls may be refused, and must not be silent in mid-speech.

The capacity is measured first, in seconds of speech made per second. So many listeners then call at all doors in turn,
say some sentences, hear them in real time, and hang up, one call in eleven in mid-speech. Memory, threads and
descriptors are those of this process, callers included. Of the tone engine (KOKORO_ENGINE=tone; paced, as if it had
to work) every call is checked sample by sample, of another engine its length. The exit status is 1 where anything
grows, or a text was lost, mixed with another, had a gap, or was refused though there was capacity.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean, quantiles
from typing import Any, Protocol

import httpx
from websockets.exceptions import WebSocketException

from bench import report, texts
from bench.crowd import Crowd, Heard, is_all_of
from bench.growth import steady_ends
from bench.processes import resident_bytes
from bench.product import Product, settings_from_environment
from telephony.audio.samples import to_pcm16
from telephony.engines import catalog
from telephony.engines.base import Engine
from telephony.engines.tone import ToneEngine
from telephony.settings import Settings
from telephony.telemetry import logs

CAPACITY_S = 10.0
"""How long the capacity is measured."""
CALLERS_FOR_CAPACITY = 16
MAX_SENTENCES = 3
"""Of a call."""
SHARE_OF_CAPACITY = 0.8
REFUSED_PAUSE_S = 1.0
"""How long a listener who was refused waits before the next call."""
MAX_MEMORY_GROWTH = 0.02
"""After the warm-up, as a fraction."""
MAX_HANDLES_GROWTH = 3.0
"""Threads, and descriptors, on average: calls come and go, so that their number is never quite the same."""

_HUNG_UP_EVERY = 11  # no multiple of the number of doors
_HUNG_UP_AFTER_S = 0.7
# An engine's own noise moves the ends of a sentence by some milliseconds.
_LENGTH_TOLERANCE = 0.1
# Seconds that the paced tone engine works for a second of speech.
_TONE_PACE = 0.1


class Script(Protocol):
    """What is said, and how it is judged."""

    def sentences(self, call: int) -> list[str]:
        """What the call of that number says."""
        ...

    def fault(self, door: str, sentences: Sequence[str], heard: Heard) -> str | None:
        """`lost` or `mixed`, or None where all was heard as it was said."""
        ...


class ToneScript:
    """Sentences that come once each, and whose every sample is known."""

    def __init__(self) -> None:
        self._engine = ToneEngine(window_s=60.0)

    def sentences(self, call: int) -> list[str]:
        """See `Script`."""
        return [f"This is call {call} with sentence {number}." for number in range(1 + call % MAX_SENTENCES)]

    def fault(self, door: str, sentences: Sequence[str], heard: Heard) -> str | None:
        """See `Script`."""
        spoken = [self._pcm(sentence) for sentence in sentences]
        if is_all_of(heard, door, spoken):
            return None
        return "lost" if len(heard.pcm) < sum(map(len, spoken)) else "mixed"

    def _pcm(self, sentence: str) -> bytes:
        return to_pcm16(self._engine.render([self._engine.prepare(sentence, "tone", 1.0, False)])[0])


class MeasuredScript:
    """Sentences of which it is known how long they last, in seconds."""

    def __init__(self, durations_s: Mapping[str, float]) -> None:
        self._durations_s = durations_s

    def sentences(self, call: int) -> list[str]:
        """See `Script`."""
        some = itertools.islice(itertools.cycle(self._durations_s), call % len(self._durations_s), None)
        return list(itertools.islice(some, 1 + call % MAX_SENTENCES))

    def fault(self, door: str, sentences: Sequence[str], heard: Heard) -> str | None:
        """See `Script`."""
        ratio = heard.audio_s / sum(self._durations_s[sentence] for sentence in sentences)
        if ratio < 1 - _LENGTH_TOLERANCE:
            return "lost"
        return "mixed" if ratio > 1 + _LENGTH_TOLERANCE else None


@dataclass
class Interval:
    """What happened since the last sample was taken."""

    calls: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    audio_s: float = 0.0
    first_audio_s: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Sample:
    """One moment: `calls` by door and `faults` by kind since the one before, `first_audio_s` by percentile."""

    at_s: float
    resident_bytes: int
    threads: int
    descriptors: int
    audio_s: float
    calls: dict[str, int]
    faults: dict[str, int]
    first_audio_s: dict[str, float] | None


class Soak:
    """Listeners who call again and again, and what is seen meanwhile."""

    def __init__(self, crowd: Crowd, script: Script) -> None:
        self._crowd = crowd
        self._script = script
        self._numbers = itertools.count(1)
        self._interval = Interval()

    async def capacity(self, seconds: float) -> float:
        """Seconds of speech that the service makes a second, for callers who do not listen in real time."""
        audio_s = 0.0
        ends_at_s = time.monotonic() + seconds

        async def hurry() -> None:
            nonlocal audio_s
            while time.monotonic() < ends_at_s:
                heard = await self._crowd.calls["telephone"](self._script.sentences(next(self._numbers)))
                audio_s += heard.audio_s

        began_s = time.monotonic()
        await asyncio.gather(*(hurry() for _ in range(CALLERS_FOR_CAPACITY)))
        return audio_s / (time.monotonic() - began_s)

    async def run(self, listeners: int, seconds: float, every_s: float) -> list[Sample]:
        """So many listeners for that long; a sample every `every_s` seconds."""
        began_s = time.monotonic()
        listening = [
            asyncio.create_task(self._listen(number / listeners, began_s + seconds)) for number in range(listeners)
        ]
        samples = []
        for number in range(1, max(1, round(seconds / every_s)) + 1):
            await asyncio.sleep(max(0.0, began_s + number * every_s - time.monotonic()))
            samples.append(self._sample(time.monotonic() - began_s))
            print(_line(samples[-1]), file=sys.stderr)
        await asyncio.gather(*listening)
        return samples

    async def _listen(self, phase: float, until_s: float) -> None:
        await asyncio.sleep(phase)
        while time.monotonic() < until_s:
            await self._call(next(self._numbers))

    async def _call(self, number: int) -> None:
        doors = list(self._crowd.calls)
        door = doors[number % len(doors)]
        sentences = self._script.sentences(number // len(doors))
        limit_s = _HUNG_UP_AFTER_S if number % _HUNG_UP_EVERY == 0 else None
        began_s = time.monotonic()
        try:
            heard = await asyncio.wait_for(self._crowd.calls[door](sentences), limit_s)
        except asyncio.TimeoutError:
            self._interval.calls["hung up"] += 1
            return
        except (OSError, EOFError, httpx.HTTPError, WebSocketException) as error:
            print(f"{door}: {error!r}", file=sys.stderr)
            self._interval.faults["refused"] += 1
            await asyncio.sleep(REFUSED_PAUSE_S)
            return
        fault = self._script.fault(door, sentences, heard)
        if fault is not None:
            print(f"{door}: {fault}, {heard.audio_s:.2f} s of {sentences}", file=sys.stderr)
            self._interval.faults[fault] += 1
        if heard.gaps:
            self._interval.faults["with gaps"] += 1
        self._interval.calls[door] += 1
        self._interval.audio_s += heard.audio_s
        if heard.first_audio_s is not None:
            self._interval.first_audio_s.append(heard.first_audio_s)
            await asyncio.sleep(max(0.0, began_s + heard.first_audio_s + heard.audio_s - time.monotonic()))

    def _sample(self, at_s: float) -> Sample:
        interval, self._interval = self._interval, Interval()
        return Sample(
            at_s,
            resident_bytes(),
            threading.active_count(),
            len(list(Path("/proc/self/fd").iterdir())),
            interval.audio_s,
            dict(interval.calls),
            dict(interval.faults),
            _percentiles(interval.first_audio_s),
        )


def measure(settings: Settings, seconds: float, every_s: float, share: float) -> tuple[float, int, list[Sample]]:
    """The capacity in seconds of speech a second, the number of listeners, and what was seen while they listened."""
    with contextlib.ExitStack() as stack:
        if settings.engine == "tone":
            engine: Engine = paced_tone()
            script: Script = ToneScript()
            product = stack.enter_context(Product(settings, engine, stream=True))
        else:
            product = stack.enter_context(Product(settings, catalog.load_main(settings), stream=True))
            script = MeasuredScript({text: product.time(text).audio_s for text in texts.ENGLISH[:8]})

        async def run() -> tuple[float, int, list[Sample]]:
            async with Crowd(product.text_port, product.http_port, product.audiosocket_port) as crowd:
                soak = Soak(crowd, script)
                capacity = await soak.capacity(CAPACITY_S)
                listeners = max(1, math.floor(share * capacity))
                print(f"{capacity:.1f} seconds of speech a second: {listeners} listeners", file=sys.stderr)
                return capacity, listeners, await soak.run(listeners, seconds, every_s)

        return asyncio.run(run())


def paced_tone() -> ToneEngine:
    """The tone engine, as slow as one that has to work."""
    return ToneEngine(max_batch=1, realtime_factor=_TONE_PACE)


def complaints(samples: Sequence[Sample], share: float) -> list[str]:
    """What is not as it must be, at that share of the capacity; empty where all is well."""
    found = []
    first, last = steady_ends([sample.resident_bytes for sample in samples])
    if last > first * (1 + MAX_MEMORY_GROWTH):
        found.append(f"memory grows by {100 * (last / first - 1):.1f} %")
    for name in ("threads", "descriptors"):
        first, last = steady_ends([getattr(sample, name) for sample in samples])
        if last > first + MAX_HANDLES_GROWTH:
            found.append(f"{name} grow from {first:.1f} to {last:.1f}")
    faults = sum((Counter(sample.faults) for sample in samples), Counter[str]())
    if share > 1:
        del faults["refused"]
    found.extend(f"{count} calls {kind}" for kind, count in faults.items())
    if not sum(sum(sample.calls.values()) for sample in samples):
        found.append("nobody was heard")
    return found


def assemble(
    settings: Settings, capacity: float, share: float, listeners: int, samples: Sequence[Sample]
) -> dict[str, Any]:
    """The JSON document."""
    return {
        "benchmark": "soak",
        "engine": settings.engine,
        "voice": settings.voice,
        "device": settings.device,
        "machine": report.machine(),
        "capacity": capacity,
        "share": share,
        "listeners": listeners,
        "samples": [asdict(sample) for sample in samples],
        "complaints": complaints(samples, share),
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as a table for people: the first and the last tenth after the warm-up, and the verdict."""
    samples = document["samples"]
    rows = []
    for name, scale, unit in (("resident_bytes", 2**20, "MiB"), ("threads", 1, ""), ("descriptors", 1, "")):
        ends = steady_ends([sample[name] for sample in samples])
        rows.append((name.replace("_bytes", " memory"), *(f"{value / scale:.1f} {unit}".strip() for value in ends)))
    heard = [sample["first_audio_s"] for sample in samples if sample["first_audio_s"]]
    for percentile in ("p50", "p95", "p99") if heard else ():
        ends = steady_ends([each[percentile] for each in heard])
        rows.append((f"first audio, {percentile}", *(f"{value * 1000:.0f} ms" for value in ends)))
    calls = sum((Counter(sample["calls"]) for sample in samples), Counter[str]())
    refused = sum(sample["faults"].get("refused", 0) for sample in samples)
    header = (f"{document['listeners']} listeners, {calls.total()} calls", "first tenth", "last tenth")
    verdict = "; ".join(document["complaints"]) or f"flat, and nothing was lost, mixed or had a gap; {refused} refused"
    return f"{report.table(header, rows)}\n\n{verdict}"


def _percentiles(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    cuts = quantiles(values, n=100, method="inclusive") if len(values) > 1 else [mean(values)] * 99
    return {name: cuts[number - 1] for name, number in (("p50", 50), ("p95", 95), ("p99", 99))}


def _line(sample: Sample) -> str:
    first = sample.first_audio_s
    waits = "nobody heard" if first is None else ", ".join(f"{name} {value:.3f} s" for name, value in first.items())
    return (
        f"{sample.at_s / 60:.1f} min: {sample.resident_bytes / 2**20:.1f} MiB, {sample.threads} threads, "
        f"{sample.descriptors} descriptors, {sum(sample.calls.values())} calls, first audio {waits}, "
        f"faults {sample.faults or 'none'}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.soak", __doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="of traffic, behind the measuring (default 30)")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two samples (default 10)")
    parser.add_argument(
        "--share",
        type=float,
        default=SHARE_OF_CAPACITY,
        help=f"of the capacity that is listened to (default {SHARE_OF_CAPACITY})",
    )
    options = parser.parse_args(arguments)
    if options.every <= 0 or options.minutes * 60 < 2 * options.every:
        parser.error("--every must be more than 0, and --minutes at least twice as long")
    settings = settings_from_environment()
    logs.configure("warning", settings.log_format)
    capacity, listeners, samples = measure(settings, options.minutes * 60, options.every, options.share)
    document = assemble(settings, capacity, options.share, listeners, samples)
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'soak')}")
    return 1 if document["complaints"] else 0


if __name__ == "__main__":
    sys.exit(main())
