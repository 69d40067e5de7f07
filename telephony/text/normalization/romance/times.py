"""Times of day with a full stop or an "h", spans of time, zones."""

from __future__ import annotations

import re

from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import (
    Rule,
    alternatives,
    at_digits,
    ends_text,
    first_words,
    near_digits,
    near_words,
)

_HALF = re.compile(r"(?<![\w:.,$])(\d{1,2})\.([0-5]\d)(?=\s?[aApP]\.?\s?[mM]\b)")
_ZONE = re.compile(r"(?<!\w)(GMT|UTC)\s?([+-])\s?(\d{1,2})(?::?([0-5]\d))?(?!\w|[.,:]\d)", re.IGNORECASE)
_ZONE_ALONE = re.compile(r"(?<=[\dh.mM]\s)(GMT|UTC|gmt|utc|CET|CEST|BRT|WET|EDT|PST|PDT|CST|MST|pst)(?!\w)")
_BETWEEN = re.compile(r"(?<!\w)(?:entre|tra|fra)(?:\s(?:as|las|le))?\s$", re.IGNORECASE)
_CONTEXT_CHARS = 24


def range_rules(language: RomanceGrammar) -> list[Rule]:
    """Ranges of times, and times with a full stop, which are given a colon for the rules of times."""
    clock = r"(\d{1,2})(?:([:.]|\s?[hH](?=\d))([0-5]\d)|(?:\s?([hH])(?!\w)))?"
    hours = rf"(?:\s?(?:{language.hour_words})(?!\w)(?:\.(?=[,;]|\s[a-z]))?)?"
    prefix = rf"(?:(?<!\w)(?:{language.hours_prefix})\s)?"
    span = re.compile(rf"{prefix}(?<![\w:.,/+$€-]){clock}\s?[-–]\s?{clock}{hours}(?![\w:/-]|[.,]\d|\s?[%€$°])")
    dotted = re.compile(
        rf"(?<!\w)((?:{language.time_words})(?:\s|(?<=')))(\d{{1,2}})\.([0-5]\d)(?![\w%€$°]|[.,:]\d|\s?[%€$°])", re.I
    )
    dotted_hours = re.compile(rf"(?<![\w:.,$€])(\d{{1,2}})\.([0-5]\d)(?=\s?(?:{language.hour_words})(?!\w))")
    days = alternatives({*language.weekdays, *language.weekdays.values()})
    opened = re.compile(
        rf"(?<!\w)(?:{language.opening_words}|{days}):?\s(?:\d{{1,2}}-\d{{1,2}}\s(?:{language.and_words})\s)?$",
        re.IGNORECASE,
    )
    counted = re.compile(rf"\s(?:{language.no_hour_words})(?!\w)")
    due = re.compile(
        rf"(?<!\w)(?:{days}|{language.time_words}|{language.range_words}|{language.opening_words})\b[^\d!?]{{0,12}}$",
        re.I,
    )
    preceded = re.compile(rf"(?<!\w)(?:{language.range_words}|{language.time_words})\s$", re.I)

    def between(match: re.Match[str]) -> str | None:
        hour, mark, minute, bare, hour2, mark2, minute2, bare2 = match.groups()
        if int(hour) > 24 or int(hour2) > 24 or counted.match(match.string, match.end()):
            return None
        before = match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]
        dots = "." in ((mark or ""), (mark2 or ""))
        quarters = {minute, minute2} <= {"00", "15", "30", "45"}
        named = due.search(before) or re.search(r"^[^\W\d]|[^\W\d]$", match.group())
        if dots and not (mark == mark2 == "." and (quarters or named)):
            return None
        certain = (
            (
                opened.search(match.string[max(0, match.start(1) - _CONTEXT_CHARS) : match.start(1)])
                and int(hour) < int(hour2)
            )
            or (minute and minute2)
            or bare2
            or (minute2 and "h" in (mark2 or "").lower())
        )
        short = not (minute or bare or minute2) and int(hour2) < 10
        if not certain or (short and not due.search(before)):
            return None
        low = language.clock(int(hour), int(minute or 0), "")
        if not (minute or bare):
            low = language.cardinal(int(hour), "feminine")
        high = language.clock(int(hour2), int(minute2 or 0), "")
        if _BETWEEN.search(before):
            return f"{low} {language.ampersand} {high}"
        begin = "" if preceded.search(before) else f"{language.hours_from} "
        return language.time_range(begin, low, high)

    def colon(match: re.Match[str]) -> str | None:
        return f"{match[1]}{match[2]}:{match[3]}" if int(match[2]) < 25 else None

    return [
        near_digits("times", span, between),
        near_words("time", dotted, colon, first_words(language.time_words)),
        near_words(
            "time",
            dotted_hours,
            lambda match: f"{match[1]}:{match[2]}" if int(match[1]) < 25 else None,
            first_words(language.hour_words),
        ),
        at_digits("time", _HALF, lambda match: f"{match[1]}:{match[2]}"),
    ]


