"""What happens to an engine that fails: who speaks in its place, and when it is tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

from telephony.engines.base import Engine, RemoteEngine, SynthesisError, UnspeakableError
from telephony.engines.thread import Call, EngineThread, StalledError
from telephony.telemetry.metrics import Metrics
from telephony.voices import ResolvedVoice, substitute

log = structlog.get_logger()

_T = TypeVar("_T")

STALL_S = 30.0
"""Default for how long a call into an engine may take, in seconds."""

_MAX_FAILURES = 3
_FIRST_PAUSE_S = 5.0
_MAX_PAUSE_S = 300.0


class BadAudioError(SynthesisError):
    """An engine returned what is no sound: values that are not finite, none at all, or too few windows."""


def cause(error: Exception) -> str:
    """Why an engine failed, as a label: `stalled`, `bad_audio`, `out_of_memory` or `raised`."""
    if isinstance(error, StalledError):
        return "stalled"
    if isinstance(error, BadAudioError):
        return "bad_audio"
    # torch's own type, wherever a version keeps it; ONNX Runtime says it in the message.
    names = {known.__name__ for known in type(error).__mro__}
    if names & {"MemoryError", "OutOfMemoryError"} or "Failed to allocate memory" in str(error):
        return "out_of_memory"
    return "raised"


class Circuit:
    """Whether an engine that fails is worth another try.

    It is left alone after three failures in a row, or one that cost as much as a stall; then it is tried once. Each
    try that fails doubles the pause, from five seconds to five minutes; one that goes well ends all that.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._pause_s = 0.0
        self._try_again_at = 0.0

    def allows(self, now: float) -> bool:
        """Whether the engine is to be asked; `now` in seconds."""
        return not self._pause_s or now >= self._try_again_at

    def failed(self, now: float, *, costly: bool = False) -> float | None:
        """A call has failed. The pause that begins now, in seconds; None if none does."""
        self._failures += 1
        enough = costly or self._pause_s or self._failures >= _MAX_FAILURES
        if not enough or not self.allows(now):
            return None
        self._pause_s = min(2 * self._pause_s, _MAX_PAUSE_S) or _FIRST_PAUSE_S
        self._try_again_at = now + self._pause_s
        return self._pause_s

    def succeeded(self) -> bool:
        """A call went well. Whether that ends a pause."""
        ended = self._pause_s > 0
        self._failures, self._pause_s = 0, 0.0
        return ended


class Failover:
    """Makes the calls into all engines, and remembers how they went.

    An engine has two threads. `render` belongs to one caller, `prepare` to another, the rest to any thread. Threads and
    circuits are kept by an engine's name: what its library hangs in would hang a second instance as well, and so no
    more threads can be left behind than two for each kind of engine.

    Args:
        engines: those that are loaded, in the order in which they speak for one another.
        stall_s: until a call into an engine is given up, in seconds.
        clock: seconds, monotonic; tests replace it.
    """

    def __init__(
        self,
        metrics: Metrics,
        engines: Callable[[], Sequence[Engine]] = lambda: (),
        stall_s: float = STALL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics = metrics
        self._engines = engines
        self._stall_s = stall_s
        self._clock = clock
        self._rendering: dict[str, EngineThread] = {}
        self._preparing: dict[str, EngineThread] = {}
        self._circuits: dict[str, Circuit] = {}
        self._lock = threading.Lock()
        """Guards the circuits."""

    def render(self, engine: Engine, work: Callable[[], _T]) -> _T:
        """What `work` returns or raises, which renders, in the engine's own thread.

        Raises:
            StalledError: it takes too long, or a call before it still does.
        """
        thread = self._rendering.get(engine.name)
        if thread is None:
            thread = self._rendering[engine.name] = EngineThread(engine.name)
        return thread.run(work, self._stall_s)

    def prepare(self, engine: Engine, work: Callable[[], _T], on_return: Callable[[], None]) -> Call[_T]:
        """Has `work` done, which prepares, in the engine's preparation thread, and returns at once.

        One at a time for each engine. `on_return` is called by that thread when the work has returned.

        Raises:
            StalledError: a call before it takes too long.
        """
        thread = self._preparing.get(engine.name)
        if thread is None:
            thread = self._preparing[engine.name] = EngineThread(engine.name, "prepare")
        return thread.start(work, self._stall_s, on_return)

    def predict_remote_s(self) -> float:
        """How long a text would wait in other processes if the first engine's are there, in seconds; else 0."""
        first = next(iter(self._engines()), None)
        return first.predict_first_audio_s() if isinstance(first, RemoteEngine) else 0.0

    def stalled(self) -> list[str]:
        """Names of the engines that are in a call that was given up."""
        threads = [*list(self._rendering.items()), *list(self._preparing.items())]
        return sorted({name for name, thread in threads if thread.stalled})

    def usable(self, engine: Engine) -> bool:
        """Whether the engine is to be asked, as far as there is another."""
        if engine.name in self.stalled():
            return False
        with self._lock:
            return self._circuit(engine).allows(self._clock())

    def failed(self, engine: Engine, error: Exception) -> None:
        """A call into an engine has failed. A text with nothing to pronounce in it is not the engine's failure."""
        if isinstance(error, UnspeakableError):
            return
        why = cause(error)
        self._metrics.engine_failures.labels(engine.name, why).inc()
        with self._lock:
            pause_s = self._circuit(engine).failed(self._clock(), costly=why == "stalled")
        if pause_s is not None:
            self._metrics.engine_paused.labels(engine.name).set(1)
            log.error("engine_paused", engine=engine.name, why=why, pause_s=pause_s)

    def judge(self, engine: Engine, defects: Sequence[BadAudioError | None]) -> None:
        """An engine has rendered a batch: of each window, what is wrong with it, None where it is sound."""
        defect = next((each for each in defects if each is not None), None)
        if defect is not None:
            self.failed(engine, defect)
            return
        if engine.name in self.stalled():
            return  # in its preparation: that what was prepared before can be rendered proves nothing
        with self._lock:
            resumed = self._circuit(engine).succeeded()
        if resumed:
            self._metrics.engine_paused.labels(engine.name).set(0)
            log.info("engine_resumed", engine=engine.name)

    def substitute(self, failed: ResolvedVoice) -> ResolvedVoice | None:
        """Who else speaks that language and is to be asked; None if nobody does."""
        others = [engine for engine in self._engines() if engine.name != failed.engine.name and self.usable(engine)]
        return substitute(failed, others)

    def close(self) -> None:
        """Ends the threads after what they do; those that are stalled end when their calls return."""
        for thread in (*self._rendering.values(), *self._preparing.values()):
            thread.close()

    def _circuit(self, engine: Engine) -> Circuit:
        return self._circuits.setdefault(engine.name, Circuit())
