"""What is told of one call: who of its texts is heard, and how far.

Nobody reports what a telephone has played. Audio that is sent is heard behind the audio before it, in real time, so a
clock says where the caller is (see playback.py).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from telephony.listeners.call_events import CallEvents, Scheduled
from telephony.listeners.playback import SaidText
from telephony.protocols import call_events as told
from telephony.protocols.call_events import CallEvent
from telephony.scheduling.queues import Request
from telephony.speech import Word

# Sums of windows' lengths may differ by as much.
_ROUNDING_S = 0.001

_Event = TypeVar("_Event", bound=CallEvent)


@dataclass(eq=False)
class _Text(SaidText):
    """A text that was accepted. `made_s` of it were made, `lost_s` of that will never be sent.

    What was sent is heard to its end at `ends_at`. `made_whole`: nothing more will be made.
    """

    request: Request
    made_s: float = field(default=0.0, init=False)
    lost_s: float = field(default=0.0, init=False)
    ends_at: float = field(default=0.0, init=False)
    made_whole: bool = field(default=False, init=False)
    speaking: Scheduled | None = field(default=None, init=False)
    spoken: Scheduled | None = field(default=None, init=False)

    @property
    def request_id(self) -> str | None:
        return self.request.request_id or None

    @property
    def error(self) -> str | None:
        return self.request.measured.failure or ("a part of its audio was dropped" if self.lost_s else None)


class CallReporter:
    """Tells of one call. Any thread; its lock is taken behind all others but that of `CallEvents`.

    Texts are known by the epochs of their requests.

    Args:
        door: as metrics name it.
        host: see `CallEvent`.
    """

    def __init__(self, events: CallEvents, call_id: str, door: str, host: str = "") -> None:
        self._events = events
        self._named: dict[str, Any] = {"call_id": call_id, "door": door, "host": host or None}
        self._lock = threading.Lock()
        self._connected = False
        self._ends_at = 0.0
        self._texts: dict[int, _Text] = {}

    def connected(self) -> None:
        """Somebody is connected to the call; nothing if somebody was."""
        with self._lock:
            if not self._connected:
                self._connected = True
                self._publish(told.Connected, self._events.clock())

    def digit(self, digit: str) -> None:
        """The caller has pressed a key."""
        self._publish(told.Dtmf, self._events.clock(), digit=digit)

    def say(self, request: Request, text: str) -> None:
        """A text was accepted."""
        with self._lock:
            self._texts[request.epoch] = _Text(text, request)

    def forget(self, epoch: int) -> None:
        """A text that will not be spoken after all."""
        with self._lock:
            self._texts.pop(epoch, None)

    def know(self, epoch: int, words: Sequence[Word]) -> None:
        """Words of a text have times."""
        with self._lock:
            text = self._texts.get(epoch)
            if text is not None:
                text.know(words)

    def made(self, epoch: int, duration_s: float, *, whole: bool) -> None:
        """Audio of a text was made, in seconds, and with `whole` all of it; it will be `sent` or `lost`."""
        with self._lock:
            text = self._texts.get(epoch)
            if text is not None:
                text.made_s += duration_s
                text.made_whole = whole
                self._end_if_sent(text)

    def sent(self, epoch: int, duration_s: float) -> None:
        """Audio of a text has left, in seconds."""
        with self._lock:
            text = self._texts.get(epoch)
            if text is None:
                return  # cut while it left: whoever is silenced plays no more of it
            begins_at = max(self._ends_at, self._events.clock())
            self._ends_at = begins_at + duration_s
            if text.speaking is None:
                said = told.beginning(text.text)
                text.speaking = self._publish(told.Speaking, begins_at, text.request_id, text=said)
            text.sent_s += duration_s
            text.ends_at = self._ends_at
            self._end_if_sent(text)

    def lost(self, epoch: int, duration_s: float) -> None:
        """Audio of a text will not leave any more, in seconds."""
        with self._lock:
            text = self._texts.get(epoch)
            if text is not None:
                text.lost_s += duration_s
                self._end_if_sent(text)

    def interrupted(self, last_epoch: float = math.inf) -> None:
        """The call falls silent: nothing is heard any more of the texts up to that epoch."""
        with self._lock:
            self._interrupt(last_epoch)

    def hung_up(self, *, spoken: bool = False) -> None:
        """The call has ended; nothing if nobody was connected.

        Args:
            spoken: whether all that was sent is heard to its end all the same.
        """
        with self._lock:
            if spoken:
                self._end_sent()
            self._interrupt(math.inf)
            if self._connected:
                self._connected = False
                self._publish(told.HungUp, self._events.clock())

    def left(self) -> None:
        """The call falls silent here, and goes on elsewhere."""
        with self._lock:
            self._interrupt(math.inf)
            self._connected = False

    # Called with the lock held

    def _end_if_sent(self, text: _Text) -> None:
        """A text that will not be sent any further is spoken once it is heard."""
        if not text.made_whole or text.spoken is not None:
            return
        if text.sent_s + text.lost_s < text.made_s - _ROUNDING_S:
            return
        text.whole = text.error is None
        self._end(text, max(text.ends_at, self._events.clock()))

    def _end(self, text: _Text, at: float) -> None:
        heard, _ = text.split(text.sent_s)
        text.spoken = self._publish(
            told.Spoken,
            at,
            text.request_id,
            on_told=lambda: self.forget(text.request.epoch),
            text=told.ending(heard),
            error=text.error,
        )

    def _end_sent(self) -> None:
        """Texts that were sent whole are spoken now."""
        now = self._events.clock()
        for epoch, text in list(self._texts.items()):
            if text.spoken is not None:
                del self._texts[epoch]
                if text.spoken.withdraw():
                    if text.speaking is not None and text.speaking.withdraw():
                        self._publish(told.Speaking, now, text.request_id, text=told.beginning(text.text))
                    self._end(text, now)

    def _interrupt(self, last_epoch: float) -> None:
        now = self._events.clock()
        spoken: list[str] = []
        remaining: list[str] = []
        request_id = None
        for epoch in [epoch for epoch in self._texts if epoch <= last_epoch]:
            text = self._texts.pop(epoch)
            if text.spoken is not None and not text.spoken.withdraw():
                continue  # told already
            if text.speaking is not None and not text.speaking.withdraw():
                request_id = text.request_id
            heard, unheard = text.split(max(0.0, text.sent_s - max(0.0, text.ends_at - now)))
            spoken.append(heard)
            remaining.append(unheard)
        self._ends_at = min(self._ends_at, now)
        if spoken:
            self._publish(
                told.Interrupted,
                now,
                request_id,
                text_spoken=told.ending(_joined(spoken)),
                text_remaining=told.beginning(_joined(remaining)),
            )

    def _publish(
        self, kind: type[_Event], at: float, request_id: str | None = None, *, on_told: Any = lambda: None, **said: Any
    ) -> Scheduled:
        when = told.moment(self._events.unix_clock() + at - self._events.clock())
        return self._events.publish(kind(**self._named, time=when, request_id=request_id, **said), at, on_told)


def _joined(texts: Sequence[str]) -> str:
    return " ".join(text.strip() for text in texts if text.strip())
