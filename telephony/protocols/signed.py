"""Messages with a MAC, sans-I/O: who does not know the secret can neither forge one nor repeat one.

A message is its MAC, a time, a nonce, and a body. Both ends have the same secret and, to within seconds, the same time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
from collections import OrderedDict

MAX_SKEW_S = 30.0
"""How far the time of a message may be from its receiver's."""
MAX_SEEN = 16_384
"""Messages that a receiver remembers, for twice `MAX_SKEW_S` at most."""

_MAC_BYTES = 32
_HEADER = struct.Struct(">Q16s")  # milliseconds since 1970, nonce


class RefusedError(ValueError):
    """A message that none of those who know the secret has sent, or that was received before."""


class SignedMessages:
    """Signs messages and opens those of others. `sign` may be called from any thread, `open` from one.

    Args:
        purpose: keeps apart what one secret signs.
        secret: of all who send and receive.

    `now_s` is the time, in seconds since 1970.
    """

    def __init__(self, purpose: str, secret: str) -> None:
        self._key = hashlib.sha256(f"{purpose}:{secret}".encode()).digest()
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    def sign(self, body: bytes, now_s: float) -> bytes:
        """A message that can be opened once at each receiver."""
        signed = _HEADER.pack(round(now_s * 1000), secrets.token_bytes(16)) + body
        return self._mac(signed) + signed

    def open(self, message: bytes, now_s: float) -> bytes:
        """The body of a message.

        Raises:
            RefusedError: its MAC is wrong, its time is too far from now, or it was opened before.
        """
        mac, signed = message[:_MAC_BYTES], message[_MAC_BYTES:]
        if len(signed) < _HEADER.size or not hmac.compare_digest(mac, self._mac(signed)):
            raise RefusedError("its MAC is wrong: the secrets differ, or a stranger wrote it")
        age_s = now_s - _HEADER.unpack_from(signed)[0] / 1000
        if abs(age_s) > MAX_SKEW_S:
            raise RefusedError(f"it is {age_s:.0f} s old: the clocks differ, or it was repeated")
        if mac in self._seen:
            raise RefusedError("it was repeated")
        self._remember(mac, now_s)
        return signed[_HEADER.size :]

    def _mac(self, signed: bytes) -> bytes:
        return hmac.digest(self._key, signed, "sha256")

    def _remember(self, mac: bytes, now_s: float) -> None:
        self._seen[mac] = now_s + 2 * MAX_SKEW_S
        while next(iter(self._seen.values())) < now_s or len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)
