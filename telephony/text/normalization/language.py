"""What a language has to know to say numbers, amounts, dates and times: one subclass for each."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from babel import Locale
from babel.numbers import get_currency_name
from babel.units import format_unit
from num2words import num2words

from telephony.text.normalization.rules import Rule, Stage

Form = Literal["count", "masculine", "feminine"]
"""How a number agrees: by itself, or with the noun behind it ("uno", "un día", "una hora")."""

_LARGEST = 10**15
# Behind these a range has "and" between its ends.
_BETWEEN = re.compile(r"(?<!\w)(?:between|b/w|entre|tra|fra|zwischen)\s$", re.IGNORECASE)
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


@dataclass(frozen=True)
class Written:
    """A number as it was written: sign apart, separators of thousands gone."""

    whole: int
    fraction: str = ""

    @property
    def decimal(self) -> Decimal:
        """Its value."""
        return Decimal(f"{self.whole}.{self.fraction or 0}")


@dataclass(frozen=True)
class Name:
    """Singular and plural of what is counted."""

    one: str
    many: str


@dataclass(frozen=True)
class Currency:
    """A currency and its hundredth, which some lack."""

    unit: Name
    cent: Name | None = None


class Language:
    """A language's words and grammar, in the terms that the rules need. Subclasses are data and small methods."""

    locale: str
    speller: str
    """num2words' name for it."""
    regions: tuple[str, ...]
    """Where a telephone number without a country code may be from, likeliest first."""
    decimal_mark = ","
    month_first = False
    space_groups = True
    """Whether a plain space may divide thousands."""

    digits: tuple[str, ...]
    minus: str
    plus: str
    point: str
    to: str
    over: str
    per: str
    percent: str
    permille: str
    number_sign: str
    section: str
    about: str
    times: str
    fold: str
    """What "3x" counts: "três vezes"."""
    divided_by: str
    equals: str
    less: str
    greater: str
    ampersand: str
    at: str
    degree: Name
    dot: str
    mail_at: str
    hyphen: str
    underscore: str
    slash: str
    colon: str
    hashtag: str
    star_key: str
    pound_key: str
    """The keys of a telephone."""
    squared: str
    cubed: str
    half: str
    and_half: str
    all_day: str
    version: str
    version_mark: str = ""
    """What stands between the parts of a version; empty: `dot`."""
    currencies: Mapping[str, Currency]
    dollar_code = "USD"
    cents_joint: str
    scales: Mapping[str, str]
    """Words and letters behind an amount ("M", "million"), and what is said for them."""
    of_scale: str = ""
    """What stands between a million and what it counts: "de reais"."""
    units: Mapping[str, str]
    """More symbols of units than the common ones, with CLDR's names."""
    rates: Mapping[str, str]
    """What stands behind the stroke of a rate ("/mo") and what is said for it."""
    abbreviations: Mapping[str, str]
    """Shortened words that mean one thing wherever they stand; a final stop belongs to the key."""
    titles: Mapping[str, str]
    """Shortened words that mean this only before a capital."""
    before_number: Mapping[str, str]
    """Shortened words that mean this only before a digit."""
    months: Mapping[str, int]
    """Shortened months (without their stop); the full names are CLDR's."""
    code_words: str
    """Alternatives of a regular expression: what a number behind it is read digit by digit after."""
    short_code_words: str
    """The same, even for a number of three digits."""
    date_words: str
    """The same: after these, "15/3" is a date."""
    alphabet: Mapping[str, str] = MappingProxyType({})
    """A word for each letter, to spell with; empty where there is none."""
    as_in: str = "{letter} {word}"
    """A letter with its word."""
    not_nouns: frozenset[str]
    """Words behind a number that it does not count."""
    world_wide_web: str = ""
    """What is said for "www"; empty: its letters."""
    word_domains: frozenset[str] = frozenset()
    """Top-level domains of two letters that are said as a word."""
    phone_pairs = False
    """Whether telephone numbers in pairs are read as numbers below a hundred."""
    longest_phone_group = 19
    """Longer groups of a telephone number are divided."""
    kings: str
    """Alternatives of a regular expression: names before a Roman numeral that is an ordinal."""
    queens: frozenset[str] = frozenset()
    """Those of them that are women's."""
    last_ordinal_king: int
    """Above this number, people count kings with cardinals."""
    before_roman: str
    """The same as `kings`: words before a Roman numeral that counts."""
    named_versions: str = "version|Version|release|firmware|Python|Android|iOS|Windows|v"
    """The same: what a version is of."""

    def rules(self, stage: Stage) -> list[Rule]:
        """The language's own rules of a stage. They come before those that all languages share."""
        return []

    # Numbers

    def cardinal(self, number: int, form: Form = "count") -> str:
        """A number of at least 0 in words."""
        if number >= _LARGEST:
            return self.spell_digits(str(number))
        return self.agree(self.plain(number), number, form)

    def plain(self, number: int) -> str:
        """num2words' answer, put right where it is wrong."""
        return spelled(number, self.speller)

    def agree(self, words: str, number: int, form: Form) -> str:
        """The words in a form; languages without forms leave them as they are."""
        return words

    def ordinal(self, number: int, feminine: bool = False) -> str:
        """A number of at least 1 as an ordinal."""
        return spelled(number, self.speller, "ordinal")

    def ordinal_before(self, number: int, mark: str, noun: str) -> str:
        """An ordinal as its mark ("º", "ra") and the noun behind it, if there is one, ask for."""
        return self.ordinal(number, mark.endswith(("ª", "a")))

    def year(self, year: int) -> str:
        """A year in words."""
        return self.cardinal(year)

    def number(self, written: Written, form: Form = "count") -> str:
        """A number with its decimals."""
        if not written.fraction:
            return self.cardinal(written.whole, form)
        return f"{self.cardinal(written.whole)} {self.point} {self.decimals(written.fraction)}"

    def decimals(self, fraction: str) -> str:
        """The digits behind the mark: up to two as a number, more one by one."""
        if len(fraction) > 2:
            return self.spell_digits(fraction)
        zeros = len(fraction) - len(fraction.lstrip("0"))
        rest = [self.cardinal(int(fraction))] if int(fraction) else []
        return " ".join([self.digits[0]] * zeros + rest)

    def letter(self, letter: str, with_word: bool = False) -> str:
        """A letter by its name; with the word that it begins, in a language that has a spelling alphabet."""
        word = self.alphabet.get(letter.upper()) if with_word else None
        return self.as_in.format(letter=letter.upper(), word=word) if word else letter.upper()

    def initials(self, word: str) -> str:
        """The letters of what is no word, one by one."""
        return " ".join(word.upper())

    def spell_digits(self, digits: str) -> str:
        """Digits one by one."""
        return " ".join(self.digits[int(digit)] for digit in digits)

    def roman(self, numeral: str) -> int | None:
        """The value of a Roman numeral up to 399; None for letters that only look like one."""
        values = [_ROMAN[letter] for letter in numeral]
        pairs = zip(values, [*values[1:], 0], strict=True)
        number = sum(-value if value < following else value for value, following in pairs)
        return number if _as_roman(number) == numeral else None

    def form_for(self, noun: str) -> Form:
        """The form of a number before a word."""
        if not noun or noun.lower() in self.not_nouns:
            return "count"
        return "feminine" if self.is_feminine(noun.lower()) else "masculine"

    def is_feminine(self, noun: str) -> bool:
        """A guess at a noun's gender, by its ending."""
        return False

    def before_noun(self, written: Written, noun: str) -> str:
        """A number before a word, which it may count or not; the word itself is not said."""
        return self.number(written, self.form_for(noun))

    def numbered_name(self, name: str, number: int) -> str | None:
        """A king or a pope with a number; None for letters that are no number here."""
        if number > self.last_ordinal_king:
            return f"{name} {self.cardinal(number)}"
        return f"{name} {self.ordinal(number, name in self.queens)}"

    # What is counted

    def counted(self, written: Written, name: Name) -> str:
        """A number and what it counts."""
        noun = name.one if self.is_one(written) else name.many
        number = self.number(written, "feminine" if self.is_feminine(name.one.split()[0]) else "masculine")
        if not written.fraction and written.whole and written.whole % 1_000_000 == 0:
            return f"{number}{self.linked(noun)}"
        return f"{number} {noun}"

    def linked(self, noun: str) -> str:
        """A noun behind a full million, with a space before it."""
        return f"{self.of_scale} {noun}" if self.of_scale else f" {noun}"

    def is_one(self, written: Written) -> bool:
        """Whether what is counted stands in the singular."""
        value = written.decimal
        if written.fraction and not int(written.fraction):
            return False
        return str(Locale.parse(self.locale).plural_form(value)) == "one"

    def unit(self, cldr: str) -> Name:
        """A unit's name, as CLDR has it."""
        return _unit(self.locale, cldr)

    def currency(self, code: str) -> Currency:
        """A currency by its ISO code."""
        return self.currencies.get(code) or _currency(self.locale, code)

    def money(self, written: Written, code: str, scale: str = "") -> str:
        """An amount of money."""
        currency = self.currency(code)
        if scale:
            return f"{self.number(written)} {self.scaled(written, scale)}{self.linked(currency.unit.many)}"
        if currency.cent is None or len(written.fraction) > 2:
            return self.counted(written, currency.unit)
        cents = Written(int(written.fraction.ljust(2, "0")))
        units = Written(written.whole)
        if not cents.whole:
            return self.counted(units, currency.unit)
        if not units.whole:
            return self.counted(cents, currency.cent)
        return f"{self.counted(units, currency.unit)} {self.cents_joint} {self.counted(cents, currency.cent)}"

    def scaled(self, written: Written, scale: str) -> str:
        """The word for a scale, in the number that the amount asks for."""
        return self.scales[scale]

    def scaled_number(self, written: Written, scale: str) -> str:
        """A number and its scale, as a number of their own."""
        return f"{self.number(written, 'masculine')} {self.scaled(written, scale)}"

    def between(self, low: str, high: str, before: str, behind: str) -> str:
        """The ends of a range that a stroke joins, in digits or in words; `before` and `behind` stand around it."""
        joint = self.ampersand if _BETWEEN.search(before) else self.to
        return f"{low} {joint} {high}"

    def fraction(self, above: int, below: int) -> str | None:
        """A fraction in words; None where it has none of its own."""
        raise NotImplementedError

    def mixed(self, whole: int, above: int, below: int) -> str:
        """A whole number and a fraction that has words of its own."""
        if (above, below) == (1, 2):
            return f"{self.cardinal(whole)} {self.and_half}"
        return f"{self.cardinal(whole)} {self.ampersand} {self.fraction(above, below)}"

    # Dates and times

    def day(self, day: int) -> str:
        """A day of the month in a date."""
        return self.cardinal(day)

    def date(self, day: int, month: int, year: int | None) -> str:
        """A date from its numbers."""
        raise NotImplementedError

    def month(self, month: int) -> str:
        """A month's name in a date."""
        return month_names(self.locale)[month]

    def clock(self, hour: int, minute: int, half: str) -> str:
        """A time of day; `half` is "am", "pm" or "" where it is not said."""
        raise NotImplementedError

    def exact_clock(self, hour: int, minute: int, second: int, half: str) -> str:
        """A time of day with seconds."""
        seconds = self.counted(Written(second), self.unit("duration-second"))
        return f"{self.clock(hour, minute, half)} {self.ampersand} {seconds}"


