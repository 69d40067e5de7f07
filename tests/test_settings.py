"""Settings come from defaults, then the environment, then the command line; what is malformed is named."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from telephony.settings import GROUPS, IGNORED, Command, Settings, SettingsError, describe, markdown, parse
from telephony.settings.fields import all_variables, flag_of, shown_variables, variable_of

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")

# Of each setting: a value as text that is not the default, and what it means.
OTHER_VALUES: dict[str, tuple[str, object]] = {
    "voice": ("am_michael", "am_michael"),
    "tcp_port": ("8091", 8091),
    "udp_port": ("0", 0),
    "device": ("cpu", "cpu"),
    "lead_silence_ms": ("200", 200),
    "events_url": ("http://127.0.0.1:9000/events", "http://127.0.0.1:9000/events"),
    "events_secret": ("ours", "ours"),
    "open_names": ("on", True),
    "host": ("0.0.0.0", "0.0.0.0"),
    "engine": ("tone", "tone"),
    "speed": ("1.5", 1.5),
    "code_rate": ("0.85", 0.85),
    "lexicon": ("/tmp/lexicon.yaml", Path("/tmp/lexicon.yaml")),
    "audio_route": ("reply", "reply"),
    "stream": ("on", True),
    "exact": ("yes", True),
    "db": ("/tmp/a b.db", Path("/tmp/a b.db")),
    "piper": ("external", "external"),
    "piper_model": ("/tmp/voice.onnx", Path("/tmp/voice.onnx")),
    "piper_config": ("/tmp/voice.json", Path("/tmp/voice.json")),
    "piper_voices": ("/tmp/voices", Path("/tmp/voices")),
    "kokoro_voices": ("/tmp/own", Path("/tmp/own")),
    "piper_max_loaded": ("2", 2),
    "supertonic": ("fetch", "fetch"),
    "supertonic_dir": ("/tmp/supertonic", Path("/tmp/supertonic")),
    "supertonic_steps": ("8", 8),
    "cache_dir": ("/tmp/cache", Path("/tmp/cache")),
    "blends_file": ("/tmp/blends.json", Path("/tmp/blends.json")),
    "weights_dir": ("/tmp/weights", Path("/tmp/weights")),
    "phrase_memory_mb": ("0", 0),
    "phrase_cache_mb": ("0", 0),
    "phrase_dir": ("/tmp/phrases", Path("/tmp/phrases")),
    "redis_url": ("redis://127.0.0.1:6380/1", "redis://127.0.0.1:6380/1"),
    "redis_ttl_s": ("60", 60.0),
    "redis_secret": ("ours", "ours"),
    "prerender_dir": ("/tmp/prerendered", Path("/tmp/prerendered")),
    "prerender_file": ("/tmp/config.yaml", Path("/tmp/config.yaml")),
    "keep_phrases": ("yes", True),
    "stall_timeout_s": ("20", 20.0),
    "tone_realtime_factor": ("0.1", 0.1),
    "threads": ("4", 4),
    "rooms": ("2", 2),
    "cluster": ("head:6379", "head:6379"),
    "engine_stall_s": ("12.5", 12.5),
    "shared_calls": ("on", True),
    "balancers": ("10.0.0.5,10.1.0.0/16", "10.0.0.5,10.1.0.0/16"),
    "processor_host": ("127.0.0.2", "127.0.0.2"),
    "max_connections": ("5", 5),
    "max_calls": ("6", 6),
    "max_queued_text_bytes": ("7", 7),
    "sink_buffer_s": ("0.5", 0.5),
    "http_port": ("8001", 8001),
    "http_host": ("0.0.0.0", "0.0.0.0"),
    "audiosocket_port": ("9092", 9092),
    "audiosocket_wait_s": ("2.5", 2.5),
    "wyoming_port": ("10200", 10_200),
    "wyoming_host": ("0.0.0.0", "0.0.0.0"),
    "wyoming_announce": ("true", True),
    "loudness_db": ("-20", -20.0),
    "api_key": ("one,two", "one,two"),
    "insecure": ("true", True),
    "allowed_origins": ("https://example.com", "https://example.com"),
    "allowed_hosts": ("tts.example", "tts.example"),
    "root_path": ("/tts/", "/tts"),
    "forwarded_allow_ips": ("10.0.0.0/8", "10.0.0.0/8"),
    "requests_per_minute": ("8", 8),
    "max_http_connections": ("9", 9),
    "max_sessions": ("10", 10),
    "max_inflight_segments": ("1", 1),
    "max_first_audio_s": ("0", 0.0),
    "max_wait_s": ("2.5", 2.5),
    "max_text_chars": ("11", 11),
    "max_message_bytes": ("12", 12),
    "debounce_ms": ("0", 0),
    "frame_ms": ("40", 40),
    "send_timeout_s": ("4", 4.0),
    "idle_timeout_s": ("60", 60.0),
    "language": ("p", "p"),
    "female_voice": ("af_nova", "af_nova"),
    "male_voice": ("bm_george", "bm_george"),
    "gpu_memory_fraction": ("0.5", 0.5),
    "request_log": ("/tmp/metrics.log", Path("/tmp/metrics.log")),
    "traces_url": ("http://collector:4318", "http://collector:4318"),
    "reply_stall_s": ("1.25", 1.25),
    "hello_timeout_s": ("2", 2.0),
    "bye_stall_s": ("3", 3.0),
    "drain_timeout_s": ("0", 0.0),
    "log_level": ("DEBUG", "debug"),
    "log_format": ("json", "json"),
}
FIELDS = {field.name: field for field in dataclasses.fields(Settings)}
NAMES = sorted(FIELDS)
# What was renamed, and what follows from another setting now: both still work.
FORMER = {"metrics_log": "request_log", "config": "prerender_file"}
HIDDEN = [
    "blends_file",
    "bye_stall_s",
    "engine_stall_s",
    "max_http_connections",
    "phrase_dir",
    "prerender_dir",
    "reply_stall_s",
]
SHOWN = [name for name in NAMES if name not in HIDDEN]
FIXED = ["audiosocket_silence", "max_waiting_requests", "redis_max_value_bytes"]


def settings(*arguments: str, **environment: str) -> Settings:
    return parse(arguments, environment).settings


def changed(name: str, value: Any) -> Settings:
    return dataclasses.replace(Settings(), **{name: value})


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def env(name: str) -> str:
    return shown_variables(FIELDS[name])[0]


def error_of(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as raised:
        parse(arguments, environment or {})
    return str(raised.value)


# Where values come from


def test_the_defaults_are_those_of_the_piper_service_that_this_one_replaces() -> None:
    plain = settings()
    assert plain == Settings()
    assert (plain.host, plain.tcp_port, plain.udp_port) == ("127.0.0.1", 8090, 13001)
    assert (plain.voice, plain.speed, plain.audio_route, plain.stream) == ("af_sky", 1.0, "auto", False)


def test_every_setting_has_another_value_in_these_tests() -> None:
    assert sorted(OTHER_VALUES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_follows_its_flag_and_no_other_changes(name: str) -> None:
    text, meaning = OTHER_VALUES[name]
    assert settings(flag(name), text) == changed(name, meaning)


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_follows_its_variable_and_no_other_changes(name: str) -> None:
    text, meaning = OTHER_VALUES[name]
    assert getattr(Settings(), name) != meaning
    assert parse([], {env(name): text}).settings == changed(name, meaning)


def test_the_command_line_wins_over_the_environment() -> None:
    assert settings("--voice", "am_adam", KOKORO_VOICE="am_michael").voice == "am_adam"


def test_an_empty_variable_leaves_the_default() -> None:
    assert settings(KOKORO_TCP_PORT="", KOKORO_DB="") == Settings()


OLDER = sorted((field.metadata["earlier"], name) for name, field in FIELDS.items() if field.metadata["earlier"])


def test_the_variables_of_earlier_services_are_known() -> None:
    assert {older for older, _ in OLDER} == {
        "TTS_MAX_SESSIONS",
        "TTS_NUM_INFERENCE_STEPS",
        "TTS_MAX_INFLIGHT_SEGMENTS",
        "TTS_DEFAULT_VOICE",
        "TTS_LANG_CODE",
        "TTS_DEBOUNCE_MS",
        "TTS_CHUNK_SIZE_MS",
        "WS_SEND_TIMEOUT",
        "DEFAULT_VOICE_FEMALE",
        "DEFAULT_VOICE_MALE",
    }


@pytest.mark.parametrize(("older", "name"), OLDER)
def test_a_setting_follows_the_variable_of_earlier_services(older: str, name: str) -> None:
    text, meaning = OTHER_VALUES[name]
    assert parse([], {older: text}).settings == changed(name, meaning)


@pytest.mark.parametrize(("older", "name"), OLDER)
def test_a_variable_of_earlier_services_gives_way_to_the_own_one_and_to_the_flag(older: str, name: str) -> None:
    text, meaning = OTHER_VALUES[name]
    default = str(FIELDS[name].default)
    assert parse([], {older: default, env(name): text}).settings == changed(name, meaning)
    assert parse([flag(name), text], {older: default}).settings == changed(name, meaning)


def test_a_bad_value_is_named_with_the_variable_that_has_it() -> None:
    assert error_of(environment={"TTS_MAX_SESSIONS": "many"}).startswith("TTS_MAX_SESSIONS='many': ")


def test_some_variables_are_not_named_like_their_flags() -> None:
    odd = {name: env(name) for name in NAMES if env(name) != variable_of(name)}
    assert odd == {
        "api_key": "API_KEY",
        "log_level": "LOG_LEVEL",
        "piper_model": "PIPER_MODEL_PATH",
        "piper_config": "PIPER_CONFIG_PATH",
    }


# What had another name, or is no setting any more


def test_what_was_renamed_is_known() -> None:
    assert {field.metadata["former"]: name for name, field in FIELDS.items() if field.metadata["former"]} == FORMER


@pytest.mark.parametrize("former", FORMER)
def test_a_setting_follows_its_former_flag_and_variable_too(former: str) -> None:
    name = FORMER[former]
    text, meaning = OTHER_VALUES[name]
    assert settings(flag(former), text) == changed(name, meaning)
    assert parse([], {variable_of(former): text}).settings == changed(name, meaning)


@pytest.mark.parametrize("former", FORMER)
def test_the_new_name_wins_over_the_former_one_in_any_order(former: str) -> None:
    name = FORMER[former]
    text, meaning = OTHER_VALUES[name]
    for arguments in ([flag(name), text, flag(former), "/x"], [flag(former), "/x", flag(name), text]):
        assert settings(*arguments) == changed(name, meaning)
    assert parse([], {variable_of(former): "/x", env(name): text}).settings == changed(name, meaning)
    assert parse([flag(former), text], {env(name): "/x"}).settings == changed(name, meaning)


def test_what_follows_from_another_setting_is_hidden() -> None:
    assert [name for name in NAMES if FIELDS[name].metadata["hidden"]] == HIDDEN
    assert all(FIELDS[name].default is None for name in HIDDEN)


@pytest.mark.parametrize("name", FIXED)
def test_what_is_fixed_now_is_accepted_and_named(name: str) -> None:
    for arguments in ([flag(name), "7"], [f"{flag(name)}=x"], [flag(name)]):
        command = parse(arguments, {})
        assert (command.settings, [*command.ignored]) == (Settings(), [flag(name)])
    command = parse([flag(name), "7"], {variable_of(name): "x"})
    assert (command.settings, [*command.ignored]) == (Settings(), [variable_of(name), flag(name)])
    assert parse([], {variable_of(name): ""}).ignored == {}


NEEDLESS = [name for name in IGNORED if not name.startswith("--") and name not in map(variable_of, FIXED)]


@pytest.mark.parametrize("name", NEEDLESS)
def test_variables_of_earlier_services_without_effect_are_accepted_and_named(name: str) -> None:
    command = parse([], {name: "4"})
    assert (command.settings, command.ignored, command.unknown) == (Settings(), {name: IGNORED[name]}, {})
    assert parse([], {name: ""}).ignored == {}


def test_the_needless_variables_of_earlier_services_are_known() -> None:
    assert set(NEEDLESS) == {
        "MAX_CONCURRENT_JOBS",
        "QUEUE_MAXSIZE",
        "FIRST_SEGMENT_MAX_WORDS",
        "FIRST_SEGMENT_BOUNDARIES",
        "MAX_UTTERANCE_WORDS",
        "STREAM_CHUNK_SECONDS",
        "PRIME_STREAM",
        "PRIME_BYTES",
        "WS_FIRST_CHUNK_IMMEDIATE",
        "WS_BUFFER_BYTES",
        "WS_FLUSH_EVERY",
    }


def test_why_something_is_ignored_is_one_line() -> None:
    assert all(why and "\n" not in why for why in IGNORED.values())


# A gateway's configuration

GATEWAY = """\
server: {port: 5000}
fallback_tts:
  model_path: /models/voice.onnx
  config_path: /models/described.json
  enabled: true
  speaker_id: 3
