"""The last lines of the log, for who looks at the service without a shell. Callers' text is not among them."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass

import structlog

MAX_LINES = 200
_MAX_CHARS = 500
# Keys may be a PIN.
_PRIVATE = ("digit",)


@dataclass(frozen=True)
class LogLine:
    """A line of the log; `number` counts up from 1."""

    number: int
    text: str


class LogTail:
    """Keeps the last lines from INFO on. A processor of structlog; any thread.

    Not those of DEBUG, which quote callers, nor traces, which do so there, nor the keys that callers press.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._lines: deque[LogLine] = deque(maxlen=MAX_LINES)
        self._render = structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "event"], drop_missing=True, bool_as_flag=False
        )

    def __call__(self, logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        """Keeps an event; passes it on as it is."""
        if method != "debug" and event["event"] not in _PRIVATE:
            told = {key: value for key, value in event.items() if key not in ("exception", "exc_info")}
            self._lines.append(LogLine(next(self._numbers), self._render(logger, method, told)[:_MAX_CHARS]))
        return event

    def since(self, number: int) -> list[LogLine]:
        """The lines behind the one of that number, as far as they were kept."""
        return [line for line in self._lines.copy() if line.number > number]
