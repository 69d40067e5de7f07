"""The kernels for processors: numba makes machine code of them, which is kept on disk, and OpenMP's threads run it.

They run in the very pool of threads that torch's own operations use. A pool of numba's own would spin against it, and
halve the speed of both.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import torch
from llvmlite import binding
from numba import carray, cfunc, njit, types
from torch import Tensor

from telephony.engines.kokoro.kernels import MOST_STEPS, SIN2_COEFFICIENTS, ZERO_STEP

_C0, _C1, _C2, _C3, _C4 = (np.float32(value) for value in SIN2_COEFFICIENTS)
_MOST, _ZERO = np.float32(MOST_STEPS), np.float32(ZERO_STEP)
_ONE_THIRD, _SLOPE = np.float32(1.0 / 3.0), np.float32(0.2)
# Rows a thread should at least have: below, waking the others takes longer than the work.
_FEWEST_VALUES = 16_384

# Steps that are summed in float32 before they are added up in float64.
_BLOCK_STEPS = 256

_thread_index = types.ExternalFunction("omp_get_thread_num", types.int32())
_thread_count = types.ExternalFunction("omp_get_num_threads", types.int32())


def _openmp() -> ctypes.CDLL:
    """The OpenMP library that torch has loaded, in GNU's interface, which LLVM's offers as well.

    Raises:
        ImportError: there is none.
    """
    library = ctypes.CDLL(None)
    try:
        library.GOMP_parallel.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
        library.GOMP_parallel.restype = None
        for name in ("omp_get_thread_num", "omp_get_num_threads"):
            binding.add_symbol(name, ctypes.cast(getattr(library, name), ctypes.c_void_p).value)
    except AttributeError as error:
        raise ImportError(f"torch's OpenMP library is not to be found: {error}") from error
    return library


_library = _openmp()


@njit(inline="always")
def _widened(half: Any) -> Any:
    """bfloat16, as the upper half of a float32's bits, to float32."""
    return np.uint32(np.uint32(half) << np.uint32(16)).view(np.float32)


@njit(inline="always")
def _halved(value: Any) -> Any:
    """float32 to bfloat16, rounded to the nearest, of two as near to the even one."""
    bits = np.float32(value).view(np.uint32)
    return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))


@njit(inline="always", fastmath=True)
def _snaked(y: Any, u: Any, inverse: Any) -> Any:
    r = y * u
    r = r - np.rint(r)
    z = r * r
    return y + inverse * (z * (_C0 + z * (_C1 + z * (_C2 + z * (_C3 + z * _C4)))))


@njit(inline="always", fastmath=True)
def _stepped(y: Any, steps: Any) -> Any:
    return np.uint8(np.int32(min(max(np.rint(y * steps), -_MOST), _MOST) + _ZERO))


@njit(inline="always", fastmath=True)
def _leaked(y: Any, slope: Any) -> Any:
    return y if y > 0 else slope * y


@njit(inline="always")
def _share(rows: Any) -> Any:
    """The rows [first, last) of the thread that asks."""
    index, count = _thread_index(), _thread_count()
    return rows * index // count, rows * (index + 1) // count


_kernel = cfunc(types.void(types.CPointer(types.voidptr)), nopython=True, fastmath=True, cache=True)


@_kernel
def _snake(p: Any) -> None:
    batch, steps, channels, stride, is_half = carray(p[0], 5, np.int64)
    a, b = carray(p[2], (batch, stride), np.float32), carray(p[3], (batch, stride), np.float32)
    u, inverse = carray(p[4], channels, np.float32), carray(p[5], channels, np.float32)
    first, last = _share(batch * steps)
    shape = (batch * steps, channels)
    if is_half:
        x, y = carray(p[1], shape, np.uint16), carray(p[6], shape, np.uint16)
        for row in range(first, last):
            of = row // steps
            for c in range(channels):
                y[row, c] = _halved(_snaked(_widened(x[row, c]) * a[of, c] + b[of, c], u[c], inverse[c]))
    else:
        v, w = carray(p[1], shape, np.float32), carray(p[6], shape, np.float32)
        for row in range(first, last):
            of = row // steps
            for c in range(channels):
                w[row, c] = _snaked(v[row, c] * a[of, c] + b[of, c], u[c], inverse[c])


@_kernel
def _snake_steps(p: Any) -> None:
    batch, steps, channels, stride, is_half, pad = carray(p[0], 6, np.int64)
    a, b = carray(p[2], (batch, stride), np.float32), carray(p[3], (batch, stride), np.float32)
    u, inverse = carray(p[4], channels, np.float32), carray(p[5], channels, np.float32)
    width = carray(p[6], channels, np.float32)
    y = carray(p[7], (batch, steps + 2 * pad, channels), np.uint8)
    shape = (batch * steps, channels)
    x, v = carray(p[1], shape, np.uint16), carray(p[1], shape, np.float32)
    first, last = _share(batch * steps)
    for row in range(first, last):
        of, step = row // steps, row % steps
        if is_half:
            for c in range(channels):
                value = _widened(x[row, c]) * a[of, c] + b[of, c]
                y[of, step + pad, c] = _stepped(_snaked(value, u[c], inverse[c]), width[c])
        else:
            for c in range(channels):
                value = v[row, c] * a[of, c] + b[of, c]
                y[of, step + pad, c] = _stepped(_snaked(value, u[c], inverse[c]), width[c])
        if step == 0:
            y[of, :pad] = ZERO_STEP
        if step == steps - 1:
            y[of, pad + steps :] = ZERO_STEP


