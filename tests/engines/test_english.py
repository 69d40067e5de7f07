"""English phonemes without spaCy, and without dictionaries in memory, against misaki with both."""

from __future__ import annotations

import importlib.metadata
import json
import pydoc_data.topics
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench import texts
from telephony.engines.kokoro.dictionary import Dictionary
from telephony.engines.kokoro.english import EnglishG2P, align
from telephony.engines.kokoro.tagger import MODEL, Tagger
from telephony.engines.kokoro.tokenizer import Token

SPOKEN_CASES = Path(__file__).parent.parent / "text" / "cases"
MISAKI_DATA = Path(str(importlib.metadata.distribution("misaki").locate_file("misaki/data")))

TEMPLATES = """
Your order {n} ships on {date}, and it costs {money}.
please call me back at {phone} before {time}
"I've told you," she said -- "it wasn't {n} but {money}!"
We'll e-mail {email} (or visit {url}); isn't that what y'all'd like?
the P.I.N. isn't {n}, it's A {n}... 👍 okay :-)
Dr. O'Neill’s appointment — {date}, {time} — can’t be moved.
{money}/month, {n}% off, up to {n}km/h, {n}-{n} pp., #{n} & co.
He read the record in {n}; they've lived there since the '90s.
IT SAYS THE TO IN AN AM USED {n} VS. {n}
i used to live at {n} baker st. apt. {n}b do you want it or not
Look: «{url}», “{email}”, ‘{time}’, <{n}>, [{n}], {{{n}}}.
It's {time}\tor {time}\nor  later…   then again, {date}?!
[{n}](#a#) of [the two words](-1) in [Kokoro](/kˈOkəɹO/) or [record](+2)  said [  {n}  apples ](0.5).
""".strip().splitlines()