def zone_rules(language: RomanceGrammar) -> list[Rule]:
    """Zones, which are no codes."""

    def zone(match: re.Match[str]) -> str:
        sign = language.minus if match[2] == "-" else language.plus
        more = f" {language.cardinal(int(match[4]))}" if match[4] and int(match[4]) else ""
        hours = language.cardinal(int(match[3]), "feminine")
        return f"{' '.join(match[1].upper())} {sign} {hours}{more}"

    return [
        near_words("time zone", _ZONE, zone, ("gmt", "utc")),
        near_digits("time zone", _ZONE_ALONE, lambda match: " ".join(match[1].upper())),
    ]


def rules(language: RomanceGrammar) -> list[Rule]:
    """Hours and minutes around an "h" or before the word for hours; spans of time; zones."""
    ones = alternatives(language.before_one)
    one = re.compile(rf"(?<!\w)({ones})\s(?=0?1(?:[:hH]\d\d|\s?[hH](?![\w])|\s(?:da|de la|di)\s)(?!\d))", re.I)
    stated = re.compile(rf"(?<![\w:.,])(\d{{1,2}}):([0-5]\d)\s?(?:{language.hour_words})(?!\w)(\.)?")
    hours = re.compile(
        r"(?<![\w:.,/])(\d{1,3})\s?(?:h|H|hs|hrs|hr)\.?(?:\s?([0-5]\d|\d(?=\s?m))(?:\s?(min|mn|m|minutes?|minutos?|minuti)(?!\w)\.?)?"
        r"(?:\s?([0-5]?\d)\s?(?:seg|sec|s)(?!\w))?)?(?![\w/:])"
    )
    minutes = re.compile(r"(?<![\w:.,])(\d{1,3})\s?(?:min|m)\s?([0-5]?\d)\s?(?:seg|sec|s)(?![\w/])")
    due = re.compile(rf"(?<!\w)(?:{language.time_words})\s?$", re.I)

    def said(match: re.Match[str]) -> str | None:
        hour, minute = int(match[1]), int(match[2])
        stop = "." if match[3] and ends_text(match) else ""
        return language.clock(hour, minute, "") + stop if hour < 25 else None

    def around(match: re.Match[str]) -> str | None:
        hour, minute, counted, second = match.groups()
        before = match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]
        is_time = due.search(before) is not None and int(hour) < 25
        stop = "." if match.group().endswith(".") and ends_text(match) else ""
        if minute is None:
            if is_time or int(hour) == 0:
                return language.clock(int(hour), 0, "") + stop
            return language.span(int(hour)) + stop
        if second or (counted and not is_time):
            parts = [language.span(int(hour)), language.minutes(int(minute))]
            parts += [language.seconds(int(second))] if second else []
            return f"{', '.join(parts[:-1])} {language.ampersand} {parts[-1]}" + stop
        return language.clock(int(hour), int(minute), "") + stop if int(hour) < 25 else None

    def short_span(match: re.Match[str]) -> str:
        return f"{language.minutes(int(match[1]))} {language.ampersand} {language.seconds(int(match[2]))}"

    return [
        *([near_digits("one o'clock", one, lambda match: language.before_one[match[1].lower()])] if ones else []),
        *language.midnight_rules(),
        at_digits("time", stated, said),
        at_digits("time", hours, around),
        at_digits("span", minutes, short_span),
    ]
