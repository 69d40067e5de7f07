"""English, of the United States and of Britain, with the rules that only English has."""

# What each method is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

import itertools

from telephony.text.normalization.english import (
    accounts,
    addresses,
    british,
    codes,
    dates,
    doses,
    money,
    numbers,
    units,
    weekdays,
    words,
)
from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.language import Form, Written, spelled
from telephony.text.normalization.rules import Rule, Stage

_TIMES = {1: "", 2: "double ", 3: "triple "}


class English(EnglishGrammar):
    """American English."""

    def rules(self, stage: Stage) -> list[Rule]:
        if stage is Stage.INTERNET:
            return words.number_sign_rules()
        if stage is Stage.WORDS:
            return [*weekdays.rules(self), *addresses.rules(self), *words.rules(self), *words.roman_rules(self)]
        if stage is Stage.CODES:
            return [*accounts.rules(self), *codes.telephone_rules(self), *codes.rules(self)]
        if stage is Stage.MONEY:
            return money.rules(self)
        if stage is Stage.DATES:
            return [*numbers.inch_rules(self), *units.part_rules(self), *dates.rules(self)]
        if stage is Stage.RANGES:
            return [*dates.time_rules(self), *doses.rules(self), *numbers.stone_rules(self)]
        if stage is Stage.ORDINALS:
            return [*words.initial_rules(), *dates.month_rules(self), *numbers.ordinal_rules(self)]
        if stage is Stage.MEASURES:
            return [*numbers.rules(self), *units.rules(self), *numbers.mixed_rules(self)]
        if stage is Stage.DIGITS:
            return dates.year_rules(self)
        if stage is Stage.SYMBOLS:
            return [*words.late_rules(self), *words.slash_rules(self)]
        return []


class BritishEnglish(English):
    """British English: hundreds with "and", the day before the month, "double two", "nought point five"."""

    locale = "en_GB"
    regions = ("GB", "US")
    month_first = False
    pound_key = "hash"
    abbreviations = {**EnglishGrammar.abbreviations, "a/c": "account", "w/e": "weekend"}
    date_words = EnglishGrammar.date_words + "|commencing|ending"

    def rules(self, stage: Stage) -> list[Rule]:
        rules = super().rules(stage)
        if stage is Stage.WORDS:
            return [*rules, *british.word_rules(self)]
        if stage is Stage.MONEY:
            return [*british.money_rules(self), *rules]
        if stage is Stage.RANGES:
            return [*british.range_rules(self), *rules]
        return rules

    def plain(self, number: int) -> str:
        return spelled(number, "en").replace(",", "")

    def ordinal(self, number: int, feminine: bool = False) -> str:
        return spelled(number, "en", "ordinal").replace(",", "")

    def spell_digits(self, digits: str) -> str:
        said = []
        for digit, run in itertools.groupby(digits):
            left = len(list(run))
            while left:
                times = 2 if left in (2, 4) else min(left, 3)
                said.append(f"{_TIMES[times]}{self.digits[int(digit)]}")
                left -= times
        return " ".join(said)

    def decimals(self, fraction: str) -> str:
        return " ".join(self.digits[int(digit)] for digit in fraction).replace("zero", "nought")

    def number(self, written: Written, form: Form = "count") -> str:
        said = super().number(written, form)
        return said.replace("zero point", "nought point", 1) if written.fraction and not written.whole else said

    def date(self, day: int, month: int, year: int | None) -> str:
        said = f"the {self.day(day)} of {self.month(month)}"
        return f"{said}, {self.year(year)}" if year is not None else said

    def unit_name(self, name: str) -> str:
        return name.replace("meter", "metre").replace("liter", "litre")

    def month_and_day(self, month: str, days: str) -> str:
        return f"the {days} of {month}"
