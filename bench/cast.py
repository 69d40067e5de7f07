"""Who of Kokoro's voices speaks in the benchmarks that need many of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from telephony.engines import recipes

BLENDS = (
    "af_aoede*0.6+af_nicole*0.4",
    "bf_emma+bm_george",
    "pf_dora*0.7+pm_alex*0.3",
    "af_sarah+af_kore+am_puck",
    "ef_dora+em_alex",
    "af_heart+af_bella",
    "if_sara+im_nicola+af_nova",
    "am_michael*2+am_fenrir",
    "hf_alpha+hm_omega",
    "af_sky+am_adam",
)
"""Recipes of two or three voices."""


def language_of(voice: str) -> str:
    """Kokoro's letter for the language of a voice or a recipe: that of the heaviest voice."""
    leader, _ = recipes.parse(voice).parts[0]
    return leader[0]


def in_turn(voices: Iterable[str]) -> list[str]:
    """The voices, one of each language after the other for as long as there are any."""
    by_language: dict[str, list[str]] = {}
    for voice in sorted(voices):
        by_language.setdefault(language_of(voice), []).append(voice)
    rounds = itertools.zip_longest(*by_language.values())
    return [voice for one in rounds for voice in one if voice is not None]


def blends_of(voices: Sequence[str]) -> list[str]:
    """Those of `BLENDS` whose voices are all there."""
    return [blend for blend in BLENDS if all(name in voices for name, _ in recipes.parse(blend).parts)]
