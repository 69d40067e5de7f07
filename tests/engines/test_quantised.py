"""Convolutions in eight bits say what those in floating point say, to within a step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from telephony.engines.kokoro.acoustic import Acoustic
from telephony.engines.kokoro.harmonic_source import FRAME_SAMPLES
from telephony.engines.kokoro.kernels import TorchKernels
from telephony.engines.kokoro.layers import SnakeConv
from telephony.engines.kokoro.model import KokoroEngine
from telephony.engines.kokoro.parameters import Parameters
from telephony.engines.kokoro.quantised import QuantisedSnakeConv, is_fast, largest
from telephony.engines.kokoro.vocoder import Vocoder
from telephony.engines.kokoro.weights import KokoroWeights
from telephony.engines.kokoro.windows import NOISE_CONTEXT
from telephony.speech import Samples
from tests.engines.test_vocoder import CPU, PHONEMES, Bench

in_eight_bits = pytest.mark.skipif(not is_fast(CPU), reason="this processor does not multiply eight bits")

CHANNELS, STEPS = 64, 50


class Pair:
    """A convolution with its norm and Snake, in floating point and in eight bits."""

    def __init__(self, kernel: int, dilation: int) -> None:
        torch.manual_seed(kernel)
        convolution = torch.nn.Conv1d(CHANNELS, CHANNELS, kernel, dilation=dilation)
        alpha = torch.rand(1, CHANNELS, 1) + 0.5
        self.a, self.b = torch.rand(1, 1, CHANNELS) * 3 + 1, torch.randn(1, 1, CHANNELS)
        self.reach = largest(self.a[0], self.b[0], alpha.flatten())
        parameters = Parameters(convolution.state_dict(), CPU)
        kernels = TorchKernels()
        self.exact = SnakeConv(parameters, alpha, dilation, torch.float32, kernels)
        self.quantised = QuantisedSnakeConv(parameters, alpha, dilation, self.reach, torch.float32, kernels)
        self.edge = (kernel - 1) * dilation // 2

    @torch.inference_mode()
    def say(self, x: Tensor, add: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.exact(x, self.a, self.b, add), self.quantised(x, self.a, self.b, add)


@pytest.fixture(params=[(3, 1), (7, 3), (11, 5)], ids=str)
def pair(request: pytest.FixtureRequest) -> Pair:
    return Pair(*request.param)


def error(exact: Tensor, quantised: Tensor) -> float:
    return float((exact - quantised).std() / exact.std())


@in_eight_bits
def test_a_convolution_is_that_in_floating_point(pair: Pair) -> None:
    exact, quantised = pair.say(torch.randn(2, STEPS, CHANNELS).clamp(-3, 3))
    assert quantised.shape == exact.shape
    assert error(exact, quantised) < 0.02
    # Beyond both ends there is silence, in eight bits too.
    for end in (slice(0, pair.edge), slice(STEPS - pair.edge, STEPS)):
        assert error(exact[:, end], quantised[:, end]) < 0.02


@in_eight_bits
def test_what_is_added_is_left_as_it_is(pair: Pair) -> None:
    x, add = torch.randn(1, STEPS, CHANNELS).clamp(-3, 3), torch.randn(1, STEPS, CHANNELS)
    before = add.clone()
    exact, quantised = pair.say(x, add)
    assert error(exact, quantised) < 0.02
    torch.testing.assert_close(add, before, rtol=0, atol=0)


@in_eight_bits
def test_what_is_out_of_reach_is_clipped(pair: Pair) -> None:
    _, far = pair.say(torch.full((1, STEPS, CHANNELS), 100.0))
    _, further = pair.say(torch.full((1, STEPS, CHANNELS), 1000.0))
    torch.testing.assert_close(far, further, rtol=0, atol=0)


@given(
    gain=st.floats(-8, 8),
    beta=st.floats(-8, 8),
    alpha=st.floats(1e-4, 50),
    deviations=st.floats(-3, 3, exclude_min=True),
)
def test_snake_stays_within_reach(gain: float, beta: float, alpha: float, deviations: float) -> None:
    y = beta + gain * deviations
    snake = y + np.sin(alpha * y) ** 2 / alpha
    reach = float(largest(torch.tensor([[0.0], [gain]]), torch.tensor([[0.0], [beta]]), torch.tensor([alpha])))
    assert abs(snake) <= reach * (1 + 1e-5) + 1e-30


def error_db(expected: Samples, heard: Samples) -> float:
    """How far the difference lies under the sound."""
    return float(10 * np.log10(np.mean((expected - heard) ** 2) / np.mean(expected**2)))


@pytest.mark.model
@in_eight_bits
def test_windows_in_eight_bits_add_up_and_sound_alike(kokoro_weights: KokoroWeights) -> None:
    bench = Bench(kokoro_weights)
    acoustic = bench.hear(PHONEMES)
    packs = [torch.from_numpy(kokoro_weights.load_voice(name)) for name in kokoro_weights.voice_names()]
    styles = torch.cat([pack[50::100, 0, :128] for pack in packs])
    generator = bench.parameters.under("decoder.generator")
    with torch.inference_mode():
        vocoder = Vocoder(generator, torch.float32, TorchKernels(), styles)
        whole = vocoder.fixed(acoustic)
        windows = [vocoder.window([acoustic], [start], 32)[0] for start in range(0, acoustic.frames, 32)]
        exact, own = vocoder.exact(acoustic).numpy(), vocoder.whole(acoustic).numpy()
        expected = bench.vocoder.fixed(acoustic).numpy()
    assert acoustic.frames > 32 + 2 * NOISE_CONTEXT
    joined = torch.cat(windows)[: FRAME_SAMPLES * acoustic.frames]
    # Not to the last bit: what lies between two steps may be rounded to either.
    assert float((joined - whole).abs().max()) < 0.05 * float(whole.abs().max())
    assert error_db(expected, whole.numpy()) < -20
    assert -60 < error_db(exact, own) < -8
    np.testing.assert_allclose(exact, bench.vocoder.exact(acoustic).numpy(), atol=1e-5)


@pytest.mark.model
def test_what_is_to_be_exact_is_never_in_eight_bits(kokoro: KokoroEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []

    def watched(name: str) -> Callable[[Acoustic], Tensor]:
        decode: Callable[[Acoustic], Tensor] = getattr(kokoro.vocoder, name)

        def watch(acoustic: Acoustic) -> Tensor:
            decoded.append(name)
            return decode(acoustic)

        return watch

    for name in ("exact", "whole"):
        monkeypatch.setattr(kokoro.vocoder, name, watched(name))
    for exact in (True, False):
        kokoro.render([kokoro.prepare("Sure.", "af_sky", 1.0, exact)])
    assert decoded == ["exact", "whole"]
