"""Asterisk's door: AudioSocket over TCP. A PBX connects for each call, says its UUID, and plays what it is sent.

The protocol carries no text: that comes for the UUID over HTTP (`endpoints/pbx_calls.py`), in the same event loop, to
which everything here belongs. Until the PBX connects, texts wait here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import anyio
import structlog

from telephony.endpoints.listening import Listener
from telephony.endpoints.pbx_connection import DOOR, RECEIVE_BYTES, CallText, PbxCall
from telephony.endpoints.tcp import with_port
from telephony.listeners.call_events import CallEvents
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.protocols import audiosocket
from telephony.protocols.audiosocket import PbxDecoder
from telephony.protocols.telephone import WireError
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.refusals import peer_name, refused

log = structlog.get_logger()

# About a second at the highest usual rate: a PBX that takes nothing is noticed, and hears nothing old afterwards.
_SEND_BUFFER_BYTES = 32_768
_GOODBYE_S = 1.0
# So long who has text for a call is told that it has ended; afterwards its id may be that of the next one.
_JUST_ENDED_S = 10.0
_MAX_ENDED = 1000
# What the log calls a refusal, as at the telephone's other endpoints, by what the metric calls it.
_CODES = {
    "connections": "connection_refused",
    "overdue": "hello_overdue",
    "broken": "protocol_error",
    "busy": "busy",
}


class UnknownCallError(LookupError):
    """There is no such call. The message says what to do."""


class EndedCallError(UnknownCallError):
    """The call has just ended."""


class TooMuchTextError(RuntimeError):
    """More text waits than may. The message says so."""


def config_error(settings: Settings) -> str | None:
    """Why this door cannot be opened with these settings, in one line; None if it can."""
    if settings.audiosocket_port is None or settings.http_port is not None:
        return None
    return "--audiosocket-port needs the HTTP door, through which its calls are given text: choose an --http-port"


def bind(host: str, port: int) -> socket.socket:
    """A listening socket: a PBX queues in the kernel from this moment on.

    Args:
        port: 0 lets the system choose.

    Raises:
        OSError: the port cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    # Connections inherit all of these.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return Listener(listener, DOOR)


@dataclass
class _Waiting:
    """Texts of a call whose PBX has not connected yet; `expiry` forgets them."""

    expiry: asyncio.TimerHandle
    texts: list[CallText] = field(default_factory=list)


