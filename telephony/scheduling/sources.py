"""Where the windows of a segment come from: the phrase cache, an engine that works for all who wait for the phrase, or
an engine that works for one listener.

What is not in the cache is made once, for all who wait for it: whichever of them is served next has the engine make the
next window, so that nobody waits for another one's sink.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from telephony.cache.in_flight import CUT_OFF, PhraseReader, PhraseWriter
from telephony.cache.phrase import Piece
from telephony.engines.base import Engine, RemoteUtterance, SynthesisError, Utterance
from telephony.scheduling.phrases import PATIENCE_S, Phrases
from telephony.speech import Samples, Segment, Word
from telephony.voices import ResolvedVoice


@dataclass(eq=False)
class Synthesis:
    """A segment on its way through an engine: for all who wait for the phrase where there is a `writer`, else for one.

    `utterance` is None while it is being prepared.
    """

    engine: Engine
    writer: PhraseWriter | None = None
    utterance: Utterance | None = None

    @property
    def renderable(self) -> bool:
        """Whether the engine can be asked for the next window: it is prepared and, if made elsewhere, there."""
        utterance = self.utterance
        return utterance is not None and (not isinstance(utterance, RemoteUtterance) or utterance.ready)

    def cancel(self) -> None:
        """Nobody waits for it any more. Any thread."""
        _cancel(self.utterance)


def _cancel(utterance: Utterance | None) -> None:
    if isinstance(utterance, RemoteUtterance):
        utterance.cancel()


class Sources:
    """Opens the sources of all segments.

    Args:
        phrases: the phrase cache; None for none.
        on_change: told, by any thread, that a source that was not ready may be now. It must return at once.
        clock: seconds, monotonic.
    """

    def __init__(
        self, phrases: Phrases | None, on_change: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.phrases = phrases
        self.shared: dict[str, Synthesis] = {}
        """The phrases in work, by name. The scheduler's lock guards it."""
        self._on_change = on_change
        self._clock = clock

    def open(self, segment: Segment, voice: ResolvedVoice, *, exact: bool, keep: bool) -> SegmentSource:
        """Where a segment comes from for one listener. Looks it up in the phrase cache; does not wait for that.

        Args:
            segment: a pause is there at once.
            voice: who is to say it, and how.
            exact: see `Engine.prepare`.
            keep: whether it is kept with the prerendered phrases.
        """
        if segment.pause_s:
            silence = np.zeros(round(segment.pause_s * voice.engine.sample_rate), np.float32)
            return SegmentSource(self, None, window=Piece(silence, last=True))
        reader = None
        if self.phrases is not None:
            reader = self.phrases.open(
                segment,
                voice,
                exact=exact,
                keep=keep,
                on_change=self._on_change,
            )
        return SegmentSource(self, reader, self._clock() + PATIENCE_S)

    def forget_unwanted_locked(self) -> None:
        """A phrase that nobody waits for any more is not made to its end, nor kept."""
        for name, synthesis in list(self.shared.items()):
            if synthesis.writer is not None and not synthesis.writer.wanted:
                del self.shared[name]
                synthesis.writer.abandon()
                synthesis.cancel()


