"""English numbers of accounts, cards and persons: what banks, offices and insurers know callers by."""

from __future__ import annotations

import re

from telephony.text.normalization import codes
from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.rules import Rule, near_digits, near_words

_TAX = re.compile(
    r"(?<!\w)((?i:vat)(?:\s(?:number|registration|reg|ID|"
    r"no))*:?)\.?:?\s([A-Z]{2})\s?(\d{3,9}(?: \d{2,5}){0,4})(?![\w-])"
)
_INSURANCE = re.compile(r"(?<!\w)[A-Z]{2}(?: \d{2}){3} [A-D](?!\w)")
_SORT_CODE = re.compile(
    r"(?<!\w)(sort[\s-]?code(?:\s(?:is|number|no\.?))?:?\s)(\d\d)[-\s]?(\d\d)[-\s]?(\d\d)(?![\w-])"
    r"|(?<![\w-])(\d\d)-(\d\d)-(\d\d)(?=,?\s(?:a/c\b|acc))",
    re.IGNORECASE,
)
_CARD = re.compile(r"(?<=visa\s|card\s|amex\s)(x?)(\d{4})(?!\w|[ -]\d|[.,/]\d)", re.IGNORECASE)
_ENDING = re.compile(r"(?<![\w.])(?:[xX•]{2,}|[xX•.…]{3,})[\s-]?(\d{4})(?!\w)")


def rules(language: EnglishGrammar) -> list[Rule]:
    """Digits in the groups that such numbers have."""

    def tax(match: re.Match[str]) -> str:
        groups = re.findall(r"\d+", match[3])
        said = codes.digit_groups(groups if len(groups) > 1 else codes.divided(groups[0]), language)
        name = re.sub(r"\sno$", " number", match[1])
        return f"{name} {' '.join(match[2])}, {said}"

    def sort_code(match: re.Match[str]) -> str:
        groups = match.groups()[1:4] if match[1] else match.groups()[4:]
        return (match[1] or "") + codes.digit_groups(list(groups), language)

    def card(match: re.Match[str]) -> str:
        return f"{'ending in ' if match[1] else ''}{language.spell_digits(match[2])}"

    return [
        near_words("tax number", _TAX, tax, ("vat",)),
        near_digits("insurance number", _INSURANCE, lambda match: codes.spelled(match.group(), language)),
        near_words("sort code", _SORT_CODE, sort_code, ("sort", "a/c", "acc")),
        near_words("card", _CARD, card, ("visa", "card", "amex")),
        near_digits("ending", _ENDING, lambda match: f"ending in {language.spell_digits(match[1])}"),
    ]
