"""A text as what is spoken one after the other: plain text as it stands, an SSML document as it says; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from telephony.speech import Segment
from telephony.text import normalization, segments
from telephony.text.markup import INLINE
from telephony.text.normalization import Span, SpokenError

# A pause is cut like speech, so that a barge-in ends it.
_PAUSE_WINDOW_S = 0.5
# More than any answer of a host; longer texts are bounded to bound a cancel.
_WHOLE_CHARS = 2000
# Stands for the spaces of a marked word, which is never cut. For private use: no text has it.
_GLUE = "\ue000"

OnInvalid = Callable[[SpokenError], None]


def _ignore(error: SpokenError) -> None:
    """Nobody wants to know."""


def speakable(text: str) -> bool:
    """Whether a text has anything to say, or at least a pause.

    Raises:
        SpokenError: it is an SSML document that is not valid.
    """
    if not normalization.is_document(text):
        return segments.speakable(text)
    return any(span.pause_s or segments.speakable(span.text) for span in normalization.outline(text))


def without_tags(text: str) -> str:
    """The text between the tags of an SSML document, valid or not; plain text as it is."""
    return "".join(_between_tags(text)) if normalization.is_document(text) else text


def read(
    text: str,
    language: str,
    *,
    max_chars: int = segments.DEFAULT_MAX_CHARS,
    pack_chars: int = 0,
    quick: bool = False,
) -> Iterator[Segment]:
    """The segments of a text that is there whole, made one by one: `slices`, without the breaks between them."""
    found = slices(text, language, max_chars=max_chars, pack_chars=pack_chars, quick=quick)
    return (segment for segment in found if segment is not None)


def whole(text: str, language: str, on_invalid: OnInvalid = _ignore) -> Iterator[Segment | None]:
    """The slices of a text that is heard as a whole: sentences stay together, for the prosody of one pass."""
    return slices(text, language, max_chars=_WHOLE_CHARS, pack_chars=_WHOLE_CHARS, on_invalid=on_invalid)


def slices(
    text: str,
    language: str,
    *,
    max_chars: int = segments.DEFAULT_MAX_CHARS,
    pack_chars: int = 0,
    quick: bool = False,
    on_invalid: OnInvalid = _ignore,
) -> Iterator[Segment | None]:
    """The segments of a text that is there whole, made one by one, with a bounded amount of work for each step.

    None where there is no segment yet, and it is others' turn. A text of 10 MB may have nothing to say.

    A document that is not valid is read as the text between its tags.

    Args:
        text: plain text or an SSML document.
        language: a language tag, for what a document declares.
        max_chars, pack_chars: as for `Segmenter`.
        quick: whether to begin with a short one, as `quick_start` does.
        on_invalid: told, on the way, that the document is not valid.
    """
    pieces: Iterator[str] = iter([text])
    if normalization.is_document(text):
        try:
            yield from _obeyed(normalization.slices(text, language), max_chars, pack_chars, quick)
            return
        except SpokenError as error:
            on_invalid(error)
            pieces = _between_tags(text)
    found = segments.slices(pieces, max_chars, pack_chars)
    for piece in segments.quick_start(found) if quick else found:
        yield None if piece is None else Segment(piece)


def _between_tags(text: str) -> Iterator[str]:
    """What stands between tags, and a space for each tag. A bracket that is no tag's stays."""
    start = 0
    while (end := text.find(">", start) + 1) > 0:
        tag = text.rfind("<", start, end)
        yield text[start : end if tag < 0 else tag]
        if tag >= 0:
            yield " "
        start = end
    yield text[start:]


def _obeyed(spans: Iterator[Span | None], max_chars: int, pack_chars: int, quick: bool) -> Iterator[Segment | None]:
    for span in spans:
        if span is None:
            yield None
            continue
        glued = INLINE.sub(lambda marked: marked[0].replace(" ", _GLUE), span.text)
        pieces = segments.slices([glued], max_chars, pack_chars)
        if quick:
            pieces = segments.quick_start(pieces)
            quick = not span.text
        for piece in pieces:
            yield None if piece is None else Segment(piece.replace(_GLUE, " "), span.rate)
        left_s = span.pause_s
        while left_s > 0:
            yield Segment("", pause_s=min(left_s, _PAUSE_WINDOW_S))
            left_s = round(left_s - _PAUSE_WINDOW_S, 3)
