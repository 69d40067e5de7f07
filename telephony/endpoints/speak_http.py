"""Deepgram's clients over HTTP: a text in one request, answered as audio.

Errors have the form `{"err_code", "err_msg", "request_id"}`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.audio.encoders import Encoder, EncoderError, open_encoder
from telephony.endpoints import streaming
from telephony.endpoints.speak import DOOR, ENCODINGS, error_body, voice_request
from telephony.endpoints.streaming import SpeechFailedError, SpeechResponse
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.text.normalization import SpokenError

Encoding = Literal["linear16", "mulaw", "alaw", "mp3", "opus", "flac", "aac"]


class CreateSpeech(BaseModel):
    """What to say."""

    text: str = Field(min_length=1)


class _Route(APIRoute):
    """A route whose errors have the form that these clients read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_as_vendor(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                first = error.errors()[0]
                return _error(400, f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")
            except RefusedError as error:
                busy = streaming.busy(error)
                return _error(busy.status_code, busy.detail, busy.headers)
            except HTTPException as error:
                return _error(error.status_code, error.detail, error.headers)

        return handle_as_vendor


def _error(code: int, message: str, headers: Any = None) -> JSONResponse:
    return JSONResponse(error_body(code, message), code, headers)


def _encoder(encoding: Encoding, container: str | None, sample_rate: int | None) -> Encoder:
    """Raises EncoderError."""
    if encoding == "linear16":
        return open_encoder("pcm" if container == "none" else "wav", sample_rate)
    if container == "wav":
        raise EncoderError(f"{encoding} comes without a container: only linear16 comes as WAV")
    return open_encoder(ENCODINGS.get(encoding, encoding), sample_rate)


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The route of this door."""
    routes = APIRouter(prefix="/v1", tags=["speak"], route_class=_Route)

    @routes.post("/speak", response_class=Response)
    async def create_speech(
        request: Request,
        wanted: CreateSpeech,
        *,
        model: str | None = None,
        encoding: Encoding = "mp3",
        container: Literal["none", "wav", "ogg"] | None = None,
        sample_rate: int | None = None,
        speed: float | None = None,
    ) -> Response:
        """Speaks a text. The answer begins with the first audio; if the speech fails later, the connection is cut."""
        if len(wanted.text) > settings.max_text_chars:
            raise streaming.too_long(settings.max_text_chars)
        try:
            encoder = _encoder(encoding, container, sample_rate)
            script = await sessions.parse(wanted.text)
        except (EncoderError, SpokenError) as error:
            raise HTTPException(400, str(error)) from None
        if not script.speakable:
            raise HTTPException(400, "there is nothing to say in the text")
        sessions.check_open()
        try:
            selection = sessions.find(voice_request(sessions, model, speed))
        except UnknownVoiceError as error:
            raise HTTPException(400, str(error)) from None
        session = sessions.open(DOOR)
        try:
            speech = session.say(script, selection, request_id=request.state.request_id)
            pieces = await streaming.begin(request, streaming.encoded(speech, encoder))
        except BaseException as error:  # a client that has gone is one: whatever it is, nobody listens any more
            session.close()
            if isinstance(error, SpeechFailedError):
                raise HTTPException(500, f"the speech failed: {error}") from None
            raise
        return SpeechResponse(
            pieces,
            encoder.content_type,
            {"X-Cache": streaming.x_cache(speech)},
            send_timeout_s=settings.send_timeout_s,
            close=session.close,
        )

    return routes
