"""English numbers with letters: codes behind their name, extensions, models, roads, short codes to text to."""

from __future__ import annotations

import re

from telephony.text.normalization import codes
from telephony.text.normalization.english.addresses import DIRECTIONS
from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.english.units import WEATHER
from telephony.text.normalization.rules import Rule, at_digits, at_words, first_words, near_digits, near_words

_NAMES = (
    r"code|passcode|password|PIN|PNR|locator|confirmation|reference|ref|order|tracking|serial|ticket|case|claim|booking|"
    r"reservation|record|invoice|account|acct|member|membership|policy|ID|SKU|VIN|plate|license|licence|part|model|item|"
    r"coupon|promo|docket|voucher|S/N|P/N"
)
_BETWEEN = r"(?:[\s:#.]|\b(?:is|number|no|num|code|plate|ID|key)\b){1,12}"
# With a digit and a letter, in any case; and all in capitals, which is a code only behind its name.
_MIXED = r"(?=[A-Za-z/-]{0,20}\d)(?=[\d/-]{0,20}[A-Za-z])[A-Za-z\d]{1,24}(?:[-/][A-Za-z\d]{1,24}){0,8}"
_NAMED = re.compile(rf"(?<!\w)((?:{_NAMES})\b{_BETWEEN})({_MIXED})(?![\w@-]|[./]\w)", re.IGNORECASE)
_NAMED_LETTERS = re.compile(
    rf"(?<!\w)((?i:{_NAMES})\b(?:[\s:#.]|(?i:\b(?:is|number|no|num|code|plate|ID)\b)){{1,12}})(?!USPS|NASA|STOP|HELP|YES|NO\b)"
    r"([A-Z]{5,8}|(?=[A-Z]*[^AEIOU\W]{3})[A-Z]{3,4})(?![\w@-]|\.\w|\s\d{3,4}(?!\w))"
)
_NAMED_PLATE = re.compile(r"(?<=plate\s|late:\s|umber\s|er is\s|te is\s)([A-Z]{2,3})[\s-](\d{3,4})(?![\w-])")
_FLIGHT = re.compile(
    r"(?<=[Ff]light\s)([A-Z]{2}|[A-Z]\d|\d[A-Z]|(?!at|to|is|no|in|on|of|by|or)[a-z][a-z\d])\s?(\d{1,4})(?![\w-])"
)
_SPACED_PLATE = re.compile(r"(?<![\w-])([A-Z]{2}\d{2})\s([A-Z]{3})(?![\w-])")
_NUMBER_SIGN = re.compile(r"(?<![\w&#*])#\s?(?=[A-Z]{1,6}-?\d|\d{1,10}[A-Z-])")
_EXTENSION = re.compile(
    r"(?<=\d)(?:(?<=[-. ]\d{4})(,?)\s?x|,?\s?(?:ext\.?|extension))\s?#?(\d{1,6})(?![\w]|[.,]\d)", re.IGNORECASE
)
_NAMED_EXTENSION = re.compile(
    r"(?<!\w)(?<!\d\s)(?<!visa\s)(?<!card\s)(?<!amex\s)(x(?=#?\d)|ext\.?|extension)\s?#?(\d{2,6})(?![\w]|[.,]\d|-\d)",
    re.IGNORECASE,
)
_SHORT_CODE = re.compile(r"(?<=\bto\s)(\d{4,6})(?![\w%]|[.,:/-]\d)")
_TEXTED = re.compile(r"\b(?:text|texting|txt|sms|send|reply|message)\b[^.!?]{0,60}$", re.IGNORECASE)
_PLAN = re.compile(r"(?<![\w.])(401|403|457|529|501)\s?\(?([kbcKBC])\)?(?:\((\d)\))?(?!\w)")
_MODEL = re.compile(
    r"(?<![\w.-])([A-Z]|US|SR|CR|FM|MIG|MD|DC|CRJ|ERJ|RTX|GTX|RX|NC|SC)(-?\s?)(\d{3,4})(?![\w-]|[.,]\d)"
)
_JET = re.compile(r"(?<=Boeing\s)(7\d7)(?:-(\d{3}))?(?!\w)|(?<![\w.])(7[0-9]7)-(\d{3})(?!\w|-)")
_PRODUCT = re.compile(r"(?:(?<=Xbox\s)|(?<=Chevy\s)|(?<=Porsche\s)|(?<=Peugeot\s))(\d{3,4})(?!\w)")
_LIST_MARK = re.compile(r"(?<![\w(./:,-])(\d{1,2}|[a-hA-H])\)(?=\s\w)")
_BARE_DECIMAL = re.compile(r"\.(?<![\w.,$€£].)(?=\d{1,6}(?![\d.]|\w))")
_UPS = re.compile(r"(?<!\w)1Z(?:\s[A-Z\d]{2,4}){4,6}(?!\w)")
_HIGHWAY = re.compile(r"(?<![\w-])(i|us|sr)-(\d{1,3})(?![\w-])(?:\s([nsew])(?![\w'.]))?", re.IGNORECASE)
_COMBINATION = re.compile(r"(?<=\s)(\d{1,2})-(\d{1,2})-(\d{1,2})(?![\w-])")
_COMBINED = re.compile(r"\b(?:code|combination|combo)\b[^.!?\d]{0,20}$", re.IGNORECASE)
_SMALL_FORM = re.compile(r"(?<=[Ff]orm\s)([a-z])-(\d{1,4})(?!\w)")
_NUMBER_OF = re.compile(
    r"(?<=[a-z]\s)(?<!press\s)(?<!hit\s)(?<!the\s)(?<!dial\s)(?<!or\s)#(?=:|\s(?:is|was|for|and|of|on)\b)"
)
_RATE = re.compile(r"(?<=%\s)apr(?![\w.])(?!\s\d)", re.IGNORECASE)
_TAX_FORM = re.compile(
    r"(?<=\b[Ff]orm\s)(\d{4})(?:-([A-Z]{1,4}))?(?!\w)|(?<![\w.$])(1099|1098|1095|1040(?=-[A-Z]))(?:-([A-Z]{1,4}))?(?!\w)"
)
_SCREEN = re.compile(r"(?<![\w.])(480|720|1080|1440|2160)([pi])(?!\w)")
_GENERATION = re.compile(
    r"(?<![\w.$€£])([2-6])G(?!\w)|(?<![\w.$€£])([48])[kK](?=\s(?:TV|video|display|monitor|screen|resolution|UHD|Ultra|camera|streaming)\b)"
    r"|(?<![\w.$€£])(?<=\ba\s)(5|10)[kK](?!\w)|(?<![\w.$€£])(\d{1,2})[kK](?=\s(?:run|race|walk|fun)\b)"
)
_LETTER_BEHIND = re.compile(r"(?<![\w.,$€£¥:/#–-])(\d{1,4})-?([A-Z])(?![\w’']|\.\w|\+)")
_AMPS = re.compile(r"\s(?:outlet|breaker|circuit|fuse|plug|socket|charger|service|panel)\b")
_QUANTITY = re.compile(r"\s(?:[a-z]{3,}s\b|people\b|in\b|of\b|more\b|or\b|to\b|views?\b)|\s?$|[.,;!?]")
_SHAPE = re.compile(r"(?<![\w.])([2-4])D(?!\w)|(?<!\w)2FA(?!\w)|(?<!\w)B2([BC])(?!\w)|(?<!\w)K-(5|6|8|12)(?!\w)")
_WORD_NUMBER = re.compile(
    r"(?<![\w.])(9)/(11)(?![\w/])|(?<![\w.])(20)/(20)(?![\w/])|(?<![\w./-])(\d[05])/(\d[05])(?![\w/-])"
)
_EVERY_DAY = re.compile(r"(?<![\w.])24[/-]7(?:/365)?(?!\w)")
_VANITY = re.compile(
    r"(?<![\w-])(1-)?\(?(800|833|844|855|866|877|888|900)\)?[-\s]([A-Z]{2,10})(?:-([A-Z]{2,10}))?(?![\w-])"
)
_EMERGENCY = re.compile(
    r"(?<![\w.,$€£#/:-])(911|988)(?![\w%°-]|[.,:/]\d)|(?:(?<=\b[Cc]all\s|\b[Dd]ial\s)|(?<=11\sor\s))([2-8]11)(?![\w%]|[.,:/-]\d)"
)
_GRADE = re.compile(r"(?<![\w.-])([A-D])-(?=[\s,;!?]|$|\.(?:\s|$))")
_MINUS = re.compile(r"(?<=\d)\s?[-−–]\s?(?=\d+(?:\.\d+)?\s?=)")
_PHONE_MODEL = re.compile(r"(?<=iPhone\s)(\d{1,2})([sS])(?!\w)")
_SIGHT = re.compile(r"(?<![\w.])20/(\d{2,3})(?=\s(?:vision|sight)\b)")
_TIMES = re.compile(r"(?<![\w.,])(\d{1,3}\.\d{1,2})[x×](?![\w×])")
_QUARTERS = re.compile(r"(?<!\w)Q([1-4])\s?[-–]\s?Q?([1-4])(?!\w)")
_LETTERED_RANGE = re.compile(r"(?<![\w-])([A-Z])(\d{1,3})\s?[-–]\s?\1(\d{1,3})(?![\w-])")
_TOLL_FREE = re.compile(r"(?<![\w-])1-(8\d\d|900)(?![\w-])")
_HEXADECIMAL = re.compile(r"(?<!\w)0x[\dA-Fa-f]{2,16}(?!\w)")
_BLOOD_TYPE = re.compile(r"(?<=[Tt]ype\s)(AB|A|B|O)([+-])(?!\w)")
_OIL = re.compile(r"(?<![\w.])(\d{1,2})W-(\d{2})(?!\w)")
_SEATS = re.compile(r"(?<=\b[Ss]eats\s)(\d{0,2})([A-K])\s?[-–]\s?([A-K])(?!\w)")
_POWER = re.compile(r"(?<![\w.])(\d{1,6})\^(\d{1,3})(?!\w)")
_HARDWARE = re.compile(r"(?<![\w:])([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5})(?![\w:])")
_KEY_TWICE = re.compile(
    r"(?<!\w)((?:pound|hash|number|star|asterisk)(?:\s(?:key|sign|button))?)\s\((?:[#*])\)", re.IGNORECASE
)
_QUARTER = re.compile(
    r"(?<!\w)([1-4])Q\s?'?((?:20)?\d\d)(?!\w)|(?<!\w)Q([1-4])\s(?:of\s)?'?(20\d\d)(?!\w)", re.IGNORECASE
)
_FISCAL = re.compile(r"(?<!\w)FY\s?'?((?:20)?\d\d)(?!\w)", re.IGNORECASE)
_HYPHENED = re.compile(r"(?<![\w.-])(?:\d(?:-\d){2,9}|\d{2}-\d{7})(?![\w-])")


