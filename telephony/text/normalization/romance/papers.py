"""Papers, plates, flights, roads, accounts: what has a number of its own form."""

from __future__ import annotations

import re

from telephony.text.normalization import codes
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, at_digits, first_words, near_digits, near_words

_PAPER = re.compile(r"(?<![\w.,-])(\d{1,3}(?:\.\d{3}){2}|\d{7,8})-?([A-Z]|(?<=-)\d)(?![\w-])")
_PLATES = re.compile(
    r"(?<![\w-])(?:(\d{4})\s([BCDFGHJKLMNPRSTVWXYZ]{3})|([A-Z]{2})\s(\d{3})\s([A-Z]{2})|([A-Z]{3})\s(\d{4}|\d[A-Z]\d{2}))(?![\w-])"
)
_CHECKED = re.compile(r"(?<![\w.,/-])(\d{4,10})-([\dxX])(?![\w-])(?![.,/]\d)")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}[A-Z\d]{11,30}(?!\w)")
_DIVIDED = re.compile(r"(?<![\w.,+/-])\d{1,7}(?:[ .-]\d{1,14}){3,8}(?![\w-])(?![.,]\d)")
_MIN_DIVIDED = 12
_ACCOUNT = re.compile(r"(?<!\w)[A-Z]{2}\d{2}\s(?:[A-Z\d]{4}\s){0,7}$")
_CONTEXT_CHARS = 40
_ZEROS = re.compile(r"(?<![\w.,-])0\d{1,3}(?:\.\d{3}){1,3}(?!\w|[.,]\d)")
_LAW = re.compile(
    r"(?<!\w)((?i:lei|ley|loi|legge|decreto|décret|portaria|resolução|resolución)(?:[\w\s-]{0,24}?)\s)"
    r"(\d{1,3}(?:\.\d{3})?|\d{1,6})/((?:19|20)?\d\d)(?![\w/]|[.,]\d)"
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_HARDWARE = re.compile(r"(?<![\w:.])(?:[\dA-F]{2}[:-]){5}[\dA-F]{2}(?![\w:-])", re.IGNORECASE)
_HEXADECIMAL = re.compile(r"(?<!\w)0x([\dA-Fa-f]{2,16})(?!\w)")
_INVOICES = "factura|fatura|facture|fattura"


def rules(language: RomanceGrammar) -> list[Rule]:
    """Numbers of papers and of what has a plate, digit by digit."""
    paper = re.compile(
        rf"(?<!\w)((?:{language.document_words})\b(?:[\s:]|\b(?:{language.named_joint})\b){{1,12}}(?:[nN][.º°]{{1,2}}\s)?)"
        r"(\d[\d .\-/]{3,30}\d)(-?[A-Z])?(?![\w-]|[.,]\d)",
        re.IGNORECASE,
    )
    dated = re.compile(
        rf"(?<!\w)((?:{language.named_words}|{_INVOICES})\b(?:[\s:#.°º]|\b(?:{language.named_joint})\b){{1,12}})(\d{{2,6}})/(\d{{3,6}})(?![\w/]|[.,]\d)",
        re.IGNORECASE,
    )
    stroked = re.compile(
        rf"(?<!\w)((?i:{language.named_words}|{_INVOICES})\b(?:[\s:#.°º]|\b(?i:{language.named_joint})\b){{1,12}})"
        r"([A-Z]{1,4})(?:-?(\d{1,8}))?/(\d{1,8})(?:-(\d{1,8}))?(?![\w/]|[.,]\d)"
    )
    flight = re.compile(
        rf"(?<!\w)((?i:{language.flight_words})(?:\s?:)?\s)([A-Z]{{2,3}}|[A-Z]\d|\d[A-Z])\s?-?(\d{{2,4}})(?!\w)"
    )
    road = re.compile(rf"(?<![\w-])({language.road_words})-?(\d{{1,4}})(?![\w-]|[.,]\d)")
    plates = re.compile(rf"(?<!\w)(?:{language.plate_words})\b[^.!?\d]{{0,20}}$", re.IGNORECASE)

    def law(match: re.Match[str]) -> str:
        year = int(match[3])
        if len(match[3]) == 2:
            year += 2000 if year < 40 else 1900
        return f"{match[1]}{language.cardinal(int(match[2].replace('.', '')))} {language.law_of} {language.year(year)}"

    def in_groups(match: re.Match[str]) -> str | None:
        if _ACCOUNT.search(match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]):
            return None
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

    def with_letters(match: re.Match[str]) -> str:
        first = f" {language.spell_digits(match[3])}" if match[3] else ""
        last = f", {language.spell_digits(match[5])}" if match[5] else ""
        letters = codes.spelled(match[2], language)
        return f"{match[1]}{letters}{first} {language.slash} {language.spell_digits(match[4])}{last}"

    def papers(match: re.Match[str]) -> str | None:
        groups = re.findall(r"\d+", match[2])
        if len(groups) == 1:
            groups = codes.divided(groups[0])
        letter = f", {match[3][-1].upper()}" if match[3] else ""
        return f"{match[1].rstrip()} {codes.digit_groups(groups, language)}{letter}"

    def form(match: re.Match[str]) -> str:
        groups = re.findall(r"\d+", match[1])
        said = codes.digit_groups(groups if len(groups) > 1 else codes.divided(groups[0]), language)
        return f"{said}, {codes.characters(match[2], language)}"

    def plate(match: re.Match[str]) -> str | None:
        if match[6] and not plates.search(match.string[max(0, match.start() - 40) : match.start()]):
            return None
        return ", ".join(codes.characters(part, language) for part in match.groups() if part)

    def flown(match: re.Match[str]) -> str:
        airline = " ".join(language.spell_digits(part) if part.isdecimal() else part for part in match[2])
        return f"{match[1]}{airline}, {language.spell_digits(match[3])}"

    def on_road(match: re.Match[str]) -> str | None:
        return f"{' '.join(match[1])} {language.cardinal(int(match[2]))}" if match[2][0] != "0" else None

    def hardware(match: re.Match[str]) -> str:
        return codes.spelled(re.sub("[:-]", " ", match.group().upper()), language)

    def hexadecimal(match: re.Match[str]) -> str:
        return codes.spelled(" ".join(["0X", *re.findall(r".{1,4}", match[1])]), language)

    return [
        at_digits("hexadecimal", _HEXADECIMAL, hexadecimal, ("0x",)),
        near_words("hardware address", _HARDWARE, hardware, ":-"),
        near_digits("IBAN", _IBAN, iban),
        at_digits("divided number", _DIVIDED, in_groups),
        near_digits("law", _LAW, law),
        at_digits("number with zeros", _ZEROS, lambda match: codes.digit_groups(match.group().split("."), language)),
        near_words("numbered paper", stroked, with_letters, first_words(f"{language.named_words}|{_INVOICES}")),
        near_words("numbered paper", dated, with_year, first_words(f"{language.named_words}|{_INVOICES}")),
        near_words("flight", flight, flown, first_words(language.flight_words)),
        near_words("paper", paper, papers, first_words(language.document_words)),
        at_digits("paper", _PAPER, form),
        at_digits("check digit", _CHECKED, checked),
        near_digits("plate", _PLATES, plate),
        near_digits("road", road, on_road),
    ]
