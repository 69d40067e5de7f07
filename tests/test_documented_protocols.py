"""What docs/protocols.md shows as an exchange or a command is what happens."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from telephony.engines.tone import ToneEngine
from tests.conftest import StartService

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "protocols.md").read_text(encoding="utf-8")
EXCHANGES = re.findall(r"^```exchange (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]
TIMEOUT_S = 20.0


def test_the_page_shows_exchanges_and_commands() -> None:
    assert [path for path, _ in EXCHANGES] == ["/ws/tts", "/v1/audio/speech/stream/ws"]
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize(("path", "lines"), EXCHANGES, ids=[path for path, _ in EXCHANGES])
def test_an_exchange_goes_as_shown(service: StartService, path: str, lines: str) -> None:
    # A model takes its time, in which a client may change its mind; a window holds a whole sentence.
    thinking = threading.Event()
    engine = ToneEngine(
        voice_names=("af_sky", "af_aoede"), window_s=10.0, on_prepare=lambda text: thinking.wait(TIMEOUT_S)
    )
    port = service(engine, http_port=0).http_port
    with connect(f"ws://127.0.0.1:{port}{path}") as socket:
        play(socket, lines.splitlines(), thinking)


def play(socket: ClientConnection, lines: Sequence[str], thinking: threading.Event) -> None:
    heard = False
    for line in lines:
        who, _, what = line.partition(" ")
        if who == ">":
            socket.send(what)
            heard = False
        elif what == "audio":
            assert heard or isinstance(socket.recv(TIMEOUT_S), bytes)
            heard = True
        else:
            expected = json.loads(what)
            received, came = next_json(socket)
            heard |= came
            assert shape(received) == shape(expected), line
            if received["type"] != "started":
                thinking.set()
            if received["type"] != "started":
                thinking.set()


def next_json(socket: ClientConnection) -> tuple[Any, bool]:
    """The next JSON message, and whether audio came before it."""
    came = False
    while isinstance(message := socket.recv(TIMEOUT_S), bytes):
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
