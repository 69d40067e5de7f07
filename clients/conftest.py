"""The clients are tested against the running service: with the fixtures that start it."""

from __future__ import annotations

from tests.conftest import _no_leaks, _own_log_configuration, _turn, events, kokoro, kokoro_weights, service

__all__ = ["_no_leaks", "_own_log_configuration", "_turn", "events", "kokoro", "kokoro_weights", "service"]
