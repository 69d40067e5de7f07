"""Who is synthesised next.

Each listener has a `ListenerQueue` of requests in order. A segment goes through two threads, and two of its
engine's:

- The *segments* thread begins it: takes it from its text, looks it up in the phrase cache, and delivers what needs no
  engine, which is what was found and pauses. What was not found it has prepared by another thread of the engine's (see
  preparation.py), for which nobody waits. Where a long text has no next segment soon, a third thread reads on in it
  (see reading.py).
- The *scheduler* thread decides whose next window is made, has the engine make it in the engine's own thread, and
  delivers it. A segment that is still being prepared is not there yet: others go on.

Of all queues with work and a sink with room, the one whose listener runs out of audio first is served first. A listener
who hears nothing yet comes before all others, in order of arrival, unless one of those would run dry by it, or all that
the engines can make is spoken for (see admission.py): then it waits, for a bounded time. The unit of service is one
window, so a short text never waits behind a long one and a cancel takes effect within a window. A listener who does not
take what it is given comes after all who do.

What is not in the cache is made once, for all who wait for it: whichever of them is served next has the engine make the
next window, so that nobody waits for another one's sink.
"""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
import structlog

from telephony.cache.in_flight import CUT_OFF
from telephony.engines.base import Engine, SynthesisError, UnspeakableError, Utterance
from telephony.engines.thread import Call, StalledError
from telephony.scheduling.admission import Admission
from telephony.scheduling.failover import BadAudioError, Failover, cause
from telephony.scheduling.phrases import PATIENCE_S, Phrases
from telephony.scheduling.preparation import Preparation
from telephony.scheduling.productions import Productions
from telephony.scheduling.queues import Listener, ListenerQueue, Request, Window
from telephony.scheduling.reading import Reading
from telephony.speech import Samples, Word
from telephony.telemetry.metrics import Metrics
from telephony.voices import ResolvedVoice

log = structlog.get_logger()

_Step = Callable[[ListenerQueue, Request], None]

# A shorter silence between two windows is none to a listener.
_UNHEARD_GAP_S = 0.001


def _always() -> bool:
    return True


