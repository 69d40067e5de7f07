"""One JSON line for every request, in a file that is rotated by size.

Whoever finishes a request hands a line over and goes on: a thread of its own writes, so that a disk that is slow or
full holds up nobody. Lines that it cannot keep up with are dropped and counted.
"""

from __future__ import annotations

import json
import logging
import queue
import sys
import threading
import time
from datetime import datetime, timezone
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Protocol

import structlog

from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()

# About 40,000 requests a file, a quarter of a million in all: a busy day.
MAX_FILE_BYTES = 10 * 2**20
KEPT_FILES = 5
# Some megabytes while the disk hangs.
_MAX_WAITING = 10_000
# What is left when the service stops is written in milliseconds, or the disk hangs.
_LAST_LINES_S = 2.0
# A client chooses it.
_MAX_ID_CHARS = 200


class _Engine(Protocol):
    @property
    def name(self) -> str: ...


class _Voice(Protocol):
    @property
    def engine(self) -> _Engine: ...


class _Measurements(Protocol):
    engine_s: float
    audio_s: float
    first_audio_s: float | None
    failure: str | None


class Spoken(Protocol):
    """What a line tells of a request; `Request` of the scheduler is one."""

    @property
    def request_id(self) -> str:
        """As its client has named it; empty for none."""
        ...

    @property
    def call(self) -> str:
        """The call or session that it belongs to; empty for none."""
        ...

    @property
    def current(self) -> _Voice:
        """Who has spoken it."""
        ...

    @property
    def measured(self) -> _Measurements:
        """Of what was spoken until now."""
        ...

    @property
    def arrived_at(self) -> float:
        """In seconds, on the monotonic clock."""
        ...

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        ...


class RequestLog:
    """The log of all requests. `start` once, `close` once; `note` from any thread."""

    def __init__(self, path: Path, metrics: Metrics) -> None:
        self._path = path
        self._metrics = metrics
        self._waiting: queue.Queue[dict[str, Any] | None] = queue.Queue(_MAX_WAITING)
        self._complaint = ""
        # A daemon: a disk that hangs must not hold up the end of the process.
        self._thread = threading.Thread(target=self._write, name="request-log", daemon=True)

    def start(self) -> None:
        """Starts to write."""
        self._thread.start()

    def note(self, door: str, request: Spoken, dropped: bool) -> None:
        """Writes down a request that has been spoken, or was dropped. Returns at once."""
        try:
            self._waiting.put_nowait(_entry(door, request, dropped))
        except queue.Full:
            self._metrics.request_log_dropped.inc()

    def close(self) -> None:
        """Writes what is left, if the disk lets it, and closes the file."""
        try:
            self._waiting.put(None, timeout=_LAST_LINES_S)
        except queue.Full:
            return
        self._thread.join(_LAST_LINES_S)

    def _write(self) -> None:
        file: _File | None = None
        while (entry := self._waiting.get()) is not None:
            try:
                if file is None:
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                    file = _File(self._path)
                file.write(json.dumps(entry))
                self._complaint = ""
            except OSError as error:
                self._metrics.request_log_dropped.inc()
                self._complain(error)
        if file is not None:
            try:
                file.close()
            except OSError as error:
                self._complain(error)

    def _complain(self, error: OSError) -> None:
        reason = error.strerror or type(error).__name__
        if reason != self._complaint:  # once for each kind, not for each request
            self._complaint = reason
            log.error("request_log_failed", path=str(self._path), error=reason)


class _File(RotatingFileHandler):
    """The standard library's rotation, for lines instead of log records."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=MAX_FILE_BYTES, backupCount=KEPT_FILES, encoding="utf-8")

    def write(self, line: str) -> None:
        """Writes a line. Raises OSError."""
        self.emit(logging.makeLogRecord({"msg": line}))

    def handleError(self, record: logging.LogRecord) -> None:
        """Called while the error of `emit` is handled: lets it through."""
        error = sys.exc_info()[1]
        if error is not None:
            raise error


def _entry(door: str, request: Spoken, dropped: bool) -> dict[str, Any]:
    measured = request.measured
    engine_s, audio_s = measured.engine_s, measured.audio_s
    wall_s = time.monotonic() - request.arrived_at
    bits = 16 * request.sample_rate * audio_s
    return {
        "ts": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "request_id": request.request_id[:_MAX_ID_CHARS] or None,
        "door": door,
        "call": request.call[:_MAX_ID_CHARS] or None,
        "engine": request.current.engine.name,
        "ttfb_ms": None if measured.first_audio_s is None else round(measured.first_audio_s * 1000, 1),
        "wall_s": round(wall_s, 3),
        "audio_s": round(audio_s, 3),
        "rtf": round(engine_s / audio_s, 4) if audio_s else None,
        "xrt": round(audio_s / engine_s, 2) if engine_s else None,
        "kbps": round(bits / 1000 / wall_s, 1) if wall_s else None,
        "canceled": dropped and measured.failure is None,
        "error": measured.failure,
    }
