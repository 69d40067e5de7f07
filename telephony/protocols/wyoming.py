"""The Wyoming protocol of Home Assistant, sans-I/O: bytes in, messages out; events in, bytes out.

An event is a line of JSON with its `type`; behind it, in so many bytes as the line says, may come more JSON and a
payload. The package `wyoming` says what the events are. Its reader takes a peer at its word, so events are read here.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import Field
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable, write_event
from wyoming.ping import Pong
from wyoming.tts import SynthesizeStopped

from telephony.protocols.messages import ClientMessage, validated
from telephony.protocols.telephone import WireError, wrong_protocol

SAMPLE_RATE = 24_000
"""Of all audio, in Hz; 16-bit little-endian PCM, mono."""

SAMPLE_BYTES = 2

# So many tell HTTP from this protocol.
_PROTOCOL_BYTES = 4


class VoiceName(ClientMessage):
    """Who is to speak: a name, or else a language. A speaker within a voice is not known here."""

    name: str | None = None
    language: str | None = None


class Describe(ClientMessage):
    """Asks what there is."""


class Ping(ClientMessage):
    """Asks for a `pong`."""

    text: str | None = None


class Synthesize(ClientMessage):
    """A whole text. `text_format` is `text` or `ssml`; by default a document is recognised."""

    text: str
    voice: VoiceName = Field(default_factory=VoiceName)


class SynthesizeStart(ClientMessage):
    """A text begins that comes in pieces."""

    voice: VoiceName = Field(default_factory=VoiceName)


class SynthesizeChunk(ClientMessage):
    """The next piece of it."""

    text: str


class SynthesizeStop(ClientMessage):
    """The end of it."""


@dataclass(frozen=True)
class Unknown:
    """An event that is none of a speech service's, or newer than this one: it is ignored."""

    type: str


Message = Describe | Ping | Synthesize | SynthesizeStart | SynthesizeChunk | SynthesizeStop | Unknown

_KINDS: dict[str, type[ClientMessage]] = {
    "describe": Describe,
    "ping": Ping,
    "synthesize": Synthesize,
    "synthesize-start": SynthesizeStart,
    "synthesize-chunk": SynthesizeChunk,
    "synthesize-stop": SynthesizeStop,
}


@dataclass(frozen=True)
class _Head:
    """The line of an event, and how much follows it."""

    type: str
    data: dict[str, Any]
    data_bytes: int
    payload_bytes: int


class EventDecoder:
    """Decodes what a client sends.

    Feed it with `receive`, then iterate `events`. It holds at most one unfinished event beyond what it was fed. Not
    thread-safe; one connection, one decoder.

    Args:
        max_bytes: of an event's line, and of what follows it.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._searched = 0
        self._head: _Head | None = None
        self._begun = False
        self._failure: WireError | None = None

    def receive(self, data: bytes) -> None:
        """Takes bytes as they come off the connection, in any pieces."""
        if self._failure is None:
            self._buffer += data

    def events(self) -> Iterator[Event]:
        """Yields every event that is complete.

        Raises:
            WireError: a line is no JSON object with a type, a length is none, or an event is too long. The events
                before it have been yielded, and every further call raises again.
        """
        while (event := self._next()) is not None:
            yield event

    def _next(self) -> Event | None:
        if self._failure is not None:
            raise self._failure
        if self._head is None:
            line = self._take_line()
            if line is None:
                return None
            self._head = self._read_head(line)
        head = self._head
        size = head.data_bytes + head.payload_bytes
        if len(self._buffer) < size:
            return None
        data = bytes(self._buffer[: head.data_bytes])
        payload = bytes(self._buffer[head.data_bytes : size])
        del self._buffer[:size]
        self._head = None
        more = self._object(data, "the data of an event") if data else {}
        return Event(head.type, {**head.data, **more}, payload or None)

    def _take_line(self) -> bytes | None:
        if not self._begun and len(self._buffer) >= _PROTOCOL_BYTES:
            self._begun = True
            self._failure = wrong_protocol(bytes(self._buffer[:_PROTOCOL_BYTES]))
            if self._failure is not None:
                raise self._failure
        end = self._buffer.find(b"\n", self._searched)
        if max(end, len(self._buffer) if end < 0 else 0) > self._max_bytes:
            raise self._fail(f"a line of more than {self._max_bytes} bytes")
        if end < 0:
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line

    def _read_head(self, line: bytes) -> _Head:
        found = self._object(line, "the line of an event")
        kind, data = found.get("type"), found.get("data")
        if not isinstance(kind, str):
            raise self._fail("an event without a type")
        if data is not None and not isinstance(data, dict):
            raise self._fail("the data of an event is no JSON object")
        data_bytes, payload_bytes = self._length(found, "data_length"), self._length(found, "payload_length")
        if data_bytes + payload_bytes > self._max_bytes:
            raise self._fail(f"an event of {data_bytes + payload_bytes} bytes, over the limit of {self._max_bytes}")
        return _Head(kind, data or {}, data_bytes, payload_bytes)

    def _length(self, found: dict[str, Any], name: str) -> int:
        length = found.get(name)
        if length is None:
            return 0
        if not isinstance(length, int) or isinstance(length, bool) or length < 0:
            raise self._fail(f"{name} is no length")
        return length

    def _object(self, data: bytes, what: str) -> dict[str, Any]:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self._fail(f"{what} is no JSON object")
        return found

    def _fail(self, reason: str) -> WireError:
        """A decoder that failed once must not go on at the next event."""
        self._failure = WireError(reason)
        return self._failure


def parse(event: Event) -> Message:
    """What a client says.

    Raises:
        MessageError: it cannot be understood.
    """
    kind = _KINDS.get(event.type)
    if kind is None:
        return Unknown(event.type)
    # A field that is null is as good as none.
    fields = {name: value for name, value in event.data.items() if value is not None}
    return validated(kind, fields)  # type: ignore[return-value]  # each of _KINDS is one


def encode(message: Eventable) -> bytes:
    """An event of the package's, as it is sent."""
    written = io.BytesIO()
    write_event(message.event(), written)
    return written.getvalue()


def audio_start() -> bytes:
    """Audio begins."""
    return encode(AudioStart(SAMPLE_RATE, SAMPLE_BYTES, 1))


def audio_chunk(pcm: bytes) -> bytes:
    """The next audio."""
    return encode(AudioChunk(SAMPLE_RATE, SAMPLE_BYTES, 1, pcm))


def audio_stop() -> bytes:
    """The end of the audio of a text."""
    return encode(AudioStop())


def stopped() -> bytes:
    """The end of the answer to a text that came in pieces."""
    return encode(SynthesizeStopped())


def pong(ping: Ping) -> bytes:
    """The answer to a `ping`."""
    # JSON can spell half a character, and UTF-8 cannot.
    return encode(Pong(None if ping.text is None else ping.text.encode("utf-8", "replace").decode()))


def error(code: str, message: str) -> bytes:
    """What was wrong."""
    return encode(Error(message, code))
