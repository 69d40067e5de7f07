"""The protocol of contexts, of ElevenLabs' clients: several texts at once on one connection, each under its own name.

A context is a text that grows; what is said in it comes in order, while those of different contexts mix. See
docs/protocols.md.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AliasChoices, Field

from telephony.protocols.messages import (
    ClientMessage,
    ErrorMessage,
    Pronunciations,
    read_object,
    validated,
)
from telephony.speech import Word

MAX_CONTEXT_ID_CHARS = 128


class _VoiceSettings(ClientMessage):
    speed: float | None = None


class Message(ClientMessage):
    """What a client says: any of it may be left out."""

    text: str | None = None
    context_id: Annotated[
        str | None, Field(max_length=MAX_CONTEXT_ID_CHARS, validation_alias=AliasChoices("context_id", "contextId"))
    ] = None
    voice_settings: _VoiceSettings | None = None
    flush: bool | None = None
    close_context: bool | None = None
    close_socket: bool | None = None
    pronunciations: Pronunciations | None = None

    @property
    def speed(self) -> float | None:
        """The rate that is asked for."""
        return None if self.voice_settings is None else self.voice_settings.speed


def parse(received: str | bytes) -> Message:
    """What a client says.

    Raises:
        MessageError: it cannot be understood.
    """
    return validated(Message, read_object(received))


@dataclass(frozen=True)
class Alignment:
    """When characters are heard, one after the other. Times in milliseconds."""

    chars: Sequence[str]
    starts_ms: Sequence[int]
    durations_ms: Sequence[int]


class CharacterClock:
    """Makes character times of words' times, for one context. A word's time is shared evenly by its characters.

    A space follows each word, the last one too: there are clients to whom a word ends with nothing else.
    """

    def __init__(self) -> None:
        self._ends_ms = 0

    def align(self, words: Iterable[Word], began_s: float) -> Alignment:
        """The next words of the context; times count from the end of the alignment before.

        Args:
            words: in order, in seconds from `began_s`.
            began_s: when what they are in is first heard, from the context's beginning.
        """
        return self._align(words, began_s, self._ends_ms)

    def align_synchronously(self, words: Iterable[Word], began_s: float) -> Alignment:
        """As `align`; times count from the beginning of the context."""
        return self._align(words, began_s, 0)

    def _align(self, words: Iterable[Word], began_s: float, base_ms: int) -> Alignment:
        at_ms = self._ends_ms
        chars: list[str] = []
        edges: list[int] = []
        for word in words:
            start_ms = max(at_ms, round(1000 * (began_s + word.start_s)))
            at_ms = max(start_ms, round(1000 * (began_s + word.end_s)))
            count = len(word.text)
            chars.extend((*word.text, " "))
            edges.extend(start_ms + (at_ms - start_ms) * number // max(1, count) for number in range(count))
            edges.append(at_ms)
        self._ends_ms = at_ms
        durations = [after - before for before, after in itertools.pairwise((*edges, at_ms))]
        return Alignment(chars, [edge - base_ms for edge in edges], durations)


@dataclass(frozen=True)
class Audio:
    """Audio of a context, and the times of characters that have become known."""

    data: bytes
    context_id: str | None
    alignment: Alignment | None = None

    def to_json(self) -> str:
        """The message as it is sent."""
        times = self.alignment and {
            "chars": self.alignment.chars,
            "charStartTimesMs": self.alignment.starts_ms,
            "charDurationsMs": self.alignment.durations_ms,
        }
        return _json(
            {
                "audio": base64.b64encode(self.data).decode(),
                "isFinal": None,
                "alignment": times,
                "normalizedAlignment": times,
            },
            self.context_id,
        )


@dataclass(frozen=True)
class Final:
    """A context has ended."""

    context_id: str | None

    def to_json(self) -> str:
        """The message as it is sent."""
        return _json({"audio": None, "isFinal": True}, self.context_id)


@dataclass(frozen=True)
class Error(ErrorMessage):
    """Something was wrong; the connection stays open."""

    context_id: str | None = None

    def to_json(self) -> str:
        """The message as it is sent."""
        return _json({"error": self.code, "message": self.message}, self.context_id)


def timed_line(data: bytes, alignment: Alignment | None) -> bytes:
    """A line of an HTTP answer with times, which count from its beginning."""
    times = alignment and {
        "characters": alignment.chars,
        "character_start_times_seconds": [start / 1000 for start in alignment.starts_ms],
        "character_end_times_seconds": [
            (start + duration) / 1000
            for start, duration in zip(alignment.starts_ms, alignment.durations_ms, strict=True)
        ],
    }
    line = {"audio_base64": base64.b64encode(data).decode(), "alignment": times, "normalized_alignment": times}
    return json.dumps(line).encode() + b"\n"


def _json(message: dict[str, Any], context_id: str | None) -> str:
    return json.dumps(message if context_id is None else {**message, "contextId": context_id})
