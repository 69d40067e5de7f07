"""Dates with names of months or without a year, card expiries, days of the week, seasons."""

from __future__ import annotations

import re

from telephony.text.normalization.language import month_names, valid_date
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, alternatives, around, at_digits, ends_text, near_words

_YEAR_FIRST = re.compile(r"(?<![\w./-])((?:19|20)\d\d)([-/.])(\d{1,2})\2(\d{1,2})(?![\w/-]|\.\d)")
_SHORT = re.compile(r"(?:(?<!\w)(el|le|il|au|al)\s)?(?<![\w./,-])(\d{1,3})/(\d{1,3})(?![\w/]|[.,]\d)")
_FIRST = re.compile(r"(?<![\w./-])1(?:er|[º°])(?=/\d{1,2}(?:/|(?!\d)))")
_DECADE = re.compile(r"(?<![\w'])'(\d\d)(?![\w'])")
_EXPIRES = re.compile(r"(?:vence|caduca|expira|expire|scade)\s$", re.IGNORECASE)
_OF = re.compile(r"\s(?:de|di|du|des|del|della|delle|dei|da|do|das|dos)\b|\sd'")
_MONTH_AND_YEAR = re.compile(r"(?:(?<!\w)(el|le|il)\s)?(?<![\w./-])(0?[1-9]|1[0-2])/((?:19|20)\d\d)(?![\w/-]|[.,]\d)")
_SEASON = re.compile(r"(?<![\w./-])((?:19|20)\d\d)[/-]((?:19|20)?\d\d)(?![\w/-]|[.,]\d)")
_PRESSURE_BEHIND = re.compile(r"\s?mm\s?Hg\b")
_PARTS = frozenset(("1/2", "1/3", "2/3", "1/4", "3/4"))
_CONTEXT_CHARS = 40


def rules(language: RomanceGrammar) -> list[Rule]:
    """Dates, the most exact form first."""
    by_name = {name.lower(): number for number, name in month_names(language.locale).items()} | dict(language.months)
    months = alternatives(by_name)
    named = re.compile(
        rf"(?<![\w.,:/$€£-])((?:\d{{1,2}}\s?[-–/]\s?){{0,4}})(\d{{1,2}})(\.?[º°]|er|ro)?(?:\s(?:de\s|di\s|d')?|[-/])"
        rf"({months})(?!\w)(?!\sd[ie]\s[^\W\d])(\.?)(?:(,?\s(?:de\s|del\s|do\s)?|[-/])((?:1[1-9]|20)\d\d)(?![\w%]|[.,:/]\d))?",
        re.IGNORECASE,
    )
    month_first = re.compile(
        rf"(?<!\w)(?<!\d\s)(?<!\bde\s)({alternatives(month_names(language.locale).values())})\s(\d{{1,2}}),?\s((?:19|20)\d\d)(?!\w|[.,]\d)",
        re.IGNORECASE,
    )
    month_year = re.compile(
        rf"(?<!\w)({months})(?:\.?\s(?:del?\s|do\s)?|\.?[/-])((?:19|20)\d\d|(?<=[/-])\d\d)(?![\w%]|[.,:/-]\d)",
        re.IGNORECASE,
    )

    preceded = re.compile(rf"(?<!\w)(?:{language.range_words}|les|los|il|i)\s$", re.IGNORECASE)
    street = re.compile(rf"(?<!\w)(?:{language.street_words})\s$", re.IGNORECASE)

    span = re.compile(
        rf"(?<!\w)({alternatives(by_name)})\.?\s?[-–]\s?({alternatives(by_name)})(?!\w)(?:\.(?=,|\s[a-zà-ÿ\d]))?",
        re.IGNORECASE,
    )

    def months_joined(match: re.Match[str]) -> str:
        first, last = (language.month(by_name[name.lower()]) for name in match.group(1, 2))
        return language.between(first, last, *around(match))

    def before(match: re.Match[str]) -> str:
        return match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]

    def year_first(match: re.Match[str]) -> str | None:
        year, month, day = int(match[1]), int(match[3]), int(match[4])
        return language.date(day, month, year) if valid_date(day, month, year) else None

    def with_name(match: re.Match[str]) -> str | None:
        earlier = [int(day) for day in re.findall(r"\d+", match[1])]
        last, month = int(match[2]), by_name[match[4].lower()]
        if not all(1 <= day <= 31 for day in (*earlier, last)):
            return None
        if len(earlier) == 1:
            days = language.day_range(earlier[0], last, preceded.search(before(match)) is not None)
        elif earlier:
            days = f"{', '.join(map(language.day, earlier))} {language.ampersand} {language.day(last)}"
        else:
            days = language.ordinal(1) if match[3] and last == 1 else language.day(last)
        said = f"{days}{language.of_month}{language.month(month)}"
        if match[7] and match[6].startswith(",") and street.search(before(match)):
            return f"{said}{match[6]}{match[7]}"  # the number of a house
        if match[7]:
            word = re.search(r"del|do", match[6])
            return f"{said}{f' {word.group()} ' if word else language.of_year}{language.year(int(match[7]))}"
        return said + ("." if match[5] and ends_text(match) else "")

    def after_name(match: re.Match[str]) -> str | None:
        day, month, year = int(match[2]), by_name[match[1].lower()], int(match[3])
        return language.date(day, month, year) if valid_date(day, month, year) else None

    def name_and_year(match: re.Match[str]) -> str:
        year = int(match[2]) if len(match[2]) > 2 else 2000 + int(match[2])
        name = language.month(by_name[match[1].lower()])
        return f"{name.capitalize() if match[1][0].isupper() else name}{language.of_year}{language.year(year)}"

    def month_and_year(match: re.Match[str]) -> str:
        said = f"{language.month(int(match[2]))}{language.of_year}{language.year(int(match[3]))}"
        return f"{language.in_month} {said}" if match[1] else said

    def season(match: re.Match[str]) -> str | None:
        if (int(match[1]) + 1) % 100 != int(match[2][-2:]):
            return None
        return language.season(int(match[1]), int(match[1]) + 1)

    return [
        near_words("decade", _DECADE, lambda match: match[1], "'"),
        near_words("months", span, months_joined, by_name),
        at_digits("date", _YEAR_FIRST, year_first),
        near_words("date", named, with_name, by_name),
        near_words("date", month_first, after_name, by_name),
        near_words("date", month_year, name_and_year, by_name),
        near_words("date", _MONTH_AND_YEAR, month_and_year, "/"),
        near_words("season", _SEASON, season, "/-"),
        *_short_rules(language),
    ]


