"""Asterisk's WebSocket channel (chan_websocket), sans-I/O: text messages in, events out; commands in, text out.

Audio are the binary messages, without any header. Events and commands are text: a line of words, or JSON where the PBX
is set so (since 20.18, 22.8 and 23.2). A call has one of the two, and its first event shows which.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from telephony.protocols.messages import MessageError, read_object

SUBPROTOCOL = "media"
"""What a PBX asks for in the handshake."""

_DIGITS = frozenset("0123456789*#ABCD")
# An id comes back as it was sent. Longer words of a PBX are none of ours.
_MAX_ID_CHARS = 100


@dataclass(frozen=True)
class AudioFormat:
    """What audio is made of: `encoding` as `open_encoder` has it, `sample_rate` in Hz, bytes a sample."""

    encoding: str
    sample_rate: int
    sample_bytes: int


FORMATS: Mapping[str, AudioFormat] = {
    "ulaw": AudioFormat("mulaw", 8000, 1),
    "alaw": AudioFormat("alaw", 8000, 1),
    "slin": AudioFormat("pcm", 8000, 2),
    "slin16": AudioFormat("pcm", 16_000, 2),
    "slin24": AudioFormat("pcm", 24_000, 2),
}
"""Those that this service speaks, by Asterisk's names."""


@dataclass(frozen=True)
class Started:
    """`MEDIA_START`, the first event: whose audio this is, and how it is sent.

    Attributes:
        ids: of the channel and of the connection, as far as they are UUIDs; the channel's comes first.
        format: its name.
        json: whether events and commands are JSON.
    """

    ids: tuple[uuid.UUID, ...]
    format: str
    json: bool


@dataclass(frozen=True)
class Digit:
    """`DTMF_END`: a key that the caller has pressed: 0 to 9, *, #, A to D."""

    digit: str


@dataclass(frozen=True)
class Full:
    """`MEDIA_XOFF`: the PBX would drop further audio."""


@dataclass(frozen=True)
class Roomy:
    """`MEDIA_XON`: it takes audio again."""


@dataclass(frozen=True)
class Played:
    """`MEDIA_BUFFERING_COMPLETED`: all audio was played up to the command `STOP_MEDIA_BUFFERING` with this id."""

    id: str


@dataclass(frozen=True)
class Failed:
    """`ERROR`: the PBX cannot do what it was told."""

    why: str


@dataclass(frozen=True)
class Unknown:
    """An event that nobody here needs, or that is newer than this service."""

    name: str


Event = Started | Digit | Full | Roomy | Played | Failed | Unknown


def parse(received: str) -> Event:
    """What a text message of a PBX says.

    Raises:
        MessageError: it cannot be understood.
    """
    is_json = received.lstrip()[:1] == "{"
    name, fields = _json_event(received) if is_json else _plain_event(received)
    match name:
        case "MEDIA_START":
            return _started(fields, is_json)
        case "DTMF_END":
            digit = fields.get("digit", "")
            if len(digit) != 1 or digit not in _DIGITS:
                raise MessageError("bad_message", "DTMF_END without a digit")
            return Digit(digit)
        case "MEDIA_XOFF":
            return Full()
        case "MEDIA_XON":
            return Roomy()
        case "MEDIA_BUFFERING_COMPLETED":
            return Played(fields.get("correlation_id", "")[:_MAX_ID_CHARS])
        case "ERROR":
            return Failed(fields.get("error_text", ""))
    return Unknown(name)


def _json_event(received: str) -> tuple[str, dict[str, str]]:
    message = read_object(received)
    name = message.get("event")
    if not isinstance(name, str):
        raise MessageError("bad_message", "a message without an event")
    return name, {field: value for field, value in message.items() if isinstance(value, str)}


def _plain_event(received: str) -> tuple[str, dict[str, str]]:
    name, _, rest = received.strip().partition(" ")
    if not name:
        raise MessageError("bad_message", "an empty message")
    if name == "MEDIA_BUFFERING_COMPLETED":
        return name, {"correlation_id": rest.strip()}
    if name == "ERROR":
        return name, {"error_text": rest.strip()}
    # A value may hold a colon (WebSocket/...:...), a name does not.
    fields = (word.partition(":") for word in rest.split())
    return name, {field: value for field, colon, value in fields if colon}


def _started(fields: Mapping[str, str], is_json: bool) -> Started:
    ids = [_uuid(fields.get(name, "")) for name in ("channel_id", "connection_id")]
    return Started(tuple(each for each in ids if each is not None), fields.get("format", ""), is_json)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


_Command = Literal["START_MEDIA_BUFFERING", "STOP_MEDIA_BUFFERING", "FLUSH_MEDIA", "HANGUP"]


def start_buffering(*, json: bool) -> str:
    """Audio follows, in messages of any size: the PBX makes frames of it."""
    return _command("START_MEDIA_BUFFERING", json)


def stop_buffering(id: str, *, json: bool) -> str:
    """The end of that audio; `Played` says when it was played, unless it is flushed before."""
    return _command("STOP_MEDIA_BUFFERING", json, id)


def flush(*, json: bool) -> str:
    """Barge-in: the PBX drops all audio that it has not played."""
    return _command("FLUSH_MEDIA", json)


def hang_up(*, json: bool) -> str:
    """The end of the channel."""
    return _command("HANGUP", json)


def _command(name: _Command, as_json: bool, id: str = "") -> str:
    if not as_json:
        return f"{name} {id}".rstrip()
    return json.dumps({"command": name, **({"correlation_id": id} if id else {})})
