"""The daemon as a process: ended under load by SIGTERM, killed and started again, and without room for its log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from bench.crowd import Crowd, Heard, is_all_of
from telephony.audio.samples import to_pcm16
from telephony.telemetry.metrics import Metrics
from telephony.voices.host_database import Store
from tests.clients import ROOT, TIMEOUT_S, Daemon, TextHost, free_port, tone
from tests.load.conftest import Size

pytestmark = [pytest.mark.alone, pytest.mark.slow]

SENTENCES = ["The service stops.", "This is still heard."]
# As many log lines as each door makes of them.
STREAMING = ("telephone", "session", "sentence", "contexts", "speak", "custom_speech")
WHOLE = (
    *("gateway", "openai", "contexts_http", "speak_http", "custom_speech_http", "custom_voice", "sound"),
    *("audiosocket", "media"),
)
TEXTS = dict.fromkeys(STREAMING, len(SENTENCES)) | dict.fromkeys(WHOLE, 1)


def test_sigterm_under_load_drains_every_call(size: Size) -> None:
    http_port, audiosocket_port = free_port(), free_port()
    rounds = size(3, 15)
    with Daemon(
        *("--engine", "tone", "--piper", "external", "--tcp-port", "0", "--udp-port", "0", "--stream"),
        *("--http-port", str(http_port), "--audiosocket-port", str(audiosocket_port), "--request-log", "none"),
        *("--log-level", "debug", "--max-first-audio-s", "0", "--drain-timeout-s", "60"),
    ) as daemon:
        text_port = daemon.wait_ready()

        async def everybody() -> list[tuple[str, Heard]]:
            # At the doors that keep a pace speech is in the midst when the signal comes.
            async with Crowd(text_port, http_port, audiosocket_port, lead_ms=100) as crowd:
                assert set(crowd.calls) == set(TEXTS)
                names = [name for name in crowd.calls for _ in range(rounds)]
                talking = [asyncio.create_task(crowd.calls[name](SENTENCES)) for name in names]
                while sum("event=text " in line for line in daemon.stderr) < rounds * sum(TEXTS.values()):
                    await asyncio.sleep(0.01)
                daemon.terminate()
                return list(zip(names, await asyncio.gather(*talking), strict=True))

        for name, heard in asyncio.run(asyncio.wait_for(everybody(), 3 * TIMEOUT_S)):
            assert is_all_of(heard, name, [to_pcm16(tone(sentence)) for sentence in SENTENCES]), name
        assert daemon.wait_exit() == 0
        assert daemon.wait_line(r"event=stopped drained(=true)?$")


def test_after_a_kill_the_host_finds_it_again_and_nothing_is_in_the_way(tmp_path: Path) -> None:
    database, log = tmp_path / "host.db", tmp_path / "metrics.log"
    Store(database, Metrics()).initialise()
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE system_config SET value = 'true' WHERE key = 'kokoro_service_enabled'")
    arguments = (
        *("--engine", "tone", "--piper", "external", "--tcp-port", str(free_port()), "--udp-port", "0"),
        *("--http-port", "0", "--request-log", str(log), "--db", str(database)),
    )
    environment = {"KOKORO_PHRASE_CACHE_MB": "64", "KOKORO_PHRASE_DIR": str(tmp_path / "phrases")}
    text = "Are you there?"
    with Daemon(*arguments, environment=environment) as killed:
        port = killed.wait_ready()
        with TextHost(port, "1") as host:
            host.say(text)
            np.testing.assert_array_equal(host.read_frame().samples, tone(text))
            host.say("x" * 2000)
            killed.terminate(signal.SIGKILL)
            with contextlib.suppress(AssertionError):  # it may end inside a frame
                host.read_to_end()
    killed_at_s = time.monotonic()
    with Daemon(*arguments, environment=environment) as restarted:
        with reconnected(port) as host:
            host.say(text)
            frame = host.read_frame()
            np.testing.assert_array_equal(frame.samples, tone(text))
            assert frame.chunk_id == 1
        assert time.monotonic() - killed_at_s < TIMEOUT_S
        restarted.terminate()
        assert restarted.wait_exit() == 0
    assert all(json.loads(line) for line in log.read_text(encoding="utf-8").splitlines())
    with contextlib.closing(sqlite3.connect(database)) as connection:
        query = "SELECT value FROM system_config WHERE key = 'kokoro_service_status'"
        assert connection.execute(query).fetchone() == ("stopped",)


def test_a_full_disk_under_the_log_costs_lines_and_nothing_else() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    text_port, http_port = free_port(), free_port()
    arguments = (
        *("--engine", "tone", "--piper", "external", "--tcp-port", str(text_port), "--udp-port", "0"),
        *("--http-port", str(http_port), "--request-log", "none", "--phrase-cache-mb", "0"),
    )
    command = [sys.executable, str(ROOT / "kokoro_service.py"), *arguments]
    with Path("/dev/full").open("w") as full, subprocess.Popen(command, stdout=full, stderr=full) as process:
        try:
            with reconnected(text_port) as host:
                host.say("Is this written down?")
                np.testing.assert_array_equal(host.read_frame().samples, tone("Is this written down?"))
            lost = re.search(
                r"^tts_log_lines_lost_total (\S+)$", httpx.get(f"http://127.0.0.1:{http_port}/metrics").text, re.M
            )
            assert lost is not None
            assert float(lost.group(1)) > 0
        finally:
            process.terminate()
    assert process.returncode in (0, 120)  # Python's own word for a standard output that could not be written


def test_a_log_that_nobody_reads_holds_up_neither_calls_nor_the_end(size: Size) -> None:
    text_port = free_port()
    arguments = (
        *("--engine", "tone", "--piper", "external", "--tcp-port", str(text_port), "--udp-port", "0"),
        *("--http-port", "0", "--request-log", "none", "--phrase-cache-mb", "0", "--log-level", "debug"),
    )
    command = [sys.executable, str(ROOT / "kokoro_service.py"), *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            with reconnected(text_port) as host:
                for _ in range(size(1500, 5000)):  # a pipe holds 64 KiB: some hundred lines
                    host.say("Hm?")
                    np.testing.assert_array_equal(host.read_frame().samples, tone("Hm?"))
            process.terminate()
            assert process.wait(TIMEOUT_S) == 0
        finally:
            process.kill()


def reconnected(port: int) -> TextHost:
    """As a host does that has lost its service: it tries until there is one."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return TextHost(port, "1")
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "no service came back"
            time.sleep(0.1)
