"""Starting the real process: readiness, what ends the start with one clear line, `--check`, `--init-db`, `--help`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from telephony.engines.base import Engine
from telephony.engines.catalog import EngineUnavailableError
from telephony.engines.kokoro.weights import KokoroWeights
from telephony.engines.tone import ToneEngine
from telephony.service import Service, StartError
from telephony.settings import Settings, describe
from telephony.tools import check
from telephony.voices.selector import Loaders
from tests.clients import ROOT, Daemon, EventLog, TextHost, free_port, tone_samples

pytestmark = pytest.mark.slow

ANY_PORTS = ("--tcp-port", "0", "--udp-port", "0", "--http-port", "0", "--request-log", "none")
TONE = ("--engine", "tone", *ANY_PORTS)
MODEL_TIMEOUT_S = 120.0


@contextlib.contextmanager
def taken(kind: socket.SocketKind) -> Iterator[int]:
    """A port that another server has."""
    with socket.socket(socket.AF_INET, kind) as server:
        server.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            server.listen()
        yield int(server.getsockname()[1])


def run(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs `kokoro_service.py` to its end. What it is doing meanwhile is left out of its log."""
    foreign = ("KOKORO_", "API_KEY", "TTS_", "WS_")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    result = subprocess.run(
        [sys.executable, str(ROOT / "kokoro_service.py"), *arguments],
        env={**inherited, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=MODEL_TIMEOUT_S,
        check=False,
    )
    result.stderr = re.sub(r"^.* event=(?:starting|loading) .*\n", "", result.stderr, flags=re.MULTILINE)
    return result


def test_ready_line_comes_when_it_speaks(tmp_path: Path) -> None:
    with Daemon(*TONE) as daemon:
        port = daemon.wait_ready()
        with TextHost(port, "1") as host:
            host.say("A secret of the caller.")
            assert len(host.read_frame().samples) == tone_samples("A secret of the caller.")
        daemon.terminate()
        assert daemon.wait_exit() == 0
    assert len(daemon.stdout) == 1
    assert re.fullmatch(
        rf"ready: tone speaks as af_sky, text on 127\.0\.0\.1:{port}, registration on 127\.0\.0\.1:\d+/udp",
        daemon.stdout[0],
    )
    assert not any("secret" in line for line in daemon.stderr)
    for line in daemon.stderr:
        assert re.match(r"timestamp=\S+Z level=(info|warning|error) event=\w+", line), line


def test_the_first_line_comes_before_what_takes_time() -> None:
    program = "import kokoro_service, sys; print({'fastapi', 'torch', 'av', 'telephony.service'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"
    with Daemon(*TONE) as daemon:
        daemon.wait_ready()
    assert re.search(r"level=info event=starting version=\S+ engine=tone$", daemon.stderr[0])


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_starts_ends_it_without_a_trace(signum: int) -> None:
    with Daemon(*TONE) as daemon:
        daemon.wait_line("event=starting")
        daemon.terminate(signum)
        assert daemon.wait_exit() in (128 + signum, 0)  # 0 once it is ready
    assert not any("Traceback" in line for line in daemon.stderr)


def test_what_stays_is_not_looked_through_while_callers_speak() -> None:
    told = "import atexit, gc, sys; atexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count())); "
    program = told + "import kokoro_service; sys.exit(kokoro_service.main())"
    command = [sys.executable, "-c", program, *TONE, "--piper", "external"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready: ")
            process.terminate()
            enabled, frozen = process.communicate(timeout=MODEL_TIMEOUT_S)[0].split()
        finally:
            process.kill()
    assert enabled == "True"
    assert int(frozen) > 10_000  # the modules alone; the engine's come on top


def test_environment_sets_and_the_command_line_wins() -> None:
    environment = {
        "KOKORO_ENGINE": "tone",
        "KOKORO_TCP_PORT": "0",
        "KOKORO_UDP_PORT": "0",
        "KOKORO_HTTP_PORT": "0",
        "KOKORO_REQUEST_LOG": "none",
        "KOKORO_VOICE": "nobody",
    }
    with Daemon("--voice", "am_michael", "--log-format", "json", environment=environment) as daemon:
        daemon.wait_line("^ready: tone speaks as am_michael")
        assert all(line.startswith("{") and line.endswith("}") for line in daemon.stderr)


def test_http_is_served_and_requests_are_logged(tmp_path: Path) -> None:
    port = free_port()
    path = tmp_path / "logs" / "metrics.log"
    with Daemon(*TONE, "--http-port", str(port), "--request-log", str(path)) as daemon:
        text_port = daemon.wait_ready()
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").json()["status"] == "ready"
        # What the web server and its libraries have to say is in the form of this log, and has no keys in it.
        with pytest.raises(InvalidStatus):
            connect(f"ws://127.0.0.1:{port}/nowhere?api_key=secret", open_timeout=MODEL_TIMEOUT_S)
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"This is no HTTP.\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")
        daemon.wait_line("level=warning event=library_message library=uvicorn.error message=.*Invalid HTTP")
        with TextHost(text_port, "1") as host:
            host.say("A secret of the caller.")
            host.read_frame()
        daemon.terminate()
        assert daemon.wait_exit() == 0
    (entry,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert entry["door"] == "telephone"
    assert f"HTTP and WebSocket on 127.0.0.1:{port}" in daemon.stdout[0]
    assert not any("secret" in line for line in [*daemon.stderr, path.read_text()])
    for line in daemon.stderr:
        assert re.match(r"timestamp=\S+Z level=(info|warning|error) event=\w+", line), line


def test_what_is_needless_is_named_in_the_log(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("prerender: {enabled: false, batch_size: 4}", encoding="utf-8")
    environment = {"QUEUE_MAXSIZE": "50", "PRIME_STREAM": "1", "TTS_MAX_SESSIONS": "7", "DEFAULT_VOICE_MALE": "tone"}
    with Daemon(*TONE, "--prerender-file", str(config), environment=environment) as daemon:
        daemon.wait_line("level=info event=env_var_ignored name=QUEUE_MAXSIZE why=.*KOKORO_MAX_FIRST_AUDIO_S")
        daemon.wait_line("level=info event=config_key_ignored name=prerender.batch_size why=")
        daemon.wait_ready()
    assert sum("PRIME_STREAM" in line for line in daemon.stderr) == 1
    assert not any("TTS_MAX_SESSIONS" in line or "DEFAULT_VOICE_MALE" in line for line in daemon.stderr)


def test_flags_without_effect_and_unknown_variables_are_named_in_the_log() -> None:
    environment = {"KOKORO_VOCE": "a secret", "KOKORO_XYZZY": "a secret"}
    with Daemon(*TONE, "--audiosocket-silence", environment=environment) as daemon:
        daemon.wait_line("level=info event=flag_ignored name=--audiosocket-silence why=.*PBX")
        daemon.wait_line("level=warning event=env_var_unknown name=KOKORO_VOCE did_you_mean=KOKORO_VOICE")
        daemon.wait_line("level=warning event=env_var_unknown name=KOKORO_XYZZY")
        daemon.wait_ready()
    assert not any("secret" in line for line in daemon.stderr)


def test_former_flags_still_work(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "former.log"
    former = ("--metrics-log", str(log), "--reply-stall-s", "7", "--max-http-connections", "9")
    with Daemon("--engine", "tone", "--tcp-port", "0", "--udp-port", "0", "--http-port", str(port), *former) as daemon:
        with TextHost(daemon.wait_ready(), "1") as host:
            host.say("Hello.")
            host.read_frame()
        daemon.terminate()
        assert daemon.wait_exit() == 0
    assert log.is_file()
    assert not any("_ignored" in line or "_unknown" in line for line in daemon.stderr)


def test_http_port_in_use_is_one_line_and_exit_1() -> None:
    with taken(socket.SOCK_STREAM) as port:
        result = run(*TONE, "--http-port", str(port))
        checked = run(*TONE, "--http-port", str(port), "--check")
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert f"port {port} (HTTP)" in line
    assert checked.returncode == 1
    (row,) = [line for line in checked.stdout.splitlines() if line.split()[1] == "ports"]
    assert row.startswith("FAIL")
    assert f"TCP {port}" in row


def test_a_door_for_everybody_is_one_line_and_exit_2() -> None:
    result = run(*TONE, "--http-port", str(free_port()), "--http-host", "0.0.0.0")
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: --http-host '0.0.0.0' ")
    assert "--insecure" in line


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--voice", "nobody"), "unknown voice 'nobody'"),
        (("--audiosocket-port", "1"), "--audiosocket-port"),  # without the HTTP door
        (("--prerender-file", "no-such-file"), "--prerender-file"),
    ],
)
def test_a_setting_that_cannot_work_is_one_line_and_exit_2(arguments: tuple[str, ...], named: str) -> None:
    result = run(*TONE, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert named in line


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_port_in_use_is_one_line_and_exit_1(tmp_path: Path, kind: socket.SocketKind) -> None:
    database = tmp_path / "host.db"
    assert run("--init-db", "--db", str(database)).returncode == 0
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE system_config SET value = 'true' WHERE key = 'kokoro_service_enabled'")
    with taken(kind) as port:
        option = "--tcp-port" if kind == socket.SOCK_STREAM else "--udp-port"
        # The real engine: the ports are tried before seconds go into loading it.
        result = run(*ANY_PORTS, option, str(port), "--db", str(database))
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert str(port) in line
    assert "in use" in line
    with contextlib.closing(sqlite3.connect(database)) as connection:
        query = "SELECT value FROM system_config WHERE key = 'kokoro_service_status'"
        assert connection.execute(query).fetchone() == ("error",)


def test_port_that_is_taken_while_the_engine_loads(events: EventLog) -> None:
    # Whether the other server gets the port or not: this one either speaks, or says in time that it cannot.
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def load() -> Engine:
            with contextlib.suppress(OSError):
                other.bind(("127.0.0.1", door.tcp_port))
                other.listen()
            return ToneEngine()

        door = Service(
            Settings(tcp_port=0, udp_port=0, http_port=None, request_log=None, phrase_cache_mb=0),
            Loaders(load, lambda path: ToneEngine()),
        )
        try:
            door.start()
        except StartError as error:
            assert str(door.tcp_port) in str(error)
        else:
            with TextHost(door.tcp_port, "1") as host:
                host.say("The port is ours.")
                host.read_frame()
            door.stop()


def test_host_that_connects_while_the_engine_loads_is_served(events: EventLog) -> None:
    with contextlib.ExitStack() as stack:
        hosts: list[TextHost] = []

        def load() -> Engine:
            hosts.append(stack.enter_context(TextHost(door.tcp_port, "1")))
            hosts[0].say("As soon as you can.")
            return ToneEngine()

        door = Service(
            Settings(tcp_port=0, udp_port=0, http_port=None, request_log=None, phrase_cache_mb=0),
            Loaders(load, lambda path: ToneEngine()),
        )
        door.start()
        stack.callback(door.stop)
        assert len(hosts[0].read_frame().samples) == tone_samples("As soon as you can.")


def test_engine_that_cannot_be_loaded_ends_the_start(events: EventLog) -> None:
    def fail() -> Engine:
        raise EngineUnavailableError("no weights, no voice")

    door = Service(
        Settings(tcp_port=0, udp_port=0, http_port=None, request_log=None, phrase_cache_mb=0),
        Loaders(fail, lambda path: ToneEngine()),
    )
    with pytest.raises(StartError, match="no weights, no voice"):
        door.start()
    with socket.socket() as other:
        other.bind(("127.0.0.1", door.tcp_port))  # left behind free


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        (["--tcp-port", "99999"], {}, "--tcp-port='99999'"),
        (["-u", "many"], {}, "--udp-port='many'"),
        (["--device", "tpu"], {}, "--device='tpu'"),
        (["--audio-route", "both"], {}, "--audio-route='both'"),
        ([], {"KOKORO_SPEED": "fast"}, "KOKORO_SPEED='fast'"),
        ([], {"KOKORO_DRAIN_TIMEOUT_S": "inf"}, "KOKORO_DRAIN_TIMEOUT_S='inf'"),
        (["--init-db"], {}, "--db"),
    ],
)
def test_bad_setting_is_one_line_and_exit_2(arguments: list[str], environment: dict[str, str], named: str) -> None:
    result = run(*arguments, environment=environment)
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert named in line


def test_unknown_flag_is_an_error() -> None:
    result = run("--no-such-flag")
    assert result.returncode == 2
    assert "--no-such-flag" in result.stderr.splitlines()[-1]


def test_help_names_every_setting() -> None:
    result = run("--help")
    assert result.returncode == 0
    assert result.stderr == ""
    for flag, variables, _, _ in describe():
        assert flag in result.stdout
        assert all(variable in result.stdout for variable in variables.split(", "))


def test_init_db_makes_what_is_missing_and_keeps_what_is_set(tmp_path: Path) -> None:
    database = tmp_path / "host.db"
    for new in (True, False):
        result = run("--init-db", "--db", str(database))
        assert (result.returncode, result.stderr) == (0, "")
        assert "6 keys" in result.stdout
        assert ("Piper speaks from now on, also in a service that is running" in result.stdout) is new
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            values = dict(connection.execute("SELECT key, value FROM system_config"))
            connection.execute("UPDATE system_config SET value = 'bm_george' WHERE key = 'kokoro_voice'")
    assert values == {
        "kokoro_service_enabled": "false",
        "kokoro_voice": "bm_george",
        "kokoro_service_status": "stopped",
        "piper_service_enabled": "true",
        "piper_model_path": "",
        "piper_service_status": "stopped",
    }


@pytest.mark.parametrize("kind", ["no directory", "corrupt"])
def test_init_db_that_fails_is_one_line_and_exit_1(tmp_path: Path, kind: str) -> None:
    database = tmp_path / "nowhere" / "host.db"
    if kind == "corrupt":
        database = tmp_path / "host.db"
        database.write_bytes(b"This is no database at all. " * 1000)
    result = run("--init-db", "--db", str(database))
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert str(database) in line


def test_unreadable_database_is_survived(tmp_path: Path) -> None:
    database = tmp_path / "host.db"
    database.write_bytes(b"This is no database at all. " * 1000)
    with Daemon(*TONE, "--db", str(database)) as daemon:
        with TextHost(daemon.wait_ready(), "1") as host:
            host.say("It speaks all the same.")
            host.read_frame()
        daemon.wait_line("level=error event=database_unusable")
        daemon.terminate()
        assert daemon.wait_exit() == 0


@pytest.mark.model
def test_unknown_voice_is_one_line_and_exit_2(kokoro_weights: KokoroWeights) -> None:
    result = run(*ANY_PORTS, "--voice", "nobody")
    assert result.returncode == 2
    assert result.stdout == ""
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "'nobody'" in errors[0]
    assert "af_sky" in errors[0]
    assert "Traceback" not in result.stderr


@pytest.mark.model
def test_missing_device_is_survived_on_the_cpu(kokoro_weights: KokoroWeights) -> None:
    missing = "cuda" if sys.platform == "darwin" else "mps"
    with Daemon(*ANY_PORTS, "--device", missing) as daemon:
        port = daemon.wait_ready(MODEL_TIMEOUT_S)
        daemon.wait_line(f"level=warning event=device_missing.*wanted={missing} using=cpu")
        with TextHost(port, "999") as host:
            host.socket.settimeout(MODEL_TIMEOUT_S)
            host.say("Hello, this is a test of the Kokoro text to speech service.")
            frame = host.read_frame()
        assert (len(frame.samples) * 4, frame.sample_rate, frame.chunk_id) == (400_800, 24_000, 1)
        daemon.terminate()
        assert daemon.wait_exit() == 0
    assert not any("Hello" in line for line in daemon.stderr)


@pytest.mark.model
def test_check_is_all_ok(tmp_path: Path, kokoro_weights: KokoroWeights) -> None:
    database = tmp_path / "host.db"
    assert run("--init-db", "--db", str(database)).returncode == 0
    result = run(*ANY_PORTS, "--check", "--db", str(database))
    rows = [line.split() for line in result.stdout.splitlines()]
    assert [row[1] for row in rows] == [
        "python",
        "packages",
        "processor",
        "kernels",
        "cores",
        "memory",
        "allocator",
        "weights",
        "device",
        "piper",
        "supertonic",
        "ports",
        "database",
    ]
    assert {row[0] for row in rows} <= {"ok", "slow"}
    assert result.returncode == 0


@pytest.mark.model
def test_check_tells_what_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kokoro_weights: KokoroWeights
) -> None:
    with taken(socket.SOCK_STREAM) as port:
        settings = Settings(
            tcp_port=port,
            udp_port=0,
            http_port=None,
            voice="nobody",
            device="cuda" if sys.platform == "darwin" else "mps",
            piper_model=tmp_path / "nobody.onnx",
            db=tmp_path / "nowhere.db",
        )
        assert check.run(settings) == 1
    rows = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()}
    failed = [name for name, line in rows.items() if line.startswith("FAIL")]
    assert failed == ["weights", "device", "piper", "ports", "database"]
    assert "'nobody'" in rows["weights"]
    assert str(port) in rows["ports"]
    assert "nobody.onnx" in rows["piper"]
    assert "nowhere.db" in rows["database"]
    assert "--init-db" in rows["database"]


@pytest.mark.model
def test_check_without_weights_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(Settings(tcp_port=0, udp_port=0, http_port=None, cache_dir=tmp_path)) == 1
    rows = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()}
    assert rows["weights"].startswith("FAIL")
    assert "start the service once" in rows["weights"]
