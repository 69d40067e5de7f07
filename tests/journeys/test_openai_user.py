"""The user of OpenAI's SDK: the guide's lines with another base_url, nothing else; then the example and curl."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import soundfile

from tests.journeys.checkout import command, first_audio_s, python_block
from tests.journeys.conftest import Running

pytestmark = [pytest.mark.model, pytest.mark.slow]


def test_openai_user(running: Running, first_sound: Callable[[float], None]) -> None:
    house = running.checkout
    spoken = house.root / "morning.mp3"
    house.run_python(python_block("docs/openai.md"))
    assert 0.5 < soundfile.info(spoken).duration < 3.0

    example = house.run('venv-kokoro/bin/python examples/openai_speech.py "Good morning." openai.wav')
    assert example.returncode == 0, example.stderr
    first_sound(first_audio_s(example.stdout))
    assert soundfile.info(house.root / "openai.wav").duration > 0.5

    spoken.unlink()
    finished = house.run(command("docs/openai.md", "curl"))
    assert finished.returncode == 0, finished.stderr
    assert soundfile.info(spoken).duration > 0.5
