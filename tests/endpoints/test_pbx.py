"""The AudioSocket door: a PBX on a real socket, and its texts over HTTP."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import struct
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.endpoints import pbx as pbx_module
from telephony.endpoints.pbx_connection import LEAD_S
from telephony.engines.base import SynthesisError
from telephony.engines.tone import ToneEngine, pitch_hz
from telephony.listeners.playback import FADE_S
from telephony.protocols import audiosocket
from telephony.protocols.audiosocket import PbxDecoder
from telephony.protocols.telephone import WireError
from telephony.service import Service, StartError
from telephony.speech import Samples
from tests.clients import TIMEOUT_S, EventLog, Throttle, dominant_hz, figure, wait_figure
from tests.conftest import StartService

CALL = uuid.UUID("40325ec2-5efd-4bd3-805f-53576e581d13")
KINDS = {8000: 0x10, 12_000: 0x11, 16_000: 0x12, 24_000: 0x13, 48_000: 0x16}
RATES = {kind: rate for rate, kind in KINDS.items()}
HANGUP = b"\0\0\0"
TEXT = "A text of several seconds that is one sentence " * 3


def message(kind: int, payload: bytes = b"") -> bytes:
    return struct.pack(">BH", kind, len(payload)) + payload


def audio(rate_hz: int, seconds: float = 0.02) -> bytes:
    return message(KINDS[rate_hz], bytes(2 * round(rate_hz * seconds)))


class Pbx:
    """A PBX with one call. `with` closes its connection."""

    def __init__(self, service: Service, call_id: uuid.UUID | None = CALL, receive_buffer: int | None = None) -> None:
        self.service = service
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT_S)
        self.socket.connect(("127.0.0.1", service.audiosocket_port or 0))
        if call_id is not None:
            self.send(message(0x01, call_id.bytes))

    def __enter__(self) -> Pbx:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def wait_connected(self) -> None:
        """Until the service knows the call."""
        wait_figure(self.service, "tts_active_sessions", lambda sessions: sessions > 0, door="audiosocket")

    def read(self) -> tuple[int, bytes]:
        """The next message: its kind and its payload."""
        kind, length = struct.unpack(">BH", self._read(3))
        return kind, self._read(length)

    def hear(self, until: Callable[[Samples], bool], rate_hz: int = 8000) -> Samples:
        """Whole frames of 20 ms at one rate, until that holds for all of them together."""
        heard = np.zeros(0, np.float32)
        while not until(heard):
            kind, payload = self.read()
            assert RATES[kind] == rate_hz
            assert len(payload) == rate_hz // 50 * 2
            heard = np.concatenate([heard, np.frombuffer(payload, "<i2").astype(np.float32) / np.float32(32767)])
        return heard

    def hear_seconds(self, seconds: float, rate_hz: int = 8000) -> Samples:
        return self.hear(lambda heard: len(heard) >= round(seconds * rate_hz), rate_hz)

    def hear_until_nothing_for(self, seconds: float) -> Samples:
        heard = np.zeros(0, np.float32)
        self.socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            while True:
                heard = np.concatenate([heard, self.hear_seconds(0.02)])
        self.socket.settimeout(TIMEOUT_S)
        return heard

    def hear_to_hangup(self) -> Samples:
        """All audio until the service hangs up and closes."""
        frames = []
        while (received := self.read())[0] != 0x00:
            frames.append(np.frombuffer(received[1], "<i2"))
        assert received == (0x00, b"")
        self.assert_closed()
        return np.concatenate([np.zeros(0, "<i2"), *frames]).astype(np.float32) / np.float32(32767)

    def read_to_end(self) -> bytes:
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while received := self.socket.recv(1024):
                data += received
        return data

    def assert_closed(self) -> None:
        with contextlib.suppress(ConnectionResetError):
            assert self.socket.recv(1) == b""

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            received = self.socket.recv(count - len(data))
            assert received, "the service closed the connection"
            data += received
        return data


@pytest.fixture
def start(service: StartService) -> Callable[..., Service]:
    def start_door(engine: ToneEngine | None = None, **settings: Any) -> Service:
        return service(engine, http_port=0, audiosocket_port=0, **settings)

    return start_door


def ask(
    service: Service, path: str, body: object = None, *, method: str = "POST", call_id: object = CALL, key: str = ""
) -> tuple[int, Any]:
    """Status and answer of a request for the call."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{service.http_port}/calls/{call_id}{path}",
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def say(service: Service, text: str, *, call_id: object = CALL, **fields: object) -> dict[str, Any]:
    status, answer = ask(service, "/say", {"text": text, **fields}, call_id=call_id)
    assert status == 202, answer
    assert isinstance(answer, dict)
    return answer


