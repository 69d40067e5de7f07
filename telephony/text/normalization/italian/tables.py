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
MASCULINE = frozenset(
    "problema sistema programma tema pianeta clima telegramma grammo schema diploma cinema pigiama panorama poema "
    "collega autista dentista vaglia sofà".split()
)
FEMININE = frozenset(
    "notte volta parte chiave classe mano opzione stazione prenotazione sede filiale email mail attenzione elementare "
    "superiore suite app password card sim hall chat reception newsletter auto moto foto bici radio luce voce legge "
    "rete nave dose base fase frase serie crisi analisi carne pelle torre croce lente febbre madre moglie gente "
    "ore giornate settimane compresse bustine gocce porzioni "
    "cute arte mente corte cornice radice".split()
)
FEMININE_PLURALS = frozenset(
    "fatture richieste offerte lettere merci banche filiali sedi coordinate mail pratiche proposte bollette".split()
)
MEN_IN_A = frozenset("Luca Nicola Mattia Battista Barnaba Saba Zaccaria".split())
MOST_HOLY = {
    "Trinità": "Santissima", "Annunziata": "Santissima", "Vergine": "Santissima", "Madre": "Santissima",
    "Sacramento": "Santissimo", "Salvatore": "Santissimo", "Crocifisso": "Santissimo", "Redentore": "Santissimo",
    "Nome": "Santissimo", "Rosario": "Santissimo",
}  # fmt: skip
# Behind "50°" these make it no temperature.
COUNTED_IN_ORDER = tuple(
    "anniversario compleanno posto minuto piano giorno parallelo meridiano percentile episodio congresso cliente "
    "chilometro battaglione reggimento presidente".split()
)
# Behind a Roman numeral these make it an ordinal.
COUNTED_IN_ROMAN = (*COUNTED_IN_ORDER, *"edizione classe elementare media superiore livello grado".split())
# Months of which a Roman numeral is the day, as in names of streets.
ROMAN_DAYS = ("febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "settembre", "ottobre", "novembre")
FEMININE_ENDINGS = ("a", "zione", "sione", "gione", "nione", "gine", "udine", "tà", "tù", "trice")
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
    "gg": "duration-day", "aa": "duration-year", "bamb": "child", "ad.": "adult", "pers": "person",
    "pax": "person", "bust": "sachet", "qli": "quintal",
    "pz": "piece", "Smc": "volume-cubic-meter", "Ah": "ampere-hour", "lt": "volume-liter",
    "mt": "length-meter", "cc": "cubic-centimetre", "hg": "hundred-grams", "kmq": "area-square-kilometer",
}  # fmt: skip
RATES = {
    "mese": "al mese", "pz": "al pezzo", "anno": "all'anno", "giorno": "al giorno", "ora": "all'ora", "h": "all'ora",
    "s": "al secondo", "min": "al minuto", "settimana": "alla settimana", "sett": "alla settimana",
    "notte": "a notte", "persona": "a persona", "pers": "a persona",
    "pers.": "a persona", "kg": "al chilo", "km": "al chilometro", "kWh": "al kilowattora",
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
    **{f"{sign} {noun}": f"numero {noun}" for sign in ("n.", "N.", "n°", "N°", "nº", "num.", "Num.")
       for noun in ("ordine", "pratica", "cliente", "verde")},
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
    "cad.": "cadauno", "q.b.": "quanto basta", "IVA incl.": "IVA inclusa",
    "N.B.": "nota bene", "P.S.": "post scriptum", "all.": "allegato", "pzz.": "pezzi", "tab.": "tabella",
    "P.le": "Piazzale", "p.le": "piazzale", "C.da": "Contrada", "c.da": "contrada", "L.mare": "Lungomare",
    "Contr.": "Contrada", "contr.": "contrada", "V.lo": "Vicolo", "v.lo": "vicolo",
    "S.V.": "Signoria Vostra", "rist.": "ristorante", "Rist.": "Ristorante", "mens.": "mensili",
    "p. terra": "piano terra", "p.t.": "piano terra", "p. rialzato": "piano rialzato", "p.c.": "per conoscenza",
    "fam.": "famiglia",
    "Fam.": "Famiglia", "d.lgs.": "decreto legislativo", "D.lgs.": "decreto legislativo",
    "D.Lgs.": "decreto legislativo", "D. Lgs.": "decreto legislativo", "D.L.": "decreto legge",
    "d.l.": "decreto legge", "D.P.R.": "D P R", "d.p.r.": "D P R",
    "D.M.": "decreto ministeriale", "prot.": "protocollo", "Prot.": "Protocollo", "sez.": "sezione",
    "Sez.": "Sezione", "appart.": "appartamento",
    "strada prov.": "strada provinciale", "osp.": "ospedale", "p.a.": "annuo",
    "rich.": "richiesta", "tratt.": "trattabili", "segr.": "segreteria", "a/a": "anno su anno",
    "conf.": "confezione", "cl. energetica": "classe energetica",
    "prat.": "pratica", "amb.": "ambulatorio", "Amb.": "Ambulatorio",
    "mat.": "matematica", "asc.": "ascensore", "risc.": "riscaldamento", "al km": "al chilometro", "al kg": "al chilo",
    "al mq": "al metro quadro", "al Kg": "al chilo", "il kg": "il chilo", "zona ind.": "zona industriale",
    "C.A.P.": "CAP", "strada SP": "strada provinciale",
    "strada SS": "strada statale", "zona univ.": "zona universitaria", "appl.": "applicazioni",
    "sped.": "spedizione", "v. allegato": "vedi allegato", "v. pag.": "vedi pagina", "v. sopra": "vedi sopra",
    "l'hg": "l'etto", "all'hg": "all'etto", "a km": "a chilometro", "a pers.": "a persona",
    "per pers.": "per persona", "cond.": "condominiali", "Dep.": "Deposito", "dep.": "deposito",
    "colaz.": "colazione", "temp.": "temperatura", "Temp.": "Temperatura", "pad.": "padiglione", "p.p.": "a persona",
    "carr.": "carrozza", "Carr.": "Carrozza", "tg.": "targa", "mod.": "modello",
    "Mod.": "Modello", "a.s.": "anno scolastico", "A.S.": "Anno scolastico", "a.a.": "anno accademico",
    "A.A.": "Anno accademico", "dbl": "doppia", "matrim.": "matrimoniale", "colloq.": "colloquio",
    "aria cond.": "aria condizionata", "mezz'h": "mezz'ora", "pom.": "pomeriggio",
    "matt.": "mattina", "telef.": "telefono", "tot.": "totale",
    "Tot.": "Totale", "imp.": "importo", "Imp.": "Importo", "min. ca.": "minuti circa",
    "C.I.": "carta d'identità", "ang.": "angolo", "i.m.": "intramuscolo", "e.v.": "endovena",
    "s.c.": "sottocute", "C.le": "Centrale", "Com.le": "Comunale", "com.le": "comunale", "n.civ.": "numero civico",
    "tel/fax": "telefono e fax",
    "Tel/Fax": "Telefono e fax", "tel./fax": "telefono e fax", "Tel./Fax": "Telefono e fax",
    "Apto.": "Appartamento", "T.ni": "Termini", "24h/24": "ventiquattro ore su ventiquattro",
    "Reg.": "Regolamento", "dx": "destra", "matr.": "matricola", "sx": "sinistra", "segg.": "seguenti",
    "S.E.": "Sua Eccellenza", "on.le": "onorevole", "On.le": "Onorevole", "apt.": "appartamento", "tess.": "tessera",
    "d.t.s.": "dopo i tempi supplementari",
    "corr.": "corrente", "gg/mm/aaaa": "giorno, mese, anno",
    "F.lli": "Fratelli", "dim.": "dimensioni", "P.P.": "Piazza Principe", "P.N.": "Porta Nuova",
    "P.G.": "Porta Garibaldi", "S.M.N.": "Santa Maria Novella", "ecc": "eccetera",
}  # fmt: skip
TITLES = {"S.": "San", "Gen.": "Generale", "Cap.": "Capitano", "Sig": "Signor", "Ten.": "Tenente",
          "Col.": "Colonnello", "sig": "signor", "v.": "via", "on.": "onorevole", "sen.": "senatore",
          "Sen.": "Senatore", "dott": "dottor", "dr": "dottor", "avv": "avvocato",
          "ing": "ingegner", "Mar.": "Maresciallo", "Pres.": "Presidente", "Min.": "Ministro",
          "Ing": "Ingegner", "Avv": "Avvocato", "Mons.": "Monsignor", "P.": "Padre", "SS.": "Santi",
          "Ss.": "Santi", "V.": "Via", "B.go": "Borgo"}  # fmt: skip
