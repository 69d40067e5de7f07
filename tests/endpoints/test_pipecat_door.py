"""The sentence protocol with real WebSocket clients: what they say, and what they hear."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import av
import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from telephony.audio.encoders import open_encoder
from telephony.audio.samples import to_pcm16
from telephony.endpoints import pipecat
from telephony.engines.base import Engine, SynthesisError
from telephony.engines.tone import SECONDS_PER_CHARACTER, ToneEngine, pitch_hz
from telephony.listeners.playback import FADE_S
from telephony.listeners.session import Session, Speech
from telephony.service import Service
from telephony.speech import Samples
from telephony.text.script import Script
from tests.clients import (
    TIMEOUT_S,
    EventLog,
    NumberedEngine,
    Throttle,
    dominant_hz,
    figure,
    tone,
    tone_samples,
    wait_figure,
)
from tests.conftest import StartService

PATH = "/v1/audio/speech/stream/ws"
FRAME_BYTES = 960
VOICES = ("af_sky", "af_aoede", "am_michael")
ENDS = ("done", "canceled", "error")

Message = dict[str, Any]


@dataclass
class Heard:
    """What came of one request: its audio, frame by frame, and the messages about it."""

    frames: list[bytes] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    @property
    def audio(self) -> bytes:
        return b"".join(self.frames)

    @property
    def samples(self) -> Samples:
        """Of PCM, as float32."""
        return np.frombuffer(self.audio, "<i2").astype(np.float32) / np.float32(32767)

    @property
    def kinds(self) -> list[str]:
        """The types of the messages but `meta`."""
        return [message["type"] for message in self.messages if message["type"] != "meta"]

    @property
    def metas(self) -> list[Message]:
        return [message for message in self.messages if message["type"] == "meta"]

    @property
    def end(self) -> Message:
        return self.messages[-1]


class Agent:
    """A voice agent: one connection of the sentence protocol. `with` closes it.

    Args:
        receive_buffer: size of the kernel's buffer; small for one that is not to take much without reading.
    """

    def __init__(self, door: Service, receive_buffer: int | None = None) -> None:
        assert door.http_port is not None
        connection = socket.socket()
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            connection.connect(("127.0.0.1", door.http_port))
        except OSError:
            connection.close()
            raise
        self.ws: ClientConnection = connect(
            f"ws://127.0.0.1:{door.http_port}{PATH}",
            sock=connection,
            max_size=None,
            close_timeout=1.0,
        )

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *_: object) -> None:
        self.ws.close()

    def send(self, kind: str, **fields: Any) -> None:
        self.ws.send(json.dumps({"type": kind, **fields}))

    def start(self, **fields: Any) -> Message:
        """Says start; returns the answer."""
        self.send("start", **fields)
        return self.read_message()

    def speak(self, request_id: str, text: str, **fields: Any) -> None:
        self.send("speak", request_id=request_id, text=text, **fields)

    def cancel(self, request_id: str) -> None:
        self.send("cancel", request_id=request_id)

    def read(self) -> Message | bytes:
        received = self.ws.recv(TIMEOUT_S)
        return received if isinstance(received, bytes) else json.loads(received)

    def read_message(self) -> Message:
        """The next message, which must not be audio."""
        message = self.read()
        assert isinstance(message, dict), f"{len(message)} bytes of audio"
        return message

    def hear(self, request_id: str, until: Sequence[str] = ENDS, heard: Heard | None = None) -> Heard:
        """Reads a request up to its end, or a message of another type; nothing of another request may come between."""
        heard = Heard() if heard is None else heard
        while not heard.messages or heard.end["type"] not in until:
            message = self.read()
            if isinstance(message, bytes):
                assert "started_speak" in heard.kinds, "audio of nobody"
                heard.frames.append(message)
            else:
                assert message["request_id"] == request_id, message
                heard.messages.append(message)
        return heard

    def hear_more(self, heard: Heard) -> None:
        """Reads one message more."""
        message = self.read()
        if isinstance(message, bytes):
            heard.frames.append(message)
        else:
            heard.messages.append(message)

    def hear_samples(self, request_id: str, count: int) -> Heard:
        """Reads a request until that many samples of PCM were heard."""
        heard = self.hear(request_id, until=["started_speak"])
        while len(heard.samples) < count:
            self.hear_more(heard)
        return heard

    def read_to_close(self) -> int | None:
        """Reads, and forgets, everything; returns the close code, None if the connection was cut without one."""
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                self.ws.recv(TIMEOUT_S)
        return closed.value.rcvd.code if closed.value.rcvd is not None else None


def wait_nothing_left(door: Service) -> None:
    """Waits until no session is open; then none may be left in memory, nor a speech, nor a task that serves one."""
    wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="pipecat")
    pause = threading.Event()
    for _ in range(int(TIMEOUT_S / 0.05)):
        left = leftovers()
        if not left:
            return
        pause.wait(0.05)
    raise AssertionError(f"left behind: {left}")


def leftovers() -> list[str]:
    """The sessions, speeches and tasks of this door that are in memory."""
    gc.collect()
    # By type: to ask an object of the libraries for its class may run their code.
    return [
        str(known)
        for known in gc.get_objects()
        if type(known) in (Session, Speech)
        or (type(known) is asyncio.Task and not known.done() and "pipecat" in repr(known))
    ]


def decode(data: bytes, container: str) -> tuple[Samples, int]:
    """Samples and their rate of a file in FFmpeg's `container`."""
    options = {"ar": "8000"} if container in ("mulaw", "alaw") else {}
    with av.open(io.BytesIO(data), "r", format=container, options=options) as opened:
        resampler = av.AudioResampler(format="flt", layout="mono")
        frames = [
            ready for frame in itertools.chain(opened.decode(audio=0), [None]) for ready in resampler.resample(frame)
        ]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]), frames[0].sample_rate


