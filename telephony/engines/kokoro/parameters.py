"""The model's parameters by name, as the rebuilt layers take them, in a file that is quickly loaded."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor


class Parameters:
    """The parameters under one name of the model, such as `decoder.generator`. Read only; any thread.

    Args:
        tensors: all of the model's, by their full names; weight norms are folded into the weights.
        device: where they are wanted.
        prefix: what all names begin with here.
    """

    def __init__(self, tensors: Mapping[str, Tensor], device: torch.device, prefix: str = "") -> None:
        self.device = device
        self._tensors, self._prefix = tensors, prefix

    def under(self, name: object) -> Parameters:
        """Those under a further name, or a number in a list."""
        return Parameters(self._tensors, self.device, f"{self._prefix}{name}.")

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self._tensors

    def __bool__(self) -> bool:
        """Whether there are any."""
        return any(name.startswith(self._prefix) for name in self._tensors)

    def __getitem__(self, name: str) -> Tensor:
        """A parameter in float32 on the device, a copy, so that the file's mapping may end. Raises KeyError."""
        return self._tensors[self._prefix + name].to(self.device, torch.float32, copy=True)

    @property
    def weight(self) -> Tensor:
        """The weight of a layer."""
        return self["weight"]

    @property
    def bias(self) -> Tensor:
        """The bias of a layer."""
        return self["bias"]


def fold(model: Path, path: Path) -> None:
    """Writes the parameters of a model file in the hub's format, weight norms folded into the weights (v * g / |v|).

    Args:
        model: {module: state dict}, as `torch.save` writes it.
        path: of the safetensors file, in float32.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's opinion on its own storages
        modules = torch.load(model, map_location="cpu", weights_only=True, mmap=True)
    folded: dict[str, Tensor] = {}
    for module, state in modules.items():
        # The hub's own file was saved from modules that were wrapped.
        named = {f"{module}.{name.removeprefix('module.')}": tensor.float() for name, tensor in state.items()}
        for name, tensor in named.items():
            if name.endswith(".weight_v"):
                norm = tensor.norm(dim=tuple(range(1, tensor.dim())), keepdim=True)
                folded[f"{name.removesuffix('_v')}"] = tensor * (named[f"{name.removesuffix('_v')}_g"] / norm)
            elif not name.endswith(".weight_g"):
                folded[name] = tensor.contiguous()
    save_file(folded, path)


def load_parameters(path: Path, device: torch.device) -> Parameters:
    """What `fold` wrote, mapped into memory rather than read.

    Raises:
        OSError: there is no such file.
        safetensors.SafetensorError: it is not such a file.
    """
    return Parameters(load_file(path), device)
