"""The launcher scripts, in a directory of their own with stubs in place of Python: nothing is installed."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients import ROOT

SCRIPTS = ("start-kokoro.sh", "run-tests.sh", "scripts/environment.sh", ".ci/run")

# What the scripts need of a system beside Python; nothing else is on the PATH.
TOOLS = ("bash", "basename", "cat", "chmod", "cmp", "cp", "dirname", "env", "mkdir")

# Stands for Python: notes its name and arguments; knows venv, pip and what the scripts ask of an interpreter.
STUB = """#!/usr/bin/env bash
name=$(basename "$0")
echo "$name $*" >> "$LAUNCHER_LOG"
case "$1 ${2:-}" in
    "-c "*) exit "$(cat "$0.unsupported" 2>/dev/null || echo 0)" ;;
    "-m venv")
        [ -z "${FAIL_VENV:-}" ] || exit 1
        target="${@: -1}"
        mkdir -p "$target/bin"
        cp "$STUB" "$target/bin/python"
        chmod +x "$target/bin/python" ;;
    "-m pip") [ "$3" = --version ] || exit "${FAIL_PIP:-0}" ;;
    *) echo "pid $$"; exit 7 ;;
esac
"""


@dataclass
class House:
    """A checkout of the scripts, with stubs instead of everything that they start."""

    root: Path
    bin: Path
    log: Path
    stub: Path

    def add_python(self, name: str, *, supported: bool = True) -> None:
        """Puts an interpreter on the PATH."""
        path = self.bin / name
        shutil.copy(self.stub, path)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        if not supported:
            path.with_name(f"{name}.unsupported").write_text("1")

    def run(self, script: str, *arguments: str, cwd: Path | None = None, **environment: str) -> House.Result:
        """Runs a script; returns how it ended and what it called since the last run."""
        self.log.write_text("")
        process = subprocess.Popen(
            [str(self.root / script), *arguments],
            cwd=cwd or self.root,
            env={"PATH": str(self.bin), "LAUNCHER_LOG": str(self.log), "STUB": str(self.stub), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        out, err = process.communicate(timeout=60)
        calls = [line for line in self.log.read_text().splitlines() if " -c " not in line and "--version" not in line]
        return House.Result(process.returncode, process.pid, out, err, calls)

    @dataclass
    class Result:
        """How a script ended; `calls` is what it had Python do, beside being asked its version."""

        status: int
        pid: int
        out: str
        err: str
        calls: list[str]


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Scripts in a directory whose name has a space."""
    root, tools = tmp_path / "speech service", tmp_path / "bin"
    for script in SCRIPTS:
        (root / script).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / script, root / script)
    (root / "requirements.txt").write_text("torch==1\n")
    (root / "requirements-dev.txt").write_text("pytest==1\n")
    tools.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (tools / tool).symlink_to(found)
    stub = tmp_path / "stub"
    stub.write_text(STUB)
    return House(root, tools, tmp_path / "log", stub)


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_is_valid_bash(script: str) -> None:
    result = subprocess.run(["bash", "-n", str(ROOT / script)], capture_output=True, text=True, timeout=30, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    if script != "scripts/environment.sh":  # that one is sourced
        assert os.access(ROOT / script, os.X_OK)


def test_first_start_sets_up_and_the_second_one_does_nothing(house: House) -> None:
    house.add_python("python3.11")
    first = house.run("start-kokoro.sh", "--voice", "bf_emma", "a b")
    venv = house.root / "venv-kokoro"
    assert first.calls == [
        f"python3.11 -m venv --clear {venv}",
        f"python -m pip install --quiet --disable-pip-version-check -r {house.root}/requirements.txt",
        f"python {house.root}/kokoro_service.py --voice bf_emma a b",
    ]
    assert first.status == 7  # the service's own
    assert f"pid {first.pid}\n" in first.out  # the service is the process that was started: signals reach it
    second = house.run("start-kokoro.sh")
    assert second.calls == [f"python {house.root}/kokoro_service.py"]
    assert second.err == ""


def test_start_from_another_directory(house: House, tmp_path: Path) -> None:
    house.add_python("python3")
    assert house.run("start-kokoro.sh", cwd=tmp_path, CDPATH=str(tmp_path)).status == 7
    assert not (tmp_path / "venv-kokoro").exists()


def test_changed_requirements_are_installed(house: House) -> None:
    house.add_python("python3.11")
    house.run("start-kokoro.sh")
    (house.root / "requirements.txt").write_text("torch==2\n")
    calls = house.run("start-kokoro.sh").calls
    assert [call.split()[:4] for call in calls[:-1]] == [["python", "-m", "pip", "install"]]


def test_failed_installation_ends_the_start_and_is_done_again(house: House) -> None:
    house.add_python("python3.11")
    failed = house.run("start-kokoro.sh", FAIL_PIP="1")
    assert failed.status == 1
    assert not any("kokoro_service.py" in call for call in failed.calls)
    again = house.run("start-kokoro.sh")
    assert [call.split()[:4] for call in again.calls[:-1]] == [["python", "-m", "pip", "install"]]
    assert again.status == 7


def test_tests_need_more_than_the_service(house: House) -> None:
    house.add_python("python3.11")
    house.run("start-kokoro.sh")
    calls = house.run("run-tests.sh", "-m", "not model").calls
    assert calls == [
        f"python -m pip install --quiet --disable-pip-version-check -r {house.root}/requirements-dev.txt",
        "python -m pytest -m not model",
    ]


@pytest.mark.parametrize(
    ("supported", "unsupported", "chosen"),
    [
        (["python3.10", "python3.11", "python3.12", "python3"], [], "python3.11"),
        (["python3.10", "python3.12"], ["python3"], "python3.12"),
        (["python3.10"], ["python3", "python3.11"], "python3.10"),
        (["python3"], [], "python3"),
    ],
)
def test_interpreter_is_a_supported_one(
    house: House, supported: list[str], unsupported: list[str], chosen: str
) -> None:
    for name in supported:
        house.add_python(name)
    for name in unsupported:
        house.add_python(name, supported=False)
    assert house.run("start-kokoro.sh").calls[0].startswith(f"{chosen} -m venv")


def test_operator_names_the_interpreter(house: House, tmp_path: Path) -> None:
    house.add_python("python3.11")
    house.add_python("my-python")
    assert house.run("start-kokoro.sh", KOKORO_PYTHON="my-python").calls[0].startswith("my-python -m venv")


def test_no_supported_interpreter_is_one_clear_line(house: House) -> None:
    house.add_python("python3", supported=False)
    result = house.run("start-kokoro.sh")
    assert (result.status, result.calls) == (1, [])
    (line,) = result.err.splitlines()
    assert line.startswith("error: Kokoro needs Python 3.10, 3.11 or 3.12")


def test_python_without_venv_is_a_clear_error(house: House) -> None:
    house.add_python("python3.11")
    result = house.run("start-kokoro.sh", FAIL_VENV="1")
    assert result.status == 1
    assert "python3-venv" in result.err.splitlines()[-1]
    assert len(result.calls) == 1


def test_broken_environment_is_made_anew(house: House) -> None:
    house.add_python("python3.11")
    house.run("start-kokoro.sh")
    (house.root / "venv-kokoro" / "bin" / "python.unsupported").write_text("1")
    assert house.run("start-kokoro.sh").calls[0].startswith("python3.11 -m venv --clear")
