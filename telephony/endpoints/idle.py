"""WebSocket clients who have nothing to hear: bounded in number and in time, so that they keep nobody out.

They hold a connection each, of which a door has so many at once. The next one is let in all the same, and takes the
connection of one who has never spoken, else of who has been idle for longest. Who holds a place of those who speak
besides, as a session does that has been started, is counted there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Literal

import structlog

from telephony.endpoints.websocket import TRY_AGAIN_LATER, Client, JsonMessage
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()

CROWDED_OUT = "others need this connection, on which nothing is said"
"""What a client is told whose connection another one takes."""

# Of all connections over HTTP and WebSocket, a door's idle ones have one in so many: others always find some free.
_CONNECTIONS_PER_IDLE = 4
_GOING_AWAY = 1001


class Presence:
    """One client. Made by `IdleClients.watch`; idle from the first `rest` on.

    `has_spoken`: whether it ever had something to hear. `cut_because` is None until the client is to go: it was idle
    for too long (`time`), or makes room (`number`).
    """

    def __init__(self, clients: IdleClients, cut: Callable[[], None]) -> None:
        self.has_spoken = False
        self.cut_because: Literal["time", "number"] | None = None
        self._clients = clients
        self._cut = cut
        self._overdue: asyncio.TimerHandle | None = None

    def rest(self) -> None:
        """It has nothing to hear from now on."""
        self.resume()
        self._clients.take(self)
        self._overdue = self._clients.end_of_time(self)

    def pause(self) -> None:
        """As `rest`, of a client that holds a place of those who speak: nobody else needs its connection."""
        self.resume()
        self._overdue = self._clients.end_of_time(self)

    def resume(self) -> None:
        """It is not idle for now: it has sent a message."""
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None
            self._clients.forget(self)

    def speak(self) -> None:
        """It has something to hear, until the next `rest`."""
        self.has_spoken = True
        self.resume()

    def cut(self, why: Literal["time", "number"]) -> None:
        """Called by the door's idle clients: it has to go."""
        self.resume()
        self.cut_because = why
        self._cut()

    async def dismiss(self, client: Client, busy: JsonMessage) -> None:
        """Closes the connection of a client that was cut; nothing if it was not.

        Args:
            busy: what a client that makes room is told.

        Raises:
            ClientGoneError: it cannot be told.
        """
        if self.cut_because is not None:
            log.info("idle_client_closed", **client.named, why=self.cut_because)
        if self.cut_because == "number":
            await client.send(busy)
            await client.close(TRY_AGAIN_LATER, "busy")
        elif self.cut_because == "time":
            await client.close(_GOING_AWAY, "idle")


class IdleClients:
    """Those of one door. Used in its event loop.

    Args:
        door: its name in metrics.
    """

    def __init__(self, door: str, settings: Settings, metrics: Metrics) -> None:
        self._door = door
        self._metrics = metrics
        self._max_clients = max(1, settings.http_connections // _CONNECTIONS_PER_IDLE)
        self._timeout_s = settings.idle_timeout_s
        # In the order in which they came to rest.
        self._idle: dict[Presence, None] = {}

    @contextlib.contextmanager
    def watch(self, cut: Callable[[], None]) -> Iterator[Presence]:
        """The presence of a client. `cut` ends what serves it; called in the event loop, once at most."""
        presence = Presence(self, cut)
        try:
            yield presence
        finally:
            presence.resume()

    def take(self, presence: Presence) -> None:
        """Called by a presence: it is idle and counts. Makes room for it before."""
        if len(self._idle) >= self._max_clients:
            self._close(min(self._idle, key=lambda each: each.has_spoken), "number")
        self._idle[presence] = None

    def end_of_time(self, presence: Presence) -> asyncio.TimerHandle:
        """Called by a presence: it is to go unless this is cancelled before."""
        return asyncio.get_running_loop().call_later(self._timeout_s, self._close, presence, "time")

    def forget(self, presence: Presence) -> None:
        """Called by a presence: it is not idle any more."""
        self._idle.pop(presence, None)

    def _close(self, presence: Presence, why: Literal["time", "number"]) -> None:
        self._metrics.idle_clients_closed.labels(self._door, why).inc()
        presence.cut(why)
