"""The telephone host's protocol, byte for byte."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.protocols.telephone import (
    END_OF_AUDIO,
    MAX_AUDIO_BYTES,
    MAX_AUDIO_SAMPLES,
    MAX_CALL_ID_BYTES,
    MAX_DATAGRAM_BYTES,
    MAX_TEXT_BYTES,
    Audio,
    AudioDecoder,
    Bye,
    Cancel,
    EndOfAudio,
    Goodbye,
    Hello,
    Register,
    Text,
    TextDecoder,
    TextEvent,
    WireError,
    decode_datagram,
    encode_audio,
    encode_bye,
    encode_hello,
    encode_text,
    processor_port,
)

HELLO_999 = b"\x00\x00\x00\x03999"
TEXT_OLA = b"\x00\x00\x00\x04Ol\xc3\xa1"
BYE = b"\xff\xff\xff\xff"


def decode(pieces: Iterable[bytes]) -> list[TextEvent]:
    decoder = TextDecoder()
    events: list[TextEvent] = []
    for piece in pieces:
        decoder.receive(piece)
        events.extend(decoder.events())
    return events


def decode_audio(pieces: Iterable[bytes]) -> list[tuple[bytes, int, int] | EndOfAudio]:
    """Arrays have no equality of their own: audio frames as bytes, rate and chunk id."""
    decoder = AudioDecoder()
    events: list[tuple[bytes, int, int] | EndOfAudio] = []
    for piece in pieces:
        decoder.receive(piece)
        for event in decoder.events():
            if isinstance(event, Audio):
                events.append((event.samples.tobytes(), event.sample_rate, event.chunk_id))
            else:
                events.append(event)
    return events


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def frame(length: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", length) + payload


def greeted(*pieces: bytes) -> TextDecoder:
    """A decoder that has taken HELLO, and then what is given."""
    decoder = TextDecoder()
    decoder.receive(HELLO_999)
    assert list(decoder.events()) == [Hello("999")]
    for piece in pieces:
        decoder.receive(piece)
    return decoder


non_empty_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
places = st.lists(st.integers(0, 400), max_size=12)


# Text, decoding


def test_hello_text_and_bye_are_decoded_from_literal_bytes() -> None:
    assert decode([HELLO_999 + TEXT_OLA + BYE]) == [Hello("999"), Text("Olá"), Bye()]


@given(non_empty_text, st.lists(non_empty_text, max_size=6), st.booleans(), places)
def test_any_split_of_a_text_stream_gives_the_same_events(
    call_id: str, texts: list[str], bye: bool, places: list[int]
) -> None:
    stream = encode_hello(call_id) + b"".join(map(encode_text, texts)) + (encode_bye() if bye else b"")
    expected = [Hello(call_id), *map(Text, texts), *([Bye()] if bye else [])]
    assert decode(cut(stream, places)) == expected


def test_a_text_stream_one_byte_at_a_time_gives_the_same_events() -> None:
    stream = HELLO_999 + TEXT_OLA + TEXT_OLA + BYE
    assert decode(bytes([byte]) for byte in stream) == [Hello("999"), Text("Olá"), Text("Olá"), Bye()]


@given(st.binary(max_size=200), places)
def test_random_bytes_raise_nothing_but_wire_errors_from_the_text_decoder(data: bytes, places: list[int]) -> None:
    try:
        decode(cut(data, places))
    except WireError:
        return


@given(st.binary(max_size=200), places)
def test_random_bytes_after_hello_raise_nothing_but_wire_errors(data: bytes, places: list[int]) -> None:
    decoder = greeted()
    try:
        for piece in cut(data, places):
            decoder.receive(piece)
            list(decoder.events())
    except WireError:
        return


@pytest.mark.parametrize("length", [0, MAX_CALL_ID_BYTES + 1, MAX_TEXT_BYTES, 0xFFFFFFFE])
def test_a_hello_of_a_forbidden_length_is_refused_before_its_payload_comes(length: int) -> None:
    with pytest.raises(WireError, match="HELLO"):
        decode([frame(length)])


@pytest.mark.parametrize("length", [0, MAX_TEXT_BYTES + 1, 0xFFFFFFFE])
def test_a_text_of_a_forbidden_length_is_refused_before_its_payload_comes(length: int) -> None:
    with pytest.raises(WireError, match="text"):
        list(greeted(frame(length)).events())


@pytest.mark.parametrize("length", [1, MAX_CALL_ID_BYTES])
def test_a_hello_of_an_allowed_length_is_taken(length: int) -> None:
    assert decode([frame(length, b"7" * length)]) == [Hello("7" * length)]


def test_a_text_of_the_largest_length_is_taken() -> None:
    assert list(greeted(frame(MAX_TEXT_BYTES), b"a" * MAX_TEXT_BYTES).events()) == [Text("a" * MAX_TEXT_BYTES)]


def test_a_hello_limit_does_not_bind_the_texts_after_it() -> None:
    text = "a" * (MAX_CALL_ID_BYTES + 1)
    assert decode([HELLO_999 + encode_text(text)]) == [Hello("999"), Text(text)]


def test_events_before_a_bad_frame_are_yielded() -> None:
    events = greeted(TEXT_OLA + frame(0)).events()
    assert next(events) == Text("Olá")
    with pytest.raises(WireError):
        next(events)


@pytest.mark.parametrize("payload", [b"\xff", b"abc\x80", b"Ol\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_text_that_is_not_utf8_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError, match="UTF-8"):
        list(greeted(frame(len(payload), payload)).events())


def test_a_hello_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(WireError, match="UTF-8"):
        decode([frame(1, b"\xff")])


@pytest.mark.parametrize("bad", [frame(0), frame(MAX_TEXT_BYTES + 1), frame(2, b"\xc3\x28")])
def test_a_decoder_that_failed_keeps_raising_and_yields_no_later_frame(bad: bytes) -> None:
    decoder = greeted(bad + TEXT_OLA)
    for _ in range(3):
        with pytest.raises(WireError):
            next(decoder.events())
        decoder.receive(TEXT_OLA + BYE)


def test_the_error_of_a_text_that_is_not_utf8_does_not_show_the_text() -> None:
    with pytest.raises(WireError) as raised:
        list(greeted(frame(7, b"secret\xff")).events())
    assert "secret" not in str(raised.value)


def test_bye_may_come_before_hello() -> None:
    assert decode([BYE]) == [Bye()]


def test_bytes_after_bye_are_ignored() -> None:
    decoder = greeted(BYE + frame(0) + TEXT_OLA)
    assert list(decoder.events()) == [Bye()]
    decoder.receive(frame(0) + TEXT_OLA)
    assert list(decoder.events()) == []


def test_an_incomplete_frame_yields_nothing_yet() -> None:
    assert list(greeted(TEXT_OLA[:3]).events()) == []
    assert list(greeted(TEXT_OLA[:-1]).events()) == []


# Text, encoding


def test_hello_text_and_bye_are_encoded_to_literal_bytes() -> None:
    assert encode_hello("999") == HELLO_999
    assert encode_text("Olá") == TEXT_OLA
    assert encode_bye() == BYE


def test_the_largest_hello_and_text_are_encoded() -> None:
    assert encode_hello("7" * MAX_CALL_ID_BYTES)[:4] == b"\x00\x00\x04\x00"
    assert encode_text("a" * MAX_TEXT_BYTES)[:4] == b"\x00\xa0\x00\x00"


@pytest.mark.parametrize("call_id", ["", "7" * (MAX_CALL_ID_BYTES + 1), "é" * (MAX_CALL_ID_BYTES // 2 + 1)])
def test_a_call_id_that_no_hello_may_carry_is_not_encoded(call_id: str) -> None:
    with pytest.raises(WireError, match="call id"):
        encode_hello(call_id)


@pytest.mark.parametrize("text", ["", "a" * (MAX_TEXT_BYTES + 1)], ids=["empty", "10 MiB and 1"])
def test_a_text_that_no_frame_may_carry_is_not_encoded(text: str) -> None:
    with pytest.raises(WireError, match="text"):
        encode_text(text)


# Audio


def test_an_audio_frame_is_encoded_to_literal_bytes() -> None:
    samples = np.array([1.0, -0.5], np.float32)
    assert encode_audio(samples, 24_000, 7) == (
        b"\x00\x00\x00\x08" + b"\x00\x00\x5d\xc0" + b"\x00\x00\x00\x07" + b"\x00\x00\x80\x3f" + b"\x00\x00\x00\xbf"
    )


def test_samples_leave_in_little_endian_whatever_their_order_in_memory() -> None:
    assert encode_audio(np.array([1.0], ">f4"), 24_000, 1)[12:] == b"\x00\x00\x80\x3f"


def test_the_end_of_audio_is_twelve_zero_bytes() -> None:
    assert list(END_OF_AUDIO) == [0] * 12
    assert decode_audio([END_OF_AUDIO]) == [EndOfAudio()]


def test_an_audio_frame_is_decoded_from_literal_bytes() -> None:
    decoder = AudioDecoder()
    decoder.receive(b"\x00\x00\x00\x04\x00\x00\x1f\x40\x00\x00\x00\x02\x00\x00\x00\xbf")
    (event,) = decoder.events()
    assert isinstance(event, Audio)
    assert event.samples.tolist() == [-0.5]
    assert (event.sample_rate, event.chunk_id) == (8_000, 2)


audio_frames = st.tuples(
    st.lists(st.floats(-1, 1, width=32), max_size=20),
    st.integers(1, 0xFFFFFFFF),
    st.integers(1, 0xFFFFFFFF),
)


@given(st.lists(audio_frames, max_size=6), st.booleans(), places)
def test_any_split_of_an_audio_stream_gives_the_same_events(
    frames: list[tuple[list[float], int, int]], end: bool, places: list[int]
) -> None:
    packed = [(np.array(samples, "<f4"), rate, chunk_id) for samples, rate, chunk_id in frames]
    stream = b"".join(encode_audio(*item) for item in packed) + (END_OF_AUDIO if end else b"")
    expected = [(samples.tobytes(), rate, chunk_id) for samples, rate, chunk_id in packed]
    assert decode_audio(cut(stream, places)) == [*expected, *([EndOfAudio()] if end else [])]


@given(st.binary(max_size=200), places)
def test_random_bytes_raise_nothing_but_wire_errors_from_the_audio_decoder(data: bytes, places: list[int]) -> None:
    try:
        decode_audio(cut(data, places))
    except WireError:
        return


def test_the_largest_audio_frame_is_encoded_and_decoded() -> None:
    samples = np.zeros(MAX_AUDIO_SAMPLES, np.float32)
    encoded = encode_audio(samples, 24_000, 1)
    assert len(encoded) == 12 + MAX_AUDIO_BYTES
    assert decode_audio([encoded]) == [(samples.tobytes(), 24_000, 1)]


def test_an_audio_frame_over_ten_mebibytes_is_not_encoded() -> None:
    with pytest.raises(WireError):
        encode_audio(np.zeros(MAX_AUDIO_SAMPLES + 1, np.float32), 24_000, 1)


@pytest.mark.parametrize("length", [MAX_AUDIO_BYTES + 4, 0xFFFFFFFC, 1, 6])
def test_an_audio_frame_of_a_forbidden_length_is_refused_before_its_payload_comes(length: int) -> None:
    with pytest.raises(WireError):
        decode_audio([struct.pack(">III", length, 24_000, 1)])


# Datagrams


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"REGISTER:7", Register("7")),
        (b"BYE:7", Goodbye("7")),
        (b"CANCEL:7", Cancel("7")),
        (b"REGISTER:7\n", Register("7")),
        (b"REGISTER:7\r\n", Register("7")),
        (b"BYE:7 \t ", Goodbye("7")),
        (b"REGISTER:7\0", Register("7")),
        (b"REGISTER:7\n\0\0", Register("7")),
        (b"REGISTER:sip:7@host", Register("sip:7@host")),
        (b"REGISTER:" + b"7" * (MAX_DATAGRAM_BYTES - 9), Register("7" * (MAX_DATAGRAM_BYTES - 9))),
    ],
)
def test_a_registration_datagram_is_decoded(data: bytes, expected: object) -> None:
    assert decode_datagram(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"REGISTER",
        b"REGISTER:",
        b"REGISTER: \r\n",
        b"BYE:\0",
        b":7",
        b"register:7",
        b"HELLO:7",
        b" REGISTER:7",
        b"REGISTER :7",
        b"REGISTER:\xc3\xa1",
        b"\xffREGISTER:7",
        b"REGISTER:" + b"7" * (MAX_DATAGRAM_BYTES - 8),
        b"REGISTER:7" + b" " * MAX_DATAGRAM_BYTES,
    ],
)
def test_any_other_datagram_says_nothing(data: bytes) -> None:
    assert decode_datagram(data) is None


@given(st.binary(max_size=MAX_DATAGRAM_BYTES + 8))
def test_random_datagrams_never_raise(data: bytes) -> None:
    decode_datagram(data)
    decode_datagram(b"REGISTER:" + data)


# The processor's port


@pytest.mark.parametrize(
    ("call_id", "port"),
    [
        ("0", 9002),
        ("7", 9009),
        ("007", 9009),
        ("0000000007", 9009),
        ("56533", 65_535),
        ("abc", 9002),
        ("", 9002),
        ("-3", 9002),
        ("+3", 9002),
        ("3.0", 9002),
        (" 7", 9002),
        ("7a", 9002),
        ("٣", 9002),
        ("²", 9002),
    ],
)
def test_the_processor_listens_at_9002_plus_the_call_number(call_id: str, port: int) -> None:
    assert processor_port(call_id) == port


@pytest.mark.parametrize("call_id", ["56534", "65000", "999999999", "1000000000", "9" * 32])
def test_a_call_number_beyond_the_last_port_has_no_processor(call_id: str) -> None:
    assert processor_port(call_id) is None
