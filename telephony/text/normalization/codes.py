"""Telephone numbers, codes of letters and digits, numbers of accounts: what is read digit by digit."""

from __future__ import annotations

import re

import phonenumbers

from telephony.text.normalization.language import Language
from telephony.text.normalization.numerals import number_pattern
from telephony.text.normalization.rules import (
    Rule,
    alternatives,
    at_digits,
    at_words,
    first_words,
    near_digits,
    near_words,
)

_CANDIDATE = re.compile(r"(?<![\w.,:/+-])(?:\+|00(?=[1-9])|(?=[(\d]))\(?\d[\d() ./-]{5,24}\d(?![\w])(?![.,:/-]\d)")
_AMERICAN = re.compile(
    r"(?:1[-. ]?)?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}|\d{3}[-.]\d{4}|1[-. ]\d{3}[-. ]\d{3}[-. ]\d{4}"
)
_CODE = re.compile(
    r"(?<![\w.,/@-])(?=[A-Z-]{0,12}\d)(?=[\d-]{0,24}[A-Z])[A-Z\d]{1,24}(?:-[A-Z\d]{1,24}){0,8}(?![\w-])(?!\.\d)"
)
_DIGITS = re.compile(
    r"(?<![\w.,-])\d{2,8}(?:-\d{2,8}){2,5}(?![\w-])(?![.,]\d)"
    r"|(?<![\w.,-])0\d{4} (?:\d{6}|\d{3} \d{3})(?!\w)"
    r"|(?<![\w.,-])\d{4}(?:(?: \d{4}){2,5}(?: \d{2,3})?| \d{6} \d{5})(?![\w])"
)
_BRAZILIAN = re.compile(r"(?<![\w.])\d{2,3}\.\d{3}\.\d{3}(?:/\d{4})?-\d{2}(?!\d)")  # of a person, or a company
_KEYS = re.compile(
    r"(?<![\w*#&])(?=[\d#*]{0,20}(?:\*|\d#))(?:[*#][\d#*]{1,20}|\d{1,20}#|\d{1,8}#\d{1,8})(?=[\s.,;:!?)\"']|$)"
)
_STAR_KEY = re.compile(r"(?<![^\s(\"'])(?<!\d\s)(?<!=\s)\*(?!\s\d+\s?=)(?=[\s.,;:!?)\"']|$)")
_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d{2}(?:\s[A-Z\d]{4}){2,7}(?:\s[A-Z\d]{1,4})?(?![\w-])")
_ISBN = re.compile(r"(?<!\w)(ISBN(?:-1[03])?:?\s?)((?:97[89][- ]?)?\d(?:[- ]?\d){8}[- ]?[\dX])(?![\w-])")
_LONG = re.compile(r"\d{1,18000}")
_ROUND = re.compile(r"000[ .]000$")
_MIN_LONG = 7
_MIN_ABROAD = 9


