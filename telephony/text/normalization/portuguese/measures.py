"""Doses, blood pressure, temperatures, sizes, instalments."""

from __future__ import annotations

import re

from telephony.text.normalization.amounts import UNITS
from telephony.text.normalization.language import Written
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, alternatives, at_digits, ends_text, near_digits, near_words

_HOURLY = re.compile(r"(?<!\w)(?:de\s)?(\d{1,2})/\1\s?(?:h|hs|horas)(?!\w)")
_INTEREST = re.compile(r"(?<=%\s)a\.?\s?([amd])\.(?!\w)")
_INTERVALS = {"a": "ano", "m": "mês", "d": "dia"}
_SPOON = re.compile(r"(?<=[\d½]\s)(?:c|col|colh)\.?\s(?:de\s|\()?(sopa|sobremesa|chá|café)\)?(?!\w)")
_DOSES = ("comp", "cáp", "caps.", "cp.", "cps.", "gts.", "amp.", "env.", "fr.")
_SHORTENED = re.compile(r"(?<=\d)(\s?(?:comps?|cáps?|caps|cps?|gts|amp|env|fr))\.(?=\s(?:\d|IM|IV|EV|SC|SL|VO))")
_DAYS = re.compile(
    r"(?<![\w.,])(\d{1,3})\s?d\.(?=\s(?:corridos|úteis))|(?<=\b(?:em|de|há) )(\d{1,3})\s?d\.(?=\s[a-z]|[,;]|$)"
    r"|(?<=[,;] )(\d{1,3})\s?d\.?(?=[,;]|$)"
    r"|(?<=\b(?:por|até) )(\d{1,3})\s?d\.?(?=[,;.!?)]|\s[a-z]|$)"
)
# Numbers with a decimal have a comma; with a stop they are of engines and versions.
_POINT = re.compile(r"(?<![\w.,-])(\d{1,2})\.(\d)(?![\w.,%°º/-]|\s%)")
_SHARE = re.compile(
    r"(?<!\w)((?:desconto|aumento|redução|acréscimo|adicional|cerca|mais|menos|perda|ganho|entrada)\sde\s)(\d)/(\d)(?![\w/]|[.,]\d)"
)
_PRESSURE = re.compile(r"(?<![\w.,/])(\d{2,3})\s?[/xX×]\s?(\d{2,3})\s?mm\s?Hg(?!\w)")
_WEATHER = re.compile(
    r"(?:febre|temperatura|temp\.|máxima|mínima|máx\.?|mín\.?|faz|fazendo|termômetro)(?!\w)[^.!?\d]{0,16}$", re.I
)
_MILLIONS = re.compile(r"(?<![\w.,])(\d{1,3}(?:,\d{1,3})?)\s(mi|bi)(?=\s(?:de|em|a|até)\b|[.;,)]|$)")
_QUOTED_CHARS = 200
_QUOTED = re.compile(r"(?:^|[\s(])\"[^\"]{0,200}$")
_PER_WEIGHT = re.compile(r"(?<=/kg)/(dia|h|hora|min|semana|dose)(?!\w)")
_INCHES = re.compile(r"(?<![\w.,'])(\d{1,3})(?:[,.](\d))?\"(?=[\s,.;)]|$)")
_EACH = re.compile(r"(?<![\w.,/])(\d{1,3})\s?/\s?(dia|mês|semana|hora|ano|noite|pessoa)(?!\w)")
_MARK = re.compile(r"(?<!\w)([Nn]otas?:?\s)(\d{1,3})/(10|100)(?![\w/]|[.,]\d)")
_LITRES = re.compile(r"(?<![\w.,/-])(\d{1,4})L(?=\s(?:de|por|ao|com|e)\s|[,.;)]|$)")
_EXTREMES = {"máx": "máxima", "mín": "mínima"}
_EXTREME = re.compile(r"(?<!\w)(máx|mín)\.?(?=:?\s(?:de\s)?-?\d{1,2}\s?[º°])", re.IGNORECASE)
_BELOW_ZERO = re.compile(r"(?<!\S)-(\d{1,2})º(?!\w|\s?C)")
_DEGREES = re.compile(r"(?<![\w.,/])(\d{1,2}(?:[.,]\d)?)º(?!\w|\s?C\b)")
_INSTALMENTS = re.compile(
    r"(?<![\w.,])(\d{1,3})\s[xX×](?=\s(?:R\$|US\$|€|s/|p/|(?:sem|de|ao|à|por|no|na|em|iguais|com|fix[ao]s)\b))"
)
_SIDES = re.compile(r"(?<=\d)(\s?(?:mm|cm|m))\s?[xX×]\s?(?=\d)")
_WEEKS = re.compile(r"(?<![\w.,])(\d{1,2})\s?sem(?:\.|(?=[,;:!?)]|$|\s(?:de\s(?:gestação|gravidez)|e\s\d)))(?!\w)")