def telephone_rules(language: EnglishGrammar) -> list[Rule]:
    """Telephone numbers in words and letters, extensions, short codes to text to."""

    def toll_free(match: re.Match[str]) -> str:
        area = language.cardinal(int(match[1])) if match[1].endswith("00") else language.spell_digits(match[1])
        return f"{language.digits[1]} {area}"

    def vanity(match: re.Match[str]) -> str:
        area = language.cardinal(int(match[2])) if match[2].endswith("00") else language.spell_digits(match[2])
        words = " ".join(word.capitalize() for word in match.group(3, 4) if word)
        return f"{language.digits[1] + ', ' if match[1] else ''}{area}, {words}"

    def extension(match: re.Match[str]) -> str:
        return f", extension {codes.digit_groups(codes.divided(match[2]), language)}"

    def named_extension(match: re.Match[str]) -> str:
        word = "Extension" if match[1][0] == "E" else "extension"
        return f"{word} {codes.digit_groups(codes.divided(match[2]), language)}"

    def short_code(match: re.Match[str]) -> str | None:
        if not _TEXTED.search(match.string[max(0, match.start() - 80) : match.start()]):
            return None
        return codes.digit_groups(codes.divided(match[1]), language)

    return [
        at_digits("telephone number", _TOLL_FREE, toll_free, ("1-8", "1-9")),
        near_digits("telephone number", _VANITY, vanity, ("800", "833", "844", "855", "866", "877", "888", "900")),
        at_digits("telephone number", _EMERGENCY, lambda match: language.spell_digits(match.group()), ("11", "988")),
        near_digits("extension", _EXTENSION, extension, "x"),
        near_digits("extension", _NAMED_EXTENSION, named_extension, "x"),
        at_digits("short code", _SHORT_CODE, short_code, ("to ",)),
    ]


