"""spaCy's tokenizer: the same tokens from the same rules, without spaCy.

The rules are the model package's own (`tokenizer`, written by spaCy's `Tokenizer.to_bytes`): patterns of prefixes,
suffixes, infixes and URLs, and exceptions. The algorithm is that of spaCy 3.8, `spacy/tokenizer.pyx` (MIT), without its
caches, and without `token_match`, which English has not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgpack

_ORTH, _NORM = 65, 67  # spaCy's symbols for a token's text and its normal form
_RUNS = re.compile(r"\s+|\S+")


@dataclass
class Token:
    """A token, with the names that spaCy has for its fields."""

    text: str
    norm: str | None = None  # where an exception says it
    whitespace_: str = ""  # a space if one follows, which is then no token
    tag_: str = ""  # the fine-grained part of speech, once tagged


class Tokenizer:
    """Divides text into tokens. Never changes after its construction; any thread."""

    def __init__(self, path: Path) -> None:
        """Reads a model's `tokenizer` file."""
        rules = msgpack.unpackb(path.read_bytes(), strict_map_key=False)
        self._prefix = re.compile(rules["prefix_search"])
        self._suffix = re.compile(rules["suffix_search"])
        self._infix = re.compile(rules["infix_finditer"])
        self._url = re.compile(rules["url_match"])
        self._exceptions: dict[str, list[tuple[str, str | None]]] = {
            text: [(token[_ORTH], token.get(_NORM)) for token in tokens] for text, tokens in rules["exceptions"].items()
        }
        # Exceptions that the patterns would take apart, as they do so: found again among the tokens of a text.
        self._sequences = {
            tuple(token.text for token in self._divide(text, {}))
            for text in self._exceptions
            if " " in text or any(pattern.search(text) for pattern in (self._prefix, self._suffix, self._infix))
        }
        self._lengths = {len(sequence) for sequence in self._sequences}

    def __call__(self, text: str) -> list[Token]:
        """The tokens of a text; with their whitespace they are the text again."""
        return list(self._with_exceptions(self._divide(text, self._exceptions)))

    def _divide(self, text: str, exceptions: dict[str, list[tuple[str, str | None]]]) -> list[Token]:
        """Tokens by whitespace, affixes and the exceptions given. `Tokenizer._tokenize_affixes` of spaCy."""
        tokens: list[Token] = []
        for match in _RUNS.finditer(text):
            run = match.group()
            if run[0] == " " and tokens:
                tokens[-1].whitespace_ = " "
                run = run[1:]
            if run:
                tokens += self._parts(run, exceptions)
        return tokens

    def _parts(self, text: str, exceptions: dict[str, list[tuple[str, str | None]]]) -> list[Token]:
        """Tokens of what has no whitespace inside. spaCy's `_split_affixes` and `_attach_tokens`."""
        prefixes: list[str] = []
        suffixes: list[str] = []
        size = 0
        while len(text) != size and text not in exceptions:
            size = len(text)
            found = self._prefix.search(text)
            start = found.end() - found.start() if found else 0
            if start and text[start:] in exceptions:
                prefixes.append(text[:start])
                text = text[start:]
                break
            found = self._suffix.search(text[start:])
            end = size - (found.end() - found.start() if found else 0)
            if end < size and text[:end] in exceptions:
                suffixes.append(text[end:])
                text = text[:end]
                break
            if start:
                prefixes.append(text[:start])
            if end < size:
                suffixes.append(text[end:])
            text = text[start:end]
        if text in exceptions:
            middle = [Token(orth, norm) for orth, norm in exceptions[text]]
        elif self._url.match(text):
            middle = [Token(text)]
        else:
            middle = [Token(part) for part in self._between_infixes(text)]
        return [*map(Token, prefixes), *middle, *map(Token, reversed(suffixes))]

    def _between_infixes(self, text: str) -> Iterator[str]:
        start = 0
        for match in self._infix.finditer(text):
            if match.start() > 0:  # one at the very beginning divides nothing
                yield from filter(None, (text[start : match.start()], match.group()))
                start = match.end()
        if text[start:]:
            yield text[start:]

    def _with_exceptions(self, tokens: list[Token]) -> Iterator[Token]:
        """Exceptions in place of the tokens that make them up, the longest first. spaCy's `_apply_special_cases`."""
        texts = [token.text for token in tokens]
        spans = [
            (start, start + length)
            for start in range(len(texts))
            for length in self._lengths
            if tuple(texts[start : start + length]) in self._sequences
        ]
        ends: dict[int, int] = {}
        seen: set[int] = set()
        for start, end in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
            if start not in seen and end - 1 not in seen:
                ends[start] = end
            seen.update(range(start, end))
        index = 0
        while index < len(tokens):
            end = ends.get(index, index + 1)
            span = tokens[index:end]
            text = "".join(token.text + token.whitespace_ for token in span).removesuffix(span[-1].whitespace_)
            if index in ends and text in self._exceptions:
                whitespace = span[-1].whitespace_
                span = [Token(orth, norm) for orth, norm in self._exceptions[text]]
                span[-1].whitespace_ = whitespace
            yield from span
            index = end
