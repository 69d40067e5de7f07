"""The phrase cache: every phrase is looked for once, made once, and kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from telephony.cache.in_flight import InFlightPhrase, PhraseReader
from telephony.cache.key import PhraseKey
from telephony.cache.phrase import CorruptError, Phrase, decode, encode
from telephony.cache.stores import Guard, Store, StoreError
from telephony.telemetry.cache_figures import CacheFigures

log = structlog.get_logger()

_LOOKUP_THREADS = 4
# Phrases in memory that wait to be written; a store that slow would only collect them.
_MAX_WAITING = 64
_PAUSE_S = 5.0
# What waits to be written is written in less, or the disk hangs.
_CLOSE_S = 2.0


class PhraseCache:
    """Phrases by key, out of the first store that has them.

    Event loops and the scheduler's thread call `open`, which returns at once, and what it returns. Threads named
    `cache-lookup` read the stores, and one, `cache-keep`, writes them. `get`, `put`, `stats` and `clear` block, and are
    for those threads, for command lines and for tests.

    Args:
        stores: in the order in which they are asked. All of them keep every phrase, so that one which fails is not
            missed; what a later one has is given to those before it. Closed by `close`.
        prerendered: stores that are asked last, and keep only what was opened with `keep`. Closed by `close`.
        clock: seconds, monotonic; tests replace it.
    """

    def __init__(
        self,
        stores: Sequence[Store],
        figures: CacheFigures,
        clock: Callable[[], float] = time.monotonic,
        *,
        prerendered: Sequence[Store] = (),
    ) -> None:
        self._guards = [Guard(store, figures, _PAUSE_S, clock) for store in (*stores, *prerendered)]
        self._for_all = len(stores)
        self._figures = figures
        self._lock = threading.Lock()
        self._in_flight: dict[str, InFlightPhrase] = {}
        self._waiting = 0
        self._closed = False
        self._lookups = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="cache-lookup")
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="cache-keep")

    def open(self, key: PhraseKey, on_change: Callable[[], None], *, keep: bool = False) -> PhraseReader:
        """A listener's place in a phrase, which is looked for now unless it already is, or is being made.

        Args:
            on_change: see `PhraseReader`; it may be called before this returns.
            keep: whether the stores of prerendered phrases are to have it as well.
        """
        with self._lock:
            in_flight = self._in_flight.get(key.name)
            is_new = in_flight is None
            if in_flight is None:
                in_flight = InFlightPhrase(key, self._lock, self._keep_later, self._forget)
                self._in_flight[key.name] = in_flight
            in_flight.keep |= keep
            reader = in_flight.join(on_change)
            if is_new and not self._closed:
                self._lookups.submit(self._look_up, in_flight)
                return reader
        if is_new:
            in_flight.found(None)
        else:
            self._figures.joined.inc()
        return reader

    def get(self, key: PhraseKey, *, keep: bool = False) -> Phrase | None:
        """A phrase out of the stores, None if none has it. What is broken is deleted; `keep` as for `open`. Blocks."""
        for index, guard in enumerate(self._guards):
            data = guard.get(key.name)
            if data is None:
                continue
            try:
                phrase = decode(key, data)
            except CorruptError as error:
                self._figures.corrupt.labels(guard.name).inc()
                log.warning("cache_corrupt", store=guard.name, key=key.name, error=str(error))
                guard.delete(key.name)
                continue
            self._figures.hits.labels(guard.name).inc()
            later = self._guards[max(index + 1, self._for_all) :] if keep else []
            self._give_to([*self._guards[: min(index, self._for_all)], *later], key, data)
            return phrase
        self._figures.misses.inc()
        return None

    def put(self, key: PhraseKey, phrase: Phrase, *, keep: bool = False) -> None:
        """Keeps a phrase in every store that is for it; `keep` as for `open`. Blocks."""
        data = encode(key, phrase)
        for guard in self._guards if keep else self._guards[: self._for_all]:
            guard.put(key.name, data)

    def stats(self) -> Mapping[str, Mapping[str, int | str]]:
        """Figures of every store by its name; of one that fails, the error. Blocks."""
        figures: dict[str, Mapping[str, int | str]] = {}
        for guard in self._guards:
            try:
                figures[guard.name] = guard.store.stats()
            except StoreError as error:
                figures[guard.name] = {"error": str(error)}
        return figures

    def clear(self) -> int:
        """Forgets every phrase in every store; returns how many there were. Blocks.

        Raises:
            StoreError: a store failed; those before it are empty.
        """
        return sum(guard.store.clear() for guard in self._guards)

    def close(self) -> None:
        """Writes what waits to be written, joins all threads and closes the stores. Takes stay usable.

        A store that hangs is left behind, with its thread, after some seconds: it must not hold up the end.
        """
        with self._lock:
            self._closed = True
        closer = threading.Thread(target=self._finish, name="cache-close", daemon=True)
        closer.start()
        closer.join(_CLOSE_S)
        if closer.is_alive():
            log.warning("cache_left_hanging", stores=[guard.name for guard in self._guards])

    def _finish(self) -> None:
        self._lookups.shutdown()
        self._keeper.shutdown()
        for guard in self._guards:
            guard.store.close()

    def _look_up(self, in_flight: InFlightPhrase) -> None:
        phrase = None
        try:
            phrase = self.get(in_flight.key, keep=in_flight.keep)
        except Exception:  # a defect of ours costs a synthesis, not the listeners' patience
            log.exception("cache_lookup_failed", key=in_flight.key.name)
        in_flight.found(phrase)

    def _give_to(self, guards: Sequence[Guard], key: PhraseKey, data: bytes) -> None:
        """Keeps a phrase in stores that do not have it."""

        def give() -> None:
            for guard in guards:
                guard.put(key.name, data)

        if guards:
            self._in_background(give)

    def _keep_later(self, in_flight: InFlightPhrase, phrase: Phrase) -> None:
        def keep() -> None:
            try:
                self.put(in_flight.key, phrase, keep=in_flight.keep)
            finally:
                in_flight.kept()

        if not self._in_background(keep):
            in_flight.kept()

    def _in_background(self, job: Callable[[], None]) -> bool:
        """Has the keeper do something; False, and counted, if too much is waiting already."""

        def run() -> None:
            try:
                job()
            except Exception:  # a defect of ours; nobody would see it in the future of this job
                log.exception("cache_keep_failed")
            finally:
                with self._lock:
                    self._waiting -= 1

        with self._lock:
            accepted = not self._closed and self._waiting < _MAX_WAITING
            if accepted:
                self._waiting += 1
                self._keeper.submit(run)
        if not accepted:
            self._figures.not_kept.inc()
        return accepted

    def _forget(self, in_flight: InFlightPhrase) -> None:
        if self._in_flight.get(in_flight.key.name) is in_flight:
            del self._in_flight[in_flight.key.name]
