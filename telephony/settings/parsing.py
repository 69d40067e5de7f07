"""Settings out of defaults, environment and command line."""

from __future__ import annotations

import argparse
import dataclasses
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from telephony.settings import gateway_config
from telephony.settings.fields import (
    Field,
    all_variables,
    default_text,
    flag_of,
    names,
    shown_variables,
    variable_of,
)
from telephony.settings.groups import GROUPS, Settings
from telephony.suggestions import did_you_mean, nearest

_PREFIX = "KOKORO_"
# Those that the launcher reads.
_LAUNCHERS_VARIABLES = frozenset(("KOKORO_JEMALLOC", "KOKORO_PYTHON", "KOKORO_TORCH"))
# Settings of earlier versions that are fixed now.
_FIXED = {
    "audiosocket_silence": "nothing is sent to a PBX between texts",
    "max_waiting_requests": "how many requests a connection of the sentence protocol may have in flight is fixed",
    "redis_max_value_bytes": "how long a phrase Redis is given is fixed",
}

_STREAMS_INSIDE = "speech streams from inside the first sentence, however long that is"
_LEAVES_AT_ONCE = "the first audio leaves as soon as it is made"
_IN_FRAMES = "each message has KOKORO_FRAME_MS of audio and leaves at once; nothing is collected"

IGNORED = {
    "MAX_CONCURRENT_JOBS": "chunks of all calls share the device, earliest deadline first",
    "QUEUE_MAXSIZE": "a new session is refused by the wait that it would have (KOKORO_MAX_FIRST_AUDIO_S)",
    "FIRST_SEGMENT_MAX_WORDS": _STREAMS_INSIDE,
    "FIRST_SEGMENT_BOUNDARIES": _STREAMS_INSIDE,
    "MAX_UTTERANCE_WORDS": "texts are divided into sentences, and none is too long; a text has KOKORO_MAX_TEXT_CHARS",
    "STREAM_CHUNK_SECONDS": "audio is made in windows of 0.4 to 1.6 s; a message has KOKORO_FRAME_MS of it",
    "PRIME_STREAM": _LEAVES_AT_ONCE,
    "PRIME_BYTES": _LEAVES_AT_ONCE,
    "WS_FIRST_CHUNK_IMMEDIATE": _LEAVES_AT_ONCE,
    "WS_BUFFER_BYTES": _IN_FRAMES,
    "WS_FLUSH_EVERY": _IN_FRAMES,
    **{variable_of(name): why for name, why in _FIXED.items()},
    **{flag_of(name): why for name, why in _FIXED.items()},
}
"""Variables and flags of earlier services and versions that are accepted without effect, and why they have none."""


class SettingsError(ValueError):
    """A setting has a value that it cannot have."""


@dataclass(frozen=True)
class Command:
    """What the command line asks for: `run`, `check` or `init_db`, with these settings.

    Attributes:
        ignored: flags, variables and keys of a gateway's configuration that were given and have no effect, and why.
        unknown: variables that look like settings and are none, and the one that was probably meant.
    """

    action: str
    settings: Settings
    ignored: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str | None] = field(default_factory=dict)


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Command:
    """Settings out of defaults, a gateway's file, `environment` and command line `arguments`; the last of them wins.

    The file is the one that the setting `prerender_file` names, if it is a gateway's.

    Raises:
        SettingsError: a value is malformed; the message names the variable or flag and what is allowed.
        SystemExit: `--help`, or a flag that does not exist.
    """
    parser = _parser()
    namespace, unrecognized = parser.parse_known_args(arguments)
    if unrecognized:
        parser.error(f"unrecognized arguments: {' '.join(unrecognized)}{_meant_flag(unrecognized)}")
    options = vars(namespace)
    values = _parse_given(options, environment)
    path: Path | None = values.get("prerender_file")
    gateway = gateway_config.read(path) if path is not None else gateway_config.GatewayConfig()
    for each in dataclasses.fields(Settings):
        if each.name in gateway.settings and each.name not in values:
            source = f"{path}: {gateway.keys[each.name]}"
            values[each.name] = _parse_one(each, gateway.settings[each.name], source)
    settings = Settings(**values)
    if options["init_db"] and settings.db is None:
        raise SettingsError("--init-db: say which database with --db")
    action = "check" if options["check"] else "init_db" if options["init_db"] else "run"
    ignored = {name: why for name, why in IGNORED.items() if options.get(name) is not None or environment.get(name)}
    return Command(action, settings, {**ignored, **gateway.ignored}, _unknown(environment))


