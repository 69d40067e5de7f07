"""Hours that a stroke joins, and minutes with a prime."""

from __future__ import annotations

import itertools
import re

from telephony.text.normalization.amounts import UNITS
from telephony.text.normalization.italian import tables
from telephony.text.normalization.language import Name, Written, month_names
from telephony.text.normalization.numerals import read
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, alternatives, at_digits, near_digits, near_words

_EXACT = r"\d{1,2}[.:][0-5]\d"
_HOUR = rf"({_EXACT}|\d{{1,2}})"
_SHIFTS = re.compile(
    rf"(?:(?<!\w)(?:ore|h)\s)?(?<![\w.,:/€$-]){_HOUR}\s?[-–]\s?{_HOUR}(\s?[/+,;]\s?|\se\s){_HOUR}\s?[-–]\s?{_HOUR}(?![\w/:€%-]|[.,]\d|\s[€%])"
)
_OPEN = re.compile(
    rf"(?<!\w)(?:{alternatives({*tables.WEEKDAYS, *tables.WEEKDAYS.values()})}|or[ea]|orari[oi]?|apert[oaie]|"
    r"apertura|apre|aprono|riceve|continuato|mattina|pomeriggio|sera|pranzo|cena|sportello|h)\b[^\d!?]{0,12}$",
    re.IGNORECASE,
)
_JOINED = re.compile(rf"(?<![\w.,:/])({_EXACT})\s?/\s?({_EXACT})(?![\w/]|[.,:]\d|\s?[€%])")
_AT_HOURS = re.compile(
    rf"(?<!\w)((?:or[ea]|orario|h|({alternatives(tables.WEEKDAYS.values())}))[.:,]?\s)(\d{{1,2}})/(\d{{1,2}})(?![\w/]|[.,]\d)",
    re.IGNORECASE,
)
_OPENING = re.compile(rf"(?<![\w.,:/€$-]){_HOUR}\s?[-–]\s?{_HOUR}(?![\w/:€%-]|[.,]\d|\s?[€%])")
_TO_ONE = re.compile(r"(?<!\w)(dalle\s\d{1,2}(?:[:.]\d\d)?\s)all'1(?![\d/]|[.,:]\d)")
_EARLY = re.compile(r"(?<![\w.,:/-])(0\d)\.([0-5]\d)(?![\w/]|[.,:]\d|\s?[€%])")
_PRIME = re.compile(r"(?<![\w.,'])(\d{1,3})\s?'(?=[\s.,;:)+]|$)")
# A full stop is no decimal mark: "la visita è 14.30".
_BARE = re.compile(r"(?<![\w.,:/€$£+-])([01]?\d|2[0-3])\.([0-5]\d)(?![\w%€$£°]|[.,:/-]\d|\s?[%€$£°‰+x×/-])")
_NO_TIME_BEFORE = re.compile(
    r"(?:articol[oi]|art\.|punto|comma|capitolo|paragrafo|sezione|tabella|figura|numero|codice|build|lotto|[€$£]|euro)\s$",
    re.IGNORECASE,
)
_NO_TIME_BEHIND = re.compile(
    r"\s(?:a\s(?:persona|notte|testa|pezzo|pasto)|al\s(?:kg|chilo|mese|giorno|pezzo|metro|litro|mq)|all'|cad|l'un[oa]|euro|"
    r"punti|metri|chili|litri|gradi|ettari|volte|mila|milion[ei]|miliard[oi]|secondi|minuti|chilometri|quintali|centimetri)"
)
_EARLIEST = 6
_SPAN = re.compile(
    r"(?<!\w)((?:di|dura|durata|durerà|per|in|circa|ritardo|viaggio|volo|scalo|durata:)\s)(\d{1,2})\s?h\s?([0-5]\d)(?![\w:.,]\d|\w)",
    re.IGNORECASE,
)
_SCHEDULE = re.compile(
    r"(?<!\w)(?:orari[oi]?|apert[oaie]|apertura)\b[^!?]{0,70}[:,]\s(?:(?:il|la|lo|i|le|e)\s)?(?:[^\W\d_]{2,14}\s)?$",
    re.IGNORECASE,
)
_PRECEDED = re.compile(r"(?<!\w)(?:d?alle|da|tra|fra|le|ore|h|di|del|articol[oi]|pagine|punti)\s$", re.IGNORECASE)
_SCHEDULE_CHARS = 90
_AFTER_DATE = re.compile(
    rf"(?:\d/\d{{1,2}}|\d\s(?:{alternatives({*tables.MONTHS, *month_names('it').values()})})\.?),?\s$",
    re.IGNORECASE,
)
_HOUR_AND_MINUTES = re.compile(r"(?<![\w.,])(\d{1,2}\s?h\s?\d{1,2})'")
_MINUTES_AND_SECONDS = re.compile(r"(?<![\w.,'])(\d{1,3})'\s?(\d{1,2})(?:''|\")(?!\w)")
_SECONDS = re.compile(r"(\d{1,3})\s?''(?!\w)")
_INCHES = re.compile(r"(?<![\w.,\"])(\d{1,2}(?:[.,]\d)?)\s?\"(?!\w)")
# Behind these the two strokes are seconds, else inches.
_LASTING = re.compile(r"(?:per|tra|fra|dopo|entro|ogni|in|circa|attend[aei]|aspett[aei])\s$", re.IGNORECASE)
_QUOTED = re.compile(r"(?:^|[\s(])['\"][^'\"]*$")
_THE = re.compile(r"(?:al|dal|del|il)\s$")
_MINUTE, _SECOND, _INCH = Name("minuto", "minuti"), Name("secondo", "secondi"), Name("pollice", "pollici")
_MONTHS = 12
_CONTEXT_CHARS = 40


