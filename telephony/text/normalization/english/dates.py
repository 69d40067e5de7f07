"""English dates with names of months, years, decades, days of the week; times without a colon."""

from __future__ import annotations

import re

from telephony.text.normalization.dates import PIVOT
from telephony.text.normalization.english import weekdays
from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.language import month_names, valid_date
from telephony.text.normalization.rules import Rule, alternatives, at_digits, at_words, ends_text, near_words

_DECADE = r"'?(?:1[1-9]|20)?\d0\s?'?s"
_DECADES = re.compile(
    r"(?<![\w.,])'?((?:1[1-9]|20)\d0|(?<=')\d0)\s?'?s(?!\w)(?:\s?[-–]\s?'?((?:1[1-9]|20)?\d0)'?s(?!\w))?"
)
_SHORT_DECADE = re.compile(
    r"(?<![\w.,:])(?:(?=\d0's)|(?=\d0s\s(?:and|&)\s(?:sunny|clear|cloudy|rainy|dry|humid|breezy|windy))|"
    r"(?='?\d0'?s\s(?:and|or|to)\s'?\d0'?s)|(?<=\bthe )|(?<=\bhis )|(?<=\bher )|(?<=\bmy )|"
    r"(?<=\btheir )|(?<=\byour )|(?<=\bin )|(?<=\blow )|"
    r"(?<=\bmid )|(?<=\bhigh )|(?<=\bupper )|(?<=\blower )|(?<=\bearly )|(?<=\blate )|(?<=-)|(?<=\bto )|(?<=\band ))"
    r"'?([1-9]0)'?s(?!\w)(?:\s?[-–]\s?'?([1-9]0)'?s(?!\w))?",
    re.IGNORECASE,
)
_OLD_YEAR = re.compile(
    r"(?<![\w.,/$€£#-])(?:(?<=(?i:\bin) )|(?<=(?i:\bsince) )|(?<=(?i:\bof) )|(?<=(?i:\byear) )|(?<=(?i:\bcirca) )|"
    r"(?<=(?i:\bby) )|"
    r"(?<=(?i:\bfrom) )|(?<=(?i:\buntil) )|(?<=\bborn )|(?<=\bdied ))(1[1-8]\d\d)(?![\w%°]|[.,:/]\d|-\d)"
)  # fmt: skip
_RECENT_YEAR = re.compile(
    r"(?<![\w.,/$€£#-])((?:19|20)\d\d)(?![\w%°]|[.,:/]\d|-\d)(?!\s(?:points?|people|items?|units?|calories|customers|"
    r"users|steps|pages|words|students|employees|seats|square|miles|dollars|times|rooms|copies|shares|votes|days|"
    r"hours|minutes|rewards?|bonus|tons|pieces|orders|cases|homes|jobs|members|locations|stores)\b)"
)
_HALF_LETTER = re.compile(
    r"(?:(?<=\bat )|(?<=\bby )|(?<=\btil )|(?<=\buntil )|(?<=\bbefore )|(?<=\bafter )|(?<=day ))"
    r"(\d{1,2})([ap])(?![\w.-]|'\w)"
)
_DOTTED_MINUTES = re.compile(r"(?<![\w:.,$£€])(\d{1,2})\.([0-5]\d)(?=\s?[ap]\.?\s?m\b)", re.IGNORECASE)
_APOSTROPHE = re.compile(r"(?<=\s)'(?=\d\d(?![\w']))")
_YEARS = re.compile(r"(?<![\w.,/-])((?:1[1-9]|20)\d\d)\s?[-–]\s?((?:1[1-9]|20)\d\d|\d\d)(?![\w-]|[.,]\d)")
_MODEL_YEARS = re.compile(r"(?<![\w.,/-])((?:19|20)\d\d)/(\d\d)(?![\w/-])")
_YEAR_FIRST = re.compile(r"(?<![\w./-])((?:19|20)\d\d)[/.](\d{1,2})[/.](\d{1,2})(?![\w/-]|\.\d)")
_CARD_EXPIRY = re.compile(r"(?<![\w/.-])(0[1-9]|1[0-2])/(\d\d)(?![\w/]|[.,]\d)")
_LIKELY = re.compile(
    r"(?<![\w./,$-])(\d{1,2})/(\d{1,2})(?![\w/\"]|[.,]\d|\s(?:of|inch|inches|in|mile|cup|stars?|mmHg)\b)"
)
_FULL_SPAN = re.compile(r"(?<![\w./-])(\d{1,2}/\d{1,2}/\d{2,4})\s?[-–]\s?(?=\d{1,2}/\d{1,2}/\d{2,4}(?![\w/-]))")
_SPAN = re.compile(r"(?<![\w./-])(\d{1,2})/(\d{1,2})(\s?[-–]\s?|\sto\s)(\d{1,2})/(\d{1,2})(?![\w/-]|[.,]\d)")
_BLOOD_PRESSURE = re.compile(r"\b(?:pressure|bp|odds)\b[^.!?]{0,20}$", re.IGNORECASE)
_DOTTED = re.compile(r"(?<![\w./-])(\d{1,2})\.(\d{1,2})\.((?:19|20)\d\d)(?![\w/-]|\.\d)")
_CARD = re.compile(r"\b(?:card|visa|mastercard|amex|cvv|debit|credit)\b", re.IGNORECASE)
_EXPIRY = re.compile(r"\b(?:exp|expiry|valid thru)\b\.?:?\s(?:date:?\s)?$", re.IGNORECASE)
_EXPIRES = re.compile(r"\b(?:exp|expir\w*|valid|good)\b[^.!?]{0,30}$", re.IGNORECASE)
_DOTTED_CLOCK = re.compile(r"(?<=\bat )(\d{1,2})\.([0-5]\d)(?=\s(?:in\s|tomorrow|today|tonight|on\s|sharp)|[?!]|\.?$)")
_SHORT_HALVES = re.compile(
    r"(?<![\w:.,$])(\d{1,2})(?::([0-5]\d))?\s?([ap])\s?[-–]\s?(\d{1,2})(?::([0-5]\d))?\s?([ap])(?![\w.])", re.IGNORECASE
)
_SHARED_HALF = re.compile(
    r"(?<![\w:.,$/-])(\d{1,2})(?::([0-5]\d))?\s?[-–]\s?(\d{1,2})(?::([0-5]\d))?\s?([ap])\.?\s?m\b(\.?)", re.IGNORECASE
)
_ONE_HALF = re.compile(r"(?<![\w:.,$])(\d{1,2}):([0-5]\d)([ap])(?!\w)", re.IGNORECASE)
_ZONE = re.compile(
    r"(?<=[\dmM.]\s)((?:(?-i:[ECMP]T)|(?<=[mM.]\s)[ecmp]t)|e\.?s\.?t|e\.?d\.?t|c\.?s\.?t|c\.?d\.?t|m\.?s\.?t|m\.?d\.?t|p\.?s\.?t|p\.?d\.?t|g\.?m\.?t|u\.?t\.?c|"
    r"b\.?s\.?t|c\.?e\.?t)(?!\w)(\.?)",
    re.IGNORECASE,
)
_ZONES = (
    "et ct mt pt "
    "e.s.t est e.d.t edt c.s.t cst c.d.t cdt m.s.t mst m.d.t mdt p.s.t pst p.d.t pdt g.m.t gmt u.t.c utc "
    "b.s.t bst c.e.t cet"
).split()
_MILITARY = re.compile(r"(?<![\w:.,])([01]\d|2[0-3])([0-5]\d)\s?(?:hours|hrs|h)(?!\w)")
_EARLY = re.compile(
    r"(?:(?<=\bat )|(?<=\bby )|(?<=\bfrom )|(?<=\buntil )|(?<=\btill )|(?<=\bbefore )|(?<=\bafter ))"
    r"(0\d)([0-5]\d)(?:\s?[-–]\s?([01]\d|2[0-3])([0-5]\d))?(?![\w-]|[.,:/]\d)"
)
_NOON = re.compile(
    r"(?<!\w)(noon|midnight)\s?[-–]\s?(?=\d)|(?<=[\dmM.])([ap]?)\s?[-–]\s?(?=(?:noon|midnight)\b)", re.IGNORECASE
)
_PARTS = re.compile(r"(?<![\w:.,])(\d{1,3}):(\d{1,3})(?![\w:])")
_PARTED = re.compile(r"\b(?:ratio|mix(?:ed)?|dilut\w+|odds|scale)\b[^.!?\d]{0,20}$", re.IGNORECASE)
_DURATION = re.compile(
    r"(?<![\w:.,])(\d{1,3})\s?(?:h|hrs?)\s?([0-5]?\d)\s?(?:m|mins?)(?:\s?([0-5]?\d)\s?(?:s|secs?))?(?![\w/])|"
    r"(?<![\w:.,])(\d{1,3})m\s?([0-5]?\d)s(?![\w/])"
)
_ENDING = r"(?:st|nd|rd|th)?"
_COUNTED = (
    r"(?:people|persons?|guests|miles|minutes|hours|days|weeks|months|years|times|points|percent|dollars|euros|pounds|"
    r"kg|km|items|steps|more|units|blocks|adults|tickets|of\b)"
)


