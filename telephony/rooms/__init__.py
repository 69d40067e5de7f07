"""Rooms: engines in processes of their own, which speak for doors. Ray is imported only where there are any."""

from __future__ import annotations

from telephony.engines.base import Engine, SynthesisError
from telephony.engines.blends import BlendFile
from telephony.engines.catalog import EngineUnavailableError
from telephony.engines.cluster.engine import ClusterEngine
from telephony.settings import Settings
from telephony.system import machine

CORES_OF_A_ROOM = 2
"""Two threads make a window in about half the time of one. `python -m bench.rooms --grid` measures other numbers."""


def room_count(settings: Settings) -> int:
    """How many rooms of its own the service starts; 0: the engine runs in its process."""
    if settings.rooms is not None:
        return settings.rooms
    gpus = machine.nvidia_gpus() if settings.device in ("auto", "cuda") else 0
    rooms = gpus or int(machine.cores()) // CORES_OF_A_ROOM
    return rooms if rooms > 1 else 0  # a single one gains nothing


def open_rooms(settings: Settings) -> Engine:
    """The engine that speaks through rooms: those of `settings.cluster`, or `room_count` of this machine's own.

    Raises:
        EngineUnavailableError: Ray is not installed, or there are no rooms.
    """
    try:
        from telephony.rooms import serve_rooms
    except ImportError as error:
        raise EngineUnavailableError(
            f"package {error.name} is missing: pip install -c constraints.txt -r requirements-cluster.txt"
        ) from None
    try:
        if settings.cluster:
            rooms = serve_rooms.join_rooms(settings.cluster)
        else:
            rooms = serve_rooms.start_rooms(settings, room_count(settings))
        return ClusterEngine(rooms, BlendFile(settings.blends_path).recipes)
    except SynthesisError as error:
        raise EngineUnavailableError(str(error).replace("\n", "; ")) from error
