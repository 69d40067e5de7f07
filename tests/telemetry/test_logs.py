"""The log: one line an event, no more than was asked for, and nothing that a caller has said."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import io
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
import structlog

from telephony.engines.base import SynthesisError
from telephony.engines.tone import ToneEngine
from telephony.listeners.call import Call, CallPolicy
from telephony.listeners.call_events import CallEvents
from telephony.listeners.calls import CallRegistry
from telephony.listeners.reply_sink import ReplySink
from telephony.listeners.sinks import SinkLimits
from telephony.scheduling.scheduler import Scheduler
from telephony.telemetry import logs
from telephony.telemetry.metrics import Metrics
from telephony.voices import ResolvedVoice
from tests.clients import TIMEOUT_S

HOSTILE = "7\nlevel=error\r\nevent=forged"
SECRET = "My card number is 49291827."


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[str]]]:
    """What has been logged since the last time; the configuration of other tests is put back at the end."""
    before = structlog.get_config()
    yield lambda: capsys.readouterr().err.split("\n")[:-1]
    structlog.configure(**before)


@pytest.fixture(params=["logfmt", "json"])
def log_format(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


Lines = Callable[[], list[str]]


def test_a_storm_of_refusals_at_one_endpoint_hides_no_other_refusal(lines: Lines) -> None:
    logs.configure("info", "logfmt", lambda: 7.9)
    log = structlog.get_logger()
    for _ in range(3 * logs.MAX_LINES_PER_S):
        log.warning("refused", door="text", code="protocol_error")
    log.warning("refused", door="text", code="hello_overdue")
    log.warning("refused", door="openai", code="401")
    *storm, overdue, key = lines()
    assert len(storm) == logs.MAX_LINES_PER_S
    assert "code=hello_overdue" in overdue
    assert "code=401" in key


def test_a_storm_of_one_event_hides_no_other(lines: Lines) -> None:
    now = [7.9]
    logs.configure("info", "logfmt", lambda: now[0])
    log, lost = structlog.get_logger(), logs.lines_lost()
    for number in range(3 * logs.MAX_LINES_PER_S):
        log.info("registered", call=number)
    log.info("connected")
    now[0] = 8.0
    log.info("registered", call="later")
    *storm, last, other, later = lines()
    assert len(storm) == logs.MAX_LINES_PER_S - 1
    assert "further" in last
    assert not any("further" in line for line in storm)
    assert "event=connected" in other
    assert "call=later" in later
    assert logs.lines_lost() - lost == 2 * logs.MAX_LINES_PER_S


def test_an_event_is_one_line_on_stderr_with_time_level_and_name(lines: Lines) -> None:
    logs.configure("info", "logfmt")
    structlog.get_logger().info("connected", call="7")
    (line,) = lines()
    timestamp, level, event, call = line.split(" ")
    assert timestamp.startswith("timestamp=2")
    assert timestamp.endswith("Z")
    assert (level, event, call) == ("level=info", "event=connected", "call=7")


def test_json_is_one_object_a_line(lines: Lines) -> None:
    logs.configure("info", "json")
    structlog.get_logger().warning("stalled", call="7", stall_s=5.0)
    (line,) = lines()
    entry = json.loads(line)
    assert (entry["level"], entry["event"], entry["call"], entry["stall_s"]) == ("warning", "stalled", "7", 5.0)


def test_line_breaks_in_values_begin_no_line(lines: Lines, log_format: str) -> None:
    logs.configure("info", log_format)
    structlog.get_logger().info("connected", call=HOSTILE)
    (line,) = lines()
    assert "forged" in line
    assert "\r" not in line


def test_line_breaks_in_the_name_of_an_event_begin_no_line(lines: Lines, log_format: str) -> None:
    logs.configure("info", log_format)
    structlog.get_logger().info("one\ntwo")
    assert len(lines()) == 1


def test_line_breaks_in_values_that_are_no_strings_begin_no_line(lines: Lines, log_format: str) -> None:
    logs.configure("info", log_format)
    structlog.get_logger().info("connected", calls=[HOSTILE], known={"call": HOSTILE})
    assert len(lines()) == 1


def test_a_trace_is_one_line(lines: Lines, log_format: str) -> None:
    logs.configure("info", log_format)
    try:
        int("first\nsecond")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines()
    assert "Traceback" in line
    assert "ValueError" in line


@pytest.mark.parametrize(("level", "told"), [("info", False), ("debug", True)])
def test_what_an_exception_quotes_is_logged_at_debug_only(
    lines: Lines, log_format: str, level: str, told: bool
) -> None:
    logs.configure(level, log_format)
    try:
        int(SECRET)
    except ValueError:
        structlog.get_logger().exception("text_failed")
    (line,) = lines()
    assert "test_what_an_exception_quotes" in line
    assert ("49291827" in line) is told


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_events_below_the_level_are_not_logged(lines: Lines, level: str, shown: list[str]) -> None:
    logs.configure(level, "json")
    log = structlog.get_logger()
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("event")
    assert [json.loads(line)["level"] for line in lines()] == shown


# What libraries log


def test_what_a_library_logs_is_an_event_of_this_log(lines: Lines, log_format: str) -> None:
    logs.configure("info", log_format)
    logging.getLogger("some.package").warning("The %s is full.\n%s", "disk", SECRET)
    (line,) = lines()
    assert "library_message" in line
    assert "some.package" in line
    assert "The disk is full." in line
    assert "49291827" not in line


def test_an_exception_in_a_library_is_one_line_without_its_message(lines: Lines, log_format: str) -> None:
    logs.configure("info", log_format)
    nothing: dict[str, str] = {}
    try:
        nothing[SECRET]
    except KeyError:
        logging.getLogger("some.package").exception("Exception in application")
    (line,) = lines()
    assert "KeyError" in line
    assert "in test_an_exception_in_a_library" in line
    assert "49291827" not in line


def test_libraries_are_not_heard_below_warning_at_any_level(lines: Lines) -> None:
    logs.configure("debug", "json")
    for level in (logging.DEBUG, logging.INFO):
        logging.getLogger("some.package").log(level, SECRET)
    assert lines() == []


def test_libraries_are_not_heard_below_the_level(lines: Lines) -> None:
    logs.configure("error", "json")
    logging.getLogger("some.package").warning("The disk is full.")
    assert lines() == []


def test_configured_twice_a_library_is_heard_once(lines: Lines) -> None:
    logs.configure("info", "json")
    logs.configure("info", "json")
    logging.getLogger("some.package").warning("The disk is full.")
    assert len(lines()) == 1


# Privacy


def fail(text: str) -> None:
    raise SynthesisError("no phonemes")


def quote(text: str) -> None:
    """As a foreign package fails: with what it was given in its message."""
    raise KeyError(text)


def tone(step: Callable[[str], None] | None = None, voice: str = "tone") -> ToneEngine:
    """An engine whose audio fits into a socket's buffer, read or not."""
    engine = ToneEngine(sample_rate=800, voice_names=(voice,))
    return engine if step is None else dataclasses.replace(engine, on_prepare=step)