def rules(language: EnglishGrammar) -> list[Rule]:
    """Dates with the name of a month, ranges of years, decades."""
    full = {name.lower(): number for number, name in month_names(language.locale).items()}
    by_name = {**full, **{short.lower(): number for short, number in language.months.items()}}
    # "may", "mar" and "march" in small letters are other words, but before a number.
    months = rf"(?:{alternatives(by_name)})(?!\w)"
    month_day = re.compile(
        rf"(?<![\w.-])({months})(?:\.?\s|-)(?:the\s)?(\d{{1,2}}){_ENDING}(?:\s?(?:-|–|to|and|&)\s?(\d{{1,2}}){_ENDING}(?!\w|:\d|\s?[ap]\.?m)"
        rf"(?!\s{_COUNTED}))?(?:(,?\s|-)('\d\d|(?:1[1-9]|20)\d\d)(?!\w|[.,:/-]\d))?(?![\w%]|[.,:/-]\d)(?!\s{_COUNTED})",
        re.IGNORECASE,
    )
    day_month = re.compile(
        rf"(?<![\w.,:/$-])((?:the)\s)?(\d{{1,2}}){_ENDING}(?:\s?(?:-|–|to|and|&)\s?(\d{{1,2}}){_ENDING})?(\s(?:of\s)?|-)({months})\.?"
        rf"(?:(,?\s|-)('\d\d|(?:1[1-9]|20)\d\d)(?![\w%]|[.,:/]\d))?(?![\w%])",
        re.IGNORECASE,
    )
    month_year = re.compile(
        rf"(?<![\w.-])({months})(\.?,?\s(?:of\s)?|-)('\d\d|(?:1[1-9]|20)\d\d)(?![\w%]|[.,:/-]\d)(?!\s{_COUNTED})",
        re.IGNORECASE,
    )

    def name(written: str) -> str:
        return language.month(by_name[written.lower()])

    def a_year(written: str) -> str:
        if written[0] == "'":
            short = int(written[1:])
            return language.year(short + (2000 if short < PIVOT else 1900))
        return language.year(int(written))

    def days(first: str, last: str | None) -> str | None:
        numbers = [int(day) for day in (first, last) if day]
        if not all(1 <= day <= 31 for day in numbers):
            return None
        return f" {language.to} ".join(language.day(day) for day in numbers)

    def after_month(match: re.Match[str]) -> str | None:
        month, first, last, _, in_year = match.groups()
        said_days = days(first, last)
        if said_days is None or (month == "may" and not _dated(match)):
            return None
        said = language.month_and_day(name(month), said_days)
        return f"{said}, {a_year(in_year)}" if in_year else said

    def before_month(match: re.Match[str]) -> str | None:
        article, first, last, joint, month, _, in_year = match.groups()
        said_days = days(first, last)
        if said_days is None or (
            month.lower() in ("may", "march")
            and month.islower()
            and "the" not in (article or "").lower()
            and not re.search(r"\d(?:st|nd|rd|th)", match.group())
            and not in_year
            and "of" not in joint
        ):
            return None
        said = f"{article or 'the '}{said_days} of {name(month)}"
        if in_year:
            said += f", {a_year(in_year)}"
        return said + ("." if ends_text(match) else "")

    def in_month(match: re.Match[str]) -> str | None:
        if match[3][0] == "'" and match[1].islower():
            return None
        joint = match[2].replace(".", "").replace("-", " ")
        return f"{name(match[1])}{joint}{a_year(match[3])}"

    month_range = re.compile(
        rf"(?<![\w.-])({months})\.?(\s?[-–]\s?|\sto\s|\sthru\s|\sthrough\s)({months})(?!\s\d{{1,2}}(?!\d))",
        re.IGNORECASE,
    )

    def several_months(match: re.Match[str]) -> str:
        joint = language.to if match[2].strip() in "-–" else match[2].strip()
        return f"{name(match[1])} {joint} {name(match[3])}"

    back = re.compile(rf"(?<=\d\s)({months})\.?\s?[-–]\s?(?=\d{{1,2}}{_ENDING}\s(?:of\s)?(?:{months}))", re.IGNORECASE)
    across = re.compile(
        rf"(?<=\d)((?:st|nd|rd|th)?)\s?[-–]\s?(?=(?:(?:{weekdays.NAMES}),?\s)?(?:{months})\.?\s\d)", re.IGNORECASE
    )
    return [
        at_digits("time", _DOTTED_MINUTES, lambda match: f"{match[1]}:{match[2]}", "."),
        at_words("months", month_range, several_months, by_name),
        near_words("dates", back, lambda match: f"{match[1]} {language.to} ", by_name),
        near_words("dates", across, lambda match: f"{match[1]} {language.to} ", by_name),
        *_number_rules(language),
        near_words("date", day_month, before_month, by_name),
        at_words("date", month_day, after_month, by_name, numeric=True),
        at_words("date", month_year, in_month, by_name, numeric=True),
        *_year_rules(language),
    ]


