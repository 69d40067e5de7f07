"""`python -m bench.roofline`: how many operations a second each layer of Kokoro does, and how many could be done.

A long sentence is said in windows. Every group of layers is timed, and its products are counted by the shapes that go
in and come out, with the bytes that they touch at least: weights, inputs and outputs, once. The peaks are measured in
the same process: large products in float32 and bf16, a convolution in eight bits, the copy of a large array. What a
group does besides products counts as time only. `python -m bench.plot` draws it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial, wraps
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from bench import report, texts
from bench.product import settings_from_environment
from telephony.engines import catalog
from telephony.engines.kokoro.dense import Dense
from telephony.engines.kokoro.kernels import TorchKernels
from telephony.engines.kokoro.lstm import BidirectionalLstm
from telephony.engines.kokoro.model import KokoroEngine
from telephony.engines.kokoro.native import NativeLstm, SplitDense
from telephony.engines.kokoro.parameters import Parameters
from telephony.engines.kokoro.quantised import QuantisedSnakeConv
from telephony.engines.kokoro.stretches import LAYERS, StretchBlock
from telephony.settings import Settings
from telephony.telemetry import logs

_WIDTH, _ROWS, _COPIED = 2048, 256, 1 << 28
_BLOCK_TAPS = (7, 3, 7, 11, 11, 3, 7, 11)  # of Vocoder.blocks (config.json)


@dataclass
class Work:
    """Of a group of layers in one pass: operations (a multiply-add is two), bytes, seconds, and in which precision."""

    precision: str = ""
    operations: float = 0.0
    bytes: float = 0.0
    spent_s: float = 0.0


class Watch:
    """Counts and times the products of groups of layers while it is entered."""

    def __init__(self) -> None:
        self.groups: dict[str, Work] = {}
        self._within: list[Work] = []

    def group(self, name: str, module: nn.Module, method: str = "forward") -> None:
        """Adds what a module does to a group."""
        inner: Callable[..., Tensor] = getattr(module, method)

        @wraps(inner)
        def watched(*arguments: Any, **more: Any) -> Tensor:
            work = self.groups.setdefault(name, Work())
            self._within.append(work)
            began_s = time.perf_counter()
            y = inner(*arguments, **more)
            work.spent_s += time.perf_counter() - began_s
            self._within.pop()
            return y

        setattr(module, method, watched)
        for part in module.modules():
            if isinstance(part, Dense | SplitDense):
                part.register_forward_hook(self._count_product)
            elif isinstance(part, NativeLstm | BidirectionalLstm):
                part.register_forward_hook(self._count_recurrence)

    def block(self, name: str, block: nn.Module, taps: int, precision: str) -> None:
        """Adds what a residual block does to a group."""
        method = "stretch" if isinstance(block, StretchBlock) else "forward"
        inner: Callable[..., Tensor] = getattr(block, method)

        @wraps(inner)
        def counted(*arguments: Any, **more: Any) -> Tensor:
            y = inner(*arguments, **more)
            steps, channels = y.shape[-2:]
            activations = LAYERS * 2 * steps * channels + 3 * 2 * steps * channels * y.element_size()
            self._add(precision, 2 * LAYERS * taps * channels * channels * steps, activations)
            self._add(precision, 0, LAYERS * taps * channels * channels)
            return y

        setattr(block, method, counted)
        self.group(name, block, method)

    def _count_product(self, _module: nn.Module, arguments: tuple[Tensor, ...], y: Tensor) -> None:
        x = arguments[0]
        inputs, outputs = x.shape[-1], y.shape[-1]
        values = inputs * outputs + x.numel() + y.numel()
        precision = str(x.dtype).removeprefix("torch.")
        self._add(precision, 2 * inputs * y.numel(), values * x.element_size())

    def _count_recurrence(self, _module: nn.Module, _arguments: Any, y: Tensor) -> None:
        hidden = y.shape[-1] // 2
        steps = y.numel() // y.shape[-1]
        # Its weights are read anew at every step.
        self._add("float32", 2 * 2 * 4 * hidden * hidden * steps, 4 * 2 * 4 * hidden * hidden * steps)

    def _add(self, precision: str, operations: float, size: float) -> None:
        for work in self._within:
            work.precision = work.precision or precision
            work.operations += operations
            work.bytes += size


def watch(engine: KokoroEngine) -> Watch:
    """A watch over all of an engine's layers, for good."""
    found = Watch()
    acoustic, vocoder = engine._acoustic, engine.vocoder
    found.group("phoneme encoder", acoustic.encoder)
    for lstm in (*acoustic.lstms, acoustic.duration_lstm, acoustic.shared_lstm, acoustic.text_lstm):
        found.group("LSTMs", lstm)
    for name, blocks in (("pitch", acoustic.pitch_blocks), ("energy", acoustic.energy_blocks)):
        for block in blocks:
            found.group(name, block)
    for block in (acoustic.encode, *acoustic.decode):
        found.group("decoder", block)
    for up in vocoder.ups:
        found.group("upsampling", up)
    for number, (block, taps) in enumerate(zip(vocoder.quick_blocks, _BLOCK_TAPS, strict=True)):
        stage, branch = divmod(number, 4)
        kind = "residual" if branch else "noise"
        found.block(f"{kind} {stage}, kernel {taps}", block, taps, "int8" if "int8" in engine.precision else "bfloat16")
    return found


