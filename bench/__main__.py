"""`python -m bench`: time to first audio, real-time factor and peak memory, as ratios to the plain implementation.

The reference speaks in a process of its own, and the service is one as operators start it: heard over its text door,
one frame for each text (reply), and over its session WebSocket, window by window (stream). All take turns in one run,
and none begins before the other process has stopped computing. The service's environment variables apply (KOKORO_VOICE,
KOKORO_DEVICE, KOKORO_THREADS and so on), to both sides. Memory is what Linux tells of each process in the end.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench import report, texts
from bench.measure import Figures, Speaker, medians, take_turns
from bench.processes import peak_bytes, tells_memory, wait_idle
from bench.product import settings_from_environment
from bench.service import ServiceProcess, add_start_option
from bench.worker import ReferenceProcess
from telephony.settings import Settings
from telephony.telemetry import logs

REFERENCE = "reference"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench", __doc__)
    parser.add_argument("--rounds", type=int, default=5, help="times that each text is spoken by each (default 5)")
    parser.add_argument("--texts", nargs="+", choices=list(texts.LATENCY), default=list(texts.LATENCY), metavar="NAME")
    add_start_option(parser)
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    settings = settings_from_environment()
    logs.configure("warning", settings.log_format)
    chosen = {name: texts.LATENCY[name] for name in options.texts}
    with ReferenceProcess(settings) as plain, ServiceProcess(launcher=options.launcher) as product:
        results = latency(settings.voice, plain, product, chosen, options.rounds)
        sides = {REFERENCE: plain.pid, "product": product.pid}
        peaks = {side: peak_bytes(pid) for side, pid in sides.items()} if tells_memory() else {}
    document = assemble(settings, options.rounds, results, peaks)
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'latency')}")
    return 0


def latency(
    voice: str, plain: ReferenceProcess, product: ServiceProcess, chosen: Mapping[str, str], rounds: int
) -> dict[str, dict[str, Figures]]:
    """Medians by name of text, then by who spoke: `reference`, `reply`, `stream`.

    Args:
        voice: the reference's; the product speaks with its own.
        plain, product: both sides.
        chosen: texts by name.
        rounds: how often each is spoken by each, besides once for warming up.
    """
    speakers: dict[str, Speaker] = {
        REFERENCE: lambda text: plain.time(text, voice),
        "reply": product.text_endpoint.time,
        "stream": product.say,
    }

    def both_idle() -> None:
        wait_idle([plain.pid, product.pid])

    return {
        name: {speaker: medians(timings) for speaker, timings in take_turns(speakers, text, rounds, both_idle).items()}
        for name, text in chosen.items()
    }


def assemble(
    settings: Settings, rounds: int, results: Mapping[str, Mapping[str, Figures]], peaks: Mapping[str, int]
) -> dict[str, Any]:
    """The JSON document: settings, machine, and every figure with its ratio to the reference's (none for itself).

    `peaks`: bytes by side; empty where the system does not tell.
    """
    return {
        "benchmark": "latency",
        "voice": settings.voice,
        "device": settings.device,
        "rounds": rounds,
        "machine": report.machine(settings.threads),
        "texts": {name: _with_ratios(figures) for name, figures in results.items()},
        "memory": {
            side: {"peak_bytes": peak, **({} if side == REFERENCE else {"ratio": peak / peaks[REFERENCE]})}
            for side, peak in peaks.items()
        },
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as tables for people."""
    rows = []
    for name, speakers in document["texts"].items():
        for speaker, figures in speakers.items():
            ratios = [figures.get(f"{key}_ratio") for key in ("first_audio", "real_time_factor")]
            shown = ["" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
            first, factor = f"{figures['first_audio_s']:.3f} s", f"{figures['real_time_factor']:.3f}"
            rows.append((name, speaker, f"{figures['audio_s']:.2f} s", first, shown[0], factor, shown[1]))
    header = ("text", "spoken by", "audio", "first audio", "ratio", "real-time factor", "ratio")
    peaks = [
        (side, f"{entry['peak_bytes'] / 2**20:.0f} MiB", f"{entry['ratio']:.2f}" if "ratio" in entry else "")
        for side, entry in document["memory"].items()
    ]
    memory = report.table(("memory", "peak", "ratio"), peaks) if peaks else "memory: this system does not tell it"
    return f"{report.table(header, rows)}\n\n{memory}"


def _with_ratios(figures: Mapping[str, Figures]) -> dict[str, dict[str, float]]:
    plain = figures[REFERENCE]
    entries = {speaker: asdict(measured) for speaker, measured in figures.items()}
    for speaker, measured in figures.items():
        if speaker != REFERENCE:
            entries[speaker]["first_audio_ratio"] = measured.first_audio_s / plain.first_audio_s
            entries[speaker]["real_time_factor_ratio"] = measured.real_time_factor / plain.real_time_factor
    return entries


if __name__ == "__main__":
    sys.exit(main())
