"""Which voice reads a text, by what it is written with. A voice of another language would speak gibberish."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from telephony.engines.base import Engine, SynthesisError, UnknownVoiceError
from telephony.text.script import Script
from telephony.text.writing_systems import WritingSystem, writing_system
from telephony.voices import ResolvedVoice, VoiceRequest, choose, is_part_of

_HOW_TO_GET = {
    "ja": "pip install -r requirements-ja-zh.txt brings voices that do",
    "zh": "pip install -r requirements-ja-zh.txt brings voices that do",
    "ko": "--supertonic fetch brings voices that do",
}


class UnreadableTextError(SynthesisError):
    """A voice does not read what a text is written with. The message says what to do, without the text."""


def reader_of(script: Script, chosen: ResolvedVoice, engines: Sequence[Engine], *, free: bool) -> ResolvedVoice:
    """Who speaks a text: whoever was chosen, or else, if that is free, a voice of its language.

    Args:
        chosen: who is to speak.
        engines: where to look for another voice, in this order.
        free: whether nobody has asked for this voice, or for its language.

    Raises:
        UnreadableTextError: that voice does not read it, and no other one may, or does.
    """
    system = writing_system(script.beginning)
    spoken = chosen.read_in
    if system is None or not spoken or any(is_part_of(spoken, language) for language in system.languages):
        return chosen
    other = _voice_for(system, chosen, engines)
    if other is not None and free:
        return other
    what_to_do = how_to_get(system) if other is None else f"ask for one that does, such as {other.voice}"
    raise UnreadableTextError(
        f"the text is written in {system.name}, which voice {chosen.voice} ({spoken}) does not read: {what_to_do}"
    )


def how_to_get(system: WritingSystem) -> str:
    """What brings voices that read it."""
    return _HOW_TO_GET.get(system.languages[0], "--piper-voices brings voices that do")


def _voice_for(system: WritingSystem, chosen: ResolvedVoice, engines: Sequence[Engine]) -> ResolvedVoice | None:
    for language in system.languages:
        with contextlib.suppress(UnknownVoiceError):
            return choose(VoiceRequest(language=language), chosen, engines)
    return None
