"""English units: with strokes and powers, behind mixed numbers and large ones, halves of them."""

from __future__ import annotations

import re

from telephony.text.normalization.amounts import GLYPHS
from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.numerals import SIGN, number_pattern, read
from telephony.text.normalization.rules import Rule, alternatives, at_digits, ends_text, near_words

# One and many; a symbol that is given in lower case is one in any case.
UNITS = {
    "kg": ("kilogram", "kilograms"), "kgs": ("kilogram", "kilograms"), "g": ("gram", "grams"),
    "mg": ("milligram", "milligrams"), "mcg": ("microgram", "micrograms"), "µg": ("microgram", "micrograms"),
    "μg": ("microgram", "micrograms"), "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"), "fl oz": ("fluid ounce", "fluid ounces"), "fl. oz": ("fluid ounce", "fluid ounces"),
    "st": ("stone", "stone"), "t": ("ton", "tons"), "km": ("kilometer", "kilometers"),
    "kms": ("kilometer", "kilometers"), "m": ("meter", "meters"), "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"), "nm": ("nanometer", "nanometers"), "mi": ("mile", "miles"),
    "ft": ("foot", "feet"), "yd": ("yard", "yards"), "yds": ("yard", "yards"), "in": ("inch", "inches"),
    "sq ft": ("square foot", "square feet"), "sq. ft": ("square foot", "square feet"),
    "sqft": ("square foot", "square feet"), "sq mi": ("square mile", "square miles"),
    "sq m": ("square meter", "square meters"), "cu ft": ("cubic foot", "cubic feet"), "ac": ("acre", "acres"),
    "l": ("liter", "liters"), "ml": ("milliliter", "milliliters"), "cl": ("centiliter", "centiliters"),
    "dl": ("deciliter", "deciliters"), "cc": ("c c", "c c"), "gal": ("gallon", "gallons"), "qt": ("quart", "quarts"),
    "pt": ("pint", "pints"), "tbsp": ("tablespoon", "tablespoons"), "tsp": ("teaspoon", "teaspoons"),

    "qts": ("quart", "quarts"), "pts": ("point", "points"), "gals": ("gallon", "gallons"), "ozs": ("ounce", "ounces"),
    "tbsps": ("tablespoon", "tablespoons"), "tsps": ("teaspoon", "teaspoons"), "tbs": ("tablespoon", "tablespoons"),
    "pk": ("pack", "packs"), "sf": ("square foot", "square feet"), "mths": ("month", "months"),
    "ct": ("count", "count"), "doz": ("dozen", "dozen"),
    "tab": ("tablet", "tablets"), "tabs": ("tablet", "tablets"), "cap": ("capsule", "capsules"),
    "caps": ("capsule", "capsules"), "iu": ("international unit", "international units"),
    "meq": ("milliequivalent", "milliequivalents"), "mmol": ("millimole", "millimoles"),
    "mmhg": ("millimeter of mercury", "millimeters of mercury"), "bpm": ("beat per minute", "beats per minute"),
    "rpm": ("R P M", "R P M"), "mph": ("mile per hour", "miles per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"), "kmh": ("kilometer per hour", "kilometers per hour"),
    "mpg": ("mile per gallon", "miles per gallon"), "knots": ("knot", "knots"), "kt": ("knot", "knots"),
    "TB": ("terabyte", "terabytes"), "GB": ("gigabyte", "gigabytes"), "MB": ("megabyte", "megabytes"),
    "KB": ("kilobyte", "kilobytes"), "kB": ("kilobyte", "kilobytes"), "gb": ("gigabyte", "gigabytes"),
    "mb": ("megabyte", "megabytes"), "kb": ("kilobyte", "kilobytes"), "tb": ("terabyte", "terabytes"),
    "Gb": ("gigabit", "gigabits"), "Mb": ("megabit", "megabits"), "gbps": ("gigabit per second", "gigabits per second"),
    "mbps": ("megabit per second", "megabits per second"), "kbps": ("kilobit per second", "kilobits per second"),
    "MBps": ("megabyte per second", "megabytes per second"), "fps": ("frame per second", "frames per second"),
    "w": ("watt", "watts"), "kw": ("kilowatt", "kilowatts"), "MW": ("megawatt", "megawatts"),
    "kwh": ("kilowatt hour", "kilowatt hours"), "mah": ("milliamp hour", "milliamp hours"), "V": ("volt", "volts"),
    "kV": ("kilovolt", "kilovolts"), "mA": ("milliamp", "milliamps"), "hz": ("hertz", "hertz"),
    "khz": ("kilohertz", "kilohertz"), "mhz": ("megahertz", "megahertz"), "ghz": ("gigahertz", "gigahertz"),
    "hp": ("horsepower", "horsepower"), "psi": ("P S I", "P S I"), "hpa": ("hectopascal", "hectopascals"),
    "db": ("decibel", "decibels"), "kcal": ("kilocalorie", "kilocalories"), "cal": ("calorie", "calories"),
    "btu": ("B T U", "B T U's"), "px": ("pixel", "pixels"), "MP": ("megapixel", "megapixels"),
    "ha": ("hectare", "hectares"), "h": ("hour", "hours"), "s": ("second", "seconds"),
    "ms": ("millisecond", "milliseconds"), "min": ("minute", "minutes"), "mins": ("minute", "minutes"),
    "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "sec": ("second", "seconds"), "secs": ("second", "seconds"),
    "wk": ("week", "weeks"), "wks": ("week", "weeks"), "mo": ("month", "months"), "mos": ("month", "months"),
    "yr": ("year", "years"), "yrs": ("year", "years"), "°c": ("degree Celsius", "degrees Celsius"),
    "°f": ("degree Fahrenheit", "degrees Fahrenheit"), "ºc": ("degree Celsius", "degrees Celsius"),
    "ºf": ("degree Fahrenheit", "degrees Fahrenheit"), "° c": ("degree Celsius", "degrees Celsius"),
    "° f": ("degree Fahrenheit", "degrees Fahrenheit"), "℃": ("degree Celsius", "degrees Celsius"),
    "℉": ("degree Fahrenheit", "degrees Fahrenheit"), "deg c": ("degree Celsius", "degrees Celsius"),
    "deg f": ("degree Fahrenheit", "degrees Fahrenheit"), "deg": ("degree", "degrees"),
}  # fmt: skip
_CASELESS = {symbol: names for symbol, names in UNITS.items() if symbol.islower() or not symbol.isascii()}
# In capitals these are letters, or mean something else.
_LOWER_ONLY = frozenset("g m t h s w in st ac pt cap caps min cal ms mb gb kb tb mi l ct sf pk".split()) - {
    "mb",
    "gb",
    "kb",
    "tb",
    "l",
}
_POWERS = {"2": "square", "²": "square", "^2": "square", "3": "cubic", "³": "cubic", "^3": "cubic"}
FRACTIONED = {"1/2", "1/3", "2/3", "1/4", "3/4", "1/8", "3/8", "5/8", "7/8", "1/5", "2/5", "3/5", "4/5", "1/16"}
_HALVED = (
    "cup|teaspoon|tablespoon|tablet|pill|capsule|mile|hour|inch|pound|ounce|gallon|pint|quart|bottle|dose|day|dozen|"
    "acre|year|month|mile|minute|can|pack|serving|slice|block|bath|point|percent|million|billion|box|bag|meter|liter|"
    "kilometer|kilogram|foot|ton|glass|bathroom|sleeve"
)
WEATHER = re.compile(
    r"\b(?:temps?|temperatures?|degrees?|fever|highs?|lows?|oven|weather|warm|cold|hot|cool|feels|outside|inside|bake|"
    r"preheat|heat|thermostat)\b",
    re.IGNORECASE,
)
# What stands behind a unit that is said in the singular: "a 12 oz can".
_MEASURED_NOUNS = frozenset(
    "apartment bag battery bottle box bulb burger can capsule charger condo cup dash drive freestyle glass home "
    "house jar lot mattress monitor office outlet pack package patch phone pill plan race relay ride room rug "
    "screen space sprint steak tablet tank tube vial walk warranty lease contract loan mortgage term subscription "
    "wait stay flight delay notice class session course window commitment".split()
)
_POWERED = frozenset("m km cm mm ft in mi yd s".split())
_INCH_ENDS = re.compile(r"(?!\s\w)|\s(?:wide|long|tall|deep|high|thick|by|x|in)\b")
_ARTICLE = re.compile(r"\ban?\s$", re.IGNORECASE)
NOT_NOUNS = frozenset(
    "of to in on at for and or by per from is are was were with ago away long tall wide deep old high each every more "
    "less before after than apart left off so if but as that which when".split()
)


