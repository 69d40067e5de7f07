"""Spanish words that are shortened with a stroke, and what the sign behind a number is short for."""

from __future__ import annotations

import re

from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, at_digits, ends_text, near_digits, near_words

_PREPOSITIONS = {"c": "con", "s": "sin", "p": "para"}
_STROKE = re.compile(r"(?<![\w/])([csp])/\s?(?=[a-zà-ÿ]{2})(?!ref\b)")
_BEFORE_NUMBER = re.compile(r"(?<![\w/])(?:(c)/\s?(?=\d{1,2}\s?(?:h|hs|hrs|horas|d|días|min)\b)|p/\s?(?=\d|el\s))")
# "c/ mayor, 12", but not "c/ desayuno 45 €".
_STREET = re.compile(
    r"(?:(?:de|del|la|las|los|el|san|santa)\s){0,3}[a-zà-ÿ]{2,20},?\s(?:n[.º°]{1,2}\s?)?\d{1,4}(?![\w.]|\s?[€$%])"
)
_INCLUDED = re.compile(r"(?:(\w+)\s)?(?<![\w.])(in|ex)cl\.")
_INCHES = re.compile(r"(?<![\w.,\"])(\d{1,3}(?:[.,]\d{1,2})?)\s?(?:\"|'')(?!\w)")
_MINUTES = re.compile(r"(?<![\w.,'\"])(\d{1,3})'(?![\w'])")
_ORDINAL = re.compile(
    r"(?<![\w.,/])(?<!asiento\s)(?<!salida\s)(\d{1,2})(?:([oa])\.?|(er|ra|ro|da|do|ta|to)\.)(?=\s[a-zà-ÿ]{4}|\.?$)"
)
_UNIT = re.compile(r"(?<=ª\s)ud\.")
# "38,5º", "38º de fiebre": ordinals have no decimals, and fevers are none.
_DEGREES = re.compile(
    r"(?<![\w.])(\d{1,3}[.,]\d)\s?[º°](?!\w)|(?<![\w.,])(\d{1,3})\s?º(?=\sde\s(?:fiebre|temperatura)|\s[bs]ajo\scero)|"
    r"(?<=fiebre de\s)(\d\d)\s?º(?!\w)"
)
_NOON = re.compile(r"(?<=las\s)12(?::00)?\s?m\.?(?!\w)(?!\.)")
_USER = re.compile(r"(?<![\w@/.-])[A-Za-z][A-Za-z\d]{0,30}(?:[.-][A-Za-z\d]{1,30}){0,4}_[\w.-]{0,60}[A-Za-z\d](?!\w)")
_DAYS = re.compile(r"(?<=durante\s)(\d{1,3})\s?d(?!\w)|(?<=por\s)(\d{1,3})\s?d(?!\w)")
_OUTER = re.compile(r"(?<=[ºª]\s)(ext|int)\.")
_HER = re.compile(r"(?<=[Ll]a\s)(Lic|Ing|Prof|Arq|Dir|Pdte)\.(?=\s[A-ZÀ-Þ])")
_TITLES = {
    "Lic": "Licenciada", "Ing": "Ingeniera", "Prof": "Profesora", "Arq": "Arquitecta", "Dir": "Directora",
    "Pdte": "Presidenta",
}  # fmt: skip
_FIRST = re.compile(r"(?<!\w)([Ll]a|[Ee]l|[Dd]el|[Aa]l)\s([IV])\s(?=([A-ZÁÉÍÓÚ][a-zà-ÿ]{3,20}))")
_MORE_OR_LESS = re.compile(r"(?:±|\+/-)\s?(?=\d)")
_TIMES = re.compile(r"(?<=[a-zà-ÿ])\sx\s(?=\$?\d)|(?<=\d)\sx\s(?=\$\d|[\d.,]{1,12}\s?€)")
_HOURS = re.compile(r"(?<![\w.,/])(24|48|72)/(48|72|96)(?=\s?h)")
_EACH = re.compile(r"(?<=[a-zà-ÿ]{3})/(?=\d{1,2}\s?h(?:oras)?(?!\w))")
_DIAMETER = re.compile(r"[Øø]\s?(?=\d)")
_ORDINALS = re.compile(r"(?<![\w.,/])(\d{1,2})\.?(?:[oº]s|([aª])s)(?!\w)")
_APOSTROPHE = re.compile(r"(?<=\d)'(?=\d{1,2}(?![\w'\"]))")
_CONTEXT_CHARS = 24


