"""Spanish words that are shortened with a stroke, or whose number says what they are short for."""

from __future__ import annotations

import re

from telephony.text.normalization.rules import Rule, ends_text, near_words

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
_FLOOR = re.compile(r"(?<![\w.])pl\.\s?(?=\d)")
_CONTEXT_CHARS = 24


def rules() -> list[Rule]:
    """Prepositions, streets, rooms and floors."""

    def stroke(match: re.Match[str]) -> str:
        if match[1] == "c" and _STREET.match(match.string, match.end()):
            return "calle "
        return f"{_PREPOSITIONS[match[1]]} "

    def rooms(match: re.Match[str]) -> str:
        before = match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]
        count = _COUNT.search(before)
        if _MANY.search(before) or match.string.startswith("/", match.end()):
            word = "abitantes"
        elif match[2] or (count and "1" != count[1] and count[2] != "una"):
            word = "abitaciones"
        else:
            word = "abitación"
        return f"{match[1]}{word}" + ("." if ends_text(match) else "")

    return [
        near_words("stroke", _BEFORE_NUMBER, lambda match: "cada " if match[1] else "para ", ("c/", "p/")),
        near_words("stroke", _STROKE, stroke, ("c/", "s/", "p/")),
        near_words("rooms", _ROOMS, rooms, ("hab",)),
        near_words("floor", _FLOOR, lambda match: "planta ", ("pl.",)),
    ]
