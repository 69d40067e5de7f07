"""The benchmark of a device, on the processor: it measures what it says. No test asserts a time."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

from bench import device, texts
from telephony.engines.base import Engine
from telephony.engines.kokoro.model import KokoroEngine
from telephony.engines.kokoro.weights import KokoroWeights

pytestmark = pytest.mark.model
CPU = torch.device("cpu")


@pytest.fixture
def engine(kokoro: Engine) -> KokoroEngine:
    assert isinstance(kokoro, KokoroEngine)
    return kokoro


def test_every_path_is_compared_with_the_processor_in_float32(
    kokoro_weights: KokoroWeights, engine: KokoroEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "VOICES", ("af_sky",))
    found = device.correctness(kokoro_weights, engine)
    assert found["durations_unequal"] == 0
    assert 0 < found["exact_db"][0] < found["fixed_db"][0] < 4
    assert found["windows_db"][0] == pytest.approx(found["fixed_db"][0], abs=0.5)


def test_a_crowd_is_served_and_gaps_are_counted(engine: KokoroEngine) -> None:
    found = device.crowd(engine, count=2, deadline=time.monotonic() + 60, seconds=4.0)
    assert found["heard"] >= 1
    assert found["audio_seconds_a_second"] > 0
    assert found["with_gaps"] <= 2


def test_what_there_is_no_time_for_is_named(
    kokoro_weights: KokoroWeights, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(device, "ensure_weights", lambda _: kokoro_weights)
    monkeypatch.setattr(texts, "LATENCY", {"word": "Sure."})
    out = tmp_path / "device.json"
    assert device.main(["--device", "cpu", "--minutes", "0", "--json", str(out)]) == 0
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["device"] == "cpu"
    assert document["graphs"] == 0
    assert "no time" in document["correctness"]
