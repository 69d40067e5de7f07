"""The door of Home Assistant: the Wyoming protocol over TCP, on the event loop of HTTP. Imported only where it is open.

A client has one text after the other spoken. One task reads what it sends, so that a client that goes is noticed in the
middle of a sentence; while there is something to say, another one speaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import structlog
from fastapi import APIRouter
from wyoming.event import Event
from wyoming.info import Attribution, Info, TtsProgram, TtsVoice

from telephony import __version__
from telephony.endpoints.connections import Connections, peer_of
from telephony.endpoints.conversation import Conversation, Format
from telephony.endpoints.idle import CROWDED_OUT, IdleClients, Presence
from telephony.endpoints.tcp import with_port
from telephony.endpoints.websocket import (
    ClientGoneError,
    ClientStalledError,
    Peer,
    no_voice_message,
    serving,
    whole_characters,
)
from telephony.endpoints.websocket_server import rest_s
from telephony.engines.base import Engine, UnknownVoiceError
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.protocols import wyoming as protocol
from telephony.protocols.messages import MessageError
from telephony.protocols.telephone import WireError
from telephony.scheduling.queues import Request
from telephony.settings import Settings
from telephony.speech import Voice, Word
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.refusals import refused
from telephony.text.normalization import SpokenError
from telephony.text.script import Script
from telephony.voices import VoiceRequest

log = structlog.get_logger()

DOOR = "wyoming"
"""The name of this door in metrics."""

# Few bytes are read at once: what they ask for holds up the event loop.
_RECEIVE_BYTES = 4096
# A satellite plays as it comes; shorter pieces only cost.
_PIECE_MS = 100
_FORMAT = Format("pcm", protocol.SAMPLE_RATE, protocol.SAMPLE_BYTES, _PIECE_MS)
_NAME = "kokoro-telephony"
_WHO = {
    "kokoro": Attribution("hexgrad", "https://huggingface.co/hexgrad/Kokoro-82M"),
    "piper": Attribution("OHF-Voice", "https://github.com/OHF-Voice/piper1-gpl"),
    "supertonic": Attribution("Supertone", "https://huggingface.co/Supertone"),
}
_ANYBODY = Attribution(_NAME, "")


def describe(sessions: SessionRegistry) -> Info:
    """What this service is: every voice that is loaded, whom it has speak by default first."""
    default = sessions.find(VoiceRequest())
    voices = [(engine, voice) for engine in sessions.engines() for voice in engine.voices()]
    voices.sort(key=lambda each: (each[0].name, each[1].name) != (default.engine.name, default.voice))
    return Info(
        tts=[
            TtsProgram(
                name=_NAME,
                attribution=_ANYBODY,
                installed=True,
                description="Kokoro for phone calls",
                version=__version__,
                voices=[_voice(engine, voice) for engine, voice in voices],
                supports_synthesize_streaming=True,
            )
        ]
    )


def _voice(engine: Engine, voice: Voice) -> TtsVoice:
    about = ", ".join(each for each in (voice.description, voice.gender) if each)
    return TtsVoice(
        name=voice.name,
        attribution=_WHO.get(engine.name, _ANYBODY),
        installed=True,
        description=f"{voice.name} ({about})" if about else voice.name,
        version=None,
        languages=[voice.language, *voice.other_languages],
    )


class _Client(Peer):
    """One connection. Used by the tasks of one event loop; an event is written whole, so none comes between another."""

    def __init__(self, writer: asyncio.StreamWriter, session: str, send_timeout_s: float, metrics: Metrics) -> None:
        super().__init__(DOOR, metrics)
        self.session = session
        self._writer = writer
        self._send_timeout_s = send_timeout_s
        # What is written leaves at once or is waited for: what lies in a buffer can be cancelled no more.
        writer.transport.set_write_buffer_limits(high=0)

    @property
    def named(self) -> dict[str, Any]:
        return {"door": DOOR, "peer": peer_of(self._writer), "session": self.session}

    async def send(self, event: bytes) -> None:
        """Sends an event.

        Raises:
            ClientGoneError: it cannot be sent.
        """
        self._writer.write(event)
        try:
            with anyio.fail_after(self._send_timeout_s):
                await self._writer.drain()
        except TimeoutError:
            raise ClientStalledError(f"took nothing for {self._send_timeout_s:g} s") from None
        except OSError as error:
            raise ClientGoneError(str(error) or type(error).__name__) from None

    async def refuse(self, code: str, why: str) -> None:
        """Says what is wrong, in the log too. The connection is closed then: clients wait for audio or its end."""
        refused(self._metrics, code=code, why=why, **self.named)
        await self.send(protocol.error(code, why))


class _Answers:
    """How a text is answered; see `conversation.Answers`.

    Args:
        streamed: whether the text comes in pieces.
    """

    def __init__(self, client: _Client, *, streamed: bool) -> None:
        self._client = client
        self._streamed = streamed
        self._begun = False

    async def words(self, segment: int, words: Sequence[Word]) -> None:
        """These clients are told no times."""

    async def audio(self, frame: bytes) -> None:
        await self._begin()
        await self._client.send(protocol.audio_chunk(frame))

    async def done(self, segment: int, request: Request, sent_s: float) -> None:
        """These clients hear it."""

    async def failed(self, segment: int, request_id: str, why: str, sent_s: float) -> None:
        await self._client.send(protocol.error("synthesis_failed", why))

    async def end(self) -> None:
        """All was said. Clients wait for the end of the audio, even where there was none."""
        await self._begin()
        await self._client.send(protocol.audio_stop())
        if self._streamed:
            await self._client.send(protocol.stopped())

    async def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            await self._client.send(protocol.audio_start())


class _Connection:
    """One client. One task reads what it sends; while there is something to say, another one speaks."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        client: _Client,
        sessions: SessionRegistry,
        settings: Settings,
        *,
        presence: Presence,
    ) -> None:
        self._reader = reader
        self._client = client
        self._sessions = sessions
        self._settings = settings
        self._presence = presence
        self._conversation: Conversation | None = None
        self._streaming = False
        self._silent = asyncio.Event()
        self._silent.set()

    async def serve(self) -> None:
        """Returns when the client has gone or was refused."""
        with self._client.connected():
            try:
                async with serving(self._client) as self._tasks:
                    self._tasks.start(self._read)
            finally:
                self._end_conversation()

    async def _read(self) -> None:
        self._presence.rest()
        try:
            async for event in self._events():
                self._presence.resume()
                await self._handle(protocol.parse(event))
                self._rest_if_idle()
        except MessageError as error:
            await self._client.refuse(error.code, str(error))
        except WireError as error:
            await self._client.refuse("protocol_error", with_port(error, self._settings.http_port))
        except TimeoutError:
            why = f"no whole event within {self._settings.hello_timeout_s:g} s"
            await self._client.refuse("hello_overdue", why)
        self._tasks.cancel()

    async def _events(self) -> AsyncIterator[Event]:
        """What the client sends, until it goes.

        Raises:
            WireError: see `EventDecoder`.
            TimeoutError: there is no first one.
        """
        decoder = protocol.EventDecoder(self._settings.max_message_bytes)
        deadline = anyio.current_time() + self._settings.hello_timeout_s
        spoken = False
        while True:
            with anyio.fail_after(None if spoken else deadline - anyio.current_time()):
                data = await self._reader.read(_RECEIVE_BYTES)
            if not data:
                return
            began = time.thread_time()
            decoder.receive(data)
            for event in decoder.events():
                spoken = True
                yield event
                await anyio.lowlevel.checkpoint()
            await asyncio.sleep(rest_s(time.thread_time() - began))

    async def _handle(self, message: protocol.Message) -> None:
        match message:
            case protocol.Describe():
                self._check_open()
                await self._client.send(protocol.encode(describe(self._sessions)))
            case protocol.Ping():
                await self._client.send(protocol.pong(message))
            case protocol.Synthesize():
                # Behind the pieces comes the whole text, for services that know no pieces.
                if not self._streaming:
                    script = await self._script(message.text)
                    conversation = await self._open(message.voice, streamed=False)
                    conversation.say_document(script)
                    conversation.end()
            case protocol.SynthesizeStart():
                if self._streaming:
                    raise MessageError("unexpected", "a text has begun already")
                await self._open(message.voice, streamed=True)
                self._streaming = True
            case protocol.SynthesizeChunk():
                conversation = self._begun(message)
                self._check_length(message.text)
                await conversation.say(message.text)
                await conversation.wait_for_room()
            case protocol.SynthesizeStop():
                self._begun(message).end()
                self._streaming = False
            case protocol.Unknown():
                log.debug("event_ignored", **self._client.named, type=message.type[:100])

    def _begun(self, message: protocol.SynthesizeChunk | protocol.SynthesizeStop) -> Conversation:
        if not self._streaming or self._conversation is None:
            raise MessageError("unexpected", f"{type(message).__name__} without a SynthesizeStart before it")
        return self._conversation

    def _check_open(self) -> None:
        try:
            self._sessions.check_open()
        except RefusedError as error:
            raise MessageError("busy", str(error)) from None

    def _check_length(self, text: str) -> None:
        limit = self._settings.max_text_chars
        if len(text) > limit:
            raise MessageError("text_too_long", f"a text of {len(text)} characters is longer than the limit of {limit}")

    async def _script(self, text: str) -> Script:
        self._check_length(text)
        try:
            return await self._sessions.parse(whole_characters(text))
        except SpokenError as error:
            raise MessageError("bad_message", f"text: {error}") from None

    async def _open(self, voice: protocol.VoiceName, *, streamed: bool) -> Conversation:
        """What is said next, once all of before was heard: only then is more of what the client sends read."""
        await self._silent.wait()
        self._check_open()
        wanted = VoiceRequest(voice.name, voice.language if voice.name is None else None)
        try:
            selection = self._sessions.find(wanted)
            session = self._sessions.open(DOOR, self._client.session)
        except UnknownVoiceError as error:
            raise no_voice_message(error) from None
        except RefusedError as error:
            raise MessageError("busy", str(error)) from None
        answers = _Answers(self._client, streamed=streamed)
        conversation = self._conversation = Conversation(
            session,
            answers,
            self._sessions,
            self._settings,
            on_pending=lambda pending: self._presence.speak() if pending else self._presence.pause(),
            session_id=self._client.session,
            wanted=wanted,
            selection=selection,
            sent_as=_FORMAT,
        )
        self._silent.clear()
        self._tasks.start(partial(self._speak, conversation, answers))
        return conversation

    async def _speak(self, conversation: Conversation, answers: _Answers) -> None:
        await conversation.speak()
        # First, so that a client that hears of the end finds a place for its next text.
        self._end_conversation()
        await answers.end()
        self._silent.set()
        self._rest_if_idle()

    def _end_conversation(self) -> None:
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            conversation.close()

    def _rest_if_idle(self) -> None:
        if self._conversation is None:
            self._presence.rest()
        elif not self._conversation.pending:
            self._presence.pause()


