"""Days of the week, streets, years of a decade, and strokes between words."""

from __future__ import annotations

import re

from telephony.text.normalization.german import tables
from telephony.text.normalization.language import Language
from telephony.text.normalization.rules import Rule, alternatives, at_digits, ends_text, near_digits, near_words

_DAYS = alternatives(tables.WEEKDAYS)
_DAY_RANGE = re.compile(rf"(?<![\w-])({_DAYS})\.?(\s?[-–]\s?|\sbis\s)({_DAYS})(?![\w-])(\.(?=\s?[\d,;:(a-z]|$))?")
_DAY_LIST = re.compile(
    rf"(?<![\w-])(?:{_DAYS})\.?(?:(?:,\s?|\s?/\s?|\s?\+\s?|\s?&\s?)(?:{_DAYS})(?!\w)\.?)+"
    rf"(?:(?:,?\s(?:und|oder|u\.)\s|\s?&\s?|\s?\+\s?)(?:{_DAYS})(?!\w)\.?)?|(?<![\w-])(?:{_DAYS})\.?\s(?:und|oder|u\.)\s(?:{_DAYS})(?![\w-])\.?"
)
_DAY = re.compile(
    rf"(?<![\w-])(?!Fr\.\s\d+\.\d\d(?!\.|\d|\sUhr))({_DAYS})(?:\.(?=,?\s(?:\d|geschlossen|von|ab|um|bis))|\.?,(?=\s?(?:den\s)?\d)|(?=:?\s\d{{1,2}}(?::|\.\d|\s?[-–]|\s?Uhr)))"
)
_STREET = re.compile(r"(?<![\w-])([\w-]{0,40}[a-zäöüß]-?[Ss])tr\.(?!\w)")
_PLACE = re.compile(r"(?<![\w-])(\w{1,40})pl\.(?=\s\d)")
_NUMBER_OF = re.compile(r"(?<![\w-])([\w-]{2,40})nr\.(?!\w)")
_ROMAN_STOP = re.compile(r"(?<=[a-zäöü]\s)([IVXL]{1,7})\.(?=\s[a-zäöü]|,|\sin\s)")
_POST_CODE = re.compile(r"(?:^|(?<=,\s)|(?<=in\s)|(?<=—\s))(?:D-)?(\d{5})(?=\s[A-ZÄÖÜ][a-zäöüß])")
_STROKE = re.compile(r"(?<=[a-zäöüß]{2})/([^\W\d_]{2,30})")
_FEMININE_ENDING = re.compile(r"(?<![\w-])(\w{2,40})(?:[:*_]|/-?)(in(?:nen)?)(?!\w)")


def rules(language: Language) -> list[Rule]:
    """Shortened days of the week and streets."""

    def full(written: str) -> str:
        return tables.WEEKDAYS[written]

    def between(match: re.Match[str]) -> str:
        end = "." if match[4] and ends_text(match) else ""
        return f"{full(match[1])} bis {full(match[3])}{end}"

    def listed(match: re.Match[str]) -> str:
        said = re.sub(rf"(?<!\w)({_DAYS})(?!\w)\.?", lambda day: full(day[1]), match.group())
        return re.sub(r"\s?[/&+]\s?|\su\.\s", " und ", said)

    def one(match: re.Match[str]) -> str:
        return full(match[1]) + ("," if match.group().endswith(",") else "")

    def street(match: re.Match[str]) -> str:
        return f"{match[1]}traße" + ("." if ends_text(match) else "")

    return [
        near_words("weekdays", _DAY_RANGE, between, ("-", "–", "bis")),
        near_words("weekdays", _DAY_LIST, listed, (",", "/", "&", "+", "und", "oder", "u.")),
        near_digits("weekday", _DAY, one),
        near_words("street", _STREET, street, ("str.",)),
        near_words("number", _NUMBER_OF, lambda match: f"{match[1]}nummer", ("nr.",)),
        near_words(
            "Roman numeral",
            _ROMAN_STOP,
            lambda match: match[1],
            ".",
        ),
        near_words("place", _PLACE, lambda match: f"{match[1]}platz", ("pl.",)),
        at_digits("post code", _POST_CODE, lambda match: language.spell_digits(match[1])),
        near_words("ending", _FEMININE_ENDING, lambda match: match[1] + match[2], (":", "*", "_", "/")),
    ]


def stroke_rules(language: Language) -> list[Rule]:
    """What is said for a stroke between words."""

    def either(match: re.Match[str]) -> str:
        rate = language.rates.get(match[1])
        return f" pro {rate}" if rate else f" oder {match[1]}"

    return [near_words("stroke", _STROKE, either, "/")]
