"""What the tests of both WebSocket protocols share: the tables of a protocol's page, and whatever may come."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from types import ModuleType

from hypothesis import strategies as st

from telephony.protocols.messages import ClientMessage, ServiceMessage

Table = dict[str, list[str]]


def documented(protocol: ModuleType) -> tuple[Table, Table]:
    """Types of messages and their fields, as the head of a protocol's module has them: the client's, the service's."""
    client, service, *_ = [
        {name: [field for field in fields.split(", ") if field] for name, fields in rows}
        for rows in (
            re.findall(r"^\| `(\w+)` \| (.*?) ?\| .* \|$", table, re.MULTILINE)
            for table in str(protocol.__doc__).split("|---|---|---|")[1:]
        )
    ]
    return client, service


def documented_codes(protocol: ModuleType) -> set[str]:
    """Codes of errors, as the head of the protocol's module has them."""
    table = str(protocol.__doc__).partition("| Code |")[2]
    return {code for row in re.findall(r"^\| (`.*?) \| ", table, re.MULTILINE) for code in re.findall(r"`(\w+)`", row)}


def fields_of(kind: type[ServiceMessage]) -> list[str]:
    """The names of a message's fields, in order."""
    return [field.name for field in dataclasses.fields(kind)]


def anything(kinds: Sequence[type[ClientMessage]]) -> st.SearchStrategy[str | bytes]:
    """Text, bytes, JSON, and objects that are nearly messages of these kinds."""
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
    values = st.recursive(scalars, lambda value: st.lists(value) | st.dictionaries(st.text(), value), max_leaves=5)
    types = st.sampled_from([kind.model_fields["type"].default for kind in kinds])
    names = st.sampled_from(sorted({name for kind in kinds for name in kind.model_fields}))
    near = st.builds(lambda kind, fields: {**fields, "type": kind}, types | values, st.dictionaries(names, values))
    return st.text(st.characters()) | st.binary() | (values | near).map(json.dumps)
