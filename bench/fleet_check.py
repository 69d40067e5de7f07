"""`python -m bench.fleet_check`: one room in virtual time beside a real one, with the same calls at the same moments.

The real one is a service with a room of its own, in which the tone engine sleeps; callers hear it over the telephone's
text door, in real time. Figures that lie close together say that `bench.fleet` can be trusted with more rooms.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench import report
from bench.fleet import FIRST_AUDIO, Fleet, percentile
from bench.fleet_calls import Figures, Hearing, Script, arrivals, calls_per_s
from bench.service import ServiceProcess, add_start_option
from bench.telephone import TextDoor
from bench.virtual import Costs
from telephony.engines.catalog import PACED_TONE_WINDOW_S
from telephony.engines.tone import SECONDS_PER_CHARACTER

_SILENCE_S = 30.0
_CALLERS = 128
"""At once, at most."""


def listen(door: TextDoor, script: Script, number: int, began_at: float) -> Figures:
    """One call, in real time; times are counted from `began_at`."""
    figures, call = Figures(), door.call()
    hearing = Hearing(figures)
    for turn, (segments, talks_s) in enumerate(script.turns):
        hearing.ask(time.monotonic() - began_at)
        left_s = 0.0
        for index, length_s in enumerate(segments):
            text = f"{number} {turn} {index} ".ljust(round(length_s / SECONDS_PER_CHARACTER) - 1, "x") + "."
            left_s += SECONDS_PER_CHARACTER * len(text)
            call.say(text)
        while left_s > 0.01 and (arrival := call.receive(_SILENCE_S)) is not None:
            hearing.hear(arrival.at_s - began_at, arrival.duration_s)
            left_s -= arrival.duration_s
        figures.given_up += left_s > 0.01
        time.sleep(max(0.0, hearing.dry_at - (time.monotonic() - began_at)) + talks_s)
    call.close()
    return figures


def real(door: TextDoor, calls: Sequence[tuple[float, Script]]) -> Figures:
    """All calls, each at its time."""
    began_at = time.monotonic()
    pause = threading.Event()
    with ThreadPoolExecutor(_CALLERS) as callers:
        heard = []
        for number, (at_s, script) in enumerate(calls):
            pause.wait(max(0.0, at_s - (time.monotonic() - began_at)))
            heard.append(callers.submit(listen, door, script, number, began_at))
        every = [each.result() for each in heard]
    return Figures(
        [wait for each in every for wait in each.waits],
        [gap for each in every for gap in each.gaps],
        sum(each.speech_s for each in every),
        given_up=sum(each.given_up for each in every),
    )


def measure(options: Any) -> dict[str, Any]:
    """The JSON document: the same figures of both."""
    costs = Costs((PACED_TONE_WINDOW_S,), 0.0, 0.0, 0.0, options.realtime_factor, spread=0.0)
    rate = calls_per_s(options.load, costs)
    calls = list(arrivals(rate, round(rate * options.seconds), options.seed))
    fleet = Fleet(1, options.load, len(calls), costs, dying=0.0, silently=False, seed=options.seed, agents=0.0)
    fleet.run()
    flags = ("--engine", "tone", "--tone-realtime-factor", str(options.realtime_factor), "--piper", "external")
    with ServiceProcess(*flags, "--rooms", "1", "--stream", launcher=options.launcher) as service:
        heard = {"virtual": fleet.figures, "real": real(service.text_endpoint, calls)}
    return {
        "benchmark": "fleet_check",
        "realtime_factor": options.realtime_factor,
        "load": options.load,
        "calls": len(calls),
        "figures": {
            name: {
                "turns": len(figures.waits),
                "speech_s": figures.speech_s,
                "first_audio_s": {
                    each: percentile([wait_s for _, wait_s in figures.waits], share)
                    for each, share in FIRST_AUDIO.items()
                },
                "gaps": len(figures.gaps),
                "gap_s": sum(gap_s for _, gap_s in figures.gaps),
                "given_up": figures.given_up,
            }
            for name, figures in heard.items()
        },
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as a table for people."""
    rows = [
        (
            name,
            str(each["turns"]),
            f"{each['speech_s']:.0f} s",
            *(f"{each['first_audio_s'][share] * 1000:.0f} ms" for share in FIRST_AUDIO),
            str(each["gaps"]),
            f"{each['gap_s']:.2f} s",
        )
        for name, each in document["figures"].items()
    ]
    return report.table(("", "turns", "speech", *FIRST_AUDIO, "gaps", "in all"), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.fleet_check", __doc__)
    parser.add_argument("--load", type=float, default=0.8, help="share of the room's time (default 0.8)")
    parser.add_argument("--seconds", type=float, default=120.0, help="until the last call comes (default 120)")
    parser.add_argument("--realtime-factor", type=float, default=0.1, help="of the tone engine (default 0.1)")
    parser.add_argument("--seed", type=int, default=0)
    add_start_option(parser)
    options = parser.parse_args(arguments)
    document = measure(options)
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'fleet_check')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
