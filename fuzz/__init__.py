"""Coverage-guided fuzzing of whatever reads what strangers send.

A target is a module with a function `check(data)`, which raises on a defect. `python -m fuzz TARGET --seconds N` runs
one; tests/test_fuzz.py replays the corpora.
"""

from __future__ import annotations

from pathlib import Path

TARGETS = ("wire", "messages", "ssml", "recipes", "addresses")

CORPUS = Path(__file__).parent / "corpus"
"""A folder for each target: inputs that reach something of their own."""