def show(service: Service) -> dict[str, Any]:
    status, answer = ask(service, "", method="GET")
    assert status == 200, answer
    assert isinstance(answer, dict)
    return answer


# Speech


@pytest.mark.parametrize("rate_hz", [8000, 24_000, 48_000])
def test_text_for_a_call_is_heard_at_the_rate_of_its_channel(start: Callable[..., Service], rate_hz: int) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.send(audio(rate_hz))
        wait_figure(door, "tts_audio_ignored_seconds_total", lambda seconds: seconds == pytest.approx(0.02))
        assert say(door, "Hello.")["state"] == "queued"
        heard = pbx.hear_seconds(0.3, rate_hz)
        assert len(heard) == 0.3 * rate_hz
        assert dominant_hz(heard, rate_hz) == pytest.approx(pitch_hz("Hello."), abs=5)
        assert np.abs(heard).max() == pytest.approx(0.5, abs=0.02)
        assert show(door)["sample_rate"] == rate_hz


def test_a_pbx_that_sends_no_audio_is_answered_at_8_khz(start: Callable[..., Service]) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.wait_connected()
        say(door, "Hello.")
        pbx.hear_seconds(0.3, 8000)


def test_texts_follow_each_other_without_a_gap(start: Callable[..., Service]) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.wait_connected()
        say(door, "One.")
        say(door, "Three.")
        heard = pbx.hear_seconds(0.5)
        assert dominant_hz(heard[:1600], 8000) == pytest.approx(pitch_hz("One."), abs=10)
        assert dominant_hz(heard[1600:], 8000) == pytest.approx(pitch_hz("Three."), abs=10)


def test_voice_speed_and_engine_are_as_asked(start: Callable[..., Service]) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.wait_connected()
        say(door, "Hello.", voice="am_michael", speed=2.0)
        say(door, "Hello.", engine="piper")
        heard = pbx.hear_seconds(0.45)
        assert len(heard) == 0.46 * 8000  # 0.15 s make eight frames
    assert figure(door, "tts_segments_total", engine="piper") == 1


def test_audio_leaves_in_real_time_and_a_little_ahead(start: Callable[..., Service]) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.wait_connected()
        said_at = time.monotonic()
        say(door, "A dozen char")
        for heard_s in (0.2, 0.4, 0.6):
            pbx.hear_seconds(0.2)
            assert time.monotonic() - said_at > heard_s - LEAD_S - 0.001


def test_text_may_come_before_the_pbx_connects(start: Callable[..., Service]) -> None:
    door = start()
    assert say(door, "One.")["state"] == "waiting"
    assert say(door, "Three.")["state"] == "waiting"
    assert show(door) == {
        "call_id": str(CALL),
        "state": "waiting",
        "texts": 2,
        "connected_s": 0.0,
        "sample_rate": None,
        "digits": "",
    }
    with Pbx(door) as pbx:
        assert dominant_hz(pbx.hear_seconds(0.2), 8000) == pytest.approx(pitch_hz("One."), abs=10)
        pbx.hear_seconds(0.3)


def test_text_waits_no_longer_than_it_may(start: Callable[..., Service], events: EventLog) -> None:
    door = start(audiosocket_wait_s=0.01)
    say(door, "Hello.")
    assert events.wait("texts_expired")["texts"] == 1
    assert figure(door, "tts_texts_expired_total") == 1
    assert ask(door, "", method="GET")[0] == 404


def test_text_that_waits_is_bounded(start: Callable[..., Service]) -> None:
    door = start(max_queued_text_bytes=10, max_sessions=1)
    say(door, "Hello.")
    status, answer = ask(door, "/say", {"text": "Hello."})
    assert (status, answer["detail"]) == (429, "6 bytes of text wait for this call")
    status, answer = ask(door, "/say", {"text": "Hello."}, call_id=uuid.uuid4())
    assert status == 429
    assert "1 calls wait for their PBX" in answer["detail"]


