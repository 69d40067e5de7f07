"""English titles, initials, Roman numerals behind names, and words that are shortened where they stand."""

from __future__ import annotations

import re

from telephony.text.normalization.english.addresses import DIRECTIONS
from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.english.units import NOT_NOUNS
from telephony.text.normalization.rules import Rule, alternatives, at_words, ends_text, near_digits, near_words

_TITLES = {
    "dr": "Doctor", "mr": "Mister", "mrs": "Missus", "ms": "Miz", "prof": "Professor", "gov": "Governor",
    "sen": "Senator", "rep": "Representative", "gen": "General", "capt": "Captain", "cpt": "Captain",
    "col": "Colonel", "lt": "Lieutenant", "sgt": "Sergeant", "rev": "Reverend", "hon": "Honorable",
    "pres": "President", "mt": "Mount", "ft": "Fort", "st": "Saint", "messrs": "Messers", "cmdr": "Commander",
    "supt": "Superintendent", "det": "Detective",
}  # fmt: skip
# Titles without a stop, or in lower case, are other words too.
_TITLE = re.compile(
    rf"(?<![\w.@/’'-])(?=[cdfghlmprs])(?:({alternatives(_TITLES)})\.\s?(?=[A-Z]|[a-z]{{2}})|"
    r"(Dr|Mr|Mrs|Ms|Prof|Capt|Sgt|St|Mt|Ft|Lt|(?-i:Gov|Sen))\s"
    r"(?=[A-Z][\w'’]))",
    re.IGNORECASE,
)
# Behind a number these are units.
_LATE = {
    "min": "minimum", "wk": "week", "yr": "year", "yrs": "years", "hr": "hour", "hrs": "hours", "mins": "minutes",
    "mo": "month", "mi": "mile", "dr": "doctor", "st": "street", "co": "company",
    "max": "maximum", "qty": "quantity", "amt": "amount", "acct": "account",
    "ref": "reference",
}  # fmt: skip
_BY = re.compile(r"\b(feet|foot|inch|inches|meters|centimeters|millimeters)\sx\s")
_LATE_STOPPED = re.compile(rf"(?<![\w.@/-])({alternatives(_LATE)})\.(?!\w)", re.IGNORECASE)
_INITIALS = re.compile(
    r"(?<![\w.@/-])((?:[A-Za-z]\.\s?){1,5}[A-Za-z])\.(?![\w@])|(?<![\w.@/-])((?:[A-Z]\.){1,5}[A-Z])(?![\w.@])"
)
_SENIOR = re.compile(r"(?:(?<=[a-z]\s)|(?<=[a-z],\s))Sr\.?(?!\w)(?!\s[A-Z])")
_PAGES = re.compile(r"(?<![\w.])([pP])\.\s?(?=\d{1,4}\s?[-–]\s?\d)")
_WIND = re.compile(r"(?:(?<=from\sthe\s)|(?<=to\sthe\s)|(?<=wind\s)|(?<=winds\s))(NW|NE|SW|SE)(?!\w)")
_NUMBER_IS = re.compile(
    r"(?<=[a-z.]\s)no\.(?=\s(?:is|was)\b|\s(?:&|and|or)\s)|"
    r"(?:(?<=acct )|(?<=acct\. )|(?<=acc )|(?<=acc\. )|(?<=account )|(?<=policy )|(?<=phone )|(?<=fax )|(?<=order )|"
    r"(?<=ref )|(?<=ref\. )|(?<=invoice )|(?<=serial )|(?<=tracking )|(?<=model )|(?<=member )|(?<=ticket )|"
    r"(?<=claim )|(?<=license )|(?<=reference ))no\b\.?(?=\s|[,;:?!)]|$)"
)
_NUMBERED = re.compile(r"(?<!\w)[Nn]o\.\s?(?=[A-Z]{1,6}[- ]?\d)")
# What is shortened means this only beside such words.
_FOUNDED = re.compile(r"(?<!\w)Est\.?\s(?=(?:1[5-9]|20)\d\d(?!\d))")
_ESTIMATED = re.compile(r"(?<!\w)Est\.(?=\s[a-z])")
_INSURANCE = re.compile(r"(?<!\w)([Ii])ns\.(?=\s(?:ID|card|co\b|company|policy|info|number|no\b|plan))")
_BORN = re.compile(r"(?:(?<=[a-z]\s)|(?<=[a-z],\s)|(?<=\())([bd])\.\s?(?=(?:1\d|20)\d\d(?!\d))")
_CIRCA = re.compile(r"(?<!\w)ca?\.\s?(?=(?:1\d|20)\d\d(?!\d))")
_REGISTRATION = re.compile(r"(?<!\w)([Rr])eg\.?\s(?=no\b|number\b|plate)")
_CONTACT = re.compile(r"(?<!\w)([Mm]ob|[Tt]el|[Pp]h)\b\.?(?=:?\s?[\d+(])")
_PATIENT = re.compile(
    r"(?<![\w.])(?<!\d\s)([Pp])t\.?(?=\s(?:is|was|has|had|will|states|reports|denies|presents|needs)\b)"
)
_HOURS = re.compile(r"(?<!\w)(?<!\d\s)(?<!\d-)([Hh])rs\.?(?!\w)")
_TEMPORARY = re.compile(
    r"(?<!\w)temp\.(?=\s(?:password|passcode|pin|code|job|worker|staff|agency|housing|address|id|card|fix)\b)",
    re.IGNORECASE,
)
_TEMPERATURE = re.compile(r"(?<!\w)([Tt])emps?\.(?=\s[a-z\d])")
_AGED = re.compile(r"(?<=\d)[\s-]?(?:y\.?/?o\.?|yr[\s-]?old)(?!\w)(?=(?:\s([a-z]{3,}))?)")
_HALF_PAST = re.compile(r"(?<![\w./])(?:(½|1/2)|¼|1/4)\s(?=past\s\d)")
_CONTROL = r"(?:Ctrl|Control|Cmd|Command|Alt|Shift|Win|Windows|Option|Fn)"
_SHORTCUT = re.compile(rf"(?<!\w){_CONTROL}(?:\s?[+-]\s?(?:{_CONTROL}|[A-Z][a-z]{{1,7}}|F\d{{1,2}}|[A-Z\d])(?!\w))+")
_KEY_NAMES = {"Ctrl": "Control", "Cmd": "Command", "Win": "Windows", "Del": "Delete", "Esc": "Escape", "Ins": "Insert"}
_ROUTE = re.compile(r"(?<!\w)([A-Z]{3})\s?[–→]\s?([A-Z]{3})(?!\w)")
_LIFE = {"b": "born", "d": "died"}
_CONTACTS = {"mob": "mobile", "tel": "telephone", "ph": "phone"}
_NUMBERS = re.compile(r"(?<![\w#])#'?s(?!\w)")
_NUMBER_BEHIND = re.compile(r"(?<=[A-Z]{3})#\s?(?=\d)")
_NUMBER_ASKED = re.compile(
    r"#(?:(?<=the #)(?<!press the #)(?<!Press the #)(?<!hit the #)(?<!push the #)"
    r"(?=\s(?:on|above|below|listed|you|we|I|in|for|of|is)\b)|(?:"
    r"(?<=\bapt #)|(?<=\bapt\. #)|(?<=\bapartment #)|(?<=\bsuite #)|(?<=\bunit #)|(?<=\broom #)|"
    r"(?<=\bacct #)|(?<=\bacct\. #)|(?<=\baccount #)|(?<=\bphone #)|(?<=\bpolicy #)|(?<=\border #)|"
    r"(?<=\bcase #)|(?<=\bclaim #)|(?<=\bfax #)|(?<=\bcell #)|(?<=\btracking #)|(?<=\bconfirmation #)|"
    r"(?<=\binvoice #)|(?<=\bticket #)"
    r")(?=[?!,.](?:\s|$)|$))"
)
_PLUS_MINUS = re.compile(r"(?:±|\+/-)\s?(?=[$€£\d])")
_DEGREE = re.compile(r"(?<!\w)(Ph)\.?(D)s?\.?(?!\w)")
_EITHER_OR = re.compile(
    r"(?<![\w/])(he|his|him|s?he|yes|true|on|men|male|credit|mr)/(she|hers?|him|no|false|off|women|female|debit|mrs)(?![\w/])",
    re.IGNORECASE,
)
_STROKE = re.compile(r"(?<=[a-z]{3})/(?=[a-z]{3})(?<!and/)(?<!either/)")
_BEFORE_SAINTS = frozenset("in at to of the from near visit on by and for with is was off past around via our".split())
_ROMAN = r"X{0,3}(?:IX|IV|VI{1,3}|V|I{2,3}|I)|X{1,3}"
_NAMED = re.compile(
    rf"(?<!\w)((?:(King|Queen|Pope|Prince|Emperor|Tsar|Sultan|Saint|Pharaoh)\s)?([A-Z][a-z'’]{{1,20}})(?:\s[A-Z][a-z'’]{{1,20}})?)\s"
    rf"((?!I\b|V\b|X\b)(?:{_ROMAN})|(?<=Pope\sPius\s)X)(?!\w|\.\w|-\d)"
)
# An initial, or a title, before a surname.
_PERSON = re.compile(r"(?:\b[A-Z]|\bMrs?|\bDr)\.\s$|\b(?:Doctor|Mister)\s$")
_NOT_NUMBERED = frozenset(
    "The And Or In On At For To Is January February March April May June July August September October November "
    "December Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
)
_WORLD_WAR = re.compile(r"(?<!\w)WW(II?|[12])(?!\w)")
_DIVISIONS = {"ch": "chapter", "vol": "volume", "pt": "part", "art": "article", "sec": "section", "bk": "book"}
_DIVISION = re.compile(rf"(?<!\w)({'|'.join(_DIVISIONS)})\.\s({_ROMAN})(?!\w)", re.IGNORECASE)
_NTH_MINUTE = re.compile(r"(?<=\d(?:th|st|nd|rd)\s)min(?!\w)\.?")
_CENTURY = re.compile(rf"(?<=\bthe\s)({_ROMAN})(?=(?:th|st|nd|rd)?\s[Cc]entur)")
_FIRST_NAMES = frozenset(
    "Adam Albert Alexander Alfred Andrew Anthony Arthur Benedict Benjamin Catherine Charles Christopher Clement "
    "Daniel David Edward Elizabeth Eric Francis Frank Frederick Gabriel George Gregory Gustav Hank Harold Harry "
    "Henry Innocent Isaac Ivan Jack Jacob James Jason Jeffrey Jim Joe John Jonathan Joseph Joshua Juan Julius "
    "Kevin Leo Leopold Louis Luke Malcolm Margaret Mark Martin Mary Matthew Maximilian Michael Mike Mohammed "
    "Napoleon Nathan Nicholas Otto Patrick Paul Peter Philip Pius Ramesses Ramses Raymond Richard Robert Roger "
    "Ronald Ryan Sam Samuel Sarah Scott Sean Sixtus Stephen Steven Ted Theodore Thomas Tim Timothy Tom Urban "
    "Victor Victoria Vincent Walter Wilhelm William Xerxes".split()
)


