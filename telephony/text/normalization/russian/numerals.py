"""Russian numerals in their cases, and what units are called behind them."""

from __future__ import annotations

import re
from functools import lru_cache

from babel.units import format_unit
from num2words import num2words

from telephony.text.normalization.language import Name
from telephony.text.normalization.russian import tables
from telephony.text.normalization.russian.tables import Counted

_ONE_THOUSAND = {"одна тысяча": "тысяча", "одной тысячи": "тысячи", "одной тысяче": "тысяче", "одну тысячу": "тысячу"}
_LARGEST = 10**15


@lru_cache(maxsize=4096)
def cardinal(number: int, case: str = "n", gender: str = "m") -> str:
    """A number in words.

    Args:
        number: at least 0.
        case: n, g, a, d, i or p, as the cases begin in Latin; the accusative is that of things.
        gender: m, f or n.
    """
    if number >= _LARGEST:
        return " ".join(cardinal(int(digit)) for digit in str(number))
    said = str(num2words(number, lang="ru", case=case, gender=gender, animate=False))
    for one, alone in _ONE_THOUSAND.items():
        if said.startswith(one):
            return said.replace(one, alone, 1)
    return said


@lru_cache(maxsize=4096)
def ordinal(number: int, case: str = "n", gender: str = "m", plural: bool = False) -> str:
    """An ordinal in words; arguments as above."""
    said = str(num2words(number, lang="ru", to="ordinal", case=case, gender=gender, plural=plural, animate=False))
    return said.removeprefix("одна ")


def gender_of(noun: str, number: int) -> str:
    """The gender of a counted noun, as far as its ending behind this number shows it."""
    if number % 10 == 1 and number % 100 != 11:
        if noun in tables.FEMININE or noun.endswith(("а", "я")):
            return "f"
        return "n" if noun.endswith(("о", "е")) else "m"
    if number % 10 == 2 and number % 100 != 12:
        return "f" if noun.endswith(("ы", "и", "ые", "ие")) else "m"
    return "m"


@lru_cache(maxsize=512)
def unit(cldr: str) -> Name:
    """A unit in its three forms."""
    one, few, many = (re.sub(r"\d", "", format_unit(count, cldr, "long", locale="ru")).strip() for count in (1, 2, 5))
    return Counted(one, many, few)
