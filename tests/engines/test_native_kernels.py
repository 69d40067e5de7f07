"""The kernels that are compiled for the processor give what torch's own operations give, whatever the shape."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from telephony.engines.kokoro.harmonic_source import FRAME_SAMPLES, HarmonicSource
from telephony.engines.kokoro.kernels import Kernels, KernelsUnavailableError, TorchKernels, compiled_kernels
from telephony.engines.kokoro.native import SplitDense, compile_loops
from telephony.engines.kokoro.parameters import Parameters

ROOT = Path(__file__).resolve().parents[2]
SHAPES = [(1, 1, 64), (1, 540, 256), (2, 33, 128), (3, 7, 22)]
PLAIN = TorchKernels()


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    return compiled_kernels(tmp_path_factory.mktemp("kernels"))


@pytest.fixture(params=[torch.bfloat16, torch.float32], ids=["bf16", "f32"])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    found: torch.dtype = request.param
    return found


@pytest.fixture(params=[1, 2], ids=["alone", "in two threads"], autouse=True)
def _threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def operands(shape: tuple[int, int, int], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """x, the multiply-add of a norm as a part of all norms', and Snake's factors."""
    torch.manual_seed(0)
    batch, _, channels = shape
    all_norms = torch.randn(2, batch, 1, 3 * channels)
    a, b = all_norms[..., channels : 2 * channels].unbind(0)
    alpha = torch.rand(1, 1, channels) * 2 + 0.3
    return torch.randn(shape).to(dtype), a, b, alpha / torch.pi, 1 / alpha


def assert_close(ours: Tensor, plain: Tensor) -> None:
    assert ours.dtype == plain.dtype
    # Half a step of bf16 is rounded to either side.
    torch.testing.assert_close(
        ours.float(), plain.float(), rtol=2**-7 if plain.dtype == torch.bfloat16 else 1e-5, atol=1e-5
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_snake(native: Kernels, shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    given = operands(shape, dtype)
    assert_close(native.snake(*given), PLAIN.snake(*given))


@pytest.mark.parametrize("pad", [0, 5])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_snake_in_eight_bits(native: Kernels, shape: tuple[int, int, int], dtype: torch.dtype, pad: int) -> None:
    x, a, b, u, inverse = operands(shape, dtype)
    steps = torch.full((1, 1, shape[2]), 30.0)
    ours, plain = (kernels.snake_steps(x, a, b, u, inverse, steps, pad) for kernels in (native, PLAIN))
    assert ours.dtype == torch.uint8
    assert ours.shape == plain.shape
    assert int((ours.int() - plain.int()).abs().max()) <= 1
    if pad:
        assert (ours[:, :pad] == 128).all()
        assert (ours[:, -pad:] == 128).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_leaky(native: Kernels, shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    x, a, b, *_ = operands(shape, dtype)
    assert_close(native.leaky(x, a, b), PLAIN.leaky(x, a, b))


@pytest.mark.parametrize("shape", [*SHAPES, (1, 30_000, 64)], ids=str)
def test_moments(native: Kernels, shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    x, *_ = operands(shape, dtype)
    for ours, plain in zip(native.moments(x), PLAIN.moments(x), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_merge3(native: Kernels, shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    x, *_ = operands(shape, dtype)
    assert_close(native.merge3(x, 2 * x, x - 1, 0.1), PLAIN.merge3(x, 2 * x, x - 1, 0.1))


@pytest.mark.parametrize("steps", [1, 7, 62])
def test_lstm(native: Kernels, steps: int) -> None:
    """As torch's, within the noise of float32: also rows that are shorter than their batch."""
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(20, 64, batch_first=True, bidirectional=True)
    x = torch.randn(2, steps, 20)
    with torch.inference_mode():
        ours = native.lstm(Parameters(lstm.state_dict(), torch.device("cpu")))
        torch.testing.assert_close(ours(x, None), lstm(x)[0], rtol=1e-5, atol=1e-5)
        shorter = ours(x, torch.tensor([steps, (steps + 1) // 2]))
        torch.testing.assert_close(shorter[0], lstm(x[:1])[0][0], rtol=1e-5, atol=1e-5)
        own, rest = shorter[1].split([(steps + 1) // 2, steps // 2])
        torch.testing.assert_close(own, lstm(x[1:, : len(own)])[0][0], rtol=1e-5, atol=1e-5)
        assert not rest.any()


@pytest.mark.parametrize("gelu", [False, True], ids=["plain", "gelu"])
@pytest.mark.parametrize("shape", [(1, 32, 32), (7, 96, 64), (16, 768, 32), (33, 64, 224), (130, 2048, 96)])
def test_linear_layers_in_float32(native: Kernels, shape: tuple[int, int, int], gelu: bool) -> None:
    """As in double precision, to less than a hundredth of what bfloat16 alone would be off."""
    torch.manual_seed(0)
    rows, inputs, outputs = shape
    x, weight, bias = torch.randn(2, rows, inputs), torch.randn(outputs, inputs), torch.randn(outputs)
    with torch.inference_mode():
        for given in (bias, None):
            exact = F.linear(x.double(), weight.double(), None if given is None else given.double())
            ours = native.dense(weight, given, torch.float32, gelu=gelu)(x)
            expected = F.gelu(exact, approximate="tanh") if gelu else exact
            assert ours.dtype == torch.float32
            assert ours.shape == expected.shape
            assert (ours - expected).norm() < 1e-5 * exact.norm()


def test_linear_layers_are_split_where_there_are_tiles(native: Kernels) -> None:
    if not torch.cpu._is_amx_tile_supported():
        pytest.skip("this processor has no tiles")
    assert isinstance(native.dense(torch.zeros(64, 32), None, torch.float32), SplitDense)
    for outputs, inputs, dtype in ((64, 32, torch.bfloat16), (48, 32, torch.float32), (64, 48, torch.float32)):
        layer = native.dense(torch.zeros(outputs, inputs), None, dtype)
        assert layer(torch.zeros(3, inputs, dtype=dtype)).shape == (3, outputs)
        assert not isinstance(layer, SplitDense)


def sources(native: Kernels) -> tuple[HarmonicSource, HarmonicSource]:
    """The compiled and the plain one, with one generator's parameters."""
    torch.manual_seed(0)
    merge = {"m_source.l_linear.weight": torch.randn(1, 9) / 9, "m_source.l_linear.bias": torch.full((1,), 0.01)}
    both = [kernels.source(Parameters(merge, torch.device("cpu"))) for kernels in (native, PLAIN)]
    ours, plain = (source for source in both if isinstance(source, HarmonicSource))
    assert type(ours) is not type(plain)
    return ours, plain


def pitch(batch: int, frames: int) -> Tensor:
    """Curves with gaps, in which there are also pitches below zero."""
    at = torch.arange(frames) / 20 + 3 * torch.arange(batch)[:, None]
    return torch.where(at.cos() > -0.6, 180 + 90 * at.sin(), 3 * (9 * at).sin())


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 61), (1, 320)], ids=str)
def test_the_harmonic_source_s_wave(native: Kernels, shape: tuple[int, int]) -> None:
    """As the plain one's, also in how its phases are rounded, which grow large."""
    f0 = pitch(*shape)
    with torch.inference_mode():
        ours, plain = (source._wave(f0, None, [7] * shape[0], reference_noise=False) for source in sources(native))
    assert ours.shape == (shape[0], shape[1] * FRAME_SAMPLES)
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (1, 4), (3, 61), (1, 8000)], ids=str)
def test_the_harmonic_source_s_transform(native: Kernels, shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    wave = torch.randn(shape[0], 5 * shape[1] + 15) / 10
    ours, plain = (source._spectrum(wave) for source in sources(native))
    torch.testing.assert_close(ours[..., :11], plain[..., :11], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(torch.polar(*ours.chunk(2, 2)), torch.polar(*plain.chunk(2, 2)), rtol=1e-5, atol=1e-6)
    # What is real has the angle 0 or pi, and never -pi.
    assert torch.equal(ours[..., [11, 21]], plain[..., [11, 21]])


def test_silence_has_no_angle(native: Kernels) -> None:
    ours, _ = sources(native)
    assert not ours._spectrum(torch.zeros(1, 115)).any()


def test_a_row_of_the_harmonic_source_is_as_alone(native: Kernels) -> None:
    ours, _ = sources(native)
    f0, lengths = pitch(3, 61), torch.tensor([61, 7, 30])
    padded = torch.where(torch.arange(61) < lengths[:, None], f0, 0)
    with torch.inference_mode():
        together = ours(padded, lengths, [1, 2, 3])
        for row, count in enumerate(lengths.tolist()):
            alone = ours(f0[row, None, :count], None, [row + 1])
            torch.testing.assert_close(together[row, : alone.shape[1]], alone[0], rtol=0, atol=1e-6)


@pytest.mark.slow
def test_they_run_in_torch_s_own_pool_of_threads(tmp_path: Path) -> None:
    """A second OpenMP library in the process would have a pool of its own, and both would spin."""
    code = """
from pathlib import Path
import sys
from tests.engines.test_native_kernels import compiled_kernels, operands
import torch
compiled_kernels(Path(sys.argv[1])).snake(*operands((1, 540, 256), torch.bfloat16))
print(len({line.split()[-1] for line in open("/proc/self/maps") if "omp" in line.rsplit("/", 1)[-1]}))
"""
    if not Path("/proc/self/maps").exists():
        pytest.skip("only Linux says what is mapped")
    command = [sys.executable, "-c", code, str(tmp_path)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["1"]


def test_nothing_of_the_compiler_stays(tmp_path: Path) -> None:
    compiled_kernels(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_a_compiler_it_is_said_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(KernelsUnavailableError, match="ziglang is missing"):
        compiled_kernels(tmp_path)


def test_where_nothing_can_be_written_it_is_said_why(tmp_path: Path) -> None:
    with pytest.raises(KernelsUnavailableError, match="nowhere"):
        compiled_kernels(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("system", "processor", "in_eight_bits"),
    [
        ("x86_64-linux-gnu", "haswell", False),
        ("x86_64-linux-gnu", "alderlake", True),
        ("x86_64-linux-gnu", "znver4", True),
        ("x86_64-linux-gnu", "sapphirerapids", True),
        ("aarch64-linux-gnu", "cortex_a72", False),
        ("aarch64-linux-gnu", "neoverse_n1", True),
    ],
)
def test_the_loops_compile_for_other_processors(
    tmp_path: Path, system: str, processor: str, in_eight_bits: bool
) -> None:
    library = tmp_path / "kernels.so"
    compile_loops(library, "-target", system, f"-mcpu={processor}", "-Werror")
    assert (b"residual_block" in library.read_bytes()) == in_eight_bits
