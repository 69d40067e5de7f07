"""Addresses that are sounds: signed, cached, in ranges, and opened by the programs that play them."""

from __future__ import annotations

import io
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile

from telephony.protocols.sound_url import UrlSigner
from telephony.service import Service
from telephony.tools import sound_url
from tests.clients import TIMEOUT_S, figure
from tests.conftest import StartService
from tests.decoders import duration_s

KEYS = "new key,old key"
TEXT = "A sentence of some length."
SECONDS = 1.3


@pytest.fixture
def door(service: StartService) -> Service:
    return service(http_port=0, api_key=KEYS, phrase_memory_mb=8, max_text_chars=100)


def base(door: Service) -> str:
    return f"http://127.0.0.1:{door.http_port}"


def signed(door: Service, name: str = "say.wav", keys: str = KEYS, lasts_s: int = 600, **parameters: str) -> str:
    address = UrlSigner(keys).sign(name, {"text": TEXT, **parameters}, int(time.time()) + lasts_s)
    return f"{base(door)}/{address}"


@pytest.mark.parametrize(
    ("name", "rate", "format_name", "content_type"),
    [
        ("say.wav", "8000", "wav", "audio/wav"),
        ("say.mp3", "24000", "mp3", "audio/mpeg"),
        ("say.ulaw", "8000", "mulaw", "audio/PCMU;rate=8000"),
    ],
)
def test_an_address_is_a_whole_sound(door: Service, name: str, rate: str, format_name: str, content_type: str) -> None:
    answer = httpx.get(signed(door, name, rate=rate))
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert duration_s(answer.content, format_name, 8000) == pytest.approx(SECONDS, abs=0.1)


def test_head_has_the_same_headers_and_the_sound_is_made_once(door: Service) -> None:
    address = signed(door)
    head = httpx.head(address)
    answer = httpx.get(address)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(answer.content)
    assert head.headers["etag"] == answer.headers["etag"]
    assert (head.headers["x-cache"], answer.headers["x-cache"]) == ("miss", "hit")
    assert 0 < int(answer.headers["cache-control"].removeprefix("max-age=")) <= 600
    assert httpx.get(address, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_ranges(door: Service) -> None:
    address = signed(door)
    whole = httpx.get(address)
    for asked, start, stop in (("0-9", 0, 10), ("100-", 100, len(whole.content)), ("-7", -7, None)):
        part = httpx.get(address, headers={"Range": f"bytes={asked}", "If-Range": whole.headers["etag"]})
        assert part.status_code == 206
        assert part.content == whole.content[start:stop]
        assert part.headers["content-range"].endswith(f"/{len(whole.content)}")
    beyond = httpx.get(address, headers={"Range": f"bytes={len(whole.content)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")
    changed = httpx.get(address, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (changed.status_code, changed.content) == (200, whole.content)


def test_any_key_of_the_service_may_have_signed_and_nobody_else(door: Service) -> None:
    assert httpx.get(signed(door)).status_code == 200
    assert httpx.get(signed(door, keys="old key")).status_code == 200
    forged = httpx.get(signed(door, keys="a guess"))
    assert forged.status_code == 403
    assert "signature" in forged.json()["error"]
    assert httpx.get(signed(door) + "&voice=af_sky").status_code == 403
    assert httpx.get(signed(door).replace("say.wav", "say.mp3")).status_code == 403
    expired = httpx.get(signed(door, lasts_s=-1))
    assert (expired.status_code, expired.json()) == (403, {"error": "the address has expired"})
    plain = f"{base(door)}/say.wav?text=Hello."
    assert httpx.get(plain).status_code == 401
    assert httpx.get(plain, headers={"X-API-Key": "new key"}).status_code == 200
    assert figure(door, "tts_requests_refused_total", why="signature") == 4


def test_a_signature_opens_nothing_else(door: Service) -> None:
    query = signed(door).partition("?")[2]
    assert httpx.get(f"{base(door)}/v1/voices?{query}").status_code == 401


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"text": ""}, 400),
        ({"text": "..."}, 400),
        ({"rate": "7"}, 400),
        ({"rate": "x"}, 400),
        ({"voice": "nobody"}, 400),
        ({"text": "x" * 101}, 413),
    ],
)
def test_a_bad_address_is_told_what_is_wrong(door: Service, parameters: dict[str, str], status: int) -> None:
    answer = httpx.get(signed(door, "say.wav", KEYS, 600, **parameters))
    assert answer.status_code == status
    assert answer.json().keys() == {"error"}
    assert "xxx" not in answer.text


def test_the_command_signs(door: Service, capsys: pytest.CaptureFixture[str]) -> None:
    environment = {"API_KEY": KEYS, "KOKORO_HTTP_PORT": str(door.http_port)}
    arguments = ["Hello & goodbye, caller.", "--format", "ulaw", "--expires-in", "60"]
    assert sound_url.main(arguments, environment) == 0
    assert httpx.get(capsys.readouterr().out.strip()).status_code == 200


def test_without_a_key_addresses_need_no_signature(service: StartService, capsys: pytest.CaptureFixture[str]) -> None:
    door = service(http_port=0)
    assert sound_url.main(["Hello.", "--base", base(door)], {}) == 0
    address = capsys.readouterr().out.strip()
    assert "sig=" not in address
    assert httpx.get(address).status_code == 200


@pytest.mark.parametrize("name", ["say.wav", "say.mp3"])
def test_programs_open_it(door: Service, tmp_path: Path, name: str) -> None:
    address = signed(door, name)
    sound = httpx.get(address).content
    data, rate = soundfile.read(io.BytesIO(sound))
    assert len(data) / rate == pytest.approx(SECONDS, abs=0.1)
    path = tmp_path / name
    path.write_bytes(sound)
    commands = [["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", address]]
    if name == "say.wav":  # SoX comes without MP3 in places
        commands.append(["soxi", "-D", str(path)])
    for command in commands:
        if shutil.which(command[0]):
            ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
            assert float(ended.stdout) == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.slow
def test_a_browser_plays_it(door: Service, browser: Any) -> None:
    page = browser.new_page()
    try:
        page.goto(signed(door))
        assert page.evaluate("() => document.querySelector('video, audio') !== null")
        page.wait_for_function("() => document.querySelector('video, audio').duration > 1")
    finally:
        page.close()
