"""Spanish, of Spain and of Mexico."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

import re

from telephony.text.normalization import romance
from telephony.text.normalization.language import Currency, Form, Language, Name, Written
from telephony.text.normalization.rules import Rule, Stage

_CENT = Name("centavo", "centavos")
_CENTIMO = Name("céntimo", "céntimos")
_PARTS = {
    2: "medio",
    3: "tercio",
    4: "cuarto",
    5: "quinto",
    6: "sexto",
    7: "séptimo",
    8: "octavo",
    9: "noveno",
    10: "décimo",
}
_ORDINALS = ("", "primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno", "décimo",
             "undécimo", "duodécimo", "decimotercero", "decimocuarto", "decimoquinto", "decimosexto", "decimoséptimo",
             "decimoctavo", "decimonoveno")  # fmt: skip
_TENTHS = ("", "", "vigésimo", "trigésimo", "cuadragésimo", "quincuagésimo", "sexagésimo", "septuagésimo", "octogésimo",
           "nonagésimo")  # fmt: skip
_MASCULINE = frozenset(
    "día días problema problemas sistema sistemas programa programas mapa mapas tema temas planeta planetas "
    "idioma idiomas clima climas".split()
)
_FEMININE = frozenset("vez veces noche noches parte partes llave llaves clase clases mujer mujeres mano manos".split())
_FEMININE_ENDINGS = ("a", "as", "ción", "ciones", "sión", "siones", "dad", "dades", "tud", "tudes")


class Spanish(Language):
    """Spanish of Spain."""

    locale = "es"
    speller = "es"
    regions = ("ES", "MX")

    digits = ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve")
    minus = "menos"
    plus = "más"
    point = "coma"
    to = "a"
    over = "sobre"
    per = "por"
    percent = "por ciento"
    permille = "por mil"
    number_sign = "número"
    section = "sección"
    about = "unos"
    times = "por"
    fold = "veces"
    divided_by = "entre"
    equals = "igual a"
    less = "menor que"
    greater = "mayor que"
    ampersand = "y"
    at = "arroba"
    degree = Name("grado", "grados")
    dot = "punto"
    mail_at = "arroba"
    hyphen = "guion"
    underscore = "guion bajo"
    slash = "barra"
    colon = "dos puntos"
    hashtag = "hashtag"
    star_key = "asterisco"
    pound_key = "almohadilla"
    squared = "al cuadrado"
    cubed = "al cubo"
    half = "medio"
    and_half = "y medio"
    all_day = "veinticuatro horas, siete días a la semana"
    version = "versión"
    cents_joint = "con"
    of_scale = " de"
    word_domains = frozenset({"es"})
    currencies = {
        "EUR": Currency(Name("euro", "euros"), _CENTIMO),
        "USD": Currency(Name("dólar", "dólares"), _CENT),
        "MXN": Currency(Name("peso", "pesos"), _CENT),
        "ARS": Currency(Name("peso", "pesos"), _CENT),
        "CLP": Currency(Name("peso", "pesos")),
        "COP": Currency(Name("peso", "pesos"), _CENT),
        "BRL": Currency(Name("real", "reales"), _CENT),
        "GBP": Currency(Name("libra", "libras"), Name("penique", "peniques")),
        "JPY": Currency(Name("yen", "yenes")),
        "CHF": Currency(Name("franco suizo", "francos suizos"), _CENTIMO),
    }
    scales = {"mil": "mil", "k": "mil", "K": "mil", "M": "millones", "millón": "millón", "millones": "millones"}
    units = {"seg": "duration-second", "Mbit/s": "digital-megabit"}
    rates = {"mes": "mes", "año": "año", "día": "día", "hora": "hora", "h": "hora", "min": "minuto", "s": "segundo"}
    abbreviations = {
        "Sra.": "Señora", "Sr.": "Señor", "Srta.": "Señorita", "Sres.": "Señores", "sra.": "señora", "sr.": "señor",
        "Dra.": "Doctora", "Dr.": "Doctor", "dra.": "doctora", "dr.": "doctor", "Dña.": "Doña", "Ud.": "usted",
        "Uds.": "ustedes", "Vd.": "usted", "Vds.": "ustedes", "Avda.": "Avenida", "Av.": "Avenida", "C/": "Calle",
        "etc.": "etcétera", "etc": "etcétera", "EE. UU.": "Estados Unidos", "EE.UU.": "Estados Unidos",
        "EEUU": "Estados Unidos", "p. ej.": "por ejemplo", "p.ej.": "por ejemplo", "Cía.": "Compañía",
        "Prof.": "Profesor", "Profa.": "Profesora", "Lic.": "Licenciado", "Ing.": "Ingeniero", "Tel.": "Teléfono",
        "tel.": "teléfono", "tfno.": "teléfono", "Tfno.": "Teléfono", "aprox.": "aproximadamente", "máx.": "máximo",
        "mín.": "mínimo", "Pza.": "Plaza", "Ctra.": "Carretera", "dpto.": "departamento", "S.A.": "S A", "S.L.": "S L",
        "c/u": "cada uno",
    }  # fmt: skip
    titles = {"D.": "Don", "Sta.": "Santa", "Sto.": "Santo", "Gral.": "General", "Gob.": "Gobernador"}
    before_number = {
        "nº": "número", "n.º": "número", "Nº": "número", "N.º": "número", "n°": "número", "N°": "número",
        "núm.": "número", "Núm.": "número", "#": "número", "pág.": "página", "págs.": "páginas", "p.": "página",
        "art.": "artículo", "Art.": "artículo", "cap.": "capítulo", "vol.": "volumen", "ext.": "extensión",
        "Ext.": "extensión", "v.": "versión",
    }  # fmt: skip
    months = {
        "ene": 1, "feb": 2, "mar": 3, "abr": 4, "may": 5, "jun": 6, "jul": 7, "ago": 8, "sep": 9, "sept": 9, "oct": 10,
        "nov": 11, "dic": 12,
    }  # fmt: skip
    code_words = (
        r"código|codigo|PIN|contraseña|clave|cuenta|pedido|referencia|confirmación|DNI|NIE|CIF|póliza|tarjeta|reserva|"
        r"billete|factura|seguimiento|expediente|extensión|vuelo|terminada en|termina en|"
        r"dígitos|postal|teléfono|móvil|número"
    )
    short_code_words = r"llame|llamar|marque|código|codigo|PIN|CVV|clave|extensión"
    date_words = r"día|el|hasta|desde|antes del|después del|del|al|fecha|vence"
    kings = "Felipe|Alfonso|Carlos|Fernando|Isabel|Juan|Juan Pablo|Benedicto|Luis|Enrique|Napoleón|Pío"
    queens = frozenset({"Isabel"})
    last_ordinal_king = 10
    before_roman = "[Cc]apítulo|[Ss]iglo|[Pp]arte|[Vv]olumen|[Tt]ítulo|[Ff]ase|[Tt]ipo|[Aa]nexo|[Ll]ibro"
    named_versions = f"{Language.named_versions}|versión"
    not_nouns = frozenset(
        "de del la el los las en y o u e al para por con sin a que es son fue pero mil más menos está si se coma hasta "
        "ahora ayer hoy mañana enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
        "diciembre".split()
    )

    def rules(self, stage: Stage) -> list[Rule]:
        if stage is Stage.DATES:
            return romance.date_rules(self)
        if stage is Stage.TIMES:
            return romance.hour_rules(self)
        if stage is Stage.ORDINALS:
            return romance.ordinal_rules(self, "er|ra|ro|do|da|to|ta|mo|ma")
        return []

    def plain(self, number: int) -> str:
        # num2words forgets that "uno" is shortened before what it counts.
        words = re.sub(r"\bveintiuno (?=mil)", "veintiún ", super().plain(number))
        return re.sub(r"\buno (?=mil)", "un ", words)

    def agree(self, words: str, number: int, form: Form) -> str:
        if form == "count":
            return words
        if form == "masculine":
            return re.sub(r"\buno$", "un", re.sub(r"veintiuno$", "veintiún", words))
        last = max((match.end() for match in re.finditer(r"\w+ll(?:ón|ones)\b", words)), default=0)
        tail = re.sub(r"uno$", "una", words[last:])
        return words[:last] + re.sub(r"(?<=cient|nient)os\b", "as", tail)

    def ordinal(self, number: int, feminine: bool = False) -> str:
        if number >= 100:
            return self.cardinal(number)
        tens, ones = divmod(number, 10)
        words = _ORDINALS[number] if number < 20 else f"{_TENTHS[tens]} {_ORDINALS[ones]}".strip()
        return re.sub(r"o\b", "a", words) if feminine else words

    def is_feminine(self, noun: str) -> bool:
        if noun in _MASCULINE:
            return False
        return noun in _FEMININE or noun.endswith(_FEMININE_ENDINGS)

    def scaled(self, written: Written, scale: str) -> str:
        word = self.scales[scale]
        return "millón" if word == "millones" and written == Written(1) else word

    def ordinal_before(self, number: int, mark: str, noun: str) -> str:
        said = super().ordinal_before(number, mark, noun)
        if mark == "er" or (noun and self.form_for(noun) == "masculine"):
            return re.sub(r"(primer|tercer)o$", r"\1", said)
        return said

    def fraction(self, above: int, below: int) -> str | None:
        if below not in _PARTS:
            return None
        if (above, below) == (1, 2):
            return "medio"
        return f"{self.cardinal(above, 'masculine')} {_PARTS[below]}{'s' if above > 1 else ''}"

    def date(self, day: int, month: int, year: int | None) -> str:
        said = f"{self.day(day)} de {self.month(month)}"
        return f"{said} de {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, half: str) -> str:
        said = self.cardinal(hour, "feminine")
        if half:
            late = "del mediodía" if hour == 12 else "de la tarde" if hour < 9 else "de la noche"
            part = "de la mañana" if half == "am" else late
            return f"{said} y {self.cardinal(minute)} {part}" if minute else f"{said} {part}"
        if minute:
            return f"{said} y {self.cardinal(minute)}"
        return f"{said} horas" if hour > 12 or hour == 0 else said


class MexicanSpanish(Spanish):
    """Spanish of Mexico: a point for decimals, the peso for the dollar sign."""

    locale = "es_MX"
    regions = ("MX", "US")
    decimal_mark = "."
    point = "punto"
    dollar_code = "MXN"
    pound_key = "gato"

    def day(self, day: int) -> str:
        return "primero" if day == 1 else self.cardinal(day)
