"""Sessions, against a scheduler with tone engines: order, cancel, bounds, and what a session leaves behind."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from telephony.engines.base import SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.listeners.session import Session, SessionPolicy, Speech
from telephony.listeners.sessions import RefusedError, SessionRegistry
from telephony.scheduling.admission import PLACE_KEPT_S
from telephony.scheduling.queues import Window
from telephony.scheduling.scheduler import Scheduler
from telephony.speech import Samples
from telephony.telemetry.metrics import Metrics
from telephony.text.script import Script
from telephony.voices import ResolvedVoice, VoiceRequest
from tests.clients import TIMEOUT_S, EventLog, Throttle, tone, tone_samples

POLICY = SessionPolicy(language=None, max_sessions=10, max_first_audio_s=0.0, buffer_s=60.0)
LONG = "A text that is cut into a good dozen of windows, for those who want to stop it."


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Room:
    """A registry with its scheduler; `stop` ends its thread."""

    engine: ToneEngine
    policy: SessionPolicy = POLICY
    clock: Clock | None = None
    metrics: Metrics = field(default_factory=Metrics)
    phrases: list[VoiceRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.metrics, self.clock) if self.clock else Scheduler(self.metrics)
        self.selection = ResolvedVoice(self.engine, "tone", 1.0)
        self.registry = SessionRegistry(self.policy, self.scheduler, self.metrics, self._find, lambda: [self.engine])

    def _find(self, wanted: VoiceRequest) -> ResolvedVoice:
        self.phrases.append(wanted)
        return self.selection

    def say(self, session: Session, text: str) -> Speech:
        return session.say(Script.parse(text), self.selection)

    def figure(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def assert_nothing_is_left(self) -> None:
        assert self.registry.drain(0.0)
        assert not self.scheduler.busy
        assert self.figure("tts_queue_depth") == 0
        assert self.figure("tts_active_sessions", door="test") == 0


StartRoom = Callable[..., Room]


@pytest.fixture
def room(events: EventLog) -> Iterator[StartRoom]:
    """Starts rooms that are admitted; `script` is the tone engine's `on_render`."""
    rooms: list[Room] = []

    def start(
        script: Callable[[str], None] = lambda text: None, *, clock: Clock | None = None, **policy: object
    ) -> Room:
        new = Room(ToneEngine(on_render=script), replace(POLICY, **policy), clock)  # type: ignore[arg-type]
        new.scheduler.start()
        new.registry.admit()
        rooms.append(new)
        return new

    yield start
    for each in rooms:
        if isinstance(each.engine.on_render, Throttle):
            each.engine.on_render.open()
        each.scheduler.stop()
        each.registry.close()


async def windows(speech: Speech) -> list[Window]:
    return [window async for window in speech]


def joined(heard: list[Window]) -> Samples:
    return np.concatenate([window.samples for window in heard])


async def delivered(room: Room) -> None:
    """Returns when all that was said lies in the session."""
    assert await asyncio.to_thread(room.scheduler.drain, 20.0)
    await asyncio.sleep(0)  # the windows' way from the scheduler's thread into this loop


def test_a_text_comes_as_windows_of_which_the_last_one_says_so(room: StartRoom) -> None:
    async def listen() -> list[Window]:
        session = here.registry.open("test")
        try:
            return await windows(here.say(session, LONG))
        finally:
            session.close()

    here = room()
    heard = asyncio.run(listen())
    np.testing.assert_array_equal(joined(heard), tone(LONG))
    assert [window.end_of_text for window in heard] == [False] * (len(heard) - 1) + [True]
    here.assert_nothing_is_left()


def test_texts_are_spoken_in_their_order_and_measured(room: StartRoom) -> None:
    texts = ["One.", "Two and a half.", "Three."]

    async def listen() -> None:
        session = here.registry.open("test")
        speeches = [session.say(Script.parse(text), here.selection, request_id=text) for text in texts]
        for text, speech in zip(texts, speeches, strict=True):
            np.testing.assert_array_equal(joined(await windows(speech)), tone(text))
            request = speech.request
            assert request.request_id == text
            assert request.measured.audio_s == pytest.approx(tone_samples(text) / 24_000)
            assert request.measured.first_audio_s is not None
            assert request.measured.failure is None
        session.close()

    here = room()
    asyncio.run(listen())


