"""Ordinals with raised letters, Roman numerals, thousands apart, numbers with a word for their scale."""

from __future__ import annotations

import re
import unicodedata

from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, at_digits, first_words, near_words

NOUN = r"(?=(?:\s([^\W\d_]{2,30}))?)"
"""The word behind a number, which it may count."""

_RAISED = re.compile(r"\w{0,9}[ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ]+")
_SPACED = re.compile(r"(?<![\w.,:/+-])(?<!\d )([1-9]\d{0,2}(?: \d{3}){1,5})(?!\d| \d)")
_ROUND = re.compile(r"(?<![\w.,/-])[1-9]\d{4,12}00(?![\w/-]|[.,]\d)")
_ROMAN = r"(?:X{0,3}(?:IX|IV|V?I{2,3}|VI)|XX{0,2}V?|XI|XV?I{0,3})"
_NAMED_ROMAN = re.compile(rf"(?<=[a-zà-ÿ]\s)({_ROMAN})(?![\w'-]|\.\w)")
_NAME = re.compile(r"(?<!\w)[A-ZÀ-Þ][\w'’]{2,20}\s$")


def raised_rules() -> list[Rule]:
    """Raised letters, which are those of the line."""
    return [Rule("raised letters", _RAISED, lambda match: unicodedata.normalize("NFKC", match.group()))]


def roman_rules(language: RomanceGrammar) -> list[Rule]:
    """Centuries, years, and numerals between an article and a noun."""
    century = re.compile(rf"(?<!\w)(?:{language.century_words})\s([IVXL]{{1,7}})(?![\w'-]|\.\w)")
    counted = re.compile(
        rf"(?:^|(?<!\w)({language.articles}))({_ROMAN})(?=\s(?:[A-ZÀ-Þ]?[a-zà-ÿ]{{4,}}))(?!\s(?:de|di|e|y|et|a)\b)",
        re.IGNORECASE,
    )
    year = re.compile(rf"(?<!\w)({language.year_words})\s([mdclxvi]{{4,15}}|[MDCLXVI]{{4,15}})(?!\w)")

    def ages(match: re.Match[str]) -> str | None:
        number = language.roman(match[1])
        return None if number is None else language.century(number)

    def before_noun(match: re.Match[str]) -> str | None:
        if match[2] != match[2].upper():
            return None
        number = language.roman(match[2])
        noun = re.match(r"\s([^\W\d_]+)", match.string[match.end() : match.end() + 32])
        if number is None or noun is None or number == 10:
            return None
        return (match[1] or "") + language.ordinal_before(number, "", noun[1])

    def in_year(match: re.Match[str]) -> str | None:
        number = language.long_roman(match[2])
        return None if number is None else f"{match[1]} {language.year(number)}"

    return [
        near_words("century", century, ages, first_words(language.century_words)),
        Rule("Roman numeral", counted, before_noun),
        near_words("Roman numeral", year, in_year, first_words(language.year_words)),
    ]


def name_rules(language: RomanceGrammar) -> list[Rule]:
    """Numerals behind any other name, when kings and chapters are said."""

    def behind_name(match: re.Match[str]) -> str | None:
        number = language.roman(match[1])
        named = _NAME.search(match.string[max(0, match.start() - 24) : match.start()])
        return language.cardinal(number) if number is not None and named and match[1] not in ("X", "V") else None

    return [Rule("Roman numeral", _NAMED_ROMAN, behind_name)]


def ordinal_rules(language: RomanceGrammar) -> list[Rule]:
    """Ordinals with a raised sign behind them, or with an ending."""
    marks = "º|ª|°" + (f"|{language.ordinal_endings}" if language.ordinal_endings else "")
    pattern = re.compile(
        rf"(?<![\w.,/])(?<!\s[+-])(?<!^[+-])(\d{{1,3}}(?:[. ]\d{{3}}){{1,4}}|\d{{1,4}})"
        rf"(?:\.|(?!. ?[CF]\b)|(?<=,\s\d)(?!.[CF]))({marks})(?![a-zà-ÿ\d]|[A-Z]\w){NOUN}"
    )

    def ordinal(match: re.Match[str]) -> str | None:
        number, mark = int(re.sub(r"\D", "", match[1])), match[2]
        if not number or (mark == "°" and not match[3]):
            return None
        # "20° a Roma", "90°" are degrees, "3° piano" is a floor.
        if mark == "°" and (number > 40 or language.form_for(match[3]) == "count"):
            return None
        return language.ordinal_before(number, mark, match[3] or "")

    return [at_digits("ordinal", pattern, ordinal)]


def spaced_rules() -> list[Rule]:
    """Thousands that a space divides, when telephone numbers are said."""
    return [at_digits("thousands", _SPACED, _joined)]


def _joined(match: re.Match[str]) -> str:
    # More than one stop is no decimal mark, and keeps a long number from being read digit by digit.
    return match[1].replace(" ", "." if match[1].count(" ") > 1 else "")


def round_rules(language: RomanceGrammar) -> list[Rule]:
    """Long numbers that end in zeros count something, where no name of a code is before them."""
    return [at_digits("round number", _ROUND, lambda match: language.cardinal(int(match.group())))]


def thousand_rules(language: RomanceGrammar) -> list[Rule]:
    """A thousand of what stands behind it: its number agrees with that."""
    pattern = re.compile(
        rf"(?<![\w.,/])(\d{{1,3}})\s?({language.thousand_words})(?!\w)(?:\s(?:(?:de|di)\s)?([^\W\d_]{{3,30}}))?"
    )

    def thousands(match: re.Match[str]) -> str:
        form = language.form_for(match[3] or "")
        said = language.cardinal(int(match[1]) * 1000, form if form != "count" else "masculine")
        rest = match.group()[match.end(2) - match.start() :]
        return f"{said}{rest}"

    return [at_digits("thousands", pattern, thousands)]
