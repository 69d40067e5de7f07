"""Rooms and doors in virtual time. A room has the real policy and admission; a door chooses a room as Ray Serve's
router does, and asks another one when `telephony/engines/cluster/streams.py` would.

Serve's router takes two rooms at random and sends to the one with fewer streams, as far as it knows: a room says how
many it has when it takes one, and what is older than `KNOWN_FOR_S` does not count.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.virtual import Clock, Engine, Machine, Text
from telephony.engines.cluster.loads import Loads
from telephony.engines.cluster.messages import Load
from telephony.engines.cluster.streams import (
    ACCEPTED_WITHIN_S,
    APART_S,
    MOST_LOST,
    MOST_STREAMS,
    QUIET_S,
    SPARE_S,
    UNANSWERED_S,
    UNHEARD_S,
)
from telephony.rooms.room import AHEAD_S
from telephony.scheduling.admission import Admission
from telephony.scheduling.policy import Policy

MESSAGE_S = 0.004
"""From a door to a room, or back: half of what a room adds to the first audio."""
PREPARATION_S = (0.002, 0.01)
"""How long the phonemes of a segment take at least and at most."""
KNOWN_FOR_S = 10.0
"""So long Serve's router believes what it knows of a room: RAY_SERVE_QUEUE_LENGTH_CACHE_TIMEOUT_S."""
PROBED_WITHIN_S = 0.1
"""So long it waits for an answer: RAY_SERVE_QUEUE_LENGTH_RESPONSE_DEADLINE_S."""
BYTES_PER_SECOND = 16.0
"""Of text, for a second of speech."""


@dataclass(eq=False)
class Lane:
    """A stream in its room, as the room's policy sees it."""

    stream: Stream
    text: Text
    clock: Clock
    playback_deadline: float
    yields: bool = False

    @property
    def arrived_at(self) -> float:
        """See `Candidate`."""
        return self.text.arrived_at

    @property
    def opens(self) -> bool:
        """See `Speaker`."""
        return not self.text.made_s

    @property
    def working(self) -> bool:
        """See `Speaker`."""
        return not self.text.complete and self.has_room()

    @property
    def room_at(self) -> float:
        """See `Listener`."""
        return self.playback_deadline - AHEAD_S

    def has_room(self) -> bool:
        """See `Candidate`."""
        return self.playback_deadline - self.clock.now < AHEAD_S

    def left_s(self, seconds_per_byte: float) -> float:
        """See `Speaker`."""
        return max(0.0, seconds_per_byte * self.text.size_bytes - self.text.made_s)

    def next_window(self) -> Text | None:
        """See `Listener`."""
        return self.text if self.clock.now >= self.text.ready_at else None


class Room:
    """One engine, and the streams that it makes."""

    def __init__(self, clock: Clock, engine: Engine, chance: random.Random, max_wait_s: float) -> None:
        self.streams: dict[Stream, Lane] = {}
        self._refuses = False
        self._clock = clock
        self._engine = engine
        self._chance = chance
        self._admission = Admission(max_wait_s)
        self._policy = Policy(self._admission)
        self.machine: Machine[Lane] = Machine(clock, self._policy, chance, self._made)

    @property
    def alive(self) -> bool:
        """Whether it answers."""
        return not self.machine.stopped

    def die(self, *, silently: bool) -> None:
        """It ends: as a process, whose connections break, or `silently`, as a machine without power."""
        self.machine.stopped = True
        self._refuses = not silently
        if self._refuses:
            for stream in self.streams:
                self._say(stream.lost)

    def load(self) -> Load:
        """How busy it is."""
        now = self._clock.now
        return Load(self._admission.free_places(now), self._policy.predict_first_audio_s(self.machine.active, now))

    def open(self, stream: Stream) -> None:
        """A stream has come."""
        if not self.alive:
            if self._refuses:
                self._say(stream.lost)
            return
        now = self._clock.now
        ready_at = now + self._chance.uniform(*PREPARATION_S)
        size_bytes = round(BYTES_PER_SECOND * stream.duration_s * self._chance.uniform(0.8, 1.25))
        text = Text(self._engine, now, stream.duration_s, size_bytes, ready_at, stream.heard_s)
        self.streams[stream] = lane = Lane(stream, text, self._clock, now + stream.ahead_s)
        self.machine.join(lane, ready_at)
        self._say(partial(stream.accepted, len(self.streams), self.load()))

    def close(self, stream: Stream) -> None:
        """Nobody listens to it any more."""
        lane = self.streams.pop(stream, None)
        if lane is not None and self.alive:
            self.machine.silence(lane)
            self.machine.look()

    def _made(self, lane: Lane, text: Text, length_s: float, spent_s: float) -> None:
        if self.streams.get(lane.stream) is not lane:
            return
        if lane.opens:
            self._admission.began(spent_s)
        text.made_s += length_s
        lane.playback_deadline = max(self._clock.now, lane.playback_deadline) + length_s
        if text.complete:
            self._admission.spoken(text.size_bytes, text.duration_s)
            del self.streams[lane.stream]
            self.machine.silence(lane)
        self._say(partial(lane.stream.heard, length_s, self.load(), last=text.complete))

    def _say(self, message: Callable[[], None]) -> None:
        self._clock.at(self._clock.now + MESSAGE_S, message)


