"""The documents: their commands run, their links lead somewhere, and what they name is there."""

from __future__ import annotations

import ast
import contextlib
import json
import operator
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import pytest

from telephony.engines.kokoro.layout import CONFIG_FILE, FOLDED_FILE, MODEL_FILE
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.settings import describe
from tests.clients import ROOT, TIMEOUT_S, wait_figure
from tests.conftest import StartService

PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "KOKORO_INTEGRATION.md",
        ROOT / "examples" / "README.md",
        *ROOT.glob("clients/*/README.md"),
        *ROOT.glob("docs/**/*.md"),
    ]
)
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]
LINKED = [*NAMES, "CHANGELOG.md"]
MAX_README_WORDS = 700

PYTHON = "venv-kokoro/bin/python"
INIT_DB = "./start-kokoro.sh --init-db"
RUN = (f"{PYTHON} -m telephony.", INIT_DB, "sqlite3 ", "curl ", "echo ", "CALL=")
"""How the commands begin that are run here. All others are in `NOT_RUN`."""

TESTED_BY = {
    "docs/protocols.md": "tests/endpoints/test_documented_protocols.py",
    "examples/README.md": "tests/test_examples.py",
}
"""Pages whose commands another test runs."""

NOT_RUN = {
    'python -m telephony.tools.sound_url "Your order has arrived." --voice af_sky --rate 8000': (
        "tests/endpoints/test_sound_door.py"
    ),
    "./start-kokoro.sh": "serves until it is stopped; tests/test_launcher.py and tests/test_start.py",
    "./start-kokoro.sh --voice bf_emma": "as above",
    "./start-kokoro.sh --check": "needs the real weights; tests/test_start.py",
    "./run-tests.sh": "runs this test",
    "./run-tests.sh --load tests/load": "as above",
    "./run-tests.sh --load tests/rooms": "as above",
    "KOKORO_TORCH=cuda ./start-kokoro.sh": "installs packages; tests/test_launcher.py",
    "KOKORO_TORCH=cpu ./start-kokoro.sh": "as above",
    'pip config set global.extra-index-url "$CPU_INDEX"': "changes pip's configuration",
    "pip download -c constraints.txt -r requirements.txt": "fetches packages",
    "pip install openai": "installs packages; tests/journeys runs the code below it",
    "pip install ./clients/livekit": "installs packages",
    "pip install ./clients/pipecat": "installs packages",
    "venv-kokoro/bin/pip install -r requirements-ja-zh.txt": "installs packages",
    "venv-kokoro/bin/pip install -c constraints.txt -r requirements-cluster.txt": "installs packages",
    "venv-kokoro/bin/pip install -c constraints.txt -r requirements-tracing.txt": "installs packages",
    "./start-kokoro.sh --traces-url http://127.0.0.1:4318": "serves until it is stopped",
    "venv-kokoro/bin/pip install -c constraints.txt -r requirements-wyoming.txt": "installs packages",
    "./start-kokoro.sh --wyoming-port 10200 --wyoming-host 0.0.0.0 --wyoming-announce": "serves until it is stopped",
    "./start-kokoro.sh --lexicon lexicon.yaml": "serves until it is stopped",
    "./start-kokoro.sh --rooms 4": "serves until it is stopped; tests/rooms/test_cluster.py",
    "export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=...": "for the next ones",
    "ray start --head": "starts a cluster; tests/rooms/test_cluster.py",
    "ray start --address HEAD:6379": "as above",
    "venv-kokoro/bin/python -m telephony.rooms --rooms 8": "as above",
    "./start-kokoro.sh --cluster auto": "as above",
    'redis-server --bind 10.0.0.5 --requirepass "$PASSWORD"': "serves for good; tests/endpoints/test_shared_doors.py",
    "haproxy -f deploy/haproxy/haproxy.cfg": "as above",
    "./start-kokoro.sh --shared-calls --balancers 10.0.0.5 --host 0.0.0.0 --http-host 0.0.0.0": "as above",
    "pip install --constraint constraints.txt --requirement requirements.txt": "installs packages",
    "python3.11 -m venv /opt/kokoro-telephony": "changes this machine; tests/test_release.py",
    '/opt/kokoro-telephony/bin/pip install --constraint constraints.txt "$WHEEL"': "as above",
    "/opt/kokoro-telephony/bin/kokoro-telephony": "as above",
    '/opt/kokoro-telephony/bin/kokoro-say "Hello, can you hear me?" -o hello.wav': "as above",
    "/opt/kokoro-telephony/bin/python /opt/kokoro-telephony/lib/python3.11/site-packages/kokoro_service.py": "as above",
    "export LD_PRELOAD=libjemalloc.so.2 MALLOC_CONF="
    "narenas:2,background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0": "as above; tests/test_launcher.py",
    'uvx --from "$WHEEL" kokoro-say --help': "installs packages",
    "make sbom SBOM_PYTHON=/opt/kokoro-telephony/bin/python": "describes another environment; tests/test_release.py",
    "apt-get install libjemalloc2": "installs a package",
    "dnf install jemalloc": "installs a package",
    "pgrep -f kokoro_service.py": "finds a service that runs for good",
    "pgrep -f bin/kokoro-telephony": "as above; tests/test_release.py",
    "ss -ltnup": "shows the ports of this machine",
    "lsof -nP -i :8090 -i :13001": "as above",
    'echo "Tell me a story." | venv-kokoro/bin/python -m telephony.say --play': "needs a loudspeaker; tests/tools",
    "venv-kokoro/bin/python -m telephony.engines.kokoro.fit --weights-dir DIR": "measures for an hour",
    "useradd --system --home-dir /opt/kokoro-telephony --shell /usr/sbin/nologin kokoro": "changes this machine",
    "cp -r . /opt/kokoro-telephony && chown -R kokoro: /opt/kokoro-telephony": "as above",
    "cp deploy/kokoro-telephony.service /etc/systemd/system/": "as above; tests/deploy reads the unit",
    "systemctl daemon-reload && systemctl enable --now kokoro-telephony": "as above",
    "journalctl -u kokoro-telephony -f": "reads the log of a unit",
    'docker build -f deploy/Containerfile --target cpu --build-arg PIP_EXTRA_INDEX_URL="$CPU_INDEX" '
    "-t kokoro-telephony:cpu .": "installs packages; scripts/image.sh does it",
    "docker build -f deploy/Containerfile --target cuda -t kokoro-telephony:cuda .": "as above, for a GPU",
    "docker run --network host --read-only --tmpfs /tmp -v kokoro:/var/lib/kokoro-telephony --stop-timeout 45 "
    "kokoro-telephony:cpu": "needs the image; scripts/image.sh does it",
    './scripts/image.sh --build-arg PIP_EXTRA_INDEX_URL="$CPU_INDEX"': "installs packages, for minutes",
    "docker compose -f deploy/compose.yaml up --build": "needs Docker; tests/deploy reads the file",
    "KOKORO_REDIS_URL=redis://127.0.0.1:6379/0 "
    "docker compose -f deploy/compose.yaml --profile full up --build": "as above",
    "docker compose -f deploy/compose-rooms.yaml up --build": "as above",
    "docker compose -f deploy/compose-rooms.yaml up deploy": "as above",
    "KOKORO_TRACES_URL=http://127.0.0.1:4318 "
    "docker compose -f deploy/compose.yaml --profile traces up --build": "as above",
    'kubectl create secret generic kokoro-telephony --from-literal=API_KEY="$KEY"': "needs a cluster",
    'kubectl create secret generic kokoro-rooms --from-literal=auth_token="$(openssl rand -hex 32)"': "needs a cluster",
    "kubectl apply -k deploy/kubernetes-rooms": "needs a cluster; tests/deploy validates the files",
    "serve deploy deploy/rooms.yaml": "needs a Ray cluster; tests/deploy reads the file",
    "kubectl apply -k deploy/kubernetes": "needs a cluster; tests/deploy validates the files",
    "cp -r . /opt/kokoro-telephony && mkdir -p /opt/kokoro-telephony/logs": "changes this machine",
    "cp deploy/com.kokoro.telephony.plist ~/Library/LaunchAgents/": "as above; tests/deploy reads the job",
    "launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/com.kokoro.telephony.plist": "as above",
    "tail -f /opt/kokoro-telephony/logs/kokoro.log": "follows a log for good",
}
"""Commands that are not run here, and why."""

