"""How many rooms of its own a service starts."""

from __future__ import annotations

import pytest

from telephony.rooms import room_count
from telephony.settings import parse
from telephony.system import machine


@pytest.mark.parametrize(
    ("flags", "cores", "gpus", "rooms"),
    [
        ([], 64, 0, 0),
        (["--rooms=3"], 64, 8, 3),
        (["--rooms=auto"], 64, 0, 32),
        (["--rooms=auto"], 7.5, 0, 3),
        (["--rooms=auto"], 3, 0, 0),
        (["--rooms=auto"], 64, 8, 8),
        (["--rooms=auto"], 64, 1, 0),
        (["--rooms=auto", "--device=cpu"], 64, 8, 32),
    ],
)
def test_auto_is_a_room_for_each_gpu_or_every_two_cores(
    flags: list[str], cores: float, gpus: int, rooms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "cores", lambda: cores)
    monkeypatch.setattr(machine, "nvidia_gpus", lambda: gpus)
    assert room_count(parse(flags, {}).settings) == rooms
