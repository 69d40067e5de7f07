"""What everything is made of: samples, words with their times, segments, voices, intonation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

# Rates of speech that a voice can do.
_SLOWEST, _FASTEST = 0.5, 2.0
# Factors of its pitch, and of how far that moves.
_LOWEST, _HIGHEST = 0.5, 2.0
_WIDEST = 2.0

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
class Intonation:
    """How the pitch of a voice is changed; by default it is not.

    The middle of an utterance's pitch becomes `pitch` times itself plus `shift_hz`, within an octave of what it was.
    Around it, pitch moves `range` times as far in semitones.

    Attributes:
        pitch: a factor.
        shift_hz: in Hz.
        middle_hz: stands for the voice's own middle, in Hz; None: its own.
        range: a factor, 0 (monotone) to 2.
    """

    pitch: float = 1.0
    shift_hz: float = 0.0
    middle_hz: float | None = None
    range: float = 1.0

    def then(self, inner: Intonation) -> Intonation:
        """This one for a whole, with another one for a part of it."""
        reach = min(_WIDEST, self.range * inner.range)
        if inner.middle_hz is not None:
            return replace(inner, range=reach)
        return Intonation(self.pitch * inner.pitch, self.shift_hz * inner.pitch + inner.shift_hz, self.middle_hz, reach)

    def factor(self, own_hz: float) -> float:
        """What the middle of the pitch, which is at `own_hz`, is multiplied by: 0.5 to 2."""
        middle_hz = self.pitch * (self.middle_hz or own_hz) + self.shift_hz
        return min(_HIGHEST, max(_LOWEST, middle_hz / own_hz))


NEUTRAL = Intonation()
"""The voice's own intonation."""


@dataclass(frozen=True)
class Speaker:
    """Who says a part of a text, where that is not who says the rest.

    Attributes:
        engine: its name.
        voice: as `Engine.find_voice` names it.
        language: as `Engine.prepare` takes it.
        read_in: the BCP 47 tag of the language that this comes to.
    """

    engine: str
    voice: str
    language: str | None
    read_in: str


@dataclass(frozen=True)
class Segment:
    """What an engine speaks in one breath, or a pause.

    Attributes:
        text: what to say; empty for a pause.
        rate: how fast, as a factor of the voice's speed.
        pause_s: silence in place of a text, in seconds.
        heard_samples: at its beginning, which are left out: somebody else has made them. Only of a `ResumableEngine`.
        intonation: on top of the request's.
        volume: how loud, as a factor of the request's volume.
        speaker: who says it; None: who says the request.
    """

    text: str
    rate: float = 1.0
    pause_s: float = 0.0
    heard_samples: int = 0
    intonation: Intonation = NEUTRAL
    volume: float = 1.0
    speaker: Speaker | None = None

    def speed(self, of_voice: float) -> float:
        """The rate of speech, 0.5 to 2, where the voice's is `of_voice`."""
        return min(_FASTEST, max(_SLOWEST, of_voice * self.rate))
