"""Money, percentages, units, fractions, ranges, and every other number."""

from __future__ import annotations

import re

from telephony.text.normalization.language import Language, Written
from telephony.text.normalization.numerals import SIGN, bare_pattern, number_pattern, read
from telephony.text.normalization.rules import Rule, Stage, alternatives, around, at_digits, near_digits, near_words

_SYMBOLS = {
    "US$": "USD", "R$": "BRL", "C$": "CAD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "MX$": "MXN", "NZ$": "NZD",
    "HK$": "HKD", "$": "", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB",
    "₺": "TRY", "₴": "UAH",
}  # fmt: skip
# Without those that are English words ("TOP 10", "ALL 3").
_CODES = (
    "USD EUR GBP BRL JPY CHF CAD AUD NZD MXN ARS CLP COP CNY INR SEK NOK DKK PLN CZK HUF ILS ZAR KRW SGD HKD AED SAR "
    "RUB UAH AOA MZN"
).split()
# One of these is in every amount.
_MONEY_MARKS = (*"$€£¥₹₩₽₺₴¢", *(code.lower() for code in _CODES))
UNITS = {
    "kg": "mass-kilogram", "g": "mass-gram", "mg": "mass-milligram", "t": "mass-tonne", "km": "length-kilometer",
    "m": "length-meter", "cm": "length-centimeter", "mm": "length-millimeter", "km/h": "speed-kilometer-per-hour",
    "m/s": "speed-meter-per-second", "l": "volume-liter", "L": "volume-liter", "ml": "volume-milliliter",
    "mL": "volume-milliliter", "cl": "volume-centiliter", "TB": "digital-terabyte", "GB": "digital-gigabyte",
    "MB": "digital-megabyte", "KB": "digital-kilobyte", "kB": "digital-kilobyte", "Gb": "digital-gigabit",
    "Mb": "digital-megabit", "Gbit": "digital-gigabit", "Mbit": "digital-megabit", "kbit": "digital-kilobit",
    "W": "power-watt", "kW": "power-kilowatt", "MW": "power-megawatt", "kWh": "energy-kilowatt-hour",
    "V": "electric-volt", "mA": "electric-milliampere", "Hz": "frequency-hertz", "kHz": "frequency-kilohertz",
    "MHz": "frequency-megahertz", "GHz": "frequency-gigahertz", "m²": "area-square-meter", "m2": "area-square-meter",
    "km²": "area-square-kilometer", "cm²": "area-square-centimeter", "m³": "volume-cubic-meter",
    "m3": "volume-cubic-meter", "ha": "area-hectare", "h": "duration-hour", "min": "duration-minute",
    "s": "duration-second", "ms": "duration-millisecond", "kcal": "energy-kilocalorie", "cal": "energy-calorie",
    "hPa": "pressure-hectopascal", "px": "graphics-pixel", "°C": "temperature-celsius", "°F": "temperature-fahrenheit",
    "ºC": "temperature-celsius", "ºF": "temperature-fahrenheit", "° C": "temperature-celsius",
    "° F": "temperature-fahrenheit", "℃": "temperature-celsius", "℉": "temperature-fahrenheit",
}  # fmt: skip
_PER_SECOND = {
    "Gbps": "digital-gigabit",
    "Mbps": "digital-megabit",
    "kbps": "digital-kilobit",
    "Kbps": "digital-kilobit",
}
GLYPHS = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5),
           "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8)}  # fmt: skip
_COMPARED = re.compile(r"(?<!\S)([<>])\s?(?=[$€£]?\d)")
_NOUN = r"(?=(?:\s([^\W\d_]{2,30}))?)"
_TIME_OR_NUMBER = r"\d{1,4}(?::\d{2}|h\d{0,2})?(?:\s?[aApP]\.?[mM]\.?|\s?%)?"
_RANGE = re.compile(rf"(?<![\w.,:/+-])({_TIME_OR_NUMBER})(\s?–\s?|-|\s-\s)({_TIME_OR_NUMBER})(?![\d/-]|[.,:]\d)")
_RATIO = re.compile(r"(?<![\w:.,])(\d{1,4}):(\d{1,4})(?![\w:])")
_SLASHED = re.compile(r"(?<![\w./,-])(?:(\d{1,3})\s)?(\d{1,4})/(\d{1,4})(?![\w/]|[.,]\d)")
_GLYPH = re.compile(rf"(?<![\d.,])(?:(\d{{1,6}})\s?)?([{''.join(GLYPHS)}]){_NOUN}")
_VERSION = re.compile(r"(?<![\w.,])(v)?(\d{1,4}(?:\.\d{1,4}){1,5})(?![\w]|[.,]\d)")
_FOLD = re.compile(r"(?<![\w.,])(\d{1,4})[x×](?![\w×])(?!\s?\d)")
_FEET = re.compile(r"(?<![\w.,])(\d{1,2})'\s?(?:(\d{1,2})\")(?!\w)")


