"""Text to speech over the sentence protocol at `/v1/audio/speech/stream/ws`.

An interruption cancels on the service what is not spoken yet. Word times become `TTSTextFrame`s, timed like the audio.
A connection that is lost, because the service restarts, is opened again by the next sentence.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from loguru import logger
from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame, TTSStoppedFrame
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import WebsocketTTSService
from pipecat.utils.errors import ErrorCategory
from pipecat.utils.tracing.service_decorators import traced_tts
from pipecat.utils.types import NOT_GIVEN, NotGiven
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.protocol import State

DEFAULT_URL = "ws://127.0.0.1:8000/v1/audio/speech/stream/ws"

SAMPLE_RATES = (8_000, 16_000, 24_000, 48_000)
"""What the service speaks in, in Hz. A pipeline with another rate gets 24,000, and its transport resamples."""

_SAMPLE_BYTES = 2
_CONNECT_TIMEOUT_S = 10.0
# The service says when a request has ended. This is for one that hangs.
_SILENCE_TIMEOUT_S = 30.0
_POLICY_VIOLATION = 1008
_CATEGORIES = {"busy": ErrorCategory.RATE_LIMIT, "stream_error": ErrorCategory.SERVER}


@dataclass
class KokoroWebsocketTTSSettings(TTSSettings):
    """`voice` by name, None for the service's; `speed` 0.5 to 2, None for the service's. The voice has its language."""

    speed: float | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)


@dataclass
class _Turn:
    """What the service is to say within one audio context.

    Attributes:
        requests: ids of those in flight.
        complete: whether no more will follow.
        heard_s: its audio so far, in seconds.
        request_start_s: how much of it there was when the current request began.
    """

    requests: set[str] = field(default_factory=set)
    complete: bool = False
    heard_s: float = 0.0
    request_start_s: float = 0.0


class KokoroWebsocketTTSService(WebsocketTTSService):
    """A voice of the service.

    Args:
        url: of the sentence protocol, `ws://` or `wss://`.
        api_key: the service's key, where it asks for one.
        settings: voice and rate of speech.
        **kwargs: as `TTSService` takes them, such as `sample_rate` and `text_transforms`.
    """

    Settings = KokoroWebsocketTTSSettings
    _settings: KokoroWebsocketTTSSettings

    def __init__(
        self,
        *,
        url: str = DEFAULT_URL,
        api_key: str | None = None,
        settings: KokoroWebsocketTTSSettings | None = None,
        **kwargs: Any,
    ) -> None:
        wanted = self.Settings(model=None, voice=None, language=None, speed=None)
        if settings is not None:
            wanted.apply_update(settings)
        super().__init__(
            settings=wanted,
            push_text_frames=False,
            push_start_frame=True,
            push_stop_frames=True,
            stop_frame_timeout_s=_SILENCE_TIMEOUT_S,
            # By itself, Pipecat would never ask a service again that was down for a few seconds, or for three texts.
            reconnect_on_error=False,
            **{"max_consecutive_zero_audio_contexts": 0, **kwargs},
        )
        self._url = url
        self._headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._service_rate = 24_000
        self._turns: dict[str, _Turn] = {}
        self._contexts: dict[str, str] = {}
        self._spoken_request = ""
        self._receive_task: asyncio.Task[None] | None = None

    def can_generate_metrics(self) -> bool:
        """Time to first audio and characters are measured."""
        return True

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # as Pipecat's own
        """Connects."""
        await super().setup(setup)
        if self.sample_rate in SAMPLE_RATES:
            self._service_rate = self.sample_rate
        await self._connect()

    @traced_tts
    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Asks for a text. What is said arrives in `_receive_messages`."""
        if self._websocket is None or self._websocket.state is not State.OPEN:
            await self._connect()
        if self._websocket is None:
            return
        request_id = str(uuid.uuid4())
        self._contexts[request_id] = context_id
        self._turns.setdefault(context_id, _Turn()).requests.add(request_id)
        settings = self._settings
        try:
            await self._send("speak", request_id=request_id, text=text, voice=settings.voice, speed=settings.speed)
        except ConnectionClosed as error:
            await self._end_request(request_id)
            yield ErrorFrame(error=f"the connection to {self._url} was lost", exception=error)
            return
        await self.start_tts_usage_metrics(text)
        yield None

    async def flush_audio(self, context_id: str | None = None) -> None:
        """Takes note that a context is complete: it ends with what was asked for."""
        if context_id is not None:
            self._turns.setdefault(context_id, _Turn()).complete = True
            await self._end_turn_if_done(context_id)

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        """Cancels on the service what it has not said yet."""
        turn = self._turns.pop(context_id, _Turn())
        for request_id in turn.requests:
            del self._contexts[request_id]
        for request_id in turn.requests:
            try:
                await self._send("cancel", request_id=request_id)
            except ConnectionClosed:
                break
        await super().on_audio_context_interrupted(context_id)

    async def _update_settings(self, delta: TTSSettings) -> dict[str, Any]:  # type: ignore[override]  # as Pipecat's own
        changed = await super()._update_settings(delta)
        self._warn_unhandled_updated_settings(changed.keys() - {"voice", "speed"})
        return changed

    async def _connect(self) -> None:
        await super()._connect()
        if self._receive_task is not None:
            await self.cancel_task(self._receive_task)
            self._receive_task = None
        await self._connect_websocket()
        if self._websocket is not None:
            self._receive_task = self.create_task(self._receive_task_handler(self._report_error))

    async def _disconnect(self) -> None:
        await super()._disconnect()
        if self._receive_task is not None:
            await self.cancel_task(self._receive_task)
            self._receive_task = None
        await self._disconnect_websocket()

    async def _connect_websocket(self) -> None:
        self._websocket = None
        try:
            self._websocket = await self._open()
        except (OSError, WebSocketException) as error:
            close = error.rcvd if isinstance(error, ConnectionClosed) else None
            if close is not None and close.code == _POLICY_VIOLATION:
                message, category = f"{self._url} refuses: {close.reason}", ErrorCategory.AUTHENTICATION
            else:
                message, category = f"cannot connect to {self._url}: {error}", ErrorCategory.CONNECTIVITY
            await self.push_error(message, exception=error, category=category)
            await self._call_event_handler("on_connection_error", message)
        else:
            await self._call_event_handler("on_connected")

    async def _open(self) -> ClientConnection:
        """A connection that is ready for requests.

        Raises:
            OSError: there is no service, or it has no place.
            WebSocketException: it refuses.
        """
        websocket: ClientConnection = await self._websocket_connect(
            self._url,
            additional_headers=self._headers,
            compression=None,  # speech hardly shrinks, and the service has better things to compute
            open_timeout=_CONNECT_TIMEOUT_S,
        )
        start = {"type": "start", "format": "pcm", "sample_rate": self._service_rate, "timestamps": True}
        try:
            await websocket.send(json.dumps(start))
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                answer = json.loads(await websocket.recv())
            if answer["type"] != "started":
                raise ConnectionError(answer["message"])
        except (OSError, WebSocketException):
            await websocket.close()
            raise
        return websocket

    async def _disconnect_websocket(self) -> None:
        await self.stop_all_metrics()
        websocket, self._websocket = self._websocket, None
        if websocket is not None:
            await websocket.close()
            await self._call_event_handler("on_disconnected")

    async def _send(self, kind: str, **fields: Any) -> None:
        if self._websocket is not None:
            await self._websocket.send(json.dumps({"type": kind, **fields}))

    async def _receive_messages(self) -> None:
        assert self._websocket is not None
        try:
            async for received in self._websocket:
                if isinstance(received, bytes):
                    await self._take_audio(received)
                else:
                    await self._take_message(json.loads(received))
        finally:
            # What was in flight on this connection is lost with it. A turn goes on with its next sentence.
            for request_id in list(self._contexts):
                await self._end_request(request_id)

    async def _take_audio(self, audio: bytes) -> None:
        context_id = self._contexts.get(self._spoken_request)
        if context_id is not None:
            self._turns[context_id].heard_s += len(audio) / _SAMPLE_BYTES / self._service_rate
            frame = TTSAudioRawFrame(audio, self._service_rate, 1, context_id=context_id)
            await self.append_to_audio_context(context_id, frame)

    async def _take_message(self, message: dict[str, Any]) -> None:
        kind: str = message["type"]
        request_id: str = message.get("request_id") or ""
        if request_id and request_id not in self._contexts:
            logger.trace(f"{self}: {kind} of a request that was cancelled")
        elif kind == "error":
            await self._take_error(message)
        elif kind == "started_speak":
            self._spoken_request = request_id
            turn = self._turns[self._contexts[request_id]]
            turn.request_start_s = turn.heard_s
        elif kind == "meta":
            context_id = self._contexts[request_id]
            start_s = self._turns[context_id].request_start_s
            times = [(word["word"], start_s + word["start_s"]) for word in message["words"]]
            await self.add_word_timestamps(times, context_id)
        elif kind == "done":
            await self._end_request(request_id)

    async def _take_error(self, message: dict[str, Any]) -> None:
        code, request_id = message["code"], message["request_id"]
        if code == "empty_text":
            # Pipecat takes a reply without any audio, such as a lone emoji, for a failure.
            self._spoken_request = request_id
            await self._take_audio(bytes(self._service_rate // 50 * _SAMPLE_BYTES))
        else:
            await self.push_error(
                f"{code}: {message['message']}", category=_CATEGORIES.get(code, ErrorCategory.UNKNOWN)
            )
        if request_id is not None:
            await self._end_request(request_id)

    async def _end_request(self, request_id: str) -> None:
        context_id = self._contexts.pop(request_id, None)
        if context_id is not None:
            self._turns[context_id].requests.discard(request_id)
            await self._end_turn_if_done(context_id)

    async def _end_turn_if_done(self, context_id: str) -> None:
        turn = self._turns[context_id]
        if turn.complete and not turn.requests:
            del self._turns[context_id]
            if not self.audio_context_available(context_id):
                return
            await self.append_to_audio_context(context_id, TTSStoppedFrame(context_id=context_id))
            await self.remove_audio_context(context_id)
