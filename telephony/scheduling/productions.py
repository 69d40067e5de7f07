"""What the engines make: a segment for the one request that asks, or a phrase for all who wait for it."""

from __future__ import annotations

from dataclasses import dataclass

from telephony.cache.in_flight import PhraseWriter
from telephony.engines.base import Engine, Utterance
from telephony.scheduling.queues import Request


@dataclass(eq=False)
class Production:
    """A phrase on its way through an engine; `utterance` is None while it is being prepared."""

    engine: Engine
    writer: PhraseWriter
    utterance: Utterance | None = None


class Productions:
    """The phrases in work. Its methods are called with the scheduler's lock held, for a request that is in service."""

    def __init__(self) -> None:
        self._by_name: dict[str, Production] = {}

    def of(self, request: Request) -> Production | None:
        """The phrase in work that a request waits for, if there is one."""
        return self._by_name.get(request.reader.key.name) if request.reader is not None else None

    def engine(self, request: Request) -> Engine:
        """Who makes what a request waits for. Any request."""
        production = self.of(request)
        return production.engine if production is not None else request.engine

    def utterance(self, request: Request) -> Utterance | None:
        """What is to be rendered for a request; None until that is prepared. Any request."""
        production = self.of(request)
        return production.utterance if production is not None else request.utterance

    def begin(self, request: Request) -> None:
        """The segment in work is going to be prepared: for all who wait for it, where it is a phrase."""
        writer = request.reader.claim() if request.reader is not None else None
        if writer is None:
            request.leave_phrase()
        else:
            self._by_name[writer.key.name] = Production(request.engine, writer)

    def prepared(self, request: Request, utterance: Utterance) -> None:
        """What has begun can be rendered."""
        production = self.of(request)
        if production is not None:
            production.utterance = utterance
        else:
            request.utterance = utterance

    def finish(self, production: Production) -> None:
        """Its last window was rendered."""
        del self._by_name[production.writer.key.name]

    def break_off(self, request: Request) -> None:
        """Drops what the engine makes for a request. Of others who wait for it, those who have heard nothing yet have
        it made anew."""
        production = self.of(request)
        request.utterance = None
        request.leave_phrase()
        if production is not None:
            self.finish(production)
            production.writer.abandon()

    def forget_unwanted(self) -> None:
        """A phrase that nobody waits for any more is not made to its end, nor kept."""
        for production in list(self._by_name.values()):
            if not production.writer.wanted:
                self.finish(production)
                production.writer.abandon()
