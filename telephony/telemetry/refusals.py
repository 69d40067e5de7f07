"""What an endpoint refuses: each time a count and one line in the log, whichever endpoint it is."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()


def refused(metrics: Metrics, door: str, code: str, why: str, peer: str | None, **known: str | None) -> None:
    """Counts and logs a refusal. Any thread. The log has a bounded number of lines a second for each door and code.

    Args:
        door: the endpoint, out of a fixed set.
        code: what kind of refusal, out of a fixed set: the code or the status that the client is told, if it is told.
        why: in words, without a caller's text.
        peer: who is refused, see `peer_name`.
        known: what else names the client: `call`, `session`, `request_id`.
    """
    metrics.refusals.labels(door, code).inc()
    log.warning("refused", door=door, code=code, peer=peer, **known, why=why)


def peer_name(address: Sequence[object] | None) -> str | None:
    """A socket's address (host, port and more) as one word; None where there is none."""
    if not address:
        return None
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
