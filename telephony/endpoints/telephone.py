"""The telephone host's two endpoints, TCP and UDP: taken and left together, as `--piper external` wants it.

The ports are bound before anybody is let in, so that a taken one is known at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from telephony.endpoints.tcp import TextEndpointPolicy, TextServer
from telephony.endpoints.udp import RegistrationServer
from telephony.listeners.call import Call
from telephony.listeners.calls import CallRegistry
from telephony.protocols import telephone
from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()


class TelephoneEndpoints:
    """Both endpoints. Any thread.

    Args:
        host: the address to listen on.
        ports: for TCP and UDP; 0 lets the system choose, once.
        on_sent: called when there is room for more audio on a reply socket.
        on_hello: called with the call of each HELLO.
        receive: does what a datagram from a host says.
    """

    def __init__(
        self,
        host: str,
        ports: tuple[int, int],
        calls: CallRegistry,
        policy: TextEndpointPolicy,
        metrics: Metrics,
        *,
        on_sent: Callable[[], None],
        on_hello: Callable[[Call], None] | None,
        receive: Callable[[telephone.Datagram, str], None],
    ) -> None:
        self.tcp_port, self.udp_port = ports
        self._host = host
        self._calls = calls
        self._policy = policy
        self._metrics = metrics
        self._on_sent = on_sent
        self._on_hello = on_hello
        self._receive = receive
        self._lock = threading.Lock()
        self._bound: tuple[TextServer, RegistrationServer] | None = None

    @property
    def bound(self) -> bool:
        """Whether the ports are held."""
        return self._bound is not None

    def bind(self) -> None:
        """Takes the ports; clients queue in the kernel.

        Raises:
            OSError: another has one of them.
        """
        with self._lock:
            self._bound = self._bind()

    def open(self) -> None:
        """Takes the ports, unless they are held, and lets clients in.

        Raises:
            OSError: another has one of them.
        """
        with self._lock:
            if self._bound is None:
                self._bound = self._bind()
            text, registration = self._bound
            if not text.listening:
                text.listen()
                registration.listen()
                log.info("doors_open", tcp_port=self.tcp_port, udp_port=self.udp_port)

    def release(self, drain_timeout_s: float) -> None:
        """Leaves the ports to another service: at once for newcomers; calls in progress finish what was accepted."""
        taken = self._take()
        if taken is None:
            return
        text, registration = taken
        text.stop_accepting()
        registration.close()
        log.info("doors_released", tcp_port=self.tcp_port, udp_port=self.udp_port)
        self._calls.drain(drain_timeout_s)
        self._calls.end_all()
        text.close()

    def close(self, drain: Callable[[], None], end_calls: Callable[[], None]) -> None:
        """Ends both for good.

        Args:
            drain: called when no newcomer is let in any more; datagrams still come.
            end_calls: called then, before connections are closed.
        """
        taken = self._take()
        if taken is not None:
            taken[0].stop_accepting()
        drain()
        if taken is not None:
            taken[1].close()
        end_calls()
        if taken is not None:
            taken[0].close()

    def abandon(self) -> None:
        """Leaves ports that were bound and never opened."""
        taken = self._take()
        if taken is not None:
            for server in taken:
                server.server_close()

    def _take(self) -> tuple[TextServer, RegistrationServer] | None:
        with self._lock:
            taken, self._bound = self._bound, None
        return taken

    def _bind(self) -> tuple[TextServer, RegistrationServer]:
        text = TextServer(
            (self._host, self.tcp_port),
            self._calls,
            self._policy,
            self._metrics,
            self._on_sent,
            on_hello=self._on_hello,
        )
        try:
            registration = RegistrationServer((self._host, self.udp_port), self._receive, self._metrics)
        except OSError:
            text.server_close()
            raise
        self.tcp_port, self.udp_port = text.port, registration.port
        return text, registration
