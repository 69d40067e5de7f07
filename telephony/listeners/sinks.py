"""Where a call's audio goes: back on the text connection, or to the call's audio processor.

A sink is bounded, owns its writer thread, and checks a window's epoch last, just before the bytes leave. `write` never
blocks: the scheduler asks `has_room` first.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import structlog

from telephony.listeners.connector import Connector
from telephony.protocols import telephone
from telephony.scheduling.queues import Window
from telephony.speech import Samples
from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()

CONNECT_DELAYS_S = (0.2,) + (1.0,) * 8
"""Pauses between the ten tries to reach an audio processor: the first after 200 ms, then a second each."""

_STABLE_S = 1.0
# Audio in the kernel's buffer can neither be cancelled nor resent: keep little there (about a second).
_SEND_BUFFER_BYTES = 128 * 1024
_SEND_POLL_S = 1.0


class Gate(Protocol):
    """What a sink asks its call, from the writer thread."""

    @property
    def call_id(self) -> str:
        """Whose audio it is."""
        ...

    def is_current(self, epoch: int) -> bool:
        """Whether audio of that epoch may still be heard."""
        ...

    def next_chunk_id(self, epoch: int) -> int | None:
        """A chunk id larger than all before it; None if audio of that epoch may no longer be heard."""
        ...


@dataclass(frozen=True)
class SinkLimits:
    """Bounds of a sink: `buffer_s` of audio waiting in it, `stall_s` until a reader that takes nothing counts as
    stalled (its audio is then dropped and counted)."""

    buffer_s: float
    stall_s: float


def limit_wait(connection: socket.socket, option: int, timeout_s: float) -> None:
    """Makes a blocking `send` (SO_SNDTIMEO) or `recv` (SO_RCVTIMEO) raise BlockingIOError after `timeout_s`; 0: never.

    A socket's own timeout would be that of both, which belong to different threads.
    """
    connection.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", int(timeout_s), int(timeout_s % 1 * 1_000_000)))


class ReplySink:
    """Audio back to the text host, on its own connection.

    With `stream` one frame per window; without, one frame per text, at its end. A host that never reads (the telephone
    host does not) stalls only this sink: after `stall_s` its audio is dropped and counted until it reads again.
    The connection's reading half and its closing belong to the endpoint.
    """

    def __init__(
        self,
        connection: socket.socket,
        gate: Gate,
        *,
        stream: bool,
        limits: SinkLimits,
        on_room: Callable[[], None],
        on_broken: Callable[[], None],
        metrics: Metrics,
    ) -> None:
        self.gate = gate
        self._connection = connection
        self._stream = stream
        self._limits = limits
        self._on_room = on_room
        self._on_broken = on_broken
        self._metrics = metrics
        self._changed = threading.Condition()
        self._unframed: list[Window] = []
        self._unframed_s = 0.0
        self._frames: deque[Window] = deque()
        # Of `_frames` and of what is being sent.
        self._queued_s = 0.0
        self._sending: Window | None = None
        self._stalled = False
        self._closed = False
        limit_wait(connection, socket.SO_SNDTIMEO, limits.stall_s)
        self._writer = threading.Thread(target=self._run, name=f"reply-{gate.call_id[:16]}", daemon=True)
        self._writer.start()

    def has_room(self) -> bool:
        """Whether `write` would keep a window (or, stalled or closed, drop it without delay)."""
        return self._stalled or self._closed or not self._is_full()

    @property
    def stalled(self) -> bool:
        """Whether the host does not read: what it is sent is dropped."""
        return self._stalled

    def write(self, window: Window) -> None:
        """Takes a window; without `stream` it waits for the end of its text."""
        with self._changed:
            if self._closed or (self._stalled and self._is_full()):
                self._drop(window, "closed" if self._closed else "stalled")
            else:
                self._unframed.append(window)
                self._unframed_s += window.duration_s
            # Also where the end itself is dropped: what was held of its text must not wait for another text.
            held_samples = sum(len(held.samples) for held in self._unframed)
            if self._stream or window.end_of_text or held_samples >= telephone.MAX_AUDIO_SAMPLES:
                self._frame()
                self._changed.notify_all()

    def take_unsent(self) -> list[Window]:
        """Takes back what has not begun to leave, in order: another sink will carry it."""
        with self._changed:
            unsent = [*self._frames, *self._unframed]
            self._frames.clear()
            self._unframed.clear()
            self._unframed_s = 0.0
            self._queued_s = self._sending.duration_s if self._sending is not None else 0.0
        return unsent

    def wait_sent(self, timeout_s: float) -> bool:
        """Waits until nothing is left to send; False if that took longer than `timeout_s` or the reader stalls."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._stalled or not self._busy(), timeout_s)
            return not self._busy()

    def disconnect(self) -> None:
        """Cuts the connection, so that its endpoint sees the end of it and cleans up."""
        with contextlib.suppress(OSError):  # the peer was faster
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends the writer; audio not sent is dropped. Joins the writer unless called by it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if threading.current_thread() is not self._writer:
            self._writer.join()

    def _busy(self) -> bool:
        return bool(self._frames or self._sending)

    def _is_full(self) -> bool:
        """What is held of a text counts behind others only: alone it must come to its end to leave at all."""
        held_s = self._unframed_s if self._busy() else 0.0
        return self._queued_s + held_s >= self._limits.buffer_s

    def _frame(self) -> None:
        """Joins what is held into frames of at most the wire's size. Called with the lock held."""
        held, self._unframed, self._unframed_s = self._unframed, [], 0.0
        current = []
        for window in held:
            if self.gate.is_current(window.epoch):
                current.append(window)
            else:
                self._drop(window, "cancelled")
        if not any(len(window.samples) for window in current):
            return
        last = current[-1]
        samples = np.concatenate([window.samples for window in current])
        for piece in _divide(samples):
            self._frames.append(Window(piece, last.sample_rate, last.epoch, last.end_of_text))
        self._queued_s += len(samples) / last.sample_rate

    def _run(self) -> None:
        while (window := self._next()) is not None:
            try:
                chunk_id = self.gate.next_chunk_id(window.epoch)
                if chunk_id is not None:
                    self._send(telephone.encode_audio(window.samples, window.sample_rate, chunk_id))
                else:
                    self._drop(window, "cancelled")
            except OSError as error:
                log.info("reply_lost", call=self.gate.call_id, error=str(error))
                with self._changed:
                    self._drop(window, "closed")
                    self._closed = True
                    self._changed.notify_all()
                self._on_broken()
                break
            with self._changed:
                self._sending = None
                self._queued_s -= window.duration_s
                self._changed.notify_all()
            self._on_room()
        with self._changed:
            for window in (*self._frames, *self._unframed):
                self._drop(window, "closed")
            self._frames.clear()
            self._unframed.clear()
            self._sending = None
            self._changed.notify_all()

    def _next(self) -> Window | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._frames)
            if self._closed:
                return None
            window = self._sending = self._frames.popleft()
            return window

    def _send(self, frame: bytes) -> None:
        """Sends a whole frame, however long the reader takes: a frame cut short would end the connection."""
        rest = memoryview(frame)
        while rest:
            if self._closed:
                raise OSError("closed in the middle of a frame")
            try:
                rest = rest[self._connection.send(rest) :]
                self._stalled = False
            except BlockingIOError:  # SO_SNDTIMEO: nothing left for stall_s
                if not self._stalled:
                    self._stalled = True
                    log.warning("reply_stalled", call=self.gate.call_id, stall_s=self._limits.stall_s)
                    with self._changed:
                        self._changed.notify_all()
                    self._on_room()

    def _drop(self, window: Window, why: str) -> None:
        self._metrics.dropped_s.labels(why).inc(window.duration_s)


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
            for piece in _divide(window.samples):
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

    def close(self) -> None:
        """Drops what was not sent; the writer sends the end of audio and hangs up. Returns at once."""
        with self._changed:
            self._closed = True
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
            if closed:
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
        self._metrics.dropped_s.labels(why).inc(window.duration_s)


def _divide(samples: Samples) -> list[Samples]:
    """Pieces of at most one audio frame; one empty piece for no samples."""
    limit = telephone.MAX_AUDIO_SAMPLES
    return [samples[start : start + limit] for start in range(0, max(1, len(samples)), limit)]
