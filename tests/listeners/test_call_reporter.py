"""What is told of one call, on a clock that the tests move."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from telephony.engines.tone import ToneEngine
from telephony.listeners import call_events
from telephony.listeners.call_events import CallEvents
from telephony.listeners.call_reporter import CallReporter
from telephony.protocols.call_events import MAX_TEXT_CHARS, CallEvent
from telephony.scheduling.queues import Request
from telephony.speech import Word
from telephony.telemetry.metrics import Metrics


class Told:
    """A call, its clock, and what was told of it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.metrics = Metrics()
        self.events = CallEvents(self.metrics, lambda: self.now, lambda: self.now)
        self.events.subscribe(self._take)
        # Without the thread: `tell` does its work.
        self.events._closed = True
        self.call = CallReporter(self.events, "7", "telephone")
        self.told: list[dict[str, Any]] = []

    def _take(self, event: CallEvent) -> None:
        self.told.append(json.loads(event.to_json()))

    def tell(self, later_s: float = 0.0) -> list[str]:
        """Tells what is due in so many seconds; the kinds of all that was told by then."""
        self.now += later_s
        self.events._run()
        return [event["type"] for event in self.told]

    def say(self, epoch: int, text: str = "One two.", request_id: str = "") -> Request:
        request = Request(iter(()), ToneEngine(), "tone", 1.0, epoch, len(text), request_id=request_id)
        self.call.say(request, text)
        return request

    def send(self, epoch: int, duration_s: float, *, whole: bool = True) -> None:
        self.call.made(epoch, duration_s, whole=whole)
        self.call.sent(epoch, duration_s)


def test_a_text_is_spoken_once_it_is_heard_and_the_next_one_begins_then() -> None:
    told = Told()
    for epoch in (1, 2):
        told.say(epoch, f"Text {epoch}.", f"r{epoch}")
        told.send(epoch, 1.0)
    assert told.tell() == ["speaking"]
    assert told.tell(0.9) == ["speaking"]
    assert told.tell(0.2) == ["speaking", "spoken", "speaking"]
    assert told.tell(1.0) == ["speaking", "spoken", "speaking", "spoken"]
    assert [(event["text"], event["request_id"]) for event in told.told] == [
        ("Text 1.", "r1"),
        ("Text 1.", "r1"),
        ("Text 2.", "r2"),
        ("Text 2.", "r2"),
    ]


def test_a_barge_in_is_told_by_words_and_takes_back_what_was_to_come() -> None:
    told = Told()
    told.say(1, "One two three.", "r1")
    told.call.know(1, [Word("One", 0.0, 0.5), Word("two", 0.5, 1.0), Word("three.", 1.0, 1.5)])
    told.send(1, 1.5)
    told.say(2, "Next.")
    told.send(2, 1.0)
    told.tell(1.1)
    told.call.interrupted(2)
    assert told.tell(10.0) == ["speaking", "interrupted"]
    last = told.told[-1]
    assert (last["text_spoken"], last["text_remaining"], last["request_id"]) == ("One two", "three. Next.", "r1")
    told.say(3)
    told.call.interrupted(2)  # late: it is about earlier texts
    told.send(3, 1.0)
    assert told.tell(1.0)[2:] == ["speaking", "spoken"]


def test_audio_that_leaves_in_the_moment_of_a_barge_in_delays_no_later_text() -> None:
    told = Told()
    told.say(1)
    told.call.made(1, 30.0, whole=True)
    told.call.interrupted(1)
    told.call.sent(1, 30.0)
    told.say(2)
    told.send(2, 1.0)
    assert told.tell() == ["interrupted", "speaking"]


def test_what_was_dropped_or_has_failed_is_told_as_an_error() -> None:
    told = Told()
    told.say(1)
    told.call.made(1, 1.0, whole=True)
    told.call.lost(1, 1.0)
    told.say(2).measured.failure = "scripted"
    told.call.made(2, 0.0, whole=True)
    assert told.tell() == ["spoken", "spoken"]
    assert [event["error"] for event in told.told] == ["a part of its audio was dropped", "scripted"]
    assert {event["text"] for event in told.told} == {""}


