"""Supertonic: the package's real code for loading and speaking, on a model that sounds like a sine."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import huggingface_hub
import numpy as np
import pytest
from structlog.testing import capture_logs

from telephony.audio.samples import Resampler
from telephony.engines import catalog
from telephony.engines.base import Engine, SynthesisError, UnknownVoiceError, UnspeakableError, Utterance
from telephony.engines.catalog import EngineUnavailableError, load_supertonic, warm_up
from telephony.engines.supertonic import SupertonicEngine, SupertonicUtterance
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.settings import Settings
from telephony.speech import Samples
from telephony.voices import SUPERTONIC_VOICES, ResolvedVoice, VoiceRequest, choose
from telephony.voices.selector import Loaders
from tests import supertonic_model
from tests.clients import TIMEOUT_S, ForeignEngine, TextHost, dominant_hz
from tests.conftest import StartService
from tests.supertonic_model import BLOCK_SAMPLES, CYCLES, LOUDNESS, SAMPLE_RATE, duration_s
from tests.test_layers import ROOT

PITCH_HZ = SAMPLE_RATE * CYCLES / BLOCK_SAMPLES
TAIL_S = 0.06


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("supertonic") / "model"
    supertonic_model.write(directory)
    return directory


@pytest.fixture(scope="module")
def engine(weights: Path) -> Engine:
    return load_supertonic(Settings(supertonic_dir=weights, supertonic_steps=10))


def speak(engine: Engine, text: str, voice: str = "F1", speed: float = 1.0, *, exact: bool = True) -> list[Samples]:
    """All windows of a text."""
    utterance = engine.prepare(text, voice, speed, exact)
    windows = []
    while not utterance.finished:
        windows += engine.render([utterance])
    return windows


def chunks(utterance: Utterance) -> list[str]:
    assert isinstance(utterance, SupertonicUtterance)
    return list(utterance.chunks)


# What is there


def test_ten_speakers_have_a_voice_in_each_of_five_languages(engine: Engine) -> None:
    voices = engine.voices()
    assert {voice.speaker for voice in voices} == SUPERTONIC_VOICES
    assert [(voice.name, voice.language) for voice in voices if voice.speaker == "M2"] == [
        ("M2", "en"),
        ("M2-ko", "ko"),
        ("M2-es", "es"),
        ("M2-pt", "pt"),
        ("M2-fr", "fr"),
    ]
    assert (engine.name, engine.sample_rate, voices[0].name) == ("supertonic", 44_100, "F1")


def test_its_model_is_loaded_once_when_it_is_first_needed(weights: Path) -> None:
    engine = load_supertonic(Settings(supertonic_dir=weights))
    devices = [engine.device]
    with capture_logs() as logs:
        for _ in range(2):
            speak(engine, "La la la.")
        warm_up(engine)
    assert [*devices, engine.device] == ["not loaded", "cpu"]
    (loaded,) = [entry for entry in logs if entry["event"] == "supertonic_loaded"]
    assert loaded["device"] == "cpu"
    assert loaded["took_s"] >= 0


def test_it_is_there_without_its_packages_being_imported(weights: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from telephony.engines.supertonic import SupertonicEngine;"
        "engine = SupertonicEngine(Path(sys.argv[1]), 5);"
        "print(len(engine.voices()), engine.device, *{name.split('.')[0] for name in sys.modules})"
    )
    command = [sys.executable, "-c", program, str(weights)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.startswith("50 not loaded ")
    assert {"supertonic", "onnxruntime", "huggingface_hub"}.isdisjoint(told.split())


def test_a_package_that_is_missing_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineUnavailableError, match="package supertonic is missing"):
        load_supertonic(Settings(supertonic_dir=weights))


@pytest.mark.parametrize(
    ("wanted", "voice"),
    [
        (VoiceRequest("F3"), "F3"),
        (VoiceRequest("F3-fr"), "F3-fr"),
        (VoiceRequest("F3", "p"), "F3-pt"),
        (VoiceRequest("M1", "pt-BR"), "M1-pt"),
        (VoiceRequest("M1", "ko"), "M1-ko"),
        (VoiceRequest(language="ko"), "F1-ko"),
        (VoiceRequest(engine="supertonic"), "F1"),
        (VoiceRequest("male", engine="supertonic"), "M1"),
        (VoiceRequest(language="es", engine="supertonic"), "F1-es"),
    ],
    ids=str,
)
def test_a_client_finds_it_by_speaker_language_and_engine(engine: Engine, wanted: VoiceRequest, voice: str) -> None:
    main = ToneEngine(name="kokoro")
    found = choose(wanted, ResolvedVoice(main, "af_sky", 1.5), [main, engine])
    assert found == ResolvedVoice(engine, voice, 1.5)


@pytest.mark.parametrize(("wanted", "spoken"), [(0.5, 0.7 / 1.05), (1.0, 1.0), (2.0, 2.0 / 1.05)])
def test_a_rate_that_it_cannot_do_is_the_nearest_that_it_can(engine: Engine, wanted: float, spoken: float) -> None:
    chosen = choose(VoiceRequest("F1", speed=wanted), ResolvedVoice(engine, "F1", 1.0), [engine])
    assert chosen.speed == pytest.approx(spoken)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (VoiceRequest("F1", "de"), "voice F1 does not speak 'de'"),
        (VoiceRequest("F6"), "unknown voice 'F6'"),
        (VoiceRequest("af_sky", engine="supertonic"), "unknown voice 'af_sky'"),
        (VoiceRequest(engine="espeak"), "unknown engine 'espeak', known are kokoro, supertonic, piper"),
    ],
    ids=str,
)
def test_what_it_does_not_have_is_refused(engine: Engine, wanted: VoiceRequest, why: str) -> None:
    main = ToneEngine(name="kokoro")
    with pytest.raises(UnknownVoiceError, match=why):
        choose(wanted, ResolvedVoice(main, "af_sky", 1.0), [main, engine])


def test_its_revision_is_that_of_the_weights_and_the_steps(weights: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(weights, copy)

    def revision(steps: int) -> str:
        return SupertonicEngine(copy, steps).revision("F1")

    before = revision(2)
    assert before == SupertonicEngine(weights, 2).revision("F1") != revision(3)
    style = copy / "voice_styles" / "F1.json"
    style.write_text(style.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert revision(2) != before


# What is heard


@pytest.mark.parametrize("voice", ["F1", "F5-ko", "M1-es", "M3-pt", "M5-fr"])
def test_text_language_and_voice_reach_the_model(engine: Engine, voice: str) -> None:
    (samples,) = speak(engine, "La la la.", voice)
    language = voice[3:] or "en"
    assert len(samples) == round(duration_s("La la la.", language) * SAMPLE_RATE)
    assert samples.dtype == np.float32
    assert samples.max() == pytest.approx(LOUDNESS[voice[:2]], rel=1e-3)
    assert dominant_hz(samples, SAMPLE_RATE) == pytest.approx(PITCH_HZ, abs=1)


@pytest.mark.parametrize("steps", [1, 5])
def test_the_model_makes_as_many_steps_as_are_set(weights: Path, steps: int) -> None:
    (samples,) = speak(load_supertonic(Settings(supertonic_dir=weights, supertonic_steps=steps)), "La la la.")
    assert samples.max() == pytest.approx(LOUDNESS["F1"] * steps / 10, rel=1e-3)


def test_speed_changes_the_length_within_what_the_model_can(engine: Engine) -> None:
    lengths = {speed: len(speak(engine, "La la la.", speed=speed)[0]) for speed in (0.5, 1.0, 1.5, 2.0)}
    for speed, heard in ((0.5, 0.7 / 1.05), (1.0, 1.0), (1.5, 1.5), (2.0, 2.0 / 1.05)):
        assert lengths[speed] == pytest.approx(duration_s("La la la.", "en", heard) * SAMPLE_RATE, abs=1)


def test_silence_is_trimmed_and_a_pause_follows_unless_exact(engine: Engine) -> None:
    (exact,) = speak(engine, "La la la.")
    (heard,) = speak(engine, "La la la.", exact=False)
    pause = round(0.3 * SAMPLE_RATE)
    assert len(heard) == pytest.approx(len(exact) + pause, abs=0.02 * SAMPLE_RATE)
    assert not heard[-round((0.3 - TAIL_S) * SAMPLE_RATE) :].any()


@pytest.mark.parametrize(
    ("voice", "text", "said"),
    [
        ("F1", "I have 3 dogs.", "I have three dogs."),
        ("F1-pt", "Tenho 3 cães.", "Tenho três cães."),
        ("F1-es", "Son las 3.", "Son las tres."),
        ("F1-fr", "Il y en a 3.", "Il y en a trois."),
        ("F1-ko", "3 la.", "3 la."),  # no rules
        ("F1", "[Kokoro](/kˈOkəɹO/) says hi.", "Kokoro says hi."),
        ("F1", "Tea 茶 now.", "Tea   now."),
    ],
)
def test_it_says_what_a_call_should_hear(engine: Engine, voice: str, text: str, said: str) -> None:
    assert chunks(engine.prepare(text, voice, 1.0, exact=False)) == [said]


@pytest.mark.parametrize("text", ["茶", "???", "..."])
def test_a_text_of_which_nothing_can_be_said_is_the_texts_fault(engine: Engine, text: str) -> None:
    with pytest.raises(UnspeakableError):
        engine.prepare(text, "F1", 1.0, exact=False)


@pytest.mark.parametrize(("voice", "limit"), [("F1", 300), ("F1-ko", 120)])
def test_a_long_text_comes_in_windows_of_sentences(engine: Engine, voice: str, limit: int) -> None:
    sentence = "La la la la la la la la la."
    text = " ".join([sentence] * 30)
    parts = chunks(engine.prepare(text, voice, 1.0, exact=False))
    assert " ".join(parts) == text
    assert all(limit - len(sentence) <= len(part) <= limit for part in parts[:-1])
    assert len(speak(engine, text, voice)) == len(parts)


def test_another_engines_voice_or_utterance_is_an_error(engine: Engine) -> None:
    with pytest.raises(UnknownVoiceError, match="unknown Supertonic voice 'af_sky'"):
        engine.prepare("Hello.", "af_sky", 1.0, exact=False)
    other = ToneEngine()
    with pytest.raises(SynthesisError, match="another engine's"):
        engine.render([other.prepare("Hello.", "tone", 1.0, exact=False)])


# At the doors


def test_it_speaks_on_the_telephone_at_its_own_rate(service: StartService, engine: Engine) -> None:
    door = service(engine, voice="M1")
    with TextHost(door.tcp_port, "1") as host:
        host.say("La la la.")
        frame = host.read_frame()
    assert frame.sample_rate == 44_100
    assert frame.samples.max() == pytest.approx(LOUDNESS["M1"], rel=1e-3)


def test_the_doors_resample_it_and_name_it(service: StartService, engine: Engine) -> None:
    door = service(engine, voice="F1", http_port=0)
    with httpx.Client(base_url=f"http://127.0.0.1:{door.http_port}", timeout=TIMEOUT_S) as client:
        wanted = {"text": "La la la.", "voice": "F2", "language": "p", "sample_rate": 8000}
        answer = client.post("/synthesize", json=wanted)
        assert (answer.headers["X-Engine"], answer.headers["X-Voice"]) == ("supertonic", "F2-pt")
        (own,) = speak(engine, "La la la.", "F2-pt", exact=False)
        resampler = Resampler(8000)
        expected = np.concatenate([resampler.push(own, SAMPLE_RATE), resampler.finish()])
        heard = np.frombuffer(answer.content, "<f4")
        assert len(heard) == pytest.approx(len(expected), abs=2)
        assert heard.max() == pytest.approx(expected.max(), rel=0.01)
        body = {"model": "supertonic-2", "input": "La la la.", "voice": "onyx", "response_format": "pcm"}
        spoken = np.frombuffer(client.post("/v1/audio/speech", json=body).content, "<i2") / 32_767
        assert spoken.max() == pytest.approx(LOUDNESS["M1"], rel=0.02)
        voices = client.get("/v1/voices").json()["data"]
    (listed,) = [voice for voice in voices if voice["name"] == "F1"]
    assert (listed["language"], listed["engine"], listed["aliases"]) == ("en", "supertonic", ["female"])


# Where it is not to be had


def loaders(load: Callable[[], Engine]) -> Loaders:
    other = ForeignEngine(name="piper", voice_names=("joe",))
    return Loaders(ToneEngine, lambda path: other, load)


@pytest.mark.parametrize(
    "wanted", [{"voice": "F1"}, {"engine": "supertonic"}, {"voice": "M5", "language": "pt"}], ids=str
)
def test_without_weights_one_line_says_so_and_everything_else_speaks(tmp_path: Path, wanted: dict[str, str]) -> None:
    settings = Settings(tcp_port=0, udp_port=0, http_port=0, request_log=None, cache_dir=tmp_path)
    with capture_logs() as logs:
        door = Service(settings, loaders(lambda: load_supertonic(settings)))
        door.start()
        try:
            base_url = f"http://127.0.0.1:{door.http_port}"
            with httpx.Client(base_url=base_url, timeout=TIMEOUT_S) as client:
                assert client.post("/synthesize", json={"text": "Hello."}).headers["X-Engine"] == "tone"
                for _ in range(1000):
                    refused = client.post("/synthesize", json={"text": "Hello.", **wanted})
                    if "it is being loaded" not in refused.text:
                        break
        finally:
            door.stop()
    assert refused.status_code == 503
    assert refused.json()["code"] == "voice_unavailable"
    assert "Supertonic is not loaded: no Supertonic weights in" in refused.json()["detail"]
    said = [entry for entry in logs if "upertonic" in str(entry) and entry["event"] != "refused"]
    assert [(entry["event"], entry["log_level"]) for entry in said] == [("supertonic_unavailable", "info")]
    assert "\n" not in said[0]["error"]


def test_beside_the_main_engine_it_is_found_by_its_speakers(weights: Path) -> None:
    settings = Settings(tcp_port=0, udp_port=0, http_port=0, request_log=None, supertonic_dir=weights)
    door = Service(settings, loaders(lambda: load_supertonic(settings)))
    door.start()
    try:
        for _ in range(1000):
            answer = httpx.post(f"http://127.0.0.1:{door.http_port}/synthesize", json={"text": "La.", "voice": "M2"})
            if answer.status_code == 200:
                break
    finally:
        door.stop()
    assert (answer.headers["X-Engine"], answer.headers["X-Sample-Rate"]) == ("supertonic", "44100")


@pytest.mark.parametrize("kind", ["missing", "incomplete", "no voices", "a broken voice", "no config", "not onnx"])
def test_unusable_weights_are_a_clear_error(weights: Path, tmp_path: Path, kind: str) -> None:
    directory = tmp_path / "model"
    if kind != "missing":
        shutil.copytree(weights, directory)
    if kind == "incomplete":
        (directory / "onnx" / "vocoder.onnx").unlink()
    elif kind == "no voices":
        shutil.rmtree(directory / "voice_styles")
    elif kind == "a broken voice":
        (directory / "voice_styles" / "F1.json").write_text('{"style_ttl": {"dims": [1], "data": [1.0]}}')
    elif kind == "not onnx":
        (directory / "onnx" / "vocoder.onnx").write_bytes(b"not a model")
    elif kind == "no config":
        (directory / "onnx" / "tts.json").unlink()
    if kind == "not onnx":  # which is known once it is loaded
        engine = load_supertonic(Settings(supertonic_dir=directory))
        with pytest.raises(SynthesisError, match="model"):
            engine.prepare("La.", "F1", 1.0, exact=False)
    with pytest.raises(EngineUnavailableError, match="model") as caught:
        warm_up(load_supertonic(Settings(supertonic_dir=directory)))
    assert "\n" not in str(caught.value)


class Hub:
    """The model hub: its client's two functions that the way to the weights goes through."""

    def __init__(self, weights: Path | None) -> None:
        self.weights = weights
        self.asked: list[dict[str, Any]] = []

    def model_info(self, repo: str, **wanted: Any) -> None:
        if self.weights is None:
            raise ConnectionError("Name or service not known\nRetry later")

    def snapshot_download(self, **wanted: Any) -> None:
        self.asked.append(wanted)
        assert self.weights is not None
        shutil.copytree(self.weights, wanted["local_dir"])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, weights: Path) -> Hub:
    hub = Hub(weights)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", hub.model_info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
    return hub


