"""`python -m bench.rooms`: what rooms cost and what they gain, over the engine in the service's own process.

First audio: a text at the session WebSocket of both services, in turn, each time another text. Throughput: as many
callers as a saturated service has, who say one text after another; seconds of speech made in a second. Memory: of the
service and of all that it has started. With `--engine tone` the engine costs nothing, and the rooms all the more.

`--paced 0.25 --callers 3`: what rooms add up to. The tone engine sleeps so many seconds for a second of sound, so a
room needs no core, and N of them make N times as much as one, but for what stands between them and the callers.

`--grid`: what is best on this machine. One, two, four threads and so on, and as many rooms of them as there are cores.
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
from bench.processes import family_bytes, family_processor_s, tells_memory
from bench.service import ServiceProcess
from telephony.system import machine

HERE = "in process"
# No other engine speaks, and nobody is refused.
_ALONE = ("--piper", "external", "--max-first-audio-s", "0")
_UNBOUNDED = (*_ALONE, "--max-wait-s", "600")


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
    common = ("--engine", options.engine, *_UNBOUNDED)
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


def measure_paced(options: Any) -> dict[str, Any]:
    """The JSON document: what so many rooms make whose engine sleeps, each number of them in a service of its own."""
    made: dict[int, float] = {}
    cores_used: dict[int, float] = {}
    for count in options.rooms:
        with ServiceProcess(
            *("--engine", "tone", "--tone-realtime-factor", str(options.paced), "--rooms", str(count), *_ALONE),
            launcher=options.launcher,
        ) as service:
            throughput(service, options.callers * count, 1.0)  # the door knows each room by then
            before_s = _processor_s(service), time.monotonic()
            made[count] = throughput(service, options.callers * count, options.seconds)
            after_s = _processor_s(service), time.monotonic()
            cores_used[count] = (after_s[0] - before_s[0]) / (after_s[1] - before_s[1])
        print(f"{count} rooms: {made[count]:.2f} seconds of speech a second", file=sys.stderr)
    one = made[options.rooms[0]] / options.rooms[0]
    return {
        "benchmark": "rooms_paced",
        "realtime_factor": options.paced,
        "cores": machine.cores(),
        "callers_per_room": options.callers,
        "rooms": {
            str(count): {
                "speech_per_second": speech,
                "ratio": speech / (count * one),
                "cores_used": cores_used[count],
            }
            for count, speech in made.items()
        },
    }


def _processor_s(service: ServiceProcess) -> float:
    """Of the service, its rooms and the callers in this process."""
    return time.process_time() + (family_processor_s(service.pid) if tells_memory() else 0.0)


def grid(cores: int) -> list[tuple[int, int]]:
    """Rooms and the threads of each that fill so many cores: one thread, two, four and so on; 0 rooms: in process."""
    threads = [2**power for power in range(cores.bit_length())]
    return [(0, cores), *((cores // each, each) for each in reversed(threads))]


def measure_grid(options: Any) -> dict[str, Any]:
    """The JSON document: first audio, throughput and memory of each way to fill this machine, one after the other."""
    ways = {}
    for rooms, threads in grid(max(1, int(machine.cores()))):
        with ServiceProcess(
            *("--engine", options.engine, "--rooms", str(rooms), "--threads", str(threads), *_UNBOUNDED),
            launcher=options.launcher,
        ) as service:
            name = f"{rooms} rooms of {threads} threads" if rooms else f"{HERE}, {threads} threads"
            waits = first_audio_s({name: service}, options.rounds)[name]
            ways[name] = {
                "first_audio_s": median(waits),
                "first_audio_p99_s": quantiles(waits, n=100, method="inclusive")[-1],
                "speech_per_second": throughput(service, options.callers, options.seconds),
                "memory_bytes": family_bytes(service.pid) if tells_memory() else 0,
            }
    here = next(iter(ways.values()))
    for way in ways.values():
        way["added_s"] = way["first_audio_s"] - here["first_audio_s"]
        way["ratio"] = way["speech_per_second"] / here["speech_per_second"]
    return {
        "benchmark": "rooms",
        "engine": options.engine,
        "machine": report.machine(),
        "cores": machine.cores(),
        "callers": options.callers,
        "ways": ways,
    }


def render_paced(document: Mapping[str, Any]) -> str:
    """The document of `measure_paced` as a table for people."""
    rows = [
        (name, f"{each['speech_per_second']:.2f}", f"{each['ratio']:.3f}", f"{each['cores_used']:.2f}")
        for name, each in document["rooms"].items()
    ]
    return report.table(("rooms", "speech a second", "ratio to so many times one", "cores used"), rows)


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
    parser.add_argument("--rooms", type=int, nargs="+", help="how many rooms, for each service (default 1 2)")
    parser.add_argument("--engine", choices=("kokoro", "tone"), default="kokoro")
    parser.add_argument("--rounds", type=int, default=30, help="texts whose first audio is timed (default 30)")
    parser.add_argument("--callers", type=int, default=8, help="for the throughput (default 8); paced, of each room")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each throughput (default 15)")
    parser.add_argument("--python", dest="launcher", action="store_false", help="start with this Python")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--paced", type=float, metavar="FACTOR", help="rooms that sleep; of 1 to 8 rooms by default")
    ways.add_argument("--grid", action="store_true", help="all ways to fill this machine with rooms")
    options = parser.parse_args(arguments)
    options.rooms = options.rooms or (list(range(1, 9)) if options.paced else [1, 2])
    if options.paced:
        document = measure_paced(options)
        print(render_paced(document))
    else:
        document = measure_grid(options) if options.grid else measure(options)
        print(render(document))
    print(f"\nwritten to {report.save(document, options.json, document['benchmark'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
