"""Hours and a half, opening hours around a stroke or an arrow."""

from __future__ import annotations

import re

from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, at_digits, near_digits

_HALF_HOUR = re.compile(r"(?<![\w:.,/])(\d{1,2})\s?(?:h|H|heures?)\s?(?:½|1/2)(?![\w/])")
_CLOCK = r"\d{1,2}\s?h(?:\s?\d\d)?"
_AGAIN = re.compile(rf"(?<![\w:.,/])(\d{{1,2}}(?:\s?h)?(?:\s?\d\d)?\s?[-–à]\s?{_CLOCK})\s?/\s?(?={_CLOCK})")
_ARROW = re.compile(rf"(?<![\w:.,/])({_CLOCK})\s?(?:→|-+>)\s?(?={_CLOCK})")
_SPACED = re.compile(r"(?<![\w:.,/])(\d{1,2})\s?h(?:\s?(\d\d))?(\s?[-–]\s?)(\d{1,2})\s?h(?:\s?(\d\d))?(?![\w/])")
_HALF_BEHIND = re.compile(r"(?<![\w.,/])(\d{1,3})\s([a-zà-ÿ]{2,20})\s½(?!\w)")


def written_rules() -> list[Rule]:
    """What is brought into the order in which the other rules know it."""

    def closed_up(match: re.Match[str]) -> str:
        return f"{match[1]}h{match[2] or ''}{match[3]}{match[4]}h{match[5] or ''}"

    return [
        at_digits(
            "opening hours",
            _SPACED,
            closed_up,
            ("h-", "h –", "h–", "h -", "0-", "0–", "0 -", "0 –", "5-", "5–", "5 -", "5 –"),
        ),
        near_digits("opening hours", _AGAIN, lambda match: f"{match[1]} et ", "/"),
        near_digits("opening hours", _ARROW, lambda match: f"{match[1]}-", "→>"),
        at_digits("half", _HALF_BEHIND, lambda match: f"{match[1]} ½ {match[2]}", "½"),
    ]


def rules(language: RomanceGrammar) -> list[Rule]:
    """Half past."""
    return [
        at_digits("half an hour", _HALF_HOUR, lambda match: f"{language.span(int(match[1]))} et demie", ("½", "1/2"))
    ]
