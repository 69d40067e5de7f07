"""What a rule is, and the order in which rules of all languages are applied."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto


class Stage(Enum):
    """The stages, in their order: what is more certain comes first, and what is said is not said again.

    A language's own rules of a stage come before those that all languages share.
    """

    INTERNET = auto()
    """E-mail and web addresses, names of files: nothing else may look inside."""
    WORDS = auto()
    """Roman numerals, shortened words, postal addresses."""
    CODES = auto()
    """What is read character by character, by its form or by a word before it."""
    MONEY = auto()
    DATES = auto()
    TELEPHONE = auto()
    RANGES = auto()
    TIMES = auto()
    ORDINALS = auto()
    MEASURES = auto()
    """Percentages, units, degrees."""
    DIGITS = auto()
    """Years, and numbers that are too long to count anything."""
    NUMBERS = auto()
    """Fractions, ratios, versions, and every other number."""
    SYMBOLS = auto()


@dataclass(frozen=True)
class Rule:
    """What to look for, and what to say for it.

    Attributes:
        name: what the rule is about, for people.
        pattern: what to look for.
        say: what to say for a match; None leaves it as it is.
    """

    name: str
    pattern: re.Pattern[str]
    say: Callable[[re.Match[str]], str | None]

    def apply(self, text: str) -> str:
        """The text with every match said."""
        return self.pattern.sub(self._replaced, text)

    def _replaced(self, match: re.Match[str]) -> str:
        said = self.say(match)
        if said is None:
            return match.group()
        # "5kgs", "x5": words never touch what stood beside a digit.
        before = " " if match.start() and said[:1].isalnum() and match.string[match.start() - 1].isalnum() else ""
        after = " " if said[-1:].isalnum() and match.string[match.end() : match.end() + 1].isalnum() else ""
        return f"{before}{said}{after}"


def alternatives(words: Iterable[str]) -> str:
    """A regular expression for any of the words, the longest first."""
    return "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))


def ends_text(match: re.Match[str]) -> bool:
    """Whether a match's last character is a stop that ends the text as well: it is said by the voice."""
    return match.group().endswith(".") and not match.string[match.end() :].strip("\"') ")
