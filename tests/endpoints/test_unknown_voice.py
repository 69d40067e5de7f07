"""A mistyped voice is answered with the one that was probably meant, at every endpoint."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.telemetry.metrics import Metrics
from telephony.voices import ResolvedVoice, VoiceRequest, choose
from telephony.voices.host_database import Store
from tests.clients import TIMEOUT_S, EventLog
from tests.conftest import StartService

MISTYPED = "af_skye"
SUGGESTION = "; did you mean af_sky?"


def post(service: Service, path: str, body: dict[str, Any]) -> Any:
    answer = httpx.post(f"http://127.0.0.1:{service.http_port}{path}", json=body, timeout=TIMEOUT_S)
    assert answer.status_code in (400, 422)
    return answer.json()


def ask(service: Service, path: str, message: dict[str, Any]) -> Any:
    with connect(f"ws://127.0.0.1:{service.http_port}{path}", open_timeout=TIMEOUT_S) as socket:
        socket.send(json.dumps(message))
        return json.loads(socket.recv(TIMEOUT_S))


def by_gateway(service: Service) -> str:
    answer = post(service, "/synthesize", {"text": "Hello.", "voice": MISTYPED})
    return str(answer["detail"][0]["msg"])


def by_openai(service: Service) -> str:
    answer = post(service, "/v1/audio/speech", {"model": "tts-1", "input": "Hello.", "voice": MISTYPED})
    return str(answer["error"]["message"])


def by_pbx(service: Service) -> str:
    answer = post(service, f"/calls/{uuid.uuid4()}/say", {"text": "Hello.", "voice": MISTYPED})
    return str(answer["detail"][0]["msg"])


def by_page(service: Service) -> str:
    return str(post(service, "/v1/selection", {"engine": "kokoro", "voice": MISTYPED})["detail"])


def by_session(service: Service) -> str:
    return str(ask(service, "/ws/tts", {"type": "start_session", "config": {"voice": MISTYPED}})["message"])


def by_sentence(service: Service) -> str:
    return str(ask(service, "/v1/audio/speech/stream/ws", {"type": "start", "voice": MISTYPED})["message"])


@pytest.mark.parametrize("say", [by_gateway, by_openai, by_pbx, by_page, by_session, by_sentence])
def test_every_endpoint_names_the_voice_that_was_meant(
    service: StartService, tmp_path: Path, say: Callable[[Service], str]
) -> None:
    database = tmp_path / "host.db"
    Store(database, Metrics()).initialise()
    door = service(http_port=0, audiosocket_port=0, db=database)
    message = say(door)
    assert repr(MISTYPED) in message
    assert message.endswith(SUGGESTION)


def test_the_hosts_choice_is_answered_in_the_log(service: StartService, events: EventLog) -> None:
    service(voice=MISTYPED)
    assert events.wait("voice_refused")["error"].endswith(SUGGESTION)


@pytest.mark.parametrize(
    ("voice", "end"),
    [
        ("AF_SKYE", SUGGESTION),
        ("am_micheal", "; did you mean am_michael?"),
        ("af_skye+am_michael", SUGGESTION),
        ("quux", "lists what there is"),
        ("x" * 100_000, "lists what there is"),
    ],
)
def test_only_a_voice_that_looks_alike_is_suggested(voice: str, end: str) -> None:
    engine = ToneEngine()
    with pytest.raises(Exception, match="unknown voice") as raised:
        choose(VoiceRequest(voice), ResolvedVoice(engine, "tone", 1.0), [engine])
    assert str(raised.value).endswith(end)