def say_secrets() -> None:
    """What is spoken, what is silent, what fails, what is cut off, and what comes too late."""
    metrics = Metrics()
    scheduler = Scheduler(metrics)
    limits = SinkLimits(60.0, 5.0)
    engines = iter([tone(), tone(fail), tone(quote), tone(), tone(voice="other"), tone(quote)])
    registry = CallRegistry(
        CallPolicy("reply", False, False, 10, 1_000, "127.0.0.1", 30.0, limits),
        scheduler,
        metrics,
        lambda: ResolvedVoice(next(engines), "tone", 1.0),
        list,
        events=CallEvents(metrics),
    )
    ours, theirs = socket.socketpair()

    def make_reply(call: Call) -> ReplySink:
        return ReplySink(
            ours, call, stream=False, limits=limits, on_room=scheduler.wake, on_broken=lambda: None, metrics=metrics
        )

    with ours, theirs:
        call, reply = registry.connect("7", make_reply)
        for text in (SECRET, SECRET, SECRET, "… — !", SECRET):
            registry.say(call, reply, text)
        scheduler.start()
        assert scheduler.drain(10.0)
        registry.interrupt("7")
        registry.say(call, reply, SECRET)
        assert scheduler.drain(10.0)
        registry.refuse_text()
        registry.say(call, reply, SECRET)
        registry.close()
        scheduler.stop()
        reply.disconnect()
        reply.close()


