"""systemd's and launchd's units fit the code: the script they start, the settings they name, the time a stop takes."""

from __future__ import annotations

import configparser
import os
import plistlib
import re
from pathlib import Path
from typing import Any

from telephony import settings
from tests.clients import ROOT
from tests.deploy.files import DEPLOY, MARGIN_S, setting_names

INSTALL_DIR = Path("/opt/kokoro-telephony")
SYSTEMD = DEPLOY / "kokoro-telephony.service"
LAUNCHD = DEPLOY / "com.kokoro.telephony.plist"


def systemd_unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(SYSTEMD.read_text(encoding="utf-8"))
    return parser


def launchd_job() -> dict[str, Any]:
    job: dict[str, Any] = plistlib.loads(LAUNCHD.read_bytes())
    return job


def assert_starts_the_service(command: str) -> None:
    script = ROOT / Path(command).relative_to(INSTALL_DIR)
    assert script.name == "start-kokoro.sh"
    assert os.access(script, os.X_OK)


def test_systemd_starts_the_launcher() -> None:
    service = systemd_unit()["Service"]
    assert_starts_the_service(service["ExecStart"])
    assert service["WorkingDirectory"] == str(INSTALL_DIR)
    assert service["Type"] in ("simple", "exec")


def test_systemd_waits_longer_than_the_drain() -> None:
    service = systemd_unit()["Service"]
    assert float(service["TimeoutStopSec"]) >= settings.Settings().drain_timeout_s + MARGIN_S
    assert service["KillSignal"] == "SIGTERM"
    assert service["Restart"] == "on-failure"


def test_systemd_does_not_start_again_what_a_setting_has_ended() -> None:
    assert systemd_unit()["Service"]["RestartPreventExitStatus"] == "2"


def test_systemd_names_known_settings() -> None:
    # Not through the parser: of several Environment lines it keeps the last.
    names = set(re.findall(r"^Environment=\"?(\w+)=", SYSTEMD.read_text(encoding="utf-8"), re.MULTILINE))
    assert names
    assert names <= setting_names()


def test_systemd_writes_where_it_may() -> None:
    service = systemd_unit()["Service"]
    lines = SYSTEMD.read_text(encoding="utf-8").splitlines()
    assert f"Environment=KOKORO_CACHE_DIR=%C/{service['CacheDirectory']}" in lines
    assert f"Environment=KOKORO_REQUEST_LOG=%L/{service['LogsDirectory']}/metrics.log" in lines


def test_systemd_bounds_hold_every_connection() -> None:
    service = systemd_unit()["Service"]
    connections = settings.Settings().max_connections
    # Text connection: a descriptor and two threads. Its processor: a socket, a socket pair, a selector; one thread.
    assert int(service["LimitNOFILE"]) > 5 * connections
    assert int(service["TasksMax"]) > 3 * connections


def test_launchd_starts_the_launcher() -> None:
    job = launchd_job()
    assert job["Label"] == LAUNCHD.stem
    assert len(job["ProgramArguments"]) == 1
    assert_starts_the_service(job["ProgramArguments"][0])
    assert job["WorkingDirectory"] == str(INSTALL_DIR)


def test_launchd_waits_longer_than_the_drain() -> None:
    job = launchd_job()
    assert job["ExitTimeOut"] >= settings.Settings().drain_timeout_s + MARGIN_S
    assert job["KeepAlive"] == {"SuccessfulExit": False}


def test_launchd_names_known_settings() -> None:
    assert set(launchd_job()["EnvironmentVariables"]) <= setting_names() | {"PATH"}


def test_launchd_bounds_hold_every_connection() -> None:
    assert launchd_job()["SoftResourceLimits"]["NumberOfFiles"] > 5 * settings.Settings().max_connections
