"""Settings out of defaults, environment and command line."""

from __future__ import annotations

import argparse
import dataclasses
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

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
_LAUNCHERS_VARIABLES = frozenset(("KOKORO_JEMALLOC", "KOKORO_PYTHON"))
# Settings of earlier versions that are fixed now.
_FIXED = {
    "audiosocket_silence": "nothing is sent to a PBX between texts",
    "max_waiting_requests": "how many requests a connection of the sentence protocol may have in flight is fixed",
    "redis_max_value_bytes": "how long a phrase Redis is given is fixed",
}

IGNORED = {
    "MAX_CONCURRENT_JOBS": "chunks of all calls share the device, earliest deadline first",
    "QUEUE_MAXSIZE": "a new session is refused by the wait that it would have (KOKORO_MAX_FIRST_AUDIO_S)",
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
        ignored: flags and variables that were given and have no effect; see `IGNORED`.
        unknown: variables that look like settings and are none, and the one that was probably meant.
    """

    action: str
    settings: Settings
    ignored: tuple[str, ...] = ()
    unknown: Mapping[str, str | None] = field(default_factory=dict)


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Command:
    """Settings out of defaults, `environment` and command line `arguments`; the last of them wins.

    Raises:
        SettingsError: a value is malformed; the message names the variable or flag and what is allowed.
        SystemExit: `--help`, or a flag that does not exist.
    """
    parser = _parser()
    namespace, unrecognized = parser.parse_known_args(arguments)
    if unrecognized:
        parser.error(f"unrecognized arguments: {' '.join(unrecognized)}{_meant_flag(unrecognized)}")
    options = vars(namespace)
    settings = Settings(
        **{
            each.name: _parse_one(each, text, source)
            for each in dataclasses.fields(Settings)
            for source, text in _given(each, options, environment)
        }
    )
    if options["init_db"] and settings.db is None:
        raise SettingsError("--init-db: say which database with --db")
    action = "check" if options["check"] else "init_db" if options["init_db"] else "run"
    ignored = (name for name in IGNORED if options.get(name) is not None or environment.get(name))
    return Command(action, settings, tuple(ignored), _unknown(environment))


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
