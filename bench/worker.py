"""The reference in a process of its own, which speaks when it is told to over a pipe.

In one process with anything else that computes, the OpenMP pools of both would slow each other down.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Protocol

from bench.measure import Timing
from telephony.settings import Settings
from telephony.speech import Samples
from telephony.telemetry import logs

_SAMPLE_RATE_HZ = 24_000
_EXIT_TIMEOUT_S = 10.0
# What the worker sends: one of these, or the seconds of a chunk of audio.
_READY = _DONE = "done"


class Plain(Protocol):
    """Speaks as the kokoro package does."""

    def speak(self, text: str, voice: str) -> Iterator[Samples]:
        """The text, chunk by chunk: float32 [samples] at 24 kHz."""
        ...


class WorkerError(RuntimeError):
    """The reference cannot be loaded, or cannot speak. The message says why."""


def load_reference(settings: Settings) -> Plain:
    """See `bench.reference.load`, whose packages only the worker imports."""
    from bench import reference

    return reference.load(settings)


class ReferenceProcess:
    """The reference, loaded, in a process of its own. A context manager; one thread at a time."""

    def __init__(self, settings: Settings, load: Callable[[Settings], Plain] = load_reference) -> None:
        """Starts the process. `load` is run there, so it has to be a function of a module.

        Raises:
            WorkerError: it cannot be loaded.
        """
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, settings, load), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self._receive()
        except WorkerError:
            self.close()
            raise

    def __enter__(self) -> ReferenceProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the process."""
        pid = self._process.pid
        assert pid is not None, "it was started"
        return pid

    def speak(self, text: str, voice: str, on_audio: Callable[[float], object]) -> None:
        """Speaks a text from beginning to end, telling the seconds of each chunk of audio when it is there.

        Raises:
            WorkerError: it cannot be spoken.
        """
        self._connection.send((text, voice))
        while (duration_s := self._receive()) is not None:
            on_audio(duration_s)

    def time(self, text: str, voice: str) -> Timing:
        """Speaks a text to nobody and says how long it took.

        Raises:
            WorkerError: it cannot be spoken, or has no speech in it.
        """
        began_s = time.monotonic()
        arrived_s: list[float] = []
        audio_s: list[float] = []

        def hear(duration_s: float) -> None:
            arrived_s.append(time.monotonic())
            audio_s.append(duration_s)

        self.speak(text, voice, hear)
        if not arrived_s:
            raise WorkerError("the text has no speech in it")
        return Timing(arrived_s[0] - began_s, time.monotonic() - began_s, sum(audio_s))

    def close(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.join(_EXIT_TIMEOUT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()

    def _receive(self) -> float | None:
        """Seconds of audio, or None where the worker has done what it was told to."""
        try:
            received = self._connection.recv()
        except (EOFError, ConnectionError):
            raise WorkerError("the reference's process has ended") from None
        if isinstance(received, WorkerError):
            raise received
        return None if received == _DONE else float(received)


def _work(connection: Connection, settings: Settings, load: Callable[[Settings], Plain]) -> None:
    """Loads the reference and speaks each text, until the other end is closed."""
    logs.configure("warning", settings.log_format)
    try:
        plain = load(settings)
        connection.send(_READY)
        while True:
            text, voice = connection.recv()
            try:
                for chunk in plain.speak(text, voice):
                    connection.send(len(chunk) / _SAMPLE_RATE_HZ)
            except Exception as error:  # noqa: BLE001 - told to whoever asked; the next text is spoken
                connection.send(WorkerError(f"{type(error).__name__}: {error}"))
            else:
                connection.send(_DONE)
    except (EOFError, ConnectionError):
        pass  # nobody asks for more
    except Exception as error:  # noqa: BLE001 - told to whoever waits for it
        connection.send(WorkerError(f"{type(error).__name__}: {error}"))
