"""The composition root: builds the rooms, opens the doors, and takes everything down in order.

The only module that knows all rooms. Start: bind the ports (a taken one is known at once), load the engine, open the
doors. Stop: close the doors to newcomers, refuse new text, let calls finish up to a deadline, close, join.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Sequence

import structlog

from telephony.audio.loudness import Loudness
from telephony.cache.cache import PhraseCache
from telephony.cache.configured import open_cache, warn_of_former_phrases
from telephony.cache.prerender import load_requests
from telephony.endpoints import extra_ports, http, security
from telephony.endpoints.admin import AdminActions
from telephony.endpoints.call_events import open_webhook
from telephony.endpoints.extra_ports import ExtraPorts, PortError
from telephony.endpoints.health import STATUSES, Readiness
from telephony.endpoints.tcp import TextEndpointPolicy
from telephony.endpoints.telephone import TelephoneEndpoints
from telephony.engines import gpu
from telephony.engines.base import Engine, RemoteEngine
from telephony.engines.catalog import EngineUnavailableError, InvalidSettingError
from telephony.engines.verification import Verification
from telephony.listeners.call import CallPolicy
from telephony.listeners.call_events import CallEvents
from telephony.listeners.calls import CallRegistry
from telephony.listeners.prerender import Prerenderer
from telephony.listeners.session import SessionPolicy
from telephony.listeners.sessions import SessionRegistry
from telephony.listeners.sharing import open_shared_calls, sharing_error
from telephony.listeners.sinks import SinkLimits
from telephony.scheduling.failover import Failover
from telephony.scheduling.phrases import Phrases
from telephony.scheduling.queues import Request
from telephony.scheduling.scheduler import Scheduler
from telephony.settings import Settings
from telephony.telemetry import logs
from telephony.telemetry.cache_figures import CacheFigures
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.request_log import RequestLog
from telephony.telemetry.trace_context import open_tracing
from telephony.text import lexicon
from telephony.voices.host_database import Store
from telephony.voices.lexicon_file import LexiconFile
from telephony.voices.selector import EngineSelector, HostPorts, Loaders

log = structlog.get_logger()


class StartError(RuntimeError):
    """The service cannot start. The message says why, in one line.

    `exit_status`: 2 where a setting is the reason, as `kokoro_service.py` has it, else 1.
    """

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status


class Service:
    """A speech service. `start` once, `stop` once, from one thread."""

    def __init__(self, settings: Settings, loaders: Loaders) -> None:
        self.settings, self.metrics = settings, Metrics()
        self.metrics.watch_log(logs.lines_lost)
        self.metrics.watch_gpu(gpu.utilization_percent)
        self.metrics.watch_status(STATUSES, lambda: self._readiness().status)
        self.metrics.watch_process()
        self._request_log = RequestLog(settings.request_log, self.metrics) if settings.request_log is not None else None
        self._store = Store(settings.db, self.metrics) if settings.db is not None else None
        stalls = settings.stall_timeouts
        self._failover = Failover(self.metrics, self._loaded_engines, stalls.engine_s)
        self._cache: PhraseCache | None = None
        self._tracing = open_tracing(settings.traces_url, self.metrics)
        self._scheduler = Scheduler(
            self.metrics,
            on_done=self._note,
            phrases=self._open_cache(),
            failover=self._failover,
            max_wait_s=settings.max_wait_s,
            tracing=self._tracing,
        )
        ports = HostPorts(self._open_ports, self._release_ports)
        self._lexicon = LexiconFile.of(settings.lexicon)
        pronounce = lexicon.as_it_is if self._lexicon is None else self._lexicon.pronounce
        self._switch = EngineSelector(settings, loaders, self._store, ports, self.metrics)
        limits = SinkLimits(settings.sink_buffer_s, stalls.reply_s)
        self._events = CallEvents(self.metrics)
        self._webhook = open_webhook(settings, self._events, self.metrics)
        self.calls = CallRegistry(
            CallPolicy(
                settings.audio_route,
                settings.stream,
                settings.exact,
                settings.max_calls,
                settings.max_queued_text_bytes,
                settings.processor_host,
                stalls.bye_s,
                limits,
                settings.shared_calls,
                pronounce,
                settings.lead_silence_ms / 1000,
                self._switch.aliases,
                settings.code_rate,
            ),
            self._scheduler,
            self.metrics,
            self._switch.selection,
            self._switch.engines,
            events=self._events,
        )
        self.sessions = SessionRegistry(
            SessionPolicy(
                settings.language or None,
                settings.max_sessions,
                settings.max_first_audio_s,
                settings.sink_buffer_s,
                None if settings.loudness_db is None else Loudness(settings.loudness_db, self._measured_db),
                pronounce,
                self._switch.aliases,
                settings.code_rate,
            ),
            self._scheduler,
            self.metrics,
            self._switch.find,
            self._switch.engines,
            missing_voices=self._switch.missing_voices,
        )
        self._shared_calls = open_shared_calls(settings, self.calls, self.metrics)
        self._telephone = self._make_telephone_endpoints(limits)
        self._prerenderer: Prerenderer | None = None
        self._verification = Verification(loaders.find_damage)
        self.started = False
        """From then on there is something to `stop`; an exception that ended `start` would leave threads behind."""
        self._status = "starting"
        self._http_endpoint: http.HttpServer | None = None
        self._extra_ports: ExtraPorts | None = None

    def _loaded_engines(self) -> Sequence[Engine]:
        return self._switch.engines()

    def start(self) -> None:
        """Returns when the doors are open and the engine is warm.

        Raises:
            StartError: a port is taken, the engine or the list of phrases cannot be loaded, or anybody could use the
                doors.
        """
        config_error = (
            security.config_error(self.settings)
            or extra_ports.config_error(self.settings)
            or sharing_error(self.settings)
        )
        if config_error is not None:
            self._abandon("error")
            raise StartError(config_error, 2)
        try:
            self._prerenderer = self._prepare_prerenderer()
        except (OSError, ValueError) as error:
            self._abandon("error")
            raise StartError(f"--prerender-file: {error}", 2) from error
        try:
            if self._switch.ports_wanted:
                self._telephone.bind()
        except OSError as error:
            self._abandon("error")
            raise StartError(
                f"port {self.tcp_port} (TCP) or {self.udp_port} (UDP) on {self.settings.host}: "
                f"{error.strerror or error}. Is another speech service running?"
            ) from error
        try:
            self._extra_ports = ExtraPorts(self.settings)
        except PortError as error:
            self._abandon("error")
            raise StartError(str(error)) from error
        try:
            self._open_http_endpoint(self._extra_ports)
        except OSError as error:
            self._extra_ports.close()
            self._abandon("error")
            raise StartError(
                f"port {self.settings.http_port} (HTTP) on {self.settings.http_host}: {error.strerror or error}. "
                "Choose another with --http-port, or 0 for none."
            ) from error
        try:
            self._switch.load()
            self.started = True
        except EngineUnavailableError as error:
            self._abandon("error")
            raise StartError(str(error), 2 if isinstance(error, InvalidSettingError) else 1) from error
        except BaseException:  # Ctrl-C or SIGTERM during the minutes of a first download
            self._abandon("stopped")
            raise
        self._start_threads()
        if self._telephone.bound:
            self._open_ports()
        self._switch.follow()
        self.sessions.admit()
        self._status = "ready"
        security.warn_of_strangers(self.settings)
        warn_of_former_phrases(self.settings)
        if self._prerenderer is not None:
            self._prerenderer.start()
        self._verification.start()

    def _start_threads(self) -> None:
        self._scheduler.start()
        for each in (self._request_log, self._events, self._webhook, self._shared_calls, self._lexicon):
            if each is not None:
                each.start()

    def stop(self) -> None:
        """Lets the calls finish what was accepted, up to the drain timeout, then closes everything and joins it."""
        self._status = "stopping"
        log.info("stopping", drain_timeout_s=self.settings.drain_timeout_s)
        deadline = time.monotonic() + self.settings.drain_timeout_s
        self._switch.stop()
        for each in (self._lexicon, self._prerenderer):
            if each is not None:
                each.stop()
        drained = False

        def drain() -> None:
            nonlocal drained
            self.calls.refuse_text()
            self.sessions.refuse()
            drained = self.calls.drain(deadline - time.monotonic())
            drained &= self.sessions.drain(max(0.0, deadline - time.monotonic()))
            if self._http_endpoint is not None:
                self._http_endpoint.close()
            self.sessions.close()

        def end_calls() -> None:
            if self._shared_calls is not None:
                self._shared_calls.close()
            self.calls.close()

        self._telephone.close(drain, end_calls)
        self._scheduler.stop()
        for engine in self._switch.engines():
            if isinstance(engine, RemoteEngine):
                engine.close()
        for last in (self._cache, self._request_log, self._tracing, self._events, self._webhook):
            if last is not None:
                last.close()
        self._switch.report_end("stopped")
        log.info("stopped", drained=drained)

    def describe(self) -> str:
        """One line for the operator: who speaks where."""
        doors = (
            f"text on {self.settings.host}:{self.tcp_port}, registration on {self.settings.host}:{self.udp_port}/udp"
        )
        web = "" if self.http_port is None else f", HTTP and WebSocket on {self.settings.http_host}:{self.http_port}"
        if self._extra_ports is not None:
            web += self._extra_ports.describe()
        if not self._telephone.bound:
            return f"ready: ports left to the external Piper, {doors} when switched on{web}"
        selection = self._switch.selection()
        return f"ready: {selection.engine.name} speaks as {selection.voice}, {doors}{web}"

    @property
    def tcp_port(self) -> int:
        """The port of the telephone's texts, also where the system chose it."""
        return self._telephone.tcp_port

    @property
    def udp_port(self) -> int:
        """The port of its registrations, likewise."""
        return self._telephone.udp_port

    @property
    def http_port(self) -> int | None:
        """The port of the HTTP and WebSocket doors, also where the system chose it; None without them."""
        return self._http_endpoint.port if self._http_endpoint is not None else None

    @property
    def audiosocket_port(self) -> int | None:
        """The port of AudioSocket, likewise."""
        return self._extra_ports.audiosocket_port if self._extra_ports is not None else None

    @property
    def wyoming_port(self) -> int | None:
        """The port of Home Assistant's door, likewise."""
        return self._extra_ports.wyoming_port if self._extra_ports is not None else None

    def _make_telephone_endpoints(self, limits: SinkLimits) -> TelephoneEndpoints:
        settings, sharing = self.settings, self._shared_calls
        on_hello, receive = (None, self.calls.receive) if sharing is None else (sharing.claim, sharing.receive)
        policy = TextEndpointPolicy(
            settings.max_connections,
            settings.hello_timeout_s,
            settings.stream,
            limits,
            settings.http_port,
            tuple(ipaddress.ip_network(each.strip()) for each in settings.balancers.split(",") if each),
        )
        return TelephoneEndpoints(
            settings.host,
            (settings.tcp_port, settings.udp_port),
            self.calls,
            policy,
            self.metrics,
            on_sent=self._scheduler.wake,
            on_hello=on_hello,
            receive=receive,
        )

    def _open_ports(self) -> None:
        self._telephone.open()

    def _release_ports(self) -> None:
        self._telephone.release(self.settings.drain_timeout_s)

    def _abandon(self, status: str) -> None:
        if self._http_endpoint is not None:
            self._http_endpoint.close()
        self.sessions.close()
        self._telephone.abandon()
        for each in (self._cache, self._tracing):
            if each is not None:
                each.close()
        self._switch.report_end(status)

    def _note(self, door: str, request: Request, dropped: bool) -> None:
        """Called by the scheduler: a text has been spoken, or was dropped."""
        if self._request_log is not None:
            self._request_log.note(door, request, dropped)
        if self._tracing is not None:
            self._tracing.end_text(door, request, dropped)

    def _measured_db(self, engine_name: str, voice: str) -> float | None:
        return next((engine.level_db(voice) for engine in self._switch.engines() if engine.name == engine_name), None)

    def _open_cache(self) -> Phrases | None:
        """None where there is no place to keep phrases."""
        if not self.settings.keeps_phrases:
            return None
        figures = CacheFigures(self.metrics.registry)
        self._cache = open_cache(self.settings, figures)
        return Phrases(self._cache, figures)

    def _prepare_prerenderer(self) -> Prerenderer | None:
        if self.settings.prerender_file is None:
            return None
        phrases = load_requests(self.settings.prerender_file)
        if self._cache is None:
            log.warning("prerender_needless", why="there is no phrase cache to keep what is rendered")
            return None
        whole = not self.settings.stream and self.settings.audio_route != "processor"
        find, policy = self.sessions.find_reader, self.sessions.policy
        return Prerenderer(phrases, self._scheduler, find, policy, whole=whole, exact=self.settings.exact)

    def _open_http_endpoint(self, extra: ExtraPorts) -> None:
        """Opens it before the engine is there: it answers for the service's health from the first moment."""
        if self.settings.http_port is None:
            return
        listener = http.bind(self.settings.http_host, self.settings.http_port)
        actions = AdminActions(
            lambda: self._switch.main_enabled,
            lambda: self._switch.main_voice,
            self._store.write_selection if self._store is not None else None,
        )
        app = http.create_app(
            self.sessions,
            self.settings,
            self.metrics,
            self._readiness,
            actions,
            calls=self.calls,
            events=self._events,
            telephone=self._telephone,
            lexicon_file=self._lexicon,
            extra_ports=extra,
        )
        self._http_endpoint = http.HttpServer(app, listener, self.settings, self.metrics)
        self._http_endpoint.start()

    def _readiness(self) -> Readiness:
        try:
            selection = self._switch.selection()
        except EngineUnavailableError:
            return Readiness(self._status)
        stalled = tuple(self._failover.stalled())
        status = self._status
        if status == "ready" and selection.engine.name in stalled:
            status = "stalled"
        elif status == "ready" and self._verification.damage is not None:
            status = "damaged"
        return Readiness(status, selection.engine.name, str(selection.engine.device), selection.voice, stalled)
