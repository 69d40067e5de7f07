"""Speech for one client of an event-loop endpoint.

A session is one such listener: a queue in the scheduler, and its texts on their way. Its door reads each text window by
window. Threads: a session belongs to the event loop that opened it; the scheduler's thread delivers windows.
"""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import structlog

from telephony.audio.loudness import Leveller, Loudness, amplified
from telephony.listeners.listener import Listener
from telephony.scheduling.queues import Request, Window
from telephony.scheduling.scheduler import Scheduler
from telephony.telemetry.metrics import Metrics
from telephony.text import lexicon
from telephony.text.lexicon import Lexicon, Pronounce
from telephony.text.script import Script
from telephony.voices import ALIASES, ResolvedVoice

log = structlog.get_logger()


@dataclass(frozen=True)
class SessionPolicy:
    """What all sessions share.

    Attributes:
        language: of clients that name neither voice nor language; None leaves it to the voice of the moment.
        max_sessions: with a place at once, over all doors.
        max_first_audio_s: a session whose first audio would take longer than this is refused; 0 refuses none.
        buffer_s: seconds of audio waiting for one client before its speech pauses.
        loudness: brings all voices to one level; None leaves each as it is.
        pronounce: the service's lexicon.
        aliases: other names of voices.
        code_rate: how fast codes are said, of the rate around them.
    """

    language: str | None
    max_sessions: int
    max_first_audio_s: float
    buffer_s: float
    loudness: Loudness | None = None
    pronounce: Pronounce = lexicon.as_it_is
    aliases: Mapping[str, Sequence[str]] = field(default_factory=lambda: ALIASES)
    code_rate: float = 1.0


class Places(Protocol):
    """The registry, as its sessions know it."""

    @property
    def policy(self) -> SessionPolicy:
        """What all sessions share."""
        ...

    def give_place(self, session: Session) -> None:
        """A session is about to speak; see `Session.take_place`."""
        ...

    def forget(self, session: Session) -> None:
        """A session is closed, or leaves its place."""
        ...

    def speaking(self, change: int) -> None:
        """A speech has begun (+1), has been read to its end or was dropped (-1)."""
        ...


class Speech:
    """One text on its way to a client. Iterate over its windows, in the session's event loop, or cancel it.

    Texts of one session are spoken in order: read them in order. `request` holds what was measured (see `Request`);
    it is complete when the iteration has ended.
    """

    def __init__(self, session: Session, request: Request, loudness: Loudness | None) -> None:
        self.request = request
        self._loudness = loudness
        self._levellers: dict[tuple[str, str], Leveller] = {}
        self.cancelled = False
        self._session = session
        self._windows: deque[Window] = deque()
        self._changed = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Window]:
        while not self.cancelled:
            if self._windows:
                window = self._windows.popleft()
                # Only what its reader is done with counts as read: a service that stops waits for it.
                try:
                    yield self._levelled(window)
                finally:
                    self._session.release(self, window)
                if window.end_of_text:
                    return
            else:
                self._changed.clear()
                await self._changed.wait()

    def cancel(self) -> None:
        """Not a window of it will be read any more; what the session says besides goes on."""
        self._session.cancel(self)

    def drop(self) -> None:
        """Called by the session: forgets what has not been read."""
        self.cancelled = True
        for window in self._windows:
            self._session.release(self, window, "cancelled")
        self._windows.clear()
        self._changed.set()

    def take(self, window: Window) -> None:
        """Called by the session, in the event loop: the next window."""
        if self.cancelled:
            self._session.release(self, window, "cancelled")
            return
        self._windows.append(window)
        self._changed.set()

    def _levelled(self, window: Window) -> Window:
        if self._loudness is None:
            return dataclasses.replace(window, samples=amplified(window.samples, window.volume))
        # Where another engine goes on, its voice has a level of its own.
        leveller = self._levellers.get(window.speaker)
        if leveller is None:
            leveller = self._levellers[window.speaker] = self._loudness.leveller(*window.speaker)
        return dataclasses.replace(window, samples=leveller.apply(window.samples, window.sample_rate, window.volume))


