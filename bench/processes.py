"""What the system tells of a process: its memory and its processor time. Linux only, from /proc."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path

IDLE_TIMEOUT_S = 300.0
"""How long `wait_idle` waits."""

_PROC = Path("/proc")
_WINDOW_S = 0.2
# Of one processor. A service that waits for work takes less, a pool of threads that spins takes all of it.
_IDLE_SHARE = 0.1
# Behind the name of the program in /proc/PID/stat: fields 14 and 15 of all, user and system time in ticks.
_TIMES = slice(11, 13)


def resident_bytes(pid: int | None = None) -> int:
    """Resident memory of a process now, in bytes; of this one for None."""
    pages = int((_PROC / str(pid or "self") / "statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def peak_bytes(pid: int) -> int:
    """The most resident memory that a process has had since its program was started, in bytes."""
    status = (_PROC / str(pid) / "status").read_text(encoding="utf-8")
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kilobytes) * 1024


def family(pid: int) -> set[int]:
    """A process, those that it has started, and those that these have started, and so on."""
    parents: dict[int, int] = {}
    for status in _PROC.glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has just ended
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def family_bytes(pid: int) -> int:
    """Memory of a process's `family` now, in bytes; what several of them share counts once, divided among them."""
    total = 0
    for member in family(pid):
        try:
            lines = (_PROC / str(member) / "smaps_rollup").read_text(encoding="utf-8").splitlines()
        except OSError:  # it has just ended
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def family_processor_s(pid: int) -> float:
    """Processor time that a process's `family` has taken, in seconds; of those that have ended nothing."""
    total_s = 0.0
    for member in family(pid):
        try:
            total_s += _processor_s(member)
        except OSError:  # it has just ended
            continue
    return total_s


def tells_memory() -> bool:
    """Whether this system tells a process's memory."""
    return (_PROC / "self" / "status").exists()


def wait_idle(pids: Sequence[int], timeout_s: float = IDLE_TIMEOUT_S) -> None:
    """Returns once none of the processes computes; at once on a system that does not tell.

    A pool of threads that has nothing to do spins for a while before it sleeps, which would slow down another process.

    Raises:
        TimeoutError: one of them still computes after `timeout_s` seconds.
    """
    if not tells_memory():
        return
    deadline_s = time.monotonic() + timeout_s
    while True:
        before_s, began_s = [_processor_s(pid) for pid in pids], time.monotonic()
        time.sleep(_WINDOW_S)
        allowed_s = _IDLE_SHARE * (time.monotonic() - began_s)
        busy = [
            pid for pid, was_s in zip(pids, before_s, strict=True) if round(_processor_s(pid) - was_s, 3) > allowed_s
        ]
        if not busy:
            return
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"process {busy[0]} still computes after {timeout_s:.0f} s")


def _processor_s(pid: int) -> float:
    """Processor time that a process has taken, in seconds, all threads together."""
    stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8")
    ticks = stat.rpartition(")")[2].split()[_TIMES]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
