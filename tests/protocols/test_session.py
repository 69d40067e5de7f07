"""The session protocol's messages: what a client may say, and what the service says, byte for byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.protocols.messages import MessageError, ServiceMessage
from telephony.protocols.session import (
    Cancel,
    Cancelled,
    EndSession,
    Error,
    Flush,
    Message,
    SegmentDone,
    SendText,
    SessionEnded,
    SessionStarted,
    StartSession,
    Words,
    milliseconds,
    parse,
    real_time_factor,
)
from telephony.speech import Word
from tests.protocols import json_messages

CLIENT = (StartSession, SendText, Flush, Cancel, EndSession)
SERVICE = (SessionStarted, Words, SegmentDone, Cancelled, SessionEnded, Error)
CONFIG = {
    "voice": "af_sky",
    "lang_code": "a",
    "engine": "kokoro",
    "speed": 2.0,
    "fixed_frames": True,
    "timestamps": False,
    "lead_ms": 20,
}
WORDS = (Word("Hello,", 0.1234, 0.41), Word("you.", 0.5, 1))


def test_the_documented_messages_are_those_that_there_are() -> None:
    client, service = json_messages.documented("Session protocol")
    named = {kind.model_fields["type"].default: set(kind.model_fields) - {"type"} for kind in CLIENT}
    named["start_session"] |= set(type(StartSession().chosen).model_fields)
    assert {name: set(fields) for name, fields in client.items()} == named
    assert service == {kind.type: json_messages.fields_of(kind) for kind in SERVICE}


def test_the_documented_codes_are_those_that_parsing_gives() -> None:
    assert {"bad_json", "unexpected_binary", "unknown_type", "bad_message"} <= json_messages.documented_codes(
        "Session protocol"
    )


# What a client says


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type": "start_session"}', StartSession()),
        ('{"type": "start_session", "session_id": null, "config": null}', StartSession()),
        (
            '{"type": "start_session", "session_id": "call-7", "config": {"voice": "af_sky", "lang_code": "a", '
            '"engine": "kokoro", "speed": 2, "fixed_frames": true, "timestamps": false, "lead_ms": 20}}',
            StartSession.model_validate({"session_id": "call-7", "config": CONFIG}),
        ),
        ('{"type": "start_session", "else": 1, "config": {"else": 1}}', StartSession.model_validate({"config": {}})),
        ('{"type": "send_text", "text": "Ol\\u00e1 \\ud83d"}', SendText(text="Olá \ud83d")),
        ('{"type": "flush"}', Flush()),
        ('{"type": "cancel"}', Cancel()),
        ('{"type": "end_session", "text": 5}', EndSession()),
    ],
)
def test_a_message_is_parsed(text: str, message: Message) -> None:
    assert parse(text) == message


TYPES = "type is start_session, send_text, flush, cancel or end_session"


@pytest.mark.parametrize(
    ("received", "code", "message"),
    [
        (b"{}", "unexpected_binary", "messages are JSON text, not binary"),
        ("", "bad_json", "not JSON: JSONDecodeError"),
        ("[" * 100_000, "bad_json", "not JSON: RecursionError"),
        ('{"type": ' + "1" * 100_000 + "}", "bad_json", "not JSON: ValueError"),
        ("[1]", "bad_json", "a message is a JSON object"),
        ("{}", "unknown_type", TYPES),
        ('{"type": null}', "unknown_type", TYPES),
        ('{"type": ["send_text"]}', "unknown_type", TYPES),
        ('{"type": "sing\\ud800"}', "unknown_type", TYPES),
        ('{"type": "send_text"}', "bad_message", "text: Field required"),
        ('{"type": "send_text", "text": null}', "bad_message", "text: Input should be a valid string"),
        (
            '{"type": "start_session", "config": "voice"}',
            "bad_message",
            "config: Input should be a valid dictionary or instance of _Config",
        ),
        (
            '{"type": "start_session", "session_id": "a\\nb"}',
            "bad_message",
            "session_id: String should match pattern '^[ -~]+$'",
        ),
        (
            '{"type": "start_session", "config": {"speed": 2.1}}',
            "bad_message",
            "config.speed: Input should be less than or equal to 2",
        ),
        (
            '{"type": "start_session", "config": {"lead_ms": true}}',
            "bad_message",
            "config.lead_ms: Input should be a valid integer",
        ),
    ],
)
def test_what_is_wrong_with_a_message_is_told(received: str | bytes, code: str, message: str) -> None:
    with pytest.raises(MessageError) as error:
        parse(received)
    assert (error.value.code, str(error.value)) == (code, message)


configs = st.fixed_dictionaries(
    {},
    optional={
        "voice": st.none() | st.text(),
        "lang_code": st.none() | st.text(),
        "engine": st.none() | st.text(),
        "speed": st.none() | st.floats(0.5, 2.0),
        "fixed_frames": st.none() | st.booleans(),
        "timestamps": st.none() | st.booleans(),
        "lead_ms": st.none() | st.integers(20, 10_000),
    },
)
session_ids = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=128)
messages = st.one_of(
    st.builds(
        lambda session_id, config: StartSession.model_validate({"session_id": session_id, "config": config}),
        st.none() | session_ids,
        st.none() | configs,
    ),
    st.builds(SendText, text=st.text(st.characters())),
    st.sampled_from([Flush(), Cancel(), EndSession()]),
)


@given(messages)
def test_a_message_that_is_built_is_parsed_as_it_was(message: Message) -> None:
    assert parse(json.dumps(message.model_dump())) == message


@given(json_messages.anything(CLIENT))
def test_whatever_comes_is_a_message_or_a_message_error(received: str | bytes) -> None:
    try:
        assert isinstance(parse(received), CLIENT)
    except MessageError as error:
        assert error.code in ("bad_json", "unexpected_binary", "unknown_type", "bad_message")
        assert str(error)


# What the service says


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (SessionStarted("call-7"), '{"type": "session_started", "session_id": "call-7"}'),
        (
            Words(1, WORDS),
            '{"type": "words", "segment_id": 1, "words": [{"word": "Hello,", "start_s": 0.123, "end_s": 0.41}, '
            '{"word": "you.", "start_s": 0.5, "end_s": 1}]}',
        ),
        (
            SegmentDone(2, "9a02", 92.1, 0.09, 1180.0),
            '{"type": "segment_done", "segment_id": 2, "request_id": "9a02", "ttfa_ms": 92.1, "rtf": 0.09, '
            '"duration_ms": 1180.0}',
        ),
        (
            SegmentDone(2, "9a02", None, None, 0.0),
            '{"type": "segment_done", "segment_id": 2, "request_id": "9a02", "ttfa_ms": null, "rtf": null, '
            '"duration_ms": 0.0}',
        ),
        (Cancelled("", "Olá."), '{"type": "cancelled", "text_spoken": "", "text_remaining": "Ol\\u00e1."}'),
        (
            SessionEnded("call-7", 0, 0.0, None, None),
            '{"type": "session_ended", "session_id": "call-7", "segments_processed": 0, "audio_duration_ms": 0.0, '
            '"ttfa_ms": null, "rtf": null}',
        ),
        (Error("busy", "no place"), '{"type": "error", "code": "busy", "message": "no place"}'),
        (
            Error("synthesis_failed", "broken", 3, "9a02"),
            '{"type": "error", "code": "synthesis_failed", "message": "broken", "segment_id": 3, "request_id": "9a02"}',
        ),
    ],
)
def test_a_message_of_the_service_is_written(message: ServiceMessage, text: str) -> None:
    assert message.to_json() == text


def test_figures_are_rounded() -> None:
    assert (milliseconds(0.09213), milliseconds(None)) == (92.1, None)
    assert (real_time_factor(0.2, 3.0), real_time_factor(0.2, 0.0)) == (0.0667, None)
