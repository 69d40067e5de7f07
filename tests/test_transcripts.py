"""What every door says on the wire, compared with a recording in tests/transcripts.

A recording shows what has to stay as it is while the code behind the doors changes. Where a change is meant, `pytest
tests/test_transcripts.py --record` writes them anew, and the difference is there to be read.
"""

from __future__ import annotations

import base64
import itertools
import json
import math
import socket
import struct
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from telephony.endpoints import pipecat
from telephony.engines.base import Engine, SynthesisError, Utterance
from telephony.engines.tone import ToneEngine, ToneUtterance
from telephony.service import Service
from telephony.settings import Settings
from telephony.speech import Samples
from telephony.voices.selector import Loaders
from tests.agents import NEVER_MS
from tests.clients import (
    BYE,
    TIMEOUT_S,
    AudioProcessor,
    TextHost,
    Throttle,
    datagram,
    figure,
    frame_bytes,
    tone_samples,
    until,
    wait_figure,
)
from tests.conftest import StartService
from tests.transcript import HttpClient, Transcript, WebSocketClient, exactly, json_text, roughly

RECORDINGS = Path(__file__).with_name("transcripts")
SESSION_PATH = "/ws/tts"
SENTENCE_PATH = "/v1/audio/speech/stream/ws"
HELD = "Held aside until later"
"""A text that stops behind two windows, 0.4 s: in the middle of its second word."""
HELD_WINDOWS = 2
HELD_FIRST_WORD = "Heldenmusikkapellen play"
"""The same, in the middle of its first word."""
TEXT = "Your table is booked. See you on Friday."
NOT_VALID = "<speak>No end"
COMPRESSED = ("content-length",)
"""What differs from one version of an encoder to the next."""


class Sawtooth(ToneEngine):
    """A tone engine whose samples are the same to the bit on every machine: whole numbers over 1024, and no sine."""

    def _render_one(self, utterance: Utterance) -> Samples:
        assert isinstance(utterance, ToneUtterance)
        start = utterance.position
        count = len(super()._render_one(utterance))
        step = 8 + zlib.crc32(utterance.text.encode()) % 32
        return (((start + np.arange(count)) * step % 1024 - 512) / 1024).astype(np.float32)


class Cues(Throttle):
    """A script for the tone engine: a text with "Broken" fails, one with "Held" stops behind two windows."""

    def __init__(self) -> None:
        super().__init__()
        self._held = 0

    def __call__(self, text: str) -> None:
        if "Broken" in text:
            raise SynthesisError("the engine is out of order")
        if "Held" in text:
            super().__call__(text)

    def hold(self) -> None:
        """Before a text that is to be held."""
        self.allow(HELD_WINDOWS)
        self._held += 1

    def wait_held(self) -> None:
        """Until the text is held."""
        self.wait_asked(self._held * (HELD_WINDOWS + 1))

    def release(self) -> None:
        """The text was cancelled: the engine makes its next window, for nobody."""
        self.allow(1)


Script = Callable[[StartService, Transcript], None]
SCRIPTS: dict[str, Script] = {}


def script(play: Script) -> Script:
    """One conversation, recorded under the name of its function."""
    SCRIPTS[play.__name__] = play
    return play


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_door_says_what_was_recorded(
    service: StartService, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config, name: str
) -> None:
    monkeypatch.setattr(pipecat, "MAX_WAITING_REQUESTS", 2)  # which a script reaches
    transcript = Transcript()
    try:
        SCRIPTS[name](service, transcript)
    finally:
        print(*transcript.lines, sep="\n")  # shown where the test fails
    recording = RECORDINGS / f"{name}.txt"
    if pytestconfig.getoption("--record"):
        recording.write_text("\n".join(transcript.lines) + "\n", encoding="utf-8")
    assert transcript.lines == recording.read_text(encoding="utf-8").splitlines()


def test_every_recording_has_its_script() -> None:
    assert {path.stem for path in RECORDINGS.glob("*")} == set(SCRIPTS)


# The telephone


def tell(service: Service, transcript: Transcript, message: str, call_id: str) -> None:
    """Sends a datagram, and returns when the service has obeyed it."""
    transcript.sent(f"datagram {message}")
    datagram(service, message.replace("<call>", call_id))
    # There is no answer, but one datagram is read behind the other.
    ignored = figure(service, "tts_datagrams_ignored_total")
    datagram(service, "are you there?")
    wait_figure(service, "tts_datagrams_ignored_total", lambda count: count > ignored)