@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_what_a_caller_says_is_not_logged_above_debug(lines: Lines, log_format: str, level: str) -> None:
    logs.configure(level, log_format)
    say_secrets()
    logged = lines()
    assert logged  # the failures
    assert not [line for line in logged if "card" in line or "49291827" in line]


def test_what_a_caller_says_is_logged_at_debug(lines: Lines) -> None:
    logs.configure("debug", "json")
    say_secrets()
    assert SECRET in [json.loads(line).get("text") for line in lines()]


def test_a_line_that_cannot_be_written_is_lost_and_counted(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    metrics = Metrics()
    metrics.watch_log(logs.lines_lost)

    def figure() -> float:
        return metrics.registry.get_sample_value("tts_log_lines_lost_total") or 0.0

    before = figure()
    with open_full_disk() as full:
        monkeypatch.setattr(sys, "stderr", full)
        logs.configure("info", "logfmt")
        for _ in range(3):
            structlog.get_logger().info("connected")
        monkeypatch.undo()
    logs.configure("info", "logfmt")
    structlog.get_logger().info("connected")
    assert figure() == before + 3
    assert len(lines()) == 1


def test_a_pipe_that_nobody_reads_holds_up_nobody_and_its_lines_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    before = logs.lines_lost()
    with os.fdopen(reader, "rb") as read, os.fdopen(writer, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setattr(logs, "_MAX_WAITING", 100)
        monkeypatch.setattr(logs, "_LAST_LINES_S", TIMEOUT_S)
        logs.configure("info", "logfmt")
        logs.write_in_background()
        for number in range(3000):  # a pipe holds about a thousand
            structlog.get_logger().info("connected", call=number)
        lost = logs.lines_lost() - before
        assert lost > 0
        heard: list[bytes] = []
        listener = threading.Thread(target=lambda: heard.extend(read))
        listener.start()
        logs.close()
        monkeypatch.undo()
        stderr.close()
        listener.join()
    assert len(heard) == 3000 - lost
    assert heard[0].endswith(b"call=0\n")
    logs.configure("info", "logfmt")


def test_a_pipe_that_nobody_reads_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as read, os.fdopen(writer, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setattr(logs, "_MAX_WAITING", 100)
        monkeypatch.setattr(logs, "_LAST_LINES_S", 0.05)
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, bytes(512))
        os.set_blocking(writer, True)
        logs.configure("info", "logfmt")
        logs.write_in_background()
        for _ in range(200):
            structlog.get_logger().info("connected")
        logs.close()
        before = logs.lines_lost()
        structlog.get_logger().info("connected")
        assert logs.lines_lost() == before + 1
        reading = threading.Thread(target=read.read)
        reading.start()
        monkeypatch.setattr(logs, "_LAST_LINES_S", TIMEOUT_S)
        logs.close()
        monkeypatch.undo()
        stderr.close()
        reading.join()
    logs.configure("info", "logfmt")


def open_full_disk() -> io.TextIOWrapper:
    """A text file on a disk without room, unbuffered so that nothing is left to write when it is closed."""

    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return io.TextIOWrapper(Full(), write_through=True)  # type: ignore[arg-type]
