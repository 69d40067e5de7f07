"""Kokoro's layers, rebuilt from its weights so that they run fast: folded, packed, fused.

Activations are `[B, T, C]` contiguous, which oneDNN and cuDNN see as channels-last images of height 1. Norm, style and
Snake are one pass over memory; with fixed statistics a norm is one multiply-add. The modules of the `kokoro` package
that the constructors take are only read; they are untyped, hence `Any`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-5
"""Of torch.nn.InstanceNorm1d."""
MOST_STEPS, ZERO_STEP = 127, 128
"""Eight bits without a sign: the step that zero is, and how many there are on each side of it."""


def _sin2_coefficients() -> list[float]:
    """Polynomial in z = r^2 with sin^2(pi r) = z * (c0 + c1 z + ...) for |r| <= 1/2; error about 1e-6."""
    r = np.cos(np.linspace(0, np.pi / 2, 2001))[:-1] * 0.5  # Chebyshev-like spacing keeps the largest error small
    powers = np.stack([r ** (2 * k) for k in range(1, 6)], 1)
    coefficients, *_ = np.linalg.lstsq(powers, np.sin(np.pi * r) ** 2, rcond=None)
    return [float(value) for value in coefficients]


_C0, _C1, _C2, _C3, _C4 = _sin2_coefficients()


def _snake_affine(x: Tensor, a: Tensor, b: Tensor, u: Tensor, inverse: Tensor) -> Tensor:
    """Norm, style and Snake in one pass: y = a x + b, then y + inverse * sin^2(pi u y).

    x [B, T, C]; a, b [B, 1, C] float32; u = alpha / pi and inverse = 1 / alpha [1, 1, C] float32. Returns x's dtype.
    """
    y = x.float() * a + b
    r = y * u
    r = r - torch.round(r)
    z = r * r
    sin2 = z * (_C0 + z * (_C1 + z * (_C2 + z * (_C3 + z * _C4))))
    return (y + inverse * sin2).to(x.dtype)


def _snake_steps(x: Tensor, a: Tensor, b: Tensor, u: Tensor, inverse: Tensor, steps: Tensor, pad: int) -> Tensor:  # noqa: PLR0917
    """The same in eight bits: 128 is zero, `steps` [1, 1, C] float32 those of a unit; `pad` zeros at both ends of T."""
    y = _snake_affine(x.float(), a, b, u, inverse)
    whole = torch.round(y * steps).clamp(-MOST_STEPS, MOST_STEPS) + ZERO_STEP
    return F.pad(whole, (0, 0, pad, pad), value=ZERO_STEP).to(torch.uint8)


def _leaky_affine(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Norm, style and LeakyReLU(0.2) in one pass. x [B, T, C]; a, b [B, 1, C] float32."""
    y = x.float() * a + b
    return torch.where(y > 0, y, 0.2 * y).to(x.dtype)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and mean square over time, float32. x [B, T, C] -> two [B, 1, C]."""
    values = x.float()
    return values.mean(1, keepdim=True), (values * values).mean(1, keepdim=True)


def _merge3(p: Tensor, q: Tensor, r: Tensor, slope: float) -> Tensor:
    """LeakyReLU(slope) of the mean of three [B, T, C]."""
    y = (p.float() + q.float() + r.float()) * (1.0 / 3.0)
    return torch.where(y > 0, y, slope * y).to(p.dtype)


KernelCall = tuple[str, tuple[Any, ...]]
"""Name and arguments of a call of one of the `Kernels`."""

_KERNELS: dict[str, Callable[..., Any]] = {
    "snake": _snake_affine,
    "snake_steps": _snake_steps,
    "leaky": _leaky_affine,
    "moments": _moments,
    "merge3": _merge3,
}


class Kernels:
    """The elementwise kernels: ready in eager mode, replaced by compiled ones when `compile` has run.

    Only these are compiled, for any length: the variety of utterances costs neither compile time nor memory.
    """

    snake: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
    snake_steps: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, int], Tensor]
    leaky: Callable[[Tensor, Tensor, Tensor], Tensor]
    moments: Callable[[Tensor], tuple[Tensor, Tensor]]
    merge3: Callable[[Tensor, Tensor, Tensor, float], Tensor]

    def __init__(self) -> None:
        self.__dict__.update(_KERNELS)

    def record(self, run: Callable[[], None]) -> list[KernelCall]:
        """The kernel calls of different shape or type that `run` makes, for `compile`."""
        calls: dict[tuple[Any, ...], KernelCall] = {}

        def recorder(name: str) -> Callable[..., Any]:
            def call(*arguments: Any) -> Any:
                calls.setdefault((name, *map(_signature, arguments)), (name, arguments))
                return _KERNELS[name](*arguments)

            return call

        self.__dict__.update({name: recorder(name) for name in _KERNELS})
        run()
        self.__dict__.update(_KERNELS)
        return list(calls.values())

    def compile(self, calls: Sequence[KernelCall]) -> Iterator[None]:
        """Compiles the kernels for such calls, one each time that it is asked, then puts them in place together.

        Takes up to a minute, the first one a third of it; any thread, one at a time. What they meet later and were not
        compiled for runs in eager mode: no caller waits for a compiler.

        Raises:
            Exception: there is no compiler, or it failed; the eager kernels stay.
        """
        torch._dynamo.config.recompile_limit = 64
        compiled = {name: torch.compile(kernel, dynamic=True) for name, kernel in _KERNELS.items()}
        for name, arguments in calls:
            with torch.inference_mode():
                compiled[name](*arguments)
            yield
        torch.compiler.set_stance("eager_on_recompile")
        self.__dict__.update(compiled)


def _signature(argument: Any) -> Any:
    return (argument.shape, argument.stride(), argument.dtype) if isinstance(argument, Tensor) else argument


def folded_weight(convolution: Any) -> Tensor:
    """A convolution's weight with weight-norm folded in, float32."""
    if hasattr(convolution, "weight_v"):
        v: Tensor = convolution.weight_v.detach().float()
        g: Tensor = convolution.weight_g.detach().float()
        folded: Tensor = v * (g / v.norm(dim=tuple(range(1, v.dim())), keepdim=True))
        return folded
    weight: Tensor = convolution.weight.detach().float()
    return weight


