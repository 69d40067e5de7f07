"""The phrase cache in a service: at every door, between two processes, and when its stores fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from telephony.engines.base import Engine
from telephony.engines.tone import ToneEngine
from telephony.service import Service, StartError
from telephony.settings import Settings
from telephony.voices.selector import Loaders
from tests.clients import (
    TIMEOUT_S,
    AudioProcessor,
    Daemon,
    EventLog,
    TextHost,
    Throttle,
    figure,
    free_port,
    joined,
    register,
    tone,
    tone_samples,
    wait_figure,
)
from tests.conftest import StartService
from tests.endpoints.test_livekit_door import Agent as SessionAgent
from tests.endpoints.test_pipecat_door import Agent as SentenceAgent
from tests.redis_server import RedisServer

TEXT = "Please hold the line."
ROOM = {"http_port": 0, "phrase_cache_mb": 64, "max_first_audio_s": 0.0}


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=TIMEOUT_S) as each:
        yield each


class Counted:
    """Starts services whose phrases lie in a directory; counts what their engines prepare."""

    def __init__(self, service: StartService, directory: Path) -> None:
        self.prepared: list[str] = []
        self.directory = directory
        self._service = service

    def start(self, on_render: Callable[[str], object] = lambda text: None, **settings: Any) -> Service:
        engine = ToneEngine(on_prepare=self.prepared.append, on_render=on_render)
        return self._service(engine, **{**ROOM, "phrase_dir": self.directory, **settings})


@pytest.fixture
def counted(service: StartService, tmp_path: Path) -> Counted:
    return Counted(service, tmp_path / "phrases")


def synthesize(client: httpx.Client, port: int | None, text: str = TEXT) -> httpx.Response:
    response = client.post(f"http://127.0.0.1:{port}/synthesize", json={"text": text})
    assert response.status_code == 200, response.text
    return response


def floats(response: httpx.Response) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.frombuffer(response.content, "<f4")


# HostPorts


def by_telephone(door: Service) -> bytes:
    with TextHost(door.tcp_port, "1") as host:
        host.say(TEXT)
        host.bye()
        return joined(host.read_to_end()).tobytes()


def by_processor(door: Service) -> bytes:
    with AudioProcessor() as processor, TextHost(door.tcp_port, processor.call_id) as host:
        register(door, processor.call_id)
        wait_figure(door, "tts_active_calls", lambda count: count >= 1)
        host.say(TEXT)
        host.bye()
        return joined(processor.wait_samples(tone_samples(TEXT))).tobytes()


def by_gateway(door: Service) -> bytes:
    with httpx.Client(timeout=TIMEOUT_S) as client:
        return synthesize(client, door.http_port).content


def by_openai(door: Service) -> bytes:
    body = {"model": "kokoro", "input": TEXT, "voice": "af_sky", "response_format": "flac"}
    return httpx.post(f"http://127.0.0.1:{door.http_port}/v1/audio/speech", json=body, timeout=TIMEOUT_S).content


def by_session(door: Service) -> bytes:
    with SessionAgent(door) as agent:
        agent.start(voice="af_sky")
        agent.say(TEXT)
        agent.send("end_session")
        return agent.hear_to("session_ended").audio


def by_sentence(door: Service) -> bytes:
    with SentenceAgent(door) as agent:
        agent.start(timestamps=True)
        agent.speak("1", TEXT)
        heard = agent.hear("1")
        words = [word for meta in heard.metas for word in meta["words"]]
        assert [word["word"] for word in words] == TEXT.split()
        return heard.audio + json.dumps(words).encode()


@pytest.mark.parametrize(
    ("say", "route", "stream"),
    [
        (by_telephone, "reply", False),
        (by_telephone, "reply", True),
        (by_processor, "processor", False),
        (by_gateway, "auto", False),
        (by_openai, "auto", False),
        (by_session, "auto", False),
        (by_sentence, "auto", False),
    ],
)
def test_at_every_door_a_phrase_is_heard_again_as_it_was_made(
    counted: Counted, say: Callable[[Service], bytes], route: str, stream: bool
) -> None:
    door = counted.start(audio_route=route, stream=stream)
    made = say(door)
    assert len(made) > 1000
    door.stop()
    door = counted.start(audio_route=route, stream=stream)
    assert say(door) == made
    assert counted.prepared == [TEXT]
    assert figure(door, "tts_cache_hits_total", store="files") == 1


def test_the_doors_share_what_was_made(counted: Counted) -> None:
    door = counted.start(stream=True)
    for say in (by_telephone, by_gateway, by_openai, by_session, by_sentence):
        say(door)
    assert counted.prepared == [TEXT]


def test_http_answers_say_whether_the_phrase_was_there(counted: Counted, client: httpx.Client) -> None:
    door = counted.start()
    assert [synthesize(client, door.http_port).headers["X-Cache"] for _ in range(2)] == ["miss", "hit"]
    body = {"model": "kokoro", "input": TEXT, "voice": "af_sky", "response_format": "pcm"}
    response = client.post(f"http://127.0.0.1:{door.http_port}/v1/audio/speech", json=body)
    assert response.headers["X-Cache"] == "hit"
    metrics = client.get(f"http://127.0.0.1:{door.http_port}/metrics").text
    shown = {family.name for family in text_string_to_metric_families(metrics)}
    assert {"tts_cache_hits", "tts_cache_misses", "tts_cache_errors", "tts_cache_bytes"} <= shown


def test_without_a_cache_every_text_is_made(counted: Counted, client: httpx.Client) -> None:
    door = counted.start(phrase_cache_mb=0)
    assert [synthesize(client, door.http_port).headers["X-Cache"] for _ in range(2)] == ["miss", "miss"]
    assert counted.prepared == [TEXT, TEXT]
    assert not counted.directory.exists()


def test_clients_who_ask_at_once_have_it_made_once(counted: Counted) -> None:
    throttle = Throttle()
    door = counted.start(throttle)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(by_gateway, door) for _ in range(8)]
        wait_figure(door, "tts_active_sessions", lambda count: count == 8, door="gateway")
        throttle.open()
        assert {answer.result(TIMEOUT_S) for answer in answers} == {tone(TEXT).tobytes()}
    assert counted.prepared == [TEXT]


def test_a_client_who_goes_leaves_the_phrase_to_the_others(counted: Counted, client: httpx.Client) -> None:
    throttle = Throttle(allowed=1)
    door = counted.start(throttle)
    with ThreadPoolExecutor(1) as pool:
        with client.stream("POST", f"http://127.0.0.1:{door.http_port}/synthesize", json={"text": TEXT}) as response:
            next(response.iter_raw())
            throttle.wait_asked(2)
            other = pool.submit(by_gateway, door)
            wait_figure(door, "tts_cache_joined_total", lambda count: count == 1)
        wait_figure(door, "tts_active_sessions", lambda count: count == 1, door="gateway")
        throttle.open()
        assert other.result(TIMEOUT_S) == tone(TEXT).tobytes()
    assert counted.prepared == [TEXT]


# Stores


def test_killing_redis_under_a_service_changes_nothing_but_a_counter(
    counted: Counted, client: httpx.Client, redis_server: RedisServer, events: EventLog
) -> None:
    door = counted.start(redis_url=redis_server.url)
    for _ in range(2):
        np.testing.assert_array_equal(floats(synthesize(client, door.http_port)), tone(TEXT))
    assert figure(door, "tts_cache_hits_total", store="redis") + figure(door, "tts_cache_joined_total") == 1
    redis_server.kill()
    for _ in range(5):
        response = synthesize(client, door.http_port)
        np.testing.assert_array_equal(floats(response), tone(TEXT))
        assert response.headers["X-Cache"] == "hit"
    np.testing.assert_array_equal(floats(synthesize(client, door.http_port, "A new one.")), tone("A new one."))
    assert counted.prepared == [TEXT, "A new one."]
    assert figure(door, "tts_cache_errors_total", store="redis") >= 1
    assert figure(door, "tts_cache_overdue_total") == 0
    assert len(events.found("cache_store_failing")) == 1


def test_a_broken_file_is_replaced_in_service(counted: Counted, client: httpx.Client) -> None:
    door = counted.start()
    synthesize(client, door.http_port)
    door.stop()
    (kept,) = counted.directory.glob("*.phrase")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    door = counted.start()
    response = synthesize(client, door.http_port)
    np.testing.assert_array_equal(floats(response), tone(TEXT))
    assert response.headers["X-Cache"] == "miss"
    assert figure(door, "tts_cache_corrupt_total", store="files") == 1
    assert counted.prepared == [TEXT, TEXT]
    door.stop()
    assert kept.read_bytes() == whole


def test_a_full_directory_is_no_reason_to_be_silent(
    counted: Counted, client: httpx.Client, events: EventLog, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    door = counted.start(phrase_dir=tmp_path / "file" / "phrases")
    for _ in range(2):
        np.testing.assert_array_equal(floats(synthesize(client, door.http_port)), tone(TEXT))
    wait_figure(door, "tts_cache_errors_total", lambda count: count >= 1, store="files")


@pytest.mark.slow
def test_two_processes_share_a_directory(client: httpx.Client, tmp_path: Path) -> None:
    environment = {"KOKORO_PHRASE_CACHE_MB": "64", "KOKORO_PHRASE_DIR": str(tmp_path), "KOKORO_REQUEST_LOG": "none"}
    arguments = ("--engine", "tone", "--piper", "external", "--tcp-port", "0", "--udp-port", "0")
    ports = [free_port(), free_port()]
    with (
        Daemon(*arguments, "--http-port", str(ports[0]), environment=environment) as one,
        Daemon(*arguments, "--http-port", str(ports[1]), environment=environment) as other,
    ):
        one.wait_ready()
        other.wait_ready()
        texts = [f"Phrase number {number}." for number in range(15)]
        with ThreadPoolExecutor(4) as pool:
            jobs = [(port, text) for text in texts for port in ports for _ in range(2)]
            answers = list(pool.map(lambda job: synthesize(client, *job), jobs))
        for (_, text), response in zip(jobs, answers, strict=True):
            np.testing.assert_array_equal(floats(response), tone(text))
        one.terminate()
        assert one.wait_exit() == 0
        # What the first one has made, the second one finds, and the other way round.
        found = [synthesize(client, ports[1], text).headers["X-Cache"] for text in texts]
        assert found == ["hit"] * len(texts)
        metrics = client.get(f"http://127.0.0.1:{ports[1]}/metrics").text
        samples = [each for family in text_string_to_metric_families(metrics) for each in family.samples]
        assert sum(each.value for each in samples if each.name == "tts_cache_corrupt_total") == 0
        other.terminate()
        assert other.wait_exit() == 0
    assert not list(tmp_path.glob("*.tmp"))


# What lies on the disk


def by_default(service: StartService, tmp_path: Path, prepared: list[str], **settings: Any) -> Service:
    kept = {name: getattr(Settings, name) for name in ("phrase_memory_mb", "phrase_cache_mb", "phrase_dir")}
    return service(
        ToneEngine(on_prepare=prepared.append),
        **{"http_port": 0, "cache_dir": tmp_path / "cache", "max_first_audio_s": 0.0, **kept, **settings},
    )


def files_of(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_by_default_what_callers_were_told_is_in_memory_and_never_on_the_disk(
    service: StartService, client: httpx.Client, tmp_path: Path
) -> None:
    prepared: list[str] = []
    door = by_default(service, tmp_path, prepared)
    made = [synthesize(client, door.http_port) for _ in range(2)]
    assert [each.headers["X-Cache"] for each in made] == ["miss", "hit"]
    assert made[0].content == made[1].content
    assert figure(door, "tts_cache_hits_total", store="memory") + figure(door, "tts_cache_joined_total") == 1
    assert figure(door, "tts_cache_memory_bytes") > 4 * tone_samples(TEXT)
    door.stop()
    assert files_of(tmp_path) == []
    again = by_default(service, tmp_path, prepared)
    assert synthesize(client, again.http_port).headers["X-Cache"] == "miss"
    assert prepared == [TEXT, TEXT]


def test_what_callers_were_told_is_on_the_disk_where_that_is_asked_for(
    service: StartService, client: httpx.Client, tmp_path: Path, events: EventLog
) -> None:
    prepared: list[str] = []
    door = by_default(service, tmp_path, prepared, keep_phrases=True)
    synthesize(client, door.http_port)
    door.stop()
    (kept,) = files_of(tmp_path)
    assert kept.is_relative_to(tmp_path / "cache" / "phrases")
    again = by_default(service, tmp_path, prepared, keep_phrases=True)
    assert synthesize(client, again.http_port).headers["X-Cache"] == "hit"
    assert prepared == [TEXT]
    assert not events.found("former_phrases_left")


def test_by_default_prerendered_phrases_are_on_the_disk_and_no_others(
    service: StartService, client: httpx.Client, tmp_path: Path, events: EventLog
) -> None:
    prepared: list[str] = []
    config = write_config(tmp_path / "config.yaml", TEXT)
    door = by_default(service, tmp_path, prepared, prerender_file=config, stream=True)
    events.wait("prerender_done")
    synthesize(client, door.http_port, "Your balance is low.")
    listed = {"text": "Another greeting.", "prerender": True}
    assert client.post(f"http://127.0.0.1:{door.http_port}/synthesize", json=listed).status_code == 200
    door.stop()
    assert len(files_of(tmp_path)) == 2
    again = by_default(service, tmp_path, prepared, stream=True)
    found = [
        synthesize(client, again.http_port, text).headers["X-Cache"]
        for text in (TEXT, "Another greeting.", "Your balance is low.")
    ]
    assert found == ["hit", "hit", "miss"]


def test_a_phrase_out_of_redis_that_is_prerendered_is_on_the_disk_as_well(
    service: StartService, client: httpx.Client, tmp_path: Path, redis_server: RedisServer, events: EventLog
) -> None:
    first = by_default(service, tmp_path, [], redis_url=redis_server.url)
    synthesize(client, first.http_port)
    first.stop()
    assert files_of(tmp_path) == []
    config = write_config(tmp_path / "config.yaml", TEXT)
    second = by_default(service, tmp_path, [], redis_url=redis_server.url, prerender_file=config, stream=True)
    events.wait("prerender_done")
    second.stop()
    assert len(files_of(tmp_path)) == 1


def test_phrases_of_an_earlier_version_that_are_left_are_named(
    service: StartService, tmp_path: Path, events: EventLog
) -> None:
    former = tmp_path / "cache" / "phrases"
    former.mkdir(parents=True)
    by_default(service, tmp_path, [])
    assert events.wait("former_phrases_left")["directory"] == str(former)


# Prerendering


def write_config(path: Path, *entries: object) -> Path:
    path.write_text(json.dumps({"prerender": list(entries)}), encoding="utf-8")  # JSON is YAML
    return path


def test_phrases_of_the_configuration_are_there_at_every_door(
    counted: Counted, events: EventLog, tmp_path: Path
) -> None:
    config = write_config(tmp_path / "config.yaml", TEXT, {"text": "Nobody says this.", "voice": "nobody"}, TEXT)
    door = counted.start(prerender_file=config)
    done = events.wait("prerender_done")
    assert {name: done[name] for name in ("made", "there", "failed")} == {"made": 1, "there": 1, "failed": 1}
    # One for those who stream, one for the telephone's whole replies.
    assert counted.prepared == [TEXT, TEXT]
    for say in (by_telephone, by_gateway, by_openai, by_session, by_sentence):
        say(door)
    assert counted.prepared == [TEXT, TEXT]


def test_prerendered_phrases_have_codes_at_their_rate(
    counted: Counted, client: httpx.Client, events: EventLog, tmp_path: Path
) -> None:
    text = "Your code is 4711, thanks."
    door = counted.start(prerender_file=write_config(tmp_path / "config.yaml", text), code_rate=0.8)
    events.wait("prerender_done")
    made = len(counted.prepared)
    assert synthesize(client, door.http_port, text).headers["X-Cache"] == "hit"
    assert len(counted.prepared) == made


def test_prerendering_delays_neither_the_start_nor_a_caller(counted: Counted, events: EventLog, tmp_path: Path) -> None:
    throttle = Throttle()
    config = write_config(tmp_path / "config.yaml", *(f"Phrase number {number}." for number in range(50)))
    door = counted.start(throttle, prerender_file=config)  # returns although nothing can be rendered
    assert door.started
    throttle.wait_asked(1)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(by_gateway, door)
        wait_figure(door, "tts_queue_depth", lambda depth: depth == 2)
        windows = -(-tone_samples(TEXT) // 4800)
        throttle.allow(1 + windows)  # the one in the device, and the caller's
        assert answer.result(TIMEOUT_S) == tone(TEXT).tobytes()
    assert throttle.asked[1 : 1 + windows] == [TEXT] * windows
    throttle.open()
    door.stop()
    assert events.found("prerender_stopped") or events.found("prerender_done")


@pytest.mark.parametrize("content", [None, "prerender: 7", "prerender: [{text: Hello., colour: red}]"])
def test_a_list_that_cannot_be_read_ends_the_start(tmp_path: Path, content: str | None, events: EventLog) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    settings = Settings(
        tcp_port=0, udp_port=0, http_port=None, request_log=None, phrase_dir=tmp_path / "phrases", prerender_file=path
    )
    with pytest.raises(StartError, match=r"config\.yaml"):
        Service(settings, Loaders(ToneEngine, lambda path: ToneEngine())).start()


def test_a_list_without_a_cache_is_needless_and_said_so(counted: Counted, events: EventLog, tmp_path: Path) -> None:
    counted.start(prerender_file=write_config(tmp_path / "config.yaml", TEXT), phrase_cache_mb=0)
    assert events.found("prerender_needless")
    assert counted.prepared == []


# With the real model


@pytest.mark.model
def test_kokoro_is_heard_again_to_the_last_bit(service: StartService, kokoro: Engine, tmp_path: Path) -> None:
    settings: dict[str, Any] = {**ROOM, "phrase_dir": tmp_path / "phrases", "drain_timeout_s": TIMEOUT_S}
    for say in (by_telephone, by_gateway, by_sentence):
        door = service(kokoro, **settings)
        made = say(door)
        door.stop()
        again = service(kokoro, **settings)
        assert say(again) == made
        assert figure(again, "tts_engine_busy_seconds_total", engine="kokoro") == 0
        again.stop()
