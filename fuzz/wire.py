"""The telephone's and Asterisk's protocols: any bytes, in any pieces, are events or a WireError."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from telephony.protocols import telephone
from telephony.protocols.audiosocket import PbxDecoder


class _Decoder(Protocol):
    def receive(self, data: bytes) -> None:
        """Takes bytes."""

    def events(self) -> Iterator[object]:
        """What they mean."""


_DECODERS: tuple[Callable[[], _Decoder], ...] = (telephone.TextDecoder, PbxDecoder, telephone.AudioDecoder)


def check(data: bytes) -> None:
    """The first byte chooses the protocol, the second one where the rest is cut in two."""
    if len(data) < 2:
        return
    choice, place, rest = data[0] % (len(_DECODERS) + 1), data[1], data[2:]
    if choice == len(_DECODERS):
        telephone.decode_datagram(rest)
        return
    place = place * len(rest) // 255
    whole = _events(_DECODERS[choice](), [rest])
    assert whole == _events(_DECODERS[choice](), [rest[:place], rest[place:]])


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
    return event
