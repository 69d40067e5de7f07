"""Who is synthesised next.

One thread owns the engines: it alone calls `prepare` and `render`. Each listener has a `Lane`, its queue of requests in
order. Of all lanes with work and a sink with room, the one whose listener runs out of audio first is served first; a
listener who hears nothing yet comes before all others, in order of arrival. The unit of service is one window, so a
short text never waits behind a long one and a cancel takes effect within a window.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import structlog

from telephony.engines.base import Engine, Samples, Segment, SynthesisError, Utterance, Word
from telephony.metrics import Metrics

log = structlog.get_logger()

# Texts whose phonemes are made on the way to one batch: a few milliseconds each, before the most urgent one sounds.
_MAX_PREPARED = 8


class LaneClosedError(RuntimeError):
    """The listener is gone; nothing more can be said to it."""


@dataclass(frozen=True)
class Window:
    """A piece of one call's audio on its way to a sink: `samples` float32 [samples], `sample_rate` in Hz.

    `epoch` is that of the request; a sink drops what is older than its call. `end_of_text` marks the last window of a
    request (whose samples may be none). `words` are those whose times have become known, in seconds from the request's
    first sample.
    """

    samples: Samples
    sample_rate: int
    epoch: int
    end_of_text: bool
    words: tuple[Word, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length of the audio in seconds."""
        return len(self.samples) / self.sample_rate


class Listener(Protocol):
    """Whom a lane speaks to; `str()` of it names the call in logs. Both methods must return at once."""

    def has_room(self) -> bool:
        """Whether the sink can take a window. Called with the scheduler's lock held."""
        ...

    def deliver(self, window: Window) -> None:
        """Takes the next window, in order. Called by the scheduler's thread, without a lock."""
        ...


@dataclass(eq=False)
class Request:
    """One text to say, on the engine and with the voice that were current when it arrived.

    `language` is that to read it in, None for the voice's own.

    `segments` is consumed by the scheduler's thread, one at a time, so that a long text costs its G2P piece by piece.
    What was measured is written by the scheduler's thread and complete once the last window is delivered: `engine_s`
    and `audio_s`, the time in the engine and the audio of all segments; `first_audio_s`, from arrival to the first
    window with sound, None until then; `failure`, why a segment could not be spoken, without its text.
    """

    segments: Iterator[Segment]
    engine: Engine
    voice: str
    speed: float
    epoch: int
    size_bytes: int
    exact: bool = False
    language: str | None = None
    request_id: str = ""
    arrived_at: float = field(default_factory=time.monotonic)
    utterance: Utterance | None = None
    engine_s: float = 0.0
    audio_s: float = 0.0
    first_audio_s: float | None = None
    failure: str | None = None
    segment_engine_s: float = 0.0
    segment_audio_s: float = 0.0
    _next: Segment | None = None

    def __post_init__(self) -> None:
        self._next = next(self.segments, None)

    @property
    def exhausted(self) -> bool:
        """True once every segment has been taken."""
        return self._next is None

    def take_segment(self) -> Segment:
        """The next segment; only while not `exhausted`."""
        segment = self._next
        if segment is None:
            raise ValueError("no segment is left")
        self._next = next(self.segments, None)
        return segment


