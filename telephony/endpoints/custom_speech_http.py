"""jambonz' custom speech over HTTP: a text in one request, answered as audio in the format that it accepts."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from telephony.audio.encoders import open_encoder
from telephony.endpoints import streaming
from telephony.endpoints.custom_speech import DOOR, ERRORS
from telephony.listeners.sessions import SessionRegistry
from telephony.protocols import custom_speech as protocol
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.voices import VoiceRequest


class CreateSpeech(BaseModel):
    """What to say, and how. A text that is an SSML document is obeyed, whatever `type` it has."""

    text: str = Field(min_length=1)
    type: Literal["text", "ssml"] = "text"
    language: str | None = None
    voice: str | None = None


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The route of this door."""
    routes = APIRouter(tags=["custom_speech"], route_class=ERRORS.route_class, responses=ERRORS.described)

    @routes.post("/jambonz", response_class=Response)
    async def create_speech(
        request: Request, wanted: CreateSpeech, accept: Annotated[str, Header()] = "audio/mpeg"
    ) -> Response:
        """Speaks a text. The answer begins with the first audio; if the speech fails later, the connection is cut."""
        format_name, rate_hz = protocol.accepted(accept)
        encoder = open_encoder(format_name, rate_hz)
        content_type = f"audio/l16;rate={encoder.sample_rate}" if format_name == "pcm" else encoder.content_type
        chosen = VoiceRequest(wanted.voice or None, wanted.language or None)
        said = await streaming.say(request, sessions, settings, door=DOOR, text=wanted.text, wanted=chosen)
        pieces = streaming.encoded(said.speech, encoder)
        return await streaming.answer(request, said, pieces, content_type, settings)

    return routes
