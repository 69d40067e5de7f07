"""The Supertonic 2 engine, on the `supertonic` package (ONNX Runtime; imported only when Supertonic is loaded)."""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from huggingface_hub import HfApi
from huggingface_hub.utils.tqdm import disable_progress_bars
from supertonic import TTS, Style
from supertonic.config import DEFAULT_ONNX_PROVIDERS, MAX_SPEED, MIN_SPEED, get_model_repo, get_model_revision
from supertonic.loader import download_model, has_all_onnx_modules
from supertonic.utils import chunk_text

from telephony.audio import SilenceTrimmer, pause_s
from telephony.engines.base import Samples, SynthesisError, UnknownVoiceError, UnspeakableError, Utterance, Voice, Word
from telephony.engines.kokoro.layout import one_line
from telephony.engines.kokoro.sources import ask_hub
from telephony.text.markup import plain
from telephony.text.spoken import speak_as

MODEL = "supertonic-2"

# The first one is that of a voice whose language is not named.
_LANGUAGES = ("en", "ko", "es", "pt", "fr")
_CUDA = "CUDAExecutionProvider"
# Characters that the model says in one go, as the package divides texts for it.
_MAX_CHARS = 300
_MAX_CHARS_KOREAN = 120
# What the model's authors take for its usual rate of speech.
_USUAL_SPEED = 1.05


@dataclass
class SupertonicUtterance:
    """A segment as chunks of one or more sentences, each of which is a window."""

    chunks: deque[str]
    style: Style
    language: str
    speed: float
    exact: bool

    @property
    def finished(self) -> bool:
        """True once every chunk has been rendered."""
        return not self.chunks

    def take_words(self) -> Sequence[Word]:
        """None: Supertonic does not tell when it says what."""
        return ()


