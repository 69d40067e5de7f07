"""Asterisk's door: AudioSocket over TCP. A PBX connects for each call, says its UUID, and plays what it is sent.

The protocol carries no text: that comes for the UUID over HTTP (`endpoints/calls.py`), in the same event loop, to which
everything here belongs. Audio leaves in frames of 20 ms on a clock, a little ahead of the caller: a PBX has no place to
keep more, and what it was sent it plays, barge-in or not.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import anyio
import numpy as np
import structlog

from telephony.audio.samples import Resampler, to_pcm16
from telephony.endpoints.listening import Listener
from telephony.listeners.playback import FADE_S, Playback, SaidText, fade_out
from telephony.listeners.sessions import RefusedError, Session, SessionRegistry, Speech
from telephony.protocols import audiosocket
from telephony.protocols.audiosocket import PbxDecoder
from telephony.protocols.telephone import WireError
from telephony.settings import Settings
from telephony.speech import Samples
from telephony.telemetry.metrics import Metrics
from telephony.voices import ResolvedVoice

log = structlog.get_logger()

DOOR = "audiosocket"
"""The name of this door in metrics."""

LEAD_S = 0.04
"""How far ahead of the caller audio is sent: two frames, so that a busy moment here is no gap there."""

_FRAME_S = 0.02
_RECEIVE_BYTES = 65_536
# About a second at the highest usual rate: a PBX that takes nothing is noticed, and hears nothing old afterwards.
_SEND_BUFFER_BYTES = 32_768
_GOODBYE_S = 1.0
# A PBX sends its first audio about now; until then nobody knows the rate of its channel.
_FIRST_AUDIO_S = 0.1
_MAX_DIGITS = 100


class UnknownCallError(LookupError):
    """There is no such call. The message says what to do."""


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


@dataclass(frozen=True)
class Saying:
    """A text for a call, and who speaks it."""

    text: str
    selection: ResolvedVoice
    request_id: str

    @property
    def size_bytes(self) -> int:
        """What it counts against `max_queued_text_bytes`."""
        return len(self.text.encode())


@dataclass
class _Waiting:
    """Texts of a call whose PBX has not connected yet; `expiry` forgets them."""

    expiry: asyncio.TimerHandle
    sayings: list[Saying] = field(default_factory=list)


class Pbx:
    """All calls of this door, and its server."""

    def __init__(self, sessions: SessionRegistry, settings: Settings, metrics: Metrics) -> None:
        self._sessions = sessions
        self._settings = settings
        self._metrics = metrics
        self._calls: dict[uuid.UUID, PbxCall] = {}
        self._waiting: dict[uuid.UUID, _Waiting] = {}
        self._connections: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[None]:
        """Serves a listening socket inside the context; at its end every call is hung up. Closes the socket."""
        server = await asyncio.start_server(self._serve, sock=listener, limit=_RECEIVE_BYTES)
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
            UnknownCallError: it is not.
        """
        call = self._calls.get(call_id)
        if call is None:
            raise UnknownCallError(
                f"no call {call_id} is connected: its PBX has to connect to the AudioSocket port with that UUID first"
            )
        return call

    def waiting_texts(self, call_id: uuid.UUID) -> int:
        """How many texts wait for a call that has not connected yet."""
        waiting = self._waiting.get(call_id)
        return len(waiting.sayings) if waiting is not None else 0

    def say(self, call_id: uuid.UUID, saying: Saying) -> bool:
        """Speaks a text behind those said before; False if it waits for the call's PBX to connect.

        Raises:
            UnknownCallError: the call is not connected, and texts do not wait for one.
            TooMuchTextError: too much waits already.
            RefusedError: the service is stopping, or could not begin soon enough.
        """
        self._sessions.check_open()
        call = self._calls.get(call_id)
        if call is None:
            self._keep(call_id, saying)
            return False
        if call.silent:
            self._sessions.check_delay()
        self._check_room(saying, call.waiting_bytes)
        call.say(saying)
        return True

    def forget(self, call_id: uuid.UUID) -> bool:
        """Drops what waits for a call that has not connected yet; whether there was anything."""
        waiting = self._waiting.pop(call_id, None)
        if waiting is None:
            return False
        waiting.expiry.cancel()
        return True

    def _keep(self, call_id: uuid.UUID, saying: Saying) -> None:
        wait_s = self._settings.audiosocket_wait_s
        if not wait_s:
            self.find(call_id)
        waiting = self._waiting.get(call_id)
        if waiting is None:
            if len(self._waiting) >= self._settings.max_sessions:
                raise TooMuchTextError(f"texts of {len(self._waiting)} calls wait for their PBX, which is the limit")
            expiry = asyncio.get_running_loop().call_later(wait_s, self._expire, call_id)
            waiting = self._waiting[call_id] = _Waiting(expiry)
        self._check_room(saying, sum(each.size_bytes for each in waiting.sayings))
        waiting.sayings.append(saying)

    def _check_room(self, saying: Saying, waiting_bytes: int) -> None:
        if waiting_bytes and waiting_bytes + saying.size_bytes > self._settings.max_queued_text_bytes:
            raise TooMuchTextError(f"{waiting_bytes} bytes of text wait for this call")

    def _expire(self, call_id: uuid.UUID) -> None:
        texts = len(self._waiting.pop(call_id).sayings)
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
            log.debug("connection_lost", door=DOOR, error=str(error))
        except Exception:
            log.exception("connection_failed", door=DOOR)
        finally:
            writer.close()
            with anyio.move_on_after(_GOODBYE_S, shield=True), contextlib.suppress(OSError):  # it is gone already
                await writer.wait_closed()
            writer.transport.abort()
            self._connections.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) > self._settings.max_connections:
            self._refuse("connections", f"{self._settings.max_connections} connections are open")
            return
        decoder = PbxDecoder()
        try:
            with anyio.fail_after(self._settings.hello_timeout_s):
                call_id = await _greeting(reader, decoder)
        except TimeoutError:
            self._refuse("overdue", f"no UUID within {self._settings.hello_timeout_s:g} s")
            return
        except WireError as error:
            self._refuse("broken", str(error))
            return
        if call_id is None:
            return
        try:
            session = self._sessions.open(DOOR)
        except RefusedError as error:
            self._refuse("busy", str(error))
            writer.write(audiosocket.encode_hangup())
            return
        try:
            await self._converse(PbxCall(call_id, session, self._settings, self._metrics), reader, writer, decoder)
        finally:
            session.close()

    async def _converse(
        self, call: PbxCall, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, decoder: PbxDecoder
    ) -> None:
        older = self._calls.get(call.call_id)
        if older is not None:
            older.cut()
        self._calls[call.call_id] = call
        log.info("connected", door=DOOR, call=str(call.call_id))
        waiting = self._waiting.pop(call.call_id, None)
        if waiting is not None:
            waiting.expiry.cancel()
            for saying in waiting.sayings:
                call.say(saying)
        try:
            await call.serve(reader, writer, decoder)
        except WireError as error:
            self._refuse("broken", str(error))
        except TimeoutError:
            self._metrics.clients_stalled.labels(DOOR).inc()
            log.warning("client_stalled", door=DOOR, call=str(call.call_id))
            writer.transport.abort()
        finally:
            if self._calls.get(call.call_id) is call:
                del self._calls[call.call_id]
            log.info("disconnected", door=DOOR, call=str(call.call_id))

    def _refuse(self, why: str, error: str) -> None:
        self._metrics.audiosocket_refused.labels(why).inc()
        log.warning("audiosocket_refused", why=why, error=error)


