"""Deepgram's clients on a WebSocket; their messages are in `protocols/speak.py`."""

from __future__ import annotations

import itertools
import json
import re
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import anyio
import structlog
from fastapi import APIRouter, HTTPException, WebSocket

from telephony import __version__
from telephony.audio.encoders import EncoderError, open_encoder
from telephony.endpoints.conversation import Format
from telephony.endpoints.errors import TOLD, OwnErrors
from telephony.endpoints.idle import CROWDED_OUT, IdleClients
from telephony.endpoints.replies import ReplyConnection
from telephony.endpoints.websocket import Client, ClientGoneError
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.sessions import SessionRegistry
from telephony.protocols import speak as protocol
from telephony.protocols.messages import MessageError, lexicon_of
from telephony.scheduling.queues import Request as Spoken
from telephony.settings import Settings
from telephony.speech import Word
from telephony.telemetry.metrics import Metrics
from telephony.text.script import Script
from telephony.voices import VoiceRequest

log = structlog.get_logger()

DOOR = "speak"
"""The name of this door in metrics."""

# Enough for few messages, and little to throw away at a barge-in.
_PIECE_MS = 100
ENCODINGS = {"linear16": "pcm", "mulaw": "mulaw", "alaw": "alaw"}
_USUAL_HZ = {"linear16": 24_000, "mulaw": 8000, "alaw": 8000}
_SAMPLE_BYTES = {"linear16": 2, "mulaw": 1, "alaw": 1}
# A voice of theirs: its last part is its language.
_FOREIGN_MODEL = re.compile(r"aura(?:-\d+)?-\w+-([a-z]{2})")
# A word and how it is said, inside of a text: {"word": "...", "pronounce": "..."} with a backslash before each bracket.
_PRONOUNCED = re.compile(r'\\(\{\s*"word"\s*:[^{}\\]{1,300}"pronounce"\s*:[^{}\\]{1,300})\\\}')
_ERROR_CODES = {401: "INVALID_AUTH", 413: "PAYLOAD_TOO_LARGE", 429: "TOO_MANY_REQUESTS", 503: "TOO_MANY_REQUESTS"}


def _error_body(status: int, message: str) -> dict[str, Any]:
    return {
        "err_code": _ERROR_CODES.get(status, "Bad Request"),
        "err_msg": message,
        "request_id": str(uuid.uuid4()),
    }


ERRORS = OwnErrors(_error_body, unknown_voice=400, invalid=400)
"""How these clients read errors: `{"err_code", "err_msg", "request_id"}`."""


def voice_request(sessions: SessionRegistry, model: str | None, speed: float | None) -> VoiceRequest:
    """Who speaks for a model: our voice of that name, or for one of theirs anybody of its language.

    Raises:
        UnknownVoiceError: it is neither.
    """
    wanted = VoiceRequest(model, speed=speed)
    try:
        sessions.find(wanted)
    except UnknownVoiceError:
        foreign = _FOREIGN_MODEL.fullmatch(model or "")
        if foreign is None:
            raise
        wanted = VoiceRequest(language=foreign[1], speed=wanted.speed)
        sessions.find(wanted)
    return wanted


def with_pronunciations(text: str) -> str:
    """A text as a document, if it says how some of its words are pronounced."""
    parts = _PRONOUNCED.split(text)
    said = [_pronounced(part) if number % 2 else escape(part) for number, part in enumerate(parts)]
    return text if len(parts) == 1 else f"<speak>{''.join(said)}</speak>"


def _pronounced(found: str) -> str:
    try:
        given = json.loads(found + "}")
        word, ipa = str(given["word"]), str(given["pronounce"])
    except (ValueError, KeyError):
        return escape(found)
    return f'<phoneme alphabet="ipa" ph={quoteattr(ipa)}>{escape(word)}</phoneme>'


def _read(text: str) -> Script:
    return Script.lenient(with_pronunciations(text))


