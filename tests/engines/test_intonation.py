"""Pitch as it is asked for: on the curve, and in the sound of the real model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from telephony.engines.base import Engine
from telephony.engines.kokoro.intonation import intoned
from telephony.engines.kokoro.model import KokoroEngine
from telephony.engines.kokoro.utterance import KokoroUtterance
from telephony.speech import NEUTRAL, Intonation, Samples

SENTENCE = "We have booked your table for two on Friday evening, and we look forward to seeing you."
RATE_HZ = 24_000


# On the curve


F0 = torch.tensor([[0.0, -3.0, 9.0, 80.0, 100.0, 200.0, 100.0, 50.0, 0.0]])
ENERGY = torch.tensor([[0.0, 0.0, 0.0, 5.0, 6.0, 6.0, 6.0, 0.0, 0.0]])


def changed(*intonations: Intonation) -> list[list[float]]:
    rows = len(intonations)
    return [list(map(float, row)) for row in intoned(F0.repeat(rows, 1), ENERGY.repeat(rows, 1), intonations)]


def test_nothing_is_touched_where_nothing_is_asked() -> None:
    assert intoned(F0, ENERGY, [NEUTRAL]) is F0
    assert changed(NEUTRAL, Intonation(2.0))[0] == F0[0].tolist()


def test_a_pitch_moves_what_is_voiced_and_leaves_the_rest() -> None:
    (curve,) = changed(Intonation(1.5))
    assert curve == pytest.approx([0.0, -3.0, 9.0, 120.0, 150.0, 300.0, 150.0, 75.0, 0.0], rel=1e-5)
    assert changed(Intonation(middle_hz=150.0))[0] == pytest.approx(curve, rel=1e-5)
    assert changed(Intonation(shift_hz=50.0))[0] == pytest.approx(curve, rel=1e-5)


def test_a_range_moves_around_the_middle_of_what_is_heard() -> None:
    flat, wide = changed(Intonation(range=0.0), Intonation(range=2.0))
    assert flat == pytest.approx([0.0, -3.0, 9.0, *[100.0] * 5, 0.0])
    assert wide == pytest.approx([0.0, -3.0, 9.0, 64.0, 100.0, 400.0, 100.0, 25.0, 0.0], rel=1e-5)


def test_what_is_voiced_stays_so() -> None:
    low = torch.full((1, 4), 12.0)
    assert (intoned(low, low, [Intonation(0.5)]) > 10).all()


# In the sound


def pitch_hz(samples: Samples) -> float:
    """The median of the pitches of what is loud, by the autocorrelation of windows of 80 ms."""
    found, size, fastest, slowest = [], int(0.08 * RATE_HZ), RATE_HZ // 500, RATE_HZ // 60
    for start in range(0, len(samples) - size, size // 8):
        window = samples[start : start + size]
        if np.sqrt(np.mean(window**2)) < 0.02:
            continue
        spectrum = np.fft.rfft(window * np.hanning(size), 2 * size)
        similar = np.fft.irfft(np.abs(spectrum) ** 2)
        lag = fastest + int(np.argmax(similar[fastest:slowest]))
        if similar[lag] > 0.5 * similar[0]:
            found.append(RATE_HZ / lag)
    return float(np.median(found))


def begun(kokoro: Engine, intonation: Intonation, voice: str = "af_sky") -> KokoroUtterance:
    utterance = kokoro.prepare(SENTENCE, voice, 1.0, False, intonation=intonation)
    assert isinstance(utterance, KokoroUtterance)
    return utterance


def windows(kokoro: Engine, utterance: KokoroUtterance) -> Sequence[Samples]:
    found = []
    while not utterance.finished:
        found.extend(kokoro.render([utterance]))
    return found


@pytest.mark.model
@pytest.mark.parametrize("steps", [-3, 6])
def test_speech_has_the_pitch_that_was_asked_for_and_joins_as_ever(kokoro: Engine, steps: int) -> None:
    own = windows(kokoro, begun(kokoro, NEUTRAL))
    asked = Intonation(2 ** (steps / 12))
    moved = windows(kokoro, begun(kokoro, asked))
    assert len(moved) == len(own) >= 4
    before, after = np.concatenate(own), np.concatenate(moved)
    assert pitch_hz(after) / pitch_hz(before) == pytest.approx(asked.pitch, rel=0.03)
    assert len(after) == pytest.approx(len(before), rel=0.01)
    # No step at a joint is larger than those of speech.
    assert np.abs(np.diff(after)).max() < 1.3 * np.abs(np.diff(before)).max()


@pytest.mark.model
def test_windows_of_a_changed_pitch_are_the_whole(kokoro: Engine) -> None:
    assert isinstance(kokoro, KokoroEngine)
    utterance = begun(kokoro, Intonation(1.3, range=1.5))
    kokoro.begin([utterance])
    acoustic = utterance.acoustic
    assert acoustic is not None
    with torch.inference_mode():
        whole = kokoro.vocoder.fixed(acoustic)
        for start, frames in list(utterance.windows)[:3]:
            window = kokoro.vocoder.window([acoustic], [start], frames)[0]
            torch.testing.assert_close(window, whole[300 * start : 300 * (start + frames)], atol=2e-2, rtol=0)


@pytest.mark.model
def test_the_neutral_intonation_is_the_same_to_the_sample(kokoro: Engine) -> None:
    assert isinstance(kokoro, KokoroEngine)
    with torch.inference_mode():
        own = kokoro.listen(SENTENCE, "af_sky")
        again = kokoro.listen(SENTENCE, "af_sky", 1.0, Intonation(range=1.0))
        neutral, moved = (kokoro.listen(SENTENCE, "af_sky", 1.0, each) for each in (NEUTRAL, Intonation(1.2)))
    for other in (again, neutral):
        assert torch.equal(own.f0, other.f0)
        assert torch.equal(own.x, other.x)
        assert torch.equal(own.har, other.har)
    assert torch.equal(own.durations, moved.durations)
    assert not torch.equal(own.x, moved.x)


@pytest.mark.model
def test_a_recipe_has_the_sound_of_one_voice_and_the_prosody_of_another(kokoro: Engine) -> None:
    assert isinstance(kokoro, KokoroEngine)
    with torch.inference_mode():
        mixed, sound, prosody = (kokoro.listen(SENTENCE, v) for v in ("af_sky~am_michael", "af_sky", "am_michael"))
    assert torch.equal(mixed.gain, sound.gain)
    assert torch.equal(mixed.durations, prosody.durations)
    assert torch.equal(mixed.f0, prosody.f0)
    assert kokoro.find_voice("af_sky~pf_dora").language == "en-US"
    assert kokoro.revision("af_sky~am_michael") != kokoro.revision("af_sky")
    assert "whole" not in kokoro.revision("af_sky~am_michael")
