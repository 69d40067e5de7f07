"""The published Kokoro-82M ONNX exports (fp32 and int8) as a state dict of `kokoro.KModel`.

The fp32 import loses nothing: the exporter only moved numbers about. What it did, and what is undone here:

* `encoder.` / `decoder.` wrap KModel's submodules; the predictor's F0, N and `shared` lost their parent.
* Weights of MatMul, LSTM and weight-normed convolutions lost their names, but the node that uses one is
  called by its module's path. ALBERT runs one layer twelve times: the first such node has the bare path.
* MatMul weights are transposed. LSTM gates are in the order i, o, f, c instead of torch's i, f, g, o.
* Weight norm is folded: with the folded weight as `weight_v` and its norm as `weight_g` it folds to the same.
* Instance norms inside AdaIN had the identity as affine parameters, and lost them.

The int8 file is the same graph after onnxruntime's dynamic quantisation: each weight W became the integers
`W_quantized`, to be shifted by a zero point and scaled by `W_scale`; here it becomes fp32 again.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

Array = np.ndarray[Any, np.dtype[Any]]

_QUANTIZED = "_quantized"
_TORCH_NAMED = ("encoder.", "decoder.")
_NOT_PARAMETERS = ("_quantized", "_scale", "_zero_point", "_reshape_shape")
_WITH_WEIGHT = frozenset(
    {"MatMul", "MatMulInteger", "Conv", "ConvInteger", "ConvTranspose", "LSTM", "DynamicQuantizeLSTM"}
)
# The inverse STFT's constants: KModel computes them itself.
_COMPUTED = "decoder.generator.stft."
# An AdaIN's style projection; its sibling `norm` is the instance norm without parameters in the export.
_ADAIN = re.compile(r"(.+\.(?:norm\d|adain\d\.\d))\.fc\.bias")


def import_onnx(path: Path) -> dict[str, torch.Tensor]:
    """State dict (flat names as in `KModel.state_dict()`, float32) of the ONNX export at `path`.

    Complete but for `bert.pooler.*`: KModel never uses its output, so the export lacks it.

    Raises:
        google.protobuf.message.DecodeError: the file is not ONNX.
        KeyError: the file is a quantised model of another kind.
    """
    import onnx

    graph = onnx.load(str(path)).graph
    constants = _Constants(graph)
    parameters = itertools.chain(_named_parameters(constants), _node_parameters(graph, constants))
    return {name: torch.from_numpy(np.array(value, dtype=np.float32)) for name, value in parameters}


class _Constants(Mapping[str, Array]):
    """The graph's constants by name, the quantised ones as float32 under their name before quantisation.

    Each is made when it is asked for, and not kept: all of them at once would be the model once more in memory.
    """

    def __init__(self, graph: Any) -> None:
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        # Found through the nodes because equal zero points share one name. The weights of other operators
        # (embeddings, LSTMs) are int8 with zero point 0.
        integer = [node for node in graph.node if node.op_type in ("MatMulInteger", "ConvInteger")]
        self._zero_points = {node.input[1]: node.input[3] for node in integer}
        # The name of each one, to the name of the tensor that holds it.
        self._stored = {
            name.removesuffix(_QUANTIZED): name
            for name in self._tensors
            if name.endswith(_QUANTIZED) or not name.endswith(_NOT_PARAMETERS)
        }

    def __getitem__(self, name: str) -> Array:
        stored = self._stored[name]
        value = self._array(stored)
        if not stored.endswith(_QUANTIZED):
            return value
        scale = self._array(f"{name}_scale").astype(np.float32)
        if value.ndim == 3:  # a convolution's one scale, or an LSTM's one per direction (the first axis)
            scale = scale.reshape(-1, 1, 1)
        zero_point = self._array(self._zero_points[stored]) if stored in self._zero_points else 0
        shifted: Array = value.astype(np.float32) - np.asarray(zero_point, dtype=np.float32)
        return shifted * scale

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def __contains__(self, name: object) -> bool:
        return name in self._stored  # the Mapping's own would make the array

    def _array(self, stored: str) -> Array:
        import onnx

        array: Array = onnx.numpy_helper.to_array(self._tensors[stored])
        return array


def _named_parameters(constants: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """The parameters that kept their names, and the identity norms that go with them."""
    for name, value in constants.items():
        parameter = _torch_name(name)
        if not name.startswith(_TORCH_NAMED) or parameter.startswith(_COMPUTED):
            continue
        yield parameter, value
        if adain := _ADAIN.fullmatch(parameter):
            channels = len(value) // 2  # the projection gives a gain and an offset for each channel
            yield f"{adain[1]}.norm.weight", np.ones(channels)
            yield f"{adain[1]}.norm.bias", np.zeros(channels)


def _node_parameters(graph: Any, constants: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """The parameters that are known only by the node that uses them, in torch's layout."""
    done: set[str] = set()
    for node in graph.node:
        inputs = [name.removesuffix(_QUANTIZED) for name in node.input]
        if node.op_type not in _WITH_WEIGHT or inputs[1] not in constants or inputs[1] in done:
            continue
        done.add(inputs[1])
        module, weight = _module_of(node.name), constants[inputs[1]]
        match node.op_type:
            case "MatMul" | "MatMulInteger":
                yield f"{module}.weight", weight.T
            case "Conv" | "ConvInteger" | "ConvTranspose" if not inputs[1].startswith(_TORCH_NAMED):
                norm = np.sqrt((weight.astype(np.float64) ** 2).sum(axis=(1, 2), keepdims=True))
                # Quantisation zeroes whole channels. Their direction is any; 0 x v / |v| must not be 0 / 0.
                yield f"{module}.weight_v", np.where(norm == 0, 1, weight)
                yield f"{module}.weight_g", norm
            case "LSTM":
                yield from _lstm(module, weight, constants[inputs[2]], constants[inputs[3]])
            case "DynamicQuantizeLSTM":  # keeps its weights transposed
                recurrent = constants[inputs[2]].transpose(0, 2, 1)
                yield from _lstm(module, weight.transpose(0, 2, 1), recurrent, constants[inputs[3]])


def _lstm(module: str, weight_ih: Array, weight_hh: Array, biases: Array) -> Iterator[tuple[str, Array]]:
    """Torch's parameters of a bidirectional LSTM.

    ONNX has weights of (2 directions, 4 gates x hidden, inputs), biases of (2, 2 biases x 4 gates x hidden).
    """
    bias_ih, bias_hh = np.split(biases, 2, axis=1)
    parts = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    for part, both in parts.items():
        for values, direction in zip(both, ("", "_reverse"), strict=True):
            i, o, f, c = np.split(values, 4)
            yield f"{module}.{part}_l0{direction}", np.concatenate([i, f, c, o])


def _module_of(node_name: str) -> str:
    """'/encoder/text_encoder/cnn.0/cnn.0.0/Conv' -> 'text_encoder.cnn.0.0'."""
    path = node_name.strip("/").split("/")[:-1]
    # A member of a list is written with its list's name before it, sometimes after the list itself.
    following = [*path[1:], ""]
    parts = [part for part, inner in zip(path, following, strict=True) if not inner.startswith(f"{part}.")]
    return _torch_name(".".join(parts))


def _torch_name(name: str) -> str:
    """'encoder.F0.0.conv1' -> 'predictor.F0.0.conv1', 'decoder.decoder.encode' -> 'decoder.encode'."""
    inner = name.partition(".")[2]
    return f"predictor.{inner}" if inner.split(".")[0] in ("F0", "N", "shared") else inner
