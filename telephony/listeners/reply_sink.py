"""Audio back on the text connection, in frames."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable

import numpy as np
import structlog

from telephony.listeners.sinks import Gate, SinkLimits, divide, limit_wait
from telephony.protocols import telephone
from telephony.scheduling.queues import Window
from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()


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
        for piece in divide(samples):
            self._frames.append(Window(piece, last.sample_rate, last.epoch, last.end_of_text))
        self._queued_s += len(samples) / last.sample_rate

    def _run(self) -> None:
        while (window := self._next()) is not None:
            try:
                chunk_id = self.gate.next_chunk_id(window.epoch)
                if chunk_id is not None:
                    self._send(telephone.encode_audio(window.samples, window.sample_rate, chunk_id))
                    self.gate.sent(window)
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
        self.gate.lost(window)
        self._metrics.dropped_s.labels(why).inc(window.duration_s)
