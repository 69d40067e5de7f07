"""A phrase in the making: read while it is written, by everybody who wants it.

The first who needs its sound makes it and hands it to the `PhraseWriter`. Everybody, the maker included, reads it from
its beginning through a `PhraseReader` of their own. Closing a reader ends nobody else's, for the writer belongs to the
phrase.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum, auto

import numpy as np

from telephony.cache.key import PhraseKey
from telephony.cache.phrase import Phrase, Piece, read_only
from telephony.speech import Samples, Word

CUT_OFF = Piece(read_only(np.zeros(0, np.float32)), last=True)
"""The last piece for a listener in whose phrase the engine could not go on."""


class _Stage(Enum):
    SOUGHT = auto()
    WANTED = auto()
    IN_WORK = auto()
    DONE = auto()


class PhraseReader:
    """One listener's place in a phrase. Made by `PhraseCache.open`; `close` it when the listener is gone, or done.

    Its methods return at once; any thread, one at a time but for `close`. `on_change`, as given to `open`, is called by
    whichever thread has changed something: there may be a piece now, or the phrase may be claimed. It must return at
    once.
    """

    def __init__(self, phrase: InFlightPhrase, on_change: Callable[[], None]) -> None:
        self._phrase = phrase
        self.on_change = on_change
        self.position = 0
        self.cut_off = False

    @property
    def key(self) -> PhraseKey:
        """Of the phrase."""
        return self._phrase.key

    @property
    def sought(self) -> bool:
        """Whether the stores are still being looked through."""
        return self._phrase.stage is _Stage.SOUGHT

    @property
    def ready(self) -> bool:
        """Whether there is a next piece."""
        return self._phrase.has_next(self)

    def claim(self) -> PhraseWriter | None:
        """The right and the duty to make the phrase; None while it is sought, made by another, or complete."""
        return self._phrase.claim()

    def next(self) -> Piece | None:
        """The next piece, None while there is none. After the last one (see `Piece.last`) there will be none.

        It is `CUT_OFF` where the phrase was abandoned after some of it was heard.
        """
        return self._phrase.next(self)

    def close(self) -> None:
        """The listener has gone or has heard everything. May be called twice."""
        self._phrase.leave(self)

    def __enter__(self) -> PhraseReader:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()


class PhraseWriter:
    """Where the sound of a phrase is put while it is made. Its methods return at once; any thread, one at a time.

    Whoever holds one calls `record` with the last piece, or `abandon`, in the end: others wait for it.
    """

    def __init__(self, phrase: InFlightPhrase) -> None:
        self._phrase = phrase

    @property
    def key(self) -> PhraseKey:
        """Of the phrase."""
        return self._phrase.key

    @property
    def wanted(self) -> bool:
        """Whether anybody still listens."""
        return self._phrase.wanted

    def record(self, samples: Samples, words: tuple[Word, ...] = (), last: bool = False) -> None:
        """The next piece, float32 [n] at the key's sample rate; it must not be changed any more."""
        self._phrase.add(Piece(read_only(samples), words, last))

    def abandon(self) -> None:
        """The phrase is made no further: nobody listens, or the engine has failed.

        Who has heard nothing of it may claim it anew, for others it ends here.

        Nothing happens if it is complete.
        """
        self._phrase.reopen()


class InFlightPhrase:
    """The state that the writer and all readers share. Made by `PhraseCache`.

    Args:
        on_complete: told, once, that the phrase is complete and worth keeping.
        on_over: told that nobody may join it any more: nobody listens to it, records it or keeps it. Called with
            `lock` held, perhaps more than once.
        lock: guards this and whatever knows it.
    """

    def __init__(
        self,
        key: PhraseKey,
        lock: threading.Lock,
        on_complete: Callable[[InFlightPhrase, Phrase], None],
        on_over: Callable[[InFlightPhrase], None],
    ) -> None:
        self.key = key
        self.stage = _Stage.SOUGHT
        self._lock = lock
        self._on_complete = on_complete
        self._on_over = on_over
        self._pieces: list[Piece] = []
        self._readers: set[PhraseReader] = set()
        self.keep = False
        """Whether one who asked for it wants it kept with the prerendered ones."""
        self._being_kept = False

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self._readers)

    def join(self, on_change: Callable[[], None]) -> PhraseReader:
        """A reader for a new listener. Called with the lock held."""
        reader = PhraseReader(self, on_change)
        self._readers.add(reader)
        return reader

    def found(self, phrase: Phrase | None) -> None:
        """The stores were looked through."""
        with self._lock:
            self._pieces = list(phrase.pieces) if phrase is not None else []
            self.stage = _Stage.WANTED if phrase is None else _Stage.DONE
            self._settle()
        self._tell()

    def claim(self) -> PhraseWriter | None:
        """See `PhraseReader`."""
        with self._lock:
            if self.stage is not _Stage.WANTED:
                return None
            self.stage = _Stage.IN_WORK
            return PhraseWriter(self)

    def has_next(self, reader: PhraseReader) -> bool:
        """See `PhraseReader.ready`."""
        with self._lock:
            return self._has_next(reader)

    def next(self, reader: PhraseReader) -> Piece | None:
        """See `PhraseReader`."""
        with self._lock:
            if not self._has_next(reader):
                return None
            if reader.cut_off:
                reader.cut_off = False
                reader.position = -1
                return CUT_OFF
            reader.position += 1
            return self._pieces[reader.position - 1]

    def leave(self, reader: PhraseReader) -> None:
        """See `PhraseReader.close`."""
        with self._lock:
            self._readers.discard(reader)
            self._settle()

    def add(self, piece: Piece) -> None:
        """See `PhraseWriter`."""
        phrase = None
        with self._lock:
            if self.stage is not _Stage.IN_WORK:
                return  # abandoned by one who still had a window in the device
            self._pieces.append(piece)
            if piece.last:
                self.stage = _Stage.DONE
                if any(len(known.samples) for known in self._pieces):
                    phrase = Phrase(self.key.sample_rate, tuple(self._pieces))
                    self._being_kept = True
                self._settle()
        self._tell()
        if phrase is not None:
            self._on_complete(self, phrase)

    def reopen(self) -> None:
        """See `PhraseWriter.abandon`."""
        with self._lock:
            if self.stage is not _Stage.IN_WORK:
                return
            self.stage = _Stage.WANTED
            self._pieces = []
            for reader in self._readers:
                reader.cut_off = reader.position > 0
            self._settle()
        self._tell()

    def kept(self) -> None:
        """The stores have it, or have refused it."""
        with self._lock:
            self._being_kept = False
            self._settle()

    def _has_next(self, reader: PhraseReader) -> bool:
        return reader.cut_off or 0 <= reader.position < len(self._pieces)

    def _settle(self) -> None:
        if not self._readers and not self._being_kept and self.stage in (_Stage.WANTED, _Stage.DONE):
            self._on_over(self)

    def _tell(self) -> None:
        with self._lock:
            takes = list(self._readers)
        for reader in takes:
            reader.on_change()
