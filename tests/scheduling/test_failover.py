"""An engine that fails: another one goes on, nobody waits for one that hangs, and it is tried again later."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from structlog.testing import capture_logs

from telephony.audio.samples import Resampler
from telephony.engines.base import Engine, SynthesisError, UnspeakableError, Utterance
from telephony.engines.thread import EngineThread, StalledError
from telephony.engines.tone import ToneEngine, ToneUtterance, pitch_hz
from telephony.scheduling.failover import Circuit, Failover, cause
from telephony.scheduling.queues import Request, Window
from telephony.scheduling.scheduler import Scheduler
from telephony.service import Service
from telephony.speech import Samples, Segment
from telephony.telemetry.metrics import Metrics
from tests.clients import (
    TIMEOUT_S,
    EventLog,
    ForeignEngine,
    TextHost,
    dominant_hz,
    figure,
    tone,
    tone_samples,
    until,
    wait_figure,
)
from tests.conftest import StartService
from tests.endpoints.test_pipecat_door import Agent
from tests.scheduling.test_scheduler import Clock, Ear

STALL_S = 0.05
LONG_S = 10.0
SECOND = ToneEngine(name="second", voice_names=("joe",))
WINDOW_SAMPLES = 4800
SENTENCE = "x" * 20
"""A second, five windows."""


@dataclass(frozen=True)
class Broken(ToneEngine):
    """A tone engine whose windows go through `spoil`, together with their text."""

    name: str = "first"
    spoil: Callable[[str, Samples], Samples] = field(default=lambda text, samples: samples)

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        rendered = super().render(batch)
        return [
            self.spoil(utterance.text, samples)
            for utterance, samples in zip(batch, rendered, strict=True)
            if isinstance(utterance, ToneUtterance)
        ]


class TooFew(Broken):
    """Returns one window less than it was asked for."""

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        return super().render(batch)[1:]


class TwoWindows(Ear):
    """Has room for two windows, until a test makes more."""

    def __init__(self) -> None:
        super().__init__()
        self.full = threading.Event()

    def deliver(self, window: Window) -> None:
        super().deliver(window)
        if len(self.windows) == 2:
            self.room = False
            self.full.set()


class Hang:
    """A script that waits, for the texts in `texts`, until it is let go."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, text: str) -> None:
        if text in self.texts and not self.go_on.is_set():
            self.entered.set()
            assert self.go_on.wait(2 * TIMEOUT_S)


def raising(error: Exception, *texts: str) -> Callable[[str], None]:
    """A script that raises for these texts, for all if none is named."""

    def script(text: str) -> None:
        if not texts or text in texts:
            raise error

    return script


class Room:
    """A scheduler with two engines."""

    def __init__(self, first: Engine, *others: Engine) -> None:
        self.metrics = Metrics()
        self.clock = Clock()
        self.first = first
        self.failover = Failover(self.metrics, lambda: [first, *others], STALL_S, self.clock)
        self.scheduler = Scheduler(self.metrics, self.clock, failover=self.failover)
        self.scheduler.start()

    def say(self, *segments: str, ear: Ear | None = None) -> tuple[Ear, Request]:
        """Says a text to its end."""
        ear = ear or Ear()
        request = Request(map(Segment, segments), self.first, "tone", 1.0, 0, 1)
        queue = self.scheduler.open_queue(ear, 1_000_000, "telephone")
        queue.put(request)
        assert queue.wait_idle(LONG_S)
        return ear, request

    def figure(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    @property
    def paused(self) -> bool:
        return self.figure("tts_engine_paused", engine="first") == 1


@pytest.fixture
def open_room() -> Iterator[Callable[..., Room]]:
    rooms: list[Room] = []

    def open_one(first: Engine, *others: Engine) -> Room:
        rooms.append(Room(first, *(others or (SECOND,))))
        return rooms[-1]

    yield open_one
    for room in rooms:
        for hang in (room.first.on_prepare, room.first.on_render) if isinstance(room.first, ToneEngine) else ():
            if isinstance(hang, Hang):
                hang.go_on.set()
        room.scheduler.stop()


OpenRoom = Callable[..., Room]


def heard(ear: Ear) -> Samples:
    return np.concatenate([window.samples for window in ear.windows])


# Why an engine failed


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ValueError("no"), "raised"),
        (SynthesisError("no"), "raised"),
        (MemoryError(), "out_of_memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out_of_memory"),
        (RuntimeError("[ONNXRuntimeError] : Failed to allocate memory for requested buffer"), "out_of_memory"),
        (StalledError("no answer"), "stalled"),
    ],
    ids=repr,
)
def test_the_cause_of_a_failure_is_one_of_a_few(error: Exception, why: str) -> None:
    assert cause(error) == why


