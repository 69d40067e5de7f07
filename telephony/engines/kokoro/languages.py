"""What Kokoro's voices speak."""

from __future__ import annotations

LANGUAGES = {
    "a": "en-US",
    "b": "en-GB",
    "e": "es-ES",
    "f": "fr-FR",
    "h": "hi-IN",
    "i": "it-IT",
    "j": "ja-JP",
    "p": "pt-BR",
    "z": "zh-CN",
}
"""Kokoro's language letters (the first letter of a voice's name) and what they speak."""

LETTERS = {language: letter for letter, language in LANGUAGES.items()}
"""The letter of each language."""
