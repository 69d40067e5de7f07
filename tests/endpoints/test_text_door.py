"""The text door with real sockets: what a text host sends, and what it hears back on the same connection."""

from __future__ import annotations

import contextlib
import itertools
import struct
import threading
from dataclasses import dataclass

import numpy as np
import pytest

from telephony.endpoints import tcp
from telephony.engines.base import SynthesisError
from telephony.engines.tone import ToneEngine, pitch_hz
from telephony.listeners.call import Call
from telephony.service import Service
from tests.clients import (
    BYE,
    MAX_AUDIO_BYTES,
    TIMEOUT_S,
    EventLog,
    NumberedEngine,
    TextHost,
    Throttle,
    chunk_ids,
    datagram,
    dominant_hz,
    figure,
    frame_bytes,
    joined,
    tone,
    tone_samples,
    until,
    wait_figure,
    wait_rendered,
    window_numbers,
)
from tests.conftest import StartService


def test_one_text_is_one_frame(service: StartService) -> None:
    door = service()
    with TextHost(door.tcp_port, "1") as host:
        for number, text in enumerate(("Hello there.", "Two sentences. One text."), start=1):
            host.say(text)
            frame = host.read_frame()
            assert (frame.sample_rate, frame.chunk_id) == (24_000, number)
            np.testing.assert_array_equal(frame.samples, tone(text))


def test_frames_arrive_one_byte_at_a_time(service: StartService) -> None:
    with TextHost(service().tcp_port) as host:
        for byte in frame_bytes("1") + frame_bytes("Byte by byte, é.") + frame_bytes("And on."):
            host.send(bytes([byte]))
        assert [len(frame.samples) for frame in host.read_frames(2)] == [
            tone_samples("Byte by byte, é."),
            tone_samples("And on."),
        ]


def test_ten_frames_arrive_in_one_segment(service: StartService) -> None:
    texts = [f"This is text {number}." for number in range(10)]
    with TextHost(service().tcp_port) as host:
        host.send(frame_bytes("1") + b"".join(map(frame_bytes, texts)) + BYE + frame_bytes("Nobody hears this."))
        frames = host.read_to_end()
    assert chunk_ids(frames) == list(range(1, 11))
    for frame, text in zip(frames, texts, strict=True):
        np.testing.assert_array_equal(frame.samples, tone(text))


@pytest.mark.slow
def test_two_hundred_calls_hear_each_their_own(service: StartService) -> None:
    door = service()
    texts = [f"Caller {number} speaks {'again ' * (number // 50)}now" for number in range(200)]
    with contextlib.ExitStack() as stack:
        hosts = [stack.enter_context(TextHost(door.tcp_port, str(number))) for number in range(200)]
        for _ in range(2):
            for host, text in zip(hosts, texts, strict=True):
                host.say(text)
        for chunk_id in (1, 2):
            for host, text in zip(hosts, texts, strict=True):
                frame = host.read_frame()
                assert frame.chunk_id == chunk_id
                assert len(frame.samples) == tone_samples(text)
                assert dominant_hz(frame.samples, 24_000) == pytest.approx(pitch_hz(text), abs=2.0)


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True])
def test_host_that_never_reads_holds_up_nobody(service: StartService, events: EventLog, stream: bool) -> None:
    door = service(stream=stream, sink_buffer_s=10.0, reply_stall_s=0.2)
    text = "A text of five seconds, whose audio nobody ever wants to hear, not at all, no, no."
    seconds = tone_samples(text) / 24_000
    with TextHost(door.tcp_port, "1", receive_buffer=4096) as silent, TextHost(door.tcp_port, "2") as other:
        for _ in range(100):
            silent.say(text)
        events.wait("reply_stalled", call="1")
        other.say("I am heard at once.")
        frames = other.read_samples(tone_samples("I am heard at once."))
        np.testing.assert_array_equal(joined(frames), tone("I am heard at once."))

        # All of it is either dropped, with a count, or waits within bounds; the host hears the rest once it reads.
        wait_rendered(door, 100 * tone_samples(text) + tone_samples("I am heard at once."))
        dropped_s = figure(door, "tts_audio_dropped_seconds_total", why="stalled")
        kept_s = 100 * seconds - dropped_s
        kernel_s = 2 * 4_194_304 / 4 / 24_000
        assert 0 < kept_s < 10 + 2 * seconds + kernel_s
        heard = silent.read_samples(round(kept_s * 24_000))
        assert dominant_hz(heard[-1].samples, 24_000) == pytest.approx(pitch_hz(text), abs=20.0)
        assert chunk_ids(heard) == list(range(1, len(heard) + 1))
        silent.say("Now I listen.")
        assert len(joined([silent.read_frame()]))


