"""Blends that have a name: one JSON file, `{"anna": "af_aoede*2+af_nicole"}`, that several processes may share."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from telephony.engines.base import UnusableVoiceError
from telephony.engines.recipes import Recipe, parse

log = structlog.get_logger()

MAX_BLENDS = 32
"""How many may be kept: each costs about a megabyte, and a minute of idle time once."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class BlendError(ValueError):
    """A blend cannot be kept or removed, or the file cannot be used. The message says why."""


class BlendFile:
    """The file of named blends. Readers find all of it or what was before, and follow it when it changes.

    Any thread and any process; whoever writes takes turns at a lock file beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._recipes: dict[str, Recipe] = {}
        self._complaint = ""

    def recipes(self) -> Mapping[str, Recipe]:
        """The blends as the file has them now. What cannot be read is logged, and the last good ones stay.

        Never raises. Costs one look at the file's time unless it has changed.
        """
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                self._stamp = stamp
                self._recipes = self._read()
                self._complaint = ""
        except FileNotFoundError:
            self._stamp, self._recipes = None, {}
        except (OSError, BlendError) as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                log.error("blends_unusable", error=self._complaint, effect="the last good ones stay")
        return self._recipes

    def add(self, name: str, recipe: Recipe) -> None:
        """Keeps a blend under a name, in place of one that has it.

        Raises:
            BlendError: the name cannot be one, there are too many blends, or the file cannot be read or written.
        """
        if not _NAME.fullmatch(name):
            raise BlendError(f"{name!r} cannot be a name: up to 40 of a-z, 0-9, _ and -, the first one a letter")

        def added(kept: dict[str, Recipe]) -> dict[str, Recipe]:
            if name not in kept and len(kept) >= MAX_BLENDS:
                raise BlendError(f"there are {MAX_BLENDS} blends, which is the limit: remove one first")
            return {**kept, name: recipe}

        self._change(added)

    def remove(self, name: str) -> None:
        """Forgets a blend.

        Raises:
            BlendError: there is none of that name, or the file cannot be read or written.
        """

        def removed(kept: dict[str, Recipe]) -> dict[str, Recipe]:
            if name not in kept:
                raise BlendError(f"there is no blend {name!r}; there are: {' '.join(sorted(kept)) or 'none'}")
            return {known: recipe for known, recipe in kept.items() if known != name}

        self._change(removed)

    def _change(self, change: Callable[[dict[str, Recipe]], dict[str, Recipe]]) -> None:
        staging = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_name(f".{self._path.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                kept = change(self._read() if self._path.exists() else {})
                texts = {name: str(recipe) for name, recipe in sorted(kept.items())}
                staging.write_text(json.dumps(texts, indent=1) + "\n", encoding="utf-8")
                staging.replace(self._path)
        except OSError as error:
            raise BlendError(f"{self._path}: {error.strerror or error}") from error

    def _read(self) -> dict[str, Recipe]:
        """Raises OSError, and BlendError where it is not such a file."""
        try:
            texts = json.loads(self._path.read_bytes())
        except ValueError as error:
            raise BlendError(f"{self._path} is not JSON: {error}") from None
        if not isinstance(texts, dict):
            raise BlendError(f"{self._path} is not a JSON object of names and recipes")
        try:
            return {name: parse(str(text)) for name, text in texts.items()}
        except UnusableVoiceError as error:
            raise BlendError(f"{self._path}: {error}") from None
