"""The gateway over real sockets: what is heard, who speaks it, what is refused, and what stops it."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from telephony.audio.encoders import FORMATS
from telephony.engines.base import Engine, SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.speech import Samples, Voice
from telephony.telemetry.metrics import Metrics
from telephony.voices.host_database import Store
from tests.clients import TIMEOUT_S, EventLog, Throttle, figure, tone, tone_samples, wait_figure
from tests.conftest import StartService
from tests.decoders import duration_s

TEXT = "Two sentences. One text."
LONG = "x" * 200
"""A segment of ten seconds, 50 windows."""
JOE = ToneEngine(name="piper", sample_rate=22_050, voice_names=("joe",))


@dataclass(frozen=True)
class RussianEngine(ToneEngine):
    """A tone engine whose voice speaks Russian."""

    name: str = "piper"
    sample_rate: int = 22_050
    voice_names: tuple[str, ...] = ("irina",)

    def voices(self) -> Sequence[Voice]:
        return [Voice(name, "ru-RU") for name in self.voice_names]


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=TIMEOUT_S) as each:
        yield each


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A host's database, which has both engines loaded and the main one speak."""
    path = tmp_path / "host.db"
    Store(path, Metrics()).initialise()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE system_config SET value = 'true' WHERE key = 'kokoro_service_enabled'")
    return path


def url(service: Service) -> str:
    return f"http://127.0.0.1:{service.http_port}/synthesize"


def floats(response: httpx.Response) -> Samples:
    assert response.status_code == 200, response.text
    return np.frombuffer(response.content, "<f4")


def wait_engines(client: httpx.Client, service: Service, count: int) -> None:
    """Waits until so many engines are loaded; the second one takes a moment longer."""
    pause = threading.Event()
    for _ in range(int(TIMEOUT_S / 0.01)):
        voices = client.get(f"http://127.0.0.1:{service.http_port}/v1/voices").json()["data"]
        if len({voice["engine"] for voice in voices}) == count:
            return
        pause.wait(0.01)
    raise AssertionError("the second engine was not loaded")


def wait_idle(service: Service) -> None:
    """Waits until no request is open and nothing is to be said."""
    wait_figure(service, "tts_active_sessions", lambda count: count == 0, door="gateway")
    wait_figure(service, "tts_queue_depth", lambda depth: depth == 0)


def test_the_answer_is_raw_floats_of_the_engine(service: StartService, client: httpx.Client) -> None:
    door = service(http_port=0)
    response = client.post(url(door), json={"text": TEXT})
    np.testing.assert_array_equal(floats(response), np.concatenate([tone("Two sentences."), tone("One text.")]))
    assert response.headers["X-Sample-Rate"] == "24000"
    assert response.headers["X-Engine"] == "tone"
    assert response.headers["X-Voice"] == "af_sky"
    assert response.headers["X-Request-Id"]
    wait_idle(door)


def test_a_page_of_another_origin_may_read_what_the_answer_says_of_itself(
    service: StartService, client: httpx.Client
) -> None:
    door = service(http_port=0, allowed_origins="https://good.example")
    response = client.post(url(door), json={"text": TEXT}, headers={"Origin": "https://good.example"})
    said = {name for name in response.headers if name.startswith("x-")} - {"x-content-type-options"}
    readable = {name.strip().lower() for name in response.headers["Access-Control-Expose-Headers"].split(",")}
    assert {"x-engine", "x-voice", "x-cache"} <= said <= readable


def test_audio_leaves_while_the_rest_is_not_spoken_yet(service: StartService, client: httpx.Client) -> None:
    throttle = Throttle(allowed=1)
    door = service(ToneEngine(on_render=throttle), http_port=0)
    with client.stream("POST", url(door), json={"text": LONG}) as response:
        pieces = response.iter_raw()
        first = next(pieces)
        throttle.wait_asked(2)  # the second window is not rendered yet
        assert 0 < len(first) <= 4 * 4800
        throttle.open()
        rest = b"".join(pieces)
    np.testing.assert_array_equal(np.frombuffer(first + rest, "<f4"), tone(LONG))


