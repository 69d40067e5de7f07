"""The Wyoming protocol: bytes in any pieces are events or an error, and what is sent is what the package reads."""

from __future__ import annotations

import io
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("wyoming", reason="requirements-wyoming.txt is not installed")

from wyoming.audio import AudioChunk
from wyoming.event import Event, read_event, write_event

from telephony.protocols import wyoming as protocol
from telephony.protocols.messages import MessageError
from telephony.protocols.telephone import WireError
from telephony.protocols.wyoming import EventDecoder

MAX_BYTES = 2000

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
data = st.dictionaries(st.text(max_size=10), scalars | st.lists(scalars, max_size=3), max_size=4)
kinds = st.sampled_from(sorted(protocol._KINDS)) | st.text(min_size=1, max_size=10)
package_events = st.lists(st.builds(Event, kinds, data, st.none() | st.binary(min_size=1, max_size=100)), max_size=4)


def written(*events: Event) -> bytes:
    """As the package sends them."""
    stream = io.BytesIO()
    for event in events:
        write_event(event, stream)
    return stream.getvalue()


def decoded(*pieces: bytes) -> list[Event | type[WireError]]:
    decoder = EventDecoder(MAX_BYTES)
    events: list[Event] = []
    try:
        for piece in pieces:
            decoder.receive(piece)
            events.extend(decoder.events())
    except WireError as error:
        with pytest.raises(type(error)):
            list(decoder.events())
        return [*events, WireError]
    return list(events)


@given(package_events, st.lists(st.integers(0, 3000), max_size=5))
def test_what_the_package_sends_is_read_whatever_the_pieces(events: list[Event], cuts: list[int]) -> None:
    sent = written(*events)
    places = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    pieces = [sent[start:end] for start, end in itertools.pairwise(places)]
    assert decoded(*pieces) == events


@given(st.lists(st.binary(max_size=200) | st.sampled_from([b"\n", b"{", b'{"type":"describe"}\n']), max_size=8))
def test_whatever_comes_is_events_or_an_error_and_the_same_in_one_piece(pieces: list[bytes]) -> None:
    assert decoded(*pieces) == decoded(b"".join(pieces))


@given(st.builds(Event, kinds, data | st.fixed_dictionaries({"text": scalars, "voice": scalars | data})))
def test_an_event_is_a_message_or_a_message_error(event: Event) -> None:
    try:
        message = protocol.parse(event)
    except MessageError as error:
        assert error.code == "bad_message"
    else:
        assert isinstance(message, (*protocol._KINDS.values(), protocol.Unknown))


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Event("describe"), protocol.Describe()),
        (Event("ping", {"text": None}), protocol.Ping()),
        (
            Event("synthesize", {"text": "Hi", "voice": {"name": "af_sky", "speaker": "x"}, "context": {"a": 1}}),
            protocol.Synthesize(text="Hi", voice=protocol.VoiceName(name="af_sky")),
        ),
        (Event("synthesize", {"text": "Hi", "voice": None}), protocol.Synthesize(text="Hi")),
        (
            Event("synthesize-start", {"voice": {"language": "en"}}),
            protocol.SynthesizeStart(voice=protocol.VoiceName(language="en")),
        ),
        (Event("synthesize-chunk", {"text": " "}), protocol.SynthesizeChunk(text=" ")),
        (Event("synthesize-stop"), protocol.SynthesizeStop()),
        (Event("transcribe"), protocol.Unknown("transcribe")),
    ],
)
def test_what_clients_send_is_understood(event: Event, message: protocol.Message) -> None:
    assert protocol.parse(event) == message


def test_data_may_be_in_the_line_or_behind_it_or_both() -> None:
    line = {"type": "synthesize", "data": {"text": "a", "more": 1}, "data_length": 13}
    events = decoded(json.dumps(line).encode() + b'\n{"text": "b"}')
    assert events == [Event("synthesize", {"text": "b", "more": 1})]


@pytest.mark.parametrize(
    "line",
    [
        {"type": 1},
        {"type": "x", "data": [1]},
        {"type": "x", "data_length": -1},
        {"type": "x", "data_length": 1.5},
        {"type": "x", "payload_length": True},
        {"type": "x", "data_length": MAX_BYTES, "payload_length": 1},
        {"type": "x", "payload_length": 2**70},
        [],
    ],
)
def test_a_line_that_cannot_be_is_refused_before_what_follows_has_come(line: Any) -> None:
    assert decoded(json.dumps(line).encode() + b"\n") == [WireError]


def test_a_line_is_refused_once_it_is_too_long() -> None:
    assert decoded(b"x" * MAX_BYTES) == []
    assert decoded(b"x" * MAX_BYTES, b"x") == [WireError]


@given(st.binary(min_size=1, max_size=300))
def test_the_package_reads_what_is_sent(pcm: bytes) -> None:
    chunk = read_event(io.BytesIO(protocol.audio_chunk(pcm)))
    assert chunk is not None
    assert AudioChunk.from_event(chunk) == AudioChunk(24_000, 2, 1, pcm)
