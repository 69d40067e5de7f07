"""Whether the service lives and is ready, for whoever watches over it, and its figures for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from telephony import __version__
from telephony.telemetry.metrics import Metrics

_UNREADY: dict[int | str, dict[str, Any]] = {
    503: {"description": "starting, stopping, damaged, or the engine that is to speak does not answer"}
}


STATUSES = ("starting", "ready", "stopping", "stalled", "damaged")
"""What a service can be: `stalled` where the engine that is to speak does not answer, `damaged` where its files are not
what they should be."""


@dataclass(frozen=True)
class Readiness:
    """How far the service is.

    Attributes:
        status: one of `STATUSES`.
        engine, device, voice: who speaks, and where it runs; None until that is known.
        stalled: the engines that do not answer.
    """

    status: str
    engine: str | None = None
    device: str | None = None
    voice: str | None = None
    stalled: tuple[str, ...] = ()


def router(readiness: Callable[[], Readiness]) -> APIRouter:
    """The routes of health; `readiness` must return at once."""
    routes = APIRouter(tags=["health"])

    @routes.get("/health/live")
    @routes.get("/healthz")
    async def live() -> JSONResponse:
        """200 while the process answers at all."""
        return JSONResponse({"status": "alive", "version": __version__})

    @routes.get("/health/startup", responses=_UNREADY)
    @routes.get("/health/ready", responses=_UNREADY)
    @routes.get("/readyz", responses=_UNREADY)
    async def ready() -> JSONResponse:
        """200 while texts are accepted, and the engine that is to speak answers and is intact: else 503."""
        state = readiness()
        return JSONResponse({**asdict(state), "version": __version__}, 200 if state.status == "ready" else 503)

    return routes


def metrics_router(metrics: Metrics) -> APIRouter:
    """The route of the figures."""
    routes = APIRouter(tags=["metrics"])

    @routes.get("/metrics", response_class=Response)
    async def figures() -> Response:
        """All figures in Prometheus' text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes
