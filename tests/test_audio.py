"""Silence at the ends of a piece of speech goes; silence inside it stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.audio import SilenceTrimmer
from telephony.engines.base import Samples

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
    assert len(trimmer.push(np.concatenate([silence(50), speech(50)]))) == 70


def test_a_tail_under_the_threshold_fades_out() -> None:
    heard = trimmed([speech(50), np.full(100, 0.005, np.float32)], pause_s=0.1)
    tail = heard[50:]
    assert len(tail) == 100
    assert tail[0] == pytest.approx(0.005)
    assert tail[59:].max() == 0.0
    assert (np.diff(tail[:60]) < 0).all()


def test_a_piece_without_speech_is_a_pause() -> None:
    np.testing.assert_array_equal(trimmed([silence(500)], pause_s=0.2), silence(200))


@given(st.lists(st.integers(0, 120), max_size=8), st.binary(min_size=1, max_size=40))
def test_however_it_is_cut_it_sounds_the_same(places: list[int], shape: bytes) -> None:
    whole = np.repeat(np.frombuffer(shape, np.uint8) % 3 == 0, 5).astype(np.float32)
    cuts = np.split(whole, sorted(min(place, len(whole)) for place in places))
    np.testing.assert_array_equal(trimmed(cuts), trimmed([whole]))
