"""What makes a dataclass field a setting: how its text is parsed, and under which names it is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")

Field = dataclasses.Field[Any]


def setting(
    default: _T,
    parse: Callable[[str], _T],
    meaning: str,
    *,
    short: str = "",
    variable: str = "",
    earlier: str = "",
    former: str = "",
    hidden: bool = False,
) -> _T:
    """A field of a settings dataclass.

    Args:
        parse: raises ValueError with what is allowed.
        meaning: one line for help and documentation.
        short: the letter of a short flag.
        variable: its environment variable, where that is not `KOKORO_` and the field's name.
        earlier: the variable of earlier services.
        former: the field's name in earlier versions. Its flag and variable still work; nothing shows them.
        hidden: it still works, but nothing shows it: another setting takes its place.
    """
    # Typed as the field's own type, as dataclasses.field itself is.
    field: Any = dataclasses.field(
        default=default,
        metadata={
            "parse": parse,
            "meaning": meaning,
            "short": short,
            "variable": variable,
            "earlier": earlier,
            "former": former,
            "hidden": hidden,
        },
    )
    return field  # type: ignore[no-any-return]


def flag_of(name: str) -> str:
    """The long flag of a name."""
    return "--" + name.replace("_", "-")


def variable_of(name: str) -> str:
    """The usual environment variable of a name."""
    return "KOKORO_" + name.upper()


def names(field: Field) -> list[str]:
    """The field's name, and its former one."""
    return [name for name in (field.name, field.metadata["former"]) if name]


def shown_variables(field: Field) -> list[str]:
    """The environment variables that help and documentation show; the first one wins."""
    own = field.metadata["variable"] or variable_of(field.name)
    return [name for name in (own, field.metadata["earlier"]) if name]


def all_variables(field: Field) -> list[str]:
    """Every environment variable that is read; the first one wins."""
    own, *earlier = shown_variables(field)
    return [own, *(variable_of(name) for name in names(field)[1:]), *earlier]


def default_text(field: Field) -> str:
    """The default as an operator would give it."""
    if field.name == "cache_dir":
        return "~/.cache/kokoro-telephony"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return "none" if field.default in (None, "") else str(field.default)