def test_text_of_a_connected_call_is_bounded(start: Callable[..., Service]) -> None:
    throttle = Throttle()
    door = start(ToneEngine(on_render=throttle), max_queued_text_bytes=10)
    with Pbx(door) as pbx:
        pbx.wait_connected()
        say(door, "Hello.")
        assert ask(door, "/say", {"text": "Hello."})[0] == 429
        throttle.open()
        pbx.hear_seconds(0.3)


# Barge-in


def test_a_barge_in_fades_and_no_old_audio_is_left(start: Callable[..., Service]) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.wait_connected()
        said_at = time.monotonic()
        say(door, TEXT)
        heard = pbx.hear_seconds(0.3)
        ask(door, "/interrupt")
        interrupted_s = time.monotonic() - said_at
        ask(door, "/hangup")
        rest = pbx.hear_to_hangup()
    assert (len(heard) + len(rest)) / 8000 < interrupted_s + LEAD_S + FADE_S + 0.02
    fade = np.abs(rest[-round(8000 * FADE_S) :]).reshape(-1, 60).max(axis=1)
    assert fade[0] > 0.4
    assert (np.diff(fade) < 0.01).all()
    assert fade[-1] < 0.02
    steps = np.abs(np.diff(np.concatenate([heard[1600:], rest])))
    fade_samples = round(8000 * FADE_S)
    assert steps[-fade_samples:].max() < 1.1 * steps[:-fade_samples].max()  # no click


@pytest.mark.slow
def test_a_barge_in_tells_what_was_heard_and_the_call_goes_on(start: Callable[..., Service]) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.wait_connected()
        say(door, "one two three four five six seven eight")
        say(door, "and nine")
        pbx.hear_seconds(0.7)
        status, answer = ask(door, "/interrupt")
        assert status == 200
        assert answer["text_spoken"].startswith("one two")
        assert f"{answer['text_spoken']} {answer['text_remaining']}" == (
            "one two three four five six seven eight and nine"
        )
        say(door, "Yes?")
        assert ask(door, "/hangup", {"after_speech": True})[0] == 202
        assert dominant_hz(pbx.hear_to_hangup()[-1600:], 8000) == pytest.approx(pitch_hz("Yes?"), abs=10)
    assert figure(door, "tts_interruptions_total") == 1


def test_an_interruption_of_nothing_says_so(start: Callable[..., Service]) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.wait_connected()
        assert ask(door, "/interrupt") == (200, {"text_spoken": "", "text_remaining": ""})


# The end of a call


def test_hangup_after_speech_lets_it_end(start: Callable[..., Service]) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.wait_connected()
        say(door, "Goodbye")
        assert ask(door, "/hangup", {"after_speech": True})[0] == 202
        heard = pbx.hear_to_hangup()
    assert len(heard) == 0.36 * 8000
    assert dominant_hz(heard, 8000) == pytest.approx(pitch_hz("Goodbye"), abs=5)
    wait_figure(door, "tts_active_sessions", lambda sessions: sessions == 0, door="audiosocket")


def test_hangup_of_a_call_that_waits_drops_its_text(start: Callable[..., Service]) -> None:
    door = start()
    say(door, "Hello.")
    assert ask(door, "/hangup")[0] == 202
    assert ask(door, "/hangup")[0] == 404


@pytest.mark.parametrize("farewell", [HANGUP, message(0xFF, b"\x01"), b""])
def test_a_pbx_that_ends_in_mid_speech_stops_it(
    start: Callable[..., Service], events: EventLog, farewell: bytes
) -> None:
    throttle = Throttle(2)
    door = start(ToneEngine(on_render=throttle))
    with Pbx(door) as pbx:
        pbx.wait_connected()
        say(door, "A text of several seconds, " * 10)
        pbx.hear_seconds(0.1)
        if farewell:
            pbx.send(farewell)
        else:
            pbx.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            pbx.socket.close()
        events.wait("disconnected", door="audiosocket")
    wait_figure(door, "tts_active_sessions", lambda sessions: sessions == 0, door="audiosocket")
    assert figure(door, "tts_queue_depth") == 0
    throttle.open()
    assert ask(door, "/interrupt")[0] == 404


