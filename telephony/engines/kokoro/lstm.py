"""A bidirectional LSTM of one layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from telephony.engines.kokoro.parameters import Parameters
from telephony.engines.kokoro.ragged import Lengths, zeroed

PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
WAYS = ("", "_reverse")
"""What torch.nn.LSTM calls its parameters: part, then way."""


class BidirectionalLstm(nn.Module):
    """torch.nn.LSTM over [B, T, Cin], in float32.

    Each direction is an LSTM of its own, so that a padded batch needs no packing, which CUDA graphs cannot capture and
    MPS gets wrong: the way back runs over rows that are turned around within their own lengths.
    """

    def __init__(self, parameters: Parameters) -> None:
        super().__init__()
        hidden, channels = parameters["weight_hh_l0"].shape[1], parameters["weight_ih_l0"].shape[1]
        device = parameters.device
        self._both = nn.LSTM(channels, hidden, batch_first=True, bidirectional=True, device=device)
        self._both.load_state_dict({name + way: parameters[name + way] for way in WAYS for name in PARTS})
        self._forth, self._back = (nn.LSTM(channels, hidden, batch_first=True, device="meta") for _ in WAYS)
        for way, lstm in zip(WAYS, (self._forth, self._back), strict=True):
            for name in PARTS:  # the same memory
                setattr(lstm, name, getattr(self._both, name + way))
        self.requires_grad_(False)

    def forward(self, x: Tensor, lengths: Lengths) -> Tensor:
        """[B, T, Cin] -> [B, T, 2 H], zero behind a row's end; the way back begins at each row's own end."""
        if lengths is None:
            alone: Tensor = self._both(x)[0]
            return alone
        forth, _ = self._forth(x)
        back, _ = self._back(_turned(x, lengths))
        return zeroed(torch.cat([forth, _turned(back, lengths)], 2), lengths)


def _turned(x: Tensor, lengths: Tensor) -> Tensor:
    """x [B, T, C] with each row's own steps in the opposite order; what lies behind them stays."""
    steps = torch.arange(x.shape[1], device=x.device)
    last = lengths[:, None] - 1
    order = torch.where(steps <= last, last - steps, steps)
    return x.gather(1, order[..., None].expand_as(x))
