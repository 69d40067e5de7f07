"""ElevenLabs' clients on a WebSocket: contexts; their messages are in `protocols/contexts.py`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import anyio
import structlog
from fastapi import APIRouter, WebSocket

from telephony.audio.encoders import EncoderError, open_encoder
from telephony.endpoints.conversation import Conversation, Format
from telephony.endpoints.errors import TOLD, OwnErrors
from telephony.endpoints.idle import CROWDED_OUT, IdleClients, Presence
from telephony.endpoints.websocket import Client, ClientGoneError, no_voice_message, serving
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.protocols import contexts as protocol
from telephony.protocols.messages import MessageError, lexicon_of
from telephony.scheduling.queues import Request as Spoken
from telephony.settings import Settings
from telephony.speech import Word
from telephony.telemetry.metrics import Metrics
from telephony.text.script import Script
from telephony.voices import VoiceRequest

log = structlog.get_logger()

DOOR = "contexts"
"""The name of this door in metrics."""

MAX_CONTEXTS = 20
"""Open at once on one connection."""

# A message has a fifth of a second at the most: enough for few messages, and little to throw away at a barge-in.
_PIECE_MS = 200
_MARKUP = re.compile(r"<(?:break|phoneme)\b")
_FORMATS = {"mp3": "mp3", "pcm": "pcm", "ulaw": "mulaw", "alaw": "alaw", "opus": "opus"}
_STATUS_NAMES = {401: "invalid_api_key", 404: "voice_not_found", 413: "text_too_long", 429: "too_many_requests"}


def _error_body(code: int, message: str) -> dict[str, Any]:
    return {"detail": {"status": _STATUS_NAMES.get(code, "invalid_request"), "message": message}}


# Of connections that are accepted and then closed, one client waits for ever, and another one dials for ever.
ERRORS = OwnErrors(_error_body, unknown_voice=404, invalid=422)
"""How these clients read errors: `{"detail": {"status", "message"}}`."""


def output_format(name: str) -> tuple[str, int]:
    """What a name such as `pcm_16000` or `mp3_44100_128` stands for: our format, and Hz. The bit rate is ours.

    Raises:
        EncoderError: there is no such format.
    """
    kind, _, rest = name.partition("_")
    rate = rest.partition("_")[0]
    if kind not in _FORMATS or not rate.isascii() or not rate.isdecimal() or len(rate) > 5:
        raise EncoderError(f"unknown output_format {name[:100]!r}: there are pcm_16000, ulaw_8000, mp3_44100_128, ...")
    open_encoder(_FORMATS[kind], int(rate))
    return _FORMATS[kind], int(rate)


def with_markup(text: str) -> str:
    """A text as a document, if it has any of the elements that these clients put into theirs."""
    return f"<speak>{text}</speak>" if _MARKUP.search(text) else text


def _read_markup(text: str) -> Script:
    return Script.lenient(with_markup(text))


class _Answers:
    """See `conversation.Answers`: the messages of one context."""

    def __init__(self, client: Client, context_id: str | None, *, synchronous: bool) -> None:
        self._client = client
        self._context_id = context_id
        clock = protocol.CharacterClock()
        self._align = clock.align_synchronously if synchronous else clock.align
        self._said_s = 0.0
        self._words: list[Word] = []

    async def words(self, segment: int, words: Sequence[Word]) -> None:
        self._words.extend(words)

    async def audio(self, frame: bytes) -> None:
        alignment = self._align(self._words, self._said_s) if self._words else None
        self._words.clear()
        await self._client.send(protocol.Audio(frame, self._context_id, alignment))

    async def done(self, segment: int, request: Spoken, sent_s: float) -> None:
        await self._end(sent_s)

    async def failed(self, segment: int, request_id: str, why: str, sent_s: float) -> None:
        await self._end(sent_s)
        await self._client.send(protocol.Error("synthesis_failed", why, self._context_id))

    async def _end(self, sent_s: float) -> None:
        if self._words:
            await self.audio(b"")
        self._said_s += sent_s


class _Connection:
    """One client. One task reads its messages; each context has one that speaks.

    Args:
        synchronous: whether times count from the beginning of a context.
        marked_up: whether elements in the text are obeyed.
        phrased: whether each text is a phrase of its own, spoken at once.
        single: whether the connection has one context without a name.
    """

    def __init__(
        self,
        client: Client,
        sessions: SessionRegistry,
        settings: Settings,
        *,
        presence: Presence,
        wanted: VoiceRequest,
        sent_as: Format,
        synchronous: bool,
        marked_up: bool,
        phrased: bool,
        single: bool,
    ) -> None:
        self._client = client
        self._sessions = sessions
        self._settings = settings
        self._presence = presence
        self._wanted = wanted
        self._format = sent_as
        self._synchronous = synchronous
        self._read_text = _read_markup if marked_up else Script.lenient
        self._phrased = phrased
        self._single = single
        self._contexts: dict[str | None, Conversation] = {}
        self._closing = False

    async def serve(self) -> None:
        """Returns when the client is gone, or has closed its contexts and wants to be closed."""
        try:
            async with serving(self._client) as self._tasks:
                self._tasks.start(self._read)
        finally:
            for conversation in self._contexts.values():
                conversation.close()

    async def _read(self) -> None:
        self._presence.rest()
        async for received in self._client.messages():
            if self._closing:  # read on, to notice if the client goes
                continue
            self._presence.resume()
            try:
                message = protocol.parse(received)
                context_id = None if self._single else message.context_id
                try:
                    await self._handle(message, context_id)
                except MessageError as error:
                    error.request_id = context_id
                    raise
            except MessageError as error:
                await self._client.send(protocol.Error(error.code, str(error), error.request_id))
            else:
                if message.close_socket or (self._single and message.text == ""):
                    self._closing = True
                    self._end_all()
                    if not self._contexts:
                        break
            self._rest_if_idle()
        self._tasks.cancel()

    def _end_all(self) -> None:
        for conversation in self._contexts.values():
            if not conversation.ending:
                conversation.end()

    async def _handle(self, message: protocol.Message, context_id: str | None) -> None:
        conversation = self._contexts.get(context_id)
        if message.close_context:
            if conversation is not None and not conversation.ending:
                conversation.end(flush=bool(message.flush))
            return
        if message.text:
            if conversation is None:
                conversation = self._open(message, context_id)
            elif conversation.ending:
                raise MessageError("context_closed", "text came after close_context")
            await self._say(conversation, message.text)
        if message.flush and conversation is not None and not conversation.ending:
            conversation.flush()

    async def _say(self, conversation: Conversation, text: str) -> None:
        limit = self._settings.max_text_chars
        if len(text) > limit:
            raise MessageError("text_too_long", f"a text of {len(text)} characters is longer than the limit of {limit}")
        if text.isspace() and not conversation.pending:
            return
        await conversation.say(text)
        if self._phrased:
            conversation.flush()
        await conversation.wait_for_room()

    def _open(self, message: protocol.Message, context_id: str | None) -> Conversation:
        if context_id is None and not self._single:
            raise MessageError("missing_context_id", "text needs a context_id")
        if len(self._contexts) >= MAX_CONTEXTS:
            raise MessageError("too_many_contexts", f"{MAX_CONTEXTS} contexts are open: close one first")
        wanted = dataclasses.replace(self._wanted, speed=message.speed)
        session_id = context_id or self._client.request_id
        try:
            selection = self._sessions.find(wanted)
            session = self._sessions.open(DOOR, session_id)
        except UnknownVoiceError as error:
            raise no_voice_message(error) from None
        except RefusedError as error:
            raise MessageError("busy", str(error)) from None
        conversation = Conversation(
            session,
            _Answers(self._client, context_id, synchronous=self._synchronous),
            self._sessions,
            self._settings,
            on_pending=self._on_pending,
            session_id=session_id,
            wanted=wanted,
            selection=selection,
            sent_as=self._format,
            read=self._read_text,
            pronunciations=lexicon_of(message.pronunciations),
        )
        self._contexts[context_id] = conversation
        self._tasks.start(partial(self._speak, conversation, context_id))
        return conversation

    async def _speak(self, conversation: Conversation, context_id: str | None) -> None:
        await conversation.speak()
        # First, so that a client that reads of the end finds a place for its next context.
        del self._contexts[context_id]
        conversation.close()
        await self._client.send(protocol.Final(context_id))
        if self._closing and not self._contexts:
            self._tasks.cancel()
        self._rest_if_idle()

    def _on_pending(self, pending: bool) -> None:
        if pending:
            self._presence.speak()
        else:
            self._rest_if_idle()

    def _rest_if_idle(self) -> None:
        if not self._contexts:
            self._presence.rest()
        elif not any(conversation.pending for conversation in self._contexts.values()):
            self._presence.pause()


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The routes of this door."""
    routes = APIRouter(prefix="/v1/text-to-speech")
    idle = IdleClients(DOOR, settings, metrics)

    async def serve(socket: WebSocket, voice: str, *, single: bool) -> None:
        query = socket.query_params
        try:
            name, rate = output_format(query.get("output_format", "mp3_44100_128"))
            wanted = VoiceRequest(voice, query.get("language_code"))
            sessions.check_open()
            sessions.find(wanted)
        except TOLD as error:
            await socket.send_denial_response(ERRORS.answer(socket.scope, error))
            return
        await socket.accept()
        client = Client(socket, DOOR, settings.send_timeout_s, metrics)
        with anyio.CancelScope() as serving, idle.watch(serving.cancel) as presence, client.connected():
            await _Connection(
                client,
                sessions,
                settings,
                presence=presence,
                wanted=wanted,
                sent_as=Format(name, rate, None, _PIECE_MS),
                synchronous=query.get("sync_alignment") == "true",
                marked_up=query.get("enable_ssml_parsing") == "true",
                phrased=query.get("auto_mode") == "true",
                single=single,
            ).serve()
        try:
            await presence.dismiss(client, protocol.Error("busy", CROWDED_OUT))
            await client.close()
        except ClientGoneError as error:
            log.debug("client_gone", **client.named, error=str(error))

    @routes.websocket("/{voice}/multi-stream-input")
    async def converse_in_contexts(socket: WebSocket, voice: str) -> None:
        await serve(socket, voice, single=False)

    @routes.websocket("/{voice}/stream-input")
    async def converse(socket: WebSocket, voice: str) -> None:
        await serve(socket, voice, single=True)

    return routes
