"""The contract of a store of phrases, and what keeps a failing one from doing harm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from telephony.telemetry.cache_figures import CacheFigures

log = structlog.get_logger()


class StoreError(OSError):
    """A store could not do what it was asked. The message says why."""


class Store(Protocol):
    """Bytes by name. All methods block, and may be called by several threads at once."""

    @property
    def name(self) -> str:
        """For logs and metrics."""
        ...

    @property
    def slow_to_fail(self) -> bool:
        """Whether a read that fails has taken a time that a caller would notice."""
        ...

    def get(self, name: str) -> bytes | None:
        """What is kept under a name, None if nothing is.

        Raises:
            StoreError: it cannot be known.
        """
        ...

    def put(self, name: str, data: bytes) -> bool:
        """Keeps bytes under a name, in place of what was there. A reader sees all of them or none.

        Returns False, without having tried, for bytes beyond the store's bound for one value.

        Raises:
            StoreError: they are not kept.
        """
        ...

    def delete(self, name: str) -> None:
        """Forgets a name, if it is there.

        Raises:
            StoreError: it may still be there.
        """
        ...

    def clear(self) -> int:
        """Forgets every phrase, nothing else; returns how many.

        Raises:
            StoreError: some may be left.
        """
        ...

    def stats(self) -> Mapping[str, int | str]:
        """Figures for an operator. May take seconds.

        Raises:
            StoreError: they cannot be had.
        """
        ...

    def close(self) -> None:
        """Releases connections and threads."""
        ...


class Guard:
    """A store whose failures are counted and cost nobody anything: after one it is left alone for a while.

    After a failed write, writes pause. After a failed read of a store that is slow to fail, reads stop as well until a
    write went well: nobody waits for a write, so no caller pays for finding out.

    Args:
        pause_s: for how long a failing store is left alone, in seconds.
        clock: seconds, monotonic; tests replace it.
    """

    def __init__(
        self, store: Store, figures: CacheFigures, pause_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.store = store
        self._figures = figures
        self._pause_s = pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._reads_stopped = False
        self._writes_from = 0.0
        self._failing = False

    @property
    def name(self) -> str:
        """The store's."""
        return self.store.name

    def get(self, name: str) -> bytes | None:
        """What is kept under a name; None if nothing is, or if the store does not answer."""
        if self._reads_stopped:
            return None
        try:
            return self.store.get(name)
        except StoreError as error:
            self._failed(error, reading=True)
            return None

    def put(self, name: str, data: bytes) -> None:
        """Keeps bytes under a name, unless the store fails or is left alone."""
        if self._clock() < self._writes_from:
            return
        try:
            tried = self.store.put(name, data)
        except StoreError as error:
            self._failed(error, reading=False)
            return
        if tried:
            self._went_well()

    def delete(self, name: str) -> None:
        """Forgets a name, unless the store fails."""
        try:
            self.store.delete(name)
        except StoreError as error:
            self._failed(error, reading=False)

    def _failed(self, error: StoreError, reading: bool) -> None:
        self._figures.errors.labels(self.name).inc()
        with self._lock:
            if not reading or self.store.slow_to_fail:
                self._writes_from = self._clock() + self._pause_s
                self._reads_stopped |= reading
            newly = not self._failing
            self._failing = True
        if newly:  # one line for an outage, however long it lasts
            log.warning("cache_store_failing", store=self.name, error=str(error))

    def _went_well(self) -> None:
        with self._lock:
            recovered, self._failing, self._reads_stopped = self._failing, False, False
        if recovered:
            log.info("cache_store_recovered", store=self.name)
