"""Who speaks a text: engine, voice and rate, out of what a client asks for and what there is."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from telephony.engines.base import Engine, UnknownVoiceError, Voice
from telephony.engines.kokoro.languages import LANGUAGES

ALIASES = {"female": ("af_aoede", "F1"), "male": ("am_michael", "M1")}
"""Names for clients that do not care which, and whom they mean: the first one that there is."""

SUPERTONIC = "supertonic"
"""An engine that is not always there."""

SUPERTONIC_VOICES = frozenset(f"{kind}{number}" for kind in "FM" for number in range(1, 6))
"""Its speakers, whether or not it is."""


@dataclass(frozen=True)
class Selection:
    """Who speaks the texts that arrive now."""

    engine: Engine
    voice: str
    speed: float


@dataclass(frozen=True)
class VoiceWish:
    """What a client asks for: a voice by name or alias, a language (Kokoro's letter or a BCP 47 tag), a rate of speech,
    an engine by name.

    None leaves it to the service.
    """

    voice: str | None = None
    language: str | None = None
    speed: float | None = None
    engine: str | None = None


def choose(wish: VoiceWish, current: Selection, engines: Sequence[Engine]) -> Selection:
    """The selection for a client's wish; what it leaves open is as `current`.

    Args:
        current: who speaks if nothing is asked for.
        engines: where to look for the voice, in this order.

    Raises:
        UnknownVoiceError: there is no such voice or engine, or none of that language, or the voice speaks another.
    """
    speed = current.speed if wish.speed is None else wish.speed
    offers = [(engine, voice) for engine in engines for voice in engine.voices() if wish.engine in (None, engine.name)]
    if not offers:
        raise UnknownVoiceError(f"engine {wish.engine!r:.100} is not loaded: GET /v1/voices lists what there is")
    if wish.voice is None:
        # Stable: the voice of the moment comes first, the others in their order.
        offers.sort(key=lambda offer: (offer[0] is not current.engine, offer[1].name != current.voice))
        named = offers
    else:
        names = ALIASES.get(wish.voice, (wish.voice,))
        named = [offer for name in names for offer in offers if name in (offer[1].name, offer[1].speaker)]
        if not named:
            raise UnknownVoiceError(f"unknown voice {wish.voice[:100]!r}: GET /v1/voices lists what there is")
    for engine, voice in named:
        if wish.language is None or speaks(voice, wish.language):
            return Selection(engine, voice.name, speed)
    who = "no voice speaks" if wish.voice is None else f"voice {wish.voice[:100]} does not speak"
    raise UnknownVoiceError(f"{who} {wish.language!r:.100}")


def substitute(failed: Selection, engines: Sequence[Engine]) -> Selection | None:
    """Who speaks in place of an engine that fails: a voice of the same language, and region if there is one.

    Args:
        failed: the selection that cannot speak.
        engines: where to look for a voice, in this order.
    """
    language = next((voice.language for voice in failed.engine.voices() if voice.name == failed.voice), "")
    for wanted in (language, language.partition("-")[0]):
        with contextlib.suppress(UnknownVoiceError):
            return choose(VoiceWish(language=wanted), failed, engines)
    return None


def speaks(voice: Voice, language: str) -> bool:
    """Whether a voice speaks a language: `p`, `pt` and `pt-BR` are all Brazilian Portuguese."""
    wanted = LANGUAGES.get(language, language).lower().replace("_", "-")
    spoken = voice.language.lower().replace("_", "-")
    # A voice without a region speaks for all of its language.
    return spoken == wanted or spoken.startswith(wanted + "-") or wanted.startswith(spoken + "-")