MEASURES = re.compile(rf"(?:KOKORO_ENGINE=tone )?{PYTHON} -m (?:bench|fuzz)\b")
"""Commands that measure or fuzz for minutes. Modules and flags are looked up instead; tests/bench and
tests/test_fuzz.py run them in short."""

# Of what a shell prompt would be typed: a program of ours, or one that a page tells to use.
_SPAN = re.compile(r"`((?:\./[\w-]+\.sh|venv-kokoro/bin/|python -m |pip |pgrep |ss -|lsof |curl |sqlite3 )[^`]*)`")
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FILE = re.compile(r"`([\w./-]+\.(?:py|sh|md|sql|c|cpp|html|npz|svg|png|service|plist)|[\w./-]+/)`")
# Of other places: the layout of Supertonic's and the hub's weights, and what a command writes.
_ELSEWHERE = {"onnx/", "voice_styles/", "voices/", "index.html"}
_FUNCTION = re.compile(r"`((?:telephony|bench)(?:\.\w+)+)`")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose_of(name: str) -> str:
    return _FENCE.sub("", text_of(name))


def blocks(name: str) -> list[list[str]]:
    """The commands of each shell block."""
    found = [body for language, body in _FENCE.findall(text_of(name)) if language == "sh"]
    return [[line for row in body.splitlines() if (line := row.strip())] for body in found]


