"""What a deployment of rooms is told: how many there are, what each gets of a machine, and their settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from telephony.settings import Settings, SettingsError, parse
from telephony.suggestions import did_you_mean

_SETTINGS = [each.name for each in dataclasses.fields(Settings)]


@dataclass(frozen=True)
class RoomOptions:
    """See `parse_options`.

    Attributes:
        settings: of each room.
        rooms: how many there are.
        cpus, gpus: of each.
        min_rooms, max_rooms: where there is a `max_rooms`, Serve keeps between so many, by what there is to say.
        streams_per_room: at once, from which on Serve adds a room.
    """

    settings: Settings
    rooms: int = 1
    cpus: float = 2.0
    gpus: float = 0.0
    min_rooms: int = 1
    max_rooms: int | None = None
    streams_per_room: int = 8


_OWN: dict[str, Callable[[Any], float]] = {
    "rooms": int,
    "cpus": float,
    "gpus": float,
    "min_rooms": int,
    "max_rooms": int,
    "streams_per_room": int,
}


def parse_options(options: Mapping[str, Any]) -> RoomOptions:
    """Options by name, as text or numbers, as a Serve configuration file has them; all others are settings.

    Without `threads` the model gets as many as a room has `cpus`.

    Raises:
        SettingsError: an option is unknown, or has a value that it cannot have.
    """
    for name in options:
        if name not in _OWN and name not in _SETTINGS:
            raise SettingsError(f"rooms have no option {name}{did_you_mean(name, [*_OWN, *_SETTINGS])}")
    own: dict[str, Any] = {}
    for name, value in options.items():
        if name in _OWN:
            try:
                own[name] = _OWN[name](value)
            except (TypeError, ValueError) as error:
                raise SettingsError(f"{name}={value!r}: {error}") from None
    threads = max(1, int(own.get("cpus", RoomOptions.cpus)))
    settings = {"threads": threads, **{name: value for name, value in options.items() if name not in _OWN}}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    return RoomOptions(parse(flags, {}).settings, **own)
