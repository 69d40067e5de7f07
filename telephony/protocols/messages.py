"""What the protocols share whose messages are JSON, without I/O; those on WebSockets are objects with a `type`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from telephony.speech import NEUTRAL, Intonation, Word
from telephony.text import lexicon, prosody
from telephony.text.lexicon import Entry, Lexicon

FAILURES = ("synthesis_failed", "stream_error")
"""The codes of errors that refuse nothing: what was accepted could not be spoken."""

MIN_LEAD_MS, MAX_LEAD_MS = 20, 10_000
"""How far ahead of real time a client may have its audio sent, if it wants a bound."""


class MessageError(ValueError):
    """A message that cannot be understood or obeyed.

    `code` is its name on the wire. `request_id` is that of the request it is about, where a protocol has such ids.
    """

    def __init__(self, code: str, message: str, request_id: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id


class ClientMessage(BaseModel):
    """What a client says. Numbers are no strings, and fields that no message has are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)


class Pronunciation(ClientMessage):
    """How a word or phrase is said: an alias is read in its place, or Kokoro says the phonemes `ipa`.

    With both, other engines read the alias. Without a language it counts in all; `en` is every English.
    """

    word: str = Field(min_length=1, max_length=lexicon.MAX_WORD_CHARS)
    alias: str | None = Field(None, min_length=1, max_length=lexicon.MAX_SAID_CHARS)
    ipa: str | None = Field(None, min_length=1, max_length=lexicon.MAX_SAID_CHARS)
    language: str | None = Field(None, max_length=35)
    case_sensitive: bool = False

    @staticmethod
    def of(entry: Entry) -> Pronunciation:
        """An entry as a message has it."""
        return Pronunciation(**vars(entry))

    def entry(self) -> Entry:
        """It as an entry of a lexicon."""
        return lexicon.entry(self.word, self.alias, self.ipa, self.language, self.case_sensitive)

    @model_validator(mode="after")
    def _is_entry(self) -> Pronunciation:
        self.entry()
        return self


MAX_PRONUNCIATIONS = 100

Pronunciations = Annotated[list[Pronunciation], Field(max_length=MAX_PRONUNCIATIONS)]
"""Those of a client, which go before the service's own."""


def lexicon_of(*pronunciations: Sequence[Pronunciation] | None) -> Lexicon:
    """A lexicon of a client's pronunciations, those that count first in front."""
    entries = [each.entry() for some in pronunciations for each in some or ()]
    return Lexicon(entries) if entries else lexicon.EMPTY


def _pitch(value: str) -> str:
    prosody.pitch(value)
    return value


def _range(value: str) -> str:
    prosody.pitch_range(value)
    return value


def _volume(value: str) -> str:
    prosody.volume(value)
    return value


class Expression(BaseModel):
    """How a text is said, written as in SSML's prosody element. What is None is the voice's own."""

    pitch: Annotated[str, AfterValidator(_pitch)] | None = Field(
        default=None, description="+20%, -3st, +10Hz, 180Hz, or x-low to x-high"
    )
    range: Annotated[str, AfterValidator(_range)] | None = Field(
        default=None, description="how far the pitch moves: +50%, -50%, or x-low to x-high"
    )
    volume: Annotated[str, AfterValidator(_volume)] | None = Field(
        default=None, description="+6dB, +20%, 0 to 100, or silent to x-loud"
    )

    @property
    def intonation(self) -> Intonation | None:
        """The pitch and its range; None where neither is there."""
        if self.pitch is None and self.range is None:
            return None
        pitch = NEUTRAL if self.pitch is None else prosody.pitch(self.pitch)
        return pitch if self.range is None else pitch.then(prosody.pitch_range(self.range))

    @property
    def loudness(self) -> float | None:
        """The volume as a factor; None where it is not there."""
        return None if self.volume is None else prosody.volume(self.volume)


@dataclass(frozen=True)
class ServiceMessage:
    """What the service says: `type`, then the fields in their order. One that may be absent has None as its default."""

    type: ClassVar[str]

    def to_json(self) -> str:
        """The message as it is sent, without the fields that are absent."""
        said = {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) is not None or field.default is not None
        }
        return json.dumps({"type": self.type, **said}, default=timed_word)


@dataclass(frozen=True)
class ErrorMessage(ServiceMessage):
    """What was wrong: `code` for programs, `message` for people."""

    type = "error"
    code: str
    message: str


def read_object(received: str | bytes) -> dict[str, Any]:
    """The JSON object that a client has sent. Its strings may hold halves of surrogate pairs.

    JSON can spell these, and UTF-8 cannot.

    Raises:
        MessageError: it is none.
    """
    if isinstance(received, bytes):
        raise MessageError("unexpected_binary", "messages are JSON text, not binary")
    try:
        message = json.loads(received)
    except (ValueError, RecursionError) as error:
        raise MessageError("bad_json", f"not JSON: {type(error).__name__}") from None
    if not isinstance(message, dict):
        raise MessageError("bad_json", "a message is a JSON object")
    return message


Model = TypeVar("Model", bound=BaseModel)


def validated(kind: type[Model], fields: Mapping[str, Any]) -> Model:
    """A message of that kind.

    Raises:
        MessageError: `bad_message`, which names the field.
    """
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
    raise MessageError("bad_message", f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}")


def read_typed(received: str | bytes, kinds: Mapping[str, type[Model]]) -> Model:
    """A message, of the kind that its `type` names.

    Raises:
        MessageError: `unexpected_binary`, `bad_json`, `unknown_type` or `bad_message`.
    """
    message = read_object(received)
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise MessageError("unknown_type", f"there are {', '.join(kinds)}")
    return validated(kinds[kind], message)


def timed_word(word: Word) -> dict[str, Any]:
    """A word in a message."""
    return {"word": word.text, "start_s": round(word.start_s, 3), "end_s": round(word.end_s, 3)}
