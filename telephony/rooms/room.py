"""A room: one engine with the scheduler that shares it, without doors. Each segment that a door asks for is a lane.

Threads: `speak` runs in the event loop of whoever serves it; the scheduler's threads deliver windows.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

from telephony.engines.base import Engine, ResumableEngine
from telephony.engines.cluster.messages import Accepted, Description, Failed, Load, Message, Sound, Speak
from telephony.scheduling.failover import STALL_S, Failover
from telephony.scheduling.queues import ListenerQueue, Request, Window
from telephony.scheduling.scheduler import Scheduler
from telephony.speech import Segment
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.trace_context import open_tracing

DOOR = "room"
AHEAD_S = 10.0
"""A room stops so far ahead of what a listener hears, in seconds."""
_WAKE_LATER_S = 0.002


class Room:
    """An engine that speaks for doors. `start` once, `close` once.

    Args:
        name: tells rooms apart.
        engine: warm; belongs to the room from now on.
        max_wait_s: see `Scheduler`.
        stall_s: until a call into the engine is given up, in seconds.
        traces_url: see the setting.
    """

    def __init__(
        self, name: str, engine: Engine, max_wait_s: float, stall_s: float = STALL_S, traces_url: str = ""
    ) -> None:
        self.name = name
        self.metrics = Metrics()
        self._engine = engine
        self._failover = Failover(self.metrics, lambda: [engine], stall_s)
        self._tracing = open_tracing(traces_url, self.metrics, room=name)
        self._scheduler = Scheduler(self.metrics, failover=self._failover, max_wait_s=max_wait_s, tracing=self._tracing)
        if self._tracing is not None:
            self._scheduler.on_done = self._tracing.end_text

    def start(self) -> None:
        """Starts the scheduler's threads."""
        self._scheduler.start()

    def close(self) -> None:
        """Drops what is in work, and joins the threads that answer."""
        self._scheduler.stop()
        if self._tracing is not None:
            self._tracing.close()

    def limit_wait(self, max_wait_s: float) -> None:
        """See `Scheduler`."""
        self._scheduler.limit_wait(max_wait_s)

    @property
    def answers(self) -> bool:
        """Whether the engine is not in a call that was given up."""
        return not self._failover.stalled()

    def describe(self) -> Description:
        """What a door has to know. Takes a while where there are many voices."""
        engine = self._engine
        voices = tuple(engine.voices())
        names = [voice.name for voice in voices]
        return Description(
            engine.name,
            engine.sample_rate,
            str(engine.device),
            voices,
            {name: engine.revision(name) for name in names},
            {name: engine.level_db(name) for name in names},
        )

    def load(self) -> Load:
        """How busy it is. Any thread."""
        return Load(self._scheduler.free_places(), self._scheduler.predict_first_audio_s())

    async def speak(self, wanted: Speak) -> AsyncGenerator[Message, None]:
        """Says a segment, window by window. Whoever stops to listen closes the iterator: nothing more is made then."""
        resumes = isinstance(self._engine, ResumableEngine)
        lane = _Lane(self._scheduler, wanted, 0 if resumes else wanted.heard_samples)
        segment = Segment(wanted.text, heard_samples=wanted.heard_samples if resumes else 0)
        request = Request(
            _only(segment),
            self._engine,
            wanted.voice,
            wanted.speed,
            0,
            len(wanted.text.encode()),
            exact=wanted.exact,
            language=wanted.language,
            intonation=wanted.intonation,
            traceparent=wanted.traceparent,
        )
        try:
            lane.queue.put(request)
            yield Accepted(self.name, self._engine.revision(wanted.voice), self.load())
            async for window in lane.windows():
                if window.end_of_text and request.measured.failure is not None:
                    yield Failed(request.measured.failure, unspeakable=request.measured.unspeakable)
                else:
                    yield Sound.of(window.samples, window.words, self.load(), last=window.end_of_text)
        finally:
            lane.queue.close()


def _only(segment: Segment) -> Iterator[Segment]:
    yield segment


class _Lane:
    """The receiver of one segment's windows, which lets the room work `AHEAD_S` ahead of its listener.

    Args:
        skipped_samples: left out at the beginning, where the engine cannot begin in the middle.
    """

    def __init__(self, scheduler: Scheduler, wanted: Speak, skipped_samples: int) -> None:
        self._scheduler = scheduler
        self._loop = asyncio.get_running_loop()
        self._windows: asyncio.Queue[Window] = asyncio.Queue()
        self._skipped_samples = skipped_samples
        self._heard_until = scheduler.now() + wanted.ahead_s
        self.queue: ListenerQueue = scheduler.open_queue(self, None, DOOR)
        self.queue.playback_deadline = self._heard_until
        self._wake_in_time()

    def __str__(self) -> str:
        return DOOR

    def has_room(self) -> bool:
        """Whether the listener's audio ends within `AHEAD_S`."""
        return self._heard_until - self._scheduler.now() < AHEAD_S

    def deliver(self, window: Window) -> None:
        """Hands a window over to the event loop, without what is left out."""
        skipped = min(self._skipped_samples, len(window.samples))
        self._skipped_samples -= skipped
        if skipped:
            window = dataclasses.replace(window, samples=window.samples[skipped:])
        self._heard_until = max(self._heard_until, self._scheduler.now()) + window.duration_s
        try:
            self._loop.call_soon_threadsafe(self._take, window)
        except RuntimeError:
            if not self._loop.is_closed():  # else whoever read this has ended with it
                raise

    async def windows(self) -> AsyncIterator[Window]:
        """All of them, as they come."""
        while True:
            window = await self._windows.get()
            yield window
            if window.end_of_text:
                return

    def _take(self, window: Window) -> None:
        self._windows.put_nowait(window)
        if not window.end_of_text:
            self._wake_in_time()

    def _wake_in_time(self) -> None:
        """Has the scheduler look again when there is room, if there is none."""
        too_far_s = self._heard_until - self._scheduler.now() - AHEAD_S
        if too_far_s >= 0:
            self._loop.call_later(too_far_s + _WAKE_LATER_S, self._scheduler.wake)
