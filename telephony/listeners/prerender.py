"""Phrases of the configuration, rendered behind a service that has started, so that nobody waits for them later."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import structlog

from telephony.cache.prerender import PhraseRequest, prerender
from telephony.engines.base import SynthesisError
from telephony.listeners.session import SessionPolicy
from telephony.scheduling.queues import Request, Window
from telephony.scheduling.scheduler import Scheduler
from telephony.speech import Segment
from telephony.text.script import Script
from telephony.voices import ResolvedVoice, VoiceRequest, casting

log = structlog.get_logger()

DOOR = "prerender"
_MAX_QUEUED_BYTES = 2**20


class Prerenderer:
    """A listener in the background, whose only gain is what the phrase cache keeps. `start` once, `stop` once.

    Args:
        phrases: what to say.
        find: engine and voice for a wanted, to read a script; it raises UnknownVoiceError where there is none, and
            UnreadableTextError.
        policy: has the service's lexicon, other names of voices, and the rate of codes.
        whole: the telephone's replies leave as one frame, for which sentences stay together.
        exact: the telephone has the model's own output, sentence by sentence.
    """

    def __init__(
        self,
        phrases: Sequence[PhraseRequest],
        scheduler: Scheduler,
        find: Callable[[VoiceRequest, Script], ResolvedVoice],
        policy: SessionPolicy,
        *,
        whole: bool,
        exact: bool,
    ) -> None:
        self._phrases = phrases
        self._pronounce = policy.pronounce
        self._aliases = policy.aliases
        self._code_rate = policy.code_rate
        self._find = find
        self._whole = whole
        self._exact = exact
        self._queue = scheduler.open_queue(self, _MAX_QUEUED_BYTES, DOOR, background=True)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=DOOR)

    def __str__(self) -> str:
        return DOOR

    def start(self) -> None:
        """Begins; progress is in the log."""
        self._thread.start()

    def stop(self) -> None:
        """Leaves the rest unsaid."""
        self._stopping.set()
        self._queue.close()
        if self._thread.is_alive():
            self._thread.join()

    # The scheduler's side (Receiver)

    def has_room(self) -> bool:
        """Always."""
        return True

    def deliver(self, window: Window) -> None:
        """Nobody listens."""

    def _run(self) -> None:
        prerender(self._phrases, self._say, self._stopping.is_set)

    def _say(self, wanted: PhraseRequest) -> bool:
        """Has a phrase made in every way in which a door may ask for it; whether any of them was missing."""
        script = Script.lenient(wanted.text)
        selection = self._find(VoiceRequest(wanted.voice, wanted.language, wanted.speed), script)
        worked_s = 0.0
        for division, exact in self._ways(script, selection):
            request = Request(
                division,
                selection.engine,
                selection.voice,
                selection.speed,
                0,
                script.size_bytes,
                exact=exact,
                language=selection.language,
                intonation=selection.intonation,
                volume=selection.volume,
                keep=True,
            )
            if request.progress.exhausted:
                raise SynthesisError("there is nothing to say in it")
            self._queue.put(request)
            self._queue.wait_idle()
            if request.current.failed_engine is not None:
                raise SynthesisError(f"{request.current.failed_engine} failed; what another engine says is not kept")
            if request.measured.failure is not None:
                raise SynthesisError(request.measured.failure)
            worked_s += request.measured.engine_s
        return worked_s > 0

    def _ways(self, script: Script, selection: ResolvedVoice) -> Iterator[tuple[Iterator[Segment | None], bool]]:
        """Segments, and whether they are exact. What two ways have in common is found by the second one."""
        language, pronounce, cast = selection.read_in, self._pronounce, casting(selection, self._aliases)
        read = partial(script.read, language, pronounce=pronounce, cast=cast, code_rate=self._code_rate)
        yield read(quick=True), False
        yield read(), False
        if self._whole:
            yield script.whole(language, pronounce=pronounce, cast=cast, code_rate=self._code_rate), True
        if self._exact:
            yield read(), True