def say(host: TextHost, transcript: Transcript, text: str, who: str = "") -> None:
    transcript.sent(f"text {text}", who)
    host.say(text)


def hear(host: TextHost, transcript: Transcript, frames: int, who: str = "") -> None:
    """The next frames."""
    for frame in host.read_frames(frames):
        transcript.received_frame(frame, who)


def say_goodbye(host: TextHost, transcript: Transcript, who: str = "") -> None:
    transcript.sent("BYE", who)
    host.bye()
    hear_end(host, transcript, who)


def hear_end(host: TextHost, transcript: Transcript, who: str = "") -> None:
    """All frames up to the end of the connection."""
    for frame in host.read_to_end():
        transcript.received_frame(frame, who)
    transcript.received("closed", who)


@script
def text_door(service: StartService, transcript: Transcript) -> None:
    door = service(Sawtooth(on_render=Cues()))
    transcript.title("One frame answers one text, but for those with nothing to say and those that fail.")
    transcript.sent("HELLO 7")
    with TextHost(door.tcp_port, "7") as host:
        for text in ("Hello.", "?!", TEXT, "Broken.", "<speak>One <break time='200ms'/> two.</speak>", NOT_VALID):
            say(host, transcript, text)
        say_goodbye(host, transcript)
    transcript.title("The next call of that id, whose connection another one takes over.")
    transcript.sent("HELLO 7", "first ")
    with TextHost(door.tcp_port, "7") as first:
        say(first, transcript, "Hello.", "first ")
        hear(first, transcript, 1, "first ")
        transcript.sent("HELLO 7", "second ")
        with TextHost(door.tcp_port, "7") as second:
            hear_end(first, transcript, "first ")
            say(second, transcript, "Hello again.", "second ")
            say_goodbye(second, transcript, "second ")
    for title, data in (
        ("BYE without HELLO.", BYE),
        ("A HELLO of no length.", frame_bytes("")),
        ("A HELLO that is too long.", struct.pack(">I", 1025)),
        ("A text that is no UTF-8.", frame_bytes("8") + frame_bytes(b"\xff")),
        ("A text that is too long.", frame_bytes("8") + struct.pack(">I", 10 * 2**20 + 1)),
    ):
        transcript.title(title)
        transcript.sent(data.hex(" "))
        with TextHost(door.tcp_port) as host:
            host.send(data)
            hear_end(host, transcript)


@script
def text_door_streamed(service: StartService, transcript: Transcript) -> None:
    cues = Cues()
    door = service(Sawtooth(on_render=cues), stream=True)
    transcript.title("A frame for each window.")
    transcript.sent("HELLO 7")
    with TextHost(door.tcp_port, "7") as host:
        say(host, transcript, TEXT)
        hear(host, transcript, 11)
        transcript.title("A barge-in.")
        cues.hold()
        say(host, transcript, HELD)
        hear(host, transcript, HELD_WINDOWS)
        cues.wait_held()
        tell(door, transcript, "CANCEL:7", "7")
        cues.release()
        say(host, transcript, "Of course.")
        say_goodbye(host, transcript)


@script
def processor_route(service: StartService, transcript: Transcript) -> None:
    cues = Cues()
    door = service(Sawtooth(on_render=cues))
    with AudioProcessor() as processor:
        transcript.title("A processor registers. Audio comes window by window, and its end behind BYE.")
        tell(door, transcript, "REGISTER:<call>", processor.call_id)
        hear_hello(processor, transcript, 1)
        transcript.sent("HELLO <call>")
        with TextHost(door.tcp_port, processor.call_id) as host:
            say(host, transcript, "Hello.")
            hear_windows(processor, transcript, range(2))
            transcript.title("A barge-in.")
            cues.hold()
            say(host, transcript, HELD)
            hear_windows(processor, transcript, range(2, 4))
            cues.wait_held()
            tell(door, transcript, "CANCEL:<call>", processor.call_id)
            cues.release()
            say(host, transcript, "Of course.")
            say_goodbye(host, transcript)
        hear_windows(processor, transcript, range(4, 7))
        hear_end_of_audio(processor, transcript)
        transcript.title("The next call of that id, which ends by UDP in the middle of its speech.")
        tell(door, transcript, "REGISTER:<call>", processor.call_id)
        hear_hello(processor, transcript, 2)
        transcript.sent("HELLO <call>")
        with TextHost(door.tcp_port, processor.call_id) as host:
            cues.hold()
            say(host, transcript, HELD)
            hear_windows(processor, transcript, range(7, 9))
            cues.wait_held()
            tell(door, transcript, "BYE:<call>", processor.call_id)
            cues.release()
            hear_end_of_audio(processor, transcript)
            transcript.title("Its text connection is open: the next text begins another call, without a processor.")
            say(host, transcript, "Hello again.")
            say_goodbye(host, transcript)