# What a request is answered with


def test_request_is_answered_with_its_audio_in_frames_of_20_ms(service: StartService) -> None:
    with Agent(service(http_port=0)) as agent:
        agent.speak("one", "Hello there, caller")
        heard = agent.hear("one")
    assert heard.kinds == ["started_speak", "done"]
    assert heard.messages[0] == {"type": "started_speak", "request_id": "one"}
    assert heard.end == {"type": "done", "request_id": "one", "duration_s": 0.95}
    assert {len(frame) for frame in heard.frames[:-1]} == {FRAME_BYTES}
    assert len(heard.frames[-1]) <= FRAME_BYTES
    assert heard.audio == to_pcm16(tone("Hello there, caller"))


def test_frames_are_as_long_as_they_are_set_to_be_whatever_the_windows(service: StartService) -> None:
    engine = ToneEngine(window_s=0.25)
    with Agent(service(engine, http_port=0, frame_ms=40)) as agent:
        agent.start(sample_rate=16_000)
        agent.speak("one", "Hello there, caller")
        frames = agent.hear("one").frames
    assert {len(frame) for frame in frames[:-1]} == {1280}
    assert sum(map(len, frames)) == pytest.approx(0.95 * 16_000 * 2, abs=4)


def test_start_is_answered_with_what_was_chosen(service: StartService) -> None:
    with Agent(service(ToneEngine(voice_names=VOICES), http_port=0)) as agent:
        assert agent.start() == {
            "type": "started",
            "voice": "af_sky",
            "format": "pcm",
            "sample_rate": 24_000,
            "timestamps": False,
        }
        assert agent.start(voice="female", format="mulaw", timestamps=True) == {
            "type": "started",
            "voice": "af_aoede",
            "format": "mulaw",
            "sample_rate": 8000,
            "timestamps": True,
        }
        assert agent.start(voice="male", format=None, sample_rate=None)["voice"] == "am_michael"


def test_requests_keep_what_was_valid_when_they_were_said(service: StartService) -> None:
    throttle = Throttle()
    with Agent(service(ToneEngine(on_render=throttle), http_port=0)) as agent:
        agent.speak("first", "Hello.")
        assert agent.start(sample_rate=8000)["type"] == "started"
        agent.speak("second", "Hello.")
        throttle.open()
        first, second = agent.hear("first"), agent.hear("second")
    assert len(first.audio) == 2 * tone_samples("Hello.")
    assert len(second.samples) == pytest.approx(tone_samples("Hello.", 8000), abs=2)


def test_voice_and_speed_of_one_request(service: StartService) -> None:
    said: list[tuple[str, float]] = []

    class Recording(ToneEngine):
        def prepare(self, text: str, voice: str, speed: float, *rest: Any, **options: Any) -> Any:
            said.append((voice, speed))
            return super().prepare(text, voice, speed, *rest, **options)

    with Agent(service(Recording(voice_names=VOICES), http_port=0, speed=1.5)) as agent:
        agent.start(voice="female")
        overrides: list[Message] = [{}, {"voice": "male", "speed": 2}, {"voice": None, "speed": 0.5}]
        for number, fields in enumerate(overrides):
            agent.speak(str(number), "Hello.", **fields)
            agent.hear(str(number))
    assert said == [("af_aoede", 1.5), ("am_michael", 2.0), ("af_aoede", 0.5)]


def test_engine_is_named_once_for_the_requests_behind_it(service: StartService) -> None:
    with Agent(service(http_port=0)) as agent:
        while (answer := agent.start(engine="piper"))["type"] == "error":  # until it is loaded
            assert (answer["code"], answer["message"][:27]) == ("bad_voice", "engine 'piper' is not loade")
        assert answer["voice"] == "joe"
        agent.speak("1", "Hello.")
        assert len(agent.hear("1").audio) / 2 == pytest.approx(tone_samples("Hello."), abs=16)
        assert agent.start(engine=7)["code"] == "bad_voice"


def test_request_without_an_id_is_given_one(service: StartService) -> None:
    with Agent(service(http_port=0)) as agent:
        ids = set()
        for _ in range(2):
            agent.send("speak", text="Hello.")
            started = agent.read_message()
            heard = agent.hear(started["request_id"], heard=Heard(messages=[started]))
            assert heard.kinds == ["started_speak", "done"]
            ids.add(started["request_id"])
    assert len(ids) == 2


def test_requests_in_flight_are_heard_in_their_order(service: StartService) -> None:
    texts = {str(number): f"This is request {number}." for number in range(50)}
    with Agent(service(http_port=0)) as agent:
        for request_id, text in texts.items():
            agent.speak(request_id, text)
        for request_id, text in texts.items():
            assert agent.hear(request_id).audio == to_pcm16(tone(text))


