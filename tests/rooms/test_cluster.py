"""Rooms in processes of Ray's, on this machine: a service starts them, and they are killed, stopped and drained."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from bench.processes import family
from telephony.audio.samples import to_pcm16
from tests.clients import BYE, Daemon, Frame, TextHost, frame_bytes, tone, until

pytest.importorskip("ray", reason="package ray is not installed (requirements-cluster.txt)")
pytestmark = [pytest.mark.slow, pytest.mark.alone]

START_S = 90.0
LONG = " ".join(f"word{number}" for number in range(45))
"""One segment of fifteen seconds, of which a room makes ten at once and the rest as it is heard."""


class Cluster:
    """A service with rooms of its own."""

    def __init__(self, daemon: Daemon, rooms: int) -> None:
        self.daemon = daemon
        self.tcp_port = daemon.wait_ready(START_S)
        until(lambda: len(self.rooms()) == rooms)

    def rooms(self) -> list[int]:
        """The process of each room."""
        return [
            pid for pid in family(self.daemon.process.pid) if _title(pid).startswith("ray::ServeReplica:kokoro:room")
        ]


def _title(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().decode(errors="replace")
    except OSError:  # it has just ended
        return ""


@pytest.fixture(params=[2])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with Daemon(
        *("--engine", "tone", "--rooms", str(request.param), "--piper", "external", "--stream", "--http-port", "0"),
        *("--tcp-port", "0", "--udp-port", "0", "--request-log", "none", "--drain-timeout-s", "5"),
    ) as daemon:
        new = Cluster(daemon, request.param)
        yield new
        started = family(daemon.process.pid)
        daemon.terminate()
        assert daemon.wait_exit(START_S) == 0
        until(lambda: not any((Path("/proc") / str(pid)).exists() for pid in started))
        assert not any("Traceback" in line for line in daemon.stderr)


def audio(frames: list[Frame]) -> npt.NDArray[np.int16]:
    """As it is after sixteen bits."""
    return np.frombuffer(to_pcm16(np.concatenate([frame.samples for frame in frames])), np.int16)


def expected(*texts: str) -> npt.NDArray[np.int16]:
    return np.frombuffer(to_pcm16(np.concatenate([tone(text) for text in texts])), np.int16)


@pytest.mark.parametrize("cluster", [2, 4], indirect=True)
def test_many_calls_hear_each_their_own(cluster: Cluster) -> None:
    texts = {number: f"This is call number {number}, which says a sentence." for number in range(40)}
    with ExitStack() as stack:
        hosts = {number: stack.enter_context(TextHost(cluster.tcp_port, str(number))) for number in texts}
        for number, host in hosts.items():
            host.send(frame_bytes(texts[number]) + BYE)
        for number, host in hosts.items():
            np.testing.assert_array_equal(audio(host.read_to_end()), expected(texts[number]))


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
def test_a_room_that_is_lost_in_mid_sentence_costs_nothing(cluster: Cluster, signum: int) -> None:
    first = cluster.rooms()[0]
    with ExitStack() as stack:
        hosts = [stack.enter_context(TextHost(cluster.tcp_port, str(number))) for number in range(6)]
        for host in hosts:
            host.say(LONG)
        begun = [host.read_frame() for host in hosts]
        os.kill(first, signum)
        for host in hosts:
            host.bye()
        heard = [[frame, *host.read_to_end()] for frame, host in zip(begun, hosts, strict=True)]
        if signum == signal.SIGSTOP:
            os.kill(first, signal.SIGKILL)  # whose end Ray waits for
    for frames in heard:
        np.testing.assert_array_equal(audio(frames), expected(LONG))
