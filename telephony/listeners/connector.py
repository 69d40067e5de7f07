"""Connections to the audio processors: one thread makes them all, and notices who hangs up.

A processor that does not listen costs an entry here, no thread and no descriptor.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import os
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()

MAX_UNCONNECTED = 64
"""Processors at once that have never been connected. One that listens is connected in a millisecond; where all places
are taken, the one that has been tried most often makes room for a newcomer."""

_CONNECT_TIMEOUT_S = 2.0
# A processor that does not want this call hangs up on the HELLO; waiting so long costs no caller a word, because the
# connection is made before there is audio.
_REFUSAL_GRACE_S = 0.02


class Target(Protocol):
    """Whom the connector connects. Its methods are called without the connector's lock."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the processor."""
        ...

    def greet(self, connection: socket.socket) -> None:
        """Says the first words on a new connection, which takes them at once. Raises OSError."""
        ...

    def connected(self, connection: socket.socket) -> None:
        """Takes the connection. It may shut it down, and leaves closing it to the connector.

        Raises OSError or RuntimeError where it cannot be used: that is a failed try.
        """
        ...

    def disconnected(self, connection: socket.socket, error: Exception) -> float | None:
        """A connection that was taken has ended. Returns as `failed`."""
        ...

    def failed(self, error: Exception) -> float | None:
        """A try has failed. Returns how many seconds to wait before the next; None: there is none."""
        ...

    def give_up(self) -> None:
        """No more will be tried."""
        ...


class _Stage(enum.Enum):
    CONNECTING = enum.auto()
    GREETED = enum.auto()
    TAKEN = enum.auto()


@dataclass(eq=False)
class _Place:
    """A target without a connection."""

    due_at: float
    newcomer: bool
    tries: int = 0
    trying: bool = False
    discarded: bool = False


@dataclass(eq=False)
class _Link:
    """A connection, from its beginning on."""

    target: Target
    place: _Place
    addresses: list[Any]
    deadline: float
    stage: _Stage = _Stage.CONNECTING
    connection: socket.socket = field(init=False)


