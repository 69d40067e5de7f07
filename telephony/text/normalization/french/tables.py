"""French words: what is shortened, what is counted, what nouns are."""

from __future__ import annotations

from telephony.text.normalization.language import Currency, Name

CENTIME = Name("centime", "centimes")
PARTS = {2: "demi", 3: "tiers", 4: "quart", 5: "cinquième", 6: "sixième", 8: "huitième", 10: "dixième"}
FEMININE = frozenset(
    "heure minute seconde semaine année journée nuit fois personne place chambre livre once tonne ligne page carte "
    "porte table boîte bouteille "
    "couronne roupie offre commande facture demande question réponse adresse option étape touche "
    "part partie pièce clé clef rue voiture maison tasse pinte cuillère "
    "femme option erreur couleur fleur valeur chaleur longueur largeur hauteur profondeur fin main dent nuit voix noix "
    "croix loi mer cour forêt dette taxe remise franchise prime garantie panne visite consigne ligne file bande leçon "
    "façon école classe lettre vitre fenêtre chaîne marque banque salle veste robe jupe chemise baignoire douche "
    "journée matinée soirée mère fille sœur tante cousine voisine dame gélule dose goutte piqûre marche usine ville "
    "plage montagne rivière valise étoile barre lampe bague montre chaise caisse course tranche boucle période méthode "
    "république guerre bataille maladie assistance amende remarque carafe pizza soupe assiette table terrasse "
    "cave gare route rue piste ligne gamme marche tranche taille somme prise pompe roue clim cuve housse coque puce "
    "pile alarme serrure poignée portière vitre ampoule seringue compresse pilule pommade crème douleur fièvre toux "
    "grippe dent jambe épaule tête balle règle".split()
)
FEMININE_ENDINGS = (
    "tion", "sion", "ette", "esse", "ence", "ance", "ure", "ité", "ée", "elle", "enne", "aine", "aison", "ise", "euse",
    "trice", "ie", "tte", "ière", "ade", "ille", "ude", "ense", "onne", "ante", "asse", "ousse",
)  # fmt: skip
# In spite of their endings.
MASCULINE = frozenset(
    "musée lycée trophée comité invité député côté été traité silence squelette domaine capitaine grade stade "
    "cimetière gorille mille portefeuille génie incendie parapluie foie murmure mercure bastion employé".split()
)
CURRENCIES = {
    "EUR": Currency(Name("euro", "euros"), CENTIME),
    "USD": Currency(Name("dollar", "dollars"), Name("cent", "cents")),
    "CAD": Currency(Name("dollar canadien", "dollars canadiens"), Name("cent", "cents")),
    "CHF": Currency(Name("franc suisse", "francs suisses"), CENTIME),
    "GBP": Currency(Name("livre", "livres"), Name("penny", "pence")),
    "BRL": Currency(Name("réal", "réals"), Name("centavo", "centavos")),
    "JPY": Currency(Name("yen", "yens")),
}
UNITS = {
    "Go": "digital-gigabyte", "Mo": "digital-megabyte", "Ko": "digital-kilobyte", "ko": "digital-kilobyte",
    "To": "digital-terabyte", "sec": "duration-second", "mcg": "mass-microgram", "µg": "mass-microgram",
    "μg": "mass-microgram", "dl": "volume-deciliter", "dL": "volume-deciliter", "A": "electric-ampere",
    "ch": "horsepower", "cv": "horsepower", "CV": "horsepower", "gttes": "drop", "gtte": "drop",
    "po": "length-inch", "sdb": "bathroom", "vit": "gear",
    "cp": "tablet", "cps": "tablet",
    "cpr": "tablet", "gél": "capsule", "UI": "international", "mmHg": "mercury", "bpm": "beat", "tr/min": "turn",
    "mAh": "amp-hour", "dB": "decibel", "Km": "length-kilometer", "KM": "length-kilometer",
    "kmh": "speed-kilometer-per-hour", "Km/h": "speed-kilometer-per-hour", "Kg": "mass-kilogram",
    "KG": "mass-kilogram", "mn": "duration-minute", "j": "duration-day", "sem": "duration-week",
    "pers": "person", "c. à s.": "spoon", "c. à c.": "tea-spoon",
    "degrés C": "temperature-celsius", "mois": "duration-month", "ans": "duration-year",
}  # fmt: skip
RATES = {
    "pce": "pièce",
    "mois": "mois", "an": "an", "jour": "jour", "j": "jour", "h": "heure", "min": "minute", "s": "seconde",
    "semaine": "semaine", "sem": "semaine", "nuit": "nuit", "personne": "personne", "pers": "personne",
    "kg": "kilo", "km": "kilomètre", "kWh": "kilowattheure", "heure": "heure", "année": "an", "litre": "litre",
    "l": "litre", "L": "litre", "appel": "appel", "repas": "repas", "séance": "séance", "colis": "colis",
}  # fmt: skip
_ABBREVIATIONS = {
    "Mme": "Madame", "Mmes": "Mesdames", "Mlle": "Mademoiselle", "MM.": "Messieurs", "Mme.": "Madame",
    "etc.": "et cetera", "etc": "et cetera", "c.-à-d.": "c'est-à-dire", "p. ex.": "par exemple", "ex.:": "exemple:",
    "ex. :": "exemple :", "env.": "environ", "tél.": "téléphone", "rdv": "rendez-vous", "RDV": "rendez-vous",
    "svp": "s'il vous plaît", "SVP": "s'il vous plaît", "bd": "boulevard", "av.": "avenue", "réf.": "référence",
    "dépt.": "département", "apr.": "après", "24h/24": "vingt-quatre heures sur vingt-quatre",
    "24 h/24": "vingt-quatre heures sur vingt-quatre", "7j/7": "sept jours sur sept", "7 j/7": "sept jours sur sept",
    "Dr": "Docteur", "n°": "numéro", "trim.": "trimestre", "exp.": "expiration", "arr.": "arrondissement",
    "M. et": "Monsieur et", "Mrs": "Messieurs", "Drs": "Docteurs", "Mr": "Monsieur", "Mr.": "Monsieur",
    "MM": "Messieurs", "Mgr": "Monseigneur", "Mlles": "Mesdemoiselles", "tel.": "téléphone", "tél": "téléphone",
    "pl.": "place", "rte": "route", "chem.": "chemin", "ch.": "chambre", "imp.": "impasse", "sq.": "square",
    "fg": "faubourg", "fbg": "faubourg", "rés.": "résidence", "bât.": "bâtiment", "bât": "bâtiment",
    "appt.": "appartement", "appt": "appartement", "appart.": "appartement", "apt": "appartement",
    "apt.": "appartement", "ét.": "étage", "esc.": "escalier", "bd.": "boulevard", "boul.": "boulevard", "qu.": "quai",
    "CEDEX": "cedex", "s.v.p.": "s'il vous plaît", "s.v.p": "s'il vous plaît", "stp": "s'il te plaît",
    "c-à-d": "c'est-à-dire", "c.-à-d": "c'est-à-dire", "p.ex.": "par exemple", "av. J.-C.": "avant Jésus-Christ",
    "apr. J.-C.": "après Jésus-Christ", "hab.": "habitants", "qté": "quantité", "nb": "nombre", "Sté": "Société",
    "Cie": "Compagnie", "éd.": "édition", "rdvs": "rendez-vous", "RV": "rendez-vous", "ref.": "référence",
    "réf": "référence", "mdp": "mot de passe", "ttc": "toutes taxes comprises", "TTC": "toutes taxes comprises",
    "HT": "hors taxes", "ht": "hors taxes", "jq": "jusque", "24h/24h": "vingt-quatre heures sur vingt-quatre",
    "7j/7j": "sept jours sur sept", "24/24": "vingt-quatre heures sur vingt-quatre",
    "7 jours/7": "sept jours sur sept", "24 heures/24": "vingt-quatre heures sur vingt-quatre", "c/o": "chez",
    "n/a": "non applicable", "1/2 journée": "demi-journée", "cmd": "commande", "cde": "commande", "A/R": "aller-retour",
    "arrdt": "arrondissement", "avt": "avant", "ét. dr.": "étage droite", "ét. g.": "étage gauche",
    "H24": "vingt-quatre heures sur vingt-quatre", "h24": "vingt-quatre heures sur vingt-quatre",
    "port. :": "portable :", "tel :": "téléphone :", "ttes": "toutes", "pdt": "pendant", "pcs": "pièces",
    "env": "environ", "petit-déj.": "petit-déjeuner", "petit-déj": "petit-déjeuner", "petits-déj.": "petits-déjeuners",
    "tx": "taux", "Tle": "terminale", "Sts": "Saints", "Stes": "Saintes", "à dr.": "à droite", "à g.": "à gauche",
    "à dte": "à droite", "n° de tél.": "numéro de téléphone", "ds": "dans", "qq.": "quelques", "qqn": "quelqu'un",
    "qqch": "quelque chose", "càd": "c'est-à-dire", "petit déj": "petit déjeuner", "petit déj.": "petit déjeuner",
    "btle": "bouteille", "btles": "bouteilles", "inj.": "injection", "enreg.": "enregistrement",
    "embarq.": "embarquement", "asc.": "ascenseur", "s/": "sans", "terr.": "terrain", "1/2 pension": "demi-pension",
    "1/2 tarif": "demi-tarif", "1/2 finale": "demi-finale", "1/2 finales": "demi-finales",
    "1/2 journées": "demi-journées", "1/2-journée": "demi-journée", "incl.": "inclus", "TVA incl.": "TVA incluse",
    "excl.": "exclu", "sf": "sauf", "t.l.j.": "tous les jours", "tlj": "tous les jours", "ouv.": "ouvert",
    "M. le": "Monsieur le", "M. l'": "Monsieur l'", "M. ou": "Monsieur ou", "M.O.": "main-d'œuvre",

    "et ss.": "et suivants", "sans eng.": "sans engagement", "téléconsult.": "téléconsultation",
    "sem. prochaine": "semaine prochaine", "sem. dernière": "semaine dernière", "M./Mme": "Monsieur ou Madame",
    "Pdt": "Président", "cf.": "voir", "bjr": "bonjour", "bcp": "beaucoup", "tjs": "toujours", "tjrs": "toujours",
    "qd": "quand", "mtn": "maintenant", "auj.": "aujourd'hui", "tt": "tout", "tte": "toute", "tps": "temps",
    "nbre": "nombre", "cmde": "commande", "suppl.": "supplément", "moy.": "moyenne", "approx.": "environ",
    "adr.": "adresse", "resp.": "responsable", "serv.": "service", "consult.": "consultation", "fact.": "facture",
    "T°": "température", "t°": "température", "qtés": "quantités", "rdc": "rez-de-chaussée", "RDC": "rez-de-chaussée",
    "RdC": "rez-de-chaussée", "rez-de-ch.": "rez-de-chaussée", "w.-e.": "week-end", "w-e": "week-end",
    "ce we": "ce week-end", "le we": "le week-end", "bon we": "bon week-end", "du we": "du week-end",
    "WE": "week-end", "C. civ.": "Code civil", "C. trav.": "Code du travail", "C. pén.": "Code pénal",
    "d'exp.": "d'expérience", "gén.": "général", "chauff.": "chauffage", "acq.": "acquéreur", "éch.": "échéance",
    "balc.": "balcon", "ss-sol": "sous-sol", "s-sol": "sous-sol", "immat.": "immatriculation",
    "pkg": "parking", "prox.": "proximité", "Ctrl": "Contrôle",
    "coef.": "coefficient", "suiv.": "suivants", "temp.": "température", "t.a.b.": "tirs au but",
    "a.p.": "après prolongation", "exp. le": "expire le", "exp. en": "expire en", "exp. fin": "expire fin",
}  # fmt: skip


