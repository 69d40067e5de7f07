"""The other ends of the service's sockets, for tests: text host, audio processor, datagrams, the daemon as a process.

They follow the written protocol, not the code under test, and everything that waits has a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import re
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import structlog
from websockets.sync.client import connect

from telephony.engines.base import Utterance
from telephony.engines.tone import SECONDS_PER_CHARACTER, ToneEngine, ToneUtterance, pitch_hz
from telephony.service import Service
from telephony.speech import Samples, Voice

if TYPE_CHECKING:
    pass

T = TypeVar("T")

TIMEOUT_S = 20.0
"""Long enough for a machine that is busy with something else; no test waits it out when all is well."""

ROOT = Path(__file__).resolve().parent.parent
MAX_AUDIO_BYTES = 10 * 1024 * 1024
HEADER_BYTES = 12
PROCESSOR_BASE_PORT = 9002

_LENGTH = struct.Struct(">I")
_HEADER = struct.Struct(">III")


@dataclass(frozen=True, eq=False)
class Frame:
    """One audio frame as it came off a socket."""

    samples: Samples
    sample_rate: int
    chunk_id: int


def frame_bytes(payload: str | bytes) -> bytes:
    """A HELLO or text frame."""
    data = payload.encode() if isinstance(payload, str) else payload
    return _LENGTH.pack(len(data)) + data


BYE = _LENGTH.pack(0xFFFFFFFF)


def take_frame(buffer: bytearray) -> Frame | None:
    """Takes a complete audio frame off the front of `buffer`; None while there is none."""
    if len(buffer) < HEADER_BYTES:
        return None
    length, sample_rate, chunk_id = _HEADER.unpack(buffer[:HEADER_BYTES])
    assert length <= MAX_AUDIO_BYTES, f"an audio frame of {length} bytes"
    assert length % 4 == 0, f"an audio frame of {length} bytes is not float32"
    if len(buffer) < HEADER_BYTES + length:
        return None
    samples = np.frombuffer(bytes(buffer[HEADER_BYTES : HEADER_BYTES + length]), dtype="<f4")
    del buffer[: HEADER_BYTES + length]
    return Frame(samples, sample_rate, chunk_id)


def joined(frames: Sequence[Frame]) -> Samples:
    """The samples of all frames, in order."""
    return np.concatenate([frame.samples for frame in frames])


def chunk_ids(frames: Sequence[Frame]) -> list[int]:
    """The chunk ids of all frames, in order."""
    return [frame.chunk_id for frame in frames]


def tone_samples(text: str, sample_rate: int = 24_000) -> int:
    """How many samples the tone engine makes of a segment."""
    return math.ceil(SECONDS_PER_CHARACTER * len(text) * sample_rate)


def tone(text: str) -> Samples:
    """What the tone engine says for a segment, at 24 kHz."""
    phase = 2 * np.pi * pitch_hz(text) * np.arange(tone_samples(text)) / 24_000
    return (0.5 * np.sin(phase)).astype(np.float32)


def dominant_hz(samples: Samples, sample_rate: int) -> float:
    """The loudest frequency of the first second, in Hz, to within half of the FFT's step."""
    head = samples[:sample_rate]
    spectrum = np.abs(np.fft.rfft(head * np.hanning(len(head))))
    return float(np.argmax(spectrum) * sample_rate / len(head))


