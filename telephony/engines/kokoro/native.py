"""The kernels for processors, compiled for the very one at each start, in a third of a second.

The compiler comes with the requirements (Clang, in the package ziglang), so none has to be installed. The loops are in
`kernels.c` and `source.c`. They run in the very pool of threads that torch's own operations use.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from ctypes import POINTER, Structure, c_bool, c_float, c_int, c_int64, c_void_p
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telephony.engines.kokoro import stretches
from telephony.engines.kokoro.dense import Dense, MakeDense
from telephony.engines.kokoro.harmonic_source import AMPLITUDE, FFT_SAMPLES, FRAME_SAMPLES, HOP_SAMPLES, HarmonicSource
from telephony.engines.kokoro.kernels import MOST_STEPS, SIN2_COEFFICIENTS, ZERO_STEP, KernelsUnavailableError
from telephony.engines.kokoro.lstm import PARTS, WAYS
from telephony.engines.kokoro.parameters import Parameters
from telephony.engines.kokoro.ragged import Lengths
from telephony.engines.kokoro.stretches import StretchBlock

_SOURCES = [Path(__file__).with_name(name) for name in ("kernels.c", "convolution.c", "source.c")]
# Not all of -ffast-math's assumptions are needed, but sums in any order and no exact signs of zero are.
# Freestanding: Clang's headers of instructions then want none of a C library, which a slim container lacks.
_FLAGS = ["-O3", "-ffast-math", "-ffreestanding", "-shared", "-fPIC", "-nostdlib"]
_FOR_THIS_PROCESSOR = ["-mcpu=native"]
if platform.machine() in {"x86_64", "AMD64"}:
    # Where there are such: a third faster than Clang's own choice of 256.
    _FOR_THIS_PROCESSOR.append("-mprefer-vector-width=512")
_PATIENCE_S = 60.0
# kernels.c's TILE and DEPTH.
_TILE, _DEPTH = 16, 32
# kernels.h's LANES.
_LANES = 16
# Values a thread should at least have: below, waking the others takes longer than the work.
_FEWEST_VALUES = 16_384


class _Pass(Structure):
    _fields_ = [
        *((name, c_int64) for name in ("batch", "steps", "channels", "stride", "pad")),
        *((name, c_void_p) for name in ("x", "scale", "shift", "u", "inverse", "width", "y")),
    ]


class _Merge(Structure):
    _fields_ = [("values", c_int64), ("slope", c_float), *((name, c_void_p) for name in ("p", "q", "r", "y"))]


class _Moments(Structure):
    _fields_ = [("steps", c_int64), ("channels", c_int64), *((name, c_void_p) for name in ("x", "some", "total"))]


class _Lstm(Structure):
    _fields_ = [
        *((name, c_int64) for name in ("steps", "hidden")),
        *((name, c_void_p) for name in ("inputs", "weight", "state", "y")),
    ]


class _Excitation(Structure):
    _fields_ = [
        *((name, c_int64) for name in ("batch", "frames")),
        *((name, c_void_p) for name in ("phase", "voiced", "weight", "bias", "noise", "y")),
    ]


class _Spectrum(Structure):
    _fields_ = [
        *((name, c_int64) for name in ("batch", "steps")),
        *((name, c_void_p) for name in ("wave", "transform", "y")),
    ]


class _Product(Structure):
    _fields_ = [
        *((name, c_int64) for name in ("rows", "inputs", "outputs")),
        *((name, c_void_p) for name in ("x", "weight", "bias", "split", "y")),
        ("gelu", c_bool),
    ]


# Gates of an LSTM whose weights lie together; kernels.c's BLOCK * LANES.
_GATES_AT_ONCE = 128

_ARGUMENTS = {"snake": _Pass, "snake_steps": _Pass, "leaky": _Pass, "merge3": _Merge, "moments": _Moments}


def compiled_library(directory: Path) -> ctypes.CDLL:
    """The loops, compiled and loaded.

    Args:
        directory: where the machine code is while it is loaded; programs must be allowed there.

    Raises:
        KernelsUnavailableError: the compiler or torch's OpenMP library is missing, or it cannot be written or loaded.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="kernels-", dir=directory) as scratch:
            library = Path(scratch, "kernels.so")
            compile_loops(library, *_FOR_THIS_PROCESSOR)
            return ctypes.CDLL(str(library))
    except OSError as error:
        raise KernelsUnavailableError(str(error)) from error


