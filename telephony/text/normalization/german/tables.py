"""German words: what is shortened, what is counted, what nouns are."""

from __future__ import annotations

from telephony.text.normalization.language import Currency, Name

CENT = Name("Cent", "Cent")
CURRENCIES = {
    "EUR": Currency(Name("Euro", "Euro"), CENT),
    "USD": Currency(Name("Dollar", "Dollar"), CENT),
    "GBP": Currency(Name("Pfund", "Pfund"), Name("Penny", "Pence")),
    "CHF": Currency(Name("Franken", "Franken"), Name("Rappen", "Rappen")),
    "JPY": Currency(Name("Yen", "Yen")),
    "BRL": Currency(Name("Real", "Real"), Name("Centavo", "Centavos")),
    "PLN": Currency(Name("Złoty", "Złoty"), Name("Groszy", "Groszy")),
}
SCALES = {
    "tsd.": "tausend", "mio.": "Millionen", "mrd.": "Milliarden",
    "Tsd.": "tausend", "Tsd": "tausend", "tausend": "tausend", "k": "tausend",
    "Mio.": "Millionen", "Mio": "Millionen", "M": "Millionen", "Million": "Millionen", "Millionen": "Millionen",
    "Mrd.": "Milliarden", "Mrd": "Milliarden", "Milliarde": "Milliarden", "Milliarden": "Milliarden",
}  # fmt: skip
ONE_OF_SCALE = {"tausend": "tausend", "Millionen": "Million", "Milliarden": "Milliarde"}
UNITS = {
    "Std.": "duration-hour", "Std": "duration-hour", "Min.": "duration-minute", "Min": "duration-minute",
    "Sek.": "duration-second", "Sek": "duration-second", "sek": "duration-second", "qm": "area-square-meter",
    "mcg": "mass-microgram", "µg": "mass-microgram", "μg": "mass-microgram", "dl": "volume-deciliter",
    "mmHg": "mercury", "dB": "decibel", "PS": "horsepower", "Ztr.": "hundredweight",
    "Stk.": "piece", "Stk": "piece", "I.E.": "international", "IE": "international", "Kg": "mass-kilogram",
    "Km": "length-kilometer", "U/min": "turn", "mAh": "amp-hour", "Tg.": "duration-day", "Wo.": "duration-week",
    "mg/dl": "milligram-per-deciliter",
}  # fmt: skip
SPOKEN_UNITS = {
    "mass-kilogram": Name("Kilo", "Kilo"),
    "mass-gram": Name("Gramm", "Gramm"),
    "mercury": Name("Millimeter Quecksilber", "Millimeter Quecksilber"),
    "decibel": Name("Dezibel", "Dezibel"),
    "horsepower": Name("PS", "PS"),
    "hundredweight": Name("Zentner", "Zentner"),
    "piece": Name("Stück", "Stück"),
    "international": Name("internationale Einheit", "internationale Einheiten"),
    "turn": Name("Umdrehung pro Minute", "Umdrehungen pro Minute"),
    "amp-hour": Name("Milliamperestunde", "Milliamperestunden"),
    "milligram-per-deciliter": Name("Milligramm pro Deziliter", "Milligramm pro Deziliter"),
    "speed-kilometer-per-hour": Name("Kilometer pro Stunde", "Kilometer pro Stunde"),
}
RATES = {
    "Monat": "Monat", "Mon.": "Monat", "Mon": "Monat", "Jahr": "Jahr", "Tag": "Tag", "Woche": "Woche",
    "Stunde": "Stunde", "Std.": "Stunde", "Std": "Stunde", "h": "Stunde", "Min": "Minute", "Min.": "Minute",
    "min": "Minute", "s": "Sekunde", "Nacht": "Nacht", "Person": "Person", "Pers.": "Person", "kg": "Kilo",
    "km": "Kilometer", "kWh": "Kilowattstunde", "qm": "Quadratmeter", "m²": "Quadratmeter", "l": "Liter",
    "L": "Liter", "dl": "Deziliter", "ml": "Milliliter", "Stk": "Stück", "Stück": "Stück", "Stk.": "Stück",
}  # fmt: skip
ABBREVIATIONS = {
    "1 Tabl.": "1 Tablette", "1 Tbl.": "1 Tablette", "1 Kps.": "1 Kapsel", "Tabl.": "Tabletten", "Tbl.": "Tabletten",
    "Kps.": "Kapseln", "Dr. med.": "Doktor", "Dr. med. dent.": "Doktor", "wöchentl.": "wöchentlich",
    **{f"z.{space}B.": "zum Beispiel" for space in ("", " ")},
    **{f"Z.{space}B.": "Zum Beispiel" for space in ("", " ")},
    **{f"d.{space}h.": "das heißt" for space in ("", " ")},
    **{f"D.{space}h.": "Das heißt" for space in ("", " ")},
    **{f"u.{space}a.": "unter anderem" for space in ("", " ")},
    **{f"u.{space}U.": "unter Umständen" for space in ("", " ")},
    **{f"v.{space}a.": "vor allem" for space in ("", " ")},
    **{f"z.{space}T.": "zum Teil" for space in ("", " ")},
    **{f"z.{space}Zt.": "zurzeit" for space in ("", " ")},
    **{f"o.{space}Ä.": "oder Ähnliches" for space in ("", " ")},
    **{f"o.{space}g.": "oben genannt" for space in ("", " ")},
    **{f"s.{space}o.": "siehe oben" for space in ("", " ")},
    **{f"s.{space}u.": "siehe unten" for space in ("", " ")},
    **{f"m.{space}E.": "meines Erachtens" for space in ("", " ")},
    **{f"i.{space}d.{space}R.": "in der Regel" for space in ("", " ")},
    **{f"n.{space}Chr.": "nach Christus" for space in ("", " ")},
    **{f"v.{space}Chr.": "vor Christus" for space in ("", " ")},
    **{f"i.{space}A.": "im Auftrag" for space in ("", " ")},
    "1/4 Stunde": "eine Viertelstunde", "3/4 Stunde": "eine Dreiviertelstunde", "u.": "und",
    "bzw.": "beziehungsweise", "bzgl.": "bezüglich", "usw.": "und so weiter", "etc.": "et cetera", "ca.": "circa",
    "ggf.": "gegebenenfalls", "evtl.": "eventuell", "inkl.": "inklusive", "exkl.": "exklusive", "zzgl.": "zuzüglich",
    "abzgl.": "abzüglich", "vgl.": "vergleiche", "sog.": "sogenannt", "MwSt.": "Mehrwertsteuer",
    "MwSt": "Mehrwertsteuer", "USt.": "Umsatzsteuer", "Tel.": "Telefon", "tel.": "telefonisch", "Str.": "Straße",
    "str.": "Straße", "max.": "maximal", "min.": "mindestens",
    "mind.": "mindestens", "tgl.": "täglich", "tägl.": "täglich",
    "mtl.": "monatlich", "jährl.": "jährlich", "wg.": "wegen",
    "geb.": "geboren", "verh.": "verheiratet", "gest.": "gestorben", "exkl": "exklusive", "inkl": "inklusive",
    "bspw.": "beispielsweise", "insb.": "insbesondere", "ehem.": "ehemals", "zw.": "zwischen", "Mo-Fr.": "Mo-Fr",
    "Std.": "Stunden", "Min.": "Minuten", "Sek.": "Sekunden", "Hbf.": "Hauptbahnhof", "Hbf": "Hauptbahnhof",
    "Bhf.": "Bahnhof", "Bhf": "Bahnhof", "Flgh.": "Flughafen", "Kto.": "Konto", "Kto.-Nr.": "Kontonummer",
    "Tel.-Nr.": "Telefonnummer", "Tel.Nr.": "Telefonnummer", "Kd.-Nr.": "Kundennummer", "KdNr.": "Kundennummer",
    "Best.-Nr.": "Bestellnummer", "Art.-Nr.": "Artikelnummer", "Rg.-Nr.": "Rechnungsnummer",
    "Hs.-Nr.": "Hausnummer", "c/o": "bei", "u.v.m.": "und vieles mehr", "m²": "Quadratmeter", "lt.": "laut",
    "gem.": "gemäß", "allg.": "allgemein", "Abt.": "Abteilung", "Fa.": "Firma", "GmbH": "G m b H",
    "Mitarb.": "Mitarbeiter", "Pers.": "Personen", "Reg.": "Regierung", "Verf.": "Verfasser", "Whg.": "Wohnung",
    "Zi.": "Zimmer", "EG": "Erdgeschoss", "DG": "Dachgeschoss", "UG": "Untergeschoss", "OG": "Obergeschoss",
    "o.k.": "okay", "PLZ": "Postleitzahl", "Anm.": "Anmerkung", "Aufl.": "Auflage", "Jh.": "Jahrhundert",
    "Mehrw.St.": "Mehrwertsteuer", "zz.": "zurzeit", "Dipl.-Ing.": "Diplomingenieur", "Ing.": "Ingenieur",
}  # fmt: skip
TITLES = {
    "Dr.": "Doktor", "Dr": "Doktor", "Prof.": "Professor", "Hr.": "Herr", "Hrn.": "Herrn", "Fr.": "Frau",
    "St.": "Sankt", "Frl.": "Fräulein", "Gebr.": "Gebrüder", "Bgm.": "Bürgermeister", "RA": "Rechtsanwalt",
}  # fmt: skip
BEFORE_NUMBER = {
    "Gr.": "Größe", "Nr.": "Nummer", "nr.": "Nummer", "Nrn.": "Nummern", "#": "Nummer", "S.": "Seite",
    "Abb.": "Abbildung",
    "Kap.": "Kapitel", "Art.": "Artikel", "Abs.": "Absatz", "Bd.": "Band", "Tel": "Telefon", "Fax.": "Fax",
    "Whg.": "Wohnung", "Zi.": "Zimmer", "Hs.": "Haus", "Gl.": "Gleis", "Kl.": "Klasse", "Z.": "Zeile",
    "v.": "Version", "Vers.": "Version", "ab": "ab", "Std.": "Stunde", "App.": "Apparat", "Durchw.": "Durchwahl",
    "§§": "Paragrafen", "mind": "mindestens", "max": "maximal",
}  # fmt: skip
MONTHS = {
    "Jan": 1, "Jän": 1, "Jänner": 1, "Feb": 2, "Mär": 3, "Mrz": 3, "Apr": 4, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9,
    "Sept": 9, "Okt": 10, "Nov": 11, "Dez": 12,
}  # fmt: skip
WEEKDAYS = {
    "Mo": "Montag", "Di": "Dienstag", "Mi": "Mittwoch", "Do": "Donnerstag", "Fr": "Freitag", "Sa": "Samstag",
    "So": "Sonntag",
}  # fmt: skip
FEMININE_ENDINGS = (
    "ung", "heit", "keit", "schaft", "ion", "tät", "ik", "ei", "enz", "anz", "in", "ur", "e", "Nacht", "nacht",
)  # fmt: skip
FEMININE = frozenset(
    "Nacht Nachricht Person Uhr Antwort Unterschrift Anschrift Frist Schicht Sicht Ansicht Stadt Arbeit "
    "Post Tasche Zahl Fahrt Bank Hand Wahl Nummer Kammer Karte Tür Rechnung Mail App SMS".split()
)
NEUTER = frozenset(
    "Obergeschoss Untergeschoss Erdgeschoss Stockwerk Jahrhundert Quartal Halbjahr Semester "
    "Zimmer Jahr Kilo Gramm Mal Kind Buch Haus Ticket Paket Produkt Auto Konto Hotel Bett Angebot Gerät Stück Formular "
    "Pfund Prozent Ende Gebäude Interesse Café Büro Passwort Dokument Foto Video Wort Glas Brot Bier "
    "Rezept Medikament".split()
)
MASCULINE_IN_E = frozenset("Kunde Name Junge Kollege Franzose Käse Buchstabe Termin Ur".split())
ORDINAL_NOUNS = (
    "Etage|Stock|Stockwerk|OG|UG|Obergeschoss|Untergeschoss|Klasse|Jahrhundert|Jh|Mal|Platz|Quartal|Versuch|Rate|"
    "Mahnung|Halbjahr|Geburtstag|Weltkrieg|Reihe|Liga|Runde|Schritt|Semester|Auflage|Bezirk|Generation|Advent|"
    "Termin|Woche|Tag|Monat|Stufe|Lebensjahr|Jahr|Zahlung|Impfung|Dosis|Spieltag|Stelle|Person|Kind|Zimmer"
)
