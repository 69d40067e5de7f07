"""An engine's own thread, which is left behind when a call into the engine does not return."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from telephony.engines.base import SynthesisError

_T = TypeVar("_T")


class StalledError(SynthesisError):
    """An engine does not answer: its last call has not returned in time."""


class _Call:
    """One call on its way through the thread; `result` or `error` are there once it is `done`."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self.done = threading.Event()
        self.result: Any = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.result = self._work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the call was made
            self.error = error
        except SystemExit as error:  # some libraries end the process where a file is missing
            self.error = SynthesisError(f"the engine tried to end the process: {error}")
        finally:
            self.done.set()


class EngineThread:
    """Makes every call into one engine, one at a time. Its methods belong to one thread, but for `stalled`: any.

    Python cannot end a thread. One whose call does not return keeps what that call holds until it does (a batch's
    tensors, a library's locks), and takes no other call; what the call returns too late is dropped.
    """

    def __init__(self, engine_name: str) -> None:
        self._engine_name = engine_name
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._given_up: _Call | None = None
        # A daemon: a call that never returns must not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, name=f"engine-{engine_name}", daemon=True)
        self._thread.start()

    @property
    def stalled(self) -> bool:
        """Whether a call that was given up has not returned yet."""
        return self._given_up is not None and not self._given_up.done.is_set()

    def run(self, work: Callable[[], _T], limit_s: float) -> _T:
        """What `work` returns or raises, called in the thread.

        Raises:
            StalledError: it has not returned within `limit_s` seconds, or a call before it never has.
        """
        if self.stalled:
            raise StalledError(f"{self._engine_name} does not answer")
        call = _Call(work)
        self._calls.put(call)
        if not call.done.wait(limit_s):
            self._given_up = call
            raise StalledError(f"{self._engine_name} has not answered for {limit_s:g} s")
        self._given_up = None
        if call.error is not None:
            raise call.error
        result: _T = call.result
        return result

    def close(self) -> None:
        """Ends the thread and joins it; one that is stalled ends when its call returns."""
        self._calls.put(None)
        if not self.stalled:
            self._thread.join()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()
            del call  # what it holds is needed by nobody while the thread waits
