"""What agents say at the doors of streaming protocols, and what is to be heard of it."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from websockets.sync.client import connect

from telephony.audio.samples import to_pcm16
from tests.clients import tone

NEVER_MS = 600_000
"""A debounce that no test waits for."""

TOKENS = ("Hel", "lo the", "re, caller. ", "How", " are", " you to", "day?")
SENTENCES = ("Hello there, caller.", "How are you today?")
"""What the tokens are."""

KEY = "correct horse"


def pcm(*segments: str) -> bytes:
    """What the tone engine says for segments."""
    return b"".join(to_pcm16(tone(segment)) for segment in segments)


Socket = TypeVar("Socket", bound="TypedSocket")


class TypedSocket:
    """A connection of a protocol whose messages are JSON objects with a `type`. `with` closes it.

    Args:
        address: of the door.
        text: the type of a piece of text.
    """

    def __init__(self, address: str, text: str) -> None:
        self.socket = connect(address)
        self._text = text

    def __enter__(self: Socket) -> Socket:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, kind: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **fields}))

    def say(self, *texts: str) -> None:
        for text in texts:
            self.send(self._text, text=text)
