"""Italian words: what is shortened, what is counted, what nouns are."""

from __future__ import annotations

from telephony.text.normalization.language import Currency, Name

CENT = Name("centesimo", "centesimi")
PARTS = {
    2: "mezzo",
    3: "terzo",
    4: "quarto",
    5: "quinto",
    6: "sesto",
    7: "settimo",
    8: "ottavo",
    9: "nono",
    10: "decimo",
}
MASCULINE = frozenset("problema sistema programma tema pianeta clima telegramma grammo".split())
FEMININE = frozenset("notte volta parte chiave classe mano opzione stazione prenotazione".split())
FEMININE_ENDINGS = ("a", "zione", "sione", "gione", "tà", "tù", "trice")
CURRENCIES = {
    "EUR": Currency(Name("euro", "euro"), CENT),
    "USD": Currency(Name("dollaro", "dollari"), CENT),
    "GBP": Currency(Name("sterlina", "sterline"), Name("penny", "pence")),
    "CHF": Currency(Name("franco svizzero", "franchi svizzeri"), CENT),
    "BRL": Currency(Name("real", "real"), Name("centavo", "centavos")),
    "JPY": Currency(Name("yen", "yen")),
}
UNITS = {
    "sec": "duration-second", "mcg": "mass-microgram", "µg": "mass-microgram", "μg": "mass-microgram",
    "dl": "volume-deciliter", "dL": "volume-deciliter", "A": "electric-ampere", "cv": "horsepower",
    "CV": "horsepower", "gtt": "drop", "cpr": "tablet", "cp": "tablet",
    "cps": "capsule", "U.I.": "international", "UI": "international", "mmHg": "mercury",
    "bpm": "beat", "rpm": "turn", "mAh": "amp-hour", "dB": "decibel", "Km": "length-kilometer",
    "KM": "length-kilometer", "kmh": "speed-kilometer-per-hour", "Km/h": "speed-kilometer-per-hour",
    "Kg": "mass-kilogram", "KG": "mass-kilogram", "mq": "area-square-meter", "mc": "volume-cubic-meter",
    "gg": "duration-day", "pz": "piece", "lt": "volume-liter",
    "hg": "hundred-grams", "kmq": "area-square-kilometer", "qli": "quintal",
}  # fmt: skip
RATES = {
    "mese": "al mese", "pz": "al pezzo", "anno": "all'anno", "giorno": "al giorno", "ora": "all'ora", "h": "all'ora",
    "s": "al secondo", "min": "al minuto", "settimana": "alla settimana", "sett": "alla settimana",
    "notte": "a notte", "persona": "a persona", "kg": "al chilo", "km": "al chilometro", "kWh": "al kilowattora",
    "die": "al giorno", "dì": "al giorno", "mq": "al metro quadro", "m²": "al metro quadro", "gg": "al giorno",
    "litro": "al litro", "l": "al litro", "dl": "per decilitro", "dL": "per decilitro", "ml": "per millilitro",
    "m3": "al metro cubo", "mc": "al metro cubo", "m³": "al metro cubo", "g": "al grammo", "L": "al litro",
}  # fmt: skip
ABBREVIATIONS = {
    "Sig.ra": "Signora", "Sig.na": "Signorina", "Sigg.": "Signori", "Sig.": "Signor", "sig.ra": "signora",
    "sig.": "signor", "Dott.ssa": "Dottoressa", "dott.ssa": "dottoressa", "Dott.": "Dottor", "dott.": "dottor",
    "Dr.": "Dottor", "Ing.": "Ingegner", "ing.": "ingegner", "Avv.": "Avvocato", "avv.": "avvocato",
    "Geom.": "Geometra", "Prof.ssa": "Professoressa", "prof.ssa": "professoressa", "Prof.": "Professor",
    "prof.": "professor", "Arch.": "Architetto", "On.": "Onorevole", "V.le": "Viale", "P.zza": "Piazza",
    "p.zza": "piazza", "C.so": "Corso", "ecc.": "eccetera", "Ecc.": "Eccetera", "S.p.A.": "società per azioni",
    "S.S.": "strada statale", "S.P.": "strada provinciale",
    "p. es.": "per esempio", "p.es.": "per esempio", "Spett.le": "Spettabile", "Gent.le": "Gentile",
    "Gent.mo": "Gentilissimo", "Gent.ma": "Gentilissima", "Egr.": "Egregio", "Tel.": "Telefono", "tel.": "telefono",
    "cell.": "cellulare", "a.C.": "avanti Cristo", "d.C.": "dopo Cristo", "ca.": "circa",
    "Rag.": "Ragionier",
    "Sigg.ri": "Signori", "sigg.": "signori", "Dr.ssa": "Dottoressa", "dr.": "dottor",
    "dr.ssa": "dottoressa", "Dott": "Dottor", "Dr": "Dottor", "arch.": "architetto", "geom.": "geometra",
    "rag.": "ragionier", "Avv.ti": "Avvocati", "V.": "Via", "v.le": "viale", "c.so": "corso", "P.za": "Piazza",
    "p.za": "piazza", "L.go": "Largo", "l.go": "largo", "Vic.": "Vicolo", "Str.": "Strada", "str.": "strada",
    "Loc.": "Località", "loc.": "località", "Fraz.": "Frazione", "fraz.": "frazione", "prov.": "provincia",
    "snc": "senza numero civico", "s.n.c.": "senza numero civico", "s.n.": "senza numero", "pal.": "palazzina",
    "Pal.": "Palazzina", "ed.": "edificio", "Ed.": "Edificio", "int.": "interno", "scad.": "scadenza",
    "dip.": "dipartimento", "trim.": "trimestre", "n. di": "numero di",
    "Dip.": "Dipartimento", "uff.": "ufficio", "Uff.": "Ufficio", "rif.": "riferimento", "Rif.": "Riferimento",
    "fatt.": "fattura", "A/R": "andata e ritorno",
    **{f"{sign} {noun}": f"numero {noun}" for sign in ("n.", "n°", "nº") for noun in ("ordine", "pratica",
    "cliente", "verde")},
    "ord.": "ordine", "ns.": "nostro", "vs.": "vostro", "c.m.": "corrente mese",
    "c.a.": "corrente anno",
    "p.v.": "prossimo venturo", "u.s.": "ultimo scorso", "es.": "esempio", "ad es.": "ad esempio",
    "c/o": "presso", "c.a.p.": "CAP", "c/c": "conto corrente", "S.r.l.": "S R L", "Srl": "S R L", "s.r.l.": "S R L",
    "SpA": "società per azioni", "S.p.a.": "società per azioni", "s.p.a.": "società per azioni", "S.n.c.": "S N C",
    "P. IVA": "partita IVA", "P.IVA": "partita IVA", "P.Iva": "partita IVA", "p. iva": "partita IVA",
    "p.iva": "partita IVA",
    "C.F.": "codice fiscale", "c.f.": "codice fiscale", "Cod. Fisc.": "Codice fiscale",
    "cod. fisc.": "codice fiscale",
    "cod.": "codice", "Cod.": "Codice", "doc.": "documento", "gent.le": "gentile", "gent.ma": "gentilissima",
    "gent.mo": "gentilissimo", "Ill.mo": "Illustrissimo", "Chiar.mo": "Chiarissimo", "mitt.": "mittente",
    "dest.": "destinatario",
    "ab.": "abitanti", "h 24": "ventiquattro ore su ventiquattro", "h24": "ventiquattro ore su ventiquattro",
    "H24": "ventiquattro ore su ventiquattro",
    "7/7": "sette giorni su sette", "7 gg su 7": "sette giorni su sette", "Cell.": "Cellulare", "Tel": "Telefono",
    "cad.": "cadauno", "q.b.": "quanto basta", "IVA incl.": "IVA inclusa", "incl.": "incluso", "escl.": "escluso",
    "N.B.": "nota bene", "P.S.": "post scriptum", "all.": "allegato", "pzz.": "pezzi", "tab.": "tabella",
    "corr.": "corrente", "gg/mm/aaaa": "giorno, mese, anno", "F.lli": "Fratelli", "ecc": "eccetera",
}  # fmt: skip
TITLES = {"S.": "San", "Gen.": "Generale", "Cap.": "Capitano", "Sig": "Signor", "Ten.": "Tenente",
          "Col.": "Colonnello", "Mar.": "Maresciallo", "Pres.": "Presidente", "Min.": "Ministro",
          "Ing": "Ingegner", "Avv": "Avvocato", "Mons.": "Monsignor", "P.": "Padre", "SS.": "Santi",
          "Ss.": "Santi", "V.": "Via", "B.go": "Borgo"}  # fmt: skip
