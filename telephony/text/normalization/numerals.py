"""What a written number looks like in a language, and what it is worth."""

from __future__ import annotations

from telephony.text.normalization.language import Language, Written

# Bounded everywhere: a page of digits must cost no more than a page of words.
_SPACED = r"\d{1,3}(?: \d{3}){1,4}(?!\d)"
_MARKED = r"\d{1,18}(?:[.,']\d{1,18}){0,6}(?!\d)"
_BEGINS = r"(?<![\d.,])"
SIGN = r"(?:(?<![^\s(])-(?=\d))?"
"""A minus that belongs to the number behind it."""


def number_pattern(language: Language) -> str:
    """Matches a written number of a language, separators and decimals included; it begins where a number begins."""
    return _BEGINS + bare_pattern(language)


def bare_pattern(language: Language) -> str:
    """The same behind what is certain to come before a number, such as a currency's symbol."""
    return rf"(?:{_SPACED}(?:,\d{{1,18}})?|{_MARKED})" if language.space_groups else _MARKED


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
