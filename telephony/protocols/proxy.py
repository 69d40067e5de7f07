"""The PROXY protocol, version 1, sans-I/O: the line in which a balancer says whose connection it passes on."""

from __future__ import annotations

import ipaddress

from telephony.protocols.telephone import WireError

_MAX_LINE_BYTES = 107
_BEGINNING = b"PROXY "


def may_become_a_line(received: bytes) -> bool:
    """Whether more bytes are needed to know what a line says."""
    begins = received[: len(_BEGINNING)] == _BEGINNING[: len(received)]
    return begins and not received.endswith(b"\n") and len(received) < _MAX_LINE_BYTES


def source(line: bytes) -> str:
    """The address of the client that a line names, such as `PROXY TCP4 10.0.0.7 10.0.0.1 40000 8090\\r\\n`.

    An IPv4 address that is written as IPv6 comes back as IPv4.

    Raises:
        WireError: it is no such line, or names nobody.
    """
    words = line.decode("ascii", "replace").split(" ")
    if not line.endswith(b"\r\n") or len(words) != 6 or words[0] != "PROXY" or words[1] not in ("TCP4", "TCP6"):
        raise WireError("a balancer did not say whose connection it is: no PROXY line of version 1")
    try:
        address = ipaddress.ip_address(words[2])
    except ValueError:
        raise WireError("the PROXY line names no address") from None
    return str(getattr(address, "ipv4_mapped", None) or address)