def part_rules(language: EnglishGrammar) -> list[Rule]:
    """Parts of units: "1/2 cup". They come before dates."""
    symbols = alternatives({*UNITS, *(symbol.upper() for symbol in _CASELESS if symbol.isascii())})
    part = re.compile(
        rf"(?<![\w.,/-])(?<!\d\s)(1/2|1/3|2/3|1/4|3/4|1/8)(\s|-)(?:(an?)\s)?({_HALVED}|{symbols})(?![\w/])(\.?)",
        re.IGNORECASE,
    )

    def part_of(match: re.Match[str]) -> str:
        fraction, _, _, noun, stop = match.groups()
        known = _names(noun)
        one = known[0] if known else noun
        end = "." if stop and (ends_text(match) or _next_is_capital(match)) else ""
        if fraction == "1/2":
            return f"half {_one(one)}{end}"
        above, below = map(int, fraction.split("/"))
        whole = one if above == 1 else f"of {_one(one)}"
        return f"{language.fraction(above, below)} {whole}{end}"

    # "¾ tsp" is read as "3/4 tsp".
    glyph = re.compile(
        rf"(?<![\d.,])(?:(\d{{1,4}})\s?)?([{''.join(GLYPHS)}])[\s-]?(?=(?:{symbols})(?!\w))", re.IGNORECASE
    )

    def written_out(match: re.Match[str]) -> str:
        above, below = GLYPHS[match[2]]
        return f"{match[1]} {above}/{below} " if match[1] else f"{above}/{below} "

    return [near_words("fraction", glyph, written_out, GLYPHS), at_digits("fraction", part, part_of, "/")]