class TextHost:
    """A telephone host's text connection. `with` closes it.

    Args:
        port: the text door.
        call_id: said as HELLO at once, if given.
        receive_buffer: size of the kernel's buffer; small for a host that is not to take much without reading.
        address: where it connects from, if that matters.
    """

    def __init__(
        self, port: int, call_id: str | None = None, *, receive_buffer: int | None = None, address: str | None = None
    ) -> None:
        self.socket = socket.socket()
        if address is not None:
            self.socket.bind((address, 0))
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT_S)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self._buffer = bytearray()
        if call_id is not None:
            self.hello(call_id)

    def __enter__(self) -> TextHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hello(self, call_id: str) -> None:
        self.send(frame_bytes(call_id))

    def say(self, text: str) -> None:
        self.send(frame_bytes(text))

    def bye(self) -> None:
        self.send(BYE)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read_frame(self) -> Frame:
        """The next audio frame."""
        while (frame := take_frame(self._buffer)) is None:
            data = self.socket.recv(1 << 20)
            if not data:
                raise EOFError("the service closed the connection")
            self._buffer += data
        return frame

    def read_frames(self, count: int) -> list[Frame]:
        """The next `count` audio frames."""
        return [self.read_frame() for _ in range(count)]

    def read_samples(self, count: int) -> list[Frame]:
        """As many frames as carry `count` samples, which must end with a frame."""
        frames: list[Frame] = []
        while (heard := sum(len(frame.samples) for frame in frames)) < count:
            frames.append(self.read_frame())
        assert heard == count, f"{heard} samples, expected are {count}"
        return frames

    def read_to_end(self) -> list[Frame]:
        """All frames up to the end of the connection, which must not come inside one."""
        frames = []
        try:
            while True:
                frames.append(self.read_frame())
        except (EOFError, ConnectionResetError):
            assert not self._buffer, "the connection ended inside a frame"
        return frames

    def assert_silent(self) -> None:
        """Nothing has been sent to this host that it has not read. Only after an event that proves it had its time."""
        self.socket.setblocking(False)
        try:
            data = self.socket.recv(1)
        except BlockingIOError:
            data = b""
        else:
            assert data, "the service closed the connection"
        finally:
            self.socket.settimeout(TIMEOUT_S)
        assert not data
        assert not self._buffer

    def close(self) -> None:
        self.socket.close()


@dataclass
class Reception:
    """What an audio processor received on one connection."""

    call_id: str | None = None
    frames: list[Frame] = field(default_factory=list)
    ended: bool = False
    """The end of audio, 12 zero bytes, has come."""
    closed: bool = False
    """The service has closed the connection."""
    buffer: bytearray = field(default_factory=bytearray)