@pytest.mark.parametrize("text", ["", "  \n", "...", "🙂"])
def test_nothing_to_say_is_one_empty_window_in_its_turn(room: StartRoom, text: str) -> None:
    async def listen() -> None:
        session = here.registry.open("test")
        first, silent, last = (here.say(session, said) for said in ("First.", text, "Last."))
        assert len(joined(await windows(first))) == tone_samples("First.")
        [window] = await windows(silent)
        assert (len(window.samples), window.end_of_text) == (0, True)
        assert len(joined(await windows(last))) == tone_samples("Last.")
        session.close()

    here = room()
    asyncio.run(listen())
    assert here.figure("tts_texts_silent_total") == 1
    here.assert_nothing_is_left()


def test_a_long_first_sentence_begins_at_its_clause_only_for_a_silent_session_and_not_exactly(room: StartRoom) -> None:
    sentence = "After a first clause of some length, " + "there comes a second one which is a good deal longer " * 2

    async def listen() -> None:
        session = here.registry.open("test")
        throttle.open()
        for exact in (False, True):
            first = session.say(Script.parse(sentence), here.selection, exact=exact)
            second = session.say(Script.parse(sentence), here.selection, exact=exact)
            for speech in (first, second):
                await windows(speech)
            session.interrupt()  # it hears nothing any more
        session.close()

    throttle = Throttle()
    here = room(throttle)
    asyncio.run(listen())
    said = [text for text, before in zip(throttle.asked, ["", *throttle.asked], strict=False) if text != before]
    whole = sentence.strip()
    assert said == ["After a first clause of some length,", whole[37:], whole]  # then only whole ones
    assert throttle.asked.count(whole) > throttle.asked.count(whole[37:])


def test_an_interruption_drops_windows_that_were_delivered_and_not_read(room: StartRoom) -> None:
    async def listen() -> None:
        session = here.registry.open("test")
        speech = here.say(session, LONG)
        await delivered(here)
        session.interrupt()
        assert await windows(speech) == []
        assert speech.cancelled
        np.testing.assert_array_equal(joined(await windows(here.say(session, "New."))), tone("New."))
        session.close()

    here = room()
    asyncio.run(listen())
    dropped_s = here.figure("tts_audio_dropped_seconds_total", why="cancelled")
    assert dropped_s == pytest.approx(tone_samples(LONG) / 24_000)
    assert here.figure("tts_interruptions_total") == 1
    here.assert_nothing_is_left()


def test_an_interruption_drops_windows_on_their_way_into_the_loop(room: StartRoom) -> None:
    async def listen() -> None:
        session = here.registry.open("test")
        speech = here.say(session, LONG)
        here.scheduler.drain(20.0)  # this loop stands still: what the scheduler delivers waits in front of it
        session.interrupt()
        new = here.say(session, "New.")
        assert await windows(speech) == []
        np.testing.assert_array_equal(joined(await windows(new)), tone("New."))
        assert session._buffered_s == pytest.approx(0.0, abs=1e-9)  # nothing takes room for ever
        session.close()

    here = room()
    asyncio.run(listen())
    here.assert_nothing_is_left()


def test_an_interruption_drops_the_window_in_the_device_and_all_behind_it(room: StartRoom) -> None:
    async def listen() -> None:
        session = here.registry.open("test")
        speech, waiting = here.say(session, LONG), here.say(session, "And this.")
        throttle.allow(2)
        await asyncio.to_thread(throttle.wait_asked, 3)
        session.interrupt()
        new = here.say(session, "New.")
        throttle.open()
        assert await windows(speech) == await windows(waiting) == []
        np.testing.assert_array_equal(joined(await windows(new)), tone("New."))
        session.close()

    throttle = Throttle()
    here = room(throttle)
    asyncio.run(listen())
    assert throttle.asked == [LONG] * 3 + ["New."]
    here.assert_nothing_is_left()


def test_an_interruption_ends_the_wait_of_a_reader(room: StartRoom) -> None:
    async def listen() -> None:
        session = here.registry.open("test")
        reader = asyncio.ensure_future(windows(here.say(session, LONG)))
        await asyncio.to_thread(throttle.wait_asked, 1)
        assert not reader.done()
        session.interrupt()
        assert await asyncio.wait_for(reader, 20.0) == []
        session.close()

    throttle = Throttle()
    here = room(throttle)
    asyncio.run(listen())


def test_an_interruption_while_a_window_is_at_its_reader_ends_the_speech_behind_it(room: StartRoom) -> None:
    async def listen() -> list[bool]:
        session = here.registry.open("test")
        speech = here.say(session, "x")  # one window, which is the last one
        seen = []
        async for _ in speech:
            session.interrupt()
            seen.append(speech.cancelled)
        session.close()
        return seen

    here = room()
    assert asyncio.run(listen()) == [True]
    here.assert_nothing_is_left()


