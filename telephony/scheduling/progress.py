"""What changes of a request while it is said: how far it is, who says it, what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from telephony.audio.samples import Resampler
from telephony.engines.base import Engine
from telephony.scheduling.sources import SegmentSource
from telephony.speech import Samples, Segment
from telephony.voices import ResolvedVoice

if TYPE_CHECKING:  # it imports the packages for it
    from telephony.telemetry.tracing import SegmentTrace, TextTrace


@dataclass(eq=False)
class Measurements:
    """Complete once the last window is delivered. Written by the thread that serves the request.

    Attributes:
        engine_s: time in the engine, preparation included, in seconds.
        audio_s: the audio that was made, in seconds.
        first_audio_s: from arrival to the first window with sound, in seconds; None until then.
        lead_s: the silence in front of it, in seconds, which counts in no other figure.
        cached: whether that window came from the phrase cache.
        failure: why a segment could not be spoken, without its text.
        unspeakable: whether that was because there is nothing to pronounce in it.
        trace: of the text, where it is traced and has had its first turn.
    """

    engine_s: float = 0.0
    audio_s: float = 0.0
    first_audio_s: float | None = None
    lead_s: float = 0.0
    cached: bool = False
    failure: str | None = None
    unspeakable: bool = False
    trace: TextTrace | None = None


class SegmentInWork:
    """A segment on its way to its listener, and what was measured of it so far, which counts for its request too.

    Attributes:
        source: where its windows come from.
        begins_s: where it begins in the audio of its request, the silence in front included, in seconds.
        engine_s, preparation_s: time in the engine, and the part of it that is preparation, in seconds.
        audio_s: its audio so far, in seconds.
        traceparent: of its span, for whoever makes it elsewhere; empty where it is not traced.
    """

    traceparent = ""

    def __init__(self, segment: Segment, source: SegmentSource, measured: Measurements) -> None:
        self.segment = segment
        self.source = source
        self.begins_s = measured.lead_s + measured.audio_s
        self.engine_s = 0.0
        self.preparation_s = 0.0
        self.audio_s = 0.0
        self._measured = measured

    @property
    def cached(self) -> bool:
        """Whether no engine has worked for it: its sound was there, or another listener has it made."""
        return self.source.is_phrase and not self.engine_s

    def prepared(self, spent_s: float) -> None:
        """Its preparation took so many seconds."""
        self.preparation_s += spent_s
        self.rendered(spent_s)

    def rendered(self, spent_s: float) -> None:
        """An engine has worked for it, for so many seconds."""
        self.engine_s += spent_s
        self._measured.engine_s += spent_s

    def delivered(self, audio_s: float) -> None:
        """So many seconds of its audio were made."""
        self.audio_s += audio_s
        self._measured.audio_s += audio_s


class TracedSegment(SegmentInWork):
    """A segment whose moments are noted as well."""

    def __init__(self, segment: Segment, source: SegmentSource, measured: Measurements, trace: SegmentTrace) -> None:
        super().__init__(segment, source, measured)
        self.traceparent = trace.traceparent
        self._trace = trace

    def prepared(self, spent_s: float) -> None:
        """See `SegmentInWork`."""
        super().prepared(spent_s)
        self._trace.prepared(spent_s)

    def delivered(self, audio_s: float) -> None:
        """See `SegmentInWork`."""
        super().delivered(audio_s)
        self._trace.delivered(audio_s, cached=self.cached)


class Progress:
    """How far a text has been read and spoken.

    Segments are consumed one at a time, so that a long text costs its G2P piece by piece. None among them ends a slice
    of the work that it takes to find the next one. One slice is read at once, and one with every segment that is taken.
    Where that is not enough, the text is `unread` until another thread (see reading.py) has `read_on` to the next
    segment or the end.

    `in_service` while a thread is at it: the other ones leave it alone. `current` is the segment in work.
    """

    def __init__(self, segments: Iterator[Segment | None]) -> None:
        self.current: SegmentInWork | None = None
        self.in_service = False
        self.slices_read = 0
        self._segments = segments
        self._next: Segment | None = None
        self._read_to_end = False
        self._unreadable: Exception | None = None
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
            following = next(self._segments)
        except StopIteration:
            self._read_to_end, following = True, None
        except Exception as error:  # noqa: BLE001 - a defect of ours: this text ends there, and nobody else's
            self._unreadable = error
            self._read_to_end, following = True, None
        self._next = following

    def take_segment(self) -> Segment:
        """The next segment; only while neither `unread` nor `exhausted`."""
        segment = self._next
        if segment is None:
            raise self._unreadable or ValueError("no segment is left")
        self.read_on()
        return segment

    def end_segment(self) -> None:
        """No segment is in work any more."""
        self.cancel()
        self.current = None

    def cancel(self) -> None:
        """Nobody hears it any more. Any thread, also while another one serves the queue."""
        current = self.current
        if current is not None:
            current.source.close()


class CurrentVoice:
    """Who says a request: the voice that was chosen, then another engine's if that one fails.

    The sound keeps the rate of the first engine. Written by the thread that serves the request.
    """

    def __init__(self, chosen: ResolvedVoice) -> None:
        self.resolved = chosen
        self.failed_engine: str | None = None
        """The name of the first engine, once another one goes on."""
        self._sample_rate = chosen.engine.sample_rate
        self._resampler: Resampler | None = None

    @property
    def engine(self) -> Engine:
        """Of this moment."""
        return self.resolved.engine

    @property
    def voice(self) -> str:
        """As `Engine.find_voice` names it."""
        return self.resolved.voice

    @property
    def speed(self) -> float:
        """The rate of speech."""
        return self.resolved.speed

    def substitute(self, other: ResolvedVoice) -> None:
        """Another engine goes on; once for each request."""
        self.failed_engine = self.engine.name
        self.resolved = other
        if other.engine.sample_rate != self._sample_rate:
            self._resampler = Resampler(self._sample_rate)

    def resampled(self, samples: Samples, end_of_text: bool) -> Samples:
        """Samples of the engine, float32 [n], at the request's rate; some are held back until the end of the text."""
        if self._resampler is None:
            return samples
        ready = self._resampler.push(samples, self.engine.sample_rate)
        return np.concatenate([ready, self._resampler.finish()]) if end_of_text else ready
