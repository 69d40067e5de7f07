"""The Asterisk administrator: a PBX connects, and the guide's commands speak, interrupt and hang up."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Callable

import numpy as np
import pytest

from tests.clients import TIMEOUT_S
from tests.journeys.checkout import command
from tests.journeys.conftest import Running

pytestmark = [pytest.mark.model, pytest.mark.slow]

GUIDE = "docs/asterisk.md"
_ID, _HANGUP, _AUDIO_8_KHZ = b"\x01\x00\x10", 0x00, 0x10


class Pbx(threading.Thread):
    """A PBX that takes the audio of its only call. `with` connects it, and waits until it was hung up."""

    def __init__(self, port: int, call_id: str) -> None:
        super().__init__(name="pbx")
        self.audio = b""
        self.heard_at = 0.0
        self.hung_up = False
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self._socket.sendall(_ID + uuid.UUID(call_id).bytes)

    def __enter__(self) -> Pbx:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join()

    def run(self) -> None:
        with self._socket, self._socket.makefile("rb") as messages:
            while header := messages.read(3):
                payload = messages.read(int.from_bytes(header[1:], "big"))
                if header[0] == _HANGUP:
                    self.hung_up = True
                    return
                assert header[0] == _AUDIO_8_KHZ
                self.heard_at = self.heard_at or time.monotonic()
                self.audio += payload


def test_asterisk_administrator(running: Running, first_sound: Callable[[float], None]) -> None:
    call = command(GUIDE, "CALL=")

    def run(part: str) -> str:
        finished = running.checkout.run(f"{call}\n{command(GUIDE, part)}")
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    with Pbx(running.checkout.audiosocket_port, call.partition("=")[2]) as pbx:
        running.daemon.wait_line("event=connected door=audiosocket")
        said_at = time.monotonic()
        run("/say")
        while not pbx.heard_at and pbx.is_alive():
            pbx.join(0.01)
        first_sound(pbx.heard_at - said_at)
        assert '"text_remaining":' in run("/interrupt")
        run("/say")
        run("/hangup")
    assert pbx.hung_up
    samples = np.frombuffer(pbx.audio, "<i2").astype(np.float32) / 32_767
    assert len(samples) / 8000 > 0.5
    assert np.abs(samples).max() > 0.05