def _number_rules(language: EnglishGrammar) -> list[Rule]:
    def year_first(match: re.Match[str]) -> str | None:
        year, month, day = map(int, match.groups())
        return language.date(day, month, year) if valid_date(day, month, year) else None

    def dotted(match: re.Match[str]) -> str | None:
        day, month, year = map(int, match.groups())
        if not valid_date(day, month, year):
            return None
        return f"the {language.day(day)} of {language.month(month)}, {language.year(year)}"

    def span(match: re.Match[str]) -> str | None:
        numbers = [int(part) for part in match.group(1, 2, 4, 5)]
        # "1/2 to 3/4" are fractions.
        if match[3] == " to " and max(numbers) <= 16:
            return None
        first, last = (
            (day, month) if not language.month_first else (month, day) for day, month in (numbers[:2], numbers[2:])
        )
        if not all(valid_date(day, month, 2024) for day, month in (first, last)):
            return None
        return f"{language.date(*first, None)} {language.to} {language.date(*last, None)}"

    def likely(match: re.Match[str]) -> str | None:
        first, second = map(int, match.groups())
        month, day = (first, second) if language.month_first else (second, first)
        before = match.string[max(0, match.start() - 40) : match.start()]
        improper = first > second  # hardly ever a fraction
        likely = improper or (day > 12 and day != 16)
        if not likely or not valid_date(day, month, 2024) or _BLOOD_PRESSURE.search(before):
            return None
        return language.date(day, month, None)

    def card_expiry(match: re.Match[str]) -> str | None:
        before = match.string[max(0, match.start() - 60) : match.start()]
        if not (
            _EXPIRES.search(before) and (_CARD.search(match.string) or int(match[2]) > 31 or _EXPIRY.search(before))
        ):
            return None
        return f"{language.month(int(match[1]))} {language.year(2000 + int(match[2]))}"

    return [
        at_digits("date", _YEAR_FIRST, year_first, "/."),
        at_digits("card expiry", _CARD_EXPIRY, card_expiry, "/"),
        at_digits("date", _DOTTED, dotted, "."),
        at_digits("dates", _FULL_SPAN, lambda match: f"{match[1]} {language.to} ", "/"),
        at_digits("dates", _SPAN, span, "/"),
        at_digits("date", _LIKELY, likely, "/"),
    ]


