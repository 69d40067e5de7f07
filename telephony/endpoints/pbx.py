"""Asterisk's calls, and AudioSocket over TCP: a PBX connects for each call, says its UUID, and plays what it is sent.

Calls over a WebSocket (`endpoints/media.py`) join these. No text comes from a PBX: it comes for the UUID over HTTP
(`endpoints/pbx_calls.py`), in the same event loop, to which everything here belongs. Until the PBX connects, texts wait
here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import anyio
import structlog

from telephony.endpoints.connections import Connections, peer_of
from telephony.endpoints.pbx_call import CallText, PbxCall
from telephony.endpoints.pbx_connection import DOOR, RECEIVE_BYTES, AudioSocketCall
from telephony.endpoints.tcp import with_port
from telephony.listeners.call_events import CallEvents
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.protocols import audiosocket
from telephony.protocols.audiosocket import PbxDecoder
from telephony.protocols.telephone import WireError
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.refusals import refused

log = structlog.get_logger()

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
        self._connections = Connections(
            DOOR,
            settings.max_connections,
            self._answer,
            lambda writer, why: self._refuse(writer, "connections", why),
            read_bytes=RECEIVE_BYTES,
        )

    @contextlib.asynccontextmanager
    async def serving(self, audiosocket: socket.socket | None) -> AsyncIterator[None]:
        """Takes calls inside the context, also on a listening socket of AudioSocket, which it closes; see
        `Connections.serving`. At its end no text waits any more."""
        try:
            async with contextlib.AsyncExitStack() as stack:
                if audiosocket is not None:
                    await stack.enter_async_context(self._connections.serving(audiosocket))
                yield
        finally:
            for waiting in self._waiting.values():
                waiting.expiry.cancel()

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
                f"no call {call_id} is connected: its PBX has to connect to the AudioSocket port or to /media with "
                "that UUID first"
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

    @contextlib.contextmanager
    def joined(self, call: PbxCall) -> Iterator[None]:
        """A call is connected inside the context, and is given the texts that waited for it.

        It takes the place of another one of that id, which is cut.
        """
        older = self._calls.get(call.call_id)
        if older is not None:
            older.cut()
            older.reporter.left()
        self._calls[call.call_id] = call
        self._ended.pop(call.call_id, None)
        call.reporter.connected()
        waiting = self._waiting.pop(call.call_id, None)
        if waiting is not None:
            waiting.expiry.cancel()
            for text in waiting.texts:
                call.say(text)
        try:
            yield
        finally:
            if self._calls.get(call.call_id) is call:
                del self._calls[call.call_id]
                self._note_end(call.call_id)
                call.reporter.hung_up(spoken=True)

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

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte to its last."""
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
            call = AudioSocketCall(call_id, session, self._settings, self._metrics, self._events)
            await self._converse(call, reader, writer, decoder)
        finally:
            session.close()

    async def _converse(
        self, call: AudioSocketCall, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, decoder: PbxDecoder
    ) -> None:
        log.info("connected", door=DOOR, peer=peer_of(writer), call=str(call.call_id))
        try:
            with self.joined(call):
                await call.serve(reader, writer, decoder)
        except WireError as error:
            self._refuse(writer, "broken", str(error), call.call_id)
        except TimeoutError:
            self._metrics.clients_stalled.labels(DOOR).inc()
            error_text = f"took nothing for {self._settings.send_timeout_s:g} s"
            log.warning("client_stalled", door=DOOR, peer=peer_of(writer), call=str(call.call_id), error=error_text)
            writer.transport.abort()
        finally:
            log.info("disconnected", door=DOOR, peer=peer_of(writer), call=str(call.call_id))

    def _refuse(
        self, writer: asyncio.StreamWriter, counted_as: str, why: str, call_id: uuid.UUID | None = None
    ) -> None:
        self._metrics.audiosocket_refused.labels(counted_as).inc()
        call = None if call_id is None else str(call_id)
        refused(self._metrics, DOOR, _CODES[counted_as], why, peer_of(writer), call=call)


async def _greeting(reader: asyncio.StreamReader, decoder: PbxDecoder) -> uuid.UUID | None:
    """The call's id; None if the PBX hangs up before it has said it."""
    while data := await reader.read(RECEIVE_BYTES):
        decoder.receive(data)
        for event in decoder.events():
            return event.call_id if isinstance(event, audiosocket.Connected) else None
    return None
