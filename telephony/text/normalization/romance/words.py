"""Strokes between words, and endings in brackets."""

from __future__ import annotations

import re

from telephony.text.normalization import codes
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, alternatives, ends_text, near_digits, near_words

_ENDING = re.compile(r"(?<=[^\W\d_])\((?:s|es|a|as|e|x)\)(?!\w)")
_AND_OR = re.compile(r"(?<![\w/])(e|y|et)/(ou|o|u)(?![\w/])")
_UNDERSCORE = re.compile(r"(?<=[^\W_])_(?=[^\W_])")
_STROKE = re.compile(r"(?<=[a-zà-ÿ]{2})/([^\W\d_]{2,30})")

_CONTEXT_CHARS = 48


def extreme_rules(language: RomanceGrammar) -> list[Rule]:
    """ "Maximum" and "minimum", which agree with what is before them, when units are said."""
    pattern = re.compile(rf"(?<![\w@/-])({alternatives(language.extremes) or '(?!)'})(\.|(?=\s))(?!\w)", re.IGNORECASE)
    named = re.compile(r"([^\W\d_]+)\.?\s$")

    def extreme(match: re.Match[str]) -> str:
        before = named.search(match.string, max(0, match.start() - 24), match.start())
        if before is None:  # "temp. mín. 8 °C, máx. 20 °C": the second one agrees as the first
            first = pattern.search(match.string, max(0, match.start() - _CONTEXT_CHARS), match.start())
            before = named.search(match.string, max(0, first.start() - 24), first.start()) if first else None
        word = before[1].lower() if before else ""
        feminine = word in ("a", "la", "à", "da", "della", "temp") or language.is_feminine(word)
        said = language.extremes[match[1].lower()][feminine]
        return (said.capitalize() if match[1][0].isupper() else said) + ("." if match[2] and ends_text(match) else "")

    return [near_words("extreme", pattern, extreme, language.extremes)]


def letter_rules(language: RomanceGrammar) -> list[Rule]:
    """Shortened places before a letter, and names that an underscore joins."""
    lettered = re.compile(
        rf"(?<![\w.@/])({alternatives(language.before_number)})\s(?=(?:[A-Z]|[IVXL]{{2,6}})(?!\w|\.\w)|[A-Z]{{1,6}}-?\d)"
    )
    return [
        Rule("abbreviation", lettered, lambda match: f"{language.before_number[match[1]]} "),
        near_words("underscore", _UNDERSCORE, lambda match: f" {language.underscore} ", "_"),
    ]


def house_rules(language: RomanceGrammar) -> list[Rule]:
    """House numbers behind a street, and post codes before a town."""
    house = re.compile(rf"(?<!\w)({language.number_sign}\s)(\d{{1,5}})(?![\w%]|[.,:/-]\d)", re.IGNORECASE)
    street = re.compile(rf"(?<!\w)(?:{language.street_words})\s[^.!?\d]{{2,60}}$", re.IGNORECASE)
    post = re.compile(rf"(?:^|(?<=,\s)|(?<=[-–—]\s))({language.post_code})(?=\s[A-ZÀ-Þ][a-zà-ÿ])")

    def on_street(match: re.Match[str]) -> str | None:
        if not street.search(match.string[max(0, match.start() - 70) : match.start()]):
            return None
        return f"{match[1]}{language.cardinal(int(match[2]))}"

    return [
        near_digits("house number", house, on_street),
        near_digits("post code", post, lambda match: codes.digit_groups(re.findall(r"\d+", match[1]), language)),
    ]


def stroke_rules(language: RomanceGrammar) -> list[Rule]:
    """What is said for strokes between words; nothing for an ending in brackets."""

    def either(match: re.Match[str]) -> str:
        rate = language.rates.get(match[1])
        return f" {language.per} {rate}" if rate else f" {language.either} {match[1]}"

    return [
        near_words("ending", _ENDING, lambda match: "", "("),
        near_words("and or", _AND_OR, lambda match: f"{match[1]} {match[2]}", "/"),
        near_words("stroke", _STROKE, either, "/"),
    ]