def rules(language: EnglishGrammar) -> list[Rule]:
    """Titles."""

    def title(match: re.Match[str]) -> str | None:
        word = (match[1] or match[2]).lower()
        before = re.search(r"(\w+)\s$", match.string[max(0, match.start() - 30) : match.start()])
        following = match.string[match.end() : match.end() + 1]
        if (
            word == "st"
            and following.islower()
            and before is not None
            and before[1].islower()
            and before[1] not in _BEFORE_SAINTS
        ):
            return "street "
        if word in ("ft", "mt") and not (
            following.isupper() and not re.search(r"\d\s$|sq\.?\s$", match.string[: match.start()][-5:])
        ):
            return None
        return f"{_TITLES[word]} "

    def contact(match: re.Match[str]) -> str:
        return _cased(_CONTACTS[match[1].lower()], match[1])

    def aged(match: re.Match[str]) -> str:
        described = match[1] is not None and match[1] not in NOT_NOUNS
        return f" {'year' if described else 'years'} old" + ("." if ends_text(match) else "")

    def shortcut(match: re.Match[str]) -> str:
        return " ".join(_KEY_NAMES.get(key, key) for key in re.findall(r"\w+", match.group()))

    return [
        at_words("title", _TITLE, title, _TITLES),
        near_digits("abbreviation", _NTH_MINUTE, lambda match: "minute" + ("." if ends_text(match) else "")),
        at_words("abbreviation", _PAGES, lambda match: f"{match[1]}ages ", ("p",)),
        at_words("direction", _WIND, lambda match: DIRECTIONS[match[1]].lower(), ("nw", "ne", "sw", "se")),
        at_words("abbreviation", _NUMBER_IS, lambda match: "number" + ("." if ends_text(match) else ""), ("no",)),
        near_digits("abbreviation", _FOUNDED, lambda match: "Established ", ("est",)),
        near_words("abbreviation", _ESTIMATED, lambda match: "Estimated", ("est.",)),
        near_words("abbreviation", _INSURANCE, lambda match: _cased("insurance", match[1]), ("ins.",)),
        near_digits("abbreviation", _BORN, lambda match: f"{_LIFE[match[1]]} ", ("b.", "d.")),
        near_digits("abbreviation", _CIRCA, lambda match: "circa ", ("c.", "ca.")),
        near_words("abbreviation", _REGISTRATION, lambda match: f"{_cased('registration', match[1])} ", ("reg",)),
        near_digits("abbreviation", _CONTACT, contact, _CONTACTS),
        near_words("abbreviation", _PATIENT, lambda match: _cased("patient", match[1]), ("pt",)),
        at_words("abbreviation", _HOURS, lambda match: _cased("hours", match[1]), ("hrs",)),
        near_words("abbreviation", _TEMPORARY, lambda match: "temporary", ("temp.",)),
        near_words("abbreviation", _TEMPERATURE, lambda match: _cased("temperature", match[1]), ("temp.", "temps.")),
        near_digits("age", _AGED, aged, ("yo", "y.o", "y/o", "yr old", "yr-old")),
        near_words("time", _HALF_PAST, lambda match: "half " if match[1] else "quarter ", (" past ",)),
        near_words("keys", _SHORTCUT, shortcut, ("ctrl", "control", "cmd", "command", "alt", "shift", "win", "fn")),
        near_words("route", _ROUTE, lambda match: f"{match[1]} {language.to} {match[2]}", "–→"),
        at_words("title", _SENIOR, lambda match: f"Senior{'.' if ends_text(match) else ''}", ("sr",)),
        at_words("abbreviation", _NUMBERED, lambda match: "number ", ("no",), numeric=True),
        at_words("abbreviation", _DEGREE, lambda match: "P H D", ("ph", "phd", "phds")),
    ]