def money_rules(language: Language) -> list[Rule]:
    """Amounts with a currency on either side."""
    number, bare = number_pattern(language), bare_pattern(language)
    scale = rf"(?:\s?({alternatives(language.scales)})(?!\w))?"
    rate = r"(?:\s?/\s?([^\W\d_]{1,10}[²³]?)(?![\w²³]))?"
    before = re.compile(
        rf"(?<![\w$€£])(-|(?<![\w.)] )-\s)?({alternatives(_SYMBOLS)}|(?:{'|'.join(_CODES)})(?=\s?\d))\s?(-)?({bare})"
        rf"(?:\s?[-–]\s?(?:{alternatives(_SYMBOLS)})?({bare}))?{scale}{rate}"
    )
    after = re.compile(
        rf"({SIGN})({number})\s?(?:({alternatives(language.scales)})\s?(?:de\s|di\s)?)?({alternatives(_SYMBOLS)}|(?:{'|'.join(_CODES)})(?!\w)|¢){rate}"
    )

    def per(unit: str | None) -> str:
        return f" {language.per} {language.rates.get(unit, unit)}" if unit else ""

    def said(written: str, symbol: str, scaled: str | None) -> str | None:
        value = read(written, language)
        if value is None:
            return None
        code = _SYMBOLS.get(symbol, symbol) or language.dollar_code
        return language.money(value, code, scaled or "")

    def symbol_first(match: re.Match[str]) -> str | None:
        amount = said(match[4], match[2], match[6])
        if amount is None:
            return None
        if match[5]:
            low, high = read(match[4], language), said(match[5], match[2], match[6])
            if low is None or high is None:
                return None
            amount = language.between(language.number(low), high, around(match)[0], match[2])
        sign = f"{language.minus} " if match[1] or match[3] else ""
        return f"{sign}{amount}{per(match[7])}"

    def symbol_last(match: re.Match[str]) -> str | None:
        sign = f"{language.minus} " if match[1] else ""
        if match[4] == "¢":
            value, cent = read(match[2], language), language.currency("USD").cent
            return None if value is None or cent is None else f"{sign}{language.counted(value, cent)}{per(match[5])}"
        amount = said(match[2], match[4], match[3])
        return None if amount is None else f"{sign}{amount}{per(match[5])}"

    def compared(match: re.Match[str]) -> str:
        return f"{language.less if match[1] == '<' else language.greater} "

    return [
        near_digits("comparison", _COMPARED, compared, "<>"),
        near_digits("money", before, symbol_first, _MONEY_MARKS),
        at_digits("money", after, symbol_last, _MONEY_MARKS),
    ]


