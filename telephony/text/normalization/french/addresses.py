"""Saints, points of the compass, and what a rent includes."""

from __future__ import annotations

import re

from telephony.text.normalization.language import Language
from telephony.text.normalization.rules import Rule, near_digits, near_words

_SAINT = re.compile(r"(?<!\w)S(te?s?)\.?-(?=[A-ZÀ-Þ])")
_SAINTS = {"t": "Saint", "te": "Sainte", "ts": "Saints", "tes": "Saintes"}
_COMPASS = {"N": "Nord", "S": "Sud", "E": "Est", "O": "Ouest"}
_STREET = "rue|boulevard|boul\\.|avenue|av\\.|chemin|ch\\."
_SIDE = re.compile(
    rf"(?<!\w)((?i:{_STREET})\s(?:[A-ZÀ-Þ][\w'-]{{1,20}}\s){{1,3}})([NSEO])(?:\.(?=,|\s\(|$)|(?=,|\s\())"
)
_SIDE_ENDS = [f" {side}{end}" for side in "nseo" for end in (".", ",", " (")]
_WIND = re.compile(r"(?<![\w-])([NS])-([EO])(?![\w-])")
_DOOR = re.compile(r"(\d{1,2}(?:er?|ème))\s(g|dr|dte|gche)\b\.?(?=,|\s-|$)")
_DOORS = {"g": "gauche", "gche": "gauche", "dr": "droite", "dte": "droite"}
_TYPES = "rue|avenue|place|route|allée|impasse|villa|ruelle|av\\.|pl\\.|rte|all\\.|imp\\."
# "Il reste 1 place" is none.
_HOUSE_ONE = re.compile(
    rf"(?<!\w)(?:(au\s)|^|(?<=,\s))1(?=(?:\s(?:bis|ter))?\s(?:{_TYPES})\s(?:de la |de l'|du |des |de |d')?[A-ZÀ-Þ])"
)
_BOX = re.compile(
    rf"(?<!\w)((?:{_STREET}|place|quai|chaussée)\s[^.!?\d]{{2,40}}?\s\d{{1,4}})/(?=\d{{1,3}}(?:,|$))", re.I
)
_RUE = re.compile(r"(?<=\d\s)r\.\s(?=d(?:e|u|es)\s|d')")
_LETTERED_ARTICLE = re.compile(r"(?<!\w)([aA]rt(?:icle|\.))\s([LRDA])\.?\s?(\d{1,4})((?:-\d{1,3}){0,3})(?![\w-])")
_RENT = re.compile(r"(€|euros|mois)\s([CH]C|[ch]c)(?!\w)")
_INCLUDED = {"CC": "charges comprises", "HC": "hors charges"}
_BEDROOMS = re.compile(r"(?<![\w.,])([1-9])\sch\.(?=,|\s[+-]|$)")
_WAY = re.compile(r"(?<!\w)([cC])h\.\s(?=d(?:e|u|es)\s|d')")


def rules(language: Language) -> list[Rule]:
    """What stands in addresses and in advertisements of homes."""

    def lettered(match: re.Match[str]) -> str:
        numbers = [match[3], *match[4].split("-")[1:]]
        joined = f" {language.hyphen} ".join(language.cardinal(int(number)) for number in numbers)
        return f"{match[1][0]}rticle {match[2]} {joined}"

    def wind(match: re.Match[str]) -> str:
        return "-".join(_COMPASS[letter].lower() for letter in match.groups())

    return [
        near_digits("house number", _HOUSE_ONE, lambda match: f"{match[1] or ''}un"),
        near_digits("house and box", _BOX, lambda match: f"{match[1]} {language.slash} ", "/"),
        near_digits("street", _RUE, lambda match: "rue ", ("r.",)),
        near_digits("article", _LETTERED_ARTICLE, lettered, ("art",)),
        near_words(
            "saint", _SAINT, lambda match: f"{_SAINTS[match[1]]}-", ("st-", "ste-", "sts-", "stes-", "st.-", "ste.-")
        ),
        near_words("side of a street", _SIDE, lambda match: f"{match[1]}{_COMPASS[match[2]]}", _SIDE_ENDS),
        near_digits("door", _DOOR, lambda match: f"{match[1]} {_DOORS[match[2]]}", ("e g", "r g", "e d", "r d")),
        near_words("wind", _WIND, wind, ("n-", "s-")),
        near_words("rent", _RENT, lambda match: f"{match[1]} {_INCLUDED[match[2].upper()]}", ("cc", "hc")),
        near_digits(
            "bedrooms", _BEDROOMS, lambda match: f"{match[1]} chambre{'s' if match[1] != '1' else ''}", ("ch",)
        ),
        near_words("way", _WAY, lambda match: f"{match[1]}hemin ", ("ch.",)),
    ]