def rules(language: EnglishGrammar) -> list[Rule]:
    """Numbers with units, temperatures, and what units are counted by."""
    number = number_pattern(language)
    symbols = alternatives({*UNITS, *(symbol.upper() for symbol in _CASELESS if symbol.isascii())})
    rates = alternatives(language.rates)
    scale = r"(?:hundred|thousand|million|billion|trillion)"
    measured = re.compile(
        rf"({SIGN})({number})(?:\s(\d{{1,2}}/\d{{1,2}}))?(\s{scale})?(\s?-?|\s)"
        rf"({symbols})(\^?[23²³])?((?:/(?:{rates})){{0,2}})(?![\w²³/])(\.?)(?=(\s[a-z]{{2,}})?)",
        re.IGNORECASE,
    )
    temperature = re.compile(rf"({SIGN})({number})\s?([FC])(?![\w'’])")
    per_unit = re.compile(rf"(?<=\b{language.per}\s)(lb|kg|oz|qt|hr|mo|yr|gal|km|wk|min|sec|sq ft)\b(?:\.(?=\s[a-z]))?")
    per_day = re.compile(
        r"(?<=[a-z\d%])\s?/\s?(day|wk|week|mo|month|hr|hour|yr|year|night|dose|visit|person|customer|guest|household|room|min|mL|ml|kg|dL)(?!\w)"
    )

    def unit(match: re.Match[str]) -> str | None:
        sign, written, fraction, scaled, joint, symbol, power, rate, stop, _ = match.groups()
        value, names = read(written, language), _names(symbol)
        if value is None or names is None or not _is_unit(match) or (fraction and fraction not in FRACTIONED):
            return None
        parts = map(int, fraction.split("/")) if fraction else ()
        amount = language.mixed(value.whole, *parts) if fraction else language.number(value)
        one = "-" in joint or _is_before_noun(match) or (language.is_one(value) and not scaled and not fraction)
        name = language.unit_name(names[0] if one else names[1])
        if power:
            name = f"{_POWERS[power]} {name}"
        said = f"{f'{language.minus} ' if sign else ''}{amount}{scaled or ''} {name}"
        for per in filter(None, (rate or "").split("/")):
            word = language.rates.get(per) or language.rates[per.lower()]
            said += f" {word}" if word == "each" else f" {language.per} {word}"
        return said + (
            "." if stop and (ends_text(match) or (_next_is_capital(match) and not _has_article(match))) else ""
        )

    def degrees(match: re.Match[str]) -> str | None:
        value = read(match[2], language)
        if value is None or not WEATHER.search(match.string[max(0, match.start() - 60) : match.end() + 30]):
            return None
        scale = "Fahrenheit" if match[3] == "F" else "Celsius"
        sign = f"{language.minus} " if match[1] else ""
        return f"{sign}{language.number(value)} degree{'' if language.is_one(value) else 's'} {scale}"

    return [
        at_digits("temperature", temperature, degrees, "fc"),
        at_digits("unit", measured, unit),
        near_words("rate", per_unit, lambda match: language.rates[match[1]], (language.per,)),
        near_words("rate", per_day, lambda match: f" {language.per} {language.rates[match[1].lower()]}", "/"),
    ]


def _is_unit(match: re.Match[str]) -> bool:
    """Whether the symbol behind a number is one here: "1 in 4" has no inch, "1st" no stone, "code 2" no square."""
    joint, symbol, power, stop = match[5], match[6].lower(), match[7], match[9]
    if power and symbol not in _POWERED:
        return False
    if symbol == "in" and not stop and "-" not in joint:
        return _INCH_ENDS.match(match.string, match.end()) is not None
    return symbol != "st" or bool(joint)


def _is_before_noun(match: re.Match[str]) -> bool:
    """Whether a unit describes the noun behind it: "a 5 kg bag", "12 oz can"."""
    noun = (match[10] or "").strip()
    if noun in _MEASURED_NOUNS or noun.removesuffix("s") in _MEASURED_NOUNS:
        return True
    return bool(noun) and noun not in NOT_NOUNS and _has_article(match)


def _has_article(match: re.Match[str]) -> bool:
    return _ARTICLE.search(match.string[max(0, match.start() - 4) : match.start()]) is not None


def _one(noun: str) -> str:
    """A noun behind "a" or "an"."""
    return f"{'an' if noun.startswith(('a', 'e', 'i', 'o', 'hour')) else 'a'} {noun}"


def _next_is_capital(match: re.Match[str]) -> bool:
    return re.match(r"\s(?![NSEW]{1,2}\b)[A-Z]", match.string[match.end() : match.end() + 2]) is not None


def _names(symbol: str) -> tuple[str, str] | None:
    if symbol in UNITS:
        return UNITS[symbol]
    lowered = symbol.lower()
    return None if lowered in _LOWER_ONLY else _CASELESS.get(lowered)
