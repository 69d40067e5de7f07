"""Which phonemes say which word, and from when to when.

A word is what stands between spaces of the text, with the punctuation that it carries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from telephony.speech import Word

UNIT_S = 600 / 24_000
"""Kokoro's unit of duration, in seconds."""

# Kokoro's sounds are ahead of the durations that it predicts: by 0.07 to 0.1 s at beginnings and ends of words alike,
# measured with Whisper's word times over eight voices of five languages; its onsets show the same.
_LEAD_UNITS = 3
# Kokoro's symbols of pauses: they are not part of a word's time.
_PAUSES = ' ;:,.!?—…"()“”'
_CLAUSE_ENDS = tuple(".,;:!?…।")


@dataclass(frozen=True)
class Run:
    """A word as the text has it, and its phonemes [start, end) in a string of them; none if it is not spoken."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Piece:
    """Phonemes for one pass of the model, and the words that begin in them."""

    phonemes: str
    words: tuple[Run, ...] = ()


def of_tokens(tokens: Sequence[Any]) -> list[Run]:
    """Runs in the phonemes that misaki makes of its English tokens (`MToken`, joined with their spaces)."""
    runs: list[Run] = []
    text = phonemes = ""
    position = 0
    for index, token in enumerate(tokens):
        text += token.text
        phonemes += token.phonemes or ""
        if token.whitespace or index == len(tokens) - 1:
            runs += _moved(_align(text.split(), phonemes, _one_each), position)
            position += len(phonemes) + len(token.whitespace)
            text = phonemes = ""
    return runs


def of_spaces(text: str, phonemes: str, convert: Callable[[str], str]) -> list[Run]:
    """Runs in phonemes that are known only as a whole, such as espeak-ng's.

    Words and the groups between the phonemes' spaces are matched clause by clause, where both have as many. In a clause
    of as many words as groups each word is a group. Else each word is as many as it is alone (a number is several),
    and where that does not add up (words that flow together) groups are shared out by the words' lengths.

    Args:
        text, phonemes: before and after the conversion.
        convert: the conversion.
    """
    clauses, said = _clauses(text), _clauses(phonemes)
    if len(clauses) != len(said):
        clauses, said = [(0, text)], [(0, phonemes)]

    def groups_alone(word: str) -> int:
        return len(convert(word).split())

    runs: list[Run] = []
    for (_, clause), (start, part) in zip(clauses, said, strict=True):
        runs += _moved(_align(clause.split(), part, groups_alone), start)
    return runs


def within(runs: Sequence[Run], phonemes: str, pieces: Iterable[str]) -> list[Piece]:
    """The pieces with their words.

    A word belongs to the piece in which it begins, and ends there at the latest.

    Args:
        runs: words in `phonemes`.
        pieces: `phonemes`, cut into pieces one behind the other, without the spaces between.
    """
    result: list[Piece] = []
    end, taken = 0, 0
    for piece in pieces:
        start = phonemes.index(piece, end)
        end = start + len(piece)
        inside = [run for run in runs[taken:] if run.start < end]
        taken += len(inside)
        clipped = (Run(r.text, max(0, r.start - start), min(max(0, r.end - start), len(piece))) for r in inside)
        result.append(Piece(piece, tuple(clipped)))
    if taken < len(runs):  # unspoken ones behind the last phoneme
        last = result[-1]
        left = (Run(run.text, len(last.phonemes), len(last.phonemes)) for run in runs[taken:])
        result[-1] = Piece(last.phonemes, (*last.words, *left))
    return result


def timed(piece: Piece, vocabulary: Container[str], durations: Sequence[int]) -> list[Word]:
    """When the words of a piece are heard, in seconds from the beginning of the model's own output.

    Args:
        piece: what was spoken.
        vocabulary: the phonemes that the model knows; it is not given others.
        durations: units of each phoneme that it was given, with one of silence at either end.
    """
    lasting = iter(durations[1:])
    units = (next(lasting) if phoneme in vocabulary else 0 for phoneme in piece.phonemes)
    begins = [UNIT_S * max(0, unit - _LEAD_UNITS) for unit in accumulate(units, initial=durations[0])]
    return [Word(run.text, begins[run.start], begins[run.end]) for run in piece.words]


def _one_each(word: str) -> int:
    """Of words that misaki did not take apart."""
    return 1


def _align(words: Sequence[str], phonemes: str, groups_of: Callable[[str], int]) -> list[Run]:
    """Runs of words in the phonemes of all of them, which `groups_of` tells how many groups each is by itself."""
    groups = [match.span() for match in re.finditer(r"\S+", phonemes)]
    if len(words) == 1:
        counts = [len(groups)]
    elif len(words) == len(groups):
        counts = [1] * len(words)
    else:
        counts = [groups_of(word) for word in words]
    if sum(counts) == len(groups):
        edges = list(accumulate(counts, initial=0))
    else:
        letters = list(accumulate(map(len, words), initial=0))
        edges = [round(len(groups) * count / max(1, letters[-1])) for count in letters]
    begins = [*(start for start, _ in groups), len(phonemes)]
    runs = []
    for word, (first, behind) in zip(words, pairwise(edges), strict=True):
        start = begins[first]
        end = groups[behind - 1][1] if behind > first else start
        runs.append(_spoken(word, phonemes, start, end))
    return runs


def _spoken(word: str, phonemes: str, start: int, end: int) -> Run:
    """The run without the pauses around it, unless it is nothing else."""
    spoken = phonemes[start:end].strip(_PAUSES)
    if not spoken:
        return Run(word, start, end)
    start = phonemes.index(spoken, start)
    return Run(word, start, start + len(spoken))


def _moved(runs: Iterable[Run], by: int) -> list[Run]:
    return [Run(run.text, run.start + by, run.end + by) for run in runs]


def _clauses(text: str) -> list[tuple[int, str]]:
    """Start and text of each clause: up to a word that ends in a mark, or to the end."""
    found = []
    start = 0
    for word in re.finditer(r"\S+", text):
        if word.group().endswith(_CLAUSE_ENDS):
            found.append((start, text[start : word.end()]))
            start = word.end()
    if text[start:].strip():
        found.append((start, text[start:]))
    return found