def hear_hello(processor: AudioProcessor, transcript: Transcript, connections: int) -> None:
    """The service has connected so many times, and said the call's id each time, which the processor checks."""
    processor.wait(lambda it: len(it.receptions) == connections and it.receptions[-1].call_id is not None)
    transcript.received("HELLO <call>", "processor ")


def hear_windows(processor: AudioProcessor, transcript: Transcript, which: range) -> None:
    """Frames, counted over all connections; there are no more by then."""
    processor.wait(lambda it: len(it.frames) >= which.stop)
    assert len(processor.frames) == which.stop
    for place in which:
        transcript.received_frame(processor.frames[place], "processor ")


def hear_end_of_audio(processor: AudioProcessor, transcript: Transcript) -> None:
    """On the newest connection."""
    processor.wait(lambda it: it.receptions[-1].ended and it.receptions[-1].closed)
    transcript.received("end of audio, closed", "processor ")


# The WebSocket protocols


@script
def session_protocol(service: StartService, transcript: Transcript) -> None:
    cues = Cues()
    door = service(
        Sawtooth(on_render=cues),
        http_port=0,
        max_first_audio_s=0.0,
        max_sessions=1,
        max_text_chars=200,
        debounce_ms=NEVER_MS,
    )
    with WebSocketClient(transcript, door.http_port, SESSION_PATH) as agent:
        agent.write_handshake()
        transcript.title("What cannot be understood, or is out of place.")
        for message in ("{", "[]", b"\0", '{"kind": "flush"}'):
            agent.send_raw(message)
            agent.hear("error")
        agent.send("shout")
        agent.hear("error")
        for kind, fields in (("send_text", {"text": "Hello."}), ("flush", {}), ("cancel", {}), ("end_session", {})):
            agent.send(kind, **fields)
            agent.hear("error")
        for field, value in (
            ("voice", "nobody"),
            ("lang_code", "xx"),
            ("engine", "nobody"),
            ("speed", 9.0),
            ("timestamps", "yes"),
            ("lead_ms", 1),
        ):
            agent.send("start_session", config={field: value})
            agent.hear("error")
        agent.send("start_session", session_id="\n")
        agent.hear("error")
        transcript.title("A session whose text comes in pieces.")
        agent.send("start_session", session_id="call-17", config={"voice": "af_sky", "lang_code": "a", "speed": 1.0})
        agent.hear("session_started")
        agent.send("start_session")
        agent.hear("error")
        for piece in ("Your table is boo", "ked. See ", "you on Friday"):
            agent.send("send_text", text=piece)
        agent.hear("segment_done")
        agent.send("flush")
        agent.hear("segment_done")
        transcript.title("Documents.")
        agent.send("send_text", text="<speak>One <break time='200ms'/> two.</speak>")
        agent.hear("segment_done")
        for text in ("<speak><loud></speak>", "<speak>?</speak>"):
            agent.send("send_text", text=text)
            agent.hear("error")
        transcript.title("Texts that are not spoken.")
        agent.send("send_text", text="x" * 201)
        agent.hear("error")
        agent.send("send_text", text=5)
        agent.hear("error")
        agent.send("send_text", text="Broken.")
        agent.send("flush")
        agent.hear("error")
        transcript.title("No place for another session.")
        with WebSocketClient(transcript, door.http_port, SESSION_PATH, "other ") as other:
            other.send("start_session")
            other.hear_close()
        agent.send("end_session")
        agent.hear("session_ended")
        transcript.title("A barge-in, when there is nothing to hear and in the middle of speech.")
        agent.send("start_session", session_id="call-18")
        agent.hear("session_started")
        agent.send("cancel")
        agent.hear("cancelled")
        cues.hold()
        agent.send("send_text", text=f"{HELD_FIRST_WORD} now. And more")
        agent.hear_frames(20)
        cues.wait_held()
        agent.send("cancel")
        agent.hear("cancelled")
        cues.release()
        agent.send("send_text", text="Of course.")
        agent.send("end_session")
        agent.hear("session_ended")
        transcript.title("A session without a name, that says nothing.")
        agent.send("start_session")
        agent.hear("session_started")
        agent.send("end_session")
        agent.hear("session_ended")
        transcript.title("Times of words, frames of one length, a bounded lead.")
        config = {"timestamps": True, "fixed_frames": True, "lead_ms": 20, "speed": 2.0}
        agent.send("start_session", session_id="call-19", config=config)
        agent.hear("session_started")
        agent.send("send_text", text="One, two.")
        agent.send("flush")
        agent.hear("segment_done")
        agent.send("end_session")
        agent.hear("session_ended")
        transcript.title("A barge-in that comes when the first word was heard.")
        agent.send("start_session", session_id="call-20", config={"timestamps": True, "lead_ms": 20})
        agent.hear("session_started")
        cues.hold()
        agent.send("send_text", text=HELD)
        agent.send("flush")
        agent.hear_frames(20)
        cues.wait_held()
        agent.send("cancel")
        agent.hear("cancelled")
        cues.release()
        agent.send("end_session")
        agent.hear("session_ended")