@pytest.mark.parametrize("length", [0, 10 * 1024 * 1024 + 1, 0xFFFFFFFE])
@pytest.mark.parametrize("greeted", [False, True])
def test_impossible_length_ends_its_connection_only(
    service: StartService, events: EventLog, length: int, greeted: bool
) -> None:
    door = service()
    with TextHost(door.tcp_port, "2") as other, TextHost(door.tcp_port, "1" if greeted else None) as host:
        host.send(struct.pack(">I", length) + b"anything")
        assert host.read_to_end() == []
        assert str(length) in events.wait("refused", code="protocol_error", call="1" if greeted else None)["why"]
        assert figure(door, "tts_wire_errors_total") == 1
        other.say("Others go on.")
        assert other.read_frame().chunk_id == 1


@pytest.mark.parametrize("hello", [b"1", b"\xff\xfe", b"x" * 1025])
def test_text_that_is_not_utf8_ends_its_connection_only(service: StartService, events: EventLog, hello: bytes) -> None:
    door = service()
    with TextHost(door.tcp_port, "2") as other, TextHost(door.tcp_port) as host:
        host.send(frame_bytes(hello) + frame_bytes(b"caf\xe9"))
        assert host.read_to_end() == []
        events.wait("refused", code="protocol_error")
        assert figure(door, "tts_wire_errors_total") == 1
        other.say("Others go on.")
        assert other.read_frame().chunk_id == 1


def test_goodbye_before_hello_ends_the_connection(service: StartService) -> None:
    with TextHost(service().tcp_port) as host:
        host.bye()
        assert host.read_to_end() == []


@pytest.mark.parametrize("text", ["   \n\t ", "...", "!?! -- * ()", "🙂", "\u200b"])
def test_nothing_to_say_is_no_error(service: StartService, text: str) -> None:
    door = service()
    with TextHost(door.tcp_port, "1") as host:
        host.say(text)
        host.say("But this is heard.")
        frame = host.read_frame()
        assert frame.chunk_id == 1
        np.testing.assert_array_equal(frame.samples, tone("But this is heard."))
    assert figure(door, "tts_texts_silent_total") == 1
    assert figure(door, "tts_wire_errors_total") == 0


@dataclass(frozen=True)
class LongText:
    """100 KB to say; `separator` is what dividing it may leave out."""

    text: str
    separator: str


LONG_TEXTS = {
    "sentences": LongText(" ".join(f"This is sentence {number}." for number in range(4500)), " "),
    "no punctuation": LongText(" ".join(f"word{number}" for number in range(11_500)), " "),
    "no spaces": LongText("".join(f"word{number}" for number in range(12_500)), ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", LONG_TEXTS)
def test_all_of_a_long_text_is_spoken(service: StartService, kind: str, stream: bool) -> None:
    long = LONG_TEXTS[kind]
    assert len(long.text) > 100_000
    said: list[str] = []
    # A tenth of the usual rate, for the speed of the test: 120 samples a character.
    engine = ToneEngine(sample_rate=2400, window_s=2.0, on_prepare=said.append)
    with TextHost(service(engine, stream=stream).tcp_port, "1") as host:
        host.send(frame_bytes(long.text) + BYE)
        frames = host.read_to_end()
    assert long.separator.join(said) == long.text
    assert sum(len(frame.samples) for frame in frames) == sum(tone_samples(text, 2400) for text in said)
    assert chunk_ids(frames) == list(range(1, len(frames) + 1))
    if kind == "sentences" and stream:
        assert len(said) == 4500


def test_audio_over_ten_mib_is_divided(service: StartService) -> None:
    text = " ".join(f"word{number}" for number in range(500))
    with TextHost(service().tcp_port, "1") as host:
        host.send(frame_bytes(text) + BYE)
        frames = host.read_to_end()
    samples = joined(frames)
    assert len(samples) * 4 > MAX_AUDIO_BYTES  # read_to_end has checked that no frame is
    assert len(frames) > 1
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.01)
    assert abs(len(samples) - tone_samples(text)) <= tone_samples("   ")


@pytest.mark.slow
def test_text_as_long_as_a_frame_may_be_is_taken(service: StartService) -> None:
    door = service(ToneEngine(sample_rate=8))
    with TextHost(door.tcp_port, "1") as host:
        host.say(" " * (10 * 1024 * 1024 - 6) + "Hello.")
        assert len(host.read_frame().samples) == tone_samples("Hello.", 8)
    assert figure(door, "tts_texts_total") == 1


@pytest.mark.parametrize("stream", [False, True])
def test_disconnect_in_mid_synthesis_stops_the_work(service: StartService, events: EventLog, stream: bool) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), stream=stream)
    with TextHost(door.tcp_port, "1") as host:
        host.say("This is a long sentence that takes a while. " * 20)
        host.say("And there is one more.")
        throttle.allow(2)
        throttle.wait_asked(3)
    events.wait("disconnected", call="1")
    throttle.open()
    with TextHost(door.tcp_port, "2") as other:
        other.say("Next.")
        other.read_frame()
    assert [text for text in throttle.asked[3:] if text != "Next."] == []
    wait_figure(door, "tts_queue_depth", lambda depth: depth == 0)


