"""Sums up the request log: `python -m telephony.report [FILE] --periods "30m,1h,6h"`."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from telephony.settings import parse
from telephony.telemetry.request_log import KEPT_FILES

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_COLUMNS = (
    "door",
    "requests",
    "cancelled",
    "errors",
    "ttfb_p50",
    "ttfb_p95",
    "ttfb_p99",
    "rtf_p50",
    "rtf_p95",
    "audio_s",
)


@dataclass(frozen=True)
class Entry:
    """One request of the log; None is what it does not have, such as the first byte of one that was never heard."""

    ended_at: datetime
    door: str
    first_byte_ms: float | None
    audio_s: float
    rtf: float | None
    cancelled: bool
    failed: bool


@dataclass
class Log:
    """What was read: entries, and how many lines are none."""

    entries: list[Entry]
    foreign_lines: int = 0


def main(arguments: Sequence[str] | None = None, now: datetime | None = None) -> int:
    """Prints a table for each period. Returns the exit status: 0, or 2 for what cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m telephony.report", description="Sums up the request log.")
    parser.add_argument("file", nargs="?", type=Path, help="the log; its rotated files are read as well")
    parser.add_argument("--periods", default="30m,1h,6h", help="how far back to look, such as 90s, 30m, 6h or 7d")
    given = parser.parse_args(arguments)
    try:
        periods = [(text, _period(text)) for text in given.periods.split(",")]
        path = given.file or _default_file()
        log = read(path)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    now = now or datetime.now(timezone.utc)
    for text, period in periods:
        print(f"last {text.strip()}:")
        recent = [entry for entry in log.entries if entry.ended_at > now - period]
        print("\n".join(_table(recent)) if recent else "  no request")
        print()
    print(f"{path}: {_count(len(log.entries), 'request')}", end="")
    print(f", {_count(log.foreign_lines, 'line')} passed over that are none" if log.foreign_lines else "")
    return 0


def read(path: Path) -> Log:
    """Everything in a log and its rotated files, oldest file first.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    rotated = [path.with_name(f"{path.name}.{number}") for number in range(KEPT_FILES, 0, -1)]
    log = Log([])
    for line in _lines([*(old for old in rotated if old.exists()), path]):
        entry = _entry(line)
        if entry is not None:
            log.entries.append(entry)
        elif line.strip():
            log.foreign_lines += 1
    return log


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that `percent` of all do not exceed; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def _lines(paths: Sequence[Path]) -> Iterator[str]:
    for path in paths:
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from file


def _entry(line: str) -> Entry | None:
    """None for what is no line of the request log: a torn one, or somebody else's."""
    try:
        fields = json.loads(line)
        return Entry(
            datetime.fromisoformat(fields["ts"]).astimezone(timezone.utc),
            str(fields["door"]),
            _optional_number(fields["ttfb_ms"]),
            float(fields["audio_s"]),
            _optional_number(fields["rtf"]),
            bool(fields["canceled"]),
            fields["error"] is not None,
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _optional_number(value: Any) -> float | None:
    return None if value is None else float(value)


def _table(entries: Sequence[Entry]) -> list[str]:
    """A row for each door, and one for all of them if there are several."""
    doors = sorted({entry.door for entry in entries})
    rows = [_row(door, [entry for entry in entries if entry.door == door]) for door in doors]
    if len(doors) > 1:
        rows.append(_row("all", entries))
    rows.insert(0, list(_COLUMNS))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _row(door: str, entries: Sequence[Entry]) -> list[str]:
    first_bytes = [entry.first_byte_ms for entry in entries if entry.first_byte_ms is not None]
    rtfs = [entry.rtf for entry in entries if entry.rtf is not None]
    return [
        door,
        str(len(entries)),
        str(sum(entry.cancelled for entry in entries)),
        str(sum(entry.failed for entry in entries)),
        *(_cell(percentile(first_bytes, percent), "{:.0f} ms") for percent in (50, 95, 99)),
        *(_cell(percentile(rtfs, percent), "{:.3f}") for percent in (50, 95)),
        f"{sum(entry.audio_s for entry in entries):.1f}",
    ]


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _period(text: str) -> timedelta:
    match = re.fullmatch(r"\s*(\d{1,4})([smhd])\s*", text)
    if match is None or int(match.group(1)) == 0:
        raise ValueError(f"--periods: {text!r} is no period; 90s, 30m, 6h and 7d are")
    return timedelta(**{_UNITS[match.group(2)]: int(match.group(1))})


def _default_file() -> Path:
    """Where the service writes with this environment. Raises ValueError where that cannot be known, and says why."""
    path = parse([], os.environ).settings.request_log
    if path is None:
        raise ValueError("KOKORO_REQUEST_LOG says that there is no log: name a file")
    return path


if __name__ == "__main__":
    sys.exit(main())
