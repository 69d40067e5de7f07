"""Recipes of blended voices: `af_aoede+af_aoede+af_nicole` or `af_aoede*0.6+af_nicole*0.4`; pure.

Weights are relative and repeats add up. A blend speaks the language of its heaviest voice, of several as heavy that of
the one named first. `af_sky~am_michael` has the sound of one voice and the prosody of another, which is its rhythm and
its melody; each of the two may be a blend. It speaks the language of the sound.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from telephony.engines.base import UnknownVoiceError, UnusableVoiceError
from telephony.speech import Voice

MAX_CHARS = 200
"""The longest recipe."""

_MAX_VOICES = 8
# Of a canonical form, which has to be a recipe itself.
_MAX_WEIGHT = 1_000_000
_TERM = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)(?:\*(\d{1,7}(?:\.\d{1,3})?))?")


@dataclass(frozen=True)
class Recipe:
    """A blend of voices. `str()` of it is its canonical form, the same for all recipes of one sound and language.

    Attributes:
        parts: (voice, weight), the heaviest first, each voice once; weights are whole and have no common divisor.
        prosody: the same of whose prosody it is; empty where it is that of `parts`.
    """

    parts: tuple[tuple[str, int], ...]
    prosody: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        return _written(self.parts) + (f"~{_written(self.prosody)}" if self.prosody else "")

    @property
    def voices(self) -> list[str]:
        """All that it is made of, each once."""
        return list(dict.fromkeys(voice for voice, _ in self.parts + self.prosody))

    def shares(self) -> list[tuple[str, float]]:
        """(voice, share) of the sound, the heaviest first; shares add up to 1."""
        return _shares(self.parts)

    def prosody_shares(self) -> list[tuple[str, float]]:
        """As `shares`, of the prosody."""
        return _shares(self.prosody or self.parts)


def _written(parts: Sequence[tuple[str, int]]) -> str:
    return "+".join(voice if weight == 1 else f"{voice}*{weight}" for voice, weight in parts)


def _shares(parts: Sequence[tuple[str, int]]) -> list[tuple[str, float]]:
    total = sum(weight for _, weight in parts)
    return [(voice, weight / total) for voice, weight in parts]


def is_recipe(name: str) -> bool:
    """Whether a name of a voice is meant as a recipe."""
    return any(sign in name for sign in "+*~")


@lru_cache(maxsize=256)
def parse(text: str) -> Recipe:
    """The recipe that a text stands for; a voice alone is one, too.

    Raises:
        UnusableVoiceError: it is malformed, too long (also in its canonical form) or has too many voices; the message
            says which part.
    """
    if len(text) > MAX_CHARS:
        raise UnusableVoiceError(f"a recipe has at most {MAX_CHARS} characters")
    sound, divided, prosody = text.partition("~")
    parts, others = _parts(sound), _parts(prosody) if divided else ()
    recipe = Recipe(parts, () if others == parts else others)
    if len(str(recipe)) > MAX_CHARS:
        raise UnusableVoiceError(f"a recipe has at most {MAX_CHARS} characters, this one is {recipe} in whole weights")
    return recipe


def _parts(text: str) -> tuple[tuple[str, int], ...]:
    weights: dict[str, Fraction] = {}
    for term in text.split("+"):
        match = _TERM.fullmatch(term)
        if match is None:
            raise UnusableVoiceError(f"{term!r} is no part of a recipe: a part is VOICE or VOICE*WEIGHT, such as a*0.6")
        weight = Fraction(match[2] or 1)
        if not weight:
            raise UnusableVoiceError(f"{term!r}: a weight is more than 0")
        weights[match[1]] = weights.get(match[1], Fraction(0)) + weight
    if len(weights) > _MAX_VOICES:
        raise UnusableVoiceError(f"a recipe has at most {_MAX_VOICES} voices, this one has {len(weights)}")
    scale = math.lcm(*(weight.denominator for weight in weights.values()))
    divisor = math.gcd(*(int(weight * scale) for weight in weights.values()))
    if max(weights.values()) * scale / divisor > _MAX_WEIGHT:
        raise UnusableVoiceError("the weights of a recipe are too unlike")
    leader = max(weights, key=weights.__getitem__)  # of several the first
    order = sorted(weights, key=lambda voice: (-weights[voice], voice != leader, voice))
    return tuple((voice, int(weights[voice] * scale) // divisor) for voice in order)


def find(
    name: str, voices: Mapping[str, Voice], named: Mapping[str, Recipe], unusable: Mapping[str, str] | None = None
) -> Voice:
    """The voice that a name stands for: one of `voices`, a named blend, or a recipe. A blend's name is its recipe.

    Args:
        voices: what can be blended.
        named: blends that have a name.
        unusable: further voices, and why they cannot be used.

    Raises:
        UnusableVoiceError: no recipe, or one with a voice that is unknown or cannot be used.
        UnknownVoiceError: no such voice.
    """
    reasons = unusable or {}
    if name in voices:
        return voices[name]
    if name in reasons:
        raise UnusableVoiceError(reasons[name])
    recipe = named.get(name)
    if recipe is None and not is_recipe(name):
        known = [*voices, *named]
        raise UnknownVoiceError(f"unknown voice {name[:MAX_CHARS]!r}, known are {' '.join(known)}", name, known)
    recipe = recipe or parse(name)
    for voice in recipe.voices:
        if voice not in voices:
            if voice in reasons:
                raise UnusableVoiceError(reasons[voice])
            raise UnusableVoiceError(f"the blend {name} has an unknown voice, {voice!r}", voice, voices)
    leader, _ = recipe.parts[0]
    return dataclasses.replace(voices[leader], name=str(recipe), description=None, grade=None)
