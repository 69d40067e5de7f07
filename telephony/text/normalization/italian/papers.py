"""Laws by their short names, numbers with strokes, tyres, and two numbers that a stroke sets for choice."""

from __future__ import annotations

import re

from telephony.text.normalization import codes
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, at_digits, ends_text, near_digits, near_words

_LAW = re.compile(r"(?<![\w.])L\.\s(?=(?:n\.\s)?\d{1,4}/(?:19|20)?\d\d(?![\d/]))")
_DECREE = re.compile(r"(?<!\w)D\s?P\s?R\s(?:numero\s)?(\d{1,4})/((?:19|20)\d\d|\d\d)(?![\w/])")
_PROTOCOL = re.compile(r"(?<=\bnumero )(\d{1,6})/((?:19|20)\d\d)(?![\w/]|[.,]\d)")
_OF_LAW = re.compile(r"(?:legge|decreto|regolamento)(?:\s[^\W\d]+){0,3}\s$", re.IGNORECASE)
_OF_YEAR = re.compile(
    r"(?<!\w)((?:numero|pratica|fattura|protocollo|ordine|contratto|polizza|preventivo|sinistro|ricevuta|verbale):?\s)"
    r"(\d{2,6})/([1-3]\d)(?![\w/]|[.,]\d)",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"(?<!\w)([A-Z]{3})\s?([A-Z]{3})\s?(\d\d[A-EHLMPRST]\d\d)\s?([A-Z]\d{3}[A-Z])(?!\w)", re.IGNORECASE
)
_IBAN_BY_BANK = re.compile(r"(?<!\w)IT\s?(\d\d)\s?([A-Z])\s(\d{5})\s(\d{5})\s([A-Z\d]{12})(?!\w)")
_DOCTOR_ON_CALL = re.compile(r"(?<![\w.,+-])116\s?117(?!\w|[.,]\d)")
_STROKES = re.compile(r"(?<=\bnumero )(?=[\d/]{0,20}[A-Z])([A-Z\d]{1,10}(?:/[A-Z\d]{1,10}){1,3})(?![\w/-])")
_TYRE = re.compile(r"(?<![\w.,/])(\d{3})/(\d{2})\s?(Z?R)\s?(\d\d)(?!\d)(?:\s(\d{2,3})([A-Z])(?!\w))?")
_YEAR = re.compile(r"(?:19|20)\d\d")
_EITHER = re.compile(
    r"(?<![\w.,/])(\d{1,3})/(\d{1,3})(?=\s(?:ore(?!\s\d)|gg|giorni|mesi|anni|minuti|settimane|persone|volte|posti)\b)"
)
_BOTH = re.compile(r"(?<![\w.,/])(\d{1,3})/([1-9]\d{0,2})(?=\s?(?:h|min|mg)(?!\w|\.?\s?\d))")
_ACCOUNT = re.compile(r"(?<=\bnumero )(\d{1,8})/(0\d{1,15}|\d{6,16})(?![\w/-]|[.,]\d)")
_HOUSES = re.compile(r"(?<![\w.,/])(\d{1,4})/(\d{1,4}|bis|ter)(?![\w/]|[.,]\d)")
_STREET_WORDS = r"(?:^|\W)(?:via|viale|piazza|piazzale|corso|largo|vicolo|strada|contrada|borgo|civico|lungomare)"
_STREET = re.compile(_STREET_WORDS + r"\b[^.!?\d:]{0,60}$", re.IGNORECASE)
_FLAT = re.compile(r"(?<!\w)(interno\s)(\d\d)(?![\w/]|[.,-]\d)")
_IN_HOUSE = re.compile(
    r"(?:scala|piano|palazzina|edificio|civico)\b[^.!?]{0,30}$|" + _STREET_WORDS + r"\b[^.!?]{0,60}$", re.IGNORECASE
)
_PHONE = re.compile(r"\d{5}|\d{3}\s\d{3}")
_MARK = re.compile(r"(?<![\w.,/])(\d{2,3})/(30|110)(?![\w/]|[.,]\d)")
_FLIGHT = re.compile(
    r"(?<=\b[Vv]olo )((?:[A-Z]\w{2,20}\s)|è\s(?:il\s)?|il\s|delle\s)([A-Z]{2}|[A-Z]\d|\d[A-Z])\s?(\d{2,4})(?!\w)"
)
_SEATS = re.compile(r"(?<=\bposti )(\d{1,2})([A-Z])\s?-\s?(\d{1,2})([A-Z])(?!\w)")
_SEAT = re.compile(r"(?<!\w)(posto|sedile|fila)\s(\d{1,2})([A-K])(?!\w)")
_POWER = re.compile(r"(?<=kW)\s?/\s?(?=\d{1,4}\s?CV)", re.IGNORECASE)
_HEX = re.compile(r"(?<!\w)0x[\dA-Fa-f]{2,16}(?!\w)")
_BOX = re.compile(r"(?<![\w/.])([A-Z])/(\d{1,4})(?![\w/]|[.,]\d)")
_POST = re.compile(r"(?:(?<=,\s)|(?<=[-–—]\s))(\d{5})\s([A-Z]{2})(?!\w)")
_WITH_PART = re.compile(r"(?<![\w/.-])([A-Z]{1,3}-\d{2,8})/([A-Z\d]{1,4})(?![\w/-])")
_LABEL = re.compile(r"(?<![\w-])([A-Z]{2})\s(\d{5,8})(?![\w/-]|[.,]\d|\s\d)")
_OIL = re.compile(r"(?<![\w.,])(\d{1,2})[wW]-?(\d\d)(?!\w)")
_ENGINE = re.compile(
    r"(?<![\w.,])(\d)\.(\d)(?=\s(?:benz|diesel|turbo|hybrid|ibrid|TDI|TSI|TFSI|JTD|MJT|HDI|CDI|CRDI|dCi|16V)\w*)"
)
_CIVIL_CODE = re.compile(r"(?<=\d\s)c\.\s?([cp])\.(?:\s?([cp])\.)?(?!\w)")
_CODES_OF_LAW = {"c": "codice civile", "p": "codice penale"}
_PROCEDURES = {"c": "codice di procedura civile", "p": "codice di procedura penale"}
_ARTICLE = re.compile(r"articol[oi]\s[^.!?]{1,40}$|\bart{1,2}\.\s[^.!?]{1,40}$", re.IGNORECASE)
_LETTER = re.compile(r"(?<!\w)lett\.\s(?=[a-z]{1,2}\)|[a-z](?!\w))")
_HALVES = frozenset(((1, 2), (1, 4), (3, 4)))
_CONTEXT_CHARS = 70


