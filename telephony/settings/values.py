"""What the text of a flag or variable means. Each function raises ValueError with what is allowed."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

_N = TypeVar("_N", int, float)

_HTTP_URL = "must be a URL such as http://127.0.0.1:4318"
_EXPORTER = "opentelemetry.exporter.otlp.proto.http"
_WYOMING = "requirements-wyoming.txt"


def number(parse: Callable[[str], _N], fits: Callable[[_N], bool], allowed: str) -> Callable[[str], _N]:
    """A parser of numbers that fit; `allowed` says which do."""

    def checked(text: str) -> _N:
        try:
            value = parse(text)
        except ValueError:
            raise ValueError(allowed) from None
        if not fits(value):
            raise ValueError(allowed)
        return value

    return checked


port = number(int, lambda value: 0 <= value <= 65_535, "a port is 0 to 65535")
positive_int = number(int, lambda value: value >= 1, "must be 1 or more")
count = number(int, lambda value: value >= 0, "must be 0 or more")
seconds = number(float, lambda value: 0 <= value < math.inf, "must be 0 or more seconds")
positive_seconds = number(float, lambda value: 0 < value < math.inf, "must be more than 0 seconds")
_level_db = number(float, lambda value: -40 <= value <= -6, "must be none, or between -40 and -6 dB")


def optional_port(text: str) -> int | None:
    """0 is no endpoint. In the code None stands for that, and 0 for a port that the system chooses."""
    return port(text) or None


def url_prefix(text: str) -> str:
    """A path such as `/tts`, without the slash behind it; empty for none."""
    prefix = text.rstrip("/")
    if prefix and not (prefix.startswith("/") and prefix.isascii() and prefix == quote(prefix)):
        raise ValueError("must be a path such as /tts")
    return prefix


def count_or_auto(text: str) -> int | None:
    """A number, or `auto`. In the code None stands for that."""
    return None if text == "auto" else count(text)


def optional_level_db(text: str) -> float | None:
    """`none` or a level."""
    return None if text == "none" else _level_db(text)


def switch(text: str) -> bool:
    """On or off."""
    value = text.strip().lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise ValueError("must be true or false")


def choice(*allowed: str) -> Callable[[str], str]:
    """A parser of these words."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def path(text: str) -> Path:
    """A path; `~` is the home directory."""
    return Path(text).expanduser()


def optional_path(text: str) -> Path | None:
    """`none` or a path."""
    return None if text == "none" else path(text)


def networks(text: str) -> str:
    """Addresses or networks with commas, as they stand."""
    for each in text.split(","):
        try:
            ipaddress.ip_network(each.strip())
        except ValueError:
            raise ValueError("must be addresses or networks with commas, such as 10.0.0.5,10.1.0.0/16") from None
    return text


def redis_url(text: str) -> str:
    """A URL of Redis, as it stands."""
    allowed = "must be a URL such as redis://127.0.0.1:6379/0 (or rediss://, unix://)"
    try:
        url = urlsplit(text)
        given_port = url.port
    except ValueError:
        raise ValueError(allowed) from None
    if url.scheme not in ("redis", "rediss", "unix") or given_port == 0:
        raise ValueError(allowed)
    return text


def http_url(text: str) -> str:
    """A URL of HTTP, as it stands."""
    try:
        url = urlsplit(text)
        given_port = url.port
    except ValueError:
        raise ValueError(_HTTP_URL) from None
    if url.scheme not in ("http", "https") or not url.hostname or given_port == 0:
        raise ValueError(_HTTP_URL)
    return text


def traces_url(text: str) -> str:
    """A URL of OTLP over HTTP, as it stands. The packages that speak it have to be there."""
    http_url(text)
    _need(_EXPORTER, "requirements-tracing.txt")
    return text


def wyoming_port(text: str) -> int | None:
    """As `optional_port`. The package that speaks the protocol has to be there."""
    value = optional_port(text)
    if value is not None:
        _need("wyoming", _WYOMING)
    return value


def announcement(text: str) -> bool:
    """On or off. The package for it has to be there."""
    value = switch(text)
    if value:
        _need("zeroconf", _WYOMING)
    return value


def _need(package: str, requirements: str) -> None:
    try:
        found = find_spec(package) is not None
    except ImportError:  # not even the package that it is in
        found = False
    if not found:
        raise ValueError(f"package {package} is missing: pip install -c constraints.txt -r {requirements}")
