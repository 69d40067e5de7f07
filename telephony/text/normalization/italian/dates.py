"""Dates with a full stop, spans of days, and years of two digits behind their month."""

from __future__ import annotations

import re

from telephony.text.normalization.italian import tables
from telephony.text.normalization.language import month_names, valid_date
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, alternatives, at_digits, near_digits, near_words

_DATE = re.compile(
    rf"(?<!\w)((?:il|al|dal|del|data|{alternatives(tables.WEEKDAYS.values())})\s)([0-3]?\d)\.(0[1-9])(?![\w/]|[.,:-]\d|\s?[€%])",
    re.IGNORECASE,
)
_DATES = re.compile(r"(?<![\w./-])(\d{1,2})/(\d{1,2})\s?[-–]\s?(\d{1,2})/(\d{1,2})(?![\w/]|[.,]\d)")
_MONTHS_NAMED = {**{name: number for number, name in month_names("it").items()}, **tables.MONTHS}
_NAMED_DATES = re.compile(
    rf"(?<![\w./-])(\d{{1,2}})[°º]?\s({alternatives(_MONTHS_NAMED)})\.?\s?[-–]\s?"
    rf"(\d{{1,2}})\s({alternatives(_MONTHS_NAMED)})(?!\w)(?:\.(?=[,;)]|\s[a-zà-ÿ\d]))?",
    re.IGNORECASE,
)
_GIVEN = re.compile(r"(?<!\w)(?:dal|dall'|al|tra|fra)\s?$", re.IGNORECASE)
_THE_DAYS = re.compile(
    rf"(?<!\w)il\s(\d{{1,2}})\s?[-–]\s?(\d{{1,2}})(?=\s(?:{alternatives(month_names('it').values())})(?!\w))",
    re.IGNORECASE,
)
_MONTH_OF_YEAR = re.compile(
    rf"(?<!\w)({alternatives(tables.MONTHS)}|{alternatives(month_names('it').values())})\.?\s'(\d\d)(?!\w)"
)
_LEAP_YEAR = 2024
# Days that begin with a vowel.
_ELIDED = frozenset((8, 11))
_CONTEXT_CHARS = 8
_DATE_AND_HOUR = re.compile(r"(?<![\w.,/-])(\d{1,2})/(\d{1,2})(?=,?\s(?:(?:ore|h|d?alle)\s\d|mattina|pomeriggio))")


def rules(language: RomanceGrammar) -> list[Rule]:
    """Dates that other languages do not write so."""

    def month_of_year(match: re.Match[str]) -> str:
        year = int(match[2]) + (2000 if int(match[2]) < 70 else 1900)
        number = tables.MONTHS.get(match[1])
        return f"{language.month(number) if number else match[1]} {language.year(year)}"

    def date(match: re.Match[str]) -> str | None:
        day, month = int(match[2]), int(match[3])
        return match[1] + language.date(day, month, None) if valid_date(day, month, _LEAP_YEAR) else None

    def with_hour(match: re.Match[str]) -> str | None:
        day, month = int(match[1]), int(match[2])
        return language.date(day, month, None) if valid_date(day, month, _LEAP_YEAR) else None

    def from_to(first: int, last: int, said: list[str]) -> str:
        begin, to = ("dall'" if first in _ELIDED else "dal "), ("all'" if last in _ELIDED else "al ")
        return f"{begin}{said[0]} {to}{said[1]}"

    def dates(match: re.Match[str]) -> str | None:
        first, last = [(int(match[1]), int(match[2])), (int(match[3]), int(match[4]))]
        if not (valid_date(*first, _LEAP_YEAR) and valid_date(*last, _LEAP_YEAR)):
            return None
        said = [language.date(*day, None) for day in (first, last)]
        return from_to(first[0], last[0], said)

    def named_dates(match: re.Match[str]) -> str | None:
        days, months = (int(match[1]), int(match[3])), match.group(2, 4)
        context = match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]
        if _GIVEN.search(context) or not all(1 <= day <= 31 for day in days):
            return None
        said = [language.date(day, _MONTHS_NAMED[name.lower()], None) for day, name in zip(days, months, strict=True)]
        return from_to(*days, said)

    def the_days(match: re.Match[str]) -> str:
        first, last = int(match[1]), int(match[2])
        if last != first + 1:
            return language.day_range(first, last, preceded=False)
        return f"il {language.day(first)} {'e l' + chr(39) if last in _ELIDED else 'e il '}{language.day(last)}"

    return [
        near_digits("dates", _THE_DAYS, the_days, "-–"),
        at_digits("dates", _DATES, dates, ("/",)),
        at_digits("dates", _NAMED_DATES, named_dates, "-–"),
        at_digits("date", _DATE_AND_HOUR, with_hour, ("/",)),
        near_digits("date", _DATE, date, (".",)),
        near_words("month", _MONTH_OF_YEAR, month_of_year, ("'",)),
    ]