def measure_rules(language: Language) -> list[Rule]:
    """Percentages, units, degrees, feet and inches."""
    number = number_pattern(language)
    units = {**UNITS, **language.units}
    percent = re.compile(rf"({SIGN})({number})\s?(%|‰)")
    measure = re.compile(rf"({SIGN})({number})\s?({alternatives(units)})(?:/(s|h|min|min\.)(?!\w))?(?![\w/²³]|\.\w)")
    per_second = re.compile(rf"({number})\s?({alternatives(_PER_SECOND)})(?!\w)")
    degrees = re.compile(rf"({SIGN})({number})\s?[°](?!\w)")

    def signed(sign: str, said: str) -> str:
        return f"{language.minus} {said}" if sign else said

    def hundredths(match: re.Match[str]) -> str | None:
        value = read(match[2], language)
        sign = language.percent if match[3] == "%" else language.permille
        return None if value is None else signed(match[1], f"{language.number(value)} {sign}")

    def measured(match: re.Match[str]) -> str | None:
        value = read(match[2], language)
        if value is None:
            return None
        said = signed(match[1], language.counted(value, language.unit(units[match[3]])))
        return f"{said} {language.per} {language.rates[match[4]]}" if match[4] in language.rates else said

    def rate(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        if value is None:
            return None
        return f"{language.counted(value, language.unit(_PER_SECOND[match[2]]))} {language.per} {language.rates['s']}"

    def angle(match: re.Match[str]) -> str | None:
        value = read(match[2], language)
        return None if value is None else signed(match[1], language.counted(value, language.degree))

    def feet(match: re.Match[str]) -> str:
        parts = [(match[1], "length-foot"), (match[2], "length-inch")]
        return " ".join(language.counted(Written(int(value)), language.unit(unit)) for value, unit in parts)

    return [
        at_digits("feet and inches", _FEET, feet, "'"),
        at_digits("percentage", percent, hundredths, "%‰"),
        at_digits("unit", per_second, rate, ("bps",)),
        at_digits("unit", measure, measured),
        at_digits("degrees", degrees, angle, "°"),
    ]


def range_rules(language: Language) -> list[Rule]:
    """The stroke between two numbers, which stay for later rules."""

    def between(match: re.Match[str]) -> str | None:
        if max(len(re.match(r"\d+", part).group()) for part in match.group(1, 3)) > 3 and "–" not in match[2]:  # type: ignore[union-attr]
            low, high = match.group(1, 3)
            years = all(re.fullmatch(r"(?:1[1-9]|20)\d\d", part) for part in (low, high))
            if not years and not (low.endswith("0") and high.endswith("0")):
                return None
        return language.between(match[1], match[3], *around(match))

    return [at_digits("range", _RANGE, between, "-–")]


def number_rules(language: Language) -> list[Rule]:
    """Fractions, ratios, versions, and numbers that nothing else has claimed."""
    number = number_pattern(language)
    scales = alternatives(
        {
            scale
            for scale in language.scales
            if scale in ("k", "K", "M", "B", "bn", "mn", "mln", "mld", "Md", "bi", "mi")
        }
        or {"k"}
    )
    scaled = re.compile(rf"({SIGN})({number})({scales})(?!\w)")
    plain = re.compile(rf"({SIGN}|(?<![^\s(])\+)({number}){_NOUN}")

    def fraction(match: re.Match[str]) -> str | None:
        whole, above, below = match.group(1, 2, 3)
        if above == "24" and below == "7":
            return language.all_day
        said = None
        if int(above) < int(below):
            said = language.fraction(int(above), int(below))
        if said is None:
            said = f"{language.cardinal(int(above))} {language.over} {language.cardinal(int(below))}"
            return f"{language.cardinal(int(whole))} {said}" if whole else said
        return language.mixed(int(whole), int(above), int(below)) if whole else said

    def glyph(match: re.Match[str]) -> str:
        parts = GLYPHS[match[2]]
        if match[1]:
            return language.mixed(int(match[1]), *parts)
        return language.half if parts == (1, 2) else language.fraction(*parts) or ""

    def ratio(match: re.Match[str]) -> str:
        return f"{language.cardinal(int(match[1]))} {language.to} {language.cardinal(int(match[2]))}"

    def version(match: re.Match[str]) -> str | None:
        parts = match[2].split(".")
        before = match.string[max(0, match.start() - 12) : match.start()]
        named = match[1] or re.search(rf"(?:{language.named_versions})\s$", before)
        if not named and (len(parts) == 2 or read(match[2], language) is not None):
            return None
        if len(parts) == 4 and not named:
            return f" {language.dot} ".join(language.spell_digits(part) for part in parts)
        said = f" {language.version_mark or language.dot} ".join(language.cardinal(int(part)) for part in parts)
        return f"{language.version} {said}" if match[1] else said

    def thousands(match: re.Match[str]) -> str | None:
        value = read(match[2], language)
        if value is None:
            return None
        sign = f"{language.minus} " if match[1] else ""
        return f"{sign}{language.scaled_number(value, match[3])}"

    def any_number(match: re.Match[str]) -> str | None:
        value = read(match[2], language)
        if value is None:
            return None
        sign = {"-": f"{language.minus} ", "+": f"{language.plus} "}.get(match[1], "")
        return f"{sign}{language.before_noun(value, match[3] or '')}"

    def fold(match: re.Match[str]) -> str:
        return f"{language.cardinal(int(match[1]), 'feminine')} {language.fold}"

    return [
        near_words("fraction", _GLYPH, glyph, GLYPHS),
        at_digits("fold", _FOLD, fold, "x×"),
        near_digits("fraction", _SLASHED, fraction, "/"),
        at_digits("ratio", _RATIO, ratio, ":"),
        near_digits("version", _VERSION, version, "."),
        at_digits("number", scaled, thousands),
        at_digits("number", plain, any_number),
        # What is left are digits between marks that make no number.
        near_digits("number", re.compile(r"\d{1,15}"), lambda match: language.cardinal(int(match.group()))),
    ]


def currency(text: str, language: Language) -> str | None:
    """A text that is nothing but an amount, in words."""
    for rule in (*language.rules(Stage.MONEY), *money_rules(language)):
        match = rule.pattern.fullmatch(text.strip())
        if match:
            return rule.say(match)
    return None
