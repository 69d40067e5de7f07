"""Dates with full stops and without a year: "le 31.12."."""

from __future__ import annotations

import re

from telephony.text.normalization.language import Language, valid_date
from telephony.text.normalization.rules import Rule, ends_text, near_words

_STOPPED = re.compile(
    r"(?<!\w)((?:le|du|au|dès le|jusqu'au)\s)(\d{1,2})\.(?:(\d{1,2})\.|(0[1-9]|1[0-2]))(?![\w%€$°]|[.,:]?\d|\s?[%€$°])"
)


def rules(language: Language) -> list[Rule]:
    """Behind an article a number with full stops is a day and its month."""

    def stopped(match: re.Match[str]) -> str | None:
        day, month = int(match[2]), int(match[3] or match[4])
        if not valid_date(day, month, 2024):
            return None
        return f"{match[1]}{language.date(day, month, None)}{'.' if ends_text(match) else ''}"

    return [near_words("date", _STOPPED, stopped, ("le ", "du ", "au "))]
