"""American pronunciations of the project's own: places, surnames, medicines and companies that misaki reads wrongly.

They are in `names.tsv`, each with where it is from. An operator's or a client's lexicon comes first: it has changed the
text before.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from telephony.engines.kokoro.dictionary import Dictionary


@functools.cache
def _text() -> str:
    return (resources.files("telephony.engines.kokoro") / "names.tsv").read_text(encoding="utf-8")


@functools.cache
def entries() -> Mapping[str, str]:
    """Phonemes by word, or by phrase of several words."""
    rows = (line.split("\t") for line in _text().splitlines() if not line.startswith("#"))
    return {word: phonemes for word, phonemes, _ in rows}


@functools.cache
def digest() -> str:
    """Changes with every entry."""
    return hashlib.sha256(_text().encode()).hexdigest()[:8]


class NamedDictionary:
    """A dictionary of misaki's with the words of `entries` in front. Any thread.

    A word counts in upper and lower case, but an entry in capitals, such as NGO, goes before a name, such as Ngo, and
    one of two letters is no name in lower case: ng is a unit.

    Args:
        other: asked for every other word.
    """

    def __init__(self, other: Dictionary) -> None:
        self._capitals = {word: phonemes for word, phonemes in entries().items() if word.isupper()}
        self._own = {word.lower(): phonemes for word, phonemes in entries().items() if not word.isupper()}
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
        return self._capitals.get(word) or own or self._other.get(word)


def phrases_said() -> Callable[[str], str]:
    """Marks the phrases of `entries` in a text with their phonemes, as misaki reads them, but in what is marked."""
    phrases = {phrase.lower(): phonemes for phrase, phonemes in entries().items() if not phrase.isalpha()}
    longest_first = sorted(phrases, key=len, reverse=True)
    marked = r"\[[^\]]*\]\([^)]*\)"
    pattern = re.compile(rf"{marked}|(?<!\w)({'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)

    def mark(found: re.Match[str]) -> str:
        return f"[{found[1]}](/{phrases[found[1].lower()]}/)" if found[1] else found[0]

    return functools.partial(pattern.sub, mark)
