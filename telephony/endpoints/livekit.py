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

import asyncio
import codecs
import contextlib
import itertools
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import anyio
import structlog
from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from telephony.audio.encoders import open_encoder
from telephony.endpoints.idle import CROWDED_OUT, IdleClients, Presence
from telephony.endpoints.websocket import (
    MAX_LEAD_MS,
    MIN_LEAD_MS,
    TRY_AGAIN_LATER,
    Client,
    ClientGoneError,
    ClientStalledError,
    Frames,
    MessageError,
    Outlet,
)
from telephony.endpoints.websocket_server import rest_s
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.playback import Playback
from telephony.listeners.sessions import RefusedError, Session, SessionRegistry, Speech
from telephony.settings import Settings
from telephony.speech import Word
from telephony.telemetry.metrics import Metrics
from telephony.text import normalization
from telephony.text.normalization import SpokenError
from telephony.text.segments import Segmenter
from telephony.voices import ResolvedVoice, VoiceRequest

log = structlog.get_logger()

DOOR = "livekit"
"""The name of this door in metrics."""

SAMPLE_RATE = 24_000
"""Of all audio, in Hz."""

_SAMPLE_BYTES = 2
# A long text goes in by pieces, a millisecond each at the most: other clients have their turn in between.
_PIECE_CHARS = 512


class _Message(BaseModel):
    model_config = ConfigDict(strict=True)


class _Config(_Message):
    voice: str | None = None
    lang_code: str | None = None
    engine: str | None = None
    speed: float | None = Field(default=None, ge=0.5, le=2.0)
    fixed_frames: bool | None = None
    timestamps: bool | None = None
    lead_ms: int | None = Field(default=None, ge=MIN_LEAD_MS, le=MAX_LEAD_MS)


class _StartSession(_Message):
    type: Literal["start_session"]
    session_id: str | None = Field(default=None, max_length=128, pattern=r"^[ -~]+$")
    config: _Config | None = None


class _SendText(_Message):
    type: Literal["send_text"]
    text: str


class _Flush(_Message):
    type: Literal["flush"]


class _Cancel(_Message):
    type: Literal["cancel"]


class _EndSession(_Message):
    type: Literal["end_session"]


