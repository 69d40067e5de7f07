"""Shortened words, letters and numerals that only what stands beside them explains."""

from __future__ import annotations

import re

from telephony.text.normalization import codes
from telephony.text.normalization.portuguese import tables
from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, alternatives, near_digits, near_words

# The states of Brazil, whose letters are said behind a town.
STATES = "AC|AL|AP|AM|BA|CE|DF|ES|GO|MA|MT|MS|MG|PA|PB|PR|PE|PI|RJ|RN|RS|RO|RR|SC|SP|SE|TO"
_STATE = re.compile(rf"(?<=[a-zà-ÿ])(?:\s?[-–/]\s?|,\s)({STATES})(?![\w-])")
_BRACKETED_STATE = re.compile(rf"(?<=[a-zà-ÿ]\s)\(({STATES})\)")
_DOM = re.compile(r"(?<!\w)D\.\s(?=(?:Pedro|João|Afonso|Manuel|Henrique|Sancho|Dinis|Duarte|Luís|Carlos|José)\b)")
_STREET = re.compile(r"(?<![\w.])R\.\s(?=(?:d[aeo]s?\s|\d|[A-ZÀ-Þ]))")
_PLACES = ("Al.", "Tv.", "Trav.", "Jd.", "Vl.", "Pq.", "Pça.", "Lg.", "Lgo.", "Est.", "Estr.", "Rod.", "Cond.", "Ed.")
_PLACE = re.compile(rf"(?<![\w.])({alternatives(_PLACES)})\s(?=d[aeo]s?\s)")
_COLONEL = re.compile(r"(?<![\w.])Cel\.\s(?=[A-ZÀ-Þ][a-zà-ÿ])")
_SECTOR = re.compile(
    r"(?<!\w)St\.\s(?=(?:Bueno|Oeste|Leste|Norte|Sul|Central|Marista|Coimbra|Universitário|Aeroporto|Comercial|Industrial|"
    r"Hoteleiro|Bancário|d[aeo]s?)\b)"
)
_PHONES = {"tel": "telefone", "Tel": "Telefone", "cel": "celular", "Cel": "Celular"}
_PHONE = re.compile(rf"(?<!\w)({alternatives(_PHONES)})(?=\s\(\d)")
_OWN_PHONE = re.compile(r"(?<!\w)((?:[MmSsTt]eu|[Nn]osso|[Qq]ual o)\s)(tel|cel)(?!\w|\.\w)")
_CERTIFICATE = re.compile(r"(?<!\w)([Cc])ert\.\s(?=(?:de\s)?(?:nasc|casamento|óbito|negativa))")
_PROPERTY = re.compile(r"(?<!\w)(c[óo]digo|c[óo]d\.|imóvel|ref\.)(:?\s)([A-Z]{2}\d{3,6})(?!\w)", re.IGNORECASE)
# "Apto" alone is an adjective.
_FLAT = re.compile(r"(?<!\w)((?:no|do|um|ao|[mst]eu|nosso|pelo)\s)apto(?![\w.])")
_MATCH = re.compile(r"(?<=[a-zà-ÿ]\s)[xX](?=\s[A-ZÀ-Þ][a-zà-ÿ])")
# A way through menus; what is greater than a number has one behind it.
_MENU = re.compile(r"(?<=\w)\s>\s(?=[^\W\d_])")
_ABOUT = re.compile(r"±\s?(?=\d)")
# At the beginning of a sentence it is "in the".
_HOUSE = re.compile(r"(?<=[\w,]\s)No\s(?=\d{1,5}(?![\wºª°]|[.,]\d))")
_PROOF = re.compile(
    r"(?<!\w)([Cc])omp\.\s(?=(?:de\s)?(?:residência|endereço|renda|pagamento|depósito|matrícula|vacinação)\b)"
)
_NUMERAL = r"[IVXL]{1,7}"
_CENTURIES = re.compile(rf"(?<!\w)([Ss]écs?\.|[Ss]éculos?)\s({_NUMERAL})(\s(?:e|a|ao)\s|\s?[-–]\s?)({_NUMERAL})(?!\w)")
_LATER_CENTURY = re.compile(rf"(?<=\b(?:do|no|ao) )({_NUMERAL})(?!\w|\s[a-zà-ÿ]{{4}})")
_CENTURY = re.compile(r"\b(?:séc\.|séculos?)\s[^.!?]{1,60}$", re.IGNORECASE)
_ITEM = re.compile(rf"(?<=[ºª\d],\s)({_NUMERAL})(?=,|\)|\.?$|\s(?:e|da|do|c/c)\b)")
_ARTICLE = re.compile(r"\bart(?:igo|\.)\s[^.!?]{1,30}$", re.IGNORECASE)
_SERIAL = re.compile(r"(?<![\w/])[Ss]/[Nn]:?\s(?=[A-Z\d-]{0,12}\d[A-Z\d-]{3,20})")
_LOGIN = re.compile(
    r"(?<!\w)((?:login|usuário|user)(?::|\sé)?\s)([a-z\d]{1,30}(?:[._-][a-z\d]{1,30}){1,4})(?![\w@.-]\w)", re.I
)
_LOGIN_MARKS = re.compile(r"[._-]")


