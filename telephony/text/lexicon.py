"""How words and phrases are pronounced: entries, and the marks that they leave in a text; pure.

A text is walked word by word. The entries that begin with a word are found by it, so that a thousand of them cost a
sentence no more than ten.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from telephony.text import markup

MAX_WORD_CHARS = 100
"""Of the word or phrase of an entry."""

MAX_SAID_CHARS = 150
"""Of an alias, and of phonemes: with an ending, less than a mark holds."""

Pronounce = Callable[[str, str], str]
"""Marks what a lexicon says of a text, in a language tag."""

# Written without spaces between words, so that a word may begin and end anywhere: kana, Han and Hangul.
_UNSPACED = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
# Marks that belong to the letter before them, and are no letters to `\w`.
_COMBINING = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963"
_UNSPACED_LETTER = re.compile(f"[{_UNSPACED}]")
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_]|[{_COMBINING}])+")
_ENGLISH_ENDING = re.compile(r"'(?:s|ll|d|ve|re|m)(?![^\W_])")
_ELIDING = ("fr", "it", "ca")
"""Languages in which a word may begin behind an apostrophe: "l'Acme"."""
# What joins two words to one: an address, a shortened name, a decimal.
_JOINING = ".@_"
_JOINING_DIGITS = ".,:"
_APOSTROPHES = str.maketrans("’‘ʼ′", "''''")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}")
_UNWRITABLE = re.compile(r"[\[\]\x00-\x1f\x7f\ud800-\udfff\ue000-\uf8ff]")
_NO_PHONEMES = re.compile(r"[()/]")
_SIBILANTS = "szʃʒʧʤ"
_VOICELESS = "ptkfθ"


class LexiconError(ValueError):
    """An entry that cannot be one, or a lexicon that cannot be used. The message says why.

    Attributes:
        field: of an entry, where it is one that is wrong.
    """

    def __init__(self, message: str, field: str = "word") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Entry:
    """How a word is said; made by `entry`.

    Attributes:
        word: a word or a phrase, as it is written.
        alias: what is read in its place.
        ipa: Kokoro's phonemes of it. Other engines read the alias, or else the word.
        language: a language tag; `en` is every English. None: in all languages.
        case_sensitive: whether capitals have to be the same.
    """

    word: str
    alias: str | None = None
    ipa: str | None = None
    language: str | None = None
    case_sensitive: bool = False

    @property
    def key(self) -> tuple[str, str, bool]:
        """What a lexicon has only one of: the word, in its language."""
        word = _evened(self.word)
        return word if self.case_sensitive else _folded(word), (self.language or "").lower(), self.case_sensitive


def entry(
    word: str,
    alias: str | None = None,
    ipa: str | None = None,
    language: str | None = None,
    case_sensitive: bool = False,
) -> Entry:
    """An entry that cannot be wrong. White space is evened out; phonemes may stand between slashes.

    Raises:
        LexiconError: a field cannot be what it is, or there is neither alias nor ipa.
    """
    word = _text("word", word, MAX_WORD_CHARS)
    if _WORD.search(word) is None:
        raise LexiconError("word has a letter or a digit")
    if alias is None and ipa is None:
        raise LexiconError("an entry has an alias, or ipa, or both", "alias")
    if alias is not None:
        alias = _text("alias", alias, MAX_SAID_CHARS)
    if ipa is not None:
        ipa = _text("ipa", ipa.strip().removeprefix("/").removesuffix("/"), MAX_SAID_CHARS)
        if _NO_PHONEMES.search(ipa):
            raise LexiconError("ipa has no brackets, and slashes only around it", "ipa")
    if language is not None and not _LANGUAGE.fullmatch(language):
        raise LexiconError("language is a tag such as en or pt-BR", "language")
    return Entry(word, alias, ipa, language, case_sensitive)


@dataclass(frozen=True)
class _Sought:
    """An entry as it is compared: `start` is where its first word begins in `folded`."""

    entry: Entry
    folded: str
    start: int
    language: str

    def reads(self, language: str) -> bool:
        """Whether it is for texts in that language, in lower case."""
        return not self.language or language == self.language or language.startswith(self.language + "-")


class Lexicon:
    """Entries, made ready to be found. It never changes; any thread.

    Args:
        entries: of several with one `key`, the first is obeyed.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = tuple(entries)
        self._by_word: dict[str, list[_Sought]] = {}
        for each in self.entries:
            folded = _folded(_evened(each.word))
            first = _first_word(folded)
            sought = _Sought(each, folded, first.start(), (each.language or "").lower().replace("_", "-"))
            self._by_word.setdefault(first.group(), []).append(sought)
        for sharing in self._by_word.values():
            sharing.sort(key=lambda each: (-len(each.folded), -len(each.language), not each.entry.case_sensitive))

    def pronounce(self, text: str, language: str) -> str:
        """The text with a mark at each word or phrase that has an entry; what has a mark already keeps it.

        The longest entry is taken, of those of one length the one for the narrower language. Takes time in proportion
        to the text.

        Args:
            text: best a sentence: an entry is found only where all of it is there.
            language: a language tag, of the text.
        """
        if not self.entries:
            return text
        language = language.lower().replace("_", "-")
        pieces = markup.split(text)
        return "".join(
            piece if index % 2 else "".join(self._marked(piece, language)) for index, piece in enumerate(pieces)
        )

    def _marked(self, text: str, language: str) -> Iterator[str]:
        written = _evened(text)
        if len(written) != len(text):  # letters and their accents apart, which are one character in an entry
            text = written
        folded = _folded(written)
        end = 0
        for word in _WORD.finditer(folded):
            if word.start() < end:
                continue
            sought = self._longest(written, folded, word, end, language)
            if sought is None:
                continue
            start = word.start() - sought.start
            yield text[end:start]
            end = start + len(sought.folded)
            ending = _ENGLISH_ENDING.match(folded, end)
            possessive = sought.entry.ipa is not None and ending is not None and ending[0] == "'s"
            end += 2 * possessive
            yield _mark(text[start:end], sought.entry, possessive=possessive)
        yield text[end:]

    def _longest(self, written: str, folded: str, word: re.Match[str], free_from: int, language: str) -> _Sought | None:
        """The first entry that stands in the text with its first word at a place, all of it as whole words."""
        for each in self._by_word.get(word.group(), ()):
            start = word.start() - each.start
            end = start + len(each.folded)
            if (
                start >= free_from
                and each.reads(language)
                and folded.startswith(each.folded, start)
                and (not each.entry.case_sensitive or written.startswith(_evened(each.entry.word), start))
                and _begins_word(folded, start, language)
                and _ends_word(folded, end)
            ):
                return each
        return None


