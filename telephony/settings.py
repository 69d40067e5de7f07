"""Every setting of the service, once: name, default, environment variable, flag, help.

Precedence: defaults, then environment, then command line. An unknown or malformed value is an error with one line that
says which and what is allowed.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

_T = TypeVar("_T")
_N = TypeVar("_N", int, float)


class SettingsError(ValueError):
    """A setting has a value that it cannot have."""


def _number(parse: Callable[[str], _N], fits: Callable[[_N], bool], allowed: str) -> Callable[[str], _N]:
    def checked(text: str) -> _N:
        try:
            number = parse(text)
        except ValueError:
            raise ValueError(allowed) from None
        if not fits(number):
            raise ValueError(allowed)
        return number

    return checked


_port = _number(int, lambda number: 0 <= number <= 65_535, "a port is 0 to 65535")
_positive_int = _number(int, lambda number: number >= 1, "must be 1 or more")
_count = _number(int, lambda number: number >= 0, "must be 0 or more")
_seconds = _number(float, lambda number: 0 <= number < math.inf, "must be 0 or more seconds")
_positive_seconds = _number(float, lambda number: 0 < number < math.inf, "must be more than 0 seconds")
_speed = _number(float, lambda number: 0.5 <= number <= 2.0, "must be between 0.5 and 2.0")


def _switch(text: str) -> bool:
    value = text.strip().lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise ValueError("must be true or false")


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _optional_port(text: str) -> int | None:
    # In the code None stands for no door, and 0 for a port that the system chooses.
    return _port(text) or None


_level_db = _number(float, lambda number: -40 <= number <= -6, "must be none, or between -40 and -6 dB")


def _optional_level_db(text: str) -> float | None:
    return None if text == "none" else _level_db(text)


def _optional_path(text: str) -> Path | None:
    return None if text == "none" else _path(text)


def _redis_url(text: str) -> str:
    allowed = "must be a URL such as redis://127.0.0.1:6379/0 (or rediss://, unix://)"
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError(allowed) from None
    if url.scheme not in ("redis", "rediss", "unix") or port == 0:
        raise ValueError(allowed)
    return text


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def _default_cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "kokoro-telephony"


def _setting(
    default: _T, parse: Callable[[str], _T], env: str, help_text: str, short: str = "", *, also: str | None = None
) -> _T:
    # Typed as the field's own type, as dataclasses.field itself is. `also`: the name that the variable has in
    # deployments of earlier services; `env` wins over it.
    field: Any = dataclasses.field(
        default=default, metadata={"parse": parse, "env": env, "help": help_text, "short": short, "also": also}
    )
    return field  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Settings:
    """The settings of one service. Field names are the long flags, with dashes."""

    voice: str = _setting("af_sky", str, "KOKORO_VOICE", "voice to speak with", "v", also="TTS_DEFAULT_VOICE")
    tcp_port: int = _setting(8090, _port, "KOKORO_TCP_PORT", "port of the text door", "t")
    udp_port: int = _setting(13001, _port, "KOKORO_UDP_PORT", "port of the registration door", "u")
    device: str = _setting(
        "auto",
        _choice("auto", "mps", "cuda", "cpu"),
        "KOKORO_DEVICE",
        "where Kokoro runs: mps, cuda or cpu; auto takes the best there is",
        "d",
    )
    host: str = _setting("127.0.0.1", str, "KOKORO_HOST", "address that the telephone doors listen on")
    engine: str = _setting(
        "kokoro",
        _choice("kokoro", "supertonic", "tone"),
        "KOKORO_ENGINE",
        "kokoro or supertonic speaks; tone plays a sine for each text, to try out a line without weights",
    )
    speed: float = _setting(1.0, _speed, "KOKORO_SPEED", "rate of speech, 0.5 to 2.0")
    audio_route: str = _setting(
        "auto",
        _choice("auto", "reply", "processor"),
        "KOKORO_AUDIO_ROUTE",
        "where audio goes: to the call's audio processor, as reply on the text connection, or auto: to the processor "
        "while there is one",
    )
    stream: bool = _setting(
        False, _switch, "KOKORO_STREAM", "replies leave window by window instead of one frame for each text"
    )
    exact: bool = _setting(
        False,
        _switch,
        "KOKORO_EXACT",
        "the model's own output, silence included, decoded as a whole: for files, not for conversations",
    )
    db: Path | None = _setting(
        None, _path, "KOKORO_DB", "the host's SQLite database with system_config; none: Kokoro always speaks"
    )
    piper: str = _setting(
        "embedded",
        _choice("embedded", "external"),
        "KOKORO_PIPER",
        "who speaks while the database has Kokoro switched off: the Piper inside this service, or one outside, to "
        "which this service leaves its ports",
    )
    piper_model: Path | None = _setting(
        None, _path, "PIPER_MODEL_PATH", "a Piper voice (.onnx, with its .onnx.json beside); none: the installed one"
    )
    piper_voices: Path | None = _setting(
        None, _path, "KOKORO_PIPER_VOICES", "directory with more Piper voices, for languages that Kokoro lacks"
    )
    piper_max_loaded: int = _setting(
        4, _positive_int, "KOKORO_PIPER_MAX_LOADED", "Piper voices in memory at once; they are loaded when first needed"
    )
    supertonic: str = _setting(
        "auto",
        _choice("auto", "fetch", "off"),
        "KOKORO_SUPERTONIC",
        "Supertonic's voices F1 to M5 as well: auto: if its weights are there; fetch: they are fetched (260 MB); off",
    )
    supertonic_dir: Path | None = _setting(
        None, _path, "KOKORO_SUPERTONIC_DIR", "Supertonic's weights that are on disk already (onnx/, voice_styles/)"
    )
    supertonic_steps: int = _setting(
        5,
        _number(int, lambda number: 1 <= number <= 100, "must be between 1 and 100"),
        "KOKORO_SUPERTONIC_STEPS",
        "denoising steps of Supertonic; more sound better and take longer",
        also="TTS_NUM_INFERENCE_STEPS",
    )
    cache_dir: Path = _setting(
        _default_cache_dir(), _path, "KOKORO_CACHE_DIR", "where weights are kept once they are fetched"
    )
    blends_file: Path | None = _setting(
        None, _path, "KOKORO_BLENDS_FILE", "voice blends that have a name; none: blends.json in the cache directory"
    )
    weights_dir: Path | None = _setting(
        None, _path, "KOKORO_WEIGHTS_DIR", "weights that are on disk already (kokoro-v1_0.pth, config.json, voices/)"
    )
    phrase_memory_mb: int = _setting(
        32,
        _count,
        "KOKORO_PHRASE_MEMORY_MB",
        "megabytes of spoken phrases kept in memory, the longest unused out first; 0: none",
    )
    phrase_cache_mb: int = _setting(
        512,
        _count,
        "KOKORO_PHRASE_CACHE_MB",
        "megabytes of spoken phrases kept as files, the longest unused out first: prerendered ones, and with "
        "--phrase-dir all; 0: no files",
    )
    phrase_dir: Path | None = _setting(
        None,
        _path,
        "KOKORO_PHRASE_DIR",
        "keeps every spoken phrase as a file, in this directory; none: prerendered ones only, in --cache-dir",
    )
    redis_url: str = _setting(
        "", _redis_url, "KOKORO_REDIS_URL", "a Redis that keeps spoken phrases as well, for several machines"
    )
    redis_ttl_s: float = _setting(3600.0, _positive_seconds, "KOKORO_REDIS_TTL_S", "seconds that Redis keeps a phrase")
    redis_max_value_bytes: int = _setting(
        2_097_152,
        _positive_int,
        "KOKORO_REDIS_MAX_VALUE_BYTES",
        "a longer phrase is not given to Redis; a second takes 96,000 bytes",
    )
    redis_secret: str = _setting(
        "",
        str,
        "KOKORO_REDIS_SECRET",
        "signs the phrases in Redis, the same on all machines that share it; none: API_KEY does, and without that "
        "nothing is signed",
    )
    config: Path | None = _setting(
        None, _path, "KOKORO_CONFIG", "YAML with a list prerender, of phrases that are rendered behind the start"
    )
    threads: int = _setting(0, _count, "KOKORO_THREADS", "processor threads for the model; 0: all cores")
    engine_stall_s: float = _setting(
        30.0,
        _positive_seconds,
        "KOKORO_ENGINE_STALL_S",
        "seconds until a call into an engine that does not return is given up, and another engine speaks",
    )
    processor_host: str = _setting(
        "127.0.0.1", str, "KOKORO_PROCESSOR_HOST", "address that the audio processors listen on"
    )
    max_connections: int = _setting(
        1000, _positive_int, "KOKORO_MAX_CONNECTIONS", "text connections at once; more are refused"
    )
    max_calls: int = _setting(
        4000, _positive_int, "KOKORO_MAX_CALLS", "calls remembered at once; idle ones are forgotten first"
    )
    max_queued_text_bytes: int = _setting(
        262_144, _positive_int, "KOKORO_MAX_QUEUED_TEXT_BYTES", "text waiting in a call before its host is held up"
    )
    sink_buffer_s: float = _setting(
        60.0,
        _positive_seconds,
        "KOKORO_SINK_BUFFER_S",
        "seconds of audio waiting for one reader before its call pauses",
    )
    http_port: int | None = _setting(
        cast("int | None", 8000),
        _optional_port,
        "KOKORO_HTTP_PORT",
        "port of the HTTP and WebSocket doors; 0: none of them",
    )
    http_host: str = _setting("127.0.0.1", str, "KOKORO_HTTP_HOST", "address of the HTTP and WebSocket doors")
    audiosocket_port: int | None = _setting(
        cast("int | None", None),
        _optional_port,
        "KOKORO_AUDIOSOCKET_PORT",
        "port, usually 9092, of the AudioSocket door for Asterisk, on the address of the telephone doors; 0: none",
    )
    audiosocket_wait_s: float = _setting(
        10.0,
        _seconds,
        "KOKORO_AUDIOSOCKET_WAIT_S",
        "seconds that text said to a call waits for its PBX to connect; 0: such text is refused",
    )
    audiosocket_silence: bool = _setting(
        False, _switch, "KOKORO_AUDIOSOCKET_SILENCE", "sends the PBX silence while nothing is said"
    )
    loudness_db: float | None = _setting(
        cast("float | None", None),
        _optional_level_db,
        "KOKORO_LOUDNESS_DB",
        "level of all voices in dB under full scale, such as -20, at all doors but the telephone's; none: each its own",
    )
    api_key: str = _setting(
        "",
        str,
        "API_KEY",
        "key, or several with commas, that the HTTP and WebSocket doors ask for; none: they are open",
    )
    insecure: bool = _setting(
        False, _switch, "KOKORO_INSECURE", "lets the HTTP and WebSocket doors listen beyond this machine without a key"
    )
    allowed_origins: str = _setting(
        "",
        str,
        "KOKORO_ALLOWED_ORIGINS",
        "web sites, with commas, whose pages may use the doors beside the service's own",
    )
    allowed_hosts: str = _setting(
        "",
        str,
        "KOKORO_ALLOWED_HOSTS",
        "names, with commas, under which the HTTP and WebSocket doors may be asked for; addresses and localhost always "
        "may; *, or none with a key set: any name",
    )
    requests_per_minute: int = _setting(
        0, _count, "KOKORO_REQUESTS_PER_MINUTE", "requests and connections that a key may make a minute; 0: no limit"
    )
    max_http_connections: int = _setting(
        1000, _positive_int, "KOKORO_MAX_HTTP_CONNECTIONS", "HTTP and WebSocket connections at once; more are refused"
    )
    max_sessions: int = _setting(
        100,
        _positive_int,
        "KOKORO_MAX_SESSIONS",
        "WebSocket sessions and HTTP requests that speak at once; more are refused",
        also="TTS_MAX_SESSIONS",
    )
    max_inflight_segments: int = _setting(
        2,
        _positive_int,
        "KOKORO_MAX_INFLIGHT_SEGMENTS",
        "segments of a session in synthesis at once; more text waits",
        also="TTS_MAX_INFLIGHT_SEGMENTS",
    )
    max_first_audio_s: float = _setting(
        3.0,
        _seconds,
        "KOKORO_MAX_FIRST_AUDIO_S",
        "a session whose first audio would take longer than so many seconds is told busy; 0: none is",
    )
    max_wait_s: float = _setting(
        4.0,
        _seconds,
        "KOKORO_MAX_WAIT_S",
        "seconds that a listener who cannot be told busy waits for a place; then it takes a share, and gaps may follow",
    )
    max_text_chars: int = _setting(
        100_000, _positive_int, "KOKORO_MAX_TEXT_CHARS", "characters of one text over HTTP or WebSocket"
    )
    max_message_bytes: int = _setting(
        1_048_576, _positive_int, "KOKORO_MAX_MESSAGE_BYTES", "bytes of one HTTP body or WebSocket message"
    )
    max_waiting_requests: int = _setting(
        100,
        _positive_int,
        "KOKORO_MAX_WAITING_REQUESTS",
        "requests in flight on one WebSocket connection of the sentence protocol; more are told busy",
    )
    debounce_ms: int = _setting(
        150,
        _count,
        "KOKORO_DEBOUNCE_MS",
        "milliseconds without new text after which a session speaks an unfinished sentence",
        also="TTS_DEBOUNCE_MS",
    )
    frame_ms: int = _setting(
        20,
        _number(int, lambda number: 5 <= number <= 1000, "must be between 5 and 1000 milliseconds"),
        "KOKORO_FRAME_MS",
        "milliseconds of audio in one WebSocket message",
        also="TTS_CHUNK_SIZE_MS",
    )
    send_timeout_s: float = _setting(
        10.0,
        _positive_seconds,
        "KOKORO_SEND_TIMEOUT_S",
        "seconds until a WebSocket or HTTP client that takes no audio is disconnected",
        also="WS_SEND_TIMEOUT",
    )
    idle_timeout_s: float = _setting(
        600.0,
        _positive_seconds,
        "KOKORO_IDLE_TIMEOUT_S",
        "seconds until a WebSocket connection is closed on which nothing is said and no message comes",
    )
    language: str = _setting(
        "",
        str,
        "KOKORO_LANGUAGE",
        "language, such as p or pt-BR, of WebSocket and HTTP clients that name neither voice nor language",
        also="TTS_LANG_CODE",
    )
    gpu_memory_fraction: float = _setting(
        1.0,
        _number(float, lambda number: 0 < number <= 1, "must be over 0 and at most 1"),
        "KOKORO_GPU_MEMORY_FRACTION",
        "share of the CUDA device's memory that this service may take",
    )
    metrics_log: Path | None = _setting(
        cast("Path | None", Path("logs/metrics.log")),
        _optional_path,
        "KOKORO_METRICS_LOG",
        "file with one JSON line a request, rotated; none: no file",
    )
    reply_stall_s: float = _setting(
        5.0, _positive_seconds, "KOKORO_REPLY_STALL_S", "seconds until a text host that never reads loses its replies"
    )
    hello_timeout_s: float = _setting(
        30.0,
        _positive_seconds,
        "KOKORO_HELLO_TIMEOUT_S",
        "seconds that a new connection has for its HELLO or HTTP request",
    )
    bye_stall_s: float = _setting(
        30.0, _positive_seconds, "KOKORO_BYE_STALL_S", "seconds without progress until a call that said BYE is ended"
    )
    drain_timeout_s: float = _setting(
        10.0, _seconds, "KOKORO_DRAIN_TIMEOUT_S", "seconds that calls have to finish when the service stops"
    )
    log_level: str = _setting(
        "info",
        lambda text: _choice("debug", "info", "warning", "error", "critical")(text.lower()),
        "LOG_LEVEL",
        "debug, info, warning, error or critical; callers' text appears at debug only",
    )
    log_format: str = _setting(
        "logfmt", _choice("logfmt", "json"), "KOKORO_LOG_FORMAT", "logfmt or json, one line an event"
    )

    @property
    def phrase_directory(self) -> Path:
        """Where the files of the phrase cache are."""
        return self.cache_dir / "prerendered" if self.phrase_dir is None else self.phrase_dir

    @property
    def blends_path(self) -> Path:
        """Where the named blends are kept."""
        return self.blends_file or self.cache_dir / "blends.json"


NEEDLESS = {
    "MAX_CONCURRENT_JOBS": "windows of all calls share the device, whoever runs dry first comes first",
    "QUEUE_MAXSIZE": "a new session is refused by the wait that it would have (KOKORO_MAX_FIRST_AUDIO_S)",
}
"""Variables of earlier services that this design makes needless, and why. They are accepted and have no effect."""


@dataclass(frozen=True)
class Command:
    """What the command line asks for: `run`, `check` or `init_db`, with these settings.

    `needless` are the variables of the environment that have no effect here.
    """

    action: str
    settings: Settings
    needless: tuple[str, ...] = ()


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Command:
    """Settings out of defaults, `environment` and command line `arguments`.

    Raises:
        SettingsError: a value is malformed; the message names the variable or flag and what is allowed.
        SystemExit: `--help`, or a flag that does not exist.
    """
    given = vars(_parser().parse_args(arguments))
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        for name in (field.metadata["also"], field.metadata["env"]):
            if name and environment.get(name, ""):
                values[field.name] = _parse_one(field, environment[name], name)
        if given[field.name] is not None:
            values[field.name] = _parse_one(field, given[field.name], _flag(field))
    settings = Settings(**values)
    if given["init_db"] and settings.db is None:
        raise SettingsError("--init-db: say which database with --db")
    action = "check" if given["check"] else "init_db" if given["init_db"] else "run"
    return Command(action, settings, tuple(name for name in NEEDLESS if environment.get(name, "")))


def describe() -> list[tuple[str, str, str, str]]:
    """Flag, environment variable, default and help of every setting, for the README's table."""
    return [
        (_flag(field), _variables(field), _default_text(field), field.metadata["help"])
        for field in dataclasses.fields(Settings)
    ]


