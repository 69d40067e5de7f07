"""Money in words, how often, ratios, halves, compounds with numbers, and one of something."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telephony.text.normalization.amounts import UNITS
from telephony.text.normalization.german import tables
from telephony.text.normalization.numerals import number_pattern, read
from telephony.text.normalization.rules import Rule, alternatives, at_digits, ends_text, near_digits, near_words

if TYPE_CHECKING:
    from telephony.text.normalization.german import German

_NO_CENTS = re.compile(r"(?<![\w.,])(\d{1,6}(?:\.\d{3})?),(?:--?|–|—)\s?(€|Euro|EUR)?(?!\w)")
_RANGE = re.compile(
    r"(?<![\w.,:/+-])(\d[\d.,]{0,12})\s?[-–]\s?(?=\d[\d.,]{0,12}\s?(?:€|\$|%|°|Euro|[a-zäöüA-Z]{1,12}(?!\w)))"
)
_ONE_TO = re.compile(r"(?<![\w.,:/-])1\s?(?:[-–]|bis)\s?(?=\d{1,2}\s[A-ZÄÖÜ][a-zäöü])")
_HEIGHT = re.compile(r"(?<![\w.,])([12]),(\d\d)\s?m(?=\s(?:groß|hoch|lang|breit|tief)(?!\w))")
_PLATE = re.compile(r"(?<![\w-])([A-ZÄÖÜ]{1,3})-([A-Z]{1,2})\s?(\d{1,4})([EH]?)(?![\w-])")
_FLIGHT = re.compile(r"(?<!\w)(Flug|Flugs|Fluges|Flugnummer)\s([A-Z]{2}|[A-Z]\d|\d[A-Z])\s?-?(\d{2,4})(?!\w)")
_SEAT = re.compile(r"(?<!\w)(Sitz|Sitzplatz|Platz)\s(\d{1,2})([A-K])(?!\w)")
_PRESSURE = re.compile(r"(?<!\w)((?:Blutdruck|RR)\b[^.!?\d]{0,25})(\d{2,3})/(\d{2,3})(?![\w/]|[.,]\d)")
_EXTENSION = re.compile(r"(?<!\w)((?:Durchwahl|Nebenstelle|Apparat|DW):?\s)-\s?(?=\d)")
_FOLD = re.compile(r"(?<![\w.,])(\d{1,3})\s?(?:[x×](?![\w×])(?!\s?\d)|-?mal(?!\w))")
_RATIO = re.compile(r"(?<![\w:.,])(\d{1,4}):(\d{1,4})(?![\w:])")
_HALF = re.compile(r"(?<![\w.,/-])(?<!\d\s)(?:1/2|½)\s(?=([A-ZÄÖÜ]\w+))")
_AND_HALF = re.compile(
    r"(?<![\w.,/-])(\d{1,3})(?:\s1/2|\s?½)(?!\w)|(?<![\w.,/-])(\d{1,2}),5(?=\s(?:Stunden|Jahre|Tage|Wochen|Monate)(?!\w))"
)
_COMPOUND = re.compile(r"(?<![\w.,:/-])(\d{1,5})(?:-(?=[A-ZÄÖÜ][a-zäöüß])|-([a-zäöü]\w{1,30}))")
_PART = re.compile(r"(?<![\w.,/-])(?:(\d{1,3})\s)?(\d)/([2-9]|1[0-9])(?![\w/]|[.,]\d)(?:\s(l|kg|m|h|km)(?!\w))?")
_CROSS = re.compile(r"(?<=\d)\s?[x×]\s?(?=\d)")
_ONE = re.compile(
    r"(?<![\w.,:/-])1(?=\s(?:[a-zäöüß]{2,20}(?:e|er|es|en)\s)?([A-ZÄÖÜ][\wäöüß]+))(?!\s(?:Uhr|Million|Milliarde|Prozent))"
)
_BEFORE = re.compile(r"(?<!\w)(\w+)\s(?:Sie\s|noch\s|nur\s|genau\s|etwa\s|ca\.\s|circa\s)?$")
_DATIVE = frozenset("in mit nach vor seit von bei zu aus ab an auf binnen innerhalb".split())
_ACCUSATIVE = frozenset(
    "für um durch ohne gegen pro bis je haben hat habe hatten brauchen brauche braucht bekommen bekommt bestellen "
    "bestellt buchen gebucht sehe sehen finde finden nehmen erhalten kaufen wählen warten dauert dauern".split()
)


def code_rules(language: German) -> list[Rule]:
    """Plates of cars, flights, seats, extensions, and blood pressure."""

    def plate(match: re.Match[str]) -> str:
        letters = f"{' '.join(match[1])}, {' '.join(match[2])}, {language.spell_digits(match[3])}"
        return f"{letters} {match[4]}" if match[4] else letters

    def flight(match: re.Match[str]) -> str:
        airline = " ".join(language.spell_digits(part) if part.isdecimal() else part for part in match[2])
        return f"{match[1]} {airline}, {language.spell_digits(match[3])}"

    def seat(match: re.Match[str]) -> str:
        return f"{match[1]} {language.cardinal(int(match[2]))} {match[3]}"

    def pressure(match: re.Match[str]) -> str:
        return f"{match[1]}{language.cardinal(int(match[2]))} zu {language.cardinal(int(match[3]))}"

    return [
        near_digits("plate", _PLATE, plate),
        near_digits("flight", _FLIGHT, flight),
        near_words("seat", _SEAT, seat, ("sitz", "platz")),
        near_words("pressure", _PRESSURE, pressure, ("blutdruck", "rr")),
        near_words("extension", _EXTENSION, lambda match: match[1], "-"),
    ]


def money_rules(language: German) -> list[Rule]:
    """Amounts with the currency in words, or with a dash for the cents."""
    number = number_pattern(language)
    named = re.compile(rf"({number})\s?(Euro|Franken|Dollar|Pfund)(?!\w)")
    cents = re.compile(rf"({number})\s?(?:Ct\.?|ct\.?|Cts)(?!\w)")
    codes = {"Euro": "EUR", "Franken": "CHF", "Dollar": "USD", "Pfund": "GBP"}
    swiss = re.compile(rf"(?<!\w)(?:Fr\.|SFr\.|sFr\.)\s?({number})(?!\w)")

    def amount(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        return None if value is None else language.money(value, codes[match[2]])

    scaled = re.compile(
        rf"({number})\s?({alternatives(tables.SCALES)})(?![\w])(?:\s?(€|\$|Euro|EUR|USD|Dollar|Franken|CHF)(?!\w))?"
    )
    signs = {"€": "EUR", "$": "USD", "EUR": "EUR", "USD": "USD", "CHF": "CHF", **codes}

    def large(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        if value is None:
            return None
        if match[3]:
            return language.money(value, signs[match[3]], match[2])
        return language.scaled_number(value, match[2]) + ("." if ends_text(match) else "")

    def height(match: re.Match[str]) -> str:
        return f"{language.cardinal(int(match[1]), 'masculine')} Meter {language.cardinal(int(match[2]))}"

    def hundredths(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        return None if value is None else language.counted(value, tables.CENT)

    def francs(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        return None if value is None else language.money(value, "CHF")

    return [
        at_digits("range", _ONE_TO, lambda match: "ein bis "),
        at_digits("height", _HEIGHT, height),
        at_digits("range", _RANGE, lambda match: f"{match[1]} bis "),
        at_digits("money", _NO_CENTS, lambda match: f"{match[1]} €"),
        at_digits("number", scaled, large),
        near_digits("money", swiss, francs),
        at_digits("money", named, amount),
        at_digits("cents", cents, hundredths),
    ]


def rules(language: German) -> list[Rule]:
    """Numbers that are one word with what they count, and "one" in its case."""

    def often(match: re.Match[str]) -> str:
        return f"{language.cardinal(int(match[1]), 'masculine')}mal"

    def ratio(match: re.Match[str]) -> str:
        return f"{language.cardinal(int(match[1]))} zu {language.cardinal(int(match[2]))}"

    def half(match: re.Match[str]) -> str:
        noun = match[1]
        if language.is_feminine(noun):
            return "eine halbe "
        return "ein halbes " if noun in tables.NEUTER else "ein halber "

    def and_half(match: re.Match[str]) -> str:
        return language.mixed(int(match[1] or match[2]), 1, 2)

    def one(match: re.Match[str]) -> str:
        noun = match[1]
        word = _BEFORE.search(match.string[max(0, match.start() - 40) : match.start()])
        governor = word[1].lower() if word else ""
        feminine, neuter = language.is_feminine(noun), noun in tables.NEUTER
        if governor in _DATIVE:
            return "einer" if feminine else "einem"
        if governor in _ACCUSATIVE and not feminine and not neuter:
            return "einen"
        return "eine" if feminine else "ein"

    def compound(match: re.Match[str]) -> str:
        said = language.cardinal(int(match[1]), "masculine")
        return f"{said}{match[2]}" if match[2] else f"{said.capitalize()}-"

    def part(match: re.Match[str]) -> str | None:
        above, below = int(match[2]), int(match[3])
        said = language.fraction(above, below) if 0 < above < below else None
        if said is None:
            return None
        noun = f" {language.unit(UNITS[match[4]]).one}" if match[4] else ""
        return (language.mixed(int(match[1]), above, below) if match[1] else said) + noun

    return [
        at_digits("fold", _FOLD, often),
        at_digits("ratio", _RATIO, ratio),
        near_words("cross", _CROSS, lambda match: " mal ", "x×"),
        near_words("half", _AND_HALF, and_half, ("1/2", "½", ",5")),
        near_words("half", _HALF, half, ("1/2", "½")),
        at_digits("fraction", _PART, part),
        at_digits("compound", _COMPOUND, compound),
        at_digits("one", _ONE, one),
    ]
