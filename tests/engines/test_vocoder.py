"""Streaming inside the sentence, with the real model: windows add up to the whole, early, without silence around."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from telephony.engines.base import Engine, Utterance
from telephony.engines.kokoro.acoustic import Acoustic, AcousticModel
from telephony.engines.kokoro.harmonic_source import FRAME_SAMPLES
from telephony.engines.kokoro.kernels import TorchKernels
from telephony.engines.kokoro.model import KokoroEngine
from telephony.engines.kokoro.parameters import load_parameters
from telephony.engines.kokoro.vocoder import Vocoder
from telephony.engines.kokoro.weights import KokoroWeights
from telephony.engines.kokoro.windows import NOISE_CONTEXT, WINDOW_FRAMES, schedule
from telephony.speech import Samples

SENTENCE = "Please hold the line while I look up the order that you placed last week, it will only take a moment."
SAMPLE_RATE = 24_000
CPU = torch.device("cpu")


class Bench:
    """The vocoder in float32, where windows have to agree to the last bits."""

    def __init__(self, weights: KokoroWeights, device: torch.device = CPU) -> None:
        from bench.reference import load_model  # whose packages take seconds to import

        self.device = device
        self.model = load_model(weights, device)
        self.weights = weights
        kernels = TorchKernels()
        self.parameters = load_parameters(weights.folded_path, device)
        self.vocoder = Vocoder(self.parameters.under("decoder.generator"), torch.float32, kernels)
        self.acoustic_model = AcousticModel(self.parameters, self.vocoder.style, kernels, torch.float32)
        self._heard: dict[str, Acoustic] = {}

    def style(self, phonemes: str) -> torch.Tensor:
        return torch.from_numpy(self.weights.load_voice("af_sky"))[len(phonemes) - 1].to(self.device)

    def hear(self, phonemes: str) -> Acoustic:
        """The utterance with the reference's noise of seed 0, and with its own true statistics fixed."""
        if phonemes not in self._heard:
            self._heard[phonemes] = self._hear(phonemes)
        return self._heard[phonemes]

    def _hear(self, phonemes: str) -> Acoustic:
        ids = torch.tensor([0, *[self.model.vocab[phoneme] for phoneme in phonemes], 0], device=self.device)
        torch.manual_seed(0)
        with torch.inference_mode():
            acoustic: Acoustic
            (acoustic,) = self.acoustic_model(
                [ids], self.style(phonemes), torch.ones(1, device=self.device), reference_noise=True
            )
            mean, variance, _ = self.vocoder.measure(acoustic)
            acoustic.scale = acoustic.gain * torch.rsqrt(variance + 1e-5)
            acoustic.shift = acoustic.beta - mean * acoustic.scale
        return acoustic


PHONEMES = "plˈiz hˈOld ðə lˈIn wˌIl ˌI lˈʊk ˌʌp jʊɹ əkˈWnt, ɪt wɪl ˈOnli tˈAk ə mˈOmənt."
SHORT = "plˈiz hˈOld ðə lˈIn wˌIl ˌI lˈʊk ˌʌp."


@pytest.fixture(scope="module")
def bench(kokoro_weights: KokoroWeights) -> Bench:
    return Bench(kokoro_weights)


@pytest.mark.model
def test_whole_decode_is_the_reference_s(bench: Bench) -> None:
    acoustic = bench.hear(PHONEMES)
    torch.manual_seed(0)
    reference = bench.model(PHONEMES, bench.style(PHONEMES), 1.0, return_output=True)
    assert acoustic.durations.tolist() == reference.pred_dur.tolist()
    with torch.inference_mode():
        ours = bench.vocoder.exact(acoustic).numpy()
    # The same noise, so the same wave, but for rounding that the phase of the source carries along.
    assert np.corrcoef(ours, reference.audio.numpy())[0, 1] > 0.99


@pytest.mark.model
def test_windows_add_up_to_the_whole_whatever_their_lengths(bench: Bench) -> None:
    acoustic = bench.hear(PHONEMES)
    with torch.inference_mode():
        whole = bench.vocoder.fixed(acoustic)
        for lengths in ((32, 64, 128), (48,), (96, 32)):
            start, index = 0, 0
            while start < acoustic.frames:
                frames = lengths[index % len(lengths)]
                end = min(start + frames, acoustic.frames)
                window = bench.vocoder.window([acoustic], [start], frames)[0]
                expected = whole[FRAME_SAMPLES * start : FRAME_SAMPLES * end]
                torch.testing.assert_close(window[: len(expected)], expected, rtol=0, atol=1e-4)
                assert not window[len(expected) :].any()
                start, index = end, index + 1


@pytest.mark.model
def test_a_batch_gives_what_one_by_one_gives(bench: Bench) -> None:
    acoustics, starts = [bench.hear(PHONEMES), bench.hear(SHORT), bench.hear(PHONEMES)], [0, 32, 100]
    with torch.inference_mode():
        together = bench.vocoder.window(acoustics, starts, 32)
        for row, (acoustic, start) in enumerate(zip(acoustics, starts, strict=True)):
            alone = bench.vocoder.window([acoustic], [start], 32)[0]
            torch.testing.assert_close(together[row], alone, rtol=0, atol=1e-4)


