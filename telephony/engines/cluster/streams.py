"""The streams from rooms that make one segment: usually one; another where a room is late, hangs or dies.

All of it runs in the event loop of a `ClusterEngine`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

import structlog

from telephony.engines.base import SynthesisError, UnspeakableError
from telephony.engines.cluster.loads import Loads
from telephony.engines.cluster.messages import Accepted, Description, Failed, Load, Message, Sound, Speak
from telephony.engines.cluster.utterance import ClusterUtterance

log = structlog.get_logger()

ACCEPTED_WITHIN_S = 0.1
"""A room that has not taken a segment by then may hang. Each further one has twice as long: perhaps all are busy."""
SPARE_S = 0.25
"""Another room is asked when a listener has only so much left to hear: it needs that for its first window."""
QUIET_S = 0.15
"""A room may take so long for a window, whatever its listener has left."""
APART_S = 1.0
"""Where all rooms are busy, more streams do not help: no sooner than so long after the one before."""
MOST_STREAMS = 6
"""Of one segment at once."""
MOST_LOST = 6
"""Streams that one segment may lose. A text that kills its rooms ends there."""
_MOST_FAILURES = 2
"""Rooms whose engines say that they cannot speak it."""
UNANSWERED_S = 4.0
UNHEARD_S = 10.0
"""A segment is given up when no room has taken it, or has sent anything, for so long."""


class Rooms(Protocol):
    """The way to the rooms."""

    async def describe(self) -> Description:
        """What any room says of its engine.

        Raises:
            SynthesisError: there is no room.
        """
        ...

    def speak(self, wanted: Speak) -> AsyncGenerator[Message, None]:
        """A stream from a room with little to do that is not to be avoided. Whatever it raises, that room is gone.

        Closing it tells the room that nobody listens.
        """
        ...

    def close(self) -> None:
        """Leaves the rooms alone from now on. Any thread."""
        ...


class _LostError(RuntimeError):
    """A room does not go on with a segment."""


@dataclasses.dataclass(eq=False)
class _Stream:
    """One of them. Times on the monotonic clock.

    Attributes:
        news_at: when it was opened, or has sent something last.
        revision, load: of its room; no load until that has taken the segment.
        sounds: whether it has sent a window.
    """

    news_at: float
    room: str = ""
    revision: str = ""
    load: Load | None = None
    sounds: bool = False


class SegmentStreams:
    """Has one segment made.

    Args:
        utterance: gets the windows, or the failure.
        rooms: the way to the rooms.
        loads: what each room has reported last, by its name; shared by all segments.
    """

    def __init__(self, utterance: ClusterUtterance, rooms: Rooms, loads: Loads[str]) -> None:
        self._utterance = utterance
        self._rooms = rooms
        self._loads = loads
        self._streams: dict[asyncio.Task[None], _Stream] = {}
        self._lost = 0
        self._failures = 0
        self._revision = ""
        """Of the room that was heard first."""
        self._news_at = time.monotonic()
        self._dry_at = self._news_at + utterance.wanted.ahead_s

    async def run(self) -> None:
        """Until the segment is complete, or cannot be; cancelled, its rooms stop."""
        try:
            self._open()
            while not self._utterance.complete:
                await self._supervise()
        except SynthesisError as error:
            self._utterance.fail(error)
        finally:
            for task in self._streams:
                task.cancel()
            await asyncio.gather(*self._streams, return_exceptions=True)

    async def _supervise(self) -> None:
        """Waits until a stream ends, or it is time for another one."""
        now = time.monotonic()
        answered = any(stream.load is not None for stream in self._streams.values())
        given_up_at = max(self._news_at, self._dry_at) + UNHEARD_S if answered else self._news_at + UNANSWERED_S
        timeout_s = max(0.0, min(self._another_due_at(), given_up_at) - now)
        ended, _ = await asyncio.wait(self._streams, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            stream = self._streams.pop(task)
            error = None if task.cancelled() else task.exception()
            if error is None or self._utterance.complete:
                continue
            if isinstance(error, SynthesisError):
                self._failures += 1
                if isinstance(error, UnspeakableError) or self._failures == _MOST_FAILURES:
                    raise error
            else:
                self._lost += 1
                self._loads.forget(stream.room)
                log.warning("room_lost", room=stream.room, error=f"{type(error).__name__}: {error}"[:200])
        if self._utterance.complete:
            return
        if not self._streams:
            if self._lost == MOST_LOST:
                raise SynthesisError("too many rooms were lost")
            self._open()
        elif not ended and time.monotonic() >= given_up_at:
            raise SynthesisError("no room answers")
        elif not ended and time.monotonic() >= self._another_due_at():
            late = [stream.room for stream in self._streams.values()]
            log.info("room_late", rooms=late)
            self._loads.late(late)
            self._open()

    def _another_due_at(self) -> float:
        """When another room is to be asked, if nothing comes until then."""
        if len(self._streams) == MOST_STREAMS:
            return math.inf
        latest = list(self._streams.values())[-1]
        if latest.load is None:
            unanswered = sum(stream.load is None for stream in self._streams.values())
            return latest.news_at + ACCEPTED_WITHIN_S * 2.0 ** (unanswered - 1)
        quiet_s = QUIET_S if latest.sounds else QUIET_S + latest.load.first_audio_s
        due_at = max(self._dry_at - SPARE_S, latest.news_at + quiet_s)
        busy = self._loads.others_are_full(latest.room)
        return max(due_at, latest.news_at + APART_S) if busy or len(self._streams) > 1 else due_at

    def _open(self) -> None:
        stream = _Stream(time.monotonic())
        self._streams[asyncio.get_running_loop().create_task(self._listen(stream))] = stream

    async def _listen(self, stream: _Stream) -> None:
        utterance = self._utterance
        position, words = utterance.heard_samples, 0
        ahead_s = max(0.0, self._dry_at - time.monotonic())
        wanted = dataclasses.replace(
            utterance.wanted, ahead_s=ahead_s, heard_samples=position, avoid=self._loads.late_rooms()
        )
        async with aclosing(self._rooms.speak(wanted)) as messages:
            async for message in messages:
                now = stream.news_at = self._news_at = time.monotonic()
                if isinstance(message, Failed):
                    raise UnspeakableError(message.why) if message.unspeakable else SynthesisError(message.why)
                stream.load = message.load
                if isinstance(message, Accepted):
                    stream.room, stream.revision = message.room, message.revision
                    if utterance.heard_samples and stream.revision != self._revision:
                        raise _LostError("it has another model, voice or precision")
                self._loads.report(stream.room, message.load)
                if not isinstance(message, Sound):
                    continue
                stream.sounds = True
                samples = message.samples()
                known = utterance.heard_samples - position
                position += len(samples)
                if len(samples) > known or message.last:
                    self._revision = stream.revision
                    fresh = samples[known:]
                    self._dry_at = max(self._dry_at, now) + len(fresh) / utterance.sample_rate
                    utterance.add(fresh, message.words, first_word=words, last=message.last)
                    self._drop_others(stream)
                words += len(message.words)
                if message.last:
                    return
        raise _LostError("it stopped before the end")

    def _drop_others(self, first: _Stream) -> None:
        """It was the first to deliver."""
        for task, stream in self._streams.items():
            if stream is not first:
                task.cancel()
