"""Voices of one's own: files that are taken, and files that are refused with a reason."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from telephony.engines.kokoro.own_voices import find_voices, read
from tests.clients import EventLog

STYLES = np.linspace(-1, 1, 510 * 256, dtype=np.float32).reshape(510, 1, 256)


def write(path: Path, values: np.ndarray = STYLES) -> None:
    if path.suffix == ".pt":
        torch.save(torch.from_numpy(values), path)
    elif path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        np.savez_compressed(path, values)
    else:
        save_file({"voice": values}, path)


def test_every_format_is_read_as_the_same_voice(tmp_path: Path) -> None:
    for name in ("af_one.pt", "bm_two.npy", "ef_three.npz", "zm_four-2.safetensors"):
        write(tmp_path / name)
    write(tmp_path / "pf_five.npy", STYLES.astype(np.float64))
    found = find_voices(tmp_path, ())
    assert sorted(found) == ["af_one", "bm_two", "ef_three", "pf_five", "zm_four-2"]
    assert len({voice.digest for voice in found.values()}) == 1
    for voice in found.values():
        np.testing.assert_array_equal(voice.styles, STYLES)


class Code:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return exec, ("raise SystemExit",)


def _nan(path: Path) -> None:
    write(path, np.where(STYLES > 0.9, np.float32(np.nan), STYLES))


def _bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("voice.npy", bytes(8 * 2**20))


def _code(path: Path) -> None:
    path.write_bytes(pickle.dumps(Code(), 2))


@pytest.mark.parametrize(
    ("name", "make", "why"),
    [
        ("anna.npy", write, "a name is a language letter"),
        ("af_anna.npy", lambda path: write(path, STYLES[:500]), r"its shape is \(500, 1, 256\)"),
        ("af_anna.npy", _nan, "its figures are not all within"),
        ("af_anna.npy", lambda path: write(path, STYLES.astype(np.int32)), "int32 in place of floats"),
        ("af_anna.npy", lambda path: path.write_bytes(bytes(5 * 2**20)), "at most 4194304 bytes"),
        ("af_anna.npz", _bomb, "unpacks to at most"),
        ("af_anna.npz", lambda path: np.savez(path, STYLES, STYLES[:1]), "it holds 2 arrays"),
        ("af_anna.npz", lambda path: path.write_bytes(b"PK\3\4 cut off"), "read|pickle|zip"),
        ("af_anna.npy", _code, "pickle"),
        ("af_anna.pt", _code, "it cannot be read"),
        ("af_anna.pt", lambda path: torch.save({"a": 1}, path), "it holds no tensor"),
        ("af_anna.safetensors", lambda path: path.write_bytes(b"x" * 99), "it cannot be read"),
        ("af_sky.npy", write, "there is a voice of that name"),
    ],
)
def test_what_is_no_voice_is_refused(
    tmp_path: Path, name: str, make: Callable[[Path], None], why: str, events: EventLog
) -> None:
    make(tmp_path / name)
    assert find_voices(tmp_path, ("af_sky",)) == {}
    (refused,) = events.found("voice_file_refused")
    assert refused["path"] == str(tmp_path / name)
    assert re.search(why, refused["why"])


def test_a_directory_that_is_none_is_told(tmp_path: Path, events: EventLog) -> None:
    assert find_voices(tmp_path / "none", ()) == {}
    assert len(events.found("voice_file_refused")) == 1


def test_a_voice_that_cannot_be_opened_raises(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        read(tmp_path / "af_anna.pt")
