"""Phrases as files of one directory, which several processes may share."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import structlog

from telephony.cache.stores import StoreError
from telephony.telemetry.cache_figures import CacheFigures

log = structlog.get_logger()

_SUFFIX = ".phrase"
_UNFINISHED = ".tmp"
# A writer that still has not renamed its file after so long was killed.
_ABANDONED_S = 3600.0
# The directory is listed after this share of the bound was written, and brought down to the other one. Two processes
# that write between their listings then stay within the bound: 90 % + 2 x 5 %.
_SHARE_BETWEEN_LISTINGS = 0.05
_SHARE_KEPT = 0.9


class FileStore:
    """A directory of phrases, of bounded size: those that were not used for the longest time make room.

    A file is written under another name and renamed, so that a reader finds all of it or nothing. It is not synced to
    the disk: a power failure may leave a torn one, which its checksum tells. Use is recorded in the modification time,
    since many systems do not keep the time of access. Any thread; processes need no lock.

    Args:
        directory: made, readable by its owner only, when it is needed; it belongs to the cache alone.
        max_bytes: of all files together. A value over a twentieth of it is not kept.
    """

    name = "files"
    slow_to_fail = False

    def __init__(self, directory: Path, max_bytes: int, figures: CacheFigures) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._figures = figures
        self._lock = threading.Lock()
        self._bytes_until_listing = 0

    def get(self, name: str) -> bytes | None:
        """See `Store`. Marks the file as used."""
        path = self._path(name)
        with _as_store_error():
            try:
                # Nobody waits here for whoever writes into a pipe in a phrase's place.
                with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                        raise StoreError("not a regular file")
                    data = file.read()
            except FileNotFoundError:
                return None
        with contextlib.suppress(OSError):  # what cannot be marked, or was deleted just now, is heard all the same
            now_ns = time.time_ns()
            os.utime(path, ns=(now_ns, now_ns))
        return data

    def put(self, name: str, data: bytes) -> bool:
        """See `Store`."""
        if len(data) > self._max_bytes * _SHARE_BETWEEN_LISTINGS:
            return False
        path = self._path(name)
        unfinished = path.with_name(f"{path.stem}-{os.getpid()}-{secrets.token_hex(4)}{_UNFINISHED}")
        with _as_store_error():
            self._reserve(len(data))
            try:
                unfinished.write_bytes(data)
                unfinished.replace(path)
            except BaseException:
                self._bytes_until_listing = 0  # makes room, and the directory where it is gone, at the next try
                unfinished.unlink(missing_ok=True)
                raise
        self._figures.bytes.inc(len(data))
        return True

    def delete(self, name: str) -> None:
        """See `Store`."""
        with _as_store_error():
            self._path(name).unlink(missing_ok=True)

    def clear(self) -> int:
        """See `Store`."""
        with _as_store_error():
            phrases = list(self._directory.glob(f"*{_SUFFIX}"))
            for path in [*phrases, *self._directory.glob(f"*{_UNFINISHED}")]:
                path.unlink(missing_ok=True)
        self._figures.bytes.set(0)
        return len(phrases)

    def stats(self) -> Mapping[str, int | str]:
        """See `Store`."""
        with _as_store_error():
            files = self._list()
        return {"directory": str(self._directory), "phrases": len(files), "bytes": sum(size for _, size, _ in files)}

    def close(self) -> None:
        """See `Store`. There is nothing to release."""

    def _path(self, name: str) -> Path:
        return self._directory / (name.rpartition(":")[2] + _SUFFIX)

    def _reserve(self, size_bytes: int) -> None:
        """Makes room for a file; lists the directory now and then, not for every file."""
        with self._lock:
            if self._bytes_until_listing < size_bytes:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._make_room()
                self._bytes_until_listing = int(self._max_bytes * _SHARE_BETWEEN_LISTINGS)
            self._bytes_until_listing -= size_bytes

    def _make_room(self) -> None:
        files = self._list()
        total = sum(size for _, size, _ in files)
        evicted = 0
        for _, size, path in sorted(files):
            if total <= self._max_bytes * _SHARE_KEPT:
                break
            path.unlink(missing_ok=True)
            total -= size
            evicted += 1
        self._figures.evictions.inc(evicted)
        self._figures.bytes.set(total)

    def _list(self) -> list[tuple[int, int, Path]]:
        """Last use in nanoseconds, size in bytes and path of every phrase; deletes what killed writers left."""
        files = []
        abandoned_before_ns = time.time_ns() - int(_ABANDONED_S * 1e9)
        if not self._directory.exists():
            return []
        with os.scandir(self._directory) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # another process has just made room
                    status = entry.stat()
                    if entry.name.endswith(_SUFFIX):
                        files.append((status.st_mtime_ns, status.st_size, Path(entry.path)))
                    elif entry.name.endswith(_UNFINISHED) and status.st_mtime_ns < abandoned_before_ns:
                        Path(entry.path).unlink(missing_ok=True)
        return files


@contextlib.contextmanager
def _as_store_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(error.strerror or str(error)) from error
