"""What the rules of the Romance languages need to know of each of them, beyond what all languages say."""

from __future__ import annotations

from collections.abc import Mapping

from telephony.text.normalization.language import Form, Language, Name, Written
from telephony.text.normalization.rules import Rule

_THOUSANDS = frozenset(("mil", "mille", "mila"))
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


class RomanceGrammar(Language):
    """Words and grammar that Portuguese, Spanish, French and Italian have each in its own way.

    What ends in `_words` or `_verbs` is never said: it is a regular expression's alternatives, and decides what a
    number beside them is.
    """

    # Days of the week, dates

    weekdays: Mapping[str, str]
    """Days of the week by their short forms, in lower case, without a stop."""
    weekday_initials: Mapping[str, str] = {}
    """Days by a capital, in ranges only: "L-V"."""
    weekdays_from: str = ""
    weekdays_to: str
    """What comes before the first and the last of the days that a stroke joins."""
    of_month: str = " "
    """What stands between a day and its month."""
    of_year: str = " "
    """What stands between a month and its year."""
    in_month: str = ""
    """What an article before a month becomes."""
    range_words: str
    """Behind these, a range has its preposition already."""
    and_words: str
    """These join two days, or two dates."""
    month_words: str
    """Behind these, a shortened month with its stop stands alone."""
    year_words: str
    """Behind these, long Roman numerals are years."""
    expiry_words: str
    """Behind these, "03/27" is a month and a year."""

    # Times

    hours_from: str
    hours_to: str
    """What comes before the first and the last of the times that a stroke joins."""
    time_words: str
    """Behind these stands a time of day, with a full stop too."""
    opening_words: str
    """Behind these, "9.00-18.00" are times."""
    no_hour_words: str = "(?!)"
    """Behind two numbers these say that they are no hours."""
    hour_words: str
    """These stand behind hours, and are said with them anyway."""
    hours_prefix: str = "(?!)"
    """The same before hours."""
    before_one: Mapping[str, str] = {}
    """What words before a time of day become before one o'clock."""

    # Numbers

    ordinal_endings: str = ""
    """What may be behind an ordinal instead of a raised sign, as alternatives of a regular expression."""
    articles: str
    """Between these and a noun, a Roman numeral is an ordinal; alternatives too, each with its space."""
    century_words: str
    """Before a Roman numeral that is a century."""
    thousand_words: str
    thousand: str = "mil"
    part_words: str
    """Behind these, "3/12" is one of several."""
    part_of: str
    """What is said for the stroke then."""
    pressure_words: str
    """Behind these, "12/8" is a blood pressure."""
    pressure_over: str
    out_of: str
    """What is said for the stroke in "9,5/10"."""
    by: str
    """What is said for the cross in "10 x 15"."""
    score_words: str = "(?!)"
    """With these, the cross stands between goals."""
    half_of: Mapping[Form, str]
    """What "half" is before a noun, by its gender."""
    and_half_of: Mapping[Form, str]
    """The same behind a noun that a whole number counts."""
    extremes: Mapping[str, tuple[str, str]]
    """Short forms of "maximum" and "minimum" without their stop, and what is said: masculine, feminine."""

    # Money, units, doses

    currency_signs: Mapping[str, str]
    """Signs and letters of currencies beyond those that all languages know, with their ISO codes."""
    cent_signs: str
    """Short forms of the hundredth of a currency, as alternatives of a regular expression."""
    cent_code: str = "EUR"
    """The currency that they are of."""
    spoken_units: Mapping[str, Name]
    """Units that people call otherwise than CLDR, or that it lacks."""
    per_amount: str
    """What is said for the stroke in "5 l/100 km"."""
    every: str
    """Before the hours between two doses, as alternatives of a regular expression."""
    times_a: str
    """What stands between "twice" and "a day"."""
    once: str

    # Codes, addresses

    named_words: str
    """Letters and digits behind these are a code."""
    named_joint: str
    """What may stand between the name of a code and the code, as alternatives of a regular expression."""
    document_words: str
    """Papers whose number is read digit by digit, however it is divided."""
    plate_words: str
    flight_words: str
    road_words: str
    street_words: str
    """Behind these a house number may come."""
    post_code: str = "(?!)"
    """A post code before a town, as a regular expression; it is read digit by digit."""
    law_of: str = "de"
    """What stands between the number of a law and its year."""
    ending_in: str
    """What is said for the stars before the last digits of a card."""
    call_words: str
    """Behind these, a number is dialled."""
    extension_words: str
    extension: str
    text_verbs: str
    """With these, a number behind `text_to` is one to send a message to."""
    text_to: str
    either: str
    """The word for "or"."""

    def weekday_range(self, first: str, last: str, preceded: bool) -> str:
        """A range of days; `preceded` if the preposition of the first one stands there already."""
        said = f"{first} {self.weekdays_to} {last}"
        return said if preceded or not self.weekdays_from else f"{self.weekdays_from} {said}"

    def time_range(self, begin: str, low: str, high: str) -> str:
        """Two times of day that a stroke joins."""
        return f"{begin}{low} {self.hours_to} {high}"

    def midnight_rules(self) -> list[Rule]:
        """What has to be changed before midnight."""
        return []

    def century(self, number: int) -> str:
        """A century by its number."""
        raise NotImplementedError

    def short_number(self, digits: str) -> str:
        """A short number to dial."""
        return self.spell_digits(digits)

    def day_range(self, first: int, last: int, preceded: bool) -> str:
        """Two days of a month that a stroke joins; `preceded` as above."""
        return f"{self.day(first)} {self.to} {self.day(last)}"

    def season(self, first: int, last: int) -> str:
        """Two years that a school's year or a sport's season joins."""
        return f"{self.year(first)} {self.to} {self.year(last)}"

    def height(self, metres: int, centimetres: str) -> str:
        """Metres and hundredths of them, as people say how tall they are."""
        raise NotImplementedError

    def span(self, hours: int) -> str:
        """A number of hours."""
        return self.counted(Written(hours), self.unit("duration-hour"))

    def minutes(self, minutes: int) -> str:
        """A number of minutes."""
        return self.counted(Written(minutes), self.unit("duration-minute"))

    def seconds(self, seconds: int) -> str:
        """A number of seconds."""
        return self.counted(Written(seconds), self.unit("duration-second"))

    def ordinal_before(self, number: int, mark: str, noun: str) -> str:
        """As elsewhere; without a mark, the noun decides."""
        feminine = mark.endswith(("ª", "a")) or (not mark and self.form_for(noun) == "feminine")
        return self.ordinal(number, feminine)

    def unit(self, cldr: str) -> Name:
        """As elsewhere, in the words that people use."""
        return self.spoken_units.get(cldr) or super().unit(cldr)

    def money(self, written: Written, code: str, scale: str = "") -> str:
        """As elsewhere; a thousand counts its currency without a preposition."""
        if scale and self.scales[scale] in _THOUSANDS:
            unit = self.currency(code).unit
            if written.fraction:
                return f"{self.number(written)} {self.thousand} {unit.many}"
            return self.counted(Written(written.whole * 1000), unit)
        if scale:
            counted = self.currency(code).unit.many
            return f"{self.scaled_number(written, scale)}{self.linked(counted)}"
        return super().money(written, code, scale)

    def scaled_number(self, written: Written, scale: str) -> str:
        """As elsewhere; thousands are one number."""
        if self.scales[scale] in _THOUSANDS and not written.fraction:
            return self.cardinal(written.whole * 1000)
        return super().scaled_number(written, scale)

    def long_roman(self, numeral: str) -> int | None:
        """The value of a Roman numeral up to 3999, in any case; None for letters that are none."""
        numeral = numeral.upper()
        if not numeral or set(numeral) - set(_ROMAN):
            return None
        values = [_ROMAN[letter] for letter in numeral]
        pairs = zip(values, [*values[1:], 0], strict=True)
        number = sum(-value if value < following else value for value, following in pairs)
        return number if 0 < number < 4000 and _as_roman(number) == numeral else None


def _as_roman(number: int) -> str:
    said = ""
    for value, letters in ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
                           (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):  # fmt: skip
        said += letters * (number // value)
        number %= value
    return said