def spans(name: str) -> list[str]:
    """Commands in running text, as they would stand in a block."""
    return [re.sub(r"^python ", f"{PYTHON} ", " ".join(span.split())) for span in _SPAN.findall(prose_of(name))]


def commands(name: str) -> list[str]:
    return [*(line for block in blocks(name) for line in block), *spans(name)]


def runs(command: str) -> bool:
    return command.startswith(RUN) and command not in NOT_RUN


# The README


def test_the_readme_is_short() -> None:
    assert len(text_of("README.md").split()) <= MAX_README_WORDS


def test_the_figures_of_the_readme_are_those_of_the_performance_page() -> None:
    measured = prose_of("docs/performance.md").replace("**", "")
    table = re.search(r"^\| What \| Figure .*?\n\n", text_of("README.md"), re.MULTILINE | re.DOTALL)
    assert table is not None
    figures = [
        figure
        for row in table.group().strip().splitlines()[2:]
        for figure in re.findall(r"\d+(?:\.\d+)?", row.split("|")[2])
    ]
    assert len(figures) >= 6
    assert [
        figure for figure in figures if not re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d.]*\d)", measured)
    ] == []


# Commands


def test_commands_are_found() -> None:
    found = [command for name in NAMES for command in commands(name)]
    assert sum(map(runs, found)) >= 15
    assert {"./start-kokoro.sh", f"{PYTHON} -m bench --rounds 3"} <= set(found)


@pytest.mark.parametrize("name", NAMES)
def test_every_block_says_what_it_is(name: str) -> None:
    # Else a command could hide in one of them.
    assert all(language for language, _ in _FENCE.findall(text_of(name)))
    assert not re.search(r"\n\n(?: {4,}|\t)\S", prose_of(name)), "an indented block"


@pytest.mark.parametrize("name", [name for name in NAMES if name not in TESTED_BY])
def test_every_command_is_run_or_listed(name: str) -> None:
    unknown = [each for each in commands(name) if not (runs(each) or each in NOT_RUN or MEASURES.match(each))]
    assert unknown == []


def test_every_listed_command_is_in_a_document() -> None:
    assert NOT_RUN.keys() - {command for name in NAMES for command in commands(name)} == set()


