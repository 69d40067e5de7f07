"""Codes behind their names, papers, plates, flights, extensions, numbers to dial and to write to."""

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
_PAPER = re.compile(r"(?<![\w.,-])(\d{1,3}(?:\.\d{3}){2}|\d{7,8})-?([A-Z]|(?<=-)\d)(?![\w-])")
_PLATES = re.compile(
    r"(?<![\w-])(?:(\d{4})\s([BCDFGHJKLMNPRSTVWXYZ]{3})|([A-Z]{2})\s(\d{3})\s([A-Z]{2})|([A-Z]{3})\s(\d{4}|\d[A-Z]\d{2}))(?![\w-])"
)
_STARS = re.compile(r"(?<![\w.])(?:[xX•*]{2,}[\s-]?){1,4}(\d{4})(?!\w)")
_DIVIDED = re.compile(r"(?<![\w.,+/-])\d{1,7}(?:[ .-]\d{1,14}){3,8}(?![\w-])(?![.,]\d)")
_CHECKED = re.compile(r"(?<![\w.,/-])(\d{4,10})-([\dxX])(?![\w-])(?![.,/]\d)")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}[A-Z\d]{11,30}(?!\w)")
_APART = re.compile(r"(?<![\w.,/-])\d(?:-\d){2,9}(?![\w-])")
_MIN_DIVIDED = 12
_TWO_NUMBERS = re.compile(r"(?<![\w./-])50/50(?![\w/])")
_PAIRS = re.compile(r"(?<![\w.,+])0[1-9](?:[ .-]?\d{2}){4}(?!\w| \d)")
_RESOLUTION = re.compile(r"(?<![\w.,$€])([48])K(?!\w)")
_YEAR = re.compile(r"(?:19|20)\d\d")
_FREEPHONE = re.compile(
    r"(?<![\w.,:/+-])(0?)\s?([89]00|(?<=0)\s?8[1-9]\d|(?<=0\s)8[1-9]\d)((?:[ .-]\d{2,4}){1,4})(?![\w-]|[.,:/]\d)"
)


