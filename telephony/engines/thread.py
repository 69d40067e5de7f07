"""A thread for the calls into an engine, which is left behind when a call does not return."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from telephony.engines.base import SynthesisError

_T = TypeVar("_T")


class StalledError(SynthesisError):
    """An engine does not answer: its last call has not returned in time."""


class Call(Generic[_T]):
    """One call into an engine on its way through a thread. Made by `EngineThread.start`; belongs to who started it."""

    def __init__(self, engine_name: str, work: Callable[[], _T], limit_s: float, on_return: Callable[[], None]) -> None:
        self._engine_name = engine_name
        self._work: Callable[[], _T] | None = work
        self._limit_s = limit_s
        self._on_return = on_return
        self._given_up_at = time.monotonic() + limit_s
        self._given_up = False
        self._returned = threading.Event()
        self._result: Any = None
        self._error: Exception | None = None

    @property
    def returned(self) -> bool:
        """Whether it has come back. Any thread."""
        return self._returned.is_set()

    @property
    def over(self) -> bool:
        """Whether it has returned or is overdue. Any thread."""
        return self.returned or not self.left_s

    @property
    def left_s(self) -> float:
        """How long it may still take, in seconds; 0 once it is overdue. Any thread."""
        return max(0.0, self._given_up_at - time.monotonic())

    def wait(self) -> None:
        """Waits until it is `over`."""
        self._returned.wait(self.left_s)

    def outcome(self) -> _T:
        """What the work returned or raised. To be asked once, when it is `over`.

        Raises:
            StalledError: it is overdue. What it returns later is dropped.
        """
        if not self.returned:
            self._given_up = True
            raise StalledError(f"{self._engine_name} has not answered for {self._limit_s:g} s")
        result, error = self._result, self._error
        self._result = self._error = None  # the thread keeps its last call, and should keep no more than that
        if error is not None:
            raise error
        outcome: _T = result
        return outcome

    def run(self) -> None:
        """Does the work, in the engine's thread."""
        work, self._work = self._work, None
        result: Any = None
        failure: Exception | None = None
        try:
            result = work() if work is not None else None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the outcome is asked for
            failure = error
        except SystemExit as error:  # some libraries end the process where a file is missing
            failure = SynthesisError(f"the engine tried to end the process: {error}")
        except BaseException as error:  # noqa: BLE001 - a panic in an extension: no call ends the thread of all others
            failure = SynthesisError(f"the engine failed with {type(error).__name__}")
        finally:
            if not self._given_up:
                self._result, self._error = result, failure
            self._returned.set()
            self._on_return()


class EngineThread:
    """Makes calls into one engine, one at a time. Its methods belong to one thread, but for `stalled`: any.

    Python cannot end a thread. One whose call does not return keeps what that call holds until it does (a batch's
    tensors, a library's locks), and takes no other call; what the call returns too late is dropped.

    Args:
        engine_name: for errors.
        task: what the calls do, for the thread's name.
    """

    def __init__(self, engine_name: str, task: str = "engine") -> None:
        self._engine_name = engine_name
        self._calls: SimpleQueue[Call[Any] | None] = SimpleQueue()
        self._last: Call[Any] | None = None
        # A daemon: a call that never returns must not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, name=f"{task}-{engine_name}", daemon=True)
        self._thread.start()

    @property
    def stalled(self) -> bool:
        """Whether its last call is overdue and has not returned yet."""
        return self._last is not None and not self._last.left_s and not self._last.returned

    def start(self, work: Callable[[], _T], limit_s: float, on_return: Callable[[], None] = lambda: None) -> Call[_T]:
        """Has the thread do some work, when the last call is over. Returns at once.

        Args:
            limit_s: how long it may take, in seconds.
            on_return: called by the thread once the work has returned.

        Raises:
            StalledError: a call before it has never returned.
        """
        if self.stalled:
            raise StalledError(f"{self._engine_name} does not answer")
        call = self._last = Call(self._engine_name, work, limit_s, on_return)
        self._calls.put(call)
        return call

    def run(self, work: Callable[[], _T], limit_s: float) -> _T:
        """What `work` returns or raises, called in the thread.

        Raises:
            StalledError: it has not returned within `limit_s` seconds, or a call before it never has.
        """
        call = self.start(work, limit_s)
        call.wait()
        return call.outcome()

    def close(self) -> None:
        """Ends the thread after the call in work, and joins it; one that is stalled ends when its call returns."""
        self._calls.put(None)
        if self._last is not None:
            self._last.wait()
        if not self.stalled:
            self._thread.join()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()
            del call  # what it holds is needed by nobody while the thread waits