@script
def sentence_protocol(service: StartService, transcript: Transcript) -> None:
    cues = Cues()
    door = service(
        Sawtooth(on_render=cues),
        http_port=0,
        max_first_audio_s=0.0,
        max_sessions=1,
        max_text_chars=200,
    )
    with WebSocketClient(transcript, door.http_port, SENTENCE_PATH) as agent:
        agent.write_handshake()
        transcript.title("What cannot be understood.")
        for message in ("{", "[]", b"\0", "{}"):
            agent.send_raw(message)
            agent.hear("error")
        for field, value in (
            ("voice", "nobody"),
            ("voice", 5),
            ("engine", "nobody"),
            ("format", "mp3"),
            ("sample_rate", 44_100),
            ("timestamps", "yes"),
            ("lead_ms", 1),
        ):
            agent.send("start", **{field: value})
            agent.hear("error")
        for fields in (
            {},
            {"text": "?"},
            {"text": "x" * 201},
            {"text": NOT_VALID},
            {"text": "Hello.", "request_id": ""},
            {"text": "Hello.", "speed": 9},
            {"text": "Hello.", "voice": "nobody"},
        ):
            agent.send("speak", **{"request_id": "r", **fields})
            agent.hear("error")
        agent.send("cancel", request_id="r")
        agent.hear("error")
        transcript.title("Requests without a start.")
        agent.send("speak", request_id="a", text=TEXT)
        agent.hear("done")
        agent.send("speak", text="<speak>One <break time='200ms'/> two.</speak>", speed=2, voice="am_michael")
        agent.hear("done")
        agent.send("speak", request_id="a", text="Broken.")
        agent.hear("error")
        transcript.title("Times of words.")
        agent.send("start", voice="af_sky", timestamps=True)
        agent.hear("started")
        agent.send("speak", request_id="a", text=TEXT)
        agent.hear("done")
        transcript.title("Requests that wait, of which two are canceled, and no place for more.")
        cues.hold()
        agent.send("speak", request_id="a", text=HELD_FIRST_WORD)
        agent.hear("meta")
        agent.hear("meta")
        agent.hear_frames(10)
        cues.wait_held()
        agent.send("speak", request_id="a", text="Again.")
        agent.hear("error")
        agent.send("speak", request_id="b", text="This will not be heard.")
        agent.send("speak", request_id="c", text="One too many.")
        agent.hear("error")
        with WebSocketClient(transcript, door.http_port, SENTENCE_PATH, "other ") as other:
            other.send("speak", request_id="a", text="Hello.")
            other.hear("error")
        agent.send("cancel", request_id="b")
        agent.hear("canceled")
        agent.send("cancel", request_id="a")
        agent.hear("canceled")
        cues.release()
        for format_name, sample_rate in (("pcm", 16_000), ("mulaw", 8000), ("alaw", 8000), ("opus", 24_000)):
            transcript.title(f"As {format_name}.")
            agent.send("start", format=format_name, sample_rate=sample_rate)
            agent.hear("started")
            agent.send("speak", request_id="a", text="Hello there.")
            agent.hear("done", roughly(format_name, sample_rate))
        transcript.title("The end.")
        agent.send("stop")
        agent.hear_close()
    transcript.title("A bounded lead; a request that is canceled when its first word was heard.")
    # By a client who has nothing left to hear of what was said before.
    with WebSocketClient(transcript, door.http_port, SENTENCE_PATH) as agent:
        agent.send("start", lead_ms=20)
        agent.hear("started")
        cues.hold()
        agent.send("speak", request_id="a", text=HELD)
        agent.hear("meta")
        agent.hear_frames(10)
        cues.wait_held()
        agent.send("cancel", request_id="a")
        agent.hear("canceled")
        cues.release()


