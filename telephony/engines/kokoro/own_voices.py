"""Voices of one's own: a file each, of style vectors as Kokoro's voices have them.

    af_anna.pt   bm_ben.npy   ef_clara.npz   zm_dan.safetensors

The name's first letter is the language, the second f or m. A file is checked before it is used: what does not fit is
logged and left out. No format may bring code.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from telephony.engines.kokoro.languages import LANGUAGES
from telephony.engines.kokoro.layout import VOICE_SHAPE, one_line

MAX_VOICES = 64
"""How many are taken of a directory: each is half a megabyte in memory."""

_MAX_BYTES = 4 * 2**20
# Those of Kokoro's voices lie within 3.
_LARGEST = 100.0
_NAME = re.compile(rf"[{''.join(LANGUAGES)}][fm]_[A-Za-z0-9_-]{{1,40}}")

log = structlog.get_logger()


@dataclass(frozen=True, eq=False)
class OwnVoice:
    """Style vectors, float32 of `VOICE_SHAPE`, and the sha256 of their little-endian bytes."""

    styles: NDArray[np.float32]
    digest: str


def find_voices(directory: Path, taken: Collection[str]) -> dict[str, OwnVoice]:
    """The voices of a directory by name. What cannot be used is logged, and so is a directory that is none.

    Args:
        directory: files of other kinds in it are passed by.
        taken: names that voices have already.
    """
    found: dict[str, OwnVoice] = {}
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix in _READERS)
    except OSError as error:
        log.warning("voice_file_refused", path=str(directory), why=error.strerror or str(error))
        return {}
    for path in paths:
        if len(found) == MAX_VOICES:
            why = f"a directory has at most {MAX_VOICES} voices"
        elif path.stem in taken or path.stem in found:
            why = "there is a voice of that name"
        else:
            try:
                found[path.stem] = read(path)
                continue
            except (OSError, ValueError) as error:
                why = one_line(error)
        log.warning("voice_file_refused", path=str(path), why=why)
    if found:
        log.info("voice_files_found", path=str(directory), voices=sorted(found))
    return found


def read(path: Path) -> OwnVoice:
    """A voice's file.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is none. The message says why.
    """
    if _NAME.fullmatch(path.stem) is None:
        raise ValueError(f"a name is a language letter ({' '.join(LANGUAGES)}), f or m, and _NAME, such as af_anna")
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"a file has at most {_MAX_BYTES} bytes")
    try:
        _check_archive(path)
        values = _READERS[path.suffix](path)
    except (
        zipfile.BadZipFile,
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        raise ValueError(f"it cannot be read: {one_line(error)}") from error
    if values.shape != VOICE_SHAPE:
        raise ValueError(f"its shape is {values.shape}, not {VOICE_SHAPE}")
    if values.dtype.kind != "f":
        raise ValueError(f"it has {values.dtype} in place of floats")
    styles = values.astype("<f4")
    if not np.isfinite(styles).all() or np.abs(styles).max() > _LARGEST:
        raise ValueError(f"its figures are not all within {_LARGEST:g}")
    return OwnVoice(styles.astype(np.float32, copy=False), hashlib.sha256(styles.tobytes()).hexdigest())


def _check_archive(path: Path) -> None:
    """A small archive may hold much. Raises ValueError."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MAX_BYTES:
                raise ValueError(f"a file unpacks to at most {_MAX_BYTES} bytes")


def _read_pt(path: Path) -> NDArray[np.generic]:
    import torch

    tensor = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(tensor, torch.Tensor):
        raise TypeError("it holds no tensor")
    values: NDArray[np.generic] = tensor.detach().to(torch.float32).numpy()
    return values


def _read_npy(path: Path) -> NDArray[np.generic]:
    values: NDArray[np.generic] = np.load(path, allow_pickle=False)
    if not isinstance(values, np.ndarray):
        raise TypeError("it holds no array")
    return values


def _read_npz(path: Path) -> NDArray[np.generic]:
    # Opened here: what is no archive is left open by numpy.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return _only(dict(arrays))


def _read_safetensors(path: Path) -> NDArray[np.generic]:
    import safetensors
    from safetensors.numpy import load_file

    try:
        return _only(load_file(path))
    except safetensors.SafetensorError as error:
        raise ValueError(f"it cannot be read: {one_line(error)}") from error


def _only(arrays: dict[str, NDArray[np.generic]]) -> NDArray[np.generic]:
    if len(arrays) != 1:
        raise ValueError(f"it holds {len(arrays)} arrays, not one")
    (values,) = arrays.values()
    return values


_READERS: dict[str, Callable[[Path], NDArray[np.generic]]] = {
    ".pt": _read_pt,
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
}
