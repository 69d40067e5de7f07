"""The way into traces that costs nothing where there are none: whose trace a text belongs to, and who makes it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from telephony.telemetry.metrics import Metrics

if TYPE_CHECKING:  # it imports the packages for it
    from telephony.telemetry.tracing import Tracing

traceparent: ContextVar[str] = ContextVar("traceparent", default="")
"""The W3C header of the request that is being answered; empty for none. A text takes it when it is queued."""


def open_tracing(url: str, metrics: Metrics, room: str = "") -> Tracing | None:
    """See `Tracing`; None without a `url`."""
    if not url:
        return None
    from telephony.telemetry.tracing import Tracing

    return Tracing(url, metrics, room)
