"""The engine's files are verified while it speaks: damage is seen, and ends nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from telephony.engines import catalog
from telephony.engines.kokoro import weights
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.settings import Settings
from telephony.voices.selector import Loaders
from tests.clients import EventLog, TextHost, figure, tone_samples


def start(find_damage: Callable[[], str | None]) -> Service:
    settings = Settings(tcp_port=0, udp_port=0, http_port=0, request_log=None, phrase_cache_mb=0, drain_timeout_s=5.0)
    service = Service(settings, Loaders(ToneEngine, lambda path: ToneEngine(), find_damage=find_damage))
    service.start()
    return service


def readiness(service: Service) -> tuple[int, str]:
    answer = httpx.get(f"http://127.0.0.1:{service.http_port}/readyz")
    return answer.status_code, answer.json()["status"]


def test_damage_refuses_readiness_and_calls_go_on(events: EventLog) -> None:
    verify = threading.Event()

    def find_damage() -> str | None:
        verify.wait()
        return "damaged weights: voices/af_sky.bin. Delete /cache and start again"

    service = start(find_damage)
    try:
        assert readiness(service) == (200, "ready")  # nobody waits for the verification
        with TextHost(service.tcp_port, "1") as host:
            verify.set()
            logged = events.wait("weights_damaged", level="error")
            assert "Delete /cache" in logged["error"]
            assert readiness(service) == (503, "damaged")
            assert figure(service, "tts_status", status="damaged") == 1
            host.say("It speaks on.")
            assert len(host.read_frame().samples) == tone_samples("It speaks on.")
    finally:
        verify.set()
        service.stop()


def test_what_is_whole_is_not_spoken_of(events: EventLog) -> None:
    verified = threading.Event()

    def find_damage() -> str | None:
        verified.set()
        return None

    service = start(find_damage)
    try:
        assert verified.wait(10)
        assert readiness(service) == (200, "ready")
        assert not events.found("weights_damaged")
    finally:
        service.stop()


def test_the_end_does_not_wait_for_a_slow_disk(events: EventLog) -> None:
    disk = threading.Event()
    verifying: list[threading.Thread] = []

    def find_damage() -> str | None:
        verifying.append(threading.current_thread())
        disk.wait()
        return None

    service = start(find_damage)
    service.stop()
    assert events.found("stopped")
    assert all(thread.daemon and thread.is_alive() for thread in verifying)
    disk.set()


def test_what_verification_says_and_what_it_cannot_read_is_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(cache_dir=tmp_path)
    assert catalog.find_damage(settings) is None  # no weights, no damage
    found = weights.KokoroWeights(tmp_path / "model", tmp_path / "folded", tmp_path / "config", tmp_path, "hub", "1")
    monkeypatch.setattr(weights, "find_weights", lambda *_: found)

    def fail(error: Exception) -> Callable[[object], None]:
        def verify(_: object) -> None:
            raise error

        return verify

    for error in (weights.WeightsError("damaged weights: x"), OSError(5, "Input/output error")):
        monkeypatch.setattr(weights, "verify_weights", fail(error))
        assert catalog.find_damage(settings) == str(error)
    assert catalog.find_damage(Settings(cache_dir=tmp_path, engine="tone")) is None
