"""French."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

import re

from telephony.text.normalization.french import addresses, codes, dates, doses, money, tables, times, words
from telephony.text.normalization.language import Form, Name, Written, spelled
from telephony.text.normalization.romance import Romance
from telephony.text.normalization.rules import Rule, Stage, at_digits, near_digits, near_words

_CENTURY = re.compile(
    r"(?<!\w)([IVXL]{1,8})(?:e|ème|ère|re|er)\s(siècles?|s\.|arrondissement|République|millénaire)(?!\w)|"
    r"(?<!\w)([IVX]{2,8})(?:e|ème|ère|re|er)\s([^\W\d_]{3,30})"
)
_INVARIABLE = re.compile(r"(?<!\w)(années|page|chambre|numéro|article|chapitre)\s(80|[2-9]00)(?![\w%€]|[.,:/-]\d| \d)")
_AT_LEAST = re.compile(r"(?<!\()\s?(≥|≤|>=|<=)\s?|(?<=\()(≥|≤|>=|<=)\s?")
_PATH = re.compile(r"(?<=[^\W\d_])\s>\s(?=[^\W\d_]{3})")
# A symbol behind "un" is a space in the end.
_ELIDED = re.compile(r"(?<!\w)de (?=une?[^\w.,;:!?'\"()—-]{1,4}(?!à |sur |ou |et |pour )[a-zà-ÿ])")
_OUT_OF = frozenset((20, 100))
_ORDINAL = re.compile(
    r"(?<![\w.,])(\d{1,3}(?: \d{3}){1,4}|\d{1,6})(ères?|ers?|res?|ndes?|nds?|èmes?|emes?|es?|è)(?!\w)"
)


class French(Romance):
    """French of France."""

    locale = "fr"
    speller = "fr"
    regions = ("FR", "BE")

    digits = ("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf")
    minus = "moins"
    plus = "plus"
    point = "virgule"
    to = "à"
    over = "sur"
    per = "par"
    percent = "pour cent"
    permille = "pour mille"
    number_sign = "numéro"
    section = "paragraphe"
    about = "environ"
    times = "fois"
    fold = "fois"
    divided_by = "divisé par"
    equals = "égale"
    less = "inférieur à"
    greater = "supérieur à"
    ampersand = "et"
    at = "arobase"
    degree = Name("degré", "degrés")
    dot = "point"
    mail_at = "arobase"
    hyphen = "tiret"
    underscore = "tiret bas"
    slash = "barre oblique"
    colon = "deux points"
    hashtag = "hashtag"
    star_key = "étoile"
    pound_key = "dièse"
    squared = "au carré"
    cubed = "au cube"
    half = "un demi"
    and_half = "et demi"
    all_day = "vingt-quatre heures sur vingt-quatre, sept jours sur sept"
    version = "version"
    cents_joint = "et"
    phone_pairs = True
    alphabet = tables.ALPHABET
    as_in = "{letter} comme {word}"
    currencies = tables.CURRENCIES
    scales = {
        "k": "mille", "K": "mille", "mille": "mille", "M": "millions", "million": "million", "millions": "millions",
        "Md": "milliards", "Mds": "milliards", "Mrd": "milliards", "milliard": "milliard", "milliards": "milliards",
    }  # fmt: skip
    units = tables.UNITS
    rates = tables.RATES
    abbreviations = tables.ABBREVIATIONS
    titles = tables.TITLES
    before_number = tables.BEFORE_NUMBER
    weekdays = tables.WEEKDAYS
    weekday_initials = tables.WEEKDAY_INITIALS
    weekdays_from = "du"
    weekdays_to = "au"
    hours_from = "de"
    hours_to = "à"
    range_words = "du|de|des|entre|à|au|aux|dès|depuis|jusqu'à|jusqu'au"
    time_words = "à|de|dès|vers|avant|après|jusqu'à|entre"
    opening_words = "horaires|horaire|ouvert|ouverte|ouvre|ouverture|accueil"
    hour_words = r"heures?|h"
    and_words = "et|ou"
    month_words = "en|de|dès|jusqu'en|fin|début|mi"
    expiry_words = "expire|expiration|valide|valable|échéance|validité"
    part_words = (
        "échéance|colis|carton|séance|envoi|prélèvement|paiement|question|page|étape|partie|mensualité|versement|"
        "tentative|chapitre|épisode"
    )
    part_of = "sur"
    pressure_words = "tension|pression|TA"
    pressure_over = "sur"
    currency_signs = tables.CURRENCY_SIGNS
    cent_signs = "cts?|cents|c€"
    text_verbs = "envoyez|envoyer|répondez|message|textez|texto"
    text_to = "au|à"
    call_words = (
        "appelez le|composez le|appeler le|composer le|faites le|contactez le|appelez-nous au|joignable au|au|le numéro"
    )
    extension_words = r"poste|ext\.|extension|int\."
    extension = "poste"
    document_words = (
        "SIREN|SIRET|SSN|TVA|NIR|sécurité sociale|carte vitale|carte d'identité|passeport|permis|IBAN|RIB|NIF|URSSAF|"
        "RCS [A-Z][a-zà-ÿ]{2,20}|allocataire"
    )
    named_words = (
        "code|mot de passe|PNR|réservation|dossier|commande|immatriculation|plaque|châssis|série|coupon|billet|suivi|"
        "référence|modèle|contrat|ticket|client|confirmation|colis|passeport|bon|sinistre|BIC|SWIFT"
    )
    named_joint = "de|du|d|est|numéro|n|no|le|la|votre|promo|provisoire|temporaire|confidentiel|unique"
    flight_words = "vol|vols|train|TGV"
    road_words = "A|N|D|RN|RD|E"
    ending_in = "se terminant par"
    every = "toutes les|tous les|chaque"
    per_amount = "aux"
    times_a = "par"
    once = "une fois"
    either = "ou"
    century_words = "siècle"
    articles = "le |la |du |au |un |une |ce |cette "
    plate_words = "immatriculation|plaque"
    year_words = "année|an|Année"
    thousand_words = "mille"
    extremes = {"max": ("maximum", "maximum"), "min": ("minimum", "minimum")}
    by = "sur"
    out_of = "sur"
    in_month = "en"
    street_words = "rue|avenue|boulevard|place|route|chemin|allée|quai|impasse|cours"
    thousand = "mille"
    half_of = {"masculine": "un demi", "feminine": "une demi"}
    and_half_of = {"masculine": "et demi", "feminine": "et demie"}
    spoken_units = tables.SPOKEN_UNITS
    months = tables.MONTHS
    code_words = (
        r"code|PIN|compte|commande|référence|confirmation|dossier|carte|réservation|billet|facture|suivi|contrat|client|"
        r"passe|postal|poste|vol|terminant par|se termine par|finit par|finissant par|chiffres|numéro|"
        r"interphone|digicode|Visa|Mastercard|Amex|CB"
    )
    short_code_words = r"appelez|composez|code|PIN|CVV|poste"
    date_words = r"le|du|au|jusqu'au|depuis le|avant le|après le|date|échéance"
    kings = "Louis|Henri|Charles|François|Napoléon|Philippe|Élisabeth|Elizabeth|Jean-Paul|Benoît|Jean|Pie"
    queens = frozenset({"Élisabeth", "Elizabeth"})
    last_ordinal_king = 1
    named_versions = f"{Romance.named_versions}|article"
    before_roman = "[Cc]hapitre|[Pp]artie|[Vv]olume|[Tt]itre|[Pp]hase|[Tt]ype|[Aa]nnexe|[Ll]ivre|[Tt]ome"
    not_nouns = frozenset(
        "de du des la le les en et ou au aux pour par avec sans à que est sont mais mille plus moins virgule sur dans "
        "demain hier ce cet cette matin ici prévus prévu maxi mini "
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
    )

    def rules(self, stage: Stage) -> list[Rule]:
        own: list[Rule] = []
        if stage is Stage.WORDS:
            own = [
                *times.written_rules(),
                *words.rules(),
                *addresses.rules(self),
                Rule("Roman numeral", _CENTURY, self._century),
            ]
        if stage is Stage.CODES:
            own = [
                near_digits("invariable number", _INVARIABLE, self._invariable),
                *doses.joined_rules(self),
                *codes.rules(self),
            ]
        if stage is Stage.MONEY:
            own = money.rules()
        if stage is Stage.DATES:
            own = dates.rules(self)
        if stage is Stage.RANGES:
            own = doses.rules(self)
        if stage is Stage.TIMES:
            own = times.rules(self)
        if stage is Stage.SYMBOLS:
            own = [
                near_words("comparison", _AT_LEAST, self._compared, "≥≤>=<"),
                near_words("path", _PATH, lambda match: ", ", (" > ",)),
                Rule("elision", _ELIDED, lambda match: "d'"),
            ]
        if stage is Stage.ORDINALS:
            own = [at_digits("ordinal", _ORDINAL, self._marked_ordinal)]
        return [*own, *super().rules(stage)]

    def _century(self, match: re.Match[str]) -> str | None:
        number, noun = self.roman(match[1] or match[3]), match[2] or match[4]
        if number is None:
            return None
        return f"{self.ordinal(number, self.is_feminine(noun.lower()))} {'siècle' if noun == 's.' else noun}"

    def _compared(self, match: re.Match[str]) -> str:
        sign = match[1] or match[2]
        said = f"{self.greater if sign in ('≥', '>=') else self.less} ou {self.equals} à "
        return (f" {said}" if match[1] else said).replace("à ou", "ou").replace("égale à", "égal à")

    def _invariable(self, match: re.Match[str]) -> str:
        return f"{match[1]} {self.cardinal(int(match[2])).removesuffix('s')}"

    def _marked_ordinal(self, match: re.Match[str]) -> str | None:
        number, ending = int(match[1].replace(" ", "")), match[2].rstrip("s")
        if not number or (ending in ("er", "re", "ère") and number != 1):
            return None
        said = "second" if ending == "nd" else "seconde" if ending == "nde" else None
        return (said or self.ordinal(number, ending in ("re", "ère"))) + ("s" if match[2] != ending else "")

    def agree(self, words: str, number: int, form: Form) -> str:
        return re.sub(r"\bun$", "une", words) if form == "feminine" else words

    def ordinal(self, number: int, feminine: bool = False) -> str:
        if number == 1:
            return "première" if feminine else "premier"
        words = spelled(number, "fr", "ordinal")
        return re.sub(r"(?<=vingt|.cent)s(?=ième)", "", words)

    def is_feminine(self, noun: str) -> bool:
        one = noun.removesuffix("s")
        if one in tables.MASCULINE or noun in tables.MASCULINE:
            return False
        return one in tables.FEMININE or noun in tables.FEMININE or one.endswith(tables.FEMININE_ENDINGS)

    def before_noun(self, written: Written, noun: str) -> str:
        """As elsewhere; what several are counted of ends as plurals do: "21 rue Monge" is a house."""
        plural = written.whole < 2 or noun[-1:] in ("s", "x", "z")
        return super().before_noun(written, noun if plural else "")

    def linked(self, noun: str) -> str:
        return f" d'{noun}" if noun[0] in "aeiouyéh" and not noun.startswith("y") else f" de {noun}"

    def scaled(self, written: Written, scale: str) -> str:
        return self.scales[scale].removesuffix("s") if written.whole < 2 else self.scales[scale]

    def fraction(self, above: int, below: int) -> str | None:
        if above > 1 and below in _OUT_OF:  # points at school
            return f"{self.cardinal(above)} {self.out_of} {self.cardinal(below)}"
        part = tables.PARTS.get(below) or (self.ordinal(below) if 4 < below <= 1000 else None)
        if part is None:
            return None
        return f"{self.cardinal(above)} {part}{'s' if above > 1 and part[-1] != 's' else ''}"

    def century(self, number: int) -> str:
        return f"siècle {self.cardinal(number)}"

    def height(self, metres: int, centimetres: str) -> str:
        said = self.counted(Written(metres), Name("mètre", "mètres"))
        return f"{said} {self.cardinal(int(centimetres))}" if int(centimetres) else said

    def short_number(self, digits: str) -> str:
        if len(digits) == 4 and "0" not in (digits[0], digits[2]):
            return f"{self.cardinal(int(digits[:2]))} {self.cardinal(int(digits[2:]))}"
        return self.cardinal(int(digits)) if len(digits) < 4 and digits[0] != "0" else self.spell_digits(digits)

    def day_range(self, first: int, last: int, preceded: bool) -> str:
        near = last == first + 1
        begin = "" if preceded or near else "du "
        return f"{begin}{self.day(first)} {'et' if near else 'au'} {self.day(last)}"

    def day(self, day: int) -> str:
        return "premier" if day == 1 else self.cardinal(day)

    def date(self, day: int, month: int, year: int | None) -> str:
        said = f"{self.day(day)} {self.month(month)}"
        return f"{said} {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, half: str) -> str:
        late = "de l'après-midi" if hour in (12, 1, 2, 3, 4, 5) else "du soir"
        suffix = f" {'du matin' if half == 'am' else late}" if half else ""
        if hour in (0, 24) and not minute:
            return "minuit"
        said = f"{self.cardinal(hour, 'feminine')} heure{'s' if hour > 1 else ''}"
        return f"{said} {self.cardinal(minute, 'feminine')}{suffix}" if minute else f"{said}{suffix}"
