"""Kokoro's layers, rebuilt from its parameters so that they run fast: folded, packed, fused.

Activations are `[B, T, C]` contiguous, which oneDNN and cuDNN see as channels-last images of height 1. Norm, style and
Snake are one pass over memory; with fixed statistics a norm is one multiply-add.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Container, Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telephony.engines.kokoro.dense import Dense, MakeDense, packable
from telephony.engines.kokoro.kernels import Kernels
from telephony.engines.kokoro.parameters import Parameters

EPS = 1e-5
"""Of torch.nn.InstanceNorm1d."""

MOST_STEPS_AT_ONCE = {"mps": 65_000}
"""Steps of the longest convolution that a kind of device does right: MPS fails over 65,536 before macOS 15.1."""

SLICE_STEPS = 1024
"""Steps of a slice: a processor's convolutions over lengths that are none of the windows' are made slice by slice.

oneDNN makes machine code for every length that it meets: a third of a megabyte and some milliseconds each."""


def in_slices(x: Tensor, pad: int, convolve: Callable[[Tensor], Tensor], add: Tensor | None) -> Tensor:
    """A convolution of x [B, T + 2 pad, Cin] in slices of one length: [B, T, Cout], to which `add` is summed.

    Args:
        x: with the `pad` steps at both ends that it needs around it.
        convolve: [B, SLICE_STEPS + 2 pad, Cin] -> [B, SLICE_STEPS, Cout].
        add: [B, T, Cout].
    """
    steps = x.shape[1] - 2 * pad
    parts = []
    for at in range(0, steps, SLICE_STEPS):
        count = min(SLICE_STEPS, steps - at)
        part = F.pad(x[:, at : at + count + 2 * pad], (0, 0, 0, SLICE_STEPS - count)).contiguous()
        parts.append(convolve(part)[:, :count])
    y = parts[0].contiguous() if len(parts) == 1 else torch.cat(parts, 1)
    return y if add is None else y.add_(add)


class Conv(nn.Module):
    """Stride-1 'same' convolution over [B, T, C], its weight cast and (on a CPU) packed for oneDNN once.

    Args:
        convolution: its parameters.
        dtype: of input and output.
        dilation: of the convolution.
        lengths: those that a CPU takes in one piece; any other is cut into slices.
    """

    def __init__(
        self, convolution: Parameters, dtype: torch.dtype, dilation: int = 1, lengths: Container[int] = ()
    ) -> None:
        super().__init__()
        self.lengths = lengths
        weight = convolution.weight
        self.dilation = dilation
        self.pad = (weight.shape[-1] - 1) * self.dilation // 2
        self.out_channels = weight.shape[0]
        # On MPS some releases of torch read channels-last weights wrongly.
        layout = torch.contiguous_format if weight.device.type == "mps" else torch.channels_last
        packed = weight.to(dtype).unsqueeze(2).contiguous(memory_format=layout)
        self.packed = packable(weight)
        if self.packed:
            # Packed for a length that is typical of windows; oneDNN's choice of blocks is the same for all of them.
            packed = torch.ops.mkldnn._reorder_convolution_weight(
                packed, [0, self.pad], [1, 1], [1, self.dilation], 1, [1, packed.shape[1], 1, 800]
            )
        self.weight = packed
        self.bias = convolution.bias.to(dtype)

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        """[B, T, Cin] -> [B, T, Cout]; `add` [B, T, Cout] is summed in the same pass."""
        batch, steps, channels = x.shape
        if self.packed and steps not in self.lengths:
            return in_slices(F.pad(x, (0, 0, self.pad, self.pad)), self.pad, self._convolve_slice, add)
        image = x.view(batch, 1, steps, channels).permute(0, 3, 1, 2)
        residual = None if add is None else add.view(batch, 1, steps, -1).permute(0, 3, 1, 2)
        pad, one, dilation = [0, self.pad], [1, 1], [1, self.dilation]
        y: Tensor
        if not self.packed:
            y = self._in_parts(image)
            y = y if residual is None else y + residual
        elif residual is None:
            y = torch.ops.mkldnn._convolution_pointwise(
                image, self.weight, self.bias, pad, one, dilation, 1, "none", [], ""
            )
        else:
            y = torch.ops.mkldnn._convolution_pointwise.binary(
                image, residual, self.weight, self.bias, pad, one, dilation, 1, "add", 1.0, None, [], None
            )
        return y.permute(0, 2, 3, 1).reshape(batch, steps, self.out_channels)

    def _convolve_slice(self, x: Tensor) -> Tensor:
        batch, steps, channels = x.shape
        image = x.view(batch, 1, steps, channels).permute(0, 3, 1, 2)
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(
            image, self.weight, self.bias, [0, 0], [1, 1], [1, self.dilation], 1, "none", [], ""
        )
        return y.permute(0, 2, 3, 1).reshape(batch, SLICE_STEPS, self.out_channels)

    def _in_parts(self, image: Tensor) -> Tensor:
        """The convolution of [B, C, 1, T], in parts where the device takes no more than so many steps at once."""
        steps = image.shape[3]
        part = MOST_STEPS_AT_ONCE.get(image.device.type, steps)
        padded = F.pad(image, (self.pad, self.pad))
        parts = [
            F.conv2d(padded[..., at : at + part + 2 * self.pad], self.weight, self.bias, dilation=(1, self.dilation))
            for at in range(0, steps, part)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts, 3)


class GemmConv(nn.Module):
    """A 'same' convolution as one packed product over shifted copies.

    For few frames and many channels, where oneDNN's convolutions repack their weights for every other length.

    Args:
        weight: [Cout, Cin, K].
        bias: [Cout].
        dtype: of input and output.
        make_dense: makes the product.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, make_dense: MakeDense = Dense) -> None:
        super().__init__()
        self.kernel = weight.shape[-1]
        self.dense = make_dense(weight.permute(0, 2, 1).reshape(weight.shape[0], -1), bias, dtype)

    @classmethod
    def of(cls, convolution: Parameters, dtype: torch.dtype, make_dense: MakeDense = Dense) -> GemmConv:
        """An undilated convolution, with or without bias."""
        return cls(convolution.weight, convolution.bias if "bias" in convolution else None, dtype, make_dense)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, Cin] -> [B, T, Cout]"""
        if self.kernel > 1:
            half = self.kernel // 2
            steps = x.shape[1]
            padded = F.pad(x, (0, 0, half, half))
            x = torch.cat([padded[:, tap : tap + steps] for tap in range(self.kernel)], 2)
        y: Tensor = self.dense(x)
        return y


class Upsample(nn.Module):
    """A transposed convolution (kernel 2s, stride s, padding s/2) as one 3-tap convolution to s phases."""

    def __init__(self, convolution: Parameters, dtype: torch.dtype) -> None:
        super().__init__()
        weight = convolution.weight  # [Cin, Cout, 2s]
        channels_in, channels_out, kernel = weight.shape
        stride = kernel // 2
        pad = stride // 2
        taps = weight.new_zeros(stride, channels_out, channels_in, 3)
        for phase in range(stride):  # output s*q + phase takes input q + shift through tap phase + pad - s*shift
            for shift in (-1, 0, 1):
                tap = phase + pad - stride * shift
                if 0 <= tap < kernel:
                    taps[phase, :, :, shift + 1] = weight[:, :, tap].T
        self.stride, self.channels_out = stride, channels_out
        bias = convolution.bias.repeat(stride)
        self.conv = GemmConv(taps.reshape(stride * channels_out, channels_in, 3), bias, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, Cin] -> [B, sT, Cout]"""
        y: Tensor = self.conv(x)
        return y.view(x.shape[0], x.shape[1] * self.stride, self.channels_out)