class Scheduler:
    """The core's queue, with the threads that serve it.

    Args:
        metrics: where it counts.
        clock: seconds, monotonic; tests replace it.
        on_done: told of every request that has been spoken, or was dropped (True): its queue's door, itself, which of
            the two. Called from any thread; must return at once.
        phrases: the phrase cache; None for none.
        failover: who speaks where an engine fails; None: nobody does. The scheduler closes it.
        max_wait_s: how long a listener who hears nothing waits for a place, in seconds; then it takes its share.
    """

    def __init__(
        self,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        on_done: Callable[[str, Request, bool], None] = lambda door, request, dropped: None,
        phrases: Phrases | None = None,
        failover: Failover | None = None,
        *,
        max_wait_s: float = math.inf,
    ) -> None:
        self.changed = threading.Condition()
        self.metrics = metrics
        self.on_done = on_done
        self._clock = clock
        self._phrases = phrases
        self._failover = failover or Failover(metrics, clock=clock)
        self._preparation = Preparation(self._failover, clock, self.wake)
        self._productions = Productions()
        self._active: dict[ListenerQueue, None] = {}
        self._reading = Reading(self, lambda: [queue.requests[0] for queue in self._active])
        self._stopping = False
        self._admission = Admission(max_wait_s)
        metrics.predicted_first_audio_s.set_function(self.predict_first_audio_s)
        metrics.newcomers_waiting.set_function(self._newcomers)
        self._threads = [
            threading.Thread(target=self._run, name="scheduler"),
            threading.Thread(target=self._run_segments, name="segments"),
            threading.Thread(target=self._reading.run, name="texts"),
        ]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def open_queue(
        self,
        listener: Listener,
        max_queued_bytes: int | None,
        door: str,
        background: bool = False,
        *,
        takes_audio: Callable[[], bool] = _always,
    ) -> ListenerQueue:
        """A queue for a new listener, with at most `max_queued_bytes` and `MAX_QUEUED_TEXTS` of text waiting.

        One request always fits. None: its door bounds what waits, and is never held up.

        `door` names where the listener came in, for the metrics. A queue in the `background` is served when no other
        one is ready, and so is one whose listener has room but loses what it is given, as `takes_audio` says. That one
        must return at once; it is called with the scheduler's lock held.
        """
        return ListenerQueue(self, listener, max_queued_bytes, door, background, takes_audio=takes_audio)

    @property
    def busy(self) -> bool:
        """Whether any queue has work, those in the background aside."""
        with self.changed:
            return any(not queue.background for queue in self._active)

    @property
    def begins_at_once(self) -> bool:
        """Whether a new listener would be served this moment: no queue is `busy`, and there is a place."""
        with self.changed:
            return not self.busy and self._admission.free_places(self._clock()) >= 1

    def now(self) -> float:
        """The scheduler's clock, in seconds."""
        return self._clock()

    def predict_first_audio_s(self) -> float:
        """How long a new call would wait for its first audio if it spoke now, in seconds, by what was measured.

        0 until a first window was ever measured.
        """
        with self.changed:
            now = self._clock()
            silent = sum(not queue.yields and now >= queue.playback_deadline for queue in self._active)
            return self._admission.predict_first_audio_s(now, silent, self._newcomers())

    def _newcomers(self) -> int:
        """How many with work hear nothing and have no place."""
        with self.changed:
            now = self._clock()
            silent = [queue for queue in self._active if not queue.yields and now >= queue.playback_deadline]
            return sum(not self._admission.holds(queue) for queue in silent)

    def wake(self) -> None:
        """Looks again for work: a sink has room, or a route has appeared."""
        with self.changed:
            self.changed.notify_all()

    def drain(self, timeout_s: float) -> bool:
        """Waits until no queue has work, as `busy` has it; False if some still had after `timeout_s` seconds."""
        with self.changed:
            return self.changed.wait_for(lambda: not self.busy, timeout_s)

    def stop(self) -> None:
        """Ends all threads after what they do, and joins those that answer. Queued work is dropped."""
        with self.changed:
            self._stopping = True
            self.changed.notify_all()
        self._reading.stop()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._failover.close()

    def activate(self, queue: ListenerQueue) -> None:
        """Called by a queue, with `changed` held: it has work."""
        self._active[queue] = None
        now = self._clock()
        if not queue.background and now >= queue.playback_deadline and not self._admission.holds(queue):
            self._admission.wait(now, queue)
        self._report_depth()

    def silence(self, queue: ListenerQueue) -> None:
        """Called by a queue, with `changed` held: it has none, and its listener hears nothing any more."""
        self._admission.leave(queue)
        self._deactivate(queue)

    def _deactivate(self, queue: ListenerQueue) -> None:
        self._active.pop(queue, None)
        self._report_depth()

    def _report_depth(self) -> None:
        self.metrics.queue_depth.set(sum(len(queue.requests) for queue in self._active))
        self.changed.notify_all()

    def _release(self, requests: Iterable[Request]) -> None:
        with self.changed:
            for request in requests:
                request.in_service = False
            self.changed.notify_all()

    # The scheduler thread

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            try:
                self._serve(batch)
            except Exception:  # a defect of ours: these texts end here, other texts and other calls go on
                log.exception("batch_failed", calls=len(batch))
                for queue, request, _ in batch:
                    self._break_off(request)
                    self._abandon(queue, request)
            self._release(request for _, request, _ in batch)
            del batch  # a listener that is gone must not stay in memory while the thread waits

    def _next_batch(self) -> list[tuple[ListenerQueue, Request, Utterance]] | None:
        """Waits for work; None once stopping. At most one window of each queue, all on one engine."""
        with self.changed:
            while not self._stopping:
                now = self._clock()
                self._productions.forget_unwanted()
                able = [queue for queue in self._active if queue.listener.has_room()]
                # What is on its way may need the engines in a moment: it is not the time for others' work.
                able = [queue for queue in able if not queue.yields] or able
                ready = [queue for queue in able if self._is_prepared(queue.requests[0])]
                speakers, newcomers = self._divide(ready, now)
                admitted = self._in_turn(speakers, newcomers, now)
                if admitted:
                    batch = self._batch(admitted)
                    for queue, request, _ in batch:
                        request.in_service = True
                        if not queue.yields:
                            self._enter(queue, now)
                    return batch
                self.changed.wait(self._next_change_in_s(newcomers, now))
            return None

    def _enter(self, queue: ListenerQueue, now: float) -> None:
        admission = self._admission
        speaks = now < queue.playback_deadline or admission.holds(queue)
        if not speaks and admission.free_places(now) < 1:
            self.metrics.newcomers_overdue.labels(queue.door).inc()
        admission.enter(queue)

    def _is_prepared(self, request: Request) -> bool:
        """Whether its next window can be made. What is there already of a phrase is heard first."""
        if request.in_service or self._productions.utterance(request) is None:
            return False
        return request.reader is None or not request.reader.ready

    def _divide(self, ready: Sequence[ListenerQueue], now: float) -> tuple[list[ListenerQueue], list[ListenerQueue]]:
        """Those who speak, in order of urgency, and those who hear nothing and have no place, in order of arrival."""
        speakers: list[ListenerQueue] = []
        newcomers: list[ListenerQueue] = []
        for queue in ready:
            speaks = now < queue.playback_deadline or self._admission.holds(queue)
            (speakers if speaks else newcomers).append(queue)
        # A speaker who was not heard yet has run dry, in a way, before all others: of several, the first to arrive.
        speakers.sort(key=lambda queue: (queue.playback_deadline, queue.requests[0].arrived_at))
        newcomers.sort(key=lambda queue: queue.requests[0].arrived_at)
        return speakers, newcomers

    def _in_turn(
        self, speakers: Sequence[ListenerQueue], newcomers: Sequence[ListenerQueue], now: float
    ) -> list[ListenerQueue]:
        """Those whose next window may be made now, in order."""
        if not newcomers:
            return list(speakers)
        admission = self._admission
        batch = self._productions.engine(newcomers[0].requests[0]).max_batch
        free = int(min(len(newcomers), admission.free_places(now)))
        waiting = self._waiting(newcomers, now)
        if overdue := admission.overdue(now, waiting, batch):
            return [*newcomers[: max(free, overdue)], *speakers]
        admitted = newcomers[:free]
        if admitted and admission.leaves_time(now, speakers, batch):
            return [*admitted, *speakers]
        return [*speakers, *admitted]

    def _waiting(self, newcomers: Sequence[ListenerQueue], now: float) -> list[ListenerQueue]:
        """Those whose wait is bounded, which has begun."""
        waiting = [queue for queue in newcomers if not queue.yields]
        for queue in waiting:
            self._admission.wait(now, queue)
        return waiting

    def _next_change_in_s(self, newcomers: Sequence[ListenerQueue], now: float) -> float | None:
        """How long to wait if nothing happens, in seconds; None where nobody waits for a place."""
        if not newcomers:
            return None
        batch = self._productions.engine(newcomers[0].requests[0]).max_batch
        return self._admission.next_change_in_s(now, newcomers, batch)

    def _batch(self, ready: Sequence[ListenerQueue]) -> list[tuple[ListenerQueue, Request, Utterance]]:
        """The most urgent queue's request, with as much company as its engine takes, out of queues in order of urgency.

        Of those who wait for one phrase, one is enough.
        """
        engine = self._productions.engine(ready[0].requests[0])
        batch: list[tuple[ListenerQueue, Request, Utterance]] = []
        for queue in ready:
            request = queue.requests[0]
            utterance = self._productions.utterance(request)
            if utterance is None or self._productions.engine(request) is not engine:
                continue
            if any(utterance is other for *_, other in batch):
                continue
            batch.append((queue, request, utterance))
            if len(batch) == engine.max_batch:
                break
        return batch

    def _serve(self, batch: Sequence[tuple[ListenerQueue, Request, Utterance]]) -> None:
        with self.changed:
            engine = self._productions.engine(batch[0][1])
        utterances = [utterance for *_, utterance in batch]
        opening = any(not request.segment_audio_s for _, request, _ in batch)
        started = self._clock()
        try:
            rendered = self._render(engine, utterances)
        except Exception as error:  # noqa: BLE001 - whatever the engine raises ends these segments and nothing else
            self._failover.failed(engine, error)
            for queue, request, _ in batch:
                self._engine_failed(queue, request, error)
            return
        spent_s = self._clock() - started
        self.metrics.busy_s.labels(engine.name).inc(spent_s)
        audio_s = sum(map(len, rendered)) / engine.sample_rate
        with self.changed:
            self._admission.rendered(spent_s, audio_s, opening)
        defects = [
            _defect(request, utterance, samples)
            for (_, request, utterance), samples in zip(batch, rendered, strict=True)
        ]
        self._failover.judge(engine, defects)
        for (queue, request, utterance), samples, defect in zip(batch, rendered, defects, strict=True):
            request.segment_engine_s += spent_s / len(batch)
            try:
                if defect is not None:
                    self._engine_failed(queue, request, defect)
                else:
                    self._rendered(queue, request, utterance, samples)
            except Exception:  # a defect of ours: this text ends here, the others of its batch go on
                log.exception("text_failed", call=str(queue.listener))
                self._break_off(request)
                self._abandon(queue, request)

    def _render(self, engine: Engine, utterances: Sequence[Utterance]) -> list[Samples]:
        rendered = self._failover.render(engine, partial(engine.render, utterances))
        if len(rendered) != len(utterances):
            raise BadAudioError(f"the engine returned {len(rendered)} windows for {len(utterances)} texts")
        return rendered

    def _rendered(self, queue: ListenerQueue, request: Request, utterance: Utterance, samples: Samples) -> None:
        """A window has come out of the engine."""
        words = tuple(utterance.take_words())
        with self.changed:
            production = self._productions.of(request)
            wanted = _is_next(queue, request) if production is None else production.writer.wanted
        if wanted:
            self.metrics.audio_s.labels(request.engine.name).inc(len(samples) / request.engine.sample_rate)
        if production is None:
            self._deliver(queue, request, samples, words, utterance.finished)
            return
        production.writer.record(samples, words, utterance.finished)
        if utterance.finished:
            with self.changed:
                self._productions.finish(production)
        self._replay(queue, request)

    # Both threads

    def _break_off(self, request: Request) -> None:
        with self.changed:
            self._productions.break_off(request)

    def _engine_failed(self, queue: ListenerQueue, request: Request, error: Exception) -> None:
        """Another engine says the segment in work, unless some of it was heard; or it ends."""
        self._break_off(request)
        if not _is_next(queue, request):
            return  # cleared meanwhile: nobody waits for it
        failed, heard = request.engine.name, request.segment_audio_s > 0
        hopeless = isinstance(error, UnspeakableError) or (heard and request.exhausted)
        handed_over = not hopeless and self._substitute(request, cause(error))
        if handed_over:
            log.warning("failover", failed=failed, engine=request.engine.name, why=cause(error), **_told(queue, error))
        # What was heard is not said again by another voice: that one goes on with the next segment.
        if heard or not handed_over:
            self._segment_failed(queue, request, failed, error)

    def _substitute(self, request: Request, why: str) -> bool:
        """Has another engine say the rest of a text; False if one does already, or there is none."""
        failed = ResolvedVoice(request.engine, request.voice, request.speed, request.language)
        other = None if request.failed_engine is not None else self._failover.substitute(failed)
        if other is None:
            return False
        request.substitute(other)
        self.metrics.failovers.labels(failed.engine.name, why).inc()
        return True

    def _segment_failed(self, queue: ListenerQueue, request: Request, engine_name: str, error: Exception) -> None:
        request.end_segment()
        # What was heard of it counts: the words of the next segment are heard behind it.
        request.engine_s += request.segment_engine_s
        request.audio_s += request.segment_audio_s
        self.metrics.segments_failed.labels(engine_name).inc()
        request.failure = str(error) if isinstance(error, SynthesisError) else "the engine failed"
        log.error("segment_failed", engine=engine_name, **_told(queue, error))
        if request.exhausted:
            self._deliver(queue, request, np.zeros(0, np.float32), (), True)

    def _deliver(
        self, queue: ListenerQueue, request: Request, samples: Samples, words: Sequence[Word], finished: bool
    ) -> None:
        """Hands over a window of the segment in work; with the last one it is `finished`, or has failed before."""
        end_of_text = finished and request.exhausted
        window = Window(
            request.resampled(samples, end_of_text),
            request.sample_rate,
            request.epoch,
            end_of_text,
            _later(words, request.audio_s),
            (request.engine.name, request.voice),
        )
        request.segment_audio_s += window.duration_s
        now = self._clock()
        with self.changed:
            if not _is_next(queue, request):
                return  # cleared meanwhile: nobody waits for this window
            was_silent = now >= queue.playback_deadline
            # It was asked for when there was still something to hear.
            gap_s = now - queue.playback_deadline if request.arrived_at < queue.playback_deadline else 0.0
            queue.playback_deadline = max(now, queue.playback_deadline) + window.duration_s
        if gap_s > _UNHEARD_GAP_S and len(window.samples) and not queue.yields:
            self.metrics.gap_s.labels(queue.door).observe(gap_s)
        engine_name = request.engine.name
        pause = request.segment is not None and request.segment.pause_s
        if len(window.samples) and not pause and request.first_audio_s is None:
            request.first_audio_s = now - request.arrived_at
            request.cached = request.reader is not None and not request.segment_engine_s
            if not request.cached:
                with self.changed:
                    self._admission.began(request.segment_engine_s - request.segment_preparation_s)
            if was_silent and not queue.yields:
                self.metrics.time_to_first_audio_s.labels(engine_name, queue.door).observe(request.first_audio_s)
        if finished:
            self._segment_done(request, queue)
        self._hand_over(queue, window)
        if window.end_of_text:
            self._finish(queue, request)
            self.on_done(queue.door, request, False)

    def _abandon(self, queue: ListenerQueue, request: Request) -> None:
        """Ends a whole request that met a defect; its listener is told by the end of the text."""
        request.end_segment()
        request.failure = "the service failed"
        with self.changed:
            if not _is_next(queue, request):
                return
        self._hand_over(queue, Window(np.zeros(0, np.float32), request.sample_rate, request.epoch, True))
        self._finish(queue, request)
        self.on_done(queue.door, request, True)

    def _hand_over(self, queue: ListenerQueue, window: Window) -> None:
        try:
            queue.listener.deliver(window)
        except Exception:  # a listener with a defect loses its speech, nobody else theirs
            log.exception("delivery_failed", call=str(queue.listener))
            queue.clear()

    def _finish(self, queue: ListenerQueue, request: Request) -> None:
        with self.changed:
            self._admission.spoken(request.size_bytes, request.audio_s)
            if _is_next(queue, request):
                queue.take_out(request)
            if queue.requests:
                self._report_depth()
            else:
                self._deactivate(queue)

    def _segment_done(self, request: Request, queue: ListenerQueue) -> None:
        segment = request.segment
        if segment is None:
            return  # it failed, and was counted
        worked = request.reader is None or request.segment_engine_s > 0
        request.end_segment()
        request.engine_s += request.segment_engine_s
        request.audio_s += request.segment_audio_s
        engine_name = request.engine.name
        if segment.pause_s:
            return
        self.metrics.segments.labels(engine_name).inc()
        if worked and request.segment_audio_s:
            rtf = request.segment_engine_s / request.segment_audio_s
            self.metrics.realtime_factor.labels(engine_name, queue.door).observe(rtf)

    # The segments thread

    def _run_segments(self) -> None:
        while (step := self._next_step()) is not None:
            queue, request, do = step
            try:
                do(queue, request)
            except Exception:  # as in _run
                log.exception("segment_step_failed")
                self._break_off(request)
                self._abandon(queue, request)
            if not self._preparation.has(request):
                self._release([request])
            del step, queue, request, do  # as in _run

    def _next_step(self) -> tuple[ListenerQueue, Request, _Step] | None:
        """Waits for something to do that needs no engine, or only to be prepared; None once stopping."""
        with self.changed:
            while not self._stopping:
                step, pause_s = self._first_step()
                if step is not None:
                    return step
                self.changed.wait(pause_s)
            return None

    def _first_step(self) -> tuple[tuple[ListenerQueue, Request, _Step] | None, float | None]:
        """What is to be done now, if anything is, else how long to wait for it, in seconds.

        Who is first is decided as for the engines. Apart from the wait, so that nothing of a queue outlives it.
        """
        if (over := self._preparation.take_over()) is not None:
            return (over.queue, over.request, partial(self._prepared, over.call)), None
        now = self._clock()
        able = [queue for queue in self._active if not queue.requests[0].in_service and queue.listener.has_room()]
        able.sort(key=lambda queue: _urgency(queue, now))
        for needs, do in ((self._needs_preparation, self._prepare), (_needs_no_engine, self._go_on)):
            for queue in able:
                request = queue.requests[0]
                if needs(request, now):
                    request.in_service = True
                    return (queue, request, do), None
        return None, self._pause_s(able, now)

    def _needs_preparation(self, request: Request, now: float) -> bool:
        """Whether its engine is to be asked for phonemes, and can be."""
        reader = request.reader
        if request.segment is None or (reader is not None and (reader.sought or reader.ready)):
            return False
        begun = self._productions.of(request) is not None or request.utterance is not None
        return not begun and self._preparation.idle(request.engine)

    def _pause_s(self, able: Sequence[ListenerQueue], now: float) -> float | None:
        """How long to wait if nothing happens, in seconds: until a lookup or a preparation has taken too long."""
        heads = [queue.requests[0] for queue in able]
        waits = [head.look_up_until - now for head in heads if head.reader is not None and head.reader.sought]
        overdue_s = self._preparation.next_overdue_s()
        return min(waits if overdue_s is None else [*waits, overdue_s], default=None)

    def _go_on(self, queue: ListenerQueue, request: Request) -> None:
        if request.segment is None:
            self._begin(queue, request)
        elif request.reader is not None and request.reader.sought and self._phrases is not None:
            request.leave_phrase()
            self._phrases.overdue()
        else:
            self._replay(queue, request)

    def _begin(self, queue: ListenerQueue, request: Request) -> None:
        """Takes the next segment in work, or ends a text of which it has turned out that there is none."""
        if request.exhausted:
            if not request.audio_s and request.failure is None:
                self.metrics.texts_silent.inc()
            self._deliver(queue, request, np.zeros(0, np.float32), (), True)
            return
        segment = request.take_segment()
        if segment.pause_s:
            silence = np.zeros(round(segment.pause_s * request.engine.sample_rate), np.float32)
            self._deliver(queue, request, silence, (), True)
            return
        if self._phrases is None:
            return
        reader = self._phrases.open(
            segment,
            request.engine,
            request.voice,
            request.speed,
            language=request.language,
            exact=request.exact,
            keep=request.keep,
            on_change=self.wake,
        )
        with self.changed:
            request.look_up_until = self._clock() + PATIENCE_S
            request.reader = reader
            cancelled = not _is_next(queue, request)
        if cancelled:
            request.cancel()

    def _prepare(self, queue: ListenerQueue, request: Request) -> None:
        """Has the phonemes of the segment in work made."""
        engine, segment = request.engine, request.segment
        if segment is None or (not self._failover.usable(engine) and self._substitute(request, "paused")):
            return
        with self.changed:
            self._productions.begin(request)
        try:
            self._preparation.start(queue, request, segment)
        except StalledError as error:
            self._failover.failed(engine, error)
            self._engine_failed(queue, request, error)

    def _prepared(self, call: Call[tuple[Utterance, float]], queue: ListenerQueue, request: Request) -> None:
        """The phonemes of the segment in work are there, or cannot be had."""
        try:
            utterance, spent_s = call.outcome()
        except Exception as error:  # noqa: BLE001 - as in _serve: a segment that cannot be prepared ends itself
            self._failover.failed(request.engine, error)
            self._engine_failed(queue, request, error)
            return
        if utterance.finished:
            self._engine_failed(queue, request, UnspeakableError("the engine has nothing to say for a text"))
            return
        request.segment_engine_s += spent_s
        request.segment_preparation_s += spent_s
        with self.changed:
            self._admission.prepared(spent_s)
            self._productions.prepared(request, utterance)

    def _replay(self, queue: ListenerQueue, request: Request) -> None:
        """Delivers the next piece of a phrase."""
        piece = request.reader.next() if request.reader is not None else None
        if piece is CUT_OFF:
            # Its next segment asks the engine anew, and may then be handed over to another one.
            cut_off = SynthesisError("the engine failed while it spoke for another listener")
            self._segment_failed(queue, request, request.engine.name, cut_off)
        elif piece is not None:
            self._deliver(queue, request, piece.samples, piece.words, piece.last)


