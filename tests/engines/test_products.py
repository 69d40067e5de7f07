"""Products and LSTMs of any number of rows, in the few sizes for which a processor has machine code."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from telephony.engines.kokoro.dense import ROW_BLOCKS, Dense, in_blocks


@pytest.mark.parametrize("dtype", list(ROW_BLOCKS), ids=str)
@pytest.mark.parametrize("rows", [1, 15, 16, 17, 200, 256, 257, 700])
def test_every_product_is_of_a_known_size_and_nothing_is_lost(rows: int, dtype: torch.dtype) -> None:
    sizes = []

    def product(x: torch.Tensor) -> torch.Tensor:
        sizes.append(len(x))
        return 2 * x

    x = torch.randn(1, rows, 3).to(dtype)
    torch.testing.assert_close(in_blocks(x, product), 2 * x, rtol=0, atol=0)
    assert set(sizes) <= set(ROW_BLOCKS[dtype])
    assert sum(sizes) - rows < 64


@pytest.mark.parametrize("rows", [1, 70, 300])
def test_a_linear_layer_gives_what_torch_does(rows: int) -> None:
    torch.manual_seed(0)
    x, weight, bias = torch.randn(2, rows, 24), torch.randn(40, 24), torch.randn(40)
    with torch.inference_mode():
        ours = Dense(weight, bias, torch.float32)(x)
    torch.testing.assert_close(ours, F.linear(x, weight, bias), rtol=1e-5, atol=1e-5)
