"""Asterisk's calls over a WebSocket: `/media`, to which the PBX connects (chan_websocket); see `protocols/media.py`.

The PBX keeps audio for a caller and drops it on command, so it is sent seconds ahead.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from typing import ClassVar, Final, Literal

import anyio
import structlog
from fastapi import APIRouter, WebSocket

from telephony.audio.encoders import open_encoder
from telephony.endpoints.pbx import Pbx
from telephony.endpoints.pbx_call import PbxCall, QueuedText
from telephony.endpoints.websocket import TRY_AGAIN_LATER, AudioStream, Client, ClientGoneError, Frames, serving
from telephony.listeners.call_events import CallEvents
from telephony.listeners.playback import Playback
from telephony.listeners.session import Session
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.protocols import media as protocol
from telephony.protocols.messages import MessageError
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.refusals import refused

log = structlog.get_logger()

DOOR: Final = "media"
"""The name of this door in metrics."""

LEAD_S = 2.0
"""How far ahead of the caller audio is sent: longer than any busy moment here, and a tenth of what a PBX keeps."""

# A message of a PBX's has at most 65,500 bytes: a third of a second at the highest rate is far below that.
_PIECE_MS = 100
_POLICY_VIOLATION = 1008


class MediaCall(PbxCall):
    """One call that is connected over a WebSocket. One task reads what the PBX sends, one plays.

    Args:
        client: its connection.
        started: what the PBX has said of it.
    """

    door: ClassVar[Literal["audiosocket", "media"]] = DOOR

    def __init__(
        self,
        call_id: uuid.UUID,
        session: Session,
        settings: Settings,
        metrics: Metrics,
        events: CallEvents,
        *,
        client: Client,
        started: protocol.Started,
    ) -> None:
        self._format = protocol.FORMATS[started.format]
        playback = Playback[QueuedText](LEAD_S, piece_ms=_PIECE_MS, flushed=True)
        rate_hz = self._format.sample_rate
        super().__init__(call_id, session, settings, metrics, events=events, playback=playback, sample_rate=rate_hz)
        self._json = started.json
        self._client = client
        self._numbered = 0
        # The ids of texts that were sent whole, and that the PBX has not played to the end.
        self._unheard: deque[str] = deque()
        self._all_heard = _set_event()
        self._flushed = _set_event()
        self._full = False
        self._changed = asyncio.Event()

    @property
    def texts(self) -> int:
        """How many texts are being spoken or wait, those included that the PBX still plays."""
        return super().texts + len(self._unheard)

    def interrupt(self) -> tuple[str, str]:
        """See `PbxCall.interrupt`."""
        heard = super().interrupt()
        self._changed.set()
        self._note_played(None)
        if self._flushed.is_set():  # else one command is on its way, and nothing is sent before it
            self._flushed.clear()
            self._tasks.start(self._flush)
        return heard

    def cut(self) -> None:
        """See `PbxCall.cut`."""
        self._tasks.cancel()

    async def serve(self, pbx: Pbx) -> None:
        """Returns when either side has hung up, or this one was cut."""
        async with serving(self._client) as self._tasks:
            with pbx.joined(self):
                self._tasks.start(self._play)
                await self._client.stays(self._read)
            self._tasks.cancel()

    async def _read(self) -> None:
        async for received in self._client.messages():
            if isinstance(received, bytes):
                self.note_audio(len(received) / self._format.sample_bytes / self._format.sample_rate)
                continue
            try:
                self._note(protocol.parse(received))
            except MessageError as error:
                refused(self._metrics, code=error.code, why=str(error), **self._client.named)

    def _note(self, event: protocol.Event) -> None:
        match event:
            case protocol.Digit():
                self.note_digit(event.digit)
            case protocol.Full() | protocol.Roomy():
                self._full = isinstance(event, protocol.Full)
                self._changed.set()
            case protocol.Played():
                self._note_played(event.id)
            case protocol.Failed():
                log.warning("pbx_failed", door=DOOR, call=str(self.call_id), error=event.why[:100])
            case _:
                """Of no use here."""

    def _note_played(self, id: str | None) -> None:
        """The PBX has played all up to a text; None where it has nothing left to play."""
        if id is None:
            self._unheard.clear()
        elif id in self._unheard:
            while self._unheard.popleft() != id:
                pass
        if not self._unheard:
            self._all_heard.set()

    async def _play(self) -> None:
        while (said := await self._playback.next()) is not None:
            await self._speak(said)
            self._playback.done()
        # A PBX that was paused may never say that it has played all.
        with anyio.move_on_after(self._playback.ahead_s + self._settings.send_timeout_s):
            await self._all_heard.wait()
        await self._flushed.wait()
        await self._client.send_text(protocol.hang_up(json=self._json))
        self._tasks.cancel()

    async def _speak(self, said: QueuedText) -> None:
        encoder = open_encoder(self._format.encoding, self._format.sample_rate)
        stream = AudioStream(encoder, Frames(None), self._playback, said)
        told_s = 0.0
        await self._flushed.wait()
        if not said.cut:
            await self._client.send_text(protocol.start_buffering(json=self._json))
        async for window in said.speech:
            self.reporter.know(window.epoch, window.words)
            async for message in stream.messages(window):
                if said.sent_s and not self._playback.ahead_s:
                    self._metrics.underruns.labels(DOOR).inc()
                await self._until_roomy(said)
                if said.cut:
                    break
                await self._client.send_audio(message)
                self.reporter.sent(window.epoch, said.sent_s - told_s)
                told_s = said.sent_s
        self.reporter.sent(said.speech.request.epoch, said.sent_s - told_s)
        if not said.cut:
            self._numbered += 1
            id = str(self._numbered)
            self._unheard.append(id)
            self._all_heard.clear()
            await self._client.send_text(protocol.stop_buffering(id, json=self._json))
        self.note_end(said)

    async def _until_roomy(self, said: QueuedText) -> None:
        """Returns when the PBX takes audio, or a text was cut."""
        while self._full and not said.cut:
            self._changed.clear()
            await self._changed.wait()

    async def _flush(self) -> None:
        await self._client.send_text(protocol.flush(json=self._json))
        self._flushed.set()


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics, pbx: Pbx, events: CallEvents) -> APIRouter:
    """The route of this door, whose calls join those of `pbx`."""
    routes = APIRouter()

    @routes.websocket("/media")
    async def converse(socket: WebSocket) -> None:
        offered = socket.scope.get("subprotocols", [])
        await socket.accept(protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in offered else None)
        client = Client(socket, DOOR, settings.send_timeout_s, metrics)

        async def refuse(code: str, why: str, close_code: int) -> None:
            # The PBX hangs up, and its dialplan goes on.
            refused(metrics, code=code, why=why, **client.named)
            await client.close(close_code, code)

        try:
            with client.connected():
                started = await _started(client, settings.hello_timeout_s)
                if started is None:
                    return
                call_id = _call_id(socket.query_params.get("call_id"), started)
                client.session = str(call_id)
                session = sessions.open(DOOR, str(call_id))
                try:
                    call = MediaCall(call_id, session, settings, metrics, events, client=client, started=started)
                    await call.serve(pbx)
                finally:
                    session.close()
                await client.close()
        except MessageError as error:
            await refuse(error.code, str(error), _POLICY_VIOLATION)
        except RefusedError as error:
            await refuse("busy", str(error), TRY_AGAIN_LATER)
        except TimeoutError:
            why = f"no MEDIA_START within {settings.hello_timeout_s:g} s"
            await refuse("hello_overdue", why, _POLICY_VIOLATION)
        except ClientGoneError as error:
            log.debug("client_gone", **client.named, error=str(error))

    return routes


async def _started(client: Client, timeout_s: float) -> protocol.Started | None:
    """What the call is; None if the PBX goes before it has said so.

    Raises:
        MessageError: it says something else, or has a format that is not spoken here.
        TimeoutError: it says nothing.
    """
    with anyio.fail_after(timeout_s):
        async for received in client.messages():
            if isinstance(received, bytes):  # a busy PBX may send audio first
                continue
            event = protocol.parse(received)
            if not isinstance(event, protocol.Started):
                raise MessageError("unexpected", "MEDIA_START comes first")
            if event.format not in protocol.FORMATS:
                known = ", ".join(protocol.FORMATS)
                raise MessageError("bad_format", f"the format {event.format[:100]!r} is none of {known}")
            return event
    return None


def _call_id(wanted: str | None, started: protocol.Started) -> uuid.UUID:
    """Which call this is: the address says so, or it is the channel's or connection's id, where that is a UUID."""
    if wanted is not None:
        try:
            return uuid.UUID(wanted)
        except ValueError:
            raise MessageError("bad_message", "call_id in the address is no UUID") from None
    if not started.ids:
        raise MessageError("bad_message", "which call is it? call_id in the address, or a UUID as the channel's id")
    return started.ids[0]
