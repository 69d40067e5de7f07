"""The text door: TCP 8090, where the telephone host connects and sends text.

One thread reads each connection; the reply sink's thread writes it. A broken frame ends its connection only.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from telephony.endpoints.listening import PAUSE_S, Shortage
from telephony.listeners.call import Call
from telephony.listeners.calls import CallRegistry, TooManyCallsError
from telephony.listeners.reply_sink import ReplySink
from telephony.listeners.sinks import SinkLimits, limit_wait
from telephony.protocols import proxy, telephone
from telephony.protocols.telephone import HttpRequestError
from telephony.scheduling.queues import QueueClosedError
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.refusals import peer_name, refused

log = structlog.get_logger()

_RECEIVE_BYTES = 64 * 1024
# A longer text needs a place in LARGE_TEXT_BYTES while it is on its way in.
_SMALL_TEXT_BYTES = 256 * 1024
LARGE_TEXT_BYTES = 64 * 1024 * 1024
"""Of large texts on their way in, over all connections."""
_SHUTDOWN_POLL_S = 0.1

DOOR = "text"
"""The name of this door in the log."""


@dataclass(frozen=True)
class TextEndpointPolicy:
    """What all connections share.

    Attributes:
        max_connections: at once.
        hello_timeout_s: until HELLO, or a text that has begun, must be complete.
        stream, limits: how replies are sent.
        http_port: that of the HTTP endpoints, for a client that has taken this one for them.
        balancers: whose connections begin with a PROXY line.
    """

    max_connections: int
    hello_timeout_s: float
    stream: bool
    limits: SinkLimits
    http_port: int | None
    balancers: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()


class _Places:
    """Bytes that are given away, over all connections. Any thread."""

    def __init__(self, total_bytes: int) -> None:
        self._left_bytes = total_bytes
        self._changed = threading.Condition()
        self._closed = False

    def take(self, count_bytes: int, timeout_s: float) -> bool:
        """Waits for so many; False if that took longer than `timeout_s`, or the door was closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._left_bytes >= count_bytes, timeout_s)
            if self._closed or self._left_bytes < count_bytes:
                return False
            self._left_bytes -= count_bytes
            return True

    def give_back(self, count_bytes: int) -> None:
        """So many are free again."""
        with self._changed:
            self._left_bytes += count_bytes
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody waits any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class TextServer(socketserver.ThreadingTCPServer):
    """Accepts text connections. They queue in the kernel from the first moment on, and are served from `listen` on.

    `on_hello`, if given, is called with the call of each HELLO, in the connection's thread, before its first text.

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
        policy: TextEndpointPolicy,
        metrics: Metrics,
        wake: Callable[[], None],
        *,
        on_hello: Callable[[Call], None] | None = None,
    ) -> None:
        self.calls = calls
        self.policy = policy
        self.metrics = metrics
        self.wake = wake
        self.on_hello = on_hello
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._connections_lock = threading.Lock()
        self._acceptor: threading.Thread | None = None
        self.large_texts = _Places(LARGE_TEXT_BYTES)
        self._shortage = Shortage(DOOR)
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
        self.large_texts.close()
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

    def verify_request(self, request: object, client_address: Any) -> bool:
        """Refuses a connection over the bound."""
        if len(self._connections) < self.policy.max_connections:
            return True
        self.metrics.connections_refused.inc()
        why = f"{self.policy.max_connections} connections are open, which is the limit"
        refused(self.metrics, DOOR, "connection_refused", why, peer_name(client_address))
        return False

    def handle_error(self, request: object, client_address: Any) -> None:
        """An unforeseen failure of one connection: logged with its trace; the others go on."""
        log.exception("connection_failed", door=DOOR, peer=peer_name(client_address))

    def register_connection(self, connection: socket.socket) -> None:
        """Called by a connection's thread when it begins."""
        with self._connections_lock:
            self._connections[connection] = threading.current_thread()

    def unregister_connection(self, connection: socket.socket) -> None:
        """Called by a connection's thread when it ends."""
        with self._connections_lock:
            self._connections.pop(connection, None)


