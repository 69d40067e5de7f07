"""English money: before a noun, without its dollars, in two currencies, in ranges."""

from __future__ import annotations

import re

from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.language import Written
from telephony.text.normalization.numerals import read
from telephony.text.normalization.rules import Rule, at_digits, near_digits, near_words

_SYMBOLS = "$€£"
_CURRENCY_CODES = {
    code.lower(): code for code in "USD EUR GBP BRL JPY CHF CAD AUD NZD MXN CNY INR SEK NOK DKK PLN SGD HKD".split()
}
_NOT_BEHIND_MONEY = (
    "a|an|the|to|of|off|for|from|in|on|at|as|is|was|are|were|and|or|per|each|every|more|less|by|with|will|would|has|had|"
    "have|that|which|who|you|we|i|he|she|they|it|when|if|today|now|plus|minus|total|through|until|back|out|up|down|into|"
    "onto|than|but|so|because|via|worth|million|billion|thousand|trillion|k|due|charged|paid|left|available|remaining|"
    "before|after|over|under|this|your|my|our|only|apiece|monthly|annually|yearly|cash|USD|US|between|not|then|can"
)
_DETERMINER = re.compile(
    r"\b(?:an?|the|my|your|our|his|her|their|this|that|one|each|every|any|another|new|no)\s$", re.IGNORECASE
)
_MONEY_NOUN = re.compile(
    rf"([$€£])(\d{{1,3}}(?:,\d{{3}})*|\d{{1,9}})(?:\.(\d{{1,2}}))?(\s?[kKmMbB]|\s?(?:thousand|million|billion))?"
    rf"(?:\s|-(?=a-)|-)(?:(?=a-)|(?!(?:{_NOT_BEHIND_MONEY})\b))(?=[a-zA-Z]{{2,}}|a-)",
    re.IGNORECASE,
)
_BOUND = re.compile(r"\s?(≥|>=|≤|<=)\s?(?=[$€£]?\d)")
_RATE_STOP = re.compile(r"(?<=/)(mo|yr|hr|wk|min|sec|lb|gal|ea)\.(?=\s[a-z])")
_CODE_FIRST = re.compile(rf"(?<!\w)({'|'.join(_CURRENCY_CODES)})(?=\s?\d+(?:[.,]\d+)*(?!\w))")
_EACH = re.compile(r"(?<=\d)\s?/\s?(?:ea|each)(?!\w)")
_BARE_CENTS = re.compile(r"(?<![\w.,])\$\.(\d{2})(?!\d)")
_BARE_FRACTION = re.compile(r"(?<![\w.,])\$\.(\d{3,6})(?!\d)")
_LONG_CENTS = re.compile(r"(?<![\w.,])([$€£])(\d{1,9})\.(\d\d)?0{1,3}(?!\d)")
_TWO_CURRENCIES = re.compile(r"(?<![\w])\$(\d[\d,.]{0,15}\d|\d)\s?(USD|CAD|AUD)(?!\w)", re.IGNORECASE)
_LOWER_CODE = re.compile(
    rf"(?<![\w.,])(\d{{1,3}}(?:,\d{{3}})+|\d{{1,12}})(?:\.(\d{{1,2}}))?\s?({'|'.join(_CURRENCY_CODES)})(?!\w)"
)
_MONEY_RANGE = re.compile(
    r"(?<![\w.,])([$€£])(\d[\d,]{0,12}(?:\.\d{1,2})?)([kKMB]?)\s?[-–]\s?[$€£]?(\d[\d,]{0,12}(?:\.\d{1,2})?)([kKMB]?)(?![\w-])"
)


def rules(language: EnglishGrammar) -> list[Rule]:
    """Money in forms that other languages do not have."""

    def before_noun(match: re.Match[str]) -> str | None:
        if not _DETERMINER.search(match.string[max(0, match.start() - 9) : match.start()]):
            return None
        symbol, whole, cents, scale = match.groups()
        currency = language.currency({"$": "USD", "€": "EUR", "£": "GBP"}[symbol])
        number = int(whole.replace(",", ""))
        if scale:
            amount = language.scaled_number(Written(number, cents or ""), scale.strip())
            return f"{amount} {currency.unit.one} "
        said = f"{language.cardinal(number)} {currency.unit.one}" if number or not cents else ""
        if cents and int(cents) and currency.cent:
            joint = f" {language.cents_joint} " if said else ""
            said += f"{joint}{language.cardinal(int(cents))} {currency.cent.one}"
        return f"{said} "

    def bound(match: re.Match[str]) -> str:
        return " at least " if match[1] in ("≥", ">=") else " at most "

    def cents(match: re.Match[str]) -> str:
        return language.money(Written(0, match[1]), "USD")

    def fraction(match: re.Match[str]) -> str:
        return f"{language.point} {language.spell_digits(match[1])} {language.currency('USD').unit.many}"

    def two_currencies(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        if value is None:
            return None
        said = language.money(value, "USD")
        country = {"USD": "U S", "CAD": "Canadian", "AUD": "Australian"}[match[2].upper()]
        return re.sub(r"\b(dollars?)\b", rf"{country} \1", said, count=1)

    def lower_code(match: re.Match[str]) -> str:
        written = Written(int(match[1].replace(",", "")), match[2] or "")
        return language.money(written, _CURRENCY_CODES[match[3]])

    def between(match: re.Match[str]) -> str:
        symbol = match[1] if match[2][-3:-2] == "." and not match[3] else ""
        return f"{symbol}{match[2]}{match[3]} {language.to} {match[1]}{match[4]}{match[5]}"

    return [
        near_words("comparison", _BOUND, bound, "≥≤<>"),
        near_words("rate", _RATE_STOP, lambda match: match[1], ("/",)),
        near_digits("money", _CODE_FIRST, lambda match: match[1].upper()),
        near_words("money", _EACH, lambda match: " each", ("/ea",)),
        near_words("money", _MONEY_NOUN, before_noun, _SYMBOLS),
        near_words("money", _BARE_CENTS, cents, _SYMBOLS),
        near_words("money", _BARE_FRACTION, fraction, _SYMBOLS),
        near_words(
            "money", _LONG_CENTS, lambda match: f"{match[1]}{match[2]}{f'.{match[3]}' if match[3] else ''}", _SYMBOLS
        ),
        near_words("money", _TWO_CURRENCIES, two_currencies, _SYMBOLS),
        at_digits("money", _LOWER_CODE, lower_code),
        near_words("money range", _MONEY_RANGE, between, _SYMBOLS),
    ]