def _flag(field: dataclasses.Field[Any]) -> str:
    return "--" + field.name.replace("_", "-")


def _variables(field: dataclasses.Field[Any]) -> str:
    also = field.metadata["also"]
    return f"{field.metadata['env']}, {also}" if also else str(field.metadata["env"])


def _default_text(field: dataclasses.Field[Any]) -> str:
    if field.name == "cache_dir":
        return "~/.cache/kokoro-telephony"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return "none" if field.default in (None, "") else str(field.default)


def _parse_one(field: dataclasses.Field[Any], text: str, source: str) -> Any:
    try:
        return field.metadata["parse"](text)
    except ValueError as error:
        raise SettingsError(f"{source}={text!r}: {error}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kokoro_service.py",
        allow_abbrev=False,
        description="Text to speech for phone calls: Kokoro on the ports of the Piper service.",
        epilog="Every setting has an environment variable, named in brackets; the command line wins.",
    )
    for field in dataclasses.fields(Settings):
        names = [_flag(field)]
        if field.metadata["short"]:
            names.insert(0, "-" + field.metadata["short"])
        shape: dict[str, Any] = {"metavar": field.name.rsplit("_", 1)[-1].upper()}
        if isinstance(field.default, bool):
            shape = {"metavar": "BOOL", "nargs": "?", "const": "true"}
        parser.add_argument(
            *names,
            dest=field.name,
            help=f"{field.metadata['help']} [{_variables(field)}, default {_default_text(field)}]",
            **shape,
        )
    parser.add_argument("--check", action="store_true", help="verify installation, weights, device, ports and database")
    parser.add_argument("--init-db", action="store_true", help="create the table and keys that --db needs, then stop")
    return parser
