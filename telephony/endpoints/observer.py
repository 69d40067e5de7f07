"""What is seen of every request and connection, whichever door it is for: an id, figures, refusals, and an answer to
defects."""

from __future__ import annotations

import re
import traceback
import uuid
from collections.abc import Callable
from http import HTTPStatus

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from telephony.telemetry import trace_context
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.refusals import peer_name, refused

log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_INTERNAL_ERROR = 1011
# Of a path in the log, which a client may make as long as a request's head.
_PATH_CHARS = 200
# Whoever asks for the service's health is answered by the status, not refused.
_ANSWERS_BY_STATUS = "health"


def explain(scope: Scope, why: str, code: str | None = None) -> None:
    """Says why a request or a WebSocket is about to be refused, for the log.

    Args:
        why: in words, without a caller's text.
        code: what kind of refusal, out of a fixed set; None: as the status says.
    """
    scope.setdefault("state", {})["refusal"] = (code, why)


class Observer:
    """ASGI middleware, the outermost one.

    Every request has an id, `scope["state"]["request_id"]`: the client's own X-Request-ID if it fits, else a new one.
    An HTTP answer carries it.

    Args:
        door_of: names the door of a request, out of a fixed set.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, door_of: Callable[[Scope], str]) -> None:
        self._app = app
        self._metrics = metrics
        self._door_of = door_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        wanted = Headers(scope=scope).get("x-request-id", "")
        request_id = wanted if _REQUEST_ID.fullmatch(wanted) else str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        serve = self._serve_request if scope["type"] == "http" else self._serve_connection
        await serve(scope, receive, send, self._door_of(scope), request_id)

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send, door: str, request_id: str) -> None:
        status: int | None = None

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
                # 500 has failed, and has a line of its own.
                if status >= 400 and status != 500 and door != _ANSWERS_BY_STATUS:
                    self._refused(scope, door, str(status))
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        except ClientDisconnect:
            pass
        except Exception as error:  # noqa: BLE001 - a defect of ours ends this request and nothing else
            _report(error, door, request_id)
            if status is None:  # else the server cuts the connection, so that nobody takes the answer for whole
                response = JSONResponse({"detail": "internal error", "request_id": request_id}, 500)
                await response(scope, receive, send_observed)
        finally:
            self._metrics.http_requests.labels(door, "none" if status is None else str(status)).inc()

    async def _serve_connection(self, scope: Scope, receive: Receive, send: Send, door: str, request_id: str) -> None:
        accepted = closed = False

        async def send_observed(message: Message) -> None:
            nonlocal accepted, closed
            if message["type"] == "websocket.accept":
                accepted = True
                self._metrics.websocket_connections.labels(door).inc()
                self._metrics.websockets_open.labels(door).inc()
            elif message["type"] == "websocket.http.response.start":
                closed = True
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
                self._refused(scope, door, str(message["status"]))
            elif message["type"] == "websocket.close":
                closed = True
                if "refusal" in scope["state"]:  # else its door has said why, if there was a reason
                    self._refused(scope, door, str(message["code"]))
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        except WebSocketDisconnect:
            pass
        except Exception as error:  # noqa: BLE001 - as above
            _report(error, door, request_id)
            if not closed:
                await send_observed({"type": "websocket.close", "code": _INTERNAL_ERROR, "reason": "internal error"})
        finally:
            if accepted:
                self._metrics.websockets_open.labels(door).dec()

    def _refused(self, scope: Scope, door: str, status: str) -> None:
        # CORSMiddleware answers on its own.
        code, why = scope["state"].get("refusal") or (None, HTTPStatus(int(status)).phrase)
        known = {"request_id": scope["state"]["request_id"], "path": scope["path"][:_PATH_CHARS]}
        refused(self._metrics, door, code or status, why, peer_name(scope.get("client")), **known)


class TraceContext:
    """ASGI middleware: what a request says is said in the trace of its client, which `traceparent` names."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or connection."""
        if scope["type"] in ("http", "websocket"):
            trace_context.traceparent.set(Headers(scope=scope).get("traceparent", ""))
        await self._app(scope, receive, send)  # in a task of its own, and what it sets ends with that


def _report(error: Exception, door: str, request_id: str) -> None:
    # The exception's message may quote what the client said; its trace does not.
    log.error(
        "request_failed",
        door=door,
        request_id=request_id,
        error=type(error).__name__,
        trace="".join(traceback.format_tb(error.__traceback__)),
    )
