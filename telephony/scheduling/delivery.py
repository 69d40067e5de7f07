"""What becomes of a window, or of a failure: the listener is told, the segment or text ends, figures are kept."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

import numpy as np
import structlog

from telephony.cache.phrase import Piece
from telephony.engines.base import SynthesisError, UnspeakableError
from telephony.scheduling.admission import Admission
from telephony.scheduling.failover import Failover, cause
from telephony.scheduling.progress import SegmentInWork
from telephony.scheduling.queues import Core, ListenerQueue, Request, Window
from telephony.speech import Word

log = structlog.get_logger()

# A shorter silence between two windows is none to a listener.
_UNHEARD_GAP_S = 0.001
_NOTHING = Piece(np.zeros(0, np.float32), last=True)


class Delivery:
    """Hands windows to listeners. Any thread, for a request that it has `in_service`; called without a lock.

    Args:
        core: whose queues they are.
        admission: is told what texts and first windows have cost.
        failover: finds another engine where one fails.
    """

    def __init__(self, core: Core, admission: Admission, failover: Failover) -> None:
        self._core = core
        self._admission = admission
        self._failover = failover

    def deliver_next(self, queue: ListenerQueue, request: Request) -> None:
        """Delivers the next window of the segment in work, if it is there."""
        segment = request.progress.current
        if segment is None:
            return
        try:
            piece = segment.source.next()
        except SynthesisError as error:
            # Its next segment asks the engine anew, and may then be handed over to another one.
            self._segment_failed(queue, request, request.current.engine.name, error)
            return
        if piece is not None:
            self._deliver(queue, request, piece, segment)

    def end_text(self, queue: ListenerQueue, request: Request) -> None:
        """A text has come to its end behind its last segment."""
        self._deliver(queue, request, _NOTHING, None)

    def engine_failed(self, queue: ListenerQueue, request: Request, error: Exception) -> None:
        """Another engine says the segment in work, unless some of it was heard; or it ends."""
        self._break_off(request)
        if not queue.is_next(request):
            return  # cleared meanwhile: nobody waits for it
        segment, failed = request.progress.current, request.current.engine.name
        heard = segment is not None and segment.audio_s > 0
        hopeless = isinstance(error, UnspeakableError) or (heard and request.progress.exhausted)
        handed_over = not hopeless and self.substitute(request, cause(error))
        if handed_over:
            engine = request.current.engine.name
            log.warning("failover", failed=failed, engine=engine, why=cause(error), **_told(queue, error))
        # What was heard is not said again by another voice: that one goes on with the next segment.
        if heard or not handed_over:
            self._segment_failed(queue, request, failed, error)

    def substitute(self, request: Request, why: str) -> bool:
        """Has another engine say the rest of a text; False if one does already, or there is none."""
        failed = request.current.resolved
        other = None if request.current.failed_engine is not None else self._failover.substitute(failed)
        if other is None:
            return False
        segment = request.progress.current
        if segment is not None:
            segment.source.leave_phrase()  # which is the first engine's: what is said now must not be kept as its
        request.current.substitute(other)
        self._core.metrics.failovers.labels(failed.engine.name, why).inc()
        return True

    def abandon(self, queue: ListenerQueue, request: Request) -> None:
        """Ends a whole request that met a defect; its listener is told by the end of the text."""
        self._break_off(request)
        request.progress.end_segment()
        request.measured.failure = "the service failed"
        with self._core.changed:
            if not queue.is_next(request):
                return
        self._hand_over(queue, Window(_NOTHING.samples, request.sample_rate, request.epoch, True))
        self._finish(queue, request)
        self._core.on_done(queue.door, request, True)

    def _deliver(self, queue: ListenerQueue, request: Request, piece: Piece, segment: SegmentInWork | None) -> None:
        """Hands over a window, of the segment in work or behind the last one."""
        current = request.current
        who = current.resolved if segment is None else current.resolved.saying(segment.segment)
        end_of_text = piece.last and request.progress.exhausted
        samples = current.resampled(piece.samples, end_of_text)
        made_s = len(samples) / request.sample_rate
        if segment is not None and request.lead_silence_s and not request.measured.lead_s:
            request.measured.lead_s = request.lead_silence_s
            segment.begins_s += request.lead_silence_s
            silence = np.zeros(round(request.lead_silence_s * request.sample_rate), np.float32)
            samples = np.concatenate([silence, samples])
        window = Window(
            samples,
            request.sample_rate,
            request.epoch,
            end_of_text,
            () if segment is None else _later(piece.words, segment.begins_s),
            (who.engine.name, who.voice),
            who.volume,
        )
        if segment is not None:
            segment.delivered(made_s)
        now = self._core.now()
        with self._core.changed:
            if not queue.is_next(request):
                return  # cleared meanwhile: nobody waits for this window
            was_silent = now >= queue.playback_deadline
            # It was asked for when there was still something to hear.
            gap_s = now - queue.playback_deadline if request.arrived_at < queue.playback_deadline else 0.0
            queue.playback_deadline = max(now, queue.playback_deadline) + window.duration_s
        if gap_s > _UNHEARD_GAP_S and len(window.samples) and not queue.yields:
            self._core.metrics.gap_s.labels(queue.door).observe(gap_s)
        if segment is not None:
            if made_s and not segment.segment.pause_s and request.measured.first_audio_s is None:
                self._begun(queue, request, segment, now, was_silent)
            if piece.last:
                self._segment_done(queue, request, segment)
        self._hand_over(queue, window)
        if window.end_of_text:
            self._finish(queue, request)
            self._core.on_done(queue.door, request, False)

    def _begun(
        self, queue: ListenerQueue, request: Request, segment: SegmentInWork, now: float, was_silent: bool
    ) -> None:
        """A request has its first window with sound."""
        first_audio_s = request.measured.first_audio_s = now - request.arrived_at
        request.measured.cached = segment.cached
        if not segment.cached:
            with self._core.changed:
                self._admission.began(segment.engine_s - segment.preparation_s)
        if was_silent and not queue.yields:
            engine_name = request.current.engine.name
            self._core.metrics.time_to_first_audio_s.labels(engine_name, queue.door).observe(first_audio_s)

    def _segment_done(self, queue: ListenerQueue, request: Request, segment: SegmentInWork) -> None:
        cached = segment.cached
        request.progress.end_segment()
        if segment.segment.pause_s:
            return
        engine_name = request.current.engine.name
        self._core.metrics.segments.labels(engine_name).inc()
        if not cached and segment.audio_s:
            self._core.metrics.realtime_factor.labels(engine_name, queue.door).observe(
                segment.engine_s / segment.audio_s
            )

    def _segment_failed(self, queue: ListenerQueue, request: Request, engine_name: str, error: Exception) -> None:
        request.progress.end_segment()
        self._core.metrics.segments_failed.labels(engine_name).inc()
        request.measured.failure = str(error) if isinstance(error, SynthesisError) else "the engine failed"
        request.measured.unspeakable = isinstance(error, UnspeakableError)
        log.error("segment_failed", engine=engine_name, **_told(queue, error))
        if request.progress.exhausted:
            self.end_text(queue, request)

    def _break_off(self, request: Request) -> None:
        segment = request.progress.current
        if segment is not None:
            with self._core.changed:
                segment.source.break_off_locked()

    def _hand_over(self, queue: ListenerQueue, window: Window) -> None:
        try:
            queue.receiver.deliver(window)
        except Exception:  # a listener with a defect loses its speech, nobody else theirs
            log.exception("delivery_failed", call=str(queue.receiver))
            queue.clear()

    def _finish(self, queue: ListenerQueue, request: Request) -> None:
        with self._core.changed:
            self._admission.spoken(request.size_bytes, request.measured.audio_s)
            if queue.is_next(request):
                queue.take_out_locked(request)
            self._core.finish_locked(queue)


def _told(queue: ListenerQueue, error: Exception) -> dict[str, str | None]:
    """What the log is told of a segment that its engine could not say."""
    # A foreign exception's message may quote the caller's text; its trace does not.
    known = isinstance(error, SynthesisError)
    return {
        "call": str(queue.receiver),
        "error": str(error) if known else type(error).__name__,
        "trace": None if known else "".join(traceback.format_tb(error.__traceback__)),
    }


def _later(words: Sequence[Word], by_s: float) -> tuple[Word, ...]:
    """Words with times from the request's first sample instead of the segment's."""
    return tuple(Word(word.text, by_s + word.start_s, by_s + word.end_s) for word in words)
