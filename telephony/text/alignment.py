"""Which words of a text the words that are said stand for: "Doctor" for "Dr.", "two hundred fifty" for "250"; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from telephony.text import markup

# How far ahead two words are sought that are the same again: a long number is some 25 words.
_HORIZON = 40


def groups(written: Sequence[str], said: Sequence[str], say: Callable[[str], str]) -> list[tuple[str, int, int]]:
    """Written words, and the said words [start, end) that they are; each written and each said word once, in order.

    What cannot be told apart stays one group: "5 May", said as "the fifth of May", may be. What is not said itself,
    such as an emoji, belongs to the words before it.

    Args:
        written: words of a text, with their marks.
        said: the words that are said for all of them, without marks.
        say: how a word is said that stands alone, with its marks; what it says has none.
    """
    found: list[tuple[list[str], int, int]] = []
    for words, start, end in _matches(written, said, say):
        if found and (not words or start == end or _is_half(*found[-1])):
            before, begun, _ = found.pop()
            found.append(([*before, *words], begun, end))
        else:
            found.append(([*words], start, end))
    return [(" ".join(words), start, end) for words, start, end in found]


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
