"""Short forms that mean one thing here and another there: what is beside them decides."""

from __future__ import annotations

import re

from telephony.text.normalization.rules import Rule, at_digits, near_digits, near_words

_BEFORE = re.compile(r"(?<!\w)([aA])v\.\s(?=(?:les?|la|mon|votre|midi|minuit|et\sarr)\b|l'|\d{1,2}\s?[hH:/])")
_BEHIND = re.compile(r"(?<=\bet\s)arr\.(?!\w)|(?<=[a-zà-ÿ]{3}\s)arr\.(?=\s(?:droite?|gauche|dr\.|g\.))")
_ARRIVAL = re.compile(r"(?<!\w)([aA]rr|[dD]ép)\.(\s?:)?\s?(?=(?:à\s)?\d{1,2}\s?[hH:])")
_ARRIVALS = {"arr": "arrivée", "dép": "départ"}
_CHARGES = re.compile(r"(?<!\w)ch\.\s?(?=\d[\d ,]{0,8}\s?(?:€|euros))")
_ROOMS = re.compile(
    r"(?<!\w)((?:maison|appartement|appart|appt|villa|bureaux|studio|duplex)\s\d{1,2})\s?p\.(?=[,;\s])", re.I
)
_SIZES = re.compile(r"(?<!\w)([dD])im\.\s?:?\s?(?=\d+(?:[.,]\d+)?\s?(?:[cm]?m\s?)?[x×])")
_CHAPTER = re.compile(r"(?<!\w)ch\.\s?(?=\d{1,3},\s(?:p\.|pp\.|art|§))|(?<=[IVX],\s)ch\.\s?(?=\d)")
_OPEN_DAYS = re.compile(r"(?<![\w.,/])([1-7])\s?j(?:ours?)?\s?/\s?7(?!\w)")
_FOUR_BY_FOUR = re.compile(r"(?<!\w)4\s?[x×]\s?4(?!\w|\s?[cm]?m\b)")
_BLOOD = re.compile(r"(?<![\w'])(A|B|AB|O)([+-])(?=[\s,.;)]|$)")
_DONATED = re.compile(r"(?:sang|groupe|rhésus|donneur)[^.!?]{0,40}$", re.IGNORECASE)
_MORE_OR_LESS = re.compile(r"\s?±\s?")
_PAGES = re.compile(r"(?<!\w)p\.\s?(?=\d+\s?[-–]\s?\d)")
_LIVED_IN = re.compile(r"(?<=m[²2]\s)hab\.")
_FOR = re.compile(r"(?<!le\s)(?<!du\s)(?<!au\s)(?<!\w)pr\s(?=[a-zà-ÿ\d])")
_ALL_WEEK = re.compile(r"(?<!le\s)(?<!du\s)(?<!au\s)(?<![\w/])7/7(?![\w/])")
_DAY_TIME = re.compile(r"(?<![\w'-])(?<![lL]a\s)(lun|mar|mer|jeu|ven|sam|dim)(?=\s(?:vers|à)\s\d{1,2}\s?h)")
_AMPOULES = re.compile(r"(?<![\w.,])(\d{1,2})\samp\.?(?=\s(?:tous|toutes|par|le|matin|soir|buvables?)\b|/j)")
_RANK = re.compile(r"(?<=\de)/(?=\d)|(?<=\dème)/(?=\d)|(?<=\der)/(?=1[3-9]|[2-9]\d|\d{3})")
_MINUTES = re.compile(r"(?<![\w'.,:])(\d{1,3})'\s?(?:(\d{1,2})(?:\"|''))?(?![\w'\"])")
_DAYS = {"lu": "lun", "ma": "mar", "me": "mer", "je": "jeu", "ve": "ven", "sa": "sam", "di": "dim"}
_DAY = "|".join(_DAYS)
_SHORT_DAYS = re.compile(rf"(?<![\w'-])({_DAY})(\s?[-–]\s?)({_DAY})(?![\w'-])", re.I)
_SHORT_DAY = re.compile(rf"(?<![\w'-])({_DAY})(?=\s\d{{1,2}}(?:[hH:]\d{{0,2}})?\s?[-–]\s?\d)", re.I)
_NUMBER = re.compile(r"(?<!\w)([nN])[°º]\s?(?=[A-Z])")
_VITAMIN = re.compile(r"(?<!\w)([vV])it\.?\s(?=[A-EK]\d{0,2}(?!\w))")
_AGES = re.compile(r"(?<![^\s(])([+-])\s?(?=\d{1,2}\sans(?!\w))")
_FIRST_QUEEN = re.compile(r"(?<=[a-zà-ÿ]\s)I(?:re|ère)(?!\w)")
_INCHES = re.compile(r"(?<=\d)\s?\"(?!\w)")
_SCREEN = re.compile(r"(?:écran|télé|TV|téléviseur|moniteur|dalle|tablette|jantes?)\b[^\"]{0,20}$", re.I)