def test_disconnect_while_the_door_is_held_up_stops_the_work(service: StartService) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), max_queued_text_bytes=100, sink_buffer_s=1.0)
    with TextHost(door.tcp_port, "1") as host:
        host.send(frame_bytes("More text than the door takes at once.") * 50)
        throttle.wait_asked(1)
    throttle.open()
    wait_figure(door, "tts_queue_depth", lambda depth: depth == 0)
    with TextHost(door.tcp_port, "2") as other:
        other.say("Next.")
        other.read_frame()
    assert len(throttle.asked) < 10 * 10  # ten texts of ten windows; writing to the host fails at the second


def test_text_over_the_bound_waits_and_is_not_lost(service: StartService) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), max_queued_text_bytes=100)
    texts = [f"Text number {number} of a fast host." for number in range(30)]
    with TextHost(door.tcp_port, "1") as host:
        for text in texts:
            host.say(text)
        throttle.wait_asked(1)
        wait_figure(door, "tts_texts_total", lambda count: count >= 3)
        assert figure(door, "tts_queue_depth") <= 3  # of 33 bytes each
        throttle.open()
        frames = host.read_frames(30)
    assert [len(frame.samples) for frame in frames] == [tone_samples(text) for text in texts]
    assert chunk_ids(frames) == list(range(1, 31))


def test_chunk_ids_go_on_after_a_reconnection(service: StartService, events: EventLog) -> None:
    door = service()
    for chunk_id in (1, 2, 3):
        with TextHost(door.tcp_port, "1") as host:
            host.say("Hello.")
            assert host.read_frame().chunk_id == chunk_id
        events.wait("disconnected", count=chunk_id, call="1")


def test_goodbye_lets_what_was_said_be_heard(service: StartService) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle))
    with TextHost(door.tcp_port, "1") as host:
        host.say("First.")
        host.say("Second.")
        host.bye()
        throttle.wait_asked(1)
        throttle.open()
        assert [len(frame.samples) for frame in host.read_to_end()] == [tone_samples("First."), tone_samples("Second.")]
    with TextHost(door.tcp_port, "1") as host:
        host.say("The next call.")
        assert host.read_frame().chunk_id == 1


def test_newer_connection_owns_the_call(service: StartService, events: EventLog) -> None:
    door = service()
    with TextHost(door.tcp_port, "1") as older:
        older.say("To the older one.")
        assert older.read_frame().chunk_id == 1
        with TextHost(door.tcp_port, "1") as newer:
            assert older.read_to_end() == []
            newer.say("To the newer one.")
            frame = newer.read_frame()
            assert frame.chunk_id == 2
            np.testing.assert_array_equal(frame.samples, tone("To the newer one."))
            events.wait("disconnected", call="1")
            newer.say("The older one's end does not end the call.")
            assert newer.read_frame().chunk_id == 3


def test_newer_connection_hears_what_the_older_one_did_not(service: StartService, events: EventLog) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle))
    with TextHost(door.tcp_port, "1") as older:
        older.say("Said before, heard after.")
        throttle.allow(2)
        throttle.wait_asked(3)
        with TextHost(door.tcp_port, "1") as newer:
            events.wait("disconnected", call="1")
            throttle.open()
            np.testing.assert_array_equal(newer.read_frame().samples, tone("Said before, heard after."))


def test_texts_that_the_older_connection_had_not_got_through_are_not_spoken_to_the_newer_one(
    service: StartService, events: EventLog
) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), max_queued_text_bytes=100)
    text = "More text than the door takes at once."
    with TextHost(door.tcp_port, "1") as older:
        older.send(frame_bytes(text) * 50)
        wait_figure(door, "tts_texts_total", lambda count: count == 3)  # two are taken, the third one is held up
        with TextHost(door.tcp_port, "1") as newer:
            events.wait("connection_replaced", call="1")
            newer.say("Mine.")
            throttle.open()
            heard: list[int] = []
            while not heard or heard[-1] != tone_samples("Mine."):
                heard.append(len(newer.read_frame().samples))
    assert len(heard) <= 4
    assert figure(door, "tts_texts_total") <= 4


