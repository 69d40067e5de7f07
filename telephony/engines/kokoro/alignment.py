"""Which words of a text the words that are said stand for: "Doctor" for "Dr.", "two hundred fifty" for "250"."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence

from telephony.engines.kokoro.words import Piece, Run
from telephony.text import markup

# How far ahead two words are sought that are the same again: a long number is some 25 words.
_HORIZON = 40


def as_written(pieces: Sequence[Piece], text: str, say: Callable[[str], str]) -> list[Piece]:
    """The pieces with their words as the text has them, none left out: joined by spaces they are the text.

    What cannot be told apart stays one word: "5 May", said as "the fifth of May", may be. What is not said itself, such
    as an emoji, belongs to the word before it. A word that goes on into the next piece ends with its own.

    Args:
        pieces: with the words that are said.
        text: of which they were made, with its marks.
        say: how a word is said that stands alone, with its marks.
    """
    said = [run.text for piece in pieces for run in piece.words]
    texts = {start: markup.plain(marked) for marked, start, _ in _groups(markup.words(text), said, say)}
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


def _groups(written: Sequence[str], said: Sequence[str], say: Callable[[str], str]) -> list[tuple[str, int, int]]:
    """Written words, and the said words [start, end) that they are; each said word once."""
    groups: list[tuple[list[str], int, int]] = []
    for words, start, end in _matches(written, said, say):
        if groups and (not words or start == end or _is_half(*groups[-1])):
            before, begun, _ = groups.pop()
            groups.append(([*before, *words], begun, end))
        else:
            groups.append(([*words], start, end))
    return [(" ".join(words), start, end) for words, start, end in groups]


def _is_half(words: Sequence[str], start: int, end: int) -> bool:
    return not words or start == end


def _matches(
    written: Sequence[str], said: Sequence[str], say: Callable[[str], str]
) -> Iterator[tuple[Sequence[str], int, int]]:
    written_keys, said_keys = _keys(map(markup.plain, written)), _keys(said)
    here = there = 0
    while here < len(written) or there < len(said):
        if here < len(written) and there < len(said) and written_keys[here] == said_keys[there]:
            more_here = more_there = 1
        else:
            alone = _keys(say(written[here]).split()) if here < len(written) else []
            if here < len(written) and said_keys[there : there + len(alone)] == alone:
                more_here, more_there = 1, len(alone)
            else:
                more_here, more_there = _until_the_same(written_keys[here:], said_keys[there:])
        yield written[here : here + more_here], there, there + more_there
        here, there = here + more_here, there + more_there


def _until_the_same(written: Sequence[str], said: Sequence[str]) -> tuple[int, int]:
    """How many words there are of each until the nearest one that both have; all of them where there is none."""
    for distance in range(1, _HORIZON):
        for here in range(min(distance, len(written) - 1) + 1):
            there = distance - here
            if there < len(said) and here < len(written) and written[here] and written[here] == said[there]:
                return here, there
    return len(written), len(said)


def _keys(words: Iterable[str]) -> list[str]:
    return ["".join(filter(str.isalnum, word.casefold())) for word in words]
