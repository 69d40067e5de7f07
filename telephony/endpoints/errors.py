"""The errors that the HTTP doors answer with, and the log of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from telephony.audio.encoders import EncoderError
from telephony.endpoints.observer import explain
from telephony.endpoints.streaming import SpeechFailedError, busy
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.sessions import RefusedError
from telephony.protocols.messages import MessageError
from telephony.text.normalization import SpokenError
from telephony.voices import UnavailableVoiceError, VoiceRequest
from telephony.voices.reading import UnreadableTextError

VOICE_UNAVAILABLE = "voice_unavailable"
"""The code of an answer to who asks for an engine that is not loaded, over HTTP and on WebSockets."""


TOLD = (
    HTTPException,
    RequestValidationError,
    RefusedError,
    UnknownVoiceError,
    UnreadableTextError,
    EncoderError,
    SpokenError,
    SpeechFailedError,
    MessageError,
)
"""What `OwnErrors` can tell."""


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


@dataclass(frozen=True)
class OwnErrors:
    """How a door tells its clients what is wrong, where they expect it as another service has it.

    Attributes:
        body: of an HTTP status and what is wrong.
        unknown_voice, invalid: the status where there is no such voice, or a field is wrong.
    """

    body: Callable[[int, str], dict[str, Any]]
    unknown_voice: int
    invalid: int

    def answer(self, scope: Scope, error: Exception) -> JSONResponse:
        """The answer to a request, or to a WebSocket that is not open yet, and the log of it.

        Args:
            error: one of `TOLD`.
        """
        told = self._as_http(error)
        explain(scope, told.detail)
        # uvicorn's own headers are not on an answer in place of a handshake.
        own = {"X-Content-Type-Options": "nosniff"} if scope["type"] == "websocket" else {}
        return JSONResponse(self.body(told.status_code, told.detail), told.status_code, {**(told.headers or {}), **own})

    @property
    def described(self) -> dict[int | str, dict[str, Any]]:
        """The errors of such routes, for the OpenAPI page."""
        return {status: {"description": "an error in the form of these clients"} for status in ("4XX", "5XX")}

    @property
    def route_class(self) -> type[APIRoute]:
        """Routes whose errors have this form."""
        answer = self.answer

        class Route(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                handle = super().get_route_handler()

                async def handle_in_form(request: Request) -> Response:
                    try:
                        return await handle(request)
                    except TOLD as error:
                        return answer(request.scope, error)

                return handle_in_form

        return Route

    def _as_http(self, error: Exception) -> HTTPException:
        match error:
            case HTTPException():
                return error
            case RequestValidationError():
                first = error.errors()[0]
                return HTTPException(self.invalid, f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")
            case RefusedError():
                return busy(error)
            case UnavailableVoiceError():
                return HTTPException(503, str(error))
            case UnknownVoiceError():
                return HTTPException(self.unknown_voice, str(error))
            case SpeechFailedError():
                return HTTPException(500, f"the speech failed: {error}")
        return HTTPException(400, str(error))


PLAIN_ERRORS = OwnErrors(lambda status, message: {"error": message}, unknown_voice=400, invalid=400)
"""For clients that show what is wrong to a person, at most: `{"error": message}`."""
