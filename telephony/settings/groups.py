"""Every setting of the service, once, in groups. A field's name is its flag; see `setting`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from telephony.settings import values
from telephony.settings.fields import setting

# A text host that reads nothing is noticed sooner than a slow engine can be told from one that hangs.
_REPLY_STALL_SHARE = 1 / 6


def _default_cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "kokoro-telephony"


@dataclass(frozen=True)
class Telephone:
    """Endpoints of the telephone host, of its audio processors and of Asterisk."""

    host: str = setting("127.0.0.1", str, "address that the telephone endpoints listen on")
    tcp_port: int = setting(8090, values.port, "port of the text endpoint", short="t")
    udp_port: int = setting(13001, values.port, "port of the registration endpoint", short="u")
    processor_host: str = setting("127.0.0.1", str, "address that the audio processors listen on")
    shared_calls: bool = setting(
        False,
        values.switch,
        "share calls with other doors through --redis-url, signed as its phrases are: a datagram may come to any of "
        "them, and processors listen where their host is",
    )
    balancers: str = setting(
        "",
        values.networks,
        "addresses or networks, with commas, whose text connections begin with a PROXY line: it says whose they are",
    )
    audio_route: str = setting(
        "auto",
        values.choice("auto", "reply", "processor"),
        "where audio goes: processor: to the call's audio processor; reply: back on the text connection; auto: to the "
        "processor while one is connected",
    )
    stream: bool = setting(False, values.switch, "replies leave chunk by chunk, not as one frame for each text")
    exact: bool = setting(
        False,
        values.switch,
        "decode each text as a whole and keep the model's silence: for files, not for conversations",
    )
    db: Path | None = setting(
        None, values.path, "the host's SQLite database with system_config; none: Kokoro always speaks"
    )
    audiosocket_port: int | None = setting(
        cast("int | None", None),
        values.optional_port,
        "port of the AudioSocket endpoint for Asterisk, usually 9092, on the address of --host; 0: none",
    )
    audiosocket_wait_s: float = setting(
        10.0, values.seconds, "seconds that text for a call waits for its PBX to connect; 0: such text is refused"
    )

    lead_silence_ms: int = setting(
        0,
        values.number(int, lambda value: 0 <= value <= 5000, "must be between 0 and 5000 milliseconds"),
        "milliseconds of silence before a text that begins when nothing is playing, for lines that clip the first "
        "syllable",
    )


@dataclass(frozen=True)
class Agents:
    """HTTP and WebSocket endpoints for voice agents."""

    http_host: str = setting("127.0.0.1", str, "address of the HTTP and WebSocket endpoints")
    http_port: int | None = setting(
        cast("int | None", 8000), values.optional_port, "port of the HTTP and WebSocket endpoints; 0: none of them"
    )
    wyoming_port: int | None = setting(
        cast("int | None", None),
        values.wyoming_port,
        "port of the Wyoming endpoint for Home Assistant, usually 10200, which asks for no key; 0: none. Needs "
        "requirements-wyoming.txt",
    )
    wyoming_host: str = setting("127.0.0.1", str, "address of the Wyoming endpoint")
    wyoming_announce: bool = setting(
        False, values.announcement, "have Home Assistant find the Wyoming endpoint in its network (zeroconf)"
    )
    api_key: str = setting(
        "",
        str,
        "key, or several with commas, that the HTTP and WebSocket endpoints ask for; none: they are open",
        variable="API_KEY",
    )
    insecure: bool = setting(False, values.switch, "listen beyond this machine without a key")
    allowed_origins: str = setting(
        "", str, "web sites, with commas, whose pages may use the endpoints beside the service's own"
    )
    allowed_hosts: str = setting(
        "",
        str,
        "names, with commas, under which the endpoints may be asked for; addresses and localhost always may; *, or "
        "none with a key set: any name",
    )
    root_path: str = setting(
        "",
        values.url_prefix,
        "prefix, such as /tts, under which a reverse proxy has the endpoints, and which it removes; for /openapi.json",
    )
    forwarded_allow_ips: str = setting(
        "127.0.0.1,::1",
        str,
        "addresses or networks, with commas, of reverse proxies whose X-Forwarded-For, -Proto and -Host count; *: all",
    )
    language: str = setting(
        "",
        str,
        "language, such as p or pt-BR, for clients that name neither voice nor language",
        earlier="TTS_LANG_CODE",
    )
    female_voice: str = setting(
        "af_aoede", str, "voice that clients mean by the name female", earlier="DEFAULT_VOICE_FEMALE"
    )
    male_voice: str = setting(
        "am_michael", str, "voice that clients mean by the name male", earlier="DEFAULT_VOICE_MALE"
    )
    loudness_db: float | None = setting(
        cast("float | None", None),
        values.optional_level_db,
        "level of all voices in dB under full scale, such as -20, at all endpoints but the telephone's; none: each its "
        "own",
    )
    debounce_ms: int = setting(
        150,
        values.count,
        "milliseconds without new text after which a session speaks an unfinished sentence",
        earlier="TTS_DEBOUNCE_MS",
    )
    events_url: str = setting(
        "", values.http_url, "where every event of a call is sent by POST, as WS /calls/events has it; none: nowhere"
    )
    events_secret: str = setting(
        "", str, "signs these, in the header X-Signature: sha256= and the HMAC of the body; none: they are not signed"
    )
    open_names: bool = setting(
        False,
        values.switch,
        "show the names of voices and models at /v1/audio without a key, to clients such as Open WebUI",
    )
    frame_ms: int = setting(
        20,
        values.number(int, lambda value: 5 <= value <= 1000, "must be between 5 and 1000 milliseconds"),
        "milliseconds of audio in one WebSocket message",
        earlier="TTS_CHUNK_SIZE_MS",
    )


@dataclass(frozen=True)
class Engines:
    """Who speaks, and on what."""

    voice: str = setting("af_sky", str, "voice to speak with", short="v", earlier="TTS_DEFAULT_VOICE")
    speed: float = setting(
        1.0,
        values.number(float, lambda value: 0.5 <= value <= 2.0, "must be between 0.5 and 2.0"),
        "rate of speech, 0.5 to 2.0",
    )
    code_rate: float = setting(
        1.0,
        values.number(float, lambda value: 0.5 <= value <= 2.0, "must be between 0.5 and 2.0"),
        "how fast codes, telephone numbers and what is spelled are said, of the rate around them, such as 0.85 for who "
        "writes them down; 1: as the rest",
    )
    lexicon: Path | None = setting(
        None, values.path, "YAML that says how words are pronounced, followed while the service runs"
    )
    engine: str = setting(
        "kokoro",
        values.choice("kokoro", "supertonic", "tone"),
        "kokoro or supertonic speaks; tone plays a sine for each text, to try out a line without weights",
    )
    tone_realtime_factor: float = setting(
        0.0,
        values.seconds,
        "seconds that the tone engine takes for a second of sound, to try out load without weights",
    )
    device: str = setting(
        "auto",
        values.choice("auto", "mps", "cuda", "cpu"),
        "where Kokoro runs: mps, cuda or cpu; auto takes the best there is",
        short="d",
    )
    threads: int = setting(
        0, values.count, "processor threads for the model, in each room; 0: all cores, or a room's share of them"
    )
    rooms: int | None = setting(
        cast("int | None", 0),
        values.count_or_auto,
        "processes that the engine runs in, which share this machine's cores; 0: it runs in this one; auto: a room "
        "for each GPU, or for every two cores where that is more than one room. Needs requirements-cluster.txt",
    )
    cluster: str = setting(
        "",
        str,
        "the Ray cluster whose rooms speak: auto, or HOST:PORT of its head; none: the engine runs here",
    )
    gpu_memory_fraction: float = setting(
        1.0,
        values.number(float, lambda value: 0 < value <= 1, "must be over 0 and at most 1"),
        "share of the CUDA device's memory that this service may take",
    )
    weights_dir: Path | None = setting(
        None, values.path, "weights that are on disk already (kokoro-v1_0.pth, config.json, voices/)"
    )
    piper: str = setting(
        "embedded",
        values.choice("embedded", "external"),
        "who speaks while the database has Kokoro switched off: the Piper inside this service, or one outside, to "
        "which this service leaves its ports",
    )
    piper_model: Path | None = setting(
        None,
        values.path,
        "a Piper voice (.onnx, with its .onnx.json beside it); none: the installed one",
        variable="PIPER_MODEL_PATH",
    )
    piper_config: Path | None = setting(
        None,
        values.path,
        "the description of that Piper voice, if it is not beside it",
        variable="PIPER_CONFIG_PATH",
    )
    piper_voices: Path | None = setting(
        None, values.path, "directory with more Piper voices, for languages that Kokoro lacks"
    )
    kokoro_voices: Path | None = setting(
        None, values.path, "directory with more Kokoro voices, such as af_anna.pt: .pt, .npy, .npz or .safetensors"
    )
    piper_max_loaded: int = setting(
        4, values.positive_int, "Piper voices in memory at once; each is loaded when it is first needed"
    )
    supertonic: str = setting(
        "auto",
        values.choice("auto", "fetch", "off"),
        "Supertonic's voices F1 to M5 as well: auto: if its weights are there; fetch: they are fetched (260 MB); off",
    )
    supertonic_dir: Path | None = setting(
        None, values.path, "Supertonic's weights that are on disk already (onnx/, voice_styles/)"
    )
    supertonic_steps: int = setting(
        5,
        values.number(int, lambda value: 1 <= value <= 100, "must be between 1 and 100"),
        "denoising steps of Supertonic; more sound better and take longer",
        earlier="TTS_NUM_INFERENCE_STEPS",
    )


@dataclass(frozen=True)
class Cache:
    """What is kept: weights, named blends, spoken phrases."""

    cache_dir: Path = setting(
        _default_cache_dir(), values.path, "directory of fetched weights, named blends and spoken phrases"
    )
    phrase_memory_mb: int = setting(
        32, values.count, "megabytes of spoken phrases kept in memory, least recently used out first; 0: none"
    )
    phrase_cache_mb: int = setting(
        512,
        values.count,
        "megabytes of spoken phrases kept as files, least recently used out first: prerendered ones, and with "
        "--keep-phrases all; 0: no files",
    )
    keep_phrases: bool = setting(
        False,
        values.switch,
        "keep every spoken phrase as a file in the cache directory: what callers are told then lies on the disk",
    )
    prerender_file: Path | None = setting(
        None,
        values.path,
        "YAML with a list prerender, of phrases that are rendered after the start; a gateway's config.yaml will do",
        former="config",
    )
    redis_url: str = setting("", values.redis_url, "a Redis that keeps spoken phrases as well, for several machines")
    redis_ttl_s: float = setting(3600.0, values.positive_seconds, "seconds that Redis keeps a phrase")
    redis_secret: str = setting(
        "",
        str,
        "signs the phrases in Redis, the same on all machines that share it; none: API_KEY does, and without that "
        "nothing is signed",
    )
    prerender_dir: Path | None = setting(
        None, values.path, "keep prerendered phrases below this directory", hidden=True
    )
    phrase_dir: Path | None = setting(
        None, values.path, "keep every spoken phrase as a file in this directory", hidden=True
    )
    blends_file: Path | None = setting(None, values.path, "the named blends", hidden=True)

    @property
    def keeps_phrases(self) -> bool:
        """Whether there is any place to keep phrases."""
        return bool(self.phrase_memory_mb or self.phrase_cache_mb or self.redis_url)

    @property
    def keeps_every_phrase(self) -> bool:
        """Whether phrases that nobody had prerendered become files as well."""
        return self.keep_phrases or self.phrase_dir is not None

    @property
    def every_phrase_directory(self) -> Path:
        """Where every phrase becomes a file, once they are kept. Early versions always kept them there."""
        return self.phrase_dir or self.cache_dir / "phrases"

    @property
    def phrase_directory(self) -> Path:
        """Where the files of the phrase cache are."""
        if self.keeps_every_phrase:
            return self.every_phrase_directory
        return (self.prerender_dir or self.cache_dir) / "prerendered"

    @property
    def blends_path(self) -> Path:
        """Where the named blends are kept."""
        return self.blends_file or self.cache_dir / "blends.json"


@dataclass(frozen=True)
class StallTimeouts:
    """Seconds without progress until an engine's call, a call after BYE, a reader of replies is given up."""

    engine_s: float
    bye_s: float
    reply_s: float