def number_sign_rules() -> list[Rule]:
    """The sign of numbers where it is no hashtag; plus and minus in one."""
    return [
        near_words("number sign", _NUMBERS, lambda match: "numbers", ("#s", "#'s")),
        near_words("number sign", _NUMBER_BEHIND, lambda match: " number ", "#"),
        near_words("number sign", _NUMBER_ASKED, lambda match: "number", (" #",)),
        near_words("sign", _PLUS_MINUS, lambda match: "plus or minus ", ("±", "+/-")),
    ]


def roman_rules(language: EnglishGrammar) -> list[Rule]:
    """Roman numerals behind names and before centuries."""

    def named(match: re.Match[str]) -> str | None:
        number = language.roman(match[4])
        if number is None or match[3] in _NOT_NUMBERED:
            return None
        person = _PERSON.search(match.string[max(0, match.start() - 8) : match.start()])
        known = match[2] or match[3] in _FIRST_NAMES or person
        return f"{match[1]} {f'the {language.ordinal(number)}' if known else language.cardinal(number)}"

    def century(match: re.Match[str]) -> str | None:
        number = language.roman(match[1])
        return None if number is None else language.ordinal(number)

    def division(match: re.Match[str]) -> str | None:
        number = language.roman(match[2].upper())
        return None if number is None else f"{_DIVISIONS[match[1].lower()]} {language.cardinal(number)}"

    return [
        near_words("Roman numeral", _DIVISION, division, [f"{short}." for short in _DIVISIONS]),
        near_words(
            "Roman numeral",
            _WORLD_WAR,
            lambda match: f"World War {language.cardinal(2 if match[1] in ('II', '2') else 1)}",
            ("ww",),
        ),
        Rule("Roman numeral", _NAMED, named),
        near_words("Roman numeral", _CENTURY, century, ("centur",)),
    ]


