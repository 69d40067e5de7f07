"""What an endpoint refuses: each time a count and one line in the log, whichever endpoint it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
        known: what else names the client: `call`, `session`, `request_id`; `path`, of an HTTP request.
    """
    metrics.refusals.labels(door, code).inc()
    log.warning("refused", door=door, code=code, peer=peer, **known, why=why)


def peer_name(address: Sequence[object] | None) -> str | None:
    """A socket's address (host, port and more) as one word; None where there is none.

    Who came by a reverse proxy has port 0, and is named without it.
    """
    if not address:
        return None
    host, port = address[0], address[1]
    if not port:
        return str(host)
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


@dataclass(frozen=True)
class Refusal:
    """One `code` of the event `refused`: what it means, and what to do."""

    code: str
    meaning: str
    advice: str


REFUSALS = (
    Refusal(
        "connection_refused",
        "`--max-connections` are open; the newcomer was cut",
        "raise it and the limit on open files, or find the program that leaks connections",
    ),
    Refusal(
        "protocol_error",
        "a peer broke the protocol; its connection was closed",
        "see whether another program than the host talks to the port; `why` recognises HTTP",
    ),
    Refusal(
        "hello_overdue",
        "a connection said nothing whole for `--hello-timeout-s`",
        "ignore: port scanners and health checks do that",
    ),
    Refusal("text_overdue", "a text was begun, and not whole within `--hello-timeout-s`", "look at the host"),
    Refusal(
        "text_refused",
        "the service is stopping; or `--max-calls` are in use; or another connection has taken the call over",
        "raise the bound",
    ),
    Refusal(
        "registration_refused",
        "`--max-calls` are in use, or the call number is above 56,533, or the service is stopping",
        "raise the bound; check the id",
    ),
    Refusal(
        "busy",
        "there is no place: `--max-sessions`, `--max-first-audio-s`, or the service is starting or stopping",
        "a faster device, more machines, or a higher bound",
    ),
    Refusal("voice_unavailable", "the engine that was asked for is not loaded", "`why` says why; run `--check`"),
    Refusal("voice_not_found", "there is no such voice", "`GET /v1/voices` lists them"),
    Refusal("model_not_found", "there is no such model", "`GET /v1/models` lists them"),
    Refusal("ended", "text for a PBX's call that has just ended", "the program was late; nothing to do"),
    Refusal("unknown_call", "a request about a PBX's call that is not connected", "check the UUID"),
    Refusal(
        "400, 404, 405, 413, 422",
        "a request with a mistake",
        "correct the client: `path` says what it asked for, `why` names the field",
    ),
    Refusal(
        "401, 403",
        "a wrong key; a web page or a name that is not allowed",
        "`API_KEY`, `--allowed-origins`, `--allowed-hosts`",
    ),
    Refusal("408", "the body of a request did not come in time", "ignore, or look at the client"),
    Refusal("429", "`--requests-per-minute`, or as `busy`", "as `busy`"),
    Refusal("503", "`--max-connections` are open over HTTP, or the database cannot be written", "see `why`"),
    Refusal("1008, 1013", "a WebSocket closed before its first message: as 401 and 403; as 429 and 503", "as there"),
)
"""Codes of refusals. Further ones are the error codes of the WebSocket protocols, see docs/protocols.md."""