@_kernel
def _leaky(p: Any) -> None:
    batch, steps, channels, stride, is_half = carray(p[0], 5, np.int64)
    a, b = carray(p[2], (batch, stride), np.float32), carray(p[3], (batch, stride), np.float32)
    first, last = _share(batch * steps)
    shape = (batch * steps, channels)
    if is_half:
        x, y = carray(p[1], shape, np.uint16), carray(p[4], shape, np.uint16)
        for row in range(first, last):
            of = row // steps
            for c in range(channels):
                y[row, c] = _halved(_leaked(_widened(x[row, c]) * a[of, c] + b[of, c], _SLOPE))
    else:
        v, w = carray(p[1], shape, np.float32), carray(p[4], shape, np.float32)
        for row in range(first, last):
            of = row // steps
            for c in range(channels):
                w[row, c] = _leaked(v[row, c] * a[of, c] + b[of, c], _SLOPE)


@_kernel
def _merge3(p: Any) -> None:
    values, is_half = carray(p[0], 2, np.int64)
    slope = carray(p[5], 1, np.float32)[0]
    first, last = _share(values)
    if is_half:
        x, y, z = carray(p[1], values, np.uint16), carray(p[2], values, np.uint16), carray(p[3], values, np.uint16)
        merged = carray(p[4], values, np.uint16)
        for i in range(first, last):
            merged[i] = _halved(_leaked((_widened(x[i]) + _widened(y[i]) + _widened(z[i])) * _ONE_THIRD, slope))
    else:
        u, v, w = carray(p[1], values, np.float32), carray(p[2], values, np.float32), carray(p[3], values, np.float32)
        wide = carray(p[4], values, np.float32)
        for i in range(first, last):
            wide[i] = _leaked((u[i] + v[i] + w[i]) * _ONE_THIRD, slope)


@_kernel
def _moments(p: Any) -> None:
    """Sums and sums of squares of one row's steps, a pair for each thread: blocks in float32, their sum in float64."""
    steps, channels, is_half, block = carray(p[0], 4, np.int64)
    shape = (steps, channels)
    x, v = carray(p[1], shape, np.uint16), carray(p[1], shape, np.float32)
    index = _thread_index()
    some = carray(p[2], (index + 1, 2, channels), np.float32)[index]
    total = carray(p[3], (index + 1, 2, channels), np.float64)[index]
    first, last = _share(steps)
    for start in range(first, last, block):
        some[:] = 0
        for step in range(start, min(start + block, last)):
            if is_half:
                for c in range(channels):
                    value = _widened(x[step, c])
                    some[0, c] += value
                    some[1, c] += value * value
            else:
                for c in range(channels):
                    some[0, c] += v[step, c]
                    some[1, c] += v[step, c] * v[step, c]
        for c in range(channels):
            total[0, c] += some[0, c]
            total[1, c] += some[1, c]


class NativeKernels:
    """The kernels of `kernels.py`, on tensors of a processor: bfloat16 or float32, contiguous. One thread at a time."""

    def snake(self, x: Tensor, a: Tensor, b: Tensor, u: Tensor, inverse: Tensor) -> Tensor:
        """See `kernels.snake`."""
        y = torch.empty_like(x)
        self._run(_snake, x, _sizes(x, a), x, a, b, u, inverse, y)
        return y

    def snake_steps(  # noqa: PLR0917
        self, x: Tensor, a: Tensor, b: Tensor, u: Tensor, inverse: Tensor, steps: Tensor, pad: int
    ) -> Tensor:
        """See `kernels.snake_steps`."""
        y = torch.empty(x.shape[0], x.shape[1] + 2 * pad, x.shape[2], dtype=torch.uint8)
        self._run(_snake_steps, x, (*_sizes(x, a), pad), x, a, b, u, inverse, steps, y)
        return y

    def leaky(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """See `kernels.leaky`."""
        y = torch.empty_like(x)
        self._run(_leaky, x, _sizes(x, a), x, a, b, y)
        return y

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `kernels.moments`."""
        batch, steps, channels = x.shape
        threads = _threads(x[0].numel())
        total = torch.zeros(batch, threads, 2, channels, dtype=torch.float64)
        some = torch.empty(threads, 2, channels)
        for row, sums in zip(x, total, strict=True):
            self._run(_moments, row, (steps, channels, x.dtype == torch.bfloat16, _BLOCK_STEPS), row, some, sums)
        mean, square = (total.sum(1) / steps).float()[:, :, None].unbind(1)
        return mean, square

    def merge3(self, p: Tensor, q: Tensor, r: Tensor, slope: float) -> Tensor:
        """See `kernels.merge3`."""
        y = torch.empty_like(p)
        self._run(_merge3, p, (p.numel(), p.dtype == torch.bfloat16), p, q, r, y, torch.tensor([slope]))
        return y

    def _run(self, kernel: Any, x: Tensor, sizes: tuple[int, ...], *tensors: Tensor) -> None:
        """Runs a kernel over x in as many threads as it is worth."""
        numbers = (ctypes.c_int64 * len(sizes))(*sizes)
        pointers = (ctypes.c_void_p * (1 + len(tensors)))(
            ctypes.addressof(numbers), *(tensor.data_ptr() for tensor in tensors)
        )
        _library.GOMP_parallel(kernel.address, pointers, _threads(x.numel()), 0)


def _threads(values: int) -> int:
    return max(1, min(torch.get_num_threads(), values // _FEWEST_VALUES))


def _sizes(x: Tensor, a: Tensor) -> tuple[int, int, int, int, bool]:
    """Batch, steps, channels, from one row's multiply-add to the next one's, and whether x is bfloat16."""
    batch, steps, channels = x.shape
    return batch, steps, channels, a.stride(0) if batch > 1 else channels, x.dtype == torch.bfloat16
