"""misaki's English converter without what it is slow and heavy for: spaCy, dictionaries in memory, idle imports.

Without the words of `names.py` the phonemes are misaki's own to the last one: `tests/engines/test_english.py` compares
with misaki and spaCy as they are.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from telephony.engines.kokoro.dictionary import Dictionary
from telephony.engines.kokoro.names import NamedDictionary
from telephony.engines.kokoro.tokenizer import Token


@contextmanager
def _standing_in(**stand_ins: object) -> Iterator[None]:
    """Whoever imports these modules in the meantime gets the stand-ins, and keeps them."""
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def align(words: Sequence[str], tokens: Sequence[str]) -> SimpleNamespace:
    """What misaki uses of `spacy.training.Alignment.from_strings`: `y2x.data`.

    Both are parts of one text, and differ in whitespace. spaCy's `training/align.pyx` (3.8, MIT).

    Returns:
        `y2x.data`: int32 [pairs], the words (by number) that each token is made of or a part of, token by token.
    """
    of_words = [(character, number) for number, word in enumerate(words) for character in word]
    of_tokens = [(character, number) for number, token in enumerate(tokens) for character in token]
    pairs: dict[tuple[int, int], None] = {}
    left, right = 0, 0
    while left < len(of_words) and right < len(of_tokens):
        (character, word), (other, token) = of_words[left], of_tokens[right]
        if character == other:
            pairs[token, word] = None
        left += character == other or character.isspace()
        right += character == other or not character.isspace()
    return SimpleNamespace(y2x=SimpleNamespace(data=np.array([word for _, word in pairs], np.int32)))


# phonemizer imports joblib and segments for what misaki does not use of it: 0.4 s and 23 MB. Of spaCy, what is left to
# use is the alignment.
with _standing_in(
    joblib=SimpleNamespace(),
    segments=SimpleNamespace(Profile=None),
    spacy=SimpleNamespace(training=SimpleNamespace(Alignment=SimpleNamespace(from_strings=align))),
):
    from misaki import en, espeak
    from phonemizer.backend import EspeakBackend

# phonemizer loads another copy of espeak-ng, and keeps it, for every look at what that can do: three for each language.
for _look in ("is_available", "version", "supported_languages"):
    setattr(EspeakBackend, _look, staticmethod(functools.cache(getattr(EspeakBackend, _look))))

EspeakG2P = espeak.EspeakG2P
"""misaki's converter of other languages."""


class EnglishG2P(en.G2P):  # type: ignore[misc]
    """misaki's converter. Not safe for threads: espeak-ng, which says what the dictionaries lack, keeps state."""

    def __init__(self, british: bool, tagger: Callable[[str], Sequence[Token]], named: bool = True) -> None:
        """`tagger` may be shared. `named`: with the words of `names.py`."""
        self.version = None
        self.british = british
        self.nlp = tagger
        self.lexicon = _Lexicon(british, named)
        self.fallback = espeak.EspeakFallback(british=british)
        self.unk = ""


class _Lexicon(en.Lexicon):  # type: ignore[misc]
    """misaki's lexicon, whose dictionaries stay on the disk."""

    def __init__(self, british: bool, named: bool) -> None:
        data, dialect = Path(en.__file__).parent / "data", "gb" if british else "us"
        self.british = british
        self.cap_stresses = (0.5, 2)
        golds = Dictionary(data / f"{dialect}_gold.json")
        self.golds = NamedDictionary(golds, british) if named else golds
        self.silvers = Dictionary(data / f"{dialect}_silver.json")