prerender:
  enabled: true
  cache_dir: /tmp/gateway
  ttl_seconds: 86400
  batch_size: 4
  common_phrases:
    - Please hold.
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(GATEWAY, encoding="utf-8")
    return path


def test_a_gateways_configuration_is_read_as_it_is(gateway: Path) -> None:
    for command in (parse(["--prerender-file", str(gateway)], {}), parse([], {"KOKORO_CONFIG": str(gateway)})):
        assert command.settings == dataclasses.replace(
            Settings(),
            prerender_file=gateway,
            piper_model=Path("/models/voice.onnx"),
            piper_config=Path("/models/described.json"),
            prerender_dir=Path("/tmp/gateway"),
            redis_ttl_s=86_400.0,
        )
        assert [*command.ignored] == ["fallback_tts.enabled", "fallback_tts.speaker_id", "prerender.batch_size"]
        assert len(set(command.ignored.values())) == 3


def test_variables_and_flags_win_over_a_gateways_configuration(gateway: Path) -> None:
    read = settings("--redis-ttl-s", "60", KOKORO_PRERENDER_FILE=str(gateway), PIPER_MODEL_PATH="/own.onnx")
    assert (read.redis_ttl_s, read.piper_model) == (60.0, Path("/own.onnx"))
    assert read.prerender_dir == Path("/tmp/gateway")


