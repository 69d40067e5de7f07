"""Memory that was freed goes back to the system."""

from __future__ import annotations

import mmap
import sys

import numpy as np
import pytest

from bench.processes import resident_bytes
from telephony.engines.kokoro.heap import Heap, find_trim


def test_memory_goes_back_twice_a_minute_at_most() -> None:
    trimmed: list[int] = []
    clock = [0.0]

    def trim(kept: int) -> int:
        trimmed.append(kept)
        return 1

    heap = Heap(trim, lambda: clock[0])
    for clock[0] in (0.0, 29.9, 30.0, 30.1, 59.9, 60.1, 1000.0):
        heap.give_back()
    assert trimmed == [0, 0, 0]


def test_without_glibc_nothing_happens() -> None:
    Heap(None, lambda: 1000.0).give_back()


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read as Linux tells it")
def test_what_the_c_library_keeps_is_given_back() -> None:
    trim = find_trim()
    if trim is None:
        pytest.skip("no glibc")
    blocks = [np.ones(4 * mmap.PAGESIZE, np.uint8) for _ in range(4000)]
    fence = np.ones(mmap.PAGESIZE, np.uint8)  # on top of the heap, so that nothing goes back by itself
    full = resident_bytes()
    del blocks[:]
    trim(0)
    assert full - resident_bytes() > 32 * 2**20
    assert fence.all()
