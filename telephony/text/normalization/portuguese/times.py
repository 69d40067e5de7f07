"""Days of the week by their number, days of a month that a stroke joins, parts of a year."""

from __future__ import annotations

import re

from telephony.text.normalization.language import month_names
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, alternatives, at_digits, ends_text, near_digits, near_words

_DAYS = {"2": "segunda", "3": "terça", "4": "quarta", "5": "quinta", "6": "sexta"}
_WITH_FAIR = re.compile(r"(?<![\w.])([2-6])\.?[ªa]s?(?:\s?-?\s?feira)(?!\w)")
_SEVERAL = re.compile(r"(?<![\w.])([2-6])\.?[ªa]s(?=\s(?:e|ou|às|das|de)\s|[,.;!?)]|$)")
_ALONE = re.compile(
    r"(?<![\w.])([2-6])\.?ª"
    r"(?=,?\s(?:às\s\d|das\s\d|dia\s\d|\(\d|\d{1,2}[h:]|d?[eà]\s(?:manhã|tarde|noite)|que vem|\d{1,2}/\d)|[.!?]?$)"
)
_BEFORE_DAYS = re.compile(
    r"(?:^|[,:(]\s?|\b(?:às?|as?|n?as|n?a|de|e|ou|até|toda|todas as|próxima|última|n?esta)\s)$", re.I
)
_PARTS = {"sem": "semestre", "trim": "trimestre", "bim": "bimestre", "tri": "trimestre"}
_PART_OF_YEAR = re.compile(
    r"(?<=[º°ª\d]\s)(sem|trim|tri|bim|semestre|trimestre|bimestre)\.?\s?(?:/\s?|de\s)?(?=(?:19|20)\d\d(?![\w/.,-]))"
)
_THIS_PART = re.compile(r"(?<=\d[º°]\s)(tri|trim|bim)\b\.?|(?<=\d[º°]\s)(sem)\.")
_ORDINAL_LIST = re.compile(
    r"(?<![\w.])\d{1,2}\.?ª(?:(?:,\s|\s(?:e|ou|a)\s)\d{1,2}\.?ª){1,6}(?!\s?-?feira)(?=\s([^\W\d_]{3,30})|)"
)
_ORDINAL = re.compile(r"(\d+)\.?ª")
_SESSIONS = re.compile(r"(?<=\d[hH])\s?/\s?(?=\d{1,2}[hH])|(?<=[hH]\d\d)\s?/\s?(?=\d{1,2}[hH])")
_MINUTES = re.compile(r"(?<=\d)(\s?min)(?=\d{1,2}\s?s)")
_STOPWATCH = re.compile(r"(?<![\w.,])(\d{1,3})'(\d{2})\"")
_OF_DAY = re.compile(r"(?<=\bde )(?:(ter)\.(?=\s[a-zà])|(seg|qua|qui|sex|s[áa]b|dom)\.(?!\w))", re.IGNORECASE)
_ALWAYS = re.compile(r"(?<![\w.,/])24\s?[xX/]\s?7(?![\w.,/]\w|\w)")
_WEEKENDS = re.compile(r"(?<!\w)aos\ss[áa]b(?:\.|ados)?\se\sdom(?:\.|(?!\w))", re.IGNORECASE)
_FULL_HOUR = re.compile(r"(?<![\w:.,])(\d{1,2}\s?h)\s?00\s?min(?!\w)")
_DAYS_OF_MONTH = re.compile(r"(?<![\w./,-])(\d{1,2})\s?[-–]\s?(?=(\d{1,2})/(0?[1-9]|1[0-2])(?![\w/]|[.,]\d)(?!/\d{3}))")
_MONTH_OF_YEAR = re.compile(
    r"(?<!\w)((?:em|até|desde|de|a partir de)\s)(0[1-9]|1[0-2])/(2\d|3[0-9])(?![\w/]|[.,]\d)", re.IGNORECASE
)
_LISTED = re.compile(
    r"(?<=\bdias )(\d{1,2}(?:(?:,\s|\s[ae]\s)\d{1,2}){0,6})"
    r"(\s(?:e|a|até|ou)\s)(\d{1,2})/(0?[1-9]|1[0-2])(?![\w/]|[.,]\d)",
    re.I,
)
_FIRST = re.compile(r"(?<=\bdia )1°(?!\w|\s?C)", re.IGNORECASE)


