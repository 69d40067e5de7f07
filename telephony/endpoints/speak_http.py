"""Deepgram's clients over HTTP: a text in one request, answered as audio."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from telephony.audio.encoders import Encoder, EncoderError, open_encoder
from telephony.endpoints import streaming
from telephony.endpoints.speak import DOOR, ENCODINGS, ERRORS, voice_request, with_pronunciations
from telephony.endpoints.streaming import SpeechResponse
from telephony.listeners.sessions import SessionRegistry
from telephony.protocols.messages import Pronunciations, lexicon_of
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics

Encoding = Literal["linear16", "mulaw", "alaw", "mp3", "opus", "flac", "aac"]


class CreateSpeech(BaseModel):
    """What to say."""

    text: str = Field(min_length=1)
    pronunciations: Pronunciations = Field(default_factory=list)


def _encoder(encoding: Encoding, container: str | None, sample_rate: int | None) -> Encoder:
    """Raises EncoderError."""
    if encoding == "linear16":
        return open_encoder("pcm" if container == "none" else "wav", sample_rate)
    if container == "wav":
        raise EncoderError(f"{encoding} comes without a container: only linear16 comes as WAV")
    return open_encoder(ENCODINGS.get(encoding, encoding), sample_rate)


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The route of this door."""
    routes = APIRouter(prefix="/v1", tags=["speak"], route_class=ERRORS.route_class, responses=ERRORS.described)

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
        encoder = _encoder(encoding, container, sample_rate)
        script = await sessions.parse(with_pronunciations(wanted.text))
        if not script.speakable:
            raise HTTPException(400, "there is nothing to say in the text")
        sessions.check_open()
        selection = sessions.find_reader(voice_request(sessions, model, speed), script)
        session = sessions.open(DOOR, request.state.request_id)
        try:
            pronunciations = lexicon_of(wanted.pronunciations)
            speech = session.say(script, selection, request_id=request.state.request_id, pronunciations=pronunciations)
            pieces = await streaming.begin(request, streaming.encoded(speech, encoder))
        except BaseException:  # a client that has gone is one: whatever it is, nobody listens any more
            session.close()
            raise
        return SpeechResponse(
            pieces,
            encoder.content_type,
            {"X-Cache": streaming.x_cache(speech)},
            send_timeout_s=settings.send_timeout_s,
            close=session.close,
        )

    return routes
