"""The registration door: UDP 13001, where audio processors say that they listen, and that a call has ended."""

from __future__ import annotations

import socket
import socketserver
import threading
from typing import Any

import structlog

from telephony.listeners.calls import CallRegistry
from telephony.protocols import telephone
from telephony.scheduling.queues import QueueClosedError
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.refusals import peer_name, refused

log = structlog.get_logger()

_SHUTDOWN_POLL_S = 0.1
_DOOR = "registration"
# Room for a burst of datagrams in the kernel, as much of it as the system grants: what finds none is lost.
_RECEIVE_BUFFER_BYTES = 4 << 20


class RegistrationServer(socketserver.UDPServer):
    """Receives registration datagrams, in one thread. Bound at once; heard from `listen` on.

    Raises:
        OSError: the port cannot be bound.
    """

    max_packet_size = 2048

    def __init__(self, address: tuple[str, int], calls: CallRegistry, metrics: Metrics) -> None:
        self.calls = calls
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
        log.exception("datagram_failed", door=_DOOR, peer=peer_name(client_address))


class _Datagram(socketserver.BaseRequestHandler):
    server: RegistrationServer

    def handle(self) -> None:
        data, _ = self.request
        message = telephone.decode_datagram(data)
        match message:
            case telephone.Register(call_id):
                self._register(call_id)
            case telephone.Goodbye(call_id):
                known = self.server.calls.end(call_id)
                log.info("call_ended", door=_DOOR, peer=self._peer, call=call_id, known=known)
            case telephone.Cancel(call_id):
                known = self.server.calls.interrupt(call_id)
                log.info("call_interrupted", door=_DOOR, peer=self._peer, call=call_id, known=known)
            case None:
                self.server.metrics.datagrams_ignored.inc()
                log.debug("datagram_ignored", door=_DOOR, peer=self._peer, size_bytes=len(data))

    @property
    def _peer(self) -> str | None:
        return peer_name(self.client_address)

    def _register(self, call_id: str) -> None:
        try:
            accepted = self.server.calls.register(call_id)
        except QueueClosedError as error:
            self._refused(call_id, str(error))
            return
        if accepted:
            log.info("registered", door=_DOOR, peer=self._peer, call=call_id)
        else:
            self._refused(call_id, "no place for another call, or no such port")

    def _refused(self, call_id: str, why: str) -> None:
        refused(self.server.metrics, _DOOR, "registration_refused", why, self._peer, call=call_id)
