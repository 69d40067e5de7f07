"""The session protocol at `/ws/tts`, by clients on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

from telephony.endpoints import http
from telephony.endpoints.websocket_server import BoundedWebSocket
from telephony.engines import tone as tone_engine
from telephony.engines.base import Engine, SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.listeners.playback import FADE_S
from telephony.service import Service
from telephony.speech import Samples
from telephony.text import segments
from tests.agents import NEVER_MS, pcm
from tests.clients import (
    TIMEOUT_S,
    EventLog,
    NumberedEngine,
    Throttle,
    dominant_hz,
    figure,
    tone,
    tone_samples,
    until,
    wait_figure,
)
from tests.conftest import StartService

FRAME_BYTES = 960


@dataclass
class Heard:
    """What came until some message: frames, and JSON in between, in order."""

    frames: list[bytes] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def audio(self) -> bytes:
        return b"".join(self.frames)

    @property
    def samples(self) -> Samples:
        return np.frombuffer(self.audio, "<i2").astype(np.float32) / np.float32(32767)

    def found(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]


class Agent:
    """A voice agent. `with` closes its connection.

    Args:
        unread_messages: how many may wait here before it leaves them to the connection.
        receive_buffer: size of the kernel's buffer; small for one that is not to take much without reading.
    """

    def __init__(
        self, service: Service, *, unread_messages: int | None = None, receive_buffer: int | None = None
    ) -> None:
        raw = socket.socket()
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.connect(("127.0.0.1", service.http_port or 0))
        try:
            self.socket = connect(
                f"ws://127.0.0.1:{service.http_port}/ws/tts",
                sock=raw,
                compression=None,
                max_queue=unread_messages,
                close_timeout=TIMEOUT_S,
            )
        except BaseException:
            raw.close()
            raise

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, kind: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **fields}))

    def start(self, **config: Any) -> dict[str, Any]:
        """Starts a session; returns the answer."""
        self.send("start_session", config=config)
        return self.read_message()

    def say(self, *texts: str) -> None:
        for text in texts:
            self.send("send_text", text=text)

    def read(self) -> bytes | dict[str, Any]:
        received = self.socket.recv(TIMEOUT_S)
        return received if isinstance(received, bytes) else json.loads(received)

    def read_message(self) -> dict[str, Any]:
        """The next message, which must be JSON."""
        received = self.read()
        assert isinstance(received, dict), f"{len(received)} bytes of audio"
        return received

    def hear(self, until: Callable[[Heard], bool]) -> Heard:
        """Reads on until `until` holds."""
        heard = Heard()
        while not until(heard):
            received = self.read()
            if isinstance(received, bytes):
                heard.frames.append(received)
            else:
                heard.messages.append(received)
        return heard

    def hear_segments(self, count: int = 1) -> Heard:
        """Reads on until that many segments are done."""
        return self.hear(lambda heard: len(heard.found("segment_done")) == count)

    def hear_to(self, kind: str) -> Heard:
        """Reads on until a message of that type."""
        return self.hear(lambda heard: bool(heard.found(kind)))

    def hear_samples(self, count: int) -> Heard:
        """Reads on until that much audio has come."""
        return self.hear(lambda heard: len(heard.audio) >= 2 * count)

    def wait_closed(self) -> int:
        """Reads to the end of the connection; returns the close code."""
        with pytest.raises(ConnectionClosed):
            while True:
                self.read()
        assert self.socket.close_code is not None
        return self.socket.close_code

    def vanish(self) -> None:
        """Dies without a word."""
        self.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.socket.shutdown(socket.SHUT_RDWR)


def wait_no_session(service: Service) -> None:
    wait_figure(service, "tts_active_sessions", lambda count: count == 0, door="livekit")
    wait_figure(service, "tts_queue_depth", lambda depth: depth == 0)
    assert service.sessions.drain(TIMEOUT_S)


# Sessions


def test_a_session_has_the_clients_id_or_one_of_its_own(open_door: StartService) -> None:
    with Agent(open_door()) as agent:
        agent.send("start_session", session_id="call-7", config={"voice": "tone", "lang_code": "a", "speed": 1.0})
        assert agent.read() == {"type": "session_started", "session_id": "call-7"}
        agent.send("end_session")
        assert agent.read_message()["session_id"] == "call-7"
    ids = set()
    starts: list[dict[str, Any]] = [
        {},
        {"config": None},
        {"config": {}},
        {"session_id": None, "config": {"voice": None, "else": 1}},
    ]
    for start in starts:
        with Agent(open_door()) as agent:
            agent.send("start_session", **start)
            ids.add(agent.read_message()["session_id"])
    assert len(ids) == 4


def test_a_text_is_heard_and_reported_to_the_end_of_its_session(open_door: StartService) -> None:
    texts = ["The first sentence.", "The second one!", "And the last"]
    with Agent(open_door()) as agent:
        agent.start()
        agent.say(" ".join(texts))
        agent.send("end_session")
        heard = agent.hear_to("session_ended")
    assert heard.audio == pcm(*texts)
    done = heard.found("segment_done")
    assert [segment["segment_id"] for segment in done] == [1, 2, 3]
    assert len({segment["request_id"] for segment in done}) == 3
    for text, segment in zip(texts, done, strict=True):
        assert segment["duration_ms"] == pytest.approx(tone_samples(text) / 24, abs=0.1)
        assert segment["ttfa_ms"] > 0
        assert segment["rtf"] > 0
    [ended] = heard.found("session_ended")
    assert ended["segments_processed"] == 3
    assert ended["audio_duration_ms"] == pytest.approx(len(heard.audio) / 48, abs=0.1)
    assert ended["ttfa_ms"] == done[0]["ttfa_ms"]
    assert ended["rtf"] > 0


def test_a_session_that_said_nothing_ends_without_figures(open_door: StartService) -> None:
    with Agent(open_door()) as agent:
        agent.start()
        agent.say("... ", "🙂")
        agent.send("end_session")
        ended = agent.read_message()
    assert (ended["segments_processed"], ended["audio_duration_ms"]) == (0, 0)
    assert ended["ttfa_ms"] is ended["rtf"] is None


def test_a_connection_may_have_one_session_after_the_other(open_door: StartService) -> None:
    door = open_door(max_sessions=1)
    with Agent(door) as agent:
        for number in range(20):
            assert agent.start()["type"] == "session_started"
            agent.say(f"Session {number}.")
            agent.send("end_session")
            heard = agent.hear_to("session_ended")
            assert heard.audio == pcm(f"Session {number}.")
            assert [segment["segment_id"] for segment in heard.found("segment_done")] == [1]
    wait_no_session(door)


@pytest.mark.parametrize("kind", ["send_text", "flush", "cancel", "end_session"])
def test_nothing_goes_before_a_session(open_door: StartService, kind: str) -> None:
    with Agent(open_door()) as agent:
        agent.send(kind, text="Too early.")
        assert agent.read_message()["code"] == "no_session"
        agent.start()
        agent.say("In time. ")
        agent.send("flush")
        assert agent.hear_segments().audio == pcm("In time.")


def test_a_second_start_and_text_behind_the_end_are_errors_and_harm_nothing(open_door: StartService) -> None:
    throttle = Throttle()
    with Agent(open_door(ToneEngine(on_render=throttle))) as agent:
        agent.start()
        agent.say("Said in time. ")
        assert agent.start()["code"] == "session_active"
        agent.send("end_session")
        for kind in ("send_text", "flush", "end_session"):
            agent.send(kind, text="Too late.")
            assert agent.read_message()["code"] == "no_session"
        assert agent.start()["code"] == "session_active"
        throttle.open()
        assert agent.hear_to("session_ended").audio == pcm("Said in time.")


@pytest.mark.parametrize(
    "config",
    [
        {"voice": "nobody"},
        {"voice": ""},
        {"lang_code": "ko"},
        {"voice": "tone", "lang_code": "p"},
        {"engine": "supertonic"},
        {"voice": "F1"},
    ],
)
def test_an_unknown_voice_or_language_is_an_error_and_the_client_may_choose_again(
    open_door: StartService, config: dict[str, str]
) -> None:
    door = open_door()
    with Agent(door) as agent:
        answer = agent.start(**config)
        unavailable = config.get("engine") == "supertonic" or config.get("voice") == "F1"
        assert (answer["type"], answer["code"]) == ("error", "voice_unavailable" if unavailable else "bad_voice")
        assert figure(door, "tts_active_sessions", door="livekit") == 0
        assert agent.start(voice="tone", lang_code="en")["type"] == "session_started"
        agent.say("Now.\n")
        assert agent.hear_segments().audio == pcm("Now.")


def test_voice_and_speed_are_those_of_the_session(open_door: StartService) -> None:
    door = open_door()
    with Agent(door) as fast, Agent(door) as slow:
        fast.start(speed=2)
        slow.start(speed=0.5)
        for agent, speed in ((fast, 2.0), (slow, 0.5)):
            agent.say("At a rate.\n")
            assert len(agent.hear_segments().samples) == pytest.approx(tone_samples("At a rate.") / speed, abs=1)


def test_sessions_over_the_bound_are_told_busy_and_closed(open_door: StartService) -> None:
    door = open_door(max_sessions=2)
    with Agent(door) as first, Agent(door) as second:
        first.start()
        second.start()
        with Agent(door) as third:
            answer = third.start()
            assert (answer["type"], answer["code"]) == ("error", "busy")
            assert third.wait_closed() == 1013
        first.vanish()
        wait_figure(door, "tts_active_sessions", lambda count: count == 1, door="livekit")
        with Agent(door) as fourth:
            assert fourth.start()["type"] == "session_started"
        second.say("I was here all the time.\n")
        assert second.hear_segments().audio == pcm("I was here all the time.")
    wait_no_session(door)


def test_a_connection_without_a_session_is_closed_in_time(open_door: StartService) -> None:
    door = open_door(idle_timeout_s=0.3)
    with Agent(door) as agent:
        assert agent.wait_closed() == 1001
    with Agent(door) as agent:
        agent.start()
        agent.say("I have a session.\n")
        assert agent.hear_segments().audio == pcm("I have a session.")
        agent.send("end_session")
        agent.hear_to("session_ended")
        assert agent.wait_closed() == 1001
    assert figure(door, "tts_idle_clients_closed_total", door="livekit", why="time") == 2
    wait_no_session(door)


def test_a_session_that_says_nothing_frees_its_place_in_time(open_door: StartService) -> None:
    throttle = Throttle()
    door = open_door(ToneEngine(on_render=throttle), idle_timeout_s=0.3, max_sessions=2)
    with Agent(door) as speaker, Agent(door) as mute:
        speaker.start()
        speaker.say("I speak.\n")
        throttle.wait_asked(1)
        mute.start()
        assert mute.wait_closed() == 1001
        throttle.open()
        assert speaker.hear_segments().audio == pcm("I speak.")
        with Agent(door) as late:
            assert late.start()["type"] == "session_started"
        assert speaker.wait_closed() == 1001
    wait_no_session(door)


def test_connections_without_a_session_make_room_for_the_next(open_door: StartService) -> None:
    door = open_door(max_http_connections=4)
    with Agent(door) as started:
        started.start()
        with Agent(door) as idle, Agent(door) as late:
            assert idle.read_message()["code"] == "busy"
            assert idle.wait_closed() == 1013
            late.start()
            for agent in (started, late):
                agent.say("Here I am.\n")
                assert agent.hear_segments().audio == pcm("Here I am.")
    assert figure(door, "tts_idle_clients_closed_total", door="livekit", why="number") == 1
    wait_no_session(door)


def test_a_service_that_stops_speaks_what_it_took_and_takes_no_more(open_door: StartService, events: EventLog) -> None:
    throttle = Throttle()
    door = open_door(ToneEngine(on_render=throttle), max_inflight_segments=1, debounce_ms=50, drain_timeout_s=TIMEOUT_S)
    with Agent(door) as agent, Agent(door) as late:
        agent.start()
        late.start()
        agent.say("The first sentence. The second one. The third one. And the open end")
        throttle.wait_asked(1)
        stopping = threading.Thread(target=door.stop)
        stopping.start()
        try:
            events.wait("stopping")
            wait_refused(late)
            with Agent(door) as newcomer:
                assert newcomer.start()["code"] == "busy"
                assert newcomer.wait_closed() == 1013
        finally:
            throttle.open()
        heard = agent.hear_segments(4)
        assert heard.audio == pcm("The first sentence.", "The second one.", "The third one.", "And the open end")
        assert agent.wait_closed() == 1012
        stopping.join()
    assert events.wait("stopped")["drained"]


def test_a_service_that_stops_speaks_text_that_is_not_a_segment_yet(open_door: StartService) -> None:
    door = open_door(debounce_ms=300)
    with Agent(door) as agent:
        agent.start()
        agent.say("And the open end")
        agent.send("unknown")
        assert agent.read_message()["code"] == "unknown_type"  # the text before it was taken
        door.stop()
        assert agent.hear_segments().audio == pcm("And the open end")


def wait_refused(agent: Agent) -> None:
    """Speaks until the service takes no text any more."""
    while True:
        agent.say("...")  # nothing to say, so that a stopping service does not wait for it
        agent.send("unknown")
        answers = [agent.read_message()]
        if answers[-1]["code"] == "busy":
            assert agent.read_message()["code"] == "unknown_type"
            return


# Audio


@pytest.mark.parametrize("frame_ms", [5, 20, 37])
def test_audio_comes_in_frames_that_ignore_windows_the_last_one_of_a_segment_short(
    open_door: StartService, frame_ms: int
) -> None:
    door = open_door(ToneEngine(window_s=0.0317), frame_ms=frame_ms)
    with Agent(door) as agent:
        agent.start()
        for text in ("The first segment.", "Another."):
            agent.say(text + "\n")
            heard = agent.hear_segments()
            assert heard.audio == pcm(text)
            assert {len(frame) for frame in heard.frames[:-1]} == {48 * frame_ms}
            assert 0 < len(heard.frames[-1]) <= 48 * frame_ms


def test_fixed_frames_are_filled_up_with_silence(open_door: StartService) -> None:
    with Agent(open_door()) as agent:
        agent.start(fixed_frames=True)
        agent.say("One and a half.\n", "Two.\n")
        heard = agent.hear_segments(2)
    assert {len(frame) for frame in heard.frames} == {FRAME_BYTES}
    expected = b"".join(text + bytes(-len(text) % FRAME_BYTES) for text in (pcm("One and a half."), pcm("Two.")))
    assert heard.audio == expected
    durations = [segment["duration_ms"] for segment in heard.found("segment_done")]
    assert sum(durations) == pytest.approx(len(expected) / 48)


def test_an_engine_of_another_sample_rate_is_resampled(open_door: StartService) -> None:
    with Agent(open_door(ToneEngine(sample_rate=22_050))) as agent:
        agent.start()
        agent.say("A sentence of a second.\n")
        heard = agent.hear_segments()
    assert len(heard.samples) == pytest.approx(tone_samples("A sentence of a second."), abs=30)
    assert dominant_hz(heard.samples, 24_000) == pytest.approx(dominant_hz(tone("A sentence of a second."), 24_000))
    assert {len(frame) for frame in heard.frames[:-1]} == {FRAME_BYTES}


def test_the_first_frames_leave_while_the_sentence_is_being_made(open_door: StartService) -> None:
    throttle = Throttle(1)
    with Agent(open_door(ToneEngine(on_render=throttle))) as agent:
        agent.start()
        agent.say("A sentence of many windows.\n")
        heard = agent.hear_samples(4800)
        assert heard.audio == pcm("A sentence of many windows.")[: 2 * 4800]
        throttle.open()
        agent.hear_segments()


# Segments


def test_a_sentence_is_spoken_once_it_has_ended_and_the_rest_at_a_flush(open_door: StartService) -> None:
    with Agent(open_door(debounce_ms=NEVER_MS)) as agent:
        agent.start()
        agent.say("Mr. Smith owes $29", ".95. He ", "pays")
        assert agent.hear_segments().audio == pcm("Mr. Smith owes $29.95.")
        agent.send("flush")
        assert agent.hear_segments().audio == pcm("He pays")
        agent.say(" later", "")
        agent.send("flush")
        agent.send("flush")
        assert agent.hear_segments().audio == pcm("later")


def test_a_line_break_ends_a_sentence_at_once(open_door: StartService) -> None:
    with Agent(open_door(debounce_ms=NEVER_MS)) as agent:
        agent.start()
        for text in ("A line.", "And another", "Is this one?"):
            agent.say(text + "\n")
            assert agent.hear_segments().audio == pcm(text)


def test_what_is_no_sentence_is_spoken_when_no_more_text_comes(open_door: StartService) -> None:
    with Agent(open_door(debounce_ms=20)) as agent:
        agent.start()
        for text in ("One moment", "please", "and so on"):
            agent.say(text)
            assert agent.hear_segments().audio == pcm(text)


LONG_TEXT = " ".join(f"This is sentence number {number}, of some length; isn't it?" for number in range(190))


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 7, 4096, len(LONG_TEXT)])
def test_text_in_pieces_gives_the_segments_of_the_whole(
    open_door: StartService, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    assert len(LONG_TEXT) > 10_000
    monkeypatch.setattr(tone_engine, "SECONDS_PER_CHARACTER", 0.001)  # what it sounds like is not asked
    said: list[str] = []
    engine = ToneEngine(sample_rate=800, on_prepare=said.append)
    with Agent(open_door(engine, debounce_ms=NEVER_MS)) as agent:
        agent.start()
        agent.say(*(LONG_TEXT[start : start + size] for start in range(0, len(LONG_TEXT), size)))
        agent.send("end_session")
        heard = agent.hear_to("session_ended")
    assert said == list(segments.split(LONG_TEXT))
    assert heard.found("session_ended")[0]["segments_processed"] == len(said)


def test_characters_cut_into_halves_are_put_together_again(open_door: StartService) -> None:
    text = "A 𝐛𝐨𝐥𝐝 word 🙂 and 𠀀."
    units = text.encode("utf-16-le")
    said: list[str] = []
    with Agent(open_door(ToneEngine(on_prepare=said.append), debounce_ms=NEVER_MS)) as agent:
        agent.start()
        for start in range(0, len(units), 2):
            agent.say(units[start : start + 2].decode("utf-16-le", "surrogatepass"))
        agent.say("\ud800 Go on\n")
        agent.hear_segments(2)
        agent.say("<speak>A \ud83dwhole \udc00document.</speak>")
        agent.hear_segments()
    assert said == [text, "Go on", "A whole document."]


def test_two_segments_are_in_synthesis_and_more_text_waits(open_door: StartService) -> None:
    texts = [f"Sentence {number}." for number in range(6)]
    throttle = Throttle()
    door = open_door(ToneEngine(on_render=throttle))
    with Agent(door) as agent:
        agent.start()
        agent.say(" ".join(texts))
        agent.send("unknown")
        assert agent.read_message()["code"] == "unknown_type"  # all of the text before it was taken
        for done in range(5):
            assert figure(door, "tts_texts_total") == 2 + done
            assert figure(door, "tts_queue_depth") == 2
            throttle.allow(3)
            assert agent.hear_segments().audio == pcm(texts[done])
            if done < 4:
                wait_figure(door, "tts_texts_total", lambda count, said=done: count == 3 + said)  # type: ignore[misc]
            throttle.wait_asked(3 * done + 4)
        throttle.open()
        agent.hear_segments()


def test_text_over_the_bound_is_left_in_the_connection_and_not_lost(open_door: StartService) -> None:
    texts = [f"Text number {number:02} of many, too many." for number in range(30)]
    with Agent(open_door(max_text_chars=100)) as agent:
        agent.start()
        for text in texts:
            agent.say(text + "\n")
        agent.send("unknown")
        agent.send("end_session")
        heard = agent.hear_to("session_ended")
    assert heard.audio == pcm(*texts)
    # It was not read before all of the text but what may wait, and what is in flight, had been spoken.
    order = [message["type"] for message in heard.messages]
    assert order.index("error") >= len(texts) - 2 - (100 // len(texts[0]) + 1)


def test_a_text_that_is_too_long_is_refused_as_a_whole(open_door: StartService) -> None:
    with Agent(open_door(max_text_chars=20)) as agent:
        agent.start()
        agent.say("x" * 19 + "\n", "y" * 21, "z" * 20)
        agent.send("end_session")
        heard = agent.hear_to("session_ended")
    assert [error["code"] for error in heard.found("error")] == ["text_too_long"]
    assert heard.audio == pcm("x" * 19, "z" * 20)


def test_a_segment_that_fails_is_reported_and_the_others_are_spoken(open_door: StartService) -> None:
    def refuse(text: str) -> None:
        if "bad" in text:
            raise SynthesisError("scripted")
        if "worse" in text:
            raise ZeroDivisionError(text)

    with Agent(open_door(ToneEngine(on_render=refuse))) as agent:
        agent.start()
        agent.say("One good. One bad. One worse. One good again. ")
        agent.send("end_session")
        heard = agent.hear_to("session_ended")
    assert heard.audio == pcm("One good.", "One good again.")
    bad, worse = heard.found("error")
    assert (bad["code"], bad["segment_id"], bad["message"]) == ("synthesis_failed", 2, "scripted")
    assert (worse["code"], worse["segment_id"]) == ("synthesis_failed", 3)
    assert "worse" not in worse["message"]
    done = heard.found("segment_done")
    assert [segment["segment_id"] for segment in done] == [1, 4]
    assert len({message["request_id"] for message in (bad, worse, *done)}) == 4
    assert heard.found("session_ended")[0]["segments_processed"] == 2


# Barge-in


def test_a_cancel_in_mid_sentence_is_answered_before_another_window_and_nothing_old_follows(
    open_door: StartService,
) -> None:
    throttle = Throttle()
    engine = NumberedEngine(on_render=throttle)
    old = "This is a long sentence that somebody interrupts in its middle."
    with Agent(open_door(engine)) as agent:
        agent.start()
        agent.say(old + " And this one waits behind it. And a third. And what is not")
        throttle.allow(3)
        heard = agent.hear_samples(3 * 4800)
        assert sorted(set(np.rint(heard.samples * 4096))) == [1, 2, 3]
        throttle.wait_asked(4)  # a window is in the device
        agent.send("cancel")
        assert agent.read_message()["type"] == "cancelled"
        throttle.open()
        agent.say("New words.\n")
        heard = agent.hear_segments()
        agent.send("end_session")
        assert agent.hear_to("session_ended").frames == []
    assert throttle.asked[:4] == [old] * 4
    assert set(throttle.asked[4:]) == {"New words."}
    assert len(heard.samples) == tone_samples("New words.")
    assert sorted(set(np.rint(heard.samples * 4096))) == [1, 2, 3]
    assert [message["type"] for message in heard.messages] == ["segment_done"]


def test_a_cancel_takes_unfinished_text_with_it(open_door: StartService) -> None:
    door = open_door(debounce_ms=NEVER_MS)
    with Agent(door) as agent:
        agent.start()
        agent.say("Never mind \ud835")  # half of a letter
        agent.send("cancel")
        assert agent.read_message()["type"] == "cancelled"
        assert door.sessions.drain(0.0)  # nothing is waited for any more
        agent.say("\udc1bHeard\n")  # and the other half
        assert agent.hear_segments().audio == pcm("Heard")


def test_a_cancelled_text_is_not_spoken_when_its_debounce_is_over(open_door: StartService) -> None:
    said: list[str] = []
    with Agent(open_door(ToneEngine(on_prepare=said.append), debounce_ms=100)) as agent:
        agent.start()
        agent.say("Never mind")
        agent.send("cancel")
        assert agent.read_message()["type"] == "cancelled"
        agent.say("This comes later")  # and with it its own debounce
        agent.hear_segments()
    assert said == ["This comes later"]


def test_cancels_one_after_the_other_are_each_answered(open_door: StartService) -> None:
    with Agent(open_door()) as agent:
        agent.start()
        for _ in range(50):
            agent.say("This is interrupted at once. " * 3)
            agent.send("cancel")
        agent.say("Heard.\n")
        heard = agent.hear(lambda heard: len(heard.found("cancelled")) == 50)
        last = agent.hear_segments()
    assert {message["type"] for message in heard.messages} <= {"cancelled", "segment_done"}
    assert last.audio == pcm("Heard.")
    assert len(last.messages) == 1


def test_a_cancel_behind_the_end_ends_the_session_at_once(open_door: StartService) -> None:
    throttle = Throttle()
    door = open_door(ToneEngine(on_render=throttle))
    with Agent(door) as agent:
        agent.start()
        agent.say("This will not be heard. Nor will this. ")
        agent.send("end_session")
        throttle.wait_asked(1)
        agent.send("cancel")
        assert agent.read_message()["type"] == "cancelled"
        ended = agent.read_message()
        assert (ended["type"], ended["segments_processed"]) == ("session_ended", 0)
    wait_no_session(door)


def test_nothing_old_follows_a_cancel_from_a_client_that_lags_behind(open_door: StartService) -> None:
    door = open_door(NumberedEngine(window_s=30.0), sink_buffer_s=600.0)
    text = "x" * 300  # 15 s, a window of its own
    with Agent(door, unread_messages=4, receive_buffer=4096) as agent:
        agent.start()
        agent.say(*[text + "\n"] * 60)
        agent.hear_samples(480)
        # The service is held up in the middle of a window.
        agent.send("cancel")
        agent.say("New.\n")
        agent.hear_to("cancelled")
        heard = agent.hear_segments()
    assert len(heard.samples) == tone_samples("New.")
    assert [message["type"] for message in heard.messages] == ["segment_done"]


def test_a_cancel_tells_what_was_heard_and_what_was_not(open_door: StartService) -> None:
    throttle = Throttle(2)
    with Agent(open_door(ToneEngine(on_render=throttle), debounce_ms=NEVER_MS)) as agent:
        agent.start()
        agent.say("One two three four five six. And another sentence. A third one. And what is not")
        agent.hear_samples(2 * 4800)
        agent.send("cancel")
        cancelled = agent.read_message()
        assert cancelled["type"] == "cancelled"
        # At most 0.4 s were heard, which is a word or two of the first sentence.
        assert cancelled["text_spoken"] in ("", "One", "One two")
        whole = f"{cancelled['text_spoken']} {cancelled['text_remaining']}".strip()
        assert whole == "One two three four five six. And another sentence. A third one. And what is not"
        agent.send("cancel")
        assert agent.read_message() == {"type": "cancelled", "text_spoken": "", "text_remaining": ""}
        throttle.open()


def test_a_client_with_a_lead_is_not_sent_more_and_hears_a_fade(open_door: StartService) -> None:
    with Agent(open_door(ToneEngine(window_s=10.0))) as agent:
        agent.start(lead_ms=60)
        began_at = time.monotonic()
        agent.say("One two three four five six seven eight nine ten eleven twelve thirteen.\n")
        heard = agent.hear_samples(9600)
        assert time.monotonic() - began_at > 0.4 - 0.06 - 0.001
        agent.send("cancel")
        rest = agent.hear_to("cancelled")
        samples = np.concatenate([heard.samples, rest.samples])
        assert len(samples) / 24_000 < time.monotonic() - began_at + 0.06 + FADE_S + 0.02
        fade = np.abs(samples[-1440:]).reshape(-1, 144).max(axis=1)
        assert fade[0] > 0.4
        assert fade[-1] < 0.02
        assert np.abs(np.diff(samples[-1500:])).max() < 1.1 * np.abs(np.diff(samples[:-1500])).max()
        (cancelled,) = rest.found("cancelled")
        assert cancelled["text_spoken"].startswith("One")
        agent.say("New.\n")
        assert agent.hear_segments().audio == pcm("New.")


def test_a_cancel_behind_the_end_of_a_session_is_answered_before_that_end(open_door: StartService) -> None:
    door = open_door(ToneEngine(window_s=30.0))
    with Agent(door, unread_messages=1, receive_buffer=4096) as agent:
        agent.start(lead_ms=10_000)
        agent.say("One two three four five six seven eight nine ten " * 6)
        agent.send("end_session")
        assert door._http_endpoint is not None
        [connection] = door._http_endpoint._server.server_state.connections
        assert isinstance(connection, BoundedWebSocket)
        until(lambda: not connection.writable.is_set())  # it waits for its client, in the middle of the text
        agent.send("cancel")
        wait_figure(door, "tts_interruptions_total", lambda cancels: cancels == 1)
        heard = agent.hear_to("session_ended")
        assert [message["type"] for message in heard.messages] == ["cancelled", "session_ended"]


def test_with_a_lead_all_of_a_text_is_heard(open_door: StartService) -> None:
    with Agent(open_door()) as agent:
        agent.start(lead_ms=20)
        agent.say("Hello.\n")
        assert agent.hear_segments().audio == pcm("Hello.")


@pytest.mark.parametrize("lead_ms", [0, 19, 10_001, "60", True])
def test_a_lead_that_cannot_be_is_named(open_door: StartService, lead_ms: object) -> None:
    with Agent(open_door()) as agent:
        answer = agent.start(lead_ms=lead_ms)
        assert answer["code"] == "bad_message"
        assert "lead_ms" in answer["message"]


# Bad messages


GARBAGE: dict[str, tuple[str | bytes, str]] = {
    "no JSON": ("{nonsense", "bad_json"),
    "nothing": ("", "bad_json"),
    "a list": ("[1]", "bad_json"),
    "deep": ("[" * 100_000, "bad_json"),
    "a long number": ('{"type": ' + "1" * 100_000 + "}", "bad_json"),
    "binary": (b"\0\1", "unexpected_binary"),
    "no type": ("{}", "unknown_type"),
    "unknown type": ('{"type": "sing"}', "unknown_type"),
    "half a character as type": ('{"type": "\\ud800"}', "unknown_type"),
    "type that is no string": ('{"type": ["send_text"]}', "unknown_type"),
    "no text": ('{"type": "send_text"}', "bad_message"),
    "text that is none": ('{"type": "send_text", "text": 5}', "bad_message"),
    "null as text": ('{"type": "send_text", "text": null}', "bad_message"),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_is_answered_and_the_session_goes_on(open_door: StartService, kind: str) -> None:
    message, code = GARBAGE[kind]
    with Agent(open_door()) as agent:
        agent.start()
        agent.socket.send(message)
        answer = agent.read_message()
        assert (answer["type"], answer["code"]) == ("error", code)
        assert 0 < len(answer["message"]) < 200
        agent.say("Still here.\n")
        assert agent.hear_segments().audio == pcm("Still here.")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"config": {"speed": 0.4}}, "config.speed"),
        ({"config": {"speed": 2.1}}, "config.speed"),
        ({"config": {"speed": "1"}}, "config.speed"),
        ({"config": {"speed": True}}, "config.speed"),
        ({"config": {"speed": float("nan")}}, "config.speed"),
        ({"config": {"speed": 10**400}}, "config.speed"),
        ({"config": {"voice": 5}}, "config.voice"),
        ({"config": {"lang_code": ["p"]}}, "config.lang_code"),
        ({"config": {"fixed_frames": "yes"}}, "config.fixed_frames"),
        ({"config": "voice"}, "config"),
        ({"session_id": 7}, "session_id"),
        ({"session_id": ""}, "session_id"),
        ({"session_id": "x" * 129}, "session_id"),
        ({"session_id": "a\nb"}, "session_id"),
        ({"session_id": "\ud800"}, "session_id"),
    ],
)
def test_a_wrong_field_is_named_and_the_client_may_start_again(
    open_door: StartService, fields: dict[str, Any], name: str
) -> None:
    with Agent(open_door()) as agent:
        agent.send("start_session", **fields)
        answer = agent.read_message()
        assert answer["code"] == "bad_message"
        assert answer["message"].startswith(f"{name}: ")
        assert agent.start()["type"] == "session_started"


def test_a_message_of_50_mb_ends_its_connection_only(open_door: StartService) -> None:
    door = open_door()
    with Agent(door) as agent, Agent(door) as other:
        agent.start()
        other.start()
        with contextlib.suppress(ConnectionClosed):  # it may be cut before it has sent it all
            agent.say("x" * 50_000_000)
        assert agent.wait_closed() in (1009, 1006)
        other.say("Others go on.\n")
        assert other.hear_segments().audio == pcm("Others go on.")
    wait_no_session(door)


# Clients that misbehave


def test_a_client_that_vanishes_stops_the_work_and_leaves_nothing(open_door: StartService, events: EventLog) -> None:
    throttle = Throttle()
    door = open_door(ToneEngine(on_render=throttle))
    with Agent(door) as agent:
        agent.start()
        agent.say("This is a long sentence that takes a while. " * 20)
        throttle.allow(2)
        throttle.wait_asked(3)
        agent.vanish()
        events.wait("disconnected", door="livekit")
    throttle.open()
    wait_no_session(door)
    with Agent(door) as other:
        other.start()
        other.say("Next.\n")
        other.hear_segments()
    assert set(throttle.asked[3:]) == {"Next."}


@pytest.mark.parametrize("kind", ["send_text", "end_session"])
def test_a_client_that_closes_while_it_is_spoken_to_leaves_nothing(open_door: StartService, kind: str) -> None:
    door = open_door()
    with Agent(door) as agent:
        agent.start()
        agent.say("This is a long sentence that takes a while. " * 200)
        agent.send(kind, text="And more.")
        agent.hear_samples(480)
    wait_no_session(door)


REFUSED = (WebSocketException, EOFError, OSError)
"""What a client gets whose connection is cut at once."""


def stalling(open_door: StartService, **settings: Any) -> Service:
    return open_door(ToneEngine(window_s=10.0), **{"send_timeout_s": 0.3, **settings})


def stall(agent: Agent) -> None:
    """Asks for ten minutes of audio, which is more than it and the connection take."""
    agent.start()
    agent.say(*["x" * 300 + "\n"] * 40)


def test_a_client_that_takes_nothing_is_cut_and_counted_and_others_are_not_held_up(
    open_door: StartService, events: EventLog
) -> None:
    door = stalling(open_door)
    with Agent(door, unread_messages=1, receive_buffer=4096) as stalled, Agent(door) as other:
        stall(stalled)
        other.start()
        for number in itertools.count():
            text = f"Sentence {number}."
            other.say(text + "\n")
            assert other.hear_segments().audio == pcm(text)
            if events.found("client_stalled", door="livekit"):
                break
        wait_figure(door, "tts_active_sessions", lambda count: count == 1, door="livekit")
        assert figure(door, "tts_clients_stalled_total", door="livekit") == 1
        other.say("Still here.\n")
        assert other.hear_segments().audio == pcm("Still here.")
        stalled.vanish()
    wait_no_session(door)


def test_a_client_that_was_cut_makes_room_for_another(
    open_door: StartService, events: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_SPARE_CONNECTIONS", 0)
    door = stalling(open_door, max_http_connections=1)
    pause = threading.Event()
    with Agent(door, unread_messages=1, receive_buffer=4096) as stalled:
        stall(stalled)
        with pytest.raises(REFUSED):
            Agent(door)
        events.wait("client_stalled", door="livekit")
        for _ in range(int(TIMEOUT_S / 0.05)):
            with contextlib.suppress(*REFUSED), Agent(door) as other:
                assert other.start()["type"] == "session_started"
                break
            pause.wait(0.05)
        else:
            raise AssertionError("its connection is kept")
        stalled.vanish()


@pytest.mark.slow
def test_a_client_that_takes_nothing_does_not_hold_up_the_end_of_the_service(open_door: StartService) -> None:
    door = stalling(open_door, send_timeout_s=600.0, drain_timeout_s=0.1)
    with Agent(door, unread_messages=1, receive_buffer=4096) as stalled:
        stall(stalled)
        wait_figure(door, "tts_texts_total", lambda count: count == 2)
        door.stop()  # and nothing is left behind, which is checked after every test
        stalled.vanish()
    assert door.sessions.drain(0.0)


@pytest.mark.slow
def test_a_hundred_sessions_at_once_never_hear_each_other(open_door: StartService) -> None:
    door = open_door(max_sessions=100)
    texts = {
        number: [f"This is agent {number}, saying sentence {sentence}." for sentence in range(5)]
        for number in range(100)
    }
    address = f"ws://127.0.0.1:{door.http_port}/ws/tts"

    async def talk(number: int, started: list[int], all_started: asyncio.Event) -> bytes:
        async with connect_async(address, compression=None) as agent:
            await agent.send(json.dumps({"type": "start_session", "session_id": f"agent-{number}"}))
            assert json.loads(await agent.recv())["session_id"] == f"agent-{number}"
            started.append(number)
            if len(started) == 100:
                all_started.set()
            await all_started.wait()
            for text in texts[number]:
                await agent.send(json.dumps({"type": "send_text", "text": text + " "}))
            await agent.send(json.dumps({"type": "end_session"}))
            audio = b""
            async for received in agent:
                if isinstance(received, bytes):
                    audio += received
                elif json.loads(received)["type"] == "session_ended":
                    break
            return audio

    async def crowd() -> list[bytes]:
        started: list[int] = []
        all_started = asyncio.Event()
        return await asyncio.gather(*(talk(number, started, all_started) for number in range(100)))

    heard = asyncio.run(crowd())
    for number, audio in enumerate(heard):
        assert audio == pcm(*texts[number]), f"agent {number}"
    wait_no_session(door)


TOLD = ("connected", "session_started", "session_ended", "disconnected")


def test_the_log_tells_of_connections_and_not_of_texts(open_door: StartService, events: EventLog) -> None:
    with Agent(open_door()) as agent:
        agent.send("start_session", session_id="call-7")
        agent.say("A secret.\n", "\n")
        agent.hear_segments()
        agent.send("end_session")
        agent.hear_to("session_ended")
    events.wait("disconnected", door="livekit")
    assert events.found("connected", door="livekit")
    assert events.found("session_started", session="call-7", voice="af_sky")
    assert events.found("session_ended", session="call-7", segments=1)
    told = [event for name in TOLD for event in events.found(name)]
    assert len(told) >= len(TOLD)
    assert "secret" not in str(told)
    assert events.found("text", level="debug", text="A secret.")


# The real model

SPOKEN = (
    "Good afternoon, you have reached the front desk. Dr. Smith can see you at 3.30 p.m. on Tuesday! "
    "Would you like me to book that for you, or shall I look for another day"
)


def speak_in_pieces(agent: Agent, text: str, size: int) -> Heard:
    agent.start(voice="af_sky")
    agent.say(*(text[start : start + size] for start in range(0, len(text), size)))
    agent.send("end_session")
    return agent.hear_to("session_ended")


def likeness(one: Samples, other: Samples) -> float:
    """The correlation of two recordings' loudness, hundredth by hundredth of a second."""
    count = min(len(one), len(other)) // 240
    levels = [np.sqrt((samples[: 240 * count].reshape(count, 240) ** 2).mean(axis=1)) for samples in (one, other)]
    return float(np.corrcoef(*levels)[0, 1])


