"""Abbreviations, Roman numerals, and symbols that have a name."""

from __future__ import annotations

import re
import unicodedata

from telephony.text.normalization.english import English
from telephony.text.normalization.language import Language
from telephony.text.normalization.rules import Rule, alternatives

_STREET = re.compile(
    r"(?<!\w)((?:[A-Z][\w']{0,30}|\d{1,4}(?:st|nd|rd|th)|\w{1,10}(?:st|nd|rd|th))\s)(St|Dr|Ln|Ct|Pl)(\.|\b)(?=(\s[A-Z])?)"
)
_STREETS = {"St": "Street", "Dr": "Drive", "Ln": "ListenerQueue", "Ct": "Court", "Pl": "Place"}
_HOUSE = re.compile(r"\d\s(?:[\w']+\.?\s){0,4}$")
_WEEKDAY = re.compile(
    r"(?<!\w)(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)(?:\.|(?=,?\s(?:at\s)?\d)|(?=,?\s(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)))"
)
_WEEKDAYS = {"Mon": "Monday", "Tue": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Fri": "Friday",
             "Sat": "Saturday", "Sun": "Sunday"}  # fmt: skip
_ROMAN = r"[IVXL]{1,8}"
_KINGS = {
    "en": "Henry|Louis|Elizabeth|George|Charles|Edward|William|James|Richard|John Paul|Pius|Benedict|Leo|Philip|"
    "Alexander|Napoleon|Catherine|Frederick|Nicholas|Mary|Pope John",
    "pt": "Pedro|João|Afonso|Manuel|Luís|Henrique|Bento|João Paulo|Filipe|Carlos|Isabel|Napoleão",
    "es": "Felipe|Alfonso|Carlos|Fernando|Isabel|Juan|Juan Pablo|Benedicto|Luis|Enrique|Napoleón|Pío",
    "fr": "Louis|Henri|Charles|François|Napoléon|Philippe|Élisabeth|Elizabeth|Jean-Paul|Benoît|Jean|Pie",
    "it": "Luigi|Enrico|Carlo|Vittorio Emanuele|Umberto|Giovanni|Giovanni Paolo|Benedetto|Pio|"
    "Elisabetta|Napoleone|Leone",
}
_QUEENS = frozenset("Elizabeth Catherine Mary Isabel Élisabeth Elisabetta".split())
_BEFORE_ROMAN = {
    "en": "[Cc]hapter|[Pp]art|[Vv]olume|World War|[Pp]hase|[Aa]ct|[Tt]itle|[Aa]rticle|[Ss]ection|[Tt]ype|[Ll]evel|"
    "Super Bowl|[Cc]lass|[Bb]ook|[Aa]ppendix|[Tt]ier",
    "pt": "[Cc]apítulo|[Ss]éculo|[Pp]arte|[Vv]olume|[Tt]ítulo|[Ff]ase|[Tt]ipo|[Aa]nexo|[Ll]ivro",
    "es": "[Cc]apítulo|[Ss]iglo|[Pp]arte|[Vv]olumen|[Tt]ítulo|[Ff]ase|[Tt]ipo|[Aa]nexo|[Ll]ibro",
    "fr": "[Cc]hapitre|[Pp]artie|[Vv]olume|[Tt]itre|[Pp]hase|[Tt]ype|[Aa]nnexe|[Ll]ivre|[Tt]ome",
    "it": "[Cc]apitolo|[Pp]arte|[Vv]olume|[Tt]itolo|[Ff]ase|[Tt]ipo|[Aa]llegato|[Ll]ibro",
}
# Above these, people count kings with cardinals.
_LAST_ORDINAL = {"en": 399, "pt": 10, "es": 10, "fr": 1, "it": 399}
_SPOKEN_PUNCTUATION = frozenset(".,;:!?'\"()—-¿¡")


def abbreviation_rules(language: Language) -> list[Rule]:
    """Shortened words in full."""
    fixed = re.compile(rf"(?<![\w.@/])(?:{alternatives(language.abbreviations)})(?!\w)")
    titles = re.compile(rf"(?<![\w.@/])({alternatives(language.titles)})(?=\s?(?:[A-ZÀ-Þ][\w'.]|[A-Z]\.))")
    numbered = re.compile(rf"(?<![\w.@/&])({alternatives(language.before_number)})\s?(?=\d)")

    def full(match: re.Match[str]) -> str:
        word = language.abbreviations[match.group()]
        return word + ("." if _ends_sentence(match) else "")

    rules = [
        Rule(fixed, full),
        Rule(titles, lambda match: language.titles[match[1]]),
        Rule(numbered, lambda match: f"{language.before_number[match[1]]} "),
    ]
    if isinstance(language, English):
        return [Rule(_STREET, _street), Rule(_WEEKDAY, lambda match: _WEEKDAYS[match[1][:3]]), *rules]
    return rules


def month_rules(language: Language) -> list[Rule]:
    """Shortened months that stand in no date."""
    if not isinstance(language, English):
        return []
    pattern = re.compile(rf"(?<!\w)({alternatives(language.months)})\.")
    return [
        Rule(pattern, lambda match: language.month(language.months[match[1]]) + ("." if _ends_sentence(match) else ""))
    ]


