"""The protocol of contexts: what is understood, and when characters are heard."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.protocols import contexts as protocol
from telephony.protocols.contexts import Alignment, CharacterClock
from telephony.protocols.messages import MessageError
from telephony.speech import Word


def test_what_clients_send_is_understood_and_what_they_send_besides_is_ignored() -> None:
    opening = '{"text": " ", "context_id": "a", "voice_settings": {"speed": 1.2, "stability": 0.5}, "xi_api_key": "k"}'
    assert protocol.parse(opening) == protocol.Message(
        text=" ", context_id="a", voice_settings=protocol.parse(opening).voice_settings
    )
    assert protocol.parse(opening).speed == 1.2
    assert protocol.parse('{"text": " ", "voice_settings": null}').speed is None
    assert protocol.parse('{"contextId": "a", "flush": true}').context_id == "a"
    assert protocol.parse('{"context_id": "a", "close_context": true}').close_context
    assert protocol.parse('{"close_socket": true}').close_socket
    assert protocol.parse("{}") == protocol.Message()


@pytest.mark.parametrize(
    ("received", "code"),
    [
        ("no JSON", "bad_json"),
        ("[]", "bad_json"),
        (b"{}", "unexpected_binary"),
        ('{"text": 7}', "bad_message"),
        ('{"text": "Hi", "context_id": 7}', "bad_message"),
        ('{"text": "Hi", "context_id": "' + "x" * 129 + '"}', "bad_message"),
        ('{"text": "Hi", "voice_settings": {"speed": "fast"}}', "bad_message"),
        ('{"flush": "yes"}', "bad_message"),
    ],
)
def test_what_cannot_be_understood_is_an_error_without_the_clients_words(received: str | bytes, code: str) -> None:
    with pytest.raises(MessageError) as error:
        protocol.parse(received)
    assert error.value.code == code
    assert "xxx" not in str(error.value)
    assert "fast" not in str(error.value)


def test_answers_name_their_context_as_every_client_reads_it() -> None:
    alignment = Alignment("Hi", [0, 50], [50, 60])
    times = {"chars": "Hi", "charStartTimesMs": [0, 50], "charDurationsMs": [50, 60]}
    assert json.loads(protocol.Audio(b"ab", "a", alignment).to_json()) == {
        "audio": base64.b64encode(b"ab").decode(),
        "isFinal": None,
        "alignment": times,
        "normalizedAlignment": times,
        "contextId": "a",
    }
    assert json.loads(protocol.Audio(b"ab", None).to_json())["alignment"] is None
    assert "contextId" not in json.loads(protocol.Audio(b"ab", None).to_json())
    assert json.loads(protocol.Final("a").to_json()) == {"audio": None, "isFinal": True, "contextId": "a"}
    assert json.loads(protocol.Error("busy", "why", "a").to_json()) == {
        "error": "busy",
        "message": "why",
        "contextId": "a",
    }


def test_a_line_of_an_http_answer_has_seconds() -> None:
    line = protocol.timed_line(b"ab", Alignment("Hi", [0, 50], [50, 60]))
    assert line.endswith(b"\n")
    assert json.loads(line)["alignment"] == {
        "characters": "Hi",
        "character_start_times_seconds": [0.0, 0.05],
        "character_end_times_seconds": [0.05, 0.11],
    }
    assert json.loads(protocol.timed_line(b"ab", None))["alignment"] is None


def test_a_words_time_is_shared_by_its_characters_and_a_space_follows_each_word() -> None:
    clock = CharacterClock()
    first = clock.align([Word("Oh,", 0.1, 0.4), Word("hi", 0.5, 0.7)], 0.0)
    assert first == Alignment(list("Oh, hi "), [100, 200, 300, 400, 500, 600, 700], [100, 100, 100, 100, 100, 100, 0])
    # The next sentence begins at 1 s; times count from the end of the alignment before, which is at 0.7 s.
    assert clock.align([Word("So", 0.1, 0.3)], 1.0) == Alignment(list("So "), [400, 500, 600], [100, 100, 0])


def test_synchronous_times_count_from_the_beginning_of_the_context() -> None:
    clock = CharacterClock()
    clock.align_synchronously([Word("Oh", 0.1, 0.3)], 0.0)
    assert clock.align_synchronously([Word("So", 0.1, 0.3)], 1.0).starts_ms == [1100, 1200, 1300]


words = st.lists(
    st.tuples(st.text(max_size=8), st.floats(0, 60), st.floats(0, 3)).map(
        lambda made: Word(made[0], made[1], made[1] + made[2])
    ),
    max_size=8,
)


@given(st.lists(st.tuples(words, st.floats(0, 60)), max_size=5))
def test_characters_follow_each_other_whatever_words_come(messages: list[tuple[list[Word], float]]) -> None:
    added_up, whole = CharacterClock(), CharacterClock()
    end_ms = 0
    for found, began_s in messages:
        alignment = added_up.align(found, began_s)
        from_beginning = whole.align_synchronously(found, began_s)
        assert "".join(alignment.chars) == "".join(word.text + " " for word in found)
        ends = [start + length for start, length in zip(alignment.starts_ms, alignment.durations_ms, strict=True)]
        assert ends[:-1] == list(alignment.starts_ms[1:])
        assert min((*alignment.starts_ms, *alignment.durations_ms, 0)) == 0
        assert [end_ms + start for start in alignment.starts_ms] == list(from_beginning.starts_ms)
        end_ms += ends[-1] if ends else 0