class SupertonicEngine:
    """Supertonic 2: ten voices, each in five languages, at 44.1 kHz. It streams by the sentence.

    `F1` is the voice's name in English, `F1-ko` in Korean; all are its speaker's, `F1`.

    Args:
        model_dir: the weights as the model hub has them: `onnx/` and `voice_styles/`.
        steps: of denoising, for each sentence; more sound better and take longer.
        use_cuda: whether the model may run there, if ONNX Runtime can.
        threads: processor threads; 0: ONNX Runtime's choice.

    Raises:
        SynthesisError: the weights are missing or broken.
    """

    name = "supertonic"
    max_batch = 1

    def __init__(self, model_dir: Path, steps: int, *, use_cuda: bool = True, threads: int = 0) -> None:
        # What goes wrong comes as an exception; the package would log it as well.
        logging.getLogger("supertonic").setLevel(logging.CRITICAL)
        # The package's own list, which it asks to be extended.
        DEFAULT_ONNX_PROVIDERS[:] = [_CUDA] * use_cuda + ["CPUExecutionProvider"]
        if not has_weights(model_dir):
            raise SynthesisError(f"no Supertonic weights in {model_dir}: --supertonic fetch gets them")
        try:
            self._tts = TTS(MODEL, model_dir, auto_download=False, intra_op_num_threads=threads or None)
            self._styles = {name: self._tts.get_voice_style(name) for name in self._tts.voice_style_names}
            self._sample_rate = int(self._tts.sample_rate)
            self._revision = f"{_digest(model_dir)}-{steps}"
        except Exception as error:  # ONNX Runtime raises types of its own for a broken file
            raise SynthesisError(f"Supertonic cannot be loaded from {model_dir}: {error}") from error
        if not self._styles:
            raise SynthesisError(f"Supertonic has no voice in {model_dir}")
        self._steps = steps
        self._voices = {voice.name: voice for name in self._styles for voice in _voices_of(name)}

    @property
    def sample_rate(self) -> int:
        """The model's, in Hz."""
        return self._sample_rate

    @property
    def device(self) -> str:
        """`cuda` or `cpu`."""
        return "cuda" if _CUDA in self._tts.model.vocoder_ort.get_providers() else "cpu"

    def voices(self) -> Sequence[Voice]:
        """Every speaker in every language."""
        return list(self._voices.values())

    def revision(self, voice: str) -> str:
        """A digest of the weights, with the number of steps."""
        return self._revision

    def level_db(self, voice: str) -> float | None:
        """Not measured: its first window is a whole segment."""
        return None

    def find_voice(self, name: str) -> Voice:
        """See `Engine`; nothing can be blended."""
        if name not in self._voices:
            raise UnknownVoiceError(f"unknown Supertonic voice {name!r}, known are {' '.join(self._voices)}")
        return self._voices[name]

    def prepare(self, text: str, voice: str, speed: float, exact: bool, language: str | None = None) -> Utterance:
        """Takes a segment, in words where its language has rules. What the model has no sign for is left out.

        `language` makes no difference: a voice reads its own only.

        Raises:
            UnknownVoiceError: there is no such voice.
            UnspeakableError: nothing is left of the text.
        """
        known = self.find_voice(voice)
        said = plain(speak_as(text, known.language))
        _, unknown = self._tts.model.text_processor.validate_text(said)
        said = said.translate({ord(character): " " for character in unknown})
        if not any(character.isalnum() for character in said):
            raise UnspeakableError(f"nothing to say in a text of {len(text)} characters")
        chunks = chunk_text(said, _MAX_CHARS_KOREAN if known.language == "ko" else _MAX_CHARS)
        style = self._styles[known.speaker or known.name]
        return SupertonicUtterance(deque(chunks), style, known.language, speed, exact)

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        """The next chunk of each segment, float32 [samples]; unless exact, without silence, and with a pause."""
        return [self._render_one(utterance) for utterance in batch]

    def _render_one(self, utterance: Utterance) -> Samples:
        if not isinstance(utterance, SupertonicUtterance):
            raise SynthesisError("the Supertonic engine was given another engine's utterance")
        chunk = utterance.chunks.popleft()
        speed = min(max(MIN_SPEED, _USUAL_SPEED * utterance.speed), MAX_SPEED)
        waves, durations_s = self._tts.model([chunk], utterance.style, self._steps, speed, utterance.language)
        # Behind its duration the model fills up its last block.
        samples: Samples = waves[0, : round(float(durations_s[0]) * self._sample_rate)].astype(np.float32, copy=False)
        if utterance.exact:
            return samples
        trimmer = SilenceTrimmer(self._sample_rate)
        return np.concatenate([trimmer.push(samples), trimmer.finish(pause_s(chunk) / utterance.speed)])


def has_weights(model_dir: Path) -> bool:
    """Whether the model is there."""
    return bool(has_all_onnx_modules(model_dir))


def fetch_weights(model_dir: Path) -> None:
    """Fetches the model (about 260 MB) from the hub, at the revision that the package was tested with.

    What is in `model_dir` is replaced.

    Raises:
        SynthesisError: it cannot be had.
    """
    logging.getLogger("supertonic").setLevel(logging.CRITICAL)
    disable_progress_bars()
    model_dir.parent.mkdir(parents=True, exist_ok=True)
    try:
        # The download itself would try again and again, and log each time.
        ask_hub(lambda: HfApi().model_info(get_model_repo(MODEL), revision=get_model_revision(MODEL)))
        download_model(model_dir, MODEL)
    except Exception as error:  # which library's exceptions the hub's client raises depends on its version
        raise SynthesisError(f"Supertonic's weights cannot be had from the model hub: {one_line(error)}") from error


def _digest(model_dir: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([*model_dir.glob("onnx/*"), *model_dir.glob("voice_styles/*.json")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _voices_of(speaker: str) -> list[Voice]:
    first, *others = _LANGUAGES
    return [
        Voice(speaker, first, speaker=speaker),
        *(Voice(f"{speaker}-{language}", language, speaker=speaker) for language in others),
    ]