def generated(count: int) -> Iterator[str]:
    """What a telephone service is given to say, and worse."""
    dice = random.Random(7)
    for _ in range(count):
        text = dice.choice(TEMPLATES)
        for name, choices in {
            "{n}": [
                str(dice.randrange(10 ** dice.randint(1, 7))),
                f"{dice.randint(1, 9)}.{dice.randint(0, 99)}",
                "1,200",
            ],
            "{money}": [f"${dice.randint(1, 9999)}.{dice.randint(10, 99)}", f"£{dice.randint(1, 50)}", "US$5", "€3,50"],
            "{date}": ["May 3rd", "03/05/2026", "the 3rd of May", "Mon., Sept. 9th", "2026-05-03"],
            "{time}": ["4:30pm", "10 a.m.", "16:45", "half past two", "noon"],
            "{phone}": ["+1 (555) 010-1234", "555.0101", "0800-123-456"],
            "{email}": ["a.b@example.com", "info@example.co.uk", "<x_y+z@mail.example.org>"],
            "{url}": ["https://example.com/a?b=1#c", "www.example.org", "example.co/it's", "ftp://x.y"],
        }.items():
            while name in text:
                text = text.replace(name, dice.choice(choices), 1)
        yield text
    letters = " \t\n\u00a0aAbBIxXzZ0129.,;:!?'\"’“”()[]{}-–—_/\\@#$£€%&*+=<>~^…°éßİΣςЖ中😀ˈ"
    for _ in range(count // 2):
        yield "".join(dice.choice(letters) for _ in range(dice.randint(1, 40)))


@cache
def english() -> list[str]:
    """Some thousand texts: the project's own, what packages say of themselves, Python's manual, generated ones."""
    found = [*texts.ENGLISH, *texts.LATENCY.values()]
    for path in sorted(SPOKEN_CASES.glob("en-*/*.tsv")):
        found += [text for line in path.read_text(encoding="utf-8").splitlines() for text in line.split("\t")]
    prose = list(pydoc_data.topics.topics.values())
    prose += [str(package.read_text("METADATA") or "") for package in list(importlib.metadata.distributions())[:40]]
    sentences = {
        match.group() for text in prose for match in re.finditer(r"[^\n](?:[^\n]|\n(?=\w)){9,199}?[.?!:]\s", text)
    }
    found += random.Random(7).sample(sorted(sentences), min(950, len(sentences)))
    return [*found, *generated(400)]


def outcome(convert: Callable[[str], tuple[str, list[Any]]], text: str) -> object:
    """Phonemes, and those of each token; or what kind of error. misaki has some for texts that nobody says."""
    try:
        phonemes, tokens = convert(text)
    except Exception as error:  # noqa: BLE001 - the same one is wanted of both
        return type(error)
    return phonemes, [(token.text, token.tag, token.whitespace, token.phonemes) for token in tokens]


@pytest.fixture(scope="module")
def with_spacy() -> Callable[[str], Any]:
    """spaCy's own pipeline. It and the tagger are asked once for each text."""
    import spacy

    return cache(spacy.load(MODEL, enable=["tok2vec", "tagger"]))


@pytest.fixture(scope="module")
def tagger() -> Callable[[str], list[Token]]:
    return cache(Tagger())


@pytest.mark.model
def test_tokens_and_their_tags_are_spacys(
    with_spacy: Callable[[str], Any], tagger: Callable[[str], list[Token]]
) -> None:
    assert len(english()) >= 2000
    for text in english():
        tokens = [(token.text, token.tag_, token.whitespace_) for token in tagger(text)]
        assert tokens == [(token.text, token.tag_, token.whitespace_) for token in with_spacy(text)], text
    assert not tagger("")


@pytest.mark.model
@pytest.mark.parametrize("british", [False, True])
def test_phonemes_are_misakis(
    british: bool,
    with_spacy: Callable[[str], Any],
    tagger: Callable[[str], list[Token]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from bench import reference

    monkeypatch.setattr("spacy.load", lambda name, enable: with_spacy)
    plain = reference.SpacyG2P(british)
    converter = EnglishG2P(british, tagger, named=False)
    for text in english():
        assert outcome(converter, text) == outcome(plain, text), text


@pytest.mark.model
def test_words_are_aligned_with_tokens_as_spacy_does(tagger: Callable[[str], list[Token]]) -> None:
    from misaki.en import G2P
    from spacy.training import Alignment

    for text in english():
        written, words, _ = G2P.preprocess(text)
        tokens = [token.text for token in tagger(written)]
        try:
            expected = Alignment.from_strings(words, tokens).y2x.data
        except ValueError:  # lower case depends on what stands around a letter, as in Greek
            continue
        assert align(words, tokens).y2x.data.tolist() == expected.tolist(), text


@pytest.mark.model
@pytest.mark.parametrize("name", ["us_gold", "us_silver", "gb_gold", "gb_silver"])
def test_every_word_of_a_dictionary_is_found_in_its_file(name: str) -> None:
    from misaki.en import Lexicon

    path = MISAKI_DATA / f"{name}.json"
    expected = Lexicon.grow_dictionary(json.loads(path.read_text(encoding="utf-8")))
    dictionary = Dictionary(path)
    assert len(expected) > 100_000
    wrong = [word for word, value in expected.items() if dictionary.get(word) != value]
    wrong += [word for word in map(str.upper, list(expected)[::10]) if dictionary.get(word) != expected.get(word)]
    wrong += [word for word in map("{}q".format, list(expected)[::10]) if dictionary.get(word) != expected.get(word)]
    assert not wrong


def test_a_dictionary_is_searched_where_it_lies(tmp_path: Path) -> None:
    entries = {
        "Ann": "ˈæn",
        "B": "bˈi",
        "a": "ɐ",
        "read": {"DEFAULT": "ɹˈid", "VBD": "ɹˈɛd", "None": None},
        "zoo": "zˈu",
    }
    (tmp_path / "words.json").write_text(json.dumps(entries, indent=2, ensure_ascii=False), encoding="utf-8")
    dictionary = Dictionary(tmp_path / "words.json")
    assert {word: dictionary[word] for word in entries} == entries
    assert dictionary.get("ann") == entries["Ann"]  # the other case, where there is no other entry
    assert dictionary.get("Read") == entries["read"]
    for missing in ("", "A", "b", "READ", "aa", "zoos", "ˈæn", "DEFAULT", '"', "\n", "{", "é"):
        assert missing not in dictionary
        with pytest.raises(KeyError):
            dictionary[missing]


def test_speaking_english_imports_neither_spacy_nor_what_else_is_heavy() -> None:
    program = """
import sys
from telephony.engines.kokoro.g2p import G2P
g2p = G2P()
for language in "abe":
    assert g2p.phonemes("Hello [there](/ðˈɛɹ/), zyxqul.", language)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
    imported = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "misaki" in imported
    heavy = {"spacy", "thinc", "torch", "transformers", "kokoro", "joblib", "segments", "csvw", "srsly", "loguru"}
    assert not heavy & set(imported)


def test_a_language_takes_one_more_copy_of_espeak() -> None:
    """phonemizer copies the library for each look at it, and lets none go."""
    if not Path("/proc/self/maps").exists():
        pytest.skip("only Linux says what is mapped")
    code = """
from telephony.engines.kokoro.g2p import G2P
copies = lambda: len({line.split()[5] for line in open("/proc/self/maps") if "libespeak-ng" in line})
g2p = G2P()
before = copies()
g2p.phonemes("Hola.", "e")
g2p.phonemes("Ciao.", "i")
print(copies() - before)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["2"]
