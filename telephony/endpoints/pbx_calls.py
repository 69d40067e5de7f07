"""Texts for calls of a PBX: `/calls/{id}/...`, for which its protocols have no place."""

from __future__ import annotations

import contextlib
import socket
import time
import uuid
from collections.abc import AsyncIterator
from typing import Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from starlette.requests import Request

from telephony.endpoints import streaming
from telephony.endpoints.errors import CodedError, invalid, no_voice
from telephony.endpoints.pbx import EndedCallError, Pbx, TooMuchTextError, UnknownCallError
from telephony.endpoints.pbx_call import CallText
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.protocols.messages import Expression, Pronunciations, lexicon_of
from telephony.settings import Settings
from telephony.text.normalization import SpokenError
from telephony.text.script import Script
from telephony.voices import ResolvedVoice, VoiceRequest
from telephony.voices.reading import UnreadableTextError


class Words(Expression):
    """What to say, and who. What is left out is as the service is set."""

    text: str = Field(min_length=1, description="what to say: plain text, or an SSML document")
    voice: str | None = Field(None, description="a voice of GET /v1/voices, by name or alias")
    language: str | None = Field(None, description="a language tag such as pt-BR, or Kokoro's letter")
    speed: float | None = Field(None, ge=0.5, le=2.0, description="rate of speech, 1.0 is the voice's own")
    engine: str | None = Field(None, description="kokoro, supertonic or piper; by default whoever has the voice")
    pronunciations: Pronunciations = Field(
        default_factory=list, description="how words are said, ahead of the service's lexicon"
    )


class Accepted(BaseModel):
    """A text that will be spoken: `queued` behind those of its call, or `waiting` for the call to connect, for at most
    `--audiosocket-wait-s`."""

    request_id: str
    state: Literal["queued", "waiting"]


class Interrupted(BaseModel):
    """What the caller has heard of all that was being said, and what was dropped."""

    text_spoken: str
    text_remaining: str


class HangUp(BaseModel):
    """How to end a call."""

    after_speech: bool = Field(False, description="first say all that was said before")


class CallState(BaseModel):
    """A call at this moment: `texts` in work or waiting, the last 100 `digits` that the caller pressed."""

    call_id: uuid.UUID
    state: Literal["connected", "waiting"]
    texts: int
    connected_s: float = 0.0
    sample_rate: int | None = None
    digits: str = ""


def router(sessions: SessionRegistry, settings: Settings, pbx: Pbx, audiosocket: socket.socket | None) -> APIRouter:
    """The routes, and behind them the calls for as long as the app runs, those on AudioSocket's socket too."""

    @contextlib.asynccontextmanager
    async def serve(_: object) -> AsyncIterator[None]:
        async with pbx.serving(audiosocket):
            yield

    routes = APIRouter(
        prefix="/calls/{call_id}",
        tags=["calls"],
        lifespan=serve,
        responses={404: {"description": "no such call is connected; the code `ended`: it was until a moment ago"}},
    )

    @routes.post(
        "/say",
        status_code=202,
        responses={
            413: {"description": "the text is too long"},
            429: {
                "description": "too much text waits, or no place for another now; Retry-After says when to try again"
            },
        },
    )
    async def say(call_id: uuid.UUID, words: Words, request: Request) -> Accepted:
        """Speaks a text, behind those said before. One for a call that has not connected yet waits a while for it."""
        if len(words.text) > settings.max_text_chars:
            raise streaming.too_long(settings.max_text_chars)
        try:
            script = await sessions.parse(words.text)
        except SpokenError as error:
            raise invalid("text", str(error)) from None
        if not script.speakable:
            raise invalid("text", "there is nothing to say in it")
        request_id: str = request.state.request_id
        try:
            sessions.check_open()
            selection, pronunciations = _select(sessions, words, script), lexicon_of(words.pronunciations)
            spoken = pbx.say(call_id, CallText(script, selection, request_id, pronunciations))
        except RefusedError as error:
            raise streaming.busy(error) from None
        except TooMuchTextError as error:
            raise HTTPException(429, str(error), {"Retry-After": "1"}) from None
        except UnknownCallError as error:
            raise _unknown(error) from None
        return Accepted(request_id=request_id, state="queued" if spoken else "waiting")

    @routes.post("/interrupt")
    async def interrupt(call_id: uuid.UUID) -> Interrupted:
        """Barge-in: speech fades, and nothing more of what was said before follows."""
        try:
            spoken, remaining = pbx.find(call_id).interrupt()
        except UnknownCallError as error:
            raise _unknown(error) from None
        return Interrupted(text_spoken=spoken, text_remaining=remaining)

    @routes.post("/hangup", status_code=202)
    async def hang_up(call_id: uuid.UUID, how: HangUp | None = None) -> None:
        """Ends the call, and its channel's AudioSocket; texts of one that has not connected yet are dropped."""
        if pbx.forget(call_id):
            return
        try:
            pbx.find(call_id).hang_up(after_speech=how is not None and how.after_speech)
        except UnknownCallError as error:
            raise _unknown(error) from None

    @routes.get("")
    async def show(call_id: uuid.UUID) -> CallState:
        """A call at this moment."""
        waiting = pbx.waiting_texts(call_id)
        if waiting:
            return CallState(call_id=call_id, state="waiting", texts=waiting)
        try:
            call = pbx.find(call_id)
        except UnknownCallError as error:
            raise _unknown(error) from None
        return CallState(
            call_id=call_id,
            state="connected",
            texts=call.texts,
            connected_s=round(time.monotonic() - call.connected_at, 1),
            sample_rate=call.sample_rate,
            digits="".join(call.digits),
        )

    return routes


def _select(sessions: SessionRegistry, words: Words, script: Script) -> ResolvedVoice:
    asked = VoiceRequest(words.voice, words.language, words.speed, words.engine, words.intonation, words.loudness)
    try:
        return sessions.find_reader(asked, script)
    except UnreadableTextError as error:
        raise invalid("text", str(error)) from None
    except UnknownVoiceError as error:
        raise no_voice(error, asked) from None


def _unknown(error: UnknownCallError) -> HTTPException:
    return CodedError(404, "ended" if isinstance(error, EndedCallError) else "unknown_call", str(error))
