"""The full stop of Hindi, thousands of two digits, shortened words, days of the week."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telephony.text.normalization.hindi import tables
from telephony.text.normalization.rules import Rule, alternatives, ends_text, near_digits, near_words

if TYPE_CHECKING:
    from telephony.text.normalization.hindi import Hindi

# A vowel of Devanagari is a mark, and no part of a word for regular expressions.
LETTER = r"\w\u0900-\u0963"
_DANDA = re.compile(r"\s?[।॥]")
_LAKHS = re.compile(r"(?<![\d.,])\d{1,2}(?:,\d{2}){1,4},\d{3}(?![\d]|,\d)")
_DAYS = alternatives(tables.WEEKDAYS)
_DAY_RANGE = re.compile(rf"(?<![{LETTER}-])({_DAYS})(?:वार)?\s?[-–]\s?({_DAYS})(?:वार)?(?![{LETTER}-])")
_DAY = re.compile(rf"(?<![{LETTER}-])({_DAYS})\.(?![{LETTER}])")
_STROKE = re.compile(r"(?<=[\u0900-\u0963]{2})/([\u0900-\u0963]{2,30})")


def layout_rules(language: Hindi) -> list[Rule]:
    """The stop at the end of a sentence, and numbers as they are written in India."""
    return [
        near_words("full stop", _DANDA, lambda match: ".", "।॥"),
        near_digits("lakhs", _LAKHS, lambda match: f"{int(match.group().replace(',', '')):,}"),
    ]


def rules(language: Hindi) -> list[Rule]:
    """Shortened words, and strokes between words."""
    shortened = re.compile(rf"(?<![{LETTER}.@/])(?:{alternatives(tables.ABBREVIATIONS)})(?![{LETTER}])")

    def full(match: re.Match[str]) -> str | None:
        if match.group() in ("रु.", "Rs.") and match.string[match.end() :].lstrip()[:1].isdecimal():
            return None
        return tables.ABBREVIATIONS[match.group()] + ("." if ends_text(match) else "")

    def either(match: re.Match[str]) -> str:
        rate = tables.RATES.get(match[1])
        return f" प्रति {rate}" if rate else f" या {match[1]}"

    return [
        near_words(
            "weekdays",
            _DAY_RANGE,
            lambda match: f"{tables.WEEKDAYS[match[1]]} से {tables.WEEKDAYS[match[2]]}",
            tables.WEEKDAYS,
        ),
        near_words(
            "weekday",
            _DAY,
            lambda match: tables.WEEKDAYS[match[1]] + ("." if ends_text(match) else ""),
            tables.WEEKDAYS,
        ),
        near_words("abbreviation", shortened, full, (".", "x")),
        near_words("stroke", _STROKE, either, "/"),
    ]