class Door:
    """Knows what the rooms have told it, and chooses among those that Serve lists."""

    def __init__(self, clock: Clock, listed: Sequence[Room], chance: random.Random) -> None:
        self.clock = clock
        self.loads = Loads[Room](lambda: clock.now)
        self._listed = listed
        self._chance = chance
        self._lengths: dict[Room, tuple[int, float]] = {}

    def predicted_s(self) -> float:
        """How long a newcomer would wait, by what the rooms have said last."""
        return self.loads.predict_first_audio_s()

    def route(self, stream: Stream) -> None:
        """Sends a stream to a room."""
        now, late = self.clock.now, self.loads.late_rooms()
        listed = [room for room in self._listed if room not in late] or self._listed if late else self._listed
        two = self._chance.sample(listed, min(2, len(listed)))
        lengths = {room: length for room in two if (length := self._length(room)) is not None}
        unknown = [room for room in two if room not in lengths and room.alive]
        if not lengths:
            # Asked before anything is sent; whoever does not answer is left out.
            answers_at = now + (2 * MESSAGE_S if unknown else PROBED_WITHIN_S)
            self.clock.at(answers_at, partial(self._route_to, stream, [room for room in unknown if room.alive]))
            return
        for room in unknown:
            self.clock.at(now + 2 * MESSAGE_S, partial(self._learn_from, room))
        self._send(stream, min(lengths, key=lengths.__getitem__))

    def learn(self, room: Room, length: int) -> None:
        """A room has said how many streams it has."""
        self._lengths[room] = length, self.clock.now

    def ended(self, room: Room) -> None:
        """A stream has ended there."""
        length = self._length(room)
        if length is not None:
            self.learn(room, max(0, length - 1))

    def _route_to(self, stream: Stream, rooms: Sequence[Room]) -> None:
        for room in rooms:
            self._learn_from(room)
        if rooms:
            self._send(stream, min(rooms, key=lambda room: len(room.streams)))
        else:
            self.route(stream)

    def _send(self, stream: Stream, room: Room) -> None:
        self.learn(room, (self._length(room) or 0) + 1)
        stream.sent(room)
        if not stream.closed:
            self.clock.at(self.clock.now + MESSAGE_S, partial(room.open, stream))

    def _learn_from(self, room: Room) -> None:
        if room.alive:
            self.learn(room, len(room.streams))

    def _length(self, room: Room) -> int | None:
        length, at = self._lengths.get(room, (0, -math.inf))
        return length if self.clock.now - at <= KNOWN_FOR_S else None


class Stream:
    """A segment, or what is left of it, that was asked of one room.

    Attributes:
        duration_s: of the segment. heard_s: what of it is left out. ahead_s: what its listener has still to hear.
        room: None until one was chosen.
        load: of the room, None until that has taken it.
        news_at: when it was opened, or has sent something last.
    """

    def __init__(self, segment: SpokenSegment, heard_s: float, ahead_s: float, now: float) -> None:
        self.duration_s = segment.duration_s
        self.heard_s = heard_s
        self.ahead_s = ahead_s
        self.position_s = heard_s
        self.room: Room | None = None
        self.load: Load | None = None
        self.news_at = now
        self.sounds = False
        self.closed = False
        self._segment = segment

    def sent(self, room: Room) -> None:
        """A room was chosen."""
        self.room = room
        if self.closed:
            self._segment.door.ended(room)

    def accepted(self, streams: int, load: Load) -> None:
        """The room has it, and so many streams."""
        if self.closed or self.room is None:
            return
        self._segment.door.learn(self.room, streams)
        self._take(self.room, load)

    def heard(self, length_s: float, load: Load, *, last: bool) -> None:
        """A window has come."""
        if self.closed or self.room is None:
            return
        self._take(self.room, load)
        self.sounds = True
        self.position_s += length_s
        self._segment.heard(self, last=last)

    def lost(self) -> None:
        """The connection to its room is broken."""
        if not self.closed and self.room is not None:
            self._segment.door.loads.forget(self.room)
            self._segment.lost(self)

    def close(self) -> None:
        """It is not needed any more."""
        self.closed = True
        if self.room is not None:
            door = self._segment.door
            door.ended(self.room)
            door.clock.at(door.clock.now + MESSAGE_S, partial(self.room.close, self))

    def _take(self, room: Room, load: Load) -> None:
        self.load = load
        self._segment.door.loads.report(room, load)
        self.news_at = self._segment.news_at = self._segment.door.clock.now