class SegmentSource:
    """Where the windows of one segment come from, for one listener. Made by `Sources.open`; `close` it in the end.

    The threads ask it whether the next window is there (`goes_on`), whether it can be made (`renderable_locked`), and
    for the window (`next`); the rest tells it how far an engine is. Any thread, one at a time but for `close`. Methods
    in `_locked` are called with the scheduler's lock held.
    """

    def __init__(
        self, sources: Sources, reader: PhraseReader | None, sought_until: float = 0.0, window: Piece | None = None
    ) -> None:
        self._sources = sources
        self._reader = reader
        self._sought_until = sought_until
        self._closed = False
        self._own: Synthesis | None = None
        self._window = window
        """The one that is there for this listener alone, until it is taken."""

    @property
    def is_phrase(self) -> bool:
        """Whether others may share it: it comes out of the phrase cache, or goes there."""
        return self._reader is not None

    @property
    def sought_until(self) -> float | None:
        """Until when the phrase cache is waited for, on the scheduler's clock; None where it has answered."""
        reader = self._reader
        return self._sought_until if reader is not None and reader.sought else None

    def goes_on(self, now: float) -> bool:
        """Whether the next window is there, or the phrase cache was waited for long enough."""
        reader = self._reader
        if reader is None:
            return self._window is not None
        return reader.ready or (reader.sought and now >= self._sought_until)

    def renderable_locked(self) -> Synthesis | None:
        """Of what the next window can be made; None where it is not prepared. What is there already is heard first."""
        reader = self._reader
        if reader is None:
            synthesis, ready = self._own, self._window is not None
        else:
            synthesis, ready = self._sources.shared.get(reader.key.name), reader.ready
        return None if ready or synthesis is None or not synthesis.renderable else synthesis

    def next(self) -> Piece | None:
        """The next window; None while there is none.

        Raises:
            SynthesisError: its engine has failed while it spoke for another listener.
        """
        if self._reader is None:
            window, self._window = self._window, None
            return window
        piece = self._reader.next()
        if piece is CUT_OFF:
            raise SynthesisError("the engine failed while it spoke for another listener")
        return piece

    def unprepared_locked(self) -> bool:
        """Whether an engine has to be asked for phonemes."""
        reader = self._reader
        if reader is None:
            return self._own is None and self._window is None
        # In this order: what is found meanwhile is ready by then.
        return not reader.sought and not reader.ready and reader.key.name not in self._sources.shared

    def begin_locked(self, engine: Engine) -> None:
        """An engine prepares it from now on: for all who wait for it, where it is a phrase."""
        writer = self._reader.claim() if self._reader is not None else None
        if writer is None:
            self.leave_phrase()
            self._own = Synthesis(engine)
        else:
            self._sources.shared[writer.key.name] = Synthesis(engine, writer)

    def prepared_locked(self, utterance: Utterance) -> None:
        """It can be rendered."""
        synthesis = self._synthesis_locked()
        if synthesis is not None:
            synthesis.utterance = utterance
        if synthesis is None or (synthesis is self._own and self._closed):
            _cancel(utterance)

    def wanted(self, synthesis: Synthesis) -> bool:
        """Whether anybody still waits for what is made."""
        return not self._closed if synthesis.writer is None else synthesis.writer.wanted

    def rendered(self, synthesis: Synthesis, samples: Samples, words: tuple[Word, ...], *, last: bool) -> None:
        """The next window, float32 [n], has come out of the engine, and is there for all who wait for it.

        Nothing if it was broken off meanwhile.
        """
        if synthesis.writer is not None:
            synthesis.writer.record(samples, words, last)
        elif synthesis is self._own:
            self._window = Piece(samples, words, last)

    def finish_locked(self, synthesis: Synthesis) -> None:
        """The last window was rendered."""
        if synthesis.writer is None:
            self._own = None
        elif self._sources.shared.get(synthesis.writer.key.name) is synthesis:
            del self._sources.shared[synthesis.writer.key.name]

    def break_off_locked(self) -> None:
        """Drops what an engine makes of it. Of others who wait for that, those who have heard nothing have it made
        anew."""
        synthesis = self._synthesis_locked()
        self.leave_phrase()
        if synthesis is not None:
            self.finish_locked(synthesis)
            synthesis.cancel()
            if synthesis.writer is not None:
                synthesis.writer.abandon()

    def leave_phrase(self) -> None:
        """What is left of it does not come from the phrase cache, nor go there."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def stop_seeking(self) -> None:
        """The phrase cache took too long, and is left alone for a while."""
        self.leave_phrase()
        if self._sources.phrases is not None:
            self._sources.phrases.overdue()

    def close(self) -> None:
        """The listener has gone, or has heard it. Any thread; may be called twice."""
        self._closed = True
        reader, own = self._reader, self._own
        if reader is not None:
            reader.close()
        if own is not None:
            own.cancel()

    def _synthesis_locked(self) -> Synthesis | None:
        reader = self._reader
        return self._own if reader is None else self._sources.shared.get(reader.key.name)
