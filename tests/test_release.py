"""What is released: the sdist, the wheel as an operator installs it, and the list of what comes with it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml  # type: ignore[import-untyped]  # as in telephony.cache.prerender
from packaging.utils import canonicalize_name

from telephony import __version__
from tests.clients import ROOT, TIMEOUT_S, Daemon, tone
from tests.test_packaging import build, pins

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEXT = "Hello there."

# A line of a .pth file is run when Python starts. This one has a program say at its end whose code it ran.
TELL_ORIGIN = "import atexit; atexit.register(lambda: print(__import__('sys').modules['telephony'].__file__))"


def make(target: str, directory: Path, arguments: str = "") -> None:
    """Runs a target of the Makefile with the packages of these tests, which `setup` would install beforehand."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    variables = (f"PYTHON={sys.executable}", f"DIST={directory}", f"ARGS={arguments}")
    command = ["make", "--old-file=setup", target, *variables]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with sdist and wheel."""
    pytest.importorskip("build.__main__", reason="build is not installed")
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    directory = tmp_path_factory.mktemp("dist")
    make("dist", directory)
    return directory


@pytest.fixture(scope="module")
def environment(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel; all other packages are those of the tests, so that it needs no network."""
    directory = tmp_path_factory.mktemp("environment").resolve()
    venv.create(directory)
    (wheel,) = dist.glob("*.whl")
    install = ("install", "--quiet", "--no-deps", "--no-index", str(wheel))
    subprocess.run([sys.executable, "-m", "pip", "--python", str(directory / "bin" / "python"), *install], check=True)
    packages = [path for path in sys.path if path.endswith("-packages")]
    (site_packages(directory) / "tests.pth").write_text("\n".join([*packages, TELL_ORIGIN, ""]), encoding="utf-8")
    return directory


def site_packages(environment: Path) -> Path:
    (found,) = environment.glob("lib/python*/site-packages")
    return found


@pytest.mark.slow
def test_the_sdist_is_enough_for_the_wheel(dist: Path, tmp_path: Path) -> None:
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as from_sdist, build(ROOT, tmp_path) as from_checkout:
        assert sorted(from_sdist.namelist()) == sorted(from_checkout.namelist())
    with tarfile.open(sdist) as archive:
        names = {name.split("/")[1] for name in archive.getnames()}
    given = {"telephony", "kokoro_service.py", "sql", "CHANGELOG.md", "constraints.txt", "pyproject.toml"}
    assert names == given | {"README.md", "LICENSE", "NOTICE", "PKG-INFO", ".gitignore"}


@pytest.mark.slow
def test_an_installed_wheel_speaks_without_a_checkout(environment: Path, tmp_path: Path) -> None:
    programs, variables = environment / "bin", {"PYTHONPATH": ""}

    def run(program: str, *arguments: str) -> list[str]:
        finished = subprocess.run(
            [str(programs / program), *arguments],
            cwd=tmp_path,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert (finished.returncode, finished.stderr) == (0, "")
        return finished.stdout.splitlines()

    ports = ("--tcp-port", "0", "--udp-port", "0", "--http-port", "0")
    service = [str(programs / "kokoro-telephony")]
    flags = ("--engine", "tone", "--piper", "external", *ports)
    with Daemon(*flags, command=service, directory=tmp_path, environment=variables) as daemon:
        port = daemon.wait_ready()
        *_, origin_of_client = run("kokoro-say", TEXT, "-o", "hello.wav", "--port", str(port))
        if shutil.which("pgrep") is not None:
            found = subprocess.run(["pgrep", "-f", "bin/kokoro-telephony"], capture_output=True, text=True, check=True)
            assert str(daemon.process.pid) in found.stdout.split()
        daemon.terminate()
        assert daemon.wait_exit() == 0
    samples, sample_rate = soundfile.read(tmp_path / "hello.wav", dtype="float32")
    assert sample_rate == 24_000
    np.testing.assert_allclose(samples, tone(TEXT), atol=1e-4)
    installed = str(site_packages(environment) / "telephony" / "__init__.py")
    assert (origin_of_client, daemon.stdout[-1]) == (installed, installed)
    assert "6 keys" in run("kokoro-telephony", "--init-db", "--db", "host.db")[0]
    assert run("kokoro-telephony", "--help")[0] == "usage: kokoro-telephony [flags]"


@pytest.mark.slow
def test_the_sbom_names_every_package_that_the_service_asks_for(tmp_path: Path) -> None:
    pytest.importorskip("cyclonedx_py", reason="cyclonedx-bom is not installed")
    make("sbom", tmp_path, "--no-validate")  # 15 s, for which cyclonedx-py is to be trusted
    described = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    component = described["metadata"]["component"]
    assert (component["name"], component["version"]) == ("kokoro-telephony", __version__)
    versions = {canonicalize_name(each["name"]): each["version"] for each in described["components"]}
    asked = pins((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    applying = [pin for pin in asked if pin.marker is None or pin.marker.evaluate()]
    assert len(applying) > 30
    missing = [pin for pin in applying if versions.get(canonicalize_name(pin.name), "") not in pin.specifier]
    assert missing == []


# The hosted workflows


def jobs(workflow: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return found


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_what_is_here(workflow: Path) -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = workflow.read_text(encoding="utf-8")
    assert set(re.findall(r"\bmake (\w+)", text)) <= targets
    assert "secrets." not in text
    for job in jobs(workflow).values():
        if "uses" in job:
            assert (ROOT / job["uses"]).is_file()


def test_only_the_publishing_job_may_ask_for_a_token_and_it_comes_last() -> None:
    release = jobs(ROOT / ".github" / "workflows" / "release.yml")
    assert [name for name, job in release.items() if "id-token" in job.get("permissions", {})] == ["publish"]
    assert (release["publish"]["needs"], release["package"]["needs"]) == ("package", "checks")
