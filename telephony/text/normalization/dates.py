"""Dates, years and times of day."""

from __future__ import annotations

import re

from telephony.text.normalization.english import English
from telephony.text.normalization.language import Language, month_names, valid_date
from telephony.text.normalization.rules import Rule, alternatives

_ISO = re.compile(r"(?<![\w.-])(\d{4})-(\d{2})-(\d{2})(?:T(?=\d{2}:)|(?![\w-]))")
_NUMERIC = re.compile(r"(?<![\w./-])(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?![\w/-])(?!\.\d)")
_TIME = re.compile(r"(?<![\w:.,])(\d{1,2})(?::(\d{2})(?::(\d{2}))?)?\s?([aApP])\.?\s?[mM](?:\b\.?)(?!\w)|"
                   r"(?<![\w:.,])(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s?h(?:rs|s)?\b)?(?![\w:])(?!,\d)")  # fmt: skip
_HOURS = re.compile(r"(?<![\w:.,])(\d{1,2})\s?(?:h|H|hs)(?:\s?([0-5]\d)(?:\s?(?:min|m))?)?(?![\w/:])")
_ENGLISH_DECADE = re.compile(r"(?<![\w.,])'?((?:1[1-9]|20)?\d0)'?s(?!\w)")
_YEAR_WORDS = (
    r"in|since|until|till|by|from|year|during|before|after|of|between|around|circa|early|late|mid|class of|and|to"
)
_ENGLISH_YEAR = re.compile(
    r"(?<![\w.,/$€£#-])(?:(?<=(?i:\bin) )|(?<=(?i:\bsince) )|(?<=(?i:\bof) )|(?<=(?i:\byear) )|(?<=(?i:\bby) )|"
    r"(?<=(?i:\bfrom) )|(?<=(?i:\buntil) ))(1[1-8]\d\d)(?![\w%°]|[.,:/]\d|-\d)"
)  # fmt: skip
_RECENT_YEAR = re.compile(r"(?<![\w.,/$€£#-])((?:19|20)\d\d)(?![\w%°]|[.,:/]\d|-\d)")
# Of a day, a month or a year. Longer numbers are no calendar's, and Python refuses to convert the longest.
_MAX_DIGITS = 4
_ROMANCE_FIRST = r"(?<![\w.,/-])1(?:º|°|\.º|er|ro)?(?=\s(?:de\s)?(?:{months})\b)"


def rules(language: Language) -> list[Rule]:
    """Dates and times, most exact form first."""

    def iso(match: re.Match[str]) -> str | None:
        return date(int(match[3]), int(match[2]), int(match[1]), language)

    def numeric(match: re.Match[str]) -> str | None:
        return numeric_date(match[1], match[3], match[4], language)

    def hours(match: re.Match[str]) -> str | None:
        hour, minute = int(match[1]), int(match[2] or 0)
        if hour > 24 or isinstance(language, English):
            return None
        return language.clock(hour, minute, "")

    written = _english(language) if isinstance(language, English) else _romance(language)
    return [
        Rule(_ISO, iso),
        Rule(_NUMERIC, numeric),
        Rule(_short_date(language), lambda match: _short(match, language)),
        *written,
        Rule(_TIME, lambda match: _time(match, language)),
        Rule(_HOURS, hours),
    ]


def date(day: int, month: int, year: int | None, language: Language) -> str | None:
    """A date in words; None if there is no such day."""
    return language.date(day, month, year) if valid_date(day, month, year if year else 2024) else None


def numeric_date(first: str, second: str, year: str, language: Language) -> str | None:
    """A date of three numbers, in the language's order, or in the other where only that is possible."""
    a, b = int(first), int(second)
    full = int(year) + (0 if len(year) > 2 else 2000 if int(year) < 70 else 1900)
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


def _english(language: English) -> list[Rule]:
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
        Rule(month_day, after_month),
        Rule(day_month, before_month),
        Rule(month_year, lambda match: f"{name(match[1])}{match[2]}{language.year(int(match[3]))}"),
        Rule(year_range, lambda match: f"{language.year(int(match[1]))} to {language.year(int(match[2]))}"),
        Rule(_ENGLISH_DECADE, lambda match: language.decade(int(match[1]))),
    ]


def year_rules(language: Language) -> list[Rule]:
    """Bare years; after the codes, amounts and units that four digits may be."""
    if not isinstance(language, English):
        return []
    english = language
    return [
        Rule(_ENGLISH_YEAR, lambda match: english.year(int(match[1]))),
        Rule(_RECENT_YEAR, lambda match: english.year(int(match[1]))),
    ]


def _romance(language: Language) -> list[Rule]:
    full = alternatives(month_names(language.locale).values())
    short = alternatives(language.months)
    first = re.compile(_ROMANCE_FIRST.format(months=f"{full}|{short}"), re.IGNORECASE)
    shortened = re.compile(
        rf"(?<=\d)(\s(?:de\s)?)({short})\.?(?!\w)(?=\s(?:de\s|del\s)?\d{{4}}|\s*[.,;!?]|\s*$|\s)", re.IGNORECASE
    )
    ordinal = re.compile(r"[º°r]|1er")

    def first_day(match: re.Match[str]) -> str:
        return language.ordinal(1) if ordinal.search(match.group()) else language.day(1)

    def month(match: re.Match[str]) -> str:
        ends = match.group().endswith(".") and not match.string[match.end() :].strip("\"') ")
        return f"{match[1]}{language.month(language.months[match[2].lower()])}{'.' if ends else ''}"

    return [Rule(shortened, month), Rule(first, first_day)]


def _time(match: re.Match[str], language: Language) -> str | None:
    hour, minute, second = (
        int(part) if part else 0 for part in (match.group(1, 2, 3) if match[1] else match.group(5, 6, 7))
    )
    half = f"{match[4].lower()}m" if match[4] else ""
    if hour > (12 if half else 24) or minute > 59 or second > 59 or (half and not hour):
        return None
    said = language.clock(hour, minute, half)
    if match[3] or match[7]:
        said = f"{said} {language.seconds(second)}" if second else said
    # "at 3 p.m." ends its sentence with the same stop.
    ends = match.group().endswith(".") and not match.string[match.end() :].strip("\"') ")
    return f"{said}." if ends else said


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
        year += 2000 if year < 70 else 1900
    return date(numbers["d"], numbers["m"], year, language)
