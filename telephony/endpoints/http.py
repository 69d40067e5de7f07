"""The HTTP and WebSocket doors: one ASGI app, served by uvicorn in a thread of its own.

The event loop does no synthesis: its sessions queue texts for the scheduler and read windows.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from telephony import __version__
from telephony.endpoints import (
    admin,
    call_events,
    contexts,
    contexts_http,
    control,
    custom_speech,
    custom_speech_http,
    custom_voice,
    doors,
    errors,
    gateway,
    health,
    lexicon,
    livekit,
    media,
    names,
    openai,
    page,
    pbx_calls,
    pipecat,
    sound,
    speak,
    speak_http,
    tickets,
)
from telephony.endpoints.admin import AdminActions
from telephony.endpoints.extra_ports import ExtraPorts
from telephony.endpoints.health import Readiness
from telephony.endpoints.listening import Listener, ignore_shortages
from telephony.endpoints.observer import Observer, TraceContext
from telephony.endpoints.pbx import Pbx
from telephony.endpoints.proxies import ForwardedHeaders
from telephony.endpoints.security import Guard, listed_origins
from telephony.endpoints.telephone import TelephoneEndpoints
from telephony.endpoints.tickets import Tickets
from telephony.endpoints.websocket_server import BoundedWebSocket, OnRefusal
from telephony.listeners.call_events import CallEvents
from telephony.listeners.calls import CallRegistry
from telephony.listeners.sessions import SessionRegistry
from telephony.protocols.sound_url import UrlSigner
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.refusals import peer_name, refused
from telephony.voices.lexicon_file import LexiconFile

DOOR = "http"
"""The name of the port in the log, before it is known for which door a connection is."""

# HostPorts that everybody may use.
_OPEN = ("health", "page")
_OWN_ERRORS = {
    "contexts": contexts.ERRORS,
    "contexts_http": contexts.ERRORS,
    "custom_speech": custom_speech.ERRORS,
    "custom_speech_http": custom_speech.ERRORS,
    "custom_voice": custom_voice.ERRORS,
    "sound": sound.ERRORS,
    "speak": speak.ERRORS,
    "speak_http": speak.ERRORS,
}
# Idle connections have so long to say goodbye when the service stops; speech was drained before.
_GOODBYE_S = 1
# Connections beyond the bound that are still told so; what comes on top of them is cut.
_SPARE_CONNECTIONS = 100
_MAX_HEAD_BYTES = 65_536
# What lies in the kernel can be cancelled no more, and holds up the answers to pings. With so much of it, a client that
# reads at the pace of speech is seen to have read every four to five seconds.
_SEND_BUFFER_BYTES = 131_072


def create_app(
    sessions: SessionRegistry,
    settings: Settings,
    metrics: Metrics,
    readiness: Callable[[], Readiness],
    actions: AdminActions,
    *,
    calls: CallRegistry,
    events: CallEvents,
    telephone: TelephoneEndpoints,
    lexicon_file: LexiconFile | None = None,
    extra_ports: ExtraPorts | None = None,
) -> FastAPI:
    """The app with every door of this process, those on `extra_ports` included.

    `lexicon_file` is what `/v1/lexicon` shows and changes.
    """
    # Not FastAPI's pages of /docs: they are scripts from elsewhere, and show nothing to whoever has to give a key.
    app = FastAPI(title="Kokoro for phone calls", version=__version__, docs_url=None, redoc_url=None)
    routers = {
        door.__name__.rpartition(".")[2]: door.router(sessions, settings, metrics)
        for door in (
            *(livekit, pipecat, gateway, openai, contexts, contexts_http, speak, speak_http),
            *(custom_speech, custom_speech_http, custom_voice, sound),
        )
    }
    pbx = Pbx(sessions, settings, metrics, events)
    audiosocket = None if extra_ports is None else extra_ports.audiosocket
    routers["calls"] = pbx_calls.router(sessions, settings, pbx, audiosocket)
    routers["media"] = media.router(sessions, settings, metrics, pbx, events)
    routers["call_events"] = call_events.router(events, settings, metrics)
    if extra_ports is not None and extra_ports.wyoming is not None:
        from telephony.endpoints import wyoming  # it imports the package of its protocol

        routers["wyoming"] = wyoming.router(sessions, settings, metrics, extra_ports.wyoming)
    routers["metrics"] = health.metrics_router(metrics)
    routers["health"] = health.router(readiness)
    routers["admin"] = admin.router(sessions, settings, metrics, readiness, actions)
    routers["control"] = control.router(calls, pbx)
    routers["names"] = names.router(sessions)
    routers["doors"] = doors.router(settings, _ports(telephone, extra_ports))
    routers["lexicon"] = lexicon.router(lexicon_file)
    routers["page"] = page.router()
    given = Tickets()
    routers["tickets"] = tickets.router(given)
    for router in routers.values():
        app.include_router(router)
    door_of = partial(_door_of, {name: router.routes for name, router in routers.items()})
    signer = UrlSigner(settings.api_key)

    def signed_by(scope: Scope) -> int | None:
        if door_of(scope) != "sound":
            return None
        return signer.signed_by(scope["path"], scope["query_string"].decode("latin-1"), time.time())

    app.router.default = errors.not_found
    app.add_exception_handler(RequestValidationError, errors.answer_invalid)
    app.add_exception_handler(HTTPException, errors.answer_error)
    # The last one added is the outermost.
    app.add_middleware(_HeadAsGet)
    app.add_middleware(
        Guard,
        settings=settings,
        metrics=metrics,
        tickets=given,
        is_open=lambda scope: door_of(scope) in _OPEN,
        needs_no_key=lambda scope: settings.open_names and door_of(scope) == "names",
        errors_of=lambda scope: _OWN_ERRORS.get(door_of(scope)),
        signed_by=signed_by,
    )
    origins = listed_origins(settings.allowed_origins)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("*",),
            expose_headers=(
                "X-Sample-Rate",
                "X-Engine",
                "X-Voice",
                "X-Speed",
                "X-Cache",
                "X-Request-ID",
                "Retry-After",
            ),
        )
    app.add_middleware(Observer, metrics=metrics, door_of=door_of)
    if settings.traces_url:
        app.add_middleware(TraceContext)
    app.add_middleware(ForwardedHeaders, trusted=settings.forwarded_allow_ips)
    return app


def _ports(telephone: TelephoneEndpoints, extra: ExtraPorts | None) -> Mapping[str, doors.Port]:
    """The doors beside HTTP."""
    return {
        "telephone": lambda: telephone.tcp_port if telephone.bound else None,
        "registration": lambda: telephone.udp_port if telephone.bound else None,
        "audiosocket": lambda: None if extra is None else extra.audiosocket_port,
        "wyoming": lambda: None if extra is None else extra.wyoming_port,
    }


def bind(host: str, port: int) -> socket.socket:
    """A listening socket: clients queue in the kernel from this moment on.

    Args:
        port: 0 lets the system choose.

    Raises:
        OSError: the port cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    # Connections inherit both. asyncio's own way to the first one passes by sockets that were made without a protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    return Listener(listener, DOOR)