@pytest.mark.model
@pytest.mark.parametrize("phonemes", [PHONEMES, SHORT])
def test_the_source_s_moments_are_those_of_what_the_noise_branch_takes(bench: Bench, phonemes: str) -> None:
    acoustic = bench.hear(phonemes)
    with torch.inference_mode():
        ours = bench.vocoder.source_moments(acoustic)
        expected = []
        for taken in (bench.vocoder._noise_stage0(acoustic.har), bench.vocoder._noise_stage1(acoustic.har)):
            of_time = taken[0].double()
            expected += [of_time.mean(0), (of_time.var(0, correction=0) + 1e-6).log()]
    torch.testing.assert_close(ours, torch.cat(expected).float(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("start", "frames"), [(0, 54), (0, 120), (22, 333), (30, 1000), (5, 4000)])
def test_schedule_covers_every_frame_once_and_begins_small(start: int, frames: int) -> None:
    windows = schedule(start, frames, frames)
    assert windows[0] == (start, WINDOW_FRAMES[0])
    position = start
    for at, length in windows:
        assert at == position
        assert length in WINDOW_FRAMES
        assert length + 2 * NOISE_CONTEXT <= frames
        position += length
    assert position >= frames > windows[-1][0]
    assert all(length <= WINDOW_FRAMES[0] << turn for turn, (_, length) in enumerate(windows))


@pytest.fixture(scope="module")
def streaming(kokoro: Engine) -> Iterator[KokoroEngine]:
    assert isinstance(kokoro, KokoroEngine)
    yield kokoro


def windows_of(engine: KokoroEngine, text: str, exact: bool = False, heard_samples: int = 0) -> list[Samples]:
    utterance: Utterance = engine.prepare(text, "af_sky", 1.0, exact)
    engine.skip(utterance, heard_samples)
    windows = []
    while not utterance.finished:
        windows.extend(engine.render([utterance]))
    return windows


@pytest.mark.model
def test_a_long_sentence_begins_with_a_short_window_and_without_silence(streaming: KokoroEngine) -> None:
    windows = windows_of(streaming, SENTENCE)
    assert len(windows) >= 4
    first = next(window for window in windows if len(window))
    assert len(first) < 0.4 * SAMPLE_RATE
    assert np.abs(first[: SAMPLE_RATE // 10]).max() > 0.01
    tail = np.abs(np.concatenate(windows)) > 0.01
    assert 0.25 < (len(tail) - np.flatnonzero(tail)[-1]) / SAMPLE_RATE < 0.35


@pytest.mark.model
def test_exact_is_one_window_with_its_silence(streaming: KokoroEngine) -> None:
    (whole,) = windows_of(streaming, SENTENCE, exact=True)
    streamed = np.concatenate(windows_of(streaming, SENTENCE))
    assert len(whole) % (2 * FRAME_SAMPLES) == 0
    assert not (np.abs(whole[: SAMPLE_RATE // 5]) > 0.01).any()
    assert len(streamed) < len(whole)


@pytest.mark.model
def test_joins_do_not_click(streaming: KokoroEngine) -> None:
    windows = [window for window in windows_of(streaming, SENTENCE) if len(window)]
    steps = np.abs(np.diff(np.concatenate(windows)))
    joins = np.cumsum([len(window) for window in windows])[:-1] - 1
    assert steps[joins].max() <= np.quantile(steps, 0.999)


@pytest.mark.model
def test_a_batch_of_utterances_speaks_each_as_alone(streaming: KokoroEngine) -> None:
    texts = [SENTENCE, "Sure.", SENTENCE]
    utterances = [streaming.prepare(text, "af_sky", 1.0, False) for text in texts]
    heard: list[list[Samples]] = [[] for _ in texts]
    while any(not utterance.finished for utterance in utterances):
        open_ones = [index for index, utterance in enumerate(utterances) if not utterance.finished]
        rendered = streaming.render([utterances[index] for index in open_ones])
        for index, samples in zip(open_ones, rendered, strict=True):
            heard[index].append(samples)
    for text, windows in zip(texts, heard, strict=True):
        alone = np.concatenate(windows_of(streaming, text))
        # Noise differs, so onset and end may differ by a few milliseconds.
        assert abs(len(np.concatenate(windows)) - len(alone)) < 0.05 * SAMPLE_RATE


@pytest.mark.model
@pytest.mark.parametrize("share", [0.0001, 0.02, 0.1, 0.25, 0.35, 0.5, 0.64, 0.77, 0.9, 0.95, 0.9999])
def test_what_somebody_has_heard_is_left_out_and_the_rest_is_the_same(streaming: KokoroEngine, share: float) -> None:
    whole = np.concatenate(windows_of(streaming, SENTENCE))
    heard_samples = round(share * len(whole))
    rest = np.concatenate(windows_of(streaming, SENTENCE, heard_samples=heard_samples))
    np.testing.assert_array_equal(rest, whole[heard_samples:])
