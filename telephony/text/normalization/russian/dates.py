"""Dates, years and times in the case that the word before them asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telephony.text.normalization.language import Written, month_names, valid_date
from telephony.text.normalization.rules import Rule, alternatives, at_digits, ends_text, near_digits
from telephony.text.normalization.russian import numerals, tables

if TYPE_CHECKING:
    from telephony.text.normalization.russian import Russian

_NUMERIC = re.compile(r"(?<![\w./-])(\d{1,2})\.(\d{1,2})(?:\.(\d{4}|\d{2}))(?![\w/-]|[.,:]\d)(?:\s(?:года|г\.))?")
_EXPIRES = re.compile(
    r"(?<!\w)((?i:действует|действительна|срок)[^.!?\d]{0,25}\s)(0[1-9]|1[0-2])/(\d\d)(?![\w/]|[.,]\d)"
)
_SHORT = re.compile(
    r"(?<!\w)((?:до|с|по|от|к|на|после|пн|вт|ср|чт|пт|сб|вс|\w+ник|\w+рг|среда|среду|пятниц[ау]|суббот[ау]|воскресенье),?\s)(\d{2})\.(0[1-9]|1[0-2])(?![\w.]|[.,:]\d|\s?[%₽$€])"
)
_GOVERNS = re.compile(r"(?<!\w)(по|на|к|ко|сегодня|завтра|вчера)\s(?:\w+,\s)?$", re.IGNORECASE)
_CASES = {"по": "a", "на": "a", "к": "d", "ко": "d", "сегодня": "n", "завтра": "n", "вчера": "n"}
_YEARS = {
    "год": "n", "года": "g", "году": "p", "годом": "i", "годе": "p", "годов": "g", "годы": "n", "годах": "p",
    "годам": "d",
}  # fmt: skip
_YEAR = re.compile(
    rf"(?:(?<!\w)(в|во|к|ко|с|по|до|за|на|от|из)\s)?(?<![\w.,/-])((?:1\d|20)\d\d)(?:(\s?[-–—]\s?|\sпо\s|\sи\s)((?:1\d|20)\d\d))?\s({alternatives(_YEARS)})(?!\w)",
    re.I,
)
_RANGE = re.compile(
    r"(?<![\w:.,])(?:(?<!\w)(с)\s)?(\d{1,2})(?:[:.]([0-5]\d))?(?:\s?[-–—]\s?|\s(до|по)\s)(\d{1,2})(?:[:.]([0-5]\d))?(?![\w:]|[.,]\d)(?:\s?(ч\.|ч(?!\w)|час\.|часов(?!\w)))?",
    re.I,
)
_TIME = re.compile(
    r"(?:(?<!\w)(до|с|после|около|к)\s)?(?<![\w:.,])(\d{1,2}):([0-5]\d)(?::([0-5]\d))?(?:\s?(?:ч\.|ч(?!\w)|часов(?!\w)))?(?![\w:])",
    re.I,
)
_DOTTED = re.compile(
    r"(?<!\w)(в|до|с|к|после|около)\s(\d{1,2})\.([0-5]\d)(?![\w%]|[.,:]\d|\s?[%₽$€]|\s(?:руб|тыс|млн))", re.I
)
_O_CLOCK = re.compile(r"(?<!\w)в 1 час(?!\w)", re.I)


def rules(language: Russian) -> list[Rule]:
    """Dates and years."""
    by_name = {name: number for number, name in month_names(language.locale).items()} | tables.MONTHS
    named = re.compile(
        rf"(?<![\w.,:-])(\d{{1,2}})(?:(\s?[-–—]\s?|\sпо\s|\sи\s)(\d{{1,2}}))?\s({alternatives(by_name)})(?!\w)(\.?)"
        rf"(?:,?\s((?:1\d|20)\d\d)(?!\w|[.,:]\d)(?:\s(года|г\.))?)?",
        re.IGNORECASE,
    )
    month_year = re.compile(
        rf"(?<!\w)((?:{alternatives([*tables.MONTHS_ALONE, *month_names(language.locale).values()])}|январе|"
        rf"феврале|марте|апреле|мае|июне|июле|августе|сентябре|октябре|ноябре|декабре)\s)((?:1\d|20)\d\d)(?!\w|[.,:]\d)(?:\s(?:года|г\.))?",
        re.I,
    )

    def case_before(match: re.Match[str]) -> str:
        found = _GOVERNS.search(match.string[max(0, match.start() - 20) : match.start()])
        return _CASES[found[1].lower()] if found else "g"

    def expiry(match: re.Match[str]) -> str:
        return f"{match[1]}{language.month(int(match[2]))} {language.year(2000 + int(match[3]))} года"

    def with_name(match: re.Match[str]) -> str | None:
        day, last, month = int(match[1]), match[3], by_name[match[4].lower()]
        if not valid_date(int(last or day), month, 2024) or not valid_date(day, month, 2024):
            return None
        case = case_before(match)
        gender = "n"
        if last:
            joint = match[2].strip()
            if joint in "-–—":
                before = match.string[max(0, match.start() - 3) : match.start()].lower()
                first = "" if before.endswith(("с ", "со ")) else "с "
                said = f"{first}{numerals.ordinal(day, 'g', gender)} по {numerals.ordinal(int(last), 'a', gender)}"
            elif joint == "по":
                said = f"{numerals.ordinal(day, 'g', gender)} по {numerals.ordinal(int(last), 'a', gender)}"
            else:
                said = f"{numerals.ordinal(day, case, gender)} и {numerals.ordinal(int(last), case, gender)}"
        else:
            said = numerals.ordinal(day, case, gender)
        said = f"{said} {language.month(month)}"
        if match[6]:
            return f"{said} {language.year(int(match[6]))} года"
        return said + ("." if match[5] and ends_text(match) else "")

    def numeric(match: re.Match[str]) -> str | None:
        day, month, year = int(match[1]), int(match[2]), int(match[3])
        year += 0 if len(match[3]) > 2 else 2000 if year < 70 else 1900
        if not valid_date(day, month, year):
            return None
        return f"{numerals.ordinal(day, case_before(match), 'n')} {language.month(month)} {language.year(year)} года"

    def short(match: re.Match[str]) -> str | None:
        day, month = int(match[2]), int(match[3])
        if not valid_date(day, month, 2024):
            return None
        case = _CASES.get(match[1].strip(" ,").lower(), "g")
        return f"{match[1]}{numerals.ordinal(day, case, 'n')} {language.month(month)}"

    def year(match: re.Match[str]) -> str:
        governor, first, joint, last, noun = match.groups()
        case = _YEARS[noun.lower()]
        if case == "p" and governor and governor.lower() in ("к", "ко", "по"):
            case = "d"
        if case == "n" and governor and governor.lower() in ("за", "на", "по"):
            case = "a"
        begin = f"{governor} " if governor else ""
        if last:
            word = "по" if joint.strip() in "-–—" and governor and governor.lower() == "с" else joint.strip()
            if word in "-–—":
                word = "—"
            return f"{begin}{numerals.ordinal(int(first), case)} {word} {numerals.ordinal(int(last), case)} {noun}"
        return f"{begin}{numerals.ordinal(int(first), case)} {noun}"

    def month_and_year(match: re.Match[str]) -> str:
        return f"{match[1]}{language.year(int(match[2]))} года"

    return [
        near_digits("expiry", _EXPIRES, expiry),
        at_digits("date", named, with_name),
        at_digits("date", _NUMERIC, numeric),
        near_digits("date", _SHORT, short),
        near_digits("year", _YEAR, year),
        near_digits("month", month_year, month_and_year),
    ]


def time_rules(language: Russian) -> list[Rule]:
    """Times of day, and ranges of them."""

    def point(hour: int, minute: int, case: str, alone: bool) -> str:
        if minute:
            zero = "" if minute > 9 else f"{numerals.cardinal(0, case)} "
            return f"{numerals.cardinal(hour, case)} {zero}{numerals.cardinal(minute, case)}"
        if alone:
            return numerals.cardinal(hour, case)
        return language.counted_in(case, Written(hour), tables.HOUR)

    def between(match: re.Match[str]) -> str | None:
        begin, hour, minute, _, hour2, minute2, named = match.groups()
        if int(hour) > 24 or int(hour2) > 24 or not ((minute and minute2) or named or (begin and (minute or minute2))):
            return None
        last = point(int(hour2), int(minute2 or 0), "g", alone=False)
        return f"{begin or 'с'} {point(int(hour), int(minute or 0), 'g', alone=True)} до {last}"

    def time(match: re.Match[str]) -> str | None:
        governor, hour, minute, second = match[1], int(match[2]), int(match[3]), match[4]
        if hour > 24:
            return None
        begin = f"{governor} " if governor else ""
        if second:
            return begin + language.exact_clock(hour, minute, int(second), "")
        if not governor:
            return language.clock(hour, minute, "")
        if governor.lower() == "к":
            return f"{begin}{numerals.cardinal(hour, 'd')} {numerals.cardinal(minute, 'd') if minute else 'часам'}"
        return begin + point(hour, minute, "g", alone=False)

    def dotted(match: re.Match[str]) -> str | None:
        return f"{match[1]} {match[2]}:{match[3]}" if int(match[2]) < 25 else None

    return [
        near_digits("one o'clock", _O_CLOCK, lambda match: "в час"),
        near_digits("time", _DOTTED, dotted),
        near_digits("times", _RANGE, between),
        near_digits("time", _TIME, time),
    ]