def test_a_bad_value_of_a_gateways_configuration_is_named_with_its_key(gateway: Path) -> None:
    gateway.write_text("prerender: {ttl_seconds: soon}", encoding="utf-8")
    assert error_of("--prerender-file", str(gateway)).startswith(f"{gateway}: prerender.ttl_seconds='soon': ")


@pytest.mark.parametrize(
    "content",
    ["[", "7", "prerender: [Hello.]", "prerender:\nfallback_tts:", "prerender: {ttl_seconds: 0, cache_dir: }"],
)
def test_what_is_no_gateways_configuration_changes_nothing(gateway: Path, content: str) -> None:
    gateway.write_text(content, encoding="utf-8")
    assert parse(["--prerender-file", str(gateway)], {}) == Command("run", changed("prerender_file", gateway))


# What follows from what


def test_blends_and_phrases_are_in_the_cache_directory() -> None:
    plain = settings("--cache-dir", "/tmp/cache")
    assert plain.blends_path == Path("/tmp/cache/blends.json")
    assert plain.phrase_directory == Path("/tmp/cache/prerendered")
    assert settings("--cache-dir", "/tmp/cache", "--blends-file", "/tmp/b.json").blends_path == Path("/tmp/b.json")
    assert settings("--prerender-dir", "/tmp/p").phrase_directory == Path("/tmp/p/prerendered")


