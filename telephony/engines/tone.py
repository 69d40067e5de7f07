"""A deterministic engine for tests and for trying out a telephone line: each text becomes a sine.

The pitch follows from the text and the length from its number of characters, so a test that hears a window knows
whose it is and how much is missing. Delays and failures are scripted per text.
"""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from telephony.engines import recipes
from telephony.engines.base import SynthesisError, Utterance
from telephony.engines.recipes import Recipe
from telephony.speech import NEUTRAL, Intonation, Samples, Voice, Word
from telephony.text import markup

SECONDS_PER_CHARACTER = 0.05
"""About the pace of English speech."""


def pitch_hz(text: str) -> float:
    """The pitch of a text's sine: 200 to 3,000 Hz, in steps that an FFT of a tenth of a second tells apart."""
    return 200.0 + 20.0 * (zlib.crc32(text.encode()) % 141)


@dataclass
class ToneUtterance:
    """A sine of `samples_left` more samples, continuing at sample `position`, for a text with its marks."""

    text: str
    frequency_hz: float
    samples_left: int
    speed: float = 1.0
    position: int = 0
    words_taken: bool = False

    @property
    def finished(self) -> bool:
        """True once all of the sine has been rendered."""
        return self.samples_left <= 0

    @property
    def spoken(self) -> str:
        """The text with what is said in place of what is written."""
        return markup.spoken(self.text)

    def take_words(self) -> Sequence[Word]:
        """All words (what stands between spaces), after the first render: each lasts as long as its characters."""
        if self.words_taken or self.position == 0:
            return ()
        self.words_taken = True
        pace_s = SECONDS_PER_CHARACTER / self.speed
        words: list[Word] = []
        end = 0
        for marked in markup.words(self.text):
            said = markup.spoken(marked)
            start = self.spoken.index(said, end)
            end = start + len(said)
            words.append(Word(markup.plain(marked), pace_s * start, pace_s * end))
        return words


def _no_script(text: str) -> None:
    """Neither delay nor failure."""


@dataclass(frozen=True)
class ToneEngine:
    """Speaks sines, one window of `window_s` seconds at a time.

    Attributes:
        realtime_factor: seconds that it sleeps for a second of sound, as if it had to work.
        on_prepare, on_render: called with the text before each step; they may block (delay) or raise (failure).
    """

    name: str = "tone"
    sample_rate: int = 24_000
    device: str = "cpu"
    max_batch: int = 8
    window_s: float = 0.2
    realtime_factor: float = 0.0
    amplitude: float = 0.5
    voice_names: tuple[str, ...] = ("tone", "af_sky", "am_michael")
    other_languages: tuple[str, ...] = ()
    named_blends: Callable[[], Mapping[str, Recipe]] = dict
    on_prepare: Callable[[str], object] = field(default=_no_script)
    on_render: Callable[[str], object] = field(default=_no_script)

    def voices(self) -> Sequence[Voice]:
        """The names in `voice_names` and of the blends; they all sound alike."""
        return [Voice(name, "en-US", self.other_languages) for name in (*self.voice_names, *self.named_blends())]

    def revision(self, voice: str) -> str:
        """Its loudness: nothing else can change what a text sounds like."""
        return f"{self.amplitude:g}"

    def level_db(self, voice: str) -> float | None:
        """Not measured: it is as loud at the beginning as at the end."""
        return None

    def find_voice(self, name: str) -> Voice:
        """See `Engine`."""
        named = self.named_blends()
        return recipes.find(name, {voice.name: voice for voice in self.voices() if voice.name not in named}, named)

    def prepare(
        self,
        text: str,
        voice: str,
        speed: float,
        exact: bool,
        language: str | None = None,
        *,
        intonation: Intonation = NEUTRAL,
    ) -> Utterance:
        """A sine of SECONDS_PER_CHARACTER seconds a character, divided by `speed`, at the intonation's pitch.

        Raises:
            UnknownVoiceError: no such voice.
        """
        self.find_voice(voice)
        self.on_prepare(text)
        spoken = markup.spoken(text)
        duration_s = SECONDS_PER_CHARACTER * len(spoken) / speed
        own_hz = pitch_hz(spoken)
        return ToneUtterance(
            text, own_hz * intonation.factor(own_hz), max(1, math.ceil(duration_s * self.sample_rate)), speed
        )

    def skip(self, utterance: Utterance, samples: int) -> None:
        """See `ResumableEngine`."""
        if isinstance(utterance, ToneUtterance):
            utterance.position += samples
            utterance.samples_left -= samples

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        """The next `window_s` seconds of each sine, float32 [samples]."""
        return [self._render_one(utterance) for utterance in batch]

    def _render_one(self, utterance: Utterance) -> Samples:
        if not isinstance(utterance, ToneUtterance):
            raise SynthesisError("the tone engine was given another engine's utterance")
        self.on_render(utterance.text)
        count = min(utterance.samples_left, round(self.window_s * self.sample_rate))
        index = np.arange(utterance.position, utterance.position + count)
        if self.realtime_factor:
            time.sleep(self.realtime_factor * count / self.sample_rate)
        utterance.position += count
        utterance.samples_left -= count
        phase = 2 * np.pi * utterance.frequency_hz * index / self.sample_rate
        return (self.amplitude * np.sin(phase)).astype(np.float32)
