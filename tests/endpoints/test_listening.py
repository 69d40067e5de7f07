"""The doors while the process has no descriptor left: they wait a moment, say so once, and go on."""

from __future__ import annotations

import errno
import os
import socket
import threading
from typing import Any

import httpx
import numpy as np
import pytest

from tests.clients import TIMEOUT_S, EventLog, TextHost, tone, until
from tests.conftest import StartService

DOORS = ("text", "http", "audiosocket")


@pytest.mark.slow
@pytest.mark.parametrize("name", DOORS)
def test_without_descriptors_a_door_neither_spins_nor_floods_the_log_and_then_serves(
    service: StartService,
    events: EventLog,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    door = service(http_port=0, audiosocket_port=0)
    port = {"text": door.tcp_port, "http": door.http_port, "audiosocket": door.audiosocket_port}[name]
    assert port is not None
    accept = socket.socket.accept
    tries: list[int] = []

    def refuse(listener: socket.socket) -> Any:
        if listener.getsockname()[1] != port:
            return accept(listener)
        tries.append(port)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as exhausted:
        exhausted.setattr(socket.socket, "accept", refuse)
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S):
            until(lambda: bool(tries))
            threading.Event().wait(0.5)
            assert len(tries) <= 20
            assert not caplog.records
            assert len(events.found("descriptors_exhausted", door=name)) == 1
    if name == "text":
        with TextHost(port, "1") as host:
            host.say("Served again.")
            np.testing.assert_array_equal(host.read_frame().samples, tone("Served again."))
    elif name == "http":
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=TIMEOUT_S).status_code == 200
    else:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as pbx:
            pbx.sendall(b"\x7f\x00\x00")
            assert pbx.recv(1) == b""  # it is read, and found to be wrong