@dataclass(frozen=True)
class Limits:
    """How much, how many and how long."""

    max_connections: int = setting(
        1000,
        values.positive_int,
        "connections at once of text hosts, of PBXs, and over HTTP and WebSocket, so many of each; more are refused",
    )
    max_calls: int = setting(4000, values.positive_int, "calls remembered at once; idle ones are forgotten first")
    max_sessions: int = setting(
        100,
        values.positive_int,
        "WebSocket sessions and HTTP requests that speak at once; more are refused",
        earlier="TTS_MAX_SESSIONS",
    )
    max_inflight_segments: int = setting(
        2,
        values.positive_int,
        "segments of a session in synthesis at once; more text waits",
        earlier="TTS_MAX_INFLIGHT_SEGMENTS",
    )
    max_first_audio_s: float = setting(
        3.0, values.seconds, "reject sessions predicted to wait longer than this for their first audio; 0: none"
    )
    max_wait_s: float = setting(
        4.0,
        values.seconds,
        "seconds that a listener who cannot be told busy waits for a place; then it takes a share, and gaps may follow",
    )
    max_text_chars: int = setting(100_000, values.positive_int, "characters of one text over HTTP or WebSocket")
    max_message_bytes: int = setting(1_048_576, values.positive_int, "bytes of one HTTP body or WebSocket message")
    max_queued_text_bytes: int = setting(
        262_144, values.positive_int, "text waiting in a call before its host is held up"
    )
    sink_buffer_s: float = setting(
        60.0, values.positive_seconds, "seconds of audio waiting for one reader before its call pauses"
    )
    requests_per_minute: int = setting(
        0, values.count, "requests and connections that a key may make a minute; 0: no limit"
    )
    hello_timeout_s: float = setting(
        30.0, values.positive_seconds, "seconds that a new connection has for its HELLO or HTTP request"
    )
    send_timeout_s: float = setting(
        10.0,
        values.positive_seconds,
        "seconds until a WebSocket or HTTP client that takes no audio is disconnected",
        earlier="WS_SEND_TIMEOUT",
    )
    idle_timeout_s: float = setting(
        600.0,
        values.positive_seconds,
        "seconds until a WebSocket connection is closed on which nothing is said and no message comes",
    )
    stall_timeout_s: float = setting(
        30.0,
        values.positive_seconds,
        "seconds until an engine that does not return is given up and another one speaks, and until a call that said "
        "BYE and makes no progress is ended; a text host that reads nothing loses its replies after a sixth of it",
    )
    max_http_connections: int | None = setting(
        cast("int | None", None), values.positive_int, "connections over HTTP and WebSocket", hidden=True
    )
    engine_stall_s: float | None = setting(
        cast("float | None", None), values.positive_seconds, "stall of an engine", hidden=True
    )
    bye_stall_s: float | None = setting(
        cast("float | None", None), values.positive_seconds, "stall of a call that said BYE", hidden=True
    )
    reply_stall_s: float | None = setting(
        cast("float | None", None), values.positive_seconds, "stall of a text host", hidden=True
    )

    @property
    def http_connections(self) -> int:
        """HTTP and WebSocket connections at once."""
        return self.max_http_connections or self.max_connections

    @property
    def stall_timeouts(self) -> StallTimeouts:
        """What `stall_timeout_s` means for each, where none has its own."""
        return StallTimeouts(
            self.engine_stall_s or self.stall_timeout_s,
            self.bye_stall_s or self.stall_timeout_s,
            self.reply_stall_s or self.stall_timeout_s * _REPLY_STALL_SHARE,
        )


