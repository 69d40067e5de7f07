"""A call of a PBX, whichever way it is connected: what it is given to say, what its caller has heard and pressed.

Everything here belongs to one event loop.
"""

from __future__ import annotations

import contextvars
import time
import uuid
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import structlog

from telephony.listeners.call_events import CallEvents
from telephony.listeners.call_reporter import CallReporter
from telephony.listeners.playback import Playback, SaidText
from telephony.listeners.session import Session, Speech
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.text.lexicon import EMPTY, Lexicon
from telephony.text.script import Script
from telephony.voices import ResolvedVoice

log = structlog.get_logger()

_MAX_DIGITS = 100


@dataclass(frozen=True)
class CallText:
    """A text for a call, and who speaks it; `context` is that of its HTTP request, also once its call connects."""

    script: Script
    selection: ResolvedVoice
    request_id: str
    pronunciations: Lexicon = EMPTY
    context: contextvars.Context = field(default_factory=contextvars.copy_context)

    @property
    def size_bytes(self) -> int:
        """What it counts against `max_queued_text_bytes`."""
        return self.script.size_bytes


@dataclass(eq=False)
class QueuedText(SaidText):
    """A text of a call that is connected."""

    speech: Speech


class PbxCall(ABC):
    """One call that is connected. The ways to connect it say how it is played and cut.

    Args:
        session: with a place; whoever opened it closes it.
        playback: of this call's texts.

    Attributes:
        door: the name of the way in metrics.
        sample_rate: of what the caller hears, in Hz.
        digits: the last keys that the caller has pressed.
        reporter: tells of the call.
    """

    door: ClassVar[Literal["audiosocket", "media"]]

    def __init__(
        self,
        call_id: uuid.UUID,
        session: Session,
        settings: Settings,
        metrics: Metrics,
        *,
        events: CallEvents,
        playback: Playback[QueuedText],
        sample_rate: int,
    ) -> None:
        self.call_id = call_id
        self.connected_at = time.monotonic()
        self.sample_rate = sample_rate
        self.digits: deque[str] = deque(maxlen=_MAX_DIGITS)
        self.reporter = CallReporter(events, str(call_id), self.door)
        self._session = session
        self._settings = settings
        self._metrics = metrics
        self._playback = playback

    @property
    def silent(self) -> bool:
        """Whether the caller hears nothing and has nothing coming."""
        return self._session.silent

    @property
    def texts(self) -> int:
        """How many texts are being spoken or wait."""
        return len(self._playback.texts)

    @property
    def waiting_bytes(self) -> int:
        """The size of the texts that are not all sent."""
        return sum(said.speech.request.size_bytes for said in self._playback.texts)

    def say(self, wanted: CallText) -> None:
        """Speaks a text behind those said before."""
        speech = wanted.context.run(
            self._session.say,
            wanted.script,
            wanted.selection,
            request_id=wanted.request_id,
            pronunciations=wanted.pronunciations,
            lead_silence_s=self._settings.lead_silence_ms / 1000,
        )
        words = wanted.script.words
        self.reporter.say(speech.request, words)
        self._playback.add(QueuedText(words, speech))

    def interrupt(self) -> tuple[str, str]:
        """Barge-in: speech falls silent, what was said before is dropped. Returns what the caller heard, and the rest.

        The caller hears it end once the PBX knows.
        """
        heard = self._playback.interrupt()
        self.reporter.interrupted()
        self._session.interrupt()
        return heard

    def hang_up(self, after_speech: bool) -> None:
        """Ends the call: at once, or when all that was said was heard."""
        if not after_speech:
            self.interrupt()
        self._playback.end()

    @abstractmethod
    def cut(self) -> None:
        """Ends the connection without a word: the call goes on in another one."""

    def note_audio(self, seconds: float) -> None:
        """The PBX sends what its caller says, to which nobody listens."""
        self._metrics.audio_ignored_s.inc(seconds)

    def note_digit(self, digit: str) -> None:
        """The caller has pressed a key."""
        self.digits.append(digit)
        self._metrics.digits.inc()
        self.reporter.digit(digit)
        log.info("digit", door=self.door, call=str(self.call_id), digit=digit)

    def note_end(self, said: QueuedText) -> None:
        """A text was spoken as far as it goes."""
        self.reporter.made(said.speech.request.epoch, 0.0, whole=True)
        failure = said.speech.request.measured.failure
        if failure is not None:
            log.warning("text_broken_off", door=self.door, call=str(self.call_id), error=failure)
