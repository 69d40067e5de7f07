"""The session protocol's door at `/ws/tts`; its messages are in `protocols/session.py`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial

import anyio
import structlog
from fastapi import APIRouter, WebSocket

from telephony.endpoints.conversation import Conversation, Format, Totals
from telephony.endpoints.idle import CROWDED_OUT, IdleClients, Presence
from telephony.endpoints.websocket import (
    TRY_AGAIN_LATER,
    Client,
    ClientGoneError,
    no_voice_message,
    serving,
    whole_characters,
)
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.protocols import session as protocol
from telephony.protocols.messages import MessageError, lexicon_of
from telephony.scheduling.queues import Request
from telephony.settings import Settings
from telephony.speech import Word
from telephony.telemetry.metrics import Metrics
from telephony.text import normalization
from telephony.text.normalization import SpokenError
from telephony.text.script import Script
from telephony.voices import VoiceRequest

log = structlog.get_logger()

DOOR = "livekit"
"""The name of this door in metrics."""


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The routes of this door."""
    routes = APIRouter()
    idle = IdleClients(DOOR, settings, metrics)

    @routes.websocket("/ws/tts")
    async def converse(socket: WebSocket) -> None:
        await socket.accept()
        client = Client(socket, DOOR, settings.send_timeout_s, metrics)
        with anyio.CancelScope() as serving, idle.watch(serving.cancel) as presence:
            await _Connection(client, sessions, settings, presence=presence).serve()
        try:
            await presence.dismiss(client, protocol.Error("busy", CROWDED_OUT))
        except ClientGoneError as error:
            log.debug("client_gone", **client.named, error=str(error))

    return routes


class _Answers:
    """See `conversation.Answers`."""

    def __init__(self, client: Client, *, timestamps: bool) -> None:
        self._client = client
        self._timestamps = timestamps

    async def words(self, segment: int, words: Sequence[Word]) -> None:
        if self._timestamps:
            await self._client.send(protocol.Words(segment, words))

    async def audio(self, frame: bytes) -> None:
        await self._client.send_audio(frame)

    async def done(self, segment: int, request: Request, sent_s: float) -> None:
        measured = request.measured
        await self._client.send(
            protocol.SegmentDone(
                segment,
                request.request_id,
                protocol.milliseconds(measured.first_audio_s),
                protocol.real_time_factor(measured.engine_s, measured.audio_s),
                protocol.milliseconds(sent_s),
            )
        )

    async def failed(self, segment: int, request_id: str, why: str, sent_s: float) -> None:
        await self._client.send(protocol.Error("synthesis_failed", why, segment, request_id))


class _Connection:
    """One client. One task reads its messages; while it has a session, another one speaks."""

    def __init__(self, client: Client, sessions: SessionRegistry, settings: Settings, *, presence: Presence) -> None:
        self._client = client
        self._presence = presence
        self._sessions = sessions
        self._settings = settings
        self._conversation: Conversation | None = None
        self._start_refused = False

    async def serve(self) -> None:
        """Returns when the client is gone or was refused."""
        with self._client.connected():
            try:
                async with serving(self._client) as self._tasks:
                    self._tasks.start(self._read)
            finally:
                self._end_conversation()

    async def _read(self) -> None:
        self._presence.rest()
        async for received in self._client.messages():
            self._presence.resume()
            try:
                await self._handle(protocol.parse(received))
            except MessageError as error:
                follows = self._start_refused and error.code == "no_session"
                await self._client.send(protocol.Error(error.code, str(error)), follows=follows)
            except RefusedError as error:
                await self._client.send(protocol.Error("busy", str(error)))
                await self._client.close(TRY_AGAIN_LATER, "busy")
                break
            self._rest_if_idle()
        self._tasks.cancel()

    def _rest_if_idle(self) -> None:
        if self._conversation is None:
            self._presence.rest()
        elif not self._conversation.pending:
            self._presence.pause()

    async def _handle(self, message: protocol.Message) -> None:
        conversation = self._conversation
        if isinstance(message, protocol.StartSession):
            if conversation is not None:
                raise MessageError("session_active", "this connection has a session: end it first")
            self._start_refused = True
            await self._start(message)
            self._start_refused = False
            return
        if conversation is None:
            raise MessageError("no_session", f"{message.type} needs a session: send start_session first")
        if conversation.ending and not isinstance(message, protocol.Cancel):
            raise MessageError("no_session", f"{message.type} came after end_session")
        match message:
            case protocol.SendText():
                self._check_text(message.text)
                if _is_whole_document(message.text):
                    document = whole_characters(message.text)
                    conversation.say_document(await self._read_document(document))
                else:
                    await conversation.say(message.text)
                await conversation.wait_for_room()
            case protocol.Flush():
                conversation.flush()
            case protocol.Cancel():
                fading, spoken, remaining = conversation.interrupt()
                await self._client.send_last(fading, protocol.Cancelled(spoken, remaining))
            case protocol.EndSession():
                conversation.end()

    async def _start(self, message: protocol.StartSession) -> None:
        chosen = message.chosen
        wanted = VoiceRequest(
            chosen.voice, chosen.lang_code, chosen.speed, chosen.engine, chosen.intonation, chosen.loudness
        )
        self._sessions.check_open()  # first: before the service is ready it knows no voice
        try:
            selection = self._sessions.find(wanted)
        except UnknownVoiceError as error:
            raise no_voice_message(error) from None
        session_id = message.session_id or str(uuid.uuid4())
        conversation = Conversation(
            self._sessions.open(DOOR, session_id),
            _Answers(self._client, timestamps=bool(chosen.timestamps)),
            self._sessions,
            self._settings,
            on_pending=lambda pending: self._presence.speak() if pending else self._presence.pause(),
            session_id=session_id,
            wanted=wanted,
            selection=selection,
            pronunciations=lexicon_of(chosen.pronunciations),
            sent_as=Format(
                "pcm",
                protocol.SAMPLE_RATE,
                protocol.SAMPLE_BYTES,
                self._settings.frame_ms,
                padded=bool(chosen.fixed_frames),
                lead_s=None if chosen.lead_ms is None else chosen.lead_ms / 1000,
            ),
        )
        self._conversation = conversation
        self._client.session = session_id
        await self._client.send(protocol.SessionStarted(conversation.session_id))
        self._tasks.start(partial(self._converse, conversation))

    async def _converse(self, conversation: Conversation) -> None:
        await conversation.speak()
        # First, so that a client that reads of the end finds a place for its next session.
        self._end_conversation()
        await self._client.send(_ended(conversation.session_id, conversation.totals))
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

    async def _read_document(self, document: str) -> Script:
        try:
            script = await self._sessions.parse(document)
        except SpokenError as error:
            raise MessageError("bad_message", f"text: {error}") from None
        if not script.speakable:
            raise MessageError("bad_message", "text: the document has nothing to say")
        return script


def _ended(session_id: str, totals: Totals) -> protocol.SessionEnded:
    return protocol.SessionEnded(
        session_id,
        totals.segments,
        protocol.milliseconds(totals.sent_s),
        protocol.milliseconds(totals.first_audio_s),
        protocol.real_time_factor(totals.engine_s, totals.audio_s),
    )


def _is_whole_document(text: str) -> bool:
    return normalization.is_document(text) and text.rstrip().endswith("</speak>")
