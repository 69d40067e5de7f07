"""What Portuguese, Spanish, French and Italian have in common: the rules, in the words of each."""

# What each method is for is said where Language declares it.
# ruff: noqa: D102
from __future__ import annotations

from telephony.text.normalization.romance import codes, dates, dialling, measures, money, numbers, papers, times, words
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, Stage

__all__ = ["Romance"]


class Romance(RomanceGrammar):
    """A Romance language with its rules."""

    def rules(self, stage: Stage) -> list[Rule]:
        if stage is Stage.INTERNET:
            return numbers.raised_rules()
        if stage is Stage.WORDS:
            return [
                *dates.weekday_rules(self),
                *numbers.roman_rules(self),
                *words.letter_rules(self),
                *times.zone_rules(self),
            ]
        if stage is Stage.CODES:
            return [
                *numbers.name_rules(self),
                *words.house_rules(self),
                *dialling.rules(self),
                *papers.rules(self),
                *codes.rules(self),
            ]
        if stage is Stage.MONEY:
            return money.rules(self)
        if stage is Stage.DATES:
            return dates.rules(self)
        if stage is Stage.RANGES:
            return [*numbers.spaced_rules(), *times.range_rules(self), *measures.dose_rules(self)]
        if stage is Stage.TIMES:
            return times.rules(self)
        if stage is Stage.ORDINALS:
            return numbers.ordinal_rules(self)
        if stage is Stage.MEASURES:
            return measures.rules(self)
        if stage is Stage.DIGITS:
            return [*words.extreme_rules(self), *words.stroke_rules(self), *numbers.round_rules(self)]
        if stage is Stage.NUMBERS:
            return numbers.thousand_rules(self)
        return []
