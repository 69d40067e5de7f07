"""Spanish words: what is shortened, what is counted, what nouns are."""

from __future__ import annotations

from telephony.text.normalization.language import Currency, Name

CENT = Name("centavo", "centavos")
CENTIMO = Name("céntimo", "céntimos")
PARTS = {
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
ORDINALS = ("", "primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno", "décimo",
             "undécimo", "duodécimo", "decimotercero", "decimocuarto", "decimoquinto", "decimosexto", "decimoséptimo",
             "decimoctavo", "decimonoveno")  # fmt: skip
TENTHS = ("", "", "vigésimo", "trigésimo", "cuadragésimo", "quincuagésimo", "sexagésimo", "septuagésimo", "octogésimo",
           "nonagésimo")  # fmt: skip
HUNDREDTHS = ("", "centésimo", "ducentésimo", "tricentésimo", "cuadringentésimo", "quingentésimo", "sexcentésimo",
               "septingentésimo", "octingentésimo", "noningentésimo")  # fmt: skip
MASCULINE = frozenset(
    "día días problema problemas sistema sistemas programa programas mapa mapas tema temas planeta planetas "
    "idioma idiomas clima climas lempira lempiras iva síntoma síntomas diploma diplomas esquema esquemas "
    "tranvía tranvías pijama pijamas avión aviones camión camiones guion guiones".split()
)
FEMININE = frozenset(
    "vez veces noche noches parte partes llave llaves clase clases mujer mujeres mano manos tarde tardes calle calles "
    "torre torres nube nubes carne carnes gente sangre leche red redes luz luces voz voces cruz imagen imágenes orden "
    "órdenes flor flores piel foto fotos moto motos serie series base bases fase fases frase frases crisis tesis dosis "
    "ley leyes fuente fuentes sede sedes señal señales razón razones sal clave claves "
    "nave naves suite suites web webs app apps sucursal sucursales superficie superficies fiebre pared paredes raíz "
    "raíces matriz matrices nariz narices prótesis labor labores".split()
)
FEMININE_ENDINGS = ("a", "as", "ión", "iones", "dad", "dades", "tad", "tades", "tud", "tudes")
ALPHABET = {
    word[0]: word
    for word in (
        "Antonio Barcelona Carmen Dolores Enrique Francia Gerona Historia Inés José Kilo Lorenzo Madrid Navarra Ñoño "
        "Oviedo París Querido Ramón Sábado Toledo Ulises Valencia Washington Xilófono Yegua Zaragoza"
    ).split()
}
CURRENCIES = {
    "EUR": Currency(Name("euro", "euros"), CENTIMO),
    "USD": Currency(Name("dólar", "dólares"), CENT),
    "MXN": Currency(Name("peso", "pesos"), CENT),
    "ARS": Currency(Name("peso", "pesos"), CENT),
    "CLP": Currency(Name("peso", "pesos")),
    "COP": Currency(Name("peso", "pesos"), CENT),
    "BRL": Currency(Name("real", "reales"), CENT),
    "GBP": Currency(Name("libra", "libras"), Name("penique", "peniques")),
    "JPY": Currency(Name("yen", "yenes")),
    "CHF": Currency(Name("franco", "francos"), CENTIMO),
    "ESP": Currency(Name("peseta", "pesetas"), CENTIMO),
    "KRW": Currency(Name("won", "wones")),
    "INR": Currency(Name("rupia", "rupias"), Name("paisa", "paisas")),
    "SEK": Currency(Name("corona", "coronas"), CENT),
    "PEN": Currency(Name("sol", "soles"), CENTIMO),
    "BOB": Currency(Name("boliviano", "bolivianos"), CENT),
    "GTQ": Currency(Name("quetzal", "quetzales"), CENT),
    "HNL": Currency(Name("lempira", "lempiras"), CENT),
    "PYG": Currency(Name("guaraní", "guaraníes")),
    "UYU": Currency(Name("peso", "pesos"), CENT),
    "DOP": Currency(Name("peso", "pesos"), CENT),
}
UNITS = {
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
    "grs": "mass-gram", "gr": "mass-gram", "kgs": "mass-kilogram", "Kgs": "mass-kilogram", "kms": "length-kilometer",
    "cc": "cubic-centimeter", "pzas": "part", "pza": "part", "pzs": "part", "pz": "part", "amp": "ampoule",
    "cdta": "teaspoon", "cdtas": "teaspoon", "cdas": "spoon", "sob": "sachet", "inh": "puff",
    "sem": "duration-week", "sems": "duration-week", "r.p.m.": "turn",
}  # fmt: skip
RATES = {
    "mes": "mes", "año": "año", "día": "día", "dia": "día", "hora": "hora", "h": "hora", "min": "minuto",
    "s": "segundo", "semana": "semana", "sem": "semana", "noche": "noche", "persona": "persona", "kg": "kilo",
    "ud": "unidad", "km": "kilómetro", "kWh": "kilovatio hora", "d": "día", "litro": "litro", "l": "litro",
    "L": "litro", "inh": "inhalación", "pers": "persona",
}  # fmt: skip
ABBREVIATIONS = {
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
    "C. P.": "código postal", "D.F.": "D F", "nac.": "nacimiento", "s/": "sin", "núm. de": "número de",
    "nº de": "número de", "n.º de": "número de", "D.N.I.": "DNI", "N.I.F.": "NIF", "C.I.F.": "CIF",
    "EE UU": "Estados Unidos", "ee.uu.": "Estados Unidos",
    "ref.": "referencia", "Ref.": "Referencia", "vto.": "vencimiento", "Vto.": "Vencimiento",
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
    "Gta.": "Glorieta", "gta.": "glorieta", "Rda.": "Ronda", "rda.": "ronda", "Bº": "Barrio", "B.º": "Barrio",
    "Trva.": "Travesía", "Trav.": "Travesía", "Pje.": "Pasaje", "pje.": "pasaje", "Cno.": "Camino", "cno.": "camino",
    "Bda.": "Barriada", "Carr.": "Carretera", "carr.": "carretera", "Prol.": "Prolongación", "Priv.": "Privada",
    "Mpio.": "Municipio", "Edo.": "Estado", "Smz.": "Supermanzana",
    "Fco.": "Francisco", "Mª": "María", "M.ª": "María", "Gpe.": "Guadalupe", "Fdez.": "Fernández",
    "Hdez.": "Hernández", "Glez.": "González", "Rguez.": "Rodríguez", "Mtnez.": "Martínez",
    "Ayto.": "Ayuntamiento", "ayto.": "ayuntamiento", "Hble.": "Honorable", "Hosp.": "Hospital", "Univ.": "Universidad",
    "Suc.": "Sucursal", "suc.": "sucursal", "Bco.": "Banco", "Resid.": "Residencial", "Dir. Gral.": "Dirección General",
    "dir. gral.": "director general", "Dir.:": "Dirección:", "dir.:": "dirección:",
    "Exp.": "Expediente", "exp.": "expediente", "Expte.": "Expediente", "expte.": "expediente",
    "Cód.": "Código", "cód.": "código", "Cod.": "Código", "cod.": "código", "Fact.": "Factura", "fact.": "factura",
    "Ped.": "Pedido", "ped.": "pedido", "Atte.": "Atentamente", "atte.": "atentamente", "V.º B.º": "visto bueno",
    "Vº Bº": "visto bueno", "Vª Bº": "visto bueno", "VºBº": "visto bueno", "Fdo.": "Firmado", "fdo.": "firmado",
    "Rte.": "Remitente", "a/a": "a la atención de", "A/A": "A la atención de", "P.D.": "Posdata",
    "oblig.": "obligatorio", "prob.": "probabilidad", "indiv.": "individual", "desc.": "descuento",
    "tels.": "teléfonos", "Tels.": "Teléfonos", "ext.": "extensión", "Ext.": "Extensión",
    "No. ext.": "número exterior", "No. Ext.": "número exterior", "No. int.": "número interior",
    "No. Int.": "número interior", "núm. ext.": "número exterior", "núm. int.": "número interior",
    "tto.": "tratamiento", "Vit.": "Vitamina", "vit.": "vitamina", "urg.": "urgencias", "pág. web": "página web",
    "p.v.p.": "precio de venta al público", "P.V.P.": "precio de venta al público",
    "PVP": "precio de venta al público", "I.V.A.": "IVA", "R.F.C.": "RFC", "N.I.E.": "NIE", "S.L.U.": "S L U",
    "adj.": "adjunto", "Adj.": "Adjunto", "tel. móv.": "teléfono móvil", "cta. cte.": "cuenta corriente",
    "gtos.": "gastos", "dtos.": "descuentos", "Dto.": "Descuento", "prox.": "próximo",
    "próx.": "próximo", "ptos.": "puntos", "pax": "personas", "hno.": "hermano",
    "párr.": "párrafo", "cons.": "consultorio", "cdra.": "cuadra", "cdras.": "cuadras", "opc.": "opción",
    "Hnas.": "Hermanas", "Inst.": "Instituto", "Fac.": "Facultad", "át.": "ático", "pral.": "principal",
    "ent.": "entresuelo", "ptal.": "portal", "viv.": "vivienda", "loc.": "local", "Loc.": "Local",
    "izdo.": "izquierdo", "dcho.": "derecho", "drcha.": "derecha", "P.B.": "planta baja", "Mzna.": "Manzana",
    "Psje.": "Pasaje", "tfnos.": "teléfonos", "cant.": "cantidad", "unid.": "unidad", "unids.": "unidades",
    "céd.": "cédula", "fec. nac.": "fecha de nacimiento", "f. nac.": "fecha de nacimiento", "reg.": "registro",
    "Reg.": "Registro", "cert.": "certificado", "admin.": "administración", "aprox": "aproximadamente",
    "prom.": "promedio",
    "apto.": "apartamento", "Apto.": "Apartamento", "Est. de": "Estación de", "Cd.": "Ciudad",
    "Carr. Fed.": "Carretera Federal",
    "Sr/a.": "Señor o Señora", "Sr./a.": "Señor o Señora", "D./Dña.": "Don o Doña", "D./D.ª": "Don o Doña",
    "D/Dª": "Don o Doña", "Dr./Dra.": "Doctor o Doctora", "Dr/a.": "Doctor o Doctora", "att.": "atención",
    "ced. prof.": "cédula profesional", "p/p": "por persona", "pers.": "personas", "dorm.": "dormitorios",
    "Sat.": "Saturación", "rev.": "revisión", "Prim.": "Primaria", "Atn.": "Atención", "ed.": "edición",
    "i.e.": "es decir", "tlf": "teléfono", "tfno": "teléfono", "Tlf": "Teléfono", "Tfno": "Teléfono",
    "s. f.": "sin fecha", "Nº": "Número", "N°": "Número",
    "n°": "número", "Gdl.": "Guadalajara", "Bcn.": "Barcelona", "o sup.": "o superior", "o inf.": "o inferior",
    "n/ref.": "nuestra referencia",
    "s/ref.": "su referencia", "N/Ref.": "Nuestra referencia", "S/Ref.": "Su referencia", "n/ref": "nuestra referencia",
    "s/ref": "su referencia", "Nal.": "Nacional", "nal.": "nacional", "orig.": "original", "y ss.": "y siguientes",
    "Cra.": "Carrera", "cra.": "carrera", "D.C.": "D C", "D. C.": "D C", "Jr. de": "Jirón de",
    "obs.": "observaciones", "Aprox.": "Aproximadamente", "s.c.": "subcutánea",
    "i.m.": "intramuscular", "i.v.": "intravenosa", "v.o.": "vía oral",
}  # fmt: skip
TITLES = {
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
    "Ma.": "María",
}
BEFORE_NUMBER = {
    "nº": "número", "n.º": "número", "Nº": "número", "N.º": "número", "n°": "número", "N°": "número",
    "núm.": "número", "Núm.": "número", "#": "número", "pág.": "página", "págs.": "páginas", "p.": "página",
    "art.": "artículo", "Art.": "artículo", "cap.": "capítulo", "vol.": "volumen", "ext.": "extensión",
    "Ext.": "extensión", "v.": "versión",
    "No.": "número", "num.": "número", "Num.": "número", "Nro.": "número", "nro.": "número",
    "N.": "número", "n.": "número", "Pág.": "Página", "pp.": "páginas", "Cap.": "Capítulo", "arts.": "artículos",
    "núms.": "números", "n.os": "números",
    "Vol.": "Volumen", "int.": "interior", "Int.": "Interior", "esc.": "escalera", "Esc.": "Escalera",
    "pta.": "puerta",  "Pta.": "Puerta", "pt.": "puerta", "apto.": "apartamento", "Apto.": "Apartamento",
    "apt.": "apartamento", "Apt.": "Apartamento", "bl.": "bloque", "Bl.": "Bloque", "blq.": "bloque",
    "km": "kilómetro", "Km": "kilómetro", "KM": "kilómetro", "km.": "kilómetro",
    "p.k.": "punto kilométrico", "P.K.": "punto kilométrico",
    "p. k.": "punto kilométrico", "ofic.": "oficina", "Of.": "Oficina", "of.": "oficina", "tel": "teléfono",
    "Tel": "Teléfono", "fig.": "figura", "pta": "puerta", "esc": "escalera",
    "apto": "apartamento", "pág": "página", "núm": "número", "art": "artículo", "of": "oficina",
}  # fmt: skip
WEEKDAYS = {
    "lun": "lunes", "mar": "martes", "mié": "miércoles", "mie": "miércoles", "miér": "miércoles", "jue": "jueves",
    "mart": "martes", "juev": "jueves", "miérc": "miércoles",
    "vie": "viernes", "sáb": "sábado", "sab": "sábado", "dom": "domingo",
}  # fmt: skip
WEEKDAY_INITIALS = {
    "L": "lunes", "M": "martes", "X": "miércoles", "J": "jueves", "V": "viernes", "S": "sábado", "D": "domingo",
}  # fmt: skip
CURRENCY_SIGNS = {"euros": "EUR",
    "kr": "SEK", "₧": "ESP", "ptas": "ESP", "₩": "KRW", "rs": "INR", "Rs": "INR",
    "fr": "CHF", "U$S": "USD", "U$D": "USD", "u$s": "USD", "S/.": "PEN", "S/": "PEN", "Bs": "BOB", "₡": "CRC",
    "₲": "PYG", "Gs": "PYG", "RD$": "DOP", "COP$": "COP", "CLP$": "CLP",
    "C$": "NIO", "B/.": "PAB", "Mex$": "MXN", "AR$": "ARS",
}  # fmt: skip
SPOKEN_UNITS = {
    "decibel": Name("decibelio", "decibelios"),
    "mass-kilogram": Name("kilo", "kilos"),
    "horsepower": Name("caballo", "caballos"),
    "drop": Name("gota", "gotas"),
    "tablet": Name("comprimido", "comprimidos"),
    "capsule": Name("cápsula", "cápsulas"),
    "spoon": Name("cucharada", "cucharadas"),
    "cubic-centimeter": Name("centímetro cúbico", "centímetros cúbicos"),
    "part": Name("pieza", "piezas"),
    "ampoule": Name("ampolla", "ampollas"),
    "teaspoon": Name("cucharadita", "cucharaditas"),
    "puff": Name("inhalación", "inhalaciones"),
    "sachet": Name("sobre", "sobres"),
    "international": Name("unidad internacional", "unidades internacionales"),
    "piece": Name("unidad", "unidades"),
    "beat": Name("latido por minuto", "latidos por minuto"),
    "mercury": Name("milímetro de mercurio", "milímetros de mercurio"),
    "turn": Name("revolución por minuto", "revoluciones por minuto"),
    "amp-hour": Name("miliamperio hora", "miliamperios hora"),
    "mph": Name("milla por hora", "millas por hora"),
}
MONTHS = {
    "ene": 1, "feb": 2, "mar": 3, "abr": 4, "may": 5, "jun": 6, "jul": 7, "ago": 8, "sep": 9, "sept": 9, "oct": 10,
    "nov": 11, "dic": 12,
}  # fmt: skip
