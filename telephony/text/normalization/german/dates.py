"""Ordinals and dates in the case that the word before them asks for, and times of day."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telephony.text.normalization.german import tables
from telephony.text.normalization.language import month_names, valid_date
from telephony.text.normalization.rules import Rule, alternatives, at_digits, ends_text, near_digits, near_words

if TYPE_CHECKING:
    from telephony.text.normalization.german import German

_CONTEXT_CHARS = 60
_RANGE = re.compile(r"(?<![\w.,-])(\d{1,2})\.\s?[-–]\s?(?=\d{1,2}\.)")
_RANGE_IN_FULL = re.compile(r"(?<=\d\.\d{4})\s?[-–]\s?(?=\d{1,2}\.\d{1,2}\.)|(?<=\d\.\d\d\.)\s?[-–]\s?(?=\d{1,2}\.\d)")
_NUMERIC = re.compile(r"(?<![\w./-])(\d{1,2})\.\s?(\d{1,2})\.(?:\s?(\d{4}|\d{2})(?![\w/-]|[.,:]\d))?(?![\d])")
_JOINED = r"(?:\d{1,3}\.(?:\s?\w+)?\.?(?:,|\s(?:bis|und|oder|bis zum|auf den))\s)"
_EXPIRES = re.compile(
    r"(?<!\w)((?i:gültig|ablauf|ablaufdatum|läuft)\b[^.!?\d]{0,25}\s)(0[1-9]|1[0-2])/(\d\d)(?![\w/]|[.,]\d)"
)
_STEM = re.compile(
    rf"(?:(?<!\w)(\w+)\s)?(?<!\w)(am|im|vom|zum|zur|beim|ins|ans|der|die|das|dem|den|des|bis|für|ab|seit|nach|vor|gegen|"
    rf"(?:ein|kein|mein|dein|sein|ihr|unser|euer|eur|dies|jed)(?:e[nmrs]?)?)\s(?:\w+(?:tag|woch|abend),?\s(?:den\s)?)?{_JOINED}{{0,4}}$",
    re.IGNORECASE,
)
_GOVERNS_DATIVE = frozenset(
    "in an auf mit bei von zu aus nach vor ab seit während wegen unter neben hinter zwischen über ende "
    "anfang mitte".split()
)
_SPAN = re.compile(
    r"(?<![\w:.,/-])(\d{1,2})(?:[:.]([0-5]\d))?(?:\s?Uhr)?\s?[-–]\s?(\d{1,2})(?:[:.]([0-5]\d))?(?:\s?(Uhr)|(?<=\d[:.]\d\d))(?![\w:]|[.,]\d)"
)
_DAY_HOURS = re.compile(
    r"(?<=tag\s)(\d{1,2})\s?[-–]\s?(\d{1,2})(?:\sUhr)?(?![\w:.-])|(?<=woch\s)(\d{1,2})\s?[-–]\s?(\d{1,2})(?:\sUhr)?(?![\w:.-])"
)
_TIME = re.compile(
    r"(?<![\w:.,/])(\d{1,2})(?:([:.])([0-5]\d)(?::([0-5]\d))?)?\s?(?:Uhr(?:\s([0-5]?\d)(?!\w|[.,]\d))?|(?<=\d\d)h)(?!\w)"
)
_AT_TIME = re.compile(
    r"(?<!\w)((?:um|ab|bis|gegen|von|vor|nach)\s)(\d{1,2})\.([0-5]\d)(?![\w%€]|[.,:]\d|\s?[%€]|\s(?:Euro|Meter|Kilo))"
)
_YEARS = (
    "Jahr|Jahre|Jahren|seit|im|anno|von|bis|Baujahr|Ende|Anfang|Mitte|Sommer|Winter|Herbst|Frühling|Jahrgang|geboren|in|"
    "nach|vor|um|ab|und"
)
_DECADE = re.compile(r"(?<![\w.,])(\d{2}|1[1-9]\d\d|20\d\d)er(n)?(?!\w)")


def rules(language: German) -> list[Rule]:
    """Dates and ordinals, which end as their case asks for."""
    by_name = {name: number for number, name in month_names(language.locale).items()} | dict(language.months)
    months = alternatives(by_name)
    named = re.compile(
        rf"(?<![\w.,:-])(\d{{1,2}})\.\s?({months})(?!\w)(\.?)(?:,?\s((?:1[1-9]|20)\d\d)(?![\w%]|[.,:]\d))?"
    )
    month_year = re.compile(rf"(?<!\w)({months})\.?\s((?:1[1-9]|20)\d\d)(?![\w%]|[.,:]\d)")
    ordinal = re.compile(
        rf"(?<![\w.,:/-])(\d{{1,4}})\.(?=\s?(?:{tables.ORDINAL_NOUNS})(?!\w)|\s(?:bis|und|oder)\s(?:zum\s)?\d{{1,2}}\.|\s[a-zäöüA-ZÄÖÜ])"
    )

    def ending(match: re.Match[str], noun: str = "") -> str | None:
        before = match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]
        stem = _STEM.search(before)
        if stem is None:
            return None
        word, governor = stem[2].lower(), (stem[1] or "").lower()
        if word == "bis" and re.search(r"(?:\d\.|ter)\sbis\s$", before):
            return "er"
        if word in ("der", "die", "das"):
            return "en" if word == "der" and governor in _GOVERNS_DATIVE else "e"
        if word in ("ab", "seit", "nach", "vor"):
            return "em" if noun else "en"
        if word in ("ein", "kein", "mein", "dein", "sein", "ihr", "unser", "euer"):
            return "es" if noun in tables.NEUTER else "er"
        return "e" if re.fullmatch(r"(?:ein|kein|mein|dein|sein|ihr|unser|eur|dies|jed)e", word) else "en"

    def expiry(match: re.Match[str]) -> str:
        return f"{match[1]}{language.month(int(match[2]))} {language.year(2000 + int(match[3]))}"

    def with_name(match: re.Match[str]) -> str | None:
        day, month = int(match[1]), by_name[match[2]]
        if not valid_date(day, month, 2024):
            return None
        said = f"{language.ordinal_with(ending(match, match[2]) or 'er', day)} {language.month(month)}"
        if match[4]:
            return f"{said} {language.year(int(match[4]))}"
        return said + ("." if match[3] and ends_text(match) else "")

    def numeric(match: re.Match[str]) -> str | None:
        day, month, year = int(match[1]), int(match[2]), match[3]
        if not valid_date(day, month, 2024):
            return None
        said = f"{language.ordinal_with(ending(match, 'Tag') or 'er', day)} {language.month(month)}"
        if not year:
            return said + ("." if ends_text(match) else "")
        full = int(year) + (0 if len(year) > 2 else 2000 if int(year) < 70 else 1900)
        return f"{said} {language.year(full)}"

    def name_and_year(match: re.Match[str]) -> str:
        return f"{language.month(by_name[match[1]])} {language.year(int(match[2]))}"

    def counted(match: re.Match[str]) -> str | None:
        following = match.string[match.end() : match.end() + 40].strip()
        noun = re.match(r"\w+", following)
        listed = noun is not None and re.match(r"(?:bis|und|oder)\s(?:zum\s)?\w+t(?:er|en)\s", following) is not None
        named = noun is not None and re.fullmatch(tables.ORDINAL_NOUNS, noun.group()) is not None
        found = ending(match, noun.group() if noun else "")
        if found is None and not (named or listed):
            return None
        if found is None:
            feminine = named and noun is not None and language.is_feminine(noun.group())
            found = "e" if feminine else "es" if noun is not None and noun.group() in tables.NEUTER else "er"
        return language.ordinal_with(found, int(match[1])) if int(match[1]) else None

    return [
        near_digits("expiry", _EXPIRES, expiry),
        at_digits("days", _RANGE, lambda match: f"{match[1]}. bis "),
        near_digits("dates", _RANGE_IN_FULL, lambda match: " bis "),
        at_digits("date", named, with_name),
        at_digits("date", _NUMERIC, numeric),
        near_digits("month", month_year, name_and_year),
        at_digits("ordinal", ordinal, counted),
    ]


def time_rules(language: German) -> list[Rule]:
    """Times of day, and ranges of them."""

    def between(match: re.Match[str]) -> str | None:
        first, second, last, minute, named = match.groups()
        if int(first) > 24 or int(last) > 24 or (not named and not (second and minute)):
            return None
        low = language.clock(int(first), int(second), "") if second and int(second) else language.cardinal(int(first))
        return f"{low} bis {language.clock(int(last), int(minute or 0), '')}"

    def hours(match: re.Match[str]) -> str:
        first, last = (match[1], match[2]) if match[1] else (match[3], match[4])
        return f"{language.cardinal(int(first))} bis {language.clock(int(last), 0, '')}"

    def at(match: re.Match[str]) -> str | None:
        hour, minute, second = int(match[1]), match[3] or match[5], match[4]
        if hour > 24:
            return None
        if second:
            return language.exact_clock(hour, int(minute or 0), int(second), "")
        return language.clock(hour, int(minute or 0), "")

    def dotted(match: re.Match[str]) -> str | None:
        return match[1] + language.clock(int(match[2]), int(match[3]), "") if int(match[2]) < 25 else None

    return [
        at_digits("times", _SPAN, between),
        at_digits("times", _DAY_HOURS, hours),
        at_digits("time", _TIME, at),
        near_words("time", _AT_TIME, dotted, ("um", "ab", "bis", "gegen", "von", "vor", "nach")),
    ]


def year_rules(language: German) -> list[Rule]:
    """Years before 2000, which are counted in hundreds, and decades."""
    year = re.compile(
        rf"(?<!\w)((?:{_YEARS})\s)(1[1-9]\d\d)(?![\w%€$]|[.,:]\d|\s?[€$%]|\s(?:Euro|Meter|Kilometer|Stück|Kilo))"
    )

    def decade(match: re.Match[str]) -> str | None:
        number = int(match[1])
        return f"{language.year(number)}er{match[2] or ''}" if number % 10 == 0 else None

    return [
        near_digits("year", year, lambda match: match[1] + language.year(int(match[2]))),
        at_digits("decade", _DECADE, decade),
    ]
