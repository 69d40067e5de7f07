"""Which package may know which: the direction of imports, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Collection
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HOUSE = "telephony"
HEAVY = {"torch", "onnxruntime", "onnx", "piper", "kokoro", "misaki", "spacy", "transformers", "huggingface_hub"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in [*sorted((ROOT / HOUSE).rglob("*.py")), ROOT / "kokoro_service.py"]}


@cache
def imports(module: str) -> frozenset[str]:
    """Every module that `module` imports, anywhere in its source."""
    path = FILES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            submodules = {f"{base}.{alias.name}" for alias in node.names} & FILES.keys()
            # `from telephony import wire` is an import of wire, not of everything in the house.
            found |= submodules if len(submodules) == len(node.names) else {base, *submodules}
    return frozenset(found)


def within(module: str, rooms: Collection[str]) -> bool:
    return any(module == room or module.startswith(room + ".") for room in rooms)


def of_the_house(module: str) -> set[str]:
    return {name for name in imports(module) if within(name, [HOUSE])}


def modules(*rooms: str) -> list[str]:
    return [name for name in FILES if within(name, [f"{HOUSE}.{room}" for room in rooms])]


def test_the_source_is_found_and_its_imports_are_read() -> None:
    assert {"kokoro_service", "telephony.protocols.telephone", "telephony.engines.kokoro.model"} <= FILES.keys()
    assert "telephony.speech" in imports("telephony.protocols.telephone")
    assert "telephony.text.script" in imports("telephony.listeners.call")
    assert "telephony.engines.kokoro.layout" in imports("telephony.engines.kokoro.weights")
    assert "torch" in imports("telephony.engines.kokoro.model")


# From a socket down to a sample. A package knows its own modules and the packages below it.
ORDER = (
    "endpoints",
    "listeners",
    "rooms",
    "protocols",
    "scheduling",
    "voices",
    "cache",
    "engines",
    "text",
    "audio",
    "telemetry",
    "system",
    "settings",
    "speech",
    "suggestions",
)
# Above all: the composition root, and the command lines with their entry points.
ABOVE_ALL = {"service", "tools", "say", "report"}


def test_every_package_has_its_place() -> None:
    assert {module.split(".")[1] for module in FILES if "." in module} == {*ORDER, *ABOVE_ALL}


@pytest.mark.parametrize("package", ORDER)
def test_imports_point_downwards(package: str) -> None:
    known = {package, *ORDER[ORDER.index(package) + 1 :], "__version__"}
    assert modules(package)
    upwards = {
        module: found
        for module in modules(package)
        if (found := {name for name in of_the_house(module) if name != HOUSE and name.split(".")[1] not in known})
    }
    assert upwards == {}


@pytest.mark.parametrize("module", modules("protocols", "text", "audio"))
def test_bytes_and_text_are_handled_without_input_or_output(module: str) -> None:
    assert not imports(module) & {"socket", "socketserver", "threading", "asyncio", "select", "selectors", "os", "time"}


def test_the_policy_knows_no_thread_no_clock_and_no_request() -> None:
    policy, admission = "telephony.scheduling.policy", "telephony.scheduling.admission"
    assert of_the_house(policy) == {admission}
    assert of_the_house(admission) == set()
    assert not (imports(policy) | imports(admission)) & {"threading", "time", "queue", "random"}


def test_no_class_and_no_module_is_long_without_a_reason() -> None:
    reasons = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for path in [*(ROOT / HOUSE).rglob("*.py"), *(ROOT / "bench").glob("*.py"), *(ROOT / "fuzz").glob("*.py")]:
        source = path.read_text(encoding="utf-8")
        classes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)]
        longest = max(((node.end_lineno or 0) - node.lineno + 1 for node in classes), default=0)
        if source.count("\n") > 400 or longest > 300:
            assert f"`{path.relative_to(ROOT)}` (" in reasons, path


def test_only_the_programs_know_the_service() -> None:
    users = {module for module in FILES if "telephony.service" in imports(module)}
    assert users == {"kokoro_service"}


def test_no_engine_knows_another() -> None:
    for module in modules("engines.kokoro", "engines.piper", "engines.tone"):
        own = module.split(".")[2]
        others = {name for name in of_the_house(module) if name.startswith("telephony.engines.")}
        assert {name.split(".")[2] for name in others} <= {own, "base", "fingerprint", "recipes"}, module


def test_only_the_store_knows_sqlite() -> None:
    assert {module for module in FILES if within_any(imports(module), ["sqlite3"])} == {
        "telephony.voices.host_database"
    }


def test_models_are_known_to_their_engines_only() -> None:
    users = {module for module in FILES if within_any(imports(module), HEAVY)}
    assert users
    assert all(within(module, ["telephony.engines"]) for module in users)
    light = {f"telephony.engines.{name}" for name in ("base", "catalog", "fingerprint", "thread", "tone")}
    assert users.isdisjoint(light)


def test_only_rooms_know_ray() -> None:
    users = {module for module in FILES if within_any(imports(module), ["ray"])}
    assert users == {"telephony.rooms.deployment", "telephony.rooms.router", "telephony.rooms.serve_rooms"}


def within_any(names: Collection[str], rooms: Collection[str]) -> bool:
    return any(within(name, rooms) for name in names)


@pytest.mark.slow
def test_the_service_is_imported_without_any_model() -> None:
    heavy = {*HEAVY, "ray", "redis", "wyoming", "zeroconf"}
    program = "import sys, kokoro_service, telephony.service; print(*{name.split('.')[0] for name in sys.modules})"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert heavy.isdisjoint(ended.stdout.split())
