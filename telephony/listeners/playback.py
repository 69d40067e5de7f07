"""What a listener has heard of the audio that was sent to him: pace, what to cut, and the words that reached him.

Nobody reports what a telephone has played. But a listener who plays what comes as it comes hears it in real time, so a
clock that counts the audio sent knows where he is. Used by the tasks of one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from telephony.speech import Samples, Word
from telephony.text import script

FADE_S = 0.06
"""How long speech takes to fall silent at a barge-in: long enough for no click, too short for another word."""

# Texts told of at once; a listener who never falls silent loses the oldest.
_MAX_TEXTS = 100


def fade_out(samples: Samples, sample_rate: int) -> Samples:
    """The beginning of `samples` [n], falling to silence within FADE_S seconds; a shorter piece falls faster."""
    count = min(len(samples), round(FADE_S * sample_rate))
    # Half a cosine: no corner at either end.
    ramp = 0.5 + 0.5 * np.cos(np.pi * (np.arange(count, dtype=np.float32) + 1) / max(1, count))
    return samples[:count] * ramp.astype(np.float32)


class SaidText:
    """A text on its way to a listener. `sent_s` is the audio of it that was sent so far, in seconds."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sent_s = 0.0
        self.whole = False
        self._words: list[Word] = []

    def know(self, words: Sequence[Word]) -> None:
        """More of its words have times."""
        self._words.extend(words)

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


class Playback:
    """One listener's clock, and the texts that he hears.

    The clock runs on when nothing is sent, and never falls behind: audio that comes late is heard late.

    Args:
        lead_s: how far ahead of the listener audio may be sent, in seconds; None for any distance.
        clock: seconds, monotonic; tests replace it.
    """

    def __init__(self, lead_s: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.lead_s = lead_s
        self._clock = clock
        self._ends_at = 0.0
        self._texts: deque[SaidText] = deque(maxlen=_MAX_TEXTS)

    @property
    def ahead_s(self) -> float:
        """Audio that was sent and not heard yet, in seconds."""
        return max(0.0, self._ends_at - self._clock())

    def begin(self, text: str) -> SaidText:
        """The next text, without the tags of a document.

        Who has heard all of those before has begun a new turn, and they are forgotten.
        """
        if not self.ahead_s and all(said.whole for said in self._texts):
            self._texts.clear()
        said = SaidText(script.without_tags(text))
        self._texts.append(said)
        return said

    async def wait(self, duration_s: float) -> None:
        """Returns when that much more audio may be sent; at once where the listener takes any distance."""
        while self.lead_s is not None:
            # A frame longer than the lead goes once the one before it was heard.
            delay_s = self.ahead_s + duration_s - max(self.lead_s, duration_s)
            if delay_s <= 0:
                return
            await asyncio.sleep(delay_s)

    def sent(self, duration_s: float, said: SaidText | None = None) -> bool:
        """Audio has left, of a text or (None) silence; False if the listener had nothing left to hear before it."""
        now = self._clock()
        in_time = self._ends_at >= now
        self._ends_at = max(self._ends_at, now) + duration_s
        if said is not None:
            said.sent_s += duration_s
        return in_time

    def cancel(self, said: SaidText) -> tuple[str, str]:
        """One text is cut short: what was heard of it by now, and what was not. It is forgotten.

        A listener who takes any distance is taken to drop what he has of it; another one hears that out.
        """
        unheard_s = self._unheard_s(said)
        if self.lead_s is None:
            self._ends_at -= unheard_s
        with contextlib.suppress(ValueError):  # so long ago that it is forgotten already
            self._texts.remove(said)
        return said.split(said.sent_s - unheard_s)

    def interrupt(self, unsent: Sequence[str] = ()) -> tuple[str, str]:
        """All texts are cut short since the listener last had nothing to hear: what he has heard, and what he has not.

        Args:
            unsent: texts of which nothing was sent yet.
        """
        cut = [said.split(said.sent_s - self._unheard_s(said)) for said in self._texts]
        self._texts.clear()
        if self.lead_s is None:
            self._ends_at = min(self._ends_at, self._clock())
        return _joined([heard for heard, _ in cut]), _joined([*(unheard for _, unheard in cut), *unsent])

    def _unheard_s(self, said: SaidText) -> float:
        """How much of what was sent of a text is still to be heard, in seconds."""
        unheard_s = self.ahead_s
        for other in reversed(self._texts):
            if other is said:
                break
            unheard_s -= min(unheard_s, other.sent_s)
        return min(unheard_s, said.sent_s)


def _joined(texts: Sequence[str]) -> str:
    return " ".join(text.strip() for text in texts if text.strip())
