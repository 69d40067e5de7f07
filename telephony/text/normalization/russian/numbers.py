"""Numbers with what they count, in the case that a word before them asks for; money; telephones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telephony.text.normalization.numerals import SIGN, number_pattern, read
from telephony.text.normalization.rules import Rule, alternatives, at_digits, near_digits, near_words
from telephony.text.normalization.russian import numerals, tables

if TYPE_CHECKING:
    from telephony.text.normalization.language import Name, Written
    from telephony.text.normalization.russian import Russian

_SIGNS = {
    "₽": "RUB",
    "$": "USD",
    "€": "EUR",
    "£": "GBP",
    "₴": "UAH",
    "₸": "KZT",
    "RUB": "RUB",
    "USD": "USD",
    "EUR": "EUR",
}
_PHONE = re.compile(
    r"(?<![\w.,:/-])(\+7|8)[\s-]?\(?(\d{3})\)?[\s-]?(\d{3})[\s-]?(\d{2})[\s-]?(\d{2})(?![\w-])|(?<![\w.,:/-])(\d{3}|\d{2})-(\d{2})-(\d{2})(?![\w-])"
)
_RANGE = re.compile(
    r"(?<![\w.,:/+-])(\d{1,7}(?:,\d{1,2})?)\s?[-–—]\s?(\d{1,7}(?:,\d{1,2})?)(?=\s?(?:%|₽|\$|€|°|[а-яё]{1,20}))"
)
_SCORE = re.compile(r"(?:(?<=счёт )|(?<=счётом )|(?<=счета )|(?<=счет ))(\d{1,3}):(\d{1,3})(?![\w:])")
_MATCH = re.compile(r"(?<=[а-яё])(\s[—–-]\s[А-ЯЁ][а-яё]{2,20}[,:]?\s)(\d{1,2}):(\d{1,2})(?![\w:])")
_PRESSURE = re.compile(r"(?<!\w)((?:[Дд]авлени[еяю]|АД)\b[^.!?\d]{0,25})(\d{2,3})/(\d{2,3})(?![\w/]|[.,]\d)")
_SEAT = re.compile(r"(?<!\w)(место|кресло)\s(\d{1,2})\s?([A-KА-К])(?!\w)")
_FOLD = re.compile(
    r"(?<![\w.,])(\d{1,3})\s?(?:[xх×]|р\.|раз[а]?)(?=\s?(?:/|в\s))(?:\s?/\s?(день|сутки|нед|неделю|месяц|мес))?"
)
_GOVERNED = {"g": tables.GENITIVE, "d": tables.DATIVE, "i": tables.INSTRUMENTAL}


def phone_rules(language: Russian) -> list[Rule]:
    """Telephone numbers, whose groups people say as numbers."""

    def group(digits: str) -> str:
        zeros = len(digits) - len(digits.lstrip("0"))
        rest = [numerals.cardinal(int(digits))] if digits.strip("0") else []
        return " ".join(["ноль"] * zeros + rest)

    def phone(match: re.Match[str]) -> str:
        if match[6]:
            return ", ".join(map(group, match.group(6, 7, 8)))
        first = "плюс семь" if match[1] == "+7" else "восемь"
        return ", ".join([f"{first} {group(match[2])}", *map(group, match.group(3, 4, 5))])

    return [near_digits("telephone number", _PHONE, phone)]


def rules(language: Russian) -> list[Rule]:
    """Money, units and percentages."""
    number = number_pattern(language)
    words = alternatives(tables.WORDS)
    scales = alternatives(tables.SCALES)
    signs = alternatives(_SIGNS)
    genitive = re.compile(
        rf"(?:^|(?<!\w))(?:{tables.GENITIVE})\s(?:[^\W\d]+\s)?(?:\d+\s?(?:[-–—]|до|и)\s?)?$", re.IGNORECASE
    )
    rate = rf"(?:\s?/\s?({alternatives(tables.RATES)})(?!\w))?"
    before = re.compile(rf"(?<![\w$€£])(-\s?)?({signs})\s?({number})(?:\s?({scales})(?!\w))?{rate}")
    after = re.compile(
        rf"({SIGN})({number})(?:\s?({scales})(?!\w))?\s?({signs}|руб(?:\.|лей|ля|ль)?|р\.|долларов|доллара|евро)(?!\w){rate}"
    )
    counted = re.compile(rf"({SIGN})({number})\s?({words})(?![\w/²³]){rate}")
    scaled = re.compile(rf"({SIGN})({number})\s?({scales})(?!\w)")
    roubles = {"доллар": "USD", "евро": "EUR"}

    def case_before(match: re.Match[str]) -> str:
        before = match.string[max(0, match.start() - 50) : match.start()]
        return "g" if genitive.search(before) else "n"

    def stop(match: re.Match[str], end: int) -> str:
        text = match.group(end) or ""
        return "." if text.endswith(".") and not match.string[match.end() :].strip("\"') ") and match[end] else ""

    def sign(match: re.Match[str]) -> str:
        return "минус " if match[1] else ""

    def said(case: str, value: Written, name: Name, scale: str | None) -> str:
        if scale:
            return f"{language.counted_in(case, value, tables.SCALE_NOUNS[tables.SCALES[scale]])} {name.many}"
        return language.counted_in(case, value, name)

    def amount(case: str, value: Written, code: str, scale: str | None) -> str:
        if case == "n" or value.fraction:
            return language.money(value, code, scale or "")
        return said(case, value, language.currency(code).unit, scale)

    def symbol_first(match: re.Match[str]) -> str | None:
        value = read(match[3], language)
        if value is None:
            return None
        per = f" в {tables.RATES[match[5]]}" if match[5] else ""
        return sign(match) + amount(case_before(match), value, _SIGNS[match[2]], match[4]) + per

    def symbol_last(match: re.Match[str]) -> str | None:
        value = read(match[2], language)
        if value is None:
            return None
        code = _SIGNS.get(match[4]) or next(
            (code for word, code in roubles.items() if match[4].startswith(word)), "RUB"
        )
        per = f" в {tables.RATES[match[5]]}" if match[5] else ""
        return sign(match) + amount(case_before(match), value, code, match[3]) + per + ("" if per else stop(match, 4))

    def unit(match: re.Match[str]) -> str | None:
        value = read(match[2], language)
        if value is None or (
            match[3] in ("В", "т", "с", "м") and re.match(r"\.\s?\w", match.string[match.end() : match.end() + 3])
        ):
            return None
        per = f" в {tables.RATES[match[4]]}" if match[4] else ""
        return (
            sign(match)
            + language.counted_in(case_before(match), value, tables.WORDS[match[3]])
            + per
            + ("" if per else stop(match, 3))
        )

    def large(match: re.Match[str]) -> str | None:
        value = read(match[2], language)
        if value is None:
            return None
        noun = tables.SCALE_NOUNS[tables.SCALES[match[3]]]
        return sign(match) + language.counted_in(case_before(match), value, noun) + stop(match, 3)

    return [
        near_digits("range", _RANGE, lambda match: _ranged(match, language)),
        near_digits("money", before, symbol_first),
        at_digits("money", after, symbol_last),
        at_digits("unit", counted, unit),
        at_digits("number", scaled, large),
        at_digits("fold", _FOLD, lambda match: _often(match, language)),
    ]


def _ranged(match: re.Match[str], language: Russian) -> str | None:
    """A range is "from" and "to", unless it is a range of days: those have a month behind them."""
    behind = match.string[match.end() : match.end() + 14].strip().lower()
    if behind.startswith(
        ("янв", "фев", "мар", "апр", "мая", "май", "июн", "июл", "авг", "сен", "окт", "ноя", "дек", "год", "гг")
    ):
        return None
    before = match.string[max(0, match.start() - 11) : match.start()].lower()
    if before.endswith("каждые "):
        return f"{numerals.cardinal(int(match[1]))}-{match[2]}" if match[1].isdecimal() else None
    if before.endswith("в течение ") and match[1].isdecimal() and match[2].isdecimal():
        low, high = (numerals.cardinal(int(part), "g") for part in match.groups())
        return f"{low}-{high}"
    if before.endswith((" с ", " от ", "номер ")) or before in ("с ", "от "):
        return f"{match[1]} до {match[2]}"
    noun = re.match(r"[а-яё]{3,}[аяыи](?!\w)", behind)
    if noun and match[1] in ("1", "2", "3") and match[2] in ("2", "3", "4"):
        low, high = (
            numerals.cardinal(int(part), gender=numerals.gender_of(noun.group(), 2)) for part in match.groups()
        )
        return f"{low}-{high}"
    value = read(match[1], language)
    if value is None or value.fraction or behind.startswith(("ч.", "часов")):
        return f"{match[1]}—{match[2]}" if value is None else f"от {match[1]} до {match[2]}"
    return f"от {match[1]} до {match[2]}"


def _often(match: re.Match[str], language: Russian) -> str:
    number = int(match[1])
    some = number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14)
    said = f"{numerals.cardinal(number)} {'раза' if some else 'раз'}"
    rates = {"нед": "неделю", "мес": "месяц"}
    return f"{said} в {rates.get(match[2], match[2])}" if match[2] else said


def range_rules(language: Russian) -> list[Rule]:
    """The goals of a score, before they are taken for a time."""

    def goals(match: re.Match[str]) -> str:
        return f"{numerals.cardinal(int(match[1]))} {numerals.cardinal(int(match[2]))}"

    def played(match: re.Match[str]) -> str:
        return f"{match[1]}{numerals.cardinal(int(match[2]))} {numerals.cardinal(int(match[3]))}"

    return [near_digits("score", _SCORE, goals), near_digits("score", _MATCH, played, (":",))]


def code_rules() -> list[Rule]:
    """Blood pressure, and seats with their letter."""

    def pressure(match: re.Match[str]) -> str:
        return f"{match[1]}{numerals.cardinal(int(match[2]))} на {numerals.cardinal(int(match[3]))}"

    def seat(match: re.Match[str]) -> str:
        return f"{match[1]} {numerals.cardinal(int(match[2]))} {match[3]}"

    return [
        near_words("pressure", _PRESSURE, pressure, ("давлени", "ад")),
        near_words("seat", _SEAT, seat, ("место", "кресло")),
    ]


def count_rules(language: Russian) -> list[Rule]:
    """Numbers in the case that the word before them asks for; what they count stands in it already."""
    accusative = re.compile(r"(?<![\w.,:/-])(?:(\d{0,2})1)(?=\s[а-яё]{2,20}[ую](?!\w))")

    def governed(case: str, governors: str) -> Rule:
        pattern = re.compile(
            rf"(?<!\w)({governors})\s((?:примерно|приблизительно)\s)?(\d{{1,7}}|"
            rf"\d{{1,3}}(?: \d{{3}}){{1,2}})(?![\w%:/-]|[.,]\d| \d)(?=(?:\s([а-яё]+))?)",
            re.IGNORECASE,
        )

        def said(match: re.Match[str]) -> str | None:
            number, noun = int(match[3].replace(" ", "")), (match[4] or "").lower()
            if len(match[3]) > 1 and match[3][0] == "0":
                return None
            its_case = case
            # "с 5 минутами" is the instrumental, "с 5 минут" the genitive.
            if match[1].lower() in ("с", "со") and noun.endswith(("ами", "ями")):
                its_case = "i"
            feminine = noun.endswith(("ы", "и", "ой", "ей")) and number % 10 == 1
            said = numerals.cardinal(number, its_case, "f" if feminine else "m")
            return f"{match[1]} {match[2] or ''}{said}"

        return near_digits("case", pattern, said)

    plural = re.compile(r"(?<![\w.,:/-])(\d{1,6})(?=\s(?:[а-яё]+(?:ыми|ими)\s)?[а-яё]{2,20}(ами|ями|ах|ях)(?!\w))")

    def by_ending(match: re.Match[str]) -> str:
        return numerals.cardinal(int(match[1]), "i" if match[2] in ("ами", "ями") else "p")

    def one(match: re.Match[str]) -> str:
        return numerals.cardinal(int(match.group()), "a", "f")

    return [
        at_digits("case", plural, by_ending),
        at_digits("case", accusative, one),
        *[governed(case, governors) for case, governors in _GOVERNED.items()],
    ]
