"""Which room a segment goes to. Runs in the process of whoever asks, in Ray Serve's handle."""

from __future__ import annotations

import random

from ray.serve.request_router import PendingRequest, RequestRouter, RunningReplica

from telephony.engines.cluster.messages import Speak


class RoomRouter(RequestRouter):
    """Proposes two rooms by chance, of which Serve takes the one with fewer streams, and none that is late.

    Serve's own choice would come back to a room that hangs: what is cancelled there makes it look idle.
    """

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """See `RequestRouter`. Each room is asked where all are late."""
        avoid = frozenset[str]()
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True  # else Serve would not rest where every room is full
            avoid = next((each.avoid for each in pending_request.args if isinstance(each, Speak)), avoid)
        rooms = [room for room in candidate_replicas if room.replica_id.unique_id not in avoid] or candidate_replicas
        return [random.sample(rooms, min(2, len(rooms)))]
