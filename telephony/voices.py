"""Who speaks a text: engine, voice and rate, out of what a client asks for and what there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telephony.engines.base import Engine, UnknownVoiceError, Voice
from telephony.engines.kokoro.languages import LANGUAGES

ALIASES = {"female": "af_aoede", "male": "am_michael"}
"""Names for clients that do not care which."""


@dataclass(frozen=True)
class Selection:
    """Who speaks the texts that arrive now."""

    engine: Engine
    voice: str
    speed: float


@dataclass(frozen=True)
class VoiceWish:
    """What a client asks for: a voice by name or alias, a language (Kokoro's letter or a BCP 47 tag), a rate of speech.

    None leaves it to the service.
    """

    voice: str | None = None
    language: str | None = None
    speed: float | None = None


def choose(wish: VoiceWish, current: Selection, engines: Sequence[Engine]) -> Selection:
    """The selection for a client's wish; what it leaves open is as `current`.

    Args:
        current: who speaks if nothing is asked for.
        engines: where to look for the voice, in this order.

    Raises:
        UnknownVoiceError: there is no such voice, or none of that language, or the voice speaks another language.
    """
    speed = current.speed if wish.speed is None else wish.speed
    offers = [(engine, voice) for engine in engines for voice in engine.voices()]
    if wish.voice is None:
        # Stable: the voice of the moment comes first, the others in their order.
        offers.sort(key=lambda offer: (offer[0] is not current.engine, offer[1].name != current.voice))
        named = offers
    else:
        name = ALIASES.get(wish.voice, wish.voice)
        named = [offer for offer in offers if offer[1].name == name]
        if not named:
            raise UnknownVoiceError(f"unknown voice {wish.voice[:100]!r}: GET /v1/voices lists what there is")
    for engine, voice in named:
        if wish.language is None or speaks(voice, wish.language):
            return Selection(engine, voice.name, speed)
    who = "no voice speaks" if wish.voice is None else f"voice {wish.voice[:100]} does not speak"
    raise UnknownVoiceError(f"{who} {wish.language!r:.100}")


def speaks(voice: Voice, language: str) -> bool:
    """Whether a voice speaks a language: `p`, `pt` and `pt-BR` are all Brazilian Portuguese."""
    wanted = LANGUAGES.get(language, language).lower().replace("_", "-")
    spoken = voice.language.lower().replace("_", "-")
    return spoken == wanted or spoken.startswith(wanted + "-")
