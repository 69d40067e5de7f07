"""A checkout of the service as its user has it, in which the documents' commands run as they stand."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients import ROOT, Daemon, free_port
from tests.test_documents import commands

START_TIMEOUT_S = 120.0


class Checkout:
    """A folder with everything of the repository, and with ports that the system has chosen.

    Its virtual environment is the tests' own, so that the launcher finds everything installed.

    Args:
        folder: where it is made.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self.tcp_port, self.http_port, self.audiosocket_port = free_port(), free_port(), free_port()
        self.udp_port = free_port(socket.SOCK_DGRAM)
        for path in ROOT.iterdir():
            if path.name not in ("logs", "venv-kokoro") and not path.name.startswith("."):
                (folder / path.name).symlink_to(path)
        venv = folder / "venv-kokoro"
        (venv / "bin").mkdir(parents=True)
        python = venv / "bin" / "python"
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
        python.chmod(0o755)
        installed = [(ROOT / name).read_text(encoding="utf-8") for name in ("requirements.txt", "constraints.txt")]
        (venv / ".installed-requirements.txt").write_text("".join(installed), encoding="utf-8")

    @property
    def settings(self) -> dict[str, str]:
        """What differs from the defaults: the ports, and that the launcher leaves the system as it is."""
        return {
            "KOKORO_TCP_PORT": str(self.tcp_port),
            "KOKORO_UDP_PORT": str(self.udp_port),
            "KOKORO_HTTP_PORT": str(self.http_port),
            "KOKORO_JEMALLOC": "off",
        }

    def start(self, command: str, **environment: str) -> Daemon:
        """Starts the service with a command of the documents."""
        words = shlex.split(command)
        return Daemon(command=words, directory=self.root, environment={**self.settings, **environment})

    def run(self, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of the documents, or a script made of them, to its end."""
        program = shlex.split(command)[0]
        if "/" not in program and "=" not in program and shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
        foreign = ("KOKORO_", "API_KEY")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", self.here(command)],
            cwd=self.root,
            env={**inherited, **self.settings, **environment},
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )

    def run_python(self, source: str, **environment: str) -> str:
        """Runs Python code made of that of the documents; returns what it printed."""
        (self.root / "journey.py").write_text(self.here(source), encoding="utf-8")
        finished = self.run("venv-kokoro/bin/python journey.py", **environment)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def here(self, text: str) -> str:
        """With this checkout's ports in place of the usual ones."""
        return re.sub(r"(127\.0\.0\.1|tts\.example\.com):8000\b", f"127.0.0.1:{self.http_port}", text)


def command(page: str, part: str) -> str:
    """A command on a page: this one, or else the only one that has this part."""
    found = list(dict.fromkeys(each for each in commands(page) if part in each))
    if part in found:
        return part
    assert len(found) == 1, (part, found)
    return found[0]


def python_block(page: str) -> str:
    """The Python code on a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(block)


def first_audio_s(printed: str) -> float:
    """What a client says of the time until it heard something."""
    found = re.search(r"first audio after (\d+\.\d+) s", printed)
    assert found, printed
    return float(found.group(1))