def rules(language: EnglishGrammar) -> list[Rule]:
    """What is said character by character, or as a number with letters, by its form or by its name."""

    def named(match: re.Match[str]) -> str | None:
        if re.fullmatch(r"\d+(?:st|nd|rd|th|am|pm|k|kg|mg|ml|gb|mb)", match[2], re.IGNORECASE):
            return None
        parts = [codes.characters(part, language) for part in match[2].upper().split("/")]
        return match[1].replace("#", "").rstrip() + " " + f" {language.slash} ".join(parts)

    def named_letters(match: re.Match[str]) -> str:
        return match[1].replace("#", "").rstrip() + " " + codes.characters(match[2], language)

    def plate(match: re.Match[str]) -> str:
        return f"{codes.characters(match[1], language)}, {' '.join(match[2])}"

    def letters_and_digits(match: re.Match[str]) -> str:
        return f"{codes.characters(match[1].upper(), language)} {language.spell_digits(match[2])}"

    def highway(match: re.Match[str]) -> str:
        direction = f" {DIRECTIONS[match[3].upper()]}" if match[3] else ""
        return f"{' '.join(match[1].upper())} {language.place_number(match[2])}{direction}"

    def combination(match: re.Match[str]) -> str | None:
        if not _COMBINED.search(match.string[max(0, match.start() - 40) : match.start()]):
            return None
        return ", ".join(language.cardinal(int(part)) for part in match.groups())

    def plan(match: re.Match[str]) -> str:
        paragraph = f" {language.cardinal(int(match[3]))}" if match[3] else ""
        return f"{language.place_number(match[1])} {match[2].upper()}{paragraph}"

    def model(match: re.Match[str]) -> str | None:
        letters, joint, number = match.groups()
        if number[0] == "0" or (joint.isspace() and len(letters) == 1) or (not joint and len(number) > 3):
            return None
        return f"{' '.join(letters)} {language.place_number(number)}"

    def jet(match: re.Match[str]) -> str:
        series = match[2] or match[4]
        more = f" {language.place_number(series)}" if series else ""
        return f"{language.place_number(match[1] or match[3])}{more}"

    def tax_form(match: re.Match[str]) -> str:
        letters = match[2] or match[4]
        return language.place_number(match[1] or match[3]) + (f" {' '.join(letters)}" if letters else "")

    def generation(match: re.Match[str]) -> str:
        return f"{language.cardinal(int(match[1] or match[2] or match[3] or match[4]))} {'G' if match[1] else 'K'}"

    def letter_behind(match: re.Match[str]) -> str | None:
        number, letter = match.groups()
        following = match.string[match.end() : match.end() + 30]
        if letter == "K" or (letter in "MBT" and _QUANTITY.match(following) and following.strip(" .,;!?")):
            return None
        if letter == "A" and _AMPS.match(following):
            return f"{language.cardinal(int(number))} amp"
        if letter in "VW":
            unit = {"V": "volt", "W": "watt"}[letter]
            return f"{language.cardinal(int(number))} {unit}{'' if re.match(r' [a-z]', following) else 's'}"
        if letter in "FC" and WEATHER.search(match.string[max(0, match.start() - 60) : match.end() + 30]):
            return f"{language.cardinal(int(number))} degrees {'Fahrenheit' if letter == 'F' else 'Celsius'}"
        return f"{language.place_number(number)} {letter}"

    def shape(match: re.Match[str]) -> str:
        if match[1]:
            return f"{language.cardinal(int(match[1]))} D"
        if match[2]:
            return f"B to {match[2]}"
        return (
            f"{language.cardinal(2)} F A" if match.group() == "2FA" else f"K through {language.cardinal(int(match[3]))}"
        )

    def two_numbers(match: re.Match[str]) -> str | None:
        parts = [int(part) for part in match.groups() if part]
        shares = match[5] is not None
        return None if shares and sum(parts) != 100 else " ".join(map(language.cardinal, parts))

    def every_day(match: re.Match[str]) -> str:
        return language.all_day + (" three sixty-five" if match.group().endswith("365") else "")

    def quarter(match: re.Match[str]) -> str:
        number, in_year = (match[1] or match[3]), (match[2] or match[4])
        said = language.year(int(in_year)) if len(in_year) == 4 else language.cardinal(int(in_year))
        return f"the {language.ordinal(int(number))} quarter of {said}"

    def fiscal(match: re.Match[str]) -> str:
        short = language.cardinal(int(match[1]))
        return f"fiscal year {language.year(int(match[1])) if len(match[1]) == 4 else short}"

    def hardware(match: re.Match[str]) -> str:
        return ", ".join(codes.characters(part.upper(), language) for part in match[1].split(":"))

    def lettered_range(match: re.Match[str]) -> str:
        low, high = (f"{match[1]} {language.place_number(number)}" for number in match.group(2, 3))
        return f"{low} {language.to} {high}"

    def blood_type(match: re.Match[str]) -> str:
        return f"{' '.join(match[1])} {'positive' if match[2] == '+' else 'negative'}"

    return [
        near_words("number sign", _NUMBER_OF, lambda match: language.number_sign, "#"),
        near_words("rate", _RATE, lambda match: "A P R", ("apr",)),
        near_digits("tracking number", _UPS, lambda match: codes.spelled(match.group(), language), ("1z",)),
        at_words("highway", _HIGHWAY, highway, ("i", "us", "sr"), numeric=True),
        at_digits("combination", _COMBINATION, combination, "-"),
        near_digits("tax form", _SMALL_FORM, lambda match: f"{match[1].upper()} {language.place_number(match[2])}"),
        near_digits("range", _LETTERED_RANGE, lettered_range),
        at_digits("model", _PHONE_MODEL, lambda match: f"{language.cardinal(int(match[1]))} S", ("iphone",)),
        at_digits(
            "sight",
            _SIGHT,
            lambda match: f"{language.cardinal(20)} {language.cardinal(int(match[1]))}",
            ("vision", "sight"),
        ),
        at_digits("fold", _TIMES, lambda match: f"{match[1]} {language.fold}", "x×"),
        near_digits("quarters", _QUARTERS, lambda match: f"Q {match[1]} {language.to} Q {match[2]}", "q"),
        at_digits(
            "oil",
            _OIL,
            lambda match: f"{language.cardinal(int(match[1]))} W {language.cardinal(int(match[2]))}",
            ("w-",),
        ),
        near_words("blood type", _BLOOD_TYPE, blood_type, ("type",)),
        near_words(
            "seats", _SEATS, lambda match: f"{match[1]} {match[2]} {language.to} {match[3]}".strip(), ("seats",)
        ),
        at_digits("power", _POWER, lambda match: f"{match[1]} to the power of {match[2]}", "^"),
        near_words("list", _LIST_MARK, lambda match: f"{match[1]},", ")"),
        near_digits("number", _BARE_DECIMAL, lambda match: "0."),
        near_digits(
            "model",
            _PRODUCT,
            lambda match: language.place_number(match.group()),
            ("xbox", "chevy", "porsche", "peugeot"),
        ),
        near_digits("minus", _MINUS, lambda match: f" {language.minus} ", "="),
        near_words("grade", _GRADE, lambda match: f"{match[1]} {language.minus}", "-"),
        near_words("keys", _KEY_TWICE, lambda match: match[1], ("(#", "(*")),
        near_digits("fiscal year", _FISCAL, fiscal, ("fy",)),
        at_digits("digits", _HYPHENED, lambda match: codes.digit_groups(match.group().split("-"), language), "-"),
        near_digits("quarter", _QUARTER, quarter, "q"),
        near_digits("code", _HEXADECIMAL, lambda match: codes.characters(match.group().upper(), language), ("0x",)),
        near_words("hardware address", _HARDWARE, hardware, ":"),
        at_words("named code", _NAMED, named, first_words(_NAMES), numeric=True),
        at_words("named code", _NAMED_LETTERS, named_letters, first_words(_NAMES)),
        near_digits("plate", _NAMED_PLATE, letters_and_digits),
        near_digits("flight", _FLIGHT, letters_and_digits),
        near_digits("plate", _SPACED_PLATE, plate),
        near_digits("number sign", _NUMBER_SIGN, lambda match: f"{language.number_sign} "),
        at_digits("always", _EVERY_DAY, every_day, ("24/7", "24-7")),
        at_digits("two numbers", _WORD_NUMBER, two_numbers, "/"),
        at_digits("pension plan", _PLAN, plan, ("401", "403", "457", "529", "501")),
        at_digits("jet", _JET, jet, ("boeing", "7-")),
        at_digits("tax form", _TAX_FORM, tax_form, ("form", "1099", "1098", "1095", "1040")),
        at_digits(
            "screen",
            _SCREEN,
            lambda match: f"{language.place_number(match[1])} {match[2].upper()}",
            ("480", "720", "1080", "1440", "2160"),
        ),
        at_digits("generation", _GENERATION, generation, "gk"),
        near_digits("shape", _SHAPE, shape, ("2d", "3d", "4d", "2fa", "b2", "k-")),
        near_digits("model", _MODEL, model),
        at_digits("letter behind a number", _LETTER_BEHIND, letter_behind),
    ]