def test_callers_phrases_become_files_only_where_that_is_asked_for() -> None:
    assert not settings().keeps_every_phrase
    assert not settings("--phrase-cache-mb", "4096", "--cache-dir", "/tmp/cache").keeps_every_phrase
    kept = settings("--keep-phrases", "--cache-dir", "/tmp/cache")
    assert (kept.keeps_every_phrase, kept.phrase_directory) == (True, Path("/tmp/cache/phrases"))
    for former in (settings("--phrase-dir", "/tmp/p"), settings(KOKORO_PHRASE_DIR="/tmp/p")):
        assert (former.keeps_every_phrase, former.phrase_directory) == (True, Path("/tmp/p"))


def test_one_bound_of_connections_is_both() -> None:
    assert (settings().max_connections, settings().http_connections) == (1000, 1000)
    both = settings("--max-connections", "5")
    assert (both.max_connections, both.http_connections) == (5, 5)
    apart = settings("--max-connections", "5", "--max-http-connections", "7")
    assert (apart.max_connections, apart.http_connections) == (5, 7)


def test_one_stall_timeout_is_all_three() -> None:
    assert dataclasses.astuple(settings().stall_timeouts) == (30.0, 30.0, 5.0)
    assert dataclasses.astuple(settings("--stall-timeout-s", "12").stall_timeouts) == (12.0, 12.0, 2.0)


