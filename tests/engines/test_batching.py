"""Several utterances in one pass give what each gives alone, whatever their lengths, voices and speeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from telephony.engines.kokoro.acoustic import Acoustic
from telephony.engines.kokoro.lstm import BidirectionalLstm
from telephony.engines.kokoro.model import KokoroEngine
from telephony.engines.kokoro.parameters import Parameters
from telephony.engines.kokoro.ragged import moments, zeroed
from telephony.engines.kokoro.statistics import NormStatistics
from telephony.engines.kokoro.utterance import KokoroUtterance
from telephony.engines.kokoro.weights import KokoroWeights
from telephony.speech import Samples, Word

Job = tuple[str, str, float, bool]
"""Text, voice, speed, exact."""

LONG = "Please hold the line while I look up the order that you placed last week, it will only take a moment."
MIXED: list[Job] = [
    ("Sure.", "af_sky", 1.0, False),
    (LONG, "bf_emma", 1.2, False),
    ("Good morning, how can I help you today?", "am_michael", 0.8, True),
    ("Buenos días.", "ef_dora", 1.0, False),
]
STREAMED: list[Job] = [
    (LONG, "af_sky", 1.0, False),
    ("I have found three parcels for you; the first one has been delayed.", "af_sky", 0.8, False),
    ("Sure.", "af_sky", 1.0, False),
    ("Good morning, how can I help you today?", "af_sky", 1.2, True),
]
LENGTHS = torch.tensor([3, 7, 5])


@pytest.fixture
def rows() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(1, int(length), 4, generator=generator) for length in LENGTHS]


@pytest.fixture
def padded(rows: list[torch.Tensor]) -> torch.Tensor:
    """The rows with noise behind their ends, which nobody may hear."""
    batch = torch.full((len(rows), 7, 4), 100.0)
    for index, row in enumerate(rows):
        batch[index, : row.shape[1]] = row[0]
    return batch


def test_moments_are_those_of_each_row(rows: list[torch.Tensor], padded: torch.Tensor) -> None:
    def of(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x.mean(1, keepdim=True), (x * x).mean(1, keepdim=True)

    together = moments(of, padded, LENGTHS)
    for index, row in enumerate(rows):
        for ours, alone in zip(together, moments(of, row, None), strict=True):
            torch.testing.assert_close(ours[index : index + 1], alone)


def test_an_lstm_turns_at_the_end_of_each_row(rows: list[torch.Tensor], padded: torch.Tensor) -> None:
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(4, 3, batch_first=True, bidirectional=True)
    with torch.inference_mode():
        rebuilt = BidirectionalLstm(Parameters(lstm.state_dict(), torch.device("cpu")))
        together = rebuilt(padded, LENGTHS)
        for index, row in enumerate(rows):
            alone = rebuilt(row, None)[0]
            torch.testing.assert_close(alone, lstm(row)[0][0])
            torch.testing.assert_close(together[index, : len(alone)], alone)
            assert not together[index, len(alone) :].any()


def test_behind_a_row_there_are_zeros(rows: list[torch.Tensor], padded: torch.Tensor) -> None:
    clean = zeroed(padded, LENGTHS)
    assert all(torch.equal(clean[index, : row.shape[1]], row[0]) for index, row in enumerate(rows))
    assert not clean[0, 3:].any()
    assert zeroed(padded, None) is padded


@pytest.fixture(scope="module")
def engine(kokoro_weights: KokoroWeights) -> KokoroEngine:
    """In float32, where batches have to agree closely."""
    cpu = torch.device("cpu")
    statistics = [NormStatistics.shipped(cpu)]
    return KokoroEngine(kokoro_weights, cpu, "af_sky", statistics, dtype=torch.float32, max_batch=4)


def prepared(engine: KokoroEngine, job: Job) -> KokoroUtterance:
    utterance = engine.prepare(*job)
    assert isinstance(utterance, KokoroUtterance)
    return utterance


def begun(engine: KokoroEngine, jobs: Sequence[Job]) -> list[KokoroUtterance]:
    """Utterances whose first pieces began in one pass."""
    utterances = [prepared(engine, job) for job in jobs]
    engine.begin(utterances)
    return utterances


def acoustics(utterances: Sequence[KokoroUtterance]) -> list[Acoustic]:
    return [utterance.acoustic for utterance in utterances if utterance.acoustic is not None]


def render(engine: KokoroEngine, utterances: Sequence[KokoroUtterance]) -> list[tuple[list[Samples], list[Word]]]:
    """Windows and words of each, all in one batch for as long as they last."""
    heard: list[tuple[list[Samples], list[Word]]] = [([], []) for _ in utterances]
    while left := [index for index, utterance in enumerate(utterances) if not utterance.finished]:
        for index, samples in zip(left, engine.render([utterances[index] for index in left]), strict=True):
            windows, words = heard[index]
            windows.append(samples)
            words += utterances[index].take_words()
    return heard


@pytest.mark.model
def test_phonemes_are_all_that_is_prepared(engine: KokoroEngine) -> None:
    utterance = prepared(engine, MIXED[0])
    assert utterance.acoustic is None
    assert not utterance.finished
    engine.render([utterance])
    assert utterance.finished


@pytest.mark.model
def test_pieces_that_begin_together_are_those_that_begin_alone(engine: KokoroEngine) -> None:
    for together, job in zip(acoustics(begun(engine, MIXED)), MIXED, strict=True):
        (alone,) = acoustics(begun(engine, [job]))
        assert together.durations.tolist() == alone.durations.tolist()
        assert together.frames == alone.frames
        torch.testing.assert_close(together.f0, alone.f0, rtol=1e-4, atol=0.01)
        torch.testing.assert_close(together.energy, alone.energy, rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(together.x, alone.x, rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(together.gain, alone.gain)
        torch.testing.assert_close(together.beta, alone.beta)
        # The magnitudes; angles of what is nearly zero may be any.
        torch.testing.assert_close(together.har[..., :11], alone.har[..., :11], rtol=0, atol=0.01)


@pytest.mark.model
def test_windows_of_a_batch_sound_as_each_does_alone(engine: KokoroEngine) -> None:
    # They begin alone: the phase of the source is a running sum, which makes much of a pitch's last bits.
    batch = [utterance for job in STREAMED for utterance in begun(engine, [job])]
    for (together, words), job in zip(render(engine, batch), STREAMED, strict=True):
        ((alone, expected),) = render(engine, begun(engine, [job]))
        assert words == expected
        for ours, theirs in zip(together, alone, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.model
def test_a_batch_may_begin_and_end_at_any_time(engine: KokoroEngine) -> None:
    utterances = [prepared(engine, job) for job in STREAMED]
    engine.render(utterances[:1])
    assert not utterances[0].finished
    for (text, *_), (windows, words) in zip(STREAMED, render(engine, utterances), strict=True):
        assert [word.text for word in words] == text.split()
        assert 0.4 < sum(map(len, windows)) / engine.sample_rate < 10
