"""Shortened words that agree with what is behind them, days of the week, and "x" for "per"."""

from __future__ import annotations

import re

from telephony.text.normalization.amounts import UNITS
from telephony.text.normalization.italian import tables
from telephony.text.normalization.language import Language
from telephony.text.normalization.rules import Rule, alternatives, at_digits, ends_text, near_digits, near_words

_SAINT = re.compile(r"(?<![\w.@/])S\.\s?(?=([A-ZÀ-Þ][a-zà-ÿ]+))")
_SAINTS = re.compile(r"(?<![\w.@/])S(\.?)\s?[Ss]\.\s?(?=([A-ZÀ-Þ][a-zà-ÿ]+)(\se\s[A-Z])?)")
# Behind these an "S." is the first letter of a name.
_TITLED = re.compile(r"(?:sig|dott|ing|avv|arch|geom|rag|prof|dr)(?:\.(?:ra|na|ssa|ri)?)?\s$", re.IGNORECASE)
_ATTENTION = re.compile(
    r"(?<![\w.])(alla\s)?c\.\s?a\.:?(?=\s(?:(?-i:[A-ZÀ-Þ])|(?:del(?:la|lo)?|sig|dott|ing|avv|arch|uff|ufficio|prof)\b|dell'))",
    re.IGNORECASE,
)
_YEAR_BEFORE = re.compile(
    r"(?:\d|gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|bre|mese|del|nel)\s$", re.IGNORECASE
)
_OURS = re.compile(r"(?<![\w.])([NnVv])s\.(?=\s([^\W\d_]{2,30}))")
_ARTICLE = re.compile(r"(?<!\w)(?:[ai]l|un|i|[dns]?[aeu](?:l|i|ll[ae])|l[ae]|una)\s$", re.IGNORECASE)
_TIMES_A_DAY = re.compile(r"(?<![\w.,/€$])(?<!€ )(?:[xX]\s?)?(\d{1,2})\s?/\s?(die|dì|giorno|settimana)(?!\w)")
_FOR = re.compile(r"(?<![\w./@-])x(?=\s(?:(?!punto|trattino|chiocciola|barra)[a-zà-ÿ]{2}|[il][\s']|\d)|\d)")
_UNKNOWN = re.compile(r"(?:raggi|raggio|asse|lettera|valore|trattino|punto|barra|chiocciola|basso|=)\s$", re.IGNORECASE)
_PARTS = re.compile(r"(?<!\w)([Pp]ag|[Cc]ap|[Aa]rt|[Pp]ar)\.\s?(?=\d{1,4}\s?[-–]\s?\d)")
_MANY_PARTS = {"pag": "pagine", "cap": "capitoli", "art": "articoli", "par": "paragrafi"}
_WARMEST = re.compile(r"(?<!\w)(max|min)\.?(?=\s[+-]?\d{1,2}\s?°)", re.IGNORECASE)
_KILOMETRES = re.compile(r"(?<![\w/])(?<!\d\s)km(?=\s[a-zà-ÿ]{3})")
# "Professor Rossi", but "il professore riceve".
_WITHOUT_NAME = re.compile(
    r"(?<!\w)([Pp]rof|[Dd]ott|[Ss]ig)\.(?=\s(?:riceve|è|ha|visita|può|arriva|non|sarà|la|le|vi|ti|di|che)(?!\w)|[,;?!])"
)
_TITLES = {"prof": "professore", "dott": "dottore", "sig": "signore"}
_VITTORIO = re.compile(r"(?<!\w)V\.\s?(?=Emanuele(?!\w))")
_EXERCISES = re.compile(r"(?<![\w.])es\.\s(?=\d{1,3}(?:,\s\d{1,3}){0,6}(?:\s[eo]\s|\s?[-–]\s?)\d)")
_OF_DAYS = re.compile(r"(?<![\w.])(?<!\d\s)gg\.?(?=\s([a-z]{3}|\d))")
_DAYS = alternatives(tables.WEEKDAYS)
_DAY = re.compile(
    rf"(?<![\w-])({_DAYS})(?=:?\s(?:\d{{1,2}}(?:[.:]\d\d)?\s?[-–/]\s?\d|chius[oa]|apert[oa]|anche|"
    rf"(?:d?alle|ore|h|dopo le|prima delle|entro le)\s\d|[eo]\s(?:il\s|la\s)?(?:{_DAYS})(?!\w)|"
    r"\d{1,2}(?:[.,;)]?\s|[.,;)]?$)|mattina|pomeriggio|sera))",
    re.IGNORECASE,
)
_ORDINAL = re.compile(rf"(\d{{2,3}})°(?=\s(?:{alternatives(tables.COUNTED_IN_ORDER)})(?!\w))")
_BEHIND = re.compile(r"(?<=\b[Pp]iano |\b[Pp]osto |\b[Gg]rado |\b[Tt]urno |nello |vello )(\d{1,2})°(?!\s?C)")
_ROMAN = re.compile(rf"(?<!\w)([IVX]{{1,5}})(?=\s({alternatives(tables.COUNTED_IN_ROMAN)})(?!\w))")
_CENTURIES = re.compile(r"(?<!\w)([IVX]{1,5})(?=\s(?:al|e|ed|o)\s(?:il\s|dal\s)?[IVX]{1,6}\s(?:sec\.|secolo))")
_SEVERAL_CENTURIES = re.compile(r"(?<=\bsecoli )([IVX]{1,5})((?:,\s[IVX]{1,5}){0,3})(\s(?:e|o|al)\s)([IVX]{1,6})(?!\w)")
_SAME_CENTURY = re.compile(r"(?<=[dns]el )([IVX]{2,5})(?=[.,;:!?)]|$|\s[eo]\s)")
_CENTURY_BEFORE = re.compile(r"(?<!\w)(?:secol[oi]|sec\.)[^!?]{0,80}$")
_CENTURY_CHARS = 90
_SHORT_CENTURY = re.compile(r"(?<![\w'])'(?=[2-9]00(?!\d))")
_CENTURIES_JOINED = re.compile(r"(?<!\w)([IVX]{1,5})\s?[-–/]\s?(?=[IVX]{1,6}\s(?:sec\.|secolo))")
_ROMAN_DAY = re.compile(rf"(?<!\w)([IVX]{{2,5}})(?=\s(?i:{alternatives(tables.ROMAN_DAYS)})(?!\w))")
_INCLUDED = re.compile(r"(?<=([^\W\d_])\s)(incl|escl|compr)\.(?!\w)")
_CHAIN = re.compile(rf"(?<![\w-])(?:{_DAYS})(?:-(?:{_DAYS})){{2,5}}(?![\w-])", re.IGNORECASE)
_AS_MUCH = re.compile(r"\s?(≥|>=|≤|<=)\s?")
_THOUSANDS = re.compile(rf"(\d{{1,3}})\s?mila(?=\s(?:{alternatives(UNITS)})(?!\w))")
_EMISSIONS = re.compile(r"(?<!\w)[Ee]uro\s([0-6])(?:[a-d]\b)?(?![\w]|[.,]\d|\s(?:al?|per|in)\b)")
_CLASS = re.compile(r"(\d)ª\s?(?=[A-Z](?!\w))")
_APPOINTMENT = re.compile(r"(?<!\w)app\.to(?!\s?\d|\w)")
_GROUND = re.compile(r"(?<=\b[Pp]iano )T(?![\w.])")
_WITHOUT = re.compile(r"(?<![\w/])s/(?=[a-z]{3})")
_EXERCISE = re.compile(r"(?<![\w.])es\.\s(?=\d)")
_CONTEXT_CHARS = 12


