"""A Supertonic model of a few kilobytes: the files, inputs and outputs of the real one, with a sine for a voice.

It says nothing, but everything that it is told can be heard: the loudness is the voice's, times the steps that were
made; the length follows from the characters and from the language.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SAMPLE_RATE = 44_100
BLOCK_SAMPLES = 3072
CYCLES = 42
"""Of the sine in a block: 603 Hz."""
LOUDNESS = {
    f"{kind}{number}": 0.3 + 0.02 * index
    for index, (kind, number) in enumerate((kind, number) for kind in "FM" for number in range(1, 6))
}
"""Of each voice, at ten steps."""

_LATENT = 144
# ASCII, what composed letters are taken apart into, and Korean.
_KNOWN = (*range(32, 127), *range(0x300, 0x370), *range(0x1100, 0x1200))

_Tensors = dict[str, tuple[Any, list[Any]]]


def duration_s(text: str, language: str, speed: float = 1.0) -> float:
    """How long the model speaks for a text as the package gives it to the model, without its language's marks."""
    marked = f"<{language}>{text}</{language}>"
    return (0.05 * len(marked) + 0.01 * ord(language[1])) / (1.05 * speed)


def write(directory: Path) -> None:
    """Writes the model as the model hub has it."""
    onnx_dir, styles = directory / "onnx", directory / "voice_styles"
    onnx_dir.mkdir(parents=True)
    styles.mkdir()
    config = {
        "ae": {"sample_rate": SAMPLE_RATE, "base_chunk_size": 512},
        "ttl": {"chunk_compress_factor": 6, "latent_dim": 24},
    }
    (onnx_dir / "tts.json").write_text(json.dumps(config))
    known = set(_KNOWN)
    (onnx_dir / "unicode_indexer.json").write_text(
        json.dumps([code if code in known else -1 for code in range(65_536)])
    )
    for name, loudness in LOUDNESS.items():
        style = {"dims": [1, 1, 2], "data": [[[loudness, loudness]]]}
        (styles / f"{name}.json").write_text(json.dumps({"style_ttl": style, "style_dp": style}))

    text: _Tensors = {"text_ids": (TensorProto.INT64, ["B", "T"]), "text_mask": (TensorProto.FLOAT, ["B", 1, "T"])}
    style_of: _Tensors = {name: (TensorProto.FLOAT, ["B", "S", "D"]) for name in ("style_dp", "style_ttl")}
    latent: tuple[Any, list[Any]] = (TensorProto.FLOAT, ["B", _LATENT, "L"])
    step: tuple[Any, list[Any]] = (TensorProto.FLOAT, ["B"])
    _save(
        onnx_dir / "duration_predictor.onnx",
        {**text, "style_dp": style_of["style_dp"]},
        {"duration": step},
        [
            helper.make_node("ReduceSum", ["text_mask", "last_two"], ["characters"], keepdims=0),
            helper.make_node("Mul", ["characters", "per_character"], ["spoken"]),
            helper.make_node("Gather", ["text_ids", "third"], ["letter"], axis=1),
            helper.make_node("Cast", ["letter"], ["code"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["code", "per_code"], ["shift"]),
            helper.make_node("Add", ["spoken", "shift"], ["duration"]),
        ],
        last_two=np.array([1, 2]),
        third=np.array(2),
        per_character=np.float32(0.05),
        per_code=np.float32(0.01),
    )
    _save(
        onnx_dir / "text_encoder.onnx",
        {**text, "style_ttl": style_of["style_ttl"]},
        {"text_emb": (TensorProto.FLOAT, ["B", 1, "T"])},
        [helper.make_node("Identity", ["text_mask"], ["text_emb"])],
    )
    _save(
        onnx_dir / "vector_estimator.onnx",
        {
            "noisy_latent": latent,
            "text_emb": (TensorProto.FLOAT, ["B", "E", "T"]),
            "style_ttl": style_of["style_ttl"],
            "text_mask": text["text_mask"],
            "latent_mask": (TensorProto.FLOAT, ["B", 1, "L"]),
            "current_step": step,
            "total_step": step,
        },
        {"denoised_latent": latent},
        [  # the noise goes with step 0, every step adds a tenth of the voice
            helper.make_node("Min", ["current_step", "one"], ["is_later"]),
            helper.make_node("Mul", ["noisy_latent", "is_later"], ["kept"]),
            helper.make_node("ReduceMean", ["style_ttl"], ["voice"], axes=[1, 2], keepdims=1),
            helper.make_node("Mul", ["voice", "tenth"], ["part"]),
            helper.make_node("Mul", ["part", "latent_mask"], ["masked"]),
            helper.make_node("Add", ["kept", "masked"], ["denoised_latent"]),
        ],
        one=np.float32(1),
        tenth=np.float32(0.1),
    )
    sine = np.sin(2 * np.pi * CYCLES * np.arange(BLOCK_SAMPLES) / BLOCK_SAMPLES).astype(np.float32)
    _save(
        onnx_dir / "vocoder.onnx",
        {"latent": latent},
        {"wav_tts": (TensorProto.FLOAT, ["B", "N"])},
        [
            helper.make_node("ReduceMean", ["latent"], ["loudness"], axes=[1], keepdims=0),
            helper.make_node("Unsqueeze", ["loudness", "last"], ["column"]),
            helper.make_node("MatMul", ["column", "sine"], ["blocks"]),
            helper.make_node("Flatten", ["blocks"], ["wav_tts"]),
        ],
        last=np.array([-1]),
        sine=sine[None, :],
    )


def _save(
    path: Path,
    inputs: _Tensors,
    outputs: _Tensors,
    nodes: list[Any],
    **constants: object,
) -> None:
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(name, *shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, *shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
