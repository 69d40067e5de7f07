"""Addresses that are sounds: `GET /say.wav?text=...`, for whatever plays an address and has no headers of its own.

The guard has checked who has signed an address. Each answer is a whole sound, spoken or out of the phrase cache, so
that its length and its ETag are exact.
"""

from __future__ import annotations

import hashlib
import time
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from starlette.requests import Request
from starlette.responses import Response

from telephony.audio.encoders import open_encoder
from telephony.endpoints import streaming
from telephony.endpoints.errors import PLAIN_ERRORS
from telephony.endpoints.streaming import SpeechResponse, TooLargeError
from telephony.listeners.sessions import SessionRegistry
from telephony.protocols import byte_ranges
from telephony.protocols.byte_ranges import UnsatisfiableError
from telephony.protocols.sound_url import FORMATS, expires_s
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.voices import VoiceRequest

DOOR = "sound"
"""The name of this door in metrics."""

ERRORS = PLAIN_ERRORS

_MAX_AGE_S = 3600
"""How long a sound is played without asking again: a voice or the lexicon may change."""


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> APIRouter:
    """The routes of this door."""
    routes = APIRouter(tags=["sound"], route_class=ERRORS.route_class, responses=ERRORS.described)

    @routes.get("/say.wav", response_class=Response)
    @routes.get("/say.mp3", response_class=Response)
    @routes.get("/say.ulaw", response_class=Response)
    async def say(
        request: Request,
        text: Annotated[str, Query(min_length=1)],
        *,
        voice: str | None = None,
        rate: int | None = None,
        exp: str | None = None,
    ) -> Response:
        """Speaks a text, and answers with all of it or with the range that is asked for."""
        encoder = open_encoder(FORMATS[request.url.path.rpartition("/")[2]], rate)
        said = await streaming.say(
            request, sessions, settings, door=DOOR, text=text, wanted=VoiceRequest(voice or None)
        )
        try:
            body = await streaming.body(request, said.speech, encoder, stream=False)
            data = b"".join([piece async for piece in body.pieces])
        except TooLargeError as error:
            metrics.requests_refused.labels("size").inc()
            raise HTTPException(413, str(error)) from None
        finally:
            said.close()
        headers = {
            "X-Cache": streaming.x_cache(said.speech),
            "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"',
            "Cache-Control": f"max-age={_MAX_AGE_S if exp is None else _until(exp)}",
            "Accept-Ranges": "bytes",
        }
        return _answer(request, data, encoder.content_type, headers, settings)

    return routes


def _until(expires: str) -> int:
    """How long a sound whose address expires is played without asking again, in seconds."""
    return max(0, min(_MAX_AGE_S, expires_s(expires) - int(time.time())))


def _answer(request: Request, data: bytes, content_type: str, headers: dict[str, str], settings: Settings) -> Response:
    asked = request.headers
    if byte_ranges.is_known(asked.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    positions = None
    if asked.get("if-range", headers["ETag"]) == headers["ETag"]:
        try:
            positions = byte_ranges.wanted(asked.get("range", ""), len(data))
        except UnsatisfiableError as error:
            raise HTTPException(416, str(error), {"Content-Range": f"bytes */{len(data)}"}) from None
    if positions is not None:
        headers["Content-Range"] = f"bytes {positions.start}-{positions.stop - 1}/{len(data)}"
        data = data[positions.start : positions.stop]
    response = SpeechResponse(
        streaming.sliced(data),
        content_type,
        {**headers, "Content-Length": str(len(data))},
        send_timeout_s=settings.send_timeout_s,
        close=lambda: None,
    )
    response.status_code = 200 if positions is None else 206
    return response
