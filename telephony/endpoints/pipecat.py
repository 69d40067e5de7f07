"""The sentence protocol's door at `/v1/audio/speech/stream/ws`; its messages are in `protocols/sentence.py`."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import anyio
import structlog
from fastapi import APIRouter, WebSocket

from telephony.audio.encoders import open_encoder
from telephony.endpoints.idle import CROWDED_OUT, IdleClients, Presence
from telephony.endpoints.websocket import (
    TRY_AGAIN_LATER,
    AudioStream,
    Client,
    ClientGoneError,
    Frames,
    no_voice_message,
    serving,
)
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.playback import Playback, SaidText
from telephony.listeners.session import Session, Speech
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.protocols import sentence as protocol
from telephony.protocols.messages import MessageError, ServiceMessage, lexicon_of
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.text.normalization import SpokenError
from telephony.text.script import Script
from telephony.voices import ResolvedVoice, VoiceRequest
from telephony.voices.reading import UnreadableTextError

log = structlog.get_logger()

DOOR = "pipecat"
"""The name of this door in metrics."""

MAX_WAITING_REQUESTS = 100
"""Requests in flight on one connection; more are told busy."""


@dataclass(eq=False)
class _Request(SaidText):
    """One text of a client, and the `start` that was valid when it was said.

    Attributes:
        streamed_s: the audio handed on for sending, in seconds.
        stream: its audio as messages, from when it plays.
        fading: those of them that follow a cancel.
    """

    request_id: str
    speech: Speech
    start: protocol.Start
    streamed_s: float = field(default=0.0, init=False)
    stream: AudioStream | None = field(default=None, init=False)
    fading: Sequence[bytes] = field(default=(), init=False)

    async def messages(self, frame_ms: int, playback: Playback[_Request]) -> AsyncIterator[ServiceMessage | bytes]:
        """What its client gets before the end of it: messages and audio."""
        start = self.start
        playback.lead_s = None if start.lead_ms is None else start.lead_ms / 1000
        encoder = open_encoder(start.format, start.sample_rate)
        stream = self.stream = AudioStream(encoder, Frames(start.frame_bytes(frame_ms)), playback, self)
        begun = False
        async for window in self.speech:
            if len(window.samples) and not begun:
                begun = True
                yield protocol.StartedSpeak(self.request_id, self.speech.request.measured.cached or None)
            words = window.words if start.timestamps else None
            if words or (len(window.samples) and self.streamed_s):
                yield protocol.Meta(self.request_id, round(self.streamed_s, 3), words)
            async for frame in stream.messages(window):
                yield frame
            self.streamed_s += window.duration_s


class _Connection:
    """One client. Two tasks: one reads its messages, one sends the audio of its requests in order."""

    def __init__(
        self,
        client: Client,
        session: Session,
        sessions: SessionRegistry,
        settings: Settings,
        *,
        presence: Presence,
    ) -> None:
        self._client = client
        self._presence = presence
        self._session = session
        self._sessions = sessions
        self._settings = settings
        self._start = protocol.Start()
        self._playback = Playback[_Request](None, piece_ms=settings.frame_ms)
        self._stopped = False

    async def serve(self) -> bool:
        """Returns once the client has said stop (True) or is gone."""
        async with serving(self._client) as self._tasks:
            self._tasks.start(self._read_all)
            self._tasks.start(self._play_all)
        return self._stopped

    async def _read_all(self) -> None:
        self._rest_if_idle()
        async for received in self._client.messages():
            self._presence.resume()
            try:
                message = protocol.parse(received)
            except MessageError as error:
                await self._client.send(protocol.Error(error.code, str(error), error.request_id))
            else:
                if isinstance(message, protocol.Stop):
                    self._stopped = True
                    break
                await self._answer(message)
            self._rest_if_idle()
        self._tasks.cancel()

    async def _answer(self, message: protocol.Start | protocol.Speak | protocol.Cancel) -> None:
        try:
            match message:
                case protocol.Start():
                    await self._handle_start(message)
                case protocol.Speak():
                    await self._handle_speak(message)
                case protocol.Cancel():
                    await self._handle_cancel(message)
        except MessageError as error:
            await self._client.send(protocol.Error(error.code, str(error), message.request_id))

    async def _handle_start(self, start: protocol.Start) -> None:
        try:
            selection = self._sessions.find(VoiceRequest(start.voice, engine=start.engine))
        except UnknownVoiceError as error:
            raise no_voice_message(error) from None
        self._start = start
        await self._client.send(
            protocol.Started(selection.voice, start.format, start.sample_rate, start.timestamps, start.lead_ms)
        )

    async def _handle_speak(self, speak: protocol.Speak) -> None:
        request_id = speak.request_id or str(uuid.uuid4())
        if self._in_flight(request_id) is not None:
            raise MessageError("bad_request_id", "a request of that id is in flight")
        text, limit = speak.text, self._settings.max_text_chars
        if len(text) > limit:
            raise MessageError("bad_text", f"a text of {len(text)} characters is longer than the limit of {limit}")
        try:
            script = await self._sessions.parse(text)
        except SpokenError as error:
            raise MessageError("bad_text", str(error)) from None
        if not script.speakable:
            raise MessageError("empty_text", "the text has nothing to say")
        voice, engine = (self._start.voice, self._start.engine) if speak.voice is None else (speak.voice, None)
        wanted = VoiceRequest(voice, None, speak.speed, engine, speak.intonation, speak.loudness)
        selection = self._find_reader(wanted, script)
        self._check_room(script)
        pronunciations = lexicon_of(speak.pronunciations, self._start.pronunciations)
        speech = self._session.say(script, selection, request_id=request_id, pronunciations=pronunciations)
        self._playback.add(_Request(script.words, request_id, speech, self._start))
        self._presence.speak()

    async def _handle_cancel(self, cancel: protocol.Cancel) -> None:
        request = self._in_flight(cancel.request_id)
        if request is None:
            raise MessageError("unknown_request", "no request of that id is in flight")
        request.speech.cancel()
        if request is self._playback.playing:
            # It is announced as canceled behind its last frame, by the task that sends it.
            request.fade()
            request.fading = request.stream.fading() if request.stream is not None else ()
            self._leave_if_silent()
        else:
            canceled = self._canceled(request)
            self._leave_if_silent()
            await self._client.send(canceled)

    def _in_flight(self, request_id: str | None) -> _Request | None:
        return next((request for request in self._playback.texts if request.request_id == request_id), None)

    def _find_reader(self, wanted: VoiceRequest, script: Script) -> ResolvedVoice:
        try:
            return self._sessions.find_reader(wanted, script)
        except UnknownVoiceError as error:
            raise no_voice_message(error) from None
        except UnreadableTextError as error:
            raise MessageError("bad_text", str(error)) from None

    def _check_room(self, script: Script) -> None:
        requests = self._playback.texts
        waiting_bytes = sum(request.speech.request.size_bytes for request in requests)
        if requests and waiting_bytes + script.size_bytes > self._settings.max_queued_text_bytes:
            raise MessageError("busy", f"{waiting_bytes} bytes of text wait on this connection")
        if len(requests) >= MAX_WAITING_REQUESTS:
            raise MessageError("busy", f"{len(requests)} requests wait on this connection")
        try:
            self._session.take_place()
        except RefusedError as error:
            raise MessageError("busy", str(error)) from None

    def _leave_if_silent(self) -> None:
        """Who says nothing more needs no place."""
        if not self._playback.texts:
            self._session.leave_place()

    def _rest_if_idle(self) -> None:
        if not self._playback.texts:
            self._presence.rest()

    async def _play_all(self) -> None:
        while (request := await self._playback.next()) is not None:
            await self._play(request)

    async def _play(self, request: _Request) -> None:
        async for message in request.messages(self._settings.frame_ms, self._playback):
            if request.cut:
                continue
            if isinstance(message, bytes):
                await self._client.send_audio(message)
            else:
                await self._client.send(message)
        self._playback.done()
        if request.cut:
            await self._client.send_last(request.fading, self._canceled(request))
            return
        self._leave_if_silent()
        failure = request.speech.request.measured.failure
        if failure is not None:
            await self._client.send(protocol.Error("stream_error", failure, request.request_id))
        else:
            await self._client.send(protocol.Done(request.request_id, round(request.streamed_s, 3)))
        self._rest_if_idle()

    def _canceled(self, request: _Request) -> protocol.Canceled:
        return protocol.Canceled(request.request_id, *self._playback.cancel(request))


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The routes of this door."""
    routes = APIRouter()

    idle = IdleClients(DOOR, settings, metrics)

    async def serve(client: Client) -> None:
        try:
            session = sessions.attend(DOOR, client.request_id)
        except RefusedError as error:
            await client.send(protocol.Error("busy", str(error), None))
            await client.close(TRY_AGAIN_LATER, "busy")
            return
        stopped = False
        try:
            with anyio.CancelScope() as serving, idle.watch(serving.cancel) as presence:
                stopped = await _Connection(client, session, sessions, settings, presence=presence).serve()
        finally:
            session.close()
        await presence.dismiss(client, protocol.Error("busy", CROWDED_OUT, None))
        if stopped:
            await client.send(protocol.Stopped())
            await client.close()

    @routes.websocket("/v1/audio/speech/stream/ws")
    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        client = Client(socket, DOOR, settings.send_timeout_s, metrics)
        client.session = client.request_id
        with client.connected():
            try:
                await serve(client)
            except ClientGoneError as error:
                log.debug("client_gone", **client.named, error=str(error))

    return routes