def rules(language: Language) -> list[Rule]:
    """Codes where a word before them or their form says so, and telephone numbers."""
    units = alternatives({"AM", "PM", "A", "K", "M", "B", "T", "GB", "MB", "KB", "TB", "KG", "KM", "CM", "MM", "ML",
                          "W", "KW", "V", "GHZ", "MHZ", "HZ", "ST", "ND", "RD", "TH", "H",
                          *language.scales})  # fmt: skip
    amount = re.compile(rf"\d+(?:{units})|(?:USD|EUR|GBP|BRL|CHF|R)\d+|\d{{4}}-\d\d-\d\dT\d\d", re.IGNORECASE)
    named = re.compile(
        rf"(?<!\w)((?:{language.short_code_words}|{language.code_words})\b(?:[\s:#.°º-]|\b(?:is|number|code|no|n|é|es|est|è|de|del|di|o|al|el|le|il|para|número|numero|"
        rf"numéro|in|con|em|en|par|postal|son|ist|lautet|это)\b){{1,30}})"
        rf"(\d{{2,19}}(?:[ -]\d{{2,12}}|-\d){{0,6}})(?![\w%°€$£]|[.,:/]\d|[ -]\d)",
        re.IGNORECASE,
    )

    short = re.compile(rf"(?:{language.short_code_words})\b", re.IGNORECASE)

    def code(match: re.Match[str]) -> str | None:
        return None if amount.fullmatch(match.group()) else characters(match.group(), language)

    def after_its_name(match: re.Match[str]) -> str | None:
        groups = re.split(r"[ -]", match[2])
        least = 3 if short.match(match[1]) else 4
        if len(match[2]) < least and match[2][0] != "0":
            return None
        return match[1] + digit_groups(
            phone_groups(groups, language) if len(groups) > 1 else divided(match[2]), language
        )

    def isbn(match: re.Match[str]) -> str:
        groups = re.split(r"[- ]", match[2])
        return (
            match[1].replace("-", " ").replace(":", "").strip()
            + " "
            + spelled(" ".join(groups if len(groups) > 1 else divided(match[2])), language)
        )

    return [
        near_digits("IBAN", _IBAN, lambda match: spelled(match.group(), language)),
        near_digits("ISBN", _ISBN, isbn, ("isbn",)),
        at_digits(
            "tax number", _BRAZILIAN, lambda match: digit_groups(re.findall(r"\d+", match.group()), language), "."
        ),
        near_digits("code", _CODE, code),
        at_words(
            "code",
            named,
            after_its_name,
            first_words(f"{language.short_code_words}|{language.code_words}"),
            numeric=True,
        ),
    ]


def key_rules(language: Language) -> list[Rule]:
    """The keys of a telephone, before anything else takes their signs."""

    def keys(match: re.Match[str]) -> str:
        names = {"*": language.star_key, "#": language.pound_key}
        return " ".join(names.get(key) or language.spell_digits(key) for key in match.group())

    return [
        near_words("keys", _KEYS, keys, "*#"),
        near_words("keys", _STAR_KEY, lambda match: language.star_key, "*"),
    ]


def telephone_rules(language: Language) -> list[Rule]:
    """Telephone numbers, and digits in groups that are none."""
    return [
        near_digits("telephone number", _CANDIDATE, lambda match: telephone(match.group(), language)),
        at_digits("digits in groups", _DIGITS, lambda match: digit_groups(re.split(r"[ -]", match.group()), language)),
    ]


def long_rules(language: Language) -> list[Rule]:
    """Numbers so long, without separators, that they count nothing; and numbers that begin with a zero."""
    number = re.compile(number_pattern(language))

    def digits(match: re.Match[str]) -> str | None:
        run = match.group()
        text, start = match.string, match.start()
        inside = (
            text[start - 1 : start] in (".", ",") and text[start - 2 : start - 1].isdecimal() if start > 1 else False
        )
        if inside or re.match(r"[.,]\d", text[match.end() : match.end() + 2]):
            return None if number.match(text, start) or inside else digit_groups(divided(run), language)
        if len(run) >= _MIN_LONG or (len(run) > 1 and run[0] == "0"):
            return digit_groups(divided(run), language)
        return None

    return [near_digits("long number", _LONG, digits)]


