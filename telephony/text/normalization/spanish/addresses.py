"""Spanish addresses: rooms, floors and doors, and the streets of Colombia, which have numbers."""

from __future__ import annotations

import re

from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, at_digits, ends_text, near_digits, near_words

_ROOMS = re.compile(r"(?<![\w.])([Hh])ab(s)?(?:\.|(?!\w))(?!\sde\s)")
_COUNT = re.compile(r"(?:(?<![\w.,])(\d{1,3})|(?<!\w)(una|dos|tres|cuatro|cinco|seis))\s?$")
_MANY = re.compile(r"(?:\d[.,\s]?\d{3}|\bmil|\bmillón de|\bmillones(?: de)?|\d\s?[kM])\s?$")
_FLOOR = re.compile(r"(?<![\w.])pl\.\s?(?=\d)|(?<=[ªa]\s)pl\.(?!\s[A-Z])")
# "35 - 1ºC" is a house with a door, 1 °C is none; so is "5° B".
_DOOR = re.compile(r"(?<=\d)\s?[-–]\s?(\d{1,2}\.?[ºª])\s?(?=([A-Z]?)(?!\w))")
_DEGREE = re.compile(r"(?<=,\s)(\d{1,2})°\s?(?=\"?(?:[ABDEG-Z]\"?|izq|dcha|der|piso)(?!\w))")
_CROSSING = re.compile(
    r"(?<!\w)((?:[Cc]alle|[Cc]arrera|[Cc]l\.?|[Cc]ra\.?|[Cc]r\.?|[Kk]r\.?|[Dd]iagonal|[Tt]ransversal|[Aa]v(?:enida|\.)?)\s"
    r"\d{1,3}\s?[A-Z]?(?:\s(?:[Bb]is|[Ss]ur|[Nn]orte))?)\s?(?:#|[Nn]o\.?|[Nn]\.?[º°]|[Nn][uú]m(?:ero|\.))\s?"
    r"(\d{1,3})\s?([A-Z]?)\s?[-–]\s?(\d{1,3})(?![\w-])"
)
_ROAD = re.compile(r"(?<![\w-])N-?(I{1,3}|IV|VI?)(?![\w-])")
_CONTEXT_CHARS = 24


def rules(language: RomanceGrammar) -> list[Rule]:
    """What belongs to the address of a house, a flat or a room."""

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

    def crossing(match: re.Match[str]) -> str:
        letter = f" {match[3]}" if match[3] else ""
        numbers = f"{language.cardinal(int(match[2]))}{letter}, {language.cardinal(int(match[4]))}"
        return f"{match[1]} {language.number_sign} {numbers}"

    def road(match: re.Match[str]) -> str:
        return f"N {language.cardinal(language.roman(match[1]) or 0)}"

    return [
        near_words("road", _ROAD, road, ("n-", "ni", "nv")),
        near_words("rooms", _ROOMS, rooms, ("hab",)),
        near_words("floor", _FLOOR, lambda match: "planta" + " " * (match.group()[-1] == " "), ("pl.",)),
        near_digits("door", _DOOR, lambda match: f", {match[1]} ", "ºª"),
        at_digits("door", _DEGREE, lambda match: f"{match[1]}º ", "°"),
        near_digits("crossing", _CROSSING, crossing, ("-", "–")),
    ]
