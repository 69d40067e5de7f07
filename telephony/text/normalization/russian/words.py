"""Shortened words before names, days of the week, ordinals with endings, strokes between words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telephony.text.normalization.rules import Rule, alternatives, at_digits, ends_text, near_digits, near_words
from telephony.text.normalization.russian import numerals, tables

if TYPE_CHECKING:
    from telephony.text.normalization.russian import Russian

_PLACE = re.compile(rf"(?<![\w.])(?<!\d\s)(?<!т\.\s)({alternatives(tables.BEFORE_NAME)})\s?(?=[А-ЯЁ][а-яё])")
_YEAR = re.compile(r"(?<=\d)\s?(гг?)\.(?!\w)")
_AND_SO_ON = re.compile(r"(?<!\w)и т\.\s?([дп])\.(?=\s[А-ЯЁ])")
_IN_YEAR = re.compile(r"(?<!\w)(?:[вВ]|[кК])\s\d{4}(?:\s?[-–—]\s?\d{4})?$")
_CENTURY = re.compile(r"(?:(?<!\w)([вВ])\s)?(?<!\w)([IVXL]{1,7})\s(?:в\.|век(е|а|у)?(?!\w))")
_FLOOR = re.compile(
    r"(?:(?<!\w)(со?|до|от)\s)?(?<![\w.,:/-])(\d{1,3})\s(этаж|подъезд|век|класс|пут)(ь|е|а|у|и|)(?![\w])"
)
_HOUSE = re.compile(r"(?<![\w.])(д|кв|корп|стр|оф)\.?\s?(?=\d)")
_DAYS = alternatives(tables.WEEKDAYS)
_DAY_RANGE = re.compile(
    rf"(?<![\w-])(с\s)?({_DAYS})\.?\s?(?:[-–—]|по)\s?({_DAYS})(?![\w-])(?:\.(?=\s?[\d,;:а-я(]))?", re.IGNORECASE
)
_DAY = re.compile(
    rf"(?<![\w-])(в\s|во\s)?({_DAYS})(?:\.(?=,?\s)|(?=:?\s\d{{1,2}}[:.\s-])|(?=,\s(?:{_DAYS}|\d|в\s\d))|(?=\sи\s(?:{_DAYS})(?!\w)))|(?<=,\s)({_DAYS})(?!\w)|(?<=\sи\s)({_DAYS})(?!\w)",
    re.IGNORECASE,
)
_ORDINAL = re.compile(
    r"(?<![\w.,/-])(\d{1,4})-(ый|ий|ой|й|ая|я|ое|е|ого|го|ому|му|ым|им|м|ую|ю|ые|ие|ых|их|х|ыми|ими|ми|ти|тью)(?!\w)(?:\s([а-яё]+))?"
)
_ENDINGS = {
    "ый": ("n", "m"), "ий": ("n", "m"), "ой": ("n", "m"), "й": ("n", "m"), "ая": ("n", "f"), "я": ("n", "f"),
    "ое": ("n", "n"), "е": ("n", "n"), "ого": ("g", "m"), "го": ("g", "m"), "ому": ("d", "m"), "му": ("d", "m"),
    "ым": ("i", "m"), "им": ("i", "m"), "м": ("p", "m"), "ую": ("a", "f"), "ю": ("a", "f"),
}  # fmt: skip
_PLURAL = {"ые": "n", "ие": "n", "ых": "g", "их": "g", "х": "g", "ыми": "i", "ими": "i", "ми": "i"}
_COMPOUND = re.compile(r"(?<![\w.,:/-])(\d{1,4})-([а-яё]{4,30})")
_FLIGHT = re.compile(r"(?<!\w)([Рр]ейса?)\s([A-Z]{2}|[A-Z]\d|\d[A-Z])\s?-?(\d{2,4})(?!\w)")
_CASE_ENDINGS = {"": "n", "ь": "n", "е": "p", "а": "g", "у": "d", "и": "g"}
_REST = {"д": "так далее", "п": "тому подобное"}
_STROKE = re.compile(r"(?<=[а-яё]{2})/([а-яё]{2,30})")


def rules(language: Russian) -> list[Rule]:
    """Shortened words before names, numbers of houses, days of the week."""

    def between(match: re.Match[str]) -> str:
        first, last = tables.WEEKDAYS[match[2].lower()], tables.WEEKDAYS[match[3].lower()]
        return (
            f"{'со' if first == 'вторник' else 'с'} {tables.WEEKDAYS_OF[first]} по {tables.WEEKDAYS_TO.get(last, last)}"
        )

    def day(match: re.Match[str]) -> str:
        name = tables.WEEKDAYS[(match[2] or match[3] or match[4]).lower()]
        listed = re.search(
            r"(?<!\w)во?\s\w{2,11}\.?(?:,\s\w{2,11}\.?)*(?:,|\sи)?\s$",
            match.string[max(0, match.start() - 40) : match.start()],
        )
        if not match[1] and listed:
            return tables.WEEKDAYS_TO.get(name, name)
        if match[1]:
            return f"{'во' if name == 'вторник' else 'в'} {tables.WEEKDAYS_TO.get(name, name)}"
        return name

    def house(match: re.Match[str]) -> str:
        if match[1] == "стр" and match.string[max(0, match.start() - 2) : match.start()] != ", ":
            about = match.string[max(0, match.start() - 4) : match.start()].lower() == "см. "
            return "страницу " if about else "страница "
        return f"{tables.BEFORE_NUMBER[match[1] + '.']} "

    def year(match: re.Match[str]) -> str:
        before = match.string[max(0, match.start() - 14) : match.start()]
        if _IN_YEAR.search(before):
            return (" году" if match[1] == "г" else " годах") + ("." if ends_text(match) else "")
        return (" года" if match[1] == "г" else " годов") + ("." if ends_text(match) else "")

    def century(match: re.Match[str]) -> str | None:
        number = language.roman(match[2])
        if not number:
            return None
        ending = match[3] or ("е" if match[1] else "")
        begin = f"{match[1]} " if match[1] else ""
        stop = "." if ends_text(match) else ""
        return f"{begin}{numerals.ordinal(number, _CASE_ENDINGS[ending])} век{ending}{stop}"

    def floor(match: re.Match[str]) -> str | None:
        governor, number, noun, ending = match[1], int(match[2]), match[3], match[4]
        if not number or (ending in ("а", "и") and not governor):
            return None
        begin = f"{governor} " if governor else ""
        return f"{begin}{numerals.ordinal(number, _CASE_ENDINGS[ending])} {noun}{ending}"

    return [
        Rule("century", _CENTURY, century),
        near_digits("floor", _FLOOR, floor),
        near_digits("year", _YEAR, year),
        near_words("and so on", _AND_SO_ON, lambda match: f"и {_REST[match[1]]}.", ("и т",)),
        Rule("place", _PLACE, lambda match: f"{tables.BEFORE_NAME[match[1]]} "),
        near_digits("house", _HOUSE, house),
        near_words("weekdays", _DAY_RANGE, between, tables.WEEKDAYS),
        near_words("weekday", _DAY, day, tables.WEEKDAYS),
    ]


def flight_rules(language: Russian) -> list[Rule]:
    """Flights, with the letters of their airline."""

    def flight(match: re.Match[str]) -> str:
        airline = " ".join(language.spell_digits(part) if part.isdecimal() else part for part in match[2])
        return f"{match[1]} {airline}, {language.spell_digits(match[3])}"

    return [near_digits("flight", _FLIGHT, flight)]


def ordinal_rules(language: Russian) -> list[Rule]:
    """Ordinals with their endings, and numbers in one word with what they count."""

    def ordinal(match: re.Match[str]) -> str | None:
        number, ending, noun = int(match[1]), match[2], match[3]
        behind = f" {noun}" if noun else ""
        if ending in ("ти", "тью") or (ending in ("х", "ми") and number in (2, 3, 4)):
            case = "i" if ending in ("тью", "ми") else "g"
            return numerals.cardinal(number, case) + behind
        if ending in _PLURAL:
            return numerals.ordinal(number, _PLURAL[ending], plural=True) + behind if number else None
        case, gender = _ENDINGS[ending]
        if ending in ("е", "ие") and (number % 10 == 0 and (not noun or noun.startswith("год"))):
            return numerals.ordinal(number, "n", plural=True) + behind
        if ending in ("й", "ой") and noun and noun.endswith(("и", "ы", "е")):
            case, gender = "g", "f"
        return numerals.ordinal(number, case, gender) + behind

    def compound(match: re.Match[str]) -> str:
        number = int(match[1])
        said = "одно" if number == 1 else numerals.cardinal(number, "g").replace(" ", "")
        return f"{said}{match[2]}"

    return [at_digits("ordinal", _ORDINAL, ordinal), at_digits("compound", _COMPOUND, compound)]


def stroke_rules(language: Russian) -> list[Rule]:
    """What is said for a stroke between words."""

    def either(match: re.Match[str]) -> str:
        rate = language.rates.get(match[1])
        return f" в {rate}" if rate else f" или {match[1]}"

    return [near_words("stroke", _STROKE, either, "/")]