EMPTY = Lexicon()
"""Says nothing of any word."""


def as_it_is(text: str, language: str) -> str:
    """The text: a `Pronounce` that says nothing."""
    return text


def _begins_word(text: str, start: int, language: str) -> bool:
    before = text[start - 1 : start]
    if not before or _is_unspaced(text[start]) or _is_unspaced(before):
        return True
    if _is_word(before):
        return False
    joined = start > 1 and _is_word(text[start]) and _is_word(text[start - 2])
    if before == "'" and joined:
        return language.partition("-")[0] in _ELIDING
    return not (joined and (before in _JOINING or (before in _JOINING_DIGITS and text[start].isdigit())))


def _ends_word(text: str, end: int) -> bool:
    behind, last = text[end : end + 1], text[end - 1]
    if not behind or _is_unspaced(last) or _is_unspaced(behind):
        return True
    if _is_word(behind):
        return False
    joined = end + 1 < len(text) and _is_word(last) and _is_word(text[end + 1])
    if behind == "'" and joined:
        return _ENGLISH_ENDING.match(text, end) is not None
    return not (joined and (behind in _JOINING or (behind in _JOINING_DIGITS and last.isdigit())))


def _mark(written: str, said: Entry, *, possessive: bool) -> str:
    if said.ipa is None:
        return markup.substitution(written, said.alias or written)
    ipa = said.ipa + (_possessive(said.ipa) if possessive else "")
    if said.alias is None:
        return markup.phonemic(written, ipa)
    return markup.substitution(written, markup.phonemic(said.alias + ("'s" if possessive else ""), ipa))


def _possessive(phonemes: str) -> str:
    """What an English 's adds to a word."""
    last = phonemes[-1]
    return "ᵻz" if last in _SIBILANTS else "s" if last in _VOICELESS else "z"


def _text(field: str, value: str, max_chars: int) -> str:
    text = unicodedata.normalize("NFC", " ".join(value.split()))
    if not 0 < len(text) <= max_chars:
        raise LexiconError(f"{field} has 1 to {max_chars} characters", field)
    if _UNWRITABLE.search(text):
        raise LexiconError(f"{field} has no square brackets and no control characters", field)
    return text


def _evened(text: str) -> str:
    """One character for each letter, whatever it was composed of; one kind of apostrophe."""
    return unicodedata.normalize("NFC", text).translate(_APOSTROPHES)


def _folded(text: str) -> str:
    """In lower case, each character still in its place."""
    folded = text.lower()
    if len(folded) == len(text):
        return folded
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)


def _first_word(folded: str) -> re.Match[str]:
    found = _WORD.search(folded)
    if found is None:
        raise LexiconError("word has a letter or a digit")
    return found


def _is_word(character: str) -> bool:
    return _WORD.match(character) is not None


def _is_unspaced(character: str) -> bool:
    return _UNSPACED_LETTER.match(character) is not None
