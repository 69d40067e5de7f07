"""`WS /calls/events`: what happens in calls, for whoever would have to ask again and again otherwise.

Subscribers only listen. One that falls behind is disconnected, and holds up nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import structlog
from fastapi import APIRouter, WebSocket

from telephony.endpoints.websocket import (
    TRY_AGAIN_LATER,
    Client,
    ClientStalledError,
    serving,
)
from telephony.listeners.call_events import CallEvents
from telephony.protocols.call_events import CallEvent
from telephony.protocols.messages import ErrorMessage
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics

if TYPE_CHECKING:  # it imports the package for it
    from telephony.endpoints.webhook import Webhook

log = structlog.get_logger()

DOOR = "call_events"
"""The name of this door in metrics."""

MAX_SUBSCRIBERS = 100
"""At once."""

MAX_WAITING = 256
"""Events that wait for one subscriber."""


class _Subscriber:
    """One client, in the event loop; `tell` is called by the thread that tells.

    Args:
        call_ids: of the calls that it wants to know of; empty for all.
    """

    def __init__(self, client: Client, call_ids: frozenset[str]) -> None:
        self._client = client
        self._call_ids = call_ids
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[CallEvent] = deque()
        self._changed = asyncio.Event()

    def tell(self, event: CallEvent) -> None:
        """Takes an event. Any thread; returns at once."""
        if self._call_ids and event.call_id not in self._call_ids:
            return
        try:
            self._loop.call_soon_threadsafe(self._take, event)
        except RuntimeError:
            if not self._loop.is_closed():  # else the client has gone with it
                raise

    async def serve(self) -> None:
        """Returns when the client is gone, or is too slow."""
        async with serving(self._client) as tasks:

            async def read() -> None:
                async for _ in self._client.messages():
                    pass  # nothing that it could say means anything
                tasks.cancel()

            tasks.start(read)
            tasks.start(self._send)

    def _take(self, event: CallEvent) -> None:
        if len(self._waiting) <= MAX_WAITING:
            self._waiting.append(event)
            self._changed.set()

    async def _send(self) -> None:
        while True:
            self._changed.clear()
            while self._waiting:
                if len(self._waiting) > MAX_WAITING:
                    raise ClientStalledError(f"{MAX_WAITING} events wait for it")
                await self._client.send(self._waiting.popleft())
            await self._changed.wait()


def router(events: CallEvents, settings: Settings, metrics: Metrics) -> APIRouter:
    """The route."""
    routes = APIRouter()
    subscribers: set[_Subscriber] = set()

    @routes.websocket("/calls/events")
    async def follow(socket: WebSocket) -> None:
        client = Client(socket, DOOR, settings.send_timeout_s, metrics)
        subscriber = _Subscriber(client, frozenset(socket.query_params.getlist("call_id")))
        if len(subscribers) >= MAX_SUBSCRIBERS:
            await socket.accept()
            await client.stays(lambda: _refuse(client))
            return
        subscribers.add(subscriber)
        unsubscribe = events.subscribe(subscriber.tell)  # first: whoever is let in misses nothing
        try:
            await socket.accept()
            with client.connected():
                await subscriber.serve()
        finally:
            unsubscribe()
            subscribers.remove(subscriber)
        await client.close(TRY_AGAIN_LATER, "too slow")

    return routes


async def _refuse(client: Client) -> None:
    await client.send(ErrorMessage("busy", f"{MAX_SUBSCRIBERS} subscribers are told of calls, which is the limit"))
    await client.close(TRY_AGAIN_LATER, "busy")


def open_webhook(settings: Settings, events: CallEvents, metrics: Metrics) -> Webhook | None:
    """What sends every event to `--events-url`; None without one."""
    if not settings.events_url:
        return None
    from telephony.endpoints.webhook import Webhook

    return Webhook(settings.events_url, settings.events_secret, events, metrics)
