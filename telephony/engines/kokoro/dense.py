"""Products with a weight that stays: linear layers, packed once for oneDNN where they run on a processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROW_BLOCKS = {torch.float32: range(16, 257, 16), torch.bfloat16: (32, 64, 128, 192, 256)}
"""Rows of a processor's products: more are multiplied in blocks, the last of which is filled with zeros.

For every other number of rows oneDNN would make machine code anew: 85 ms for a text that is as long as none before. In
float32 a row costs the same however few there are, in bf16 the less the more there are."""


def in_blocks(x: Tensor, product: Callable[[Tensor], Tensor]) -> Tensor:
    """A product of x [..., Cin] in blocks of rows: [..., Cout].

    Args:
        x: of any number of rows.
        product: [R, Cin] -> [R, Cout] for R of x's `ROW_BLOCKS`.
    """
    rows, blocks = x.reshape(-1, x.shape[-1]), ROW_BLOCKS[x.dtype]
    parts = []
    for at in range(0, len(rows), blocks[-1]):
        part = rows[at : at + blocks[-1]]
        count = len(part)
        block = next(size for size in blocks if size >= count)
        parts.append(product(F.pad(part, (0, 0, 0, block - count)) if count < block else part)[:count])
    y = parts[0] if len(parts) == 1 else torch.cat(parts)
    return y.reshape(*x.shape[:-1], -1)


def packable(weight: Tensor) -> bool:
    """Whether oneDNN takes weights of this device in its own layout."""
    return weight.device.type == "cpu" and torch._C._has_mkldnn


class Dense(nn.Module):
    """Linear layer, packed for oneDNN on a CPU (twice MKL's float32 speed on AMD): [..., Cin] -> [..., Cout]."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, *, gelu: bool = False) -> None:
        super().__init__()
        self.gelu = gelu
        self.bias = None if bias is None else bias.to(dtype).contiguous()
        self.packed = packable(weight)
        contiguous = weight.to(dtype).contiguous()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(contiguous) if self.packed else contiguous

    def forward(self, x: Tensor) -> Tensor:
        """[..., Cin] -> [..., Cout], with GELU (the tanh form) where it was asked for."""
        if self.packed:
            return in_blocks(x, self._product)
        y = F.linear(x, self.weight, self.bias)
        return F.gelu(y, approximate="tanh") if self.gelu else y

    def _product(self, x: Tensor) -> Tensor:
        name, form = ("gelu", "tanh") if self.gelu else ("none", "")
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, name, [], form)
        return y


class MakeDense(Protocol):
    """Makes a linear layer; see `Dense`."""

    def __call__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, /, *, gelu: bool = False) -> nn.Module:
        """Of a weight [Cout, Cin] and a bias [Cout]."""
        ...
