"""How large a load test is: small in every run, at full size with `--load`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Size = Callable[[int, int], int]


@pytest.fixture
def size(request: pytest.FixtureRequest) -> Size:
    """Of two numbers, the one that this run is to use: in every run, and with `--load`."""
    full = bool(request.config.getoption("--load"))
    return lambda short, long: long if full else short
