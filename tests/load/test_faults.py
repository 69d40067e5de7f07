"""What breaks under the service while it speaks: engine, disk, database, Redis, clock. The calls go on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.crowd import is_all_of
from telephony.audio.samples import to_pcm16
from telephony.cache import cache
from telephony.engines.base import SynthesisError, Utterance
from telephony.engines.tone import ToneEngine, ToneUtterance
from telephony.service import Service
from telephony.speech import Samples
from telephony.telemetry.metrics import Metrics
from telephony.voices.host_database import Store
from tests.clients import TIMEOUT_S, EventLog, TextHost, chunk_ids, figure, tone, wait_figure
from tests.conftest import StartService
from tests.load.conftest import DOORS, Size, crowd_of
from tests.redis_server import RedisServer

pytestmark = pytest.mark.slow


def talk(door: Service, sentences: Sequence[str]) -> None:
    """A call at each door, all at once; each must hear everything."""

    async def everybody() -> None:
        async with crowd_of(door) as crowd:
            heard = await asyncio.wait_for(
                asyncio.gather(*(call(sentences) for call in crowd.calls.values())), 2 * TIMEOUT_S
            )
            for name, each in zip(crowd.calls, heard, strict=True):
                assert is_all_of(each, name, [to_pcm16(tone(sentence)) for sentence in sentences]), name

    asyncio.run(everybody())


# The engine


FAULTS = ("refuses", "raises", "out of memory", "not a number", "another shape", "too many", "too few")


@dataclass(frozen=True)
class UnreliableEngine(ToneEngine):
    """A tone engine that fails with half of all texts, each time in one of several ways."""

    def fault(self, text: str) -> str | None:
        """How it fails with a text, if it does."""
        number = zlib.crc32(text.encode())
        return FAULTS[number // 2 % len(FAULTS)] if number % 2 else None

    def prepare(self, text: str, *given: Any, **options: Any) -> Utterance:
        if self.fault(text) == "refuses":
            raise SynthesisError("no phonemes")
        return super().prepare(text, *given, **options)

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        (utterance,) = batch
        assert isinstance(utterance, ToneUtterance)
        fault = self.fault(utterance.text)
        if fault == "raises":
            raise KeyError(utterance.text)
        if fault == "out of memory":
            raise MemoryError
        (samples,) = super().render(batch)
        return {
            "not a number": [np.full_like(samples, np.nan)],
            "another shape": [samples.reshape(1, -1)],
            "too many": [samples, samples],
            "too few": [],
        }.get(fault or "", [samples])


def test_calls_survive_an_engine_that_fails_at_random(service: StartService, events: EventLog, size: Size) -> None:
    engine = UnreliableEngine(max_batch=1)
    # Nobody else is there to speak in its place.
    door = service(engine, piper="external")
    texts = {call: [f"This is text {number} of call {call}." for number in range(8)] for call in range(size(20, 200))}
    with contextlib.ExitStack() as stack:
        hosts = {call: stack.enter_context(TextHost(door.tcp_port, str(call))) for call in texts}
        for call, host in hosts.items():
            for text in texts[call]:
                host.say(text)
            host.bye()
        for call, host in hosts.items():
            frames = host.read_to_end()
            sound = [text for text in texts[call] if engine.fault(text) is None]
            assert len(frames) == len(sound)
            for frame, text in zip(frames, sound, strict=True):
                np.testing.assert_array_equal(frame.samples, tone(text))
            assert chunk_ids(frames) == list(range(1, len(sound) + 1))
    faults = Counter(engine.fault(text) for said in texts.values() for text in said)
    failed = faults.total() - faults[None]
    assert all(faults[fault] for fault in FAULTS)
    assert figure(door, "tts_segments_failed_total", engine="tone") == failed
    complaints = events.found("segment_failed", level="error")
    assert len(complaints) == failed
    assert not any(
        "of call" in str(config_error) for config_error in complaints
    )  # what callers are told is nobody's business


# The disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB. (Without the right to make one, a file size limit in test_cache.py stands for it.)"""
    path = tmp_path / "disk"
    path.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may make a small file system")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)


def fill(directory: Path) -> Path:
    """A file that takes all of the space."""
    path = directory / "filler"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    assert os.statvfs(directory).f_bavail == 0
    return path


