"""What is said to a listener: windows of audio, requests with a text, and the queue in which they queue.

Who of all queues is served next is the scheduler's business.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from telephony.engines.base import Engine
from telephony.scheduling.progress import CurrentVoice, Measurements, Progress
from telephony.scheduling.sources import Synthesis
from telephony.speech import NEUTRAL, Intonation, Samples, Segment, Word
from telephony.telemetry import trace_context
from telephony.telemetry.metrics import Metrics
from telephony.voices import ResolvedVoice

MAX_QUEUED_TEXTS = 1024
"""Texts that wait in a queue at once, however small they are, where there is a bound to what waits."""


def always() -> bool:
    """True: the answer where nobody has a condition."""
    return True


class QueueClosedError(RuntimeError):
    """The listener is gone; nothing more can be said to it."""


@dataclass(frozen=True)
class Window:
    """A piece of one call's audio on its way to a sink: `samples` float32 [samples], `sample_rate` in Hz.

    `epoch` is that of the request: whether it may still be heard, its `Listener` knows. `end_of_text` marks the last
    window of a request (whose samples may be none). `words` are those whose times have become known, in seconds from
    the request's first sample. `speaker` names engine and voice. `volume` is a factor, which `samples` do not have yet.
    """

    samples: Samples
    sample_rate: int
    epoch: int
    end_of_text: bool
    words: tuple[Word, ...] = ()
    speaker: tuple[str, str] = ("", "")
    volume: float = 1.0

    @property
    def duration_s(self) -> float:
        """Length of the audio in seconds."""
        return len(self.samples) / self.sample_rate


class Receiver(Protocol):
    """Who takes a queue's windows; `str()` of it names the call in logs. Both methods must return at once."""

    def has_room(self) -> bool:
        """Whether the sink can take a window. Called with the scheduler's lock held."""
        ...

    def deliver(self, window: Window) -> None:
        """Takes the next window, in order. Called without a lock, for one request by one thread at a time.

        A window of a request that was dropped in this very moment may come beside the first one of the next.
        """
        ...


@dataclass(frozen=True, eq=False)
class Request:
    """One text to say, on the engine and with the voice that were current when it arrived. It never changes.

    What changes while it is said is in three objects beside it: `progress`, `measured`, and `current`, who says it.

    Attributes:
        segments: consumed by `progress`.
        size_bytes: of the text.
        exact: see `Engine.prepare`.
        language: that to read it in; None for the voice's own.
        intonation, volume: see `ResolvedVoice`.
        keep: whether its phrases are kept with the prerendered ones.
        lead_silence_s: silence in front of its first window, in seconds.
        request_id: as its client has named it; empty for none.
        call: the call or session that it belongs to, as the log has it; empty for none.
        traceparent: of its client's span; empty for none.
        arrived_at: on the scheduler's clock, in seconds.
    """

    segments: Iterator[Segment | None]
    engine: Engine
    voice: str
    speed: float
    epoch: int
    size_bytes: int
    exact: bool = False
    language: str | None = None
    intonation: Intonation = NEUTRAL
    volume: float = 1.0
    keep: bool = False
    lead_silence_s: float = 0.0
    request_id: str = ""
    call: str = ""
    traceparent: str = field(default_factory=trace_context.traceparent.get)
    arrived_at: float = field(default_factory=time.monotonic)
    progress: Progress = field(init=False)
    measured: Measurements = field(init=False, default_factory=Measurements)
    current: CurrentVoice = field(init=False)

    def __post_init__(self) -> None:
        chosen = ResolvedVoice(self.engine, self.voice, self.speed, self.language, self.intonation, self.volume)
        object.__setattr__(self, "progress", Progress(self.segments))
        object.__setattr__(self, "current", CurrentVoice(chosen))

    @property
    def sample_rate(self) -> int:
        """Of its audio, in Hz, whoever says it."""
        return self.engine.sample_rate


class Core(Protocol):
    """The scheduler, as its queues know it. Methods in `_locked` are called with `changed` held."""

    changed: threading.Condition
    metrics: Metrics

    @property
    def on_done(self) -> Callable[[str, Request, bool], None]:
        """Told of every request that was spoken, or dropped (True)."""
        ...

    def now(self) -> float:
        """The clock, in seconds."""
        ...

    def activate_locked(self, queue: ListenerQueue) -> None:
        """The queue has work."""
        ...

    def silence_locked(self, queue: ListenerQueue) -> None:
        """The queue has none, and its listener hears nothing any more."""
        ...

    def finish_locked(self, queue: ListenerQueue) -> None:
        """A text of the queue has come to its end."""
        ...


