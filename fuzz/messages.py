"""The WebSocket doors: whatever messages come, the answers are messages too, and nothing is left behind.

Nothing is synthesised: the scheduler's thread does not run, so that every run goes the same way.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from unittest import mock

from starlette.websockets import WebSocket

from telephony.endpoints import contexts, custom_speech, livekit, pipecat, speak
from telephony.engines.tone import ToneEngine
from telephony.listeners.session import SessionPolicy
from telephony.listeners.sessions import SessionRegistry
from telephony.scheduling.scheduler import Scheduler
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.voices import ResolvedVoice, VoiceRequest, choose

_SETTINGS = Settings(debounce_ms=0, max_text_chars=200, send_timeout_s=5.0)
# Each with its route among those of its module, and what the path says.
_DOORS: tuple[tuple[Any, int, dict[str, str]], ...] = (
    (livekit, 0, {}),
    (pipecat, 0, {}),
    (contexts, 0, {"voice": "tone"}),
    (contexts, 1, {"voice": "tone"}),
    (speak, 0, {}),
    (custom_speech, 0, {}),
)
_QUERY = b"output_format=pcm_24000&enable_ssml_parsing=true"
_MAX_WAITING_REQUESTS = 3  # few messages reach it


def check(data: bytes) -> None:
    """The first byte chooses the door; messages are divided by newlines, those that are no UTF-8 are binary."""
    if data:
        with mock.patch.object(pipecat, "MAX_WAITING_REQUESTS", _MAX_WAITING_REQUESTS):
            asyncio.run(_converse(*_DOORS[data[0] % len(_DOORS)], data[1:].split(b"\n")))


async def _converse(door: Any, number: int, named: dict[str, str], messages: list[bytes]) -> None:
    engine, metrics = ToneEngine(), Metrics()

    def find(wanted: VoiceRequest) -> ResolvedVoice:
        return choose(wanted, ResolvedVoice(engine, "tone", 1.0), [engine])

    sessions = SessionRegistry(SessionPolicy(None, 1, 0.0, 60.0), Scheduler(metrics), metrics, find, lambda: [engine])
    sessions.admit()
    route = door.router(sessions, _SETTINGS, metrics).routes[number]
    left = iter(messages)
    connected = False

    async def receive() -> dict[str, Any]:
        nonlocal connected
        if not connected:
            connected = True
            return {"type": "websocket.connect"}
        message = next(left, None)
        if message is None:
            return {"type": "websocket.disconnect", "code": 1000}
        try:
            return {"type": "websocket.receive", "text": message.decode()}
        except UnicodeDecodeError:
            return {"type": "websocket.receive", "bytes": message}

    async def send(message: Any) -> None:
        if "text" in message:
            assert isinstance(json.loads(message["text"]), dict)
            message["text"].encode()

    state = {"request_id": "fuzz"}  # the observer's
    scope = {"type": "websocket", "path": route.path, "headers": [], "query_string": _QUERY, "state": state}
    await route.endpoint(WebSocket(scope, receive, send), **named)
    assert sessions.drain(0.0), "speech was left behind"
    assert not metrics.registry.get_sample_value("tts_active_sessions", {"door": door.DOOR}), "a session was left"