def telephone(written: str, language: Language, certain: bool = False) -> str | None:
    """A telephone number in its groups; None for what is none (unless it is certain to be one)."""
    written = written.strip()
    groups = re.findall(r"\d+", written)
    international = written.startswith("+") or (written.startswith("00") and sum(map(len, groups)) > _MIN_ABROAD)
    looks_american = language.regions[0] in ("US", "GB") and _AMERICAN.fullmatch(written) is not None
    if looks_american and len(groups) > 1:  # nothing that the library could add
        return digit_groups(groups, language, language.phone_pairs)
    if written.startswith("+1") and len(groups) == 4 and _AMERICAN.fullmatch(written[1:]):
        return f"{language.plus} {digit_groups(groups, language, language.phone_pairs)}"
    number = None
    for region in (None,) if international else language.regions:
        try:
            found = phonenumbers.parse(re.sub(r"^00", "+", written) if international else written, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(found):
            number = found
            break
    if international:
        if number is not None:
            style = phonenumbers.PhoneNumberFormat.INTERNATIONAL
            groups = re.findall(r"\d+", phonenumbers.format_number(number, style))
        elif not certain and (sum(map(len, groups)) > 15 or (written[0] == "0" and language.regions[0] == "US")):
            return None
        return f"{language.plus} {digit_groups(groups, language, language.phone_pairs)}"
    if not (certain or looks_american or number is not None) or (_ROUND.search(written) and not certain):
        return None
    if number is not None and len(groups) == 1:
        style = phonenumbers.PhoneNumberFormat.NATIONAL
        groups = re.findall(r"\d+", phonenumbers.format_number(number, style))
    if len(groups) == 1 or "".join(groups) != re.sub(r"\D", "", written):
        groups = divided(re.sub(r"\D", "", written))
    return digit_groups(phone_groups(groups, language), language, language.phone_pairs)


def characters(code: str, language: Language) -> str:
    """A code letter by letter and digit by digit: "A B one two, nine X"."""
    groups = [group for group in re.split(r"[-\s]+", code) if group]
    if re.fullmatch(r"COVID-?19", code):
        return f"COVID {language.cardinal(19)}"
    # "B12", "I-95", "Q3": so short that people say a number.
    short = re.fullmatch(r"([A-Z]{1,3})-?(\d{1,2})", code)
    if short and (len(short[1]) == 1 or "-" in code) and short[2][0] != "0":
        return f"{' '.join(short[1])} {language.cardinal(int(short[2]))}"
    groups = [part for group in groups for part in _memorable(group)]
    joint = ", " if sum(map(len, groups)) > 5 else " "
    return joint.join(
        language.spell_digits(group)
        if group.isdecimal()
        else " ".join(_character(character, language) for character in group)
        for group in groups
    )


def _memorable(group: str) -> list[str]:
    """A code's group in parts that can be remembered: letters and digits apart, else a few characters each."""
    if len(group) <= 6:
        return [group]
    parts = re.findall(r"[A-Z]+|\d+", group)
    if len(parts) <= 4:
        return [piece for part in parts for piece in ([part] if part.isalpha() and len(part) < 6 else divided(part))]
    size = 4 if len(group) % 4 != 1 else 3
    return [group[start : start + size] for start in range(0, len(group), size)]


def phone_groups(groups: list[str], language: Language) -> list[str]:
    """Groups of a telephone number, those divided that are too long to be written down in one go."""
    return [
        part for group in groups for part in (divided(group) if len(group) > language.longest_phone_group else [group])
    ]


def digit_groups(groups: list[str], language: Language, pairs: bool = False) -> str:
    """Groups of digits with a short pause between them."""
    return ", ".join(
        language.cardinal(int(group)) if pairs and len(group) == 2 and group[0] != "0" else language.spell_digits(group)
        for group in groups
    )


def divided(digits: str) -> list[str]:
    """A run of digits in groups that can be remembered: threes, the rest in fours; card numbers in fours."""
    size = 4 if len(digits) >= 12 and len(digits) % 3 else 3
    if len(digits) <= 5:
        return [digits]
    if len(digits) == 8:
        size = 4
    groups = [digits[start : start + size] for start in range(0, len(digits), size)]
    if len(groups[-1]) < 2:
        groups[-2:] = [groups[-2] + groups[-1]]
    return groups


def _character(character: str, language: Language, with_words: bool = False) -> str:
    return language.spell_digits(character) if character.isdecimal() else language.letter(character, with_words)


def spelled(text: str, language: Language, with_words: bool = False) -> str:
    """Every character by its name, groups apart; letters with a word of the spelling alphabet if that is asked for."""
    names = {".": language.dot, "-": language.hyphen, "_": language.underscore, "/": language.slash,
             "@": language.mail_at,
             "+": language.plus, "#": language.number_sign, "&": language.ampersand}  # fmt: skip
    between = ", " if with_words and language.alphabet else " "
    groups = [
        between.join(
            names.get(character) or _character(character, language, with_words)
            for character in group
            if character in names or character.isalnum()
        )
        for group in text.split()
    ]
    return ", ".join(filter(None, groups))
