"""Residual blocks in eight bits over any stretch of an utterance, by the loops of `convolution.c`.

oneDNN multiplies no faster, but makes machine code for every length, and its sums leave the registers before norm,
Snake and rounding. Here windows may have any length, and each layer makes no more than the next one takes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import Structure, c_bool, c_int, c_int64, c_void_p
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telephony.engines.kokoro.kernels import ZERO_STEP
from telephony.engines.kokoro.layers import DILATIONS, FixedNorms, Norms, layers_of, snake_factors
from telephony.engines.kokoro.parameters import Parameters
from telephony.engines.kokoro.quantised import in_steps, steps_of

LAYERS = 2 * len(DILATIONS)
# Rows that a tile may read, and does not use, beyond the last one: convolution.c's ROWS at most.
_READ_BEYOND = 12


class _Layer(Structure):
    _fields_ = [
        ("dilation", c_int64),
        *((name, c_void_p) for name in ("weight", "zero", "width", "bias", "u", "inverse", "steps")),
    ]


class _Single(Structure):
    _fields_ = [
        *((name, c_int64) for name in ("channels", "taps", "rows")),
        *((name, c_void_p) for name in ("layer", "scale", "shift", "x", "add", "y", "steps")),
        ("is_half", c_bool),
    ]


class _Block(Structure):
    _fields_ = [
        *((name, c_int64) for name in ("channels", "taps", "first", "last", "total", "begin")),
        *((name, c_void_p) for name in ("layers", "scale", "shift", "x", "y", "residual", "steps", "next_steps")),
        ("is_half", c_bool),
    ]


def declare(library: ctypes.CDLL) -> bool:
    """Declares the functions of `convolution.c`; False where the processor lacks the instruction."""
    if not hasattr(library, "residual_block"):
        return False
    for name, structure in (("snake_convolution", _Single), ("residual_block", _Block)):
        function = getattr(library, name)
        function.argtypes = (ctypes.POINTER(structure), c_int)
        function.restype = None
    return True


class Stretch(NamedTuple):
    """The time steps [first, last) of an utterance."""

    first: int
    last: int

    def within(self, steps: int) -> Stretch:
        """Those that an utterance of so many has."""
        return Stretch(max(0, self.first), min(steps, self.last))

    def wider(self, by: int) -> Stretch:
        """So many more on each side."""
        return Stretch(self.first - by, self.last + by)

    def of(self, x: Tensor, begin: int = 0) -> Tensor:
        """These of x [B, T, C] or [B, T], which begins at the time step `begin`; zeros where x has none."""
        first, last = self.first - begin, self.last - begin
        found = x[:, max(0, first) : max(0, last)]
        missing = last - first - found.shape[1]
        if not missing:
            return found
        before = min(max(0, -first), missing)
        return F.pad(found, (*(0, 0) * (x.dim() - 2), before, missing - before))


class StretchBlock(nn.Module):
    """As a `ResBlock` of `QuantisedSnakeConv`, and over a stretch of an utterance. One thread at a time.

    Args:
        block: its parameters.
        first_site: the number of its first norm.
        reaches: [C] of each of its six layers, see `quantised.largest`.
        library: the loops.
    """

    def __init__(self, block: Parameters, first_site: int, reaches: Sequence[Tensor], library: ctypes.CDLL) -> None:
        super().__init__()
        self.first_site = first_site
        self._library = library
        self._kept: list[Tensor] = []
        self._layers = (_Layer * LAYERS)()
        group = c_int.in_dll(library, "group_channels").value
        for index, ((convolution, alpha, dilation), reach) in enumerate(zip(layers_of(block), reaches, strict=True)):
            whole, width = in_steps(convolution.weight, reach)
            channels, _, self._taps = whole.shape
            packed = whole.view(channels // group, group, channels // 4, 4, self._taps).permute(0, 4, 2, 1, 3)
            zero = -ZERO_STEP * whole.sum((1, 2), dtype=torch.int32)
            kept = [packed.contiguous(), zero, width, convolution.bias, *snake_factors(alpha), steps_of(reach)]
            self._kept += kept
            self._layers[index] = _Layer(dilation, *(tensor.data_ptr() for tensor in kept))
        self._channels = channels
        self.reach = sum((self._taps - 1) * layer.dilation // 2 for layer in self._layers)
        """Time steps on each side that the result depends on."""

    def forward(self, x: Tensor, norms: Norms) -> Tensor:
        """[B, T, C] -> [B, T, C]; x is left as it is."""
        if isinstance(norms, FixedNorms):
            whole = Stretch(0, x.shape[1])
            rows = [self.stretch(row[None], norms, whole, whole, whole.last, number) for number, row in enumerate(x)]
            return rows[0] if len(rows) == 1 else torch.cat(rows)
        for index in range(0, LAYERS, 2):
            site = self.first_site + index
            y = self._layer(index, x, *norms.site(site, x))
            x = self._layer(index + 1, y, *norms.site(site + 1, y), add=x)
        return x

    def stretch(  # noqa: PLR0917
        self, x: Tensor, norms: FixedNorms, given: Stretch, wanted: Stretch, total: int, row: int = 0
    ) -> Tensor:
        """What is wanted of an utterance of `total` time steps: [1, T, C].

        Args:
            x: [1, .., C], the time steps that are `given`: at least all within `reach` of those that are wanted.
            norms: of a batch, of which this is the row `row`.
            given, wanted, total: see above.
        """
        first, last = wanted
        room = last - first + 2 * self.reach + _READ_BEYOND
        y = x.new_empty(1, last - first, self._channels)
        residual = x.new_empty(room, self._channels)
        steps = torch.empty(2, room, self._channels, dtype=torch.uint8)
        scale, shift = (part[row] for part in norms.sites(self.first_site, LAYERS))
        tensors = (scale, shift, x, y, residual, *steps)
        block = _Block(
            self._channels,
            self._taps,
            first,
            last,
            total,
            given.first,
            ctypes.addressof(self._layers),
            *(tensor.data_ptr() for tensor in tensors),
            x.dtype == torch.bfloat16,
        )
        self._library.residual_block(block, torch.get_num_threads())
        return y

    def _layer(self, index: int, x: Tensor, a: Tensor, b: Tensor, add: Tensor | None = None) -> Tensor:
        """A layer of whole utterances: x [B, T, C], its norm's multiply-add a, b [B, 1, C], as `SnakeConv`."""
        batch, rows, channels = x.shape
        layer = self._layers[index]
        y = torch.empty_like(x)
        room = rows + (self._taps - 1) * layer.dilation + _READ_BEYOND
        steps = torch.empty(room, channels, dtype=torch.uint8)
        for row in range(batch):
            places = (a[row], b[row], x[row], None if add is None else add[row], y[row], steps)
            single = _Single(
                channels,
                self._taps,
                rows,
                ctypes.addressof(layer),
                *(None if place is None else place.data_ptr() for place in places),
                x.dtype == torch.bfloat16,
            )
            self._library.snake_convolution(single, torch.get_num_threads())
        return y
