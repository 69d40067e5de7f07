"""OpenAI's speech API: `/v1/audio/speech`, `/v1/models`, `/v1/voices`.

Errors have OpenAI's form: `{"error": {"message", "type", "param", "code"}}`.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.audio.encoders import Encoder, open_encoder
from telephony.endpoints import streaming
from telephony.endpoints.errors import VOICE_UNAVAILABLE
from telephony.endpoints.observer import explain
from telephony.endpoints.streaming import SpeechFailedError, SpeechResponse, TooLargeError
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.session import Speech
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.protocols.messages import Expression, Pronunciations, lexicon_of, timed_word
from telephony.settings import Settings
from telephony.speech import Word
from telephony.telemetry.metrics import Metrics
from telephony.text.normalization import SpokenError
from telephony.text.script import Script
from telephony.voices import ResolvedVoice, UnavailableVoiceError, VoiceRequest, aliases
from telephony.voices.reading import UnreadableTextError

VOICES = {
    "alloy": "af_alloy",
    "ash": "am_michael",
    "ballad": "bm_george",
    "cedar": "am_fenrir",
    "coral": "af_heart",
    "echo": "am_echo",
    "fable": "bm_fable",
    "marin": "af_kore",
    "nova": "af_nova",
    "onyx": "am_onyx",
    "sage": "af_sarah",
    "shimmer": "af_bella",
    "verse": "am_puck",
}
"""OpenAI's voices, and who speaks for them here: of the same name where there is one, else of the same kind."""

