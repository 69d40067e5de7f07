"""The C library's memory allocator: which one serves this process, and glibc's, tuned to give memory back.

A model that speaks texts of ever other lengths frees blocks of ever other sizes. glibc as it comes keeps them: up to
4.3 GB after forty texts, where 1.2 are in use.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import MutableMapping
from pathlib import Path

_MIB = 2**20
# mallopt's parameters, from malloc.h. Blocks of a large window come from the system and go back to it at once;
# smaller ones stay, because new pages cost time.
_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1
_OPTIONS = ((_ARENA_MAX, 2), (_MMAP_THRESHOLD, 16 * _MIB), (_TRIM_THRESHOLD, 64 * _MIB))
# Whoever sets one of these has tuned it already.
_OPERATORS = ("GLIBC_TUNABLES", "MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")


class _SymbolInfo(ctypes.Structure):
    """What `dladdr` tells: `Dl_info` of dlfcn.h."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


def name() -> str:
    """Short name of the allocator in use: `glibc`, `jemalloc`, or that of the library it is in."""
    try:
        process = ctypes.CDLL(None)
        # A program at a fixed address, as Debian's Python is, has a `malloc` that only leads to the library's.
        function = process.malloc_usable_size if hasattr(process, "malloc_usable_size") else process.malloc
        info = _SymbolInfo()
        found = process.dladdr(ctypes.cast(function, ctypes.c_void_p), ctypes.byref(info))
    except (AttributeError, OSError):
        return "unknown"
    if not found or not info.file:
        return "unknown"
    library = Path(os.fsdecode(info.file)).name.removeprefix("lib").partition(".")[0]
    return "glibc" if library.partition("-")[0] == "c" and hasattr(process, "gnu_get_libc_version") else library


def tune() -> bool:
    """Has glibc's allocator give memory back, where it is the one in use. To be called before there are threads.

    Returns whether anything was changed: nothing is under another allocator, or where the operator has tuned it.
    """
    if name() != "glibc" or any(os.environ.get(variable) for variable in _OPERATORS):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    accepted = [mallopt(option, value) for option, value in _OPTIONS]
    return all(accepted)


def keep_from_children(environment: MutableMapping[str, str]) -> None:
    """Removes what start-kokoro.sh preloads, so that programs which this process starts run as they always do."""
    preloaded = environment.get("LD_PRELOAD", "")
    others = [path for path in preloaded.replace(":", " ").split() if not Path(path).name.startswith("libjemalloc.")]
    if others:
        environment["LD_PRELOAD"] = ":".join(others)
    else:
        environment.pop("LD_PRELOAD", None)
