"""What only the British write: pence by their letter, times with a full stop, results of matches."""

from __future__ import annotations

import re

from telephony.text.normalization.english import weekdays
from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.rules import Rule, alternatives, at_digits, at_words, near_digits, near_words

_PENCE = re.compile(r"(?<![\w.,£])(\d{1,3})p(?!\w|\.\d)")
_CLOCK = r"([01]?\d|2[0-3])\.([0-5]\d)"
_HOURS = re.compile(
    r"(?<![\w.,:£$€/-])(\d{1,2})(?:\.([0-5]\d))?\s?[-–]\s?(\d{1,2})(?:\.([0-5]\d))?"
    r"(?![\w%]|[.,:/-]\d|\s?(?:[kcm]?m|k?g|m?l|pm|am)\b)"
)
_OPENING = re.compile(
    r"\b(?:open(?:ing)?|hours|\w+day|daily|weekdays|between|from|times?)\b[^.!?]{0,40}$", re.IGNORECASE
)
_TIMETABLE = re.compile(
    r"(?:(?<=departs )|(?<=arrives )|(?<=leaves )|(?<=departing )|(?<=arriving )|(?<=\bthe )|(?<=\bat )|(?<=\buntil )|"
    r"(?<=\btill )|(?<=\bafter )|(?<=\bbefore ))"
    r"([01]\d|2[0-3])\.([0-5]\d)(?![\w%]|[.,:/-]\d|\s(?:percent|per|each|a\b))"
)
_TRAIN = re.compile(
    r"(?<=\bthe )(?:(\d{1,2})\.([0-5]\d)|([01]\d|2[0-3])([0-5]\d))(?=\s(?:to|from|train|bus|coach|service|ferry)\b)"
    r"|(?<![\w.,:£/-])([01]\d|2[0-3])\.([0-5]\d)\s?hrs\b"
)
_RESULT = re.compile(
    r"(?:(?<=\bwon )|(?<=\blost )|(?<=\bdrew )|(?<=\bfinished )|(?<=\bended )|(?<=\bwere )|(?<=[a-z] ))"
    r"(\d{1,2})\s?[-–]\s?(\d{1,2})(?![\w%°£]|[.,:/-]\d|\s?[ap]m|\s[a-z])"
)
_PLAYED = re.compile(
    r"\b(?:won|wins?|lost|lose|drew|draw|beat|score[ds]?|full[ -]time|half[ -]time|aggregate|[AFH]E?T|"
    r"United|City|Rovers|Wanderers|Albion|Villa|Arsenal|Chelsea|Liverpool|Spurs|Everton|Celtic|Rangers)\b"
)
_RATES = {
    "pw": "per week", "p/w": "per week", "pcm": "per calendar month", "p/m": "per month", "pm": "per month",
    "pa": "per year", "p.a.": "per year", "pppn": "per person per night", "pp": "per person",
}  # fmt: skip
_RATE = re.compile(rf"(?<=\d)(k?)\s?({alternatives(_RATES)})(?!\w)")
_POUNDS = re.compile(r"£[\d.,]{1,12}$")
_WEEK = re.compile(r"(?<!\w)w/([bce])(?=\s(?:\d|[A-Z]))")
_WEEKS = {"b": "beginning", "c": "commencing", "e": "ending"}
_ESTATE = re.compile(r"(?<!\w)(?:Ind\.?|(Industrial|Trading|Housing|Business))\sEst\.?(?!\w)")
_FLAT = re.compile(r"(?<=[Ff]lat )(\d{1,2})/(\d{1,2})(?![\w/])")
_PINTS = re.compile(
    r"(?<![\w.,])(\d{1,3}) pts?\.?(?=\s(?:of\s|milk\b|beer\b|cream\b|lager\b|bitter\b|cider\b|semi-|blood\b))"
)
_DAY = re.compile(rf"({weekdays.NAMES})\s(?=\d{{1,2}}(?:st|nd|rd|th)(?!\w)(?!\s(?:of\s)?[A-Z]))")
_MOTORWAY = re.compile(r"(?<!\w)A(\d{1,3})\(M\)")


def word_rules(language: EnglishGrammar) -> list[Rule]:
    """Roads that are motorways in part, estates, weeks, and what rents are paid for."""

    def rate(match: re.Match[str]) -> str | None:
        if not _POUNDS.search(match.string[max(0, match.start() - 13) : match.start()]):
            return None
        return f"{match[1]} {_RATES[match[2]]}"

    return [
        near_words("rate", _RATE, rate, "£"),
        near_digits(
            "flat",
            _FLAT,
            lambda match: f"{language.cardinal(int(match[1]))} {language.cardinal(int(match[2]))}",
            ("flat",),
        ),
        at_digits("pints", _PINTS, lambda match: f"{match[1]} {'pint' if match[1] == '1' else 'pints'}", ("pt",)),
        at_words("day", _DAY, lambda match: f"{match[1]} the ", weekdays.NAMES.lower().split("|"), numeric=True),
        near_words("week", _WEEK, lambda match: f"week {_WEEKS[match[1]]}", ("w/",)),
        near_words("place", _ESTATE, lambda match: f"{match[1] or 'Industrial'} Estate", (" est",)),
        near_digits("road", _MOTORWAY, lambda match: f"A {language.place_number(match[1])} M", ("(m)",)),
    ]


def money_rules(language: EnglishGrammar) -> list[Rule]:
    """Pence."""

    def pence(match: re.Match[str]) -> str:
        return f"{language.cardinal(int(match[1]))} {'penny' if match[1] == '1' else 'pence'}"

    return [at_digits("money", _PENCE, pence, "p")]


def range_rules(language: EnglishGrammar) -> list[Rule]:
    """Times of day with a full stop, and results."""

    def hours(match: re.Match[str]) -> str | None:
        if not _OPENING.search(match.string[max(0, match.start() - 60) : match.start()]):
            return None
        if not (match[2] or match[4]) or max(int(match[1]), int(match[3])) > 24:
            return None
        first, last = (
            language.clock(int(hour), int(minute or 0), "") for hour, minute in (match.group(1, 2), match.group(3, 4))
        )
        return f"{first} {language.to} {last}".replace(" o'clock", "")

    def result(match: re.Match[str]) -> str | None:
        if not _PLAYED.search(match.string):
            return None
        ours, theirs = map(int, match.groups())
        said = "nil" if not ours else language.cardinal(ours)
        return f"{said} {'all' if ours == theirs else language.cardinal(theirs) if theirs else 'nil'}"

    def train(match: re.Match[str]) -> str:
        hour, minute = (int(part) for part in match.groups() if part)
        return language.clock(hour, minute, "")

    return [
        at_digits("time", _TRAIN, train, ("the ", "hrs")),
        at_digits("times", _HOURS, hours, "."),
        at_digits("time", _TIMETABLE, lambda match: language.clock(int(match[1]), int(match[2]), ""), "."),
        at_digits("result", _RESULT, result, "-–"),
    ]