@lru_cache(maxsize=4096)
def spelled(number: int, speller: str, kind: str = "cardinal") -> str:
    """num2words' answer, which it takes its time for."""
    return str(num2words(number, lang=speller, to=kind))


def valid_date(day: int, month: int, year: int) -> bool:
    """Whether there is such a day."""
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


@lru_cache
def month_names(locale: str) -> Mapping[int, str]:
    """Months by their number."""
    names: Mapping[int, str] = Locale.parse(locale).months["format"]["wide"]
    return names


@lru_cache(maxsize=1024)
def _unit(locale: str, cldr: str) -> Name:
    one, many = (re.sub(r"\d", "", format_unit(count, cldr, "long", locale=locale)).strip() for count in (1, 2))
    return Name(one, many)


@lru_cache(maxsize=1024)
def _currency(locale: str, code: str) -> Currency:
    # CLDR writes Brazilian currencies with capitals, as in a list.
    one, many = (get_currency_name(code, count=count, locale=locale) for count in (1, 2))
    if locale == "pt_BR":
        one, many = one.lower(), many.lower()
    return Currency(Name(one, many))


def _as_roman(number: int) -> str:
    if not 0 < number < 400:
        return ""
    ones = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"]
    tens = ["", "X", "XX", "XXX", "XL", "L", "LX", "LXX", "LXXX", "XC"]
    return "C" * (number // 100) + tens[number // 10 % 10] + ones[number % 10]