def compile_loops(library: Path, *flags: str) -> None:
    """Writes a shared library of the loops; beside it the compiler's own files.

    Args:
        library: its file.
        flags: Clang's, for a processor.

    Raises:
        KernelsUnavailableError: the compiler is missing or failed.
        OSError: it cannot be written or started.
    """
    package = importlib.util.find_spec("ziglang")
    if package is None or package.origin is None:
        raise KernelsUnavailableError("the package ziglang is missing")
    compiler = Path(package.origin).with_name("zig")
    constants = {f"SIN2_{power}": f"{value!r}f" for power, value in enumerate(SIN2_COEFFICIENTS)}
    constants |= {"MOST_STEPS": str(MOST_STEPS), "ZERO_STEP": str(ZERO_STEP)}
    defined = (f"-D{name}={value}" for name, value in constants.items())
    cache = str(library.parent)
    try:
        subprocess.run(
            [compiler, "cc", *_FLAGS, *flags, *defined, "-o", library, *_SOURCES],
            env=os.environ | {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache},
            check=True,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
        )
    except subprocess.CalledProcessError as error:
        raise KernelsUnavailableError(f"the compiler failed: {error.stderr.strip()[:300]}") from error
    except subprocess.TimeoutExpired as error:
        raise KernelsUnavailableError(str(error)) from error