class HttpServer:
    """Serves an app on a listening socket. `start` once, `close` once."""

    def __init__(self, app: FastAPI, listener: socket.socket, settings: Settings, metrics: Metrics) -> None:
        self._listener = listener
        on_refusal = partial(_note_refusal, metrics)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            # Whose machine is gone without a word is cut by the kernel.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * settings.send_timeout_s))
        connection = partial(
            _Connection,
            max_connections=settings.http_connections + _SPARE_CONNECTIONS,
            head_timeout_s=settings.hello_timeout_s,
            on_refusal=on_refusal,
        )
        web_socket = partial(BoundedWebSocket, farewell_s=settings.send_timeout_s, on_refusal=on_refusal)
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=cast("type[asyncio.Protocol]", connection),
                ws=cast("type[asyncio.Protocol]", web_socket),
                ws_max_size=settings.max_message_bytes,
                # Pings keep the way open; the answer to one waits while a door reads nothing because it has enough.
                ws_ping_timeout=None,
                # Speech hardly shrinks, and the event loop would pay for it.
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=_GOODBYE_S,
                log_config=None,
                access_log=False,
                server_header=False,
                # On what is uvicorn's own answer too, to a request that is none.
                headers=[("X-Content-Type-Options", "nosniff")],
                proxy_headers=False,  # ForwardedHeaders has them
                root_path=settings.root_path,
            )
        )
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="http-door")

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Starts to serve."""
        self._thread.start()

    def close(self) -> None:
        """Releases the port, ends every connection, and joins the server's thread."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()


class _HeadAsGet:
    """ASGI middleware: HEAD is answered where GET is. uvicorn leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or connection."""
        await self._app({**scope, "method": "GET"} if scope.get("method") == "HEAD" else scope, receive, send)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's."""
        ignore_shortages(asyncio.get_running_loop())
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, but leaves no connection behind whose client does not take what is left for it."""
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


class _Connection(HttpToolsProtocol):
    """A connection before it is known what it is for: bounded in number, in time and in size, which uvicorn's is not.

    Args:
        max_connections: at once, WebSockets included; one more is cut.
        head_timeout_s: until a connection that has not sent the head of a request is cut.
        on_refusal: told of connections that are refused: code, why, and the peer's address.
    """

    def __init__(
        self, *args: Any, max_connections: int, head_timeout_s: float, on_refusal: OnRefusal, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._on_refusal = on_refusal
        self._answered = False
        self._max_connections = max_connections
        self._head_timeout_s = head_timeout_s
        self._head_overdue: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()
        if len(self.connections) > self._max_connections:
            why = f"{self._max_connections} connections are open, which is the limit"
            self._on_refusal("connection_refused", why, self.client)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_overdue is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self.send_400_response("Request head too large.")

    def send_400_response(self, msg: str) -> None:
        """As uvicorn's, for what is no request."""
        self._on_refusal("protocol_error", msg, self.client)
        super().send_400_response(msg)

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._answered = True
        self._await_head()

    def _await_head(self) -> None:
        self._head_came()
        self._head_overdue = self.loop.call_later(self._head_timeout_s, self._cut)

    def _cut(self) -> None:
        if self._head_bytes or not self._answered:  # else it was kept open for a next request
            why = f"no whole head of a request within {self._head_timeout_s:g} s"
            self._on_refusal("hello_overdue", why, self.client)
        self.transport.close()

    def _head_came(self) -> None:
        if self._head_overdue is not None:
            self._head_overdue.cancel()
            self._head_overdue = None
        self._head_bytes = 0


def _note_refusal(metrics: Metrics, code: str, why: str, address: tuple[str, int] | None) -> None:
    refused(metrics, DOOR, code, why, peer_name(address))


def _door_of(doors: dict[str, list[BaseRoute]], scope: Scope) -> str:
    """The door that a request is for; `none` where there is none."""
    for name, routes in doors.items():
        if any(route.matches(scope)[0] is not Match.NONE for route in routes):
            return name
    return "none"
