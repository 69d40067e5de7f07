"""Audio leaves at the listener's pace, falls silent without a click, and it is known what was heard of it."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from telephony.listeners.playback import FADE_S, Playback, SaidText, fade_out
from telephony.scheduling.queues import Window
from telephony.speech import Samples, Word
from telephony.text.script import Script

TEXT = "Yes, your table is booked."
WORDS = [
    Word("Yes,", 0.0, 0.4),
    Word("your", 0.5, 0.7),
    Word("table", 0.7, 1.0),
    Word("is", 1.0, 1.2),
    Word("booked.", 1.2, 1.8),
]


class Clock:
    """Seconds that pass only when a test, or a wait under test, lets them."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, delay_s: float) -> None:
        self.now_s += delay_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(asyncio, "sleep", clock.sleep)
    return clock


def say(playback: Playback[SaidText], text: str, seconds: float, words: list[Word] | None = None) -> SaidText:
    said = playback.begin(SaidText(text))
    said.know(words or [])
    playback.sent(seconds, said)
    said.whole = True
    return said


# Pace


def test_frames_leave_on_an_absolute_clock_and_never_further_ahead_than_the_lead(clock: Clock) -> None:
    playback = Playback[SaidText](0.05, clock)
    left_at = []
    for number in range(500):
        asyncio.run(playback.wait(0.02))
        assert playback.ahead_s + 0.02 <= 0.05 + 1e-9
        playback.sent(0.02, SaidText("Hello."))
        left_at.append(clock.now_s - 1000)
        clock.now_s += (number % 7) * 0.003  # what takes time here is made up for, not added up
    assert left_at[-1] == pytest.approx(499 * 0.02, abs=0.05)


def test_a_frame_longer_than_the_lead_leaves_when_the_one_before_it_was_heard(clock: Clock) -> None:
    playback = Playback[SaidText](0.02, clock)
    playback.sent(0.1, SaidText("Hello."))
    asyncio.run(playback.wait(0.1))
    assert clock.now_s == pytest.approx(1000.1)


def test_after_a_standstill_nothing_is_made_up_for(clock: Clock) -> None:
    playback = Playback[SaidText](0.05, clock)
    assert not playback.sent(0.02, SaidText("Hello."))
    assert playback.sent(0.02, SaidText("Hello."))
    clock.now_s += 1.0
    assert not playback.sent(0.02, SaidText("Hello."))
    assert playback.ahead_s == pytest.approx(0.02)


def test_without_a_lead_nothing_waits(clock: Clock) -> None:
    playback = Playback[SaidText](None, clock)
    playback.sent(60.0, SaidText("Hello."))
    asyncio.run(playback.wait(60.0))
    assert clock.now_s == 1000.0


# What was heard


@pytest.mark.parametrize(
    ("heard_s", "spoken", "remaining"),
    [
        (0.0, "", TEXT),
        (0.39, "", TEXT),
        (0.41, "Yes,", "your table is booked."),
        (1.01, "Yes, your table", "is booked."),
        (1.19, "Yes, your table", "is booked."),
        (1.81, TEXT, ""),
        (3.0, TEXT, ""),
    ],
)
def test_a_word_counts_once_it_was_heard_to_its_end(clock: Clock, heard_s: float, spoken: str, remaining: str) -> None:
    playback = Playback[SaidText](None, clock)
    say(playback, TEXT, 2.0, WORDS)
    clock.now_s += heard_s
    assert playback.interrupt() == (spoken, remaining)


def test_without_word_times_a_text_counts_once_all_of_it_was_heard(clock: Clock) -> None:
    playback = Playback[SaidText](None, clock)
    say(playback, "One.", 1.0)
    say(playback, "Two.", 1.0)
    clock.now_s += 1.99
    assert playback.interrupt(["Three."]) == ("One.", "Two. Three.")


def test_a_text_that_is_not_whole_yet_was_not_heard_to_its_end(clock: Clock) -> None:
    playback = Playback[SaidText](None, clock)
    said = playback.begin(SaidText("One. Two."))
    playback.sent(1.0, said)
    clock.now_s += 5.0
    assert playback.interrupt() == ("", "One. Two.")


