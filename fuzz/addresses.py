"""Addresses of sounds, and the headers beside them: whatever they say, it is understood, ignored or refused."""

from __future__ import annotations

import contextlib

from telephony.protocols import byte_ranges, custom_speech
from telephony.protocols.byte_ranges import UnsatisfiableError
from telephony.protocols.messages import MessageError
from telephony.protocols.sound_url import SignatureError, UrlSigner

_SIGNER = UrlSigner("the key")
_SIZE = 1000


def check(data: bytes) -> None:
    """The text is a query, a Range header and an Accept header. Nobody but the key can have signed the query."""
    text = data.decode("latin-1")
    with contextlib.suppress(SignatureError):
        if _SIGNER.signed_by("/say.wav", text, 0.0) is not None:
            raise AssertionError("forged")
    with contextlib.suppress(UnsatisfiableError):
        positions = byte_ranges.wanted(text, _SIZE)
        assert positions is None or (len(positions) and positions.stop <= _SIZE)
    byte_ranges.is_known(text, '"tag"')
    with contextlib.suppress(MessageError):
        assert custom_speech.accepted(text)[0] in custom_speech.FORMATS.values()