@pytest.mark.slow
def test_a_hundred_connections_hear_each_their_own(service: StartService) -> None:
    # A hundred clients in this very process slow the service down, which would then tell some of them that it is busy.
    door = service(http_port=0, max_sessions=100, max_first_audio_s=0.0)
    with contextlib.ExitStack() as stack:
        agents = [stack.enter_context(Agent(door)) for _ in range(100)]
        for turn in range(2):
            for number, agent in enumerate(agents):
                agent.speak("mine", f"Agent {number} in turn {turn}")
            for number, agent in enumerate(agents):
                assert agent.hear("mine").audio == to_pcm16(tone(f"Agent {number} in turn {turn}"))


def test_progress_is_the_audio_before_each_window(service: StartService) -> None:
    with Agent(service(http_port=0)) as agent:
        agent.speak("one", "x" * 20)  # a second, in five windows
        heard = Heard()
        heard_s: list[float] = []
        for kind in ("started_speak", "meta", "meta", "meta", "meta", "done"):
            before = len(heard.messages)
            while len(heard.messages) == before:
                message = agent.read()
                if isinstance(message, bytes):
                    heard.frames.append(message)
                else:
                    heard.messages.append(message)
            assert heard.end["type"] == kind
            heard_s.append(len(heard.samples) / 24_000)
    assert [meta["progress"] for meta in heard.metas] == [0.2, 0.4, 0.6, 0.8] == heard_s[1:-1]
    assert all("words" not in meta for meta in heard.metas)


def test_timestamps_tell_when_each_word_is_heard(service: StartService) -> None:
    text = "One sentence, or two. Another one."
    with Agent(service(http_port=0)) as agent:
        agent.start(timestamps=True)
        agent.speak("one", text)
        heard = agent.hear("one")
    words = [word for meta in heard.metas for word in meta["words"]]
    assert [word["word"] for word in words] == text.split()
    assert words[0] == {"word": "One", "start_s": 0.0, "end_s": pytest.approx(3 * SECONDS_PER_CHARACTER)}
    first_of_second = words[4]["start_s"]
    assert first_of_second == pytest.approx(tone_samples("One sentence, or two.") / 24_000)
    assert_in_order(words, heard.end["duration_s"])


def assert_in_order(words: Sequence[Message], duration_s: float) -> None:
    times = [time for word in words for time in (word["start_s"], word["end_s"])]
    assert times[0] >= 0
    assert all(before <= after for before, after in pairwise(times))
    assert times[-1] <= duration_s


# Formats


@pytest.mark.parametrize("sample_rate", [8000, 16_000, 24_000, 48_000])
def test_pcm_at_other_rates(service: StartService, sample_rate: int) -> None:
    text = "A second of tone to be heard"
    with Agent(service(http_port=0)) as agent:
        assert agent.start(format="pcm", sample_rate=sample_rate)["sample_rate"] == sample_rate
        agent.speak("one", text)
        heard = agent.hear("one")
    assert len(heard.samples) == pytest.approx(tone_samples(text, sample_rate), abs=2)
    assert dominant_hz(heard.samples, sample_rate) == pytest.approx(pitch_hz(text), abs=2.0)


@pytest.mark.parametrize("sound_format", ["mulaw", "alaw"])
def test_telephone_formats_are_a_byte_a_sample_in_frames_of_20_ms(service: StartService, sound_format: str) -> None:
    text = "A second of tone to be heard"
    with Agent(service(http_port=0)) as agent:
        assert agent.start(format=sound_format)["sample_rate"] == 8000
        agent.speak("one", text)
        heard = agent.hear("one")
    assert {len(frame) for frame in heard.frames[:-1]} == {160}
    samples, sample_rate = decode(heard.audio, sound_format)
    assert sample_rate == 8000
    assert len(samples) == pytest.approx(tone_samples(text, 8000), abs=2)
    assert dominant_hz(samples, 8000) == pytest.approx(pitch_hz(text), abs=2.0)
    assert np.abs(samples[200:-200]).max() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("sample_rate", [None, 16_000])
