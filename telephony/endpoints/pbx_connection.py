"""One call of a PBX over AudioSocket: what the PBX sends, and what its caller hears.

Audio leaves in frames of 20 ms on a clock, a little ahead of the caller: a PBX has no place to keep more, and what it
was sent it plays, barge-in or not. Everything here belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ClassVar, Final, Literal

import anyio
import numpy as np
import structlog

from telephony.audio.samples import Resampler, to_pcm16
from telephony.endpoints.pbx_call import PbxCall, QueuedText
from telephony.listeners.call_events import CallEvents
from telephony.listeners.playback import Playback
from telephony.listeners.session import Session
from telephony.protocols import audiosocket
from telephony.protocols.audiosocket import PbxDecoder
from telephony.protocols.telephone import WireError
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()

DOOR: Final = "audiosocket"
"""The name of this door in metrics."""

LEAD_S = 0.04
"""How far ahead of the caller audio is sent: two frames, so that a busy moment here is no gap there."""

RECEIVE_BYTES = 65_536
"""What is read at once, at most."""

_FRAME_MS = 20
_FRAME_S = _FRAME_MS / 1000
# A PBX sends its first audio about now; until then nobody knows the rate of its channel.
_FIRST_AUDIO_S = 0.1


class AudioSocketCall(PbxCall):
    """One call that is connected by AudioSocket. One task reads what the PBX sends, one plays."""

    door: ClassVar[Literal["audiosocket", "media"]] = DOOR

    def __init__(
        self, call_id: uuid.UUID, session: Session, settings: Settings, metrics: Metrics, events: CallEvents
    ) -> None:
        playback = Playback[QueuedText](LEAD_S, piece_ms=_FRAME_MS, framed=True)
        rate_hz = audiosocket.DEFAULT_RATE_HZ
        super().__init__(call_id, session, settings, metrics, events=events, playback=playback, sample_rate=rate_hz)
        self._rate_known = asyncio.Event()
        self._scope: anyio.CancelScope | None = None

    def cut(self) -> None:
        """Ends the connection without a word: the call goes on in another one."""
        if self._scope is not None:
            self._scope.cancel()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, decoder: PbxDecoder) -> None:
        """Returns when either side has hung up, or this one was cut.

        Raises:
            WireError: the PBX breaks the protocol.
            TimeoutError: it takes no audio.
            OSError: the connection is lost.
        """
        failures: list[Exception] = []

        async def run(task: Callable[[], Awaitable[None]], scope: anyio.CancelScope) -> None:
            try:
                await task()
            except (WireError, OSError) as error:  # raised again below, as it is and not as a group
                failures.append(error)
            scope.cancel()

        async def read() -> None:
            await self._read(reader, decoder)

        async def play() -> None:
            await self._play(writer)

        # What is written leaves at once or is waited for: what lies in a buffer can be cancelled no more.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            async with anyio.create_task_group() as tasks:
                self._scope = tasks.cancel_scope
                tasks.start_soon(run, read, tasks.cancel_scope)
                tasks.start_soon(run, play, tasks.cancel_scope)
        finally:
            writer.write(audiosocket.encode_hangup())
        if failures:
            raise failures[0]

    async def _read(self, reader: asyncio.StreamReader, decoder: PbxDecoder) -> None:
        while True:
            for event in decoder.events():
                match event:
                    case audiosocket.Heard():
                        # The PBX speaks at the rate of its channel: that is the one to answer at.
                        self.sample_rate = event.sample_rate
                        self._rate_known.set()
                        self.note_audio(event.samples / event.sample_rate)
                    case audiosocket.Digit():
                        self.note_digit(event.digit)
                    case audiosocket.Failed():
                        log.warning("pbx_failed", door=DOOR, call=str(self.call_id), code=event.code.hex())
                        return
                    case audiosocket.Unknown():
                        self._metrics.audiosocket_ignored.inc()
                    case _:
                        return
            data = await reader.read(RECEIVE_BYTES)
            if not data:
                return
            decoder.receive(data)

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        with anyio.move_on_after(_FIRST_AUDIO_S):
            await self._rate_known.wait()
        while (said := await self._playback.next()) is not None:
            await self._speak(said, writer)
            self._playback.done()
        await asyncio.sleep(self._playback.ahead_s)

    async def _speak(self, said: QueuedText, writer: asyncio.StreamWriter) -> None:
        sample_rate = self.sample_rate
        resampler = Resampler(sample_rate)
        async for window in said.speech:
            samples = resampler.push(window.samples, window.sample_rate)
            if window.end_of_text:
                samples = np.concatenate([samples, resampler.finish()])
            self.reporter.know(window.epoch, window.words)
            said.push(replace(window, samples=samples, sample_rate=sample_rate))
            while not said.cut and await self._send_frame(said, writer):
                pass
        while await self._send_frame(said, writer):  # what is left of an interrupted text
            pass
        said.whole = True
        self.note_end(said)

    async def _send_frame(self, said: QueuedText, writer: asyncio.StreamWriter) -> bool:
        """Sends the next frame of a text; False if there is none."""
        frame = await self._playback.take(said)
        if frame is None:
            return False
        begun = said.sent_s > 0 and not said.cut
        if not self._playback.sent(_FRAME_S, said) and begun:
            self._metrics.underruns.labels(DOOR).inc()
        await self._write(audiosocket.encode_audio(to_pcm16(frame), said.sample_rate), writer)
        self.reporter.sent(said.speech.request.epoch, _FRAME_S)
        return True

    async def _write(self, message: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(message)
        with anyio.fail_after(self._settings.send_timeout_s):
            await writer.drain()