def _parse_given(options: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        each.name: _parse_one(each, text, source)
        for each in dataclasses.fields(Settings)
        for source, text in _given(each, options, environment)
    }


def _given(each: Field, options: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Variables and flags that a setting is given with, and their text; the one that wins comes last."""
    for variable in reversed(all_variables(each)):
        if environment.get(variable):
            yield variable, environment[variable]
    for name in reversed(names(each)):
        if options[name] is not None:
            yield flag_of(name), options[name]


def _parse_one(each: Field, text: str, source: str) -> Any:
    try:
        return each.metadata["parse"](text)
    except ValueError as error:
        raise SettingsError(f"{source}={text!r}: {error}") from None


def _meant_flag(unrecognized: Sequence[str]) -> str:
    # The first flag among them: what stands before it may be a stray value.
    mistyped = next((argument for argument in unrecognized if argument.startswith("-")), unrecognized[0])
    shown = (flag_of(each.name) for each in dataclasses.fields(Settings) if not each.metadata["hidden"])
    return did_you_mean(mistyped.partition("=")[0], (*shown, "--check", "--init-db", "--help"))


def _unknown(environment: Mapping[str, str]) -> dict[str, str | None]:
    fields = dataclasses.fields(Settings)
    known = {name for each in fields for name in all_variables(each)} | IGNORED.keys() | _LAUNCHERS_VARIABLES
    # Without the prefix, which would make all of them look alike.
    shown = {
        name.removeprefix(_PREFIX): name
        for each in fields
        if not each.metadata["hidden"]
        for name in shown_variables(each)
    }
    unknown = sorted(name for name, text in environment.items() if text and name.startswith(_PREFIX))
    meant = {name: nearest(name.removeprefix(_PREFIX), shown) for name in unknown if name not in known}
    return {name: shown[match] if match is not None else None for name, match in meant.items()}


class _HelpFormatter(argparse.HelpFormatter):
    def _split_lines(self, text: str, width: int) -> list[str]:
        """Flags and paths stay whole."""
        return textwrap.wrap(text, width, break_on_hyphens=False)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line; the usage of so many flags would hide it."""
        self.exit(2, f"error: {message} (--help lists all flags)\n")


def _parser() -> _Parser:
    parser = _Parser(
        usage="%(prog)s [flags]",
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
        description="Text to speech for phone calls: Kokoro on the ports of the Piper service.",
        epilog="Every setting has an environment variable, named in brackets; the command line wins.",
    )
    for group in GROUPS:
        section = parser.add_argument_group(group.__name__, group.__doc__)
        for each in dataclasses.fields(group):
            _add(section, each)
    for name in filter(lambda name: name.startswith("--"), IGNORED):
        parser.add_argument(name, dest=name, nargs="?", const="", help=argparse.SUPPRESS)
    parser.add_argument("--check", action="store_true", help="verify installation, weights, device, ports and database")
    parser.add_argument("--init-db", action="store_true", help="create the table and keys that --db needs, then stop")
    return parser


def _add(section: argparse._ArgumentGroup, each: Field) -> None:
    shape: dict[str, Any] = {"metavar": each.name.rsplit("_", 1)[-1].upper()}
    if isinstance(each.default, bool):
        shape = {"metavar": "BOOL", "nargs": "?", "const": "true"}
    meaning = f"{each.metadata['meaning']} [{', '.join(shown_variables(each))}, default {default_text(each)}]"
    short = [f"-{each.metadata['short']}"] if each.metadata["short"] else []
    section.add_argument(
        *short,
        flag_of(each.name),
        dest=each.name,
        help=argparse.SUPPRESS if each.metadata["hidden"] else meaning,
        **shape,
    )
    for former in names(each)[1:]:
        section.add_argument(flag_of(former), dest=former, help=argparse.SUPPRESS, **shape)