# When it is tried again


def test_three_failures_in_a_row_pause_an_engine_and_a_success_in_between_does_not() -> None:
    circuit = Circuit()
    assert [circuit.failed(0.0), circuit.failed(0.0)] == [None, None]
    assert not circuit.succeeded()
    assert [circuit.failed(0.0), circuit.failed(0.0), circuit.failed(0.0)] == [None, None, 5.0]
    assert not circuit.allows(4.9)
    assert circuit.allows(5.0)


def test_each_try_that_fails_doubles_the_pause_up_to_a_bound_and_one_that_goes_well_ends_it() -> None:
    circuit, now = Circuit(), 0.0
    pauses: list[float] = []
    for _ in range(9):
        pause_s = circuit.failed(now, costly=not pauses)
        assert pause_s is not None
        pauses.append(pause_s)
        assert circuit.failed(now) is None, "what fails in the pause does not lengthen it"
        now += pause_s
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert circuit.succeeded()
    assert circuit.allows(now)
    assert circuit.failed(now) is None


# A thread that is left behind


def test_a_call_that_does_not_return_is_given_up_and_its_late_result_is_dropped() -> None:
    hang = Hang("a")
    thread = EngineThread("test")
    assert thread.run(lambda: 1, LONG_S) == 1
    with pytest.raises(StalledError, match=r"test has not answered for 0\.05 s"):
        thread.run(lambda: hang("a"), STALL_S)
    assert thread.stalled
    with pytest.raises(StalledError, match="test does not answer"):
        thread.run(lambda: 2, LONG_S)
    hang.go_on.set()
    until(lambda: not thread.stalled)
    assert thread.run(lambda: 3, LONG_S) == 3
    thread.close()


def test_a_call_that_goes_on_is_no_stall() -> None:
    thread = EngineThread("test")
    assert not thread.run(lambda: thread.stalled, LONG_S)
    thread.close()


def test_a_library_that_ends_the_process_only_fails() -> None:
    def leave() -> None:
        raise SystemExit(1)

    thread = EngineThread("test")
    with pytest.raises(SynthesisError, match="tried to end the process"):
        thread.run(leave, LONG_S)
    thread.close()


# Another engine goes on


def silence(text: str, samples: Samples) -> Samples:
    return samples[:0]


def not_a_number(text: str, samples: Samples) -> Samples:
    return np.full_like(samples, np.nan)


def two_channels(text: str, samples: Samples) -> Samples:
    return np.stack([samples, samples])


