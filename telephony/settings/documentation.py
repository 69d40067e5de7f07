"""The settings as their operator reads them."""

from __future__ import annotations

import dataclasses

from telephony.settings.fields import Field, default_text, flag_of, shown_variables
from telephony.settings.groups import GROUPS
from telephony.settings.parsing import IGNORED

_INTRODUCTION = """\
# Settings

This page is generated from `telephony/settings/`; do not edit it by hand:

```sh
venv-kokoro/bin/python -m telephony.settings > docs/settings.md
```

The command line wins over the environment, and the environment over the default. Where a row names two variables, use
the first; the second is an old name, still accepted. A switch may stand alone (`--stream`) or have a value
(`--stream false`). `-v`, `-t`, `-u` and `-d` are short for `--voice`, `--tcp-port`, `--udp-port` and `--device`.

Invalid values exit with status 2; one line names the setting and the values allowed. The log names a variable that
begins with `KOKORO_` and is no setting (`env_var_unknown`).

Set keys and secrets in the environment: every user of the machine can read a command line."""

_LAUNCHER = """\
## Variables of the launcher

| Environment | Meaning |
|---|---|
| `KOKORO_PYTHON` | the Python that makes the virtual environment, if it is not on the `PATH` |
| `KOKORO_TORCH` | `cpu` or `cuda`: [torch without CUDA](../KOKORO_INTEGRATION.md#torch-without-cuda), or with it |
| `KOKORO_JEMALLOC` | `off` starts without [jemalloc](../KOKORO_INTEGRATION.md#memory); a path names the library |"""

_WITHOUT_EFFECT = """\
## Without effect

Earlier services and releases had these. They are accepted, and the log says that they are ignored.

| Name | Why |
|---|---|"""

_TABLE = """\
| Flag | Variables | Default | Meaning |
|---|---|---|---|"""


def describe() -> list[tuple[str, str, str, str]]:
    """Flag, environment variables, default and meaning of every setting that is shown."""
    return [_row(field) for group in GROUPS for field in _shown(group)]


def markdown() -> str:
    """The page of all settings: a section with a table for each group, then what has no effect."""
    without_effect = "\n".join([_WITHOUT_EFFECT, *(f"| `{name}` | {why} |" for name, why in IGNORED.items())])
    return "\n\n".join([_INTRODUCTION, *(_section(group) for group in GROUPS), _LAUNCHER, without_effect])


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