def router(sessions: SessionRegistry, settings: Settings, metrics: Metrics, listener: socket.socket) -> APIRouter:
    """No route of HTTP's, but the door on `listener`, for as long as the app runs."""
    idle = IdleClients(DOOR, settings, metrics)
    numbers = itertools.count(1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(writer, f"{DOOR}-{next(numbers)}", settings.send_timeout_s, metrics)
        try:
            with anyio.CancelScope() as scope, idle.watch(scope.cancel) as presence:
                await _Connection(reader, client, sessions, settings, presence=presence).serve()
            if presence.cut_because is not None:
                log.info("idle_client_closed", **client.named, why=presence.cut_because)
                if presence.cut_because == "number":
                    await client.send(protocol.error("busy", CROWDED_OUT))
        except ClientGoneError as error:
            log.debug("client_gone", **client.named, error=str(error))

    def refuse(writer: asyncio.StreamWriter, why: str) -> None:
        refused(metrics, DOOR, "connection_refused", why, peer_of(writer))

    @contextlib.asynccontextmanager
    async def serve(_: object) -> AsyncIterator[None]:
        door = Connections(DOOR, settings.max_connections, answer, refuse, read_bytes=_RECEIVE_BYTES)
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(door.serving(listener))
            if settings.wyoming_announce:
                from telephony.endpoints.announcement import announced

                port = int(listener.getsockname()[1])
                await stack.enter_async_context(announced("_wyoming._tcp.local.", settings.wyoming_host, port))
            yield

    return APIRouter(lifespan=serve)
