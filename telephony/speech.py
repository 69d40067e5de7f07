"""What everything is made of: samples, words with their times, segments, voices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Rates of speech that a voice can do.
_SLOWEST, _FASTEST = 0.5, 2.0

Samples = npt.NDArray[np.float32]
"""Mono audio, float32 in [-1, 1]."""


@dataclass(frozen=True)
class Voice:
    """A voice an engine can speak with.

    `language` is its own, a BCP 47 tag such as `en-US`; `other_languages` are those that it reads when asked to. Who
    speaks several languages as a native is a voice for each of them; `speaker` is the name they share. `slowest` and
    `fastest` bound its rate of speech, of which 1 is its own.

    For who chooses one: `gender` is `female` or `male`, `description` a few words, `grade` the model card's, A to F;
    None where nobody says.
    """

    name: str
    language: str
    other_languages: tuple[str, ...] = ()
    speaker: str | None = None
    slowest: float = _SLOWEST
    fastest: float = _FASTEST
    gender: str | None = None
    description: str | None = None
    grade: str | None = None


@dataclass(frozen=True)
class MissingVoices:
    """Voices that could be had: of which engine and language, by which names if these are known, and how."""

    engine: str
    language: str | None
    names: tuple[str, ...]
    how_to_get: str


@dataclass(frozen=True)
class Word:
    """A word as the text has it, and when it is heard: seconds from the first sample that the utterance renders."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Segment:
    """What an engine speaks in one breath, or a pause.

    Attributes:
        text: what to say; empty for a pause.
        rate: how fast, as a factor of the voice's speed.
        pause_s: silence in place of a text, in seconds.
        heard_samples: at its beginning, which are left out: somebody else has made them. Only of a `ResumableEngine`.
    """

    text: str
    rate: float = 1.0
    pause_s: float = 0.0
    heard_samples: int = 0

    def speed(self, of_voice: float) -> float:
        """The rate of speech, 0.5 to 2, where the voice's is `of_voice`."""
        return min(_FASTEST, max(_SLOWEST, of_voice * self.rate))
