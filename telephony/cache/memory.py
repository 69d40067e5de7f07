"""Phrases in the memory of this process: quickest to find, and gone with it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

from telephony.telemetry.cache_figures import CacheFigures

# A value over this share of the bound would push out too many others.
_LARGEST_SHARE = 1 / 8


class MemoryStore:
    """Phrases of bounded size: those that were not used for the longest time make room. Never fails; any thread.

    Args:
        max_bytes: of all values together. One over an eighth of it is not kept.
    """

    name = "memory"
    slow_to_fail = False

    def __init__(self, max_bytes: int, figures: CacheFigures) -> None:
        self._max_bytes = max_bytes
        self._figures = figures
        self._lock = threading.Lock()
        self._values: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def get(self, name: str) -> bytes | None:
        """See `Store`. Marks the value as used."""
        with self._lock:
            data = self._values.get(name)
            if data is not None:
                self._values.move_to_end(name)
            return data

    def put(self, name: str, data: bytes) -> bool:
        """See `Store`."""
        if len(data) > self._max_bytes * _LARGEST_SHARE:
            return False
        with self._lock:
            self._remove(name)
            self._values[name] = data
            self._bytes += len(data)
            while self._bytes > self._max_bytes:
                self._remove(next(iter(self._values)))
                self._figures.memory_evictions.inc()
            self._figures.memory_bytes.set(self._bytes)
        return True

    def delete(self, name: str) -> None:
        """See `Store`."""
        with self._lock:
            self._remove(name)
            self._figures.memory_bytes.set(self._bytes)

    def clear(self) -> int:
        """See `Store`."""
        with self._lock:
            count = len(self._values)
            self._values.clear()
            self._bytes = 0
            self._figures.memory_bytes.set(0)
        return count

    def stats(self) -> Mapping[str, int | str]:
        """See `Store`."""
        with self._lock:
            return {"phrases": len(self._values), "bytes": self._bytes}

    def close(self) -> None:
        """See `Store`. There is nothing to release."""

    def _remove(self, name: str) -> None:
        self._bytes -= len(self._values.pop(name, b""))
