"""Codes among the words that are said: what is read character by character, for somebody to write it down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from telephony.text import markup
from telephony.text.normalization.rules import Rule

READ_OUT = frozenset(
    {
        "IBAN",
        "ISBN",
        "ZIP code",
        "account",
        "card",
        "check digit",
        "code",
        "dialled",
        "digits",
        "digits apart",
        "digits in groups",
        "divided number",
        "ending",
        "extension",
        "flight",
        "free number",
        "hardware address",
        "hexadecimal",
        "insurance number",
        "keys",
        "law suit",
        "long number",
        "named code",
        "network address",
        "number of a person",
        "number with zeros",
        "numbered paper",
        "paper",
        "plate",
        "post code",
        "random key",
        "serial number",
        "short code",
        "short number",
        "sort code",
        "tax number",
        "telephone number",
        "tracking number",
    }
)
"""The rules that say codes, by name."""

# In place of codes, while the rest is read: letters that no rule knows, of a script that nobody writes.
_STAND_IN, _MAX_STAND_INS = 0x17000, 6000
_AROUND = " ,.;:"
# A code of fewer is remembered as it is heard: "B twelve", "M P three", "nine one one".
_LEAST_WORDS = 4


class CodesApart:
    """Rules that leave a letter in place of each code, and the codes that these letters stand for. For one text.

    Attributes:
        rules: in the place of those that were given.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = [self._leaving_letters(rule) if rule.name in READ_OUT else rule for rule in rules]
        self._codes: dict[int, str] = {}

    def words(self, said: str) -> list[tuple[str, bool]]:
        """The words of what `rules` say, each with whether it is a code: that is one word, with spaces in it."""
        filled = ((word, word.translate(self._codes)) for word in markup.words(said))
        return [(full, full != word) for word, full in filled]

    def _leaving_letters(self, rule: Rule) -> Rule:
        def say(match: re.Match[str]) -> str | None:
            said = rule.say(match)
            if said is None or len(self._codes) == _MAX_STAND_INS:
                return said
            # "code 4711" is found, and only "4711" is the code, which may have one in it already.
            start = said.rfind(" ", 0, _same(match.group(), said)) + 1
            code = said[start:].strip(_AROUND)
            full = code.translate(self._codes)
            # Figures that are left are for a rule that comes later.
            if len(full.split()) < _LEAST_WORDS or any(map(str.isdigit, full)):
                return said
            stand_in = _STAND_IN + len(self._codes)
            self._codes[stand_in] = full
            return said[:start] + said[start:].replace(code, chr(stand_in))

        return replace(rule, say=say)


def _same(written: str, said: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(written, said, strict=False))
    return next((index for index, (here, there) in pairs if here != there), min(len(written), len(said)))
