"""The lexicon at every door: what is heard is what it says, and what is told is what was written."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.sync.client import ClientConnection, connect

from bench.crowd import CALLERS, Heard, is_all_of
from telephony.engines.tone import ToneEngine, pitch_hz
from telephony.service import Service
from telephony.speech import Samples
from tests.agents import pcm
from tests.clients import TIMEOUT_S, EventLog, TextHost, dominant_hz, tone, tone_samples, until, wait_figure
from tests.conftest import StartService
from tests.endpoints.test_pbx import Pbx
from tests.load.conftest import DOORS, crowd_of

TEXT, SAID = "Mr. Nguyen is in.", "Mr. win is in."
OWN = [{"word": "Nguyen", "alias": "new yen"}]
OWN_SAID = "Mr. new yen is in."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "lexicon.yaml"
    written.write_text("- word: Nguyen\n  alias: win\n")
    return written


@pytest.fixture
def door(service: StartService, path: Path) -> Service:
    return service(http_port=0, audiosocket_port=0, lexicon=path, phrase_memory_mb=8)


@pytest.fixture
def client(door: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{door.http_port}", timeout=TIMEOUT_S) as each:
        yield each


def synthesized(client: httpx.Client, text: str, **fields: Any) -> Samples:
    answer = client.post("/synthesize", json={"text": text, **fields})
    assert answer.status_code == 200, answer.text
    return np.frombuffer(answer.content, np.float32)


def test_the_telephone(door: Service) -> None:
    with TextHost(door.tcp_port, "1") as host:
        host.say(TEXT)
        np.testing.assert_array_equal(host.read_frame().samples, tone(SAID))


def test_the_gateway_and_its_cache(client: httpx.Client) -> None:
    np.testing.assert_array_equal(synthesized(client, TEXT), tone(SAID))
    np.testing.assert_array_equal(synthesized(client, TEXT, pronunciations=OWN), tone(OWN_SAID))
    np.testing.assert_array_equal(synthesized(client, "Nobody is in."), tone("Nobody is in."))
    assert client.put("/v1/lexicon", json=OWN[0]).status_code == 200
    # What the change touches is made anew; the rest is there still.
    np.testing.assert_array_equal(synthesized(client, TEXT), tone(OWN_SAID))
    assert client.post("/synthesize", json={"text": "Nobody is in."}).headers["X-Cache"] == "hit"


def test_openai(client: httpx.Client) -> None:
    body = {"model": "kokoro", "input": TEXT, "voice": "tone", "response_format": "pcm"}
    for more, said in (({}, SAID), ({"pronunciations": OWN}, OWN_SAID)):
        answer = client.post("/v1/audio/speech", json={**body, **more})
        assert len(answer.content) == 2 * tone_samples(said)


def test_elevenlabs_clients(door: Service, client: httpx.Client) -> None:
    for more, said in (({}, SAID), ({"pronunciations": OWN}, OWN_SAID)):
        answer = client.post("/v1/text-to-speech/tone?output_format=pcm_24000", json={"text": TEXT, **more})
        assert len(answer.content) == 2 * tone_samples(said)
        address = f"ws://127.0.0.1:{door.http_port}/v1/text-to-speech/tone/stream-input?output_format=pcm_24000"
        with connect(address) as agent:
            agent.send(json.dumps({"text": TEXT, **more}))
            agent.send(json.dumps({"text": ""}))
            heard = b"".join(base64.b64decode(json.loads(each)["audio"] or "") for each in agent)
        assert len(heard) == 2 * tone_samples(said)


def test_deepgram_clients(door: Service, client: httpx.Client) -> None:
    for more, said in (({}, SAID), ({"pronunciations": OWN}, OWN_SAID)):
        answer = client.post("/v1/speak?encoding=linear16&container=none", json={"text": TEXT, **more})
        assert len(answer.content) == 2 * tone_samples(said)
        with connect(f"ws://127.0.0.1:{door.http_port}/v1/speak") as agent:
            agent.send(json.dumps({"type": "Speak", "text": TEXT, **more}))
            agent.send(json.dumps({"type": "Close"}))
            assert sum(len(each) for each in agent if isinstance(each, bytes)) == 2 * tone_samples(said)


def test_an_asterisk_call(door: Service, client: httpx.Client) -> None:
    with Pbx(door) as pbx:
        pbx.wait_connected()
        client.post(f"/calls/{'40325ec2-5efd-4bd3-805f-53576e581d13'}/say", json={"text": TEXT, "pronunciations": OWN})
        kind, payload = pbx.read()
        heard = bytearray()
        while len(heard) < 8000:
            heard += payload if kind == 0x10 else b""
            kind, payload = pbx.read()
    samples = np.frombuffer(bytes(heard), "<i2").astype(np.float32) / np.float32(32767)
    assert abs(dominant_hz(samples[1000:3000], 8000) - pitch_hz(OWN_SAID)) < 10


def until_message(agent: ClientConnection, kind: str) -> tuple[list[dict[str, Any]], int]:
    """The messages up to one of a kind, and how many samples came between them."""
    messages: list[dict[str, Any]] = []
    samples = 0
    while not messages or messages[-1]["type"] != kind:
        received = agent.recv(TIMEOUT_S)
        if isinstance(received, bytes):
            samples += len(received) // 2
        else:
            messages.append(json.loads(received))
            assert messages[-1]["type"] != "error", messages[-1]
    return messages, samples


def send(agent: ClientConnection, kind: str, **fields: Any) -> None:
    agent.send(json.dumps({"type": kind, **fields}))


@pytest.mark.parametrize(("config", "said"), [({}, SAID), ({"pronunciations": OWN}, OWN_SAID)])
def test_the_session_protocol(door: Service, config: dict[str, Any], said: str) -> None:
    with connect(f"ws://127.0.0.1:{door.http_port}/ws/tts") as agent:
        send(agent, "start_session", config={"timestamps": True, **config})
        until_message(agent, "session_started")
        for piece in re.findall("..?", f"{TEXT} "):
            send(agent, "send_text", text=piece)
        send(agent, "flush")
        messages, samples = until_message(agent, "segment_done")
        words = [word["word"] for message in messages if message["type"] == "words" for word in message["words"]]
        assert words == TEXT.split()
        assert samples == tone_samples(said)


def test_what_was_heard_is_told_as_it_was_written(service: StartService, path: Path) -> None:
    # Long aliases, so that what is heard when the client cancels cannot be counted in characters of the text.
    path.write_text(f"- word: Nguyen\n  alias: {'wi ' * 20}n\n")
    door = service(ToneEngine(window_s=0.1), http_port=0, lexicon=path)
    with connect(f"ws://127.0.0.1:{door.http_port}/ws/tts") as agent:
        send(agent, "start_session", config={"lead_ms": 100})
        send(agent, "send_text", text="Hi Nguyen you there. ")
        send(agent, "flush")
        heard = 0
        while heard < 24_000 * 0.5:
            received = agent.recv(TIMEOUT_S)
            heard += len(received) // 2 if isinstance(received, bytes) else 0
        send(agent, "cancel")
        messages, _ = until_message(agent, "cancelled")
        assert (messages[-1]["text_spoken"], messages[-1]["text_remaining"]) == ("Hi", "Nguyen you there.")


def test_the_sentence_protocol(door: Service) -> None:
    with connect(f"ws://127.0.0.1:{door.http_port}/v1/audio/speech/stream/ws") as agent:
        send(agent, "start", timestamps=True, pronunciations=OWN)
        for more, said in (
            ({}, OWN_SAID),
            ({"pronunciations": [{"word": "nguyen", "alias": "n"}]}, "Mr. n is in."),
        ):
            send(agent, "speak", text=TEXT, **more)
            messages, samples = until_message(agent, "done")
            words = [word["word"] for message in messages for word in message.get("words") or ()]
            assert (words, samples) == (TEXT.split(), tone_samples(said))
        send(agent, "speak", text=TEXT, pronunciations=[{"word": "x"}])
        assert json.loads(agent.recv(TIMEOUT_S))["code"] == "bad_pronunciations"


def test_what_a_client_brings_is_bounded(client: httpx.Client) -> None:
    for wrong in ([{"word": "x"}], OWN * 101, [{"word": "x", "alias": "y" * 200}], [{"word": "[x]", "alias": "y"}]):
        answer = client.post("/synthesize", json={"text": TEXT, "pronunciations": wrong})
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"][:2] == ["body", "pronunciations"]


def test_a_change_of_the_file_is_heard(door: Service, client: httpx.Client, path: Path, events: EventLog) -> None:
    def replace(text: str) -> None:
        staging = path.with_suffix(".new")
        staging.write_text(text)
        staging.replace(path)

    replace("- word: Nguyen\n  alias: winner\n")
    until(lambda: len(synthesized(client, TEXT)) == tone_samples("Mr. winner is in."))
    replace("- word: Nguyen\n")
    until(lambda: bool(events.found("lexicon_refused")))
    assert "line 1" in client.get("/v1/lexicon").json()["error"]
    np.testing.assert_array_equal(synthesized(client, TEXT), tone("Mr. winner is in."))


def changed(path: Path, alias: str, events: EventLog) -> None:
    """Writes another lexicon, and waits until the service has read it."""
    known = len(events.found("lexicon_read"))
    staging = path.with_suffix(".new")
    staging.write_text(f"- word: Nguyen\n  alias: {alias}\n")
    staging.replace(path)
    events.wait("lexicon_read", count=known + 1)


@pytest.mark.parametrize("name", CALLERS)
def test_every_door_says_what_the_file_says_now(service: StartService, path: Path, events: EventLog, name: str) -> None:
    door = service(**DOORS, lexicon=path)

    async def main() -> tuple[Heard, Heard]:
        async with crowd_of(door) as crowd:

            async def change() -> None:
                await asyncio.to_thread(changed, path, "winner", events)

            # The other change comes while the client is connected, and has not said anything yet.
            return await crowd.calls[name]([TEXT]), await crowd.calls[name]([TEXT], change)

    before, after = asyncio.run(asyncio.wait_for(main(), 2 * TIMEOUT_S))
    assert is_all_of(before, name, [pcm(SAID)])
    assert is_all_of(after, name, [pcm("Mr. winner is in.")])


STREAMS = ("telephone", "session", "sentence", "contexts", "speak")
"""Doors whose texts come one after the other on one connection."""


@pytest.mark.parametrize("name", STREAMS)
def test_a_change_in_the_middle_of_a_stream_is_heard_from_the_next_sentence_on(
    service: StartService, path: Path, events: EventLog, name: str
) -> None:
    door = service(**DOORS, lexicon=path)

    class Sentences(list[str]):
        def __iter__(self) -> Iterator[str]:
            for number, sentence in enumerate(super().__iter__()):
                if number:
                    wait_figure(door, "tts_segments_total", lambda count: count == 1, engine="tone")
                    changed(path, "winner", events)
                yield sentence

    async def main() -> Heard:
        async with crowd_of(door) as crowd:
            return await crowd.calls[name](Sentences([TEXT, TEXT]))

    heard = asyncio.run(asyncio.wait_for(main(), 2 * TIMEOUT_S))
    assert is_all_of(heard, name, [pcm(SAID), pcm("Mr. winner is in.")])


def test_a_broken_file_keeps_no_service_from_starting(service: StartService, path: Path) -> None:
    path.write_text("- word")
    with TextHost(service(lexicon=path).tcp_port, "1") as host:
        host.say(TEXT)
        np.testing.assert_array_equal(host.read_frame().samples, tone(TEXT))


def test_entries_are_shown_kept_and_removed(client: httpx.Client, path: Path) -> None:
    wu = {"word": "Wu", "alias": "woo", "ipa": None, "language": "en", "case_sensitive": False}
    assert client.put("/v1/lexicon", json={"word": "Wu", "alias": "woo", "language": "en"}).json() == wu
    state = client.get("/v1/lexicon").json()
    assert (state["file"], state["error"], state["entries"][1:]) == (True, None, [wu])
    assert len(synthesized(client, "Wu.")) == tone_samples("woo.")
    assert client.delete("/v1/lexicon", params={"word": "Wu"}).status_code == 404
    assert client.delete("/v1/lexicon", params={"word": "Wu", "language": "en"}).status_code == 204
    assert path.read_text() == "- word: Nguyen\n  alias: win\n"
    assert client.put("/v1/lexicon", json={"word": "Wu"}).status_code == 422
    path.write_text("- word: Nguyen\n")
    answer = client.put("/v1/lexicon", json=wu)
    assert (answer.status_code, "line 1" in answer.text) == (409, True)


def test_without_a_file_nothing_is_kept(service: StartService) -> None:
    url = f"http://127.0.0.1:{service(http_port=0).http_port}/v1/lexicon"
    assert httpx.get(url).json() == {"file": False, "error": None, "entries": []}
    assert httpx.put(url, json=OWN[0]).status_code == 409
    assert httpx.delete(url, params={"word": "x"}).status_code == 409


def test_the_lexicon_takes_the_key(service: StartService, path: Path) -> None:
    url = f"http://127.0.0.1:{service(http_port=0, lexicon=path, api_key='ours').http_port}/v1/lexicon"
    assert [httpx.request(how, url).status_code for how in ("GET", "PUT", "DELETE")] == [401] * 3
