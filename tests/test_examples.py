"""Every example speaks with the running service."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import soundfile
from packaging.requirements import Requirement

from telephony.engines.tone import ToneEngine, pitch_hz
from telephony.service import Service
from telephony.telemetry.metrics import Metrics
from telephony.voices.host_database import Store
from tests.clients import PROCESSOR_BASE_PORT, ROOT, TIMEOUT_S, EventLog, dominant_hz, free_port, tone_samples
from tests.conftest import StartService
from tests.redis_server import RedisServer

EXAMPLES = ROOT / "examples"
PROGRAMS = ("openai_speech", "sentences", "session", "synthesize", "telephone_processor")
README = (EXAMPLES / "README.md").read_text(encoding="utf-8")
TEXT = "Hello there."


@pytest.fixture
def door(service: StartService) -> Service:
    return service(ToneEngine(voice_names=("af_sky", "af_aoede")), http_port=0)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages that the README's `pip install` brings, and no others."""
    (line,) = re.findall(r"^pip install (.*)$", README, re.MULTILINE)
    wanted, folder = line.split(), tmp_path_factory.mktemp("clean")
    seen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        package = metadata.distribution(name)
        for top in {Path(file.parts[0]) for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(package.locate_file(top))))
        for text in package.requires or ():
            required = Requirement(text)
            if required.marker is None or required.marker.evaluate({"extra": ""}):
                wanted.append(required.name)
    return folder


def run(door: Service, *command: str, packages: Path | None = None) -> str:
    """Runs a client of that service; returns what it printed. With `packages`, Python has these and no others."""
    if packages is not None:
        python, *arguments = command
        command = (python, "-S", *arguments)
    environment = {
        **os.environ,
        **({} if packages is None else {"PYTHONPATH": str(packages)}),
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
    assert names == {*(f"{name}.py" for name in PROGRAMS), "telephone.cpp", "kokoro_database.hpp", "README.md"}
    assert all(f"examples/{name}" in README for name in names - {"README.md"})


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_client_hears_the_text_from_a_clean_environment(
    door: Service, clean: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "hello.wav"
    call = [str(free_port() - PROCESSOR_BASE_PORT)] if name == "telephone_processor" else []
    printed = run(door, sys.executable, str(EXAMPLES / f"{name}.py"), TEXT, str(path), *call, packages=clean)
    assert re.match(r"first audio after \d+\.\d{3} s\n", printed)
    assert_said(path, TEXT)


def test_a_processor_is_connected_by_a_shared_door(
    service: StartService, redis_server: RedisServer, tmp_path: Path
) -> None:
    shared = service(http_port=0, shared_calls=True, redis_url=redis_server.url, redis_secret="only doors know it")
    path, call = tmp_path / "hello.wav", str(free_port() - PROCESSOR_BASE_PORT)
    run(shared, sys.executable, str(EXAMPLES / "telephone_processor.py"), TEXT, str(path), call)
    assert_said(path, TEXT)


@pytest.mark.parametrize("name", ["session", "sentences"])
def test_sentences_come_one_after_the_other(door: Service, tmp_path: Path, name: str) -> None:
    path = tmp_path / "hello.wav"
    run(door, sys.executable, str(EXAMPLES / f"{name}.py"), f"{TEXT} How are you?", str(path))
    assert_said(path, TEXT, "How are you?")


def test_the_client_in_cpp(door: Service, tmp_path: Path) -> None:
    program, path = tmp_path / "telephone", tmp_path / "hello.wav"
    compile_cpp(EXAMPLES / "telephone.cpp", program)
    assert re.match(r"first audio after \d+\.\d+(e-\d+)? s\n", run(door, str(program), TEXT, str(path)))
    assert_said(path, TEXT)


HOST = """
#include "kokoro_database.hpp"
#include <iostream>
#include <map>

int main(int, char** argv) {
    KokoroDatabase database(argv[1]);
    const std::string method = argv[2], value = argv[3];
    if (method == "get") {
        std::cout << database.get_kokoro_service_enabled() << " " << database.get_kokoro_voice() << " "
                  << database.get_kokoro_service_status() << "\\n";
        return 0;
    }
    if (method == "enabled") return !database.set_kokoro_service_enabled(value == "true");
    if (method == "voice") return !database.set_kokoro_voice(value);
    return !database.set_kokoro_service_status(value);
}
"""


@pytest.mark.slow
def test_a_host_in_cpp_switches_the_service(service: StartService, events: EventLog, tmp_path: Path) -> None:
    source, program, database = tmp_path / "host.cpp", tmp_path / "host", tmp_path / "host.db"
    source.write_text(HOST, encoding="utf-8")
    compile_cpp(source, program, "-lsqlite3")

    def host(method: str, value: str = "", path: Path = database) -> str:
        command = [str(program), str(path), method, value]
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True).stdout

    Store(database, Metrics()).initialise()
    assert host("get") == "0 af_sky stopped\n"
    host("enabled", "true")
    door = service(ToneEngine(voice_names=("af_sky", "am_michael")), db=database)
    assert host("get") == "1 af_sky running\n"
    host("voice", "am_michael")
    events.wait("selected", engine="tone", voice="am_michael")
    host("enabled", "false")
    events.wait("selected", engine="piper")
    door.stop()
    assert host("get") == "0 am_michael stopped\n"
    host("status", "error")
    assert host("get") == "0 am_michael error\n"
    with pytest.raises(subprocess.CalledProcessError) as failed:
        host("get", path=tmp_path / "mistyped.db")
    assert "unable to open database file" in failed.value.stderr
    empty = tmp_path / "empty.db"
    empty.touch()
    assert host("get", path=empty) == "1  stopped\n"
    with pytest.raises(subprocess.CalledProcessError):
        host("voice", "af_sky", path=empty)


def compile_cpp(source: Path, program: Path, *libraries: str) -> None:
    """Compiles a program that may include the headers of the examples; skips the test where that is not possible."""
    compiler = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    if compiler is None:
        pytest.skip("no C++ compiler is installed")
    if "-lsqlite3" in libraries:
        found = subprocess.run(
            [compiler, "-E", "-xc++", "-"], input="#include <sqlite3.h>", text=True, capture_output=True, check=False
        )
        if found.returncode:
            pytest.skip("sqlite3.h is not installed (on Debian: apt-get install libsqlite3-dev)")
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{EXAMPLES}"]
    subprocess.run([compiler, *flags, str(source), "-o", str(program), *libraries], check=True, timeout=3 * TIMEOUT_S)


def test_the_command_with_curl(door: Service, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (command,) = re.findall(r"^```sh\n(curl .*)\n```$", README, re.MULTILINE)
    path = tmp_path / "hello.wav"
    words = shlex.split(command.replace("127.0.0.1:8000", f"127.0.0.1:{door.http_port}"))
    words[words.index("hello.wav")] = str(path)
    assert re.match(r"first audio after \d+\.\d+ s", run(door, *words))
    assert_said(path, TEXT)
