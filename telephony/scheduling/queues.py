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

import numpy as np

from telephony.audio.samples import Resampler
from telephony.cache.in_flight import PhraseReader
from telephony.engines.base import Engine, Utterance
from telephony.speech import Samples, Segment, Word
from telephony.telemetry.metrics import Metrics
from telephony.voices import ResolvedVoice

MAX_QUEUED_TEXTS = 1024
"""Texts that wait in a queue at once, however small they are, where there is a bound to what waits."""


class QueueClosedError(RuntimeError):
    """The listener is gone; nothing more can be said to it."""


@dataclass(frozen=True)
class Window:
    """A piece of one call's audio on its way to a sink: `samples` float32 [samples], `sample_rate` in Hz.

    `epoch` is that of the request; a sink drops what is older than its call. `end_of_text` marks the last window of a
    request (whose samples may be none). `words` are those whose times have become known, in seconds from the request's
    first sample. `speaker` names engine and voice.
    """

    samples: Samples
    sample_rate: int
    epoch: int
    end_of_text: bool
    words: tuple[Word, ...] = ()
    speaker: tuple[str, str] = ("", "")

    @property
    def duration_s(self) -> float:
        """Length of the audio in seconds."""
        return len(self.samples) / self.sample_rate


class Listener(Protocol):
    """Whom a queue speaks to; `str()` of it names the call in logs. Both methods must return at once."""

    def has_room(self) -> bool:
        """Whether the sink can take a window. Called with the scheduler's lock held."""
        ...

    def deliver(self, window: Window) -> None:
        """Takes the next window, in order. Called without a lock, for one request by one thread at a time.

        A window of a request that was dropped in this very moment may come beside the first one of the next.
        """
        ...


@dataclass(eq=False)
class Request:
    """One text to say, on the engine and with the voice that were current when it arrived.

    `language` is that to read it in, None for the voice's own. `keep` keeps its phrases with the prerendered ones.

    Where the engine fails, `engine`, `voice` and `language` become those of another, once, which says the rest of the
    text. `failed_engine` then names the first one. `sample_rate`, in Hz, stays that of the first engine.

    `segments` is consumed one at a time, so that a long text costs its G2P piece by piece; None among them ends a slice
    of the work that it takes to find the next one. One slice is read at once, and one with every segment that is taken.
    Where that is not enough, the text is `unread` until another thread (see reading.py) has `read_on` to the next
    segment or the end. Of the segment in work, `take` is the place in the phrase cache, or `utterance` what the engine
    makes for this request alone. `in_service` while a thread is at it: the other ones leave it alone.

    What was measured is written by that thread and complete once the last window is delivered: `engine_s` and
    `audio_s`, the time in the engine, its preparation included, and the audio of all segments; `first_audio_s`, from
    arrival to the first window with sound, None until then; `cached`, whether that one came from the phrase cache;
    `failure`, why a segment could not be spoken, without its text.
    """

    segments: Iterator[Segment | None]
    engine: Engine
    voice: str
    speed: float
    epoch: int
    size_bytes: int
    exact: bool = False
    language: str | None = None
    keep: bool = False
    request_id: str = ""
    arrived_at: float = field(default_factory=time.monotonic)
    segment: Segment | None = None
    utterance: Utterance | None = None
    reader: PhraseReader | None = None
    look_up_until: float = 0.0
    in_service: bool = False
    engine_s: float = 0.0
    audio_s: float = 0.0
    first_audio_s: float | None = None
    cached: bool = False
    failure: str | None = None
    failed_engine: str | None = None
    segment_engine_s: float = 0.0
    segment_preparation_s: float = 0.0
    segment_audio_s: float = 0.0
    slices_read: int = 0
    _next: Segment | None = None
    _read_to_end: bool = False
    _unreadable: Exception | None = None
    _resampler: Resampler | None = None

    def __post_init__(self) -> None:
        self.sample_rate = self.engine.sample_rate
        self.read_on()

    @property
    def exhausted(self) -> bool:
        """True once every segment has been taken, as far as that is known."""
        return self._read_to_end and self._next is None and self._unreadable is None

    @property
    def unread(self) -> bool:
        """Whether what follows the segments that were taken is not known yet."""
        return self._next is None and not self._read_to_end

    def read_on(self) -> None:
        """Reads one slice: up to the next segment, if it comes that soon. By one thread at a time.

        A text that cannot be read any further raises only where the segment is taken that would come next.
        """
        self.slices_read += 1
        try:
            following = next(self.segments)
        except StopIteration:
            self._read_to_end, following = True, None
        except Exception as error:  # noqa: BLE001 - a defect of ours: this text ends there, and nobody else's
            self._unreadable = error
            self._read_to_end, following = True, None
        self._next = following

    def take_segment(self) -> Segment:
        """The next segment, which is in work from now on; only while neither `unread` nor `exhausted`."""
        segment = self._next
        if segment is None:
            raise self._unreadable or ValueError("no segment is left")
        self.read_on()
        self.segment = segment
        self.segment_engine_s = self.segment_preparation_s = self.segment_audio_s = 0.0
        return segment

    def end_segment(self) -> None:
        """No segment is in work any more."""
        self.segment = self.utterance = None
        self.leave_phrase()

    def leave_phrase(self) -> None:
        """What is left of the segment in work does not come from the phrase cache."""
        if self.reader is not None:
            self.reader.close()
            self.reader = None

    def cancel(self) -> None:
        """Nobody hears it any more. Any thread, also while another one serves the queue."""
        reader = self.reader
        if reader is not None:
            reader.close()

    def substitute(self, other: ResolvedVoice) -> None:
        """Has another engine go on, with the segment in work if there is one."""
        self.leave_phrase()  # which is the first engine's: what is said now must not be kept as its
        self.failed_engine = self.engine.name
        self.engine, self.voice, self.language, self.utterance = other.engine, other.voice, other.language, None
        if self.engine.sample_rate != self.sample_rate:
            self._resampler = Resampler(self.sample_rate)

    def resampled(self, samples: Samples, end_of_text: bool) -> Samples:
        """Samples of the engine, float32 [n], at the request's rate; some are held back until the end of the text."""
        if self._resampler is None:
            return samples
        ready = self._resampler.push(samples, self.engine.sample_rate)
        return np.concatenate([ready, self._resampler.finish()]) if end_of_text else ready