class NativeKernels:
    """The kernels of `kernels.py`, on tensors of a processor: bfloat16 or float32, contiguous. One thread at a time.

    Args:
        library: the loops.

    Attributes:
        eight_bits: see `Kernels`.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        for name, structure in _ARGUMENTS.items():
            function = getattr(library, name)
            function.argtypes = (POINTER(structure), c_bool, c_int)
            function.restype = None
        alone = {"lstm": _Lstm, "excitation": _Excitation, "spectrum": _Spectrum}
        for name, structure in alone.items():
            function = getattr(library, name)
            function.argtypes = (POINTER(structure), c_int)
            function.restype = None
        self.eight_bits = stretches.declare(library) and not _has_tiles()
        self._splits = _has_tiles() and hasattr(library, "split_product")
        if self._splits:
            library.split_product.argtypes = (POINTER(_Product), c_int)
            library.split_product.restype = None

    def dense(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, *, gelu: bool = False) -> nn.Module:
        """See `Kernels`. In float32 by `SplitDense`, where the processor has tiles."""
        fits = weight.shape[0] % (2 * _TILE) == 0 == weight.shape[1] % _DEPTH
        if self._splits and fits and dtype == torch.float32:
            return SplitDense(weight, bias, self._library, gelu=gelu)
        return Dense(weight, bias, dtype, gelu=gelu)

    def lstm(self, parameters: Parameters) -> nn.Module:
        """See `Kernels`."""
        return NativeLstm(parameters, self._library, self.dense)

    def block(self, parameters: Parameters, first_site: int, reaches: Sequence[Tensor]) -> nn.Module | None:
        """See `Kernels`. None where the processor has tiles, which oneDNN uses and `convolution.c` does not."""
        return StretchBlock(parameters, first_site, reaches, self._library) if self.eight_bits else None

    def source(self, generator: Parameters) -> nn.Module:
        """See `Kernels`."""
        return NativeSource(generator, self._library)

    def snake(self, x: Tensor, a: Tensor, b: Tensor, u: Tensor, inverse: Tensor) -> Tensor:
        """See `kernels.snake`."""
        y = torch.empty_like(x)
        self._run("snake", x, _pass(x, a, b, y, u=u.data_ptr(), inverse=inverse.data_ptr()))
        return y

    def snake_steps(  # noqa: PLR0917
        self, x: Tensor, a: Tensor, b: Tensor, u: Tensor, inverse: Tensor, steps: Tensor, pad: int
    ) -> Tensor:
        """See `kernels.snake_steps`."""
        y = torch.empty(x.shape[0], x.shape[1] + 2 * pad, x.shape[2], dtype=torch.uint8)
        pointers = {"u": u.data_ptr(), "inverse": inverse.data_ptr(), "width": steps.data_ptr()}
        self._run("snake_steps", x, _pass(x, a, b, y, pad=pad, **pointers))
        return y

    def leaky(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """See `kernels.leaky`."""
        y = torch.empty_like(x)
        self._run("leaky", x, _pass(x, a, b, y))
        return y

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `kernels.moments`."""
        batch, steps, channels = x.shape
        threads = _threads(x[0].numel())
        total = torch.zeros(batch, threads, 2, channels, dtype=torch.float64)
        some = torch.empty(threads, 2, channels)
        for row, sums in zip(x, total, strict=True):
            self._run("moments", row, _Moments(steps, channels, row.data_ptr(), some.data_ptr(), sums.data_ptr()))
        mean, square = (total.sum(1) / steps).float()[:, :, None].unbind(1)
        return mean, square

    def merge3(self, p: Tensor, q: Tensor, r: Tensor, slope: float) -> Tensor:
        """See `kernels.merge3`."""
        y = torch.empty_like(p)
        self._run("merge3", p, _Merge(p.numel(), slope, p.data_ptr(), q.data_ptr(), r.data_ptr(), y.data_ptr()))
        return y

    def _run(self, name: str, x: Tensor, arguments: Structure) -> None:
        """Runs a kernel over x in as many threads as it is worth."""
        getattr(self._library, name)(arguments, x.dtype == torch.bfloat16, _threads(x.numel()))


class NativeLstm(nn.Module):
    """As `BidirectionalLstm`, both directions at once, each in a thread; for a multiple of 32 hidden channels.

    Args:
        parameters: as torch.nn.LSTM names them.
        library: the loops.
        make_dense: makes the product of the inputs.
    """

    def __init__(self, parameters: Parameters, library: ctypes.CDLL, make_dense: MakeDense) -> None:
        super().__init__()
        self._library = library
        of_inputs, of_hidden, *biases = (torch.cat([parameters[part + way] for way in WAYS]) for part in PARTS)
        self._hidden = of_hidden.shape[1]
        self._inputs = make_dense(of_inputs, sum(biases, torch.zeros(())), torch.float32)
        blocks = of_hidden.view(2, -1, _GATES_AT_ONCE, self._hidden)
        self._weight = blocks.transpose(2, 3).contiguous()

    def forward(self, x: Tensor, lengths: Lengths) -> Tensor:
        """See `BidirectionalLstm`."""
        batch, steps, _ = x.shape
        inputs = self._inputs(x)
        y = torch.zeros(batch, steps, 2 * self._hidden)
        state = torch.empty(2, 5, self._hidden)
        for row, count in enumerate([steps] * batch if lengths is None else lengths.tolist()):
            places = (inputs[row].data_ptr(), self._weight.data_ptr(), state.data_ptr(), y[row].data_ptr())
            self._library.lstm(_Lstm(count, self._hidden, *places), min(2, torch.get_num_threads()))
        return y