def test_words_that_the_text_has_otherwise_are_passed_over(clock: Clock) -> None:
    playback = Playback[SaidText](None, clock)
    say(playback, "Room 5, please.", 2.0, [Word("Room", 0, 1), Word("five", 1, 1.5), Word("please.", 1.5, 1.9)])
    clock.now_s += 1.6
    assert playback.interrupt() == ("Room", "5, please.")


def test_of_a_document_its_words_are_told_of(clock: Clock) -> None:
    playback = Playback[SaidText](None, clock)
    document = '<speak>Hello. <break time="1s"/>Bye.</speak>'
    say(playback, Script.parse(document).words, 2.5, [Word("Hello.", 0, 0.5), Word("Bye.", 1.5, 2.4)])
    clock.now_s += 1.0
    assert playback.interrupt() == ("Hello.", "Bye.")


def test_all_texts_of_a_turn_are_told_of_and_a_new_turn_begins_after_silence(clock: Clock) -> None:
    playback = Playback[SaidText](0.04, clock)
    say(playback, "Long ago.", 1.0)
    clock.now_s += 1.5
    say(playback, "First.", 1.0)
    clock.now_s += 0.98
    say(playback, "Second.", 1.0)
    clock.now_s += 0.5
    assert playback.interrupt() == ("First.", "Second.")
    assert playback.interrupt() == ("", "")


def test_a_listener_who_was_sent_everything_drops_what_he_has_of_a_cancelled_text(clock: Clock) -> None:
    playback = Playback[SaidText](None, clock)
    old = say(playback, TEXT, 2.0, WORDS)
    clock.now_s += 0.5
    assert playback.cancel(old) == ("Yes,", "your table is booked.")
    assert playback.ahead_s == 0.0
    say(playback, "New.", 1.0)
    clock.now_s += 1.0
    assert playback.interrupt() == ("New.", "")


def test_a_listener_at_a_pace_hears_out_what_he_has(clock: Clock) -> None:
    playback = Playback[SaidText](0.04, clock)
    say(playback, TEXT, 0.04, WORDS)
    playback.interrupt()
    assert playback.ahead_s == pytest.approx(0.04)


def test_one_text_is_cancelled_and_those_around_it_are_not(clock: Clock) -> None:
    playback = Playback[SaidText](None, clock)
    say(playback, "One.", 1.0)
    two = say(playback, "Two.", 1.0)
    say(playback, "Three.", 1.0)
    assert playback.cancel(two) == ("", "Two.")
    assert playback.ahead_s == pytest.approx(2.0)
    clock.now_s += 1.5
    assert playback.interrupt() == ("One.", "Three.")


def test_a_listener_who_never_falls_silent_costs_no_memory_without_end(clock: Clock) -> None:
    playback = Playback[SaidText](None, clock)
    first = say(playback, "0", 1.0)
    for number in range(1, 300):
        say(playback, str(number), 1.0)
    assert len(playback.interrupt()[1].split()) == 100
    assert playback.cancel(first) == ("0", "")


# The fade


def test_a_fade_is_a_slope_to_silence() -> None:
    faded = fade_out(np.ones(24_000, np.float32), 24_000)
    assert len(faded) == FADE_S * 24_000
    assert 0.04 <= FADE_S <= 0.08
    assert faded.dtype == np.float32
    assert faded[0] == pytest.approx(1.0, abs=0.001)
    assert faded[-1] == pytest.approx(0.0, abs=0.001)
    steps = np.diff(faded)
    assert (steps < 0).all()
    assert np.abs(np.diff(steps)).max() < 1e-4  # no corner


@pytest.mark.parametrize("count", [0, 1, 100])
def test_what_is_shorter_than_a_fade_falls_faster(count: int) -> None:
    faded = fade_out(np.ones(count, np.float32), 24_000)
    assert len(faded) == count
    assert not count or faded[-1] == pytest.approx(0.0, abs=1e-6)


# Texts in order

RATE_HZ = 8000


def window(seconds: float, *, last: bool = False, rate_hz: int = RATE_HZ) -> Window:
    return Window(np.ones(round(rate_hz * seconds), np.float32), rate_hz, 0, last)