class AudioProcessor:
    """A call's audio processor: listens on 9002 + call number and records what comes. `with` closes it.

    Args:
        listening: False for one that is to come late.
        receive_buffer: size of the kernel's buffer of a connection.
        call_id: of its call; without, one whose port is free.
        address: where it listens.
    """

    def __init__(
        self,
        *,
        listening: bool = True,
        receive_buffer: int | None = None,
        call_id: str | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        self.address = address
        self.port = free_port() if call_id is None else PROCESSOR_BASE_PORT + int(call_id)
        # Keeps the port from others while it does not listen.
        self._place = _bound(self.port, address)
        self.call_id = str(self.port - PROCESSOR_BASE_PORT)
        self.receptions: list[Reception] = []
        self.problems: list[str] = []
        self._receive_buffer = receive_buffer
        self._changed = threading.Condition()
        self._read_limit: int | None = None
        self._life: _Life | None = None
        if listening:
            self.start()

    def __enter__(self) -> AudioProcessor:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._place.close()

    @property
    def frames(self) -> list[Frame]:
        """The frames of all connections, in order."""
        with self._changed:
            return [frame for reception in self.receptions for frame in reception.frames]

    def start(self) -> None:
        """Listens, again too."""
        assert self._life is None
        self._life = _Life(self)

    def kill(self) -> None:
        """Dies: everything is closed at once, unread bytes are lost."""
        life, self._life = self._life, None
        if life is not None:
            life.end()

    def stop_reading(self, after_frames: int = 0) -> None:
        """Reads no more once it has `after_frames` frames, until `read_on`."""
        with self._changed:
            self._read_limit = after_frames

    def read_on(self) -> None:
        """Reads again."""
        with self._changed:
            self._read_limit = None
        assert self._life is not None
        self._life.wake()

    def wait(self, reached: Callable[[AudioProcessor], bool]) -> None:
        """Waits until `reached` holds for what was received; fails if that takes too long or it breaks the protocol."""
        with self._changed:
            done = self._changed.wait_for(lambda: self.problems or reached(self), TIMEOUT_S)
            assert not self.problems, self.problems
            assert done, f"received so far: {self._summary()}"

    def wait_samples(self, count: int) -> list[Frame]:
        """Waits for `count` samples over all connections, which must be exactly what comes; returns the frames."""
        self.wait(lambda processor: processor.sample_count >= count)
        assert self.sample_count == count
        return self.frames

    @property
    def sample_count(self) -> int:
        """Samples received over all connections."""
        with self._changed:
            return sum(len(frame.samples) for reception in self.receptions for frame in reception.frames)

    def _summary(self) -> str:
        return "; ".join(
            f"{reception.call_id}: {len(reception.frames)} frames, ended {reception.ended}, closed {reception.closed}"
            for reception in self.receptions
        )

    def reads(self) -> bool:
        """Whether it wants more bytes. Called with the lock held or by the life's thread."""
        return self._read_limit is None or len(self.frames) < self._read_limit

    def note(self, change: Callable[[], None]) -> None:
        """Records something and tells whoever waits."""
        with self._changed:
            change()
            self._changed.notify_all()

    def receive(self, reception: Reception, data: bytes) -> None:
        """Understands what came on a connection."""
        reception.buffer += data
        if reception.call_id is None:
            if len(reception.buffer) < _LENGTH.size:
                return
            (length,) = _LENGTH.unpack(reception.buffer[: _LENGTH.size])
            if len(reception.buffer) < _LENGTH.size + length:
                return
            reception.call_id = reception.buffer[_LENGTH.size : _LENGTH.size + length].decode()
            del reception.buffer[: _LENGTH.size + length]
            if reception.call_id != self.call_id:
                self.problems.append(f"HELLO of call {reception.call_id}, this is {self.call_id}")
        try:
            # One frame at a time, so that "no more than this many" can be kept.
            while self.reads() and (frame := take_frame(reception.buffer)) is not None:
                if reception.ended:
                    self.problems.append("audio after the end of audio")
                elif (len(frame.samples), frame.sample_rate, frame.chunk_id) == (0, 0, 0):
                    reception.ended = True
                else:
                    reception.frames.append(frame)
        except AssertionError as error:
            self.problems.append(str(error))

    def open_listener(self) -> socket.socket:
        """The listening socket of a life."""
        listener = _bound(self.port, self.address)
        if self._receive_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        listener.listen()
        return listener


class _Life:
    """An audio processor from its start to its death: one thread that accepts and reads."""

    def __init__(self, processor: AudioProcessor) -> None:
        self._processor = processor
        self._listener = processor.open_listener()
        self._ending = False
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._connections: dict[socket.socket, Reception] = {}
        self._thread = threading.Thread(target=self._run, name=f"test-processor-{processor.port}")
        self._thread.start()

    def wake(self) -> None:
        self._wake_writer.send(b"\0")

    def end(self) -> None:
        self._ending = True
        self.wake()
        self._thread.join()
        self._wake_reader.close()
        self._wake_writer.close()

    def _run(self) -> None:
        with self._listener:
            while not self._ending:
                self._step()
            self._listener.close()  # first, so that nobody is accepted while the connections go
            for connection in self._connections:
                # A process that dies with unread bytes resets its connections.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

    def _step(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_reader, selectors.EVENT_READ)
            if self._processor.reads():
                for connection in self._connections:
                    selector.register(connection, selectors.EVENT_READ)
            ready = [key.fileobj for key, _ in selector.select()]
        if self._listener in ready:
            connection, _ = self._listener.accept()
            reception = Reception()
            self._connections[connection] = reception
            self._processor.note(lambda: self._processor.receptions.append(reception))
        if self._wake_reader in ready:
            self._wake_reader.recv(4096)
            for reception in self._connections.values():
                self._processor.note(lambda got=reception: self._processor.receive(got, b""))  # type: ignore[misc]
        for connection in [known for known in self._connections if known in ready]:
            self._read(connection)

    def _read(self, connection: socket.socket) -> None:
        reception = self._connections[connection]
        try:
            data = connection.recv(16_384)
        except ConnectionResetError:
            data = b""
        if data:
            self._processor.note(lambda: self._processor.receive(reception, data))
            return
        connection.close()
        del self._connections[connection]
        self._processor.note(lambda: setattr(reception, "closed", True))


def _bound(port: int, address: str) -> socket.socket:
    """A socket bound to a port that it may share with others of these tests."""
    bound = socket.socket()
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        bound.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        bound.bind((address, port))
    except OSError:
        bound.close()
        raise
    return bound


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A free port below those that the system gives to outgoing connections: none of these must take it meanwhile."""
    generator = np.random.default_rng()
    for _ in range(1000):
        port = int(generator.integers(10_000, 32_000))
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port")


def datagram(service: Service, message: str | bytes, address: str = "127.0.0.1") -> None:
    """Sends one datagram to the registration door, from an address of this machine."""
    data = message.encode() if isinstance(message, str) else message
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((address, 0))
        sender.sendto(data, ("127.0.0.1", service.udp_port))


def register(service: Service, call_id: str) -> None:
    """The audio processor of a call says that it listens."""
    datagram(service, f"REGISTER:{call_id}")


def goodbye(service: Service, call_id: str) -> None:
    """The call has ended."""
    datagram(service, f"BYE:{call_id}")


def cancel(service: Service, call_id: str) -> None:
    """The caller has begun to speak."""
    datagram(service, f"CANCEL:{call_id}")


def figure(service: Service, name: str, **labels: str) -> float:
    """A figure out of the service's metrics; 0 for one that was never counted."""
    return service.metrics.registry.get_sample_value(name, labels) or 0.0


def until(reached: Callable[[], bool]) -> None:
    """Waits until something is so that nobody tells: that a thread has come back."""
    pause = threading.Event()
    for _ in range(int(TIMEOUT_S / 0.001)):
        if reached():
            return
        pause.wait(0.001)
    raise AssertionError("it never was")


def wait_figure(service: Service, name: str, reached: Callable[[float], bool], **labels: str) -> None:
    """Waits until a figure is as it should be. Only for what no socket and no log line tells."""
    pause = threading.Event()
    for _ in range(int(TIMEOUT_S / 0.01)):
        if reached(figure(service, name, **labels)):
            return
        pause.wait(0.01)
    raise AssertionError(f"{name} {labels} is {figure(service, name, **labels)}")


def wait_rendered(service: Service, samples: int, sample_rate: int = 24_000) -> None:
    """Waits until the tone engine has made that many samples in all, and they have been handed on."""
    seconds = samples / sample_rate - 0.01
    wait_figure(service, "tts_audio_seconds_total", lambda made_s: made_s >= seconds, engine="tone")
    wait_figure(service, "tts_queue_depth", lambda depth: depth == 0)


def session_words(service: Service, text: str) -> list[tuple[str, float, float]]:
    """The words of a text as the session protocol times them: each with when it begins and ends, in seconds."""
    words: list[tuple[str, float, float]] = []
    began_s = 0.0
    with connect(f"ws://127.0.0.1:{service.http_port}/ws/tts") as socket:
        for sent in (
            {"type": "start_session", "config": {"timestamps": True}},
            {"type": "send_text", "text": text},
            {"type": "end_session"},
        ):
            socket.send(json.dumps(sent))
        while True:
            received = socket.recv(TIMEOUT_S)
            message: dict[str, Any] = {} if isinstance(received, bytes) else json.loads(received)
            if message.get("type") == "words":
                words.extend(
                    (word["word"], began_s + word["start_s"], began_s + word["end_s"]) for word in message["words"]
                )
            elif message.get("type") == "segment_done":
                began_s += message["duration_ms"] / 1000
            elif message.get("type") == "session_ended":
                return words


class EventLog:
    """The service's log, as something that a test can wait on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: list[dict[str, Any]] = []

    def record(self, logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        """The structlog processor."""
        with self._changed:
            self._events.append({**event, "level": method})
            self._changed.notify_all()
        raise structlog.DropEvent

    def all(self) -> list[dict[str, Any]]:
        """Everything so far."""
        with self._changed:
            return list(self._events)

    def found(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """The events of that name with these fields, so far."""
        with self._changed:
            return self._found(event, fields)

    def wait(self, event: str, count: int = 1, **fields: object) -> dict[str, Any]:
        """Waits for the `count`th event of that name with these fields."""
        with self._changed:
            done = self._changed.wait_for(lambda: len(self._found(event, fields)) >= count, TIMEOUT_S)
            alike = [known for known in self._events if fields.items() <= known.items()]
            assert done, f"no event {event} {fields}; the last with these fields: {alike[-20:]}"
            return self._found(event, fields)[count - 1]

    def _found(self, event: str, fields: dict[str, object]) -> list[dict[str, Any]]:
        wanted = {"event": event, **fields}
        return [known for known in self._events if wanted.items() <= known.items()]


class Throttle:
    """A script for the tone engine's `on_render`: as many windows as a test allows."""

    def __init__(self, allowed: int = 0) -> None:
        self.asked: list[str] = []
        self._allowed: float = allowed
        self._changed = threading.Condition()

    def __call__(self, text: str) -> None:
        with self._changed:
            self.asked.append(text)
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._allowed > 0, 2 * TIMEOUT_S):
                raise TimeoutError("no test allowed this window")
            self._allowed -= 1

    def allow(self, windows: int) -> None:
        """Lets that many more windows be rendered."""
        with self._changed:
            self._allowed += windows
            self._changed.notify_all()

    def open(self) -> None:
        """Lets everything be rendered from now on."""
        with self._changed:
            self._allowed = float("inf")
            self._changed.notify_all()

    def wait_asked(self, count: int) -> None:
        """Waits until the engine has asked for `count` windows since the start."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked) >= count, TIMEOUT_S), self.asked


def crowd(talk: Callable[[int], Coroutine[Any, Any, T]], size: int = 100) -> list[T]:
    """What many clients hear who talk at once, each with its number."""

    async def everybody() -> list[T]:
        return await asyncio.wait_for(asyncio.gather(*map(talk, range(size))), 3 * TIMEOUT_S)

    return asyncio.run(everybody())


class ForeignEngine(ToneEngine):
    """A tone engine that speaks no English: it takes over nothing from one that does."""

    def voices(self) -> Sequence[Voice]:
        return [Voice(name, "es-ES") for name in self.voice_names]


@dataclass(frozen=True)
class NumberedEngine(ToneEngine):
    """A tone engine whose samples are no sine but the number of their window: 1/4096, 2/4096, ... of each segment.

    (A window of a sine at a multiple of 20 Hz is like every other.)
    """

    def _render_one(self, utterance: Utterance) -> Samples:
        assert isinstance(utterance, ToneUtterance)
        window_samples = round(self.window_s * self.sample_rate)
        number = utterance.position // window_samples + 1
        return np.full_like(super()._render_one(utterance), number / 4096)


def window_numbers(frames: Sequence[Frame]) -> list[int]:
    """Which windows of a `NumberedEngine` were heard."""
    for frame in frames:
        assert np.ptp(frame.samples) == 0, "a window is not from one piece"
    return [round(float(frame.samples[0]) * 4096) for frame in frames]


class Daemon:
    """The service as a process of its own. `with` kills it if it still runs.

    Args:
        arguments: its flags.
        command: the program; without it, `kokoro_service.py` of this checkout.
        directory: where it starts; without it, where the tests did.
        environment: variables beside those of the tests.
    """

    def __init__(
        self,
        *arguments: str,
        command: Sequence[str] = (sys.executable, str(ROOT / "kokoro_service.py")),
        directory: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        foreign = ("KOKORO_", "PIPER_", "LOG_", "API_KEY", "TTS_", "WS_")
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**inherited, "KOKORO_PHRASE_CACHE_MB": "0", "KOKORO_PHRASE_MEMORY_MB": "0", **(environment or {})},
        )
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self._changed = threading.Condition()
        self._open_streams = 2
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines))
            for stream, lines in ((self.process.stdout, self.stdout), (self.process.stderr, self.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()

    def wait_line(self, pattern: str, timeout_s: float = TIMEOUT_S) -> re.Match[str]:
        """Waits for a line on either stream that matches."""
        with self._changed:
            self._changed.wait_for(lambda: self._match(pattern) or not self._open_streams, timeout_s)
            match = self._match(pattern)
        assert match, f"no line {pattern!r} in {[*self.stdout, *self.stderr]}"
        return match

    def wait_ready(self, timeout_s: float = TIMEOUT_S) -> int:
        """Waits until it says that it is ready; returns the port of its text door."""
        return int(self.wait_line(r"^ready: .*text on 127\.0\.0\.1:(\d+)", timeout_s).group(1))

    def terminate(self, signum: int = signal.SIGTERM) -> None:
        self.process.send_signal(signum)

    def wait_exit(self, timeout_s: float = TIMEOUT_S) -> int:
        """Waits for the end of the process and of its output; returns the exit status."""
        status = self.process.wait(timeout_s)
        for reader in self._readers:
            reader.join()
        return status

    def _match(self, pattern: str) -> re.Match[str] | None:
        return next((match for line in [*self.stdout, *self.stderr] if (match := re.search(pattern, line))), None)

    def _read(self, stream: Any, lines: list[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._open_streams -= 1
            self._changed.notify_all()
