"""`telephony.say` against a running service: what is heard, written and printed, and how it fails."""

from __future__ import annotations

import io
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tqdm import tqdm

from telephony.engines.tone import ToneEngine
from telephony.speech import Samples
from telephony.tools import client, say
from telephony.tools.client import AgentClient
from tests.clients import ROOT, TIMEOUT_S, EventLog, Throttle, tone, tone_samples, wait_figure
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


@pytest.fixture
def unused_port() -> Iterator[int]:
    """Nobody listens on it, and nobody else can."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield int(unused.getsockname()[1])


@pytest.mark.parametrize(
    ("arguments", "tried"),
    [
        (["Hello."], "127.0.0.1:PORT (--tcp-port) or 127.0.0.1:PORT (--http-port)"),
        (["Hello.", "--http-port", "0"], "127.0.0.1:PORT (--tcp-port)"),
        (["Hello.", "--speed", "1"], "127.0.0.1:PORT (--http-port)"),
        (["--list-voices"], "127.0.0.1:PORT (--http-port)"),
    ],
)
def test_nobody_listens(
    unused_port: int, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], tried: str
) -> None:
    ports = ["--tcp-port", str(unused_port), "--http-port", str(unused_port)]
    assert say.main([*ports, *arguments]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    where = tried.replace("PORT", str(unused_port))
    assert line == f"error: nothing listens on {where}; run ./start-kokoro.sh or kokoro-telephony"


def test_the_service_is_found_by_its_settings(
    service: StartService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    door = service(http_port=0, api_key="first,second")
    for name, value in {
        "KOKORO_HOST": "0.0.0.0",  # where a service listens that is to be reached from everywhere
        "KOKORO_TCP_PORT": str(door.tcp_port),
        "KOKORO_HTTP_PORT": str(door.http_port),
        "API_KEY": "first,second",
    }.items():
        monkeypatch.setenv(name, value)
    assert say.main(["Hello."]) == 0
    assert say.main(["--list-voices"]) == 0
    assert capsys.readouterr().err == ""


def test_without_the_telephone_it_says_that_the_other_port_answers(
    service: StartService, unused_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    door = service(http_port=0)
    assert say.main(["Hello.", "--tcp-port", str(unused_port), "--http-port", str(door.http_port)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: nothing listens on 127.0.0.1:{unused_port} (--tcp-port), but ")
    assert f"127.0.0.1:{door.http_port} (--http-port) answers" in line


def test_a_service_without_http_lists_no_voices(capsys: pytest.CaptureFixture[str]) -> None:
    assert say.main(["--list-voices", "--http-port", "0"]) == 1
    assert capsys.readouterr().err.startswith("error: the service has no HTTP port: ")


def test_a_host_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert say.main(["Hello.", "--host", "no.such.host.invalid"]) == 1
    assert capsys.readouterr().err.startswith("error: there is no host no.such.host.invalid: ")


@pytest.mark.parametrize("arguments", [[""], [" \n"], ["", "--voice", "af_sky"], ["", "--play"]])
def test_an_empty_text_is_an_error_before_anybody_is_asked(
    capsys: pytest.CaptureFixture[str], arguments: Sequence[str]
) -> None:
    assert say.main(arguments) == 1
    assert capsys.readouterr().err == "error: the text is empty\n"


@pytest.mark.parametrize("text", ["...", "x" * (10 * 1024 * 1024 + 1)])
def test_text_that_cannot_be_said(service: StartService, capsys: pytest.CaptureFixture[str], text: str) -> None:
    door = service()
    assert say.main([text, "--port", str(door.tcp_port)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")


def test_call_id_that_cannot_be(service: StartService, capsys: pytest.CaptureFixture[str]) -> None:
    door = service()
    assert say.main(["Hello.", "--call-id", "", "--port", str(door.tcp_port)]) == 1
    assert capsys.readouterr().err.startswith("error: call id of 0 bytes")


@pytest.mark.parametrize(("name", "why"), [("no-such-directory/hello.wav", "No such file"), (".", "Is a directory")])
def test_output_that_cannot_be_written(
    service: StartService, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, why: str
) -> None:
    door = service()
    assert say.main(["Hello.", "-o", str(tmp_path / name), "--port", str(door.tcp_port)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and why in line and str(tmp_path) in line


def test_port_that_is_no_port(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KOKORO_TCP_PORT", "telephone")
    with pytest.raises(SystemExit) as end:
        say.main(["Hello."])
    assert end.value.code == 2
    assert "telephone" in capsys.readouterr().err


@pytest.fixture
def bin_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where programs are found."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


def install(directory: Path, name: str, script: str) -> None:
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


# `python -m telephony.say`, with Ctrl-C not ignored: where the tests run in the background of a shell, it is, and that
# is inherited.
RUN = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("telephony.say", run_name="__main__", alter_sys=True)
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def from_pcm16(data: bytes) -> Samples:
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_767)


def test_speech_begins_before_the_text_ends(service: StartService) -> None:
    door = service(http_port=0)
    heard = threading.Event()

    def texts() -> Iterator[str]:
        yield "Hello the"
        yield "re. "
        assert heard.wait(TIMEOUT_S), "no speech before the end of the text"
        yield "Bye."

    sounds = []
    for sound in client.converse(AgentClient("127.0.0.1", door.http_port or 0), texts(), voice=None, speed=None):
        sounds.append(sound)
        heard.set()
    samples = np.concatenate([sound.samples for sound in sounds])
    np.testing.assert_allclose(samples, np.concatenate([tone("Hello there."), tone("Bye.")]), atol=1e-4)
    assert {sound.sample_rate for sound in sounds} == {24_000}
    assert 0 < sounds[0].age_s <= sounds[-1].age_s


def test_pipe_is_played_as_it_comes(service: StartService, tmp_path: Path, bin_directory: Path) -> None:
    door = service(http_port=0)
    started, played = tmp_path / "started", tmp_path / "played"
    os.mkfifo(started)
    first = "/usr/bin/head -c 2 > " + str(played)
    install(bin_directory, "aplay", f"{first} && echo yes > {started} && /bin/cat >> {played}")
    signalled = os.open(started, os.O_RDWR)
    try:
        with start("--play", "--http-port", str(door.http_port)) as command:
            assert command.stdin is not None
            command.stdin.write("Hello there. By")
            command.stdin.flush()
            assert select.select([signalled], [], [], TIMEOUT_S)[0], "nothing was played before the text ended"
            out, err = command.communicate("e.", TIMEOUT_S)
    finally:
        os.close(signalled)
    assert (command.returncode, err) == (0, "")
    assert re.match(r"\d\.\d\d s at 24000 Hz in \d+ frame\(s\), first audio after \d\.\d{3} s\n", out)
    heard = from_pcm16(played.read_bytes())
    np.testing.assert_allclose(heard[: tone_samples("Hello there.")], tone("Hello there."), atol=1e-4)
    assert len(heard) >= tone_samples("Hello there.Bye.")


def test_standard_input_in_any_pieces(
    service: StartService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    door = service(http_port=0)
    text = "Où est-il ? " + "x" * 500
    path = tmp_path / "all.wav"
    monkeypatch.setattr(say, "_PIECE", 2)  # characters are cut in two
    with tempfile.TemporaryFile() as standard_input:
        standard_input.write(text.encode())
        standard_input.seek(0)
        monkeypatch.setattr(sys, "stdin", standard_input)
        assert say.main(["-o", str(path), "--http-port", str(door.http_port)]) == 0
    heard, _ = soundfile.read(path, dtype="float32")
    first = tone("Où est-il ?")
    np.testing.assert_allclose(heard[: len(first)], first, atol=1e-4)
    assert len(heard) == pytest.approx(tone_samples(text), rel=0.01)
    assert "real-time factor" not in capsys.readouterr().out


def test_text_that_cannot_be_read_to_its_end(service: StartService) -> None:
    door = service(http_port=0)

    def texts() -> Iterator[str]:
        yield "Hello there."
        raise IsADirectoryError("no text")

    heard = 0
    with pytest.raises(IsADirectoryError, match="no text"):
        for sound in client.converse(AgentClient("127.0.0.1", door.http_port or 0), texts(), voice=None, speed=None):
            heard += len(sound.samples)
    assert heard == tone_samples("Hello there.")


def test_voice_and_speed(service: StartService, tmp_path: Path, events: EventLog) -> None:
    door = service(http_port=0)
    path = tmp_path / "fast.wav"
    arguments = ["Hello there.", "--voice", "am_michael", "--speed", "2", "-o", str(path)]
    assert say.main([*arguments, "--http-port", str(door.http_port)]) == 0
    assert soundfile.info(path).frames == pytest.approx(tone_samples("Hello there.") / 2, abs=1)
    assert events.wait("session_started")["voice"] == "am_michael"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["Hello.", "--voice", "nobody"], "unknown voice 'nobody'"),
        (["Hello.", "--voice", "nobody"], "; --list-voices prints them"),
        (["Hello.", "--speed", "9"], "config.speed"),
        (["...", "--voice", "af_sky"], "no audio"),
    ],
)
def test_what_a_session_refuses(
    service: StartService, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], problem: str
) -> None:
    door = service(http_port=0)
    assert say.main([*arguments, "--http-port", str(door.http_port)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert problem in line


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Привет.", "none of its voices reads Cyrillic: --piper-voices brings voices that do"),
        ("您好。", "none of its voices reads Chinese: pip install -r requirements-ja-zh.txt"),
        ("...", "nothing in the text can be spoken"),
    ],
)
def test_letters_that_nobody_reads_are_named(
    service: StartService, capsys: pytest.CaptureFixture[str], text: str, why: str
) -> None:
    door = service(http_port=0)
    ports = ["--port", str(door.tcp_port), "--udp-port", str(door.udp_port)]
    assert say.main([text, *ports, "--http-port", str(door.http_port)]) == 1
    assert why in capsys.readouterr().err
    assert say.main([text, *ports, "--http-port", "0"]) == 1
    assert ("name one that does with --voice" in capsys.readouterr().err) == (text != "...")


def test_voices_are_listed(service: StartService, capsys: pytest.CaptureFixture[str]) -> None:
    door = service(http_port=0)
    assert say.main(["--list-voices", "--http-port", str(door.http_port)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["tone", "af_sky", "am_michael", "joe"]
    assert lines[2].split() == ["am_michael", "en-US", "tone", "ash", "male"]


@pytest.mark.parametrize("arguments", [["--list-voices"], ["Hello.", "--speed", "1"]])
def test_key(
    service: StartService,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: Sequence[str],
) -> None:
    door = service(http_port=0, api_key="first,second")
    port = ["--http-port", str(door.http_port)]
    monkeypatch.delenv("API_KEY", raising=False)
    assert say.main([*arguments, *port]) == 1
    assert capsys.readouterr().err == "error: a valid API key is needed: give it by --api-key or API_KEY\n"
    assert say.main([*arguments, *port, "--api-key", "second"]) == 0
    monkeypatch.setenv("API_KEY", "first,second")
    assert say.main([*arguments, *port]) == 0


@pytest.mark.parametrize("arguments", [["--list-voices"], ["Hello.", "--voice", "af_sky"]])
def test_another_service(service: StartService, capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> None:
    port = service().tcp_port
    assert say.main([*arguments, "--http-port", str(port)]) == 1
    assert capsys.readouterr().err.startswith(f"error: what answers on 127.0.0.1:{port} is not this service: ")


def test_another_service_on_the_port_of_the_telephone(
    service: StartService, capsys: pytest.CaptureFixture[str]
) -> None:
    port = service(http_port=0).http_port
    assert say.main(["Hello.", "--tcp-port", str(port)]) == 1
    assert capsys.readouterr().err.startswith(f"error: what answers on 127.0.0.1:{port} is not this service: ")


def test_no_player(bin_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert say.main(["Hello.", "--play"]) == 1
    assert capsys.readouterr().err.startswith("error: no player is installed: install ffmpeg")


def test_player_that_fails(service: StartService, bin_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    door = service(http_port=0)
    install(bin_directory, "play", "echo 'no such card' >&2; exit 3")
    assert say.main(["Hello. " * 1000, "--play", "--http-port", str(door.http_port)]) == 1
    assert capsys.readouterr().err == "error: play failed with status 3 (no such card); -o writes a file instead\n"


def test_player_that_fails_with_status_0(
    service: StartService, bin_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    door = service(http_port=0)
    install(bin_directory, "ffplay", "echo 'No more combinations to try, audio open failed' >&2")
    assert say.main(["Hello.", "--play", "--http-port", str(door.http_port)]) == 1
    assert capsys.readouterr().err == "error: ffplay could not open the sound device; -o writes a file instead\n"


@pytest.mark.parametrize(
    ("arguments", "ended"),
    [((), {"event": "call_ended", "known": True}), (("--voice", "tone"), {"event": "session_ended"})],
)
def test_ctrl_c_ends_the_speech_in_the_service_too(
    service: StartService, events: EventLog, arguments: Sequence[str], ended: dict[str, object]
) -> None:
    throttle = Throttle(1)
    door = service(ToneEngine(on_render=throttle), http_port=0)
    ports = ["--port", str(door.tcp_port), "--udp-port", str(door.udp_port), "--http-port", str(door.http_port)]
    with start("A sentence of fifty windows." * 7, *arguments, *ports) as command:
        throttle.wait_asked(2)
        command.send_signal(signal.SIGINT)
        out, err = command.communicate(timeout=TIMEOUT_S)
    assert (command.returncode, out, err) == (130, "", "")
    events.wait(**ended)  # type: ignore[arg-type]
    throttle.open()
    wait_figure(door, "tts_queue_depth", lambda depth: depth == 0)
    assert len(throttle.asked) <= 3


def test_progress_on_a_terminal(service: StartService, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    door = service(http_port=0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(say, "_PROGRESS_AFTER_S", 0.0)
    monkeypatch.setattr(tqdm, "monitor_interval", 0)  # its thread would stay
    assert say.main(["Hello there. " * 10, "--speed", "1", "--http-port", str(door.http_port)]) == 0
    assert "s of speech in 00:00" in terminal.getvalue()
