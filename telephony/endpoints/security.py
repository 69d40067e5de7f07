"""Who may use the HTTP and WebSocket doors: keys, the origin of web pages, names, rates and sizes.

Everything here belongs to the event loop of the doors.
"""

from __future__ import annotations

import ipaddress
import json
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import anyio
import structlog
from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telephony.endpoints import keys
from telephony.endpoints.errors import OwnErrors
from telephony.endpoints.keys import Keys
from telephony.endpoints.observer import explain
from telephony.endpoints.proxies import forwarded_hosts
from telephony.endpoints.tickets import Tickets
from telephony.protocols.sound_url import SignatureError
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()

# Clients whose rate is known at once. A bucket that is forgotten is a full one.
_MAX_CLIENTS = 10_000
_POLICY_VIOLATION = 1008
_TRY_AGAIN_LATER = 1013


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own, reachable by nobody else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which may lead anywhere; or nothing, which is every address
        return False


def open_to_strangers(settings: Settings) -> bool:
    """Whether other machines may use the HTTP and WebSocket doors, and need no key for it."""
    there = settings.http_port is not None
    return there and not is_loopback(settings.http_host) and not Keys(settings.api_key).required


def config_error(settings: Settings) -> str | None:
    """Why the HTTP and WebSocket doors must not be opened with these settings, in one line; None if they may."""
    if settings.insecure or not open_to_strangers(settings):
        return None
    return (
        f"--http-host {settings.http_host!r} lets other machines in, and no key is set: set API_KEY, or say --insecure"
    )


def warn_of_strangers(settings: Settings) -> None:
    """Says which endpoints other machines may use without a key."""
    if not is_loopback(settings.host):
        effect = "whoever reaches them may speak to every call, hear it and end it"
        log.warning("doors_without_key", doors="telephone", host=settings.host, effect=effect)
    if settings.wyoming_port is not None and not is_loopback(settings.wyoming_host):
        effect = "whoever reaches it may have texts spoken"
        log.warning("doors_without_key", doors="Wyoming", host=settings.wyoming_host, effect=effect)
    if open_to_strangers(settings):
        effect = "whoever reaches them may use them"
        log.warning("doors_without_key", doors="HTTP and WebSocket", host=settings.http_host, effect=effect)


def listed_origins(text: str) -> frozenset[str]:
    """Origins such as `https://example.com`, with commas between them; `*` for every one."""
    return frozenset(entry for part in text.split(",") if (entry := part.strip().lower().rstrip("/")))


class Origins:
    """The web sites whose pages may use the doors.

    Args:
        text: see `listed_origins`.
        is_own: whether a name is the service's own. Then a page is, too, whose origin is the host of the request.
    """

    def __init__(self, text: str, is_own: Callable[[str], bool]) -> None:
        self._listed = listed_origins(text)
        self._is_own = is_own

    def allow(self, origin: str | None, hosts: Sequence[str]) -> bool:
        """Whether a request may be served.

        Args:
            origin: its Origin header; None from what is no browser.
            hosts: where it was sent to: its Host header, and what a proxy says that this was.
        """
        if origin is None or "*" in self._listed or origin.lower() in self._listed:
            return True
        try:
            sent_by = urlsplit(origin)
            name = sent_by.hostname or ""
        except ValueError:
            return False
        return sent_by.netloc.lower() in map(str.lower, hosts) and self._is_own(name)


