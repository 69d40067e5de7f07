"""What the benchmarks of understanding share: who speaks, what was heard of two sides, and how they are compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import report

VOICES = {
    "en-US": "af_sky",
    "en-GB": "bf_emma",
    "pt-BR": "pf_dora",
    "es-ES": "ef_dora",
    "fr-FR": "ff_siwis",
    "it-IT": "if_sara",
}
"""Who speaks each language."""


@dataclass(frozen=True)
class Heard:
    """What the recogniser wrote down of one sentence in one voice, and how many words of it are wrong."""

    text: str
    errors: int


@dataclass(frozen=True)
class Comparison:
    """Two sides that say the same sentences. A sentence is a dataclass with `words`, and `Heard` for each side.

    Attributes:
        sides: as their columns stand.
        against: the side that the other one is compared with: the difference is what that has more, in points.
        percent: of wrong words and all words.
        shown: a side's figures, for people.
        titles: of the table's first column and of those of the sides.
    """

    sides: tuple[str, str]
    against: str
    percent: Callable[[int, int], float]
    shown: Callable[[Mapping[str, Any]], str]
    titles: tuple[str, str, str]

    def summary(self, sentences: Sequence[Any]) -> dict[str, Any]:
        """A language's part of the document, rates in percent and their difference in points."""
        words = sum(sentence.words for sentence in sentences)
        errors = {side: sum(getattr(sentence, side).errors for sentence in sentences) for side in self.sides}
        return {**self._rates(words, errors), "sentences": [asdict(sentence) for sentence in sentences]}

    def render(self, document: Mapping[str, Any]) -> str:
        """The document as a table for people."""
        languages = document["languages"]
        words = sum(entry["words"] for entry in languages.values())
        errors = {side: sum(entry[side]["errors"] for entry in languages.values()) for side in self.sides}
        count = sum(len(entry["sentences"]) for entry in languages.values())
        rows = [self._row(tag, entry["voice"], len(entry["sentences"]), entry) for tag, entry in languages.items()]
        first, *others = self.titles
        header = (first, "voice", "sentences", "words", *others, "difference, points")
        return report.table(header, [*rows, self._row("all", "", count, self._rates(words, errors))])

    def _rates(self, words: int, errors: Mapping[str, int]) -> dict[str, Any]:
        sides = {side: {"errors": errors[side], "percent": self.percent(errors[side], words)} for side in self.sides}
        (compared,) = {*self.sides} - {self.against}
        difference = sides[compared]["percent"] - sides[self.against]["percent"]
        return {"words": words, **sides, "difference_points": difference}

    def _row(self, name: str, voice: str, count: int, entry: Mapping[str, Any]) -> tuple[str, ...]:
        rates = (self.shown(entry[side]) for side in self.sides)
        return (name, voice, str(count), str(entry["words"]), *rates, f"{entry['difference_points']:+.1f}")


def begin(path: Path | None, seed: int, benchmark: str) -> dict[str, Any]:
    """The document that a run adds to: the one at `path`, or an empty one where there is none.

    Raises:
        ValueError: the file is something else, or its noise is not that of `seed`.
    """
    if path is None or not path.exists():
        return {"benchmark": benchmark, "seed": seed, "machine": report.machine(), "languages": {}}
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or document.get("benchmark") != benchmark:
        raise ValueError("is no result of this benchmark: give another file")
    if document["seed"] != seed:
        raise ValueError(f"was begun with --seed {document['seed']}: give that, or another file")
    return document
