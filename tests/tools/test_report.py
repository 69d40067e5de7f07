"""The report: the request log summed up over windows of time."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from telephony.telemetry.metrics import Metrics
from telephony.telemetry.request_log import RequestLog
from telephony.tools import report
from tests.telemetry.test_request_log import request

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=timezone.utc)


def line(minutes_ago: float, door: str = "gateway", **fields: Any) -> str:
    entry = {
        "ts": (NOW - timedelta(minutes=minutes_ago)).isoformat(timespec="milliseconds"),
        "request_id": None,
        "door": door,
        "engine": "tone",
        "ttfb_ms": 100.0,
        "wall_s": 1.0,
        "audio_s": 2.0,
        "rtf": 0.1,
        "xrt": 10.0,
        "kbps": 384.0,
        "canceled": False,
        "error": None,
        **fields,
    }
    return json.dumps(entry) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.log"


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[list[str]]:
    """The words of each line that a report prints."""
    assert report.main([str(each) for each in arguments], NOW) == 0
    return [words for text in capsys.readouterr().out.splitlines() if (words := text.split())]


HEAD = ["door", "requests", "cancelled", "errors", "ttfb_p50", "ttfb_p95", "ttfb_p99", "rtf_p50", "rtf_p95", "audio_s"]


def test_each_window_counts_what_ended_in_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(line(200) + line(45) + line(5) + line(1))
    printed = run(capsys, path, "--periods", "30m,1h,6h")
    row = ["gateway", "{}", "0", "0", "100", "ms", "100", "ms", "100", "ms", "0.100", "0.100", "{}"]
    assert printed == [
        *(
            each
            for name, requests, audio in (("30m:", "2", "4.0"), ("1h:", "3", "6.0"), ("6h:", "4", "8.0"))
            for each in (["last", name], HEAD, [*row[:1], requests, *row[2:-1], audio])
        ),
        [f"{path}:", "4", "requests"],
    ]


def test_doors_are_told_apart_and_added_up(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(
        line(1, "telephone", canceled=True, audio_s=1.0)
        + line(1, "livekit", error="the engine failed", rtf=None, ttfb_ms=None, audio_s=0.0)
        + line(1, "telephone")
    )
    rows = run(capsys, path, "--periods", "1h")[2:5]
    assert [row[:4] for row in rows] == [
        ["livekit", "1", "0", "1"],
        ["telephone", "2", "1", "0"],
        ["all", "3", "1", "1"],
    ]
    assert rows[0][4:] == ["-", "-", "-", "-", "-", "0.0"]
    assert rows[2][-1] == "3.0"


def test_percentiles_of_the_first_byte_and_of_the_real_time_factor(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text("".join(line(1, ttfb_ms=float(n), rtf=n / 1000) for n in range(1, 101)))
    row = run(capsys, path, "--periods", "1h")[2]
    assert row == ["gateway", "100", "0", "0", "50", "ms", "95", "ms", "99", "ms", "0.050", "0.095", "200.0"]


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, None), ([7.0], 99, 7.0), ([3.0, 1.0, 2.0], 50, 2.0), ([1.0, 2.0], 50, 1.0), ([1.0, 2.0], 51, 2.0)],
)
def test_a_percentile_is_one_of_the_values(values: list[float], percent: float, expected: float | None) -> None:
    assert report.percentile(values, percent) == expected


def test_a_window_without_requests_says_so(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(line(45))
    printed = run(capsys, path, "--periods", "30m,1h")
    assert printed[:3] == [["last", "30m:"], ["no", "request"], ["last", "1h:"]]
    path.write_text("")
    assert run(capsys, path, "--periods", "1h")[1:] == [["no", "request"], [f"{path}:", "0", "requests"]]


def test_rotated_files_are_read_as_well(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.with_name("metrics.log.2").write_text(line(50))
    path.with_name("metrics.log.1").write_text(line(40) * 2)
    path.write_text(line(1))
    assert run(capsys, path, "--periods", "1h")[2][1] == "4"


@pytest.mark.parametrize(
    "foreign",
    [
        line(1)[:40],
        line(1).strip()[:-1],
        "level=info event=ready\n",
        "[1, 2]\n",
        "null\n",
        "{}\n",
        line(1, ts="yesterday"),
        line(1, ts=5),
        line(1, ttfb_ms="quick"),
        line(1, audio_s=None),
        '{"ts": ' + "[" * 100_000 + "\n",
        line(1, audio_s=10**400),
        "\x00\x01\n",
    ],
)
def test_torn_and_foreign_lines_are_passed_over_and_counted(
    path: Path, capsys: pytest.CaptureFixture[str], foreign: str
) -> None:
    path.write_text(line(1) + "\n" + foreign, encoding="utf-8")
    printed = run(capsys, path, "--periods", "1h")
    assert printed[2][1] == "1"
    assert printed[-1] == [f"{path}:", "1", "request,", "1", "line", "passed", "over", "that", "are", "none"]


def test_bytes_that_are_no_text_are_passed_over(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_bytes(b"\xff\xfe\n" + line(1).encode())
    assert run(capsys, path, "--periods", "1h")[2][1] == "1"


def test_what_the_service_writes_can_be_read(path: Path) -> None:
    log = RequestLog(path, Metrics())
    log.start()
    log.note("gateway", request(audio_s=1.0, engine_s=0.5, first_audio_s=0.25), False)
    log.note("gateway", request(), True)
    log.close()
    found = report.read(path)
    assert found.foreign_lines == 0
    assert [(entry.first_byte_ms, entry.rtf, entry.cancelled) for entry in found.entries] == [
        (250.0, 0.5, False),
        (None, None, True),
    ]


@pytest.mark.parametrize("periods", ["", "30", "m", "0m", "30m,", "1h30m", "-5m", "99999999d"])
def test_a_bad_period_is_one_line_and_exit_2(path: Path, capsys: pytest.CaptureFixture[str], periods: str) -> None:
    path.write_text(line(1))
    assert report.main([str(path), f"--periods={periods}"], NOW) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (error,) = printed.err.splitlines()
    assert error.startswith("error: --periods: ")


def test_a_missing_file_is_one_line_and_exit_2(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.main([str(path)], NOW) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert str(path) in error


def test_without_a_file_the_services_own_log_is_read(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(line(1))
    monkeypatch.setenv("KOKORO_REQUEST_LOG", str(path))
    assert run(capsys)[-1] == [f"{path}:", "1", "request"]
    monkeypatch.setenv("KOKORO_REQUEST_LOG", "none")
    assert report.main([], NOW) == 2
    assert "KOKORO_REQUEST_LOG" in capsys.readouterr().err


def test_an_environment_that_the_service_would_refuse_is_one_line_and_exit_2(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(line(1))
    monkeypatch.setenv("KOKORO_REQUEST_LOG", str(path))
    monkeypatch.setenv("KOKORO_TCP_PORT", "many")
    assert report.main([], NOW) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("error: KOKORO_TCP_PORT='many'")
    assert run(capsys, path)[-1] == [f"{path}:", "1", "request"]  # a file that is named needs no environment
