"""`python -m bench.calls`: how many calls can listen at once before one of them runs out of audio.

Each simulated listener plays what it hears in real time, from the first window on. Its agent is one text ahead: it
sends the next text when the one before begins to play. From its first audio to the end of the run there is thus always
more to come, and a moment of silence is an underrun, as is a first audio that takes longer than MAX_FIRST_AUDIO_S. The
largest number of calls without one is searched for the reference, which serves texts in order of arrival as plain
servers do, and then for the product over its streaming text door, each in a process of its own.
"""

from __future__ import annotations

import itertools
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Protocol

from bench import report, texts
from bench.measure import Timing
from bench.product import settings_from_environment
from bench.service import ServiceProcess, add_start_option
from bench.telephone import Arrival
from bench.worker import ReferenceProcess
from telephony.settings import Settings
from telephony.telemetry import logs

MAX_FIRST_AUDIO_S = 10.0
"""A listener who is kept waiting for longer is not served."""

# How many different sentences are said; every listener begins with another one.
_SENTENCES = 8
# A disturbance of the machine only ever makes a run fail, so a failed one may be repeated.
_TRIES = 2


class CallLine(Protocol):
    """One listener's connection to whoever speaks."""

    def say(self, text: str) -> None:
        """Sends a text, without waiting for its audio."""
        ...

    def receive(self, timeout_s: float) -> Arrival | None:
        """The next audio, or None if none comes within `timeout_s` seconds."""
        ...

    def close(self) -> None:
        """Hangs up."""
        ...


@dataclass
class Playback:
    """What one listener hears who said something at `began_at_s`. Times in seconds, monotonic."""

    began_at_s: float
    first_at_s: float | None = None
    dry_at_s: float = 0.0
    underruns: int = 0
    silence_s: float = 0.0

    def hear(self, arrival: Arrival) -> None:
        """Appends audio to what is playing."""
        if self.first_at_s is None:
            self.first_at_s = self.dry_at_s = arrival.at_s
            self.underruns += arrival.at_s - self.began_at_s > MAX_FIRST_AUDIO_S
        self._pass(arrival.at_s)
        self.dry_at_s = max(self.dry_at_s, arrival.at_s) + arrival.duration_s

    def end(self, at_s: float) -> None:
        """The run is over: a listener who is without audio now, or never had any, counts too."""
        if self.first_at_s is None:
            self.underruns += 1
        else:
            self._pass(at_s)

    def _pass(self, at_s: float) -> None:
        if at_s > self.dry_at_s:
            self.underruns += 1
            self.silence_s += at_s - self.dry_at_s


@dataclass(frozen=True)
class Outcome:
    """One run: how many calls, how often one ran dry, seconds of silence in all, median seconds to the first audio
    over the calls that heard any (None if none did)."""

    calls: int
    underruns: int
    silence_s: float
    first_audio_s: float | None


@dataclass(frozen=True)
class Capacity:
    """The largest number of calls without an underrun, and the runs that found it, in order."""

    calls: int
    runs: list[Outcome]


def largest(fits: Callable[[int], bool], limit: int) -> int:
    """The largest number up to `limit` that fits, where all up to some number do; 0 if not even 1 does.

    Doubles until one does not fit, then halves the gap.
    """
    good, step = 0, 1
    while step <= limit and fits(step):
        good, step = step, step * 2
    bad = min(step, limit + 1)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good


def search(
    name: str, connect: Callable[[], CallLine], durations_s: Mapping[str, float], seconds: float, limit: int
) -> Capacity:
    """Runs with more and fewer calls until the largest number without an underrun is known.

    Args:
        name: who speaks, for the progress lines on stderr.
        connect: opens a listener's line.
        durations_s: the texts to say and how long each lasts.
        seconds: length of a run.
        limit: no run has more calls than this.
    """
    runs: list[Outcome] = []

    def fits(calls: int) -> bool:
        for _ in range(_TRIES):
            outcome = listen(connect, durations_s, seconds, calls)
            runs.append(outcome)
            print(f"{name}: calls {calls}, underruns {outcome.underruns}", file=sys.stderr)
            if not outcome.underruns:
                return True
        return False

    return Capacity(largest(fits, limit), runs)


def listen(connect: Callable[[], CallLine], durations_s: Mapping[str, float], seconds: float, calls: int) -> Outcome:
    """One run of that many calls, each `seconds` long, their beginnings spread over the length of a text.

    It ends early with the first underrun.
    """
    failed = threading.Event()
    spread_s = sum(durations_s.values()) / len(durations_s)
    lines = [connect() for _ in range(calls)]
    began_at_s = time.monotonic()

    def one(index: int) -> tuple[Playback, float]:
        script = itertools.islice(itertools.cycle(durations_s.items()), index % len(durations_s), None)
        return _one_listener(lines[index], script, began_at_s + index * spread_s / calls, seconds, failed)

    try:
        with ThreadPoolExecutor(calls) as listeners:
            heard = list(listeners.map(one, range(calls)))
    finally:
        for line in lines:
            line.close()
    firsts_s = [playback.first_at_s - sent_at_s for playback, sent_at_s in heard if playback.first_at_s is not None]
    return Outcome(
        calls,
        sum(playback.underruns for playback, _ in heard),
        sum(playback.silence_s for playback, _ in heard),
        median(firsts_s) if firsts_s else None,
    )


