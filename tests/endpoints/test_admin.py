"""The state of the service as JSON, and the switch that is written into the host's database."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from telephony.engines.base import Engine
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.settings import Settings
from telephony.telemetry import history
from telephony.telemetry.history import Bucket, History
from telephony.telemetry.metrics import Metrics
from telephony.voices.host_database import Store
from telephony.voices.selector import Loaders
from tests.clients import TIMEOUT_S, TextHost, wait_figure
from tests.conftest import StartService

ROUTES = [("GET", "/v1/status", None), ("POST", "/v1/selection", {"engine": "piper"})]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A database in which Kokoro is switched on."""
    path = tmp_path / "host.db"
    Store(path, Metrics()).initialise()
    execute(path, "UPDATE system_config SET value = 'true' WHERE key = 'kokoro_service_enabled'")
    return path


def execute(path: Path, statement: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        return list(connection.execute(statement))


def rows(path: Path) -> dict[str, str]:
    """What is in the database, the statuses aside: the service writes these when it likes."""
    found = dict(execute(path, "SELECT key, value FROM system_config"))
    return {key: value for key, value in found.items() if not key.endswith("_status")}


def ask(
    door: Service, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> httpx.Response:
    return httpx.request(
        method, f"http://127.0.0.1:{door.http_port}{path}", json=body, headers=headers, timeout=TIMEOUT_S
    )


def status(door: Service) -> dict[str, Any]:
    answer = ask(door, "GET", "/v1/status")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def select(door: Service, **wanted: object) -> httpx.Response:
    return ask(door, "POST", "/v1/selection", wanted)


def wait_status(door: Service, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    pause = threading.Event()
    for _ in range(int(TIMEOUT_S / 0.02)):
        if reached(found := status(door)):
            return found
        pause.wait(0.02)
    raise AssertionError(found)


# State


def test_the_state_of_a_service_that_has_said_nothing(service: StartService) -> None:
    found = status(service(http_port=0))
    assert (found["status"], found["engine"], found["device"], found["voice"]) == ("ready", "tone", "cpu", "af_sky")
    assert found["calls"] == {"telephone": 0}
    assert found["queue_depth"] == 0
    assert found["predicted_first_audio_s"] == 0
    assert found["recent"]["first_audio"] == []
    assert found["switch"] == {"database": False, "engine": "kokoro", "voice": "af_sky"}
    assert found["uptime_s"] >= 0


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system does not tell a process's memory")
def test_memory_is_that_of_the_process(service: StartService) -> None:
    door = service(http_port=0)
    before = status(door)["memory_bytes"]
    ballast = b"x" * 200_000_000
    assert status(door)["memory_bytes"] - before > len(ballast) / 2


def test_before_the_engine_is_loaded_the_state_can_be_seen() -> None:
    seen: list[dict[str, Any]] = []

    def load() -> Engine:
        seen.append(status(door))
        return ToneEngine()

    settings = Settings(tcp_port=0, udp_port=0, http_port=0, request_log=None, phrase_cache_mb=0)
    door = Service(settings, Loaders(load, lambda path: ToneEngine()))
    door.start()
    try:
        assert (seen[0]["status"], seen[0]["engine"], seen[0]["engines"]) == ("starting", None, [])
    finally:
        door.stop()


def test_calls_are_counted_by_their_door(service: StartService) -> None:
    door = service(http_port=0)
    with (
        TextHost(door.tcp_port, "1") as host,
        connect(f"ws://127.0.0.1:{door.http_port}/ws/tts") as socket,
    ):
        host.say("Hello.")
        host.read_frame()
        socket.send('{"type": "start_session"}')
        socket.recv(TIMEOUT_S)
        assert status(door)["calls"] == {"telephone": 1, "livekit": 1}


def test_what_was_said_shows_in_the_last_minutes(service: StartService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "STEP_S", 0.05)
    door = service(http_port=0)
    with TextHost(door.tcp_port, "1") as host:
        host.say("Hello.")
        host.read_frame()
    found = wait_status(door, lambda state: sum(state["recent"]["throughput"]) > 0)
    assert sum(bucket["count"] for bucket in found["recent"]["first_audio"]) == 1
    assert found["recent"]["first_audio"][-1]["up_to_s"] is None


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_throughput_is_audio_over_the_time_of_its_step_whatever_the_engine() -> None:
    metrics, clock = Metrics(), Clock()
    figures = History(metrics, clock)
    for step_s, audio_s in ((2.0, 6.0), (4.0, 2.0), (2.0, 0.0)):
        clock.now_s += step_s
        metrics.audio_s.labels("tone").inc(audio_s / 2)
        metrics.audio_s.labels("piper").inc(audio_s / 2)
        figures.sample()
    assert figures.throughput() == [3.0, 0.5, 0.0]


def test_first_audios_are_sorted_by_their_waits_over_all_doors() -> None:
    metrics = Metrics()
    figures = History(metrics, Clock())
    for door, wait_s in (("telephone", 0.01), ("pipecat", 0.02), ("pipecat", 0.4), ("gateway", 99.0)):
        metrics.time_to_first_audio_s.labels("tone", door).observe(wait_s)
    found = figures.first_audio()
    assert [bucket for bucket in found if bucket.count] == [Bucket(0.025, 2), Bucket(0.5, 1), Bucket(None, 1)]


def test_what_is_longer_ago_than_the_last_minutes_is_forgotten() -> None:
    metrics, clock = Metrics(), Clock()
    figures = History(metrics, clock)
    metrics.time_to_first_audio_s.labels("tone", "telephone").observe(0.3)
    metrics.audio_s.labels("tone").inc(5.0)
    steps = round(history.SPAN_S / history.STEP_S)
    for _ in range(steps):
        clock.now_s += history.STEP_S
        figures.sample()
    assert (sum(figures.throughput()), sum(bucket.count for bucket in figures.first_audio())) == (2.5, 1)
    figures.sample()
    assert (sum(figures.throughput()), sum(bucket.count for bucket in figures.first_audio())) == (0, 0)
    assert len(figures.throughput()) == steps


# Who may


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_state_and_switch_need_the_key(
    service: StartService, db: Path, method: str, path: str, body: dict[str, str] | None
) -> None:
    door = service(http_port=0, api_key="k", db=db)
    before = rows(db)
    assert ask(door, method, path, body).status_code == 401
    assert ask(door, method, path, body, {"X-API-Key": "wrong"}).status_code == 401
    assert rows(db) == before
    assert ask(door, method, path, body, {"X-API-Key": "k"}).is_success


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_pages_of_other_sites_may_neither_see_nor_switch(
    service: StartService, db: Path, method: str, path: str, body: dict[str, str] | None
) -> None:
    door = service(http_port=0, api_key="k", db=db)
    before = rows(db)
    for origin in ("https://evil.example", "null", f"http://evil.example:{door.http_port}"):
        assert ask(door, method, path, body, {"X-API-Key": "k", "Origin": origin}).status_code == 403
    assert rows(db) == before
    own = f"http://127.0.0.1:{door.http_port}"
    assert ask(door, method, path, body, {"X-API-Key": "k", "Origin": own}).is_success


# Switch


def test_without_a_database_nothing_can_be_switched(service: StartService) -> None:
    answer = select(service(http_port=0), engine="piper")
    assert answer.status_code == 409
    assert "--db" in answer.json()["detail"]


def test_the_switch_is_written_and_followed(service: StartService, db: Path) -> None:
    door = service(http_port=0, db=db)
    before = rows(db)
    answer = select(door, engine="piper")
    assert (answer.status_code, answer.json()["engine"]) == (202, "piper")
    assert rows(db) == {**before, "kokoro_service_enabled": "false"}
    found = wait_status(door, lambda state: state["engine"] == "piper")
    assert found["switch"] == {"database": True, "engine": "piper", "voice": "af_sky"}
    select(door, engine="kokoro", voice="am_michael")
    assert rows(db) == {**before, "kokoro_service_enabled": "true", "kokoro_voice": "am_michael"}
    found = wait_status(door, lambda state: state["voice"] == "am_michael")
    assert (found["engine"], found["switch"]["engine"]) == ("tone", "kokoro")


@pytest.mark.parametrize("voice", ["nobody", "joe"])  # Piper's voice is a file of the host's
def test_a_voice_that_kokoro_lacks_is_not_written(service: StartService, db: Path, voice: str) -> None:
    door = service(http_port=0, db=db)
    before = rows(db)
    answer = select(door, engine="piper", voice=voice)
    assert answer.status_code == 400
    assert voice in answer.json()["detail"]
    assert rows(db) == before


def test_a_voice_cannot_be_chosen_before_kokoro_is_loaded(service: StartService, db: Path) -> None:
    execute(db, "UPDATE system_config SET value = 'false' WHERE key = 'kokoro_service_enabled'")
    loading = threading.Event()
    settings = Settings(tcp_port=0, udp_port=0, http_port=0, request_log=None, phrase_cache_mb=0, db=db)
    main = ToneEngine()
    second = ToneEngine(name="piper", voice_names=("joe",))

    def load() -> Engine:
        assert loading.wait(TIMEOUT_S)
        return main

    door = Service(settings, Loaders(load, lambda path: second))
    door.start()
    try:
        answer = select(door, engine="kokoro", voice="af_sky")
        assert answer.status_code == 409
        assert rows(db)["kokoro_service_enabled"] == "false"
        loading.set()
        wait_status(door, lambda state: "tone" in state["engines"])
        assert select(door, engine="kokoro", voice="af_sky").status_code == 202
    finally:
        loading.set()
        door.stop()


@pytest.mark.parametrize(
    "body", [{}, {"engine": "tone"}, {"engine": "kokoro", "voice": ""}, {"engine": "kokoro", "voice": 7}, []]
)
def test_what_is_no_selection_is_422(service: StartService, db: Path, body: object) -> None:
    before = rows(db)
    assert ask(service(http_port=0, db=db), "POST", "/v1/selection", body).status_code == 422
    assert rows(db) == before


def test_a_locked_database_is_said_and_nothing_is_half_written(service: StartService, db: Path) -> None:
    door = service(http_port=0, db=db)
    before = rows(db)
    with contextlib.closing(sqlite3.connect(db, isolation_level=None)) as host:
        host.execute("BEGIN IMMEDIATE")
        answer = select(door, engine="piper", voice="am_michael")
        host.execute("ROLLBACK")
    assert answer.status_code == 503
    assert "locked" in answer.json()["detail"]
    assert answer.headers["Retry-After"] == "1"
    assert rows(db) == before


def test_a_database_that_takes_its_time_holds_up_nobody_else(
    service: StartService, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, may_write = threading.Event(), threading.Event()

    def write(self: Store, kokoro_enabled: bool, voice: str | None) -> None:
        asked.set()
        assert may_write.wait(TIMEOUT_S)

    monkeypatch.setattr(Store, "write_selection", write)
    door = service(http_port=0, db=db)
    answers: list[httpx.Response] = []
    client = threading.Thread(target=lambda: answers.append(select(door, engine="piper")))
    client.start()
    assert asked.wait(TIMEOUT_S)
    assert status(door)["status"] == "ready"
    may_write.set()
    client.join()
    assert answers[0].status_code == 202
    wait_figure(door, "tts_http_requests_total", lambda count: count == 1, door="admin", status="202")