@pytest.mark.parametrize("format_name", ["f32", "mp3"])
def test_a_window_of_many_seconds_sounds_like_many_windows(
    service: StartService, client: httpx.Client, format_name: str
) -> None:
    wanted = {"text": LONG, "format": format_name}
    many, one = (
        client.post(url(service(ToneEngine(window_s=seconds), http_port=0)), json=wanted) for seconds in (1, 20)
    )
    assert len(many.content) > 10_000
    assert one.content == many.content


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_decodes_to_the_right_duration(
    service: StartService, client: httpx.Client, format_name: str
) -> None:
    response = client.post(url(service(http_port=0)), json={"text": LONG, "format": format_name})
    assert response.status_code == 200
    sample_rate = int(response.headers["X-Sample-Rate"])
    assert duration_s(response.content, format_name, sample_rate) == pytest.approx(10.0, abs=0.1)


@pytest.mark.parametrize(("format_name", "sample_rate"), [("f32", 8000), ("f32", 44_100), ("pcm", 16_000)])
def test_the_sample_rate_can_be_chosen(
    service: StartService, client: httpx.Client, format_name: str, sample_rate: int
) -> None:
    wanted = {"text": LONG, "format": format_name, "sample_rate": sample_rate}
    response = client.post(url(service(http_port=0)), json=wanted)
    assert response.headers["X-Sample-Rate"] == str(sample_rate)
    assert duration_s(response.content, format_name, sample_rate) == pytest.approx(10.0, abs=0.001)


def test_voice_and_speed_are_as_asked_for(service: StartService, client: httpx.Client) -> None:
    door = service(http_port=0)
    response = client.post(url(door), json={"text": LONG, "voice": "male", "speed": 2.0, "language": "en"})
    assert response.headers["X-Voice"] == "am_michael"
    assert len(floats(response)) == tone_samples(LONG) / 2


def test_a_voice_of_the_other_engine_has_it_speak(service: StartService, client: httpx.Client, database: Path) -> None:
    door = service(db=database, http_port=0)
    wait_engines(client, door, 2)
    response = client.post(url(door), json={"text": "Hello.", "voice": "joe"})
    assert (response.headers["X-Engine"], response.headers["X-Sample-Rate"]) == ("piper", "22050")
    assert len(floats(response)) == tone_samples("Hello.", 22_050)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "text"),
        ({"text": None}, "text"),
        ({"text": " ... "}, "text"),
        ({"text": "Привет, как дела?"}, "text"),
        ({"text": "Hello.", "voice": "nobody"}, "voice"),
        ({"text": "Hello.", "voice": "af_sky", "language": "pt"}, "voice"),
        ({"text": "Hello.", "language": "xx"}, "language"),
        ({"text": "Hello.", "speed": 0.4}, "speed"),
        ({"text": "Hello.", "speed": 2.1}, "speed"),
        ({"text": "Hello.", "speed": "fast"}, "speed"),
        ({"text": "Hello.", "format": "ogg"}, "format"),
        ({"text": "Hello.", "sample_rate": 96_000}, "sample_rate"),
        ({"text": "Hello.", "sample_rate": 0}, "sample_rate"),
        ({"text": "Hello.", "sample_rate": 16_000, "format": "mulaw"}, "sample_rate"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(
    service: StartService, client: httpx.Client, wanted: dict[str, Any], field: str
) -> None:
    door = service(http_port=0)
    response = client.post(url(door), json=wanted)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", field]
    wait_idle(door)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b'{"text": "\\ud800"}', b'{"text": "Hi.", "speed": NaN}']
)
def test_garbage_is_refused(service: StartService, client: httpx.Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert client.post(url(service(http_port=0)), content=body, headers=headers).status_code == 422


def test_a_text_over_the_bound_is_refused(service: StartService, client: httpx.Client) -> None:
    door = service(http_port=0, max_text_chars=100)
    assert client.post(url(door), json={"text": "x" * 100}).status_code == 200
    assert client.post(url(door), json={"text": "x" * 101}).status_code == 413


def test_a_request_over_the_bound_is_told_when_to_come_back(service: StartService, client: httpx.Client) -> None:
    throttle = Throttle(allowed=1)
    door = service(ToneEngine(on_render=throttle), http_port=0, max_sessions=1)
    with client.stream("POST", url(door), json={"text": LONG}):
        refused = client.post(url(door), json={"text": "Hello."})
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) >= 1
        throttle.open()
    wait_idle(door)
    assert client.post(url(door), json={"text": "Hello."}).status_code == 200


