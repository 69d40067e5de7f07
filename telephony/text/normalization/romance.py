"""What Portuguese, Spanish, French and Italian have in common."""

from __future__ import annotations

import re

from telephony.text.normalization.language import Language, month_names
from telephony.text.normalization.rules import Rule, alternatives, at_digits, ends_text, near_digits

NOUN = r"(?=(?:\s([^\W\d_]{2,30}))?)"
"""The word behind a number, which it may count."""

_HOURS = re.compile(r"(?<![\w:.,])(\d{1,2})\s?(?:h|H|hs)(?:\s?([0-5]\d)(?:\s?(?:min|m))?)?(?![\w/:])")
_FIRST = r"(?<![\w.,/-])1(?:º|°|\.º|er|ro)?(?=\s(?:de\s)?(?:{months})\b)"
_ORDINAL_MARK = re.compile(r"[º°r]|1er")


def date_rules(language: Language) -> list[Rule]:
    """The first of a month, and shortened months behind a day."""
    full = alternatives(month_names(language.locale).values())
    short = alternatives(language.months)
    first = re.compile(_FIRST.format(months=f"{full}|{short}"), re.IGNORECASE)
    shortened = re.compile(
        rf"(?<=\d)(\s(?:de\s)?)({short})\.?(?!\w)(?=\s(?:de\s|del\s)?\d{{4}}|\s*[.,;!?]|\s*$|\s)", re.IGNORECASE
    )

    def first_day(match: re.Match[str]) -> str:
        return language.ordinal(1) if _ORDINAL_MARK.search(match.group()) else language.day(1)

    def month(match: re.Match[str]) -> str:
        return f"{match[1]}{language.month(language.months[match[2].lower()])}{'.' if ends_text(match) else ''}"

    return [
        near_digits("month", shortened, month),
        at_digits("first of a month", first, first_day),
    ]


def hour_rules(language: Language) -> list[Rule]:
    """Hours and minutes around an "h": "14h30"."""

    def hours(match: re.Match[str]) -> str | None:
        hour, minute = int(match[1]), int(match[2] or 0)
        return language.clock(hour, minute, "") if hour <= 24 else None

    return [at_digits("time", _HOURS, hours)]


def ordinal_rules(language: Language, endings: str = "") -> list[Rule]:
    """Ordinals with a raised letter behind them, or with one of the endings (alternatives of a regular expression)."""
    marks = "º|ª|°" + (f"|{endings}" if endings else "")
    pattern = re.compile(rf"(?<![\w.,])(\d{{1,4}})\.?({marks})(?![\w]|\s?[CF]\b){NOUN}")

    def ordinal(match: re.Match[str]) -> str | None:
        number, mark = int(match[1]), match[2]
        if not number or (mark == "°" and not match[3]):
            return None
        # "20° a Roma", "90°" are degrees, "3° piano" is a floor.
        if mark == "°" and (number > 40 or language.form_for(match[3]) == "count"):
            return None
        return language.ordinal_before(number, mark, match[3] or "")

    return [at_digits("ordinal", pattern, ordinal)]
