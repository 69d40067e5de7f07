"""English numbers in forms of their own: heights, sizes, scores, mixed numbers, ordinals."""

from __future__ import annotations

import re

from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.english.units import FRACTIONED, NOT_NOUNS, UNITS
from telephony.text.normalization.numerals import read
from telephony.text.normalization.rules import Rule, at_digits, near_digits, near_words

_ORDINAL = re.compile(r"(?<![\w.,])(\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:st|nd|rd|th|ST|ND|RD|TH)(?!\w)")
_FEET = re.compile(r"(?<![\w.,'])(\d{1,3})'(?:\s?(\d{1,2}(?:\s1/2|½)?)(?:\"|''|(?![\d'\w])))?(?![\w'])")
_INCHES = re.compile(r"(?<![\w.,'])(\d{1,3}(?:\.\d)?)(?:\"|'')(?=\s?x\s?\d|\s[a-z]|[.,;!?]?$|[.,;])")
_HEIGHT = re.compile(r"(?<![\w.,])(\d)\s?ft\.?\s(\d{1,2})(?!\s?(?:in|\d|/|[a-z]))", re.IGNORECASE)
_INCH_PARTS = re.compile(r"(?<![\w./,-])(?:(\d{1,3})[\s-])?(\d{1,2})/(\d{1,2})\"(?=(\s[a-z]{3,})?)")
_ORDINAL_RANGE = re.compile(r"(?<=\dst|\dnd|\drd|\dth)\s?[-–]\s?(?=\d{1,4}(?:st|nd|rd|th)(?!\w))")
_STONES = re.compile(r"(?<![\w.,])(\d{1,2})\s?st(?![\w.])(?!\s[A-Z])")
_STONE = re.compile(r"(?<![\w.,])(\d{1,2})\s?st\s?(\d{1,2})\s?lbs?(?!\w)")
_MARKED_SIZE = re.compile(r"(?<![\w.,'])(\d{1,3})(['\"])\s?[x×]\s?(\d{1,3})\2(?:\s?[x×]\s?(\d{1,3})\2)?")
_SIZED = re.compile(
    r"(?<![\w.,/])(\d{1,4}(?:\.\d{1,2})?)\s?[x×]\s?(\d{1,4}(?:\.\d{1,2})?)(?:\s?[x×]\s?(\d{1,4}(?:\.\d{1,2})?))?"
    r"(?:\s?(ft|in|cm|mm|m|px)(?![\w/])|(s)(?!\w))?(?!\w|\.\d)"
)
_LENGTH = re.compile(
    r"\s?(?:(?:cm|mm|m|ft|in|inch|inches|feet|foot|meters|px|pixels)(?!\w)|'|\"|(?:prints?|photos?|pictures?|frames?|cards?|rugs?|boards?|tiles?|paper|envelopes?)\b)"
)
_HALF_SIZE = re.compile(r"(?<=\d)\s?½(?=\s?[x×]\s?\d)")
_MILLIONS = re.compile(
    r"(?<![\w.,$€£])(\d{1,4}(?:\.\d{1,2})?)\s?m(?=\s(?:people|users|customers|households|homes|members|followers|views|"
    r"downloads|jobs|residents|passengers|visitors|subscribers|copies|tonnes)\b)"
)
_SIDES = {"W": "wide", "D": "deep", "H": "high", "L": "long"}
_SIDE = re.compile(r"(?<![\w.,'])(\d{1,3}(?:\.\d{1,2})?)(['\"])\s?([WDHL])(?!\w)(\s?[x×](?=\s?\d)\s?)?")
_FRACTION_ENDING = re.compile(r"(?<=[1-9]/[2-9])(?:nd|rd|th)s?(?!\w)", re.IGNORECASE)
_HALF = re.compile(r"(?<![\w./,-])1/2(?=\s(?:off|price|priced|time|way|full|empty|day)\b)")
_MIXED = re.compile(rf"(?<![\w.,/-])(\d{{1,4}})(?:\s|-)({'|'.join(FRACTIONED)})(?![\w/]|[.,]\d)")
_OUT_OF = re.compile(
    r"(?<![\w./])(10)/(10)(?![\w/])|"
    r"(?<![\w.,/])(\d(?:\.\d)?)/(5|10)(?=\s(?:stars?|rating|on)\b)|(?<![\w.,/])(\d\.\d)/(5|10|100)(?![\w/])|(?<=rated\s)(\d)/(5|10)(?!\w)"
)
_CHANCE = re.compile(r"(?<![\w.,-])(\d{1,4})-in-(?=\d)")


