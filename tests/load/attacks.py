"""`python -m tests.load.attacks TEXT_PORT UDP_PORT HTTP_PORT`: all that clients were found to harm others with.

Each attack has a thread of its own and goes on until standard input ends, in a process of its own, so that it takes no
time from the listeners of a test. Whatever the service answers, or whether it cuts a connection, is of no interest. One
line for each attack tells how often it was made.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from telephony.protocols import telephone

MIB = 1 << 20
_TIMEOUT_S = 2.0
# What is attacked with is the work that one message asks for, not how many come: any machine has too little for enough.
_PAUSE_S = 0.2
_HOST = "127.0.0.1"
_CONTINUATION, _TEXT, _PING = 0x0, 0x1, 0x9
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True)
class Target:
    """The service's doors, and whether to go on."""

    text_port: int
    udp_port: int
    http_port: int
    ending: threading.Event

    def telephone(self, call_id: str, sent: bytes) -> socket.socket:
        """A connection of the text door on which HELLO and some bytes were sent."""
        connection = socket.create_connection((_HOST, self.text_port), _TIMEOUT_S)
        try:
            connection.sendall(telephone.encode_hello(call_id) + sent)
        except OSError:
            connection.close()
            raise
        return connection

    def session(self, path: str = "/ws/tts") -> ClientConnection:
        """A WebSocket connection."""
        return connect(
            f"ws://{_HOST}:{self.http_port}{path}", compression=None, open_timeout=_TIMEOUT_S, close_timeout=0.1
        )


def goodbyes(target: Target) -> None:
    """A call id that is used again at once."""
    with target.telephone("attack-bye", telephone.encode_text("Bye.") + telephone.encode_bye()):
        pass


def big_text(target: Target) -> None:
    """Two sentences, then megabytes of nothing to say."""
    with target.telephone("attack-big", telephone.encode_text("One. Two. " + "! " * (4 * MIB))):
        target.ending.wait(1.0)


def big_comment(target: Target) -> None:
    """A comment of megabytes in a document."""
    with target.telephone("attack-comment", telephone.encode_text(f"<speak>Hi.<!--{' x' * (4 * MIB)}--></speak>")):
        target.ending.wait(1.0)


def tiny_texts(target: Target) -> None:
    """More texts of one byte than a queue's bytes would bound."""
    with target.telephone("attack-tiny", telephone.encode_text("a") * 20_000):
        target.ending.wait(0.5)


def never_reads(target: Target) -> None:
    """A host with hours of text that reads none of the audio."""
    with target.telephone("attack-deaf", telephone.encode_text("This is a long story. " * 2000)):
        target.ending.wait(2.0)


def unfinished_frames(target: Target) -> None:
    """Frames of megabytes that never end."""
    with contextlib.ExitStack() as opened:
        for number in range(20):
            opened.enter_context(target.telephone(f"attack-half-{number}", _LENGTH.pack(9 * MIB) + bytes(2 * MIB)))
        target.ending.wait(1.0)


def registrations(target: Target) -> None:
    """Processors of calls that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(200):
            sender.sendto(b"REGISTER:" + os.urandom(4).hex().encode(), (_HOST, target.udp_port))
    target.ending.wait(0.2)


def long_digits(target: Target) -> None:
    """A session whose first segment takes long to be made."""
    text = f'<speak><say-as interpret-as="characters">{"1" * 50_000}</say-as></speak>'
    _speak(target, text, times=1)


def nothing_to_say(target: Target) -> None:
    """Texts without a word, as fast as they are taken."""
    _speak(target, "... " * 500, times=20)


def dates(target: Target) -> None:
    """Dates that no calendar has, at the gateway."""
    text = f"Due 1/{'9' * 30}/2020 and {'2' * 4300}-01-01."
    httpx.post(f"http://{_HOST}:{target.http_port}/synthesize", json={"text": text}, timeout=_TIMEOUT_S)


def surrogates(target: Target) -> None:
    """Characters that no text has."""
    _speak(target, "\ud800", times=1)


def empty_fragments(target: Target) -> None:
    """A message that goes on without a byte."""
    with target.session() as session:
        session.socket.sendall(_frame(_TEXT, final=False) + _frame(_CONTINUATION, final=False) * 20_000)


def pings(target: Target) -> None:
    """A client that asks whether the service is there, and never reads that it is."""
    with target.session() as session:
        session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        session.socket.sendall(_frame(_PING, b"?" * 100) * 20_000)


def idle_sentences(target: Target) -> None:
    """More connections of the sentence protocol than there are places, which say nothing."""
    with contextlib.ExitStack() as opened:
        for _ in range(120):
            opened.enter_context(target.session("/v1/audio/speech/stream/ws"))
            target.ending.wait(0.02)  # that there are many, not that they come
        target.ending.wait(1.0)


ATTACKS: list[Callable[[Target], None]] = [
    goodbyes,
    big_text,
    big_comment,
    tiny_texts,
    never_reads,
    unfinished_frames,
    registrations,
    long_digits,
    nothing_to_say,
    dates,
    surrogates,
    empty_fragments,
    pings,
    idle_sentences,
]


def _speak(target: Target, text: str, times: int) -> None:
    with target.session() as session:
        for message in ({"type": "start_session"}, *({"type": "send_text", "text": text} for _ in range(times))):
            session.send(json.dumps(message))
        session.send(json.dumps({"type": "end_session"}))
        for received in session:
            if target.ending.is_set() or (
                isinstance(received, str) and json.loads(received)["type"] == "session_ended"
            ):
                return


def _frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """A masked WebSocket frame of at most 125 bytes; the mask of zeros leaves the payload as it is."""
    return bytes([opcode | (0x80 if final else 0), 0x80 | len(payload)]) + bytes(4) + payload


def _repeat(attack: Callable[[Target], None], target: Target, made: dict[str, int]) -> None:
    while not target.ending.is_set():
        with contextlib.suppress(OSError, EOFError, httpx.HTTPError, WebSocketException):  # the service defends itself
            attack(target)
        made[attack.__name__] += 1
        target.ending.wait(_PAUSE_S)


def main(arguments: list[str]) -> None:
    """Attacks until standard input ends."""
    os.nice(19)  # attackers elsewhere would take no time from the service's processors
    text_port, udp_port, http_port = map(int, arguments)
    target = Target(text_port, udp_port, http_port, threading.Event())
    made = {attack.__name__: 0 for attack in ATTACKS}
    threads = [threading.Thread(target=_repeat, args=(attack, target, made), daemon=True) for attack in ATTACKS]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    target.ending.set()
    for thread in threads:
        thread.join(2 * _TIMEOUT_S)
    for name, times in made.items():
        print(name, times)


if __name__ == "__main__":
    main(sys.argv[1:])
