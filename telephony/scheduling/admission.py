"""Who may begin to speak.

Speech that has begun must not run dry, so a listener who hears nothing yet begins only where the engines can carry one
more in real time, by what they were measured to do; else it waits, in order of arrival, for a bounded time. Then it
begins all the same, and those who speak share what the engines make: dead air is worse than a gap. Whoever was served
by an engine is a speaker until its audio has run out and a moment longer: between two sentences a call still speaks.

Nothing in here knows a thread or a lock; whoever calls it does so one call at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol

AHEAD_S = 10.0
"""How far ahead the engines' work is reckoned: about one turn of a conversation. Who has that much needs nothing."""
FULL = 0.9
"""The share of the engines' time that is given away. The rest is for what varies: short segments, first windows."""
PLACE_KEPT_S = 1.0
"""How long a speaker whose audio has run out may go on before others, with a sentence that comes late."""

_DECAY = 0.95
_SLOW_DECAY = 0.995
_SURPRISE = 4.0


class Speaker(Protocol):
    """Whoever was given a place."""

    playback_deadline: float

    @property
    def opens(self) -> bool:
        """Whether its next window is the first one of a segment. Asked of whom the engines could serve."""
        ...

    @property
    def working(self) -> bool:
        """Whether there is something to say and room for it: a client that takes nothing needs no place."""
        ...

    def left_s(self, seconds_per_byte: float) -> float:
        """About how much audio is still to be made of what was queued, in seconds."""
        ...


class Admission:
    """Measures what speech costs, and knows who speaks and who waits. Times in seconds of the scheduler's clock.

    Args:
        max_wait_s: how long a newcomer waits for a place at most; infinite: as long as it takes.
    """

    def __init__(self, max_wait_s: float = math.inf) -> None:
        self.max_wait_s = max_wait_s
        self._speakers: dict[Speaker, None] = {}
        self._waiting_since: dict[Speaker, float] = {}
        # Moving averages: a segment's preparation, a request's way through the engine to its first window, any window;
        # what windows cost with and without the prosody of a segment; and sums whose ratio is the length of a text.
        self._preparation_s = 0.0
        self._first_window_s = 0.0
        self._window_s = 0.0
        self._opening = _Cost()
        self._following = _Cost()
        self._rates = (_Rate(_DECAY), _Rate(_SLOW_DECAY))
        self._text_bytes = 0.0
        self._text_audio_s = 0.0

    @property
    def realtime_factor(self) -> float:
        """Engine time for a second of audio; 0 until any was made.

        The larger one of two figures: of the last twenty windows or so, among which those with which segments begin may
        be few, and of two hundred. A moment in which speech was cheap must not let in one more for all of his call.
        """
        return max(rate.value for rate in self._rates)

    def prepared(self, spent_s: float) -> None:
        """A segment was prepared in `spent_s` seconds, beside the engine: it takes nothing of what that can make."""
        self._preparation_s = _moving_average(self._preparation_s, _believed(spent_s, self._preparation_s))

    def rendered(self, spent_s: float, audio_s: float, opening: bool) -> None:
        """One call of an engine took `spent_s` seconds and made `audio_s` seconds of audio, over all its windows.

        `opening`: with one of them a segment began, which costs the prosody of all of it.
        """
        self._window_s = _moving_average(self._window_s, spent_s)
        (self._opening if opening else self._following).add(spent_s)
        believed_s = _believed(spent_s, self.realtime_factor * audio_s)
        for rate in self._rates:
            rate.add(believed_s, audio_s)

    def began(self, spent_s: float) -> None:
        """A request has its first window, after `spent_s` seconds of engine time, without its preparation."""
        self._first_window_s = _moving_average(self._first_window_s, spent_s)

    def spoken(self, text_bytes: int, audio_s: float) -> None:
        """A whole text of that size has become so much audio."""
        self._text_bytes = _DECAY * self._text_bytes + text_bytes
        self._text_audio_s = _DECAY * self._text_audio_s + audio_s

    def wait(self, now: float, newcomer: Speaker) -> None:
        """It hears nothing and could be served: its wait begins, unless it has begun."""
        self._waiting_since.setdefault(newcomer, now)

    def enter(self, speaker: Speaker) -> None:
        """It is served by an engine: it has a place."""
        self._speakers[speaker] = None
        self._waiting_since.pop(speaker, None)

    def leave(self, speaker: Speaker) -> None:
        """It was silenced: its place is free, or its wait over."""
        self._speakers.pop(speaker, None)
        self._waiting_since.pop(speaker, None)

    def holds(self, speaker: Speaker) -> bool:
        """Whether it has a place."""
        return speaker in self._speakers

    def free_places(self, now: float) -> float:
        """How many more may begin; infinite until anything was measured, and never 0 while nobody speaks."""
        self._forget_the_silent(now)
        if not self.realtime_factor:
            return math.inf
        taken = sum(self._share(now, speaker) for speaker in self._speakers)
        free = math.floor(FULL / self.realtime_factor - taken)
        return max(free, 0 if self._speakers else 1)

    def leaves_time(self, now: float, urgent: Sequence[Speaker], batch: int) -> bool:
        """Whether a first window may be made before the next one of each of the `urgent`, who are in order of urgency.

        Reckons with the worst of late for that window and for the last one before whoever would run dry, and with the
        mean for those between. `batch`: how many windows an engine makes in one call.
        """
        begins_at = now + self._opening.worst_s
        for first in range(0, len(urgent), batch):
            together = urgent[first : first + batch]
            cost = self._opening if any(speaker.opens for speaker in together) else self._following
            if any(begins_at + cost.worst_s > speaker.playback_deadline for speaker in together):
                return False
            begins_at += cost.mean_s
        return True

    def overdue(self, now: float, newcomers: Sequence[Speaker], batch: int) -> int:
        """How many of those who wait, in order of arrival, must begin now, place or no place.

        Those are the first ones, up to the last who would begin too late if a window of somebody else came before.
        """
        until_due_s = self._until_due_s(now, newcomers, batch)
        return max((number for number, each_s in enumerate(until_due_s, 1) if each_s <= 0), default=0)

    def next_change_in_s(self, now: float, newcomers: Sequence[Speaker], batch: int) -> float | None:
        """In how many seconds one of those who wait may begin if nothing happens; None if never.

        Somebody who is not working gives up its place, or one of them becomes overdue.
        """
        places = [speaker.playback_deadline + PLACE_KEPT_S - now for speaker in self._speakers if not speaker.working]
        overdue = [each_s for each_s in self._until_due_s(now, newcomers, batch) if each_s < math.inf]
        return max(0.0, min([*places, *overdue])) if places or overdue else None

    def predict_first_audio_s(self, now: float, silent: int, waiting: int) -> float:
        """How long a newcomer would wait for its first audio, by what was measured.

        Args:
            now: the time.
            silent: those with work who hear nothing yet: each is served before it, and the window in work is finished.
            waiting: those among them who have no place: they get theirs before it, as the speakers come to their ends.
        """
        # One is prepared while another one's first window is made: the slower of the two sets the pace.
        pace_s = max(self._preparation_s, self._first_window_s)
        wait_s = self._preparation_s + silent * pace_s + self._first_window_s + self._window_s
        short = waiting + 1 - self.free_places(now)
        if short <= 0 or not self._speakers:
            return wait_s
        ends = sorted(_ahead_s(now, speaker) + self._left_s(speaker) + PLACE_KEPT_S for speaker in self._speakers)
        rounds = math.ceil(short / len(ends))
        return wait_s + (rounds - 1) * ends[-1] + ends[(int(short) - 1) % len(ends)]

    def _share(self, now: float, speaker: Speaker) -> float:
        """How much of a place a speaker takes, 0 to 1.

        Whoever has audio ahead needs the engines only for what lies behind that: of the next AHEAD_S, whatever it will
        say, and until the end of the text that it was given. A client that takes no more now is given no more.
        """
        ahead_s = _ahead_s(now, speaker)
        left_s = self._left_s(speaker) if speaker.working else 0.0
        soon = 1.0 - min(ahead_s / AHEAD_S, 1.0)
        return max(soon, left_s / (ahead_s + left_s)) if left_s else soon

    def _left_s(self, speaker: Speaker) -> float:
        return speaker.left_s(self._text_audio_s / self._text_bytes if self._text_bytes else 0.0)

    def _until_due_s(self, now: float, newcomers: Sequence[Speaker], batch: int) -> Iterator[float]:
        """How long each, in order of arrival, may wait on for somebody else's window and then for those before it."""
        own_s = self._opening.worst_s + max(self._opening.worst_s, self._following.worst_s)
        for place, newcomer in enumerate(newcomers):
            heard_by = self._waiting_since.get(newcomer, now) + self.max_wait_s
            yield heard_by - place // batch * self._opening.mean_s - own_s - now

    def _forget_the_silent(self, now: float) -> None:
        for speaker in list(self._speakers):
            if not speaker.working and now >= speaker.playback_deadline + PLACE_KEPT_S:
                del self._speakers[speaker]
        for newcomer in list(self._waiting_since):
            if not newcomer.working or now < newcomer.playback_deadline:
                del self._waiting_since[newcomer]


