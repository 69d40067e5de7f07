"""What is told of calls, one JSON object an event: by `WS /calls/events`, and to a webhook. See docs/protocols.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property

from telephony.protocols.messages import ServiceMessage

MAX_TEXT_CHARS = 10_000
"""Of a text in an event: of what was heard its end, of all else its beginning."""


@dataclass(frozen=True, kw_only=True)
class CallEvent(ServiceMessage):
    """What every event has.

    Attributes:
        door: who has brought the call, as metrics name it.
        time: of the event, in UTC.
        host: the address of the call's host, where calls are shared by several.
        request_id: of the text that it is about, where a client has given that over HTTP.
    """

    call_id: str
    door: str
    time: str
    host: str | None = None
    request_id: str | None = None

    def to_json(self) -> str:
        """The message as it is sent, made once however many are told."""
        return self._json

    @cached_property
    def _json(self) -> str:
        return super().to_json()


@dataclass(frozen=True, kw_only=True)
class Connected(CallEvent):
    """Somebody is connected to a call: its text host or audio processor, or its PBX."""

    type = "connected"


@dataclass(frozen=True, kw_only=True)
class Speaking(CallEvent):
    """The caller begins to hear a text."""

    type = "speaking"
    text: str


@dataclass(frozen=True, kw_only=True)
class Spoken(CallEvent):
    """A text has come to its end: `text` is what was heard of it. `error` says why that is not all."""

    type = "spoken"
    text: str
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Interrupted(CallEvent):
    """The call fell silent: what was heard of the texts that were not `spoken` yet, and what was not."""

    type = "interrupted"
    text_spoken: str
    text_remaining: str


@dataclass(frozen=True, kw_only=True)
class Dtmf(CallEvent):
    """The caller has pressed a key: 0 to 9, *, #, A to D."""

    type = "dtmf"
    digit: str


@dataclass(frozen=True, kw_only=True)
class HungUp(CallEvent):
    """The call has ended."""

    type = "hung_up"


def moment(unix_s: float) -> str:
    """A time as events have it, in UTC with milliseconds."""
    return datetime.fromtimestamp(unix_s, timezone.utc).isoformat(timespec="milliseconds")


def beginning(text: str) -> str:
    """A text as an event has it."""
    return text[:MAX_TEXT_CHARS].strip()


def ending(text: str) -> str:
    """A text that was heard, as an event has it: where it was broken off counts most."""
    return text[-MAX_TEXT_CHARS:].strip()