class Lane:
    """One listener's queue. Made by `Scheduler.open_lane`; its methods may be called from any thread."""

    def __init__(
        self, scheduler: Scheduler, listener: Listener, max_queued_bytes: int, door: str, background: bool
    ) -> None:
        self.listener = listener
        self.door = door
        self.background = background
        self.queue: deque[Request] = deque()
        self.runs_dry_at = 0.0
        self.closed = False
        self._scheduler = scheduler
        self._max_queued_bytes = max_queued_bytes
        self._clears = 0

    @property
    def silent(self) -> bool:
        """Whether the listener hears nothing and has nothing coming."""
        return not self.queue and self._scheduler.now() >= self.runs_dry_at

    def put(self, request: Request) -> None:
        """Queues a request; waits while the queue is over its bound (backpressure towards the door).

        Raises:
            LaneClosedError: the lane was closed, before or while waiting.
        """
        with self._scheduler.changed:
            clears = self._clears
            if self._is_full(request):
                self._scheduler.metrics.texts_held_up.inc()
            while not self.closed and self._is_full(request):
                self._scheduler.changed.wait()
            if self.closed:
                raise LaneClosedError("the call has ended")
            if clears != self._clears:
                return  # interrupted while it waited: it was said before the barge-in
            self.queue.append(request)
            self._scheduler.activate(self)

    def clear(self) -> None:
        """Drops what is queued or in work. What is in the device finishes; its window is discarded by epoch."""
        with self._scheduler.changed:
            self._clears += 1
            dropped = list(self.queue)
            self.queue.clear()
            self.runs_dry_at = 0.0
            self._scheduler.deactivate(self)
        for request in dropped:
            self._scheduler.on_done(self.door, request, True)

    def drop(self, request: Request) -> None:
        """Drops one request, as `clear` drops all; what was queued behind it is next. Nothing if it is done already.

        The listener is taken to hear nothing any more if the request was the one in work.
        """
        with self._scheduler.changed:
            if request not in self.queue:
                return
            if self.queue[0] is request:
                self.runs_dry_at = 0.0
            self.queue.remove(request)
            if self.queue:
                self._scheduler.activate(self)
            else:
                self._scheduler.deactivate(self)
        self._scheduler.on_done(self.door, request, True)

    def close(self) -> None:
        """Clears the lane for good and releases whoever waits in `put`."""
        with self._scheduler.changed:
            self.closed = True
        self.clear()

    def wait_idle(self, timeout_s: float | None = None) -> bool:
        """Waits until nothing is queued or in work; False if that took longer than `timeout_s` seconds."""
        with self._scheduler.changed:
            return self._scheduler.changed.wait_for(lambda: not self.queue, timeout_s)

    def _is_full(self, request: Request) -> bool:
        queued_bytes = sum(queued.size_bytes for queued in self.queue)
        return bool(self.queue) and queued_bytes + request.size_bytes > self._max_queued_bytes