class SpokenSegment:
    """A segment of a call and its streams: what `SegmentStreams` does, in virtual time.

    Args:
        dry_at: when the listener will have heard all that comes before.
        heard: told of each piece that is new, in seconds.
        over: told that all of it has come, or (False) that it was given up.
    """

    def __init__(
        self,
        door: Door,
        duration_s: float,
        dry_at: float,
        heard: Callable[[float], None],
        over: Callable[[bool], None],
    ) -> None:
        self.door = door
        self.duration_s = duration_s
        self.news_at = door.clock.now
        self._dry_at = max(dry_at, self.news_at)
        self._heard = heard
        self._over = over
        self._heard_s = 0.0
        self._streams: list[Stream] = []
        self._lost = 0
        self._opened = 0
        self._complete = False
        self._open()

    def heard(self, stream: Stream, *, last: bool) -> None:
        """One of its streams has a window."""
        fresh_s = stream.position_s - self._heard_s
        if fresh_s > 0 or last:
            self._heard_s = stream.position_s
            self._dry_at = max(self._dry_at, self.door.clock.now) + fresh_s
            for other in [each for each in self._streams if each is not stream]:
                self._drop(other)
            self._heard(fresh_s)
        if last:
            self._end(spoken=True)

    def lost(self, stream: Stream) -> None:
        """One of its streams has ended before its time."""
        self._drop(stream)
        self._lost += 1
        if self._lost == MOST_LOST:
            self._end(spoken=False)
        elif not self._streams:
            self._open()

    def _open(self) -> None:
        self._opened += 1
        now = self.door.clock.now
        stream = Stream(self, self._heard_s, max(0.0, self._dry_at - now), now)
        self._streams.append(stream)
        self.door.route(stream)
        self._supervise()

    def _supervise(self) -> None:
        """Looks whether it is time for another stream, and when to look next."""
        if self._complete or not self._streams:
            return
        now = self.door.clock.now
        answered = any(stream.load is not None for stream in self._streams)
        given_up_at = max(self.news_at, self._dry_at) + UNHEARD_S if answered else self.news_at + UNANSWERED_S
        due_at = self._another_due_at()
        if now >= given_up_at:
            self._end(spoken=False)
        elif now >= due_at:
            self.door.loads.late(stream.room for stream in self._streams if stream.room is not None)
            self._open()
        else:
            opened = self._opened
            self.door.clock.at(min(due_at, given_up_at), lambda: self._supervise() if opened == self._opened else None)

    def _another_due_at(self) -> float:
        if len(self._streams) == MOST_STREAMS:
            return math.inf
        latest = self._streams[-1]
        if latest.load is None:
            unanswered = sum(stream.load is None for stream in self._streams)
            return latest.news_at + ACCEPTED_WITHIN_S * 2.0 ** (unanswered - 1)
        quiet_s = QUIET_S if latest.sounds else QUIET_S + latest.load.first_audio_s
        due_at = max(self._dry_at - SPARE_S, latest.news_at + quiet_s)
        if due_at > self.door.clock.now:
            return due_at
        assert latest.room is not None
        busy = self.door.loads.others_are_full(latest.room)
        return max(due_at, latest.news_at + APART_S) if busy or len(self._streams) > 1 else due_at

    def _drop(self, stream: Stream) -> None:
        self._streams.remove(stream)
        stream.close()

    def _end(self, *, spoken: bool) -> None:
        self._complete = True
        for stream in list(self._streams):
            self._drop(stream)
        self._over(spoken)
