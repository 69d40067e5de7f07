"""The pages of metrics and of the log name everything that the code has, and nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony.endpoints import pbx
from telephony.telemetry.documentation import describe_metrics, log_page, metrics_page
from telephony.telemetry.events import EVENTS
from telephony.telemetry.refusals import REFUSALS
from tests.clients import ROOT
from tests.conftest import StartService

LEVELS = {"debug", "info", "warning", "error", "exception", "log"}
SOURCES = [*(ROOT / "telephony").rglob("*.py"), ROOT / "kokoro_service.py"]
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
PAGES = {"metrics": metrics_page, "log": log_page}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_its_command_prints(name: str) -> None:
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert page == PAGES[name]() + "\n"
    assert f"-m telephony.telemetry {name} > docs/{name}.md" in page


def test_the_module_prints_a_page() -> None:
    command = [sys.executable, "-m", "telephony.telemetry", "log"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout == log_page() + "\n"


# Metrics


def test_every_metric_of_a_service_is_in_the_page(service: StartService, tmp_path: Path) -> None:
    started = service(http_port=0, phrase_memory_mb=1, phrase_cache_mb=1, cache_dir=tmp_path)
    families = {family.name for family in started.metrics.registry.collect()}
    described = {name.removesuffix("_total").removesuffix("_info") for name, *_ in describe_metrics()}
    own = {name for name in families if not name.startswith("process_")}
    # Doors that share their calls need a Redis for it.
    assert own == {name for name in described if not name.startswith("tts_shared_")}
    if sys.platform == "linux":
        assert "process_open_fds" in families


def test_every_metric_says_what_it_is() -> None:
    for name, _, _, meaning in describe_metrics():
        assert len(meaning.split()) >= 3, name
        assert "|" not in meaning, name


def test_no_series_says_when_a_metric_was_made(service: StartService) -> None:
    started = service(http_port=0)
    names = {sample.name for family in started.metrics.registry.collect() for sample in family.samples}
    assert "tts_connections_total" in names
    assert not [name for name in names if name.endswith("_created")]


# Events


def calls_of_the_log(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Every call of a logger, and its level."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            logger = ast.unparse(node.func.value)
            if logger == "log" or logger.startswith("structlog.get_logger("):
                yield node, node.func.attr


def constants(node: ast.expr) -> list[str]:
    """The strings that an expression may be."""
    if isinstance(node, ast.IfExp):
        return [*constants(node.body), *constants(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def given(tree: ast.AST, parameter: str) -> list[str]:
    """What the functions of a module are called with that log an event by one of their parameters."""
    found: list[str] = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            names = [each.arg for each in function.args.args if each.arg != "self"]
            if parameter in names and any(
                ast.unparse(argument) == parameter for call, _ in calls_of_the_log(function) for argument in call.args
            ):
                found += called_with(tree, function.name, names.index(parameter))
    return found


def called_with(tree: ast.AST, function: str, index: int) -> list[str]:
    """The strings that a function of a module is given as an argument."""
    return [
        text
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == function
        for text in (constants(node.args[index]) if index < len(node.args) else [])
    ]


def logged() -> dict[str, set[str]]:
    """Every event that the code logs, and its levels; empty ones where they are chosen at run time."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, tree in TREES.items():
        for call, method in calls_of_the_log(tree):
            level = {"exception": {"error"}, "log": set[str]()}.get(method, {method})
            argument = call.args[1 if method == "log" else 0]
            names = constants(argument) or given(tree, ast.unparse(argument))
            assert names, f"{path}:{call.lineno} logs an event that this test cannot find"
            for name in names:
                found[name] |= level
    return found


def test_every_event_is_declared_with_its_levels_and_no_other_is() -> None:
    declared = {event.name: set(event.level.split(", ")) for event in EVENTS}
    assert len(declared) == len(EVENTS)
    found = logged()
    assert found.keys() == declared.keys()
    for name, levels in found.items():
        assert levels <= declared[name], name
        assert levels == declared[name] or not levels or len(declared[name]) > 1, name


def test_every_refusal_is_declared() -> None:
    declared = {code for refusal in REFUSALS for code in refusal.code.split(", ")}
    found = set(pbx._CODES.values())
    for path, tree in TREES.items():
        if path.parent.name == "endpoints":
            for function, index in (("refused", 2), ("_refused", 0), ("_on_refusal", 0)):
                found.update(called_with(tree, function, index))
            for name, index in (("CodedError", 1), ("explain", 2)):
                found.update(called_with(tree, name, index))
    assert {"protocol_error", "hello_overdue", "text_refused", "busy", "ended"} <= found
    assert found <= declared
