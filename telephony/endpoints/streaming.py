"""What the HTTP doors share: a text as an encoded answer that leaves while it is still being spoken.

Nothing is answered before there is audio, so that whatever goes wrong until then is an error with a status. Everything
here belongs to the event loop of the doors.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio
import structlog
from fastapi import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from telephony.audio.encoders import Encoder
from telephony.listeners.session import Speech
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.scheduling.queues import Window
from telephony.settings import Settings
from telephony.speech import Samples, Word
from telephony.telemetry.refusals import peer_name
from telephony.text.lexicon import EMPTY, Lexicon
from telephony.voices import VoiceRequest

log = structlog.get_logger()

# Compressing so much takes about a millisecond, for which everybody else on the event loop waits.
_SLICE_S = 0.2

MAX_WHOLE_BYTES = 16 * 2**20
"""Of an answer that is sent once all of it is there: six minutes of WAV, half an hour of MP3."""

_SENT_AT_ONCE_BYTES = 65_536

_T = TypeVar("_T")


class TooLargeError(ValueError):
    """An answer as a whole would have more than `MAX_WHOLE_BYTES`."""


class SpeechFailedError(RuntimeError):
    """A text could not be spoken to its end. The message says why, without the text."""


def busy(error: RefusedError) -> HTTPException:
    """The answer to a request for which there is no place now."""
    return HTTPException(429, str(error), {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))})


def too_long(max_chars: int) -> HTTPException:
    """The answer to a text with more than `max_chars` characters."""
    return HTTPException(413, f"a text has at most {max_chars} characters")


def x_cache(speech: Speech) -> str:
    """The header X-Cache of an answer that has begun: whether its first sound came from the phrase cache."""
    return "hit" if speech.request.measured.cached else "miss"


async def begin(request: Request, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Waits until there is audio; then all of it, in pieces of any size, none of them empty; see `encoded`.

    The iterator raises SpeechFailedError where the speech fails later on.

    Raises:
        SpeechFailedError: it has failed before anything could be sent.
        ClientDisconnect: the client has gone meanwhile.
    """
    first = await _unless_gone(request.receive, _first(pieces))
    return _joined(first, pieces)


@dataclass(frozen=True)
class Body:
    """An answer's bytes in pieces, and how many there are, where all are there."""

    pieces: AsyncIterator[bytes]
    size_bytes: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says of its length."""
        return {} if self.size_bytes is None else {"Content-Length": str(self.size_bytes)}


async def body(request: Request, speech: Speech, encoder: Encoder, stream: bool | None) -> Body:
    """The encoded speech: as it is spoken, or as a whole with its lengths in the header.

    Args:
        stream: whether it leaves while it is spoken; None: where the format has no need of a length, or it is long.

    Raises:
        SpeechFailedError: it has failed before anything could be sent.
        TooLargeError: as a whole it is too large, and must not be streamed.
        ClientDisconnect: the client has gone meanwhile.
    """
    if encoder.streams if stream is None else stream:
        return Body(await begin(request, encoded(speech, encoder)))
    return await _unless_gone(request.receive, _whole(encoded(speech, encoder), encoder, may_stream=stream is None))


@dataclass(frozen=True)
class OneText:
    """A text that is being said, in a session of its own; `close` ends that."""

    speech: Speech
    close: Callable[[], None]


async def say(
    request: Request,
    sessions: SessionRegistry,
    settings: Settings,
    *,
    door: str,
    text: str,
    wanted: VoiceRequest,
    pronunciations: Lexicon = EMPTY,
) -> OneText:
    """Begins to say the text of a request, with the client's own `pronunciations`.

    Raises:
        HTTPException: the text is too long, or has nothing to say.
        SpokenError: it is a document that is not valid.
        RefusedError: there is no place for another session now.
        UnknownVoiceError, UnreadableTextError: there is no such voice, or it does not read the text.
    """
    if len(text) > settings.max_text_chars:
        raise too_long(settings.max_text_chars)
    script = await sessions.parse(text)
    if not script.speakable:
        raise HTTPException(400, "there is nothing to say in the text")
    sessions.check_open()
    selection = sessions.find_reader(wanted, script)
    request_id = request.state.request_id
    session = sessions.open(door, request_id)
    speech = session.say(script, selection, request_id=request_id, pronunciations=pronunciations)
    return OneText(speech, session.close)


async def answer(
    request: Request, said: OneText, pieces: AsyncIterator[bytes], content_type: str, settings: Settings
) -> SpeechResponse:
    """The answer of `pieces`, which begins with the first audio; see `begin`. Ends the session if there is none."""
    try:
        pieces = await begin(request, pieces)
    except BaseException:  # a client that has gone is one: whatever it is, nobody listens any more
        said.close()
        raise
    headers = {"X-Cache": x_cache(said.speech)}
    return SpeechResponse(pieces, content_type, headers, send_timeout_s=settings.send_timeout_s, close=said.close)


class SpeechResponse(StreamingResponse):
    """Sends pieces as they come.

    Where they fail, or the client takes nothing any more, the connection is cut: the client then knows that it has not
    heard all. A client that goes stops the speech.

    Args:
        pieces: the answer's body.
        content_type: its media type.
        headers: further headers.
        send_timeout_s: until a client that takes nothing counts as gone.
        close: called at the end, whatever that is.
    """

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        content_type: str,
        headers: dict[str, str],
        *,
        send_timeout_s: float,
        close: Callable[[], None],
    ) -> None:
        super().__init__(pieces, headers=headers, media_type=content_type)
        self._send_timeout_s = send_timeout_s
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the answer."""

        async def send_in_time(message: Message) -> None:
            with anyio.fail_after(self._send_timeout_s):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except SpeechFailedError as error:
            log.error("answer_broken_off", **_named(scope), error=str(error))
        except TimeoutError:
            log.warning("answer_broken_off", **_named(scope), error=f"no byte taken for {self._send_timeout_s:g} s")
        finally:
            self._close()


