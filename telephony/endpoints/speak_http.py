"""Deepgram's clients over HTTP: a text in one request, answered as audio."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from telephony.audio.encoders import Encoder, EncoderError, open_encoder
from telephony.endpoints import streaming
from telephony.endpoints.speak import DOOR, ENCODINGS, ERRORS, voice_request, with_pronunciations
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
        encoder = _encoder(encoding, container, sample_rate)
        sessions.check_open()  # first: before the service is ready it knows no voice
        voice = voice_request(sessions, model, speed)
        text, lexicon = with_pronunciations(wanted.text), lexicon_of(wanted.pronunciations)
        said = await streaming.say(
            request, sessions, settings, door=DOOR, text=text, wanted=voice, pronunciations=lexicon
        )
        pieces = streaming.encoded(said.speech, encoder)
        return await streaming.answer(request, said, pieces, encoder.content_type, settings)

    return routes