def test_the_end_of_a_call_says_what_was_sent_or_cuts_it() -> None:
    for spoken, kinds in ((True, ["speaking", "spoken"]), (False, ["speaking", "interrupted"])):
        told = Told()
        told.call.connected()
        told.call.connected()
        told.say(1)
        told.send(1, 5.0)
        told.tell(1.0)
        told.call.hung_up(spoken=spoken)
        told.call.hung_up()
        assert told.tell(10.0) == ["connected", *kinds, "hung_up"]


def test_a_call_that_goes_on_elsewhere_has_not_hung_up() -> None:
    told = Told()
    told.call.connected()
    told.call.left()
    told.call.hung_up()
    assert told.tell() == ["connected"]


def test_long_texts_are_cut_where_they_matter_least() -> None:
    told = Told()
    text = "begin " + "x" * (2 * MAX_TEXT_CHARS) + " end"
    told.say(1, text)
    told.send(1, 1.0)
    told.tell(2.0)
    speaking, spoken = told.told
    assert speaking["text"].startswith("begin")
    assert spoken["text"].endswith("end")
    assert {len(event["text"]) for event in told.told} == {MAX_TEXT_CHARS}


def test_events_to_come_are_bounded_and_counted(monkeypatch: Any) -> None:
    monkeypatch.setattr(call_events, "MAX_SCHEDULED", 1)
    told = Told()
    told.say(1)
    told.send(1, 1.0)
    assert told.tell(2.0) == ["speaking"]
    assert told.metrics.call_events_lost.labels("scheduled")._value.get() == 1
    told.call.hung_up()  # what was dropped is not told by another name


def test_a_subscriber_with_a_defect_is_told_no_more_and_the_others_are(events: Any) -> None:
    told = Told()

    def fail(event: CallEvent) -> None:
        raise KeyError("scripted")

    told.events.subscribe(fail)
    told.call.digit("5")
    told.call.digit("6")
    assert told.tell() == ["dtmf", "dtmf"]
    assert len(events.found("call_event_failed")) == 1


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["connected", "say", "send", "end", "lose", "interrupt", "hang_up", "spoken", "left", "wait"]),
        st.integers(0, 5),
    ),
    max_size=60,
)


def epochs(told: Told) -> Iterator[int]:
    yield from list(told.call._texts)


@given(steps=STEPS)
def test_whatever_happens_each_text_is_told_once_and_begins_before_it_ends(steps: list[tuple[str, int]]) -> None:
    told, said = Told(), 0
    for step, number in steps:
        open_texts = list(epochs(told))
        epoch = open_texts[number % len(open_texts)] if open_texts else 0
        match step:
            case "connected":
                told.call.connected()
            case "say":
                said += 1
                told.say(said, f"w{said}")
            case "send":
                told.send(epoch, 0.1 * number, whole=False)
            case "end":
                told.call.made(epoch, 0.0, whole=True)
            case "lose":
                told.call.made(epoch, 0.1, whole=False)
                told.call.lost(epoch, 0.1)
            case "interrupt":
                told.call.interrupted(epoch)
            case "hang_up" | "spoken":
                told.call.hung_up(spoken=step == "spoken")
            case "left":
                told.call.left()
            case "wait":
                told.tell(0.1 * number)
    told.call.hung_up()
    told.tell(1000.0)
    assert list(epochs(told)) == []
    begun: set[str] = set()
    ended: list[str] = []
    connected = False
    for event in told.told:
        match event["type"]:
            case "speaking":
                assert event["text"] not in begun
                begun.add(event["text"])
            case "spoken":
                ended += event["text"].split()
            case "interrupted":
                ended += f"{event['text_spoken']} {event['text_remaining']}".split()
            case "connected" | "hung_up":
                assert connected == (event["type"] == "hung_up") or "left" in dict(steps)
                connected = event["type"] == "connected"
    assert len(ended) == len(set(ended))
    assert [event["time"] for event in told.told] == sorted(event["time"] for event in told.told)
