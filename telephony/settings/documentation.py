"""The settings as their operator reads them."""

from __future__ import annotations

import dataclasses

from telephony.settings.fields import Field, default_text, flag_of, shown_variables
from telephony.settings.groups import GROUPS

_INTRODUCTION = """\
# Settings

`python -m telephony.settings` prints this page.

The command line wins over the environment, the environment over the default. Of two variables, the second is the name
that earlier services had for it, and the first one wins. A switch may stand alone (`--stream`) or have a value
(`--stream false`). `-v`, `-t`, `-u` and `-d` are short for `--voice`, `--tcp-port`, `--udp-port` and `--device`.

Invalid values exit with status 2 and one line that says what is allowed. The log names a variable that begins with
`KOKORO_` and is no setting (`env_var_unknown`). `MAX_CONCURRENT_JOBS` and `QUEUE_MAXSIZE` of earlier services have no
effect, which the log says (`env_var_ignored`).

`KOKORO_PYTHON` names the interpreter that `start-kokoro.sh` makes the virtual environment with.
`KOKORO_JEMALLOC=off` starts without jemalloc, or it names the library."""

_TABLE = """\
| Flag | Variables | Default | Meaning |
|---|---|---|---|"""


def describe() -> list[tuple[str, str, str, str]]:
    """Flag, environment variables, default and meaning of every setting that is shown."""
    return [_row(field) for group in GROUPS for field in _shown(group)]


def markdown() -> str:
    """The page of all settings: a heading, then a section and a table for each group."""
    return "\n\n".join([_INTRODUCTION, *(_section(group) for group in GROUPS)])


def _section(group: type) -> str:
    rows = [
        f"| `{flag}` | `{variables}` | `{default}` | {meaning} |"
        for flag, variables, default, meaning in map(_row, _shown(group))
    ]
    return "\n".join([f"## {group.__name__}", "", str(group.__doc__), "", _TABLE, *rows])


def _shown(group: type) -> list[Field]:
    return [field for field in dataclasses.fields(group) if not field.metadata["hidden"]]


def _row(field: Field) -> tuple[str, str, str, str]:
    return flag_of(field.name), ", ".join(shown_variables(field)), default_text(field), field.metadata["meaning"]