FAILURES: dict[str, tuple[Engine, str]] = {
    "prepare raises": (Broken(on_prepare=raising(ValueError("no"))), "raised"),
    "render raises": (Broken(on_render=raising(SynthesisError("no"))), "raised"),
    "no memory": (Broken(on_render=raising(MemoryError())), "out_of_memory"),
    "no device memory": (Broken(on_render=raising(torch.OutOfMemoryError("no"))), "out_of_memory"),
    "not a number": (Broken(spoil=not_a_number), "bad_audio"),
    "two channels": (Broken(spoil=two_channels), "bad_audio"),
    "no sound": (Broken(window_s=100, spoil=silence), "bad_audio"),
    "too few windows": (TooFew(), "bad_audio"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_another_engine_says_what_one_could_not(open_room: OpenRoom, kind: str) -> None:
    engine, why = FAILURES[kind]
    room = open_room(engine)
    with capture_logs() as logs:
        ear, request = room.say("One.", "Two.")
    np.testing.assert_array_equal(heard(ear), np.concatenate([tone("One."), tone("Two.")]))
    assert [window.end_of_text for window in ear.windows] == [False, True]
    assert (
        request.current.engine.name,
        request.current.voice,
        request.current.failed_engine,
        request.measured.failure,
    ) == (
        "second",
        "joe",
        "first",
        None,
    )
    assert room.figure("tts_failovers_total", engine="first", why=why) == 1
    assert room.figure("tts_engine_failures_total", engine="first", why=why) == 1
    assert room.figure("tts_segments_total", engine="second") == 2
    assert room.figure("tts_segments_failed_total", engine="first") == 0
    assert [(entry["event"], entry["why"]) for entry in logs] == [("failover", why)]


def test_the_rest_of_a_text_stays_with_the_engine_that_took_over(open_room: OpenRoom) -> None:
    texts: list[str] = []
    room = open_room(Broken(on_prepare=raising(ValueError("no"), "Two."), window_s=100, on_render=texts.append))
    ear, _ = room.say("One.", "Two.", "Three.")
    assert texts == ["One."]
    assert len(heard(ear)) == sum(map(tone_samples, ("One.", "Two.", "Three.")))
    room.say("Next.")
    assert texts == ["One.", "Next."]


def test_what_was_heard_of_a_segment_is_not_said_again(open_room: OpenRoom) -> None:
    def spoil(text: str, samples: Samples) -> Samples:
        done.append(text)
        return not_a_number(text, samples) if len(done) == 3 else samples

    done: list[str] = []
    room = open_room(Broken(spoil=spoil))
    ear, request = room.say(SENTENCE, "Next.")
    np.testing.assert_array_equal(heard(ear), np.concatenate([tone(SENTENCE)[: 2 * WINDOW_SAMPLES], tone("Next.")]))
    assert (request.current.engine.name, request.measured.failure) == ("second", "the engine returned what is no sound")
    assert room.figure("tts_segments_failed_total", engine="first") == 1


def test_the_last_segment_ends_where_it_fails_once_it_was_heard(open_room: OpenRoom) -> None:
    def spoil(text: str, samples: Samples) -> Samples:
        done.append(text)
        return not_a_number(text, samples) if len(done) == 3 else samples

    done: list[str] = []
    room = open_room(Broken(spoil=spoil))
    ear, request = room.say(SENTENCE)
    assert len(heard(ear)) == 2 * WINDOW_SAMPLES
    assert (ear.ends, request.current.engine.name) == (1, "first")
    assert room.figure("tts_failovers_total", engine="first", why="bad_audio") == 0


def test_a_text_keeps_the_rate_of_its_first_engine(open_room: OpenRoom) -> None:
    low = ToneEngine(name="second", sample_rate=8000, voice_names=("joe",), window_s=100)
    room = open_room(Broken(on_render=raising(ValueError("no"), "Two.")), low)
    ear, _ = room.say("One.", "Two.", "Three.")
    assert {window.sample_rate for window in ear.windows} == {24_000}
    (two,), (three,) = (low.render([low.prepare(text, "joe", 1.0, exact=False)]) for text in ("Two.", "Three."))
    resampler = Resampler(24_000)
    expected = [resampler.push(part, 8000) for part in (two, three)]
    expected.append(resampler.finish())
    np.testing.assert_allclose(heard(ear), np.concatenate([tone("One."), *expected]), atol=1e-5)


@pytest.mark.parametrize(
    "second",
    [ToneEngine(name="second", on_render=raising(ValueError("no"))), ForeignEngine(name="second")],
    ids=["fails too", "speaks another language"],
)
def test_a_segment_that_nobody_can_say_ends_only_itself(open_room: OpenRoom, second: Engine) -> None:
    room = open_room(Broken(on_render=raising(ValueError("no"), "One.")), second)
    ear, request = room.say("One.")
    assert (ear.ends, len(heard(ear)), request.measured.failure) == (1, 0, "the engine failed")
    assert len(heard(room.say("Two.")[0])) == tone_samples("Two.")


def test_a_text_with_nothing_to_pronounce_is_not_the_engines_fault(open_room: OpenRoom) -> None:
    room = open_room(Broken(on_prepare=raising(UnspeakableError("no phonemes"), "~")))
    for _ in range(5):
        ear, request = room.say("~")
    assert (ear.ends, request.measured.failure, request.current.engine.name) == (1, "no phonemes", "first")
    assert not room.paused


def test_one_of_a_batch_that_sounds_wrong_does_not_take_the_others_along(open_room: OpenRoom) -> None:
    first = Broken(spoil=lambda text, samples: not_a_number(text, samples) if text == "bad." else samples)
    room = open_room(first)
    ears = {text: Ear() for text in ("bad.", "good")}
    queues = [room.scheduler.open_queue(ear, 1000, "telephone") for ear in ears.values()]
    with room.scheduler.changed:  # both are there before either is taken
        requests = [Request(iter([Segment(text)]), first, "tone", 1.0, 0, 1) for text in ears]
        for queue, request in zip(queues, requests, strict=True):
            queue.put(request)
    assert all(queue.wait_idle(LONG_S) for queue in queues)
    assert [request.current.engine.name for request in requests] == ["second", "first"]
    for text, ear in ears.items():
        np.testing.assert_array_equal(heard(ear), tone(text))


# An engine that keeps failing


def test_an_engine_that_keeps_failing_is_left_alone_and_tried_again(open_room: OpenRoom) -> None:
    texts: list[str] = []
    failing = [True]

    def script(text: str) -> None:
        texts.append(text)
        if failing:
            raise ValueError("no")

    room = open_room(Broken(on_render=script, window_s=100))
    with capture_logs() as logs:
        for _ in range(5):
            room.say("One.")
        assert len(texts) == 3
        assert room.paused
        assert room.figure("tts_failovers_total", engine="first", why="paused") == 2
        room.clock.now = 5.0
        room.say("Two.")  # the trial fails
        room.clock.now = 14.9
        room.say("Three.")
        assert texts[3:] == ["Two."]
        room.clock.now = 15.0
        failing.clear()
        _, request = room.say("Four.", "Five.")
    assert (texts[4:], request.current.engine.name) == (["Four.", "Five."], "first")
    assert not room.paused
    states = [(entry["event"], entry.get("pause_s")) for entry in logs if entry["event"] != "failover"]
    assert states == [("engine_paused", 5.0), ("engine_paused", 10.0), ("engine_resumed", None)]


def test_an_engine_without_another_is_asked_however_often_it_fails(open_room: OpenRoom) -> None:
    room = open_room(Broken(on_render=raising(ValueError("no"), "bad")), ForeignEngine(name="second"))
    for _ in range(5):
        room.say("bad")
    ear, request = room.say("good")
    assert (len(heard(ear)), request.current.engine.name) == (tone_samples("good"), "first")
    assert not room.paused


# An engine that hangs


@pytest.mark.parametrize("step", ["on_prepare", "on_render"])
def test_another_engine_goes_on_while_one_hangs(open_room: OpenRoom, step: str) -> None:
    hang = Hang("One.")
    scripts: dict[str, Any] = {step: hang}
    room = open_room(Broken(max_batch=1, **scripts))
    ear, request = room.say("One.")
    assert (request.current.engine.name, request.measured.failure) == ("second", None)
    np.testing.assert_array_equal(heard(ear), tone("One."))
    assert room.failover.stalled() == ["first"]
    assert room.figure("tts_failovers_total", engine="first", why="stalled") == 1

    room.clock.now = 1000.0  # the pause is over, but the call has not returned
    assert room.say("Two.")[1].current.engine.name == "second"
    hang.go_on.set()
    until(lambda: not room.failover.stalled())
    ear, request = room.say("Three.")
    assert request.current.engine.name == "first"
    np.testing.assert_array_equal(heard(ear), tone("Three."))  # the late window is nowhere in it
    assert [thread.name for thread in threading.enumerate()].count("engine-first") == 1


@pytest.mark.parametrize(("step", "windows"), [("on_prepare", 5), ("on_render", 2)])
def test_whoever_was_in_mid_sentence_goes_on_as_far_as_the_engine_does(
    open_room: OpenRoom, step: str, windows: int
) -> None:
    hang = Hang("One.")
    scripts: dict[str, Any] = {step: hang}
    first = Broken(max_batch=1, **scripts)
    room = open_room(first)
    ear = TwoWindows()
    queue = room.scheduler.open_queue(ear, 1000, "telephone")
    queue.put(Request(iter([Segment(SENTENCE), Segment("Two.")]), first, "tone", 1.0, 0, 1))
    assert ear.full.wait(LONG_S)
    room.say("One.")
    ear.room = True
    room.scheduler.wake()
    assert queue.wait_idle(LONG_S)
    heard_of_it = tone(SENTENCE)[: windows * WINDOW_SAMPLES]
    np.testing.assert_array_equal(heard(ear), np.concatenate([heard_of_it, tone("Two.")]))
    assert room.paused
    assert room.figure("tts_segments_total", engine="second") == 2


def test_a_service_stops_while_an_engine_hangs(open_room: OpenRoom) -> None:
    hang = Hang("One.")
    room = open_room(Broken(on_render=hang))
    room.say("One.")
    room.scheduler.stop()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("engine-")] == ["engine-first"]


# At the doors


def wait_both(door: Service) -> None:
    """Waits until the second engine is loaded."""
    until(lambda: len(httpx.get(f"http://127.0.0.1:{door.http_port}/v1/status").json()["engines"]) == 2)


@pytest.fixture
def hang() -> Iterator[Hang]:
    script = Hang("Hello.")
    yield script
    script.go_on.set()


@pytest.mark.parametrize("stream", [False, True])
def test_the_telephone_hears_another_engine_and_readiness_says_who_does_not_answer(
    service: StartService, events: EventLog, hang: Hang, stream: bool
) -> None:
    other = ToneEngine(name="piper", voice_names=("joe",))
    door = service(ToneEngine(on_render=hang), http_port=0, second=other, engine_stall_s=STALL_S, stream=stream)
    wait_both(door)
    with TextHost(door.tcp_port, "999") as host:
        host.say("Hello.")
        frames = host.read_samples(tone_samples("Hello."))
        samples = np.concatenate([frame.samples for frame in frames])
        assert dominant_hz(samples, 24_000) == pytest.approx(pitch_hz("Hello."), abs=4)
        ready = httpx.get(f"http://127.0.0.1:{door.http_port}/readyz")
        assert (ready.status_code, ready.json()["status"], ready.json()["stalled"]) == (503, "stalled", ["tone"])
        hang.go_on.set()
        until(lambda: httpx.get(f"http://127.0.0.1:{door.http_port}/readyz").status_code == 200)
        host.say("Next.")
        host.read_frame()
    events.wait("failover", failed="tone", engine="piper", why="stalled", call="999")
    assert figure(door, "tts_failovers_total", engine="tone", why="stalled") == 1


def test_a_web_socket_hears_another_engine(service: StartService, hang: Hang) -> None:
    other = ToneEngine(name="piper", sample_rate=22_050, voice_names=("joe",))
    door = service(ToneEngine(on_render=hang), second=other, http_port=0, engine_stall_s=STALL_S)
    wait_both(door)
    with Agent(door) as agent:
        agent.start(sample_rate=16_000)
        agent.speak("1", "Hello.")
        agent.speak("2", "What else?")
        for request_id, text in (("1", "Hello."), ("2", "What else?")):
            answer = agent.hear(request_id)
            assert answer.kinds == ["started_speak", "done"]
            assert len(answer.audio) / 2 == pytest.approx(tone_samples(text, 16_000), abs=16)
    wait_figure(door, "tts_failovers_total", lambda count: count == 1, engine="tone", why="paused")


class Panic(BaseException):
    """As a panic in an extension that is written in Rust arrives in Python."""


def test_a_panic_in_an_engine_costs_its_call_and_not_the_engines_thread() -> None:
    def panic() -> None:
        raise Panic("at the caller's text")

    thread = EngineThread("rusty")
    try:
        with pytest.raises(SynthesisError, match=r"^the engine failed with Panic$"):
            thread.run(panic, TIMEOUT_S)
        assert thread.run(lambda: "It goes on.", TIMEOUT_S) == "It goes on."
    finally:
        thread.close()
