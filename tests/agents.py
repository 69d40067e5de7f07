"""What agents say at the doors of streaming protocols, and what is to be heard of it."""

from __future__ import annotations

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