@pytest.mark.parametrize("cancelled", [0, 1, 2])
def test_one_speech_is_cancelled_and_the_others_are_heard(room: StartRoom, cancelled: int) -> None:
    texts = ["The first text of three.", "The second text of three.", "The third text of three."]

    async def listen() -> None:
        session = here.registry.open("test")
        speeches = [here.say(session, text) for text in texts]
        throttle.allow(2)
        await asyncio.to_thread(throttle.wait_asked, 3)  # two windows of the first one are there
        speeches[cancelled].cancel()
        throttle.open()
        for number, (text, speech) in enumerate(zip(texts, speeches, strict=True)):
            heard = await windows(speech)
            if number == cancelled:
                assert heard == []
            else:
                np.testing.assert_array_equal(joined(heard), tone(text))
        session.close()

    throttle = Throttle()
    here = room(throttle)
    asyncio.run(listen())
    assert throttle.asked.count(texts[cancelled]) == (3 if cancelled == 0 else 0)
    here.assert_nothing_is_left()


def test_cancelling_what_was_heard_or_cancelled_does_nothing(room: StartRoom) -> None:
    async def listen() -> None:
        session = here.registry.open("test")
        heard, cancelled, last = (here.say(session, text) for text in ("Heard.", "Cancelled.", "Last."))
        await windows(heard)
        for _ in range(2):
            heard.cancel()
            cancelled.cancel()
        assert not heard.cancelled
        assert not here.registry.drain(0.0)  # the last one still counts
        np.testing.assert_array_equal(joined(await windows(last)), tone("Last."))
        session.close()

    here = room()
    asyncio.run(listen())
    here.assert_nothing_is_left()


def test_cancels_that_race_with_the_delivery_of_windows_lose_nothing_and_leave_nothing(room: StartRoom) -> None:
    dice = random.Random(4)

    async def one(session: Session, number: int) -> None:
        text = f"Text {number} of a crowd."
        speech = here.say(session, text)
        stop_after = dice.randrange(5)
        heard: list[Window] = []
        async for window in speech:
            heard.append(window)
            if len(heard) == stop_after:
                dice.choice([speech.cancel, session.interrupt])()
        got = joined(heard) if heard else np.zeros(0, np.float32)
        np.testing.assert_array_equal(got, tone(text)[: len(got)])
        assert speech.cancelled or len(got) == tone_samples(text)

    async def crowd() -> None:
        sessions = [here.registry.open("test") for _ in range(8)]

        async def listen(session: Session, first: int) -> None:
            for number in range(first, first + 25):
                await one(session, number)

        await asyncio.gather(*(listen(session, 100 * index) for index, session in enumerate(sessions)))
        await delivered(here)
        for session in sessions:
            # All that was counted as waiting was read or dropped: the smallest buffer would have room.
            assert session._buffered_s == pytest.approx(0.0, abs=1e-9)
            session.close()

    here = room()
    asyncio.run(crowd())
    here.assert_nothing_is_left()


def test_a_speech_pauses_while_its_reader_has_enough_and_nobody_else_does(room: StartRoom) -> None:
    async def listen() -> None:
        slow, other = here.registry.open("test"), here.registry.open("test")
        speech = here.say(slow, LONG)
        reader = speech.__aiter__()
        # Each of another session's windows but the first takes one of the slow one's along, if there is room for it.
        for asked_for in (3, 3, 4, 5):  # of 0.2 s each, the buffer is full with the third one
            await windows(here.say(other, "Five windows or more."))
            assert asked.count(LONG) == asked_for
            await reader.__anext__()  # what is at the reader still waits to be heard: room for the one before
        rest = [window async for window in reader]
        assert rest[-1].end_of_text
        assert sum(len(window.samples) for window in rest) == tone_samples(LONG) - 4 * 4800
        for session in (slow, other):
            session.close()

    asked: list[str] = []
    here = room(asked.append, buffer_s=0.5)
    asyncio.run(listen())
    here.assert_nothing_is_left()


def test_a_reader_that_breaks_off_leaves_room_for_what_comes_next(room: StartRoom) -> None:
    async def listen() -> None:
        session = here.registry.open("test")
        for _ in range(10):
            speech = here.say(session, LONG)
            async for _ in speech:
                break
            speech.cancel()
        np.testing.assert_array_equal(joined(await windows(here.say(session, "Heard."))), tone("Heard."))
        session.close()

    here = room(buffer_s=0.5)
    asyncio.run(listen())
    here.assert_nothing_is_left()


