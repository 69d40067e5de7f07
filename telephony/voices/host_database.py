"""The host's SQLite database: the only user of sqlite3.

The host writes while this service runs, and may hold the lock for moments. Nothing that the database does stops a call:
a failure is logged once, counted, and the last good setting stays.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import structlog

from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()

_BUSY_TIMEOUT_S = 0.25
_KEYS = ("kokoro_service_enabled", "kokoro_voice", "piper_model_path")
_UPSERT = (
    "INSERT INTO system_config (key, value, updated_at) VALUES (?, ?, CURRENT_TIMESTAMP) "
    "ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at"
)


class StoreError(RuntimeError):
    """The database cannot be used at this moment. The message says why."""


@dataclass(frozen=True)
class HostConfig:
    """What the host has set. None: not set, or not to be read; the last good value stays."""

    kokoro_enabled: bool | None = None
    voice: str | None = None
    piper_model: str | None = None


class Store:
    """Reads switches and writes statuses. Each access opens its own connection, so any thread may call.

    Args:
        path: the database; it need not exist yet, the host owns it.
        metrics: where failures are counted.
    """

    def __init__(self, path: Path, metrics: Metrics) -> None:
        self._path = path
        self._metrics = metrics
        self._complaints: dict[str, str] = {}
        self._unwritten: dict[str, str] = {}

    def read(self) -> HostConfig:
        """The switches as they stand. Never raises: what cannot be read is None."""
        try:
            with self._open("ro") as connection:
                marks = ", ".join("?" * len(_KEYS))
                rows = dict(connection.execute(f"SELECT key, value FROM system_config WHERE key IN ({marks})", _KEYS))
        except (sqlite3.Error, StoreError) as error:
            self._complain("read", str(error))
            return HostConfig()
        enabled_text = rows.get("kokoro_service_enabled")
        enabled = {"true": True, "false": False}.get(str(enabled_text).strip().lower())
        if enabled is None and enabled_text is not None:
            self._complain("read", f"kokoro_service_enabled is {enabled_text!r}, allowed are true and false")
        else:
            self._recovered("read")
        return HostConfig(enabled, _text(rows.get("kokoro_voice")), _text(rows.get("piper_model_path")))

    def write_status(self, service: str, status: str) -> None:
        """Sets `<service>_service_status`. Never raises: what a locked database refuses, `retry_writes` writes."""
        self._unwritten[f"{service}_service_status"] = status
        self.retry_writes()

    def write_selection(self, kokoro_enabled: bool, voice: str | None) -> None:
        """Sets who is to speak, and Kokoro's voice unless it is None, both or neither.

        Raises:
            StoreError: it cannot be written now.
        """
        values = {"kokoro_service_enabled": "true" if kokoro_enabled else "false"}
        if voice is not None:
            values["kokoro_voice"] = voice
        try:
            with self._open("rw") as connection, connection:
                connection.executemany(_UPSERT, values.items())
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from None

    def finish_writes(self, timeout_s: float) -> None:
        """Tries for up to `timeout_s` seconds to write what could not be written so far: the process is ending."""
        deadline = time.monotonic() + timeout_s
        # A locked database makes each try wait for the busy timeout; the pause is for every other reason.
        while self._unwritten and time.monotonic() < deadline:
            time.sleep(_BUSY_TIMEOUT_S)
            self.retry_writes()

    def retry_writes(self) -> None:
        """Writes the statuses that could not be written so far, each only in its last state."""
        if not self._unwritten:
            return
        pending = dict(self._unwritten)
        try:
            with self._open("rw") as connection, connection:
                connection.executemany(_UPSERT, pending.items())
        except (sqlite3.Error, StoreError) as error:
            self._complain("write", str(error))
            return
        self._recovered("write")
        for key, value in pending.items():
            if self._unwritten.get(key) == value:
                del self._unwritten[key]

    def check(self) -> str:
        """One line on the state of the database.

        Raises:
            StoreError: it cannot be used; the message says why.
        """
        try:
            with self._open("ro") as connection:
                count = connection.execute("SELECT count(*) FROM system_config").fetchone()[0]
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from None
        return f"{self._path}: system_config has {count} keys"

    def initialise(self) -> bool:
        """Creates the file, the table and the keys where they are missing (the scripts of sql/, in order).

        True if it has switched Kokoro off: the key for that was missing, which means on to a service that is running.

        Raises:
            StoreError: the database cannot be written.
        """
        try:
            with self._open("rwc") as connection:
                known = _is_set(connection, "kokoro_service_enabled")
                for script in sorted(_sql_dir().glob("*.sql")):
                    connection.executescript(script.read_text(encoding="utf-8"))
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from None
        return not known

    @contextlib.contextmanager
    def _open(self, mode: str) -> Iterator[sqlite3.Connection]:
        if mode != "rwc" and not os.path.exists(self._path):  # noqa: PTH110 - Path.exists raises where it may not look
            raise StoreError(f"{self._path} does not exist, or may not be looked at")
        # By URI, because plain connect() would create a database wherever a path was mistyped.
        uri = f"file:{quote(os.fsencode(self._path.resolve()))}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_S)
        try:
            yield connection
        finally:
            connection.close()

    def _complain(self, access: str, text: str) -> None:
        self._metrics.store_errors.inc()
        if text != self._complaints.get(access):
            self._complaints[access] = text
            log.error("database_unusable", access=access, path=str(self._path), error=text, effect="settings stay")

    def _recovered(self, access: str) -> None:
        if self._complaints.pop(access, None) is not None:
            log.info("database_usable", access=access, path=str(self._path))


def _is_set(connection: sqlite3.Connection, key: str) -> bool:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'system_config'").fetchone()
    return bool(tables) and bool(connection.execute("SELECT 1 FROM system_config WHERE key = ?", (key,)).fetchone())


def _sql_dir() -> Path:
    """`sql/` of the checkout, which an installed package holds beside this module."""
    module = Path(__file__).resolve()
    packaged = module.with_name("sql")
    return packaged if packaged.is_dir() else module.parents[2] / "sql"


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
