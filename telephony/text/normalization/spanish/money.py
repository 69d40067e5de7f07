"""Spanish money with its currency written twice, in millions, in instalments, and for an amount."""

from __future__ import annotations

import re

from telephony.text.normalization.rules import Rule, near_digits

_DOUBLED = re.compile(r"(?<![\w$])(?:\$|S/|€)\s?(\d[\d.,]{0,14})\s(pesos?|dólares?|soles?|euros?)(?!\w)")
_CODED = re.compile(r"(?<!\w)(USD|MXN|EUR)\s?[$€]\s?(?=\d)")
_SIGNS = {"USD": "US$", "MXN": "MX$", "EUR": "€", "p": "MX$", "d": "US$", "s": "S/", "e": "€"}
_PER_AMOUNT = re.compile(r"(?<=€)/(?=\d)")
_MILLIONS = re.compile(r"\$?\s?(\d[\d.,]{0,12}(?:\smil)?)\s?md([pd])(?!\w)", re.IGNORECASE)
_INSTALMENTS = re.compile(r"(?<=\d)\s?MSI(?!\w)")


def rules() -> list[Rule]:
    """A currency that is written as a sign and as a word, and prices of an amount."""
    return [
        near_digits("doubled currency", _DOUBLED, lambda match: f"{_SIGNS[match[2][0]]}{match[1]}", ("$", "s/", "€")),
        near_digits("doubled currency", _CODED, lambda match: _SIGNS[match[1]], ("usd", "mxn", "eur")),
        near_digits("price of an amount", _PER_AMOUNT, lambda match: " por ", ("€/",)),
    ]


def mexican_rules() -> list[Rule]:
    """Millions of pesos or dollars, and monthly payments, as Mexico shortens them."""

    def millions(match: re.Match[str]) -> str:
        return f" {match[1]} millones de {'pesos' if match[2].lower() == 'p' else 'dólares'}"

    return [
        near_digits("millions", _MILLIONS, millions, ("mdp", "mdd")),
        near_digits("instalments", _INSTALMENTS, lambda match: " meses sin intereses", ("msi",)),
    ]