def rules(language: Language) -> list[Rule]:
    """Shortened words whose end the next word decides, days before hours, "x" for "per", ordinals by their noun."""

    def before(match: re.Match[str]) -> str:
        return match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()]

    def saint(match: re.Match[str]) -> str | None:
        return None if _TITLED.search(before(match)) else _saint(match[1])

    def saints(match: re.Match[str]) -> str | None:
        # "S.S. Lazio" is a club.
        if match[1] and not match[3] and match[2] not in tables.MOST_HOLY:
            return None
        return f"{tables.MOST_HOLY.get(match[2], 'Santi')} "

    def attention(match: re.Match[str]) -> str | None:
        if not match[1] and _YEAR_BEFORE.search(before(match)):
            return None
        return f"{match[1] or 'alla '}cortese attenzione"

    def ours(match: re.Match[str]) -> str:
        article = _ARTICLE.search(before(match))
        ending = _article_ending(article.group().strip()) if article else _noun_ending(match[2].lower(), language)
        return f"{match[1]}ostr{ending}"

    def included(match: re.Match[str]) -> str:
        ending = match[1].lower() if match[1].lower() in "aei" else "o"
        said = {"incl": "inclus", "escl": "esclus", "compr": "compres"}[match[2]] + ending
        return said + ("." if ends_text(match) else "")

    def roman(match: re.Match[str]) -> str | None:
        number = language.roman(match[1])
        return None if number is None else language.ordinal_before(number, "", match[2])

    def century(match: re.Match[str]) -> str | None:
        number = language.roman(match[1])
        return None if number is None else language.ordinal(number)

    def joined_century(match: re.Match[str]) -> str | None:
        said = century(match)
        return None if said is None else f"{said} "

    def same_century(match: re.Match[str]) -> str | None:
        return (
            century(match)
            if _CENTURY_BEFORE.search(match.string[max(0, match.start() - _CENTURY_CHARS) : match.start()])
            else None
        )

    def centuries(match: re.Match[str]) -> str:
        def name(numeral: re.Match[str]) -> str:
            number = language.roman(numeral.group())
            return numeral.group() if number is None else language.ordinal(number)

        return re.sub(r"[IVX]+", name, match.group())

    def day_of_month(match: re.Match[str]) -> str | None:
        number = language.roman(match[1])
        return None if number is None else language.cardinal(number)

    def chain(match: re.Match[str]) -> str:
        return ", ".join(tables.WEEKDAYS[day] for day in match.group().lower().split("-"))

    def parts(match: re.Match[str]) -> str:
        said = f"{_MANY_PARTS[match[1].lower()]} "
        return said.capitalize() if match[1][0].isupper() else said

    def without_name(match: re.Match[str]) -> str:
        said = _TITLES[match[1].lower()]
        return said.capitalize() if match[1][0].isupper() else said

    def warmest(match: re.Match[str]) -> str:
        said = "massima" if match[1].lower() == "max" else "minima"
        return said.capitalize() if match[1][0].isupper() else said

    def unless_unknown(match: re.Match[str]) -> str | None:
        return None if _UNKNOWN.search(before(match)) else "per"

    return [
        near_words("saint", _SAINT, saint, ("s.",)),
        near_words("saint", _SAINTS, saints, ("ss.", "s.s.", "s. s.")),
        near_words("attention", _ATTENTION, attention, ("c.a.", "c. a.")),
        near_words("ours", _OURS, ours, ("ns.", "vs.")),
        near_words("days", _OF_DAYS, lambda match: "giorno" if match[1].isdecimal() else "giorni", ("gg",)),
        near_words("weekday", _DAY, lambda match: tables.WEEKDAYS[match[1].lower()], tables.WEEKDAYS),
        near_digits("times a day", _TIMES_A_DAY, lambda match: f"{match[1]} volte/{match[2]}", ("/",)),
        near_words("appointment", _APPOINTMENT, lambda match: "appuntamento", ("app.to",)),
        near_digits("parts", _PARTS, parts, ("pag.", "cap.", "art.", "par.")),
        near_digits("extreme", _WARMEST, warmest, ("°",)),
        near_words("unit", _KILOMETRES, lambda match: "chilometri", ("km",)),
        near_words("ground floor", _GROUND, lambda match: "terra", ("piano t",)),
        near_words("without", _WITHOUT, lambda match: "senza ", ("s/",)),
        near_words("king", _VITTORIO, lambda match: "Vittorio ", ("emanuele",)),
        near_words("title", _WITHOUT_NAME, without_name, ("prof.", "dott.", "sig.")),
        near_words("exercise", _EXERCISES, lambda match: "esercizi ", ("es.",)),
        near_words("exercise", _EXERCISE, lambda match: "esercizio ", ("es.",)),
        near_words("included", _INCLUDED, included, ("incl.", "escl.", "compr.")),
        near_words("Roman numeral", _ROMAN, roman, tables.COUNTED_IN_ROMAN),
        near_words("century", _CENTURIES, century, ("sec",)),
        near_words("century", _SEVERAL_CENTURIES, centuries, ("secoli",)),
        near_words("century", _CENTURIES_JOINED, joined_century, ("sec",)),
        near_words("century", _SAME_CENTURY, same_century, ("secol", "sec.")),
        near_digits("century", _SHORT_CENTURY, lambda match: "", "'"),
        near_words("Roman numeral", _ROMAN_DAY, day_of_month, tables.ROMAN_DAYS),
        near_words("weekdays", _CHAIN, chain, "-"),
        at_digits("thousands", _THOUSANDS, lambda match: f"{match[1]}000", ("mila",)),
        near_words("emissions", _EMISSIONS, lambda match: f"Euro {language.cardinal(int(match[1]))}", ("euro",)),
        at_digits("ordinal", _BEHIND, lambda match: language.ordinal(int(match[1])), ("°",)),
        near_words("for", _FOR, unless_unknown, ("x",)),
        at_digits("ordinal", _ORDINAL, lambda match: language.ordinal(int(match[1])), ("°",)),
        at_digits("class", _CLASS, lambda match: f"{language.ordinal(int(match[1]), feminine=True)} ", ("ª",)),
    ]


def symbol_rules(language: Language) -> list[Rule]:
    """What is said for "≥" and "≤"."""

    def as_much(match: re.Match[str]) -> str:
        return f" {'maggiore' if match[1][0] in '≥>' else 'minore'} o {language.equals} "

    return [near_words("symbol", _AS_MUCH, as_much, ("≥", "≤", ">=", "<="))]


def _saint(name: str) -> str:
    if name[0] in "AEIOUÀÈÉÌÒÙ":
        return "Sant'"
    if (name[-1] == "a" and name not in tables.MEN_IN_A) or name == "Croce":
        return "Santa "
    return "Santo " if re.match(r"S[bcdfglmnpqrtv]", name) else "San "


def _article_ending(article: str) -> str:
    """The ending of "nostr-" behind an article."""
    last = article[-1].lower()
    return last if last in "aei" else "o"


def _noun_ending(noun: str, language: Language) -> str:
    """The ending of "nostr-" before a noun without an article."""
    if noun.endswith(("zioni", "sioni")) or noun in tables.FEMININE_PLURALS:
        return "e"
    if noun.endswith("i"):
        return "i"
    return "a" if language.form_for(noun) == "feminine" else "o"