class Scheduler:
    """The engine room's one queue and one thread.

    Args:
        metrics: where it counts.
        clock: seconds, monotonic; tests replace it.
        on_done: told of every request that has been spoken, or was dropped (True): its lane's door, itself, which of
            the two. Called from any thread; must return at once.
    """

    def __init__(
        self,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        on_done: Callable[[str, Request, bool], None] = lambda door, request, dropped: None,
    ) -> None:
        self.changed = threading.Condition()
        self.metrics = metrics
        self.on_done = on_done
        self._clock = clock
        self._active: dict[Lane, None] = {}
        self._stopping = False
        self._engines: list[Engine] = []
        self._spare_work = False
        # Moving averages of engine time: a request's way to its first window, and any window.
        self._first_window_s = 0.0
        self._window_s = 0.0
        metrics.predicted_first_audio_s.set_function(self.predict_first_audio_s)
        self._thread = threading.Thread(target=self._run, name="scheduler")

    def start(self) -> None:
        """Starts the owner thread."""
        self._thread.start()

    def adopt(self, engine: Engine) -> None:
        """Gives an engine the time that no call needs."""
        with self.changed:
            if engine not in self._engines:
                self._engines = [*self._engines, engine]
            self._spare_work = True
            self.changed.notify_all()

    def open_lane(self, listener: Listener, max_queued_bytes: int, door: str, background: bool = False) -> Lane:
        """A lane for a new listener, with at most `max_queued_bytes` of text waiting (one request always fits).

        `door` names where the listener came in, for the metrics. A lane in the `background` is served when no other
        one is ready.
        """
        return Lane(self, listener, max_queued_bytes, door, background)

    @property
    def busy(self) -> bool:
        """Whether any lane has work, those in the background aside."""
        with self.changed:
            return any(not lane.background for lane in self._active)

    def now(self) -> float:
        """The scheduler's clock, in seconds."""
        return self._clock()

    def predict_first_audio_s(self) -> float:
        """How long a new call would wait for its first audio if it spoke now, in seconds, by what was measured.

        Every call that hears nothing yet is served before it, and the window in work is finished first. 0 until a first
        window was ever measured.
        """
        with self.changed:
            now = self._clock()
            waiting = sum(not lane.background and now >= lane.runs_dry_at for lane in self._active)
        return (waiting + 1) * self._first_window_s + self._window_s

    def wake(self) -> None:
        """Looks again for work: a sink has room, or a route has appeared."""
        with self.changed:
            self.changed.notify_all()

    def drain(self, timeout_s: float) -> bool:
        """Waits until no lane has work, as `busy` has it; False if some still had after `timeout_s` seconds."""
        with self.changed:
            return self.changed.wait_for(lambda: not self.busy, timeout_s)

    def stop(self) -> None:
        """Ends the owner thread after the window in work, and joins it. Queued work is dropped."""
        with self.changed:
            self._stopping = True
            self.changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def activate(self, lane: Lane) -> None:
        """Called by a lane, with `changed` held: it has work."""
        self._active[lane] = None
        self._report_depth()

    def deactivate(self, lane: Lane) -> None:
        """Called by a lane, with `changed` held: it has none."""
        self._active.pop(lane, None)
        self._report_depth()

    def _report_depth(self) -> None:
        self.metrics.queue_depth.set(sum(len(lane.queue) for lane in self._active))
        self.changed.notify_all()

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            if not batch:
                self._use_spare_time()
                continue
            try:
                self._serve(batch)
            except Exception:  # a defect of ours: these texts end here, other texts and other calls go on
                log.exception("batch_failed", calls=len(batch))
                for lane, request in batch:
                    self._abandon(lane, request)

    def _next_batch(self) -> list[tuple[Lane, Request]] | None:
        """Waits for work; None once stopping. At most one window of each lane, all on one engine.

        An empty batch means that no call needs the engines, and that one of them may have something to do by itself.
        """
        with self.changed:
            while not self._stopping:
                now = self._clock()
                ready = [lane for lane in self._active if lane.listener.has_room()]
                if not ready and self._spare_work:
                    return []
                if ready:
                    self._spare_work = True
                    ready = [lane for lane in ready if not lane.background] or ready
                    ready.sort(key=lambda lane: _urgency(lane, now))
                    return _batch(ready)
                self.changed.wait()
            return None

    def _use_spare_time(self) -> None:
        worked = False
        for engine in self._engines:
            try:
                worked |= engine.spare_time()
            except Exception:  # as in _run; an engine whose background work fails still speaks
                log.exception("spare_time_failed", engine=engine.name)
        with self.changed:
            self._spare_work = worked

    def _serve(self, batch: list[tuple[Lane, Request]]) -> None:
        engine = batch[0][1].engine
        for lane, request in batch:
            if not _renderable(request):
                started = self._clock()
                self._prepare(lane, request)
                request.segment_engine_s = self._clock() - started
        batch = [(lane, request) for lane, request in batch if _renderable(request)]
        if not batch:
            return
        utterances = [request.utterance for _, request in batch if request.utterance is not None]
        started = self._clock()
        failure: Exception | None = None
        try:
            rendered = engine.render(utterances)
        except Exception as error:  # noqa: BLE001 - whatever the engine raises ends these segments and nothing else
            failure = error
        else:
            if len(rendered) != len(utterances):
                failure = SynthesisError(f"the engine returned {len(rendered)} windows for {len(utterances)} texts")
        if failure is not None:
            for lane, request in batch:
                self._segment_failed(lane, request, failure)
            return
        spent_s = self._clock() - started
        self.metrics.busy_s.labels(engine.name).inc(spent_s)
        self._window_s = _moving_average(self._window_s, spent_s)
        for (lane, request), samples in zip(batch, rendered, strict=True):
            request.segment_engine_s += spent_s / len(batch)
            self._deliver(lane, request, samples)

    def _prepare(self, lane: Lane, request: Request) -> None:
        request.segment_audio_s = 0.0
        segment = request.take_segment()
        if segment.pause_s:
            request.audio_s += segment.pause_s
            silence = np.zeros(round(segment.pause_s * request.engine.sample_rate), np.float32)
            self._deliver(lane, request, silence)
            return
        try:
            request.utterance = request.engine.prepare(
                segment.text, request.voice, segment.speed(request.speed), request.exact, request.language
            )
        except Exception as error:  # noqa: BLE001 - as in _serve: a segment that cannot be prepared ends itself
            self._segment_failed(lane, request, error)
            return
        if request.utterance.finished:
            self._segment_failed(lane, request, SynthesisError("the engine has nothing to say for a text"))

    def _segment_failed(self, lane: Lane, request: Request, error: Exception) -> None:
        request.utterance = None
        self.metrics.segments_failed.labels(request.engine.name).inc()
        request.failure = str(error) if isinstance(error, SynthesisError) else "the engine failed"
        # A foreign exception's message may quote the caller's text; its trace does not.
        known = isinstance(error, SynthesisError)
        log.error(
            "segment_failed",
            call=str(lane.listener),
            engine=request.engine.name,
            error=str(error) if known else type(error).__name__,
            trace=None if known else "".join(traceback.format_tb(error.__traceback__)),
        )
        if request.exhausted:
            self._deliver(lane, request, np.zeros(0, np.float32))

    def _deliver(self, lane: Lane, request: Request, samples: Samples) -> None:
        finished = request.utterance is None or request.utterance.finished
        window = Window(
            samples,
            request.engine.sample_rate,
            request.epoch,
            finished and request.exhausted,
            _words(request),
        )
        request.segment_audio_s += window.duration_s
        now = self._clock()
        with self.changed:
            if not lane.queue or lane.queue[0] is not request:
                return  # cleared meanwhile: nobody waits for this window
            was_silent = now >= lane.runs_dry_at
            lane.runs_dry_at = max(now, lane.runs_dry_at) + window.duration_s
        engine_name = request.engine.name
        self.metrics.audio_s.labels(engine_name).inc(window.duration_s)
        if len(samples) and request.utterance is not None and request.first_audio_s is None:
            request.first_audio_s = now - request.arrived_at
            self._first_window_s = _moving_average(self._first_window_s, request.segment_engine_s)
            if was_silent and not lane.background:
                self.metrics.time_to_first_audio_s.labels(engine_name, lane.door).observe(request.first_audio_s)
        if finished:
            self._segment_done(request, lane)
        self._hand_over(lane, window)
        if window.end_of_text:
            self._finish(lane, request)
            self.on_done(lane.door, request, False)

    def _abandon(self, lane: Lane, request: Request) -> None:
        """Ends a whole request that met a defect; its listener is told by the end of the text."""
        request.failure = "the service failed"
        with self.changed:
            if not lane.queue or lane.queue[0] is not request:
                return
        self._hand_over(lane, Window(np.zeros(0, np.float32), request.engine.sample_rate, request.epoch, True))
        self._finish(lane, request)
        self.on_done(lane.door, request, True)

    def _hand_over(self, lane: Lane, window: Window) -> None:
        try:
            lane.listener.deliver(window)
        except Exception:  # a listener with a defect loses its speech, nobody else theirs
            log.exception("delivery_failed", call=str(lane.listener))
            lane.clear()

    def _finish(self, lane: Lane, request: Request) -> None:
        with self.changed:
            if lane.queue and lane.queue[0] is request:
                lane.queue.popleft()
            if lane.queue:
                self._report_depth()
            else:
                self.deactivate(lane)

    def _segment_done(self, request: Request, lane: Lane) -> None:
        if request.utterance is None:
            return  # it failed, and was counted
        request.utterance = None
        request.engine_s += request.segment_engine_s
        request.audio_s += request.segment_audio_s
        engine_name = request.engine.name
        if request.segment_audio_s:
            self.metrics.segments.labels(engine_name).inc()
            rtf = request.segment_engine_s / request.segment_audio_s
            self.metrics.realtime_factor.labels(engine_name, lane.door).observe(rtf)
        else:
            request.failure = "the engine returned no audio for a text"
            self.metrics.segments_failed.labels(engine_name).inc()
            log.error("segment_silent", call=str(lane.listener), engine=engine_name, error=request.failure)


