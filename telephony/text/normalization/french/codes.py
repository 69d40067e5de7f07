"""Numbers of networks, of posts and of calendars, which no other language reads so."""

from __future__ import annotations

import re

from telephony.text.normalization import codes
from telephony.text.normalization.language import Language
from telephony.text.normalization.rules import Rule, at_digits, near_digits

_DIRECTORY = re.compile(r"(?<![\w.,])118\s?([1-9]\d\d)(?!\d| \d|[.,]\d)")
_NETWORK = re.compile(r"(?<![\w.,-])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?::(\d{2,5}))?(?![\w-]|[.,]\d)")
_MAX_OCTET = 255
_FORWARD = re.compile(r"(?<![\w-])(CH|B|L|F)-(\d{4,5})(?=\s[A-ZÀ-Þ][a-zà-ÿ])")
_CANADIAN = re.compile(r"(?<![\w-])([A-Z])(\d)([A-Z])\s(\d)([A-Z])(\d)(?![\w-])")
_COUNTDOWN = re.compile(r"(?<![\w-])([JH])\s?([+-])\s?(\d{1,3})(?![\w-]|[.,:/]\d)")
_AMERICAN = re.compile(r"(?<![\w.,-])(?:\+?(1)[-. ])?\(?([2-9]\d\d)\)?[-. ]{1,2}([2-9]\d\d)-(\d{4})(?![\w-])")
_MESSAGE = re.compile(r"(?<=\sau\s)(\d{2})\s?(\d{3})(?!\s?\d|[\w%€$]|[.,]\d)")
_WRITES = re.compile(r"(?:SMS|STOP|[Ee]nvoye[zr]|[Rr]éponde[zr]|[Tt]exto)\b[^.!?]{0,60}$")
_DOOR = re.compile(
    r"(?<!\w)([cC]ode\s(?:du\s|de\sla\s|d'|de\sl')?(?:coffre|porte|portail|portier|immeuble|alarme|parking|wifi|Wi-Fi|client|agence|guichet|"
    r"banque|secret|personnel|bancaire|accès|entrée)\s?:?\s)(\d{3,10})(?![\w%€$]|[.,:/-]\d|\s\d)"
)
_PARCEL = re.compile(r"(?<!\w)1Z(?:\s[A-Z\d]{2,6}){3,6}(?!\w)")
_OIL = re.compile(r"(?<![\w-])(0|5|10|15|20)W-?([1-6]0)(?!\w)")


def rules(language: Language) -> list[Rule]:
    """What is said with the numbers that people know by heart."""

    def network(match: re.Match[str]) -> str | None:
        octets = [int(octet) for octet in match.groups()[:4]]
        # "04.72.11.22" is the beginning of a telephone number.
        if max(octets) > _MAX_OCTET or any(len(octet) > 1 and octet[0] == "0" for octet in match.groups()[:4]):
            return None
        said = f" {language.dot} ".join(map(language.cardinal, octets))
        return f"{said} {language.colon} {language.spell_digits(match[5])}" if match[5] else said

    def american(match: re.Match[str]) -> str:
        return codes.digit_groups([group for group in match.groups() if group], language)

    def message(match: re.Match[str]) -> str | None:
        if not _WRITES.search(match.string[max(0, match.start() - 80) : match.start()]):
            return None
        return language.spell_digits(match[1] + match[2])

    def abroad(match: re.Match[str]) -> str:
        return f"{' '.join(match[1])} {language.cardinal(int(match[2]))}"

    def canadian(match: re.Match[str]) -> str:
        halves = ("".join(match.group(1, 2, 3)), "".join(match.group(4, 5, 6)))
        return ", ".join(codes.spelled(" ".join(half), language).replace(",", "") for half in halves)

    def countdown(match: re.Match[str]) -> str:
        sign = language.minus if match[2] == "-" else language.plus
        return f"{match[1]} {sign} {language.cardinal(int(match[3]))}"

    return [
        at_digits(
            "directory", _DIRECTORY, lambda match: f"{language.cardinal(118)}, {language.cardinal(int(match[1]))}"
        ),
        at_digits("network address", _NETWORK, network),
        near_digits("telephone number", _AMERICAN, american),
        near_digits(
            "code", _DOOR, lambda match: match[1] + codes.digit_groups(codes.divided(match[2]), language), ("code",)
        ),
        near_digits("short code", _MESSAGE, message, ("sms", "stop", "envoye", "réponde", "texto")),
        near_digits("post code", _FORWARD, abroad, ("-",)),
        near_digits("post code", _CANADIAN, canadian),
        at_digits("parcel", _PARCEL, lambda match: codes.spelled(match.group(), language), ("1z",)),
        at_digits(
            "oil", _OIL, lambda match: f"{language.cardinal(int(match[1]))} W {language.cardinal(int(match[2]))}"
        ),
        near_digits("countdown", _COUNTDOWN, countdown, ("j-", "j+", "j -", "j +", "h-", "h+", "h -", "h +")),
    ]
