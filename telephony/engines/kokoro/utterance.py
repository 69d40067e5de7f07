"""One segment on its way through the Kokoro engine: what is left of it, what is in work, what was heard."""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

from telephony.audio.samples import SilenceTrimmer, pause_s
from telephony.engines.kokoro.acoustic import Acoustic
from telephony.engines.kokoro.harmonic_source import FRAME_SAMPLES
from telephony.engines.kokoro.words import Piece
from telephony.speech import NEUTRAL, Intonation, Samples, Word

SAMPLE_RATE_HZ = 24_000


class KokoroUtterance:
    """Phoneme pieces still to begin, and the piece in work with its windows still to come.

    Args:
        pieces: at least one.
        voice, speed, intonation: of all of them.
        exact: whether the model's own silence is kept.

    Attributes:
        piece, acoustic: the piece in work; None between pieces.
        windows: (start, frames) of its windows that are still to be decoded.
        left_out: samples that somebody else has rendered, and that are not heard of it.
    """

    def __init__(
        self, pieces: Iterable[Piece], voice: str, speed: float, exact: bool, intonation: Intonation = NEUTRAL
    ) -> None:
        self.pieces = deque(pieces)
        self.voice, self.speed, self.exact = voice, speed, exact
        self.intonation = intonation
        self.piece: Piece | None = None
        self.acoustic: Acoustic | None = None
        self.windows: deque[tuple[int, int]] = deque()
        self._trimmer: SilenceTrimmer | None = None
        self.left_out = 0
        self._first_frame = 0
        self._heard = 0
        """Samples of the piece in work."""
        self._rendered_s = 0.0
        self._begun_s = 0.0
        self._coming: deque[Word] = deque()
        self._known: list[Word] = []

    @property
    def finished(self) -> bool:
        """True once every window has been rendered."""
        return not self.pieces and not self.windows

    @property
    def streams(self) -> bool:
        """Whether the piece in work is decoded in windows."""
        return self.acoustic is not None and self.acoustic.scale is not None

    def take_words(self) -> Sequence[Word]:
        """Words at the times that were predicted: known with the first sound of their piece, its last one at its end.

        Where silence is trimmed, the first word begins, and the last one ends, with the sound, which says it better.
        """
        words, self._known = self._known, []
        return words

    def begin(
        self, piece: Piece, acoustic: Acoustic, windows: Sequence[tuple[int, int]], words: Sequence[Word]
    ) -> None:
        """Takes the next piece in work.

        Args:
            piece, acoustic: its phonemes and what was made of them.
            windows: (start, frames) to decode; the first may begin later than the piece.
            words: their times in seconds of `acoustic`.
        """
        self.piece, self.acoustic, self.windows = piece, acoustic, deque(windows)
        self._begun_s = self._rendered_s
        self._first_frame, self._heard = self.windows[0][0], 0
        start_s = self.windows[0][0] * FRAME_SAMPLES / SAMPLE_RATE_HZ
        self._coming = deque(_later(word, self._begun_s - start_s) for word in words)
        self._trimmer = None
        if not self.exact:
            self._trimmer = SilenceTrimmer(SAMPLE_RATE_HZ)
            if self._coming:
                self._coming[0] = dataclasses.replace(self._coming[0], start_s=-math.inf)
                self._coming[-1] = dataclasses.replace(self._coming[-1], end_s=math.inf)

    def finish_window(self, samples: Samples) -> Samples:
        """What is heard of a decoded window [samples], the last one taken off `windows`.

        Silence is trimmed, unless exact; at the end of a piece there is the pause that its punctuation asks for.
        """
        last_of_piece = not self.windows
        heard = samples if self._trimmer is None else self._trimmer.push(samples)
        sound_end_s = self._rendered_s + len(heard) / SAMPLE_RATE_HZ
        if last_of_piece:
            self._tell_words(len(self._coming), sound_end_s)
        elif self._trimmer is None or self._trimmer.begun:
            self._tell_words(len(self._coming) - 1, math.inf)
        if last_of_piece and self._trimmer is not None:
            heard = np.concatenate([heard, self._trimmer.finish(self._pause_s())])
        if last_of_piece:
            self.piece = self.acoustic = None
        self._pass(len(heard))
        return heard

    def jump(self) -> None:
        """Passes by the windows in which there is nothing but what is left out, once it is known where sound begins.

        A sample that is heard is the one that was decoded as many samples later as were trimmed in front. One window
        more is decoded, in which the silence at the end may begin.
        """
        if self._trimmer is None or not self._trimmer.begun or not self.windows:
            return
        removed = self._trimmer.removed
        next_decoded = self._heard + self.left_out + removed
        coming = len(self.windows)
        while len(self.windows) > 2 and self._decoded(sum(self.windows[1])) <= next_decoded:
            self.windows.popleft()
        if len(self.windows) < coming:
            self._trimmer.drop_held()
            passed = self._decoded(self.windows[0][0]) - removed - self._heard
            self._pass(passed)
            self.left_out -= passed

    def _decoded(self, frame: int) -> int:
        """Samples of the piece in work that are decoded before a frame."""
        return (frame - self._first_frame) * FRAME_SAMPLES

    def _pass(self, samples: int) -> None:
        self._heard += samples
        self._rendered_s += samples / SAMPLE_RATE_HZ

    def _tell_words(self, count: int, end_s: float) -> None:
        """Makes the next words known, none of them before the piece or behind `end_s`."""
        removed_s = 0.0 if self._trimmer is None else self._trimmer.removed / SAMPLE_RATE_HZ

        def heard_s(seconds: float) -> float:
            return min(max(self._begun_s, seconds - removed_s), end_s)

        for _ in range(count):
            word = self._coming.popleft()
            self._known.append(Word(word.text, heard_s(word.start_s), heard_s(word.end_s)))

    def _pause_s(self) -> float:
        return pause_s(self.piece.phonemes if self.piece is not None else "") / self.speed


def _later(word: Word, by_s: float) -> Word:
    return Word(word.text, word.start_s + by_s, word.end_s + by_s)