class Core(Protocol):
    """The scheduler, as its queues know it."""

    changed: threading.Condition
    metrics: Metrics

    @property
    def on_done(self) -> Callable[[str, Request, bool], None]:
        """Told of every request that was spoken, or dropped (True)."""
        ...

    def now(self) -> float:
        """The clock, in seconds."""
        ...

    def activate(self, queue: ListenerQueue) -> None:
        """The queue has work. Called with `changed` held."""
        ...

    def silence(self, queue: ListenerQueue) -> None:
        """The queue has none, and its listener hears nothing any more. Called with `changed` held."""
        ...


class ListenerQueue:
    """One listener's queue. Made by `Scheduler.open_queue`; its methods may be called from any thread."""

    def __init__(
        self,
        core: Core,
        listener: Listener,
        max_queued_bytes: int | None,
        door: str,
        background: bool,
        *,
        takes_audio: Callable[[], bool],
    ) -> None:
        self.listener = listener
        self.door = door
        self.background = background
        self.requests: deque[Request] = deque()
        self.playback_deadline = 0.0
        self.closed = False
        self._takes_audio = takes_audio
        self._core = core
        self._max_queued_bytes = max_queued_bytes
        self._queued_bytes = 0
        self._epoch = 0

    @property
    def epoch(self) -> int:
        """Rises with every `clear`. What is said belongs to the epoch in which it arrived, and ends with it."""
        return self._epoch

    @property
    def silent(self) -> bool:
        """Whether the listener hears nothing and has nothing coming."""
        return not self.requests and self._core.now() >= self.playback_deadline

    @property
    def working(self) -> bool:
        """Whether there is something to say, room for it and somebody who takes it, with the core's lock held."""
        return bool(self.requests) and self.listener.has_room() and self._takes_audio()

    @property
    def opens(self) -> bool:
        """Whether the next window is a segment's first, with the core's lock held. Only while something is queued."""
        return not self.requests[0].segment_audio_s

    @property
    def yields(self) -> bool:
        """Whether all others come first: it is in the background, or its listener does not take what it is given."""
        return self.background or not self._takes_audio()

    def left_s(self, seconds_per_byte: float) -> float:
        """About how much audio is still to be made of what is queued, in seconds, with the scheduler's lock held."""
        made_s = (request.audio_s + request.segment_audio_s for request in self.requests)
        texts_s = (seconds_per_byte * request.size_bytes for request in self.requests)
        return sum(max(0.0, text_s - already_s) for text_s, already_s in zip(texts_s, made_s, strict=True))

    def put(self, request: Request, wanted: Callable[[], bool] | None = None) -> bool:
        """Queues a request; waits while the queue is over its bound (backpressure towards the door).

        Args:
            request: what to say.
            wanted: asked in the moment of queueing, with the core's lock held; must return at once. None: whether the
                queue was not cleared since this was called.

        Returns:
            Whether it is queued: what nobody wants any more is dropped.

        Raises:
            QueueClosedError: the queue was closed, before or while waiting.
        """
        with self._core.changed:
            epoch = self._epoch
            wanted = wanted or (lambda: epoch == self._epoch)
            if self._is_full(request):
                self._core.metrics.texts_held_up.inc()
            while not self.closed and wanted() and self._is_full(request):
                self._core.changed.wait()
            if self.closed:
                raise QueueClosedError("the call has ended")
            queued = wanted()
            if queued:
                self.requests.append(request)
                self._queued_bytes += request.size_bytes
                self._core.activate(self)
        if not queued:
            self._core.on_done(self.door, request, True)
        return queued

    def clear(self) -> None:
        """Ends the epoch: drops what is queued, in work, or on its way into the queue.

        What is in the device finishes; its window is discarded by epoch. Who has to decide first whether to clear, or
        to change something else with it, does that in one with it by holding the core's `changed`.
        """
        with self._core.changed:
            self._epoch += 1
            dropped = list(self.requests)
            self.requests.clear()
            self._queued_bytes = 0
            self.playback_deadline = 0.0
            self._core.silence(self)
        for request in dropped:
            request.cancel()
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
            self.take_out(request)
            if self.requests:
                self._core.activate(self)
            else:
                self._core.silence(self)
        request.cancel()
        self._core.on_done(self.door, request, True)

    def take_out(self, request: Request) -> None:
        """Called with the scheduler's lock held: a request that is queued is not any more."""
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
