"""`--check`: is everything there that the service needs, and what slows it down? A table.

Exit status 1 if something is missing; what is only slow does not count.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from telephony.endpoints import extra_ports, http, security
from telephony.engines import recipes
from telephony.engines.base import UnknownVoiceError
from telephony.engines.blends import BlendFile
from telephony.engines.catalog import EngineUnavailableError, load_piper, load_supertonic, warm_up
from telephony.engines.kokoro.languages import LANGUAGES
from telephony.settings import Settings
from telephony.speech import Voice
from telephony.system import allocator, machine
from telephony.telemetry.metrics import Metrics
from telephony.voices.host_database import Store, StoreError

_PACKAGES = ("torch", "misaki", "prometheus-client", "structlog", "fastapi", "uvicorn", "av")
_GB = 1e9
_BETTER_PROCESSOR = "Processors with both: AMD from Zen 4 on, Intel Xeon from Sapphire Rapids on; or a GPU"


class _CheckError(Exception):
    """This check failed; the message says what to do."""


class _Advice(Exception):
    """The service works, but less well than it could; the message says how much less, and what to do."""


@dataclass(frozen=True)
class _Check:
    name: str
    run: Callable[[Settings], str]


def run(settings: Settings) -> int:
    """Checks installation, machine, weights, device, voice, Piper, ports and database; prints a row for each.

    Returns the exit status: 1 if a row says FAIL; 0 otherwise, where some may say slow.
    """
    failures = 0
    for check in _CHECKS:
        try:
            result, verdict = check.run(settings), "ok"
        except _Advice as advice:
            result, verdict = str(advice), "slow"
        except (_CheckError, ImportError) as error:
            result, verdict = str(error), "FAIL"
            failures += 1
        print(f"{verdict:<5} {check.name:<13} {result}", flush=True)
    return 1 if failures else 0


def _python(settings: Settings) -> str:
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        raise _CheckError(f"{platform.python_version()}: Kokoro's packages need 3.10 to 3.12")
    return platform.python_version()


def _packages(settings: Settings) -> str:
    versions = []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            raise _CheckError(f"{name} is not installed: install the requirements again") from None
    return ", ".join(versions)


def _processor(settings: Settings) -> str:
    if settings.engine == "tone":
        return "the tone engine asks nothing of it"
    from telephony.engines.kokoro.model import choose_device, fast_dtype
    from telephony.engines.kokoro.quantised import is_fast

    cpu = choose_device("cpu")
    name = platform.processor() or platform.machine()
    bf16, vnni = str(fast_dtype(cpu)) == "torch.bfloat16", is_fast(cpu)
    if (bf16 and vnni) or not _runs_on_cpu(settings):
        return f"{name}{', bf16' if bf16 else ''}{', VNNI' if vnni else ''}"
    if bf16:
        raise _Advice(f"{name} without VNNI: speech takes twice as long to make. {_BETTER_PROCESSOR}")
    if vnni:
        raise _Advice(f"{name} without bf16: the first word takes up to twice as long. {_BETTER_PROCESSOR}")
    raise _Advice(f"{name} without VNNI and bf16: speech takes three times as long to make. {_BETTER_PROCESSOR}")


def _kernels(settings: Settings) -> str:
    if settings.engine == "tone" or not _runs_on_cpu(settings):
        return "none are needed"
    from telephony.engines.kokoro.kernels import KernelsUnavailableError, compiled_kernels

    try:
        compiled_kernels(settings.cache_dir if settings.cache_dir.is_dir() else Path(tempfile.gettempdir()))
    except KernelsUnavailableError as error:
        raise _Advice(f"{error}: speech takes several times as long to make. Install the requirements again") from None
    return "compiled for this processor"


def _cores(settings: Settings) -> str:
    usable, visible = machine.cores(), machine.visible_cores()
    if usable < 2:
        raise _Advice(f"{usable:g}: with two, speech takes half the time. Give the service two cores or more")
    if usable < visible and not settings.threads:
        raise _Advice(
            f"{usable:g} by quota, but {visible} are seen: as many threads wait for each other. "
            f"Set KOKORO_THREADS={int(usable)}"
        )
    return f"{usable:g}"


def _memory(settings: Settings) -> str:
    there, wanted = machine.memory_bytes() / _GB, 2.0 if allocator.name() == "jemalloc" else 4.0
    if there < wanted:
        raise _Advice(
            f"{there:.1f} GB: {wanted:g} are wanted; with less the system may end the service amid calls. Give it more"
        )
    return f"{there:.1f} GB"


def _allocator(settings: Settings) -> str:
    if (name := allocator.name()) == "glibc":
        raise _Advice(
            "glibc: a third more memory, speech a tenth slower. "
            "Debian, Ubuntu: apt-get install libjemalloc2; ./start-kokoro.sh preloads it, or LD_PRELOAD does"
        )
    return name


def _weights(settings: Settings) -> str:
    if settings.engine == "tone":
        return "the tone engine needs none"
    from telephony.engines.kokoro.weights import WeightsError, find_weights, verify_weights

    try:
        weights = find_weights(settings.cache_dir, settings.weights_dir)
        if weights is None:
            raise _CheckError(
                f"none in {settings.weights_dir or settings.cache_dir}: start the service once, which fetches them"
            )
        verify_weights(weights)
    except WeightsError as error:
        raise _CheckError(str(error)) from None
    voices = {name: Voice(name, LANGUAGES[name[0]]) for name in weights.with_own(settings.kokoro_voices).voice_names()}
    try:
        recipes.find(settings.voice, voices, BlendFile(settings.blends_path).recipes())
    except UnknownVoiceError as error:
        raise _CheckError(str(error)) from None
    return f"{weights.source}, checksums match, {len(voices)} voices, {settings.voice} can be spoken with"


def _device(settings: Settings) -> str:
    if settings.engine == "tone":
        return "the tone engine needs none"
    from telephony.engines.kokoro.model import choose_device

    device = choose_device(settings.device)
    if settings.device not in ("auto", device.type):
        raise _CheckError(f"{settings.device} is not available; the service would run on {device}")
    if settings.device == "auto" and device.type == "cpu" and machine.has_nvidia_gpu():
        raise _Advice(
            "cpu, though there is an NVIDIA GPU: this build of torch has no CUDA, or the driver is too old. "
            'With a GPU many more calls can speak at once: see "Torch without CUDA" in KOKORO_INTEGRATION.md'
        )
    return str(device)


def _runs_on_cpu(settings: Settings) -> bool:
    from telephony.engines.kokoro.model import choose_device

    return settings.device == "cpu" or choose_device("auto").type == "cpu"


def _piper(settings: Settings) -> str:
    try:
        engine = load_piper(settings.piper_model, settings.piper_voices, config_path=settings.piper_config)
        warm_up(engine)
    except EngineUnavailableError as error:
        if settings.piper_model is None and settings.piper_voices is None and settings.db is None:
            raise _Advice(f"{error}. Without Piper nobody speaks in Kokoro's place where that fails") from None
        raise _CheckError(str(error)) from None
    return f"{', '.join(voice.name for voice in engine.voices())}, {engine.sample_rate} Hz"


def _supertonic(settings: Settings) -> str:
    try:
        engine = load_supertonic(dataclasses.replace(settings, engine="kokoro", supertonic="auto"))
        warm_up(engine)
    except EngineUnavailableError as error:
        if settings.engine == "supertonic" or settings.supertonic == "fetch":
            raise _CheckError(str(error)) from None
        return str(error)
    return f"{len(engine.voices())} voices, {engine.sample_rate} Hz, {engine.device}"


def _ports(settings: Settings) -> str:
    config_error = security.config_error(settings) or extra_ports.config_error(settings)
    if config_error is not None:
        raise _CheckError(config_error)
    own = settings.host
    ports = [(socket.SOCK_STREAM, own, settings.tcp_port, "TCP"), (socket.SOCK_DGRAM, own, settings.udp_port, "UDP")]
    ports += [(socket.SOCK_STREAM, host, port, "TCP") for host, port in extra_ports.addresses(settings)]
    for kind, host, port, name in ports:
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                reason = error.strerror or str(error)
                raise _CheckError(f"{name} {port} on {host}: {reason} (is a service running?)") from None
    names = [f"{name} {port}" + ("" if host == own else f" ({host})") for _, host, port, name in ports]
    free = f"{', '.join(names[:-1])} and {names[-1]} on {own} are free"
    if settings.http_port is None:
        return free
    try:
        http.bind(settings.http_host, settings.http_port).close()
    except OSError as error:
        where = f"TCP {settings.http_port} on {settings.http_host}"
        raise _CheckError(f"{where}: {error.strerror or error} (is a service running?)") from None
    return f"{free}, so is TCP {settings.http_port} on {settings.http_host}"


def _database(settings: Settings) -> str:
    if settings.db is None:
        return "none: Kokoro always speaks"
    try:
        return Store(settings.db, Metrics()).check()
    except StoreError as error:
        raise _CheckError(f"{error}; --init-db creates what is missing") from None


_CHECKS = (
    _Check("python", _python),
    _Check("packages", _packages),
    _Check("processor", _processor),
    _Check("kernels", _kernels),
    _Check("cores", _cores),
    _Check("memory", _memory),
    _Check("allocator", _allocator),
    _Check("weights", _weights),
    _Check("device", _device),
    _Check("piper", _piper),
    _Check("supertonic", _supertonic),
    _Check("ports", _ports),
    _Check("database", _database),
)
