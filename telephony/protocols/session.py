"""The session protocol (LiveKit style) at `/ws/tts`: text in pieces of any size, spoken while it is still coming.

docs/protocols.md has every message, and what it means. Messages are JSON; audio is binary: PCM, 16-bit little-endian,
mono, 24,000 Hz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from telephony.protocols.messages import (
    MAX_LEAD_MS,
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

SAMPLE_RATE = 24_000
"""Of all audio, in Hz."""

SAMPLE_BYTES = 2
"""Of one sample."""


class _Config(Expression, ClientMessage):
    """How a session is spoken; what is None is as the service is set. A client whose config is none reads its name."""

    voice: str | None = None
    lang_code: str | None = None
    engine: str | None = None
    speed: float | None = Field(default=None, ge=0.5, le=2.0)
    fixed_frames: bool | None = None
    timestamps: bool | None = None
    lead_ms: int | None = Field(default=None, ge=MIN_LEAD_MS, le=MAX_LEAD_MS)
    pronunciations: Pronunciations | None = None


class StartSession(ClientMessage):
    """The first message of a session."""

    type: Literal["start_session"] = "start_session"
    session_id: str | None = Field(default=None, max_length=128, pattern=r"^[ -~]+$")
    config: _Config | None = None

    @property
    def chosen(self) -> _Config:
        """The config; without one nothing is chosen."""
        return self.config or _Config()


class SendText(ClientMessage):
    """A piece of the text."""

    type: Literal["send_text"] = "send_text"
    text: str


class Flush(ClientMessage):
    """Speak what was sent."""

    type: Literal["flush"] = "flush"


class Cancel(ClientMessage):
    """Barge-in."""

    type: Literal["cancel"] = "cancel"


class EndSession(ClientMessage):
    """Speak what was sent, then end the session."""

    type: Literal["end_session"] = "end_session"


Message = Annotated[StartSession | SendText | Flush | Cancel | EndSession, Field(discriminator="type")]
_MESSAGES: TypeAdapter[Message] = TypeAdapter(Message)


def parse(received: str | bytes) -> Message:
    """What a client says.

    Raises:
        MessageError: `unexpected_binary`, `bad_json`, `unknown_type` or `bad_message`, which names the field.
    """
    message = read_object(received)
    try:
        return _MESSAGES.validate_python(message)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        raise MessageError("unknown_type", "type is start_session, send_text, flush, cancel or end_session")
    _, *field = problem["loc"]
    raise MessageError("bad_message", f"{'.'.join(map(str, field))}: {problem['msg']}")


@dataclass(frozen=True)
class SessionStarted(ServiceMessage):
    """The answer to `StartSession`."""

    type = "session_started"
    session_id: str


@dataclass(frozen=True)
class Words(ServiceMessage):
    """When words of a segment are heard."""

    type = "words"
    segment_id: int
    words: Sequence[Word]


@dataclass(frozen=True)
class SegmentDone(ServiceMessage):
    """All audio of a segment was sent."""

    type = "segment_done"
    segment_id: int
    request_id: str
    ttfa_ms: float | None
    rtf: float | None
    duration_ms: float | None


@dataclass(frozen=True)
class Cancelled(ServiceMessage):
    """The answer to `Cancel`."""

    type = "cancelled"
    text_spoken: str
    text_remaining: str


@dataclass(frozen=True)
class SessionEnded(ServiceMessage):
    """The answer to `EndSession`."""

    type = "session_ended"
    session_id: str
    segments_processed: int
    audio_duration_ms: float | None
    ttfa_ms: float | None
    rtf: float | None


@dataclass(frozen=True)
class Error(ErrorMessage):
    """What was wrong; `segment_id` and `request_id` are those of a segment that failed."""

    segment_id: int | None = None
    request_id: str | None = None


def milliseconds(seconds: float | None) -> float | None:
    """A duration as messages have it."""
    return None if seconds is None else round(1000 * seconds, 1)


def real_time_factor(engine_s: float, audio_s: float) -> float | None:
    """`rtf`: the time in the engine over the audio, both in seconds; None without audio."""
    return round(engine_s / audio_s, 4) if audio_s else None