def roman_rules(language: Language) -> list[Rule]:
    """Roman numerals behind a word that leaves no doubt."""
    name = language.speller[:2]
    kings = re.compile(rf"(?<!\w)({_KINGS[name]})\s({_ROMAN})(er)?(?![\w'.-]*\w)")
    parts = re.compile(rf"(?<!\w)({_BEFORE_ROMAN[name]})\s({_ROMAN})(?![\w'-])")

    def king(match: re.Match[str]) -> str | None:
        number = language.roman(match[2])
        if number is None or (match[2] == "I" and name == "en"):
            return None
        if number > _LAST_ORDINAL[name]:
            return f"{match[1]} {language.cardinal(number)}"
        said = language.ordinal(number, match[1] in _QUEENS)
        return f"{match[1]} the {said}" if name == "en" else f"{match[1]} {said}"

    def part(match: re.Match[str]) -> str | None:
        number = language.roman(match[2])
        return None if number is None else f"{match[1]} {language.cardinal(number)}"

    rules = [Rule(kings, king), Rule(parts, part)]
    if name == "fr":
        century = re.compile(r"(?<!\w)([IVXL]{1,8})(?:e|ème|ᵉ|er)(?=\s(?:siècle|arrondissement|République|millénaire))")
        rules.append(Rule(century, lambda match: _ordinal(match[1], language)))
    if name == "it":
        century = re.compile(r"(?<!\w)([IVXL]{1,8})(?=\s(?:secolo|millennio)\b)")
        rules.append(Rule(century, lambda match: _ordinal(match[1], language)))
    return rules


def symbol_rules(language: Language) -> list[Rule]:
    """Symbols with a name, where they stand between what they join."""

    def named(pattern: str, said: str) -> Rule:
        return Rule(re.compile(pattern), lambda match: said)

    return [
        named(r"\s?(?:->|=>|-->|→|⇒|➔|➜)\s?", ", "),
        named(r"\s?(?:≥|>=)\s?", f" {language.greater} {language.equals} "),
        named(r"\s?(?:≤|<=)\s?", f" {language.less} {language.equals} "),
        named(r"\s?[≈∼]\s?|(?<!\w)~(?=\s?\w)", f" {language.about} "),
        named(r"\s?&\s?", f" {language.ampersand} "),
        named(r"\s?[=]\s?", f" {language.equals} "),
        named(r"\s?\+\s?", f" {language.plus} "),
        named(r"(?<=\w)\s?[×∗]\s?(?=\w)|(?<=\w)\s\*\s(?=\w)", f" {language.times} "),
        named(r"(?<=\w)\s?÷\s?(?=\w)", f" {language.divided_by} "),
        named(r"(?<=\s)<(?=\s)", language.less),
        named(r"(?<=\s)>(?=\s)", language.greater),
        named(r"\s?%", f" {language.percent}"),
        named(r"\s?‰", f" {language.permille}"),
        named(r"\s?@\s?", f" {language.at} "),
        named(r"§\s?", f"{language.section} "),
        named(r"°", f" {language.degree.many}"),
        named(r"€", f" {language.currency('EUR').unit.many}"),
        named(r"£", f" {language.currency('GBP').unit.many}"),
        named(r"R\$", f" {language.currency('BRL').unit.many}"),
        named(r"\$", f" {language.currency(language.dollar_code).unit.many}"),
        named(r"²", f" {language.squared}"),
        named(r"³", f" {language.cubed}"),
        named(r"\s?[|¦]\s?", ", "),
        named(r"[\[{]", "("),
        named(r"[\]}]", ")"),
        named(r"\s–\s|\s-{1,3}\s|-{2,}", " — "),
        named(r"–", "-"),
    ]


def sweep(text: str) -> str:
    """The text without any symbol that is left: letters, their marks, spaces and the punctuation of speech stay."""
    text = "".join(character if _is_spoken(character) else " " for character in text)
    text = re.sub(r"(?<!\w)-+|-+(?!\w)", " ", text)
    text = " ".join(text.split())  # first: what follows would look behind every space of a long run
    text = re.sub(r"\( ?\)", " ", text)
    text = re.sub(r" (?=[.,;:!?)](?: |$))", "", text)
    return re.sub(r"([,;])(?: ?[,;])+", r"\1", " ".join(text.split()))


def _is_spoken(character: str) -> bool:
    return character in _SPOKEN_PUNCTUATION or unicodedata.category(character)[0] in "LM"


def _street(match: re.Match[str]) -> str | None:
    """Behind a street's name, "St." and "Dr." are no saint and no doctor, unless another name follows."""
    if match[4] and not _HOUSE.search(match.string[max(0, match.start() - 60) : match.end(1)]):
        return None
    return match[1] + _STREETS[match[2]] + ("." if match[3] == "." and _ends_sentence(match) else "")


def _ends_sentence(match: re.Match[str]) -> bool:
    """Whether a shortened word's stop ends the text as well."""
    return match.group().endswith(".") and not match.string[match.end() :].strip("\"') ")


def _ordinal(numeral: str, language: Language) -> str | None:
    number = language.roman(numeral)
    return None if number is None else language.ordinal(number)
