"""What is said for the stroke between two numbers: what stands around it decides."""

from __future__ import annotations

import re

from telephony.text.normalization.language import Language
from telephony.text.normalization.numerals import read

_BETWEEN = re.compile(r"(?<!\w)(?:tra|fra)\s((?:i|gli|le|il|la)\s)?$", re.IGNORECASE)
_FROM = re.compile(r"(?<!\w)(da)\s$|(?<!\w)d(ai|alle|agli|al|alla)\s$", re.IGNORECASE)
# Behind these both numbers are said one after the other: "in tre cinque giorni".
_PREPOSITION = re.compile(
    r"(?<![\w-])(?:in|nei|negli|nelle|nel|entro|per|di|dei|degli|delle|del|circa|ca\.|ogni|ai?|agli|alle|al|con|su|sui|sulle|sul|"
    r"i|gli|le|il|la|lo|un|una|dopo|oltre|almeno|massimo|minimo|quasi|soli|sole|altri|altre|ultim[ie]|prossim[ie]|"
    r"prim[ie]|successiv[ie]|fino a|"
    r"biennio|triennio|quadriennio|quinquennio|stagione|scolastico|accademico|sportivo|campionato)\s$",
    re.IGNORECASE,
)
# Behind these each number is the number of one of them: "pagine da dodici a quindici".
_NUMBERED = re.compile(
    r"(?<!\w)(?:pagine|pagg\.|articoli|artt\.|piani|posti|gate|capitoli|punti|lezioni|righe|numeri|camere|sale|aule|"
    r"taglie|taglia|binari|sportelli|uffici|file|carrozze|età|classi|esercizi|civici|fascia|fila|moduli|versetti)\s$",
    re.IGNORECASE,
)
_GOALS = re.compile(
    r"(?<!\w)(?:vin(?:to|ta|ce|cono)|perso|persa|perde|batt(?:e|uto|uta)|pareggi\w*|fini(?:to|ta|sce|ì)|termina(?:to|ta)?|risultato|"
    r"punteggio|vittoria|sconfitta|gol|set)\b[^.!?\d]{0,24}$",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\s?(?:([^\W\d_]{1,30})|[%‰€$£°])")
_AFTER_GOALS = frozenset("la le lo gli i un una ieri oggi stasera contro fuori dopo all allo grazie davanti".split())
_YEAR = re.compile(r"(?:1[1-9]|20)\d\d")
_PLURALS = ("zioni", "sioni", "gioni", "nioni", "notti", "chiavi", "parti", "ore", "e")
_VOWELS = frozenset((1, 8, 11))
_NUMBER = re.compile(r"\d{1,9}(?:[.,]\d{1,4})?")


def said(low: str, high: str, before: str, behind: str, language: Language) -> str:
    """Both ends of a range with what joins them; numbers in digits may stay for later rules."""
    counted = _counted(behind, language)
    percent = high.endswith(("%", "‰")) or behind.lstrip()[:1] in ("%", "‰")
    first = _in_words(low, counted, language)
    between = _BETWEEN.search(before)
    if between:
        return f"{first} e {between[1] or ''}{high}"
    given = _FROM.search(before)
    if given:
        return f"{first} {'a' if given[1] else 'a' + given[2].lower().removeprefix('a')} {high}"
    years = _YEAR.fullmatch(low) is not None and _YEAR.fullmatch(high) is not None
    if not _ascending(low, high, language) or (not percent and _GOALS.search(before)):
        return f"{first} a {_in_words(high, None, language)}"
    if _PREPOSITION.search(before) and not low.endswith(("€", "$", "£")):
        return f"{first}{' o' if (low, high) == ('1', '2') or ',' in low else ''} {high}"
    if percent or years:
        return f"{_with_article('dal', low, first)} {_with_article('al', high, high)}"
    if counted is not None or not low[0].isdecimal() or _NUMBERED.search(before):
        return f"da {first} a {high}"
    return f"{first} a {_in_words(high, None, language)}"


def _counted(behind: str, language: Language) -> str | None:
    """What a range counts; empty for a sign, None where it counts nothing."""
    found = _COUNTED.match(behind)
    if found is None:
        return None
    noun = (found[1] or "").lower()
    return None if noun in language.not_nouns or noun in _AFTER_GOALS else noun


def _in_words(number: str, noun: str | None, language: Language) -> str:
    value = read(number, language) if _NUMBER.fullmatch(number) else None
    if value is None:
        return number
    return language.number(value, "feminine" if noun and noun.endswith(_PLURALS) else "count")


def _ascending(low: str, high: str, language: Language) -> bool:
    """Whether these can be the ends of a range, and no goals; what is in words already can."""
    ends = [_NUMBER.match(end.strip("€$£ ")) for end in (low, high)]
    values = [read(end.group(), language) if end else None for end in ends]
    first, last = values
    return first is None or last is None or first.decimal < last.decimal


def _with_article(article: str, number: str, words: str) -> str:
    digits = re.match(r"\d+", number)
    return f"{article}l'{words}" if digits and int(digits.group()) in _VOWELS else f"{article} {words}"
