"""The route to a call's audio processor, with real sockets: registration, streaming, reconnection, the end."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import select
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from telephony.engines.tone import ToneEngine
from telephony.listeners import processor_sink
from telephony.protocols import telephone
from tests.clients import (
    PROCESSOR_BASE_PORT,
    TIMEOUT_S,
    AudioProcessor,
    EventLog,
    NumberedEngine,
    TextHost,
    Throttle,
    cancel,
    chunk_ids,
    datagram,
    figure,
    frame_bytes,
    free_port,
    goodbye,
    joined,
    register,
    tone,
    tone_samples,
    until,
    wait_figure,
    wait_rendered,
    window_numbers,
)
from tests.conftest import StartService

FIFTY_WINDOWS = "x" * 200
"""A segment of ten seconds, 50 windows of 0.2 s."""

WINDOW_BYTES = 12 + 4800 * 4


def assert_rising(ids: list[int]) -> None:
    assert all(earlier < later for earlier, later in itertools.pairwise(ids)), ids


@pytest.mark.parametrize("registered_first", [True, False])
def test_processor_hears_each_window(service: StartService, events: EventLog, registered_first: bool) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle))
    with AudioProcessor() as processor, contextlib.ExitStack() as stack:
        if registered_first:
            register(door, processor.call_id)
            events.wait("processor_connected")
        host = stack.enter_context(TextHost(door.tcp_port, processor.call_id))
        events.wait("connected", call=processor.call_id)
        if not registered_first:
            register(door, processor.call_id)
            events.wait("processor_connected")
        host.say("Ten chars.")
        throttle.allow(1)
        processor.wait(lambda each: len(each.frames) == 1)  # the second window has not been rendered yet
        throttle.open()
        frames = processor.wait_samples(tone_samples("Ten chars."))
        assert processor.receptions[0].call_id == processor.call_id
        assert [len(frame.samples) for frame in frames[:2]] == [4800, 4800]
        assert {frame.sample_rate for frame in frames} == {24_000}
        assert chunk_ids(frames) == list(range(1, len(frames) + 1))
        np.testing.assert_array_equal(joined(frames), tone("Ten chars."))
        host.assert_silent()


def test_registration_moves_what_was_not_sent_to_the_processor(service: StartService, events: EventLog) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle))
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        host.say("Said and rendered in part before anybody registered.")
        host.say("Said before too.")
        throttle.allow(2)
        throttle.wait_asked(3)
        register(door, processor.call_id)
        events.wait("registered")
        throttle.open()
        frames = processor.wait_samples(
            tone_samples("Said and rendered in part before anybody registered.") + tone_samples("Said before too.")
        )
        assert chunk_ids(frames) == list(range(1, len(frames) + 1))
        host.assert_silent()


@pytest.mark.slow
def test_registration_takes_over_from_a_reply_that_nobody_reads(service: StartService, events: EventLog) -> None:
    door = service(reply_stall_s=0.2, sink_buffer_s=10.0)
    text = "A text of five seconds, whose audio nobody ever wants to hear, not at all, no, no."
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id, receive_buffer=4096) as host:
        for _ in range(100):
            host.say(text)
        events.wait("reply_stalled")
        wait_rendered(door, 100 * tone_samples(text))
        register(door, processor.call_id)
        events.wait("processor_connected")
        processor.wait(lambda each: each.sample_count >= tone_samples(text))  # what was still waiting
        host.say("The route of this call is free.")
        processor.wait(
            lambda each: bool(
                np.array_equal(
                    joined(each.frames)[-tone_samples("The route of this call is free.") :],
                    tone("The route of this call is free."),
                )
            )
        )
        assert_rising(chunk_ids(processor.frames))


def test_audio_waits_for_a_processor_that_comes_late(
    service: StartService, events: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor_sink, "CONNECT_DELAYS_S", (0.05,) * 400)
    door = service(NumberedEngine(), sink_buffer_s=2.0)
    with AudioProcessor(listening=False) as processor, TextHost(door.tcp_port, processor.call_id) as host:
        register(door, processor.call_id)
        events.wait("registered")
        host.say(FIFTY_WINDOWS)
        events.wait("processor_unreachable", count=3)
        assert figure(door, "tts_audio_seconds_total", engine="tone") < 2.5  # bounded by the buffer
        processor.start()
        frames = processor.wait_samples(tone_samples(FIFTY_WINDOWS))
        assert window_numbers(frames) == list(range(1, 51))
        assert chunk_ids(frames) == list(range(1, 51))
        host.assert_silent()


def test_registering_again_ends_the_pause_between_two_tries(
    service: StartService, events: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor_sink, "CONNECT_DELAYS_S", (600.0,) * 9)
    door = service()
    with AudioProcessor(listening=False) as processor, TextHost(door.tcp_port, processor.call_id) as host:
        register(door, processor.call_id)
        events.wait("processor_unreachable")
        processor.start()
        register(door, processor.call_id)
        host.say("At once.")
        processor.wait_samples(tone_samples("At once."))


@pytest.mark.slow
def test_processor_that_dies_between_two_windows_loses_none(service: StartService, events: EventLog) -> None:
    throttle = Throttle()
    door = service(NumberedEngine(on_render=throttle))
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        register(door, processor.call_id)
        host.say(FIFTY_WINDOWS)
        heard = 0
        for windows in (10, 15, 25):
            heard += windows
            throttle.allow(windows)
            processor.wait(lambda each, heard=heard: len(each.frames) == heard)  # type: ignore[misc]
            throttle.wait_asked(min(heard + 1, 50))
            if heard < 50:
                processor.kill()
                events.wait("processor_disconnected", count=len(processor.receptions))
                processor.start()
        assert window_numbers(processor.frames) == list(range(1, 51))
        assert_rising(chunk_ids(processor.frames))
        assert [reception.call_id for reception in processor.receptions] == [processor.call_id] * 3
    assert figure(door, "tts_processor_connects_total") == 3


def test_processor_that_dies_while_it_is_sent_to_loses_only_what_was_sent(
    service: StartService, events: EventLog
) -> None:
    # 80 s of audio, 8 MB: far more than the kernel takes, so that the service is in the middle of a send.
    door = service(NumberedEngine(window_s=0.2), sink_buffer_s=200.0)
    texts = ["y" * 320] * 5
    with AudioProcessor(receive_buffer=16_384) as processor, TextHost(door.tcp_port, processor.call_id) as host:
        processor.stop_reading(after_frames=10)
        register(door, processor.call_id)
        for text in texts:
            host.say(text)
        processor.wait(lambda each: len(each.frames) == 10)
        wait_rendered(door, 5 * tone_samples(texts[0]))
        processor.kill()
        events.wait("processor_disconnected")
        processor.stop_reading(after_frames=1000)
        processor.start()
        processor.wait(lambda each: bool(each.frames) and len(each.receptions) == 2)
        processor.wait(lambda each: bool(each.frames) and window_numbers(each.frames[-1:]) == [80] and _done(each))
        first, second = (reception.frames for reception in processor.receptions)
        assert window_numbers(first) == list(range(1, 11))
        everything = list(range(1, 81)) * 5
        kept = window_numbers(second)
        assert kept == everything[-len(kept) :]  # contiguous to the end of the speech
        lost = len(everything) - len(first) - len(kept)
        assert 0 <= lost * WINDOW_BYTES <= 2 * 131_072 + 2 * 65_536 + WINDOW_BYTES  # what two kernel buffers hold
        assert_rising(chunk_ids(first + second))
    assert figure(door, "tts_audio_dropped_seconds_total", why="closed") == 0


def _done(processor: AudioProcessor) -> bool:
    """Whether the last text has been heard, not only one of the five alike."""
    numbers = window_numbers(processor.receptions[-1].frames)
    return numbers.count(80) == 5


def test_unreachable_processor_is_given_up_and_the_host_hears_the_rest(
    service: StartService, events: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor_sink, "CONNECT_DELAYS_S", (0.01,) * 9)
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle))
    with AudioProcessor(listening=False) as processor, TextHost(door.tcp_port, processor.call_id) as host:
        host.say("Heard in the end.")
        throttle.wait_asked(1)
        register(door, processor.call_id)
        events.wait("registered")
        throttle.open()
        assert sum(len(frame.samples) for frame in host.read_samples(tone_samples("Heard in the end."))) > 0
        given_up = events.wait("processor_given_up", call=processor.call_id)
        assert given_up["port"] == processor.port
        assert len(events.found("processor_unreachable")) == 10
        assert figure(door, "tts_processor_failures_total") == 1
        host.say("One frame for each text again.")
        assert len(host.read_frame().samples) == tone_samples("One frame for each text again.")
        processor.start()
        register(door, processor.call_id)
        events.wait("processor_connected")
        host.say("And to the processor again.")
        processor.wait_samples(tone_samples("And to the processor again."))


def test_processor_that_hangs_up_on_every_hello_is_given_up(
    service: StartService, events: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor_sink, "CONNECT_DELAYS_S", (0.05,) * 3)
    door = service()
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.settimeout(TIMEOUT_S)
        call_id = str(port - PROCESSOR_BASE_PORT)
        with TextHost(door.tcp_port, call_id) as host:
            register(door, call_id)
            for _ in range(4):
                listener.accept()[0].close()
            events.wait("processor_given_up", call=call_id)
            host.say("The host hears it.")
            host.read_samples(tone_samples("The host hears it."))


def no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system starts no more threads for audio processors."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("processor-"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)


def no_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads of audio processors get no more descriptors for selectors."""
    make = selectors.DefaultSelector

    def refuse() -> selectors.BaseSelector:
        if threading.current_thread().name.startswith("processor-"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return make()

    monkeypatch.setattr(selectors, "DefaultSelector", refuse)


def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said to audio processors fails in a way that nobody has foreseen."""

    def refuse(*_: Any) -> bytes:
        raise MemoryError

    monkeypatch.setattr(telephone, "encode_hello", refuse)


@pytest.mark.parametrize("fault", [no_thread, no_descriptor, no_memory])
def test_whatever_keeps_a_processors_writer_from_living_its_call_is_not_mute(
    service: StartService,
    events: EventLog,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[pytest.MonkeyPatch], None],
) -> None:
    monkeypatch.setattr(processor_sink, "CONNECT_DELAYS_S", (0.01,) * 9)
    door = service()
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        with monkeypatch.context() as broken:
            fault(broken)
            register(door, processor.call_id)
            host.say("Somebody must hear this.")
            until(lambda: processor.sample_count > 0 or readable(host.socket))
        if not processor.sample_count:
            host.read_samples(tone_samples("Somebody must hear this."))
        register(door, processor.call_id)
        events.wait("processor_connected", call=processor.call_id)
        host.say("And the processor this.")
        told = tone("And the processor this.")
        processor.wait(
            lambda each: each.sample_count >= len(told) and np.array_equal(joined(each.frames)[-len(told) :], told)
        )


def readable(connection: socket.socket) -> bool:
    """Whether something has come on it."""
    return bool(select.select([connection], [], [], 0)[0])


def test_slow_processor_pauses_its_own_call_only(service: StartService) -> None:
    door = service(NumberedEngine(), sink_buffer_s=2.0)
    texts = [FIFTY_WINDOWS] * 10
    with (
        AudioProcessor(receive_buffer=16_384) as slow,
        AudioProcessor() as quick,
        TextHost(door.tcp_port, slow.call_id) as slow_host,
        TextHost(door.tcp_port, quick.call_id) as quick_host,
    ):
        slow.stop_reading(after_frames=1)
        register(door, slow.call_id)
        register(door, quick.call_id)
        for text in texts:
            slow_host.say(text)
        slow.wait(lambda each: len(each.frames) == 1)
        for text in texts:
            quick_host.say(text)
        quick.wait_samples(10 * tone_samples(FIFTY_WINDOWS))
        rendered_s = figure(door, "tts_audio_seconds_total", engine="tone")
        kernel_s = (2 * 131_072 + 2 * 65_536) / 4 / 24_000
        assert rendered_s < 100.0 + 2.0 + kernel_s + 1.0
        slow.read_on()
        assert window_numbers(slow.wait_samples(10 * tone_samples(FIFTY_WINDOWS))) == list(range(1, 51)) * 10
        assert chunk_ids(slow.frames) == list(range(1, 501))
    assert figure(door, "tts_audio_dropped_seconds_total", why="closed") == 0


def test_speech_goes_on_when_the_text_host_reconnects(service: StartService, events: EventLog) -> None:
    throttle = Throttle()
    door = service(NumberedEngine(on_render=throttle))
    with AudioProcessor() as processor:
        register(door, processor.call_id)
        with TextHost(door.tcp_port, processor.call_id) as host:
            host.say(FIFTY_WINDOWS)
            throttle.wait_asked(1)
        events.wait("disconnected", call=processor.call_id)
        with TextHost(door.tcp_port, processor.call_id) as host:
            host.say(FIFTY_WINDOWS)
            throttle.open()
            frames = processor.wait_samples(2 * tone_samples(FIFTY_WINDOWS))
        assert window_numbers(frames) == list(range(1, 51)) * 2
        assert chunk_ids(frames) == list(range(1, 101))
        assert len(processor.receptions) == 1


def test_registering_twice_makes_one_connection(service: StartService, events: EventLog) -> None:
    door = service()
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        for _ in range(5):
            register(door, processor.call_id)
        events.wait("registered", count=5)
        host.say("Once.")
        processor.wait_samples(tone_samples("Once."))
        assert len(processor.receptions) == 1


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\0",
        b"REGISTER",
        b"REGISTER:",
        b"REGISTER: \r\n",
        b"register:1",
        b"HELLO:1",
        b":1",
        b"REGISTER:caf\xc3\xa9",
        b"\xff" * 256,
        b"REGISTER:" + b"1" * 248,
        b"x" * 60_000,
    ],
)
def test_garbage_datagram_is_counted_and_ignored(service: StartService, events: EventLog, garbage: bytes) -> None:
    door = service()
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        datagram(door, garbage)
        events.wait("datagram_ignored")
        datagram(door, f"REGISTER:{processor.call_id} \r\n\0")
        events.wait("processor_connected")
        host.say("Still there.")
        processor.wait_samples(tone_samples("Still there."))
    assert figure(door, "tts_datagrams_ignored_total") == 1


@pytest.mark.parametrize("call_id", ["56534", "999999999"])
def test_call_number_beyond_the_last_port_is_refused(service: StartService, events: EventLog, call_id: str) -> None:
    door = service()
    register(door, call_id)
    events.wait("refused", code="registration_refused", call=call_id)
    with TextHost(door.tcp_port, call_id) as host:
        host.say("On the reply route it speaks.")
        host.read_frame()


@pytest.mark.parametrize("verb", ["BYE", "CANCEL"])
def test_datagram_about_an_unknown_call_is_ignored(service: StartService, events: EventLog, verb: str) -> None:
    door = service()
    datagram(door, f"{verb}:12345")
    event = {"BYE": "call_ended", "CANCEL": "call_interrupted"}[verb]
    events.wait(event, call="12345", known=False)


@pytest.mark.parametrize("route", ["processor", "reply"])
def test_cancel_stops_what_was_said_and_the_call_goes_on(service: StartService, events: EventLog, route: str) -> None:
    throttle = Throttle()
    door = service(NumberedEngine(on_render=throttle), stream=True)
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        if route == "processor":
            register(door, processor.call_id)
            events.wait("processor_connected")
        host.say(FIFTY_WINDOWS)
        host.say("This was queued behind it.")
        throttle.allow(3)
        if route == "processor":
            processor.wait(lambda each: len(each.frames) == 3)
        else:
            host.read_frames(3)
        throttle.wait_asked(4)
        events.wait("text", count=2)
        cancel(door, processor.call_id)
        events.wait("call_interrupted", call=processor.call_id, known=True)
        host.say("Sorry?")
        throttle.open()
        if route == "processor":
            frames = processor.wait_samples(3 * 4800 + tone_samples("Sorry?"))[3:]
        else:
            frames = host.read_samples(tone_samples("Sorry?"))
        assert window_numbers(frames) == [1, 2]
        assert chunk_ids(frames) == [4, 5]
    assert figure(door, "tts_interruptions_total") == 1


def test_cancel_drops_what_waits_in_the_sink(service: StartService, events: EventLog) -> None:
    door = service(NumberedEngine(), sink_buffer_s=200.0)
    with (
        AudioProcessor(receive_buffer=16_384) as processor,
        TextHost(door.tcp_port, processor.call_id) as host,
    ):
        processor.stop_reading(after_frames=5)
        register(door, processor.call_id)
        for _ in range(10):
            host.say(FIFTY_WINDOWS)
        processor.wait(lambda each: len(each.frames) == 5)
        wait_rendered(door, 10 * tone_samples(FIFTY_WINDOWS))
        cancel(door, processor.call_id)
        events.wait("call_interrupted")
        host.say("Sorry?")
        processor.read_on()
        processor.wait(lambda each: len(each.frames[-1].samples) == tone_samples("Sorry?") - 4800)
        heard_s = processor.sample_count / 24_000
        assert heard_s < 1.0 + (2 * 131_072 + 2 * 65_536) / 4 / 24_000 + 0.5  # the kernel's buffers, no more
        assert_rising(chunk_ids(processor.frames))
    wait_figure(door, "tts_audio_dropped_seconds_total", lambda dropped_s: dropped_s > 90, why="cancelled")


def test_goodbye_ends_the_route_and_chunk_ids_start_again(service: StartService, events: EventLog) -> None:
    throttle = Throttle()
    door = service(NumberedEngine(on_render=throttle))
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        for call in (1, 2):
            register(door, processor.call_id)
            events.wait("processor_connected", count=call)
            host.say(FIFTY_WINDOWS)
            asked = len(throttle.asked)
            throttle.allow(7)
            processor.wait(lambda each, call=call: len(each.frames) == 7 * call)  # type: ignore[misc]
            throttle.wait_asked(asked + 7)
            goodbye(door, processor.call_id)
            events.wait("call_ended", count=call, known=True)
            throttle.allow(1)  # the window that was in the device
            processor.wait(lambda each, call=call: each.receptions[call - 1].closed)  # type: ignore[misc]
            reception = processor.receptions[call - 1]
            assert reception.call_id == processor.call_id
            assert window_numbers(reception.frames) == chunk_ids(reception.frames) == [1, 2, 3, 4, 5, 6, 7]
            assert reception.ended
            assert not reception.buffer
        throttle.open()
        host.say("The connection is still the host's.")
        assert host.read_frame().chunk_id == 1


@pytest.mark.slow
def test_goodbye_in_the_midst_of_sending_keeps_chunk_ids_in_order(service: StartService, events: EventLog) -> None:
    door = service(NumberedEngine(), sink_buffer_s=200.0)
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        for call in range(1, 41):
            register(door, processor.call_id)
            events.wait("registered", count=call)
            for _ in range(4):
                host.say(FIFTY_WINDOWS)
            events.wait("text", count=4 * call)
            processor.wait(lambda each, call=call: len(each.receptions) == call and bool(each.receptions[-1].frames))  # type: ignore[misc]
            goodbye(door, processor.call_id)
            processor.wait(lambda each: each.receptions[-1].closed)
            frames = processor.receptions[-1].frames
            assert chunk_ids(frames) == list(range(1, len(frames) + 1))


def test_goodbye_on_the_text_connection_lets_the_processor_hear_all(service: StartService, events: EventLog) -> None:
    throttle = Throttle()
    door = service(NumberedEngine(on_render=throttle))
    with AudioProcessor() as processor:
        for call in (1, 2):
            register(door, processor.call_id)
            events.wait("registered", count=call)
            with TextHost(door.tcp_port, processor.call_id) as host:
                host.send(frame_bytes(FIFTY_WINDOWS) + frame_bytes(FIFTY_WINDOWS))
                host.bye()
                throttle.wait_asked(1)
                throttle.open()
                assert host.read_to_end() == []
            processor.wait(lambda each, call=call: each.receptions[call - 1].closed)  # type: ignore[misc]
            reception = processor.receptions[call - 1]
            assert window_numbers(reception.frames) == list(range(1, 51)) * 2
            assert chunk_ids(reception.frames) == list(range(1, 101))
            assert reception.ended


def test_goodbye_while_the_processor_does_not_read(service: StartService, events: EventLog) -> None:
    door = service(NumberedEngine(), sink_buffer_s=200.0)
    with AudioProcessor(receive_buffer=16_384) as processor, TextHost(door.tcp_port, processor.call_id) as host:
        processor.stop_reading(after_frames=1)
        register(door, processor.call_id)
        for _ in range(10):
            host.say(FIFTY_WINDOWS)
        processor.wait(lambda each: len(each.frames) == 1)
        wait_rendered(door, 10 * tone_samples(FIFTY_WINDOWS))
        goodbye(door, processor.call_id)
        events.wait("call_ended", known=True)
        host.say("The next call speaks at once.")
        assert host.read_frame().chunk_id == 1


def test_forced_reply_route_ignores_the_processor(service: StartService, events: EventLog) -> None:
    door = service(audio_route="reply")
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        register(door, processor.call_id)
        events.wait("registered")
        host.say("Back to the host.")
        np.testing.assert_array_equal(
            joined(host.read_samples(tone_samples("Back to the host."))), tone("Back to the host.")
        )
        assert processor.frames == []


def test_forced_processor_route_waits_for_it(service: StartService) -> None:
    throttle = Throttle(allowed=1000)
    door = service(NumberedEngine(on_render=throttle), audio_route="processor", max_queued_text_bytes=1000)
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        for _ in range(10):
            host.say(FIFTY_WINDOWS)
        wait_figure(door, "tts_texts_total", lambda count: count >= 5)
        assert throttle.asked == []  # no sound is made for nobody, and no more than five texts are taken
        assert figure(door, "tts_queue_depth") == 5
        register(door, processor.call_id)
        frames = processor.wait_samples(10 * tone_samples(FIFTY_WINDOWS))
        assert window_numbers(frames) == list(range(1, 51)) * 10
        host.assert_silent()


def test_many_calls_with_a_processor_each_hear_their_own(service: StartService, events: EventLog) -> None:
    door = service()
    with contextlib.ExitStack() as stack:
        processors = [stack.enter_context(AudioProcessor()) for _ in range(30)]
        hosts = [stack.enter_context(TextHost(door.tcp_port, processor.call_id)) for processor in processors]
        for processor in processors:
            register(door, processor.call_id)
        events.wait("registered", count=30)
        texts = [f"This is for caller {processor.call_id}." for processor in processors]
        for host, text in zip(hosts, texts, strict=True):
            host.say(text)
        for processor, text in zip(processors, texts, strict=True):
            heard = joined(processor.wait_samples(tone_samples(text)))
            np.testing.assert_array_equal(heard, tone(text))
            assert_rising(chunk_ids(processor.frames))
