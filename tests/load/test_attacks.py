"""All attacks at once on one service in which calls speak."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.crowd import Crowd, Heard, is_all_of
from bench.processes import resident_bytes, tells_memory
from telephony.audio.samples import to_pcm16
from tests.clients import ROOT, TIMEOUT_S, Daemon, free_port, tone, until
from tests.load.attacks import ATTACKS
from tests.load.conftest import Size

pytestmark = [pytest.mark.alone, pytest.mark.slow]

LISTENERS = ("session", "sentence", "audiosocket")
"""The doors at which audio comes as it is played: a tenth of a second ahead, to a PBX 40 ms."""

MAX_GAP_S = 0.1
"""How long a listener may be silent behind what it keeps back (`bench.crowd.JITTER_S`)."""

DRAIN_TIMEOUT_S = 5.0
MAX_GROWTH_BYTES = 150 << 20
POOLED = 8
"""Threads, and their descriptors, that begin with the first work of their kind and stay."""


def test_all_attacks_at_once_silence_nobody_and_leave_nothing(size: Size) -> None:
    if not tells_memory():
        pytest.skip("this system does not tell a process's memory")
    http_port, audiosocket_port, udp_port = free_port(), free_port(), free_port()
    sentences = [f"This is sentence number {number} of a call that goes on." for number in range(size(4, 30))]
    with Daemon(
        *("--engine", "tone", "--piper", "external", "--tcp-port", "0", "--udp-port", str(udp_port), "--stream"),
        *("--http-port", str(http_port), "--audiosocket-port", str(audiosocket_port), "--request-log", "none"),
        *("--drain-timeout-s", str(DRAIN_TIMEOUT_S)),
    ) as daemon:
        text_port = daemon.wait_ready()
        pid = daemon.process.pid
        before, before_bytes = tasks(pid), resident_bytes(pid)

        async def listen() -> list[Heard]:
            async with Crowd(text_port, http_port, audiosocket_port, lead_ms=100) as crowd:
                return await asyncio.gather(*(crowd.calls[name](sentences) for name in LISTENERS))

        with attacking(text_port, udp_port, http_port) as attackers:
            # Another process may have the processors for a moment; an attack that works makes gaps every time.
            for _ in range(3):
                heard = asyncio.run(asyncio.wait_for(listen(), 3 * TIMEOUT_S))
                for name, each in zip(LISTENERS, heard, strict=True):
                    assert is_all_of(each, name, [to_pcm16(tone(sentence)) for sentence in sentences]), name
                longest_gap_s = max(each.longest_gap_s for each in heard)
                if longest_gap_s <= MAX_GAP_S:
                    break
            made, _ = attackers.communicate("", TIMEOUT_S)
        assert longest_gap_s <= MAX_GAP_S
        assert all(int(line.split()[1]) for line in made.splitlines()), made
        assert len(made.splitlines()) == len(ATTACKS)
        until(lambda: all(now <= was + POOLED for now, was in zip(tasks(pid), before, strict=True)))
        assert resident_bytes(pid) - before_bytes < MAX_GROWTH_BYTES
        httpx.get(f"http://127.0.0.1:{http_port}/readyz").raise_for_status()
        daemon.terminate()
        assert daemon.wait_exit(2 * DRAIN_TIMEOUT_S) == 0
        assert not any("Traceback" in line for line in daemon.stderr)


@contextlib.contextmanager
def attacking(*ports: int) -> Iterator[subprocess.Popen[str]]:
    """The attackers, at work until their standard input ends."""
    command = [sys.executable, "-m", "tests.load.attacks", *map(str, ports)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as attackers:
        try:
            yield attackers
        finally:
            attackers.kill()


def tasks(pid: int) -> tuple[int, int]:
    """How many threads and descriptors a process has."""
    process = Path("/proc") / str(pid)
    return len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))
