"""Dates, years and times of day."""

from __future__ import annotations

import re

from telephony.text.normalization.language import Language, valid_date
from telephony.text.normalization.rules import Rule, at_digits, ends_text, near_digits

_ISO = re.compile(r"(?<![\w.-])(\d{4})-(\d{2})-(\d{2})(?:T(?=\d{2}:)|(?![\w-]))")
_NUMERIC = re.compile(r"(?<![\w./-])(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?![\w/-])(?!\.\d)")
_TIME = re.compile(r"(?<![\w:.,])(\d{1,2})(?::(\d{2})(?::(\d{2}))?)?\s?([aApP])\.?\s?[mM](?:\b\.?)(?!\w)|"
                   r"(?<![\w:.,])(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s?h(?:rs|s)?\b)?(?![\w:])(?!,\d)")  # fmt: skip
# Of a day, a month or a year. Longer numbers are no calendar's, and Python refuses to convert the longest.
_MAX_DIGITS = 4
PIVOT = 50
"""From this year on, years of two digits are those of the last century: callers tell when they were born."""


def rules(language: Language) -> list[Rule]:
    """Dates of numbers, most exact form first."""

    def iso(match: re.Match[str]) -> str | None:
        return date(int(match[3]), int(match[2]), int(match[1]), language)

    def numeric(match: re.Match[str]) -> str | None:
        return numeric_date(match[1], match[3], match[4], language)

    return [
        at_digits("date", _ISO, iso, "-"),
        at_digits("date", _NUMERIC, numeric, "./-"),
        near_digits("date", _short_date(language), lambda match: _short(match, language), "/"),
    ]


def time_rules(language: Language) -> list[Rule]:
    """Times of day with a colon, or with "a.m." and "p.m."."""
    return [at_digits("time", _TIME, lambda match: _time(match, language))]


def date(day: int, month: int, year: int | None, language: Language) -> str | None:
    """A date in words; None if there is no such day."""
    return language.date(day, month, year) if valid_date(day, month, year if year else 2024) else None


def numeric_date(first: str, second: str, year: str, language: Language) -> str | None:
    """A date of three numbers, in the language's order, or in the other where only that is possible."""
    a, b = int(first), int(second)
    full = int(year) + (0 if len(year) > 2 else 2000 if int(year) < PIVOT else 1900)
    orders = [(b, a), (a, b)] if language.month_first else [(a, b), (b, a)]
    return next((said for day, month in orders if (said := date(day, month, full, language))), None)


def time(text: str, language: Language) -> str | None:
    """A text that is nothing but a time of day, in words."""
    match = _TIME.fullmatch(text.strip())
    return _time(match, language) if match else None


def _short_date(language: Language) -> re.Pattern[str]:
    return re.compile(
        rf"(?<!\w)((?:{language.date_words})\s)?(?<![\d./,-])(\d{{1,2}})/(\d{{1,2}})(?![\w/]|[.,]\d)", re.IGNORECASE
    )


def _short(match: re.Match[str], language: Language) -> str | None:
    """A day and a month: only behind a word that says so, or with the zero that fractions never have."""
    if not match[1] and "0" not in (match[2][0], match[3][0]):
        return None
    first, second = int(match[2]), int(match[3])
    day, month = (second, first) if language.month_first else (first, second)
    said = date(day, month, None, language)
    return f"{match[1] or ''}{said}" if said else None


def _time(match: re.Match[str], language: Language) -> str | None:
    hour, minute, second = (
        int(part) if part else 0 for part in (match.group(1, 2, 3) if match[1] else match.group(5, 6, 7))
    )
    half = f"{match[4].lower()}m" if match[4] else ""
    if hour > (12 if half else 24) or minute > 59 or second > 59 or (half and not hour):
        return None
    exact = language.exact_clock(hour, minute, second, half)
    said = exact if second else language.clock(hour, minute, half)
    # "at 3 p.m." ends its sentence with the same stop.
    return f"{said}." if ends_text(match) else said


def as_laid_out(text: str, layout: str, language: Language) -> str | None:
    """A date of numbers whose order is given ("mdy", "dmy", "ymd", "md", "dm"); None for any other text."""
    parts = re.findall(r"\d+", text)
    if not layout or set(layout) - set("dmy") or len(parts) != len(layout):
        return None
    if any(len(part) > _MAX_DIGITS for part in parts):
        return None
    numbers = dict(zip(layout, map(int, parts), strict=True))
    if "d" not in numbers or "m" not in numbers:
        return None
    year = numbers.get("y")
    if year is not None and year < 100:
        year += 2000 if year < PIVOT else 1900
    return date(numbers["d"], numbers["m"], year, language)
