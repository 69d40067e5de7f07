"""The vocoder's norm statistics for one voice, predicted from what is known of an utterance before it is decoded.

A plain average over calibration sentences is 3.6 to 4.8 dB (log-spectral distance) from the exact decode; a ridge
regression on pitch, energy, length and the vocoder's input, which is known for the whole utterance, is 2.1 to 2.4 dB,
about what two noise seeds of the reference differ by. Statistics of another voice are useless (10 dB and more).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from telephony.engines.kokoro.acoustic import Acoustic
from telephony.engines.kokoro.layers import EPS

_PROSODY_FIGURES = 10
_RIDGE = 0.3  # 0.1 and 1.0 are within 0.1 dB
_TENSORS = ("centre", "width", "basis", "coefficients", "mean")
_VOICED_HZ = 10.0  # the source's own threshold


@dataclass(frozen=True)
class Sample:
    """One calibration sentence: what was known beforehand [F], the norms' true means and variances [S], its frames."""

    known: Tensor
    means: Tensor
    variances: Tensor
    frames: int


@dataclass(frozen=True)
class Statistics:
    """Ridge regression in its dual form, float32.

    Attributes:
        centre, width: [F], to standardise what is known of an utterance.
        basis: [N, F], the calibration sentences, standardised.
        coefficients: [N, 2 S]; mean: [2 S]: means, then log variances.
        level_db: how loud the voice is, as `SpeechLevel` has it.
    """

    centre: Tensor
    width: Tensor
    basis: Tensor
    coefficients: Tensor
    mean: Tensor
    level_db: float

    def apply(self, acoustic: Acoustic) -> None:
        """Fixes the multiply-adds of an utterance's norms, in place."""
        standardised = (known(acoustic) - self.centre) / self.width
        mean, log_variance = (self.mean + (self.basis @ standardised) @ self.coefficients).chunk(2)
        acoustic.scale = acoustic.gain * torch.rsqrt(log_variance.exp() + EPS)
        acoustic.shift = acoustic.beta - mean * acoustic.scale

    def save(self, path: Path) -> None:
        """Writes them (about a megabyte), atomically."""
        staging = path.with_suffix(f".{os.getpid()}.npz")
        staging.parent.mkdir(parents=True, exist_ok=True)
        with staging.open("wb") as file:
            np.savez(file, level_db=self.level_db, **{name: getattr(self, name).cpu().numpy() for name in _TENSORS})
        staging.replace(path)

    @classmethod
    def load(cls, path: Path, device: torch.device) -> Statistics:
        """Reads what `save` wrote.

        Raises:
            OSError: there is no such file.
            ValueError, KeyError: it is not such a file.
        """
        with np.load(path) as arrays:
            tensors = {name: torch.from_numpy(arrays[name]).to(device) for name in _TENSORS}
            return cls(**tensors, level_db=float(arrays["level_db"]))


def known(acoustic: Acoustic) -> Tensor:
    """What the statistics are predicted from: [F] float32.

    Ten figures of pitch, voicing, energy and length, and mean and deviation of each channel of the vocoder's input.
    """
    x, f0, energy = acoustic.x[0].float(), acoustic.f0[0], acoustic.energy[0]
    voiced = (f0 > _VOICED_HZ).float()
    count = voiced.sum().clamp_min(1)
    log_pitch = f0.clamp_min(_VOICED_HZ).log()
    pitch = (log_pitch * voiced).sum() / count
    spread = (((log_pitch - pitch) ** 2 * voiced).sum() / count).sqrt()
    levels = torch.quantile(energy, energy.new_tensor([0.1, 0.5, 0.9]))
    frames = energy.new_tensor(float(acoustic.frames))
    figures = torch.stack(
        [pitch, spread, voiced.mean(), energy.mean(), energy.std(), *levels, frames.log(), 1 / frames]
    )
    return torch.cat([figures, x.mean(0), x.std(0)])


def fit(samples: Sequence[Sample], level_db: float) -> Statistics:
    """Statistics of a voice of that level from its calibration sentences; longer ones weigh more."""
    inputs = torch.stack([sample.known for sample in samples])
    centre = inputs.mean(0)
    width = inputs.std(0) + 1e-6
    # The two groups of inputs weigh the same, however many figures they have.
    width[:_PROSODY_FIGURES] *= _PROSODY_FIGURES**0.5
    width[_PROSODY_FIGURES:] *= (inputs.shape[1] - _PROSODY_FIGURES) ** 0.5
    basis = (inputs - centre) / width
    targets = torch.stack([torch.cat([sample.means, (sample.variances + 1e-6).log()]) for sample in samples])
    frames = torch.tensor([float(sample.frames) for sample in samples], device=inputs.device)
    weights = frames / frames.mean()
    mean = (targets * weights[:, None]).sum(0) / weights.sum()
    gram = basis @ basis.T + _RIDGE * torch.diag(1 / weights)
    return Statistics(centre, width, basis, torch.linalg.solve(gram, targets - mean), mean, level_db)
