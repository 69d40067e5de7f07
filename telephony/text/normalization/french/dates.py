"""Dates with full stops and without a year: "le 31.12.", and two dates that a stroke joins."""

from __future__ import annotations

import re

from telephony.text.normalization.language import month_names, valid_date
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, alternatives, ends_text, near_digits

_STOPPED = re.compile(
    r"(?<!\w)((?:le|du|au|dès le|jusqu'au)\s)(\d{1,2})\.(?:(\d{1,2})\.|(0[1-9]|1[0-2]))(?![\w%€$°]|[.,:]?\d|\s?[%€$°])"
)

_BIRTH = re.compile(r"(?<!\w)((?:[nN]ée?s?|[nN]aissance)\s?:?\s(?:le\s)?\d{1,2}([/.-])\d{1,2}\2)(\d\d)(?![\w/-]|\.\d)")
_YOUNGEST = 30
_YEARS = re.compile(
    r"(?:(?<!\w)(entre)\s)?(?<![\w.,/-])((?:1[1-9]|20)\d\d)\s?[-–]\s?((?:1[1-9]|20)\d\d)(?![\w/-]|[.,]\d)"
)


def rules(language: RomanceGrammar) -> list[Rule]:
    """Behind an article a number with full stops is a day and its month."""

    def stopped(match: re.Match[str]) -> str | None:
        day, month = int(match[2]), int(match[3] or match[4])
        if not valid_date(day, month, 2024):
            return None
        return f"{match[1]}{language.date(day, month, None)}{'.' if ends_text(match) else ''}"

    names = {name.lower(): number for number, name in month_names(language.locale).items()} | dict(language.months)
    day = rf"(\d{{1,2}})(?:er)?\s({alternatives(names)})\.?(?!\w)"
    named = re.compile(rf"(?:(?<!\w)(du|entre)\s)?(?<![\w.,/:-]){day}\s?[-–]\s?{day}", re.IGNORECASE)
    numbered = re.compile(
        r"(?:(?<!\w)(du)\s)?(?<![\w.,/:-])(\d{1,2})/(\d{1,2})\s?[-–]\s?(\d{1,2})/(\d{1,2})(?![\w/-]|[.,]\d)"
    )

    def span(match: re.Match[str]) -> str | None:
        months = [int(month) if month.isdecimal() else names[month.lower()] for month in match.group(3, 5)]
        days = [(int(day), month) for day, month in zip(match.group(2, 4), months, strict=True)]
        if not all(valid_date(day, month, 2024) for day, month in days):
            return None
        first, last = (language.date(day, month, None) for day, month in days)
        stop = "." if ends_text(match) else ""
        return f"entre {first} et {last}{stop}" if match[1] == "entre" else f"du {first} au {last}{stop}"

    def years(match: re.Match[str]) -> str | None:
        first, last = language.year(int(match[2])), language.year(int(match[3]))
        if int(match[2]) >= int(match[3]):
            return None
        return f"entre {first} et {last}" if match[1] else f"{first} {language.to} {last}"

    return [
        # Nobody who is born in this century says so with two figures that could be of the last one.
        near_digits(
            "birth",
            _BIRTH,
            lambda match: f"{match[1]}{19 if int(match[3]) > _YOUNGEST else 20}{match[3]}",
            ("né", "naissance"),
        ),
        near_digits("years", _YEARS, years, "-–"),
        near_digits("dates", named, span, "-–"),
        near_digits("dates", numbered, span, "/"),
        near_digits("date", _STOPPED, stopped, ("le ", "du ", "au ")),
    ]
