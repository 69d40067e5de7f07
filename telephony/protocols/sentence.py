"""The sentence protocol (Pipecat style) at `/v1/audio/speech/stream/ws`: whole sentences, each under its own id.

docs/protocols.md has every message, and what it means. Messages are JSON; audio is binary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from telephony.protocols.messages import (
    MAX_LEAD_MS,
    MAX_PRONUNCIATIONS,
    MIN_LEAD_MS,
    ClientMessage,
    ErrorMessage,
    Expression,
    MessageError,
    Pronunciations,
    ServiceMessage,
    read_object,
)
from telephony.speech import Word


@dataclass(frozen=True)
class _Format:
    """An audio format: its sample rates in Hz, the default first; `sample_bytes` is None for a container's pages."""

    sample_rates: tuple[int, ...]
    sample_bytes: int | None


_FORMATS = {
    "pcm": _Format((24_000, 8_000, 16_000, 48_000), 2),
    "opus": _Format((24_000, 8_000, 16_000, 48_000), None),
    "mulaw": _Format((8_000,), 1),
    "alaw": _Format((8_000,), 1),
}
_MAX_REQUEST_ID_CHARS = 200

_WRONG = {
    "format": ("bad_format", f"format is one of {', '.join(_FORMATS)}"),
    "timestamps": ("bad_timestamps", "timestamps is true or false"),
    "lead_ms": ("bad_lead", f"lead_ms is a whole number from {MIN_LEAD_MS} to {MAX_LEAD_MS}"),
    "voice": ("bad_voice", "voice is a name"),
    "engine": ("bad_voice", "engine is a name"),
    "request_id": ("bad_request_id", f"request_id is a string of 1 to {_MAX_REQUEST_ID_CHARS} characters"),
    "text": ("bad_text", "text is a string of Unicode characters"),
    "speed": ("bad_speed", "speed is a number from 0.5 to 2"),
    "pitch": ("bad_pitch", "pitch is such as +20%, -3st, +10Hz or 180Hz, or x-low to x-high"),
    "range": ("bad_range", "range is such as +50% or -50%, or x-low to x-high"),
    "volume": ("bad_volume", "volume is such as +6dB or +20%, or 0 to 100, or silent to x-loud"),
    "pronunciations": (
        "bad_pronunciations",
        f"pronunciations are up to {MAX_PRONUNCIATIONS} entries, each with a word, and an alias or ipa",
    ),
}
"""What a client is told of a field that is wrong: code and message."""


def _unicode(text: str) -> str:
    """Fails for half a surrogate pair, which JSON can spell and UTF-8 cannot."""
    text.encode()
    return text


_RequestId = Annotated[str, Field(min_length=1, max_length=_MAX_REQUEST_ID_CHARS), AfterValidator(_unicode)]
_REQUEST_ID: TypeAdapter[str] = TypeAdapter(_RequestId)


def _known_id(value: object) -> str | None:
    """The id of a message that needs none; one that cannot be is none."""
    try:
        return _REQUEST_ID.validate_python(value, strict=True)
    except ValidationError:
        return None


class Start(ClientMessage):
    """How the requests behind it are spoken: `sample_rate` in Hz; without `lead_ms` there is no pace."""

    type: Literal["start"] = "start"
    request_id: Annotated[str | None, BeforeValidator(_known_id)] = None
    format: Literal["pcm", "opus", "mulaw", "alaw"] = "pcm"
    sample_rate: int = Field(default=None, validate_default=True)
    timestamps: bool = False
    lead_ms: int | None = Field(default=None, ge=MIN_LEAD_MS, le=MAX_LEAD_MS)
    voice: str | None = None
    engine: str | None = None
    pronunciations: Pronunciations = Field(default_factory=list)

    @field_validator("sample_rate", mode="plain")
    @classmethod
    def _of_format(cls, value: object, info: ValidationInfo) -> int:
        name = info.data.get("format", "pcm")
        rates = _FORMATS[name].sample_rates
        if value is None:
            return rates[0]
        for rate in rates:
            if value == rate:
                return rate
        listed = ", ".join(map(str, sorted(rates)))
        raise PydanticCustomError("bad_format", "sample_rate of {name} is {listed}", {"name": name, "listed": listed})

    def frame_bytes(self, frame_ms: int) -> int | None:
        """Bytes of `frame_ms` milliseconds; None in a container."""
        sample_bytes = _FORMATS[self.format].sample_bytes
        return None if sample_bytes is None else self.sample_rate * frame_ms // 1000 * sample_bytes


class Speak(Expression, ClientMessage):
    """A text to say."""

    type: Literal["speak"] = "speak"
    request_id: _RequestId | None = None
    text: Annotated[str, AfterValidator(_unicode)]
    voice: str | None = None
    speed: float | None = Field(default=None, ge=0.5, le=2.0)
    pronunciations: Pronunciations = Field(default_factory=list)


class Cancel(ClientMessage):
    """Not another byte of a request."""

    type: Literal["cancel"] = "cancel"
    request_id: _RequestId | None = None


class Stop(ClientMessage):
    """The end of everything."""

    type: Literal["stop"] = "stop"


Message = Annotated[Start | Speak | Cancel | Stop, Field(discriminator="type")]
_MESSAGES: TypeAdapter[Message] = TypeAdapter(Message)


def parse(received: str | bytes) -> Message:
    """What a client says.

    Raises:
        MessageError: with the code for what is wrong first, and the message's `request_id` if it has one.
    """
    message = read_object(received)
    given = {name: value for name, value in message.items() if value is not None}
    try:
        return _MESSAGES.validate_python(given)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
    request_id = _known_id(given.get("request_id"))
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        kind = message.get("type")
        raise MessageError("unknown_type", f"type is start, speak, cancel or stop, not {kind!r:.100}", request_id)
    code, text = _WRONG.get(str(problem["loc"][1]), (problem["type"], problem["msg"]))
    raise MessageError(code, text, request_id)


@dataclass(frozen=True)
class Started(ServiceMessage):
    """The answer to `Start`: what was chosen."""

    type = "started"
    voice: str
    format: str
    sample_rate: int
    timestamps: bool
    lead_ms: int | None = None


@dataclass(frozen=True)
class StartedSpeak(ServiceMessage):
    """The first audio of a request follows; `cached` is true if it comes from the phrase cache, else absent."""

    type = "started_speak"
    request_id: str
    cached: bool | None = None


@dataclass(frozen=True)
class Meta(ServiceMessage):
    """A window of audio follows; `progress` is the audio before it, in seconds."""

    type = "meta"
    request_id: str
    progress: float
    words: Sequence[Word] | None = None


@dataclass(frozen=True)
class Done(ServiceMessage):
    """All audio of a request was sent."""

    type = "done"
    request_id: str
    duration_s: float


@dataclass(frozen=True)
class Canceled(ServiceMessage):
    """The answer to `Cancel`."""

    type = "canceled"
    request_id: str
    text_spoken: str
    text_remaining: str


@dataclass(frozen=True)
class Stopped(ServiceMessage):
    """The answer to `Stop`."""

    type = "stopped"


@dataclass(frozen=True)
class Error(ErrorMessage):
    """What was wrong, and with which request."""

    request_id: str | None
