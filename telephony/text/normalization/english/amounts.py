"""English ordinals."""

from __future__ import annotations

import re

from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.rules import Rule

_ORDINAL = re.compile(r"(?<![\w.,])(\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:st|nd|rd|th|ST|ND|RD|TH)(?!\w)")


def ordinal_rules(language: EnglishGrammar) -> list[Rule]:
    """Numbers with "st", "nd", "rd" or "th"."""

    def ordinal(match: re.Match[str]) -> str | None:
        number = int(match[1].replace(",", ""))
        return language.ordinal(number) if number else None

    return [Rule("ordinal", _ORDINAL, ordinal)]
