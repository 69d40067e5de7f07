"""What the WebSocket doors share: messages in, messages and audio out, each with its bound."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Protocol

import anyio
import anyio.lowlevel
import structlog
from anyio.abc import TaskGroup
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from telephony.audio.encoders import Encoder
from telephony.endpoints.errors import VOICE_UNAVAILABLE
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.playback import Playback, SaidText
from telephony.protocols.messages import FAILURES, ErrorMessage, MessageError
from telephony.scheduling.queues import Window
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.refusals import peer_name, refused
from telephony.voices import UnavailableVoiceError

log = structlog.get_logger()

TRY_AGAIN_LATER = 1013
"""The close code for a client for whom there is no place now."""


class JsonMessage(Protocol):
    """What a client can be told."""

    def to_json(self) -> str:
        """As it is sent."""
        ...


class ClientGoneError(ConnectionError):
    """The client has closed the connection, vanished, or reads too slowly."""


class ClientStalledError(ClientGoneError):
    """The client has taken nothing for too long."""


class Peer(ABC):
    """Who is connected to a door, over a WebSocket or otherwise.

    Args:
        door: its name in metrics.
    """

    def __init__(self, door: str, metrics: Metrics) -> None:
        self._door = door
        self._metrics = metrics

    @property
    @abstractmethod
    def named(self) -> dict[str, Any]:
        """Who this is, for the log: door, peer, and what else names it."""

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """Logs the begin and the end of the connection."""
        log.info("connected", **self.named)
        try:
            yield
        finally:
            log.info("disconnected", **self.named)

    async def stays(self, task: Callable[[], Awaitable[None]]) -> bool:
        """Runs what serves this client; False if it ended because the client is gone, or takes nothing."""
        try:
            await task()
        except ClientStalledError as error:
            self._metrics.clients_stalled.labels(self._door).inc()
            log.warning("client_stalled", **self.named, error=str(error))
        except ClientGoneError as error:
            log.debug("client_gone", **self.named, error=str(error))
        else:
            return True
        return False


class Client(Peer):
    """One accepted WebSocket. Used by the tasks of one event loop; what they send leaves in the order of their calls.

    Args:
        door: its name in metrics.
        send_timeout_s: until a client that takes nothing counts as gone.

    Attributes:
        session: what its session is called in the log, once it has one: by the client, or the connection's request id.
    """

    def __init__(self, socket: WebSocket, door: str, send_timeout_s: float, metrics: Metrics) -> None:
        super().__init__(door, metrics)
        self.session: str | None = None
        self._socket = socket
        self._send_timeout_s = send_timeout_s
        # Without it a task could overtake another one that waits for the same client to read.
        self._turn = asyncio.Lock()

    @property
    def request_id(self) -> str:
        """The connection's, see `Observer`."""
        return str(self._socket.state.request_id)

    @property
    def named(self) -> dict[str, Any]:
        """Who this is, for the log: door, peer, request id and session."""
        peer = peer_name(self._socket.client)
        return {"door": self._door, "peer": peer, "request_id": self.request_id, "session": self.session}

    async def messages(self) -> AsyncIterator[str | bytes]:
        """What the client sends, text or binary, until it closes."""
        while True:
            # Thousands of small messages may be there already: other clients have their turn in between.
            await anyio.lowlevel.checkpoint()
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            text = received.get("text")
            yield received["bytes"] if text is None else text

    async def send(self, message: JsonMessage, *, follows: bool = False) -> None:
        """Sends a message. An error that refuses something is counted and logged.

        Args:
            follows: not if it only follows from what was refused before.

        Raises:
            ClientGoneError: it cannot be sent.
        """
        if isinstance(message, ErrorMessage) and message.code not in FAILURES and not follows:
            refused(self._metrics, code=message.code, why=message.message, **self.named)
        async with self._turn:
            await self._send(_text(message))

    async def send_text(self, text: str) -> None:
        """Sends a text message as it stands.

        Raises:
            ClientGoneError: it cannot be sent.
        """
        async with self._turn:
            await self._send({"type": "websocket.send", "text": text})

    async def send_audio(self, frame: bytes) -> None:
        """Sends a binary frame; waits while the client does not read, and lets other tasks run in any case.

        Raises:
            ClientGoneError: it cannot be sent.
        """
        async with self._turn:
            await self._send(_binary(frame))
        await anyio.lowlevel.checkpoint()

    async def send_last(self, frames: Iterable[bytes], message: JsonMessage) -> None:
        """Sends the last frames of what falls silent and the message behind them; no other task's come in between.

        Raises:
            ClientGoneError: one of them cannot be sent.
        """
        async with self._turn:
            for frame in frames:
                await self._send(_binary(frame))
            await self._send(_text(message))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the connection, if it is still open."""
        async with self._turn:
            if self._socket.application_state is not WebSocketState.DISCONNECTED:
                try:
                    await self._send({"type": "websocket.close", "code": code, "reason": reason})
                except ClientGoneError as error:
                    log.debug("close_failed", **self.named, error=str(error))

    async def _send(self, message: dict[str, Any]) -> None:
        """Sends one message of the server's, in turn."""
        if self._socket.application_state is WebSocketState.DISCONNECTED:
            raise ClientGoneError("the connection is closed")
        try:
            with anyio.fail_after(self._send_timeout_s):
                await self._socket.send(message)
        except TimeoutError:
            raise ClientStalledError(f"took nothing for {self._send_timeout_s:g} s") from None
        except (WebSocketDisconnect, OSError) as error:
            raise ClientGoneError(str(error) or type(error).__name__) from None


