"""Recipes of blended voices."""

from __future__ import annotations

import math

from telephony.engines.base import UnusableVoiceError
from telephony.engines.recipes import parse


def check(data: bytes) -> None:
    """Reads a recipe. Its canonical form must be a recipe of the same sound and language, and the shares one whole."""
    try:
        recipe = parse(data.decode("utf-8", "replace"))
    except UnusableVoiceError:
        return
    if parse(str(recipe)) != recipe:
        raise AssertionError("the canonical form is another recipe")
    if not math.isclose(sum(share for _, share in recipe.shares()), 1.0):
        raise AssertionError("the shares are no whole")
