"""Which languages a text may be in, by the letters that it is written with; pure."""

from __future__ import annotations

import unicodedata
from collections import Counter

# Letters that say enough: most of a text's beginning decides.
_SAMPLE_CHARS = 1000

# By the first word of the letters' names in Unicode. Latin letters say nothing: nearly every voice reads them.
_LANGUAGES = {
    "CYRILLIC": ("ru", "uk", "bg", "sr", "kk"),
    "GREEK": ("el",),
    "HEBREW": ("he",),
    "ARABIC": ("ar", "fa", "ur"),
    "DEVANAGARI": ("hi", "ne", "mr"),
    "GEORGIAN": ("ka",),
    "HANGUL": ("ko",),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "CJK": ("zh", "ja"),
}


def languages(text: str) -> tuple[str, ...]:
    """The languages that are written with the script of most of a text's letters, the likeliest first.

    BCP 47 tags of the language alone. Empty for Latin, for scripts that no engine is known to speak, and without
    letters.
    """
    scripts = Counter(
        unicodedata.name(character, "").partition(" ")[0] for character in text[:_SAMPLE_CHARS] if character.isalpha()
    )
    if not scripts:
        return ()
    (script, _), *_ = scripts.most_common(1)
    return _LANGUAGES.get(script, ())
