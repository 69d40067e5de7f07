"""The telephony operator: a host's database, its text and its audio processor; barge-in, Piper and back, the end."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import time
from collections.abc import Callable

import pytest

from telephony.engines.kokoro.weights import KokoroWeights
from tests.clients import AudioProcessor, TextHost
from tests.journeys.checkout import START_TIMEOUT_S, Checkout, command

pytestmark = [pytest.mark.model, pytest.mark.slow]

MANUAL = "KOKORO_INTEGRATION.md"


def setting(checkout: Checkout, key: str) -> str:
    """A row of the host's table."""
    with contextlib.closing(sqlite3.connect(checkout.root / "host.db")) as connection:
        query = "SELECT value FROM system_config WHERE key = ?"
        return str(connection.execute(query, (key,)).fetchone()[0])


def tell(checkout: Checkout, message: str) -> None:
    """Sends a datagram, as an audio processor does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(message.encode(), ("127.0.0.1", checkout.udp_port))


def test_telephony_operator(
    checkout: Checkout, kokoro_weights: KokoroWeights, first_sound: Callable[[float], None]
) -> None:
    assert checkout.run(command(MANUAL, "--init-db")).returncode == 0
    switch = command(MANUAL, "sqlite3 host.db")
    assert checkout.run(switch).returncode == 0
    start = command("README.md", "./start-kokoro.sh")
    with checkout.start(start, KOKORO_DB="host.db") as daemon, AudioProcessor() as processor:
        port = daemon.wait_ready(START_TIMEOUT_S)
        assert setting(checkout, "kokoro_service_status") == "running"

        tell(checkout, f"REGISTER:{processor.call_id}")
        daemon.wait_line(f"event=processor_connected .*call={processor.call_id}")
        with TextHost(port, processor.call_id) as host:
            said_at = time.monotonic()
            host.say("Good morning, this is the reception. How can I help you today? " * 3)
            processor.wait(lambda heard: bool(heard.frames))
            first_sound(time.monotonic() - said_at)
            assert processor.frames[0].sample_rate == 24_000

            tell(checkout, f"CANCEL:{processor.call_id}")
            daemon.wait_line(f"event=call_interrupted .*call={processor.call_id}")
            heard = len(processor.frames)

            assert checkout.run(switch.replace("true", "false")).returncode == 0
            daemon.wait_line("event=selected engine=piper", START_TIMEOUT_S)
            host.say("Piper speaks now.")
            processor.wait(lambda reached: any(frame.sample_rate == 22_050 for frame in reached.frames[heard:]))

            assert checkout.run(switch).returncode == 0
            daemon.wait_line(r"(?s)event=selected engine=kokoro")
            tell(checkout, f"BYE:{processor.call_id}")
            processor.wait(lambda reached: reached.receptions[-1].ended)
        daemon.terminate()
        assert daemon.wait_exit() == 0
    assert setting(checkout, "kokoro_service_status") == "stopped"
