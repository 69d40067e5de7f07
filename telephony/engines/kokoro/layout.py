"""The files of a weights directory: their names, formats and checksums, and how they are written.

kokoro-v1_0.pth      {module: state dict}, as `kokoro.KModel` loads it; the hub's own format
folded.safetensors   the same parameters as the engine takes them, made of that file (`parameters.fold`)
config.json          the hyper-parameters and the vocabulary
voices/NAME.bin      raw little-endian float32 of 510 x 1 x 256 (on the hub: NAME.pt, a tensor of that shape)
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

MODEL_FILE = "kokoro-v1_0.pth"
FOLDED_FILE = "folded.safetensors"
CONFIG_FILE = "config.json"
VOICES_DIR = "voices"
VOICE_SHAPE = (510, 1, 256)  # one style vector for each length of text in phonemes

_VOICE_BYTES = 510 * 256 * 4
_MODULES = frozenset({"bert", "bert_encoder", "predictor", "text_encoder", "decoder"})


class SourceError(Exception):
    """Weights cannot be had from here; the message says why."""


def import_directory(source: Path, target: Path) -> None:
    """Copy weights in the hub's layout to `target` (empty), where voices become `*.bin` if they are `*.pt`.

    Raises SourceError where something is missing or is not what its name says.
    """
    import torch

    voices = sorted([*(source / VOICES_DIR).glob("*.pt"), *(source / VOICES_DIR).glob("*.bin")])
    missing = [name for name in (MODEL_FILE, CONFIG_FILE) if not (source / name).is_file()]
    if missing or not voices:
        raise SourceError(f"{source} lacks {', '.join([*missing, *([] if voices else ['voices/*.pt'])])}")
    modules = _load(source / MODEL_FILE)
    if not isinstance(modules, dict) or modules.keys() != _MODULES:
        raise SourceError(f"{source / MODEL_FILE} is not a Kokoro model")
    shutil.copyfile(source / MODEL_FILE, target / MODEL_FILE)
    shutil.copyfile(source / CONFIG_FILE, target / CONFIG_FILE)
    for voice in voices:
        if voice.suffix == ".bin":
            content = voice.read_bytes()
        else:
            content = _load(voice).to(torch.float32).numpy().astype("<f4").tobytes()
        write_voice(target, voice.stem, content)


def sha256_of(path: Path) -> str:
    """The file's sha256, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def check_sha256(path: Path, expected: str) -> None:
    """Raise SourceError where the sha256 is another one, and delete the file so that it is fetched anew."""
    if (actual := sha256_of(path)) != expected:
        path.unlink()
        raise SourceError(f"{path.name} has the wrong sha256 ({actual}, not {expected}) and was deleted")


def save_model(onnx: Path, path: Path) -> None:
    """Write the ONNX model in the hub's format, complete, so that KModel's strict loading accepts it."""
    import torch

    from telephony.engines.kokoro.onnx_import import import_onnx

    modules: dict[str, dict[str, torch.Tensor]] = {}
    for name, value in import_onnx(onnx).items():
        module, _, parameter = name.partition(".")
        modules.setdefault(module, {})[parameter] = value
    # KModel computes the pooler's output but never uses it, so the ONNX file lacks it. This file must not:
    # where a name is missing, KModel takes all names for prefixed ones, and then silently loads none of them.
    width = len(modules["bert"]["encoder.embedding_hidden_mapping_in.bias"])
    modules["bert"] |= {"pooler.weight": torch.zeros(width, width), "pooler.bias": torch.zeros(width)}
    torch.save(modules, path)


def _load(path: Path) -> Any:
    """What `torch.save` wrote to `path`: tensors and plain containers, never code. Raises SourceError."""
    import pickle

    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise SourceError(f"{path} cannot be read: {one_line(error)}") from error


def write_voice(root: Path, name: str, content: bytes) -> None:
    """Write one voice into a weights directory. Raises SourceError where it has not a voice's size."""
    if len(content) != _VOICE_BYTES:
        raise SourceError(f"the voice {name} has {len(content)} bytes instead of {_VOICE_BYTES}")
    (root / VOICES_DIR).mkdir(exist_ok=True)
    (root / VOICES_DIR / f"{name}.bin").write_bytes(content)


def one_line(error: object) -> str:
    """The message, on one line and of bounded length; an exception without one is named by its class."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}..."
