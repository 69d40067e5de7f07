"""Asterisk's WebSocket channel, as its reference has it: both forms of events, and of commands."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.protocols import media as protocol
from telephony.protocols.messages import MessageError

ID = uuid.UUID("e226e283-c90a-4ea9-9e37-389000b9ef47")
EVENTS = (
    protocol.Started,
    protocol.Digit,
    protocol.Full,
    protocol.Roomy,
    protocol.Played,
    protocol.Failed,
    protocol.Unknown,
)
names = st.sampled_from(
    ["MEDIA_START", "DTMF_END", "MEDIA_XOFF", "MEDIA_XON", "MEDIA_BUFFERING_COMPLETED", "ERROR", "STATUS"]
)


@pytest.mark.parametrize(
    ("received", "event"),
    [
        (
            f"MEDIA_START connection_id:{ID} channel:WebSocket/a:b/0x5 format:ulaw optimal_frame_size:160",
            protocol.Started((ID,), "ulaw", json=False),
        ),
        (
            "MEDIA_START connection_id:kokoro channel:WebSocket/kokoro channel_id:pbx1-123.9 format:slin16 ptime:20",
            protocol.Started((), "slin16", json=False),
        ),
        (
            json.dumps(
                {
                    "event": "MEDIA_START",
                    "connection_id": "kokoro",
                    "channel_id": str(ID),
                    "format": "alaw",
                    "optimal_frame_size": 160,
                    "channel_variables": {"format": "no"},
                },
                indent=4,
            ),
            protocol.Started((ID,), "alaw", json=True),
        ),
        ("DTMF_END digit:#", protocol.Digit("#")),
        ('{"event": "DTMF_END", "channel_id": "1.2", "digit": "A"}', protocol.Digit("A")),
        ("MEDIA_XOFF", protocol.Full()),
        ('{"event": "MEDIA_XON", "channel_id": "1.2"}', protocol.Roomy()),
        ("MEDIA_BUFFERING_COMPLETED 17", protocol.Played("17")),
        ("MEDIA_BUFFERING_COMPLETED", protocol.Played("")),
        ('{"event": "MEDIA_BUFFERING_COMPLETED", "correlation_id": "17"}', protocol.Played("17")),
        ('{"event": "ERROR", "error_text": "no"}', protocol.Failed("no")),
        ("STATUS queue_length:43 xon_level:800", protocol.Unknown("STATUS")),
        ('{"event": "QUEUE_DRAINED"}', protocol.Unknown("QUEUE_DRAINED")),
    ],
)
def test_what_the_reference_shows_is_understood(received: str, event: protocol.Event) -> None:
    assert protocol.parse(received) == event


@pytest.mark.parametrize(
    ("received", "code"),
    [
        ("", "bad_message"),
        (" \n", "bad_message"),
        ("{", "bad_json"),
        ("{}", "bad_message"),
        ('{"event": 1}', "bad_message"),
        ("DTMF_END", "bad_message"),
        ("DTMF_END digit:12", "bad_message"),
        ("DTMF_END digit:x", "bad_message"),
        ('{"event": "DTMF_END", "digit": 1}', "bad_message"),
    ],
)
def test_what_cannot_be_understood_is_an_error(received: str, code: str) -> None:
    with pytest.raises(MessageError) as error:
        protocol.parse(received)
    assert error.value.code == code


@given(
    st.text(st.characters())
    | st.builds(lambda name, rest: f"{name} {rest}", names, st.text(st.characters()))
    | st.builds(
        lambda name, fields: json.dumps({"event": name, **fields}),
        names,
        st.dictionaries(
            st.sampled_from(["digit", "format", "channel_id", "correlation_id", "error_text"]),
            st.none() | st.integers() | st.text(st.characters()),
        ),
    )
)
def test_whatever_comes_is_an_event_or_an_error(received: str) -> None:
    try:
        assert isinstance(protocol.parse(received), EVENTS)
    except MessageError as error:
        assert error.code in ("bad_message", "bad_json")


def test_commands_are_written_in_either_form() -> None:
    assert protocol.start_buffering(json=False) == "START_MEDIA_BUFFERING"
    assert protocol.stop_buffering("17", json=False) == "STOP_MEDIA_BUFFERING 17"
    assert protocol.flush(json=False) == "FLUSH_MEDIA"
    assert protocol.hang_up(json=False) == "HANGUP"
    assert json.loads(protocol.start_buffering(json=True)) == {"command": "START_MEDIA_BUFFERING"}
    stop = {"command": "STOP_MEDIA_BUFFERING", "correlation_id": "17"}
    assert json.loads(protocol.stop_buffering("17", json=True)) == stop
    assert json.loads(protocol.flush(json=True)) == {"command": "FLUSH_MEDIA"}
    assert json.loads(protocol.hang_up(json=True)) == {"command": "HANGUP"}
