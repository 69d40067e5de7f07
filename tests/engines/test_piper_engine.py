"""The real Piper engine, with the voice that requirements.txt installs."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx
import numpy as np
import pytest
from structlog.testing import capture_logs

from telephony.engines.base import Engine, SynthesisError, UnknownVoiceError, UnspeakableError
from telephony.engines.catalog import EngineUnavailableError, load_piper, warm_up
from telephony.engines.fingerprint import fingerprint
from telephony.engines.piper import PiperEngine, installed_voice
from telephony.engines.tone import ToneEngine
from telephony.speech import Samples
from telephony.telemetry.metrics import Metrics
from telephony.voices import ResolvedVoice, VoiceRequest, choose
from telephony.voices.host_database import Store
from tests.clients import TIMEOUT_S, EventLog, TextHost, dominant_hz, until
from tests.conftest import StartService
from tests.test_layers import ROOT

pytestmark = pytest.mark.model

TEXT = "Hello, this is the other voice."


@pytest.fixture(scope="module")
def piper() -> Engine:
    """The installed voice, which some test makes it load."""
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


@pytest.mark.parametrize("kind", ["missing", "no json", "bad json", "not onnx"])
def test_unusable_voice_is_a_clear_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "voice.onnx"
    if kind != "missing":
        path.write_bytes(b"not a model")
    if kind == "bad json":
        Path(f"{path}.json").write_text("{")
    elif kind == "not onnx":
        shutil.copy(f"{installed_voice()}.json", f"{path}.json")
    with pytest.raises(EngineUnavailableError, match=r"voice\.onnx") as caught:
        warm_up(load_piper(path))
    assert "\n" not in str(caught.value)


def test_a_package_that_is_missing_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineUnavailableError, match="package piper-tts is missing"):
        load_piper(None)


def test_it_is_there_without_its_packages_being_imported() -> None:
    program = (
        "import sys; from telephony.engines.catalog import load_piper; engine = load_piper(None);"
        "print(engine.voices()[0].name, engine.sample_rate, *{name.split('.')[0] for name in sys.modules})"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    *_, told = ended.stdout.splitlines()
    name, sample_rate, *modules = told.split()
    assert (name, sample_rate) == ("en_US-joe-medium", "22050")
    assert {"piper", "onnxruntime"}.isdisjoint(modules)


def test_text_without_phonemes_fails_alone(service: StartService, events: EventLog, piper: Engine) -> None:
    with TextHost(service(piper).tcp_port, "1") as host:
        host.say("ꙮ")
        host.say(TEXT)
        frame = host.read_frame()
        while len(frame.samples) < 22_050 and frame.chunk_id < 2:
            frame = host.read_frame()
        assert len(frame.samples) > 22_050


# Many voices


CopyVoice = Callable[..., Path]


@pytest.fixture
def voices_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "voices"
    directory.mkdir()
    return directory


@pytest.fixture
def copy_voice(voices_dir: Path) -> CopyVoice:
    """Puts the installed voice there under another name, language and sample rate."""

    def copy(name: str, language: str = "en_US", sample_rate: int = 22_050) -> Path:
        path = voices_dir / f"{name}.onnx"
        shutil.copy(installed_voice(), path)
        config = json.loads(Path(f"{installed_voice()}.json").read_text(encoding="utf-8"))
        config["language"]["code"] = language
        config["audio"]["sample_rate"] = sample_rate
        Path(f"{path}.json").write_text(json.dumps(config), encoding="utf-8")
        return path

    return copy


def speak(engine: Engine, voice: str) -> Samples:
    (samples,) = engine.render([engine.prepare(TEXT, voice, 1.0, exact=False)])
    return samples


def loaded(logs: Sequence[Mapping[str, object]]) -> list[object]:
    return [entry["voice"] for entry in logs if entry["event"] == "piper_voice_loaded"]


def test_voices_of_a_directory_are_found_by_language_and_by_name(copy_voice: CopyVoice, voices_dir: Path) -> None:
    copy_voice("ru_RU-irina-medium", "ru_RU")
    copy_voice("de_DE-thorsten-low", "de_DE", 16_000)
    copy_voice("de_AT-other-low", "de_AT", 16_000)
    engine = load_piper(None, voices_dir)
    main = ToneEngine(name="kokoro")
    for wanted, voice in (
        (VoiceRequest(language="ru"), "ru_RU-irina-medium"),
        (VoiceRequest(language="de-DE"), "de_DE-thorsten-low"),
        (VoiceRequest(language="de-AT"), "de_AT-other-low"),
        (VoiceRequest("de_AT-other-low"), "de_AT-other-low"),
        (VoiceRequest(engine="piper"), "en_US-joe-medium"),
    ):
        assert choose(wanted, ResolvedVoice(main, "af_sky", 1.0), [main, engine]) == ResolvedVoice(engine, voice, 1.0)
    assert choose(VoiceRequest(language="en"), ResolvedVoice(main, "af_sky", 1.0), [main, engine]).engine is main


def test_voices_are_loaded_when_they_are_needed_and_only_so_many_stay(copy_voice: CopyVoice, voices_dir: Path) -> None:
    for name in "abc":
        copy_voice(name)
    with capture_logs() as logs:
        engine = PiperEngine(voices_dir / "a.onnx", voices_dir, max_loaded=2)
        assert loaded(logs) == []
        engine.load()
        assert loaded(logs) == ["a"]
        for voice in ("b", "a", "c", "a", "b"):
            assert len(speak(engine, voice)) > 22_050
    assert loaded(logs) == ["a", "b", "c", "b"]  # c made b go, for a was needed after it
    assert all(entry["took_s"] > 0 for entry in logs if entry["event"] == "piper_voice_loaded")


def test_the_description_of_the_first_voice_may_be_elsewhere(copy_voice: CopyVoice, voices_dir: Path) -> None:
    voice = copy_voice("a", "es_ES")
    described = Path(f"{voice}.json").rename(voices_dir / "described.json")
    engine = load_piper(voice, config_path=described)
    assert [each.language for each in engine.voices()] == ["es-ES"]
    assert len(speak(engine, "a")) > 22_050


def test_a_voice_that_has_made_room_finishes_what_it_began(copy_voice: CopyVoice, voices_dir: Path) -> None:
    copy_voice("b")
    engine = PiperEngine(None, voices_dir, max_loaded=1)
    begun = engine.prepare(TEXT, "b", 1.0, exact=False)
    speak(engine, engine.voices()[0].name)
    assert len(engine.render([begun])[0]) > 22_050


def test_voices_of_other_rates_are_resampled_to_the_highest(copy_voice: CopyVoice, voices_dir: Path) -> None:
    copy_voice("low", sample_rate=11_025)
    engine = load_piper(None, voices_dir)
    assert engine.sample_rate == 22_050
    # The same samples, said to be half as fast: twice as long, and an octave lower.
    low, own = speak(engine, "low"), speak(engine, engine.voices()[0].name)
    assert len(low) == pytest.approx(2 * len(own), rel=0.25)
    spectrum = np.abs(np.fft.rfft(low))
    assert np.square(spectrum[len(spectrum) // 2 + 200 :]).sum() < 1e-4 * np.square(spectrum).sum()


def test_a_broken_voice_is_left_out_and_one_that_breaks_later_fails_its_segment(
    copy_voice: CopyVoice, voices_dir: Path
) -> None:
    Path(f"{copy_voice('bad-json')}.json").write_text("{")
    Path(f"{copy_voice('no-json')}.json").unlink()
    copy_voice("not-onnx").write_bytes(b"not a model")
    with capture_logs() as logs:
        engine = load_piper(None, voices_dir)
    assert [voice.name for voice in engine.voices()] == ["en_US-joe-medium", "not-onnx"]
    left_out = [str(entry["error"]) for entry in logs if entry["event"] == "piper_voice_skipped"]
    assert ["bad-json.onnx" in left_out[0], "no-json.onnx.json does not exist" in left_out[1]] == [True, True]
    with pytest.raises(SynthesisError, match=r"not-onnx\.onnx cannot be loaded"):
        engine.prepare(TEXT, "not-onnx", 1.0, exact=False)
    with pytest.raises(UnknownVoiceError, match="bad-json"):
        engine.prepare(TEXT, "bad-json", 1.0, exact=False)


def test_a_directory_that_is_not_there_leaves_the_first_voice(tmp_path: Path) -> None:
    with capture_logs() as logs:
        engine = load_piper(None, tmp_path / "nowhere")
    assert len(engine.voices()) == 1
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["piper_voices_missing"]


def test_a_text_without_phonemes_is_the_texts_fault(piper: Engine) -> None:
    with pytest.raises(UnspeakableError):
        piper.render([piper.prepare("", piper.voices()[0].name, 1.0, exact=False)])


def test_a_language_that_the_main_engine_lacks_goes_to_piper_at_the_doors(
    service: StartService, copy_voice: CopyVoice, voices_dir: Path
) -> None:
    copy_voice("ru_RU-irina-low", "ru_RU", 16_000)
    door = service(second=load_piper(None, voices_dir), http_port=0)
    with httpx.Client(base_url=f"http://127.0.0.1:{door.http_port}", timeout=TIMEOUT_S) as client:
        until(lambda: len(client.get("/v1/status").json()["engines"]) == 2)
        by_language = client.post("/synthesize", json={"text": "Hello.", "language": "ru"})
        by_script = client.post("/synthesize", json={"text": "Привет, как дела?"})
    for answer in (by_language, by_script):
        assert (answer.headers["X-Engine"], answer.headers["X-Voice"]) == ("piper", "ru_RU-irina-low")
        assert answer.headers["X-Sample-Rate"] == "22050"
        assert len(answer.content) > 4 * 4000


def test_its_revision_is_that_of_the_voice_s_files(piper: Engine, tmp_path: Path) -> None:
    copy = tmp_path / "copy.onnx"
    for suffix in ("", ".json"):
        shutil.copy(f"{installed_voice()}{suffix}", f"{copy}{suffix}")
    assert load_piper(copy).revision("copy") == piper.revision("en_US-joe-medium")
    config = Path(f"{copy}.json")
    config.write_text(config.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert load_piper(copy).revision("copy") != piper.revision("en_US-joe-medium")


@pytest.mark.parametrize("start", [0, 2**20 + 1, 3 * 2**20])
def test_a_fingerprint_is_that_of_the_weights_wherever_they_lie(tmp_path: Path, start: int) -> None:
    weights, copy = tmp_path / "weights", tmp_path / "copy"
    data = bytearray(np.random.default_rng(0).bytes(4 * 2**20))
    weights.write_bytes(data)
    copy.write_bytes(data)
    assert fingerprint([weights]) == fingerprint([copy])
    data[start : start + 2**18] = bytes(2**18)  # a layer
    copy.write_bytes(data)
    assert fingerprint([weights]) != fingerprint([copy])
    copy.write_bytes(data[:-1])
    assert fingerprint([copy]) not in (fingerprint([weights]), fingerprint([weights, copy]))


# The rest of the calls


def test_a_voice_that_cannot_be_loaded_hands_its_text_to_another_engine(
    service: StartService, events: EventLog, copy_voice: CopyVoice
) -> None:
    path = copy_voice("broken")
    path.write_bytes(b"not a model")
    other = ToneEngine(name="other", voice_names=("joe",))
    door = service(load_piper(path), second=other, http_port=0)
    with httpx.Client(base_url=f"http://127.0.0.1:{door.http_port}", timeout=TIMEOUT_S) as client:
        until(lambda: len(client.get("/v1/status").json()["engines"]) == 2)
    with TextHost(door.tcp_port, "1") as host:
        host.say("Hello.")
        assert len(host.read_frame().samples) > 0
    handed_over = events.wait("failover", failed="piper", engine="other")
    assert "broken.onnx cannot be loaded" in str(handed_over["error"])
