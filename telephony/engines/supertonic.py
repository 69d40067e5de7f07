"""The Supertonic 2 engine, on the `supertonic` package (ONNX Runtime; imported only when the model is loaded)."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog

from telephony.audio.samples import SilenceTrimmer, pause_s
from telephony.engines.base import SynthesisError, UnknownVoiceError, UnspeakableError, Utterance
from telephony.engines.fingerprint import fingerprint
from telephony.engines.kokoro.layout import one_line
from telephony.engines.kokoro.sources import ask_hub
from telephony.speech import NEUTRAL, Intonation, Samples, Voice, Word
from telephony.text.markup import plain
from telephony.text.normalization import normalize

if TYPE_CHECKING:
    from supertonic import TTS, Style

log = structlog.get_logger()

MODEL = "supertonic-2"

_CONFIG = Path("onnx", "tts.json")
_WEIGHTS = tuple(
    Path("onnx", f"{name}.onnx") for name in ("duration_predictor", "text_encoder", "vector_estimator", "vocoder")
)
_STYLES = Path("voice_styles")
# The first one is that of a voice whose language is not named.
_LANGUAGES = ("en", "ko", "es", "pt", "fr")
_CUDA = "CUDAExecutionProvider"
# Characters that the model says in one go, as the package divides texts for it.
_MAX_CHARS = 300
_MAX_CHARS_KOREAN = 120
# What the model's authors take for its usual rate of speech, and the bounds that they have set.
_USUAL_SPEED = 1.05
_MIN_SPEED, _MAX_SPEED = 0.7, 2.0


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


@dataclass(frozen=True)
class _Model:
    """What is loaded: the package's own model, and the styles of its speakers by name."""

    tts: TTS
    styles: Mapping[str, Style]


class SupertonicEngine:
    """Supertonic 2: ten voices, each in five languages, at 44.1 kHz. It streams by the sentence.

    `F1` is the voice's name in English, `F1-ko` in Korean; all are its speaker's, `F1`. The model is loaded when it is
    first needed, by the thread that prepares, or by `load`.

    Args:
        model_dir: the weights as the model hub has them: `onnx/` and `voice_styles/`.
        steps: of denoising, for each sentence; more sound better and take longer.
        use_cuda: whether the model may run there, if ONNX Runtime can.
        threads: processor threads; 0: ONNX Runtime's choice.

    Raises:
        SynthesisError: a file of the model is missing, or what describes it is broken.
    """

    name = "supertonic"
    max_batch = 1

    def __init__(self, model_dir: Path, steps: int, *, use_cuda: bool = True, threads: int = 0) -> None:
        if not has_weights(model_dir):
            raise SynthesisError(f"no Supertonic weights in {model_dir}; --supertonic fetch has them fetched (260 MB)")
        try:
            self._sample_rate = int(json.loads((model_dir / _CONFIG).read_bytes())["ae"]["sample_rate"])
            styles = sorted((model_dir / _STYLES).glob("*.json"))
            for style in styles:
                _check_style(style)
            self._revision = f"{fingerprint([*sorted(model_dir.glob('onnx/*')), *styles])}-{steps}"
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = f"{type(error).__name__}: {one_line(error)}"
            raise SynthesisError(f"Supertonic cannot be loaded from {model_dir}: {reason}") from error
        if not styles:
            raise SynthesisError(f"Supertonic has no voice in {model_dir}")
        self._model_dir = model_dir
        self._steps = steps
        self._providers = [_CUDA] * use_cuda + ["CPUExecutionProvider"]
        self._threads = threads
        self._voices = {voice.name: voice for style in styles for voice in _voices_of(style.stem)}
        self._model: _Model | None = None
        self._lock = threading.Lock()
        """Held while the model is loaded."""

    @property
    def sample_rate(self) -> int:
        """The model's, in Hz."""
        return self._sample_rate

    @property
    def device(self) -> str:
        """`cuda` or `cpu`, `not loaded` before."""
        if self._model is None:
            return "not loaded"
        return "cuda" if _CUDA in self._model.tts.model.vocoder_ort.get_providers() else "cpu"

    def voices(self) -> Sequence[Voice]:
        """Every speaker in every language."""
        return list(self._voices.values())

    def revision(self, voice: str) -> str:
        """Of the files of the model, with the number of steps."""
        return self._revision

    def level_db(self, voice: str) -> float | None:
        """Not measured: its first window is a whole segment."""
        return None

    def find_voice(self, name: str) -> Voice:
        """See `Engine`; nothing can be blended."""
        if name not in self._voices:
            known = list(self._voices)
            raise UnknownVoiceError(f"unknown Supertonic voice {name!r}, known are {' '.join(known)}", name, known)
        return self._voices[name]

    def load(self) -> None:
        """See `Loadable`."""
        self._loaded()

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
        """Takes a segment, in words where its language has rules. What the model has no sign for is left out.

        May load the model.

        `language` makes no difference: a voice reads its own only. Nor does `intonation`.

        Raises:
            UnknownVoiceError: there is no such voice.
            UnspeakableError: nothing is left of the text.
            SynthesisError: the model cannot be loaded.
        """
        known = self.find_voice(voice)
        said = plain(normalize(text, known.language))
        model = self._loaded()
        from supertonic.utils import chunk_text

        _, unknown = model.tts.model.text_processor.validate_text(said)
        said = said.translate({ord(character): " " for character in unknown})
        if not any(character.isalnum() for character in said):
            raise UnspeakableError(f"nothing to say in a text of {len(text)} characters")
        chunks = chunk_text(said, _MAX_CHARS_KOREAN if known.language == "ko" else _MAX_CHARS)
        style = model.styles[known.speaker or known.name]
        return SupertonicUtterance(deque(chunks), style, known.language, speed, exact)

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        """The next chunk of each segment, float32 [samples]; unless exact, without silence, and with a pause."""
        return [self._render_one(utterance) for utterance in batch]

    def _loaded(self) -> _Model:
        with self._lock:
            if self._model is None:
                started = time.monotonic()
                self._model = self._load()
                took_s = round(time.monotonic() - started, 2)
                log.info("supertonic_loaded", device=self.device, took_s=took_s)
            return self._model

    def _load(self) -> _Model:
        # What goes wrong comes as an exception; the package would log it as well.
        logging.getLogger("supertonic").setLevel(logging.CRITICAL)
        try:
            from supertonic import TTS
            from supertonic.config import DEFAULT_ONNX_PROVIDERS

            # The package's own list, which it asks to be extended.
            DEFAULT_ONNX_PROVIDERS[:] = self._providers
            tts = TTS(MODEL, self._model_dir, auto_download=False, intra_op_num_threads=self._threads or None)
            return _Model(tts, {name: tts.get_voice_style(name) for name in tts.voice_style_names})
        except Exception as error:  # ONNX Runtime raises types of its own for a broken file
            reason = one_line(error)
            raise SynthesisError(f"Supertonic cannot be loaded from {self._model_dir}: {reason}") from error

    def _render_one(self, utterance: Utterance) -> Samples:
        if not isinstance(utterance, SupertonicUtterance):
            raise SynthesisError("the Supertonic engine was given another engine's utterance")
        chunk = utterance.chunks.popleft()
        speed = min(max(_MIN_SPEED, _USUAL_SPEED * utterance.speed), _MAX_SPEED)
        waves, durations_s = self._loaded().tts.model([chunk], utterance.style, self._steps, speed, utterance.language)
        # Behind its duration the model fills up its last block.
        samples: Samples = waves[0, : round(float(durations_s[0]) * self._sample_rate)].astype(np.float32, copy=False)
        if utterance.exact:
            return samples
        trimmer = SilenceTrimmer(self._sample_rate)
        return np.concatenate([trimmer.push(samples), trimmer.finish(pause_s(chunk) / utterance.speed)])


