"""Whether telephone calls are shared with other doors. Imports what that takes only where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony.listeners.calls import CallRegistry
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.shared_call_figures import SharedCallFigures

if TYPE_CHECKING:
    from telephony.listeners.shared_calls import SharedCalls


def sharing_error(settings: Settings) -> str | None:
    """Why calls cannot be shared with these settings, in one line; None if they can, or need not."""
    if not settings.shared_calls or (settings.redis_url and (settings.redis_secret or settings.api_key)):
        return None
    return "--shared-calls needs a --redis-url, and KOKORO_REDIS_SECRET or API_KEY, by which doors know each other"


def open_shared_calls(settings: Settings, calls: CallRegistry, metrics: Metrics) -> SharedCalls | None:
    """What shares the calls; None where they are not shared, or cannot be."""
    if not settings.shared_calls or sharing_error(settings) is not None:
        return None
    from telephony.listeners.call_directory import CallDirectory
    from telephony.listeners.shared_calls import SharedCalls

    secret = settings.redis_secret or settings.api_key
    return SharedCalls(calls, CallDirectory(settings.redis_url, secret), SharedCallFigures(metrics.registry))
