"""Clients on a WebSocket who say one reply after the other, in pieces; each protocol has messages of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from telephony.endpoints.conversation import Answers, Conversation, Format
from telephony.endpoints.idle import Presence
from telephony.endpoints.websocket import Client, no_voice_message, serving
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.protocols.messages import ErrorMessage, MessageError
from telephony.settings import Settings
from telephony.text.lexicon import EMPTY, Lexicon
from telephony.text.script import Script
from telephony.voices import VoiceRequest

AnswersT = TypeVar("AnswersT", bound=Answers)


@dataclass(eq=False)
class Reply(Generic[AnswersT]):
    """What is said until it is flushed and heard, or cleared. `flushed`: nothing was said since the last flush."""

    conversation: Conversation
    answers: AnswersT
    flushed: bool = False


class ReplyConnection(ABC, Generic[AnswersT]):
    """One client. One task reads its messages; while it has something to say, another one speaks.

    Between replies the client holds no place of those who speak. Used by the tasks of one event loop.

    Args:
        door: its name in metrics.
        wanted, sent_as: who speaks, and how the audio is sent.
        read: makes a script of a sentence.
    """

    def __init__(
        self,
        client: Client,
        sessions: SessionRegistry,
        settings: Settings,
        *,
        door: str,
        presence: Presence,
        wanted: VoiceRequest,
        sent_as: Format,
        read: Callable[[str], Script] = Script.lenient,
    ) -> None:
        self._client = client
        self._sessions = sessions
        self._settings = settings
        self._door = door
        self._presence = presence
        self._wanted = wanted
        self._format = sent_as
        self._read_text = read
        self._current: Reply[AnswersT] | None = None
        self._open_conversations: set[Conversation] = set()
        self._closing = False

    @abstractmethod
    async def _obey(self, received: str | bytes) -> None:
        """Does what a message says, by `_say`, `_flush`, `_clear` and `_end`. Raises MessageError."""

    @abstractmethod
    def _answers(self) -> AnswersT:
        """How a new reply is answered."""

    @abstractmethod
    def _error(self, error: MessageError) -> ErrorMessage:
        """What the client is told of a message that had no effect."""

    async def serve(self) -> None:
        """Returns when the client is gone, or wants to be closed and has heard all."""
        try:
            async with serving(self._client) as self._tasks:
                self._tasks.start(self._read)
        finally:
            for conversation in self._open_conversations:
                conversation.close()

    async def _say(self, text: str, pronunciations: Lexicon = EMPTY) -> None:
        """Says a piece of the reply; the first one begins it, with the client's own `pronunciations`."""
        limit = self._settings.max_text_chars
        if len(text) > limit:
            raise MessageError("text_too_long", f"a text of {len(text)} characters is longer than the limit of {limit}")
        if self._current is None:
            if not text or text.isspace():
                return
            self._current = self._open(pronunciations)
        reply = self._current
        reply.flushed = False
        await reply.conversation.say(text)
        await reply.conversation.wait_for_room()

    def _flush(self) -> int:
        """Speaks what is there of the reply; returns the number of its last segment, 0 without any."""
        reply = self._current
        if reply is None:
            return 0
        segment = reply.conversation.flush()
        reply.flushed = True
        self._end_if_heard()
        return segment

    def _clear(self) -> None:
        """Barge-in: not a frame of what was said before follows."""
        reply, self._current = self._current, None
        if reply is not None:
            reply.conversation.interrupt()
            reply.conversation.end()

    def _end(self) -> None:
        """Speaks what is there, then ends the connection."""
        self._closing = True
        reply, self._current = self._current, None
        if reply is not None:
            reply.conversation.end()

    async def _read(self) -> None:
        self._presence.rest()
        async for received in self._client.messages():
            if self._closing:  # read on, to notice if the client goes
                continue
            self._presence.resume()
            try:
                await self._obey(received)
            except MessageError as error:
                await self._client.send(self._error(error))
            if self._closing and not self._open_conversations:
                break
            self._rest_if_idle()
        self._tasks.cancel()

    def _open(self, pronunciations: Lexicon) -> Reply[AnswersT]:
        try:
            selection = self._sessions.find(self._wanted)
            session = self._sessions.open(self._door, self._client.request_id)
        except UnknownVoiceError as error:
            raise no_voice_message(error) from None
        except RefusedError as error:
            raise MessageError("busy", str(error)) from None
        answers = self._answers()
        conversation = Conversation(
            session,
            answers,
            self._sessions,
            self._settings,
            on_pending=self._on_pending,
            session_id=self._client.request_id,
            wanted=self._wanted,
            selection=selection,
            sent_as=self._format,
            read=self._read_text,
            pronunciations=pronunciations,
        )
        self._open_conversations.add(conversation)
        self._tasks.start(partial(self._speak, conversation))
        return Reply(conversation, answers)

    async def _speak(self, conversation: Conversation) -> None:
        await conversation.speak()
        self._open_conversations.remove(conversation)
        conversation.close()
        if self._closing and not self._open_conversations:
            self._tasks.cancel()
        self._rest_if_idle()

    def _on_pending(self, pending: bool) -> None:
        if pending:
            self._presence.speak()
        else:
            self._end_if_heard()
            self._rest_if_idle()

    def _end_if_heard(self) -> None:
        reply = self._current
        if reply is not None and reply.flushed and not reply.conversation.pending:
            self._current = None
            reply.conversation.end()

    def _rest_if_idle(self) -> None:
        if not self._open_conversations:
            self._presence.rest()
        elif not any(conversation.pending for conversation in self._open_conversations):
            self._presence.pause()
