"""What is dictated in a text: its codes, which are said at a rate of their own; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from telephony.text import alignment, markup, normalization, segments


def parts(text: str, language: str, code_rate: float) -> list[tuple[str, float]]:
    """A text in parts, each with its rate: codes have theirs, which divides nothing if it is 1.

    Together they say what the text says. What would be read otherwise by itself, such as a code without the word before
    it, has a mark that says how.

    Args:
        text: with its marks, best a sentence.
        language: a language tag, of the text.
        code_rate: as a factor.
    """
    whole = [(text, 1.0)]
    said = [] if code_rate == 1.0 else normalization.read_out(text, language)
    if not any(is_code for _, is_code in said):
        return whole
    found = [
        (" ".join(word for word, _ in together), code_rate if is_code else 1.0)
        for is_code, together in groupby(_marked(text, said, language), lambda word: word[1])
    ]
    found = [part for part in found if segments.speakable(part[0])]
    # No rate is worth other words.
    in_parts = " ".join(normalization.normalize(part, language) for part, _ in found)
    return found if in_parts == normalization.normalize(text, language) else whole


def _marked(text: str, said: Sequence[tuple[str, bool]], language: str) -> Iterator[tuple[str, bool]]:
    """The words of a text, marked with what is said for them, each with whether it is a code."""

    def alone(word: str) -> str:
        return " ".join(markup.plain(each).replace(" ", "_") for each, _ in normalization.read_out(word, language))

    is_code = False
    for written, start, end in alignment.groups(markup.words(text), [markup.plain(word) for word, _ in said], alone):
        words = " ".join(word for word, _ in said[start:end])
        # A dash goes with what is before it.
        if segments.speakable(words):
            is_code = any(is_code for _, is_code in said[start:end])
        yield written if written == words else markup.substitution(markup.plain(written), words), is_code