def test_sessions_over_the_bound_are_refused_until_one_is_closed(room: StartRoom) -> None:
    async def crowd() -> None:
        first, second = here.registry.open("test"), here.registry.open("test")
        assert here.figure("tts_active_sessions", door="test") == 2
        with pytest.raises(RefusedError, match="2 sessions are open") as refused:
            here.registry.open("test")
        assert refused.value.retry_after_s > 0
        first.close()
        first.close()  # frees one place, not two
        third = here.registry.open("test")
        with pytest.raises(RefusedError):
            here.registry.open("test")
        second.close()
        third.close()

    here = room(max_sessions=2)
    asyncio.run(crowd())
    assert here.figure("tts_sessions_refused_total") == 2
    here.assert_nothing_is_left()


def test_who_says_nothing_holds_no_place_and_keeps_its_lane(room: StartRoom) -> None:
    async def converse() -> None:
        silent = [here.registry.attend("test") for _ in range(3)]
        assert here.figure("tts_active_sessions", door="test") == 0
        session = here.registry.attend("test")
        session.take_place()
        session.take_place()  # one place, not two
        assert here.figure("tts_active_sessions", door="test") == 1
        await windows(here.say(session, "Hello."))
        with pytest.raises(RefusedError, match="1 sessions are open"):
            silent[0].take_place()
        session.leave_place()
        session.leave_place()
        assert not session.silent  # what it has said is still heard
        silent[0].take_place()
        for each in (session, *silent):
            each.close()

    here = room(max_sessions=1)
    asyncio.run(converse())
    here.assert_nothing_is_left()


def test_a_service_that_starts_or_stops_takes_no_session_and_no_text() -> None:
    async def come() -> None:
        with pytest.raises(RefusedError, match="starting"):
            here.registry.open("test")
        with pytest.raises(RefusedError, match="starting"):
            here.registry.check_open()
        here.registry.admit()
        here.registry.check_open()
        session = here.registry.open("test")
        here.registry.refuse()
        for attempt in (here.registry.check_open, lambda: here.registry.open("test")):
            with pytest.raises(RefusedError, match="stopping") as refused:
                attempt()
            assert refused.value.retry_after_s > 0
        session.close()

    here = Room(ToneEngine())
    asyncio.run(come())
    here.assert_nothing_is_left()


def test_a_session_whose_first_audio_would_take_too_long_is_refused_while_the_service_is_busy(room: StartRoom) -> None:
    clock = Clock()
    throttle = Throttle()

    def slow(text: str) -> None:
        throttle(text)
        clock.now_s += 2.0

    async def come() -> None:
        session = here.registry.open("test")
        throttle.allow(1)
        await windows(here.say(session, "x"))  # one window, which took two seconds
        await delivered(here)
        session.interrupt()
        here.registry.open("test").close()  # slow, but idle: the next one cannot have it better
        here.say(session, LONG)
        await asyncio.to_thread(throttle.wait_asked, 2)
        with pytest.raises(RefusedError, match=r"would take 1\d\.\d s") as refused:
            here.registry.open("test")
        # Its first window, ours, and the one in work; then only one can speak at a time: its text to the end.
        place_s = tone_samples(LONG) / 24_000 + PLACE_KEPT_S
        assert refused.value.retry_after_s == pytest.approx(3 * 2.0 + place_s)
        session.close()
        here.registry.open("test").close()

    here = room(slow, clock=clock, max_first_audio_s=3.0)
    asyncio.run(come())
    throttle.open()
    assert here.figure("tts_sessions_refused_total") == 1


def test_refusals_are_all_counted(room: StartRoom) -> None:
    here = room()
    here.registry.refuse()
    for _ in range(4):
        with pytest.raises(RefusedError, match="the service is stopping"):
            here.registry.check_open()
    assert here.figure("tts_sessions_refused_total") == 4


def test_draining_waits_for_the_last_window_to_be_read_and_dealt_with(room: StartRoom) -> None:
    async def listen() -> None:
        session = here.registry.open("test")
        speech = here.say(session, LONG)
        here.registry.refuse()
        await delivered(here)
        assert not here.registry.drain(0.0)  # all is synthesised, nothing is read
        stopping = asyncio.ensure_future(asyncio.to_thread(here.registry.drain, 20.0))
        async for _ in speech:
            assert not here.registry.drain(0.0)
        assert await stopping
        assert here.registry.drain(0.0)
        session.close()

    here = room()
    asyncio.run(listen())


