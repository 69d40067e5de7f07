"""Units with a stroke, halves, heights, doses, and ranges of decimals."""

from __future__ import annotations

import re

from telephony.text.normalization.amounts import UNITS
from telephony.text.normalization.language import Written
from telephony.text.normalization.numerals import SIGN, number_pattern, read
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import (
    Rule,
    alternatives,
    around,
    at_digits,
    ends_text,
    first_words,
    near_digits,
    near_words,
)

_NUMBER = r"\d{1,9}(?:[.,]\d{1,4})?"
_DECIMAL_RANGE = re.compile(
    rf"(?<![\w.,:/+-])({_NUMBER})\s?[-–]\s?({_NUMBER})(?=\s?(?:%|°|[^\W\d_]{{1,12}})(?!\w))(?<=\d)"
)
_HEIGHT = re.compile(r"(?<![\w.,])([12])[.,](\d\d)\s?m(?![\w²³/])")
_OUT_OF = re.compile(r"(?<![\w.,/])(\d{1,3}[.,]\d{1,2})/(\d{1,3})(?![\w/]|[.,]\d)")
_CROSS = re.compile(r"(?<=\d)\s?[x×]\s?(?=\d)")
# Goals stand between the names of two teams.
_BEFORE_GOALS = re.compile(r"(?<!\w)[A-ZÀ-Þ][\w-]{2,16}\s\d{1,2}$")
_BEHIND_GOALS = re.compile(r"\d{1,2}\s[A-ZÀ-Þ][\w-]{2}")
_HALF = r"(?:1/2|½)"


def dose_rules(language: RomanceGrammar) -> list[Rule]:
    """How often something is taken, and ranges of decimals before what they count."""
    spans = alternatives(language.rates)
    every = re.compile(
        rf"(?<!\w)((?:{language.every})\s?)(\d{{1,2}})(?:\s?(?:[-–]|\s{language.to}\s)\s?(\d{{1,2}}))?\s?"
        rf"(h|hs|hrs|min|d|j|gg|sem)(?!\w)\.?", re.IGNORECASE
    )  # fmt: skip
    times = re.compile(
        rf"(?<![\w.,])(\d{{1,2}})(?:\s?[-–]\s?(\d{{1,2}}))?\s?(?:[x×]|v|veces|vezes|fois|volte)\s?/\s?({spans})(?!\w)",
        re.I,
    )
    units = {"h": "hour", "m": "minute", "d": "day", "j": "day", "g": "day", "s": "week"}

    def spread(low: str, high: str | None, form_of: str, before: str) -> str:
        form = language.form_for(form_of)
        said = language.cardinal(int(low), form)
        return language.between(said, language.cardinal(int(high), form), before, f" {form_of}") if high else said

    once = re.compile(r"(?<![\w.,])1\s?[x×](?=\s(?:por|ao|à|al|par|a|alla)\s)|(?<![\w.,])1[x×](?![\w×])(?!\s?\d)")

    def each(match: re.Match[str]) -> str:
        stop = "." if ends_text(match) else ""
        begin = match[1] if match[1].strip().lower() != "c/" else "cada "
        name = language.unit(f"duration-{units[match[4][0].lower()]}")
        if match[2] == "1" and not match[3]:
            return f"{begin}{language.counted(Written(1), name)}{stop}"
        return f"{begin}{spread(match[2], match[3], name.many, begin)} {name.many}{stop}"

    def often(match: re.Match[str]) -> str:
        rate = language.rates.get(match[3]) or language.rates[match[3].lower()]
        once = (
            language.once
            if match[1] == "1" and not match[2]
            else f"{spread(match[1], match[2], language.fold, around(match)[0])} {language.fold}"
        )
        return f"{once} {language.times_a} {rate}" if language.times_a else f"{once} {rate}"

    return [
        near_words("dose", every, each, first_words(language.every)),
        near_words("dose", times, often, "/"),
        at_digits("dose", once, lambda match: language.once),
        at_digits("range", _DECIMAL_RANGE, lambda match: _decimals(match, language)),
    ]


def _decimals(match: re.Match[str], language: RomanceGrammar) -> str | None:
    if not re.search(r"[.,]", match.group()):
        return None
    return language.between(match[1], match[2], *around(match))