def _ahead_s(now: float, speaker: Speaker) -> float:
    """How much audio a speaker has to be heard yet, in seconds."""
    return max(0.0, speaker.playback_deadline - now)


class _Rate:
    """Engine time for a second of audio, out of sums that forget by the factor `kept` with each window."""

    def __init__(self, kept: float) -> None:
        self._kept = kept
        self._engine_s = 0.0
        self._audio_s = 0.0

    @property
    def value(self) -> float:
        """0 until any was made."""
        return self._engine_s / self._audio_s if self._audio_s else 0.0

    def add(self, engine_s: float, audio_s: float) -> None:
        """So much more was made in that time."""
        self._engine_s = self._kept * self._engine_s + engine_s
        self._audio_s = self._kept * self._audio_s + audio_s


class _Cost:
    """What one kind of call of an engine takes, in seconds: the mean of late, and the worst, which is forgotten."""

    def __init__(self) -> None:
        self.mean_s = 0.0
        self.worst_s = 0.0

    def add(self, spent_s: float) -> None:
        """One more."""
        believed_s = _believed(spent_s, self.mean_s)
        self.mean_s = _moving_average(self.mean_s, believed_s)
        self.worst_s = max(believed_s, self.mean_s + _DECAY * (self.worst_s - self.mean_s))


def _believed(spent_s: float, expected_s: float) -> float:
    """One call that hangs says little about the next ones: it counts as a few times what was expected."""
    return min(spent_s, _SURPRISE * expected_s) if expected_s else spent_s


def _moving_average(average: float, value: float) -> float:
    """Weighs the last ten values or so; the first one counts whole."""
    return value if average == 0.0 else 0.9 * average + 0.1 * value
