"""The protocol of custom speech: what is understood, and what is answered."""

from __future__ import annotations

import contextlib
import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.protocols import custom_speech as protocol
from telephony.protocols.messages import MessageError
from tests.protocols import json_messages

CLIENT = (protocol.Stream, protocol.Flush, protocol.Clear, protocol.Stop, protocol.KeepAlive)
SERVICE = (protocol.Connected.at(8000), protocol.Error("bad_json", "why"))


def test_the_documented_messages_are_those_that_there_are() -> None:
    client, service = json_messages.documented("Custom speech")
    kinds = {get_args(kind.model_fields["type"].annotation)[0]: kind for kind in CLIENT}
    assert client == {name: [field for field in kind.model_fields if field != "type"] for name, kind in kinds.items()}
    sent = [json.loads(message.to_json()) for message in SERVICE]
    assert service == {message.pop("type"): [*message, *message.get("data", ())] for message in sent}


def test_the_first_message_says_how_audio_is_sent() -> None:
    assert json.loads(protocol.Connected.at(16_000).to_json()) == {
        "type": "connect",
        "data": {"sample_rate": 16_000, "base64_encoding": False},
    }


@given(st.text() | st.binary() | st.dictionaries(st.text(), st.text()).map(json.dumps))
def test_whatever_comes_is_a_message_or_a_message_error(received: str | bytes) -> None:
    with contextlib.suppress(MessageError):
        assert isinstance(protocol.parse(received), CLIENT)


@given(st.text(st.characters(codec="latin-1")))
def test_whatever_is_accepted_there_is_a_format(header: str) -> None:
    with contextlib.suppress(MessageError):
        assert protocol.accepted(header)[0] in ("mp3", "wav", "pcm")


@pytest.mark.parametrize(
    ("header", "format_name", "rate_hz"),
    [
        ("", "mp3", None),
        ("*/*", "mp3", None),
        ("audio/l16;rate=8000", "pcm", 8000),
        ("a, audio/x-wav;q=1", "wav", None),
    ],
)
def test_the_first_known_format_is_the_one(header: str, format_name: str, rate_hz: int | None) -> None:
    assert protocol.accepted(header) == (format_name, rate_hz)
