"""The telephone host's protocol, sans-I/O: bytes in, events out; events in, bytes out.

Nothing here knows of sockets or threads. All integers are unsigned, 32 bits, big-endian; audio samples are float32,
little-endian, mono. docs/protocols.md shows every frame.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from telephony.speech import Samples

MAX_CALL_ID_BYTES = 1024
MAX_TEXT_BYTES = 10 * 1024 * 1024
MAX_AUDIO_BYTES = 10 * 1024 * 1024
MAX_DATAGRAM_BYTES = 256
PROCESSOR_BASE_PORT = 9002

_LENGTH = struct.Struct(">I")
_AUDIO_HEADER = struct.Struct(">III")
_BYE_LENGTH = 0xFFFFFFFF
_BYTES_PER_SAMPLE = 4
MAX_AUDIO_SAMPLES = MAX_AUDIO_BYTES // _BYTES_PER_SAMPLE


# How the requests of HTTP begin, and a TLS handshake.
_HTTP_STARTS = (b"GET ", b"HEAD", b"POST", b"PUT ", b"PATC", b"DELE", b"OPTI", b"CONN", b"TRAC")
_TLS_START = b"\x16\x03"


class WireError(ValueError):
    """The peer broke the protocol; its connection cannot go on."""


class HttpRequestError(WireError):
    """The peer speaks HTTP: it has connected to the wrong port."""


def wrong_protocol(start: bytes) -> HttpRequestError | None:
    """What to raise for a connection whose first bytes are not of its protocol but of HTTP; else None.

    Args:
        start: its first four bytes or more.
    """
    if start.startswith(_HTTP_STARTS):
        return HttpRequestError("this looks like an HTTP request")
    if start.startswith(_TLS_START):
        return HttpRequestError("this looks like the TLS handshake of an HTTPS request")
    return None


@dataclass(frozen=True)
class Hello:
    """The first frame of a connection: whose text, or whose audio, it carries."""

    call_id: str


@dataclass(frozen=True)
class Text:
    """A piece of text to say."""

    text: str


@dataclass(frozen=True)
class Bye:
    """The call has ended."""


TextEvent = Hello | Text | Bye


class _Buffer:
    """Bytes received and not yet understood."""

    def __init__(self) -> None:
        self._data = bytearray()

    def append(self, data: bytes) -> None:
        self._data += data

    def __len__(self) -> int:
        return len(self._data)

    def peek(self, count: int) -> bytes | None:
        """The first `count` bytes, left in place; None while there are fewer."""
        return bytes(self._data[:count]) if len(self._data) >= count else None

    def take(self, skip: int, count: int) -> bytes:
        """Drops `skip` bytes and takes the `count` bytes behind them."""
        taken = bytes(self._data[skip : skip + count])
        del self._data[: skip + count]
        return taken


class TextDecoder:
    """Decodes what a text host sends: HELLO, text any number of times, BYE.

    Feed it with `receive`, then iterate `events`. It holds at most one unfinished frame beyond what it was fed.
    Not thread-safe; one connection, one decoder.
    """

    def __init__(self) -> None:
        self._buffer = _Buffer()
        self._greeted = False
        self._ended = False
        self._failure: WireError | None = None

    def receive(self, data: bytes) -> None:
        """Takes bytes as they come off the connection, in any pieces."""
        if not self._ended and self._failure is None:
            self._buffer.append(data)

    @property
    def unfinished_bytes(self) -> int:
        """How long the frame is of which only a part has come, as far as that is known; 0 where none has begun."""
        header = self._buffer.peek(_LENGTH.size)
        return len(self._buffer) if header is None else _LENGTH.size + int(_LENGTH.unpack(header)[0])

    def events(self) -> Iterator[TextEvent]:
        """Yields every event that is complete. After `Bye` nothing more is decoded.

        Raises:
            WireError: a length of zero or over the limit, or text that is not UTF-8; the events before it have been
                yielded, and every further call raises again.
        """
        if self._failure is not None:
            raise self._failure
        while not self._ended:
            header = self._buffer.peek(_LENGTH.size)
            if header is None:
                return
            (length,) = _LENGTH.unpack(header)
            if length == _BYE_LENGTH:
                self._ended = True
                yield Bye()
                return
            limit = MAX_TEXT_BYTES if self._greeted else MAX_CALL_ID_BYTES
            if not 1 <= length <= limit:
                foreign = None if self._greeted else wrong_protocol(header)
                what = "text" if self._greeted else "HELLO"
                raise self._fail(foreign or WireError(f"{what} frame of {length} bytes, allowed are 1 to {limit}"))
            if len(self._buffer) < _LENGTH.size + length:
                return
            yield self._event(self._buffer.take(_LENGTH.size, length))

    def _event(self, payload: bytes) -> TextEvent:
        try:
            text = payload.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._fail(WireError(f"frame is not UTF-8: {error.reason} at byte {error.start}")) from None
        if self._greeted:
            return Text(text)
        self._greeted = True
        return Hello(text)

    def _fail(self, failure: WireError) -> WireError:
        """A decoder that failed once must not go on at the next frame."""
        self._buffer = _Buffer()
        self._failure = failure
        return failure


def encode_hello(call_id: str) -> bytes:
    """A HELLO frame, as either end of an audio connection sends it.

    Raises:
        WireError: the id is empty or longer than 1,024 bytes of UTF-8.
    """
    return _frame(call_id, MAX_CALL_ID_BYTES, "call id")


def encode_text(text: str) -> bytes:
    """A text frame.

    Raises:
        WireError: the text is empty or longer than 10 MiB of UTF-8.
    """
    return _frame(text, MAX_TEXT_BYTES, "text")


def encode_bye() -> bytes:
    """The BYE frame."""
    return _LENGTH.pack(_BYE_LENGTH)


def _frame(text: str, limit: int, what: str) -> bytes:
    payload = text.encode("utf-8")
    if not 1 <= len(payload) <= limit:
        raise WireError(f"{what} of {len(payload)} bytes, allowed are 1 to {limit}")
    return _LENGTH.pack(len(payload)) + payload


@dataclass(frozen=True)
class Audio:
    """One audio frame: `samples` is float32 [samples], `sample_rate` in Hz."""

    samples: Samples
    sample_rate: int
    chunk_id: int


@dataclass(frozen=True)
class EndOfAudio:
    """No more audio follows on this route."""


AudioEvent = Audio | EndOfAudio

END_OF_AUDIO = _AUDIO_HEADER.pack(0, 0, 0)


def encode_audio(samples: Samples, sample_rate: int, chunk_id: int) -> bytes:
    """One audio frame, header and samples.

    Args:
        samples: float32 [samples], at most `MAX_AUDIO_SAMPLES`.
        sample_rate: Hz.
        chunk_id: larger than that of every frame of this call before it.

    Raises:
        WireError: more samples than one frame may carry.
    """
    if len(samples) > MAX_AUDIO_SAMPLES:
        raise WireError(f"audio frame of {len(samples)} samples, at most {MAX_AUDIO_SAMPLES} are allowed")
    payload = samples.astype("<f4", copy=False).tobytes()
    return _AUDIO_HEADER.pack(len(payload), sample_rate, chunk_id) + payload


class AudioDecoder:
    """Decodes what this service sends back: the client's half, for `telephony.say`, the benchmarks and the tests.

    Used like `TextDecoder`. Not thread-safe.
    """

    def __init__(self) -> None:
        self._buffer = _Buffer()

    def receive(self, data: bytes) -> None:
        """Takes bytes as they come off the connection, in any pieces."""
        self._buffer.append(data)

    def events(self) -> Iterator[AudioEvent]:
        """Yields every frame that is complete.

        Raises:
            WireError: a frame over 10 MiB or of a length that is no whole number of float32 samples.
        """
        while (header := self._buffer.peek(_AUDIO_HEADER.size)) is not None:
            length, sample_rate, chunk_id = _AUDIO_HEADER.unpack(header)
            if length > MAX_AUDIO_BYTES or length % _BYTES_PER_SAMPLE:
                raise WireError(f"audio frame of {length} bytes")
            if len(self._buffer) < _AUDIO_HEADER.size + length:
                return
            payload = self._buffer.take(_AUDIO_HEADER.size, length)
            if header == END_OF_AUDIO:
                yield EndOfAudio()
            else:
                yield Audio(np.frombuffer(payload, dtype="<f4"), sample_rate, chunk_id)


@dataclass(frozen=True)
class Register:
    """The audio processor of that call listens: connect to it."""

    call_id: str


@dataclass(frozen=True)
class Goodbye:
    """The call has ended: stop its speech and forget it."""

    call_id: str


@dataclass(frozen=True)
class Cancel:
    """Barge-in: drop everything of this call that was not yet sent; the call goes on."""

    call_id: str


Datagram = Register | Goodbye | Cancel

_VERBS: dict[str, type[Register] | type[Goodbye] | type[Cancel]] = {
    "REGISTER": Register,
    "BYE": Goodbye,
    "CANCEL": Cancel,
}


def decode_datagram(data: bytes) -> Datagram | None:
    """What a registration datagram says; None for anything that is not one (the caller counts it)."""
    if len(data) > MAX_DATAGRAM_BYTES or not data.isascii():
        return None
    verb, colon, call_id = data.decode("ascii").rstrip("\0 \t\r\n").partition(":")
    kind = _VERBS.get(verb)
    return kind(call_id) if kind and colon and call_id else None


def encode_datagram(datagram: Datagram) -> bytes:
    """A registration datagram, as `decode_datagram` understands it."""
    verb = next(verb for verb, kind in _VERBS.items() if isinstance(datagram, kind))
    return f"{verb}:{datagram.call_id}".encode("ascii")


def processor_port(call_id: str) -> int | None:
    """TCP port of a call's audio processor: 9002 plus the call number; ids that are no number count as 0.

    None where the number leads past the last port.
    """
    digits = call_id.lstrip("0") if call_id.isascii() and call_id.isdigit() else ""
    if len(digits) > 5:
        return None
    port = PROCESSOR_BASE_PORT + int(digits or 0)
    return port if port <= 65_535 else None
