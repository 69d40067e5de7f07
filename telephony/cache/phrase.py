"""A spoken phrase, and its form as bytes.

The bytes: the magic `TTSP`, the version (u16), the header's length (u32), the sha256 of all that follows, the header in
JSON, and the samples. Integers are little-endian. Samples are float32, as the engine gave them: a phrase out of the
cache is then, to the last bit, the phrase that was made, at the telephone's doors too, whose wire is float32. 16 bits
would halve the size and gain nothing else: reading and checking ten seconds takes about a millisecond as it is.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from telephony.cache.key import PhraseKey
from telephony.speech import Samples, Word

_MAGIC = b"TTSP"
_VERSION = 1
_PREAMBLE = struct.Struct("<4sHI32s")
_SAMPLE = np.dtype("<f4")


class CorruptError(ValueError):
    """These bytes are not the phrase that they should be. The message says why, without its text."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A window of a phrase: `samples` float32 [n], read-only, shared by all who hear it.

    `words` are those whose times became known with it, in seconds from the phrase's first sample. `last` marks the end
    of the phrase, whose samples may be none.
    """

    samples: Samples
    words: tuple[Word, ...] = ()
    last: bool = False


@dataclass(frozen=True, eq=False)
class Phrase:
    """A whole phrase: pieces of which the last one is marked, at `sample_rate` Hz."""

    sample_rate: int
    pieces: tuple[Piece, ...]

    @property
    def duration_s(self) -> float:
        """Length of the audio in seconds."""
        return sum(len(piece.samples) for piece in self.pieces) / self.sample_rate


def read_only(samples: Samples) -> Samples:
    """The same samples, for many readers."""
    view = samples.view()
    view.flags.writeable = False
    return view


def encode(key: PhraseKey, phrase: Phrase) -> bytes:
    """The phrase as bytes, with the name of its key inside."""
    header = {
        "key": key.name,
        "sample_rate": phrase.sample_rate,
        "pieces": [len(piece.samples) for piece in phrase.pieces],
        "words": [[[word.text, word.start_s, word.end_s] for word in piece.words] for piece in phrase.pieces],
    }
    head = json.dumps(header).encode()
    body = b"".join([head, *(piece.samples.astype(_SAMPLE, copy=False).tobytes() for piece in phrase.pieces)])
    return _PREAMBLE.pack(_MAGIC, _VERSION, len(head), hashlib.sha256(body).digest()) + body


def decode(key: PhraseKey, data: bytes) -> Phrase:
    """The phrase out of its bytes; its samples lie in `data`.

    Raises:
        CorruptError: the bytes are broken, of another version, or another phrase's.
    """
    if len(data) < _PREAMBLE.size:
        raise CorruptError(f"{len(data)} bytes are no phrase")
    magic, version, header_bytes, digest = _PREAMBLE.unpack_from(data)
    if magic != _MAGIC or version != _VERSION:
        raise CorruptError(f"not a phrase of version {_VERSION}")
    body = memoryview(data)[_PREAMBLE.size :]
    if hashlib.sha256(body).digest() != digest:
        raise CorruptError("the checksum does not match")
    try:
        header = json.loads(bytes(body[:header_bytes]))
        name, sample_rate = str(header["key"]), int(header["sample_rate"])
        pieces = _pieces(header["pieces"], header["words"], np.frombuffer(body[header_bytes:], _SAMPLE))
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptError(f"unreadable: {type(error).__name__}") from None
    if name != key.name or sample_rate != key.sample_rate:
        raise CorruptError("it is another phrase's")
    return Phrase(sample_rate, pieces)


def _pieces(lengths: Sequence[int], words: Sequence[Any], samples: Samples) -> tuple[Piece, ...]:
    if not lengths or sum(lengths) != len(samples):
        raise ValueError("header and samples disagree")
    ends = np.cumsum(lengths).tolist()
    return tuple(
        Piece(
            read_only(samples[end - length : end]),
            tuple(Word(str(text), float(start_s), float(end_s)) for text, start_s, end_s in known),
            last=index == len(lengths) - 1,
        )
        for index, (length, end, known) in enumerate(zip(lengths, ends, words, strict=True))
    )
