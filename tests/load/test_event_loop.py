"""Clients that ask for much work at once: the speech of others leaves in its time all the same."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from websockets.sync.client import connect

from telephony.engines.tone import ToneEngine
from telephony.service import Service
from tests.clients import TIMEOUT_S
from tests.conftest import StartService
from tests.load.conftest import DOORS, Size

pytestmark = [pytest.mark.alone, pytest.mark.slow]

FRAME_S = 0.02
LATE_S = 0.05
"""How far a frame may be behind its time."""

_HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_SAY_AS = '<speak><say-as interpret-as="currency">' + "$1.5 " * 19_900 + "</say-as></speak>"


def ws_frame(first: int, payload: bytes = b"") -> bytes:
    """A client's frame, masked with zeros; `first` is its first byte."""
    length = len(payload)
    head = bytes([first, 0x80 | length]) if length < 126 else bytes([first, 0xFF]) + length.to_bytes(8, "big")
    return head + bytes(4) + payload


def ws_message(kind: str, **fields: object) -> bytes:
    return ws_frame(0x81, json.dumps({"type": kind, **fields}).encode())


ATTACKS: dict[str, tuple[str, bytes, bytes]] = {
    "unspeakable text": ("/ws/tts", ws_message("start_session"), ws_message("send_text", text="! " * 49_000)),
    "empty fragments": ("/ws/tts", ws_frame(0x01), ws_frame(0x00) * 100_000),
    "pings": ("/ws/tts", b"", ws_frame(0x89) * 100_000),
    "small messages": ("/ws/tts", b"", ws_message("flush") * 10_000),
    "documents of elements": (
        "/ws/tts",
        ws_message("start_session"),
        ws_message("send_text", text="<speak>" + "<s/>" * 24_000 + "</speak>"),
    ),
    "say-as": (
        "/v1/audio/speech/stream/ws",
        b"",
        ws_message("speak", text=_SAY_AS, request_id="1") + ws_message("cancel", request_id="1"),
    ),
}
"""Path, what is sent first, and what is sent again and again."""


def dial(door: Service, path: str) -> socket.socket:
    """A WebSocket of which nothing is read but its beginning."""
    client = socket.create_connection(("127.0.0.1", door.http_port or 0), TIMEOUT_S)
    client.sendall(_HANDSHAKE.format(path=path).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    assert b" 101 " in head
    return client


@contextlib.contextmanager
def under_attack(door: Service, name: str, clients: int) -> Iterator[Callable[[], int]]:
    """So many clients do it, again as soon as they are cut. Tells how many bytes were sent so far."""
    path, first, again = ATTACKS[name]
    ending = threading.Event()
    sent = [0] * clients

    def attack(number: int) -> None:
        while not ending.is_set():
            with dial(door, path) as client, contextlib.suppress(OSError):
                client.sendall(first)
                client.settimeout(0.2)
                view = memoryview(again)
                at = 0
                while not ending.is_set():
                    with contextlib.suppress(TimeoutError):
                        count = client.send(view[at : at + 65_536])
                        at = (at + count) % len(again)
                        sent[number] += count
            if not ending.is_set():
                ending.wait(0.05)

    threads = [threading.Thread(target=attack, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield lambda: sum(sent)
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def lateness_s(door: Service, frames: int) -> list[float]:
    """How far each frame of a listener's speech came behind its time."""
    with connect(f"ws://127.0.0.1:{door.http_port}/ws/tts", compression=None, max_queue=None) as client:
        client.send(json.dumps({"type": "start_session", "config": {"lead_ms": 20}}))
        client.send(json.dumps({"type": "send_text", "text": "And so it goes on and on. " * (frames // 15)}))
        came: list[float] = []
        while len(came) < frames:
            if isinstance(client.recv(TIMEOUT_S), bytes):
                came.append(time.monotonic())
    return [later - earlier - FRAME_S for earlier, later in itertools.pairwise(came)]


@pytest.mark.parametrize("attack", ATTACKS)
def test_speech_leaves_in_its_time_whatever_others_ask_for(service: StartService, size: Size, attack: str) -> None:
    door = service(ToneEngine(), **DOORS)
    clients = size(2, 5)
    with under_attack(door, attack, clients) as sent:
        # Another process may have the processor for a moment; an attack that works makes frames late every time.
        for _ in range(3):
            worst_s = max(lateness_s(door, size(25, 500)))
            if worst_s < LATE_S:
                break
        assert sent() > 0
    assert worst_s < LATE_S
