"""Memory that the C library keeps for itself after it was freed."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
import time
from collections.abc import Callable

_PAUSE_S = 30.0


def find_trim() -> Callable[[int], int] | None:
    """glibc's malloc_trim; None where there is another C library."""
    name = ctypes.util.find_library("c") if sys.platform == "linux" else None
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(name), "malloc_trim", None) if name else None
    return trim


class Heap:
    """Gives the system back what is free; for one thread.

    A model that speaks texts of ever other lengths frees blocks of ever other sizes, which glibc keeps: a gigabyte and
    more after a few dozen texts.

    Args:
        trim: as `find_trim` finds it; takes some 20 ms.
        clock: seconds, monotonic; tests replace it.
    """

    def __init__(self, trim: Callable[[int], int] | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._trim = trim
        self._clock = clock
        self._next_at = clock() + _PAUSE_S

    def give_back(self) -> None:
        """To be called when nobody waits; does something twice a minute at most."""
        if self._trim is not None and self._clock() >= self._next_at:
            self._trim(0)
            self._next_at = self._clock() + _PAUSE_S