@pytest.mark.model
def test_the_model_says_the_same_whether_text_comes_in_characters_or_whole(
    open_door: StartService, kokoro: Engine
) -> None:
    with Agent(open_door(kokoro, debounce_ms=NEVER_MS)) as agent:
        whole, pieces = (speak_in_pieces(agent, SPOKEN, size) for size in (len(SPOKEN), 1))
    assert len(whole.found("segment_done")) == len(pieces.found("segment_done")) == 3
    durations = [[segment["duration_ms"] for segment in heard.found("segment_done")] for heard in (whole, pieces)]
    assert durations[0] == pytest.approx(
        durations[1], abs=5.0
    )  # silence is cut to the sample, kernels to the last bits
    assert likeness(whole.samples, pieces.samples) > 0.99
    assert 8.0 < len(whole.samples) / 24_000 < 16.0


@pytest.mark.model
def test_the_model_is_interrupted_within_a_window(open_door: StartService, kokoro: Engine) -> None:
    with Agent(open_door(kokoro)) as agent:
        alone = speak_in_pieces(agent, "Of course. ", 100)
        agent.start(voice="af_sky")
        agent.say(SPOKEN + ". ")
        agent.hear_samples(480)
        agent.send("cancel")
        agent.say("Of course.\n")
        old = agent.hear_to("cancelled")
        new = agent.hear_segments()
    assert len(old.samples) / 24_000 <= 1.7  # its longest window
    assert likeness(new.samples, alone.samples) > 0.99
    assert len(new.samples) == pytest.approx(len(alone.samples), abs=120)
    assert [message["type"] for message in new.messages] == ["segment_done"]


