"""Audio to the call's audio processor, on a connection that is made again when it is lost."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

import structlog

from telephony.listeners.connector import Connector
from telephony.listeners.sinks import Gate, SinkLimits, divide, limit_wait
from telephony.protocols import telephone
from telephony.scheduling.queues import Window
from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()

CONNECT_DELAYS_S = (0.2,) + (1.0,) * 8
"""Pauses between the ten tries to reach an audio processor: the first after 200 ms, then a second each."""

_STABLE_S = 1.0
# Audio in the kernel's buffer can neither be cancelled nor resent: keep little there (about a second).
_SEND_BUFFER_BYTES = 128 * 1024
_SEND_POLL_S = 1.0


class ProcessorSink:
    """Audio to the call's audio processor, window by window, on a connection that a `Connector` makes and makes again.

    A window that was not sent whole waits for the next connection. The writer thread begins with the first connection.
    When the tries are used up, or the writer ends for whatever reason, `on_lost` is called, once, by the thread that
    has noticed it; not after `close`.
    """

    def __init__(
        self,
        address: tuple[str, int],
        gate: Gate,
        *,
        connector: Connector,
        limits: SinkLimits,
        on_room: Callable[[], None],
        on_lost: Callable[[ProcessorSink], None],
        metrics: Metrics,
    ) -> None:
        self.gate = gate
        self.address = address
        self._connector = connector
        self._limits = limits
        self._on_room = on_room
        self._on_lost = on_lost
        self._metrics = metrics
        self._changed = threading.Condition()
        self._windows: deque[Window] = deque()
        self._queued_s = 0.0
        self._closed = False
        self._says_end = True
        self._gave_up = False
        self._registered_again = False
        self._delays = iter(CONNECT_DELAYS_S)
        self._connection: socket.socket | None = None
        self._connected_at = 0.0
        self._writer: threading.Thread | None = None

    def start(self) -> bool:
        """Begins to connect. False if that cannot be: this sink is of no use then."""
        return self._connector.add(self)

    def has_room(self) -> bool:
        """Whether another window fits."""
        return self._closed or self._queued_s < self._limits.buffer_s

    def write(self, window: Window) -> None:
        """Takes a window for the processor."""
        with self._changed:
            if self._closed:
                self._drop(window, "closed")
                return
            for piece in divide(window.samples):
                self._windows.append(Window(piece, window.sample_rate, window.epoch, window.end_of_text))
            self._queued_s += window.duration_s
            self._changed.notify_all()

    def take_unsent(self) -> list[Window]:
        """Takes back what has not left, in order."""
        with self._changed:
            unsent = list(self._windows)
            self._windows.clear()
            self._queued_s = 0.0
            self._changed.notify_all()
        return unsent

    def retry_now(self) -> None:
        """The processor has just said that it listens: it deserves all its tries, the first of them now."""
        with self._changed:
            self._delays = iter(CONNECT_DELAYS_S)
            self._registered_again = not self._connector.hurry(self)

    def wait_sent(self, timeout_s: float) -> bool:
        """Waits until every window has left; False if that took longer than `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._windows, timeout_s)
            return not self._windows

    def close(self, *, says_end: bool = True) -> None:
        """Drops what was not sent; the writer sends the end of audio and hangs up. Returns at once.

        Without `says_end` it only hangs up: the call goes on elsewhere.
        """
        with self._changed:
            self._closed = True
            self._says_end = says_end
            self._changed.notify_all()
            writer = self._writer
        self._connector.discard(self)
        if writer is None:
            self._drop_all()

    @property
    def running(self) -> bool:
        """Whether the writer thread still runs, or a connection may begin one."""
        if self._writer is not None:
            return self._writer.is_alive() and not self._gave_up
        return not (self._closed or self._gave_up)

    def join(self) -> None:
        """Waits for the writer to end, after `close`: a second or two at most."""
        if self._writer is not None:
            self._writer.join()

    # The connector's side (Target)

    def greet(self, connection: socket.socket) -> None:
        """Says HELLO on a new connection."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        limit_wait(connection, socket.SO_SNDTIMEO, _SEND_POLL_S)
        connection.sendall(telephone.encode_hello(self.gate.call_id))
        self._metrics.processor_connects.inc()
        log.info("processor_connected", call=self.gate.call_id, port=self.address[1])

    def connected(self, connection: socket.socket) -> None:
        """Gives the writer a connection; a closed sink says the end of audio on it. See `Target`."""
        with self._changed:
            if self._closed:
                if self._says_end:
                    connection.sendall(telephone.END_OF_AUDIO)
                raise ConnectionAbortedError("the call has ended")
            if self._gave_up:
                raise ConnectionAbortedError("given up")
            if self._writer is None:
                writer = threading.Thread(target=self._run, name=f"processor-{self.gate.call_id[:16]}", daemon=True)
                writer.start()
                self._writer = writer
            self._connection = connection
            self._connected_at = time.monotonic()
            self._changed.notify_all()

    def disconnected(self, connection: socket.socket, error: Exception) -> float | None:
        """The connection has ended, by whichever side. See `Target`."""
        with self._changed:
            if self._connection is connection:
                self._connection = None
            ended = self._closed or self._gave_up
        if ended:
            return None
        log.warning("processor_disconnected", call=self.gate.call_id, error=str(error))
        if time.monotonic() - self._connected_at >= _STABLE_S:
            self._delays = iter(CONNECT_DELAYS_S)
            return 0.0
        return self._next_delay()  # one that hangs up at once is as good as unreachable

    def failed(self, error: Exception) -> float | None:
        """A try has failed. See `Target`."""
        log.debug("processor_unreachable", call=self.gate.call_id, port=self.address[1], error=str(error))
        return self._next_delay()

    def give_up(self) -> None:
        """The processor is lost: what it has not heard goes another way."""
        with self._changed:
            if self._closed or self._gave_up:
                return
            self._gave_up = True
            self._changed.notify_all()
        self._connector.discard(self)
        self._metrics.processor_failures.inc()
        log.error("processor_given_up", call=self.gate.call_id, port=self.address[1])
        self._on_lost(self)

    def _next_delay(self) -> float | None:
        """The pause before the next try; None when the tries are used up, or nobody wants another."""
        with self._changed:
            if self._closed or self._gave_up:
                return None
            if self._registered_again:
                self._registered_again = False
                self._delays = iter(CONNECT_DELAYS_S)
                return 0.0
            delay_s = next(self._delays, None)
        if delay_s is None:
            self.give_up()
        return delay_s

    def _run(self) -> None:
        try:
            while (turn := self._next()) is not None:
                connection, window = turn
                try:
                    self._send_window(connection, window)
                except OSError as error:
                    log.debug("processor_lost", call=self.gate.call_id, error=str(error))
                    self._hang_up(connection)
        except Exception:
            log.exception("processor_writer_failed", call=self.gate.call_id)
        finally:
            self._end()

    def _next(self) -> tuple[socket.socket, Window] | None:
        """A connection and what is to be sent on it; None when the writer's work is over."""
        with self._changed:
            while not (self._closed or self._gave_up):
                if self._connection is not None and self._windows:
                    return self._connection, self._windows[0]
                self._changed.wait()
            return None

    def _end(self) -> None:
        """The writer ends: after `close` with the end of audio, else with the processor's loss."""
        with self._changed:
            connection = self._connection
            closed = self._closed
        if connection is not None:
            if closed and self._says_end:
                try:
                    connection.sendall(telephone.END_OF_AUDIO)
                    log.info("processor_ended", call=self.gate.call_id)
                except OSError as error:
                    log.warning("processor_disconnected", call=self.gate.call_id, error=str(error))
            self._hang_up(connection)
        if closed:
            self._drop_all()
        else:
            self.give_up()

    def _hang_up(self, connection: socket.socket) -> None:
        """Ends a connection; the connector sees that, closes it, and connects again."""
        with self._changed:
            if self._connection is connection:
                self._connection = None
        with contextlib.suppress(OSError):  # the peer was faster
            connection.shutdown(socket.SHUT_RDWR)

    def _send_window(self, connection: socket.socket, window: Window) -> None:
        with contextlib.suppress(BlockingIOError):
            # A processor that has closed is noticed before a window is written into the void.
            if not connection.recv(4096, socket.MSG_DONTWAIT):
                raise ConnectionResetError("the processor closed the connection")
        if len(window.samples):
            chunk_id = self.gate.next_chunk_id(window.epoch)
            if chunk_id is not None:
                self._send(connection, telephone.encode_audio(window.samples, window.sample_rate, chunk_id))
                self.gate.sent(window)
            else:
                self._drop(window, "cancelled")
        with self._changed:
            # Only now, as a whole: a window that broke off in the middle is sent again on the next connection.
            if self._windows and self._windows[0] is window:
                self._windows.popleft()
                self._queued_s -= window.duration_s
            self._changed.notify_all()
        self._on_room()

    def _drop_all(self) -> None:
        for window in self.take_unsent():
            self._drop(window, "closed")

    def _send(self, connection: socket.socket, frame: bytes) -> None:
        rest = memoryview(frame)
        while rest:
            try:
                rest = rest[connection.send(rest) :]
            except BlockingIOError:  # the processor is slow: wait on, unless the call has ended
                if self._closed:
                    raise ConnectionAbortedError("closed while the processor was not reading") from None

    def _drop(self, window: Window, why: str) -> None:
        self.gate.lost(window)
        self._metrics.dropped_s.labels(why).inc(window.duration_s)
