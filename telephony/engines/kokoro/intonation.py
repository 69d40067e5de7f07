"""Pitch curves as they are asked for: changed before the harmonic source is made of them, so that a voice stays one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from telephony.speech import NEUTRAL, Intonation

VOICED_HZ = 10.0
"""The pitch over which a frame is voiced, in Hz: the source's own threshold."""

# Of a changed pitch: what is voiced stays so, and nothing is higher than a voice goes.
_LOWEST_HZ, _HIGHEST_HZ = 1.1 * VOICED_HZ, 800.0


def intoned(f0: Tensor, energy: Tensor, intonations: Sequence[Intonation]) -> Tensor:
    """The pitch of each utterance, changed by its intonation.

    Args:
        f0, energy: [B, T] float32, the pitch in Hz. What is not voiced stays as it is.
        intonations: B of them.

    Returns:
        [B, T]; the same tensor where none is changed.
    """
    if all(each == NEUTRAL for each in intonations):
        return f0
    return torch.stack([_intoned(*row) for row in zip(f0, energy, intonations, strict=True)])


def _intoned(f0: Tensor, energy: Tensor, intonation: Intonation) -> Tensor:
    voiced = f0 > VOICED_HZ
    if intonation == NEUTRAL or not voiced.any():
        return f0
    # The louder half is what is heard as the pitch; where a voice fades, its curve falls far.
    heard = voiced & (energy >= energy[voiced].median())
    middle_hz = f0[heard].median()
    factor = intonation.factor(float(middle_hz))
    changed = factor * middle_hz * (f0.clamp_min(VOICED_HZ) / middle_hz) ** intonation.range
    return torch.where(voiced, changed.clamp(_LOWEST_HZ, _HIGHEST_HZ), f0)