def test_words_are_timed_within_their_segment(open_door: StartService) -> None:
    with Agent(open_door()) as agent:
        agent.start(timestamps=True)
        agent.say("Hello there. How are you?\n")
        segments_heard = [agent.hear_segments() for _ in range(2)]
    expected = [
        [("Hello", 0, 0.25), ("there.", 0.3, 0.6)],
        [("How", 0, 0.15), ("are", 0.2, 0.35), ("you?", 0.4, 0.6)],
    ]
    for number, (heard, words) in enumerate(zip(segments_heard, expected, strict=True), 1):
        assert heard.found("words") == [
            {
                "type": "words",
                "segment_id": number,
                "words": [{"word": text, "start_s": start_s, "end_s": end_s} for text, start_s, end_s in words],
            }
        ]
        assert heard.messages[-1]["segment_id"] == number


def test_words_come_ahead_of_their_audio(open_door: StartService) -> None:
    with Agent(open_door()) as agent:
        agent.start(timestamps=True)
        agent.say("Hello there.\n")
        assert agent.read_message()["type"] == "words"


@pytest.mark.parametrize("config", [{}, {"timestamps": False}, {"timestamps": None}])
def test_who_does_not_ask_for_words_gets_none(open_door: StartService, config: dict[str, Any]) -> None:
    with Agent(open_door()) as agent:
        agent.start(**config)
        agent.say("Hello there.\n")
        heard = agent.hear_segments()
    assert [message["type"] for message in heard.messages] == ["segment_done"]
    assert heard.audio == pcm("Hello there.")