def _packable(weight: Tensor) -> bool:
    return weight.device.type == "cpu" and torch._C._has_mkldnn


class Conv(nn.Module):
    """Stride-1 'same' convolution over [B, T, C], its weight folded, cast and (on a CPU) packed for oneDNN once."""

    def __init__(self, convolution: Any, dtype: torch.dtype) -> None:
        super().__init__()
        weight = folded_weight(convolution)
        self.dilation: int = convolution.dilation[0]
        self.pad = (weight.shape[-1] - 1) * self.dilation // 2
        self.out_channels = weight.shape[0]
        packed = weight.to(dtype).unsqueeze(2).contiguous(memory_format=torch.channels_last)
        self.packed = _packable(weight)
        if self.packed:
            # Packed for a length that is typical of windows; oneDNN's choice of blocks is the same for all of them.
            packed = torch.ops.mkldnn._reorder_convolution_weight(
                packed, [0, self.pad], [1, 1], [1, self.dilation], 1, [1, packed.shape[1], 1, 800]
            )
        self.weight = packed
        self.bias: Tensor = convolution.bias.detach().to(dtype)

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        """[B, T, Cin] -> [B, T, Cout]; `add` [B, T, Cout] is summed in the same pass."""
        batch, steps, channels = x.shape
        image = x.view(batch, 1, steps, channels).permute(0, 3, 1, 2)
        residual = None if add is None else add.view(batch, 1, steps, -1).permute(0, 3, 1, 2)
        pad, one, dilation = [0, self.pad], [1, 1], [1, self.dilation]
        y: Tensor
        if not self.packed:
            y = F.conv2d(image, self.weight, self.bias, padding=pad, dilation=dilation)
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


