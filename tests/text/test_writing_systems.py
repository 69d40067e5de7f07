"""What the letters of a text say about its language."""

from __future__ import annotations

import pytest

from telephony.text.writing_systems import writing_system


@pytest.mark.parametrize(
    ("text", "likeliest"),
    [
        ("Привет, как дела?", "ru"),
        ("Καλημέρα", "el"),
        ("नमस्ते दुनिया", "hi"),
        ("안녕하세요", "ko"),
        ("こんにちは、世界", "ja"),
        ("你好，世界", "zh"),
        ("שלום", "he"),
        ("مرحبا", "ar"),
        ("Он сказал OK.", "ru"),
        ("สวัสดี", "th"),
    ],
)
def test_most_letters_decide(text: str, likeliest: str) -> None:
    system = writing_system(text)
    assert system is not None
    assert system.languages[0] == likeliest


@pytest.mark.parametrize(
    "text", ["Hello!", "Grüße aus Łódź", "The Russian for hello is Привет.", "29.95 €", "", "🙂", "𝐁𝐨𝐥𝐝 5 µm ½ª"]
)
def test_latin_letters_and_none_say_nothing(text: str) -> None:
    assert writing_system(text) is None
