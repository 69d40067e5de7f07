"""One-time tickets, which a browser's WebSocket shows in place of the key.

It has no headers of its own, and proxies log addresses, some of them subprotocols too. A ticket that somebody reads
there opens nothing any more. Everything here belongs to the event loop of the doors.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

LIFETIME_S = 30.0
"""Of a ticket that nobody shows, in seconds."""

MAX_TICKETS = 10_000
"""At once; the oldest make room."""


class Tickets:
    """The tickets that nobody has shown yet.

    Args:
        clock: seconds, monotonic; tests replace it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._valid: OrderedDict[str, tuple[int | None, float]] = OrderedDict()

    def issue(self, key: int | None) -> str:
        """A new ticket for whoever has shown that key; None where no key is asked for."""
        ticket = secrets.token_urlsafe(24)
        self._valid[ticket] = (key, self._clock() + LIFETIME_S)
        if len(self._valid) > MAX_TICKETS:
            self._valid.popitem(last=False)
        return ticket

    def redeem(self, ticket: str) -> int | None:
        """The key that a ticket stands for, once; None for one that is unknown, used or too old."""
        key, expires_at = self._valid.pop(ticket, (None, 0.0))
        return key if self._clock() < expires_at else None


class Ticket(BaseModel):
    """A ticket for one WebSocket: `?ticket=...` within `expires_s` seconds."""

    ticket: str
    expires_s: float


def router(tickets: Tickets) -> APIRouter:
    """The route that gives them out, to who shows a key in a header."""
    routes = APIRouter(tags=["tickets"])

    @routes.post("/v1/tickets")
    async def issue(request: Request) -> Ticket:
        """A ticket in place of the key for one WebSocket, for browsers, which cannot give it headers."""
        return Ticket(ticket=tickets.issue(getattr(request.state, "key", None)), expires_s=LIFETIME_S)

    return routes
