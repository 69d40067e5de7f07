"""Accepting while the process has no descriptor left: a pause between two tries, and one line for each shortage."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from typing import Any

import structlog

log = structlog.get_logger()

PAUSE_S = 0.1
"""Between two tries to accept while there is no descriptor, in seconds. asyncio makes a second of it."""

_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Shortage:
    """Whether one door can accept. Belongs to the thread that accepts.

    Args:
        door: its name in the log.
    """

    def __init__(self, door: str) -> None:
        self._door = door
        self._lasts = False

    def begins(self, error: OSError) -> bool:
        """Notes that accepting has failed. False if that is of another kind."""
        if error.errno not in _SHORTAGES:
            return False
        if not self._lasts:
            log.error("descriptors_exhausted", door=self._door, error=error.strerror)
        self._lasts = True
        return True

    def ends(self) -> None:
        """Notes that accepting went well."""
        if self._lasts:
            log.info("descriptors_found", door=self._door)
        self._lasts = False


class Listener(socket.socket):
    """A listening socket for asyncio, which tries each time as often as its queue is long, and logs each of them.

    Args:
        listening: its place is taken.
        door: its name in the log.
    """

    def __init__(self, listening: socket.socket, door: str) -> None:
        super().__init__(fileno=listening.detach())
        self._shortage = Shortage(door)
        self._paused_until = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """As a socket's; in a shortage it says once that there is one, and then that nobody waits."""
        if time.monotonic() < self._paused_until:
            raise BlockingIOError
        try:
            accepted = super().accept()
        except OSError as error:
            if self._shortage.begins(error):
                self._paused_until = time.monotonic() + PAUSE_S
            raise
        self._shortage.ends()
        return accepted


def ignore_shortages(loop: asyncio.AbstractEventLoop) -> None:
    """Has the loop leave to `Listener` what it would log of a shortage, once a second for each listener."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _SHORTAGES and "accept()" in context["message"]):
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
