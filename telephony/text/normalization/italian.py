"""Italian."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

import re

from telephony.text.normalization import romance
from telephony.text.normalization.language import Currency, Form, Language, Name, Written, spelled
from telephony.text.normalization.rules import Rule, Stage

_CENT = Name("centesimo", "centesimi")
_PARTS = {
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
_MASCULINE = frozenset("problema sistema programma tema pianeta clima telegramma grammo".split())
_FEMININE = frozenset("notte volta parte chiave classe mano opzione stazione prenotazione".split())
_FEMININE_ENDINGS = ("a", "zione", "sione", "gione", "tà", "tù", "trice")
_IMPURE = re.compile(r"(?:z|s[bcdfglmnpqrtvz]|gn|ps|pn|x|y)")
_CENTURY = re.compile(r"(?<!\w)([IVXL]{1,8})(?=\s(?:secolo|millennio)\b)")
_ELIDED = re.compile(r"(?<!\w)un' (?=[^\W\d_])")


class Italian(Language):
    """Italian."""

    locale = "it"
    speller = "it"
    regions = ("IT",)

    digits = ("zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove")
    minus = "meno"
    plus = "più"
    point = "virgola"
    to = "a"
    over = "su"
    per = "al"
    percent = "per cento"
    permille = "per mille"
    number_sign = "numero"
    section = "paragrafo"
    about = "circa"
    times = "per"
    fold = "volte"
    divided_by = "diviso"
    equals = "uguale a"
    less = "minore di"
    greater = "maggiore di"
    ampersand = "e"
    at = "chiocciola"
    degree = Name("grado", "gradi")
    dot = "punto"
    mail_at = "chiocciola"
    hyphen = "trattino"
    underscore = "trattino basso"
    slash = "barra"
    colon = "due punti"
    hashtag = "hashtag"
    star_key = "asterisco"
    pound_key = "cancelletto"
    squared = "al quadrato"
    cubed = "al cubo"
    half = "mezzo"
    and_half = "e mezzo"
    all_day = "ventiquattro ore su ventiquattro, sette giorni su sette"
    version = "versione"
    cents_joint = "e"
    of_scale = " di"
    word_domains = frozenset({"it"})
    currencies = {
        "EUR": Currency(Name("euro", "euro"), _CENT),
        "USD": Currency(Name("dollaro", "dollari"), _CENT),
        "GBP": Currency(Name("sterlina", "sterline"), Name("penny", "pence")),
        "CHF": Currency(Name("franco svizzero", "franchi svizzeri"), _CENT),
        "BRL": Currency(Name("real", "real"), Name("centavo", "centavos")),
        "JPY": Currency(Name("yen", "yen")),
    }
    scales = {
        "mila": "mila", "k": "mila", "K": "mila", "M": "milioni", "mln": "milioni", "milione": "milione",
        "milioni": "milioni", "mld": "miliardi", "miliardo": "miliardo", "miliardi": "miliardi",
    }  # fmt: skip
    units = {"sec": "duration-second"}
    rates = {"mese": "mese", "anno": "anno", "giorno": "giorno", "ora": "ora", "h": "ora", "s": "secondo"}
    abbreviations = {
        "Sig.ra": "Signora", "Sig.na": "Signorina", "Sigg.": "Signori", "Sig.": "Signor", "sig.ra": "signora",
        "sig.": "signor", "Dott.ssa": "Dottoressa", "dott.ssa": "dottoressa", "Dott.": "Dottor", "dott.": "dottor",
        "Dr.": "Dottor", "Ing.": "Ingegner", "ing.": "ingegner", "Avv.": "Avvocato", "avv.": "avvocato",
        "Geom.": "Geometra", "Prof.ssa": "Professoressa", "prof.ssa": "professoressa", "Prof.": "Professor",
        "prof.": "professor", "Arch.": "Architetto", "On.": "Onorevole", "V.le": "Viale", "P.zza": "Piazza",
        "p.zza": "piazza", "C.so": "Corso", "ecc.": "eccetera", "Ecc.": "Eccetera", "S.p.A.": "società per azioni",
        "p. es.": "per esempio", "p.es.": "per esempio", "Spett.le": "Spettabile", "Gent.le": "Gentile",
        "Gent.mo": "Gentilissimo", "Gent.ma": "Gentilissima", "Egr.": "Egregio", "Tel.": "Telefono", "tel.": "telefono",
        "cell.": "cellulare", "a.C.": "avanti Cristo", "d.C.": "dopo Cristo", "ca.": "circa", "max.": "massimo",
        "min.": "minimo", "Rag.": "Ragionier",
    }  # fmt: skip
    titles = {"S.": "San", "Gen.": "Generale", "Cap.": "Capitano"}
    before_number = {
        "n.": "numero", "N.": "numero", "n°": "numero", "N°": "numero", "nº": "numero", "#": "numero",
        "pag.": "pagina", "pagg.": "pagine", "p.": "pagina", "art.": "articolo", "Art.": "articolo",
        "cap.": "capitolo", "vol.": "volume", "int.": "interno", "v.": "versione",
    }  # fmt: skip
    months = {
        "gen": 1, "feb": 2, "mar": 3, "apr": 4, "mag": 5, "giu": 6, "lug": 7, "ago": 8, "set": 9, "sett": 9, "ott": 10,
        "nov": 11, "dic": 12,
    }  # fmt: skip
    code_words = (
        r"codice|PIN|password|conto|ordine|riferimento|conferma|pratica|carta|prenotazione|biglietto|fattura|tracciamento|"
        r"polizza|cliente|CAP|interno|volo|termina con|che finisce con|cifre|telefono|cellulare|numero"
    )
    short_code_words = r"chiami|chiamare|chiama|componga|codice|PIN|CVV|CAP|interno"
    date_words = r"il|al|dal|entro il|fino al|prima del|dopo il|del|data|scadenza|giorno"
    kings = (
        "Luigi|Enrico|Carlo|Vittorio Emanuele|Umberto|Giovanni|Giovanni Paolo|Benedetto|Pio|Elisabetta|Napoleone|Leone"
    )
    queens = frozenset({"Elisabetta"})
    last_ordinal_king = 399
    before_roman = "[Cc]apitolo|[Pp]arte|[Vv]olume|[Tt]itolo|[Ff]ase|[Tt]ipo|[Aa]llegato|[Ll]ibro"
    named_versions = f"{Language.named_versions}|versione"
    not_nouns = frozenset(
        "di del della dei in e o ed al alla allo per da dal con senza a che è sono ma mila più meno su nel se virgola "
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre".split()
    )

    def rules(self, stage: Stage) -> list[Rule]:
        if stage is Stage.WORDS:
            return [Rule("Roman numeral", _CENTURY, self._century)]
        if stage is Stage.DATES:
            return romance.date_rules(self)
        if stage is Stage.TIMES:
            return romance.hour_rules(self)
        if stage is Stage.ORDINALS:
            return romance.ordinal_rules(self)
        if stage is Stage.SYMBOLS:
            return [Rule("elision", _ELIDED, lambda match: "un'")]
        return []

    def _century(self, match: re.Match[str]) -> str | None:
        number = self.roman(match[1])
        return None if number is None else self.ordinal(number)

    def agree(self, words: str, number: int, form: Form) -> str:
        if number != 1 or form == "count":
            return words
        return "una" if form == "feminine" else "un"

    def counted(self, written: Written, name: Name) -> str:
        if written != Written(1):
            return super().counted(written, name)
        return self.one(name.one)

    def one(self, noun: str) -> str:
        """A noun in the singular with its "one" before it."""
        if self.is_feminine(noun.split(maxsplit=1)[0].lower()):
            return f"un'{noun}" if noun[0].lower() in "aeiouàèéìòù" else f"una {noun}"
        return f"uno {noun}" if _IMPURE.match(noun.lower()) else f"un {noun}"

    def ordinal(self, number: int, feminine: bool = False) -> str:
        words = spelled(number, "it", "ordinal")
        return f"{words[:-1]}a" if feminine else words

    def is_feminine(self, noun: str) -> bool:
        if noun in _MASCULINE:
            return False
        return noun in _FEMININE or noun.endswith(_FEMININE_ENDINGS)

    def money(self, written: Written, code: str, scale: str = "") -> str:
        if scale and self.scales[scale] == "mila" and not written.fraction:
            return self.counted(Written(written.whole * 1000), self.currency(code).unit)
        return super().money(written, code, scale)

    def scaled(self, written: Written, scale: str) -> str:
        word = self.scales[scale]
        singular = {"milioni": "milione", "miliardi": "miliardo"}
        return singular.get(word, word) if written == Written(1) else word

    def before_noun(self, written: Written, noun: str) -> str:
        if written == Written(1) and self.form_for(noun) != "count":
            return self.one(noun).removesuffix(noun).rstrip()
        return super().before_noun(written, noun)

    def scaled_number(self, written: Written, scale: str) -> str:
        if self.scales[scale] == "mila" and not written.fraction:
            return self.cardinal(written.whole * 1000)
        return super().scaled_number(written, scale)

    def fraction(self, above: int, below: int) -> str | None:
        if below not in _PARTS:
            return None
        if (above, below) == (1, 2):
            return "mezzo"
        return f"{self.cardinal(above, 'masculine')} {_PARTS[below][:-1]}{'i' if above > 1 else 'o'}"

    def day(self, day: int) -> str:
        return "primo" if day == 1 else self.cardinal(day)

    def date(self, day: int, month: int, year: int | None) -> str:
        said = f"{self.day(day)} {self.month(month)}"
        return f"{said} {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, half: str) -> str:
        said = "una" if hour == 1 else self.cardinal(hour)
        late = "del pomeriggio" if hour in (12, 1, 2, 3, 4, 5) else "di sera"
        suffix = f" {'di mattina' if half == 'am' else late}" if half else ""
        if hour in (0, 24) and not minute:
            return "mezzanotte"
        return f"{said} e {self.cardinal(minute)}{suffix}" if minute else f"{said}{suffix}"
