"""What is taken or done how often, and ranges of decimals: "q6h", "2x/day", "0.5-1 mg"."""

from __future__ import annotations

import re

from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.english.units import RATES
from telephony.text.normalization.rules import Rule, ends_text

_NUMBER = r"\d{1,9}(?:\.\d{1,4})?"
_DECIMAL_RANGE = re.compile(
    rf"(?<![\w.,:/+-])({_NUMBER})\s?[-–]\s?({_NUMBER})(?=\s?(?:%|°|[a-zA-Zµ]{{1,5}}(?:/[a-z]{{1,6}})?)(?!\w))"
)
_EVERY = re.compile(
    r"(?<!\w)(?:(?<=\bevery\s)|q\.?\s?)(\d{1,2})(?:\s?[-–]\s?(\d{1,2}))?\s?(h|hrs?|hours?|d|days?|min|wks?)\b(\.?)",
    re.IGNORECASE,
)
_TIMES_A = re.compile(
    r"(?<![\w.,])(\d{1,2})(?:\s?[-–]\s?(\d{1,2}))?\s?[x×]\s?(?:/|a\s|per\s|each\s)\s?(day|d|week|wk|month|mo|year|yr|hour|hr|night)\b"
)
_TIMES_WORD = re.compile(r"(?<![\w.,])(\d{1,2})(?:\s?[-–]\s?(\d{1,2}))?[x×]\s(daily|weekly|monthly|today)\b")
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

    def times(match: re.Match[str]) -> str:
        often = {"1": "once", "2": "twice"}.get(match[1]) if not match[2] else None
        return often or f"{spread(match[1], match[2])} times"

    def times_a(match: re.Match[str]) -> str:
        unit = RATES.get(match[3].lower(), match[3])
        return f"{times(match)} {'an' if unit == 'hour' else 'a'} {unit}"

    return [
        Rule("dose", _EVERY, every),
        Rule("dose", _TIMES_A, times_a),
        Rule("dose", _TIMES_WORD, lambda match: f"{times(match)} {match[3]}"),
        Rule("dose", _FOR_DAYS, lambda match: f" for {match[1]} {match[2]}"),
        Rule("range", _DECIMAL_RANGE, lambda match: f"{match[1]} {language.to} {match[2]}"),
    ]
