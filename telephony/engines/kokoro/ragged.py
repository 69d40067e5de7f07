"""Rows of different lengths in one padded batch, each of which gets what it would get alone.

`lengths` [B] long, on the CPU, says how many steps of each row are its own; None, that no row is padded, and then
nothing here costs anything.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

Lengths = Tensor | None


def own_steps(lengths: Tensor, steps: int, device: torch.device) -> Tensor:
    """[B, steps] bool on a device: True where a step is the row's own."""
    return torch.arange(steps, device=device) < lengths.to(device)[:, None]


def zeroed(x: Tensor, lengths: Lengths) -> Tensor:
    """x [B, T, ...] with zeros behind each row's end, which is what a convolution sees there without a batch."""
    if lengths is None:
        return x
    own = own_steps(lengths, x.shape[1], x.device)
    return x.masked_fill(~own.view(*own.shape, *[1] * (x.dim() - 2)), 0)


def moments(of: Callable[[Tensor], tuple[Tensor, Tensor]], x: Tensor, lengths: Lengths) -> tuple[Tensor, Tensor]:
    """Mean and mean square of each row's own steps, as `of` gives them for all steps. x [B, T, C] -> two [B, 1, C]."""
    if lengths is None:
        return of(x)
    mean, square = of(zeroed(x, lengths))
    share = (x.shape[1] / lengths).to(mean)[:, None, None]
    return mean * share, square * share


def run_lstm(lstm: nn.Module, x: Tensor, lengths: Lengths) -> Tensor:
    """All outputs of a bidirectional LSTM, which begins its way back at each row's own end: [B, T, Cin] -> [B, T, C].

    Zero behind a row's end.
    """
    y: Tensor
    if lengths is None:
        y, _ = lstm(x)
        return y
    packed, _ = lstm(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    y, _ = pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
    return y
