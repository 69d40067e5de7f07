"""The errors that the HTTP doors answer with, and the log of them."""

from __future__ import annotations

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from telephony.endpoints.observer import explain
from telephony.engines.base import UnknownVoiceError
from telephony.voices import UnavailableVoiceError, VoiceRequest

VOICE_UNAVAILABLE = "voice_unavailable"
"""The code of an answer to who asks for an engine that is not loaded, over HTTP and on WebSockets."""


class CodedError(HTTPException):
    """An error with a `code` beside its message, for programs."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, message)
        self.code = code


def invalid(field: str, message: str) -> RequestValidationError:
    """A field of the body that is wrong."""
    return RequestValidationError([{"type": "value_error", "loc": ("body", field), "msg": message}])


def no_voice(error: UnknownVoiceError, wanted: VoiceRequest) -> Exception:
    """What to raise where `wanted` has found no voice: 503 for an engine that is not loaded, else 422 for the field."""
    if isinstance(error, UnavailableVoiceError):
        return CodedError(503, VOICE_UNAVAILABLE, str(error))
    field = next((name for name in ("voice", "language") if getattr(wanted, name) is not None), "engine")
    return invalid(field, str(error))


async def answer_error(request: Request, error: Exception) -> Response:
    """The answer to a request that is refused, with the code of a `CodedError`."""
    assert isinstance(error, AnyHTTPException)
    code = error.code if isinstance(error, CodedError) else None
    explain(request.scope, error.detail, code)
    body = {"detail": error.detail} if code is None else {"detail": error.detail, "code": code}
    return JSONResponse(body, error.status_code, error.headers)


async def answer_invalid(request: Request, error: Exception) -> Response:
    """Names the fields that are wrong. What the client sent is not repeated: it may be a caller's text."""
    assert isinstance(error, RequestValidationError)
    found = [{key: each[key] for key in ("loc", "msg", "type")} for each in error.errors()]
    explain(request.scope, "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found))
    return JSONResponse({"detail": found}, 422)


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """The answer where no route fits: 404, to a WebSocket too, before it is open."""
    if scope["type"] != "websocket":
        raise HTTPException(404)
    explain(scope, "there is no WebSocket at this path")
    # uvicorn's own headers are not on an answer in place of a handshake.
    body = JSONResponse({"detail": "there is no WebSocket at this path"}, 404, {"X-Content-Type-Options": "nosniff"})
    await send({"type": "websocket.http.response.start", "status": body.status_code, "headers": body.raw_headers})
    await send({"type": "websocket.http.response.body", "body": body.body})