class Norms(Protocol):
    """Where a residual block takes the multiply-add of its n-th norm from."""

    def site(self, index: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift [B, 1, C] float32 for x [B, T, C] at norm number `index`."""
        ...


class FixedNorms:
    """Multiply-adds computed beforehand. scale, shift: [B, S] float32, all sites side by side."""

    def __init__(self, scale: Tensor, shift: Tensor, offsets: Sequence[int]) -> None:
        self._scale, self._shift, self._offsets = scale, shift, offsets
        edges = itertools.pairwise(offsets)
        self._pairs = [(scale[:, None, low:high], shift[:, None, low:high]) for low, high in edges]

    def site(self, index: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `Norms`."""
        return self._pairs[index]

    def sites(self, first: int, count: int) -> tuple[Tensor, Tensor]:
        """Scales and shifts of as many norms from one on, side by side: two [B, ...]."""
        low, high = self._offsets[first], self._offsets[first + count]
        return self._scale[:, low:high], self._shift[:, low:high]


class ExactNorms:
    """Instance norms of the tensors at hand. gain (1 + gamma), beta: [B, S] float32.

    With `keep`, `seen` holds mean and variance [B, C] of every site.
    """

    def __init__(
        self, gain: Tensor, beta: Tensor, offsets: Sequence[int], kernels: Kernels, *, keep: bool = False
    ) -> None:
        self._gain, self._beta, self._offsets, self._kernels = gain, beta, offsets, kernels
        self._keep = keep
        self.seen: list[tuple[Tensor, Tensor]] = [(gain, beta)] * (len(offsets) - 1) if keep else []

    def site(self, index: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `Norms`."""
        mean, square = self._kernels.moments(x)
        variance = (square - mean * mean).clamp_min_(0)
        if self._keep:
            self.seen[index] = (mean[:, 0], variance[:, 0])
        low, high = self._offsets[index], self._offsets[index + 1]
        scale = self._gain[:, None, low:high] * torch.rsqrt(variance + EPS)
        return scale, self._beta[:, None, low:high] - mean * scale


class SnakeConv(nn.Module):
    """Norm, style and Snake, then a 'same' convolution: one of the six steps of a residual block.

    Args:
        convolution: its parameters.
        alpha: Snake's, [1, C, 1].
        dilation, dtype, lengths: as for `Conv`.
        kernels: shared with the others.
    """

    def __init__(  # noqa: PLR0917
        self,
        convolution: Parameters,
        alpha: Tensor,
        dilation: int,
        dtype: torch.dtype,
        kernels: Kernels,
        lengths: Container[int] = (),
    ) -> None:
        super().__init__()
        self._conv = Conv(convolution, dtype, dilation, lengths)
        self._snake, self._kernels = snake_factors(alpha), kernels

    def forward(self, x: Tensor, a: Tensor, b: Tensor, add: Tensor | None = None) -> Tensor:
        """x [B, T, Cin], its norm's multiply-add a, b [B, 1, Cin] float32 -> [B, T, Cout].

        `add` [B, T, Cout] is summed to it.
        """
        y: Tensor = self._conv(self._kernels.snake(x, a, b, *self._snake), add)
        return y


def snake_factors(alpha: Tensor) -> tuple[Tensor, Tensor]:
    """alpha / pi and 1 / alpha of Snake, [1, 1, C] float32, as the kernels want them."""
    flat = alpha.reshape(1, 1, -1)
    return flat / math.pi, 1.0 / flat


MakeLayer = Callable[[Parameters, Tensor, int, int], nn.Module]
"""Norm, Snake and convolution from a convolution's parameters, alpha, dilation and the number of the norm."""

DILATIONS = (1, 3, 5)
"""Of the first convolution of each of a residual block's three steps (kokoro.istftnet.Generator, config.json)."""


def layers_of(block: Parameters) -> list[tuple[Parameters, Tensor, int]]:
    """Convolution, Snake's alpha [1, C, 1] and dilation of each of a residual block's six layers, in order."""
    return [
        (block.under(f"convs{half}").under(index), block[f"alpha{half}.{index}"], of_half)
        for index, dilation in enumerate(DILATIONS)
        for half, of_half in ((1, dilation), (2, 1))
    ]


class ResBlock(nn.Module):
    """AdaINResBlock1 of the reference: three times norm, Snake, dilated conv, norm, Snake, conv, with a residual.

    Args:
        block: its parameters.
        first_site: the number of its first norm.
        make_layer: makes one of its six layers.
    """

    def __init__(self, block: Parameters, first_site: int, make_layer: MakeLayer) -> None:
        super().__init__()
        self.first_site = first_site
        self.layers = nn.ModuleList()
        for site, layer in enumerate(layers_of(block), first_site):
            self.layers.append(make_layer(*layer, site))

    def forward(self, x: Tensor, norms: Norms) -> Tensor:
        """[B, T, C] -> [B, T, C]; x is left as it is."""
        for index in range(0, len(self.layers), 2):
            site = self.first_site + index
            y = self.layers[index](x, *norms.site(site, x))
            x = self.layers[index + 1](y, *norms.site(site + 1, y), add=x)
        return x