def has_weights(model_dir: Path) -> bool:
    """Whether the model is there."""
    return all((model_dir / path).is_file() for path in _WEIGHTS)


def fetch_weights(model_dir: Path) -> None:
    """Fetches the model (about 260 MB) from the hub, at the revision that the package was tested with.

    What is in `model_dir` is replaced.

    Raises:
        SynthesisError: it cannot be had.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars
    from supertonic.config import get_model_repo, get_model_revision
    from supertonic.loader import download_model

    logging.getLogger("supertonic").setLevel(logging.CRITICAL)
    disable_progress_bars()
    model_dir.parent.mkdir(parents=True, exist_ok=True)
    try:
        # The download itself would try again and again, and log each time.
        ask_hub(lambda: HfApi().model_info(get_model_repo(MODEL), revision=get_model_revision(MODEL)))
        download_model(model_dir, MODEL)
    except Exception as error:  # which library's exceptions the hub's client raises depends on its version
        raise SynthesisError(f"Supertonic's weights cannot be had from the model hub: {one_line(error)}") from error


def _check_style(path: Path) -> None:
    """Raises ValueError, KeyError or TypeError where a file is no speaker's style."""
    style = json.loads(path.read_bytes())
    for part in ("style_ttl", "style_dp"):
        style[part]["dims"], style[part]["data"]


def _voices_of(speaker: str) -> list[Voice]:
    first = _LANGUAGES[0]
    return [
        Voice(
            speaker if language == first else f"{speaker}-{language}",
            language,
            speaker=speaker,
            slowest=_MIN_SPEED / _USUAL_SPEED,
            fastest=_MAX_SPEED / _USUAL_SPEED,
            gender="female" if speaker.startswith("F") else "male",
        )
        for language in _LANGUAGES
    ]
