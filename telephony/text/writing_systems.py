"""What a text is written with, and which languages are; pure."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass

# Letters that say enough: most of a text's beginning decides.
_SAMPLE_CHARS = 1000


@dataclass(frozen=True)
class WritingSystem:
    """Letters that only some languages are written with.

    Attributes:
        name: for a message, such as `Cyrillic`.
        languages: BCP 47 tags of the language alone, the likeliest first.
    """

    name: str
    languages: tuple[str, ...]


# By the first word of the letters' names in Unicode. Latin letters say nothing: nearly every voice reads them.
_SYSTEMS = {
    script: WritingSystem(name, tuple(languages.split()))
    for script, name, languages in (
        ("CYRILLIC", "Cyrillic", "ru uk bg sr kk be mk mn ky tg tt"),
        ("GREEK", "Greek", "el"),
        ("HEBREW", "Hebrew", "he yi"),
        ("ARABIC", "Arabic", "ar fa ur ps ckb ug sd"),
        ("DEVANAGARI", "Devanagari", "hi ne mr sa kok"),
        ("GEORGIAN", "Georgian", "ka"),
        ("HANGUL", "Korean", "ko"),
        ("HIRAGANA", "Japanese", "ja"),
        ("KATAKANA", "Japanese", "ja"),
        ("CJK", "Chinese", "zh ja yue"),
        ("ARMENIAN", "Armenian", "hy"),
        ("BENGALI", "Bengali", "bn as"),
        ("GUJARATI", "Gujarati", "gu"),
        ("GURMUKHI", "Gurmukhi", "pa"),
        ("KANNADA", "Kannada", "kn"),
        ("MALAYALAM", "Malayalam", "ml"),
        ("TAMIL", "Tamil", "ta"),
        ("TELUGU", "Telugu", "te"),
        ("SINHALA", "Sinhala", "si"),
        ("THAI", "Thai", "th"),
        ("LAO", "Lao", "lo"),
        ("KHMER", "Khmer", "km"),
        ("MYANMAR", "Burmese", "my"),
        ("ETHIOPIC", "Ethiopic", "am ti"),
    )
}


def writing_system(text: str) -> WritingSystem | None:
    """What most letters at the beginning of a text belong to.

    None for Latin, which says nothing, for scripts that are in no list here, and without letters.
    """
    scripts = Counter(
        unicodedata.name(character, "").partition(" ")[0] for character in text[:_SAMPLE_CHARS] if character.isalpha()
    )
    if not scripts:
        return None
    (script, _), *_ = scripts.most_common(1)
    return _SYSTEMS.get(script)
