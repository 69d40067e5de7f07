"""Events of calls, sent to a URL one after the other. Imported only where there is one."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import queue
import threading

import httpx
import structlog

from telephony import __version__
from telephony.listeners.call_events import CallEvents
from telephony.protocols.call_events import CallEvent
from telephony.telemetry.metrics import Metrics

log = structlog.get_logger()

SIGNATURE = "X-Signature"
"""The header with `sha256=` and the HMAC of the body, in hexadecimal."""

MAX_WAITING = 1000
"""Events that wait for the URL; further ones are dropped and counted."""

_TIMEOUT_S = 5.0
# What is left when the service stops is sent in milliseconds, or nobody takes it.
_LAST_EVENTS_S = 2.0


def signature(secret: str, body: bytes) -> str:
    """The header for a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Webhook:
    """Sends events, in a thread of its own. `start` once, `close` once.

    Args:
        url: takes each event by POST, and answers with a status of 200 to 299.
        secret: signs the bodies; empty for none.
    """

    def __init__(self, url: str, secret: str, events: CallEvents, metrics: Metrics) -> None:
        self._url = url
        self._secret = secret
        self._events = events
        self._metrics = metrics
        self._waiting: queue.Queue[CallEvent | None] = queue.Queue(MAX_WAITING)
        self._failing = False
        self._closing = threading.Event()
        # A daemon: a URL that hangs must not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, name="events-webhook", daemon=True)

    def start(self) -> None:
        """Begins to send."""
        self._events.subscribe(self._take)
        self._thread.start()

    def close(self) -> None:
        """Sends what is left, if it is taken at once."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=_LAST_EVENTS_S)
            self._thread.join(_LAST_EVENTS_S)
        self._closing.set()  # what is left is not sent; a queue that was full may be empty by now
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)

    def _take(self, event: CallEvent) -> None:
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self._metrics.call_events_lost.labels("waiting").inc()

    def _run(self) -> None:
        with httpx.Client(timeout=_TIMEOUT_S, headers={"User-Agent": f"kokoro-telephony/{__version__}"}) as client:
            while not self._closing.is_set() and (event := self._waiting.get()) is not None:
                try:
                    self._send(client, event)
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    self._metrics.call_events_lost.labels("failed").inc()
                    if not self._failing:
                        log.warning("call_events_lost", error=_why(error))
                    self._failing = True
                else:
                    if self._failing:
                        log.info("call_events_taken")
                    self._failing = False

    def _send(self, client: httpx.Client, event: CallEvent) -> None:
        body = event.to_json().encode()
        headers = {"Content-Type": "application/json"}
        if self._secret:
            headers[SIGNATURE] = signature(self._secret, body)
        answer = client.post(self._url, content=body, headers=headers)
        if not answer.is_success:
            raise httpx.HTTPStatusError(f"status {answer.status_code}", request=answer.request, response=answer)


def _why(error: Exception) -> str:
    """Without the URL, which may hold a secret."""
    return str(error) if isinstance(error, httpx.HTTPStatusError) else type(error).__name__