class NativeSource(HarmonicSource):
    """As `HarmonicSource`, with all that it does to a sample in one pass, and to a step of the transform in another.

    Args:
        generator: whose parameters it has.
        library: the loops.
    """

    def __init__(self, generator: Parameters, library: ctypes.CDLL) -> None:
        super().__init__(generator)
        self._library = library
        self._amplitudes = (AMPLITUDE * self.weight).contiguous()
        parts = self.transform.view(FFT_SAMPLES, 2, -1)
        self._parts = F.pad(parts, (0, _LANES - parts.shape[2])).contiguous()

    def _excitation(self, phase: Tensor, voiced: Tensor, noise: Tensor) -> Tensor:
        batch, frames, _ = phase.shape
        y = torch.empty(batch, frames * FRAME_SAMPLES)
        given = (phase.contiguous(), voiced.contiguous(), self._amplitudes, self.bias, noise.contiguous(), y)
        places = (each.data_ptr() for each in given)
        self._library.excitation(_Excitation(batch, frames, *places), _threads(y.numel()))
        return y

    def _spectrum(self, wave: Tensor) -> Tensor:
        batch, samples = wave.shape
        steps = (samples - FFT_SAMPLES) // HOP_SAMPLES + 1
        y = torch.empty(batch, steps, FFT_SAMPLES + 2)
        places = (each.data_ptr() for each in (wave.contiguous(), self._parts, y))
        self._library.spectrum(_Spectrum(batch, steps, *places), _threads(y.numel()))
        return y


class SplitDense(nn.Module):
    """As `Dense` in float32, to an error of 5e-6, at two to three times its speed: on tiles of bfloat16 (AMX).

    Each number is taken as the sum of two bfloat16 numbers. One of bfloat16 alone would change how long phonemes last.

    Args:
        weight: [Cout, Cin] float32; Cin and Cout are multiples of 32.
        bias: [Cout].
        library: the loops.
        gelu: whether GELU (the tanh form) follows.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, library: ctypes.CDLL, *, gelu: bool = False) -> None:
        super().__init__()
        self._library, self._gelu = library, gelu
        self._outputs, self._inputs = weight.shape
        upper = weight.bfloat16()
        halves = torch.stack([upper, (weight - upper.float()).bfloat16()])
        tiles = halves.view(2, self._outputs // _TILE, _TILE, self._inputs // _DEPTH, _DEPTH // 2, 2)
        self._weight = tiles.permute(1, 3, 0, 4, 2, 5).contiguous()
        self._bias = torch.zeros(self._outputs) if bias is None else bias.float().contiguous()

    def forward(self, x: Tensor) -> Tensor:
        """[..., Cin] float32 -> [..., Cout]"""
        rows = x.reshape(-1, self._inputs).contiguous()
        count = len(rows)
        y = torch.empty(count, self._outputs)
        split = torch.empty(-(-count // _TILE) * _TILE, 2 * self._inputs, dtype=torch.bfloat16)
        places = (each.data_ptr() for each in (rows, self._weight, self._bias, split, y))
        product = _Product(count, self._inputs, self._outputs, *places, self._gelu)
        self._library.split_product(product, min(torch.get_num_threads(), self._outputs // (2 * _TILE)))
        return y.view(*x.shape[:-1], self._outputs)


def _has_tiles() -> bool:
    """Whether the processor has tiles of bfloat16, the system lets this process use them, and oneDNN may too."""
    return bool(
        torch.ops.mkldnn._is_mkldnn_bf16_supported() and torch.cpu._is_amx_tile_supported() and torch.cpu._init_amx()
    )


def _threads(values: int) -> int:
    return max(1, min(torch.get_num_threads(), values // _FEWEST_VALUES))


def _pass(x: Tensor, a: Tensor, b: Tensor, y: Tensor, **more: int) -> _Pass:
    """Arguments of a pass with the multiply-adds a, b, each a row of float32 for a row of x."""
    batch, steps, channels = x.shape
    return _Pass(
        batch=batch,
        steps=steps,
        channels=channels,
        stride=a.stride(0),
        x=x.data_ptr(),
        scale=a.data_ptr(),
        shift=b.data_ptr(),
        y=y.data_ptr(),
        **more,
    )
