"""What torch has no one operation for, in plain torch: norm, style and activation in one pass, LSTMs both ways at once.

On a processor the loops of `native.py` take its place, on CUDA what torch compiles of the passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telephony.engines.kokoro.dense import Dense
from telephony.engines.kokoro.harmonic_source import HarmonicSource
from telephony.engines.kokoro.lstm import BidirectionalLstm
from telephony.engines.kokoro.parameters import Parameters

MOST_STEPS, ZERO_STEP = 127, 128
"""Eight bits without a sign: the step that zero is, and how many there are on each side of it."""


def _sin2_coefficients() -> list[float]:
    """Polynomial in z = r^2 with sin^2(pi r) = z * (c0 + c1 z + ...) for |r| <= 1/2; error about 1e-6."""
    r = np.cos(np.linspace(0, np.pi / 2, 2001))[:-1] * 0.5  # Chebyshev-like spacing keeps the largest error small
    powers = np.stack([r ** (2 * k) for k in range(1, 6)], 1)
    coefficients, *_ = np.linalg.lstsq(powers, np.sin(np.pi * r) ** 2, rcond=None)
    return [float(value) for value in coefficients]


SIN2_COEFFICIENTS = _sin2_coefficients()
_C0, _C1, _C2, _C3, _C4 = SIN2_COEFFICIENTS


def snake(x: Tensor, a: Tensor, b: Tensor, u: Tensor, inverse: Tensor) -> Tensor:
    """Norm, style and Snake in one pass: y = a x + b, then y + inverse * sin^2(pi u y).

    x [B, T, C]; a, b [B, 1, C] float32; u = alpha / pi and inverse = 1 / alpha [1, 1, C] float32. Returns x's dtype.
    """
    y = x.float() * a + b
    r = y * u
    r = r - torch.round(r)
    z = r * r
    sin2 = z * (_C0 + z * (_C1 + z * (_C2 + z * (_C3 + z * _C4))))
    return (y + inverse * sin2).to(x.dtype)


def snake_steps(x: Tensor, a: Tensor, b: Tensor, u: Tensor, inverse: Tensor, steps: Tensor, pad: int) -> Tensor:  # noqa: PLR0917
    """The same in eight bits: 128 is zero, `steps` [1, 1, C] float32 those of a unit; `pad` zeros at both ends of T."""
    y = snake(x.float(), a, b, u, inverse)
    whole = torch.round(y * steps).clamp(-MOST_STEPS, MOST_STEPS) + ZERO_STEP
    return F.pad(whole, (0, 0, pad, pad), value=ZERO_STEP).to(torch.uint8)


def leaky(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Norm, style and LeakyReLU(0.2) in one pass. x [B, T, C]; a, b [B, 1, C] float32. Returns x's dtype."""
    y = x.float() * a + b
    return torch.where(y > 0, y, 0.2 * y).to(x.dtype)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and mean square over time, float32. x [B, T, C] -> two [B, 1, C]."""
    values = x.float()
    return values.mean(1, keepdim=True), (values * values).mean(1, keepdim=True)


def merge3(p: Tensor, q: Tensor, r: Tensor, slope: float) -> Tensor:
    """LeakyReLU(slope) of the mean of three [B, T, C] of one dtype, which is returned."""
    y = (p.float() + q.float() + r.float()) * (1.0 / 3.0)
    return torch.where(y > 0, y, slope * y).to(p.dtype)


class Kernels(Protocol):
    """A set of kernels, each as the function of this module with its name, and what makes layers.

    Attributes:
        eight_bits: whether `block` makes any.
    """

    @property
    def eight_bits(self) -> bool:  # noqa: D102
        ...

    def dense(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, /, *, gelu: bool = False) -> nn.Module:
        """A linear layer, to be called as `Dense`."""
        ...

    def lstm(self, parameters: Parameters, /) -> nn.Module:
        """An LSTM with these parameters, to be called as `BidirectionalLstm`."""
        ...

    def block(self, parameters: Parameters, first_site: int, reaches: Sequence[Tensor], /) -> nn.Module | None:
        """A residual block in eight bits, to be called as `ResBlock`; None: one of `QuantisedSnakeConv` is as fast.

        `reaches` are those of its six layers, see `quantised.largest`.
        """
        ...

    def source(self, generator: Parameters, /) -> nn.Module:
        """A harmonic source with the parameters of this generator, to be called as `HarmonicSource`."""
        ...

    def snake(self, x: Tensor, a: Tensor, b: Tensor, u: Tensor, inverse: Tensor, /) -> Tensor:  # noqa: D102
        ...

    def snake_steps(  # noqa: D102, PLR0917
        self, x: Tensor, a: Tensor, b: Tensor, u: Tensor, inverse: Tensor, steps: Tensor, pad: int, /
    ) -> Tensor: ...

    def leaky(self, x: Tensor, a: Tensor, b: Tensor, /) -> Tensor:  # noqa: D102
        ...

    def moments(self, x: Tensor, /) -> tuple[Tensor, Tensor]:  # noqa: D102
        ...

    def merge3(self, p: Tensor, q: Tensor, r: Tensor, slope: float, /) -> Tensor:  # noqa: D102
        ...


class KernelsUnavailableError(Exception):
    """There are no compiled kernels; those of torch do the same, several times slower. The message says why."""


def compiled_kernels(directory: Path) -> Kernels:
    """Those for processors.

    Args:
        directory: where their machine code is while it is loaded; programs must be allowed there.

    Raises:
        KernelsUnavailableError: they cannot be compiled or loaded.
    """
    from telephony.engines.kokoro.native import NativeKernels, compiled_library

    return NativeKernels(compiled_library(directory))


KernelCall = tuple[str, tuple[Any, ...]]
"""Name and arguments of a call of one of the kernels."""

_PLAIN: dict[str, Callable[..., Any]] = {
    "snake": snake,
    "snake_steps": snake_steps,
    "leaky": leaky,
    "moments": moments,
    "merge3": merge3,
}


class TorchKernels:
    """The functions of this module, on any device. `compile` has torch compile them, for CUDA."""

    snake: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
    snake_steps: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, int], Tensor]
    leaky: Callable[[Tensor, Tensor, Tensor], Tensor]
    moments: Callable[[Tensor], tuple[Tensor, Tensor]]
    merge3: Callable[[Tensor, Tensor, Tensor, float], Tensor]
    eight_bits = False

    def __init__(self) -> None:
        self.__dict__.update(_PLAIN)

    def dense(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, *, gelu: bool = False) -> nn.Module:
        """See `Kernels`."""
        return Dense(weight, bias, dtype, gelu=gelu)

    def lstm(self, parameters: Parameters) -> nn.Module:
        """See `Kernels`."""
        return BidirectionalLstm(parameters)

    def block(self, parameters: Parameters, first_site: int, reaches: Sequence[Tensor]) -> nn.Module | None:
        """See `Kernels`."""
        return None

    def source(self, generator: Parameters) -> nn.Module:
        """See `Kernels`."""
        return HarmonicSource(generator)

    def record(self, run: Callable[[], None]) -> list[KernelCall]:
        """The kernel calls of different shape or type that `run` makes, for `compile`."""
        calls: dict[tuple[Any, ...], KernelCall] = {}

        def recorder(name: str) -> Callable[..., Any]:
            def call(*arguments: Any) -> Any:
                calls.setdefault((name, *map(_signature, arguments)), (name, arguments))
                return _PLAIN[name](*arguments)

            return call

        self.__dict__.update({name: recorder(name) for name in _PLAIN})
        run()
        self.__dict__.update(_PLAIN)
        return list(calls.values())

    def compile(self, calls: Sequence[KernelCall]) -> None:
        """Compiles the kernels for such calls, of any length, and puts them in place together. Half a minute.

        What they meet later and were not compiled for runs in eager mode: no caller waits for a compiler.

        Raises:
            Exception: there is no compiler, or it failed; the eager kernels stay.
        """
        torch._dynamo.config.recompile_limit = 64
        compiled = {name: torch.compile(kernel, dynamic=True) for name, kernel in _PLAIN.items()}
        for name, arguments in calls:
            with torch.inference_mode():
                compiled[name](*arguments)
        torch.compiler.set_stance("eager_on_recompile")
        self.__dict__.update(compiled)


def _signature(argument: Any) -> Any:
    return (argument.shape, argument.stride(), argument.dtype) if isinstance(argument, Tensor) else argument
