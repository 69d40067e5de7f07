"""Kokoro's words as a text has them: "Dr." for "Doctor", "250" for "two hundred fifty"."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from telephony.engines.kokoro.words import Piece, Run
from telephony.text import alignment, markup


def as_written(pieces: Sequence[Piece], text: str, say: Callable[[str], str]) -> list[Piece]:
    """The pieces with their words as the text has them, none left out: joined by spaces they are the text.

    What cannot be told apart stays one word, see `alignment.groups`. A word that goes on into the next piece ends with
    its own.

    Args:
        pieces: with the words that are said.
        text: of which they were made, with its marks.
        say: how a word is said that stands alone, with its marks.
    """
    said = [run.text for piece in pieces for run in piece.words]
    texts = {start: markup.plain(marked) for marked, start, _ in alignment.groups(markup.words(text), said, say)}
    result: list[Piece] = []
    taken = 0
    for piece in pieces:
        runs: list[Run] = []
        for run in piece.words:
            if taken in texts:
                runs.append(dataclasses.replace(run, text=texts[taken]))
            elif runs:
                runs[-1] = dataclasses.replace(runs[-1], end=run.end)
            taken += 1
        result.append(dataclasses.replace(piece, words=tuple(runs)))
    return result