class ClientTasks:
    """What serves one client: tasks that end together, made by `serving`."""

    def __init__(self, client: Peer, group: TaskGroup) -> None:
        self.defect: Exception | None = None
        self._client = client
        self._group = group

    def start(self, task: Callable[[], Awaitable[None]]) -> None:
        """Runs a task. If it finds the client gone, or fails, all end; if it returns, the others go on."""
        self._group.start_soon(self._run, task)

    def cancel(self) -> None:
        """Ends all of them."""
        self._group.cancel_scope.cancel()

    async def _run(self, task: Callable[[], Awaitable[None]]) -> None:
        try:
            if await self._client.stays(task):
                return
        except Exception as error:  # noqa: BLE001 - raised again by `serving`, as it is and not as a group
            self.defect = error
        self.cancel()


@contextlib.asynccontextmanager
async def serving(client: Peer) -> AsyncIterator[ClientTasks]:
    """Tasks that serve a client; left once all have ended. Raises what one of them has failed with."""
    async with anyio.create_task_group() as group:
        tasks = ClientTasks(client, group)
        yield tasks
    if tasks.defect is not None:
        raise tasks.defect


def _text(message: JsonMessage) -> dict[str, Any]:
    return {"type": "websocket.send", "text": message.to_json()}


def _binary(frame: bytes) -> dict[str, Any]:
    return {"type": "websocket.send", "bytes": frame}


def no_voice_message(error: UnknownVoiceError) -> MessageError:
    """What a client is told who asks for a voice that there is not."""
    return MessageError(VOICE_UNAVAILABLE if isinstance(error, UnavailableVoiceError) else "bad_voice", str(error))


def whole_characters(text: str) -> str:
    """Without halves of surrogate pairs whose other half is missing: JSON can spell them, and nothing can say them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


class AudioStream:
    """One text's audio as messages, at the pace that its client wants.

    Args:
        encoder, frames: for this text alone.
        playback: its client's.
        said: the text, which plays there.
    """

    def __init__(self, encoder: Encoder, frames: Frames, playback: Playback[Any], said: SaidText) -> None:
        self._encoder = encoder
        self._frames = frames
        self._playback = playback
        self._said = said

    async def messages(self, window: Window) -> AsyncIterator[bytes]:
        """Those that are complete with the text's next window, each when it may leave; none any more once it is cut."""
        said = self._said
        said.push(window)
        while (piece := await self._playback.take(said)) is not None:
            for message in self._frames.push(self._encoder.encode(piece, window.sample_rate)):
                yield message
                if said.cut:
                    return
            self._playback.sent(len(piece) / window.sample_rate, said)
        if window.end_of_text and not said.cut:
            said.whole = True
            if said.sent_s:
                for message in self._frames.push(self._encoder.finish(), last=True):
                    yield message

    def fading(self) -> list[bytes]:
        """After a cut: the messages that let the text fall silent.

        Only for a client with a bounded lead: one that was sent everything has to fall silent itself.
        """
        samples = self._said.take(len(self._said.unsent))
        if self._playback.lead_s is None or not len(samples):
            return []
        data = self._encoder.encode(samples, self._said.sample_rate) + self._encoder.finish()
        return list(self._frames.push(data, last=True))


class Frames:
    """Divides a stream of audio into messages of `frame_bytes`. The last one is shorter, or filled up where `padded`.

    Zeros fill it up, which is silence in PCM only. None for `frame_bytes` leaves the stream as it comes.
    """

    def __init__(self, frame_bytes: int | None, padded: bool = False) -> None:
        self._frame_bytes = frame_bytes
        self._padded = padded
        self._rest = b""

    def push(self, data: bytes, last: bool = False) -> Iterator[bytes]:
        """Takes the next bytes; yields the frames that are complete, and with `last` what is left."""
        pending = self._rest + data
        size = self._frame_bytes or max(1, len(pending))
        if last and self._padded:
            pending += bytes(-len(pending) % size)
        end = len(pending) if last else len(pending) - len(pending) % size
        self._rest = pending[end:]
        for position in range(0, end, size):
            yield pending[position : position + size]
