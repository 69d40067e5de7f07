"""ElevenLabs' clients over HTTP: a text in one request, answered as audio or as lines with the times of characters."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from telephony.audio.encoders import open_encoder
from telephony.endpoints import streaming
from telephony.endpoints.contexts import DOOR, ERRORS, with_markup
from telephony.endpoints.contexts import output_format as format_of
from telephony.endpoints.streaming import OneText
from telephony.listeners.sessions import SessionRegistry
from telephony.protocols import contexts as protocol
from telephony.protocols.messages import Pronunciations, lexicon_of
from telephony.settings import Settings
from telephony.speech import Word
from telephony.telemetry.metrics import Metrics
from telephony.voices import VoiceRequest

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
    pronunciations: Pronunciations = Field(default_factory=list)


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The routes of this door."""
    routes = APIRouter(
        prefix="/v1/text-to-speech", tags=["contexts"], route_class=ERRORS.route_class, responses=ERRORS.described
    )

    async def say(request: Request, voice: str, wanted: CreateSpeech) -> OneText:
        speed = None if wanted.voice_settings is None else wanted.voice_settings.speed
        chosen = VoiceRequest(voice, wanted.language_code, speed)
        text, lexicon = with_markup(wanted.text), lexicon_of(wanted.pronunciations)
        return await streaming.say(
            request, sessions, settings, door=DOOR, text=text, wanted=chosen, pronunciations=lexicon
        )

    @routes.post("/{voice}", response_class=Response)
    @routes.post("/{voice}/stream", response_class=Response)
    async def create_speech(
        request: Request, voice: str, wanted: CreateSpeech, output_format: str = _USUAL_FORMAT
    ) -> Response:
        """Speaks a text. The answer begins with the first audio; if the speech fails later, the connection is cut."""
        encoder = open_encoder(*format_of(output_format))
        said = await say(request, voice, wanted)
        pieces = streaming.encoded(said.speech, encoder)
        return await streaming.answer(request, said, pieces, encoder.content_type, settings)

    @routes.post("/{voice}/stream/with-timestamps", response_class=Response)
    async def create_timed_speech(
        request: Request, voice: str, wanted: CreateSpeech, output_format: str = _USUAL_FORMAT
    ) -> Response:
        """As JSON lines: audio in base64, and when its characters are heard."""
        encoder = open_encoder(*format_of(output_format))
        said = await say(request, voice, wanted)
        clock = protocol.CharacterClock()

        def line(data: bytes, words: Sequence[Word]) -> bytes:
            if not data and not words:
                return b""
            return protocol.timed_line(data, clock.align_synchronously(words, 0.0) if words else None)

        lines = streaming.encoded(said.speech, encoder, line)
        return await streaming.answer(request, said, lines, "application/json", settings)

    return routes
