"""The service that most journeys meet: real, started once by the README's command."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from telephony.engines.kokoro.weights import KokoroWeights
from tests.clients import Daemon
from tests.journeys.checkout import START_TIMEOUT_S, Checkout, command


@dataclass(frozen=True)
class Running:
    """A checkout in which the service runs.

    Attributes:
        starting_s: seconds until its first line.
        start_s: seconds until it was ready.
    """

    checkout: Checkout
    daemon: Daemon
    starting_s: float
    start_s: float


@pytest.fixture
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """One that nothing runs in."""
    return Checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, kokoro_weights: KokoroWeights) -> Iterator[Running]:
    """The real service, with the door for Asterisk."""
    checkout = Checkout(tmp_path_factory.mktemp("running"))
    began = time.monotonic()
    with checkout.start(
        command("README.md", "./start-kokoro.sh"), KOKORO_AUDIOSOCKET_PORT=str(checkout.audiosocket_port)
    ) as daemon:
        daemon.wait_line("event=starting", START_TIMEOUT_S)
        starting_s = time.monotonic() - began
        daemon.wait_ready(START_TIMEOUT_S)
        yield Running(checkout, daemon, starting_s, time.monotonic() - began)
        daemon.terminate()
        assert daemon.wait_exit() == 0


@pytest.fixture
def first_sound(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Callable[[float], None]:
    """Prints how long a user waited for the first sound."""

    def tell(seconds: float) -> None:
        with capsys.disabled():
            print(f"\n{request.node.name}: first sound after {seconds:.3f} s")

    return tell
