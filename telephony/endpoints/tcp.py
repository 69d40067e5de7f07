"""The text door: TCP 8090, where the telephone host connects and sends text.

One thread reads each connection; the reply sink's thread writes it. A broken frame ends its connection only.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from telephony import wire
from telephony.calls import Call, CallRegistry, TooManyCallsError
from telephony.endpoints.listening import PAUSE_S, Shortage
from telephony.lanes import LaneClosedError
from telephony.metrics import Metrics
from telephony.sinks import ReplySink, SinkLimits

log = structlog.get_logger()

_RECEIVE_BYTES = 64 * 1024
_SHUTDOWN_POLL_S = 0.1


@dataclass(frozen=True)
class TextDoorPolicy:
    """`max_connections` at once; `hello_timeout_s` until HELLO must be complete; how replies are sent."""

    max_connections: int
    hello_timeout_s: float
    stream: bool
    limits: SinkLimits


class TextServer(socketserver.ThreadingTCPServer):
    """Accepts text connections. They queue in the kernel from the first moment on, and are served from `listen` on.

    Raises:
        OSError: the port cannot be bound.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(
        self,
        address: tuple[str, int],
        calls: CallRegistry,
        policy: TextDoorPolicy,
        metrics: Metrics,
        wake: Callable[[], None],
    ) -> None:
        self.calls = calls
        self.policy = policy
        self.metrics = metrics
        self.wake = wake
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._connections_lock = threading.Lock()
        self._acceptor: threading.Thread | None = None
        self._shortage = Shortage("text")
        super().__init__(address, _TextConnection)

    @property
    def port(self) -> int:
        """The port in use, also where 0 was asked for."""
        return int(self.socket.getsockname()[1])

    @property
    def listening(self) -> bool:
        """Whether connections are served."""
        return self._acceptor is not None

    def listen(self) -> None:
        """Starts to serve, in a thread of its own."""
        self._acceptor = threading.Thread(target=self.serve_forever, args=(_SHUTDOWN_POLL_S,), name="text-door")
        self._acceptor.start()

    def stop_accepting(self) -> None:
        """Releases the port. Connections that are open go on."""
        if self._acceptor is not None:
            self.shutdown()
            self._acceptor.join()
            self._acceptor = None
        self.server_close()

    def close(self) -> None:
        """Releases the port, cuts every connection and joins their threads."""
        self.stop_accepting()
        with self._connections_lock:
            connections = dict(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):  # it is gone already
                connection.shutdown(socket.SHUT_RDWR)
        for thread in connections.values():
            thread.join()

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next connection. Without a descriptor for it, waits a moment: the loop would ask at once, for ever."""
        try:
            accepted = super().get_request()
        except OSError as error:
            if self._shortage.begins(error):
                time.sleep(PAUSE_S)
            raise
        self._shortage.ends()
        return accepted

    def verify_request(self, request: object, client_address: object) -> bool:
        """Refuses a connection over the bound."""
        if len(self._connections) < self.policy.max_connections:
            return True
        self.metrics.connections_refused.inc()
        log.warning("connection_refused", limit=self.policy.max_connections)
        return False

    def handle_error(self, request: object, client_address: object) -> None:
        """An unforeseen failure of one connection: logged with its trace; the others go on."""
        log.exception("connection_failed")

    def register_connection(self, connection: socket.socket) -> None:
        """Called by a connection's thread when it begins."""
        with self._connections_lock:
            self._connections[connection] = threading.current_thread()

    def unregister_connection(self, connection: socket.socket) -> None:
        """Called by a connection's thread when it ends."""
        with self._connections_lock:
            self._connections.pop(connection, None)


class _TextConnection(socketserver.BaseRequestHandler):
    request: socket.socket
    server: TextServer

    def setup(self) -> None:
        self.server.register_connection(self.request)
        self.server.metrics.connections.inc()
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A host whose machine has vanished leaves no FIN; idle connections may be hours old.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._call: Call | None = None
        self._reply: ReplySink | None = None

    def handle(self) -> None:
        decoder = wire.TextDecoder()
        hello_due = time.monotonic() + self.server.policy.hello_timeout_s
        try:
            while data := self._receive(hello_due):
                decoder.receive(data)
                for event in decoder.events():
                    if isinstance(event, wire.Hello):
                        self._greet(event.call_id)
                    elif self._call is None or self._reply is None:
                        return  # BYE without HELLO
                    elif isinstance(event, wire.Text):
                        self.server.calls.say(self._call, self._reply, event.text)
                    else:
                        self.server.calls.finish(self._call, self._reply)
                        return
        except wire.WireError as error:
            self.server.metrics.wire_errors.inc()
            log.warning("frame_broken", call=self._call_id, error=str(error))
        except (TooManyCallsError, LaneClosedError) as error:
            log.warning("text_refused", call=self._call_id, error=str(error))
        except OSError as error:
            if isinstance(error, TimeoutError) and self._call is None:
                self.server.metrics.hellos_overdue.inc()
                log.warning("hello_overdue", timeout_s=self.server.policy.hello_timeout_s)
                return
            log.debug("connection_lost", call=self._call_id, error=str(error))

    def finish(self) -> None:
        if self._call is not None and self._reply is not None:
            self.server.calls.detach(self._call, self._reply)
            self._reply.close()
            log.info("disconnected", call=self._call_id)
        self.server.unregister_connection(self.request)

    @property
    def _call_id(self) -> str | None:
        return self._call.call_id if self._call is not None else None

    def _receive(self, hello_due: float) -> bytes:
        """The next bytes; empty at the end. Until HELLO there is a deadline, however slowly bytes trickle in."""
        if self._call is None:
            self.request.settimeout(max(0.001, hello_due - time.monotonic()))
        return self.request.recv(_RECEIVE_BYTES)

    def _greet(self, call_id: str) -> None:
        def make_reply(call: Call) -> ReplySink:
            return ReplySink(
                self.request,
                call,
                stream=self.server.policy.stream,
                limits=self.server.policy.limits,
                on_room=self.server.wake,
                on_broken=self._broken,
                metrics=self.server.metrics,
            )

        self.request.settimeout(None)
        self._call, self._reply = self.server.calls.connect(call_id, make_reply)
        log.info("connected", call=call_id)

    def _broken(self) -> None:
        """The reply cannot be written: the peer is gone, whatever the reading half still believes."""
        if self._call is not None and self._reply is not None:
            self.server.calls.detach(self._call, self._reply)