@pytest.mark.parametrize(
    ("former", "stalls"),
    [
        ("engine_stall_s", (7.0, 12.0, 2.0)),
        ("bye_stall_s", (12.0, 7.0, 2.0)),
        ("reply_stall_s", (12.0, 12.0, 7.0)),
    ],
)
def test_a_former_stall_timeout_changes_its_own_only(former: str, stalls: tuple[float, ...]) -> None:
    given = settings("--stall-timeout-s", "12", flag(former), "7")
    assert dataclasses.astuple(given.stall_timeouts) == stalls
    assert parse([], {variable_of(former): "7", "KOKORO_STALL_TIMEOUT_S": "12"}).settings == given


# What was mistyped


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        ("--voic", "--voice"),
        ("--udp_port", "--udp-port"),
        ("--Stream", "--stream"),
        ("--pre-render-file=x.yaml", "--prerender-file"),
        ("--chek", "--check"),
    ],
)
def test_a_mistyped_flag_is_answered_with_the_one_that_was_meant(
    argument: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        parse([argument], {})
    assert raised.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: unrecognized arguments: {argument}; did you mean {meant}?")


def test_a_flag_like_no_other_is_answered_without_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--qqqq"], {})
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("name", [*HIDDEN, *FORMER, *FIXED])
def test_nobody_is_sent_to_a_flag_that_is_not_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([flag(name) + "x"], {})
    assert f"did you mean {flag(name)}?" not in capsys.readouterr().err
    assert parse([], {variable_of(name) + "X": "1"}).unknown[variable_of(name) + "X"] != variable_of(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("KOKORO_VOCE", "KOKORO_VOICE"),
        ("KOKORO_TCPPORT", "KOKORO_TCP_PORT"),
        ("KOKORO_LOG_LEVEL", "LOG_LEVEL"),
        ("KOKORO_API_KEY", "API_KEY"),
        ("KOKORO_PIPER_MODEL_PATH", "PIPER_MODEL_PATH"),
        ("KOKORO_", None),
    ],
)
def test_a_mistyped_variable_is_named_and_ends_nothing(name: str, meant: str | None) -> None:
    command = parse([], {name: "anything", "OTHER_VOICE": "x"})
    assert (command.settings, command.unknown) == (Settings(), {name: meant})
    assert parse([], {name: ""}).unknown == {}


