"""Services, engines and weights for the tests. No test may leave a thread or a socket behind."""

from __future__ import annotations

import asyncio
import dataclasses
import fcntl
import gc
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import structlog
import uvicorn

from telephony.endpoints import tcp, udp
from telephony.engines.base import Engine
from telephony.engines.catalog import load_main
from telephony.engines.kokoro.weights import KokoroWeights, ensure_weights
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.settings import Settings
from telephony.voices.selector import Loaders
from tests.clients import EventLog, ForeignEngine, Throttle
from tests.redis_server import RedisServer

_LEAK_TIMEOUT_S = 5.0


class StartService(Protocol):
    """Starts a service on ports that the system chooses; it is stopped when the test ends."""

    def __call__(self, engine: Engine | None = None, second: Engine | None = None, **settings: Any) -> Service:
        """`second` takes the place of Piper, and speaks no English by default; `settings` are fields of `Settings`."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--load`: see tests/load and tests/rooms. `--record`: see tests/test_transcripts.py."""
    parser.addoption("--load", action="store_true", help="load tests at their full size, and whole clusters")
    parser.addoption("--record", action="store_true", help="write what the doors say as the new tests/transcripts")


# What the modules make stays: it is not looked through while they are imported, nor in each collection of garbage.
gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """The tests begin."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _turn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where two processes share the tests, one marked `alone` has the machine to itself."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    shared = tmp_path_factory.getbasetemp().parent
    with (shared / "next").open("w") as next_turn, (shared / "turn").open("w") as turn:
        # Whoever waits for the machine keeps the others from beginning another test before.
        fcntl.flock(next_turn, fcntl.LOCK_EX)
        fcntl.flock(turn, fcntl.LOCK_SH if request.node.get_closest_marker("alone") is None else fcntl.LOCK_EX)
        fcntl.flock(next_turn, fcntl.LOCK_UN)
        yield


@pytest.fixture(autouse=True)
def _no_leaks(_turn: None) -> Iterator[None]:
    threads, sockets = set(threading.enumerate()), _sockets()
    yield
    deadline = time.monotonic() + _LEAK_TIMEOUT_S
    for thread in set(threading.enumerate()) - threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread.name for thread in set(threading.enumerate()) - threads]
    assert not left, f"threads left behind: {left}"
    if _sockets() - sockets:
        gc.collect()  # what was only not collected yet is closed with a ResourceWarning, which is an error as well
    assert not _sockets() - sockets, "sockets left behind"


def _sockets() -> set[str]:
    """The sockets of this process; none where the system does not tell."""
    links = set()
    for descriptor in Path("/proc/self/fd").glob("*"):
        try:
            link = str(descriptor.readlink())
        except OSError:  # the descriptor of this very listing
            continue
        if link.startswith("socket:"):
            links.add(link)
    return links


@pytest.fixture(autouse=True)
def _own_log_configuration() -> Iterator[None]:
    """What a test, or a program that it runs in this process, makes of the log ends with the test."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def events(_own_log_configuration: None) -> EventLog:
    """The service's log."""
    log = EventLog()
    structlog.configure(processors=[log.record])
    return log


class _HurriedAsyncio:
    """asyncio for uvicorn's server, which looks only every 0.1 s whether it is to end: that is twice for each test."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(min(delay_s, 0.005))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, events: EventLog) -> Iterator[StartService]:
    """Starts services with tone engines in place of Kokoro and Piper."""
    for door in (tcp, udp):
        monkeypatch.setattr(door, "_SHUTDOWN_POLL_S", 0.01)  # a hundred services end in the time of ten
    monkeypatch.setattr(uvicorn.server, "asyncio", _HurriedAsyncio())
    started: list[Service] = []
    throttles: list[Throttle] = []

    def start(engine: Engine | None = None, second: Engine | None = None, **settings: Any) -> Service:
        main = engine or ToneEngine()
        other = second or ForeignEngine(name="piper", sample_rate=22_050, voice_names=("joe",))
        scripts = [known.on_render for known in (main, other) if isinstance(known, ToneEngine)]
        throttles.extend(script for script in scripts if isinstance(script, Throttle))
        wanted = dataclasses.replace(
            Settings(
                tcp_port=0,
                udp_port=0,
                http_port=None,
                request_log=None,
                phrase_cache_mb=0,
                phrase_memory_mb=0,
                drain_timeout_s=5.0,
            ),
            **settings,
        )
        new = Service(wanted, Loaders(lambda: main, lambda path: other))
        new.start()
        started.append(new)
        return new

    yield start
    for throttle in throttles:
        throttle.open()
    for each in started:
        each.stop()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    (tmp_path / "redis").mkdir()
    server = RedisServer(tmp_path / "redis")
    yield server
    server.kill()


@pytest.fixture(scope="session")
def kokoro_weights() -> KokoroWeights:
    """The real weights, fetched if this machine has none yet."""
    return ensure_weights(Settings().cache_dir)


@pytest.fixture(scope="session")
def kokoro(kokoro_weights: KokoroWeights) -> Engine:
    """The real engine, loaded once."""
    return load_main(Settings())