def test_each_request_is_an_ogg_stream_of_its_own_in_opus(service: StartService, sample_rate: int | None) -> None:
    texts = {"one": "A second of tone to be heard", "two": "And one more, a bit longer than that"}
    with Agent(service(http_port=0)) as agent:
        assert agent.start(format="opus", sample_rate=sample_rate)["format"] == "opus"
        for request_id, text in texts.items():
            agent.speak(request_id, text)
        for request_id, text in texts.items():
            heard = agent.hear(request_id)
            assert len(heard.frames) > 10  # it streams
            samples, rate = decode(heard.audio, "ogg")
            assert len(samples) / rate == pytest.approx(heard.end["duration_s"], abs=0.03)
            assert dominant_hz(samples[rate // 10 :], rate) == pytest.approx(pitch_hz(text), abs=3.0)


# Cancel and stop


def test_cancel_in_mid_sentence_ends_it_and_the_next_request_speaks(service: StartService) -> None:
    throttle = Throttle()
    with Agent(service(NumberedEngine(on_render=throttle), http_port=0)) as agent:
        agent.speak("one", "x" * 400)
        agent.speak("two", "y" * 8)
        throttle.allow(2)
        heard = agent.hear_samples("one", 2 * 4800)
        throttle.wait_asked(3)  # the third window is in the engine now
        agent.cancel("one")
        end = agent.hear("one", heard=heard).end
        assert end == {"type": "canceled", "request_id": "one", "text_spoken": "", "text_remaining": "x" * 400}
        throttle.open()
        second = agent.hear("two")
    assert len(heard.samples) == 2 * 4800
    assert second.end["type"] == "done"
    numbers = np.round(second.samples * 4096).astype(int)
    assert numbers.tolist() == [1] * 4800 + [2] * 4800
    assert len(throttle.asked) == 5  # the cancelled one was not rendered on


def test_cancel_of_a_waiting_request_is_answered_at_once_and_the_others_go_on(service: StartService) -> None:
    throttle = Throttle()
    with Agent(service(ToneEngine(on_render=throttle), http_port=0)) as agent:
        for request_id in ("one", "two", "three"):
            agent.speak(request_id, f"This is {request_id}.")
        throttle.wait_asked(1)
        agent.cancel("two")
        canceled = agent.read_message()
        assert canceled == {
            "type": "canceled",
            "request_id": "two",
            "text_spoken": "",
            "text_remaining": "This is two.",
        }
        throttle.open()
        for request_id in ("one", "three"):
            assert agent.hear(request_id).audio == to_pcm16(tone(f"This is {request_id}."))
    assert "This is two." not in throttle.asked


def test_cancel_during_the_last_window_ends_it_too(service: StartService) -> None:
    door = service(ToneEngine(window_s=60.0), http_port=0)
    with Agent(door, receive_buffer=4096) as agent:
        agent.speak("one", "x" * 300)  # 15 s in one window, more than fits into the buffers of a reader who has paused
        heard = agent.hear("one", until=["started_speak"])
        agent.cancel("one")
        agent.speak("two", "Next.")
        assert agent.hear("one", heard=heard).end["type"] == "canceled"
        assert len(heard.samples) < 15 * 24_000
        assert agent.hear("two").audio == to_pcm16(tone("Next."))


@pytest.mark.parametrize("audio_format", ["pcm", "mulaw", "opus"])
def test_with_a_lead_a_cancel_leaves_little_and_fades(service: StartService, audio_format: str) -> None:
    with Agent(service(ToneEngine(window_s=10.0), http_port=0)) as agent:
        assert agent.start(format=audio_format, lead_ms=60)["lead_ms"] == 60
        began_at = time.monotonic()
        agent.speak("one", "one two three four five six seven eight nine ten eleven twelve")
        heard = agent.hear("one", until=["started_speak"])
        while len(heard.frames) < 15:
            agent.hear_more(heard)
        agent.cancel("one")
        agent.hear("one", heard=heard)
        data = heard.audio
        samples, rate = (
            (heard.samples, 24_000)
            if audio_format == "pcm"
            else decode(data, {"mulaw": "mulaw", "opus": "ogg"}[audio_format])
        )
        assert 0.3 < len(samples) / rate < time.monotonic() - began_at + 0.06 + FADE_S + 0.03
        fade = np.abs(samples[-rate // 100 :])
        assert np.abs(samples[-rate // 10 : -rate // 12]).max() > 0.3
        assert fade.max() < 0.1
        assert heard.end["text_spoken"].startswith("one")
        whole = f"{heard.end['text_spoken']} {heard.end['text_remaining']}"
        assert whole == "one two three four five six seven eight nine ten eleven twelve"


@pytest.mark.parametrize("lead_ms", [0, 19, 10_001, 60.5, "60", True])
def test_a_lead_that_cannot_be_is_named(service: StartService, lead_ms: object) -> None:
    with Agent(service(http_port=0)) as agent:
        assert agent.start(lead_ms=lead_ms)["code"] == "bad_lead"


def test_cancelled_id_may_be_used_again_at_once(service: StartService) -> None:
    throttle = Throttle()
    with Agent(service(ToneEngine(on_render=throttle), http_port=0)) as agent:
        agent.speak("one", "This is cancelled.")
        throttle.wait_asked(1)
        agent.cancel("one")
        agent.speak("one", "This is spoken.")
        assert agent.read_message()["type"] == "canceled"
        throttle.open()
        heard = agent.hear("one")
    assert heard.kinds == ["started_speak", "done"]
    assert heard.audio == to_pcm16(tone("This is spoken."))


@pytest.mark.parametrize("request_id", ["never", "ended", "canceled"])
def test_cancel_of_what_is_not_in_flight_is_an_error(service: StartService, request_id: str) -> None:
    throttle = Throttle(1)
    with Agent(service(ToneEngine(on_render=throttle), http_port=0)) as agent:
        agent.speak("ended", "x")
        agent.hear("ended")
        agent.speak("canceled", "y")
        agent.cancel("canceled")
        assert agent.hear("canceled").kinds == ["canceled"]
        agent.cancel(request_id)
        error = agent.read_message()
        assert (error["type"], error["code"], error["request_id"]) == ("error", "unknown_request", request_id)
        throttle.open()
        agent.speak("next", "Next.")
        assert agent.hear("next").end["type"] == "done"


@pytest.mark.slow
def test_stop_ends_everything_and_closes_the_connection(service: StartService) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), http_port=0)
    with Agent(door) as agent:
        agent.speak("one", "x" * 100)
        agent.speak("two", "Nobody hears this.")
        throttle.allow(1)
        agent.hear_samples("one", 4800)
        throttle.wait_asked(2)
        agent.send("stop")
        assert agent.read_message() == {"type": "stopped"}
        assert agent.read_to_close() == 1000
        throttle.open()
    wait_nothing_left(door)
    assert throttle.asked == ["x" * 100] * 2


# Errors


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "bad_json"),
        ("", "bad_json"),
        ("[1]", "bad_json"),
        ("[" * 100_000, "bad_json"),
        (b'{"type":"stop"}', "unexpected_binary"),
        ("{}", "unknown_type"),
        ('{"type":["speak"]}', "unknown_type"),
        ('{"type":"sp\\ud800"}', "unknown_type"),
        ('{"type":"start","format":"mp3"}', "bad_format"),
        ('{"type":"start","format":["pcm"]}', "bad_format"),
        ('{"type":"start","sample_rate":44100}', "bad_format"),
        ('{"type":"start","sample_rate":"8000"}', "bad_format"),
        ('{"type":"start","format":"alaw","sample_rate":16000}', "bad_format"),
        ('{"type":"start","timestamps":"no"}', "bad_timestamps"),
        ('{"type":"start","voice":"nobody"}', "bad_voice"),
        ('{"type":"start","voice":"\\udfff"}', "bad_voice"),
        ('{"type":"start","voice":7}', "bad_voice"),
        ('{"type":"cancel"}', "unknown_request"),
        ('{"type":"cancel","request_id":7}', "bad_request_id"),
    ],
)
def test_message_that_is_wrong_is_answered_and_the_connection_goes_on(
    service: StartService, message: str | bytes, code: str
) -> None:
    with Agent(service(http_port=0)) as agent:
        agent.ws.send(message)
        error = agent.read_message()
        assert (error["type"], error["code"], error["request_id"]) == ("error", code, None)
        assert error["message"]
        agent.speak("one", "Hello.")
        assert agent.hear("one").audio == to_pcm16(tone("Hello."))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"text": ""}, "empty_text"),
        ({"text": " \n\t "}, "empty_text"),
        ({"text": "... !!! 😀"}, "empty_text"),
        ({}, "bad_text"),
        ({"text": None}, "bad_text"),
        ({"text": 7}, "bad_text"),
        ({"text": ["Hello."]}, "bad_text"),
        ({"text": "x" * 101}, "bad_text"),
        ({"text": "Hello \ud800."}, "bad_text"),
        ({"text": "Hello.", "voice": "nobody"}, "bad_voice"),
        ({"text": "Hello.", "voice": {}}, "bad_voice"),
        ({"text": "Hello.", "speed": "fast"}, "bad_speed"),
        ({"text": "Hello.", "speed": 0.49}, "bad_speed"),
        ({"text": "Hello.", "speed": 10**400}, "bad_speed"),
        ({"text": "Hello.", "speed": float("nan")}, "bad_speed"),
        ({"text": "Hello.", "speed": True}, "bad_speed"),
    ],
)
def test_request_that_is_wrong_is_answered_with_its_id_and_the_others_go_on(
    service: StartService, fields: Message, code: str
) -> None:
    throttle = Throttle()
    with Agent(service(ToneEngine(on_render=throttle), http_port=0, max_text_chars=100)) as agent:
        agent.speak("one", "Hello.")
        agent.send("speak", request_id="wrong", **fields)
        error = agent.read_message()
        assert (error["type"], error["code"], error["request_id"]) == ("error", code, "wrong")
        throttle.open()
        agent.speak("two", "x" * 100)
        assert [agent.hear(request_id).end["type"] for request_id in ("one", "two")] == ["done", "done"]


