"""The protocol of Deepgram's clients: what is understood, and what is answered."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.protocols import speak as protocol
from telephony.protocols.messages import MessageError, ServiceMessage
from tests.protocols import json_messages

CLIENT = (protocol.Speak, protocol.Flush, protocol.Clear, protocol.Close)
SERVICE = (
    protocol.Metadata("r", "aura-2-thalia-en", "1.0", "r"),
    protocol.Flushed(3),
    protocol.Cleared(0),
    protocol.LeftOut("synthesis_failed", "why"),
    protocol.Error("bad_json", "why"),
)


def test_the_documented_messages_are_those_that_there_are() -> None:
    client, service = json_messages.documented("Speak protocol")
    assert client == {kind.__name__: [name for name in kind.model_fields if name != "type"] for kind in CLIENT}
    sent = [json.loads(message.to_json()) for message in SERVICE]
    assert service == {message.pop("type"): list(message) for message in sent}


def test_the_documented_codes_are_those_that_parsing_gives() -> None:
    documented = json_messages.documented_codes("Speak protocol")
    assert {"bad_json", "unexpected_binary", "unknown_type", "bad_message"} <= documented


@given(st.text() | st.binary() | st.dictionaries(st.text(), st.text()).map(json.dumps))
def test_whatever_comes_is_a_message_or_a_message_error(received: str | bytes) -> None:
    with contextlib.suppress(MessageError):
        assert isinstance(protocol.parse(received), CLIENT)


@pytest.mark.parametrize(
    ("received", "message"),
    [
        ('{"type": "Speak", "text": "Hi", "more": 1}', protocol.Speak(type="Speak", text="Hi")),
        ('{"type": "Flush"}', protocol.Flush(type="Flush")),
        ('{"type": "Clear"}', protocol.Clear(type="Clear")),
        ('{"type": "Close"}', protocol.Close(type="Close")),
    ],
)
def test_what_clients_send_is_understood(received: str, message: protocol.Message) -> None:
    assert protocol.parse(received) == message


@pytest.mark.parametrize(
    ("received", "code"),
    [
        ("no JSON", "bad_json"),
        (b"{}", "unexpected_binary"),
        ("{}", "unknown_type"),
        ('{"type": ["Speak"]}', "unknown_type"),
        ('{"type": "speak", "text": "Hi"}', "unknown_type"),
        ('{"type": "Speak"}', "bad_message"),
        ('{"type": "Speak", "text": 7}', "bad_message"),
    ],
)
def test_what_cannot_be_understood_is_an_error(received: str | bytes, code: str) -> None:
    with pytest.raises(MessageError) as error:
        protocol.parse(received)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (protocol.Flushed(3), {"type": "Flushed", "sequence_id": 3}),
        (protocol.Cleared(0), {"type": "Cleared", "sequence_id": 0}),
        (
            protocol.Metadata("r", "aura-2-thalia-en", "1.0", "r"),
            {
                "type": "Metadata",
                "request_id": "r",
                "model_name": "aura-2-thalia-en",
                "model_version": "1.0",
                "model_uuid": "r",
            },
        ),
        (
            protocol.LeftOut("synthesis_failed", "why"),
            {"type": "Warning", "code": "synthesis_failed", "description": "why", "warn_msg": "why"},
        ),
        (
            protocol.Error("bad_json", "why"),
            {"type": "Error", "code": "bad_json", "description": "why", "err_msg": "why"},
        ),
    ],
)
def test_answers_have_the_fields_that_clients_read(message: ServiceMessage, sent: dict[str, object]) -> None:
    assert json.loads(message.to_json()) == sent