def word_rules() -> list[Rule]:
    """Short names of laws and of their parts."""

    def code(match: re.Match[str]) -> str | None:
        if not _ARTICLE.search(match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]):
            return None
        names = _PROCEDURES if match[2] == "p" else _CODES_OF_LAW
        return names[match[1]] + ("." if ends_text(match) else "")

    return [
        near_words("law", _LAW, lambda match: "legge ", ("l.",)),
        near_words("law", _CIVIL_CODE, code, ("c.c.", "c.p.", "c. c.", "c. p.")),
        near_words("law", _LETTER, lambda match: "lettera ", ("lett.",)),
    ]


def rules(language: RomanceGrammar) -> list[Rule]:
    """Numbers with a stroke that are no fractions."""

    def decree(match: re.Match[str]) -> str:
        year = int(match[2])
        if len(match[2]) == 2:
            year += 2000 if year < 70 else 1900
        return f"D P R {language.cardinal(int(match[1]))} {language.law_of} {language.year(year)}"

    def protocol(match: re.Match[str]) -> str | None:
        number = match[1]
        law = _OF_LAW.search(match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()])
        if law and not law.group().lower().startswith("reg"):
            return None
        if law:
            return f"{language.cardinal(int(number))} {language.law_of} {language.year(int(match[2]))}"
        first = language.spell_digits(number) if number[0] == "0" or len(number) > 4 else language.cardinal(int(number))
        return f"{first} {language.slash} {language.year(int(match[2]))}"

    def of_year(match: re.Match[str]) -> str | None:
        number = match[2]
        if len(number) == 2 or _STREET.search(match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]):
            return None
        first = language.spell_digits(number) if number[0] == "0" or len(number) > 4 else language.cardinal(int(number))
        return f"{match[1]}{first} {language.slash} {language.cardinal(int(match[3]))}"

    def person(match: re.Match[str]) -> str:
        return codes.spelled(" ".join(match.groups()), language)

    def by_bank(match: re.Match[str]) -> str:
        groups = [f"IT{match[1]}", match[2], match[3], match[4], *re.findall(r".{4}", match[5])]
        return codes.spelled(" ".join(groups), language)

    def part(written: str) -> str:
        if _YEAR.fullmatch(written):
            return language.year(int(written))
        if written.isdecimal() and len(written) <= 2 and written[0] != "0":
            return language.cardinal(int(written))
        return codes.characters(written, language)

    def strokes(match: re.Match[str]) -> str:
        return f" {language.slash} ".join(map(part, match[1].split("/")))

    def either(match: re.Match[str]) -> str | None:
        low, high = int(match[1]), int(match[2])
        doses = "mg" in match.string[match.end() : match.end() + 3]
        if (low, high) in _HALVES or (low >= high and not doses):
            return None
        return f"{language.cardinal(low)}{' o' if high == low + 1 else ''} {match[2]}"

    def account(match: re.Match[str]) -> str:
        first = language.spell_digits(match[1]) if match[1][0] == "0" else language.cardinal(int(match[1]))
        return f"{first} {language.slash} {codes.digit_groups(codes.divided(match[2]), language)}"

    def houses(match: re.Match[str]) -> str | None:
        if not _STREET.search(match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]):
            return None
        return f"{language.cardinal(int(match[1]))} {language.slash} {match[2]}"

    def label(match: re.Match[str]) -> str:
        return f"{' '.join(match[1])} {codes.digit_groups(codes.divided(match[2]), language)}"

    def post(match: re.Match[str]) -> str:
        return f"{language.spell_digits(match[1])} {' '.join(match[2])}"

    def with_part(match: re.Match[str]) -> str:
        return f"{codes.characters(match[1], language)} {language.slash} {codes.characters(match[2], language)}"

    def mark(match: re.Match[str]) -> str | None:
        reached, best = int(match[1]), int(match[2])
        if not best / 2 < reached <= best:
            return None
        return f"{language.cardinal(reached)} {language.over} {match[2]}"

    def flight(match: re.Match[str]) -> str:
        return f"{match[1]}{codes.spelled(match[2], language)}, {language.spell_digits(match[3])}"

    def flat(match: re.Match[str]) -> str | None:
        before = match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]
        if _PHONE.search(before) or not _IN_HOUSE.search(before):
            return None
        return match[1] + language.cardinal(int(match[2]))

    def tyre(match: re.Match[str]) -> str:
        width, height, inches = (language.cardinal(int(match[part])) for part in (1, 2, 4))
        load = f", {language.cardinal(int(match[5]))} {match[6]}" if match[5] else ""
        return f"{width} {height} {' '.join(match[3])} {inches}{load}"

    def seat(match: re.Match[str]) -> str:
        return f"{match[1]} {language.cardinal(int(match[2]))} {match[3]}"

    def seats(match: re.Match[str]) -> str:
        return f"{language.cardinal(int(match[1]))} {match[2]}, {language.cardinal(int(match[3]))} {match[4]}"

    return [
        at_digits("dialled", _DOCTOR_ON_CALL, lambda match: f"{language.cardinal(116)} {language.cardinal(117)}"),
        near_words("law", _DECREE, decree, ("d p r", "dpr")),
        near_words("numbered paper", _PROTOCOL, protocol, ("/",)),
        near_words("numbered paper", _OF_YEAR, of_year, ("/",)),
        near_digits("code", _PERSON, person),
        near_words("IBAN", _IBAN_BY_BANK, by_bank, ("it",)),
        near_words("numbered paper", _STROKES, strokes, ("/",)),
        near_words("account", _ACCOUNT, account, ("/",)),
        at_digits("house number", _HOUSES, houses, ("/",)),
        at_digits("mark", _MARK, mark, ("/30", "/110")),
        near_words("flight", _FLIGHT, flight, ("volo",)),
        near_words("flat", _FLAT, flat, ("interno",)),
        near_words("seat", _SEAT, seat, ("posto", "sedile", "fila")),
        at_digits("seats", _SEATS, seats, ("posti",)),
        near_words("power", _POWER, lambda match: ", ", ("kw",)),
        near_words("code", _HEX, lambda match: codes.spelled(match.group(), language), ("0x",)),
        near_words("box", _BOX, lambda match: f"{match[1]} {language.slash} {match[2]}", ("/",)),
        at_digits("post code", _POST, post),
        near_words("code", _WITH_PART, with_part, ("/",)),
        near_digits("label", _LABEL, label),
        at_digits("oil", _OIL, lambda match: f"{language.cardinal(int(match[1]))} W {match[2]}", ("w",)),
        at_digits("engine", _ENGINE, lambda match: f"{match[1]} {language.dot} {match[2]}", (".",)),
        at_digits("tyre", _TYRE, tyre, ("/",)),
        at_digits("either", _EITHER, either, ("/",)),
        at_digits("either", _BOTH, either, ("/",)),
    ]