@pytest.mark.parametrize("request_id", ["", 7, ["one"], "x" * 201, "\ud800"])
def test_id_that_cannot_be_is_an_error(service: StartService, request_id: object) -> None:
    with Agent(service(http_port=0)) as agent:
        agent.send("speak", request_id=request_id, text="Hello.")
        error = agent.read_message()
        assert (error["code"], error["request_id"]) == ("bad_request_id", None)
        agent.speak("x" * 200, "Hello.")
        assert agent.hear("x" * 200).end["type"] == "done"


def test_id_of_a_request_in_flight_is_an_error_and_that_request_goes_on(service: StartService) -> None:
    throttle = Throttle()
    with Agent(service(ToneEngine(on_render=throttle), http_port=0)) as agent:
        agent.speak("one", "The first one.")
        agent.speak("one", "The second one.")
        error = agent.read_message()
        assert (error["code"], error["request_id"]) == ("bad_request_id", "one")
        throttle.open()
        assert agent.hear("one").audio == to_pcm16(tone("The first one."))
        agent.speak("one", "The third one.")
        assert agent.hear("one").audio == to_pcm16(tone("The third one."))


def test_failed_synthesis_ends_its_request_with_an_error_only(service: StartService) -> None:
    def refuse(text: str) -> None:
        if "bad" in text:
            raise SynthesisError("scripted")
        if "worse" in text:
            raise ZeroDivisionError(text)

    with Agent(service(ToneEngine(on_render=refuse), http_port=0)) as agent:
        agent.speak("none", "All bad.")
        agent.speak("foreign", "All worse.")
        agent.speak("part", "One good. One bad. One more.")
        agent.speak("all", "All good.")
        failed = agent.hear("none")
        assert failed.kinds == ["error"]
        assert (failed.end["code"], failed.end["message"]) == ("stream_error", "scripted")
        assert "worse" not in agent.hear("foreign").end["message"]
        part = agent.hear("part")
        assert part.kinds == ["started_speak", "error"]
        assert part.end["code"] == "stream_error"
        assert part.audio == to_pcm16(np.concatenate([tone("One good."), tone("One more.")]))
        assert agent.hear("all").kinds == ["started_speak", "done"]