def test_a_pbx_that_connects_again_takes_its_call_over(start: Callable[..., Service]) -> None:
    door = start()
    with Pbx(door) as old:
        old.wait_connected()
        with Pbx(door) as new:
            old.hear_to_hangup()
            say(door, "Hello.")
            new.hear_seconds(0.3)


def test_a_service_that_stops_lets_calls_end_their_speech(start: Callable[..., Service]) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.wait_connected()
        say(door, "Half a sec")
        pbx.hear_seconds(0.1)
        stopping = threading.Thread(target=door.stop)
        stopping.start()
        assert len(pbx.hear_to_hangup()) == 0.4 * 8000
        stopping.join()
    door.stop = lambda: None  # type: ignore[method-assign]


# What a PBX sends besides


def test_digits_are_kept_for_those_who_ask_and_in_the_log(start: Callable[..., Service], events: EventLog) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.send(b"".join(message(0x03, digit.encode()) for digit in "12#*"))
        wait_figure(door, "tts_digits_total", lambda digits: digits == 4)
        assert show(door)["digits"] == "12#*"
    assert [event["digit"] for event in events.found("digit", door="audiosocket", call=str(CALL))] == list("12#*")


def test_unknown_kinds_are_counted_and_passed_over(start: Callable[..., Service]) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.send(message(0x02) + message(0x77, bytes(65_535)) + message(0x03, b"7"))
        wait_figure(door, "tts_digits_total", lambda digits: digits == 1)
        assert figure(door, "tts_audiosocket_messages_ignored_total") == 2


BROKEN = {
    "garbage": b"GET / HTTP/1.1\r\n\r\n",
    "audio first": audio(8000),
    "short uuid": message(0x01, bytes(15)),
    "long uuid": message(0x01, bytes(65_535)),
    "two uuids": 2 * message(0x01, CALL.bytes),
    "digit of two": message(0x01, CALL.bytes) + message(0x03, b"12"),
    "no digit": message(0x01, CALL.bytes) + message(0x03, b"x"),
    "half a sample": message(0x01, CALL.bytes) + message(0x10, bytes(319)),
}


def test_a_pbx_that_breaks_the_protocol_is_cut_and_others_are_not(start: Callable[..., Service]) -> None:
    door = start()
    with Pbx(door) as other:
        other.wait_connected()
        for count, (name, data) in enumerate(BROKEN.items(), 1):
            with Pbx(door, None) as pbx:
                pbx.send(data.replace(CALL.bytes, bytes(16)))
                wait_figure(
                    door,
                    "tts_audiosocket_refused_total",
                    lambda refused, wanted=count: refused == wanted,  # type: ignore[misc]
                    why="broken",
                )
                assert pbx.read_to_end() in (b"", HANGUP), name
        say(door, "Hello.")
        other.hear_seconds(0.3)


@pytest.mark.parametrize("sent", [b"", b"\x01\x00", message(0x01, CALL.bytes)[:-1]], ids=["nothing", "half", "nearly"])
def test_a_connection_without_a_uuid_is_cut_in_time(start: Callable[..., Service], sent: bytes) -> None:
    door = start(hello_timeout_s=0.05)
    with Pbx(door, None) as pbx:
        pbx.send(sent)
        pbx.assert_closed()
    assert figure(door, "tts_audiosocket_refused_total", why="overdue") == 1


def test_half_a_message_and_gone_leaves_nothing(start: Callable[..., Service], events: EventLog) -> None:
    door = start()
    for data in (b"", b"\x01", message(0x01, CALL.bytes) + b"\x10\xff\xff123"):
        with Pbx(door, None) as pbx:
            pbx.send(data)
    events.wait("disconnected", door="audiosocket")
    with Pbx(door) as pbx:
        pbx.wait_connected()


def test_too_many_connections_and_calls_are_refused(start: Callable[..., Service]) -> None:
    door = start(max_connections=2, max_sessions=1)
    with Pbx(door) as pbx:
        pbx.wait_connected()
        with Pbx(door, uuid.uuid4()) as refused:
            refused.hear_to_hangup()
        assert figure(door, "tts_audiosocket_refused_total", why="busy") == 1
        with Pbx(door, None), Pbx(door, None) as refused:
            wait_figure(door, "tts_audiosocket_refused_total", lambda count: count == 1, why="connections")
            refused.assert_closed()


