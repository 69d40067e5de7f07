"""The plain implementation that every figure is a ratio to: the `kokoro` package as its README shows it.

One KPipeline, the whole text, fp32, one lock. Nothing in here may be made faster; of the product's engine it uses only
how it finds the weights, the device and the spaCy model, and loads the package's own model.
"""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import spacy
import torch
from kokoro import KModel, KPipeline
from misaki import en, espeak

from telephony.engines import recipes
from telephony.engines.kokoro.model import choose_device, use_threads
from telephony.engines.kokoro.tagger import MODEL
from telephony.engines.kokoro.weights import KokoroWeights, ensure_weights
from telephony.settings import Settings

Samples = npt.NDArray[np.float32]

SAMPLE_RATE_HZ = 24_000

_REPOSITORY = "hexgrad/Kokoro-82M"


class Reference:
    """Speaks as the package does: a chunk is heard once it is whole. Any thread; one text at a time."""

    def __init__(self, weights: KokoroWeights, device: torch.device) -> None:
        """Loads the model, which takes seconds, onto a torch device."""
        self._weights = weights
        self._lock = threading.Lock()
        self._pipelines: dict[str, KPipeline] = {}
        self._voices: dict[str, torch.Tensor] = {}
        self._model = load_model(weights, device)

    def speak(self, text: str, voice: str) -> Iterator[Samples]:
        """The text, chunk by chunk as KPipeline divides it (510 phonemes at most): float32 [samples] at 24 kHz.

        Raises:
            WeightsError: there is no such voice.
        """
        with self._lock:
            pipeline = self._pipeline(voice[0])
            for result in pipeline(text, voice=self._style(voice)):
                yield result.audio.numpy()

    def _pipeline(self, language: str) -> KPipeline:
        if language not in self._pipelines:
            make = _EnglishPipeline if language in "ab" else KPipeline
            self._pipelines[language] = make(language, _REPOSITORY, self._model)
        return self._pipelines[language]

    def _style(self, voice: str) -> torch.Tensor:
        if voice not in self._voices:
            self._voices[voice] = torch.from_numpy(style(self._weights, voice))
        return self._voices[voice]


def load_model(weights: KokoroWeights, device: torch.device) -> KModel:
    """The kokoro package's own model."""
    config = json.loads(weights.config_path.read_text(encoding="utf-8"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's opinion on how the package builds its layers
        model = KModel(repo_id=_REPOSITORY, config=config, model=str(weights.model_path))
    return model.to(device).eval()


def load(settings: Settings) -> Reference:
    """The reference on the weights, the device and the number of threads that the service would use.

    Raises:
        WeightsError: there are no weights, and none can be fetched.
    """
    use_threads(settings.threads)
    weights = ensure_weights(settings.cache_dir, settings.weights_dir)
    return Reference(weights, choose_device(settings.device))


class SpacyG2P(en.G2P):  # type: ignore[misc]
    """misaki's English converter on an installed spaCy model; misaki itself would download it under its usual name."""

    def __init__(self, british: bool) -> None:
        self.version = None
        self.british = british
        self.nlp = spacy.load(MODEL, enable=["tok2vec", "tagger"])
        self.lexicon = en.Lexicon(british)
        self.fallback = espeak.EspeakFallback(british=british)
        self.unk = ""


def style(weights: KokoroWeights, voice: str) -> Samples:
    """A voice's style vectors, or the mean of those of a blend's voices, each by its share.

    Raises:
        WeightsError: there is no such voice.
        UnusableVoiceError: the recipe is malformed.
    """
    shares = recipes.parse(voice).shares()
    vectors = [np.float32(share) * weights.load_voice(name) for name, share in shares]
    return np.asarray(np.sum(vectors, axis=0), np.float32)


class _EnglishPipeline(KPipeline):  # type: ignore[misc]
    """KPipeline, but for where its English converter comes from."""

    def __init__(self, language: str, repository: str, model: KModel) -> None:
        self.repo_id = repository
        self.lang_code = language
        self.model = model
        self.voices: dict[str, torch.Tensor] = {}
        self.g2p = SpacyG2P(british=language == "b")
