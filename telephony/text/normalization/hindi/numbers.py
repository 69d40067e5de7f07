"""Rupees, codes and telephones, ordinals, halves, ranges."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telephony.text.normalization import codes
from telephony.text.normalization.hindi import tables
from telephony.text.normalization.hindi.words import LETTER
from telephony.text.normalization.language import Written
from telephony.text.normalization.numerals import bare_pattern, number_pattern, read
from telephony.text.normalization.rules import Rule, alternatives, at_digits, near_digits, near_words

if TYPE_CHECKING:
    from telephony.text.normalization.hindi import Hindi

_MOBILE = re.compile(r"(?<![\w.,:/-])(?:(\+91|0)[\s-]?)?([6-9]\d{4})[\s-]?(\d{5})(?![\w-])")
_TOLL_FREE = re.compile(r"(?<![\w.,:/-])(1[89]00)[\s-](\d{2,4})[\s-](\d{3,4})(?![\w-])")
_AADHAAR = re.compile(r"(?<![\w.,:/-])\d{4}\s\d{4}\s\d{4}(?![\w-])")
_ORDINAL = re.compile(
    rf"(?<![\w.,/-])(\d{{1,4}})\s?-?(वां|वाँ|वीं|वें|ला|ली|ले|रा|री|रे|था|थी|थे|ठा|ठी|ठे|st|nd|rd|th)(?![{LETTER}])"
)
_RANGE = re.compile(
    r"(?<![\w.,:/+-])(\d{1,7}(?:\.\d{1,2})?)\s?[-–]\s?(\d{1,7}(?:\.\d{1,2})?)(?=\s?(?:%|₹|[\u0900-\u097f]))"
)
_HALVED = re.compile(rf"(?<![\w.,])(\d{{1,3}})\.5\s(?=(?:घंटे|घंटा|साल|महीने|दिन|किलो|लीटर|गुना|गुणा|हफ़्ते|हफ्ते)(?![{LETTER}]))")
_DIALLED = re.compile(r"(?<![\w.,:/-])(\d{3,5})(?=\s(?:पर|डायल)\s(?:कॉल|फ़ोन|फोन|डायल|कर))")
_FLIGHT = re.compile(r"(फ्लाइट|फ़्लाइट|उड़ान|flight)\s([A-Z]{2}|\d[A-Z])\s?-?(\d{2,4})(?!\w)")
_PIN_CODE = re.compile(r"(?<=[\u0900-\u0963])(\s|-|\s-\s)([1-9]\d{5})(?=\s?(?:[।.,]|$))")
_ADDRESS = re.compile(r"(?:मकान|गली|रोड|नगर|सेक्टर|फ़्लैट|फ्लैट|पता|कॉलोनी|मार्ग|चौक|ज़िला|जिला)[^।!?]{0,70}$")
_PLATE = re.compile(r"(?<![\w-])([A-Z]{2})[\s-]?(\d{1,2})[\s-]?([A-Z]{1,3})[\s-]?([A-Z]{1,2}[\s-]?)?(\d{4})(?![\w-])")
_SCORE = re.compile(r"(?<![\w.,:/+-])(\d{1,2})\s?[-–]\s?(\d{1,2})(?=\s(?:से\s(?:जीत|हार|हरा)|की\s(?:जीत|हार)))")


def code_rules(language: Hindi) -> list[Rule]:
    """What is read digit by digit."""
    named = re.compile(
        rf"(?<![{LETTER}])((?:{tables.CODE_WORDS})(?:\s(?:नंबर|संख्या|है|कोड|के|का|की|आईडी)|\s?[:#]|"
        rf"\s?-\s)*\s)(\d{{3,16}}(?:[ -]\d{{2,6}}){{0,4}})(?![\w%₹$]|[.,:/]\d)"
        rf"(?!\s(?:रुप|लोग|बजे|तारीख|लाख|करोड़|हज़ार))"
    )

    def mobile(match: re.Match[str]) -> str:
        begin = {"+91": "प्लस नौ एक, ", "0": "शून्य "}.get(match[1] or "", "")
        return begin + codes.digit_groups([match[2], match[3]], language)

    def by_digits(match: re.Match[str]) -> str:
        groups = re.split(r"[ -]", match[2])
        return match[1] + codes.digit_groups(groups if len(groups) > 1 else codes.divided(match[2]), language)

    def flight(match: re.Match[str]) -> str:
        airline = " ".join(language.spell_digits(part) if part.isdecimal() else part for part in match[2])
        return f"{match[1]} {airline}, {language.spell_digits(match[3])}"

    def pin_code(match: re.Match[str]) -> str | None:
        if not _ADDRESS.search(match.string[max(0, match.start() - 80) : match.start()]):
            return None
        return f" {codes.digit_groups(codes.divided(match[2]), language)}"

    def plate(match: re.Match[str]) -> str:
        series = " ".join(match[3] + (match[4] or "").strip(" -"))
        state, district, number = " ".join(match[1]), match[2], language.spell_digits(match[5])
        said = language.spell_digits(district) if district[0] == "0" else language.cardinal(int(district))
        return f"{state} {said}, {series}, {number}"

    return [
        near_digits("post code", _PIN_CODE, pin_code),
        near_digits("plate", _PLATE, plate),
        near_digits("telephone number", _MOBILE, mobile),
        at_digits("telephone number", _TOLL_FREE, lambda match: codes.digit_groups(list(match.groups()), language)),
        at_digits("number of a person", _AADHAAR, lambda match: codes.digit_groups(match.group().split(), language)),
        at_digits("short number", _DIALLED, lambda match: language.spell_digits(match[1])),
        near_digits("flight", _FLIGHT, flight),
        near_digits("code", named, by_digits),
    ]


def money_rules(language: Hindi) -> list[Rule]:
    """Rupees in all their forms."""
    number, bare = number_pattern(language), bare_pattern(language)
    scales = alternatives(tables.SCALES)
    scale = rf"(?:\s?({scales})(?![{LETTER}]))?"
    rate = rf"(?:\s?/\s?({alternatives(tables.RATES)})(?![{LETTER}]))?"
    before = re.compile(
        rf"(?<![{LETTER}])(-\s?)?(?:₹|रु\.?|Rs\.?|INR)\s?({bare})(?:\s?[-–]\s?(?:₹|रु\.?|Rs\.?)?\s?({bare}))?(?:/-)?{scale}{rate}"
    )
    after = re.compile(rf"({number}){scale}\s?(?:₹|रु\.?|रुपये|रुपए|रुपया|Rs\.?|INR)(?![{LETTER}]){rate}")
    scaled = re.compile(rf"({number})\s?({scales})(?![{LETTER}])")

    def per(unit: str | None) -> str:
        return f" प्रति {tables.RATES[unit]}" if unit else ""

    def symbol_first(match: re.Match[str]) -> str | None:
        low, high = read(match[2], language), read(match[3], language) if match[3] else None
        sign = f"{language.minus} " if match[1] else ""
        if low is None:
            return None
        if high is not None:
            return f"{language.number(low)} से {language.money(high, 'INR', match[4] or '')}{per(match[5])}"
        return sign + language.money(low, "INR", match[4] or "") + per(match[5])

    def symbol_last(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        return None if value is None else language.money(value, "INR", match[2] or "") + per(match[3])

    def large(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        return None if value is None else language.scaled_number(value, match[2])

    return [
        near_digits("money", before, symbol_first),
        at_digits("money", after, symbol_last),
        at_digits("number", scaled, large),
    ]


def range_rules(language: Hindi) -> list[Rule]:
    """The stroke between two numbers, and between goals."""

    def goals(match: re.Match[str]) -> str:
        return " ".join(language.cardinal(int(goals)) for goals in match.groups())

    return [
        at_digits("score", _SCORE, goals, "-–"),
        at_digits("range", _RANGE, lambda match: f"{match[1]} से {match[2]}"),
    ]


def ordinal_rules(language: Hindi) -> list[Rule]:
    """Ordinals with their endings, which show gender and case."""

    def ordinal(match: re.Match[str]) -> str | None:
        number, ending = int(match[1]), match[2]
        vowel = "ी" if "ी" in ending else "े" if "े" in ending else "ा"
        return language.ordinal_with(vowel, number) if number else None

    return [at_digits("ordinal", _ORDINAL, ordinal)]


def rules(language: Hindi) -> list[Rule]:
    """Halves of what is counted."""

    def halved(match: re.Match[str]) -> str:
        return language.with_half(Written(int(match[1]), "5")) + " "

    glyph = re.compile(r"(?<![\d.,])(\d{1,3})\s?(?:½|(?<=\s)1/2)")
    return [
        at_digits("half", _HALVED, halved),
        near_words("half", glyph, lambda match: language.with_half(Written(int(match[1]), "5")), ("½", "1/2")),
    ]
