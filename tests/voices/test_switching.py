"""Switching between Kokoro and Piper in a real database, under speech, in both modes; and a database that fails."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from telephony.engines.base import Engine, Utterance
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.voices import selector
from telephony.voices.host_database import Store
from telephony.voices.selector import Loaders
from tests.clients import (
    TIMEOUT_S,
    AudioProcessor,
    EventLog,
    NumberedEngine,
    TextHost,
    Throttle,
    chunk_ids,
    figure,
    free_port,
    register,
    tone,
    tone_samples,
    window_numbers,
)
from tests.conftest import StartService

LONG = "x" * 200
"""A segment of ten seconds, 50 windows."""


class HostDatabase:
    """The host's side of system_config, in WAL mode as the host has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._connect() as connection:
            connection.execute("PRAGMA journal_mode = WAL")

    def set(self, **values: str) -> None:
        """Sets keys, as the host's settings page does."""
        with self._connect() as connection, connection:
            connection.executemany(
                "INSERT OR REPLACE INTO system_config (key, value, updated_at) VALUES (?, ?, CURRENT_TIMESTAMP)",
                values.items(),
            )

    def get(self, key: str) -> str:
        with self._connect() as connection:
            return str(connection.execute("SELECT value FROM system_config WHERE key = ?", (key,)).fetchone()[0])

    def wait(self, key: str, value: str) -> None:
        """Waits until the service has written that; SQLite tells nobody, so it asks again and again."""
        pause, deadline = threading.Event(), time.monotonic() + TIMEOUT_S
        while (found := self.get(key)) != value:
            assert time.monotonic() < deadline, f"{key} is {found}"
            pause.wait(0.02)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.path, timeout=TIMEOUT_S)) as connection:
            yield connection


@pytest.fixture
def database(tmp_path: Path) -> HostDatabase:
    """A database with Kokoro switched on."""
    path = tmp_path / "host.db"
    Store(path, Metrics()).initialise()
    host = HostDatabase(path)
    host.set(kokoro_service_enabled="true")
    return host


def free_ports() -> tuple[int, int]:
    """A TCP and a UDP port that other servers of a test may fight for."""
    return free_port(), free_port(socket.SOCK_DGRAM)


def test_embedded_piper_takes_over_from_the_next_text_on(
    service: StartService, events: EventLog, database: HostDatabase
) -> None:
    throttle = Throttle()
    door = service(NumberedEngine(on_render=throttle), db=database.path)
    events.wait("selected", engine="tone")
    database.wait("kokoro_service_status", "running")
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        register(door, processor.call_id)
        events.wait("registered")
        host.say(LONG)
        throttle.allow(10)
        processor.wait(lambda each: len(each.frames) == 10)

        database.set(kokoro_service_enabled="false", piper_service_enabled="true")
        switched_at = time.monotonic()
        events.wait("selected", engine="piper")
        assert time.monotonic() - switched_at < 2.0
        database.wait("kokoro_service_status", "stopped")
        database.wait("piper_service_status", "running")
        host.say("Piper speaks.")
        throttle.open()
        kokoro_samples, piper_samples = tone_samples(LONG), tone_samples("Piper speaks.", 22_050)
        frames = processor.wait_samples(kokoro_samples + piper_samples)
        assert window_numbers(frames[:50]) == list(range(1, 51))  # on the engine that began it
        assert {frame.sample_rate for frame in frames[:50]} == {24_000}
        assert {frame.sample_rate for frame in frames[50:]} == {22_050}

        database.set(kokoro_service_enabled="true")
        events.wait("selected", count=2, engine="tone")
        host.say("Kokoro speaks.")
        frames = processor.wait_samples(kokoro_samples + piper_samples + tone_samples("Kokoro speaks."))
        assert frames[-1].sample_rate == 24_000
        assert chunk_ids(frames) == list(range(1, len(frames) + 1))
        database.wait("kokoro_service_status", "running")
        database.wait("piper_service_status", "stopped")
        assert len(processor.receptions) == 1
    assert figure(door, "tts_audio_dropped_seconds_total", why="no route") == 0


