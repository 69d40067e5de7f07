"""Writes requirements*.txt and constraints.txt from pyproject.toml: `make lock`.

The requirements files list the packages that the project itself uses. constraints.txt pins those that come with them
too, for every supported Python and system. pip takes versions from it, but installs nothing because of it: a CPU build
of torch brings no CUDA. It is the lock file in place of uv.lock, which ties every entry to one package index.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = "constraints.txt"

_COMPILE = (
    *("-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.10"),
    *("--all-extras", "--group", "dev", "--no-annotate", "--no-header", "--no-emit-index-url"),
)


def requirements() -> dict[str, str]:
    """What each requirements file has to hold, by the file's name."""
    described = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = described["project"]
    return {
        "requirements.txt": _file("What the service needs.", project["dependencies"]),
        "requirements-dev.txt": _file(
            "What the tests and benchmarks need beside requirements.txt.", described["dependency-groups"]["dev"]
        ),
        "requirements-ja-zh.txt": _file(
            "What Kokoro's Japanese and Mandarin voices need beside requirements.txt. Optional.",
            project["optional-dependencies"]["ja-zh"],
        ),
        "requirements-cluster.txt": _file(
            "What rooms need beside requirements.txt. Optional.", project["optional-dependencies"]["cluster"]
        ),
        "requirements-tracing.txt": _file(
            "What traces need beside requirements.txt. Optional.", project["optional-dependencies"]["tracing"]
        ),
        "requirements-wyoming.txt": _file(
            "What Home Assistant needs beside requirements.txt. Optional.", project["optional-dependencies"]["wyoming"]
        ),
    }


def _file(title: str, pins: Sequence[str]) -> str:
    return "\n".join([f"# {title} Written by `make lock` from pyproject.toml.", *pins, ""])


def main() -> None:
    """Writes the files. A version in constraints.txt stays while it fits; delete the file to renew all."""
    for name, text in requirements().items():
        (ROOT / name).write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, *_COMPILE, "pyproject.toml", "--output-file", CONSTRAINTS], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
