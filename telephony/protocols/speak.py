"""The protocol of Deepgram's clients: text in, raw audio out, one reply after the other. See docs/protocols.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar, Literal

from telephony.protocols.messages import (
    ClientMessage,
    ErrorMessage,
    Pronunciations,
    ServiceMessage,
    read_typed,
)


class Speak(ClientMessage):
    """More text."""

    type: Literal["Speak"]
    text: str
    pronunciations: Pronunciations | None = None


class Flush(ClientMessage):
    """Speaks what is there."""

    type: Literal["Flush"]


class Clear(ClientMessage):
    """Barge-in."""

    type: Literal["Clear"]


class Close(ClientMessage):
    """The end."""

    type: Literal["Close"]


Message = Speak | Flush | Clear | Close

_KINDS: dict[str, type[Message]] = {"Speak": Speak, "Flush": Flush, "Clear": Clear, "Close": Close}


def parse(received: str | bytes) -> Message:
    """What a client says.

    Raises:
        MessageError: it cannot be understood.
    """
    return read_typed(received, _KINDS)


@dataclass(frozen=True)
class Metadata(ServiceMessage):
    """Who speaks on this connection."""

    type: ClassVar[str] = "Metadata"
    request_id: str
    model_name: str
    model_version: str
    model_uuid: str


@dataclass(frozen=True)
class Flushed(ServiceMessage):
    """All audio of what came before a Flush was sent. Counts them from 0."""

    type: ClassVar[str] = "Flushed"
    sequence_id: int


@dataclass(frozen=True)
class Cleared(ServiceMessage):
    """No earlier audio follows. Counts as `Flushed`, with which it shares its numbers."""

    type: ClassVar[str] = "Cleared"
    sequence_id: int


@dataclass(frozen=True)
class LeftOut(ErrorMessage):
    """Something was not spoken."""

    def to_json(self) -> str:
        """The message as it is sent, with a name of older clients for what it says."""
        return json.dumps({"type": "Warning", "code": self.code, "description": self.message, "warn_msg": self.message})


@dataclass(frozen=True)
class Error(ErrorMessage):
    """A message had no effect."""

    def to_json(self) -> str:
        """The message as it is sent, with a name of older clients for what it says."""
        return json.dumps({"type": "Error", "code": self.code, "description": self.message, "err_msg": self.message})