# HTTP


def wait_engines(client: HttpClient) -> None:
    """Until the second engine is loaded, which takes a moment longer."""
    until(lambda: len(client.plain.get("/v1/status").json()["engines"]) == 2)


@script
def gateway(service: StartService, transcript: Transcript) -> None:
    door = service(
        Sawtooth(on_render=Cues()), http_port=0, max_first_audio_s=0.0, max_text_chars=200, phrase_memory_mb=1
    )
    with HttpClient(transcript, door.http_port) as client:
        transcript.title("Formats.")
        client.ask("POST", "/synthesize", {"text": TEXT}, headers={"X-Request-ID": "mine"})
        client.ask("POST", "/synthesize", {"text": TEXT})
        for format_name in ("pcm", "wav"):
            client.ask("POST", "/synthesize", {"text": "Hello.", "voice": "am_michael", "format": format_name})
        client.ask("POST", "/synthesize", {"text": "Hello.", "speed": 2.0, "format": "wav", "stream": False})
        for format_name in ("flac", "mp3", "mulaw"):
            client.ask(
                "POST",
                "/synthesize",
                {"text": "Hello there.", "format": format_name},
                show=roughly(format_name, 8000),
                varying=COMPRESSED,
            )
        show = roughly("f32", 16_000)
        client.ask("POST", "/synthesize", {"text": "Hello there.", "sample_rate": 16_000}, show=show)
        transcript.title("What is not spoken.")
        for fields in (
            {},
            {"text": ""},
            {"text": "?"},
            {"text": NOT_VALID},
            {"text": "x" * 201},
            {"text": "Hello.", "voice": "nobody"},
            {"text": "Hello.", "language": "xx"},
            {"text": "Hello.", "engine": "nobody"},
            {"text": "Hello.", "speed": 9},
            {"text": "Hello.", "format": "ogg"},
            {"text": "Hello.", "format": "mulaw", "sample_rate": 16_000},
            {"text": "Broken."},
        ):
            client.ask("POST", "/synthesize", dict(fields))
        client.ask("POST", "/synthesize", b"{")
        client.ask("GET", "/synthesize")


@script
def openai_door(service: StartService, transcript: Transcript) -> None:
    door = service(Sawtooth(on_render=Cues()), http_port=0, max_first_audio_s=0.0, max_text_chars=200)
    said = {"model": "tts-1", "voice": "af_sky", "input": "Hello there."}
    with HttpClient(transcript, door.http_port) as client:
        wait_engines(client)
        transcript.title("Formats.")
        for format_name in ("pcm", "wav"):
            client.ask("POST", "/v1/audio/speech", {**said, "response_format": format_name})
        client.ask("POST", "/v1/audio/speech", {**said, "response_format": "wav", "stream": False, "voice": "ash"})
        client.ask("POST", "/v1/audio/speech", said, show=roughly("mp3"))
        for format_name in ("flac", "opus", "aac"):
            client.ask(
                "POST",
                "/v1/audio/speech",
                {**said, "response_format": format_name},
                show=roughly(format_name),
                varying=COMPRESSED,
            )
        client.ask(
            "POST",
            "/v1/audio/speech",
            {**said, "voice": {"id": "tone"}, "speed": 2.0, "response_format": "pcm", "stream_format": "sse"},
            show=events,
        )
        transcript.title("What is not spoken.")
        for fields in (
            {"input": ""},
            {"input": "?"},
            {"input": NOT_VALID},
            {"input": "x" * 201},
            {"input": "Broken."},
            {"voice": "nobody"},
            {"voice": "alloy"},
            {"voice": 5},
            {"model": "piper"},
            {"model": None},
            {"speed": 9},
            {"response_format": "ogg"},
            {"stream_format": "sse", "stream": False},
        ):
            client.ask("POST", "/v1/audio/speech", {**said, **fields})
        client.ask("POST", "/v1/audio/speech", b"{")
        transcript.title("What there is.")
        for path in ("/v1/models", "/v1/models/tts-1", "/v1/models/tts-9", "/v1/voices"):
            client.ask("GET", path)