_AnyMessage = Annotated[_StartSession | _SendText | _Flush | _Cancel | _EndSession, Field(discriminator="type")]
_MESSAGES: TypeAdapter[_AnyMessage] = TypeAdapter(_AnyMessage)


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The routes of this door."""
    routes = APIRouter()
    idle = IdleClients(DOOR, settings, metrics)

    @routes.websocket("/ws/tts")
    async def converse(socket: WebSocket) -> None:
        await socket.accept()
        client = Client(socket, settings.send_timeout_s)
        with anyio.CancelScope() as serving, idle.watch(serving.cancel) as presence:
            await _Connection(client, sessions, settings, metrics, presence=presence).serve()
        try:
            await presence.dismiss(client, _error("busy", CROWDED_OUT))
        except ClientGoneError as error:
            log.debug("client_gone", door=DOOR, error=str(error))

    return routes


@dataclass(frozen=True, eq=False)
class _Segment:
    """What is spoken in one piece; `number` counts from 1 in its session."""

    number: int
    text: str
    speech: Speech


@dataclass
class _Totals:
    """What a session has spoken so far: `sent_s`, `audio_s` and `engine_s` in seconds."""

    segments: int = 0
    sent_s: float = 0.0
    audio_s: float = 0.0
    engine_s: float = 0.0
    first_audio_s: float | None = None


class _Connection:
    """One client. One task reads its messages; while it has a session, another one speaks."""

    def __init__(
        self, client: Client, sessions: SessionRegistry, settings: Settings, metrics: Metrics, *, presence: Presence
    ) -> None:
        self._client = client
        self._presence = presence
        self._sessions = sessions
        self._settings = settings
        self._metrics = metrics
        self._conversation: _Conversation | None = None
        self._defect: Exception | None = None

    async def serve(self) -> None:
        """Returns when the client is gone or was refused."""
        log.info("connected", door=DOOR)
        try:
            async with anyio.create_task_group() as self._tasks:
                self._tasks.start_soon(self._run, self._read)
        finally:
            self._end_conversation()
            log.info("disconnected", door=DOOR)
        if self._defect is not None:
            raise self._defect

    async def _run(self, task: Callable[[], Awaitable[None]]) -> None:
        """Runs one of the tasks. If the client is gone, the other one ends as well."""
        try:
            await task()
        except ClientStalledError as error:
            self._metrics.clients_stalled.labels(DOOR).inc()
            log.warning("client_stalled", door=DOOR, error=str(error))
        except ClientGoneError as error:
            log.debug("client_gone", door=DOOR, error=str(error))
        except Exception as error:  # noqa: BLE001 - raised again by `serve`, as it is and not as a group
            self._defect = error
        else:
            return
        self._tasks.cancel_scope.cancel()

    async def _read(self) -> None:
        self._presence.rest()
        async for received in self._client.messages():
            self._presence.resume()
            try:
                await self._handle(_parse(received))
            except MessageError as error:
                await self._client.send(_error(error.code, str(error)))
            except RefusedError as error:
                await self._client.send(_error("busy", str(error)))
                await self._client.close(TRY_AGAIN_LATER, "busy")
                break
            self._rest_if_idle()
        self._tasks.cancel_scope.cancel()

    def _rest_if_idle(self) -> None:
        if self._conversation is None:
            self._presence.rest()
        elif not self._conversation.pending:
            self._presence.pause()

    async def _handle(self, message: _AnyMessage) -> None:
        conversation = self._conversation
        if isinstance(message, _StartSession):
            if conversation is not None:
                raise MessageError("session_active", "this connection has a session: end it first")
            await self._start(message)
            return
        if conversation is None:
            raise MessageError("no_session", f"{message.type} needs a session: send start_session first")
        if conversation.ending and not isinstance(message, _Cancel):
            raise MessageError("no_session", f"{message.type} came after end_session")
        match message:
            case _SendText():
                self._check_text(message.text)
                if _is_whole_document(message.text):
                    document = _whole_characters(message.text)
                    await self._check_document(document)
                    conversation.say_document(document)
                else:
                    await conversation.say(message.text)
                await conversation.wait_for_room()
            case _Flush():
                conversation.flush()
            case _Cancel():
                fading, spoken, remaining = conversation.interrupt()
                cancelled = {"type": "cancelled", "text_spoken": spoken, "text_remaining": remaining}
                await self._client.send_last(fading, cancelled)
            case _EndSession():
                conversation.end()

    async def _start(self, message: _StartSession) -> None:
        config = message.config or _Config()
        wanted = VoiceRequest(config.voice, config.lang_code, config.speed, config.engine)
        self._sessions.check_open()  # first: before the service is ready it knows no voice
        try:
            selection = self._sessions.find(wanted)
        except UnknownVoiceError as error:
            raise MessageError("bad_voice", str(error)) from None
        conversation = _Conversation(
            self._sessions.open(DOOR),
            self._client,
            self._sessions,
            self._settings,
            session_id=message.session_id or str(uuid.uuid4()),
            wanted=wanted,
            selection=selection,
            padded=bool(config.fixed_frames),
            timestamps=bool(config.timestamps),
            presence=self._presence,
            lead_s=None if config.lead_ms is None else config.lead_ms / 1000,
        )
        self._conversation = conversation
        await self._client.send({"type": "session_started", "session_id": conversation.session_id})
        self._tasks.start_soon(self._run, partial(self._converse, conversation))

    async def _converse(self, conversation: _Conversation) -> None:
        ended = await conversation.speak()
        # First, so that a client that reads of the end finds a place for its next session.
        self._end_conversation()
        await self._client.send(ended)
        self._rest_if_idle()

    def _end_conversation(self) -> None:
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            conversation.close()

    def _check_text(self, text: str) -> None:
        limit = self._settings.max_text_chars
        if len(text) > limit:
            raise MessageError("text_too_long", f"a text of {len(text)} characters is longer than the limit of {limit}")
        try:
            self._sessions.check_open()
        except RefusedError as error:
            raise MessageError("busy", str(error)) from None

    async def _check_document(self, document: str) -> None:
        try:
            if await self._sessions.speakable(document):
                return
        except SpokenError as error:
            raise MessageError("bad_message", f"text: {error}") from None
        raise MessageError("bad_message", "text: the document has nothing to say")


class _Conversation:
    """What one session says, from `start_session` to `session_ended`. Used by the tasks of one event loop.

    Text goes from the segmenter to the segments that wait, from there to those in flight, and `speak` sends these.
    """

    def __init__(
        self,
        session: Session,
        client: Client,
        sessions: SessionRegistry,
        settings: Settings,
        *,
        session_id: str,
        wanted: VoiceRequest,
        selection: ResolvedVoice,
        padded: bool,
        timestamps: bool,
        lead_s: float | None,
        presence: Presence,
    ) -> None:
        self.session_id = session_id
        self.ending = False
        self.pending = False
        self._presence = presence
        self._session = session
        self._client = client
        self._sessions = sessions
        self._phrase = wanted
        self._selection = selection
        self._settings = settings
        self._padded = padded
        self._timestamps = timestamps
        # A script that sends UTF-16 unit by unit cuts characters into halves.
        self._halves = codecs.getincrementaldecoder("utf-16-le")("ignore")
        self._segmenter = Segmenter()
        self._debounce: asyncio.TimerHandle | None = None
        self._waiting: deque[str] = deque()
        self._waiting_chars = 0
        self._in_flight: deque[_Segment] = deque()
        self._playback = Playback(lead_s)
        self._outlet: Outlet | None = None
        self._numbers = itertools.count(1)
        self._changed = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._taking = False
        self._totals = _Totals()
        log.info("session_started", session=str(session), session_id=session_id, voice=selection.voice)

    async def say(self, text: str) -> None:
        """Takes the next piece of text; speaks the sentences that it completes, the rest when none follows."""
        self._stop_debounce()
        self._taking = True
        self._hold()
        text = self._halves.decode(text.encode("utf-16-le", "surrogatepass"))
        for start in range(0, len(text), _PIECE_CHARS):
            began, waiting = time.thread_time(), self._waiting_chars
            self._queue(self._segmenter.push(text[start : start + _PIECE_CHARS]))
            # What has nothing to say fills no queue that would hold its client up.
            idle = self._waiting_chars == waiting
            await asyncio.sleep(rest_s(time.thread_time() - began) if idle else 0)
        self._taking = False
        loop = asyncio.get_running_loop()
        self._debounce = loop.call_later(self._settings.debounce_ms / 1000, self.flush)
        self._hold()

    def say_document(self, document: str) -> None:
        """Speaks an SSML document, as a segment of its own, behind what is there."""
        self.flush()
        self._queue([document])
        self._hold()

    async def wait_for_room(self) -> None:
        """Returns when more text may be taken."""
        await self._has_room.wait()

    def flush(self) -> None:
        """Speaks what is there."""
        self._stop_debounce()
        self._queue(self._segmenter.flush())
        self._hold()

    def end(self) -> None:
        """Speaks what is there, and nothing more: then `speak` returns."""
        self.ending = True
        self.flush()
        self._changed.set()

    def interrupt(self) -> tuple[list[bytes], str, str]:
        """Barge-in: says nothing more of what was taken so far.

        Returns the audio that falls silent, and the text that was heard and that was not.
        """
        fading = self._outlet.cut() if self._outlet is not None else []
        begun = self._outlet is not None
        queued = [segment.text for segment in self._in_flight][begun:]
        spoken, remaining = self._playback.interrupt([*queued, *self._waiting, *self._segmenter.flush()])
        self._session.interrupt()
        self._forget()
        self._changed.set()
        self._hold()
        return fading, spoken, remaining

    def close(self) -> None:
        """Says nothing more at all."""
        self._session.close()
        self._forget()
        self._hold()
        log.info(
            "session_ended",
            session=str(self._session),
            session_id=self.session_id,
            segments=self._totals.segments,
            audio_s=round(self._totals.sent_s, 3),
        )

    async def speak(self) -> dict[str, Any]:
        """Sends the audio of all segments in order; returns the last message of the session once it has ended.

        Raises:
            ClientGoneError: the client takes nothing more.
        """
        while not (self.ending and not self._in_flight):
            if self._in_flight:
                await self._send(self._in_flight[0])
            else:
                self._changed.clear()
                await self._changed.wait()
        totals = self._totals
        return {
            "type": "session_ended",
            "session_id": self.session_id,
            "segments_processed": totals.segments,
            "audio_duration_ms": _milliseconds(totals.sent_s),
            "ttfa_ms": _milliseconds(totals.first_audio_s),
            "rtf": _rtf(totals.engine_s, totals.audio_s),
        }

    def _queue(self, segments: Iterable[str]) -> None:
        for segment in segments:
            self._waiting.append(segment)
            self._waiting_chars += len(segment)
        self._refill()

    def _refill(self) -> None:
        while self._waiting and len(self._in_flight) < self._settings.max_inflight_segments:
            text = self._waiting.popleft()
            self._waiting_chars -= len(text)
            # The service may have another engine or voice by now. If it has lost this one, who spoke so far goes on.
            with contextlib.suppress(UnknownVoiceError):
                self._selection = self._sessions.find(self._phrase)
            speech = self._session.say(text, self._selection, request_id=str(uuid.uuid4()))
            self._in_flight.append(_Segment(next(self._numbers), text, speech))
            self._changed.set()
        if self._waiting_chars <= self._settings.max_text_chars:
            self._has_room.set()
        else:
            self._has_room.clear()

    def _forget(self) -> None:
        self._stop_debounce()
        self._taking = False
        self._halves.reset()
        self._segmenter.reset()
        self._in_flight.clear()
        self._outlet = None
        self._waiting.clear()
        self._waiting_chars = 0
        self._has_room.set()

    def _stop_debounce(self) -> None:
        if self._debounce is not None:
            self._debounce.cancel()
            self._debounce = None

    def _hold(self) -> None:
        """Keeps the session from being taken for silent, or its client for idle, while text is not spoken yet."""
        pending = bool(self._taking or self._debounce or self._waiting or self._in_flight)
        if pending is not self.pending:
            self.pending = pending
            self._sessions.speaking(+1 if pending else -1)
            if pending:
                self._presence.speak()
            else:
                self._presence.pause()

    async def _send(self, segment: _Segment) -> None:
        """Sends a segment's audio and what became of it, unless it is cancelled on the way."""
        speech = segment.speech
        sent_s = await self._send_audio(segment)
        if speech.cancelled:
            return
        self._in_flight.popleft()
        self._refill()
        request = speech.request
        names = {"segment_id": segment.number, "request_id": request.request_id}
        if request.failure is not None:
            await self._client.send({**_error("synthesis_failed", request.failure), **names})
        else:
            self._count(speech, sent_s)
            await self._client.send(
                {
                    "type": "segment_done",
                    **names,
                    "ttfa_ms": _milliseconds(request.first_audio_s),
                    "rtf": _rtf(request.engine_s, request.audio_s),
                    "duration_ms": _milliseconds(sent_s),
                }
            )
        self._hold()

    async def _send_audio(self, segment: _Segment) -> float:
        """Sends the audio until its end or until it is cancelled; returns how much, in seconds."""
        speech = segment.speech
        frame_ms = self._settings.frame_ms
        outlet = self._outlet = Outlet(
            open_encoder("pcm", SAMPLE_RATE),
            Frames(SAMPLE_RATE * frame_ms // 1000 * _SAMPLE_BYTES, self._padded),
            self._playback,
            self._playback.begin(segment.text),
            frame_ms,
        )
        sent_bytes = 0
        async for window in speech:
            if self._timestamps and window.words:
                words = [_word(word) for word in window.words]
                await self._client.send({"type": "words", "segment_id": segment.number, "words": words})
            async for frame in outlet.messages(window):
                await self._client.send_audio(frame)
                sent_bytes += len(frame)
        self._outlet = None
        return sent_bytes / _SAMPLE_BYTES / SAMPLE_RATE

    def _count(self, speech: Speech, sent_s: float) -> None:
        totals = self._totals
        totals.segments += 1
        totals.sent_s += sent_s
        totals.audio_s += speech.request.audio_s
        totals.engine_s += speech.request.engine_s
        if totals.first_audio_s is None:
            totals.first_audio_s = speech.request.first_audio_s


def _is_whole_document(text: str) -> bool:
    return normalization.is_document(text) and text.rstrip().endswith("</speak>")


def _whole_characters(text: str) -> str:
    """Without halves of surrogate pairs whose other half is missing: JSON can spell them, and nothing can say them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


def _parse(received: dict[str, Any] | MessageError) -> _AnyMessage:
    if isinstance(received, MessageError):
        raise received
    try:
        return _MESSAGES.validate_python(received)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        raise MessageError("unknown_type", "type is start_session, send_text, flush, cancel or end_session")
    _, *field = problem["loc"]
    raise MessageError("bad_message", f"{'.'.join(map(str, field))}: {problem['msg']}")


def _error(code: str, message: str) -> dict[str, Any]:
    return {"type": "error", "code": code, "message": message}


def _word(word: Word) -> dict[str, Any]:
    return {"word": word.text, "start_s": round(word.start_s, 3), "end_s": round(word.end_s, 3)}


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 1)


def _rtf(engine_s: float, audio_s: float) -> float | None:
    return round(engine_s / audio_s, 4) if audio_s else None