def rules(language: RomanceGrammar) -> list[Rule]:
    """Units with a stroke, halves of what is counted, heights."""
    units = {**UNITS, **language.units}
    symbols = alternatives(units)
    half = re.compile(rf"(?<![\w.,/-]){_HALF}\s(?:d'|de\s)?({symbols}|[^\W\d_]{{2,20}})(?!\w)(\.?)", re.IGNORECASE)
    and_half = re.compile(
        rf"(?<![\w.,/-])(\d{{1,4}})(?:\s1/2|\s?½)\s?(?:d'|de\s|di\s)?({symbols}|[^\W\d_]{{3,20}})(?!\w)", re.IGNORECASE
    )
    part = re.compile(rf"(?<![\w.,/-])(?:(\d{{1,3}})\s)?(\d{{1,2}})/(\d{{1,2}})\s({symbols})(?![\w/])")

    shortened = re.compile(rf"(?<=\d)(\s?(?:{symbols}))\.(?=[,;:!?)]|\s[a-zà-ÿ(×=+])")
    scored = re.compile(rf"(?<!\w)(?:{language.score_words})\b[^.!?]{{0,60}}$", re.IGNORECASE)

    def out_of(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        return (
            None if value is None else f"{language.number(value)} {language.out_of} {language.cardinal(int(match[2]))}"
        )

    def cross(match: re.Match[str]) -> str:
        behind = match.string[match.end() : match.end() + 12]
        if re.match(r"\d{1,9}(?:[.,]\d{1,2})?\s?(?:[=€]|(?:kg|g|mg|mcg|µg|[mc]?l|mL|L)\b)", behind):
            word = language.times
        elif scored.search(match.string[max(0, match.start() - 70) : match.start()]) or (
            _BEFORE_GOALS.search(match.string[max(0, match.start() - 24) : match.start()])
            and _BEHIND_GOALS.match(match.string, match.end())
        ):
            word = language.to
        else:
            word = language.by
        return f" {word} "

    def half_of(match: re.Match[str]) -> str | None:
        noun = language.unit(units[match[1]]).one if match[1] in units else match[1]
        form = language.form_for(noun)
        return None if form == "count" else f"{language.half_of[form]} {noun}{match[2]}"

    def with_half(match: re.Match[str]) -> str | None:
        whole, symbol = Written(int(match[1])), match[2]
        if symbol in units:
            name = language.unit(units[symbol])
            counted, noun = language.counted(whole, name), name.one
        else:
            noun = symbol
            if language.form_for(noun) == "count":
                return None
            noun = noun.removesuffix("s") if whole.whole == 1 else noun
            counted = f"{language.before_noun(whole, noun)} {noun}"
        return f"{counted} {language.and_half_of[language.form_for(noun)]}"

    def part_of(match: re.Match[str]) -> str | None:
        above, below = int(match[2]), int(match[3])
        if not above < below or language.fraction(above, below) is None:
            return None
        said = language.mixed(int(match[1]), above, below) if match[1] else language.fraction(above, below) or ""
        name = language.unit(units[match[4]])
        return f"{said}{language.linked(name.one)}"

    def height(match: re.Match[str]) -> str:
        return language.height(int(match[1]), match[2])

    return [
        near_digits("unit", shortened, lambda match: match[1]),
        near_words("half", and_half, with_half, ("1/2", "½")),
        near_words("half", half, half_of, ("1/2", "½")),
        near_words("score", _OUT_OF, out_of, "/"),
        near_words("cross", _CROSS, cross, "x×"),
        near_words("fraction", part, part_of, "/"),
        at_digits("height", _HEIGHT, height),
        *_rate_rules(language),
    ]


def _rate_rules(language: RomanceGrammar) -> list[Rule]:
    number = number_pattern(language)
    units = {**UNITS, **language.units}
    symbols = alternatives(units)
    each = alternatives(language.rates)
    divided = re.compile(
        rf"({SIGN})({number})\s?({symbols})\.?/({alternatives({*language.rates, *units})})(?:/({each}))?(?:\.(?=[,;]))?"
        r"(?![\w/²³])"
    )
    consumed = re.compile(rf"({number})\s?({symbols})/(\d{{1,4}})\s?({symbols})(?![\w/])")

    def per_amount(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        if value is None:
            return None
        amount = language.counted(Written(int(match[3])), language.unit(units[match[4]]))
        return f"{language.counted(value, language.unit(units[match[2]]))} {language.per_amount} {amount}"

    def per(match: re.Match[str]) -> str | None:
        value, symbol, rate = read(match[2], language), match[3], match[4]
        if value is None or (f"{symbol}/{rate}" in units and not match[5]):
            return None
        each = language.rates.get(rate) or language.unit(units[rate]).one
        said = f"{language.counted(value, language.unit(units[symbol]))} {language.per} {each}"
        if match[5]:
            said += f" {language.per} {language.rates[match[5]]}"
        return f"{language.minus} {said}" if match[1] else said

    return [
        near_words("unit", divided, per, "/"),
        near_words("unit", consumed, per_amount, "/"),
    ]
