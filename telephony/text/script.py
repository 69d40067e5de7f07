"""A text as what is spoken one after the other: plain text as it stands, an SSML document as it says; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from telephony.engines.base import Segment
from telephony.text import segments, spoken
from telephony.text.markup import INLINE
from telephony.text.spoken import Span, SpokenError

# A pause is cut like speech, so that a barge-in ends it.
_PAUSE_WINDOW_S = 0.5
# More than any answer of a host; longer texts are bounded to bound a cancel.
_WHOLE_CHARS = 2000
_TAG = re.compile(r"<[^<>]*>")
# Stands for the spaces of a marked word, which is never cut. For private use: no text has it.
_GLUE = "\ue000"


def speakable(text: str) -> bool:
    """Whether a text has anything to say, or at least a pause.

    Raises:
        SpokenError: it is an SSML document that is not valid.
    """
    if not spoken.is_document(text):
        return segments.speakable(text)
    return any(span.pause_s or segments.speakable(span.text) for span in spoken.outline(text))


def without_tags(text: str) -> str:
    """The text between the tags of an SSML document, valid or not; plain text as it is."""
    return _TAG.sub(" ", text) if spoken.is_document(text) else text


def read(
    text: str,
    language: str,
    *,
    max_chars: int = segments.DEFAULT_MAX_CHARS,
    pack_chars: int = 0,
    quick: bool = False,
) -> Iterator[Segment]:
    """The segments of a text that is there whole, made one by one.

    A document that is not valid is read as the text between its tags.

    Args:
        text: plain text or an SSML document.
        language: a language tag, for what a document declares.
        max_chars, pack_chars: as for `Segmenter`.
        quick: whether to begin with a short one, as `quick_start` does.
    """
    if spoken.is_document(text):
        try:
            return _obeyed(spoken.parse(text, language), max_chars, pack_chars, quick)
        except SpokenError:
            text = without_tags(text)
    pieces = segments.split(text, max_chars, pack_chars)
    return map(Segment, segments.quick_start(pieces) if quick else pieces)


def whole(text: str, language: str) -> Iterator[Segment]:
    """The segments of a text that is heard as a whole: sentences stay together, for the prosody of one pass."""
    return read(text, language, max_chars=_WHOLE_CHARS, pack_chars=_WHOLE_CHARS)


def _obeyed(spans: Iterator[Span], max_chars: int, pack_chars: int, quick: bool) -> Iterator[Segment]:
    for span in spans:
        glued = INLINE.sub(lambda marked: marked[0].replace(" ", _GLUE), span.text)
        pieces = segments.split(glued, max_chars, pack_chars)
        if quick:
            pieces = segments.quick_start(pieces)
            quick = not span.text
        for piece in pieces:
            yield Segment(piece.replace(_GLUE, " "), span.rate)
        left_s = span.pause_s
        while left_s > 0:
            yield Segment("", pause_s=min(left_s, _PAUSE_WINDOW_S))
            left_s = round(left_s - _PAUSE_WINDOW_S, 3)
