"""Phrases that are rendered before anybody asks for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
import yaml  # type: ignore[import-untyped]  # its types would be one more package for one call

log = structlog.get_logger()

_PROGRESS_EVERY_S = 5.0
_FIELDS = {"text", "voice", "speed", "language"}


class PrerenderError(ValueError):
    """The list of phrases cannot be read. The message says where and why."""


@dataclass(frozen=True)
class PhraseRequest:
    """A phrase to render; None leaves voice, speed (1.0 is the voice's own) and language to the service."""

    text: str
    voice: str | None = None
    speed: float | None = None
    language: str | None = None


@dataclass(frozen=True)
class PrerenderResult:
    """How many phrases were made, were there already, could not be made, and were left when it was stopped."""

    made: int
    there: int
    failed: int
    left: int


def load_requests(path: Path) -> list[PhraseRequest]:
    """The list `prerender` of a YAML file: each entry is a text, or a mapping of `text`, `voice`, `speed`, `language`.

    In a gateway's file, `prerender` is a mapping with the list under `common_phrases`, unless `enabled` is false. Empty
    if the file has no list.

    Raises:
        OSError: the file cannot be read.
        PrerenderError: an entry is malformed.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PrerenderError(f"{path}: {error}") from None
    name = "prerender"
    entries = document.get(name) if isinstance(document, dict) else None
    if isinstance(entries, dict):
        name = "prerender.common_phrases"
        entries = entries.get("common_phrases") if entries.get("enabled", True) else None
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise PrerenderError(f"{path}: {name} must be a list")
    return [_phrase(f"{path}: {name}[{index}]", entry) for index, entry in enumerate(entries)]


def prerender(
    phrases: Sequence[PhraseRequest],
    say: Callable[[PhraseRequest], bool],
    stopping: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> PrerenderResult:
    """Renders phrases one after the other, with progress in the log. Blocks: it wants a thread of its own.

    Args:
        say: has a phrase rendered and kept, and waits for it; False if it was there already. It may raise: the phrase
            then counts as failed and the next one follows.
        stopping: asked before every phrase.
    """
    made = there = failed = 0
    started = reported = clock()

    def report(event: str) -> None:
        log.info(
            event, total=len(phrases), made=made, there=there, failed=failed, elapsed_s=round(clock() - started, 1)
        )

    for number, wanted in enumerate(phrases):
        if stopping():
            report("prerender_stopped")
            return PrerenderResult(made, there, failed, len(phrases) - number)
        try:
            if say(wanted):
                made += 1
            else:
                there += 1
        except Exception as error:  # noqa: BLE001 - whatever one phrase meets is no reason to leave out the others
            failed += 1
            log.warning("prerender_failed", number=number, error=f"{type(error).__name__}: {error}"[:300])
        if clock() - reported >= _PROGRESS_EVERY_S:
            reported = clock()
            report("prerender_progress")
    report("prerender_done")
    return PrerenderResult(made, there, failed, 0)


def _phrase(where: str, entry: object) -> PhraseRequest:
    fields = {"text": entry} if isinstance(entry, str) else entry
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str) or not fields["text"].strip():
        raise PrerenderError(f"{where} must be a text, or a mapping with one under `text`")
    unknown = set(fields) - _FIELDS
    if unknown:
        raise PrerenderError(f"{where} has an unknown field {min(map(str, unknown))!r}")
    speed = fields.get("speed")
    if speed is not None and (isinstance(speed, bool) or not isinstance(speed, (int, float)) or not speed > 0):
        raise PrerenderError(f"{where}: speed must be a number over 0")
    for name in ("voice", "language"):
        if not isinstance(fields.get(name), (str, type(None))):
            raise PrerenderError(f"{where}: {name} must be a text")
    return PhraseRequest(
        fields["text"], fields.get("voice"), None if speed is None else float(speed), fields.get("language")
    )
