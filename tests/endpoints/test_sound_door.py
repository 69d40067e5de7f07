"""Addresses that are sounds, and the programs that play them."""

from __future__ import annotations

import io
import shutil
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import soundfile

from telephony.audio.samples import to_pcm16
from telephony.engines.tone import ToneEngine
from telephony.protocols.sound_url import UrlSigner
from telephony.service import Service
from telephony.tools import sound_url
from tests.agents import KEY
from tests.browser import Open
from tests.clients import tone
from tests.conftest import StartService
from tests.decoders import duration_s

TEXT = "A sentence of some length."
TEXT_S = 1.3
KEYS = f"{KEY},an older key"


def base(door: Service) -> str:
    return f"http://127.0.0.1:{door.http_port}"


def get(door: Service, address: str, **headers: str) -> httpx.Response:
    return httpx.get(
        f"{base(door)}/{address}", headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def unsigned(name: str = "say.wav", **parameters: str) -> str:
    return UrlSigner("").sign(name, {"text": TEXT, **parameters})


@pytest.mark.parametrize(
    ("name", "rate", "content_type", "format_name"),
    [
        ("say.wav", "", "audio/wav", "wav"),
        ("say.wav", "8000", "audio/wav", "wav"),
        ("say.mp3", "", "audio/mpeg", "mp3"),
        ("say.ulaw", "", "audio/PCMU;rate=8000", "mulaw"),
    ],
)
def test_it_is_a_whole_sound_with_its_length(
    open_door: StartService, name: str, rate: str, content_type: str, format_name: str
) -> None:
    answer = get(open_door(), unsigned(name, **({"rate": rate} if rate else {})))
    assert (answer.status_code, answer.headers["content-type"].replace(" ", "")) == (200, content_type)
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert duration_s(answer.content, format_name, 8000) == pytest.approx(TEXT_S, abs=0.1)
    if format_name == "wav":
        samples, rate_hz = soundfile.read(io.BytesIO(answer.content), dtype="int16")
        assert rate_hz == int(rate or 24_000)
        if not rate:
            assert samples.tobytes() == to_pcm16(tone(TEXT))


def test_who_has_it_is_told_so_and_who_wants_a_part_gets_it(open_door: StartService) -> None:
    door = open_door()
    whole = get(door, unsigned())
    etag, size = whole.headers["etag"], len(whole.content)
    assert get(door, unsigned(), If_None_Match=etag).status_code == 304
    assert get(door, unsigned(), If_None_Match='"another"').status_code == 200
    for asked, positions in (
        ("bytes=0-99", range(100)),
        ("bytes=100-", range(100, size)),
        ("bytes=-50", range(size - 50, size)),
        (f"bytes=10-{size + 7}", range(10, size)),
    ):
        part = get(door, unsigned(), Range=asked)
        assert part.status_code == 206
        assert part.headers["content-range"] == f"bytes {positions.start}-{positions.stop - 1}/{size}"
        assert part.content == whole.content[positions.start : positions.stop]
    beyond = get(door, unsigned(), Range=f"bytes={size}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    assert get(door, unsigned(), Range="bytes=0-9", If_Range='"another"').content == whole.content
    head = httpx.head(f"{base(door)}/{unsigned()}")
    assert (head.status_code, head.content, int(head.headers["content-length"])) == (200, b"", size)


def test_with_keys_only_what_is_signed_or_has_a_key_is_spoken(open_door: StartService) -> None:
    door = open_door(api_key=KEYS)
    now_s = int(time.time())
    signer = UrlSigner(KEYS)
    signed = signer.sign("say.wav", {"text": TEXT})
    assert get(door, unsigned()).status_code == 401
    assert get(door, unsigned(), Authorization=f"Bearer {KEY}").status_code == 200
    for address, status in (
        (signed, 200),
        (signer.sign("say.wav", {"text": TEXT}, now_s + 60), 200),
        (signer.sign("say.wav", {"text": TEXT}, now_s - 1), 403),
        (UrlSigner("an older key").sign("say.wav", {"text": TEXT}), 200),
        (UrlSigner("forged").sign("say.wav", {"text": TEXT}), 403),
        (signed.replace("length", "lengths"), 403),
        (signed.replace("say.wav", "say.mp3"), 403),
        (f"{signed}&voice=af_sky", 403),
        (f"{signed}&sig=", 403),
    ):
        answer = get(door, address)
        assert answer.status_code == status, address
        if status == 403:
            assert list(answer.json()) == ["error"]
    # It opens nothing else.
    sig = httpx.URL(f"{base(door)}/{signed}").params["sig"]
    assert httpx.get(f"{base(door)}/v1/voices", params={"sig": sig, "text": TEXT}).status_code == 401


def test_a_bad_address_is_told_what_is_wrong(open_door: StartService) -> None:
    door = open_door(max_text_chars=100)
    for address, status in (
        ("say.wav", 400),
        ("say.wav?text=", 400),
        ("say.wav?text=...", 400),
        ("say.wav?text=Hello&rate=7", 400),
        ("say.wav?text=Hello&rate=x", 400),
        ("say.wav?text=Hello&voice=nobody", 400),
        ("say.wav?text=" + "x" * 101, 413),
    ):
        answer = get(door, address)
        assert (answer.status_code, list(answer.json())) == (status, ["error"]), address
    assert get(door, "say.flac?text=Hello").status_code == 404


def test_what_was_spoken_once_is_not_spoken_again(open_door: StartService) -> None:
    asked: list[str] = []
    door = open_door(ToneEngine(on_prepare=asked.append), phrase_memory_mb=8)
    assert get(door, unsigned()).headers["x-cache"] == "miss"
    assert get(door, unsigned()).headers["x-cache"] == "hit"
    assert asked == [TEXT]


def test_the_command_signs_addresses(open_door: StartService, capsys: pytest.CaptureFixture[str]) -> None:
    door = open_door(api_key=KEYS)
    arguments = [TEXT, "--rate", "8000", "--expires-in", "60", "--base", base(door)]
    assert sound_url.main(arguments, {"API_KEY": KEYS}) == 0
    answer = httpx.get(capsys.readouterr().out.strip())
    assert duration_s(answer.content, "wav", 8000) == pytest.approx(TEXT_S, abs=0.01)


@pytest.mark.slow
def test_ffmpeg_and_sox_play_it(open_door: StartService, tmp_path: Path) -> None:
    door = open_door(api_key=KEY)
    url = f"{base(door)}/{UrlSigner(KEY).sign('say.wav', {'text': TEXT, 'rate': '8000'})}"
    if shutil.which("ffmpeg") is None or shutil.which("soxi") is None:
        pytest.skip("ffmpeg or sox is not installed")
    decoded = subprocess.run(
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", url, "-f", "s16le", "-"], capture_output=True, check=True
    )
    assert len(decoded.stdout) / 16_000 == pytest.approx(TEXT_S, abs=0.01)
    (tmp_path / "said.wav").write_bytes(httpx.get(url).content)
    length = subprocess.run(["soxi", "-D", tmp_path / "said.wav"], capture_output=True, check=True, text=True)
    assert float(length.stdout) == pytest.approx(TEXT_S, abs=0.01)


@pytest.mark.slow
def test_a_browser_plays_it_and_seeks(open_door: StartService, visit: Open) -> None:
    door = open_door()
    page = visit(door, url=f"{base(door)}/{unsigned()}").page
    played = page.evaluate(
        """() => new Promise((resolve, reject) => {
            const player = document.querySelector("video, audio");
            player.addEventListener("error", () => reject(player.error.message));
            player.addEventListener("seeked", () => resolve([player.duration, player.currentTime]));
            const seek = () => { player.pause(); player.currentTime = 1; };
            if (player.readyState > 0) seek();
            else player.addEventListener("loadedmetadata", seek);
        })"""
    )
    assert played == [pytest.approx(TEXT_S, abs=0.01), 1]