async def take_all(playback: Playback[SaidText], said: SaidText) -> list[Samples]:
    pieces = []
    while (piece := await playback.take(said)) is not None:
        pieces.append(piece)
        playback.sent(len(piece) / said.sample_rate, said)
    return pieces


def test_texts_play_one_after_the_other_until_the_end() -> None:
    async def play() -> None:
        playback = Playback[SaidText](None)
        playing = asyncio.ensure_future(playback.next())
        await asyncio.sleep(0)
        one, two = SaidText("One."), SaidText("Two.")
        playback.add(one)
        playback.add(two)
        assert await playing is playback.playing is one
        assert playback.texts == [one, two]
        playback.done()
        assert playback.texts == [two]
        assert await playback.next() is two
        playback.done()
        last = asyncio.ensure_future(playback.next())
        await asyncio.sleep(0)
        playback.end()
        assert await last is None

    asyncio.run(play())


def test_a_text_that_waits_is_told_of_as_it_was_said() -> None:
    async def play() -> None:
        playback = Playback[SaidText](None)
        texts = [SaidText("One."), SaidText("<speak>Two.</speak>"), SaidText(" Three. ")]
        for said in texts:
            playback.add(said)
        await playback.next()
        assert playback.cancel(texts[1]) == ("", "<speak>Two.</speak>")
        assert playback.texts == [texts[0], texts[2]]
        assert playback.interrupt(["Four."]) == ("", "One. Three. Four.")
        assert playback.texts == []

    asyncio.run(play())


# Pieces


def test_a_window_leaves_in_pieces_at_its_pace(clock: Clock) -> None:
    playback = Playback[SaidText](0.04, clock, piece_ms=20)
    said = playback.begin(SaidText("One."))
    said.push(window(0.05))
    assert [len(piece) for piece in asyncio.run(take_all(playback, said))] == [160, 160, 80]
    assert clock.now_s == pytest.approx(1000.01)
    assert said.sent_s == pytest.approx(0.05)


def test_frames_are_whole_and_something_is_kept_to_fade(clock: Clock) -> None:
    playback = Playback[SaidText](0.04, clock, piece_ms=20, framed=True)
    said = playback.begin(SaidText("One."))
    said.push(window(0.1))
    assert len(asyncio.run(take_all(playback, said))) == 2
    said.push(window(0.01, last=True))
    *frames, last = asyncio.run(take_all(playback, said))
    assert [len(frame) for frame in (*frames, last)] == [160] * 4
    assert last[:80].all()
    assert not last[80:].any()


def test_a_barge_in_while_a_piece_waits_fades_what_is_left(clock: Clock) -> None:
    playback = Playback[SaidText](0.02, clock, piece_ms=20, framed=True)
    said = playback.begin(SaidText("One."))
    said.push(window(1.0))
    playback.sent(0.02, SaidText("Hello."))
    piece = playback.take(said)

    async def interrupt(_: float) -> None:
        playback.interrupt()
        clock.now_s += 1.0

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(asyncio, "sleep", interrupt)
        faded = asyncio.run(piece)
    assert faded is not None
    rest = asyncio.run(take_all(playback, said))
    assert sum(map(len, (faded, *rest))) == round(FADE_S * RATE_HZ)
    assert np.concatenate([faded, *rest])[-1] == pytest.approx(0.0, abs=0.001)
    assert playback.texts == []


def test_nothing_is_left_of_a_cut_text_that_its_endpoint_has_ended(clock: Clock) -> None:
    playback = Playback[SaidText](None, clock)
    said = playback.begin(SaidText("One."))
    said.push(window(0.5))
    asyncio.run(playback.take(said))
    playback.interrupt()
    assert len(said.take(len(said.unsent))) == round(FADE_S * RATE_HZ)
    said.push(window(0.5))  # which was on its way
    assert asyncio.run(playback.take(said)) is None


def test_a_window_that_was_sent_is_not_kept(clock: Clock) -> None:
    playback = Playback[SaidText](None, clock)
    said = playback.begin(SaidText("One."))
    said.push(window(0.5))
    asyncio.run(take_all(playback, said))
    assert said.unsent.base is None