def _short_rules(language: RomanceGrammar) -> list[Rule]:
    dated = re.compile(
        rf"(?<!\w)l'$|(?<!\w)(?:{language.date_words}|{_weekdays(language)})(?:-feira)?\.?,?\s(?:dia\s|día\s|el\s|le\s|il\s)?\(?$|"
        rf"\d/\d\d?\s(?:{language.and_words}|{language.range_words})\s$",
        re.IGNORECASE,
    )
    expires = re.compile(rf"(?<!\w)(?:{language.expiry_words})\b[^.!?]{{0,25}}$", re.IGNORECASE)
    a_part = re.compile(rf"(?<!\w)(?:{language.part_words})\s(?:{language.number_sign}\s)?$", re.IGNORECASE)
    pressure = re.compile(rf"(?<!\w)(?:{language.pressure_words})\b[^.!?\d]{{0,25}}$", re.IGNORECASE)

    def short(match: re.Match[str]) -> str | None:
        first, second = int(match[2]), int(match[3])
        article = f"{match[1]} " if match[1] else ""
        context = match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()] + article
        if _PRESSURE_BEHIND.match(match.string, match.end()):
            return f"{article}{language.cardinal(first)} {language.pressure_over} {second}"
        if pressure.search(context):
            return f"{article}{language.cardinal(first)} {language.pressure_over} {language.cardinal(second)}"
        if first <= second and a_part.search(context):
            return f"{article}{language.cardinal(first)} {language.part_of} {language.cardinal(second)}"
        if second > 12 and 1 <= first <= 12 and len(match[3]) == 2 and expires.search(context):
            said = f"{language.month(first)}{language.of_year}{language.year(2000 + second)}"
            return f"{language.in_month} {said}" if article or _EXPIRES.search(context) else said
        if not valid_date(first, second, 2024) or (first, second) == (24, 7):
            return None
        written = f"{match[2]}/{match[3]}"
        noun = re.match(r"\s[^\W\d_]{3,}", match.string[match.end() : match.end() + 12])
        part_of = first < second and _OF.match(match.string, match.end())
        part = language.fraction(first, second) if part_of or (written in _PARTS and noun) else None
        if part is not None:
            return article + ("½" if written == "1/2" else part)
        likely = first > 12 or "0" in (match[2][0], match[3][0])
        if likely or dated.search(context):
            return article + language.date(first, second, None)
        return None

    return [near_words("date", _SHORT, short, "/")]