def rules(language: RomanceGrammar) -> list[Rule]:
    """Hours of two shifts, hours with a stroke between them, minutes."""
    units = re.compile(rf"\s?(?:{alternatives({*UNITS, *language.units})})(?!\w)")
    counted = re.compile(rf"\s(?:{language.no_hour_words})(?!\w)")

    def before(match: re.Match[str]) -> str:
        return match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]

    def shifts(match: re.Match[str]) -> str | None:
        times = match.group(1, 2, 4, 5)
        exact = sum(len(written) > 2 for written in times)
        if not _ascending([_hours(written) for written in times]):
            return None
        named = match.group()[0] in "oh" or _OPEN.search(before(match))
        if "/" not in match[3] and not exact and not named:
            return None
        first, last, again, end = (written.replace(".", ":") for written in times)
        return f"dalle {first} alle {last} e dalle {again} alle {end}"

    def opening(match: re.Match[str]) -> str | None:
        if not _ascending([_hours(match[1]), _hours(match[2])]) or counted.match(match.string, match.end()):
            return None
        context = match.string[max(0, match.start() - _SCHEDULE_CHARS) : match.start()]
        if "." not in match.group():
            dated = _AFTER_DATE.search(context) and _hours(match[1]) >= _EARLIEST
            return f"dalle {match[1]} alle {match[2]}" if dated or _SCHEDULE.search(context) else None
        if _OPEN.search(context):
            return match.group().replace(".", ":")
        if _hours(match[1]) < _EARLIEST or _PRECEDED.search(context) or units.match(match.string, match.end()):
            return None
        return f"dalle {match[1]} alle {match[2]}".replace(".", ":")

    def joined(match: re.Match[str]) -> str | None:
        if not _ascending([_hours(match[1]), _hours(match[2])]):
            return None
        return f"{match[1]}-{match[2]}".replace(".", ":")

    def at_hours(match: re.Match[str]) -> str | None:
        first, last = int(match[3]), int(match[4])
        if not _ascending([first, last]) or (match[2] and last <= _MONTHS):
            return None
        return f"{match[1]}{first}-{last}"

    def minutes(match: re.Match[str]) -> str | None:
        if _QUOTED.search(before(match)):
            return None
        number = int(match[1])
        if _THE.search(before(match)) and number:
            return language.ordinal(number)
        return language.counted(Written(number), _MINUTE)

    def both(match: re.Match[str]) -> str:
        first = language.counted(Written(int(match[1])), _MINUTE)
        return f"{first} {language.ampersand} {language.counted(Written(int(match[2])), _SECOND)}"

    def seconds(match: re.Match[str]) -> str:
        return language.counted(Written(int(match[1])), _SECOND)

    def inches(match: re.Match[str]) -> str | None:
        value = read(match[1], language)
        if value is None or _QUOTED.search(before(match)):
            return None
        return language.counted(value, _SECOND if _LASTING.search(before(match)) else _INCH)

    versions = re.compile(rf"(?<!\w)(?:{language.named_versions})\s$", re.IGNORECASE)

    def bare(match: re.Match[str]) -> str | None:
        hour, minute, context = int(match[1]), int(match[2]), before(match)
        if hour < _EARLIEST or (hour < 10 and minute % 5):
            return None
        if _NO_TIME_BEFORE.search(context) or versions.search(context):
            return None
        if _NO_TIME_BEHIND.match(match.string, match.end()) or units.match(match.string, match.end()):
            return None
        return f"{match[1]}:{match[2]}"

    def span(match: re.Match[str]) -> str:
        return f"{match[1]}{match[2]}h {int(match[3])} min"

    return [
        at_digits("time", _EARLY, lambda match: f"{match[1]}:{match[2]}", (".",)),
        near_digits("times", _SHIFTS, shifts, "-–"),
        at_digits("times", _OPENING, opening, "-–"),
        near_words("times", _TO_ONE, lambda match: f"{match[1]}all'una", ("all'1",)),
        at_digits("times", _JOINED, joined, "/"),
        near_digits("times", _AT_HOURS, at_hours, "/"),
        at_digits("minutes", _HOUR_AND_MINUTES, lambda match: f"{match[1]} min", ("'",)),
        at_digits("minutes", _MINUTES_AND_SECONDS, both, ("'",)),
        at_digits("seconds", _SECONDS, seconds, ("''",)),
        at_digits("inches", _INCHES, inches, ('"',)),
        at_digits("minutes", _PRIME, minutes, "'"),
        near_digits("span", _SPAN, span, ("h",)),
        at_digits("time", _BARE, bare, (".",)),
    ]


def _hours(written: str) -> float:
    hour, _, minute = written.replace(".", ":").partition(":")
    return int(hour) + int(minute or 0) / 60


def _ascending(hours: list[float]) -> bool:
    """Whether these are hours of one day, in their order."""
    return hours[-1] <= 24 and all(hour < following for hour, following in itertools.pairwise(hours))
