"""What a rule is, and the order in which rules of all languages are applied."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto


class Stage(Enum):
    """The stages, in their order: what is more certain comes first, and what is said is not said again.

    A language's own rules of a stage come before those that all languages share.
    """

    INTERNET = auto()
    """Keys of a telephone, e-mail and web addresses, names of files: nothing else may look inside."""
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


_DIGITS = re.compile(r"[+-](?=\d)|\d+")
_BEFORE_CHARS, _BEHIND_CHARS = 48, 24


@dataclass(frozen=True)
class Rule:
    """What to look for, and what to say for it.

    Attributes:
        name: what the rule is about, for people.
        pattern: what to look for.
        say: what to say for a match; None leaves it as it is.
        numeric: whether every match contains a digit, or touches one.
        at_digits: whether every match begins with the first digit of some, or with its sign.
        words: of which a text must have one, in small letters here, in any case there; None: none.
    """

    name: str
    pattern: re.Pattern[str]
    say: Callable[[re.Match[str]], str | None]
    numeric: bool = False
    at_digits: bool = False
    words: Sequence[str] | None = None

    def apply(self, text: str, digits: Sequence[int] | None = None) -> str:
        """The text with every match said; the same object if there is none.

        Args:
            text: what to look in.
            digits: where its numbers begin, if that is known.
        """
        if not self.at_digits:
            return self.pattern.sub(self._replaced, text)
        said: list[str] = []
        end = 0
        for start in _starts(text) if digits is None else digits:
            match = self.pattern.match(text, start) if start >= end else None
            if match is not None:
                said += (text[end : match.start()], self._replaced(match))
                end = match.end()
        return "".join((*said, text[end:])) if said else text

    def _replaced(self, match: re.Match[str]) -> str:
        said = self.say(match)
        if said is None:
            return match.group()
        # "5kgs", "x5": words never touch what stood beside a digit.
        before = " " if match.start() and said[:1].isalnum() and match.string[match.start() - 1].isalnum() else ""
        after = " " if said[-1:].isalnum() and match.string[match.end() : match.end() + 1].isalnum() else ""
        return f"{before}{said}{after}"


def at_digits(
    name: str,
    pattern: re.Pattern[str],
    say: Callable[[re.Match[str]], str | None],
    words: Iterable[str] | None = None,
) -> Rule:
    """A rule whose matches begin with the first digit of some, or with its sign; `words` as in `near_words`."""
    return Rule(name, pattern, say, numeric=True, at_digits=True, words=None if words is None else tuple(words))


def near_digits(
    name: str,
    pattern: re.Pattern[str],
    say: Callable[[re.Match[str]], str | None],
    words: Iterable[str] | None = None,
) -> Rule:
    """A rule whose matches contain a digit, or touch one; `words` as in `near_words`."""
    return Rule(name, pattern, say, numeric=True, words=None if words is None else tuple(words))


def near_words(
    name: str, pattern: re.Pattern[str], say: Callable[[re.Match[str]], str | None], words: Iterable[str]
) -> Rule:
    """A rule whose matches contain one of the words, or of the symbols; `words` are in small letters."""
    return Rule(name, pattern, say, words=tuple(words))


def applied(rules: Iterable[Rule], text: str) -> Iterator[tuple[Rule, str]]:
    """The rules that change a text, in their order, each with the text behind it.

    Most rules have nothing to do with most texts; those are passed over without a search.
    """
    lowered, digits = text.lower(), _starts(text)
    for rule in rules:
        if (rule.numeric and not digits) or (rule.words is not None and not _has_one(lowered, rule.words)):
            continue
        said = rule.apply(text, digits)
        if said is not text and said != text:
            text = said
            lowered, digits = text.lower(), _starts(text)
            yield rule, text


def _starts(text: str) -> list[int]:
    """Where the numbers of a text begin, or their signs."""
    return [run.start() for run in _DIGITS.finditer(text)]


def first_words(alternatives: str) -> set[str]:
    """The first words of the alternatives of a regular expression, in small letters."""
    return {word[1].lower() for word in re.finditer(r"(?:^|\|)\W*(\w+)", alternatives)}


def _has_one(text: str, words: Sequence[str]) -> bool:
    for word in words:  # noqa: SIM110  a generator would cost more than the search
        if word in text:
            return True
    return False


def alternatives(words: Iterable[str]) -> str:
    """A regular expression for any of the words, the longest first."""
    return "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))


def around(match: re.Match[str]) -> tuple[str, str]:
    """What stands before a match and behind it, as far as a rule may have to look."""
    text = match.string
    return text[max(0, match.start() - _BEFORE_CHARS) : match.start()], text[match.end() : match.end() + _BEHIND_CHARS]


def ends_text(match: re.Match[str]) -> bool:
    """Whether a match's last character is a stop that ends the text as well: it is said by the voice."""
    return match.group().endswith(".") and not match.string[match.end() :].strip("\"') ")
