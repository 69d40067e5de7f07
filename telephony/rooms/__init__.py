"""Rooms: engines in processes of their own, which speak for doors. Ray is imported only where there are any."""

from __future__ import annotations

from telephony.engines.base import Engine, SynthesisError
from telephony.engines.blends import BlendFile
from telephony.engines.catalog import EngineUnavailableError
from telephony.engines.cluster.engine import ClusterEngine
from telephony.settings import Settings


def open_rooms(settings: Settings) -> Engine:
    """The engine that speaks through rooms: those of `settings.cluster`, or `settings.rooms` of this machine's own.

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
            rooms = serve_rooms.start_rooms(settings, settings.rooms)
        return ClusterEngine(rooms, BlendFile(settings.blends_path).recipes)
    except SynthesisError as error:
        raise EngineUnavailableError(str(error).replace("\n", "; ")) from error
