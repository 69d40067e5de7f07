"""Settings come from defaults, then the environment, then the command line; what is malformed is named."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from telephony.settings import NEEDLESS, Settings, SettingsError, describe, parse

README = Path(__file__).resolve().parent.parent / "README.md"

# Of each setting: a value as text that is not the default, and what it means.
OTHER_VALUES: dict[str, tuple[str, object]] = {
    "voice": ("am_michael", "am_michael"),
    "tcp_port": ("8091", 8091),
    "udp_port": ("0", 0),
    "device": ("cpu", "cpu"),
    "host": ("0.0.0.0", "0.0.0.0"),
    "engine": ("tone", "tone"),
    "speed": ("1.5", 1.5),
    "audio_route": ("reply", "reply"),
    "stream": ("on", True),
    "exact": ("yes", True),
    "db": ("/tmp/a b.db", Path("/tmp/a b.db")),
    "piper": ("external", "external"),
    "piper_model": ("/tmp/voice.onnx", Path("/tmp/voice.onnx")),
    "piper_voices": ("/tmp/voices", Path("/tmp/voices")),
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
    "redis_max_value_bytes": ("13", 13),
    "redis_secret": ("ours", "ours"),
    "config": ("/tmp/config.yaml", Path("/tmp/config.yaml")),
    "threads": ("4", 4),
    "engine_stall_s": ("12.5", 12.5),
    "processor_host": ("127.0.0.2", "127.0.0.2"),
    "max_connections": ("5", 5),
    "max_calls": ("6", 6),
    "max_queued_text_bytes": ("7", 7),
    "sink_buffer_s": ("0.5", 0.5),
    "http_port": ("8001", 8001),
    "http_host": ("0.0.0.0", "0.0.0.0"),
    "audiosocket_port": ("9092", 9092),
    "audiosocket_wait_s": ("2.5", 2.5),
    "audiosocket_silence": ("true", True),
    "loudness_db": ("-20", -20.0),
    "api_key": ("one,two", "one,two"),
    "insecure": ("true", True),
    "allowed_origins": ("https://example.com", "https://example.com"),
    "allowed_hosts": ("tts.example", "tts.example"),
    "requests_per_minute": ("8", 8),
    "max_http_connections": ("9", 9),
    "max_sessions": ("10", 10),
    "max_inflight_segments": ("1", 1),
    "max_waiting_requests": ("3", 3),
    "max_first_audio_s": ("0", 0.0),
    "max_wait_s": ("2.5", 2.5),
    "max_text_chars": ("11", 11),
    "max_message_bytes": ("12", 12),
    "debounce_ms": ("0", 0),
    "frame_ms": ("40", 40),
    "send_timeout_s": ("4", 4.0),
    "idle_timeout_s": ("60", 60.0),
    "language": ("p", "p"),
    "gpu_memory_fraction": ("0.5", 0.5),
    "metrics_log": ("/tmp/metrics.log", Path("/tmp/metrics.log")),
    "reply_stall_s": ("1.25", 1.25),
    "hello_timeout_s": ("2", 2.0),
    "bye_stall_s": ("3", 3.0),
    "drain_timeout_s": ("0", 0.0),
    "log_level": ("DEBUG", "debug"),
    "log_format": ("json", "json"),
}
FIELDS = {field.name: field for field in dataclasses.fields(Settings)}
NAMES = sorted(FIELDS)


def settings(*arguments: str, **environment: str) -> Settings:
    return parse(arguments, environment).settings


def changed(name: str, value: Any) -> Settings:
    return dataclasses.replace(Settings(), **{name: value})


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def env(name: str) -> str:
    variable = FIELDS[name].metadata["env"]
    assert isinstance(variable, str)
    return variable


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


OLDER = sorted((field.metadata["also"], name) for name, field in FIELDS.items() if field.metadata["also"])


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


def test_needless_variables_of_earlier_services_are_accepted_and_named() -> None:
    command = parse([], dict.fromkeys(NEEDLESS, "4"))
    assert command.settings == Settings()
    assert command.needless == ("MAX_CONCURRENT_JOBS", "QUEUE_MAXSIZE")
    assert parse([], {"QUEUE_MAXSIZE": ""}).needless == ()


def test_http_port_0_is_no_door() -> None:
    assert settings("--http-port", "0").http_port is None
    assert settings(KOKORO_HTTP_PORT="0").http_port is None


def test_the_request_log_can_be_switched_off() -> None:
    assert settings("--metrics-log", "none").metrics_log is None
    assert settings("--metrics-log", "~/x.log").metrics_log == Path.home() / "x.log"


def test_phrases_are_kept_beside_the_weights_unless_told_otherwise() -> None:
    assert settings("--cache-dir", "/tmp/cache").phrase_directory == Path("/tmp/cache/prerendered")
    assert settings("--cache-dir", "/tmp/cache", "--phrase-dir", "/tmp/p").phrase_directory == Path("/tmp/p")


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
    ("redis_ttl_s", "0", "more than 0 seconds"),
    ("redis_max_value_bytes", "0", "1 or more"),
    ("threads", "-1", "0 or more"),
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
    ("max_waiting_requests", "0", "1 or more"),
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
    assert len({row[0] for row in described}) == len({row[1] for row in described}) == len(FIELDS)


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


def test_the_readme_lists_every_setting_with_its_variable_and_default() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    rows = {
        tuple(cell.strip().strip("`") for cell in line.strip().strip("|").split("|")[:3])
        for line in lines
        if line.lstrip().startswith("|")
    }
    missing = [row[:3] for row in describe() if row[:3] not in rows]
    assert missing == []