def events(body: bytes) -> str:
    """Server-sent events, those with audio as one."""
    audio, lines = b"", []
    for event in body.decode().split("\n\n"):
        if event:
            said = json.loads(event.removeprefix("data: "))
            if said["type"] == "speech.audio.delta":
                assert said.keys() == {"type", "audio"}
                audio += base64.b64decode(said["audio"])
            else:
                lines += [f"events of type speech.audio.delta: {exactly(audio)}", json_text(said)]
    return "\n".join(lines)


@script
def service_state(service: StartService, transcript: Transcript) -> None:
    door = service(Sawtooth(), http_port=0, audiosocket_port=0)
    with HttpClient(transcript, door.http_port) as client:
        wait_engines(client)
        transcript.title("Health.")
        for path in ("/health/live", "/healthz", "/health/startup", "/health/ready", "/readyz"):
            client.ask("GET", path)
        transcript.title("State.")
        client.ask("GET", "/v1/status")
        client.ask("POST", "/v1/selection", {"engine": "kokoro", "voice": "af_sky"})
        client.ask("POST", "/v1/selection", {"engine": "nobody"})
        transcript.title("The names of all figures.")
        client.ask("GET", "/metrics", show=figure_names, varying=["content-length"])
        transcript.title("The page, and what there is besides.")
        client.ask("GET", "/")
        client.ask("GET", "/nothing")
        transcript.sent("GET /openapi.json, of which these are the operations")
        transcript.received(json_text(operations(client.plain.get("/openapi.json").json())))
        transcript.title("Under a name that is not the service's.")
        client.ask("GET", "/v1/status", headers={"Host": "elsewhere.example"})


def operations(page: dict[str, Any]) -> dict[str, list[str]]:
    """What GET /openapi.json describes: the statuses of all operations."""
    return {
        f"{method.upper()} {path}": sorted(operation["responses"])
        for path, methods in page["paths"].items()
        for method, operation in methods.items()
    }


def figure_names(body: bytes) -> str:
    # Those of the process are there on Linux only.
    return "\n".join(sorted(line for line in body.decode().splitlines() if line.startswith("# TYPE tts_")))


@script
def before_it_is_ready(service: StartService, transcript: Transcript) -> None:
    def load() -> Engine:
        with HttpClient(transcript, door.http_port) as client:
            for path in ("/healthz", "/readyz", "/v1/voices", "/v1/status"):
                client.ask("GET", path)
            client.ask("POST", "/synthesize", {"text": "Hello."})
            client.ask("POST", "/v1/audio/speech", {"model": "tts-1", "voice": "af_sky", "input": "Hello."})
        with WebSocketClient(transcript, door.http_port, SESSION_PATH) as agent:
            agent.send("start_session")
            agent.hear_close()
        with WebSocketClient(transcript, door.http_port, SENTENCE_PATH) as agent:
            agent.hear_close()
        return Sawtooth()

    transcript.title("While the engine is loaded.")
    settings = Settings(tcp_port=0, udp_port=0, http_port=0, request_log=None, phrase_cache_mb=0)
    door = Service(settings, Loaders(load, lambda path: Sawtooth()))
    door.start()
    door.stop()


@script
def strangers(service: StartService, transcript: Transcript) -> None:
    door = service(
        Sawtooth(),
        http_port=0,
        api_key="first,second",
        allowed_origins="https://good.example",
        max_message_bytes=1000,
        requests_per_minute=20,
    )
    key = {"X-API-Key": "first"}
    with HttpClient(transcript, door.http_port) as client:
        transcript.title("Keys.")
        for headers in ({}, {"X-API-Key": "third"}, key, {"Authorization": "Bearer second"}):
            client.ask("GET", "/v1/models/tts-1", headers=dict(headers))
        client.ask("GET", "/readyz")
        transcript.title("Pages of other sites.")
        for origin in ("https://good.example", "https://bad.example"):
            client.ask("GET", "/v1/models/tts-1", headers={"Origin": origin, **key})
            preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            client.ask("OPTIONS", "/synthesize", headers=preflight, show=bytes.decode)
        transcript.title("Sizes.")
        client.ask("POST", "/synthesize", {"text": "x" * 1000}, headers=key)
        transcript.title("WebSockets.")
        for path in (SESSION_PATH, SENTENCE_PATH):
            with WebSocketClient(transcript, door.http_port, path) as agent:
                agent.hear_close()
            with WebSocketClient(
                transcript, door.http_port, path, headers={"Origin": "https://bad.example", **key}
            ) as agent:
                agent.hear_close()
            with WebSocketClient(transcript, door.http_port, f"{path}?api_key=first") as agent:
                agent.send("stop" if path == SENTENCE_PATH else "flush", padding="x" * 1000)
                agent.hear_close()
        transcript.title("Too many requests.")
        second = {"X-API-Key": "second"}
        statuses = (client.plain.get("/v1/models/tts-1", headers=second).status_code for _ in itertools.count())
        assert 429 in statuses
        client.ask("GET", "/v1/models/tts-1", headers=second, varying=["retry-after"])


