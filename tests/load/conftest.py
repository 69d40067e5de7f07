"""A crowd for a service of a test, and how large it is: small in every run, at full size with `--load`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.crowd import Crowd
from telephony.service import Service

DOORS: dict[str, Any] = {
    "http_port": 0,
    "audiosocket_port": 0,
    "wyoming_port": 0,
    "stream": True,
    "max_first_audio_s": 0.0,
}
"""Settings of a service with all its doors open, as `crowd_of` needs them."""

Size = Callable[[int, int], int]


@pytest.fixture
def size(request: pytest.FixtureRequest) -> Size:
    """Of two numbers, the one that this run is to use: in every run, and with `--load`."""
    full = bool(request.config.getoption("--load"))
    return lambda short, long: long if full else short


def crowd_of(door: Service) -> Crowd:
    """Callers at all doors."""
    assert door.http_port is not None
    return Crowd(door.tcp_port, door.http_port, door.audiosocket_port, wyoming_port=door.wyoming_port)
