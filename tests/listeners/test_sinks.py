"""The sinks themselves, over a pair of sockets."""

from __future__ import annotations

import itertools
import socket

import numpy as np

from telephony.listeners.reply_sink import ReplySink
from telephony.listeners.sinks import SinkLimits
from telephony.protocols import telephone
from telephony.scheduling.queues import Window
from telephony.telemetry.metrics import Metrics
from tests.clients import EventLog

RATE_HZ = 24_000
TIMEOUT_S = 10.0


class OpenGate:
    """A call of which everything may be heard."""

    call_id = "7"

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def is_current(self, epoch: int) -> bool:
        return True

    def next_chunk_id(self, epoch: int) -> int | None:
        return next(self._ids)

    def sent(self, window: Window) -> None:
        pass

    def lost(self, window: Window) -> None:
        pass


def window(seconds: float, *, end_of_text: bool) -> Window:
    return Window(np.zeros(round(seconds * RATE_HZ), np.float32), RATE_HZ, 0, end_of_text)


def whole_replies(connection: socket.socket, limits: SinkLimits, metrics: Metrics) -> ReplySink:
    """A sink that sends each text as a whole."""
    return ReplySink(
        connection,
        OpenGate(),
        stream=False,
        limits=limits,
        on_room=lambda: None,
        on_broken=lambda: None,
        metrics=metrics,
    )


def test_of_a_text_whose_end_is_dropped_what_was_held_is_sent_all_the_same(events: EventLog) -> None:
    ours, theirs = socket.socketpair()
    metrics = Metrics()
    with ours, theirs:
        theirs.settimeout(TIMEOUT_S)
        sink = whole_replies(ours, SinkLimits(buffer_s=1.0, stall_s=0.3), metrics)
        sink.write(window(60.0, end_of_text=True))  # more than a socket holds
        sink.write(window(2.0, end_of_text=True))
        sink.write(window(0.5, end_of_text=False))
        events.wait("reply_stalled")
        sink.write(window(0.25, end_of_text=True))  # dropped: the reader stalls and the buffer is full
        decoder = telephone.AudioDecoder()
        heard: list[int] = []
        while len(heard) < 3:
            decoder.receive(theirs.recv(65_536))
            heard += [len(event.samples) for event in decoder.events() if isinstance(event, telephone.Audio)]
        assert sum(heard) == 62.5 * RATE_HZ
        assert heard[-1] == 0.5 * RATE_HZ
        assert metrics.registry.get_sample_value("tts_audio_dropped_seconds_total", {"why": "stalled"}) == 0.25
        sink.disconnect()
        sink.close()


def test_what_is_being_sent_and_what_is_held_count_as_waiting(events: EventLog) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sink = whole_replies(ours, SinkLimits(buffer_s=10.0, stall_s=0.2), Metrics())
        for _ in range(12):  # alone, a text comes to its end however long it is
            sink.write(window(1.0, end_of_text=False))
            assert sink.has_room()
        sink.write(window(1.0, end_of_text=True))
        assert not sink.has_room()  # though its only frame may have left the queue
        events.wait("reply_stalled")
        for _ in range(100):
            sink.write(window(1.0, end_of_text=False))
        assert sum(each.duration_s for each in sink.take_unsent()) == 0.0
        sink.disconnect()
        sink.close()
