"""One call of a PBX, over the connection that it has opened: what it sends, and what its caller hears.

Audio leaves in frames of 20 ms on a clock, a little ahead of the caller: a PBX has no place to keep more, and what it
was sent it plays, barge-in or not. Everything here belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import anyio
import numpy as np
import structlog

from telephony.audio.samples import Resampler, to_pcm16
from telephony.listeners.call_events import CallEvents
from telephony.listeners.call_reporter import CallReporter
from telephony.listeners.playback import Playback, SaidText
from telephony.listeners.session import Session, Speech
from telephony.protocols import audiosocket
from telephony.protocols.audiosocket import PbxDecoder
from telephony.protocols.telephone import WireError
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.text.lexicon import EMPTY, Lexicon
from telephony.text.script import Script
from telephony.voices import ResolvedVoice

log = structlog.get_logger()

DOOR = "audiosocket"
"""The name of this door in metrics."""

LEAD_S = 0.04
"""How far ahead of the caller audio is sent: two frames, so that a busy moment here is no gap there."""

RECEIVE_BYTES = 65_536
"""What is read at once, at most."""

_FRAME_MS = 20
_FRAME_S = _FRAME_MS / 1000
# A PBX sends its first audio about now; until then nobody knows the rate of its channel.
_FIRST_AUDIO_S = 0.1
_MAX_DIGITS = 100


@dataclass(frozen=True)
class CallText:
    """A text for a call, and who speaks it; `context` is that of its HTTP request, also once its call connects."""

    script: Script
    selection: ResolvedVoice
    request_id: str
    pronunciations: Lexicon = EMPTY
    context: contextvars.Context = field(default_factory=contextvars.copy_context)

    @property
    def size_bytes(self) -> int:
        """What it counts against `max_queued_text_bytes`."""
        return self.script.size_bytes


@dataclass(eq=False)
class _QueuedText(SaidText):
    """A text of a call that is connected."""

    speech: Speech


class PbxCall:
    """One call that is connected. One task reads what the PBX sends, one plays. `reporter` tells of it."""

    def __init__(
        self, call_id: uuid.UUID, session: Session, settings: Settings, metrics: Metrics, events: CallEvents
    ) -> None:
        self.call_id = call_id
        self.connected_at = time.monotonic()
        self.reporter = CallReporter(events, str(call_id), DOOR)
        self.sample_rate = audiosocket.DEFAULT_RATE_HZ
        self.digits: deque[str] = deque(maxlen=_MAX_DIGITS)
        self._session = session
        self._settings = settings
        self._metrics = metrics
        self._playback = Playback[_QueuedText](LEAD_S, piece_ms=_FRAME_MS, framed=True)
        self._rate_known = asyncio.Event()
        self._scope: anyio.CancelScope | None = None

    @property
    def silent(self) -> bool:
        """Whether the caller hears nothing and has nothing coming."""
        return self._session.silent

    @property
    def texts(self) -> int:
        """How many texts are being spoken or wait."""
        return len(self._playback.texts)

    @property
    def waiting_bytes(self) -> int:
        """The size of these texts."""
        return sum(said.speech.request.size_bytes for said in self._playback.texts)

    def say(self, wanted: CallText) -> None:
        """Speaks a text behind those said before."""
        speech = wanted.context.run(
            self._session.say,
            wanted.script,
            wanted.selection,
            request_id=wanted.request_id,
            pronunciations=wanted.pronunciations,
            lead_silence_s=self._settings.lead_silence_ms / 1000,
        )
        words = wanted.script.words
        self.reporter.say(speech.request, words)
        self._playback.add(_QueuedText(words, speech))

    def interrupt(self) -> tuple[str, str]:
        """Barge-in: speech fades, what was said before is dropped. Returns what the caller heard of it, and the rest.

        The caller hears the fade once the frames that the PBX has already were played.
        """
        heard = self._playback.interrupt()
        self.reporter.interrupted()
        self._session.interrupt()
        return heard

    def hang_up(self, after_speech: bool) -> None:
        """Ends the call: at once, or when all that was said was heard."""
        if not after_speech:
            self.interrupt()
        self._playback.end()

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
                        self._metrics.audio_ignored_s.inc(event.samples / event.sample_rate)
                    case audiosocket.Digit():
                        self.digits.append(event.digit)
                        self._metrics.digits.inc()
                        self.reporter.digit(event.digit)
                        log.info("digit", door=DOOR, call=str(self.call_id), digit=event.digit)
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

    async def _speak(self, said: _QueuedText, writer: asyncio.StreamWriter) -> None:
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
        self.reporter.made(said.speech.request.epoch, 0.0, whole=True)
        failure = said.speech.request.measured.failure
        if failure is not None:
            log.warning("text_broken_off", door=DOOR, call=str(self.call_id), error=failure)

    async def _send_frame(self, said: _QueuedText, writer: asyncio.StreamWriter) -> bool:
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