def test_the_script_of_a_text_finds_an_engine_that_speaks_it(
    service: StartService, client: httpx.Client, database: Path
) -> None:
    door = service(second=RussianEngine(), db=database, http_port=0)
    wait_engines(client, door, 2)
    russian = client.post(url(door), json={"text": "Привет, как дела?"})
    assert russian.headers["X-Voice"] == "irina"
    assert len(floats(russian)) == tone_samples("Привет, как дела?", 22_050)
    mostly_english = client.post(url(door), json={"text": "The Russian for hello is Привет."})
    assert mostly_english.headers["X-Voice"] == "af_sky"
    named = client.post(url(door), json={"text": "Привет, как дела?", "voice": "af_sky"})
    assert named.status_code == 422
    assert "such as irina" in named.text


def refuse(text: str) -> None:
    """A script for engines that fail."""
    raise SynthesisError("scripted")


def test_another_engine_speaks_where_one_fails(
    service: StartService, client: httpx.Client, database: Path, events: EventLog
) -> None:
    door = service(ToneEngine(on_render=refuse), JOE, db=database, http_port=0)
    wait_engines(client, door, 2)
    response = client.post(url(door), json={"text": TEXT})
    assert (response.headers["X-Engine"], response.headers["X-Voice"]) == ("piper", "joe")
    assert response.headers["X-Sample-Rate"] == "24000"  # that of the engine which was to speak
    assert len(floats(response)) == pytest.approx(sum(map(tone_samples, ("Two sentences.", "One text."))), abs=10)
    assert figure(door, "tts_failovers_total", engine="tone", why="raised") == 1
    events.wait("failover", failed="tone", engine="piper", error="scripted")
    wait_idle(door)


def test_another_engine_speaks_the_whole_text_where_the_first_sentence_fails(
    service: StartService, client: httpx.Client, database: Path
) -> None:
    def refuse_first(text: str) -> None:
        if text == "Two sentences.":
            raise SynthesisError("scripted")

    door = service(ToneEngine(on_render=refuse_first), JOE, db=database, http_port=0)
    wait_engines(client, door, 2)
    response = client.post(url(door), json={"text": TEXT})
    assert response.headers["X-Engine"] == "piper"
    assert len(floats(response)) == pytest.approx(sum(map(tone_samples, ("Two sentences.", "One text."))), abs=10)


@pytest.mark.parametrize(
    "second",
    [ToneEngine(name="piper", voice_names=("joe",), on_render=refuse), RussianEngine()],
    ids=["fails too", "speaks another language"],
)
def test_a_failure_before_any_audio_is_an_error(
    service: StartService, client: httpx.Client, database: Path, second: Engine
) -> None:
    door = service(ToneEngine(on_render=refuse), second, db=database, http_port=0)
    wait_engines(client, door, 2)
    response = client.post(url(door), json={"text": TEXT})
    assert response.status_code == 500
    assert "scripted" in response.json()["detail"]
    wait_idle(door)