def test_embedded_switch_keeps_one_frame_for_each_text(
    service: StartService, events: EventLog, database: HostDatabase
) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), db=database.path)
    with TextHost(door.tcp_port, "1") as host:
        host.say("Begun on Kokoro, queued.")
        host.say("Queued on Kokoro.")
        throttle.wait_asked(1)
        # Both are queued now, or the second one is still on its way; wait until it has been accepted.
        events.wait("text", count=2)
        database.set(kokoro_service_enabled="false")
        events.wait("selected", engine="piper")
        host.say("On Piper.")
        events.wait("text", count=3)
        throttle.open()
        frames = host.read_frames(3)
    assert [(frame.sample_rate, frame.chunk_id) for frame in frames] == [(24_000, 1), (24_000, 2), (22_050, 3)]
    assert len(frames[2].samples) == tone_samples("On Piper.", 22_050)


@pytest.mark.slow
def test_toggling_quickly_under_speech_of_many_calls_loses_nothing(
    service: StartService, events: EventLog, database: HostDatabase
) -> None:
    door = service(db=database.path)
    with contextlib.ExitStack() as stack:
        hosts = [stack.enter_context(TextHost(door.tcp_port, str(number))) for number in range(10)]
        enabled = True
        for turn in range(6):
            for host in hosts:
                host.say(f"This is turn {turn}.")
            enabled = not enabled
            database.set(kokoro_service_enabled=str(enabled).lower())
            if turn % 2:
                events.wait("selected", count=1 + (turn + 1) // 2, engine="tone")
            else:
                events.wait("selected", count=1 + turn // 2, engine="piper")
        for host in hosts:
            frames = host.read_frames(6)
            assert chunk_ids(frames) == [1, 2, 3, 4, 5, 6]
            for frame in frames:
                assert len(frame.samples) == tone_samples("This is turn 0.", frame.sample_rate)


def test_start_with_kokoro_switched_off(service: StartService, events: EventLog, database: HostDatabase) -> None:
    database.set(kokoro_service_enabled="false")
    door = service(db=database.path)
    assert "piper speaks as joe" in door.describe()
    database.wait("piper_service_status", "running")
    assert database.get("kokoro_service_status") == "stopped"
    with TextHost(door.tcp_port, "1") as host:
        host.say("Piper first.")
        assert host.read_frame().sample_rate == 22_050
        database.set(kokoro_service_enabled="true")
        events.wait("selected", engine="tone")
        host.say("Then Kokoro.")
        assert host.read_frame().sample_rate == 24_000


def test_voice_follows_the_database_and_a_bad_one_is_refused(
    service: StartService, events: EventLog, database: HostDatabase
) -> None:
    said: list[str] = []

    class Listening(ToneEngine):
        def prepare(self, text: str, voice: str, *rest: Any, **options: Any) -> Utterance:
            said.append(voice)
            return super().prepare(text, voice, *rest, **options)

    door = service(Listening(), db=database.path)
    with TextHost(door.tcp_port, "1") as host:
        host.say("First.")
        host.read_frame()
        database.set(kokoro_voice="am_michael")
        events.wait("selected", voice="am_michael")
        host.say("Second.")
        host.read_frame()
        database.set(kokoro_voice="nobody")
        refused = events.wait("voice_refused", level="error")
        assert (refused["voice"], refused["effect"]) == ("nobody", "am_michael stays")
        host.say("Third.")
        host.read_frame()
        database.set(kokoro_voice="tone", kokoro_service_enabled="perhaps")
        events.wait("selected", voice="tone")
        events.wait("database_unusable")
        host.say("Fourth.")
        assert host.read_frame().sample_rate == 24_000
    assert said == ["af_sky", "am_michael", "am_michael", "tone"]
    assert len(events.found("voice_refused")) == 1  # not four times a second
    assert len(events.found("database_unusable")) == 1


class OtherServer:
    """An external Piper: takes both ports, as a plain server does."""

    def __init__(self, tcp_port: int, udp_port: int) -> None:
        self.tcp, self.udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.tcp.bind(("127.0.0.1", tcp_port))
            self.tcp.listen()
            self.udp.bind(("127.0.0.1", udp_port))
        except OSError:
            self.close()
            raise

    def __enter__(self) -> OtherServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.tcp.close()
        self.udp.close()


def test_external_piper_gets_both_ports_and_gives_them_back(
    service: StartService, events: EventLog, database: HostDatabase
) -> None:
    tcp_port, udp_port = free_ports()
    throttle = Throttle()
    door = service(
        NumberedEngine(on_render=throttle), db=database.path, piper="external", tcp_port=tcp_port, udp_port=udp_port
    )
    with AudioProcessor() as processor, TextHost(tcp_port, processor.call_id) as host:
        register(door, processor.call_id)
        events.wait("registered")
        host.say(LONG)
        throttle.allow(10)
        processor.wait(lambda each: len(each.frames) == 10)

        database.set(kokoro_service_enabled="false")
        switched_at = time.monotonic()
        events.wait("doors_released")
        with OtherServer(tcp_port, udp_port):
            assert time.monotonic() - switched_at < 2.0
            throttle.open()
            # What is being spoken finishes, then the call is over here.
            processor.wait(lambda each: each.receptions[0].closed)
            assert window_numbers(processor.frames) == list(range(1, 51))
            assert processor.receptions[0].ended
            assert host.read_to_end() == []
            database.wait("kokoro_service_status", "stopped")

            database.set(kokoro_service_enabled="true")
            events.wait("ports_taken", level="error")
            database.wait("kokoro_service_status", "error")
        events.wait("doors_open", count=2, tcp_port=tcp_port, udp_port=udp_port)
        database.wait("kokoro_service_status", "running")
        with TextHost(tcp_port, processor.call_id) as again:
            again.say("Hello again.")
            assert again.read_frame().chunk_id == 1
            register(door, processor.call_id)
            events.wait("registered", count=2)
            again.say("Both doors.")
            processor.wait_samples(tone_samples(LONG) + tone_samples("Both doors."))
            assert len(processor.receptions) == 2
    assert len(events.found("ports_taken")) == 1
    assert events.found("selected", engine="piper") == []


def test_external_mode_leaves_the_ports_alone_from_the_start(
    service: StartService, events: EventLog, database: HostDatabase
) -> None:
    tcp_port, udp_port = free_ports()
    database.set(kokoro_service_enabled="false")
    with OtherServer(tcp_port, udp_port):
        door = service(db=database.path, piper="external", tcp_port=tcp_port, udp_port=udp_port)
        assert "ports left to the external Piper" in door.describe()
        assert database.get("kokoro_service_status") == "stopped"
    database.set(kokoro_service_enabled="true")
    events.wait("doors_open")
    with TextHost(tcp_port, "1") as host:
        host.say("Here I am.")
        assert host.read_frame().sample_rate == 24_000


@contextlib.contextmanager
def write_lock(path: Path, statement: str = "BEGIN EXCLUSIVE") -> Iterator[Callable[[], None]]:
    """Another process holds the database's lock, until the yielded function is called."""
    script = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)\n"
        "connection.execute(sys.argv[2])\n"
        "connection.execute(\"UPDATE system_config SET value = 'stopped' WHERE key = 'piper_service_status'\")\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
        "connection.execute('ROLLBACK')\n"
        "connection.close()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path), statement], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"

        def release() -> None:
            process.communicate()

        try:
            yield release
        finally:
            if process.poll() is None:
                release()
    assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_calls_go_on_while_another_process_locks_the_database(
    service: StartService, events: EventLog, database: HostDatabase, journal: str
) -> None:
    with contextlib.closing(sqlite3.connect(database.path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
    door = service(db=database.path)
    database.wait("kokoro_service_status", "running")
    with TextHost(door.tcp_port, "1") as host, AudioProcessor() as processor:
        with write_lock(database.path) as release:
            if journal == "delete":  # the lock keeps readers out as well
                events.wait("database_unusable")
            for number in range(1, 4):
                host.say("The database is locked.")
                assert host.read_frame().chunk_id == number
            with TextHost(door.tcp_port, processor.call_id) as other:
                register(door, processor.call_id)
                events.wait("processor_connected")
                other.say("New calls come too.")
                processor.wait_samples(tone_samples("New calls come too."))
            release()
        database.set(kokoro_service_enabled="false")
        events.wait("selected", engine="piper")
        host.say("And the switch works again.")
        assert host.read_frame().sample_rate == 22_050
        database.wait("piper_service_status", "running")


@pytest.mark.slow
def test_start_and_status_while_the_database_is_locked(
    service: StartService, events: EventLog, database: HostDatabase
) -> None:
    with write_lock(database.path) as release:
        door = service(db=database.path)
        with TextHost(door.tcp_port, "1") as host:
            host.say("The status can wait.")
            host.read_frame()
        events.wait("database_unusable")
        release()
    database.wait("kokoro_service_status", "running")


def test_lock_of_a_moment_does_not_lose_the_last_status(database: HostDatabase, events: EventLog) -> None:
    settings = Settings(tcp_port=0, udp_port=0, http_port=None, request_log=None, phrase_cache_mb=0, db=database.path)
    door = Service(settings, Loaders(ToneEngine, lambda path: ToneEngine(name="piper")))
    door.start()
    database.wait("kokoro_service_status", "running")
    with write_lock(database.path) as release:
        stopper = threading.Thread(target=door.stop)
        stopper.start()
        # As long as it takes the service to try, or to end without having tried.
        stopper.join(0.8)
        release()
        stopper.join()
    assert database.get("kokoro_service_status") == "stopped"


@pytest.mark.parametrize("kind", ["missing", "corrupt", "directory", "no table", "not text", "empty"])
def test_unusable_database_is_survived(
    monkeypatch: pytest.MonkeyPatch, service: StartService, events: EventLog, tmp_path: Path, kind: str
) -> None:
    monkeypatch.setattr(selector, "_LAST_WRITE_PATIENCE_S", 0.0)
    path = tmp_path / "host.db"
    if kind == "corrupt":
        path.write_bytes(b"This is no database at all. " * 1000)
    elif kind == "directory":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind != "missing":
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            if kind == "no table":
                connection.execute("CREATE TABLE other (id INTEGER)")
            else:
                connection.execute("CREATE TABLE system_config (key TEXT PRIMARY KEY, value)")
                connection.execute("INSERT INTO system_config VALUES ('kokoro_service_enabled', x'00ff')")
                connection.execute("INSERT INTO system_config VALUES ('kokoro_voice', 42)")
    door = service(db=path)
    with TextHost(door.tcp_port, "1") as host:
        host.say("Kokoro speaks all the same.")
        np.testing.assert_array_equal(host.read_frame().samples, tone("Kokoro speaks all the same."))
    config_error = events.wait("database_unusable", level="error")
    assert config_error["path"] == str(path)
    assert path.exists() == (kind != "missing")


def test_database_that_appears_later_is_followed(service: StartService, events: EventLog, tmp_path: Path) -> None:
    path = tmp_path / "host.db"
    door = service(db=path)
    events.wait("database_unusable")
    staged = tmp_path / "staged.db"
    Store(staged, Metrics()).initialise()
    staged.rename(path)  # with Kokoro switched off, as sql/ has it
    events.wait("selected", engine="piper")
    events.wait("database_usable")
    with TextHost(door.tcp_port, "1") as host:
        host.say("Piper.")
        assert host.read_frame().sample_rate == 22_050


def test_engine_that_is_not_there_is_replaced_by_the_one_that_is(events: EventLog, database: HostDatabase) -> None:
    from telephony.engines.catalog import EngineUnavailableError

    def no_piper(path: Path | None) -> Engine:
        raise EngineUnavailableError("no Piper voice here")

    settings = Settings(tcp_port=0, udp_port=0, http_port=None, request_log=None, phrase_cache_mb=0, db=database.path)
    door = Service(settings, Loaders(ToneEngine, no_piper))
    door.start()
    try:
        events.wait("engine_unavailable", error="no Piper voice here")
        database.set(kokoro_service_enabled="false")
        events.wait("engine_missing")
        with TextHost(door.tcp_port, "1") as host:
            host.say("Kokoro goes on, rather than silence.")
            assert host.read_frame().sample_rate == 24_000
    finally:
        door.stop()