def _year_rules(language: EnglishGrammar) -> list[Rule]:
    def years(match: re.Match[str]) -> str | None:
        first, last = match.groups()
        if len(last) == 2:
            if not int(first[2:]) < int(last) or int(last) - int(first[2:]) > 30:
                return None
            said_last = (
                language.cardinal(int(last)) if last[0] != "0" else language.pairs(int(last)).removeprefix("zero ")
            )
            return f"{language.year(int(first))} {language.to} {said_last}"
        return f"{language.year(int(first))} {language.to} {language.year(int(last))}"

    def model_years(match: re.Match[str]) -> str | None:
        if (int(match[1]) + 1) % 100 != int(match[2]):
            return None
        return f"{language.year(int(match[1]))} {language.to} {language.year(int(match[1]) + 1)}"

    def decades(match: re.Match[str]) -> str:
        first, last = (part and language.decade(int(part)) for part in match.groups())
        return f"{first} {language.to} {last}" if last else first

    return [
        near_words("decade", _DECADES, decades, ("0s", "0's", "0 s")),
        near_words("decade", _SHORT_DECADE, decades, ("0s", "0's")),
        near_words("year", _APOSTROPHE, lambda match: "", "'"),
        at_digits("years", _YEARS, years, "-–"),
        at_digits("years", _MODEL_YEARS, model_years, "/"),
    ]


