"""What the HTTP doors send, as it is heard by the programs that people open it with: those that are installed."""

from __future__ import annotations

import base64
import functools
import io
import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from telephony.endpoints import streaming
from telephony.service import Service
from tests.clients import TIMEOUT_S, figure, tone_samples
from tests.conftest import StartService

TEXT = "One two three four five six seven."
SECONDS = tone_samples(TEXT) / 24_000
# What a codec may add at the ends, in seconds.
SURPLUS_S = {"mp3": 0.2, "aac": 0.3}
FORMATS = ("wav", "flac", "mp3", "opus", "aac")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def speech(door: Service, format_name: str, **fields: Any) -> httpx.Response:
    said = {"text": TEXT, "format": format_name, **fields}
    return httpx.post(f"http://127.0.0.1:{door.http_port}/synthesize", json=said, timeout=TIMEOUT_S)


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed (on Debian: apt-get install {program})")
    return subprocess.run((program, *arguments), capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def fits(seconds: float, format_name: str) -> bool:
    return -0.01 <= seconds - SECONDS <= SURPLUS_S.get(format_name, 0.03)


Send = Callable[[str, bool | None], Path]


def each_way(formats: Sequence[str]) -> pytest.MarkDecorator:
    """A file as it comes by default (None), streamed, and as a whole; but a FLAC that is streamed cannot be opened."""
    ways = itertools.product(formats, (None, True, False))
    return pytest.mark.parametrize(
        ("format_name", "stream"), [(name, stream) for name, stream in ways if not (name == "flac" and stream)]
    )


@pytest.fixture
def sent(service: StartService, tmp_path: Path) -> Send:
    """A file with what the door sends in a format, in one of these ways."""
    door = service(http_port=0)

    def save(format_name: str, stream: bool | None) -> Path:
        file = tmp_path / f"speech.{format_name}"
        answer = speech(door, format_name, **({} if stream is None else {"stream": stream}))
        assert answer.status_code == 200
        file.write_bytes(answer.content)
        return file

    return save


@each_way(["wav", "flac", "mp3", "opus"])
def test_soundfile_reads_it(sent: Send, format_name: str, stream: bool | None) -> None:
    samples, rate = soundfile.read(sent(format_name, stream), dtype="float32")
    assert fits(len(samples) / rate, format_name)
    assert np.abs(samples).max() > 0.4


@each_way(["wav", "flac"])
def test_sox_reads_it_without_a_warning(sent: Send, format_name: str, stream: bool | None) -> None:
    file = sent(format_name, stream)
    read = run("sox", str(file), "-n", "stat")
    assert (read.returncode, "WARN" in read.stderr) == (0, False), read.stderr
    (length,) = [line.split()[-1] for line in read.stderr.splitlines() if line.startswith("Length (seconds)")]
    assert fits(float(length), format_name)
    told = run("sox", "--i", "-D", str(file)).stdout.strip()
    assert float(told) == pytest.approx(SECONDS, abs=0.01) or float(told) == 0  # 0: SoX says so where it is unknown


@pytest.mark.slow
@each_way(FORMATS)
def test_ffmpeg_reads_it(sent: Send, format_name: str, stream: bool | None) -> None:
    decoded = sent(format_name, stream).with_suffix(".f32")
    made = run("ffmpeg", "-v", "error", "-i", str(decoded.with_suffix(f".{format_name}")), "-f", "f32le", str(decoded))
    assert (made.returncode, made.stderr) == (0, ""), made.stderr
    rate = 48_000 if format_name == "opus" else 24_000
    assert fits(decoded.stat().st_size / 4 / rate, format_name)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window; for the whole module, since it would be a leak of each test."""
    playwright = pytest.importorskip("playwright.sync_api", reason="package playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (on Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        arguments = "--no-sandbox --disable-gpu --mute-audio --autoplay-policy=no-user-gesture-required".split()
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


PLAY = """async ([type, data]) => {
    const audio = new Audio(`data:${type};base64,${data}`);
    audio.playbackRate = 4;
    await new Promise((played, failed) => {
        audio.onended = played;
        audio.onerror = () => failed(audio.error.message);
        audio.play().catch(failed);
    });
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const decoded = await new OfflineAudioContext(1, 1, 24000).decodeAudioData(bytes.buffer);
    return [audio.currentTime, decoded.duration];
}"""


# Debian's builds of Chromium know all of these, others not always AAC.
@pytest.mark.slow
@each_way(["wav", "flac", "mp3", "opus"])
def test_chromium_plays_it_to_its_end(browser: Any, sent: Send, format_name: str, stream: bool | None) -> None:
    media_type = {"mp3": "audio/mpeg", "opus": "audio/ogg"}.get(format_name, f"audio/{format_name}")
    page = browser.new_page()
    try:
        data = base64.b64encode(sent(format_name, stream).read_bytes()).decode()
        played_s, decoded_s = page.evaluate(PLAY, [media_type, data])
    finally:
        page.close()
    assert fits(decoded_s, format_name)
    assert played_s == pytest.approx(decoded_s, abs=0.1)


@pytest.mark.parametrize("format_name", [*FORMATS, "pcm", "f32", "mulaw", "alaw"])
def test_an_answer_as_a_whole_has_its_length_and_the_same_sound(service: StartService, format_name: str) -> None:
    door = service(http_port=0)
    whole, streamed = speech(door, format_name, stream=False), speech(door, format_name, stream=True)
    assert int(whole.headers["Content-Length"]) == len(whole.content)
    assert "Content-Length" not in streamed.headers
    if format_name != "opus":  # an Ogg stream has a number of its own
        assert whole.content[44:] == streamed.content[44:]
    if format_name == "wav":
        sizes = [int.from_bytes(whole.content[at : at + 4], "little") for at in (4, 40)]
        assert sizes == [len(whole.content) - 8, len(whole.content) - 44]
    if format_name == "flac":
        assert soundfile.info(io.BytesIO(whole.content)).frames == tone_samples(TEXT)


def test_the_openai_door_has_both_too(service: StartService) -> None:
    door = service(http_port=0)
    ask = functools.partial(httpx.post, f"http://127.0.0.1:{door.http_port}/v1/audio/speech", timeout=TIMEOUT_S)
    said = {"model": "kokoro", "input": TEXT, "voice": "af_sky"}
    whole = ask(json={**said, "response_format": "wav", "stream": False})
    assert int(whole.headers["Content-Length"]) == len(whole.content) == 44 + 2 * tone_samples(TEXT)
    assert "Content-Length" in ask(json={**said, "response_format": "flac"}).headers
    assert "Content-Length" not in ask(json={**said, "response_format": "mp3"}).headers
    refused = ask(json={**said, "stream": False, "stream_format": "sse"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "stream")


def test_an_answer_as_a_whole_is_bounded(service: StartService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "MAX_WHOLE_BYTES", 10_000)
    door = service(http_port=0)
    refused = speech(door, "wav", stream=False)
    assert refused.status_code == 413
    assert "streamed" in refused.json()["detail"]
    assert figure(door, "tts_requests_refused_total", why="size") == 1
    assert figure(door, "tts_active_sessions", door="gateway") == 0
    long = speech(door, "flac")  # nobody has asked for its length
    assert long.status_code == 200
    assert "Content-Length" not in long.headers
    assert len(long.content) > 10_000
    url, said = (
        f"http://127.0.0.1:{door.http_port}/v1/audio/speech",
        {"model": "kokoro", "input": TEXT, "voice": "af_sky"},
    )
    answer = httpx.post(url, json={**said, "response_format": "wav", "stream": False}, timeout=TIMEOUT_S)
    assert (answer.status_code, answer.json()["error"]["param"]) == (413, "stream")