BEFORE_NUMBER = {
    "n.": "numero", "N.": "numero", "c.": "comma", "n°": "numero", "N°": "numero", "nº": "numero", "#": "numero",
    "pag.": "pagina", "pagg.": "pagine", "p.": "pagina", "art.": "articolo", "Art.": "articolo",
    "cap.": "capitolo", "vol.": "volume", "int.": "interno", "v.": "versione",
    "nr.": "numero", "Nr.": "numero", "num.": "numero", "nn.": "numeri", "Pag.": "Pagina",
    "Cap.": "Capitolo", "artt.": "articoli", "co.": "comma", "km": "chilometro", "Km": "chilometro",
    "civ.": "civico",
    "sc.": "scala", "SS": "strada statale", "SP": "strada provinciale",  "Sc.": "Scala", "Int.": "Interno",
    "int": "interno", "tel": "telefono",
    "cell": "cellulare", "fig.": "figura", "bin.": "binario", "pal.": "palazzina",
    "lett.": "lettera",
}  # fmt: skip
WEEKDAYS = {
    "lun": "lunedì", "mar": "martedì", "mer": "mercoledì", "gio": "giovedì", "ven": "venerdì", "sab": "sabato",
    "dom": "domenica",
}  # fmt: skip
WEEKDAY_INITIALS = {
    "L": "lunedì", "M": "martedì", "G": "giovedì", "V": "venerdì", "S": "sabato", "D": "domenica",
}  # fmt: skip
CURRENCY_SIGNS = {"Fr.": "CHF", "Lit.": "ITL", "euro": "EUR", "Euro": "EUR"}
SPOKEN_UNITS = {
    "decibel": Name("decibel", "decibel"),
    "duration-day": Name("giorno", "giorni"),
    "mass-kilogram": Name("chilo", "chili"),
    "horsepower": Name("cavallo", "cavalli"),
    "drop": Name("goccia", "gocce"),
    "tablet": Name("compressa", "compresse"),
    "capsule": Name("capsula", "capsule"),
    "international": Name("unità internazionale", "unità internazionali"),
    "mercury": Name("millimetro di mercurio", "millimetri di mercurio"),
    "beat": Name("battito al minuto", "battiti al minuto"),
    "turn": Name("giro al minuto", "giri al minuto"),
    "amp-hour": Name("milliampere ora", "milliampere ora"),
    "piece": Name("pezzo", "pezzi"),
    "hundred-grams": Name("etto", "etti"),
    "quintal": Name("quintale", "quintali"),
}
MONTHS = {
    "gen": 1, "feb": 2, "mar": 3, "apr": 4, "mag": 5, "giu": 6, "lug": 7, "ago": 8, "set": 9, "sett": 9, "ott": 10,
    "nov": 11, "dic": 12,
}  # fmt: skip