MODELS = ("kokoro", "supertonic-2", "piper", "tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Names of models that clients send. Any other will do as well: the voice decides which engine speaks."""

_ENGINES = {"supertonic-2": "supertonic", "supertonic": "supertonic", "piper": "piper"}

_DOOR = "openai"
_MODELS_SINCE = 1_737_936_000  # Kokoro-82M v1.0, 27 January 2025
_ERROR_TYPES = {429: "rate_limit_error", 500: "server_error", 503: "server_error"}
# OpenAI's clients account in tokens. Here one of text is a character, one of audio is as long as an Opus frame.
_TOKENS_PER_S = 50


class VoiceId(BaseModel):
    """A voice as an object."""

    id: str


class CreateSpeech(Expression):
    """What to say, and how.

    `stream` says whether the audio leaves while it is spoken, or once all is there, with a Content-Length and exact
    lengths in its header; by default only `flac` waits, which some readers cannot open without. Events never wait.

    `speed` is 0.25 to 4, as OpenAI has it; a voice goes as slow and as fast as it can, and X-Speed says how fast it is.

    `lang_code` is the language to read it in, a tag or Kokoro's letter. With `timestamps` events have the times of
    words, in seconds from the first sample.

    `model` may have any name; `supertonic-2` and `piper` have those engines speak. `instructions` are accepted and have
    no effect: the voices cannot be instructed, but for `pitch`, `range` and `volume`. `pronunciations` say how words
    are said, ahead of the service's lexicon.
    """

    model: str
    input: str = Field(min_length=1)
    voice: str | VoiceId
    instructions: str | None = None
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    speed: float | None = Field(None, ge=0.25, le=4.0)
    stream_format: Literal["audio", "sse"] = "audio"
    stream: bool | None = None
    lang_code: str | None = None
    timestamps: bool = False
    pronunciations: Pronunciations = Field(default_factory=list)


class Problem(BaseModel):
    """What is wrong, and with which parameter."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """The body of every error."""

    error: Problem


class _Route(APIRoute):
    """A route whose errors have OpenAI's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_as_openai(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                return _invalid_request(request, error)
            except RefusedError as error:
                return _error(request, streaming.busy(error))
            except HTTPException as error:
                return _error(request, error)

        return handle_as_openai


class _ParameterError(HTTPException):
    def __init__(self, param: str, message: str, *, status: int = 400, code: str | None = None) -> None:
        super().__init__(status, message)
        self.param = param
        self.code = code


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The routes of this door."""
    anyone = aliases(settings.female_voice, settings.male_voice)
    routes = APIRouter(
        prefix="/v1",
        tags=["openai"],
        route_class=_Route,
        responses={"4XX": {"model": ErrorBody}, "5XX": {"model": ErrorBody}},
    )

    @routes.post(
        "/audio/speech",
        response_class=Response,
        responses={
            200: {
                "content": {"audio/*": {}, "text/event-stream": {}},
                "description": "the audio, or events that carry it, as it is spoken",
            }
        },
    )
    async def create_speech(request: Request, wanted: CreateSpeech) -> Response:
        """Speaks a text. The answer begins with the first audio; if the speech fails later, the connection is cut."""
        if len(wanted.input) > settings.max_text_chars:
            raise _ParameterError("input", streaming.too_long(settings.max_text_chars).detail, status=413)
        try:
            script = await sessions.parse(wanted.input)
        except SpokenError as error:
            raise _ParameterError("input", str(error)) from None
        if not script.speakable:
            raise _ParameterError("input", "there is nothing to say in it")
        events = wanted.stream_format == "sse"
        if events and wanted.stream is False:
            raise _ParameterError("stream", "events are always streamed")
        if wanted.timestamps and not events:
            raise _ParameterError("timestamps", "times of words come in events: ask for the stream_format sse")
        sessions.check_open()
        selection = _select(sessions, wanted, script)
        encoder = open_encoder(wanted.response_format)
        session = sessions.open(_DOOR, request.state.request_id)
        try:
            pronunciations = lexicon_of(wanted.pronunciations)
            speech = session.say(script, selection, request_id=request.state.request_id, pronunciations=pronunciations)
            if events:
                lines = _events(speech, encoder, wanted)
                body = streaming.Body(await streaming.begin(request, lines))
            else:
                body = await streaming.body(request, speech, encoder, wanted.stream)
        except BaseException as error:  # a client that has gone is one: whatever it is, nobody listens any more
            session.close()
            if isinstance(error, SpeechFailedError):
                raise HTTPException(500, f"the speech failed: {error}") from None
            if isinstance(error, TooLargeError):
                metrics.requests_refused.labels("size").inc()
                raise _ParameterError("stream", str(error), status=413) from None
            raise
        return SpeechResponse(
            body.pieces,
            "text/event-stream" if events else encoder.content_type,
            {"X-Speed": f"{speech.request.current.speed:g}", "X-Cache": streaming.x_cache(speech), **body.headers},
            send_timeout_s=settings.send_timeout_s,
            close=session.close,
        )

    @routes.get("/models")
    async def list_models(request: Request) -> Any:
        """The names that clients use for what speaks here; as a bare list for ElevenLabs' clients, who bring their key
        in a header of their own."""
        if "xi-api-key" in request.headers:
            return [{"model_id": name, "name": name, "can_do_text_to_speech": True} for name in MODELS]
        return {"object": "list", "data": [_model(name) for name in MODELS]}

    @routes.get("/models/{name}")
    async def retrieve_model(name: str) -> dict[str, Any]:
        """One of them."""
        if name not in MODELS:
            message = f"there is no model {name!r:.100}: GET /v1/models lists them"
            raise _ParameterError("model", message, status=404, code="model_not_found")
        return _model(name)

    @routes.get("/voices")
    async def list_voices() -> dict[str, Any]:
        """Every voice that is loaded now, what else it may be called, and which ones could be had, and how.

        `voices` is for ElevenLabs' clients.
        """
        sessions.check_open()
        voices = [(engine, voice) for engine in sessions.engines() for voice in engine.voices()]
        return {
            "object": "list",
            "data": [
                {
                    "object": "voice",
                    "name": voice.name,
                    "language": voice.language,
                    "engine": engine.name,
                    "gender": voice.gender,
                    "description": voice.description,
                    "grade": voice.grade,
                    "aliases": _aliases(voice.name, anyone),
                }
                for engine, voice in voices
            ],
            "voices": [
                {
                    "voice_id": voice.name,
                    "name": voice.name,
                    "category": "premade",
                    "labels": {"language": voice.language, "engine": engine.name},
                }
                for engine, voice in voices
            ],
            "missing": [asdict(missing) for missing in sessions.missing_voices()],
        }

    return routes


def _select(sessions: SessionRegistry, wanted: CreateSpeech, script: Script) -> ResolvedVoice:
    engine = _ENGINES.get(wanted.model)
    name = wanted.voice.id if isinstance(wanted.voice, VoiceId) else wanted.voice
    asked = VoiceRequest(
        _voice(name, engine), wanted.lang_code, wanted.speed, engine, wanted.intonation, wanted.loudness
    )
    try:
        return sessions.find_reader(asked, script)
    except UnavailableVoiceError as error:
        param = "model" if engine is not None else "voice"
        raise _ParameterError(param, str(error), status=503, code=VOICE_UNAVAILABLE) from None
    except UnknownVoiceError as error:
        raise _ParameterError("voice", str(error), code="voice_not_found") from None
    except UnreadableTextError as error:
        raise _ParameterError("input", str(error)) from None


def _voice(name: str, engine: str | None) -> str:
    """Who speaks for one of OpenAI's voices; another engine than Kokoro has one of the same kind."""
    if name not in VOICES or engine is None:
        return VOICES.get(name, name)
    return "female" if VOICES[name][1] == "f" else "male"


def _aliases(voice: str, anyone: Mapping[str, Sequence[str]]) -> list[str]:
    meant = [alias for alias, names in anyone.items() if voice in names]
    return sorted([*meant, *(alias for alias, name in VOICES.items() if name == voice)])


async def _events(speech: Speech, encoder: Encoder, wanted: CreateSpeech) -> AsyncIterator[bytes]:
    """Server-sent events: audio in base64, perhaps with words whose times are known, at the end what it cost."""

    def delta(data: bytes, words: Sequence[Word]) -> bytes:
        timed = [timed_word(word) for word in words] if wanted.timestamps else []
        if not data and not timed:
            return b""
        audio = {"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()}
        return _event({**audio, "words": timed} if timed else audio)

    async for event in streaming.encoded(speech, encoder, delta):
        yield event
    audio_s = speech.request.measured.audio_s
    tokens = {"input_tokens": len(wanted.input), "output_tokens": math.ceil(audio_s * _TOKENS_PER_S)}
    yield _event({"type": "speech.audio.done", "usage": {**tokens, "total_tokens": sum(tokens.values())}})


def _event(event: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _MODELS_SINCE, "owned_by": "kokoro"}


def _invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    # A union's errors go on with the member that did not fit; what is no JSON has a place instead of a name.
    param = next((part for part in first["loc"][1:2] if isinstance(part, str)), None)
    message = first["msg"] if param is None else f"{param}: {first['msg']}"
    explain(request.scope, message)
    return _response(400, Problem(message=message, type="invalid_request_error", param=param, code=first["type"]))


def _error(request: Request, error: HTTPException) -> JSONResponse:
    named = error if isinstance(error, _ParameterError) else None
    explain(request.scope, error.detail, named.code if named else None)
    kind = _ERROR_TYPES.get(error.status_code, "invalid_request_error")
    param, code = (named.param, named.code) if named else (None, None)
    return _response(error.status_code, Problem(message=error.detail, type=kind, param=param, code=code), error.headers)


def _response(status: int, problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(ErrorBody(error=problem).model_dump(), status, headers)