BEFORE_NUMBER = {
    "n.": "numero", "N.": "numero", "c.": "comma", "n°": "numero", "N°": "numero", "nº": "numero", "#": "numero",
    "pag.": "pagina", "pagg.": "pagine", "p.": "pagina", "art.": "articolo", "Art.": "articolo",
    "cap.": "capitolo", "vol.": "volume", "int.": "interno", "v.": "versione",
    "nr.": "numero", "Nr.": "numero", "num.": "numero", "nn.": "numeri", "Pag.": "Pagina",
    "Cap.": "Capitolo", "artt.": "articoli", "co.": "comma", "km": "chilometro", "Km": "chilometro",
    "civ.": "civico", "st.": "stanza", "cm": "centimetri", "mm": "millimetri", "mq": "metri quadri",
    "sc.": "scala", "SS": "strada statale", "SP": "strada provinciale",  "Sc.": "Scala", "Int.": "Interno",
    "int": "interno", "tel": "telefono",
    "cell": "cellulare", "fig.": "figura", "bin.": "binario", "sat.": "saturazione", "Sat.": "Saturazione",
    "pal.": "palazzina",
    "lett.": "lettera", "app.to": "appartamento", "IC": "Intercity", "par.": "paragrafo", "tit.": "titolo",
    "Tit.": "Titolo",
    "CF": "codice fiscale", "CF:": "codice fiscale:",
}  # fmt: skip
WEEKDAYS = {
    "lun": "lunedì", "mar": "martedì", "mer": "mercoledì", "gio": "giovedì", "ven": "venerdì", "sab": "sabato",
    "dom": "domenica", "mart": "martedì", "merc": "mercoledì", "giov": "giovedì",
}  # fmt: skip
WEEKDAY_INITIALS = {
    "L": "lunedì", "M": "martedì", "G": "giovedì", "V": "venerdì", "S": "sabato", "D": "domenica",
}  # fmt: skip
CURRENCY_SIGNS = {"Fr.": "CHF", "Lit.": "ITL", "euro": "EUR", "Euro": "EUR"}
SPOKEN_UNITS = {
    "duration-year": Name("anno", "anni"),
    "child": Name("bambino", "bambini"),
    "adult": Name("adulto", "adulti"),
    "cubic-centimetre": Name("centimetro cubo", "centimetri cubi"),
    "sachet": Name("bustina", "bustine"),
    "person": Name("persona", "persone"),
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
    "ampere-hour": Name("ampere ora", "ampere ora"),
    "piece": Name("pezzo", "pezzi"),
    "hundred-grams": Name("etto", "etti"),
    "quintal": Name("quintale", "quintali"),
}
ALPHABET = {
    word[0]: word
    for word in (
        "Ancona Bologna Como Domodossola Empoli Firenze Genova Hotel Imola Jolly Kursaal Livorno Milano Napoli Otranto "
        "Padova Quarto Roma Savona Torino Udine Venezia Washington Xilofono York Zara"
    ).split()
}
MONTHS = {
    "gen": 1, "feb": 2, "mar": 3, "apr": 4, "mag": 5, "giu": 6, "lug": 7, "ago": 8, "set": 9, "sett": 9, "ott": 10,
    "nov": 11, "dic": 12,
}  # fmt: skip
