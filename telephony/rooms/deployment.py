"""The rooms as a Ray Serve deployment, which places, supervises, drains and scales them.

`python -m telephony.rooms` deploys them; a Serve configuration file names `telephony.rooms.deployment:build`.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncGenerator
from typing import Any

from ray import serve

from telephony.engines import catalog
from telephony.engines.cluster.messages import Description, Message, Speak
from telephony.rooms.options import parse_options
from telephony.rooms.room import Room
from telephony.settings import Settings
from telephony.telemetry import logs

APP = "kokoro"
DEPLOYMENT = "room"
# A segment of the longest kind, which a room that ends lets come to its end.
_GRACE_S = 40.0
_HEALTH_EVERY_S = 2.0
# Streams at once that Serve hands to one room; who of them is served when, the room decides.
_MAX_STREAMS = 256


class RoomDeployment:
    """A `Room` in a process of Ray's. `user_config` changes while it runs."""

    def __init__(self, settings: Settings) -> None:
        logs.configure(settings.log_level, settings.log_format)
        name = serve.get_replica_context().replica_id.unique_id
        self._room = Room(
            name,
            catalog.load_main(settings),
            settings.max_wait_s,
            settings.stall_timeouts.engine_s,
            settings.traces_url,
        )
        self._room.start()
        gc.collect()
        gc.freeze()  # as a service does: a model's objects stay, and to look through them halts everybody's speech

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Serve's `user_config`: `max_wait_s`, see the setting."""
        if unknown := user_config.keys() - {"max_wait_s"}:
            raise ValueError(f"a room has no setting {', '.join(sorted(unknown))}; it has max_wait_s")
        if "max_wait_s" in user_config:
            self._room.limit_wait(float(user_config["max_wait_s"]))

    def check_health(self) -> None:
        """A room whose engine hangs is replaced."""
        if not self._room.answers:
            raise RuntimeError("the engine does not answer")

    async def describe(self) -> Description:
        """See `Room`."""
        return self._room.describe()

    async def speak(self, wanted: Speak) -> AsyncGenerator[Message, None]:
        """See `Room`."""
        async for message in self._room.speak(wanted):
            yield message

    def __del__(self) -> None:
        room = getattr(self, "_room", None)
        if room is not None:
            room.close()


def build(options: dict[str, Any]) -> serve.Application:
    """The application, for Serve's configuration files and `deploy`.

    Raises:
        SettingsError: see `parse_options`.
    """
    wanted = parse_options(options)
    scaled: dict[str, Any] = {"num_replicas": wanted.rooms}
    if wanted.max_rooms is not None:
        scaled = {
            "num_replicas": "auto",
            "autoscaling_config": {
                "min_replicas": wanted.min_rooms,
                "max_replicas": wanted.max_rooms,
                "target_ongoing_requests": wanted.streams_per_room,
            },
        }
    deployment: Any = serve.deployment(
        RoomDeployment,
        name=DEPLOYMENT,
        ray_actor_options={"num_cpus": wanted.cpus, "num_gpus": wanted.gpus},
        max_ongoing_requests=_MAX_STREAMS,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=_GRACE_S,
        health_check_period_s=_HEALTH_EVERY_S,
        health_check_timeout_s=3 * _HEALTH_EVERY_S,
        request_router_config={"request_router_class": "telephony.rooms.router.RoomRouter"},
        **scaled,
    )
    application: serve.Application = deployment.bind(wanted.settings)
    return application
