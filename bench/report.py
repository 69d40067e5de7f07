"""How results are shown and kept: aligned tables on the terminal, JSON in a file, with what is known of the machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS_DIR = Path(__file__).parent / "results"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain-text table: the first column aligned left, the others right."""
    widths = [max(len(line[column]) for line in (header, *rows)) for column in range(len(header))]
    lines = []
    for line in (header, tuple("-" * width for width in widths), *rows):
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        cells[0] = line[0].ljust(widths[0])
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def machine(threads: int = 0) -> dict[str, Any]:
    """What the figures depend on: processor, cores in use, versions, threads, bf16, GPU. No names, no paths.

    `threads`: as the settings have them, where another process computes; 0: torch's choice.
    """
    import torch

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "bf16": _has_bf16(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torch_threads": threads or torch.get_num_threads(),
    }


def command_line(program: str, description: str | None) -> argparse.ArgumentParser:
    """The command line of a benchmark, with what all have: `--json`, for `save`.

    Args:
        program: the module.
        description: its docstring.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {program}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go (default: bench/results/)")
    return parser


def save(report: dict[str, Any], path: Path | None, name: str) -> Path:
    """Writes a report as JSON, to a dated file in `RESULTS_DIR` for None. Returns where it is."""
    target = path or RESULTS_DIR / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return target


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return platform.processor() or platform.machine()


def _has_bf16() -> bool:
    """Whether the processor multiplies bf16 natively, as the engine sees it."""
    import torch

    from telephony.engines.kokoro.model import fast_dtype

    return fast_dtype(torch.device("cpu")) is torch.bfloat16
