"""All voices at one level, each text with one gain, no sample over the ceiling."""

from __future__ import annotations

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.audio.loudness import CEILING, Loudness, limited
from telephony.engines.base import Engine
from telephony.engines.kokoro.model import KokoroEngine
from telephony.engines.tone import ToneEngine
from telephony.speech import Samples
from tests import clients
from tests.conftest import StartService
from tests.scheduling.test_failover import wait_both

RATE = 24_000
TEXT = "One two three four."


def tone(seconds: float, amplitude: float, pitch_hz: float = 440.0) -> Samples:
    index = np.arange(round(seconds * RATE))
    return (amplitude * np.sin(2 * np.pi * pitch_hz * index / RATE)).astype(np.float32)


def pause(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.float32)


def level_db(samples: Samples) -> float:
    """RMS without pauses, in blocks of 20 ms."""
    powers = np.mean(samples[: len(samples) // 480 * 480].reshape(-1, 480).astype(np.float64) ** 2, axis=1)
    return float(10 * np.log10(np.mean(powers[powers > 0.01 * powers.mean()])))


def listening(level_db: float) -> Loudness:
    """Knows of no voice how loud it is."""
    return Loudness(level_db, lambda engine, voice: None)


def levelled(loudness: Loudness, windows: list[Samples], voice: str = "af_sky") -> list[Samples]:
    leveller = loudness.leveller("kokoro", voice)
    return [leveller.apply(window, RATE) for window in windows]


@pytest.mark.parametrize("amplitude", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("wanted_db", [-26.0, -20.0])
def test_speech_comes_to_the_wanted_level_from_its_first_window_on(amplitude: float, wanted_db: float) -> None:
    heard = levelled(listening(wanted_db), [tone(0.4, amplitude), pause(0.2), tone(0.8, amplitude)])
    assert level_db(heard[0]) == pytest.approx(wanted_db, abs=0.2)
    assert level_db(heard[2]) == pytest.approx(wanted_db, abs=0.2)


def test_a_text_has_one_gain_from_end_to_end() -> None:
    loudness = listening(-23.0)
    windows = [tone(0.5, amplitude) for amplitude in (0.1, 0.02, 0.4, 0.05, 0.2)]
    heard = levelled(loudness, windows)
    gains = [float(np.abs(after).max() / np.abs(before).max()) for after, before in zip(heard, windows, strict=True)]
    np.testing.assert_allclose(gains[:2] + gains[3:4], gains[0], rtol=1e-3)  # the others were limited, if anything


def test_pauses_count_for_nothing() -> None:
    loudness = listening(-20.0)
    heard = levelled(loudness, [np.concatenate([pause(1.0), tone(0.3, 0.1), pause(2.0)]), pause(5.0), tone(0.5, 0.1)])
    assert level_db(heard[2]) == pytest.approx(-20.0, abs=0.3)


def test_silence_stays_silence() -> None:
    assert not levelled(listening(-20.0), [pause(1.0)])[0].any()


def test_the_next_text_of_a_voice_begins_at_its_level() -> None:
    loudness = listening(-20.0)
    levelled(loudness, [tone(2.0, 0.1)])
    soft_beginning = tone(0.1, 0.03)
    first = levelled(loudness, [soft_beginning])[0]
    assert np.abs(first).max() / 0.03 == pytest.approx(0.1 * np.sqrt(2) / 0.1, rel=0.05)


def test_each_voice_has_a_level_of_its_own() -> None:
    loudness = listening(-20.0)
    levelled(loudness, [tone(2.0, 0.4)], "am_michael")
    assert level_db(levelled(loudness, [tone(0.5, 0.05)], "af_sky")[0]) == pytest.approx(-20.0, abs=0.2)


def test_a_level_that_was_measured_beforehand_is_believed_before_the_first_window() -> None:
    loudness = Loudness(-20.0, lambda engine, voice: {("kokoro", "af_sky"): -26.0}.get((engine, voice)))
    loud_beginning = tone(0.4, 0.2)
    heard = levelled(loudness, [loud_beginning])[0]
    assert np.abs(heard).max() / 0.2 == pytest.approx(10 ** (6 / 20), rel=1e-3)
    assert level_db(levelled(loudness, [tone(0.4, 0.2)], "am_michael")[0]) == pytest.approx(-20.0, abs=0.2)


def test_a_level_that_is_settled_moves_no_more() -> None:
    loudness = listening(-20.0)
    levelled(loudness, [tone(25.0, 0.1)])
    before = levelled(loudness, [tone(0.5, 0.1)])[0]
    levelled(loudness, [tone(100.0, 0.02)])
    np.testing.assert_array_equal(levelled(loudness, [tone(0.5, 0.1)])[0], before)


def test_a_whisper_is_not_blown_up_to_noise() -> None:
    heard = levelled(listening(-6.0), [tone(0.5, 0.01)])[0]
    assert np.abs(heard).max() == pytest.approx(0.01 * 10 ** (15 / 20), rel=1e-3)


# The limiter


@given(st.lists(st.floats(-8, 8, width=32), max_size=200))
def test_no_sample_is_over_the_ceiling(values: list[float]) -> None:
    samples = np.array(values, np.float32)
    heard = limited(samples)
    assert len(heard) == len(samples)
    assert (np.abs(heard) <= np.float32(CEILING)).all()
    assert (np.sign(heard) == np.sign(samples)).all()
    order = np.argsort(samples, kind="stable")
    assert (np.diff(heard[order]) >= -1e-7).all()


def test_what_is_soft_passes_as_it_is() -> None:
    samples = tone(0.1, 0.44)
    assert limited(samples) is samples


def test_peaks_round_off_without_a_corner() -> None:
    ramp = np.linspace(-3, 3, 60_001, dtype=np.float32)
    slope = np.diff(limited(ramp).astype(np.float64)) / np.diff(ramp.astype(np.float64))
    assert slope.max() < 1.02
    assert np.abs(np.diff(slope)).max() < 0.02  # of float32's own steps


def test_a_limited_peak_leaves_what_is_around_it() -> None:
    samples = tone(0.1, 0.2)
    samples[1200] = 2.0
    heard = limited(samples)
    assert heard[1200] <= CEILING
    np.testing.assert_array_equal(np.delete(heard, 1200), np.delete(samples, 1200))


# In the service


def test_doors_level_where_it_is_asked_for_and_else_leave_every_byte(service: StartService) -> None:
    np.testing.assert_array_equal(spoken(service, None), clients.tone(TEXT))
    assert level_db(spoken(service, -20.0)) == pytest.approx(-20.0, abs=0.2)


def test_the_voice_of_an_engine_that_goes_on_comes_to_the_level_too(service: StartService) -> None:
    def refuse(text: str) -> None:
        if text.startswith("Five"):
            raise ValueError("no")

    second = ToneEngine(name="piper", amplitude=0.1, voice_names=("joe",))
    door = service(ToneEngine(on_render=refuse), second, http_port=0, loudness_db=-20.0)
    wait_both(door)
    url = f"http://127.0.0.1:{door.http_port}/synthesize"
    heard = np.frombuffer(httpx.post(url, json={"text": f"{TEXT} Five six seven eight."}).content, "<f4")
    first = clients.tone_samples(TEXT)
    for part in (heard[:first], heard[first:]):
        assert level_db(part) == pytest.approx(-20.0, abs=0.2)


def spoken(service: StartService, loudness_db: float | None, engine: Engine | None = None) -> Samples:
    door = service(engine or ToneEngine(), http_port=0, loudness_db=loudness_db)
    url = f"http://127.0.0.1:{door.http_port}/synthesize"
    answer = httpx.post(url, json={"text": TEXT})
    assert answer.status_code == 200
    return np.frombuffer(answer.content, "<f4")


def test_an_engine_says_beforehand_how_loud_its_voices_are(service: StartService) -> None:
    class Known(ToneEngine):
        def level_db(self, voice: str) -> float | None:
            return -40.0

    heard = spoken(service, -30.0, Known(amplitude=0.1))
    assert np.abs(heard).max() == pytest.approx(0.1 * 10 ** (10 / 20), rel=1e-2)


@pytest.mark.model
def test_kokoros_voices_come_to_one_level(kokoro: KokoroEngine) -> None:
    loudness = Loudness(-23.0, lambda engine, voice: kokoro.level_db(voice))
    for voice in ("af_sky", "pf_dora"):
        for text in (
            "Your table for two is booked for seven o'clock this evening.",
            "Hello, how can I help you today?",
        ):
            utterance = kokoro.prepare(text, voice, 1.0, False)
            leveller = loudness.leveller("kokoro", voice)
            windows = []
            while not utterance.finished:
                windows.append(leveller.apply(kokoro.render([utterance])[0], kokoro.sample_rate))
            assert len(windows) > 1
            heard = np.concatenate(windows)
            assert level_db(heard) == pytest.approx(-23.0, abs=3.0), (voice, text)
            assert np.abs(heard).max() <= CEILING
