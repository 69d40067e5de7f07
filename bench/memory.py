"""Peak memory of the reference or the product, each in a fresh process of its own.

`python -m bench.memory SIDE TEXT...` is that process; `peak_bytes` starts it.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SIDES = ("reference", "product")


def peak_bytes(side: str, texts: Sequence[str]) -> int:
    """Peak resident memory, in bytes, of a process that loads one of `SIDES` and speaks each text once.

    Call it before this process grows: on Linux a process inherits its parent's peak when it is started.

    Raises:
        subprocess.CalledProcessError: the process failed; its error is on stderr.
    """
    command = [sys.executable, "-m", "bench.memory", side, *texts]
    root = Path(__file__).parent.parent
    finished = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True)
    return int(finished.stdout.splitlines()[-1])


def resident_bytes() -> int:
    """Resident memory of this process now, in bytes. Linux only."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def main(arguments: Sequence[str]) -> int:
    """Speaks the texts and prints this process's peak memory in bytes; returns the exit status."""
    side, *texts = arguments
    speak = {"reference": _speak_reference, "product": _speak_product}[side]
    speak(texts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak if sys.platform == "darwin" else peak * 1024)  # macOS counts bytes, Linux kilobytes
    return 0


def _speak_reference(texts: Sequence[str]) -> None:
    from bench import reference
    from bench.product import settings_from_environment

    settings = settings_from_environment()
    loaded = reference.load(settings)
    for text in texts:
        loaded.time(text, settings.voice)


def _speak_product(texts: Sequence[str]) -> None:
    from bench.product import Product, load_engine, settings_from_environment
    from telephony import logs

    settings = settings_from_environment()
    logs.configure("warning", settings.log_format)
    with Product(settings, load_engine(settings), stream=True) as product:
        for text in texts:
            product.time(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
