"""What a rule is, and what a written number looks like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from telephony.text.normalization.language import Language, Written

# Bounded everywhere: a page of digits must cost no more than a page of words.
_SPACED = r"\d{1,3}(?: \d{3}){1,4}(?!\d)"
_MARKED = r"\d{1,18}(?:[.,']\d{1,18}){0,6}(?!\d)"
SIGN = r"(?:(?<![^\s(])-(?=\d))?"
"""A minus that belongs to the number behind it."""


@dataclass(frozen=True)
class Rule:
    """What to look for, and what to say for it; None leaves it as it is."""

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


def number_pattern(language: Language) -> str:
    """Matches a written number of a language, separators and decimals included; it begins where a number begins."""
    return rf"(?<![\d.,])(?:{_SPACED}(?:,\d{{1,18}})?|{_MARKED})" if language.space_groups else rf"(?<![\d.,]){_MARKED}"


def read(text: str, language: Language) -> Written | None:
    """A written number's value; None where separators do not add up to a number ("1.2.3")."""
    text = text.replace(" ", "").replace("'", "")
    marks = [character for character in text if character in ".,"]
    if not marks:
        return Written(int(text))
    kinds = set(marks)
    if len(kinds) == 2:
        mark = marks[-1]
        if marks.count(mark) > 1:
            return None
        whole, fraction = text.split(mark)
        return _grouped(whole, next(iter(kinds - {mark})), fraction)
    mark = marks[0]
    if len(marks) > 1:
        return _grouped(text, mark, "")
    whole, fraction = text.split(mark)
    groups = len(fraction) == 3 and len(whole) <= 3 and whole[0] != "0"
    if mark != language.decimal_mark and groups:
        return Written(int(whole + fraction))
    return Written(int(whole), fraction)


def _grouped(whole: str, mark: str, fraction: str) -> Written | None:
    head, *groups = whole.split(mark)
    if len(head) > 3 or any(len(group) != 3 for group in groups):
        return None
    return Written(int(head + "".join(groups)), fraction)


def alternatives(words: Iterable[str]) -> str:
    """A regular expression for any of the words, the longest first."""
    return "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))