def _with_capitals(words: dict[str, str]) -> dict[str, str]:
    """The same, and each short form with a capital as well, as where a sentence begins; "P." is a name's."""
    first = {
        f"{key[0].upper()}{key[1:]}": f"{said[0].upper()}{said[1:]}" for key, said in words.items() if key[1:2] != "."
    }
    return {**first, **words}


ABBREVIATIONS = _with_capitals(_ABBREVIATIONS)
TITLES = {"dr": "docteur", "pr": "professeur", "M.": "Monsieur", "Dr": "Docteur", "Dr.": "Docteur",
          "Pr": "Professeur", "Pr.": "Professeur",
          "Me": "Maître", "St": "Saint", "Ste": "Sainte", "Prof.": "Professeur",
          "Gal": "Général", "Cdt": "Commandant", "Cap.": "Capitaine", "all.": "allée", "All.": "Allée",
          "Mrs": "Messieurs", "Vve": "Veuve", "r.": "rue"}  # fmt: skip
_BEFORE_NUMBER = {
    "n°": "numéro", "N°": "numéro", "nº": "numéro", "no": "numéro", "#": "numéro", "p.": "page", "pp.": "pages",
    "art.": "article", "Art.": "article", "chap.": "chapitre", "vol.": "volume", "apt.": "appartement", "v.": "version",
    "N°.": "numéro", "n°.": "numéro", "Nº": "numéro", "No": "numéro", "No.": "numéro", "num.": "numéro",
    "n°s": "numéros", "apt": "appartement", "app.": "appartement", "bât.": "bâtiment", "all.": "allée",
    "ch.": "chambre", "ét.": "étage", "porte n°": "porte numéro", "fig.": "figure", "bte": "boîte", "bur.": "bureau",
    "voit.": "voiture", "dpt": "département", "port.": "portable", "tel": "téléphone", "al.": "alinéa",
    "tél": "téléphone", "poste n°": "poste numéro", "BP": "B P", "km": "kilomètre", "term.": "terminal",
    "sem.": "semaine", "th.": "thermostat", "ss": "sous",
}  # fmt: skip
BEFORE_NUMBER = _with_capitals(_BEFORE_NUMBER)
WEEKDAYS = {
    "lun": "lundi", "mar": "mardi", "mer": "mercredi", "jeu": "jeudi", "ven": "vendredi", "sam": "samedi",
    "dim": "dimanche",
}  # fmt: skip
WEEKDAY_INITIALS = {"L": "lundi", "V": "vendredi", "S": "samedi", "D": "dimanche"}
CURRENCY_SIGNS = {
    "euros": "EUR",
    "FF": "FRF",
    "Frs": "CHF",
    "frs": "CHF",
    "CFA": "XOF",
    "FCFA": "XOF",
    "$CA": "CAD",
    "$US": "USD",
    "Fr": "CHF",
    "$ CA": "CAD",
    "$ US": "USD",
}
SPOKEN_UNITS = {
    "decibel": Name("décibel", "décibels"),
    "mass-kilogram": Name("kilo", "kilos"),
    "horsepower": Name("cheval", "chevaux"),
    "drop": Name("goutte", "gouttes"),
    "bathroom": Name("salle de bain", "salles de bain"),
    "gear": Name("vitesse", "vitesses"),
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
ALPHABET = {
    word[0]: word
    for word in (
        "Anatole Berthe Célestin Désiré Eugène Émile François Gaston Henri Irma Joseph Kléber Louis Marcel Nicolas "
        "Oscar Pierre Quintal Raoul Suzanne Thérèse Ursule Victor William Xavier Yvonne Zoé"
    ).split()
}
MONTHS = {
    "janv": 1, "jan": 1, "févr": 2, "fév": 2, "fev": 2, "avr": 4, "juin": 6, "juil": 7, "jul": 7, "aoû": 8,
    "sept": 9, "oct": 10, "nov": 11, "déc": 12, "dec": 12,
}  # fmt: skip