def test_goodbye_waits_for_an_engine_that_others_need_longer_than_for_a_peer_that_stalls(
    service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited_often = threading.Event()
    rounds = itertools.count(1)
    wait_spoken = Call.wait_spoken

    def wait(call: Call, timeout_s: float) -> bool:
        spoken = wait_spoken(call, timeout_s)
        if next(rounds) == 4:
            waited_often.set()
        return spoken

    monkeypatch.setattr(Call, "wait_spoken", wait)
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), bye_stall_s=0.05)
    with TextHost(door.tcp_port, "1") as host:
        host.say("Said before goodbye.")
        host.bye()
        assert waited_often.wait(TIMEOUT_S)
        throttle.open()
        (frame,) = host.read_to_end()
        assert len(frame.samples) == tone_samples("Said before goodbye.")


def test_goodbye_of_the_older_connection_does_not_end_the_newer_ones_call(
    service: StartService, events: EventLog
) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle))
    with TextHost(door.tcp_port, "1") as older:
        older.say("The last words.")
        older.bye()
        throttle.wait_asked(1)
        with TextHost(door.tcp_port, "1") as newer:
            events.wait("connection_replaced", call="1")
            newer.say("The first words of the next one.")
            wait_figure(door, "tts_texts_total", lambda count: count == 2)
            throttle.open()
            frames = newer.read_samples(
                tone_samples("The last words.") + tone_samples("The first words of the next one.")
            )
            np.testing.assert_array_equal(frames[-1].samples, tone("The first words of the next one."))
            newer.say("And more.")
            last = newer.read_frame()
            assert last.chunk_id > frames[-1].chunk_id


def test_streamed_reply_has_a_frame_for_each_window(service: StartService) -> None:
    throttle = Throttle()
    engine = NumberedEngine(on_render=throttle)
    with TextHost(service(engine, stream=True).tcp_port, "1") as host:
        host.say("x" * 10)  # half a second: windows of 0.2, 0.2 and 0.1 s
        throttle.allow(1)
        first = host.read_frame()  # while the second window has not been rendered yet
        throttle.wait_asked(2)
        throttle.open()
        frames = [first, *host.read_frames(2)]
    assert [len(frame.samples) for frame in frames] == [4800, 4800, 2400]
    assert window_numbers(frames) == [1, 2, 3]
    assert chunk_ids(frames) == [1, 2, 3]


def test_failed_segment_ends_itself_only(service: StartService, events: EventLog) -> None:
    def refuse(text: str) -> None:
        if "bad" in text:
            raise SynthesisError("scripted")
        if "worse" in text:
            raise ZeroDivisionError("scripted")

    door = service(ToneEngine(on_render=refuse), stream=True)
    with TextHost(door.tcp_port, "1") as host:
        host.say("One good. One bad. One worse. One good again.")
        host.say("All bad.")
        host.say("All good.")
        host.bye()
        samples = joined(host.read_to_end())
    np.testing.assert_array_equal(
        samples, np.concatenate([tone("One good."), tone("One good again."), tone("All good.")])
    )
    assert figure(door, "tts_segments_failed_total", engine="tone") == 3
    assert len(events.found("segment_failed", level="error")) == 3


def test_connections_over_the_bound_are_refused(service: StartService, events: EventLog) -> None:
    door = service(max_connections=3)
    with contextlib.ExitStack() as stack:
        hosts = [stack.enter_context(TextHost(door.tcp_port, str(number))) for number in range(3)]
        for host in hosts:
            host.say("Hello.")
            host.read_frame()
        with TextHost(door.tcp_port) as refused:
            assert refused.read_to_end() == []
        assert events.wait("refused", code="connection_refused")["why"].startswith("3 ")
        assert figure(door, "tts_connections_refused_total") == 1
        hosts[0].close()
        events.wait("disconnected", call="0")
        wait_figure(door, "tts_connections_total", lambda count: count == 3)
        with TextHost(door.tcp_port, "4") as host:
            host.say("There is room again.")
            host.read_frame()


