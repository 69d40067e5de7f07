"""The file of the lexicon: YAML, a list of entries, which people and programs may edit while the service runs."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import yaml  # type: ignore[import-untyped]  # its types would be one more package for few calls

from telephony.text.lexicon import Entry, Lexicon, LexiconError, entry

log = structlog.get_logger()

MAX_BYTES = 2**20
MAX_ENTRIES = 10_000

_POLL_S = 0.25
# The same as yaml.SafeLoader, and five times as quick, where PyYAML was built with libyaml.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FIELDS = ("word", "alias", "ipa", "language", "case_sensitive")
_SWITCHES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class _Placed:
    """An entry, and its lines [first, behind) of the file, from 0."""

    entry: Entry
    first: int
    behind: int


class LexiconFile:
    """The lexicon as its file has it. Readers find all of it or what was before.

    Any thread and any process; whoever writes takes turns at a lock file beside it. Between `start` and `stop`, once
    each, a thread follows it; else whoever calls `follow`.

    Attributes:
        lexicon: the last good one.
        complaint: why the file as it is now is not obeyed, with its line; empty if it is.
    """

    def __init__(self, path: Path) -> None:
        self.lexicon = Lexicon()
        self.complaint = ""
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._following = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lexicon")

    @classmethod
    def of(cls, path: Path | None) -> LexiconFile | None:
        """The lexicon of a file, as it is now; None without one."""
        if path is None:
            return None
        file = cls(path)
        file.follow()
        return file

    def pronounce(self, text: str, language: str) -> str:
        """See `Lexicon.pronounce`."""
        return self.lexicon.pronounce(text, language)

    def start(self) -> None:
        """Follows the file, four times a second."""
        self._thread.start()

    def stop(self) -> None:
        """Follows it no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def follow(self) -> None:
        """Takes over what has changed in the file. What cannot be used is logged, and the last good lexicon stays.

        Never raises. Costs one look at the file's time unless it has changed; a file of the full size takes a second.
        """
        with self._following:
            try:
                status = self._path.stat()
                stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
                if stamp == self._stamp:
                    return
                self._stamp = stamp
                self.lexicon = Lexicon(read(self._path))
                self.complaint = ""
            except FileNotFoundError:
                if self._stamp is None:
                    return
                self._stamp, self.lexicon, self.complaint = None, Lexicon(), ""
            except (OSError, LexiconError) as error:
                if str(error) != self.complaint:
                    self.complaint = str(error)
                    log.error("lexicon_refused", error=self.complaint, effect="the last good one stays")
                return
        log.info("lexicon_read", entries=len(self.lexicon.entries))

    def put(self, wanted: Entry) -> None:
        """Writes an entry, in place of the one that has its key; what else is in the file stays as it is.

        Raises:
            LexiconError: the file cannot be used or written, or is full.
        """

        def with_entry(text: str, placed: Sequence[_Placed]) -> tuple[str, list[Entry]]:
            lines = text.splitlines(keepends=True)
            known = next((each for each in placed if each.entry.key == wanted.key), None)
            entries = [wanted if each is known else each.entry for each in placed]
            if known is not None:
                return "".join([*lines[: known.first], _written([wanted]), *lines[known.behind :]]), entries
            end = "" if not text or text.endswith("\n") else "\n"
            return f"{text}{end}{_written([wanted])}", [*entries, wanted]

        self._change(with_entry)

    def remove(self, word: str, language: str | None = None, case_sensitive: bool | None = None) -> int:
        """Removes the entries of a word, as it is written in them, in a language; returns how many there were.

        Args:
            case_sensitive: which of them, if not both.

        Raises:
            LexiconError: the file cannot be used or written.
        """
        removed = 0

        def without(text: str, placed: Sequence[_Placed]) -> tuple[str, list[Entry]]:
            nonlocal removed
            lines = text.splitlines(keepends=True)
            gone = [
                each
                for each in placed
                if (each.entry.word, each.entry.language) == (word, language)
                and case_sensitive in (None, each.entry.case_sensitive)
            ]
            for each in reversed(gone):
                del lines[each.first : each.behind]
            removed = len(gone)
            return "".join(lines), [each.entry for each in placed if each not in gone]

        self._change(without)
        return removed

    def _run(self) -> None:
        while not self._stopping.wait(_POLL_S):
            self.follow()

    def _change(self, change: Callable[[str, Sequence[_Placed]], tuple[str, list[Entry]]]) -> None:
        """Writes the text that `change` makes of it and its entries; the entries alone, if the text is not theirs."""
        staging = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_name(f".{self._path.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                before = _text(self._path) if self._path.exists() else ""
                text, entries = change(before, _placed(self._path, before))
                if len(entries) > MAX_ENTRIES:
                    raise LexiconError(f"{self._path} has {MAX_ENTRIES} entries, which is the limit")
                if not _holds(text, entries):  # entries that share lines, or are indented
                    text = _written(entries)
                data = text.encode()
                if len(data) > MAX_BYTES:
                    raise LexiconError(f"{self._path} would have more than {MAX_BYTES} bytes, which is the limit")
                staging.write_bytes(data)
                staging.replace(self._path)
        except OSError as error:
            raise LexiconError(f"{self._path}: {error.strerror or error}") from error


def read(path: Path) -> list[Entry]:
    """The entries of a file.

    Raises:
        LexiconError: it is not such a file; names the line.
        OSError: it cannot be read.
    """
    return [each.entry for each in _placed(path, _text(path))]


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise LexiconError(f"{path} has more than {MAX_BYTES} bytes, which is the limit")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LexiconError(f"{path}, line {line}: not UTF-8") from None


def _placed(path: Path, text: str) -> list[_Placed]:
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise LexiconError(f"{path}, line {line}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise LexiconError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise LexiconError(f"{path}, line 1: a lexicon is a list of entries")
    if len(root.value) > MAX_ENTRIES:
        raise LexiconError(f"{path} has more than {MAX_ENTRIES} entries, which is the limit")
    found: dict[tuple[str, str, bool], _Placed] = {}
    for node in root.value:
        first = node.start_mark.line
        try:
            each = entry(**_fields(node))
        except LexiconError as error:
            raise LexiconError(f"{path}, line {first + 1}: {error}", error.field) from None
        if (same := found.get(each.key)) is not None:
            raise LexiconError(f"{path}, line {first + 1}: {each.word!r} was in line {same.first + 1} already")
        found[each.key] = _Placed(each, first, node.value[-1][1].end_mark.line + 1)
    return list(found.values())


def _fields(node: Any) -> dict[str, Any]:
    """What an entry says. A text is taken as it stands, be it a number or a truth value for YAML."""
    if not isinstance(node, yaml.MappingNode):
        raise LexiconError("an entry is a mapping such as `word: Nguyen` and `alias: win`")
    fields: dict[str, Any] = {}
    for name, value in node.value:
        if name.value not in _FIELDS:
            raise LexiconError(f"an entry has no {name.value!r:.100}; it has {', '.join(_FIELDS)}", "")
        if not isinstance(value, yaml.ScalarNode):
            raise LexiconError(f"{name.value} is a text", name.value)
        if name.value in fields:
            raise LexiconError(f"{name.value} is there twice", name.value)
        fields[name.value] = value.value
    if "word" not in fields:
        raise LexiconError("an entry has a word")
    if "case_sensitive" in fields:
        switch = _SWITCHES.get(fields["case_sensitive"].lower())
        if switch is None:
            raise LexiconError("case_sensitive is true or false", "case_sensitive")
        fields["case_sensitive"] = switch
    return fields


def _written(entries: Sequence[Entry]) -> str:
    described = [
        {name: value for name in _FIELDS if (value := getattr(each, name)) is not None and value is not False}
        for each in entries
    ]
    if not described:
        return ""
    written: str = yaml.safe_dump(described, allow_unicode=True, sort_keys=False, width=2**20)
    return written


def _holds(text: str, entries: Sequence[Entry]) -> bool:
    try:
        return [each.entry for each in _placed(Path(), text)] == entries
    except LexiconError:
        return False
