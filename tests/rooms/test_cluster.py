"""Rooms in processes of Ray's, on this machine: a service starts them, and they are killed, stopped and drained."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from bench.processes import family
from telephony.audio.samples import to_pcm16
from tests.clients import BYE, ROOT, Daemon, Frame, TextHost, frame_bytes, free_port, tone, until

pytest.importorskip("ray", reason="package ray is not installed (requirements-cluster.txt)")
pytestmark = [pytest.mark.slow, pytest.mark.alone]

START_S = 90.0
ROOM = "ray::ServeReplica:kokoro:room"
"""How the title of a room's process begins."""
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
        return [pid for pid in family(self.daemon.process.pid) if _title(pid).startswith(ROOM)]


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


GPUS = """
import json, os
from telephony.rooms.serve_rooms import ray, share

@ray.remote
class Room:
    def gpus(self):
        return os.environ["CUDA_VISIBLE_DEVICES"]

ray.init(num_cpus=8, num_gpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
given = share(rooms=2, cores=8, gpus=2)
rooms = [Room.options(num_cpus=given["cpus"], num_gpus=given["gpus"]).remote() for _ in range(2)]
seen = sorted(ray.get([room.gpus.remote() for room in rooms]))
ray.shutdown()
print(json.dumps([seen, [share(rooms, 8, 2) for rooms in (1, 2, 3, 7)], share(3, 8, 0)]))
"""


def test_rooms_share_the_gpus_of_a_machine_as_ray_counts_two_that_are_not_there() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", GPUS], cwd=ROOT, capture_output=True, text=True, timeout=START_S, check=True
    )
    seen, shares, without = json.loads(ended.stdout.splitlines()[-1])
    assert seen == ["0", "1"]
    assert shares == [
        {"cpus": 2, "gpus": 1},
        {"cpus": 2, "gpus": 1},
        {"cpus": 2, "gpus": 0.5},
        {"cpus": 1, "gpus": 0.25},
    ]
    assert without == {"cpus": 2, "gpus": 0}


