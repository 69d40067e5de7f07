"""Segments whose phonemes are being made, beside the engines' own threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from telephony.engines.base import Engine, RemoteEngine, ResumableEngine, Utterance
from telephony.engines.thread import Call
from telephony.scheduling.failover import Failover
from telephony.scheduling.progress import SegmentInWork
from telephony.scheduling.queues import ListenerQueue, Request


@dataclass(frozen=True, eq=False)
class UnderWay:
    """A request whose segment is with its engine's preparation thread; the call ends with the seconds that it took."""

    queue: ListenerQueue
    request: Request
    call: Call[tuple[Utterance, float]]


class Preparation:
    """The calls of `Engine.prepare`, one at a time for each engine. Its methods return at once; one thread owns it.

    Args:
        failover: makes the calls.
        clock: measures them, in seconds.
        on_return: told, by the thread that was called, that one has returned.
    """

    def __init__(self, failover: Failover, clock: Callable[[], float], on_return: Callable[[], None]) -> None:
        self._failover = failover
        self._clock = clock
        self._on_return = on_return
        self._under_way: dict[str, UnderWay] = {}

    def idle(self, engine: Engine) -> bool:
        """Whether a call may be started."""
        return engine.name not in self._under_way

    def has(self, request: Request) -> bool:
        """Whether its segment is under way."""
        return any(each.request is request for each in self._under_way.values())

    def start(self, queue: ListenerQueue, request: Request, work: SegmentInWork) -> None:
        """Has the segment in work of a request prepared by the request's current engine, which is idle.

        Raises:
            StalledError: the engine does not answer.
        """
        segment, voice = work.segment, request.current.resolved.saying(work.segment)
        engine = voice.engine
        prepare: Callable[[], Utterance]
        said = segment.text, voice.voice, voice.speed, request.exact, voice.language
        if isinstance(engine, RemoteEngine):
            ahead_s = max(0.0, queue.playback_deadline - self._clock())
            prepare = partial(
                engine.open,
                *said,
                intonation=voice.intonation,
                ahead_s=ahead_s,
                on_ready=self._on_return,
                traceparent=work.traceparent,
            )
        else:
            prepare = partial(engine.prepare, *said, intonation=voice.intonation)
            if segment.heard_samples and isinstance(engine, ResumableEngine):
                prepare = partial(_skip, engine, prepare, segment.heard_samples)
        call = self._failover.prepare(engine, partial(self._timed, prepare), self._on_return)
        self._under_way[engine.name] = UnderWay(queue, request, call)

    def take_over(self) -> UnderWay | None:
        """One that has come to its end, well or not, and is not under way any more; None while there is none."""
        for name, each in self._under_way.items():
            if each.call.over:
                return self._under_way.pop(name)
        return None

    def next_overdue_s(self) -> float | None:
        """In how many seconds the first call is to be given up; None if none is under way."""
        return min((each.call.left_s for each in self._under_way.values()), default=None)

    def _timed(self, prepare: Callable[[], Utterance]) -> tuple[Utterance, float]:
        started = self._clock()
        return prepare(), self._clock() - started


def _skip(engine: ResumableEngine, prepare: Callable[[], Utterance], samples: int) -> Utterance:
    utterance = prepare()
    engine.skip(utterance, samples)
    return utterance
