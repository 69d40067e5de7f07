"""uvicorn's WebSocket, bounded in what one client can ask of the event loop and of the memory.

Everything here belongs to the event loop of the doors.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

MAX_FRAGMENTS = 1024
"""Frames that one message may come in; more close the connection. Empty ones would never reach its bound in bytes."""

# Small frames cost five to thirty microseconds each, and all that were read together hold up the loop.
_READ_BYTES = 512
# Who takes longer at once, in seconds, rests for so many times as long.
_DEAR_S = 0.0002
_REST = 9
_POLICY_VIOLATION = 1008


OnRefusal = Callable[[str, str, "tuple[str, int] | None"], None]
"""Told of a connection that is refused: what kind of refusal, why, and the peer's address."""


def rest_s(spent_s: float) -> float:
    """How long a client rests for whom the event loop has just worked so long, in seconds: it has a tenth at most."""
    return _REST * spent_s if spent_s > _DEAR_S else 0.0


class BoundedWebSocket(WebSocketsSansIOProtocol, asyncio.BufferedProtocol):
    """A WebSocket that has a tenth of the loop's time, keeps one answer to pings, and ends with its door.

    uvicorn's reads up to 256 KiB at once, keeps every answer that its client does not take, and waits for ever for a
    client that does not take what is left.

    Args:
        farewell_s: until a client that does not take what is left is cut, in seconds.
        on_refusal: told of connections that break the protocol.
    """

    def __init__(self, *args: Any, farewell_s: float, on_refusal: OnRefusal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._on_refusal = on_refusal
        self._farewell_s = farewell_s
        self._received = bytearray(_READ_BYTES)
        self._unsent_pong = b""

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where the transport puts what it reads next."""
        return self._received

    def buffer_updated(self, nbytes: int) -> None:
        """The transport has read something."""
        began = time.thread_time()
        self.data_received(bytes(self._received[:nbytes]))
        pause_s = rest_s(time.thread_time() - began)
        if pause_s:
            self.transport.pause_reading()
            self.loop.call_later(pause_s, self._read_on)

    def _read_on(self) -> None:
        if not self.read_paused:  # else its door has enough
            self.transport.resume_reading()

    def handle_connect(self, event: Request) -> None:
        """Answers the handshake."""
        super().handle_connect(event)
        if self.conn.handshake_exc is not None:
            self._on_refusal("protocol_error", str(self.conn.handshake_exc), self.client)

    async def send(self, message: Any) -> None:
        """Sends what the app says."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True  # an answer in place of a handshake, which uvicorn would report as a defect

    def handle_ping(self) -> None:
        """Answers pings; to a client that takes nothing, only the last one, as RFC 6455 (5.5.3) allows."""
        answers = self.conn.data_to_send()
        if not answers:
            return  # an earlier ping of the same piece has sent all
        if self.writable.is_set():
            self.transport.write(b"".join(answers))
        else:
            self._unsent_pong = answers[-1]

    def resume_writing(self) -> None:
        """The client takes something again."""
        super().resume_writing()
        pong, self._unsent_pong = self._unsent_pong, b""
        if pong and not self.close_sent:
            self.transport.write(pong)

    def handle_cont(self, event: Frame) -> None:
        """Takes the next fragment of a message."""
        if self.close_sent:
            return  # what was read together with the one too many
        if len(self.frames) >= MAX_FRAGMENTS:
            self.conn.fail(_POLICY_VIOLATION, f"a message has at most {MAX_FRAGMENTS} fragments")
            self.handle_parser_exception()
            return
        super().handle_cont(event)

    def handle_parser_exception(self) -> None:
        """Closes a connection that breaks the protocol, or that has failed."""
        if self.conn.close_sent is not None:
            self._on_refusal("protocol_error", self.conn.close_sent.reason, self.client)
        super().handle_parser_exception()
        # The door may be sending: for it the client is gone, which uvicorn would tell by a RuntimeError.
        self.disconnected = True

    async def run_asgi(self) -> None:
        """Serves the connection."""
        await super().run_asgi()
        self.loop.call_later(self._farewell_s, self.transport.abort)
