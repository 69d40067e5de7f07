"""The harmonic source: what a throat gives to the vocoder, which makes a voice of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from telephony.engines.kokoro.intonation import VOICED_HZ
from telephony.engines.kokoro.parameters import Parameters
from telephony.engines.kokoro.ragged import Lengths

FRAME_SAMPLES = 300
"""Samples a frame: 80 frames a second at 24 kHz."""
FFT_SAMPLES = 20
HOP_SAMPLES = 5

HARMONICS, AMPLITUDE = 9, 0.1
"""What kokoro.istftnet.Generator gives its SourceModuleHnNSF, and that one's default."""
_NOISE, _RATE_HZ = 0.003, 24_000  # likewise


class HarmonicSource(nn.Module):
    """Harmonic source and its STFT, float32: pitch [B, T] -> [B, 60 T + 1, 22] (11 magnitudes, 11 angles)."""

    def __init__(self, generator: Parameters) -> None:
        super().__init__()
        merge = generator.under("m_source.l_linear")
        device = generator.device
        self.weight, self.bias = merge.weight, merge.bias
        # The window and the discrete Fourier transform of 20 samples as one product: [20, 22], real parts first.
        window = torch.hann_window(FFT_SAMPLES, periodic=True, dtype=torch.float64)
        bins, samples = torch.arange(FFT_SAMPLES // 2 + 1), torch.arange(FFT_SAMPLES)
        angle = (2 * math.pi / FFT_SAMPLES) * samples.double()[:, None] * bins
        sines = -angle.sin()
        sines[:, [0, -1]] = 0.0  # exactly: what is real and negative has the angle pi, and never -pi
        self.transform = (window[:, None] * torch.cat([angle.cos(), sines], 1)).float().to(device)
        self.harmonics = torch.arange(1, HARMONICS + 1, device=device).float().view(1, 1, -1)

    def forward(
        self, f0: Tensor, lengths: Lengths = None, seeds: Sequence[int] | None = None, *, reference_noise: bool = False
    ) -> Tensor:
        """See the class. f0 is 0 behind a row's end; there, the result is anything.

        Args:
            f0: pitch in Hz.
            lengths: of the rows.
            seeds: of each row's noise; none: another noise each time.
            reference_noise: drawn in the reference's order from torch's own generator, so that one seed of that gives
                one sound.
        """
        return self._spectrum(_reflected(self._wave(f0, lengths, seeds, reference_noise), lengths))

    def _wave(self, f0: Tensor, lengths: Lengths, seeds: Sequence[int] | None, reference_noise: bool) -> Tensor:
        """f0 [B, T] in Hz -> [B, 300 T]. Without pitch the phase stays, as it does at the end of a row alone."""
        batch, frames = f0.shape
        # The reference's initial phases fall on a sample that its own down-sampling never reads: they have no effect.
        cycles = (f0[..., None] * self.harmonics / _RATE_HZ) % 1
        phase = torch.cumsum(cycles, 1) * 2 * torch.pi * FRAME_SAMPLES
        voiced = (f0 > VOICED_HZ).float()
        deviation = voiced * _NOISE + (1 - voiced) * (AMPLITUDE / 3)
        if reference_noise:
            noise = self._reference_noise(batch, frames)
        else:
            # Nine Gaussian noises summed with fixed weights have the distribution of one with the summed variance.
            deviation *= self.weight.norm()
            counts: list[int] = [frames] * batch if lengths is None else lengths.tolist()
            noise = _noise(counts, seeds or [None] * batch, f0.device)
        return self._excitation(phase, voiced, noise.mul_(deviation[..., None]))

    def _reference_noise(self, batch: int, frames: int) -> Tensor:
        """The weighted sum of nine Gaussian noises: [B, T, 300]."""
        device, samples = self.weight.device, frames * FRAME_SAMPLES
        torch.rand(batch, HARMONICS, device=device)
        # The order of draws follows the strides of the tensor that randn_like is given.
        draws = torch.randn_like(torch.empty(batch, HARMONICS, samples, device=device).transpose(1, 2))
        noise = torch.matmul(draws, self.weight[0]).view(batch, frames, FRAME_SAMPLES)
        torch.randn(batch, samples, 1, device=device)
        return noise

    def _excitation(self, phase: Tensor, voiced: Tensor, noise: Tensor) -> Tensor:
        """Phases in the middle of frames [B, T, 9], 1 or 0 [B, T] and [B, T, 300] -> [B, 300 T]."""
        sines = F.interpolate(phase.transpose(1, 2), scale_factor=FRAME_SAMPLES, mode="linear").sin_().mul_(AMPLITUDE)
        merged = torch.matmul(self.weight, sines).view(noise.shape)
        return torch.tanh(merged * voiced[..., None] + noise + self.bias).flatten(1)

    def _spectrum(self, wave: Tensor) -> Tensor:
        """[B, 5 N + 15] -> [B, N, 22]"""
        # In real numbers: MPS has complex ones, and their angles, only on newer systems.
        steps = wave.view(wave.shape[0], -1, HOP_SAMPLES)
        count = steps.shape[1] - FFT_SAMPLES // HOP_SAMPLES + 1
        framed = torch.cat([steps[:, hop : hop + count] for hop in range(FFT_SAMPLES // HOP_SAMPLES)], 2)
        real, imaginary = (framed @ self.transform + 0.0).chunk(2, 2)  # + 0.0: there is no negative zero
        return torch.cat([torch.hypot(real, imaginary), torch.atan2(imaginary, real)], 2)


def _noise(counts: Sequence[int], seeds: Sequence[int | None], device: torch.device) -> Tensor:
    """Gaussian noise for rows of so many frames, 0 behind their ends: [B, T, 300]; each row's is that of its seed."""
    rows = []
    for count, seed in zip(counts, seeds, strict=True):
        generator = None if seed is None else torch.Generator(device).manual_seed(seed)
        rows.append(torch.randn(count, FRAME_SAMPLES, generator=generator, device=device))
    return pad_sequence(rows, batch_first=True)


def _reflected(wave: Tensor, lengths: Lengths) -> Tensor:
    """A wave [B, 300 T] of rows of `lengths` frames, mirrored by half a transform at both ends of each."""
    half = FFT_SAMPLES // 2
    if lengths is None:
        return F.pad(wave, (half, half), mode="reflect")
    samples = wave.shape[1]
    position = torch.arange(-half, samples + half, device=wave.device).abs()
    last = FRAME_SAMPLES * lengths[:, None] - 1
    return wave.gather(1, torch.where(position > last, 2 * last - position, position).clamp_min(0))