def test_defect_ends_its_connection_only(service: StartService, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_opus(name: str, sample_rate: int) -> Any:
        if name == "opus":
            raise ZeroDivisionError("scripted")
        return open_encoder(name, sample_rate)

    monkeypatch.setattr(pipecat, "open_encoder", break_opus)
    door = service(http_port=0)
    with Agent(door) as other, Agent(door) as agent:
        agent.start(format="opus")
        agent.speak("one", "Hello.")
        assert agent.read_to_close() == 1011
        other.speak("one", "Hello.")
        assert other.hear("one").audio == to_pcm16(tone("Hello."))
    monkeypatch.undo()
    wait_nothing_left(door)


# Bounds


def test_a_hundred_idle_connections_keep_nobody_from_speaking(service: StartService) -> None:
    door = service(http_port=0, max_sessions=100, max_first_audio_s=0.0)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(Agent(door)) for _ in range(100)]
        idle[0].speak("one", "Whoever has spoken is idle again.")
        assert idle[0].hear("one").end["type"] == "done"
        answer = httpx.post(f"http://127.0.0.1:{door.http_port}/synthesize", json={"text": "Hello."}, timeout=TIMEOUT_S)
        assert answer.status_code == 200
        with Agent(door) as agent:
            agent.speak("one", "Hello.")
            assert agent.hear("one").audio == to_pcm16(tone("Hello."))
        idle[99].speak("one", "At last.")
        assert idle[99].hear("one").end["type"] == "done"


def test_a_request_for_which_there_is_no_place_is_told_busy_and_its_connection_stays(service: StartService) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), http_port=0, max_sessions=1, max_first_audio_s=0.0)
    with Agent(door) as first, Agent(door) as second:
        first.speak("one", "Hello.")
        throttle.wait_asked(1)
        first.speak("more", "Who speaks needs no second place.")
        for _ in range(2):
            second.speak("refused", "Hello.")
            error = second.read_message()
            assert (error["code"], error["request_id"]) == ("busy", "refused")
        throttle.open()
        for request_id in ("one", "more"):
            assert first.hear(request_id).end["type"] == "done"
        second.speak("refused", "Now there is room.")
        assert second.hear("refused").end["type"] == "done"
        first.speak("again", "For either.")
        assert first.hear("again").end["type"] == "done"


def test_a_cancel_frees_the_place(service: StartService) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), http_port=0, max_sessions=1, max_first_audio_s=0.0)
    with Agent(door) as first, Agent(door) as second:
        first.speak("one", "x" * 50)
        throttle.wait_asked(1)
        first.cancel("one")
        assert first.hear("one").end["type"] == "canceled"
        throttle.open()
        second.speak("one", "Hello.")
        assert second.hear("one").audio == to_pcm16(tone("Hello."))


def test_idle_connections_over_their_bound_make_room_for_the_next(service: StartService, events: EventLog) -> None:
    door = service(http_port=0, max_http_connections=8, max_first_audio_s=0.0)
    with Agent(door) as spoken, Agent(door) as mute:
        spoken.speak("one", "Hello.")
        spoken.hear("one")
        with Agent(door) as late:
            assert mute.read_message()["code"] == "busy"
            assert mute.read_to_close() == 1013
            for agent in (spoken, late):
                agent.speak("two", "Hello.")
                assert agent.hear("two").audio == to_pcm16(tone("Hello."))
            events.wait("idle_client_closed", door="pipecat", why="number")
    assert figure(door, "tts_idle_clients_closed_total", door="pipecat", why="number") == 1
    wait_nothing_left(door)


@pytest.mark.slow
def test_an_idle_connection_is_closed_in_time_and_a_speaker_is_not(service: StartService) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), http_port=0, idle_timeout_s=0.3)
    with Agent(door) as speaker:
        speaker.speak("one", "Hello.")
        throttle.wait_asked(1)
        with Agent(door) as idle:
            assert idle.read_to_close() == 1001
        throttle.open()
        assert speaker.hear("one").audio == to_pcm16(tone("Hello."))
        assert speaker.read_to_close() == 1001
    assert figure(door, "tts_idle_clients_closed_total", door="pipecat", why="time") == 2
    wait_nothing_left(door)