def rules(language: RomanceGrammar) -> list[Rule]:
    """Prepositions, names of users, and signs beside numbers."""

    def stroke(match: re.Match[str]) -> str:
        if match[1] == "c" and _STREET.match(match.string, match.end()):
            return "calle "
        return f"{_PREPOSITIONS[match[1]]} "

    def included(match: re.Match[str]) -> str:
        agrees = "a" if match[1] and language.is_feminine(match[1].lower()) else "o"
        word = {"in": "incluid", "ex": "excluid"}[match[2]]
        return (f"{match[1]} " if match[1] else "") + word + agrees + ("." if ends_text(match) else "")

    def quoted(match: re.Match[str], mark: str) -> bool:
        return match.string.count(mark, max(0, match.start() - 2 * _CONTEXT_CHARS), match.start()) % 2 == 1

    def inches(match: re.Match[str]) -> str | None:
        return None if quoted(match, '"') else f"{match[1]} pulgadas"

    def minutes(match: re.Match[str]) -> str | None:
        return None if quoted(match, "'") else f"{match[1]} {'minuto' if match[1] == '1' else 'minutos'}"

    def user(match: re.Match[str]) -> str:
        names = {".": language.dot, "-": language.hyphen, "_": language.underscore}
        return re.sub(r"[._-]", lambda mark: f" {names[mark.group()]} ", match.group())

    def first(match: re.Match[str]) -> str:
        return f"{match[1]} {language.ordinal_before(1 if match[2] == 'I' else 5, '', match[3])} "

    def ordinals(match: re.Match[str]) -> str | None:
        return f"{language.ordinal(int(match[1]), match[2] is not None)}s" if int(match[1]) else None

    decimals = [near_digits("decimals", _APOSTROPHE, lambda match: ",", "'")] if language.decimal_mark == "," else []
    return [
        *decimals,
        at_digits("ordinals", _ORDINALS, ordinals, ("os", "as", "ºs", "ªs")),
        near_digits("times", _TIMES, lambda match: " por ", (" x ",)),
        at_digits("hours", _HOURS, lambda match: f"{match[1]}-{match[2]}", "/"),
        near_digits("dose", _EACH, lambda match: " cada ", "/"),
        near_digits("diameter", _DIAMETER, lambda match: "diámetro ", "ø"),
        near_words("user", _USER, user, "_"),
        at_digits("days", _DAYS, lambda match: f"{match[1] or match[2]} días"),
        near_words("flat", _OUTER, lambda match: f"{match[1]}erior", ("ext.", "int.")),
        near_words("her title", _HER, lambda match: _TITLES[match[1]], ("la ",)),
        at_digits("degrees", _DEGREES, lambda match: f"{match[1] or match[2] or match[3]} °", "º°"),
        at_digits("noon", _NOON, lambda match: "12 del mediodía", ("m",)),
        near_words("Roman numeral", _FIRST, first, (" i ", " v ")),
        near_words("unit", _UNIT, lambda match: "unidad", ("ud.",)),
        near_words("included", _INCLUDED, included, ("incl.", "excl.")),
        near_digits("inches", _INCHES, inches, ('"', "''")),
        near_digits("minutes", _MINUTES, minutes, "'"),
        at_digits("ordinal", _ORDINAL, lambda match: f"{match[1]}{match[3] or {'o': 'º', 'a': 'ª'}[match[2]]}"),
        near_words("more or less", _MORE_OR_LESS, lambda match: "más menos ", ("±", "+/-")),
        near_words("stroke", _BEFORE_NUMBER, lambda match: "cada " if match[1] else "para ", ("c/", "p/")),
        near_words("stroke", _STROKE, stroke, ("c/", "s/", "p/")),
    ]
