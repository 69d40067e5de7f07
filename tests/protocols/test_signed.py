"""Messages with a MAC: opened once, by who knows the secret, while they are new."""

from __future__ import annotations

import pytest

from telephony.protocols import signed
from telephony.protocols.signed import MAX_SKEW_S, RefusedError, SignedMessages

NOW_S = 1_800_000_000.0


def test_who_knows_the_secret_opens_a_message_once() -> None:
    sender, receiver, another = (SignedMessages("calls", "secret") for _ in range(3))
    message = sender.sign(b"BYE:7", NOW_S)
    assert receiver.open(message, NOW_S) == b"BYE:7"
    assert another.open(message, NOW_S) == b"BYE:7"
    with pytest.raises(RefusedError, match="repeated"):
        receiver.open(message, NOW_S)
    assert receiver.open(sender.sign(b"BYE:7", NOW_S), NOW_S) == b"BYE:7", "the same words in another message"


@pytest.mark.parametrize("place", [0, 31, 32, 40, -1])
def test_a_changed_byte_is_refused(place: int) -> None:
    message = bytearray(SignedMessages("calls", "secret").sign(b"BYE:7", NOW_S))
    message[place] ^= 1
    with pytest.raises(RefusedError, match="MAC"):
        SignedMessages("calls", "secret").open(bytes(message), NOW_S)


@pytest.mark.parametrize("receiver", [SignedMessages("calls", "a guess"), SignedMessages("phrases", "secret")])
def test_another_secret_or_purpose_is_refused(receiver: SignedMessages) -> None:
    with pytest.raises(RefusedError, match="MAC"):
        receiver.open(SignedMessages("calls", "secret").sign(b"BYE:7", NOW_S), NOW_S)


@pytest.mark.parametrize("size", [0, 31, 32, 55])
def test_a_message_that_breaks_off_is_refused(size: int) -> None:
    messages = SignedMessages("calls", "secret")
    with pytest.raises(RefusedError, match="MAC"):
        messages.open(messages.sign(b"BYE:7", NOW_S)[:size], NOW_S)


@pytest.mark.parametrize("age_s", [-MAX_SKEW_S - 1, MAX_SKEW_S + 1])
def test_a_message_of_another_time_is_refused(age_s: float) -> None:
    messages = SignedMessages("calls", "secret")
    with pytest.raises(RefusedError, match="s old"):
        messages.open(messages.sign(b"BYE:7", NOW_S), NOW_S + age_s)


def test_a_message_from_a_clock_ahead_cannot_be_repeated_when_its_time_has_come() -> None:
    messages = SignedMessages("calls", "secret")
    message = messages.sign(b"BYE:7", NOW_S + MAX_SKEW_S)
    messages.open(message, NOW_S)
    later_s = NOW_S + 2 * MAX_SKEW_S
    messages.open(messages.sign(b"another, which lets old ones be forgotten", later_s), later_s)
    with pytest.raises(RefusedError, match="repeated"):
        messages.open(message, later_s)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed, "MAX_SEEN", 3)
    messages = SignedMessages("calls", "secret")
    for _ in range(5):
        messages.open(messages.sign(b"BYE:7", NOW_S), NOW_S)
    assert len(messages._seen) == 3
    later_s = NOW_S + 2 * MAX_SKEW_S + 1
    messages.open(messages.sign(b"BYE:7", later_s), later_s)
    assert len(messages._seen) == 1
