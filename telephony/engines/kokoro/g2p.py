"""Text to Kokoro's phonemes, one converter per language.

espeak-ng, underneath most of these, keeps process-wide state: two threads inside it corrupt each other's phonemes
without a word. Every conversion of this process therefore holds one lock.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import threading
from collections.abc import Callable, Iterator

from telephony.engines.base import SynthesisError, UnspeakableError
from telephony.engines.kokoro.english import EnglishG2P, EspeakG2P
from telephony.engines.kokoro.languages import LANGUAGES
from telephony.engines.kokoro.names import phrases_said
from telephony.engines.kokoro.tagger import Tagger
from telephony.engines.kokoro.tags import MendedTagger
from telephony.engines.kokoro.words import Piece, Run, of_spaces, of_tokens, within
from telephony.text import markup

MAX_PHONEMES = 510
"""What Kokoro takes in one pass: its context of 512 without the two boundary tokens."""

OPTIONAL_LANGUAGES = {"j": ("fugashi", "pyopenjtalk", "unidic_lite"), "z": ("cn2an", "jieba", "pypinyin")}
"""Languages whose converters are not in requirements.txt, with the modules that show that they are installed. They take
0.3 and 1.1 s and 80 and 130 MB to load, and are loaded with their first text."""

_OPTIONAL_REQUIREMENTS = "requirements-ja-zh.txt"

_ESPEAK_NAMES = {"e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"}

# Where to divide what is too long for a pass, best first. The same order as the reference pipeline's.
_BREAKS = ("!.?…", ":;", ",—", " ")

# A letter of a code, not the article: beside another letter, as in A and E, or before two digits in words.
_DIGIT_WORD = "(?:zero|one|two|three|four|five|six|seven|eight|nine)"
_SPELLED_A = re.compile(
    rf"(?<![\w\[])A(?=(?:,?| and) [A-Z]\b(?!['’.])|,? {_DIGIT_WORD},? {_DIGIT_WORD}\b)|(?<=\b[A-Z] )A(?!\w)"
)

# The same in Spanish, where espeak-ng takes a letter Y for the word "y", which sounds like the letter I.
_SPANISH_DIGIT = "(?:cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve)"
_SPELLED_Y = re.compile(
    rf"(\b(?:[A-ZÑ]|{_SPANISH_DIGIT}),? )Y\b|(?<![\w\[])Y(?=,? [B-ZÑ]\b|,? {_SPANISH_DIGIT},? {_SPANISH_DIGIT}\b)"
)

_espeak_lock = threading.Lock()

Converter = Callable[[str], tuple[str, list[Run]]]
"""Text to phonemes, and which of them say which word."""


class G2P:
    """Converts text of any of Kokoro's languages. Its method may be called from any thread."""

    def __init__(self) -> None:
        """Loads English, both American and British, in 0.2 s; other languages are loaded with their first text."""
        tagger = MendedTagger(Tagger())
        with _espeak_lock:
            american, british = (_english(EnglishG2P(british, tagger)) for british in (False, True))
        self._converters: dict[str, Converter] = {"a": american, "b": british}
        self._loading = threading.Lock()

    def phonemes(self, text: str, language: str) -> list[Piece]:
        """Phonemes and words of a text, in pieces of at most `MAX_PHONEMES`; nothing of the text is cut off.

        Args:
            text: what to say.
            language: one of the letters in `LANGUAGES`.

        Raises:
            UnspeakableError: nothing in the text can be spoken.
            SynthesisError: the language is unknown, or its converter is not installed.
        """
        converter = self._converter(language)
        with _espeak_lock:
            phonemes, words = converter(text)
        if not phonemes.strip():
            raise UnspeakableError(f"no phonemes for a text of {len(text)} characters")
        return within(words, phonemes, divide(phonemes.strip()))

    def _converter(self, language: str) -> Converter:
        if language not in self._converters:
            with self._loading:
                if language not in self._converters:
                    self._converters[language] = _load(language)
        return self._converters[language]


def is_speakable(language: str) -> bool:
    """Whether a language letter is one of Kokoro's and its converter is installed."""
    modules = OPTIONAL_LANGUAGES.get(language, ())
    return language in LANGUAGES and all(importlib.util.find_spec(module) for module in modules)


def what_is_missing(language: str) -> str:
    """Why a language letter is not speakable, and what to do."""
    if language in OPTIONAL_LANGUAGES:
        return f"{LANGUAGES[language]} needs packages that are not installed: pip install -r {_OPTIONAL_REQUIREMENTS}"
    return f"unknown language {language!r}, known are {' '.join(LANGUAGES)}"


def divide(phonemes: str, limit: int = MAX_PHONEMES) -> Iterator[str]:
    """Pieces of at most `limit` phonemes, cut behind a sentence, else a clause, else a word, else anywhere."""
    while len(phonemes) > limit:
        end = _break_before(phonemes, limit)
        piece = phonemes[:end].strip()
        if piece:
            yield piece
        phonemes = phonemes[end:].lstrip()
    if phonemes:
        yield phonemes


def _break_before(phonemes: str, limit: int) -> int:
    for marks in _BREAKS:
        end = max(phonemes.rfind(mark, 0, limit) for mark in marks) + 1
        if end > 0:
            # A closing quote or bracket stays with what it closes.
            while end < limit and phonemes[end] in ")”":
                end += 1
            return end
    return limit


def _load(language: str) -> Converter:
    if language in _ESPEAK_NAMES:
        with _espeak_lock:
            converter = _by_spaces(EspeakG2P(language=_ESPEAK_NAMES[language]))
        return _spanish(converter) if language == "e" else converter
    if not is_speakable(language):
        raise SynthesisError(what_is_missing(language))
    if language == "j":
        from misaki import ja

        converter = _by_spaces(ja.JAG2P())
    else:
        import jieba
        from misaki import zh

        jieba.setLogLevel(logging.WARNING)  # it writes to standard error, past this service's log
        converter = _by_spaces(zh.ZHG2P())
    converter("一二三。")  # what is read with the first text is read here, where other languages do not wait
    return converter


def _english(g2p: EnglishG2P) -> Converter:
    mark_phrases = phrases_said(g2p.british)

    def convert(text: str) -> tuple[str, list[Run]]:
        phonemes, tokens = g2p(_SPELLED_A.sub("[A](/ˈA/)", mark_phrases(text)))
        return phonemes, of_tokens(tokens)

    return convert


def _spanish(converter: Converter) -> Converter:
    return lambda text: converter(_SPELLED_Y.sub(lambda found: f"{found[1] or ''}[Y](/iɣɾiˈeɣa/)", text))


def _by_spaces(g2p: Callable[[str], tuple[str, object]]) -> Converter:
    """Of misaki's other converters, only the phonemes are of use. They would read markup aloud."""

    def convert(text: str) -> tuple[str, list[Run]]:
        known = markup.parts(text)
        phonemes = _closed_up(" ".join(g2p(words)[0].strip() if said is None else said for words, said in known))
        written = _closed_up(" ".join(words for words, _ in known))
        return phonemes, of_spaces(written, phonemes, lambda word: g2p(word)[0])

    return convert


def _closed_up(text: str) -> str:
    """Without the spaces before punctuation that joining has made."""
    return re.sub(r"\s+(?=[,.;:!?])", "", text)
