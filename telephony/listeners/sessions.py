"""All sessions of the event-loop endpoints: who may speak, and which of them still do. Any thread."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from telephony.engines.base import Engine
from telephony.listeners.session import Session, SessionPolicy
from telephony.scheduling.scheduler import Scheduler
from telephony.speech import MissingVoices
from telephony.telemetry.metrics import Metrics
from telephony.text.script import Script
from telephony.voices import ResolvedVoice, VoiceRequest
from telephony.voices.reading import UnreadableTextError, reader_of

# Up to so many characters are checked in the event loop: a millisecond or two, whatever they are.
_SHORT_CHARS = 500


class RefusedError(RuntimeError):
    """There is no place for another session now. The message says why.

    `retry_after_s`: when it is worth trying again, in seconds.
    """

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SessionRegistry:
    """All sessions of the event-loop doors.

    Args:
        find: see `find`.
        engines: the engines that are loaded.
        missing_voices: the voices that could be had, and how.
    """

    def __init__(
        self,
        policy: SessionPolicy,
        scheduler: Scheduler,
        metrics: Metrics,
        find: Callable[[VoiceRequest], ResolvedVoice],
        engines: Callable[[], Sequence[Engine]],
        *,
        missing_voices: Callable[[], Sequence[MissingVoices]] = tuple,
    ) -> None:
        self.policy = policy
        self.engines = engines
        self.missing_voices = missing_voices
        self._find = find
        self._scheduler = scheduler
        self._metrics = metrics
        self._changed = threading.Condition()
        self._placed: set[Session] = set()
        self._speaking = 0
        self._ids = itertools.count(1)
        self._why_refused: str | None = "the service is starting"
        # One, so that long texts take turns with the event loop and not with each other for it.
        self._checks = ThreadPoolExecutor(1, "text-checks")

    def close(self) -> None:
        """Ends the thread for checks, behind the one in work. No session is used any more."""
        self._checks.shutdown(cancel_futures=True)

    async def parse(self, text: str) -> Script:
        """`Script.parse`, without holding up the event loop for a long text.

        Raises:
            SpokenError: a document that is not valid.
        """
        if len(text) <= _SHORT_CHARS:
            return Script.parse(text)
        return await asyncio.get_running_loop().run_in_executor(self._checks, Script.parse, text)

    def find(self, wanted: VoiceRequest) -> ResolvedVoice:
        """Engine, voice and rate for what a client asks.

        Raises:
            UnknownVoiceError: there is no such voice, or none of that language, or the voice speaks another language.
        """
        if wanted.voice is None and wanted.language is None:
            wanted = dataclasses.replace(wanted, language=self.policy.language)
        return self._find(wanted)

    def find_reader(self, wanted: VoiceRequest, script: Script) -> ResolvedVoice:
        """As `find`, for a text. Who names neither voice nor language gets a voice that reads it.

        Raises:
            UnknownVoiceError: see `find`.
            UnreadableTextError: the voice does not read what the text is written with.
        """
        free = wanted.voice is None and wanted.language is None
        engines = [engine for engine in self.engines() if wanted.engine in (None, engine.name)]
        try:
            return reader_of(script, self.find(wanted), engines, free=free)
        except UnreadableTextError:
            self._metrics.texts_unreadable.inc()
            raise

    def open(self, door: str, name: str | None = None) -> Session:
        """A session with a place for a new client of `door`, in the running event loop.

        Args:
            name: what logs call it; None: the door's name and a number.

        Raises:
            RefusedError: too many sessions, the first audio would take too long, or the service is not ready.
        """
        session = self.attend(door, name)
        session.take_place()
        return session

    def attend(self, door: str, name: str | None = None) -> Session:
        """As `open`, without a place: the client has nothing to say yet. See `Session.take_place`.

        Raises:
            RefusedError: the service is not ready.
        """
        self.check_open()
        return Session(self, self._scheduler, self._metrics, door, name or f"{door}-{next(self._ids)}")

    def give_place(self, session: Session) -> None:
        """Called by a session, see `Session.take_place`."""
        self.check_open()
        if session.silent:
            self.check_delay()
        with self._changed:
            if session in self._placed:
                return
            if len(self._placed) >= self.policy.max_sessions:
                raise self._refusal(f"{self.policy.max_sessions} sessions are open, which is the limit", 1.0)
            self._placed.add(session)
            self._metrics.active_sessions.labels(session.door).inc()

    def check_open(self) -> None:
        """For a new text in an open session.

        Raises:
            RefusedError: the service is starting or stopping.
        """
        if self._why_refused is not None:
            raise self._refusal(self._why_refused, 5.0)

    def check_delay(self) -> None:
        """For a new listener, or a text of one who hears nothing.

        Raises:
            RefusedError: the first audio would take too long.
        """
        limit_s = self.policy.max_first_audio_s
        # A service with nothing to do cannot do better than begin: what it measured last must not keep it idle.
        if not limit_s or self._scheduler.begins_at_once:
            return
        predicted_s = self._scheduler.predict_first_audio_s()
        if predicted_s > limit_s:
            raise self._refusal(f"the first audio would take {predicted_s:.1f} s now", predicted_s)

    def predict_first_audio_s(self) -> float:
        """How long a new listener would wait for the first audio now, in seconds. Any thread."""
        return self._scheduler.predict_first_audio_s()

    def admit(self) -> None:
        """The service is ready: sessions may be opened from now on."""
        self._why_refused = None

    def forget(self, session: Session) -> None:
        """Called by a session that is closed, or leaves its place."""
        with self._changed:
            if session in self._placed:
                self._placed.remove(session)
                self._metrics.active_sessions.labels(session.door).dec()

    def refuse(self) -> None:
        """The service is stopping: what was accepted is still spoken, new text and new sessions are refused."""
        self._why_refused = "the service is stopping"

    def drain(self, timeout_s: float) -> bool:
        """Waits until every speech has been read to its end; False if that took longer than `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._speaking, timeout_s)

    def speaking(self, change: int) -> None:
        """Called by a session: a speech has begun (+1), has been read to its end or was dropped (-1)."""
        with self._changed:
            self._speaking += change
            self._changed.notify_all()

    def _refusal(self, message: str, retry_after_s: float) -> RefusedError:
        self._metrics.sessions_refused.inc()
        return RefusedError(message, retry_after_s)
