"""Who speaks: the main engine or Piper, and with which voice, as the host's database says.

`selection` is asked for every text; what is being spoken stays with the engine that began it. One thread follows the
database and the named blends, four times a second. Another one loads what is missing, meanwhile.

Piper is known from the start, for its voices and in case that the main engine fails, but its model is loaded when it is
switched on. Until that has happened the main engine goes on: no caller waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from telephony.engines.base import Engine, Extensible, UnknownVoiceError
from telephony.engines.catalog import EngineUnavailableError, warm_up
from telephony.settings import Settings
from telephony.speech import MissingVoices
from telephony.telemetry.metrics import Metrics
from telephony.voices import (
    SUPERTONIC,
    SUPERTONIC_VOICES,
    ResolvedVoice,
    UnavailableVoiceError,
    VoiceRequest,
    aliases,
    choose,
)
from telephony.voices.host_database import HostConfig, Store

log = structlog.get_logger()

POLL_S = 0.25
_LOAD_AGAIN_S = 30.0
_LOADER_PATIENCE_S = 1.0
_LAST_WRITE_PATIENCE_S = 2.0


@dataclass(frozen=True)
class Loaders:
    """How engines are loaded; tests put tone engines here.

    Attributes:
        supertonic: None where it does not speak beside them.
        find_damage: says what is wrong with the files of the main engine, or None; see `Verification`.
    """

    main: Callable[[], Engine]
    piper: Callable[[Path | None], Engine]
    supertonic: Callable[[], Engine] | None = None
    find_damage: Callable[[], str | None] | None = None


@dataclass(frozen=True)
class HostPorts:
    """How the ports are taken and left, for `--piper external`. `open` raises OSError while another has them."""

    open: Callable[[], None]
    release: Callable[[], None]


class EngineSelector:
    """Holds the engines that are loaded and follows the database. `load` and `follow` once each, then `stop`."""

    def __init__(
        self,
        settings: Settings,
        loaders: Loaders,
        store: Store | None,
        doors: HostPorts,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._loaders = loaders
        self._store = store
        self._doors = doors
        self._metrics = metrics
        self._switches = store.read() if store is not None else HostConfig()
        self._main: Engine | None = None
        self._piper: Engine | None = None
        self._warm: Engine | None = None
        """The Piper whose model was loaded."""
        self._supertonic: Engine | None = None
        self._why_no_supertonic = "it is being loaded"
        if loaders.supertonic is None:
            self._why_no_supertonic = "it is switched off; --supertonic fetch has it fetched (260 MB)"
        self._voice = settings.voice
        self.aliases = aliases(settings.female_voice, settings.male_voice)
        self._refused_voice: str | None = None
        self._complaints: dict[str, str] = {}
        self._load_again_at = 0.0
        self._selection: ResolvedVoice | None = None
        self._reported: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="switch")
        self._loader = self._new_loader()
        self._supertonic_loader = threading.Thread(
            target=self._load_supertonic, args=(loaders.supertonic,), name="supertonic", daemon=True
        )

    @property
    def main_enabled(self) -> bool:
        """Whether the main engine is switched on: always without a database, and until the database says otherwise."""
        return self._switches.kokoro_enabled is not False

    @property
    def main_voice(self) -> str:
        """The voice that the main engine is to speak with, whether or not there is such a voice."""
        return self._switches.voice or self._settings.voice

    @property
    def ports_wanted(self) -> bool:
        """Whether the service should hold its ports now."""
        return self.main_enabled or self._settings.piper == "embedded"

    def selection(self) -> ResolvedVoice:
        """Engine and voice for a text that arrives now. Any thread.

        Raises:
            EngineUnavailableError: no engine is loaded yet.
        """
        if self._selection is None:
            raise EngineUnavailableError("no engine is loaded yet")
        return self._selection

    def find(self, wanted: VoiceRequest) -> ResolvedVoice:
        """Engine, voice and rate for what a client asks; the engine that is switched on is preferred. Any thread.

        Raises:
            EngineUnavailableError: no engine is loaded yet.
            UnavailableVoiceError: the engine is known, and not loaded.
            UnknownVoiceError: there is no such voice or engine, or none of that language, or the voice speaks another.
        """
        engines = self.engines()
        try:
            return choose(wanted, self.selection(), engines, self.aliases)
        except UnknownVoiceError:
            asked = wanted.engine == SUPERTONIC or wanted.voice in SUPERTONIC_VOICES
            if asked and SUPERTONIC not in [engine.name for engine in engines]:
                raise UnavailableVoiceError(f"Supertonic is not loaded: {self._why_no_supertonic}") from None
            raise

    def engines(self) -> list[Engine]:
        """The engines that are loaded, the one that is switched on first. Any thread."""
        current = self._selection.engine if self._selection is not None else None
        loaded = [engine for engine in (self._main, self._piper, self._supertonic) if engine is not None]
        return sorted(loaded, key=lambda engine: engine is not current)

    def missing_voices(self) -> list[MissingVoices]:
        """Voices that could be had, and how. Any thread."""
        engines = self.engines()
        missing = [more for engine in engines if isinstance(engine, Extensible) for more in engine.missing_voices()]
        if SUPERTONIC not in [engine.name for engine in engines]:
            missing.append(MissingVoices(SUPERTONIC, None, tuple(sorted(SUPERTONIC_VOICES)), self._why_no_supertonic))
        missing.append(MissingVoices("piper", None, (), "--piper-voices DIR adds voices for any language"))
        return missing

    def _new_loader(self) -> threading.Thread:
        # A daemon: its load may be a download of minutes, which must not hold up the end of the process.
        return threading.Thread(target=self._load_the_other, name="second-engine", daemon=True)

    def load(self) -> None:
        """Loads the engine that is to speak first.

        Raises:
            EngineUnavailableError: it cannot be loaded.
        """
        self._report("starting")
        if self.main_enabled or self._settings.piper == "external":
            self._main = self._loaders.main()
        else:
            self._load_piper()
        self._apply()

    def follow(self) -> None:
        """Starts to follow the database, if there is one, and the named blends."""
        self._report("running")
        # Without a database nobody switches, but clients of the HTTP doors may ask for the other engine's voices.
        if self._store is not None or self._settings.http_port is not None:
            self._loader.start()
            if self._loaders.supertonic is not None and self._settings.piper != "external":
                self._supertonic_loader.start()
        self._thread.start()

    def stop(self) -> None:
        """Stops to follow. What is still being loaded is left to the end of the process."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for loader in (self._loader, self._supertonic_loader):
            if loader.is_alive():
                loader.join(_LOADER_PATIENCE_S)

    def report_end(self, status: str) -> None:
        """Writes the last status of this service: `stopped` or `error`."""
        if self._store is None:
            return
        self._store.write_status("kokoro", status)
        if self._reported.get("piper", "stopped") != "stopped":
            self._store.write_status("piper", "stopped")
        self._store.finish_writes(_LAST_WRITE_PATIENCE_S)

    def _follow(self) -> None:
        while not self._stopping.wait(POLL_S):
            if self._store is None:
                self._apply()  # the voice may be a blend, which may be another one by now
                continue
            read = self._store.read()
            known = self._switches
            self._switches = HostConfig(
                known.kokoro_enabled if read.kokoro_enabled is None else read.kokoro_enabled,
                read.voice or known.voice,
                read.piper_model or known.piper_model,
            )
            try:
                self._step(known)
            except Exception as error:  # whatever it was, the calls go on with the selection that stands
                log.exception("switch_failed", error=str(error), effect="the last good settings stay")
            self._store.retry_writes()

    def _step(self, known: HostConfig) -> None:
        if self._settings.piper == "external":
            self._apply()
            self._follow_ports()
            return
        if self._switches.piper_model != known.piper_model:
            self._load_piper_or_complain()
        missing = self._wanted() is None
        if missing and not self._loader.is_alive() and time.monotonic() >= self._load_again_at:
            self._loader = self._new_loader()
            self._loader.start()
        loading = self._loader.is_alive()
        self._apply()
        self._report("running" if not missing else "starting" if loading else "error")

    def _wanted(self) -> Engine | None:
        """The engine that is switched on, once it can speak at once."""
        if self.main_enabled or self._settings.piper == "external":
            return self._main
        return self._piper if self._piper is self._warm else None

    def _follow_ports(self) -> None:
        if not self.main_enabled:
            self._doors.release()
            self._report("stopped")
            return
        try:
            self._doors.open()
        except OSError as error:
            self._complain("ports_taken", f"{error.strerror or error}; trying again")
            self._report("error")
            return
        self._complaints.pop("ports_taken", None)
        self._report("running")

    def _apply(self) -> None:
        """Makes the selection follow the switches as far as the engines are there."""
        engine = self._wanted()
        if engine is None:
            engine = self._main or self._piper
            if engine is None:
                return
            if self._loader.is_alive():
                why = f"the engine that is switched on is being loaded; {engine.name} speaks until then"
                self._complain("engine_awaited", why, logging.INFO)
            else:
                self._complain("engine_missing", f"the engine that is switched on is not loaded; {engine.name} speaks")
        else:
            self._complaints.pop("engine_awaited", None)
            self._complaints.pop("engine_missing", None)
        voice = self._choose_voice(engine)
        selection = ResolvedVoice(engine, voice, self._settings.speed)
        if selection == self._selection:
            return
        self._selection = selection
        self._metrics.switches.labels(engine.name).inc()
        switch = None if self.main_enabled else "kokoro_service_enabled is false"
        log.info("selected", engine=engine.name, voice=voice, database=switch)

    def _choose_voice(self, engine: Engine) -> str:
        if engine is not self._main:
            return engine.voices()[0].name
        wanted = self._switches.voice or self._settings.voice
        try:
            self._voice = engine.find_voice(wanted).name
            self._refused_voice = None
        except UnknownVoiceError as error:
            if wanted != self._refused_voice:
                self._refused_voice = wanted
                log.error("voice_refused", voice=wanted, error=str(error), effect=f"{self._voice} stays")
        try:
            return engine.find_voice(self._voice).name
        except UnknownVoiceError:
            return engine.voices()[0].name

    def _load_the_other(self) -> None:
        """Loads what is missing: the main engine, or Piper, with its model once Piper is to speak."""
        if self._settings.piper == "external":
            return
        try:
            if self._main is None:
                self._main = self._loaders.main()
            elif self._piper is None:
                self._load_piper()
            elif self._wanted() is None:
                self._warm_up(self._piper)
        except EngineUnavailableError as error:
            self._load_again_at = time.monotonic() + _LOAD_AGAIN_S
            self._complain("engine_unavailable", str(error))
        except Exception as error:  # whatever it was, the engine that speaks goes on
            self._load_again_at = time.monotonic() + _LOAD_AGAIN_S
            log.exception("engine_unavailable", error=str(error))

    def _load_supertonic(self, load: Callable[[], Engine]) -> None:
        """In a thread of its own: it may have to be fetched first."""
        try:
            self._supertonic = load()
        except EngineUnavailableError as error:
            self._why_no_supertonic = str(error)
            asked_for = self._settings.supertonic == "fetch"
            self._complain("supertonic_unavailable", str(error), logging.ERROR if asked_for else logging.INFO)

    def _load_piper(self) -> None:
        # The operator's path wins over the host's key; a key that leads nowhere does not silence Piper.
        path = self._settings.piper_model
        if path is None and self._switches.piper_model:
            path = Path(self._switches.piper_model).expanduser()
            if not path.is_file():
                log.warning("piper_model_missing", path=str(path), using="the installed voice")
                path = None
        piper = self._loaders.piper(path)
        if not self.main_enabled:
            self._warm_up(piper)
        self._piper = piper

    def _warm_up(self, piper: Engine) -> None:
        warm_up(piper)
        self._warm = piper

    def _load_piper_or_complain(self) -> None:
        try:
            self._load_piper()
        except EngineUnavailableError as error:
            self._complain("engine_unavailable", str(error))

    def _report(self, status: str) -> None:
        """Writes what this service does; only what has changed."""
        if self._store is None:
            return
        statuses = {"kokoro": status if self.main_enabled else "stopped"}
        if self._settings.piper == "embedded":
            statuses["piper"] = "stopped" if self.main_enabled else status
        for service, text in statuses.items():
            if self._reported.get(service) != text:
                self._reported[service] = text
                self._store.write_status(service, text)

    def _complain(self, event: str, error: str, level: int = logging.ERROR) -> None:
        if self._complaints.get(event) != error:
            self._complaints[event] = error
            log.log(level, event, error=error)
