"""TCP connections of a door on HTTP's event loop: bounded in number, each served by a task, all ended together."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import structlog

from telephony.endpoints.listening import Listener
from telephony.telemetry.refusals import peer_name

log = structlog.get_logger()

# Of the kernel, for each connection: about a second at the usual rates. Who takes nothing is noticed, and hears nothing
# old afterwards.
_SEND_BUFFER_BYTES = 32_768
_GOODBYE_S = 1.0


def bind(host: str, port: int, door: str) -> socket.socket:
    """A listening socket: clients queue in the kernel from this moment on.

    Args:
        port: 0 lets the system choose.
        door: its name in the log.

    Raises:
        OSError: the port cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    # Connections inherit all of these.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return Listener(listener, door)


class Connections:
    """Those of one door.

    Args:
        door: its name in the log.
        max_connections: at once; one more is refused and closed.
        answer: serves a connection, which is closed when it returns or raises.
        refuse: told of one too many: the writer, and why.
        read_bytes: how much of what a peer sends may wait here before it is held up.
    """

    def __init__(
        self,
        door: str,
        max_connections: int,
        answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
        refuse: Callable[[asyncio.StreamWriter, str], None],
        *,
        read_bytes: int,
    ) -> None:
        self._door = door
        self._max_connections = max_connections
        self._answer = answer
        self._refuse = refuse
        self._read_bytes = read_bytes
        self._open: dict[asyncio.Task[None], anyio.CancelScope] = {}

    @contextlib.asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[None]:
        """Serves a listening socket inside the context; at its end every connection is cut. Closes the socket."""
        server = await asyncio.start_server(self._serve, sock=listener, limit=self._read_bytes)
        try:
            yield
        finally:
            server.close()
            # Their scopes, not the tasks: asyncio would log each task that is cancelled.
            for scope in self._open.values():
                scope.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte to its last."""
        task = asyncio.current_task()
        assert task is not None
        try:
            with anyio.CancelScope() as self._open[task]:
                if len(self._open) > self._max_connections:
                    self._refuse(writer, f"{self._max_connections} connections are open, which is the limit")
                else:
                    await self._answer(reader, writer)
        except OSError as error:
            log.debug("connection_lost", door=self._door, peer=peer_of(writer), error=str(error))
        except Exception:
            log.exception("connection_failed", door=self._door, peer=peer_of(writer))
        finally:
            writer.close()
            with anyio.move_on_after(_GOODBYE_S, shield=True), contextlib.suppress(OSError):  # it is gone already
                await writer.wait_closed()
            writer.transport.abort()
            self._open.pop(task, None)


def peer_of(writer: asyncio.StreamWriter) -> str | None:
    """Whose connection this is, for the log."""
    return peer_name(writer.get_extra_info("peername"))
