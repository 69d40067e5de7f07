"""Text to speech over the session protocol at `/ws/tts`.

`KokoroTTS` and `SupertonicTTS` are used like any other `livekit.agents.tts.TTS`. `update_options` takes effect with the
next reply; `prewarm()` opens a connection before the first one. Outside of a job, call `aclose()` in the end.
"""

from __future__ import annotations

import asyncio
import json
import uuid
import weakref
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, NoReturn

import anyio
from livekit.agents import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    create_api_error_from_http,
    tts,
)
from livekit.agents.types import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    APIConnectOptions,
    NotGivenOr,
    TimedString,
)
from livekit.agents.utils import ConnectionPool, aio, is_given
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.protocol import State

DEFAULT_URL = "ws://127.0.0.1:8000/ws/tts"

SAMPLE_RATE = 24_000
"""Of all audio, in Hz."""

SUPERTONIC_VOICES = ("F1", "F2", "F3", "F4", "F5", "M1", "M2", "M3", "M4", "M5")

_SAMPLE_BYTES = 2
_CANCEL_TIMEOUT_S = 1.0
_CLOSE_TIMEOUT_S = 1.0
_POLICY_VIOLATION = 1008
_TRY_AGAIN_LATER = 1013
# HTTP's numbers for the codes of the service's errors; what is not listed was a fault of the message.
_STATUS = {"busy": 503, "synthesis_failed": 500}


@dataclass(frozen=True)
class _Config:
    """The config of `start_session`; None leaves it to the service."""

    voice: str | None
    lang_code: str | None
    speed: float | None
    timestamps: bool = True


