"""Where a call's audio goes: back on the text connection, or to the call's audio processor.

A sink is bounded, owns its writer thread, and checks a window's epoch last, just before the bytes leave. `write` never
blocks: the scheduler asks `has_room` first.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Protocol

from telephony.protocols import telephone
from telephony.scheduling.queues import Window
from telephony.speech import Samples


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

    def sent(self, window: Window) -> None:
        """A window has left."""
        ...

    def lost(self, window: Window) -> None:
        """A window will not leave any more. Called with the sink's lock held, perhaps."""
        ...


class Sink(Protocol):
    """Where windows of a call go. Any thread; nothing here waits but `wait_sent`."""

    def has_room(self) -> bool:
        """Whether another window fits."""
        ...

    def write(self, window: Window) -> None:
        """Takes a window."""
        ...

    def take_unsent(self) -> list[Window]:
        """Takes back what has not begun to leave, in order."""
        ...

    def wait_sent(self, timeout_s: float) -> bool:
        """Waits until all has left; False if that took longer than `timeout_s` seconds, or cannot be."""
        ...

    def close(self) -> None:
        """Drops what was not sent, and ends the writer."""
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


def divide(samples: Samples) -> list[Samples]:
    """Pieces of at most one audio frame; one empty piece for no samples."""
    limit = telephone.MAX_AUDIO_SAMPLES
    return [samples[start : start + limit] for start in range(0, max(1, len(samples)), limit)]
