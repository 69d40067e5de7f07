"""ElevenLabs' clients over HTTP: a text in one request, answered as audio or as lines with the times of characters.

Errors have the form `{"detail": {"status", "message"}}`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.audio.encoders import Encoder, EncoderError, open_encoder
from telephony.endpoints import streaming
from telephony.endpoints.contexts import DOOR, error_body, output_format, possible_speed, with_markup
from telephony.endpoints.streaming import SpeechFailedError, SpeechResponse
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.session import Speech
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.protocols import contexts as protocol
from telephony.settings import Settings
from telephony.speech import Word
from telephony.telemetry.metrics import Metrics
from telephony.text.normalization import SpokenError
from telephony.voices import ResolvedVoice, VoiceRequest

_USUAL_FORMAT = "mp3_44100_128"


class VoiceSettings(BaseModel):
    """How a voice speaks. Fields that mean nothing here are ignored."""

    speed: float | None = None


class CreateSpeech(BaseModel):
    """What to say, and how."""

    text: str = Field(min_length=1)
    model_id: str | None = None
    language_code: str | None = None
    voice_settings: VoiceSettings | None = None


class _Route(APIRoute):
    """A route whose errors have the form that these clients read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_as_vendor(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                first = error.errors()[0]
                return _error(422, f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")
            except RefusedError as error:
                busy = streaming.busy(error)
                return _error(busy.status_code, busy.detail, busy.headers)
            except HTTPException as error:
                return _error(error.status_code, error.detail, error.headers)

        return handle_as_vendor


def _error(code: int, message: str, headers: Any = None) -> JSONResponse:
    return JSONResponse(error_body(code, message), code, headers)


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The routes of this door."""
    routes = APIRouter(prefix="/v1/text-to-speech", tags=["contexts"], route_class=_Route)

    async def begin(request: Request, voice: str, wanted: CreateSpeech, format_name: str) -> _Begun:
        if len(wanted.text) > settings.max_text_chars:
            raise streaming.too_long(settings.max_text_chars)
        try:
            encoder = open_encoder(*output_format(format_name))
            script = await sessions.parse(with_markup(wanted.text))
        except (EncoderError, SpokenError) as error:
            raise HTTPException(400, str(error)) from None
        if not script.speakable:
            raise HTTPException(400, "there is nothing to say in the text")
        sessions.check_open()
        selection = _find(sessions, voice, wanted)
        session = sessions.open(DOOR)
        speech = session.say(script, selection, request_id=request.state.request_id)
        return _Begun(encoder, speech, session.close)

    async def answer(request: Request, begun: _Begun, pieces: AsyncIterator[bytes], content_type: str) -> Response:
        try:
            pieces = await streaming.begin(request, pieces)
        except BaseException as error:  # a client that has gone is one: whatever it is, nobody listens any more
            begun.close()
            if isinstance(error, SpeechFailedError):
                raise HTTPException(500, f"the speech failed: {error}") from None
            raise
        headers = {"X-Cache": streaming.x_cache(begun.speech)}
        return SpeechResponse(pieces, content_type, headers, send_timeout_s=settings.send_timeout_s, close=begun.close)

    @routes.post("/{voice}", response_class=Response)
    @routes.post("/{voice}/stream", response_class=Response)
    async def create_speech(
        request: Request, voice: str, wanted: CreateSpeech, output_format: str = _USUAL_FORMAT
    ) -> Response:
        """Speaks a text. The answer begins with the first audio; if the speech fails later, the connection is cut."""
        begun = await begin(request, voice, wanted, output_format)
        return await answer(request, begun, streaming.encoded(begun.speech, begun.encoder), begun.encoder.content_type)

    @routes.post("/{voice}/stream/with-timestamps", response_class=Response)
    async def create_timed_speech(
        request: Request, voice: str, wanted: CreateSpeech, output_format: str = _USUAL_FORMAT
    ) -> Response:
        """As JSON lines: audio in base64, and when its characters are heard."""
        begun = await begin(request, voice, wanted, output_format)
        clock = protocol.CharacterClock()

        def line(data: bytes, words: Sequence[Word]) -> bytes:
            if not data and not words:
                return b""
            return protocol.timed_line(data, clock.align_synchronously(words, 0.0) if words else None)

        return await answer(request, begun, streaming.encoded(begun.speech, begun.encoder, line), "application/json")

    return routes


@dataclass(frozen=True)
class _Begun:
    """A text on its way; `close` ends its session."""

    encoder: Encoder
    speech: Speech
    close: Callable[[], None]


def _find(sessions: SessionRegistry, voice: str, wanted: CreateSpeech) -> ResolvedVoice:
    speed = None if wanted.voice_settings is None else wanted.voice_settings.speed
    try:
        return sessions.find(VoiceRequest(voice, wanted.language_code, possible_speed(speed)))
    except UnknownVoiceError as error:
        raise HTTPException(404, str(error)) from None