def _urgency(queue: ListenerQueue, now: float) -> tuple[bool, bool, float]:
    """Sorts a listener who hears nothing first, by arrival; the others by when they run dry; then who yields."""
    playing = now < queue.playback_deadline
    return queue.yields, playing, queue.playback_deadline if playing else queue.requests[0].arrived_at


def _is_next(queue: ListenerQueue, request: Request) -> bool:
    """False once the queue was cleared of it. Called with the lock held by who must not be overtaken."""
    return bool(queue.requests) and queue.requests[0] is request


def _needs_no_engine(request: Request, now: float) -> bool:
    """Whether it can go on without: it can begin, a piece of its phrase is there, or it has waited long enough."""
    reader = request.reader
    if request.segment is None:
        return not request.unread
    return reader is not None and (reader.ready or (reader.sought and now >= request.look_up_until))


def _defect(request: Request, utterance: Utterance, samples: Samples) -> BadAudioError | None:
    """What is wrong with a window that was rendered of the segment that a request has in work."""
    if samples.ndim != 1 or not np.isfinite(samples).all():
        return BadAudioError("the engine returned what is no sound")
    if len(samples) or request.segment_audio_s or not utterance.finished:
        return None
    return BadAudioError("the engine returned no audio for a text")


def _told(queue: ListenerQueue, error: Exception) -> dict[str, str | None]:
    """What the log is told of a segment that its engine could not say."""
    # A foreign exception's message may quote the caller's text; its trace does not.
    known = isinstance(error, SynthesisError)
    return {
        "call": str(queue.listener),
        "error": str(error) if known else type(error).__name__,
        "trace": None if known else "".join(traceback.format_tb(error.__traceback__)),
    }


def _later(words: Sequence[Word], by_s: float) -> tuple[Word, ...]:
    """Words with times from the request's first sample instead of the segment's."""
    return tuple(Word(word.text, by_s + word.start_s, by_s + word.end_s) for word in words)
