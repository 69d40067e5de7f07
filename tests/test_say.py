"""`telephony.say` against a running service: the WAV and the figures, and how it fails."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from telephony import say
from tests.clients import ROOT, tone, tone_samples
from tests.conftest import StartService


def test_wav_has_the_speech(service: StartService, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    door = service()
    path = tmp_path / "hello.wav"
    assert say.main(["Hello there.", "-o", str(path), "--port", str(door.tcp_port)]) == 0
    samples, sample_rate = soundfile.read(path, dtype="float32")
    assert sample_rate == 24_000
    np.testing.assert_allclose(samples, tone("Hello there."), atol=1e-4)
    assert str(path) in capsys.readouterr().out


def test_figures_without_output(service: StartService, capsys: pytest.CaptureFixture[str]) -> None:
    door = service(stream=True)
    assert say.main(["Hello there.", "--port", str(door.tcp_port)]) == 0
    out = capsys.readouterr().out
    assert re.match(
        r"0\.60 s at 24000 Hz in 4 frame\(s\), first audio after \d\.\d{3} s, real-time factor \d+\.\d{3}", out
    )


def test_module_runs_as_a_command(service: StartService, tmp_path: Path) -> None:
    door = service()
    path = tmp_path / "hello.wav"
    result = subprocess.run(
        [sys.executable, "-m", "telephony.say", "Hello there.", "-o", str(path)],
        cwd=ROOT,
        env={**os.environ, "KOKORO_TCP_PORT": str(door.tcp_port)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert soundfile.info(path).frames == tone_samples("Hello there.")


def test_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert say.main(["Hello.", "--port", str(port)]) == 1
    assert capsys.readouterr().err == f"error: nothing listens on 127.0.0.1:{port}; run ./start-kokoro.sh\n"


@pytest.mark.parametrize("text", ["...", "", "x" * (10 * 1024 * 1024 + 1)])
def test_text_that_cannot_be_said(service: StartService, capsys: pytest.CaptureFixture[str], text: str) -> None:
    door = service()
    assert say.main([text, "--port", str(door.tcp_port)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")


def test_call_id_that_cannot_be(service: StartService, capsys: pytest.CaptureFixture[str]) -> None:
    door = service()
    assert say.main(["Hello.", "--call-id", "", "--port", str(door.tcp_port)]) == 1
    assert capsys.readouterr().err.startswith("error: call id of 0 bytes")


@pytest.mark.parametrize("name", ["no-such-directory/hello.wav", "."])
def test_output_that_cannot_be_written(
    service: StartService, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    door = service()
    assert say.main(["Hello.", "-o", str(tmp_path / name), "--port", str(door.tcp_port)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")


def test_port_that_is_no_port(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KOKORO_TCP_PORT", "telephone")
    with pytest.raises(SystemExit) as end:
        say.main(["Hello."])
    assert end.value.code == 2
    assert "telephone" in capsys.readouterr().err
