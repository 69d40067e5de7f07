"""What is taken or done how often, and ranges of decimals: "q6h", "2x/day", "0.5-1 mg"."""

from __future__ import annotations

import re

from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.rules import Rule, at_digits, ends_text, near_digits, near_words

_NUMBER = r"\d{1,9}(?:\.\d{1,4})?"
_DECIMAL_RANGE = re.compile(
    rf"(?<![\w.,:/+-])({_NUMBER}%?)\s?[-–]\s?(?={_NUMBER}\s?(?:%|°|[a-zA-Zµ]{{1,5}}(?:/[a-z]{{1,6}})?)(?!\w))"
)
_PER = re.compile(r"(?<=\d|\s)(mg|mcg|g|ml|mL|units?|IU|mEq|oz)\s?/\s?(?=\d)")
_TABLETS = re.compile(r"(?<=\d\smg\s)(tab|cap)(s?)(?!\w)\.?")
_PRESSURE = re.compile(r"(?<![\w./,-])(\d{2,3})/(\d{2,3})(?:\s?mm\s?[Hh]g)(?!\w)")
_EVERY = re.compile(
    r"(?<!\w)(?:(?<=\bevery\s)|q\.?\s?)(\d{1,2})(?:\s?[-–]\s?(\d{1,2}))?\s?(h|hrs?|hours?|d|days?|min|wks?)\b(\.?)",
    re.IGNORECASE,
)
_TIMES_A = re.compile(
    r"(?<![\w.,])(\d{1,2})(?:\s?[-–]\s?(\d{1,2}))?\s?[x×]\s?(?:/|a\s|per\s|each\s)\s?(day|d|week|wk|month|mo|year|yr|hour|hr|night)\b"
)
_TIMES_WORD = re.compile(r"(?<![\w.,])(\d{1,2})(?:\s?[-–]\s?(\d{1,2}))?[x×]\s(daily|weekly|monthly|today)\b")
_PORTIONS = re.compile(r"(?<![\w.,])(\d{1,2})\s?[x×]\s?(?=\d{1,4}(?:\.\d{1,2})?\s?(?:ml|mL|mg|mcg|g|kg|l|L|oz)(?!\w))")
_FOR_DAYS = re.compile(r"(?<=[\w)])\s[x×]\s?(\d{1,3})\s(days?|weeks?|months?|doses?)\b")


def rules(language: EnglishGrammar) -> list[Rule]:
    """Ranges of decimals before a unit; doses in ranges."""

    def spread(low: str, high: str | None) -> str:
        return f"{low} {language.to} {high}" if high else low

    def every(match: re.Match[str]) -> str:
        low, high, unit, stop = match.groups()
        noun = {"h": "hour", "d": "day", "m": "minute", "w": "week"}[unit[0].lower()]
        plural = "" if low == "1" and not high else "s"
        begin = "every " if match.group()[0] in "qQ" else ""
        return f"{begin}{spread(low, high)} {noun}{plural}" + ("." if stop and ends_text(match) else "")

    def tablets(match: re.Match[str]) -> str:
        return ("tablet" if match[1][0] in "tT" else "capsule") + match[2]

    def pressure(match: re.Match[str]) -> str:
        high, low = (language.cardinal(int(part)) for part in match.groups())
        return f"{high} {language.over} {low} millimeters of mercury"

    def times(match: re.Match[str]) -> str:
        often = {"1": "once", "2": "twice"}.get(match[1]) if not match[2] else None
        return often or f"{spread(match[1], match[2])} times"

    def times_a(match: re.Match[str]) -> str:
        unit = language.rates.get(match[3].lower(), match[3])
        return f"{times(match)} {'an' if unit == 'hour' else 'a'} {unit}"

    return [
        near_words("dose", _TABLETS, tablets, ("tab", "cap")),
        near_digits("dose", _PER, lambda match: f"{match[1]} {language.per} ", "/"),
        at_digits("blood pressure", _PRESSURE, pressure, ("hg",)),
        near_digits("dose", _EVERY, every, ("every", "q")),
        at_digits("dose", _TIMES_A, times_a, "x×"),
        at_digits("dose", _TIMES_WORD, lambda match: f"{times(match)} {match[3]}", "x×"),
        at_digits("dose", _PORTIONS, lambda match: f"{match[1]} {language.times} ", "x×"),
        near_digits("dose", _FOR_DAYS, lambda match: f" for {match[1]} {match[2]}", "x×"),
        at_digits("range", _DECIMAL_RANGE, lambda match: f"{match[1]} {language.to} ", "-–"),
    ]
