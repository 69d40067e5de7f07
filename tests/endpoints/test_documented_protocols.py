"""What docs/protocols.md shows as an exchange or a command is what happens."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from telephony.engines.tone import ToneEngine
from tests.clients import wait_figure
from tests.conftest import StartService

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "protocols.md").read_text(encoding="utf-8")
EXCHANGES = re.findall(r"^```exchange (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PBX_LINES = "".join(re.findall(r"^```audiosocket\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)).splitlines()
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]
TIMEOUT_S = 20.0


def test_the_page_shows_exchanges_and_commands() -> None:
    assert [path for path, _ in EXCHANGES] == ["/ws/tts", "/v1/audio/speech/stream/ws"]
    assert len(COMMANDS) >= 6
    assert len(PBX_LINES) >= 6


@pytest.mark.parametrize(("path", "lines"), EXCHANGES, ids=[path for path, _ in EXCHANGES])
def test_an_exchange_goes_as_shown(service: StartService, path: str, lines: str) -> None:
    # A model takes its time, in which a client may change its mind; a window holds a whole sentence.
    thinking = threading.Event()
    engine = ToneEngine(
        voice_names=("af_sky", "af_aoede"), window_s=10.0, on_prepare=lambda text: thinking.wait(TIMEOUT_S)
    )
    port = service(engine, http_port=0).http_port
    with connect(f"ws://127.0.0.1:{port}{path}") as agent:
        play(agent, lines.splitlines(), thinking)


def play(agent: ClientConnection, lines: Sequence[str], thinking: threading.Event) -> None:
    heard = False
    for line in lines:
        who, _, what = line.partition(" ")
        if who == ">":
            agent.send(what)
            heard = False
        elif what == "audio":
            assert heard or isinstance(agent.recv(TIMEOUT_S), bytes)
            heard = True
        else:
            expected = json.loads(what)
            received, came = next_json(agent)
            heard |= came
            assert shape(received) == shape(expected), line
            if received["type"] != "started":
                thinking.set()


def next_json(agent: ClientConnection) -> tuple[Any, bool]:
    """The next JSON message, and whether audio came before it."""
    came = False
    while isinstance(message := agent.recv(TIMEOUT_S), bytes):
        came = True
    return json.loads(message), came


def shape(value: Any) -> Any:
    """What has to agree: names and kinds of all fields, and the words that are not measured."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return "number"
    return value if not value.endswith("...") and len(value) < 30 else "id"


def test_a_pbx_is_answered_as_shown(service: StartService) -> None:
    door = service(http_port=0, audiosocket_port=0)
    with socket.create_connection(("127.0.0.1", door.audiosocket_port or 0), timeout=TIMEOUT_S) as pbx:
        digits = 0
        for line, behind in itertools.zip_longest(PBX_LINES, PBX_LINES[1:], fillvalue=""):
            who, _, what = line.partition(" ")
            if who == ">":
                header, _, payload = what.rpartition(" ")
                kind, length = bytes.fromhex(header)[0], int(header.split()[1], 16)
                pbx.sendall(bytes.fromhex(header) + (bytes(length) if payload == "audio" else bytes.fromhex(payload)))
                digits += kind == 0x03
                wait_figure(door, "tts_active_sessions", bool, door="audiosocket")
                wait_figure(door, "tts_digits_total", lambda count, wanted=digits: count == wanted)  # type: ignore[misc]
            elif who == "<":
                expected = bytes.fromhex(what.removesuffix(" audio"))
                while (received := read_message(pbx)) and received[0] != expected[0]:
                    assert expected == b"\0\0\0"  # the last of the audio comes before the hangup
                assert received[:3] == expected
            elif who in ("GET", "POST"):
                path, _, body = what.partition(" ")
                status, _, answer = behind.partition(" ")
                received_answer = httpx.request(
                    who, f"http://127.0.0.1:{door.http_port}{path}", json=json.loads(body) if body else None
                )
                assert received_answer.status_code == int(status)
                assert kinds(received_answer.json()) == kinds(json.loads(answer))


def read_message(pbx: socket.socket) -> bytes:
    """The next message of the AudioSocket protocol, whole."""
    with pbx.makefile("rb", buffering=0) as stream:
        header = stream.read(3)
        length = int.from_bytes(header[1:], "big")
        payload = b""
        while len(payload) < length:
            payload += stream.read(length - len(payload))
    return header + payload


def kinds(answer: Any) -> Any:
    """The names of all fields, and whether their values are text, numbers or what else."""
    return {name: type(value) for name, value in answer.items()} if isinstance(answer, dict) else answer


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_works_as_shown(service: StartService, tmp_path: Path, command: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    port = service(ToneEngine(voice_names=("af_sky", "af_aoede")), http_port=0).http_port
    words = [word.replace("127.0.0.1:8000", f"127.0.0.1:{port}") for word in shlex.split(command)]
    finished = subprocess.run(words, cwd=tmp_path, capture_output=True, timeout=TIMEOUT_S, check=False)
    assert finished.returncode == 0, finished.stderr
    answers = [finished.stdout, *(path.read_bytes() for path in tmp_path.iterdir())]
    assert any(answers)
