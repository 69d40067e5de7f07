"""Dates, years, and times of day with halves and quarters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telephony.text.normalization.hindi import tables
from telephony.text.normalization.hindi.words import LETTER
from telephony.text.normalization.language import valid_date
from telephony.text.normalization.rules import Rule, alternatives, at_digits, near_digits

if TYPE_CHECKING:
    from telephony.text.normalization.hindi import Hindi

_DAY = "सुबह|दोपहर|शाम|रात|तड़के|सवेरे"
_NAMED = re.compile(
    rf"(?<![\w.,:/-])(\d{{1,2}})(?:\s?[-–]\s?(\d{{1,2}}))?\s({alternatives(tables.MONTHS)})(?![{LETTER}])(?:,?\s((?:1[1-9]|20)\d\d)(?![\w]|[.,:/]\d))?"
)
_MONTH_YEAR = re.compile(rf"(?<![{LETTER}])({alternatives(tables.MONTHS)})\s((?:1[1-9]|20)\d\d)(?![\w]|[.,:/]\d)")
_YEAR = re.compile(
    rf"(?<![{LETTER}])(सन्|सन|साल|वर्ष|संवत)\s(1[1-9]\d\d)(?![\w]|[.,:/]\d)|(?<![\w.,/₹$-])(1[1-9]\d\d)(?=\s(?:में|से|तक|के|की|का)(?![{LETTER}])(?!\s(?:रुप|बजे|लोग)))"
)
_SHORT = re.compile(rf"(?<![\w./,-])(\d{{1,2}})/(\d{{1,2}})(?![\w/]|[.,]\d)(?=\s(?:को|तक|से|के)(?![{LETTER}]))")
_CLOCK = re.compile(
    rf"(?:(?<![{LETTER}])({_DAY})\s(?:के\s|को\s)?)?(?<![\w:.,/])(\d{{1,2}})(?::([0-5]\d)|\.([0-5]\d)(?=\s?बजे))?(?::[0-5]\d)?(?:\s?([aApP])\.?\s?[mM]\.?(?!\w)|(?=\s?बजे)|(?<=:\d\d))(?:\s?(बजे|बजकर))?(?![{LETTER}:])"
)
_RANGE = re.compile(
    rf"(?<![\w:.,/])(\d{{1,2}})(?::([0-5]\d))?\s?(?:[-–]|से)\s?(\d{{1,2}})(?::([0-5]\d))?(?:\s?(बजे)(?![{LETTER}])|(?<=:\d\d))(?![\w:])"
)


def part_of_day(hour: int) -> str:
    """The part of the day of an hour from 0 to 24."""
    if 4 <= hour < 12:
        return "सुबह"
    if 12 <= hour < 16:
        return "दोपहर"
    return "शाम" if 16 <= hour < 20 else "रात"


def hours(hour: int, minute: int, language: Hindi) -> str:
    """A time of twelve hours with its word: quarters and halves have words of their own."""
    if minute == 30:
        return f"{ {1: 'डेढ़', 2: 'ढाई'}.get(hour) or f'साढ़े {language.cardinal(hour)}' } बजे"
    if minute == 15:
        return f"सवा {language.cardinal(hour)} बजे" if hour != 1 else "सवा बजे"
    if minute == 45:
        following = hour % 12 + 1
        return f"पौने {language.cardinal(following)} बजे" if following != 1 else "पौन बजे"
    if minute:
        return f"{language.cardinal(hour)} बजकर {language.cardinal(minute)} मिनट"
    return f"{language.cardinal(hour)} बजे"


def rules(language: Hindi) -> list[Rule]:
    """Dates with the name of a month, and years before 2000."""

    def named(match: re.Match[str]) -> str | None:
        day, last, month = int(match[1]), match[2], tables.MONTHS[match[3]]
        if not valid_date(day, month, 2024) or (last and not valid_date(int(last), month, 2024)):
            return None
        days = f"{language.cardinal(day)} से {language.cardinal(int(last))}" if last else language.cardinal(day)
        name = match[3] if not match[3].endswith(".") else language.month(month)
        return f"{days} {name}{f' {language.year(int(match[4]))}' if match[4] else ''}"

    def month_year(match: re.Match[str]) -> str:
        return f"{match[1]} {language.year(int(match[2]))}"

    def year(match: re.Match[str]) -> str:
        return f"{match[1]} {language.year(int(match[2]))}" if match[1] else language.year(int(match[3]))

    def short(match: re.Match[str]) -> str | None:
        day, month = int(match[1]), int(match[2])
        return language.date(day, month, None) if valid_date(day, month, 2024) else None

    return [
        at_digits("date", _NAMED, named),
        near_digits("date", _MONTH_YEAR, month_year),
        near_digits("year", _YEAR, year),
        at_digits("date", _SHORT, short),
    ]


def time_rules(language: Hindi) -> list[Rule]:
    """Times of day, and ranges of them."""

    def between(match: re.Match[str]) -> str | None:
        hour, minute, last, minute2, named = match.groups()
        if int(hour) > 24 or int(last) > 24 or not (named or (minute and minute2)):
            return None
        before = match.string[max(0, match.start() - 10) : match.start()]
        day = re.search(rf"(?:{_DAY})\s$", before) is not None
        first = hours(int(hour) % 12 or 12, int(minute or 0), language).removesuffix(" बजे")
        late = int(last) > 12
        parts = ("" if day or not late else part_of_day(int(hour)) + " ", part_of_day(int(last)) + " " if late else "")
        return f"{parts[0]}{first} से {parts[1]}{hours(int(last) % 12 or 12, int(minute2 or 0), language)}"

    def clock(match: re.Match[str]) -> str | None:
        day, hour, minute, half = match[1], int(match[2]), int(match[3] or match[4] or 0), match[5]
        if hour > 24 or minute > 59:
            return None
        if day:
            return f"{day} {hours(hour % 12 or 12, minute, language)}"
        return language.clock(hour, minute, f"{half.lower()}m" if half else "")

    return [near_digits("times", _RANGE, between), near_digits("time", _CLOCK, clock)]
