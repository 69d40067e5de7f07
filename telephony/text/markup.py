"""Kokoro's inline markup: `[word](/phonemes/)` says a word by its phonemes, `[word](+1)` changes its stress."""

from __future__ import annotations

import re

INLINE = re.compile(r"(\[[^\[\]]{1,200}\]\((?:/[^()/]{1,300}/|[+-][12]|[+-]?0\.5)\))")
"""A whole marked word, as its only group."""

_PARTS = re.compile(r"\[([^\[\]]+)\]\((?:/([^()/]+)/|[^()/]+)\)")


def parts(text: str) -> list[tuple[str, str | None]]:
    """The text in order, as words and how they are said: phonemes for a marked word that has them, else None."""
    found: list[tuple[str, str | None]] = []
    for piece in INLINE.split(text):
        marked = _PARTS.fullmatch(piece)
        if marked is not None:
            found.append((marked[1], marked[2]))
        elif piece.strip():
            found.append((piece, None))
    return found


def plain(text: str) -> str:
    """The text without its markup, for engines that do not know it."""
    return INLINE.sub(lambda marked: _PARTS.sub(r"\1", marked[0]), text)