def with_port(error: telephone.WireError, http_port: int | None) -> str:
    """What is wrong with a connection, and where its client wanted to go, as far as that can be told."""
    if not isinstance(error, HttpRequestError) or http_port is None:
        return str(error)
    return f"{error}: the HTTP port is {http_port}"


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
        self._place_bytes = 0

    def handle(self) -> None:
        decoder = telephone.TextDecoder()
        due = time.monotonic() + self.server.policy.hello_timeout_s
        try:
            self._host = self._source(due)
            while data := self._receive(due if self._call is None or decoder.unfinished_bytes else None):
                begun = decoder.unfinished_bytes > 0
                decoder.receive(data)
                for event in decoder.events():
                    begun = False
                    self._leave_place()
                    if isinstance(event, telephone.Hello):
                        self._greet(event.call_id)
                    elif self._call is None or self._reply is None:
                        return  # BYE without HELLO
                    elif isinstance(event, telephone.Text):
                        if not self.server.calls.say(self._call, self._reply, event.text):
                            self._refused("text_refused", "the service is stopping")
                    else:
                        self.server.calls.finish(self._call, self._reply)
                        return
                due = due if begun or self._call is None else time.monotonic() + self.server.policy.hello_timeout_s
                self._take_place(decoder.unfinished_bytes, due)
        except telephone.WireError as error:
            self.server.metrics.wire_errors.inc()
            self._refused("protocol_error", with_port(error, self.server.policy.http_port))
        except (TooManyCallsError, QueueClosedError) as error:
            self._refused("text_refused", str(error))
        except TimeoutError:
            hello = self._call is None
            (self.server.metrics.hellos_overdue if hello else self.server.metrics.wire_errors).inc()
            what = "no whole HELLO" if hello else "no whole text"
            why = f"{what} within {self.server.policy.hello_timeout_s:g} s"
            self._refused("hello_overdue" if hello else "text_overdue", why)
        except OSError as error:
            log.debug("connection_lost", door=DOOR, peer=self._peer, call=self._call_id, error=str(error))

    def finish(self) -> None:
        if self._call is not None and self._reply is not None:
            self.server.calls.detach(self._call, self._reply)
            self._reply.close()
            log.info("disconnected", door=DOOR, peer=self._peer, call=self._call_id)
        self._leave_place()
        self.server.unregister_connection(self.request)

    @property
    def _call_id(self) -> str | None:
        return self._call.call_id if self._call is not None else None

    @property
    def _peer(self) -> str | None:
        return peer_name(self.client_address)

    def _refused(self, code: str, why: str) -> None:
        refused(self.server.metrics, DOOR, code, why, self._peer, call=self._call_id)

    def _source(self, due: float) -> str:
        """The address of the client. Raises OSError, TimeoutError, WireError if a balancer does not name it."""
        peer = ipaddress.ip_address(self.client_address[0])
        if not any(peer in network for network in self.server.policy.balancers):
            return str(peer)
        line = b""
        while proxy.may_become_a_line(line):
            byte = self._receive(due, 1)  # what follows the line is the client's
            if not byte:
                raise ConnectionResetError("closed before its PROXY line")
            line += byte
        return proxy.source(line)

    def _receive(self, due: float | None, limit_bytes: int = _RECEIVE_BYTES) -> bytes:
        """The next bytes; empty at the end. Raises TimeoutError if none have come by `due`, on the monotonic clock."""
        left_s = 0.0 if due is None else due - time.monotonic()
        if due is not None and left_s <= 0:
            raise TimeoutError("overdue")
        limit_wait(self.request, socket.SO_RCVTIMEO, left_s)
        try:
            return self.request.recv(limit_bytes)
        except BlockingIOError:
            raise TimeoutError("overdue") from None

    def _take_place(self, text_bytes: int, due: float) -> None:
        """Waits until a large text may come in. Raises TimeoutError."""
        if text_bytes > _SMALL_TEXT_BYTES and not self._place_bytes:
            if not self.server.large_texts.take(text_bytes, due - time.monotonic()):
                raise TimeoutError("no place for a large text")
            self._place_bytes = text_bytes

    def _leave_place(self) -> None:
        if self._place_bytes:
            self.server.large_texts.give_back(self._place_bytes)
            self._place_bytes = 0

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

        self._call, self._reply = self.server.calls.connect(call_id, make_reply, self._host)
        log.info("connected", door=DOOR, peer=self._peer, call=call_id)
        if self.server.on_hello is not None:
            self.server.on_hello(self._call)

    def _broken(self) -> None:
        """The reply cannot be written: the peer is gone, whatever the reading half still believes."""
        if self._call is not None and self._reply is not None:
            self.server.calls.detach(self._call, self._reply)