def test_who_asks_for_more_in_the_moment_of_its_last_end_is_not_idle(
    service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answered = threading.Event(), threading.Event()
    parse = Script.parse

    def parse_when_told(text: str) -> Script:
        if len(text) > 500:
            asked.set()
            assert answered.wait(TIMEOUT_S)
        return parse(text)

    monkeypatch.setattr(Script, "parse", parse_when_told)
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), http_port=0, idle_timeout_s=0.5, max_first_audio_s=0.0)
    text = "Two words. " * 50
    with Agent(door) as speaker:
        speaker.speak("one", "x")
        throttle.wait_asked(1)
        speaker.speak("two", text)
        assert asked.wait(TIMEOUT_S)
        throttle.allow(1)
        assert speaker.hear("one").end["type"] == "done"
        answered.set()
        throttle.wait_asked(2)
        with Agent(door) as idle:
            assert idle.read_to_close() == 1001
        throttle.open()
        assert speaker.hear("two").end["type"] == "done"


def test_service_that_is_stopping_refuses_connections_and_requests(service: StartService) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), http_port=0)
    with Agent(door) as agent:
        agent.speak("accepted", "Hello.")
        throttle.wait_asked(1)
        door.sessions.refuse()
        agent.speak("refused", "Hello.")
        error = agent.read_message()
        assert (error["code"], error["request_id"]) == ("busy", "refused")
        with Agent(door) as late:
            assert late.read_message()["code"] == "busy"
            assert late.read_to_close() == 1013
        throttle.open()
        assert agent.hear("accepted").audio == to_pcm16(tone("Hello."))


def test_service_that_stops_speaks_what_was_accepted(service: StartService, events: EventLog) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), http_port=0)
    with Agent(door) as agent:
        for request_id in ("one", "two"):
            agent.speak(request_id, "x" * 50)
        wait_figure(door, "tts_queue_depth", lambda depth: depth == 2)
        throttle.wait_asked(1)
        stopping = threading.Thread(target=door.stop)
        stopping.start()
        events.wait("stopping")
        throttle.open()
        for request_id in ("one", "two"):
            heard = agent.hear(request_id)
            assert heard.end["type"] == "done"
            assert heard.audio == to_pcm16(tone("x" * 50))
        assert agent.read_to_close() == 1012
        stopping.join()
    events.wait("stopped", drained=True)


def test_request_that_would_wait_too_long_for_its_first_audio_is_told_busy(service: StartService) -> None:
    throttle = Throttle(1)
    door = service(ToneEngine(on_render=throttle), http_port=0, max_first_audio_s=1e-9)
    with Agent(door) as late:
        with Agent(door) as quick:
            quick.speak("measured", "x")
            quick.hear("measured")
            quick.speak("long", "x" * 20)
            throttle.wait_asked(2)
            late.speak("one", "Hello.")
            error = late.read_message()
            assert (error["code"], error["request_id"]) == ("busy", "one")
            quick.speak("more", "Behind what is in work anyway.")
            throttle.open()
            assert quick.hear("long").end["type"] == "done"
            assert quick.hear("more").end["type"] == "done"
        wait_figure(door, "tts_websockets_open", lambda count: count == 1, door="pipecat")
        late.speak("one", "Hello.")
        assert late.hear("one").end["type"] == "done"


def test_requests_over_the_bound_of_a_connection_are_told_busy(
    service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipecat, "MAX_WAITING_REQUESTS", 3)
    throttle = Throttle()
    with Agent(service(ToneEngine(on_render=throttle), http_port=0)) as agent:
        for number in range(5):
            agent.speak(str(number), f"Request {number}.")
        for number in (3, 4):
            error = agent.read_message()
            assert (error["code"], error["request_id"]) == ("busy", str(number))
        throttle.open()
        for number in range(3):
            assert agent.hear(str(number)).audio == to_pcm16(tone(f"Request {number}."))
        agent.speak("3", "There is room again.")
        assert agent.hear("3").end["type"] == "done"


def test_text_over_the_bound_of_a_connection_is_told_busy(service: StartService) -> None:
    throttle = Throttle()
    with Agent(service(ToneEngine(on_render=throttle), http_port=0, max_queued_text_bytes=50)) as agent:
        agent.speak("long", "x" * 49)
        agent.speak("one", "é")
        assert agent.read_message()["code"] == "busy"
        throttle.open()
        agent.hear("long")
        agent.speak("longer", "x" * 60)
        assert agent.hear("longer").end["type"] == "done"


@pytest.mark.slow
def test_ten_thousand_texts_of_one_character_get_an_answer_each(service: StartService) -> None:
    door = service(http_port=0)

    def speak_much() -> None:
        for number in range(10_000):
            agent.speak(str(number), "x")

    with Agent(door) as agent:
        writer = threading.Thread(target=speak_much)
        writer.start()
        codes = dict.fromkeys(("done", "busy"), 0)
        while sum(codes.values()) < 10_000:
            message = agent.read()
            if isinstance(message, dict) and message["type"] in ENDS:
                codes[message["code"] if message["type"] == "error" else message["type"]] += 1
        writer.join()
        agent.speak("last", "Hello.")
        assert agent.hear("last").audio == to_pcm16(tone("Hello."))
    assert codes["done"] >= 100
    wait_nothing_left(door)


