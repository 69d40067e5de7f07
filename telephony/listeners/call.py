"""One telephone call.

A call is a name, a chunk counter, a listener, and up to two routes for its audio. Threads: the endpoints' threads call
in here; the scheduler's thread delivers windows; the sinks' writers ask for chunk ids. Locks are taken in the order
registry, scheduler, call, sink, and none is held while joining a thread.

Whatever may silence a call (barge-in, BYE, a connection or a processor that is gone) holds the locks of scheduler and
call from the decision to the end of the epoch: what the next connection says can neither be hit by it nor slip past.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from telephony.audio.loudness import amplified
from telephony.listeners.call_events import CallEvents
from telephony.listeners.call_reporter import CallReporter
from telephony.listeners.connector import Connector
from telephony.listeners.listener import Listener
from telephony.listeners.processor_sink import ProcessorSink
from telephony.listeners.reply_sink import ReplySink
from telephony.listeners.sinks import Sink, SinkLimits
from telephony.protocols import telephone
from telephony.scheduling.queues import QueueClosedError, Window
from telephony.scheduling.scheduler import Scheduler
from telephony.telemetry.metrics import Metrics
from telephony.text import lexicon
from telephony.text.lexicon import Pronounce
from telephony.text.normalization import SpokenError
from telephony.text.script import Script
from telephony.voices import ALIASES, ResolvedVoice

log = structlog.get_logger()

DOOR = "telephone"
"""The name of these calls in metrics and events."""

_NOT_OWNED = "the connection is gone, or a newer one has taken the call over"


@dataclass(frozen=True)
class CallPolicy:
    """What all calls of a service share.

    Attributes:
        route: `auto`, `reply` or `processor`.
        stream: audio on the reply route leaves window by window, not text by text.
        exact: every text has the model's own output, silence included, however late it begins.
        max_calls: calls known at once; idle ones make room for new ones.
        max_queued_text_bytes: text waiting per call before its door is held up.
        processor_host: where the audio processors listen.
        bye_stall_s: seconds without progress after which a call that has said BYE is ended.
        shared: doors share the calls of several hosts: a call is known by its host's address as well, and its
            processor listens there.
        pronounce: the service's lexicon.
        lead_silence_s: silence in front of a text that begins when nothing is playing, in seconds.
        aliases: other names of voices.
        code_rate: how fast codes are said, of the rate around them.
    """

    route: str
    stream: bool
    exact: bool
    max_calls: int
    max_queued_text_bytes: int
    processor_host: str
    bye_stall_s: float
    limits: SinkLimits
    shared: bool = False
    pronounce: Pronounce = lexicon.as_it_is
    lead_silence_s: float = 0.0
    aliases: Mapping[str, Sequence[str]] = field(default_factory=lambda: ALIASES)
    code_rate: float = 1.0


@dataclass(frozen=True)
class CallState:
    """A call at this moment: since when somebody is connected, who is, and whether it has something to say.

    `host` is that of the call.
    """

    call_id: str
    host: str
    connected_s: float
    text_host: bool
    processor: bool
    speaking: bool


class Call:
    """One telephone call. Made and forgotten by `CallRegistry`. `host` is empty where calls are not shared."""

    def __init__(
        self,
        call_id: str,
        policy: CallPolicy,
        scheduler: Scheduler,
        metrics: Metrics,
        host: str = "",
        *,
        events: CallEvents,
    ) -> None:
        self.call_id = call_id
        self.host = host
        self._policy = policy
        self._scheduler = scheduler
        self._metrics = metrics
        self._lock = threading.Lock()
        self._chunk_id = 0
        self._windows = 0
        self._connected_at = time.monotonic()
        self._reply: ReplySink | None = None
        self._processor: ProcessorSink | None = None
        self._reporter = CallReporter(events, call_id, DOOR, host)
        self._listener = Listener(
            self,
            scheduler,
            metrics,
            DOOR,
            max_queued_bytes=policy.max_queued_text_bytes,
            takes_audio=self.takes_audio,
            pronounce=policy.pronounce,
            aliases=policy.aliases,
            code_rate=policy.code_rate,
        )

    def __str__(self) -> str:
        return self.call_id

    def say(self, script: Script, selection: ResolvedVoice, reply: ReplySink) -> None:
        """Queues a text that came on the connection of `reply`; waits while too much of this call's text is waiting.

        Raises:
            QueueClosedError: the connection does not own the call any more, or the service is stopping.
        """
        with self._lock:
            if not self.owned_by(reply):
                raise QueueClosedError(_NOT_OWNED)
            self._reporter.connected()  # the next call of this id, perhaps
            epoch = self._listener.begin_epoch()
            # Where nothing leaves before the end anyway, sentences stay together for the prosody of one pass.
            whole = self._sink() is reply and not self._policy.stream
        request = self._listener.request(
            script,
            selection,
            epoch,
            whole=whole,
            exact=whole or self._policy.exact,
            lead_silence_s=self._policy.lead_silence_s,
        )
        log.debug("text", call=self.call_id, text=script.text[:200])
        self._reporter.say(request, script.words)
        spoken = False
        try:
            spoken = self._listener.say(request, lambda: self.owned_by(reply))
        finally:
            if not spoken:
                self._reporter.forget(epoch)
        if not spoken and not self.owned_by(reply):
            raise QueueClosedError(_NOT_OWNED)

    def interrupt(self) -> None:
        """Barge-in: nothing that was said before this moment will be heard any more. The call goes on."""
        self._silence()

    def document_invalid(self, error: SpokenError) -> None:
        """A text of this call is an SSML document that is not valid."""
        self._metrics.documents_invalid.inc()
        log.warning("document_invalid", call=self.call_id, error=str(error), effect="its tags are ignored")

    def owned_by(self, reply: ReplySink) -> bool:
        """Whether the connection of `reply` is the one that speaks for this call."""
        return self._reply is reply

    def wait_spoken(self, timeout_s: float) -> bool:
        """Waits until all text has been synthesised and has left; False if that took longer, or nobody listens."""
        deadline = time.monotonic() + timeout_s
        if not self._listener.wait_idle(timeout_s):
            return False
        while True:
            with self._lock:
                sink = self._sink()
            if sink is None:
                return False
            sent = sink.wait_sent(max(0.0, deadline - time.monotonic()))
            with self._lock:
                if sink is self._sink():  # else what was left has moved to another sink
                    return sent

    @property
    def state(self) -> CallState:
        """Who is connected, and whether it speaks."""
        return CallState(
            self.call_id,
            self.host,
            round(time.monotonic() - self._connected_at, 1),
            self._reply is not None,
            self._processor is not None,
            not self._listener.silent,
        )

    @property
    def awaits_engine(self) -> bool:
        """Whether there is something to say and room for it: if nothing moves, others are served."""
        return self._listener.awaits_engine

    @property
    def progress(self) -> tuple[int, int]:
        """Changes whenever a window is delivered or a frame leaves."""
        return self._windows, self._chunk_id

    @property
    def reply(self) -> ReplySink | None:
        """The text connection that speaks for it."""
        return self._reply

    @property
    def registered(self) -> bool:
        """Whether it has an audio processor, connected or to be connected."""
        return self._processor is not None

    @property
    def chunk_id(self) -> int:
        """The last one given out; 0: none."""
        return self._chunk_id

    def raise_chunk_id(self, least: int) -> None:
        """Chunk ids go on behind `least`, if they are not beyond it."""
        with self._lock:
            self._chunk_id = max(self._chunk_id, least)

    @property
    def forgettable(self) -> bool:
        """Whether nobody is connected to it and no chunk id has to be remembered."""
        return self.idle and self._chunk_id == 0

    @property
    def idle(self) -> bool:
        """Whether nobody is connected to it, so that it may be forgotten."""
        return self._reply is None and self._processor is None

    # The scheduler's side (Receiver)

    def has_room(self) -> bool:
        """Whether there is a sink for the next window and room in it."""
        with self._lock:
            sink = self._sink()
            if sink is not None:
                return sink.has_room()
            # Nobody listens: with the route forced, text waits for the processor; else windows go nowhere, at once.
            return self._policy.route != "processor"

    def takes_audio(self) -> bool:
        """Whether somebody reads what is sent: a host that does not has room, for what it gets is dropped."""
        with self._lock:
            sink = self._sink()
            return not (isinstance(sink, ReplySink) and sink.stalled)

    def deliver(self, window: Window) -> None:
        """Hands a window to the sink of the moment, unless it is of an older epoch."""
        with self._lock:
            self._windows += 1
            current = self.is_current(window.epoch)
            sink = self._sink() if current else None
            why = "no route" if current else "cancelled"
            self._reporter.know(window.epoch, window.words)
            self._reporter.made(window.epoch, window.duration_s, whole=window.end_of_text)
            if sink is not None:
                window = dataclasses.replace(window, samples=amplified(window.samples, window.volume))
                sink.write(window)  # under the lock, so that a change of route keeps the order
                return
        self.lost(window)
        self._metrics.dropped_s.labels(why).inc(window.duration_s)

    # The sinks' side (Gate)

    def is_current(self, epoch: int) -> bool:
        """Whether audio of that epoch may still be heard."""
        return self._listener.is_current(epoch)

    def next_chunk_id(self, epoch: int) -> int | None:
        """The next number of this call: 1, 2, 3, ... on whatever route; None if that epoch is over."""
        with self._lock:
            if not self.is_current(epoch):
                return None
            self._chunk_id += 1
            return self._chunk_id

    def sent(self, window: Window) -> None:
        """A window has left, on whatever route."""
        self._reporter.sent(window.epoch, window.duration_s)

    def lost(self, window: Window) -> None:
        """A window will not be heard."""
        self._reporter.lost(window.epoch, window.duration_s)

    # The registry's side

    def attach_reply(self, reply: ReplySink) -> ReplySink | None:
        """Makes `reply` the owner of this call, of what has not left too; returns the previous owner."""
        with self._lock:
            if self.idle:
                self._connected_at = time.monotonic()
            previous, self._reply = self._reply, reply
            self._reporter.connected()
            if previous is not None:
                for window in previous.take_unsent():
                    reply.write(window)
        self._scheduler.wake()
        return previous

    def detach_reply(self, reply: ReplySink) -> None:
        """The text connection is gone. Without a processor nobody listens: its speech stops."""
        with self._listener.lock, self._lock:
            if not self.owned_by(reply):
                return
            self._reply = None
            if self._processor is None and self._policy.route != "processor":
                self._silence()
                self._reporter.hung_up()
        self._scheduler.wake()

    def disconnect(self) -> None:
        """Cuts the text connection, if there is one: its endpoint then detaches it."""
        reply = self._reply
        if reply is not None:
            reply.disconnect()

    def attach_processor(self, connector: Connector, on_lost: Callable[[Call], None]) -> bool:
        """The processor has registered: connect to it, and send it what has not left on the reply route.

        `on_lost` is called, without a lock, when it cannot be reached and this call does without it. False if its port
        would be beyond the last one, or there is no place. With the route forced to `reply` there is nothing to do.
        """

        def lost(sink: ProcessorSink) -> None:
            self._processor_lost(sink)
            on_lost(self)

        if self._policy.route == "reply":
            return True
        with self._lock:
            if self._processor is not None and self._processor.running:
                self._processor.retry_now()
                return True
            port = telephone.processor_port(self.call_id)
            if port is None:
                return False
            sink = ProcessorSink(
                (self.host or self._policy.processor_host, port),
                self,
                connector=connector,
                limits=self._policy.limits,
                on_room=self._scheduler.wake,
                on_lost=lost,
                metrics=self._metrics,
            )
            if not sink.start():
                return False
            self._processor = sink
            self._reporter.connected()
            if self._reply is not None and self._policy.route == "auto":
                for window in self._reply.take_unsent():
                    sink.write(window)
        self._scheduler.wake()
        return True

    def end(self, owner: ReplySink | None = None, *, says_end: bool = True) -> ProcessorSink | None:
        """The call is over: its speech stops, the processor gets the end of audio, chunk ids start again.

        Nothing happens if it is to be the end only for an `owner` that does not own the call any more. Without
        `says_end` the processor is only hung up on: the call goes on elsewhere.

        Returns the processor's sink, which is ending.
        """
        with self._listener.lock, self._lock:
            if owner is not None and not self.owned_by(owner):
                return None
            self._listener.interrupt()
            self._reporter.hung_up(spoken=owner is not None)
            self._chunk_id = 0
            processor, self._processor = self._processor, None
        if processor is not None:
            processor.close(says_end=says_end)
        return processor

    def close(self) -> ProcessorSink | None:
        """Ends the call, as `end`, and refuses text; a shared one goes on elsewhere. Its endpoint hangs up."""
        self._listener.close()
        return self.end(says_end=not self._policy.shared)

    def surrender(self, claimed_for: ReplySink | None) -> ProcessorSink | None:
        """Another door has the call: its speech stops here, and both its connections are cut. Returns as `end`.

        Nothing happens if a newer connection than `claimed_for` speaks for it here.
        """
        with self._lock:
            if self._reply not in (None, claimed_for):
                return None
            reply, self._reply = self._reply, None
            self._reporter.left()
        if reply is not None:
            reply.disconnect()
        return self.end(says_end=False)

    def _silence(self) -> None:
        self._reporter.interrupted(self._listener.interrupt())

    def _sink(self) -> Sink | None:
        """Where the next window goes. Called with the lock held."""
        if self._policy.route == "reply":
            return self._reply
        if self._policy.route == "processor":
            return self._processor
        return self._processor or self._reply

    def _processor_lost(self, sink: ProcessorSink) -> None:
        """The processor cannot be reached: back to the reply route, with what it has not heard."""
        with self._listener.lock, self._lock:
            if self._processor is sink:
                self._processor = None
            unsent = sink.take_unsent()
            target = self._sink()
            if target is not None:
                for window in unsent:
                    target.write(window)
            elif self._policy.route == "auto":
                self._silence()
                self._reporter.hung_up()
        if target is None:
            for window in unsent:
                self.lost(window)
                self._metrics.dropped_s.labels("no route").inc(window.duration_s)
        self._scheduler.wake()
