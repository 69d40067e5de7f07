"""What a client says in pieces, as speech: sentences are made of the pieces, spoken, and sent in their order.

The protocols whose text comes while a language model still writes it share this; each says in its own messages what
`Answers` are.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from telephony.audio.encoders import open_encoder
from telephony.endpoints.websocket import AudioStream, Frames
from telephony.endpoints.websocket_server import rest_s
from telephony.engines.base import UnknownVoiceError
from telephony.listeners.playback import Playback, SaidText
from telephony.listeners.session import Session, Speech
from telephony.listeners.sessions import SessionRegistry
from telephony.scheduling.queues import Request
from telephony.settings import Settings
from telephony.speech import Word
from telephony.text.lexicon import EMPTY, Lexicon
from telephony.text.script import Script
from telephony.text.segments import Segmenter
from telephony.voices import ResolvedVoice, VoiceRequest
from telephony.voices.reading import UnreadableTextError

log = structlog.get_logger()

# A long text goes in by pieces, a millisecond each at the most: other clients have their turn in between.
_PIECE_CHARS = 512


class Answers(Protocol):
    """How a protocol tells a client of its speech. Called in the order in which things are heard.

    Segments count from 1 in their conversation. Each call may raise ClientGoneError.
    """

    async def words(self, segment: int, words: Sequence[Word]) -> None:
        """Times of words of a segment, from its first sample; before the audio that they are in."""
        ...

    async def audio(self, frame: bytes) -> None:
        """The next encoded audio."""
        ...

    async def done(self, segment: int, request: Request, sent_s: float) -> None:
        """All audio of a segment was sent, so many seconds; the request says what was measured."""
        ...

    async def failed(self, segment: int, request_id: str, why: str, sent_s: float) -> None:
        """A segment could not be spoken to its end; so many seconds were sent."""
        ...


@dataclass(frozen=True)
class Format:
    """How the audio of a conversation is sent.

    Attributes:
        name, sample_rate: see `open_encoder`.
        sample_bytes: of one sample, for frames of equal length; None where audio leaves as it comes.
        piece_ms: milliseconds of audio that are encoded at a time.
        padded: whether the last frame of a segment is filled up.
        lead_s: how far ahead of the listener audio is sent, in seconds; None for any distance.
    """

    name: str
    sample_rate: int
    sample_bytes: int | None
    piece_ms: int
    padded: bool = False
    lead_s: float | None = None


@dataclass(eq=False)
class _Segment(SaidText):
    """What is spoken in one piece; `number` counts from 1 in its session. Without a speech, `refusal` says why."""

    number: int
    request_id: str
    speech: Speech | None
    refusal: str | None = None


@dataclass
class Totals:
    """What a conversation has said so far: `sent_s`, `audio_s` and `engine_s` in seconds."""

    segments: int = 0
    sent_s: float = 0.0
    audio_s: float = 0.0
    engine_s: float = 0.0
    first_audio_s: float | None = None


class Conversation:
    """What one client says. Used by the tasks of one event loop.

    Text goes from the segmenter to the segments that wait, from there into the playback, where those in flight are, and
    `speak` sends these.

    Args:
        session: with a place; the conversation closes it.
        answers: tells the client.
        on_pending: told when `pending` changes.
        session_id: the client's name for the conversation; for the log.
        wanted, selection: who is to speak, and who does at first.
        sent_as: how the audio is sent.
        read: makes a script of a sentence.
        pronunciations: of the client, ahead of the service's lexicon.

    Attributes:
        ending: whether `end` was called.
        pending: whether there is text that was not spoken yet.
        totals: what was said so far.
    """

    def __init__(
        self,
        session: Session,
        answers: Answers,
        sessions: SessionRegistry,
        settings: Settings,
        *,
        on_pending: Callable[[bool], None],
        session_id: str,
        wanted: VoiceRequest,
        selection: ResolvedVoice,
        sent_as: Format,
        read: Callable[[str], Script] = Script.lenient,
        pronunciations: Lexicon = EMPTY,
    ) -> None:
        self.session_id = session_id
        self.ending = False
        self.pending = False
        self.totals = Totals()
        self._on_pending = on_pending
        self._session = session
        self._answers = answers
        self._sessions = sessions
        self._wanted = wanted
        self._selection = selection
        self._settings = settings
        self._format = sent_as
        self._read = read
        self._pronunciations = pronunciations
        # A script that sends UTF-16 unit by unit cuts characters into halves.
        self._halves = codecs.getincrementaldecoder("utf-16-le")("ignore")
        self._segmenter = Segmenter()
        self._debounce: asyncio.TimerHandle | None = None
        self._waiting: deque[Script] = deque()
        self._waiting_chars = 0
        self._playback = Playback[_Segment](sent_as.lead_s, piece_ms=sent_as.piece_ms)
        self._stream: AudioStream | None = None
        self._numbered = 0
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._taking = False
        log.info("session_started", door=session.door, session=session_id, voice=selection.voice)

    async def say(self, text: str) -> None:
        """Takes the next piece of text; speaks the sentences that it completes, the rest when none follows."""
        self._stop_debounce()
        self._taking = True
        self._hold()
        text = self._halves.decode(text.encode("utf-16-le", "surrogatepass"))
        for start in range(0, len(text), _PIECE_CHARS):
            began, waiting = time.thread_time(), self._waiting_chars
            self._queue(map(self._read, self._segmenter.push(text[start : start + _PIECE_CHARS])))
            # What has nothing to say fills no queue that would hold its client up.
            idle = self._waiting_chars == waiting
            await asyncio.sleep(rest_s(time.thread_time() - began) if idle else 0)
        self._taking = False
        loop = asyncio.get_running_loop()
        self._debounce = loop.call_later(self._settings.debounce_ms / 1000, self.flush)
        self._hold()

    def say_document(self, document: Script) -> None:
        """Speaks an SSML document, as a segment of its own, behind what is there."""
        self.flush()
        self._queue([document])
        self._hold()

    async def wait_for_room(self) -> None:
        """Returns when more text may be taken."""
        await self._has_room.wait()

    def flush(self) -> int:
        """Speaks what is there. Returns the number of the last segment of it, 0 where none was said yet."""
        self._stop_debounce()
        self._queue(map(self._read, self._segmenter.flush()))
        self._hold()
        return self._numbered + len(self._waiting)

    def end(self, *, flush: bool = True) -> None:
        """Speaks what is there, and nothing more: then `speak` returns.

        Args:
            flush: whether an unfinished sentence is spoken too; else it is dropped.
        """
        self.ending = True
        if not flush:
            self._segmenter.reset()
        self.flush()
        self._playback.end()

    def interrupt(self) -> tuple[list[bytes], str, str]:
        """Barge-in: says nothing more of what was taken so far.

        Returns the audio that falls silent, and the text that was heard and that was not.
        """
        spoken, remaining = self._forget()
        fading = self._stream.fading() if self._stream is not None else []
        self._session.interrupt()
        self._hold()
        return fading, spoken, remaining

    def close(self) -> None:
        """Says nothing more at all."""
        self._session.close()
        self._forget()
        self._hold()
        log.info(
            "session_ended",
            door=self._session.door,
            session=self.session_id,
            segments=self.totals.segments,
            audio_s=round(self.totals.sent_s, 3),
        )

    async def speak(self) -> None:
        """Sends the audio of all segments in order, until the conversation has ended.

        Raises:
            ClientGoneError: the client takes nothing more.
        """
        while (segment := await self._playback.next()) is not None:
            await self._send(segment)

    def _queue(self, segments: Iterable[Script]) -> None:
        for segment in segments:
            self._waiting.append(segment)
            self._waiting_chars += len(segment.text)
        self._refill()

    def _refill(self) -> None:
        while self._waiting and len(self._playback.texts) < self._settings.max_inflight_segments:
            script = self._waiting.popleft()
            self._waiting_chars -= len(script.text)
            self._numbered += 1
            number, request_id = self._numbered, str(uuid.uuid4())
            try:
                # The service may have another engine or voice by now. If it has lost this one, it goes on with it.
                with contextlib.suppress(UnknownVoiceError):
                    self._selection = self._sessions.find_reader(self._wanted, script)
            except UnreadableTextError as error:
                self._playback.add(_Segment(script.words, number, request_id, None, str(error)))
                continue
            speech = self._session.say(
                script, self._selection, request_id=request_id, pronunciations=self._pronunciations
            )
            self._playback.add(_Segment(script.words, number, request_id, speech))
        if self._waiting_chars <= self._settings.max_text_chars:
            self._has_room.set()
        else:
            self._has_room.clear()

    def _forget(self) -> tuple[str, str]:
        """Drops all text. Returns what was heard of it, and what was not."""
        heard = self._playback.interrupt([*(script.words for script in self._waiting), *self._segmenter.flush()])
        self._stop_debounce()
        self._taking = False
        self._halves.reset()
        self._segmenter.reset()
        self._waiting.clear()
        self._waiting_chars = 0
        self._has_room.set()
        return heard

    def _stop_debounce(self) -> None:
        if self._debounce is not None:
            self._debounce.cancel()
            self._debounce = None

    def _hold(self) -> None:
        """Keeps the session from being taken for silent, or its client for idle, while text is not spoken yet."""
        pending = bool(self._taking or self._debounce or self._waiting or self._playback.texts)
        if pending is not self.pending:
            self.pending = pending
            self._sessions.speaking(+1 if pending else -1)
            self._on_pending(pending)

    async def _send(self, segment: _Segment) -> None:
        """Sends a segment's audio and what became of it, unless it is cancelled on the way."""
        speech = segment.speech
        sent_s = 0.0 if speech is None else await self._send_audio(segment, speech)
        self._playback.done()
        if segment.cut:
            return
        self._refill()
        failure = segment.refusal if speech is None else speech.request.measured.failure
        if failure is not None:
            await self._answers.failed(segment.number, segment.request_id, failure, sent_s)
        elif speech is not None:
            self._count(speech, sent_s)
            await self._answers.done(segment.number, speech.request, sent_s)
        self._hold()

    async def _send_audio(self, segment: _Segment, speech: Speech) -> float:
        """Sends the audio until its end or until it is cancelled; returns how much, in seconds."""
        form = self._format
        frame_samples = form.sample_rate * form.piece_ms // 1000
        frames = Frames(None if form.sample_bytes is None else frame_samples * form.sample_bytes, form.padded)
        encoder = open_encoder(form.name, form.sample_rate)
        stream = self._stream = AudioStream(encoder, frames, self._playback, segment)
        sent_bytes = 0
        async for window in speech:
            if window.words:
                await self._answers.words(segment.number, window.words)
            async for frame in stream.messages(window):
                await self._answers.audio(frame)
                sent_bytes += len(frame)
        self._stream = None
        return segment.sent_s if form.sample_bytes is None else sent_bytes / form.sample_bytes / form.sample_rate

    def _count(self, speech: Speech, sent_s: float) -> None:
        totals = self.totals
        totals.segments += 1
        totals.sent_s += sent_s
        totals.audio_s += speech.request.measured.audio_s
        totals.engine_s += speech.request.measured.engine_s
        if totals.first_audio_s is None:
            totals.first_audio_s = speech.request.measured.first_audio_s
