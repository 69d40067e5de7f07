"""Has the running service speak, and hears it: a client of its doors, for `telephony.say`."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from telephony.protocols import telephone
from telephony.speech import Samples

SESSION_SAMPLE_RATE = 24_000
"""Of all audio of a session, in Hz."""

_TIMEOUT_S = 120.0
_CLOSE_TIMEOUT_S = 2.0
_PCM16_FULL_SCALE = 32_767
_KEY_MISSING = 1008
_KEY_HINT = "give it by --api-key or API_KEY"
_VOICES_HINT = "--list-voices prints them"
_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Addresses to listen on that are none to connect to."""


class ServiceError(RuntimeError):
    """The service answered, but not with speech. The message says why."""


@dataclass(frozen=True)
class Sound:
    """A piece of speech as it arrived.

    Attributes:
        samples: float32 [samples].
        sample_rate: Hz.
        age_s: seconds since the first text was sent.
    """

    samples: Samples
    sample_rate: int
    age_s: float

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True)
class AgentClient:
    """Where the HTTP and WebSocket doors are, and the key that they ask for; empty for none."""

    host: str
    port: int
    api_key: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What each request and connection carries."""
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}


@dataclass(frozen=True)
class TelephoneClient:
    """Where the telephone's doors are: text on `tcp_port`, registration on `udp_port`."""

    host: str
    tcp_port: int
    udp_port: int


def call(doors: TelephoneClient, call_id: str, text: str) -> Generator[Sound, None, None]:
    """Says one text as a telephone host does. Whoever closes the generator early ends the call.

    Raises:
        OSError: the service cannot be reached, or does not answer in time.
        ServiceError: the reply is no audio.
        WireError: call id or text do not fit into a frame.
    """
    message = telephone.encode_hello(call_id) + telephone.encode_text(text) + telephone.encode_bye()
    decoder = telephone.AudioDecoder()
    with _connected(doors.host, doors.tcp_port) as connection:
        started = time.monotonic()
        ended = False
        try:
            connection.sendall(message)
            while data := connection.recv(65_536):
                decoder.receive(data)
                for event in decoder.events():
                    if isinstance(event, telephone.Audio):
                        yield Sound(event.samples, event.sample_rate, time.monotonic() - started)
            ended = True
        except telephone.WireError as error:
            raise _another_service(doors.host, doors.tcp_port, error) from None
        except TimeoutError:
            raise _no_answer(doors.host, doors.tcp_port) from None
        finally:
            if not ended:  # after the BYE above, the service would speak to the end
                _hang_up(doors, call_id)


def converse(
    doors: AgentClient, texts: Iterable[str], *, voice: str | None, speed: float | None
) -> Generator[Sound, None, None]:
    """Says texts while they come, over the session protocol. Whoever closes the generator early ends the session.

    A daemon thread takes and sends the texts: one that waits for text which never comes holds up nobody.

    Raises:
        OSError: the service cannot be reached; or the texts cannot be read, after those before were heard.
        ServiceError: it refuses the client, the voice or the speed, fails, or ends before it has spoken.
    """
    try:
        with connect(
            f"ws://{address(doors.host, doors.port)}/ws/tts",
            sock=_connected(doors.host, doors.port),
            additional_headers=doors.headers,
            compression=None,  # speech hardly shrinks
            close_timeout=_CLOSE_TIMEOUT_S,
            max_queue=None,  # a full queue would hold up the end of the connection too
            proxy=None,
        ) as connection:
            _send(connection, "start_session", config={"voice": voice, "speed": speed})
            _receive(connection)
            sender = _Sender(connection, texts)
            sender.start()
            while not isinstance(received := _receive(connection), dict) or received["type"] != "session_ended":
                if isinstance(received, bytes):
                    samples = np.frombuffer(received, "<i2").astype(np.float32) / np.float32(_PCM16_FULL_SCALE)
                    yield Sound(samples, SESSION_SAMPLE_RATE, time.monotonic() - sender.began_at)
            if sender.failure is not None:
                raise sender.failure
    except InvalidHandshake as error:
        raise _another_service(doors.host, doors.port, error) from None
    except ConnectionClosed as error:
        close = error.rcvd
        why = close.reason if close is not None and close.reason else "the service has ended the connection"
        hint = f": {_KEY_HINT}" if close is not None and close.code == _KEY_MISSING else ""
        raise ServiceError(why + hint) from None


