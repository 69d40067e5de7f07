"""Which room may know which: the direction of imports, read from the source."""

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
    assert {"kokoro_service", "telephony.wire", "telephony.engines.kokoro.model"} <= FILES.keys()
    assert "telephony.engines.base" in imports("telephony.wire")
    assert "telephony.text.script" in imports("telephony.calls")
    assert "telephony.engines.kokoro.layout" in imports("telephony.engines.kokoro.weights")
    assert "torch" in imports("telephony.engines.kokoro.model")


PURE = modules(
    "wire", "text", "audio", "settings", "logs", "metrics", "engines.base", "engines.recipes", "engines.tone"
)


@pytest.mark.parametrize("module", PURE)
def test_the_pure_rooms_know_nothing_of_the_house_but_the_engines_types(module: str) -> None:
    # The modules of text know each other.
    known = {name for name in of_the_house(module) if not within(name, ["telephony.text"])}
    assert known <= {"telephony.engines.base", "telephony.engines.recipes"}


@pytest.mark.parametrize("module", modules("wire", "text", "audio"))
def test_bytes_and_text_are_handled_without_input_or_output(module: str) -> None:
    assert not imports(module) & {"socket", "socketserver", "threading", "asyncio", "select", "selectors", "os", "time"}


# Of each room: the rooms that it must not know, because they are above it.
ABOVE = {
    "engines": ["scheduler", "sinks", "calls", "switch", "store", "endpoints", "service"],
    "store": ["engines", "scheduler", "sinks", "calls", "switch", "endpoints", "service", "settings"],
    "scheduler": ["sinks", "calls", "switch", "store", "endpoints", "service", "settings", "text", "wire"],
    "lanes": ["scheduler", "sinks", "calls", "switch", "store", "endpoints", "service", "settings", "text", "wire"],
    "admission": ["lanes", "scheduler", "sinks", "calls", "engines", "endpoints", "service", "settings"],
    "sinks": ["calls", "switch", "store", "endpoints", "service", "settings"],
    "calls": ["switch", "store", "endpoints", "service", "settings"],
    "switch": ["scheduler", "sinks", "endpoints", "service", "wire"],
    "endpoints": ["service", "switch"],
}


@pytest.mark.parametrize("room", ABOVE)
def test_no_room_knows_those_above_it(room: str) -> None:
    above = [f"{HOUSE}.{name}" for name in ABOVE[room]]
    assert modules(room)
    assert {
        module: found for module in modules(room) if (found := {n for n in imports(module) if within(n, above)})
    } == {}


def test_only_the_programs_know_the_service() -> None:
    users = {module for module in FILES if "telephony.service" in imports(module)}
    assert users == {"kokoro_service"}


def test_no_engine_knows_another() -> None:
    for module in modules("engines.kokoro", "engines.piper", "engines.tone"):
        own = module.split(".")[2]
        others = {name for name in of_the_house(module) if name.startswith("telephony.engines.")}
        assert {name.split(".")[2] for name in others} <= {own, "base", "fingerprint", "recipes"}, module


def test_only_the_store_knows_sqlite() -> None:
    assert {module for module in FILES if within_any(imports(module), ["sqlite3"])} == {"telephony.store"}


def test_models_are_known_to_their_engines_only() -> None:
    users = {module for module in FILES if within_any(imports(module), HEAVY)}
    assert users
    assert all(within(module, ["telephony.engines"]) for module in users)
    light = {f"telephony.engines.{name}" for name in ("base", "catalog", "fingerprint", "thread", "tone")}
    assert users.isdisjoint(light)


def within_any(names: Collection[str], rooms: Collection[str]) -> bool:
    return any(within(name, rooms) for name in names)


def test_the_service_is_imported_without_any_model() -> None:
    program = "import sys, kokoro_service, telephony.service; print(*{name.split('.')[0] for name in sys.modules})"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(ended.stdout.split())
