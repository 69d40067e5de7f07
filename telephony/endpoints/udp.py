"""The registration door: UDP 13001, where audio processors say that they listen, and that a call has ended."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable
from typing import Any

import structlog

from telephony.listeners.calls import REGISTRATION
from telephony.protocols import telephone
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.refusals import peer_name

log = structlog.get_logger()

_SHUTDOWN_POLL_S = 0.1
# Room for a burst of datagrams in the kernel, as much of it as the system grants: what finds none is lost.
_RECEIVE_BUFFER_BYTES = 4 << 20


class RegistrationServer(socketserver.UDPServer):
    """Receives registration datagrams, in one thread. Bound at once; heard from `listen` on.

    `receive` gets each in that thread, with the address that it came from.

    Raises:
        OSError: the port cannot be bound.
    """

    max_packet_size = 2048

    def __init__(
        self, address: tuple[str, int], receive: Callable[[telephone.Datagram, str], None], metrics: Metrics
    ) -> None:
        self.receive = receive
        self.metrics = metrics
        self._thread: threading.Thread | None = None
        super().__init__(address, _Datagram)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)

    @property
    def port(self) -> int:
        """The port in use, also where 0 was asked for."""
        return int(self.socket.getsockname()[1])

    def listen(self) -> None:
        """Starts to receive, in a thread of its own."""
        self._thread = threading.Thread(target=self.serve_forever, args=(_SHUTDOWN_POLL_S,), name="registration-door")
        self._thread.start()

    def close(self) -> None:
        """Releases the port and joins the thread."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
            self._thread = None
        self.server_close()

    def handle_error(self, request: object, client_address: Any) -> None:
        """An unforeseen failure of one datagram: logged with its trace; the door stays open."""
        log.exception("datagram_failed", door=REGISTRATION, peer=peer_name(client_address))


class _Datagram(socketserver.BaseRequestHandler):
    server: RegistrationServer

    def handle(self) -> None:
        data, _ = self.request
        datagram = telephone.decode_datagram(data)
        if datagram is not None:
            self.server.receive(datagram, self.client_address[0])
        else:
            self.server.metrics.datagrams_ignored.inc()
            log.debug("datagram_ignored", door=REGISTRATION, peer=peer_name(self.client_address), size_bytes=len(data))
