"""Calls on the text door of a service, as a telephone host makes them; audio comes back as replies."""

from __future__ import annotations

import itertools
import socket
import time
from collections import deque
from dataclasses import dataclass

from bench.measure import Timing
from telephony.protocols import telephone

_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Arrival:
    """Audio that has come: when its last byte was there (seconds, monotonic), and how many seconds it lasts."""

    at_s: float
    duration_s: float


class TextDoor:
    """Where hosts connect. Any thread."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._numbers = itertools.count(1)

    def call(self, call_id: str | None = None) -> Call:
        """A new call, connected and greeted."""
        return Call(*self._address, call_id or f"bench-{next(self._numbers)}")

    def time(self, text: str) -> Timing:
        """Says a text on a call that was connected before, and says how long its audio took to come.

        Raises:
            ConnectionError: the service sent no audio.
        """
        call = self.call()
        try:
            started_s = time.monotonic()
            call.say(text)
            call.finish()
            arrivals = []
            while (arrival := call.receive(_TIMEOUT_S)) is not None:
                arrivals.append(arrival)
        finally:
            call.close()
        if not arrivals:
            raise ConnectionError("the service sent no audio")
        audio_s = sum(arrival.duration_s for arrival in arrivals)
        return Timing(arrivals[0].at_s - started_s, arrivals[-1].at_s - started_s, audio_s)


class Call:
    """One call, its audio coming back as replies. Not thread-safe."""

    def __init__(self, host: str, port: int, call_id: str) -> None:
        self._connection = socket.create_connection((host, port), timeout=_TIMEOUT_S)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.sendall(telephone.encode_hello(call_id))
        self._decoder = telephone.AudioDecoder()
        self._arrived: deque[Arrival] = deque()

    def say(self, text: str) -> None:
        """Sends a text."""
        self._connection.sendall(telephone.encode_text(text))

    def finish(self) -> None:
        """Sends BYE: what was said is still spoken, then the connection ends."""
        self._connection.sendall(telephone.encode_bye())

    def receive(self, timeout_s: float) -> Arrival | None:
        """The next audio frame; None at the end of the connection, or when `timeout_s` seconds are over."""
        deadline = time.monotonic() + timeout_s
        while not self._arrived:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return None
            self._connection.settimeout(left_s)
            try:
                data = self._connection.recv(65_536)
            except TimeoutError:
                return None
            if not data:
                return None
            self._decode(data)
        return self._arrived.popleft()

    def close(self) -> None:
        """Hangs up; what was not spoken yet is dropped."""
        self._connection.close()

    def _decode(self, data: bytes) -> None:
        at_s = time.monotonic()
        self._decoder.receive(data)
        for event in self._decoder.events():
            if isinstance(event, telephone.Audio):
                self._arrived.append(Arrival(at_s, len(event.samples) / event.sample_rate))
