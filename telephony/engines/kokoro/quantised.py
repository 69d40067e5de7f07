"""Convolutions in eight bits, for processors that multiply those twice as fast as bf16 and four times as float32.

What a residual block's convolution takes has known bounds before anything is decoded: a norm whose multiply-add the
style gives, then Snake. So every channel has steps of its own, the same for all voices, whose width goes into the
weights, and nothing is measured while speaking. Over 12 sentences in four voices the error is 25 dB under the sound,
and the log-spectral distance to the reference 2.28 dB where bf16 has 2.04.
"""

from __future__ import annotations

from collections.abc import Container

import torch
from torch import Tensor, nn

from telephony.engines.kokoro.kernels import MOST_STEPS, ZERO_STEP, Kernels
from telephony.engines.kokoro.layers import in_slices, snake_factors
from telephony.engines.kokoro.parameters import Parameters

# Standard deviations of a normed channel that are told apart; what is beyond is clipped. The error is 24.8, 24.6, 23.5,
# 22.2 dB under the sound for 2, 3, 4, 6 of them.
_DEVIATIONS = 3.0


def is_fast(device: torch.device) -> bool:
    """Whether the device multiplies eight bits faster than it does anything else. Checked at run time."""
    return device.type == "cpu" and torch._C._has_mkldnn and torch.cpu._is_vnni_supported()


def largest(gain: Tensor, beta: Tensor, alpha: Tensor) -> Tensor:
    """How far from zero Snake of a normed channel goes, over all styles: [C] float32.

    Args:
        gain, beta: [N, C], 1 + gamma and beta of the norm in N styles.
        alpha: [C], Snake's: y + sin^2(alpha y) / alpha, whose second term is at most 1 / alpha and alpha y^2.
    """
    reach = (beta.abs() + _DEVIATIONS * gain.abs()).amax(0)
    size = alpha.abs()
    return reach + torch.minimum(1 / size, size * reach * reach)


def in_steps(weight: Tensor, reach: Tensor) -> tuple[Tensor, Tensor]:
    """A convolution's weight in eight bits, and how much a step of its sums is: int8 [Cout, Cin, K], float32 [Cout].

    Args:
        weight: [Cout, Cin, K].
        reach: [Cin], of what it takes, see `largest`: so much is `MOST_STEPS`.
    """
    scaled = weight * (reach / MOST_STEPS)[:, None]
    width = scaled.abs().amax((1, 2)).clamp_min(1e-12) / MOST_STEPS
    return (scaled / width[:, None, None]).round().to(torch.int8), width


def steps_of(reach: Tensor) -> Tensor:
    """How many steps one is, for each channel of what reaches so far: [1, 1, C] float32."""
    return (MOST_STEPS / reach).reshape(1, 1, -1)


class QuantisedSnakeConv(nn.Module):
    """`SnakeConv` with its convolution in eight bits, its sums in 32.

    Args:
        convolution: its parameters.
        alpha: Snake's, [1, C, 1].
        dilation: of the convolution.
        reach: [C], see `largest`.
        dtype, lengths: as for `Conv`.
        kernels: shared with the others.
    """

    def __init__(  # noqa: PLR0917
        self,
        convolution: Parameters,
        alpha: Tensor,
        dilation: int,
        reach: Tensor,
        dtype: torch.dtype,
        kernels: Kernels,
        lengths: Container[int] = (),
    ) -> None:
        super().__init__()
        whole, width = in_steps(convolution.weight, reach)
        whole = whole.unsqueeze(2)
        self._lengths = lengths
        self._dtype, self._kernels, self._snake = dtype, kernels, snake_factors(alpha)
        self._steps = steps_of(reach)
        self._dilation = [1, dilation]
        self._pad = (whole.shape[-1] - 1) * self._dilation[1] // 2
        self._width = width
        self._no_offset = torch.zeros(len(width), dtype=torch.int32)
        # Zeros that oneDNN pads with are not ours, and with ours it takes a slow path: zero goes into the bias.
        self._bias = convolution.bias - ZERO_STEP * width * whole.sum((1, 2, 3))
        self._weight = torch.ops.onednn.qconv_prepack(
            whole, width, 1.0, 0, [1, 1], [0, 0], self._dilation, 1, [1, whole.shape[1], 1, 800]
        )

    def forward(self, x: Tensor, a: Tensor, b: Tensor, add: Tensor | None = None) -> Tensor:
        """See `SnakeConv`."""
        steps = self._kernels.snake_steps(x, a, b, *self._snake, self._steps, self._pad)
        if x.shape[1] not in self._lengths:
            return in_slices(steps, self._pad, self._convolve, add)
        y = self._convolve(steps)
        return y if add is None else y.add_(add)  # oneDNN can sum, but keeps 1 MB for every convolution that does

    def _convolve(self, steps: Tensor) -> Tensor:
        """Eight bits [B, T + 2 pad, Cin] -> [B, T, Cout]."""
        batch, padded, channels = steps.shape
        image = steps.view(batch, 1, padded, channels).permute(0, 3, 1, 2)
        y: Tensor = torch.ops.onednn.qconv2d_pointwise(
            image,
            1.0,
            0,
            self._weight,
            self._width,
            self._no_offset,
            self._bias,
            [1, 1],
            [0, 0],
            self._dilation,
            1,
            1.0,
            0,
            self._dtype,
            "none",
            [],
            "",
        )
        return y.permute(0, 2, 3, 1).reshape(batch, padded - 2 * self._pad, len(self._width))
