"""Silence at the ends of a piece of speech goes, inside it stays; sample rates; integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telephony.audio.samples import Resampler, SilenceTrimmer, to_pcm16
from telephony.speech import Samples

RATE = 1000


def silence(milliseconds: int) -> Samples:
    return np.zeros(milliseconds, np.float32)


def speech(milliseconds: int) -> Samples:
    return np.full(milliseconds, 0.5, np.float32)


def trimmed(pieces: list[Samples], pause_s: float = 0.3) -> Samples:
    trimmer = SilenceTrimmer(RATE)
    heard = [trimmer.push(piece) for piece in pieces]
    return np.concatenate([*heard, trimmer.finish(pause_s)])


def test_silence_at_both_ends_becomes_a_short_lead_and_the_wanted_pause() -> None:
    heard = trimmed([np.concatenate([silence(300), speech(100), silence(400)])])
    assert len(heard) == 20 + 100 + 300
    np.testing.assert_array_equal(np.flatnonzero(heard), np.arange(20, 120))


def test_silence_inside_stays() -> None:
    heard = trimmed([speech(50), silence(200), silence(200), speech(50)], pause_s=0.0)
    np.testing.assert_array_equal(np.flatnonzero(heard), [*range(50), *range(450, 500)])


def test_speech_is_heard_in_the_window_in_which_it_begins() -> None:
    trimmer = SilenceTrimmer(RATE)
    assert len(trimmer.push(silence(100))) == 0
    assert not trimmer.begun
    assert len(trimmer.push(np.concatenate([silence(50), speech(50)]))) == 70
    assert trimmer.begun
    assert trimmer.removed == 130
    trimmer.push(silence(300))
    assert trimmer.removed == 130


def test_a_tail_under_the_threshold_fades_out() -> None:
    heard = trimmed([speech(50), np.full(100, 0.005, np.float32)], pause_s=0.1)
    tail = heard[50:]
    assert len(tail) == 100
    assert tail[0] == pytest.approx(0.005)
    assert tail[59:].max() == 0.0
    assert (np.diff(tail[:60]) < 0).all()


def test_a_piece_without_speech_is_a_pause() -> None:
    np.testing.assert_array_equal(trimmed([silence(500)], pause_s=0.2), silence(200))


@example(places=[11], shape=b"\1\1\1\0")  # a first window of silence, shorter than the lead-in that is kept
@given(st.lists(st.integers(0, 120), max_size=8), st.binary(min_size=1, max_size=40))
def test_however_it_is_cut_it_sounds_the_same(places: list[int], shape: bytes) -> None:
    whole = np.repeat(np.frombuffer(shape, np.uint8) % 3 == 0, 5).astype(np.float32)
    cuts = np.split(whole, sorted(min(place, len(whole)) for place in places))
    np.testing.assert_array_equal(trimmed(cuts), trimmed([whole]))


def resampled(windows: list[Samples], source_hz: int, target_hz: int) -> Samples:
    resampler = Resampler(target_hz)
    return np.concatenate([*[resampler.push(window, source_hz) for window in windows], resampler.finish()])


def gain_db(frequency_hz: float) -> float:
    """How loud a sine of 24 kHz audio is at the telephone's 8 kHz, wherever it is heard there."""
    sine = np.sin(2 * np.pi * frequency_hz * np.arange(48_000) / 24_000).astype(np.float32)
    heard = resampled([sine], 24_000, 8000)[2000:-2000]
    return float(20 * np.log10(max(np.sqrt(np.mean(heard**2)) * np.sqrt(2), 1e-9)))


@pytest.mark.parametrize("frequency_hz", [50, 300, 1000, 2000, 3000, 3400])
def test_the_telephones_band_is_kept(frequency_hz: float) -> None:
    assert gain_db(frequency_hz) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("frequency_hz", [4010, 4100, 4500, 5000, 7900, 8000, 11_000])
def test_what_the_telephone_cannot_carry_does_not_alias_into_its_band(frequency_hz: float) -> None:
    assert gain_db(frequency_hz) < -60


@pytest.mark.parametrize("source_hz", [16_000, 22_050, 24_000, 48_000])
def test_on_the_way_to_the_telephone_the_band_is_flat_and_nothing_folds_into_it(source_hz: int) -> None:
    # A tone at each 100 Hz, one after the other through one resampler, in windows.
    pitches = np.arange(100, source_hz // 2 - 200, 100)
    count = source_hz // 10
    index = np.arange(count)
    tones = [np.sin(2 * np.pi * pitch * index / source_hz).astype(np.float32) for pitch in pitches]
    heard = resampled(tones, source_hz, 8000).reshape(len(pitches), 800)[:, 200:-200]
    levels_db = 10 * np.log10(2 * np.mean(heard**2, axis=1) + 1e-12)
    assert np.abs(levels_db[pitches <= 3400]).max() < 0.1
    # By measurement the transition is 3.76 (-0.5 dB) to 3.97 kHz (-60 dB).
    assert levels_db[pitches >= 4100].max(initial=-100) < -60


@pytest.mark.parametrize("target_hz", [24_000, 48_000])
def test_a_higher_rate_adds_no_images(target_hz: int) -> None:
    sine = np.sin(2 * np.pi * 3400 * np.arange(8000) / 8000).astype(np.float32)
    heard = resampled([sine], 8000, target_hz)[target_hz // 4 : -target_hz // 4]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    at = np.arange(len(spectrum)) * target_hz / len(heard)
    assert 20 * np.log10(spectrum[at > 4100].max() / spectrum.max()) < -60


@given(st.lists(st.integers(0, 4800), max_size=8), st.sampled_from([8000, 16_000, 22_050, 48_000]))
def test_however_it_is_cut_it_is_resampled_the_same(places: list[int], target_hz: int) -> None:
    whole = np.random.default_rng(1).standard_normal(4800).astype(np.float32)
    np.testing.assert_array_equal(
        resampled(np.split(whole, sorted(places)), 24_000, target_hz), resampled([whole], 24_000, target_hz)
    )


def test_samples_of_the_wanted_rate_pass_as_they_are() -> None:
    whole = np.random.default_rng(1).standard_normal(100).astype(np.float32)
    np.testing.assert_array_equal(resampled([whole], 8000, 8000), whole)


def test_the_source_may_change_its_rate() -> None:
    resampler = Resampler(24_000)
    heard = [resampler.push(np.ones(rate, np.float32), rate) for rate in (24_000, 8000, 22_050, 24_000)]
    assert len(np.concatenate([*heard, resampler.finish()])) == 4 * 24_000
    assert len(heard[-1]) > 24_000  # what the resampler of before had held back comes first


def test_integers_are_clipped_first() -> None:
    assert np.frombuffer(to_pcm16(np.array([0.0, 1.0, -1.0, 1.5, -7.0], np.float32)), "<i2").tolist() == [
        0,
        32_767,
        -32_767,
        32_767,
        -32_767,
    ]
