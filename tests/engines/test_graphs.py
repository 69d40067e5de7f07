"""Which calls go through a graph, and that they give what the function gives: on a CPU with a stand-in for captures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from telephony.engines.kokoro.graphs import Capture, CudaCapture, Graphs, Work
from telephony.engines.kokoro.weights import KokoroWeights
from tests.clients import EventLog
from tests.engines.test_vocoder import PHONEMES, SHORT, Bench


class StandIn:
    """A capture that does its work anew, into the same memory each time, and counts."""

    def __init__(self) -> None:
        self.replays = 0

    def __call__(self, work: Work) -> Work:
        result = work().clone()

        def replay() -> Tensor:
            self.replays += 1
            return result.copy_(work())

        return replay


def added(x: Tensor, y: Tensor) -> Tensor:
    return 2 * x + y


def rows(batch: int, width: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(batch)
    return torch.randn(batch, width, generator=generator), torch.randn(batch, width, generator=generator)


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
def graphs(stand_in: StandIn) -> Graphs:
    """Of `added`, with one for a batch of 8."""
    graphs = Graphs(added)
    graphs.capture(stand_in, *rows(8))
    return graphs


def test_a_batch_takes_the_graph_of_the_next_larger_size(graphs: Graphs, stand_in: StandIn) -> None:
    for batch in (8, 7, 8):
        inputs = rows(batch)
        torch.testing.assert_close(graphs(*inputs), added(*inputs))
    assert stand_in.replays == 3


@pytest.mark.parametrize("inputs", [rows(2), rows(5), rows(4, width=2), rows(40)])
def test_without_a_graph_of_that_shape_the_function_is_called(
    graphs: Graphs, stand_in: StandIn, inputs: tuple[Tensor, Tensor]
) -> None:
    torch.testing.assert_close(graphs(*inputs), added(*inputs))
    assert not stand_in.replays


def test_a_graph_keeps_no_hold_of_what_it_was_captured_with(stand_in: StandIn) -> None:
    graphs, inputs = Graphs(added), rows(1)
    graphs.capture(stand_in, *inputs)
    before = [tensor.clone() for tensor in inputs]
    other = (inputs[0] + 1, inputs[1] + 1)
    torch.testing.assert_close(graphs(*other), added(*other))
    assert all(torch.equal(*pair) for pair in zip(inputs, before, strict=True))


def test_what_cannot_be_captured_is_called_and_logged(events: EventLog) -> None:
    def refuse(work: Work) -> Work:
        raise RuntimeError("out of memory")

    graphs, inputs = Graphs(added), rows(4)
    graphs.capture(refuse, *inputs)
    torch.testing.assert_close(graphs(*inputs), added(*inputs))
    (event,) = events.found("graph_not_captured")
    assert event["batch"] == 4
    assert "out of memory" in event["error"]


def assert_windows_are_the_same(bench: Bench, capture: Capture) -> None:
    """Windows at the edges and inside, of utterances of two lengths, five in a batch of six."""
    acoustics = [bench.hear(phonemes) for phonemes in (PHONEMES, SHORT, PHONEMES, SHORT, PHONEMES)]
    last = acoustics[2].frames - 7
    turns = ([0, 32, last, 0, 16], [last, 0, 100, 16, 0])
    with torch.inference_mode():
        eager = [bench.vocoder.window(acoustics, starts, 16) for starts in turns]
        bench.vocoder.capture(capture, acoustics[0], 16, 6)
        for starts, expected in zip(turns, eager, strict=True):
            torch.testing.assert_close(bench.vocoder.window(acoustics, starts, 16), expected, rtol=0, atol=1e-4)


@pytest.mark.model
def test_windows_of_a_graph_are_those_of_the_network(kokoro_weights: KokoroWeights, stand_in: StandIn) -> None:
    assert_windows_are_the_same(Bench(kokoro_weights), stand_in)
    assert stand_in.replays == 2


@pytest.mark.model
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_windows_of_a_captured_graph_are_those_of_the_network(kokoro_weights: KokoroWeights, events: EventLog) -> None:
    assert_windows_are_the_same(Bench(kokoro_weights, torch.device("cuda")), CudaCapture())
    assert not events.found("graph_not_captured")
