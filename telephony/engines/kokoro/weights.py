"""Kokoro's weights on this machine: found, fetched once, checked, and kept.

    python -m telephony.engines.kokoro.weights --cache-dir DIR [--dir DIR] [--verify]

A weights directory has the hub's layout, with the voices as raw numbers, and a manifest:

    kokoro-v1_0.pth   folded.safetensors   config.json   voices/NAME.bin   manifest.json

It is prepared under another name and renamed when it is complete, so what has the final name is whole.
Processes that start at once take turns at a lock. Nothing touches the network once the weights are there.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from telephony.engines.kokoro.layout import (
    CONFIG_FILE,
    FOLDED_FILE,
    MODEL_FILE,
    VOICE_SHAPE,
    VOICES_DIR,
    SourceError,
    import_directory,
    sha256_of,
)
from telephony.engines.kokoro.own_voices import OwnVoice, find_voices
from telephony.engines.kokoro.sources import SOURCES
from telephony.telemetry import logs

_MANIFEST = "manifest.json"
_FETCHED = "kokoro-v1_0"
_HUB_LAYOUT = f"{MODEL_FILE}, {CONFIG_FILE} and {VOICES_DIR}/*.pt"
_FORMAT = 2  # of the directory; another number means: prepare it anew, from what is there if that is of format 1

log = structlog.get_logger()


class WeightsError(RuntimeError):
    """There are no usable weights; the message says what to do."""


@dataclass(frozen=True)
class KokoroWeights:
    """A complete weights directory. `KModel(repo_id, str(config_path), str(model_path))` loads it offline."""

    model_path: Path  # kokoro-v1_0.pth: {module: state dict}, float32
    folded_path: Path  # what `parameters.load_parameters` takes
    config_path: Path  # hyper-parameters and vocabulary, JSON
    voices_dir: Path  # NAME.bin each
    source: str  # 'hub', 'npm fp32', 'pip int8, dequantised', 'directory'
    revision: str  # the hub's revision, or the sha256 of the file that the model was made from
    own_voices: Mapping[str, OwnVoice] = field(default_factory=dict)  # besides those of `voices_dir`

    def voice_names(self) -> tuple[str, ...]:
        """The voices, sorted, such as 'af_sky'."""
        return tuple(sorted([*(path.stem for path in self.voices_dir.glob("*.bin")), *self.own_voices]))

    def with_own(self, directory: Path | None) -> KokoroWeights:
        """The same with the voices of a directory of one's own, if there is one."""
        if directory is None:
            return self
        return replace(self, own_voices=find_voices(directory, self.voice_names()))

    def load_voice(self, name: str) -> NDArray[np.float32]:
        """The voice's style vectors: float32 of shape (510, 1, 256), one vector per length in phonemes - 1.

        Raises WeightsError where there is no such voice.
        """
        if name not in self.voice_names():
            raise WeightsError(f"no voice {name!r}; there are: {', '.join(self.voice_names())}")
        if name in self.own_voices:
            return self.own_voices[name].styles
        values = np.fromfile(self.voices_dir / f"{name}.bin", dtype="<f4")
        return values.astype(np.float32, copy=False).reshape(VOICE_SHAPE)

    def voice_digest(self, name: str) -> str:
        """The sha256 of the voice's style vectors, as the manifest has it. Raises WeightsError as `load_voice`."""
        if name in self.own_voices:
            return self.own_voices[name].digest
        files = _manifest_files(self.model_path.parent)
        entry = files.get(f"{VOICES_DIR}/{name}.bin")
        if entry is None:
            raise WeightsError(f"no voice {name!r}; there are: {', '.join(self.voice_names())}")
        return str(entry["sha256"])


def find_weights(cache_dir: Path, given_dir: Path | None = None) -> KokoroWeights | None:
    """The weights that are here, or None. Takes no network, and reads only the manifest and the files' sizes.

    `given_dir` is a weights directory, or one in the hub's layout, whose copy in `cache_dir` is returned.
    """
    if given_dir is None:
        return _read(cache_dir / _FETCHED)
    return _read(given_dir) or _read(cache_dir / _name_of_copy(given_dir))


def ensure_weights(cache_dir: Path, given_dir: Path | None = None) -> KokoroWeights:
    """The weights that are here; else prepare them in `cache_dir`.

    They come from `given_dir` if there is one, which then has to have them, else from the first source that
    delivers. That may take minutes; after an interruption, archives that were complete are not fetched again.

    Raises:
        WeightsError: nothing delivers, `given_dir` holds no weights, or `cache_dir` cannot be written.
    """
    weights = find_weights(cache_dir, given_dir)
    if weights is None:
        try:
            cache_dir.mkdir(parents=True, exist_ok=True)
            with _lock(cache_dir / "lock"):
                # Another process may have prepared them while this one waited.
                weights = find_weights(cache_dir, given_dir) or _prepare(cache_dir, given_dir)
        except OSError as error:
            raise WeightsError(
                f"cannot prepare the weights: {error}. {cache_dir} must be writable and have 2 GB free"
            ) from error
    return weights


def verify_weights(weights: KokoroWeights) -> None:
    """Compare the sha256 of every file with the manifest (a second or two). Raises WeightsError."""
    root = weights.model_path.parent
    expected = {name: entry["sha256"] for name, entry in _manifest(root)["files"].items()}
    actual = {name: sha256_of(root / name) for name in expected if (root / name).is_file()}
    damaged = [name for name in expected if actual.get(name) != expected[name]]
    if damaged:
        raise WeightsError(f"damaged weights: {', '.join(damaged)}. Delete {root} and start again")


