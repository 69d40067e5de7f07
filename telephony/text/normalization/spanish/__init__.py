"""Spanish, of Spain and of Mexico."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

import re

from telephony.text.normalization.language import Form, Name, Written
from telephony.text.normalization.romance import Romance
from telephony.text.normalization.rules import Rule, Stage
from telephony.text.normalization.spanish import addresses, dates, money, tables, words


class Spanish(Romance):
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
    currencies = tables.CURRENCIES
    scales = {
        "mil": "mil", "k": "mil", "K": "mil", "M": "millones", "millón": "millón", "millones": "millones",
        "mil millones": "mil millones", "MM": "millones", "billón": "billón", "billones": "billones",
        "mill.": "millones",
    }  # fmt: skip
    units = tables.UNITS
    rates = tables.RATES
    abbreviations = tables.ABBREVIATIONS
    titles = tables.TITLES
    before_number = tables.BEFORE_NUMBER
    weekdays = tables.WEEKDAYS
    weekday_initials = tables.WEEKDAY_INITIALS
    weekdays_to = "a"
    hours_from = "de"
    hours_to = "a"
    range_words = "de|del|desde|entre|a|al|hasta|las"
    time_words = "las|la|sale|llega|salida|llegada"
    opening_words = "horario|abierto|abierta|abre|abrimos|atención|apertura"
    before_one = {"las": "la"}
    hour_words = r"horas?|hrs?|hs|h"
    and_words = "y|e|o"
    of_month = " de "
    of_year = " de "
    month_words = "en|de|hasta|desde|para|a|entre|y"
    expiry_words = "caduca|caducidad|vence|vencimiento|válida|válido|expira|vigencia"
    part_words = "cuota|página|paso|etapa|parte|plazo|intento|capítulo|episodio|mensualidad|bulto|paquete|caja"
    part_of = "de"
    pressure_words = "tensión|presión|TA"
    pressure_over = "sobre"
    currency_signs = tables.CURRENCY_SIGNS
    cent_signs = r"(?:cts?|ctms?|ctvs?)\.(?=\s[a-zà-ÿ])|cts?|ctms?|ctvs?|cénts?|cent"
    text_verbs = "envíe|envía|envie|mande|manda|responda|responde|mensaje|enviar|escriba|texto"
    text_to = "al|a"
    call_words = "llame al|llama al|llamar al|marque el|marque|marca el|llamando al|teléfono"
    extension_words = r"ext\.|extensión|anexo|int\."
    extension = "extensión"
    document_words = (
        "DNI|NIE|NIF|CIF|CUIT|CUIL|RUT|RFC|CURP|NSS|RUC|cédula|pasaporte|seguridad social|IBAN|CLABE|tarjeta sanitaria"
    )
    named_words = (
        "código|codigo|localizador|reserva|contraseña|clave|pedido|matrícula|placa|bastidor|serie|cupón|billete|boleto|"
        "seguimiento|rastreo|guía|referencia|orden|modelo|póliza|contrato|expediente|folio|ticket|vale|RFC|CURP|"
        "confirmación|envío|pasaporte|reservación|colegiado|socio|licencia"
    )
    named_joint = "de|del|es|número|núm|nº|n|no|el|la|su|tu|promocional"
    flight_words = "vuelo|vuelos"
    road_words = "A|AP|N|M|C|B|V|GC|TF|MA|AC|CV|E"
    ending_in = "terminada en"
    every = "cada|c/"
    per_amount = "cada"
    times_a = "por"
    once = "una vez"
    either = "o"
    century_words = r"s\.|S\.|siglo|siglos"
    articles = "el |la |del |al |los |las |un |una |su |este |esta "
    plate_words = "matrícula|matrículas|placa|placas|patente"
    year_words = "año|Año"
    ordinal_endings = "er|ra|ro|do|da|to|ta|mo|ma|vo|va|no|na"
    thousand_words = "mil"
    extremes = {
        "máx": ("máximo", "máxima"), "mín": ("mínimo", "mínima"), "max": ("máximo", "máxima"), "min": ("mínimo",
        "mínima"),
    }  # fmt: skip
    first_night_hour = 9
    """From this hour, what "p.m." says is the night."""
    by = "por"
    score_words = "partido|ganó|perdió|terminó|empató|marcador|resultado|victoria|derrota"
    out_of = "sobre"
    in_month = "en"
    street_words = "Calle|Avenida|Plaza|Paseo|Carretera|Bulevar|Calzada|Camino|Ronda|Travesía"
    post_code = r"\d{5}"
    half_of = {"masculine": "medio", "feminine": "media"}
    and_half_of = {"masculine": "y medio", "feminine": "y media"}
    alphabet = tables.ALPHABET
    as_in = "{letter} de {word}"
    spoken_units = tables.SPOKEN_UNITS
    months = tables.MONTHS
    code_words = (
        r"código|codigo|PIN|contraseña|clave|cuenta|pedido|referencia|confirmación|DNI|NIE|CIF|póliza|tarjeta|reserva|"
        r"billete|factura|seguimiento|expediente|extensión|vuelo|terminada en|termina en|"
        r"dígitos|postal|teléfono|móvil|número|socio|afiliado|cliente|abonado|historia clínica"
    )
    short_code_words = r"NIP|llame|llamar|marque|código|codigo|PIN|CVV|clave|extensión"
    date_words = r"día|el|hasta|desde|antes del|después del|del|al|fecha|vence"
    kings = (
        "Felipe|Alfonso|Carlos|Fernando|Isabel|Juan|Juan Pablo|Benedicto|Luis|Enrique|Napoleón|Pío|Juana|Catalina|"
        "Margarita|Sancho|Ramiro|Jaime|Pedro|Pablo|León|Alejandro|Gregorio|Clemente|Inocencio|Jorge|Guillermo|"
        "Ricardo|Eduardo|Jacobo|Nicolás|Federico|Maximiliano|Ramsés|Víctor Manuel|Amadeo|Balduino"
    )
    queens = frozenset({"Isabel", "Juana", "Catalina", "Margarita"})
    last_ordinal_king = 10
    before_roman = (
        "[Aa]rtículo|[Tt]omo|[Aa]cto|[Cc]apítulo|[Ss]iglo|[Pp]arte|[Vv]olumen|"
        "[Tt]ítulo|[Ff]ase|[Tt]ipo|[Aa]nexo|[Ll]ibro|"
        r"(?:[Ss]ala|[Tt]orre|[Bb]loque|[Nn]ivel|[Gg]rupo|[Tt]ema|[Uu]nidad|[Mm]ódulo|[Ss]ección|[Tt]abla|[Ff]igura)(?=\s(?:I|[IVX]{2,})\b)"
    )
    named_versions = (
        f"{Romance.named_versions}|versión|artículo|apartado|capítulo|cláusula|epígrafe|aula|USB|HDMI|Bluetooth"
    )
    not_nouns = frozenset(
        "de del la el los las en y o u e al para por con sin a que es son fue pero mil más menos está si se coma hasta "
        "ahora ayer hoy mañana enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
        "diciembre exterior interior centro".split()
    )

    def rules(self, stage: Stage) -> list[Rule]:
        common = super().rules(stage)
        if stage is Stage.MONEY:
            return [*money.rules(), *common]
        if stage is not Stage.WORDS:
            return common
        own = [*dates.rules(self), *addresses.rules(self), *words.rules(self)]
        return [*own, *common, *dates.initial_rules(self)]

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
        if number >= 10_000:
            return self.cardinal(number)
        thousands, rest = divmod(number, 1000)
        hundreds, rest = divmod(rest, 100)
        tens, ones = divmod(rest, 10)
        words = ["" if thousands < 2 else self.cardinal(thousands, "masculine")]
        words[0] += "milésimo" if thousands else ""
        words.append(tables.HUNDREDTHS[hundreds])
        if rest < 20:
            words.append(tables.ORDINALS[rest])
        elif tens == 2 and ones:
            words.append(f"vigesimo{tables.ORDINALS[ones]}")
        else:
            words += [tables.TENTHS[tens], tables.ORDINALS[ones]]
        said = " ".join(filter(None, words))
        return re.sub(r"o\b", "a", said) if feminine else said

    def is_feminine(self, noun: str) -> bool:
        if noun in tables.MASCULINE:
            return False
        return noun in tables.FEMININE or noun.endswith(tables.FEMININE_ENDINGS)

    def scaled(self, written: Written, scale: str) -> str:
        word = self.scales[scale]
        singular = {"millones": "millón", "billones": "billón"}
        return singular.get(word, word) if written == Written(1) else word

    def before_noun(self, written: Written, noun: str) -> str:
        # What follows is no plural, be it a verb: "el 432 pasa".
        plural = written == Written(1) or noun.endswith("s") or noun == "mil"
        return self.number(written, self.form_for(noun) if plural else "count")

    def ordinal_before(self, number: int, mark: str, noun: str) -> str:
        feminine = mark.endswith(("ª", "a")) or (not mark and self.form_for(noun) == "feminine")
        said = super().ordinal_before(number, mark, noun)
        if mark == "er" and number == 11:
            said = "decimoprimero"
        if mark == "er" or (not feminine and noun and self.form_for(noun) == "masculine"):
            return re.sub(r"(primer|tercer)o$", r"\1", said)
        return said

    def fraction(self, above: int, below: int) -> str | None:
        if (above, below) == (1, 2):
            return "medio"
        if below in tables.PARTS:
            part = tables.PARTS[below]
        elif below in (100, 1000, 2000):
            part = {100: "centésimo", 1000: "milésimo", 2000: "dosmilésimo"}[below]
        elif 10 < below < 100:
            words = self.cardinal(below).replace(" y ", "i").replace("ó", "o").replace("é", "e").replace("ú", "u")
            part = f"{re.sub('[ao]$', '', words)}avo"
        else:
            return None
        return f"{self.cardinal(above, 'masculine')} {part}{'s' if above > 1 else ''}"

    def century(self, number: int) -> str:
        return f"siglo {self.cardinal(number) if number > 10 else self.ordinal(number)}"

    def height(self, metres: int, centimetres: str) -> str:
        said = self.counted(Written(metres), Name("metro", "metros"))
        return f"{said} {self.cardinal(int(centimetres))}" if int(centimetres) else said

    def time_range(self, begin: str, low: str, high: str) -> str:
        return super().time_range(begin, low.removesuffix(" horas"), high)

    def date(self, day: int, month: int, year: int | None) -> str:
        said = f"{self.day(day)} de {self.month(month)}"
        return f"{said} de {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, half: str) -> str:
        said = self.cardinal(hour, "feminine")
        if half:
            late = "del mediodía" if hour == 12 else "de la tarde" if hour < self.first_night_hour else "de la noche"
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
    cent_code = "MXN"
    abbreviations = {
        **Spanish.abbreviations, "Jal.": "Jalisco", "N.L.": "Nuevo León", "Qro.": "Querétaro", "Gto.": "Guanajuato",
        "Pue.": "Puebla", "Mich.": "Michoacán", "Chih.": "Chihuahua", "Coah.": "Coahuila", "Yuc.": "Yucatán",
        "Edo. Méx.": "Estado de México", "col.": "colonia", "S.L.P.": "San Luis Potosí",
        "Q. Roo": "Quintana Roo", "Ags.": "Aguascalientes", "Tamps.": "Tamaulipas", "Dgo.": "Durango",
        "Oax.": "Oaxaca", "Zac.": "Zacatecas", "Hgo.": "Hidalgo", "Gro.": "Guerrero",
    }  # fmt: skip
    pound_key = "gato"
    first_night_hour = 7

    def rules(self, stage: Stage) -> list[Rule]:
        own = money.mexican_rules() if stage is Stage.MONEY else []
        return [*own, *super().rules(stage)]

    def day(self, day: int) -> str:
        return "primero" if day == 1 else self.cardinal(day)
