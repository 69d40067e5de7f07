"""Codes behind their names, letters behind numbers, digits apart."""

from __future__ import annotations

import re

from telephony.text.normalization import codes
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, at_digits, first_words, near_digits, near_words

_MIXED = r"(?=[A-Za-z-]{0,20}\d)(?=[\d-]{0,20}[A-Za-z])[A-Za-z\d]{2,24}(?:[-.][A-Za-z\d]{1,24}){0,8}"
_NO_CODE = re.compile(r"\d+(?:h\d{0,2}|km|kg|mg|ml|cm|mm|m|g|k|gb|mb|º|ª|er|re|e|ème|min|am|pm)", re.IGNORECASE)
_LETTER_BEHIND = re.compile(
    r"(?<![\w.,$€£¥:/#-])(\d{1,4})(?:-([A-Z])|/([A-Z])|([A-Z]))(?![\w'/]|\.\w|-\d|\+)"
)  # fmt: skip
_UNITS_BEHIND = frozenset("KMVWLH")
# "BIENVENIDO10": letters that can be read as a word.
_WORD_AND_NUMBER = re.compile(
    r"(?=(?:[^AEIOU\d]{0,2}[AEIOU]+(?![AEIOU])){2,8}[^AEIOU\d]{0,2}\d)([A-Z]{5,20})(\d{1,4})", re.IGNORECASE
)
_STARS = re.compile(r"(?<![\w.])(?:[xX•*]{2,}[\s-]?){1,4}(\d{4})(?![\w-])")
_APART = re.compile(r"(?<![\w.,/-])\d(?:-\d){2,9}(?![\w-])")
_TWO_NUMBERS = re.compile(r"(?<![\w./-])50/50(?![\w/])")
_DATE = re.compile(r"\d\d?/\d\d?/(?:\d\d){1,2}")
_RESOLUTION = re.compile(r"(?<![\w.,$€])([48])K(?!\w)")


def rules(language: RomanceGrammar) -> list[Rule]:
    """What is read character by character by its name, and numbers with letters."""
    between = rf"(?:[\s:#.°º]|\b(?:{language.named_joint})\b){{1,12}}"
    named = re.compile(rf"(?<!\w)((?:{language.named_words})\b{between})({_MIXED})(?![\w@-]|[./]\w)", re.IGNORECASE)
    letters = re.compile(
        rf"(?<!\w)((?i:{language.named_words})\b(?:[\s:#.]|(?i:\b(?:{language.named_joint})\b)){{1,12}})([A-Z]{{5,8}}|(?=[A-Z]*[^AEIOU\W]{{3}})[A-Z]{{3,4}})"
        r"(?![\w@-]|\.\w)"
    )
    divided = re.compile(
        rf"(?<!\w)((?:{language.named_words})\b{between})(\d{{2,6}}(?:[./-]\d{{1,6}}){{2,5}})(?![\w-]|[./,]\d)",
        re.IGNORECASE,
    )
    with_purpose = re.compile(
        rf"(?<!\w)((?:{language.named_words})(?:\s(?:de|da|do|di|d|del|della|des|du|d')[\s']?\s?[^\W\d_]{{3,20}}){{1,2}}"
        rf"(?:\s?:|\s(?:{language.named_joint}))*\s)(\d{{3,14}}(?:[ -]\d{{2,6}}){{0,4}})(?![\w%€$]|[.,:/-]\d| \d)",
        re.IGNORECASE,
    )

    def purpose(match: re.Match[str]) -> str:
        groups = re.findall(r"\d+", match[2])
        return match[1] + codes.digit_groups(groups if len(groups) > 1 else codes.divided(groups[0]), language)

    def named_code(match: re.Match[str]) -> str | None:
        word = _WORD_AND_NUMBER.fullmatch(match[2])
        if word:
            number = word[2] if word[2][0] == "0" or len(word[2]) > 2 else ""
            said = language.spell_digits(number) if number else language.cardinal(int(word[2]))
            return f"{_name(match[1])} {word[1].capitalize()} {said}"
        if _NO_CODE.fullmatch(match[2]):
            return None
        return f"{_name(match[1])} {codes.characters(match[2].upper().replace('.', '-'), language)}"

    def letter_behind(match: re.Match[str]) -> str | None:
        letter = match[2] or match[3] or match[4]
        if match[4] and letter in _UNITS_BEHIND:
            return None
        joint = f" {language.slash} " if match[3] else " "
        number = match[1]
        said = language.spell_digits(number) if number[0] == "0" else language.cardinal(int(number))
        return f"{said}{joint}{letter}"

    def in_parts(match: re.Match[str]) -> str | None:
        if _DATE.fullmatch(match[2]):
            return None
        return _name(match[1]) + " " + codes.digit_groups(re.findall(r"\d+", match[2]), language)

    return [
        near_words("named code", divided, in_parts, first_words(language.named_words)),
        at_digits("digits apart", _APART, lambda match: language.spell_digits(match.group().replace("-", ""))),
        at_digits("resolution", _RESOLUTION, lambda match: f"{language.cardinal(int(match[1]))} K"),
        near_words("named code", with_purpose, purpose, first_words(language.named_words)),
        near_words("named code", named, named_code, first_words(language.named_words)),
        near_words(
            "named code",
            letters,
            lambda match: f"{_name(match[1])} {codes.characters(match[2], language)}",
            first_words(language.named_words),
        ),
        near_digits("ending", _STARS, lambda match: f"{language.ending_in} {language.spell_digits(match[1])}"),
        at_digits("two numbers", _TWO_NUMBERS, lambda match: " ".join([language.cardinal(50)] * 2)),
        at_digits("letter behind a number", _LETTER_BEHIND, letter_behind),
    ]


def _name(written: str) -> str:
    return written.replace("#", "").rstrip()
