"""The protocol of custom speech, of jambonz: text in pieces, raw audio back. See docs/protocols.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar, Literal

from telephony.protocols.messages import ClientMessage, ErrorMessage, MessageError, ServiceMessage, read_typed

FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/l16": "pcm"}
"""Media types that a client may ask for, and what the encoders call them."""

USUAL_FORMAT = "mp3"
_MAX_RATE_DIGITS = 7


class Stream(ClientMessage):
    """More text: whole words, with a space behind them or not."""

    type: Literal["stream"]
    text: str


class Flush(ClientMessage):
    """Speaks what is there."""

    type: Literal["flush"]


class Clear(ClientMessage):
    """Barge-in."""

    type: Literal["clear"]


class Stop(ClientMessage):
    """The end, at once."""

    type: Literal["stop"]


class KeepAlive(ClientMessage):
    """The client is there."""

    type: Literal["keepalive"]


Message = Stream | Flush | Clear | Stop | KeepAlive

_KINDS: dict[str, type[Message]] = {
    "stream": Stream,
    "flush": Flush,
    "clear": Clear,
    "stop": Stop,
    "keepalive": KeepAlive,
}


def parse(received: str | bytes) -> Message:
    """What a client says on a WebSocket.

    Raises:
        MessageError: it cannot be understood.
    """
    return read_typed(received, _KINDS)


@dataclass(frozen=True)
class Connected(ServiceMessage):
    """The first message: how audio is sent."""

    type: ClassVar[str] = "connect"
    data: dict[str, int | bool]

    @staticmethod
    def at(sample_rate: int) -> Connected:
        """Binary audio at that rate, in Hz."""
        return Connected({"sample_rate": sample_rate, "base64_encoding": False})


@dataclass(frozen=True)
class Error(ErrorMessage):
    """Something was wrong; the connection stays open."""

    def to_json(self) -> str:
        """The message as it is sent."""
        return json.dumps({"type": self.type, "error": self.message, "code": self.code})


def accepted(header: str) -> tuple[str, int | None]:
    """The first format of an Accept header that there is, and its `rate` in Hz; MP3 where there is none.

    Raises:
        MessageError: the rate is no number.
    """
    for entry in header.split(","):
        media_type, *parameters = (part.strip().lower() for part in entry.split(";"))
        if media_type in FORMATS:
            named = dict(parameter.partition("=")[::2] for parameter in parameters)
            return FORMATS[media_type], None if "rate" not in named else sample_rate(named["rate"])
    return USUAL_FORMAT, None


def sample_rate(text: str) -> int:
    """A rate in Hz, as an address or a header says it.

    Raises:
        MessageError: it is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < _MAX_RATE_DIGITS):
        raise MessageError("bad_rate", f"a sample rate is a number of Hz, not {text[:100]!r}")
    return int(text)
