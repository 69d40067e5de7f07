"""Asterisk's AudioSocket protocol, sans-I/O: bytes in, events out; events in, bytes out.

Every message is one byte of kind, the payload's length in two (unsigned, big-endian), and the payload. Audio is 16-bit
little-endian PCM, mono; its kind says the sample rate. docs/protocols.md shows an exchange.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from telephony.protocols.telephone import WireError, wrong_protocol

DEFAULT_RATE_HZ = 8000

_HEADER = struct.Struct(">BH")
_HANGUP, _UUID, _DIGIT, _ERROR = 0x00, 0x01, 0x03, 0xFF
_AUDIO_RATES_HZ = {
    0x10: 8000,
    0x11: 12_000,
    0x12: 16_000,
    0x13: 24_000,
    0x14: 32_000,
    0x15: 44_100,
    0x16: 48_000,
    0x17: 96_000,
    0x18: 192_000,
}
_AUDIO_KINDS = {rate_hz: kind for kind, rate_hz in _AUDIO_RATES_HZ.items()}
_UUID_BYTES = 16
# So many tell HTTP from this protocol.
_PROTOCOL_BYTES = 4
_SAMPLE_BYTES = 2
_DIGITS = b"0123456789*#ABCD"


@dataclass(frozen=True)
class Connected:
    """The first message of a connection: which call it is."""

    call_id: uuid.UUID


@dataclass(frozen=True)
class Heard:
    """Audio of the caller; of no use to a service that only speaks, but for its rate: `samples` at `sample_rate` Hz."""

    samples: int
    sample_rate: int


@dataclass(frozen=True)
class Digit:
    """A key that the caller has pressed: 0 to 9, *, #, A to D."""

    digit: str


@dataclass(frozen=True)
class Failed:
    """The PBX reports an error of its own; `code` is empty where it names none."""

    code: bytes


@dataclass(frozen=True)
class Hangup:
    """The call has ended."""


@dataclass(frozen=True)
class Unknown:
    """A message of a kind that this service does not know."""

    kind: int


Event = Connected | Heard | Digit | Failed | Hangup | Unknown


class PbxDecoder:
    """Decodes what a PBX sends: who is calling, then anything, until it hangs up.

    Feed it with `receive`, then iterate `events`. It holds at most one unfinished message (64 KiB) beyond what it was
    fed. Not thread-safe; one connection, one decoder.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._connected = False
        self._failure: WireError | None = None

    def receive(self, data: bytes) -> None:
        """Takes bytes as they come off the connection, in any pieces."""
        if self._failure is None:
            self._buffer += data

    def events(self) -> Iterator[Event]:
        """Yields every message that is complete.

        Raises:
            WireError: the call's id does not come first, comes twice, or is no UUID; a digit that is none; half a
                sample. The events before it have been yielded, and every further call raises again.
        """
        if self._failure is not None:
            raise self._failure
        start = 0
        try:
            while len(self._buffer) - start >= _HEADER.size:
                kind, length = _HEADER.unpack_from(self._buffer, start)
                if not self._connected:
                    self._check_protocol()
                self._check(kind, length)
                end = start + _HEADER.size + length
                if len(self._buffer) < end:
                    return
                payload = bytes(self._buffer[start + _HEADER.size : end])
                start = end
                yield self._event(kind, payload)
        finally:
            del self._buffer[:start]

    def _check_protocol(self) -> None:
        self._failure = wrong_protocol(bytes(self._buffer[:_PROTOCOL_BYTES]))
        if self._failure is not None:
            raise self._failure

    def _check(self, kind: int, length: int) -> None:
        """Before the payload has come, so that nobody waits for one that cannot be right."""
        if not self._connected and kind not in (_UUID, _HANGUP):
            raise self._fail(f"a message of kind 0x{kind:02x} before the call's UUID (0x01)")
        if kind == _UUID and (self._connected or length != _UUID_BYTES):
            why = "a second UUID" if self._connected else f"a UUID of {length} bytes, not {_UUID_BYTES}"
            raise self._fail(why)
        if kind == _DIGIT and length != 1:
            raise self._fail(f"a digit of {length} bytes, not 1")
        if kind in _AUDIO_RATES_HZ and length % _SAMPLE_BYTES:
            raise self._fail(f"{length} bytes of audio are no whole number of samples")

    def _event(self, kind: int, payload: bytes) -> Event:
        rate_hz = _AUDIO_RATES_HZ.get(kind)
        if rate_hz is not None:
            return Heard(len(payload) // _SAMPLE_BYTES, rate_hz)
        if kind == _UUID:
            self._connected = True
            return Connected(uuid.UUID(bytes=payload))
        if kind == _DIGIT:
            if payload not in _DIGITS:
                raise self._fail(f"0x{payload.hex()} is no digit")
            return Digit(payload.decode("ascii"))
        if kind == _HANGUP:
            return Hangup()
        return Failed(payload) if kind == _ERROR else Unknown(kind)

    def _fail(self, reason: str) -> WireError:
        """A decoder that failed once must not go on at the next message."""
        self._failure = WireError(reason)
        return self._failure


def encode_audio(pcm: bytes, sample_rate: int) -> bytes:
    """A message of audio.

    Args:
        pcm: 16-bit little-endian mono, at most 65,535 bytes.
        sample_rate: Hz, one that the protocol has a kind for (that of a `Heard` is one).
    """
    return _HEADER.pack(_AUDIO_KINDS[sample_rate], len(pcm)) + pcm


def encode_hangup() -> bytes:
    """The message that ends the call."""
    return _HEADER.pack(_HANGUP, 0)