def test_no_variable_that_is_read_is_unknown() -> None:
    read = {name: text for field in FIELDS.values() for name in all_variables(field) for text in [field.name]}
    texts = {name: OTHER_VALUES[field][0] for name, field in read.items()}
    assert parse([], {**texts, **dict.fromkeys(IGNORED, "1")}).unknown == {}


def test_variables_of_the_launcher_are_not_unknown() -> None:
    scripts = [ROOT / "start-kokoro.sh", *sorted((ROOT / "scripts").glob("*.sh"))]
    read = {name for path in scripts for name in re.findall(r"\bKOKORO_[A-Z]+\b", path.read_text(encoding="utf-8"))}
    assert {"KOKORO_PYTHON", "KOKORO_JEMALLOC"} <= read
    assert parse([], dict.fromkeys(read, "auto")).unknown == {}


# Single settings


def test_http_port_0_is_no_door() -> None:
    assert settings("--http-port", "0").http_port is None
    assert settings(KOKORO_HTTP_PORT="0").http_port is None


def test_the_request_log_can_be_switched_off() -> None:
    assert settings("--request-log", "none").request_log is None
    assert settings("--request-log", "~/x.log").request_log == Path.home() / "x.log"


def test_other_variables_are_not_read() -> None:
    assert settings(VOICE="x", TCP_PORT="1", KOKORO_NOTHING="y") == Settings()


@pytest.mark.parametrize(
    ("short", "text", "name", "meaning"),
    [
        ("-v", "am_adam", "voice", "am_adam"),
        ("-t", "9", "tcp_port", 9),
        ("-u", "9", "udp_port", 9),
        ("-d", "cpu", "device", "cpu"),
    ],
)
def test_short_flags_mean_the_long_ones(short: str, text: str, name: str, meaning: object) -> None:
    assert getattr(settings(short, text), name) == meaning


@pytest.mark.parametrize(
    ("arguments", "stream"),
    [(["--stream"], True), (["--stream", "true"], True), (["--stream", "no"], False), (["--stream=0"], False)],
)
def test_a_switch_may_stand_alone_or_have_a_value(arguments: list[str], stream: bool) -> None:
    assert parse(arguments, {"KOKORO_STREAM": "off" if stream else "on"}).settings.stream is stream


def test_a_home_directory_is_expanded() -> None:
    assert settings("--db", "~/x.db").db == Path.home() / "x.db"


@pytest.mark.parametrize(
    ("arguments", "action"), [([], "run"), (["--check"], "check"), (["--init-db", "--db", "x.db"], "init_db")]
)
def test_the_action_follows_from_the_flags(arguments: list[str], action: str) -> None:
    assert parse(arguments, {}).action == action


def test_init_db_needs_a_database() -> None:
    assert "--db" in error_of("--init-db")


# What is refused