def word_rules(language: RomanceGrammar) -> list[Rule]:
    """Days of the week, which Portuguese numbers, and parts of a year."""

    def several(match: re.Match[str]) -> str | None:
        return f"{_DAYS[match[1]]}s" if _before_day(match) else None

    def alone(match: re.Match[str]) -> str | None:
        dated = match.string.startswith(" (", match.end())
        return _DAYS[match[1]] if dated or _before_day(match) else None

    def part(match: re.Match[str]) -> str:
        return _PARTS[match[1] or match[2]] + ("." if ends_text(match) else "")

    def ordinals(match: re.Match[str]) -> str | None:
        numbers = [int(number) for number in _ORDINAL.findall(match.group())]
        if 0 in numbers or not (numbers[0] == 1 or language.form_for(match[1] or "") == "feminine"):
            return None
        return _ORDINAL.sub(lambda number: language.ordinal(int(number[1]), feminine=True), match.group())

    months = {name[:3]: name for name in month_names(language.locale).values()}
    short = alternatives(months)
    listed = re.compile(
        rf"(?<![\w.])({short})\b\.?(?:(?:,\s|\s?/\s?|\s?-\s?|\s(?:e|a|ou|até)\s)(?:{short})\b\.?){{1,5}}(?!\w|\s?/\s?\d|\sde\s\d)"
    )

    def several_months(match: re.Match[str]) -> str:
        said = re.sub(rf"({short})\b\.?", lambda name: months[name[1]], match.group())
        said = re.sub(r"\s?/\s?", f" {language.ampersand} ", re.sub(r"\s?-\s?", f" {language.to} ", said))
        return said + ("." if ends_text(match) else "")

    def of_day(match: re.Match[str]) -> str:
        return language.weekdays[(match[1] or match[2]).lower()] + ("." if ends_text(match) else "")

    def weekends(match: re.Match[str]) -> str:
        return "aos sábados e domingos" + ("." if ends_text(match) else "")

    in_brackets = re.compile(rf"\(({alternatives(day for day in language.weekdays if day.isalpha())})\.?\)", re.I)

    return [
        near_words("weekday", _OF_DAY, of_day, [f"de {day}." for day in language.weekdays]),
        at_digits("always", _ALWAYS, lambda match: language.all_day),
        near_words("weekdays", _WEEKENDS, weekends, ("aos",)),
        near_words("weekday", in_brackets, lambda match: f"({language.weekdays[match[1].lower()]})", "("),
        at_digits("ordinals", _ORDINAL_LIST, ordinals, ("ª",)),
        near_words("months", listed, several_months, [name + mark for name in months for mark in "./,- "]),
        near_digits("times", _SESSIONS, lambda match: ", ", "/"),
        at_digits("weekday", _WITH_FAIR, lambda match: f"{_DAYS[match[1]]}-feira", ("feira",)),
        at_digits("weekday", _SEVERAL, several, ("ªs", "as")),
        at_digits("weekday", _ALONE, alone, ("ª",)),
        near_digits("part of a year", _PART_OF_YEAR, lambda match: f"{_PARTS.get(match[1], match[1])} de ", _PARTS),
        near_digits("part of a year", _THIS_PART, part, ("tri", "bim", "sem.")),
    ]


def date_rules(language: RomanceGrammar) -> list[Rule]:
    """Several days of one month that is written as a number."""

    def joined(match: re.Match[str]) -> str | None:
        if not 1 <= int(match[1]) < int(match[2]) <= 31:
            return None
        return f"{language.day(int(match[1]))} {language.to} "

    def month_of_year(match: re.Match[str]) -> str:
        return f"{match[1]}{language.month(int(match[2]))} de {language.year(2000 + int(match[3]))}"

    def listed(match: re.Match[str]) -> str | None:
        if not 1 <= int(match[3]) <= 31:
            return None
        return f"{match[1]}{match[2]}{language.date(int(match[3]), int(match[4]), None)}"

    return [
        at_digits("first of a month", _FIRST, lambda match: language.day(1), ("dia 1°",)),
        near_words("month", _MONTH_OF_YEAR, month_of_year, "/"),
        at_digits("days", _DAYS_OF_MONTH, joined, "/"),
        at_digits("days", _LISTED, listed, ("dias",)),
    ]


def time_rules(language: RomanceGrammar) -> list[Rule]:
    """Full hours with their minutes written."""

    def stopwatch(match: re.Match[str]) -> str:
        return f"{language.minutes(int(match[1]))} {language.ampersand} {language.seconds(int(match[2]))}"

    return [
        at_digits("time", _FULL_HOUR, lambda match: match[1], ("min",)),
        near_digits("time", _MINUTES, lambda match: f"{match[1]} ", ("min",)),
        at_digits("span", _STOPWATCH, stopwatch, "'"),
    ]


def _before_day(match: re.Match[str]) -> bool:
    return _BEFORE_DAYS.search(match.string[max(0, match.start() - 12) : match.start()]) is not None
