"""Money with signs and letters of many currencies, in ranges, with cents behind the sign."""

from __future__ import annotations

import re

from telephony.text.normalization.numerals import bare_pattern, number_pattern, read
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, alternatives, around, at_digits, near_digits, near_words

_CODES = (
    "usd eur gbp brl jpy chf cad aud mxn ars clp cop cny sek nok dkk pln crc hnl gtq nio pab pyg uyu bob ves dop aoa "
    "mzn cve"
).split()
_CAPITALS = "CRC HNL GTQ NIO PAB PYG UYU BOB VES DOP CVE MAD XOF XAF TND DZD".split()
_SIGNS = r"(?:US\$|R\$|\$|€|£|EUR|USD)"
_CENTS_BEHIND = re.compile(r"(?<![\w.,])(\d{1,6})\s?(€|\$)\s?(\d\d)(?![\w.,]\d|\d)")


def rules(language: RomanceGrammar) -> list[Rule]:
    """Money in forms that other languages do not have."""
    number, bare = number_pattern(language), bare_pattern(language)
    codes = {**{code: code.upper() for code in _CODES}, **{code: code for code in _CAPITALS}, **language.currency_signs}
    signs = alternatives(codes)
    scale = rf"(?:\s?({alternatives(language.scales)})(?!\w))?"
    before = re.compile(rf"(?<![\w$€£])({signs})\.?\s?({bare})(?![\w]){scale}")
    after = re.compile(rf"({number}){scale}(?:\s(?:de(?!\w)|di(?!\w)|d'))?\s?({signs})(?!\w)")
    doubled = re.compile(rf"(?<![\w$€£])[$€£]\s?({bare}){scale}\s?(USD|MXN|EUR|ARS|CLP|COP|CAD|GBP)(?!\w)")
    between = re.compile(
        rf"(?<![\w.,/+-])(\d[\d.,]{{0,12}})\s?{_SIGNS}?\s?[-–]\s?(\d[\d.,]{{0,12}}\s?{_SIGNS})(?!\w|\d)"
    )
    both = re.compile(
        rf"(?<![\w$€£])({_SIGNS})\s?(\d[\d.,]{{0,12}})(\s?[-–]\s?){_SIGNS}\s?(\d[\d.,]{{0,12}}\d|\d)(?![\w])"
    )
    cents = re.compile(rf"({number})\s?(?:{language.cent_signs})(?!\w)")

    alone = re.compile(
        rf"(?<![\d\s])\s(€|\$|£)\s?/\s?({alternatives(language.rates)})(?!\w)|^(€|\$|£)\s?/\s?({alternatives(language.rates)})(?!\w)"
    )

    def rate(match: re.Match[str]) -> str:
        sign, unit = match[1] or match[3], match[2] or match[4]
        name = language.currency({"€": "EUR", "£": "GBP"}.get(sign, language.dollar_code)).unit.many
        return " ".join(f" {name} {language.per} {language.rates[unit]}".split(" ")).replace("  ", " ")

    def amount(written: str, code: str, scaled: str | None) -> str | None:
        value = read(written, language)
        return None if value is None else language.money(value, code, scaled or "")

    def hundredths(match: re.Match[str]) -> str | None:
        value, cent = read(match[1], language), language.currency(language.cent_code).cent
        return None if value is None or cent is None else language.counted(value, cent)

    def in_range(match: re.Match[str]) -> str | None:
        low = read(match[1], language)
        if low is None:
            return None
        if low.fraction.strip("0"):  # with cents, each amount is said in full
            first = f"{match[1]} {re.sub(r'[0-9.,]+', '', match[2]).strip()}"
        else:
            first = language.cardinal(low.whole)
        before, behind = around(match)
        return language.between(first, match[2], before, f"€{behind}")

    def signs_first(match: re.Match[str]) -> str | None:
        low = read(match[2], language)
        if low is None:
            return None
        first = f"{match[1]} {match[2]}" if low.fraction.strip("0") else language.cardinal(low.whole)
        before, behind = around(match)
        return language.between(first, f"{match[1]} {match[4]}", before, f"€{behind}")

    return [
        near_words("rate", alone, rate, ("€", "$", "£")),
        near_words("money", doubled, lambda match: amount(match[1], match[3], match[2]), "€$£"),
        near_words(
            "money", _CENTS_BEHIND, lambda match: f"{match[1]}{language.decimal_mark}{match[3]} {match[2]}", "€$"
        ),
        at_digits("money range", between, in_range),
        near_digits("money range", both, signs_first),
        near_digits("money", before, lambda match: amount(match[2], codes[match[1]], match[3])),
        at_digits("money", after, lambda match: amount(match[1], codes[match[3]], match[2])),
        at_digits("cents", cents, hundredths),
    ]