async def _greeting(reader: asyncio.StreamReader, decoder: PbxDecoder) -> uuid.UUID | None:
    """The call's id; None if the PBX hangs up before it has said it."""
    while data := await reader.read(_RECEIVE_BYTES):
        decoder.receive(data)
        for event in decoder.events():
            return event.call_id if isinstance(event, audiosocket.Connected) else None
    return None


class PbxCall:
    """One call that is connected. One task reads what the PBX sends, one plays."""

    def __init__(self, call_id: uuid.UUID, session: Session, settings: Settings, metrics: Metrics) -> None:
        self.call_id = call_id
        self.connected_at = time.monotonic()
        self.sample_rate = audiosocket.DEFAULT_RATE_HZ
        self.digits: deque[str] = deque(maxlen=_MAX_DIGITS)
        self._session = session
        self._settings = settings
        self._metrics = metrics
        self._playback = Playback(LEAD_S)
        self._queue: deque[tuple[Saying, Speech]] = deque()
        self._playing: tuple[Saying, Speech] | None = None
        self._changed = asyncio.Event()
        self._rate_known = asyncio.Event()
        self._ending = False
        self._scope: anyio.CancelScope | None = None
        self._line: _Line | None = None

    @property
    def silent(self) -> bool:
        """Whether the caller hears nothing and has nothing coming."""
        return self._session.silent

    @property
    def texts(self) -> int:
        """How many texts are being spoken or wait."""
        return len(self._queue) + (self._playing is not None)

    @property
    def waiting_bytes(self) -> int:
        """The size of these texts."""
        playing = [] if self._playing is None else [self._playing]
        return sum(saying.size_bytes for saying, _ in (*playing, *self._queue))

    def say(self, saying: Saying) -> None:
        """Speaks a text behind those said before."""
        speech = self._session.say(saying.text, saying.selection, request_id=saying.request_id)
        self._queue.append((saying, speech))
        self._changed.set()

    def interrupt(self) -> tuple[str, str]:
        """Barge-in: speech fades, what was said before is dropped. Returns what the caller heard of it, and the rest.

        The caller hears the fade once the frames that the PBX has already were played.
        """
        heard = self._playback.interrupt([saying.text for saying, _ in self._queue])
        self._queue.clear()
        self._session.interrupt()
        if self._line is not None:
            self._line.fade()
        return heard

    def hang_up(self, after_speech: bool) -> None:
        """Ends the call: at once, or when all that was said was heard."""
        self._ending = True
        if not after_speech:
            self.interrupt()
        self._changed.set()

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
                        # Which one is for those who ask: it may belong to a PIN.
                        self.digits.append(event.digit)
                        self._metrics.digits.inc()
                        log.info("digit", call=str(self.call_id))
                    case audiosocket.Failed():
                        log.warning("pbx_failed", call=str(self.call_id), code=event.code.hex())
                        return
                    case audiosocket.Unknown():
                        self._metrics.audiosocket_ignored.inc()
                    case _:
                        return
            data = await reader.read(_RECEIVE_BYTES)
            if not data:
                return
            decoder.receive(data)

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        with anyio.move_on_after(_FIRST_AUDIO_S):
            await self._rate_known.wait()
        while True:
            while not self._queue:
                if self._ending:
                    await asyncio.sleep(self._playback.ahead_s)
                    return
                self._changed.clear()
                await self._changed.wait()
            self._playing = saying, speech = self._queue.popleft()
            await self._speak(saying, speech, writer)
            self._playing = None

    async def _speak(self, saying: Saying, speech: Speech, writer: asyncio.StreamWriter) -> None:
        said = self._playback.begin(saying.text)
        line = self._line = _Line(self.sample_rate)
        async for window in speech:
            said.know(window.words)
            line.push(window.samples, window.sample_rate, last=window.end_of_text)
            while line.ready and not speech.cancelled:
                await self._send_frame(line, said, writer)
        while line.ready:  # what is left of an interrupted text
            await self._send_frame(line, None, writer)
        said.whole = True
        self._line = None
        if speech.request.failure is not None:
            log.warning("text_broken_off", call=str(self.call_id), error=speech.request.failure)

    async def _send_frame(self, line: _Line, said: SaidText | None, writer: asyncio.StreamWriter) -> None:
        await self._playback.wait(_FRAME_S)
        # Taken only now: a barge-in may have come while it waited.
        frame = line.take()
        begun = said is not None and said.sent_s > 0
        if not self._playback.sent(_FRAME_S, said) and begun:
            self._metrics.underruns.labels(DOOR).inc()
        await self._write(audiosocket.encode_audio(to_pcm16(frame), line.sample_rate), writer)

    async def _write(self, message: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(message)
        with anyio.fail_after(self._settings.send_timeout_s):
            await writer.drain()


class _Line:
    """One text as frames of 20 ms at the line's rate, the last one filled up with silence.

    So much is kept in hand until the text's end that there is always something to fade.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._frame_samples = round(_FRAME_S * sample_rate)
        self._in_hand = round(FADE_S * sample_rate)
        self._resampler = Resampler(sample_rate)
        self._unsent: Samples = np.zeros(0, np.float32)
        self._whole = False

    @property
    def ready(self) -> bool:
        """Whether there is a frame to take."""
        if self._whole:
            return len(self._unsent) > 0
        return len(self._unsent) >= self._frame_samples + self._in_hand

    def push(self, samples: Samples, sample_rate: int, last: bool) -> None:
        """Takes the next window, float32 [n] at `sample_rate` Hz; `last` is the text's end."""
        pieces = [self._unsent, self._resampler.push(samples, sample_rate)]
        if last:
            self._whole = True
            pieces.append(self._resampler.finish())
        self._unsent = np.concatenate(pieces)

    def take(self) -> Samples:
        """The next frame, whole."""
        frame, self._unsent = self._unsent[: self._frame_samples], self._unsent[self._frame_samples :]
        return np.pad(frame, (0, self._frame_samples - len(frame)))

    def fade(self) -> None:
        """The text ends here: what is in hand falls silent."""
        self._unsent = fade_out(self._unsent, self.sample_rate)
        self._whole = True