def _one_listener(
    line: CallLine,
    script: Iterator[tuple[str, float]],
    starts_at_s: float,
    seconds: float,
    failed: threading.Event,
) -> tuple[Playback, float]:
    """Listens until the run is over or has failed; returns what was heard and when the first text was sent."""
    failed.wait(max(0.0, starts_at_s - time.monotonic()))
    text, duration_s = next(script)
    sent_at_s = time.monotonic()
    playback = Playback(sent_at_s)
    ends_at_s = sent_at_s + seconds
    line.say(text)
    next_at_s = ends_at_s  # the next text has to wait for the first audio
    while not failed.is_set() and (now := time.monotonic()) < ends_at_s:
        if now >= next_at_s:
            next_at_s += duration_s
            text, duration_s = next(script)
            line.say(text)
        arrival = line.receive(min(next_at_s, ends_at_s, now + 0.5) - now)
        if arrival is None:
            continue
        if playback.first_at_s is None:
            next_at_s = arrival.at_s
        playback.hear(arrival)
        if playback.underruns:
            failed.set()
    if not failed.is_set():
        playback.end(ends_at_s)
    return playback, sent_at_s


class Plain(Protocol):
    """Whoever speaks one text at a time, as `ReferenceProcess` does."""

    def speak(self, text: str, voice: str, on_audio: Callable[[float], object]) -> None:
        """Speaks a text, telling the seconds of each chunk of audio when it is there."""
        ...


class ReferenceServer:
    """The reference as plain servers run it: one text at a time, in order of arrival."""

    def __init__(self, plain: Plain, voice: str) -> None:
        self.plain = plain
        self.voice = voice
        self.worker = ThreadPoolExecutor(1)

    def connect(self) -> CallLine:
        """A line for a new listener."""
        return _ReferenceLine(self)


class _ReferenceLine:
    def __init__(self, server: ReferenceServer) -> None:
        self._server = server
        self._arrived: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._closed = False

    def say(self, text: str) -> None:
        self._server.worker.submit(self._speak, text)

    def receive(self, timeout_s: float) -> Arrival | None:
        try:
            return self._arrived.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None

    def close(self) -> None:
        self._closed = True

    def _speak(self, text: str) -> None:
        if not self._closed:
            self._server.plain.speak(text, self._server.voice, self._hear)

    def _hear(self, duration_s: float) -> None:
        self._arrived.put(Arrival(time.monotonic(), duration_s))


def measure(settings: Settings, seconds: float, limit: int, launcher: bool) -> dict[str, Capacity]:
    """The capacity of `reference` and `product`, one after the other, so that neither is in the other's way.

    `launcher`: see `ServiceProcess`; the rest as for `search`.
    """

    def durations_s(time_one: Callable[[str], Timing]) -> dict[str, float]:
        return {text: time_one(text).audio_s for text in texts.ENGLISH[:_SENTENCES]}

    with ReferenceProcess(settings) as plain:
        server = ReferenceServer(plain, settings.voice)
        with server.worker:
            script = durations_s(lambda text: plain.time(text, settings.voice))
            found = {"reference": search("reference", server.connect, script, seconds, limit)}
    with ServiceProcess("--stream", launcher=launcher) as product:
        script = durations_s(product.text_endpoint.time)
        found["product"] = search("product", product.text_endpoint.call, script, seconds, limit)
    return found


def assemble(settings: Settings, seconds: float, limit: int, found: Mapping[str, Capacity]) -> dict[str, Any]:
    """The JSON document; the product's `ratio` is None where the reference cannot serve a single call."""
    plain = found["reference"].calls
    return {
        "benchmark": "calls",
        "voice": settings.voice,
        "device": settings.device,
        "run_s": seconds,
        "limit": limit,
        "machine": report.machine(settings.threads),
        "capacity": {name: asdict(capacity) for name, capacity in found.items()},
        "ratio": found["product"].calls / plain if plain else None,
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as a table for people: for each side its best run."""
    rows = []
    for name, capacity in document["capacity"].items():
        best = [run for run in capacity["runs"] if run["calls"] == capacity["calls"] and not run["underruns"]]
        first = f"{best[-1]['first_audio_s']:.3f} s" if best else ""
        more = "or more" if capacity["calls"] == document["limit"] else ""
        ratio = document["ratio"] if name == "product" else None
        rows.append((name, str(capacity["calls"]), more, first, "" if ratio is None else f"{ratio:.2f}"))
    return report.table(("spoken by", "calls at once", "", "first audio", "ratio"), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.calls", __doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each run (default 20)")
    parser.add_argument("--limit", type=int, default=64, help="never more calls than this (default 64)")
    add_start_option(parser)
    options = parser.parse_args(arguments)
    if options.seconds <= 0 or options.limit < 1:
        parser.error("--seconds must be more than 0 and --limit 1 or more")
    settings = settings_from_environment()
    logs.configure("warning", settings.log_format)
    found = measure(settings, options.seconds, options.limit, options.launcher)
    document = assemble(settings, options.seconds, options.limit, found)
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'calls')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
