"""Which windows an utterance is decoded in: the first one small, so that sound is early, the later ones cheap."""

from __future__ import annotations

from functools import lru_cache

NOISE_CONTEXT = 11
"""Frames on each side of a window on which it depends."""

WINDOW_FRAMES = (32, 64, 128)
"""The shapes of windows, 0.4 to 1.6 s, where shapes cost: few, so that machine code and graphs are few."""
_FIRST_WINDOW = WINDOW_FRAMES[0]
# What a window costs beyond its own frames, in frames: its contexts and calls (measured on two CPU cores).
_WINDOW_COST = 18


def stretched(start: int, end: int) -> tuple[tuple[int, int], ...]:
    """Windows (start, length) of any length that cover frames [start, end) of an utterance.

    The limit doubles with each; the last one takes up to a quarter more, so that it is not tiny.
    """
    windows: list[tuple[int, int]] = []
    while start < end:
        limit = min(_FIRST_WINDOW << len(windows), WINDOW_FRAMES[-1])
        length = end - start if end - start <= limit * 5 // 4 else limit
        windows.append((start, length))
        start += length
    return tuple(windows)


@lru_cache(maxsize=4096)
def schedule(start: int, end: int, frames: int) -> tuple[tuple[int, int], ...]:
    """Windows (start, length) that cover frames [start, end) of an utterance of `frames` frames, at the least cost.

    The first one is small, so that sound is early; the limit doubles with each, up to the longest shape.
    """
    windows = _cover(end - start, 0, frames)
    starts = [start + sum(windows[:index]) for index in range(len(windows))]
    return tuple(zip(starts, windows, strict=True))


@lru_cache(maxsize=4096)
def _cover(rest: int, turn: int, frames: int) -> tuple[int, ...]:
    if rest <= 0:
        return ()
    limit = min(_FIRST_WINDOW << turn, WINDOW_FRAMES[-1])
    fitting = [n for n in WINDOW_FRAMES if n <= limit and n + 2 * NOISE_CONTEXT <= frames] or [_FIRST_WINDOW]
    options = [(n, *_cover(rest - n, min(turn + 1, 8), frames)) for n in fitting]
    return min(options, key=lambda windows: sum(windows) + _WINDOW_COST * len(windows))