def voices(doors: AgentClient) -> list[dict[str, Any]]:
    """Every voice that is loaded now: `name`, `language`, `engine`, `aliases`.

    Raises:
        OSError: the service cannot be reached.
        ServiceError: it refuses to tell.
    """
    connection = http.client.HTTPConnection(doors.host, doors.port, timeout=_TIMEOUT_S)
    connection.sock = _connected(doors.host, doors.port)
    try:
        with contextlib.closing(connection):
            connection.request("GET", "/v1/voices", headers=doors.headers)
            answer = connection.getresponse()
            body = json.load(answer)
    except (http.client.HTTPException, ValueError) as error:
        raise _another_service(doors.host, doors.port, error) from None
    if answer.status == http.client.UNAUTHORIZED:
        raise ServiceError(f"a valid API key is needed: {_KEY_HINT}")
    if answer.status != http.client.OK:
        raise ServiceError(f"the service answers {answer.status} {answer.reason}: {json.dumps(body)}")
    found: list[dict[str, Any]] = body["data"]
    return found


class _Sender(threading.Thread):
    """Sends the texts of a session.

    Attributes:
        began_at: when the first one left, on the monotonic clock.
        failure: why there are no more texts, if they could not be read.
    """

    def __init__(self, connection: ClientConnection, texts: Iterable[str]) -> None:
        super().__init__(name="say-text", daemon=True)
        self.began_at = 0.0
        self.failure: OSError | None = None
        self._connection = connection
        self._texts = texts

    def run(self) -> None:
        # A connection that is closed meanwhile tells the thread that receives.
        with contextlib.suppress(ConnectionClosed):
            try:
                for text in self._texts:
                    self.began_at = self.began_at or time.monotonic()
                    _send(self._connection, "send_text", text=text)
            except OSError as error:
                self.failure = error
            _send(self._connection, "end_session")


def _send(connection: ClientConnection, kind: str, **fields: Any) -> None:
    connection.send(json.dumps({"type": kind, **fields}))


def _receive(connection: ClientConnection) -> dict[str, Any] | bytes:
    received = connection.recv()
    if isinstance(received, bytes):
        return received
    message: dict[str, Any] = json.loads(received)
    if message["type"] == "error":
        hint = f"; {_VOICES_HINT}" if message["code"] == "bad_voice" else ""
        raise ServiceError(message["message"] + hint)
    return message


def address(host: str, port: int) -> str:
    """Where a client of a service connects that listens there, as in a URL."""
    host = _THIS_MACHINE.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listens(host: str, port: int) -> bool:
    """Whether anybody does."""
    try:
        _connected(host, port).close()
    except (OSError, ServiceError):
        return False
    return True


def _connected(host: str, port: int) -> socket.socket:
    try:
        return socket.create_connection((_THIS_MACHINE.get(host, host), port), timeout=_TIMEOUT_S)
    except socket.gaierror as error:
        raise ServiceError(f"there is no host {host}: {error.strerror}") from None
    except TimeoutError:
        raise _no_answer(host, port) from None


def _no_answer(host: str, port: int) -> ServiceError:
    return ServiceError(f"no answer from {address(host, port)} within {_TIMEOUT_S:.0f} s")


def _another_service(host: str, port: int, error: Exception) -> ServiceError:
    return ServiceError(f"what answers on {address(host, port)} is not this service: {error}")


def _hang_up(doors: TelephoneClient, call_id: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(f"BYE:{call_id}".encode(), (_THIS_MACHINE.get(doors.host, doors.host), doors.udp_port))
