"""What a rule is, and the order in which rules of all languages are applied."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property


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
_WORD = re.compile(r"\w+")


class Places:
    """Where the numbers and the words of a text begin: found once they are asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def lowered(self) -> str:
        """The text in small letters."""
        return self._text.lower()

    @cached_property
    def digits(self) -> Sequence[int]:
        """Where its numbers begin, or their signs."""
        return [run.start() for run in _DIGITS.finditer(self._text)]

    def of(self, words: frozenset[str]) -> Sequence[int]:
        """Where one of the words stands, which are in small letters here and in any case there."""
        if words.isdisjoint(self._words):
            return ()
        return [place for place, word in self._places if word in words]

    @cached_property
    def _words(self) -> Collection[str]:
        return frozenset(_WORD.findall(self.lowered))

    @cached_property
    def _places(self) -> Sequence[tuple[int, str]]:
        return [(word.start(), word.group().lower()) for word in _WORD.finditer(self._text)]


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
        begins: the words with one of which every match begins, in small letters here, in any case there; None: any.
    """

    name: str
    pattern: re.Pattern[str]
    say: Callable[[re.Match[str]], str | None]
    numeric: bool = False
    at_digits: bool = False
    words: Sequence[str] | None = None
    begins: frozenset[str] | None = None

    def apply(self, text: str, places: Places | None = None) -> str:
        """The text with every match said; the same object if there is none.

        Args:
            text: what to look in.
            places: those of the text, if they are known.
        """
        if not self.at_digits and self.begins is None:
            return self.pattern.sub(self._replaced, text)
        places = places or Places(text)
        said: list[str] = []
        end = 0
        for start in places.digits if self.begins is None else places.of(self.begins):
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


def at_words(
    name: str,
    pattern: re.Pattern[str],
    say: Callable[[re.Match[str]], str | None],
    words: Iterable[str],
    numeric: bool = False,
) -> Rule:
    """A rule whose matches begin with one of the words as a whole; `words` are in small letters."""
    return Rule(name, pattern, say, numeric=numeric, begins=frozenset(words))


def applied(rules: Iterable[Rule], text: str) -> Iterator[tuple[Rule, str]]:
    """The rules that change a text, in their order, each with the text behind it.

    Most rules have nothing to do with most texts; those are passed over without a search.
    """
    places = Places(text)
    for rule in rules:
        if (rule.numeric and not places.digits) or (
            rule.words is not None and not _has_one(places.lowered, rule.words)
        ):
            continue
        said = rule.apply(text, places)
        if said is not text and said != text:
            text, places = said, Places(said)
            yield rule, text


def first_words(alternatives: str) -> set[str]:
    """The first words of the alternatives of a regular expression, in small letters; a capital may be optional."""
    alternatives = re.sub(r"\[(\w)\w\]", r"\1", alternatives)
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
