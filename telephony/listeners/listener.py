"""Somebody who is spoken to: the state that a telephone call and a session have in common, without I/O."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence

import structlog

from telephony.scheduling.queues import Receiver, Request, always
from telephony.scheduling.scheduler import Scheduler
from telephony.telemetry.metrics import Metrics
from telephony.text import lexicon
from telephony.text.lexicon import Lexicon, Pronounce
from telephony.text.script import Script
from telephony.voices import ALIASES, ResolvedVoice, casting

log = structlog.get_logger()


class Listener:
    """Texts that are said in order, each in an epoch of its own; an interruption ends all epochs begun before it.

    Any thread. Whoever has to decide first whether to interrupt, or to change something else with it, holds `lock`
    from the decision to the interruption: what is said next can neither be hit by it nor slip past.

    Args:
        receiver: takes the windows, each with the epoch of its text.
        door: where the listener came in, for the metrics.
        max_queued_bytes: of text waiting before `say` waits; None: never, the door bounds what waits.
        takes_audio: see `Scheduler.open_queue`.
        pronounce: the service's lexicon; see `Script.slices`.
        aliases: other names of voices, for documents that name one.
        code_rate: see `Script.slices`.
    """

    def __init__(
        self,
        receiver: Receiver,
        scheduler: Scheduler,
        metrics: Metrics,
        door: str,
        *,
        max_queued_bytes: int | None = None,
        takes_audio: Callable[[], bool] = always,
        pronounce: Pronounce = lexicon.as_it_is,
        aliases: Mapping[str, Sequence[str]] = ALIASES,
        code_rate: float = 1.0,
    ) -> None:
        self.lock: threading.Condition = scheduler.changed
        self._metrics = metrics
        self._pronounce = pronounce
        self._aliases = aliases
        self._code_rate = code_rate
        self._queue = scheduler.open_queue(receiver, max_queued_bytes, door, takes_audio=takes_audio)
        self._epochs = itertools.count()
        self._ended = next(self._epochs)

    @property
    def silent(self) -> bool:
        """Whether the listener hears nothing and has nothing coming."""
        return self._queue.silent

    @property
    def awaits_engine(self) -> bool:
        """Whether there is something to say and room for it: if nothing moves, others are served."""
        with self.lock:
            return self._queue.working

    def begin_epoch(self) -> int:
        """The epoch of a text that has come at this moment."""
        return next(self._epochs)

    def is_current(self, epoch: int) -> bool:
        """Whether audio of that epoch may still be heard, as far as interruptions go."""
        return epoch > self._ended

    def request(
        self,
        script: Script,
        selection: ResolvedVoice,
        epoch: int,
        *,
        whole: bool = False,
        exact: bool = False,
        keep: bool = False,
        request_id: str = "",
        pronunciations: Lexicon = lexicon.EMPTY,
        lead_silence_s: float = 0.0,
    ) -> Request:
        """What `say` takes.

        Args:
            script: of any length.
            selection: engine, voice, rate and language.
            epoch: see `begin_epoch`.
            whole: sentences stay together for the prosody of one pass; only where nothing leaves before the end.
            exact: the model's own output, silence included, however late it begins.
            keep: whether its phrases are kept with the prerendered ones.
            request_id: for the request log.
            pronunciations: of the client, ahead of the service's.
            lead_silence_s: silence in front of a text that begins when nothing is playing, in seconds.
        """

        def pronounce(text: str, language: str) -> str:
            return self._pronounce(pronunciations.pronounce(text, language), language)

        language, silent, cast = selection.read_in, self.silent, casting(selection, self._aliases)
        quick, code_rate = silent and not exact, self._code_rate
        return Request(
            script.whole(language, pronounce=pronounce, cast=cast, code_rate=code_rate)
            if whole
            else script.slices(language, quick=quick, pronounce=pronounce, cast=cast, code_rate=code_rate),
            selection.engine,
            selection.voice,
            selection.speed,
            epoch,
            script.size_bytes,
            exact=exact,
            language=selection.language,
            intonation=selection.intonation,
            volume=selection.volume,
            keep=keep,
            lead_silence_s=lead_silence_s if silent else 0.0,
            request_id=request_id,
            call=str(self._queue.receiver),
        )

    def say(self, request: Request, wanted: Callable[[], bool] = always) -> bool:
        """Queues a text behind those said before; waits while too much text is waiting.

        Args:
            request: made by `request`.
            wanted: asked in the moment of queueing, with the lock held; must return at once.

        Returns:
            Whether it will be spoken: not if nothing in it can be, nor if it was interrupted or is not wanted.

        Raises:
            QueueClosedError: the listener was closed, before or while waiting.
        """
        if request.progress.exhausted:
            self._metrics.texts_silent.inc()
            log.debug("nothing_to_say", call=str(self._queue.receiver))
            return False
        self._metrics.texts.inc()
        return self._queue.put(request, lambda: self.is_current(request.epoch) and wanted())

    def interrupt(self) -> int:
        """Ends all epochs that have begun: nothing said before this moment will be heard any more.

        Returns:
            The last one of these.
        """
        with self.lock:
            ended = self._ended = self.begin_epoch()
            self._queue.clear()
        return ended

    def cancel(self, request: Request) -> None:
        """Drops one text; what was queued behind it is next. Nothing if it is done already."""
        self._queue.drop(request)

    def wait_idle(self, timeout_s: float) -> bool:
        """Waits until all text has been synthesised; False if that took longer than `timeout_s` seconds."""
        return self._queue.wait_idle(timeout_s)

    def close(self) -> None:
        """Interrupts for good, and releases whoever waits in `say`."""
        with self.lock:
            self._ended = self.begin_epoch()
            self._queue.close()
