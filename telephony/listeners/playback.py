"""What one listener plays: his texts in order, the pace of their audio, what a barge-in cuts, and what he has heard.

Nobody reports what a telephone has played. But a listener who plays what comes as it comes hears it in real time, so a
clock that counts the audio sent knows where he is. Used by the tasks of one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from telephony.scheduling.queues import Window
from telephony.speech import Samples, Word

FADE_S = 0.06
"""How long speech takes to fall silent at a barge-in: long enough for no click, too short for another word."""

# Texts told of at once; a listener who never falls silent loses the oldest.
_MAX_TEXTS = 100
_NO_SAMPLES: Samples = np.zeros(0, np.float32)


def fade_out(samples: Samples, sample_rate: int) -> Samples:
    """The beginning of `samples` [n], falling to silence within FADE_S seconds; a shorter piece falls faster."""
    count = min(len(samples), round(FADE_S * sample_rate))
    # Half a cosine: no corner at either end.
    ramp = 0.5 + 0.5 * np.cos(np.pi * (np.arange(count, dtype=np.float32) + 1) / max(1, count))
    return samples[:count] * ramp.astype(np.float32)


@dataclass(eq=False)
class SaidText:
    """A text on its way to a listener. An endpoint's own kind says besides where its windows come from.

    Attributes:
        sent_s: the audio of it that was sent so far, in seconds.
        whole: whether that is all of it.
        cut: whether a barge-in has ended it.
        unsent: the samples that are here to be sent, float32 [n] at `sample_rate` Hz.
        ended: whether no more will come behind these.
    """

    text: str
    sent_s: float = field(default=0.0, init=False)
    whole: bool = field(default=False, init=False)
    cut: bool = field(default=False, init=False)
    unsent: Samples = field(default_factory=lambda: _NO_SAMPLES, init=False)
    sample_rate: int = field(default=0, init=False)
    ended: bool = field(default=False, init=False)
    _words: list[Word] = field(default_factory=list, init=False)

    def push(self, window: Window) -> None:
        """Its next window, which is dropped behind a barge-in. All have the same sample rate."""
        if self.cut:
            return
        self.know(window.words)
        self.unsent = np.concatenate([self.unsent, window.samples])
        self.sample_rate, self.ended = window.sample_rate, window.end_of_text

    def know(self, words: Sequence[Word]) -> None:
        """More of its words have times."""
        self._words.extend(words)

    def take(self, count: int) -> Samples:
        """The next samples to send, [count] or as many as there are."""
        taken, left = self.unsent[:count], self.unsent[count:]
        # An empty view would keep the whole window in memory.
        self.unsent = left if len(left) else _NO_SAMPLES
        return taken

    def fade(self) -> None:
        """A barge-in: what is here falls silent, and nothing follows."""
        self.cut = self.ended = True
        self.unsent = fade_out(self.unsent, self.sample_rate)

    def split(self, heard_s: float) -> tuple[str, str]:
        """The text as what was heard in `heard_s` seconds and what was not: a word counts once it was heard to its end.

        Where the engine knows no word times, a text counts as heard once all of it was.
        """
        if self.whole and heard_s >= self.sent_s:
            return self.text.strip(), ""
        end = 0
        for word in self._words:
            if word.end_s > heard_s:
                break
            place = self.text.find(word.text, end)
            if place >= 0:
                end = place + len(word.text)
        return self.text[:end].strip(), self.text[end:].strip()


_Text = TypeVar("_Text", bound=SaidText)


class Playback(Generic[_Text]):
    """One listener's texts, in order, and the clock by which he hears them.

    Texts are added at any time; one task plays them: `next`, `take` and `sent` for each piece, `done`. A barge-in may
    come between any two of these steps.

    The clock runs on when nothing is sent, and never falls behind: audio that comes late is heard late.

    Args:
        lead_s: how far ahead of the listener audio may be sent, in seconds; None for any distance.
        clock: seconds, monotonic; tests replace it.
        piece_ms: milliseconds of audio that are sent at a time.
        framed: whether every piece has that length, the last one of a text filled up with silence. FADE_S are then kept
            here until the end of the text, so that there is always something to fade.
        flushed: whether the listener drops what he has at a barge-in, as one who takes any distance does.

    Attributes:
        playing: the text that plays, even where it was cut and its end is still to be sent.
    """

    def __init__(
        self,
        lead_s: float | None,
        clock: Callable[[], float] = time.monotonic,
        *,
        piece_ms: int = 20,
        framed: bool = False,
        flushed: bool = False,
    ) -> None:
        self.lead_s = lead_s
        self._drops = flushed or lead_s is None
        self.playing: _Text | None = None
        self._clock = clock
        self._piece_ms = piece_ms
        self._framed = framed
        self._ends_at = 0.0
        self._waiting: deque[_Text] = deque()
        # All that were begun since the listener last had nothing to hear.
        self._turn: deque[_Text] = deque(maxlen=_MAX_TEXTS)
        self._ended = False
        self._changed = asyncio.Event()

    @property
    def texts(self) -> list[_Text]:
        """The text that plays, unless it was cut, and those that wait."""
        playing = [] if self.playing is None or self.playing.cut else [self.playing]
        return [*playing, *self._waiting]

    @property
    def ahead_s(self) -> float:
        """Audio that was sent and not heard yet, in seconds."""
        return max(0.0, self._ends_at - self._clock())

    def add(self, said: _Text) -> None:
        """A text, behind those that are there."""
        self._waiting.append(said)
        self._changed.set()

    def end(self) -> None:
        """No text will be added any more."""
        self._ended = True
        self._changed.set()

    async def next(self) -> _Text | None:
        """Begins the next text once there is one; None after `end`, when none is left."""
        while not self._waiting:
            if self._ended:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self.begin(self._waiting.popleft())

    def begin(self, said: _Text) -> _Text:
        """Plays a text from now on.

        Who has heard all of those before has begun a new turn, and they are forgotten.
        """
        if not self.ahead_s and all(earlier.whole for earlier in self._turn):
            self._turn.clear()
        self._turn.append(said)
        self.playing = said
        return said

    def done(self) -> None:
        """The text that plays has ended, or was cut and its end was sent."""
        self.playing = None

    async def take(self, said: SaidText) -> Samples | None:
        """The next piece of what is here of a text, once it may leave; None where there is none."""
        count = self._piece_samples(said)
        if not count:
            return None
        await self.wait(count / said.sample_rate)
        # Only now: a barge-in may have come while it waited.
        piece = said.take(count)
        return np.pad(piece, (0, count - len(piece))) if len(piece) else None

    async def wait(self, duration_s: float) -> None:
        """Returns when that much more audio may be sent; at once where the listener takes any distance."""
        while self.lead_s is not None:
            # A frame longer than the lead goes once the one before it was heard.
            delay_s = self.ahead_s + duration_s - max(self.lead_s, duration_s)
            if delay_s <= 0:
                return
            await asyncio.sleep(delay_s)

    def sent(self, duration_s: float, said: SaidText) -> bool:
        """Audio of a text has left; False if the listener had nothing left to hear before it."""
        now = self._clock()
        in_time = self._ends_at >= now
        self._ends_at = max(self._ends_at, now) + duration_s
        said.sent_s += duration_s
        return in_time

    def cancel(self, said: _Text) -> tuple[str, str]:
        """One text is cut short: what was heard of it by now, and what was not. It is forgotten.

        A listener who takes any distance, or is flushed, drops what he has of it; another one hears that out.
        """
        if said in self._waiting:
            self._waiting.remove(said)
            return "", said.text
        unheard_s = self._unheard_s(said)
        if self._drops:
            self._ends_at -= unheard_s
        with contextlib.suppress(ValueError):  # so long ago that it is forgotten already
            self._turn.remove(said)
        return said.split(said.sent_s - unheard_s)

    def interrupt(self, unsent: Sequence[str] = ()) -> tuple[str, str]:
        """All texts are cut short since the listener last had nothing to hear: what he has heard, and what he has not.

        Args:
            unsent: texts behind these that were not added yet.
        """
        cut = [said.split(said.sent_s - self._unheard_s(said)) for said in self._turn]
        waiting = [said.text for said in self._waiting]
        self._turn.clear()
        self._waiting.clear()
        if self.playing is not None:
            self.playing.fade()
        if self._drops:
            self._ends_at = min(self._ends_at, self._clock())
        return _joined([heard for heard, _ in cut]), _joined([*(unheard for _, unheard in cut), *waiting, *unsent])

    def _piece_samples(self, said: SaidText) -> int:
        """How long the next piece of a text is; 0 where there is none."""
        count = said.sample_rate * self._piece_ms // 1000
        if not self._framed:
            return min(count, len(said.unsent))
        least = 1 if said.ended else count + round(FADE_S * said.sample_rate)
        return count if len(said.unsent) >= least else 0

    def _unheard_s(self, said: SaidText) -> float:
        """How much of what was sent of a text is still to be heard, in seconds."""
        unheard_s = self.ahead_s
        for other in reversed(self._turn):
            if other is said:
                break
            unheard_s -= min(unheard_s, other.sent_s)
        return min(unheard_s, said.sent_s)


def _joined(texts: Sequence[str]) -> str:
    return " ".join(text.strip() for text in texts if text.strip())
