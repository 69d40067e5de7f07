"""What other devices need, shown on the processor with the same code."""

from __future__ import annotations

import pytest
import torch

from telephony.engines.kokoro import layers
from telephony.engines.kokoro.harmonic_source import FFT_SAMPLES, HOP_SAMPLES, HarmonicSource
from telephony.engines.kokoro.layers import Conv
from telephony.engines.kokoro.model import fast_dtype
from telephony.engines.kokoro.parameters import Parameters

CPU = torch.device("cpu")


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a device for which oneDNN does nothing."""
    monkeypatch.setattr(layers, "packable", lambda weight: False)


@pytest.mark.usefixtures("unpacked")
@pytest.mark.parametrize(("kernel", "dilation"), [(3, 1), (11, 5)])
def test_a_long_convolution_in_parts_is_that_in_one(
    kernel: int, dilation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    plain = torch.nn.Conv1d(4, 4, kernel, dilation=dilation)
    conv = Conv(Parameters(plain.state_dict(), CPU), torch.float32, dilation)
    x = torch.randn(1, 1000, 4)
    with torch.inference_mode():
        whole = conv(x)
        monkeypatch.setitem(layers.MOST_STEPS_AT_ONCE, "cpu", 300)
        torch.testing.assert_close(conv(x), whole)
        torch.testing.assert_close(conv(x, add=x), whole + x)


def test_the_source_s_transform_is_torch_s_own() -> None:
    """In real numbers, since MPS has complex ones only on newer systems."""
    torch.manual_seed(0)
    source = HarmonicSource(
        Parameters({"m_source.l_linear.weight": torch.rand(1, 9), "m_source.l_linear.bias": torch.zeros(1)}, CPU)
    )
    f0 = torch.full((2, 40), 120.0)
    torch.manual_seed(1)
    har = source(f0)
    torch.manual_seed(1)
    wave = source._wave(f0, None, None, reference_noise=False)
    window = torch.hann_window(FFT_SAMPLES, periodic=True)
    expected = torch.stft(wave, FFT_SAMPLES, HOP_SAMPLES, FFT_SAMPLES, window, return_complex=True)
    magnitude, angle = har.transpose(1, 2).chunk(2, 1)
    torch.testing.assert_close(magnitude, expected.abs(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.polar(magnitude, angle), expected, rtol=1e-4, atol=1e-5)
    # Two angles that are one to a circle, but not to the network: what is real has 0 or pi.
    torch.testing.assert_close(angle[:, [0, -1]], expected.angle()[:, [0, -1]])


def test_bf16_that_a_gpu_only_emulates_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def supported(including_emulation: bool = True) -> bool:
        return including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert fast_dtype(torch.device("cuda")) == torch.float32