class Nodes:
    """A cluster of two machines, which are processes here; `with` ends them."""

    def __init__(self, directory: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._directory = directory
        self.environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "of-this-test" * 3}
        self._nodes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Nodes:
        port = self.address.rpartition(":")[2]
        self.head = self.add("--head", f"--port={port}", f"--temp-dir={self._directory}", "--include-dashboard=false")
        return self

    def __exit__(self, *_: object) -> None:
        members = {pid for node in self._nodes for pid in family(node.pid)}
        for node in self._nodes:
            node.terminate()
        for node in self._nodes:
            node.wait(START_S)
        kill_all(members)  # what Ray leaves behind

    def add(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts a node with two processors."""
        options = (
            "--node-ip-address=127.0.0.1 --num-cpus=2 --min-worker-port=0 --max-worker-port=0 --disable-usage-stats"
        )
        log = self._directory / f"node{len(self._nodes)}.txt"
        with log.open("wb") as told:
            node = subprocess.Popen(
                [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *options.split(), *arguments],
                env={**os.environ, **self.environment},
                stdout=told,
                stderr=subprocess.STDOUT,
            )
        self._nodes.append(node)
        until(lambda: b"Ray runtime started" in log.read_bytes() or node.poll() is not None)
        assert node.poll() is None, log.read_text()
        return node

    def deploy(self, rooms: int) -> None:
        command = [sys.executable, "-m", "telephony.rooms", "--address", self.address, "--rooms", str(rooms)]
        subprocess.run(
            [*command, "--cpus", "1", "--set", "engine=tone"],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            check=True,
            capture_output=True,
            timeout=START_S,
        )


class Callers:
    """Calls that say one text after another, and hear each to its last sample, from entry to exit.

    Attributes:
        said: texts that were heard.
        wrong: what was not.
    """

    def __init__(self, port: int, count: int) -> None:
        self.said: list[str] = []
        self.wrong: list[str] = []
        self._port = port
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(count)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def go_on(self) -> None:
        """Waits until some more was heard."""
        enough = len(self.said) + 20
        until(lambda: len(self.said) >= enough or bool(self.wrong))

    def _call(self, number: int) -> None:
        try:
            with TextHost(self._port, str(number)) as host:
                for turn in itertools.count():
                    if self._over.is_set():
                        return
                    text = f"Call {number}, {turn}."
                    host.say(text)
                    frames = host.read_samples(len(expected(text)))
                    (self.said if np.array_equal(audio(frames), expected(text)) else self.wrong).append(text)
        except (OSError, EOFError, AssertionError) as error:
            self.wrong.append(f"call {number}: {error!r}")


def kill_all(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def nodes(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    if not request.config.getoption("--load"):
        pytest.skip("takes minutes: ./run-tests.sh --load tests/rooms")
    # Ray's sockets lie in the directory, whose name may not be long.
    with tempfile.TemporaryDirectory(prefix="ray") as directory, Nodes(Path(directory)) as started:
        yield started


@contextmanager
def door_to(nodes: Nodes) -> Iterator[Callers]:
    """Four callers at a service that speaks through the cluster's rooms; in the end all must have heard all."""
    with Daemon(
        *("--engine", "tone", "--cluster", nodes.address, "--piper", "external", "--stream", "--http-port", "0"),
        *("--tcp-port", "0", "--udp-port", "0", "--request-log", "none", "--drain-timeout-s", "5"),
        environment=nodes.environment,
    ) as daemon:
        with Callers(daemon.wait_ready(START_S), 4) as callers:
            yield callers
            callers.go_on()
        assert callers.wrong == [], "\n".join(line[:300] for line in daemon.stderr[-60:])
        daemon.terminate()
        assert daemon.wait_exit(START_S) == 0


def test_callers_hear_nothing_of_rooms_and_machines_that_come_and_go(nodes: Nodes) -> None:
    second = nodes.add(f"--address={nodes.address}")
    nodes.deploy(1)
    with door_to(nodes) as callers:
        for rooms in (3, 1, 3):
            nodes.deploy(rooms)
            callers.go_on()
        kill_all(family(second.pid))


def test_callers_hear_nothing_of_a_head_that_is_lost(nodes: Nodes) -> None:
    nodes.deploy(2)
    with door_to(nodes) as callers:
        callers.go_on()
        kill_all(pid for pid in family(nodes.head.pid) if "gcs_server" in _title(pid))
        callers.go_on()


# The real model

SPOKEN = (
    "Good afternoon, and thank you for waiting: I have now found the order that you placed on the third of May, and "
    "as far as I can see it has left our house this morning, so that it will be with you on Friday at the latest."
)
BUFFERED_S = 0.4


def worked_s(pid: int) -> int:
    """Time on a processor, in ticks of the clock."""
    fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.model
def test_a_kokoro_that_is_killed_in_mid_sentence_is_gone_on_with_to_the_sample() -> None:
    with Daemon(
        *("--rooms", "2", "--piper", "external", "--stream", "--http-port", "0", "--request-log", "none"),
        *("--tcp-port", "0", "--udp-port", "0"),
    ) as daemon:
        cluster = Cluster(daemon, 2)
        with TextHost(cluster.tcp_port, "1") as host:
            host.say(SPOKEN)
            host.bye()
            whole = audio(host.read_to_end())
        before = {pid: worked_s(pid) for pid in cluster.rooms()}
        with TextHost(cluster.tcp_port, "2") as host:
            host.say(SPOKEN)
            heard = [host.read_frame()]
            began = time.monotonic()
            while seconds(heard) - (time.monotonic() - began) < BUFFERED_S:
                heard.append(host.read_frame())
            os.kill(max(before, key=lambda pid: worked_s(pid) - before[pid]), signal.SIGKILL)
            gaps_s = []
            while sum(len(frame.samples) for frame in heard) < len(whole):
                runs_dry_at = began + seconds(heard)
                heard.append(host.read_frame())
                gaps_s.append(max(0.0, time.monotonic() - runs_dry_at))
            daemon.wait_line("room_lost")
        np.testing.assert_array_equal(audio(heard), whole)
        assert max(gaps_s) == 0
        daemon.terminate()
        assert daemon.wait_exit(START_S) == 0


def seconds(frames: list[Frame]) -> float:
    return sum(len(frame.samples) / frame.sample_rate for frame in frames)
