"""English dates with names of months, years, decades, days of the week."""

from __future__ import annotations

import re

from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.language import month_names
from telephony.text.normalization.rules import Rule, alternatives, ends_text

_DECADE = re.compile(r"(?<![\w.,])'?((?:1[1-9]|20)?\d0)'?s(?!\w)")
_OLD_YEAR = re.compile(
    r"(?<![\w.,/$€£#-])(?:(?<=(?i:\bin) )|(?<=(?i:\bsince) )|(?<=(?i:\bof) )|(?<=(?i:\byear) )|(?<=(?i:\bby) )|"
    r"(?<=(?i:\bfrom) )|(?<=(?i:\buntil) ))(1[1-8]\d\d)(?![\w%°]|[.,:/]\d|-\d)"
)  # fmt: skip
_RECENT_YEAR = re.compile(r"(?<![\w.,/$€£#-])((?:19|20)\d\d)(?![\w%°]|[.,:/]\d|-\d)")
_WEEKDAY = re.compile(
    r"(?<!\w)(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)"
    r"(?:\.|(?=,?\s(?:at\s)?\d)|(?=,?\s(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)))"
)
_WEEKDAYS = {"Mon": "Monday", "Tue": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Fri": "Friday",
             "Sat": "Saturday", "Sun": "Sunday"}  # fmt: skip


def rules(language: EnglishGrammar) -> list[Rule]:
    """Dates with the name of a month, ranges of years, decades."""
    names = {name: number for number, name in month_names(language.locale).items()}
    by_name = {**names, **language.months, **{f"{short}.": number for short, number in language.months.items()}}
    months = alternatives(by_name)
    ending = r"(?:st|nd|rd|th)?"
    month_day = re.compile(
        rf"(?<!\w)({months})\s(\d{{1,2}}){ending}(?:\s?[-–]\s?(\d{{1,2}}){ending})?(?:(,?)\s(\d{{4}}))?(?![\w%]|[.,:/-]\d)"
    )
    day_month = re.compile(
        rf"(?<![\w.,:/-])((?i:the)\s)?(\d{{1,2}}){ending}\s(of\s)?({months})(?:(,?)\s(\d{{4}}))?(?![\w%]|[.,:/]\d)"
    )
    month_year = re.compile(rf"(?<!\w)({months})(,?\s)(\d{{4}})(?![\w%]|[.,:/-]\d)")
    year_range = re.compile(r"(?<![\w.,/-])((?:1[1-9]|20)\d\d)\s?[-–]\s?((?:1[1-9]|20)\d\d)(?![\w-]|[.,]\d)")

    def name(written: str) -> str:
        return language.month(by_name[written])

    def after_month(match: re.Match[str]) -> str | None:
        days = [int(day) for day in (match[2], match[3]) if day]
        if not all(1 <= day <= 31 for day in days):
            return None
        said = f"{name(match[1])} {' to '.join(language.day(day) for day in days)}"
        return f"{said}, {language.year(int(match[5]))}" if match[5] else said

    def before_month(match: re.Match[str]) -> str | None:
        day, month = int(match[2]), by_name[match[4]]
        if not 1 <= day <= 31:
            return None
        said = f"{match[1] or 'the '}{language.day(day)} of {language.month(month)}"
        return f"{said}, {language.year(int(match[6]))}" if match[6] else said

    return [
        Rule("date", month_day, after_month),
        Rule("date", day_month, before_month),
        Rule("date", month_year, lambda match: f"{name(match[1])}{match[2]}{language.year(int(match[3]))}"),
        Rule("years", year_range, lambda match: f"{language.year(int(match[1]))} to {language.year(int(match[2]))}"),
        Rule("decade", _DECADE, lambda match: language.decade(int(match[1]))),
    ]


def weekday_rules() -> list[Rule]:
    """Shortened days of the week."""
    return [Rule("weekday", _WEEKDAY, lambda match: _WEEKDAYS[match[1][:3]])]


def month_rules(language: EnglishGrammar) -> list[Rule]:
    """Shortened months that stand in no date."""
    pattern = re.compile(rf"(?<!\w)({alternatives(language.months)})\.")

    def month(match: re.Match[str]) -> str:
        return language.month(language.months[match[1]]) + ("." if ends_text(match) else "")

    return [Rule("month", pattern, month)]


def year_rules(language: EnglishGrammar) -> list[Rule]:
    """Bare years; after the codes, amounts and units that four digits may be."""

    def year(match: re.Match[str]) -> str:
        return language.year(int(match[1]))

    return [Rule("year", _OLD_YEAR, year), Rule("year", _RECENT_YEAR, year)]
