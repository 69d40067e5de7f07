"""`python -m bench.plot FILE... --out DIRECTORY`: results of the benchmarks as pictures.

Each JSON file gives one SVG, named after its benchmark: latency, growth, soak, fleet, roofline. The others have tables
enough.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot
from matplotlib.axes import Axes


def draw_latency(axes: Axes, document: Mapping[str, Any]) -> None:
    """First audio of the reference and the streamed product over the length of the text, both logarithmic."""
    for side, colour in (("reference", "tab:gray"), ("reply", "tab:blue"), ("stream", "tab:green")):
        figures = [speakers[side] for speakers in document["texts"].values()]
        lengths_s = [speakers["reference"]["audio_s"] for speakers in document["texts"].values()]
        axes.loglog(lengths_s, [entry["first_audio_s"] for entry in figures], "o-", color=colour, label=side)
    axes.set(xlabel="length of the text's speech (s)", ylabel="time to first audio (s)")
    axes.legend()


def draw_growth(axes: Axes, document: Mapping[str, Any]) -> None:
    """Resident memory over utterances of random length."""
    resident = [value / 2**20 for value in document["resident_bytes"]]
    axes.plot([document["every"] * (index + 1) for index in range(len(resident))], resident, color="tab:green")
    axes.set(xlabel="utterances spoken", ylabel="resident memory (MiB)", ylim=(0, None))


def draw_soak(axes: Axes, document: Mapping[str, Any]) -> None:
    """What must stay flat, and the median first audio, over time, each as a multiple of its own mean."""
    samples = [sample for sample in document["samples"] if sample["first_audio_s"]]
    minutes = [sample["at_s"] / 60 for sample in samples]
    for name, values in {
        "memory": [sample["resident_bytes"] for sample in samples],
        "threads": [sample["threads"] for sample in samples],
        "descriptors": [sample["descriptors"] for sample in samples],
        "first audio": [sample["first_audio_s"]["p50"] for sample in samples],
    }.items():
        axes.plot(minutes, [value / mean(values) for value in values], label=name)
    axes.set(xlabel="minutes", ylabel="multiple of the mean", ylim=(0, None))
    axes.legend()


def draw_fleet(axes: Axes, document: Mapping[str, Any]) -> None:
    """First audio over the calls of a room: the 95th percentile before the death, and long after it."""
    runs = document["runs"]
    for rooms, colour in zip(
        sorted({run["rooms"] for run in runs}), ("tab:blue", "tab:green", "tab:red"), strict=False
    ):
        some = [run for run in runs if run["rooms"] == rooms]
        calls = [run["calls_per_room"] for run in some]
        axes.semilogy(calls, [run["first_audio_s"]["p95"] for run in some], "o-", color=colour, label=f"{rooms} rooms")
        late = [run["death"]["p95_late_s"] for run in some]
        axes.semilogy(calls, late, "x:", color=colour, label=f"{rooms}, a tenth dead")
    axes.axhline(0.5, color="tab:gray", linewidth=1)
    axes.set(xlabel="calls in progress, for each room", ylabel="first audio, 95th percentile (s)")
    axes.legend(fontsize="small")


def draw_roofline(axes: Axes, document: Mapping[str, Any]) -> None:
    """What groups of layers do, over the operations for each byte that they touch, under what the processor can do."""
    peaks, colours = document["peaks"], {"float32": "tab:blue", "bfloat16": "tab:orange", "int8": "tab:green"}
    layers = document["layers"]
    reach = [layer["operations"] / layer["bytes"] for layer in layers.values()]
    edges = (min(reach) / 2, max(reach) * 2)
    for precision in (each for each in colours if each in peaks):
        corner = peaks[precision] / peaks["memory"]
        xs = sorted({edges[0], max(corner, edges[0]), edges[1]})
        ys = [min(peaks[precision], x * peaks["memory"]) / 1e9 for x in xs]
        axes.loglog(xs, ys, color=colours[precision], label=precision)
    for name, layer in layers.items():
        at = layer["operations"] / layer["bytes"], layer["operations"] / layer["spent_s"] / 1e9
        axes.loglog(*at, "o", color=colours[layer["precision"]], markersize=4)
        axes.annotate(name, at, xytext=(4, -3), textcoords="offset points", fontsize=6)
    axes.set(xlabel="operations for each byte", ylabel="GOP/s")
    axes.legend(fontsize="small")


DRAW: dict[str, Callable[[Axes, Mapping[str, Any]], None]] = {
    "latency": draw_latency,
    "growth": draw_growth,
    "soak": draw_soak,
    "fleet": draw_fleet,
    "roofline": draw_roofline,
}
"""By the name of the benchmark."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.plot", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="JSON that a benchmark has written")
    parser.add_argument("--out", type=Path, default=Path("docs"), metavar="DIRECTORY", help="default: docs")
    options = parser.parse_args(arguments)
    pyplot.rcParams["svg.hashsalt"] = "kokoro"  # the same figures give the same file
    for path in options.files:
        document = json.loads(path.read_text(encoding="utf-8"))
        name = document["benchmark"]
        if name not in DRAW:
            parser.error(f"{path}: there is no picture of {name!r}; there is one of {', '.join(DRAW)}")
        figure, axes = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
        axes.grid(alpha=0.3)
        DRAW[name](axes, document)
        target = options.out / f"{name}.svg"
        figure.savefig(target, metadata={"Date": None})
        print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
