"""The way to rooms that Ray Serve runs: on this machine, or in a cluster that this process joins."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from telephony.engines.base import SynthesisError
from telephony.engines.cluster.messages import Description, Message, Speak
from telephony.settings import Settings
from telephony.system import machine

# Whoever reaches one of Ray's ports could run any program. Before Ray is imported, which reads it once.
os.environ.setdefault("RAY_AUTH_MODE", "token")
# Its own handler of SIGTERM writes traces of its threads before ours is called.
os.environ.setdefault("RAY_DISABLE_FAILURE_SIGNAL_HANDLER", "1")
# Less than half of the time for each message: no threads in between, and gRPC, which asks for the token too.
os.environ.setdefault("RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP", "0")
os.environ.setdefault("RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD", "0")
os.environ.setdefault("RAY_SERVE_USE_GRPC_BY_DEFAULT", "1")
# What serves callers on their own machines tells nobody of it.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# Ten looks a second at every deployment took a quarter of what an idle cluster costs; rooms come and go in seconds.
os.environ.setdefault("RAY_SERVE_CONTROL_LOOP_INTERVAL_S", "0.5")
# Without its head a cluster's rooms go on for a while; Ray would end the door's process after a minute.
os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", "86400")

import ray
from ray import serve

from telephony.rooms.deployment import APP, DEPLOYMENT, build

_CORES_BESIDE_A_GPU = 2
_GPU_PARTS = 10_000
"""Ray counts in such parts of a GPU."""
_QUIET: dict[str, Any] = {"log_to_driver": False, "configure_logging": False, "namespace": APP}


class ServeRooms:
    """See `Rooms`. Made by `start_rooms` or `join_rooms`.

    Args:
        thread: the one that has started Ray or joined it: what it has started ends with it.
    """

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._thread = thread
        self._streams: Any = None

    async def describe(self) -> Description:
        """See `Rooms`."""
        try:
            handle = serve.get_deployment_handle(DEPLOYMENT, APP)  # in the event loop that it belongs to from now on
            self._streams = handle.options(stream=True, method_name="speak")
            described: Description = await handle.describe.remote()
        except Exception as error:
            raise SynthesisError(f"no room answers: {type(error).__name__}: {error}"[:300]) from error
        return described

    async def speak(self, wanted: Speak) -> AsyncGenerator[Message, None]:
        """See `Rooms`."""
        response = self._streams.remote(wanted)
        try:
            async for message in response:
                yield message
        finally:
            response.cancel()

    def close(self) -> None:
        """Leaves the cluster; one that this process has started ends with its rooms."""
        self._thread.submit(ray.shutdown).result()
        self._thread.shutdown()


def start_rooms(settings: Settings, rooms: int) -> ServeRooms:
    """Starts Ray on this machine, and rooms that `share` it. Takes seconds, and as long as an engine to load.

    Raises:
        SynthesisError: they do not start.
    """
    cores = max(1, int(machine.cores()))

    def deploy_shares() -> None:
        resources: Any = ray.cluster_resources  # which has no types where Ray is installed
        gpus = 0 if settings.device == "cpu" else int(resources().get("GPU", 0))
        threads = {"threads": settings.threads} if settings.threads else {}
        deploy({**_said(settings), "rooms": rooms, **share(rooms, cores, gpus), **threads})

    return _in_thread(
        lambda: ray.init(num_cpus=max(cores, rooms), include_dashboard=False, _node_ip_address="127.0.0.1", **_QUIET),
        deploy_shares,
    )


def share(rooms: int, cores: int, gpus: int) -> dict[str, Any]:
    """What each room gets of a machine, as options: an equal part of its cores, or a GPU and up to two cores.

    With more rooms than GPUs, each gets the same part of one, so small that the fullest GPU holds its rooms.
    """
    cpus = max(1, cores // rooms)
    if not gpus:
        return {"cpus": cpus, "gpus": 0}
    to_one = math.ceil(rooms / gpus)
    return {"cpus": min(_CORES_BESIDE_A_GPU, cpus), "gpus": math.floor(_GPU_PARTS / to_one) / _GPU_PARTS}


def join_rooms(address: str) -> ServeRooms:
    """Joins a cluster in which rooms are deployed.

    Args:
        address: `auto` for the cluster that this machine is a node of, or HOST:PORT of its head.

    Raises:
        SynthesisError: there is no such cluster, or no rooms in it.
    """
    return _in_thread(lambda: ray.init(address=address, **_QUIET))


def deploy_at(address: str, options: dict[str, Any]) -> None:
    """Joins a cluster, deploys rooms there, see `parse_options`, and leaves it.

    Raises:
        SynthesisError: there is no such cluster, or they do not start.
    """
    _in_thread(lambda: ray.init(address=address, **_QUIET), lambda: deploy(options)).close()


def deploy(options: dict[str, Any]) -> None:
    """Deploys rooms in the cluster that this process has joined, or changes those there: see `parse_options`."""
    serve.start(proxy_location="Disabled")
    serve.run(build(options), name=APP, route_prefix=None)


def _quieten() -> None:
    """Of Ray's own log, only what is wrong."""
    for name in ("ray", "ray.serve"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _in_thread(*steps: Callable[[], object]) -> ServeRooms:
    """Does some steps outside of the main thread, whose handlers of signals Ray would replace."""
    thread = ThreadPoolExecutor(1, "ray")

    def work() -> ServeRooms:
        _quieten()
        for step in steps:
            step()
        return ServeRooms(thread)

    try:
        return thread.submit(work).result()
    except Exception as error:
        thread.submit(ray.shutdown).result()
        thread.shutdown()
        raise SynthesisError(f"the rooms cannot be had: {type(error).__name__}: {error}"[:500]) from error


def _said(settings: Settings) -> dict[str, Any]:
    """What of a door's settings is the rooms' too."""
    engine = "engine tone_realtime_factor voice device cache_dir weights_dir kokoro_voices".split()
    names = [*engine, *"max_wait_s log_level log_format traces_url".split()]
    return {name: value for name in names if (value := getattr(settings, name)) not in (None, "")}