@pytest.mark.parametrize("way", ["interrupt", "close", "cancel"])
def test_draining_does_not_wait_for_what_nobody_will_read(room: StartRoom, way: str) -> None:
    async def leave() -> None:
        session = here.registry.open("test")
        speech = here.say(session, LONG)
        stopping = asyncio.ensure_future(asyncio.to_thread(here.registry.drain, 20.0))
        await asyncio.sleep(0)
        {"interrupt": session.interrupt, "close": session.close, "cancel": speech.cancel}[way]()
        assert await stopping
        session.close()

    throttle = Throttle()
    here = room(throttle)
    asyncio.run(leave())
    throttle.open()


def test_a_closed_session_stops_the_work_and_leaves_nothing(room: StartRoom, events: EventLog) -> None:
    async def leave() -> weakref.ref[Session]:
        session = here.registry.open("test")
        speech = here.say(session, LONG)
        reader = asyncio.ensure_future(windows(speech))
        throttle.allow(2)
        await asyncio.to_thread(throttle.wait_asked, 3)
        session.close()
        throttle.open()
        assert len(await reader) <= 2
        assert await windows(speech) == []
        other = here.registry.open("test")
        await windows(here.say(other, "Others go on."))
        other.close()
        return weakref.ref(session)

    throttle = Throttle()
    here = room(throttle)
    closed = asyncio.run(leave())
    assert throttle.asked.count(LONG) == 3
    here.assert_nothing_is_left()
    gc.collect()
    assert closed() is None
    assert not events.found("delivery_failed")


def test_a_loop_that_ends_without_closing_its_session_harms_nobody(room: StartRoom, events: EventLog) -> None:
    sessions: list[Session] = []

    async def vanish() -> None:
        sessions.append(here.registry.open("test"))
        here.say(sessions[0], LONG)
        await asyncio.to_thread(throttle.wait_asked, 1)

    async def listen() -> None:
        session = here.registry.open("test")
        np.testing.assert_array_equal(joined(await windows(here.say(session, "Heard."))), tone("Heard."))
        session.close()

    throttle = Throttle()
    here = room(throttle)
    asyncio.run(vanish())
    throttle.open()
    asyncio.run(listen())
    assert not events.found("delivery_failed")


def test_a_text_that_cannot_be_spoken_ends_and_says_why(room: StartRoom) -> None:
    def refuse(text: str) -> None:
        if "bad" in text:
            raise SynthesisError("scripted")

    async def listen() -> None:
        session = here.registry.open("test")
        bad, good = here.say(session, "One good. One bad."), here.say(session, "All good.")
        assert len(joined(await windows(bad))) == tone_samples("One good.")
        assert bad.request.measured.failure == "scripted"
        np.testing.assert_array_equal(joined(await windows(good)), tone("All good."))
        assert good.request.measured.failure is None
        session.close()

    here = room(refuse)
    asyncio.run(listen())
    here.assert_nothing_is_left()


def test_the_services_language_is_for_clients_that_name_neither_voice_nor_language(room: StartRoom) -> None:
    here = room(language="pt")
    for wanted in (VoiceRequest(), VoiceRequest(speed=2.0), VoiceRequest(voice="tone"), VoiceRequest(language="en")):
        here.registry.find(wanted)
    assert [wanted.language for wanted in here.phrases] == ["pt", "pt", None, "en"]
    assert here.phrases[1].speed == 2.0


def test_a_long_text_is_checked_beside_the_event_loop(room: StartRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    checking, may_end = threading.Event(), threading.Event()
    parse = Script.parse

    def slow(text: str) -> Script:
        if text.startswith("Long"):
            checking.set()
            assert may_end.wait(TIMEOUT_S)
        return parse(text)

    monkeypatch.setattr(Script, "parse", slow)

    async def check() -> list[bool]:
        long = asyncio.create_task(new.registry.parse(f"Long text.{' ' * 500}"))
        assert await asyncio.to_thread(checking.wait, TIMEOUT_S)
        short = await new.registry.parse("Short.")
        may_end.set()
        return [each.speakable for each in (short, await long, await new.registry.parse(" " * 501))]

    new = room()
    assert asyncio.run(check()) == [True, True, False]


def test_a_loop_that_refuses_a_window_for_another_reason_than_its_end_is_a_defect(room: StartRoom) -> None:
    async def deliver() -> None:
        session = new.registry.open("test")
        speech = new.say(session, LONG)
        await delivered(new)
        window = Window(np.zeros(1, np.float32), 24_000, speech.request.epoch, False)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(session._loop, "call_soon_threadsafe", refuse)
            with pytest.raises(RuntimeError, match="another reason"):
                session.deliver(window)
        session.close()

    def refuse(*_: object) -> None:
        raise RuntimeError("another reason")

    new = room()
    asyncio.run(deliver())