class ListenerQueue:
    """One listener's queue. Made by `Scheduler.open_queue`; its methods may be called from any thread."""

    def __init__(
        self,
        core: Core,
        receiver: Receiver,
        max_queued_bytes: int | None,
        door: str,
        background: bool,
        *,
        takes_audio: Callable[[], bool],
    ) -> None:
        self.receiver = receiver
        self.has_room = receiver.has_room
        self.door = door
        self.background = background
        self.requests: deque[Request] = deque()
        self.playback_deadline = 0.0
        self.closed = False
        self._takes_audio = takes_audio
        self._core = core
        self._max_queued_bytes = max_queued_bytes
        self._queued_bytes = 0
        self._clears = 0

    @property
    def silent(self) -> bool:
        """Whether the listener hears nothing and has nothing coming."""
        return not self.requests and self._core.now() >= self.playback_deadline

    # What the policy sees (Candidate), with the core's lock held; most of it only while something is queued

    @property
    def arrived_at(self) -> float:
        """When the text came that is next, in seconds."""
        return self.requests[0].arrived_at

    @property
    def working(self) -> bool:
        """Whether there is something to say, room for it and somebody who takes it."""
        return bool(self.requests) and self.has_room() and self._takes_audio()

    @property
    def yields(self) -> bool:
        """Whether all others come first: it is in the background, or its listener does not take what it is given."""
        return self.background or not self._takes_audio()

    @property
    def opens(self) -> bool:
        """Whether the next window is a segment's first."""
        current = self.requests[0].progress.current
        return current is None or not current.audio_s

    def left_s(self, seconds_per_byte: float) -> float:
        """About how much audio is still to be made of what is queued, in seconds."""
        return sum(
            max(0.0, seconds_per_byte * request.size_bytes - request.measured.audio_s) for request in self.requests
        )

    def next_window(self) -> Synthesis | None:
        """Of what an engine can make the next window; None where that is there, is not prepared, or is in work."""
        progress = self.requests[0].progress
        if progress.in_service or progress.current is None:
            return None
        return progress.current.source.renderable_locked()

    # Any thread

    def is_next(self, request: Request) -> bool:
        """False once the queue was cleared of it. Called with the core's lock held by who must not be overtaken."""
        return bool(self.requests) and self.requests[0] is request

    def put(self, request: Request, wanted: Callable[[], bool] = always) -> bool:
        """Queues a request; waits while the queue is over its bound (backpressure towards the door).

        Args:
            request: what to say.
            wanted: asked in the moment of queueing, with the core's lock held; must return at once.

        Returns:
            Whether it is queued: what nobody wants any more, or was cleared while it waited here, is dropped.

        Raises:
            QueueClosedError: the queue was closed, before or while waiting.
        """
        with self._core.changed:
            clears = self._clears
            if self._is_full(request):
                self._core.metrics.texts_held_up.inc()
            while not self.closed and self._clears == clears and wanted() and self._is_full(request):
                self._core.changed.wait()
            if self.closed:
                raise QueueClosedError("the call has ended")
            queued = self._clears == clears and wanted()
            if queued:
                self.requests.append(request)
                self._queued_bytes += request.size_bytes
                self._core.activate_locked(self)
        if not queued:
            self._core.on_done(self.door, request, True)
        return queued

    def clear(self) -> None:
        """Drops what is queued, in work, or on its way into the queue. What is in the device finishes, for nobody."""
        with self._core.changed:
            self._clears += 1
            dropped = list(self.requests)
            self.requests.clear()
            self._queued_bytes = 0
            self.playback_deadline = 0.0
            self._core.silence_locked(self)
        for request in dropped:
            request.progress.cancel()
            self._core.on_done(self.door, request, True)

    def drop(self, request: Request) -> None:
        """Drops one request, as `clear` drops all; what was queued behind it is next. Nothing if it is done already.

        The listener is taken to hear nothing any more if the request was the one in work.
        """
        with self._core.changed:
            if request not in self.requests:
                return
            if self.requests[0] is request:
                self.playback_deadline = 0.0
            self.take_out_locked(request)
            if self.requests:
                self._core.activate_locked(self)
            else:
                self._core.silence_locked(self)
        request.progress.cancel()
        self._core.on_done(self.door, request, True)

    def take_out_locked(self, request: Request) -> None:
        """A request that is queued is not any more."""
        self.requests.remove(request)
        self._queued_bytes -= request.size_bytes

    def close(self) -> None:
        """Clears the queue for good and releases whoever waits in `put`."""
        with self._core.changed:
            self.closed = True
        self.clear()

    def wait_idle(self, timeout_s: float | None = None) -> bool:
        """Waits until nothing is queued or in work; False if that took longer than `timeout_s` seconds."""
        with self._core.changed:
            return self._core.changed.wait_for(lambda: not self.requests, timeout_s)

    def _is_full(self, request: Request) -> bool:
        if self._max_queued_bytes is None or not self.requests:
            return False
        too_many_bytes = self._queued_bytes + request.size_bytes > self._max_queued_bytes
        return too_many_bytes or len(self.requests) >= MAX_QUEUED_TEXTS