def _named(scope: Scope) -> dict[str, Any]:
    peer = peer_name(scope.get("client"))
    return {"path": scope["path"], "peer": peer, "request_id": scope["state"]["request_id"]}


async def encoded(
    speech: Speech, encoder: Encoder, frame: Callable[[bytes, Sequence[Word]], bytes] = lambda data, words: data
) -> AsyncIterator[bytes]:
    """All of a speech, in pieces none of which is empty.

    Args:
        frame: makes a piece of encoded audio and of words whose times are known now; either may be empty.

    Raises:
        SpeechFailedError: the speech has failed.
    """
    async for window in speech:
        if speech.request.measured.failure is not None:
            raise SpeechFailedError(speech.request.measured.failure)
        words = window.words
        for samples in _slices(window):
            piece = frame(encoder.encode(samples, window.sample_rate), words)
            words = ()
            if piece:
                yield piece
            await asyncio.sleep(0)
    piece = frame(encoder.finish(), ())
    if piece:
        yield piece


def _slices(window: Window) -> Iterator[Samples]:
    size = math.ceil(_SLICE_S * window.sample_rate)
    for start in range(0, len(window.samples), size):
        yield window.samples[start : start + size]


async def _first(pieces: AsyncIterator[bytes]) -> bytes:
    return await anext(pieces, b"")


async def _whole(pieces: AsyncIterator[bytes], encoder: Encoder, *, may_stream: bool) -> Body:
    data = bytearray()
    async for piece in pieces:
        data += piece
        if len(data) > MAX_WHOLE_BYTES:
            if may_stream:
                return Body(_joined(bytes(data), pieces))
            raise TooLargeError(f"an answer as a whole has at most {MAX_WHOLE_BYTES} bytes: ask for it streamed")
    encoder.complete(data)
    return Body(sliced(bytes(data)), len(data))


async def sliced(data: bytes) -> AsyncIterator[bytes]:
    """What is there already, in pieces that a slow client takes in time."""
    for start in range(0, len(data), _SENT_AT_ONCE_BYTES):
        yield data[start : start + _SENT_AT_ONCE_BYTES]


async def _joined(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in pieces:
        yield piece


async def _unless_gone(receive: Receive, work: Coroutine[Any, Any, _T]) -> _T:
    """The result of `work`, which is cancelled if the client goes.

    Raises:
        ClientDisconnect: it has gone.
    """
    working = asyncio.create_task(work)
    tasks = (working, asyncio.create_task(_gone(receive)))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
