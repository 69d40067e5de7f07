"""Francs of Switzerland, as shops write them."""

from __future__ import annotations

import re

from telephony.text.normalization.rules import Rule, ends_text, near_digits, near_words

_EVEN = re.compile(r"(?<=\d),(?:-{1,2}|—|–)(?=\s?(?:€|euros?|CHF|[Ff]r))")
_ROUND = re.compile(r"(?:(?<!\w)(CHF|Frs?\.?|fr\.)\s?)?(?<![\d.,'])(\d{1,3}(?:'\d{3}){0,3}|\d{1,6})\.[–—-]{1,2}(?!\w)")
_CENTIMES = re.compile(r"(?<![\w.,])(\d{1,4})\s?(fr\.?|Frs?\.?|frs\.?|CHF)\s(\d\d)(?![\w%]|[.,]\d)")
_FRANCS = re.compile(r"(?<=\d)\s?fr\b\.?(?=[\s,;!?)]|$)")
_RATES = r"pers\.?|personne|nuit|jour|mois|an|semaine|enfant|adulte"
_TWICE = re.compile(rf"(?<=[€$\w])\s?/\s?({_RATES})\s?/\s?({_RATES})(?!\w)")
_EACH = re.compile(r"(?<=[€$])\s?/\s?pers\.(?=[\s,;)])")
_A_DAY = re.compile(r"(?<=[€$])\s?/\s?(?=\d{1,3}\s?(?:h|j|jours?|mois|ans|min|[ck]?g|[cm]?[lL]|km)(?!\w))")


def rules() -> list[Rule]:
    """A stroke in place of the cents ("80.–"), centimes behind the francs, a price by the person and the night."""
    return [
        near_digits("round price", _EVEN, lambda match: "", (",-", ",–", ",—")),
        near_digits("centimes", _CENTIMES, lambda match: f"{match[1]},{match[3]} CHF", ("fr", "chf")),
        near_digits("francs", _FRANCS, lambda match: " CHF" + ("." if ends_text(match) else ""), ("fr",)),
        near_words(
            "rate",
            _TWICE,
            lambda match: f"/{match[1].strip('.')} par {'personne' if match[2].startswith('pers') else match[2]}",
            "/",
        ),
        near_words("rate", _EACH, lambda match: "/pers", "/"),
        near_words("rate", _A_DAY, lambda match: " par ", "/"),
        near_digits("round price", _ROUND, lambda match: f"{match[2]} CHF", (".-", ".–", ".—")),
    ]