@pytest.mark.slow
def test_message_of_50_mb_closes_its_connection_only(service: StartService) -> None:
    door = service(http_port=0)
    with Agent(door) as other, Agent(door) as agent:
        with contextlib.suppress(ConnectionClosedError):
            agent.speak("one", "x" * 50_000_000)
        # Who is still sending when the service closes may be cut before reading why.
        assert agent.read_to_close() in (1009, None)
        other.speak("one", "Hello.")
        assert other.hear("one").audio == to_pcm16(tone("Hello."))
    wait_nothing_left(door)


# Clients that go away


@pytest.mark.slow
def test_client_that_vanishes_stops_the_work(service: StartService) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), http_port=0)
    with Agent(door) as agent:
        agent.speak("one", "x" * 100)
        agent.speak("two", "Nobody hears this.")
        throttle.allow(1)
        agent.hear_samples("one", 4800)
        throttle.wait_asked(2)
        agent.ws.socket.shutdown(socket.SHUT_RDWR)
        wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="pipecat")
        throttle.open()
    wait_nothing_left(door)
    assert throttle.asked == ["x" * 100] * 2


@pytest.mark.slow
def test_client_that_reads_nothing_is_given_up_and_the_others_hear_all(service: StartService, events: EventLog) -> None:
    door = service(http_port=0, send_timeout_s=0.3, max_first_audio_s=0.0)
    with Agent(door, receive_buffer=4096) as slow, Agent(door) as other:
        slow.speak("one", "x" * 2000)
        other.speak("one", "y" * 200)
        assert len(other.hear("one").samples) == 240_000
        events.wait("client_stalled", door="pipecat")
        assert figure(door, "tts_clients_stalled_total", door="pipecat") == 1
        wait_figure(door, "tts_websockets_open", lambda count: count == 1, door="pipecat")
        other.speak("two", "Hello.")
        assert other.hear("two").end["type"] == "done"
        slow.ws.socket.shutdown(socket.SHUT_RDWR)
    wait_nothing_left(door)


def test_slow_reader_hears_everything(service: StartService) -> None:
    door = service(http_port=0, sink_buffer_s=1.0)
    text = "x" * 300
    with Agent(door, receive_buffer=4096) as agent:
        agent.speak("one", text)
        wait_figure(door, "tts_audio_seconds_total", lambda made_s: made_s >= 2.0, engine="tone")
        assert figure(door, "tts_queue_depth") == 1  # it waits for its reader
        assert agent.hear("one").audio == to_pcm16(tone(text))


# The real model


@pytest.fixture
def kokoro_agent(service: StartService, kokoro: Engine) -> Iterator[Agent]:
    with Agent(service(kokoro, http_port=0)) as agent:
        yield agent


@pytest.mark.model
def test_words_of_the_model_lie_in_order_within_its_audio(kokoro_agent: Agent) -> None:
    text = "Thank you for calling, how can I help you today? Please hold the line for a moment."
    assert kokoro_agent.start(voice="female", timestamps=True)["voice"] == "af_aoede"
    kokoro_agent.speak("one", text)
    heard = kokoro_agent.hear("one")
    words = [word for meta in heard.metas for word in meta["words"]]
    assert [word["word"] for word in words] == text.split()
    assert_in_order(words, len(heard.samples) / 24_000)
    assert heard.end["duration_s"] == pytest.approx(len(heard.samples) / 24_000, abs=0.001)


@pytest.mark.model
def test_model_is_cancelled_within_a_window_and_speaks_the_next_request(kokoro_agent: Agent) -> None:
    kokoro_agent.speak("one", "This is a long story that nobody wants to hear to its end. " * 20)
    heard = kokoro_agent.hear_samples("one", 1)
    kokoro_agent.cancel("one")
    kokoro_agent.speak("two", "What can I do for you?")
    before = len(heard.samples)
    assert kokoro_agent.hear("one", heard=heard).end["type"] == "canceled"
    assert (len(heard.samples) - before) / 24_000 <= 1.6
    second = kokoro_agent.hear("two")
    assert second.kinds == ["started_speak", "done"]
    assert 1.0 < second.end["duration_s"] < 3.0
    assert np.abs(second.samples).max() > 0.1


@pytest.mark.model
@pytest.mark.parametrize(("sound_format", "container"), [("opus", "ogg"), ("mulaw", "mulaw"), ("alaw", "alaw")])
def test_model_in_other_formats_sounds_as_in_pcm(kokoro_agent: Agent, sound_format: str, container: str) -> None:
    samples = {}
    for name in ("pcm", sound_format):
        kokoro_agent.start(format=name, sample_rate=8000)
        kokoro_agent.speak(name, "Good morning, what can I do for you?")
        heard = kokoro_agent.hear(name)
        samples[name] = heard.samples if name == "pcm" else resampled(*decode(heard.audio, container))
        assert len(samples[name]) / 8000 == pytest.approx(heard.end["duration_s"], abs=0.03)
    length = min(map(len, samples.values()))
    assert np.corrcoef(samples["pcm"][:length], samples[sound_format][:length])[0, 1] > 0.8


def resampled(samples: Samples, sample_rate: int) -> Samples:
    """At 8000 Hz."""
    import soxr

    changed: Samples = soxr.resample(samples, sample_rate, 8000)
    return changed
