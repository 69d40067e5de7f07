"""Many connections at once: callers who want something, clients who vanish, clients who hold a door open."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import uuid
from collections.abc import Callable, Iterator

import pytest

from bench.crowd import Heard, is_all_of
from telephony.audio.samples import to_pcm16
from telephony.service import Service
from tests.clients import TIMEOUT_S, TextHost, figure, frame_bytes, tone, tone_samples, wait_figure
from tests.conftest import StartService
from tests.load.conftest import DOORS, Size, crowd_of

pytestmark = [pytest.mark.alone, pytest.mark.slow]

CROWD_TIMEOUT_S = 120.0


def assert_heard(heard: Heard, name: str, sentences: list[str]) -> None:
    assert is_all_of(heard, name, [to_pcm16(tone(sentence)) for sentence in sentences]), (name, sentences)


def wait_nobody_left(door: Service) -> None:
    """Waits until the service knows no call and no session, and has nothing to say."""
    for name in ("livekit", "pipecat", "gateway", "openai", "contexts", "speak", "audiosocket"):
        wait_figure(door, "tts_active_sessions", lambda sessions: sessions == 0, door=name)
    wait_figure(door, "tts_queue_depth", lambda depth: depth == 0)
    assert door.sessions.drain(TIMEOUT_S)


def test_hundreds_of_calls_at_all_doors_hear_each_their_own(service: StartService, size: Size) -> None:
    calls = size(60, 500)
    door = service(**DOORS, max_sessions=calls, send_timeout_s=60.0)

    async def everybody() -> list[tuple[str, list[str], Heard]]:
        connected: list[int] = []
        all_connected = asyncio.Event()

        async def one(number: int, name: str) -> tuple[str, list[str], Heard]:
            async def wait_for_the_others() -> None:
                connected.append(number)
                if len(connected) == calls:
                    all_connected.set()
                await all_connected.wait()

            sentences = [f"Caller {number} says {sentence}." for sentence in range(2)]
            return name, sentences, await crowd.calls[name](sentences, wait_for_the_others)

        async with crowd_of(door) as crowd:
            names = list(crowd.calls)
            talking = (one(number, names[number % len(names)]) for number in range(calls))
            return list(await asyncio.wait_for(asyncio.gather(*talking), CROWD_TIMEOUT_S))

    for name, sentences, heard in asyncio.run(everybody()):
        assert_heard(heard, name, sentences)
    wait_nobody_left(door)
    assert figure(door, "tts_segments_total", engine="tone") == 2 * calls


HALVES = {
    "text": [b"", b"\0\0", frame_bytes("7")[:-1], frame_bytes("7") + frame_bytes("Half a sentence.")[:-3]],
    "http": [
        b"",
        b"GET /hea",
        b'POST /synthesize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90\r\n\r\n{"text": "Half',
        b"GET /ws/tts HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x81\xfe\x01",
    ],
    "audiosocket": [b"", b"\x01\0\x10" + bytes(7), b"\x01\0\x10" + uuid.uuid4().bytes + b"\x13\x03\xc0" + bytes(9)],
}
"""Beginnings of what clients send, by port."""


def ports(door: Service) -> dict[str, int]:
    return {"text": door.tcp_port, "http": door.http_port or 0, "audiosocket": door.audiosocket_port or 0}


@pytest.mark.parametrize("gone", ["closed", "reset"])
def test_a_storm_of_clients_who_vanish_leaves_nothing(service: StartService, size: Size, gone: str) -> None:
    clients = size(250, 10_000)
    door = service(**DOORS, max_connections=10_000, max_http_connections=10_000)
    beginnings = [(port, half) for name, port in ports(door).items() for half in HALVES[name]]
    threads = threading.active_count()
    for number in range(clients):
        port, half = beginnings[number % len(beginnings)]
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as client:
            client.sendall(half)
            if gone == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with TextHost(door.tcp_port, "8") as host:
        host.say("Is anybody there?")
        assert sum(len(frame.samples) for frame in host.read_samples(tone_samples("Is anybody there?")))
    wait_nobody_left(door)
    wait_true(lambda: threading.active_count() <= threads + 2)
    assert figure(door, "tts_texts_total") == 1


def wait_true(reached: Callable[[], bool]) -> None:
    """Waits for what no figure tells."""
    pause = threading.Event()
    for _ in range(int(TIMEOUT_S / 0.01)):
        if reached():
            return
        pause.wait(0.01)
    raise AssertionError("not reached")


@contextlib.contextmanager
def slow_clients(targets: list[tuple[int, bytes]]) -> Iterator[list[socket.socket]]:
    """Clients that send a byte now and then of what they have to say."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port), TIMEOUT_S)) for port, _ in targets]
        ending = threading.Event()

        def trickle() -> None:
            at = 0
            while not ending.wait(0.02):
                for client, (_, beginning) in zip(clients, targets, strict=True):
                    with contextlib.suppress(OSError):  # it was cut
                        client.sendall(beginning[at : at + 1])
                at += 1

        trickling = threading.Thread(target=trickle)
        trickling.start()
        try:
            yield clients
        finally:
            ending.set()
            trickling.join()


def test_slow_clients_at_every_door_are_cut_and_hold_up_nobody(service: StartService, size: Size) -> None:
    each = size(10, 150)
    door = service(**DOORS, hello_timeout_s=0.4)
    beginnings = {
        "text": frame_bytes("a call id that takes its time " * 30),
        "http": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"x" * 10_000,
        "audiosocket": b"\x01\0\x10" + bytes(15),
    }
    targets = [(port, beginnings[name]) for name, port in ports(door).items() for _ in range(each)]
    with slow_clients(targets) as clients:

        async def talk() -> None:
            async with crowd_of(door) as crowd:
                for name, call in crowd.calls.items():
                    assert_heard(await call(["Hello."]), name, ["Hello."])

        asyncio.run(asyncio.wait_for(talk(), CROWD_TIMEOUT_S))
        for client in clients:
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
    assert figure(door, "tts_hellos_overdue_total") == each
    assert figure(door, "tts_audiosocket_refused_total", why="overdue") == each


def test_a_call_id_that_is_used_again_at_once_loses_no_text(service: StartService, size: Size) -> None:
    door = service()
    for number in range(size(150, 2000)):
        with TextHost(door.tcp_port, str(number)) as older:
            older.say("One.")
            older.bye()
            older.read_frame()
            with TextHost(door.tcp_port, str(number)) as newer:
                newer.say("Another.")
                assert len(newer.read_frame().samples) == tone_samples("Another.")
