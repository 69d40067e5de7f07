"""Spanish dates in letters: months and centuries in Roman numerals, quarters, days by their initials."""

from __future__ import annotations

import re

from telephony.text.normalization.language import valid_date
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, at_digits, near_digits, near_words

_ROMAN_MONTH = re.compile(r"(?<![\w.,/-])(\d{1,2})([-/.])(I{1,3}|IV|VI{0,3}|IX|XI{0,2})\2(\d{4})(?![\w/-])")
_MONTH_ALONE = re.compile(r"(?<=\b(?:[ae]l|ía)\s)(\d{1,2})-(I{1,3}|IV|VI{0,3}|IX|XI{0,2})(?![\w/-])")
_CENTURIES = re.compile(
    r"(?<!\w)(?:(s\.|ss\.|siglos?)\s)([IVX]{1,5})(\s?[-–]\s?|\s(?:y|al?|o)\s(?:el\s)?)([IVX]{1,5})(?!\w)"
)
_QUARTER = re.compile(r"(?<!\w)(?:([1-4])T|[TQ]([1-4]))(?=[\s-](?:del?\s)?20\d\d(?!\d))")
_SHORT = r"\d{1,2}/\d{1,2}(?:/(?:20)?\d\d)?"
_SPAN = re.compile(rf"(?<![\w.,/-])({_SHORT})\s?[-–]\s?({_SHORT})(?![\w/-]|[.,]\d)")
_PRECEDED = re.compile(r"(?<!\w)(?:del?|desde|el|entre)(?:\sel)?\s$", re.IGNORECASE)
_TIME = r"de\s(?:las?\s)?\d{1,2}(?::\d\d)?\s?(?:h|a\s|[-–])|a\slas?\s\d|\d{1,2}(?::\d\d)?\s?(?:h\s?)?[-–]"
_PAIR = re.compile(rf"(?<![\w.-])([LMXJVSD])\s?([y/])\s?([LMXJVSD])(?=:?,?\s(?:{_TIME}))")
_ALONE = re.compile(rf"(?:^|(?<=[,;.]\s)|(?<=\sy\s))([LMXJVSD])(?=:?\s(?:{_TIME}))")


def rules(language: RomanceGrammar) -> list[Rule]:
    """What stands for a month, a century or a quarter."""

    def month(match: re.Match[str]) -> str | None:
        number = language.roman(match[3])
        return None if number is None else f"{match[1]}/{number}/{match[4]}"

    def month_alone(match: re.Match[str]) -> str | None:
        number = language.roman(match[2])
        return None if number is None else f"{match[1]}/{number}"

    def span(match: re.Match[str]) -> str | None:
        days = [[int(number) for number in date.split("/")[:2]] for date in match.groups()]
        if not all(valid_date(day, month, 2024) for day, month in days):
            return None
        preceded = _PRECEDED.search(match.string[max(0, match.start() - 12) : match.start()])
        return f"{'' if preceded else 'del '}{match[1]} al {match[2]}"

    def centuries(match: re.Match[str]) -> str | None:
        numbers = [language.roman(numeral) for numeral in match.group(2, 4)]
        if None in numbers:
            return None
        first, last = (language.century(number).removeprefix("siglo ") for number in numbers if number)
        stroke = match[3].strip() in "-–"
        several = stroke or match[1] in ("ss.", "siglos")
        joint = " a " if stroke else match[3]
        return f"{'siglos' if several else 'siglo'} {first}{joint}{last}"

    def quarter(match: re.Match[str]) -> str:
        return f"{language.ordinal_before(int(match[1] or match[2]), '', 'trimestre')} trimestre"

    return [
        at_digits("date", _ROMAN_MONTH, month),
        at_digits("date", _MONTH_ALONE, month_alone, "-"),
        at_digits("dates", _SPAN, span, "-–"),
        near_words("centuries", _CENTURIES, centuries, ("s. ", "ss. ", "siglo")),
        near_digits("quarter", _QUARTER, quarter, ("t", "q")),
    ]


def initial_rules(language: RomanceGrammar) -> list[Rule]:
    """Days by their initials before a time of day, where they are in no longer list."""

    def days(match: re.Match[str]) -> str:
        return f"{language.weekday_initials[match[1]]} y {language.weekday_initials[match[3]]}"

    return [
        near_digits("weekdays", _PAIR, days),
        near_digits("weekday", _ALONE, lambda match: language.weekday_initials[match[1]]),
    ]