class Hosts:
    """The names under which the doors may be asked for.

    A hostile site can have its own name lead to this machine (DNS rebinding); what a browser then shows to its pages as
    theirs is this service's. Addresses cannot be led elsewhere.

    Args:
        text: names, with commas between them; `*` for every one.
        own: the name that the doors listen on.
        guarded: whether a key is asked for, which no hostile site has: then every name will do if none is listed.
    """

    def __init__(self, text: str, own: str, *, guarded: bool) -> None:
        listed = frozenset(entry for part in text.split(",") if (entry := _host_name(part.strip())))
        self._any = "*" in listed or (guarded and not listed)
        self._guarded = guarded
        self._known = listed | {"localhost", _host_name(own)}

    def allow(self, hosts: Sequence[str]) -> bool:
        """Whether a request may be served, by all hosts that it names. A browser always names one."""
        return self._any or all(map(self._is_known, map(_host_name, hosts)))

    def are_own(self, name: str) -> bool:
        """Whether no hostile site can be shown under a name as if it were this service."""
        return self._guarded or self._is_known(name)

    def _is_known(self, name: str) -> bool:
        return _is_address(name) or name in self._known


class Rates:
    """How many requests each client may still make: a token bucket each, full at a minute's worth.

    Args:
        per_minute: 0 for no limit.
        clock: seconds, monotonic; tests replace it.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Counts a request of `client`; returns 0, or in how many seconds to try again."""
        if not self._per_minute:
            return 0.0
        per_second = self._per_minute / 60
        now = self._clock()
        tokens, since = self._buckets.pop(client, (float(self._per_minute), now))
        tokens = min(float(self._per_minute), tokens + (now - since) * per_second)
        allowed = tokens >= 1
        self._buckets[client] = (tokens - allowed, now)
        if len(self._buckets) > _MAX_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / per_second


@dataclass(frozen=True)
class _Refusal:
    """Why a request is not served: `why` for the metrics, `status` over HTTP, `close_code` on a WebSocket."""

    why: str
    message: str
    status: int
    close_code: int
    retry_after_s: float | None = None


