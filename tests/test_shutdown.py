"""Stopping: what was accepted is heard to its end, within the drain timeout; a second signal does not wait."""

from __future__ import annotations

import contextlib
import signal
import socket
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.telemetry.metrics import Metrics
from telephony.voices.host_database import Store
from tests.clients import (
    AudioProcessor,
    Daemon,
    EventLog,
    NumberedEngine,
    TextHost,
    Throttle,
    chunk_ids,
    figure,
    frame_bytes,
    register,
    tone_samples,
    wait_figure,
    window_numbers,
)
from tests.conftest import StartService

pytestmark = pytest.mark.slow

LONG = "x" * 200
"""Ten seconds, about a megabyte."""

TONE_DAEMON = (
    *("--engine", "tone", "--tcp-port", "0", "--udp-port", "0", "--http-port", "0", "--request-log", "none"),
    *("--log-level", "debug"),
)


def status_in(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        query = "SELECT value FROM system_config WHERE key = 'kokoro_service_status'"
        return str(connection.execute(query).fetchone()[0])


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with Kokoro switched on."""
    path = tmp_path / "host.db"
    Store(path, Metrics()).initialise()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE system_config SET value = 'true' WHERE key = 'kokoro_service_enabled'")
    return path


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_signal_lets_calls_finish(database: Path, signum: int) -> None:
    with Daemon(*TONE_DAEMON, "--db", str(database), "--reply-stall-s", "60") as daemon:
        port = daemon.wait_ready()
        assert status_in(database) == "running"
        with TextHost(port, "1", receive_buffer=4096) as host:
            for _ in range(10):
                host.say(LONG)
            # Ten megabytes: the kernel does not take them all, so there is something left to drain.
            host.say("The last of all.")
            daemon.wait_line("The last of all")
            daemon.terminate(signum)
            daemon.wait_line("event=stopping")
            frames = host.read_to_end()
        assert [len(frame.samples) for frame in frames] == [
            *[tone_samples(LONG)] * 10,
            tone_samples("The last of all."),
        ]
        assert daemon.wait_exit() == 0
        with pytest.raises(ConnectionRefusedError):
            TextHost(port)
    assert status_in(database) == "stopped"
    assert daemon.wait_line(r"event=stopped drained(=true)?$")
    assert not any("Traceback" in line for line in daemon.stderr)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_does_not_wait(signum: int) -> None:
    with (
        Daemon(*TONE_DAEMON, "--reply-stall-s", "600", "--drain-timeout-s", "600") as daemon,
        TextHost(daemon.wait_ready(), "1", receive_buffer=4096) as host,
    ):
        for _ in range(10):
            host.say(LONG)
        host.say("The last of all.")
        daemon.wait_line("The last of all")
        daemon.terminate(signum)
        daemon.wait_line("event=stopping")
        assert daemon.process.poll() is None
        daemon.terminate(signum)
        assert daemon.wait_exit() == 128 + signum


def test_signal_with_nothing_to_do_ends_at_once(database: Path) -> None:
    with Daemon(*TONE_DAEMON, "--db", str(database)) as daemon, TextHost(daemon.wait_ready(), "1") as host:
        host.say("Hello.")
        host.read_frame()
        started = time.monotonic()
        daemon.terminate()
        assert host.read_to_end() == []  # an idle connection does not hold up the end
        assert daemon.wait_exit() == 0
        assert time.monotonic() - started < 5
    assert status_in(database) == "stopped"


def test_a_signal_in_the_moment_in_which_the_doors_open_is_answered_by_stopping(
    service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The signal's handler raises SystemExit until `started`; behind the first thread that would end nothing.
    seen: list[bool] = []
    open_doors = Service._open_ports

    def spy(self: Service) -> None:
        seen.append(self.started)
        open_doors(self)

    monkeypatch.setattr(Service, "_open_ports", spy)
    service()
    assert seen == [True]


def test_new_text_is_refused_while_stopping(service: StartService, events: EventLog) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle))
    with TextHost(door.tcp_port, "1") as host, TextHost(door.tcp_port, "2") as other:
        host.say("Accepted before.")
        throttle.wait_asked(1)
        other.say("Accepted too.")
        events.wait("text", count=2)
        stopper = threading.Thread(target=door.stop)
        stopper.start()
        events.wait("stopping")
        late = 0
        while not events.found("refused", code="text_refused"):
            late += 1
            host.say("Too late.")
            wait_texts(door, 2 + late)
        accepted = round(figure(door, "tts_texts_total")) - 2
        throttle.open()
        heard = [len(frame.samples) for frame in host.read_to_end()]
        assert heard == [tone_samples("Accepted before."), *[tone_samples("Too late.")] * accepted]
        assert [len(frame.samples) for frame in other.read_to_end()] == [tone_samples("Accepted too.")]
        stopper.join()
    events.wait("stopped", drained=True)
    assert figure(door, "tts_texts_refused_total") == 1


def wait_texts(door: Service, count: int) -> None:
    """Waits until that many texts have come, accepted or refused."""
    wait_figure(door, "tts_texts_total", lambda accepted: accepted + figure(door, "tts_texts_refused_total") >= count)


def test_calls_that_do_not_finish_are_cut_at_the_deadline(service: StartService, events: EventLog) -> None:
    door = service(drain_timeout_s=0.3, reply_stall_s=600.0, sink_buffer_s=5.0)
    with TextHost(door.tcp_port, "1", receive_buffer=4096) as host, TextHost(door.tcp_port, "2") as greeted:
        for _ in range(20):
            host.say(LONG)
        greeted.send(frame_bytes("An unfinished frame.")[:10])
        with TextHost(door.tcp_port) as mute:
            wait_figure(door, "tts_connections_total", lambda count: count == 3)
            wait_figure(door, "tts_texts_total", lambda count: count == 20)
            started = time.monotonic()
            door.stop()
            assert time.monotonic() - started < 4.0
            assert mute.read_to_end() == []
            assert greeted.read_to_end() == []
    events.wait("stopped", drained=False)


def test_stop_while_a_host_is_held_up(service: StartService, events: EventLog) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), max_queued_text_bytes=100, drain_timeout_s=0.2)
    with TextHost(door.tcp_port, "1") as host:
        host.send(frame_bytes("More text than the door takes at once.") * 50)
        throttle.wait_asked(1)
        stopper = threading.Thread(target=door.stop)
        stopper.start()
        events.wait("stopping")
        events.wait("refused", code="text_refused", call="1")  # held up until the drain timeout has passed
        throttle.open()  # the window in the device
        events.wait("stopped", drained=False)
        stopper.join()


def test_processors_hear_all_and_then_the_end(service: StartService, events: EventLog) -> None:
    throttle = Throttle()
    door = service(NumberedEngine(on_render=throttle))
    with (
        AudioProcessor() as busy,
        AudioProcessor() as idle,
        AudioProcessor(listening=False) as late,
        TextHost(door.tcp_port, busy.call_id) as host,
    ):
        for processor in (busy, idle, late):
            register(door, processor.call_id)
        events.wait("registered", count=3)
        events.wait("processor_connected", count=2)
        host.say(LONG)
        throttle.wait_asked(1)
        stopper = threading.Thread(target=door.stop)
        stopper.start()
        events.wait("stopping")
        throttle.open()
        for processor in (busy, idle):
            processor.wait(lambda each: each.receptions[0].closed)
            assert processor.receptions[0].ended
        stopper.join()
        assert window_numbers(busy.frames) == chunk_ids(busy.frames) == list(range(1, 51))
        assert idle.frames == []


def test_ports_are_free_after_stopping(service: StartService) -> None:
    door = service()
    with TextHost(door.tcp_port, "1") as host:
        host.say("Hello.")
        host.read_frame()
    door.stop()
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind(("127.0.0.1", door.tcp_port))
        tcp.listen()
        udp.bind(("127.0.0.1", door.udp_port))