def test_a_pbx_that_takes_nothing_is_cut(start: Callable[..., Service], events: EventLog) -> None:
    door = start(send_timeout_s=0.05)
    with Pbx(door, receive_buffer=4096) as pbx:
        pbx.send(audio(48_000))
        pbx.wait_connected()
        say(door, TEXT)
        events.wait("client_stalled", door="audiosocket")
    assert figure(door, "tts_clients_stalled_total", door="audiosocket") == 1


def test_between_texts_nothing_is_sent(start: Callable[..., Service]) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.wait_connected()
        for _ in range(2):
            say(door, "Hello.")
            assert len(pbx.hear_seconds(0.3)) == 0.3 * 8000
            assert len(pbx.hear_until_nothing_for(0.1)) == 0


def test_speech_that_comes_too_late_is_counted(start: Callable[..., Service]) -> None:
    throttle = Throttle(1)
    door = start(ToneEngine(on_render=throttle))
    with Pbx(door) as pbx:
        pbx.wait_connected()
        say(door, "Hello.")
        heard = pbx.hear_until_nothing_for(0.1)
        throttle.open()
        pbx.hear_seconds(0.3 - len(heard) / 8000)
    assert figure(door, "tts_underruns_total", door="audiosocket") >= 1


def test_a_text_that_cannot_be_spoken_does_not_end_the_call(start: Callable[..., Service]) -> None:
    def fail(text: str) -> None:
        if text == "No.":
            raise SynthesisError("scripted")

    door = start(ToneEngine(on_render=fail))
    with Pbx(door) as pbx:
        pbx.wait_connected()
        say(door, "No.")
        say(door, "Hello.")
        pbx.hear_seconds(0.3)


# Requests


def test_an_unknown_call_is_told_what_to_do(start: Callable[..., Service]) -> None:
    door = start(audiosocket_wait_s=0.0)
    for path, method, body in (
        ("/say", "POST", {"text": "Hello."}),
        ("/interrupt", "POST", None),
        ("/hangup", "POST", None),
        ("", "GET", None),
    ):
        status, answer = ask(door, path, body, method=method)
        assert status == 404
        assert "has to connect to the AudioSocket port" in answer["detail"]


def test_a_call_that_has_just_ended_is_told_from_one_that_has_not_come(
    start: Callable[..., Service], events: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.wait_connected()
    events.wait("disconnected", call=str(CALL))
    for path, method, body in (
        ("/say", "POST", {"text": "Too late."}),
        ("/interrupt", "POST", None),
        ("", "GET", None),
    ):
        status, answer = ask(door, path, body, method=method)
        assert (status, answer["code"]) == (404, "ended")
    assert say(door, "Hello.", call_id=uuid.uuid4())["state"] == "waiting"
    monkeypatch.setattr(pbx_module, "_JUST_ENDED_S", 0.0)
    assert say(door, "The next call of that id.")["state"] == "waiting"


def test_a_call_that_comes_back_is_heard(start: Callable[..., Service], events: EventLog) -> None:
    door = start()
    with Pbx(door) as pbx:
        pbx.wait_connected()
    events.wait("disconnected", call=str(CALL))
    with Pbx(door) as pbx:
        events.wait("connected", count=2, call=str(CALL))
        assert say(door, "Hello.")["state"] == "queued"
        pbx.hear_seconds(0.3)


def test_what_cannot_be_said_is_named(start: Callable[..., Service]) -> None:
    door = start(max_text_chars=20)
    for body, status, named in (
        ({}, 422, "text"),
        ({"text": "?!"}, 422, "text"),
        ({"text": "<speak><p>"}, 422, "line 1, column 11"),
        ({"text": "<speak>?!</speak>"}, 422, "text"),
        ({"text": "x" * 21}, 413, "20 characters"),
        ({"text": "Hello.", "voice": "nobody"}, 422, "voice"),
        ({"text": "Hello.", "language": "xx"}, 422, "language"),
        ({"text": "Hello.", "engine": "festival"}, 422, "engine"),
        ({"text": "Hello.", "engine": "piper", "voice": "af_sky"}, 422, "voice"),
        ({"text": "Hello.", "speed": 3}, 422, "speed"),
    ):
        answered, answer = ask(door, "/say", body)
        assert answered == status
        assert named in json.dumps(answer)
    assert ask(door, "/say", {"text": "Hello."}, call_id="999")[0] == 422


@pytest.mark.parametrize("language", ["", "es"])
@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"engine": "piper"},
        {"engine": "tone"},
        {"engine": "festival"},
        {"voice": "joe"},
        {"voice": "joe", "engine": "tone"},
        {"language": "en"},
        {"language": "en", "engine": "piper"},
    ],
    ids=str,
)
def test_a_request_chooses_who_it_chooses_at_the_gateway(
    start: Callable[..., Service], wanted: dict[str, str], language: str
) -> None:
    door = start(language=language)
    said = {"text": "Hello.", **wanted}
    answer = httpx.post(f"http://127.0.0.1:{door.http_port}/synthesize", json=said, timeout=TIMEOUT_S)
    with Pbx(door) as pbx:
        pbx.wait_connected()
        status, _ = ask(door, "/say", said)
        assert (status == 202) is (answer.status_code == 200)
        if status == 202:
            pbx.hear_seconds(0.2)
            assert figure(door, "tts_segments_total", engine=answer.headers["X-Engine"]) == 2
        else:
            assert status == answer.status_code == 422


