"""What the tests of both WebSocket protocols share: the tables of docs/protocols.md, and whatever may come."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence

from hypothesis import strategies as st

from telephony.protocols.messages import ClientMessage, ServiceMessage
from tests.clients import ROOT

Table = dict[str, list[str]]

_PAGE = (ROOT / "docs" / "protocols.md").read_text(encoding="utf-8")
_NAME = re.compile(r"`(\w+)`")


def documented(title: str) -> tuple[Table, Table]:
    """Types of messages and their fields, as a chapter of docs/protocols.md has them: the client's, the service's."""
    client, service = (
        {
            name: _NAME.findall(fields)
            for name, fields in re.findall(r"^\| `(\w+)` \| (.*?) ?\| .* \|$", table, re.MULTILINE)
        }
        for table in re.findall(r"^\| (?:Client|Service) sends \|.*?\n\n", _chapter(title), re.MULTILINE | re.DOTALL)
    )
    return client, service


def documented_codes(title: str) -> set[str]:
    """Codes of errors, as a chapter of docs/protocols.md has them."""
    table = _chapter(title).partition("| Code |")[2]
    return {code for row in re.findall(r"^\| (`.*?) \| ", table, re.MULTILINE) for code in _NAME.findall(row)}


def _chapter(title: str) -> str:
    (chapter,) = re.findall(rf"^## {title}\b.*?(?=^## |\Z)", _PAGE, re.MULTILINE | re.DOTALL)
    return str(chapter)


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
