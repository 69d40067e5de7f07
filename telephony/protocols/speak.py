"""The protocol of Deepgram's clients: text in, raw audio out, one reply after the other. See docs/protocols.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ValidationError

from telephony.protocols.messages import ClientMessage, MessageError, ServiceMessage, read_object


class Speak(ClientMessage):
    """More text."""

    type: Literal["Speak"]
    text: str


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
    message = read_object(received)
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise MessageError("unknown_type", f"there are {', '.join(_KINDS)}")
    try:
        return _KINDS[kind].model_validate(message)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
    raise MessageError("invalid_message", f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}")


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
class LeftOut(ServiceMessage):
    """Something was not spoken. `warn_msg` is what older clients call the description."""

    type: ClassVar[str] = "Warning"
    code: str
    description: str
    warn_msg: str


@dataclass(frozen=True)
class Error(ServiceMessage):
    """A message had no effect. `err_msg` is what older clients call the description."""

    type: ClassVar[str] = "Error"
    code: str
    description: str
    err_msg: str
