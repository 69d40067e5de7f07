"""misaki's English dictionaries, looked up where they lie on the disk.

As Python dictionaries the four of them take 120 MB and most of a second to load. Here a file is mapped into memory and
searched by halves: what is looked up often stays in the system's cache, which every process shares.
"""

from __future__ import annotations

import json
import mmap
from pathlib import Path
from typing import Any

_ENTRY = b'\n  "'
_decoder = json.JSONDecoder()


class Dictionary:
    """What `misaki.en.Lexicon` asks of its `golds` and `silvers`: `get`, `[...]` and `in`. Any thread.

    A value is a string of phonemes, or a dictionary from parts of speech to such strings or None.
    """

    def __init__(self, path: Path) -> None:
        """Maps a file of misaki's: one JSON object, a key of two spaces' indent on each line, in order, no escapes."""
        with path.open("rb") as file:
            self._file = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __contains__(self, word: str) -> bool:
        return self.get(word) is not None

    def __getitem__(self, word: str) -> Any:
        value = self.get(word)
        if value is None:
            raise KeyError(word)
        return value

    def get(self, word: str) -> Any:
        """The value of a word, or of the same word with or without a capital first letter; None if there is none.

        misaki's `Lexicon.grow_dictionary`, which adds a word of the other case where there is none.
        """
        value = self._read(word)
        if value is not None or len(word) < 2:
            return value
        lower = word.lower()
        capitalised = lower.capitalize()
        if lower == capitalised or word not in (lower, capitalised):
            return None
        return self._read(capitalised if word == lower else lower)

    def _read(self, word: str) -> Any:
        """The value of a key."""
        key = word.encode()
        low, high = 0, len(self._file)
        while low < high:
            middle = (low + high) // 2
            start = self._file.rfind(_ENTRY, low, middle + len(_ENTRY))
            if start < 0:
                low = middle + 1
                continue
            start += len(_ENTRY)
            end = self._file.find(b'"', start)
            found = self._file[start:end]
            if found == key:
                rest = self._file.find(_ENTRY, end)
                value, _ = _decoder.raw_decode(self._file[end + len(b'": ') : rest].decode())
                return value
            if found < key:
                low = middle + 1
            else:
                high = start - len(_ENTRY)
        return None
