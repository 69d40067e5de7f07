"""What a mistyped name was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MAX_CHARS = 100


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that looks most like `name`, upper case or lower; None if none does."""
    names = {each.casefold(): each for each in known}
    matches = difflib.get_close_matches(name[:_MAX_CHARS].casefold(), names, n=1)
    return names[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error message: `; did you mean af_sky?`, or nothing."""
    match = nearest(name, known)
    return f"; did you mean {match}?" if match is not None else ""
