"""How SSML writes pitch, range and volume; pure.

pitch    +20%   -3st   +10Hz   180Hz   x-low low medium high x-high default
range    +50%   -50%   x-low low medium high x-high default
volume   +6dB   +20%   +10   60   silent x-soft soft medium loud x-loud default
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from telephony.speech import NEUTRAL, Intonation

MAX_VOLUME = 4.0
"""The loudest, as a factor: 12 dB."""

_SEMITONES = {"x-low": -6, "low": -3, "medium": 0, "default": 0, "high": 3, "x-high": 6}
_RANGES = {"x-low": 0.25, "low": 0.6, "medium": 1.0, "default": 1.0, "high": 1.4, "x-high": 2.0}
_DECIBELS = {"x-soft": -12, "soft": -6, "medium": 0, "default": 0, "loud": 6, "x-loud": 12}
_WIDEST = 2.0
_NUMBER = re.compile(r"([+-]?)(\d{1,4}(?:\.\d{1,3})?)(%|st|Hz|dB|)", re.IGNORECASE)


def pitch(value: str) -> Intonation:
    """The intonation of a pitch.

    Raises:
        ValueError: it is none. The message says what one is.
    """
    if value in _SEMITONES:
        return _in_semitones(_SEMITONES[value])
    sign, number, unit = _parts(value)
    if unit == "%" and sign:
        return Intonation(pitch=max(0.0, 1 + number / 100))
    if unit == "st" and sign:
        return _in_semitones(number)
    if unit == "hz":
        return Intonation(shift_hz=number) if sign else Intonation(middle_hz=number)
    raise ValueError(f"a pitch is such as +20%, -3st, +10Hz or 180Hz, or one of {_names(_SEMITONES)}")


def pitch_range(value: str) -> Intonation:
    """The intonation of a range: how far the pitch moves, of the voice's own.

    Raises:
        ValueError: it is none. The message says what one is.
    """
    if value in _RANGES:
        return Intonation(range=_RANGES[value])
    sign, number, unit = _parts(value)
    if unit != "%" or not sign:
        raise ValueError(f"a range is such as +50% or -50%, or one of {_names(_RANGES)}")
    return Intonation(range=min(_WIDEST, max(0.0, 1 + number / 100)))


def volume(value: str, outer: float = 1.0) -> float:
    """How loud, as a factor of the sound: a number alone is of 100, and not of what is around it.

    Args:
        value: as it is written.
        outer: the volume around it.

    Raises:
        ValueError: it is none. The message says what one is.
    """
    if value == "silent":
        return 0.0
    if value in _DECIBELS:
        return min(MAX_VOLUME, outer * _amplitude(_DECIBELS[value]))
    sign, number, unit = _parts(value)
    if unit == "db":
        return min(MAX_VOLUME, outer * _amplitude(number))
    if unit == "%" and sign:
        return min(MAX_VOLUME, max(0.0, outer * (1 + number / 100)))
    if unit == "" and sign:
        return min(MAX_VOLUME, max(0.0, outer + number / 100))
    if unit == "" and number <= 100:
        return number / 100
    raise ValueError(f"a volume is such as +6dB, +20%, +10, or 0 to 100, or silent, or one of {_names(_DECIBELS)}")


def _in_semitones(number: float) -> Intonation:
    return NEUTRAL if number == 0 else Intonation(pitch=2.0 ** (number / 12))


def _amplitude(decibels: float) -> float:
    return float(10 ** (min(100.0, decibels) / 20))


def _parts(value: str) -> tuple[str, float, str]:
    """Sign, signed number and unit; a unit that there is not where it is no number."""
    match = _NUMBER.fullmatch(value.strip())
    if match is None:
        return "", 0.0, "?"
    return match[1], float(match[1] + match[2]), match[3].lower()


def _names(known: Mapping[str, float]) -> str:
    return ", ".join(known)
