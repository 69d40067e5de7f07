"""Francs of Switzerland, as shops write them."""

from __future__ import annotations

import re

from telephony.text.normalization.rules import Rule, near_digits

_ROUND = re.compile(r"(?:(?<!\w)(CHF|Frs?\.?|fr\.)\s?)?(?<![\d.,'])(\d{1,3}(?:'\d{3}){0,3}|\d{1,6})\.[–—-]{1,2}(?!\w)")


def rules() -> list[Rule]:
    """A stroke in place of the cents: "80.–"."""
    return [near_digits("round price", _ROUND, lambda match: f"{match[2]} CHF", (".-", ".–", ".—"))]
