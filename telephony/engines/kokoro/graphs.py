"""CUDA graphs: a function of tensors, launched as a whole instead of kernel by kernel.

A graph has fixed shapes and addresses. So there is one for each shape and each of a few batch sizes, its inputs are
copied into buffers of its own, and rows that a batch lacks keep what they held before: rows must not influence each
other.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
import torch
from torch import Tensor

log = structlog.get_logger()

BATCHES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""The batch sizes that graphs are captured for; what lies between takes the next larger one."""

Work = Callable[[], Tensor]
Capture = Callable[[Work], Work]
"""Makes work that reads and writes the same memory each time quick to repeat; RuntimeError where it cannot."""


class Graphs:
    """Calls a function by its graph where there is one, else directly. One thread: the one that owns the device.

    Args:
        function: of tensors whose first dimension is the batch, to one such tensor. It must do the same work for the
            same shapes, without a look at the values.
    """

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self._function = function
        self._graphs: dict[tuple[int | torch.Size, ...], _Graph] = {}

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The function's result. That of a graph is overwritten by the next call: take it at once."""
        graph = self._graphs.get(_key(inputs)) if self._graphs else None
        return self._function(*inputs) if graph is None else graph(inputs)

    def __len__(self) -> int:
        """How many graphs there are."""
        return len(self._graphs)

    def capture(self, capture: Capture, *inputs: Tensor) -> None:
        """Captures a graph for inputs like these, their batch one of BATCHES; failing that, a log line."""
        try:
            self._graphs[_key(inputs)] = _Graph(self._function, capture, inputs)
        except RuntimeError as error:
            log.warning(
                "graph_not_captured",
                batch=len(inputs[0]),
                error=f"{type(error).__name__}: {error}"[:300],
                effect="windows of this shape are slower",
            )


class CudaCapture:
    """A `Capture` on the current CUDA device. Its graphs share memory, so one at a time may run."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, work: Work) -> Work:
        """See `Capture`."""
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        current = torch.cuda.current_stream()
        side.wait_stream(current)
        with torch.cuda.stream(side):
            work()  # what is loaded or chosen at the first call cannot be captured
        current.wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        # Only this thread's calls are of the graph: others may use the device meanwhile.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            result = work()

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay


class _Graph:
    """One graph with its input buffers, which begin as copies of `inputs`."""

    def __init__(self, function: Callable[..., Tensor], capture: Capture, inputs: tuple[Tensor, ...]) -> None:
        self._buffers = [tensor.clone(memory_format=torch.contiguous_format) for tensor in inputs]
        self._replay = capture(lambda: function(*self._buffers))

    def __call__(self, inputs: tuple[Tensor, ...]) -> Tensor:
        batch = len(inputs[0])
        for buffer, rows in zip(self._buffers, inputs, strict=True):
            buffer[:batch].copy_(rows)
        return self._replay()[:batch]


def _key(inputs: tuple[Tensor, ...]) -> tuple[int | torch.Size, ...]:
    """The batch size of the graph for such inputs (their own where it is beyond all), and the shapes of their rows."""
    batch = len(inputs[0])
    return next((size for size in BATCHES if size >= batch), batch), *(tensor.shape[1:] for tensor in inputs)
