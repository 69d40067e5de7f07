"""Every example speaks with the running service."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from telephony.engines.tone import ToneEngine, pitch_hz
from telephony.service import Service
from tests.clients import PROCESSOR_BASE_PORT, ROOT, TIMEOUT_S, dominant_hz, free_port, tone_samples
from tests.conftest import StartService

EXAMPLES = ROOT / "examples"
PROGRAMS = ("openai_speech", "sentences", "session", "synthesize", "telephone_processor")
README = (EXAMPLES / "README.md").read_text(encoding="utf-8")
TEXT = "Hello there."


@pytest.fixture
def door(service: StartService) -> Service:
    return service(ToneEngine(voice_names=("af_sky", "af_aoede")), http_port=0)


def run(door: Service, *command: str) -> str:
    """Runs a client of that service; returns what it printed."""
    environment = {
        **os.environ,
        "KOKORO_HTTP_PORT": str(door.http_port),
        "KOKORO_TCP_PORT": str(door.tcp_port),
        "KOKORO_UDP_PORT": str(door.udp_port),
    }
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout


def assert_said(path: Path, *texts: str) -> None:
    """The file has each text's tone, one behind the other."""
    samples, sample_rate = soundfile.read(path, dtype="float32")
    assert len(samples) == pytest.approx(sum(tone_samples(text, sample_rate) for text in texts), abs=2)
    for text in texts:
        said, samples = samples[: tone_samples(text, sample_rate)], samples[tone_samples(text, sample_rate) :]
        assert dominant_hz(said, sample_rate) == pytest.approx(pitch_hz(text), abs=2.0)
        assert abs(said).max() == pytest.approx(0.5, abs=0.05)


def test_every_example_is_tested_and_explained() -> None:
    names = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    assert names == {*(f"{name}.py" for name in PROGRAMS), "telephone.cpp", "README.md"}
    assert all(f"examples/{name}" in README for name in names - {"README.md"})


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_client_hears_the_text(door: Service, tmp_path: Path, name: str) -> None:
    path = tmp_path / "hello.wav"
    call = [str(free_port() - PROCESSOR_BASE_PORT)] if name == "telephone_processor" else []
    printed = run(door, sys.executable, str(EXAMPLES / f"{name}.py"), TEXT, str(path), *call)
    assert re.match(r"first audio after \d+\.\d{3} s\n", printed)
    assert_said(path, TEXT)


@pytest.mark.parametrize("name", ["session", "sentences"])
def test_sentences_come_one_after_the_other(door: Service, tmp_path: Path, name: str) -> None:
    path = tmp_path / "hello.wav"
    run(door, sys.executable, str(EXAMPLES / f"{name}.py"), f"{TEXT} How are you?", str(path))
    assert_said(path, TEXT, "How are you?")


def test_the_client_in_cpp(door: Service, tmp_path: Path) -> None:
    compiler = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    if compiler is None:
        pytest.skip("no C++ compiler is installed")
    program, path = tmp_path / "telephone", tmp_path / "hello.wav"
    source = EXAMPLES / "telephone.cpp"
    built = [compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", str(source), "-o", str(program)]
    subprocess.run(built, check=True, timeout=3 * TIMEOUT_S)
    assert re.match(r"first audio after \d+\.\d+(e-\d+)? s\n", run(door, str(program), TEXT, str(path)))
    assert_said(path, TEXT)


def test_the_command_with_curl(door: Service, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (command,) = re.findall(r"^```sh\n(.*)\n```$", README, re.MULTILINE)
    path = tmp_path / "hello.wav"
    words = shlex.split(command.replace("127.0.0.1:8000", f"127.0.0.1:{door.http_port}"))
    words[words.index("hello.wav")] = str(path)
    assert re.match(r"first audio after \d+\.\d+ s", run(door, *words))
    assert_said(path, TEXT)