def test_the_key_of_the_http_doors_is_asked_for(start: Callable[..., Service]) -> None:
    door = start(api_key="secret")
    assert ask(door, "/say", {"text": "Hello."})[0] == 401
    assert ask(door, "/say", {"text": "Hello."}, key="secret")[0] == 202


def test_a_service_that_is_starting_takes_no_call(start: Callable[..., Service]) -> None:
    door = start()
    door.sessions.refuse()
    assert ask(door, "/say", {"text": "Hello."})[0] == 429
    with Pbx(door) as pbx:
        assert not pbx.hear_to_hangup().any()


def test_without_the_setting_text_waits_for_a_call_over_a_websocket(service: StartService) -> None:
    door = service(http_port=0)
    assert door.audiosocket_port is None
    assert say(door, "Hello.")["state"] == "waiting"


def test_the_door_needs_the_http_door(service: StartService) -> None:
    with pytest.raises(StartError, match="--http-port"):
        service(http_port=None, audiosocket_port=0)


def test_a_taken_port_is_named(service: StartService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"port {port} \\(AudioSocket\\)"):
            service(http_port=0, audiosocket_port=port)


# The protocol, without a socket


def decoded(pieces: Iterator[bytes]) -> list[audiosocket.Event]:
    decoder = PbxDecoder()
    events: list[audiosocket.Event] = []
    for piece in pieces:
        decoder.receive(piece)
        events.extend(decoder.events())
    return events


CONVERSATION = (
    message(0x01, CALL.bytes)
    + audio(24_000)
    + message(0x03, b"#")
    + message(0x42, b"later")
    + message(0xFF, b"\x04")
    + HANGUP
)


@given(st.lists(st.integers(0, len(CONVERSATION))))
def test_however_it_is_cut_it_means_the_same(places: list[int]) -> None:
    ends = [0, *sorted(places), len(CONVERSATION)]
    assert decoded(CONVERSATION[start:end] for start, end in itertools.pairwise(ends)) == [
        audiosocket.Connected(CALL),
        audiosocket.Heard(480, 24_000),
        audiosocket.Digit("#"),
        audiosocket.Unknown(0x42),
        audiosocket.Failed(b"\x04"),
        audiosocket.Hangup(),
    ]


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_are_too_strange(data: bytes, greeted: bool) -> None:
    decoder = PbxDecoder()
    decoder.receive((message(0x01, CALL.bytes) if greeted else b"") + data)
    try:
        list(decoder.events())
    except WireError:
        with pytest.raises(WireError):  # it stays broken
            list(decoder.events())


def test_what_is_said_is_what_the_protocol_says() -> None:
    assert audiosocket.encode_audio(b"\1\2\3\4", 8000).hex() == "10000401020304"
    assert audiosocket.encode_audio(b"", 24_000).hex() == "130000"
    assert audiosocket.encode_hangup() == HANGUP
