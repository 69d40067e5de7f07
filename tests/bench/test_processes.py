"""The benchmarks' processes: what is measured of them, the reference's worker, and the service as it is started."""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench import __main__ as latency
from bench import calls, processes
from bench.service import NoSpeechError, ServiceProcess, StartError
from bench.worker import ReferenceProcess, WorkerError
from telephony.engines.tone import SECONDS_PER_CHARACTER
from telephony.settings import Settings
from telephony.speech import Samples

pytestmark = pytest.mark.slow

needs_proc = pytest.mark.skipif(not processes.tells_memory(), reason="this system does not tell it")


class Beep:
    """Speaks two chunks for each text, in the place of the kokoro package."""

    def speak(self, text: str, voice: str) -> Iterator[Samples]:
        if voice == "nobody":
            raise ValueError("there is no such voice")
        for _ in range(0 if text == "…" else 2):
            yield np.zeros(12_000, np.float32)


def load_beep(settings: Settings) -> Beep:
    return Beep()


def load_nothing(settings: Settings) -> Beep:
    raise ValueError("there are no weights")


def load_and_die(settings: Settings) -> Beep:
    os._exit(1)


@pytest.fixture
def tone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Services that are started play sines, and load no other engine behind their start."""
    monkeypatch.setenv("KOKORO_ENGINE", "tone")
    monkeypatch.setenv("KOKORO_PIPER", "external")


@needs_proc
def test_memory_that_is_kept_shows() -> None:
    with mmap.mmap(-1, 64 * 2**20) as kept:  # pages of its own: the heap may have had these before
        before = processes.resident_bytes()
        for page in range(0, len(kept), mmap.PAGESIZE):
            kept[page] = 1
        assert processes.resident_bytes() - before > 48 * 2**20
    assert processes.peak_bytes(os.getpid()) > before + 48 * 2**20
    assert processes.resident_bytes(os.getpid()) > 2**20


@needs_proc
def test_a_process_that_computes_is_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            with pytest.raises(TimeoutError, match=f"process {busy.pid} still computes"):
                processes.wait_idle([busy.pid], timeout_s=0.3)
        finally:
            busy.kill()
    with subprocess.Popen(["sleep", "60"]) as idle:
        try:
            processes.wait_idle([idle.pid])
        finally:
            idle.kill()


def test_the_reference_speaks_in_a_process_of_its_own() -> None:
    with ReferenceProcess(Settings(), load_beep) as plain:
        assert plain.pid != os.getpid()
        heard: list[float] = []
        plain.speak("Hello.", "af_sky", heard.append)
        assert heard == [0.5, 0.5]
        with pytest.raises(WorkerError, match="no such voice"):
            plain.time("Hello.", "nobody")
        with pytest.raises(WorkerError, match="no speech"):
            plain.time("…", "af_sky")
        timing = plain.time("Hello.", "af_sky")
    assert timing.audio_s == 1.0
    assert 0 < timing.first_audio_s <= timing.total_s


def test_a_reference_that_cannot_be_loaded_says_why() -> None:
    with pytest.raises(WorkerError, match="there are no weights"):
        ReferenceProcess(Settings(), load_nothing)
    with pytest.raises(WorkerError, match="has ended"):
        ReferenceProcess(Settings(), load_and_die)


def test_the_service_is_heard_over_both_of_its_doors(tone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "of the operator")
    text = "Hello there, caller."
    with ServiceProcess(launcher=False) as service:
        assert service.ready_s > 0
        assert service.voices("tone") == ["tone", "af_sky", "am_michael"]
        connected = threading.Event()
        for timing in (service.text_endpoint.time(text), service.say(text, "af_sky+am_michael", connected.set)):
            assert timing.audio_s == pytest.approx(SECONDS_PER_CHARACTER * len(text))
            assert 0 < timing.first_audio_s <= timing.total_s
        assert connected.is_set()
        with pytest.raises(NoSpeechError, match="nobody") as refused:
            service.say(text, "nobody")
        assert refused.value.code == "bad_voice"
        with pytest.raises(NoSpeechError, match="silent"):
            service.say("…")


def test_a_service_that_does_not_start_is_an_error(tone: None) -> None:
    with pytest.raises(StartError, match="status 2"):
        ServiceProcess("--speed", "9", launcher=False)


def test_both_sides_take_turns_and_their_memory_is_told(
    tmp_path: Path, tone: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(latency, "ReferenceProcess", lambda settings: ReferenceProcess(settings, load_beep))
    path = tmp_path / "latency.json"
    assert latency.main(["--python", "--rounds", "1", "--texts", "word", "--json", str(path)]) == 0
    document = json.loads(path.read_text(encoding="utf-8"))
    assert list(document["texts"]["word"]) == ["reference", "reply", "stream"]
    assert "stream" in capsys.readouterr().out
    if processes.tells_memory():
        assert document["memory"]["product"]["peak_bytes"] > 2**20


def test_capacities_of_both_sides_are_found(tone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "ReferenceProcess", lambda settings: ReferenceProcess(settings, load_beep))
    found = calls.measure(Settings(), seconds=0.2, limit=1, launcher=False)
    assert {name: capacity.calls for name, capacity in found.items()} == {"reference": 1, "product": 1}
