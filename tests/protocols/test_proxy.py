"""The line in which a balancer says whose connection it passes on."""

from __future__ import annotations

import pytest

from telephony.protocols import proxy
from telephony.protocols.telephone import WireError


@pytest.mark.parametrize(
    ("line", "address"),
    [
        (b"PROXY TCP4 10.0.0.7 10.0.0.1 40000 8090\r\n", "10.0.0.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 8090\r\n", "2001:db8::7"),
        (b"PROXY TCP6 ::ffff:10.0.0.7 ::ffff:10.0.0.1 40000 8090\r\n", "10.0.0.7"),
    ],
)
def test_the_proxy_line_names_the_client(line: bytes, address: str) -> None:
    assert proxy.source(line) == address


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY TCP4 10.0.0.7 10.0.0.1 40000 8090\n",
        b"PROXY TCP4 10.0.0.777 10.0.0.1 40000 8090\r\n",
        b"PROXY UDP4 10.0.0.7 10.0.0.1 40000 8090\r\n",
        b"PROXY TCP4 10.0.0.7 10.0.0.1 40000\r\n",
        b"GET / HTTP/1.1 a b c\r\n",
        b"\xff" * 107,
        b"",
    ],
)
def test_any_other_line_names_nobody(line: bytes) -> None:
    with pytest.raises(WireError):
        proxy.source(line)


def test_a_line_is_read_to_its_end_and_no_further_than_it_can_be_one() -> None:
    line = b"PROXY TCP4 10.0.0.7 10.0.0.1 40000 8090\r\n"
    assert all(proxy.may_become_a_line(line[:length]) for length in range(len(line)))
    assert not proxy.may_become_a_line(line)
    assert not proxy.may_become_a_line(b"\0\0\0\x017")
    assert not proxy.may_become_a_line(b"PROXY " + bytes(101))
