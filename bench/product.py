"""The product as its listeners hear it: a service in this process, and calls on its text door."""

from __future__ import annotations

import dataclasses
import os
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from bench.measure import Timing
from telephony import settings, wire
from telephony.engines import catalog
from telephony.engines.base import Engine, Samples
from telephony.service import Service
from telephony.settings import Settings
from telephony.switch import Loaders
from telephony.text import script

_TIMEOUT_S = 300.0
# How long what an engine does behind its loading (compiling) may take.
_SETTLE_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Arrival:
    """Audio that has come: when its last byte was there (seconds, monotonic), and how many seconds it lasts."""

    at_s: float
    duration_s: float


class Product:
    """A service on ports that the system chooses. A context manager: it serves from entry to exit."""

    def __init__(
        self, base: Settings, engine: Engine, *, stream: bool, route: str = "reply", phrases: Path | None = None
    ) -> None:
        """`stream`: replies leave window by window, else one frame for each text. `route`: where audio goes.

        `phrases`: where the phrase cache is kept, with the Redis of `base`; none: every text is spoken anew.
        """
        self._settings = dataclasses.replace(
            base,
            tcp_port=0,
            udp_port=0,
            http_port=0,
            audiosocket_port=0,
            metrics_log=None,
            db=None,
            piper="external",  # nobody asks for the other engine
            stream=stream,
            audio_route=route,
            phrase_cache_mb=0 if phrases is None else Settings.phrase_cache_mb,
            phrase_dir=phrases,
            redis_url="" if phrases is None else base.redis_url,
            config=None,
        )
        self._service = Service(self._settings, Loaders(lambda: engine, catalog.load_piper))
        self._calls = 0

    def __enter__(self) -> Product:
        self._service.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._service.stop()

    @property
    def udp_port(self) -> int:
        """Where audio processors register."""
        return self._service.udp_port

    @property
    def text_port(self) -> int:
        """Where hosts connect."""
        return self._service.tcp_port

    @property
    def audiosocket_port(self) -> int:
        """Where PBXs connect."""
        return self._service.audiosocket_port or 0

    @property
    def http_port(self) -> int:
        """Where the WebSocket and HTTP doors are."""
        return self._service.http_port or 0

    def cache_hits(self, store: str) -> float:
        """Phrases found in a store so far."""
        return self._service.metrics.registry.get_sample_value("tts_cache_hits_total", {"store": store}) or 0.0

    def call(self, call_id: str | None = None) -> ServiceCall:
        """A new call, connected and greeted."""
        self._calls += 1
        return ServiceCall(self._settings.host, self._service.tcp_port, call_id or f"bench-{self._calls}")

    def time(self, text: str) -> Timing:
        """Says a text on a call that was connected before, and says how long its audio took to come.

        Raises:
            ConnectionError: the service sent no audio.
        """
        call = self.call()
        try:
            started = time.monotonic()
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
        return Timing(arrivals[0].at_s - started, arrivals[-1].at_s - started, audio_s)


class ServiceCall:
    """One call on the text door, its audio coming back as replies. Not thread-safe."""

    def __init__(self, host: str, port: int, call_id: str) -> None:
        self._connection = socket.create_connection((host, port), timeout=_TIMEOUT_S)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.sendall(wire.encode_hello(call_id))
        self._decoder = wire.AudioDecoder()
        self._arrived: deque[Arrival] = deque()

    def say(self, text: str) -> None:
        """Sends a text."""
        self._connection.sendall(wire.encode_text(text))

    def finish(self) -> None:
        """Sends BYE: what was said is still spoken, then the connection ends."""
        self._connection.sendall(wire.encode_bye())

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
            if isinstance(event, wire.Audio):
                self._arrived.append(Arrival(at_s, len(event.samples) / event.sample_rate))


def load_engine(settings: Settings) -> Engine:
    """The product's engine as it is some minutes after its start: nothing is left to do in the background.

    Left alone, it would measure a voice or compile kernels while the reference is being timed.

    Raises:
        EngineUnavailableError: it cannot be loaded.
    """
    engine = catalog.load_main(settings)
    settle(engine, settings.voice)
    # By its name: packages underneath have threads of their own, such as tqdm's monitor, which never end.
    for thread in threading.enumerate():
        if thread.name == "compile":
            thread.join(_SETTLE_TIMEOUT_S)
    return engine


def settle(engine: Engine, voice: str) -> None:
    """Has an engine do what it has to do once before it streams a voice.

    Raises:
        SynthesisError: there is no such voice, or the engine failed.
    """
    speak(engine, "This asks for whatever the voice needs.", voice)
    while engine.spare_time():
        pass


def speak(engine: Engine, text: str, voice: str, language: str | None = None) -> Samples:
    """What a listener to whom windows are streamed hears of a text, float32 [samples] at the engine's rate.

    Args:
        engine: nobody else uses it meanwhile.
        text: plain text or an SSML document.
        voice: a name as `find_voice` gives it.
        language: one of the voice's `other_languages` to read the text in; None for its own.

    Raises:
        SynthesisError: there is no such voice, nothing in the text can be spoken, or the engine failed.
    """
    windows = [np.zeros(0, np.float32)]
    for segment in script.read(text, language or engine.find_voice(voice).language):
        if segment.pause_s:
            windows.append(np.zeros(round(segment.pause_s * engine.sample_rate), np.float32))
            continue
        utterance = engine.prepare(segment.text, voice, segment.speed(1.0), False, language)
        while not utterance.finished:
            windows += engine.render([utterance])
    return np.concatenate(windows)


def settings_from_environment() -> Settings:
    """The service's settings as its environment variables have them (`KOKORO_VOICE`, `KOKORO_THREADS` and so on).

    Raises:
        SettingsError: a variable has a value that it cannot have.
    """
    return settings.parse([], os.environ).settings
