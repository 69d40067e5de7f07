"""What a reverse proxy says of a request that it passes on: whose it is, by which scheme, and for which host."""

from __future__ import annotations

from typing import Any, cast

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_HOSTS = "forwarded_hosts"


class ForwardedHeaders:
    """ASGI middleware: uvicorn's for X-Forwarded-For and -Proto, and the same for X-Forwarded-Host.

    Args:
        trusted: addresses and networks of the proxies that are believed, with commas; `*` for all.
    """

    def __init__(self, app: ASGIApp, trusted: str) -> None:
        self._uvicorns = ProxyHeadersMiddleware(cast(Any, app), trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or connection."""
        client = scope.get("client")
        if client is not None and client[0] in self._uvicorns.trusted_hosts:
            said = Headers(scope=scope).getlist("x-forwarded-host")
            hosts = [host.strip() for value in said for host in value.split(",")]
            scope.setdefault("state", {})[_HOSTS] = hosts
        await self._uvicorns(cast(Any, scope), cast(Any, receive), cast(Any, send))


def forwarded_hosts(scope: Scope) -> list[str]:
    """The hosts that the trusted proxies in between were asked for."""
    hosts: list[str] = scope.get("state", {}).get(_HOSTS, [])
    return hosts
