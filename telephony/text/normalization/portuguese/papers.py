"""Numbers with a form of their own in Brazil: post codes, law suits, professions, short telephone numbers, networks."""

from __future__ import annotations

import re

from telephony.text.normalization import codes
from telephony.text.normalization.portuguese.words import STATES
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, at_digits, near_digits, near_words

_POST_CODE = re.compile(r"(?<![\w.,/-])(\d{2})\.(\d{3})-(\d{3})(?![\w-]|[.,]\d)")
_LAW_SUIT = re.compile(
    r"(?<=rocesso )((?:número |n[º°.]{1,2} ?)?)(\d{4,7}-\d{2}(?:\.\d{4}(?:\.\d\.\d{2}\.\d{4})?)?)(?![\w-]|[.,]\d)"
)
_BILLS = (
    *("ec ", "mp ", "pl ", "pec ", "plp ", "lc ", "in ", "rdc ", "adi ", "portaria", "resolução", "ofício", "edital"),
    *("contrato", "memorando", "convênio", "pregão", "parecer", "circular"),
)
_BILL = re.compile(
    r"(?<!\w)((?:EC|MP|PL|PEC|PLP|LC|IN|RDC|ADI|[Pp]ortaria|[Rr]esolução|[Oo]fício|[Ee]dital|[Cc]ontrato|[Mm]emorando|"
    r"[Cc]onvênio|[Pp]regão|[Pp]arecer|[Cc]ircular)\s(?:n[º°.]{1,2}\s|número\s)?)"
    r"(\d{1,3}(?:\.\d{3})?|\d{1,6})/((?:19|20)\d\d)(?![\w/]|[.,]\d)"
)
_PROFESSIONS = ("crm", "oab", "crea", "cro", "crp", "coren", "crc", "cau", "crf")
_SERVICES = ("samu", "polícia", "bombeiros", "defesa civil", "procon")
_PROFESSION = re.compile(
    rf"(?<!\w)(CRM|OAB|CREA|CRO|CRP|COREN|CRC|CAU|CRECI|CRF|CRMV)(?:\s?[/-]\s?({STATES}))?:?\s(?:n[º°.]{{1,2}}\s?|número\s)?"
    rf"(\d{{1,3}}(?:\.\d{{3}}){{1,2}}|\d{{3,7}})(?:\s?[/-]\s?({STATES}|[A-Z]))?(?![\w-]|[.,/]\d)"
)
_LOCAL = re.compile(r"(?<![\w.,:/+(-])(?<![\d)]\s)(9\d{4}|[2-5]\d{3})-(\d{4})(?![\w-]|[.,/]\d)")
_YEARS = re.compile(r"20\d\d-20\d\d|\d{2,3}00-\d\d00")
_EMERGENCY = re.compile(
    r"(?<!\w)((?:SAMU|Samu|[Pp]olícia(?:\s[CFMR]\w{2,10})?|[Bb]ombeiros|[Dd]efesa\s[Cc]ivil|Procon|PROCON)(?::|,)?\s\(?)"
    r"(1\d\d)(?![\w%]|[.,:/-]\d)"
)
_EXTENSIONS = re.compile(
    r"(?<!\w)(ramais\s)(\d{2,5}(?:(?:,\s|\s(?:e|a|ou)\s)\d{2,5}){1,6})(?!\w|[.,:/-]\d)", re.IGNORECASE
)
_SERVICE = re.compile(r"(?<=\b[Pp]elo )(1\d\d)(?=\s(?:ou|e|para|a partir)\b|[.,;!?)](?!\d)|$)")
_SENT = re.compile(
    r"(?<!\w)((?:[Cc]ódigo|[Ss]enha|[Tt]oken)\s(?:SMS|[A-Z]\w{2,12}):?\s)(\d{3,8}(?:[- ]\d{3,4})?)(?!\w|[.,:/-]\d)"
)
_KIND_OF = re.compile(
    r"(?<!\w)((?:bilhete|cartão|código|protocolo|cadastro|conta|título|documento)\s[a-zà-ÿ]{4,14}:?\s)"
    r"(\d{3,}(?:[ -]\d{2,}){1,4})"
    r"(?!\w|[ .,:/-]\d)"
)
_LINE = re.compile(r"(?<!\w)((?:linha|ônibus)\s)(\d{3,4})-(\d{2})(?!\w|[.,:/-]\d)", re.IGNORECASE)
_SEATS = re.compile(r"(?<![\w/])(\d{1,2})([A-K])/(?=\d{1,2}[A-K](?!\w))")
_MOBILE = re.compile(r"(?<![\w.,])(?<![\d)]\s)(?<!\))(9)[ .](\d{4})[ -](\d{4})(?!\w|[ .,-]\d)")
_AIRLINE = re.compile(r"(?<!\w)((?:voo|vôo)\s(?:d[ao]\s)?[A-Z][A-Za-z]{2,12}\s)(\d{3,4})(?!\w|[.,]\d)", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w.,-])(\d{1,3}(?:\.\d{1,3}){3})(?::(\d{2,5}))?(?![\w-]|\.\d)")
_VERSION = re.compile(r"(?:versão|v\.?|version)\s?$", re.IGNORECASE)
_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d{2}(?=[\s\d]{4,34}[A-Z])(?:\s[A-Z\d]{4}){3,7}(?:\s[A-Z\d]{1,3})?(?![\w-])")
_ACCOUNT = re.compile(
    r"(?<!\w)((?:conta|conta corrente|agência|poupança):?\s)(\d{1,3}(?:\.\d{3}){1,3})-?([\dXx])(?![\w-]|[.,/]\d)",
    re.IGNORECASE,
)
_CARRIER = re.compile(r"(?<!\w)\(?0[xX]{2}\s?(\d{2})\)?\s?(\d{4,5})[\s-]?(\d{4})(?![\w-]|[.,/]\d)")
_TYRE = re.compile(r"(?<![\w.,/])(\d{3})/(\d{2})\s?R\s?(\d\d)(?!\w)")
_OIL = re.compile(r"(?<![\w.,])(\d{1,2})[wW]-?(\d\d)(?!\w)")
_VALVES = re.compile(r"(?<=\d\.\d\s)(\d{1,2})V(?!\w)")
_HEX = re.compile(r"(?<!\w)0x([\dA-Fa-f]{2,16})(?!\w)")
_RANDOM_KEY = re.compile(r"(?<![\w-])[\da-fA-F]{8}(?:-[\da-fA-F]{4}){3}-[\da-fA-F]{12}(?![\w-])")


