"""The fuzz targets on their corpora, and on what a few seconds make of these."""

from __future__ import annotations

import importlib
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from fuzz import CORPUS, TARGETS
from tests.clients import ROOT

MUTATING_S = 0.3
SEEDS = [(target, path) for target in TARGETS for path in sorted((CORPUS / target).iterdir())]


@pytest.fixture(autouse=True)
def _no_log() -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


def check_of(target: str) -> Callable[[bytes], None]:
    check: Callable[[bytes], None] = importlib.import_module(f"fuzz.{target}").check
    return check


@pytest.mark.parametrize(("target", "path"), SEEDS, ids=[f"{target}-{path.name}" for target, path in SEEDS])
def test_nothing_in_the_corpus_breaks_anything(target: str, path: Path) -> None:
    check_of(target)(path.read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_near_the_corpus_breaks_anything(target: str) -> None:
    check = check_of(target)
    seeds = [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]
    chance = random.Random(target)  # the same inputs every time, as far as time allows
    deadline = time.monotonic() + MUTATING_S
    while time.monotonic() < deadline:
        data = mutated(chance.choice(seeds), seeds, chance)
        try:
            check(data)
        except Exception as error:
            raise AssertionError(f"{target} breaks on {data!r}") from error


def mutated(data: bytes, seeds: list[bytes], chance: random.Random) -> bytes:
    """`data` with a few bytes changed, taken out, doubled, or exchanged for a piece of another seed."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice((0, 1, 1, 2, 8, 64)))
        other = chance.choice(seeds)
        piece = other[chance.randrange(len(other)) :][: chance.choice((1, 4, 32))]
        data = data[:start] + chance.choice((b"", chance.randbytes(1), 2 * data[start:end], piece)) + data[end:]
    return data


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_can_fail(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from telephony.endpoints import websocket
    from telephony.engines import recipes
    from telephony.protocols import audiosocket, byte_ranges
    from telephony.text.normalization import ssml

    def fail(*_: object, **__: object) -> object:
        raise KeyError("scripted")

    owner, name = {
        "wire": (audiosocket.PbxDecoder, "_event"),
        "messages": (websocket.Client, "messages"),
        "ssml": (ssml, "document"),
        "recipes": (recipes.Recipe, "shares"),
        "addresses": (byte_ranges, "is_known"),
    }[target]
    monkeypatch.setattr(owner, name, fail)
    seed = next(
        path
        for kind, path in SEEDS
        if kind == target and path.name in ("pbx", "livekit", "breaks-0", "weights", "query")
    )
    with pytest.raises((KeyError, TypeError)):
        check_of(target)(seed.read_bytes())


@pytest.mark.slow
def test_atheris_runs_a_target() -> None:
    pytest.importorskip("atheris")
    command = [sys.executable, "-m", "fuzz", "wire", "--seconds", "1"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "Done" in finished.stderr
