"""The file of folded parameters, and how they are named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from telephony.engines.kokoro.parameters import Parameters, fold, load_parameters

CPU = torch.device("cpu")


@pytest.fixture
def convolution() -> torch.nn.Module:
    torch.manual_seed(0)
    made: torch.nn.Module = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(3, 4, 5))
    return made


def old_names(convolution: torch.nn.Module) -> dict[str, torch.Tensor]:
    """As the weights' file has them."""
    state = convolution.state_dict()
    return {
        "conv.weight_g": state["parametrizations.weight.original0"],
        "conv.weight_v": state["parametrizations.weight.original1"],
        "conv.bias": state["bias"],
    }


@pytest.mark.parametrize("prefix", ["", "module."])
def test_weight_norms_are_folded(tmp_path: Path, convolution: torch.nn.Module, prefix: str) -> None:
    state = {prefix + name: tensor for name, tensor in old_names(convolution).items()}
    torch.save({"decoder": state}, tmp_path / "model.pth")
    fold(tmp_path / "model.pth", tmp_path / "folded")
    loaded = load_parameters(tmp_path / "folded", CPU).under("decoder").under("conv")
    torch.testing.assert_close(loaded.weight, convolution.weight)
    torch.testing.assert_close(loaded.bias, convolution.bias)
    assert "weight_v" not in loaded


def test_names_lead_to_what_is_under_them() -> None:
    parameters = Parameters({"a.0.weight": torch.ones(2), "a.0.bias": torch.zeros(2)}, CPU)
    assert parameters.under("a").under(0).weight.tolist() == [1, 1]
    assert parameters.under("a.0")
    assert not parameters.under("b")
    assert "bias" in parameters.under("a").under(0)
    with pytest.raises(KeyError):
        parameters.under("a")["weight"]


def test_what_is_taken_is_a_copy(tmp_path: Path) -> None:
    tensors = {"weight": torch.ones(2)}
    Parameters(tensors, CPU).weight.zero_()
    assert tensors["weight"].tolist() == [1, 1]
