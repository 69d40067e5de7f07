"""The threads that serve everybody.

Each listener has a `ListenerQueue` of requests in order. A segment goes through two threads, and two of its engine's:

- The *segments* thread begins it, and delivers what needs no engine (see feeder.py). Where a long text has no next
  segment soon, a third thread reads on in it (see reading.py).
- The *scheduler* thread asks the policy whose next window is made (see policy.py), has the engine make it in the
  engine's own thread, and delivers it. A segment that is still being prepared is not there yet: others go on.

One lock, that of `Scheduler.changed`, guards queues, requests and policy. Methods in `_locked` are called with it held.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import structlog

from telephony.engines.base import Engine, Utterance
from telephony.scheduling.admission import Admission
from telephony.scheduling.delivery import Delivery
from telephony.scheduling.failover import BadAudioError, Failover
from telephony.scheduling.feeder import Feeder
from telephony.scheduling.phrases import Phrases
from telephony.scheduling.policy import Decision, Policy
from telephony.scheduling.progress import SegmentInWork
from telephony.scheduling.queues import ListenerQueue, Receiver, Request, always
from telephony.scheduling.reading import Reading
from telephony.scheduling.sources import Sources, Synthesis
from telephony.speech import Samples
from telephony.telemetry.metrics import Metrics

if TYPE_CHECKING:  # it imports the packages for it
    from telephony.telemetry.tracing import Tracing

log = structlog.get_logger()


class Rendering(NamedTuple):
    """A window on its way through an engine, for the request that is next in a queue."""

    queue: ListenerQueue
    request: Request
    segment: SegmentInWork
    synthesis: Synthesis
    utterance: Utterance


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
        tracing: is told of every segment; None where texts are not traced. Its owner closes it, behind the scheduler.
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
        tracing: Tracing | None = None,
    ) -> None:
        self.changed = threading.Condition()
        self.metrics = metrics
        self.on_done = on_done
        self._clock = clock
        self._active: dict[ListenerQueue, None] = {}
        self._stopping = False
        self._failover = failover or Failover(metrics, clock=clock)
        self._sources = Sources(phrases, self.wake, clock)
        self._admission = Admission(max_wait_s)
        self._policy = Policy(self._admission)
        self._delivery = Delivery(self, self._admission, self._failover)
        active = self._active.keys()
        self._feeder = Feeder(
            self,
            active,
            self._sources,
            self._delivery,
            failover=self._failover,
            admission=self._admission,
            tracing=tracing,
        )
        self._reading = Reading(self, lambda: [queue.requests[0] for queue in active])
        metrics.predicted_first_audio_s.set_function(self.predict_first_audio_s)
        metrics.newcomers_waiting.set_function(self._newcomers)
        self._threads = [
            threading.Thread(target=self._run, name="scheduler"),
            threading.Thread(target=self._feeder.run, name="segments"),
            threading.Thread(target=self._reading.run, name="texts"),
        ]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def open_queue(
        self,
        receiver: Receiver,
        max_queued_bytes: int | None,
        door: str,
        background: bool = False,
        *,
        takes_audio: Callable[[], bool] = always,
    ) -> ListenerQueue:
        """A queue for a new listener, with at most `max_queued_bytes` and `MAX_QUEUED_TEXTS` of text waiting.

        One request always fits. None: its door bounds what waits, and is never held up.

        `door` names where the listener came in, for the metrics. A queue in the `background` is served when no other
        one is ready, and so is one whose listener has room but loses what it is given, as `takes_audio` says. That one
        must return at once; it is called with the scheduler's lock held.
        """
        return ListenerQueue(self, receiver, max_queued_bytes, door, background, takes_audio=takes_audio)

    @property
    def busy(self) -> bool:
        """Whether any queue has work, those in the background aside."""
        with self.changed:
            return any(not queue.background for queue in self._active)

    @property
    def begins_at_once(self) -> bool:
        """Whether a new listener would be served this moment: no queue is `busy`, and there is a place."""
        with self.changed:
            here = not self.busy and self._admission.free_places(self._clock()) >= 1
        return here and not self._failover.predict_remote_s()

    def limit_wait(self, max_wait_s: float) -> None:
        """Another `max_wait_s` from now on."""
        with self.changed:
            self._admission.max_wait_s = max_wait_s

    def free_places(self) -> float:
        """How many new listeners could begin now, by what was measured; infinite until anything was."""
        with self.changed:
            return self._admission.free_places(self._clock())

    def now(self) -> float:
        """The scheduler's clock, in seconds."""
        return self._clock()

    def predict_first_audio_s(self) -> float:
        """How long a new call would wait for its first audio if it spoke now, in seconds, by what was measured.

        0 until a first window was ever measured.
        """
        with self.changed:
            here_s = self._policy.predict_first_audio_s(self._active, self._clock())
        return here_s + self._failover.predict_remote_s()

    def _newcomers(self) -> int:
        """How many with work hear nothing and have no place."""
        with self.changed:
            return self._policy.newcomers(self._active, self._clock())

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
            self._feeder.stop()
            self._reading.stop()
            self.changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._failover.close()

    # The queues' side, and that of the other threads (Core)

    def activate_locked(self, queue: ListenerQueue) -> None:
        """A queue has work."""
        self._active[queue] = None
        if not queue.background:
            self._policy.arrived(queue, self._clock())
        self._report_depth_locked()

    def silence_locked(self, queue: ListenerQueue) -> None:
        """A queue has none, and its listener hears nothing any more."""
        self._policy.silenced(queue)
        self._active.pop(queue, None)
        self._report_depth_locked()

    def finish_locked(self, queue: ListenerQueue) -> None:
        """A text of a queue has come to its end."""
        if not queue.requests:
            self._active.pop(queue, None)
        self._report_depth_locked()

    def release(self, requests: Iterable[Request]) -> None:
        """These requests are in service no more."""
        with self.changed:
            for request in requests:
                request.progress.in_service = False
            self.changed.notify_all()

    def _report_depth_locked(self) -> None:
        self.metrics.queue_depth.set(sum(len(queue.requests) for queue in self._active))
        self.changed.notify_all()

    # The scheduler thread

    def _run(self) -> None:
        while (work := self._next_work()) is not None:
            decision, batch = work
            try:
                self._serve(decision, batch)
            except Exception:  # a defect of ours: these texts end here, other texts and other calls go on
                log.exception("batch_failed", calls=len(batch))
                for queue, request, *_ in batch:
                    self._delivery.abandon(queue, request)
            self.release(request for _, request, *_ in batch)
            del work, decision, batch  # a listener that is gone must not stay in memory while the thread waits

    def _next_work(self) -> tuple[Decision[ListenerQueue], Sequence[Rendering]] | None:
        """Waits until there is something to render; None once stopping."""
        with self.changed:
            while not self._stopping:
                self._sources.forget_unwanted_locked()
                decision = self._policy.schedule(self._active, self._clock())
                if batch := self._take_locked(decision):
                    return decision, batch
                self.changed.wait(decision.wait_s)
            return None

    def _take_locked(self, decision: Decision[ListenerQueue]) -> Sequence[Rendering]:
        for queue in decision.overdue:
            self.metrics.newcomers_overdue.labels(queue.door).inc()
        batch: list[Rendering] = []
        for queue in decision.batch:
            request, synthesis = queue.requests[0], queue.next_window()
            segment = request.progress.current
            if segment is not None and synthesis is not None and synthesis.utterance is not None:
                batch.append(Rendering(queue, request, segment, synthesis, synthesis.utterance))
                request.progress.in_service = True
        return batch

    def _serve(self, decision: Decision[ListenerQueue], batch: Sequence[Rendering]) -> None:
        engine = batch[0].synthesis.engine
        started = self._clock()
        try:
            rendered = self._render(engine, batch)
        except Exception as error:  # noqa: BLE001 - whatever the engine raises ends these segments and nothing else
            self._failover.failed(engine, error)
            for queue, request, *_ in batch:
                self._delivery.engine_failed(queue, request, error)
            return
        spent_s = self._clock() - started
        self.metrics.busy_s.labels(engine.name).inc(spent_s)
        audio_s = sum(map(len, rendered)) / engine.sample_rate
        with self.changed:
            self._policy.account(decision, spent_s, audio_s)
        defects = [_defect(each, samples) for each, samples in zip(batch, rendered, strict=True)]
        self._failover.judge(engine, defects)
        for each, samples, defect in zip(batch, rendered, defects, strict=True):
            each.segment.rendered(spent_s / len(batch))
            try:
                if defect is not None:
                    self._delivery.engine_failed(each.queue, each.request, defect)
                else:
                    self._rendered(each, samples)
            except Exception:  # a defect of ours: this text ends here, the others of its batch go on
                log.exception("text_failed", call=str(each.queue.receiver))
                self._delivery.abandon(each.queue, each.request)

    def _render(self, engine: Engine, batch: Sequence[Rendering]) -> list[Samples]:
        rendered = self._failover.render(engine, partial(engine.render, [each.utterance for each in batch]))
        if len(rendered) != len(batch):
            raise BadAudioError(f"the engine returned {len(rendered)} windows for {len(batch)} texts")
        return rendered

    def _rendered(self, work: Rendering, samples: Samples) -> None:
        """A window has come out of the engine."""
        queue, request, segment, synthesis, utterance = work
        words, last = tuple(utterance.take_words()), utterance.finished
        if segment.source.wanted(synthesis):
            self.metrics.audio_s.labels(request.current.engine.name).inc(len(samples) / synthesis.engine.sample_rate)
        segment.source.rendered(synthesis, samples, words, last=last)
        if last:
            with self.changed:
                segment.source.finish_locked(synthesis)
        self._delivery.deliver_next(queue, request)


def _defect(work: Rendering, samples: Samples) -> BadAudioError | None:
    """What is wrong with a window of a segment."""
    if samples.ndim != 1 or not np.isfinite(samples).all():
        return BadAudioError("the engine returned what is no sound")
    if len(samples) or work.segment.audio_s or not work.utterance.finished:
        return None
    return BadAudioError("the engine returned no audio for a text")
