"""What the tests of deploy/ have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from telephony import settings
from tests.clients import ROOT

DEPLOY = ROOT / "deploy"
HOME = "/var/lib/kokoro-telephony"
"""The one place where a container of the service writes."""
USER = 10001
"""Its user and its group."""
MARGIN_S = 10.0
"""For the pass of the model that is in work, and for closing connections."""


def documents(path: Path) -> list[Any]:
    """The documents of a YAML file."""
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def setting_names() -> set[str]:
    """The variables that the service reads."""
    return {name for _, variables, _, _ in settings.describe() for name in variables.split(", ")}
