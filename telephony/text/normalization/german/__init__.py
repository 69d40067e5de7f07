"""German."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102
from __future__ import annotations

from telephony.text.normalization.german import dates, numbers, tables, words
from telephony.text.normalization.language import Form, Language, Name, Written, spelled
from telephony.text.normalization.rules import Rule, Stage


class German(Language):
    """German."""

    locale = "de"
    speller = "de"
    regions = ("DE", "AT", "CH")

    digits = ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
    minus = "minus"
    plus = "plus"
    point = "Komma"
    to = "bis"
    over = "durch"
    per = "pro"
    percent = "Prozent"
    permille = "Promille"
    number_sign = "Nummer"
    section = "Paragraf"
    about = "circa"
    times = "mal"
    fold = "Mal"
    divided_by = "geteilt durch"
    equals = "gleich"
    less = "kleiner als"
    greater = "größer als"
    ampersand = "und"
    at = "ät"
    degree = Name("Grad", "Grad")
    dot = "Punkt"
    mail_at = "ät"
    hyphen = "Bindestrich"
    underscore = "Unterstrich"
    slash = "Schrägstrich"
    colon = "Doppelpunkt"
    hashtag = "Hashtag"
    star_key = "Stern"
    pound_key = "Raute"
    squared = "hoch zwei"
    cubed = "hoch drei"
    half = "ein halb"
    and_half = "einhalb"
    all_day = "rund um die Uhr"
    version = "Version"
    version_mark = "Punkt"
    cents_joint = ""
    currencies = tables.CURRENCIES
    scales = tables.SCALES
    units = tables.UNITS
    rates = tables.RATES
    abbreviations = tables.ABBREVIATIONS
    titles = tables.TITLES
    before_number = tables.BEFORE_NUMBER
    months = tables.MONTHS
    code_words = (
        r"Code|PIN|Passwort|Konto|Kontonummer|Bestellung|Bestellnummer|Auftrag|Auftragsnummer|Referenz|Bestätigung|"
        r"Kundennummer|Rechnungsnummer|Rechnung|Vertragsnummer|Vertrag|Buchung|Buchungsnummer|Sendungsnummer|Ticket|"
        r"Ticketnummer|Vorgangsnummer|Vorgang|Aktenzeichen|Karte|Kartennummer|Postleitzahl|Telefon|Fax|Handy|Nummer|"
        r"Ziffern|Durchwahl|Apparat|TAN|Kennung|Policennummer|Mitgliedsnummer|endet auf|endend auf|Flug|Zählernummer"
    )
    short_code_words = r"wählen Sie|Code|PIN|TAN|CVV|Durchwahl|Apparat|Postleitzahl"
    date_words = r"am|bis|ab|vom|zum|den|der|seit|Datum|fällig"
    kings = (
        "Ludwig|Heinrich|Karl|Friedrich|Wilhelm|Otto|Elisabeth|Katharina|Napoleon|Johannes Paul|Benedikt|"
        "Pius|Leo|Franz|"
        "Georg|Charles"
    )
    queens = frozenset({"Elisabeth", "Katharina"})
    last_ordinal_king = 399
    before_roman = "[Kk]apitel|[Tt]eil|[Bb]and|[Tt]yp|[Pp]hase|[Ss]tufe|[Aa]rtikel|[Aa]kt|Hartz"
    named_versions = f"{Language.named_versions}|Version|Artikel"
    not_nouns = frozenset()

    def rules(self, stage: Stage) -> list[Rule]:
        if stage is Stage.WORDS:
            return words.rules(self)
        if stage is Stage.CODES:
            return numbers.code_rules(self)
        if stage is Stage.MONEY:
            return numbers.money_rules(self)
        if stage is Stage.DATES:
            return dates.rules(self)
        if stage is Stage.RANGES:
            return dates.time_rules(self)
        if stage is Stage.MEASURES:
            return numbers.rules(self)
        if stage is Stage.DIGITS:
            return dates.year_rules(self)
        if stage is Stage.SYMBOLS:
            return words.stroke_rules(self)
        return []

    def agree(self, words: str, number: int, form: Form) -> str:
        if number != 1 or form == "count":
            return words
        return "eine" if form == "feminine" else "ein"

    def is_feminine(self, noun: str) -> bool:
        name = noun[:1].upper() + noun[1:]
        if name in tables.NEUTER | tables.MASCULINE_IN_E:
            return False
        return name in tables.FEMININE or noun.endswith(tables.FEMININE_ENDINGS)

    def form_for(self, noun: str) -> Form:
        """Only nouns are counted, and they have a capital."""
        if not noun[:1].isupper():
            return "count"
        return "feminine" if self.is_feminine(noun) else "masculine"

    def is_one(self, written: Written) -> bool:
        return written == Written(1)

    def decimals(self, fraction: str) -> str:
        return self.spell_digits(fraction)

    def unit(self, cldr: str) -> Name:
        return tables.SPOKEN_UNITS.get(cldr) or super().unit(cldr)

    def money(self, written: Written, code: str, scale: str = "") -> str:
        if scale and written == Written(1):
            return f"{self.scaled_number(written, scale)} {self.currency(code).unit.many}"
        if not scale and len(written.fraction) in (1, 2) and int(written.fraction) and written.whole:
            unit = self.counted(Written(written.whole), self.currency(code).unit)
            return f"{unit} {self.cardinal(int(written.fraction.ljust(2, '0')))}"
        return super().money(written, code, scale)

    def scaled(self, written: Written, scale: str) -> str:
        word = self.scales[scale]
        return tables.ONE_OF_SCALE[word] if written == Written(1) else word

    def scaled_number(self, written: Written, scale: str) -> str:
        word = self.scaled(written, scale)
        return f"{self.number(written, 'feminine' if word[0].isupper() else 'masculine')} {word}"

    def fraction(self, above: int, below: int) -> str | None:
        if (above, below) == (1, 2):
            return "ein halb"
        if not 2 < below <= 100:
            return None
        part = {3: "Drittel", 7: "Siebtel", 8: "Achtel"}.get(below)
        if part is None:
            part = f"{self.cardinal(below)}{'tel' if below < 20 else 'stel'}".capitalize()
        return f"{self.cardinal(above, 'masculine')} {part}"

    def mixed(self, whole: int, above: int, below: int) -> str:
        if (above, below) == (1, 2):
            return f"{self.cardinal(whole, 'masculine')}einhalb"
        return f"{self.cardinal(whole)} {self.fraction(above, below)}"

    def ordinal(self, number: int, feminine: bool = False) -> str:
        return self.ordinal_with("e", number)

    def ordinal_with(self, ending: str, number: int) -> str:
        """An ordinal with the ending of its gender and its case."""
        return spelled(number, "de", "ordinal").removesuffix("e").replace(" ", "").lower() + ending

    def numbered_name(self, name: str, number: int) -> str | None:
        article = "die" if name in self.queens else "der"
        return f"{name} {article} {self.ordinal(number).capitalize()}"

    def year(self, year: int) -> str:
        return spelled(year, "de", "year") if 1100 <= year < 2000 else self.cardinal(year)

    def date(self, day: int, month: int, year: int | None) -> str:
        said = f"{self.ordinal_with('er', day)} {self.month(month)}"
        return f"{said} {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, half: str) -> str:
        said = f"{self.cardinal(hour, 'masculine')} Uhr"
        if minute:
            said += f" {self.cardinal(minute)}"
        if half:
            said += " morgens" if half == "am" else " nachmittags" if hour in (12, 1, 2, 3, 4, 5) else " abends"
        return said
