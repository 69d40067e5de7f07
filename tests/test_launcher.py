"""The launcher scripts, in a directory of their own with stubs in place of Python: nothing is installed."""

from __future__ import annotations

import os
import select
import shutil
import signal
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients import ROOT

SCRIPTS = (
    "start-kokoro.sh",
    "run-tests.sh",
    "scripts/environment.sh",
    "scripts/image.sh",
    "scripts/jemalloc.sh",
    "scripts/lint.sh",
    ".ci/run",
)

# What the scripts need of a system beside Python; nothing else is on the PATH.
TOOLS = (*"bash basename cat chmod cp cut dirname env grep mkdir sleep tail touch".split(),)

PIP = "python -m pip install --disable-pip-version-check --no-compile --progress-bar off"

# Stands for Python: notes its name and arguments; knows venv, pip and what the scripts ask of an interpreter.
STUB = """#!/usr/bin/env bash
name=$(basename "$0")
echo "$name $*" >> "$LAUNCHER_LOG"
case "$1 ${2:-}" in
    "-c "*mallctl*) exit "${FAIL_PRELOAD:-0}" ;;
    "-c "*) exit "$(cat "$0.unsupported" 2>/dev/null || echo 0)" ;;
    "-m venv")
        [ -z "${FAIL_VENV:-}" ] || exit 1
        target="${@: -1}"
        mkdir -p "$target/bin"
        cp "$STUB" "$target/bin/python"
        chmod +x "$target/bin/python" ;;
    "-m uv") [ -z "${FAIL_UV:-}" ] || exit 1 ;;
    "-m pip")
        [ "$3" != --version ] || exit 0
        case "$*" in *"${FAIL_PIP_OF:-nothing}"*) exit 1 ;; esac
        echo "Collecting torch==1"
        [ -z "${PIP_INSTALLS:-}" ] || echo "Installing collected packages: $PIP_INSTALLS"
        echo "WARNING: Location '/x' is ignored" >&2
        echo "ERROR: No space left on device" >&2
        [ -z "${PIP_WAITS_FOR:-}" ] || exec cat "$PIP_WAITS_FOR"
        exit "${FAIL_PIP:-0}" ;;
    *) echo "pid $$"; echo "preloaded ${LD_PRELOAD:-nothing}, ${MALLOC_CONF:-no options}"; exit 7 ;;
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

    def add_tool(self, name: str, *lines: str) -> None:
        """Puts a program of these lines of bash on the PATH, in place of what is there; it notes that it was called."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text("\n".join(["#!/usr/bin/env bash", f'echo "{name} $*" >> "$LAUNCHER_LOG"', *lines, ""]))
        path.chmod(0o755)

    def start(self, script: str, *arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        """Starts a script."""
        self.log.write_text("")
        return subprocess.Popen(
            [str(self.root / script), *arguments],
            cwd=cwd or self.root,
            env={"PATH": str(self.bin), "LAUNCHER_LOG": str(self.log), "STUB": str(self.stub), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *arguments: str, cwd: Path | None = None, **environment: str) -> House.Result:
        """Runs a script; returns how it ended and what it called since the last run."""
        usual = {"KOKORO_JEMALLOC": "off", "KOKORO_TORCH": "cuda"}
        process = self.start(script, *arguments, cwd=cwd, **{**usual, **environment})
        out, err = process.communicate(timeout=60)
        quiet = (" -c ", "--version", "ldconfig ", "id ")
        calls = [line for line in self.log.read_text().splitlines() if not any(word in line for word in quiet)]
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
    (root / "requirements-cluster.txt").write_text("ray==1\n")
    (root / "requirements-tracing.txt").write_text("opentelemetry-sdk==1\n")
    (root / "requirements-wyoming.txt").write_text("wyoming==1\n")
    (root / "constraints.txt").write_text("sympy==1\n")
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
    if script not in ("scripts/environment.sh", "scripts/jemalloc.sh"):  # those are sourced
        assert os.access(ROOT / script, os.X_OK)


def test_first_start_sets_up_and_the_second_one_does_nothing(house: House) -> None:
    house.add_python("python3.11")
    first = house.run("start-kokoro.sh", "--voice", "bf_emma", "a b")
    venv = house.root / "venv-kokoro"
    assert first.calls == [
        f"python3.11 -m venv --clear {venv}",
        f"{PIP} --constraint {house.root}/constraints.txt -r {house.root}/requirements.txt",
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


@pytest.mark.parametrize("name", ["requirements.txt", "constraints.txt"])
def test_changed_requirements_are_installed(house: House, name: str) -> None:
    house.add_python("python3.11")
    house.run("start-kokoro.sh")
    (house.root / name).write_text("torch==2\n")
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
        f"{PIP} --constraint {house.root}/constraints.txt -r {house.root}/requirements-dev.txt",
        f"{PIP} --constraint {house.root}/constraints.txt -r {house.root}/requirements-cluster.txt",
        f"{PIP} --constraint {house.root}/constraints.txt -r {house.root}/requirements-tracing.txt",
        f"{PIP} --constraint {house.root}/constraints.txt -r {house.root}/requirements-wyoming.txt",
        "python -m pytest -n 2 --dist worksteal -m not model",
    ]
    assert house.run("run-tests.sh", "--fast", "-k", "page").calls == [
        "python -m pytest -n 3 --dist worksteal -m not model and not slow -k page"
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


# --- pip


def test_what_pip_says_is_kept_in_a_file_and_shown_only_if_it_fails(house: House) -> None:
    house.add_python("python3.11")
    failed = house.run("start-kokoro.sh", FAIL_PIP="1")
    assert "ERROR: No space left on device" in failed.err
    log = house.root / "venv-kokoro" / "pip.log"
    assert failed.err.splitlines()[-1] == f"error: pip could not install requirements.txt; all that it said is in {log}"
    done = house.run("start-kokoro.sh")
    assert "ERROR" not in done.err
    assert "WARNING" not in done.err + failed.err
    assert "WARNING: Location '/x' is ignored" in log.read_text()


@pytest.mark.parametrize(
    ("installs", "said"),
    [("", "Collecting torch==1 (package 1)"), ("numpy, torch, uv", "Installing, 0 of 3 packages")],
)
def test_every_ten_seconds_a_line_tells_what_pip_does(house: House, tmp_path: Path, installs: str, said: str) -> None:
    tick, pip = tmp_path / "tick", tmp_path / "pip"
    os.mkfifo(tick)
    os.mkfifo(pip)
    house.add_python("python3.11")
    house.add_tool("sleep", f"[ $1 = 10 ] && read -r < {tick}")
    process = house.start(
        "start-kokoro.sh",
        KOKORO_JEMALLOC="off",
        KOKORO_TORCH="cuda",
        PIP_INSTALLS=installs,
        PIP_WAITS_FOR=str(pip),
    )
    assert process.stderr is not None
    try:
        assert process.stderr.readline().startswith("making ")
        assert process.stderr.readline().startswith("installing the packages of requirements.txt (")
        with pip.open("w"):  # as soon as pip waits
            for seconds in (10, 20):
                tick.write_text("\n")
                assert process.stderr.readline() == f"  {seconds} s: {said}\n"
    finally:
        out, err = process.communicate(timeout=60)
    assert err == ""  # and no one is left who would write more
    assert "preloaded nothing, no options" in out


@pytest.mark.parametrize("build", ["cpu", "cuda"])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_pip_too(house: House, tmp_path: Path, signum: int, build: str) -> None:
    pip = tmp_path / "pip"
    os.mkfifo(pip)
    house.add_python("python3.11")
    process = house.start("start-kokoro.sh", KOKORO_JEMALLOC="off", KOKORO_TORCH=build, PIP_WAITS_FOR=str(pip))
    with pip.open("w") as release:  # as soon as pip waits
        process.send_signal(signum)
        _, err = process.communicate(timeout=60)  # nobody is left who would show progress
        poll = select.poll()
        poll.register(release, 0)
        assert poll.poll(60_000) == [(release.fileno(), select.POLLERR)]  # pip is dead
    assert process.returncode == -signum
    assert "error" not in err


# --- torch

NO_GPU = "no NVIDIA GPU: torch is its CPU build, several GB smaller (KOKORO_TORCH=cuda: the usual one)"


def installed(result: House.Result, house: House) -> list[str]:
    """What was installed, and by which program."""
    calls = [call.replace(f"{house.root}/", "").split() for call in result.calls if " install " in call]
    return [f"{words[2]} {words[-1]}" for words in calls]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is one build elsewhere")
@pytest.mark.skipif(Path("/proc/driver/nvidia/version").exists(), reason="this machine has a GPU")
def test_without_a_gpu_torch_is_the_cpu_build_and_a_line_says_so(house: House) -> None:
    house.add_python("python3.11")
    first = house.run("start-kokoro.sh", KOKORO_TORCH="")
    assert installed(first, house) == ["pip torch==1+cpu", "pip requirements.txt"]
    assert first.err.splitlines().count(NO_GPU) == 1
    again = house.run("start-kokoro.sh", KOKORO_TORCH="")
    assert (installed(again, house), again.err) == ([], "")


def test_with_a_gpu_torch_is_the_usual_build(house: House) -> None:
    house.add_python("python3.11")
    house.add_tool("nvidia-smi")
    result = house.run("start-kokoro.sh", KOKORO_TORCH="")
    assert installed(result, house) == ["pip requirements.txt"]
    assert NO_GPU not in result.err


def test_the_operator_chooses_the_build(house: House) -> None:
    house.add_python("python3.11")
    house.add_tool("nvidia-smi")
    result = house.run("start-kokoro.sh", KOKORO_TORCH="cpu")
    assert installed(result, house) == ["pip torch==1+cpu", "pip requirements.txt"]
    assert NO_GPU not in result.err


def test_a_build_that_there_is_not_is_one_clear_line(house: House) -> None:
    house.add_python("python3.11")
    result = house.run("start-kokoro.sh", KOKORO_TORCH="gpu")
    assert result.status == 2
    assert result.err.splitlines()[-1] == "error: KOKORO_TORCH='gpu': must be cpu or cuda"
    assert installed(result, house) == []


@pytest.mark.parametrize("fails", ["", "1"])
def test_without_an_index_for_pip_uv_fetches_the_cpu_build_or_the_usual_one_follows(house: House, fails: str) -> None:
    house.add_python("python3.11")
    result = house.run("start-kokoro.sh", KOKORO_TORCH="cpu", FAIL_PIP_OF="torch==1+cpu", FAIL_UV=fails)
    assert installed(result, house) == ["pip torch==1+cpu", "pip uv", "uv torch==1", "pip requirements.txt"]
    assert ("the usual one follows" in result.err) is bool(fails)
    assert result.status == 7


# --- jemalloc


@pytest.fixture
def library(house: House, tmp_path: Path) -> Path:
    """A library by jemalloc's name that can be preloaded and changes nothing; `ldconfig` finds it once it is made."""
    if not sys.platform.startswith("linux"):
        pytest.skip("nothing is preloaded elsewhere")
    house.add_python("python3.11")
    house.add_tool("id", "echo 1000")
    path = tmp_path / "libjemalloc.so.2"
    house.add_tool(
        "ldconfig",
        "echo '\tlibm.so.6 (libc6,x86-64) => /lib/libm.so.6'",
        f"[ ! -e {path} ] || echo '\tlibjemalloc.so.2 (libc6,x86-64) => {path}'",
    )
    return path


def make_library(path: Path) -> None:
    """Makes what the fixture names."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").split()
    path.symlink_to(next(word for word in maps if "/libm" in word and ".so" in word))


def test_jemalloc_is_preloaded_into_the_service_alone(house: House, library: Path) -> None:
    make_library(library)
    result = house.run("start-kokoro.sh", KOKORO_JEMALLOC="")
    assert f"preloaded {library}, narenas:2," in result.out
    assert f"pid {result.pid}\n" in result.out
    assert "without jemalloc" not in result.err
    own = house.run("start-kokoro.sh", KOKORO_JEMALLOC="", LD_PRELOAD=str(library), MALLOC_CONF="narenas:9")
    assert f"preloaded {library}:{library}, narenas:9\n" in own.out


def test_without_jemalloc_a_line_says_what_that_means(house: House, library: Path) -> None:
    result = house.run("start-kokoro.sh", KOKORO_JEMALLOC="")
    assert "preloaded nothing, no options" in result.out
    again = house.run("start-kokoro.sh", KOKORO_JEMALLOC="")
    (line,) = again.err.splitlines()
    assert line.startswith("without jemalloc: ")
    assert "apt-get install libjemalloc2" in line
    assert not any("apt-get" in call for call in [*result.calls, *again.calls])


def test_a_library_that_cannot_be_used_is_left_out(house: House, library: Path) -> None:
    make_library(library)
    result = house.run("start-kokoro.sh", KOKORO_JEMALLOC="", FAIL_PRELOAD="1")
    assert "preloaded nothing" in result.out
    assert "without jemalloc: " in result.err.splitlines()[-1]


def test_the_operator_names_the_library_or_does_without(house: House, library: Path, tmp_path: Path) -> None:
    make_library(library)
    own = tmp_path / "own.so"
    make_library(own)
    assert f"preloaded {own}, " in house.run("start-kokoro.sh", KOKORO_JEMALLOC=str(own)).out
    off = house.run("start-kokoro.sh", KOKORO_JEMALLOC="off")
    assert "preloaded nothing" in off.out
    assert off.err == ""


def test_root_installs_jemalloc_beside_the_packages(house: House, library: Path, tmp_path: Path) -> None:
    found = tmp_path / "found"
    make_library(found)
    house.add_tool("id", "echo 0")
    house.add_tool("apt-get", '[[ "$*" = *" install -y "*" libjemalloc2" ]] || exit 1', f"cp -P {found} {library}")
    first = house.run("start-kokoro.sh", KOKORO_JEMALLOC="")
    assert f"preloaded {library}, " in first.out
    assert sum("apt-get" in call for call in first.calls) == 1
    assert "without jemalloc" not in first.err


def test_an_installation_that_fails_is_no_obstacle_and_tried_once(house: House, library: Path) -> None:
    house.add_tool("id", "echo 0")
    house.add_tool("apt-get", "echo 'E: no network' >&2", "exit 100")
    first = house.run("start-kokoro.sh", KOKORO_JEMALLOC="")
    assert first.status == 7
    assert [call.split()[-1] for call in first.calls if "apt-get" in call] == ["libjemalloc2", "update"]
    assert "E: no network" not in first.err
    assert "without jemalloc: " in first.err.splitlines()[-1]
    assert not any("apt-get" in call for call in house.run("start-kokoro.sh", KOKORO_JEMALLOC="").calls)
