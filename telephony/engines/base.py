"""The contracts between the scheduler and whatever turns text into sound.

The unit of everything above an engine is the *window*: a fraction of a second of audio. An engine that cannot
stream returns the whole utterance as its only window.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, runtime_checkable

from telephony.speech import NEUTRAL, Intonation, MissingVoices, Samples, Voice, Word
from telephony.suggestions import did_you_mean


class SynthesisError(RuntimeError):
    """A text cannot be spoken. The message says why, without the caller's text."""


class UnknownVoiceError(SynthesisError):
    """There is no voice of that name. The message ends with the one of `known` that was probably meant."""

    def __init__(self, message: str, name: str = "", known: Iterable[str] = ()) -> None:
        super().__init__(message)
        self._name = name
        self._known = tuple(known)

    def __str__(self) -> str:
        # Not before it is read: most of these are caught, because another engine has the voice.
        return f"{super().__str__()}{did_you_mean(self._name, self._known)}"


class UnusableVoiceError(UnknownVoiceError):
    """What was named is known, but cannot be used, or is a malformed recipe. The message says what to do."""


class UnspeakableError(SynthesisError):
    """There is nothing to pronounce in a text. Nothing is wrong with the engine."""


class Utterance(Protocol):
    """One segment on its way to becoming sound. From `Engine.prepare` on, only the thread that renders touches it."""

    @property
    def finished(self) -> bool:
        """True once every window has been rendered."""
        ...

    def take_words(self) -> Sequence[Word]:
        """The words whose times have become known since it was last asked, in the order of the text.

        Called after each `render` by the thread that renders. Times may lie behind what has been rendered so far.
        Empty from engines that do not know.
        """
        ...


class Engine(Protocol):
    """Turns segments into windows of audio.

    Thread ownership: `render` is called by the engine's own thread, `prepare` by a preparation thread (`EngineThread`,
    both), at most one call of each at a time, but the two at once. The other members may be read by any thread.
    """

    @property
    def name(self) -> str:
        """Short name for logs and metrics, such as `kokoro`."""
        ...

    @property
    def sample_rate(self) -> int:
        """Rate of every window, in Hz."""
        ...

    @property
    def device(self) -> object:
        """Where it runs; `str()` of it names it, such as `cpu` or `cuda:0`."""
        ...

    @property
    def max_batch(self) -> int:
        """The most utterances that one `render` takes."""
        ...

    def voices(self) -> Sequence[Voice]:
        """Every voice that has a name; the first one is the engine's default."""
        ...

    def revision(self, voice: str) -> str:
        """Changes whenever model or voice are other ones, though their names be the same. Any name, at once.

        For the phrase cache, which adds the revision of this program and of the packages that make phonemes.
        """
        ...

    def level_db(self, voice: str) -> float | None:
        """How loud a voice is, as `audio.SpeechLevel` has it, where that was measured beforehand. Any name, at once.

        For whoever has to choose a gain when only the first window is there: a sentence begins louder than it ends.
        """
        ...

    def find_voice(self, name: str) -> Voice:
        """The voice that a name stands for: one of `voices()`, or a recipe that blends several, where the engine can.

        The name of what is returned is what `prepare` takes, and means the same sound for ever: a blend's recipe.

        Raises:
            UnusableVoiceError: the voice is known but cannot be used, or the recipe is wrong.
            UnknownVoiceError: no such voice.
        """
        ...

    def prepare(
        self,
        text: str,
        voice: str,
        speed: float,
        exact: bool,
        language: str | None = None,
        *,
        intonation: Intonation = NEUTRAL,
    ) -> Utterance:
        """Phonemes for one segment, or less; prosody comes with the first windows, for several utterances at once.

        Runs beside `render`: what both use has to bear that. May take seconds where a model is loaded at first use.

        Args:
            text: what to say; any length, the engine divides what is too long for one pass.
            voice: a name as `find_voice` gives it.
            speed: 1.0 is the voice's own rate; 2.0 twice as fast.
            exact: the model's own output in one piece, silence included, rather than the earliest sound. For replies
                that leave as a whole, and for files.
            language: one of the voice's `other_languages` to read the text in; None for the voice's own.
            intonation: how the voice's pitch is changed. An engine that cannot change it speaks as ever.

        Raises:
            UnknownVoiceError: no such voice.
            UnspeakableError: the text yields no phonemes.
            SynthesisError: the engine failed.
        """
        ...

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        """The next window of each utterance of `batch` (1 to `max_batch`, none of them finished), in that order.

        A window with which an utterance, or a piece of a long one, begins costs the prosody of all of it as well.

        Returns one float32 array of shape [samples] each, in [-1, 1] as the model gives it (it may overshoot).

        Raises:
            SynthesisError: the engine failed; no utterance of the batch can be continued.
        """
        ...


class RemoteUtterance(ABC):
    """An `Utterance` whose windows are made in another process and come by themselves. Any thread."""

    @property
    @abstractmethod
    def ready(self) -> bool:
        """Whether `Engine.render` has something to return or to raise now; until then it is not asked."""

    @abstractmethod
    def cancel(self) -> None:
        """Nobody waits for it any more: no further window is made. Returns at once; may be called twice."""


@runtime_checkable
class RemoteEngine(Protocol):
    """An engine in other processes: it has many texts made at once, and none of its calls waits for the network."""

    def open(
        self,
        text: str,
        voice: str,
        speed: float,
        exact: bool,
        language: str | None,
        *,
        intonation: Intonation = NEUTRAL,
        ahead_s: float,
        on_ready: Callable[[], None],
        traceparent: str = "",
    ) -> Utterance:
        """As `Engine.prepare`, for a `RemoteUtterance`; but what is wrong with the text, `render` raises.

        Args:
            text, voice, speed, exact, language, intonation: see `Engine.prepare`.
            ahead_s: how much its listener has still to hear, in seconds: when it is to be there.
            on_ready: told, by a thread of the engine, that the utterance is `ready`. It must return at once.
            traceparent: of its span; empty for none.
        """
        ...

    def predict_first_audio_s(self) -> float:
        """How long a text would wait for its first window there, in seconds, by what was reported last. Any thread."""
        ...

    def close(self) -> None:
        """Leaves the other processes, when nothing is spoken any more. Any thread."""
        ...


@runtime_checkable
class ResumableEngine(Protocol):
    """An engine that can begin a segment in its middle."""

    def skip(self, utterance: Utterance, samples: int) -> None:
        """Of what it renders of an utterance so many samples are left out at the beginning. Before any `render`.

        The times of words stay those of the whole.
        """
        ...


@runtime_checkable
class Extensible(Protocol):
    """An engine that could have more voices than it has."""

    def missing_voices(self) -> Sequence[MissingVoices]:
        """Those that it lacks, and how to get them. Any thread."""
        ...


@runtime_checkable
class Loadable(Protocol):
    """An engine whose model is loaded by the first `prepare` that needs it, if it was not loaded before."""

    def load(self) -> None:
        """Loads what the first of its `voices()` needs, unless that is there. Takes seconds; any thread.

        Raises:
            SynthesisError: it cannot be loaded.
        """
        ...
