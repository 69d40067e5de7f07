"""Measures in forms that only Italian texts have: millions alone, metres with a cross, what a car has run."""

from __future__ import annotations

import re

from telephony.text.normalization.language import Language, Written
from telephony.text.normalization.numerals import read
from telephony.text.normalization.rules import Rule, around, at_digits, near_digits, near_words

_MILLIONS = re.compile(r"(?<=\d)\s?(mln|mld)\.?(?!\w)")
# "ha" is a verb before what someone has: "la casa del 2015 ha 3 camere".
_HAS = re.compile(r"(\d{1,4}(?:\.\d{3}){0,3})\sha(?=\s(?!(?:di|e|o|a|circa|con|in|da|per)\b)[\w])")
_SCALED = re.compile(
    r"(?<![\w.,/-])(\d{1,4}(?:,\d)?)\s?[-–]\s?(\d{1,4}(?:,\d)?)(?=\s?(?:mila|milioni|mln|miliardi|mld)(?!\w))"
)
_PRICE = re.compile(
    r"(?<![\w.,/-])(\d{1,4}),([1-9]\d)"
    r"(?=[.;:!?)]?$|[.;:!?)]\s|,?\s(?:a|al|alla|e|o|invece|se|con|per|in|la|il|entro|circa|più|meno)\s)"
)
_CONTEXT_CHARS = 70
_OTHER_PRICE = re.compile(r"(?<!\w)euro(?!\w)[^.!?]{0,60}$")
_LOWER_PRICE = re.compile(
    r"(?:(?<=\bda )|(?<=\btra )|(?<=\bfra ))(\d{1,4},\d\d)(?=\s(?:a|e)\s\d{1,4}(?:,\d\d)?\s?(?:€|euro))"
)
_ONE = re.compile(r"(?<![\d.,])1$")
_EURO = re.compile(r"€uro(?!\w)", re.IGNORECASE)
_SIDES = re.compile(r"(?<![\w.,])(\d{1,2}[.,]\d\d)\s?[x×]\s?(?=\d{1,2}[.,]\d\d\s?m(?!\w))")
_RUN = re.compile(r"(?<!\w)[kK]m\s(?=\d{1,3}\.\d{3}(?!\d)|\d{5,6}(?!\d))")


def rules() -> list[Rule]:
    """Units before or far behind their number, and a sign that begins its own word."""
    return [
        near_words("euro", _EURO, lambda match: "€", ("€uro",)),
        near_words("unit", _SIDES, lambda match: f"{match[1]} m per ", "x×"),
        near_digits("unit", _RUN, lambda match: "chilometri ", ("km",)),
    ]


def verb_rules(language: Language) -> list[Rule]:
    """Numbers before the verb that looks like hectares."""

    def has(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        return None if value is None else f"{language.number(value)} ha"

    return [at_digits("verb", _HAS, has, (" ha ",))]


def range_rules(language: Language) -> list[Rule]:
    """Ranges of thousands and millions ("100-150 mila"), and of prices whose sign comes last."""

    def between(match: re.Match[str]) -> str:
        before, behind = around(match)
        return language.between(match[1], match[2], before, behind)

    return [
        at_digits("range", _SCALED, between, ("mil", "mln", "mld")),
        at_digits("money", _LOWER_PRICE, lambda match: f"{match[1]} €", ("€", "euro")),
    ]


def price_rules(language: Language) -> list[Rule]:
    """Amounts without their currency, where another one has it: "costa 99 €, al mese 9,90"."""

    def price(match: re.Match[str]) -> str | None:
        if not _OTHER_PRICE.search(match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]):
            return None
        return f"{language.cardinal(int(match[1]))} {language.cents_joint} {language.cardinal(int(match[2]))}"

    return [at_digits("price", _PRICE, price, ("euro",))]


def scale_rules(language: Language) -> list[Rule]:
    """Millions that count no money."""

    def scale(match: re.Match[str]) -> str:
        alone = _ONE.search(match.string[max(0, match.start() - 2) : match.start()]) is not None
        return f" {language.scaled(Written(1 if alone else 2), match[1])}"

    return [near_words("scale", _MILLIONS, scale, ("mln", "mld"))]