def test_a_disk_that_is_full_costs_neither_speech_nor_later_lines(
    service: StartService, events: EventLog, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_PAUSE_S", 0.01)
    log = small_disk / "metrics.log"
    door = service(**DOORS, phrase_cache_mb=64, phrase_dir=small_disk / "phrases", request_log=log)
    talk(door, ["Kept."])
    wait_figure(door, "tts_queue_depth", lambda depth: depth == 0)
    filler = fill(small_disk)
    for number in range(30):  # the last page of the log has some room left
        with TextHost(door.tcp_port, "1") as host:
            host.say(f"The disk is full, {number}.")
            host.bye()
            assert host.read_to_end()
    talk(door, ["Kept."])
    wait_figure(door, "tts_cache_errors_total", lambda errors: errors >= 1, store="files")
    wait_figure(door, "tts_request_log_dropped_total", lambda dropped: dropped >= 1)
    assert events.wait("request_log_failed", level="error")["error"] == "No space left on device"
    events.wait("cache_store_failing")
    filler.unlink()
    talk(door, ["Space."])
    events.wait("cache_store_recovered")
    door.stop()
    *_, last = log.read_text(encoding="utf-8").splitlines()
    assert json.loads(last)["error"] is None
    assert len(events.found("request_log_failed")) == 1


# The database


def test_a_database_that_is_deleted_and_replaced_in_mid_speech_is_followed_again(
    service: StartService, events: EventLog, tmp_path: Path
) -> None:
    path, staged = tmp_path / "host.db", tmp_path / "staged.db"
    for each in (path, staged):
        Store(each, Metrics()).initialise()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE system_config SET value = 'true' WHERE key = 'kokoro_service_enabled'")
    door = service(db=path)
    events.wait("selected", engine="tone")
    with TextHost(door.tcp_port, "1") as host:
        path.unlink()
        host.say("It is gone.")
        np.testing.assert_array_equal(host.read_frame().samples, tone("It is gone."))
        events.wait("database_unusable", level="error")
        assert figure(door, "tts_store_errors_total") >= 1
        assert not path.exists()
        host.say("The last good settings hold.")
        np.testing.assert_array_equal(host.read_frame().samples, tone("The last good settings hold."))
        staged.rename(path)  # with Kokoro switched off
        events.wait("selected", engine="piper")
        host.say("Another one.")
        assert host.read_frame().sample_rate == 22_050


# Redis


def test_a_redis_that_freezes_holds_up_no_call(
    service: StartService, events: EventLog, redis_server: RedisServer, tmp_path: Path
) -> None:
    door = service(**DOORS, phrase_cache_mb=64, phrase_dir=tmp_path / "phrases", redis_url=redis_server.url)
    talk(door, ["Kept."])
    redis_server.signal(signal.SIGSTOP)
    talk(door, ["Kept.", "And a new one."])
    events.wait("cache_store_failing", store="redis")
    began_s = time.monotonic()
    with TextHost(door.tcp_port, "1") as host:
        for number in range(50):
            host.say(f"Number {number}.")
            host.read_samples(len(tone(f"Number {number}.")))
    # It is not asked again for 5 s: 50 waits of 50 ms would take longer than 50 texts do.
    assert figure(door, "tts_cache_errors_total", store="redis") <= 1 + (time.monotonic() - began_s) / 5
    redis_server.signal(signal.SIGCONT)


# The clock


def test_a_clock_that_jumps_changes_nothing(
    service: StartService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now, now_ns = time.time, time.time_ns
    jumped_s = [0]
    monkeypatch.setattr(time, "time", lambda: now() + jumped_s[0])
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + jumped_s[0] * 10**9)
    door = service(**DOORS, phrase_cache_mb=64, phrase_dir=tmp_path / "phrases")
    with TextHost(door.tcp_port) as mute:  # it has 30 s for its HELLO, whatever the clock says
        for jumped_s[0] in (0, 86_400, -86_400):
            talk(door, ["Now?"])
        mute.hello("1")
        mute.say("Still there?")
        np.testing.assert_array_equal(
            mute.read_samples(len(tone("Still there?")))[0].samples, tone("Still there?")[:4800]
        )
    waited_s = sum(samples_of(door, "tts_time_to_first_audio_seconds_sum"))
    assert 0 <= waited_s < TIMEOUT_S
    assert figure(door, "tts_cache_hits_total", store="files") + figure(door, "tts_cache_joined_total") >= 12


def samples_of(door: Service, name: str) -> list[float]:
    """The values of a figure for all of its labels."""
    found: list[Any] = [sample for metric in door.metrics.registry.collect() for sample in metric.samples]
    return [float(sample.value) for sample in found if sample.name == name]