def rules(language: RomanceGrammar) -> list[Rule]:
    """What a shortened word is by the words beside it."""
    marks = {".": language.dot, "_": language.underscore, "-": language.hyphen}

    def centuries(match: re.Match[str]) -> str | None:
        first, last = language.roman(match[2]), language.roman(match[4])
        if first is None or last is None:
            return None
        said = [language.century(number).split(" ", 1)[1] for number in (first, last)]
        joint = f" {language.to} " if match[3].strip() in "-–" else match[3]
        return f"{'Séculos' if match[1][0] == 'S' else 'séculos'} {said[0]}{joint}{said[1]}"

    def later_century(match: re.Match[str]) -> str | None:
        number = language.roman(match[1])
        if number is None or not _CENTURY.search(match.string[max(0, match.start() - 70) : match.start()]):
            return None
        return language.century(number).split(" ", 1)[1]

    def item(match: re.Match[str]) -> str | None:
        number = language.roman(match[1])
        if number is None or not _ARTICLE.search(match.string[max(0, match.start() - 40) : match.start()]):
            return None
        return language.cardinal(number)

    def estate(match: re.Match[str]) -> str:
        name = language.abbreviations.get(match[1], match[1])
        return f"{name}{match[2]}{codes.characters(match[3], language)}"

    def login(match: re.Match[str]) -> str:
        return match[1] + _LOGIN_MARKS.sub(lambda mark: f" {marks[mark.group()]} ", match[2])

    return [
        Rule("title", _DOM, lambda match: "Dom "),
        Rule("street", _STREET, lambda match: "Rua "),
        near_words("street", _PLACE, lambda match: f"{tables.TITLES[match[1]]} ", map(str.lower, _PLACES)),
        near_words("abbreviation", _PHONE, lambda match: _PHONES[match[1]], ("tel", "cel")),
        near_words("abbreviation", _FLAT, lambda match: f"{match[1]}apartamento", ("apto",)),
        near_words("match", _MATCH, lambda match: "versus", (" x ",)),
        near_words("menu", _MENU, lambda match: ", ", (" > ",)),
        near_words("about", _ABOUT, lambda match: "mais ou menos ", "±"),
        near_digits("house number", _HOUSE, lambda match: f"{language.number_sign} ", (" no ",)),
        near_words("abbreviation", _PROOF, lambda match: f"{match[1]}omprovante ", ("comp.",)),
        near_words("abbreviation", _OWN_PHONE, lambda match: match[1] + _PHONES[match[2]], ("tel", "cel")),
        near_words("abbreviation", _CERTIFICATE, lambda match: f"{match[1]}ertidão ", ("cert.",)),
        near_words("property", _PROPERTY, estate, ("digo", "d.", "imóvel", "ref.")),
        near_words("sector", _SECTOR, lambda match: "Setor ", ("st.",)),
        near_words("title", _COLONEL, lambda match: "Coronel ", ("cel.",)),
        Rule("state", _STATE, lambda match: f", {' '.join(match[1])}"),
        near_words("state", _BRACKETED_STATE, lambda match: f"({' '.join(match[1])})", ("(",)),
        near_words("centuries", _CENTURIES, centuries, ("séc",)),
        near_words("Roman numeral", _LATER_CENTURY, later_century, ("séc",)),
        near_words("Roman numeral", _ITEM, item, ("art",)),
        near_words("serial number", _SERIAL, lambda match: "número de série: ", ("s/n",)),
        near_words("login", _LOGIN, login, ("login", "usuário", "user")),
    ]