@pytest.mark.parametrize(("page", "test"), TESTED_BY.items())
def test_the_pages_of_other_tests_are_read_there(page: str, test: str) -> None:
    assert Path(page).name in text_of(test)


@pytest.mark.parametrize("name", NAMES)
def test_commands_mean_the_same_in_bash_and_zsh(name: str) -> None:
    for command in commands(name):
        unquoted = re.sub(r"'[^']*'|\"[^\"]*\"", "", command)
        assert not re.search(r"[*?\[\]<]|(?:^|\s)=|(?<!\$)\{", unquoted), command
        assert "#" not in unquoted, "zsh takes a comment for arguments, where a person types it"
        shlex.split(command)


@pytest.mark.parametrize("name", NAMES)
def test_flags_are_known(name: str) -> None:
    for command in commands(name):
        words = shlex.split(command)
        if "-m" in words and "venv" not in words:
            source = module_source(words[words.index("-m") + 1])
            given = words[words.index("-m") + 2 :]
            assert [word for word in given if word.startswith("--") and f'"{word}"' not in source] == [], command
        elif words[0] == "./start-kokoro.sh":
            known = {flag for flag, *_ in describe()} | {"--check", "--init-db", "--help"}
            assert {word for word in words if word.startswith("--")} <= known, command


def module_source(module: str) -> str:
    base = ROOT / module.replace(".", "/")
    path = base / "__main__.py" if base.is_dir() else base.with_suffix(".py")
    source = path.read_text(encoding="utf-8")
    # An entry point such as telephony.say is a line that names another module.
    (entry,) = re.findall(r"^from (telephony\.tools\.\w+) import main$", source, re.MULTILINE) or [None]
    if entry is not None:
        return module_source(entry)
    # Benchmarks share some of their flags.
    shared = (
        [each.read_text(encoding="utf-8") for each in path.parent.glob("*.py")] if path.parent.name == "bench" else []
    )
    return "".join([source, *shared])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [name for name in NAMES if name not in TESTED_BY and any(runs(line) for block in blocks(name) for line in block)],
)
def test_commands_work_as_shown(service: StartService, tmp_path: Path, name: str) -> None:
    lines = [line for block in blocks(name) for line in block if runs(line)]
    for program in ("curl", "sqlite3"):
        if any(line.startswith(program) for line in lines) and shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    voices = ("af_sky", "af_aoede", "af_heart", "af_nicole", "af_nova", "pf_dora")
    log = tmp_path / "logs" / "metrics.log"
    endpoints = service(
        ToneEngine(voice_names=voices),
        http_port=0,
        audiosocket_port=0,
        phrase_cache_mb=1,
        cache_dir=tmp_path / "cache",
        request_log=log,
    )
    prepare(tmp_path, voices)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("KOKORO_", "API_KEY"))},
        "KOKORO_CACHE_DIR": str(tmp_path / "cache"),
        "KOKORO_HTTP_PORT": str(endpoints.http_port),
        "KOKORO_METRICS_LOG": str(log),
        "KOKORO_TCP_PORT": str(endpoints.tcp_port),
        "KOKORO_UDP_PORT": str(endpoints.udp_port),
        "KOKORO_WEIGHTS_DIR": str(tmp_path / "weights"),
        "PYTHONPATH": str(ROOT),
    }
    python = shlex.quote(sys.executable)
    script = "\n".join(lines).replace(PYTHON, python)
    # What the launcher ends with, once there is an environment.
    script = script.replace(INIT_DB, f"{python} {shlex.quote(str(ROOT / 'kokoro_service.py'))} --init-db")
    script = script.replace("127.0.0.1:8000", f"127.0.0.1:{endpoints.http_port}")
    with connected_pbx(endpoints, re.findall(r"^CALL=(\S+)$", script, re.MULTILINE)):
        finished = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    assert finished.returncode == 0, finished.stderr
    for written in re.findall(r" (?:-o|>) (\S+)", script):
        assert (tmp_path / written).stat().st_size, written