class Dense(nn.Module):
    """Linear layer, packed for oneDNN on a CPU (twice MKL's float32 speed on AMD): [..., Cin] -> [..., Cout]."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, *, gelu: bool = False) -> None:
        super().__init__()
        self.gelu = gelu
        self.bias = None if bias is None else bias.detach().to(dtype).contiguous()
        self.packed = _packable(weight)
        contiguous = weight.detach().to(dtype).contiguous()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(contiguous) if self.packed else contiguous

    def forward(self, x: Tensor) -> Tensor:
        """[..., Cin] -> [..., Cout], with GELU (the tanh form) where it was asked for."""
        y: Tensor
        if self.packed:
            name, form = ("gelu", "tanh") if self.gelu else ("none", "")
            y = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, name, [], form)
            return y
        y = F.linear(x, self.weight, self.bias)
        return F.gelu(y, approximate="tanh") if self.gelu else y


class GemmConv(nn.Module):
    """A 'same' convolution as one packed product over shifted copies.

    For few frames and many channels, where oneDNN's convolutions repack their weights for every other length.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> None:
        super().__init__()
        self.kernel = weight.shape[-1]
        self.dense = Dense(weight.permute(0, 2, 1).reshape(weight.shape[0], -1), bias, dtype)

    @classmethod
    def of(cls, convolution: Any, dtype: torch.dtype) -> GemmConv:
        """From an undilated convolution of the reference."""
        return cls(folded_weight(convolution), convolution.bias, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, Cin] -> [B, T, Cout]"""
        if self.kernel > 1:
            half = self.kernel // 2
            batch, steps, channels = x.shape
            padded = F.pad(x, (0, 0, half, half))
            x = padded.as_strided((batch, steps, self.kernel * channels), (padded.stride(0), channels, 1)).contiguous()
        y: Tensor = self.dense(x)
        return y


class Upsample(nn.Module):
    """A transposed convolution (kernel 2s, stride s, padding s/2) as one 3-tap convolution to s phases."""

    def __init__(self, convolution: Any, dtype: torch.dtype) -> None:
        super().__init__()
        weight = folded_weight(convolution)  # [Cin, Cout, 2s]
        stride, pad = convolution.stride[0], convolution.padding[0]
        channels_in, channels_out, kernel = weight.shape
        if kernel != 2 * stride or pad != stride // 2:
            raise ValueError(f"upsampling by {stride} with kernel {kernel} and padding {pad} is not expected")
        taps = weight.new_zeros(stride, channels_out, channels_in, 3)
        for phase in range(stride):  # output s*q + phase takes input q + shift through tap phase + pad - s*shift
            for shift in (-1, 0, 1):
                tap = phase + pad - stride * shift
                if 0 <= tap < kernel:
                    taps[phase, :, :, shift + 1] = weight[:, :, tap].T
        self.stride, self.channels_out = stride, channels_out
        bias = convolution.bias.detach().repeat(stride)
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
        edges = itertools.pairwise(offsets)
        self._pairs = [(scale[:, None, low:high], shift[:, None, low:high]) for low, high in edges]

    def site(self, index: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `Norms`."""
        return self._pairs[index]


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
        convolution, alpha: the reference's; alpha [1, C, 1] is Snake's.
        dtype: of input and output.
        kernels: shared with the others.
    """

    def __init__(self, convolution: Any, alpha: Tensor, dtype: torch.dtype, kernels: Kernels) -> None:
        super().__init__()
        self._conv, self._snake, self._kernels = Conv(convolution, dtype), snake_factors(alpha), kernels

    def forward(self, x: Tensor, a: Tensor, b: Tensor, add: Tensor | None = None) -> Tensor:
        """x [B, T, Cin], its norm's multiply-add a, b [B, 1, Cin] float32 -> [B, T, Cout]; `add` is summed to it."""
        y: Tensor = self._conv(self._kernels.snake(x, a, b, *self._snake), add)
        return y


def snake_factors(alpha: Tensor) -> tuple[Tensor, Tensor]:
    """alpha / pi and 1 / alpha of Snake, [1, 1, C] float32, as the kernels want them."""
    flat = alpha.detach().float().reshape(1, 1, -1)
    return flat / math.pi, 1.0 / flat


class ResBlock(nn.Module):
    """AdaINResBlock1 of the reference: three times norm, Snake, dilated conv, norm, Snake, conv, with a residual.

    Args:
        block: the reference's.
        first_site: the number of its first norm.
        layer: makes norm, Snake and convolution of the reference's convolution, its alpha, and the norm's number.
    """

    def __init__(self, block: Any, first_site: int, layer: Callable[[Any, Tensor, int], nn.Module]) -> None:
        super().__init__()
        convolutions = zip(block.convs1, block.alpha1, block.convs2, block.alpha2, strict=True)
        layers = [part for one, alpha1, two, alpha2 in convolutions for part in ((one, alpha1), (two, alpha2))]
        self.first_site = first_site
        self.layers = nn.ModuleList(layer(*part, site) for site, part in enumerate(layers, first_site))

    def forward(self, x: Tensor, norms: Norms) -> Tensor:
        """[B, T, C] -> [B, T, C]"""
        for index in range(0, len(self.layers), 2):
            site = self.first_site + index
            y = self.layers[index](x, *norms.site(site, x))
            x = self.layers[index + 1](y, *norms.site(site + 1, y), add=x)
        return x
