"""A call's owner, epoch and queue change as one: no text is lost to another's end, and none slips past a cancel."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from telephony.engines.tone import ToneEngine
from telephony.listeners.call import Call
from telephony.listeners.reply_sink import ReplySink
from telephony.scheduling.queues import ListenerQueue, Request
from telephony.service import Service
from tests.clients import TIMEOUT_S, EventLog, TextHost, Throttle, cancel, figure, tone, until, wait_figure
from tests.conftest import StartService

# Until what another thread does has its effect, if nothing holds it up. Too short only hides a defect.
OVERTAKEN_S = 0.2
WINDOWS = 4
"""In `The last words.`"""


class Meanwhile:
    """Has somebody do something in another thread in the very moment in which a method is entered for the first time.

    Waits for it, but not for long: where a lock keeps it out, it comes afterwards.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, act: Callable[..., object]) -> None:
        self._act = act
        self._thread: threading.Thread | None = None
        original = getattr(owner, name)

        def entered(*arguments: object, **options: object) -> object:
            if self._thread is None:
                self._thread = threading.Thread(target=self._act, args=arguments)
                self._thread.start()
                self._thread.join(OVERTAKEN_S)
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, entered)

    def join(self) -> None:
        assert self._thread is not None
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive()


@pytest.mark.parametrize(
    ("owner", "step", "chunk_id"),
    [
        (ListenerQueue, "clear", 1),  # the call has ended, and the newer connection's is the next one
        (Call, "end", 2),  # the newer connection owns the call already, which goes on
    ],
)
def test_goodbye_does_not_hit_what_the_next_connection_says(
    service: StartService, monkeypatch: pytest.MonkeyPatch, owner: type, step: str, chunk_id: int
) -> None:
    throttle = Throttle(WINDOWS)
    door = service(ToneEngine(on_render=throttle))
    newer: list[TextHost] = []

    def call_again(*_: object) -> None:
        newer.append(TextHost(door.tcp_port, "1"))
        newer[0].say("Said by the next one.")
        throttle.wait_asked(WINDOWS + 1)

    with TextHost(door.tcp_port, "1") as older:
        older.say("The last words.")
        older.read_frame()
        meanwhile = Meanwhile(monkeypatch, owner, step, call_again)
        older.bye()
        assert older.read_to_end() == []
    meanwhile.join()
    throttle.open()
    with newer[0]:
        frame = newer[0].read_frame()
        assert frame.chunk_id == chunk_id
        np.testing.assert_array_equal(frame.samples, tone("Said by the next one."))


def test_a_connection_that_is_gone_does_not_hit_what_the_next_one_says(
    service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttle = Throttle(WINDOWS)
    door = service(ToneEngine(on_render=throttle))
    newer: list[TextHost] = []

    def call_again(*_: object) -> None:
        newer.append(TextHost(door.tcp_port, "1"))
        newer[0].say("Said by the next one.")
        throttle.wait_asked(WINDOWS + 1)

    with TextHost(door.tcp_port, "1") as older:
        older.say("The last words.")
        older.read_frame()
        meanwhile = Meanwhile(monkeypatch, ListenerQueue, "clear", call_again)
    until(lambda: bool(newer))
    meanwhile.join()
    throttle.open()
    with newer[0]:
        np.testing.assert_array_equal(newer[0].read_frame().samples, tone("Said by the next one."))


def test_a_text_on_its_way_into_the_queue_does_not_survive_a_cancel(
    service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttle = Throttle()
    throttle.open()
    door = service(ToneEngine(on_render=throttle))

    def interrupt(*_: object) -> None:
        cancel(door, "1")
        wait_figure(door, "tts_interruptions_total", lambda count: count == 1)

    with TextHost(door.tcp_port, "1") as host:
        meanwhile = Meanwhile(monkeypatch, ListenerQueue, "put", interrupt)
        host.say("On its way when the caller began to speak, and long. " * 20)
        host.say("Said afterwards.")
        np.testing.assert_array_equal(host.read_frame().samples, tone("Said afterwards."))
    meanwhile.join()
    assert set(throttle.asked) == {"Said afterwards."}


def test_a_text_on_its_way_into_the_queue_does_not_survive_its_connection(
    service: StartService, events: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttle = Throttle()
    throttle.open()
    door = service(ToneEngine(on_render=throttle))
    replies: list[ReplySink] = []
    say = Call.say

    def note(call: Call, text: str, selection: object, reply: ReplySink) -> None:
        replies.append(reply)
        say(call, text, selection, reply)  # type: ignore[arg-type]

    monkeypatch.setattr(Call, "say", note)

    def break_off(*_: object) -> None:
        door.calls.detach(_call(door), replies[0])  # what the reply's writer does when it cannot write

    with TextHost(door.tcp_port, "1") as host:
        meanwhile = Meanwhile(monkeypatch, ListenerQueue, "put", break_off)
        host.say("For nobody any more.")
        assert host.read_to_end() == []
    meanwhile.join()
    events.wait("disconnected", call="1")
    with TextHost(door.tcp_port, "2") as other:
        other.say("Next.")
        other.read_frame()
    assert set(throttle.asked) == {"Next."}


def test_a_text_that_was_held_up_when_a_newer_connection_came_is_not_spoken_to_it(
    service: StartService, events: EventLog
) -> None:
    throttle = Throttle()
    door = service(ToneEngine(on_render=throttle), max_queued_text_bytes=10)
    with TextHost(door.tcp_port, "1") as older:
        older.say("Accepted, and heard.")
        older.say("Held up.")
        wait_figure(door, "tts_texts_held_up_total", lambda count: count == 1)
        with TextHost(door.tcp_port, "1") as newer:
            events.wait("disconnected", call="1")
            throttle.open()
            np.testing.assert_array_equal(newer.read_frame().samples, tone("Accepted, and heard."))
            newer.say("Mine.")
            np.testing.assert_array_equal(newer.read_frame().samples, tone("Mine."))
    assert figure(door, "tts_queue_depth") == 0


def _call(door: Service) -> Call:
    with door.calls._lock:
        return door.calls._calls["", "1"]


def test_a_dropped_text_is_told_to_the_request_log(service: StartService, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, bool]] = []
    door = service()
    on_done = door._scheduler.on_done

    def note(name: str, request: Request, dropped: bool) -> None:
        told.append((name, dropped))
        on_done(name, request, dropped)

    door._scheduler.on_done = note
    with TextHost(door.tcp_port, "1") as host:
        meanwhile = Meanwhile(monkeypatch, ListenerQueue, "put", lambda *_: _call(door).interrupt())
        host.say("Cancelled on its way.")
        host.say("Heard.")
        host.read_frame()
    meanwhile.join()
    assert told == [("telephone", True), ("telephone", False)]
