"""The gateway: `POST /synthesize` speaks a text, by default as raw float32.

It finds the voice that a text needs, and says who spoke: another engine, where the chosen one failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, HTTPException
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from telephony.audio.encoders import Encoder, EncoderError, open_encoder
from telephony.endpoints import streaming
from telephony.endpoints.errors import invalid, no_voice
from telephony.endpoints.streaming import Body, SpeechFailedError, SpeechResponse, TooLargeError
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.session import Session, Speech
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.protocols.messages import Expression, Pronunciations, lexicon_of
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.text.normalization import SpokenError
from telephony.text.script import Script
from telephony.voices import ResolvedVoice, VoiceRequest
from telephony.voices.reading import UnreadableTextError

_DOOR = "gateway"


class Synthesis(Expression):
    """What to say, and how. What is left out is as the service is set."""

    text: str = Field(min_length=1, description="what to say: plain text, or an SSML document")
    voice: str | None = Field(
        None, description="a voice of GET /v1/voices by name or alias, or a recipe: af_sky*0.6+af_nicole"
    )
    speed: float | None = Field(None, ge=0.5, le=2.0, description="rate of speech, 1.0 is the voice's own")
    sample_rate: int | None = Field(
        None, description="Hz; by default 24000, for f32 the engine's own, for mulaw and alaw 8000"
    )
    format: Literal["f32", "pcm", "wav", "mp3", "opus", "aac", "flac", "mulaw", "alaw"] = Field(
        "f32", description="f32 and pcm are raw little-endian floats and 16-bit integers"
    )
    language: str | None = Field(None, description="a language tag such as pt-BR, or Kokoro's letter")
    engine: str | None = Field(None, description="kokoro, supertonic or piper; by default whoever has the voice")
    stream: bool | None = Field(
        None,
        description="whether the audio leaves while it is spoken, or once all is there, with Content-Length and exact "
        "lengths in its header; by default only flac waits",
    )
    prerender: bool = Field(False, description="keeps the phrases on the service's disk, with those of its list")
    pronunciations: Pronunciations = Field(
        default_factory=list, description="how words are said, ahead of the service's lexicon"
    )


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The routes of this door."""
    routes = APIRouter(tags=["gateway"])

    @routes.post(
        "/synthesize",
        response_class=Response,
        responses={
            200: {
                "content": {"application/octet-stream": {}, "audio/*": {}},
                "description": "the audio, as it is spoken; X-Sample-Rate, X-Engine and X-Voice say what it is, "
                "X-Cache whether its beginning was there already (hit) or had to be made (miss)",
            },
            413: {"description": "the text is too long, or the audio for an answer as a whole"},
            429: {"description": "no place for another request now; Retry-After says when to try again"},
            500: {"description": "the engine has failed"},
        },
    )
    async def synthesize(request: Request, wanted: Synthesis) -> Response:
        """Speaks a text. The answer begins with the first audio; if the speech fails later, the connection is cut."""
        if len(wanted.text) > settings.max_text_chars:
            raise streaming.too_long(settings.max_text_chars)
        try:
            script = await sessions.parse(wanted.text)
        except SpokenError as error:
            raise invalid("text", str(error)) from None
        if not script.speakable:
            raise invalid("text", "there is nothing to say in it")
        try:
            sessions.check_open()
            selection = _select(sessions, wanted, script)
            session = sessions.open(_DOOR, request.state.request_id)
        except RefusedError as error:
            raise streaming.busy(error) from None
        try:
            answer = await _speak(request, session, wanted, script, selection)
        except BaseException as error:  # a client that has gone is one: whatever it is, nobody listens any more
            session.close()
            if isinstance(error, TooLargeError):
                metrics.requests_refused.labels("size").inc()
                raise HTTPException(413, str(error)) from None
            raise
        return SpeechResponse(
            answer.body.pieces,
            answer.encoder.content_type,
            {
                "X-Sample-Rate": str(answer.encoder.sample_rate),
                "X-Engine": answer.speech.request.current.engine.name,
                "X-Voice": answer.speech.request.current.voice,
                "X-Speed": f"{answer.speech.request.current.speed:g}",
                "X-Cache": streaming.x_cache(answer.speech),
                **answer.body.headers,
            },
            send_timeout_s=settings.send_timeout_s,
            close=session.close,
        )

    return routes


@dataclass(frozen=True)
class _Answer:
    """Encoded speech; its request says who speaks, now that there is audio."""

    encoder: Encoder
    speech: Speech
    body: Body


async def _speak(
    request: Request, session: Session, wanted: Synthesis, script: Script, selection: ResolvedVoice
) -> _Answer:
    own_hz = selection.engine.sample_rate if wanted.format == "f32" else None
    try:
        encoder = open_encoder(wanted.format, own_hz if wanted.sample_rate is None else wanted.sample_rate)
    except EncoderError as error:
        raise invalid("sample_rate", str(error)) from None
    speech = session.say(
        script,
        selection,
        keep=wanted.prerender,
        request_id=request.state.request_id,
        pronunciations=lexicon_of(wanted.pronunciations),
    )
    try:
        body = await streaming.body(request, speech, encoder, wanted.stream)
    except SpeechFailedError as error:
        raise HTTPException(500, f"the speech failed: {error}") from None
    return _Answer(encoder, speech, body)


def _select(sessions: SessionRegistry, wanted: Synthesis, script: Script) -> ResolvedVoice:
    asked = VoiceRequest(wanted.voice, wanted.language, wanted.speed, wanted.engine, wanted.intonation, wanted.loudness)
    try:
        return sessions.find_reader(asked, script)
    except UnknownVoiceError as error:
        raise no_voice(error, asked) from None
    except UnreadableTextError as error:
        raise invalid("text", str(error)) from None
