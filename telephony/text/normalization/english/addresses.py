"""Postal addresses: streets, houses."""

from __future__ import annotations

import re

from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.rules import Rule, ends_text

_STREET = re.compile(
    r"(?<!\w)((?:[A-Z][\w']{0,30}|\d{1,4}(?:st|nd|rd|th)|\w{1,10}(?:st|nd|rd|th))\s)(St|Dr|Ln|Ct|Pl)(\.|\b)"
    r"(?=(\s[A-Z])?)"
)
_STREETS = {"St": "Street", "Dr": "Drive", "Ln": "Lane", "Ct": "Court", "Pl": "Place"}
_HOUSE_BEFORE = re.compile(r"\d\s(?:[\w']+\.?\s){0,4}$")
_HOUSE = re.compile(
    r"(?<![\w.,$€£#/-])(\d{3,4})(?=(?:\s(?:[A-Z][\w']{0,30}|\w{1,8}(?:st|nd|rd|th))\.?){1,3}\s"
    r"(?:Street|Avenue|Road|Drive|Lane|Boulevard|Court|Place|Way|Highway|Parkway|Square|Terrace|Circle)\b)"
)


def street_rules() -> list[Rule]:
    """Shortened words for kinds of streets."""
    return [Rule("street", _STREET, _street)]


def _street(match: re.Match[str]) -> str | None:
    """Behind a street's name, "St." and "Dr." are no saint and no doctor, unless another name follows."""
    if match[4] and not _HOUSE_BEFORE.search(match.string[max(0, match.start() - 60) : match.end(1)]):
        return None
    return match[1] + _STREETS[match[2]] + ("." if match[3] == "." and ends_text(match) else "")


def house_rules(language: EnglishGrammar) -> list[Rule]:
    """Numbers of houses, in pairs."""

    def house(match: re.Match[str]) -> str:
        number = int(match[1])
        return language.pairs(number) if number % 1000 else language.cardinal(number)

    return [Rule("house number", _HOUSE, house)]
