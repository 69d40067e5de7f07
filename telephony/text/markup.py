"""Marks in a text that is spoken; pure.

Kokoro's inline markup: `[word](/phonemes/)` says a word by its phonemes, `[word](+1)` changes its stress. Any client
may write it. A substitution says something else in place of what is written. The lexicon makes it, of characters for
private use, so that no client's text is taken for one.
"""

from __future__ import annotations

import re

INLINE = re.compile(r"(\[[^\[\]]{1,200}\]\((?:/[^()/]{1,300}/|[+-][12]|[+-]?0\.5)\))")
"""A whole marked word, as its only group."""

PAUSE = re.compile(r"\[pause:(\d{1,5}(?:\.\d{1,3})?)(ms|s)\]", re.IGNORECASE)
"""A pause in plain text: how long, and in which unit."""

_PARTS = re.compile(r"\[([^\[\]]+)\]\((?:/([^()/]+)/|[^()/]+)\)")

_OPEN, _BETWEEN, _CLOSE = "\ue003", "\ue004", "\ue005"
PRIVATE = _OPEN + _BETWEEN + _CLOSE
"""Characters that are marks, and nothing else."""

_SUBSTITUTION = re.compile(f"{_OPEN}([^{_OPEN}{_BETWEEN}{_CLOSE}]+){_BETWEEN}([^{_OPEN}{_BETWEEN}{_CLOSE}]+){_CLOSE}")
_MARKED = re.compile(f"({_SUBSTITUTION.pattern.replace('(', '(?:')}|{INLINE.pattern[1:-1]})")
_WORD = re.compile(rf"(?:{_MARKED.pattern[1:-1]}|\S)+")


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


def substitution(written: str, said: str) -> str:
    """The mark that has `said`, which may hold inline markup, spoken where `written` stands."""
    return f"{_OPEN}{written}{_BETWEEN}{said}{_CLOSE}"


def phonemic(written: str, phonemes: str) -> str:
    """The mark that has a word spoken by its phonemes, by engines that know them."""
    return f"[{written}](/{phonemes}/)"


def split(text: str) -> list[str]:
    """The text in order: what has no mark, and at each odd place a whole mark."""
    return _MARKED.split(text)


def words(text: str) -> list[str]:
    """What stands between the spaces of a text, with its marks: a space inside a mark is none."""
    return _WORD.findall(text)


def spoken(text: str) -> str:
    """The text with what is said in the place of substitutions. Inline markup stays."""
    return _SUBSTITUTION.sub(r"\2", text) if _OPEN in text else text


def plain(text: str) -> str:
    """The text as it is written, without marks."""
    if _OPEN in text:
        text = _SUBSTITUTION.sub(r"\1", text)
    return INLINE.sub(lambda marked: _PARTS.sub(r"\1", marked[0]), text)
