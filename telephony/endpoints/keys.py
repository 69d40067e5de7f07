"""The keys of the HTTP and WebSocket doors, and how clients show one."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from urllib.parse import parse_qs

from starlette.types import Scope

# Ours, and those that clients of other services send.
_HEADERS = (b"x-api-key", b"xi-api-key", b"x-vapi-secret")


class Keys:
    """The keys of the doors.

    Args:
        text: the keys, with commas between them; empty for none.
    """

    def __init__(self, text: str) -> None:
        self._digests = [_digest(key.strip().encode()) for key in text.split(",") if key.strip()]

    @property
    def required(self) -> bool:
        """Whether there is any key."""
        return bool(self._digests)

    def find(self, presented: bytes) -> int | None:
        """Which key this is; None for a wrong one. Takes as long for one as for the other."""
        digest = _digest(presented)
        found = None
        for number, known in enumerate(self._digests):
            if hmac.compare_digest(digest, known):
                found = number
        return found


def presented(scope: Scope) -> Iterator[bytes]:
    """Every key that a request shows."""
    for name, value in scope["headers"]:
        if name in _HEADERS:
            yield value
        elif name == b"authorization":
            kind, _, key = value.partition(b" ")
            if kind.lower() in (b"bearer", b"token"):
                yield key.strip()
            elif kind.lower() == b"basic":  # all that a PBX can be told to send: the key is the password
                yield _password(key)
    for text in socket_query(scope, "api_key"):  # of older clients: proxies log it
        yield text.encode()


def _password(credentials: bytes) -> bytes:
    """The password of Basic credentials; empty where they are none."""
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except ValueError:
        return b""


def socket_query(scope: Scope, name: str) -> list[str]:
    """What the address of a WebSocket says: a browser cannot give it headers."""
    if scope["type"] != "websocket":
        return []
    return parse_qs(scope["query_string"].decode("latin-1")).get(name, [])


def _digest(key: bytes) -> bytes:
    """Of one length whatever the key's, so that a comparison does not tell it."""
    return hashlib.sha256(key).digest()