class Pbx:
    """All calls of this door, and its server."""

    def __init__(self, sessions: SessionRegistry, settings: Settings, metrics: Metrics, events: CallEvents) -> None:
        self._sessions = sessions
        self._events = events
        self._settings = settings
        self._metrics = metrics
        self._calls: dict[uuid.UUID, PbxCall] = {}
        self._waiting: dict[uuid.UUID, _Waiting] = {}
        # When each call has ended, on the event loop's clock; the last ones only, oldest first.
        self._ended: dict[uuid.UUID, float] = {}
        self._connections: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[None]:
        """Serves a listening socket inside the context; at its end every call is hung up. Closes the socket."""
        server = await asyncio.start_server(self._serve, sock=listener, limit=RECEIVE_BYTES)
        try:
            yield
        finally:
            server.close()
            for waiting in self._waiting.values():
                waiting.expiry.cancel()
            connections = list(self._connections)
            for connection in connections:
                connection.cancel()
            await asyncio.gather(*connections, return_exceptions=True)

    def find(self, call_id: uuid.UUID) -> PbxCall:
        """A call that is connected.

        Raises:
            EndedCallError: it was until a moment ago.
            UnknownCallError: it is not.
        """
        call = self._calls.get(call_id)
        if call is None:
            if self._has_just_ended(call_id):
                raise EndedCallError(f"call {call_id} has ended")
            raise UnknownCallError(
                f"no call {call_id} is connected: its PBX has to connect to the AudioSocket port with that UUID first"
            )
        return call

    def connected(self) -> list[PbxCall]:
        """The calls that are connected, the longest one first."""
        return list(self._calls.values())

    def waiting_texts(self, call_id: uuid.UUID) -> int:
        """How many texts wait for a call that has not connected yet."""
        waiting = self._waiting.get(call_id)
        return len(waiting.texts) if waiting is not None else 0

    def say(self, call_id: uuid.UUID, text: CallText) -> bool:
        """Speaks a text behind those said before; False if it waits for the call's PBX to connect.

        Raises:
            EndedCallError: the call has just ended: nobody will hear it.
            UnknownCallError: the call is not connected, and texts do not wait for one.
            TooMuchTextError: too much waits already.
            RefusedError: the service is stopping, or could not begin soon enough.
        """
        self._sessions.check_open()
        call = self._calls.get(call_id)
        if call is None:
            self._keep(call_id, text)
            return False
        if call.silent:
            self._sessions.check_delay()
        self._check_room(text, call.waiting_bytes)
        call.say(text)
        return True

    def forget(self, call_id: uuid.UUID) -> bool:
        """Drops what waits for a call that has not connected yet; whether there was anything."""
        waiting = self._waiting.pop(call_id, None)
        if waiting is None:
            return False
        waiting.expiry.cancel()
        return True

    def _keep(self, call_id: uuid.UUID, text: CallText) -> None:
        wait_s = self._settings.audiosocket_wait_s
        if not wait_s or self._has_just_ended(call_id):
            self.find(call_id)
        waiting = self._waiting.get(call_id)
        if waiting is None:
            if len(self._waiting) >= self._settings.max_sessions:
                raise TooMuchTextError(f"texts of {len(self._waiting)} calls wait for their PBX, which is the limit")
            expiry = asyncio.get_running_loop().call_later(wait_s, self._expire, call_id)
            waiting = self._waiting[call_id] = _Waiting(expiry)
        self._check_room(text, sum(each.size_bytes for each in waiting.texts))
        waiting.texts.append(text)

    def _has_just_ended(self, call_id: uuid.UUID) -> bool:
        ended_at = self._ended.get(call_id)
        return ended_at is not None and asyncio.get_running_loop().time() - ended_at < _JUST_ENDED_S

    def _note_end(self, call_id: uuid.UUID) -> None:
        self._ended.pop(call_id, None)
        self._ended[call_id] = asyncio.get_running_loop().time()
        if len(self._ended) > _MAX_ENDED:
            del self._ended[next(iter(self._ended))]

    def _check_room(self, text: CallText, waiting_bytes: int) -> None:
        if waiting_bytes and waiting_bytes + text.size_bytes > self._settings.max_queued_text_bytes:
            raise TooMuchTextError(f"{waiting_bytes} bytes of text wait for this call")

    def _expire(self, call_id: uuid.UUID) -> None:
        texts = len(self._waiting.pop(call_id).texts)
        self._metrics.texts_expired.inc(texts)
        log.warning("texts_expired", call=str(call_id), texts=texts, wait_s=self._settings.audiosocket_wait_s)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte to its last."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._answer(reader, writer)
        except OSError as error:
            log.debug("connection_lost", door=DOOR, peer=_peer(writer), error=str(error))
        except Exception:
            log.exception("connection_failed", door=DOOR, peer=_peer(writer))
        finally:
            writer.close()
            with anyio.move_on_after(_GOODBYE_S, shield=True), contextlib.suppress(OSError):  # it is gone already
                await writer.wait_closed()
            writer.transport.abort()
            self._connections.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) > self._settings.max_connections:
            limit = self._settings.max_connections
            self._refuse(writer, "connections", f"{limit} connections are open, which is the limit")
            return
        decoder = PbxDecoder()
        try:
            with anyio.fail_after(self._settings.hello_timeout_s):
                call_id = await _greeting(reader, decoder)
        except TimeoutError:
            self._refuse(writer, "overdue", f"no UUID within {self._settings.hello_timeout_s:g} s")
            return
        except WireError as error:
            self._refuse(writer, "broken", with_port(error, self._settings.http_port))
            return
        if call_id is None:
            return
        try:
            session = self._sessions.open(DOOR, str(call_id))
        except RefusedError as error:
            self._refuse(writer, "busy", str(error), call_id)
            writer.write(audiosocket.encode_hangup())
            return
        try:
            call = PbxCall(call_id, session, self._settings, self._metrics, self._events)
            await self._converse(call, reader, writer, decoder)
        finally:
            session.close()

    async def _converse(
        self, call: PbxCall, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, decoder: PbxDecoder
    ) -> None:
        older = self._calls.get(call.call_id)
        if older is not None:
            older.cut()
            older.reporter.left()
        self._calls[call.call_id] = call
        self._ended.pop(call.call_id, None)
        log.info("connected", door=DOOR, peer=_peer(writer), call=str(call.call_id))
        call.reporter.connected()
        waiting = self._waiting.pop(call.call_id, None)
        if waiting is not None:
            waiting.expiry.cancel()
            for text in waiting.texts:
                call.say(text)
        try:
            await call.serve(reader, writer, decoder)
        except WireError as error:
            self._refuse(writer, "broken", str(error), call.call_id)
        except TimeoutError:
            self._metrics.clients_stalled.labels(DOOR).inc()
            error_text = f"took nothing for {self._settings.send_timeout_s:g} s"
            log.warning("client_stalled", door=DOOR, peer=_peer(writer), call=str(call.call_id), error=error_text)
            writer.transport.abort()
        finally:
            if self._calls.get(call.call_id) is call:
                del self._calls[call.call_id]
                self._note_end(call.call_id)
                call.reporter.hung_up(spoken=True)
            log.info("disconnected", door=DOOR, peer=_peer(writer), call=str(call.call_id))

    def _refuse(
        self, writer: asyncio.StreamWriter, counted_as: str, why: str, call_id: uuid.UUID | None = None
    ) -> None:
        self._metrics.audiosocket_refused.labels(counted_as).inc()
        call = None if call_id is None else str(call_id)
        refused(self._metrics, DOOR, _CODES[counted_as], why, _peer(writer), call=call)


def _peer(writer: asyncio.StreamWriter) -> str | None:
    return peer_name(writer.get_extra_info("peername"))


async def _greeting(reader: asyncio.StreamReader, decoder: PbxDecoder) -> uuid.UUID | None:
    """The call's id; None if the PBX hangs up before it has said it."""
    while data := await reader.read(RECEIVE_BYTES):
        decoder.receive(data)
        for event in decoder.events():
            return event.call_id if isinstance(event, audiosocket.Connected) else None
    return None