def weekday_rules(language: RomanceGrammar) -> list[Rule]:
    """Shortened days of the week: in ranges, in lists, before a date or an hour, and with their stop."""
    short = alternatives(language.weekdays)
    day = rf"(?:{_weekdays(language)})"
    span = re.compile(
        rf"(?<![\w-])({day})\.?(?:-feira)?(\s?[-–]\s?|\s(?:{language.range_words})\s)({day})(?![\w-])(\.(?!\w))?",
        re.IGNORECASE,
    )
    several = re.compile(
        rf"(?<![\w-])({day})\.?(?:(?:,\s?|\s?[/&]\s?|\s(?:{language.and_words})\s)(?:{day})(?![\w])\.?){{1,6}}(?!\w)",
        re.IGNORECASE,
    )
    months = alternatives([*month_names(language.locale).values(), *language.months])
    alone = re.compile(
        rf"(?<![\w-])(?<!\d\s)(?<!\d)(?<!\bde\s)({short})(?:(\.)(?=,?\s|\)|$)|(?=,?\s(?:dia\s|día\s|el\s|le\s|il\s)?(?:\d{{1,2}}(?:[/:hH]|\s(?:de\s)?(?:{months})))))",
        re.IGNORECASE,
    )
    initials = alternatives(language.weekday_initials) or "(?!)"
    letters = re.compile(
        rf"(?<![\w-])({initials})(\s?[-–]\s?|\s(?:{language.range_words})\s)({initials})(?![\w-]|\.\w)(?:(,\s|\s(?:{language.and_words})\s)({initials})(?![\w-]|\.\w|\s[A-Z]))?"
    )
    listed_letters = re.compile(
        rf"(?<![\w-])(?:{initials})(?:,\s(?:{initials}))+(?:\s(?:{language.and_words})\s(?:{initials}))(?![\w-]|\.\w)"
    )
    preceded = re.compile(rf"(?<!\w)(?:{language.range_words})\s$", re.IGNORECASE)

    def in_letters(match: re.Match[str]) -> str | None:
        if set(re.findall(r"[A-Z]+", match.group())) <= {"S", "M", "L"}:  # sizes
            return None
        return re.sub(r"[A-Z]+", lambda letter: language.weekday_initials[letter[0]], match.group())

    def full(written: str) -> str:
        return language.weekdays.get(written.lower(), written)

    def between(match: re.Match[str]) -> str | None:
        first, joint, last = match.group(1, 2, 3)
        stroke = joint.strip() in "-–"
        if not stroke and full(first) == first and full(last) == last:
            return None
        end = "." if match[4] and ends_text(match) else ""
        if not stroke:
            return f"{full(first)}{joint}{full(last)}{end}"
        before = match.string[max(0, match.start() - 10) : match.start()]
        return language.weekday_range(full(first), full(last), preceded.search(before) is not None) + end

    def listed(match: re.Match[str]) -> str | None:
        said = re.sub(rf"(?<!\w)({short})(?!\w)\.?", lambda found: full(found[1]), match.group(), flags=re.IGNORECASE)
        said = re.sub(r"\s?[/&]\s?", f" {language.ampersand} ", said)
        return said.removesuffix(".") + ("." if ends_text(match) else "")

    def one(match: re.Match[str]) -> str:
        several = match.string[max(0, match.start() - 4) : match.start()].lower() in ("aos ", "nos ", "los ")
        plural = "s" if several and full(match[1])[-1] != "s" else ""
        return full(match[1]) + plural + ("." if match[2] and ends_text(match) else "")

    def initial(match: re.Match[str]) -> str | None:
        first, last = match.group(1, 3)
        if {first, last} <= {"S", "M", "L"}:  # sizes
            return None
        days = [language.weekday_initials[letter] for letter in (first, last)]
        before = match.string[max(0, match.start() - 10) : match.start()]
        said = language.weekday_range(days[0], days[1], preceded.search(before) is not None)
        return f"{said}{match[4]}{language.weekday_initials[match[5]]}" if match[5] else said

    in_month = re.compile(
        rf"(?<!\w)({language.month_words})(\s|')({alternatives(language.months)})\.(?!\w)(?!\s?\d)", re.IGNORECASE
    )

    def month(match: re.Match[str]) -> str | None:
        if match[3].lower() == "dez" and ends_text(match):  # ten, rather than December
            return None
        name = language.month(language.months[match[3].lower()])
        return f"{match[1]}{match[2]}{name}" + ("." if ends_text(match) else "")

    return [
        at_digits("first of a month", _FIRST, lambda match: "1"),
        near_words("weekdays", span, between, language.weekdays),
        near_words("weekdays", several, listed, language.weekdays),
        near_words("month", in_month, month, language.months),
        near_words("weekday", alone, one, language.weekdays),
        Rule("weekdays", letters, initial),
        near_words("weekdays", listed_letters, in_letters, ","),
    ]


def _weekdays(language: RomanceGrammar) -> str:
    return alternatives({*language.weekdays, *language.weekdays.values()})
