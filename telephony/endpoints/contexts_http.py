"""ElevenLabs' clients over HTTP: a text in one request, answered as audio or as lines with the times of characters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from telephony.audio.encoders import Encoder, open_encoder
from telephony.endpoints import streaming
from telephony.endpoints.contexts import DOOR, ERRORS, output_format, with_markup
from telephony.endpoints.streaming import SpeechResponse
from telephony.listeners.session import Speech
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

    async def begin(request: Request, voice: str, wanted: CreateSpeech, format_name: str) -> _Begun:
        if len(wanted.text) > settings.max_text_chars:
            raise streaming.too_long(settings.max_text_chars)
        encoder = open_encoder(*output_format(format_name))
        script = await sessions.parse(with_markup(wanted.text))
        if not script.speakable:
            raise HTTPException(400, "there is nothing to say in the text")
        sessions.check_open()
        speed = None if wanted.voice_settings is None else wanted.voice_settings.speed
        selection = sessions.find_reader(VoiceRequest(voice, wanted.language_code, speed), script)
        session = sessions.open(DOOR, request.state.request_id)
        pronunciations = lexicon_of(wanted.pronunciations)
        speech = session.say(script, selection, request_id=request.state.request_id, pronunciations=pronunciations)
        return _Begun(encoder, speech, session.close)

    async def answer(request: Request, begun: _Begun, pieces: AsyncIterator[bytes], content_type: str) -> Response:
        try:
            pieces = await streaming.begin(request, pieces)
        except BaseException:  # a client that has gone is one: whatever it is, nobody listens any more
            begun.close()
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
