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

import structlog

from telephony.engines import catalog
from telephony.engines.base import Engine
from telephony.rooms import open_rooms, room_count
from telephony.service import Service, StartError
from telephony.settings import IGNORED, Settings, SettingsError, parse
from telephony.system import allocator
from telephony.telemetry import logs
from telephony.telemetry.metrics import Metrics
from telephony.tools import check
from telephony.voices.host_database import Store, StoreError
from telephony.voices.selector import Loaders

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
    for name in command.ignored:
        log.info("flag_ignored" if name.startswith("--") else "env_var_ignored", name=name, why=IGNORED[name])
    for name, meant in command.unknown.items():
        log.warning("env_var_unknown", name=name, did_you_mean=meant)
    if command.action == "check":
        return check.run(settings)
    if command.action == "init_db" and settings.db is not None:
        return _initialise(settings.db)
    logs.write_in_background()
    try:
        return _serve(settings)
    finally:
        logs.close()


def _initialise(path: Path) -> int:
    store = Store(path, Metrics())
    try:
        store.initialise()
        print(store.check())
    except StoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _load_main(settings: Settings) -> Engine:
    """The main engine, in this process or in rooms.

    Raises:
        EngineUnavailableError: see `load_main`; or there are no rooms.
    """
    return open_rooms(settings) if settings.cluster or room_count(settings) else catalog.load_main(settings)


def _serve(settings: Settings) -> int:
    tuned = allocator.tune()
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    stopping = False

    def on_signal(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            os._exit(128 + signum)  # the second signal: whoever sends it does not want to wait
        stopping = True
        if not service.started:
            raise SystemExit(128 + signum)

    service = Service(
        settings,
        Loaders(
            partial(_load_main, settings),
            partial(catalog.load_piper, voices_dir=settings.piper_voices, max_loaded=settings.piper_max_loaded),
            partial(catalog.load_supertonic, settings)
            if settings.engine == "kokoro" and settings.supertonic != "off"
            else None,
            partial(catalog.find_damage, settings),
        ),
    )
    # Whatever thread a signal hits and whenever, it writes a byte here: no wake-up is lost, and no lock is taken.
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    # A full collection stops every thread for as long as it looks through all objects, 0.2 s with an engine's modules.
    # Nearly all of them are made here and stay, so nothing is to be found among them: neither now nor later.
    gc.disable()
    try:
        service.start()
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
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
