"""Spanish words that are shortened with a stroke, or whose number says what they are short for."""

from __future__ import annotations

import re
from collections.abc import Callable

from telephony.text.normalization.rules import Rule, at_digits, ends_text, near_digits, near_words

_PREPOSITIONS = {"c": "con", "s": "sin", "p": "para"}
_STROKE = re.compile(r"(?<![\w/])([csp])/\s?(?=[a-zà-ÿ]{2})")
_BEFORE_NUMBER = re.compile(r"(?<![\w/])(?:(c)/\s?(?=\d{1,2}\s?(?:h|hs|hrs|horas|d|días|min)\b)|p/\s?(?=\d|el\s))")
# "c/ mayor, 12", but not "c/ desayuno 45 €".
_STREET = re.compile(
    r"(?:(?:de|del|la|las|los|el|san|santa)\s){0,3}[a-zà-ÿ]{2,20},?\s(?:n[.º°]{1,2}\s?)?\d{1,4}(?![\w.]|\s?[€$%])"
)
_ROOMS = re.compile(r"(?<![\w.])([Hh])ab(s)?(?:\.|(?!\w))(?!\sde\s)")
_COUNT = re.compile(r"(?:(?<![\w.,])(\d{1,3})|(?<!\w)(una|dos|tres|cuatro|cinco|seis))\s?$")
_MANY = re.compile(r"(?:\d[.,\s]?\d{3}|\bmil|\bmillón de|\bmillones(?: de)?|\d\s?[kM])\s?$")
_INCLUDED = re.compile(r"(?:(\w+)\s)?(?<![\w.])(in|ex)cl\.")
_INCHES = re.compile(r"(?<![\w.,\"])(\d{1,3}(?:[.,]\d{1,2})?)\s?(?:\"|'')(?!\w)")
_MINUTES = re.compile(r"(?<![\w.,'\"])(\d{1,3})'(?![\w'])")
_DOOR = re.compile(r"(?<=\d)\s?[-–]\s?(\d{1,2}\.?[ºª])\s?(?=([A-Z]?)(?!\w))")
_ORDINAL = re.compile(
    r"(?<![\w.,/])(?<!asiento\s)(?<!salida\s)(\d{1,2})(?:([oa])\.?|(er|ra|ro|da|do|ta|to)\.)(?=\s[a-zà-ÿ]{4}|\.?$)"
)
_FLOOR = re.compile(r"(?<![\w.])pl\.\s?(?=\d)")
_MORE_OR_LESS = re.compile(r"±\s?")
_MILLIONS = re.compile(r"\$?\s?(\d[\d.,]{0,12})\s?md([pd])(?!\w)", re.IGNORECASE)
_INSTALMENTS = re.compile(r"(?<=\d)\s?MSI(?!\w)")
_CONTEXT_CHARS = 24


def rules(is_feminine: Callable[[str], bool]) -> list[Rule]:
    """Prepositions, streets, rooms and floors, and signs behind numbers.

    Args:
        is_feminine: whether a noun is.
    """

    def stroke(match: re.Match[str]) -> str:
        if match[1] == "c" and _STREET.match(match.string, match.end()):
            return "calle "
        return f"{_PREPOSITIONS[match[1]]} "

    def rooms(match: re.Match[str]) -> str:
        before = match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]
        count = _COUNT.search(before)
        if _MANY.search(before) or match.string.startswith("/", match.end()):
            word = "abitantes"
        elif match[2] or (count and count[1] != "1" and count[2] != "una"):
            word = "abitaciones"
        else:
            word = "abitación"
        return f"{match[1]}{word}" + ("." if ends_text(match) else "")

    def included(match: re.Match[str]) -> str:
        agrees = "a" if match[1] and is_feminine(match[1].lower()) else "o"
        word = {"in": "incluid", "ex": "excluid"}[match[2]]
        return (f"{match[1]} " if match[1] else "") + word + agrees + ("." if ends_text(match) else "")

    def inches(match: re.Match[str]) -> str | None:
        quoted = match.string.count('"', max(0, match.start() - 2 * _CONTEXT_CHARS), match.start()) % 2
        return None if quoted else f"{match[1]} pulgadas"

    return [
        near_words("included", _INCLUDED, included, ("incl.", "excl.")),
        near_digits("inches", _INCHES, inches, ('"', "''")),
        near_digits("minutes", _MINUTES, lambda match: f"{match[1]} minutos" if match[1] != "1" else "1 minuto", "'"),
        near_digits("door", _DOOR, lambda match: f", {match[1]} ", "ºª"),
        at_digits("ordinal", _ORDINAL, lambda match: f"{match[1]}{match[3] or {'o': 'º', 'a': 'ª'}[match[2]]}"),
        near_words("more or less", _MORE_OR_LESS, lambda match: "más menos ", "±"),
        near_words("stroke", _BEFORE_NUMBER, lambda match: "cada " if match[1] else "para ", ("c/", "p/")),
        near_words("stroke", _STROKE, stroke, ("c/", "s/", "p/")),
        near_words("rooms", _ROOMS, rooms, ("hab",)),
        near_words("floor", _FLOOR, lambda match: "planta ", ("pl.",)),
    ]


def mexican_rules() -> list[Rule]:
    """Millions of pesos or dollars, and monthly payments, as Mexico shortens them."""

    def millions(match: re.Match[str]) -> str:
        return f" {match[1]} millones de {'pesos' if match[2].lower() == 'p' else 'dólares'}"

    return [
        near_digits("millions", _MILLIONS, millions, ("mdp", "mdd")),
        near_digits("instalments", _INSTALMENTS, lambda match: " meses sin intereses", ("msi",)),
    ]
