"""Signed addresses and byte ranges: what is recognised, and that nothing else is."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.protocols import byte_ranges
from telephony.protocols.byte_ranges import UnsatisfiableError
from telephony.protocols.sound_url import SignatureError, UrlSigner

texts = st.text(st.characters(codec="utf-8"))


@given(st.dictionaries(texts.filter(lambda name: name not in ("sig", "exp")), texts), texts)
def test_what_was_signed_is_recognised_however_it_is_written_and_nothing_else(
    parameters: dict[str, str], other: str
) -> None:
    name, _, query = UrlSigner("new,old").sign("say.wav", parameters, 100).partition("?")
    again = "&".join(
        f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in reversed(parse_qsl(query, True))
    )
    for written in (query, again):
        assert UrlSigner("new,old").signed_by(f"/prefix/{name}", written, 99.0) == 0
        assert UrlSigner("newer,new").signed_by(f"/{name}", written, 99.0) == 1
    for signer, path, changed, now_s in (
        (UrlSigner("old"), "/say.wav", query, 99.0),
        (UrlSigner("new"), "/say.mp3", query, 99.0),
        (UrlSigner("new"), "/say.wav", f"{query}&voice={quote(other)}", 99.0),
        (UrlSigner("new"), "/say.wav", query, 100.0),
    ):
        with pytest.raises(SignatureError):
            signer.signed_by(path, changed, now_s)


def test_an_address_without_a_time_holds_as_long_as_its_key() -> None:
    query = UrlSigner("key").sign("say.wav", {"text": "Hello."}).partition("?")[2]
    assert UrlSigner("key").signed_by("/say.wav", query, 1e12) == 0
    assert UrlSigner("key").signed_by("/say.wav", "text=Hello.", 0.0) is None


@given(st.text(st.characters(codec="latin-1")) | st.from_regex(r"bytes=\d*-\d*", fullmatch=True), st.integers(0, 1000))
def test_a_range_is_within_the_bytes(header: str, size: int) -> None:
    try:
        positions = byte_ranges.wanted(header, size)
    except UnsatisfiableError:
        return
    assert positions is None or 0 <= positions.start < positions.stop <= size


@pytest.mark.parametrize(
    ("tags", "known"), [('"a"', True), ('W/"a", "b"', True), ("*", True), ('"b"', False), ("", False)]
)
def test_tags_that_a_client_knows(tags: str, known: bool) -> None:
    assert byte_ranges.is_known(tags, '"a"') is known
