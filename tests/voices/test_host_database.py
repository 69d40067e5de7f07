"""The host's database, as real files: what goes wrong with them stays harmless and is said once."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from telephony.telemetry.metrics import Metrics
from telephony.voices.host_database import HostConfig, Store, StoreError

NOTHING = HostConfig(None, None, None)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database that the host has made."""
    path = tmp_path / "host.db"
    make_database(path, kokoro_service_enabled="true", kokoro_voice="af_sky")
    return path


@pytest.fixture
def store(path: Path, metrics: Metrics) -> Store:
    return Store(path, metrics)


def run(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def put(path: Path, **values: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("INSERT OR REPLACE INTO system_config (key, value) VALUES (?, ?)", values.items())


def make_database(path: Path, **values: str) -> None:
    run(
        path,
        "CREATE TABLE system_config (key TEXT PRIMARY KEY, value TEXT NOT NULL, "
        "updated_at DATETIME DEFAULT CURRENT_TIMESTAMP)",
    )
    put(path, **values)


def values(path: Path) -> dict[str, str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT key, value FROM system_config"))


@contextlib.contextmanager
def held(path: Path, how: str) -> Iterator[None]:
    """The host is in the middle of a transaction."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"BEGIN {how}")
        yield
        connection.execute("ROLLBACK")


def errors(metrics: Metrics) -> float:
    count = metrics.registry.get_sample_value("tts_store_errors_total")
    assert count is not None
    return count


def events(logs: Sequence[object]) -> list[object]:
    return [entry["event"] for entry in logs if isinstance(entry, dict)]


# Reading


def test_the_switches_are_read(path: Path, store: Store, metrics: Metrics) -> None:
    put(path, kokoro_service_enabled="false", kokoro_voice="am_adam", piper_model_path="/voices/x.onnx")
    assert store.read() == HostConfig(False, "am_adam", "/voices/x.onnx")
    assert errors(metrics) == 0


def test_a_change_is_seen_by_the_next_read(path: Path, store: Store) -> None:
    assert store.read() == HostConfig(True, "af_sky", None)
    put(path, kokoro_service_enabled="false", kokoro_voice="am_adam")
    assert store.read() == HostConfig(False, "am_adam", None)


@pytest.mark.parametrize(("text", "meaning"), [("true", True), ("false", False), (" True\n", True), ("FALSE", False)])
def test_true_and_false_are_understood_however_they_are_written(
    path: Path, store: Store, text: str, meaning: bool
) -> None:
    put(path, kokoro_service_enabled=text)
    assert store.read().kokoro_enabled is meaning


def test_empty_values_and_keys_that_are_not_there_are_not_set(path: Path, store: Store, metrics: Metrics) -> None:
    run(path, "DELETE FROM system_config")
    put(path, kokoro_voice=" ", piper_model_path="")
    assert store.read() == NOTHING
    assert errors(metrics) == 0


def test_a_bad_value_leaves_only_its_own_switch_unset(path: Path, store: Store, metrics: Metrics) -> None:
    put(path, kokoro_service_enabled="maybe", kokoro_voice="am_adam")
    with capture_logs() as logs:
        assert store.read() == HostConfig(None, "am_adam", None)
    assert "maybe" in str(logs)
    assert errors(metrics) == 1


def test_a_database_in_wal_mode_is_read_while_the_host_writes(path: Path, store: Store, metrics: Metrics) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as host:
        host.execute("PRAGMA journal_mode=WAL")
        host.execute("UPDATE system_config SET value = 'false' WHERE key = 'kokoro_service_enabled'")
        host.execute("BEGIN IMMEDIATE")
        host.execute("UPDATE system_config SET value = 'true' WHERE key = 'kokoro_service_enabled'")
        assert store.read().kokoro_enabled is False
        host.execute("COMMIT")
        assert store.read().kokoro_enabled is True
    assert store.read().kokoro_enabled is True
    assert errors(metrics) == 0


def test_a_replaced_file_is_followed(tmp_path: Path, path: Path, store: Store) -> None:
    assert store.read().voice == "af_sky"
    make_database(tmp_path / "new.db", kokoro_voice="am_adam")
    (tmp_path / "new.db").replace(path)
    assert store.read().voice == "am_adam"


@pytest.mark.parametrize(
    "name", ["with space.db", "100%.db", "what?.db", "a#b.db", "a&mode=rwc.db", "%41.db", "é中.db"]
)
def test_a_path_with_special_characters_is_that_file_and_no_other(tmp_path: Path, name: str, metrics: Metrics) -> None:
    make_database(tmp_path / name, kokoro_voice="am_adam")
    store = Store(tmp_path / name, metrics)
    assert store.read().voice == "am_adam"
    store.write_status("kokoro", "running")
    assert values(tmp_path / name)["kokoro_service_status"] == "running"
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_link_to_the_database_is_followed(tmp_path: Path, path: Path, metrics: Metrics) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    assert Store(link, metrics).read().voice == "af_sky"


# What cannot be read


def remove(path: Path) -> None:
    path.unlink()


def drop_table(path: Path) -> None:
    run(path, "DROP TABLE system_config")


def drop_column(path: Path) -> None:
    run(path, "ALTER TABLE system_config RENAME COLUMN value TO other")


def corrupt(path: Path) -> None:
    path.write_bytes(b"This is not a database. " * 100)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2048])


def become_empty(path: Path) -> None:
    path.write_bytes(b"")


def become_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def hold_bad_utf8(path: Path) -> None:
    run(path, "UPDATE system_config SET value = CAST(x'ff' AS TEXT)")


DAMAGES = [remove, drop_table, drop_column, corrupt, truncate, become_empty, become_directory, hold_bad_utf8]
Damage = Callable[[Path], None]


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_unusable_database_is_counted_each_time_and_logged_once(
    path: Path, store: Store, metrics: Metrics, damage: Damage
) -> None:
    damage(path)
    with capture_logs() as logs:
        assert [store.read() for _ in range(3)] == [NOTHING] * 3
    assert events(logs) == ["database_unusable"]
    assert str(path) in str(logs)
    assert errors(metrics) == 3


@pytest.mark.parametrize("damage", [remove, drop_table, corrupt, become_empty, become_directory])
def test_an_unusable_database_swallows_no_status(
    tmp_path: Path, path: Path, store: Store, metrics: Metrics, damage: Damage
) -> None:
    damage(path)
    store.write_status("kokoro", "starting")
    store.write_status("kokoro", "running")
    assert errors(metrics) == 2
    if path.is_dir():
        path.rmdir()
    make_database(tmp_path / "mended.db")
    (tmp_path / "mended.db").replace(path)
    store.retry_writes()
    assert values(path)["kokoro_service_status"] == "running"


@pytest.mark.parametrize("damage", [remove, drop_table, corrupt, become_directory])
def test_a_check_of_an_unusable_database_says_which_and_why(path: Path, store: Store, damage: Damage) -> None:
    damage(path)
    with pytest.raises(StoreError, match="host"):
        store.check()


def test_a_missing_database_is_not_created(path: Path, store: Store) -> None:
    path.unlink()
    store.read()
    store.write_status("kokoro", "running")
    assert not path.exists()


def test_a_name_that_no_file_can_have_is_an_unusable_database(tmp_path: Path, metrics: Metrics) -> None:
    store = Store(tmp_path / ("x" * 300), metrics)
    assert store.read() == NOTHING
    store.write_status("kokoro", "running")
    assert errors(metrics) == 2


def test_recovery_is_logged_once_and_the_next_failure_again(path: Path, store: Store) -> None:
    content = path.read_bytes()
    with capture_logs() as logs:
        for _ in range(2):
            path.unlink()
            store.read()
            store.read()
            path.write_bytes(content)
            store.read()
            store.read()
    assert events(logs) == ["database_unusable", "database_usable"] * 2


def test_a_locked_database_leaves_the_switches_unset_for_the_moment(path: Path, store: Store, metrics: Metrics) -> None:
    with held(path, "EXCLUSIVE"):
        assert store.read() == NOTHING
    assert errors(metrics) == 1
    assert store.read() == HostConfig(True, "af_sky", None)


# Writing


def test_a_status_is_written_at_once_with_its_time(path: Path, store: Store) -> None:
    run(path, "INSERT INTO system_config VALUES ('kokoro_service_status', 'stopped', '2001-01-01 00:00:00')")
    store.write_status("kokoro", "running")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (row,) = connection.execute(
            "SELECT value, updated_at > '2020' FROM system_config WHERE key = 'kokoro_service_status'"
        )
    assert row == ("running", 1)


def test_a_status_changes_no_other_key(path: Path, store: Store) -> None:
    before = values(path)
    store.write_status("piper", "error")
    assert values(path) == {**before, "piper_service_status": "error"}


def test_statuses_that_a_locked_database_refuses_are_written_later_in_their_last_state(
    path: Path, store: Store, metrics: Metrics
) -> None:
    with held(path, "EXCLUSIVE"):
        store.write_status("kokoro", "starting")
        store.write_status("kokoro", "running")
    assert "kokoro_service_status" not in values(path)
    store.retry_writes()
    assert values(path)["kokoro_service_status"] == "running"
    assert errors(metrics) == 2


def test_a_status_is_written_once(path: Path, store: Store) -> None:
    store.write_status("kokoro", "running")
    put(path, kokoro_service_status="host was here")
    store.retry_writes()
    assert values(path)["kokoro_service_status"] == "host was here"


def test_a_database_that_can_only_be_read_is_logged_once_not_at_every_poll(path: Path, store: Store) -> None:
    run(
        path,
        "CREATE TRIGGER refuse BEFORE INSERT ON system_config BEGIN SELECT RAISE(ABORT, 'not now'); END",
    )
    with capture_logs() as logs:
        store.write_status("kokoro", "running")
        for _ in range(3):
            assert store.read().voice == "af_sky"
            store.retry_writes()
    assert events(logs) == ["database_unusable"]


# InFlightPhrase one


def test_initialise_creates_the_table_and_the_keys_of_both_services(tmp_path: Path, metrics: Metrics) -> None:
    path = tmp_path / "new.db"
    assert Store(path, metrics).initialise()  # Kokoro is off now
    assert values(path) == {
        "kokoro_service_enabled": "false",
        "kokoro_voice": "af_sky",
        "kokoro_service_status": "stopped",
        "piper_service_enabled": "true",
        "piper_model_path": "",
        "piper_service_status": "stopped",
    }
    assert Store(path, metrics).read() == HostConfig(False, "af_sky", None)


def test_initialise_keeps_what_the_operator_has_set(path: Path, store: Store) -> None:
    put(path, kokoro_voice="am_adam", some_other_key="1")
    assert not store.initialise()
    put(path, kokoro_service_enabled="false")
    store.initialise()
    after = values(path)
    assert after["kokoro_voice"] == "am_adam"
    assert after["kokoro_service_enabled"] == "false"
    assert after["some_other_key"] == "1"
    assert len(after) == 7


def test_initialise_where_no_file_can_be_made_says_where(tmp_path: Path, metrics: Metrics) -> None:
    with pytest.raises(StoreError, match="nowhere"):
        Store(tmp_path / "nowhere" / "x.db", metrics).initialise()


def test_a_check_counts_the_keys(path: Path, store: Store) -> None:
    assert store.check() == f"{path}: system_config has 2 keys"
