"""Rows of different lengths in one padded batch, each of which gets what it would get alone.

`lengths` [B] long, on the batch's device, says how many steps of each row are its own; None, that no row is padded, and
then nothing here costs anything.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Lengths = Tensor | None


def own_steps(lengths: Tensor, steps: int) -> Tensor:
    """[B, steps] bool: True where a step is the row's own."""
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


def zeroed(x: Tensor, lengths: Lengths) -> Tensor:
    """x [B, T, ...] with zeros behind each row's end, which is what a convolution sees there without a batch."""
    if lengths is None:
        return x
    own = own_steps(lengths, x.shape[1])
    return x.masked_fill(~own.view(*own.shape, *[1] * (x.dim() - 2)), 0)


def moments(of: Callable[[Tensor], tuple[Tensor, Tensor]], x: Tensor, lengths: Lengths) -> tuple[Tensor, Tensor]:
    """Mean and mean square of each row's own steps, as `of` gives them for all steps. x [B, T, C] -> two [B, 1, C]."""
    if lengths is None:
        return of(x)
    mean, square = of(zeroed(x, lengths))
    share = (x.shape[1] / lengths).to(mean)[:, None, None]
    return mean * share, square * share
