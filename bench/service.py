"""The service as an operator starts it: a process of its own, spoken to over its doors."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bench.measure import Timing
from bench.telephone import TextDoor
from telephony.tools import client

_ROOT = Path(__file__).parent.parent
_HOST = "127.0.0.1"
_EXIT_TIMEOUT_S = 60.0
_TIMEOUT_S = 300.0
_SAMPLE_BYTES, _SAMPLE_RATE_HZ = 2, 24_000
# An operator's own arrangements: others would speak, the benchmark be kept out, or a store answer for the engine.
_NOT_INHERITED = frozenset(
    (
        "KOKORO_DB",
        "KOKORO_CONFIG",
        "KOKORO_PRERENDER_FILE",
        "KOKORO_REDIS_URL",
        "KOKORO_PHRASE_DIR",
        "KOKORO_KEEP_PHRASES",
        "KOKORO_REQUESTS_PER_MINUTE",
        "API_KEY",
    )
)


class StartError(RuntimeError):
    """The service has ended before it was ready; its log says why."""


class NoSpeechError(ConnectionError):
    """A text was not spoken. `code`: why, as the session protocol has it, such as `busy`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class ServiceProcess:
    """The service on ports that were free. A context manager: it serves until the exit. Any thread may speak.

    Attributes:
        ready_s: seconds from its start to the line `ready:`.
        text_endpoint: the telephone's.
    """

    def __init__(self, *arguments: str, launcher: bool = True) -> None:
        """Starts it and waits until it is ready; the service's environment variables apply.

        Args:
            arguments: further flags of the service. Without one that says otherwise it keeps no phrases.
            launcher: by `./start-kokoro.sh`; else `kokoro_service.py` by this very Python.

        Raises:
            StartError: it does not start.
        """
        text_port, udp_port, self._http_port = _free_ports(socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_STREAM)
        flags = {
            "--host": _HOST,
            "--tcp-port": str(text_port),
            "--udp-port": str(udp_port),
            "--http-host": _HOST,
            "--http-port": str(self._http_port),
            "--audiosocket-port": "0",
            "--audio-route": "reply",
            "--stream": "false",
            "--exact": "false",
            "--request-log": "none",
            "--log-level": "warning",
            "--phrase-cache-mb": "0",
            "--phrase-memory-mb": "0",
        }
        program = [str(_ROOT / "start-kokoro.sh")] if launcher else [sys.executable, str(_ROOT / "kokoro_service.py")]
        began_s = time.monotonic()
        self._process = subprocess.Popen(
            [*program, *(part for flag in flags.items() for part in flag), *arguments],
            cwd=_ROOT,
            env={name: value for name, value in os.environ.items() if name not in _NOT_INHERITED},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        with contextlib.ExitStack() as failed:
            failed.callback(self.stop)
            self._wait_ready()
            failed.pop_all()
        self.ready_s = time.monotonic() - began_s
        self.text_endpoint = TextDoor(_HOST, text_port)

    def __enter__(self) -> ServiceProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Of the process; the launcher becomes the service, and keeps its number."""
        return self._process.pid

    def voices(self, engine: str) -> list[str]:
        """The voices of an engine that can be asked for, the default one first."""
        offered = client.voices(client.AgentClient(_HOST, self._http_port))
        return [str(voice["name"]) for voice in offered if voice["engine"] == engine]

    def say(self, text: str, voice: str | None = None, connected: Callable[[], object] = lambda: None) -> Timing:
        """Says a text window by window in a session of its own, and says how long its audio took to come.

        The time begins with the session, on a connection that is open already.

        Args:
            text: of any length.
            voice: a voice, a blend's name or a recipe; None for the service's own.
            connected: called once the connection is open.

        Raises:
            NoSpeechError: the service refuses the session, or does not speak the text.
        """
        first_s, audio_bytes = None, 0
        try:
            with connect(
                f"ws://{_HOST}:{self._http_port}/ws/tts",
                compression=None,
                open_timeout=_TIMEOUT_S,
                max_queue=None,
                proxy=None,
            ) as session:
                connected()
                began_s = time.monotonic()
                for message in (
                    {"type": "start_session", "config": {"voice": voice}},
                    {"type": "send_text", "text": text},
                    {"type": "end_session"},
                ):
                    session.send(json.dumps(message))
                while True:
                    received = session.recv(_TIMEOUT_S)
                    if isinstance(received, bytes):
                        first_s = first_s or time.monotonic() - began_s
                        audio_bytes += len(received)
                        continue
                    answer = json.loads(received)
                    if answer["type"] == "error":
                        raise NoSpeechError(answer["code"], answer["message"])
                    if answer["type"] == "session_ended":
                        break
        except ConnectionClosed as error:
            reason = "" if error.rcvd is None else error.rcvd.reason
            raise NoSpeechError(reason or "closed", str(error)) from None
        if first_s is None:
            raise NoSpeechError("silent", "the service sent no audio")
        return Timing(first_s, time.monotonic() - began_s, audio_bytes / _SAMPLE_BYTES / _SAMPLE_RATE_HZ)

    def stop(self) -> None:
        """Ends it, as an operator does."""
        self._process.terminate()
        try:
            self._process.wait(_EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _wait_ready(self) -> None:
        if not any(line.startswith("ready:") for line in self._process.stdout or ()):
            raise StartError(f"the service has ended with status {self._process.wait()} before it was ready")


def add_start_option(parser: argparse.ArgumentParser) -> None:
    """`--python`: how the service is started; `launcher` among the options."""
    parser.add_argument(
        "--python",
        dest="launcher",
        action="store_false",
        help="start kokoro_service.py with this Python, not ./start-kokoro.sh",
    )


def _free_ports(*kinds: socket.SocketKind) -> list[int]:
    """Different ports that nobody has at the moment."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket(socket.AF_INET, kind)) for kind in kinds]
        for probe in probes:
            probe.bind((_HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
