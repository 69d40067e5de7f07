"""The newcomer: two commands of the README, then the page, a voice that there is not, and Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import numpy as np
import pytest
import soundfile

from tests.journeys.checkout import command, first_audio_s
from tests.journeys.conftest import Running

pytestmark = [pytest.mark.model, pytest.mark.slow]


def test_newcomer(running: Running, first_sound: Callable[[float], None]) -> None:
    house = running.checkout
    # Somebody who waits sees what is being done, how far it is, and how long it took.
    steps = [line for line in running.daemon.stderr if "event=loading" in line]
    assert [f"step={number}/4" in line for number, line in enumerate(steps, 1)] == [True] * 4
    assert running.daemon.wait_line(r"event=engine_loaded .*took_s=\d")
    assert running.starting_s < running.start_s

    said_at = time.monotonic()
    said = house.run(command("README.md", "telephony.say"))
    assert said.returncode == 0, said.stderr
    first_sound(running.start_s + time.monotonic() - said_at)
    assert first_audio_s(said.stdout) > 0
    samples, sample_rate = soundfile.read(house.root / "hello.wav", dtype="float32")
    assert 1.0 < len(samples) / sample_rate < 5.0
    assert np.sqrt(np.mean(np.square(samples))) > 0.01

    page = httpx.get(f"http://127.0.0.1:{house.http_port}/")
    assert (page.status_code, "Speak" in page.text) == (200, True)

    listed = house.run(command("docs/listening.md", "--list-voices"))
    assert "af_sky" in listed.stdout
    mistaken = house.run(f"{command('README.md', 'telephony.say')} --voice nobody")
    assert mistaken.returncode == 1
    assert "--list-voices" in mistaken.stderr
