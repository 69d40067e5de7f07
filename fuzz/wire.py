"""The telephone's, Asterisk's and Wyoming's protocols: any bytes, in any pieces, are events or an error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

import numpy as np
from wyoming.event import Event

from telephony.protocols import media, telephone, wyoming
from telephony.protocols.audiosocket import PbxDecoder
from telephony.protocols.messages import MessageError

_MAX_EVENT_BYTES = 200  # few inputs reach more


class _Decoder(Protocol):
    def receive(self, data: bytes) -> None:
        """Takes bytes."""

    def events(self) -> Iterator[object]:
        """What they mean."""


def check(data: bytes) -> None:
    """The first byte chooses the protocol, the second one where the rest is cut in two, if it is one of streams."""
    if len(data) >= 2:
        _PROTOCOLS[data[0] % len(_PROTOCOLS)](data[1], data[2:])


def _check_stream(decoder: Callable[[], _Decoder], place: int, data: bytes) -> None:
    place = place * len(data) // 255
    assert _events(decoder(), [data]) == _events(decoder(), [data[:place], data[place:]])


def _check_datagram(place: int, data: bytes) -> None:
    telephone.decode_datagram(data)


def _check_media(place: int, data: bytes) -> None:
    with contextlib.suppress(MessageError):
        media.parse(data.decode("utf-8", "replace"))


_PROTOCOLS: tuple[Callable[[int, bytes], None], ...] = (
    partial(_check_stream, telephone.TextDecoder),
    partial(_check_stream, PbxDecoder),
    partial(_check_stream, telephone.AudioDecoder),
    _check_datagram,
    partial(_check_stream, partial(wyoming.EventDecoder, _MAX_EVENT_BYTES)),
    _check_media,
)


def _events(decoder: _Decoder, pieces: list[bytes]) -> list[object]:
    events: list[object] = []
    try:
        for piece in pieces:
            decoder.receive(piece)
            events.extend(map(_comparable, decoder.events()))
    except telephone.WireError as error:
        return [*events, type(error)]
    return events


def _comparable(event: object) -> object:
    if isinstance(event, telephone.Audio):
        return np.asarray(event.samples).tobytes(), event.sample_rate, event.chunk_id
    if isinstance(event, Event):
        with contextlib.suppress(MessageError):
            wyoming.parse(event)
    return event
