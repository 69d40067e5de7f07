"""Who speaks a text: engine, voice and rate, out of what a client asks for and what there is."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from telephony.engines.base import Engine, UnknownVoiceError, UnusableVoiceError
from telephony.engines.kokoro.languages import LANGUAGES
from telephony.speech import NEUTRAL, Intonation, Segment, Speaker, Voice
from telephony.text.prosody import MAX_VOLUME
from telephony.text.script import Casting

ALIASES = {"female": ("af_aoede", "F1"), "male": ("am_michael", "M1")}
"""Names for clients that do not care which, and whom they mean: the first one that there is."""

ENGINES = ("kokoro", "supertonic", "piper")
"""What clients may ask for, whether or not it is loaded."""

SUPERTONIC = "supertonic"
"""An engine that is not always there."""

SUPERTONIC_VOICES = frozenset(f"{kind}{number}" for kind in "FM" for number in range(1, 6))
"""Its speakers, whether or not it is."""


class UnavailableVoiceError(UnknownVoiceError):
    """The engine that was asked for is known, and not loaded. The message says why, as far as that is known."""


@dataclass(frozen=True)
class ResolvedVoice:
    """Who speaks the texts that arrive now.

    `voice` is as `Engine.find_voice` names it; `language` is the one to read them in, None for the voice's own.
    `volume` is a factor of the sound.
    """

    engine: Engine
    voice: str
    speed: float
    language: str | None = None
    intonation: Intonation = NEUTRAL
    volume: float = 1.0

    def saying(self, segment: Segment) -> ResolvedVoice:
        """The same for a segment, with what its text asks for; another speaker only where the engine is the one."""
        who, speaker = self, segment.speaker
        if speaker is not None and speaker.engine == self.engine.name:
            who = replace(self, voice=speaker.voice, language=speaker.language)
        return replace(
            who,
            speed=segment.speed(self.speed),
            intonation=self.intonation.then(segment.intonation),
            volume=min(MAX_VOLUME, self.volume * segment.volume),
        )

    @property
    def read_in(self) -> str:
        """The BCP 47 tag of the language that texts are read in; empty if the engine has lost the voice meanwhile."""
        if self.language is not None:
            return self.language
        try:
            return self.engine.find_voice(self.voice).language
        except UnknownVoiceError:  # `prepare` will say so
            return ""


@dataclass(frozen=True)
class VoiceRequest:
    """What a client asks for: a voice by name, alias or recipe, a language (Kokoro's letter or a BCP 47 tag), a rate,
    an engine by name, an intonation, a volume.

    None leaves it to the service.
    """

    voice: str | None = None
    language: str | None = None
    speed: float | None = None
    engine: str | None = None
    intonation: Intonation | None = None
    volume: float | None = None


def casting(selection: ResolvedVoice, aliases: Mapping[str, Sequence[str]]) -> Casting:
    """Who says the parts of a text that name a voice or a language: the engine of the rest, as far as it can.

    Args:
        selection: who says the rest.
        aliases: as for `choose`.
    """

    # A long document may name one voice a thousand times.
    @functools.lru_cache(maxsize=32)
    def cast(voice: str | None, language: str | None) -> Speaker | None:
        for name, tag in ((voice or selection.voice, language or selection.language), (voice, None)):
            if name is None:
                continue
            try:
                found = choose(VoiceRequest(name, tag), selection, [selection.engine], aliases)
            except UnknownVoiceError:
                continue
            return Speaker(found.engine.name, found.voice, found.language, found.read_in)
        return None

    return cast


def aliases(female: str, male: str) -> Mapping[str, Sequence[str]]:
    """`ALIASES` with these voices in the place of Kokoro's."""
    return {alias: (voice, *ALIASES[alias][1:]) for alias, voice in (("female", female), ("male", male))}


def choose(
    wanted: VoiceRequest,
    current: ResolvedVoice,
    engines: Sequence[Engine],
    aliases: Mapping[str, Sequence[str]] = ALIASES,
) -> ResolvedVoice:
    """The selection for a client's wanted; what it leaves open is as `current`.

    A voice speaks its own language, and another one if that is asked for with it. A language alone chooses a voice of
    that language, or else one that reads it. A rate that a voice cannot do becomes the nearest one that it can.

    Args:
        current: who speaks if nothing is asked for.
        engines: where to look for the voice, in this order.
        aliases: other names of voices, and whom they mean.

    Raises:
        UnavailableVoiceError: the engine is not loaded.
        UnknownVoiceError: there is no such voice or engine, or none of that language, or the voice does not read the
            language.
    """

    def resolved(engine: Engine, voice: Voice, language: str | None = None) -> ResolvedVoice:
        speed = current.speed if wanted.speed is None else wanted.speed
        speed = min(max(voice.slowest, speed), voice.fastest)
        intonation = current.intonation if wanted.intonation is None else wanted.intonation
        volume = current.volume if wanted.volume is None else wanted.volume
        return ResolvedVoice(engine, engine.find_voice(voice.name).name, speed, language, intonation, volume)

    engines = [engine for engine in engines if wanted.engine in (None, engine.name)]
    if not engines:
        if wanted.engine in ENGINES:
            raise UnavailableVoiceError(f"engine {wanted.engine!r} is not loaded: GET /v1/voices lists what there is")
        raise UnknownVoiceError(
            f"unknown engine {wanted.engine!r:.100}, known are {', '.join(ENGINES)}", wanted.engine or "", ENGINES
        )
    offers = _all(current, engines) if wanted.voice is None else iter(_named(wanted.voice, engines, aliases))
    own, others = itertools.tee(offers)
    for engine, voice in own:
        if wanted.language is None or speaks(voice, wanted.language):
            return resolved(engine, voice)
    for engine, voice in others:
        for language in voice.other_languages:
            if wanted.language is not None and is_part_of(language, wanted.language):
                return resolved(engine, voice, language)
    who = "no voice speaks" if wanted.voice is None else f"voice {wanted.voice[:100]} does not speak"
    raise UnknownVoiceError(f"{who} {wanted.language!r:.100}")


def substitute(failed: ResolvedVoice, engines: Sequence[Engine]) -> ResolvedVoice | None:
    """Who speaks in place of an engine that fails: a voice of the same language, and region if there is one.

    Args:
        failed: the selection that cannot speak.
        engines: where to look for a voice, in this order.
    """
    language = failed.read_in
    for wanted in (language, language.partition("-")[0]):
        with contextlib.suppress(UnknownVoiceError):
            return choose(VoiceRequest(language=wanted), failed, engines)
    return None


def speaks(voice: Voice, language: str) -> bool:
    """Whether a language is a voice's own: `p`, `pt` and `pt-BR` are all Brazilian Portuguese."""
    return is_part_of(voice.language, language)


def unknown_voice(name: str, engines: Sequence[Engine]) -> UnknownVoiceError:
    """What a client is told who asks for a voice that none of these engines has."""
    known = [known for engine in engines for voice in engine.voices() for known in (voice.name, voice.speaker) if known]
    return UnknownVoiceError(f"unknown voice {name[:100]!r}: GET /v1/voices lists what there is", name, known)


def _all(current: ResolvedVoice, engines: Sequence[Engine]) -> Iterator[tuple[Engine, Voice]]:
    """Every voice, that of the moment first, then those of its engine."""
    if current.engine in engines:
        yield current.engine, current.engine.find_voice(current.voice)
    for engine in sorted(engines, key=lambda engine: engine is not current.engine):
        for voice in engine.voices():
            yield engine, voice


def _named(name: str, engines: Sequence[Engine], aliases: Mapping[str, Sequence[str]]) -> list[tuple[Engine, Voice]]:
    """The voices that a name stands for. Raises UnknownVoiceError where there is none."""
    offers: list[tuple[Engine, Voice]] = []
    why = ""
    for known, engine in itertools.product(aliases.get(name, (name,)), engines):
        try:
            found = engine.find_voice(known)
        except UnusableVoiceError as error:
            why = str(error)
        except UnknownVoiceError:
            continue
        else:
            same_speaker = [voice for voice in engine.voices() if voice.speaker == known and voice != found]
            offers.extend((engine, voice) for voice in (found, *same_speaker))
    if not offers:
        raise UnknownVoiceError(why) if why else unknown_voice(name, engines)
    return offers


def is_part_of(spoken: str, language: str) -> bool:
    """Whether who speaks one language speaks another one: `speaks`, for a language tag in place of the voice."""
    wanted = LANGUAGES.get(language, language).lower().replace("_", "-")
    spoken = spoken.lower().replace("_", "-")
    # A voice without a region speaks for all of its language.
    return spoken == wanted or spoken.startswith(wanted + "-") or wanted.startswith(spoken + "-")