@pytest.mark.parametrize("asking", [{"supertonic": "fetch"}, {"engine": "supertonic"}], ids=str)
def test_weights_are_fetched_once_where_that_is_asked_for(hub: Hub, tmp_path: Path, asking: dict[str, str]) -> None:
    settings = dataclasses.replace(Settings(cache_dir=tmp_path / "cache"), **asking)  # type: ignore[arg-type]
    for _ in range(2):
        assert len(load_supertonic(settings).voices()) == 50
    (wanted,) = hub.asked
    assert wanted["repo_id"] == "Supertone/supertonic-2"
    assert len(wanted["revision"]) == 40
    with pytest.raises(EngineUnavailableError, match="no Supertonic weights"):
        load_supertonic(dataclasses.replace(settings, supertonic_dir=tmp_path / "elsewhere"))
    assert len(hub.asked) == 1, "what the operator named is never written to"


def test_a_hub_that_cannot_be_reached_leaves_the_word_to_kokoro(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KokoroIsNextError(Exception):
        pass

    def prepare_weights(*_: object) -> None:
        raise KokoroIsNextError

    hub.weights = None
    monkeypatch.setattr("telephony.engines.kokoro.weights_process.prepare_weights", prepare_weights)
    with capture_logs() as logs, pytest.raises(KokoroIsNextError):
        catalog.load_main(Settings(engine="supertonic", cache_dir=tmp_path))
    (config_error,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert config_error["engine"] == "supertonic"
    assert config_error["error"].endswith("cannot be had from the model hub: Name or service not known Retry later")
    assert config_error["effect"] == "Kokoro speaks"


def test_cuda_is_asked_for_where_it_may_be_used(weights: Path) -> None:
    from supertonic.config import DEFAULT_ONNX_PROVIDERS

    for use_cuda, wanted in (
        (True, ["CUDAExecutionProvider", "CPUExecutionProvider"]),
        (False, ["CPUExecutionProvider"]),
    ):
        engine = SupertonicEngine(weights, 1, use_cuda=use_cuda)
        engine.load()
        assert engine.device in ("cpu", "cuda" if use_cuda else "cpu")
        assert wanted == DEFAULT_ONNX_PROVIDERS
