"""Addresses that are sounds, signed: who knows one may hear that sound, and nothing else. Without I/O."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlencode

FORMATS = {"say.wav": "wav", "say.mp3": "mp3", "say.ulaw": "mulaw"}
"""The last part of an address, and what the encoders call the format of its sound."""

_MAX_TIME_DIGITS = 15


class SignatureError(ValueError):
    """An address that none of those who know a key has signed, or that has expired."""


class UrlSigner:
    """Signs addresses, and says who has signed one. Any thread.

    The order of the parameters and their encoding are not signed: programs change both.

    Args:
        keys: of the endpoints, with commas between them. The first one signs; all of them are recognised.
    """

    def __init__(self, keys: str) -> None:
        known = [key.strip() for key in keys.split(",") if key.strip()]
        # Not the key itself: what it signs here is nothing that it signs elsewhere.
        self._secrets = [hashlib.sha256(f"sound url:{key}".encode()).digest() for key in known]

    def sign(self, name: str, parameters: Mapping[str, str], expires_s: int | None = None) -> str:
        """An address, from its last part on; not signed where there is no key.

        Args:
            name: one of `FORMATS`.
            parameters: of the sound: `text`, `voice`, `rate`.
            expires_s: until when it holds, in seconds since 1970; None for as long as its key.
        """
        query = dict(parameters) if expires_s is None else {**parameters, "exp": str(expires_s)}
        if self._secrets:
            query["sig"] = _signature(self._secrets[0], name, query.items())
        return f"{name}?{urlencode(query)}"

    def signed_by(self, path: str, query: str, now_s: float) -> int | None:
        """The number of the key that has signed an address; None where it is not signed.

        Args:
            path: whose last part counts: what is before it is a proxy's.
            query: as it came.
            now_s: seconds since 1970.

        Raises:
            SignatureError: it is forged, or has expired.
        """
        parameters = parse_qsl(query, keep_blank_values=True)
        signatures = [value for name, value in parameters if name == "sig"]
        if not signatures:
            return None
        signed = [(name, value) for name, value in parameters if name != "sig"]
        found = None
        for number, secret in enumerate(self._secrets):
            expected = _signature(secret, path.rpartition("/")[2], signed)
            # Each takes as long, whoever has signed, and however much of it is right.
            if hmac.compare_digest(expected.encode(), signatures[-1].encode()):
                found = number
        if found is None:
            raise SignatureError("the signature is wrong: another key has made it, or the address was changed")
        for name, value in signed:
            if name == "exp" and now_s >= expires_s(value):
                raise SignatureError("the address has expired")
        return found


def expires_s(exp: str) -> int:
    """When an address expires, in seconds since 1970; 0 for what is no time."""
    return int(exp) if exp.isascii() and exp.isdecimal() and len(exp) <= _MAX_TIME_DIGITS else 0


def _signature(secret: bytes, name: str, parameters: Iterable[tuple[str, str]]) -> str:
    # JSON keeps the parts apart whatever they contain.
    signed = json.dumps([name, sorted(parameters)])
    return base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).rstrip(b"=").decode()
