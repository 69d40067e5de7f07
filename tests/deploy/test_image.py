"""The image: its settings, its ports and its start are the service's own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from telephony.settings import Settings
from tests.clients import ROOT, TIMEOUT_S
from tests.conftest import StartService
from tests.deploy.files import DEPLOY, HOME, USER, setting_names

CONTAINERFILE = DEPLOY / "Containerfile"
HEALTHCHECK = DEPLOY / "healthcheck.py"
ENTRYPOINT = DEPLOY / "entrypoint.sh"
NOT_SETTINGS = {"PATH", "PYTHONPATH", "HOME", "LD_PRELOAD", "MALLOC_CONF"}
FOR_CUDA = {"TORCHINDUCTOR_CACHE_DIR", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"}


@dataclass
class Stage:
    """A stage of the Containerfile: what it is built on, and its (instruction, arguments)."""

    base: str
    steps: list[tuple[str, str]]

    def all(self, instruction: str) -> list[str]:
        return [arguments for name, arguments in self.steps if name == instruction]

    def variables(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for arguments in self.all("ENV") for pair in arguments.split())


def stages() -> dict[str, Stage]:
    text = re.sub(r"^\s*#.*\n", "", CONTAINERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: dict[str, Stage] = {}
    steps: list[tuple[str, str]] = []
    for line in re.sub(r"\\\n", "", text).splitlines():
        instruction, _, arguments = line.partition(" ")
        if instruction == "FROM":
            base, _, name = arguments.partition(" AS ")
            steps = []
            found[name] = Stage(base, steps)
        elif instruction:
            steps.append((instruction, arguments.strip()))
    return found


def test_the_images_of_both_targets_are_the_service_with_its_packages() -> None:
    found = stages()
    for target in ("cpu", "cuda"):
        stage = found[target]
        assert stage.base == "service"
        assert stage.all("COPY") == [
            f"--from=packages-{target} /opt/venv /opt/venv",
            "--from=code /opt/kokoro-telephony .",
        ]
        assert stage.steps[-1] == ("USER", f"{USER}:{USER}")


def test_every_variable_is_a_setting_or_the_systems() -> None:
    found = stages()
    own = found["service"].variables()
    assert {name for name in own if not name.startswith("RAY_")} <= setting_names() | NOT_SETTINGS
    assert found["cuda"].variables().keys() <= FOR_CUDA
    assert own["HOME"] == own["KOKORO_CACHE_DIR"] == HOME
    assert found["cuda"].variables()["TORCHINDUCTOR_CACHE_DIR"].startswith(f"{HOME}/")


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_baked_weights_are_where_the_service_is_told_to_look(target: str) -> None:
    baked = stages()[f"{target}-baked"]
    (home,) = stages()["service"].all("WORKDIR")
    assert baked.base == target
    assert baked.steps == [
        ("ENV", f"KOKORO_WEIGHTS_DIR={home}/weights"),
        ("COPY", "--from=weights /weights weights"),
    ]
    assert baked.variables().keys() <= setting_names()


def test_the_user_owns_the_home() -> None:
    (made,) = stages()["service"].all("RUN")
    assert f"groupadd --gid {USER} kokoro" in made
    assert f"useradd --uid {USER} --gid kokoro --no-create-home --home-dir {HOME} kokoro" in made
    assert made.endswith(f"install --directory --owner kokoro --group kokoro {HOME}")


def test_jemalloc_has_the_launchers_options() -> None:
    options = re.findall(r"\$\{MALLOC_CONF:-([^}]+)\}", (ROOT / "scripts" / "jemalloc.sh").read_text(encoding="utf-8"))
    assert [stages()["service"].variables()["MALLOC_CONF"]] == options


def test_ray_is_set_up_as_where_the_service_starts_it() -> None:
    source = (ROOT / "telephony" / "rooms" / "serve_rooms.py").read_text(encoding="utf-8")
    wanted = dict(re.findall(r'setdefault\("(RAY_\w+)", "([\w.]+)"\)', source))
    own = stages()["service"].variables()
    assert wanted
    assert {name: value for name, value in own.items() if name.startswith("RAY_")} == wanted
    assert [own["PYTHONPATH"]] == stages()["service"].all("WORKDIR")


def test_ray_is_there_only_where_it_is_asked_for() -> None:
    packages = stages()["packages"]
    assert "ROOMS" in packages.all("ARG")
    (cluster,) = [step for step in packages.all("RUN") if "requirements-cluster.txt" in step]
    assert cluster.startswith('test -z "$ROOMS"')


def test_the_ports_are_the_defaults() -> None:
    settings = Settings()
    (ports,) = stages()["service"].all("EXPOSE")
    assert ports.split() == [str(settings.tcp_port), f"{settings.udp_port}/udp", str(settings.http_port)]


def test_an_image_starts_with_the_entry_point_and_its_health_check() -> None:
    (entry_point,) = stages()["service"].all("ENTRYPOINT")
    assert json.loads(entry_point) == [ENTRYPOINT.relative_to(ROOT).as_posix()]
    assert os.access(ENTRYPOINT, os.X_OK)
    (health,) = stages()["service"].all("HEALTHCHECK")
    assert json.loads(health.partition(" CMD ")[2]) == ["python", HEALTHCHECK.relative_to(ROOT).as_posix()]


@pytest.mark.parametrize(
    ("arguments", "called"),
    [
        ([], ["python kokoro_service.py"]),
        (["--voice", "bf_emma"], ["python kokoro_service.py --voice bf_emma"]),
        (["room", "--head"], ["ray start --block RAY --head"]),
        (["room", "--address", "head:6379"], ["ray start --block RAY --address head:6379"]),
        (
            ["door", "head:6379", "--voice", "bf_emma"],
            [
                "ray start RAY --num-cpus 0 --address head:6379",
                "python kokoro_service.py --cluster auto --voice bf_emma",
            ],
        ),
    ],
)
def test_a_container_is_what_its_arguments_say_by_programs_that_only_write_theirs_down(
    tmp_path: Path, arguments: list[str], called: list[str]
) -> None:
    for program in ("python", "ray"):
        stand_in = tmp_path / program
        stand_in.write_text(f'#!/bin/sh\necho "$$ {program} $*"\n')
        stand_in.chmod(0o755)
    started = subprocess.Popen(
        [ENTRYPOINT, *arguments],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    told, _ = started.communicate(timeout=TIMEOUT_S)
    (options,) = re.findall(r'^ray_options="(.*)"$', ENTRYPOINT.read_text(encoding="utf-8"), re.MULTILINE)
    pids, commands = zip(*(line.split(" ", 1) for line in told.splitlines()), strict=True)
    assert [command.replace(options, "RAY") for command in commands] == called
    assert int(pids[-1]) == started.pid  # exec: signals reach it


def test_a_door_needs_a_head() -> None:
    refused = subprocess.run([ENTRYPOINT, "door"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert refused.returncode != 0
    assert "HOST:PORT" in refused.stderr


def test_what_is_copied_is_there_and_not_ignored() -> None:
    wanted = [
        source
        for stage in stages().values()
        for arguments in stage.all("COPY")
        if not arguments.startswith("--from=")
        for source in arguments.split()[:-1]
    ]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{source}" for source in wanted} == {line for line in ignored if line.startswith("!")}
    assert all((ROOT / source).exists() for source in wanted)


def check_health(**environment: str) -> tuple[int, str]:
    finished = subprocess.run(
        [sys.executable, str(HEALTHCHECK)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return finished.returncode, finished.stdout.strip()


@pytest.mark.parametrize("host", ["", "127.0.0.1", "0.0.0.0"])
def test_a_service_that_is_ready_is_healthy(service: StartService, host: str) -> None:
    port = service(http_port=0).http_port
    assert check_health(KOKORO_HTTP_HOST=host, KOKORO_HTTP_PORT=str(port)) == (0, "ready")


@contextmanager
def unready() -> Iterator[int]:
    class Unready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(503)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is written."""

    with HTTPServer(("127.0.0.1", 0), Unready) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield server.server_port
        thread.join()


def test_a_service_that_is_not_ready_is_not_healthy() -> None:
    with unready() as port:
        status, reason = check_health(KOKORO_HTTP_PORT=str(port))
    assert (status, "503" in reason) == (1, True)


def test_a_service_that_is_not_there_is_not_healthy(service: StartService) -> None:
    started = service(http_port=0)
    port = started.http_port
    started.stop()
    status, reason = check_health(KOKORO_HTTP_PORT=str(port))
    assert (status, "refused" in reason) == (1, True)