def layers(engine: KokoroEngine, rounds: int) -> dict[str, Work]:
    """The groups of layers of a long sentence and a window of it, the medians of some rounds."""
    counting = watch(engine)
    seen: dict[str, list[Work]] = {}
    with torch.inference_mode():
        for _ in range(rounds):
            counting.groups.clear()
            utterance = engine.prepare(texts.LATENCY["long sentence"], "af_sky", 1.0, False)
            while not utterance.finished:
                engine.render([utterance])
            for name, work in counting.groups.items():
                seen.setdefault(name, []).append(work)
    for each in seen.values():
        each[0].spent_s = median(work.spent_s for work in each)
    return {name: each[0] for name, each in seen.items()}


def peaks(engine: KokoroEngine, rounds: int) -> dict[str, float]:
    """Operations a second by precision, and `memory` in bytes a second: the best of some rounds."""
    found = {}
    with torch.inference_mode():
        for dtype in {torch.float32, engine.dtype}:
            product = engine._kernels.dense(torch.randn(_WIDTH, _WIDTH), None, dtype)
            x = torch.randn(_ROWS, _WIDTH, dtype=dtype)
            spent_s = _best_s(partial(product, x), rounds)
            found[str(dtype).removeprefix("torch.")] = 2 * _ROWS * _WIDTH * _WIDTH / spent_s
        if "int8" in engine.precision:
            found["int8"] = _best_of_eight_bits(rounds)
        source, target = torch.zeros(_COPIED, dtype=torch.uint8), torch.empty(_COPIED, dtype=torch.uint8)
        found["memory"] = 2 * _COPIED / _best_s(lambda: target.copy_(source), rounds)
    return found


def _best_of_eight_bits(rounds: int) -> float:
    """Of oneDNN's convolution in eight bits, as large as any, alone: its input is steps already."""
    channels, taps, steps = 256, 11, 800
    convolution = nn.Conv1d(channels, channels, taps)
    alpha, reach = torch.ones(1, channels, 1), torch.ones(channels)
    parameters = Parameters(convolution.state_dict(), torch.device("cpu"))
    layer = QuantisedSnakeConv(parameters, alpha, 1, reach, torch.bfloat16, TorchKernels())
    x = torch.randint(0, 256, (1, steps + taps - 1, channels), dtype=torch.uint8)
    return 2 * taps * channels * channels * steps / _best_s(lambda: layer._convolve(x), rounds)


def _best_s(run: Callable[[], object], rounds: int) -> float:
    spent = []
    for _ in range(3 * rounds):
        began_s = time.perf_counter()
        run()
        spent.append(time.perf_counter() - began_s)
    return min(spent)


def measure(settings: Settings, rounds: int) -> dict[str, Any]:
    """The JSON document."""
    engine = catalog.load_main(settings)
    assert isinstance(engine, KokoroEngine)
    highest = peaks(engine, rounds)
    return {
        "benchmark": "roofline",
        "machine": report.machine(settings.threads),
        "peaks": highest,
        "layers": {name: asdict(work) for name, work in layers(engine, rounds).items()},
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as tables for people."""
    highest = document["peaks"]
    rows = [
        (
            name,
            layer["precision"],
            f"{layer['spent_s'] * 1e3:.1f}",
            f"{layer['operations'] / 1e9:.1f}",
            f"{layer['operations'] / layer['bytes']:.0f}",
            f"{layer['operations'] / layer['spent_s'] / 1e9:.0f}",
            f"{layer['operations'] / layer['spent_s'] / highest[layer['precision']]:.0%}",
        )
        for name, layer in document["layers"].items()
    ]
    header = ("layers", "precision", "ms", "GOP", "OP/byte", "GOP/s", "of the peak")
    peak_rows = [(name, f"{value / 1e9:.0f}") for name, value in highest.items()]
    return f"{report.table(header, rows)}\n\n{report.table(('peak', 'GOP/s, GB/s'), peak_rows)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.roofline", __doc__)
    parser.add_argument("--rounds", type=int, default=5, help="times that the sentence is said (default 5)")
    options = parser.parse_args(arguments)
    settings = settings_from_environment()
    logs.configure("warning", settings.log_format)
    document = measure(settings, options.rounds)
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'roofline')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
