"""French."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

import re

from telephony.text.normalization import romance
from telephony.text.normalization.language import Currency, Form, Language, Name, Written, spelled
from telephony.text.normalization.rules import Rule, Stage, at_digits

_CENTIME = Name("centime", "centimes")
_PARTS = {2: "demi", 3: "tiers", 4: "quart", 5: "cinquième", 6: "sixième", 8: "huitième", 10: "dixième"}
_FEMININE = frozenset(
    "heure minute seconde semaine année journée nuit fois personne place chambre livre once tonne ligne page carte "
    "porte table boîte bouteille "
    "couronne roupie offre commande facture demande question réponse adresse option étape touche "
    "part partie pièce clé clef rue voiture maison tasse pinte cuillère".split()
)
_FEMININE_ENDINGS = ("tion", "sion", "ette", "esse", "ence", "ance", "ure", "ité", "ée", "elle", "enne", "aine")
_CENTURY = re.compile(r"(?<!\w)([IVXL]{1,8})(?:e|ème|ᵉ|er)(?=\s(?:siècle|arrondissement|République|millénaire))")
_ORDINAL = re.compile(r"(?<![\w.,])(\d{1,6})(ères?|ers?|res?|ndes?|nds?|èmes?|emes?|es?|è)(?!\w)")


class French(Language):
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
    currencies = {
        "EUR": Currency(Name("euro", "euros"), _CENTIME),
        "USD": Currency(Name("dollar", "dollars"), Name("cent", "cents")),
        "CAD": Currency(Name("dollar canadien", "dollars canadiens"), Name("cent", "cents")),
        "CHF": Currency(Name("franc suisse", "francs suisses"), _CENTIME),
        "GBP": Currency(Name("livre", "livres"), Name("penny", "pence")),
        "BRL": Currency(Name("réal", "réals"), Name("centavo", "centavos")),
        "JPY": Currency(Name("yen", "yens")),
    }
    scales = {
        "k": "mille", "K": "mille", "mille": "mille", "M": "millions", "million": "million", "millions": "millions",
        "Md": "milliards", "Mds": "milliards", "milliard": "milliard", "milliards": "milliards",
    }  # fmt: skip
    units = {
        "Go": "digital-gigabyte", "Mo": "digital-megabyte", "Ko": "digital-kilobyte", "ko": "digital-kilobyte",
        "To": "digital-terabyte", "sec": "duration-second",
    }  # fmt: skip
    rates = {"mois": "mois", "an": "an", "jour": "jour", "j": "jour", "h": "heure", "min": "minute", "s": "seconde"}
    abbreviations = {
        "Mme": "Madame", "Mmes": "Mesdames", "Mlle": "Mademoiselle", "MM.": "Messieurs", "Mme.": "Madame",
        "etc.": "et cetera", "etc": "et cetera", "c.-à-d.": "c'est-à-dire", "p. ex.": "par exemple",
        "ex.:": "exemple:", "ex. :": "exemple :", "env.": "environ", "tél.": "téléphone", "Tél.": "Téléphone",
        "rdv": "rendez-vous", "RDV": "rendez-vous", "svp": "s'il vous plaît", "SVP": "s'il vous plaît",
        "bd": "boulevard", "Bd": "Boulevard", "Bd.": "Boulevard", "av.": "avenue", "Av.": "Avenue", "max.": "maximum",
        "min.": "minimum", "réf.": "référence", "Réf.": "Référence", "dépt.": "département", "apr.": "après",
        "24h/24": "vingt-quatre heures sur vingt-quatre", "24 h/24": "vingt-quatre heures sur vingt-quatre",
        "7j/7": "sept jours sur sept", "7 j/7": "sept jours sur sept", "St-": "Saint-", "Ste-": "Sainte-",
    }  # fmt: skip
    titles = {"M.": "Monsieur", "Dr": "Docteur", "Dr.": "Docteur", "Pr": "Professeur", "Pr.": "Professeur",
              "Me": "Maître", "St": "Saint", "Ste": "Sainte", "Prof.": "Professeur"}  # fmt: skip
    before_number = {
        "n°": "numéro", "N°": "numéro", "nº": "numéro", "no": "numéro", "#": "numéro", "p.": "page", "pp.": "pages",
        "art.": "article", "Art.": "article", "chap.": "chapitre", "vol.": "volume", "apt.": "appartement",
        "v.": "version",
    }  # fmt: skip
    months = {
        "janv": 1, "jan": 1, "févr": 2, "fév": 2, "avr": 4, "juil": 7, "sept": 9, "oct": 10, "nov": 11, "déc": 12,
    }  # fmt: skip
    code_words = (
        r"code|PIN|compte|commande|référence|confirmation|dossier|carte|réservation|billet|facture|suivi|contrat|client|"
        r"passe|postal|poste|vol|terminant par|se termine par|chiffres|téléphone|numéro"
    )
    short_code_words = r"appelez|composez|code|PIN|CVV|poste"
    date_words = r"le|du|au|jusqu'au|depuis le|avant le|après le|date|échéance"
    kings = "Louis|Henri|Charles|François|Napoléon|Philippe|Élisabeth|Elizabeth|Jean-Paul|Benoît|Jean|Pie"
    queens = frozenset({"Élisabeth", "Elizabeth"})
    last_ordinal_king = 1
    before_roman = "[Cc]hapitre|[Pp]artie|[Vv]olume|[Tt]itre|[Pp]hase|[Tt]ype|[Aa]nnexe|[Ll]ivre|[Tt]ome"
    not_nouns = frozenset(
        "de du des la le les en et ou au aux pour par avec sans à que est sont mais mille plus moins virgule sur dans "
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
    )

    def rules(self, stage: Stage) -> list[Rule]:
        if stage is Stage.WORDS:
            return [Rule("Roman numeral", _CENTURY, self._century)]
        if stage is Stage.DATES:
            return romance.date_rules(self)
        if stage is Stage.TIMES:
            return romance.hour_rules(self)
        if stage is Stage.ORDINALS:
            return [at_digits("ordinal", _ORDINAL, self._marked_ordinal)]
        return []

    def _century(self, match: re.Match[str]) -> str | None:
        number = self.roman(match[1])
        return None if number is None else self.ordinal(number)

    def _marked_ordinal(self, match: re.Match[str]) -> str | None:
        number, ending = int(match[1]), match[2].rstrip("s")
        if not number or (ending in ("er", "re", "ère") and number != 1):
            return None
        if ending in ("nd", "nde"):
            return "second" if ending == "nd" else "seconde"
        return self.ordinal(number, ending in ("re", "ère"))

    def agree(self, words: str, number: int, form: Form) -> str:
        return re.sub(r"\bun$", "une", words) if form == "feminine" else words

    def ordinal(self, number: int, feminine: bool = False) -> str:
        if number == 1:
            return "première" if feminine else "premier"
        words = spelled(number, "fr", "ordinal")
        return re.sub(r"(?<=vingt|.cent)s(?=ième)", "", words)

    def is_feminine(self, noun: str) -> bool:
        return (
            noun.removesuffix("s") in _FEMININE
            or noun in _FEMININE
            or noun.removesuffix("s").endswith(_FEMININE_ENDINGS)
        )

    def linked(self, noun: str) -> str:
        return f" d'{noun}" if noun[0] in "aeiouyéh" and not noun.startswith("y") else f" de {noun}"

    def money(self, written: Written, code: str, scale: str = "") -> str:
        if scale and self.scales[scale] == "mille":
            return f"{self.number(written)} mille {self.currency(code).unit.many}"
        return super().money(written, code, scale)

    def scaled(self, written: Written, scale: str) -> str:
        return self.scales[scale].removesuffix("s") if written.whole < 2 else self.scales[scale]

    def fraction(self, above: int, below: int) -> str | None:
        if below not in _PARTS:
            return None
        part = _PARTS[below]
        return f"{self.cardinal(above)} {part}{'s' if above > 1 and part[-1] != 's' else ''}"

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
