"""Accents that were written as an apostrophe: "E' gia' pronto"."""

from __future__ import annotations

import re

from telephony.text.normalization.rules import Rule, near_words

_APOSTROPHE = re.compile(r"(?<!\w)([^\W\d_]{0,20})([aeiouAEIOU])'(?=[\s.,;:!?)]|$)")
# Of these a part was left out: "un po'", "de' Medici".
_SHORTENED = frozenset("po mo fa va sta be ve de co ca pe a i o u".split())
_QUOTED = re.compile(r"(?:^|[\s(])'[^']*$")
_ACCENTED = {"a": "à", "e": "è", "i": "ì", "o": "ò", "u": "ù"}
_CONTEXT_CHARS = 60


def rules() -> list[Rule]:
    """The accent instead of the apostrophe, where no quotation ends."""

    def accented(match: re.Match[str]) -> str | None:
        word = (match[1] + match[2]).lower()
        if word in _SHORTENED or _QUOTED.search(match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start(2)]):
            return None
        vowel = "é" if word == "ne" or word.endswith("che") else _ACCENTED[word[-1]]
        return match[1] + (vowel if match[2].islower() else vowel.upper())

    return [near_words("accent", _APOSTROPHE, accented, ("a'", "e'", "i'", "o'", "u'"))]
