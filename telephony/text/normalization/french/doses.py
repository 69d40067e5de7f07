"""Doses by the weight and the day, every so many hours, for so many days; metres and kilos with what is below them."""

from __future__ import annotations

import re

from telephony.text.normalization.amounts import UNITS
from telephony.text.normalization.language import Written
from telephony.text.normalization.numerals import number_pattern, read
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, alternatives, at_digits, near_digits, near_words

_LENGTH = re.compile(r"(?<=[a-zà-ÿ)])\s[x×]\s?(?=\d{1,3}\s?(?:jours?|j|semaines?|sem|mois)(?!\w))")
_LIMIT = re.compile(r"(?:max|maximum|maxi|pas plus de|plus de|dépasser|moins de|jusqu'à)\.?\s$", re.IGNORECASE)
_LIMITED = re.compile(r"\s(?:max|au plus|au maximum)")
_CONTEXT_CHARS = 24
_PRESSURE = re.compile(r"(?<=\d/\d\d)\s?mmHg(?!\w)")
_PARTS = {"¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3"}
_PART = re.compile(r"([¼¾⅓⅔])\s?(?=(?:kg|[gLlhm]|[ckm]?m|[cdm][lL]|heures?|litres?)(?!\w))")
_A_DAY = re.compile(r"(?<=[a-zà-ÿ]{3})/([jh])(?!\w)")
_SQUARE = re.compile(r"((?<!\w)(?:au|le|du|par|chaque)\s|/)([kc]?m[²³23]|kg|km|kWh)(?![\w/]|\s\d)")
_EACH = re.compile(r"(?<!\w)((?:pulvérisation|bouffée|goutte|comprimé|gélule|sachet|dose)s?)/(?=[a-zà-ÿ]{3})")
_SIDES = re.compile(r"(?<=\d)(\s?[cm]?m)\s?[x×]\s?(?=\d)")
_TIMES_MONEY = re.compile(r"(?<=\d)\s?[x×]\s?(?=\d[\d ,.]{0,10}\s?(?:€|\$|CHF|euros|h\b|min\b|minutes|heures|jours))")
_OF_UNIT = re.compile(r"(?<=\d\sde\s)(mm|cm|km|kg|ml|cl|mg)(?!\w)")
_OFTEN = re.compile(r"\s?[x×]\s?(\d{1,2})\s?/\s?(j|jour|sem|semaine)(?!\w)")
_METRES = re.compile(r"(?<![\w.,])(\d{1,2})\s?m\s?(\d\d)(?!\w|[.,]\d|\s\d)")
_KILOS = re.compile(r"(?<![\w.,])(\d{1,3})\s?kg\s?(\d{3})(?!\w|[.,]\d|\s\d)")


def joined_rules(language: RomanceGrammar) -> list[Rule]:
    """Centimetres and grams without their unit, before they are read as codes: "1m70", "2kg500"."""

    def kilos(match: re.Match[str]) -> str:
        said = language.counted(Written(int(match[1])), language.unit("mass-kilogram"))
        return f"{said} {language.cardinal(int(match[2]))}"

    units = {**UNITS, **language.units}

    def often(match: re.Match[str]) -> str:
        return f", {language.cardinal(int(match[1]))} {language.fold} {language.times_a} {language.rates[match[2]]}"

    def one(match: re.Match[str]) -> str:
        before = f" {language.per} " if match[1] == "/" else match[1]
        return before + language.unit(units[match[2]]).one

    return [
        near_digits("pressure", _PRESSURE, lambda match: f" {language.unit('mercury').many}", ("mmhg",)),
        near_words("unit", _SQUARE, one, ("m²", "m2", "m³", "m3", "kg", "km", "kwh")),
        near_words("dose", _EACH, lambda match: f"{match[1]} {language.per} ", "/"),
        near_digits("cross", _SIDES, lambda match: f"{match[1]} {language.by} ", "x×"),
        near_digits("cross", _TIMES_MONEY, lambda match: f" {language.times} ", "x×"),
        near_digits("unit", _OF_UNIT, lambda match: language.unit(units[match[1]]).one, (" de ",)),
        near_digits("dose", _OFTEN, often, "/"),
        near_words("part", _PART, lambda match: f"{_PARTS[match[1]]} ", _PARTS),
        near_words("rate", _A_DAY, lambda match: f" {language.per} {language.rates[match[1]]}", ("/j", "/h")),
        at_digits("length", _METRES, lambda match: language.height(int(match[1]), match[2])),
        at_digits("weight", _KILOS, kilos, ("kg",)),
    ]


def rules(language: RomanceGrammar) -> list[Rule]:
    """What is written with strokes and crosses on a prescription."""
    number = number_pattern(language)
    units = {**UNITS, **language.units}
    symbols, rates = alternatives(units), alternatives(language.rates)
    weighed = re.compile(rf"({number})\s?({symbols})/({rates})/({rates})(?![\w/])")
    solution = re.compile(rf"({number})\s?(g|mg|mcg|[µμ]g|UI)\s?/\s?(\d{{1,3}})\s?(ml|mL|mg|g)(?![\w/])")
    spaced = re.compile(rf"({number})\s?({symbols})\s?/\s?(\d{{1,2}})\s?h(?:eures)?(?![\w/])")

    def amount(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        return None if value is None else language.counted(value, language.unit(units[match[2]]))

    def by_weight(match: re.Match[str]) -> str | None:
        said = amount(match)
        return said and f"{said} {language.per} {language.rates[match[3]]} {language.per} {language.rates[match[4]]}"

    def dissolved(match: re.Match[str]) -> str | None:
        said = amount(match)
        volume = language.counted(Written(int(match[3])), language.unit(units[match[4]]))
        # Two substances, or one and what it is dissolved in.
        return said and f"{said}{' ' if match[4] == 'mg' else ' pour '}{volume}"

    def by_hours(match: re.Match[str]) -> str | None:
        said = amount(match)
        limited = _LIMIT.search(match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()])
        joint = language.per if limited or _LIMITED.match(match.string, match.end()) else "toutes les"
        hours = language.counted(Written(int(match[3])), language.unit("duration-hour"))
        return said and f"{said} {joint} {hours}"

    return [
        near_words("length of a treatment", _LENGTH, lambda match: " pendant ", (" x", " ×")),
        at_digits("dose", weighed, by_weight, "/"),
        at_digits("dose", solution, dissolved, "/"),
        at_digits("dose", spaced, by_hours, "/"),
    ]
