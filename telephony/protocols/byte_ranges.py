"""What part of an answer is asked for (RFC 9110, 13 and 14), without I/O."""

from __future__ import annotations

import re

_ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))\s*", re.ASCII | re.IGNORECASE)


class UnsatisfiableError(ValueError):
    """A range with none of the bytes that there are."""


def wanted(header: str, size: int) -> range | None:
    """The positions that a Range header asks for, out of `size` bytes.

    None for all of them: of several ranges, and of what is no range, as of headers that are not understood.

    Raises:
        UnsatisfiableError: there are no such bytes.
    """
    found = _ONE_RANGE.fullmatch(header)
    if found is None:
        return None
    first, last, suffix = (None if part is None else int(part) for part in found.groups())
    if suffix is not None:
        positions = range(max(0, size - suffix), size)
    else:
        assert first is not None
        if last is not None and last < first:
            return None
        positions = range(first, size if last is None else min(size, last + 1))
    if not positions:
        raise UnsatisfiableError(f"there are {size} bytes")
    return positions


def is_known(if_none_match: str, etag: str) -> bool:
    """Whether a client has what `etag` names, as its If-None-Match header says."""
    known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in known or known == ["*"]