@script
def crowds(service: StartService, transcript: Transcript) -> None:
    door = service(Sawtooth(), http_port=0, max_http_connections=2)
    for path, name in ((SESSION_PATH, "livekit"), (SENTENCE_PATH, "pipecat")):
        transcript.title(f"An idle connection makes room for another one at {path}.")
        with (
            WebSocketClient(transcript, door.http_port, path, "first ") as first,
            WebSocketClient(transcript, door.http_port, path, "second ") as second,
        ):
            first.hear_close()
            second.send("stop")
            second.hear("error" if path == SESSION_PATH else "stopped")
        wait_figure(door, "tts_websockets_open", lambda count: count == 0, door=name)
    transcript.title("All connections are in use.")
    with (
        WebSocketClient(transcript, door.http_port, SESSION_PATH, "first ") as first,
        HttpClient(transcript, door.http_port) as client,
    ):
        first.send("start_session", session_id="first")
        first.hear("session_started")
        with WebSocketClient(transcript, door.http_port, SENTENCE_PATH, "second "):
            for path in (SESSION_PATH, SENTENCE_PATH):
                with WebSocketClient(transcript, door.http_port, path, "third ") as third:
                    third.hear_close()
            client.ask("GET", "/v1/models")
            client.ask("GET", "/healthz")


@script
def idle_connections(service: StartService, transcript: Transcript) -> None:
    door = service(Sawtooth(), http_port=0, idle_timeout_s=0.05)
    for path in (SESSION_PATH, SENTENCE_PATH):
        transcript.title(f"Nothing is said at {path}.")
        with WebSocketClient(transcript, door.http_port, path) as agent:
            agent.hear_close()


# A PBX


CALL = uuid.UUID("40325ec2-5efd-4bd3-805f-53576e581d13")
OTHER_CALL = uuid.UUID("40325ec2-5efd-4bd3-805f-53576e581d14")
RATE_HZ = 8000
FRAME_SAMPLES = RATE_HZ // 50
FADE_FRAMES = 3
"""Always kept in hand before the end of a text."""
HELD_FRAMES = 20 - FADE_FRAMES
"""Of a text that is held behind 0.4 s."""


class Pbx:
    """A PBX with one call. `with` closes its connection."""

    def __init__(self, transcript: Transcript, service: Service, who: str = "pbx ") -> None:
        self._transcript = transcript
        self._who = who
        self._socket = socket.create_connection(("127.0.0.1", service.audiosocket_port or 0), timeout=TIMEOUT_S)
        self._stream = self._socket.makefile("rb")

    def __enter__(self) -> Pbx:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    def send(self, kind: int, payload: bytes = b"") -> None:
        message = struct.pack(">BH", kind, len(payload)) + payload
        self._transcript.sent(message.hex(" ") if len(message) < 100 else f"{message[:3].hex(' ')} audio", self._who)
        self._socket.sendall(message)

    def hear_audio(self, frames: int) -> None:
        """That many messages, which are alike but for their samples."""
        read = [self._read() for _ in range(frames)]
        [header] = {header for header, _ in read}
        sound = exactly(b"".join(payload for _, payload in read))
        self._transcript.received(f"{header.hex(' ')} audio, {frames} times: {sound}", self._who)

    def hear_fade(self, frames: int) -> None:
        """That many messages, which fall silent. (Another machine's cosine may differ in its last bit.)"""
        read = [self._read() for _ in range(frames)]
        peaks = [float(np.abs(np.frombuffer(payload, "<i2").astype(np.float32) / 32767).max()) for _, payload in read]
        for (header, _), peak in zip(read, peaks, strict=True):
            self._transcript.received(f"{header.hex(' ')} audio, peak {peak:.1f}", self._who)

    def hear_hangup(self) -> None:
        """The last message, if there is one, and the end of the connection."""
        self._transcript.received(f"{self._stream.read().hex(' ')} closed".strip(), self._who)

    def _read(self) -> tuple[bytes, bytes]:
        header = self._stream.read(3)
        return header, self._stream.read(int.from_bytes(header[1:], "big"))


