"""The soak: what it says of a service that is well, and of one that is not."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import pytest

from bench import crowd, plot, soak
from bench.crowd import Heard, is_all_of
from bench.soak import MeasuredScript, Sample, ToneScript
from telephony.audio.samples import to_pcm16
from telephony.engines.tone import ToneEngine
from tests.clients import tone

pytestmark = pytest.mark.slow

WELL = Sample(
    at_s=10.0,
    resident_bytes=100_000_000,
    threads=10,
    descriptors=30,
    audio_s=50.0,
    calls={"telephone": 5, "session": 5},
    faults={},
    first_audio_s={"p50": 0.1, "p95": 0.2, "p99": 0.3},
)


def samples(last: dict[str, Any]) -> list[Sample]:
    """Fifty samples of a service that is well but for the last ten."""
    return [WELL] * 40 + [dataclasses.replace(WELL, **last)] * 10


def hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A soak of the tone engine, whose capacity is found out in a moment."""
    monkeypatch.setenv("KOKORO_ENGINE", "tone")
    monkeypatch.setattr(soak, "CAPACITY_S", 0.2)
    monkeypatch.setattr(soak, "CALLERS_FOR_CAPACITY", 3)
    monkeypatch.setattr(soak, "MAX_SENTENCES", 1)
    monkeypatch.setattr(crowd, "JITTER_S", 60.0)  # how late audio comes is no matter of these tests


def test_mixed_traffic_of_a_sound_service_is_flat_and_becomes_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hasten(monkeypatch)
    # So few seconds are all warm-up: memory and threads may still be on their way up.
    monkeypatch.setattr(soak, "MAX_MEMORY_GROWTH", 0.5)
    monkeypatch.setattr(soak, "MAX_HANDLES_GROWTH", 50.0)
    path = tmp_path / "soak.json"
    assert soak.main(["--minutes", "0.04", "--every", "0.6", "--json", str(path)]) == 0
    assert "flat, and nothing was lost, mixed or had a gap; 0 refused" in capsys.readouterr().out
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["listeners"] >= 1
    assert len(document["samples"]) == 4
    assert document["capacity"] > 1
    assert plot.main([str(path), "--out", str(tmp_path)]) == 0
    assert (tmp_path / "soak.svg").exists()


def test_a_service_that_loses_texts_fails_the_soak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(text: str) -> None:
        if text.endswith("0."):
            raise RuntimeError

    hasten(monkeypatch)
    monkeypatch.setattr(soak, "paced_tone", lambda: ToneEngine(max_batch=1, on_prepare=lose))
    monkeypatch.setattr(soak, "SHARE_OF_CAPACITY", 0.002)  # an unpaced one makes a thousand seconds a second
    path = tmp_path / "soak.json"
    assert soak.main(["--minutes", "0.02", "--every", "0.6", "--json", str(path)]) == 1
    assert any("calls" in config_error for config_error in json.loads(path.read_text(encoding="utf-8"))["complaints"])


@pytest.mark.parametrize(
    ("last", "config_error"),
    [
        ({}, None),
        ({"resident_bytes": 101_900_000}, None),
        ({"resident_bytes": 102_100_000}, "memory grows by 2.1 %"),
        ({"threads": 14}, "threads grow from 10.0 to 14.0"),
        ({"descriptors": 32}, None),
        ({"descriptors": 60}, "descriptors grow from 30.0 to 60.0"),
        ({"faults": {"lost": 1}}, "10 calls lost"),
        ({"faults": {"with gaps": 1}}, "10 calls with gaps"),
        ({"faults": {"refused": 1}}, "10 calls refused"),
    ],
)
def test_whatever_grows_or_is_lost_is_a_complaint(last: dict[str, Any], config_error: str | None) -> None:
    assert soak.complaints(samples(last), 0.8) == ([] if config_error is None else [config_error])


def test_at_more_than_the_capacity_calls_may_be_refused_and_must_have_no_gap() -> None:
    assert soak.complaints(samples({"faults": {"refused": 1}}), 2.0) == []
    assert soak.complaints(samples({"faults": {"refused": 1, "with gaps": 1}}), 2.0) == ["10 calls with gaps"]


def test_audio_that_comes_later_than_a_telephone_can_wait_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    heard = Heard()
    heard.begin()
    gaps = []
    for came_at_s in (100.5, 101.55, 102.65, 103.0):  # a second of audio each
        now_s = came_at_s
        heard.hear(bytes(2 * crowd.SAMPLE_RATE_HZ))
        gaps.append(heard.gaps)
    assert heard.first_audio_s == pytest.approx(0.5)
    assert gaps == [0, 0, 1, 1]


def test_a_service_that_nobody_hears_is_a_complaint() -> None:
    assert soak.complaints([dataclasses.replace(WELL, calls={})] * 2, 0.8) == ["nobody was heard"]


def test_a_tone_is_checked_to_the_last_sample() -> None:
    script = ToneScript()
    sentences = script.sentences(5)
    spoken = [to_pcm16(tone(sentence)) for sentence in sentences]
    assert len(sentences) == 3
    assert script.fault("session", sentences, Heard(b"".join(spoken))) is None
    assert script.fault("session", sentences, Heard(b"".join(spoken)[:-2])) == "lost"
    assert script.fault("session", sentences, Heard(b"".join(spoken[:2]))) == "lost"
    assert script.fault("session", sentences, Heard(b"".join(reversed(spoken)))) == "mixed"


def test_a_pbx_may_hear_zeros_up_to_the_end_of_a_frame_and_nowhere_else() -> None:
    spoken = [to_pcm16(tone("One.")) + bytes([1, 1]), to_pcm16(tone("Two."))]
    gap = bytes(-len(spoken[0]) % 960)
    assert is_all_of(Heard(b"".join(spoken) + bytes(10)), "audiosocket", spoken)
    assert is_all_of(Heard(spoken[0] + gap + spoken[1]), "audiosocket", spoken)
    assert not is_all_of(Heard(spoken[0] + bytes(2) + spoken[1]), "audiosocket", spoken)
    assert not is_all_of(Heard(b"".join(spoken) + bytes(2000)), "audiosocket", spoken)
    assert not is_all_of(Heard(b"".join(spoken) + b"\1\1"), "audiosocket", spoken)
    assert not is_all_of(Heard(b"".join(spoken) + bytes(10)), "session", spoken)


def test_sentences_of_another_engine_are_judged_by_their_length() -> None:
    script = MeasuredScript({"One.": 1.0, "Two.": 2.0})
    assert [script.sentences(call) for call in range(3)] == [["One."], ["Two.", "One."], ["One.", "Two.", "One."]]
    second = bytes(48_000)
    assert script.fault("session", ["One.", "Two."], Heard(second * 3)) is None
    assert script.fault("session", ["One.", "Two."], Heard(second * 2)) == "lost"
    assert script.fault("session", ["One.", "Two."], Heard(second * 4)) == "mixed"