def word_rules(language: RomanceGrammar) -> list[Rule]:
    """What shortened words are said for, before any other may take them."""

    def hourly(match: re.Match[str]) -> str:
        hours = language.cardinal(int(match[1]), "feminine")
        return f"de {hours} em {hours} {'hora' if match[1] == '1' else 'horas'}"

    def interval(match: re.Match[str]) -> str:
        return f"ao {_INTERVALS[match[1]]}" + ("." if ends_text(match) else "")

    def per_weight(match: re.Match[str]) -> str:
        return f" {language.per} {language.rates.get(match[1], match[1])}"

    def inches(match: re.Match[str]) -> str | None:
        if _QUOTED.search(
            match.string[max(0, match.start() - _QUOTED_CHARS) : match.start()]
        ):  # the end of what is quoted
            return None
        return language.counted(Written(int(match[1]), match[2] or ""), language.unit("length-inch"))

    def weeks(match: re.Match[str]) -> str:
        said = language.counted(Written(int(match[1])), language.unit("duration-week"))
        return said + ("." if ends_text(match) else "")

    def days(match: re.Match[str]) -> str:
        said = language.counted(
            Written(int(match[1] or match[2] or match[3] or match[4])), language.unit("duration-day")
        )
        return said + ("." if ends_text(match) else "")

    return [
        near_words("dose", _HOURLY, hourly, "/"),
        near_words("interest", _INTEREST, interval, "%"),
        near_digits("dose", _SHORTENED, lambda match: match[1], _DOSES),
        at_digits("weeks", _WEEKS, weeks, ("sem",)),
        near_digits("extreme", _EXTREME, lambda match: _EXTREMES[match[1].lower()], _EXTREMES),
        at_digits("rate", _EACH, lambda match: f"{match[1]} {language.per} {language.rates[match[2]]}", "/"),
        near_words("mark", _MARK, lambda match: f"{match[1]}{match[2]} de {match[3]}", ("nota",)),
        at_digits("litres", _LITRES, lambda match: f"{match[1]} L", "l"),
        near_words("rate", _PER_WEIGHT, per_weight, ("/kg/",)),
        at_digits("inches", _INCHES, inches, '"'),
        at_digits("days", _DAYS, days),
        near_words("dose", _SPOON, lambda match: f"col de {match[1]}", ("sopa", "sobremesa", "chá", "café")),
    ]


def money_rules(language: RomanceGrammar) -> list[Rule]:
    """How many instalments, with a space before the cross."""

    def instalments(match: re.Match[str]) -> str:
        if match[1] == "1":
            return language.once
        return f"{language.cardinal(int(match[1]), 'feminine')} {language.fold}"

    return [at_digits("instalments", _INSTALMENTS, instalments, "x×")]


def date_rules(language: RomanceGrammar) -> list[Rule]:
    """A blood pressure with its unit and a share of an amount, which are no dates."""

    def pressure(match: re.Match[str]) -> str:
        high, low = language.cardinal(int(match[1])), Written(int(match[2]))
        return f"{high} {language.pressure_over} {language.counted(low, language.unit('mercury'))}"

    def share(match: re.Match[str]) -> str | None:
        above, below = int(match[2]), int(match[3])
        said = language.fraction(above, below) if 0 < above < below else None
        return said and match[1] + said

    return [
        near_words("share", _SHARE, share, ("/",)),
        at_digits("blood pressure", _PRESSURE, pressure, ("hg",)),
    ]


def scaled_rules(language: RomanceGrammar) -> list[Rule]:
    """Thousands and millions of what a symbol names."""
    units = {**UNITS, **language.units}
    symbols = alternatives(symbol for symbol in units if len(symbol) > 1)
    pattern = re.compile(rf"(?<![\w.,])(\d{{1,3}})\s(mil|milhão|milhões)\s(?:de\s)?({symbols})(?![\w/²³])")

    def scaled(match: re.Match[str]) -> str:
        name = language.unit(units[match[3]])
        if match[2] == "mil":
            return language.counted(Written(int(match[1]) * 1000), name)
        return f"{language.scaled_number(Written(int(match[1])), match[2])}{language.linked(name.many)}"

    return [at_digits("unit", pattern, scaled, ("mil",))]


def number_rules(language: RomanceGrammar) -> list[Rule]:
    """Engines and versions, and shortened millions."""

    def point(match: re.Match[str]) -> str:
        return f"{language.cardinal(int(match[1]))} {language.dot} {language.cardinal(int(match[2]))}"

    def millions(match: re.Match[str]) -> str:
        whole, _, fraction = match[1].partition(",")
        return language.scaled_number(Written(int(whole), fraction), match[2])

    return [at_digits("point", _POINT, point, "."), at_digits("millions", _MILLIONS, millions, (" mi", " bi"))]


def ordinal_rules(language: RomanceGrammar) -> list[Rule]:
    """Degrees that are written with the sign of ordinals, and the sides of a room."""

    def below_zero(match: re.Match[str]) -> str:
        return f"{language.minus} {language.counted(Written(int(match[1])), language.degree)}"

    def degrees(match: re.Match[str]) -> str | None:
        if not _WEATHER.search(match.string[max(0, match.start() - 32) : match.start()]):
            return None
        whole, _, fraction = match[1].replace(".", ",").partition(",")
        return language.counted(Written(int(whole), fraction), language.degree)

    return [
        near_digits("size", _SIDES, lambda match: f"{match[1]} {language.by} ", ("m x", "mx", "m×", "m ×")),
        at_digits("degrees", _BELOW_ZERO, below_zero, "º"),
        at_digits("degrees", _DEGREES, degrees, "º"),
    ]