class _SessionTTS(tts.TTS[NoReturn]):
    """A voice of the service.

    Args:
        service_url: of the session protocol, `ws://` or `wss://`.
        voice: its name; None for the service's.
        lang_code: Kokoro's letter (`a b e f h i j p z`) or an ISO code; None for the voice's.
        speed: rate of speech, 0.5 to 2; None for the service's.
        api_key: the service's key, where it asks for one.
    """

    _model: ClassVar[str]

    def __init__(
        self,
        *,
        service_url: str,
        voice: str | None,
        lang_code: str | None,
        speed: float | None,
        api_key: str | None,
    ) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=SAMPLE_RATE,
            num_channels=1,
        )
        self._service_url = service_url
        self._headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._config = _Config(voice, lang_code, speed)
        self._pool = ConnectionPool[ClientConnection](connect_cb=self._connect, close_cb=_close)
        self._streams = weakref.WeakSet[_SessionStream]()

    @property
    def model(self) -> str:
        """The name of the model."""
        return self._model

    @property
    def provider(self) -> str:
        """The name of the service."""
        return "kokoro-telephony"

    def update_options(
        self,
        *,
        voice: NotGivenOr[str | None] = NOT_GIVEN,
        lang_code: NotGivenOr[str | None] = NOT_GIVEN,
        speed: NotGivenOr[float | None] = NOT_GIVEN,
    ) -> None:
        """Changes what is given, for the streams that are opened from now on."""
        wanted: dict[str, Any] = {"voice": voice, "lang_code": lang_code, "speed": speed}
        self._config = replace(self._config, **{name: value for name, value in wanted.items() if is_given(value)})

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Speaks a text that is complete."""
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> tts.SynthesizeStream:
        """Speaks a text while it is still coming."""
        stream = _SessionStream(self, self._config, self._pool, conn_options)
        self._streams.add(stream)
        return stream

    def prewarm(self) -> None:
        """Opens a connection in the background, if there is none. Needs a running event loop."""
        self._pool.prewarm()

    async def aclose(self) -> None:
        """Ends all streams and closes all connections."""
        for stream in list(self._streams):
            await stream.aclose()
        await self._pool.aclose()

    async def _connect(self, timeout_s: float) -> ClientConnection:
        try:
            return await connect(
                self._service_url,
                additional_headers=self._headers,
                compression=None,  # speech hardly shrinks, and the service has better things to compute
                open_timeout=timeout_s,
                close_timeout=_CLOSE_TIMEOUT_S,
            )
        except InvalidStatus as error:
            raise create_api_error_from_http(str(error), status=error.response.status_code) from None
        except TimeoutError:
            raise APITimeoutError(f"{self._service_url} did not answer in {timeout_s:g} s") from None
        except (OSError, WebSocketException) as error:
            raise APIConnectionError(f"cannot connect to {self._service_url}") from error


class KokoroTTS(_SessionTTS):
    """Kokoro-82M."""

    _model = "kokoro-82m"

    def __init__(
        self,
        *,
        service_url: str = DEFAULT_URL,
        voice: str | None = None,
        lang_code: str | None = None,
        speed: float | None = None,
        api_key: str | None = None,
    ) -> None:
        super().__init__(service_url=service_url, voice=voice, lang_code=lang_code, speed=speed, api_key=api_key)


class SupertonicTTS(_SessionTTS):
    """Supertonic 2, with the voices `SUPERTONIC_VOICES`.

    Raises:
        ValueError: it has no such voice.
    """

    _model = "supertonic-2"

    def __init__(
        self,
        *,
        service_url: str = DEFAULT_URL,
        voice: str = "F1",
        lang_code: str | None = None,
        speed: float | None = None,
        api_key: str | None = None,
    ) -> None:
        _check_supertonic_voice(voice)
        super().__init__(service_url=service_url, voice=voice, lang_code=lang_code, speed=speed, api_key=api_key)

    def update_options(
        self,
        *,
        voice: NotGivenOr[str | None] = NOT_GIVEN,
        lang_code: NotGivenOr[str | None] = NOT_GIVEN,
        speed: NotGivenOr[float | None] = NOT_GIVEN,
    ) -> None:
        """Changes what is given, for the streams that are opened from now on.

        Raises:
            ValueError: it has no such voice.
        """
        if is_given(voice):
            _check_supertonic_voice(voice)
        super().update_options(voice=voice, lang_code=lang_code, speed=speed)


class _SessionStream(tts.SynthesizeStream):
    """One reply: one session on a connection of the pool."""

    def __init__(
        self, owner: _SessionTTS, config: _Config, pool: ConnectionPool[ClientConnection], options: APIConnectOptions
    ) -> None:
        super().__init__(tts=owner, conn_options=options)
        self._config = config
        self._pool = pool

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        """One attempt; the framework repeats those that fail with a retryable error.

        Raises:
            APIError: it has failed.
        """
        connection = await self._acquire()
        session = _Session(connection, self._config, self._conn_options.timeout)
        output_emitter.initialize(
            request_id=session.session_id,
            sample_rate=SAMPLE_RATE,
            num_channels=1,
            mime_type="audio/pcm",
            stream=True,
        )
        output_emitter.start_segment(segment_id=session.session_id)
        reception = _Reception(output_emitter, session)
        try:
            await self._converse(session, reception)
        except asyncio.CancelledError:
            await self._release(session)
            raise
        except Exception as error:
            self._drop(connection)
            if isinstance(error, APIError) and reception.heard_s:
                # The framework does not count what is on its way out, which would then be heard twice.
                error.retryable = False
            raise
        self._pool.put(connection)
        if session.started and not reception.heard_s:
            # The framework takes a reply without any audio, such as a lone emoji, for a failure and repeats it.
            output_emitter.push(bytes(SAMPLE_RATE // 50 * _SAMPLE_BYTES))

    async def _acquire(self) -> ClientConnection:
        while True:
            connection = await self._pool.get(timeout=self._conn_options.timeout)
            self._acquire_time = self._pool.last_acquire_time
            self._connection_reused = self._pool.last_connection_reused
            # A new one that is closed already tells why.
            if connection.state is State.OPEN or not self._connection_reused:
                return connection
            self._pool.remove(connection)

    async def _release(self, session: _Session) -> None:
        """Gives the connection back once the service has fallen silent, or drops it."""
        silent = False
        with anyio.move_on_after(_CANCEL_TIMEOUT_S):
            silent = await session.cancel()
        if silent:
            self._pool.put(session.connection)
        else:
            self._drop(session.connection)

    def _drop(self, connection: ClientConnection) -> None:
        self._pool.remove(connection)
        connection.transport.abort()  # the service notices at once; the pool closes it some time later

    async def _converse(self, session: _Session, reception: _Reception) -> None:
        listening = asyncio.create_task(reception.listen())
        speaking = asyncio.create_task(self._speak(session, reception))
        try:
            await asyncio.wait({listening, speaking}, return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                await speaking
            if session.started or listening.done():
                await listening
        except ConnectionClosed as error:
            raise _lost(error) from error
        except TimeoutError:
            raise APITimeoutError(f"the service was silent for {self._conn_options.timeout:g} s") from None
        finally:
            await aio.cancel_and_wait(listening, speaking)

    async def _speak(self, session: _Session, reception: _Reception) -> None:
        """Sends the text as it comes. A session is started only if there is any."""
        async for event in self._input_ch:
            if isinstance(event, str):
                if not session.started:
                    self._mark_started()
                    await session.start()
                reception.transcript.push(event)
                await session.send("send_text", text=event)
            elif session.started:
                await session.send("flush")
        if session.started:
            await session.send("end_session")


class _Session:
    """One session of the protocol: from `start_session` to `session_ended`.

    Args:
        timeout_s: until a service that has something to say, and does not, counts as gone.
    """

    def __init__(self, connection: ClientConnection, config: _Config, timeout_s: float) -> None:
        self.session_id = str(uuid.uuid4())
        self.connection = connection
        self.started = False
        self._config = config
        self._timeout_s = timeout_s
        self._patience = anyio.CancelScope()
        self._ending = False
        self._ended = False

    async def start(self) -> None:
        """Starts it; text may follow at once."""
        self.started = True
        await self.send("start_session", session_id=self.session_id, config=asdict(self._config))

    async def send(self, kind: str, **fields: Any) -> None:
        """Sends a message.

        Raises:
            ConnectionClosed: the service is gone.
        """
        if kind == "end_session":
            self._ending = True
            self._patience.deadline = anyio.current_time() + self._timeout_s
        await self.connection.send(json.dumps({"type": kind, **fields}))

    async def receive(self) -> dict[str, Any] | bytes:
        """The next message, or audio.

        Raises:
            ConnectionClosed: the service is gone.
            TimeoutError: it was silent for too long.
        """
        # Before the text is complete, it is the service that waits.
        with anyio.fail_after(self._timeout_s if self._ending else None) as self._patience:
            received = await self.connection.recv()
        if isinstance(received, bytes):
            return received
        message: dict[str, Any] = json.loads(received)
        self._ended = self._ended or message["type"] == "session_ended"
        return message

    async def cancel(self) -> bool:
        """Ends it without another word; whether the connection may be used for the next session."""
        if not self.started or self._ended:
            return True
        try:
            ending = self._ending
            await self.send("cancel")
            if not ending:
                await self.send("end_session")
            answered = False
            while not (answered and self._ended):
                message = await self.receive()
                if isinstance(message, bytes):
                    continue
                if message["type"] == "cancelled":
                    answered = True
                elif message["type"] == "error":
                    # What ends just before it is cancelled leaves no session that could answer.
                    answered = self._ended and message["code"] == "no_session"
                    if not answered and message["code"] != "synthesis_failed":
                        return False
        except (WebSocketException, TimeoutError):
            return False
        return True


class _Reception:
    """What the service says in a session, on its way into the framework. `heard_s` is the audio so far, in seconds."""

    def __init__(self, emitter: tts.AudioEmitter, session: _Session) -> None:
        self.heard_s = 0.0
        self.transcript = _Transcript()
        self._emitter = emitter
        self._session = session

    async def listen(self) -> None:
        """Returns when the session has ended.

        Raises:
            APIError: the service reports an error.
            ConnectionClosed: it is gone.
            TimeoutError: it was silent for too long.
        """
        segment_start_s = 0.0
        while True:
            message = await self._session.receive()
            if isinstance(message, bytes):
                self._emitter.push(message)
                self.heard_s += len(message) / _SAMPLE_BYTES / SAMPLE_RATE
                continue
            kind = message["type"]
            if kind == "words":
                timed = [self.transcript.timed(word, segment_start_s) for word in message["words"]]
                self._emitter.push_timed_transcript(timed)
            elif kind == "segment_done":
                segment_start_s = self.heard_s
            elif kind == "error":
                raise _refused(message)
            elif kind == "session_ended":
                return


class _Transcript:
    """The text of a reply, out of which the words that are heard take what stands between them."""

    def __init__(self) -> None:
        self._text = ""
        self._position = 0

    def push(self, text: str) -> None:
        """The next piece of the text."""
        self._text += text

    def timed(self, word: dict[str, Any], segment_start_s: float) -> TimedString:
        """A word of the protocol, with the space in front of it and its time since the start of the reply."""
        spoken = word["word"]
        start = self._text.find(spoken, self._position)
        if start < 0:
            space = " "
        else:
            gap = self._text[self._position : start]
            space = gap[len(gap.rstrip()) :]
            self._position = start + len(spoken)
        return TimedString(space + spoken, segment_start_s + word["start_s"], segment_start_s + word["end_s"])


def _refused(message: dict[str, Any]) -> APIError:
    return APIStatusError(
        message["message"],
        status_code=_STATUS.get(message["code"], 400),
        request_id=message.get("request_id"),
        body=message,
    )


def _lost(error: ConnectionClosed) -> APIError:
    close = error.rcvd
    if close is not None and close.code == _POLICY_VIOLATION:
        return APIStatusError(close.reason or "the service refuses this client", status_code=401)
    if close is not None and close.code == _TRY_AGAIN_LATER:
        return APIStatusError(close.reason or "the service has no place now", status_code=503)
    return APIConnectionError("the connection to the service was lost")


async def _close(connection: ClientConnection) -> None:
    await connection.close()


def _check_supertonic_voice(voice: str | None) -> None:
    if voice not in SUPERTONIC_VOICES:
        raise ValueError(f"Supertonic has the voices {', '.join(SUPERTONIC_VOICES)}, not {voice!r:.100}")
