"""Hindi."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

from telephony.text.normalization.hindi import dates, numbers, tables, words
from telephony.text.normalization.language import Form, Language, Name, Written
from telephony.text.normalization.rules import Rule, Stage

_HALVES = {("1", "5"): "डेढ़", ("2", "5"): "ढाई"}


class Hindi(Language):
    """Hindi, as it is spoken in India: lakhs and crores, clocks of twelve hours."""

    locale = "hi"
    speller = "hi"
    regions = ("IN",)
    decimal_mark = "."
    space_groups = False

    digits = tuple(tables.NUMBERS[:10])
    minus = "माइनस"
    plus = "प्लस"
    point = "दशमलव"
    to = "से"
    over = "बटा"
    per = "प्रति"
    percent = "प्रतिशत"
    permille = "प्रति हज़ार"
    number_sign = "नंबर"
    section = "धारा"
    about = "लगभग"
    times = "गुणा"
    fold = "गुना"
    divided_by = "भागा"
    equals = "बराबर"
    less = "से कम"
    greater = "से ज़्यादा"
    ampersand = "और"
    at = "एट"
    degree = Name("डिग्री", "डिग्री")
    dot = "डॉट"
    mail_at = "एट"
    hyphen = "डैश"
    underscore = "अंडरस्कोर"
    slash = "स्लैश"
    colon = "कोलन"
    hashtag = "हैशटैग"
    star_key = "स्टार"
    pound_key = "हैश"
    squared = "वर्ग"
    cubed = "घन"
    half = "आधा"
    and_half = ""
    all_day = "चौबीसों घंटे, सातों दिन"
    version = "वर्ज़न"
    version_mark = "पॉइंट"
    cents_joint = ""
    currencies = tables.CURRENCIES
    dollar_code = "USD"
    scales = tables.SCALES
    units = tables.UNITS
    rates = tables.RATES
    abbreviations = {"etc.": "वगैरह"}
    titles = {"Dr.": "डॉक्टर"}
    before_number = {"No.": "नंबर", "no.": "नंबर", "#": "नंबर", "№": "नंबर"}
    months = tables.MONTHS
    code_words = "OTP|PIN|PNR|CVV|ID|code"
    short_code_words = "OTP|PIN|CVV"
    date_words = "(?!)"
    kings = "(?!)"
    last_ordinal_king = 0
    before_roman = "अध्याय|भाग|टाइप|खंड"
    not_nouns = frozenset()

    def rules(self, stage: Stage) -> list[Rule]:
        if stage is Stage.INTERNET:
            return words.layout_rules(self)
        if stage is Stage.WORDS:
            return words.rules(self)
        if stage is Stage.CODES:
            return numbers.code_rules(self)
        if stage is Stage.MONEY:
            return numbers.money_rules(self)
        if stage is Stage.DATES:
            return dates.rules(self)
        if stage is Stage.RANGES:
            return [*dates.time_rules(self), *numbers.range_rules(self)]
        if stage is Stage.ORDINALS:
            return numbers.ordinal_rules(self)
        if stage is Stage.MEASURES:
            return numbers.rules(self)
        return []

    def plain(self, number: int) -> str:
        said = []
        for size, name in tables.SCALES_OF_NUMBERS:
            if number >= size:
                said.append(f"{self.plain(number // size)} {name}")
                number %= size
        if number >= 100:
            said.append(f"{tables.NUMBERS[number // 100]} सौ")
            number %= 100
        if number or not said:
            said.append(tables.NUMBERS[number])
        return " ".join(said)

    def ordinal(self, number: int, feminine: bool = False) -> str:
        return self.ordinal_with("ी" if feminine else "ा", number)

    def ordinal_with(self, ending: str, number: int) -> str:
        """An ordinal with the vowel of its gender and case."""
        if number in tables.ORDINALS:
            return tables.ORDINALS[number].removesuffix("ा") + ending
        return f"{self.cardinal(number)}व{ending}ं".replace("ां", "ाँ")

    def decimals(self, fraction: str) -> str:
        return self.spell_digits(fraction)

    def year(self, year: int) -> str:
        if 1100 <= year < 2000:
            rest = f" {self.cardinal(year % 100)}" if year % 100 else ""
            return f"{self.cardinal(year // 100)} सौ{rest}"
        return self.cardinal(year)

    def is_one(self, written: Written) -> bool:
        return written == Written(1)

    def agree(self, words: str, number: int, form: Form) -> str:
        return words

    def unit(self, cldr: str) -> Name:
        return tables.SPOKEN_UNITS.get(cldr) or super().unit(cldr)

    def with_half(self, written: Written) -> str:
        """A number and its half, as people say it of hours, lakhs and the like."""
        if written.fraction != "5":
            return self.number(written)
        if not written.whole:
            return "आधा"
        return _HALVES.get((str(written.whole), "5")) or f"साढ़े {self.cardinal(written.whole)}"

    def money(self, written: Written, code: str, scale: str = "") -> str:
        unit = self.currency(code).unit.many
        if scale:
            return f"{self.scaled_number(written, scale)} {unit}"
        return super().money(written, code).replace("  ", " ")

    def scaled_number(self, written: Written, scale: str) -> str:
        return f"{self.with_half(written)} {self.scales[scale]}"

    def fraction(self, above: int, below: int) -> str | None:
        special = {(1, 2): "आधा", (1, 3): "एक तिहाई", (2, 3): "दो तिहाई", (1, 4): "एक चौथाई", (3, 4): "तीन चौथाई"}
        return special.get((above, below))

    def mixed(self, whole: int, above: int, below: int) -> str:
        if (above, below) == (1, 2):
            return self.with_half(Written(whole, "5"))
        return f"{self.cardinal(whole)} सही {self.fraction(above, below)}"

    def month(self, month: int) -> str:
        return tables.MONTH_NAMES[month]

    def date(self, day: int, month: int, year: int | None) -> str:
        said = f"{self.cardinal(day)} {self.month(month)}"
        return f"{said} {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, half: str) -> str:
        """With the part of the day where the hour shows it, and with the word for "o'clock"."""
        part = ""
        if half or hour > 12 or hour == 0:
            part = dates.part_of_day(hour % 12 + (12 if half == "pm" else 0) if half else hour) + " "
        return part + dates.hours(hour % 12 or 12, minute, self)