def test_connections_over_the_bound_are_refused_in_a_burst_too(service: StartService) -> None:
    door = service(max_connections=3)
    with contextlib.ExitStack() as stack:
        hosts = [stack.enter_context(TextHost(door.tcp_port)) for _ in range(40)]
        wait_figure(
            door,
            "tts_connections_refused_total",
            lambda refused: refused + figure(door, "tts_connections_total") == len(hosts),
        )
        assert figure(door, "tts_connections_total") == 3


def test_calls_over_the_bound_are_refused_unless_one_is_idle(service: StartService, events: EventLog) -> None:
    door = service(max_calls=2)
    with TextHost(door.tcp_port, "1") as first, TextHost(door.tcp_port, "2") as second:
        for host in (first, second):
            host.say("Hello.")
            host.read_frame()
        with TextHost(door.tcp_port, "3") as refused:
            assert refused.read_to_end() == []
        events.wait("refused", code="text_refused")
        datagram(door, "REGISTER:4")
        events.wait("refused", code="registration_refused", call="4")
        first.close()
        events.wait("disconnected", call="1")
        with TextHost(door.tcp_port, "3") as host:
            host.say("There is room again.")
            assert host.read_frame().chunk_id == 1
        second.say("I was here all the time.")
        assert second.read_frame().chunk_id == 2


@pytest.mark.parametrize("start", [b"", b"\0\0", b"\0\0\0\2x"])
def test_connection_without_a_whole_hello_is_closed(service: StartService, events: EventLog, start: bytes) -> None:
    door = service(hello_timeout_s=0.2)
    with TextHost(door.tcp_port, "2") as other, TextHost(door.tcp_port) as host:
        host.send(start)
        assert host.read_to_end() == []
        events.wait("refused", code="hello_overdue")
        other.say("After HELLO a connection may be idle for hours.")
        other.read_frame()


def test_hello_that_trickles_is_closed_too(service: StartService, events: EventLog) -> None:
    door = service(hello_timeout_s=0.2)
    with TextHost(door.tcp_port) as host, contextlib.suppress(ConnectionError):
        host.socket.settimeout(0.05)
        for byte in itertools.chain(struct.pack(">I", 1024), itertools.repeat(0x31, 1000)):
            host.send(bytes([byte]))
            with contextlib.suppress(TimeoutError):
                assert host.socket.recv(1) == b""
                break
    events.wait("refused", code="hello_overdue")


@pytest.mark.parametrize("start", [b"\0", b"\0\0\0\2x", struct.pack(">I", 10 * 2**20) + bytes(2**20)])
def test_a_text_that_is_begun_and_never_comes_is_cut(service: StartService, events: EventLog, start: bytes) -> None:
    door = service(hello_timeout_s=0.2)
    with TextHost(door.tcp_port, "2") as host:
        host.say("This one came.")
        assert sum(len(frame.samples) for frame in host.read_samples(tone_samples("This one came.")))
        host.send(start)
        assert host.read_to_end() == []
        events.wait("refused", code="text_overdue", call="2")
    wait_figure(door, "tts_wire_errors_total", lambda errors: errors == 1)


def test_large_texts_on_their_way_in_are_bounded_and_small_ones_need_no_place(
    service: StartService, events: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "LARGE_TEXT_BYTES", 2 * 2**20)
    door = service(hello_timeout_s=1.0)
    large = struct.pack(">I", 2 * 2**20 - 4)
    with TextHost(door.tcp_port, "1") as first, TextHost(door.tcp_port, "2") as second:
        first.send(large[:2])
        first.send(large[2:] + bytes(1000))
        until(lambda: door_places(door) == 0)
        second.send(large)
        with TextHost(door.tcp_port, "3") as other:
            other.say("Small texts come in all the same.")
            assert other.read_frame().chunk_id == 1
        first.send(bytes(2 * 2**20 - 1004))  # nothing to say, but whole
        until(lambda: door_places(door) == 0 and not events.found("refused", code="text_overdue"))
        second.send(b"Here I am. ".ljust(2 * 2**20 - 4))
        assert second.read_frame().chunk_id == 1
        until(lambda: door_places(door) == 2 * 2**20)


def door_places(door: Service) -> int:
    """How many bytes of large texts may still come in."""
    assert door._telephone._bound is not None
    return door._telephone._bound[0].large_texts._left_bytes


@pytest.mark.parametrize("call_id", ["agent-7", "007", "Zoë", "x" * 1024, "a\nlevel=error\x00"])
def test_call_id_need_not_be_a_number(service: StartService, call_id: str) -> None:
    with TextHost(service().tcp_port, call_id) as host:
        host.say("Hello.")
        assert host.read_frame().chunk_id == 1
