"""All telephone calls: who knows them, says something to them, and ends them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from telephony.engines.base import Engine
from telephony.listeners.call import Call, CallPolicy, CallState
from telephony.listeners.call_events import CallEvents
from telephony.listeners.connector import Connector
from telephony.listeners.processor_sink import ProcessorSink
from telephony.listeners.reply_sink import ReplySink
from telephony.protocols import telephone
from telephony.scheduling.queues import QueueClosedError
from telephony.scheduling.scheduler import Scheduler
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.refusals import refused
from telephony.text.script import Script
from telephony.voices import ResolvedVoice
from telephony.voices.reading import UnreadableTextError, reader_of

log = structlog.get_logger()

REGISTRATION = "registration"
"""The door of datagrams, in the log and in metrics."""


class TooManyCallsError(RuntimeError):
    """Every place for a call is taken by one that is in use."""


class CallRegistry:
    """All calls by id, where they are shared by their host's address as well. Its methods may be called from any
    thread; where calls are not shared, `host` means nothing.

    Attributes:
        on_forgotten: called with every call that is no longer known, with a lock held: it must not wait.
    """

    def __init__(
        self,
        policy: CallPolicy,
        scheduler: Scheduler,
        metrics: Metrics,
        selection: Callable[[], ResolvedVoice],
        engines: Callable[[], Sequence[Engine]],
        *,
        events: CallEvents,
    ) -> None:
        self._policy = policy
        self._scheduler = scheduler
        self._metrics = metrics
        self._selection = selection
        self._engines = engines
        self._events = events
        self._lock = threading.Lock()
        self.on_forgotten: Callable[[Call], None] | None = None
        self._calls: dict[tuple[str, str], Call] = {}
        self._ending: list[ProcessorSink] = []
        self._connector = Connector(metrics)
        self._closed = False
        self._refusing = False

    def connect(self, call_id: str, make_reply: Callable[[Call], ReplySink], host: str = "") -> tuple[Call, ReplySink]:
        """A text connection has said HELLO. It owns the call from now on; a connection that did before is cut.

        Raises:
            TooManyCallsError: no place is left.
            QueueClosedError: the service is stopping.
        """
        with self._lock:
            call = self._open(call_id, host)
            reply = make_reply(call)
            previous = call.attach_reply(reply)
        if previous is not None:
            log.info("connection_replaced", call=call_id)
            previous.disconnect()
        return call, reply

    def say(self, call: Call, reply: ReplySink, text: str) -> bool:
        """Says a text that came on a call's connection, with the engine and voice of this moment.

        False while the service is stopping: the text is refused, with a count. A text that this voice does not read is
        said by one that does; if there is none, by nobody, with a count and a line in the log.

        Raises:
            QueueClosedError: the connection does not own the call any more, or the service was closed meanwhile.
        """
        if self._refusing:
            self._metrics.texts_refused.inc()
            return False
        script = Script.lenient(text, call.document_invalid)
        try:
            reader = reader_of(script, self._selection(), self._engines(), free=True)
        except UnreadableTextError as error:
            self._metrics.texts_unreadable.inc()
            log.error("text_unreadable", call=call.call_id, error=str(error))
        else:
            call.say(script, reader, reply)
        return True

    def receive(self, datagram: telephone.Datagram, host: str = "") -> None:
        """Does what a datagram from a host says, and logs it."""
        call_id = datagram.call_id
        match datagram:
            case telephone.Register():
                self._receive_registration(call_id, host)
            case telephone.Goodbye():
                known = self.end(call_id, host)
                log.info("call_ended", door=REGISTRATION, peer=host or None, call=call_id, known=known)
            case telephone.Cancel():
                known = self.interrupt(call_id, host)
                log.info("call_interrupted", door=REGISTRATION, peer=host or None, call=call_id, known=known)

    def _receive_registration(self, call_id: str, host: str) -> None:
        why = "no place for another call, or no such port"
        try:
            accepted = self.register(call_id, host)
        except QueueClosedError as error:
            accepted, why = False, str(error)
        if accepted:
            log.info("registered", door=REGISTRATION, peer=host or None, call=call_id)
        else:
            refused(self._metrics, REGISTRATION, "registration_refused", why, host or None, call=call_id)

    def find(self, call_id: str, host: str = "") -> Call | None:
        """A call that is known."""
        with self._lock:
            return self._calls.get(self._key(call_id, host))

    def register(self, call_id: str, host: str = "") -> bool:
        """The audio processor of a call listens. False if there is no place for the call or no such port.

        Raises:
            QueueClosedError: the service is stopping.
        """
        self._connector.make_room()
        with self._lock:
            try:
                call = self._open(call_id, host)
            except TooManyCallsError:
                return False
            attached = call.attach_processor(self._connector, self._forget_if_done)
        if not attached:
            self._forget_if_done(call)
        return attached

    def interrupt(self, call_id: str, host: str = "") -> bool:
        """Barge-in on a call; False if it is not known."""
        call = self.find(call_id, host)
        if call is None:
            return False
        self._metrics.interruptions.inc()
        call.interrupt()
        return True

    def connected(self) -> list[CallState]:
        """The calls that somebody is connected to, the longest one first."""
        states = [call.state for call in self._snapshot() if not call.idle]
        return sorted(states, key=lambda state: -state.connected_s)

    def hang_up(self, call_id: str, host: str = "") -> bool:
        """Ends a call from this side, as `end`, and cuts its text connection; False if it is not known."""
        call = self.find(call_id, host)
        if call is None:
            return False
        self._end(call)
        call.disconnect()
        return True

    def end(self, call_id: str, host: str = "") -> bool:
        """The call has ended; False if it is not known. An open text connection may begin the next call of that id."""
        call = self.find(call_id, host)
        if call is None:
            return False
        self._end(call)
        return True

    def finish(self, call: Call, reply: ReplySink) -> None:
        """BYE on a call's connection: what was said is spoken to its end, then the call is over.

        Also when nothing has moved for the policy's `bye_stall_s`, such as speech that waits for a processor which
        never registers; not while it waits for the engine. Unless a newer connection has taken the call over: then it
        goes on.
        """
        progress = None
        while call.owned_by(reply) and not call.wait_spoken(self._policy.bye_stall_s):
            if not call.awaits_engine and progress == call.progress:
                break
            progress = call.progress
        self._end(call, reply)

    def detach(self, call: Call, reply: ReplySink) -> None:
        """A call's text connection is gone. The call stays known: its chunk ids go on if it comes back."""
        call.detach_reply(reply)
        self._forget_if_done(call)

    def surrender(self, call: Call, reply: ReplySink | None) -> None:
        """Another door has a call, and goes on with it, unless a newer connection than `reply` speaks for it here."""
        self._keep_until_ended(call.surrender(reply))
        self._forget_if_done(call)

    def refuse_text(self) -> None:
        """The service is stopping: what was accepted is still spoken, new text is not."""
        self._refusing = True

    def drain(self, timeout_s: float) -> bool:
        """Waits until every call has said what was accepted and it has left; False if that took over `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        drained = self._scheduler.drain(timeout_s)
        for call in self._snapshot():
            drained &= call.idle or call.wait_spoken(max(0.0, deadline - time.monotonic()))
        return drained

    def end_all(self) -> None:
        """Ends every call; processors get the end of audio. Waits for their connections to close."""
        self._end_each(Call.end)

    def close(self) -> None:
        """Ends every call for good and refuses new ones."""
        with self._lock:
            self._closed = True
        self._end_each(Call.close)
        self._connector.close()

    def _end(self, call: Call, owner: ReplySink | None = None) -> None:
        self._keep_until_ended(call.end(owner))
        self._forget_if_done(call)

    def _end_each(self, end: Callable[[Call], ProcessorSink | None]) -> None:
        for call in self._snapshot():
            self._keep_until_ended(end(call))
        with self._lock:
            ending = list(self._ending)
        for processor in ending:
            processor.join()

    def _keep_until_ended(self, processor: ProcessorSink | None) -> None:
        with self._lock:
            self._ending = [sink for sink in self._ending if sink.running]
            if processor is not None:
                self._ending.append(processor)

    def _snapshot(self) -> list[Call]:
        with self._lock:
            return list(self._calls.values())

    def _key(self, call_id: str, host: str) -> tuple[str, str]:
        return (host if self._policy.shared else "", call_id)

    def _open(self, call_id: str, host: str) -> Call:
        if self._closed:
            raise QueueClosedError("the service is stopping")
        key = self._key(call_id, host)
        call = self._calls.get(key)
        if call is None:
            self._make_room()
            call = Call(call_id, self._policy, self._scheduler, self._metrics, key[0], events=self._events)
            self._calls[key] = call
            self._metrics.active_calls.set(len(self._calls))
        return call

    def _make_room(self) -> None:
        if len(self._calls) < self._policy.max_calls:
            return
        idle = next((call for call in self._calls.values() if call.idle), None)
        if idle is None:
            self._metrics.calls_refused.inc()
            raise TooManyCallsError(f"{self._policy.max_calls} calls are in use")
        self._forget(idle)
        idle.close()

    def _forget_if_done(self, call: Call) -> None:
        with self._lock:
            if call.forgettable and self._calls.get((call.host, call.call_id)) is call:
                self._forget(call)
                self._metrics.active_calls.set(len(self._calls))

    def _forget(self, call: Call) -> None:
        del self._calls[call.host, call.call_id]
        if self.on_forgotten is not None:
            self.on_forgotten(call)
