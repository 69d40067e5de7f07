"""Italian."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

import re

from telephony.text.normalization.italian import accents, dates, measures, papers, ranges, tables, times, words
from telephony.text.normalization.language import Form, Name, Written, spelled
from telephony.text.normalization.romance import Romance
from telephony.text.normalization.rules import Rule, Stage, at_digits, ends_text, near_digits, near_words

_IMPURE = re.compile(r"(?:z|s[bcdfglmnpqrtvz]|gn|ps|pn|x|y)")
_CENTURY = re.compile(r"(?<!\w)([IVXL]{1,8})\s(secolo|sec\.|millennio)(?!\w)")
_MIDNIGHT = re.compile(r"(?<!\w)(d?)alle\s(?:0?0|24)(?:[:.]([0-5]\d)|\s?h(\d\d)?)(?![\w:]|[.,]\d)", re.IGNORECASE)
_THE_FIRST = re.compile(r"(?:(?<=\bil )|(?<=\bdel )|(?<=\bdal )|(?<=\bal )|(?<=\bnel ))1[°º](?!\s?[CF]\b|\w)", re.I)
_HOURS = re.compile(
    r"(?<!\w)h\.?\s(?=\d{1,2}[:.,][0-5]\d(?!\d))|"
    r"(?:(?<!\w)(?<!\d\s)|(?<=/\d\d\s)|(?<=/\d\s))h\.?\s(?=\d{1,2}(?:\s?[-–]\s?\d|(?<!24)(?![\d.,]*\d)))"
)
_COMMA_HOURS = re.compile(r"(?<!\w)((?:ore|alle|dalle)\s\d{1,2}),(?=[0-5]\d(?![\d%€]))")
_JOINED = re.compile(r"(?<![\w.,])(\d{1,2})°(?=\s(?:e|o|ed|al)\s(?:il\s)?\d{1,2}°\s[a-z]{4})")
_FLOOR = re.compile(r"(?<![\w.,])(\d{1,2}[°º]|[IVX]{1,4}(?=\s))\s?p\.(?!\w)")
_FIRST = re.compile(
    r"(?<!\w)(l|dell|all|dall)'1(?=/\d{1,2}(?!\d)|[.-]\d{1,2}[.-]\d\d|[°º]?\s(?:gen|feb|mar|apr|mag|giu|lug|ago|set|ott|nov|dic))"
)
_LABELLED = re.compile(
    r"(?<!\w)((?:[Tt]asto|[Oo]pzione|[Nn]umero|[Cc]amera|[Ss]ala|[Ss]tanza|[Bb]inario|[Ff]ila|[Ll]ivello|[Cc]anale|"
    r"[Ss]portello|[Ll]inea|[Pp]iano|[Cc]arrozza|[Tt]erminal)\s)1(?=\s[a-zà-ÿ])"
)
_DEGREES = re.compile(
    r"(?<![\w.,])(\d{1,2})[°º](?=\s(?:luned|marted|mercoled|gioved|venerd|sabato|domenica|oggi|domani|stasera|stanotte|all'ombra|percepit))"
)
_AT = re.compile(r"(?<=\w)\s?[(\[]at[)\]]\s?(?=\w)", re.IGNORECASE)
_FIRST_ARTICLES = {"l": "il", "dell": "del", "all": "al", "dall": "dal"}
_PROVINCE = re.compile(r"(?<=[a-zà-ÿ]\s)\(([A-Z]{2})\)")
_TOWN_PROVINCE = re.compile(
    r"(?<!\w)(\d{5}\s(?:[A-ZÀ-Þ][\w'’]{1,20}\s|(?:di|del|in|al|sul)\s){1,4})([A-Z]{2})(?=[\s.,;:)]|$)"
)
_ELIDED = re.compile(r"(?<!\w)un' (?=[^\W\d_])")


class Italian(Romance):
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
    per = ""
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
    world_wide_web = "vu vu vu"
    word_domains = frozenset({"it"})
    currencies = tables.CURRENCIES
    scales = {
        "mila": "mila", "k": "mila", "K": "mila", "M": "milioni", "mln": "milioni", "milione": "milione",
        "milioni": "milioni", "mld": "miliardi", "miliardo": "miliardo", "miliardi": "miliardi",
    }  # fmt: skip
    units = tables.UNITS
    # With their prepositions: "al giorno", "all'ora".
    rates = tables.RATES
    abbreviations = tables.ABBREVIATIONS
    titles = tables.TITLES
    before_number = tables.BEFORE_NUMBER
    weekdays = tables.WEEKDAYS
    weekday_initials = tables.WEEKDAY_INITIALS
    weekdays_from = "dal"
    weekdays_to = "al"
    hours_from = "dalle"
    hours_to = "alle"
    range_words = "dal|dalle|da|tra|fra|al|alle|alla|a|fino a|fino al|fino alle|ore"
    time_words = "alle|dalle|ore|le|delle|tra le|fra le|entro le|fino alle|prima delle|dopo le|all'|dall'|verso le|h"
    opening_words = (
        "orario|orari|continuato|aperto|aperta|aperti|aperte|apre|apertura|ore|mattina|pomeriggio|sera|pranzo|cena|"
        "sportello|fascia oraria|fascia|ridotto|estivo|invernale|turno|ritiro|ritiri|colazione|visite|seggi|"
        "check-in|check-out"
    )
    before_one = {"alle": "all'", "dalle": "dall'", "le": "l'", "delle": "dell'"}
    no_hour_words = "giorni|gg|minuti|min|anni|mesi|settimane|persone|pers|euro|volte|km|notti|posti|rate|kg|mg"
    hour_words = r"ore|h"
    and_words = "e|o"
    month_words = "a|ad|di|da|in|e|tra"
    expiry_words = "scade|scadenza|valida|valido|validità|scadrà"
    part_words = "rata|pagina|passo|parte|tentativo|capitolo|episodio|fase"
    part_of = "di"
    pressure_words = "pressione|PA"
    pressure_over = "su"
    currency_signs = tables.CURRENCY_SIGNS
    cent_signs = r"cts?|cent"
    longest_phone_group = 5
    text_verbs = "invii|invia|inviare|mandi|manda|risponda|messaggio|scriva"
    text_to = "al|a"
    call_words = (
        "chiami il|chiamate il|componete il|digita il|chiama il|chiamare il|componga il|chiamando il|contatti il|"
        "comporre il"
    )
    extension_words = r"interno|int\.|est\."
    extension = "interno"
    document_words = (
        "partita IVA|codice fiscale|IVA|tessera sanitaria|carta d'identità|passaporto|patente|IBAN|CIE|matricola|INPS"
    )
    named_words = (
        "codice|PNR|CAP|BIC|SWIFT|prenotazione|password|pratica|ordine|targa|telaio|serie|serial|buono|coupon|biglietto|tracciamento|"
        "spedizione|riferimento|modello|polizza|contratto|ticket|conferma|fiscale|passaporto|"
        "carta d'identità|matricola|"
        "cliente|pacco"
    )
    named_joint = "di|del|della|è|numero|n|il|la|suo|tuo|sua|tua|promo|sconto|fiscale|cliente"
    flight_words = "volo|voli|treno|Frecciarossa|Italo"
    road_words = "A|SS|SP|SR|E"
    ending_in = "che finisce con"
    every = "ogni"
    per_amount = "ogni"
    times_a = ""
    once = "una volta"
    either = "o"
    century_words = r"sec\.|secolo"
    articles = "il |la |l'|lo |del |della |dell'|al |alla |nel |nella |un |una "
    law_of = "del"
    plate_words = "targa|targhe"
    hours_prefix = "ore"
    year_words = "anno|Anno"
    thousand_words = "mila"
    extremes = {"max": ("massimo", "massima"), "min": ("minimo", "minima")}
    by = "per"
    out_of = "su"
    in_month = "a"
    street_words = "Via|Viale|Piazza|Corso|Largo|Vicolo|Strada|Piazzale"
    post_code = r"\d{5}"
    thousand = "mila"
    half_of = {"masculine": "mezzo", "feminine": "mezza"}
    and_half_of = {"masculine": "e mezzo", "feminine": "e mezza"}
    spoken_units = tables.SPOKEN_UNITS
    months = tables.MONTHS
    alphabet = tables.ALPHABET
    as_in = "{letter} come {word}"
    code_words = (
        r"codice|PIN|password|conto|ordine|riferimento|conferma|pratica|carta|prenotazione|biglietto|fattura|tracciamento|"
        r"polizza|cliente|codice tributo|ABI|CAB|CAP|OTP|PUK|PDR|IMEI|CIG|lotto|casella postale|"
        r"Visa|Mastercard|Maestro|Amex|Bancomat|Postepay|"
        r"badge|matricola|interno|volo|termina con|finisce con|cifre|telefono|cellulare|numero"
    )
    short_code_words = r"chiami|chiamare|chiama|componga|codice|codice tributo|ABI|CAB|PIN|PUK|OTP|CVV|CAP|interno"
    date_words = (
        r"oggi|domani|dopodomani|ieri|il|al|dal|entro il|fino al|prima del|dopo il|del|data|scadenza|giorno|"
        r"arrivo|partenza|andata|ritorno|check-in|check-out|ritiro|inizio|fine"
    )
    kings = (
        "Luigi|Enrico|Carlo|Vittorio Emanuele|Umberto|Giovanni|Giovanni Paolo|Benedetto|Pio|Elisabetta|Napoleone|Leone"
    )
    queens = frozenset({"Elisabetta"})
    last_ordinal_king = 399
    before_roman = (
        "[Cc]apitolo|[Cc]apo|[Aa]tto|[Ss]cena|[Ss]ezione|[Tt]omo|[Pp]arte|[Vv]olume|[Tt]itolo|[Ff]ase|[Tt]ipo|"
        "[Aa]llegato|[Ll]ibro"
    )
    named_versions = (
        f"{Romance.named_versions}|versione|articolo|motore|Motore|USB|HDMI|Bluetooth|Java|"
        "Panda|Punto|Golf|Clio|Corsa|Fiesta|Ypsilon"
    )
    not_nouns = frozenset(
        "di del dello della dei degli delle in e o ed al alla allo ai agli alle per da dal dalla dai dalle con senza "
        "a che è sono ma mila più meno su sul sulla sui sulle nel nello nella nei negli nelle se tra fra come anche "
        "virgola punto fuori interno "
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre".split()
    )

    def rules(self, stage: Stage) -> list[Rule]:
        own: list[Rule] = []
        if stage is Stage.WORDS:
            own = [
                *accents.rules(),
                near_words("floor", _FLOOR, self._floor, ("p.",)),
                *measures.rules(),
                *words.rules(self),
                *papers.word_rules(),
                Rule("Roman numeral", _CENTURY, self._century),
                Rule("hours", _HOURS, lambda match: "ore "),
                near_digits("hours", _COMMA_HOURS, lambda match: f"{match[1]}:"),
                Rule("first of a month", _FIRST, lambda match: f"{_FIRST_ARTICLES[match[1]]} 1"),
                Rule("province", _PROVINCE, lambda match: f", {' '.join(match[1])}"),
                at_digits("province", _TOWN_PROVINCE, lambda match: f"{match[1].rstrip()}, {' '.join(match[2])}"),
            ]
        if stage is Stage.CODES:
            own = papers.rules(self)
        if stage is Stage.INTERNET:
            own = [near_words("at", _AT, lambda match: "@", ("(at)", "[at]"))]
        if stage is Stage.DATES:
            own = [*dates.rules(self), *times.rules(self)]
        if stage is Stage.ORDINALS:
            own = [
                Rule("first of a month", _THE_FIRST, lambda match: "primo"),
                at_digits("degrees", _DEGREES, self._degrees, "°º"),
                near_digits("ordinal", _JOINED, lambda match: self.ordinal(int(match[1]))),
            ]
        if stage is Stage.MEASURES:
            own = measures.verb_rules(self)
        if stage is Stage.MONEY:
            own = measures.range_rules(self)
        if stage is Stage.DIGITS:
            own = [
                *measures.scale_rules(self),
                near_digits("number of one", _LABELLED, lambda match: f"{match[1]}uno", ("1 ",)),
            ]
        if stage is Stage.NUMBERS:
            own = measures.price_rules(self)
        if stage is Stage.SYMBOLS:
            own = [*words.symbol_rules(self), Rule("elision", _ELIDED, lambda match: "un'")]
        return [*own, *super().rules(stage)]

    def midnight_rules(self) -> list[Rule]:
        def midnight(match: re.Match[str]) -> str:
            minute = int(match[2] or match[3] or 0)
            past = f" e {self.cardinal(minute)}" if minute else ""
            return f"{'da' if match[1] else 'a'} mezzanotte{past}"

        return [Rule("midnight", _MIDNIGHT, midnight)]

    def _degrees(self, match: re.Match[str]) -> str | None:
        # "Il 3° lunedì" is one of a month's.
        number = int(match[1])
        return self.counted(Written(number), self.degree) if number > 5 else None

    def _floor(self, match: re.Match[str]) -> str:
        return f"{match[1]} piano" + ("." if ends_text(match) else "")

    def _century(self, match: re.Match[str]) -> str | None:
        number = self.roman(match[1])
        return None if number is None else f"{self.ordinal(number)} {'secolo' if match[2] == 'sec.' else match[2]}"

    def plain(self, number: int) -> str:
        """The words of hundreds and thousands apart, which are easier to read and sound the same."""
        if number >= 1_000_000:
            size, name = (10**9, "miliard") if number >= 10**9 else (10**6, "milion")
            many, rest = divmod(number, size)
            said = f"un {name}{'e' if size == 10**6 else 'o'}" if many == 1 else f"{self.plain(many)} {name}i"
            return f"{said} {self.plain(rest)}" if rest else said
        if number >= 1000:
            many, rest = divmod(number, 1000)
            said = "mille" if many == 1 else f"{self.plain(many)}mila"
            return f"{said} {self.plain(rest)}" if rest else said
        if number >= 100:
            many, rest = divmod(number, 100)
            said = "cento" if many == 1 else f"{super().plain(many)}cento"
            return f"{said} {super().plain(rest)}" if rest else said
        return super().plain(number)

    def century(self, number: int) -> str:
        return f"secolo {self.ordinal(number)}"

    def season(self, first: int, last: int) -> str:
        return f"{self.year(first)} {self.year(last)}"

    def between(self, low: str, high: str, before: str, behind: str) -> str:
        return ranges.said(low, high, before, behind, self)

    def short_number(self, digits: str) -> str:
        """Up to three digits are a number ("il centododici"), four are two ("il quindici ventidue")."""
        if len(digits) == 4 and "0" not in (digits[0], digits[2]):
            return f"{self.cardinal(int(digits[:2]))} {self.cardinal(int(digits[2:]))}"
        return self.cardinal(int(digits)) if len(digits) <= 4 and digits[0] != "0" else self.spell_digits(digits)

    def height(self, metres: int, centimetres: str) -> str:
        said = self.counted(Written(metres), Name("metro", "metri"))
        return f"{said} e {self.cardinal(int(centimetres))}" if int(centimetres) else said

    def weekday_range(self, first: str, last: str, preceded: bool) -> str:
        if (first, last) == ("sabato", "domenica") and not preceded:
            return f"{first} e {last}"
        begin = "" if preceded else "dalla " if first == "domenica" else "dal "
        return f"{begin}{first} {'alla' if last == 'domenica' else 'al'} {last}"

    def time_range(self, begin: str, low: str, high: str) -> str:
        if begin and low.startswith("una"):
            begin = "dall'"
        if high == "mezzanotte":
            return f"{begin}{low} a mezzanotte"
        return f"{begin}{low} {'all' + chr(39) if high.startswith('una') else 'alle '}{high}"

    def day_range(self, first: int, last: int, preceded: bool) -> str:
        words = [self.day(day) for day in (first, last)]
        to = "all'" if last in (8, 11) else "al "
        if preceded:
            return f"{words[0]} {to}{words[1]}"
        return f"{'dall' + chr(39) if first in (8, 11) else 'dal '}{words[0]} {to}{words[1]}"

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
        if noun in tables.MASCULINE:
            return False
        return noun in tables.FEMININE or noun.endswith(tables.FEMININE_ENDINGS)

    def scaled(self, written: Written, scale: str) -> str:
        word = self.scales[scale]
        singular = {"milioni": "milione", "miliardi": "miliardo"}
        return singular.get(word, word) if written == Written(1) else word

    def before_noun(self, written: Written, noun: str) -> str:
        if written == Written(1) and self.form_for(noun) != "count":
            return self.one(noun).removesuffix(noun).rstrip()
        return super().before_noun(written, noun)

    def fraction(self, above: int, below: int) -> str | None:
        if (above, below) == (1, 2):
            return "mezzo"
        part = tables.PARTS.get(below) or (self.ordinal(below) if 10 < below <= 1000 else None)
        return f"{self.cardinal(above, 'masculine')} {part[:-1]}{'i' if above > 1 else 'o'}" if part else None

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
