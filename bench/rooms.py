"""`python -m bench.rooms`: what rooms cost and what they gain, over the engine in the service's own process.

First audio: a text at the session WebSocket of both services, in turn, each time another text. Throughput: as many
callers as a saturated service has, who say one text after another; seconds of speech made in a second. Memory: of the
service and of all that it has started. With `--engine tone` the engine costs nothing, and the rooms all the more.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median, quantiles
from typing import Any

from bench import report, texts
from bench.processes import family_bytes, tells_memory
from bench.service import ServiceProcess
from telephony.system import machine

HERE = "in process"


def first_audio_s(services: Mapping[str, ServiceProcess], rounds: int) -> dict[str, list[float]]:
    """Seconds to the first audio, `rounds` of each service, in turn, after one that does not count."""
    found: dict[str, list[float]] = {name: [] for name in services}
    for number in range(-1, rounds):
        for name, service in services.items():
            spoken = service.say(f"{texts.LATENCY['sentence']} This is number {number}.")
            if number >= 0:
                found[name].append(spoken.first_audio_s)
    return found


def throughput(service: ServiceProcess, callers: int, seconds: float) -> float:
    """Seconds of speech made in a second, for so many callers who talk without end for about so long."""
    began, numbers = time.monotonic(), itertools.count()

    def call() -> float:
        audio_s = 0.0
        while time.monotonic() < began + seconds:
            audio_s += service.say(f"{texts.LATENCY['sentence']} This is call {next(numbers)}.").audio_s
        return audio_s

    with ThreadPoolExecutor(callers) as threads:
        made_s = sum(found.result() for found in [threads.submit(call) for _ in range(callers)])
    return made_s / (time.monotonic() - began)


def measure(options: Any) -> dict[str, Any]:
    """The JSON document: medians and ratios to the service with the engine in its own process."""
    common = ("--engine", options.engine, "--piper", "external", "--max-first-audio-s", "0", "--max-wait-s", "600")
    with ExitStack() as stack:
        services = {
            HERE: stack.enter_context(ServiceProcess(*common, launcher=options.launcher)),
            **{
                f"{count} rooms": stack.enter_context(
                    ServiceProcess(*common, "--rooms", str(count), launcher=options.launcher)
                )
                for count in options.rooms
            },
        }
        waits = first_audio_s(services, options.rounds)
        made: dict[str, list[float]] = {name: [] for name in services}
        for _ in range(2):
            for name, service in services.items():
                made[name].append(throughput(service, options.callers, options.seconds))
        memory = {name: family_bytes(service.pid) if tells_memory() else 0 for name, service in services.items()}
    return {
        "benchmark": "rooms",
        "engine": options.engine,
        "machine": report.machine(),
        "cores": machine.cores(),
        "callers": options.callers,
        "ways": {
            name: {
                "first_audio_s": median(waits[name]),
                "first_audio_p99_s": quantiles(waits[name], n=100, method="inclusive")[-1],
                "added_s": median(waits[name]) - median(waits[HERE]),
                "speech_per_second": median(made[name]),
                "ratio": median(made[name]) / median(made[HERE]),
                "memory_bytes": memory[name],
            }
            for name in services
        },
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as a table for people."""
    rows = [
        (
            name,
            f"{way['first_audio_s'] * 1000:.1f} ms",
            f"{way['added_s'] * 1000:+.1f} ms",
            f"{way['first_audio_p99_s'] * 1000:.1f} ms",
            f"{way['speech_per_second']:.2f}",
            f"{way['ratio']:.2f}",
            f"{way['memory_bytes'] / 2**20:.0f} MiB",
        )
        for name, way in document["ways"].items()
    ]
    return report.table(("", "first audio", "added", "p99", "speech a second", "ratio", "memory"), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.rooms", __doc__)
    parser.add_argument("--rooms", type=int, nargs="+", default=[1, 2], help="how many rooms, for each service")
    parser.add_argument("--engine", choices=("kokoro", "tone"), default="kokoro")
    parser.add_argument("--rounds", type=int, default=30, help="texts whose first audio is timed (default 30)")
    parser.add_argument("--callers", type=int, default=8, help="for the throughput (default 8)")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each throughput (default 15)")
    parser.add_argument("--python", dest="launcher", action="store_false", help="start with this Python")
    options = parser.parse_args(arguments)
    document = measure(options)
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'rooms')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