def time_rules(language: EnglishGrammar) -> list[Rule]:
    """Times of day and spans of time in forms that other languages do not have."""

    def clock(hour: str, minute: str | None, half: str) -> str | None:
        if not 1 <= int(hour) <= 12:
            return None
        return language.clock(int(hour), int(minute or 0), f"{half.lower()}m" if half else "")

    def joint(match: re.Match[str]) -> str:
        before = match.string[max(0, match.start() - 10) : match.start()].lower()
        return "and" if before.endswith("between ") else language.to

    def half_letter(match: re.Match[str]) -> str | None:
        return clock(match[1], None, match[2])

    def short_halves(match: re.Match[str]) -> str | None:
        low, high = clock(*match.group(1, 2, 3)), clock(*match.group(4, 5, 6))
        return f"{low} {joint(match)} {high}" if low and high else None

    def shared_half(match: re.Match[str]) -> str | None:
        low, high = clock(match[1], match[2], ""), clock(*match.group(3, 4, 5))
        if not low or not high:
            return None
        low = low.removesuffix(" o'clock")
        return f"{low} {joint(match)} {high}" + ("." if ends_text(match) else "")

    def zone(match: re.Match[str]) -> str:
        letters = match[1].replace(".", "").upper()
        ends = match[2] and (ends_text(match) or match.string[match.end() : match.end() + 2].strip().isupper())
        return (letters if len(letters) > 2 else " ".join(letters)) + ("." if ends else "")

    def early(match: re.Match[str]) -> str:
        return f" {language.to} ".join(
            four_digits(int(hour), int(minute)) for hour, minute in (match.group(1, 2), match.group(3, 4)) if hour
        )

    def four_digits(hour: int, minute: int) -> str:
        minutes = "hundred" if not minute else f"{'oh ' if minute < 10 else ''}{language.cardinal(minute)}"
        return f"{'oh ' if hour < 10 else ''}{language.cardinal(hour)} {minutes}"

    def noon(match: re.Match[str]) -> str:
        half = f"{match[2]}m" if match[2] else ""
        return f"{match[1] or half} {language.to} "

    def ratio(match: re.Match[str]) -> str | None:
        if not _PARTED.search(match.string[max(0, match.start() - 30) : match.start()]):
            return None
        return f"{match[1]} {language.to} {match[2]}"

    def military(match: re.Match[str]) -> str:
        return f"{four_digits(int(match[1]), int(match[2]))} hours"

    def duration(match: re.Match[str]) -> str:
        hours, minutes, seconds = (match[1], match[2], match[3]) if match[1] else (None, match[4], match[5])
        parts = [(hours, "hour"), (minutes, "minute"), (seconds, "second")]
        return " ".join(
            f"{language.cardinal(int(count))} {unit}{'' if int(count) == 1 else 's'}" for count, unit in parts if count
        )

    return [
        at_digits("ratio", _PARTS, ratio, ("ratio", "mix", "dilut", "odds", "scale")),
        near_words("time", _NOON, noon, ("noon", "midnight")),
        at_digits("time", _EARLY, early),
        at_digits("time", _HALF_LETTER, half_letter),
        at_digits("time", _SHORT_HALVES, short_halves, "-–"),
        at_digits("time", _SHARED_HALF, shared_half, "-–"),
        at_digits("time", _DOTTED_CLOCK, lambda match: language.clock(int(match[1]), int(match[2]), ""), "."),
        at_digits("time", _ONE_HALF, lambda match: clock(*match.groups()), ":"),
        at_words("time zone", _ZONE, zone, {zone.partition(".")[0] for zone in _ZONES}),
        at_digits("time", _MILITARY, military, "h"),
        at_digits("duration", _DURATION, duration),
    ]


def month_rules(language: EnglishGrammar) -> list[Rule]:
    """Shortened months that stand in no date."""
    pattern = re.compile(rf"(?<!\w)({alternatives(language.months)})\.")

    def month(match: re.Match[str]) -> str:
        return language.month(language.months[match[1]]) + ("." if ends_text(match) else "")

    return [near_words("month", pattern, month, [f"{short.lower()}." for short in language.months])]


def year_rules(language: EnglishGrammar) -> list[Rule]:
    """Bare years; after the codes, amounts and units that four digits may be."""

    def year(match: re.Match[str]) -> str:
        return language.year(int(match[1]))

    return [
        at_digits("year", _OLD_YEAR, year),
        at_digits("year", _RECENT_YEAR, year),
    ]


def _dated(match: re.Match[str]) -> bool:
    """Whether a month in small letters that is another word as well stands in a date."""
    before = match.string[max(0, match.start() - 12) : match.start()].lower()
    return bool(
        match[5]
        or re.search(r"\d(?:st|nd|rd|th)\b", match.group())
        or re.search(r"\b(?:on|by|until|since|from|before|after|for|of)\s$", before)
    )
