"""Text in letters that its voice does not read is no gibberish but an error with what to do, at every endpoint."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.speech import Voice
from telephony.text.script import Script
from telephony.voices import ResolvedVoice
from telephony.voices.reading import UnreadableTextError, reader_of
from tests.clients import TIMEOUT_S, EventLog, TextHost, figure, until
from tests.conftest import StartService

RUSSIAN = "Ваш столик заказан."
CHINESE = "<speak>您的座位<break time='100ms'/>已预订。</speak>"
VOICE = "af_sky"


class RussianEngine(ToneEngine):
    """One with a Russian voice."""

    def voices(self) -> Sequence[Voice]:
        return [Voice(name, "ru-RU") for name in self.voice_names]


def post(service: Service, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"http://127.0.0.1:{service.http_port}{path}", json=body, timeout=TIMEOUT_S)


def ask(service: Service, path: str, *messages: dict[str, Any]) -> Any:
    """The first error that a WebSocket answers with."""
    with connect(f"ws://127.0.0.1:{service.http_port}{path}", open_timeout=TIMEOUT_S) as socket:
        for message in messages:
            socket.send(json.dumps(message))
        while True:
            answer = json.loads(socket.recv(TIMEOUT_S))
            if answer["type"] == "error":
                return answer


def by_gateway(service: Service, text: str) -> str:
    answer = post(service, "/synthesize", {"text": text, "voice": VOICE})
    assert answer.status_code == 422
    return str(answer.json()["detail"][0]["msg"])


def by_openai(service: Service, text: str) -> str:
    answer = post(service, "/v1/audio/speech", {"model": "tts-1", "input": text, "voice": VOICE})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "input"
    return str(answer.json()["error"]["message"])


def by_pbx(service: Service, text: str) -> str:
    answer = post(service, f"/calls/{uuid.uuid4()}/say", {"text": text, "voice": VOICE})
    assert answer.status_code == 422
    return str(answer.json()["detail"][0]["msg"])


def by_session(service: Service, text: str) -> str:
    start = {"type": "start_session", "config": {"voice": VOICE}}
    answer = ask(service, "/ws/tts", start, {"type": "send_text", "text": text}, {"type": "flush"})
    assert (answer["code"], answer["segment_id"]) == ("synthesis_failed", 1)
    return str(answer["message"])


def by_sentence(service: Service, text: str) -> str:
    answer = ask(service, "/v1/audio/speech/stream/ws", {"type": "speak", "text": text, "voice": VOICE})
    assert answer["code"] == "bad_text"
    return str(answer["message"])


@pytest.mark.parametrize("say", [by_gateway, by_openai, by_pbx, by_session, by_sentence])
def test_every_endpoint_says_what_to_do(service: StartService, say: Callable[[Service, str], str]) -> None:
    door = service(http_port=0, audiosocket_port=0)
    named = "the text is written in {}, which voice af_sky (en-US) does not read: {} brings voices that do"
    assert say(door, RUSSIAN) == named.format("Cyrillic", "--piper-voices")
    assert say(door, CHINESE) == named.format("Chinese", "pip install -r requirements-ja-zh.txt")
    assert figure(door, "tts_texts_unreadable_total") == 2


def test_a_session_goes_on_behind_a_sentence_that_is_refused(service: StartService) -> None:
    door = service(http_port=0)
    with connect(f"ws://127.0.0.1:{door.http_port}/ws/tts", open_timeout=TIMEOUT_S) as socket:
        for message in (
            {"type": "start_session", "config": {"voice": VOICE}},
            {"type": "send_text", "text": f"Hello there. {RUSSIAN} Goodbye."},
            {"type": "end_session"},
        ):
            socket.send(json.dumps(message))
        told: list[dict[str, Any]] = []
        while not told or told[-1]["type"] != "session_ended":
            received = socket.recv(TIMEOUT_S)
            if isinstance(received, str):
                told.append(json.loads(received))
    assert [message["type"] for message in told[1:]] == ["segment_done", "error", "segment_done", "session_ended"]
    assert told[-1]["segments_processed"] == 2


def test_who_names_no_voice_gets_one_that_reads_the_text(service: StartService) -> None:
    door = service(second=RussianEngine(name="piper", voice_names=("irina",)), http_port=0)
    wait_loaded(door)
    answer = post(door, "/synthesize", {"text": RUSSIAN})
    assert (answer.status_code, answer.headers["X-Voice"]) == (200, "irina")
    assert by_gateway(door, RUSSIAN).endswith("ask for one that does, such as irina")


def wait_loaded(door: Service) -> None:
    until(lambda: "irina" in httpx.get(f"http://127.0.0.1:{door.http_port}/v1/voices", timeout=TIMEOUT_S).text)


def test_the_telephone_has_another_voice_read_it_or_says_nothing(service: StartService, events: EventLog) -> None:
    said: list[str] = []
    alone = service()
    with TextHost(alone.tcp_port, "7") as host:
        host.say(RUSSIAN)
        assert "does not read" in events.wait("text_unreadable", call="7")["error"]
        assert figure(alone, "tts_texts_unreadable_total") == 1
        assert figure(alone, "tts_texts_total") == 0
    russian = RussianEngine(name="piper", voice_names=("irina",), on_prepare=said.append)
    door = service(second=russian, http_port=0)
    wait_loaded(door)
    with TextHost(door.tcp_port, "8") as host:
        host.say(RUSSIAN)
        assert len(host.read_frame().samples)
    assert said == [RUSSIAN]


@pytest.mark.parametrize(
    ("text", "language", "read"),
    [
        (RUSSIAN, "en-US", False),
        (RUSSIAN, "uk-UA", True),
        ("Hello.", "ru-RU", True),
        ("He said Привет to all of them.", "en-US", True),
        ("こんにちは", "zh-CN", False),
        ("世界", "ja-JP", True),
        ("<speak xml:lang='ru'>Да.</speak>", "en-US", False),
        (RUSSIAN, "", True),  # of a voice that its engine has lost
    ],
)
def test_a_voice_reads_the_letters_of_its_language(text: str, language: str, read: bool) -> None:
    chosen = ResolvedVoice(ToneEngine(), "tone", 1.0, language)
    try:
        assert reader_of(Script.lenient(text), chosen, [], free=True) is chosen
    except UnreadableTextError:
        assert not read
    else:
        assert read
