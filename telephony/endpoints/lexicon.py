"""The lexicon over HTTP: `/v1/lexicon` shows its entries, and writes them into its file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from telephony.protocols.messages import Pronunciation
from telephony.text.lexicon import LexiconError
from telephony.voices.lexicon_file import LexiconFile


class LexiconState(BaseModel):
    """The lexicon as it is obeyed: `error` says why its file, as it is now, is not."""

    file: bool
    error: str | None
    entries: list[Pronunciation]


def router(file: LexiconFile | None) -> APIRouter:
    """The routes; without a `file` there is nothing to show, and nothing can be written."""
    changes: dict[int | str, dict[str, Any]] = {
        409: {"description": "there is no file, or it is not usable as it is; the message names the line"}
    }
    routes = APIRouter(prefix="/v1/lexicon", tags=["admin"])

    # None is async: they run in threads, because a disk may be slow.
    @routes.get("")
    def show() -> LexiconState:
        """All entries, as they are obeyed now."""
        if file is None:
            return LexiconState(file=False, error=None, entries=[])
        entries = [Pronunciation.of(each) for each in file.lexicon.entries]
        return LexiconState(file=True, error=file.complaint or None, entries=entries)

    @routes.put("", responses=changes)
    def put(wanted: Pronunciation) -> Pronunciation:
        """Keeps an entry, in place of the one of its word, language and case. Whatever is said next obeys it."""
        entry = wanted.entry()
        _change(file, lambda known: known.put(entry))
        return Pronunciation.of(entry)

    @routes.delete("", status_code=204, responses={**changes, 404: {"description": "it has no such word"}})
    def remove(word: str, language: str | None = None, case_sensitive: bool | None = None) -> None:
        """Removes the entries of a word, spelled as it is in them; without a language those for all languages."""
        if not _change(file, lambda known: known.remove(word, language, case_sensitive)):
            raise HTTPException(404, "the lexicon has no such word in that language")

    return routes


def _change(file: LexiconFile | None, change: Callable[[LexiconFile], int | None]) -> int | None:
    if file is None:
        raise HTTPException(409, "there is no file to write this into: start the service with --lexicon FILE")
    try:
        changed = change(file)
    except LexiconError as error:
        raise HTTPException(409, str(error)) from None
    file.follow()
    return changed
