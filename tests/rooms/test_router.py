"""Which room a segment goes to. The rooms are stand-ins with names; tests/rooms/test_cluster.py has real ones."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray", reason="package ray is not installed (requirements-cluster.txt)")

from telephony.engines.cluster.messages import Speak
from telephony.rooms.router import RoomRouter


def proposed(rooms: list[str], *arguments: object) -> set[str]:
    router: Any = object.__new__(RoomRouter)
    request: Any = SimpleNamespace(args=list(arguments), routing_context=SimpleNamespace(should_backoff=False))
    candidates: Any = [SimpleNamespace(replica_id=SimpleNamespace(unique_id=name)) for name in rooms]
    (group,) = asyncio.run(router.choose_replicas(candidates, request))
    assert request.routing_context.should_backoff
    return {room.replica_id.unique_id for room in group}


def avoiding(*rooms: str) -> Speak:
    return Speak("text", "voice", 1.0, False, None, 0.0, avoid=frozenset(rooms))


def test_a_late_room_is_not_proposed_where_there_is_another() -> None:
    assert proposed(["a", "b"], avoiding("a")) == {"b"}
    assert proposed(["a", "b", "c"], avoiding("a")) == {"b", "c"}
    assert proposed(["a", "b"], avoiding("a", "b")) == {"a", "b"}
    assert proposed(["a"]) == {"a"}
    assert len(proposed(["a", "b", "c"], avoiding())) == 2
