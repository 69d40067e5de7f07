"""The Kokoro engine: the `kokoro` package's model behind the windowed contract."""

from __future__ import annotations

import json
import os
import warnings
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

# What MPS lacks runs on the CPU instead; torch reads this when it is imported.
os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")

import structlog
import torch
from kokoro import KModel
from loguru import logger as kokoro_log

from telephony.engines.base import Samples, SynthesisError, UnknownVoiceError, Utterance, Voice
from telephony.engines.kokoro.g2p import G2P, LANGUAGES, OPTIONAL_LANGUAGES, is_speakable
from telephony.engines.kokoro.weights import KokoroWeights

log = structlog.get_logger()

SAMPLE_RATE_HZ = 24_000

# The kokoro package logs phonemes, which are the caller's text in another alphabet, at DEBUG to stderr.
kokoro_log.disable("kokoro")


@dataclass
class KokoroUtterance:
    """Phoneme pieces still to be spoken, each one pass of the model."""

    pieces: deque[str]
    style: torch.Tensor
    speed: float

    @property
    def finished(self) -> bool:
        """True once every piece has been rendered."""
        return not self.pieces


class KokoroEngine:
    """Kokoro-82M on one device. One window is one pass of the model, at most 510 phonemes."""

    name = "kokoro"
    sample_rate = SAMPLE_RATE_HZ
    max_batch = 1

    def __init__(self, weights: KokoroWeights, device: torch.device, default_voice: str) -> None:
        """Loads the model. Takes seconds.

        Raises:
            UnknownVoiceError: there is no `default_voice`.
        """
        self.device = device
        self._weights = weights
        self._voices = {
            name: Voice(name, LANGUAGES[name[0]]) for name in weights.voice_names() if is_speakable(name[0])
        }
        if default_voice not in self._voices:
            raise UnknownVoiceError(self._refusal(default_voice))
        self._default_voice = default_voice
        self._styles: dict[str, torch.Tensor] = {}
        self._g2p = G2P()
        config = json.loads(weights.config_path.read_text(encoding="utf-8"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's opinion on how the kokoro package builds its layers
            self._model = KModel(repo_id="hexgrad/Kokoro-82M", config=config, model=str(weights.model_path))
        self._model.to(device).eval()

    def voices(self) -> Sequence[Voice]:
        """All voices of the weights, the default one first."""
        default = self._voices[self._default_voice]
        return [default, *(voice for voice in self._voices.values() if voice is not default)]

    def warm_up(self) -> None:
        """Speaks a sentence to nobody, so that the first caller does not wait for lazy loading."""
        utterance = self.prepare("Warming up.", self._default_voice, 1.0)
        self.render([utterance])

    def prepare(self, text: str, voice: str, speed: float) -> Utterance:
        """Phonemes of the text and the style of the voice; the language is the voice's.

        Raises:
            UnknownVoiceError: no such voice.
            SynthesisError: nothing in the text can be spoken, or the language's converter is missing.
        """
        if voice not in self._voices:
            raise UnknownVoiceError(self._refusal(voice))
        return KokoroUtterance(deque(self._g2p.phonemes(text, voice[0])), self._style(voice), speed)

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        """One pass over the next piece of each utterance, float32 [samples] at 24 kHz.

        Raises:
            SynthesisError: an utterance of another engine.
        """
        return [self._render_one(utterance) for utterance in batch]

    def _render_one(self, utterance: Utterance) -> Samples:
        if not isinstance(utterance, KokoroUtterance):
            raise SynthesisError("the Kokoro engine was given another engine's utterance")
        phonemes = utterance.pieces.popleft()
        # A voice has one style vector for each number of phonemes (kokoro.KPipeline.infer).
        style = utterance.style[len(phonemes) - 1]
        with torch.inference_mode():
            audio = self._model(phonemes, style, utterance.speed)
        samples: Samples = audio.numpy()
        return samples

    def _refusal(self, voice: str) -> str:
        if voice in self._weights.voice_names() and voice[0] in OPTIONAL_LANGUAGES:
            return f"voice {voice} needs packages that are not installed: pip install {OPTIONAL_LANGUAGES[voice[0]][0]}"
        return f"unknown voice {voice!r}, known are {' '.join(self._voices)}"

    def _style(self, voice: str) -> torch.Tensor:
        """Style vectors of a voice, float32 [510, 1, 256], on the device."""
        if voice not in self._styles:
            self._styles[voice] = torch.from_numpy(self._weights.load_voice(voice)).to(self.device)
        return self._styles[voice]


def choose_device(wanted: str) -> torch.device:
    """The torch device for a setting; falls back to the CPU, with a log line, where the wanted one is missing.

    Args:
        wanted: `auto`, `cuda`, `mps` or `cpu`.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return torch.device(next(name for name, there in available.items() if there))
    if not available[wanted]:
        log.warning("device_missing", wanted=wanted, using="cpu")
        return torch.device("cpu")
    return torch.device(wanted)


def use_threads(threads: int) -> None:
    """Bounds the processor threads of the model; 0 leaves torch's choice, one per core."""
    if threads:
        torch.set_num_threads(threads)
