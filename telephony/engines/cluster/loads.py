"""How busy the rooms are, by what they have reported with each window."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from statistics import median
from typing import Generic, TypeVar

from telephony.engines.cluster.messages import Load

_FRESH_S = 10.0
"""What was reported before that says nothing of now."""

_Room = TypeVar("_Room", bound=Hashable)


class Loads(Generic[_Room]):
    """The last report of each room. `predict_first_audio_s` by any thread, the rest by one.

    Args:
        clock: seconds, monotonic; a simulation has its own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reports: dict[_Room, tuple[Load, float]] = {}
        self._late: set[_Room] = set()

    def report(self, room: _Room, load: Load) -> None:
        """A room has said how busy it is."""
        self._reports[room] = load, self._clock()
        self._late.discard(room)

    def forget(self, room: _Room) -> None:
        """A room is lost."""
        self._reports.pop(room, None)
        self._late.discard(room)

    def late(self, rooms: Iterable[_Room]) -> None:
        """They do not send what is due; until they report again, or have reported nothing for long, they may hang."""
        self._late.update(self._reports.keys() & rooms)

    def late_rooms(self) -> frozenset[_Room]:
        """Those that do better to be avoided."""
        since = self._clock() - _FRESH_S
        self._late = {room for room in self._late if self._reports[room][1] >= since}
        return frozenset(self._late)

    def predict_first_audio_s(self) -> float:
        """How long a newcomer waits, in seconds: as in the room in the middle of those that have reported lately.

        Nobody knows to which room the newcomer comes, and the least of many reports is of a room that has filled since.
        """
        return median([load.first_audio_s for _, load in self._fresh()] or [0.0])

    def others_are_full(self, room: _Room) -> bool:
        """Whether other rooms have reported lately, and none of them has a place."""
        others = [load for each, load in self._fresh() if each != room]
        return bool(others) and all(load.free_places < 1 for load in others)

    def _fresh(self) -> list[tuple[_Room, Load]]:
        since = self._clock() - _FRESH_S
        return [(room, load) for room, (load, at) in list(self._reports.items()) if at >= since]