@contextlib.contextmanager
def connected_pbx(endpoints: Service, call_ids: list[str]) -> Iterator[None]:
    """A PBX with these calls, which the commands may interrupt and hang up."""
    with contextlib.ExitStack() as calls:
        for number, call_id in enumerate(call_ids, 1):
            address = ("127.0.0.1", endpoints.audiosocket_port or 0)
            pbx = calls.enter_context(socket.create_connection(address, timeout=TIMEOUT_S))
            pbx.sendall(b"\x01\x00\x10" + uuid.UUID(call_id).bytes)
            wait_figure(endpoints, "tts_active_sessions", partial(operator.le, number), door="audiosocket")
        yield


def prepare(folder: Path, voices: tuple[str, ...]) -> None:
    """What the commands find beside them: a list of phrases, and weights as far as the names of their voices."""
    (config,) = [body for language, body in _FENCE.findall(text_of("docs/phrases.md")) if language == "yaml"]
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    (folder / "docs").mkdir()
    (folder / "weights" / "voices").mkdir(parents=True)
    for voice in voices:
        (folder / "weights" / "voices" / f"{voice}.bin").touch()
    files = (MODEL_FILE, FOLDED_FILE, CONFIG_FILE)
    for file in files:
        (folder / "weights" / file).touch()
    entries = {file: {"size": 0, "sha256": ""} for file in files}
    manifest = {"format": 2, "source": "directory", "revision": "", "files": entries}
    (folder / "weights" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


# Links and names


@pytest.mark.parametrize("name", LINKED)
def test_links_lead_somewhere(name: str) -> None:
    broken = []
    for target in _LINK.findall(re.sub(r"`[^`\n]*`", "", prose_of(name))):
        if re.match(r"https?://", target):
            continue
        file, _, anchor = target.partition("#")
        path = ((ROOT / name).parent / file).resolve() if file else ROOT / name
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


@cache
def anchors(path: Path) -> set[str]:
    """What a heading is called in a link, as GitHub does it."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", NAMES)
def test_files_that_are_named_exist(name: str) -> None:
    places = (ROOT, ROOT / "telephony", (ROOT / name).parent)
    missing = [
        file
        for file in set(_FILE.findall(prose_of(name))) - _ELSEWHERE
        if not any((place / file).exists() for place in places) and Path(file).name not in file_names(file)
    ]
    assert missing == []


def file_names(file: str) -> frozenset[str]:
    """The names of the service's own files, for one that is named without its folder."""
    return frozenset() if "/" in file else frozenset(path.name for path in (ROOT / "telephony").rglob("*.*"))


@pytest.mark.parametrize("name", NAMES)
def test_functions_that_are_named_exist(name: str) -> None:
    assert [each for each in set(_FUNCTION.findall(prose_of(name))) if not is_defined(each)] == []


def is_defined(name: str) -> bool:
    """Whether a dotted name is a package, a module, or a function or class in one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        base = ROOT.joinpath(*parts[:count])
        path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        if path.exists():
            body: Iterator[ast.stmt] = iter(ast.parse(path.read_text(encoding="utf-8")).body)
            for part in parts[count:]:
                found = [node for node in body if isinstance(node, _DEFINITIONS) and node.name == part]
                if not found:
                    return False
                body = iter(found[0].body)
            return True
    return False


_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def test_every_guide_is_in_the_index() -> None:
    linked = {target.partition("#")[0] for target in _LINK.findall(text_of("docs/README.md"))}
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"} <= linked


def test_every_decision_is_short_and_in_its_list() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    numbers = [path.name[:3] for path in decisions]
    assert numbers == [f"{number:03}" for number in range(1, len(numbers) + 1)]
    assert [path.name for path in decisions] == _LINK.findall(text_of("docs/decisions/README.md"))
    for path in decisions:
        title, _, body = path.read_text(encoding="utf-8").partition("\n\n")
        assert title.startswith(f"# {path.name[:3]}: ")
        assert re.findall(r"^\*\*(\w+)\.\*\*", body, re.MULTILINE) == ["Context", "Decision", "Consequence"]
        assert 5 <= len(body.splitlines()) <= 15, path.name