def slash_rules(language: EnglishGrammar) -> list[Rule]:
    """Strokes between words."""

    return [
        near_words("stroke", _EITHER_OR, lambda match: f"{match[1]} or {match[2]}", "/"),
        near_words("stroke", _STROKE, lambda match: f" {language.slash} ", "/"),
    ]


def late_rules(language: EnglishGrammar) -> list[Rule]:
    """Shortened words that behind a number, which is said by now, are something else."""

    def full(match: re.Match[str]) -> str:
        return _cased(_LATE[match[1].lower()], match[1]) + ("." if ends_text(match) else "")

    return [
        near_words("size", _BY, lambda match: f"{match[1]} by ", (" x ",)),
        near_words("abbreviation", _LATE_STOPPED, full, [f"{short}." for short in _LATE]),
    ]


def initial_rules() -> list[Rule]:
    """Letters with stops between them, when times of day are said: "U.S.", "e.s.t."."""

    def initials(match: re.Match[str]) -> str:
        letters = re.findall(r"[A-Za-z]", match.group())
        if len(letters) == 2 and letters[0] in "ap" and letters[1] == "m":
            return f"{letters[0].upper()}M" + ("." if ends_text(match) else "")
        return " ".join(letters).upper() + ("." if match[1] and ends_text(match) else "")

    return [Rule("initials", _INITIALS, initials)]


def _cased(word: str, first: str) -> str:
    """A word that begins as what it stands for does."""
    return word.capitalize() if first[0].isupper() else word