def _format(encoding: str, sample_rate: str | None) -> Format:
    """How audio is sent. Raises EncoderError."""
    if encoding not in ENCODINGS:
        raise EncoderError(f"unknown encoding {encoding[:100]!r}: there are {', '.join(ENCODINGS)}")
    if sample_rate is not None and not (sample_rate.isascii() and sample_rate.isdecimal() and len(sample_rate) < 7):
        raise EncoderError(f"sample_rate is a number of Hz, not {sample_rate[:100]!r}")
    rate = _USUAL_HZ[encoding] if sample_rate is None else int(sample_rate)
    open_encoder(ENCODINGS[encoding], rate)
    return Format(ENCODINGS[encoding], rate, _SAMPLE_BYTES[encoding], _PIECE_MS)


def _speed(text: str | None) -> float | None:
    """Raises HTTPException."""
    try:
        return None if text is None else float(text)
    except ValueError:
        raise HTTPException(400, f"speed is a number, not {text!r:.100}") from None


class _Answers:
    """See `conversation.Answers`; and the answers to each Flush, which come when what is before it was heard."""

    def __init__(self, client: Client, next_number: Callable[[], int]) -> None:
        self._client = client
        self._next_number = next_number
        self._heard = 0
        self._flushes: deque[int] = deque()

    async def words(self, segment: int, words: Sequence[Word]) -> None:
        """These clients are told no times."""

    async def audio(self, frame: bytes) -> None:
        await self._client.send_audio(frame)

    async def done(self, segment: int, request: Spoken, sent_s: float) -> None:
        await self._end(segment)

    async def failed(self, segment: int, request_id: str, why: str, sent_s: float) -> None:
        await self._client.send(protocol.LeftOut("synthesis_failed", why))
        await self._end(segment)

    async def _end(self, segment: int) -> None:
        self._heard = segment
        await self._tell()

    async def flush(self, segment: int) -> None:
        """A Flush has come behind a segment."""
        self._flushes.append(segment)
        await self._tell()

    def forget(self) -> None:
        """What was said is cleared: no Flush of before is answered any more."""
        self._flushes.clear()

    async def _tell(self) -> None:
        while self._flushes and self._flushes[0] <= self._heard:
            self._flushes.popleft()
            await self._client.send(protocol.Flushed(self._next_number()))


class _Connection(ReplyConnection[_Answers]):
    """One client, with the messages of this protocol."""

    def __init__(self, client: Client, sessions: SessionRegistry, settings: Settings, **options: Any) -> None:
        super().__init__(client, sessions, settings, door=DOOR, read=_read, **options)
        self._numbers = itertools.count()

    async def _obey(self, received: str | bytes) -> None:
        match protocol.parse(received):
            case protocol.Speak(text=text, pronunciations=pronunciations):
                await self._say(text, lexicon_of(pronunciations))
            case protocol.Flush():
                reply = self._current
                if reply is None:
                    await self._client.send(protocol.Flushed(next(self._numbers)))
                else:
                    await reply.answers.flush(self._flush())
            case protocol.Clear():
                if self._current is not None:
                    self._current.answers.forget()
                self._clear()
                await self._client.send(protocol.Cleared(next(self._numbers)))
            case protocol.Close():
                self._end()

    def _answers(self) -> _Answers:
        return _Answers(self._client, self._numbers.__next__)

    def _error(self, error: MessageError) -> protocol.Error:
        return protocol.Error(error.code, str(error))


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The route of this door."""
    routes = APIRouter()
    idle = IdleClients(DOOR, settings, metrics)

    @routes.websocket("/v1/speak")
    async def converse(socket: WebSocket) -> None:
        query = socket.query_params
        model = query.get("model")
        try:
            sent_as = _format(query.get("encoding", "linear16"), query.get("sample_rate"))
            sessions.check_open()
            wanted = voice_request(sessions, model, _speed(query.get("speed")))
        except TOLD as error:
            await socket.send_denial_response(ERRORS.answer(socket.scope, error))
            return
        await socket.accept()
        client = Client(socket, DOOR, settings.send_timeout_s, metrics)
        voice = sessions.find(wanted).voice
        try:
            with anyio.CancelScope() as serving, idle.watch(serving.cancel) as presence, client.connected():
                await client.send(protocol.Metadata(client.request_id, model or voice, __version__, client.request_id))
                await _Connection(client, sessions, settings, presence=presence, wanted=wanted, sent_as=sent_as).serve()
            await presence.dismiss(client, protocol.Error("busy", CROWDED_OUT))
            await client.close()
        except ClientGoneError as error:
            log.debug("client_gone", **client.named, error=str(error))

    return routes
