"""The session protocol (LiveKit style) at `/ws/tts`: text in pieces of any size, spoken while it is still coming.

A client sends JSON, the service JSON and binary audio: PCM, 16-bit little-endian, mono, 24,000 Hz. Fields are optional
unless marked with *; null is as good as none.

| Client | Fields | Meaning |
|---|---|---|
| `start_session` | session_id, config: voice, lang_code, engine, speed, fixed_frames, timestamps, lead_ms | is first |
| `send_text` | text* | a piece of the text, cut anywhere |
| `flush` | | speaks what was sent, finished sentence or not |
| `cancel` | | barge-in: says nothing more of what was sent |
| `end_session` | | speaks what was sent, then ends the session |

| Service | Fields | When |
|---|---|---|
| `session_started` | session_id | answers `start_session` |
| `words` | segment_id, words | with `timestamps`: when words of a segment are heard |
| `segment_done` | segment_id, request_id, ttfa_ms, rtf, duration_ms | all audio of a segment was sent |
| `cancelled` | text_spoken, text_remaining | answers `cancel`: no audio of before follows |
| `session_ended` | session_id, segments_processed, audio_duration_ms, ttfa_ms, rtf | answers `end_session` |
| `error` | code, message; segment_id and request_id of a segment that failed | see below |

- `speed` is 0.5 to 2; `engine` is kokoro, supertonic or piper, by default whoever has the voice.
- `pronunciations` of the config are up to 100 entries, as the service's lexicon has them, and go before it: `word`*,
  `alias`, `ipa`, `language`, `case_sensitive`. An entry has an alias, or ipa, or both.
- A segment is a sentence, as soon as the character behind it proves that it has ended; else whatever is there once no
  text has come for `debounce_ms`, be it in the middle of a word.
- A `send_text` that holds a whole SSML document, from `<speak>` to `</speak>`, is a segment by itself, behind what was
  sent before. Of one that is sent in pieces only the words are spoken: nobody could say whether it will ever end, and
  until then it would be silence.
- `max_inflight_segments` are in synthesis at once, others wait. Once over `max_text_chars` characters wait, no further
  message is read until there is room: nothing is lost, but a `cancel` behind so much text waits with it.
- Segments are numbered from 1 in the order in which they are spoken; those that a `cancel` took with it have no
  `segment_done`. The session then speaks new text.
- `ttfa_ms` is the time from a segment's way into synthesis to its first audio, of a session that of its first segment;
  `rtf` is the time in the engine over the audio. Both are null where there was no audio.
- Audio comes in frames of `frame_ms`, the last one of a segment shorter, or filled up with silence with `fixed_frames`.
- Each of `words` is `{"word": "Hello,", "start_s": 0.12, "end_s": 0.41}`, in seconds from the segment's first sample.
  They come as they become known: in order, behind the audio of the segment before, and ahead of the word's own.
- Audio comes as soon as it is made, or at most `lead_ms` (20 to 10,000) milliseconds before it is heard: then a
  `cancel` leaves no more than that with the client, and its end fades to silence before `cancelled`.
- `text_spoken` and `text_remaining` are what was said since the client last had nothing to hear, as far as it was heard
  and from there on, by the service's clock and the times of words. Of an engine without these, sentences count as heard
  once all of them was.
- After `session_ended` the connection stays open for another `start_session`.
- A connection on which nothing is said is closed with 1001 once no message has come for `--idle-timeout-s`. Those
  without a session over their bound get `busy` and are closed with 1013.

Errors leave the connection open, and a session as it was:

| Code | What was wrong |
|---|---|
| `bad_json`, `unexpected_binary`, `unknown_type` | a message |
| `bad_message` | a field of a message, or SSML that is not valid, which has no effect |
| `bad_voice` | the voice, its language or its engine: the session is not started |
| `text_too_long` | a piece of more than `max_text_chars` characters, which is not spoken |
| `no_session`, `session_active` | a message that has no place before `start_session`, or after it |
| `synthesis_failed` | a segment could not be spoken; the next ones are |
| `busy` | the service is stopping and takes no text; to `start_session`, there is no place: closed with 1013 |
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


class _Config(ClientMessage):
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
class Error(ServiceMessage):
    """What was wrong; `segment_id` and `request_id` are those of a segment that failed."""

    type = "error"
    code: str
    message: str
    segment_id: int | None = None
    request_id: str | None = None


def milliseconds(seconds: float | None) -> float | None:
    """A duration as messages have it."""
    return None if seconds is None else round(1000 * seconds, 1)


def real_time_factor(engine_s: float, audio_s: float) -> float | None:
    """`rtf`: the time in the engine over the audio, both in seconds; None without audio."""
    return round(engine_s / audio_s, 4) if audio_s else None