class Guard:
    """ASGI middleware: lets through what may be served, and answers the rest.

    Args:
        is_open: whether everybody may always use what a path leads to.
        needs_no_key: whether it is shown without a key too.
        errors_of: how a door tells its clients of a refusal, if it has a form of its own: on a WebSocket too, which
            is then never opened.
        signed_by: the number of the key that has signed a request's address; None where it is not signed. Raises
            SignatureError.

    For what it lets through, `scope["state"]["key"]` is the number of the key, None where none is asked for.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        metrics: Metrics,
        tickets: Tickets,
        is_open: Callable[[Scope], bool],
        needs_no_key: Callable[[Scope], bool],
        errors_of: Callable[[Scope], OwnErrors | None],
        signed_by: Callable[[Scope], int | None],
    ) -> None:
        self._app = app
        self._tickets = tickets
        self._metrics = metrics
        self._is_open = is_open
        self._needs_no_key = needs_no_key
        self._errors_of = errors_of
        self._signed_by = signed_by
        self._keys = Keys(settings.api_key)
        self._hosts = Hosts(settings.allowed_hosts, settings.http_host, guarded=self._keys.required)
        self._origins = Origins(settings.allowed_origins, self._hosts.are_own)
        self._rates = Rates(settings.requests_per_minute)
        self._max_in_work = settings.http_connections
        self._max_body_bytes = settings.max_message_bytes
        self._body_timeout_s = settings.hello_timeout_s
        self._in_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or connection."""
        if scope["type"] not in ("http", "websocket") or self._is_open(scope):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await self._refuse(refusal, scope, receive, send)
            return
        self._in_work += 1
        try:
            await self._app(scope, self._bounded(receive) if scope["type"] == "http" else receive, send)
        finally:
            self._in_work -= 1

    def _refusal(self, scope: Scope) -> _Refusal | None:
        headers = Headers(scope=scope)
        hosts = [*headers.getlist("host"), *forwarded_hosts(scope)]
        if not self._hosts.allow(hosts):
            message = "host refused: this name is none of the service's: see --allowed-hosts"
            return _Refusal("host", message, 403, _POLICY_VIOLATION)
        origin = headers.get("origin")
        if not self._origins.allow(origin, hosts):
            message = f"origin refused: {origin!a:.50} is not the service's own: see --allowed-origins"
            return _Refusal("origin", message, 403, _POLICY_VIOLATION)
        if self._in_work >= self._max_in_work:
            return _Refusal("connections", "too many connections", 503, _TRY_AGAIN_LATER, retry_after_s=1)
        key, forgery = self._key(scope), None
        if key is None and self._keys.required:
            try:
                key = self._signed_by(scope)
            except SignatureError as error:
                forgery = str(error)
        scope.setdefault("state", {})["key"] = key
        wait_s = self._rates.take(_address(scope) if key is None else f"key {key}")
        if wait_s:
            message = f"too many requests: try again in {math.ceil(wait_s)} s"
            return _Refusal("rate", message, 429, _TRY_AGAIN_LATER, retry_after_s=wait_s)
        if forgery is not None:
            return _Refusal("signature", forgery, 403, _POLICY_VIOLATION)
        if self._keys.required and key is None and not self._needs_no_key(scope):
            return _Refusal("key", "a valid API key is needed", 401, _POLICY_VIOLATION)
        if scope["type"] == "http" and _content_length(headers) > self._max_body_bytes:
            return self._too_large()
        return None

    def _key(self, scope: Scope) -> int | None:
        """The number of the key that a request shows, or has a ticket for; None without a valid one."""
        found = [self._keys.find(key) for key in keys.presented(scope)]
        found += [self._tickets.redeem(ticket) for ticket in keys.socket_query(scope, "ticket")]
        return next((number for number in found if number is not None), None)

    def _too_large(self) -> _Refusal:
        return _Refusal("size", f"a body has at most {self._max_body_bytes} bytes", 413, _POLICY_VIOLATION)

    async def _refuse(self, refusal: _Refusal, scope: Scope, receive: Receive, send: Send) -> None:
        self._metrics.requests_refused.labels(refusal.why).inc()
        explain(scope, refusal.message)
        errors = self._errors_of(scope)
        if errors is not None:
            refused = HTTPException(refusal.status, refusal.message, _headers(refusal))
            await errors.answer(scope, refused)(scope, receive, send)
            return
        if scope["type"] == "http":
            response = JSONResponse({"detail": refusal.message}, refusal.status, _headers(refusal))
            await response(scope, receive, send)
            return
        # Closed before it is accepted, the client would see no code but an HTTP status.
        await receive()
        await send({"type": "websocket.accept"})
        if refusal.close_code == _TRY_AGAIN_LATER:
            error = {"type": "error", "code": "busy", "message": refusal.message}
            await send({"type": "websocket.send", "text": json.dumps(error)})
        await send({"type": "websocket.close", "code": refusal.close_code, "reason": refusal.message})

    def _bounded(self, receive: Receive) -> Receive:
        """`receive` for a body that may be longer than it was told, and may never end."""
        size = 0
        whole = False
        deadline = anyio.current_time() + self._body_timeout_s

        async def receive_bounded() -> Message:
            nonlocal size, whole
            try:
                # What comes after the body is that the client goes, whenever that may be.
                with anyio.fail_after(None if whole else deadline - anyio.current_time()):
                    message = await receive()
            except TimeoutError:
                self._metrics.requests_refused.labels("time").inc()
                raise HTTPException(408, f"the body took longer than {self._body_timeout_s:g} s") from None
            size += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if size > self._max_body_bytes:
                refusal = self._too_large()
                self._metrics.requests_refused.labels(refusal.why).inc()
                raise HTTPException(refusal.status, refusal.message)
            return message

        return receive_bounded


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _content_length(headers: Headers) -> int:
    text = headers.get("content-length", "")
    return int(text) if text.isdecimal() else 0


def _host_name(host: str) -> str:
    """The name in a Host header, or the address without its brackets; empty where it is neither."""
    try:
        return (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _headers(refusal: _Refusal) -> dict[str, str]:
    headers = {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(refusal.retry_after_s))
    return headers
