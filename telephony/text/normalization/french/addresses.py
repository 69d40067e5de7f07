"""Saints, points of the compass, and what a rent includes."""

from __future__ import annotations

import re

from telephony.text.normalization.rules import Rule, first_words, near_words

_SAINT = re.compile(r"(?<!\w)S(te?s?)\.?-(?=[A-ZÀ-Þ])")
_SAINTS = {"t": "Saint", "te": "Sainte", "ts": "Saints", "tes": "Saintes"}
_COMPASS = {"N": "Nord", "S": "Sud", "E": "Est", "O": "Ouest"}
_STREET = "rue|boulevard|boul\\.|avenue|av\\.|chemin|ch\\."
_SIDE = re.compile(
    rf"(?<!\w)((?:{_STREET})\s(?:[A-ZÀ-Þ][\w'-]{{1,20}}\s){{1,3}})([NSEO])(?:\.(?=,|\s\(|$)|(?=,|\s\(|$))", re.I
)
_RENT = re.compile(r"(€|euros|mois)\s([CH]C)(?!\w)")
_INCLUDED = {"CC": "charges comprises", "HC": "hors charges"}
_WAY = re.compile(r"(?<!\w)([cC])h\.\s(?=d(?:e|u|es)\s|d')")


def rules() -> list[Rule]:
    """What stands in addresses and in advertisements of homes."""
    return [
        near_words("saint", _SAINT, lambda match: f"{_SAINTS[match[1]]}-", ("st", "ste")),
        near_words(
            "side of a street", _SIDE, lambda match: f"{match[1]}{_COMPASS[match[2].upper()]}", first_words(_STREET)
        ),
        near_words("rent", _RENT, lambda match: f"{match[1]} {_INCLUDED[match[2]]}", ("cc", "hc")),
        near_words("way", _WAY, lambda match: f"{match[1]}hemin ", ("ch.",)),
    ]