BAD_VALUES = [
    ("tcp_port", "65536", "65535"),
    ("tcp_port", "-1", "65535"),
    ("tcp_port", "abc", "65535"),
    ("udp_port", "", "65535"),
    ("udp_port", "1.5", "65535"),
    ("device", "gpu", "mps"),
    ("engine", "piper", "kokoro, supertonic, tone"),
    ("speed", "0.4", "0.5 and 2.0"),
    ("speed", "2.1", "0.5 and 2.0"),
    ("speed", "nan", "0.5 and 2.0"),
    ("speed", "fast", "0.5 and 2.0"),
    ("audio_route", "both", "auto, reply, processor"),
    ("stream", "maybe", "true or false"),
    ("piper", "none", "embedded, external"),
    ("phrase_cache_mb", "-1", "0 or more"),
    ("redis_url", "http://127.0.0.1:6379", "redis://"),
    ("redis_url", "redis://127.0.0.1:port", "redis://"),
    ("traces_url", "collector:4318", "http://"),
    ("traces_url", "http://collector:port", "http://"),
    ("redis_ttl_s", "0", "more than 0 seconds"),
    ("shared_calls", "some", "true or false"),
    ("balancers", "10.0.0.5,", "addresses or networks"),
    ("balancers", "balancer.example", "addresses or networks"),
    ("keep_phrases", "some", "true or false"),
    ("stall_timeout_s", "0", "more than 0 seconds"),
    ("threads", "-1", "0 or more"),
    ("rooms", "all", "0 or more"),
    ("threads", "many", "0 or more"),
    ("max_connections", "0", "1 or more"),
    ("max_calls", "0", "1 or more"),
    ("max_calls", "all", "1 or more"),
    ("max_queued_text_bytes", "0", "1 or more"),
    ("sink_buffer_s", "-1", "seconds"),
    ("sink_buffer_s", "0", "more than 0 seconds"),
    ("http_port", "65536", "65535"),
    ("http_port", "none", "65535"),
    ("insecure", "perhaps", "true or false"),
    ("requests_per_minute", "-1", "0 or more"),
    ("max_http_connections", "0", "1 or more"),
    ("max_sessions", "0", "1 or more"),
    ("max_inflight_segments", "0", "1 or more"),
    ("engine_stall_s", "0", "more than 0 seconds"),
    ("max_first_audio_s", "-1", "0 or more seconds"),
    ("max_wait_s", "-1", "0 or more seconds"),
    ("max_text_chars", "0", "1 or more"),
    ("max_message_bytes", "0", "1 or more"),
    ("debounce_ms", "-1", "0 or more"),
    ("frame_ms", "4", "5 and 1000"),
    ("frame_ms", "1001", "5 and 1000"),
    ("send_timeout_s", "0", "more than 0 seconds"),
    ("idle_timeout_s", "0", "more than 0 seconds"),
    ("gpu_memory_fraction", "0", "over 0 and at most 1"),
    ("gpu_memory_fraction", "1.1", "over 0 and at most 1"),
    ("reply_stall_s", "inf", "seconds"),
    ("reply_stall_s", "0", "more than 0 seconds"),
    ("hello_timeout_s", "nan", "seconds"),
    ("hello_timeout_s", "0", "more than 0 seconds"),
    ("bye_stall_s", "0", "more than 0 seconds"),
    ("drain_timeout_s", "-0.1", "0 or more seconds"),
    ("drain_timeout_s", "soon", "0 or more seconds"),
    ("log_level", "loud", "debug"),
    ("log_format", "xml", "logfmt, json"),
]


@pytest.mark.parametrize(("name", "text", "allowed"), BAD_VALUES)
def test_a_bad_flag_is_named_with_what_is_allowed(name: str, text: str, allowed: str) -> None:
    message = error_of(f"{flag(name)}={text}")
    assert message.startswith(f"{flag(name)}={text!r}: ")
    assert allowed in message


@pytest.mark.parametrize(("name", "text", "allowed"), [bad for bad in BAD_VALUES if bad[1]])
def test_a_bad_variable_is_named_with_what_is_allowed(name: str, text: str, allowed: str) -> None:
    message = error_of(environment={env(name): text})
    assert message.startswith(f"{env(name)}={text!r}: ")
    assert allowed in message


def test_a_bad_value_of_a_former_name_is_named_with_it() -> None:
    # Every path is one, so that the former names have no bad values; a hidden setting is named as it was given.
    assert error_of("--max-http-connections", "0").startswith("--max-http-connections='0': ")
    assert error_of(environment={"KOKORO_BYE_STALL_S": "0"}).startswith("KOKORO_BYE_STALL_S='0': ")


