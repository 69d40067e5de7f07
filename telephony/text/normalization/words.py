"""Abbreviations, Roman numerals, and symbols that have a name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from telephony.text.normalization.language import Language
from telephony.text.normalization.rules import (
    Rule,
    alternatives,
    at_words,
    ends_text,
    first_words,
    near_digits,
    near_words,
)

_ROMAN = r"[IVXL]{1,8}"
# All but the letters, and the marks on them, of the writing that most texts have.
_PERHAPS_SILENT = re.compile(r"[^a-zA-ZÀ-ÖØ-öø-ɏЀ-ҁ҃-ԯऀ-ॣ .,;:!?'\"()-]")
_SPOKEN_PUNCTUATION = frozenset(".,;:!?'\"()—-¿¡")


def rules(language: Language) -> list[Rule]:
    """Roman numerals, and shortened words in full."""
    return [*_roman_rules(language), *_abbreviation_rules(language)]


def _abbreviation_rules(language: Language) -> list[Rule]:
    fixed = re.compile(rf"(?<![\w.@/])(?:{alternatives(language.abbreviations)})(?!\w)")
    titles = re.compile(
        rf"(?<![\w.@/])({alternatives(language.titles)})(?:(?<=\.)|(?=\s))(?=\s?(?:[A-ZÀ-Þ][\w'.]|[A-Z]\.))"
    )
    numbered = re.compile(rf"(?<![\w.@/&])({alternatives(language.before_number)})\s?(?=\d)")

    def full(match: re.Match[str]) -> str:
        word = language.abbreviations[match.group()]
        return word + ("." if ends_text(match) else "")

    return [
        at_words("abbreviation", fixed, full, _beginnings(language.abbreviations)),
        at_words("title", titles, lambda match: language.titles[match[1]], _beginnings(language.titles)),
        near_digits("abbreviation", numbered, lambda match: f"{language.before_number[match[1]]} "),
    ]


def _beginnings(shortened: Iterable[str]) -> set[str]:
    return {word for short in shortened for word in re.findall(r"^\w+", short.lower())}


def _roman_rules(language: Language) -> list[Rule]:
    # Behind a word that leaves no doubt.
    kings = re.compile(rf"(?<!\w)({language.kings})\s({_ROMAN})(er)?(?![\w'.-]*\w)")
    parts = re.compile(rf"(?<!\w)({language.before_roman})\s({_ROMAN})(?![\w'-])")

    def king(match: re.Match[str]) -> str | None:
        number = language.roman(match[2])
        return None if number is None else language.numbered_name(match[1], number)

    def part(match: re.Match[str]) -> str | None:
        number = language.roman(match[2])
        return None if number is None else f"{match[1]} {language.cardinal(number)}"

    return [
        at_words("Roman numeral", kings, king, first_words(language.kings)),
        at_words("Roman numeral", parts, part, first_words(language.before_roman)),
    ]


def symbol_rules(language: Language) -> list[Rule]:
    """Symbols with a name, where they stand between what they join."""

    def named(symbols: str, pattern: str, said: str) -> Rule:
        return near_words("symbol", re.compile(pattern), lambda match: said, symbols)

    return [
        named(">→⇒➔➜", r"\s?(?:-{1,2}>|=>|→|⇒|➔|➜)\s?", ", "),
        named("≥>", r"\s?(?:≥|>=)\s?", f" {language.greater} {language.equals} "),
        named("≤<", r"\s?(?:≤|<=)\s?", f" {language.less} {language.equals} "),
        named("≈∼~", r"\s?[≈∼]\s?|(?<!\w)~(?=\s?\w)", f" {language.about} "),
        named("&", r"\s?&\s?", f" {language.ampersand} "),
        named("=", r"\s?[=]\s?", f" {language.equals} "),
        named("#", r"(?<!\w)#(?!\w)", f" {language.pound_key} "),
        named("+", r"\s?\+\s?", f" {language.plus} "),
        named("×∗*", r"(?<=\w)\s?[×∗]\s?(?=\w)|(?<=\w)\s\*\s(?=\w)", f" {language.times} "),
        named("÷", r"(?<=\w)\s?÷\s?(?=\w)", f" {language.divided_by} "),
        named("<", r"(?<=\s)<(?=\s)", language.less),
        named(">", r"(?<=\s)>(?=\s)", language.greater),
        named("%", r"\s?%", f" {language.percent}"),
        named("‰", r"\s?‰", f" {language.permille}"),
        named("@", r"\s?@\s?", f" {language.at} "),
        named("§", r"§\s?", f"{language.section} "),
        named("°", r"°", f" {language.degree.many}"),
        named("€", r"€", f" {language.currency('EUR').unit.one}"),
        named("₹", r"₹", f" {language.currency('INR').unit.one}"),
        named("₽", r"₽", f" {language.currency('RUB').unit.one}"),
        named("£", r"£", f" {language.currency('GBP').unit.one}"),
        named("$", r"R\$", f" {language.currency('BRL').unit.one}"),
        named("$", r"\$", f" {language.currency(language.dollar_code).unit.one}"),
        named("²", r"²", f" {language.squared}"),
        named("³", r"³", f" {language.cubed}"),
        named("|¦", r"\s?[|¦]\s?", ", "),
        named("[{", r"[\[{]", "("),
        named("]}", r"[\]}]", ")"),
        near_words("dash", re.compile(r"\s–\s|\s-{1,3}\s|-{2,}"), lambda match: " — ", (" - ", " – ", "--")),
        near_words("dash", re.compile(r"–"), lambda match: "-", "–"),
    ]


def sweep(text: str) -> str:
    """The text without any symbol that is left: letters, their marks, spaces and the punctuation of speech stay."""
    text = _PERHAPS_SILENT.sub(lambda match: match.group() if _is_spoken(match.group()) else " ", text)
    if "-" in text:
        text = re.sub(r"(?<!\w)-+|-+(?!\w)", " ", text)
    text = " ".join(text.split())  # first: what follows would look behind every space of a long run
    text = re.sub(r"\( ?\)", " ", text).replace("( ", "(")
    text = re.sub(r" (?=[.,;:!?)](?: |$))", "", text)
    return re.sub(r"([,;])(?: ?[,;])+", r"\1", " ".join(text.split()))


def _is_spoken(character: str) -> bool:
    return character in _SPOKEN_PUNCTUATION or unicodedata.category(character)[0] in "LM"
