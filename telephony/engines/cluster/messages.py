"""What a door and a room say to each other: a stream of messages for each segment, pickled by what carries them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from telephony.audio.samples import to_pcm16
from telephony.speech import NEUTRAL, Intonation, Samples, Voice, Word

_PCM_SCALE = 32_767.0


@dataclass(frozen=True)
class Speak:
    """A door asks for a segment.

    Attributes:
        text, voice, speed, exact, language, intonation: see `Engine.prepare`.
        ahead_s: how much its listener has still to hear, in seconds: clocks of machines need not agree.
        heard_samples: at its beginning, which the door has already.
        traceparent: of the door's span; empty for none.
        avoid: names of rooms that are late, which are asked only where there is no other.
    """

    text: str
    voice: str
    speed: float
    exact: bool
    language: str | None
    ahead_s: float
    heard_samples: int = 0
    traceparent: str = ""
    avoid: frozenset[str] = frozenset()
    intonation: Intonation = NEUTRAL


@dataclass(frozen=True)
class Load:
    """How busy a room is: how many more listeners it can begin to speak to, and how long one would wait, in seconds."""

    free_places: float
    first_audio_s: float


@dataclass(frozen=True)
class Accepted:
    """A room's first message: it has the segment, and says what it is (`revision`, see `Engine`)."""

    room: str
    revision: str
    load: Load


@dataclass(frozen=True)
class Sound:
    """A window: `pcm` 16-bit little-endian mono, at the engine's rate. `words` whose times have become known.

    Sixteen bits: messages under 100 kB travel without a detour through shared memory.
    """

    pcm: bytes
    words: tuple[Word, ...]
    last: bool
    load: Load

    @staticmethod
    def of(samples: Samples, words: tuple[Word, ...], load: Load, *, last: bool) -> Sound:
        """Samples float32 [n]."""
        return Sound(to_pcm16(samples), words, last, load)

    def samples(self) -> Samples:
        """Float32 [n]."""
        return np.frombuffer(self.pcm, "<i2").astype(np.float32) / np.float32(_PCM_SCALE)


@dataclass(frozen=True)
class Failed:
    """A room's last message where a segment cannot be spoken: why, without its text.

    `unspeakable`: there is nothing to pronounce in it; no other room can do better.
    """

    why: str
    unspeakable: bool


Message = Accepted | Sound | Failed


@dataclass(frozen=True)
class Description:
    """What a door has to know of the engine in the rooms.

    Attributes:
        name, sample_rate, device: see `Engine`.
        voices: the first one is the default.
        revisions, levels_db: by voice.
    """

    name: str
    sample_rate: int
    device: str
    voices: tuple[Voice, ...]
    revisions: dict[str, str] = field(default_factory=dict)
    levels_db: dict[str, float | None] = field(default_factory=dict)
