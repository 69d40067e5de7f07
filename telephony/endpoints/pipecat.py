"""The sentence protocol (Pipecat style) at `/v1/audio/speech/stream/ws`.

A client sends JSON, the service JSON and binary audio. Fields are optional unless marked with *; null is as good as
none.

| Client | Fields | Meaning |
|---|---|---|
| `start` | voice, engine, format, sample_rate, timestamps, lead_ms | how the requests behind it are spoken |
| `speak` | text*, request_id, voice, speed (0.5 to 2) | says a text, behind those that were said before |
| `cancel` | request_id* | not another byte of that request |
| `stop` | | ends everything, what is pending too, and the connection |

| Service | Fields | When |
|---|---|---|
| `started` | voice, format, sample_rate, timestamps, with lead_ms also that | answers `start`, with what was chosen |
| `started_speak` | request_id | its first audio follows |
| `meta` | request_id, progress, with timestamps also words | a window of audio follows |
| `done` | request_id, duration_s | all of its audio was sent |
| `canceled` | request_id, text_spoken, text_remaining | answers `cancel`; none of its audio follows |
| `stopped` | | answers `stop`; the connection is closed with 1000 |
| `error` | code, request_id, message | see below; request_id is null where none is concerned |

- `start` may be left out (the service's voice, PCM at 24,000 Hz, no timestamps) and sent again: requests keep what was
  valid when they were said.
- A request without request_id is given one, which `started_speak` tells. Ids are free again once a request has ended.
- Each request ends with exactly one of `done`, `canceled` and `error`. Audio comes in the order of requests: what
  arrives is that of the last `started_speak`.
- `progress` is the audio of the request before this message, in seconds. `words` are those that have become known since
  the last one, as `{"word": "Hello,", "start_s": 0.12, "end_s": 0.41}`, in seconds from the request's first sample.
  They may lie ahead of the audio.
- Audio comes as soon as it is made, or at most `lead_ms` (20 to 10,000) milliseconds before it is heard: then a
  `cancel` leaves no more than that with the client, and its end fades to silence before `canceled`.
- `text_spoken` and `text_remaining` are the request's text as far as it was heard and from there on, by the service's
  clock and the times of words. Of an engine without these, nothing counts as heard before the end.
- A text that is an SSML document is obeyed.
- `pcm` (16-bit little-endian, 8000, 16000, 24000 or 48000 Hz), `mulaw` and `alaw` (8000 Hz) come in frames of the same
  length, the last of a request shorter. `opus` is an Ogg stream of its own for each request.

Errors leave the connection open and, unless they name it as failed, every request as it was:

| Code | What was wrong |
|---|---|
| `bad_json`, `unexpected_binary`, `unknown_type` | a message |
| `bad_format`, `bad_timestamps`, `bad_lead`, `bad_voice`, `bad_speed` | a field of a message that has no effect |
| `empty_text`, `bad_text` | a text with nothing to say; no text, too long a one, or SSML that is not valid |
| `bad_request_id` | not a string of 1 to 200 characters, or that of a request in flight, which goes on |
| `unknown_request` | `cancel` of what has ended or never was |
| `busy` | too much waits on this connection, or there is no place to speak: try again later |
| `stream_error` | a part of the text could not be spoken: the end of that request |

- A place is for who speaks: a connection has one from `speak` to the end of its last request.
- While no request is in flight the connection is idle. Without a message for `--idle-timeout-s` it is then closed with
  1001; any message, such as another `start`, begins that time anew.
- Idle connections over their bound get `busy` and are closed with 1013, as are all that come while the service stops.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import anyio
import structlog
from fastapi import APIRouter, WebSocket

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
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.playback import Playback
from telephony.listeners.sessions import RefusedError, Session, SessionRegistry, Speech
from telephony.settings import Settings
from telephony.speech import Word
from telephony.telemetry.metrics import Metrics
from telephony.text.normalization import SpokenError
from telephony.voices import ResolvedVoice, VoiceRequest

log = structlog.get_logger()

DOOR = "pipecat"
"""The name of this door in metrics."""

MAX_WAITING_REQUESTS = 100
"""Requests in flight on one connection; more are told busy."""

_MAX_REQUEST_ID_CHARS = 200


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


@dataclass(frozen=True)
class _Start:
    """What a client asked for with `start`. `voice` and `engine` are None for the service's, `lead_ms` for audio
    without a pace; `sample_rate` in Hz."""

    voice: str | None = None
    engine: str | None = None
    format: str = "pcm"
    sample_rate: int = 24_000
    timestamps: bool = False
    lead_ms: int | None = None

    def frame_bytes(self, frame_ms: int) -> int | None:
        """Bytes of `frame_ms` milliseconds; None in a container."""
        sample_bytes = _FORMATS[self.format].sample_bytes
        return None if sample_bytes is None else self.sample_rate * frame_ms // 1000 * sample_bytes


@dataclass(eq=False)
class _Request:
    """One text of a client. `sent_s` is the audio handed on for sending, in seconds; `fading` what follows a cancel."""

    request_id: str
    text: str
    speech: Speech
    start: _Start
    sent_s: float = 0.0
    fading: Sequence[bytes] = ()
    outlet: Outlet | None = None

    async def messages(self, frame_ms: int, playback: Playback) -> AsyncIterator[dict[str, Any] | bytes]:
        """What its client gets before the end of it: JSON objects and audio."""
        playback.lead_s = None if self.start.lead_ms is None else self.start.lead_ms / 1000
        outlet = self.outlet = Outlet(
            open_encoder(self.start.format, self.start.sample_rate),
            Frames(self.start.frame_bytes(frame_ms)),
            playback,
            playback.begin(self.text),
            frame_ms,
        )
        begun = False
        async for window in self.speech:
            if len(window.samples) and not begun:
                begun = True
                yield self.message("started_speak")
            words = window.words if self.start.timestamps else ()
            if words or (len(window.samples) and self.sent_s):
                yield self._meta(words)
            async for frame in outlet.messages(window):
                yield frame
            self.sent_s += window.duration_s

    def message(self, kind: str, **fields: Any) -> dict[str, Any]:
        """A message about it."""
        return {"type": kind, "request_id": self.request_id, **fields}

    def _meta(self, words: Sequence[Word]) -> dict[str, Any]:
        meta = self.message("meta", progress=round(self.sent_s, 3))
        if self.start.timestamps:
            meta["words"] = [
                {"word": word.text, "start_s": round(word.start_s, 3), "end_s": round(word.end_s, 3)} for word in words
            ]
        return meta


class _Connection:
    """One client. Two tasks: one reads its messages, one sends the audio of its requests in order."""

    def __init__(
        self,
        client: Client,
        session: Session,
        sessions: SessionRegistry,
        settings: Settings,
        metrics: Metrics,
        *,
        presence: Presence,
    ) -> None:
        self._client = client
        self._presence = presence
        self._session = session
        self._sessions = sessions
        self._settings = settings
        self._metrics = metrics
        self._start = _Start()
        self._requests: dict[str, _Request] = {}
        self._playing: _Request | None = None
        self._playback = Playback(None)
        self._said = asyncio.Event()
        self._stopped = False
        self._defect: Exception | None = None

    async def serve(self) -> bool:
        """Returns once the client has said stop (True) or is gone."""
        async with anyio.create_task_group() as tasks:
            for task in (self._read_all, self._play_all):
                tasks.start_soon(self._run, task, tasks.cancel_scope)
        if self._defect is not None:
            raise self._defect
        return self._stopped

    async def _run(self, task: Callable[[], Awaitable[None]], tasks: anyio.CancelScope) -> None:
        """Runs one of the tasks. Its end is that of the other one."""
        try:
            await task()
        except ClientStalledError as error:
            self._metrics.clients_stalled.labels(DOOR).inc()
            log.warning("client_stalled", door=DOOR, error=str(error))
        except ClientGoneError as error:
            log.debug("client_gone", door=DOOR, error=str(error))
        except Exception as error:  # noqa: BLE001 - raised again by `serve`, as it is and not as a group
            self._defect = error
        tasks.cancel()

    async def _read_all(self) -> None:
        self._rest_if_idle()
        async for message in self._client.messages():
            self._presence.resume()
            if isinstance(message, MessageError):
                await self._client.send(_error(message.code, str(message)))
            elif message.get("type") == "stop":
                self._stopped = True
                return
            else:
                await self._answer(message)
            self._rest_if_idle()

    async def _answer(self, message: Mapping[str, Any]) -> None:
        try:
            await self._handle(message)
        except MessageError as error:
            request_id = message.get("request_id")
            known_id = request_id if _is_request_id(request_id) else None
            await self._client.send(_error(error.code, str(error), known_id))

    async def _handle(self, message: Mapping[str, Any]) -> None:
        kind = message.get("type")
        if kind == "start":
            await self._handle_start(message)
        elif kind == "speak":
            await self._handle_speak(message)
        elif kind == "cancel":
            await self._handle_cancel(message)
        else:
            raise MessageError("unknown_type", f"type is start, speak, cancel or stop, not {kind!r:.100}")

    async def _handle_start(self, message: Mapping[str, Any]) -> None:
        start = _read_start(message)
        selection = self._find(VoiceRequest(start.voice, engine=start.engine))
        self._start = start
        started = {
            "type": "started",
            "voice": selection.voice,
            "format": start.format,
            "sample_rate": start.sample_rate,
            "timestamps": start.timestamps,
        }
        await self._client.send(started if start.lead_ms is None else {**started, "lead_ms": start.lead_ms})

    async def _handle_speak(self, message: Mapping[str, Any]) -> None:
        request_id = _read_request_id(message) or str(uuid.uuid4())
        if request_id in self._requests:
            raise MessageError("bad_request_id", "a request of that id is in flight")
        text = _read_text(message, self._settings.max_text_chars)
        try:
            if not await self._sessions.speakable(text):
                raise MessageError("empty_text", "the text has nothing to say")
        except SpokenError as error:
            raise MessageError("bad_text", str(error)) from None
        voice = _read_name(message, "voice")
        engine = self._start.engine if voice is None else None
        wanted = VoiceRequest(self._start.voice if voice is None else voice, speed=_read_speed(message), engine=engine)
        selection = self._find(wanted)
        self._check_room(text)
        speech = self._session.say(text, selection, request_id=request_id)
        self._requests[request_id] = _Request(request_id, text, speech, self._start)
        self._presence.speak()
        self._said.set()

    async def _handle_cancel(self, message: Mapping[str, Any]) -> None:
        request = self._requests.get(_read_request_id(message) or "")
        if request is None:
            raise MessageError("unknown_request", "no request of that id is in flight")
        self._forget(request)
        request.speech.cancel()
        if request.outlet is not None:
            request.fading = request.outlet.cut()
        # What is being sent is announced as canceled behind its last frame, by the task that sends it.
        if request is not self._playing:
            await self._client.send(self._canceled(request))

    def _find(self, wanted: VoiceRequest) -> ResolvedVoice:
        try:
            return self._sessions.find(wanted)
        except UnknownVoiceError as error:
            raise MessageError("bad_voice", str(error)) from None

    def _check_room(self, text: str) -> None:
        waiting_bytes = sum(request.speech.request.size_bytes for request in self._requests.values())
        if self._requests and waiting_bytes + len(text.encode()) > self._settings.max_queued_text_bytes:
            raise MessageError("busy", f"{waiting_bytes} bytes of text wait on this connection")
        if len(self._requests) >= MAX_WAITING_REQUESTS:
            raise MessageError("busy", f"{len(self._requests)} requests wait on this connection")
        try:
            self._session.take_place()
        except RefusedError as error:
            raise MessageError("busy", str(error)) from None

    def _forget(self, request: _Request) -> None:
        """It is not in flight any more. Who says nothing else needs no place."""
        del self._requests[request.request_id]
        if not self._requests:
            self._session.leave_place()

    def _rest_if_idle(self) -> None:
        if not self._requests:
            self._presence.rest()

    async def _play_all(self) -> None:
        while True:
            while not self._requests:
                self._said.clear()
                await self._said.wait()
            self._playing = next(iter(self._requests.values()))
            await self._play(self._playing)

    async def _play(self, request: _Request) -> None:
        async for message in request.messages(self._settings.frame_ms, self._playback):
            if request.speech.cancelled:
                continue
            if isinstance(message, bytes):
                await self._client.send_audio(message)
            else:
                await self._client.send(message)
        if request.speech.cancelled:
            await self._client.send_last(request.fading, self._canceled(request))
            return
        self._forget(request)
        failure = request.speech.request.failure
        if failure is not None:
            await self._client.send(_error("stream_error", failure, request.request_id))
        else:
            await self._client.send(request.message("done", duration_s=round(request.sent_s, 3)))
        self._rest_if_idle()

    def _canceled(self, request: _Request) -> dict[str, Any]:
        outlet = request.outlet
        spoken, remaining = ("", request.text) if outlet is None else self._playback.cancel(outlet.said)
        return request.message("canceled", text_spoken=spoken, text_remaining=remaining)


def _error(code: str, message: str, request_id: str | None = None) -> dict[str, Any]:
    return {"type": "error", "code": code, "request_id": request_id, "message": message}


def _read_start(message: Mapping[str, Any]) -> _Start:
    name = message.get("format")
    name = "pcm" if name is None else name
    known = _FORMATS.get(name) if isinstance(name, str) else None
    if known is None:
        raise MessageError("bad_format", f"format is one of {', '.join(_FORMATS)}")
    sample_rate = message.get("sample_rate")
    if sample_rate is None:
        sample_rate = known.sample_rates[0]
    if sample_rate not in known.sample_rates:
        rates = ", ".join(map(str, sorted(known.sample_rates)))
        raise MessageError("bad_format", f"sample_rate of {name} is {rates}")
    timestamps = message.get("timestamps")
    if timestamps is not None and not isinstance(timestamps, bool):
        raise MessageError("bad_timestamps", "timestamps is true or false")
    lead_ms = message.get("lead_ms")
    if lead_ms is not None and not (type(lead_ms) is int and MIN_LEAD_MS <= lead_ms <= MAX_LEAD_MS):
        raise MessageError("bad_lead", f"lead_ms is a whole number from {MIN_LEAD_MS} to {MAX_LEAD_MS}")
    voice, engine = _read_name(message, "voice"), _read_name(message, "engine")
    return _Start(voice, engine, name, int(sample_rate), bool(timestamps), lead_ms)


def _read_name(message: Mapping[str, Any], field: str) -> str | None:
    name = message.get(field)
    if name is not None and not isinstance(name, str):
        raise MessageError("bad_voice", f"{field} is a name")
    return name


def _read_speed(message: Mapping[str, Any]) -> float | None:
    speed = message.get("speed")
    if speed is None:
        return None
    if isinstance(speed, bool) or not isinstance(speed, (int, float)) or not 0.5 <= speed <= 2.0:
        raise MessageError("bad_speed", "speed is a number from 0.5 to 2")
    return float(speed)


def _read_text(message: Mapping[str, Any], max_chars: int) -> str:
    text = message.get("text")
    if not isinstance(text, str) or not _is_unicode(text):
        raise MessageError("bad_text", "text is a string of Unicode characters")
    if len(text) > max_chars:
        raise MessageError("bad_text", f"a text of {len(text)} characters is longer than the limit of {max_chars}")
    return text


def _read_request_id(message: Mapping[str, Any]) -> str | None:
    request_id = message.get("request_id")
    if request_id is not None and not _is_request_id(request_id):
        raise MessageError("bad_request_id", f"request_id is a string of 1 to {_MAX_REQUEST_ID_CHARS} characters")
    return request_id


def _is_request_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 1 <= len(value) <= _MAX_REQUEST_ID_CHARS and _is_unicode(value)


def _is_unicode(text: str) -> bool:
    """False for half a surrogate pair, which JSON can spell and UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The routes of this door."""
    routes = APIRouter()

    idle = IdleClients(DOOR, settings, metrics)

    async def serve(client: Client) -> None:
        try:
            session = sessions.attend(DOOR)
        except RefusedError as error:
            await client.send(_error("busy", str(error)))
            await client.close(TRY_AGAIN_LATER, "busy")
            return
        stopped = False
        try:
            with anyio.CancelScope() as serving, idle.watch(serving.cancel) as presence:
                stopped = await _Connection(client, session, sessions, settings, metrics, presence=presence).serve()
        finally:
            session.close()
        await presence.dismiss(client, _error("busy", CROWDED_OUT))
        if stopped:
            await client.send({"type": "stopped"})
            await client.close()

    @routes.websocket("/v1/audio/speech/stream/ws")
    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        log.info("connected", door=DOOR)
        try:
            await serve(Client(socket, settings.send_timeout_s))
        except ClientGoneError as error:
            log.debug("client_gone", door=DOOR, error=str(error))
        finally:
            log.info("disconnected", door=DOOR)

    return routes
