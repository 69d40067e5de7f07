"""Vapi's custom voice: a text in one request, answered as raw 16-bit PCM and nothing else."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from telephony.audio.encoders import open_encoder
from telephony.endpoints import streaming
from telephony.endpoints.errors import PLAIN_ERRORS
from telephony.listeners.sessions import SessionRegistry
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.voices import VoiceRequest

DOOR = "custom_voice"
"""The name of this door in metrics."""

ERRORS = PLAIN_ERRORS


class Message(BaseModel):
    """What to say. What else is told of a call is ignored."""

    type: Literal["voice-request"]
    text: str = Field(min_length=1)
    sample_rate: int = Field(24_000, alias="sampleRate")


class CreateSpeech(BaseModel):
    """The request, whose message has no voice: the address may name one."""

    message: Message


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The route of this door."""
    routes = APIRouter(tags=["custom_voice"], route_class=ERRORS.route_class, responses=ERRORS.described)

    @routes.post("/vapi", response_class=Response)
    async def create_speech(
        request: Request, wanted: CreateSpeech, voice: str | None = None, language: str | None = None
    ) -> Response:
        """Speaks a text. The answer begins with the first audio; if the speech fails later, the connection is cut."""
        encoder = open_encoder("pcm", wanted.message.sample_rate)
        chosen = VoiceRequest(voice or None, language or None)
        said = await streaming.say(request, sessions, settings, door=DOOR, text=wanted.message.text, wanted=chosen)
        pieces = streaming.encoded(said.speech, encoder)
        return await streaming.answer(request, said, pieces, encoder.content_type, settings)

    return routes
