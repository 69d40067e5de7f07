"""Pitch, volume, voice and language at the doors: in fields of their own, and in documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.sync.client import connect

from telephony.audio.loudness import CEILING
from telephony.engines.tone import ToneEngine, pitch_hz
from telephony.speech import Samples
from tests.clients import TIMEOUT_S, TextHost, dominant_hz, tone
from tests.conftest import StartService

TEXT = "Hello, my good friend."
OWN_HZ = pitch_hz(TEXT)


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=TIMEOUT_S) as each:
        yield each


def pcm(audio: bytes) -> Samples:
    return np.frombuffer(audio, "<i2").astype(np.float32) / np.float32(32_767)


def heard(samples: Samples) -> tuple[float, float]:
    """Pitch in Hz, and the largest sample."""
    return dominant_hz(samples[:4800], 24_000), float(np.abs(samples).max())


def raised(samples: Samples) -> None:
    hz, peak = heard(samples)
    assert hz == pytest.approx(1.2 * OWN_HZ, abs=15)
    assert peak == pytest.approx(0.25, rel=0.01)


FIELDS = {"pitch": "+20%", "volume": "50"}


def test_the_http_doors_take_pitch_and_volume(service: StartService, client: httpx.Client) -> None:
    url = f"http://127.0.0.1:{service(http_port=0, phrase_memory_mb=16).http_port}"
    plain = client.post(f"{url}/synthesize", json={"text": TEXT}).content
    raised(np.frombuffer(client.post(f"{url}/synthesize", json={"text": TEXT, **FIELDS}).content, "<f4"))
    # Its phrase is another one; a volume makes none.
    assert client.post(f"{url}/synthesize", json={"text": TEXT}).content == plain
    again = client.post(f"{url}/synthesize", json={"text": TEXT, "volume": "50"})
    assert again.headers["X-Cache"] == "hit"
    np.testing.assert_allclose(np.frombuffer(again.content, "<f4"), tone(TEXT) / 2, atol=1e-6)
    speech = {"model": "kokoro", "input": TEXT, "voice": "af_sky", "response_format": "pcm"}
    raised(pcm(client.post(f"{url}/v1/audio/speech", json={**speech, **FIELDS}).content))
    document = f"<speak><prosody pitch='+20%' volume='50'>{TEXT}</prosody></speak>"
    raised(pcm(client.post(f"{url}/v1/audio/speech", json={**speech, "input": document}).content))


@pytest.mark.parametrize("field", ["pitch", "range", "volume"])
def test_the_http_doors_say_what_is_wrong(service: StartService, client: httpx.Client, field: str) -> None:
    url = f"http://127.0.0.1:{service(http_port=0).http_port}"
    refused = client.post(f"{url}/synthesize", json={"text": TEXT, field: "up"})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["body", field]
    assert f"a {field} is such as" in refused.json()["detail"][0]["msg"]
    speech = {"model": "kokoro", "input": TEXT, "voice": "af_sky", field: "up"}
    refused = client.post(f"{url}/v1/audio/speech", json=speech)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, field)


def converse(port: int | None, path: str, messages: list[dict[str, Any]], until: str) -> tuple[bytes, dict[str, Any]]:
    with connect(f"ws://127.0.0.1:{port}{path}", max_size=None) as socket:
        for message in messages:
            socket.send(json.dumps(message))
        audio = b""
        while True:
            received = socket.recv(TIMEOUT_S)
            if isinstance(received, bytes):
                audio += received
            elif (message := json.loads(received))["type"] in (until, "error"):
                return audio, message


def test_the_websockets_take_pitch_and_volume(service: StartService) -> None:
    port = service(http_port=0).http_port
    start = {"type": "start_session", "config": FIELDS}
    text: list[dict[str, Any]] = [{"type": "send_text", "text": TEXT}, {"type": "end_session"}]
    raised(pcm(converse(port, "/ws/tts", [start, *text], "session_ended")[0]))
    path = "/v1/audio/speech/stream/ws"
    raised(pcm(converse(port, path, [{"type": "speak", "text": TEXT, **FIELDS}], "done")[0]))
    _, error = converse(port, path, [{"type": "speak", "text": TEXT, "volume": "11"}], "done")
    assert error["type"] == "done"
    _, error = converse(port, path, [{"type": "speak", "text": TEXT, "range": "+3st"}], "done")
    assert error["code"] == "bad_range"
    _, error = converse(port, "/ws/tts", [{"type": "start_session", "config": {"pitch": "up"}}], "session_started")
    assert error["code"] == "bad_message"
    assert "config.pitch" in error["message"]


def test_the_telephone_obeys_a_document_and_does_not_clip(service: StartService) -> None:
    document = f"<speak><prosody pitch='+20%' volume='x-loud'>{TEXT}</prosody></speak>"
    with TextHost(service().tcp_port, "1") as host:
        host.say(document)
        samples = host.read_frame().samples
    hz, peak = heard(samples)
    assert hz == pytest.approx(1.2 * OWN_HZ, abs=15)
    assert 0.8 < peak <= CEILING


class CastEngine(ToneEngine):
    """A tone engine that notes who is to say what."""

    cast: list[tuple[str, str, str | None]] = []  # noqa: RUF012  # noted in the class: an engine is frozen

    def prepare(
        self, text: str, voice: str, speed: float, exact: bool, language: str | None = None, **options: Any
    ) -> Any:
        self.cast.append((text, voice, language))
        return super().prepare(text, voice, speed, exact, language, **options)


def test_parts_of_a_document_have_voices_and_languages(service: StartService, client: httpx.Client) -> None:
    CastEngine.cast.clear()
    door = service(CastEngine(other_languages=("pt-BR", "es-ES")), http_port=0)
    document = (
        "<speak>One. <voice name='male'>Two.</voice> <lang xml:lang='pt-BR'>Três. <voice name='af_sky'>Quatro.</voice>"
        "</lang> <lang xml:lang='tlh'>Five.</lang> <voice name='en-US-JennyNeural'>Six.</voice></speak>"
    )
    response = client.post(f"http://127.0.0.1:{door.http_port}/synthesize", json={"text": document, "voice": "tone"})
    assert response.status_code == 200
    assert [part for part in CastEngine.cast if part[0][0] in "OTFQS"] == [
        ("One.", "tone", None),
        ("Two.", "am_michael", None),
        ("Três.", "tone", "pt-BR"),
        ("Quatro.", "af_sky", "pt-BR"),
        ("Five.", "tone", None),
        ("Six.", "tone", None),
    ]
