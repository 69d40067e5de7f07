#!/usr/bin/env python3
"""Text to speech for phone calls: arguments and environment -> settings -> service -> run.

The telephone host finds this process by its name: `pgrep -f kokoro_service.py`.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import structlog

import telephony
from telephony.settings import Settings, SettingsError, parse
from telephony.system import allocator
from telephony.telemetry import logs

# Everything else is imported by the functions that need it, once the log has said that the service starts: together
# with the model that takes seconds.
if TYPE_CHECKING:
    from telephony.engines.base import Engine
    from telephony.service import Service

log = structlog.get_logger()


def main() -> int:
    """Runs what the command line asks for; returns the exit status."""
    try:
        command = parse(sys.argv[1:], os.environ)
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    allocator.keep_from_children(os.environ)
    settings = command.settings
    logs.configure(settings.log_level, settings.log_format)
    for name, why in command.ignored.items():
        flag, key = name.startswith("--"), "." in name
        log.info("flag_ignored" if flag else "config_key_ignored" if key else "env_var_ignored", name=name, why=why)
    for name, meant in command.unknown.items():
        log.warning("env_var_unknown", name=name, did_you_mean=meant)
    if command.action == "check":
        from telephony.tools import check

        return check.run(settings)
    if command.action == "init_db" and settings.db is not None:
        return _initialise(settings.db)
    logs.write_in_background()
    try:
        return _serve(settings)
    finally:
        logs.close()


def _initialise(path: Path) -> int:
    from telephony.telemetry.metrics import Metrics
    from telephony.voices.host_database import Store, StoreError

    store = Store(path, Metrics())
    try:
        switched_off = store.initialise()
        print(store.check())
        if switched_off:
            print(
                "kokoro_service_enabled is new, and false: Piper speaks from now on, also in a service that is running "
                "with this database. Set it to true to have Kokoro speak."
            )
    except StoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _load_main(settings: Settings) -> Engine:
    """The main engine, in this process or in rooms.

    Raises:
        EngineUnavailableError: see `load_main`; or there are no rooms.
    """
    from telephony.engines import catalog
    from telephony.rooms import open_rooms, room_count

    return open_rooms(settings) if settings.cluster or room_count(settings) else catalog.load_main(settings)


def _build(settings: Settings) -> Service:
    from telephony.engines import catalog
    from telephony.service import Service
    from telephony.voices.selector import Loaders

    piper = partial(
        catalog.load_piper,
        voices_dir=settings.piper_voices,
        max_loaded=settings.piper_max_loaded,
        config_path=settings.piper_config if settings.piper_model is not None else None,
    )
    beside = settings.engine == "kokoro" and settings.supertonic != "off"
    supertonic = partial(catalog.load_supertonic, settings) if beside else None
    find_damage = partial(catalog.find_damage, settings)
    return Service(settings, Loaders(partial(_load_main, settings), piper, supertonic, find_damage))


def _serve(settings: Settings) -> int:
    tuned = allocator.tune()
    service: Service | None = None
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    stopping = False

    def on_signal(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            os._exit(128 + signum)  # the second signal: whoever sends it does not want to wait
        stopping = True
        if service is None or not service.started:
            raise SystemExit(128 + signum)

    # Whatever thread a signal hits and whenever, it writes a byte here: no wake-up is lost, and no lock is taken.
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    log.info("starting", version=telephony.__version__, engine=settings.engine)

    from telephony.service import StartError

    service = _build(settings)
    # A full collection stops every thread for as long as it looks through all objects, 0.2 s with an engine's modules.
    # Nearly all of them are made here and stay, so nothing is to be found among them: neither now nor later.
    gc.disable()
    try:
        service.start()
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    gc.freeze()
    gc.enable()
    log.info("allocator", name=allocator.name(), tuned=tuned)
    try:
        print(service.describe(), flush=True)
    except OSError as error:  # a full disk behind it: the calls do not need the line
        log.warning("ready_line_lost", error=error.strerror)
    reader.recv(1)
    service.stop()
    if threading.active_count() > 2:
        # A second engine is still being loaded, or kernels compiled: the interpreter's own clean-up crashes beside a
        # thread in native code. Everything of ours is closed.
        logs.close()
        os._exit(0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
