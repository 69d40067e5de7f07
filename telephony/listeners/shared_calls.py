"""Calls that several doors share: whichever has a call's text connection owns it, and gets its datagrams.

Two threads: one asks Redis, the other waits for what other doors forward. No thread that carries audio waits for
either. A HELLO waits `CLAIM_TIMEOUT_S` at most, before its first text.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog

from telephony.listeners.call import Call
from telephony.listeners.call_directory import (
    PENDING_S,
    CallDirectory,
    DirectoryError,
    Forwarded,
    Message,
    Refused,
)
from telephony.listeners.calls import CallRegistry
from telephony.listeners.reply_sink import ReplySink
from telephony.protocols import telephone
from telephony.telemetry.shared_call_figures import SharedCallFigures

log = structlog.get_logger()

CLAIM_TIMEOUT_S = 0.5
RENEWAL_S = 5.0
RETRY_S = 5.0
"""How long Redis is not asked after it has failed."""
MAX_PENDING = 256
"""Registrations that this door keeps for calls to come."""
MAX_WAITING = 256
"""Questions to Redis that wait; those for a datagram or a message are dropped behind them."""

_BATCH = 256
_END_TIMEOUT_S = 2.0
_INBOX_PAUSE_S = 1.0

Answer = TypeVar("Answer")


@dataclass
class _Owned:
    """A call that this door has claimed for the connection `reply`; `recorded` once Redis knows."""

    reply: ReplySink | None
    recorded: bool = False


class SharedCalls:
    """This door's part of the calls that doors share. `start` once, `close` once; all else from any thread."""

    def __init__(self, calls: CallRegistry, directory: CallDirectory, figures: SharedCallFigures) -> None:
        self._calls = calls
        self._directory = directory
        self._figures = figures
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._recovered = threading.Event()
        # All of these belong to the thread that asks.
        self._owned: dict[Call, _Owned] = {}
        self._pending: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._failing = False
        self._retry_at = 0.0
        self._asking = threading.Thread(target=self._ask_on, name="shared-calls", daemon=True)
        self._listening = threading.Thread(target=self._listen, name="shared-calls-inbox", daemon=True)
        calls.on_forgotten = lambda call: self._jobs.put(partial(self._release, call))

    def start(self) -> None:
        """Begins to ask and to listen."""
        self._asking.start()
        self._listening.start()

    def close(self) -> None:
        """Tells how far the calls are, for the doors that go on with them. Waits a second or two at most."""
        self._ending.set()
        self._jobs.put(lambda: None)
        for thread in (self._asking, self._listening):
            if thread.ident is not None:
                thread.join(_END_TIMEOUT_S)  # a name service has no time limit
        self._directory.close()

    def claim(self, call: Call) -> None:
        """A host has said HELLO here: this door owns the call. Waits until its chunk ids are known to rise."""
        answered = threading.Event()
        self._jobs.put(partial(self._claim, call, answered))
        if not answered.wait(CLAIM_TIMEOUT_S):
            call.raise_chunk_id(_unknown_chunk_id())

    def receive(self, datagram: telephone.Datagram, host: str, signed: bytes | None = None) -> None:
        """Does what a datagram says, here or at the door that owns its call. Returns at once.

        `signed` is the message in which another door has forwarded it.
        """
        call = self._calls.find(datagram.call_id, host)
        if call is not None:
            self._calls.receive(datagram, host)
            self._ask_soon(partial(self._renew, [call]))
        elif not self._ask_soon(partial(self._offer, datagram, host, signed)):
            self._figures.datagrams.labels("dropped").inc()

    def _ask_soon(self, job: Callable[[], None]) -> bool:
        """False if too many wait."""
        if self._jobs.qsize() >= MAX_WAITING:
            return False
        self._jobs.put(job)
        return True

    # The thread that asks

    def _ask_on(self) -> None:
        renewal_at = time.monotonic() + RENEWAL_S
        while not self._ending.is_set():
            with contextlib.suppress(queue.Empty):
                self._try(self._jobs.get(timeout=max(0.0, renewal_at - time.monotonic())))
            if time.monotonic() >= renewal_at:
                self._try(self._renew_all)
                renewal_at = time.monotonic() + RENEWAL_S
        self._try(self._renew_all)

    def _try(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception:
            log.exception("shared_calls_failed")

    def _ask(self, question: Callable[[], Answer]) -> Answer | None:
        """The directory's answer; None where it gives none, and for a while after that."""
        if time.monotonic() < self._retry_at:
            return None
        try:
            answer = question()
        except DirectoryError as error:
            self._figures.errors.inc()
            self._retry_at = time.monotonic() + RETRY_S
            if not self._failing:
                log.warning("shared_calls_unreachable", error=str(error), effect="this door goes on alone")
            self._failing = True
            return None
        if self._failing:
            log.info("shared_calls_reachable")
            self._failing = False
            self._recovered.set()
        return answer

    def _claim(self, call: Call, answered: threading.Event) -> None:
        key = (call.host, call.call_id)
        try:
            if self._calls.find(call.call_id, call.host) is not call:
                return  # it is over already
            self._owned[call] = owned = _Owned(call.reply)
            waited = self._pending.pop(key, 0.0) > time.monotonic()
            if not self._record(call, owned):
                call.raise_chunk_id(_unknown_chunk_id())
                if waited:
                    self._calls.receive(telephone.Register(call.call_id), call.host)
        finally:
            answered.set()

    def _record(self, call: Call, owned: _Owned) -> bool:
        """Claims a call in Redis, and goes on from what is known of it there. False if Redis does not answer."""
        owned.reply = call.reply  # a connection that comes later claims it again
        claim = self._ask(partial(self._directory.claim, call))
        if claim is None:
            return False
        owned.recorded = True
        call.raise_chunk_id(claim.chunk_id)
        if claim.registered and not call.registered:
            self._calls.receive(telephone.Register(call.call_id), call.host)
        if claim.previous:
            self._figures.moved.labels("here").inc()
            log.info("call_taken_over", call=call.call_id, host=call.host, door=claim.previous)
        return True

    def _renew_all(self) -> None:
        calls = list(self._owned)
        for start in range(0, len(calls), _BATCH):
            self._renew(calls[start : start + _BATCH])

    def _renew(self, calls: list[Call]) -> None:
        for call in calls:
            owned = self._owned.get(call)
            if owned is not None and not owned.recorded and call.reply is not None:  # Redis did not answer
                self._record(call, owned)
        # Without a host there is nothing to claim a call for; whether another door has it must be known.
        known = [call for call in calls if call in self._owned and (self._owned[call].recorded or call.reply is None)]
        if not known:
            return
        answers = self._ask(partial(self._directory.renew, known)) or []
        for call, answer in zip(known, answers, strict=False):
            if answer == "waiting":
                self._calls.receive(telephone.Register(call.call_id), call.host)
            elif answer == "lost":
                self._leave(call)

    def _leave(self, call: Call) -> None:
        owned = self._owned.pop(call)
        self._figures.moved.labels("elsewhere").inc()
        log.info("call_left", call=call.call_id, host=call.host)
        self._calls.surrender(call, owned.reply)

    def _release(self, call: Call) -> None:
        if self._owned.pop(call, None) is not None:
            self._ask(partial(self._directory.release, call))

    def _offer(self, datagram: telephone.Datagram, host: str, signed: bytes | None) -> None:
        keep = isinstance(datagram, telephone.Register) and self._keep((host, datagram.call_id))
        answer = self._ask(partial(self._directory.offer, host, datagram, keep=keep, signed=signed))
        if answer is None:
            answer = "kept" if keep else "dropped"
        if answer == "forwarded" or isinstance(datagram, telephone.Goodbye):
            self._pending.pop((host, datagram.call_id), None)
        self._figures.datagrams.labels(answer).inc()
        log.debug("datagram_offered", call=datagram.call_id, host=host, answer=answer)

    def _keep(self, key: tuple[str, str]) -> bool:
        """Whether there is a place for a registration whose call is to come; it has one then."""
        now = time.monotonic()
        while self._pending and next(iter(self._pending.values())) <= now:
            self._pending.popitem(last=False)
        if key not in self._pending and len(self._pending) >= MAX_PENDING:
            return False
        self._pending[key] = now + PENDING_S
        self._pending.move_to_end(key)
        return True

    # The thread that listens

    def _listen(self) -> None:
        while not self._ending.is_set():
            try:
                self._recovered.clear()
                for message in self._directory.messages():
                    if message is not None:
                        self._handle(message)
                    if self._ending.is_set() or self._recovered.is_set():
                        break  # after a failure the subscription may be one to a Redis that is gone
            except DirectoryError as error:
                log.debug("shared_calls_inbox_lost", error=str(error))
                self._ending.wait(_INBOX_PAUSE_S)
            except Exception:
                log.exception("shared_calls_failed")
                self._ending.wait(_INBOX_PAUSE_S)

    def _handle(self, message: Message) -> None:
        if isinstance(message, Forwarded):
            self._figures.datagrams.labels("received").inc()
            self.receive(message.datagram, message.host, message.signed)
        elif isinstance(message, Refused):
            self._figures.datagrams.labels("refused").inc()
            log.warning("shared_message_refused", error=message.why)
        else:
            call = self._calls.find(message.call_id, message.host)
            if call is not None:
                self._ask_soon(partial(self._renew, [call]))  # who has it now, Redis says


def _unknown_chunk_id() -> int:
    """Beyond all ids that were counted up from 1, and rising by 64 each second; it starts over after half a year."""
    return 2**31 + int(time.time()) % 2**24 * 64