def rules(language: RomanceGrammar) -> list[Rule]:
    """What is read digit by digit by its form."""

    def digits(*groups: str) -> str:
        return codes.digit_groups(list(groups), language)

    def law_suit(match: re.Match[str]) -> str:
        number = " ".join(match[1].split()) and f"{language.number_sign} "
        return number + digits(*(part for group in re.findall(r"\d+", match[2]) for part in codes.divided(group)))

    def bill(match: re.Match[str]) -> str:
        number = language.cardinal(int(match[2].replace(".", "")))
        return f"{match[1]}{number} {language.law_of} {language.year(int(match[3]))}"

    def profession(match: re.Match[str]) -> str:
        groups = re.findall(r"\d+", match[3])
        said = digits(*(groups if len(groups) > 1 else codes.divided(groups[0])))
        before, after = (" ".join(letters or "") for letters in match.group(2, 4))
        return f"{' '.join(filter(None, (match[1], before, said)))}{f', {after}' if after else ''}"

    def local(match: re.Match[str]) -> str | None:
        return None if _YEARS.fullmatch(match.group()) else digits(match[1], match[2])

    def address(match: re.Match[str]) -> str | None:
        parts = match[1].split(".")
        padded = any(part[0] == "0" and len(part) > 1 for part in parts)
        if (
            padded
            or any(int(part) > 255 for part in parts)
            or _VERSION.search(match.string[max(0, match.start() - 10) : match.start()])
        ):
            return None
        said = f" {language.dot} ".join(map(language.spell_digits, parts))
        return f"{said} {language.colon} {language.spell_digits(match[2])}" if match[2] else said

    def extensions(match: re.Match[str]) -> str:
        return match[1] + re.sub(r"\d+", lambda number: digits(number[0]), match[2])

    def sent(match: re.Match[str]) -> str:
        groups = re.findall(r"\d+", match[2])
        return match[1] + digits(*(groups if len(groups) > 1 else codes.divided(groups[0])))

    def account(match: re.Match[str]) -> str:
        return f"{match[1]}{digits(*match[2].split('.'))}, {codes.spelled(match[3], language)}"

    def carrier(match: re.Match[str]) -> str:
        return f"{language.digits[0]} X X {digits(*match.groups())}"

    def tyre(match: re.Match[str]) -> str:
        width, height, rim = (language.cardinal(int(number)) for number in match.groups())
        return f"{width} {height} R {rim}"

    def oil(match: re.Match[str]) -> str:
        return f"{language.cardinal(int(match[1]))} W {language.cardinal(int(match[2]))}"

    def in_fours(written: str) -> str:
        return codes.spelled(" ".join(re.findall(r"[\dA-Fa-f]{1,4}", written)), language)

    return [
        near_digits("IBAN", _IBAN, lambda match: codes.spelled(match.group(), language)),
        near_digits("random key", _RANDOM_KEY, lambda match: in_fours(match.group()), "-"),
        near_digits("hexadecimal", _HEX, lambda match: f"{language.digits[0]} X {in_fours(match[1])}", ("0x",)),
        at_digits("network address", _ADDRESS, address, "."),
        at_digits("post code", _POST_CODE, lambda match: digits(match[1] + match[2], match[3]), "-"),
        near_words("account", _ACCOUNT, account, ("conta", "agência", "poupança")),
        near_words("telephone number", _CARRIER, carrier, ("0xx",)),
        at_digits("tyre", _TYRE, tyre, "/"),
        at_digits("oil", _OIL, oil, "w"),
        at_digits("valves", _VALVES, lambda match: f"{language.cardinal(int(match[1]))} V", "v"),
        near_words("law suit", _LAW_SUIT, law_suit, ("processo",)),
        near_digits("bill", _BILL, bill, _BILLS),
        near_digits("profession", _PROFESSION, profession, _PROFESSIONS),
        near_digits("emergency number", _EMERGENCY, lambda match: match[1] + digits(match[2]), _SERVICES),
        at_digits("short number", _SERVICE, lambda match: digits(match[1]), ("pelo",)),
        near_words("extensions", _EXTENSIONS, extensions, ("ramais",)),
        near_digits("code", _KIND_OF, lambda match: match[1] + digits(*re.findall(r"\d+", match[2])), " -"),
        near_words("line", _LINE, lambda match: match[1] + digits(match[2], match[3]), ("linha", "ônibus")),
        at_digits("seats", _SEATS, lambda match: f"{language.cardinal(int(match[1]))} {match[2]}, ", "/"),
        near_words("code", _SENT, sent, ("código", "senha", "token")),
        near_words("flight", _AIRLINE, lambda match: match[1] + digits(match[2]), ("voo", "vôo")),
        at_digits("telephone number", _MOBILE, lambda match: digits(*match.groups())),
        at_digits("telephone number", _LOCAL, local, "-"),
    ]
