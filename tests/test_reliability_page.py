"""Every test that docs/reliability.md names is there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "reliability.md").read_text(encoding="utf-8")


def test_the_tests_that_are_named_are_there() -> None:
    named = re.findall(r"`((?:\w+/)?test_\w+)(?:::(\w+))?`", PAGE)
    assert len(named) > 30
    for file, test in named:
        source = (TESTS / f"{file}.py").read_text(encoding="utf-8")
        assert not test or f"def test_{test}(" in source, f"{file}::{test}"