def test_an_error_is_one_line_whatever_the_value() -> None:
    assert "\n" not in error_of("--device", "gpu\nvoice=x")


@pytest.mark.parametrize("arguments", [["--volume", "11"], ["extra"], ["--voic", "af_sky"], ["--tcp-port"]])
def test_an_unknown_or_incomplete_argument_ends_the_program(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        parse(arguments, {})
    assert raised.value.code == 2
    assert arguments[0] in capsys.readouterr().err


# What the operator is told


def test_no_two_settings_share_a_variable_or_a_flag() -> None:
    described = describe()
    assert len({row[0] for row in described}) == len({row[1] for row in described}) == len(SHOWN)
    variables = [name for field in FIELDS.values() for name in all_variables(field)]
    assert len(variables) == len(set(variables))


def test_every_setting_is_explained() -> None:
    assert all(help_text for _, _, _, help_text in describe())


def test_help_names_every_flag_variable_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        parse(["--help"], {})
    assert raised.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, variable, default, _ in describe():
        assert name in shown
        assert re.search(rf"\[{variable}, default\s+{re.escape(default)}\]", shown), variable


def test_every_setting_is_in_one_group_and_no_group_is_without() -> None:
    grouped = [field.name for group in GROUPS for field in dataclasses.fields(group)]
    assert sorted(grouped) == NAMES
    assert [group.__name__ for group in GROUPS] == ["Telephone", "Agents", "Engines", "Cache", "Limits", "Operations"]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_help_and_page_show_a_group_with_its_settings_and_no_others(
    group: type, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = [flag_of(field.name) for field in dataclasses.fields(group) if field.name not in HIDDEN]
    assert shown
    (section,) = re.findall(rf"^## {group.__name__}\n\n(.*?)(?:\n\n## |\Z)", markdown(), re.DOTALL | re.MULTILINE)
    assert re.findall(r"^\| `(--[a-z-]+)` \|", section, re.MULTILINE) == shown
    with pytest.raises(SystemExit):
        parse(["--help"], {})
    (section,) = re.findall(
        rf"^{group.__name__}:\n(.*?)(?:\n\n\S|\Z)", capsys.readouterr().out, re.DOTALL | re.MULTILINE
    )
    assert re.findall(r"^  (?:-\w [A-Z]+, )?(--[a-z-]+)", section, re.MULTILINE) == shown


@pytest.mark.parametrize("name", [*HIDDEN, *FORMER, *FIXED])
def test_neither_help_nor_the_tables_of_the_page_show_what_is_hidden(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"], {})
    for shown in (capsys.readouterr().out, markdown().partition("## Without effect")[0]):
        assert re.search(rf"{flag(name)}\b(?!-)|{variable_of(name)}\b", shown) is None


def test_the_page_has_a_heading_and_a_row_for_each_setting() -> None:
    page = markdown()
    assert page.startswith("# Settings\n")
    assert page.count("\n| Flag | Variables | Default | Meaning |\n") == len(GROUPS)
    for name, variables, default, meaning in describe():
        assert "|" not in meaning
        assert f"\n| `{name}` | `{variables}` | `{default}` | {meaning} |" in page


def test_the_module_prints_the_page() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "telephony.settings"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert printed.stdout == markdown() + "\n"


def test_the_page_lists_every_setting_with_its_variable_and_default() -> None:
    rows = {
        tuple(cell.strip().strip("`") for cell in line.strip().strip("|").split("|")[:3])
        for line in PAGE.splitlines()
        if line.lstrip().startswith("|")
    }
    missing = [row[:3] for row in describe() if row[:3] not in rows]
    assert missing == []


def test_the_page_is_what_its_command_prints() -> None:
    assert markdown() + "\n" == PAGE


@pytest.mark.parametrize("name", sorted(IGNORED))
def test_the_page_names_the_variables_without_effect(name: str) -> None:
    assert f"| `{name}` |" in PAGE
