"""What a phrase is known by: all that decides how it sounds."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import re
from dataclasses import dataclass
from pathlib import Path

from telephony.speech import NEUTRAL, Intonation

_PREFIX = "tts:"
_PACKAGE = Path(__file__).resolve().parent.parent
# What turns text into sound; the rest of the service only carries it.
_SOUNDING = ("speech.py", "audio/samples.py", "text/**/*.py", "engines/**/*.py", "engines/**/*.c")
# Whose versions decide which phonemes a text has.
_PACKAGES = ("babel", "espeakng-loader", "misaki", "num2words", "phonenumbers", "piper-tts", "supertonic")

# Only what a keyboard makes: a no-break space may hold a number together, and is left alone.
_SPACES = re.compile(r"[ \t\r\f\v]+")
_LINE_BREAKS = re.compile(r" ?\n[ \n]*")


@dataclass(frozen=True)
class PhraseKey:
    """Two requests with equal keys may be answered with the same sound; with different ones never.

    Attributes:
        text: as `normalised` gives it.
        engine: its name.
        revision: of the engine's model and of whatever else changes its sound.
        voice: by which the engine knows it. A blend's recipe, not its name: a name may mean another recipe tomorrow.
        speed: rate of speech.
        language: BCP 47 tag that the text is read in; empty where the voice alone decides.
        form: how the text is divided and decoded, such as `streamed` or `exact`.
        sample_rate: of the sound, in Hz.
        intonation: how the voice's pitch is changed.
    """

    text: str
    engine: str
    revision: str
    voice: str
    speed: float
    language: str
    form: str
    sample_rate: int
    intonation: Intonation = NEUTRAL

    @functools.cached_property
    def name(self) -> str:
        """`tts:` and a sha256 over all of the above: the name in every store."""
        # JSON keeps the fields apart whatever they contain.
        fields = json.dumps(dataclasses.astuple(self), ensure_ascii=True)
        return _PREFIX + hashlib.sha256(fields.encode()).hexdigest()


def normalised(text: str) -> str:
    """The text with its white space evened out: nothing that is heard changes.

    A run of spaces and tabs is one space. A run with a line break in it is one line break, because that ends a
    sentence.
    """
    return _LINE_BREAKS.sub("\n", _SPACES.sub(" ", text)).strip(" \n")


@functools.cache
def code_revision() -> str:
    """Sixteen hexadecimal digits that change with the way from text to sound: this program's own, and its packages'.

    Taken from its source files, so that nobody has to remember to raise a version. Reads a few hundred kilobytes once.
    """
    digest = hashlib.sha256()
    digest.update(repr([_version(package) for package in _PACKAGES]).encode())
    for pattern in _SOUNDING:
        for path in sorted(_PACKAGE.glob(pattern)):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(_PACKAGE)}:{len(content)}:".encode())
            digest.update(content)
    return digest.hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