@dataclass(frozen=True)
class Operations:
    """Logs, traces, and the end of the service."""

    request_log: Path | None = setting(
        cast("Path | None", Path("logs/metrics.log")),
        values.optional_path,
        "file with one JSON line a request, rotated; none: no file",
        former="metrics_log",
    )
    traces_url: str = setting(
        "",
        values.traces_url,
        "the OpenTelemetry collector, such as http://127.0.0.1:4318, that is sent a trace of each text; none: nobody "
        "is. Needs requirements-tracing.txt",
    )
    log_level: str = setting(
        "info",
        lambda text: values.choice("debug", "info", "warning", "error", "critical")(text.lower()),
        "debug, info, warning, error or critical; callers' text appears at debug only",
        variable="LOG_LEVEL",
    )
    log_format: str = setting("logfmt", values.choice("logfmt", "json"), "logfmt or json, one line an event")
    drain_timeout_s: float = setting(10.0, values.seconds, "seconds that calls have to finish when the service stops")


@dataclass(frozen=True)
class Settings(Telephone, Agents, Engines, Cache, Limits, Operations):
    """The settings of one service."""


GROUPS = (Telephone, Agents, Engines, Cache, Limits, Operations)
"""The groups of `Settings`, in the order in which an operator reads them. Their docstrings are shown."""