def rules() -> list[Rule]:
    """What "av.", "arr.", "ch.", "p." and "dim." stand for, two letters of a day, a prime behind minutes."""

    def minutes(match: re.Match[str]) -> str:
        return f"{match[1]} min {match[2]}" if match[2] else f"{match[1]} min"

    def inches(match: re.Match[str]) -> str | None:
        return " pouces" if _SCREEN.search(match.string[max(0, match.start() - 32) : match.start()]) else None

    def blood(match: re.Match[str]) -> str | None:
        if not _DONATED.search(match.string[max(0, match.start() - 48) : match.start()]):
            return None
        return f"{' '.join(match[1])} {'plus' if match[2] == '+' else 'moins'}"

    return [
        near_digits("inches", _INCHES, inches, '"'),
        near_words("before", _BEFORE, lambda match: f"{match[1]}vant ", ("av.",)),
        near_words("behind", _BEHIND, lambda match: "arrière", ("arr.",)),
        near_digits("arrival", _ARRIVAL, _arrival, ("arr.", "dép.")),
        near_digits("charges", _CHARGES, lambda match: "charges ", ("ch.",)),
        near_digits("rooms", _ROOMS, lambda match: f"{match[1]} pièces", ("p.",)),
        near_digits("chapter", _CHAPTER, lambda match: "chapitre ", ("ch.",)),
        near_digits("open days", _OPEN_DAYS, lambda match: f"{match[1]} jours sur sept", ("/7", "/ 7")),
        at_digits("car", _FOUR_BY_FOUR, lambda match: "quatre quatre", "x×"),
        near_words("blood group", _BLOOD, blood, ("a+", "b+", "o+", "a-", "b-", "o-")),
        near_words("more or less", _MORE_OR_LESS, lambda match: " plus ou moins ", "±"),
        near_digits(
            "ampoules", _AMPOULES, lambda match: f"{match[1]} ampoule{'s' if match[1] != '1' else ''}", (" amp",)
        ),
        near_words("lived in", _LIVED_IN, lambda match: "habitables", ("hab.",)),
        near_words("for", _FOR, lambda match: "pour ", ("pr ",)),
        near_digits("all week", _ALL_WEEK, lambda match: "sept jours sur sept", ("7/7",)),
        near_digits("weekday", _DAY_TIME, lambda match: f"{match[1]}.", (" vers ", " à ")),
        near_digits("pages", _PAGES, lambda match: "pages ", ("p.",)),
        near_digits("sizes", _SIZES, lambda match: f"{match[1]}imensions: ", ("dim.",)),
        near_words("number", _NUMBER, lambda match: f"{match[1]}uméro ", ("n°", "nº")),
        near_words("vitamin", _VITAMIN, lambda match: f"{match[1]}itamine ", ("vit",)),
        near_digits("ages", _AGES, lambda match: "moins de " if match[1] == "-" else "plus de ", (" ans",)),
        near_words("Roman numeral", _FIRST_QUEEN, lambda match: "première", (" ire", " ière")),
        near_digits("rank", _RANK, lambda match: " sur ", "/"),
        near_digits("minutes", _MINUTES, minutes, "'"),
        near_digits("weekdays", _SHORT_DAYS, lambda match: f"{_day(match[1])}{match[2]}{_day(match[3])}", "-–"),
        near_digits("weekday", _SHORT_DAY, lambda match: _day(match[1]), "-–"),
    ]


def _arrival(match: re.Match[str]) -> str:
    said = _ARRIVALS[match[1].lower()]
    return (said.capitalize() if match[1][0].isupper() else said) + (match[2] or "") + " "


def _day(written: str) -> str:
    return _DAYS[written.lower()]