def _moving_average(average: float, value: float) -> float:
    """Weighs the last ten values or so; the first one counts whole."""
    return value if average == 0.0 else 0.9 * average + 0.1 * value


def _urgency(lane: Lane, now: float) -> tuple[bool, float]:
    """Sorts a listener who hears nothing first, by arrival; the others by when they run dry."""
    playing = now < lane.runs_dry_at
    return playing, lane.runs_dry_at if playing else lane.queue[0].arrived_at


def _batch(ready: Sequence[Lane]) -> list[tuple[Lane, Request]]:
    """The most urgent lane's request, with as much company as its engine takes, out of lanes in order of urgency."""
    engine = ready[0].queue[0].engine
    batch = []
    to_prepare = 0
    for lane in ready:
        request = lane.queue[0]
        if request.engine is not engine:
            continue
        if not _renderable(request):
            to_prepare += 1
            if to_prepare > _MAX_PREPARED:
                continue
        batch.append((lane, request))
        if len(batch) == engine.max_batch:
            break
    return batch


def _renderable(request: Request) -> bool:
    return request.utterance is not None and not request.utterance.finished


def _words(request: Request) -> tuple[Word, ...]:
    """Words of the window just rendered, with times from the request's first sample instead of the segment's."""
    if request.utterance is None:
        return ()
    return tuple(
        Word(word.text, request.audio_s + word.start_s, request.audio_s + word.end_s)
        for word in request.utterance.take_words()
    )
