"""What this machine has to offer to this process: cores and memory, as limited by affinity and control groups."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")


def cores(root: Path = _ROOT) -> float:
    """Processor cores that this process may use; a fraction where a quota bounds its time."""
    quotas = []
    for group in _control_groups(root, "cpu"):
        # Version 2 has both figures in one file. "max" and -1 stand for no quota.
        figures = _words(group / "cpu.max") or _words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us")
        if len(figures) == 2 and figures[0].isdecimal():
            quotas.append(int(figures[0]) / int(figures[1]))
    return min([float(visible_cores()), *quotas])


def visible_cores() -> int:
    """Processor cores that this process may run on, and sees."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_bytes(root: Path = _ROOT) -> int:
    """Memory that this process may use, in bytes."""
    bounds = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for group in _control_groups(root, "memory"):
        figures = _words(group / "memory.max") or _words(group / "memory.limit_in_bytes")
        bounds += [int(figure) for figure in figures if figure.isdecimal()]
    return min(bounds)


def has_nvidia_gpu(root: Path = _ROOT) -> bool:
    """Whether an NVIDIA device is there with its driver, whatever torch makes of it. Linux only."""
    return (root / "proc/driver/nvidia/version").exists()


def nvidia_gpus(root: Path = _ROOT) -> int:
    """How many NVIDIA devices the driver has here. Linux only."""
    return len(list(root.glob("proc/driver/nvidia/gpus/*")))


def _control_groups(root: Path, controller: str) -> Iterator[Path]:
    """The directories of this process's control groups, version 2 and 1, up to the top. None but on Linux."""
    mounts = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = mounts / controller if controllers else mounts
        group = top / path.lstrip("/")
        # In a container the path may be the host's, of which only the top is mounted.
        yield from [known for known in (group, *group.parents) if known == top or known.is_relative_to(top)]


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []
