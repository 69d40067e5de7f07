"""Numbers to dial and to write to: free numbers, extensions, short numbers."""

from __future__ import annotations

import re

from telephony.text.normalization import codes
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, first_words, near_digits, near_words

_PAIRS = re.compile(r"(?<![\w.,+])0[1-9](?:[ .-]?\d{2}){4}(?!\w| \d)")
_FREEPHONE = re.compile(
    r"(?<![\w.,:/+-])(0?)\s?([89]00|(?<=0)\s?8[1-9]\d|(?<=0\s)8[1-9]\d)((?:[ .-]\d{2,4}){1,4})(?![\w-]|[.,:/]\d)"
)


def rules(language: RomanceGrammar) -> list[Rule]:
    """Numbers of telephones that are not read as all others."""
    extension = re.compile(
        rf"(?:(?<=\d)|(?<!\w))(,?\s)?\(?({language.extension_words})\s?(\d{{2,6}})\)?(?![\w]|[.,]\d|-\d)", re.I
    )
    text_to = re.compile(
        rf"(?<!\w)((?:{language.text_to})\s(?:(?:{language.named_joint})\s)?)(\d{{3,6}})(?![\w%€$]|[.,:/-]\d|\s\d)"
    )
    texted = re.compile(rf"(?<!\w)(?:{language.text_verbs}|SMS)\b[^.!?]{{0,60}}$", re.IGNORECASE)
    dialled = re.compile(
        rf"(?<!\w)((?:{language.call_words})\s)(\d{{2,5}}(?:(?:,\s|\s(?:{language.and_words})\s)\d{{3,5}}){{0,4}})"
        r"(?![\w%€$°]|[.,:/-]\d|\s\d)",
        re.IGNORECASE,
    )

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
            said = codes.digit_groups(codes.phone_groups(groups, language), language)
        return f"{first}{language.cardinal(int(match[2]))}, {said}"

    def phone(match: re.Match[str]) -> str | None:
        return codes.telephone(match.group(), language)

    def inside(match: re.Match[str]) -> str:
        before = ", " if match[1] and match.string[match.start() - 1].isdecimal() else (match[1] or "")
        return f"{before}{language.extension} {codes.digit_groups(codes.divided(match[3]), language)}"

    def send(match: re.Match[str]) -> str | None:
        if not texted.search(match.string[max(0, match.start() - 80) : match.start()]):
            return None
        return match[1] + codes.digit_groups(codes.divided(match[2]), language)

    return [
        *([near_digits("telephone number", _PAIRS, phone)] if language.phone_pairs else []),
        near_digits("free number", _FREEPHONE, free),
        near_words("extension", extension, inside, first_words(language.extension_words)),
        near_words("short code", text_to, send, first_words(language.text_to)),
        near_words(
            "dialled",
            dialled,
            lambda match: match[1] + re.sub(r"\d+", lambda number: language.short_number(number[0]), match[2]),
            first_words(language.call_words),
        ),
    ]
