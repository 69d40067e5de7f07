"""One line an event on stderr, as logfmt or JSON. Callers' text appears at DEBUG only."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import TextIO, cast

import structlog


class _Lines:
    """A stream of lines for structlog, which writes one at a time. What cannot be written is lost and counted.

    A disk that is full, or a reader that is gone, must not end the call that has something to log.
    """

    def __init__(self) -> None:
        self.stream: TextIO = sys.stderr
        self.lost = 0

    def write(self, line: str) -> None:
        """Writes a line, if that is possible."""
        try:
            self.stream.write(line)
            self.stream.flush()
        except OSError:
            self.lost += 1

    def flush(self) -> None:
        """Nothing is left to do."""


_lines = _Lines()


def lines_lost() -> int:
    """How many lines of this process's log could not be written."""
    return _lines.lost


def configure(level: str, log_format: str) -> None:
    """Sets up logging for the process.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        log_format: `logfmt` or `json`.
    """
    _lines.stream = sys.stderr
    renderer: structlog.types.Processor
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], drop_missing=True)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _one_line,
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
        error, trace = record.exc_info[1:] if record.exc_info else (None, None)
        structlog.get_logger().log(
            record.levelno,
            "library_message",
            library=record.name,
            message=message,
            error=None if error is None else type(error).__name__,
            trace=None if trace is None else "".join(traceback.format_tb(trace)),
        )


def _one_line(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Line breaks inside a value, a traceback's or a hostile call id's, must not start a new line of the log."""
    return {
        key: value.replace("\r", "\\r").replace("\n", "\\n") if isinstance(value, str) else value
        for key, value in event.items()
        if value is not None
    }
