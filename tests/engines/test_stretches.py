"""Residual blocks over stretches give what the blocks of torch's operations give, wherever the stretch lies."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from telephony.engines.kokoro.kernels import Kernels, TorchKernels, compiled_kernels
from telephony.engines.kokoro.layers import ExactNorms, FixedNorms, Norms, ResBlock, layers_of
from telephony.engines.kokoro.native import NativeKernels
from telephony.engines.kokoro.parameters import Parameters
from telephony.engines.kokoro.quantised import QuantisedSnakeConv, largest
from telephony.engines.kokoro.stretches import Stretch, StretchBlock, declare
from telephony.engines.kokoro.windows import WINDOW_FRAMES, stretched

CPU = torch.device("cpu")
CHANNELS, SITES = 64, 6
TAPS = (3, 7, 11)


def parameters(taps: int) -> Parameters:
    """Those of a residual block, at random."""
    torch.manual_seed(taps)
    tensors: dict[str, Tensor] = {}
    for step in range(3):
        for half in (1, 2):
            convolution = nn.Conv1d(CHANNELS, CHANNELS, taps).state_dict()
            tensors |= {f"convs{half}.{step}.{name}": tensor for name, tensor in convolution.items()}
            tensors[f"alpha{half}.{step}"] = torch.rand(1, CHANNELS, 1) + 0.5
    return Parameters(tensors, CPU)


class Blocks:
    """One residual block in both forms, behind the norms of two utterances."""

    def __init__(self, kernels: Kernels, taps: int) -> None:
        source = parameters(taps)
        self.gain, self.beta = torch.rand(2, SITES * CHANNELS) + 1, torch.randn(2, SITES * CHANNELS)
        self.offsets = [site * CHANNELS for site in range(SITES + 1)]
        alphas = [alpha.flatten() for _, alpha, _ in layers_of(source)]
        reaches = [
            largest(self.gain[:, low:high], self.beta[:, low:high], alpha)
            for (low, high), alpha in zip(pairwise(self.offsets), alphas, strict=True)
        ]
        block = kernels.block(source, 0, reaches)
        assert isinstance(block, StretchBlock)
        self.ours = block

        def layer(convolution: Parameters, alpha: Tensor, dilation: int, site: int) -> nn.Module:
            return QuantisedSnakeConv(convolution, alpha, dilation, reaches[site], torch.float32, TorchKernels())

        self.plain = ResBlock(source, 0, layer)

    def fixed(self, batch: int = 1) -> FixedNorms:
        return FixedNorms(self.gain[:batch], self.beta[:batch], self.offsets)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    found = compiled_kernels(tmp_path_factory.mktemp("kernels"))
    if not found.eight_bits:
        pytest.skip("this processor multiplies eight bits by tiles, or not at all")
    return found


@pytest.fixture(scope="module", params=TAPS)
def blocks(request: pytest.FixtureRequest, kernels: Kernels) -> Blocks:
    return Blocks(kernels, request.param)


@pytest.fixture(params=[1, 2, 3], ids="{} threads".format)
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def error(ours: Tensor, plain: Tensor) -> float:
    assert ours.shape == plain.shape
    return float((ours.float() - plain).std() / plain.std())


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("steps", [1, 11, 12, 13, 50, 200])
def test_a_whole_utterance_is_that_of_torch_s_operations(blocks: Blocks, steps: int) -> None:
    x = torch.randn(2, steps, CHANNELS)
    before = x.clone()
    for norms in (blocks.fixed(2), ExactNorms(blocks.gain, blocks.beta, blocks.offsets, TorchKernels())):
        made: Norms = norms
        ours, plain = blocks.ours(x, made), blocks.plain(x, made)
        # A step is rounded to either side where it lies between two.
        assert error(ours, plain) < 0.01
    torch.testing.assert_close(x, before, rtol=0, atol=0)


def test_in_bf16_it_is_the_same_but_for_its_rounding(blocks: Blocks) -> None:
    x = torch.randn(1, 70, CHANNELS).bfloat16()
    ours = blocks.ours(x, blocks.fixed())
    assert ours.dtype == torch.bfloat16
    assert error(ours, blocks.plain(x.float(), blocks.fixed())) < 0.02


STEPS = 150


@settings(max_examples=60, deadline=None)
@given(first=st.integers(0, STEPS - 1), length=st.integers(1, STEPS), more=st.integers(0, 9), threads=st.integers(1, 3))
def test_a_stretch_is_a_part_of_the_whole_to_the_bit(
    blocks: Blocks, first: int, length: int, more: int, threads: int
) -> None:
    torch.manual_seed(0)
    x = torch.randn(1, STEPS, CHANNELS)
    whole = blocks.ours(x, blocks.fixed())
    wanted = Stretch(first, min(first + length, STEPS))
    given_ = wanted.wider(blocks.ours.reach + more).within(STEPS)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    part = blocks.ours.stretch(given_.of(x).contiguous(), blocks.fixed(), given_, wanted, STEPS)
    torch.set_num_threads(before)
    torch.testing.assert_close(part, wanted.of(whole), rtol=0, atol=0)


def test_what_is_further_away_than_its_reach_does_not_matter(blocks: Blocks) -> None:
    x = torch.randn(1, STEPS, CHANNELS)
    wanted = Stretch(70, 80)
    near = wanted.wider(blocks.ours.reach).within(STEPS)
    other = torch.randn(1, STEPS, CHANNELS)
    other[:, near.first : near.last] = near.of(x)
    ours, others = (blocks.ours(each, blocks.fixed()) for each in (x, other))
    torch.testing.assert_close(wanted.of(ours), wanted.of(others), rtol=0, atol=0)


@given(first=st.integers(-5, 12), length=st.integers(0, 12), begin=st.integers(-3, 5))
def test_a_stretch_takes_zeros_where_there_is_nothing(first: int, length: int, begin: int) -> None:
    x = torch.arange(1, 9).float()[None, :, None].expand(1, 8, 2)
    wanted = Stretch(first, first + length)
    found = wanted.of(x, begin)
    expected = [float(step - begin + 1) if 0 <= step - begin < 8 else 0.0 for step in range(*wanted)]
    assert found[0, :, 0].tolist() == expected
    assert wanted.of(x[..., 0], begin)[0].tolist() == expected


@given(start=st.integers(0, 50), frames=st.integers(1, 2000))
def test_windows_of_any_length_cover_every_frame_once(start: int, frames: int) -> None:
    windows = stretched(start, start + frames)
    position = start
    for turn, (at, length) in enumerate(windows):
        assert at == position
        assert 0 < length <= 1.25 * min(WINDOW_FRAMES[0] << turn, WINDOW_FRAMES[-1])
        position += length
    assert position == start + frames


def test_a_processor_without_the_instruction_has_blocks_of_torch_s_operations() -> None:
    assert not declare(ctypes.CDLL(None))
    assert not TorchKernels().eight_bits
    assert TorchKernels().block(parameters(3), 0, []) is None


def test_a_processor_with_tiles_leaves_eight_bits_to_onednn(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(kernels, NativeKernels)
    monkeypatch.setattr("telephony.engines.kokoro.native._has_tiles", lambda: True)
    beside = NativeKernels(kernels._library)
    assert not beside.eight_bits
    assert beside.block(parameters(3), 0, []) is None
