"""French."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

import re

from telephony.text.normalization.language import Currency, Form, Name, Written, spelled
from telephony.text.normalization.romance import Romance
from telephony.text.normalization.rules import Rule, Stage, at_digits

_CENTIME = Name("centime", "centimes")
_PARTS = {2: "demi", 3: "tiers", 4: "quart", 5: "cinquième", 6: "sixième", 8: "huitième", 10: "dixième"}
_FEMININE = frozenset(
    "heure minute seconde semaine année journée nuit fois personne place chambre livre once tonne ligne page carte "
    "porte table boîte bouteille "
    "couronne roupie offre commande facture demande question réponse adresse option étape touche "
    "part partie pièce clé clef rue voiture maison tasse pinte cuillère "
    "femme option erreur couleur fleur valeur chaleur longueur largeur hauteur profondeur fin main dent nuit voix noix "
    "croix loi mer cour forêt dette taxe remise franchise prime garantie panne visite consigne ligne file bande leçon "
    "façon école classe lettre vitre fenêtre chaîne marque banque salle veste robe jupe chemise baignoire douche "
    "journée matinée soirée mère fille sœur tante cousine voisine dame gélule dose goutte piqûre marche usine ville "
    "plage montagne rivière valise étoile barre lampe bague montre chaise caisse course tranche boucle période méthode "
    "république guerre bataille maladie assistance amende remarque".split()
)
_FEMININE_ENDINGS = (
    "tion", "sion", "ette", "esse", "ence", "ance", "ure", "ité", "ée", "elle", "enne", "aine", "aison", "ise", "euse",
    "trice", "erie", "ogie", "phie",
)  # fmt: skip
_CENTURY = re.compile(
    r"(?<!\w)([IVXL]{1,8})(?:e|ème|ère|re|er)\s(siècles?|s\.|arrondissement|République|millénaire)(?!\w)|"
    r"(?<!\w)([IVX]{2,8})(?:e|ème|ère|re|er)\s([^\W\d_]{3,30})"
)
_INVARIABLE = re.compile(r"(?<!\w)(années|page|chambre|numéro|article|chapitre)\s(80|[2-9]00)(?![\w%€]|[.,:/-]\d| \d)")
_ELIDED = re.compile(r"(?<!\w)de (?=une? (?!à |sur |ou |et |pour )[a-zà-ÿ])")
_DIRECTORY = re.compile(r"(?<![\w.,])118\s?([1-9]\d\d)(?!\d| \d|[.,]\d)")
_SAINT = re.compile(r"(?<!\w)(Ste?)\.?-(?=[A-ZÀ-Þ])")
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
        "Md": "milliards", "Mds": "milliards", "Mrd": "milliards", "milliard": "milliard", "milliards": "milliards",
    }  # fmt: skip
    units = {
        "Go": "digital-gigabyte", "Mo": "digital-megabyte", "Ko": "digital-kilobyte", "ko": "digital-kilobyte",
        "To": "digital-terabyte", "sec": "duration-second", "mcg": "mass-microgram", "µg": "mass-microgram",
        "μg": "mass-microgram", "dl": "volume-deciliter", "dL": "volume-deciliter", "A": "electric-ampere",
        "ch": "horsepower", "cv": "horsepower", "CV": "horsepower", "gttes": "drop", "cp": "tablet", "cps": "tablet",
        "cpr": "tablet", "gél": "capsule", "UI": "international", "mmHg": "mercury", "bpm": "beat", "tr/min": "turn",
        "mAh": "amp-hour", "dB": "decibel", "Km": "length-kilometer", "KM": "length-kilometer",
        "kmh": "speed-kilometer-per-hour", "Km/h": "speed-kilometer-per-hour", "Kg": "mass-kilogram",
        "KG": "mass-kilogram", "mn": "duration-minute", "j": "duration-day", "sem": "duration-week",
        "pers": "person", "c. à s.": "spoon", "c. à c.": "tea-spoon",
        "degrés C": "temperature-celsius", "mois": "duration-month", "ans": "duration-year",
    }  # fmt: skip
    rates = {
        "mois": "mois", "an": "an", "jour": "jour", "j": "jour", "h": "heure", "min": "minute", "s": "seconde",
        "semaine": "semaine", "sem": "semaine", "nuit": "nuit", "personne": "personne", "pers": "personne",
        "kg": "kilo", "km": "kilomètre", "kWh": "kilowattheure", "heure": "heure", "année": "an", "litre": "litre",
        "l": "litre", "L": "litre", "appel": "appel",
    }  # fmt: skip
    abbreviations = {
        "Mme": "Madame", "Mmes": "Mesdames", "Mlle": "Mademoiselle", "MM.": "Messieurs", "Mme.": "Madame",
        "etc.": "et cetera", "etc": "et cetera", "c.-à-d.": "c'est-à-dire", "p. ex.": "par exemple",
        "ex.:": "exemple:", "ex. :": "exemple :", "env.": "environ", "tél.": "téléphone", "Tél.": "Téléphone",
        "rdv": "rendez-vous", "RDV": "rendez-vous", "svp": "s'il vous plaît", "SVP": "s'il vous plaît",
        "bd": "boulevard", "Bd": "Boulevard", "Bd.": "Boulevard", "av.": "avenue", "Av.": "Avenue",
        "réf.": "référence", "Réf.": "Référence", "dépt.": "département", "apr.": "après",
        "24h/24": "vingt-quatre heures sur vingt-quatre", "24 h/24": "vingt-quatre heures sur vingt-quatre",
        "7j/7": "sept jours sur sept", "7 j/7": "sept jours sur sept",
        "Dr": "Docteur", "n°": "numéro", "trim.": "trimestre", "exp.": "expiration", "arr.": "arrondissement",
        "N°": "Numéro", "M. et": "Monsieur et", "Mrs": "Messieurs",
        "Drs": "Docteurs", "Mr": "Monsieur", "Mr.": "Monsieur", "MM": "Messieurs", "Mgr": "Monseigneur",
        "Mlles": "Mesdemoiselles",
        "tel.": "téléphone", "tél": "téléphone", "Tél": "Téléphone", "tel": "téléphone", "pl.": "place",
        "Pl.": "Place", "rte": "route", "Rte": "Route", "chem.": "chemin", "Chem.": "Chemin", "ch.": "chambre",
        "imp.": "impasse", "Imp.": "Impasse", "sq.": "square", "fg": "faubourg", "Fg": "Faubourg", "fbg": "faubourg",
        "rés.": "résidence", "Rés.": "Résidence", "bât.": "bâtiment", "Bât.": "Bâtiment", "bât": "bâtiment",
        "Bât": "Bâtiment", "appt.": "appartement", "appt": "appartement", "appart.": "appartement",
        "apt": "appartement", "apt.": "appartement", "ét.": "étage", "esc.": "escalier", "Esc.": "Escalier",
        "bd.": "boulevard", "boul.": "boulevard", "Boul.": "Boulevard", "qu.": "quai", "CEDEX": "cedex",
        "s.v.p.": "s'il vous plaît", "s.v.p": "s'il vous plaît", "stp": "s'il te plaît", "c-à-d": "c'est-à-dire",
        "c.-à-d": "c'est-à-dire", "p.ex.": "par exemple", "av. J.-C.": "avant Jésus-Christ",
        "apr. J.-C.": "après Jésus-Christ", "hab.": "habitants", "qté": "quantité", "nb": "nombre", "Sté": "Société",
        "Cie": "Compagnie", "éd.": "édition", "rdvs": "rendez-vous", "RV": "rendez-vous", "Rdv": "Rendez-vous",
        "ref.": "référence", "réf": "référence", "Réf": "Référence", "mdp": "mot de passe",
        "ttc": "toutes taxes comprises",
        "TTC": "toutes taxes comprises", "HT": "hors taxes", "ht": "hors taxes", "jq": "jusque",
        "24h/24h": "vingt-quatre heures sur vingt-quatre", "7j/7j": "sept jours sur sept", "7/7": "sept jours sur sept",
        "24/24": "vingt-quatre heures sur vingt-quatre", "7 jours/7": "sept jours sur sept",
        "24 heures/24": "vingt-quatre heures sur vingt-quatre", "c/o": "chez", "n/a": "non applicable",
        "1/2 journée": "demi-journée", "env": "environ",
    }  # fmt: skip
    titles = {"M.": "Monsieur", "Dr": "Docteur", "Dr.": "Docteur", "Pr": "Professeur", "Pr.": "Professeur",
              "Me": "Maître", "St": "Saint", "Ste": "Sainte", "Prof.": "Professeur",
              "Gal": "Général", "Cdt": "Commandant", "Cap.": "Capitaine", "all.": "allée", "All.": "Allée",
              "Mrs": "Messieurs", "Vve": "Veuve"}  # fmt: skip
    before_number = {
        "n°": "numéro", "N°": "numéro", "nº": "numéro", "no": "numéro", "#": "numéro", "p.": "page", "pp.": "pages",
        "art.": "article", "Art.": "article", "chap.": "chapitre", "vol.": "volume", "apt.": "appartement",
        "v.": "version",
        "N°.": "numéro", "n°.": "numéro", "Nº": "numéro", "No": "numéro", "No.": "numéro", "num.": "numéro",
        "nos": "numéros", "apt": "appartement", "app.": "appartement", "Apt": "Appartement", "bât.": "bâtiment",
        "all.": "allée", "ch.": "chambre", "ét.": "étage", "porte n°": "porte numéro", "Chap.": "Chapitre",
        "Vol.": "Volume", "fig.": "figure",
        "al.": "alinéa", "tél": "téléphone", "poste n°": "poste numéro", "BP": "B P", "km": "kilomètre",
    }  # fmt: skip
    weekdays = {
        "lun": "lundi", "mar": "mardi", "mer": "mercredi", "jeu": "jeudi", "ven": "vendredi", "sam": "samedi",
        "dim": "dimanche",
    }  # fmt: skip
    weekday_initials = {"L": "lundi", "V": "vendredi", "S": "samedi", "D": "dimanche"}
    weekdays_from = "du"
    weekdays_to = "au"
    hours_from = "de"
    hours_to = "à"
    range_words = "du|de|des|entre|à|au|aux|dès|depuis|jusqu'à|jusqu'au"
    time_words = "à|de|dès|vers|avant|après|jusqu'à|entre|et"
    opening_words = "horaires|horaire|ouvert|ouverte|ouvre|ouverture|accueil"
    hour_words = r"heures?|h\.?"
    and_words = "et|ou"
    month_words = "en|de|dès|jusqu'en|fin|début|mi"
    expiry_words = "expire|expiration|valide|valable|échéance|validité"
    part_words = "échéance|page|étape|partie|mensualité|versement|tentative|chapitre|épisode"
    part_of = "sur"
    pressure_words = "tension|pression|TA"
    pressure_over = "sur"
    currency_signs = {"FF": "FRF", "Frs": "CHF", "frs": "CHF", "CFA": "XOF", "FCFA": "XOF", "$CA": "CAD", "$US": "USD"}
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
        "référence|modèle|contrat|ticket|client|confirmation|colis|passeport|bon"
    )
    named_joint = "de|du|d|est|numéro|n|no|le|la|votre|promo"
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
    spoken_units = {
        "decibel": Name("décibel", "décibels"),
        "mass-kilogram": Name("kilo", "kilos"),
        "horsepower": Name("cheval", "chevaux"),
        "drop": Name("goutte", "gouttes"),
        "tablet": Name("comprimé", "comprimés"),
        "capsule": Name("gélule", "gélules"),
        "international": Name("unité internationale", "unités internationales"),
        "mercury": Name("millimètre de mercure", "millimètres de mercure"),
        "beat": Name("battement par minute", "battements par minute"),
        "turn": Name("tour par minute", "tours par minute"),
        "amp-hour": Name("milliampère-heure", "milliampères-heure"),
        "person": Name("personne", "personnes"),
        "spoon": Name("cuillère à soupe", "cuillères à soupe"),
        "tea-spoon": Name("cuillère à café", "cuillères à café"),
    }
    months = {
        "janv": 1, "jan": 1, "févr": 2, "fév": 2, "fev": 2, "avr": 4, "juin": 6, "juil": 7, "jul": 7, "aoû": 8,
        "sept": 9, "oct": 10, "nov": 11, "déc": 12, "dec": 12,
    }  # fmt: skip
    code_words = (
        r"code|PIN|compte|commande|référence|confirmation|dossier|carte|réservation|billet|facture|suivi|contrat|client|"
        r"passe|postal|poste|vol|terminant par|se termine par|chiffres|numéro"
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
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
    )

    def rules(self, stage: Stage) -> list[Rule]:
        own: list[Rule] = []
        if stage is Stage.WORDS:
            own = [
                Rule("saint", _SAINT, lambda match: "Saint-" if match[1] == "St" else "Sainte-"),
                Rule("Roman numeral", _CENTURY, self._century),
            ]
        if stage is Stage.CODES:
            own = [
                Rule("invariable number", _INVARIABLE, self._invariable),
                Rule("directory", _DIRECTORY, lambda match: f"{self.cardinal(118)}, {self.cardinal(int(match[1]))}"),
            ]
        if stage is Stage.SYMBOLS:
            own = [Rule("elision", _ELIDED, lambda match: "d'")]
        if stage is Stage.ORDINALS:
            own = [at_digits("ordinal", _ORDINAL, self._marked_ordinal)]
        return [*own, *super().rules(stage)]

    def _century(self, match: re.Match[str]) -> str | None:
        number, noun = self.roman(match[1] or match[3]), match[2] or match[4]
        if number is None:
            return None
        return f"{self.ordinal(number, self.is_feminine(noun.lower()))} {'siècle' if noun == 's.' else noun}"

    def _invariable(self, match: re.Match[str]) -> str:
        return f"{match[1]} {self.cardinal(int(match[2])).removesuffix('s')}"

    def _marked_ordinal(self, match: re.Match[str]) -> str | None:
        number, ending = int(match[1].replace(" ", "")), match[2].rstrip("s")
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

    def scaled(self, written: Written, scale: str) -> str:
        return self.scales[scale].removesuffix("s") if written.whole < 2 else self.scales[scale]

    def fraction(self, above: int, below: int) -> str | None:
        part = _PARTS.get(below) or (self.ordinal(below) if 4 < below <= 1000 else None)
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
