"""Days of the week: shortened, by their letters, in ranges and in lists."""

from __future__ import annotations

import re

from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.rules import Rule, alternatives, ends_text, near_words

_DAYS = {"mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday",
         "sat": "Saturday", "sun": "Sunday"}  # fmt: skip
NAMES = "|".join(_DAYS.values())
"""Alternatives of a regular expression: the days in full."""
_DAY = (
    r"mon(?:day)?s?|tue(?:s(?:day)?)?s?|wed(?:s|nesday)?s?|thu(?:r(?:s(?:day)?)?)?s?|fri(?:day)?s?|sat(?:urday)?s?|"
    r"sun(?:day)?s?"
)
_DAY_RANGE = re.compile(
    rf"(?<![\w-])({_DAY})\.?\s?([-–/]|\sto\s|\sthru\s|\sthrough\s)\s?({_DAY})(?![\w-])(\.?)", re.IGNORECASE
)
_DAY_LIST = re.compile(
    rf"(?<![\w-])(?:{_DAY})\.?(?:(?:,?\sand\s|,?\sor\s|,\s?|\s?&\s?|/)(?:{_DAY})(?![\w'’])\.?)+", re.IGNORECASE
)
_INITIAL = r"(?:M|Tu|Th|T|W|R|F|Sa|Su)"
_INITIALS = re.compile(
    rf"(?<![\w/&'-]){_INITIAL}(?:(?:,\s?(?:and\s|&\s)?|/|\s?&\s?|\sand\s){_INITIAL}(?![\w'’.-])){{1,6}}(?![/&])"
)
_IN_ORDER = ("M", "T", "W", "R", "F", "Sa", "Su")
_ONE_DAY = re.compile(rf"\b({_DAY})\b\.?", re.IGNORECASE)
# "sun", "sat", "wed" and "mon" in small letters are days only behind such a word.
_BEFORE_DAYS = frozenset(
    "on this next last by until till closed open opens every each from through thru and or is".split()
)
_PERSONS = frozenset("he she i we they you it who".split())
_DAY_BEFORE = re.compile(
    rf"(?<![\w-])(?=[mtwfs])(?!(?-i:SAT)\s\d{{3,4}}(?!\d)|sat\s\d{{2,3}}\s?%)(?:({_DAY})\.?,?(?=,?\s(?:the\s|at\s|from\s)?\d|"
    r",?\s(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s\d)"
    r"|(?<!\bthe\s)((?-i:Mon|Weds?|Sat|Sun)|Tues?|Thu(?:rs?)?|Fri)"
    r"(?:\.(?=\s?[\w(@]|\s*$|,)|(?=[)])|(?=\s(?:morning|afternoon|evening|night|noon)\b))"
    r"|((?-i:sat|sun|mon|wed))(?![\w'’-])\.?"
    r"|(Tues?|Thurs?|Thu|Fri|(?-i:(?<=\w\s)Mon|(?<=\w\s)Wed))(?![\w.'’-]))",
    re.IGNORECASE,
)
_WORD_BEFORE = re.compile(r"(\w+)\s$")
_INITIAL_DAYS = {"M": "mon", "T": "tue", "Tu": "tue", "W": "wed", "Th": "thu", "F": "fri", "Sa": "sat", "Su": "sun"}
_DAY_INITIALS = re.compile(
    rf"(?<![\w-])(?:([Mm])\s?[-–]\s?(F|f|Th|Sa|Su)(?![\w-])|({alternatives(_INITIAL_DAYS)})\s?[-–]\s?({alternatives(_INITIAL_DAYS)})(?=:?\s(?:\d|till\b|until\b|from\b|only\b)))"
)


def rules(language: EnglishGrammar) -> list[Rule]:
    """Shortened days of the week, in ranges, in lists, before dates, and where they are nothing else."""

    def full(written: str) -> str:
        plural = "s" if written.lower().endswith("days") else ""
        return _DAYS[written[:3].lower()] + plural

    def between(match: re.Match[str]) -> str:
        joint = " " if match[2] == "/" else f" {language.to} " if match[2] in "-–" else f" {match[2].strip()} "
        end = "." if match[4] and ends_text(match) else ""
        return f"{full(match[1])}{joint}{full(match[3])}{end}"

    def one(match: re.Match[str]) -> str | None:
        before = _WORD_BEFORE.search(match.string[max(0, match.start() - 12) : match.start()])
        word = before[1].lower() if before else ""
        if (match[1] and word in _PERSONS) or (match[3] and word not in _BEFORE_DAYS):
            return None
        written = next(part for part in match.groups() if part)
        comma = "," if match.group().endswith(",") else ""
        return full(written) + comma + ("." if ends_text(match) else "")

    def several(match: re.Match[str]) -> str:
        said = _ONE_DAY.sub(lambda day: full(day[1]), match.group()).replace("/", " ")
        return said + ("." if ends_text(match) else "")

    def by_initials(match: re.Match[str]) -> str | None:
        found = re.findall(_INITIAL, match.group())
        places = [_IN_ORDER.index({"Tu": "T", "Th": "R"}.get(letter, letter)) for letter in found]
        several_days = len(found) > 2 or "Th" in found or "Tu" in found or ("W" in found and "/" not in match.group())
        if places != sorted(set(places)) or not several_days:
            return None
        names = list(_DAYS.values())
        said = [names[place] for place in places]
        return f"{', '.join(said[:-1])} and {said[-1]}"

    def initials(match: re.Match[str]) -> str:
        first, last = (_DAYS[_INITIAL_DAYS[part.capitalize()]] for part in match.groups() if part)
        return f"{first} {language.to} {last}"

    return [
        near_words("weekdays", _INITIALS, by_initials, (",", "/", "&", "and")),
        near_words("weekdays", _DAY_RANGE, between, _DAYS),
        near_words("weekdays", _DAY_LIST, several, _DAYS),
        near_words("weekday", _DAY_BEFORE, one, _DAYS),
        near_words("weekdays", _DAY_INITIALS, initials, "-–"),
    ]
