"""Pronunciations of the project's own: places, surnames, medicines, companies, initialisms that misaki errs in.

They are in `names.tsv`, American, and `names_gb.tsv`, British, each with where it is from. An operator's or a client's
lexicon comes first: it has changed the text before.

An entry is a word, a phrase, a town with its state ("Lima, Ohio"), of which the town alone is said so, or a word with
the part of speech, or the sense of `tags.py`, that it is said so in ("resume/NOUN").
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from telephony.engines.kokoro.dictionary import Dictionary

_APOSTROPHES = "['‘’]"


@functools.cache
def _text(british: bool) -> str:
    name = "names_gb.tsv" if british else "names.tsv"
    return (resources.files("telephony.engines.kokoro") / name).read_text(encoding="utf-8")


@functools.cache
def entries(british: bool) -> Mapping[str, str]:
    """Phonemes by entry."""
    rows = (line.split("\t") for line in _text(british).splitlines() if not line.startswith("#"))
    return {entry: phonemes for entry, phonemes, _ in rows}


@functools.cache
def digest() -> str:
    """Changes with every entry."""
    return hashlib.sha256((_text(british=False) + _text(british=True)).encode()).hexdigest()[:8]


class NamedDictionary:
    """A dictionary of misaki's with the words of `entries` in front. Any thread.

    A word counts in upper and lower case, but an entry in capitals, such as NGO, goes before a name, such as Ngo, and
    counts in capitals alone; one of two letters is no name in lower case: ng is a unit.

    Args:
        other: asked for every other word.
        british: which entries.
    """

    def __init__(self, other: Dictionary, british: bool) -> None:
        words: dict[str, str] = {}
        self._senses: dict[str, dict[str, str]] = {}
        for entry, phonemes in entries(british).items():
            word, _, sense = entry.partition("/")
            if sense:
                self._senses.setdefault(word.lower(), {})[sense] = phonemes
            else:
                words[word] = phonemes
        self._capitals = {word: phonemes for word, phonemes in words.items() if word.isupper()}
        self._own = {word.lower(): phonemes for word, phonemes in words.items() if not word.isupper()}
        self._other = other

    def __contains__(self, word: str) -> bool:
        return self.get(word) is not None

    def __getitem__(self, word: str) -> Any:
        value = self.get(word)
        if value is None:
            raise KeyError(word)
        return value

    def get(self, word: str) -> Any:
        """See `Dictionary.get`."""
        own = self._own.get(word.lower()) if len(word) > 2 or word[:1].isupper() else None
        value = self._capitals.get(word) or own or self._other.get(word)
        senses = self._senses.get(word.lower())
        if senses and value is not None:
            return (value if isinstance(value, dict) else {"DEFAULT": value}) | senses
        return value


def phrases_said(british: bool) -> Callable[[str], str]:
    """Marks the phrases of `entries` in a text with their phonemes, as misaki reads them, but in what is marked."""
    phrases: dict[str, str] = {}
    patterns: dict[str, str] = {}
    for entry, phonemes in entries(british).items():
        phrase, _, state = entry.partition(", ")
        if not entry.isalpha() and "/" not in entry:
            followed = f"(?=,? {re.escape(state)}\\b)" if state else r"(?!\w)"
            patterns[entry] = re.escape(phrase).replace("'", _APOSTROPHES) + followed
            phrases[entry] = phonemes
    longest_first = sorted(patterns, key=len, reverse=True)
    marked = r"\[[^\]]*\]\([^)]*\)"
    groups = "|".join(f"({patterns[entry]})" for entry in longest_first)
    pattern = re.compile(rf"{marked}|(?<!\w)(?:{groups})", re.IGNORECASE)

    def mark(found: re.Match[str]) -> str:
        return f"[{found[0]}](/{phrases[longest_first[found.lastindex - 1]]}/)" if found.lastindex else found[0]

    return functools.partial(pattern.sub, mark)
