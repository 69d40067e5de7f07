"""Codes at a rate of their own: what is one, what is said, and that streams of tokens are read as whole texts."""

from __future__ import annotations

import itertools
import json
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.client import connect

from telephony.audio.samples import to_pcm16
from telephony.engines.tone import ToneEngine
from telephony.service import Service
from telephony.speech import Samples
from telephony.text import dictation, markup
from telephony.text.lexicon import Lexicon, entry
from telephony.text.normalization import _LANGUAGES, _rules, normalize, read_out
from telephony.text.normalization.dictation import READ_OUT
from telephony.text.script import Script
from telephony.text.segments import Segmenter
from tests.clients import TIMEOUT_S, TextHost
from tests.conftest import StartService
from tests.text.test_normalization import CERTAIN, EACH_TABLE, LANGUAGES, TABLES, Rows

Parts = list[tuple[str, str, float]]


def parts(text: str, language: str = "en-US", rate: float = 0.8) -> Parts:
    """What is written, what is said and how fast."""
    found = dictation.parts(text, language, rate)
    return [(markup.plain(part), normalize(part, language), own) for part, own in found]


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        (
            "Your code is 4711, thanks.",
            "en-US",
            [("Your code is", "Your code is", 1.0), ("4711,", "four seven one one,", 0.8), ("thanks.", "thanks.", 1.0)],
        ),
        (
            "Call +1 (415) 555-0147 by 3/14.",
            "en-US",
            [
                ("Call", "Call", 1.0),
                (
                    "+1 (415) 555-0147",
                    "plus one, four one five, five five five, zero one four seven",
                    0.8,
                ),
                ("by 3/14.", "by March fourteenth.", 1.0),
            ],
        ),
        ("AB12CD34", "en-US", [("AB12CD34", "A B, one two, C D, three four", 0.8)]),
        (
            "Vuelo AM 405 a las 6.",
            "es-MX",
            [("Vuelo", "Vuelo", 1.0), ("AM 405", "A M, cuatro cero cinco", 0.8), ("a las 6.", "a las seis.", 1.0)],
        ),
        (
            "Mon portable est le 06.11.22.33.44.",
            "fr-FR",
            [
                ("Mon portable est le", "Mon portable est le", 1.0),
                ("06.11.22.33.44.", "zéro six, onze, vingt-deux, trente-trois, quarante-quatre.", 0.8),
            ],
        ),
    ],
)
def test_a_code_is_a_part_that_is_told_as_it_is_written(text: str, language: str, expected: Parts) -> None:
    assert parts(text, language) == expected


@pytest.mark.parametrize(
    "text",
    [
        "It costs $4,711.",
        "I have 4711 of them.",
        "Take vitamin B12.",
        "It is an MP3.",
        "Call 911.",
        "In 2026.",
        "Hi.",
        "",
    ],
)
def test_what_nobody_writes_down_divides_nothing(text: str) -> None:
    assert dictation.parts(text, "en-US", 0.8) == [(text, 1.0)]


@pytest.mark.parametrize("text", ["Your code is 4711.", "[Ab](/b/) AB12CD34", ""])
def test_a_rate_of_one_divides_nothing_and_neither_does_an_unknown_language(text: str) -> None:
    assert dictation.parts(text, "en-US", 1.0) == [(text, 1.0)]
    assert dictation.parts(text, "ja-JP", 0.8) == [(text, 1.0)]


def test_no_code_is_apart_where_the_words_would_be_others() -> None:
    text = "tarjeta terminada en 0007 lun. 9-12 h"
    assert dictation.parts(text, "es-ES", 0.8) == [(text, 1.0)]


def test_a_dash_goes_with_what_is_before_it() -> None:
    assert [part for part, _, _ in parts("Try AB12CD34 — or EF56GH78 — now.")] == [
        "Try",
        "AB12CD34 —",
        "or",
        "EF56GH78 —",
        "now.",
    ]


def test_what_a_lexicon_says_stays_said() -> None:
    pronounce = Lexicon([entry("Acme", ipa="ˈækmi"), entry("ref", alias="reference")]).pronounce
    text = "Acme ref 4711 is for Dr. Acme."
    found = Script.lenient(text).read("en-US", pronounce=pronounce, code_rate=0.8)
    assert [(normalize(segment.text, "en-US"), segment.rate) for segment in found] == [
        ("[Acme](/ˈækmi/) reference", 1.0),
        ("four seven one one", 0.8),
        ("is for Doctor [Acme](/ˈækmi/).", 1.0),
    ]


