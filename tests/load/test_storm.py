"""A storm of registrations for calls that nobody has: the calls that speak do not notice."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from telephony.listeners import connector
from telephony.service import Service
from tests.clients import AudioProcessor, EventLog, TextHost, figure, joined, register, tone, tone_samples, until
from tests.conftest import StartService
from tests.load.conftest import Size

pytestmark = [pytest.mark.alone, pytest.mark.slow]

SILENT_PORT_CALL = 65_535 - 9002
"""Nobody listens there, and the system gives that port to no outgoing connection."""


def test_a_storm_of_registrations_costs_neither_threads_nor_descriptors_nor_anybodys_speech(
    service: StartService, events: EventLog, size: Size
) -> None:
    door = service(max_calls=20_000)
    before, descriptors_before = threading.active_count(), descriptors()
    most_threads = most_descriptors = 0
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        for number in range(size(400, 10_000)):
            # Distinct calls, whose processors would be at the same port.
            storm(door.udp_port, f"{SILENT_PORT_CALL:0{10 + number % 200}}" if number < 200 else f"nobody {number}")
            if number % 50 == 49:
                # The kernel keeps some hundred datagrams, and loses the rest.
                until(lambda sent=number + 1: answered(events) == sent)  # type: ignore[misc]
            most_threads = max(most_threads, threading.active_count() - before)
            most_descriptors = max(most_descriptors, descriptors() - descriptors_before)
        # While none of those that fill all places was tried yet, one more is refused: it registers again then.
        until(lambda: connected(door, events, processor.call_id))
        host.say("Heard amid the storm.")
        np.testing.assert_array_equal(
            joined(processor.wait_samples(tone_samples("Heard amid the storm."))), tone("Heard amid the storm.")
        )
        assert most_threads <= 10
        assert most_descriptors <= 2 * connector.MAX_UNCONNECTED
        assert figure(door, "tts_processors_crowded_out_total") > 0
        until(lambda: figure(door, "tts_active_calls") <= connector.MAX_UNCONNECTED + 1)


def storm(port: int, call_id: str) -> None:
    """One registration."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(f"REGISTER:{call_id}".encode(), ("127.0.0.1", port))


def connected(door: Service, events: EventLog, call_id: str) -> bool:
    """Whether a processor is connected; if not, it registers."""
    if not events.found("processor_connected", call=call_id):
        register(door, call_id)
    return bool(events.found("processor_connected", call=call_id))


def answered(events: EventLog) -> int:
    """How many registrations were taken or refused so far."""
    return len(events.found("registered")) + len(events.found("refused", code="registration_refused"))


def descriptors() -> int:
    """How many this process has."""
    path = Path("/proc/self/fd")
    if not path.exists():
        pytest.skip("this system does not tell")
    return len(list(path.iterdir()))