class Session:
    """One listener of an event-loop door. Made by `SessionRegistry.open`; close it when its client is gone.

    One made by `attend` says something only while it has a place.
    """

    def __init__(self, registry: Places, scheduler: Scheduler, metrics: Metrics, door: str, name: str) -> None:
        self.door = door
        self._name = name
        self._registry = registry
        self._scheduler = scheduler
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._speeches: dict[int, Speech] = {}  # by epoch
        self._lock = threading.Lock()
        self._buffered_s = 0.0
        # The doors bound what waits; a queue that made the event loop wait would stop all of them.
        policy = registry.policy
        self._listener = Listener(
            self,
            scheduler,
            metrics,
            door,
            pronounce=policy.pronounce,
            aliases=policy.aliases,
            code_rate=policy.code_rate,
        )

    def __str__(self) -> str:
        return self._name

    @property
    def silent(self) -> bool:
        """Whether the client hears nothing and has nothing coming."""
        return self._listener.silent

    def take_place(self) -> None:
        """Before a text: a place for it, unless the session has one already.

        Raises:
            RefusedError: there is none, the first audio would take too long, or the service is starting or stopping.
        """
        self._registry.give_place(self)

    def leave_place(self) -> None:
        """It says nothing more for now. Its queue stays, and with it what the scheduler knows of its listener."""
        self._registry.forget(self)

    def say(
        self,
        script: Script,
        selection: ResolvedVoice,
        *,
        exact: bool = False,
        keep: bool = False,
        request_id: str = "",
        pronunciations: Lexicon = lexicon.EMPTY,
        lead_silence_s: float = 0.0,
    ) -> Speech:
        """Queues a text behind those said before.

        Args:
            script: of any length; with nothing speakable in it the speech has no window but an empty last one.
            selection: engine, voice and rate.
            exact: the model's own output, silence included, however late it begins.
            keep: whether its phrases are kept with the prerendered ones.
            request_id: for the request log.
            pronunciations: of its client, ahead of the service's lexicon.
            lead_silence_s: see `Listener.request`.
        """
        epoch = self._listener.begin_epoch()
        request = self._listener.request(
            script,
            selection,
            epoch,
            exact=exact,
            keep=keep,
            request_id=request_id,
            pronunciations=pronunciations,
            lead_silence_s=lead_silence_s,
        )
        speech = Speech(self, request, None if exact else self._registry.policy.loudness)
        self._speeches[epoch] = speech
        self._registry.speaking(+1)
        log.debug("text", session=self._name, text=script.text[:200])
        if not self._listener.say(request):
            speech.take(Window(np.zeros(0, np.float32), request.sample_rate, epoch, True))
        return speech

    def interrupt(self) -> None:
        """Barge-in: not a window of what was said before this moment will be read any more. The session goes on."""
        self._metrics.interruptions.inc()
        self._drop_all()

    def cancel(self, speech: Speech) -> None:
        """Drops one speech, as `Speech.cancel`. Nothing if it has been read to its end."""
        if self._forget(speech):
            self._listener.cancel(speech.request)
            speech.drop()

    def close(self) -> None:
        """Drops what was not read, and forgets the session. May be called twice."""
        self._drop_all()
        self._listener.close()
        self._registry.forget(self)

    def release(self, speech: Speech, window: Window, dropped_because: str | None = None) -> None:
        """Called by a speech: a window was read, or dropped; there is room for another."""
        if dropped_because is not None:
            self._metrics.dropped_s.labels(dropped_because).inc(window.duration_s)
        with self._lock:
            was_full = not self.has_room()
            self._buffered_s -= window.duration_s
        if was_full:
            self._scheduler.wake()
        if window.end_of_text:
            self._forget(speech)

    # The scheduler's side (Receiver)

    def has_room(self) -> bool:
        """Whether another window may wait for the client."""
        return self._buffered_s < self._registry.policy.buffer_s

    def deliver(self, window: Window) -> None:
        """Hands a window over to the event loop, unless its speech was cancelled."""
        speech = self._speeches.get(window.epoch)
        if speech is None:
            self._metrics.dropped_s.labels("cancelled").inc(window.duration_s)
            return
        with self._lock:
            self._buffered_s += window.duration_s
        try:
            self._loop.call_soon_threadsafe(speech.take, window)
        except RuntimeError:
            if not self._loop.is_closed():  # else whoever read this has ended with it
                raise

    def _drop_all(self) -> None:
        speeches = list(self._speeches.values())
        self._listener.interrupt()
        for speech in speeches:
            self._forget(speech)
            speech.drop()

    def _forget(self, speech: Speech) -> bool:
        """Whether it was there: a speech counts until it has been read to its end or was dropped."""
        known = self._speeches.pop(speech.request.epoch, None) is not None
        if known:
            self._registry.speaking(-1)
        return known
