"""The real Piper engine, with the voice that requirements.txt installs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from telephony.engines.base import Engine
from telephony.engines.catalog import EngineUnavailableError, load_piper
from telephony.engines.piper import installed_voice
from telephony.metrics import Metrics
from telephony.store import Store
from tests.clients import EventLog, TextHost, dominant_hz
from tests.conftest import StartService

pytestmark = pytest.mark.model

TEXT = "Hello, this is the other voice."


@pytest.fixture(scope="module")
def piper() -> Engine:
    """The installed voice."""
    return load_piper(None)


def test_it_speaks_with_its_own_sample_rate(service: StartService, piper: Engine) -> None:
    with TextHost(service(piper).tcp_port, "1") as host:
        host.say(TEXT)
        frame = host.read_frame()
    assert (frame.sample_rate, frame.chunk_id) == (22_050, 1)
    assert 1.0 < len(frame.samples) / 22_050 < 5.0
    assert 0.05 < abs(frame.samples).max() <= 1.0
    assert 50 < dominant_hz(frame.samples, 22_050) < 1000  # a human voice


def test_it_takes_over_from_the_database(
    service: StartService, events: EventLog, piper: Engine, tmp_path: Path
) -> None:
    database = tmp_path / "host.db"
    Store(database, Metrics()).initialise()  # Kokoro switched off
    door = service(second=piper, db=database)
    assert f"piper speaks as {piper.voices()[0].name}" in door.describe()
    with TextHost(door.tcp_port, "1") as host:
        host.say(TEXT)
        assert host.read_frame().sample_rate == 22_050


def test_speed_changes_the_length(service: StartService, piper: Engine) -> None:
    lengths = []
    for speed in (0.5, 1.0, 2.0):
        with TextHost(service(piper, speed=speed).tcp_port, "1") as host:
            host.say(TEXT)
            lengths.append(len(host.read_frame().samples))
    slow, normal, fast = lengths
    assert slow > 1.5 * normal
    assert fast < normal / 1.5


def test_voice_file_by_path(service: StartService, tmp_path: Path) -> None:
    path = tmp_path / "copy.onnx"
    shutil.copy(installed_voice(), path)
    shutil.copy(f"{installed_voice()}.json", f"{path}.json")
    engine = load_piper(path)
    assert engine.voices()[0].name == "copy"
    assert engine.voices()[0].language == "en-US"


@pytest.mark.parametrize("kind", ["missing", "no json", "not onnx", "bad json"])
def test_unusable_voice_is_a_clear_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "voice.onnx"
    if kind != "missing":
        path.write_bytes(b"not a model" if kind == "not onnx" else installed_voice().read_bytes())
    if kind == "bad json":
        Path(f"{path}.json").write_text("{")
    elif kind == "not onnx":
        shutil.copy(f"{installed_voice()}.json", f"{path}.json")
    with pytest.raises(EngineUnavailableError, match=r"voice\.onnx") as caught:
        load_piper(path)
    assert "\n" not in str(caught.value)


def test_text_without_phonemes_fails_alone(service: StartService, events: EventLog, piper: Engine) -> None:
    with TextHost(service(piper).tcp_port, "1") as host:
        host.say("ꙮ")
        host.say(TEXT)
        frame = host.read_frame()
        while len(frame.samples) < 22_050 and frame.chunk_id < 2:
            frame = host.read_frame()
        assert len(frame.samples) > 22_050


def test_its_revision_is_that_of_the_voice_s_files(piper: Engine, tmp_path: Path) -> None:
    copy = tmp_path / "copy.onnx"
    for suffix in ("", ".json"):
        shutil.copy(f"{installed_voice()}{suffix}", f"{copy}{suffix}")
    assert load_piper(copy).revision("copy") == piper.revision("en_US-joe-medium")
    config = Path(f"{copy}.json")
    config.write_text(config.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert load_piper(copy).revision("copy") != piper.revision("en_US-joe-medium")
