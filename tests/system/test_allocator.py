"""Which allocator serves, what tuning changes in glibc's, and that children do not inherit what is preloaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from telephony.system import allocator
from tests.clients import ROOT, Daemon

# Two blocks of 24 MiB, one after the other: when the first is freed, glibc takes to keeping such blocks in its heap.
# Prints how many MiB the second one leaves behind.
KEEP = """
import ctypes, os, sys
from pathlib import Path
from telephony.system import allocator
if sys.argv[1] == "tuned":
    assert allocator.tune()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
def pages():
    return int(Path("/proc/self/statm").read_text().split()[1])
def use(size):
    block = libc.malloc(size)
    ctypes.memset(block, 1, size)
    return block
before = pages()
libc.free(use(24 << 20))
block, fence = use(24 << 20), use(1 << 20)  # the fence lies on top of the heap, so that this is not cut
libc.free(block)
print((pages() - before) * os.sysconf("SC_PAGE_SIZE") >> 20)
"""


def kept_mib(how: str, **environment: str) -> int:
    inherited = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD" and "MALLOC" not in key}
    command = [sys.executable, "-c", KEEP, how]
    finished = subprocess.run(
        command, cwd=ROOT, env={**inherited, **environment}, stdout=subprocess.PIPE, check=True, text=True
    )
    return int(finished.stdout)


@pytest.mark.skipif(
    not (sys.platform.startswith("linux") and Path("/usr/bin/python3").exists()), reason="the system has no Python"
)
def test_the_systems_own_python_is_not_taken_for_its_allocator() -> None:
    script = "from telephony.system import allocator; print(allocator.name())"
    inherited = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
    command = ["/usr/bin/python3", "-c", script]
    finished = subprocess.run(command, cwd=ROOT, env=inherited, stdout=subprocess.PIPE, check=True, text=True)
    assert not finished.stdout.startswith("python")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_tuned_glibc_gives_large_blocks_back() -> None:
    if allocator.name() != "glibc":
        pytest.skip(f"this is {allocator.name()}")
    assert kept_mib("as it comes") >= 20
    assert kept_mib("tuned") <= 4


def test_what_the_operator_has_tuned_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    assert not allocator.tune()


def test_another_allocator_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "name", lambda: "jemalloc")
    assert not allocator.tune()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"LD_PRELOAD": "/usr/lib/libjemalloc.so.2"}, {}),
        ({"LD_PRELOAD": "/a/libjemalloc.so.2:/b/own.so c.so"}, {"LD_PRELOAD": "/b/own.so:c.so"}),
        ({"LD_PRELOAD": "/b/libjemalloc-helper.so"}, {"LD_PRELOAD": "/b/libjemalloc-helper.so"}),
    ],
)
def test_children_do_not_inherit_what_is_preloaded(before: dict[str, str], after: dict[str, str]) -> None:
    environment = dict(before)
    allocator.keep_from_children(environment)
    assert environment == after


@pytest.mark.slow
def test_a_line_of_the_log_tells_which_allocator_serves() -> None:
    ports = ("--tcp-port", "0", "--udp-port", "0", "--http-port", "0", "--request-log", "none")
    with Daemon("--engine", "tone", *ports) as daemon:
        daemon.wait_line(f"level=info event=allocator name={allocator.name()} ")
        daemon.wait_ready()
