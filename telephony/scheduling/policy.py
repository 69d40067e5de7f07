"""Who is served next: earliest deadline first.

Of all queues with work and a sink with room, the one whose listener runs out of audio first is served first. A listener
who hears nothing yet comes before all others, in order of arrival, unless one of those would run dry by it, or all that
the engines can make is spoken for (see admission.py): then it waits, for a bounded time. The unit of service is one
window, so a short text never waits behind a long one and a cancel takes effect within a window. A listener who does not
take what it is given comes after all who do.

`schedule` decides, `account` is told what came of it. Nothing in here knows a thread, a lock or an engine's calls;
whoever calls it does so one call at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from telephony.scheduling.admission import Admission, Speaker


class Batching(Protocol):
    """An engine, as far as the policy knows it."""

    @property
    def max_batch(self) -> int:
        """The most windows that it makes in one call."""
        ...


class Renderable(Protocol):
    """What an engine can make a window of. Those who wait for the same phrase have the same object."""

    @property
    def engine(self) -> Batching:
        """Who makes it."""
        ...


class Candidate(Speaker, Protocol):
    """A queue with work."""

    @property
    def arrived_at(self) -> float:
        """When the text came that is next, in seconds."""
        ...

    @property
    def yields(self) -> bool:
        """Whether all others come first."""
        ...

    def has_room(self) -> bool:
        """Whether its sink can take a window."""
        ...

    def next_window(self) -> Renderable | None:
        """Of what an engine can make its next window; None where there is nothing to be made at this moment."""
        ...


_Q = TypeVar("_Q", bound=Candidate)


@dataclass(frozen=True, eq=False)
class Decision(Generic[_Q]):
    """What is to be done now.

    Attributes:
        batch: the queues whose next windows one engine makes in one call. Empty: there is nothing to be made.
        opening: whether a segment begins with one of those windows.
        overdue: those of the batch that begin without a place, for they have waited for long enough.
        wait_s: how long to wait if the batch is empty and nothing happens, in seconds; None: for ever.
    """

    batch: Sequence[_Q] = ()
    opening: bool = False
    overdue: Sequence[_Q] = ()
    wait_s: float | None = None


class Policy:
    """Decides who is served next. Times in seconds of the caller's clock.

    Args:
        admission: knows who speaks and who waits; the policy tells it who is served.
    """

    def __init__(self, admission: Admission) -> None:
        self.admission = admission

    def arrived(self, queue: Candidate, now: float) -> None:
        """A queue has something to say: if its listener hears nothing, its wait begins."""
        if not self._speaks(queue, now):
            self.admission.wait(now, queue)

    def silenced(self, queue: Candidate) -> None:
        """A queue has nothing to say, and its listener hears nothing any more."""
        self.admission.leave(queue)

    def schedule(self, queues: Iterable[_Q], now: float) -> Decision[_Q]:
        """Whose windows are made now: at most one of each queue, all by one engine."""
        able = [queue for queue in queues if queue.has_room()]
        # What is on its way may need the engines in a moment: it is not the time for others' work.
        able = [queue for queue in able if not queue.yields] or able
        ready = {queue: window for queue in able if (window := queue.next_window()) is not None}
        speakers, newcomers = self._divide(ready, now)
        if not newcomers:
            return self._serve(speakers, ready, now) if speakers else Decision()
        max_batch = ready[newcomers[0]].engine.max_batch
        admitted = self._in_turn(speakers, newcomers, max_batch, now)
        if admitted:
            return self._serve(admitted, ready, now)
        return Decision(wait_s=self.admission.next_change_in_s(now, newcomers, max_batch))

    def account(self, decision: Decision[_Q], spent_s: float, audio_s: float) -> None:
        """What was decided took an engine `spent_s` seconds and made `audio_s` seconds of audio, over all windows."""
        self.admission.rendered(spent_s, audio_s, decision.opening)

    def newcomers(self, queues: Iterable[Candidate], now: float) -> int:
        """How many of those with work hear nothing and have no place."""
        return sum(not queue.yields and not self._speaks(queue, now) for queue in queues)

    def predict_first_audio_s(self, queues: Iterable[Candidate], now: float) -> float:
        """How long a newcomer would wait for its first audio, by what was measured; 0 until anything was."""
        silent = [queue for queue in queues if not queue.yields and now >= queue.playback_deadline]
        return self.admission.predict_first_audio_s(now, len(silent), self.newcomers(silent, now))

    def _speaks(self, queue: Candidate, now: float) -> bool:
        return now < queue.playback_deadline or self.admission.holds(queue)

    def _divide(self, ready: Iterable[_Q], now: float) -> tuple[list[_Q], list[_Q]]:
        """Those who speak, in order of urgency, and those who hear nothing and have no place, in order of arrival."""
        speakers: list[_Q] = []
        newcomers: list[_Q] = []
        holds = self.admission.holds
        for queue in ready:
            speaks = now < queue.playback_deadline or holds(queue)
            (speakers if speaks else newcomers).append(queue)
        # A speaker who was not heard yet has run dry, in a way, before all others: of several, the first to arrive.
        speakers.sort(key=lambda queue: (queue.playback_deadline, queue.arrived_at))
        newcomers.sort(key=lambda queue: queue.arrived_at)
        return speakers, newcomers

    def _in_turn(self, speakers: Sequence[_Q], newcomers: Sequence[_Q], max_batch: int, now: float) -> Sequence[_Q]:
        """Those whose next window may be made now, in order. There are newcomers."""
        admission = self.admission
        free = int(min(len(newcomers), admission.free_places(now)))
        waiting = [queue for queue in newcomers if not queue.yields]  # the wait of others has no bound
        for queue in waiting:
            admission.wait(now, queue)
        if overdue := admission.overdue(now, waiting, max_batch):
            return [*newcomers[: max(free, overdue)], *speakers]
        admitted = newcomers[:free]
        if admitted and admission.leaves_time(now, speakers, max_batch):
            return [*admitted, *speakers]
        return [*speakers, *admitted]

    def _serve(self, admitted: Sequence[_Q], ready: Mapping[_Q, Renderable], now: float) -> Decision[_Q]:
        """The most urgent queue, with as much company as its engine takes. Who is served has a place from now on.

        Of those who wait for one phrase, one is enough.
        """
        engine = ready[admitted[0]].engine
        batch: dict[int, _Q] = {}
        for queue in admitted:
            window = ready[queue]
            if window.engine is engine:
                batch.setdefault(id(window), queue)
            if len(batch) == engine.max_batch:
                break
        opening = any(queue.opens for queue in batch.values())
        return Decision(list(batch.values()), opening, self._enter(batch.values(), now))

    def _enter(self, batch: Iterable[_Q], now: float) -> list[_Q]:
        """Gives places; who of the batch has got one although none was free."""
        overdue: list[_Q] = []
        for queue in batch:
            if queue.yields:
                continue
            if not self._speaks(queue, now) and self.admission.free_places(now) < 1:
                overdue.append(queue)
            self.admission.enter(queue)
        return overdue


def urgency(queue: Candidate, now: float) -> tuple[bool, bool, float]:
    """Sorts a listener who hears nothing first, by arrival; the others by when they run dry; then who yields.

    For what takes no engine's time, so that places do not matter.
    """
    playing = now < queue.playback_deadline
    return queue.yields, playing, queue.playback_deadline if playing else queue.arrived_at
