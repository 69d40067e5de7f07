"""Text and SSML: any string is spans that an engine can speak, or a SpokenError."""

from __future__ import annotations

import contextlib

from telephony.text import normalization, segments
from telephony.text.normalization import SpokenError, ssml

_LANGUAGES = ("en-US", "en-GB", "pt-BR", "pt-PT", "es", "fr-FR", "it", "ja", "")


def check(data: bytes) -> None:
    """The first byte chooses the language; the rest is text, with halves of surrogate pairs where it is no UTF-8."""
    if not data:
        return
    language, text = _LANGUAGES[data[0] % len(_LANGUAGES)], data[1:].decode("utf-8", "surrogateescape")
    for document in (text, f"<speak>{text}</speak>"):
        with contextlib.suppress(SpokenError):
            for span in filter(None, normalization.spans(document)):
                assert 0.5 <= span.rate <= 2.0
                assert 0.0 <= span.pause_s <= ssml.MAX_BREAK_S
                said = normalization.said(span, language)
                assert said == " ".join(said.split())
    assert all(segments.speakable(segment) for segment in segments.split(text))
