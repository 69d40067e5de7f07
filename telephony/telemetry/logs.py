"""One line an event on stderr, as logfmt or JSON. Callers' text appears at DEBUG only."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import TextIO, cast

import structlog

from telephony.telemetry.log_tail import LogTail

# A few megabytes while nobody reads.
_MAX_WAITING = 10_000
# Of one event in a second, and of refusals for each door and code, below which a storm of clients cannot hide what else
# happens; at debug there is no bound.
MAX_LINES_PER_S = 100
# What is left when the service stops is written in milliseconds, or nobody reads.
_LAST_LINES_S = 2.0


class _Lines:
    """A stream of lines for structlog, which writes one at a time. What cannot be written is lost and counted.

    A disk that is full, or a reader that is gone, must not end the call that has something to log.
    """

    def __init__(self) -> None:
        self.stream: TextIO = sys.stderr
        self.lost = 0
        self.background: _Background | None = None

    def write(self, line: str) -> None:
        """Writes a line, if that is possible."""
        if self.background is not None:
            self.background.write(line)
            return
        try:
            self.stream.write(line)
            self.stream.flush()
        except OSError:
            self.lost += 1

    def flush(self) -> None:
        """Nothing is left to do."""


class _Background:
    """Writes lines in a thread of its own: a pipe that nobody reads must not hold up who has something to log."""

    def __init__(self, descriptor: int, lines: _Lines) -> None:
        self._descriptor = descriptor
        self._lines = lines
        self._waiting: queue.Queue[str | None] = queue.Queue(_MAX_WAITING)
        # A daemon: a reader that never reads must not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Takes a line; where too many wait already it is lost and counted."""
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self._lines.lost += 1

    def close(self) -> bool:
        """Writes what is left and ends the thread; False if nobody reads it."""
        try:
            self._waiting.put(None, timeout=_LAST_LINES_S)
        except queue.Full:
            return False
        self._thread.join(_LAST_LINES_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (line := self._waiting.get()) is not None:
            rest = line.encode(errors="backslashreplace")
            try:
                # Past Python's own buffer, whose lock would stay with a thread that hangs here.
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                self._lines.lost += 1


_lines = _Lines()
tail = LogTail()
"""The last lines of this process's log."""


def write_in_background() -> None:
    """From now on lines are written by a thread of its own, up to `close`. For one program, once; after `configure`."""
    _lines.stream.flush()
    _lines.background = _Background(_lines.stream.fileno(), _lines)


def close() -> None:
    """Writes what is left, within seconds. If nobody reads it, that is lost, and so is whatever is logged later."""
    if _lines.background is not None and _lines.background.close():
        _lines.background = None


def lines_lost() -> int:
    """How many lines of this process's log were not written: nobody took them, or there were too many of an event."""
    return _lines.lost


def configure(level: str, log_format: str, clock: Callable[[], float] = time.monotonic) -> None:
    """Sets up logging for the process.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        log_format: `logfmt` or `json`.
        clock: seconds, monotonic; tests replace it.
    """
    _lines.stream = sys.stderr
    renderer: structlog.types.Processor
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], drop_missing=True)
    structlog.configure(
        processors=[
            _Flood(clock),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if level == "debug" else _trace_without_message,
            _one_line,
            tail,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _lines)),
    )
    root = logging.getLogger()
    for handler in [known for known in root.handlers if isinstance(known, _Forwarder)]:
        root.removeHandler(handler)
    root.addHandler(_Forwarder(logging.WARNING))


class _Forwarder(logging.Handler):
    """What libraries log through the standard library, as events of this log.

    From WARNING on, whatever the level: what a web server says of every connection is no news, and has keys in it.
    """

    def emit(self, record: logging.LogRecord) -> None:
        # The first line only: behind it, and in the message of an exception, there may be what a client sent.
        message = record.getMessage().strip().partition("\n")[0]
        structlog.get_logger().log(
            record.levelno, "library_message", library=record.name, message=message, exc_info=record.exc_info
        )


class _Flood:
    """Lets so many lines of an event pass in a second; the last one of them says that more were left out, if they are.

    These count as lost. Any thread.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._second = 0
        self._passed: Counter[tuple[object, ...]] = Counter()

    def __call__(self, logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if method == "debug":
            return event
        with self._lock:
            second = int(self._clock())
            if second != self._second:
                self._second = second
                self._passed.clear()
            # A storm of refusals at one endpoint hides no other refusal.
            kind = (event["event"], event.get("door"), event.get("code"))
            self._passed[kind] += 1
            passed = self._passed[kind]
        if passed > MAX_LINES_PER_S:
            _lines.lost += 1
            raise structlog.DropEvent
        return {**event, "further": "left out for a second"} if passed == MAX_LINES_PER_S else event


def _trace_without_message(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Where an exception was raised, and its type. Its message may quote what a caller is told."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else (given if isinstance(given, tuple) else sys.exc_info())[1]
    if not given or error is None:
        return event
    trace = "".join(traceback.format_tb(error.__traceback__))
    return {**event, "exception": f"Traceback (most recent call last):\n{trace}{type(error).__name__}"}


def _one_line(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Line breaks inside a value, a traceback's or a hostile call id's, must not start a new line of the log."""
    return {
        key: value.replace("\r", "\\r").replace("\n", "\\n") if isinstance(value, str) else value
        for key, value in event.items()
        if value is not None
    }