def test_a_failure_after_audio_breaks_the_answer_off(
    service: StartService, client: httpx.Client, database: Path, events: EventLog
) -> None:
    throttle = Throttle(allowed=3)

    def refuse_fourth(text: str) -> None:
        throttle(text)
        if len(throttle.asked) == 4:
            raise SynthesisError("scripted")

    door = service(ToneEngine(on_render=refuse_fourth), JOE, db=database, http_port=0)
    wait_engines(client, door, 2)
    heard = b""
    with pytest.raises(httpx.RemoteProtocolError), client.stream("POST", url(door), json={"text": LONG}) as response:
        for piece in response.iter_raw():
            heard += piece
            if len(heard) == 3 * 4 * 4800:
                throttle.open()
    np.testing.assert_array_equal(np.frombuffer(heard, "<f4"), tone(LONG)[: 3 * 4800])
    events.wait("answer_broken_off", error="scripted")
    assert figure(door, "tts_failovers_total", engine="tone", why="raised") == 0
    wait_idle(door)


def test_a_client_that_goes_before_the_first_audio_stops_the_work(service: StartService) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), http_port=0)
    with raw_request(door, LONG):
        throttle.wait_asked(1)
    wait_idle(door)
    throttle.open()
    with httpx.Client(timeout=TIMEOUT_S) as client:
        np.testing.assert_array_equal(floats(client.post(url(door), json={"text": "Next."})), tone("Next."))
    assert throttle.asked.count(LONG) == 1


def test_a_client_that_goes_amid_the_audio_stops_the_work(service: StartService) -> None:
    throttle = Throttle(allowed=1)
    door = service(ToneEngine(on_render=throttle), http_port=0)
    with raw_request(door, LONG) as client:
        assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")
        throttle.wait_asked(2)
    wait_idle(door)
    throttle.open()
    with httpx.Client(timeout=TIMEOUT_S) as another:
        another.post(url(door), json={"text": "Next."})
    assert throttle.asked.count(LONG) == 2


def test_a_client_that_never_reads_is_cut_and_its_speech_does_not_go_on(
    service: StartService, events: EventLog
) -> None:
    door = service(http_port=0, send_timeout_s=0.3, sink_buffer_s=2.0)
    text = "One of a thousand sentences of two seconds. " * 1000  # 200 MB
    with raw_request(door, text) as client:
        events.wait("answer_broken_off", error="no byte taken for 0.3 s")
        wait_idle(door)
        kernel_s = 2 * 4_194_304 / 4 / 24_000
        assert figure(door, "tts_audio_seconds_total", engine="tone") < 2.0 + kernel_s + 10
        heard = read_to_end(client)
    assert not heard.endswith(b"0\r\n\r\n"), "it looks complete"


def test_a_slow_reader_hears_everything(service: StartService) -> None:
    door = service(http_port=0, sink_buffer_s=1.0)
    text = " ".join(["One of a hundred sentences of two seconds."] * 100)
    with raw_request(door, text) as client:
        wait_figure(door, "tts_audio_seconds_total", lambda made_s: made_s > 1, engine="tone")
        heard = read_to_end(client)
    assert heard.endswith(b"0\r\n\r\n")
    assert len(heard) > 4 * 100 * tone_samples("One of a hundred sentences of two seconds.")


def raw_request(service: Service, text: str) -> socket.socket:
    """A client that takes little without reading; closed with unread bytes it resets its connection."""
    client = socket.socket()
    client.settimeout(TIMEOUT_S)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.connect(("127.0.0.1", service.http_port or 0))
    body = b'{"text": "%s"}' % text.encode()
    head = "POST /synthesize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return client


def read_to_end(client: socket.socket) -> bytes:
    data = bytearray()
    while received := client.recv(1 << 20):
        data += received
    return bytes(data)


@pytest.mark.model
def test_kokoro_speaks_at_the_gateway(service: StartService, client: httpx.Client, kokoro: Engine) -> None:
    door = service(kokoro, http_port=0)
    response = client.post(url(door), json={"text": "Good morning, how can I help you?", "voice": "female"})
    samples = floats(response)
    assert response.headers["X-Voice"] == "af_aoede"
    assert 1.0 < len(samples) / 24_000 < 4.0
    assert 0.01 < float(np.sqrt(np.mean(samples**2))) < 0.5
