"""`python -m telephony.tools.lexicon add|list|remove|check`: how words are pronounced.

A running service follows what is changed here; nothing is restarted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from telephony import settings
from telephony.settings import SettingsError
from telephony.text import markup
from telephony.text.lexicon import Entry, Lexicon, LexiconError, entry
from telephony.text.normalization import SpokenError, normalize
from telephony.text.script import Script
from telephony.voices.lexicon_file import LexiconFile, read


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        wanted = settings.parse([], os.environ if environment is None else environment).settings
        _run(options, _path(options.file or wanted.lexicon))
    except (SettingsError, LexiconError, SpokenError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _path(named: Path | None) -> Path:
    if named is None:
        raise LexiconError("which file? Set KOKORO_LEXICON, or say --file FILE")
    return named


def _run(options: argparse.Namespace, path: Path) -> None:
    if options.command == "add":
        wanted = entry(options.word, options.alias, options.ipa, options.language, options.case_sensitive)
        LexiconFile(path).put(wanted)
        print(_described(wanted))
    elif options.command == "remove":
        if not LexiconFile(path).remove(options.word, options.language):
            raise LexiconError(f"{path} has no {options.word!r} in that language")
    elif options.command == "list":
        for each in read(path):
            print(_described(each))
    elif options.text is None:
        print(f"{path}: {len(read(path))} entries, none of them wrong")
    else:
        for said in _said(options.text, options.language, Lexicon(read(path))):
            print(said)


def _said(text: str, language: str, lexicon: Lexicon) -> Iterable[str]:
    """What is spoken one after the other, in words; phonemes stand between slashes."""
    for segment in Script.parse(text).read(language, pronounce=lexicon.pronounce):
        if segment.text:
            said = markup.parts(normalize(segment.text, language))
            yield "".join(words if phonemes is None else f"/{phonemes}/" for words, phonemes in said)


def _described(known: Entry) -> str:
    said = [known.alias] if known.alias is not None else []
    said += [f"/{known.ipa}/"] if known.ipa is not None else []
    limits = [known.language] if known.language is not None else []
    limits += ["case-sensitive"] if known.case_sensitive else []
    return f"{known.word} = {' '.join(said)}" + (f" ({', '.join(limits)})" if limits else "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m telephony.tools.lexicon",
        description="How words are pronounced; a running service follows what is changed here.",
        epilog="Reads KOKORO_LEXICON, as the service does.",
    )
    parser.add_argument("--file", type=Path, help="the lexicon [KOKORO_LEXICON]")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="say how a word or phrase is said, in place of what was said of it")
    add.add_argument("word")
    add.add_argument("alias", nargs="?", help="what is read in its place")
    add.add_argument("--ipa", help="Kokoro's phonemes; other engines read the alias, or the word")
    add.add_argument("--language", help="only in this language, such as en or pt-BR")
    add.add_argument("--case-sensitive", action="store_true", help="only with the same capitals")
    commands.add_parser("list", help="the entries")
    remove = commands.add_parser("remove", help="forget a word")
    remove.add_argument("word")
    remove.add_argument("--language", help="in which the entry counts; none: the one for all languages")
    check = commands.add_parser("check", help="show what would be said of a text, or check the file")
    check.add_argument("text", nargs="?")
    check.add_argument("--language", default="en-US", help="of the text [%(default)s]")
    return parser


if __name__ == "__main__":
    sys.exit(main())
