"""Runs a target under Atheris: `python -m fuzz wire --seconds 60`. A crash is kept as `crash-...` and printed."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile

import atheris
import structlog

from fuzz import CORPUS, TARGETS


def main() -> None:
    """Fuzzes until the time is over or something breaks; what it finds on the way is kept only with --keep."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", action="store_true", help="adds inputs that reach something new to the corpus")
    wanted = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with atheris.instrument_imports(include=["telephony"]):
        target = importlib.import_module(f"fuzz.{wanted.target}")
    corpus = str(CORPUS / wanted.target)
    with tempfile.TemporaryDirectory() as found:
        folders = [corpus] if wanted.keep else [found, corpus]
        # No limit of memory: a process inherits its parent's peak, which libFuzzer would take for its own.
        limits = (f"-max_total_time={wanted.seconds}", "-max_len=4096", "-rss_limit_mb=0")
        atheris.Setup([sys.argv[0], *folders, *limits], target.check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
