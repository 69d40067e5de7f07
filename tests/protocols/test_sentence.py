"""The sentence protocol's messages: what a client may say, and what the service says, byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.protocols.messages import MessageError, ServiceMessage
from telephony.protocols.sentence import (
    Cancel,
    Canceled,
    Done,
    Error,
    Message,
    Meta,
    Speak,
    Start,
    Started,
    StartedSpeak,
    Stop,
    Stopped,
    parse,
)
from telephony.speech import Word
from tests.protocols import json_messages

CLIENT = (Start, Speak, Cancel, Stop)
SERVICE = (Started, StartedSpeak, Meta, Done, Canceled, Stopped, Error)
WORDS = (Word("Hello", 0, 0.25), Word("there.", 0.3, 0.60049))


def test_the_documented_messages_are_those_that_there_are() -> None:
    client, service = json_messages.documented("Sentence protocol")
    named = {kind.model_fields["type"].default: set(kind.model_fields) - {"type"} for kind in CLIENT}
    named["start"].remove("request_id")  # which is only told back
    assert {name: set(fields) for name, fields in client.items()} == named
    assert service == {kind.type: json_messages.fields_of(kind) for kind in SERVICE}


# What a client says


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type": "start"}', Start()),
        ('{"type": "start", "format": null, "timestamps": null, "lead_ms": null}', Start()),
        ('{"type": "start", "format": "mulaw"}', Start(format="mulaw", sample_rate=8000)),
        ('{"type": "start", "sample_rate": 16000.0}', Start(sample_rate=16_000)),
        (
            '{"type": "start", "voice": "af_sky", "engine": "kokoro", "format": "opus", "sample_rate": 48000, '
            '"timestamps": true, "lead_ms": 60, "else": []}',
            Start(voice="af_sky", engine="kokoro", format="opus", sample_rate=48_000, timestamps=True, lead_ms=60),
        ),
        ('{"type": "start", "request_id": "one"}', Start(request_id="one")),
        ('{"type": "start", "request_id": 7}', Start()),
        ('{"type": "speak", "text": "Ol\\u00e1.", "request_id": null}', Speak(text="Olá.")),
        (
            '{"type": "speak", "request_id": "one", "text": "", "voice": "\\udfff", "speed": 2}',
            Speak(request_id="one", text="", voice="\udfff", speed=2.0),
        ),
        ('{"type": "cancel", "request_id": "one"}', Cancel(request_id="one")),
        ('{"type": "cancel"}', Cancel()),
        ('{"type": "stop", "request_id": 7}', Stop()),
    ],
)
def test_a_message_is_parsed(text: str, message: Message) -> None:
    assert parse(text) == message


LEAD = "lead_ms is a whole number from 20 to 10000"
REQUEST_ID = "request_id is a string of 1 to 200 characters"
TEXT = "text is a string of Unicode characters"


@pytest.mark.parametrize(
    ("message", "code", "told"),
    [
        ({}, "unknown_type", "type is start, speak, cancel or stop, not None"),
        ({"type": "sp\ud800"}, "unknown_type", "type is start, speak, cancel or stop, not 'sp\\ud800'"),
        ({"type": ["speak"]}, "unknown_type", "type is start, speak, cancel or stop, not ['speak']"),
        ({"type": "x" * 200}, "unknown_type", "type is start, speak, cancel or stop, not '" + "x" * 99),
        ({"type": "start", "format": "mp3"}, "bad_format", "format is one of pcm, opus, mulaw, alaw"),
        ({"type": "start", "format": ["pcm"]}, "bad_format", "format is one of pcm, opus, mulaw, alaw"),
        (
            {"type": "start", "sample_rate": "8000"},
            "bad_format",
            "sample_rate of pcm is 8000, 16000, 24000, 48000",
        ),
        ({"type": "start", "format": "alaw", "sample_rate": 16_000}, "bad_format", "sample_rate of alaw is 8000"),
        ({"type": "start", "timestamps": "no"}, "bad_timestamps", "timestamps is true or false"),
        ({"type": "start", "timestamps": 1}, "bad_timestamps", "timestamps is true or false"),
        *(({"type": "start", "lead_ms": lead}, "bad_lead", LEAD) for lead in (0, 19, 10_001, 60.0, "60", True)),
        ({"type": "start", "voice": 7}, "bad_voice", "voice is a name"),
        ({"type": "start", "engine": {}}, "bad_voice", "engine is a name"),
        (
            {"type": "start", "format": "alaw", "sample_rate": 1, "voice": 7},
            "bad_format",
            "sample_rate of alaw is 8000",
        ),
        *(({"type": "speak", "text": text}, "bad_text", TEXT) for text in (None, 7, ["Hello."], "Hello \ud800.")),
        ({"type": "speak", "text": "Hello.", "voice": {}}, "bad_voice", "voice is a name"),
        *(
            ({"type": "speak", "text": "Hello.", "speed": speed}, "bad_speed", "speed is a number from 0.5 to 2")
            for speed in ("fast", 0.49, 2.1, 10**400, float("nan"), True)
        ),
        *(
            ({"type": kind, "request_id": request_id}, "bad_request_id", REQUEST_ID)
            for kind in ("speak", "cancel")
            for request_id in ("", 7, ["one"], "x" * 201, "\ud800")
        ),
    ],
)
def test_what_is_wrong_with_a_message_is_told(message: dict[str, Any], code: str, told: str) -> None:
    with pytest.raises(MessageError) as error:
        parse(json.dumps(message))
    assert (error.value.code, str(error.value), error.value.request_id) == (code, told, None)
    assert code in json_messages.documented_codes("Sentence protocol")


@pytest.mark.parametrize("message", [{}, {"type": "start", "format": "mp3"}, {"type": "speak"}])
def test_an_error_names_the_request_of_its_message(message: dict[str, Any]) -> None:
    with pytest.raises(MessageError) as error:
        parse(json.dumps({**message, "request_id": "one"}))
    assert error.value.request_id == "one"


@pytest.mark.parametrize(("received", "code"), [(b"{}", "unexpected_binary"), ("", "bad_json"), ("[1]", "bad_json")])
def test_what_is_no_json_object_is_told(received: str | bytes, code: str) -> None:
    with pytest.raises(MessageError) as error:
        parse(received)
    assert error.value.code == code


whole_text = st.text(st.characters(exclude_categories=["Cs"]))
request_ids = st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
formats = st.sampled_from(
    [*((name, rate) for name in ("pcm", "opus") for rate in (8000, 16_000, 24_000, 48_000)), ("mulaw", 8000)]
)
messages = st.one_of(
    st.builds(
        lambda named, **fields: Start(format=named[0], sample_rate=named[1], **fields),
        formats,
        voice=st.none() | whole_text,
        engine=st.none() | whole_text,
        timestamps=st.booleans(),
        lead_ms=st.none() | st.integers(20, 10_000),
    ),
    st.builds(
        Speak,
        request_id=request_ids,
        text=whole_text,
        voice=st.none() | whole_text,
        speed=st.none() | st.floats(0.5, 2.0),
    ),
    st.builds(Cancel, request_id=request_ids),
    st.just(Stop()),
)


@given(messages)
def test_a_message_that_is_built_is_parsed_as_it_was(message: Message) -> None:
    assert parse(json.dumps(message.model_dump())) == message


@given(json_messages.anything(CLIENT))
def test_whatever_comes_is_a_message_or_a_message_error(received: str | bytes) -> None:
    try:
        assert isinstance(parse(received), CLIENT)
    except MessageError as error:
        assert error.code in json_messages.documented_codes("Sentence protocol")
        assert str(error)


def test_a_frame_is_as_long_as_its_format_makes_it() -> None:
    assert Start().frame_bytes(20) == 960
    assert Start(sample_rate=16_000).frame_bytes(40) == 1280
    assert Start(format="alaw").frame_bytes(20) == 160
    assert Start(format="opus").frame_bytes(20) is None


# What the service says


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (
            Started("af_sky", "pcm", 24_000, False),
            '{"type": "started", "voice": "af_sky", "format": "pcm", "sample_rate": 24000, "timestamps": false}',
        ),
        (
            Started("af_sky", "pcm", 24_000, True, 60),
            '{"type": "started", "voice": "af_sky", "format": "pcm", "sample_rate": 24000, "timestamps": true, '
            '"lead_ms": 60}',
        ),
        (StartedSpeak("one"), '{"type": "started_speak", "request_id": "one"}'),
        (Meta("one", 0.2), '{"type": "meta", "request_id": "one", "progress": 0.2}'),
        (Meta("one", 0.2, ()), '{"type": "meta", "request_id": "one", "progress": 0.2, "words": []}'),
        (
            Meta("one", 0.0, WORDS),
            '{"type": "meta", "request_id": "one", "progress": 0.0, "words": [{"word": "Hello", "start_s": 0, '
            '"end_s": 0.25}, {"word": "there.", "start_s": 0.3, "end_s": 0.6}]}',
        ),
        (Done("one", 0.95), '{"type": "done", "request_id": "one", "duration_s": 0.95}'),
        (
            Canceled("one", "Hello", "there."),
            '{"type": "canceled", "request_id": "one", "text_spoken": "Hello", "text_remaining": "there."}',
        ),
        (Stopped(), '{"type": "stopped"}'),
        (
            Error("bad_json", "not JSON: ValueError", None),
            '{"type": "error", "code": "bad_json", "message": "not JSON: ValueError", "request_id": null}',
        ),
        (
            Error("busy", "no place", "one"),
            '{"type": "error", "code": "busy", "message": "no place", "request_id": "one"}',
        ),
    ],
)
def test_a_message_of_the_service_is_written(message: ServiceMessage, text: str) -> None:
    assert message.to_json() == text
