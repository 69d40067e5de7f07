"""English, of the United States and of Britain, with the rules that only English has."""

# What each method is for is said where Language declares it.
# ruff: noqa: D102
from __future__ import annotations

from num2words import num2words

from telephony.text.normalization.english import addresses, amounts, dates
from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.rules import Rule, Stage


class English(EnglishGrammar):
    """American English."""

    def rules(self, stage: Stage) -> list[Rule]:
        if stage is Stage.WORDS:
            return [*addresses.street_rules(), *dates.weekday_rules()]
        if stage is Stage.DATES:
            return dates.rules(self)
        if stage is Stage.ORDINALS:
            return [*dates.month_rules(self), *amounts.ordinal_rules(self), *addresses.house_rules(self)]
        if stage is Stage.DIGITS:
            return dates.year_rules(self)
        return []


class BritishEnglish(English):
    """British English: hundreds with "and", the day before the month."""

    locale = "en_GB"
    regions = ("GB", "US")
    month_first = False

    def plain(self, number: int) -> str:
        return str(num2words(number, lang="en")).replace(",", "")

    def ordinal(self, number: int, feminine: bool = False) -> str:
        return str(num2words(number, lang="en", to="ordinal")).replace(",", "")

    def date(self, day: int, month: int, year: int | None) -> str:
        said = f"the {self.day(day)} of {self.month(month)}"
        return f"{said}, {self.year(year)}" if year is not None else said