def test_only_rules_that_there_are_say_codes() -> None:
    assert {rule.name for language in _LANGUAGES.values() for rule in _rules(language)} >= READ_OUT


@EACH_TABLE
def test_the_table_in_parts_says_the_same(language: str, rows: Rows) -> None:
    for text, said in rows:
        found = parts(text, language)
        assert " ".join(said for _, said, _ in found) == said
        assert letters("".join(written for written, _, _ in found)) == letters(markup.plain(text))
        assert " ".join(word for word, _ in read_out(text, language)) == said


@given(st.lists(st.sampled_from(CERTAIN), max_size=12).map(" ".join), st.sampled_from(LANGUAGES))
def test_any_text_in_parts_says_the_same(text: str, language: str) -> None:
    assert " ".join(said for _, said, _ in parts(text, language)) == normalize(text, language)


# A stream of tokens. What is cut at random are texts of the tables: numbers, dates, addresses.

ROWS = {
    language: [text for (other, _), rows in TABLES.items() if other == language for text, _ in rows]
    for language, _ in TABLES
}
SAMPLES = st.sampled_from(sorted(ROWS)).flatmap(
    lambda language: st.tuples(
        st.just(language),
        st.lists(st.sampled_from(ROWS[language]), min_size=1, max_size=4),
        st.sampled_from([" ", ". ", ", ", "\n"]),
    )
)
PLACES = st.lists(st.integers(0, 200), max_size=40)


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(place for place in places if place < len(text)), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(edges)]


@given(SAMPLES, PLACES, st.sampled_from([1.0, 0.8]))
def test_a_stream_in_any_pieces_says_the_words_of_the_whole(
    sample: tuple[str, list[str], str], places: list[int], rate: float
) -> None:
    language, rows, joint = sample
    text = joint.join(rows)
    segmenter = Segmenter()
    pieces = [piece for token in cut(text, places) for piece in segmenter.push(token)]
    heard = [
        (normalize(segment.text, language), segment.rate)
        for piece in [*pieces, *segmenter.flush()]
        for segment in Script.lenient(piece).read(language, code_rate=rate)
    ]
    whole = [
        (normalize(segment.text, language), segment.rate)
        for segment in Script.lenient(text).read(language, code_rate=rate)
    ]
    assert heard == whole
    plain = " ".join(normalize(segment.text, language) for segment in Script.lenient(text).read(language))
    assert " ".join(said for said, _ in heard) == plain


# Documents


def read(text: str, rate: float) -> list[tuple[str, float, float]]:
    found = Script.lenient(text).read("en-US", code_rate=rate)
    return [(normalize(segment.text, "en-US"), round(segment.rate, 3), segment.pause_s) for segment in found]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('<say-as interpret-as="characters">AB1</say-as>', "A B one"),
        ('<say-as interpret-as="characters" format="alphabet">b7</say-as>', "B as in Bravo, seven"),
        ('<say-as interpret-as="spell-out">Ann</say-as>', "A N N"),
        ('<say-as interpret-as="digits">12</say-as>', "one two"),
        ('<say-as interpret-as="telephone">5550147</say-as>', "five five five, zero one four seven"),
    ],
)
def test_what_is_declared_to_be_spelled_is_a_code(declared: str, said: str) -> None:
    document = f"<speak>It is ({declared}). Bye.<break time='300ms'/></speak>"
    assert read(document, 0.8) == [
        ("It is (", 1.0, 0.0),
        (f"{said}).", 0.8, 0.0),
        ("Bye.", 1.0, 0.0),
        ("", 1.0, 0.3),
    ]
    assert read(document, 1.0) == [(f"It is ({said}).", 1.0, 0.0), ("Bye.", 1.0, 0.0), ("", 1.0, 0.3)]


@pytest.mark.parametrize(
    "declared", ['<say-as interpret-as="date">2026-04-03</say-as>', '<say-as interpret-as="ordinal">3</say-as>', "7"]
)
def test_what_is_declared_to_be_something_else_is_none(declared: str) -> None:
    document = f"<speak>It is {declared}.</speak>"
    assert read(document, 0.8) == read(document, 1.0)


