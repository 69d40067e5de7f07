"""What is installed: the versions, and the files of each package."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from configparser import ConfigParser
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from scripts import lock
from telephony import __version__
from tests.clients import ROOT

# Beside Python modules, what the service opens at run time.
DATA = (
    "telephony/endpoints/web/index.html",
    "telephony/endpoints/web/style.css",
    "telephony/endpoints/web/main.js",
    "telephony/engines/kokoro/convolution.c",
    "telephony/engines/kokoro/kernels.c",
    "telephony/engines/kokoro/kernels.h",
    "telephony/engines/kokoro/names.tsv",
    "telephony/engines/kokoro/names_gb.tsv",
    "telephony/engines/kokoro/source.c",
    "telephony/engines/kokoro/statistics.npz",
    *(f"telephony/engines/kokoro/corpus/{language}.txt" for language in "en es fr hi it ja pt zh".split()),
    "telephony/voices/sql/001_system_config.sql",
    "telephony/voices/sql/002_speech_keys.sql",
)
CLIENTS = {
    "livekit": ("livekit_plugins_kokoro_telephony", "livekit/plugins/kokoro_telephony"),
    "pipecat": ("pipecat_kokoro_telephony", "pipecat_kokoro_telephony"),
}


def pins(text: str) -> list[Requirement]:
    return [Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("name", lock.requirements())
def test_a_requirements_file_says_what_the_project_says(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == lock.requirements()[name], "run `make lock`"


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12"])
@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_the_lock_has_every_package_in_the_version_that_the_project_chose(python: str, system: str) -> None:
    machine = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": system,
        "platform_machine": "x86_64" if system == "linux" else "arm64",
    }

    def versions(text: str) -> dict[NormalizedName, str]:
        applying = [pin for pin in pins(text) if pin.marker is None or pin.marker.evaluate(machine)]
        named = {canonicalize_name(pin.name): str(pin.specifier) for pin in applying}
        assert len(named) == len(applying)  # one version of each
        return named

    locked = versions((ROOT / lock.CONSTRAINTS).read_text(encoding="utf-8"))
    chosen = versions("\n".join(lock.requirements().values()))
    assert len(chosen) > 50
    assert chosen.items() <= locked.items()
    assert all(specifier.startswith("==") for specifier in locked.values())


def build(project: Path, directory: Path) -> zipfile.ZipFile:
    """The wheel of a project, opened."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory)]
    subprocess.run(command, cwd=project, check=True, capture_output=True, timeout=60)
    (wheel,) = directory.glob("*.whl")
    return zipfile.ZipFile(wheel)


def test_the_wheel_has_what_the_service_opens_and_nothing_else(tmp_path: Path) -> None:
    with build(ROOT, tmp_path) as wheel:
        names = set(wheel.namelist())
        described = f"kokoro_telephony-{__version__}.dist-info"
        entry_points = ConfigParser()
        entry_points.read_string(wheel.read(f"{described}/entry_points.txt").decode())
        assert (
            wheel.read("telephony/voices/sql/001_system_config.sql")
            == (ROOT / "sql" / "001_system_config.sql").read_bytes()
        )
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "telephony").rglob("*.py")}
    assert {"kokoro_service.py", *modules, *DATA} <= names
    assert {name.partition("/")[0] for name in names} == {"telephony", "kokoro_service.py", described}
    programs = dict(entry_points["console_scripts"])
    assert programs == {"kokoro-telephony": "kokoro_service:main", "kokoro-say": "telephony.tools.say:main"}
    for name, value in programs.items():
        assert callable(EntryPoint(name, value, "console_scripts").load())


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_is_a_package_of_its_own(client: str, tmp_path: Path) -> None:
    distribution, package = CLIENTS[client]
    with build(ROOT / "clients" / client, tmp_path) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == {f"{package}/{name}" for name in ("__init__.py", "tts.py", "py.typed")}
    assert next(tmp_path.iterdir()).name.startswith(f"{distribution}-")
