"""SSML documents as what is spoken: rates, pauses, phonemes; at every door that takes whole texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.sync.client import ClientConnection, connect

from telephony.audio.samples import to_pcm16
from telephony.engines.base import Engine
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.speech import Samples, Segment
from telephony.text import markup, segments
from telephony.text.normalization import SpokenError
from telephony.text.script import Script
from tests.clients import TIMEOUT_S, EventLog, TextHost, figure, tone, tone_samples
from tests.conftest import StartService

DOCUMENT = '<speak>One, 2. <break time="1200ms"/><prosody rate="125%">Three</prosody></speak>'
INVALID = "<speak>One, 2. <blink>Three</blink></speak>"
PCM_WS = "/v1/audio/speech/stream/ws"


def spoken(text: str, speed: float = 1.0) -> Samples:
    """What the tone engine says for a segment at a speed."""
    engine = ToneEngine(window_s=60.0)
    return engine.render([engine.prepare(text, "tone", speed, False)])[0]


def silence(seconds: float) -> Samples:
    return np.zeros(round(24_000 * seconds), np.float32)


EXPECTED = np.concatenate([spoken("One, 2."), silence(1.2), spoken("Three", 1.25)])


# A text as segments


def read(text: str, **options: Any) -> list[Segment]:
    return [segment for segment in Script.lenient(text).slices("en-US", **options) if segment is not None]


def test_plain_text_is_read_as_the_segmenter_has_it() -> None:
    text = "It is $5. Or 6 < 7? " * 40
    assert read(text) == [Segment(segment) for segment in segments.split(text)]
    assert read(text, pack_chars=200) == [Segment(segment) for segment in segments.split(text, pack_chars=200)]


def test_a_document_is_segments_with_rates_and_pauses_cut_like_speech() -> None:
    assert read(DOCUMENT) == [
        Segment("One, 2."),
        Segment("", pause_s=0.5),
        Segment("", pause_s=0.5),
        Segment("", pause_s=0.2),
        Segment("Three", rate=1.25),
    ]


def test_a_long_span_is_divided_and_keeps_its_rate() -> None:
    sentence = "This sentence is said slowly, and there are very many of its kind in here."
    found = read(f"<speak><prosody rate='slow'>{(sentence + ' ') * 50}</prosody></speak>")
    assert found == [Segment(sentence, rate=0.75)] * 50
    packed = read(f"<speak>{(sentence + ' ') * 50}</speak>", max_chars=2000, pack_chars=2000)
    assert len(packed) == 2
    assert max(len(segment.text) for segment in read(f"<speak>{'word ' * 5000}</speak>")) <= 320


def test_only_the_first_segment_is_quick() -> None:
    sentence = (
        "This is a clause of some length, and here is what follows it up to its end, well over a hundred characters."
    )
    found = read(f"<speak>{sentence}<break/>{sentence}</speak>", quick=True)
    assert [segment.text for segment in found if segment.text] == [
        "This is a clause of some length,",
        "and here is what follows it up to its end, well over a hundred characters.",
        sentence,
    ]


def test_a_word_said_by_its_phonemes_is_never_cut() -> None:
    words = "<phoneme ph='ˈa. bˈi'>St. One. Two</phoneme> "
    found = read(f"<speak>{words * 30}</speak>")
    assert " ".join(segment.text for segment in found).count("[St. One. Two](/ˈa. bˈi/)") == 30
    assert all(segment.text.count("[") == segment.text.count("/)") for segment in found)


def test_what_stands_for_something_else_is_never_cut_and_is_told_as_it_is_written() -> None:
    words = "<sub alias='Saint Mary. Inc.'>St. M. I.</sub> "
    found = read(f"<speak>{words * 30}</speak>")
    assert " ".join(markup.spoken(segment.text) for segment in found).count("Saint Mary. Inc.") == 30
    assert " ".join(markup.plain(segment.text) for segment in found).count("St. M. I.") == 30


def test_emphasis_is_slower_behind_a_pause() -> None:
    assert read("<speak>Do <emphasis level='strong'>not</emphasis> <emphasis>you</emphasis> go.</speak>") == [
        Segment("Do"),
        Segment("", pause_s=0.15),
        Segment("not", rate=0.8),
        Segment("", pause_s=0.05),
        Segment("you", rate=0.9),
        Segment("go."),
    ]
    assert read("<speak>Do <emphasis level='reduced'>go</emphasis><mark name='x'/>.</speak>")[1].rate == 1.15
    with pytest.raises(SpokenError, match="level of emphasis"):
        Script.parse("<speak><emphasis level='huge'>x</emphasis></speak>")


@pytest.mark.parametrize(("speed", "rate", "together"), [(1.0, 1.25, 1.25), (1.8, 2.0, 2.0), (0.6, 0.5, 0.5)])
def test_rates_stay_within_what_a_voice_can_do(speed: float, rate: float, together: float) -> None:
    assert Segment("x", rate).speed(speed) == together


def test_a_document_that_is_not_valid_is_read_without_its_tags() -> None:
    assert [segment.text for segment in read(INVALID)] == ["One, 2.", "Three"]
    assert [segment.text for segment in read("<speak>Well <break")] == ["Well <break"]
    with pytest.raises(SpokenError, match="unknown element"):
        Script.parse(INVALID)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit", "around"),
    [("! ", "{}"), ("x", "{}"), (" ", "{}"), ("a. ", "{}"), ("<p/>", "<speak>{}</speak>"), ("! ", "<speak>{}</speak>"),
     ("<break/>", "<speak>{}</speak>"), ("<a>", "<speak>{}</speak>"), ("&amp;", "<speak>{}</speak>")],
)  # fmt: skip
@pytest.mark.parametrize("quick", [False, True])
def test_a_long_text_is_read_in_slices(unit: str, around: str, quick: bool) -> None:
    text = around.format(unit * (100_000 // len(unit)))
    steps = list(Script.lenient(text).slices("en-US", quick=quick))
    assert steps.count(None) >= 90
    assert [step for step in steps if step is not None] == read(text, quick=quick)


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        DOCUMENT,
        "It is $5. Or 6 < 7? " * 40,
        "<speak>Call <say-as interpret-as='telephone' format='1'>+1 202 555\n0143</say-as>, 3 times.</speak>",
        "<speak><say-as interpret-as='digits'>12 3</say-as><say-as interpret-as='date' format='dmy'>3/4/2026</say-as>"
        "</speak>",
    ],
)
def test_what_is_parsed_at_the_door_is_spoken_as_what_is_read_on_the_way(text: str, quick: bool) -> None:
    for language in ("en-US", "pt-BR", "ja"):
        parsed = [step for step in Script.parse(text).slices(language, quick=quick) if step is not None]
        assert parsed == list(Script.lenient(text).read(language, quick=quick))


def test_what_stands_around_declared_text_cannot_be_written() -> None:
    forged = "<speak>One \ue001digits\ue002\ue0022\ue001 three.</speak>"
    assert " ".join(segment.text for segment in read(forged)) == "One digits 2 three."


def test_a_short_text_is_read_at_once() -> None:
    for text in ("One. Two. Three", "<speak>One.<p>Two.</p><break/></speak>", INVALID):
        assert None not in list(Script.lenient(text).slices("en-US", quick=True))


@pytest.mark.parametrize("text", ["a <b", "a > b", "<", "<<a>b", "a<b>c<d>>e", "<a", "", "<a b='<'>c"])
def test_what_stands_between_tags(text: str) -> None:
    document = f"<speak>{text}"
    assert Script.lenient(document).words == re.sub(r"<[^<>]*>", " ", document)


def test_a_long_stretch_is_several_spans_and_loses_nothing() -> None:
    words = "A word [said so. Yes](/x. y/) now. "
    found = read(f"<speak><prosody rate='fast'>{words * 1_000}</prosody></speak>")
    assert {segment.rate for segment in found} == {1.25}
    assert " ".join(segment.text for segment in found).split() == (words * 1_000).split()
    assert sum(segment.text.count("[said so. Yes](/x. y/)") for segment in found) == 1_000


@pytest.mark.parametrize(
    ("text", "anything"),
    [("Hello", True), ("...", False), ("<speak>Hello</speak>", True), ("<speak> ... </speak>", False),
     ("<speak/>", False), ("<speak><break time='1s'/></speak>", True), ("<speak><sub alias='x'>.</sub></speak>", True)],
)  # fmt: skip
def test_what_there_is_to_say(text: str, anything: bool) -> None:
    assert Script.parse(text).speakable is anything


# At the doors


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=TIMEOUT_S) as each:
        yield each


def open_socket(door: Service, path: str) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{door.http_port}{path}", max_size=None)


def send(socket: ClientConnection, kind: str, **fields: Any) -> None:
    socket.send(json.dumps({"type": kind, **fields}))


def hear(socket: ClientConnection, *until: str) -> tuple[bytes, list[dict[str, Any]]]:
    """Audio and messages up to one of a type."""
    audio, messages = b"", list[dict[str, Any]]()
    while not messages or messages[-1]["type"] not in until:
        received = socket.recv(TIMEOUT_S)
        if isinstance(received, bytes):
            audio += received
        else:
            messages.append(json.loads(received))
    return audio, messages


def test_the_http_doors_obey_a_document(service: StartService, client: httpx.Client) -> None:
    door = service(http_port=0)
    url = f"http://127.0.0.1:{door.http_port}"
    response = client.post(f"{url}/synthesize", json={"text": DOCUMENT})
    np.testing.assert_array_equal(np.frombuffer(response.content, "<f4"), EXPECTED)
    wanted = {"model": "kokoro", "input": DOCUMENT, "voice": "af_sky", "response_format": "pcm"}
    assert client.post(f"{url}/v1/audio/speech", json=wanted).content == to_pcm16(EXPECTED)


@pytest.mark.parametrize(
    ("document", "why"), [(INVALID, "line 1, column 16: unknown element"), ("<speak/>", "nothing to say")]
)
def test_the_http_doors_refuse_one_that_is_not_valid(
    service: StartService, client: httpx.Client, document: str, why: str
) -> None:
    url = f"http://127.0.0.1:{service(http_port=0).http_port}"
    response = client.post(f"{url}/synthesize", json={"text": document})
    assert response.status_code == 422
    (problem,) = response.json()["detail"]
    assert problem["loc"] == ["body", "text"]
    assert why in problem["msg"]
    response = client.post(f"{url}/v1/audio/speech", json={"model": "kokoro", "input": document, "voice": "af_sky"})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "input"
    assert why in response.json()["error"]["message"]


def test_the_sentence_protocol_obeys_a_document_and_tells_its_words(service: StartService) -> None:
    with open_socket(service(http_port=0), PCM_WS) as socket:
        send(socket, "start", timestamps=True)
        send(socket, "speak", request_id="a", text=DOCUMENT)
        audio, messages = hear(socket, "done")
        assert audio == to_pcm16(EXPECTED)
        assert messages[-1]["duration_s"] == round(len(EXPECTED) / 24_000, 3)
        words = {word["word"]: word for message in messages for word in message.get("words", [])}
        assert list(words) == ["One,", "2.", "Three"]
        assert words["Three"]["start_s"] == pytest.approx((tone_samples("One, 2.") / 24_000) + 1.2, abs=0.01)
        send(socket, "speak", request_id="b", text=INVALID)
        _, (error,) = hear(socket, "error")
        assert (error["code"], error["request_id"]) == ("bad_text", "b")
        assert "unknown element" in error["message"]


def test_a_pause_is_cancelled_like_speech(service: StartService) -> None:
    with open_socket(service(http_port=0, sink_buffer_s=1.0), PCM_WS) as socket:
        send(socket, "speak", request_id="a", text="<speak>One<break time='10s'/>two</speak>")
        hear(socket, "started_speak")
        send(socket, "cancel", request_id="a")
        audio, _ = hear(socket, "canceled")
        assert len(audio) < 2 * 24_000 * 10
        send(socket, "speak", request_id="b", text="Next.")
        assert hear(socket, "done")[0] == to_pcm16(tone("Next."))


def test_the_session_protocol_obeys_a_document_that_is_one_message(service: StartService) -> None:
    with open_socket(service(http_port=0, debounce_ms=60_000), "/ws/tts") as socket:
        send(socket, "start_session")
        send(socket, "send_text", text="Before")
        send(socket, "send_text", text=DOCUMENT)
        send(socket, "send_text", text=INVALID)
        send(socket, "send_text", text="<speak> </speak>")
        send(socket, "send_text", text="<speak>In <break/>pieces")
        send(socket, "send_text", text=".</speak> ")
        send(socket, "end_session")
        audio, messages = hear(socket, "session_ended")
    errors = [message["message"] for message in messages if message["type"] == "error"]
    assert [error.partition(":")[0] for error in errors] == ["text", "text"]
    assert "unknown element" in errors[0]
    assert "nothing to say" in errors[1]
    assert messages[-1]["segments_processed"] >= 3
    assert audio.startswith(to_pcm16(np.concatenate([tone("Before"), EXPECTED])))
    assert len(audio) > 2 * (tone_samples("Before") + len(EXPECTED))


def test_the_tags_of_a_document_say_nothing_about_its_language(service: StartService, client: httpx.Client) -> None:
    url = f"http://127.0.0.1:{service(http_port=0).http_port}/synthesize"
    response = client.post(url, json={"text": "<speak><p>Привет</p></speak>"})
    assert response.status_code == 422
    assert "written in Cyrillic" in response.json()["detail"][0]["msg"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_telephone_obeys_a_document(service: StartService, stream: bool) -> None:
    with TextHost(service(stream=stream).tcp_port, "1") as host:
        host.say(DOCUMENT)
        frames = host.read_samples(len(EXPECTED))
        np.testing.assert_array_equal(np.concatenate([frame.samples for frame in frames]), EXPECTED)
        assert stream or len(frames) == 1


def test_the_telephone_speaks_the_words_of_one_that_is_not_valid(service: StartService, events: EventLog) -> None:
    door = service()
    with TextHost(door.tcp_port, "1") as host:
        host.say(INVALID)
        np.testing.assert_array_equal(host.read_frame().samples, tone("One, 2. Three"))
    assert "unknown element" in events.wait("document_invalid", call="1")["error"]
    assert "blink" not in str(events.found("document_invalid"))
    assert figure(door, "tts_documents_invalid_total") == 1


def test_a_pause_in_front_is_no_first_audio(service: StartService, client: httpx.Client) -> None:
    door = service(http_port=0)
    text = "<speak><break time='700ms'/>Hello.</speak>"
    response = client.post(f"http://127.0.0.1:{door.http_port}/synthesize", json={"text": text})
    expected = np.concatenate([silence(0.7), tone("Hello.")])
    np.testing.assert_array_equal(np.frombuffer(response.content, "<f4"), expected)
    assert figure(door, "tts_segments_total", engine="tone") == 1
    assert figure(door, "tts_segments_failed_total", engine="tone") == 0


# The real model


@pytest.mark.model
def test_rates_and_pauses_are_heard(service: StartService, client: httpx.Client, kokoro: Engine) -> None:
    door = service(kokoro, http_port=0, max_first_audio_s=0.0)
    sentence = "The quick brown fox jumps over the lazy dog."

    def heard(inner: str) -> Samples:
        response = client.post(
            f"http://127.0.0.1:{door.http_port}/synthesize", json={"text": f"<speak>{inner}</speak>"}, timeout=120.0
        )
        assert response.status_code == 200, response.text
        return np.frombuffer(response.content, "<f4")

    plain, slow = heard(sentence), heard(f"<prosody rate='50%'>{sentence}</prosody>")
    assert 1.7 < len(slow) / len(plain) < 2.2
    broken = heard(f"{sentence}<break time='1500ms'/>{sentence}")
    quiet = np.abs(broken) < 0.003
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(int)))
    longest_s = float(np.diff(edges.reshape(-1, 2), axis=1).max()) / 24_000
    assert longest_s == pytest.approx(1.5 + 0.3, abs=0.15)  # and what every sentence has behind it
    assert abs(len(broken) - 2 * len(plain) - 1.5 * 24_000) < 0.2 * 24_000
    spelled = heard("<say-as interpret-as='digits'>1234</say-as>")
    assert len(heard("<sub alias='one two three four'>1234</sub>")) == pytest.approx(len(spelled), rel=0.25)
    assert len(heard("<phoneme ph='kˈOkəɹO'>x</phoneme>")) > 0.3 * 24_000