def audio_frames(text: str) -> int:
    """How many messages carry a text."""
    return math.ceil(tone_samples(text, RATE_HZ) / FRAME_SAMPLES)


@script
def pbx_calls(service: StartService, transcript: Transcript) -> None:
    cues = Cues()
    # At the rate of the line, so that nothing is resampled.
    door = service(
        Sawtooth(sample_rate=RATE_HZ, on_render=cues),
        http_port=0,
        audiosocket_port=0,
        max_first_audio_s=0.0,
        max_sessions=2,
        max_text_chars=200,
        max_queued_text_bytes=100,
    )
    call, other = f"/calls/{CALL}", f"/calls/{OTHER_CALL}"
    id_message, silence = (0x01, CALL.bytes), (0x10, bytes(2 * FRAME_SAMPLES))
    with HttpClient(transcript, door.http_port) as client:

        def wait_state(path: str, **fields: object) -> None:
            until(lambda: fields.items() <= client.plain.get(path).json().items())

        transcript.title("Text for a call that has not connected yet.")
        client.ask("POST", f"{call}/say", {"text": "Hello."})
        client.ask("GET", call)
        client.ask("POST", f"{call}/hangup")
        client.ask("GET", call)
        transcript.title("A call. A barge-in: what is in hand falls silent.")
        cues.hold()
        said = {"text": HELD, "voice": "tone", "language": "en", "speed": 1.0}
        client.ask("POST", f"{call}/say", said, headers={"X-Request-ID": "mine"})
        with Pbx(transcript, door) as pbx:
            pbx.send(*id_message)
            pbx.send(*silence)
            pbx.hear_audio(HELD_FRAMES)
            cues.wait_held()
            client.ask("POST", f"{call}/interrupt")
            cues.release()
            pbx.hear_fade(FADE_FRAMES)
            transcript.title("A key is pressed, and another text is said.")
            pbx.send(0x42, b"of an unknown kind")
            pbx.send(0x03, b"5")
            client.ask("POST", f"{call}/say", {"text": "Hello."})
            pbx.hear_audio(audio_frames("Hello."))
            wait_state(call, digits="5", texts=0)
            client.ask("GET", call)
            transcript.title("Too much text; text that is not spoken.")
            for fields in (
                {"text": ""},
                {"text": "?"},
                {"text": NOT_VALID},
                {"text": "x" * 201},
                {"text": "Hello.", "voice": "nobody"},
                {"text": "Hello.", "speed": 9},
            ):
                client.ask("POST", f"{call}/say", dict(fields))
            client.ask("POST", f"{other}/say", {"text": "x" * 100})
            client.ask("POST", f"{other}/say", {"text": "x"})
            client.ask("POST", f"{other}/hangup")
            transcript.title("A goodbye.")
            client.ask("POST", f"{call}/say", {"text": "Bye."})
            client.ask("POST", f"{call}/hangup", {"after_speech": True})
            pbx.hear_audio(audio_frames("Bye."))
            pbx.hear_hangup()
        transcript.title("Calls that are not there.")
        for path in ("/interrupt", "/hangup"):
            client.ask("POST", call + path)
        client.ask("GET", "/calls/7")
        transcript.title("A connection that another one takes over; one that the PBX ends; no place.")
        with Pbx(transcript, door, "first ") as first, Pbx(transcript, door, "second ") as second:
            first.send(*id_message)
            wait_state(call, state="connected")
            second.send(*id_message)
            first.hear_hangup()
            with Pbx(transcript, door, "third ") as third, Pbx(transcript, door, "fourth ") as fourth:
                third.send(0x01, OTHER_CALL.bytes)
                wait_state(other, state="connected")
                fourth.send(0x01, uuid.UUID(int=4).bytes)
                fourth.hear_hangup()
                client.ask("POST", f"{other}/hangup")
                third.hear_hangup()
            second.send(0x00)
            second.hear_hangup()
        for title, messages in (
            ("A PBX that says no id.", [silence]),
            ("A PBX that says its id twice.", [id_message, id_message]),
            ("A PBX that reports an error.", [id_message, (0xFF, b"\x01")]),
        ):
            transcript.title(title)
            with Pbx(transcript, door) as pbx:
                for message in messages:
                    pbx.send(*message)
                pbx.hear_hangup()