def rules(language: RomanceGrammar) -> list[Rule]:
    """What is read character by character by its form or its name."""
    between = rf"(?:[\s:#.°º]|\b(?:{language.named_joint})\b){{1,12}}"
    named = re.compile(rf"(?<!\w)((?:{language.named_words})\b{between})({_MIXED})(?![\w@-]|[./]\w)", re.IGNORECASE)
    letters = re.compile(
        rf"(?<!\w)((?i:{language.named_words})\b(?:[\s:#.]|(?i:\b(?:{language.named_joint})\b)){{1,12}})([A-Z]{{5,8}}|(?=[A-Z]*[^AEIOU\W]{{3}})[A-Z]{{3,4}})"
        r"(?![\w@-]|\.\w)"
    )
    paper = re.compile(
        rf"(?<!\w)((?:{language.document_words})\b(?:[\s:]|\b(?:{language.named_joint})\b){{1,12}}(?:[nN][.º°]{{1,2}}\s)?)"
        r"(\d[\d .\-/]{3,30}\d)(-?[A-Z])?(?![\w-]|[.,]\d)",
        re.IGNORECASE,
    )
    flight = re.compile(rf"(?<!\w)((?i:{language.flight_words})\s)([A-Z]{{2}}|[A-Z]\d|\d[A-Z])\s?-?(\d{{2,4}})(?!\w)")
    with_purpose = re.compile(
        rf"(?<!\w)((?:{language.named_words})(?:\s(?:de|da|do|di|d|del|della|des|du|d')[\s']?\s?[^\W\d_]{{3,20}}){{1,2}}"
        rf"(?:\s?:|\s(?:{language.named_joint}))*\s)(\d{{3,14}})(?![\w%€$]|[.,:/-]\d)",
        re.IGNORECASE,
    )
    dated = re.compile(
        rf"(?<!\w)((?:{language.named_words}|factura|fatura|facture|fattura)\b{between})(\d{{2,6}})/(\d{{3,6}})(?![\w/]|[.,]\d)",
        re.IGNORECASE,
    )
    road = re.compile(rf"(?<![\w-])({language.road_words})-?(\d{{1,4}})(?![\w-]|[.,]\d)")
    extension = re.compile(
        rf"(?:(?<=\d)|(?<!\w))(,?\s)?\(?({language.extension_words})\s?(\d{{2,6}})\)?(?![\w]|[.,]\d|-\d)", re.I
    )
    text_to = re.compile(
        rf"(?<!\w)((?:{language.text_to})\s(?:(?:{language.named_joint})\s)?)(\d{{3,6}})(?![\w%€$]|[.,:/-]\d)"
    )
    texted = re.compile(rf"(?<!\w)(?:{language.text_verbs}|SMS)\b[^.!?]{{0,60}}$", re.IGNORECASE)
    dialled = re.compile(rf"(?<!\w)((?:{language.call_words})\s)(\d{{2,5}})(?![\w%€$°]|[.,:/-]\d|\s\d)", re.IGNORECASE)

    def free(match: re.Match[str]) -> str | None:
        groups = re.findall(r"\d+", match[3])
        if not 6 <= sum(map(len, groups)) <= 8 or not any(map(int, groups)):
            return None
        first = f"{language.digits[0]} " if match[1] else ""
        if language.phone_pairs:
            said = ", ".join(
                language.cardinal(int(group)) if group[0] != "0" else language.spell_digits(group) for group in groups
            )
        else:
            said = codes.digit_groups(groups, language)
        return f"{first}{language.cardinal(int(match[2]))}, {said}"

    def phone(match: re.Match[str]) -> str | None:
        return codes.telephone(match.group(), language)

    def in_groups(match: re.Match[str]) -> str | None:
        groups = re.findall(r"\d+", match.group())
        thousands = all(len(group) == 3 for group in groups[1:])
        if thousands or sum(map(len, groups)) < _MIN_DIVIDED:
            return None
        return codes.digit_groups([part for group in groups for part in codes.divided(group)], language)

    def checked(match: re.Match[str]) -> str:
        return f"{codes.digit_groups(codes.divided(match[1]), language)}, {codes.spelled(match[2], language)}"

    def iban(match: re.Match[str]) -> str:
        return codes.spelled(" ".join(re.findall(r".{1,4}", match.group())), language)

    def with_year(match: re.Match[str]) -> str:
        first = language.year(int(match[2])) if _YEAR.fullmatch(match[2]) else language.spell_digits(match[2])
        return f"{match[1]}{first} {language.slash} {language.spell_digits(match[3])}"

    def purpose(match: re.Match[str]) -> str:
        return match[1] + codes.digit_groups(codes.divided(match[2]), language)

    def is_code(written: str) -> bool:
        return _NO_CODE.fullmatch(written) is None

    def named_code(match: re.Match[str]) -> str | None:
        if not is_code(match[2]):
            return None
        return f"{_name(match[1])} {codes.characters(match[2].upper().replace('.', '-'), language)}"

    def papers(match: re.Match[str]) -> str | None:
        groups = re.findall(r"\d+", match[2])
        if len(groups) == 1:
            groups = codes.divided(groups[0])
        letter = f", {match[3][-1].upper()}" if match[3] else ""
        return f"{_name(match[1])} {codes.digit_groups(groups, language)}{letter}"

    def form(match: re.Match[str]) -> str:
        groups = re.findall(r"\d+", match[1])
        said = codes.digit_groups(groups if len(groups) > 1 else codes.divided(groups[0]), language)
        return f"{said}, {codes.characters(match[2], language)}"

    plates = re.compile(rf"(?<!\w)(?:{language.plate_words})\b[^.!?\d]{{0,20}}$", re.IGNORECASE)

    def plate(match: re.Match[str]) -> str | None:
        if match[6] and not plates.search(match.string[max(0, match.start() - 40) : match.start()]):
            return None
        return ", ".join(codes.characters(part, language) for part in match.groups() if part)

    def letter_behind(match: re.Match[str]) -> str | None:
        letter = match[2] or match[3] or match[4]
        if match[4] and letter in _UNITS_BEHIND:
            return None
        joint = f" {language.slash} " if match[3] else " "
        number = match[1]
        said = language.spell_digits(number) if number[0] == "0" else language.cardinal(int(number))
        return f"{said}{joint}{letter}"

    def flown(match: re.Match[str]) -> str:
        airline = " ".join(language.spell_digits(part) if part.isdecimal() else part for part in match[2])
        return f"{match[1]}{airline}, {language.spell_digits(match[3])}"

    def on_road(match: re.Match[str]) -> str | None:
        return f"{' '.join(match[1])} {language.cardinal(int(match[2]))}" if match[2][0] != "0" else None

    def inside(match: re.Match[str]) -> str:
        before = ", " if match[1] and match.string[match.start() - 1].isdecimal() else (match[1] or "")
        return f"{before}{language.extension} {codes.digit_groups(codes.divided(match[3]), language)}"

    def send(match: re.Match[str]) -> str | None:
        if not texted.search(match.string[max(0, match.start() - 80) : match.start()]):
            return None
        return match[1] + codes.digit_groups(codes.divided(match[2]), language)

    return [
        near_digits("IBAN", _IBAN, iban),
        at_digits("divided number", _DIVIDED, in_groups),
        at_digits("digits apart", _APART, lambda match: language.spell_digits(match.group().replace("-", ""))),
        *([near_digits("telephone number", _PAIRS, phone)] if language.phone_pairs else []),
        at_digits("resolution", _RESOLUTION, lambda match: f"{language.cardinal(int(match[1]))} K"),
        near_words(
            "numbered paper", dated, with_year, first_words(f"{language.named_words}|factura|fatura|facture|fattura")
        ),
        near_digits("free number", _FREEPHONE, free),
        near_words("named code", with_purpose, purpose, first_words(language.named_words)),
        near_words("flight", flight, flown, first_words(language.flight_words)),
        near_words("paper", paper, papers, first_words(language.document_words)),
        near_words("named code", named, named_code, first_words(language.named_words)),
        near_words(
            "named code",
            letters,
            lambda match: f"{_name(match[1])} {codes.characters(match[2], language)}",
            first_words(language.named_words),
        ),
        at_digits("paper", _PAPER, form),
        at_digits("check digit", _CHECKED, checked),
        near_digits("plate", _PLATES, plate),
        near_digits("road", road, on_road),
        near_words("extension", extension, inside, first_words(language.extension_words)),
        near_words("short code", text_to, send, first_words(language.text_to)),
        near_words(
            "dialled",
            dialled,
            lambda match: match[1] + language.short_number(match[2]),
            first_words(language.call_words),
        ),
        near_digits("ending", _STARS, lambda match: f"{language.ending_in} {language.spell_digits(match[1])}"),
        at_digits("two numbers", _TWO_NUMBERS, lambda match: " ".join([language.cardinal(50)] * 2)),
        at_digits("letter behind a number", _LETTER_BEHIND, letter_behind),
    ]


def _name(written: str) -> str:
    return written.replace("#", "").rstrip()