def rules(language: EnglishGrammar) -> list[Rule]:
    """Heights, sizes, scores, mixed numbers."""

    def feet(match: re.Match[str]) -> str | None:
        foot = "foot" if match[1] == "1" else "feet"
        said = f"{language.cardinal(int(match[1]))} {foot}"
        if not match[2]:
            return said
        inches = int(re.match(r"\d+", match[2]).group())  # type: ignore[union-attr]
        half = " and a half" if len(match[2]) > 2 else ""
        return f"{said} {language.cardinal(inches)}{half} {'inch' if inches == 1 and not half else 'inches'}"

    def inches(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        if value is None:
            return None
        noun = re.match(r"\s([a-z]+)", match.string[match.end() : match.end() + 20])
        adjectival = noun is not None and noun[1] not in NOT_NOUNS
        return f"{language.number(value)} {'inch' if match[1] == '1' or adjectival else 'inches'}"

    def height(match: re.Match[str]) -> str:
        feet = f"{language.cardinal(int(match[1]))} {'foot' if match[1] == '1' else 'feet'}"
        return f"{feet} {language.cardinal(int(match[2]))}"

    def marked_size(match: re.Match[str]) -> str:
        unit = "feet" if match[2] == "'" else "inches"
        return " by ".join(language.cardinal(int(part)) for part in match.group(1, 3, 4) if part) + f" {unit}"

    def side(match: re.Match[str]) -> str:
        unit = "feet" if match[2] == "'" else "inches"
        return f"{match[1]} {unit} {_SIDES[match[3]]}" + (" by " if match[4] else "")

    def size(match: re.Match[str]) -> str | None:
        if match.string[match.end() : match.end() + 3].strip().startswith("="):
            return None
        if "×" in match.group() and not (match[4] or _LENGTH.match(match.string, match.end())):
            return None
        values = [read(part, language) for part in match.group(1, 2, 3) if part]
        said = " by ".join(language.number(value) for value in values if value is not None)
        return f"{said} {language.unit_name(UNITS[match[4]][1])}" if match[4] else said + (match[5] or "")

    def out_of(match: re.Match[str]) -> str | None:
        got, best = [part for part in match.groups() if part]
        value = read(got, language)
        return None if value is None else f"{language.number(value)} out of {language.cardinal(int(best))}"

    return [
        at_digits("chance", _CHANCE, lambda match: f"{match[1]} in ", ("-in-",)),
        at_digits("number", _MILLIONS, lambda match: f"{match[1]} million"),
        near_words("size", _HALF_SIZE, lambda match: ".5", "½"),
        at_digits("size", _SIDE, side, "'\""),
        at_digits("size", _MARKED_SIZE, marked_size, "x×"),
        at_digits("feet and inches", _FEET, feet, "'"),
        at_digits("feet and inches", _INCHES, inches, ('"', "''")),
        at_digits("height", _HEIGHT, height, ("ft",)),
        at_digits("size", _SIZED, size, "x×"),
        at_digits("score", _OUT_OF, out_of, "/"),
    ]


def inch_rules(language: EnglishGrammar) -> list[Rule]:
    """Parts of an inch by its mark. They come before dates."""

    def part(match: re.Match[str]) -> str | None:
        above, below = int(match[2]), int(match[3])
        if language.fraction(above, below) is None:
            return None
        if match[1]:
            return f"{language.mixed(int(match[1]), above, below)} {'inch' if match[4] else 'inches'}"
        if match[4]:
            # "a three quarter inch bit", but "three eighths".
            said = language.fraction(above, below) or ""
            return f"{said.removesuffix('s') if below == 4 else said} inch"
        return f"{language.fraction(above, below)} of an inch"

    return [at_digits("inches", _INCH_PARTS, part, "/")]


def stone_rules(language: EnglishGrammar) -> list[Rule]:
    """Weights in stones, which look like ordinals."""

    def stone(match: re.Match[str]) -> str:
        pounds = "pound" if int(match[2]) == 1 else "pounds"
        return f"{language.cardinal(int(match[1]))} stone {language.cardinal(int(match[2]))} {pounds}"

    def stones(match: re.Match[str]) -> str | None:
        number = int(match[1])
        return None if number % 10 == 1 and number != 11 else f"{language.cardinal(number)} stone"

    return [
        at_digits("stone", _STONE, stone, ("st",)),
        at_digits("stone", _STONES, stones, ("st",)),
    ]


def mixed_rules(language: EnglishGrammar) -> list[Rule]:
    """Mixed numbers without a unit."""

    def mixed_number(match: re.Match[str]) -> str:
        above, below = map(int, match[2].split("/"))
        return language.mixed(int(match[1]), above, below)

    return [
        at_digits("fraction", _HALF, lambda match: "half", "/"),
        at_digits("mixed number", _MIXED, mixed_number, "/"),
    ]


def ordinal_rules(language: EnglishGrammar) -> list[Rule]:
    """Numbers with "st", "nd", "rd" or "th"."""

    def ordinal(match: re.Match[str]) -> str:
        return language.ordinal(int(match[1].replace(",", "")))

    return [
        near_digits("fraction", _FRACTION_ENDING, lambda match: ""),
        near_digits("ordinals", _ORDINAL_RANGE, lambda match: f" {language.to} "),
        at_digits("ordinal", _ORDINAL, ordinal),
    ]
