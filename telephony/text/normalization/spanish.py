"""Spanish, of Spain and of Mexico."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

import re

from telephony.text.normalization.language import Currency, Form, Name, Written
from telephony.text.normalization.romance import Romance

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
_HUNDREDTHS = ("", "centésimo", "ducentésimo", "tricentésimo", "cuadringentésimo", "quingentésimo", "sexcentésimo",
               "septingentésimo", "octingentésimo", "noningentésimo")  # fmt: skip
_MASCULINE = frozenset(
    "día días problema problemas sistema sistemas programa programas mapa mapas tema temas planeta planetas "
    "idioma idiomas clima climas".split()
)
_FEMININE = frozenset(
    "vez veces noche noches parte partes llave llaves clase clases mujer mujeres mano manos tarde tardes calle calles "
    "torre torres nube nubes carne carnes gente sangre leche red redes luz luces voz voces cruz imagen imágenes orden "
    "órdenes flor flores piel foto fotos moto motos serie series base bases fase fases frase frases crisis tesis dosis "
    "ley leyes fuente fuentes sede sedes señal señales razón razones sal".split()
)
_FEMININE_ENDINGS = ("a", "as", "ción", "ciones", "sión", "siones", "dad", "dades", "tud", "tudes")


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
        "CHF": Currency(Name("franco", "francos"), _CENTIMO),
        "ESP": Currency(Name("peseta", "pesetas"), _CENTIMO),
        "KRW": Currency(Name("won", "wones")),
        "INR": Currency(Name("rupia", "rupias"), Name("paisa", "paisas")),
        "SEK": Currency(Name("corona", "coronas"), _CENT),
        "PEN": Currency(Name("sol", "soles"), _CENTIMO),
        "BOB": Currency(Name("boliviano", "bolivianos"), _CENT),
        "GTQ": Currency(Name("quetzal", "quetzales"), _CENT),
        "HNL": Currency(Name("lempira", "lempiras"), _CENT),
        "PYG": Currency(Name("guaraní", "guaraníes")),
        "UYU": Currency(Name("peso", "pesos"), _CENT),
        "DOP": Currency(Name("peso", "pesos"), _CENT),
    }
    scales = {
        "mil": "mil", "k": "mil", "K": "mil", "M": "millones", "millón": "millón", "millones": "millones",
        "mil millones": "mil millones", "MM": "millones", "billón": "billón", "billones": "billones",
        "mill.": "millones",
    }  # fmt: skip
    units = {
        "seg": "duration-second", "Mbit/s": "digital-megabit", "kph": "speed-kilometer-per-hour",
        "kmh": "speed-kilometer-per-hour", "Km/h": "speed-kilometer-per-hour", "Km": "length-kilometer",
        "KM": "length-kilometer", "Kg": "mass-kilogram", "KG": "mass-kilogram", "mcg": "mass-microgram",
        "µg": "mass-microgram", "μg": "mass-microgram", "dL": "volume-deciliter", "dl": "volume-deciliter",
        "A": "electric-ampere", "CV": "horsepower", "cv": "horsepower", "hp": "horsepower", "gts": "drop",
        "gotas": "drop", "comp": "tablet", "tab": "tablet", "cáps": "capsule", "UI": "international",
        "uds": "piece", "ud": "piece", "lpm": "beat", "ppm": "beat", "mmHg": "mercury",
        "rpm": "turn", "mAh": "amp-hour", "dB": "decibel", "mph": "mph", "hs": "duration-hour",
        "hrs": "duration-hour", "mins": "duration-minute", "cda": "spoon", "lts": "volume-liter",
        "mts": "length-meter", "lt": "volume-liter", "mt": "length-meter", "cms": "length-centimeter",
    }  # fmt: skip
    rates = {
        "mes": "mes", "año": "año", "día": "día", "dia": "día", "hora": "hora", "h": "hora", "min": "minuto",
        "s": "segundo", "semana": "semana", "sem": "semana", "noche": "noche", "persona": "persona", "kg": "kilo",
        "ud": "unidad", "km": "kilómetro", "kWh": "kilovatio hora", "d": "día", "litro": "litro", "l": "litro",
        "L": "litro", "pers": "persona",
    }  # fmt: skip
    abbreviations = {
        "Sra.": "Señora", "Sr.": "Señor", "Srta.": "Señorita", "Sres.": "Señores", "sra.": "señora", "sr.": "señor",
        "Dra.": "Doctora", "Dr.": "Doctor", "dra.": "doctora", "dr.": "doctor", "Dña.": "Doña", "Ud.": "usted",
        "Uds.": "ustedes", "Vd.": "usted", "Vds.": "ustedes", "Avda.": "Avenida", "Av.": "Avenida", "C/": "Calle",
        "etc.": "etcétera", "etc": "etcétera", "EE. UU.": "Estados Unidos", "EE.UU.": "Estados Unidos",
        "EEUU": "Estados Unidos", "p. ej.": "por ejemplo", "p.ej.": "por ejemplo", "Cía.": "Compañía",
        "Prof.": "Profesor", "Profa.": "Profesora", "Lic.": "Licenciado", "Ing.": "Ingeniero", "Tel.": "Teléfono",
        "tel.": "teléfono", "tfno.": "teléfono", "Tfno.": "Teléfono", "aprox.": "aproximadamente",
        "Pza.": "Plaza", "Ctra.": "Carretera", "dpto.": "departamento", "S.A.": "S A", "S.L.": "S L",
        "c/u": "cada uno", "Dn.": "Don", "Sra": "Señora", "Sr": "Señor", "Srs.": "Señores", "Sras.": "Señoras",
        "Dres.": "Doctores", "Dras.": "Doctoras", "Da.": "Doña", "Dª": "Doña", "D.ª": "Doña",
        "Sr(a).": "Señor o Señora", "Sr./Sra.": "Señor o Señora", "Dª.": "Doña", "av.": "avenida",
        "avda.": "avenida", "Avda": "Avenida", "Avd.": "Avenida", "avd.": "avenida", "c/": "calle",
        "Cl.": "Calle", "pza.": "plaza", "plza.": "plaza", "Plza.": "Plaza", "pl.": "plaza", "P.º": "Paseo",
        "Pº": "Paseo", "Pso.": "Paseo", "ctra.": "carretera", "Crta.": "Carretera", "Urb.": "Urbanización",
        "urb.": "urbanización", "Pol. Ind.": "Polígono Industrial", "Pol.": "Polígono", "Edif.": "Edificio",
        "edif.": "edificio", "Dpto.": "Departamento", "Depto.": "Departamento", "depto.": "departamento",
        "izq.": "izquierda", "izda.": "izquierda", "izqda.": "izquierda", "dcha.": "derecha", "dch.": "derecha",
        "der.": "derecha", "Col.": "Colonia", "Blvd.": "Bulevar", "blvd.": "bulevar",
        "Calz.": "Calzada", "esq.": "esquina", "Esq.": "Esquina", "n.º": "número", "nº": "número", "N.º": "Número",
        "temp.": "temperatura", "Temp.": "Temperatura",
        "Deleg.": "Delegación", "col.": "colegiado", "trim.": "trimestre", "cad.": "caducidad", "Cad.": "Caducidad",
        "M.N.": "moneda nacional", "m.n.": "moneda nacional", "Nte.": "Norte",
        "Ote.": "Oriente", "Pte.": "Poniente",
        "s/n": "sin número", "S/N": "sin número",
        "entlo.": "entresuelo", "prol.": "prolongación", "Fracc.": "Fraccionamiento", "Mz.": "Manzana",
        "Lt.": "Lote", "prov.": "provincia", "Prov.": "Provincia", "C.P.": "código postal", "CP": "código postal",
        "C. P.": "código postal", "D.F.": "D F", "EE UU": "Estados Unidos", "ee.uu.": "Estados Unidos",
        "ref.": "referencia", "Ref.": "Referencia", "vto.": "vencimiento", "Vto.": "Vencimiento", "hab.": "habitantes",
        "a.C.": "antes de Cristo", "d.C.": "después de Cristo", "a. C.": "antes de Cristo",
        "d. C.": "después de Cristo", "Arq.": "Arquitecto", "Lcdo.": "Licenciado", "Lcda.": "Licenciada",
        "Licda.": "Licenciada", "Mtro.": "Maestro", "Mtra.": "Maestra", "Excmo.": "Excelentísimo",
        "Excma.": "Excelentísima", "Ilmo.": "Ilustrísimo", "Cía": "Compañía", "Hnos.": "Hermanos",
        "admón.": "administración",
        "Admón.": "Administración", "Gob.": "Gobernador", "Telf.": "Teléfono", "telf.": "teléfono", "tlf.": "teléfono",
        "Tlf.": "Teléfono", "cel.": "celular", "Cel.": "Celular", "móv.": "móvil",
        "cta.": "cuenta", "Cta.": "Cuenta", "cte.": "corriente", "fra.": "factura", "Fra.": "Factura",
        "imp.": "importe",
        "dto.": "descuento", "q.e.p.d.": "que en paz descanse", "gral.": "general",
        "S.A. de C.V.": "S A de C V", "S. A.": "S A", "RR. HH.": "Recursos Humanos", "RR.HH.": "Recursos Humanos",
        "JJ. OO.": "Juegos Olímpicos", "FF. AA.": "Fuerzas Armadas", "N.ª Sra.": "Nuestra Señora",
        "Ntra. Sra.": "Nuestra Señora", "apdo.": "apartado", "Apdo.": "Apartado", "dpto": "departamento",
        "obs.": "observaciones",
    }  # fmt: skip
    titles = {
        "D.": "Don",
        "Sta.": "Santa",
        "Sto.": "Santo",
        "Gral.": "General",
        "S.": "San",
        "Pl.": "Plaza",
        "Cap.": "Capitán",
        "Gen.": "General",
        "Cnel.": "Coronel",
        "Tte.": "Teniente",
        "Sgto.": "Sargento",
        "Pdte.": "Presidente",
        "Dir.": "Director",
        "Fr.": "Fray",
        "P.": "Padre",
        "Ing": "Ingeniero",
        "Lic": "Licenciado",
        "Dr": "Doctor",
        "Dra": "Doctora",
        "Mons.": "Monseñor",
        "Del.": "Delegación",
    }
    before_number = {
        "nº": "número", "n.º": "número", "Nº": "número", "N.º": "número", "n°": "número", "N°": "número",
        "núm.": "número", "Núm.": "número", "#": "número", "pág.": "página", "págs.": "páginas", "p.": "página",
        "art.": "artículo", "Art.": "artículo", "cap.": "capítulo", "vol.": "volumen", "ext.": "extensión",
        "Ext.": "extensión", "v.": "versión",
        "No.": "número", "no.": "número", "num.": "número", "Num.": "número", "Nro.": "número", "nro.": "número",
        "N.": "número", "n.": "número", "Pág.": "Página", "pp.": "páginas", "Cap.": "Capítulo", "arts.": "artículos",
        "Vol.": "Volumen", "int.": "interior", "Int.": "Interior", "esc.": "escalera", "Esc.": "Escalera",
        "pta.": "puerta", "Pta.": "Puerta", "pt.": "puerta", "apto.": "apartamento", "Apto.": "Apartamento",
        "apt.": "apartamento", "Apt.": "Apartamento", "bl.": "bloque", "Bl.": "Bloque", "blq.": "bloque",
        "km": "kilómetro", "Km": "kilómetro", "KM": "kilómetro", "km.": "kilómetro", "hab.": "habitación",
        "Hab.": "Habitación", "ofic.": "oficina", "Of.": "Oficina", "of.": "oficina", "tel": "teléfono",
        "Tel": "Teléfono", "fig.": "figura", "of": "oficina",
    }  # fmt: skip
    weekdays = {
        "lun": "lunes", "mar": "martes", "mié": "miércoles", "mie": "miércoles", "miér": "miércoles", "jue": "jueves",
        "vie": "viernes", "sáb": "sábado", "sab": "sábado", "dom": "domingo",
    }  # fmt: skip
    weekday_initials = {
        "L": "lunes", "M": "martes", "X": "miércoles", "J": "jueves", "V": "viernes", "S": "sábado", "D": "domingo",
    }  # fmt: skip
    weekdays_to = "a"
    hours_from = "de"
    hours_to = "a"
    range_words = "de|del|desde|entre|a|al|hasta|las"
    time_words = "las|la"
    opening_words = "horario|abierto|abierta|abre|abrimos|atención|apertura"
    before_one = {"las": "la"}
    hour_words = r"horas?|hrs?\.?|hs\.?|h"
    and_words = "y|e|o"
    of_month = " de "
    of_year = " de "
    month_words = "en|de|hasta|desde|para|a|entre|y"
    expiry_words = "caduca|caducidad|vence|vencimiento|válida|válido|expira|vigencia"
    part_words = "cuota|página|paso|etapa|parte|plazo|intento|capítulo|episodio|mensualidad"
    part_of = "de"
    pressure_words = "tensión|presión|TA"
    pressure_over = "sobre"
    currency_signs = {
        "kr": "SEK", "₧": "ESP", "ptas": "ESP", "₩": "KRW", "rs": "INR", "Rs": "INR",
        "fr": "CHF", "U$S": "USD", "U$D": "USD", "u$s": "USD", "S/.": "PEN", "S/": "PEN", "Bs": "BOB", "₡": "CRC",
        "₲": "PYG", "Gs": "PYG", "RD$": "DOP", "COP$": "COP", "CLP$": "CLP",
        "C$": "NIO", "B/.": "PAB", "Mex$": "MXN", "AR$": "ARS",
    }  # fmt: skip
    cent_signs = "cts?|cénts?|cent"
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
        "confirmación|envío|pasaporte|reservación"
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
    century_words = r"s\.|siglo|siglos"
    articles = "el |la |del |al |los |las |un |una |su |este |esta "
    plate_words = "matrícula|matrículas|placa|placas|patente"
    year_words = "año|Año"
    ordinal_endings = "er|ra|ro|do|da|to|ta|mo|ma|vo|va|no|na"
    thousand_words = "mil"
    extremes = {
        "máx": ("máximo", "máxima"), "mín": ("mínimo", "mínima"), "max": ("máximo", "máxima"), "min": ("mínimo",
        "mínima"),
    }  # fmt: skip
    by = "por"
    score_words = "partido|ganó|perdió|terminó|empató|marcador|resultado|victoria|derrota"
    out_of = "sobre"
    in_month = "en"
    street_words = "Calle|Avenida|Plaza|Paseo|Carretera|Bulevar|Calzada|Camino|Ronda|Travesía"
    post_code = r"\d{5}"
    half_of = {"masculine": "medio", "feminine": "media"}
    and_half_of = {"masculine": "y medio", "feminine": "y media"}
    spoken_units = {
        "decibel": Name("decibelio", "decibelios"),
        "mass-kilogram": Name("kilo", "kilos"),
        "horsepower": Name("caballo", "caballos"),
        "drop": Name("gota", "gotas"),
        "tablet": Name("comprimido", "comprimidos"),
        "capsule": Name("cápsula", "cápsulas"),
        "spoon": Name("cucharada", "cucharadas"),
        "international": Name("unidad internacional", "unidades internacionales"),
        "piece": Name("unidad", "unidades"),
        "beat": Name("latido por minuto", "latidos por minuto"),
        "mercury": Name("milímetro de mercurio", "milímetros de mercurio"),
        "turn": Name("revolución por minuto", "revoluciones por minuto"),
        "amp-hour": Name("miliamperio hora", "miliamperios hora"),
        "mph": Name("milla por hora", "millas por hora"),
    }
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
    before_roman = (
        "[Aa]rtículo|[Tt]omo|[Aa]cto|[Cc]apítulo|[Ss]iglo|[Pp]arte|[Vv]olumen|"
        "[Tt]ítulo|[Ff]ase|[Tt]ipo|[Aa]nexo|[Ll]ibro"
    )
    named_versions = f"{Romance.named_versions}|versión|artículo|apartado"
    not_nouns = frozenset(
        "de del la el los las en y o u e al para por con sin a que es son fue pero mil más menos está si se coma hasta "
        "ahora ayer hoy mañana enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
        "diciembre".split()
    )

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
        words.append(_HUNDREDTHS[hundreds])
        if rest < 20:
            words.append(_ORDINALS[rest])
        elif tens == 2 and ones:
            words.append(f"vigesimo{_ORDINALS[ones]}")
        else:
            words += [_TENTHS[tens], _ORDINALS[ones]]
        said = " ".join(filter(None, words))
        return re.sub(r"o\b", "a", said) if feminine else said

    def is_feminine(self, noun: str) -> bool:
        if noun in _MASCULINE:
            return False
        return noun in _FEMININE or noun.endswith(_FEMININE_ENDINGS)

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
        if below in _PARTS:
            part = _PARTS[below]
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
    cent_code = "MXN"
    pound_key = "gato"

    def day(self, day: int) -> str:
        return "primero" if day == 1 else self.cardinal(day)