def _prepare(cache_dir: Path, given_dir: Path | None) -> KokoroWeights:
    """Fill a staging directory, and rename it when it is complete."""
    from telephony.engines.kokoro.parameters import fold

    final = cache_dir / (_FETCHED if given_dir is None else _name_of_copy(given_dir))
    staging = cache_dir / f".{final.name}.staging"
    downloads = cache_dir / "downloads"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    if given_dir is not None:
        source, revision = _copy(given_dir, staging)
    elif _of_format_1(final) is not None:
        source, revision = _copy(final, staging)
    else:
        source, revision = _fetch(downloads, staging)
    fold(staging / MODEL_FILE, staging / FOLDED_FILE)
    _write_manifest(staging, source, revision)
    if final.exists():  # it is there but did not pass
        shutil.rmtree(final)
    staging.rename(final)
    shutil.rmtree(downloads, ignore_errors=True)
    return _weights(final, source, revision)


def _fetch(downloads: Path, staging: Path) -> tuple[str, str]:
    """Let the first source that can fill `staging`. Returns (source, revision). Raises WeightsError."""
    reasons = []
    for source in SOURCES:
        try:
            return source.name, source.fetch(downloads, staging)
        except SourceError as error:
            log.warning("weights_source_failed", source=source.name, error=str(error))
            reasons.append(f"  {source.name}: {error}")
            shutil.rmtree(staging)
            staging.mkdir()
    advice = f"Start once with network access, or give a directory with {_HUB_LAYOUT}"
    raise WeightsError("\n".join(["no source delivers Kokoro's weights:", *reasons, advice]))


def _copy(given_dir: Path, staging: Path) -> tuple[str, str]:
    """Fill `staging` from a directory in the hub's layout. Returns (source, revision). Raises WeightsError.

    A directory that was prepared in format 1 keeps them; else the revision is the model's sha256.
    """
    try:
        import_directory(given_dir, staging)
    except SourceError as error:
        advice = f"It must hold {_HUB_LAYOUT}; without a given directory the weights are downloaded"
        raise WeightsError(f"no weights in the given directory: {error}. {advice}") from error
    return _of_format_1(given_dir) or ("directory", sha256_of(staging / MODEL_FILE))


def _of_format_1(root: Path) -> tuple[str, str] | None:
    """Source and revision of a directory that was prepared before there were folded parameters."""
    try:
        manifest = json.loads((root / _MANIFEST).read_text())
        return (str(manifest["source"]), str(manifest["revision"])) if manifest["format"] == 1 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _name_of_copy(given_dir: Path) -> str:
    """The copy's directory name, another one as soon as a file in the given directory changes."""
    files = [given_dir / MODEL_FILE, given_dir / CONFIG_FILE, *sorted((given_dir / VOICES_DIR).glob("*"))]
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.is_file()]
    return f"directory-{hashlib.sha256(repr(stats).encode()).hexdigest()[:12]}"


def _read(root: Path) -> KokoroWeights | None:
    """The weights in `root`, if its manifest can be read and every file has the size that it says."""
    if not (root / _MANIFEST).exists() or _of_format_1(root) is not None:
        return None
    try:
        manifest = _manifest(root)
    except WeightsError as error:
        log.warning("weights_unusable", error=str(error))
        return None
    for name, entry in manifest["files"].items():
        path = root / name
        if not path.is_file() or path.stat().st_size != entry["size"]:
            log.warning("weights_unusable", error=f"{path} is missing or truncated: {root} is not used")
            return None
    return _weights(root, manifest["source"], manifest["revision"])


def _weights(root: Path, source: str, revision: str) -> KokoroWeights:
    return KokoroWeights(root / MODEL_FILE, root / FOLDED_FILE, root / CONFIG_FILE, root / VOICES_DIR, source, revision)


def _write_manifest(root: Path, source: str, revision: str) -> None:
    files = {
        path.relative_to(root).as_posix(): {"size": path.stat().st_size, "sha256": sha256_of(path)}
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
    manifest = {"format": _FORMAT, "source": source, "revision": revision, "files": files}
    (root / _MANIFEST).write_text(json.dumps(manifest, indent=1))


def _manifest(root: Path) -> dict[str, Any]:
    """The manifest, of which each field is there and of the right type. Raises WeightsError."""
    path = root / _MANIFEST
    try:
        manifest = json.loads(path.read_text())
        strings = [manifest["source"], manifest["revision"]]
        for entry in manifest["files"].values():
            strings.append(entry["sha256"])
            int(entry["size"])
        whole = manifest["format"] == _FORMAT and {MODEL_FILE, FOLDED_FILE, CONFIG_FILE} <= manifest["files"].keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} cannot be used ({error!r}): delete {root} and start again") from error
    if not whole or not all(isinstance(string, str) for string in strings):
        raise WeightsError(f"{path} is of another format: delete {root} and start again")
    return dict(manifest)


@cache
def _manifest_files(root: Path) -> dict[str, Any]:
    """The entries of the files of a directory that is in use."""
    return dict(_manifest(root)["files"])


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock file, across processes. The system lets go of it when the holder dies."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("weights_awaited", reason="another process is preparing them")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; prints one line of what was found. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Find Kokoro's weights, or fetch them.")
    parser.add_argument("--cache-dir", type=Path, required=True, help="where fetched weights are kept")
    parser.add_argument("--dir", type=Path, help="a directory that holds the weights; nothing is downloaded")
    parser.add_argument("--verify", action="store_true", help="check the sha256 of every file")
    options = parser.parse_args(argv)
    logs.configure("info", "logfmt")
    try:
        weights = ensure_weights(options.cache_dir, options.dir)
        if options.verify:
            verify_weights(weights)
    except WeightsError as error:
        print(error, file=sys.stderr)
        return 1
    voices = len(weights.voice_names())
    where = weights.model_path.parent
    print(f"Kokoro weights: {weights.source}, {weights.revision[:12]}, {voices} voices, in {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