class Connector:
    """Connects targets. Its methods may be called from any thread, also with a lock of a call or a sink held."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lock = threading.Lock()
        self._places: dict[Target, _Place] = {}
        self._thread: threading.Thread | None = None
        self._wake_writer: socket.socket | None = None
        self._closed = False

    def make_room(self) -> None:
        """Gives up a newcomer that was tried in vain, if all places are taken. With no lock held."""
        with self._lock:
            if self._unconnected() < MAX_UNCONNECTED:
                return
            tried = [(place.tries, target) for target, place in self._places.items() if place.newcomer and place.tries]
            victim = max(tried, key=lambda each: each[0])[1] if tried else None
            if victim is not None:
                self._leave(victim)
        if victim is not None:
            self._metrics.processors_crowded_out.inc()
            victim.give_up()

    def add(self, target: Target) -> bool:
        """Begins to connect a target. False if there is no place for it, or the system has no thread for that."""
        with self._lock:
            if self._closed:
                return False
            if self._unconnected() >= MAX_UNCONNECTED:
                self._metrics.processors_crowded_out.inc()
                return False
            try:
                self._ensure_thread()
            except (OSError, RuntimeError) as error:
                log.error("connector_failed", error=str(error))
                return False
            self._places[target] = _Place(due_at=0.0, newcomer=True)
        self._wake()
        return True

    def hurry(self, target: Target) -> bool:
        """Ends the pause before a target's next try; False if it is in none."""
        with self._lock:
            place = self._places.get(target)
            if place is None or place.trying:
                return False
            place.due_at = 0.0
        self._wake()
        return True

    def discard(self, target: Target) -> None:
        """Tries a target no more."""
        with self._lock:
            self._leave(target)
        self._wake()

    def close(self) -> None:
        """Closes every connection and joins the thread."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._wake()
        if thread is not None:
            thread.join()

    def _unconnected(self) -> int:
        return sum(place.newcomer for place in self._places.values())

    def _leave(self, target: Target) -> None:
        """Takes a target's place away, once a try that has begun is over. Called with the lock held."""
        place = self._places.get(target)
        if place is not None:
            place.discarded = True
            if not place.trying:
                del self._places[target]

    def _ensure_thread(self) -> None:
        """Called with the lock held. Raises OSError or RuntimeError."""
        if self._thread is not None and self._thread.is_alive():
            return
        with contextlib.ExitStack() as opened:
            selector = opened.enter_context(selectors.DefaultSelector())
            reader, writer = (opened.enter_context(end) for end in socket.socketpair())
            for end in (reader, writer):
                end.setblocking(False)
            selector.register(reader, selectors.EVENT_READ)
            thread = threading.Thread(
                target=self._run, args=(selector, reader, writer), name="processor-connector", daemon=True
            )
            thread.start()
            opened.pop_all()  # they are the thread's from now on
        self._thread, self._wake_writer = thread, writer

    def _wake(self) -> None:
        writer = self._wake_writer
        if writer is not None:
            with contextlib.suppress(OSError):  # a wake-up is pending already, or the thread has ended
                writer.send(b"\0")

    # The thread's own

    def _run(self, selector: selectors.BaseSelector, reader: socket.socket, writer: socket.socket) -> None:
        links: dict[socket.socket, _Link] = {}
        try:
            with selector, reader, writer:
                while not self._closed:
                    for key, _ in selector.select(self._pause_s(links)):
                        link = links.get(key.fileobj)  # type: ignore[call-overload]
                        if link is not None:
                            self._step(selector, links, link)
                        elif key.fileobj is reader:
                            reader.recv(4096)
                    self._pass_time(selector, links)
                for link in list(links.values()):
                    if link.stage is _Stage.GREETED:
                        self._take(selector, links, link)
        finally:
            for connection in links:
                connection.close()
            with self._lock:
                left = [*self._places, *(link.target for link in links.values())]
                self._places.clear()
            for target in left:  # none, unless this thread has a defect
                target.give_up()

    def _pause_s(self, links: dict[socket.socket, _Link]) -> float | None:
        """How long nothing is due, in seconds; None: for ever."""
        with self._lock:
            due = [place.due_at for place in self._places.values() if not place.trying]
        due += [link.deadline for link in links.values() if link.stage is not _Stage.TAKEN]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _pass_time(self, selector: selectors.BaseSelector, links: dict[socket.socket, _Link]) -> None:
        now = time.monotonic()
        for link in list(links.values()):
            over = now >= link.deadline or link.place.discarded
            if link.stage is _Stage.GREETED and over:
                self._take(selector, links, link)
            elif link.stage is _Stage.CONNECTING and over:
                self._end(selector, links, link, TimeoutError("no answer"))
        with self._lock:
            due = [
                (target, place) for target, place in self._places.items() if not place.trying and place.due_at <= now
            ]
            for _, place in due:
                place.trying = True
                place.tries += 1
        for target, place in due:
            try:
                host, port = target.address
                addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except OSError as error:
                self._failed(target, place, error)
                continue
            self._open_next(selector, links, _Link(target, place, addresses, time.monotonic() + _CONNECT_TIMEOUT_S))

    def _open_next(self, selector: selectors.BaseSelector, links: dict[socket.socket, _Link], link: _Link) -> None:
        """Begins a connection to the next of a target's addresses, which a name may have several of."""
        error: Exception = OSError("no address")
        while link.addresses:
            family, kind, protocol, _, address = link.addresses.pop(0)
            try:
                connection = socket.socket(family, kind, protocol)
            except OSError as failure:
                error = failure
                continue
            connection.setblocking(False)
            code = connection.connect_ex(address)
            if code in (0, errno.EINPROGRESS):
                link.connection = connection
                links[connection] = link
                selector.register(connection, selectors.EVENT_WRITE)
                return
            connection.close()
            error = OSError(code, os.strerror(code))
        self._failed(link.target, link.place, error)

    def _step(self, selector: selectors.BaseSelector, links: dict[socket.socket, _Link], link: _Link) -> None:
        """Something has happened on a connection."""
        connection = link.connection
        if link.stage is not _Stage.CONNECTING:
            error: OSError = ConnectionResetError("the processor closed the connection")
            try:
                if connection.recv(4096, socket.MSG_DONTWAIT):
                    return  # what it says is ignored
            except BlockingIOError:
                return
            except OSError as failure:
                error = failure
            self._end(selector, links, link, error)
            return
        code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._forget(selector, links, link)
            if link.addresses:
                self._open_next(selector, links, link)
            else:
                self._failed(link.target, link.place, OSError(code, os.strerror(code)))
            return
        try:
            connection.setblocking(True)
            link.target.greet(connection)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it is a failed try, and logged as that
            self._end(selector, links, link, failure)
            return
        selector.modify(connection, selectors.EVENT_READ)
        link.stage = _Stage.GREETED
        link.deadline = time.monotonic() + _REFUSAL_GRACE_S

    def _take(self, selector: selectors.BaseSelector, links: dict[socket.socket, _Link], link: _Link) -> None:
        """Hands a connection to its target."""
        try:
            link.target.connected(link.connection)
        except Exception as failure:  # noqa: BLE001 - as above
            self._end(selector, links, link, failure)
            return
        link.stage = _Stage.TAKEN
        with self._lock:
            self._places.pop(link.target, None)

    def _end(
        self, selector: selectors.BaseSelector, links: dict[socket.socket, _Link], link: _Link, error: Exception
    ) -> None:
        """A connection is over, before or after it was taken."""
        self._forget(selector, links, link)
        if link.stage is not _Stage.TAKEN:
            self._failed(link.target, link.place, error)
            return
        delay_s = link.target.disconnected(link.connection, error)
        if delay_s is not None:
            with self._lock:
                self._places[link.target] = _Place(due_at=time.monotonic() + delay_s, newcomer=False)

    def _forget(self, selector: selectors.BaseSelector, links: dict[socket.socket, _Link], link: _Link) -> None:
        del links[link.connection]
        selector.unregister(link.connection)
        with contextlib.suppress(OSError):  # the peer was faster
            link.connection.shutdown(socket.SHUT_RDWR)  # whoever is writing to it is told
        link.connection.close()

    def _failed(self, target: Target, place: _Place, error: Exception) -> None:
        delay_s = target.failed(error)
        with self._lock:
            place.trying = False
            if delay_s is None or place.discarded:
                self._places.pop(target, None)
            else:
                place.due_at = time.monotonic() + delay_s