def test_the_rate_of_codes_multiplies_that_of_prosody() -> None:
    digits = "<say-as interpret-as='digits'>12</say-as>"
    document = f"<speak><prosody rate='slow'>PIN 4711 or {digits}</prosody> now<break/></speak>"
    assert read(document, 0.8) == [
        ("PIN", 0.75, 0.0),
        ("four seven one one", 0.6, 0.0),
        ("or", 0.75, 0.0),
        ("one two", 0.6, 0.0),
        ("now", 1.0, 0.0),
        ("", 1.0, 0.4),
    ]


# At the doors

TEXT = "Your code is 4711, thanks."
RATE = 0.8


def spoken(text: str, speed: float = 1.0) -> Samples:
    """What the tone engine says for a segment at a speed."""
    engine = ToneEngine(window_s=60.0)
    return engine.render([engine.prepare(text, "tone", speed, False)])[0]


EXPECTED = np.concatenate([spoken("Your code is"), spoken("four seven one one,", RATE), spoken("thanks.")])


@pytest.mark.parametrize(("rate", "expected"), [(RATE, EXPECTED), (1.0, spoken(TEXT))])
def test_the_http_doors_say_codes_at_their_rate(service: StartService, rate: float, expected: Samples) -> None:
    url = f"http://127.0.0.1:{service(http_port=0, code_rate=rate).http_port}"
    response = httpx.post(f"{url}/synthesize", json={"text": TEXT}, timeout=TIMEOUT_S)
    np.testing.assert_array_equal(np.frombuffer(response.content, "<f4"), expected)
    wanted = {"model": "kokoro", "input": TEXT, "voice": "af_sky", "response_format": "pcm"}
    response = httpx.post(f"{url}/v1/audio/speech", json=wanted, timeout=TIMEOUT_S)
    assert response.content == to_pcm16(expected)


@pytest.mark.parametrize("stream", [False, True])
def test_the_telephone_says_codes_at_their_rate(service: StartService, stream: bool) -> None:
    with TextHost(service(stream=stream, code_rate=RATE).tcp_port, "1") as host:
        host.say(TEXT)
        frames = host.read_samples(len(EXPECTED))
    np.testing.assert_array_equal(np.concatenate([frame.samples for frame in frames]), EXPECTED)


def hear(door: Service, path: str, *messages: dict[str, Any]) -> tuple[bytes, list[dict[str, Any]]]:
    """Audio and answers of a WebSocket door, up to the end of what is said."""
    audio, answers = b"", list[dict[str, Any]]()
    with connect(f"ws://127.0.0.1:{door.http_port}{path}", max_size=None) as socket:
        for message in messages:
            socket.send(json.dumps(message))
        while not answers or answers[-1]["type"] not in ("done", "session_ended"):
            received = socket.recv(TIMEOUT_S)
            if isinstance(received, bytes):
                audio += received
            else:
                answers.append(json.loads(received))
    return audio, answers


def test_a_stream_of_tokens_has_codes_at_their_rate(service: StartService) -> None:
    door = service(http_port=0, code_rate=RATE, debounce_ms=60_000)
    tokens = [{"type": "send_text", "text": token} for token in ("Your co", "de is 47", "1", "1,", " tha", "nks.")]
    audio, _ = hear(door, "/ws/tts", {"type": "start_session"}, *tokens, {"type": "end_session"})
    assert audio == to_pcm16(EXPECTED)


def test_word_times_have_codes_as_they_are_written(service: StartService) -> None:
    audio, answers = hear(
        service(http_port=0, code_rate=RATE),
        "/v1/audio/speech/stream/ws",
        {"type": "start", "timestamps": True},
        {"type": "speak", "request_id": "a", "text": TEXT},
    )
    assert audio == to_pcm16(EXPECTED)
    words = {word["word"]: word for answer in answers for word in answer.get("words", [])}
    assert list(words) == ["Your", "code", "is", "4711,", "thanks."]
    begin_s = len(spoken("Your code is")) / 24_000
    assert words["4711,"]["start_s"] == pytest.approx(begin_s, abs=0.01)
    end_s = begin_s + len(spoken("four seven one one,", RATE)) / 24_000
    assert words["thanks."]["start_s"] == pytest.approx(end_s, abs=0.01)
