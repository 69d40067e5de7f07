"""jambonz' custom speech on a WebSocket; its messages are in `protocols/custom_speech.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import structlog
from fastapi import APIRouter, WebSocket

from telephony.audio.encoders import open_encoder
from telephony.endpoints.conversation import Format
from telephony.endpoints.errors import PLAIN_ERRORS, TOLD
from telephony.endpoints.idle import CROWDED_OUT, IdleClients
from telephony.endpoints.replies import ReplyConnection
from telephony.endpoints.websocket import Client, ClientGoneError
from telephony.listeners.sessions import SessionRegistry
from telephony.protocols import custom_speech as protocol
from telephony.protocols.messages import MessageError
from telephony.scheduling.queues import Request
from telephony.settings import Settings
from telephony.speech import Word
from telephony.telemetry.metrics import Metrics
from telephony.voices import VoiceRequest

log = structlog.get_logger()

DOOR = "custom_speech"
"""The name of this door in metrics."""

ERRORS = PLAIN_ERRORS

_USUAL_HZ = 8000
# Enough for few messages, and little to throw away at a barge-in.
_PIECE_MS = 100


class _Answers:
    """See `conversation.Answers`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def words(self, segment: int, words: Sequence[Word]) -> None:
        """These clients are told no times."""

    async def audio(self, frame: bytes) -> None:
        await self._client.send_audio(frame)

    async def done(self, segment: int, request: Request, sent_s: float) -> None:
        """These clients are told of audio by the audio alone."""

    async def failed(self, segment: int, request_id: str, why: str, sent_s: float) -> None:
        await self._client.send(protocol.Error("synthesis_failed", why))


class _Connection(ReplyConnection[_Answers]):
    """One client, with the messages of this protocol."""

    def __init__(self, client: Client, sessions: SessionRegistry, settings: Settings, **options: Any) -> None:
        super().__init__(client, sessions, settings, door=DOOR, **options)

    async def _obey(self, received: str | bytes) -> None:
        match protocol.parse(received):
            case protocol.Stream(text=text):
                # The space between two pieces is lost on their way.
                await self._say(f"{text} ")
            case protocol.Flush():
                self._flush()
            case protocol.Clear():
                self._clear()
            case protocol.Stop():
                self._clear()
                self._end()
            case protocol.KeepAlive():
                pass

    def _answers(self) -> _Answers:
        return _Answers(self._client)

    def _error(self, error: MessageError) -> protocol.Error:
        return protocol.Error(error.code, str(error))


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The route of this door."""
    routes = APIRouter()
    idle = IdleClients(DOOR, settings, metrics)

    @routes.websocket("/jambonz")
    async def converse(socket: WebSocket) -> None:
        query = socket.query_params
        try:
            rate_hz = protocol.sample_rate(query["sampleRate"]) if "sampleRate" in query else _USUAL_HZ
            open_encoder("pcm", rate_hz)
            wanted = VoiceRequest(query.get("voice") or None, query.get("language") or None)
            sessions.check_open()
            sessions.find(wanted)
        except TOLD as error:
            await socket.send_denial_response(ERRORS.answer(socket.scope, error))
            return
        await socket.accept()
        client = Client(socket, DOOR, settings.send_timeout_s, metrics)
        try:
            with anyio.CancelScope() as serving, idle.watch(serving.cancel) as presence, client.connected():
                await client.send(protocol.Connected.at(rate_hz))
                sent_as = Format("pcm", rate_hz, 2, _PIECE_MS)
                await _Connection(client, sessions, settings, presence=presence, wanted=wanted, sent_as=sent_as).serve()
            await presence.dismiss(client, protocol.Error("busy", CROWDED_OUT))
            await client.close()
        except ClientGoneError as error:
            log.debug("client_gone", **client.named, error=str(error))

    return routes
