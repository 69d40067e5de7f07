"""The ports beside HTTP's that its event loop serves: AudioSocket for a PBX, Wyoming for Home Assistant."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from telephony.endpoints.connections import bind
from telephony.settings import Settings


class PortError(RuntimeError):
    """A port cannot be bound. The message says which one, and why."""


@dataclass(frozen=True)
class _Port:
    """One of them: `flag` chooses it, `host` is where it listens."""

    name: str
    flag: str
    host: str
    number: int | None


def _wanted(settings: Settings) -> tuple[_Port, _Port]:
    return (
        _Port("AudioSocket", "--audiosocket-port", settings.host, settings.audiosocket_port),
        _Port("Wyoming", "--wyoming-port", settings.wyoming_host, settings.wyoming_port),
    )


def config_error(settings: Settings) -> str | None:
    """Why these ports cannot be opened with these settings, in one line; None if they can."""
    if settings.http_port is not None:
        return None
    for each in _wanted(settings):
        if each.number is not None:
            return f"{each.flag} needs the HTTP door, whose event loop serves it: choose an --http-port"
    return None


def addresses(settings: Settings) -> list[tuple[str, int]]:
    """Where they listen: each host and port that is to be opened."""
    return [(each.host, each.number) for each in _wanted(settings) if each.number is not None]


class ExtraPorts:
    """The listening sockets of these doors, None for one that is not wanted; whoever serves a socket closes it."""

    def __init__(self, settings: Settings) -> None:
        """Binds them.

        Raises:
            PortError: one of them is taken.
        """
        self._wanted = _wanted(settings)
        audiosocket, wyoming = self._wanted
        self.audiosocket = _bound(audiosocket)
        try:
            self.wyoming = _bound(wyoming)
        except PortError:
            if self.audiosocket is not None:
                self.audiosocket.close()
            raise
        self.audiosocket_port = _port(self.audiosocket)
        """The port in use, also where the system chose it."""
        self.wyoming_port = _port(self.wyoming)
        """Likewise."""

    def close(self) -> None:
        """Releases them, where nobody came to serve them."""
        for listener in (self.audiosocket, self.wyoming):
            if listener is not None:
                listener.close()

    def describe(self) -> str:
        """Who is where, for the operator."""
        ports = zip(self._wanted, (self.audiosocket_port, self.wyoming_port), strict=True)
        return "".join(f", {each.name} on {each.host}:{number}" for each, number in ports if number is not None)


def _bound(wanted: _Port) -> socket.socket | None:
    if wanted.number is None:
        return None
    try:
        return bind(wanted.host, wanted.number, wanted.name.lower())
    except OSError as error:
        raise PortError(
            f"port {wanted.number} ({wanted.name}) on {wanted.host}: {error.strerror or error}. "
            f"Choose another with {wanted.flag}, or 0 for none."
        ) from error


def _port(listener: socket.socket | None) -> int | None:
    return None if listener is None else int(listener.getsockname()[1])
