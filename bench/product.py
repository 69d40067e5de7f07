"""The product as its listeners hear it: a service in this process, and calls on its text door."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from types import TracebackType

import numpy as np

from bench.measure import Timing
from bench.telephone import Call, TextDoor
from telephony import settings
from telephony.engines import catalog
from telephony.engines.base import Engine
from telephony.service import Service
from telephony.settings import Settings
from telephony.speech import Samples
from telephony.text.script import Script
from telephony.voices.selector import Loaders


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
            request_log=None,
            db=None,
            piper="external",  # nobody asks for the other engine
            stream=stream,
            audio_route=route,
            phrase_cache_mb=0 if phrases is None else Settings.phrase_cache_mb,
            phrase_dir=phrases,
            phrase_memory_mb=0,
            redis_url="" if phrases is None else base.redis_url,
            prerender_file=None,
        )
        self._service = Service(self._settings, Loaders(lambda: engine, catalog.load_piper))

    def __enter__(self) -> Product:
        self._service.start()
        self._text_endpoint = TextDoor(self._settings.host, self._service.tcp_port)
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

    def call(self, call_id: str | None = None) -> Call:
        """See `TextDoor.call`."""
        return self._text_endpoint.call(call_id)

    def time(self, text: str) -> Timing:
        """See `TextDoor.time`."""
        return self._text_endpoint.time(text)


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
    for segment in Script.lenient(text).read(language or engine.find_voice(voice).language):
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
